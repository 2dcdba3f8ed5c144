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
    /// Papules of active acne.
    pub papules: Vec<RedObject>,
    /// Open wounds.
    pub wounds: Vec<RedObject>,
    /// Stretch marks.
    pub stretch_marks: Vec<StretchMarkObject>,
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

/// A papule or an open wound.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RedObject {
    /// Its centre.
    pub x_px: f64,
    /// Its centre.
    pub y_px: f64,
    /// Area inside its outline, pixels.
    pub area_px: f64,
    /// Area inside its outline, mm²; `null` without scale.
    pub area_mm2: Option<f64>,
    /// Hemoglobin above its surroundings, density units.
    pub contrast: f64,
    /// Where it is half as red, a closed polygon without the last point.
    pub outline: Vec<[f64; 2]>,
}

/// A stretch mark.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StretchMarkObject {
    /// Red or pale.
    #[serde(rename = "type")]
    pub kind: StretchMarkKind,
    /// Points along its middle, in order.
    pub points: Vec<[f64; 2]>,
    /// Its length, pixels.
    pub length_px: f64,
    /// Its length, mm; `null` without scale.
    pub length_mm: Option<f64>,
    /// Its width, pixels.
    pub width_px: f64,
    /// Hemoglobin above, or melanin below, that of the flanking skin, density units.
    pub contrast: f64,
}

/// Young or old.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StretchMarkKind {
    /// Red and young.
    Rubra,
    /// Pale and old.
    Alba,
}
