//! Several questions asked at once.

/// Which of several hypotheses to reject so that the expected share of false
/// rejections stays at most `rate` (Benjamini & Hochberg 1995, *J. R. Stat.
/// Soc. B* 57:289). Holds for positively dependent questions, as several
/// metrics of one skin are.
///
/// ```
/// use dermalapse::statistics::benjamini_hochberg;
/// // The third largest of four, 0.03 ≤ 0.05 · 3/4, takes all smaller ones along.
/// assert_eq!(benjamini_hochberg(&[0.03, 0.9, 0.028, 0.01], 0.05), [true, false, true, true]);
/// ```
pub fn benjamini_hochberg(p_values: &[f64], rate: f64) -> Vec<bool> {
    let mut sorted = p_values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let share = rate / sorted.len().max(1) as f64;
    let largest = (1..).zip(&sorted).filter(|&(rank, &p)| p <= share * f64::from(rank)).last();
    p_values.iter().map(|p| largest.is_some_and(|(_, limit)| p <= limit)).collect()
}

/// P-values adjusted so that rejecting those of at most `rate` is what
/// [`benjamini_hochberg`] does.
///
/// ```
/// use dermalapse::statistics::multiplicity::benjamini_hochberg_adjusted;
/// assert_eq!(benjamini_hochberg_adjusted(&[0.5, 0.02]), [0.5, 0.04]);
/// ```
pub fn benjamini_hochberg_adjusted(p_values: &[f64]) -> Vec<f64> {
    let mut adjusted = vec![1.0; p_values.len()];
    let mut least: f64 = 1.0;
    for (rank, index) in (1..).zip(ascending(p_values)).collect::<Vec<_>>().into_iter().rev() {
        least = least.min(p_values[index] * p_values.len() as f64 / f64::from(rank));
        adjusted[index] = least;
    }
    adjusted
}

/// P-values adjusted so that any false rejection at all among those of at
/// most `rate` has at most that probability, whatever the questions have to do
/// with each other (Holm 1979, *Scand. J. Stat.* 6:65).
///
/// ```
/// use dermalapse::statistics::multiplicity::holm;
/// // Three times the smallest, twice the next, and never less than before it.
/// assert_eq!(holm(&[0.25, 0.01, 0.2]), [0.4, 0.03, 0.4]);
/// ```
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut adjusted = vec![1.0; p_values.len()];
    let mut most: f64 = 0.0;
    for (index, left) in ascending(p_values).into_iter().zip((1..=p_values.len()).rev()) {
        most = most.max((left as f64 * p_values[index]).min(1.0));
        adjusted[index] = most;
    }
    adjusted
}

/// The places of the values, the smallest first.
fn ascending(values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `scipy.stats.false_discovery_control` of SciPy 1.17.1 adjusts these 25
    /// to 0.025, 0.1, 0.21, 0.21, 0.21, 0.25, …: one stays below 0.05, two at
    /// most 0.1, five at most 0.21.
    #[test]
    fn rejections_agree_with_scipy() {
        let p = [
            0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205, 0.212, 0.216, 0.222, 0.251, 0.269, 0.275,
            0.34, 0.341, 0.384, 0.569, 0.594, 0.696, 0.762, 0.94, 0.942, 0.975, 0.986,
        ];
        let rejected = |rate: f64| benjamini_hochberg(&p, rate).into_iter().filter(|&yes| yes).count();
        assert_eq!([0.05, 0.1001, 0.2101].map(rejected), [1, 2, 5]);
    }

    #[test]
    fn one_question_is_the_plain_test_and_none_is_none() {
        assert_eq!(benjamini_hochberg(&[0.05], 0.05), [true]);
        assert_eq!(benjamini_hochberg(&[0.0501], 0.05), [false]);
        assert!(benjamini_hochberg(&[], 0.05).is_empty());
    }

    /// `multipletests` of statsmodels, by the script beside the values.
    #[test]
    fn adjusted_p_values_agree_with_statsmodels() {
        let all = crate::statistics::reference::all();
        let numbers = |key: &str| crate::statistics::reference::numbers(&all[key]);
        let p = numbers("p_values");
        for (found, key) in [(holm(&p), "holm"), (benjamini_hochberg_adjusted(&p), "benjamini_hochberg")] {
            for (found, expected) in found.iter().zip(numbers(key)) {
                crate::statistics::reference::close(*found, expected, key);
            }
        }
        let rejected: Vec<bool> = benjamini_hochberg_adjusted(&p).iter().map(|p| *p <= 0.05).collect();
        assert_eq!(rejected, benjamini_hochberg(&p, 0.05));
    }
}
