//! `dermalapse analyze`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use dermalapse::batch::{self, Analysis, Finished};
use dermalapse::error::Error;
use dermalapse::report::files::Gate;
use dermalapse::report::run::{PatientOutcome, Run};
use dermalapse::series::Verdict;
use dermalapse::source::SeriesSource;

use super::common::{Common, ScaleOption};
use super::{End, Output, interrupt};

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

Files in DIR: PATIENT/report.json, measurements.csv, measurements.parquet, changes.csv, run.json.
DIR/.dermalapse keeps finished series: after Ctrl-C or a power cut, the same command goes on where
it stopped, and a later one computes only what is new. docs/running.md says more.

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
    /// Compute everything again
    #[arg(long)]
    force: bool,
    /// Memory for photos [default: 3/4 of what is free]
    #[arg(long, value_name = "SIZE", value_parser = parse_memory,
          long_help = "Memory for photos, such as 4GiB or 800MB [default: 3/4 of what is free]. Series wait for \
                       one another within it; one that needs more runs alone")]
    max_memory: Option<u64>,
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
        let gate = Arc::new(Gate::default());
        interrupt::on_ctrl_c(&gate, &bar);
        let analysis = Analysis {
            input: &input,
            output: &self.out,
            settings: &settings,
            scale,
            jobs: self.common.jobs(),
            memory: self.max_memory.unwrap_or_else(batch::most_memory),
            over: self.force,
            gate: &gate,
        };
        let finished = batch::analyze(&analysis, &|| bar.inc(1));
        if let Err(Error::Interrupted) = finished {
            interrupt::leave(&bar);
        }
        bar.finish_and_clear();
        let finished = finished?;
        self.tell(&finished);
        let run = finished.run;
        Ok(Output { text: run.patients.iter().map(line).collect(), end: end(&run) })
    }

    /// What did not take its full part, and what else is worth knowing, on stderr.
    fn tell(&self, Finished { run, reused, notes }: &Finished) {
        if *reused > 0 {
            self.common.say(format_args!("{reused} finished series taken from an earlier run"));
        }
        notes.iter().for_each(|note| self.common.warn(note));
        for patient in &run.patients {
            self.common.warn_all(&patient.warnings);
        }
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

/// A size such as `4GiB`, `800MB` or `2G`, in bytes.
fn parse_memory(text: &str) -> Result<u64, String> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let factor = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        "k" | "kib" => 1024.0,
        "m" | "mib" => 1_048_576.0,
        "g" | "gib" => 1_073_741_824.0,
        _ => return Err("a size is written as 4GiB or 800MB".into()),
    };
    let bytes = number.parse::<f64>().map_err(|_| "a size is written as 4GiB or 800MB".to_owned())? * factor;
    if bytes >= 1e6 { Ok(bytes as u64) } else { Err("less than 1 MB holds no photo".into()) }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_their_units() {
        for (text, bytes) in [
            ("4GiB", 4 << 30),
            ("1.5 GiB", 3 << 29),
            ("800MB", 800_000_000),
            ("2g", 2 << 30),
            ("5000000", 5_000_000),
        ] {
            assert_eq!(parse_memory(text), Ok(bytes), "{text}");
        }
        for text in ["", "GiB", "4 parsecs", "-1GiB", "12", "1.2.3G"] {
            assert!(parse_memory(text).is_err(), "{text}");
        }
    }
}
