//! Differences in units of their scatter, comparable between metrics.

use statrs::function::erf::erfc;
use statrs::function::gamma::ln_gamma;

/// A standardised difference.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EffectSize {
    /// Hedges' g.
    pub g: f64,
    /// Its 95 % confidence interval.
    pub ci95: [f64; 2],
}

/// Hedges' g of paired differences: their mean over their standard deviation,
/// corrected for few pairs by `1 − 3 / (4ν − 1)` with `ν = n − 1` degrees of
/// freedom (Hedges 1981, *J. Educ. Stat.* 6:107). The interval inverts the
/// noncentral t distribution. `None` below three pairs, where the correction
/// leaves nothing, or without scatter.
pub fn paired(differences: &[f64]) -> Option<EffectSize> {
    let (mean, squares) = moments(differences)?;
    let degrees = differences.len() as f64 - 1.0;
    standardised(mean, (squares / degrees).sqrt(), degrees, (differences.len() as f64).sqrt())
}

/// Hedges' g of how far `second` lies above `first`: the difference of means
/// over the pooled standard deviation, `ν = m + n − 2`. `None` if a group has
/// fewer than two values or neither has scatter.
pub fn between(first: &[f64], second: &[f64]) -> Option<EffectSize> {
    let ((m, n), (a, b)) = ((first.len() as f64, second.len() as f64), (moments(first)?, moments(second)?));
    let degrees = m + n - 2.0;
    standardised(b.0 - a.0, ((a.1 + b.1) / degrees).sqrt(), degrees, (m * n / (m + n)).sqrt())
}

/// The mean and the sum of squares about it, of two values or more.
fn moments(values: &[f64]) -> Option<(f64, f64)> {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    (values.len() > 1).then(|| (mean, values.iter().map(|value| (value - mean).powi(2)).sum()))
}

/// `t = root · d` has a noncentral t distribution about `root` times the true d.
fn standardised(mean: f64, sd: f64, degrees: f64, root: f64) -> Option<EffectSize> {
    // What rounding leaves of equal values is no scatter.
    if sd <= 1e-12 * mean.abs() || degrees < 2.0 {
        return None;
    }
    let (d, correction) = (mean / sd, 1.0 - 3.0 / (4.0 * degrees - 1.0));
    let end = |p: f64| correction * noncentrality(root * d, degrees, p) / root;
    Some(EffectSize { g: correction * d, ci95: [end(0.975), end(0.025)] })
}

/// The noncentrality under which a value of at most `t` has probability `p`.
fn noncentrality(t: f64, degrees: f64, p: f64) -> f64 {
    let miss = |delta: f64| noncentral_t(t, degrees, delta) - p;
    // The normal approximation's distance is where the search begins.
    let mut reach = 4.0 * (1.0 + t * t / (2.0 * degrees)).sqrt();
    let mut ends = [t - reach, t + reach];
    let mut misses = ends.map(miss);
    while misses[0] < 0.0 || misses[1] > 0.0 {
        reach *= 2.0;
        ends = [t - reach, t + reach];
        misses = ends.map(miss);
    }
    // Regula falsi, halving the miss of an end that stays (Illinois).
    let mut stayed = None;
    for _ in 0..100 {
        let next = (ends[0] * misses[1] - ends[1] * misses[0]) / (misses[1] - misses[0]);
        let found = miss(next);
        let side = usize::from(found < 0.0);
        if found.abs() < 1e-14 || ends[1] - ends[0] < 1e-12 * (1.0 + next.abs()) {
            return next;
        }
        (ends[side], misses[side]) = (next, found);
        if stayed == Some(1 - side) {
            misses[1 - side] /= 2.0;
        }
        stayed = Some(1 - side);
    }
    (ends[0] + ends[1]) / 2.0
}

/// The probability of at most `t` under the noncentral t distribution: the
/// mean of `Φ(ts − δ)` over `s = √(χ²/ν)`.
fn noncentral_t(t: f64, degrees: f64, delta: f64) -> f64 {
    let half = degrees / 2.0;
    let ln_norm = std::f64::consts::LN_2 + half * half.ln() - ln_gamma(half);
    let density = |s: f64| (ln_norm + (degrees - 1.0) * s.ln() - half * s * s).exp();
    let normal = |z: f64| 0.5 * erfc(-z / std::f64::consts::SQRT_2);
    let reach = 10.0 / degrees.sqrt();
    let (low, high) = ((1.0 - reach).max(0.0), 1.0 + reach);
    // Φ rises from 0 to 1 between these.
    let mut cuts = [(delta - 8.0) / t, (delta + 8.0) / t].map(|cut| if cut.is_finite() { cut } else { low });
    cuts.sort_unstable_by(f64::total_cmp);
    let [first, second] = cuts.map(|cut| cut.clamp(low, high));
    let mean = |from: f64, to: f64| integral(|s| normal(t * s - delta) * density(s), from, to);
    mean(low, first) + mean(first, second) + mean(second, high)
}

/// Gauss–Legendre of five points on equal panels.
fn integral(value: impl Fn(f64) -> f64, from: f64, to: f64) -> f64 {
    const PANELS: u32 = 24;
    const POINTS: [(f64, f64); 5] = [
        (-0.906_179_845_938_664, 0.236_926_885_056_189_1),
        (-0.538_469_310_105_683_1, 0.478_628_670_499_366_5),
        (0.0, 0.568_888_888_888_888_9),
        (0.538_469_310_105_683_1, 0.478_628_670_499_366_5),
        (0.906_179_845_938_664, 0.236_926_885_056_189_1),
    ];
    let half = (to - from) / f64::from(2 * PANELS);
    if half <= 0.0 {
        return 0.0;
    }
    let panel = |index: u32| {
        let middle = from + half * f64::from(2 * index + 1);
        POINTS.iter().map(|(at, weight)| weight * value(middle + half * at)).sum::<f64>()
    };
    half * (0..PANELS).map(panel).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::reference::{close, ends, number, numbers, reference};

    /// Intervals by `scipy.stats.nct`, by the script beside the values.
    #[test]
    fn sizes_and_intervals_agree_with_scipy() {
        let agree = |found: EffectSize, case: &serde_json::Value, name: &str| {
            close(found.g, number(&case["g"]), name);
            let expected = ends(&case["g_ci95"]).unwrap();
            found.ci95.iter().zip(expected).for_each(|(end, expected)| close(*end, expected, name));
        };
        for (name, case) in reference("paired") {
            agree(paired(&numbers(&case["values"])).unwrap(), &case, &name);
        }
        for (name, case) in reference("groups") {
            agree(between(&numbers(&case["first"]), &numbers(&case["second"])).unwrap(), &case, &name);
        }
    }

    /// Mean 2, standard deviation 1, two degrees of freedom: 2 · (1 − 3/7).
    #[test]
    fn few_pairs_are_corrected_for() {
        assert!((paired(&[1.0, 2.0, 3.0]).unwrap().g - 8.0 / 7.0).abs() < 1e-12);
    }

    #[test]
    fn without_scatter_there_is_no_size_and_a_huge_one_has_an_interval() {
        assert_eq!((paired(&[0.1, 0.1, 0.1]), paired(&[1.0, 2.0])), (None, None));
        assert_eq!(between(&[0.0, 0.0], &[1.0, 1.0]), None);
        let huge = paired(&[100.0, 100.1, 99.9, 100.0]).unwrap();
        assert!(huge.ci95[0] > 100.0 && huge.ci95[1].is_finite() && huge.ci95[0] < huge.g);
    }
}
