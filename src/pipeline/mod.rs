//! The whole order for one series: the only place that knows it.

mod frame;
mod pair;

use std::path::Path;

use image::RgbImage;

use crate::alignment::{self, Status};
use crate::error::{Error, Result};
use crate::pipeline::frame::Frame;
use crate::report::alignment::{ALIGNMENT_SCHEMA, Alignment, PairStatus};
use crate::report::measurement::{Measurement, Objects};
use crate::report::run::{PhotoOutcome, PhotoStatus};
use crate::series::View;
use crate::settings::Settings;
use crate::source::SeriesSource;
use crate::units::Scale;

/// What became of one series.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesOutcome {
    /// What was measured; `None` if no photo could be.
    pub view: Option<View>,
    /// What became of each photo, by session and shot.
    pub photos: Vec<PhotoOutcome>,
}

/// Measures every photo of a series and compares each with the baseline.
/// `step` is called after each photo.
pub fn analyze_series(
    source: &SeriesSource,
    _settings: &Settings,
    step: &(dyn Fn() + Sync),
) -> SeriesOutcome {
    let photos = source.sessions.iter().flat_map(|session| {
        session.photos.iter().map(|photo| {
            step();
            PhotoOutcome {
                patient: source.patient.clone(),
                session: session.session.clone(),
                view: source.view.clone(),
                shot: photo.shot,
                file: photo.file.clone(),
                blake3: None,
                status: PhotoStatus::Rejected,
                reason: Some(absent().to_string()),
                warnings: Vec::new(),
            }
        })
    });
    SeriesOutcome { view: None, photos: photos.collect() }
}

/// Measures one photo by itself.
///
/// # Errors
///
/// [`Error::Empty`]: not built yet.
pub fn measure_photo(
    _photo: &Path,
    _scale: Option<Scale>,
    _roi: Option<&Path>,
    _settings: &Settings,
) -> Result<(Measurement, Objects)> {
    Err(absent())
}

/// Aligns two photos and maps `points` from reference to moving pixels; with
/// `picture`, also the moving photo in the reference's frame, to look at.
///
/// # Errors
///
/// Those of [`Photo::open`](crate::photo::Photo::open).
pub fn align_photos(
    reference: &Path,
    moving: &Path,
    points: Option<&[[f64; 2]]>,
    picture: bool,
    settings: &Settings,
) -> Result<(Alignment, Option<RgbImage>)> {
    let limits = settings.decode_limits();
    let open = |path| Frame::open(path, None, &limits).map(|frame| (frame.features(), frame));
    let (reference, moving) = rayon::join(|| open(reference), || open(moving));
    let ((reference_features, reference), (moving_features, moving)) = (reference?, moving?);
    let found = alignment::align(&reference_features, &moving_features, &settings.alignment, settings.seed);
    let aligned = found.status == Status::Aligned;
    let mapped = points.map(|points| points.iter().map(|&at| found.transform.map(at)).collect());
    let record = Alignment {
        schema: ALIGNMENT_SCHEMA.into(),
        status: if aligned { PairStatus::Aligned } else { PairStatus::Rejected },
        reason: found.reason.map(|reason| reason.to_string()),
        matrix: aligned.then(|| found.transform.matrix()),
        residual_px: aligned.then_some(found.residual_px),
        overlap_fraction: aligned.then_some(found.overlap_fraction),
        inliers: found.inliers,
        points: mapped.filter(|_| aligned),
    };
    let (width, height) = reference.size();
    let picture = (picture && aligned)
        .then(|| alignment::warp(&moving.photo.photo().to_rgb8(), &found.transform, width, height));
    Ok((record, picture))
}

fn absent() -> Error {
    Error::Empty { what: "measuring is not built yet".into(), advice: "nothing was written".into() }
}
