//! Co-occurrence of grey levels on the lattice of skin, by tile.

use ndarray::{Array2, Zip};
use rayon::prelude::*;

use crate::metrics::glcm::{DIRECTIONS, Features, Glcm};
use crate::metrics::texture::NO_VARIATION;
use crate::metrics::{Estimate, NO_SKIN};
use crate::raster::Plane;
use crate::region::Tiles;

/// Offset of a co-occurring pair along each axis (Chebyshev distance), lattice steps: 0.3 mm.
const OFFSET: isize = 3;

/// Grey levels, of ln green above its surroundings from -0.25 to 0.25.
const LEVELS: usize = 32;

/// Width of a level, ln units. Fixed, not a share of the photo's own range,
/// which would scale away the change of contrast that is looked for.
const LEVEL_WIDTH: f32 = 1.0 / 64.0;

/// The co-occurrence features, directions merged: contrast, joint entropy,
/// correlation, inverse difference moment, angular second moment.
pub(super) fn co_occurrence(
    pattern: &Plane,
    labels: &Array2<u16>,
    tiles: usize,
) -> [Result<Estimate, &'static str>; 5] {
    let parts = glcm_of_tiles(&grey_levels(pattern, labels), labels, tiles);
    let mut all = Glcm::new(LEVELS);
    parts.iter().for_each(|part| all.merge(part));
    let Some(whole) = all.features().map(|features| reported(&features)) else {
        return [const { Err(NO_SKIN) }; 5];
    };
    let Some(whole) = whole else { return [const { Err(NO_VARIATION) }; 5] };
    let without: Vec<Option<[f64; 5]>> = parts
        .par_iter()
        .map(|part| (part.total() > 0).then(|| all.without(part).features().and_then(|f| reported(&f)))?)
        .collect();
    std::array::from_fn(|i| {
        let left: Vec<Option<f64>> = without.iter().map(|values| values.map(|values| values[i])).collect();
        Estimate::leave_one_out(whole[i], &left).ok_or(NO_VARIATION)
    })
}

/// The features of the catalogue, in its order; `None` where all levels are the same.
fn reported(features: &Features) -> Option<[f64; 5]> {
    Some([
        features.contrast,
        features.joint_entropy,
        features.correlation?,
        features.inverse_difference_moment,
        features.angular_second_moment,
    ])
}

/// Levels from 1; 0 outside. What exceeds the range has its last level.
fn grey_levels(pattern: &Plane, labels: &Array2<u16>) -> Array2<u8> {
    Zip::from(pattern).and(labels).par_map_collect(|&value, &label| {
        let level = (value / LEVEL_WIDTH + 0.5 * LEVELS as f32).floor() as i32;
        if label == Tiles::OUTSIDE { 0 } else { level.clamp(0, LEVELS as i32 - 1) as u8 + 1 }
    })
}

/// The merged matrix of each tile: the pairs that start in it, in all four directions.
fn glcm_of_tiles(levels: &Array2<u8>, labels: &Array2<u16>, tiles: usize) -> Vec<Glcm> {
    let directions: Vec<Vec<Glcm>> = DIRECTIONS
        .par_iter()
        .map(|&(dx, dy)| {
            let mut parts = vec![Glcm::new(LEVELS); tiles];
            for ((y, x), &label) in labels.indexed_iter().filter(|(_, label)| **label != Tiles::OUTSIDE) {
                let (x2, y2) = (x as isize + OFFSET * dx, y as isize + OFFSET * dy);
                if x2 >= 0 && y2 >= 0 {
                    let second = levels.get([y2 as usize, x2 as usize]).copied().unwrap_or(0);
                    parts[label as usize].add(levels[[y, x]], second);
                }
            }
            parts
        })
        .collect();
    let mut directions = directions.into_iter();
    let mut parts = directions.next().unwrap_or_default();
    for more in directions {
        parts.iter_mut().zip(&more).for_each(|(part, more)| part.merge(more));
    }
    parts
}
