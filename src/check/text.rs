//! Differences for people.

use crate::check::records::{Check, Difference, DifferenceKind, Place};

/// The differences, grouped by where they stand, and what was compared.
pub fn text(check: &Check) -> String {
    let mut text = String::new();
    let mut before: Vec<String> = Vec::new();
    let mut differences: Vec<&Difference> = check.differences.iter().collect();
    differences.sort_by_key(|difference| &difference.place);
    for difference in differences {
        let path = path(&difference.place);
        let same = path.iter().zip(&before).take_while(|(a, b)| a == b).count();
        for (depth, name) in path.iter().enumerate().skip(same) {
            text += &format!("{}{name}\n", "  ".repeat(depth));
        }
        text += &format!("{}{}\n", "  ".repeat(path.len()), line(difference));
        before = path;
    }
    for note in &check.notes {
        text += &format!("note: {}: {}\n", path(&note.place).join(" / "), line(note));
    }
    for name in &check.unused_tolerances {
        text += &format!("note: the tolerance {name} met nothing\n");
    }
    let entries: usize = check.compared.iter().map(|part| part.entries).sum();
    match check.differences.len() {
        0 => text + &format!("no differences beyond tolerance in {entries} entries\n"),
        1 => text + &format!("1 difference beyond tolerance in {entries} entries\n"),
        count => text + &format!("{count} differences beyond tolerance in {entries} entries\n"),
    }
}

/// The names above an entry: patient, view, session, region, metric.
fn path(place: &Place) -> Vec<String> {
    let metric = place.metric.clone().or_else(|| Some(place.family.clone()));
    let parts = [
        Some(place.patient.clone()),
        place.view.clone(),
        place.session.clone(),
        place.region.clone(),
        metric,
    ];
    parts.into_iter().flatten().collect()
}

/// What an entry was and is.
pub fn line(difference: &Difference) -> String {
    let Difference { key, golden, actual, .. } = difference;
    let key = if key.is_empty() { "whole" } else { key };
    let short = |value: &serde_json::Value| match value {
        serde_json::Value::Object(_) | serde_json::Value::Array(_) => "{…}".to_owned(),
        scalar => scalar.to_string(),
    };
    match difference.kind {
        DifferenceKind::Missing => format!("{key}: {} -> missing", short(golden)),
        DifferenceKind::Extra => format!("{key}: not in the golden report -> {}", short(actual)),
        DifferenceKind::Other => format!("{key}: {} -> {}", short(golden), short(actual)),
        DifferenceKind::Number => {
            let [by, allowed, beyond] =
                [difference.difference, difference.allowed, difference.exceeded_by].map(digits);
            let moved = if golden.is_number() {
                format!("{} -> {}", short(golden), short(actual))
            } else {
                "moves the photo's corners, px".to_owned()
            };
            format!("{key}: {moved} (differs by {by}, {allowed} allowed, exceeded by {beyond})")
        }
    }
}

/// Three significant digits.
fn digits(value: Option<f64>) -> String {
    let value = value.unwrap_or(f64::NAN);
    let rounded: f64 = format!("{value:.2e}").parse().unwrap_or(value);
    rounded.to_string()
}
