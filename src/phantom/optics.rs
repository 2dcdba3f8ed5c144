//! The colour of skin from its pigments.
//!
//! Light passes the epidermis (an absorbing filter), is scattered back by
//! the dermis (half-infinite, diffusion theory), and leaves through the
//! epidermis and a surface that reflects half of it back inside. It is seen
//! by a camera whose sensitivities are not sRGB's, with a fitted colour
//! matrix, as a real camera's are. None of it is shared with the model
//! behind the unmixing vectors: tests against the phantom are not circular.

use nalgebra::Matrix3;

use super::spectra::{self, COUNT, Spectrum};
use crate::color::XYZ_FROM_LINEAR;

/// Fresnel reflection of skin (n = 1.4) at normal incidence; it never enters.
const FRESNEL: f64 = 0.03;
/// Share of diffuse light that the surface sends back inside, n = 1.4
/// (Groenhuis, Ferwerda & Ten Bosch 1983, *Appl. Opt.* 22:2456).
const INTERNAL_REFLECTION: f64 = 0.53;
/// Mean way of diffuse light through the epidermis, in its thicknesses;
/// chosen by us between 1 (straight) and 2 (isotropic), as the epidermis scatters forward.
const DIFFUSE_PATH: f64 = 1.3;
/// Centres and standard deviations of the camera's sensitivities R, G, B, nm.
const CAMERA: [(f64, f64); 3] = [(600.0, 36.0), (538.0, 38.0), (458.0, 28.0)];

/// Least linear value that the camera gives: about two 8-bit levels.
const TOE: f64 = 5e-4;

/// Range of the melanosome fraction of the epidermis.
pub const MELANIN_RANGE: (f64, f64) = (5e-4, 0.6);
/// Range of the blood fraction of the dermis.
pub const BLOOD_RANGE: (f64, f64) = (5e-5, 0.3);
/// Nodes of the table along ln melanin and ln blood.
const NODES: (usize, usize) = (96, 96);

/// What skin is made of, apart from how much melanin and blood.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tissue {
    /// Exponent of the melanosome absorption, `3.0..=3.6`.
    pub melanin_exponent: f64,
    /// Thickness of the epidermis, µm, `60..=100`.
    pub epidermis_um: f64,
    /// Fraction of haemoglobin that carries oxygen, `0..=1`.
    pub oxygenation: f64,
}

/// Spectra of one [`Tissue`] and the camera that looks at it.
struct Spectra {
    melanosome: Spectrum,
    blood: Spectrum,
    baseline: Spectrum,
    scattering: Spectrum,
    camera: [Spectrum; 3],
    epidermis_cm: f64,
}

impl Spectra {
    fn new(tissue: Tissue) -> Self {
        Self {
            melanosome: spectra::melanosome_absorption(tissue.melanin_exponent),
            blood: spectra::blood_absorption(tissue.oxygenation),
            baseline: spectra::baseline_absorption(),
            scattering: spectra::reduced_scattering(),
            camera: corrected_camera(),
            epidermis_cm: tissue.epidermis_um * 1e-4,
        }
    }

    /// Reflectance for a melanosome fraction and a blood fraction.
    fn reflectance(&self, melanin: f64, blood: f64) -> Spectrum {
        std::array::from_fn(|i| {
            let epidermis = melanin * self.melanosome[i] + (1.0 - melanin) * self.baseline[i];
            let dermis = blood * self.blood[i] + (1.0 - blood) * self.baseline[i];
            let behind = half_infinite(dermis, self.scattering[i]);
            let depth = epidermis * self.epidermis_cm;
            let (inwards, across) = ((-depth).exp(), (-DIFFUSE_PATH * depth).exp());
            (1.0 - FRESNEL) * inwards * behind * across * (1.0 - INTERNAL_REFLECTION)
                / (1.0 - INTERNAL_REFLECTION * across * across * behind)
        })
    }

    fn linear(&self, melanin: f64, blood: f64) -> [f64; 3] {
        let reflectance = self.reflectance(melanin, blood);
        self.camera.map(|band| band.iter().zip(reflectance).map(|(b, r)| b * r).sum::<f64>()).map(toe)
    }
}

/// A smooth floor of about [`TOE`]: the colour matrix takes deep browns, whose
/// blue sRGB cannot show, below 0.
fn toe(linear: f64) -> f64 {
    0.5 * (linear + linear.hypot(2.0 * TOE))
}

