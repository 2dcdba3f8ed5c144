//! Connected parts of a mask, chosen by their shape.

use crate::filter::components::{Component, components};
use crate::filter::morphology;
use crate::raster::{self, Mask};

/// The shape of one 8-connected part of a mask.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Part {
    /// Pixels.
    pub area: f64,
    /// Diagonal of the upright box around it, pixels: its length, if it is a line.
    pub diagonal: f64,
    /// Whether it reaches the border of the plane.
    pub at_border: bool,
}

impl Part {
    fn of(pixels: &Component, width: usize, height: usize) -> Self {
        let edges = |of: fn(&(u32, u32)) -> u32| {
            let least = pixels.iter().map(of).min().unwrap_or(0);
            (least as usize, pixels.iter().map(of).max().unwrap_or(0) as usize)
        };
        let ((left, right), (top, bottom)) = (edges(|p| p.0), edges(|p| p.1));
        Self {
            area: pixels.len() as f64,
            diagonal: ((right - left + 1) as f64).hypot((bottom - top + 1) as f64),
            at_border: left == 0 || top == 0 || right + 1 == width || bottom + 1 == height,
        }
    }
}

/// The parts of `mask` that are `wanted`.
pub(super) fn select(mask: &Mask, wanted: impl Fn(&Part) -> bool) -> Mask {
    select_pixels(mask, |part, _| wanted(part))
}

/// How many times the square of its half width a stroke covers; a disc covers π times.
const STROKE: f64 = 30.0;

/// The parts of `mask` that are drawn out like a stroke, and longer than `length` pixels.
pub(super) fn strokes(mask: &Mask, length: f64) -> Mask {
    let depth = morphology::depth(mask);
    select_pixels(mask, |part, pixels| {
        let half_width = pixels.iter().map(|&(x, y)| depth[[y as usize, x as usize]]).fold(0.0, f32::max);
        part.diagonal > length && part.area > STROKE * f64::from(half_width).powi(2)
    })
}

fn select_pixels(mask: &Mask, wanted: impl Fn(&Part, &Component) -> bool) -> Mask {
    let mut selected = Mask::from_elem(mask.raw_dim(), false);
    for_each_part(mask, |part, pixels| {
        if wanted(part, pixels) {
            pixels.iter().for_each(|&(x, y)| selected[[y as usize, x as usize]] = true);
        }
    });
    selected
}

/// Every part of `mask` with its pixels, in row order of their first pixel.
pub(super) fn for_each_part(mask: &Mask, mut each: impl FnMut(&Part, &Component)) {
    let (width, height) = raster::size(mask);
    components(mask).iter().for_each(|pixels| each(&Part::of(pixels, width, height), pixels));
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn strokes_are_told_from_blobs() {
        let line = |&(y, x): &(usize, usize)| (10..12).contains(&y) && (5..70).contains(&x);
        let blob = |&(y, x): &(usize, usize)| (30..50).contains(&y) && (20..40).contains(&x);
        let mask = Array2::from_shape_fn((60, 80), |at| line(&at) || blob(&at));
        assert_eq!(strokes(&mask, 10.0), Array2::from_shape_fn((60, 80), |at| line(&at)));
    }

    #[test]
    fn the_border_is_noticed_on_every_side() {
        for (y, x) in [(0, 2), (4, 2), (2, 0), (2, 4)] {
            let mut mask = Mask::from_elem((5, 5), false);
            mask[[y, x]] = true;
            assert_eq!(select(&mask, |part| part.at_border), mask);
        }
    }
}
