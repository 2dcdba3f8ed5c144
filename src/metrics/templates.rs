//! What is looked for on decorrelated channels: drawings of pits, bumps, spots
//! and furrows, as weights by which a place is added up: what is alike adds most.

use multiversion::multiversion;
use nalgebra::Vector3;

use crate::filter::gaussian::gaussian;
use crate::metrics::crescents::Profile;
use crate::metrics::whitening::Whitening;
use crate::raster::{Plane, row};
use crate::units::FilterScale;

/// Height of the light above the skin, radians, and the share that comes from
/// all around: the middle of what draws pits that can be seen (40 to 60°, a
/// quarter to two fifths).
const ELEVATION: f64 = 0.87;
const AMBIENT: f64 = 0.32;

/// Most that a pit's walls hide of the light from all around.
const MOST_HIDDEN: f64 = 0.28;

/// How much of it they hide, per depth over radius.
const HIDDEN_PER_DEPTH: f64 = 0.21;

/// How far light spreads in the skin in red, green and blue, standard deviations in mm.
const SPREAD_MM: [f64; 3] = [0.2, 0.1, 0.06];

/// Cells from the middle to the side from which every other line of a drawing
/// is enough: large ones are smooth.
const SMOOTH: isize = 10;

/// Pixels of the drawing per cell, along each side.
const FINER: usize = 3;

/// Cells of a line that are added up at a time.
const LANES: usize = 8;

/// Decorrelated channels of a photo, with a margin all around in which they are 0.
pub(super) struct Ground {
    channels: [Vec<f32>; 3],
    stride: usize,
    margin: usize,
}

impl Ground {
    /// The channels as `value` gives them for a row and a column, on which
    /// templates are laid as far as `margin` cells outside.
    pub fn new(
        (height, width): (usize, usize),
        margin: usize,
        value: impl Fn((usize, usize)) -> [f32; 3],
    ) -> Self {
        // The last cells of a line reach beyond what is drawn.
        let margin = margin + LANES;
        let stride = width + 2 * margin;
        let mut channels = [(); 3].map(|()| vec![0.0; stride * (height + 2 * margin)]);
        for y in 0..height {
            let first = (y + margin) * stride + margin;
            for x in 0..width {
                let here = channels.iter_mut().zip(value((y, x)));
                here.for_each(|(channel, value)| channel[first + x] = value);
            }
        }
        Self { channels, stride, margin }
    }
}

/// What is looked for: weights per channel, without their mean, of unit energy.
pub(super) struct Template {
    lines: Vec<Line>,
    any_colour: bool,
    side: usize,
}

/// One line of a template's cells.
struct Line {
    dx: isize,
    dy: isize,
    /// Of red, green and blue, filled up with zeros; of red alone for any colour.
    weights: Vec<Vec<[f32; LANES]>>,
}

impl Template {
    /// Of one colour: that of its three drawings.
    pub fn shaded(drawn: &[Plane; 3], whitening: &Whitening) -> Self {
        let level = drawn.each_ref().map(mean_inside);
        let white = |y: usize, x: usize| {
            whitening * Vector3::from_fn(|c, _| (f64::from(drawn[c][[y, x]]) - level[c]) as f32)
        };
        Self::of(drawn[0].nrows(), false, |y, x| white(y, x).into())
    }

    /// Of any colour.
    pub fn plain(drawn: &Plane) -> Self {
        let level = mean_inside(drawn);
        Self::of(drawn.nrows(), true, |y, x| [(f64::from(drawn[[y, x]]) - level) as f32; 3])
    }

    /// Cells on each side of its middle.
    pub fn side(&self) -> usize {
        self.side
    }

    /// How strongly it is seen at a place of decorrelated channels, in their
    /// standard deviations. The place and [`Self::side`] cells around it lie within their margin.
    pub fn response(&self, ground: &Ground, [x, y]: [isize; 2]) -> f64 {
        let sums = sums(&self.lines, ground, [x, y].map(|at| at + ground.margin as isize));
        let [red, green, blue] = sums.map(|lanes| f64::from(lanes.iter().sum::<f32>()));
        if self.any_colour {
            (red * red + green * green + blue * blue).sqrt()
        } else {
            (red + green + blue).max(0.0)
        }
    }

