//! Whether two photos of the same skin can be compared, family by family.

mod reasons;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Quality, RelativeBlur, ReliefAgreement, SkinContrast};
use crate::calibration::{Calibration, Method};
use crate::error::Warning;
use crate::photo::CaptureFacts;

/// Metrics that stand or fall together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// Redness and pigmentation.
    Colour,
    /// Texture, wrinkles, scars, pores, stretch marks: what light and focus draw.
    Relief,
}

/// Why a family of a pair cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The family.
    pub family: Family,
    /// What was seen, and what to do.
    pub warning: Warning,
}

/// Whether a session can be compared with the baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Comparable {
    /// Every family.
    Yes,
    /// No family.
    No,
    /// One family and not the other.
    Partly,
}

/// What is known about a pair of photos of the same skin.
#[derive(Debug, Clone)]
pub struct Pair<'a> {
    /// Quality of the reference photo, and its capture facts.
    pub reference: (&'a Quality, &'a CaptureFacts),
    /// Quality of the moving photo, and its capture facts.
    pub moving: (&'a Quality, &'a CaptureFacts),
    /// Pixels of the moving photo per pixel of the reference, on the same skin.
    pub scale_ratio: f64,
    /// Largest over smallest magnification in any direction, 1 upwards: the tilt between the photos.
    pub stretch: f64,
    /// Blur and contrast of the moving photo relative to the reference.
    pub blur: Option<RelativeBlur>,
    /// Agreement of the fine pattern after registration.
    pub relief: Option<ReliefAgreement>,
    /// Colour contrast of ordinary skin relative to the reference.
    pub skin_contrast: Option<SkinContrast>,
    /// Calibration of the moving photo to the reference.
    pub calibration: &'a Calibration,
}

/// What a pair was judged by; `None` where it could not be told.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Measures {
    /// Correlation of the fine pattern of the skin, `-1..=1`; 1 in the same light.
    pub pattern_correlation: Option<f64>,
    /// Turn of the direction that relief is shaded along, 0 upwards; 0 in the same light.
    pub light_turn: Option<f64>,
    /// Range of the logarithm of the light relative to the baseline's across the photo.
    pub light_range: f64,
    /// Contrast of fine structure relative to the baseline's, blur apart: the hardness of the light.
    pub light_hardness_ratio: Option<f64>,
    /// Blur relative to the baseline, mm (standard deviation); negative if the
    /// baseline is the blurrier. Nominal millimetres without scale.
    pub relative_blur_mm: Option<f64>,
    /// Size of the skin in the photo relative to the baseline.
    pub scale_ratio: f64,
    /// Tilt against the baseline, degrees.
    pub tilt_deg: f64,
    /// Largest gain (or its inverse) that matches the light of a channel.
    pub exposure_ratio: f64,
    /// Largest over smallest gain of the channels.
    pub white_balance_ratio: f64,
    /// Colour difference left on unchanged skin, ΔE2000.
    pub colour_residual_delta_e: Option<f64>,
    /// Noise relative to the baseline's.
    pub noise_ratio: Option<f64>,
    /// Faint texture relative to strong edges, against the baseline; 1 without filters.
    pub faint_texture_ratio: Option<f64>,
    /// Colour contrast of ordinary skin relative to the baseline's; 1 without a layer over it.
    pub skin_contrast_ratio: Option<f64>,
}

impl Pair<'_> {
    /// The numbers that the pair is judged by.
    pub fn measures(&self) -> Measures {
        let gains = self.calibration.gains.map(f64::from);
        let most = gains.iter().fold(f64::MIN, |most, gain| most.max(*gain));
        let least = gains.iter().fold(f64::MAX, |least, gain| least.min(*gain));
        let noise = self.moving.0.noise.zip(self.reference.0.noise);
        let by_card = self.calibration.method == Method::Card;
        Measures {
            pattern_correlation: self.relief.map(|relief| relief.correlation),
            light_turn: self.relief.map(|relief| relief.turn),
            light_range: self.calibration.field.as_ref().map_or(0.0, |field| field.range()),
            light_hardness_ratio: self.blur.map(|blur| blur.contrast),
            relative_blur_mm: self.blur.map(|blur| blur.sigma_mm),
            scale_ratio: self.scale_ratio,
            tilt_deg: (1.0 / self.stretch.max(1.0)).acos().to_degrees(),
            exposure_ratio: most.max(1.0 / least),
            white_balance_ratio: most / least,
            // Of a card it is the patches' difference, not the skin's.
            colour_residual_delta_e: self.calibration.delta_e_2000.filter(|_| !by_card),
            noise_ratio: noise.map(|(moving, reference)| moving / reference.max(1e-9)),
            faint_texture_ratio: self.relief.and_then(|relief| relief.texture).map(|texture| texture.forth),
            skin_contrast_ratio: self.skin_contrast.as_ref().map(|contrast| contrast.whole.both()),
        }
    }
}

/// Which families of a pair can be compared, and why the others cannot.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparability {
    /// Why a family cannot be compared; none if all can.
    pub reasons: Vec<Reason>,
    /// What makes a comparison less certain without forbidding it.
    pub warnings: Vec<Warning>,
    /// What it was judged by; `None` of a photo and itself.
    pub measures: Option<Measures>,
}

impl Comparability {
    /// Of a photo and itself.
    pub fn same() -> Self {
        Self { reasons: Vec::new(), warnings: Vec::new(), measures: None }
    }

    /// Whether a family can be compared.
    pub fn allows(&self, family: Family) -> bool {
        !self.reasons.iter().any(|reason| reason.family == family)
    }

    /// The first reason why a family cannot be compared.
    pub fn reason(&self, family: Family) -> Option<&Warning> {
        self.reasons.iter().find(|reason| reason.family == family).map(|reason| &reason.warning)
    }

    /// The families together.
    pub fn status(&self) -> Comparable {
        match (self.allows(Family::Colour), self.allows(Family::Relief)) {
            (true, true) => Comparable::Yes,
            (false, false) => Comparable::No,
            _ => Comparable::Partly,
        }
    }
}

/// Judges a pair.
pub fn compare(pair: &Pair) -> Comparability {
    let measures = pair.measures();
    let of = |family| move |warning| Reason { family, warning };
    let colour = reasons::colour(pair, &measures).into_iter().map(of(Family::Colour));
    let relief = reasons::relief(pair, &measures).into_iter().map(of(Family::Relief));
    Comparability {
        reasons: colour.chain(relief).collect(),
        warnings: reasons::warnings(pair, &measures),
        measures: Some(measures),
    }
}

#[cfg(test)]
mod tests;
