//! Ridges: lines along which a plane is higher than on both sides, found at
//! several widths and followed from end to end.
//!
//! Points on a ridge come from the eigenvalues of the Hessian (Lindeberg 1998,
//! *IJCV* 30:117; Ng et al. 2014, ACCV, for wrinkles), are strengthened by the
//! median along their own direction, which a net of short furrows does not
//! survive, and are linked by tracking with hysteresis (Ng et al. 2015, *IEEE
//! Access* 3:1079).

use multiversion::multiversion;
use rayon::prelude::*;

use crate::filter::lengthening::lengthen;
use crate::filter::tracking::Tracker;
use crate::raster::{self, Mask, Plane, row, sample};

pub use crate::filter::tracking::Line;

/// A plane smoothed by a Gaussian of `sigma` of its pixels. All scales of one
/// search have the same size.
#[derive(Debug, Clone)]
pub struct Scale {
    /// The smoothed values.
    pub plane: Plane,
    /// Standard deviation, pixels.
    pub sigma: f64,
    /// Least strength at which a line starts, in the unit of the plane.
    pub start: f64,
    /// Least strength at which it goes on.
    pub keep: f64,
    /// Least mean strength of a line, as all of its points were seen.
    pub mean: f64,
}

/// What counts as a line. Lengths are in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Search {
    /// Half of the length over which the median strength is taken along the line.
    pub half_length: f64,
    /// The longest gap that is bridged.
    pub gap: f64,
    /// The least length of a line.
    pub length: f64,
    /// The sharpest turn between neighbouring points, radians.
    pub turn: f64,
    /// How far a stage follows the ends that the median leaves at most; 0 to leave them there.
    pub reach: f64,
}

/// Response of a ridge of Gaussian profile at the scale that sees it best, as
/// a share of its height: `σ² w / (w² + σ²)^(3/2)` at `σ = √2 w`.
const BEST_RESPONSE: f64 = 0.384_900_18;

/// How far to both sides, in the scale's standard deviations, a ridge must fall.
const SIDE: f64 = 2.2;

/// The least fall on one side as a share of that on the other: the edge of
/// something dark falls on one side only.
const LEAST_BALANCE: f64 = 0.25;

/// The second derivatives at the middle of three by three values.
#[inline(always)]
fn bend_of([above, here, below]: [&[f32]; 3]) -> [f32; 3] {
    [
        here[0] - 2.0 * here[1] + here[2],
        above[1] - 2.0 * here[1] + below[1],
        0.25 * (above[0] + below[2] - above[2] - below[0]),
    ]
}

/// Direction along the ridge, radians.
fn along([xx, yy, xy]: [f32; 3]) -> f64 {
    0.5 * f64::from(2.0 * xy).atan2(f64::from(xx - yy))
}

/// The lines of several scales, the narrowest first, inside `mask`, in the order
/// in which they were found: those with the strongest point first.
pub fn lines(scales: &[Scale], mask: &Mask, search: &Search) -> Vec<Line> {
    let Some(first) = scales.first() else { return Vec::new() };
    let (width, height) = raster::size(&first.plane);
    if width < 8 || height < 8 {
        return Vec::new();
    }
    let (strength, which) = strongest(scales);
    let mut crests: Vec<Crest> = Vec::new();
    for (index, scale) in (0..).zip(scales) {
        let bends = Bends::of(&scale.plane, scale.sigma);
        // The median along a ridge hardly exceeds the strength of its crest.
        let least = (0.5 * scale.keep) as f32;
        crests.par_extend((1..height - 1).into_par_iter().flat_map_iter(|y| {
            let pixels = row(&strength, y).iter().zip(row(&which, y)).zip(row(mask, y)).enumerate();
            let here = pixels
                .filter(|(_, ((value, which), inside))| **value >= least && **which == index && **inside);
            let inner = here.map(|(x, _)| x).filter(|&x| x > 0 && x + 1 < width);
            let found: Vec<Crest> =
                inner.filter_map(|x| crest(scale, &bends, &strength, (x, y), search)).collect();
            found
        }));
    }
    crests.sort_unstable_by_key(|crest| (crest.y, crest.x));
    let mut lines = Tracker::new((width, height), crests).lines(search);
    lengthen(&mut lines, scales, mask, search);
    lines
}

