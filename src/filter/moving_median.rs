//! The running median of a plane.

use crate::raster::{self, Mask, Plane};

/// Cells to each side that a median is taken over.
const REACH: usize = 5;

/// The median of the cells inside `mask` among the 11 by 11 around each place,
/// the mean of the two middle values of an even number; not a number where
/// there is none.
pub fn moving_median(plane: &Plane, mask: &Mask) -> Plane {
    let (width, height) = raster::size(plane);
    raster::rows(width, height, |y, out| {
        let mut window = Window::new();
        let take = |window: &mut Window, x: usize| {
            for (place, below) in (y..=y + 2 * REACH).enumerate() {
                let line = below.checked_sub(REACH).filter(|&y| y < height && x < width && mask[[y, x]]);
                window.put(x % SIDE * SIDE + place, line.map(|y| plane[[y, x]]));
            }
        };
        (0..REACH).for_each(|x| take(&mut window, x));
        for (x, value) in out.iter_mut().enumerate() {
            take(&mut window, x + REACH);
            *value = window.median().unwrap_or(f32::NAN);
        }
    })
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

    /// By hand, of the cells 0 to 10 without the masked 9: 0 to 5 are in reach of
    /// the first, all ten of the sixth, 5, 6, 7, 8 and 10 of the last.
    #[test]
    fn a_row_has_the_medians_of_its_neighbours() {
        let plane = Plane::from_shape_fn((1, 11), |(_, x)| x as f32);
        let mask = Mask::from_shape_fn((1, 11), |(_, x)| x != 9);
        let medians = moving_median(&plane, &mask);
        assert_eq!([medians[[0, 0]], medians[[0, 5]], medians[[0, 10]]], [2.5, 4.5, 7.0]);
        assert!(moving_median(&plane, &Mask::from_elem((1, 11), false)).iter().all(|value| value.is_nan()));
    }
}
