//! Wrinkles and fine lines: dark ridges of the relief, followed from end to end.

use crate::metrics::cross_section::{AROUND, CrossSection, freed};
use crate::metrics::hairs::{Drawn, drawn};
use crate::metrics::joining::joined;
use crate::metrics::lines::{LEAST_PX_PER_MM, Line, normal};
use crate::metrics::relief::{Light, Relief};
use crate::metrics::{
    Better, Estimate, Family, Maps, Measured, Metric, NO_SCALE, NO_SKIN, NONE_FOUND, RESOLUTION_TOO_LOW,
};
use crate::raster::cell_centre;
use crate::region::{Region, Tiles};

/// Blur of a wrinkle's picture, standard deviation in mm, as for pores.
const BLUR_MM: f64 = 0.08;

/// How far around a disc its rim reaches, mm, and the least share of a line
/// that lies on none.
const RIM_MM: f64 = 0.3;
const LEAST_CLEAR: f64 = 0.5;

/// The least length, mm, of an end that lies off all rims: what is shorter is where a rim has led the line.
const LEAST_END_MM: f64 = 1.0;

/// The least length of what is left of a line, mm.
const LEAST_LEFT_MM: f64 = 3.0;

const RIDGES: &str = "Hessian ridges with tracking, after Ng et al. 2015, IEEE Access 3:1079";

/// The metrics of this family.
pub const CATALOGUE: &[Metric] = &[
    Metric {
        id: "wrinkles.length_density_mm_per_cm2",
        family: Family::Wrinkles,
        unit: "mm/cm^2",
        range: "0..=500",
        better: Some(Better::Lower),
        ratio_scale: true,
        needs_scale: true,
        summary: "Length of wrinkles and fine lines of at least 4 mm per square centimetre of skin.",
        source: RIDGES,
    },
    Metric {
        id: "wrinkles.width_median_um",
        family: Family::Wrinkles,
        unit: "um",
        range: "100..=2000",
        better: Some(Better::Lower),
        ratio_scale: true,
        needs_scale: true,
        summary: "Median width at half depth along all wrinkles, freed from blur.",
        source: RIDGES,
    },
    Metric {
        id: "wrinkles.contrast",
        family: Family::Wrinkles,
        unit: "ln green mm",
        range: "0..=1",
        better: Some(Better::Lower),
        ratio_scale: true,
        needs_scale: false,
        summary: "Mean line mass of wrinkles: excess green density integrated across, which blur does not change; \
                  0 where a bright wall outweighs the dark one.",
        source: RIDGES,
    },
];

/// A wrinkle of one photo, in native pixels.
#[derive(Debug, Clone, PartialEq)]
pub struct Wrinkle {
    /// Points along its middle, from end to end.
    pub points: Vec<[f64; 2]>,
    /// Its length.
    pub length_px: f64,
    /// Width at half depth, freed from blur.
    pub width_px: f64,
    /// Excess green density integrated across it, ln units times mm
    /// (nominal mm without scale); 0 where its bright wall outweighs its dark one.
    pub contrast: f64,
    /// Standard error of that, from how it differs along the line.
    pub contrast_error: f64,
}

/// What has a rim that looks like a piece of a line, native pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Disc {
    /// Its centre.
    pub centre: [f64; 2],
    /// Its radius.
    pub radius_px: f64,
}

/// The wrinkles among the `lines` of one photo's relief, without ends on the rims of `discs` and joined
/// across what hides them, and the points of those that are hairs, in native pixels.
pub fn among(
    lines: Vec<Line>,
    maps: &Maps,
    relief: &Relief,
    light: Option<Light>,
    discs: &[Disc],
) -> (Vec<Wrinkle>, Vec<Vec<[f64; 2]>>) {
    let (mut furrows, mut hairs) = (Vec::new(), Vec::new());
    for line in lines {
        let Some(section) = CrossSection::of(relief, &line.points) else { continue };
        let points = in_native(relief, &line.points);
        match drawn(maps, &points, section.width_mm()) {
            Drawn::Hair => hairs.push(points),
            Drawn::Band => {}
            Drawn::Furrow => furrows.extend(clear_of(line, relief, discs)),
        }
    }
    let furrows = joined(furrows, relief.scale);
    (furrows.iter().filter_map(|furrow| wrinkle(relief, light, furrow)).collect(), hairs)
}

