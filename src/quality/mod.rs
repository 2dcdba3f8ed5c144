//! What a photo, and a pair of photos, can carry: numbers, thresholds with
//! their sources, and messages that a photographer can act on.

mod blocks;
pub mod comparability;
mod cover;
mod focus;
mod noise;
mod plateaus;
pub mod relief;
pub mod spectrum;
pub mod thresholds;

pub use self::comparability::{Comparability, Comparable, Family, Measures, Pair, Reason, compare};
pub use self::cover::{Contrast, PartContrast, SkinContrast, skin_contrast};
pub use self::plateaus::{Plateaus, ROUNDING, plateaus};
pub use self::relief::{ReliefAgreement, relief_agreement};
pub use self::spectrum::{FinePattern, RelativeBlur, relative_blur};
use self::thresholds::*;
use crate::error::Warning;
use crate::photo::{CaptureFacts, Photo};
use crate::raster::{self, Mask};
use crate::skin::Skin;
use crate::units::FilterScale;

/// What one photo can carry.
#[derive(Debug, Clone, PartialEq)]
pub struct Quality {
    /// Whether anything can be measured on the photo at all.
    pub usable: bool,
    /// Contrast that detail of half a millimetre keeps (of four pixels, if
    /// that is more; without scale, of a two-hundredth of the longer side),
    /// `0..=1`: `exp(−2π²σ²/period²)` for the blur `σ`. 0 if nothing is sharp
    /// enough to be judged by.
    pub sharpness: f64,
    /// Standard deviation of the blur of the skin's edges, pixels; for comparing photos of like skin.
    pub blur_sigma_px: Option<f64>,
    /// Share of the skin's pixels with a channel that is clipped or black, `0..=1`.
    pub clipped_fraction: f64,
    /// The same of the valid skin, from which clipped places are left out.
    pub clipped_left: f64,
    /// Share of the skin that surface reflection hides, `0..=1`.
    pub glare_fraction: f64,
    /// Median linear green of the skin, `0..=1`.
    pub exposure: f64,
    /// How far the skin's log chromaticity lies from that of modelled skin of
    /// any tone; `None` without skin.
    pub colour_cast: Option<f64>,
    /// Standard deviation of the noise per cell of a tenth of a millimetre
    /// (or per pixel, if that is more), density units.
    pub noise: Option<f64>,
    /// Share of the photo that is valid skin, `0..=1`.
    pub coverage: f64,
    /// What makes the photo less reliable.
    pub warnings: Vec<Warning>,
}

/// What the photo can carry, judged on its valid skin; `scale` is that of the full photo.
pub fn assess(photo: &Photo, skin: &Skin, scale: FilterScale) -> Quality {
    let (blur_sigma_px, noise) =
        rayon::join(|| focus::blur_sigma_px(photo, skin), || noise::of_photo(photo, skin, scale));
    let mut quality = Quality {
        usable: true,
        sharpness: blur_sigma_px.map_or(0.0, |sigma| sharpness(sigma, scale)),
        blur_sigma_px,
        clipped_fraction: skin.lost_fraction[0],
        clipped_left: skin.lost_fraction[1],
        glare_fraction: share(&skin.glare, &(&skin.mask | &skin.glare)),
        exposure: skin.light[1].into(),
        colour_cast: skin.colour_cast(),
        noise,
        coverage: skin.coverage,
        warnings: Vec::new(),
    };
    let longer = photo.width().max(photo.height());
    quality.warnings = warnings(&quality, photo.facts(), scale, longer);
    quality.usable = !quality.warnings.iter().any(|warning| UNUSABLE.contains(&warning.code.as_str()));
    quality
}

/// Full width at half maximum of a Gaussian over its standard deviation: `2 √(2 ln 2)`.
pub const FULL_WIDTH: f64 = 2.354_820_045;

/// Warnings after which nothing is measured.
const UNUSABLE: [&str; 4] = ["no_skin", "overexposed", "underexposed", "blurred_beyond_use"];

/// Shortest period that sharpness is judged at, mm and pixels.
const PERIOD_MM: f64 = 0.5;
const PERIOD_PX: f64 = 4.0;

fn sharpness(sigma_px: f64, scale: FilterScale) -> f64 {
    let period = scale.px(PERIOD_MM).max(PERIOD_PX);
    (-2.0 * (std::f64::consts::PI * sigma_px / period).powi(2)).exp()
}

fn share(part: &Mask, whole: &Mask) -> f64 {
    raster::count(part) as f64 / raster::count(whole).max(1) as f64
}

