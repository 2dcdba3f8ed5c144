//! Atrophic acne scars: pits that the light from one side draws as a dark and
//! a bright crescent.
//!
//! A pit darkens towards the light and brightens away from it; a spot does
//! neither, and a bump does the opposite. Depth in millimetres cannot be had
//! from one photo: what is reported is how strongly scars are seen.

use crate::filter::blobs::Blob;
use crate::filter::morphology::dilate;
use crate::metrics::pits::{Fit, PitNoise, PlainSkin, Profile};
use crate::metrics::relief::Light;
use crate::metrics::{
    Better, Estimate, Family, Maps, Measured, Metric, NO_SKIN, NONE_FOUND, RESOLUTION_TOO_LOW,
};
use crate::raster::{Mask, cell_centre, in_cells};
use crate::region::Region;
use crate::units::FilterScale;

/// Least mean amplitude of the crescents, ln units: what is seen of a shadow at a glance.
const LEAST_CONTRAST: f64 = 0.03;

/// Least dark side in units of its error on the baseline's plain skin, and
/// bright side likewise; pores and furrows that are left make errors about
/// four times those of the same noise without them.
const LEAST_UNITS: f64 = 10.0;

/// Least bright side, ln units and as a share of the dark one: a spot has none.
const LEAST_BRIGHT: (f64, f64) = (0.04, 0.15);

/// Least dark side as a share of the bright one: that of a glint, or beside a bump, is faint.
const LEAST_DARK: f64 = 0.5;

/// Least share of the skin's variation that a pit explains, beyond the
/// baseline's noise and with it; half of the latter where crescents are strong.
const LEAST_EXPLAINED: f64 = 0.5;
const LEAST_EXPLAINED_OF_ALL: f64 = 0.4;
const STRONG: f64 = 0.08;

/// Least amplitude in red as a share of that in green: shading darkens all
/// channels, light spreads furthest in red; blood and melanin leave less.
const LEAST_RED: f64 = 0.65;

/// Least amplitude in blue as a share of that in green: light spreads least in
/// blue, and what the surface reflects weighs most in the darkest channel;
/// blood, and melanin on dark skin, leave less.
const LEAST_BLUE: f64 = 1.0;

/// Errors of red by which colour may be off.
const COLOUR_ERRORS: f64 = 2.0;

/// The dark side of a pit too steep to have a bright one: radii, mm, least
/// darkness times squared radius, least share explained, and most blue as a
/// share of red, which melanin on light skin exceeds.
const STEEP_RADII_MM: std::ops::Range<f64> = 0.7..1.2;
const STEEP_DARK: f64 = 0.25;
const STEEP_EXPLAINED: f64 = 0.6;
const STEEP_MOST_BLUE: f64 = 1.6;

/// Distance between scars over the larger radius.
const APART: f64 = 1.3;

/// Radius of a funnel's mouth over that of the cone that fits: what lies
/// deepest gets no light, and the dark side looks wider.
const MOUTH: f64 = 0.75;

/// How far around a spot, and beside a furrow of its width, skin is not plain, mm.
const MARGIN_MM: f64 = 0.3;

/// Least resolution, px/mm of the coarse plane.
const LEAST_PX_PER_MM: f64 = 3.0;

/// Why scars have no value: the light comes from the front or from all
/// around, and draws no crescents.
pub const LIGHT_TOO_FRONTAL: &str = "light_too_frontal";

const CRESCENTS: &str = "paired crescents along the light, chosen by us; sizes after Jacob et al. 2001, \
                         J. Am. Acad. Dermatol. 45:109";

/// The metrics of this family.
pub const CATALOGUE: &[Metric] = &[
    Metric {
        id: "scars.count",
        family: Family::Scars,
        unit: "count",
        range: "0..=1000",
        better: Some(Better::Lower),
        ratio_scale: true,
        needs_scale: false,
        summary: "Atrophic scars whose crescents are visible.",
        source: CRESCENTS,
    },
    Metric {
        id: "scars.area_fraction",
        family: Family::Scars,
        unit: "fraction",
        range: "0..=1",
        better: Some(Better::Lower),
        ratio_scale: true,
        needs_scale: false,
        summary: "Share of the skin within the half-depth radius of an atrophic scar.",
        source: CRESCENTS,
    },
    Metric {
        id: "scars.shading_contrast",
        family: Family::Scars,
        unit: "ln",
        range: "0..=2",
        better: Some(Better::Lower),
        ratio_scale: true,
        needs_scale: false,
        summary: "Mean amplitude of the crescents of atrophic scars: visibility, not depth.",
        source: CRESCENTS,
    },
];

