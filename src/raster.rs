//! Planes of numbers and masks, and their way to `image` buffers and back.
//!
//! Both are indexed `[[row, column]]`; in coordinates `x` is the column, `y`
//! the row, and pixel centres lie at whole numbers.

use image::{GrayImage, ImageBuffer, Luma};
use ndarray::Array2;
use rayon::prelude::*;

/// One channel of numbers, `[[row, column]]`.
pub type Plane = Array2<f32>;

/// Which pixels count, `[[row, column]]`.
pub type Mask = Array2<bool>;

/// Width and height of an array in pixels.
pub fn size<T>(array: &Array2<T>) -> (usize, usize) {
    (array.ncols(), array.nrows())
}

/// Bilinear value of `plane` at (`x`, `y`); `None` outside the pixel centres.
pub fn sample(plane: &Plane, x: f64, y: f64) -> Option<f32> {
    let (width, height) = size(plane);
    if !(x >= 0.0 && y >= 0.0 && x <= (width - 1) as f64 && y <= (height - 1) as f64) {
        return None;
    }
    let (column, row) =
        ((x as usize).min(width.saturating_sub(2)), (y as usize).min(height.saturating_sub(2)));
    let (fx, fy) = ((x - column as f64) as f32, (y - row as f64) as f32);
    let (right, below) = ((column + 1).min(width - 1), (row + 1).min(height - 1));
    let top = plane[[row, column]] * (1.0 - fx) + plane[[row, right]] * fx;
    let bottom = plane[[below, column]] * (1.0 - fx) + plane[[below, right]] * fx;
    Some(top * (1.0 - fy) + bottom * fy)
}

/// The value at the pixel nearest to (`x`, `y`); the default one outside.
pub fn at_nearest<T: Copy + Default>(values: &Array2<T>, x: f64, y: f64) -> T {
    nearest(x, y).and_then(|[column, row]| values.get([row, column]).copied()).unwrap_or_default()
}

/// The value of `mask` at the pixel nearest to (`x`, `y`); `false` outside.
pub fn covers(mask: &Mask, x: f64, y: f64) -> bool {
    at_nearest(mask, x, y)
}

/// Column and row of the pixel nearest to (`x`, `y`); `None` left of or above the first.
pub fn nearest(x: f64, y: f64) -> Option<[usize; 2]> {
    // `f64::round` is a call into the library where the processor may be old.
    (x > -0.5 && y > -0.5).then_some([(x + 0.5) as usize, (y + 0.5) as usize])
}

/// A plane or mask filled row by row, in parallel; `fill(y, row)` writes row `y`.
pub fn rows<T>(width: usize, height: usize, fill: impl Fn(usize, &mut [T]) + Sync) -> Array2<T>
where
    T: Clone + Default + Send,
{
    let mut values = vec![T::default(); width * height];
    if width > 0 {
        values.par_chunks_mut(width).enumerate().for_each(|(y, row)| fill(y, row));
    }
    Array2::from_shape_vec((height, width), values).expect("one value per pixel")
}

/// A row of a plane in standard layout.
pub fn row<T>(array: &Array2<T>, y: usize) -> &[T] {
    let width = array.ncols();
    &array.as_slice().expect("planes are kept in standard layout")[y * width..(y + 1) * width]
}

/// How many pixels count.
pub fn count(mask: &Mask) -> usize {
    mask.iter().filter(|&&inside| inside).count()
}

/// The values of `plane` where `mask` counts, in row order.
pub fn values_inside(plane: &Plane, mask: &Mask) -> Vec<f32> {
    plane.iter().zip(mask).filter_map(|(&value, &inside)| inside.then_some(value)).collect()
}

/// The mask seen on a plane reduced by `factor`: a cell counts when more
/// than half of its pixels do. Rows and columns that do not fill a cell are dropped.
pub fn reduce_mask(mask: &Mask, factor: usize) -> Mask {
    if factor == 1 {
        return mask.clone();
    }
    let (width, height) = (mask.ncols() / factor, mask.nrows() / factor);
    rows(width, height, |y, out| {
        let mut counts = vec![0usize; width];
        for source_y in y * factor..(y + 1) * factor {
            for (count, cell) in counts.iter_mut().zip(row(mask, source_y).chunks_exact(factor)) {
                *count += cell.iter().filter(|&&inside| inside).count();
            }
        }
        for (inside, count) in out.iter_mut().zip(counts) {
            *inside = 2 * count > factor * factor;
        }
    })
}

/// The mean of `factor` by `factor` cells. Rows and columns that do not fill
/// a cell are dropped. A cell's centre lies at `(i + 0.5) * factor - 0.5`.
pub fn reduce(plane: &Plane, factor: usize) -> Plane {
    if factor == 1 {
        return plane.clone();
    }
    let (width, height) = (plane.ncols() / factor, plane.nrows() / factor);
    let share = 1.0 / (factor * factor) as f32;
    rows(width, height, |y, out| {
        for source_y in y * factor..(y + 1) * factor {
            add_cells(row(plane, source_y), factor, out);
        }
        out.iter_mut().for_each(|value| *value *= share);
    })
}

