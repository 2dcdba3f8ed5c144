//! `dermalapse analyze`.

use std::path::PathBuf;

use clap::Args;
use dermalapse::batch::{self, Analysis};
use dermalapse::error::Error;
use dermalapse::report::html::Language;
use dermalapse::report::run::{PatientOutcome, Run};
use dermalapse::series::Verdict;
use dermalapse::source::SeriesSource;

use super::common::{Common, ScaleOption};
use super::{End, Output};

const LAYOUT: &str = "\
INPUT is a folder PATIENT/SESSION/VIEW.jpg:
  P001/2026-01-10/cheek_left.jpg            the first session is the baseline
  P001/2026-01-10/cheek_left.2.jpg          a repeat photo of the same session
  P001/2026-04-10_after/cheek_left.jpg      a label may follow the date
  P001/patient.toml                         optional, see below
or a CSV manifest with the columns patient,session,view,file and, where known,
date,shot,px_per_mm,roi,arm,role,days_since_treatment; role is baseline or follow_up.

patient.toml may say:
  treatments = [\"2026-01-10\"]
  arm = \"active\"
  px_per_mm = 27.1
  [views.cheek_left]
  px_per_mm = 27.4
  roi = \"cheek_left.json\"

Files in DIR: index.html, PATIENT/report.html, PATIENT/report.json, measurements.csv, measurements.parquet, changes.csv, run.json.

Example:
  dermalapse analyze photos --out results";

/// Measure every patient of a folder or manifest
#[derive(Args)]
#[command(after_long_help = LAYOUT)]
pub struct Analyze {
    /// Folder PATIENT/SESSION/VIEW.jpg, or a CSV manifest
    input: PathBuf,
    /// Folder for reports and tables
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Language of the pages: en, nl or de
    #[arg(long, value_name = "CODE", default_value_t)]
    lang: Language,
    /// Write no pages (index.html, PATIENT/report.html)
    #[arg(long, conflicts_with = "lang")]
    no_html: bool,
    #[command(flatten)]
    scale: ScaleOption,
    #[command(flatten)]
    common: Common,
}

impl Analyze {
    pub fn run(&self) -> Result<Output, Error> {
        let settings = self.common.settings()?;
        let scale = self.scale.px_per_mm;
        let input = batch::discover(&self.input, &self.out, scale)?;
        let series = input.patients.iter().flat_map(|patient| &patient.series);
        let bar = self.common.progress(series.map(SeriesSource::photo_count).sum());
        let jobs = self.common.jobs();
        let pages = (!self.no_html).then_some(self.lang);
        let analysis = Analysis { input: &input, output: &self.out, settings: &settings, scale, jobs, pages };
        let run = batch::analyze(&analysis, &|| bar.inc(1));
        bar.finish_and_clear();
        let run = run?;
        self.tell(&run);
        Ok(Output { text: run.patients.iter().map(line).collect(), end: end(&run) })
    }

    /// What did not take its full part, on stderr.
    fn tell(&self, run: &Run) {
        for left in &run.problems {
            self.common.warn(format_args!("{}: {}", left.input, left.reason));
        }
        for photo in run.photos.iter().filter(|photo| !photo.status.is_done()) {
            let reason = photo.reason.as_deref().unwrap_or("no reason given");
            let place = format!("{}/{}/{}", photo.patient, photo.session, photo.file);
            self.common.warn(format_args!("{place}: {reason}"));
        }
        for patient in run.patients.iter().filter(|patient| !patient.report) {
            let reason = patient.reason.as_deref().unwrap_or("no reason given");
            self.common.warn(format_args!("{}: no report: {reason}", patient.id));
        }
    }
}

fn end(run: &Run) -> End {
    match run {
        run if !run.patients.iter().any(|patient| patient.report) => End::Failed,
        run if !run.is_complete() => End::Incomplete,
        _ => End::Done,
    }
}

/// One line per patient.
fn line(patient: &PatientOutcome) -> String {
    let count = |verdict| patient.changes.get(&verdict).copied().unwrap_or(0);
    if !patient.report {
        return format!("{}: no report\n", patient.id);
    }
    format!(
        "{}: {} views, {} sessions; {} improved, {} worsened, {} changed, {} without detectable change, {} \
         not comparable\n",
        patient.id,
        patient.views,
        patient.sessions,
        count(Verdict::Improved),
        count(Verdict::Worsened),
        count(Verdict::Changed),
        count(Verdict::NoDetectableChange),
        count(Verdict::NotComparable),
    )
}