/// The size of a scar, by its width (Jacob et al. 2001).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SizeClass {
    /// Up to 2 mm, as ice-pick scars are.
    Narrow,
    /// 2 to 4 mm, as boxcar scars are.
    Medium,
    /// Above 4 mm, as rolling scars are.
    Wide,
}

/// A scar of one photo, in native pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scar {
    /// Column of its centre.
    pub x_px: f64,
    /// Row of its centre.
    pub y_px: f64,
    /// Radius at half depth; of a funnel, that of its mouth.
    pub radius_px: f64,
    /// Amplitude of its crescents, ln units.
    pub contrast: f64,
    /// Its size class; `None` without scale.
    pub size: Option<SizeClass>,
}

/// What else is on the skin of a photo, which is no scar.
pub struct Others<'a> {
    /// Round dark dots, on the fine plane.
    pub dots: &'a [Blob],
    /// Furrows: points in native pixels, and width.
    pub furrows: &'a [(&'a [[f64; 2]], f64)],
    /// Pigmented spots, coarse cells.
    pub spots: &'a Mask,
}

/// How uneven the plain skin of a baseline is; `None` without `light` from one side.
pub fn noise(maps: &Maps, light: Option<Light>, others: &Others) -> Option<PitNoise> {
    plain_skin(maps, light, others).map(|skin| skin.noise())
}

/// The atrophic scars of one photo, those that explain most first; none
/// without `light` from one side. `noise` is the baseline's; without one, the
/// photo's own.
///
/// Pits are looked for in red, where pigment shows least and shading has the
/// least noise, and must be as strong in green and blue as shading is.
pub fn detect(maps: &Maps, light: Option<Light>, others: &Others, noise: Option<PitNoise>) -> Vec<Scar> {
    let Some(skin) = plain_skin(maps, light, others) else { return Vec::new() };
    let level = &maps.coarse;
    let noise = noise.unwrap_or_else(|| skin.noise());
    let mut pits = skin.fits(&noise);
    pits.retain(|fit| is_pit(fit, &noise));
    pits.sort_by(|a, b| b.gain.total_cmp(&a.gain).then((a.y, a.x).cmp(&(b.y, b.x))));
    apart(pits, level.scale).iter().map(|pit| scar(pit, level.factor, level.scale)).collect()
}

/// The skin between what else is on it, where light and resolution show pits.
fn plain_skin(maps: &Maps, light: Option<Light>, others: &Others) -> Option<PlainSkin> {
    let light = light.filter(Light::is_sided)?;
    (maps.coarse.scale.px_per_mm >= LEAST_PX_PER_MM)
        .then(|| PlainSkin::of(maps, light.towards(), others.dots, &clutter(maps, others)))
}

/// The coarse cells of spots and furrows, with a margin.
fn clutter(maps: &Maps, others: &Others) -> Mask {
    let level = &maps.coarse;
    let margin = level.scale.px(MARGIN_MM);
    let mut clutter = dilate(others.spots, margin);
    let (height, width) = clutter.dim();
    for (points, furrow) in others.furrows {
        let reach = (0.75 * furrow / level.factor as f64).max(1.0) + 1.0;
        for [x, y] in points.iter().map(|p| p.map(|at| in_cells(at, level.factor))) {
            let span = |at: f64, most: usize| {
                (at - reach).ceil().max(0.0) as usize
                    ..((at + reach).floor() + 1.0).clamp(0.0, most as f64) as usize
            };
            for cell_y in span(y, height) {
                for cell_x in span(x, width) {
                    if (cell_x as f64 - x).hypot(cell_y as f64 - y) <= reach {
                        clutter[[cell_y, cell_x]] = true;
                    }
                }
            }
        }
    }
    clutter
}

