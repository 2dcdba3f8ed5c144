//! Regions of skin and the tiles they are divided into.
//!
//! Regions are drawn on the baseline photo and carried to every other one.
//! What a metric sees of a region is, for each pixel of the photo it
//! measures, the tile of baseline skin that the pixel shows, or none.

mod outline;

use ndarray::Array2;

pub use self::outline::{Outline, read_regions};
use crate::raster::{self, Mask, row};

/// The name of the region that is all skin valid in every session.
pub const SKIN: &str = "skin";

/// Which tile of a region each cell of a photo shows.
///
/// Kept on a plane reduced by `factor`; finer planes look it up.
#[derive(Debug, Clone)]
pub struct Tiles {
    labels: Array2<u16>,
    factor: usize,
    count: usize,
}

impl Tiles {
    /// The label of a cell that is not in the region.
    pub const OUTSIDE: u16 = u16::MAX;

    /// Labels below `count` or [`Tiles::OUTSIDE`], on a plane reduced by `factor`.
    pub fn new(labels: Array2<u16>, factor: usize, count: usize) -> Self {
        debug_assert!(labels.iter().all(|&l| l == Self::OUTSIDE || (l as usize) < count));
        Self { labels, factor, count }
    }

    /// The pixels of `mask` (on a plane reduced by `factor`) in square tiles
    /// of `side` cells.
    pub fn of_mask(mask: &Mask, factor: usize, side: usize) -> Self {
        let side = side.max(1);
        let columns = mask.ncols().div_ceil(side);
        let count = columns * mask.nrows().div_ceil(side);
        let label = |(y, x): (usize, usize)| {
            if mask[[y, x]] { ((y / side) * columns + x / side) as u16 } else { Self::OUTSIDE }
        };
        Self::new(Array2::from_shape_fn(mask.raw_dim(), label), factor, count)
    }

    /// The number of tiles, some of which may hold nothing.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The labels on the plane that is reduced by [`Tiles::factor`].
    pub fn labels(&self) -> &Array2<u16> {
        &self.labels
    }

    /// The reduction of the labels' plane.
    pub fn factor(&self) -> usize {
        self.factor
    }

    /// The tile at a position in native pixels, if it lies in the region.
    pub fn at(&self, x: f64, y: f64) -> Option<usize> {
        let [x, y] = [x, y].map(|at| raster::in_cells(at, self.factor));
        let [column, line] = raster::nearest(x, y)?;
        let label = *self.labels.get([line, column])?;
        (label != Self::OUTSIDE).then_some(label as usize)
    }

    /// The label of each pixel of row `y` of a plane reduced by `factor` and
    /// `width` pixels wide: that of the cell which holds the pixel's centre.
    pub fn line(&self, y: usize, factor: usize, width: usize) -> impl Iterator<Item = u16> + '_ {
        let cell = move |at: usize| (2 * at + 1) * factor / (2 * self.factor);
        let line = (cell(y) < self.labels.nrows()).then(|| row(&self.labels, cell(y)));
        (0..width).map(move |x| line.and_then(|line| line.get(cell(x))).copied().unwrap_or(Self::OUTSIDE))
    }

    /// The sum in each tile of what lies at positions in native pixels.
    pub fn sums(&self, items: impl Iterator<Item = ([f64; 2], f64)>) -> Vec<f64> {
        let mut sums = vec![0.0; self.count];
        for ([x, y], value) in items {
            if let Some(tile) = self.at(x, y) {
                sums[tile] += value;
            }
        }
        sums
    }

    /// The area of each tile, mm², in a photo of `px_per_mm` native pixels per millimetre.
    pub fn areas_mm2(&self, px_per_mm: f64) -> Vec<f64> {
        let cell = (self.factor as f64 / px_per_mm).powi(2);
        self.cells().iter().map(|cells| cells * cell).collect()
    }

    /// The number of cells in each tile.
    pub fn cells(&self) -> Vec<f64> {
        let mut cells = vec![0.0; self.count];
        self.labels.iter().filter(|&&l| l != Self::OUTSIDE).for_each(|&l| cells[l as usize] += 1.0);
        cells
    }
}

/// A named part of the skin, as one photo shows it.
#[derive(Debug, Clone)]
pub struct Region {
    /// Its name; [`SKIN`] for all valid skin.
    pub name: String,
    /// Its tiles in the photo.
    pub tiles: Tiles,
}

impl Region {
    /// Its area in native pixels of the photo.
    pub fn area_px(&self) -> f64 {
        self.tiles.cells().iter().sum::<f64>() * (self.tiles.factor * self.tiles.factor) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_are_found_from_native_pixels_and_from_finer_planes() {
        let mask = Array2::from_shape_fn((4, 6), |(y, x)| !(y == 0 && x == 0));
        let tiles = Tiles::of_mask(&mask, 4, 2);
        assert_eq!((tiles.count(), tiles.at(0.0, 0.0), tiles.at(4.0, 0.0)), (6, None, Some(0)));
        assert_eq!(tiles.at(23.0, 15.0), Some(5));
        assert_eq!(tiles.at(24.0, 0.0), None);
        let line: Vec<u16> = tiles.line(0, 2, 13).collect();
        assert_eq!(line[..5], [Tiles::OUTSIDE, Tiles::OUTSIDE, 0, 0, 1]);
        assert_eq!(line[12], Tiles::OUTSIDE);
        let coarser: Vec<u16> = tiles.line(0, 8, 3).collect();
        assert_eq!(coarser, [0, 1, 2]);
        let items = [([5.0, 5.0], 2.0), ([1e6, 0.0], 9.0), ([6.0, 6.0], 1.0)];
        assert_eq!(tiles.sums(items.into_iter()), [3.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(tiles.areas_mm2(2.0)[1], 16.0);
        assert_eq!(tiles.cells(), [3.0, 4.0, 4.0, 4.0, 4.0, 4.0]);
    }
}
