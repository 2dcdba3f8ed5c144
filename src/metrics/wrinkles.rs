//! Wrinkles and fine lines: dark ridges of the relief, followed from end to end.

use nalgebra::{Matrix3, Vector3};

use crate::metrics::hairs::{Drawn, drawn};
use crate::metrics::joining::joined;
use crate::metrics::lines::{LEAST_PX_PER_MM, Line, normal};
use crate::metrics::relief::{Relief, SIGMA_PER_FWHM};
use crate::metrics::{
    Better, Estimate, Family, Maps, Measured, Metric, NO_SCALE, NO_SKIN, NONE_FOUND, RESOLUTION_TOO_LOW,
};
use crate::order::clipped_mean;
use crate::raster::{averaging, cell_centre, covers, sample};
use crate::region::{Region, Tiles};

/// Half of the profile across a wrinkle, mm, and where its surroundings begin.
const PROFILE_MM: (f64, f64) = (1.6, 1.1);

/// Points to each side of one that its direction is taken from.
const AROUND: usize = 3;

/// Variance, cells squared, that reading between cells adds in the mean over places: it weighs two
/// neighbours as a triangle of one cell to each side does.
const READING: f64 = 1.0 / 6.0;

/// Blur of a wrinkle's picture, standard deviation in mm, as for pores.
const BLUR_MM: f64 = 0.08;

/// How far from the middle of its dark wall a furrow is looked at, mm.
const WALLS_MM: f64 = 0.8;

/// Standard deviations of furrows tried, mm, and how far from the dark wall, in these, their middle
/// may lie: a slope is steepest at one.
const SIGMAS_MM: [f64; 5] = [0.1, 0.14, 0.2, 0.28, 0.4];
const MOST_ASIDE: f64 = 1.5;

/// How much more of the profile than the best one the middle nearest to the dark wall may leave
/// unexplained: where no bright wall shows, middles explain it alike.
const AS_GOOD: f64 = 1.2;

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
        summary: "Length of wrinkles and fine lines of at least 5 mm per square centimetre of skin.",
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
    discs: &[Disc],
) -> (Vec<Wrinkle>, Vec<Vec<[f64; 2]>>) {
    let (mut furrows, mut hairs) = (Vec::new(), Vec::new());
    for line in lines {
        let Some(profile) = Profile::of(relief, &line.points) else { continue };
        let points = in_native(relief, &line.points);
        match drawn(maps, &points, profile.width_mm()) {
            Drawn::Hair => hairs.push(points),
            Drawn::Blood => {}
            Drawn::Furrow => furrows.extend(clear_of(line, relief, discs)),
        }
    }
    let furrows = joined(furrows, relief.scale);
    (furrows.iter().filter_map(|furrow| wrinkle(relief, furrow)).collect(), hairs)
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
fn wrinkle(relief: &Relief, line: &Line) -> Option<Wrinkle> {
    let profile = Profile::of(relief, &line.points)?;
    let width = profile.width_mm();
    let aside = relief.scale.px(profile.middle_mm());
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
        contrast: profile.mass_mm().max(0.0),
        contrast_error: mass_error_mm(relief, &line.points),
    })
}

/// A full width at half height without the blur of this `variance`; two fifths of it at least.
fn freed(width: f64, variance: f64) -> f64 {
    (width * width - variance / SIGMA_PER_FWHM.powi(2)).max(0.16 * width * width).sqrt()
}

/// Pieces of a line that its mass is taken of one by one, and fewest points of each.
const PIECES: (usize, usize) = (8, 8);

/// Standard error of the mass of the line through these points: dark and bright walls nearly cancel, and
/// what is left is told no better than its pieces agree; 0 for a line of one piece.
fn mass_error_mm(relief: &Relief, points: &[[f64; 2]]) -> f64 {
    let pieces = points.chunks(points.len().div_ceil(PIECES.0).max(PIECES.1));
    let masses: Vec<f64> =
        pieces.filter_map(|points| Profile::of(relief, points)).map(|profile| profile.mass_mm()).collect();
    let mean = Estimate::ratio(&masses, &vec![1.0; masses.len()]);
    mean.and_then(|mean| mean.standard_error()).unwrap_or(0.0)
}

