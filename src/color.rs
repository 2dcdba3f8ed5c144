//! Colour: sRGB, linear light, CIELAB, optical density, ITA and ΔE2000.
//!
//! Photographs are sRGB (IEC 61966-2-1); CIELAB is relative to D65 with the
//! 2° observer. Linear values are relative to the encoding's white, `0..=1`.

pub mod unmixing;

use std::sync::LazyLock;

pub use unmixing::Unmixing;

/// Three values, in the order red, green, blue.
pub type Rgb = [f32; 3];

/// Linear sRGB to CIE XYZ (D65), IEC 61966-2-1.
pub const XYZ_FROM_LINEAR: [[f32; 3]; 3] = [
    [0.412_456_4, 0.357_576_1, 0.180_437_5],
    [0.212_672_9, 0.715_152_2, 0.072_175],
    [0.019_333_9, 0.119_192, 0.950_304_1],
];

/// The D65 white point, the row sums of [`XYZ_FROM_LINEAR`].
pub const WHITE_D65: [f32; 3] = [0.950_47, 1.0, 1.088_83];

/// The least linear value that a density is taken of: half a step of an
/// 8-bit sRGB photo above black. Below it the density is not a measurement.
pub const DARKEST_LINEAR: f32 = 0.5 / 255.0 / 12.92;

/// Linear light from an sRGB value, both `0..=1`.
pub fn linear_from_srgb(encoded: f32) -> f32 {
    if encoded <= 0.040_45 { encoded / 12.92 } else { ((encoded + 0.055) / 1.055).powf(2.4) }
}

/// An sRGB value from linear light, both `0..=1`; clamped to that range.
pub fn srgb_from_linear(linear: f32) -> f32 {
    let linear = linear.clamp(0.0, 1.0);
    if linear <= 0.003_130_8 { linear * 12.92 } else { 1.055 * linear.powf(1.0 / 2.4) - 0.055 }
}

/// Linear light of each 8-bit sRGB value.
pub static LINEAR_FROM_U8: LazyLock<[f32; 256]> =
    LazyLock::new(|| std::array::from_fn(|value| linear_from_srgb(value as f32 / 255.0)));

/// Linear light of each 16-bit sRGB value.
pub static LINEAR_FROM_U16: LazyLock<Box<[f32]>> =
    LazyLock::new(|| (0..=65535u32).map(|value| linear_from_srgb(value as f32 / 65535.0)).collect());

/// Optical density `-ln(linear)`, natural units, of a linear value; values
/// below [`DARKEST_LINEAR`] are taken as that.
///
/// ```
/// assert!((dermalapse::color::density(0.5) - 0.693_147).abs() < 1e-6);
/// ```
pub fn density(linear: f32) -> f32 {
    -linear.max(DARKEST_LINEAR).ln()
}

/// A colour in CIELAB, D65, 2° observer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lab {
    /// Lightness L*, `0..=100`.
    pub l: f32,
    /// a*, green to red, about `-128..=127`.
    pub a: f32,
    /// b*, blue to yellow, about `-128..=127`.
    pub b: f32,
}

impl Lab {
    /// From linear sRGB.
    pub fn from_linear(rgb: Rgb) -> Self {
        let f: [f32; 3] = std::array::from_fn(|i| {
            let row = XYZ_FROM_LINEAR[i];
            let ratio = (row[0] * rgb[0] + row[1] * rgb[1] + row[2] * rgb[2]) / WHITE_D65[i];
            if ratio > 216.0 / 24389.0 { ratio.cbrt() } else { (24389.0 / 27.0 * ratio + 16.0) / 116.0 }
        });
        Self { l: 116.0 * f[1] - 16.0, a: 500.0 * (f[0] - f[1]), b: 200.0 * (f[1] - f[2]) }
    }

    /// Individual typology angle, degrees, `-180..=180`: the angle of
    /// (b*, L* − 50). Higher is lighter. Chardon, Cretois & Hourseau 1991,
    /// *Int. J. Cosmet. Sci.* 13:191, with `atan2` so that b* ≤ 0 is defined.
    pub fn ita_deg(self) -> f32 {
        (self.l - 50.0).atan2(self.b).to_degrees()
    }
}

/// Skin tone by individual typology angle (Chardon 1991).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SkinTone {
    /// Above 55°.
    VeryLight,
    /// 41° to 55°.
    Light,
    /// 28° to 41°.
    Intermediate,
    /// 10° to 28°.
    Tan,
    /// −30° to 10°.
    Brown,
    /// Below −30°.
    Dark,
}

impl SkinTone {
    /// The band that an individual typology angle, degrees, falls into.
    pub fn from_ita(ita_deg: f32) -> Self {
        match ita_deg {
            angle if angle > 55.0 => Self::VeryLight,
            angle if angle > 41.0 => Self::Light,
            angle if angle > 28.0 => Self::Intermediate,
            angle if angle > 10.0 => Self::Tan,
            angle if angle > -30.0 => Self::Brown,
            _ => Self::Dark,
        }
    }
}

