//! Pores: follicle openings, found as small round dark blobs of the relief.

use crate::filter::blobs::{Blob, blobs};
use crate::filter::scale_space::Rung;
use crate::metrics::relief::{Clutter, QUARTER_MM, Relief, SIGMA_PER_FWHM};
use crate::metrics::{
    Better, Estimate, Family, Maps, Measured, Metric, NO_SCALE, NO_SKIN, NONE_FOUND, RESOLUTION_TOO_LOW,
};
use crate::raster::{Plane, cell_centre, covers, in_cells, size};
use crate::region::Region;

/// Least depth of a pore on perfectly even skin, ln units of green density:
/// about the least contrast at which a small dark spot is seen.
const LEAST_CONTRAST: f64 = 0.08;

/// What the skin's clutter at 0.25 mm adds to that, times itself: on six
/// tones of two kinds of rendered skin, the line along which pores and the
/// net of furrows part best.
const LEAST_PER_CLUTTER: f64 = 4.15;

/// Least ratio of the curvatures of a pore: old pores are ovals of up to 2 to
/// 1 (whose curvatures are 4 to 1), furrows and hairs are ridges.
const LEAST_ISOTROPY: f64 = 0.2;

/// Least height in the direction in which a pore bends least, as a share of
/// the least height: a bead on a hair or in a furrow is high across it alone.
const LEAST_FLATTEST: f64 = 0.55;

/// Least fall-off around a pore, as a share of its depth: corners of spots
/// and scars have none on their inner side.
const LEAST_PROMINENCE: f64 = 0.0;

/// Standard deviation, native pixels, of what lens and sensor add to a pore's picture in a close-up.
/// Chosen by us: it leaves pores of one kind of rendered skin as much too wide as those of another too narrow.
const LENS_PX: f64 = 0.95;

/// Variance, mm², that is taken off where pores are only told from other dots.
const USUAL_MM2: f64 = 0.0064;

/// The variance by which light spreads in the skin in green, over what it
/// spreads more in red: 0.12, 0.25 mm (standard deviations).
const GREEN_SPREAD: f64 = 0.12 * 0.12 / (0.25 * 0.25 - 0.12 * 0.12);

/// Most variance, mm², that spreading adds: what of a pore stands out is its core.
const MOST_SPREAD_MM2: f64 = 0.0042;

/// Radii, mm, up to which a pore's mean profile is fitted and between which
/// its surroundings lie, and the width of its steps.
const PROFILE_MM: (f64, f64, f64) = (0.3, 0.45, 0.05);

/// Steps of the mean profile, up to 0.6 mm.
const STEPS: usize = 12;

/// Pores that the mean profile is taken over, at most, and at least.
const PROFILED: (usize, usize) = (600, 30);

/// Spread, mm², where too few pores show it: half of the most.
const UNKNOWN_SPREAD_MM2: f64 = 0.5 * MOST_SPREAD_MM2;

/// Diameters that a pore can have, mm.
const DIAMETERS_MM: std::ops::Range<f64> = 0.10..0.80;

/// Least diameter that counts, mm: smaller ones are not resolved by all photos.
pub const COUNTED_FROM_MM: f64 = 0.2;

/// Least resolution that carries pores, px/mm.
pub const LEAST_PX_PER_MM: f64 = 12.5;

const BLOBS: &str = "scale-normalised Laplacian of Gaussian (Lindeberg 1998); size after Flament et al. 2015, \
                     Clin. Cosmet. Investig. Dermatol. 8:85";

/// The metrics of this family.
pub const CATALOGUE: &[Metric] = &[
    Metric {
        id: "pores.density_per_cm2",
        family: Family::Pores,
        unit: "1/cm^2",
        range: "0..=500",
        better: Some(Better::Lower),
        ratio_scale: true,
        needs_scale: true,
        summary: "Pores of at least 0.2 mm per square centimetre of skin.",
        source: BLOBS,
    },
    Metric {
        id: "pores.diameter_median_um",
        family: Family::Pores,
        unit: "um",
        range: "200..=800",
        better: Some(Better::Lower),
        ratio_scale: true,
        needs_scale: true,
        summary: "Median width at half depth of pores of at least 0.2 mm, freed from blur.",
        source: BLOBS,
    },
    Metric {
        id: "pores.area_fraction",
        family: Family::Pores,
        unit: "fraction",
        range: "0..=1",
        better: Some(Better::Lower),
        ratio_scale: true,
        needs_scale: true,
        summary: "Share of the skin that pores of at least 0.2 mm cover, as discs of their diameter.",
        source: BLOBS,
    },
];

