//! Repeated measurements of several patients at once: a linear model with a
//! random intercept for each patient.
//!
//! A patient's values share one deviation of variance σᵤ², and each has one of
//! its own of variance σₑ². Then the covariance of a patient's n values has
//! two eigenvalues, `σₑ² + nσᵤ²` on their mean and `σₑ²` on what deviates from
//! it, and everything needed are sums of squares and products of means and of
//! deviations.

use nalgebra::{DMatrix, DVector};

use crate::statistics::Uncertain;

/// A value with what the model explains it by.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// The explaining numbers, as many for every value; 1 for an intercept.
    pub design: Vec<f64>,
    /// The value.
    pub value: f64,
}

/// A fitted model.
#[derive(Debug, Clone, PartialEq)]
pub struct MixedModel {
    /// The coefficient of each explaining number, with its variance and
    /// Satterthwaite's degrees of freedom.
    pub coefficients: Vec<Uncertain>,
    /// Standard deviation between patients, σᵤ.
    pub patient_sd: f64,
    /// Standard deviation within a patient, σₑ.
    pub residual_sd: f64,
}

/// Fits the model by restricted maximum likelihood (Patterson & Thompson 1971,
/// *Biometrika* 58:545), with degrees of freedom by Satterthwaite from the
/// expected information (Giesbrecht & Burns 1985, *Biometrics* 41:477). A
/// variance between patients that would be negative is 0; then this is an
/// ordinary linear model. `None` if the values do not determine every
/// coefficient or leave no residual.
pub fn random_intercept(patients: &[Vec<Observation>]) -> Option<MixedModel> {
    let sums = Sums::of(patients)?;
    let at = |log_ratio: f64| sums.deviance(log_ratio.exp());
    let least = minimum(&at, -14.0, 14.0)?;
    if sums.deviance(0.0)? <= at(least)? + 1e-9 {
        return sums.model(sums.variance(0.0)?, 0.0);
    }
    let (residual, ratio) = (sums.variance(least.exp())?, least.exp());
    let [residual, between] = sums.polished([residual, ratio * residual]);
    sums.model(residual, between)
}

/// The place of the least value of `f`: the best of a grid, then golden section.
fn minimum(f: &impl Fn(f64) -> Option<f64>, low: f64, high: f64) -> Option<f64> {
    const STEPS: u32 = 56;
    let step = (high - low) / f64::from(STEPS);
    let mut best = (f(low)?, low);
    for index in 1..=STEPS {
        let place = low + step * f64::from(index);
        let value = f(place)?;
        if value < best.0 {
            best = (value, place);
        }
    }
    let shrink = 0.5 * (5.0f64.sqrt() - 1.0);
    let (mut from, mut to) = (best.1 - step, best.1 + step);
    for _ in 0..40 {
        let (a, b) = (to - shrink * (to - from), from + shrink * (to - from));
        if f(a)? < f(b)? { to = b } else { from = a }
    }
    Some((from + to) / 2.0)
}

/// Sums of products of explaining numbers and value, over each patient's
/// deviations from the mean and over means times the number of values.
struct Sums {
    patients: Vec<(f64, DMatrix<f64>, DMatrix<f64>)>,
    values: f64,
    coefficients: usize,
}

/// What follows from both variances.
struct Fit {
    /// Inverse of `Xᵀ V⁻¹ X`: the covariance of the coefficients.
    covariance: DMatrix<f64>,
    coefficients: DVector<f64>,
    /// Logarithm of the determinant of `Xᵀ V⁻¹ X`.
    log_determinant: f64,
    /// The value's residual as a combination of explaining numbers and value.
    residual: DVector<f64>,
}

impl Sums {
    fn of(patients: &[Vec<Observation>]) -> Option<Self> {
        let coefficients = patients.iter().flatten().next()?.design.len();
        let sums = |patient: &Vec<Observation>| {
            let row = |o: &Observation| {
                DVector::from_iterator(coefficients + 1, o.design.iter().copied().chain([o.value]))
            };
            let rows: Vec<_> = patient.iter().map(row).collect();
            let n = rows.len() as f64;
            let mean = rows.iter().fold(DVector::zeros(coefficients + 1), |sum, row| sum + row) / n;
            let square = |v: DVector<f64>| &v * v.transpose();
            let none = DMatrix::zeros(coefficients + 1, coefficients + 1);
            let within = rows.iter().fold(none, |sum, row| sum + square(row - &mean));
            (n, within, square(mean) * n)
        };
        let same = patients.iter().flatten().all(|o| o.design.len() == coefficients && o.value.is_finite());
        let values = patients.iter().map(Vec::len).sum::<usize>() as f64;
        let patients = patients.iter().filter(|patient| !patient.is_empty()).map(sums).collect();
        (same && values > coefficients as f64).then_some(Self { patients, values, coefficients })
    }

