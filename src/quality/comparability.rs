//! Whether two photos of the same skin can be compared, family by family.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Quality, RelativeBlur, ReliefAgreement};
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
#[derive(Debug, Clone, Copy)]
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
    /// Calibration of the moving photo to the reference.
    pub calibration: &'a Calibration,
}

/// Which families of a pair can be compared, and why the others cannot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparability {
    /// Why a family cannot be compared; none if all can.
    pub reasons: Vec<Reason>,
    /// What makes a comparison less certain without forbidding it.
    pub warnings: Vec<Warning>,
}

impl Comparability {
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

/// Magnification ratio within which the same structures are resolved.
const SCALE_RATIO: std::ops::RangeInclusive<f64> = 0.8..=1.25;

/// Relative blur that changes fine texture by 10 % (simulated), mm, and the
/// least that can be told, in pixels of the coarser photo.
const BLUR_MM: f64 = 0.06;
const BLUR_PX: f64 = 0.5;

/// Contrast ratio of all fine structure that no treatment makes, and its
/// inverse: the light is harder or softer.
const CONTRAST: f64 = 1.6;

/// Correlation of the fine pattern below which the light came from elsewhere.
/// Chosen by us on synthetic skin: a turn of the light by 40° leaves 0.92 to
/// 0.94, one by 60° 0.85 to 0.88, by 90° or a flash 0.72 to 0.80, while scars
/// filled by a third, wrinkles and pores lessened leave 0.98.
const AGREEMENT: f64 = 0.88;

/// Range of the log field between the photos from which the lamp stood elsewhere.
const FIELD: f64 = 0.35;

/// Glare fractions may differ by this much.
const GLARE: f64 = 0.05;

/// Stretch that is warned of (about 22° of tilt), and that forbids relief (about 37°).
const STRETCH_WARN: f64 = 1.08;
const STRETCH: f64 = 1.25;

/// Colour difference left on unchanged skin that forbids colour: the least
/// that half of the observers see on facial skin.
const DELTA_E: f64 = 1.5;

/// Ratio of the largest to the smallest gain that forbids colour: a camera
/// that met light this different rendered contrast and saturation otherwise
/// too, which no gain undoes. Chosen by us: three channels that each err by
/// 12 % reach 1.27; re-takes of unchanged lesions in warm and in cold light
/// reach 2 and lose half of their contrast.
const WHITE_BALANCE: f32 = 1.3;

/// The same where even the contrast of relief is rendered otherwise.
const WHITE_BALANCE_RELIEF: f32 = 1.6;

/// Clipped share of the skin that forbids colour.
const CLIPPED: f64 = 0.05;

/// Gain between the sessions that is warned of: half a stop.
const GAIN_WARN: f64 = 1.41;

/// Ratio of noise that is warned of.
const NOISE_WARN: f64 = 2.0;

/// JPEG quality below which a colour that is kept only in blocks of 16 pixels
/// shows as patches of redness, if the other photo was compressed less.
const JPEG_LEAST: u8 = 65;

/// Difference in JPEG quality that is warned of.
const JPEG_WARN: u8 = 10;

/// Judges a pair.
pub fn compare(pair: &Pair) -> Comparability {
    let relief = [
        unusable(pair),
        flash_differs(pair),
        light_differs(pair),
        contrast_differs(pair),
        field_differs(pair),
        blur_differs(pair),
        scale_differs(pair),
        tilt_differs(pair),
        glare_differs(pair),
        white_balance_differs(pair, WHITE_BALANCE_RELIEF),
    ];
    let colour = [
        unusable(pair),
        not_calibrated(pair),
        white_balance_differs(pair, WHITE_BALANCE),
        colour_left(pair),
        clipped(pair),
        compressed(pair),
    ];
    let of = |family| move |warning| Reason { family, warning };
    let colour = colour.into_iter().flatten().map(of(Family::Colour));
    let relief = relief.into_iter().flatten().map(of(Family::Relief));
    Comparability { reasons: colour.chain(relief).collect(), warnings: warnings(pair) }
}

fn when(condition: bool, code: &str, message: impl FnOnce() -> String) -> Option<Warning> {
    condition.then(|| Warning::new(code, message()))
}

fn unusable(pair: &Pair) -> Option<Warning> {
    let which = match (pair.reference.0.usable, pair.moving.0.usable) {
        (true, true) => return None,
        (false, true) => "the baseline photo",
        (true, false) => "the follow-up photo",
        (false, false) => "neither photo",
    };
    let verb = if which.starts_with("neither") { "can be used" } else { "cannot be used" };
    Some(Warning::new("photo_unusable", format!("{which} {verb}; see its warnings")))
}

fn flash_differs(pair: &Pair) -> Option<Warning> {
    let differs = matches!(
        (pair.reference.1.flash_fired, pair.moving.1.flash_fired),
        (Some(reference), Some(moving)) if reference != moving
    );
    when(differs, "flash_differs", || {
        "one photo was taken with flash and one without, and relief is drawn by the light; \
         use the same light each time"
            .into()
    })
}

fn light_differs(pair: &Pair) -> Option<Warning> {
    let Some(relief) = pair.relief else {
        return when(true, "light_unknown", || {
            "too little skin is seen in both photos to tell whether the light came from the same side; \
             show more of the skin around"
                .into()
        });
    };
    when(relief.correlation < AGREEMENT, "light_differs", || {
        format!(
            "the fine pattern of the skin agrees by {:.2} only (limit {AGREEMENT}): the light came from \
             elsewhere, or the photos are not sharp; keep lamp and camera in the same places",
            relief.correlation
        )
    })
}

fn contrast_differs(pair: &Pair) -> Option<Warning> {
    let contrast = pair.blur?.contrast;
    when(!(1.0 / CONTRAST..=CONTRAST).contains(&contrast), "light_hardness_differs", || {
        format!(
            "all fine structure has {contrast:.2} times its contrast: the light is harder or softer, or the \
             photo was filtered; use the same lamp at the same distance, and no filter"
        )
    })
}

fn field_differs(pair: &Pair) -> Option<Warning> {
    let range = pair.calibration.field.as_ref().map_or(0.0, |field| field.range());
    when(range > FIELD, "light_position_differs", || {
        format!(
            "the light changes by {:.0} % across the photo against the baseline; put the lamp where it was",
            100.0 * (range.exp() - 1.0)
        )
    })
}

fn blur_differs(pair: &Pair) -> Option<Warning> {
    let blur = pair.blur?;
    let which = if blur.sigma_mm > 0.0 { "follow-up" } else { "baseline" };
    when(blur.sigma_mm.abs() > BLUR_MM && blur.sigma_px.abs() > BLUR_PX, "blur_differs", || {
        format!(
            "the {which} photo is more blurred, by {:.2} mm (limit {BLUR_MM} mm); focus alike and hold still",
            blur.sigma_mm.abs()
        )
    })
}

fn scale_differs(pair: &Pair) -> Option<Warning> {
    when(!SCALE_RATIO.contains(&pair.scale_ratio), "scale_differs", || {
        format!(
            "the skin appears {:.2} times as large as in the baseline (allowed 0.8 to 1.25); \
             photograph from the same distance",
            pair.scale_ratio
        )
    })
}

fn tilt_differs(pair: &Pair) -> Option<Warning> {
    when(pair.stretch > STRETCH, "tilt_differs", || tilt_message(pair))
}

fn tilt_message(pair: &Pair) -> String {
    let tilt = (1.0 / pair.stretch).acos().to_degrees();
    format!("the skin is tilted by about {tilt:.0}° against the baseline; hold the camera as then")
}

fn glare_differs(pair: &Pair) -> Option<Warning> {
    let (reference, moving) = (pair.reference.0.glare_fraction, pair.moving.0.glare_fraction);
    when((moving - reference).abs() > GLARE, "glare_differs", || {
        format!(
            "glare hides {:.1} % of the skin, and {:.1} % in the baseline; dry the skin and use the same light",
            100.0 * moving,
            100.0 * reference
        )
    })
}

fn not_calibrated(pair: &Pair) -> Option<Warning> {
    (pair.calibration.method == Method::None).then(|| {
        pair.calibration.warning.clone().unwrap_or_else(|| {
            Warning::new(
                "not_calibrated",
                "nothing ties the colours of the two sessions together; include untreated skin or a colour card",
            )
        })
    })
}

fn white_balance_differs(pair: &Pair, limit: f32) -> Option<Warning> {
    let [red, green, blue] = pair.calibration.gains;
    let ratio = red.max(green).max(blue) / red.min(green).min(blue);
    when(ratio > limit, "white_balance_differs", || {
        format!(
            "the light had another colour, or the camera another white balance (gains of {red:.2}, {green:.2} \
             and {blue:.2}); use the same lamp and a fixed white balance"
        )
    })
}

fn colour_left(pair: &Pair) -> Option<Warning> {
    // Of a card it is the patches' difference, not the skin's.
    let left = pair.calibration.delta_e_2000.filter(|_| pair.calibration.method != Method::Card)?;
    when(left > DELTA_E, "colour_not_matched", || {
        format!(
            "unchanged skin still differs by ΔE {left:.1} after matching the light (limit {DELTA_E}); \
             use the same light and the same white balance"
        )
    })
}

fn clipped(pair: &Pair) -> Option<Warning> {
    let most = pair.reference.0.clipped_fraction.max(pair.moving.0.clipped_fraction);
    when(most > CLIPPED, "clipped", || {
        format!(
            "{:.1} % of the skin is clipped in one photo and has no true colour; expose less",
            100.0 * most
        )
    })
}

fn compressed(pair: &Pair) -> Option<Warning> {
    let quality = |facts: &CaptureFacts| facts.jpeg_quality.map_or(100, |jpeg| jpeg.quality);
    let (reference, moving) = (quality(pair.reference.1), quality(pair.moving.1));
    let least = reference.min(moving);
    when(least < JPEG_LEAST && reference.abs_diff(moving) > JPEG_WARN, "compression_too_strong", || {
        format!(
            "JPEG quality {moving} against {reference} in the baseline (least {JPEG_LEAST}): compression this \
             strong makes and unmakes patches of colour; give the camera's own files"
        )
    })
}

fn warnings(pair: &Pair) -> Vec<Warning> {
    [tilt_warning(pair), gain_warning(pair), noise_warning(pair), jpeg_warning(pair), mode_warning(pair)]
        .into_iter()
        .flatten()
        .collect()
}

fn tilt_warning(pair: &Pair) -> Option<Warning> {
    when(pair.stretch > STRETCH_WARN && pair.stretch <= STRETCH, "tilted", || tilt_message(pair))
}

fn gain_warning(pair: &Pair) -> Option<Warning> {
    let most = pair.calibration.gains.iter().map(|gain| f64::from(gain.max(1.0 / gain))).fold(1.0, f64::max);
    when(most > GAIN_WARN, "exposure_differs", || {
        let [r, g, b] = pair.calibration.gains;
        format!(
            "matching the sessions takes gains of {r:.2}, {g:.2} and {b:.2}; \
             use manual exposure and a fixed white balance"
        )
    })
}

fn noise_warning(pair: &Pair) -> Option<Warning> {
    let ratio = pair.moving.0.noise? / pair.reference.0.noise?.max(1e-9);
    when(!(1.0 / NOISE_WARN..=NOISE_WARN).contains(&ratio), "noise_differs", || {
        format!("the follow-up has {ratio:.1} times the noise of the baseline; use the same sensitivity")
    })
}

fn jpeg_warning(pair: &Pair) -> Option<Warning> {
    let (reference, moving) = (pair.reference.1.jpeg_quality?.quality, pair.moving.1.jpeg_quality?.quality);
    when(reference.abs_diff(moving) > JPEG_WARN, "compression_differs", || {
        format!("JPEG quality {moving} against {reference} in the baseline; give the camera's own files")
    })
}

fn mode_warning(pair: &Pair) -> Option<Warning> {
    let automatic = |facts: &CaptureFacts| facts.auto_white_balance == Some(true);
    when(automatic(pair.reference.1) || automatic(pair.moving.1), "auto_white_balance", || {
        "the camera chose the white balance itself; fix it, so that colours compare".into()
    })
}

#[cfg(test)]
mod tests;
