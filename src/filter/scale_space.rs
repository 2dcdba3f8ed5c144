//! One plane smoothed more and more: a ladder of Gaussians that several
//! measurements share.

use crate::filter::gaussian::lens_blur;
use crate::raster::{self, Plane};

/// Standard deviation, pixels, from which a rung is halved before the next
/// one is made: at 3.5 pixels sampling at half the rate loses nothing.
const HALVE_FROM: f64 = 3.5;

/// Least standard deviation, pixels, that a sampled Gaussian represents.
const LEAST_SIGMA: f64 = 0.6;

/// One rung: the plane smoothed by a Gaussian.
#[derive(Debug, Clone)]
pub struct Rung {
    /// Standard deviation, pixels of the plane that the ladder was built on.
    pub sigma: f64,
    /// Reduction from that plane.
    pub factor: usize,
    /// The smoothed values.
    pub plane: Plane,
}

impl Rung {
    /// Standard deviation in pixels of the rung itself.
    pub fn own_sigma(&self) -> f64 {
        self.sigma / self.factor as f64
    }

    /// The next rung, smoothed to `sigma` pixels of the first plane.
    fn next(&self, sigma: f64) -> Self {
        let blur = self.own_sigma();
        if blur < HALVE_FROM || self.plane.nrows().min(self.plane.ncols()) < 2 {
            return Self::made(&self.plane, self.factor, blur, sigma);
        }
        let blur = (blur * blur + raster::averaging(2)).sqrt() / 2.0;
        Self::made(&raster::reduce(&self.plane, 2), 2 * self.factor, blur, sigma)
    }

    fn made(plane: &Plane, factor: usize, blur: f64, sigma: f64) -> Self {
        let missing = (sigma / factor as f64).powi(2) - blur * blur;
        Self { sigma, factor, plane: lens_blur(plane, missing.max(0.0).sqrt()) }
    }
}

/// The plane, whose pixels are the means of cells of `averaged` pixels a side (1: it is the photo's
/// own), smoothed by each of the rising `sigmas` (its pixels), averaging included; `None` for those too
/// small to be sampled. Each rung is made from the one before.
pub fn ladder(plane: &Plane, averaged: usize, sigmas: &[f64]) -> Vec<Option<Rung>> {
    let own_blur = raster::averaging(averaged).sqrt() / averaged as f64;
    let mut rungs: Vec<Option<Rung>> = Vec::with_capacity(sigmas.len());
    for &sigma in sigmas {
        let rung = (sigma >= LEAST_SIGMA).then(|| match rungs.last() {
            Some(Some(last)) => last.next(sigma),
            _ => Rung::made(plane, 1, own_blur, sigma),
        });
        rungs.push(rung);
    }
    rungs
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    /// Variance of a picture along x, `off` from its middle.
    fn spread(picture: &Plane, off: impl Fn(f64) -> f64) -> f64 {
        let moment = |power: i32| -> f64 {
            picture.indexed_iter().map(|((_, x), &value)| f64::from(value) * off(x as f64).powi(power)).sum()
        };
        moment(2) / moment(0)
    }

    /// The variance of an impulse's picture is the square of sigma.
    #[test]
    fn each_rung_has_the_blur_it_says() {
        let mut plane = Array2::zeros((256, 256));
        (126..=129).for_each(|y| (126..=129).for_each(|x| plane[[y, x]] = 1.0));
        // A block of 4 pixels has a variance of (16 - 1) / 12 along each side.
        for rung in ladder(&plane, 1, &[1.0, 2.0, 4.0, 8.0, 16.0]).into_iter().flatten() {
            let off = |x| raster::cell_centre(x, rung.factor) - 127.5;
            let sigma = (spread(&rung.plane, off) - 1.25).sqrt();
            assert!((sigma / rung.sigma - 1.0).abs() < 0.01, "{sigma} for {}", rung.sigma);
        }
    }

    /// A dot of 6 pixels, seen in cells of three: the variance of its picture is 36 and that of the rung.
    #[test]
    fn averaging_into_cells_counts_as_blur() {
        let dot = |y: usize, x: usize| (y as f32 - 130.0).powi(2) + (x as f32 - 130.0).powi(2);
        let plane = Array2::from_shape_fn((261, 261), |(y, x)| (-dot(y, x) / 72.0).exp());
        for rung in ladder(&raster::reduce(&plane, 3), 3, &[1.0, 2.0]).into_iter().flatten() {
            let variance = spread(&rung.plane, |x| 3.0 * (x - 43.0)) - 36.0;
            assert!((variance / (3.0 * rung.sigma).powi(2) - 1.0).abs() < 0.01, "{variance}");
        }
    }

    #[test]
    fn a_rung_below_the_pixel_is_left_out_and_large_ones_are_reduced() {
        let rungs = ladder(&Array2::zeros((64, 64)), 1, &[0.3, 1.0, 4.0, 8.0]);
        let factors: Vec<_> = rungs.iter().map(|rung| rung.as_ref().map(|r| r.factor)).collect();
        assert_eq!(factors, [None, Some(1), Some(1), Some(2)]);
    }
}
