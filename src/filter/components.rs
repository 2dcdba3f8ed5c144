//! Connected components of a mask.

use imageproc::region_labelling::{Connectivity, connected_components};
use ndarray::Array2;

use crate::raster::{Mask, mask_to_image};

/// One 8-connected component: its pixels as (x, y), in row order.
pub type Component = Vec<(u32, u32)>;

/// The 8-connected components of `mask`, in row order of their first pixel.
pub fn components(mask: &Mask) -> Vec<Component> {
    let labels = labels(mask);
    let count = labels.iter().copied().max().unwrap_or(0) as usize;
    let mut components = vec![Component::new(); count];
    for ((y, x), &label) in labels.indexed_iter() {
        if label > 0 {
            components[label as usize - 1].push((x as u32, y as u32));
        }
    }
    components.sort_by_key(|pixels| (pixels[0].1, pixels[0].0));
    components
}

/// 0 outside `mask`, and one number from 1 upwards per 8-connected component.
pub fn labels(mask: &Mask) -> Array2<u32> {
    if mask.len() < 2 {
        // `imageproc` 0.27 has no room for the one label of a single pixel.
        return mask.mapv(u32::from);
    }
    let image = connected_components(&mask_to_image(mask), Connectivity::Eight, image::Luma([0]));
    Array2::from_shape_vec(mask.raw_dim(), image.into_raw()).expect("one label per pixel")
}

/// The components of `mask` that have at least `least` pixels, as a mask.
pub fn without_specks(mask: &Mask, least: usize) -> Mask {
    keep(mask, |size| size >= least)
}

/// The mask with the holes of fewer than `most` pixels filled.
pub fn without_holes(mask: &Mask, most: usize) -> Mask {
    let holes = keep(&mask.mapv(|inside| !inside), |size| size < most);
    mask | &holes
}

fn keep(mask: &Mask, wanted: impl Fn(usize) -> bool) -> Mask {
    let labels = labels(mask);
    let mut sizes = vec![0usize; labels.iter().copied().max().unwrap_or(0) as usize + 1];
    labels.iter().for_each(|&label| sizes[label as usize] += 1);
    labels.mapv(|label| label > 0 && wanted(sizes[label as usize]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn corners_touch() {
        let mask =
            array![[true, false, false], [false, true, false], [false, false, false], [true, false, false]];
        let found = components(&mask);
        assert_eq!(found, vec![vec![(0, 0), (1, 1)], vec![(0, 3)]]);
    }

    #[test]
    fn a_single_pixel_is_a_component() {
        assert_eq!(components(&array![[true]]), vec![vec![(0, 0)]]);
    }

    #[test]
    fn specks_go_and_holes_close() {
        let mask = array![
            [true, true, true, false, false],
            [true, false, true, false, true],
            [true, true, true, false, false]
        ];
        assert!(!without_specks(&mask, 2)[[1, 4]]);
        assert!(without_holes(&mask, 2)[[1, 1]]);
    }
}
