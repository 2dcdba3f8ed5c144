//! Papules: round red bumps. Active acne is a reason not to needle.

use crate::error::Warning;
use crate::filter::blobs::{Blob, blobs};
use crate::filter::components::{Component, components};
use crate::filter::contours::outline;
use crate::filter::scale_space::{Rung, ladder};
use crate::metrics::maps::freed;
use crate::metrics::relief::{Clutter, Light};
use crate::metrics::{Better, Estimate, Family, Maps, Measured, Metric, NO_SKIN, RESOLUTION_TOO_LOW};
use crate::raster::{Mask, Plane, cell_centre, covers, size};
use crate::region::Region;

/// Standard deviations at which papules are looked for, mm; the first and the
/// last only bound the ones between.
const SIGMAS_MM: [f64; 6] = [0.3, 0.42, 0.6, 0.85, 1.2, 1.7];

/// Least hemoglobin of a papule above its surroundings on perfectly even
/// skin, density units, and what the skin's clutter at 0.25 mm adds to it.
const LEAST_REDNESS: (f64, f64) = (0.15, 2.5);

/// How much redder a spot must be to count where the light cannot show whether
/// it is raised.
const UNRAISED: f64 = 2.0;

/// Least ratio of the curvatures: papules are round.
const LEAST_ISOTROPY: f64 = 0.4;

/// Radii, mm, at half of the redness, that a papule can have (0.5 to 5 mm wide, with its flare).
const RADII_MM: std::ops::Range<f64> = 0.4..2.6;

/// Least fall of red density towards the light over a standard deviation of its redness: a bump is bright
/// on the side of the light and dark on the other. Red light shows relief, and least of all what blood,
/// the skin's mottle and the sheen of its surface do. Of 132 drawn papules 123 have it, and of 439 flat
/// patches and places as red 13. Chosen by us.
const LEAST_RISE: f64 = 0.022;

/// How far around a papule that is looked at, standard deviations.
const WINDOW: f64 = 2.5;

/// Most melanin of a wound above its surroundings, as a share of the
/// hemoglobin: how much blood is in what is brown as well cannot be told.
const MOST_BROWN: f64 = 0.5;

/// Hemoglobin above its surroundings, density units, that is raw: ten times
/// the blood of skin adds 0.7, blood on the skin 1 and more.
const RAW: f64 = 1.0;

/// Green density above its surroundings of blood on the skin: ten times the blood of skin, 4 % of
/// the dermis, adds 0.59 on dark to 0.69 on very light skin (two layers, Monte Carlo), while what is
/// read as hemoglobin grows with the melanin that takes the blue which blood would.
const RAW_GREEN: f64 = 0.75;

/// Red density above its surroundings of skin that has lost its epidermis, and with it the pigment:
/// blood inside the skin darkens red too. Chosen by us.
const BARE_RED: f64 = -0.2;

/// Least area of an open wound, mm².
const LEAST_WOUND_MM2: f64 = 0.5;

/// Least resolution, px/mm of the coarse plane.
const LEAST_PX_PER_MM: f64 = 3.0;

/// Radius at half height over standard deviation of a Gaussian: `√(2 ln 2)`.
const RADIUS_PER_SIGMA: f64 = 1.177_41;

/// The metrics of this family.
pub const CATALOGUE: &[Metric] = &[Metric {
    id: "inflammation.papule_count",
    family: Family::Inflammation,
    unit: "count",
    range: "0..=1000",
    better: Some(Better::Lower),
    ratio_scale: true,
    needs_scale: false,
    summary: "Round red bumps of 0.8 to 5 mm; where the light shows no relief, round red spots.",
    source: "Laplacian of Gaussian on hemoglobin (Lindeberg 1998); limits chosen by us",
}];

/// A papule or an open wound of one photo, in native pixels.
#[derive(Debug, Clone, PartialEq)]
pub struct RedSpot {
    /// Column of its centre.
    pub x_px: f64,
    /// Row of its centre.
    pub y_px: f64,
    /// Area inside its outline.
    pub area_px: f64,
    /// Hemoglobin above its surroundings, density units: of a papule its
    /// centre's, of a wound its mean.
    pub contrast: f64,
    /// Where it is half as red, a closed polygon without the last point.
    pub outline: Vec<[f64; 2]>,
}

