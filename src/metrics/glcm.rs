//! Grey level co-occurrence matrices and their features, by the conventions
//! of the Image Biomarker Standardisation Initiative (IBSI, manual of 2019,
//! Zwanenburg et al. 2020, *Radiology* 295:328).
//!
//! Levels run from 1; 0 lies outside. Matrices are symmetric; a pair counts
//! only if both of its ends lie inside. Logarithms have base 2.

use ndarray::Array2;

/// The four directions (dx, dy) of a plane at Chebyshev distance 1; their
/// opposites are covered by symmetry.
pub const DIRECTIONS: [(isize, isize); 4] = [(1, 0), (1, 1), (0, 1), (1, -1)];

/// A symmetric matrix of counts: how often two levels stand at one offset.
///
/// # Guarantees
///
/// - `counts` has `levels` squared entries and is symmetric.
#[derive(Debug, Clone, PartialEq)]
pub struct Glcm {
    levels: usize,
    counts: Vec<u32>,
}

impl Glcm {
    /// A matrix of levels `1..=levels` without any pair.
    pub fn new(levels: usize) -> Self {
        Self { levels, counts: vec![0; levels * levels] }
    }

    /// The pairs of `plane` at offset (`dx`, `dy`), both ways. Levels above
    /// `levels` do not count.
    pub fn of(plane: &Array2<u8>, levels: usize, (dx, dy): (isize, isize)) -> Self {
        let mut glcm = Self::new(levels);
        for ((y, x), &first) in plane.indexed_iter() {
            let (x, y) = (x as isize + dx, y as isize + dy);
            if x >= 0 && y >= 0 {
                let second = plane.get([y as usize, x as usize]).copied().unwrap_or(0);
                glcm.add(first, second);
            }
        }
        glcm
    }

    /// Counts a pair of levels in both orders, if both lie inside.
    pub fn add(&mut self, first: u8, second: u8) {
        let (i, j) = (first as usize, second as usize);
        if i > 0 && j > 0 && i <= self.levels && j <= self.levels {
            self.counts[(i - 1) * self.levels + j - 1] += 1;
            self.counts[(j - 1) * self.levels + i - 1] += 1;
        }
    }

    /// Adds the pairs of `other`, which has the same levels.
    pub fn merge(&mut self, other: &Self) {
        debug_assert_eq!(self.levels, other.levels);
        self.counts.iter_mut().zip(&other.counts).for_each(|(count, more)| *count += more);
    }

    /// The matrix without the pairs of `part`, which was merged into it.
    pub fn without(&self, part: &Self) -> Self {
        let counts = self.counts.iter().zip(&part.counts).map(|(all, some)| all - some).collect();
        Self { levels: self.levels, counts }
    }

    /// The number of levels.
    pub fn levels(&self) -> usize {
        self.levels
    }

    /// How often level `i` stands by level `j`, both from 1.
    pub fn count(&self, i: usize, j: usize) -> u32 {
        self.counts[(i - 1) * self.levels + j - 1]
    }

    /// The number of ordered pairs.
    pub fn total(&self) -> u64 {
        self.counts.iter().map(|&count| u64::from(count)).sum()
    }

    /// The features; `None` without pairs.
    pub fn features(&self) -> Option<Features> {
        Probabilities::of(self).map(|p| p.features())
    }
}

