//! How fast a value moves through a series.

use crate::order::middle;
use crate::statistics::intervals::tail_rank;

/// Least number of days on which a slope is given.
pub const LEAST_DAYS: usize = 4;

/// A robust slope.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slope {
    /// Median of the slopes between all pairs of days.
    pub slope: f64,
    /// Its 95 % confidence interval; `None` below five days, where even the
    /// whole range of slopes covers less than 95 %.
    pub ci95: Option<[f64; 2]>,
}

/// The Theil–Sen slope of `(day, value)` points with its interval from the
/// exact distribution of Kendall's statistic (Sen 1968, *J. Am. Stat. Assoc.*
/// 63:1379); `None` with fewer than [`LEAST_DAYS`] different days. Values of
/// one day are averaged.
pub fn theil_sen(points: &[(f64, f64)]) -> Option<Slope> {
    let days = by_day(points);
    let mut slopes = Vec::with_capacity(days.len() * days.len() / 2);
    for (i, (start, before)) in days.iter().enumerate() {
        slopes.extend(days[i + 1..].iter().map(|(end, after)| (after - before) / (end - start)));
    }
    slopes.sort_unstable_by(f64::total_cmp);
    let finite = slopes.iter().all(|slope| slope.is_finite());
    (days.len() >= LEAST_DAYS && finite).then(|| Slope {
        slope: middle(&slopes),
        ci95: tail_rank(&shares_in_order(days.len()))
            .map(|rank| [slopes[rank], slopes[slopes.len() - 1 - rank]]),
    })
}

fn by_day(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut sorted = points.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mean = |day: &[(f64, f64)]| (day[0].0, day.iter().map(|p| p.1).sum::<f64>() / day.len() as f64);
    sorted.chunk_by(|a, b| a.0 == b.0).map(mean).collect()
}

/// The share of the orders of `count` things with 0, 1, 2, … pairs in order.
fn shares_in_order(count: usize) -> Vec<f64> {
    // Built up from n - 1 things.
    let mut shares = vec![1.0f64];
    for n in 2..=count {
        let mut next = vec![0.0; shares.len() + n - 1];
        for (k, share) in shares.iter().enumerate() {
            next[k..k + n].iter_mut().for_each(|sum| *sum += share / n as f64);
        }
        shares = next;
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAYS: [f64; 6] = [0.0, 30.0, 61.0, 92.0, 120.0, 151.0];
    const VALUES: [f64; 6] = [14.2, 13.9, 13.1, 13.3, 12.2, 11.8];

    /// Slope and interval of `scipy.stats.theilslopes` of SciPy 1.17.1, whose
    /// rounded normal ranks are here the exact ones.
    #[test]
    fn the_slope_agrees_with_scipy() {
        let points: Vec<_> = DAYS.into_iter().zip(VALUES).collect();
        let slope = theil_sen(&points).unwrap();
        let [low, high] = slope.ci95.unwrap();
        assert!((slope.slope + 0.015_894_039_735_099_327).abs() < 1e-12);
        assert!((low + 0.025_806_451_612_903_25).abs() < 1e-12);
        assert!((high + 0.009_677_419_354_838_703).abs() < 1e-12);
    }

    /// Inversions of n things by hand: of 4! orders 1 has none (4.2 %); of
    /// 5!, 1 has none (0.8 %) and 4 have one (4.2 % in all); of 6!, 1, 5, 14.
    /// For 8 and 10 things from the counts of A008302 in the OEIS.
    #[test]
    fn ranks_follow_the_counts_of_inversions() {
        let rank = |count| tail_rank(&shares_in_order(count));
        assert_eq!([4, 5, 6, 8, 10].map(rank), [None, Some(0), Some(1), Some(5), Some(11)]);
    }

    #[test]
    fn too_few_days_have_no_slope_and_shots_of_one_day_are_one() {
        let four = [(0.0, 1.0), (10.0, 2.0), (20.0, 3.0), (30.0, 4.0)];
        let slope = theil_sen(&four).unwrap();
        assert_eq!((slope.slope, slope.ci95), (0.1, None));
        assert_eq!(theil_sen(&four[..3]), None);
        assert_eq!(theil_sen(&[(0.0, 0.0), (0.0, 2.0), (10.0, 2.0), (20.0, 3.0)]), None);
        let averaged = theil_sen(&[(0.0, 0.0), (0.0, 2.0), (10.0, 2.0), (20.0, 3.0), (30.0, 4.0)]);
        assert_eq!(averaged, Some(slope));
    }
}
