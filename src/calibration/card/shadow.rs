//! Whether a shadow's edge crosses the card.
//!
//! A lamp's own slope is smooth over a card; the shadow of an arm or of a phone
//! parts it in two. No correction serves both parts, and nobody knows in
//! which of them the skin lies.

use nalgebra::{DMatrix, DVector};

use super::fit::{Pair, fit};
use super::{luminance, median};

/// Directions in which an edge is tried, over half a turn.
const DIRECTIONS: usize = 12;

/// Fewest patches on either side of an edge: fewer are hidden patches.
const FEWEST: usize = 3;

/// Least step of the light at an edge, natural logarithm: a sixth. Less shifts
/// skin by less than the correction itself leaves.
const LEAST_STEP: f64 = 0.15;

/// Least slope of the logarithm of light within a patch, per pitch and apart
/// from the slope over all, where the edge of a shadow crosses it, and how many
/// times the median of all patches. On drawn cards without a shadow the second
/// steepest patch had 0.04 at most, with one across it 0.11 and more.
const CROSSED: f64 = 0.08;
const CROSSED_RATIO: f64 = 4.0;

/// What an edge leaves of the lightness that a slope and a gamma leave
/// unexplained. Chosen by us on drawn cards: of cameras' own rendering (gamma 0.85
/// to 1.2, saturation up to 1.25) the best of all edges leaves more than 0.6, of a
/// shadow that takes a fifth of the light 0.1 to 0.4.
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

/// Whether the edge of a shadow, sharp or soft, crosses patches: each is of one
/// colour, so that light alone varies within it. `slopes` are those of the
/// logarithm of light within the patches, per pitch. A single steep patch is dirt.
pub fn crosses(slopes: &[[f64; 2]]) -> bool {
    let usual = [0, 1].map(|axis| median(&slopes.iter().map(|slope| slope[axis]).collect::<Vec<_>>()));
    let mut apart: Vec<f64> = slopes.iter().map(|[x, y]| (x - usual[0]).hypot(y - usual[1])).collect();
    apart.sort_by(|a, b| b.total_cmp(a));
    apart.get(1).is_some_and(|&second| second > CROSSED.max(CROSSED_RATIO * median(&apart)))
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

/// The light over the card: a slope, a camera's gamma and, where asked for, a step.
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
            let design = DMatrix::from_fn(pairs.len(), 4, |i, j| match j {
                0 => 1.0,
                3 => luminance(pairs[i].truth).ln(),
                _ => (centres[i][j - 1] - middle[j - 1]) / 100.0,
            });
            let smooth = design.clone().svd(true, true).solve(&DVector::from_vec(left.clone()), 1e-9).ok()?;
            let mean = design.row_mean();
            for (i, log) in light.iter_mut().enumerate() {
                *log += (1..4).map(|j| smooth[j] * (design[(i, j)] - mean[j])).sum::<f64>();
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

    /// A step of 0.5 spread over 0.44 of a pitch has a slope above 1 where it crosses.
    #[test]
    fn an_edge_across_two_patches_is_seen_and_a_slope_over_all_is_not() {
        let mut slopes: Vec<[f64; 2]> = (0..24).map(|i| [0.04 + 0.002 * f64::from(i % 5), -0.02]).collect();
        assert!(!crosses(&slopes));
        slopes[3] = [1.1, 0.3];
        assert!(!crosses(&slopes), "one is dirt");
        slopes[9] = [0.2, 0.05];
        assert!(crosses(&slopes));
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
