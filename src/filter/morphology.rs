//! Growing and shrinking of masks by a disk.

use imageproc::distance_transform::euclidean_squared_distance_transform;
use rayon::prelude::*;

use crate::raster::{self, Mask, Plane, mask_to_image};

/// The pixels within `radius` pixels of the mask.
pub fn dilate(mask: &Mask, radius: f64) -> Mask {
    if radius < 1.0 || !mask.iter().any(|&inside| inside) {
        return mask.clone();
    }
    if radius <= SMALL {
        return dilate_by_rows(mask, radius);
    }
    let distances = euclidean_squared_distance_transform(&mask_to_image(mask));
    let near = distances.as_raw().iter().map(|&squared| squared <= radius * radius).collect();
    Mask::from_shape_vec(mask.raw_dim(), near).expect("one value per pixel")
}

/// Largest radius at which going through the rows of the disk is quicker than
/// a distance transform.
const SMALL: f64 = 16.0;

/// The same by the rows of the disk: how far each pixel lies from the mask
/// along its row, held against how far the disk reaches in the rows around.
fn dilate_by_rows(mask: &Mask, radius: f64) -> Mask {
    let (width, height) = raster::size(mask);
    if width == 0 {
        return mask.clone();
    }
    let mut along = vec![u8::MAX; width * height];
    along.par_chunks_mut(width).enumerate().for_each(|(y, out)| {
        let line = raster::row(mask, y);
        let mut from_left = u8::MAX;
        for (distance, &inside) in out.iter_mut().zip(line) {
            from_left = if inside { 0 } else { from_left.saturating_add(1) };
            *distance = from_left;
        }
        let mut from_right = u8::MAX;
        for (distance, &inside) in out.iter_mut().zip(line).rev() {
            from_right = if inside { 0 } else { from_right.saturating_add(1) };
            *distance = (*distance).min(from_right);
        }
    });
    let reach = radius.floor() as isize;
    raster::rows(width, height, |y, out| {
        for dy in -reach..=reach {
            let Some(y) = y.checked_add_signed(dy).filter(|y| *y < height) else { continue };
            let across = (radius * radius - (dy * dy) as f64).sqrt() as u8;
            let line = &along[y * width..(y + 1) * width];
            out.iter_mut().zip(line).for_each(|(inside, &distance)| *inside |= distance <= across);
        }
    })
}

/// The pixels of the mask that lie more than `radius` pixels from what is
/// outside it. The border of the plane does not count as outside.
pub fn erode(mask: &Mask, radius: f64) -> Mask {
    !dilate(&!mask, radius)
}

/// How far each pixel of the mask lies from the nearest pixel outside it,
/// pixels; 0 outside. Where nothing is outside, infinite. The border of the
/// plane does not count as outside.
pub fn depth(mask: &Mask) -> Plane {
    let outside = !mask;
    if !outside.iter().any(|&out| out) {
        return Plane::from_elem(mask.raw_dim(), f32::INFINITY);
    }
    let distances = euclidean_squared_distance_transform(&mask_to_image(&outside));
    let depths = distances.as_raw().iter().map(|&squared| squared.sqrt() as f32).collect();
    Plane::from_shape_vec(mask.raw_dim(), depths).expect("one value per pixel")
}

/// The mask without parts narrower than twice `radius` pixels.
pub fn open(mask: &Mask, radius: f64) -> Mask {
    dilate(&erode(mask, radius), radius)
}

/// The mask with gaps narrower than twice `radius` pixels bridged.
pub fn close(mask: &Mask, radius: f64) -> Mask {
    erode(&dilate(mask, radius), radius)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn the_depth_of_a_square_grows_to_its_middle() {
        let mask = Array2::from_shape_fn((7, 7), |(y, x)| (1..6).contains(&x) && (1..6).contains(&y));
        let depth = depth(&mask);
        assert_eq!([depth[[0, 0]], depth[[1, 1]], depth[[3, 3]]], [0.0, 1.0, 3.0]);
    }

    #[test]
    fn rows_of_the_disk_and_the_distance_transform_agree() {
        let mask = Array2::from_shape_fn((60, 70), |(y, x)| (x * 31 + y * 17) % 97 == 0);
        let distances = euclidean_squared_distance_transform(&mask_to_image(&mask));
        for radius in [1.0, 1.5, 2.9, 7.3, 16.0] {
            let far = distances.as_raw().iter().map(|&squared| squared <= radius * radius).collect();
            assert_eq!(dilate(&mask, radius), Mask::from_shape_vec((60, 70), far).unwrap(), "{radius}");
        }
    }

    #[test]
    fn a_pixel_grows_to_a_disk_and_shrinks_back() {
        let mut mask = Array2::from_elem((9, 9), false);
        mask[[4, 4]] = true;
        let disk = dilate(&mask, 2.0);
        // Pixels with dx² + dy² ≤ 4, counted by hand.
        assert_eq!(crate::raster::count(&disk), 13);
        assert!(erode(&disk, 2.0)[[4, 4]]);
        assert!(!open(&mask, 1.0)[[4, 4]]);
    }
}
