//! Whether a layer of colour covers the skin: make-up, tinted cream.
//!
//! A layer hides a share of *everything* below it: the uneven pigment and the
//! uneven blood of ordinary skin lose contrast together, by the same factor.
//! Treatment does not do that: it changes the lesions, or pigment, or blood.

use crate::calibration::reference_skin::content;
use crate::filter::background::background;
use crate::filter::morphology;
use crate::raster::{self, Mask, Plane};

/// Contrast of a pattern in the moving photo over that in the reference.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Contrast {
    /// Of the two spreads.
    pub ratio: f64,
    /// Correlation of the two photos' patterns, `0..=1`.
    pub agreement: f64,
}

impl Contrast {
    /// The most that the ratio may be: all that the patterns do not share is
    /// noise of the reference. Compression leaves more of it in one photo of
    /// faint skin than in the next, and a ratio of spreads counts it as skin;
    /// what skin has in both photos bounds the true ratio by `ratio · r` and
    /// `ratio / r` (Frisch 1934, *Statistical Confluence Analysis*).
    pub fn at_most(&self) -> f64 {
        self.ratio / self.agreement
    }
}

/// Colour contrast of skin in the moving photo over that in the reference, each of pigment and of blood.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SkinContrast {
    /// Of ordinary skin.
    pub ordinary: [Contrast; 2],
    /// Of what stands out of it in either photo; `None` where too little does.
    pub lesions: Option<[Contrast; 2]>,
}

impl SkinContrast {
    /// Of ordinary skin, pigment and blood together: their geometric mean.
    pub fn both(&self) -> f64 {
        self.ordinary.iter().map(|contrast| contrast.ratio).product::<f64>().sqrt()
    }

    /// The contrast of the reference over that of the moving photo.
    pub fn inverted(&self) -> Self {
        let invert = |of: [Contrast; 2]| of.map(|of| Contrast { ratio: 1.0 / of.ratio, ..of });
        Self { ordinary: invert(self.ordinary), lesions: self.lesions.map(invert) }
    }
}

/// Standard deviation of the surroundings that contrast is taken against, cells.
const SURROUNDINGS: f64 = 3.0;

/// Standard deviations within which skin is ordinary: spots and patches are not.
const ORDINARY: f64 = 2.0;

/// Standard deviations from which a cell is of a lesion, and how far its rim
/// reaches, cells: what a lesion does, its rim does too.
const LESION: f64 = 3.0;
const RIM: f64 = 1.5;

/// Fewest cells of ordinary skin: a standard deviation of 100 errs by 7 %.
const FEWEST: usize = 100;

/// Fewest cells of lesions, of pigment and of blood: theirs agree to 0.95 where
/// nothing but a layer comes between, and a dozen then tells a ratio to a tenth.
const FEWEST_OF_LESIONS: usize = 12;

/// The contrast of skin in two photos of the same frame, on planes of
/// linear light (red, green, blue) in cells of about a millimetre; `both` says
/// where both show skin. `None` on too little skin.
pub fn skin_contrast(reference: &[Plane; 3], moving: &[Plane; 3], both: &Mask) -> Option<SkinContrast> {
    let deviations = [reference, moving].map(|light| contents(light, both));
    let mut ordinary = both.clone();
    let mut lesions = [0, 1].map(|_| Mask::from_elem(both.raw_dim(), false));
    for of_photo in &deviations {
        for (plane, lesions) in of_photo.iter().zip(&mut lesions) {
            let spread = spread(plane, both)?;
            let (most, lesion) = (ORDINARY as f32 * spread, LESION as f32 * spread);
            ordinary.zip_mut_with(plane, |inside, value| *inside &= value.abs() < most);
            lesions.zip_mut_with(plane, |inside, value| *inside |= value.abs() > lesion);
        }
    }
    let lesions = lesions.map(|lesions| lesions & both);
    let plain = &ordinary & &!morphology::dilate(&(&lesions[0] | &lesions[1]), RIM);
    if raster::count(&plain) >= FEWEST {
        ordinary = plain;
    }
    let [reference, moving] = &deviations;
    let of = |masks: [&Mask; 2], fewest: usize| -> Option<[Contrast; 2]> {
        let [pigment, blood] = [0, 1].map(|i| {
            let inside = Some(masks[i]).filter(|inside| raster::count(inside) >= fewest)?;
            contrast(&reference[i], &moving[i], inside)
        });
        Some([pigment?, blood?])
    };
    Some(SkinContrast {
        ordinary: of([&ordinary; 2], FEWEST)?,
        lesions: of(lesions.each_ref(), FEWEST_OF_LESIONS),
    })
}

/// The spread of the second plane over that of the first inside the mask, and
/// their correlation, at least hardly any; `None` of an even plane.
fn contrast(first: &Plane, second: &Plane, inside: &Mask) -> Option<Contrast> {
    let mut sums = [0.0f64; 6];
    ndarray::Zip::from(first).and(second).and(inside).for_each(|&a, &b, &inside| {
        if inside {
            let (a, b) = (f64::from(a), f64::from(b));
            sums =
                [sums[0] + 1.0, sums[1] + a, sums[2] + b, sums[3] + a * a, sums[4] + b * b, sums[5] + a * b];
        }
    });
    let [count, a, b, aa, bb, ab] = sums;
    let [var_a, var_b, both] = [aa - a * a / count, bb - b * b / count, ab - a * b / count];
    let (ratio, agreement) = ((var_b / var_a).sqrt(), (both / (var_a * var_b).sqrt()).clamp(1e-3, 1.0));
    (ratio.is_finite() && agreement.is_finite() && ratio > 0.0).then_some(Contrast { ratio, agreement })
}

