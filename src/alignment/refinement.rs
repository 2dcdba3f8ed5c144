//! Sub-pixel registration of the skin's own structure: Gauss-Newton steps of
//! a smooth displacement field on contrast-normalised pictures, coarse to fine.
//!
//! Every cell of the grid says how far it would like to move and how sure it
//! is (its structure tensor over its disagreement); the spline listens to all
//! of them at once. Cells that have changed disagree, and lose their say. How
//! stiff the spline is follows from how well one half of the cells predicts
//! the other, and so does what its displacement is worth.

use rayon::prelude::*;

use crate::alignment::Features;
use crate::alignment::guidance::{Bent, stiffness};
use crate::alignment::registration::{Pair, Registered};
use crate::alignment::spline::{Normal, Pull, Spline};
use crate::alignment::transform::Transform;
use crate::raster::{self, row};

/// Side of a cell, pixels of the level.
pub const CELL: usize = 16;

/// Pixels that speak as one: neighbours share their noise. Chosen by us from
/// virtual re-photographs of skin.
const SHARED: f64 = 12.0;

/// Bendings tried at the finest level, see [`stiffness`]. Chosen by us from
/// virtual re-photographs of skin.
const BENDINGS: [f64; 5] = [0.0005, 0.002, 0.008, 0.03, 0.1];

/// Further reductions of the coarse levels.
const COARSE_LEVELS: [usize; 2] = [4, 2];

/// Steps at every coarse level.
const COARSE_STEPS: usize = 2;

/// Steps at the finest level.
const FINE_STEPS: usize = 2;

/// A transform refined, and what it is worth.
pub struct Refined {
    /// The transform.
    pub transform: Transform,
    /// Half the difference between the displacements that two halves of the
    /// skin ask for, native pixels of the reference: a sample of the error for
    /// each way of halving it.
    pub doubt: [Spline; 3],
    /// Both photos in one frame before the last step.
    pub registered: Registered,
}

/// Sums over one cell of the grid.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sums {
    /// Pixels.
    pub count: f64,
    /// Structure tensor `[xx, xy, yy]` of the mean picture.
    pub tensor: [f64; 3],
    /// Gradient times reference.
    pub pull: [f64; 2],
    /// Gradient times moving picture.
    pub push: [f64; 2],
    /// Reference squared.
    pub reference: f64,
    /// Moving picture squared.
    pub moving: f64,
    /// Product of both.
    pub product: f64,
}

impl Sums {
    fn add(&mut self, other: &Sums) {
        self.count += other.count;
        (0..3).for_each(|k| self.tensor[k] += other.tensor[k]);
        (0..2).for_each(|k| self.pull[k] += other.pull[k]);
        (0..2).for_each(|k| self.push[k] += other.push[k]);
        self.reference += other.reference;
        self.moving += other.moving;
        self.product += other.product;
    }

    /// Correlation of the two pictures (their means are 0 by construction).
    pub fn correlation(&self) -> f64 {
        let energy = (self.reference * self.moving).sqrt();
        if energy > 1e-9 { self.product / energy } else { 0.0 }
    }
}

/// The sums of all cells, row by row, and how many there are per row.
pub fn cells(pair: &Registered) -> (Vec<Sums>, usize) {
    let (width, height) = raster::size(&*pair.reference);
    let columns = width.div_ceil(CELL);
    let sums = (0..height.div_ceil(CELL))
        .into_par_iter()
        .flat_map_iter(|j| {
            let mut line = vec![Sums::default(); columns];
            for y in (j * CELL).max(1)..((j + 1) * CELL).min(height.saturating_sub(1)) {
                add_row(pair, y, &mut line);
            }
            line
        })
        .collect();
    (sums, columns)
}

