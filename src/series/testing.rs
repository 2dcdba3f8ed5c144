//! Records to test on.

use crate::metrics;
use crate::photo::CaptureFacts;
use crate::series::{Change, ScaleRecord, Scales, Verdict, View};
use crate::session::{
    AlignmentRecord, AlignmentStatus, CalibrationMethod, CalibrationRecord, ComparableRecord,
    ComparableStatus, MetricRecord, QualityRecord, RegionRecord, Session,
};
use crate::statistics::ErrorSource;
use crate::units::ScaleSource;

/// A view of `sessions`, the first its baseline.
pub fn view(sessions: Vec<Session>) -> View {
    View {
        view: "frontal".into(),
        baseline: sessions[0].session.clone(),
        scale: ScaleRecord { px_per_mm: None, source: ScaleSource::None },
        schedule: None,
        sessions,
        changes: vec![],
        controlled: vec![],
        trends: vec![],
        recoveries: vec![],
        lesions: vec![],
        scales: Scales::default(),
    }
}

/// A session without photos.
pub fn session(name: &str, day: i64, regions: Vec<RegionRecord>) -> Session {
    Session {
        session: name.into(),
        date: None,
        day: Some(day),
        treatment: None,
        photos: vec![],
        quality: QualityRecord {
            usable: true,
            sharpness: None,
            clipped_fraction: 0.0,
            glare_fraction: 0.0,
            skin_fraction: None,
            focus_mm: None,
            exposure: None,
            colour_cast: None,
            noise: None,
            capture: CaptureFacts::default(),
            warnings: vec![],
        },
        calibration: CalibrationRecord {
            method: CalibrationMethod::None,
            delta_e_2000: None,
            delta_e_2000_max: None,
            light: None,
        },
        alignment: AlignmentRecord {
            status: AlignmentStatus::Aligned,
            reason: None,
            matrix: None,
            residual_px: None,
            overlap_fraction: None,
        },
        comparable: ComparableRecord { status: ComparableStatus::Yes, reasons: vec![], measures: None },
        regions,
    }
}

/// A region with one value, whose standard error is a tenth of it.
pub fn region(name: &str, id: &str, value: f64) -> RegionRecord {
    let record = MetricRecord {
        value: Some(value),
        reason: None,
        standard_error: Some(value / 10.0),
        unit: metrics::metric(id).map_or("", |metric| metric.unit).into(),
        confidence: None,
        shots: Vec::new(),
    };
    RegionRecord {
        region: name.into(),
        area_mm2: None,
        area_px: 1.0,
        residual_px: None,
        metrics: [(id.to_owned(), record)].into(),
    }
}

/// A change in the region `skin` whose interval reaches as far as `mdc95`.
pub fn change(id: &str, from: &str, to: &str, difference: f64, mdc95: f64, verdict: Verdict) -> Change {
    Change {
        region: "skin".into(),
        metric: id.into(),
        from: from.into(),
        to: to.into(),
        difference: Some(difference),
        percent: None,
        ci95: Some([difference - mdc95, difference + mdc95]),
        mdc95: Some(mdc95),
        mdc_source: Some(ErrorSource::Published),
        verdict,
        reason: None,
    }
}
