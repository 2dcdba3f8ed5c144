//! Lesions: what stands out from the surrounding skin, found and followed.
//!
//! A lesion's primary measure is its *dose*, the excess density integrated
//! over its area: blur moves density about but neither makes nor destroys it,
//! so the dose of a small lesion is right where its area and contrast are not.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub mod excess;
mod faint;
mod pale;
mod places;
pub mod photometry;
mod map;
pub mod tint;
pub mod pigment;
pub mod scar;
mod scatter;
pub mod segmentation;
mod shape;
pub mod sight;
mod identity;
mod fate;
pub mod tracking;
pub mod walls;
mod watershed;

pub use excess::excess;
pub use faint::Matched;
pub use map::{Chromophore, LesionMap};
pub use pale::without_pale_marks;
pub use photometry::{Light, Noise};
pub use scatter::scatter;
pub use segmentation::{Spot, Thresholds};
pub use sight::{Seen, Sight};
pub use tracking::{Sighting, Track, track};

/// The kinds of lesion that are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LesionKind {
    /// Excess melanin: freckles, age spots, post-inflammatory pigment.
    Pigmented,
    /// Excess blood: papules, erythema, angiomas.
    Vascular,
    /// An atrophic scar.
    Scar,
}

impl LesionKind {
    /// The name that starts the ids of its lesions.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pigmented => "pigmented",
            Self::Vascular => "vascular",
            Self::Scar => "scar",
        }
    }
}

/// What became of a lesion by one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LesionStatus {
    /// It is there.
    Present,
    /// It is there and was not before.
    New,
    /// Its place was seen and it is gone.
    Resolved,
    /// Its place was not seen, or not well enough.
    NotVisible,
    /// It has grown into one with another.
    Merged,
    /// It has come apart.
    Split,
}
