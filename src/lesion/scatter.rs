//! How much the doses of lesions stray from photograph to photograph.

use crate::lesion::LesionStatus::Present;
use crate::lesion::Track;

/// Least number of doses that a scatter is taken of.
const LEAST: usize = 6;

/// Standard errors that a dose must exceed 0 by for its share to mean something.
const CLEAR: f64 = 4.0;

/// Median of the square of a standard normal number.
const MEDIAN_SQUARE: f64 = 0.454_936;

/// Share by which the median of `n` such squares exceeds that by chance in one
/// of 20 samples, times √n: 1.645 · ½ / (`MEDIAN_SQUARE` · density there, 0.4711).
const CHANCE: f64 = 3.84;

/// The relative standard deviation of doses over photographs of one skin,
/// beyond what the noise of the skin around explains; `tracks` follow lesions
/// from a photo through copies of it. From the median of the squared relative
/// differences, so that single lesions that came apart do not decide; 0 where
/// noise alone gives as much by chance. `None` with fewer than six doses.
pub fn scatter(tracks: &[Track]) -> Option<f64> {
    let (mut squares, mut noise) = (Vec::new(), Vec::new());
    for track in tracks {
        let Some((first, copies)) = track.sightings.split_first() else { continue };
        let Some(original) = first.seen.filter(|_| first.status == Some(Present)) else { continue };
        let dose = original.dose / original.magnification;
        if original.dose <= CLEAR * original.dose_standard_error {
            continue;
        }
        for copy in copies.iter().filter_map(|copy| copy.seen) {
            squares.push((copy.dose / copy.magnification / dose - 1.0).powi(2));
            noise.push((copy.difference_standard_error / dose).powi(2));
        }
    }
    let enough = squares.len() >= LEAST;
    let explained = median(&mut noise)?;
    let excess = median(&mut squares)? / MEDIAN_SQUARE - explained;
    let clear = excess > CHANCE / (squares.len() as f64).sqrt() * explained;
    enough.then(|| if clear { excess.sqrt() } else { 0.0 })
}

fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lesion::Seen;
    use crate::lesion::{LesionKind, Sighting};

    fn track(doses: &[f64], noise: f64) -> Track {
        let sighting = |(index, &dose): (usize, &f64)| Sighting {
            status: Some(Present),
            seen: Some(Seen {
                dose,
                dose_standard_error: 1.0,
                difference_standard_error: if index == 0 { 0.0 } else { noise },
                leaked: 0.0,
                contrast: Some(0.4),
                area_px: Some(dose / 0.4),
                centre: [5.0, 5.0],
                magnification: 1.0,
            }),
        };
        let sightings = doses.iter().enumerate().map(sighting).collect();
        Track { id: "pigmented-1".into(), kind: LesionKind::Pigmented, centre: [5.0, 5.0], sightings }
    }

    #[test]
    fn doses_that_stray_by_a_tenth_have_that_scatter_less_what_noise_explains() {
        // Six doses off by the median size of a normal number of deviation 0.1.
        let off = 100.0 * 0.1 * MEDIAN_SQUARE.sqrt();
        let of = |noise: f64| vec![track(&[100.0, 100.0 + off, 100.0 - off], noise); 3];
        assert!((scatter(&of(0.0)).unwrap() - 0.1).abs() < 1e-9);
        // Noise of 6 of 100: √(0.1² − 0.06²) = 0.08.
        assert!((scatter(&of(6.0)).unwrap() - 0.08).abs() < 1e-9);
        assert_eq!(scatter(&of(20.0)), Some(0.0));
        // Six are as wide by chance once in 20 times up to 1 + 3.84 / √6 = 2.57 of the variance.
        assert_eq!(scatter(&of(6.3)), Some(0.0));
    }

    #[test]
    fn too_few_doses_and_faint_lesions_say_nothing() {
        assert_eq!(scatter(&[track(&[100.0, 90.0, 110.0], 0.0)]), None);
        assert_eq!(scatter(&vec![track(&[3.0, 9.0, 1.0], 0.0); 5]), None);
    }
}
