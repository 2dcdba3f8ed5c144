//! Atrophic acne scars: pits that the light from one side draws as a dark and
//! a bright crescent.
//!
//! A pit darkens towards the light and brightens away from it; a spot does
//! neither, and a bump does the opposite. Depth in millimetres cannot be had
//! from one photo: what is reported is how strongly scars are seen.

use crate::filter::gaussian::gaussian;
use crate::metrics::maps::freed;
use crate::metrics::relief::{Clutter, Light, sigma_mm};
use crate::metrics::{
    Better, Estimate, Family, Maps, Measured, Metric, NO_SKIN, NONE_FOUND, RESOLUTION_TOO_LOW,
};
use crate::raster::{Plane, cell_centre, covers, sample, size};
use crate::region::Region;
use crate::units::FilterScale;

/// Rungs whose standard deviations pits are looked for at, 0.3 to 1.2 mm:
/// half-depth radii of 0.6 to 2.4 mm.
const SCALES: std::ops::RangeInclusive<usize> = 5..=9;

/// Radius at half depth of a Gaussian pit over the scale that sees its slopes
/// best: `√(2 ln 2)·√3`.
const RADIUS_PER_SIGMA: f64 = 2.039;

/// Where the crescents lie and where they have ended, in scales from the centre.
const CREST: f64 = 2.0;
const BEYOND: f64 = 4.5;
/// Where crescents must have faded along themselves, in scales.
const ASIDE: f64 = 3.5;

/// Least amplitude of the crescents on perfectly even skin, ln units, and
/// what the clutter at the same scale adds to it.
const LEAST_CONTRAST: (f64, f64) = (0.025, 1.5);

/// Least share of the amplitude that each crescent must stand out by from what
/// lies beside, and the dark one from what lies beyond.
const LEAST_BALANCE: f64 = 0.3;

/// The same for the bright crescent and what lies beyond: less, as the floor
/// of a deep pit is dark; above 0, as beside a dark spot nothing is bright.
const LEAST_BRIGHT: f64 = 0.1;

/// The same for the sum of both falls beyond the crescents (2 for an ideal
/// pit, 0 for the edge of a spot).
const LEAST_END: f64 = 0.8;

/// Least share of the crescents' amplitude that must be shading and not
/// pigment: the edge of a spot has next to none.
const LEAST_SHADED: f64 = 0.4;

/// Largest slope beside a pit as a share of that in its middle: a furrow runs on.
const MOST_BESIDE: f64 = 0.6;

/// The inner part of a scar, as a share of its radius.
const INNER: f64 = 0.8;

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
    /// Radius at half depth.
    pub radius_px: f64,
    /// Amplitude of its crescents, ln units.
    pub contrast: f64,
    /// Its size class; `None` without scale.
    pub size: Option<SizeClass>,
}

/// The atrophic scars of one photo, strongest first; none without `light`
/// from one side. `clutter` is the baseline's; `furrows` are lines of points in
/// native pixels, which are no scars.
///
/// Pits are looked for in red, where pigment shows least and shading has the
/// least noise; what unmixes as pigment does not count.
pub fn detect(maps: &Maps, clutter: &Clutter, light: Option<Light>, furrows: &[&[[f64; 2]]]) -> Vec<Scar> {
    let Some(light) = light.filter(Light::is_sided) else { return Vec::new() };
    let scale = maps.coarse.scale;
    if scale.px_per_mm < LEAST_PX_PER_MM {
        return Vec::new();
    }
    let (red, shading) = (freed(&maps.density[0], maps), freed(&maps.shading, maps));
    let mut pits: Vec<Crescents> = SCALES
        .flat_map(|k| {
            let sigma = scale.px(sigma_mm(k));
            let least = LEAST_CONTRAST.0 + LEAST_CONTRAST.1 * clutter.at(k);
            let shading = gaussian(&shading, sigma);
            let mut found = crescents(&gaussian(&red, sigma), sigma, light.towards(), least);
            found.retain(|pit| pit.is_shaded(&shading, light.towards()));
            found
        })
        .filter(|pit| covers(&maps.coarse.skin, pit.x, pit.y))
        .collect();
    pits.sort_by(|a, b| b.slope.total_cmp(&a.slope).then(a.y.total_cmp(&b.y)).then(a.x.total_cmp(&b.x)));
    let scars = apart(pits).iter().map(|pit| scar(pit, maps.coarse.factor, scale)).collect::<Vec<_>>();
    scars.into_iter().filter(|scar| !furrows.iter().any(|points| scar.lies_on(points))).collect()
}

/// The pits, strongest first, without those that are part of a stronger one.
fn apart(pits: Vec<Crescents>) -> Vec<Crescents> {
    let mut kept: Vec<Crescents> = Vec::new();
    for pit in pits {
        let away =
            |other: &Crescents| (other.x - pit.x).hypot(other.y - pit.y) > other.reach().max(pit.reach());
        if kept.iter().all(away) {
            kept.push(pit);
        }
    }
    kept
}

impl Scar {
    /// Whether a line runs across its inner part.
    fn lies_on(&self, points: &[[f64; 2]]) -> bool {
        points.iter().any(|[x, y]| (x - self.x_px).hypot(y - self.y_px) < INNER * self.radius_px)
    }
}

