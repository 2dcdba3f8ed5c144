//! One plane smoothed more and more: a ladder of Gaussians that several
//! measurements share.

use crate::filter::gaussian::gaussian;
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
        // The mean of two samples adds a variance of a quarter pixel.
        let blur = (blur * blur + 0.25).sqrt() / 2.0;
        Self::made(&raster::reduce(&self.plane, 2), 2 * self.factor, blur, sigma)
    }

    fn made(plane: &Plane, factor: usize, blur: f64, sigma: f64) -> Self {
        let missing = (sigma / factor as f64).powi(2) - blur * blur;
        Self { sigma, factor, plane: gaussian(plane, missing.max(0.0).sqrt()) }
    }
}

/// The plane smoothed by each of the rising `sigmas`, pixels; `None` for those
/// too small to be sampled. Each rung is made from the one before.
pub fn ladder(plane: &Plane, sigmas: &[f64]) -> Vec<Option<Rung>> {
    let mut rungs: Vec<Option<Rung>> = Vec::with_capacity(sigmas.len());
    for &sigma in sigmas {
        let rung = (sigma >= LEAST_SIGMA).then(|| match rungs.last() {
            Some(Some(last)) => last.next(sigma),
            _ => Rung::made(plane, 1, 0.0, sigma),
        });
        rungs.push(rung);
    }
    rungs
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    /// The variance of an impulse's picture is the square of sigma.
    #[test]
    fn each_rung_has_the_blur_it_says() {
        let mut plane = Array2::zeros((256, 256));
        (126..=129).for_each(|y| (126..=129).for_each(|x| plane[[y, x]] = 1.0));
        // A block of 4 pixels has a variance of (16 - 1) / 12 along each side.
        for rung in ladder(&plane, &[1.0, 2.0, 4.0, 8.0, 16.0]).into_iter().flatten() {
            let (mut sum, mut spread) = (0.0, 0.0);
            for ((_, x), &value) in rung.plane.indexed_iter() {
                let x = raster::cell_centre(x as f64, rung.factor) - 127.5;
                sum += f64::from(value);
                spread += f64::from(value) * x * x;
            }
            let sigma = (spread / sum - 1.25).sqrt();
            assert!((sigma / rung.sigma - 1.0).abs() < 0.01, "{sigma} for {}", rung.sigma);
        }
    }

    #[test]
    fn a_rung_below_the_pixel_is_left_out_and_large_ones_are_reduced() {
        let rungs = ladder(&Array2::zeros((64, 64)), &[0.3, 1.0, 4.0, 8.0]);
        let factors: Vec<_> = rungs.iter().map(|rung| rung.as_ref().map(|r| r.factor)).collect();
        assert_eq!(factors, [None, Some(1), Some(1), Some(2)]);
    }
}
