//! `check.json`: how two reports differ.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The schema that [`Check`] follows.
pub const CHECK_SCHEMA: &str = "dermalapse.check/1";

/// How reports differ from golden ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    /// [`CHECK_SCHEMA`].
    pub schema: String,
    /// What was compared, family by family.
    pub compared: Vec<Compared>,
    /// What differs beyond tolerance.
    pub differences: Vec<Difference>,
    /// What differs but does not count.
    pub notes: Vec<Difference>,
    /// Tolerances that were given but met nothing.
    pub unused_tolerances: Vec<String>,
}

/// Entries of one view that belong together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Compared {
    /// The patient.
    pub patient: String,
    /// The view; `null` for what concerns the patient as a whole.
    pub view: Option<String>,
    /// A family of metrics, or another part of the report.
    pub family: String,
    /// Entries compared.
    pub entries: usize,
    /// How many of them differ.
    pub differences: usize,
}

/// How an entry differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceKind {
    /// A number beyond its tolerance.
    Number,
    /// Another text, status or verdict, or a value where there was none.
    Other,
    /// In the golden report only.
    Missing,
    /// Not in the golden report.
    Extra,
}

/// An entry that differs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Difference {
    /// Where it stands.
    #[serde(flatten)]
    pub place: Place,
    /// The key, with those above it.
    pub key: String,
    /// How it differs.
    pub kind: DifferenceKind,
    /// In the golden report; `null` if it is not there.
    pub golden: Value,
    /// In the report; `null` if it is not there.
    pub actual: Value,
    /// How far a number lies from the golden one; of a matrix, how far it
    /// moves the photo's corners, pixels.
    pub difference: Option<f64>,
    /// How far it may.
    pub allowed: Option<f64>,
    /// By how much it lies farther.
    pub exceeded_by: Option<f64>,
}

/// Where an entry stands in a report.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Place {
    /// The patient.
    pub patient: String,
    /// The view.
    pub view: Option<String>,
    /// The session; of a change, the later one.
    pub session: Option<String>,
    /// The region.
    pub region: Option<String>,
    /// The metric, the lesion's id, or another part of the report.
    pub metric: Option<String>,
    /// The family of metrics, or another part of the report.
    pub family: String,
}
