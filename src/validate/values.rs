//! Values: how far each metric strays on skin that did not change.

use super::change::of;
use super::{Bar, Case, Row, Section, Variant};
use crate::metrics::catalogue;

/// Root mean square of the differences that unchanged skin shows, metric by
/// metric; right where at least nine tenths of them lie within their own interval.
pub fn section(cases: &[Case]) -> Section {
    let changes =
        || of(cases, Variant::Unchanged).filter_map(|case| case.view.as_ref()).flat_map(|view| &view.changes);
    let row = |metric: &crate::metrics::Metric| {
        let found: Vec<(f64, bool)> = changes()
            .filter(|change| change.metric == metric.id)
            .filter_map(|change| {
                let [low, high] = change.ci95?;
                Some((change.difference?, low <= 0.0 && 0.0 <= high))
            })
            .collect();
        let squares: f64 = found.iter().map(|(difference, _)| difference * difference).sum();
        let rms = (!found.is_empty()).then(|| (squares / found.len() as f64).sqrt());
        let within = found.iter().filter(|(_, within)| *within).count();
        let ok = rms.map(|_| within as f64 >= 0.9 * found.len() as f64);
        Row { ok, ..Row::new(metric.id, Bar::NONE, rms, metric.unit, found.len()) }
    };
    Section::new("error of each metric on unchanged skin", catalogue().map(row).collect())
}
