//! `alignment.json`: how one photo lies on another.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The schema that [`Alignment`] follows.
pub const ALIGNMENT_SCHEMA: &str = "dermalapse.alignment/1";

/// Whether the moving photo lies on the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PairStatus {
    /// It does.
    Aligned,
    /// It could not be aligned.
    Rejected,
}

/// How the moving photo lies on the reference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Alignment {
    /// [`ALIGNMENT_SCHEMA`].
    pub schema: String,
    /// Whether it does.
    pub status: PairStatus,
    /// Why not.
    pub reason: Option<String>,
    /// Homography from reference to moving pixels; `null` if rejected.
    pub matrix: Option<[[f64; 3]; 3]>,
    /// Expected median error, moving pixels.
    pub residual_px: Option<f64>,
    /// Share of the reference that the moving photo shows, `0..=1`.
    pub overlap_fraction: Option<f64>,
    /// Matches that agree with the model.
    pub inliers: usize,
    /// The points asked for, in moving pixels, local deformation included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub points: Option<Vec<[f64; 2]>>,
}
