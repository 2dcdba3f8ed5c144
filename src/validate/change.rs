//! Verdicts: how often they are wrong where nothing changed, and how often
//! they see what did.

use super::{Bar, Case, Row, Section, Variant};
use crate::series::{Change, Verdict};
use crate::session::AlignmentStatus;

/// Whether a verdict claims a change.
pub fn claims(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Improved | Verdict::Worsened | Verdict::Changed)
}

/// Patients whose skin did not change.
pub fn unchanged(cases: &[Case]) -> Section {
    let views = || of(cases, Variant::Unchanged).filter_map(|case| case.view.as_ref());
    let sessions: Vec<bool> = cases
        .iter()
        .flat_map(|case| match &case.view {
            Some(view) => view.sessions.iter().skip(1).map(aligned).collect(),
            None => vec![false; case.truth.sessions.len() - 1],
        })
        .collect();
    let verdicts: Vec<Verdict> =
        views().flat_map(|view| view.changes.iter().map(|change| change.verdict)).collect();
    let refused: Vec<bool> = verdicts.iter().map(|&v| v == Verdict::NotComparable).collect();
    let judged: Vec<bool> =
        verdicts.iter().filter(|&&v| v != Verdict::NotComparable).map(|&v| claims(v)).collect();
    let lesions: Vec<bool> = views()
        .flat_map(|view| view.lesions.iter().map(|lesion| lesion.change.verdict))
        .filter(|&verdict| verdict != Verdict::NotComparable)
        .map(claims)
        .collect();
    let held: Vec<bool> = views()
        .flat_map(|view| &view.changes)
        .filter_map(|change| change.ci95.map(|[low, high]| low <= 0.0 && 0.0 <= high))
        .collect();
    Section::new(
        "nothing changed",
        vec![
            Row::share("sessions aligned (all patients)", Bar::at_least(99.0), &sessions),
            Row::share("verdicts of change", Bar::at_most(5.0), &judged),
            Row::share("called not comparable", Bar::at_most(15.0), &refused),
            Row::share("lesions called changed", Bar::at_most(5.0), &lesions),
            Row::share("95 % intervals of metrics that hold 0", Bar::between(90.0, 99.0), &held),
        ],
    )
}

fn aligned(session: &crate::session::Session) -> bool {
    session.alignment.status != AlignmentStatus::Rejected
}

/// Patients whose skin did change, by how much it had changed.
pub fn power(cases: &[Case]) -> Section {
    let mut rows = Vec::new();
    for (variant, whole, metric) in [
        (Variant::Fading, 45.0, "pigmentation.spot_contrast"),
        (Variant::Calming, 80.0, "redness.area_fraction"),
    ] {
        let last = VISITS_AFTER;
        for visit in 1..=last {
            let fall = whole * visit as f64 / last as f64;
            let seen: Vec<bool> =
                of(cases, variant).filter_map(|case| verdict(case, metric, visit)).map(improved).collect();
            let bar = if visit == last { Bar::at_least(90.0) } else { Bar::NONE };
            rows.push(Row::share(format!("{metric} improved at -{fall:.0} %"), bar, &seen));
        }
    }
    // Means over all skin: how much they fall depends on how much of it is red.
    for metric in ["redness.a_star_mean", "redness.erythema_index", "redness.hemoglobin_index"] {
        let all = of(cases, Variant::Calming).filter_map(|case| verdict(case, metric, VISITS_AFTER));
        let seen: Vec<bool> = all.map(improved).collect();
        rows.push(Row::share(format!("{metric} improved, patches at -80 %"), Bar::NONE, &seen));
    }
    Section::new("power", rows)
}

/// Visits after the baseline.
const VISITS_AFTER: usize = 4;

fn improved(verdict: Verdict) -> bool {
    verdict == Verdict::Improved
}

/// The verdict on a metric of all skin at a visit.
fn verdict(case: &Case, metric: &str, visit: usize) -> Option<Verdict> {
    let date = &case.truth.sessions.get(visit)?.session;
    let wanted = |change: &&Change| change.metric == metric && &change.to == date && change.region == "skin";
    case.view.as_ref()?.changes.iter().find(wanted).map(|change| change.verdict)
}

/// The patients of one kind.
pub fn of(cases: &[Case], variant: Variant) -> impl Iterator<Item = &Case> {
    cases.iter().filter(move |case| case.variant == variant)
}
