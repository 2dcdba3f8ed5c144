//! What a photo, and a pair of photos, can carry: numbers, thresholds with
//! their sources, and messages that a photographer can act on.

mod blocks;
pub mod comparability;
mod focus;
pub mod relief;
pub mod spectrum;

pub use self::comparability::{Comparability, Comparable, Family, Pair, Reason, compare};
pub use self::relief::{ReliefAgreement, relief_agreement, seen_in_reference, stretch};
pub use self::spectrum::{RelativeBlur, Spectrum, relative_blur};
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
    /// Share of the skin that surface reflection hides, `0..=1`.
    pub glare_fraction: f64,
    /// Median linear green of the skin, `0..=1`.
    pub exposure: f64,
    /// Standard deviation of the noise per cell of a tenth of a millimetre
    /// (or per pixel, if that is more), density units.
    pub noise: Option<f64>,
    /// Share of the photo that is valid skin, `0..=1`.
    pub coverage: f64,
    /// What makes the photo less reliable.
    pub warnings: Vec<Warning>,
}

/// Linear light that is neither clipped nor black.
const IN_RANGE: std::ops::RangeInclusive<f32> = 0.0015..=0.98;

/// Least share of a photo that must be skin.
const LEAST_SKIN: f64 = 0.02;

/// Clipped share of the skin from which a photo is warned of, and from which it is not used.
const CLIPPED_WARN: f64 = 0.01;
const CLIPPED_UNUSABLE: f64 = 0.2;

/// Share of glare that is warned of.
const GLARE_WARN: f64 = 0.05;

/// Median linear green of skin below which even dark skin is underexposed:
/// eight-bit steps there are 2 % of the light.
const UNDEREXPOSED: f64 = 0.02;

/// Full width at half maximum of the blur, mm, from which pores, wrinkles,
/// and even colour areas are no longer resolved.
const BLURRED_MM: [(f64, &str); 3] =
    [(1.0, "even colours"), (0.4, "wrinkles, scars and pores"), (0.2, "pores")];

/// Blur (standard deviation) as a share of the photo's longer side, and in
/// pixels, from which a photo without scale is out of focus.
const BLURRED_SHARE: f64 = 0.002;
const BLURRED_PX: f64 = 2.0;

/// JPEG quality below which compression changes fine texture.
const LEAST_JPEG_QUALITY: u8 = 80;

/// What the photo can carry, judged on its valid skin; `scale` is that of the full photo.
pub fn assess(photo: &Photo, skin: &Skin, scale: FilterScale) -> Quality {
    let all_skin = &skin.mask | &skin.glare;
    let blur_sigma_px = focus::blur_sigma_px(photo, skin);
    let mut quality = Quality {
        usable: true,
        sharpness: blur_sigma_px.map_or(0.0, |sigma| sharpness(sigma, scale)),
        blur_sigma_px,
        clipped_fraction: photo.share_outside(&all_skin, skin.factor, IN_RANGE),
        glare_fraction: share(&skin.glare, &all_skin),
        exposure: exposure(photo, skin),
        noise: Spectrum::of(photo, skin, scale).map(|spectrum| spectrum.noise()),
        coverage: skin.coverage,
        warnings: Vec::new(),
    };
    let longer = photo.width().max(photo.height());
    quality.warnings = warnings(&quality, photo.facts(), scale, longer);
    quality.usable = !quality.warnings.iter().any(|warning| UNUSABLE.contains(&warning.code.as_str()));
    quality
}

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

fn exposure(photo: &Photo, skin: &Skin) -> f64 {
    let density = photo.density(1, skin.factor, 1.0);
    let values = raster::values_inside(&density, &skin.mask);
    blocks::quantile(values.into_iter().map(f64::from), 0.5).map_or(0.0, |density| (-density).exp())
}

fn warnings(quality: &Quality, facts: &CaptureFacts, scale: FilterScale, longer: usize) -> Vec<Warning> {
    [
        skin_warning(quality),
        exposure_warning(quality),
        glare_warning(quality),
        focus_warning(quality, scale, longer),
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
    (quality.glare_fraction > GLARE_WARN).then(|| {
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
    let width = 2.355 * scale.mm(sigma);
    let (limit, lost) = BLURRED_MM.into_iter().find(|(limit, _)| width > *limit)?;
    let message = format!(
        "edges are {width:.2} mm wide (limit {limit} mm), too blurred for {lost}; focus on the skin and hold still"
    );
    Some(Warning::new(if limit >= 1.0 { "blurred_beyond_use" } else { "blurred" }, message))
}

fn compression_warning(facts: &CaptureFacts) -> Option<Warning> {
    let quality = facts.jpeg_quality?.quality;
    (quality < LEAST_JPEG_QUALITY).then(|| {
        let message = format!(
            "JPEG quality {quality} (less than {LEAST_JPEG_QUALITY}) alters fine texture; give the camera's own file"
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
    let zoom = facts.digital_zoom.filter(|zoom| *zoom > 1.05)?;
    let message = format!("digital zoom of {zoom:.1} invents pixels; go closer, or crop afterwards");
    Some(Warning::new("digital_zoom", message))
}

#[cfg(test)]
mod tests;