/// A pore of one photo, in native pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pore {
    /// Column of its centre.
    pub x_px: f64,
    /// Row of its centre.
    pub y_px: f64,
    /// Width at half of its depth, freed from blur.
    pub diameter_px: f64,
    /// Green density of its centre above the skin around it, ln units.
    pub contrast: f64,
}

/// The `dots` of one photo as pores; `blur` is [`blur_mm2`] of the baseline.
pub fn among(dots: &[Blob], relief: &Relief, blur: f64) -> Vec<Pore> {
    dots.iter().map(|dot| pore(relief, dot, blur)).collect()
}

/// The dots of one photo that are as high, round and small as pores are,
/// strongest first, in pixels of the fine plane; none where the photo has no
/// scale or too few pixels. `clutter` is the baseline's.
pub fn dots(relief: &Relief, clutter: &Clutter) -> Vec<Blob> {
    if reason(relief).is_some() {
        return Vec::new();
    }
    let least = LEAST_CONTRAST + LEAST_PER_CLUTTER * clutter.0;
    let rungs: Vec<&Rung> = (0..=QUARTER_MM + 4).filter_map(|k| relief.rung(k)).collect();
    // A Gaussian's response is half its height, a little less between rungs.
    let found = blobs(&rungs, (0.4 * least) as f32);
    found.into_iter().filter(|dot| dot.height >= least && is_dot(relief, dot, least)).collect()
}

fn is_dot(relief: &Relief, blob: &Blob, least: f64) -> bool {
    blob.isotropy >= LEAST_ISOTROPY
        && flattest_height(blob) >= LEAST_FLATTEST * least
        && blob.prominence >= LEAST_PROMINENCE
        && DIAMETERS_MM.contains(&diameter_mm(relief.scale.mm(blob.sigma), USUAL_MM2))
        && covers(&relief.skin, blob.x, blob.y)
}

/// The height of the round dot that bends in every direction as this one does
/// in the direction in which it bends least.
fn flattest_height(blob: &Blob) -> f64 {
    2.0 * blob.height * blob.isotropy / (1.0 + blob.isotropy)
}

fn pore(relief: &Relief, dot: &Blob, blur: f64) -> Pore {
    Pore {
        x_px: cell_centre(dot.x, relief.factor),
        y_px: cell_centre(dot.y, relief.factor),
        diameter_px: diameter_mm(relief.scale.mm(dot.sigma), blur) * relief.native_px_per_mm(),
        contrast: dot.height,
    }
}

/// Full width at half maximum of the Gaussian whose picture has a standard
/// deviation of `sigma` mm, `blur` mm² of its variance by blur: variances add.
/// Of something hardly wider than the blur, a fixed share.
fn diameter_mm(sigma: f64, blur: f64) -> f64 {
    (sigma * sigma - blur).max(0.16 * sigma * sigma).sqrt() / SIGMA_PER_FWHM
}

/// Variance, mm², that lens and skin add to the picture of the baseline's
/// pores, of which `dots` are seen.
///
/// A plug is as sharp as the lens; a pit is shaded by light that has spread
/// in the skin, in red twice as far as in green. How much wider pores are in
/// red therefore says how much they are widened in green.
pub fn blur_mm2(maps: &Maps, dots: &[Blob]) -> f64 {
    let width = |channel| variance_mm2(&maps.density[channel], maps, dots);
    let spread = width(0).zip(width(1)).map(|(red, green)| GREEN_SPREAD * (red - green));
    let lens = LENS_PX / (maps.fine.scale.px_per_mm * maps.fine.factor as f64);
    lens * lens + spread.map_or(UNKNOWN_SPREAD_MM2, |spread| spread.clamp(0.0, MOST_SPREAD_MM2))
}

