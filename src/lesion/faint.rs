//! Pigmented spots that are too faint for any map of melanin.
//!
//! Noise of the three densities goes together: relief, pores and what
//! compression leaves move all channels at once, and blue the most where the
//! skin gives little of it back. A map of melanin has to keep its unit and
//! ignore blood, whatever noise that costs. Where a spot is, and nothing else,
//! is told best by the channels weighed by the inverse covariance of their
//! noise (the matched filter: Turin 1960, *IRE Trans. Inf. Theory* 6:311), for
//! the densities that a little more pigment adds to skin of this tone. How much
//! pigment a spot holds is measured on the map of melanin all the same.

use nalgebra::{Matrix3, Vector3};

use crate::color::Rgb;
use crate::filter::background::freed;
use crate::filter::components::Component;
use crate::filter::gaussian::gaussian_inside;
use crate::lesion::excess::noise;
use crate::lesion::pigment;
use crate::lesion::places::owners;
use crate::lesion::segmentation::{Hysteresis, LEVELS, Spot, bodies};
use crate::metrics::Maps;
use crate::metrics::maps::Level;
use crate::order::of_ranks;
use crate::quality::ROUNDING;
use crate::raster::{Mask, Plane};

/// Smoothing, standard deviation in mm: a disc of 0.5 mm radius keeps three
/// quarters of its height, a pore of 0.25 mm a tenth.
const SMOOTHING_MM: f64 = 0.3;

/// Standard deviation, mm, of the surroundings that a place is held against:
/// mottle of the skin is wider, faint spots are narrower.
const SURROUNDINGS_MM: f64 = 2.0;

/// Standard deviations of the skin's own unevenness that a spot must reach. Fewer than on a map of
/// melanin: of what is smoothed so far the tails are short.
const CLEAR: f32 = 4.0;

/// Standard deviations beyond which a density is no noise, in any channel.
const OUTLIER: f32 = 2.5;

/// Excess melanin of a faint spot, in density of pigment: what an error of
/// its colour is reckoned for.
const FAINT: f64 = 0.3;

/// Variance of density that there always is: rounding to a thousandth.
const LEAST_VARIANCE: f64 = 1e-6;

/// The weights that show faint pigment best on the baseline's skin, and what
/// it must reach; kept for the whole series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Matched {
    /// Of red, green and blue density; what [`pigment::added`] says
    /// reads 1.
    weights: Rgb,
    thresholds: Hysteresis,
}

impl Matched {
    /// What the `plain` skin of the baseline tells; `None` where there is too little of it.
    pub fn of_baseline(maps: &Maps, plain: &Level) -> Option<Self> {
        let (signal, error) = pigment::added(typical_light(maps)?);
        let error = FAINT * Vector3::from(error);
        let bands = [0, 1, 2].map(|c| band(maps.density[c].clone(), plain));
        let weights = weights(signal.into(), covariance(&bands, &plain.skin) + error * error.transpose())?;
        let mut thresholds = Hysteresis::of(&combined(&bands, weights), plain, CLEAR);
        let of = |error: &[f64; 3]| weights.iter().zip(error).map(|(&w, e)| f64::from(w) * e).sum::<f64>();
        let rounding = of(&maps.plateaus[0]).hypot(of(&maps.plateaus[1])) / ROUNDING;
        let [high, low] = LEVELS.map(|levels| (levels * rounding) as f32);
        thresholds.high = thresholds.high.max(high);
        thresholds.low = thresholds.low.max(low);
        Some(Self { weights, thresholds })
    }

    /// Where pigment stands out from a photo's `plain` skin though none of the `clear` spots is there.
    pub fn regions(&self, maps: &Maps, plain: &Level, clear: &[Spot]) -> Vec<Component> {
        let plane = band(combined(&maps.density, self.weights), plain);
        let taken = owners(clear.iter().map(|spot| &spot.pixels), plane.dim());
        let mut found = bodies(&plane, &plane, plain, self.thresholds);
        found.retain(|region| {
            let reaches = |&(x, y): &(u32, u32)| plane[[y as usize, x as usize]] >= self.thresholds.high;
            region.iter().any(reaches) && region.iter().all(|&(x, y)| taken[[y as usize, x as usize]] == 0)
        });
        found
    }
}

/// A plane between [`SMOOTHING_MM`] and [`SURROUNDINGS_MM`].
fn band(plane: Plane, level: &Level) -> Plane {
    let free = freed(plane, &level.skin, level.scale.px(SURROUNDINGS_MM));
    gaussian_inside(&free, &level.skin, level.scale.px(SMOOTHING_MM))
}

fn combined([red, green, blue]: &[Plane; 3], weights: Rgb) -> Plane {
    ndarray::Zip::from(red)
        .and(green)
        .and(blue)
        .par_map_collect(|r, g, b| weights[0] * r + weights[1] * g + weights[2] * b)
}

/// The light of the middle of the skin, red, green, blue.
fn typical_light(maps: &Maps) -> Option<[f64; 3]> {
    let skin = &maps.coarse.skin;
    let middle = |plane: &Plane| {
        let inside = plane.iter().zip(skin).filter(|(_, inside)| **inside).map(|(value, _)| *value);
        of_ranks(inside, |count| [count / 2]).map(|[middle]| (-f64::from(middle)).exp())
    };
    let [red, green, blue] = maps.density.each_ref().map(middle);
    Some([red?, green?, blue?])
}

