//! What forbids a comparison, what makes it less certain, and what to do about it.

use super::{Measures, Pair};
use crate::calibration::Method;
use crate::error::Warning;
use crate::photo::CaptureFacts;
use crate::quality::thresholds::*;
use crate::quality::{PartContrast, ReliefAgreement, SkinContrast};

/// Why relief cannot be compared.
pub(super) fn relief(pair: &Pair, measures: &Measures) -> Vec<Warning> {
    let reasons = [
        unusable(pair),
        smoothed(pair, measures),
        skin_covered(pair),
        flash_differs(pair),
        light_differs(pair),
        light_turned(pair),
        contrast_differs(measures),
        field_differs(measures),
        blur_differs(pair),
        scale_differs(measures),
        tilt_differs(pair),
        glare_differs(pair),
        white_balance_differs(pair, measures, WHITE_BALANCE_RELIEF),
    ];
    reasons.into_iter().flatten().collect()
}

/// Why colour cannot be compared.
pub(super) fn colour(pair: &Pair, measures: &Measures) -> Vec<Warning> {
    let reasons = [
        unusable(pair),
        smoothed(pair, measures),
        skin_covered(pair),
        not_calibrated(pair),
        white_balance_differs(pair, measures, WHITE_BALANCE),
        colour_left(measures),
        clipped(pair),
        compressed(pair),
    ];
    reasons.into_iter().flatten().collect()
}