/// The greatest strength over scales, and the scale's index.
fn strongest(scales: &[Scale]) -> (Plane, ndarray::Array2<u8>) {
    let (width, height) = raster::size(&scales[0].plane);
    let mut which = vec![0u8; width * height];
    let mut strength = vec![0.0f32; width * height];
    let lines = strength.par_chunks_mut(width).zip(which.par_chunks_mut(width)).enumerate();
    lines.filter(|(y, _)| *y > 0 && y + 1 < height).for_each(|(y, (strength, which))| {
        for (index, scale) in scales.iter().enumerate() {
            let weight = (scale.sigma * scale.sigma / BEST_RESPONSE) as f32;
            let rows = [y - 1, y, y + 1].map(|y| row(&scale.plane, y));
            raise(rows, weight, index as u8, strength, which);
        }
    });
    let shape = (height, width);
    (
        Plane::from_shape_vec(shape, strength).expect("one value per pixel"),
        ndarray::Array2::from_shape_vec(shape, which).expect("one index per pixel"),
    )
}

/// Takes a scale's strength where it is the greatest so far: `rows` are the
/// rows above, here and below. The strength is how much more the plane bends
/// across than along: `2 min(b, -a)` with the mean `a` and the half difference
/// `b` of the eigenvalues of [`bend_of`]; 0 for blobs and dents.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2+fma"))]
fn raise(rows: [&[f32]; 3], weight: f32, index: u8, strength: &mut [f32], which: &mut [u8]) {
    let inner = strength.len() - 2;
    let from = |row: usize, first: usize| &rows[row][first..first + inner];
    let (a0, a1, a2) = (from(0, 0), from(0, 1), from(0, 2));
    let (h0, h1, h2) = (from(1, 0), from(1, 1), from(1, 2));
    let (b0, b1, b2) = (from(2, 0), from(2, 1), from(2, 2));
    let (strength, which) = (&mut strength[1..inner + 1], &mut which[1..inner + 1]);
    for x in 0..inner {
        let (xx, yy) = (h0[x] - 2.0 * h1[x] + h2[x], a1[x] - 2.0 * h1[x] + b1[x]);
        let xy = 0.25 * (a0[x] + b2[x] - a2[x] - b0[x]);
        let (mean, swing) = (0.5 * (xx + yy), (0.25 * (xx - yy) * (xx - yy) + xy * xy).sqrt());
        // Comparisons, for `min` and `max` mind what is not a number.
        let least = if swing < -mean { swing } else { -mean };
        let value = weight * if least > 0.0 { 2.0 * least } else { 0.0 };
        let better = value > strength[x];
        strength[x] = if better { value } else { strength[x] };
        which[x] = if better { index } else { which[x] };
    }
}

/// The second derivatives of all pixels of a scale, worked out once.
struct Bends {
    hessians: Vec<[f32; 3]>,
    width: usize,
    height: usize,
    sigma: f64,
}

impl Bends {
    fn of(plane: &Plane, sigma: f64) -> Self {
        let (width, height) = raster::size(plane);
        let mut hessians = vec![[0.0; 3]; width * height];
        hessians.par_chunks_mut(width).enumerate().filter(|(y, _)| *y > 0 && y + 1 < height).for_each(
            |(y, out)| {
                let rows = [y - 1, y, y + 1].map(|y| row(plane, y).windows(3));
                let [above, here, below] = rows;
                for (out, (above, (here, below))) in out[1..].iter_mut().zip(above.zip(here.zip(below))) {
                    *out = bend_of([above, here, below]);
                }
            },
        );
        Self { hessians, width, height, sigma }
    }

    fn at(&self, x: usize, y: usize) -> [f32; 3] {
        self.hessians[y * self.width + x]
    }

    /// The strength along a straight stretch if it exceeds `least`, otherwise 0.
    fn strength_above(&self, at: (usize, usize), angle: f64, half_length: f64, least: f64) -> f64 {
        let course = Course::new(at, angle, half_length);
        // A little less, as the limit is rounded and the values are compared exactly in the end.
        let limit = (0.999 * least * BEST_RESPONSE / (self.sigma * self.sigma)) as f32;
        let mut bends = [0.0f32; MOST_SAMPLES];
        let bends = &mut bends[..2 * course.steps as usize + 1];
        if !bend_along(self, &course, limit, bends) {
            return 0.0;
        }
        let strength = median(bends) * self.sigma * self.sigma / BEST_RESPONSE;
        if strength > least { strength } else { 0.0 }
    }

    /// The strength along a straight stretch: the median of how much more the
    /// plane bends across that direction than along it. The median, because a
    /// row of dark dots has a high mean.
    fn strength_along(&self, at: (usize, usize), angle: f64, half_length: f64) -> f64 {
        let course = Course::new(at, angle, half_length);
        let mut bends = [0.0f32; MOST_SAMPLES];
        let bends = &mut bends[..2 * course.steps as usize + 1];
        bend_along(self, &course, f32::NEG_INFINITY, bends);
        median(bends) * self.sigma * self.sigma / BEST_RESPONSE
    }
}