/// The features of a co-occurrence matrix, named as in the IBSI manual.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Features {
    /// Largest probability (IBSI GYBY).
    pub joint_maximum: f64,
    /// Mean level (60VM).
    pub joint_average: f64,
    /// Variance of the level (UR99).
    pub joint_variance: f64,
    /// Entropy of the pairs, bits (TU9B).
    pub joint_entropy: f64,
    /// Mean difference of levels, also called dissimilarity (TF7R).
    pub difference_average: f64,
    /// Variance of the difference (D3YU).
    pub difference_variance: f64,
    /// Entropy of the difference, bits (NTRS).
    pub difference_entropy: f64,
    /// Mean sum of levels (ZGXS).
    pub sum_average: f64,
    /// Variance of the sum, the same as cluster tendency (OEEB, DG8W).
    pub sum_variance: f64,
    /// Entropy of the sum, bits (P6QZ).
    pub sum_entropy: f64,
    /// Sum of squared probabilities (8ZQL).
    pub angular_second_moment: f64,
    /// Mean squared difference of levels (ACUI).
    pub contrast: f64,
    /// Mean of `1 / (1 + |i - j|)` (IB1Z).
    pub inverse_difference: f64,
    /// Mean of `1 / (1 + |i - j| / N)` (NDRX).
    pub normalised_inverse_difference: f64,
    /// Mean of `1 / (1 + (i - j)²)` (WF0Z).
    pub inverse_difference_moment: f64,
    /// Mean of `1 / (1 + (i - j)² / N²)` (1QCO).
    pub normalised_inverse_difference_moment: f64,
    /// Mean of `1 / (i - j)²` over unequal levels (E8JP).
    pub inverse_variance: f64,
    /// Correlation of the levels of a pair (NI2N); `None` where all levels
    /// are the same, and it would be 0 / 0.
    pub correlation: Option<f64>,
    /// Mean product of levels (QWB0).
    pub autocorrelation: f64,
    /// Third central moment of the sum (7NFM).
    pub cluster_shade: f64,
    /// Fourth central moment of the sum (AE86).
    pub cluster_prominence: f64,
    /// First information correlation (R8DG); `None` where all levels are the same.
    pub information_correlation_1: Option<f64>,
    /// Second information correlation (JN9H).
    pub information_correlation_2: f64,
}

impl Features {
    /// Every feature's name and value, in the order of the manual.
    pub fn entries(&self) -> [(&'static str, Option<f64>); 23] {
        [
            ("joint_maximum", Some(self.joint_maximum)),
            ("joint_average", Some(self.joint_average)),
            ("joint_variance", Some(self.joint_variance)),
            ("joint_entropy", Some(self.joint_entropy)),
            ("difference_average", Some(self.difference_average)),
            ("difference_variance", Some(self.difference_variance)),
            ("difference_entropy", Some(self.difference_entropy)),
            ("sum_average", Some(self.sum_average)),
            ("sum_variance", Some(self.sum_variance)),
            ("sum_entropy", Some(self.sum_entropy)),
            ("angular_second_moment", Some(self.angular_second_moment)),
            ("contrast", Some(self.contrast)),
            ("inverse_difference", Some(self.inverse_difference)),
            ("normalised_inverse_difference", Some(self.normalised_inverse_difference)),
            ("inverse_difference_moment", Some(self.inverse_difference_moment)),
            ("normalised_inverse_difference_moment", Some(self.normalised_inverse_difference_moment)),
            ("inverse_variance", Some(self.inverse_variance)),
            ("correlation", self.correlation),
            ("autocorrelation", Some(self.autocorrelation)),
            ("cluster_shade", Some(self.cluster_shade)),
            ("cluster_prominence", Some(self.cluster_prominence)),
            ("information_correlation_1", self.information_correlation_1),
            ("information_correlation_2", Some(self.information_correlation_2)),
        ]
    }
}

/// A matrix as probabilities, with its marginals.
struct Probabilities {
    levels: usize,
    joint: Vec<f64>,
    marginal: Vec<f64>,
    /// Of `|i - j| = k`.
    difference: Vec<f64>,
    /// Of `i + j = k`, levels from 1.
    sum: Vec<f64>,
}

impl Probabilities {
    fn of(glcm: &Glcm) -> Option<Self> {
        let levels = glcm.levels;
        let total = glcm.total();
        if total == 0 {
            return None;
        }
        let joint: Vec<f64> = glcm.counts.iter().map(|&count| f64::from(count) / total as f64).collect();
        let (mut difference, mut sum) = (vec![0.0; levels], vec![0.0; 2 * levels + 1]);
        for (i, line) in joint.chunks_exact(levels).enumerate() {
            for (j, p) in line.iter().enumerate() {
                difference[i.abs_diff(j)] += p;
                sum[i + j + 2] += p;
            }
        }
        let marginal = joint.chunks_exact(levels).map(|line| line.iter().sum()).collect();
        Some(Self { levels, joint, marginal, difference, sum })
    }