    fn of(count: usize, any_colour: bool, weight: impl Fn(usize, usize) -> [f32; 3]) -> Self {
        let side = (count / 2) as isize;
        let step = if side >= SMOOTH { 2 } else { 1 };
        let drawn = (side as usize % step..count).step_by(step).filter_map(|y| {
            let columns = inside(count, y)?;
            let weights: Vec<[f32; 3]> = columns.clone().map(|x| weight(y, x)).collect();
            Some((columns.start as isize - side, y as isize - side, weights))
        });
        let drawn: Vec<(isize, isize, Vec<[f32; 3]>)> = drawn.collect();
        let channels = if any_colour { 1 } else { 3 };
        let square = |weights: &[f32; 3]| weights[..channels].iter().map(|w| w * w).sum::<f32>();
        let energy: f32 = drawn.iter().flat_map(|(_, _, weights)| weights.iter().map(square)).sum();
        // Half of the lines must speak for all.
        let length = energy.sqrt().max(1e-12) / (step as f32).sqrt();
        let lanes = |weights: &[[f32; 3]], c: usize| -> Vec<[f32; LANES]> {
            let lane =
                |some: &[[f32; 3]]| std::array::from_fn(|i| some.get(i).map_or(0.0, |w| w[c] / length));
            weights.chunks(LANES).map(lane).collect()
        };
        let line = |(dx, dy, weights): (isize, isize, Vec<[f32; 3]>)| Line {
            dx,
            dy,
            weights: (0..channels).map(|c| lanes(&weights, c)).collect(),
        };
        Self { lines: drawn.into_iter().map(line).collect(), any_colour, side: side as usize }
    }
}

/// The sums of weighted values around a cell, counted from the corner of the
/// margin, for each channel in lanes.
#[multiversion(targets("x86_64+avx2+fma"))]
fn sums(lines: &[Line], ground: &Ground, [x, y]: [isize; 2]) -> [[f32; LANES]; 3] {
    let mut sums = [[0.0f32; LANES]; 3];
    for line in lines {
        let first = ((y + line.dy) * ground.stride as isize + x + line.dx) as usize;
        for (c, sums) in sums.iter_mut().enumerate() {
            let weights = &line.weights[c.min(line.weights.len() - 1)];
            let values = &ground.channels[c][first..first + weights.len() * LANES];
            for (weights, values) in weights.iter().zip(values.chunks_exact(LANES)) {
                for i in 0..LANES {
                    sums[i] += weights[i] * values[i];
                }
            }
        }
    }
    sums
}

/// The columns of a square drawing's line that lie in its circle.
fn inside(count: usize, y: usize) -> Option<std::ops::Range<usize>> {
    let side = count as isize / 2;
    let dy = y as isize - side;
    let half = ((side * side - dy * dy) as f64).sqrt() as isize;
    (half > 0).then(|| (side - half) as usize..(side + half + 1) as usize)
}

fn mean_inside(drawn: &Plane) -> f64 {
    let count = drawn.nrows();
    let values = (0..count)
        .filter_map(|y| Some((y, inside(count, y)?)))
        .flat_map(|(y, columns)| columns.map(move |x| f64::from(drawn[[y, x]])));
    let (sum, seen) = values.fold((0.0, 0.0), |(sum, seen), value| (sum + value, seen + 1.0));
    sum / f64::max(seen, 1.0)
}

/// A square drawing of `side` cells on each side of the middle.
pub(super) fn draw(side: usize, value: impl Fn(f64, f64) -> f64) -> Plane {
    let at = |i: usize| i as f64 - side as f64;
    Plane::from_shape_fn((2 * side + 1, 2 * side + 1), |(y, x)| value(at(x), at(y)) as f32)
}

