//! Pores: follicle openings, found as small round dark blobs of the relief.

use crate::filter::blobs::{Blob, blobs};
use crate::filter::scale_space::Rung;
use crate::metrics::relief::{Clutter, QUARTER_MM, Relief, SIGMA_PER_FWHM};
use crate::metrics::{
    Better, Estimate, Family, Measured, Metric, NO_SCALE, NO_SKIN, NONE_FOUND, RESOLUTION_TOO_LOW,
};
use crate::raster::{cell_centre, covers};
use crate::region::Region;

/// Least depth of a pore on perfectly even skin, ln units of green density:
/// about the least contrast at which a small dark spot is seen.
const LEAST_CONTRAST: f64 = 0.08;

/// What the skin's clutter at 0.25 mm adds to that, times itself: on six
/// tones of two kinds of rendered skin, the line along which pores and the
/// net of furrows part best.
const LEAST_PER_CLUTTER: f64 = 4.3;

/// Least ratio of the curvatures of a pore: old pores are ovals of up to 2 to
/// 1 (whose curvatures are 4 to 1), furrows and hairs are ridges.
const LEAST_ISOTROPY: f64 = 0.2;

/// Least fall-off around a pore, as a share of its depth: corners of spots
/// and scars have none on their inner side.
const LEAST_PROMINENCE: f64 = 0.0;

/// Blur of a pore's picture, standard deviation in mm: light that spreads in
/// the skin and the lens of a close-up. Chosen by us, between what a sharp
/// black plug and a shaded pit show.
const BLUR_MM: f64 = 0.08;

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

/// The pores of one photo, strongest first; none where the photo has no scale
/// or too few pixels. `clutter` is the baseline's.
pub fn detect(relief: &Relief, clutter: &Clutter) -> Vec<Pore> {
    if reason(relief).is_some() {
        return Vec::new();
    }
    let least = LEAST_CONTRAST + LEAST_PER_CLUTTER * clutter.at(QUARTER_MM);
    let rungs: Vec<&Rung> = (QUARTER_MM - 1..=QUARTER_MM + 4).filter_map(|k| relief.rung(k)).collect();
    // A Gaussian's response is half its height, a little less between rungs.
    let found = blobs(&rungs, (0.4 * least) as f32);
    found.iter().filter(|blob| blob.height >= least).filter_map(|blob| pore(relief, blob)).collect()
}

/// The blob as a pore, if it is round, small and on skin.
fn pore(relief: &Relief, blob: &Blob) -> Option<Pore> {
    let diameter = diameter_mm(relief.scale.mm(blob.sigma));
    let kept = blob.isotropy >= LEAST_ISOTROPY
        && blob.prominence >= LEAST_PROMINENCE
        && DIAMETERS_MM.contains(&diameter)
        && covers(&relief.skin, blob.x, blob.y);
    kept.then(|| Pore {
        x_px: cell_centre(blob.x, relief.factor),
        y_px: cell_centre(blob.y, relief.factor),
        diameter_px: diameter * relief.native_px_per_mm(),
        contrast: blob.height,
    })
}

/// Full width at half maximum of the Gaussian whose picture has a standard
/// deviation of `sigma` mm: variances add under blur. Of something hardly
/// wider than the blur, a fixed share.
fn diameter_mm(sigma: f64) -> f64 {
    (sigma * sigma - BLUR_MM * BLUR_MM).max(0.16 * sigma * sigma).sqrt() / SIGMA_PER_FWHM
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
    use crate::metrics::testing::{maps_of, noise, skin_of, turned_and_flipped, value};
    use crate::raster::Plane;

    /// Pits of `diameter` mm (full width at half maximum) on a lattice of
    /// 2 mm, as the blur leaves them, in skin of 20 px/mm.
    fn pitted(diameter: f64) -> Plane {
        let sigma = 20.0 * (diameter * SIGMA_PER_FWHM).hypot(BLUR_MM);
        Plane::from_shape_fn((400, 400), |(y, x)| {
            let from = |at: usize| {
                (at as f64 - 19.7).rem_euclid(40.0).min(40.0 - (at as f64 - 19.7).rem_euclid(40.0))
            };
            let squared = from(x).powi(2) + from(y).powi(2);
            0.2 * (-0.5 * squared / (sigma * sigma)).exp() as f32 + noise(x, y, 0.02) + 0.7
        })
    }

    fn found(green: Plane) -> (Vec<Pore>, Vec<Measured>) {
        let maps = maps_of(green, 20.0);
        let relief = Relief::of(&maps);
        let pores = detect(&relief, &Clutter::of(&relief));
        let measured = measure(&relief, &pores, &skin_of(&maps));
        (pores, measured)
    }

    #[test]
    fn every_pore_is_found_where_it_is_as_wide_as_it_is() {
        for diameter in [0.22, 0.3, 0.45] {
            let (pores, measured) = found(pitted(diameter));
            assert_eq!(pores.len(), 100);
            for pore in &pores {
                let off = |at: f64| (at - 19.7 + 20.0).rem_euclid(40.0) - 20.0;
                assert!(off(pore.x_px).hypot(off(pore.y_px)) < 0.6, "{pore:?}");
            }
            let median = value(&measured, "pores.diameter_median_um");
            assert!((median - 1000.0 * diameter).abs() < 25.0, "{diameter}: {median}");
            // 100 pores on 20 mm by 20 mm.
            assert!((value(&measured, "pores.density_per_cm2") - 25.0).abs() < 1e-9);
            let covered = 0.25 * std::f64::consts::FRAC_PI_4 * diameter * diameter;
            assert!((value(&measured, "pores.area_fraction") / covered - 1.0).abs() < 0.2);
        }
    }

    #[test]
    fn turning_flipping_and_shading_the_photo_keeps_every_pore() {
        let plane = pitted(0.3);
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
        assert!(found(pitted(0.3) * -1.0).0.is_empty());
    }

    #[test]
    fn the_baselines_clutter_decides_for_all_sessions() {
        let relief = Relief::of(&maps_of(pitted(0.3), 20.0));
        let clutter = Clutter::of(&relief);
        let fainter = Relief::of(&maps_of(pitted(0.3).mapv(|v| 0.55 * v), 20.0));
        assert_eq!(detect(&fainter, &clutter).len(), 100);
        assert!(detect(&Relief::of(&maps_of(pitted(0.3).mapv(|v| 0.25 * v), 20.0)), &clutter).is_empty());
    }

    #[test]
    fn without_scale_or_resolution_the_reason_is_given() {
        let mut maps = maps_of(pitted(0.3), 20.0);
        maps.fine.scale.px_per_mm = 10.0;
        let region = skin_of(&maps);
        let coarse = Relief::of(&maps);
        assert!(measure(&coarse, &[], &region).iter().all(|m| m.outcome == Err(RESOLUTION_TOO_LOW)));
        maps.fine.scale.physical = false;
        let unknown = Relief::of(&maps);
        assert!(detect(&unknown, &Clutter::of(&unknown)).is_empty());
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
