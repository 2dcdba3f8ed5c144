//! Rank tests, and the shifts that belong to them.
//!
//! Null distributions are exact and conditional on the ranks: tied values
//! share the mean of their ranks, and every way of giving the ranks to the
//! signs (or the groups) is as likely as any other. SciPy calls this the
//! permutation method; without ties it is the tabulated distribution.
//! Intervals follow the distribution without ties, which with ties errs on the
//! side of covering more.

use crate::order::middle;
use crate::statistics::intervals::{tail_rank, two_sided_p};

/// Number of differences up to which the signed-rank distribution is exact.
pub const EXACT_PAIRS: usize = 100;

/// Number of values in both groups up to which the rank-sum distribution is exact.
pub const EXACT_VALUES: usize = 50;

/// A rank test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RankTest {
    /// The sum of ranks, or the number of pairs in order.
    pub statistic: f64,
    /// Two-sided p-value: twice the smaller tail.
    pub p_value: f64,
    /// Whether from the exact distribution; else from the normal one with the
    /// variance that ties leave, without correction for continuity.
    pub exact: bool,
}

/// A shift with the 95 % interval that inverts its rank test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shift {
    /// The Hodges–Lehmann estimate.
    pub value: f64,
    /// Its interval; `None` if so few values allow none of 95 %.
    pub ci95: Option<[f64; 2]>,
}

/// Wilcoxon's signed-rank test of differences being symmetric about 0
/// (Wilcoxon 1945, *Biometrics Bulletin* 1:80). The statistic is the sum of
/// the ranks of positive differences. Differences of 0 are left out, as R and
/// SciPy do by default; `None` if nothing else is there.
///
/// ```
/// use dermalapse::statistics::ranks::signed_rank;
/// // Of the 2³ ways to sign the ranks 1, 2, 3 one is as extreme on each side.
/// assert_eq!(signed_rank(&[0.4, 1.0, 0.2]).unwrap().p_value, 0.25);
/// ```
pub fn signed_rank(differences: &[f64]) -> Option<RankTest> {
    let moved: Vec<f64> = differences.iter().copied().filter(|&difference| difference != 0.0).collect();
    let ranks = doubled_ranks(&moved.iter().map(|difference| difference.abs()).collect::<Vec<_>>());
    let positive: usize = moved.iter().zip(&ranks).filter(|(d, _)| **d > 0.0).map(|(_, rank)| rank).sum();
    let statistic = positive as f64 / 2.0;
    if moved.is_empty() {
        return None;
    }
    if moved.len() <= EXACT_PAIRS {
        return Some(RankTest { statistic, p_value: smaller_tail(&signs(&ranks), positive), exact: true });
    }
    let mean = ranks.iter().sum::<usize>() as f64 / 4.0;
    let variance = ranks.iter().map(|&rank| (rank * rank) as f64).sum::<f64>() / 16.0;
    let p_value = two_sided_p((statistic - mean) / variance.sqrt(), f64::INFINITY);
    Some(RankTest { statistic, p_value, exact: false })
}

/// The Mann–Whitney test of two groups having one distribution (Mann & Whitney
/// 1947, *Ann. Math. Stat.* 18:50). The statistic is the number of pairs in
/// which the value of `second` is the larger one, ties counted half. `None`
/// if a group is empty.
///
/// ```
/// use dermalapse::statistics::ranks::rank_sum;
/// let test = rank_sum(&[1.0, 2.0], &[3.0, 4.0]).unwrap();
/// // One of the 6 ways to choose two of four values, on each side.
/// assert_eq!((test.statistic, test.p_value), (4.0, 2.0 / 6.0));
/// ```
pub fn rank_sum(first: &[f64], second: &[f64]) -> Option<RankTest> {
    if first.is_empty() || second.is_empty() {
        return None;
    }
    let ranks = doubled_ranks(&[first, second].concat());
    let (all, of_second) = (ranks.len(), ranks[first.len()..].iter().sum::<usize>());
    let (m, n) = (first.len() as f64, second.len() as f64);
    let statistic = of_second as f64 / 2.0 - n * (n + 1.0) / 2.0;
    if all <= EXACT_VALUES {
        let p_value = smaller_tail(&choices(&ranks, second.len()), of_second);
        return Some(RankTest { statistic, p_value, exact: true });
    }
    let mean = (m + n + 1.0) / 2.0;
    let scatter: f64 = ranks.iter().map(|&rank| (rank as f64 / 2.0 - mean).powi(2)).sum();
    let variance = m * n / ((m + n) * (m + n - 1.0)) * scatter;
    let p_value = if variance > 0.0 {
        two_sided_p((statistic - m * n / 2.0) / variance.sqrt(), f64::INFINITY)
    } else {
        1.0
    };
    Some(RankTest { statistic, p_value, exact: false })
}

