//! Gaussian smoothing.

use multiversion::multiversion;
use rayon::prelude::*;

use crate::raster::{self, Mask, Plane, row};

/// Standard deviations covered by a kernel on each side: what lies beyond
/// weighs less than 0.05 %.
const REACH: f64 = 3.5;

/// A sampled Gaussian of `sigma` pixels that sums to 1; a single 1 for `sigma <= 0`.
pub fn kernel(sigma: f64) -> Vec<f32> {
    if sigma <= 0.0 {
        return vec![1.0];
    }
    let radius = (REACH * sigma).ceil() as i64;
    let weights: Vec<f64> = (-radius..=radius).map(|i| (-0.5 * (i as f64 / sigma).powi(2)).exp()).collect();
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| (weight / sum) as f32).collect()
}

/// The plane smoothed by a Gaussian of `sigma` pixels, mirrored at the borders.
pub fn gaussian(plane: &Plane, sigma: f64) -> Plane {
    let kernel = kernel(sigma);
    symmetric_separable(plane, &kernel, &kernel)
}

/// The kernel whose variance is `variance` px² however little that is, where a sampled Gaussian of
/// under 0.6 pixels falls short: `e^-t I_n(t)` of the modified Bessel functions (Lindeberg 1990,
/// *IEEE Trans. Pattern Anal. Mach. Intell.* 12:234).
fn discrete_kernel(variance: f64) -> Vec<f32> {
    let half = variance / 2.0;
    // The power series, whose terms fall fast where the variance is not large.
    let bessel = |order: i32| {
        let first = (1..=order).fold(1.0, |term, k| term * half / f64::from(k));
        let terms = (1..=20).scan(first, |term, k| {
            *term *= half * half / f64::from(k * (k + order));
            Some(*term)
        });
        first + terms.sum::<f64>()
    };
    let radius = (REACH * variance.sqrt()).ceil() as i32 + 1;
    let weights: Vec<f64> = (-radius..=radius).map(|i| bessel(i.abs())).collect();
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| (weight / sum) as f32).collect()
}

/// Variance, px², from which a sampled Gaussian has it to within a hundredth.
const NARROW: f64 = 0.5;

/// The plane blurred as by a lens: by a Gaussian of `sigma` pixels, however narrow, mirrored at the borders.
pub fn lens_blur(plane: &Plane, sigma: f64) -> Plane {
    let variance = sigma * sigma;
    if variance >= NARROW {
        return gaussian(plane, sigma);
    }
    let kernel = discrete_kernel(variance);
    symmetric_separable(plane, &kernel, &kernel)
}

/// The plane smoothed over the pixels in `mask` alone: `G(plane·mask) / G(mask)`.
/// Where the mask weighs less than a thousandth the result is 0.
pub fn gaussian_inside(plane: &Plane, mask: &Mask, sigma: f64) -> Plane {
    gaussian_and_weight(plane, mask, sigma).0
}

/// The same, and the weight of the mask around each pixel: `G(mask)`.
pub fn gaussian_and_weight(plane: &Plane, mask: &Mask, sigma: f64) -> (Plane, Plane) {
    let (width, height) = raster::size(plane);
    let weight = raster::rows(width, height, |y, out| {
        out.iter_mut().zip(row(mask, y)).for_each(|(w, &inside)| *w = f32::from(u8::from(inside)));
    });
    let masked = raster::rows(width, height, |y, out| {
        for ((value, &p), &inside) in out.iter_mut().zip(row(plane, y)).zip(row(mask, y)) {
            *value = if inside { p } else { 0.0 };
        }
    });
    let (mut smooth, weight) = (gaussian(&masked, sigma), gaussian(&weight, sigma));
    ndarray::Zip::from(&mut smooth).and(&weight).par_for_each(|value, &weight| {
        *value = if weight > 1e-3 { *value / weight } else { 0.0 };
    });
    (smooth, weight)
}

/// Rows convolved together, at least: what lies between the two passes stays
/// in the second-level cache.
const BAND: usize = 48;