/// The strength of a scale at an inner pixel, for a ridge in the direction of `angle`.
pub(super) fn ridge_strength(scale: &Scale, angle: f64) -> impl Fn((usize, usize)) -> f64 {
    let course = Course::new((0, 0), angle, 0.0);
    move |(x, y)| {
        let rows = [y - 1, y, y + 1].map(|y| &row(&scale.plane, y)[x - 1..=x + 1]);
        f64::from(course.bend(bend_of(rows))) * scale.sigma * scale.sigma / BEST_RESPONSE
    }
}

/// Pixels of a course that are looked at before it is asked whether to go on.
const STRIDE: usize = 8;

/// Fills in how a plane bends along a course, as long as the median may still
/// reach `limit`: whether it may in the end.
#[multiversion(targets("x86_64+avx2+fma"))]
fn bend_along(plane: &Bends, course: &Course, limit: f32, bends: &mut [f32]) -> bool {
    let (most, mut below) = (course.steps as u32, 0u32);
    let mut pixels = course.pixels(plane.width, plane.height);
    for bends in bends.chunks_mut(STRIDE) {
        for (bend, (x, y)) in bends.iter_mut().zip(&mut pixels) {
            *bend = course.bend(plane.at(x, y));
            below += u32::from(*bend < limit);
        }
        // Where more than half of the values lie below the limit, so does the median.
        if below > most {
            return false;
        }
    }
    true
}

/// A point on a ridge.
#[derive(Debug, Clone, Copy)]
pub(super) struct Crest {
    pub x: usize,
    pub y: usize,
    /// Median strength along the ridge.
    pub strength: f64,
    /// Direction, radians.
    pub angle: f64,
    pub sigma: f64,
    /// Whether a line may start here.
    pub starts: bool,
    /// Least mean strength of a line seen like this.
    pub mean: f64,
}

/// The pixel as a point on a ridge, if it is one.
fn crest(
    scale: &Scale,
    bends: &Bends,
    strength: &Plane,
    (x, y): (usize, usize),
    search: &Search,
) -> Option<Crest> {
    let value = strength[[y, x]];
    let angle = along(bends.at(x, y));
    let (sin, cos) = angle.sin_cos();
    let (dx, dy) = ((-sin).round() as isize, cos.round() as isize);
    let beside =
        |sign: isize| strength[[(y as isize + sign * dy) as usize, (x as isize + sign * dx) as usize]];
    if value < beside(1) || value <= beside(-1) || !balanced(scale, (x, y), (-sin, cos)) {
        return None;
    }
    let [angle, strength] = best_direction(bends, (x, y), angle, search.half_length, scale.keep)?;
    let starts = strength >= scale.start;
    Some(Crest { x, y, strength, angle, sigma: scale.sigma, starts, mean: scale.mean })
}

/// Whether the plane falls to both sides, across (`nx`, `ny`).
fn balanced(scale: &Scale, (x, y): (usize, usize), (nx, ny): (f64, f64)) -> bool {
    let here = scale.plane[[y, x]];
    let fall = |sign: f64| {
        let reach = sign * SIDE * scale.sigma;
        sample(&scale.plane, x as f64 + reach * nx, y as f64 + reach * ny).map(|side| here - side)
    };
    match (fall(1.0), fall(-1.0)) {
        (Some(a), Some(b)) => f64::from(a.min(b)) > LEAST_BALANCE * f64::from(a.max(b)),
        (Some(one), None) | (None, Some(one)) => one > 0.0,
        (None, None) => false,
    }
}

/// Turns tried from the direction of the Hessian, radians, the likeliest first:
/// those after it are given up as soon as they cannot be stronger.
const TURNS: [f64; 5] = [0.0, -0.15, 0.15, -0.3, 0.3];

/// The direction along which the strength is greatest, and that strength;
/// `None` if it is below `least` everywhere.
fn best_direction(
    bends: &Bends,
    at: (usize, usize),
    angle: f64,
    half_length: f64,
    least: f64,
) -> Option<[f64; 2]> {
    let mut best = None;
    let mut least = least.next_down();
    for turn in TURNS {
        let strength = bends.strength_above(at, angle + turn, half_length, least);
        if strength > least {
            (best, least) = (Some([angle + turn, strength]), strength);
        }
    }
    best
}

