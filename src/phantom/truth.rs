//! The record of what is true of rendered photos.

use schemars::JsonSchema;
use serde::Serialize;

use super::features::ScarShape;
use super::patient::{CameraPlan, ChangePlan, LightPlan};
use super::pose::apply;

/// Name and version of the truth's format.
pub const TRUTH_SCHEMA: &str = "dermalapse.truth/1";

/// Everything true of a synthetic patient.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Truth {
    /// [`TRUTH_SCHEMA`].
    pub schema: String,
    /// Pseudonym.
    pub patient: String,
    /// One entry for each view, in the plan's order.
    pub views: Vec<ViewTruth>,
}

/// Everything true of one view.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ViewTruth {
    /// Its name.
    pub view: String,
    /// One entry for each session, in order of time: its first shot.
    pub sessions: Vec<SessionTruth>,
}

/// Everything true of one photo. Pixels are native ones of the photo named,
/// pixel centres at whole numbers.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SessionTruth {
    /// Date of the session.
    pub session: String,
    /// Days since the baseline.
    pub day: i32,
    /// Shot within the session, from 1.
    pub shot: u32,
    /// Width, pixels.
    pub width: u32,
    /// Height, pixels.
    pub height: u32,
    /// Pixels per millimetre of skin at the photo's centre.
    pub px_per_mm: f64,
    /// The skin between its features.
    pub skin: SkinTruth,
    /// Where the baseline's first shot shows what this photo shows.
    pub transform: TransformTruth,
    /// Pigmented spots.
    pub pigmented: Vec<LesionTruth>,
    /// Red patches.
    pub vascular: Vec<LesionTruth>,
    /// Pores whose centre lies in this photo.
    pub pores: Vec<PoreTruth>,
    /// Wrinkles that this photo shows at least in part.
    pub wrinkles: Vec<WrinkleTruth>,
    /// Scars whose centre lies in this photo.
    pub scars: Vec<ScarTruth>,
    /// Papules whose centre lies in this photo.
    pub papules: Vec<PapuleTruth>,
    /// Stretch marks that this photo shows at least in part.
    pub stretch_marks: Vec<StretchMarkTruth>,
    /// Hairs, as points in this photo's pixels.
    pub hairs: Vec<Vec<[f64; 2]>>,
    /// How the skin differs from its baseline, as planned.
    pub change: ChangePlan,
    /// The camera, as planned; a repeated shot is held a little differently.
    pub camera: CameraPlan,
    /// The light, as planned.
    pub light: LightPlan,
}

/// The skin between its features.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SkinTruth {
    /// Melanosome fraction of the epidermis.
    pub f_mel: f64,
    /// Blood fraction of the dermis.
    pub f_blood: f64,
    /// Linear sRGB where white is 1, without surface reflection.
    pub linear_rgb: [f64; 3],
    /// CIELAB L* of that colour.
    pub l_star: f64,
    /// CIELAB a* of that colour.
    pub a_star: f64,
    /// CIELAB b* of that colour.
    pub b_star: f64,
    /// Individual typology angle of that colour, degrees.
    pub ita_deg: f64,
    /// Height of the microrelief, mm.
    pub relief_mm: f64,
}

/// The map from the baseline's first shot to a photo.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct TransformTruth {
    /// Turn, size, shift and perspective, baseline pixels to this photo's
    /// pixels, rows of a 3×3 matrix whose last entry is 1. Without the
    /// deformation; `points` has everything.
    pub matrix: [[f64; 3]; 3],
    /// A grid over the baseline photo, and where it appears in this one.
    pub points: Vec<PointTruth>,
}

/// A point of the baseline photo and where it appears.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct PointTruth {
    /// In baseline pixels.
    pub baseline_px: [f64; 2],
    /// In this photo's pixels.
    pub session_px: [f64; 2],
}

/// Whether a lesion can be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LesionStatus {
    /// It is there, as in the session before.
    Present,
    /// It is there for the first time.
    New,
    /// The baseline had it; it is gone.
    Resolved,
    /// Its centre lies outside this photo.
    NotVisible,
}

/// A pigmented spot or a red patch. Lesions that the baseline does not have
/// are listed from their first session on.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct LesionTruth {
    /// The same in all sessions of a view.
    pub id: String,
    /// Whether it can be seen.
    pub status: LesionStatus,
    /// Its centroid, weighted by excess density, in baseline pixels.
    pub baseline_px: [f64; 2],
    /// That point of the skin in this photo's pixels.
    pub session_px: [f64; 2],
    /// Radius of the disc as large as its half-way outline, mm.
    pub radius_mm: f64,
    /// Area inside its half-way outline, mm².
    pub area_mm2: f64,
    /// Excess pigment fraction in its core.
    pub excess_fraction: f64,
    /// Excess optical density (−ln linear) in its core, R, G, B.
    pub excess_density: [f64; 3],
    /// Excess optical density integrated over it, density × mm², R, G, B.
    pub dose_mm2: [f64; 3],
    /// Its half-way outline in this photo's pixels.
    pub outline_px: Vec<[f64; 2]>,
}

/// A pore.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct PoreTruth {
    /// Its centre in baseline pixels.
    pub baseline_px: [f64; 2],
    /// Its centre in this photo's pixels.
    pub session_px: [f64; 2],
    /// Full width at half depth, µm.
    pub diameter_um: f64,
    /// Depth, µm.
    pub depth_um: f64,
}

/// A wrinkle.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct WrinkleTruth {
    /// Points along it in this photo's pixels.
    pub points_px: Vec<[f64; 2]>,
    /// Length of skin between its ends, mm; it fades out towards them.
    pub length_mm: f64,
    /// Full width at half depth in its middle, µm.
    pub width_um: f64,
    /// Depth in its middle, µm.
    pub depth_um: f64,
}

/// An atrophic scar.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ScarTruth {
    /// Its shape.
    pub shape: ScarShape,
    /// Its origin in baseline pixels.
    pub baseline_px: [f64; 2],
    /// Its origin in this photo's pixels.
    pub session_px: [f64; 2],
    /// Mean radius where it is half as deep (of an ice-pick: where it ends), mm.
    pub radius_mm: f64,
    /// Depth, mm.
    pub depth_mm: f64,
}

/// A papule.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct PapuleTruth {
    /// Its centre in baseline pixels.
    pub baseline_px: [f64; 2],
    /// Its centre in this photo's pixels.
    pub session_px: [f64; 2],
    /// Radius at half height, mm.
    pub radius_mm: f64,
    /// Height, mm.
    pub height_mm: f64,
}

/// A stretch mark.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct StretchMarkTruth {
    /// Points along it in this photo's pixels.
    pub points_px: Vec<[f64; 2]>,
    /// Length of skin between its ends, mm; it fades out towards them.
    pub length_mm: f64,
    /// Width, mm.
    pub width_mm: f64,
    /// Whether it is red (young) or pale (old).
    pub red: bool,
}

impl TransformTruth {
    /// A baseline pixel through the matrix alone.
    pub fn apply_matrix(&self, point: [f64; 2]) -> [f64; 2] {
        apply(&nalgebra::Matrix3::from_fn(|row, column| self.matrix[row][column]), point)
    }
}