/// Adds to `sums` those of cells of `factor` pixels along a row: most are as few
/// as make a loop over them dear.
fn add_cells(line: &[f32], factor: usize, sums: &mut [f32]) {
    fn few<const N: usize>(line: &[f32], sums: &mut [f32]) {
        let cells = line.as_chunks::<N>().0;
        sums.iter_mut().zip(cells).for_each(|(sum, cell)| *sum += cell.iter().sum::<f32>());
    }
    match factor {
        2 => few::<2>(line, sums),
        3 => few::<3>(line, sums),
        4 => few::<4>(line, sums),
        _ => {
            let cells = line.chunks_exact(factor);
            sums.iter_mut().zip(cells).for_each(|(sum, cell)| *sum += cell.iter().sum::<f32>());
        }
    }
}

/// Variance along each axis of the averaging into cells of `factor` pixels, px² of the full plane:
/// the blur by which a reduced plane differs from the full one.
pub fn averaging(factor: usize) -> f64 {
    (factor * factor - 1) as f64 / 12.0
}

/// The centre of cell `index` of a plane reduced by `factor`, in pixels of the full plane.
pub fn cell_centre(index: f64, factor: usize) -> f64 {
    (index + 0.5) * factor as f64 - 0.5
}

/// The position in a plane reduced by `factor` of full-plane coordinate `at`.
pub fn in_cells(at: f64, factor: usize) -> f64 {
    (at + 0.5) / factor as f64 - 0.5
}

/// The mask as an 8-bit image, 255 where it counts.
pub fn mask_to_image(mask: &Mask) -> GrayImage {
    let (width, height) = size(mask);
    let bytes = mask.iter().map(|&inside| if inside { 255 } else { 0 }).collect();
    GrayImage::from_raw(width as u32, height as u32, bytes).expect("one byte per pixel")
}

/// The pixels of an 8-bit image that are not 0.
pub fn mask_from_image(image: &GrayImage) -> Mask {
    let shape = (image.height() as usize, image.width() as usize);
    Array2::from_shape_vec(shape, image.as_raw().iter().map(|&value| value != 0).collect())
        .expect("one byte per pixel")
}

/// The plane as an `image` buffer, for `imageproc`.
pub fn plane_to_image(plane: Plane) -> ImageBuffer<Luma<f32>, Vec<f32>> {
    let (width, height) = size(&plane);
    let values = plane.as_standard_layout().into_owned().into_raw_vec_and_offset().0;
    ImageBuffer::from_raw(width as u32, height as u32, values).expect("one value per pixel")
}

/// The plane in an `image` buffer.
pub fn plane_from_image(image: ImageBuffer<Luma<f32>, Vec<f32>>) -> Plane {
    let shape = (image.height() as usize, image.width() as usize);
    Array2::from_shape_vec(shape, image.into_raw()).expect("one value per pixel")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn reducing_takes_the_mean_of_each_cell_and_drops_the_rest() {
        let plane = array![[1.0, 3.0, 9.0], [5.0, 7.0, 9.0], [9.0, 9.0, 9.0]];
        assert_eq!(reduce(&plane, 2), array![[4.0]]);
    }

    #[test]
    fn a_cell_counts_when_more_than_half_of_it_does() {
        let mask = array![[true, true, true, false], [true, false, true, false]];
        assert_eq!(reduce_mask(&mask, 2), array![[true, false]]);
    }

    #[test]
    fn sampling_is_bilinear_between_pixel_centres_and_nothing_outside() {
        let plane = array![[0.0, 1.0], [2.0, 3.0]];
        assert_eq!(sample(&plane, 0.5, 0.5), Some(1.5));
        assert_eq!(sample(&plane, 1.0, 1.0), Some(3.0));
        assert_eq!(sample(&plane, 1.01, 0.0), None);
        assert_eq!(sample(&plane, f64::NAN, 0.0), None);
    }

    #[test]
    fn the_nearest_pixel_is_that_whose_centre_is_nearest() {
        assert_eq!(nearest(-0.4, 2.6), Some([0, 3]));
        assert_eq!([nearest(-0.5, 1.0), nearest(1.0, f64::NAN)], [None, None]);
        assert!(!covers(&array![[true]], 0.6, 0.0) && covers(&array![[true]], 0.4, -0.4));
    }

    #[test]
    fn cells_and_pixels_convert_both_ways() {
        assert_eq!(cell_centre(0.0, 4), 1.5);
        assert_eq!(in_cells(1.5, 4), 0.0);
    }

    #[test]
    fn a_plane_survives_the_way_to_an_image_and_back() {
        let plane = array![[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]];
        assert_eq!(plane_from_image(plane_to_image(plane.clone())), plane);
    }
}