/// Points of the fine plane in native pixels.
fn in_native(relief: &Relief, points: &[[f64; 2]]) -> Vec<[f64; 2]> {
    points.iter().map(|point| point.map(|at| cell_centre(at, relief.factor))).collect()
}

/// A line without the ends that lie on rims of discs or end shortly beyond one, where enough is left.
fn clear_of(mut line: Line, relief: &Relief, discs: &[Disc]) -> Option<Line> {
    let margin = relief.native_px_per_mm() * RIM_MM;
    let on_rim = |&[x, y]: &[f64; 2]| {
        let [x, y] = [x, y].map(|at| cell_centre(at, relief.factor));
        discs.iter().any(|d| (x - d.centre[0]).hypot(y - d.centre[1]) <= d.radius_px + margin)
    };
    let clear: Vec<bool> = line.points.iter().map(|point| !on_rim(point)).collect();
    let step = line.length / (line.points.len().max(2) - 1) as f64;
    let run = ((relief.scale.px(LEAST_END_MM) / step.max(1e-9)) as usize).clamp(1, clear.len().max(1));
    let is_clear = |points: &[bool]| points.iter().all(|&clear| clear);
    let first = clear.windows(run).position(is_clear)?;
    let last = clear.windows(run).rposition(is_clear)? + run - 1;
    let share = clear.iter().filter(|&&clear| clear).count() as f64 / clear.len() as f64;
    if last - first + 1 < line.points.len() {
        line = Line::of(line.points[first..=last].to_vec());
    }
    (share >= LEAST_CLEAR && relief.scale.mm(line.length) >= LEAST_LEFT_MM).then_some(line)
}

/// A line as a wrinkle: the line is its dark wall.
fn wrinkle(relief: &Relief, light: Option<Light>, line: &Line) -> Option<Wrinkle> {
    let section = CrossSection::of(relief, &line.points)?;
    let width = section.width_mm();
    let lit = light.filter(Light::is_sided).map_or(0.0, |light| {
        let [ux, uy] = light.towards();
        let normals = (0..line.points.len()).map(|i| normal(&line.points, i, AROUND));
        normals.map(|[nx, ny]| nx * ux + ny * uy).sum()
    });
    let aside = relief.scale.px(section.middle_mm(lit));
    let middle: Vec<[f64; 2]> = (0..line.points.len())
        .map(|i| {
            let ([x, y], [nx, ny]) = (line.points[i], normal(&line.points, i, AROUND));
            [x + aside * nx, y + aside * ny]
        })
        .collect();
    Some(Wrinkle {
        points: in_native(relief, &middle),
        length_px: line.length * relief.factor as f64,
        width_px: freed(width, BLUR_MM * BLUR_MM) * relief.native_px_per_mm(),
        contrast: section.mass_mm().max(0.0),
        contrast_error: mass_error_mm(relief, &line.points),
    })
}

/// Pieces of a line that its mass is taken of one by one, and fewest points of each.
const PIECES: (usize, usize) = (8, 8);

/// Standard error of the mass of the line through these points: dark and bright walls nearly cancel, and
/// what is left is told no better than its pieces agree; 0 for a line of one piece.
fn mass_error_mm(relief: &Relief, points: &[[f64; 2]]) -> f64 {
    let pieces = points.chunks(points.len().div_ceil(PIECES.0).max(PIECES.1));
    let masses: Vec<f64> = pieces
        .filter_map(|points| CrossSection::of(relief, points))
        .map(|section| section.mass_mm())
        .collect();
    let mean = Estimate::ratio(&masses, &vec![1.0; masses.len()]);
    mean.and_then(|mean| mean.standard_error()).unwrap_or(0.0)
}