/// Diffuse reflectance of a half-infinite medium behind a matched boundary,
/// from absorption and reduced scattering, 1/cm (Flock et al. 1989,
/// *IEEE Trans. Biomed. Eng.* 36:1162).
fn half_infinite(absorption: f64, scattering: f64) -> f64 {
    let albedo = scattering / (scattering + absorption);
    albedo / (1.0 + 2.0 * (1.0 - albedo) + 5.0 / 3.0 * (3.0 * (1.0 - albedo)).sqrt())
}

/// Weights of reflectance at each wavelength in linear sRGB, as the camera
/// after its colour matrix sees it under D65. White is 1, 1, 1.
fn corrected_camera() -> [Spectrum; 3] {
    let raw =
        CAMERA.map(|(centre, width)| lit(spectra::sampled(|nm| spectra::bell(nm, centre, width, width))));
    let matrix = colour_matrix(&raw, &ideal_camera());
    std::array::from_fn(|c| std::array::from_fn(|i| (0..3).map(|k| matrix[(c, k)] * raw[k][i]).sum()))
}

/// A sensitivity times D65, scaled so that white gives 1.
fn lit(band: Spectrum) -> Spectrum {
    let product: Spectrum = std::array::from_fn(|i| band[i] * spectra::D65[i]);
    let sum: f64 = product.iter().sum();
    product.map(|value| value / sum)
}

/// Weights of reflectance in linear sRGB for the standard observer.
fn ideal_camera() -> [Spectrum; 3] {
    let to_xyz = Matrix3::from_fn(|row, column| f64::from(XYZ_FROM_LINEAR[row][column]));
    let to_linear = to_xyz.try_inverse().expect("the primaries of sRGB are independent");
    let observer = spectra::observer();
    std::array::from_fn(|c| {
        let band = std::array::from_fn(|i| (0..3).map(|k| to_linear[(c, k)] * observer[k][i]).sum());
        lit(band)
    })
}

/// The 3×3 matrix that brings `raw` closest to `ideal` over smooth
/// reflectances (cosines of falling weight), with white kept.
fn colour_matrix(raw: &[Spectrum; 3], ideal: &[Spectrum; 3]) -> Matrix3<f64> {
    let cosine = |order: usize, i: usize| {
        (std::f64::consts::PI * order as f64 * i as f64 / (COUNT - 1) as f64).cos() / (1.0 + order as f64)
    };
    let seen = |band: &Spectrum, order: usize| (0..COUNT).map(|i| band[i] * cosine(order, i)).sum::<f64>();
    let product = |left: &[Spectrum; 3]| {
        Matrix3::from_fn(|a, b| (0..7).map(|order| seen(&left[a], order) * seen(&raw[b], order)).sum::<f64>())
    };
    let fitted: Matrix3<f64> =
        product(ideal) * product(raw).try_inverse().expect("the sensitivities are independent");
    let sums: [f64; 3] = std::array::from_fn(|row| fitted.row(row).sum());
    Matrix3::from_fn(|row, column| fitted[(row, column)] / sums[row])
}

/// Optical density of skin over its melanin and blood, tabulated.
#[derive(Debug, Clone, PartialEq)]
pub struct SkinColor {
    /// `[channel][melanin node * blood nodes + blood node]`, natural units.
    density: [Vec<f32>; 3],
}

impl SkinColor {
    /// The colours of a tissue.
    pub fn new(tissue: Tissue) -> Self {
        let spectra = Spectra::new(tissue);
        let node = |range: (f64, f64), count: usize, i: usize| {
            range.0 * (range.1 / range.0).powf(i as f64 / (count - 1) as f64)
        };
        let mut density: [Vec<f32>; 3] = Default::default();
        for melanin in 0..NODES.0 {
            for blood in 0..NODES.1 {
                let linear =
                    spectra.linear(node(MELANIN_RANGE, NODES.0, melanin), node(BLOOD_RANGE, NODES.1, blood));
                density.iter_mut().zip(linear).for_each(|(plane, value)| plane.push(-value.ln() as f32));
            }
        }
        Self { density }
    }

