//! Lesions found in one photo.

use crate::filter::components::{Component, components};
use crate::filter::contours::outline;
use crate::filter::gaussian::gaussian_inside;
use crate::filter::morphology::dilate;
use crate::lesion::LesionKind;
use crate::lesion::excess::noise;
use crate::lesion::photometry::{Light, Noise};
use crate::lesion::places::{Places, grow, owners};
use crate::lesion::shape::{is_line, without_tails};
use crate::lesion::watershed::split;
use crate::metrics::maps::Level;
use crate::order::of_ranks;
use crate::quality::ROUNDING;
use crate::raster::{self, Mask, Plane};

/// Smoothing before thresholds are applied, standard deviation in mm.
pub const SMOOTHING_MM: f64 = 0.15;

/// The same for what is wide and faint: a disc of 1.2 mm radius keeps 97 %
/// of its peak (1 - exp(-r² / 2σ²)), and white noise a third.
const WIDE_SMOOTHING_MM: f64 = 0.45;

/// The same before a pigmented spot's peaks are told apart: a pore of 0.25 mm
/// in it keeps a tenth of its height.
const PEAK_SMOOTHING_MM: f64 = 0.3;

/// Half the widest gap in the skin that a spot is taken to go on below, mm: a
/// strand of hair with the skin next to it.
const HAIR_MM: f64 = 0.35;

/// Least area of a lesion, mm².
pub const LEAST_AREA_MM2: f64 = 0.3;

/// Least high threshold, density: a fall of 3 to 5 % in green light, the
/// least difference of lightness that is readily seen. Chosen by us.
pub const LEAST_CONTRAST: f32 = 0.08;

/// Standard deviations of the skin's own mottle that a lesion's core must
/// reach: a face has ten thousand places for a spot.
const CLEAR: f32 = 5.5;

/// Share of the skin, paler than its surroundings, that tells how long the
/// tails of the mottle are: no spot is pale.
const PALE: f64 = 0.005;

/// Normal standard deviations that [`PALE`] of a plane lies beyond.
const PALE_NORMAL: f32 = 2.576;

/// How far beyond its detected rim a lesion's dose is collected, mm: blur
/// carries density there.
pub const RIM_MM: f64 = 0.3;

/// Standard errors that a lesion's dose must exceed 0 by: fewer are mottle of
/// the skin that reaches the threshold in a few pixels.
const SURE: f64 = 4.5;

/// The same of a pigmented spot, with its rim and without: on dark skin, whose
/// mottle is coarse, the rim of a small one adds more noise than dose.
const SURE_OF_PIGMENT: [f64; 2] = [3.0, 5.0];

/// The same of a scar, which its own detector has found: a dose that cannot be
/// told from 0 has no ratio to a later one.
const SURE_OF_SCAR: f64 = 2.0;

/// The same of a spot that was found on channels quieter than the map that its dose is measured
/// on: that it is there has been told.
const SURE_OF_FAINT: [f64; 2] = [1.5, 3.0];

/// Standard errors that what compression does to a level stays within: those
/// of two numbers rounded to whole ones are at most √6, and blocks whose faint
/// waves are dropped add to it.
const MOST_ROUNDING: f64 = 3.0;

/// Levels of the compressed colour that a pigmented spot's core must reach, and its
/// rim: one is what rounding draws where even skin crosses from one number to the
/// next, and dropped waves add to it. Chosen by us.
pub(super) const LEVELS: [f64; 2] = [1.5, 1.0];

/// Absolute thresholds of excess density, taken from the baseline and kept
/// for the whole series: a threshold that followed each photo would shrink
/// and grow with the lesions it is to measure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    /// What lesions must reach after [`SMOOTHING_MM`].
    pub fine: Hysteresis,
    /// What wide and faint red ones must reach after wide smoothing. Pigment lies
    /// near the surface and has edges; what is wide and faint on its map is blood.
    pub wide: Option<Hysteresis>,
    /// Standard error of a place's excess from the compression of the photo.
    pub level_error: f64,
}

/// Two thresholds of excess density.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hysteresis {
    /// What a lesion's core must reach.
    pub high: f32,
    /// What its rim must reach.
    pub low: f32,
}

