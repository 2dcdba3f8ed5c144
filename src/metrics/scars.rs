//! Atrophic acne scars: pits that the light from one side draws as a dark and
//! a bright crescent.
//!
//! A pit darkens towards the light and brightens away from it; a spot does
//! neither, and a bump does the opposite. Depth in millimetres cannot be had
//! from one photo: what is reported is how strongly scars are seen.

use rayon::prelude::*;

use crate::filter::blobs::Blob;
use crate::metrics::crescents::Profile;
use crate::metrics::maps::Level;
use crate::metrics::pits::{Fit, PitNoise, PlainSkin};
use crate::metrics::relief::Light;
use crate::metrics::rivals::{Place, Rivals};
use crate::metrics::{
    Better, Estimate, Family, Maps, Measured, Metric, NO_SKIN, NONE_FOUND, RESOLUTION_TOO_LOW,
};
use crate::raster::cell_centre;
use crate::region::Region;
use crate::units::FilterScale;

/// What a fit must reach by itself for its rivals to be worth a look: the share that it explains,
/// and so much for each e-fold of the radius in mm and for how alike its sides are.
/// Few of the places that [`ODDS`] takes for pits fall short of it.
const LEAST_ALONE: f64 = 0.5;
const ALONE: [f64; 2] = [0.5, 0.33];

/// The log odds of a pit: what is added for each pair of [`Looks`], of which the first is 1.
/// Logistic regression of second order on 343 synthetic photos of three generators, of six tones and more
/// (1,784 scars, 32,177 places), with a ridge penalty, each generator weighing as much as the others; less
/// 0.5, for most pits have several such places, each of which would do.
#[rustfmt::skip]
const ODDS: [[f64; LOOKS]; LOOKS] = [
    [11.664, -6.536, -4.752, -4.685, -3.405, -1.965, 3.806, -8.023, 0.315, 2.401, 3.143, -4.035, 2.684, 10.568, -10.094, 18.285, -2.205],
    [0.0, 3.472, 1.855, 3.475, 3.632, 6.228, -1.495, -0.1, 0.238, -1.047, -1.474, -1.711, -1.353, 1.209, 6.223, -11.759, -0.206],
    [0.0, 0.0, 3.645, 0.856, 0.129, -0.825, 1.567, -0.262, 1.0, -0.26, -0.853, 0.103, 0.837, 0.086, 0.989, -1.387, 0.088],
    [0.0, 0.0, 0.0, -1.511, -0.152, 1.752, -3.365, -2.87, -1.299, 0.288, 1.386, 3.49, 0.267, 2.424, 0.907, -0.284, 0.331],
    [0.0, 0.0, 0.0, 0.0, 0.234, 0.629, -0.891, -0.76, -0.084, 0.176, -0.111, 0.629, -0.214, -0.461, -0.771, -0.611, -0.161],
    [0.0, 0.0, 0.0, 0.0, 0.0, -2.118, -0.358, -0.837, -0.206, 0.198, 0.909, 1.505, 1.69, -0.135, 0.497, -0.161, 0.155],
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -1.384, -3.556, -0.732, 0.541, 0.844, 0.564, -1.194, 3.803, -3.326, 1.997, -0.17],
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.396, -0.469, -0.109, 0.134, 0.591, -0.998, 0.377, 2.348, 1.182, 0.397],
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -0.631, -0.081, -0.23, 0.889, -0.52, 0.32, -0.599, 0.293, 0.105],
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.033, -0.342, 0.102, 0.319, 0.482, -1.022, -0.707, -0.168],
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -0.665, -0.484, -0.302, 1.944, 0.23, 2.583, 0.178],
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.918, 0.171, -0.03, 1.739, 2.093, -0.283],
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -0.805, 1.225, -3.217, -0.32, 0.782],
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -0.577, 0.337, 2.639, -0.773],
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.996, -0.164, -0.276],
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -3.026, 0.353],
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -0.124],
];

/// What a place is judged by: 1; the share explained and that beyond the noise; the e-folds of the
/// radius in mm and of the bright side in units of its error; the fainter side as a share of the
/// stronger one; the e-folds of the contrast; how strong it is in red, green and blue as shares of
/// that; the e-folds of the skin's blue light over its red, for the less comes from within the
/// more what the surface reflects adds; whether it is a funnel; the e-folds of how strongly a pit
/// explains the place, over the cells per mm, and by which it does more than a spot, a spot further
/// off whose edge this is does more than one in this place, and a pit more than a furrow and a bump.
type Looks = [f64; LOOKS];
const LOOKS: usize = 17;

/// How many of the looks are of a place by itself.
const BY_ITSELF: usize = 12;

/// Most that red, green and blue are taken for, as shares of the contrast.
const MOST_COLOUR: [f64; 3] = [2.0, 3.0, 4.0];

