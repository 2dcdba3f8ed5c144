//! The smooth field of light.

use crate::raster::{self, Plane};

/// The light of one photo relative to another's, common to the channels: the
/// exponential of a quadratic in position that is 0 on average over the frame.
///
/// Positions are shares of the photo's width and height, `0..=1`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ShadingField {
    /// Coefficients of [`terms`].
    coefficients: [f64; TERMS],
    /// Where the field was seen: least x, least y, largest x, largest y. It
    /// stays constant beyond, for a quadratic does not extrapolate.
    seen: [f64; 4],
}

/// How many terms a field has.
pub const TERMS: usize = 5;

/// The terms at a position: `x`, `y`, `x² − 1/12`, `x y`, `y² − 1/12` from the
/// centre of the frame; each averages to 0 over it.
pub fn terms([x, y]: [f64; 2]) -> [f64; TERMS] {
    let (x, y) = (x - 0.5, y - 0.5);
    [x, y, x * x - 1.0 / 12.0, x * y, y * y - 1.0 / 12.0]
}

impl ShadingField {
    /// A field with the coefficients of [`terms`], seen within the box `seen`
    /// (least x, least y, largest x, largest y).
    pub fn new(coefficients: [f64; TERMS], seen: [f64; 4]) -> Self {
        Self { coefficients, seen }
    }

    /// The natural logarithm of the field at a position.
    pub fn log_at(&self, [x, y]: [f64; 2]) -> f64 {
        let [left, top, right, bottom] = self.seen;
        let inside = [x.clamp(left, right.max(left)), y.clamp(top, bottom.max(top))];
        terms(inside).iter().zip(self.coefficients).map(|(term, c)| term * c).sum()
    }

    /// The natural logarithm of the field on a plane of `width` by `height` cells.
    pub fn log_plane(&self, width: usize, height: usize) -> Plane {
        raster::rows(width, height, |y, out| {
            let v = (y as f64 + 0.5) / height as f64;
            for (x, value) in out.iter_mut().enumerate() {
                *value = self.log_at([(x as f64 + 0.5) / width as f64, v]) as f32;
            }
        })
    }

    /// Slope of the logarithm at the centre of what was seen, per width and
    /// per height of the photo: it points to where the light grew.
    pub fn gradient(&self) -> [f64; 2] {
        let [left, top, right, bottom] = self.seen;
        let (x, y) = ((left + right) / 2.0 - 0.5, (top + bottom) / 2.0 - 0.5);
        let [a, b, c, d, e] = self.coefficients;
        [a + 2.0 * c * x + d * y, b + 2.0 * e * y + d * x]
    }

    /// Largest less smallest logarithm over the corners, edges and centre of what was seen.
    pub fn range(&self) -> f64 {
        let [left, top, right, bottom] = self.seen;
        let along = |from: f64, to: f64| [from, (from + to) / 2.0, to];
        let values = along(left, right).map(|x| along(top, bottom).map(|y| self.log_at([x, y])));
        let all = || values.iter().flatten().copied();
        all().fold(f64::NEG_INFINITY, f64::max) - all().fold(f64::INFINITY, f64::min)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_term_averages_to_nothing_over_the_frame() {
        let field = ShadingField::new([0.4, -0.3, 0.5, 0.2, -0.6], [0.0, 0.0, 1.0, 1.0]);
        let mean = field.log_plane(400, 400).iter().map(|&v| f64::from(v)).sum::<f64>() / 160_000.0;
        assert!(mean.abs() < 1e-4, "{mean}");
    }

    #[test]
    fn the_gradient_is_the_slope_at_the_centre() {
        let field = ShadingField::new([0.4, -0.3, 0.5, 0.2, -0.6], [0.0, 0.0, 1.0, 1.0]);
        assert_eq!(field.gradient(), [0.4, -0.3]);
    }

    #[test]
    fn beyond_what_was_seen_the_field_stays_constant() {
        let field = ShadingField::new([1.0, 0.0, 0.0, 0.0, 0.0], [0.25, 0.0, 0.75, 1.0]);
        assert_eq!(field.log_at([0.9, 0.5]), 0.25);
        assert_eq!(field.range(), 0.5);
    }
}
