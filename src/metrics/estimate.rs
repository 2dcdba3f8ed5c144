//! A value together with what each tile of skin contributes to its error.
//!
//! Skin is not the same everywhere, so a value measured on one stretch of it
//! has a sampling error. It is worked out from tiles of skin several
//! millimetres wide, whose contributions are nearly independent: the
//! infinitesimal jackknife over tiles (Efron 1981, *Biometrika* 68:589).
//! Because tiles are carried from the baseline to every session, the error of
//! a *difference* follows from the difference of the contributions: what two
//! sessions share cancels.

/// A value and its influence per tile.
///
/// # Guarantees
///
/// - `value` and every influence are finite.
/// - All estimates of one region in one series have the same number of tiles.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    value: f64,
    influence: Vec<f64>,
    tiles: usize,
    misplacement: f64,
}

impl Estimate {
    /// A value with its influence per tile, of which `tiles` hold anything;
    /// `None` if a number is not finite.
    pub fn new(value: f64, influence: Vec<f64>, tiles: usize) -> Option<Self> {
        let finite = value.is_finite() && influence.iter().all(|i| i.is_finite());
        finite.then_some(Self { value, influence, tiles, misplacement: 0.0 })
    }

    /// The ratio of two sums over tiles, `Σ numerator / Σ denominator`;
    /// `None` if the denominators sum to nothing.
    ///
    /// ```
    /// let mean = dermalapse::metrics::Estimate::ratio(&[2.0, 4.0], &[1.0, 1.0]).unwrap();
    /// assert_eq!(mean.value(), 3.0);
    /// assert_eq!(mean.standard_error(), Some(1.0)); // sd / √n = √2 / √2
    /// ```
    pub fn ratio(numerator: &[f64], denominator: &[f64]) -> Option<Self> {
        debug_assert_eq!(numerator.len(), denominator.len());
        let (above, below): (f64, f64) = (numerator.iter().sum(), denominator.iter().sum());
        let value = above / below;
        let influence = numerator.iter().zip(denominator).map(|(n, d)| (n - value * d) / below).collect();
        Self::new(value, influence, denominator.iter().filter(|&&d| d != 0.0).count())
    }

    /// The sum over the tiles that hold something (`size` above 0); `None`
    /// if none does.
    pub fn total(values: &[f64], size: &[f64]) -> Option<Self> {
        let tiles = size.iter().filter(|&&size| size > 0.0).count();
        let sum: f64 = values.iter().sum();
        let mean = sum / tiles.max(1) as f64;
        let held = values.iter().zip(size);
        let influence = held.map(|(value, &size)| if size > 0.0 { value - mean } else { 0.0 }).collect();
        Self::new(sum, influence, tiles).filter(|_| tiles > 0)
    }

    /// A statistic of the tiles left after leaving each one out in turn:
    /// `whole` from all tiles, `without[t]` without tile `t` (`None` for a
    /// tile that holds nothing, which then has no influence).
    pub fn leave_one_out(whole: f64, without: &[Option<f64>]) -> Option<Self> {
        let tiles = without.iter().flatten().count();
        let share = (tiles as f64 - 1.0) / tiles.max(1) as f64;
        let influence = without.iter().map(|left| left.map_or(0.0, |left| share * (whole - left))).collect();
        Self::new(whole, influence, tiles)
    }

    /// The weighted median of `(value, weight, tile)` over `tiles` tiles;
    /// `None` without any weight.
    ///
    /// Its influence is that of the median, `(1/2 - [x ≤ m]) / f(m)`, with the
    /// density `f` at the median taken from the spacing of the 35th and 65th
    /// percentiles (leaving tiles out in turn fails for medians: Efron 1982,
    /// *The Jackknife, the Bootstrap and Other Resampling Plans*, 3.4).
    pub fn median(values: &[(f64, f64, usize)], tiles: usize) -> Option<Self> {
        let mut sorted: Vec<_> = values.iter().copied().filter(|value| value.1 > 0.0).collect();
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
        let total: f64 = sorted.iter().map(|value| value.1).sum();
        let median = percentile(&sorted, 0.5 * total)?;
        let spacing = (percentile(&sorted, 0.65 * total)? - percentile(&sorted, 0.35 * total)?) / 0.3;
        let (mut influence, mut held) = (vec![0.0; tiles], vec![false; tiles]);
        for &(value, weight, tile) in &sorted {
            let side = if value > median {
                0.5
            } else if value < median {
                -0.5
            } else {
                0.0
            };
            influence[tile] += spacing * side * weight / total;
            held[tile] = true;
        }
        Self::new(median, influence, held.iter().filter(|&&held| held).count())
    }

    /// The value of a smooth function of this estimate, where `slope` is its
    /// derivative at the value.
    pub fn through(&self, value: f64, slope: f64) -> Option<Self> {
        Self::new(value, self.influence.iter().map(|i| i * slope).collect(), self.tiles)
    }