/// A straight stretch through a pixel.
struct Course {
    from: [f64; 2],
    sin: f64,
    cos: f64,
    /// Pixels to each side.
    steps: isize,
    across: [f32; 3],
    along: [f32; 3],
}

impl Course {
    fn new((x, y): (usize, usize), angle: f64, half_length: f64) -> Self {
        let (sin, cos) = angle.sin_cos();
        Self {
            from: [x as f64, y as f64],
            sin,
            cos,
            steps: (half_length.round().max(1.0) as isize).min(MOST_STEPS),
            across: [(sin * sin) as f32, (cos * cos) as f32, (-2.0 * sin * cos) as f32],
            along: [(cos * cos) as f32, (sin * sin) as f32, (2.0 * sin * cos) as f32],
        }
    }

    /// The pixels nearest to its points from end to end, at least one away from
    /// the border, by steps in fixed point.
    #[inline(always)]
    fn pixels(&self, width: usize, height: usize) -> impl Iterator<Item = (usize, usize)> {
        const POINT: u32 = 32;
        let fixed = |value: f64| (value * (1u64 << POINT) as f64) as i64;
        let along = |from: f64, step: f64, length: usize| {
            let (first, step) = (fixed(from + 0.5) - self.steps as i64 * fixed(step), fixed(step));
            let most = length as i64 - 2;
            move |k: i64| ((first + k * step) >> POINT).clamp(1, most) as usize
        };
        let (x, y) = (along(self.from[0], self.cos, width), along(self.from[1], self.sin, height));
        (0..=2 * self.steps as i64).map(move |k| (x(k), y(k)))
    }

    /// How much more a plane bends across than along, which spots do alike.
    #[inline(always)]
    fn bend(&self, [xx, yy, xy]: [f32; 3]) -> f32 {
        let [across, along] = [self.across, self.along].map(|[a, b, c]| -(xx * a + yy * b + xy * c));
        across - along.max(0.0)
    }
}

/// The middle one of an odd number of values.
fn median(values: &mut [f32]) -> f64 {
    let middle = values.len() / 2;
    f64::from(*values.select_nth_unstable_by(middle, f32::total_cmp).1)
}

/// Places along each side at which plain skin is sampled, at most; no nearer to
/// one another than a standard deviation, over which the smoothed plane is alike.
const SAMPLES: usize = 64;

/// The strength that lines at random have in a plane smoothed by a Gaussian of
/// `sigma` pixels: 1.4826 times the median absolute value over a lattice of
/// places inside `mask`, each looked at in four directions. A standard
/// deviation if it were normal; 0 without a place to look at.
pub fn noise(plane: &Plane, sigma: f64, mask: &Mask, half_length: f64) -> f64 {
    let (width, height) = raster::size(plane);
    if width < 8 || height < 8 {
        return 0.0;
    }
    let bends = Bends::of(plane, sigma);
    let stride = (width.max(height) / SAMPLES).max(sigma as usize).max(1);
    let lines: Vec<usize> = (stride / 2..height).step_by(stride).collect();
    let strengths = |&y: &usize| -> Vec<f32> {
        let places = (stride / 2..width).step_by(stride).filter(|&x| mask[[y, x]]);
        let turns = (0..4).map(|i| std::f64::consts::FRAC_PI_4 * f64::from(i));
        places
            .flat_map(|x| turns.clone().map(move |turn| (x, turn)))
            .map(|(x, turn)| bends.strength_along((x, y), turn, half_length).abs() as f32)
            .collect()
    };
    let mut all = lines.par_iter().map(strengths).collect::<Vec<_>>().concat();
    let middle = all.len() / 2;
    if all.is_empty() {
        return 0.0;
    }
    1.4826 * f64::from(*all.select_nth_unstable_by(middle, f32::total_cmp).1)
}

