//! What is measured: the catalogue of metrics and one file per family.
//!
//! Families do not know each other. Each offers `CATALOGUE`, its entries, and
//! measures on [`Maps`] inside a [`Region`](crate::region::Region).

mod co_occurrence;
pub mod crescents;
mod cross_section;
mod estimate;
pub mod gain;
pub mod glcm;
pub mod hairs;
pub mod ibsi;
pub mod inflammation;
mod joining;
pub mod lines;
pub mod maps;
pub mod pigmentation;
pub mod pits;
pub mod pores;
pub mod redness;
pub mod relief;
pub mod rivals;
pub mod scars;
mod strands;
pub mod stretch_marks;
#[cfg(test)]
pub(crate) mod testing;
pub mod templates;
pub mod texture;
pub mod whitening;
pub mod wrinkles;

pub use estimate::Estimate;
pub use maps::Maps;
pub use relief::Relief;

/// A group of metrics that measure one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// Blood in the skin.
    Redness,
    /// Melanin in the skin.
    Pigmentation,
    /// Fine relief and pattern.
    Texture,
    /// Follicle openings.
    Pores,
    /// Furrows and fine lines.
    Wrinkles,
    /// Atrophic acne scars.
    Scars,
    /// Striae.
    StretchMarks,
    /// Active acne.
    Inflammation,
}

/// What a comparison between photos needs to agree in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aspect {
    /// Colour: exposure, white balance, colour of the light.
    Colour,
    /// Relief: direction and hardness of the light, sharpness, scale.
    Relief,
}

impl Family {
    /// What a comparison of this family needs.
    pub fn aspect(self) -> Aspect {
        match self {
            Self::Redness | Self::Pigmentation | Self::Inflammation => Aspect::Colour,
            Self::Texture | Self::Pores | Self::Wrinkles | Self::Scars | Self::StretchMarks => Aspect::Relief,
        }
    }

    /// The name that starts the family's metric ids.
    pub fn name(self) -> &'static str {
        match self {
            Self::Redness => "redness",
            Self::Pigmentation => "pigmentation",
            Self::Texture => "texture",
            Self::Pores => "pores",
            Self::Wrinkles => "wrinkles",
            Self::Scars => "scars",
            Self::StretchMarks => "stretch_marks",
            Self::Inflammation => "inflammation",
        }
    }
}

/// Which way a metric gets better, where the field has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// Less is better.
    Lower,
    /// More is better.
    Higher,
}

/// An entry of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Metric {
    /// `family.quantity[_unit]`, the same string everywhere.
    pub id: &'static str,
    /// The family it belongs to.
    pub family: Family,
    /// Its unit.
    pub unit: &'static str,
    /// The values it can take.
    pub range: &'static str,
    /// Which way is better; `None` where the field has no better direction,
    /// and a change is then called just that.
    pub better: Option<Better>,
    /// Whether it has a true zero, so that a change in percent means something.
    pub ratio_scale: bool,
    /// Whether it needs a scale in millimetres.
    pub needs_scale: bool,
    /// One sentence: what it is.
    pub summary: &'static str,
    /// Where its definition comes from.
    pub source: &'static str,
}

/// A metric's value in one region of one photo, or why there is none.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// The catalogue's id.
    pub id: &'static str,
    /// The value, or the reason in `snake_case` why it cannot exist.
    pub outcome: Result<Estimate, &'static str>,
}

impl Measured {
    /// A value that exists if the estimate does; `reason` if not.
    pub fn new(id: &'static str, estimate: Option<Estimate>, reason: &'static str) -> Self {
        Self { id, outcome: estimate.ok_or(reason) }
    }

    /// A value that cannot exist, with the reason.
    pub fn absent(id: &'static str, reason: &'static str) -> Self {
        Self { id, outcome: Err(reason) }
    }
}

/// Why a metric in millimetres has no value: the photo has no scale.
pub const NO_SCALE: &str = "no_scale";
/// Why a metric has no value: the region shows no valid skin in this photo.
pub const NO_SKIN: &str = "no_skin";
/// Why a metric has no value: the photo does not resolve it.
pub const RESOLUTION_TOO_LOW: &str = "resolution_too_low";
/// Why a metric has no value: nothing to measure it on was found.
pub const NONE_FOUND: &str = "none_found";

/// All metrics, family by family.
pub fn catalogue() -> impl Iterator<Item = &'static Metric> {
    [
        redness::CATALOGUE,
        pigmentation::CATALOGUE,
        texture::CATALOGUE,
        pores::CATALOGUE,
        wrinkles::CATALOGUE,
        scars::CATALOGUE,
        stretch_marks::CATALOGUE,
        inflammation::CATALOGUE,
    ]
    .into_iter()
    .flatten()
}

/// The catalogue's entry for `id`.
pub fn metric(id: &str) -> Option<&'static Metric> {
    catalogue().find(|metric| metric.id == id)
}