impl Thresholds {
    /// Those of lesions of a kind, from the excess on the baseline's `level` of plain skin.
    pub fn from_baseline(kind: LesionKind, excess: &Plane, level: &Level) -> Self {
        let fine = Hysteresis::of(&smoothed(excess, level), level, CLEAR);
        let wide = (kind == LesionKind::Vascular)
            .then(|| Hysteresis::of(&widely_smoothed(excess, level), level, CLEAR));
        Self { fine, wide, level_error: 0.0 }
    }

    /// With the `level_error` of the map, density, and no lower than what rounding draws of itself.
    pub fn over_rounding(self, level_error: f64) -> Self {
        let [high, low] = LEVELS.map(|levels| (levels * level_error / ROUNDING) as f32);
        let fine = Hysteresis { high: self.fine.high.max(high), low: self.fine.low.max(low) };
        Self { fine, level_error, ..self }
    }
}

impl Hysteresis {
    /// `clear` standard deviations of the smoothed excess on the baseline's
    /// skin and half as many, but at least [`LEAST_CONTRAST`] and half of it.
    ///
    /// The deviation is the robust one, or what the palest skin tells where
    /// mottle has longer tails than a normal distribution (coarse compression
    /// does that to colour), though at most twice the robust one: skin may
    /// have pale marks.
    pub(super) fn of(smooth: &Plane, level: &Level, clear: f32) -> Self {
        let robust = noise(smooth, &level.skin);
        let inside = smooth.iter().zip(&level.skin).filter(|(_, inside)| **inside).map(|(value, _)| *value);
        let pale = of_ranks(inside, |count| [(PALE * count as f64) as usize]);
        let tail = pale.map_or(0.0, |[pale]| -pale / PALE_NORMAL);
        let high = (clear * tail.clamp(robust, 2.0 * robust)).max(LEAST_CONTRAST);
        Self { high, low: high / 2.0 }
    }
}

/// Standard deviations of what leaks from one chromophore into the reading of
/// the other that a lesion must exceed, to be one and not the other's shadow.
const LEAKS: f64 = 3.0;

/// Whether a lesion is more than what a `leak`, given as a share, lets through of
/// the `other` chromophore at its place; `own` and `other` are excesses.
pub fn stands_alone(spot: &Spot, own: &Plane, other: &Plane, leak: f64) -> bool {
    let sum = |plane: &Plane| -> f64 {
        spot.pixels.iter().map(|&(x, y)| f64::from(plane[[y as usize, x as usize]])).sum()
    };
    sum(own) > LEAKS * leak * sum(other)
}

/// A lesion found in one photo. Coordinates are native pixels of the photo.
#[derive(Debug, Clone, PartialEq)]
pub struct Spot {
    /// What it is.
    pub kind: LesionKind,
    /// Its centre, weighted by excess density.
    pub centre: [f64; 2],
    /// Its soft area, `dose / contrast`, native px².
    pub area_px: f64,
    /// Excess density of its core, natural units.
    pub contrast: f64,
    /// Integrated excess density, density × native px².
    pub dose: f64,
    /// Standard error of the dose, from the noise of the skin around.
    pub dose_standard_error: f64,
    /// The border of its detected pixels.
    pub outline: Vec<[f64; 2]>,
    /// Its detected pixels on the coarse level.
    pub pixels: Component,
}

/// The excess as thresholds see it: lightly smoothed inside the skin.
pub fn smoothed(excess: &Plane, level: &Level) -> Plane {
    gaussian_inside(excess, &level.skin, level.scale.px(SMOOTHING_MM))
}

/// The same, as what is wide and faint shows best.
pub(super) fn widely_smoothed(excess: &Plane, level: &Level) -> Plane {
    gaussian_inside(excess, &level.skin, level.scale.px(WIDE_SMOOTHING_MM))
}

