//! What comes out: JSON and its schema, tables, and the files they stand in.

pub mod alignment;
pub mod files;
pub mod json;
pub mod junit;
pub mod measurement;
pub mod run;
pub mod schema;
pub mod study_table;
pub mod tables;

use crate::error::Warning;
use crate::report::run::PhotoOutcome;
use crate::series::{Patient, REPORT_SCHEMA, Report, Tool, View};
use crate::settings::Settings;
use crate::source::PatientSource;

/// This program, under these settings, as every output names it.
pub fn tool(settings: &Settings) -> Tool {
    Tool {
        name: env!("CARGO_PKG_NAME").into(),
        version: env!("CARGO_PKG_VERSION").into(),
        settings_hash: settings.hash(),
    }
}

/// A patient's report, with a warning for each photo that did not take its
/// full part.
pub fn assemble(
    patient: &PatientSource,
    views: Vec<View>,
    photos: &[PhotoOutcome],
    settings: &Settings,
) -> Report {
    let incomplete = photos.iter().filter(|photo| !photo.status.is_done()).map(incomplete);
    Report {
        schema: REPORT_SCHEMA.into(),
        tool: tool(settings),
        patient: Patient {
            id: patient.id.clone(),
            arm: patient.arm.clone(),
            treatments: patient.treatments.iter().map(ToString::to_string).collect(),
        },
        views,
        warnings: patient.warnings.iter().cloned().chain(incomplete).collect(),
    }
}

fn incomplete(photo: &PhotoOutcome) -> Warning {
    let status = serde_json::to_value(photo.status).expect("a status is a word");
    let code = format!("photo_{}", status.as_str().unwrap_or_default());
    let reason = photo.reason.as_deref().unwrap_or("no reason given");
    Warning::new(&code, format!("{}/{}: {reason}", photo.session, photo.file))
}