/// The metrics of this family in one region, from all `wrinkles` of the photo.
pub fn measure(relief: &Relief, wrinkles: &[Wrinkle], region: &Region) -> Vec<Measured> {
    if relief.scale.px_per_mm < LEAST_PX_PER_MM {
        let reason = if relief.scale.physical { RESOLUTION_TOO_LOW } else { NO_SCALE };
        return CATALOGUE.iter().map(|metric| Measured::absent(metric.id, reason)).collect();
    }
    let (px_per_mm, tiles) = (relief.native_px_per_mm(), &region.tiles);
    let pieces: Vec<Piece> = wrinkles.iter().flat_map(|wrinkle| pieces(wrinkle, tiles)).collect();
    let sums = |value: fn(&Piece) -> f64| {
        let mut sums = vec![0.0; tiles.count()];
        pieces.iter().for_each(|piece| sums[piece.tile] += value(piece));
        sums
    };
    let (lengths, mass) = (sums(|p| p.length_px), sums(|p| p.length_px * p.contrast));
    // A line's own error is the same in all tiles that it crosses.
    let of_line = |wrinkle: &Wrinkle| {
        self::pieces(wrinkle, tiles).map(|piece| piece.length_px).sum::<f64>() * wrinkle.contrast_error
    };
    let squared: f64 = wrinkles.iter().map(of_line).map(|error| error * error).sum();
    let mass_error = squared.sqrt() / lengths.iter().sum::<f64>();
    let millimetres: Vec<f64> = lengths.iter().map(|length| length / px_per_mm).collect();
    let cm2: Vec<f64> = tiles.areas_mm2(px_per_mm).iter().map(|area| area / 100.0).collect();
    let widths: Vec<_> =
        pieces.iter().map(|p| (1000.0 * p.width_px / px_per_mm, p.length_px, p.tile)).collect();
    let in_mm = |estimate: Option<Estimate>, reason| {
        if relief.scale.physical { estimate.ok_or(reason) } else { Err(NO_SCALE) }
    };
    let outcomes = [
        in_mm(Estimate::ratio(&millimetres, &cm2), NO_SKIN),
        in_mm(Estimate::median(&widths, tiles.count()), NONE_FOUND),
        Estimate::ratio(&mass, &lengths).map(|mean| mean.misplaced(mass_error)).ok_or(NONE_FOUND),
    ];
    CATALOGUE.iter().zip(outcomes).map(|(metric, outcome)| Measured { id: metric.id, outcome }).collect()
}

/// A step of a wrinkle within one tile.
struct Piece {
    tile: usize,
    length_px: f64,
    width_px: f64,
    contrast: f64,
}