    /// The value of a smooth function of this estimate and another of the
    /// same tiles, where `slopes` are its derivatives by the two.
    pub fn combined(&self, other: &Self, value: f64, slopes: [f64; 2]) -> Option<Self> {
        debug_assert_eq!(self.influence.len(), other.influence.len());
        let pairs = self.influence.iter().zip(&other.influence);
        let influence = pairs.map(|(a, b)| slopes[0] * a + slopes[1] * b).collect();
        Self::new(value, influence, self.tiles.min(other.tiles))
    }

    /// The estimate, in the metric's unit.
    pub fn value(&self) -> f64 {
        self.value
    }

    /// The number of tiles that hold anything.
    pub fn tiles(&self) -> usize {
        self.tiles
    }

    /// The same with a standard error that its tiles do not show, as from not
    /// knowing exactly where in its photo the skin lies, in the metric's unit.
    /// It is added to every error of the value and of its differences.
    pub fn misplaced(self, standard_error: f64) -> Self {
        let misplacement = if standard_error.is_finite() { standard_error } else { 0.0 };
        Self { misplacement: self.misplacement.hypot(misplacement), ..self }
    }

    /// The standard error, from sampling and misplacement; `None` with fewer than two tiles.
    pub fn standard_error(&self) -> Option<f64> {
        spread(self.influence.iter().copied(), self.tiles).map(|error| error.hypot(self.misplacement))
    }

    /// The sampling standard error of `self - other`, tile by tile; `None`
    /// with fewer than two tiles.
    ///
    /// Tiles are expected to change by the same amount: what some change more
    /// than others counts as chance.
    pub fn paired_standard_error(&self, other: &Self) -> Option<f64> {
        self.error_against(other, 1.0)
    }

    /// The same where tiles are expected to change by the same *share* of what
    /// they hold, as spots do that fade: the error of the ratio `self / other`
    /// times `other`, by linearisation (Cochran 1977, *Sampling Techniques*, 6.3).
    /// Without change both are the same.
    pub fn paired_standard_error_of_ratio(&self, other: &Self) -> Option<f64> {
        let ratio = self.value / other.value;
        self.error_against(other, if ratio.is_finite() { ratio } else { 1.0 })
    }

    fn error_against(&self, other: &Self, weight: f64) -> Option<f64> {
        debug_assert_eq!(self.influence.len(), other.influence.len());
        let differences = self.influence.iter().zip(&other.influence).map(|(a, b)| a - weight * b);
        let misplacement = self.misplacement.hypot(weight * other.misplacement);
        spread(differences, self.tiles.min(other.tiles)).map(|error| error.hypot(misplacement))
    }
}

/// Where the running weight of values in rising order reaches `share`, between
/// the middles of neighbouring values.
fn percentile(sorted: &[(f64, f64, usize)], share: f64) -> Option<f64> {
    let (mut below, mut last) = (0.0, None);
    for &(value, weight, _) in sorted {
        let middle = below + 0.5 * weight;
        if middle >= share {
            return Some(match last {
                Some((before, at)) => before + (value - before) * (share - at) / (middle - at),
                None => value,
            });
        }
        (below, last) = (below + weight, Some((value, middle)));
    }
    last.map(|last| last.0)
}

