//! What the stages found, as the report says it.

use crate::calibration::{Calibration, Method};
use crate::error::Warning;
use crate::metrics::{Aspect, Family, Measured, metric};
use crate::photo::Photo;
use crate::pipeline::link::Link;
use crate::quality::Quality;
use crate::region::Region;
use crate::series::ScaleRecord;
use crate::session::{
    AlignmentRecord, AlignmentStatus, CalibrationMethod, CalibrationRecord, ComparableRecord,
    ComparableStatus, Confidence, MetricRecord, PhotoRecord, QualityRecord, RegionRecord,
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
pub fn quality(quality: &Quality, photo: &Photo, more: &[Warning]) -> QualityRecord {
    QualityRecord {
        usable: quality.usable,
        sharpness: Some(quality.sharpness),
        clipped_fraction: quality.clipped_fraction,
        glare_fraction: quality.glare_fraction,
        warnings: [photo.warnings(), &quality.warnings, more].concat(),
    }
}

/// The record of a calibration.
pub fn calibration(calibration: &Calibration) -> CalibrationRecord {
    let method = match calibration.method {
        Method::Card => CalibrationMethod::Card,
        Method::ReferenceSkin => CalibrationMethod::ReferenceSkin,
        Method::WhitePatch => CalibrationMethod::WhitePatch,
        Method::None => CalibrationMethod::None,
    };
    CalibrationRecord { method, delta_e_2000: calibration.delta_e_2000 }
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
    ComparableRecord { status, reasons }
}

/// The record of a photo that cannot be compared at all.
pub fn not_comparable(reason: &Warning) -> ComparableRecord {
    ComparableRecord { status: ComparableStatus::No, reasons: vec![reason.clone()] }
}

/// The record of a scale.
pub fn scale(scale: Option<Scale>) -> ScaleRecord {
    ScaleRecord {
        px_per_mm: scale.map(Scale::px_per_mm),
        source: scale.map_or(ScaleSource::None, Scale::source),
    }
}

/// The record of a region of a photo whose native scale is `scale`, placed
/// with an expected error of `residual_px`.
pub fn region(
    region: &Region,
    scale: FilterScale,
    residual_px: Option<f64>,
    measured: &[Measured],
    repeatability: &Repeatability,
) -> RegionRecord {
    let area_px = region.area_px();
    let record = |measured: &Measured| {
        (measured.id.to_owned(), MetricRecord::new(measured, repeatability, limit(measured.id)))
    };
    RegionRecord {
        region: region.name.clone(),
        area_mm2: scale.physical.then(|| area_px / scale.px_per_mm.powi(2)),
        area_px,
        residual_px,
        metrics: measured.iter().map(record).collect(),
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
/// less than half of them, stretch marks on light skin only).
fn limit(id: &str) -> Confidence {
    match metric(id).map(|metric| metric.family) {
        Some(Family::Scars | Family::StretchMarks | Family::Inflammation) => Confidence::Low,
        Some(Family::Wrinkles) => Confidence::Medium,
        _ => Confidence::High,
    }
}