/// What makes a comparison less certain.
pub(super) fn warnings(pair: &Pair, measures: &Measures) -> Vec<Warning> {
    let warnings = [
        tilt_warning(pair),
        gain_warning(pair, measures),
        noise_warning(measures),
        jpeg_warning(pair),
        mode_warning(pair),
        lens_warning(pair),
    ];
    warnings.into_iter().flatten().collect()
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

/// Light from another side, where that of two photos lit alike would tell.
fn light_turned(pair: &Pair) -> Option<Warning> {
    let ReliefAgreement { turn, correlation, .. } = pair.relief?;
    when(turn > TURN && correlation >= AGREEMENT, "light_turned", || {
        format!(
            "the shading of the skin runs another way (turned by {turn:.2}, limit {TURN}): the light came from \
             another side; put lamp and patient where they were"
        )
    })
}

/// A filter that keeps edges and takes what lies between, in either photo.
fn smoothed(pair: &Pair, measures: &Measures) -> Option<Warning> {
    let relief = pair.relief.filter(|relief| relief.turn < FILTER_TURN)?;
    let (texture, noise) = (relief.texture?, measures.noise_ratio?);
    // Flatter light draws faint furrows fainter, too, by half of what it does to all.
    let hardness = measures.light_hardness_ratio.unwrap_or(1.0);
    // What the patterns merely do not share is missing both ways alike.
    let filtered = |way: f64, back: f64, noise: f64, hardness: f64| {
        way < FAINT_TEXTURE * hardness.min(1.0).sqrt()
            && way < FAINT_TEXTURE * back
            && back > FAINT_TEXTURE
            && noise < NOISE_LEFT
    };
    let (which, other, left) = if filtered(texture.forth, texture.back, noise, hardness) {
        ("follow-up", "baseline", texture.forth)
    } else if filtered(texture.back, texture.forth, 1.0 / noise, 1.0 / hardness) {
        ("baseline", "follow-up", texture.back)
    } else {
        return None;
    };
    when(true, "smoothed", || {
        format!(
            "the {which} photo has only {:.0} % of the {other}'s faint texture and less of its noise, while edges \
             are alike: a beauty filter or strong noise reduction smoothed the {which} photo, or the {other} was \
             sharpened; photograph with all of them off",
            100.0 * left
        )
    })
}

/// A layer of colour over the skin, in either photo.
fn skin_covered(pair: &Pair) -> Option<Warning> {
    let contrast = pair.skin_contrast.as_ref()?;
    // Spots that fade take faint ones of ordinary skin along, but not its blood too; compression takes both, but no lesions.
    let likely = |part: &PartContrast, together: f64, each: f64| {
        let [pigment, blood] = part.ordinary.map(|of| of.ratio);
        let mut lesions = part.lesions.iter().flatten().peekable();
        let paled = lesions.peek().is_some() && lesions.all(|of| of.ratio < LESION_CONTRAST);
        part.both() < together && pigment.max(blood) < each && paled
    };
    let surely = |whole: &PartContrast| {
        let [pigment, blood] = whole.ordinary.map(|of| of.at_most());
        (pigment * blood).sqrt() < SKIN_CONTRAST && pigment.max(blood) < SKIN_CONTRAST_EACH
    };
    // The contrast left where the moving photo is covered.
    let covered = |SkinContrast { whole, halves }: &SkinContrast| {
        let all = surely(whole) || likely(whole, SKIN_CONTRAST_LIKELY, SKIN_CONTRAST_LIKELY_EACH);
        let half = || halves.iter().find(|half| likely(half, HALF_CONTRAST, HALF_CONTRAST_EACH));
        if all { Some(whole.both()) } else { half().map(PartContrast::both) }
    };
    let follow_up = covered(contrast).map(|left| ("follow-up", "baseline", left));
    let (which, other, left) =
        follow_up.or_else(|| covered(&contrast.inverted()).map(|left| ("baseline", "follow-up", left)))?;
    when(true, "skin_covered", || {
        format!(
            "even ordinary skin has only {left:.2} times the unevenness of pigment and of blood that it has in the \
             {other} photo, on all or half of what both show: something covers it in the {which} photo; take off \
             make-up and cream before photographing"
        )
    })
}

fn contrast_differs(measures: &Measures) -> Option<Warning> {
    let contrast = measures.light_hardness_ratio?;
    when(!(1.0 / CONTRAST..=CONTRAST).contains(&contrast), "light_hardness_differs", || {
        format!(
            "all fine structure has {contrast:.2} times its contrast: the light is harder or softer, or the \
             photo was filtered; use the same lamp at the same distance, and no filter"
        )
    })
}

fn field_differs(measures: &Measures) -> Option<Warning> {
    let range = measures.light_range;
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

fn scale_differs(measures: &Measures) -> Option<Warning> {
    let [least, most] = SCALE_RATIO;
    let allowed = least * (1.0 - SCALE_ERROR)..=most * (1.0 + SCALE_ERROR);
    when(!allowed.contains(&measures.scale_ratio), "scale_differs", || {
        format!(
            "the skin appears {:.2} times as large as in the baseline (allowed {least} to {most}); \
             photograph from the same distance",
            measures.scale_ratio
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

fn white_balance_differs(pair: &Pair, measures: &Measures, limit: f64) -> Option<Warning> {
    let [red, green, blue] = pair.calibration.gains;
    when(measures.white_balance_ratio > limit, "white_balance_differs", || {
        format!(
            "the light had another colour, or the camera another white balance (gains of {red:.2}, {green:.2} \
             and {blue:.2}); use the same lamp and a fixed white balance"
        )
    })
}

fn colour_left(measures: &Measures) -> Option<Warning> {
    let left = measures.colour_residual_delta_e?;
    when(left > DELTA_E, "colour_not_matched", || {
        format!(
            "unchanged skin still differs by ΔE {left:.1} after matching the light (limit {DELTA_E}); \
             use the same light and the same white balance"
        )
    })
}

fn clipped(pair: &Pair) -> Option<Warning> {
    let most = pair.reference.0.clipped_left.max(pair.moving.0.clipped_left);
    when(most > CLIPPED_LEFT, "clipped", || {
        format!(
            "{:.1} % of the valid skin is clipped or black in one photo and has no true colour; expose otherwise",
            100.0 * most
        )
    })
}

fn compressed(pair: &Pair) -> Option<Warning> {
    let quality = |facts: &CaptureFacts| facts.jpeg_quality.map_or(100, |jpeg| jpeg.quality);
    let (reference, moving) = (quality(pair.reference.1), quality(pair.moving.1));
    let least = reference.min(moving);
    when(least < JPEG_LEAST && reference.abs_diff(moving) > JPEG_DIFFERENCE, "compression_too_strong", || {
        format!(
            "JPEG quality {moving} against {reference} in the baseline (least {JPEG_LEAST}): compression this \
             strong makes and unmakes patches of colour; give the camera's own files"
        )
    })
}

fn tilt_warning(pair: &Pair) -> Option<Warning> {
    when(pair.stretch > STRETCH_WARN && pair.stretch <= STRETCH, "tilted", || tilt_message(pair))
}

fn gain_warning(pair: &Pair, measures: &Measures) -> Option<Warning> {
    when(measures.exposure_ratio > GAIN, "exposure_differs", || {
        let [r, g, b] = pair.calibration.gains;
        format!(
            "matching the sessions takes gains of {r:.2}, {g:.2} and {b:.2}; \
             use manual exposure and a fixed white balance"
        )
    })
}

fn noise_warning(measures: &Measures) -> Option<Warning> {
    let ratio = measures.noise_ratio?;
    when(!(1.0 / NOISE..=NOISE).contains(&ratio), "noise_differs", || {
        format!("the follow-up has {ratio:.1} times the noise of the baseline; use the same sensitivity")
    })
}

fn jpeg_warning(pair: &Pair) -> Option<Warning> {
    let (reference, moving) = (pair.reference.1.jpeg_quality?.quality, pair.moving.1.jpeg_quality?.quality);
    when(reference.abs_diff(moving) > JPEG_DIFFERENCE, "compression_differs", || {
        format!("JPEG quality {moving} against {reference} in the baseline; give the camera's own files")
    })
}

fn mode_warning(pair: &Pair) -> Option<Warning> {
    let automatic = |facts: &CaptureFacts| facts.auto_white_balance == Some(true);
    when(automatic(pair.reference.1) || automatic(pair.moving.1), "auto_white_balance", || {
        "the camera chose the white balance itself; fix it, so that colours compare".into()
    })
}

fn lens_warning(pair: &Pair) -> Option<Warning> {
    let length = |facts: &CaptureFacts| facts.focal_length_35mm.or(facts.focal_length_mm);
    let (reference, moving) = (length(pair.reference.1)?, length(pair.moving.1)?);
    when(!(1.0 / LENS..=LENS).contains(&(moving / reference)), "lens_differs", || {
        format!(
            "taken with a focal length of {moving:.0} mm, and of {reference:.0} mm in the baseline: another \
             perspective; use the same lens and zoom from the same distance"
        )
    })
}
