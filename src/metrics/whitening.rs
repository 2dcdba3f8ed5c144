//! What pigment, blood and relief of plain skin make the channels share:
//! decorrelated, what they vary in anyway counts little, and what is rare much.

use nalgebra::{Matrix3, Vector3};

use crate::raster::{Mask, Plane, size};
use crate::units::FilterScale;

/// Side of the squares in which the covariance is taken, mm, and the middle
/// share of them that is plain skin.
const SQUARE_MM: f64 = 3.0;
const PLAIN: std::ops::Range<f64> = 0.2..0.8;

/// Share of the mean variance that is added to each channel: colours that
/// hardly vary are not known better than this.
const LEAST_VARIANCE: f64 = 0.01;

/// What makes the channels of plain skin vary alike and apart from each other.
pub type Whitening = Matrix3<f32>;

/// The weights of red, green and blue that let through what darkens all alike, as shading does,
/// and least of what plain skin varies in: `C⁻¹1 / 1ᵀC⁻¹1` of its covariance `C`.
pub fn shading_weights(whitening: &Whitening) -> [f32; 3] {
    let alike = Vector3::repeat(1.0);
    let weights = whitening.transpose() * (whitening * alike);
    (weights / weights.sum()).into()
}

/// The decorrelation of channels that have no slow variation; of none where there is no skin.
pub fn whitening(channels: &[Plane; 3], skin: &Mask, scale: FilterScale) -> Whitening {
    let side = (scale.px(SQUARE_MM).round() as usize).max(4);
    let (width, height) = size(skin);
    let mut squares: Vec<Matrix3<f64>> = Vec::new();
    for top in (0..(height + 1).saturating_sub(side)).step_by(side) {
        for left in (0..(width + 1).saturating_sub(side)).step_by(side) {
            let (mut sum, mut products, mut count) = (Vector3::zeros(), Matrix3::zeros(), 0.0);
            for y in top..top + side {
                for x in (left..left + side).filter(|&x| skin[[y, x]]) {
                    let value = Vector3::from_fn(|c, _| f64::from(channels[c][[y, x]]));
                    sum += value;
                    products += value * value.transpose();
                    count += 1.0;
                }
            }
            if count > 0.5 * (side * side) as f64 {
                squares.push((products - sum * sum.transpose() / count) / count);
            }
        }
    }
    squares.sort_by(|a, b| a.trace().total_cmp(&b.trace()));
    let of = |share: f64| (squares.len() as f64 * share) as usize;
    let plain = squares.get(of(PLAIN.start)..of(PLAIN.end)).unwrap_or_default();
    let covariance = plain.iter().sum::<Matrix3<f64>>() / plain.len().max(1) as f64;
    let covariance = covariance + Matrix3::identity() * (LEAST_VARIANCE * covariance.trace() / 3.0);
    let inverse = covariance.cholesky().and_then(|factor| factor.l().try_inverse());
    inverse.unwrap_or_else(Matrix3::identity).cast()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: variances 4, 1 and 1/4, no covariance, and 1 % of their mean
    /// (1.75) on top, leave standard deviations of 1/√4.0175 and so on.
    #[test]
    fn channels_are_decorrelated() {
        // Signs of Walsh functions: every square of 4 holds each pair as often.
        let sign = |odd: usize| if odd.is_multiple_of(2) { 1.0f32 } else { -1.0 };
        let channels = [(0, 2.0), (1, 1.0), (2, 0.5)]
            .map(|(k, size)| Plane::from_shape_fn((28, 28), |(y, x)| size * sign([x, y, x + y][k])));
        let scale = FilterScale { px_per_mm: 4.0 / 3.0, physical: true };
        let found = whitening(&channels, &Mask::from_elem((28, 28), true), scale);
        for (k, variance) in [4.0175f32, 1.0175, 0.2675].into_iter().enumerate() {
            assert!((found[(k, k)] * variance.sqrt() - 1.0).abs() < 1e-4, "{found}");
        }
        assert!(found[(1, 0)].abs() + found[(2, 0)].abs() + found[(2, 1)].abs() < 1e-4, "{found}");
    }

    /// By hand: channels of standard deviations 1, 2 and 2 weigh by their inverse variances 1, 1/4
    /// and 1/4. Where skin varies without end along (1, 2, 3), a whitening has only rows across it,
    /// here W = (2, -1, 0), (3, 0, -1): W1 = (1, 2), Wᵀ(1, 2) = (8, -1, -2), of sum 5.
    #[test]
    fn what_is_alike_stays_and_what_varies_falls_out() {
        let apart = Whitening::from_diagonal(&Vector3::new(1.0, 0.5, 0.5));
        let across = Whitening::new(2.0, -1.0, 0.0, 3.0, 0.0, -1.0, 0.0, 0.0, 0.0);
        for (whitening, by_hand) in [(apart, [2.0 / 3.0, 1.0 / 6.0, 1.0 / 6.0]), (across, [1.6, -0.2, -0.4])]
        {
            let weights = shading_weights(&whitening);
            assert!(weights.iter().zip(by_hand).all(|(weight, by_hand)| (weight - by_hand).abs() < 1e-6));
        }
    }
}