/// The papules of one photo, reddest first. `clutter` is the baseline's; without `light`
/// from one side, flat ones count too.
pub fn papules(maps: &Maps, clutter: &Clutter, light: Option<Light>) -> Vec<RedSpot> {
    let towards = light.filter(Light::is_sided);
    let certain = if towards.is_some() { 1.0 } else { UNRAISED };
    let least = certain * (LEAST_REDNESS.0 + LEAST_REDNESS.1 * clutter.0);
    let (scale, skin) = (maps.coarse.scale, &maps.coarse.skin);
    if scale.px_per_mm < LEAST_PX_PER_MM {
        return Vec::new();
    }
    let excess = freed(&maps.hemoglobin, maps);
    let rungs = ladder(&excess, maps.coarse.factor, &SIGMAS_MM.map(|sigma| scale.px(sigma)));
    let rungs: Vec<&Rung> = rungs.iter().flatten().collect();
    let red = freed(&maps.density[0], maps);
    let raised = |blob: &Blob| {
        towards.is_none_or(|light| {
            let [x, y] = light.towards();
            let [along, across] = [[x, y], [-y, x]].map(|direction| fall(&red, skin, blob, direction));
            along >= across.abs().max(LEAST_RISE)
        })
    };
    let found = blobs(&rungs, (0.4 * least) as f32);
    found
        .iter()
        .filter(|b| b.height >= least && b.isotropy >= LEAST_ISOTROPY && b.prominence > 0.0)
        .filter(|b| RADII_MM.contains(&scale.mm(RADIUS_PER_SIGMA * b.sigma)))
        .filter(|b| covers(skin, b.x, b.y) && raised(b))
        .map(|b| papule(b, &excess, maps.coarse.factor))
        .collect()
}

/// By how much a plane falls in a direction over the standard deviation of a blob: its slope by least
/// squares in the Gaussian window of the blob, where there is skin; 0 without.
fn fall(plane: &Plane, skin: &Mask, blob: &Blob, [ux, uy]: [f64; 2]) -> f64 {
    let (width, height) = size(plane);
    let span = |at: f64, size: usize| {
        let reach = WINDOW * blob.sigma;
        (at - reach).max(0.0) as usize..((at + reach) as usize + 1).min(size)
    };
    let [mut weights, mut places, mut squares, mut values, mut products] = [0.0; 5];
    for y in span(blob.y, height) {
        for x in span(blob.x, width).filter(|&x| skin[[y, x]]) {
            let [dx, dy] = [(x as f64 - blob.x) / blob.sigma, (y as f64 - blob.y) / blob.sigma];
            let (place, value) = (dx * ux + dy * uy, f64::from(plane[[y, x]]));
            let weight = (-0.5 * (dx * dx + dy * dy)).exp();
            weights += weight;
            places += weight * place;
            squares += weight * place * place;
            values += weight * value;
            products += weight * place * value;
        }
    }
    let variance = squares * weights - places * places;
    if variance > 0.0 { (places * values - products * weights) / variance } else { 0.0 }
}

/// A blob with the outline of what is at least half as red around its centre.
fn papule(blob: &Blob, excess: &Plane, factor: usize) -> RedSpot {
    let reach = 2.5 * blob.sigma;
    let (width, height) = size(excess);
    let span = |at: f64, size: usize| {
        let low = (at - reach).floor().max(0.0) as usize;
        low..((at + reach).ceil() as usize + 1).min(size)
    };
    let (columns, lines) = (span(blob.x, width), span(blob.y, height));
    let half = (0.5 * blob.height) as f32;
    let red = Mask::from_shape_fn((lines.len(), columns.len()), |(y, x)| {
        excess[[lines.start + y, columns.start + x]] >= half
    });
    let (x, y) = (blob.x.round() as usize - columns.start, blob.y.round() as usize - lines.start);
    let holds = |part: &&Component| part.contains(&(x as u32, y as u32));
    let parts = components(&red);
    let native = |at: f64, start: usize| cell_centre(at + start as f64, factor);
    let outlined = parts.iter().find(holds).map(|part| {
        let border = outline(part).into_iter();
        let points = border.map(|(x, y)| [native(x.into(), columns.start), native(y.into(), lines.start)]);
        ((part.len() * factor * factor) as f64, points.collect())
    });
    let (area_px, outline) = outlined.unwrap_or_default();
    RedSpot {
        x_px: cell_centre(blob.x, factor),
        y_px: cell_centre(blob.y, factor),
        area_px,
        contrast: blob.height,
        outline,
    }
}

