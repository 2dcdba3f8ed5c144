//! `dermalapse study`.

use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValuesParser;
use dermalapse::error::Error;
use dermalapse::metrics::catalogue;
use dermalapse::report::{json, study_table};
use dermalapse::study::{LESION_METRICS, Plan, read_reports, read_run, study};

use super::{End, Output, note};

const EXAMPLES: &str = "\
DIR is the output folder of `dermalapse analyze`. A patient's arm stands in patient.toml
(arm = \"active\") or in the manifest's column arm.

Examples:
  dermalapse study results
  dermalapse study results --primary pigmentation.spot_contrast --at 90 --csv study.csv
  dermalapse study results --reference control";

/// Statistics over the patients and arms of an `analyze` output
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Study {
    /// Output folder of `analyze`
    dir: PathBuf,
    /// A metric named beforehand; may be repeated
    #[arg(long, value_name = "ID", value_parser = PossibleValuesParser::new(
        catalogue().map(|metric| metric.id).chain(LESION_METRICS)), hide_possible_values = true)]
    primary: Vec<String>,
    /// Compare at these days after the baseline instead of at each visit
    #[arg(long, value_name = "DAYS,DAYS", value_delimiter = ',', value_parser = clap::value_parser!(i64).range(1..))]
    at: Vec<i64>,
    /// Farthest that a session may lie from such a day
    #[arg(long, value_name = "DAYS", default_value_t = 14, value_parser = clap::value_parser!(i64).range(0..))]
    within: i64,
    /// The arm that others are compared with [default: each with each]
    #[arg(long, value_name = "ARM")]
    reference: Option<String>,
    /// Write the changes, contrasts and slopes as a table (CSV)
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Print results and errors only
    #[arg(long, short)]
    quiet: bool,
}

impl Study {
    pub fn run(&self) -> Result<Output, Error> {
        let plan = Plan {
            primary: self.primary.clone(),
            at: self.at.clone(),
            within_days: self.within,
            reference: self.reference.clone(),
        };
        let (reports, warnings) = read_reports(&self.dir)?;
        let study = study(&reports, &plan, warnings)?.within(read_run(&self.dir, &reports)?);
        if let Some(path) = &self.csv {
            study_table::write_study_table(path, &study)?;
        }
        for warning in study.warnings.iter().filter(|_| !self.quiet) {
            note(&format!("warning: {}", warning.message));
        }
        Ok(Output { text: json::pretty(&study), end: End::Done })
    }
}