fn add_row(pair: &Registered, y: usize, line: &mut [Sums]) {
    let lines = |plane| [row(plane, y - 1), row(plane, y), row(plane, y + 1)];
    let (r, m, inside) = (
        lines(&pair.reference),
        lines(&pair.moving),
        [-1isize, 0, 1].map(|d| row(&pair.mask, y.wrapping_add_signed(d))),
    );
    for (k, sums) in line.iter_mut().enumerate() {
        let mut t = [0.0f32; 10];
        let mut count = 0u32;
        for x in (k * CELL).max(1)..((k + 1) * CELL).min(r[1].len() - 1) {
            if !(inside[1][x] && inside[1][x - 1] && inside[1][x + 1] && inside[0][x] && inside[2][x]) {
                continue;
            }
            let gx = 0.25 * (r[1][x + 1] - r[1][x - 1] + m[1][x + 1] - m[1][x - 1]);
            let gy = 0.25 * (r[2][x] - r[0][x] + m[2][x] - m[0][x]);
            let (a, b) = (r[1][x], m[1][x]);
            count += 1;
            for (sum, value) in t.iter_mut().zip([
                gx * gx,
                gx * gy,
                gy * gy,
                gx * a,
                gy * a,
                gx * b,
                gy * b,
                a * a,
                b * b,
                a * b,
            ]) {
                *sum += value;
            }
        }
        let t = t.map(f64::from);
        sums.add(&Sums {
            count: f64::from(count),
            tensor: [t[0], t[1], t[2]],
            pull: [t[3], t[4]],
            push: [t[5], t[6]],
            reference: t[7],
            moving: t[8],
            product: t[9],
        });
    }
}

/// The sums over every cell and its neighbours.
pub fn windows(sums: &[Sums], columns: usize) -> Vec<Sums> {
    let rows = sums.len() / columns.max(1);
    (0..sums.len())
        .map(|index| {
            let (i, j) = (index % columns, index / columns);
            let mut total = Sums::default();
            for y in j.saturating_sub(1)..(j + 2).min(rows) {
                for x in i.saturating_sub(1)..(i + 2).min(columns) {
                    total.add(&sums[y * columns + x]);
                }
            }
            total
        })
        .collect()
}

/// What every cell asks of the field, in native pixels of the reference.
pub fn pulls(pair: &Registered, transform: &Transform) -> Vec<Pull> {
    let (sums, columns) = cells(pair);
    let near = windows(&sums, columns);
    let factor = pair.factor as f64;
    sums.iter()
        .zip(&near)
        .enumerate()
        .filter(|(_, (cell, near))| cell.count >= 16.0 && near.correlation() > 0.0)
        .map(|(index, (cell, near))| {
            let centre =
                |k: usize| raster::cell_centre((k * CELL) as f64 + 0.5 * (CELL - 1) as f64, pair.factor);
            let at = [centre(index % columns), centre(index / columns)];
            // Both scaled to the same strength inside the window: only structure is compared.
            let gain = (near.moving / near.reference).powf(0.25);
            let difference = [0, 1].map(|k| gain * cell.pull[k] - cell.push[k] / gain);
            let energy = (near.reference * near.moving).sqrt();
            let noise = 2.0 * (energy - near.product) / near.count + 1e-3;
            let trust = near.correlation() / (noise * SHARED);
            let information = cell.tensor.map(|value| value * trust / (factor * factor));
            let moment = difference.map(|value| value * trust / factor);
            let known = transform.deformation().map_or([0.0; 2], |field| field.value(at));
            Pull {
                at,
                moment: [
                    moment[0] + information[0] * known[0] + information[1] * known[1],
                    moment[1] + information[1] * known[0] + information[2] * known[1],
                ],
                information,
            }
        })
        .collect()
}

/// The transform refined coarse to fine with the knots of `field`. `None` if
/// the photos share too little structure.
pub fn refine(reference: &Features, moving: &Features, start: &Bent, field: &Spline) -> Option<Refined> {
    let mut transform = start.transform.clone();
    // Second differences grow with the square of the knots' distance.
    let knots = start.transform.deformation().map_or(field.spacing(), Spline::spacing);
    let bending = start.bending * field.spacing() / knots;
    let (width, height) = raster::size(&reference.picture);
    for times in COARSE_LEVELS {
        if width.min(height) / times >= 3 * CELL {
            transform = settle(reference, moving, &transform, field, bending, times)?;
        }
    }
    finish(Pair::new(reference, moving, &transform, 1), transform, field)
}