/// The profile across a line, above its surroundings.
struct Profile {
    values: Vec<f64>,
    step_mm: f64,
    /// Variance that sampling adds to it, mm²: averaging into cells, and reading between them.
    sampling_mm2: f64,
}

impl Profile {
    /// Steps from the middle to each side.
    const HALF: usize = 40;

    /// Means along the line without what stands out, so that spots beside it and
    /// what crosses it have no say; where nothing is skin, as high as the surroundings.
    fn of(relief: &Relief, points: &[[f64; 2]]) -> Option<Self> {
        let step_mm = PROFILE_MM.0 / Self::HALF as f64;
        let mut seen: Vec<Vec<f64>> = vec![Vec::new(); 2 * Self::HALF + 1];
        for i in 1..points.len().saturating_sub(1) {
            let [nx, ny] = normal(points, i, AROUND);
            for (k, seen) in seen.iter_mut().enumerate() {
                let reach = relief.scale.px(step_mm) * (k as f64 - Self::HALF as f64);
                let (x, y) = (points[i][0] + reach * nx, points[i][1] + reach * ny);
                let value = sample(&relief.detail, x, y).filter(|_| covers(&relief.skin, x, y));
                seen.extend(value.map(f64::from));
            }
        }
        let means: Vec<Option<f64>> = seen.iter().map(|values| clipped_mean(values)).collect();
        let rim = (Self::HALF as f64 * (1.0 - PROFILE_MM.1 / PROFILE_MM.0)) as usize;
        let around: Vec<f64> =
            means[..rim].iter().chain(&means[means.len() - rim..]).flatten().copied().collect();
        if around.is_empty() {
            return None;
        }
        let averaging_mm2 = averaging(relief.factor) / relief.native_px_per_mm().powi(2);
        let base = around.iter().sum::<f64>() / around.len() as f64;
        Some(Self {
            values: means.iter().map(|mean| mean.map_or(0.0, |mean| mean - base)).collect(),
            step_mm,
            sampling_mm2: averaging_mm2 + relief.scale.mm(1.0).powi(2) * READING,
        })
    }

    /// The integral over the inner part, ln units times mm.
    fn mass_mm(&self) -> f64 {
        let rim = (Self::HALF as f64 * (1.0 - PROFILE_MM.1 / PROFILE_MM.0)) as usize;
        self.values[rim..self.values.len() - rim].iter().sum::<f64>() * self.step_mm
    }

    /// How far from the dark wall the middle of the furrow lies, mm, along the normal of the line.
    ///
    /// A furrow `-exp(-x² / 2σ²)` deep is darkest at its middle for light from all around, and by its
    /// slope for light from one side, one wall dark and one bright: what is seen is a mixture of both.
    fn middle_mm(&self) -> f64 {
        let steps = ((WALLS_MM / self.step_mm) as usize).min(Self::HALF);
        let seen = &self.values[Self::HALF - steps..=Self::HALF + steps];
        let at = |k: usize| (k as f64 - steps as f64) * self.step_mm;
        // What a furrow about `middle` leaves unexplained, and whether it is one.
        let left = |middle: f64, sigma: f64| {
            let shapes = (0..seen.len()).map(|k| {
                let u = (at(k) - middle) / sigma;
                let depth = (-0.5 * u * u).exp();
                Vector3::new(depth, u * depth, 1.0)
            });
            let (mut normal, mut right, mut sum) = (Matrix3::zeros(), Vector3::zeros(), 0.0);
            for (shape, &value) in shapes.zip(seen) {
                normal += shape * shape.transpose();
                right += shape * value;
                sum += value * value;
            }
            let shares = normal.cholesky()?.solve(&right);
            (shares[0] >= 0.0).then(|| sum - shares.dot(&right))
        };
        let middles = (-(steps as i32)..=steps as i32).map(|k| f64::from(k) * self.step_mm);
        let fits: Vec<(f64, f64)> = middles
            .flat_map(|middle| SIGMAS_MM.map(|sigma| (middle, sigma)))
            .filter(|(middle, sigma)| middle.abs() <= MOST_ASIDE * sigma)
            .filter_map(|(middle, sigma)| Some((middle, left(middle, sigma)?)))
            .collect();
        let least = fits.iter().map(|(_, left)| *left).fold(f64::INFINITY, f64::min);
        let good = fits.into_iter().filter(|(_, left)| *left <= AS_GOOD * least.max(0.0));
        good.map(|(middle, _)| middle).min_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap_or(0.0)
    }

