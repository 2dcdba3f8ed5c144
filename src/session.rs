//! One visit, as it stands in the report.
//!
//! These records are the report's JSON: field names and units are its keys.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::Warning;
use crate::metrics::{Aspect, Measured};

/// One visit: its photos, how good they are, how they were calibrated and
/// aligned, and what was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Session {
    /// The session's name, as in the folder or the manifest.
    pub session: String,
    /// Its date, `YYYY-MM-DD`; `null` if none is known.
    pub date: Option<String>,
    /// Days since the baseline; `null` without dates.
    pub day: Option<i64>,
    /// Its photos of this view.
    pub photos: Vec<PhotoRecord>,
    /// How good they are.
    pub quality: QualityRecord,
    /// How colours were brought to the baseline's.
    pub calibration: CalibrationRecord,
    /// How the photo lies on the baseline.
    pub alignment: AlignmentRecord,
    /// Whether it may be compared with the baseline.
    pub comparable: ComparableRecord,
    /// What was measured, region by region.
    pub regions: Vec<RegionRecord>,
}

/// A photo.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PhotoRecord {
    /// File name, without its folder.
    pub file: String,
    /// BLAKE3 hash of the file's bytes, hexadecimal.
    pub blake3: String,
    /// Width of the upright photo, pixels.
    pub width: usize,
    /// Height of the upright photo, pixels.
    pub height: usize,
    /// Which of several photos of one view in one session, from 1.
    pub shot: u32,
}

/// How good a photo is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct QualityRecord {
    /// Whether anything can be measured on it.
    pub usable: bool,
    /// How sharp it is, `0..=1`; 1 is as sharp as the pixels allow.
    pub sharpness: Option<f64>,
    /// Share of the skin that is too bright or too dark to measure, `0..=1`.
    pub clipped_fraction: f64,
    /// Share of the skin that mirrors the light, `0..=1`.
    pub glare_fraction: f64,
    /// What makes it less reliable.
    pub warnings: Vec<Warning>,
}

/// How colours were brought to a common footing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CalibrationMethod {
    /// By a colour card.
    Card,
    /// By skin that did not change.
    ReferenceSkin,
    /// By a white patch.
    WhitePatch,
    /// Not at all: the camera's own colours.
    None,
}

/// How colours were brought to the baseline's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CalibrationRecord {
    /// By what.
    pub method: CalibrationMethod,
    /// Median colour difference that is left, ΔE2000.
    pub delta_e_2000: Option<f64>,
}

/// Whether a photo lies on the baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlignmentStatus {
    /// It is the baseline.
    Baseline,
    /// It was aligned to the baseline.
    Aligned,
    /// It could not be aligned.
    Rejected,
}

/// How a photo lies on the baseline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AlignmentRecord {
    /// Whether it does.
    pub status: AlignmentStatus,
    /// Why not.
    pub reason: Option<String>,
    /// Homography from baseline pixels to this photo's; `null` if rejected.
    pub matrix: Option<[[f64; 3]; 3]>,
    /// Expected median error, pixels of this photo.
    pub residual_px: Option<f64>,
    /// Share of the baseline's valid skin that this photo shows, `0..=1`.
    pub overlap_fraction: Option<f64>,
}

/// Whether a comparison may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ComparableStatus {
    /// In every respect.
    Yes,
    /// In no respect.
    No,
    /// In some respects; the reasons name the ones that are not.
    Partly,
}

/// Whether a session may be compared with the baseline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ComparableRecord {
    /// Whether it may.
    pub status: ComparableStatus,
    /// Why not, or not in every respect.
    pub reasons: Vec<Warning>,
}

/// What was measured in a region of one session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RegionRecord {
    /// The region's name; `skin` is all skin valid in every session compared.
    pub region: String,
    /// Its area, mm²; `null` without scale.
    pub area_mm2: Option<f64>,
    /// Its area, native pixels of this photo.
    pub area_px: f64,
    /// Values by metric id.
    pub metrics: BTreeMap<String, MetricRecord>,
}

/// A metric's value, or why there is none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MetricRecord {
    /// The value; `null` where it cannot exist.
    pub value: Option<f64>,
    /// Why there is no value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Standard error of the value: skin sampled and capture together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standard_error: Option<f64>,
    /// The catalogue's unit.
    pub unit: String,
    /// How much it can be relied on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Confidence>,
}

/// How much a value can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Outside what the method was tested for, or from too little skin.
    Low,
    /// Usable with care.
    Medium,
    /// As the catalogue says.
    High,
}

/// What one session brings to the comparison: the estimates behind its record.
#[derive(Debug, Clone)]
pub struct SessionMetrics {
    /// The session's name.
    pub session: String,
    /// Days since the baseline, if dated.
    pub day: Option<i64>,
    /// Why colour cannot be compared with the baseline, if it cannot.
    pub colour_blocked: Option<String>,
    /// Why relief cannot be compared with the baseline, if it cannot.
    pub relief_blocked: Option<String>,
    /// Standard error of the logarithm of the colour gains, red, green, blue,
    /// against the baseline; 0 for the baseline itself.
    pub gain_log_sd: [f64; 3],
    /// The estimates of each region, in the same order in every session.
    pub regions: Vec<(String, Vec<Measured>)>,
    /// Estimates of further shots of the same view in this session, measured
    /// alike: what repeatability is learned from.
    pub repeats: Vec<Vec<(String, Vec<Measured>)>>,
}

impl SessionMetrics {
    /// Why an aspect cannot be compared with the baseline, if it cannot.
    pub fn blocked(&self, aspect: Aspect) -> Option<&str> {
        match aspect {
            Aspect::Colour => self.colour_blocked.as_deref(),
            Aspect::Relief => self.relief_blocked.as_deref(),
        }
    }
}
