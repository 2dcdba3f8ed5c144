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

/// Colour contrast of some skin in the moving photo over that in the reference, each of pigment and of blood.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PartContrast {
    /// Of ordinary skin.
    pub ordinary: [Contrast; 2],
    /// Of what stands out of it in either photo; `None` where too little does.
    pub lesions: [Option<Contrast>; 2],
}

impl PartContrast {
    /// Of ordinary skin, pigment and blood together: the geometric mean, each
    /// weighted by how surely it is known. The variance of the logarithm of a
    /// ratio of two spreads goes with `1 - r²` (Pitman 1939, *Biometrika* 31:9).
    pub fn both(&self) -> f64 {
        let weighted = self.ordinary.map(|of| {
            let weight = 1.0 / (1.0 - of.agreement.powi(2)).max(SUREST);
            (weight, weight * of.ratio.ln())
        });
        let [weights, logs] = weighted.iter().fold([0.0; 2], |sums, of| [sums[0] + of.0, sums[1] + of.1]);
        (logs / weights).exp()
    }

    /// The contrast of the reference over that of the moving photo.
    fn inverted(&self) -> Self {
        let invert = |of: Contrast| Contrast { ratio: 1.0 / of.ratio, ..of };
        Self { ordinary: self.ordinary.map(invert), lesions: self.lesions.map(|of| of.map(invert)) }
    }
}

/// Least `1 - r²` that a ratio is weighted by: no two photos agree better.
const SUREST: f64 = 0.01;

/// [`PartContrast`] of all the skin that two photos share and of its halves.
#[derive(Debug, Clone, PartialEq)]
pub struct SkinContrast {
    /// Of all of it.
    pub whole: PartContrast,
    /// Of the left, right, upper and lower half of the frame, as far as they
    /// have enough skin: a layer may lie on part of it.
    pub halves: Vec<PartContrast>,
}

impl SkinContrast {
    /// The contrast of the reference over that of the moving photo.
    pub fn inverted(&self) -> Self {
        Self {
            whole: self.whole.inverted(),
            halves: self.halves.iter().map(PartContrast::inverted).collect(),
        }
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
    let of = |masks: [&Mask; 2], part: &Mask, fewest: usize| {
        [0, 1].map(|i| {
            let inside = Some(masks[i] & part).filter(|inside| raster::count(inside) >= fewest)?;
            contrast(&reference[i], &moving[i], &inside)
        })
    };
    let of_part = |part: Mask| {
        let [pigment, blood] = of([&ordinary; 2], &part, FEWEST);
        let lesions = of(lesions.each_ref(), &part, FEWEST_OF_LESIONS);
        Some(PartContrast { ordinary: [pigment?, blood?], lesions })
    };
    let (height, width) = both.dim();
    let within =
        |inside: &dyn Fn(usize, usize) -> bool| Mask::from_shape_fn((height, width), |(y, x)| inside(x, y));
    let halves = [
        within(&|x, _| 2 * x < width),
        within(&|x, _| 2 * x >= width),
        within(&|_, y| 2 * y < height),
        within(&|_, y| 2 * y >= height),
    ];
    Some(SkinContrast {
        whole: of_part(both.clone())?,
        halves: halves.into_iter().filter_map(of_part).collect(),
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
        let [pigment, blood] = compared([1.0; 2], 0.0, [1.1, 1.0, 0.9]).whole.ordinary;
        assert!(
            (pigment.ratio - 1.0).abs() < 0.02 && (blood.ratio - 1.0).abs() < 0.02,
            "{pigment:?} {blood:?}"
        );
    }

    #[test]
    fn a_layer_lowers_both_contrasts_and_paler_blood_only_its_own() {
        let covered = compared([1.0; 2], 0.4, [1.0; 3]);
        let [pigment, blood] = covered.whole.ordinary;
        assert!(pigment.ratio < 0.75 && blood.ratio < 0.75 && covered.whole.both() > 0.3, "{covered:?}");
        let [pigment, blood] = compared([1.0, 0.5], 0.0, [1.0; 3]).whole.ordinary;
        assert!(
            (blood.ratio - 0.5).abs() < 0.05 && (pigment.ratio - 1.0).abs() < 0.05,
            "{pigment:?} {blood:?}"
        );
    }

    #[test]
    fn a_layer_pales_lesions_too_and_alike() {
        // 0.7 of the light of a mole and of a patch passes; what the layer adds lowers contrast further.
        let lesions = compared([1.0; 2], 0.3, [1.0; 3]).whole.lesions;
        for lesion in lesions.map(|lesion| lesion.expect("a mole and a patch")) {
            assert!((0.4..0.75).contains(&lesion.ratio) && lesion.agreement > 0.95, "{lesion:?}");
        }
        // Skin between them that grew even takes a little of its own from them, nowhere near what it lost.
        let same = compared([0.8, 0.8], 0.0, [1.0; 3]).whole.lesions;
        assert!(
            same.iter().all(|lesion| lesion.is_some_and(|of| (0.9..1.02).contains(&of.ratio))),
            "{same:?}"
        );
    }

    #[test]
    fn a_surer_contrast_counts_more() {
        let part = |agreements: [f64; 2]| PartContrast {
            ordinary: [0, 1].map(|i| Contrast { ratio: [0.5, 1.0][i], agreement: agreements[i] }),
            lesions: [None; 2],
        };
        // Alike: √(0.5 · 1). Three times as sure, 1 / (1 - 0.75) to 1 / 0.75: 0.5^(3/4).
        assert!((part([0.6; 2]).both() - 0.5f64.sqrt()).abs() < 1e-12);
        let surer = part([0.75f64.sqrt(), 0.5]).both();
        assert!((surer - 0.594_604).abs() < 1e-6, "{surer}");
    }

    #[test]
    fn a_layer_on_the_left_is_seen_in_the_left_half_alone() {
        let both = Mask::from_elem((30, 40), true);
        let (bare, covered) = (skin([1.0; 2], 0.0, [1.0; 3]), skin([1.0; 2], 0.5, [1.0; 3]));
        let moving = [0, 1, 2].map(|c| {
            Plane::from_shape_fn((30, 40), |at| if at.1 < 16 { covered[c][at] } else { bare[c][at] })
        });
        let seen = skin_contrast(&bare, &moving, &both).expect("skin");
        let [left, right] = [0, 1].map(|half: usize| seen.halves[half].both());
        assert!(left < 0.7 && right > 0.9 && left < seen.whole.both(), "{seen:?}");
    }

    #[test]
    fn too_little_skin_says_nothing() {
        let both = Mask::from_shape_fn((30, 40), |(y, x)| x < 9 && y < 9);
        let light = skin([1.0; 2], 0.0, [1.0; 3]);
        assert_eq!(skin_contrast(&light, &light, &both), None);
    }
}
