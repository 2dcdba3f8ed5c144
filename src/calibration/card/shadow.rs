//! Whether a shadow's edge crosses the card.
//!
//! A lamp's own slope is smooth over a card; the shadow of an arm or of a phone
//! parts it in two. No correction serves both parts, and nobody knows in
//! which of them the skin lies.

use super::fit::{Pair, fit};
use super::{luminance, plane};

/// Directions in which an edge is tried, over half a turn.
const DIRECTIONS: usize = 12;

/// Fewest patches on either side of an edge: fewer are hidden patches.
const FEWEST: usize = 4;

/// Least step of the light at an edge, natural logarithm: a sixth. Less shifts
/// skin by less than the correction itself leaves.
const LEAST_STEP: f64 = 0.15;

/// What an edge leaves of the lightness that a slope alone leaves unexplained.
/// Chosen by us: of a camera's own rendering, which goes by colour and not by
/// place, the best of all edges leaves 0.6 and more.
const LEFT: f64 = 0.5;

/// The step of the light, natural logarithm, at a shadow's edge across the
/// patches `pairs`, which lie at `centres`; `None` if there is none.
pub fn edge(pairs: &[Pair], centres: &[[f64; 2]]) -> Option<f64> {
    let even = Lit::by(pairs, centres, None)?;
    let best = sides(centres)
        .into_iter()
        .filter_map(|side| Lit::by(pairs, centres, Some(&side)))
        .min_by(|a, b| a.left.total_cmp(&b.left))?;
    (best.step.abs() > LEAST_STEP && best.left < LEFT * even.left).then_some(best.step)
}

/// Every way a straight edge parts the patches.
fn sides(centres: &[[f64; 2]]) -> Vec<Vec<bool>> {
    let mut found: Vec<Vec<bool>> = Vec::new();
    for direction in 0..DIRECTIONS {
        let (sin, cos) = (std::f64::consts::PI * direction as f64 / DIRECTIONS as f64).sin_cos();
        let along: Vec<f64> = centres.iter().map(|[x, y]| x * cos + y * sin).collect();
        let mut order = along.clone();
        order.sort_by(f64::total_cmp);
        for place in FEWEST..=order.len().saturating_sub(FEWEST) {
            let side: Vec<bool> = along.iter().map(|at| *at >= order[place.min(order.len() - 1)]).collect();
            if !found.contains(&side) {
                found.push(side);
            }
        }
    }
    found
}

/// The light over the card: a slope and, where asked for, a step.
struct Lit {
    step: f64,
    /// Root mean square of the logarithm of lightness that is left.
    left: f64,
}

impl Lit {
    /// Correction and light in turn, each from what the other leaves.
    fn by(pairs: &[Pair], centres: &[[f64; 2]], side: Option<&[bool]>) -> Option<Self> {
        const ROUNDS: usize = 6;
        let mut light = vec![0.0f64; pairs.len()];
        let mut step = 0.0;
        let mut left = Vec::new();
        for round in 0..=ROUNDS {
            let flat: Vec<Pair> = pairs
                .iter()
                .zip(&light)
                .map(|(pair, log)| Pair { seen: pair.seen.map(|value| value * (-log).exp() as f32), ..*pair })
                .collect();
            let correction = fit(&flat, false)?;
            let log = |pair: &Pair| {
                (luminance(correction.apply(pair.seen)) / luminance(pair.truth)).ln().clamp(-1.0, 1.0)
            };
            left = flat.iter().map(log).collect();
            if round == ROUNDS {
                break;
            }
            if let Some(side) = side {
                let mean = |on: bool| {
                    let of = left.iter().zip(side).filter(|(_, here)| **here == on).map(|(value, _)| *value);
                    of.clone().sum::<f64>() / of.count().max(1) as f64
                };
                let more = mean(true) - mean(false);
                step += more;
                for ((log, value), _) in light.iter_mut().zip(&mut left).zip(side).filter(|(_, on)| **on) {
                    (*log, *value) = (*log + more, *value - more);
                }
            }
            let middle = super::middle(centres);
            let slope = plane(centres, &left, middle)?;
            for (log, at) in light.iter_mut().zip(centres) {
                *log += slope[0] * (at[0] - middle[0]) + slope[1] * (at[1] - middle[1]);
            }
        }
        let squares: f64 = left.iter().map(|value| value * value).sum();
        Some(Self { step, left: (squares / left.len().max(1) as f64).sqrt() })
    }
}

#[cfg(test)]
mod tests {
    use super::super::CardOptions;
    use super::*;

    /// The card under a slope of the light, a rendering of lightness, and a
    /// shadow of depth `depth` to the right of `from` columns.
    fn seen(slope: f64, gamma: f64, depth: f64, from: f64) -> (Vec<Pair>, Vec<[f64; 2]>) {
        let options = CardOptions::default();
        let place = |i: usize| [(i % 6) as f64 * 50.0, (i / 6) as f64 * 50.0];
        let pair = |(i, truth): (usize, &crate::color::Rgb)| {
            let log = slope * (place(i)[0] - 125.0) / 250.0
                + if place(i)[0] + 0.3 * place(i)[1] > 50.0 * from { depth } else { 0.0 };
            let light = |value: f32| (f64::from(value.max(0.005)).powf(gamma) * log.exp()) as f32;
            Pair { seen: truth.map(light), truth: *truth, weight: 1.0 / (0.1 + luminance(*truth)) }
        };
        (options.patches().iter().enumerate().map(pair).collect(), (0..24).map(place).collect())
    }

    #[test]
    fn a_slope_and_a_cameras_rendering_are_no_shadow() {
        for (slope, gamma) in [(0.0, 1.0), (0.3, 1.0), (-0.3, 0.9), (0.2, 1.12)] {
            let (pairs, centres) = seen(slope, gamma, 0.0, 0.0);
            assert_eq!(edge(&pairs, &centres), None, "{slope} {gamma}");
        }
    }

    #[test]
    fn a_shadow_over_part_of_the_card_is_seen_with_its_depth() {
        for (gamma, from) in [(1.0, 2.5), (0.95, 3.5), (1.05, 1.5)] {
            let (pairs, centres) = seen(0.1, gamma, -0.5, from);
            let step = edge(&pairs, &centres).expect("a shadow");
            assert!((step.abs() - 0.5).abs() < 0.1, "{gamma} {from}: {step}");
        }
    }
}
