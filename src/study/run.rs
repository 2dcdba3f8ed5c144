//! What a study reads of `run.json`: who was analysed, also those without a report.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::Path;

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::reading;
use crate::series::RUN_SCHEMA;
use crate::study::PatientReport;
use crate::study::records::{Absent, FailedPhoto};

/// The largest `run.json` that is read, bytes.
const MOST_BYTES: u64 = 1 << 30;

/// Patients and photos of a run that take no part in a study.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunFacts {
    /// Patients without a report.
    pub absent: Vec<Absent>,
    /// Photos that could not be used, of all patients.
    pub failed_photos: Vec<FailedPhoto>,
}

#[derive(Deserialize)]
struct Run {
    schema: String,
    patients: Vec<Patient>,
    photos: Vec<Photo>,
}

#[derive(Deserialize)]
struct Patient {
    id: String,
    #[serde(default)]
    arm: Option<String>,
    reason: Option<String>,
}

#[derive(Deserialize)]
struct Photo {
    patient: String,
    session: String,
    #[serde(default)]
    baseline: bool,
    view: String,
    file: String,
    status: String,
    reason: Option<String>,
}

/// Who and what of the run in `folder` takes no part, given the `reports` that
/// were read; nobody where the folder has no `run.json`.
///
/// # Errors
///
/// - [`Error::Read`] if `run.json` cannot be read.
/// - [`Error::Malformed`] if it is broken or follows another schema.
pub fn read_run(folder: &Path, reports: &[PatientReport]) -> Result<RunFacts> {
    let path = folder.join("run.json");
    let text = match reading::read_text(&path, MOST_BYTES) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(RunFacts::default()),
        Err(source) => return Err(Error::Read { path, source }),
    };
    let advice = "run `dermalapse analyze` again";
    let run: Run = match serde_json::from_str(&text) {
        Ok(run) => run,
        Err(error) => return Err(Error::Malformed { path, reason: format!("{error}; {advice}") }),
    };
    if run.schema != RUN_SCHEMA {
        let reason = format!("follows the schema {:?}, not {RUN_SCHEMA:?}; {advice}", run.schema);
        return Err(Error::Malformed { path, reason });
    }
    Ok(facts(run, &reports.iter().map(|report| report.patient.id.as_str()).collect()))
}

fn facts(run: Run, reported: &BTreeSet<&str>) -> RunFacts {
    let arms: BTreeMap<&str, Option<&String>> =
        run.patients.iter().map(|patient| (patient.id.as_str(), patient.arm.as_ref())).collect();
    let without = run.patients.iter().filter(|patient| !reported.contains(patient.id.as_str()));
    let absent = without.map(|patient| Absent {
        patient: patient.id.clone(),
        arm: patient.arm.clone(),
        reason: patient.reason.clone().unwrap_or_else(|| "its report.json is missing".into()),
    });
    let failed = run.photos.iter().filter(|photo| matches!(&*photo.status, "unreadable" | "rejected"));
    let failed_photos = failed.map(|photo| FailedPhoto {
        patient: photo.patient.clone(),
        arm: arms.get(photo.patient.as_str()).copied().flatten().cloned(),
        session: photo.session.clone(),
        role: if photo.baseline { "baseline" } else { "follow_up" }.to_owned(),
        view: photo.view.clone(),
        file: photo.file.clone(),
        status: photo.status.clone(),
        reason: photo.reason.clone(),
    });
    RunFacts { absent: absent.collect(), failed_photos: failed_photos.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::source::tests::patient;
    use serde_json::json;

    fn written(run: &serde_json::Value) -> Result<RunFacts> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("run.json"), run.to_string()).unwrap();
        read_run(folder.path(), &[patient("P1", Some("active"), &[(0, 1.0), (30, 2.0)])])
    }

    fn photo(patient: &str, baseline: bool, status: &str) -> serde_json::Value {
        json!({"patient": patient, "session": "2026-01-10", "baseline": baseline, "view": "cheek", "shot": 1,
            "file": "cheek.jpg", "status": status, "reason": "why", "warnings": []})
    }

    #[test]
    fn patients_without_a_report_and_photos_that_failed_are_named_with_arm_and_role() {
        let found = written(&json!({"schema": RUN_SCHEMA, "patients": [
            {"id": "P1", "arm": "active", "report": true, "reason": null},
            {"id": "P2", "arm": "control", "report": false, "reason": "no photo could be measured"},
            {"id": "P3", "report": true, "reason": null}],
            "photos": [photo("P1", false, "ok"), photo("P1", false, "not_comparable"),
                photo("P1", true, "unreadable"), photo("P2", false, "rejected")]}))
        .unwrap();
        let absent: Vec<_> =
            found.absent.iter().map(|a| (a.patient.as_str(), a.arm.as_deref(), a.reason.as_str())).collect();
        assert_eq!(
            absent,
            [
                ("P2", Some("control"), "no photo could be measured"),
                ("P3", None, "its report.json is missing")
            ]
        );
        let failed: Vec<_> = found
            .failed_photos
            .iter()
            .map(|p| (p.patient.as_str(), p.arm.as_deref(), p.role.as_str()))
            .collect();
        assert_eq!(failed, [("P1", Some("active"), "baseline"), ("P2", Some("control"), "follow_up")]);
    }

    #[test]
    fn a_folder_without_a_run_has_nobody_absent_and_a_broken_one_is_named() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read_run(folder.path(), &[]).unwrap(), RunFacts::default());
        let other = written(&json!({"schema": "dermalapse.run/9", "patients": [], "photos": []}));
        assert!(other.unwrap_err().to_string().contains("run/9"));
        assert!(written(&json!({"schema": RUN_SCHEMA})).unwrap_err().to_string().contains("run.json"));
    }
}
