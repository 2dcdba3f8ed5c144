//! Standard errors put together, and intervals and p-values from them.

use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

/// The quantile of the standard normal distribution, `0 < p < 1`.
pub fn normal_quantile(p: f64) -> f64 {
    Normal::standard().inverse_cdf(p)
}

/// The quantile of Student's t with `degrees` of freedom, `0 < p < 1`; the
/// normal one's beyond 10 000 degrees, where they agree to four digits.
pub fn t_quantile(p: f64, degrees: f64) -> f64 {
    student(degrees).map_or_else(|| normal_quantile(p), |t| t.inverse_cdf(p))
}

/// The probability of a value at least as far from 0 as `t`, on either side,
/// under Student's t with `degrees` of freedom.
pub fn two_sided_p(t: f64, degrees: f64) -> f64 {
    let tail = student(degrees).map_or_else(|| Normal::standard().cdf(-t.abs()), |s| s.cdf(-t.abs()));
    (2.0 * tail).min(1.0)
}

fn student(degrees: f64) -> Option<StudentsT> {
    (degrees < 1e4).then(|| StudentsT::new(0.0, 1.0, degrees.max(1.0)).ok()).flatten()
}

/// A number with its variance and the degrees of freedom that it is known by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Uncertain {
    /// The number.
    pub value: f64,
    /// Its variance.
    pub variance: f64,
    /// Degrees of freedom of the variance; infinite if it is simply known.
    pub degrees: f64,
}

impl Uncertain {
    /// A number whose error has several independent parts, each given as its
    /// standard deviation and degrees of freedom: variances add, degrees
    /// follow Welch and Satterthwaite (Satterthwaite 1946, *Biometrics* 2:110).
    ///
    /// ```
    /// let sum = dermalapse::statistics::Uncertain::new(1.0, &[(0.3, 4.0), (0.4, f64::INFINITY)]);
    /// assert!((sum.standard_error() - 0.5).abs() < 1e-12);
    /// // 0.5⁴ / (0.3⁴ / 4)
    /// assert!((sum.degrees - 30.864_197_5).abs() < 1e-6);
    /// ```
    pub fn new(value: f64, parts: &[(f64, f64)]) -> Self {
        let variance: f64 = parts.iter().map(|(sd, _)| sd * sd).sum();
        let known: f64 = parts.iter().map(|(sd, degrees)| sd.powi(4) / degrees).sum();
        let degrees = if known > 0.0 { variance * variance / known } else { f64::INFINITY };
        Self { value, variance, degrees }
    }

    /// Its standard error.
    pub fn standard_error(&self) -> f64 {
        self.variance.sqrt()
    }

    /// Its 95 % confidence interval.
    pub fn ci95(&self) -> [f64; 2] {
        let reach = t_quantile(0.975, self.degrees) * self.standard_error();
        [self.value - reach, self.value + reach]
    }

    /// The two-sided p-value of the number being 0; without any error, 0 for
    /// a number that is not 0 and 1 for one that is.
    pub fn p_value(&self) -> f64 {
        if self.variance == 0.0 {
            return if self.value == 0.0 { 1.0 } else { 0.0 };
        }
        two_sided_p(self.value / self.standard_error(), self.degrees)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// `scipy.stats.t.ppf`, `norm.ppf`, `t.sf` and `norm.sf` of SciPy 1.17.1.
    #[test]
    fn quantiles_and_tails_agree_with_scipy() {
        let expected = [(1.0, 12.706_204_74), (4.0, 2.776_445_11), (10.0, 2.228_138_85), (1e6, 1.959_966_36)];
        for (degrees, quantile) in expected {
            assert!((t_quantile(0.975, degrees) - quantile).abs() < 1e-5, "{degrees}");
        }
        assert!((normal_quantile(0.975) - 1.959_963_984_540_054).abs() < 1e-9);
        assert!((two_sided_p(2.5, 7.0) - 0.040_992_218_585_752_89).abs() < 1e-9);
        assert!((two_sided_p(-2.5, f64::INFINITY) - 0.012_419_330_651_552_265).abs() < 1e-9);
    }

    #[test]
    fn an_interval_excludes_zero_exactly_when_p_is_below_five_percent() {
        for value in [1.9, 2.2, 2.3, 2.8] {
            let number = Uncertain::new(value, &[(1.0, 10.0)]);
            assert_eq!(number.ci95()[0] > 0.0, number.p_value() < 0.05, "{value}");
        }
    }

    #[test]
    fn a_number_without_error_is_certain() {
        assert_eq!(Uncertain::new(0.0, &[]).p_value(), 1.0);
        assert_eq!(Uncertain::new(0.1, &[(0.0, 3.0)]).p_value(), 0.0);
        assert_eq!(Uncertain::new(0.1, &[]).ci95(), [0.1, 0.1]);
    }
}