/// Variance, mm², of the Gaussian that the median profile of the dots follows
/// on a plane of the coarse level.
fn variance_mm2(plane: &Plane, maps: &Maps, dots: &[Blob]) -> Option<f64> {
    let (fit, around, step) = PROFILE_MM;
    let level = &maps.coarse;
    let reach = level.scale.px(step * STEPS as f64);
    let (width, height) = size(plane);
    let mut rings: Vec<Vec<(f64, f32)>> = vec![Vec::new(); STEPS];
    let mut taken = 0;
    for dot in dots {
        let [x, y] = [dot.x, dot.y].map(|at| in_cells(cell_centre(at, maps.fine.factor), level.factor));
        let inside = x >= reach && y >= reach && x + reach < width as f64 && y + reach < height as f64;
        if !inside || taken == PROFILED.0 {
            continue;
        }
        taken += 1;
        for py in (y - reach).ceil() as usize..=(y + reach) as usize {
            for px in (x - reach).ceil() as usize..=(x + reach) as usize {
                let radius = level.scale.mm((px as f64 - x).hypot(py as f64 - y));
                if let Some(ring) = rings.get_mut((radius / step) as usize) {
                    ring.push((radius * radius, plane[[py, px]]));
                }
            }
        }
    }
    let (inner, outer) = rings.split_at_mut((around / step).round() as usize);
    let middles = |rings: &mut [Vec<(f64, f32)>]| -> Vec<(f64, f64)> {
        rings.iter_mut().filter_map(|ring| middle(ring)).collect()
    };
    let (profile, surroundings) = (middles(inner), middles(outer));
    if taken < PROFILED.1 || surroundings.is_empty() {
        return None;
    }
    let base = surroundings.iter().map(|ring| ring.1).sum::<f64>() / surroundings.len() as f64;
    let peak = profile.iter().map(|ring| ring.1).fold(f64::MIN, f64::max) - base;
    // ln h falls by r²/2σ²: a straight line, each ring weighted by its h².
    let (mut weight, mut sums) = (0.0, [0.0; 4]);
    for (squared, value) in profile {
        let rise = value - base;
        if squared <= fit * fit && rise > 0.2 * peak && peak > 0.0 {
            let (w, ln) = (rise * rise, rise.ln());
            weight += w;
            let terms = [w * squared, w * ln, w * squared * squared, w * squared * ln];
            sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
        }
    }
    let [x, y, xx, xy] = sums.map(|sum| sum / weight);
    let slope = (xy - x * y) / (xx - x * x);
    (slope.is_finite() && slope < 0.0).then(|| -0.5 / slope)
}

/// Mean squared radius and median value of a ring that holds anything.
fn middle(ring: &mut [(f64, f32)]) -> Option<(f64, f64)> {
    if ring.is_empty() {
        return None;
    }
    let squared = ring.iter().map(|(squared, _)| squared).sum::<f64>() / ring.len() as f64;
    let half = ring.len() / 2;
    let median = ring.select_nth_unstable_by(half, |a, b| a.1.total_cmp(&b.1)).1.1;
    Some((squared, f64::from(median)))
}

/// Why a photo has no pores to measure, if it has none.
fn reason(relief: &Relief) -> Option<&'static str> {
    if !relief.scale.physical {
        return Some(NO_SCALE);
    }
    (relief.scale.px_per_mm < LEAST_PX_PER_MM).then_some(RESOLUTION_TOO_LOW)
}

/// The metrics of this family in one region, from all `pores` of the photo.
pub fn measure(relief: &Relief, pores: &[Pore], region: &Region) -> Vec<Measured> {
    if let Some(reason) = reason(relief) {
        return CATALOGUE.iter().map(|metric| Measured::absent(metric.id, reason)).collect();
    }
    let (px_per_mm, tiles) = (relief.native_px_per_mm(), &region.tiles);
    let counted = || pores.iter().filter(|pore| pore.diameter_px >= COUNTED_FROM_MM * px_per_mm);
    let sums = |value: fn(f64) -> f64| {
        tiles.sums(counted().map(|pore| ([pore.x_px, pore.y_px], value(pore.diameter_px / px_per_mm))))
    };
    let areas = tiles.areas_mm2(px_per_mm);
    let cm2: Vec<f64> = areas.iter().map(|area| area / 100.0).collect();
    let diameters: Vec<_> = counted()
        .filter_map(|p| Some((1000.0 * p.diameter_px / px_per_mm, 1.0, tiles.at(p.x_px, p.y_px)?)))
        .collect();
    vec![
        Measured::new(CATALOGUE[0].id, Estimate::ratio(&sums(|_| 1.0), &cm2), NO_SKIN),
        Measured::new(CATALOGUE[1].id, Estimate::median(&diameters, tiles.count()), NONE_FOUND),
        Measured::new(CATALOGUE[2].id, Estimate::ratio(&sums(disc), &areas), NO_SKIN),
    ]
}

