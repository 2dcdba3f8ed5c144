//! `measurement.json` and `objects.json`: one photo, measured by itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::series::{LesionKind, ScaleRecord, Tool};
use crate::session::{CalibrationRecord, PhotoRecord, QualityRecord, RegionRecord};

/// The schema that [`Measurement`] follows.
pub const MEASUREMENT_SCHEMA: &str = "dermalapse.measurement/1";

/// The schema that [`Objects`] follows.
pub const OBJECTS_SCHEMA: &str = "dermalapse.objects/1";

/// What was measured on one photo.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Measurement {
    /// [`MEASUREMENT_SCHEMA`].
    pub schema: String,
    /// What made it.
    pub tool: Tool,
    /// The photo.
    pub photo: PhotoRecord,
    /// Its scale.
    pub scale: ScaleRecord,
    /// How good it is.
    pub quality: QualityRecord,
    /// How its colours were calibrated.
    pub calibration: CalibrationRecord,
    /// What was measured, region by region.
    pub regions: Vec<RegionRecord>,
}

/// What was found on one photo, in its native pixels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Objects {
    /// [`OBJECTS_SCHEMA`].
    pub schema: String,
    /// Follicle openings.
    pub pores: Vec<PoreObject>,
    /// Pigmented and vascular spots, and scars.
    pub lesions: Vec<LesionObject>,
    /// Furrows and fine lines.
    pub wrinkles: Vec<WrinkleObject>,
}

/// A follicle opening.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PoreObject {
    /// Its centre.
    pub x_px: f64,
    /// Its centre.
    pub y_px: f64,
    /// Its diameter, pixels.
    pub diameter_px: f64,
    /// Its diameter, µm; `null` without scale.
    pub diameter_um: Option<f64>,
}

/// A lesion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LesionObject {
    /// `kind-number`.
    pub id: String,
    /// What it is.
    pub kind: LesionKind,
    /// Its centre.
    pub x_px: f64,
    /// Its centre.
    pub y_px: f64,
    /// Soft area, pixels.
    pub area_px: f64,
    /// Soft area, mm²; `null` without scale.
    pub area_mm2: Option<f64>,
    /// Excess optical density of its core, natural units.
    pub contrast: f64,
    /// Its outline, a closed polygon without the last point.
    pub outline: Vec<[f64; 2]>,
}

/// A furrow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WrinkleObject {
    /// Points along its middle, in order.
    pub points: Vec<[f64; 2]>,
    /// Its length, pixels.
    pub length_px: f64,
    /// Its length, mm; `null` without scale.
    pub length_mm: Option<f64>,
    /// Its width, pixels.
    pub width_px: f64,
}