    /// Optical density (`-ln` linear sRGB) in one channel, of a melanosome
    /// fraction and a blood fraction; both are held to their ranges.
    pub fn density(&self, channel: usize, melanin: f32, blood: f32) -> f32 {
        let (column, fx) = place(blood, BLOOD_RANGE, NODES.1);
        let (row, fy) = place(melanin, MELANIN_RANGE, NODES.0);
        let table = &self.density[channel];
        let above = &table[row * NODES.1 + column..];
        let below = &table[(row + 1) * NODES.1 + column..];
        let top = above[0] + (above[1] - above[0]) * fx;
        let bottom = below[0] + (below[1] - below[0]) * fx;
        top + (bottom - top) * fy
    }

    /// Optical density in the three channels.
    pub fn densities(&self, melanin: f64, blood: f64) -> [f64; 3] {
        std::array::from_fn(|channel| f64::from(self.density(channel, melanin as f32, blood as f32)))
    }

    /// Linear sRGB under a light that makes white 1, without surface reflection.
    pub fn linear(&self, melanin: f64, blood: f64) -> [f64; 3] {
        self.densities(melanin, blood).map(|density| (-density).exp())
    }
}

/// The node below `value` on a logarithmic axis, and the way to the next, `0..=1`.
fn place(value: f32, range: (f64, f64), nodes: usize) -> (usize, f32) {
    let (low, high) = (range.0.ln() as f32, range.1.ln() as f32);
    let at = ((value.ln() - low) / (high - low)).clamp(0.0, 1.0) * (nodes - 1) as f32;
    let node = (at as usize).min(nodes - 2);
    (node, at - node as f32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::color::{Lab, srgb_from_linear};

    const THIN: Tissue = Tissue { melanin_exponent: 3.33, epidermis_um: 60.0, oxygenation: 0.75 };

    fn srgb(color: &SkinColor, melanin: f64, blood: f64) -> [f32; 3] {
        color.linear(melanin, blood).map(|value| 255.0 * srgb_from_linear(value as f32))
    }

    /// Colours of a two-layer Monte Carlo simulation of the same tissue
    /// (60 µm, 0.3 % blood, S = 0.75) for the sRGB observer; this model is
    /// another one, so it may differ by a few levels but not by a tone.
    #[test]
    fn colours_lie_near_those_of_an_independent_simulation() {
        let color = SkinColor::new(THIN);
        for (melanin, expected) in [
            (0.01, [193.0, 172.0, 149.0]),
            (0.03, [178.0, 151.0, 121.0]),
            (0.08, [152.0, 119.0, 80.0]),
            (0.20, [112.0, 74.0, 34.0]),
        ] {
            let got = srgb(&color, melanin, 0.003);
            for (value, wanted) in got.iter().zip(expected) {
                assert!((value - wanted).abs() < 8.0, "{melanin}: {got:?} is not near {expected:?}");
            }
        }
    }

    #[test]
    fn more_melanin_is_darker_and_more_blood_is_redder() {
        let color = SkinColor::new(THIN);
        let lab = |melanin, blood| Lab::from_linear(color.linear(melanin, blood).map(|v| v as f32));
        for tone in [0.01, 0.03, 0.1, 0.3] {
            assert!(lab(tone * 1.3, 0.004).l < lab(tone, 0.004).l - 0.5);
            assert!(lab(tone, 0.008).a > lab(tone, 0.004).a + 0.5);
        }
    }

    #[test]
    fn white_stays_white_through_the_camera() {
        for band in corrected_camera() {
            assert!((band.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn the_table_agrees_with_the_spectral_sum_between_its_nodes() {
        let (color, spectra) = (SkinColor::new(THIN), Spectra::new(THIN));
        for (melanin, blood) in [(0.0123, 0.00345), (0.0876, 0.0191), (0.333, 0.00123)] {
            let exact = spectra.linear(melanin, blood).map(|value| -value.ln());
            for (got, wanted) in color.densities(melanin, blood).iter().zip(exact) {
                assert!((got - wanted).abs() < 1e-3, "{got} {wanted}");
            }
        }
    }

    #[test]
    fn what_lies_outside_the_ranges_is_held_to_them() {
        let color = SkinColor::new(THIN);
        assert_eq!(color.density(1, 9.0, 9.0), color.density(1, 0.6, 0.3));
        assert!(color.density(2, 0.0, 0.0).is_finite());
    }
}
