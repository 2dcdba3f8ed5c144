//! What is compared: reports, read as they stand.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::error::{Error, Result};
use crate::series::REPORT_SCHEMA;

/// The reports of a file or an output folder, by their patients.
#[derive(Debug, Clone, PartialEq)]
pub struct Reports {
    pub(super) by_patient: BTreeMap<String, Value>,
    /// Whether it is one report, which is compared with another single one
    /// whoever it is of.
    pub(super) single: bool,
}

/// Reads a report, or all `PATIENT/report.json` of a folder.
///
/// # Errors
///
/// - [`Error::Read`] if a file or folder cannot be read.
/// - [`Error::Malformed`], naming the file, if it is no report.
/// - [`Error::Empty`] if there is none in the folder.
pub fn read(path: &Path) -> Result<Reports> {
    let failed = |source| Error::Read { path: path.to_owned(), source };
    let own = path.join("report.json");
    if !std::fs::metadata(path).map_err(failed)?.is_dir() || own.exists() {
        let (patient, report) = read_file(if own.exists() { &own } else { path })?;
        return Ok(Reports { by_patient: BTreeMap::from([(patient, report)]), single: true });
    }
    let entries = std::fs::read_dir(path).map_err(failed)?.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    let files = entries.iter().map(|entry| entry.path().join("report.json"));
    let mut files: Vec<PathBuf> = files.filter(|file| file.exists()).collect();
    files.sort();
    let mut by_patient = BTreeMap::new();
    for file in files {
        let (patient, report) = read_file(&file)?;
        if by_patient.insert(patient.clone(), report).is_some() {
            let reason = format!("patient {patient} has another report in this folder");
            return Err(Error::Malformed { path: file, reason });
        }
    }
    if by_patient.is_empty() {
        return Err(Error::Empty {
            what: format!("no PATIENT/report.json in {}", path.display()),
            advice: "name a report.json or the output folder of `dermalapse analyze`".into(),
        });
    }
    Ok(Reports { by_patient, single: false })
}

fn read_file(path: &Path) -> Result<(String, Value)> {
    let text =
        std::fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let refuse = |reason: String| Error::Malformed { path: path.to_owned(), reason };
    let report: Value =
        serde_json::from_str(&text).map_err(|error| refuse(format!("not a report: {error}")))?;
    let schema = report["schema"].as_str().unwrap_or_default();
    if schema != REPORT_SCHEMA {
        return Err(refuse(format!("follows the schema {schema:?}, not {REPORT_SCHEMA:?}")));
    }
    match report["patient"]["id"].as_str() {
        Some(id) => Ok((id.to_owned(), report)),
        None => Err(refuse("names no patient.id".into())),
    }
}
