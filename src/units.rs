//! Pixels, millimetres and where the relation between them comes from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Where a scale comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScaleSource {
    /// Given on the command line.
    Option,
    /// Given in a manifest or in `patient.toml`.
    Manifest,
    /// Measured on a colour card in the photo.
    Card,
    /// Measured on a marker in the photo.
    Marker,
    /// Unknown: the photo carries no scale.
    None,
}

/// Pixels per millimetre of skin, with its source.
///
/// # Guarantees
///
/// - `px_per_mm` is finite and lies in `0.1..=2000`.
/// - `source` is never [`ScaleSource::None`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    px_per_mm: f64,
    source: ScaleSource,
}

impl Scale {
    /// A scale of `px_per_mm` pixels per millimetre.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`] if `px_per_mm` is not a number in `0.1..=2000`.
    pub fn new(px_per_mm: f64, source: ScaleSource) -> Result<Self> {
        debug_assert!(source != ScaleSource::None, "a scale has a source");
        if !(0.1..=2000.0).contains(&px_per_mm) {
            return Err(Error::OutOfRange {
                name: "px_per_mm".into(),
                value: px_per_mm.to_string(),
                range: "between 0.1 and 2000 pixels per millimetre".into(),
            });
        }
        Ok(Self { px_per_mm, source })
    }

    /// Pixels per millimetre.
    pub fn px_per_mm(self) -> f64 {
        self.px_per_mm
    }

    /// Where the scale comes from.
    pub fn source(self) -> ScaleSource {
        self.source
    }
}

/// The scale by which filters choose their sizes.
///
/// With a known [`Scale`] it is that scale; without one it follows from the
/// photo's size, so that filters have *some* size, and no value in
/// millimetres may be reported.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FilterScale {
    /// Pixels per (physical or nominal) millimetre.
    pub px_per_mm: f64,
    /// Whether the millimetres are physical.
    pub physical: bool,
}

/// The skin that a photo without scale is taken to show along its longer
/// side, mm. Chosen by us: between a close-up (30 mm) and a face (250 mm).
pub const NOMINAL_FIELD_MM: f64 = 100.0;

impl FilterScale {
    /// The filter scale of a photo of `width` by `height` pixels.
    pub fn of(scale: Option<Scale>, width: usize, height: usize) -> Self {
        match scale {
            Some(scale) => Self { px_per_mm: scale.px_per_mm(), physical: true },
            None => Self { px_per_mm: width.max(height) as f64 / NOMINAL_FIELD_MM, physical: false },
        }
    }

    /// The same scale seen on a plane reduced by the whole number `factor`.
    pub fn reduced(self, factor: usize) -> Self {
        Self { px_per_mm: self.px_per_mm / factor as f64, ..self }
    }

    /// The scale of a photo in which the same skin is `ratio` times as large.
    pub fn magnified(self, ratio: f64) -> Self {
        Self { px_per_mm: self.px_per_mm * ratio, ..self }
    }

    /// A length of `mm` millimetres in pixels.
    pub fn px(self, mm: f64) -> f64 {
        mm * self.px_per_mm
    }

    /// A length of `px` pixels in millimetres.
    pub fn mm(self, px: f64) -> f64 {
        px / self.px_per_mm
    }

    /// The largest whole reduction (at most 32) that keeps at least
    /// `px_per_mm` pixels per millimetre; 1 if the photo has fewer.
    pub fn reduction_to(self, px_per_mm: f64) -> usize {
        ((self.px_per_mm / px_per_mm).floor() as usize).clamp(1, 32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_of_zero_or_nan_is_refused() {
        assert!(Scale::new(0.0, ScaleSource::Option).is_err());
        assert!(Scale::new(f64::NAN, ScaleSource::Option).is_err());
    }

    #[test]
    fn without_scale_filters_follow_the_longer_side() {
        let scale = FilterScale::of(None, 4000, 3000);
        assert_eq!(scale, FilterScale { px_per_mm: 40.0, physical: false });
        assert_eq!(scale.reduced(4).px(0.5), 5.0);
    }

    #[test]
    fn the_reduction_never_falls_below_the_need() {
        let scale = FilterScale { px_per_mm: 27.0, physical: true };
        assert_eq!(scale.reduction_to(10.0), 2);
        assert_eq!(scale.reduction_to(30.0), 1);
    }
}