/// The Hodges–Lehmann estimate of the centre of differences, the median of
/// their means by two (Hodges & Lehmann 1963, *Ann. Math. Stat.* 34:598),
/// differences of 0 included; from six on with an interval. `None` of nothing.
pub fn centre(differences: &[f64]) -> Option<Shift> {
    let n = differences.len();
    let pairs = (0..n).flat_map(|i| (i..n).map(move |j| (i, j)));
    let means = pairs.map(|(i, j)| differences[i].midpoint(differences[j])).collect();
    let rank = if n <= EXACT_PAIRS {
        tail_rank(
            &signs(&(1..=n).map(|rank| 2 * rank).collect::<Vec<_>>())
                .into_iter()
                .step_by(2)
                .collect::<Vec<_>>(),
        )
    } else {
        let n = n as f64;
        normal_rank(n * (n + 1.0) / 4.0, n * (n + 1.0) * (2.0 * n + 1.0) / 24.0)
    };
    shift(means, rank)
}

/// The Hodges–Lehmann estimate of how far `second` lies above `first`, the
/// median of all differences between them, with its interval. `None` if a
/// group is empty.
pub fn difference(first: &[f64], second: &[f64]) -> Option<Shift> {
    let between = second.iter().flat_map(|s| first.iter().map(move |f| s - f)).collect();
    let (m, n) = (first.len(), second.len());
    let rank = if m + n <= EXACT_VALUES {
        let ranks: Vec<usize> = (1..=m + n).map(|rank| 2 * rank).collect();
        tail_rank(&choices(&ranks, n).into_iter().skip(n * (n + 1)).step_by(2).collect::<Vec<_>>())
    } else {
        let (m, n) = (m as f64, n as f64);
        normal_rank(m * n / 2.0, m * n * (m + n + 1.0) / 12.0)
    };
    shift(between, rank)
}

fn shift(mut statistics: Vec<f64>, rank: Option<usize>) -> Option<Shift> {
    statistics.sort_unstable_by(f64::total_cmp);
    let last = statistics.len().checked_sub(1)?;
    Some(Shift {
        value: middle(&statistics),
        ci95: rank.map(|rank| [statistics[rank], statistics[last - rank]]),
    })
}

/// [`tail_rank`] of many values.
fn normal_rank(mean: f64, variance: f64) -> Option<usize> {
    Some((mean - 1.959_963_984_540_054 * variance.sqrt()).floor().max(1.0) as usize - 1)
}

/// Ranks from 1, doubled, so that the mean ranks of ties are whole.
fn doubled_ranks(values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0; values.len()];
    let mut before = 0;
    for tied in order.chunk_by(|&a, &b| values[a] == values[b]) {
        tied.iter().for_each(|&index| ranks[index] = 2 * before + tied.len() + 1);
        before += tied.len();
    }
    ranks
}

/// The probability of each sum of ranks of which each is taken or not by the
/// toss of a coin.
fn signs(ranks: &[usize]) -> Vec<f64> {
    let mut shares = vec![0.0; ranks.iter().sum::<usize>() + 1];
    shares[0] = 1.0;
    let mut reached = 0;
    for &rank in ranks {
        reached += rank;
        for sum in (0..=reached).rev() {
            let without = if sum >= rank { shares[sum - rank] } else { 0.0 };
            shares[sum] = 0.5 * (shares[sum] + without);
        }
    }
    shares
}

/// The probability of each sum of `count` ranks drawn without replacement.
fn choices(ranks: &[usize], count: usize) -> Vec<f64> {
    let size = ranks.iter().sum::<usize>() + 1;
    // ways[k][s]: ways to draw k of the ranks so far with the sum s.
    let mut ways = vec![vec![0.0f64; size]; count + 1];
    ways[0][0] = 1.0;
    for &rank in ranks {
        for drawn in (1..=count).rev() {
            let (fewer, more) = ways.split_at_mut(drawn);
            for (way, before) in more[0][rank..].iter_mut().zip(&fewer[drawn - 1]) {
                *way += before;
            }
        }
    }
    let total: f64 = ways[count].iter().sum();
    ways[count].iter().map(|way| way / total).collect()
}