/// The transform after the steps of a coarse level, reduced `times` further than the features.
pub fn settle(
    reference: &Features,
    moving: &Features,
    start: &Transform,
    field: &Spline,
    bending: f64,
    times: usize,
) -> Option<Transform> {
    let mut pair = Pair::new(reference, moving, start, times);
    let mut transform = start.clone();
    for _ in 0..COARSE_STEPS {
        let pulls = pulls(&pair.register(&transform), &transform);
        transform = transform.with_deformation(solve(field, field.asked(&pulls), bending)?);
    }
    Some(transform)
}

/// The steps of the finest level, with the bending that the skin asks for.
fn finish(mut pair: Pair, mut transform: Transform, field: &Spline) -> Option<Refined> {
    let mut bending = None;
    for step in 1.. {
        let registered = pair.register(&transform);
        let pulls = pulls(&registered, &transform);
        let quarters = quarters(&pulls, 2.0 * (CELL * registered.factor) as f64);
        let asked = quarters.each_ref().map(|pulls| field.asked(pulls));
        let half = |[a, b]: [usize; 2]| asked[a].clone().and(&asked[b]);
        let (white, black) = (half([0, 3]), half([1, 2]));
        let chosen = match bending {
            Some(chosen) => chosen,
            None => best_bending(field, &quarters, [&white, &black])?,
        };
        bending = Some(chosen);
        transform = transform.with_deformation(solve(field, white.and(&black), chosen)?);
        if step == FINE_STEPS {
            let differences: Option<Vec<Spline>> = HALVES
                .par_iter()
                .map(|halves| {
                    let [a, b] = halves.map(|quarters| solve(field, half(quarters), chosen));
                    Some(a?.halfway_from(&b?))
                })
                .collect();
            let doubt = differences?.try_into().ok()?;
            return Some(Refined { transform, doubt, registered });
        }
    }
    None
}

fn solve(field: &Spline, asked: Normal, bending: f64) -> Option<Spline> {
    let stiffness = stiffness(field, bending);
    field.solve(asked, stiffness, 1e-4 * stiffness)
}

/// The ways of halving four quarters.
const HALVES: [[[usize; 2]; 2]; 3] = [[[0, 3], [1, 2]], [[0, 1], [2, 3]], [[0, 2], [1, 3]]];

/// The pulls by the parity of the column and the row of their square: the first
/// and the last quarter are the white squares of a chessboard.
fn quarters(pulls: &[Pull], square: f64) -> [Vec<Pull>; 4] {
    let mut quarters: [Vec<Pull>; 4] = std::array::from_fn(|_| Vec::with_capacity(pulls.len() / 3));
    for pull in pulls {
        let [i, j] = pull.at.map(|value| (value / square) as usize % 2);
        quarters[2 * j + i].push(*pull);
    }
    quarters
}

/// The bending with which each half of the pulls predicts the other best.
fn best_bending(field: &Spline, quarters: &[Vec<Pull>; 4], asked: [&Normal; 2]) -> Option<f64> {
    let tried: Vec<(f64, f64)> = BENDINGS
        .par_iter()
        .filter_map(|&bending| {
            let [white, black] = asked.map(|asked| solve(field, asked.clone(), bending));
            let missed = |field: &Spline, [a, b]: [usize; 2]| {
                misfit(field, &quarters[a]) + misfit(field, &quarters[b])
            };
            Some((bending, missed(&white?, [1, 2]) + missed(&black?, [0, 3])))
        })
        .collect();
    tried.into_iter().min_by(|a, b| a.1.total_cmp(&b.1)).map(|(bending, _)| bending)
}

/// How badly the field fits the pulls, up to a constant of the pulls: `Σ dᵀ A d - 2 dᵀ m`.
fn misfit(field: &Spline, pulls: &[Pull]) -> f64 {
    pulls
        .iter()
        .map(|pull| {
            let ([u, v], [xx, xy, yy]) = (field.value(pull.at), pull.information);
            u * (xx * u + xy * v) + v * (xy * u + yy * v) - 2.0 * (u * pull.moment[0] + v * pull.moment[1])
        })
        .sum()
}
