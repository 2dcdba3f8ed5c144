//! What lies above the surrounding skin.

use crate::filter::background::{enlarge, reduce_inside};
use crate::filter::gaussian::gaussian_inside;
use crate::order::of_ranks;
use crate::raster::{self, Mask, Plane};
use crate::units::FilterScale;

/// Side of the cells that the background is worked out on, mm.
const CELL_MM: f64 = 1.5;

/// Cells on each side of the window that the median is taken in: 16.5 mm in
/// all, so that a lesion of 10 mm still covers less than half of it.
const REACH: usize = 5;

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
    let medians = raster::rows(columns, lines, |y, out| {
        let mut window = Window::new();
        let take = |window: &mut Window, i: usize| {
            for (place, j) in (y..=y + 2 * REACH).enumerate() {
                let cell = j.checked_sub(REACH).filter(|&j| j < lines && i < columns && inside[[j, i]]);
                window.put(i % SIDE * SIDE + place, cell.map(|j| cells[[j, i]]));
            }
        };
        (0..REACH).for_each(|i| take(&mut window, i));
        for (x, value) in out.iter_mut().enumerate() {
            take(&mut window, x + REACH);
            *value = window.median().unwrap_or(f32::NAN);
        }
    });
    let known = medians.mapv(|value| !value.is_nan());
    let smooth = gaussian_inside(&medians.mapv(|v| if v.is_nan() { 0.0 } else { v }), &known, 2.0);
    enlarge(&smooth, factor, width, height)
}

/// Cells along a side of the window.
const SIDE: usize = 2 * REACH + 1;

/// Cells that are compared at a time.
const LANES: usize = 8;

/// Cells of a window, filled up to whole lanes.
const CELLS: usize = (SIDE * SIDE).next_multiple_of(LANES);

/// The cells of a window that moves on, one column at a time, and its median.
struct Window {
    /// Infinite where there is no cell.
    cells: [f32; CELLS],
    count: usize,
    /// A cell's value that was the median before.
    last: f32,
}

impl Window {
    fn new() -> Self {
        Self { cells: [f32::INFINITY; CELLS], count: 0, last: 0.0 }
    }

    fn put(&mut self, place: usize, cell: Option<f32>) {
        let before = std::mem::replace(&mut self.cells[place], cell.unwrap_or(f32::INFINITY));
        self.count = self.count + usize::from(cell.is_some()) - usize::from(before != f32::INFINITY);
    }

    /// The median, the mean of the two middle values of an even number; `None`
    /// of nothing. Sought from the last one, which lies few cells away.
    fn median(&mut self) -> Option<f32> {
        let last = self.count.checked_sub(1)?;
        let rank = last / 2;
        loop {
            let below = self.count(|cell, value| cell < value);
            if below > rank {
                self.last = self.fold(f32::NEG_INFINITY, |best, cell, value| cell < value && cell > best);
            } else if self.count(|cell, value| cell <= value) <= rank {
                self.last = self.fold(f32::INFINITY, |best, cell, value| cell > value && cell < best);
            } else {
                break;
            }
        }
        let alone = self.count(|cell, value| cell <= value) <= self.count / 2;
        let upper = match alone {
            true => self.fold(f32::INFINITY, |best, cell, value| cell > value && cell < best),
            false => self.last,
        };
        Some((self.last + upper) / 2.0)
    }

    /// How many cells are so to the last median.
    fn count(&self, so: impl Fn(f32, f32) -> bool) -> usize {
        let mut lanes = [0u32; LANES];
        for cells in self.cells.chunks_exact(LANES) {
            lanes.iter_mut().zip(cells).for_each(|(lane, &cell)| *lane += u32::from(so(cell, self.last)));
        }
        lanes.iter().sum::<u32>() as usize
    }

    /// The cell that is `better` than all others, held against the last median.
    fn fold(&self, worst: f32, better: impl Fn(f32, f32, f32) -> bool) -> f32 {
        let mut lanes = [worst; LANES];
        for cells in self.cells.chunks_exact(LANES) {
            for (best, &cell) in lanes.iter_mut().zip(cells) {
                *best = if better(*best, cell, self.last) { cell } else { *best };
            }
        }
        lanes.into_iter().reduce(|a, b| if better(a, b, self.last) { b } else { a }).unwrap_or(worst)
    }
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
    fn a_window_that_moves_on_has_the_median_of_its_cells() {
        let mut window = Window::new();
        assert_eq!(window.median(), None);
        let mut cells = [None; SIDE * SIDE];
        for step in 0..2000usize {
            let cell = (step % 5 != 3).then(|| (step * 7919 % 1009) as f32 - 300.0);
            let place = step * 31 % cells.len();
            cells[place] = cell;
            window.put(place, cell);
            let mut sorted: Vec<f32> = cells.iter().flatten().copied().collect();
            sorted.sort_by(f32::total_cmp);
            let last = sorted.len().checked_sub(1);
            let middle = last.map(|last| (sorted[last / 2] + sorted[sorted.len() / 2]) / 2.0);
            assert_eq!(window.median(), middle, "{step}");
        }
    }

    #[test]
    fn a_photo_without_skin_has_no_excess_and_no_noise() {
        let none = Mask::from_elem((160, 160), false);
        assert!(excess(&disc(8.0), &none, SCALE).iter().all(|&value| value == 0.0));
        let tiny = excess(&Plane::zeros((1, 1)), &Mask::from_elem((1, 1), true), SCALE);
        assert_eq!((tiny[[0, 0]], noise(&tiny, &Mask::from_elem((1, 1), false))), (0.0, 0.0));
    }
}