/// The plane convolved with a symmetric odd kernel along x, then along y,
/// mirrored at the borders (the border pixel is its own mirror).
pub fn symmetric_separable(plane: &Plane, along_x: &[f32], along_y: &[f32]) -> Plane {
    let (width, height) = raster::size(plane);
    let (reach_x, reach_y) = (along_x.len() / 2, along_y.len() / 2);
    if width == 0 || height == 0 || reach_x + reach_y == 0 {
        return plane.clone();
    }
    let band = BAND.max(4 * reach_y);
    let mut values = vec![0.0f32; width * height];
    values.par_chunks_mut(width * band).enumerate().for_each_init(
        || (Vec::new(), Vec::new()),
        |(padded, across), (index, out)| {
            let lines = out.len() / width;
            padded.resize(width + 2 * reach_x, 0.0);
            across.resize(width * (lines + 2 * reach_y), 0.0);
            for (i, across) in across.chunks_exact_mut(width).enumerate() {
                let y = (index * band + i) as isize - reach_y as isize;
                convolve_x(row(plane, mirrored(y, height)), along_x, padded, across);
            }
            let line = |i: usize| &across[i * width..(i + 1) * width];
            for (i, out) in out.chunks_exact_mut(width).enumerate() {
                let middle = i + reach_y;
                let pairs: Vec<[&[f32]; 2]> =
                    (1..=reach_y).map(|k| [line(middle - k), line(middle + k)]).collect();
                convolve_rows(line(middle), &pairs, &along_y[reach_y..], out);
            }
        },
    );
    Plane::from_shape_vec((height, width), values).expect("one value per pixel")
}

/// A piece of the plane smoothed as [`gaussian`] does it: `side` by `side`
/// pixels from (`left`, `top`) on, which may reach beyond the plane.
pub fn gaussian_piece(plane: &Plane, (left, top): (usize, usize), side: usize, sigma: f64) -> Plane {
    let (width, height) = raster::size(plane);
    let kernel = kernel(sigma);
    let reach = kernel.len() / 2;
    let at = |first: usize, i: usize, length: usize| mirrored((first + i) as isize - reach as isize, length);
    let columns: Vec<usize> = (0..side + 2 * reach).map(|i| at(left, i, width)).collect();
    let mut padded = vec![0.0f32; columns.len()];
    let mut across = vec![0.0f32; side * columns.len()];
    for (i, across) in across.chunks_exact_mut(side).enumerate() {
        let line = row(plane, at(top, i, height));
        padded.iter_mut().zip(&columns).for_each(|(value, &column)| *value = line[column]);
        convolve_padded(&padded, &kernel, across);
    }
    let line = |i: usize| &across[i * side..(i + 1) * side];
    let mut piece = Plane::zeros((side, side));
    for (middle, mut out) in (reach..).zip(piece.rows_mut()) {
        let pairs: Vec<[&[f32]; 2]> = (1..=reach).map(|k| [line(middle - k), line(middle + k)]).collect();
        let out = out.as_slice_mut().expect("just made");
        convolve_rows(line(middle), &pairs, &kernel[reach..], out);
    }
    piece
}

fn convolve_x(source: &[f32], kernel: &[f32], padded: &mut [f32], out: &mut [f32]) {
    let (radius, width) = (kernel.len() / 2, source.len());
    padded[radius..radius + width].copy_from_slice(source);
    for i in 0..radius {
        padded[radius - 1 - i] = source[mirrored(-1 - i as isize, width)];
        padded[radius + width + i] = source[mirrored((width + i) as isize, width)];
    }
    convolve_padded(padded, kernel, out);
}

/// The index inside `0..length` that `index` mirrors to (`-1` to `0`, `length` to `length - 1`).
pub fn mirrored(index: isize, length: usize) -> usize {
    let length = length as isize;
    let folded = index.rem_euclid(2 * length);
    (if folded < length { folded } else { 2 * length - 1 - folded }) as usize
}

/// Pixels worked on at a time: their sums stay in registers.
const LANES: usize = 32;

#[multiversion(targets("x86_64+avx2+fma"))]
fn convolve_padded(padded: &[f32], kernel: &[f32], out: &mut [f32]) {
    let radius = kernel.len() / 2;
    let weights = &kernel[radius..];
    let whole = out.len() / LANES * LANES;
    let (blocks, rest) = out.split_at_mut(whole);
    for (start, block) in (0..).step_by(LANES).zip(blocks.chunks_exact_mut(LANES)) {
        let mut sums = [0.0f32; LANES];
        let from = |offset: usize| &padded[start + offset..start + offset + LANES];
        for (sum, &p) in sums.iter_mut().zip(from(radius)) {
            *sum = p * weights[0];
        }
        for (i, &weight) in weights.iter().enumerate().skip(1) {
            for ((sum, &l), &r) in sums.iter_mut().zip(from(radius - i)).zip(from(radius + i)) {
                *sum += (l + r) * weight;
            }
        }
        block.copy_from_slice(&sums);
    }
    for (at, value) in (whole..).zip(rest) {
        *value = padded[at + radius] * weights[0];
        for (i, &weight) in weights.iter().enumerate().skip(1) {
            *value += (padded[at + radius - i] + padded[at + radius + i]) * weight;
        }
    }
}