/// Pigment and blood against the surroundings.
fn contents(light: &[Plane; 3], both: &Mask) -> [Plane; 2] {
    [0, 1].map(|i| {
        let (width, height) = raster::size(both);
        let content = raster::rows(width, height, |y, out| {
            let line = light.each_ref().map(|plane| raster::row(plane, y));
            for (x, value) in out.iter_mut().enumerate() {
                let density = line.map(|line| -f64::from(line[x].max(1e-3)).ln());
                *value = content(density)[i] as f32;
            }
        });
        let around = background(&content, both, SURROUNDINGS);
        content - around
    })
}

/// Median absolute value, as a standard deviation; `None` of nothing.
fn spread(plane: &Plane, mask: &Mask) -> Option<f32> {
    let mut values: Vec<f32> = raster::values_inside(plane, mask).into_iter().map(f32::abs).collect();
    let middle = values.len() / 2;
    (!values.is_empty()).then(|| 1.4826 * *values.select_nth_unstable_by(middle, f32::total_cmp).1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::color::unmixing::{HEMOGLOBIN, MELANIN};
    use crate::filter::gaussian::gaussian;
    use rand::{Rng, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    fn uneven(seed: u64) -> Plane {
        let mut random = Pcg64Mcg::seed_from_u64(seed);
        gaussian(&Plane::from_shape_fn((30, 40), |_| random.random_range(-1.0..1.0f32)), 1.0)
    }

    /// Skin with uneven pigment and blood times `contrast`, a mole, a red patch, and
    /// a layer of `cover` with its own colour over it, in light of `gain`.
    fn skin(contrast: [f32; 2], cover: f32, gain: [f32; 3]) -> [Plane; 3] {
        let (pigment, blood) = (uneven(1), uneven(2));
        [0, 1, 2].map(|c| {
            let [p, b] = [MELANIN[c], HEMOGLOBIN[c]];
            let mut plane = Plane::from_shape_fn((30, 40), |at| {
                let mole = if at.0 < 4 && at.1 < 4 { 1.0 } else { 0.0 };
                let patch = if at.0 > 24 && at.1 > 34 { 1.0 } else { 0.0 };
                let uneven = p * (contrast[0] * pigment[at] + mole) + b * (contrast[1] * blood[at] + patch);
                (-(0.6 + 0.3 * c as f32) - uneven).exp()
            });
            plane.mapv_inplace(|value| gain[c] * ((1.0 - cover) * value + cover * [0.5, 0.35, 0.25][c]));
            plane
        })
    }

    fn compared(contrast: [f32; 2], cover: f32, gain: [f32; 3]) -> SkinContrast {
        let both = Mask::from_elem((30, 40), true);
        skin_contrast(&skin([1.0; 2], 0.0, [1.0; 3]), &skin(contrast, cover, gain), &both).expect("skin")
    }

    #[test]
    fn another_light_is_no_layer() {
        let [pigment, blood] = compared([1.0; 2], 0.0, [1.1, 1.0, 0.9]).ordinary;
        assert!(
            (pigment.ratio - 1.0).abs() < 0.02 && (blood.ratio - 1.0).abs() < 0.02,
            "{pigment:?} {blood:?}"
        );
    }

    #[test]
    fn a_layer_lowers_both_contrasts_and_paler_blood_only_its_own() {
        let covered = compared([1.0; 2], 0.4, [1.0; 3]);
        let [pigment, blood] = covered.ordinary;
        assert!(pigment.ratio < 0.75 && blood.ratio < 0.75 && covered.both() > 0.3, "{covered:?}");
        let [pigment, blood] = compared([1.0, 0.5], 0.0, [1.0; 3]).ordinary;
        assert!(
            (blood.ratio - 0.5).abs() < 0.05 && (pigment.ratio - 1.0).abs() < 0.05,
            "{pigment:?} {blood:?}"
        );
    }

    #[test]
    fn a_layer_pales_lesions_too_and_alike() {
        // 0.7 of the light of a mole and of a patch passes; what the layer adds lowers contrast further.
        let [pigment, blood] = compared([1.0; 2], 0.3, [1.0; 3]).lesions.expect("a mole and a patch");
        for lesion in [pigment, blood] {
            assert!((0.4..0.75).contains(&lesion.ratio) && lesion.agreement > 0.95, "{lesion:?}");
        }
        // Skin between them that grew even takes a little of its own from them, nowhere near what it lost.
        let same = compared([0.8, 0.8], 0.0, [1.0; 3]).lesions.expect("a mole and a patch");
        assert!(same.iter().all(|lesion| (0.9..1.02).contains(&lesion.ratio)), "{same:?}");
    }

    #[test]
    fn too_little_skin_says_nothing() {
        let both = Mask::from_shape_fn((30, 40), |(y, x)| x < 9 && y < 9);
        let light = skin([1.0; 2], 0.0, [1.0; 3]);
        assert_eq!(skin_contrast(&light, &light, &both), None);
    }
}
