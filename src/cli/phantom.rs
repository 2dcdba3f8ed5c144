//! `dermalapse phantom`.

use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::PossibleValuesParser;
use dermalapse::batch;
use dermalapse::error::Error;
use dermalapse::phantom::{PRESETS, PatientPlan};
use dermalapse::reading;

use super::common::Common;
use super::{End, Output};

/// The largest plan that is read, bytes.
const MOST_BYTES: u64 = 1024 * 1024;

/// Render synthetic patients whose truth is known
#[derive(Args)]
#[command(after_long_help = help())]
pub struct Phantom {
    /// Folder for PATIENT/SESSION/VIEW.jpg and truth.json
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Patients, each with skin of its own
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=999))]
    patients: u32,
    /// Visits, at most as many as the plan has
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    sessions: Option<u32>,
    /// Views, each another piece of skin
    #[arg(long, value_name = "NAME,NAME", value_delimiter = ',')]
    views: Vec<String>,
    /// What becomes of the skin
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(PRESETS.map(|(name, _)| name)))]
    preset: Option<String>,
    /// A plan of your own (TOML) instead of a preset
    #[arg(long, value_name = "FILE", conflicts_with = "preset")]
    plan: Option<PathBuf>,
    /// Size of a photo, pixels
    #[arg(long, value_name = "WxH", value_parser = parse_size)]
    size: Option<(u32, u32)>,
    /// Scale of the baseline photo
    #[arg(long, value_name = "X")]
    px_per_mm: Option<f64>,
    /// Melanosome fraction: light 0.03, medium 0.13, dark 0.3
    #[arg(long, value_name = "FRACTION")]
    tone: Option<f64>,
    #[command(flatten)]
    common: Common,
}

fn help() -> String {
    let presets: String = PRESETS.iter().map(|(name, what)| format!("  {name:10} {what}\n")).collect();
    format!(
        "Presets:\n{presets}\nExample:\n  dermalapse phantom --out photos --patients 2 --size 1600x1200 --px-per-mm 30\n  \
         dermalapse analyze photos --out results"
    )
}

fn parse_size(text: &str) -> Result<(u32, u32), String> {
    let size =
        text.split_once('x').and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
    size.ok_or_else(|| "a size is written as 1600x1200".to_owned())
}

impl Phantom {
    pub fn run(&self) -> Result<Output, Error> {
        // Added to the plan's; each patient has skin of its own.
        let seed = self.common.settings()?.seed;
        let plan = self.plan()?;
        let plans: Vec<PatientPlan> = (0..self.patients)
            .map(|number| PatientPlan {
                patient: format!("P{:03}", number + 1),
                seed: plan.seed.wrapping_add(seed).wrapping_add(number.into()),
                ..plan.clone()
            })
            .collect();
        let photos: usize = plans.iter().map(photo_count).sum();
        let bar = self.common.progress(photos);
        let render =
            || plans.iter().try_for_each(|plan| batch::write_phantom(plan, &self.out, &|| bar.inc(1)));
        self.common.in_pool(render)??;
        bar.finish_and_clear();
        Ok(Output { text: plans.iter().map(line).collect(), end: End::Done })
    }

    /// The plan under the options; what was not given keeps the plan's value.
    fn plan(&self) -> Result<PatientPlan, Error> {
        let mut plan = match (&self.plan, &self.preset) {
            (Some(path), _) => read_plan(path)?,
            (None, Some(preset)) => PatientPlan::preset(preset)?,
            (None, None) => PatientPlan::default(),
        };
        (plan.width, plan.height) = self.size.unwrap_or((plan.width, plan.height));
        plan.px_per_mm = self.px_per_mm.unwrap_or(plan.px_per_mm);
        plan.tone = self.tone.unwrap_or(plan.tone);
        if !self.views.is_empty() {
            plan.views.clone_from(&self.views);
        }
        let visits = self.sessions.map_or(plan.sessions.len(), |sessions| sessions as usize);
        if visits > plan.sessions.len() {
            return Err(Error::OutOfRange {
                name: "sessions".into(),
                value: visits.to_string(),
                range: format!("between 1 and the {} visits of the plan", plan.sessions.len()),
            });
        }
        plan.sessions.truncate(visits);
        Ok(plan)
    }
}

fn read_plan(path: &Path) -> Result<PatientPlan, Error> {
    let text = reading::read_text(path, MOST_BYTES)
        .map_err(|source| Error::Read { path: path.to_owned(), source })?;
    toml::from_str(&text)
        .map_err(|error| Error::Malformed { path: path.to_owned(), reason: error.to_string() })
}

fn photo_count(plan: &PatientPlan) -> usize {
    plan.sessions.iter().map(|session| session.shots as usize * plan.views.len()).sum()
}

/// One line per patient.
fn line(plan: &PatientPlan) -> String {
    format!(
        "{}: {} views, {} sessions, {} photos of {} x {} pixels at {} px/mm\n",
        plan.patient,
        plan.views.len(),
        plan.sessions.len(),
        photo_count(plan),
        plan.width,
        plan.height,
        plan.px_per_mm,
    )
}