/// The weighted sum of rows: the middle one, then pairs of ever further ones.
#[multiversion(targets("x86_64+avx2+fma"))]
fn convolve_rows(middle: &[f32], pairs: &[[&[f32]; 2]], weights: &[f32], out: &mut [f32]) {
    let whole = out.len() / LANES * LANES;
    let (blocks, rest) = out.split_at_mut(whole);
    for (start, block) in (0..).step_by(LANES).zip(blocks.chunks_exact_mut(LANES)) {
        let mut sums = [0.0f32; LANES];
        for (sum, &p) in sums.iter_mut().zip(&middle[start..start + LANES]) {
            *sum = p * weights[0];
        }
        for ([above, below], &weight) in pairs.iter().zip(&weights[1..]) {
            let (above, below) = (&above[start..start + LANES], &below[start..start + LANES]);
            for ((sum, &a), &b) in sums.iter_mut().zip(above).zip(below) {
                *sum += (a + b) * weight;
            }
        }
        block.copy_from_slice(&sums);
    }
    for (at, value) in (whole..).zip(rest) {
        *value = middle[at] * weights[0];
        for ([above, below], &weight) in pairs.iter().zip(&weights[1..]) {
            *value += (above[at] + below[at]) * weight;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn a_constant_stays_what_it_is() {
        let plane = Array2::from_elem((9, 7), 3.25f32);
        assert!(gaussian(&plane, 2.0).iter().all(|value| (value - 3.25).abs() < 1e-5));
    }

    /// A sampled Gaussian of half a pixel has a variance of 0.215 instead of 0.25, one of 0.3 pixels
    /// 0.008 instead of 0.09.
    #[test]
    fn a_blur_of_less_than_a_pixel_is_as_much_as_it_says() {
        for variance in [0.0225_f64, 0.09, 0.25, 0.49, 0.64, 1.0] {
            let mut plane = Array2::zeros((1, 21));
            plane[[0, 10]] = 1.0;
            let blurred = lens_blur(&plane, variance.sqrt());
            let second = blurred.indexed_iter().map(|((_, x), v)| f64::from(*v) * (x as f64 - 10.0).powi(2));
            let second = second.sum::<f64>();
            assert!((second / variance - 1.0).abs() < 0.02, "{variance}: {second}");
        }
        // e^-0.25 (1 + 0.25²/4 + 0.25⁴/64) and e^-0.25 (0.125 + 0.125³/2).
        let kernel = discrete_kernel(0.25);
        let middle = kernel.len() / 2;
        assert!((kernel[middle] - 0.79102).abs() < 1e-4 && (kernel[middle + 1] - 0.09811).abs() < 1e-4);
    }

    #[test]
    fn an_impulse_becomes_the_kernel() {
        let mut plane = Array2::zeros((21, 21));
        plane[[10, 10]] = 1.0;
        let smooth = gaussian(&plane, 1.0);
        // exp(0), exp(-1/2) and their sum by hand: 1 / 2.506628 = 0.398942.
        assert!((smooth[[10, 10]] - 0.398_942 * 0.398_942).abs() < 1e-4);
        assert!((smooth[[10, 11]] / smooth[[10, 10]] - (-0.5f32).exp()).abs() < 1e-5);
        assert!((smooth.sum() - 1.0).abs() < 1e-5);
    }

    #[test]
    fn borders_mirror() {
        assert_eq!([-2, -1, 0, 4, 5, 6].map(|i| mirrored(i, 5)), [1, 0, 0, 4, 4, 3]);
        assert_eq!([-3, 3].map(|i| mirrored(i, 1)), [0, 0]);
    }

    #[test]
    fn what_lies_outside_the_mask_has_no_say() {
        let plane = Array2::from_shape_fn((8, 8), |(_, x)| if x < 4 { 1.0 } else { 100.0 });
        let mask = Array2::from_shape_fn((8, 8), |(_, x)| x < 4);
        let smooth = gaussian_inside(&plane, &mask, 1.5);
        assert!((smooth[[4, 3]] - 1.0).abs() < 1e-5);
    }

    #[test]
    fn smoothing_commutes_with_a_quarter_turn() {
        let plane = Array2::from_shape_fn((12, 12), |(y, x)| ((x * 7 + y * 13) % 11) as f32);
        let turned = |p: &Plane| Array2::from_shape_fn((12, 12), |(y, x)| p[[11 - x, y]]);
        let difference = turned(&gaussian(&plane, 1.2)) - gaussian(&turned(&plane), 1.2);
        assert!(difference.iter().all(|d| d.abs() < 1e-5));
    }
}