fn disc(diameter: f64) -> f64 {
    std::f64::consts::FRAC_PI_4 * diameter * diameter
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::testing::{maps_of, noise, relief_in_cells, skin_of, turned_and_flipped, value};

    /// Blur of the pictures, mm².
    const BLUR_MM2: f64 = 0.0064;

    /// Pits of `diameter` mm (full width at half maximum) on a lattice of
    /// 2 mm, as the blur leaves them, in skin of 20 px/mm with noise of this `deviation`.
    fn pitted(diameter: f64, deviation: f32) -> Plane {
        let sigma = 20.0 * (diameter * SIGMA_PER_FWHM).hypot(BLUR_MM2.sqrt());
        Plane::from_shape_fn((400, 400), |(y, x)| {
            let from = |at: usize| {
                (at as f64 - 19.7).rem_euclid(40.0).min(40.0 - (at as f64 - 19.7).rem_euclid(40.0))
            };
            let squared = from(x).powi(2) + from(y).powi(2);
            0.2 * (-0.5 * squared / (sigma * sigma)).exp() as f32 + noise(x, y, deviation) + 0.7
        })
    }

    fn found(green: Plane) -> (Vec<Pore>, Vec<Measured>) {
        let maps = maps_of(green, 20.0);
        let relief = Relief::of(&maps);
        let pores = among(&dots(&relief, &Clutter::of(&relief)), &relief, BLUR_MM2);
        let measured = measure(&relief, &pores, &skin_of(&maps));
        (pores, measured)
    }

    #[test]
    fn every_pore_is_found_where_it_is_as_wide_as_it_is() {
        // 100 pores on 20 mm by 20 mm are 25 per cm²; noise makes a tenth of those of 0.22 mm smaller than
        // what counts.
        for (diameter, deviation, off_count) in
            [(0.22, 0.02, 2.5), (0.22, 0.005, 1e-9), (0.3, 0.02, 1e-9), (0.45, 0.02, 1e-9)]
        {
            let (pores, measured) = found(pitted(diameter, deviation));
            assert_eq!(pores.len(), 100);
            for pore in &pores {
                let off = |at: f64| (at - 19.7 + 20.0).rem_euclid(40.0) - 20.0;
                assert!(off(pore.x_px).hypot(off(pore.y_px)) < 0.6, "{pore:?}");
            }
            let median = value(&measured, "pores.diameter_median_um");
            assert!((median - 1000.0 * diameter).abs() < 6.0, "{diameter}: {median}");
            let density = value(&measured, "pores.density_per_cm2");
            assert!((density - 25.0).abs() < off_count, "{diameter} {deviation}: {density}");
            let covered = 0.25 * std::f64::consts::FRAC_PI_4 * diameter * diameter;
            assert!((value(&measured, "pores.area_fraction") / covered - 1.0).abs() < 0.2);
        }
    }

    #[test]
    fn cells_leave_pores_as_wide_as_they_are() {
        let sigma = 40.0 * (0.25 * SIGMA_PER_FWHM).hypot(BLUR_MM2.sqrt());
        let plane = Plane::from_shape_fn((600, 600), |(y, x)| {
            // A step of 82.6 pixels, so that pits lie anywhere between cells.
            let from = |at: usize| (at as f64 + 0.7).rem_euclid(82.6) - 41.3;
            let squared = from(x).powi(2) + from(y).powi(2);
            0.2 * (-0.5 * squared / (sigma * sigma)).exp() as f32 + noise(x, y, 0.02) + 0.7
        });
        for factor in [1, 2, 3] {
            let relief = relief_in_cells(&plane, factor);
            let pores = among(&dots(&relief, &Clutter::of(&relief)), &relief, BLUR_MM2);
            let mut diameters: Vec<f64> = pores.iter().map(|pore| pore.diameter_px / 40.0).collect();
            let median = *diameters.select_nth_unstable_by(24, f64::total_cmp).1;
            assert!(pores.len() == 49 && (median - 0.25).abs() < 0.004, "{factor}: {median}");
        }
    }

    /// Pits 0.25 mm wide whose picture is blurred by the lens alone, or also by
    /// light that spreads 0.25 mm in red and 0.12 mm in green.
    #[test]
    fn light_that_spreads_in_the_skin_is_told_by_red_and_taken_off() {
        let channel = |spread: f64| {
            let own = 20.0 * (0.25 * SIGMA_PER_FWHM).hypot(LENS_PX / 20.0);
            let sigma = own.hypot(20.0 * spread);
            let height = 0.35 * (own / sigma).powi(2);
            Plane::from_shape_fn((400, 400), |(y, x)| {
                // A step of 41.3 pixels, so that pits lie anywhere between the coarse cells.
                let from = |at: usize| (at as f64 + 0.3).rem_euclid(41.3) - 20.6;
                let squared = from(x).powi(2) + from(y).powi(2);
                (height * (-0.5 * squared / (sigma * sigma)).exp()) as f32 + noise(x, y, 0.01) + 0.7
            })
        };
        let blur = |spread: [f64; 3]| {
            let maps = crate::metrics::testing::maps_of_colors(spread.map(channel), 20.0);
            let relief = Relief::of(&maps);
            blur_mm2(&maps, &dots(&relief, &Clutter::of(&relief)))
        };
        let lens = (LENS_PX / 20.0).powi(2);
        assert!((blur([0.0; 3]) - lens).abs() < 3e-4);
        assert!(blur([0.25, 0.12, 0.07]) > lens + 0.8 * MOST_SPREAD_MM2);
    }

    #[test]
    fn turning_flipping_and_shading_the_photo_keeps_every_pore() {
        let plane = pitted(0.3, 0.02);
        let (pores, _) = found(plane.clone());
        for other in turned_and_flipped(&plane) {
            assert_eq!(found(other).0.len(), pores.len());
        }
        assert_eq!(found(plane + 0.5).0.len(), pores.len());
    }

    #[test]
    fn furrows_spots_and_bright_dots_are_no_pores() {
        let furrows = Plane::from_shape_fn((300, 300), |(_, x)| {
            0.3 * (-0.5 * (((x % 60) as f32 - 30.0) / 3.0).powi(2)).exp()
        });
        assert!(found(furrows).0.is_empty());
        let spot = Plane::from_shape_fn((300, 300), |(y, x)| {
            if (x as f32 - 150.0).hypot(y as f32 - 150.0) < 24.0 { 0.5 } else { 0.0 }
        });
        assert!(found(spot).0.is_empty());
        assert!(found(pitted(0.3, 0.02) * -1.0).0.is_empty());
    }

    #[test]
    fn the_baselines_clutter_decides_for_all_sessions() {
        let relief = Relief::of(&maps_of(pitted(0.3, 0.02), 20.0));
        let clutter = Clutter::of(&relief);
        let fainter = Relief::of(&maps_of(pitted(0.3, 0.02).mapv(|v| 0.55 * v), 20.0));
        assert_eq!(dots(&fainter, &clutter).len(), 100);
        assert!(dots(&Relief::of(&maps_of(pitted(0.3, 0.02).mapv(|v| 0.25 * v), 20.0)), &clutter).is_empty());
    }

    #[test]
    fn without_scale_or_resolution_the_reason_is_given() {
        let mut maps = maps_of(pitted(0.3, 0.02), 20.0);
        maps.fine.scale.px_per_mm = 10.0;
        let region = skin_of(&maps);
        let coarse = Relief::of(&maps);
        assert!(measure(&coarse, &[], &region).iter().all(|m| m.outcome == Err(RESOLUTION_TOO_LOW)));
        maps.fine.scale.physical = false;
        let unknown = Relief::of(&maps);
        assert!(dots(&unknown, &Clutter::of(&unknown)).is_empty());
        assert!(measure(&unknown, &[], &region).iter().all(|m| m.outcome == Err(NO_SCALE)));
    }

    #[test]
    fn smooth_skin_has_no_pores_and_their_size_is_absent() {
        let (pores, measured) = found(Plane::from_elem((200, 200), 0.8));
        assert!(pores.is_empty());
        assert_eq!(value(&measured, "pores.density_per_cm2"), 0.0);
        assert_eq!(measured[1].outcome, Err(NONE_FOUND));
    }
}
