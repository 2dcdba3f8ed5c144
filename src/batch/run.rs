//! Running all series, in parallel, and writing what comes out.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::batch::Input;
use crate::batch::memory::Budget;
use crate::batch::store::{self, Store};
use crate::batch::task::Tasks;
use crate::batch::threads::Threads;
use crate::error::{Error, Result};
use crate::pipeline::PicturedSeries;
use crate::reading;
use crate::report::files::{Gate, OutputFolder};
use crate::report::html::{self, Language};
use crate::report::pictures::Pictures;
use crate::report::run::{PatientOutcome, PhotoOutcome, RUN_SCHEMA, Run};
use crate::report::tables::Tables;
use crate::report::{assemble, tool};
use crate::series::{Report, View};
use crate::settings::Settings;
use crate::source::PatientSource;
use crate::units::Scale;

/// The largest report that is read back, bytes.
const MOST_BYTES: u64 = 1 << 30;

/// What to analyse, and how.
#[derive(Debug, Clone)]
pub struct Analysis<'a> {
    /// What was found in the input.
    pub input: &'a Input,
    /// Where the files go.
    pub output: &'a Path,
    /// Every choice that changes the result.
    pub settings: &'a Settings,
    /// A scale given for all photos.
    pub scale: Option<Scale>,
    /// Threads, and series at a time; 0 is as many as there are processors.
    pub jobs: usize,
    /// Memory that the series in work may take together, bytes.
    pub memory: u64,
    /// Whether to compute again what an earlier run has finished.
    pub over: bool,
    /// Shut from another thread, it ends the run: no file appears any more.
    pub gate: &'a Arc<Gate>,
    /// The language of the pages; `None` writes no pages.
    pub pages: Option<Language>,
}

/// A run that came to its end.
#[derive(Debug)]
pub struct Finished {
    /// What `run.json` says.
    pub run: Run,
    /// Series that were taken from an earlier run.
    pub reused: usize,
    /// What the operator should know that is no part of the result.
    pub notes: Vec<String>,
}

/// A patient whose series are under way.
struct Progress {
    waiting: usize,
    series: Vec<Option<PicturedSeries>>,
    outcome: Option<(PatientOutcome, Vec<PhotoOutcome>)>,
}

/// Analyses every series and writes all files; `step` is called after each
/// photo. A patient that cannot be reported on does not stop the others.
/// Series that an earlier run has finished are not computed again.
///
/// # Errors
///
/// - [`Error::Busy`] if another run writes to the same folder.
/// - [`Error::Write`] if the tables or `run.json` cannot be written; earlier
///   ones stay.
/// - [`Error::Interrupted`] after the gate was shut.
pub fn analyze(analysis: &Analysis<'_>, step: &(dyn Fn() + Sync)) -> Result<Finished> {
    let output = OutputFolder::create(analysis.output)?.behind(analysis.gate);
    let _lock = output.lock()?;
    let store = Store::open(&output, analysis.over)?;
    let threads = Threads::new(analysis.jobs);
    let tasks = Tasks::new(
        (analysis.settings, analysis.pages.is_some()),
        Budget::new(analysis.memory),
        &store,
        store::program(),
        &threads,
        step,
    );
    let (patients, photos) =
        all_patients(analysis, &output, (&tasks, &threads))?.into_iter().unzip::<_, _, Vec<_>, Vec<_>>();
    write_tables(&output, &patients)?;
    let run = Run {
        schema: RUN_SCHEMA.into(),
        tool: tool(analysis.settings),
        settings: analysis.settings.clone(),
        px_per_mm: analysis.scale.map(Scale::px_per_mm),
        patients,
        photos: photos.into_iter().flatten().collect(),
        problems: analysis.input.problems.clone(),
        skipped: analysis.input.skipped.clone(),
    };
    output.write_json(&output.file("run.json"), &run)?;
    if let Some(language) = analysis.pages {
        output.write(&output.file("index.html"), html::index_page(&run, language).as_bytes())?;
    }
    store.forget_unused();
    let (reused, mut notes) = tasks.end();
    notes.extend(left_over(&output, &run));
    Ok(Finished { run, reused, notes })
}

/// Reports in the folder that are not of this run. They are never removed:
/// whoever gives the wrong input must not lose the results of the right one.
fn left_over(output: &OutputFolder, run: &Run) -> Vec<String> {
    let current: Vec<&str> = run.patients.iter().filter(|p| p.report).map(|p| p.id.as_str()).collect();
    let old = output.reported().into_iter().filter(|id| !current.contains(&id.as_str()));
    old.map(|id| {
        format!(
            "{id}: its report is of an earlier run and no part of this one; remove it if it is not wanted"
        )
    })
    .collect()
}