/// The open wounds of one photo, in row order: raw skin or blood on it, far
/// redder than blood inside the skin can make it.
pub fn wounds(maps: &Maps) -> Vec<RedSpot> {
    let scale = maps.coarse.scale;
    if scale.px_per_mm < LEAST_PX_PER_MM {
        return Vec::new();
    }
    let excess = freed(&maps.hemoglobin, maps);
    let raw = ndarray::Zip::from(&excess)
        .and(&maps.coarse.skin)
        .map_collect(|&excess, &inside| inside && f64::from(excess) >= RAW);
    let least = scale.px(1.0).powi(2) * LEAST_WOUND_MM2;
    let factor = maps.coarse.factor;
    let [brown, red, green] =
        [&maps.melanin, &maps.density[0], &maps.density[1]].map(|plane| freed(plane, maps));
    let is_raw = |part: &Component| {
        let mean = |plane: &Plane| {
            let sum: f64 = part.iter().map(|&(x, y)| f64::from(plane[[y as usize, x as usize]])).sum();
            sum / part.len() as f64
        };
        (mean(&green) >= RAW_GREEN || mean(&red) <= BARE_RED) && mean(&brown) <= MOST_BROWN * mean(&excess)
    };
    let wound = |part: Component| {
        let count = part.len() as f64;
        let sum = part.iter().fold([0.0; 3], |[x, y, red], &(px, py)| {
            [x + f64::from(px), y + f64::from(py), red + f64::from(excess[[py as usize, px as usize]])]
        });
        RedSpot {
            x_px: cell_centre(sum[0] / count, factor),
            y_px: cell_centre(sum[1] / count, factor),
            area_px: count * (factor * factor) as f64,
            contrast: sum[2] / count,
            outline: outline(&part)
                .into_iter()
                .map(|(x, y)| [x, y].map(|at| cell_centre(at.into(), factor)))
                .collect(),
        }
    };
    let enough = |part: &Component| part.len() as f64 >= least && is_raw(part);
    components(&raw).into_iter().filter(enough).map(wound).collect()
}

/// What speaks against needling the skin: active acne and open wounds.
pub fn warnings(papules: usize, wounds: usize) -> Vec<Warning> {
    let acne = (papules > 0).then(|| {
        let message = format!(
            "{papules} red bumps look like active acne: needling spreads it; let a professional look before treating"
        );
        Warning::new("active_acne", message)
    });
    let wound = (wounds > 0).then(|| {
        let message = format!(
            "{wounds} places look like open wounds: do not needle them; let a professional look before treating"
        );
        Warning::new("open_wound", message)
    });
    acne.into_iter().chain(wound).collect()
}

