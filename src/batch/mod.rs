//! Many patients: from a folder tree or a manifest to reports and tables.
//!
//! As many series are in memory as there are jobs, and no more than memory
//! allows. A patient's report is written as soon as the last of its series is
//! done, and the tables are written from the reports, so that memory does not
//! grow with the number of patients. Every finished series is kept, so that
//! a run that was cut short goes on where it ended.

mod arrange;
mod folder;
mod listed;
mod manifest;
mod memory;
mod patient_file;
mod phantom;
mod pseudonym;
mod run;
mod store;
mod task;
mod threads;

use std::path::Path;

pub use self::listed::series_of;
pub use self::memory::most_memory;
pub use self::phantom::write_phantom;
pub use self::run::{Analysis, Finished, analyze};
pub use self::threads::in_pool;
use crate::error::{Error, Result};
use crate::report::run::LeftOut;
use crate::source::PatientSource;
use crate::units::Scale;

/// What an input holds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Input {
    /// The patients, by id.
    pub patients: Vec<PatientSource>,
    /// Photos, folders and rows that could not be placed.
    pub problems: Vec<LeftOut>,
    /// Files that are no photographs.
    pub skipped: Vec<LeftOut>,
}

/// Finds the patients, series, sessions and photos of `input`: a folder tree
/// `PATIENT/SESSION/VIEW[.SHOT].EXT` or a CSV manifest. `scale` overrules what
/// the input says; the folder `output` is never read.
///
/// # Errors
///
/// - [`Error::Read`] if `input` cannot be read.
/// - [`Error::Malformed`] if a manifest lacks a column.
/// - [`Error::Empty`] if there is no photo in it.
pub fn discover(input: &Path, output: &Path, scale: Option<Scale>) -> Result<Input> {
    let facts = std::fs::metadata(input).map_err(|source| Error::Read { path: input.to_owned(), source })?;
    let found = if facts.is_dir() { folder::find(input, output)? } else { manifest::find(input)? };
    let found = arrange::arrange(found, scale);
    if found.patients.is_empty() {
        let cause = found.problems.first().map(|left| format!(" ({}: {})", left.input, left.reason));
        return Err(Error::Empty {
            what: format!("no photograph found in {}{}", input.display(), cause.unwrap_or_default()),
            advice: "lay photographs out as PATIENT/SESSION/VIEW.jpg, where SESSION is a date such as \
                     2026-01-10, or name a CSV manifest"
                .into(),
        });
    }
    Ok(found)
}

fn left_out(input: impl Into<String>, reason: impl Into<String>) -> LeftOut {
    LeftOut { input: input.into(), reason: reason.into() }
}