/// Twice the probability of a sum as far out as `seen` on its side.
fn smaller_tail(shares: &[f64], seen: usize) -> f64 {
    let (below, above) = (shares[..=seen].iter().sum::<f64>(), shares[seen..].iter().sum::<f64>());
    (2.0 * below.min(above)).min(1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::statistics::reference::{close, ends, number, numbers, reference};

    /// SciPy, by the script beside the values.
    #[test]
    fn tests_and_shifts_agree_with_scipy_ties_and_zeros_included() {
        for (name, case) in reference("paired") {
            let differences = numbers(&case["values"]);
            let (test, shift) = (signed_rank(&differences).unwrap(), centre(&differences).unwrap());
            close(test.statistic, number(&case["statistic"]), &name);
            close(test.p_value, number(&case["p_value"]), &name);
            close(shift.value, number(&case["shift"]), &name);
            if let Some(expected) = ends(&case["shift_ci95"]) {
                shift
                    .ci95
                    .unwrap()
                    .iter()
                    .zip(expected)
                    .for_each(|(end, expected)| close(*end, expected, &name));
            }
        }
        for (name, case) in reference("groups") {
            let (first, second) = (numbers(&case["first"]), numbers(&case["second"]));
            let (test, shift) = (rank_sum(&first, &second).unwrap(), difference(&first, &second).unwrap());
            close(test.statistic, number(&case["statistic"]), &name);
            close(test.p_value, number(&case["p_value"]), &name);
            close(shift.value, number(&case["shift"]), &name);
            if let Some(expected) = ends(&case["shift_ci95"]) {
                shift
                    .ci95
                    .unwrap()
                    .iter()
                    .zip(expected)
                    .for_each(|(end, expected)| close(*end, expected, &name));
            }
        }
    }

    /// Of 2⁵ signs none leaves 2.5 % on a side, of 2⁶ the outermost does; so
    /// does 1 of C(8, 4) = 70 choices, and 1 of C(7, 3) = 35 does not.
    #[test]
    fn few_values_have_no_interval() {
        assert_eq!(centre(&[1.0, 2.0, 4.0, 8.0, 16.0]).unwrap().ci95, None);
        assert_eq!(centre(&[1.0, 2.0, 4.0, 8.0, 16.0, 32.0]).unwrap().ci95, Some([1.0, 32.0]));
        let four = [0.0, 0.1, 0.2, 0.3];
        assert_eq!(difference(&four, &[1.0, 2.0, 3.0]).unwrap().ci95, None);
        assert_eq!(difference(&four, &[1.0, 2.0, 3.0, 4.0]).unwrap().ci95, Some([1.0 - 0.3, 4.0]));
    }

    #[test]
    fn nothing_but_zeros_has_no_test_and_equal_groups_do_not_differ() {
        assert_eq!(signed_rank(&[0.0, 0.0]), None);
        assert_eq!(rank_sum(&[1.0; 3], &[1.0; 4]).unwrap().p_value, 1.0);
        assert_eq!((centre(&[]), difference(&[], &[1.0])), (None, None));
    }

    /// `scipy.stats.wilcoxon(d, method="asymptotic")` and
    /// `mannwhitneyu(b, a, method="asymptotic", use_continuity=False)` of
    /// SciPy 1.17.1 for d = ((7 i mod 151) − 60) / 8 of 120 values and its
    /// first 60 and last 60.
    #[test]
    fn many_values_are_tested_by_the_normal_distribution() {
        let d: Vec<f64> = (0..120).map(|i| (f64::from(7 * i % 151) - 60.0) / 8.0).collect();
        let (pairs, groups) = (signed_rank(&d).unwrap(), rank_sum(&d[..60], &d[60..]).unwrap());
        assert!(!pairs.exact && !groups.exact);
        close(pairs.p_value, 0.009306406675329646, "pairs");
        close(groups.p_value, 0.8255262921385447, "groups");
    }

    proptest! {
        #[test]
        fn a_shift_moves_the_estimates_and_their_intervals(
            values in prop::collection::vec(-100i32..100, 6..20), by in -50i32..50
        ) {
            let values: Vec<f64> = values.into_iter().map(f64::from).collect();
            let moved: Vec<f64> = values.iter().map(|value| value + f64::from(by)).collect();
            let (a, b) = (centre(&values).unwrap(), centre(&moved).unwrap());
            prop_assert_eq!(a.value + f64::from(by), b.value);
            prop_assert_eq!(a.ci95.map(|ci| ci.map(|end| end + f64::from(by))), b.ci95);
            let (a, b) = (difference(&values, &values).unwrap(), difference(&values, &moved).unwrap());
            prop_assert_eq!(a.value + f64::from(by), b.value);
        }

        #[test]
        fn groups_exchanged_or_signs_turned_give_the_opposite_and_the_same_p(
            first in prop::collection::vec(-20i32..20, 2..12), second in prop::collection::vec(-20i32..20, 2..12)
        ) {
            let [a, b]: [Vec<f64>; 2] = [first, second].map(|v| v.into_iter().map(f64::from).collect());
            prop_assert_eq!(difference(&a, &b).unwrap().value, -difference(&b, &a).unwrap().value);
            let (there, back) = (rank_sum(&a, &b).unwrap(), rank_sum(&b, &a).unwrap());
            prop_assert!((there.p_value - back.p_value).abs() < 1e-12);
            prop_assert_eq!(there.statistic + back.statistic, (a.len() * b.len()) as f64);
            let turned: Vec<f64> = a.iter().map(|value| -value).collect();
            let p = |values: &[f64]| signed_rank(values).map_or(1.0, |test| test.p_value);
            prop_assert!((p(&a) - p(&turned)).abs() < 1e-12);
            prop_assert_eq!(centre(&a).unwrap().value, -centre(&turned).unwrap().value);
        }
    }
}
