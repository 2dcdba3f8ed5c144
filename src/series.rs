//! A patient's series of sessions: what changed, how surely, and how fast.
//!
//! The records are the report's JSON: field names and units are its keys.

mod comparison;
mod control;
mod course;
mod healing;
mod lesions;
mod scales;
#[cfg(test)]
mod testing;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::Warning;
pub use crate::lesion::{LesionKind, LesionStatus};
pub use crate::series::comparison::{changes, repeatability, trends};
pub use crate::series::control::ControlledChange;
pub use crate::series::course::Course;
pub use crate::series::healing::Recovery;
pub use crate::series::lesions::{capture, lesions};
pub use crate::series::scales::{Basis, ScaleItem, Scales, SubScore};
use crate::session::Session;
use crate::statistics::ErrorSource;
use crate::treatment::Schedule;
use crate::units::ScaleSource;

/// The schema that [`Report`] follows.
pub const REPORT_SCHEMA: &str = "dermalapse.report/1";

/// The schema of a run's `run.json`.
pub const RUN_SCHEMA: &str = "dermalapse.run/1";

/// One patient's report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// [`REPORT_SCHEMA`].
    pub schema: String,
    /// What made it.
    pub tool: Tool,
    /// Whose it is.
    pub patient: Patient,
    /// View by view.
    pub views: Vec<View>,
    /// What concerns the patient as a whole.
    pub warnings: Vec<Warning>,
}

/// What made a report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Tool {
    /// `dermalapse`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// BLAKE3 hash of all settings, hexadecimal.
    pub settings_hash: String,
}

/// A patient.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Patient {
    /// A pseudonym, never a name.
    pub id: String,
    /// The arm of a study.
    pub arm: Option<String>,
    /// Dates of treatment, `YYYY-MM-DD`.
    pub treatments: Vec<String>,
}

/// Pixels per millimetre of the baseline photo.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScaleRecord {
    /// Pixels per millimetre; `null` if unknown.
    pub px_per_mm: Option<f64>,
    /// Where it comes from.
    pub source: ScaleSource,
}

/// One view of a patient over all sessions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct View {
    /// What the photos show.
    pub view: String,
    /// The session all others are compared with.
    pub baseline: String,
    /// Its scale.
    pub scale: ScaleRecord,
    /// How treatments were spaced up to the last session; `null` if none is known.
    #[serde(default)]
    pub schedule: Option<Schedule>,
    /// The sessions in order of time.
    pub sessions: Vec<Session>,
    /// Changes from the baseline to each later session.
    pub changes: Vec<Change>,
    /// Changes beyond those of a region named `control` or `reference`.
    #[serde(default)]
    pub controlled: Vec<ControlledChange>,
    /// Changes per 30 days, where enough sessions allow it.
    pub trends: Vec<Trend>,
    /// How fast redness fades after treatments.
    #[serde(default)]
    pub recoveries: Vec<Recovery>,
    /// Lesions followed through the sessions.
    pub lesions: Vec<Lesion>,
    /// Clinical scales beside what was measured.
    #[serde(default)]
    pub scales: Scales,
}

impl View {
    /// Adds what follows from the sessions and their changes once they are
    /// all there: healing windows, courses, controls, scales.
    pub fn concluded(mut self) -> Self {
        self.recoveries = healing::recoveries(&self);
        healing::spare_healing(&mut self);
        course::name(&mut self);
        self.controlled = control::controlled(&self);
        self.scales = scales::of(&self.sessions);
        self
    }
}

/// What can be said of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// A detectable change in the better direction.
    Improved,
    /// A detectable change in the worse direction.
    Worsened,
    /// A detectable change of a metric that has no better direction.
    Changed,
    /// No change beyond what repeated photographs would show.
    NoDetectableChange,
    /// The photos cannot carry a comparison.
    NotComparable,
}

/// A metric's change from the baseline to a later session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// The region.
    pub region: String,
    /// The metric.
    pub metric: String,
    /// The session it is counted from.
    pub from: String,
    /// The session it is counted to.
    pub to: String,
    /// Later minus earlier, in the metric's unit.
    pub difference: Option<f64>,
    /// The difference in percent of the earlier value; ratio scales only.
    pub percent: Option<f64>,
    /// 95 % confidence interval of the difference.
    pub ci95: Option<[f64; 2]>,
    /// The smallest difference that repeated photographs of unchanged skin do
    /// not show in 95 % of cases.
    pub mdc95: Option<f64>,
    /// Where the error of photographing comes from that `mdc95` rests on.
    #[serde(default)]
    pub mdc_source: Option<ErrorSource>,
    /// What can be said.
    pub verdict: Verdict,
    /// Why nothing can be said.
    pub reason: Option<String>,
}

/// A metric's change per 30 days.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Trend {
    /// The region.
    pub region: String,
    /// The metric.
    pub metric: String,
    /// Theil–Sen slope, metric's unit per 30 days.
    pub slope_per_30_days: f64,
    /// Its 95 % confidence interval; `null` with fewer sessions than allow one.
    pub ci95: Option<[f64; 2]>,
    /// The course in one word; `null` where the metric has no better direction.
    #[serde(default)]
    pub course: Option<Course>,
}

/// A lesion followed through the sessions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Lesion {
    /// Its identity through the series, `kind-number`.
    pub id: String,
    /// What it is.
    pub kind: LesionKind,
    /// Its centre in baseline pixels.
    pub x_px: f64,
    /// Its centre in baseline pixels.
    pub y_px: f64,
    /// Session by session.
    pub track: Vec<LesionSession>,
    /// From its first to its last sighting.
    pub change: LesionChange,
}

/// A lesion in one session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LesionSession {
    /// The session.
    pub session: String,
    /// What became of it.
    pub status: LesionStatus,
    /// Soft area, `dose / contrast`, mm²; `null` without scale.
    pub area_mm2: Option<f64>,
    /// Soft area, pixels of this session's photo.
    pub area_px: Option<f64>,
    /// Excess optical density of its core, natural units.
    pub contrast: Option<f64>,
    /// Integrated excess optical density, density × mm² (× px² without scale).
    pub dose: Option<f64>,
    /// Standard error of the dose, in the same unit.
    pub dose_standard_error: Option<f64>,
    /// Its centre in pixels of this session's photo.
    pub x_px: Option<f64>,
    /// Its centre in pixels of this session's photo.
    pub y_px: Option<f64>,
}

/// How a lesion changed from its first sighting to the last comparable session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LesionChange {
    /// Change of the soft area, percent.
    pub area_percent: Option<f64>,
    /// Change of the contrast, percent.
    pub contrast_percent: Option<f64>,
    /// Change of the dose, percent.
    pub dose_percent: Option<f64>,
    /// 95 % confidence interval of the change of the dose, percent.
    pub ci95: Option<[f64; 2]>,
    /// What can be said.
    pub verdict: Verdict,
    /// Why nothing can be said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
