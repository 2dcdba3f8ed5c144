//! The page of all patients of a run, the most worrying first.

use askama::Template;

use crate::report::html::language::{Language, Words};
use crate::report::html::page::STYLE;
use crate::report::html::policy::policy;
use crate::report::html::trust::{Said, said};
use crate::report::run::{PatientOutcome, PhotoStatus, Run};
use crate::series::Verdict;

const SCRIPT: &str = include_str!("../../../templates/index.js");

#[derive(Template)]
#[template(path = "index.html")]
struct Page<'a> {
    t: &'a Words,
    policy: String,
    style: &'static str,
    script: &'static str,
    run: &'a Run,
    /// The columns that can be sorted.
    heads: [&'a str; 7],
    /// From the worst to the best.
    statuses: Vec<&'static str>,
    patients: Vec<PatientRow<'a>>,
}

/// A patient in the page.
struct PatientRow<'a> {
    patient: &'a PatientOutcome,
    /// Where the report is, where there is one.
    link: Option<String>,
    /// The worst that became of a photo, in the page's names.
    status: &'static str,
    /// How bad that is: higher is worse.
    rank: usize,
    /// What is worst, one line for each.
    warnings: Vec<PhotoSaid>,
    /// Changes by verdict: improved, worsened, changed, none, not comparable.
    counts: [usize; 5],
}

/// What is said of a photo.
struct PhotoSaid {
    place: String,
    said: Said,
}

/// Lines about photos that a row shows.
const MOST_LINES: usize = 4;

/// The page of all patients of a run.
pub fn index_page(run: &Run, language: Language) -> String {
    let t = language.words();
    let mut patients: Vec<PatientRow> = run.patients.iter().map(|patient| row(patient, run, t)).collect();
    patients.sort_by(|a, b| b.rank.cmp(&a.rank).then(a.patient.id.cmp(&b.patient.id)));
    let heads = [
        "index.patient",
        "index.status",
        "verdict.improved",
        "verdict.worsened",
        "verdict.changed",
        "verdict.no_detectable_change",
        "verdict.not_comparable",
    ];
    let page = Page {
        t,
        policy: policy(STYLE, SCRIPT),
        style: STYLE,
        script: SCRIPT,
        run,
        heads: heads.map(|key| t.say(key)),
        statuses: STATUSES.into_iter().rev().collect(),
        patients,
    };
    page.render().expect("a page is written to memory")
}

/// From the best to the worst.
const STATUSES: [&str; 6] = ["ok", "warning", "not_comparable", "rejected", "unreadable", "no_report"];

fn rank(status: PhotoStatus) -> usize {
    match status {
        PhotoStatus::Ok => 0,
        PhotoStatus::Warning => 1,
        PhotoStatus::NotComparable => 2,
        PhotoStatus::Rejected => 3,
        PhotoStatus::Unreadable => 4,
    }
}

fn row<'a>(patient: &'a PatientOutcome, run: &'a Run, t: &Words) -> PatientRow<'a> {
    let mut photos: Vec<_> = run.photos.iter().filter(|photo| photo.patient == patient.id).collect();
    photos.sort_by_key(|photo| std::cmp::Reverse(rank(photo.status)));
    let worst = photos.first().map_or(0, |photo| rank(photo.status));
    let rank = if patient.report { worst } else { STATUSES.len() - 1 };
    let lines = photos.iter().filter_map(|photo| {
        let message =
            photo.reason.clone().or(photo.warnings.first().map(|warning| warning.message.clone()))?;
        let code = photo.warnings.iter().find(|warning| warning.message == message);
        let warning = code.cloned().unwrap_or_else(|| crate::error::Warning::new("", message));
        let place = format!("{} · {}", t.date(&photo.session), t.name("view", &photo.view));
        Some(PhotoSaid { place, said: said(&warning, t) })
    });
    let count = |verdict| patient.changes.get(&verdict).copied().unwrap_or(0);
    PatientRow {
        patient,
        link: patient.report.then(|| format!("{}/report.html", percent_encoded(&patient.id))),
        status: STATUSES[rank],
        rank,
        warnings: lines.take(MOST_LINES).collect(),
        counts: [
            count(Verdict::Improved),
            count(Verdict::Worsened),
            count(Verdict::Changed),
            count(Verdict::NoDetectableChange),
            count(Verdict::NotComparable),
        ],
    }
}

/// A folder's name as part of an address.
fn percent_encoded(name: &str) -> String {
    let kept = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    name.bytes()
        .map(|byte| if kept(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pseudonym_of_any_letters_is_an_address() {
        assert_eq!(percent_encoded("P 1#ü"), "P%201%23%C3%BC");
    }
}