/// Every patient's outcome, in the order of the input.
///
/// Series are taken by threads of their own, each of which waits while a pool
/// works: a pool thread that waits for part of one photo would otherwise
/// begin another series, and no bound on memory would hold.
fn all_patients(
    analysis: &Analysis<'_>,
    output: &OutputFolder,
    (tasks, threads): (&Tasks<'_>, &Threads),
) -> Result<Vec<(PatientOutcome, Vec<PhotoOutcome>)>> {
    let patients = &analysis.input.patients;
    let series: Vec<(usize, usize)> =
        (0..patients.len()).flat_map(|p| (0..patients[p].series.len()).map(move |s| (p, s))).collect();
    let progress: Vec<Mutex<Progress>> =
        patients.iter().map(|patient| Mutex::new(Progress::new(patient))).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(&(p, s)) = series.get(next.fetch_add(1, Ordering::Relaxed))
            && !analysis.gate.is_shut()
        {
            let outcome = tasks.run(&patients[p].series[s]);
            let mut progress = progress[p].lock().unwrap_or_else(PoisonError::into_inner);
            progress.done(s, outcome, &patients[p], analysis, output);
        }
    };
    threads.each(series.len(), work);
    if analysis.gate.is_shut() {
        return Err(Error::Interrupted);
    }
    let outcomes =
        progress.into_iter().map(|progress| progress.into_inner().unwrap_or_else(PoisonError::into_inner));
    Ok(outcomes.filter_map(|progress| progress.outcome).collect())
}

impl Progress {
    fn new(patient: &PatientSource) -> Self {
        let series = patient.series.iter().map(|_| None).collect::<Vec<_>>();
        Self { waiting: series.len(), series, outcome: None }
    }

    /// Keeps the outcome of series `index`; after the last, writes the report.
    fn done(
        &mut self,
        index: usize,
        outcome: PicturedSeries,
        patient: &PatientSource,
        analysis: &Analysis<'_>,
        output: &OutputFolder,
    ) {
        self.series[index] = Some(outcome);
        self.waiting -= 1;
        if self.waiting == 0 {
            let (mut views, mut pictures, mut photos) = (Vec::new(), Vec::new(), Vec::new());
            for PicturedSeries { outcome, pictures: pictured } in self.series.drain(..).flatten() {
                if let Some(view) = outcome.view {
                    views.push(view);
                    pictures.push(pictured);
                }
                photos.extend(outcome.photos);
            }
            let outcome = finish(patient, (views, &pictures), &photos, analysis, output);
            self.outcome = Some((outcome, photos));
        }
    }
}

/// Writes a patient's report, if there is anything in it.
fn finish(
    patient: &PatientSource,
    (views, pictures): (Vec<View>, &[Option<Pictures>]),
    photos: &[PhotoOutcome],
    analysis: &Analysis<'_>,
    output: &OutputFolder,
) -> PatientOutcome {
    let mut outcome = PatientOutcome {
        id: patient.id.clone(),
        arm: patient.arm.clone(),
        report: false,
        reason: None,
        views: views.len(),
        sessions: views.iter().map(|view| view.sessions.len()).sum(),
        changes: BTreeMap::new(),
        warnings: patient.warnings.clone(),
    };
    if views.is_empty() {
        outcome.reason = Some("no photo of this patient could be measured".into());
        return outcome;
    }
    for change in views.iter().flat_map(|view| &view.changes) {
        *outcome.changes.entry(change.verdict).or_default() += 1;
    }
    let report = assemble(patient, views, photos, analysis.settings);
    match write_report(&report, pictures, analysis.pages, output) {
        Ok(()) => outcome.report = true,
        Err(error) => outcome.reason = Some(error.without_folders()),
    }
    outcome
}

fn write_report(
    report: &Report,
    pictures: &[Option<Pictures>],
    pages: Option<Language>,
    output: &OutputFolder,
) -> Result<()> {
    let folder = output.patient(&report.patient.id)?;
    output.write_json(&folder.join("report.json"), report)?;
    match pages {
        Some(language) => {
            let page = html::patient_page(report, pictures, language);
            output.write(&folder.join("report.html"), page.as_bytes())
        }
        None => Ok(()),
    }
}

/// The tables, from the reports as they stand on the disk.
fn write_tables(output: &OutputFolder, patients: &[PatientOutcome]) -> Result<()> {
    let mut tables = Tables::create(output)?;
    for patient in patients.iter().filter(|patient| patient.report) {
        tables.add(&read_report(&output.patient(&patient.id)?.join("report.json"))?)?;
    }
    tables.finish()
}

fn read_report(path: &Path) -> Result<Report> {
    let text =
        reading::read(path, MOST_BYTES).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    serde_json::from_slice(&text)
        .map_err(|error| Error::Malformed { path: path.to_owned(), reason: error.to_string() })
}
