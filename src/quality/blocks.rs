//! Statistics over blocks of a plane: the median of many blocks does not
//! notice the few with a lesion, a hair or an edge.

use rayon::prelude::*;

use crate::filter::background::enlarge;
use crate::filter::gaussian::{gaussian, gaussian_piece};
use crate::raster::{self, Mask, Plane};

/// Side of a block, cells.
pub(super) const SIDE: usize = 32;

/// Least share of a block that must lie in the mask.
const LEAST_COVERED: f64 = 0.6;

/// The corners (x, y) of the blocks that the mask covers well enough, row by
/// row; a plane smaller than a block has none.
pub(super) fn corners(mask: &Mask) -> Vec<(usize, usize)> {
    let (width, height) = raster::size(mask);
    let corner = |i: usize| ((i % (width / SIDE)) * SIDE, (i / (width / SIDE)) * SIDE);
    let all: Vec<_> = (0..(width / SIDE) * (height / SIDE)).map(corner).collect();
    all.into_par_iter().filter(|&corner| is_covered(mask, corner)).collect()
}

/// Whether the block at a corner lies in the plane, and the mask covers it well enough.
pub(super) fn is_covered(mask: &Mask, (x, y): (usize, usize)) -> bool {
    let (width, height) = raster::size(mask);
    let enough = (LEAST_COVERED * (SIDE * SIDE) as f64) as usize;
    let inside = |y| raster::row(mask, y)[x..x + SIDE].iter().filter(|&&inside| inside).count();
    let fits = x.saturating_add(SIDE) <= width && y.saturating_add(SIDE) <= height;
    fits && (y..y + SIDE).map(inside).sum::<usize>() >= enough
}

/// Most blocks that a statistic needs: their median then errs by a sixteenth
/// of their scatter.
const MOST: usize = 400;

/// At most [`MOST`] of the corners, evenly spread.
pub(super) fn spread<T>(corners: Vec<T>) -> Vec<T> {
    let every = corners.len().div_ceil(MOST).max(1);
    corners.into_iter().step_by(every).collect()
}

/// Least standard deviation, cells, that is left to smooth with on a reduced plane.
const REDUCED: f64 = 2.0;

/// The plane smoothed by a Gaussian of `sigma` cells, worked out on a reduced
/// plane where that changes the result by less than a hundredth of the detail.
pub(super) fn smoothed(plane: &Plane, sigma: f64) -> Plane {
    let (width, height) = raster::size(plane);
    let factor = ((sigma / REDUCED) as usize).clamp(1, 8);
    if factor == 1 || width.min(height) < 4 * factor {
        return gaussian(plane, sigma);
    }
    // Averaging over cells smooths too, and so does reading between them.
    let cells = sigma / factor as f64;
    let left = (cells * cells - 1.0 / 12.0 - 1.0 / 6.0).sqrt();
    enlarge(&gaussian(&raster::reduce(plane, factor), left), factor, width, height)
}

/// What a plane shows of the block at a corner and of the cells right of and
/// below it, smoothed by a Gaussian of `sigma` cells: `SIDE + 1` cells along each side.
pub(super) fn smoothed_block(plane: &Plane, corner: (usize, usize), sigma: f64) -> Plane {
    gaussian_piece(plane, corner, SIDE + 1, sigma)
}

/// The mean of `value(x, y)` over the cells of the mask in the block at a
/// corner; cells are counted from there.
pub(super) fn mean<const N: usize>(
    mask: &Mask,
    (left, top): (usize, usize),
    value: impl Fn(usize, usize) -> [f64; N],
) -> [f64; N] {
    let (mut sums, mut count) = ([0.0; N], 0.0);
    for y in 0..SIDE {
        for x in (0..SIDE).filter(|&x| mask[[top + y, left + x]]) {
            sums.iter_mut().zip(value(x, y)).for_each(|(sum, value)| *sum += value);
            count += 1.0;
        }
    }
    sums.map(|sum| if count > 0.0 { sum / count } else { 0.0 })
}

/// The value that a share of `rank` of the values lies below; `None` of nothing.
pub(super) fn quantile(values: impl Iterator<Item = f64>, rank: f64) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    let last = values.len().checked_sub(1)?;
    let place = ((rank * last as f64).round() as usize).min(last);
    Some(*values.select_nth_unstable_by(place, f64::total_cmp).1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_covered_blocks_count_and_only_their_cells() {
        let mask = Mask::from_shape_fn((40, 70), |(_, x)| x < 56);
        assert_eq!(corners(&mask), [(0, 0), (32, 0)]);
        assert!(
            is_covered(&mask, (7, 8)) && !is_covered(&mask, (7, 9)) && !is_covered(&mask, (usize::MAX, 0))
        );
        let means = [(0, 0), (32, 0)].map(|corner| mean(&mask, corner, |x, _| [x as f64, 1.0]));
        assert_eq!(means, [[15.5, 1.0], [11.5, 1.0]]);
    }

    #[test]
    fn a_block_smoothed_by_itself_is_a_piece_of_the_smoothed_plane() {
        let plane = Plane::from_shape_fn((70, 96), |(y, x)| ((x * 37 + y * 91) % 101) as f32 / 101.0);
        let whole = gaussian(&plane, 3.3);
        for (left, top) in [(0, 0), (32, 32), (64, 32)] {
            let block = smoothed_block(&plane, (left, top), 3.3);
            let same = |((y, x), value): ((usize, usize), &f32)| {
                let [y, x] = [(top + y).min(69), (left + x).min(95)];
                (value - whole[[y, x]]).abs() < 1e-5
            };
            assert!(block.dim() == (33, 33) && block.indexed_iter().all(same));
        }
    }

    #[test]
    fn smoothing_on_a_reduced_plane_is_smoothing() {
        let plane = Plane::from_shape_fn((130, 141), |(y, x)| ((x * 37 + y * 91) % 101) as f32 / 101.0);
        for sigma in [2.4, 4.8, 6.8] {
            let exact = gaussian(&plane, sigma);
            let error = (&smoothed(&plane, sigma) - &exact).mapv(|e| e * e).mean().unwrap().sqrt();
            let scatter = (&exact - 0.5).mapv(|v| v * v).mean().unwrap().sqrt();
            assert!(error < 0.1 * scatter.max(0.01), "{sigma}: {error} of {scatter}");
        }
    }

    #[test]
    fn quantiles_are_values() {
        assert_eq!(quantile([3.0, 1.0, 2.0].into_iter(), 0.5), Some(2.0));
        assert_eq!(quantile([].into_iter(), 0.5), None);
    }
}