/// What light from one side meets: slopes of the height along both axes, and the share of the light
/// from all around that walls hide.
pub(super) struct Wall {
    pub slope: [f64; 2],
    pub hidden: f64,
}

impl Wall {
    /// The wall of a pit at a place, mm from its centre.
    pub fn of_pit(profile: Profile, radius: f64, depth: f64, [dx, dy]: [f64; 2]) -> Self {
        let r = dx.hypot(dy).max(1e-9);
        // The floor rises outwards.
        let wall = depth / radius * profile.slope(r / radius);
        let most = MOST_HIDDEN.min(HIDDEN_PER_DEPTH * depth / radius);
        Self { slope: [wall * dx / r, wall * dy / r], hidden: most * profile.depth(r / radius) }
    }
}

/// The density of a relief in red, green and blue up to `reach` mm from its middle: dark where its
/// wall falls away from the light, bright where it rises towards it, and dark where walls hide the
/// light; spread in the skin. `wall` is asked at places in mm.
pub(super) fn shading(
    reach: f64,
    [ux, uy]: [f64; 2],
    scale: FilterScale,
    wall: impl Fn([f64; 2]) -> Wall,
) -> [Plane; 3] {
    let side = scale.px(reach).ceil() as usize + 2;
    let count = (2 * side + 1) * FINER;
    let mm = |i: usize| scale.mm((i as f64 - 0.5 * (count as f64 - 1.0)) / FINER as f64);
    let slant = ELEVATION.tan();
    let light = Plane::from_shape_fn((count, count), |(y, x)| {
        let Wall { slope: [gx, gy], hidden } = wall([mm(x), mm(y)]);
        let upright = 1.0 / (1.0 + gx * gx + gy * gy).sqrt();
        let direct = (1.0 - (gx * ux + gy * uy) / slant).max(0.0);
        let seen = (AMBIENT + (1.0 - AMBIENT) * direct) * upright;
        (seen * (1.0 - hidden)) as f32
    });
    SPREAD_MM.map(|spread| {
        let spread = gaussian(&light, scale.px(spread) * FINER as f64);
        Plane::from_shape_fn((2 * side + 1, 2 * side + 1), |(y, x)| {
            let mut sum = 0.0;
            for fine in y * FINER..(y + 1) * FINER {
                sum += row(&spread, fine)[x * FINER..(x + 1) * FINER].iter().sum::<f32>();
            }
            -(sum / (FINER * FINER) as f32).max(0.05).ln()
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A drawing of 13 cells a line at most, longer than what is added up at a
    /// time, beside the sum over its cells one by one: the drawing's middle
    /// lies two cells from the left border, and what is beyond counts as 0.
    #[test]
    fn a_response_is_the_sum_over_the_cells_that_are_there() {
        let weight = |y: usize, x: usize| (x * 5 + y * 3) as f32 * 0.01;
        let drawn = Plane::from_shape_fn((13, 13), |(y, x)| weight(y, x));
        let value = |(y, x): (usize, usize)| [1.0, 2.0, 3.0].map(|c| c * ((x * 7 + y * 11) % 13) as f32);
        let ground = Ground::new((30, 40), 8, value);
        let (mean, mut energy) = (mean_inside(&drawn), 0.0);
        let mut sum = 0.0;
        for (y, x) in (0..13).flat_map(|y| inside(13, y).into_iter().flatten().map(move |x| (y, x))) {
            let weight = f64::from(weight(y, x)) - mean;
            energy += weight * weight;
            if x >= 4 {
                sum += weight * f64::from(value((y + 4, x - 4))[0]);
            }
        }
        // The colours weigh 1, 2 and 3: a length of √14.
        let expected = sum.abs() * 14f64.sqrt() / energy.sqrt();
        let seen = Template::plain(&drawn).response(&ground, [2, 10]);
        assert!((seen / expected - 1.0).abs() < 1e-5, "{seen} {expected}");
    }
}