fn spread(influence: impl Iterator<Item = f64>, tiles: usize) -> Option<f64> {
    let sum: f64 = influence.map(|i| i * i).sum();
    (tiles >= 2).then(|| (sum * tiles as f64 / (tiles as f64 - 1.0)).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_of_equal_tiles_has_the_textbook_error() {
        let mean = Estimate::ratio(&[1.0, 2.0, 3.0, 4.0], &[1.0; 4]).unwrap();
        assert_eq!(mean.value(), 2.5);
        // Sample sd of 1..4 is 1.290994; over √4 that is 0.645497.
        assert!((mean.standard_error().unwrap() - 0.645_497).abs() < 1e-6);
    }

    #[test]
    fn what_misplacement_adds_does_not_cancel() {
        let before = Estimate::ratio(&[1.0, 2.0, 9.0], &[1.0; 3]).unwrap();
        let after = Estimate::ratio(&[0.5, 1.5, 8.5], &[1.0; 3]).unwrap();
        let alone = after.standard_error().unwrap();
        let after = after.misplaced(0.3);
        assert!((after.paired_standard_error(&before).unwrap() - 0.3).abs() < 1e-12);
        assert!((after.standard_error().unwrap() - alone.hypot(0.3)).abs() < 1e-12);
    }

    #[test]
    fn what_two_sessions_share_cancels() {
        let before = Estimate::ratio(&[1.0, 2.0, 9.0], &[1.0; 3]).unwrap();
        let after = Estimate::ratio(&[0.5, 1.5, 8.5], &[1.0; 3]).unwrap();
        assert!(after.paired_standard_error(&before).unwrap() < 1e-12);
        assert!(after.standard_error().unwrap() > 1.0);
    }

    #[test]
    fn tiles_that_fade_alike_by_share_have_no_error_of_their_ratio() {
        let before = Estimate::ratio(&[0.0, 2.0, 8.0], &[1.0; 3]).unwrap();
        let after = Estimate::ratio(&[0.0, 1.0, 4.0], &[1.0; 3]).unwrap();
        assert!(after.paired_standard_error_of_ratio(&before).unwrap() < 1e-12);
        assert!(after.paired_standard_error(&before).unwrap() > 0.5);
    }

    #[test]
    fn leaving_one_out_agrees_with_the_mean_and_skips_empty_tiles() {
        // The mean of 1, 2, 3 is 2; its error is the sample sd 1 over √3.
        let estimate = Estimate::leave_one_out(2.0, &[Some(2.5), None, Some(2.0), Some(1.5)]).unwrap();
        assert!((estimate.standard_error().unwrap() - 0.577_350).abs() < 1e-6);
        assert_eq!(estimate.tiles(), 3);
    }

    #[test]
    fn a_total_has_the_error_of_its_tiles_times_their_root() {
        // Sample sd of 1, 2, 3 is 1; of their sum, √3.
        let total = Estimate::total(&[1.0, 2.0, 3.0, 0.0], &[1.0, 1.0, 2.0, 0.0]).unwrap();
        assert_eq!((total.value(), total.tiles()), (6.0, 3));
        assert!((total.standard_error().unwrap() - 3f64.sqrt()).abs() < 1e-12);
        assert_eq!(Estimate::total(&[0.0], &[0.0]), None);
    }

    #[test]
    fn a_median_lies_in_the_middle_and_its_error_comes_from_both_sides() {
        let values: Vec<(f64, f64, usize)> = (0..5).map(|i| (f64::from(i), 1.0, i as usize)).collect();
        let median = Estimate::median(&values, 6).unwrap();
        assert_eq!((median.value(), median.tiles()), (2.0, 5));
        // Percentiles 35 and 65 lie at 1.25 and 2.75: spacing 5; four values
        // weigh a half of a fifth of that each, so √(4·0.25·5/4) = 1.118034.
        assert!((median.standard_error().unwrap() - 1.118_034).abs() < 1e-6);
        assert_eq!(Estimate::median(&[(3.0, 0.0, 0)], 1), None);
        let weighted = Estimate::median(&[(1.0, 1.0, 0), (2.0, 8.0, 0), (3.0, 1.0, 0)], 1).unwrap();
        assert_eq!(weighted.value(), 2.0);
    }

    /// The paired block bootstrap draws tiles anew, the same for both sessions,
    /// and lets the difference scatter. The influence per tile is its limit.
    #[test]
    fn the_error_of_a_difference_agrees_with_a_paired_block_bootstrap() {
        use rand::{Rng, SeedableRng};
        let mut rng = rand_pcg::Pcg32::seed_from_u64(5);
        const TILES: usize = 60;
        // Tiles of unlike size and level, which the sessions share but for noise; one in ten heals.
        let size: Vec<f64> = (0..TILES).map(|_| rng.random_range(0.3..1.0)).collect();
        let level: Vec<f64> = (0..TILES).map(|_| rng.random_range(0.0..4.0)).collect();
        let mut seen = |healed: f64| -> Vec<f64> {
            let at = |(i, level): (usize, &f64)| {
                let left = if i % 10 == 0 { 1.0 - healed } else { 1.0 };
                size[i] * (left * level + rng.random_range(-0.3..0.3))
            };
            level.iter().enumerate().map(at).collect()
        };
        let (before, after) = (seen(0.0), seen(0.5));
        let ratio = |sums: &[f64], drawn: &[usize]| {
            drawn.iter().map(|&i| sums[i]).sum::<f64>() / drawn.iter().map(|&i| size[i]).sum::<f64>()
        };
        let mut scatter = |share: &dyn Fn(f64, f64) -> f64| {
            let draws: Vec<f64> = (0..4000)
                .map(|_| {
                    let drawn: Vec<usize> = (0..TILES).map(|_| rng.random_range(0..TILES)).collect();
                    share(ratio(&before, &drawn), ratio(&after, &drawn))
                })
                .collect();
            let mean = draws.iter().sum::<f64>() / draws.len() as f64;
            (draws.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / draws.len() as f64).sqrt()
        };
        let [first, second] = [&before, &after].map(|sums| Estimate::ratio(sums, &size).unwrap());
        let drawn = scatter(&|before, after| after - before);
        let ours = second.paired_standard_error(&first).unwrap();
        assert!((ours / drawn - 1.0).abs() < 0.06, "{ours} {drawn}");
        let drawn = first.value() * scatter(&|before, after| after / before);
        let ours = second.paired_standard_error_of_ratio(&first).unwrap();
        assert!((ours / drawn - 1.0).abs() < 0.06, "{ours} {drawn}");
    }

    #[test]
    fn nothing_over_nothing_is_no_value() {
        assert_eq!(Estimate::ratio(&[0.0, 0.0], &[0.0, 0.0]), None);
        assert_eq!(Estimate::ratio(&[2.0], &[1.0]).unwrap().standard_error(), None);
    }
}
