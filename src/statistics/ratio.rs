//! The ratio of two amounts that each err by something added and together by
//! something that multiplies.

use super::intervals::{normal_quantile, two_sided_p};

/// An amount measured twice, as it was and as it is.
///
/// What is added to either (noise, compression) has a standard error in the
/// amount's unit. What multiplies them (a light of another colour, another
/// camera) is known by the standard deviation of the logarithm of the second
/// factor over the first. Because
/// `b − a = 2 √(a b) sinh(½ ln(b / a))`, a factor whose logarithm is `ε` away
/// from 0 moves the difference of equal amounts by `√(a b) ε`: a factor can
/// double an amount, but never make it disappear.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Amounts {
    /// The first.
    pub first: f64,
    /// The last.
    pub last: f64,
    /// Standard error added to the first.
    pub first_error: f64,
    /// Standard error added to the last.
    pub last_error: f64,
    /// Standard deviation of the natural logarithm of the factor between them.
    pub log_sd: f64,
    /// Standard deviation of the logarithm of a factor on their *change*: how
    /// far the response to a change may differ from the one assumed.
    pub response: f64,
}

impl Amounts {
    /// The two-sided p-value of nothing having changed.
    pub fn p_value(&self) -> f64 {
        let (change, variance) = (self.last - self.first, self.variance(1.0));
        match change {
            0.0 => 1.0,
            _ if variance == 0.0 => 0.0,
            _ => two_sided_p(change / variance.sqrt(), f64::INFINITY),
        }
    }

    /// The last over the first; `None` unless the first is more than nothing.
    pub fn ratio(&self) -> Option<f64> {
        (self.first > 0.0).then(|| self.last / self.first)
    }

    /// The ratios that do not disagree with the amounts at 5 % (Fieller 1954,
    /// *J. R. Stat. Soc. B* 16:175): 1 is among them exactly where
    /// [`p_value`](Self::p_value) is 0.05 or more. `None` where the first
    /// amount does not stand clear of 0, and any ratio might be.
    pub fn ratio_ci95(&self) -> Option<[f64; 2]> {
        // (last - ρ first)² = z² variance(ρ), sorted by powers of ρ.
        let z2 = normal_quantile(0.975).powi(2);
        let square = self.first.powi(2) - z2 * self.first_error.powi(2);
        let linear = self.first * self.last + 0.5 * z2 * (self.factor() + self.response_per_ratio());
        let constant = self.last.powi(2) - z2 * (self.last_error.powi(2) - self.response_per_ratio());
        let half_width = (linear * linear - square * constant).max(0.0).sqrt();
        let clear = self.first > 0.0 && square > 0.0;
        clear.then(|| [(linear - half_width) / square, (linear + half_width) / square])
    }

    /// Variance of `last - ratio · first` if the amounts are so related.
    fn variance(&self, ratio: f64) -> f64 {
        self.last_error.powi(2)
            + (ratio * self.first_error).powi(2)
            + ratio * self.factor()
            + (ratio - 1.0) * self.response_per_ratio()
    }

    /// What the factor adds to that variance, per unit of the ratio.
    fn factor(&self) -> f64 {
        self.log_sd.powi(2) * (self.first * self.last).max(0.0)
    }

    /// What the response adds to it per unit of the ratio's distance from 1:
    /// a factor on the change, of which half is as likely as twice.
    fn response_per_ratio(&self) -> f64 {
        self.response.powi(2) * self.first * (self.last - self.first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXACT: Amounts =
        Amounts { first: 200.0, last: 100.0, first_error: 0.0, last_error: 0.0, log_sd: 0.0, response: 0.0 };

    #[test]
    fn noise_alone_gives_the_interval_of_fieller_by_hand() {
        // (40000 − 100 z²) ρ² − 40000 ρ + 10000 − 25 z² = 0 with z² = 3.841459.
        let noisy = Amounts { first_error: 10.0, last_error: 5.0, ..EXACT };
        let [low, high] = noisy.ratio_ci95().unwrap();
        for end in [low, high] {
            let rest = 39_615.854_1 * end * end - 40_000.0 * end + 9_903.963_5;
            assert!(rest.abs() < 1e-2, "{rest}");
        }
        // To first order: 0.5 ± 1.96 · √(0.025² + (0.5 · 0.05)²).
        assert!((high - low - 2.0 * 1.96 * 0.025 * 2f64.sqrt()).abs() < 2e-3);
    }

    #[test]
    fn a_factor_alone_gives_ends_as_far_from_the_ratio_as_each_other_in_logarithms() {
        let [low, high] = Amounts { log_sd: 0.3, ..EXACT }.ratio_ci95().unwrap();
        assert!((low * high - 0.25).abs() < 1e-12);
        // 2 sinh(x / 2) = 1.959964 · 0.3.
        let x = (high / 0.5).ln();
        assert!((2.0 * (x / 2.0).sinh() - 0.587_989_2).abs() < 1e-6);
    }

    #[test]
    fn a_response_alone_multiplies_the_change() {
        let [low, high] = Amounts { response: 0.3, ..EXACT }.ratio_ci95().unwrap();
        // A fall by half, ends as far from it as each other in logarithms.
        assert!(((1.0 - low) * (1.0 - high) - 0.25).abs() < 1e-12);
        assert!(((1.0 - low) / 0.5).ln() - 0.587 < 0.0 && ((1.0 - low) / 0.5).ln() > 0.57);
    }

    #[test]
    fn an_interval_excludes_one_exactly_where_p_is_below_five_percent() {
        for last in [-20.0, 0.0, 30.0, 90.0, 120.0, 160.0, 180.0, 199.0, 230.0, 260.0, 320.0, 500.0] {
            for (error, log_sd, response) in [(20.0, 0.0, 0.0), (5.0, 0.2, 0.15), (0.0, 0.35, 0.3)] {
                let amounts =
                    Amounts { last, first_error: error, last_error: 2.0 * error, log_sd, response, ..EXACT };
                let [low, high] = amounts.ratio_ci95().unwrap();
                let excluded = high < 1.0 || low > 1.0;
                assert_eq!(excluded, amounts.p_value() < 0.05, "{amounts:?} {low} {high}");
                assert!(low <= amounts.ratio().unwrap() && amounts.ratio().unwrap() <= high);
            }
        }
    }

    #[test]
    fn no_factor_makes_an_amount_disappear_and_nothing_measured_has_no_ratio() {
        assert_eq!(Amounts { last: 0.0, log_sd: 9.0, ..EXACT }.p_value(), 0.0);
        assert_eq!((EXACT.p_value(), Amounts { last: 200.0, ..EXACT }.p_value()), (0.0, 1.0));
        let nothing = Amounts { first: 0.0, ..EXACT };
        assert_eq!((nothing.ratio(), nothing.ratio_ci95()), (None, None));
        assert_eq!(Amounts { first_error: 150.0, ..EXACT }.ratio_ci95(), None);
    }
}
