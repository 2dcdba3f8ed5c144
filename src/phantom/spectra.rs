//! What light meets: illuminant, observer, blood, melanin and the dermis, at 10 nm.

/// How many wavelengths are used.
pub const COUNT: usize = 31;

/// One value per wavelength, 400 to 700 nm in steps of 10 nm.
pub type Spectrum = [f64; COUNT];

/// Molar extinction of oxygenated and deoxygenated haemoglobin, 1/(cm M), at
/// 400, 410 … 700 nm: S. Prahl's table (OMLC, 1999), every 20 nm and where
/// the bands turn in between; NaN is filled in by [`fill`].
const HAEMOGLOBIN: [(f64, f64); COUNT] = [
    (266_232.0, 223_296.0),
    (f64::NAN, f64::NAN),
    (480_360.0, 407_560.0),
    (f64::NAN, f64::NAN),
    (102_580.0, 413_280.0),
    (f64::NAN, f64::NAN),
    (44_480.0, 23_389.0),
    (f64::NAN, f64::NAN),
    (26_629.0, 14_550.0),
    (f64::NAN, f64::NAN),
    (20_933.0, 20_862.0),
    (20_035.0, 25_774.0),
    (24_202.0, 31_590.0),
    (39_957.0, 39_036.0),
    (53_236.0, 46_592.0),
    (43_016.0, 53_412.0),
    (32_613.0, 53_788.0),
    (44_496.0, 45_072.0),
    (50_104.0, 37_020.0),
    (14_401.0, 28_324.0),
    (3_200.0, 14_677.0),
    (f64::NAN, f64::NAN),
    (942.0, 6_510.0),
    (f64::NAN, f64::NAN),
    (442.0, 4_345.0),
    (f64::NAN, f64::NAN),
    (320.0, 3_227.0),
    (f64::NAN, f64::NAN),
    (278.0, 2_408.0),
    (f64::NAN, f64::NAN),
    (290.0, 1_794.0),
];

/// Relative power of CIE standard illuminant D65 (ISO/CIE 11664-2).
pub const D65: Spectrum = [
    82.7549, 91.486, 93.4318, 86.6823, 104.865, 117.008, 117.812, 114.861, 115.923, 108.811, 109.354,
    107.802, 104.79, 107.689, 104.405, 104.046, 100.0, 96.3342, 95.788, 88.6856, 90.0062, 89.5991, 87.6987,
    83.2886, 83.6992, 80.0268, 80.2146, 82.2778, 78.2842, 69.7213, 71.6091,
];

/// A function of the wavelength in nm, sampled.
pub fn sampled(value: impl Fn(f64) -> f64) -> Spectrum {
    std::array::from_fn(|i| value(400.0 + 10.0 * i as f64))
}

/// A value missing between two known neighbours, as their geometric mean
/// (extinction spans three decades).
fn fill(at: usize, band: impl Fn((f64, f64)) -> f64) -> f64 {
    let value = band(HAEMOGLOBIN[at]);
    if value.is_nan() { (band(HAEMOGLOBIN[at - 1]) * band(HAEMOGLOBIN[at + 1])).sqrt() } else { value }
}

/// Absorption of whole blood, 1/cm, with 150 g/L haemoglobin of 64 500 g/mol
/// of which the fraction `oxygenation` carries oxygen.
pub fn blood_absorption(oxygenation: f64) -> Spectrum {
    std::array::from_fn(|i| {
        let extinction = oxygenation * fill(i, |pair| pair.0) + (1.0 - oxygenation) * fill(i, |pair| pair.1);
        2.303 * extinction * 150.0 / 64_500.0
    })
}

/// Absorption inside a melanosome, 1/cm: Jacques' 6.6e11 λ^-3.33, turned
/// about 550 nm to another `exponent`.
pub fn melanosome_absorption(exponent: f64) -> Spectrum {
    sampled(|nm| 6.6e11 * 550f64.powf(-3.33) * (nm / 550.0).powf(-exponent))
}

/// Absorption of skin without melanin and blood, 1/cm (Saidi 1992).
pub fn baseline_absorption() -> Spectrum {
    sampled(|nm| 0.244 + 85.3 * (-(nm - 154.0) / 66.2).exp())
}

/// Reduced scattering of the dermis, 1/cm (Jacques 2013, *Phys. Med. Biol.* 58:R37, mean skin).
pub fn reduced_scattering() -> Spectrum {
    sampled(|nm| 46.0 * (0.409 * (nm / 500.0).powi(-4) + 0.591 * (nm / 500.0).powf(-0.702)))
}

/// A bell about `centre` nm with its own width on each side.
pub fn bell(nm: f64, centre: f64, below: f64, above: f64) -> f64 {
    let width = if nm < centre { below } else { above };
    (-0.5 * ((nm - centre) / width).powi(2)).exp()
}

/// The colour-matching functions x̄, ȳ, z̄ of the CIE 1931 observer, by the
/// fits of Wyman, Sloan & Shirley 2013, *J. Comput. Graph. Tech.* 2(2):1.
pub fn observer() -> [Spectrum; 3] {
    [
        sampled(|nm| {
            1.056 * bell(nm, 599.8, 37.9, 31.0) + 0.362 * bell(nm, 442.0, 16.0, 26.7)
                - 0.065 * bell(nm, 501.1, 20.4, 26.2)
        }),
        sampled(|nm| 0.821 * bell(nm, 568.8, 46.9, 40.5) + 0.286 * bell(nm, 530.9, 16.3, 31.1)),
        sampled(|nm| 1.217 * bell(nm, 437.0, 11.8, 36.0) + 0.681 * bell(nm, 459.0, 26.0, 13.8)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blood_absorbs_what_the_published_extinctions_give() {
        // 540 nm, all oxygenated: 2.303 * 53236 * 150 / 64500 = 285.1 /cm.
        assert!((blood_absorption(1.0)[14] - 285.1).abs() < 0.1);
        // 660 nm, S = 0.75: 0.75 * 1.7 + 0.25 * 17.3 = 5.6 /cm.
        assert!((blood_absorption(0.75)[26] - 5.6).abs() < 0.1);
        assert!(blood_absorption(0.6).iter().all(|value| value.is_finite()));
    }

    #[test]
    fn melanin_keeps_its_strength_at_550_nm_when_the_exponent_turns() {
        assert!((melanosome_absorption(3.33)[10] - 679.0).abs() < 3.0);
        assert_eq!(melanosome_absorption(3.0)[15], melanosome_absorption(3.6)[15]);
        assert!(melanosome_absorption(3.6)[0] > melanosome_absorption(3.0)[0]);
    }

    #[test]
    fn daylight_is_white_to_the_observer() {
        // D65 has x = 0.3127, y = 0.3290; the fits and 10 nm steps keep it within 0.003.
        let sums = observer().map(|band| band.iter().zip(D65).map(|(b, d)| b * d).sum::<f64>());
        let total: f64 = sums.iter().sum();
        assert!((sums[0] / total - 0.3127).abs() < 0.003, "{sums:?}");
        assert!((sums[1] / total - 0.3290).abs() < 0.003, "{sums:?}");
    }
}