/// Most pixels to each side that strength is taken from.
const MOST_STEPS: isize = 48;
const MOST_SAMPLES: usize = 2 * MOST_STEPS as usize + 1;

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::filter::gaussian::gaussian;

    pub(in crate::filter) const SEARCH: Search =
        Search { half_length: 8.0, gap: 10.0, length: 25.0, turn: 0.4, reach: 0.0 };

    fn found(plane: &Plane) -> Vec<Line> {
        let scales: Vec<Scale> = [1.5, 2.1, 3.0, 4.2]
            .map(|sigma| Scale { plane: gaussian(plane, sigma), sigma, start: 0.05, keep: 0.03, mean: 0.03 })
            .into();
        lines(&scales, &Mask::from_elem(plane.raw_dim(), true), &SEARCH)
    }

    /// A ridge of height 0.2 and standard deviation 2 along a slanted line of
    /// length 80 about the middle.
    pub(in crate::filter) fn slanted() -> Plane {
        let (sin, cos) = 0.5f64.sin_cos();
        Plane::from_shape_fn((120, 140), |(y, x)| {
            let (dx, dy) = (x as f64 - 70.0, y as f64 - 60.0);
            let (u, v) = (dx * cos + dy * sin, dy * cos - dx * sin);
            if u.abs() <= 40.0 { (0.2 * (-0.125 * v * v).exp()) as f32 } else { 0.0 }
        })
    }

    #[test]
    fn a_line_is_followed_from_end_to_end() {
        let lines = found(&slanted());
        assert_eq!(lines.len(), 1);
        assert!((lines[0].length() - 80.0).abs() < 6.0, "{}", lines[0].length());
        let (sin, cos) = 0.5f64.sin_cos();
        let off = |p: &[f64; 2]| ((p[1] - 60.0) * cos - (p[0] - 70.0) * sin).abs();
        assert!(lines[0].points.iter().all(|p| off(p) < 1.0));
    }

    /// The plane of `blobs_scipy.py`.
    pub(in crate::filter) fn three_shapes() -> Plane {
        let shapes =
            [(20.0, 20.0, 0.2, 3.0, 3.0), (70.0, 20.0, 0.3, 6.0, 3.0), (48.0, 60.0, 0.25, 30.0, 2.5)];
        Plane::from_shape_fn((80, 96), |(y, x)| {
            let height = |(cx, cy, h, sx, sy): &(f64, f64, f64, f64, f64)| {
                h * (-0.5 * (((x as f64 - cx) / sx).powi(2) + ((y as f64 - cy) / sy).powi(2))).exp()
            };
            shapes.iter().map(height).sum::<f64>() as f32
        })
    }

    /// What bends across, as SciPy differentiates it; see the blobs' test for the tolerance.
    #[test]
    fn curvatures_agree_with_scipy() {
        for line in include_str!("../../fixtures/reference/blobs_scipy.csv").lines().skip(2) {
            let v: Vec<f64> = line.split(',').map(|field| field.parse().unwrap()).collect();
            let bends = Bends::of(&gaussian(&three_shapes(), v[2]), v[2]);
            let [_, yy, _] = bends.at(v[0] as usize, v[1] as usize);
            let found = -v[2] * v[2] * f64::from(yy);
            assert!((found / v[4] - 1.0).abs() < 0.04, "{line}: {found}");
        }
    }

    #[test]
    fn a_gap_is_bridged_and_a_longer_one_is_not() {
        let gapped = |gap: f64| {
            let mut plane = slanted();
            plane.indexed_iter_mut().for_each(|((_, x), v)| {
                if (x as f64 - 70.0).abs() < gap / 2.0 {
                    *v = 0.0;
                }
            });
            found(&plane).len()
        };
        assert_eq!((gapped(6.0), gapped(26.0)), (1, 2));
    }

    #[test]
    fn blobs_edges_and_valleys_are_no_lines() {
        let blobs = Plane::from_shape_fn((120, 120), |(y, x)| {
            let d = |at: usize| ((at % 30) as f32 - 15.0).powi(2);
            0.3 * (-0.06 * (d(x + 11 * (y / 30)) + d(y))).exp()
        });
        let edge = gaussian(&Plane::from_shape_fn((120, 120), |(_, x)| if x < 60 { 0.5 } else { 0.0 }), 1.0);
        for (name, plane) in [("blobs", blobs), ("edge", edge), ("valley", -slanted())] {
            assert!(found(&plane).is_empty(), "{name}: {:?}", found(&plane));
        }
    }

    #[test]
    fn turned_and_flipped_planes_have_lines_of_the_same_length() {
        let plane = slanted();
        let turned = Plane::from_shape_fn((140, 120), |(y, x)| plane[[119 - x, y]]);
        let flipped = Plane::from_shape_fn((120, 140), |(y, x)| plane[[y, 139 - x]]);
        let length = |plane: &Plane| found(plane).iter().map(Line::length).sum::<f64>();
        for other in [turned, flipped] {
            assert!((length(&other) / length(&plane) - 1.0).abs() < 0.03);
        }
    }

    #[test]
    fn tiny_planes_have_no_lines() {
        for size in [(1, 1), (3, 20), (7, 7)] {
            assert!(found(&Plane::from_elem(size, 0.3)).is_empty());
        }
    }
}
