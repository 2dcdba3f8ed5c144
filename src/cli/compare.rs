//! `dermalapse compare`.

use std::path::{Path, PathBuf};

use clap::Args;
use dermalapse::batch;
use dermalapse::error::Error;
use dermalapse::pipeline;
use dermalapse::report::run::PhotoOutcome;
use dermalapse::report::{self, json};

use super::common::{Common, RegionOption, ScaleOption};
use super::{End, Output};

const EXAMPLES: &str = "\
A photo in a folder that is named by its date, such as 2026-04-10, gets that date.

Examples:
  dermalapse compare before.jpg after.jpg
  dermalapse compare 2026-01-10/cheek.jpg 2026-04-10/cheek.jpg --px-per-mm 27.1 --roi cheek.json";

/// Compare photographs of one view, in order of time
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Compare {
    /// The photo that all others are compared with
    baseline: PathBuf,
    /// Later photos of the same view, in order of time
    #[arg(required = true)]
    follow_up: Vec<PathBuf>,
    #[command(flatten)]
    scale: ScaleOption,
    #[command(flatten)]
    region: RegionOption,
    #[command(flatten)]
    common: Common,
}

impl Compare {
    pub fn run(&self) -> Result<Output, Error> {
        let settings = self.common.settings()?;
        let photos: Vec<&Path> =
            std::iter::once(&self.baseline).chain(&self.follow_up).map(AsRef::as_ref).collect();
        let patient = batch::series_of(&photos, self.scale.px_per_mm, self.region.roi.clone());
        let bar = self.common.progress(photos.len());
        let series = &patient.series[0];
        let outcome = self.common.in_pool(|| pipeline::analyze_series(series, &settings, &|| bar.inc(1)))?;
        bar.finish_and_clear();
        if outcome.view.is_none() {
            return Err(nothing_measured(&outcome.photos));
        }
        let end = if outcome.photos.iter().all(|photo| photo.status.is_done()) {
            End::Done
        } else {
            End::Incomplete
        };
        let report = report::assemble(&patient, Vec::from_iter(outcome.view), &outcome.photos, &settings);
        self.common.warn_all(&report.warnings);
        Ok(Output { text: json::pretty(&report), end })
    }
}

fn nothing_measured(photos: &[PhotoOutcome]) -> Error {
    let reasons = photos.iter().map(|photo| {
        let reason = photo.reason.as_deref().unwrap_or("no reason given");
        format!("{}: {reason}", photo.file)
    });
    Error::Empty { what: "no photo could be measured".into(), advice: reasons.collect::<Vec<_>>().join("; ") }
}
