//! What the stages found, as the report says it.

use crate::calibration::{Calibration, Method};
use crate::color::unmixing::leaks;
use crate::error::Warning;
use crate::metrics::{Aspect, Family, Measured, metric};
use crate::photo::Photo;
use crate::pipeline::link::Link;
use crate::quality::{self, Quality};
use crate::region::Region;
use crate::series::ScaleRecord;
use crate::session::{
    AlignmentRecord, AlignmentStatus, CalibrationMethod, CalibrationRecord, ComparableRecord,
    ComparableStatus, Confidence, LightRecord, MetricRecord, PhotoRecord, QualityRecord, RegionRecord,
};
use crate::statistics::Repeatability;
use crate::units::{FilterScale, Scale, ScaleSource};

/// The record of a photo.
pub fn photo(photo: &Photo, shot: u32) -> PhotoRecord {
    PhotoRecord {
        file: photo.file().to_owned(),
        blake3: photo.blake3().to_owned(),
        width: photo.width(),
        height: photo.height(),
        shot,
    }
}

/// The record of a photo's quality; decoding, calibration and comparison add `more` warnings.
pub fn quality(quality: &Quality, photo: &Photo, scale: FilterScale, more: &[Warning]) -> QualityRecord {
    let focus = quality.blur_sigma_px.filter(|_| scale.physical);
    QualityRecord {
        usable: quality.usable,
        sharpness: Some(quality.sharpness),
        clipped_fraction: quality.clipped_fraction,
        glare_fraction: quality.glare_fraction,
        skin_fraction: Some(quality.coverage),
        focus_mm: focus.map(|sigma| quality::FULL_WIDTH * scale.mm(sigma)),
        exposure: Some(quality.exposure),
        colour_cast: quality.colour_cast,
        noise: quality.noise,
        capture: *photo.facts(),
        warnings: [photo.warnings(), &quality.warnings, more].concat(),
    }
}

/// The record of the calibration of a photo of `width` by `height` pixels.
pub fn calibration(calibration: &Calibration, (width, height): (usize, usize)) -> CalibrationRecord {
    let method = match calibration.method {
        Method::Card => CalibrationMethod::Card,
        Method::ReferenceSkin => CalibrationMethod::ReferenceSkin,
        Method::WhitePatch => CalibrationMethod::WhitePatch,
        Method::None => CalibrationMethod::None,
    };
    let light = calibration.field.as_ref().map(|field| {
        // Per width and per height; in pixels the longer side would weigh less.
        let [across, down] = field.gradient();
        LightRecord {
            direction_deg: (-down / height as f64).atan2(across / width as f64).to_degrees(),
            strength: field.range().exp_m1(),
        }
    });
    CalibrationRecord {
        method,
        delta_e_2000: calibration.delta_e_2000,
        delta_e_2000_max: calibration.delta_e_2000_max,
        light,
    }
}

/// The record of an alignment.
pub fn aligned(link: &Link, status: AlignmentStatus) -> AlignmentRecord {
    AlignmentRecord {
        status,
        reason: None,
        matrix: Some(link.transform.matrix()),
        residual_px: Some(link.residual_px),
        overlap_fraction: Some(link.overlap_fraction),
    }
}

/// The record of an alignment that was refused.
pub fn rejected(reason: &Warning) -> AlignmentRecord {
    AlignmentRecord {
        status: AlignmentStatus::Rejected,
        reason: Some(format!("{}: {}", reason.code, reason.message)),
        matrix: None,
        residual_px: None,
        overlap_fraction: None,
    }
}

/// The record of what can be compared, with every reason why not.
pub fn comparable(link: &Link) -> ComparableRecord {
    let blocked = [Aspect::Colour, Aspect::Relief].map(|aspect| link.blocked(aspect).is_some());
    let status = match blocked {
        [false, false] => ComparableStatus::Yes,
        [true, true] => ComparableStatus::No,
        _ => ComparableStatus::Partly,
    };
    let mut reasons: Vec<Warning> =
        link.comparability.reasons.iter().map(|reason| reason.warning.clone()).collect();
    reasons.dedup();
    ComparableRecord { status, reasons, measures: link.comparability.measures }
}

/// The record of a photo that cannot be compared at all.
pub fn not_comparable(reason: &Warning) -> ComparableRecord {
    ComparableRecord { status: ComparableStatus::No, reasons: vec![reason.clone()], measures: None }
}

