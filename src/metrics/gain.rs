//! How far a metric moves when the camera's colour gains do, or the height of the lamp.

use crate::color::{Lab, Rgb, Unmixing};

/// Linear light of medium skin, red, green, blue: only the balance between
/// the channels is used.
const MEDIUM_SKIN: Rgb = [0.445, 0.31, 0.19];

/// A step in the logarithm of a gain, for derivatives.
const STEP: f32 = 0.01;

/// Derivatives of a metric by the logarithms of the red, green and blue gain,
/// for skin of mean lightness `l_star`, CIELAB L*.
///
/// Exact for densities, whose gains only shift them; for CIELAB those of skin
/// of that lightness and a medium balance of channels, which is near enough
/// for an error bar. Metrics of differences within a photo have none: a gain
/// moves a place and its surroundings alike.
pub fn log_gain_derivatives(metric: &str, l_star: f64) -> [f64; 3] {
    let [melanin, hemoglobin, _] = Unmixing::at(Lab::from_linear(skin_of(l_star)).ita_deg().into()).rows();
    let density = |row: Rgb| row.map(|weight| f64::from(-weight));
    match metric {
        "redness.a_star_mean" => of_lab(l_star, |lab| lab.a),
        "redness.erythema_index" => [100.0 / std::f64::consts::LN_10, -100.0 / std::f64::consts::LN_10, 0.0],
        "redness.hemoglobin_index" => density(hemoglobin),
        "pigmentation.l_star_mean" => of_lab(l_star, |lab| lab.l),
        "pigmentation.ita_deg" => of_lab(l_star, Lab::ita_deg),
        "pigmentation.melanin_index" => density(melanin),
        _ => [0.0; 3],
    }
}

/// How far a metric of relief moves, at most, per unit of the logarithm of the
/// contrast that light gives to all relief alike: a lamp that is lowered from
/// 40° to 33° draws every furrow by a fifth more.
///
/// `value` is the metric's. Contrasts follow in proportion and their squares
/// twice; of the grey-level features these are bounds: of a matrix that is
/// spread by a share in both directions, twice that for the second moment and
/// two bits per factor of e for the entropy, in nats; and, since
/// `E[x (1 - x)] ≤ E[x] (1 - E[x])`, `2 v (1 - v)` of what lies between 0 and 1. What
/// is counted beyond a threshold follows more steeply, by the fourth power
/// or so: pores of drawn skin by 4 to 7, wrinkles by 2 to 4, scars by 2.
pub fn log_relief_derivative(metric: &str, value: f64) -> f64 {
    const COUNTED: f64 = 4.0;
    let Some((family, what)) = metric.split_once('.') else { return 0.0 };
    match (family, what) {
        ("texture", "glcm_contrast" | "glcm_angular_second_moment") => 2.0 * value,
        ("texture", "glcm_joint_entropy") => 2.0 / std::f64::consts::LN_2,
        ("texture", "glcm_correlation" | "glcm_inverse_difference_moment" | "anisotropy") => {
            2.0 * value * (1.0 - value)
        }
        ("texture", _) => value,
        ("wrinkles", "width_median_um") | ("pores", "diameter_median_um") => value,
        ("scars", "shading_contrast") => value,
        ("pores" | "wrinkles" | "scars" | "stretch_marks" | "inflammation", _) => COUNTED * value,
        _ => 0.0,
    }
}

fn of_lab(l_star: f64, measure: impl Fn(Lab) -> f32) -> [f64; 3] {
    let skin = skin_of(l_star);
    std::array::from_fn(|channel| {
        let at = |step: f32| {
            let mut light = skin;
            light[channel] *= step.exp();
            f64::from(measure(Lab::from_linear(light)))
        };
        (at(STEP) - at(-STEP)) / f64::from(2.0 * STEP)
    })
}

/// Medium skin made as light as `l_star`.
fn skin_of(l_star: f64) -> Rgb {
    let luminance = |l: f64| ((l.max(1.0) + 16.0) / 116.0).powi(3);
    let ratio = luminance(l_star) / luminance(Lab::from_linear(MEDIUM_SKIN).l.into());
    MEDIUM_SKIN.map(|light| light * ratio as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gain_common_to_all_channels_moves_lightness_alone() {
        let common = |metric: &str| log_gain_derivatives(metric, 60.0).iter().sum::<f64>();
        // L* = 116·Y^⅓ − 16, so dL*/d ln Y = (L* + 16) / 3.
        assert!((common("pigmentation.l_star_mean") - 76.0 / 3.0).abs() < 0.05);
        for metric in ["redness.erythema_index", "redness.hemoglobin_index", "pigmentation.melanin_index"] {
            assert!(common(metric).abs() < 1e-3, "{metric}");
        }
        assert_eq!(log_gain_derivatives("pores.area_fraction", 60.0), [0.0; 3]);
    }

    #[test]
    fn relief_that_all_grows_alike_moves_contrasts_and_no_colour() {
        assert_eq!(log_relief_derivative("texture.contrast_fine", 0.03), 0.03);
        assert_eq!(log_relief_derivative("texture.glcm_contrast", 12.0), 24.0);
        assert_eq!(log_relief_derivative("scars.shading_contrast", 0.1), 0.1);
        assert_eq!(log_relief_derivative("redness.a_star_mean", 14.0), 0.0);
        // Grey levels spread by e in both directions: two more nats of entropy.
        assert!((log_relief_derivative("texture.glcm_joint_entropy", 7.0) - 2.885_39).abs() < 1e-5);
    }

    /// By NumPy 2 in f64 from the CIE's formulae, linear light 0.445, 0.31, 0.19.
    #[test]
    fn derivatives_of_medium_skin_agree_with_numpy() {
        let agree = |metric: &str, expected: [f64; 3]| {
            let derivatives = log_gain_derivatives(metric, 64.165);
            derivatives.iter().zip(expected).all(|(d, e)| (d - e).abs() < 0.05)
        };
        assert!(agree("redness.a_star_mean", [32.301, -37.913, 7.417]));
        assert!(agree("pigmentation.l_star_mean", [7.662, 17.949, 1.110]));
    }
}
