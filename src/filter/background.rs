//! What varies slowly: the local background of a map and a plane enlarged again.

use rayon::prelude::*;

use crate::filter::gaussian::gaussian_inside;
use crate::raster::{self, Mask, Plane, row};

/// Least standard deviation, in cells, that a background is smoothed with
/// after the plane was reduced; keeps the reduction's error below 1 %.
const CELLS: f64 = 3.0;

/// The plane smoothed over the pixels in `mask` by a Gaussian of `sigma`
/// pixels, worked out on a reduced plane where that loses nothing.
pub fn background(plane: &Plane, mask: &Mask, sigma: f64) -> Plane {
    let (slow, factor) = reduced_background(plane, mask, sigma);
    let (width, height) = raster::size(plane);
    if factor == 1 { slow } else { enlarge(&slow, factor, width, height) }
}

/// The plane without its [`background`]; 0 outside the mask.
pub fn freed(plane: Plane, mask: &Mask, sigma: f64) -> Plane {
    freed_in(plane, mask, mask, sigma)
}

/// The same, but 0 outside all that is `seen`.
pub fn freed_in(mut plane: Plane, mask: &Mask, seen: &Mask, sigma: f64) -> Plane {
    let (slow, factor) = reduced_background(&plane, mask, sigma);
    let (width, height) = raster::size(&plane);
    if width == 0 || height == 0 {
        return plane;
    }
    let enlarged = Enlarged::new(&slow, factor, width);
    let values = plane.as_slice_mut().expect("planes are kept in standard layout");
    let free = |slow: &mut Vec<f32>, (y, values): (usize, &mut [f32])| {
        slow.resize(width, 0.0);
        enlarged.row(y, slow);
        for ((value, slow), &seen) in values.iter_mut().zip(slow).zip(row(seen, y)) {
            *value = if seen { *value - *slow } else { 0.0 };
        }
    };
    values.par_chunks_mut(width).enumerate().for_each_init(Vec::new, free);
    plane
}

/// The background on a plane reduced by the factor that comes with it.
fn reduced_background(plane: &Plane, mask: &Mask, sigma: f64) -> (Plane, usize) {
    let factor = ((sigma / CELLS).floor() as usize).clamp(1, 64).min(plane.ncols().min(plane.nrows()).max(1));
    if factor == 1 {
        return (gaussian_inside(plane, mask, sigma), factor);
    }
    let (mean, inside) = reduce_inside(plane, mask, factor);
    (gaussian_inside(&mean, &inside, sigma / factor as f64), factor)
}

/// The mean of the pixels in `mask` over `factor` by `factor` cells, the last
/// ones partly filled, and which cells have any.
pub fn reduce_inside(plane: &Plane, mask: &Mask, factor: usize) -> (Plane, Mask) {
    let (width, height) = (plane.ncols().div_ceil(factor), plane.nrows().div_ceil(factor));
    let mean = raster::rows(width, height, |y, out| {
        let mut counts = vec![0u32; width];
        for source_y in y * factor..((y + 1) * factor).min(plane.nrows()) {
            let cells = row(plane, source_y).chunks(factor).zip(row(mask, source_y).chunks(factor));
            for ((values, inside), (sum, count)) in cells.zip(out.iter_mut().zip(&mut counts)) {
                for (value, _) in values.iter().zip(inside).filter(|(_, inside)| **inside) {
                    *sum += value;
                    *count += 1;
                }
            }
        }
        for (value, count) in out.iter_mut().zip(counts) {
            *value = if count > 0 { *value / count as f32 } else { f32::NAN };
        }
    });
    let inside = mean.mapv(|value| !value.is_nan());
    (mean.mapv(|value| if value.is_nan() { 0.0 } else { value }), inside)
}

/// A reduced plane enlarged bilinearly by `factor` to `width` by `height` pixels.
pub fn enlarge(plane: &Plane, factor: usize, width: usize, height: usize) -> Plane {
    let enlarged = Enlarged::new(plane, factor, width);
    raster::rows(width, height, |y, out| enlarged.row(y, out))
}

/// A reduced plane as it is when enlarged, row by row.
struct Enlarged<'a> {
    plane: &'a Plane,
    factor: usize,
    /// For each column the cells left and right of it, and the share of the right one.
    across: Vec<(usize, usize, f32)>,
}

impl<'a> Enlarged<'a> {
    fn new(plane: &'a Plane, factor: usize, width: usize) -> Self {
        let across = (0..width).map(|x| between(x, factor, plane.ncols())).collect();
        Self { plane, factor, across }
    }

    fn row(&self, y: usize, out: &mut [f32]) {
        let (above, below, fy) = between(y, self.factor, self.plane.nrows());
        let (top, bottom) = (row(self.plane, above), row(self.plane, below));
        let line: Vec<f32> = top.iter().zip(bottom).map(|(&t, &b)| t + (b - t) * fy).collect();
        for (value, &(left, right, fx)) in out.iter_mut().zip(&self.across) {
            *value = line[left] + (line[right] - line[left]) * fx;
        }
    }
}

/// The two of `cells` between which a pixel lies, and the share of the second.
fn between(at: usize, factor: usize, cells: usize) -> (usize, usize, f32) {
    let position = raster::in_cells(at as f64, factor).clamp(0.0, (cells - 1) as f64);
    let first = (position as usize).min(cells.saturating_sub(2));
    (first, (first + 1).min(cells - 1), (position - first as f64) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn a_ramp_survives_reduction_and_enlargement_between_the_outer_cells() {
        let plane = Array2::from_shape_fn((32, 32), |(y, x)| (2 * x + y) as f32);
        let enlarged = enlarge(&raster::reduce(&plane, 4), 4, 32, 32);
        assert!((enlarged[[13, 9]] - plane[[13, 9]]).abs() < 1e-4);
    }

    #[test]
    fn what_is_freed_is_the_plane_less_its_background() {
        let plane = Array2::from_shape_fn((50, 70), |(y, x)| ((x * 37 + y * 91) % 101) as f32);
        let mask = Array2::from_shape_fn((50, 70), |(y, x)| x + y > 30);
        for sigma in [2.0, 7.0, 40.0] {
            let freed = freed(plane.clone(), &mask, sigma);
            let by_hand =
                (&plane - &background(&plane, &mask, sigma)) * mask.mapv(|m| f32::from(u8::from(m)));
            assert!((freed - by_hand).iter().all(|d| d.abs() < 1e-4), "{sigma}");
        }
    }

    #[test]
    fn the_background_ignores_what_is_masked_out() {
        let plane = Array2::from_shape_fn((64, 64), |(y, x)| if x + y == 64 { 50.0 } else { 2.0 });
        let mask = plane.mapv(|value| value < 10.0);
        assert!(background(&plane, &mask, 10.0).iter().all(|value| (value - 2.0).abs() < 1e-4));
    }
}
