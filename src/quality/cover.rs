//! Whether a layer of colour covers the skin: make-up, tinted cream.
//!
//! A layer hides a share of *everything* below it: the uneven pigment and the
//! uneven blood of ordinary skin lose contrast together, by the same factor.
//! Treatment does not do that: it changes the lesions, or pigment, or blood.

use crate::calibration::reference_skin::content;
use crate::filter::background::background;
use crate::filter::morphology;
use crate::raster::{self, Mask, Plane};

/// Colour contrast of ordinary skin in the moving photo over that in the reference.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SkinContrast {
    /// Of pigment.
    pub pigment: f64,
    /// Of blood.
    pub blood: f64,
    /// Correlation of the two photos' patterns, of pigment and of blood.
    pub agreement: [f64; 2],
}

impl SkinContrast {
    /// Both together: their geometric mean.
    pub fn both(&self) -> f64 {
        (self.pigment * self.blood).sqrt()
    }

    /// The most that pigment's and blood's contrast may be: all that the
    /// patterns do not share is noise of the reference. Compression leaves
    /// more of it in one photo of faint skin than in the next, and a ratio of
    /// spreads counts it as skin; what skin has in both photos bounds the true
    /// ratio by `ratio · r` and `ratio / r` (Frisch 1934, *Statistical
    /// Confluence Analysis*).
    pub fn at_most(&self) -> [f64; 2] {
        [self.pigment / self.agreement[0], self.blood / self.agreement[1]]
    }

    /// The contrast of the reference over that of the moving photo.
    pub fn inverted(&self) -> Self {
        Self { pigment: 1.0 / self.pigment, blood: 1.0 / self.blood, ..*self }
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

/// The contrast of ordinary skin in two photos of the same frame, on planes of
/// linear light (red, green, blue) in cells of about a millimetre; `both` says
/// where both show skin. `None` on too little skin.
pub fn skin_contrast(reference: &[Plane; 3], moving: &[Plane; 3], both: &Mask) -> Option<SkinContrast> {
    let deviations = [reference, moving].map(|light| contents(light, both));
    let mut ordinary = both.clone();
    let mut lesions = Mask::from_elem(both.raw_dim(), false);
    for plane in deviations.iter().flatten() {
        let spread = spread(plane, both)?;
        let (most, lesion) = (ORDINARY as f32 * spread, LESION as f32 * spread);
        ordinary.zip_mut_with(plane, |inside, value| *inside &= value.abs() < most);
        lesions.zip_mut_with(plane, |inside, value| *inside |= value.abs() > lesion);
    }
    let plain = &ordinary & &!morphology::dilate(&(lesions & both), RIM);
    if raster::count(&plain) >= FEWEST {
        ordinary = plain;
    }
    if raster::count(&ordinary) < FEWEST {
        return None;
    }
    let [pigment, blood] = [0, 1].map(|i| shared(&deviations[0][i], &deviations[1][i], &ordinary));
    let ([pigment, with_pigment], [blood, with_blood]) = (pigment?, blood?);
    Some(SkinContrast { pigment, blood, agreement: [with_pigment, with_blood] })
}

/// The spread of the second plane over that of the first inside the mask, and
/// their correlation, at least hardly any; `None` of an even plane.
fn shared(first: &Plane, second: &Plane, inside: &Mask) -> Option<[f64; 2]> {
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
    let found = [(var_b / var_a).sqrt(), (both / (var_a * var_b).sqrt()).clamp(1e-3, 1.0)];
    (found.iter().all(|value| value.is_finite()) && found[0] > 0.0).then_some(found)
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

    /// Skin with uneven pigment and blood times `contrast`, a mole, and a layer
    /// of `cover` with its own colour over it, in light of `gain`.
    fn skin(contrast: [f32; 2], cover: f32, gain: [f32; 3]) -> [Plane; 3] {
        let (pigment, blood) = (uneven(1), uneven(2));
        [0, 1, 2].map(|c| {
            let [p, b] = [MELANIN[c], HEMOGLOBIN[c]];
            let mut plane = Plane::from_shape_fn((30, 40), |at| {
                let mole = if at.0 < 4 && at.1 < 4 { 1.0 } else { 0.0 };
                let uneven = p * (contrast[0] * pigment[at] + mole) + b * contrast[1] * blood[at];
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
        let same = compared([1.0; 2], 0.0, [1.1, 1.0, 0.9]);
        assert!((same.pigment - 1.0).abs() < 0.02 && (same.blood - 1.0).abs() < 0.02, "{same:?}");
    }

    #[test]
    fn a_layer_lowers_both_contrasts_and_paler_blood_only_its_own() {
        let covered = compared([1.0; 2], 0.4, [1.0; 3]);
        assert!(covered.pigment < 0.75 && covered.blood < 0.75 && covered.both() > 0.3, "{covered:?}");
        let paler = compared([1.0, 0.5], 0.0, [1.0; 3]);
        assert!((paler.blood - 0.5).abs() < 0.05 && (paler.pigment - 1.0).abs() < 0.05, "{paler:?}");
    }

    #[test]
    fn too_little_skin_says_nothing() {
        let both = Mask::from_shape_fn((30, 40), |(y, x)| x < 9 && y < 9);
        let light = skin([1.0; 2], 0.0, [1.0; 3]);
        assert_eq!(skin_contrast(&light, &light, &both), None);
    }
}
