//! The options that mean the same wherever they apply.

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::Args;
use dermalapse::batch;
use dermalapse::error::{Error, Warning};
use dermalapse::settings::Settings;
use dermalapse::statistics::table;
use dermalapse::units::{Scale, ScaleSource};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::note;

/// Options of every command that looks at photographs.
#[derive(Args)]
pub struct Common {
    /// Settings file (TOML)
    #[arg(long, value_name = "FILE", help_heading = "Common options", long_help = config_help())]
    config: Option<PathBuf>,
    /// A clinic's own repeat photos: CSV metric,sd,degrees or TOML
    #[arg(long, value_name = "FILE", help_heading = "Common options", long_help = REPEATABILITY_HELP)]
    repeatability: Option<PathBuf>,
    /// Where every random choice starts
    #[arg(long, value_name = "N", help_heading = "Common options")]
    seed: Option<u64>,
    /// Threads, at most [default: all processors]
    #[arg(long, value_name = "N", help_heading = "Common options",
          value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    /// Print results and errors only
    #[arg(long, short, help_heading = "Common options")]
    quiet: bool,
    /// Draw no progress bar
    #[arg(long, help_heading = "Common options")]
    no_progress: bool,
}

const REPEATABILITY_HELP: &str = "\
Within-subject standard deviations from a clinic's own repeat photos (CSV or TOML), which replace what is \
known of other cameras. CSV has the columns metric,sd and, where known, degrees (photographs less patients); \
TOML says \"redness.a_star_mean\" = 0.2 or \"redness.a_star_mean\" = { sd = 0.2, degrees = 12 }. \
lesions.dose is the relative standard deviation of a lesion's dose.";

fn config_help() -> String {
    format!(
        "Settings file (TOML). What it leaves out keeps its default; every setting, its default and its \
         range:\n\n{}",
        Settings::documented()
    )
}

impl Common {
    /// The settings: the file's, or the defaults, under the options.
    pub fn settings(&self) -> Result<Settings, Error> {
        let mut settings = self.config.as_deref().map(Settings::read).transpose()?.unwrap_or_default();
        if let Some(path) = &self.repeatability {
            settings.repeatability.extend(table::read(path)?);
        }
        settings.seed = self.seed.unwrap_or(settings.seed);
        settings.validate()?;
        Ok(settings)
    }

    /// Threads, at most; 0 is as many as there are processors.
    pub fn jobs(&self) -> usize {
        self.jobs.map_or(0, usize::from)
    }

    /// Runs `work` on as many threads as allowed.
    pub fn in_pool<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T, Error> {
        batch::in_pool(self.jobs(), work)
    }

    /// A bar that counts `total` photos; hidden where nobody would see it.
    pub fn progress(&self, total: usize) -> ProgressBar {
        let seen = !self.quiet && !self.no_progress && std::io::stderr().is_terminal();
        let target = if seen { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} photos, {eta} left")
            .expect("the template is well-formed");
        let bar = ProgressBar::with_draw_target(Some(total as u64), target).with_style(style);
        bar.tick();
        bar
    }

    /// Says how it went, unless quiet.
    pub fn say(&self, text: impl std::fmt::Display) {
        if !self.quiet {
            note(&text.to_string());
        }
    }

    /// Says what makes a result less reliable, unless quiet.
    pub fn warn(&self, text: impl std::fmt::Display) {
        if !self.quiet {
            note(&format!("warning: {text}"));
        }
    }

    /// Says what the warnings say, unless quiet.
    pub fn warn_all(&self, warnings: &[Warning]) {
        warnings.iter().for_each(|warning| self.warn(&warning.message));
    }
}

/// The scale of photographs given on the command line.
#[derive(Args)]
pub struct ScaleOption {
    /// Pixels per millimetre of skin on the baseline photo
    #[arg(long, value_name = "X", value_parser = parse_scale)]
    pub px_per_mm: Option<Scale>,
}

fn parse_scale(text: &str) -> Result<Scale, String> {
    let px_per_mm: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    Scale::new(px_per_mm, ScaleSource::Option).map_err(|error| error.to_string())
}

/// Regions given on the command line.
#[derive(Args)]
pub struct RegionOption {
    /// Regions drawn on the baseline: LabelMe JSON or PNG
    #[arg(long, value_name = "FILE")]
    pub roi: Option<PathBuf>,
}
