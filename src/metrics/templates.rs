//! What is looked for on decorrelated channels: drawings of pits, bumps, spots
//! and furrows, as weights by which a place is added up: what is alike adds most.

use nalgebra::Vector3;

use crate::filter::gaussian::gaussian;
use crate::metrics::crescents::Profile;
use crate::metrics::whitening::Whitening;
use crate::raster::{Plane, row, size};
use crate::units::FilterScale;

/// Height of the light above the skin, radians, and the share that comes from
/// all around: the middle of what draws pits that can be seen (40 to 60°, a
/// quarter to two fifths).
const ELEVATION: f64 = 0.87;
const AMBIENT: f64 = 0.32;

/// Most that a pit's walls hide of the light from all around.
const MOST_HIDDEN: f64 = 0.28;

/// How far light spreads in the skin in red, green and blue, standard deviations in mm.
const SPREAD_MM: [f64; 3] = [0.2, 0.1, 0.06];

/// Cells from the middle to the side from which every other line of a drawing
/// is enough: large ones are smooth.
const SMOOTH: isize = 10;

/// Pixels of the drawing per cell, along each side.
const FINER: usize = 3;

/// What is looked for: weights per channel, without their mean, of unit energy.
pub(super) struct Template {
    lines: Vec<Line>,
    any_colour: bool,
}

/// One line of a template's cells.
struct Line {
    dx: isize,
    dy: isize,
    weights: [Vec<f32>; 3],
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

    /// How strongly it is seen at a place of decorrelated channels, in their standard deviations.
    pub fn response(&self, planes: &[Plane; 3], [x, y]: [isize; 2]) -> f64 {
        let (width, height) = size(&planes[0]);
        let mut sums = [0.0f32; 3];
        for line in &self.lines {
            let py = y + line.dy;
            if py < 0 || py >= height as isize {
                continue;
            }
            let first = x + line.dx;
            let skip = (-first).max(0);
            let end = (line.weights[0].len() as isize).min(width as isize - first);
            if skip >= end {
                continue;
            }
            for (c, sum) in sums.iter_mut().enumerate() {
                let values = &row(&planes[c], py as usize)[(first + skip) as usize..(first + end) as usize];
                let weights = &line.weights[c][skip as usize..end as usize];
                *sum += dot(values, weights);
            }
        }
        let [red, green, blue] = sums.map(f64::from);
        if self.any_colour {
            (red * red + green * green + blue * blue).sqrt()
        } else {
            (red + green + blue).max(0.0)
        }
    }

    fn of(count: usize, any_colour: bool, weight: impl Fn(usize, usize) -> [f32; 3]) -> Self {
        let side = (count / 2) as isize;
        let step = if side >= SMOOTH { 2 } else { 1 };
        let lines = (side as usize % step..count).step_by(step).filter_map(|y| {
            let columns = inside(count, y)?;
            let weights: Vec<[f32; 3]> = columns.clone().map(|x| weight(y, x)).collect();
            Some(Line {
                dx: columns.start as isize - side,
                dy: y as isize - side,
                weights: std::array::from_fn(|c| weights.iter().map(|w| w[c]).collect()),
            })
        });
        let mut lines: Vec<Line> = lines.collect();
        let channels = if any_colour { 1 } else { 3 };
        let squares = |line: &Line| -> f32 { line.weights[..channels].iter().flatten().map(|w| w * w).sum() };
        // Half of the lines must speak for all.
        let length = lines.iter().map(squares).sum::<f32>().sqrt().max(1e-12) / (step as f32).sqrt();
        lines.iter_mut().for_each(|line| line.weights.iter_mut().flatten().for_each(|w| *w /= length));
        Self { lines, any_colour }
    }
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

/// The density of a pit in red, green and blue: dark where its wall falls away
/// from the light, bright where it rises towards it, and dark where walls hide
/// the light; spread in the skin.
pub(super) fn shading(
    profile: Profile,
    radius: f64,
    depth: f64,
    [ux, uy]: [f64; 2],
    scale: FilterScale,
) -> [Plane; 3] {
    let side = scale.px(profile.reach(radius)).ceil() as usize + 2;
    let count = (2 * side + 1) * FINER;
    let mm = |i: usize| scale.mm((i as f64 - 0.5 * (count as f64 - 1.0)) / FINER as f64);
    let hidden = MOST_HIDDEN.min(0.21 * depth / radius);
    let slant = ELEVATION.tan();
    let light = Plane::from_shape_fn((count, count), |(y, x)| {
        let (dx, dy) = (mm(x), mm(y));
        let r = dx.hypot(dy).max(1e-9);
        // The floor rises outwards: slopes of the height along both axes.
        let wall = depth / radius * profile.slope(r / radius);
        let (gx, gy) = (wall * dx / r, wall * dy / r);
        let upright = 1.0 / (1.0 + gx * gx + gy * gy).sqrt();
        let direct = (1.0 - (gx * ux + gy * uy) / slant).max(0.0);
        let seen = (AMBIENT + (1.0 - AMBIENT) * direct) * upright;
        (seen * (1.0 - hidden * profile.depth(r / radius))) as f32
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

/// The sum of products, eight at a time.
fn dot(values: &[f32], weights: &[f32]) -> f32 {
    let (mut sums, mut rest) = ([0.0f32; 8], 0.0f32);
    let (left, right) = (values.chunks_exact(8), weights.chunks_exact(8));
    for (value, weight) in left.remainder().iter().zip(right.remainder()) {
        rest += value * weight;
    }
    for (values, weights) in left.zip(right) {
        for (sum, (value, weight)) in sums.iter_mut().zip(values.iter().zip(weights)) {
            *sum += value * weight;
        }
    }
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: 3·1 + 4·2 over ten cells, eight of them at once.
    #[test]
    fn dots_add_up_across_the_eights() {
        let (mut values, mut weights) = ([0.0; 10], [1.0; 10]);
        (values[0], values[9], weights[9]) = (3.0, 4.0, 2.0);
        assert_eq!(dot(&values, &weights), 11.0);
    }
}
