//! Sub-pixel registration of the skin's own structure: Gauss-Newton steps of
//! a smooth displacement field on contrast-normalised pictures, coarse to fine.
//!
//! Every cell of the grid says how far it would like to move and how sure it
//! is (its structure tensor over its disagreement); the spline listens to all
//! of them at once. Cells that have changed disagree, and lose their say.

use rayon::prelude::*;

use crate::alignment::Features;
use crate::alignment::contrast::normalised;
use crate::alignment::spline::{Pull, Spline};
use crate::alignment::transform::Transform;
use crate::filter::gaussian::gaussian_inside;
use crate::raster::{self, Mask, Plane, row};

/// Deviation of the contrast window, pixels of the level.
const WINDOW: f64 = 10.0;

/// Smoothing before contrast is normalised: takes out sensor and compression noise.
const SMOOTHING: f64 = 1.0;

/// Side of a cell, pixels of the level.
pub const CELL: usize = 16;

/// Pixels that speak as one: neighbours share their noise. Chosen by us from phantom pairs.
const SHARED: f64 = 12.0;

/// The reference and the moving photo in the reference's frame at one level,
/// contrast-normalised over the skin that both show.
pub struct Registered {
    /// The reference.
    pub reference: Plane,
    /// The moving photo.
    pub moving: Plane,
    /// Skin seen in both.
    pub mask: Mask,
    /// Native pixels of the reference per pixel of these planes.
    pub factor: usize,
}

/// One photo reduced so that its pixels are about as large as those of the level.
struct Level {
    picture: Plane,
    valid: Mask,
    factor: usize,
}

impl Level {
    fn of(features: &Features, times: usize) -> Self {
        let valid = raster::reduce_mask(&features.valid, times);
        Self {
            picture: gaussian_inside(&raster::reduce(&features.picture, times), &valid, SMOOTHING),
            valid,
            factor: features.factor * times,
        }
    }
}

/// The pair at one level, ready to be compared under any transform.
pub struct Pair {
    reference: Level,
    moving: Level,
}

impl Pair {
    /// The pair with the reference reduced `times` further than its features
    /// are, and the moving photo to pixels of the same size.
    pub fn new(reference: &Features, moving: &Features, transform: &Transform, times: usize) -> Self {
        let centre = [reference.width as f64 / 2.0, reference.height as f64 / 2.0];
        let pixel = transform.magnification(centre) * (reference.factor * times) as f64;
        let most = (raster::size(&moving.picture).0.min(raster::size(&moving.picture).1) / 32).max(1);
        let moving_times = ((pixel / moving.factor as f64 + 0.3) as usize).clamp(1, most);
        Self { reference: Level::of(reference, times), moving: Level::of(moving, moving_times) }
    }

    /// Both photos in the reference's frame under `transform`.
    pub fn register(&self, transform: &Transform) -> Registered {
        let (warped, seen) = self.warp(transform);
        let mask = &seen & &self.reference.valid;
        Registered {
            reference: normalised(&self.reference.picture, &mask, WINDOW),
            moving: normalised(&warped, &mask, WINDOW),
            mask,
            factor: self.reference.factor,
        }
    }

    fn warp(&self, transform: &Transform) -> (Plane, Mask) {
        let (width, height) = raster::size(&self.reference.picture);
        let factor = self.reference.factor;
        let mut seen = vec![false; width * height];
        let mut values = vec![0.0f32; width * height];
        values.par_chunks_mut(width).zip(seen.par_chunks_mut(width)).enumerate().for_each(
            |(y, (line, seen))| {
                let place = transform.along_row(raster::cell_centre(y as f64, factor));
                for (x, (value, seen)) in line.iter_mut().zip(seen).enumerate() {
                    let at = place(raster::cell_centre(x as f64, factor));
                    let at = at.map(|value| raster::in_cells(value, self.moving.factor));
                    *seen = raster::covers(&self.moving.valid, at[0], at[1]);
                    *value = if *seen { bicubic(&self.moving.picture, at) } else { 0.0 };
                }
            },
        );
        let shape = (height, width);
        let plane = Plane::from_shape_vec(shape, values).expect("one value per pixel");
        (plane, Mask::from_shape_vec(shape, seen).expect("one value per pixel"))
    }
}

/// Value of the cubic convolution (Keys 1981, a = -1/2) at `at`, the border repeated.
fn bicubic(plane: &Plane, at: [f64; 2]) -> f32 {
    let (width, height) = raster::size(plane);
    let weights = |t: f32| {
        let s = 1.0 - t;
        [
            -0.5 * t * s * s,
            1.0 - 2.5 * t * t + 1.5 * t * t * t,
            1.0 - 2.5 * s * s + 1.5 * s * s * s,
            -0.5 * s * t * t,
        ]
    };
    let (left, top) = (at[0].floor(), at[1].floor());
    let (across, down) = (weights((at[0] - left) as f32), weights((at[1] - top) as f32));
    let (left, top) = (left as isize - 1, top as isize - 1);
    let inside = left >= 0 && top >= 0 && left + 4 <= width as isize && top + 4 <= height as isize;
    let mut sum = 0.0;
    for (j, wy) in down.iter().enumerate() {
        let line = row(plane, (top + j as isize).clamp(0, height as isize - 1) as usize);
        let part: f32 = if inside {
            line[left as usize..left as usize + 4].iter().zip(&across).map(|(v, w)| v * w).sum()
        } else {
            let column = |i: usize| (left + i as isize).clamp(0, width as isize - 1) as usize;
            across.iter().enumerate().map(|(i, w)| line[column(i)] * w).sum()
        };
        sum += wy * part;
    }
    sum
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
    let (width, height) = raster::size(&pair.reference);
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

/// The transform after Gauss-Newton steps at the levels given as (further
/// reduction, steps).
pub fn refine(
    reference: &Features,
    moving: &Features,
    start: &Transform,
    field: &Spline,
    stiffness: f64,
    levels: &[(usize, usize)],
) -> Option<Transform> {
    let mut transform = start.clone();
    for &(times, steps) in levels {
        let (width, height) = raster::size(&reference.picture);
        if width.min(height) / times < 3 * CELL {
            continue;
        }
        let pair = Pair::new(reference, moving, &transform, times);
        for _ in 0..steps {
            let registered = pair.register(&transform);
            let pulls = pulls(&registered, &transform);
            let next = field.fit(&pulls, stiffness, 1e-4 * stiffness)?;
            transform = start.without_deformation().with_deformation(next);
        }
    }
    Some(transform)
}
