//! Local contrast normalisation: what is left of a picture when slow light
//! and the strength of its contrast are taken out.

use ndarray::Zip;

use crate::filter::background::background;
use crate::raster::{Mask, Plane};

/// Contrast below which structure counts as noise, grey levels of 255. Chosen by us.
const FLOOR: f32 = 1.0;

/// Normalised contrast beyond which a value says no more (hair, glare). Chosen by us.
const CEILING: f32 = 3.0;

/// `(x - mean) / (deviation + FLOOR)` with mean and deviation over Gaussian
/// windows of `sigma` pixels inside `mask`; 0 outside it. Range `-3..=3`.
pub fn normalised(picture: &Plane, mask: &Mask, sigma: f64) -> Plane {
    let mut difference = background(picture, mask, sigma);
    Zip::from(&mut difference).and(picture).and(mask).par_for_each(|mean, &value, &inside| {
        *mean = if inside { value - *mean } else { 0.0 };
    });
    let mut squared = difference.clone();
    squared.par_mapv_inplace(|value| value * value);
    let variance = background(&squared, mask, sigma);
    Zip::from(&mut difference).and(&variance).par_for_each(|value, &variance| {
        *value = (*value / (variance.max(0.0).sqrt() + FLOOR)).clamp(-CEILING, CEILING);
    });
    difference
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn light_and_gain_leave_no_trace() {
        let skin = |x: usize, y: usize| ((x * 7 + y * 5) % 9) as f32;
        let dark = Array2::from_shape_fn((60, 60), |(y, x)| 100.0 + 5.0 * skin(x, y));
        let light = Array2::from_shape_fn((60, 60), |(y, x)| 40.0 + 10.0 * skin(x, y) + 0.5 * x as f32);
        let mask = Mask::from_elem((60, 60), true);
        let (a, b) = (normalised(&dark, &mask, 6.0), normalised(&light, &mask, 6.0));
        // The floor of one level takes 1/14 off the first and 1/27 off the second.
        assert!((a[[30, 30]] - b[[30, 30]]).abs() < 0.12 * a[[30, 30]].abs().max(0.3));
        assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 0.3));
    }

    #[test]
    fn a_blank_wall_stays_blank() {
        let wall = Array2::from_elem((40, 40), 128.0);
        assert!(normalised(&wall, &Mask::from_elem((40, 40), true), 6.0).iter().all(|v| v.abs() < 1e-3));
        assert!(normalised(&wall, &Mask::from_elem((40, 40), false), 6.0).iter().all(|&v| v == 0.0));
    }
}