    /// The sum over patients of products weighted by `within` and `mean`,
    /// functions of the number of values.
    fn weighted(&self, within: impl Fn(f64) -> f64, mean: impl Fn(f64) -> f64) -> DMatrix<f64> {
        let none = DMatrix::zeros(self.coefficients + 1, self.coefficients + 1);
        self.patients.iter().fold(none, |sum, (n, w, m)| sum + w * within(*n) + m * mean(*n))
    }

    /// The generalised least squares fit; `None` if it is not determined.
    fn fit(&self, residual: f64, between: f64) -> Option<Fit> {
        let all = self.weighted(|_| 1.0 / residual, |n| 1.0 / (residual + n * between));
        let p = self.coefficients;
        let (design, with_value) = (all.view((0, 0), (p, p)).into_owned(), all.view((0, p), (p, 1)));
        // Scaled, so that what is nearly dependent does not hide behind units.
        let scale = DVector::from_iterator(p, design.diagonal().iter().map(|d| 1.0 / d.sqrt()));
        let scaled = DMatrix::from_fn(p, p, |i, j| design[(i, j)] * scale[i] * scale[j]);
        let cholesky = scaled.cholesky().filter(|c| c.l_dirty().diagonal().iter().all(|d| *d > 1e-6))?;
        let log_determinant =
            2.0 * cholesky.l_dirty().diagonal().iter().zip(&scale).map(|(d, s)| (d / s).ln()).sum::<f64>();
        let inverse = cholesky.inverse();
        let covariance = DMatrix::from_fn(p, p, |i, j| inverse[(i, j)] * scale[i] * scale[j]);
        let coefficients = &covariance * with_value;
        let residual = DVector::from_iterator(p + 1, coefficients.iter().map(|c| -c).chain([1.0]));
        Some(Fit { covariance, coefficients: coefficients.column(0).into_owned(), log_determinant, residual })
    }

    fn degrees(&self) -> f64 {
        self.values - self.coefficients as f64
    }

    /// The residual variance that belongs to a ratio `σᵤ² / σₑ²`; `None` if
    /// nothing is left.
    fn variance(&self, ratio: f64) -> Option<f64> {
        let fit = self.fit(1.0, ratio)?;
        let all = self.weighted(|_| 1.0, |n| 1.0 / (1.0 + n * ratio));
        let variance = quadratic(&all, &fit.residual) / self.degrees();
        (variance > 1e-24 * all[(self.coefficients, self.coefficients)]).then_some(variance)
    }

    /// Twice the negative restricted log-likelihood of a ratio, up to a constant.
    fn deviance(&self, ratio: f64) -> Option<f64> {
        let fit = self.fit(1.0, ratio)?;
        let log_v: f64 = self.patients.iter().map(|(n, ..)| (n * ratio).ln_1p()).sum();
        Some(self.degrees() * self.variance(ratio)?.ln() + log_v + fit.log_determinant)
    }

    /// Both variances after a few steps of Fisher's scoring, which end where
    /// the likelihood is flat to the last digits.
    fn polished(&self, start: [f64; 2]) -> [f64; 2] {
        let mut now = start;
        for _ in 0..20 {
            let Some(next) = self.scored(now) else { return now };
            // Scoring that leads away has nothing to improve.
            if next.iter().zip(now).any(|(next, now)| (next - now).abs() > 1e-2 * now) {
                return now;
            }
            now = next;
        }
        now
    }

    fn scored(&self, [residual, between]: [f64; 2]) -> Option<[f64; 2]> {
        let fit = self.fit(residual, between)?;
        let [within, mean] = inverse(residual, between);
        let score = [PLAIN, SHARED].map(|[of_within, of_mean]| {
            let traces = self
                .patients
                .iter()
                .map(|(n, ..)| (n - 1.0) * of_within(*n) * within(*n) + of_mean(*n) * mean(*n));
            let weighted =
                self.weighted(|n| of_within(n) * within(n).powi(2), |n| of_mean(n) * mean(n).powi(2));
            let design = self.design(&weighted);
            let trace = traces.sum::<f64>() - (&fit.covariance * design).trace();
            (quadratic(&weighted, &fit.residual) - trace) / 2.0
        });
        let step = self.information(&fit, residual, between).try_inverse()? * DVector::from_row_slice(&score);
        let next = [residual + step[0], between + step[1]];
        next.iter().all(|variance| *variance > 0.0).then_some(next)
    }