fn warnings(quality: &Quality, facts: &CaptureFacts, scale: FilterScale, longer: usize) -> Vec<Warning> {
    [
        skin_warning(quality),
        exposure_warning(quality),
        glare_warning(quality),
        cast_warning(quality),
        focus_warning(quality, scale, longer),
        resolution_warning(scale),
        compression_warning(facts),
        edited_warning(facts),
        zoom_warning(facts),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

fn skin_warning(quality: &Quality) -> Option<Warning> {
    (quality.coverage < LEAST_SKIN).then(|| {
        let found = percent(quality.coverage);
        Warning::new(
            "no_skin",
            format!("only {found} of the photo is skin; fill the frame with skin, or give a region"),
        )
    })
}

fn exposure_warning(quality: &Quality) -> Option<Warning> {
    let clipped = percent(quality.clipped_fraction);
    if quality.clipped_fraction > CLIPPED_UNUSABLE {
        let message = format!("{clipped} of the skin is clipped, its colour is lost; expose a stop less");
        return Some(Warning::new("overexposed", message));
    }
    if quality.coverage >= LEAST_SKIN && quality.exposure < UNDEREXPOSED {
        let message =
            format!("the skin reflects {} of white: too dark; expose more", percent(quality.exposure));
        return Some(Warning::new("underexposed", message));
    }
    (quality.clipped_fraction > CLIPPED_WARN).then(|| {
        let message =
            format!("{clipped} of the skin is clipped and has no true colour; expose half a stop less");
        Warning::new("clipped", message)
    })
}

fn glare_warning(quality: &Quality) -> Option<Warning> {
    (quality.glare_fraction > GLARE).then(|| {
        let found = percent(quality.glare_fraction);
        let message =
            format!("{found} of the skin is hidden by glare; dry the skin, and use soft or polarised light");
        Warning::new("glare", message)
    })
}

fn focus_warning(quality: &Quality, scale: FilterScale, longer: usize) -> Option<Warning> {
    let Some(sigma) = quality.blur_sigma_px else {
        let message = "the skin shows no detail that focus could be judged by; check focus and exposure";
        return (quality.coverage >= LEAST_SKIN).then(|| Warning::new("no_detail", message));
    };
    if !scale.physical {
        return (sigma > (BLURRED_SHARE * longer as f64).max(BLURRED_PX)).then(|| {
            let message = format!("edges are {sigma:.1} pixels wide; focus on the skin and hold still");
            Warning::new("blurred", message)
        });
    }
    let width = FULL_WIDTH * scale.mm(sigma);
    let lost = ["pores", "wrinkles, scars and pores", "even colours"];
    let (limit, lost) = BLURRED_MM.into_iter().zip(lost).rfind(|(limit, _)| width > *limit)?;
    let message = format!(
        "edges are {width:.2} mm wide (limit {limit} mm), too blurred for {lost}; focus on the skin and hold still"
    );
    Some(Warning::new(if limit >= BLURRED_MM[2] { "blurred_beyond_use" } else { "blurred" }, message))
}

fn cast_warning(quality: &Quality) -> Option<Warning> {
    let cast = quality.colour_cast.filter(|cast| *cast > CAST)?;
    let message = format!(
        "the skin has a colour that no skin has in daylight (by {cast:.2}, limit {CAST}); set the white balance to \
         the lamp, and keep it"
    );
    Some(Warning::new("colour_cast", message))
}

fn resolution_warning(scale: FilterScale) -> Option<Warning> {
    (scale.physical && scale.px_per_mm < RESOLUTION).then(|| {
        let message = format!(
            "{:.1} pixels per millimetre do not show pores and fine lines (at least {RESOLUTION}); go closer",
            scale.px_per_mm
        );
        Warning::new("low_resolution", message)
    })
}

fn compression_warning(facts: &CaptureFacts) -> Option<Warning> {
    let quality = facts.jpeg_quality?.quality;
    (quality < JPEG_WARN).then(|| {
        let message = format!(
            "JPEG quality {quality} (less than {JPEG_WARN}) alters fine texture; give the camera's own file"
        );
        Warning::new("strong_compression", message)
    })
}

fn edited_warning(facts: &CaptureFacts) -> Option<Warning> {
    (facts.edited == Some(true)).then(|| {
        Warning::new(
            "edited",
            "the file was written by software that edits photos; give the camera's own file, without filters",
        )
    })
}

fn zoom_warning(facts: &CaptureFacts) -> Option<Warning> {
    let zoom = facts.digital_zoom.filter(|zoom| *zoom > ZOOM)?;
    let message = format!("digital zoom of {zoom:.1} invents pixels; go closer, or crop afterwards");
    Some(Warning::new("digital_zoom", message))
}

#[cfg(test)]
mod tests;
