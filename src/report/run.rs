//! `run.json`: what was read, under which settings, and what became of it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::Warning;
pub use crate::series::RUN_SCHEMA;
use crate::series::{Tool, Verdict};
use crate::settings::Settings;

/// What became of a photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PhotoStatus {
    /// It was measured.
    Ok,
    /// It was measured, with warnings.
    Warning,
    /// It could not be decoded.
    Unreadable,
    /// It could not be used or aligned.
    Rejected,
    /// It was measured, but cannot be compared with the baseline.
    NotComparable,
}

impl PhotoStatus {
    /// Whether the photo took its full part in the result.
    pub fn is_done(self) -> bool {
        matches!(self, Self::Ok | Self::Warning)
    }
}

/// What became of one photo.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PhotoOutcome {
    /// The patient.
    pub patient: String,
    /// The session.
    pub session: String,
    /// Whether the session is the one that others are compared with.
    #[serde(default)]
    pub baseline: bool,
    /// The view.
    pub view: String,
    /// Which of several photos of one view in one session, from 1.
    pub shot: u32,
    /// File name, without its folder.
    pub file: String,
    /// BLAKE3 hash of the file's bytes; `null` if it could not be read.
    pub blake3: Option<String>,
    /// What became of it.
    pub status: PhotoStatus,
    /// Why it did not take its full part.
    pub reason: Option<String>,
    /// What makes it less reliable.
    pub warnings: Vec<Warning>,
}

/// Input that was left out, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct LeftOut {
    /// The file, folder or manifest row, relative to the input.
    pub input: String,
    /// Why.
    pub reason: String,
}

/// A patient of the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PatientOutcome {
    /// The pseudonym.
    pub id: String,
    /// The arm of a study.
    #[serde(default)]
    pub arm: Option<String>,
    /// Whether a report was written.
    pub report: bool,
    /// Why not.
    pub reason: Option<String>,
    /// Views in the report.
    pub views: usize,
    /// Sessions in the report, counted in every view.
    pub sessions: usize,
    /// Changes by what can be said of them.
    pub changes: BTreeMap<Verdict, usize>,
    /// What was odd about the input.
    pub warnings: Vec<Warning>,
}

/// A run of `analyze`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    /// [`RUN_SCHEMA`].
    pub schema: String,
    /// What ran.
    pub tool: Tool,
    /// Under which settings.
    pub settings: Settings,
    /// Scale given for all photos, pixels per millimetre.
    pub px_per_mm: Option<f64>,
    /// Every patient, by id.
    pub patients: Vec<PatientOutcome>,
    /// Every photo, by patient, view, session and shot.
    pub photos: Vec<PhotoOutcome>,
    /// Photos, folders and manifest rows that could not be placed.
    pub problems: Vec<LeftOut>,
    /// Files that are no photographs.
    pub skipped: Vec<LeftOut>,
}

impl Run {
    /// Whether every photo took its full part.
    pub fn is_complete(&self) -> bool {
        self.problems.is_empty()
            && self.patients.iter().all(|patient| patient.report)
            && self.photos.iter().all(|photo| photo.status.is_done())
    }
}