/// Colour difference ΔE2000 with `kL = kC = kH = 1`, 0 upwards; about 1 is
/// just noticeable. Sharma, Wu & Dalal 2005, *Color Res. Appl.* 30:21.
pub fn delta_e_2000(first: Lab, second: Lab) -> f64 {
    let ([l1, a1, b1], [l2, a2, b2]) =
        ([first.l, first.a, first.b].map(f64::from), [second.l, second.a, second.b].map(f64::from));
    let saturation = |chroma: f64| (chroma.powi(7) / (chroma.powi(7) + 25f64.powi(7))).sqrt();
    let g = 0.5 * (1.0 - saturation((a1.hypot(b1) + a2.hypot(b2)) / 2.0));
    let (a1, a2) = ((1.0 + g) * a1, (1.0 + g) * a2);
    let (c1, c2) = (a1.hypot(b1), a2.hypot(b2));
    let hue =
        |a: f64, b: f64| if a == 0.0 && b == 0.0 { 0.0 } else { b.atan2(a).to_degrees().rem_euclid(360.0) };
    let (h1, h2) = (hue(a1, b1), hue(a2, b2));
    let grey = c1 * c2 == 0.0;
    let dh = match h2 - h1 {
        _ if grey => 0.0,
        d if d > 180.0 => d - 360.0,
        d if d < -180.0 => d + 360.0,
        d => d,
    };
    let mean_h = match h1 + h2 {
        sum if grey => sum,
        sum if (h1 - h2).abs() <= 180.0 => sum / 2.0,
        sum if sum < 360.0 => (sum + 360.0) / 2.0,
        sum => (sum - 360.0) / 2.0,
    };
    let (mean_l, mean_c) = ((l1 + l2) / 2.0, (c1 + c2) / 2.0);
    let cos = |degrees: f64| degrees.to_radians().cos();
    let t = 1.0 - 0.17 * cos(mean_h - 30.0) + 0.24 * cos(2.0 * mean_h) + 0.32 * cos(3.0 * mean_h + 6.0)
        - 0.20 * cos(4.0 * mean_h - 63.0);
    let rotation = 60.0 * (-((mean_h - 275.0) / 25.0).powi(2)).exp();
    let r_t = -rotation.to_radians().sin() * 2.0 * saturation(mean_c);
    let offset = (mean_l - 50.0).powi(2);
    let l = (l2 - l1) / (1.0 + 0.015 * offset / (20.0 + offset).sqrt());
    let c = (c2 - c1) / (1.0 + 0.045 * mean_c);
    let h = 2.0 * (c1 * c2).sqrt() * (dh / 2.0).to_radians().sin() / (1.0 + 0.015 * mean_c * t);
    (l * l + c * c + h * h + r_t * c * h).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_is_l_100_and_neutral() {
        let white = Lab::from_linear([1.0; 3]);
        assert!((white.l - 100.0).abs() < 1e-3 && white.a.abs() < 0.01 && white.b.abs() < 0.01);
    }

    /// Patch 1 (dark skin) of the ColorChecker: colour-science 0.4.7 gives
    /// sRGB8 116 79 65 → L* 37.54, a* 14.37 (D50 → D65 adapted within 1 unit).
    #[test]
    fn a_known_skin_patch_has_its_published_lightness() {
        let rgb = [116u8, 79, 65].map(|value| LINEAR_FROM_U8[value as usize]);
        assert!((Lab::from_linear(rgb).l - 37.5).abs() < 0.5);
    }

    #[test]
    fn srgb_and_linear_invert_each_other() {
        for value in 0..=255 {
            let encoded = value as f32 / 255.0;
            assert!((srgb_from_linear(linear_from_srgb(encoded)) - encoded).abs() < 1e-6);
        }
    }

    #[test]
    fn ita_is_defined_where_b_is_zero_or_negative() {
        assert_eq!(Lab { l: 60.0, a: 0.0, b: 0.0 }.ita_deg(), 90.0);
        assert!((Lab { l: 60.0, a: 0.0, b: 10.0 }.ita_deg() - 45.0).abs() < 1e-5);
        assert!(Lab { l: 60.0, a: 0.0, b: -10.0 }.ita_deg() > 90.0);
    }

    /// The 34 pairs of Sharma, Wu & Dalal 2005, table 1.
    #[test]
    fn delta_e_2000_reproduces_every_published_pair() {
        let table = include_str!("../fixtures/reference/delta_e_2000.csv");
        let mut pairs = 0;
        for line in table.lines().filter(|line| !line.starts_with(['#', 'l'])) {
            let v: Vec<f64> = line.split(',').map(|field| field.parse().expect("a number")).collect();
            let lab = |i: usize| Lab { l: v[i] as f32, a: v[i + 1] as f32, b: v[i + 2] as f32 };
            for difference in [delta_e_2000(lab(0), lab(3)), delta_e_2000(lab(3), lab(0))] {
                assert!((difference - v[6]).abs() < 1e-4, "{line}: got {difference}");
            }
            pairs += 1;
        }
        assert_eq!(pairs, 34);
    }
}
