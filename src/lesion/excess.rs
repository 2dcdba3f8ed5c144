//! What lies above the surrounding skin.

use crate::filter::background::{enlarge, reduce_inside};
use crate::filter::gaussian::gaussian_inside;
use crate::filter::moving_median::moving_median;
use crate::order::of_ranks;
use crate::raster::{self, Mask, Plane};
use crate::units::FilterScale;

/// Side of the cells that the background is worked out on, mm: the 11 cells
/// that a median is taken over are 16.5 mm wide, so that a lesion of 10 mm
/// covers less than half of them.
const CELL_MM: f64 = 1.5;

/// Standard deviations from the background beyond which skin is no background.
const OUTLIER: f32 = 3.0;

/// Standard deviation of a normal distribution over its median absolute value.
pub(crate) const ROBUST: f64 = 1.4826;

/// A map minus the level of the skin around each place; 0 where there is no
/// skin.
///
/// The level is the median of millimetre cells in a window of 16.5 mm, taken
/// twice, the second time without what stood out the first time. A median
/// keeps its level while lesions cover less than half of the window, where a
/// mean would be pulled towards them and make large lesions fainter.
pub fn excess(map: &Plane, skin: &Mask, scale: FilterScale) -> Plane {
    let first = above(map, skin, &level(map, skin, scale));
    let spread = OUTLIER * noise(&first, skin);
    let plain =
        ndarray::Zip::from(skin).and(&first).par_map_collect(|&inside, r| inside && r.abs() <= spread);
    above(map, skin, &level(map, if plain.iter().any(|&p| p) { &plain } else { skin }, scale))
}

/// The robust standard deviation (1.4826 × median absolute value) of a plane
/// of residuals inside a mask; 0 for an empty one.
pub fn noise(residual: &Plane, mask: &Mask) -> f32 {
    let inside = residual.iter().zip(mask).filter(|(_, inside)| **inside);
    let sizes = inside.map(|(value, _)| value.abs());
    // The mean of the two middle values of an even number.
    let middle = of_ranks(sizes, |count| [(count - 1) / 2, count / 2]);
    middle.map_or(0.0, |[lower, upper]| ROBUST as f32 * ((lower + upper) / 2.0))
}

fn above(map: &Plane, skin: &Mask, level: &Plane) -> Plane {
    ndarray::Zip::from(map)
        .and(level)
        .and(skin)
        .par_map_collect(|value, level, &inside| if inside { value - level } else { 0.0 })
}

/// The smoothed running median of the cells inside `mask`.
fn level(map: &Plane, mask: &Mask, scale: FilterScale) -> Plane {
    let (width, height) = raster::size(map);
    let factor = (scale.px(CELL_MM).round() as usize).clamp(1, width.min(height).max(1));
    let (cells, inside) = reduce_inside(map, mask, factor);
    let (columns, lines) = raster::size(&cells);
    if columns == 0 || lines == 0 {
        return map.clone();
    }
    let medians = moving_median(&cells, &inside);
    let known = medians.mapv(|value| !value.is_nan());
    let smooth = gaussian_inside(&medians.mapv(|v| if v.is_nan() { 0.0 } else { v }), &known, 2.0);
    enlarge(&smooth, factor, width, height)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    const SCALE: FilterScale = FilterScale { px_per_mm: 4.0, physical: true };

    fn disc(radius: f64) -> Plane {
        Array2::from_shape_fn((160, 160), |(y, x)| {
            let inside = (x as f64 - 80.0).hypot(y as f64 - 80.0) <= radius;
            0.5 + if inside { 0.25 } else { 0.0 }
        })
    }

    #[test]
    fn a_lesion_of_ten_millimetres_does_not_pull_its_background() {
        let skin = Mask::from_elem((160, 160), true);
        let excess = excess(&disc(20.0), &skin, SCALE);
        assert!((excess[[80, 80]] - 0.25).abs() < 1e-3 && excess[[10, 10]].abs() < 1e-3);
    }

    #[test]
    fn adding_a_constant_changes_nothing_and_outside_the_skin_is_nothing() {
        let skin = Array2::from_shape_fn((160, 160), |(_, x)| x >= 40);
        let (plain, raised) = (excess(&disc(8.0), &skin, SCALE), excess(&(disc(8.0) + 1.0), &skin, SCALE));
        assert!((&plain - &raised).iter().all(|d| d.abs() < 1e-5));
        assert_eq!(plain[[80, 20]], 0.0);
    }

    #[test]
    fn a_photo_without_skin_has_no_excess_and_no_noise() {
        let none = Mask::from_elem((160, 160), false);
        assert!(excess(&disc(8.0), &none, SCALE).iter().all(|&value| value == 0.0));
        let tiny = excess(&Plane::zeros((1, 1)), &Mask::from_elem((1, 1), true), SCALE);
        assert_eq!((tiny[[0, 0]], noise(&tiny, &Mask::from_elem((1, 1), false))), (0.0, 0.0));
    }
}
