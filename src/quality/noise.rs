//! The noise of a photo: what differs from the neighbours in a way that no
//! smooth structure does, in the calmest skin.
//! Immerkær 1996, *Comput. Vis. Image Underst.* 64:300.

use rayon::prelude::*;

use super::blocks::{SIDE, quantile};
use crate::photo::{Photo, Tile};
use crate::raster::{self, Mask, Plane, row};
use crate::skin::Skin;
use crate::units::FilterScale;

/// Cells per millimetre that noise is looked at.
const CELLS_PER_MM: f64 = 10.0;

/// Share of the blocks, the calmest, that structure is taken to be absent from.
const CALMEST: f64 = 0.1;

/// Most blocks of a photo that are looked at: a tenth of them settles the
/// noise to a few percent.
const MOST_BLOCKS: usize = 400;

/// Standard deviation of the noise per cell of a tenth of a millimetre (or
/// per pixel, if that is more), density units of green; `None` if fewer than
/// four blocks of cells are all skin.
pub(super) fn of_photo(photo: &Photo, skin: &Skin, scale: FilterScale) -> Option<f64> {
    let factor = scale.reduction_to(CELLS_PER_MM).min(photo.width().min(photo.height()));
    let (across, down) = (photo.width() / factor / SIDE, photo.height() / factor / SIDE);
    let tile = |i: usize| Tile { left: (i % across) * SIDE, top: (i / across) * SIDE, side: SIDE };
    let tiles: Vec<Tile> = (0..across * down).map(tile).filter(|&t| all_skin(t, factor, skin)).collect();
    if tiles.len() < 4 {
        return None;
    }
    let every = tiles.len().div_ceil(MOST_BLOCKS);
    let rough: Vec<f64> = tiles
        .into_par_iter()
        .step_by(every)
        .map(|tile| roughness(&photo.density_tile(1, factor, tile), 0, 0, |_, _| true))
        .collect();
    deviation(rough)
}

/// Whether a lattice of points over a tile lies on valid skin.
fn all_skin(tile: Tile, factor: usize, skin: &Skin) -> bool {
    const STEP: usize = SIDE / 8;
    let place = |first: usize, i: usize| {
        raster::in_cells(raster::cell_centre((first + i * STEP) as f64, factor), skin.factor)
    };
    (0..81).all(|i| {
        raster::covers(&skin.mask, place(tile.left, i % 9).max(0.0), place(tile.top, i / 9).max(0.0))
    })
}

/// The same on a density plane, over blocks by their `corners`.
pub(super) fn of_plane(plane: &Plane, mask: &Mask, corners: &[(usize, usize)]) -> Option<f64> {
    let rough: Vec<f64> =
        corners.par_iter().map(|&(left, top)| roughness(plane, left, top, |x, y| row(mask, y)[x])).collect();
    deviation(rough)
}

fn deviation(roughness: Vec<f64>) -> Option<f64> {
    let calm = quantile(roughness.into_iter(), CALMEST)?;
    Some(calm * std::f64::consts::FRAC_PI_2.sqrt() / 6.0)
}

/// Mean absolute second difference along both axes over the inner cells of a
/// block that count.
fn roughness(plane: &Plane, left: usize, top: usize, counts: impl Fn(usize, usize) -> bool) -> f64 {
    let (mut sum, mut count) = (0.0, 0u32);
    for y in top + 1..top + SIDE - 1 {
        let [above, here, below] = [y - 1, y, y + 1].map(|y| &row(plane, y)[left..left + SIDE]);
        for x in (1..SIDE - 1).filter(|&x| counts(left + x, y)) {
            let corners = above[x - 1] + above[x + 1] + below[x - 1] + below[x + 1];
            let sides = above[x] + below[x] + here[x - 1] + here[x + 1];
            sum += f64::from((corners - 2.0 * sides + 4.0 * here[x]).abs());
            count += 1;
        }
    }
    if count == 0 { 0.0 } else { sum / f64::from(count) }
}