/// Whether what was fitted is shading, dark towards the light and bright away from it.
fn is_pit(fit: &Fit, noise: &PitNoise) -> bool {
    let amplitude: [f64; 3] = std::array::from_fn(|c| 0.5 * (fit.dark[c] + fit.bright[c]));
    let [red, green, blue] = amplitude;
    let ([dark, ..], [bright, ..]) = (fit.dark, fit.bright);
    let floor = noise.residual.powi(2);
    let [left, all] = [fit.residual, fit.variation].map(|rms| rms * rms);
    let explained_of_all = 1.0 - left / all.max(1e-12);
    let explained = 1.0 - (left - floor).max(0.0) / (all - floor).max(1e-12);
    let unit = noise.residual;
    let least_of_all = if red < STRONG { LEAST_EXPLAINED_OF_ALL } else { 0.5 * LEAST_EXPLAINED_OF_ALL };
    let error = COLOUR_ERRORS * 0.5 * fit.residual * fit.unit_errors[0].hypot(fit.unit_errors[1]);
    let clear = red >= LEAST_CONTRAST
        && dark >= LEAST_UNITS * unit * fit.unit_errors[0]
        && explained >= LEAST_EXPLAINED
        && explained_of_all >= least_of_all
        && red + error >= LEAST_RED * green
        && blue + error >= LEAST_BLUE * green;
    let paired = bright >= LEAST_BRIGHT.0.max(LEAST_BRIGHT.1 * dark)
        && bright >= LEAST_UNITS * unit * fit.unit_errors[1]
        && dark >= LEAST_DARK * bright;
    let steep = STEEP_RADII_MM.contains(&fit.radius_mm)
        && dark * fit.radius_mm.powi(2) >= STEEP_DARK
        && explained >= STEEP_EXPLAINED
        && red >= LEAST_RED * green
        && fit.dark[2] <= STEEP_MOST_BLUE * dark;
    clear && (paired || steep)
}

/// The pits, strongest first, without those that are part of a stronger one.
fn apart(pits: Vec<Fit>, scale: FilterScale) -> Vec<Fit> {
    let mut kept: Vec<Fit> = Vec::new();
    for pit in pits {
        let away = |other: &Fit| {
            let distance = (other.x as f64 - pit.x as f64).hypot(other.y as f64 - pit.y as f64);
            scale.mm(distance) > APART * other.radius_mm.max(pit.radius_mm)
        };
        if kept.iter().all(away) {
            kept.push(pit);
        }
    }
    kept
}

fn scar(pit: &Fit, factor: usize, scale: FilterScale) -> Scar {
    let radius_mm = pit.radius_mm * if pit.profile == Profile::Funnel { MOUTH } else { 1.0 };
    let size = match 2.0 * radius_mm {
        width if width <= 2.0 => SizeClass::Narrow,
        width if width <= 4.0 => SizeClass::Medium,
        _ => SizeClass::Wide,
    };
    Scar {
        x_px: cell_centre(pit.x as f64, factor),
        y_px: cell_centre(pit.y as f64, factor),
        radius_px: scale.px(radius_mm) * factor as f64,
        contrast: 0.5 * (pit.dark[0] + pit.bright[0]),
        size: scale.physical.then_some(size),
    }
}

