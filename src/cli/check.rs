//! `dermalapse check`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use dermalapse::check::{self, Tolerances};
use dermalapse::error::Error;
use dermalapse::report::{json, junit};

use super::{End, Output};

const EXAMPLES: &str = "\
REPORT and GOLDEN are two report.json files or two output folders of `dermalapse analyze`.

Tolerances (TOML) are tables by name; a number may lie as far from the golden one as the widest allows:
  [default]                    every number that no other table names
  relative = 1e-4
  standard_errors = 0.01
  [\"redness.a_star_mean\"]      a metric
  absolute = 0.05
  [\"texture.*\"]                a family
  standard_errors = 0.5
  [\"lesions.dose\"]             a key of a part: lesions, alignment, quality, calibration
  relative = 0.01

Example:
  dermalapse check results --against golden --junit check.xml";

/// Compare reports with golden ones: exit code 4 if they differ
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Check {
    /// A report.json or an output folder
    report: PathBuf,
    /// What it should be
    #[arg(long, value_name = "GOLDEN")]
    against: PathBuf,
    /// How far numbers may differ (TOML)
    #[arg(long, value_name = "FILE")]
    tolerance: Option<PathBuf>,
    /// Count other versions, settings and new keys as differences too
    #[arg(long)]
    strict: bool,
    /// How to print the differences
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Write the result for continuous integration (JUnit XML)
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

impl Check {
    pub fn run(&self) -> Result<Output, Error> {
        let tolerances = self.tolerance.as_deref().map(Tolerances::read).transpose()?.unwrap_or_default();
        let (actual, golden) = (check::read(&self.report)?, check::read(&self.against)?);
        let found = check::check(&actual, &golden, &tolerances, self.strict);
        if let Some(path) = &self.junit {
            junit::write_junit(path, &found)?;
        }
        let end = if found.differences.is_empty() { End::Done } else { End::Different };
        let text = match self.format {
            Format::Text => check::text::text(&found),
            Format::Json => json::pretty(&found),
        };
        Ok(Output { text, end })
    }
}