    /// Full width at half of the greatest value near the dark wall's middle as the lens draws it, mm.
    fn width_mm(&self) -> f64 {
        let middle = Self::HALF - Self::HALF / 5..Self::HALF + Self::HALF / 5 + 1;
        let peak = middle.max_by(|&a, &b| self.values[a].total_cmp(&self.values[b])).unwrap_or(Self::HALF);
        let half = 0.5 * self.values[peak];
        let crossing = |values: &mut dyn Iterator<Item = f64>| {
            let mut last = 2.0 * half;
            for (i, value) in values.enumerate() {
                if value < half {
                    return i as f64 + (last - half) / (last - value).max(1e-12);
                }
                last = value;
            }
            Self::HALF as f64
        };
        let right = crossing(&mut self.values[peak + 1..].iter().copied());
        let left = crossing(&mut self.values[..peak].iter().rev().copied());
        freed((left + right) * self.step_mm, self.sampling_mm2)
    }
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
    use crate::metrics::testing::{maps_of, noise, relief_in_cells, skin_of, turned_and_flipped, value};
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
        let (wrinkles, _) = among(lattice.lines(&relief, &noise), &maps, &relief, &[]);
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

    /// 0.2 and 0.4 mm as the lens draws them.
    #[test]
    fn cells_leave_lines_as_wide_as_they_are() {
        for width in [0.2, 0.4] {
            let sigma = 40.0 * width * SIGMA_PER_FWHM;
            let plane = Plane::from_shape_fn((480, 480), |(y, x)| {
                let across = (y as f64 - 240.0 - 0.2 * (x as f64 - 240.0)) / (1.04f64.sqrt() * sigma);
                0.2 * (-0.5 * across * across).exp() as f32
            });
            for factor in [1, 2, 4] {
                let cell = |at: f64| crate::raster::in_cells(at, factor);
                let points: Vec<_> = (60..420)
                    .step_by(6)
                    .map(|x| [cell(f64::from(x)), cell(240.0 + 0.2 * (f64::from(x) - 240.0))])
                    .collect();
                let seen = Profile::of(&relief_in_cells(&plane, factor), &points).unwrap().width_mm();
                assert!((seen / width - 1.0).abs() < 0.03, "{width} {factor}: {seen}");
            }
        }
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
        let (wrinkles, _) = among(vec![dark], &maps, &Relief::of(&maps), &[]);
        assert_eq!(wrinkles.len(), 1);
        assert_eq!(wrinkles[0].contrast, 0.0);
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

    /// Gaussian furrows of 3, 4.4 and 6.6 pixels (standard deviation σ) about y = 200 under light from
    /// one side (`s`, their slope), from all around (`d`, their depth) and mixtures, at 20 px/mm. By
    /// hand, their dark walls lie σu off, where `s'u² - du - s' = 0` with `s' = √e s`.
    #[test]
    fn the_middle_of_a_furrow_lies_between_its_walls() {
        for (sigma, [slope, depth], wall) in [
            (3.0, [0.1, 0.0], 197.0),
            (4.4, [-0.1, 0.05], 203.8),
            (6.6, [0.1, 0.1], 195.1),
            (4.4, [0.0, 0.1], 200.0),
        ] {
            let seen = |y: f64| {
                let u = (y - 200.0) / sigma;
                (depth - slope * u * 0.5f64.exp()) * (-0.5 * u * u).exp()
            };
            let maps = maps_of(
                Plane::from_shape_fn((400, 400), |(y, x)| seen(y as f64) as f32 + noise(x, y, 0.02) + 0.7),
                20.0,
            );
            let line = Line::of((80..320).step_by(3).map(|x| [f64::from(x), wall]).collect());
            let (wrinkles, _) = among(vec![line], &maps, &Relief::of(&maps), &[]);
            let off = wrinkles[0].points.iter().map(|[_, y]| (y - 200.0).abs()).fold(0.0, f64::max);
            assert!(off <= 0.8, "{sigma} {slope} {depth}: {wall} {off}");
        }
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
        let left = |discs: &[Disc]| among(lines.clone(), &maps, &relief, discs).0;
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
        let (wrinkles, _) = among(lattice.lines(&relief, &noise), &maps, &relief, &[]);
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
