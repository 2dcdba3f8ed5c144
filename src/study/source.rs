//! What a study reads of the reports that `analyze` wrote.
//!
//! Only the keys that are needed, so that reports with other keys beside
//! them, of an earlier or later version, can be put together.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::{Error, Result, Warning};
use crate::series::REPORT_SCHEMA;

/// One patient's report, as far as a study needs it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct PatientReport {
    schema: String,
    pub(super) tool: Tool,
    pub(super) patient: Patient,
    pub(super) views: Vec<View>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(super) struct Tool {
    pub version: String,
    pub settings_hash: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Patient {
    pub id: String,
    pub arm: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct View {
    pub view: String,
    pub baseline: String,
    pub sessions: Vec<Session>,
    pub changes: Vec<Change>,
    #[serde(default)]
    pub lesions: Vec<Lesion>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Session {
    pub session: String,
    pub day: Option<i64>,
    #[serde(default)]
    pub treatment: Option<Treatment>,
    pub regions: Vec<Region>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Treatment {
    #[serde(default)]
    pub healing_window: bool,
}

impl Session {
    /// Whether its redness belongs to the healing of a treatment.
    pub fn heals(&self) -> bool {
        self.treatment.as_ref().is_some_and(|treatment| treatment.healing_window)
    }
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Region {
    pub region: String,
    pub metrics: BTreeMap<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Value {
    pub value: Option<f64>,
    pub unit: String,
    #[serde(default)]
    pub shots: Vec<Option<f64>>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Change {
    pub region: String,
    pub metric: String,
    pub to: String,
    pub difference: Option<f64>,
    pub percent: Option<f64>,
    pub verdict: String,
    pub reason: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Lesion {
    pub kind: String,
    pub change: LesionChange,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct LesionChange {
    pub dose_percent: Option<f64>,
    pub verdict: String,
}

/// The verdict of a change that is not counted.
pub(super) const NOT_COMPARABLE: &str = "not_comparable";

/// Reads every `PATIENT/report.json` of an output folder of `analyze`, by the
/// patients' ids, with a warning for each folder that has none.
///
/// # Errors
///
/// - [`Error::Read`] if the folder or a report cannot be read.
/// - [`Error::Malformed`], naming the file, if a report is broken, follows
///   another schema or is of a patient of whom there is another report.
/// - [`Error::Empty`] if there is no report in the folder.
pub fn read_reports(folder: &Path) -> Result<(Vec<PatientReport>, Vec<Warning>)> {
    let failed = |source| Error::Read { path: folder.to_owned(), source };
    let entries =
        std::fs::read_dir(folder).map_err(failed)?.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    let mut folders: Vec<PathBuf> =
        entries.iter().map(std::fs::DirEntry::path).filter(|p| p.is_dir()).collect();
    folders.sort();
    let (with, without): (Vec<_>, Vec<_>) = folders.into_iter().partition(|f| f.join("report.json").exists());
    let mut reports: BTreeMap<String, (PathBuf, PatientReport)> = BTreeMap::new();
    for path in with.into_iter().map(|folder| folder.join("report.json")) {
        let report = read(&path)?;
        if let Some((other, _)) = reports.get(&report.patient.id) {
            let reason = format!(
                "patient {} has another report, {}; give each patient one pseudonym and one report",
                report.patient.id,
                other.display()
            );
            return Err(Error::Malformed { path, reason });
        }
        reports.insert(report.patient.id.clone(), (path, report));
    }
    if reports.is_empty() {
        return Err(Error::Empty {
            what: format!("no PATIENT/report.json in {}", folder.display()),
            advice: "name the output folder of `dermalapse analyze`".into(),
        });
    }
    let missing = |folder: &PathBuf| {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        Warning::new("no_report", format!("{name} has no report.json and takes no part"))
    };
    Ok((reports.into_values().map(|(_, report)| report).collect(), without.iter().map(missing).collect()))
}

fn read(path: &Path) -> Result<PatientReport> {
    let text =
        std::fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    parse(&text).map_err(|reason| Error::Malformed { path: path.to_owned(), reason })
}

/// A report from its JSON; what is wrong with it as text.
fn parse(text: &str) -> Result<PatientReport, String> {
    #[derive(Deserialize)]
    struct Head {
        schema: Option<String>,
    }
    let broken = |error: serde_json::Error| format!("not a report: {error}; run `dermalapse analyze` again");
    let schema = serde_json::from_str::<Head>(text).map_err(broken)?.schema.unwrap_or_default();
    if schema != REPORT_SCHEMA {
        return Err(format!(
            "follows the schema {schema:?}, not {REPORT_SCHEMA:?}; run `dermalapse analyze` again"
        ));
    }
    let report: PatientReport = serde_json::from_str(text).map_err(broken)?;
    debug_assert_eq!(report.schema, REPORT_SCHEMA);
    Ok(report)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use serde_json::json;

    /// A patient with one view, region and metric: `sessions` are days and
    /// values, the first is the baseline.
    pub fn patient(id: &str, arm: Option<&str>, sessions: &[(i64, f64)]) -> PatientReport {
        let name = |day: i64| format!("day {day}");
        let session = |&(day, value): &(i64, f64)| {
            json!({"session": name(day), "day": day, "later": "ignored", "regions": [{"region": "skin",
                "metrics": {"scars.count": {"value": value, "unit": "count"}}}]})
        };
        let change = |&(day, value): &(i64, f64)| {
            let difference = value - sessions[0].1;
            json!({"region": "skin", "metric": "scars.count", "to": name(day), "difference": difference,
                "percent": 100.0 * difference / sessions[0].1, "verdict": "changed", "reason": null})
        };
        let report = json!({"schema": REPORT_SCHEMA, "tool": {"name": "dermalapse", "version": "1",
            "settings_hash": "0"}, "patient": {"id": id, "arm": arm}, "views": [{"view": "cheek",
            "baseline": name(sessions[0].0), "sessions": sessions.iter().map(session).collect::<Vec<_>>(),
            "changes": sessions[1..].iter().map(change).collect::<Vec<_>>()}]});
        parse(&report.to_string()).unwrap()
    }

    #[test]
    fn unknown_keys_pass_and_other_schemas_do_not() {
        assert_eq!(patient("P1", None, &[(0, 1.0), (30, 2.0)]).views[0].sessions.len(), 2);
        assert!(parse("{\"schema\": \"dermalapse.report/2\"}").unwrap_err().contains("report/2"));
        assert!(parse("{}").unwrap_err().contains("schema"));
        assert!(parse("{\"schema\": \"dermalapse.report/1\"").unwrap_err().contains("not a report"));
    }
}