    /// The block of explaining numbers.
    fn design(&self, all: &DMatrix<f64>) -> DMatrix<f64> {
        all.view((0, 0), (self.coefficients, self.coefficients)).into_owned()
    }

    /// The expected information on σₑ² and σᵤ², `½ tr(P Vⱼ P Vₖ)`.
    fn information(&self, fit: &Fit, residual: f64, between: f64) -> DMatrix<f64> {
        let [within, mean] = inverse(residual, between);
        let parts = [PLAIN, SHARED];
        let single = parts.map(|[w, m]| {
            self.design(&self.weighted(|n| w(n) * within(n).powi(2), |n| m(n) * mean(n).powi(2)))
        });
        DMatrix::from_fn(2, 2, |j, k| {
            let ([wj, mj], [wk, mk]) = (parts[j], parts[k]);
            let trace = self.patients.iter().map(|(n, ..)| {
                let n = *n;
                (n - 1.0) * wj(n) * wk(n) * within(n).powi(2) + mj(n) * mk(n) * mean(n).powi(2)
            });
            let double = self.design(
                &self.weighted(|n| wj(n) * wk(n) * within(n).powi(3), |n| mj(n) * mk(n) * mean(n).powi(3)),
            );
            let once = 2.0 * (&fit.covariance * double).trace();
            let twice = (&fit.covariance * &single[j] * &fit.covariance * &single[k]).trace();
            0.5 * (trace.sum::<f64>() - once + twice)
        })
    }

    fn model(&self, residual: f64, between: f64) -> Option<MixedModel> {
        let fit = self.fit(residual, between)?;
        let information = self.information(&fit, residual, between);
        let [within, mean] = inverse(residual, between);
        let gradients = [PLAIN, SHARED].map(|[w, m]| {
            let weighted = self.weighted(|n| w(n) * within(n).powi(2), |n| m(n) * mean(n).powi(2));
            (&fit.covariance * self.design(&weighted) * &fit.covariance).diagonal()
        });
        let inverse = information.try_inverse();
        let coefficient = |index: usize| {
            let variance = fit.covariance[(index, index)];
            let gradient = DVector::from_iterator(2, gradients.iter().map(|g| g[index]));
            // Without variance between patients only σₑ² is estimated.
            let of_variance =
                inverse.as_ref().filter(|_| between > 0.0).map(|inverse| quadratic(inverse, &gradient));
            let degrees = of_variance.map_or(self.degrees(), |v| 2.0 * variance * variance / v);
            Uncertain { value: fit.coefficients[index], variance, degrees }
        };
        let coefficients = (0..self.coefficients).map(coefficient).collect();
        Some(MixedModel { coefficients, patient_sd: between.sqrt(), residual_sd: residual.sqrt() })
    }
}

/// Eigenvalues of a derivative of the covariance, on deviations and on the
/// mean of n values.
type Eigenvalues = [fn(f64) -> f64; 2];

/// By σₑ²: the identity.
const PLAIN: Eigenvalues = [|_| 1.0, |_| 1.0];

/// By σᵤ²: all ones.
const SHARED: Eigenvalues = [|_| 0.0, |n| n];

/// Eigenvalues of the inverse covariance.
fn inverse(residual: f64, between: f64) -> [impl Fn(f64) -> f64; 2] {
    [0.0, 1.0].map(|mean| move |n: f64| 1.0 / (residual + mean * n * between))
}

