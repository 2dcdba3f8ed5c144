//! Order statistics.

/// The median; `None` of nothing.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    (!sorted.is_empty()).then(|| middle(&sorted))
}

/// The median of sorted values, of which there is at least one.
pub(super) fn middle(sorted: &[f64]) -> f64 {
    let half = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[half] } else { (sorted[half - 1] + sorted[half]) / 2.0 }
}

/// The index from either end of sorted statistics at which their 95 %
/// interval begins, from the null distribution of how many lie on one side of
/// the truth (`shares[k]` is the probability of `k`): the largest for which a
/// side is missed in at most 2.5 % of cases. `None` if even the outermost
/// statistics are not far enough.
pub(super) fn tail_rank(shares: &[f64]) -> Option<usize> {
    let cumulated = shares.iter().scan(0.0, |sum, share| {
        *sum += share;
        Some(*sum)
    });
    cumulated.take_while(|&sum| sum <= 0.025).count().checked_sub(1)
}
