//! Reports compared with golden ones, for those who guard a pipeline.
//!
//! Every number of a report is held to a tolerance, everything else must be
//! the same. What changes with the program and not with the skin, its version
//! and the hash of its settings, is noted but does not count.

mod compare;
pub mod records;
mod source;
pub mod text;
pub mod tolerance;

use std::collections::{BTreeMap, BTreeSet};

pub use self::records::{CHECK_SCHEMA, Check};
pub use self::source::{Reports, read};

pub use self::tolerance::{Tolerance, Tolerances};
use crate::check::compare::Comparison;

/// Compares reports with golden ones, patient by patient; `strict` lets
/// nothing pass as a note.
pub fn check(actual: &Reports, golden: &Reports, tolerances: &Tolerances, strict: bool) -> Check {
    let mut comparison = Comparison::new(tolerances, strict);
    if actual.single && golden.single {
        let first =
            |reports: &Reports| reports.by_patient.iter().next().map(|(id, r)| (id.clone(), r.clone()));
        if let (Some((id, golden)), Some((_, actual))) = (first(golden), first(actual)) {
            comparison.patient(&id, Some(&golden), Some(&actual));
        }
    } else {
        let ids: BTreeSet<&String> = golden.by_patient.keys().chain(actual.by_patient.keys()).collect();
        let of = |reports: &BTreeMap<String, _>, id| reports.get::<String>(id).cloned();
        for id in ids {
            let (golden, actual) = (of(&golden.by_patient, id), of(&actual.by_patient, id));
            comparison.patient(id, golden.as_ref(), actual.as_ref());
        }
    }
    let unused = tolerances.asked.iter().filter(|name| !comparison.used.contains(*name));
    Check {
        schema: CHECK_SCHEMA.into(),
        unused_tolerances: unused.cloned().collect(),
        compared: comparison.compared(),
        differences: comparison.differences,
        notes: comparison.notes,
    }
}