    fn features(&self) -> Features {
        let n = self.levels as f64;
        let mean = moment(&self.marginal, 1.0, |i| i);
        let variance = moment(&self.marginal, 1.0, |i| (i - mean).powi(2));
        let difference_average = self.over_differences(|k| k);
        let about = |power: i32| moment(&self.sum, 0.0, |k| (k - 2.0 * mean).powi(power));
        // Σ ij p follows from Σ (i + j)² p and Σ (i - j)² p.
        let contrast = self.over_differences(|k| k * k);
        let autocorrelation = (moment(&self.sum, 0.0, |k| k * k) - contrast) / 4.0;
        let (first, second) = self.information_correlations();
        Features {
            joint_maximum: self.joint.iter().copied().fold(0.0, f64::max),
            joint_average: mean,
            joint_variance: variance,
            joint_entropy: entropy(&self.joint),
            difference_average,
            difference_variance: self.over_differences(|k| (k - difference_average).powi(2)),
            difference_entropy: entropy(&self.difference),
            sum_average: 2.0 * mean,
            sum_variance: about(2),
            sum_entropy: entropy(&self.sum),
            angular_second_moment: self.joint.iter().map(|p| p * p).sum(),
            contrast,
            inverse_difference: self.over_differences(|k| 1.0 / (1.0 + k)),
            normalised_inverse_difference: self.over_differences(|k| 1.0 / (1.0 + k / n)),
            inverse_difference_moment: self.over_differences(|k| 1.0 / (1.0 + k * k)),
            normalised_inverse_difference_moment: self.over_differences(|k| 1.0 / (1.0 + k * k / (n * n))),
            inverse_variance: self.over_differences(|k| if k > 0.0 { 1.0 / (k * k) } else { 0.0 }),
            // Var = (about(2) + contrast) / 4, covariance = (about(2) - contrast) / 4.
            correlation: (variance > 0.0).then(|| (about(2) - contrast) / 4.0 / variance),
            autocorrelation,
            cluster_shade: about(3),
            cluster_prominence: about(4),
            information_correlation_1: first,
            information_correlation_2: second,
        }
    }

    fn over_differences(&self, weight: impl Fn(f64) -> f64) -> f64 {
        moment(&self.difference, 0.0, weight)
    }