/// The record of a scale.
pub fn scale(scale: Option<Scale>) -> ScaleRecord {
    ScaleRecord {
        px_per_mm: scale.map(Scale::px_per_mm),
        source: scale.map_or(ScaleSource::None, Scale::source),
    }
}

/// The record of a region of a photo whose native scale is `scale`, placed
/// with an expected error of `residual_px`, in a series whose baseline's skin
/// has the individual typology angle `ita_deg`.
pub fn region(
    region: &Region,
    scale: FilterScale,
    residual_px: Option<f64>,
    measured: &[Measured],
    repeatability: &Repeatability,
    ita_deg: f64,
) -> RegionRecord {
    let area_px = region.area_px();
    let record = |metric: &Measured| {
        let record = MetricRecord::new(metric, repeatability, limit(metric.id, ita_deg));
        let leak = leak(metric.id, measured, ita_deg);
        (metric.id.to_owned(), if let Some(leak) = leak { leaky(record, leak) } else { record })
    };
    RegionRecord {
        region: region.name.clone(),
        area_mm2: scale.physical.then(|| area_px / scale.px_per_mm.powi(2)),
        area_px,
        residual_px,
        metrics: measured.iter().map(record).collect(),
    }
}

/// What the other of melanin and hemoglobin may have passed into the index
/// `id`, its whole reading at the leak of the tone; `None` of another metric.
fn leak(id: &str, measured: &[Measured], ita_deg: f64) -> Option<f64> {
    const MELANIN: &str = "pigmentation.melanin_index";
    const HEMOGLOBIN: &str = "redness.hemoglobin_index";
    let (which, other) = match id {
        HEMOGLOBIN => (0, MELANIN),
        MELANIN => (1, HEMOGLOBIN),
        _ => return None,
    };
    let passed = measured.iter().find(|metric| metric.id == other)?.outcome.as_ref().ok()?.value();
    Some((leaks(ita_deg)[which] * passed).abs())
}

/// The record with the leak in its error; its confidence follows: low from
/// half of the value, medium from a sixth.
fn leaky(record: MetricRecord, leak: f64) -> MetricRecord {
    let share = leak / record.value.map_or(1.0, f64::abs).max(1e-9);
    let most = match share {
        0.5.. => Confidence::Low,
        0.167.. => Confidence::Medium,
        _ => Confidence::High,
    };
    MetricRecord {
        standard_error: record.standard_error.map(|error| error.hypot(leak)),
        confidence: record.confidence.map(|confidence| confidence.min(most)),
        ..record
    }
}

/// Lists beside each value what every shot of the session measured.
pub fn list_shots(records: &mut [RegionRecord], shots: &[&[(Region, Vec<Measured>)]]) {
    for record in records {
        for (id, metric) in &mut record.metrics {
            let value = |shot: &&[(Region, Vec<Measured>)]| {
                let (_, measured) = shot.iter().find(|(region, _)| region.name == record.region)?;
                Some(measured.iter().find(|measured| measured.id == id)?.outcome.as_ref().ok()?.value())
            };
            metric.shots = shots.iter().map(value).collect();
        }
    }
}

/// How far a metric can be relied on at best: what was found of its objects
/// on synthetic skin with known truth (lines half or more, scars and papules
/// less than half of them, stretch marks on light skin only), and how far
/// melanin and blood are told apart on skin of the tone: on light skin a
/// doubling of one passes for a tenth of a doubling of the other, on medium
/// skin for a fifth, and on dark skin melanin passes for more blood than blood does.
pub(super) fn limit(id: &str, ita_deg: f64) -> Confidence {
    const LIGHT: f64 = 16.0;
    const DARK: f64 = -10.0;
    match id {
        "redness.hemoglobin_index" | "redness.area_fraction" if ita_deg < DARK => return Confidence::Low,
        "redness.hemoglobin_index"
        | "redness.area_fraction"
        | "pigmentation.melanin_index"
        | "pigmentation.relative_variation"
        | "pigmentation.spot_contrast"
            if ita_deg < LIGHT =>
        {
            return Confidence::Medium;
        }
        _ => {}
    }
    match metric(id).map(|metric| metric.family) {
        Some(Family::Scars | Family::StretchMarks | Family::Inflammation) => Confidence::Low,
        Some(Family::Wrinkles) => Confidence::Medium,
        _ => Confidence::High,
    }
}
