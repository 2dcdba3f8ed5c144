//! `study.json`: what a study says.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::Warning;

/// The schema that [`Study`] follows.
pub const STUDY_SCHEMA: &str = "dermalapse.study/1";

/// Statistics over the patients and arms of a study. Intervals are of 95 %,
/// tests two-sided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Study {
    /// [`STUDY_SCHEMA`].
    pub schema: String,
    /// What made it.
    pub tool: StudyTool,
    /// How follow-ups were chosen and questions put together.
    pub plan: Plan,
    /// The arms, by name; patients without one stand under `null`.
    pub arms: Vec<Arm>,
    /// Patients of the run who have no report and take no part.
    pub absent: Vec<Absent>,
    /// Photos of the run that could not be used.
    pub failed_photos: Vec<FailedPhoto>,
    /// The follow-ups that are compared with the baseline.
    pub times: Vec<Time>,
    /// Metric by metric, of every view and region.
    pub metrics: Vec<MetricStudy>,
    /// What makes the result less reliable.
    pub warnings: Vec<Warning>,
}

/// What made a study.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StudyTool {
    /// `dermalapse`.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// What was asked.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// Metrics named beforehand: adjusted by Holm among themselves, all
    /// others by Benjamini and Hochberg.
    pub primary: Vec<String>,
    /// Days after the baseline to compare at; empty: follow-ups by their number.
    pub at: Vec<i64>,
    /// Farthest that a session may lie from such a day, days.
    pub within_days: i64,
    /// The arm that others are compared with; `null`: each with each, and the
    /// first by name in the mixed model.
    pub reference: Option<String>,
}

/// The patients of one arm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Arm {
    /// Its name.
    pub arm: Option<String>,
    /// The pseudonyms of its patients.
    pub patients: Vec<String>,
}

/// A patient who was analysed and has no report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Absent {
    /// The pseudonym.
    pub patient: String,
    /// The arm.
    pub arm: Option<String>,
    /// Why there is no report.
    pub reason: String,
}

/// A photo that could not be read or used, so that its session may be missing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FailedPhoto {
    /// The pseudonym of the patient.
    pub patient: String,
    /// The patient's arm.
    pub arm: Option<String>,
    /// The session.
    pub session: String,
    /// `baseline` or `follow_up`.
    pub role: String,
    /// The view.
    pub view: String,
    /// File name, without its folder.
    pub file: String,
    /// `unreadable` or `rejected`.
    pub status: String,
    /// Why.
    pub reason: Option<String>,
}

/// A follow-up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Time {
    /// `visit_1` is the first session after the baseline, `day_90` the one
    /// nearest to day 90, `last` the last that can be compared.
    pub time: String,
    /// Patients with such a session in any view.
    pub patients: usize,
}

/// One metric in one region of one view.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MetricStudy {
    /// The view.
    pub view: String,
    /// The region; `null` for followed lesions, which are those of the view.
    pub region: Option<String>,
    /// The metric, or `lesions.KIND_dose_percent`: the median change of a
    /// patient's followed lesions.
    pub metric: String,
    /// Its unit.
    pub unit: String,
    /// `lower` or `higher` where the field agrees which way is better.
    pub better: Option<String>,
    /// Whether it was named beforehand.
    pub primary: bool,
    /// Change from the baseline in each arm at each follow-up.
    pub changes: Vec<Change>,
    /// How much more one arm changed than another at each follow-up.
    pub contrasts: Vec<Contrast>,
    /// Linear change over all sessions; `null` for lesions.
    pub mixed_model: Option<Mixed>,
    /// How well repeat photos agree; `null` for lesions.
    pub repeats: Option<Repeats>,
}