/// The lesions of one kind in one photo, in row order of their first pixels.
///
/// Regions above the low threshold that reach the high one count; where two
/// peaks are parted by a clear saddle, each is a lesion (a watershed by
/// persistence). What only wide smoothing lifts out of the noise joins them.
/// Doses are measured on the unsmoothed excess, beside the `plain` skin around.
pub fn find(
    kind: LesionKind,
    excess: &Plane,
    level: &Level,
    plain: &Mask,
    thresholds: Thresholds,
) -> Vec<Spot> {
    let smooth = smoothed(excess, level);
    let mut found = match kind {
        LesionKind::Pigmented => {
            let peaks = gaussian_inside(excess, &level.skin, level.scale.px(PEAK_SMOOTHING_MM));
            bodies(&smooth, &peaks, level, thresholds.fine)
        }
        _ => regions(&smooth, &smooth, &level.skin, level, thresholds.fine),
    };
    if let Some(thresholds) = thresholds.wide {
        let owner = owners(&found, excess.dim());
        let smooth = widely_smoothed(excess, level);
        let mut wide = regions(&smooth, &smooth, &level.skin, level, thresholds);
        wide.retain(|region| region.iter().all(|&(x, y)| owner[[y as usize, x as usize]] == 0));
        found.append(&mut wide);
        found.sort_unstable_by_key(|region| (region[0].1, region[0].0));
    }
    let sure = if kind == LesionKind::Pigmented { SURE_OF_PIGMENT } else { [SURE, 0.0] };
    let found = found.into_iter().map(|pixels| (pixels, sure)).collect();
    let mut spots = measured(kind, excess, &smooth, (level, plain, thresholds.level_error), found);
    if kind == LesionKind::Pigmented {
        // Furrows are no spots, but no plain skin either, and have been left out of its noise.
        spots.retain(|spot| !is_line(&spot.pixels, level.scale));
    }
    spots
}

/// Pigmented spots that are `clear`, and what else is where `faint` ones were found by other means,
/// measured side by side; in row order of their first pixels.
pub fn with_faint(
    clear: &[Spot],
    faint: Vec<Component>,
    excess: &Plane,
    (level, plain): (&Level, &Mask),
    level_error: f64,
) -> Vec<Spot> {
    let clear = clear.iter().map(|spot| (spot.pixels.clone(), SURE_OF_PIGMENT));
    let faint = faint.into_iter().filter(|pixels| !is_line(pixels, level.scale));
    let mut found: Vec<_> = clear.chain(faint.map(|pixels| (pixels, SURE_OF_FAINT))).collect();
    found.sort_unstable_by_key(|(pixels, _)| (pixels[0].1, pixels[0].0));
    measured(LesionKind::Pigmented, excess, &smoothed(excess, level), (level, plain, level_error), found)
}

/// Pigmented spots by their pixels, as `smooth` shows them and `peaks` part them. A hair across one
/// does not part it, and what is narrow is no part of it: furrows run into spots.
pub(super) fn bodies(smooth: &Plane, peaks: &Plane, level: &Level, thresholds: Hysteresis) -> Vec<Component> {
    let under_hair = dilate(&level.skin, level.scale.px(HAIR_MM));
    let least = least_area(level);
    let mut found: Vec<Component> = regions(smooth, peaks, &under_hair, level, thresholds)
        .iter()
        .flat_map(|region| without_tails(region, level.scale))
        .map(|mut body| {
            body.retain(|&(x, y)| level.skin[[y as usize, x as usize]]);
            body
        })
        .filter(|body| body.len() as f64 >= least)
        .collect();
    found.sort_unstable_by_key(|body| (body[0].1, body[0].0));
    found
}

/// Scars that are known well enough to be followed: their pixels on the coarse level, measured on
/// its `slope` towards the light.
pub fn of_scars(slope: &Plane, level: &Level, found: Vec<Component>) -> Vec<Spot> {
    let found = found.into_iter().map(|pixels| (pixels, [SURE_OF_SCAR, 0.0])).collect();
    measured(LesionKind::Scar, slope, &smoothed(slope, level), (level, &level.skin, 0.0), found)
}

/// What is found, as it measures, each with the standard errors by which its dose must exceed 0,
/// with its rim and without.
fn measured(
    kind: LesionKind,
    excess: &Plane,
    smooth: &Plane,
    (level, plain, level_error): (&Level, &Mask, f64),
    found: Vec<(Component, [f64; 2])>,
) -> Vec<Spot> {
    let mut owner = owners(found.iter().map(|(pixels, _)| pixels), excess.dim());
    grow(&mut owner, rim(kind, level));
    let places = Places::new(&owner, found.len(), &level.skin, plain, level.scale);
    let noise = Noise::new(excess, places.plain(), places.apart());
    let spot = |(index, (pixels, [with_rim, body])): (usize, (Component, [f64; 2]))| {
        let ring = places.ring(index);
        let measure = |place| Light::measure(excess, smooth, place, &ring, &noise);
        let mut light = measure(places.place(index))?;
        // Compression rounds the rim of the place as it rounds the skin around.
        let rounding = pixels.len() as f64 * level_error;
        let sure = |light: &Light, errors: f64| {
            light.dose > (errors * light.dose_standard_error).hypot(MOST_ROUNDING * rounding)
        };
        if !sure(&light, with_rim) || body > 0.0 && !sure(&measure(&pixels)?, body) {
            return None;
        }
        light.dose_standard_error = light.dose_standard_error.hypot(rounding);
        spot_of(kind, level.factor, pixels, &light)
    };
    found.into_iter().enumerate().filter_map(spot).collect()
}

