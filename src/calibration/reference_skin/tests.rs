use super::*;
use crate::calibration::modelled_skin;
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;

const GAINS: [f64; 3] = [1.18, 0.93, 0.81];

/// Skin of `tone` (melanosome fraction) in two sessions on a grid of 20 by 20
/// cells. `fading` of the cells are spots that fade, and as many red patches
/// that grow; the moving photo's light is `1 / GAINS`, times a field.
fn sessions(tone: f64, fading: f64, field: impl Fn([f64; 2]) -> f64, seed: u64) -> Vec<SkinPair> {
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let mut pairs = Vec::new();
    for cell in 0..400 {
        let position = [(cell % 20) as f64 / 20.0 + 0.025, (cell / 20) as f64 / 20.0 + 0.025];
        let (melanin, blood) =
            (tone * random.random_range(0.93..1.07), 0.006 * random.random_range(0.9..1.1));
        let kind: f64 = random.random();
        let (spot, patch) = match kind {
            k if k < fading => ((1.8, 1.1), (1.0, 1.0)),
            k if k < 2.0 * fading => ((1.0, 1.0), (1.2, 2.5)),
            _ => ((1.0, 1.0), (1.0, 1.0)),
        };
        let mut noisy = |rgb: Rgb| rgb.map(|value| value * random.random_range(0.99..1.01f32));
        let reference = noisy(modelled_skin::linear(melanin * spot.0, blood * patch.0));
        let seen = noisy(modelled_skin::linear(melanin * spot.1, blood * patch.1));
        let light = field(position).exp();
        let moving = std::array::from_fn(|c| (f64::from(seen[c]) * light / GAINS[c]) as f32);
        pairs.push(SkinPair { reference, moving, position });
    }
    pairs
}

fn assert_gains(calibration: &Calibration, tolerance: f64) {
    assert_eq!(calibration.method, Method::ReferenceSkin, "{:?}", calibration.warning);
    for (gain, truth) in calibration.gains.iter().zip(GAINS) {
        assert!((f64::from(*gain) / truth - 1.0).abs() < tolerance, "{:?}", calibration.gains);
    }
}

#[test]
fn gains_come_back_within_one_percent_on_every_tone() {
    for tone in [0.01, 0.03, 0.09, 0.22] {
        let calibration = from_reference_skin(&sessions(tone, 0.0, |_| 0.0, 1));
        assert_gains(&calibration, 0.01);
        assert!(calibration.delta_e_2000.expect("measured") < 1.0);
        assert!(calibration.share_used > 0.5);
    }
}

/// A third of the skin changes, and the median of all cells would follow it.
#[test]
fn fading_spots_and_growing_redness_do_not_pull_the_gains() {
    for tone in [0.02, 0.09] {
        assert_gains(&from_reference_skin(&sessions(tone, 0.17, |_| 0.0, 2)), 0.01);
    }
}

#[test]
fn a_field_of_light_is_told_from_the_gains() {
    let light = |[x, y]: [f64; 2]| 0.3 * (x - 0.5) - 0.2 * (y - 0.5);
    let calibration = from_reference_skin(&sessions(0.03, 0.1, light, 3));
    assert_gains(&calibration, 0.015);
    let field = calibration.field.expect("a field of 50 %");
    for position in [[0.1, 0.1], [0.9, 0.2], [0.3, 0.8]] {
        assert!((field.log_at(position) - light(position)).abs() < 0.02, "{position:?}");
    }
}

#[test]
fn even_light_has_no_field() {
    assert_eq!(from_reference_skin(&sessions(0.03, 0.1, |_| 0.0, 4)).field, None);
}

#[test]
fn too_little_or_clipped_skin_is_refused_with_a_reason() {
    let pairs = sessions(0.03, 0.0, |_| 0.0, 5);
    let clipped: Vec<SkinPair> = pairs.iter().map(|p| SkinPair { moving: [1.0; 3], ..*p }).collect();
    for offered in [&pairs[..10], &[], &clipped] {
        let calibration = from_reference_skin(offered);
        assert_eq!((calibration.method, calibration.gains), (Method::None, [1.0; 3]));
        assert_eq!(calibration.warning.expect("a reason").code, "too_little_reference_skin");
    }
}

#[test]
fn gains_beyond_two_stops_are_refused() {
    let dim = |p: &SkinPair| SkinPair { moving: p.moving.map(|value| value * 0.15), ..*p };
    let pairs: Vec<SkinPair> = sessions(0.01, 0.0, |_| 0.0, 6).iter().map(dim).collect();
    assert_eq!(from_reference_skin(&pairs).warning.expect("a reason").code, "exposure_too_different");
}

/// Over 200 draws of the noise the gains scatter by what they say they do.
#[test]
fn the_standard_error_is_that_of_repetition() {
    let runs: Vec<Calibration> =
        (0..200).map(|seed| from_reference_skin(&sessions(0.03, 0.1, |_| 0.0, 100 + seed))).collect();
    for channel in 0..3 {
        let logs: Vec<f64> = runs.iter().map(|run| f64::from(run.gains[channel]).ln()).collect();
        let mean = logs.iter().sum::<f64>() / 200.0;
        let scatter = (logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>() / 199.0).sqrt();
        let stated = runs.iter().map(|run| run.gain_log_sd[channel]).sum::<f64>() / 200.0;
        assert!((0.6..2.5).contains(&(stated / scatter)), "stated {stated}, scatter {scatter}");
    }
}

proptest! {
    /// The order of the cells must not matter, nor may any input panic.
    #[test]
    fn any_cells_give_a_finite_answer(values in prop::collection::vec((0f32..1.2, 0f32..1.2, -0.1f64..1.1), 0..80)) {
        let pairs: Vec<SkinPair> = values
            .iter()
            .map(|&(a, b, p)| SkinPair { reference: [a, b, a], moving: [b, a, a], position: [p, p] })
            .collect();
        let calibration = from_reference_skin(&pairs);
        prop_assert!(calibration.gains.iter().all(|gain| gain.is_finite() && *gain > 0.0));
        prop_assert!(calibration.gain_log_sd.iter().all(|sd| sd.is_finite()));
    }
}
