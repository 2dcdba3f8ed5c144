//! The whole order for one series: the only file that knows it.

use std::path::Path;

use image::RgbImage;

use crate::error::{Error, Result};
use crate::report::alignment::Alignment;
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

/// Aligns two photos and maps `points` from reference to moving pixels; the
/// picture is the moving photo in the reference's frame.
///
/// # Errors
///
/// [`Error::Empty`]: not built yet.
pub fn align_photos(
    _reference: &Path,
    _moving: &Path,
    _points: Option<&[[f64; 2]]>,
    _picture: bool,
    _settings: &Settings,
) -> Result<(Alignment, Option<RgbImage>)> {
    Err(absent())
}

fn absent() -> Error {
    Error::Empty { what: "measuring is not built yet".into(), advice: "nothing was written".into() }
}