/// Least bright side, as a share of the dark one, of what is as shallow as a
/// bowl or too wide for a funnel, radius in mm: only steep walls hide theirs, and the
/// edge of a spot has none.
const LEAST_BRIGHT: f64 = 0.1;
const WIDE_MM: f64 = 1.2;

/// Distance between scars over the larger radius.
const APART: f64 = 1.3;

/// Radius of a funnel's mouth over that of the cone that fits: what lies
/// deepest gets no light, and the dark side looks wider.
const MOUTH: f64 = 0.75;

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

/// The skin between the round dark `dots` of the fine plane, where scars are
/// sought; `None` without `light` from one side, which alone shows them, or resolution.
/// `noise` is the baseline's; without one, the photo's own counts.
pub fn plain_skin(
    maps: &Maps,
    light: Option<Light>,
    dots: &[Blob],
    noise: Option<PitNoise>,
) -> Option<PlainSkin> {
    let light = light.filter(Light::is_sided)?;
    (maps.coarse.scale.px_per_mm >= LEAST_PX_PER_MM)
        .then(|| PlainSkin::of(maps, light.towards(), dots, noise.map(|noise| noise.whitening)))
}

/// The atrophic scars on the [`plain_skin`] of one photo on its coarse level,
/// what explains most first; `noise` is the baseline's; without one, the photo's own.
pub fn detect(skin: &PlainSkin, level: &Level, noise: Option<PitNoise>) -> Vec<Scar> {
    let noise = noise.unwrap_or_else(|| skin.noise());
    let rivals = skin.rivals();
    let fits = skin.fits(&noise);
    let told = fits.into_par_iter().filter_map(|fit| {
        let looked_at = fit.is_worth_a_look() && is_paired(&fit);
        let alone = looked_at.then(|| alone(&fit, noise.residual, skin.blue_to_red)).filter(stands)?;
        let (looks, explained) = beside(alone, &fit, &rivals, level.scale)?;
        (odds(&looks) > 0.0).then_some((explained, fit))
    });
    let mut pits: Vec<(f64, Fit)> = told.collect();
    pits.sort_by(|(a, p), (b, q)| b.total_cmp(a).then((p.y, p.x).cmp(&(q.y, q.x))));
    let pits = pits.into_iter().map(|(_, fit)| fit).collect();
    apart(pits, level.scale).iter().map(|pit| scar(pit, level.factor, level.scale)).collect()
}

/// Whether a fit has the bright side that a pit of its shape shows.
fn is_paired(fit: &Fit) -> bool {
    let steep = fit.profile != Profile::Bowl && fit.radius_mm < WIDE_MM;
    steep || fit.bright >= LEAST_BRIGHT * fit.dark
}

/// The looks of a fit by itself beside the residual of `noise`, ln units, on skin that sends back
/// as much blue light per red; those of its rivals are 0.
fn alone(fit: &Fit, noise: f64, blue_to_red: f64) -> Looks {
    let floor = noise.powi(2);
    let [left, all] = [fit.residual, fit.variation].map(|rms| rms * rms);
    let beyond_noise = if all > floor { 1.0 - (left - floor).max(0.0) / (all - floor) } else { 0.0 };
    let paired = (fit.bright / fit.dark.max(FAINT)).max(-0.5);
    let bright = fit.bright / (fit.unit_errors[1] * noise).max(1e-9);
    let contrast = fit.contrast();
    let [red, green, blue]: [f64; 3] =
        std::array::from_fn(|c| (fit.amplitude[c] / (contrast + FAINT)).clamp(-1.0, MOST_COLOUR[c]));
    let mut looks = [0.0; LOOKS];
    looks[..BY_ITSELF].copy_from_slice(&[
        1.0,
        1.0 - left / all.max(1e-12),
        beyond_noise,
        fit.radius_mm.ln(),
        bright.max(0.5).ln(),
        if paired < 1.0 { paired } else { 1.0 / paired },
        contrast.max(0.01).ln(),
        red,
        green,
        blue,
        blue_to_red.ln(),
        f64::from(u8::from(fit.profile == Profile::Funnel)),
    ]);
    looks
}

/// Whether a fit by itself is worth looking at its rivals.
fn stands(looks: &Looks) -> bool {
    looks[1] + ALONE[0] * looks[3] + ALONE[1] * looks[5] > LEAST_ALONE
}