/// The metrics of this family in one region, from all `papules` of the photo.
pub fn measure(maps: &Maps, papules: &[RedSpot], region: &Region) -> Vec<Measured> {
    if maps.coarse.scale.px_per_mm < LEAST_PX_PER_MM {
        return vec![Measured::absent(CATALOGUE[0].id, RESOLUTION_TOO_LOW)];
    }
    let counts = region.tiles.sums(papules.iter().map(|papule| ([papule.x_px, papule.y_px], 1.0)));
    vec![Measured::new(CATALOGUE[0].id, Estimate::total(&counts, &region.tiles.cells()), NO_SKIN)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::color::unmixing::{HEMOGLOBIN, MELANIN};
    use crate::metrics::Relief;
    use crate::metrics::testing::{maps_of_colors, skin_of, value};

    /// Spots of half-height radius 1 mm, 20 px/mm: red or brown, flat or raised
    /// and lit along x, among pores lit the same way.
    fn skin(red: f64, brown: f64, raised: f64) -> Vec<Measured> {
        let shape = |at: (usize, usize), step: f64, sigma: f64| {
            let near = |at: usize| (at as f64 + 0.3).rem_euclid(step) - step / 2.0;
            let (dx, dy) = (near(at.0), near(at.1));
            ((-0.5 * (dx * dx + dy * dy) / (sigma * sigma)).exp(), dx / sigma)
        };
        let channel = |c: usize| {
            Plane::from_shape_fn((400, 400), |(y, x)| {
                let (spot, slope) = shape((x, y), 200.0, 17.0);
                let (pore, side) = shape((x, y), 40.0, 3.0);
                let pigment = red * f64::from(HEMOGLOBIN[c]) + brown * f64::from(MELANIN[c]);
                (spot * (pigment - raised * slope) + pore * (0.25 + 0.08 * side)) as f32
            })
        };
        let maps = maps_of_colors([channel(0), channel(1), channel(2)], 20.0);
        let relief = Relief::of(&maps);
        let clutter = crate::metrics::relief::Clutter::of(&relief);
        let dots = crate::metrics::pores::dots(&relief, &clutter);
        let light = crate::metrics::relief::light(&relief, dots.iter().map(|dot| [dot.x, dot.y]));
        measure(&maps, &papules(&maps, &clutter, light), &skin_of(&maps))
    }

    #[test]
    fn red_bumps_count_and_flat_patches_pits_and_brown_spots_do_not() {
        let id = "inflammation.papule_count";
        assert_eq!(value(&skin(0.5, 0.0, 0.1), id), 4.0);
        assert_eq!(value(&skin(0.5, 0.0, 0.0), id), 0.0);
        assert_eq!(value(&skin(0.5, 0.0, -0.1), id), 0.0);
        assert_eq!(value(&skin(0.0, 0.8, 0.1), id), 0.0);
        assert_eq!(value(&skin(0.1, 0.0, 0.1), id), 0.0);
    }

    /// Discs of 1 mm radius and a density of 1.5 in blood, and as much of it in melanin too.
    /// A slope of -0.05 over 4 cells along x, with a round spot in the middle, or with no skin in a corner.
    #[test]
    fn a_slope_is_seen_below_a_spot_and_beside_a_gap() {
        let blob = Blob { x: 30.0, y: 29.5, sigma: 4.0, height: 0.3, isotropy: 1.0, prominence: 1.0 };
        let sloping = |spot: f64| {
            Plane::from_shape_fn((60, 60), |(y, x)| {
                let [dx, dy] = [x as f64 - 30.0, y as f64 - 29.5];
                (0.2 - 0.05 * dx / 4.0 + spot * (-(dx * dx + dy * dy) / 32.0).exp()) as f32
            })
        };
        let corner = Mask::from_shape_fn((60, 60), |(y, x)| x < 33 || y < 33);
        for (spot, skin) in [(0.3, Mask::from_elem((60, 60), true)), (0.0, corner)] {
            for (direction, expected) in [([1.0, 0.0], 0.05), ([-1.0, 0.0], -0.05), ([0.6, 0.8], 0.03)] {
                let seen = fall(&sloping(spot), &skin, &blob, direction);
                assert!((seen - expected).abs() < 2e-3, "{spot} {direction:?}: {seen}");
            }
        }
        assert_eq!(fall(&sloping(0.0), &Mask::from_elem((60, 60), false), &blob, [1.0, 0.0]), 0.0);
    }

    /// Besides, blood on skin without its pigment; and ten times the blood of dark skin and of very
    /// light skin, by a closed form after Monte Carlo on two layers.
    #[test]
    fn wounds_are_red_and_not_brown_and_redder_than_blood_inside_the_skin() {
        let wounds_of = |density: [f32; 3]| {
            let channel = |c: usize| {
                Plane::from_shape_fn((400, 400), |(y, x)| {
                    let inside = (x as f64 - 200.0).hypot(y as f64 - 200.0) < 20.0;
                    if inside { density[c] } else { 0.0 }
                })
            };
            wounds(&maps_of_colors([channel(0), channel(1), channel(2)], 20.0)).len()
        };
        let blood_and = |melanin: f32| [0, 1, 2].map(|c| 1.5 * HEMOGLOBIN[c] + melanin * MELANIN[c]);
        assert_eq!([0.0, 1.5, -2.0].map(|melanin| wounds_of(blood_and(melanin))), [1, 0, 1]);
        assert_eq!([[0.178, 0.588, 0.093], [0.218, 0.686, 0.572]].map(wounds_of), [0, 0]);
    }
}