/// [`RIM_MM`] in whole pixels, at least one; 0 of a scar, whose place has its
/// rims, and beyond them the shading is of the other sign.
pub(crate) fn rim(kind: LesionKind, level: &Level) -> usize {
    match kind {
        LesionKind::Pigmented | LesionKind::Vascular => level.scale.px(RIM_MM).round().max(1.0) as usize,
        LesionKind::Scar => 0,
    }
}

/// The mask of all spots' pixels on the coarse level.
pub fn mask_of(spots: &[Spot], shape: (usize, usize)) -> Mask {
    owners(spots.iter().map(|spot| &spot.pixels), shape).mapv(|label| label > 0)
}

/// The contrast of the spot that each pixel of the coarse level lies in; 0 where none is.
pub fn contrasts(spots: &[Spot], shape: (usize, usize)) -> Plane {
    let of = |label: u32| if label == 0 { 0.0 } else { spots[label as usize - 1].contrast as f32 };
    owners(spots.iter().map(|spot| &spot.pixels), shape).mapv(of)
}

fn spot_of(kind: LesionKind, factor: usize, pixels: Component, light: &Light) -> Option<Spot> {
    let native = |at: f64| raster::cell_centre(at, factor);
    let cell = (factor * factor) as f64;
    let border = outline(&pixels);
    Some(Spot {
        kind,
        centre: light.centre.map(native),
        area_px: light.area()? * cell,
        contrast: light.contrast?,
        dose: light.dose * cell,
        dose_standard_error: light.dose_standard_error * cell,
        outline: border.into_iter().map(|(x, y)| [native(x.into()), native(y.into())]).collect(),
        pixels,
    })
}

/// Least number of pixels of a lesion.
fn least_area(level: &Level) -> f64 {
    (LEAST_AREA_MM2 * level.scale.px_per_mm.powi(2)).max(1.0)
}