/// The metrics of this family in one region, from all `scars` of the photo.
pub fn measure(maps: &Maps, light: Option<Light>, scars: &[Scar], region: &Region) -> Vec<Measured> {
    let reason = if maps.coarse.scale.px_per_mm < LEAST_PX_PER_MM {
        Some(RESOLUTION_TOO_LOW)
    } else {
        (!light.is_some_and(|light| light.is_sided())).then_some(LIGHT_TOO_FRONTAL)
    };
    if let Some(reason) = reason {
        return CATALOGUE.iter().map(|metric| Measured::absent(metric.id, reason)).collect();
    }
    let tiles = &region.tiles;
    let sums = |value: fn(&Scar) -> f64| tiles.sums(scars.iter().map(|s| ([s.x_px, s.y_px], value(s))));
    let counts = sums(|_| 1.0);
    let areas: Vec<f64> = tiles.cells().iter().map(|cells| cells * (tiles.factor() as f64).powi(2)).collect();
    let covered = sums(|scar| std::f64::consts::PI * scar.radius_px * scar.radius_px);
    vec![
        Measured::new(CATALOGUE[0].id, Estimate::total(&counts, &areas), NO_SKIN),
        Measured::new(CATALOGUE[1].id, Estimate::ratio(&covered, &areas), NO_SKIN),
        Measured::new(CATALOGUE[2].id, Estimate::ratio(&sums(|scar| scar.contrast), &counts), NONE_FOUND),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Relief;
    use crate::metrics::relief::SIGMA_PER_FWHM;
    use crate::metrics::testing::{maps_of, skin_of, value};
    use crate::raster::Plane;

    /// A Gaussian pit (or bump, or flat spot) of half-depth radius 1 mm and
    /// slope-shading of amplitude about 0.1, lit along x, with pores around it
    /// that are lit the same way; 20 px/mm.
    fn lit(relief: f64, spot: f64) -> Plane {
        let shaded = |dx: f64, dy: f64, sigma: f64, slope: f64, dark: f64| {
            let g = (-0.5 * (dx * dx + dy * dy) / (sigma * sigma)).exp();
            (slope * dx / sigma + dark) * g
        };
        let scar = 20.0 * 2.0 * SIGMA_PER_FWHM;
        Plane::from_shape_fn((400, 400), |(y, x)| {
            let near = |at: usize, step: f64| (at as f64 + 0.3).rem_euclid(step) - step / 2.0;
            let (dx, dy) = (near(x, 400.0), near(y, 400.0));
            let pit = shaded(dx, dy, scar, relief, spot);
            let pore =
                if dx.hypot(dy) > 80.0 { shaded(near(x, 40.0), near(y, 40.0), 3.0, 0.08, 0.25) } else { 0.0 };
            (pit + pore) as f32
        })
    }

    fn found(green: Plane) -> (Vec<Scar>, Vec<Measured>) {
        let maps = maps_of(green, 20.0);
        let relief = Relief::of(&maps);
        let clutter = crate::metrics::relief::Clutter::of(&relief);
        let dots = crate::metrics::pores::dots(&relief, &clutter);
        let light = crate::metrics::relief::light(&relief, dots.iter().map(|dot| [dot.x, dot.y]));
        let spots = Mask::from_elem(maps.coarse.skin.raw_dim(), false);
        let others = Others { dots: &dots, furrows: &[], spots: &spots };
        let scars = detect(&maps, light, &others, None);
        let measured = measure(&maps, light, &scars, &skin_of(&maps));
        (scars, measured)
    }

    #[test]
    fn a_pit_is_found_with_its_size_and_bumps_and_spots_are_not() {
        let (scars, measured) = found(lit(0.16, 0.0));
        assert_eq!(scars.len(), 1, "{scars:?}");
        for scar in &scars {
            let off = |at: f64| (at + 0.3).rem_euclid(400.0) - 200.0;
            assert!(off(scar.x_px).hypot(off(scar.y_px)) < 5.0, "{scar:?}");
            assert!((scar.radius_px / 20.0 - 1.0).abs() < 0.35, "{scar:?}");
        }
        assert_eq!(value(&measured, "scars.count"), 1.0);
        let bumps = found(lit(-0.16, 0.0)).0;
        assert!(bumps.is_empty(), "{bumps:?}");
        let spots = found(lit(0.0, 0.4)).0;
        assert!(spots.is_empty(), "{spots:?}");
    }

    #[test]
    fn shallower_pits_have_proportionally_less_contrast() {
        let contrast = |relief| value(&found(lit(relief, 0.0)).1, "scars.shading_contrast");
        let ratio = contrast(0.144) / contrast(0.16);
        assert!((ratio - 0.9).abs() < 0.01, "{ratio}");
    }

    #[test]
    fn the_photo_turned_has_the_same_scars() {
        let plane = lit(0.16, 0.0);
        for other in crate::metrics::testing::turned_and_flipped(&plane) {
            assert_eq!(found(other).0.len(), 1);
        }
        assert_eq!(found(plane + 0.4).0.len(), 1);
    }

    #[test]
    fn without_light_from_one_side_there_is_a_reason() {
        let (scars, measured) = found(Plane::from_elem((200, 200), 0.7));
        assert!(scars.is_empty());
        assert!(measured.iter().all(|m| m.outcome == Err(LIGHT_TOO_FRONTAL)));
    }
}