fn scar(pit: &Crescents, factor: usize, scale: FilterScale) -> Scar {
    let width_mm = 2.0 * scale.mm(pit.sigma) * RADIUS_PER_SIGMA;
    let size = match width_mm {
        width if width <= 2.0 => SizeClass::Narrow,
        width if width <= 4.0 => SizeClass::Medium,
        _ => SizeClass::Wide,
    };
    Scar {
        x_px: cell_centre(pit.x, factor),
        y_px: cell_centre(pit.y, factor),
        radius_px: pit.sigma * RADIUS_PER_SIGMA * factor as f64,
        contrast: pit.contrast,
        size: scale.physical.then_some(size),
    }
}

/// A dark crescent towards the light and a bright one away from it.
#[derive(Debug, Clone, Copy)]
struct Crescents {
    x: f64,
    y: f64,
    sigma: f64,
    /// Scale-normalised slope at the centre.
    slope: f64,
    /// Half of the difference between the crescents.
    contrast: f64,
}

impl Crescents {
    /// Whether the smoothed `shading` has the crescents too.
    fn is_shaded(&self, shading: &Plane, [ux, uy]: [f64; 2]) -> bool {
        let at = |sign: f64| {
            let reach = sign * CREST * self.sigma;
            sample(shading, self.x + reach * ux, self.y + reach * uy).map(f64::from)
        };
        let amplitude = at(1.0).zip(at(-1.0)).map(|(dark, bright)| 0.5 * (dark - bright));
        amplitude.is_some_and(|amplitude| amplitude >= LEAST_SHADED * self.contrast)
    }

    /// Within this distance of a stronger one, a weaker one is part of it.
    fn reach(&self) -> f64 {
        1.2 * RADIUS_PER_SIGMA * self.sigma
    }
}

/// The paired crescents in a plane of shading that was smoothed by `sigma`:
/// peaks of the slope towards the light that fall off beyond both crescents.
fn crescents(smooth: &Plane, sigma: f64, towards: [f64; 2], least: f64) -> Vec<Crescents> {
    let (width, height) = size(smooth);
    let slope = Plane::from_shape_fn((height, width), |(y, x)| {
        if x == 0 || y == 0 || x + 1 >= width || y + 1 >= height {
            return 0.0;
        }
        let dx = smooth[[y, x + 1]] - smooth[[y, x - 1]];
        let dy = smooth[[y + 1, x]] - smooth[[y - 1, x]];
        0.5 * sigma as f32 * (dx * towards[0] as f32 + dy * towards[1] as f32)
    });
    let mut found = Vec::new();
    for y in 1..height.saturating_sub(1) {
        for x in 1..width.saturating_sub(1) {
            let here = slope[[y, x]];
            // The slope of a pit is about half of its crescents' amplitude.
            if here > 0.3 * least as f32 && is_peak(&slope, x, y) {
                found.extend(
                    paired(smooth, (x, y), sigma, towards).filter(|contrast| *contrast >= least).map(
                        |contrast| Crescents {
                            x: x as f64,
                            y: y as f64,
                            sigma,
                            slope: f64::from(here),
                            contrast,
                        },
                    ),
                );
            }
        }
    }
    found
}

fn is_peak(plane: &Plane, x: usize, y: usize) -> bool {
    let here = plane[[y, x]];
    let near = |dx: isize, dy: isize| plane[[(y as isize + dy) as usize, (x as isize + dx) as usize]];
    [(-1, -1), (0, -1), (1, -1), (-1, 0)].iter().all(|&(dx, dy)| here > near(dx, dy))
        && [(1, 0), (-1, 1), (0, 1), (1, 1)].iter().all(|&(dx, dy)| here >= near(dx, dy))
}

/// The amplitude of the crescents, if there are two that both end.
fn paired(smooth: &Plane, (x, y): (usize, usize), sigma: f64, [ux, uy]: [f64; 2]) -> Option<f64> {
    let at = |along: f64, across: f64| {
        let (dx, dy) = (along * ux - across * uy, along * uy + across * ux);
        sample(smooth, x as f64 + sigma * dx, y as f64 + sigma * dy).map(f64::from)
    };
    // Beside the centre a pit is as dark as its floor: shading from depth cancels.
    let beside = 0.5 * (at(0.0, CREST)? + at(0.0, -CREST)?);
    let (dark, bright) = (at(CREST, 0.0)?, at(-CREST, 0.0)?);
    let contrast = 0.5 * (dark - bright);
    let (ends_dark, ends_bright) = (dark - at(BEYOND, 0.0)?, at(-BEYOND, 0.0)? - bright);
    let least = LEAST_BALANCE * contrast;
    let runs_on = |across: f64| Some(0.5 * (at(CREST, across)? - at(-CREST, across)?));
    let paired = runs_on(ASIDE)?.max(runs_on(-ASIDE)?) <= MOST_BESIDE * contrast
        && dark - beside >= least
        && beside - bright >= least
        && ends_dark >= least
        && ends_bright >= LEAST_BRIGHT * contrast
        && ends_dark + ends_bright >= LEAST_END * contrast;
    paired.then_some(contrast)
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
        let scars = detect(&maps, &clutter, light, &[]);
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
