//! One visit, as it stands in the report.
//!
//! These records are the report's JSON: field names and units are its keys.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::Warning;
use crate::metrics::{Aspect, Measured, metric};
use crate::photo::CaptureFacts;
use crate::quality::Measures;
use crate::statistics::Repeatability;
use crate::treatment::TreatmentFacts;

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
    /// The treatments before it; `null` if none is known.
    #[serde(default)]
    pub treatment: Option<TreatmentFacts>,
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
    /// Share of the photo that is valid skin, `0..=1`.
    #[serde(default)]
    pub skin_fraction: Option<f64>,
    /// Width of edges, full width at half maximum, mm; `null` without scale.
    #[serde(default)]
    pub focus_mm: Option<f64>,
    /// Median linear green of the skin, `0..=1`.
    #[serde(default)]
    pub exposure: Option<f64>,
    /// Distance of the skin's log chromaticity from that of skin of any tone in daylight.
    #[serde(default)]
    pub colour_cast: Option<f64>,
    /// Standard deviation of the noise in cells of a tenth of a millimetre, density units.
    #[serde(default)]
    pub noise: Option<f64>,
    /// What the camera noted.
    #[serde(default)]
    pub capture: CaptureFacts,
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
    /// Colour difference that is left, ΔE2000: the median on unchanged skin, or
    /// the mean over the patches of a card.
    pub delta_e_2000: Option<f64>,
    /// The largest over the patches of a card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delta_e_2000_max: Option<f64>,
    /// The smooth field of light that was divided out; none if it is even.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub light: Option<LightRecord>,
}

/// The slope of the light over a photo: relative to the baseline's with
/// reference skin, by itself with a card.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LightRecord {
    /// Where the light grows, degrees from the photo's x axis towards its top: 0 right, 90 top.
    pub direction_deg: f64,
    /// By how much the brightest place is brighter than the darkest, as a share.
    pub strength: f64,
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
    /// What it was judged by; `null` of the baseline and of photos that were not aligned.
    #[serde(default)]
    pub measures: Option<Measures>,
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
    /// Expected median error of the region's place, native pixels of this
    /// photo; absent where nothing had to be placed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub residual_px: Option<f64>,
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
    /// The value of each photo of this session that was measured, in the
    /// order of their shots; only with repeat photos.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shots: Vec<Option<f64>>,
}

impl MetricRecord {
    /// The record of a value, or of why there is none. Skin sampled and
    /// capture errors are independent, so their squares add.
    ///
    /// Confidence is low below 4 tiles of skin, medium below 12, high
    /// from there; and at most `limit`, what the photo itself allows.
    pub fn new(measured: &Measured, repeatability: &Repeatability, limit: Confidence) -> Self {
        let unit = metric(measured.id).map_or("", |metric| metric.unit).to_owned();
        let estimate = match &measured.outcome {
            Ok(estimate) => estimate,
            Err(reason) => {
                let reason = Some((*reason).to_owned());
                let shots = Vec::new();
                return Self { value: None, reason, standard_error: None, unit, confidence: None, shots };
            }
        };
        let capture = repeatability.of(measured.id).map_or(0.0, |error| error.at(estimate.value()));
        let confidence = match estimate.tiles() {
            0..4 => Confidence::Low,
            4..12 => Confidence::Medium,
            _ => Confidence::High,
        };
        Self {
            value: Some(estimate.value()),
            reason: None,
            standard_error: estimate.standard_error().map(|sampling| sampling.hypot(capture)),
            unit,
            confidence: Some(confidence.min(limit)),
            shots: Vec::new(),
        }
    }
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
    /// Whether redness belongs to the healing of a treatment.
    pub healing: bool,
    /// Why colour cannot be compared with the baseline, if it cannot.
    pub colour_blocked: Option<String>,
    /// Why relief cannot be compared with the baseline, if it cannot.
    pub relief_blocked: Option<String>,
    /// Standard error of the logarithm of the colour gains, red, green, blue,
    /// against the baseline; 0 for the baseline itself.
    pub gain_log_sd: [f64; 3],
    /// Standard error of the logarithm of colour contrasts within the photo,
    /// against the baseline: light that falls otherwise adds another veil of
    /// surface reflection, which pales spots and red patches.
    pub contrast_log_sd: f64,
    /// Standard error of the excess of melanin and of hemoglobin at a place,
    /// from the compression of the photo, relative density units.
    pub level_error: [f64; 2],
    /// Standard error of the logarithm of the contrast of all relief, against the
    /// baseline: what changed everywhere and at every size alike, a lamp that stood higher
    /// or lower does as well.
    pub relief_log_sd: f64,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Estimate, NO_SCALE};

    #[test]
    fn a_record_joins_the_errors_of_skin_and_capture() {
        // The mean of 2 and 4 errs by 1; a* by 0.25 from photo to photo.
        let mean = Estimate::ratio(&[2.0, 4.0], &[1.0, 1.0]);
        let measured = Measured::new("redness.a_star_mean", mean, "none");
        let record = MetricRecord::new(&measured, &Repeatability::default(), Confidence::High);
        assert!((record.standard_error.unwrap() - 1.0625f64.sqrt()).abs() < 1e-12);
        assert_eq!((record.value, record.confidence), (Some(3.0), Some(Confidence::Low)));
        assert_eq!(record.unit, "CIELAB a*");
    }

    #[test]
    fn a_value_that_cannot_exist_is_recorded_with_its_reason() {
        let measured = Measured::absent("pigmentation.spot_density_per_cm2", NO_SCALE);
        let record = MetricRecord::new(&measured, &Repeatability::default(), Confidence::High);
        assert_eq!((record.value, record.reason.as_deref()), (None, Some("no_scale")));
        assert_eq!((record.standard_error, record.confidence, record.unit.as_str()), (None, None, "1/cm^2"));
    }

    #[test]
    fn confidence_grows_with_the_skin_measured_but_not_beyond_the_photos() {
        let confidence = |tiles: usize, limit: Confidence| {
            let mean = Estimate::ratio(&vec![1.0; tiles], &vec![1.0; tiles]);
            let measured = Measured::new("redness.a_star_mean", mean, "none");
            MetricRecord::new(&measured, &Repeatability::default(), limit).confidence
        };
        let [low, medium, high] = [Confidence::Low, Confidence::Medium, Confidence::High];
        assert_eq!([3, 4, 12].map(|tiles| confidence(tiles, high)), [Some(low), Some(medium), Some(high)]);
        assert_eq!(confidence(12, medium), Some(medium));
    }
}
