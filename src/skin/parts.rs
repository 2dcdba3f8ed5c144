//! Connected parts of a mask, chosen by their shape.

use ndarray::Array2;

use crate::filter::components::{Component, components, labels};
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

/// A part's pixels, counted, and the box around them: first and last column and row.
#[derive(Clone, Copy)]
struct Extent {
    area: usize,
    across: (usize, usize),
    down: (usize, usize),
}

impl Extent {
    const NONE: Self = Self { area: 0, across: (usize::MAX, 0), down: (usize::MAX, 0) };

    fn add(&mut self, x: usize, y: usize) {
        self.area += 1;
        self.across = (self.across.0.min(x), self.across.1.max(x));
        self.down = (self.down.0.min(y), self.down.1.max(y));
    }

    fn part(&self, width: usize, height: usize) -> Part {
        if self.area == 0 {
            return Part { area: 0.0, diagonal: 0.0, at_border: false };
        }
        let ((left, right), (top, bottom)) = (self.across, self.down);
        Part {
            area: self.area as f64,
            diagonal: ((right + 1 - left) as f64).hypot((bottom + 1 - top) as f64),
            at_border: left == 0 || top == 0 || right + 1 == width || bottom + 1 == height,
        }
    }
}

/// The parts of `mask` that are `wanted`.
pub(super) fn select(mask: &Mask, wanted: impl Fn(&Part) -> bool) -> Mask {
    let (labels, parts) = parts(mask);
    let kept: Vec<bool> = parts.iter().map(|part| part.area > 0.0 && wanted(part)).collect();
    labels.mapv(|label| kept[label as usize])
}

/// How many times the square of its half width a stroke covers; a disc covers π times.
const STROKE: f64 = 30.0;

/// The parts of `mask` that are drawn out like a stroke, and longer than `length` pixels.
pub(super) fn strokes(mask: &Mask, length: f64) -> Mask {
    if !mask.iter().any(|&inside| inside) {
        return mask.clone();
    }
    let (labels, parts) = parts(mask);
    let mut half_widths = vec![0.0f32; parts.len()];
    for (&label, &depth) in labels.iter().zip(&morphology::depth(mask)) {
        half_widths[label as usize] = half_widths[label as usize].max(depth);
    }
    let drawn_out = |(part, &half_width): (&Part, &f32)| {
        part.diagonal > length && part.area > STROKE * f64::from(half_width).powi(2)
    };
    let kept: Vec<bool> = parts.iter().zip(&half_widths).map(drawn_out).collect();
    labels.mapv(|label| label > 0 && kept[label as usize])
}

/// The label of each pixel (0 outside `mask`) and the part of each label; the
/// part of label 0 has no area.
fn parts(mask: &Mask) -> (Array2<u32>, Vec<Part>) {
    let (width, height) = raster::size(mask);
    let labels = labels(mask);
    let mut extents = vec![Extent::NONE];
    for y in 0..height {
        for (x, &label) in raster::row(&labels, y).iter().enumerate().filter(|(_, label)| **label > 0) {
            let label = label as usize;
            extents.resize(extents.len().max(label + 1), Extent::NONE);
            extents[label].add(x, y);
        }
    }
    let parts = extents.iter().map(|extent| extent.part(width, height)).collect();
    (labels, parts)
}

/// Every part of `mask` with its pixels, in row order of their first pixel.
pub(super) fn for_each_part(mask: &Mask, mut each: impl FnMut(&Part, &Component)) {
    let (width, height) = raster::size(mask);
    for pixels in &components(mask) {
        let mut extent = Extent::NONE;
        pixels.iter().for_each(|&(x, y)| extent.add(x as usize, y as usize));
        each(&extent.part(width, height), pixels);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