    /// `(HXY - HXY1) / HX` and `√(1 - exp(-2 (HXY2 - HXY)))`. The matrix is
    /// symmetric, so HXY1 = HXY2 = 2 HX.
    fn information_correlations(&self) -> (Option<f64>, f64) {
        let (joint, single) = (entropy(&self.joint), entropy(&self.marginal));
        let gain = 2.0 * single - joint;
        let first = (single > 0.0).then(|| -gain / single);
        (first, (1.0 - (-2.0 * gain.max(0.0)).exp()).sqrt())
    }
}

fn moment(probabilities: &[f64], first: f64, weight: impl Fn(f64) -> f64) -> f64 {
    probabilities.iter().enumerate().map(|(k, p)| p * weight(first + k as f64)).sum()
}

fn entropy(probabilities: &[f64]) -> f64 {
    -probabilities.iter().filter(|&&p| p > 0.0).map(|p| p * p.log2()).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::ibsi::{mean, merged, number, phantom, rows, same_digits};
    use ndarray::array;

    #[test]
    fn every_ibsi_feature_has_its_published_value_in_both_aggregations() {
        let slices = phantom();
        let each: Vec<Features> = slices
            .iter()
            .flat_map(|slice| DIRECTIONS.map(|offset| Glcm::of(slice, 6, offset).features().unwrap()))
            .collect();
        let joined: Vec<Features> =
            slices.iter().map(|slice| merged(slice, 6, 1).features().unwrap()).collect();
        let table: Vec<_> = rows(include_str!("../../fixtures/reference/ibsi_glcm.csv")).collect();
        assert_eq!(table.len(), 23);
        for line in table {
            for (values, published, computed) in [(&each, line[1], line[3]), (&joined, line[2], line[4])] {
                let value = mean(values, line[0]);
                assert!(same_digits(value, published), "{}: {value} is not {published}", line[0]);
                let exact = number(computed);
                assert!((value - exact).abs() <= 1e-9 * exact.abs(), "{}: {value} is not {exact}", line[0]);
            }
        }
    }

    /// Two of the 16 published matrices and one of the 4 merged ones.
    #[test]
    fn the_matrices_of_the_phantom_are_the_published_ones() {
        let slices = phantom();
        let down = Glcm::of(&slices[0], 6, (0, 1));
        assert_eq!([down.count(1, 1), down.count(1, 4), down.count(4, 6), down.count(6, 6)], [10, 4, 1, 4]);
        let rising = Glcm::of(&slices[2], 6, (1, -1));
        assert_eq!([rising.count(1, 1), rising.count(4, 1), rising.total() as u32], [10, 2, 16]);
        let all = merged(&slices[1], 6, 1);
        assert_eq!([all.count(1, 3), all.count(3, 4), all.count(3, 6), all.total() as u32], [5, 1, 2, 100]);
    }

    #[test]
    fn scikit_image_gives_the_same_values_on_a_large_plane() {
        let plane = Array2::from_shape_fn((48, 64), |(y, x)| ((7 * x + 13 * y + x * y) % 32 + 1) as u8);
        let each = DIRECTIONS.map(|(dx, dy)| Glcm::of(&plane, 32, (3 * dx, 3 * dy)).features().unwrap());
        let joined = [merged(&plane, 32, 3).features().unwrap()];
        for line in rows(include_str!("../../fixtures/reference/glcm_scikit_image.csv")) {
            let values = [mean(&each, line[0]), mean(&joined, line[0])];
            for (value, expected) in values.into_iter().zip([number(line[1]), number(line[2])]) {
                assert!((value - expected).abs() <= 1e-9 * expected, "{}: {value}, {expected}", line[0]);
            }
        }
    }

    #[test]
    fn a_checkerboard_is_worked_out_by_hand() {
        let plane = Array2::from_shape_fn((100, 100), |(y, x)| ((x + y) % 2 * 3 + 1) as u8);
        // Across, every pair is 1 and 4; on the diagonal, half 1 1, half 4 4.
        let across = Glcm::of(&plane, 4, (1, 0)).features().unwrap();
        assert_eq!((across.contrast, across.joint_entropy), (9.0, 1.0));
        assert!((across.correlation.unwrap() + 1.0).abs() < 1e-12);
        let diagonal = Glcm::of(&plane, 4, (1, 1)).features().unwrap();
        assert_eq!((diagonal.contrast, diagonal.inverse_difference_moment), (0.0, 1.0));
        assert!((diagonal.correlation.unwrap() - 1.0).abs() < 1e-3);
    }

    #[test]
    fn a_ramp_differs_by_its_slope_everywhere() {
        let plane = Array2::from_shape_fn((50, 32), |(_, x)| x as u8 + 1);
        let features = Glcm::of(&plane, 32, (3, 0)).features().unwrap();
        assert!((features.contrast - 9.0).abs() < 1e-12 && features.difference_entropy.abs() < 1e-12);
        assert!((features.inverse_difference_moment - 0.1).abs() < 1e-12);
        assert!((features.joint_average - 16.5).abs() < 1e-12);
    }

    #[test]
    fn a_constant_has_no_correlation_rather_than_a_perfect_one() {
        let features = merged(&Array2::from_elem((64, 64), 3), 8, 1).features().unwrap();
        assert_eq!((features.correlation, features.information_correlation_1), (None, None));
        assert_eq!((features.contrast, features.angular_second_moment), (0.0, 1.0));
        assert_eq!(Glcm::of(&array![[0, 1], [0, 0]], 8, (1, 0)).features(), None);
    }

    #[test]
    fn merged_counts_do_not_change_under_flips_and_quarter_turns() {
        let plane = Array2::from_shape_fn((9, 9), |(y, x)| ((x * 5 + y * y * 3) % 7) as u8);
        let turned = Array2::from_shape_fn((9, 9), |(y, x)| plane[[8 - x, y]]);
        let flipped = Array2::from_shape_fn((9, 9), |(y, x)| plane[[y, 8 - x]]);
        assert_eq!(merged(&plane, 6, 2), merged(&turned, 6, 2));
        assert_eq!(merged(&plane, 6, 2), merged(&flipped, 6, 2));
    }

    #[test]
    fn taking_a_part_away_leaves_the_rest() {
        let plane = Array2::from_shape_fn((6, 6), |(y, x)| ((x * y) % 3 + 1) as u8);
        let (across, down) = (Glcm::of(&plane, 3, (1, 0)), Glcm::of(&plane, 3, (0, 1)));
        let mut both = across.clone();
        both.merge(&down);
        assert_eq!(both.without(&down), across);
    }
}