/// The covariance of three bands over skin where none of them stands out.
fn covariance(bands: &[Plane; 3], skin: &Mask) -> Matrix3<f64> {
    let most = bands.each_ref().map(|band| OUTLIER * noise(band, skin));
    let mut sum = Matrix3::zeros();
    let mut count = 0.0f64;
    for (((&r, &g), &b), &inside) in bands[0].iter().zip(&bands[1]).zip(&bands[2]).zip(skin) {
        if inside && r.abs() <= most[0] && g.abs() <= most[1] && b.abs() <= most[2] {
            let at = Vector3::new(f64::from(r), f64::from(g), f64::from(b));
            sum += at * at.transpose();
            count += 1.0;
        }
    }
    sum / count.max(1.0) + Matrix3::identity() * LEAST_VARIANCE
}

/// The weights under which a `signal` stands out furthest from noise of a
/// covariance, reading 1 itself; `None` where there is no such thing.
fn weights(signal: Vector3<f64>, covariance: Matrix3<f64>) -> Option<Rgb> {
    let matched = covariance.try_inverse()? * signal;
    let unit = matched.dot(&signal);
    (unit > 0.0 && unit.is_finite()).then(|| [0, 1, 2].map(|c| (matched[c] / unit) as f32))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::color::unmixing::MELANIN;
    use crate::units::FilterScale;

    #[test]
    fn weights_worked_by_hand() {
        // Signal (1, 1, 1); variances 1, 1, 4, nothing goes together: (1, 1, 1/4) over 2.25.
        let alone = weights(Vector3::repeat(1.0), Matrix3::from_diagonal(&Vector3::new(1.0, 1.0, 4.0)));
        for (weight, expected) in alone.expect("there is a signal").iter().zip([0.4444, 0.4444, 0.1111]) {
            assert!((weight - expected).abs() < 1e-4);
        }
        // What moves all channels alike is all but ignored: of a signal (1, 2, 3) the weights are
        // its difference from its mean, (-1, 0, 1) over 2.
        let together = weights(Vector3::new(1.0, 2.0, 3.0), Matrix3::identity() + Matrix3::repeat(1e6));
        for (weight, expected) in together.expect("there is a signal").iter().zip([-0.5, 0.0, 0.5]) {
            assert!((weight - expected).abs() < 1e-3);
        }
        assert_eq!(weights(Vector3::zeros(), Matrix3::identity()), None);
    }

    /// Skin of one tone whose shading waves by 10 %, with faint pigment at (60, 60).
    fn maps(pigment: f32) -> Maps {
        let scale = FilterScale { px_per_mm: 8.0, physical: true };
        let level = |factor| Level { factor, scale, skin: Mask::from_elem((160, 160), true) };
        let density = [0, 1, 2].map(|c| {
            Plane::from_shape_fn((160, 160), |(y, x)| {
                let inside = (x as f64 - 60.0).hypot(y as f64 - 60.0) <= 5.0;
                // Waves 1.5 mm long, and a pattern of two pixels that is each channel's own.
                let shade = 0.1 * (x as f32 * 0.52).sin() * (y as f32 * 0.52).sin();
                let own = if (x / 2 + y / 2 * (c + 2)) % 2 == 0 { 0.01 } else { -0.01 };
                0.5 + 0.6 * c as f32 + shade + own + if inside { pigment * MELANIN[c] } else { 0.0 }
            })
        });
        Maps::new((320, 320), level(1), Plane::zeros((0, 0)), level(2), density)
    }

    #[test]
    fn faint_pigment_is_found_below_stronger_shading_and_only_there() {
        let found = |pigment| {
            let maps = maps(pigment);
            let matched = Matched::of_baseline(&maps, &maps.coarse).expect("there is skin");
            matched.regions(&maps, &maps.coarse, &[])
        };
        let spots = found(0.2);
        assert_eq!(spots.len(), 1);
        assert!(spots[0].iter().all(|&(x, y)| (f64::from(x) - 60.0).hypot(f64::from(y) - 60.0) < 9.0));
        assert!(found(0.0).is_empty());
    }

    /// Pale bands 2 mm wide on both sides of the spot, 2 mm from it.
    #[test]
    fn faint_pigment_is_found_between_pale_bands_and_only_there() {
        let mut banded = maps(0.2);
        let in_band = |x: usize| (24..40).contains(&x) || (80..96).contains(&x);
        for (c, density) in banded.density.iter_mut().enumerate() {
            density
                .indexed_iter_mut()
                .filter(|((_, x), _)| in_band(*x))
                .for_each(|(_, d)| *d -= 0.5 * MELANIN[c]);
        }
        let mut plain = banded.coarse.clone();
        plain.skin = Mask::from_shape_fn((160, 160), |(_, x)| !in_band(x));
        let matched = Matched::of_baseline(&banded, &plain).expect("there is skin");
        let [spot] = &matched.regions(&banded, &plain, &[])[..] else { panic!("one spot") };
        assert!(spot.iter().all(|&(x, y)| (f64::from(x) - 60.0).hypot(f64::from(y) - 60.0) < 9.0));
        let all = &banded.coarse;
        let beside = Matched::of_baseline(&banded, all).expect("there is skin").regions(&banded, all, &[]);
        assert!(beside.len() != 1, "bands would not matter");
    }

    #[test]
    fn what_is_found_already_and_what_has_no_skin_is_left_out() {
        let mut maps = maps(0.2);
        let matched = Matched::of_baseline(&maps, &maps.coarse).expect("there is skin");
        let region = matched.regions(&maps, &maps.coarse, &[]).remove(0);
        let spot = Spot {
            kind: crate::lesion::LesionKind::Pigmented,
            centre: [120.0; 2],
            area_px: 1.0,
            contrast: 0.2,
            dose: 1.0,
            dose_standard_error: 0.1,
            outline: Vec::new(),
            pixels: region[..1].to_vec(),
        };
        assert!(matched.regions(&maps, &maps.coarse, &[spot]).is_empty());
        maps.coarse.skin.fill(false);
        assert_eq!(Matched::of_baseline(&maps, &maps.coarse), None);
    }
}
