//! How far a metric moves when the camera's colour gains do.

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