/// The looks with those of the rivals, and how strongly a pit explains the place; `None` where a
/// bump or a furrow explains more.
fn beside(mut looks: Looks, fit: &Fit, rivals: &Rivals, scale: FilterScale) -> Option<(Looks, f64)> {
    let place = Place { cell: [fit.x as isize, fit.y as isize], radius_mm: fit.radius_mm };
    let pit = rivals.pit(place).max(1.0);
    let (bump, furrow) = (rivals.bump(place).max(1.0), rivals.furrow(place).max(1.0));
    if bump.max(furrow) >= pit {
        return None;
    }
    let (spot, spot_beside) = (rivals.spot(place).max(1.0), rivals.spot_beside(place).max(1.0));
    let over = [pit / scale.px_per_mm, pit / spot, spot_beside / spot, pit / furrow, pit / bump];
    looks[BY_ITSELF..].copy_from_slice(&over.map(f64::ln));
    Some((looks, pit))
}

/// The log odds of a pit of these looks.
fn odds(looks: &Looks) -> f64 {
    ODDS.iter()
        .zip(looks)
        .map(|(row, one)| one * row.iter().zip(looks).map(|(w, other)| w * other).sum::<f64>())
        .sum()
}

/// Amplitude, ln units, below which ratios are of no use.
const FAINT: f64 = 0.003;

/// The pits, what explains most first, without those that are part of one before.
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
        contrast: pit.contrast(),
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
        let skin = plain_skin(&maps, light, &dots, None);
        let scars = skin.map_or(Vec::new(), |skin| detect(&skin, &maps.coarse, None));
        let measured = measure(&maps, light, &scars, &skin_of(&maps));
        (scars, measured)
    }

    /// By hand, with all looks but two at 0: the first row's constant and terms, and
    /// the squares and the product of the two.
    #[test]
    fn the_odds_add_each_pair_of_looks_once() {
        let mut looks = [0.0; LOOKS];
        (looks[0], looks[1], looks[8]) = (1.0, 0.5, 2.0);
        let by_hand = 11.664 + 0.5 * -6.536 + 2.0 * 0.315 + 0.25 * 3.472 + 4.0 * -0.631 + 1.0 * 0.238;
        assert!((odds(&looks) - by_hand).abs() < 1e-9);
    }

    /// By hand: of a variance of 0.01 a quarter is left, 0.0009 of 0.0084 beyond that of the noise; the bright
    /// side is 0.1 / (2 * 0.04) errors high and half of the dark one; the contrast is 0.15, and shares are of
    /// 0.003 more.
    #[test]
    fn a_place_by_itself_is_judged_by_its_sides_and_colours() {
        let fit = Fit {
            x: 0,
            y: 0,
            profile: Profile::Funnel,
            radius_mm: 1.4,
            dark: 0.2,
            bright: 0.1,
            level: 0.0,
            unit_errors: [1.0, 2.0],
            residual: 0.05,
            variation: 0.1,
            amplitude: [0.0765, 0.153, 0.9],
        };
        let beyond = 1.0 - 0.0009 / 0.0084;
        let by_hand = [
            1.0,
            0.75,
            beyond,
            1.4f64.ln(),
            1.25f64.ln(),
            0.5,
            0.15f64.ln(),
            0.5,
            1.0,
            4.0,
            0.5f64.ln(),
            1.0,
            0.0,
            0.0,
            0.0,
            0.0,
            0.0,
        ];
        let seen = alone(&fit, 0.04, 0.5);
        assert!(seen.iter().zip(by_hand).all(|(seen, by_hand)| (seen - by_hand).abs() < 1e-9), "{seen:?}");
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

    /// A furrow 0.8 mm wide across the light, 0.16 at its walls, beside the pores of a skin without a pit.
    #[test]
    fn a_wide_furrow_is_no_row_of_scars() {
        let mut furrowed = lit(0.0, 0.0);
        let sigma = 20.0 * 0.8 * SIGMA_PER_FWHM;
        furrowed.indexed_iter_mut().for_each(|((y, x), dark)| {
            let u = (x as f64 - 200.0 - 0.3 * (y as f64 - 200.0)) / sigma;
            *dark += (0.16 * 0.5f64.exp() * u * (-0.5 * u * u).exp()) as f32;
        });
        let scars = found(furrowed).0;
        assert!(scars.is_empty(), "{scars:?}");
    }

    /// A dark line 0.4 mm wide, as a fine wrinkle or a vessel is, straight and bent.
    #[test]
    fn a_dark_line_is_no_scar() {
        for bend in [0.0, 0.002] {
            let mut lined = lit(0.0, 0.0);
            lined.indexed_iter_mut().for_each(|((y, x), dark)| {
                let along = y as f64 - 200.0;
                let u =
                    (x as f64 - 200.0 - 0.3 * along - bend * along * along) / (20.0 * 0.4 * SIGMA_PER_FWHM);
                *dark += (0.3 * (-0.5 * u * u).exp()) as f32;
            });
            let scars = found(lined).0;
            assert!(scars.is_empty(), "{bend}: {scars:?}");
        }
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