fn quadratic(matrix: &DMatrix<f64>, vector: &DVector<f64>) -> f64 {
    (vector.transpose() * matrix * vector)[(0, 0)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::reference::{number, numbers, reference};

    /// Patient, arm, time and value as observations of value by time, arm and both.
    fn patients(rows: &[Vec<f64>]) -> Vec<Vec<Observation>> {
        let arms = rows.iter().any(|row| row[1] > 0.0);
        let of = |row: &Vec<f64>| {
            let design = if arms { vec![1.0, row[2], row[1], row[1] * row[2]] } else { vec![1.0, row[2]] };
            Observation { design, value: row[3] }
        };
        rows.chunk_by(|a, b| a[0] == b[0]).map(|rows| rows.iter().map(of).collect()).collect()
    }

    /// MixedLM of statsmodels, which lists coefficients as intercept, time,
    /// arm, both, with NumPy's errors under its variances; by the script beside
    /// the values.
    #[test]
    fn coefficients_errors_and_variances_agree_with_statsmodels() {
        for (name, case) in reference("mixed") {
            let rows: Vec<Vec<f64>> = case["rows"].as_array().unwrap().iter().map(numbers).collect();
            let model = random_intercept(&patients(&rows)).unwrap();
            let close = |found: f64, expected: f64| {
                assert!(
                    (found - expected).abs() < 1e-6 * expected.abs().max(0.1),
                    "{name}: {found}, not {expected}"
                );
            };
            close(model.patient_sd.powi(2), number(&case["patient_variance"]));
            close(model.residual_sd.powi(2), number(&case["residual_variance"]));
            let expected = numbers(&case["coefficients"]).into_iter().zip(numbers(&case["standard_errors"]));
            for (found, (value, error)) in model.coefficients.iter().zip(expected) {
                close(found.value, value);
                close(found.standard_error(), error);
            }
        }
    }

    /// In a balanced design the slope is estimated within patients, so its
    /// degrees of freedom are those of the residual: 7 · 3 − 1, and 10 · 3 − 2
    /// for two arms. Patients' means have 10 − 2.
    #[test]
    fn degrees_of_freedom_of_a_balanced_design_are_the_exact_ones() {
        for (name, case) in reference("mixed").into_iter().filter(|(name, _)| name != "gaps") {
            let rows: Vec<Vec<f64>> = case["rows"].as_array().unwrap().iter().map(numbers).collect();
            let model = random_intercept(&patients(&rows)).unwrap();
            let degrees: Vec<f64> = model.coefficients.iter().map(|c| c.degrees).collect();
            let expected = if name == "one arm" { 20.0 } else { 28.0 };
            assert!((degrees[1] - expected).abs() < 1e-5, "{name}: {degrees:?}");
        }
    }

    /// Two visits of each of four patients: the slope is the mean difference,
    /// 1.5, its error that of the paired t test, s / √4 with s² = 5/3, and
    /// three degrees of freedom.
    #[test]
    fn two_visits_are_the_paired_t_test() {
        let pairs = [(10.0, 10.0), (20.0, 21.0), (15.0, 17.0), (12.0, 15.0)];
        let visit = |time: f64, value: f64| Observation { design: vec![1.0, time], value };
        let patients: Vec<_> = pairs.iter().map(|(a, b)| vec![visit(0.0, *a), visit(1.0, *b)]).collect();
        let slope = random_intercept(&patients).unwrap().coefficients[1];
        assert!((slope.value - 1.5).abs() < 1e-9 && (slope.degrees - 3.0).abs() < 1e-5);
        assert!((slope.standard_error() - (5.0f64 / 12.0).sqrt()).abs() < 1e-6);
    }

    #[test]
    fn patients_who_differ_no_more_than_visits_are_an_ordinary_line() {
        let visit = |time: f64, value: f64| Observation { design: vec![1.0, time], value };
        let swap = |sign: f64| vec![visit(0.0, sign), visit(1.0, -sign), visit(2.0, sign)];
        let model = random_intercept(&[swap(1.0), swap(-1.0), swap(1.0), swap(-1.0)]).unwrap();
        assert_eq!((model.patient_sd, model.coefficients[1].degrees), (0.0, 10.0));
        assert!(model.coefficients[1].value.abs() < 1e-12);
    }

    #[test]
    fn values_that_do_not_determine_the_model_have_none() {
        let visit = |time: f64, value: f64| Observation { design: vec![1.0, time], value };
        assert_eq!(random_intercept(&[]), None);
        assert_eq!(random_intercept(&[vec![visit(1.0, 2.0), visit(1.0, 3.0), visit(1.0, 4.0)]]), None);
        let exact = |from: f64| vec![visit(0.0, from), visit(1.0, from + 1.0), visit(2.0, from + 2.0)];
        assert_eq!(random_intercept(&[exact(0.0), exact(0.0)]), None);
    }
}