/// A number with its interval, or why there is none.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Estimated {
    /// The number.
    pub value: Option<f64>,
    /// Its 95 % confidence interval.
    pub ci95: Option<[f64; 2]>,
    /// Why something is `null`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A test, or why there is none.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Tested {
    /// Its name.
    pub test: String,
    /// Its statistic.
    pub statistic: Option<f64>,
    /// `exact` or `normal`, from which distribution.
    pub method: Option<String>,
    /// Two-sided p-value.
    pub p_value: Option<f64>,
    /// P-value adjusted for the other questions of this kind.
    pub p_adjusted: Option<f64>,
    /// `holm` for primary metrics, `benjamini_hochberg` for others.
    pub adjustment: Option<String>,
    /// Why there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How one arm changed from the baseline to a follow-up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// The arm.
    pub arm: Option<String>,
    /// The follow-up.
    pub time: String,
    /// Patients with a comparable change.
    pub n: usize,
    /// Patients without, by the reason.
    pub excluded: BTreeMap<String, usize>,
    /// Least, median and greatest day of their sessions; `null` without dates.
    pub days: Option<[f64; 3]>,
    /// Mean change, with Student's interval.
    pub mean: Estimated,
    /// Standard deviation of the changes.
    pub sd: Option<f64>,
    /// Hodges–Lehmann estimate of the change, with its rank interval.
    pub hodges_lehmann: Estimated,
    /// The same of changes in percent of the baseline; ratio scales only.
    pub percent: Option<Estimated>,
    /// Hedges' g of the paired change.
    pub hedges_g: Estimated,
    /// Wilcoxon's signed-rank test.
    pub test: Tested,
}

/// How much more `arm` changed than `versus`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Contrast {
    /// The arm.
    pub arm: String,
    /// The arm that it is compared with.
    pub versus: String,
    /// The follow-up.
    pub time: String,
    /// Patients of `arm` with a comparable change.
    pub n: usize,
    /// Patients of `versus` with a comparable change.
    pub n_versus: usize,
    /// Hodges–Lehmann estimate of the difference of changes.
    pub hodges_lehmann: Estimated,
    /// Hedges' g of the difference of changes.
    pub hedges_g: Estimated,
    /// The Mann–Whitney test.
    pub test: Tested,
}

/// A linear model of all comparable values with a random intercept for each
/// patient, by restricted maximum likelihood.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Mixed {
    /// Patients in the model.
    pub patients: usize,
    /// Values in the model, baselines included.
    pub values: usize,
    /// Sessions left out, by the reason.
    pub excluded: BTreeMap<String, usize>,
    /// Standard deviation between patients.
    pub patient_sd: Option<f64>,
    /// Standard deviation within a patient.
    pub residual_sd: Option<f64>,
    /// What the values are explained by.
    pub terms: Vec<Term>,
    /// Why there is no model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A coefficient of the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Term {
    /// `intercept` and `per_30_days` of the reference arm; `arm` and
    /// `arm_per_30_days` are what another arm adds to them.
    pub term: String,
    /// The other arm.
    pub arm: Option<String>,
    /// The coefficient.
    pub estimate: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// Satterthwaite's degrees of freedom.
    pub degrees_of_freedom: f64,
    /// Its 95 % confidence interval.
    pub ci95: [f64; 2],
    /// Whether it is 0; only of changes, as differences between arms at
    /// baseline are no question in a trial.
    pub test: Option<Tested>,
}

/// How well repeat photos of one session agree.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Repeats {
    /// Patients with repeats, each by the first session that has some, so
    /// that rows do not depend on each other.
    pub patients: usize,
    /// Photos of each that are used: as many as all of them have.
    pub shots: usize,
    /// ICC(2,1), absolute agreement.
    pub icc_2_1: Estimated,
    /// ICC(3,1), consistency.
    pub icc_3_1: Estimated,
    /// Bland and Altman's limits, of the second photo less the first.
    pub bland_altman: Option<BlandAltman>,
    /// Standard deviation of repeats, over all sessions with some.
    pub within_subject_sd: Option<f64>,
    /// Its degrees of freedom.
    pub degrees_of_freedom: f64,
    /// Change that repeats do not exceed in 95 % of cases, `1.96 √2 s`.
    pub mdc95: Option<f64>,
    /// Why something is `null`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Limits of agreement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BlandAltman {
    /// Mean difference.
    pub bias: Estimated,
    /// Standard deviation of differences.
    pub sd: f64,
    /// `bias − 1.96 sd`.
    pub lower: Estimated,
    /// `bias + 1.96 sd`.
    pub upper: Estimated,
}
