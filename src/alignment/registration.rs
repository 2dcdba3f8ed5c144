//! Both photos in one frame, reduced to what their structure says.

use std::sync::Arc;

use multiversion::multiversion;
use rayon::prelude::*;

use crate::alignment::Features;
use crate::alignment::contrast::normalised;
use crate::alignment::transform::Transform;
use crate::filter::gaussian::gaussian_inside;
use crate::raster::{self, Mask, Plane, row};

/// Deviation of the contrast window, pixels of the level.
const WINDOW: f64 = 10.0;

/// Smoothing before contrast is normalised: takes out sensor and compression noise.
const SMOOTHING: f64 = 1.0;

/// Pixels between places that are mapped exactly; the smooth transform is
/// straight enough in between.
const STRIDE: usize = 4;

/// The reference and the moving photo in the reference's frame at one level,
/// contrast-normalised over the skin that both show.
pub struct Registered {
    /// The reference.
    pub reference: Arc<Plane>,
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
        let picture = match times {
            1 => gaussian_inside(&features.picture, &valid, SMOOTHING),
            _ => gaussian_inside(&raster::reduce(&features.picture, times), &valid, SMOOTHING),
        };
        Self { picture, valid, factor: features.factor * times }
    }
}

impl Level {
    /// The picture at `at`, the border repeated; `None` where the nearest pixel is not valid.
    #[inline(always)]
    fn sample(&self, at: [f32; 2]) -> Option<f32> {
        let (width, height) = raster::size(&self.picture);
        let [x, y] = at.map(|value| value + 0.5);
        let framed = x >= 0.0 && y >= 0.0 && x < width as f32 && y < height as f32;
        if !framed || !self.valid[[y as usize, x as usize]] {
            return None;
        }
        // One more keeps truncation on the side of the floor.
        let [x, y] = at.map(|value| value + 1.0);
        let (left, top) = (x as usize, y as usize);
        let (across, down) = (cubic(x - left as f32), cubic(y - top as f32));
        let inside = left >= 2 && top >= 2 && left + 1 < width && top + 1 < height;
        let mut sum = 0.0;
        for (j, wy) in down.iter().enumerate() {
            let part: f32 = if inside {
                let line = &row(&self.picture, top + j - 2)[left - 2..left + 2];
                line[0] * across[0] + line[1] * across[1] + line[2] * across[2] + line[3] * across[3]
            } else {
                let line = row(&self.picture, (top + j).clamp(2, height + 1) - 2);
                across.iter().enumerate().map(|(i, w)| line[(left + i).clamp(2, width + 1) - 2] * w).sum()
            };
            sum += wy * part;
        }
        Some(sum)
    }
}

/// The pair at one level, ready to be compared under any transform.
pub struct Pair {
    reference: Level,
    moving: Level,
    /// The reference, contrast-normalised over the skin seen first: a step
    /// that moves it by a fraction of a pixel does not change its contrast.
    known: Option<(Arc<Plane>, Mask)>,
}

impl Pair {
    /// The pair with the reference reduced `times` further than its features
    /// are, and the moving photo to pixels of the same size.
    pub fn new(reference: &Features, moving: &Features, transform: &Transform, times: usize) -> Self {
        let centre = [reference.width as f64 / 2.0, reference.height as f64 / 2.0];
        let pixel = transform.magnification(centre) * (reference.factor * times) as f64;
        let most = (raster::size(&moving.picture).0.min(raster::size(&moving.picture).1) / 32).max(1);
        let moving_times = ((pixel / moving.factor as f64 + 0.3) as usize).clamp(1, most);
        Self { reference: Level::of(reference, times), moving: Level::of(moving, moving_times), known: None }
    }

    /// Both photos in the reference's frame under `transform`.
    pub fn register(&mut self, transform: &Transform) -> Registered {
        let (warped, seen) = self.warp(transform);
        let Level { picture, valid, factor } = &self.reference;
        let (reference, first) = self.known.get_or_insert_with(|| {
            let mask = &seen & valid;
            (Arc::new(normalised(picture, &mask, WINDOW)), mask)
        });
        let mask = &seen & &*first;
        let moving = normalised(&warped, &mask, WINDOW);
        Registered { reference: reference.clone(), moving, mask, factor: *factor }
    }

    fn warp(&self, transform: &Transform) -> (Plane, Mask) {
        let (width, height) = raster::size(&self.reference.picture);
        let factor = self.reference.factor;
        let mut seen = vec![false; width * height];
        let mut values = vec![0.0f32; width * height];
        values.par_chunks_mut(width).zip(seen.par_chunks_mut(width)).enumerate().for_each(
            |(y, (line, seen))| {
                let place = transform.along_row(raster::cell_centre(y as f64, factor));
                let place = |x: usize| {
                    place(raster::cell_centre(x as f64, factor))
                        .map(|value| raster::in_cells(value, self.moving.factor) as f32)
                };
                for (k, (line, seen)) in line.chunks_mut(STRIDE).zip(seen.chunks_mut(STRIDE)).enumerate() {
                    let (from, to) = (place(k * STRIDE), place((k + 1) * STRIDE));
                    let step = [0, 1].map(|c| (to[c] - from[c]) / STRIDE as f32);
                    sample_along(&self.moving, from, step, line, seen);
                }
            },
        );
        let shape = (height, width);
        let plane = Plane::from_shape_vec(shape, values).expect("one value per pixel");
        (plane, Mask::from_shape_vec(shape, seen).expect("one value per pixel"))
    }
}

/// The samples of `level` along a short line, and which of them are valid.
#[multiversion(targets("x86_64+avx2+fma"))]
fn sample_along(level: &Level, from: [f32; 2], step: [f32; 2], line: &mut [f32], seen: &mut [bool]) {
    for (x, (value, seen)) in line.iter_mut().zip(seen).enumerate() {
        let at = [0, 1].map(|c| from[c] + step[c] * x as f32);
        if let Some(found) = level.sample(at) {
            (*value, *seen) = (found, true);
        }
    }
}

/// Weights of the cubic convolution (Keys 1981, a = -1/2) at `t` between two pixels.
#[inline(always)]
fn cubic(t: f32) -> [f32; 4] {
    let s = 1.0 - t;
    [
        -0.5 * t * s * s,
        1.0 - 2.5 * t * t + 1.5 * t * t * t,
        1.0 - 2.5 * s * s + 1.5 * s * s * s,
        -0.5 * s * t * t,
    ]
}