/// Regions of `mask` above the low threshold that reach the high one, large
/// enough and split at saddles between `peaks`.
fn regions(
    smooth: &Plane,
    peaks: &Plane,
    mask: &Mask,
    level: &Level,
    thresholds: Hysteresis,
) -> Vec<Component> {
    let above = ndarray::Zip::from(smooth).and(mask).map_collect(|&v, &inside| inside && v > thresholds.low);
    let least = least_area(level);
    let at = |&(x, y): &(u32, u32)| smooth[[y as usize, x as usize]];
    components(&above)
        .into_iter()
        .filter(|region| region.len() as f64 >= least && region.iter().any(|p| at(p) >= thresholds.high))
        .flat_map(|region| split(peaks, region, thresholds.low, least as usize))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::gaussian::gaussian;
    use crate::units::FilterScale;
    use proptest::prelude::*;

    fn find(kind: LesionKind, excess: &Plane, level: &Level, thresholds: Thresholds) -> Vec<Spot> {
        super::find(kind, excess, level, &level.skin, thresholds)
    }

    const LEAST: Hysteresis = Hysteresis { high: 0.08, low: 0.04 };
    const THRESHOLDS: Thresholds = Thresholds { fine: LEAST, wide: Some(LEAST), level_error: 0.0 };

    fn level(side: usize) -> Level {
        let scale = FilterScale { px_per_mm: 8.0, physical: true };
        Level { factor: 2, scale, skin: Mask::from_elem((side, side), true) }
    }

    /// Discs (x, y, radius, density), drawn at 8 × 8 points per pixel.
    fn discs(side: usize, discs: &[(f64, f64, f64, f32)]) -> Plane {
        Plane::from_shape_fn((side, side), |(y, x)| {
            let fine = |i: usize| (i as f64 + 0.5) / 8.0 - 0.5;
            let points = (0..64).map(|i| (x as f64 + fine(i % 8), y as f64 + fine(i / 8)));
            let covered = |&(cx, cy, r, c): &(f64, f64, f64, f32)| {
                points.clone().filter(|p| (p.0 - cx).hypot(p.1 - cy) <= r).count() as f32 / 64.0 * c
            };
            discs.iter().map(covered).sum()
        })
    }

    /// A level of 0.1 rounds by 0.0408: one and a half of it are 0.15.
    #[test]
    fn what_rounding_draws_of_itself_is_no_spot() {
        let over = THRESHOLDS.over_rounding(0.040_824_8);
        let found = |density| {
            let thresholds = Thresholds { level_error: 0.0, wide: None, ..over };
            find(LesionKind::Pigmented, &discs(96, &[(40.0, 50.0, 12.0, density)]), &level(96), thresholds)
                .len()
        };
        assert!((over.fine.high - 0.15).abs() < 1e-6 && (over.fine.low - 0.1).abs() < 1e-6);
        assert_eq!((found(0.14), found(0.17)), (0, 1));
        let fine = THRESHOLDS.over_rounding(0.01).fine;
        assert_eq!((fine.high, fine.low), (0.08, 0.04));
    }

    #[test]
    fn a_disc_has_its_dose_area_contrast_and_centre() {
        let spots =
            find(LesionKind::Pigmented, &discs(96, &[(40.0, 50.0, 12.0, 0.3)]), &level(96), THRESHOLDS);
        let [spot] = &spots[..] else { panic!("one spot, not {}", spots.len()) };
        // Area π·12² = 452.4 px, times 4 native pixels each; dose is that times 0.3.
        assert!((spot.dose / (0.3 * 1809.6) - 1.0).abs() < 0.005, "{}", spot.dose);
        assert!((spot.area_px / 1809.6 - 1.0).abs() < 0.01 && (spot.contrast - 0.3).abs() < 0.003);
        assert!((spot.centre[0] - 80.5).abs() < 0.05 && (spot.centre[1] - 100.5).abs() < 0.05);
        assert!(spot.outline.iter().all(|p| ((p[0] - 80.5).hypot(p[1] - 100.5) - 24.0).abs() < 6.0));
    }

    #[test]
    fn blur_leaves_the_dose_within_a_hundredth() {
        let sharp = discs(96, &[(47.3, 48.1, 8.0, 0.3)]);
        let dose = |plane: &Plane| find(LesionKind::Pigmented, plane, &level(96), THRESHOLDS)[0].dose;
        for sigma in [0.7, 1.5, 2.0] {
            assert!((dose(&gaussian(&sharp, sigma)) / dose(&sharp) - 1.0).abs() < 0.01, "{sigma}");
        }
    }

    #[test]
    fn what_is_wide_and_faint_is_found_where_it_is_looked_for() {
        // A disc of 1.75 mm and 0.1 on stripes of three pixels that are gone after wide smoothing only.
        let disc = discs(96, &[(48.0, 48.0, 14.0, 0.1)]);
        let striped = Plane::from_shape_fn((96, 96), |(y, x)| {
            disc[[y, x]] + if (x / 3) % 2 == 0 { 0.05 } else { -0.05 }
        });
        let fine = Hysteresis { high: 0.2, low: 0.1 };
        let found = |wide| {
            find(LesionKind::Vascular, &striped, &level(96), Thresholds { fine, wide, level_error: 0.0 })
        };
        assert!(found(None).is_empty());
        let spots = found(Some(LEAST));
        let [spot] = &spots[..] else { panic!("one lesion, not {}", spots.len()) };
        // π · 14² cells of 4 native pixels, times 0.1.
        assert!((spot.dose / 246.3 - 1.0).abs() < 0.1, "{}", spot.dose);
    }

    #[test]
    fn discs_with_a_saddle_between_are_two_lesions_and_a_mottled_one_is_one() {
        let touching = discs(96, &[(35.0, 48.0, 10.0, 0.3), (57.5, 48.0, 10.0, 0.25)]);
        let spots = find(LesionKind::Vascular, &gaussian(&touching, 1.0), &level(96), THRESHOLDS);
        assert_eq!(spots.len(), 2);
        assert!((spots[0].centre[0] - 70.5).abs() < 1.5 && (spots[1].centre[0] - 115.5).abs() < 1.5);
        let mottled = discs(96, &[(48.0, 48.0, 16.0, 0.3), (42.0, 48.0, 3.0, 0.05), (56.0, 50.0, 3.0, 0.05)]);
        assert_eq!(find(LesionKind::Vascular, &mottled, &level(96), THRESHOLDS).len(), 1);
    }

    #[test]
    fn a_hair_or_pores_do_not_part_a_spot_and_a_furrow_is_none() {
        let pores = [(40.0, 44.0, 1.2, 0.3), (56.0, 52.0, 1.2, 0.3)];
        let plane = discs(96, &[&[(48.0, 48.0, 14.0, 0.3)], &pores[..]].concat());
        let mut hairy = level(96);
        hairy.skin = Mask::from_shape_fn((96, 96), |(y, x)| y.abs_diff(x) > 2);
        assert_eq!(find(LesionKind::Pigmented, &plane, &hairy, THRESHOLDS).len(), 1);
        let furrow = Plane::from_shape_fn((96, 96), |(y, x)| {
            if y.abs_diff(48) <= 2 && (8..88).contains(&x) { 0.3 } else { 0.0 }
        });
        assert!(find(LesionKind::Pigmented, &furrow, &level(96), THRESHOLDS).is_empty());
        assert_eq!(find(LesionKind::Vascular, &furrow, &level(96), THRESHOLDS).len(), 1);
    }

    #[test]
    fn what_is_faint_small_or_not_skin_is_no_lesion() {
        let found =
            |plane: &Plane, level: &Level| find(LesionKind::Pigmented, plane, level, THRESHOLDS).len();
        assert_eq!(found(&discs(96, &[(48.0, 48.0, 12.0, 0.07)]), &level(96)), 0);
        // 0.3 mm² is 19.2 pixels; a dot of 4 pixels is less even when smoothed.
        assert_eq!(found(&discs(96, &[(48.5, 48.5, 1.1, 0.15)]), &level(96)), 0);
        let mut hidden = level(96);
        hidden.skin.fill(false);
        assert_eq!(found(&discs(96, &[(48.0, 48.0, 12.0, 0.3)]), &hidden), 0);
        assert_eq!(found(&Plane::zeros((1, 1)), &level(1)), 0);
        assert_eq!(found(&Plane::zeros((0, 0)), &level(0)), 0);
    }

    #[test]
    fn thresholds_follow_the_baselines_noise_but_have_a_floor() {
        let flat = Thresholds::from_baseline(LesionKind::Pigmented, &Plane::zeros((96, 96)), &level(96));
        assert_eq!(flat, Thresholds { wide: None, ..THRESHOLDS });
        let striped = Plane::from_shape_fn((96, 96), |(y, _)| if (y / 16) % 2 == 0 { 0.1 } else { -0.1 });
        // Wide stripes survive the smoothing: the median size is 0.1.
        assert!(
            (Thresholds::from_baseline(LesionKind::Pigmented, &striped, &level(96)).fine.high
                - 5.5 * 0.148_26)
                .abs()
                < 1e-3
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn a_flip_or_a_turn_moves_lesions_and_changes_nothing_else(
            x in 24.0..72.0f64, y in 24.0..72.0f64, radius in 5.0..12.0f64, density in 0.12..0.6f32,
        ) {
            let plane = discs(96, &[(x, y, radius, density)]);
            let turned = Plane::from_shape_fn((96, 96), |(row, column)| plane[[column, 95 - row]]);
            let find = |plane: &Plane| find(LesionKind::Pigmented, plane, &level(96), THRESHOLDS);
            let (spots, others) = (find(&plane), find(&turned));
            prop_assert_eq!((spots.len(), others.len()), (1, 1));
            let (spot, other) = (&spots[0], &others[0]);
            prop_assert!((spot.dose / other.dose - 1.0).abs() < 1e-4);
            prop_assert!((spot.area_px / other.area_px - 1.0).abs() < 1e-4);
            // (x, y) moves to (y, 191 - x) in native pixels.
            prop_assert!((spot.centre[1] - other.centre[0]).abs() < 0.02);
            prop_assert!((191.0 - spot.centre[0] - other.centre[1]).abs() < 0.02);
        }
    }
}