fn pieces<'a>(wrinkle: &'a Wrinkle, tiles: &'a Tiles) -> impl Iterator<Item = Piece> + 'a {
    wrinkle.points.windows(2).filter_map(|ends| {
        let [[ax, ay], [bx, by]] = [ends[0], ends[1]];
        let tile = tiles.at(0.5 * (ax + bx), 0.5 * (ay + by))?;
        let length_px = (bx - ax).hypot(by - ay);
        Some(Piece { tile, length_px, width_px: wrinkle.width_px, contrast: wrinkle.contrast })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::lines::Lattice;
    use crate::metrics::testing::{maps_of, maps_of_colors, noise, skin_of, turned_and_flipped, value};
    use crate::raster::Plane;

    /// Two furrows of 12 mm, 0.4 mm wide (full width at half maximum, as
    /// pictured), one slanted, and `hairs`: as dark, 0.09 mm wide; 20 px/mm.
    fn furrowed(depth: f64, hair: f64) -> Plane {
        let line = |x: f64, y: f64, angle: f64, sigma: f64| {
            let (sin, cos) = angle.sin_cos();
            let (u, v) = (x * cos + y * sin, y * cos - x * sin);
            if u.abs() <= 120.0 { (-0.5 * (v / sigma).powi(2)).exp() } else { 0.0 }
        };
        Plane::from_shape_fn((400, 400), |(y, x)| {
            let (fx, fy) = (x as f64, y as f64);
            let furrows = line(fx - 180.0, fy - 100.0, 0.1, 3.4) + line(fx - 220.0, fy - 230.0, 0.6, 3.4);
            let hairs = line(fx - 200.0, fy - 350.0, -0.1, 0.75);
            (depth * furrows + hair * hairs) as f32 + noise(x, y, 0.02) + 0.7
        })
    }

    fn found(green: Plane) -> (Vec<Wrinkle>, Vec<Measured>) {
        let maps = maps_of(green, 20.0);
        let relief = Relief::of(&maps);
        let lattice = Lattice::of(&relief, &[]);
        let noise = lattice.noise(&relief);
        let (wrinkles, _) = among(lattice.lines(&relief, &noise), &maps, &relief, None, &[]);
        let measured = measure(&relief, &wrinkles, &skin_of(&maps));
        (wrinkles, measured)
    }

    #[test]
    fn furrows_have_their_length_width_and_mass() {
        let (wrinkles, measured) = found(furrowed(0.25, 0.0));
        assert_eq!(wrinkles.len(), 2);
        // 24 mm on 4 cm².
        let density = value(&measured, "wrinkles.length_density_mm_per_cm2");
        assert!((density - 6.0).abs() < 0.5, "{density}");
        // √(0.4² - (2.3548 · 0.08)²) mm.
        let width = value(&measured, "wrinkles.width_median_um");
        assert!((width - 353.0).abs() < 30.0, "{width}");
        // 0.25 · √(2π) · 0.17 mm, less what the tapering of a tracked line's ends costs.
        let mass = value(&measured, "wrinkles.contrast");
        assert!((mass / 0.1065 - 1.0).abs() < 0.08, "{mass}");
    }

    #[test]
    fn blur_does_not_change_the_mass() {
        let plane = furrowed(0.25, 0.0);
        let blurred = crate::filter::gaussian::gaussian(&plane, 2.0);
        let [sharp, soft] = [plane, blurred].map(|plane| value(&found(plane).1, "wrinkles.contrast"));
        assert!((soft / sharp - 1.0).abs() < 0.03, "{sharp} {soft}");
    }

    #[test]
    fn a_tenth_less_relief_is_a_tenth_less_mass() {
        let mass = |depth| value(&found(furrowed(depth, 0.0)).1, "wrinkles.contrast");
        let ratio = mass(0.225) / mass(0.25);
        assert!((ratio - 0.9).abs() < 0.01, "{ratio}");
    }

    /// By hand: walls of the opposite sign 0.2 mm to each side of the middle, the bright one a fifth
    /// stronger, add up to less than nothing.
    #[test]
    fn a_furrow_whose_bright_wall_outweighs_its_dark_one_is_a_wrinkle_without_mass() {
        let maps = maps_of(
            Plane::from_shape_fn((400, 400), |(y, x)| {
                let wall = |at: f64| (-0.5 * ((y as f64 - at) / 3.4).powi(2)).exp();
                (0.2 * wall(196.0) - 0.24 * wall(204.0)) as f32 + noise(x, y, 0.02) + 0.7
            }),
            20.0,
        );
        let dark = Line::of((80..320).step_by(3).map(|x| [f64::from(x), 196.0]).collect());
        let (wrinkles, _) = among(vec![dark], &maps, &Relief::of(&maps), None, &[]);
        assert_eq!(wrinkles.len(), 1);
        assert_eq!(wrinkles[0].contrast, 0.0);
    }

    /// By Lambert's cosine: a furrow 0.7 of its standard deviation of 6.6 pixels deep about y = 200, under
    /// light from 45 degrees that comes from 5 degrees off its direction: both of its walls are dark, that
    /// on the side of the light more so, 6.6 pixels off. The light comes from below.
    #[test]
    fn the_middle_lies_on_the_side_of_the_dark_wall_away_from_the_light() {
        let maps = maps_of(
            Plane::from_shape_fn((400, 400), |(y, x)| {
                let u = (y as f64 - 200.0) / 6.6;
                let slope = 0.7 * u * (-0.5 * u * u).exp();
                let shade = 0.5 * (1.0 + slope * slope).ln() - (1.0 - slope * 5f64.to_radians().sin()).ln();
                0.7 + shade as f32 + noise(x, y, 0.02)
            }),
            20.0,
        );
        // How far from the furrow's middle it is put, pixels, for light from below and from above.
        let off = |below: bool| {
            let azimuth = if below { 1.0 } else { -1.0 } * 85f64.to_radians();
            let light = Light { azimuth, coherence: 1.0, pores: 100 };
            let wall = Line::of((80..320).step_by(3).map(|x| [f64::from(x), 206.6]).collect());
            let (wrinkles, _) = among(vec![wall], &maps, &Relief::of(&maps), Some(light), &[]);
            let rows: Vec<f64> = wrinkles[0].points.iter().map(|point| (point[1] - 200.0).abs()).collect();
            rows.into_iter().fold(0.0, f64::max)
        };
        assert!(off(true) <= 1.0, "{}", off(true));
        assert!(off(false) > 4.0, "{}", off(false));
    }

    /// A dark line that takes a quarter of the red is neither a wrinkle nor a hair; one that takes seven
    /// tenths is a wrinkle.
    #[test]
    fn blood_is_neither_wrinkle_nor_hair() {
        let told = |red: f64| {
            let channels = [red, 1.0, 0.9].map(|share| {
                Plane::from_shape_fn((400, 400), |(y, _)| {
                    (0.2 * share * (-0.5 * ((y as f64 - 200.0) / 3.4).powi(2)).exp()) as f32 + 0.7
                })
            });
            let maps = maps_of_colors(channels, 20.0);
            let line = Line::of((80..320).step_by(3).map(|x| [f64::from(x), 200.0]).collect());
            let (wrinkles, hairs) = among(vec![line], &maps, &Relief::of(&maps), None, &[]);
            (wrinkles.len(), hairs.len())
        };
        assert_eq!((told(0.25), told(0.7)), ((0, 0), (1, 0)));
    }

    /// By hand: a furrow 0.17 mm wide (standard deviation), half of it 0.1 and half 0.3 deep, has pieces of
    /// `√(2π) · 0.17 mm` times that, 0.0426 to either side of their mean: of eight, `0.0426 / √7`.
    #[test]
    fn the_error_of_a_mass_is_how_much_pieces_of_the_line_differ() {
        let green = Plane::from_shape_fn((400, 400), |(y, x)| {
            let depth = if x < 200 { 0.1 } else { 0.3 };
            (depth * (-0.5 * ((y as f64 - 200.0) / 3.4).powi(2)).exp()) as f32 + 0.7
        });
        let relief = Relief::of(&maps_of(green, 20.0));
        let points: Vec<_> = (0..96).map(|i| [81.5 + 2.5 * f64::from(i), 200.0]).collect();
        let error = mass_error_mm(&relief, &points);
        assert!((error / 0.0161 - 1.0).abs() < 0.05, "{error}");
    }

    #[test]
    fn a_hair_is_no_wrinkle() {
        assert_eq!(found(furrowed(0.25, 0.6)).0.len(), 2);
        assert!(found(furrowed(0.0, 0.6)).0.is_empty());
    }

    /// A disc over the right third of one furrow takes that off, one over most of the other takes it all,
    /// and one shortly before an end takes what is left beyond it too.
    #[test]
    fn lines_on_rims_of_discs_are_none() {
        let maps = maps_of(furrowed(0.25, 0.0), 20.0);
        let relief = Relief::of(&maps);
        let lattice = Lattice::of(&relief, &[]);
        let noise = lattice.noise(&relief);
        let lines = lattice.lines(&relief, &noise);
        let disc = |x, y, radius_px| Disc { centre: [x, y], radius_px };
        let left = |discs: &[Disc]| among(lines.clone(), &maps, &relief, None, discs).0;
        let wrinkles = left(&[disc(280.0, 110.0, 44.0), disc(220.0, 230.0, 90.0)]);
        assert_eq!(wrinkles.len(), 1);
        assert!((wrinkles[0].length_px - 170.0).abs() < 15.0, "{}", wrinkles[0].length_px);
        // A rim from 90 to 118 pixels off the furrow's middle, 2 short of its end: 120 + 90 are left.
        let cut = left(&[disc(283.5, 110.4, 8.0), disc(220.0, 230.0, 90.0)]);
        assert!((cut[0].length_px - 210.0).abs() < 15.0, "{}", cut[0].length_px);
    }

    #[test]
    fn turned_flipped_and_darkened_photos_have_the_same_wrinkles() {
        let plane = furrowed(0.25, 0.0);
        for other in turned_and_flipped(&plane) {
            assert_eq!(found(other).0.len(), 2);
        }
        assert_eq!(found(plane + 0.4).0.len(), 2);
    }

    #[test]
    fn what_has_no_scale_or_no_wrinkles_says_so() {
        let mut maps = maps_of(furrowed(0.25, 0.0), 20.0);
        maps.fine.scale.physical = false;
        let relief = Relief::of(&maps);
        let lattice = Lattice::of(&relief, &[]);
        let noise = lattice.noise(&relief);
        let (wrinkles, _) = among(lattice.lines(&relief, &noise), &maps, &relief, None, &[]);
        let measured = measure(&relief, &wrinkles, &skin_of(&maps));
        assert_eq!(
            (measured[0].outcome.clone(), measured[1].outcome.clone()),
            (Err(NO_SCALE), Err(NO_SCALE))
        );
        assert!(measured[2].outcome.is_ok());
        let (_, smooth) = found(Plane::from_elem((200, 200), 0.7));
        assert_eq!(smooth[2].outcome, Err(NONE_FOUND));
        assert_eq!(value(&smooth, "wrinkles.length_density_mm_per_cm2"), 0.0);
    }
}
