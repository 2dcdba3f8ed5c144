//! What became of one concern, such as pores, in one region: a sentence, its
//! charts and the numbers behind them.

use crate::metrics::{catalogue, metric};
use crate::report::html::chart::{Chart, Dot, chart};
use crate::report::html::language::Words;
use crate::report::html::number::{self, Markup, text};
use crate::report::html::trust;
use crate::series::{Change, Patient, Verdict, View};
use crate::session::{Confidence, MetricRecord, Session};

/// The concerns in the order that people ask for them. A family of metrics
/// that is not among them comes after.
const ORDER: &[&str] =
    &["scars", "wrinkles", "pores", "pigmentation", "redness", "texture", "stretch_marks", "inflammation"];

/// Charts of a concern that are shown at once; the others unfold.
const LEADING: usize = 4;

/// What can be said of a concern as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// At least one measure improved and none worsened.
    Improved,
    /// At least one measure worsened and none improved.
    Worsened,
    /// Measures of both kinds.
    Mixed,
    /// Something changed that has no better direction.
    Changed,
    /// Nothing that photographs could show.
    Unchanged,
    /// The photos cannot carry a comparison.
    NotComparable,
    /// There is only one session, or nothing to measure on.
    NotMeasured,
}

impl Finding {
    /// Its name in the page.
    pub fn name(self) -> &'static str {
        match self {
            Self::Improved => "improved",
            Self::Worsened => "worsened",
            Self::Mixed => "mixed",
            Self::Changed => "changed",
            Self::Unchanged => "no_detectable_change",
            Self::NotComparable => "not_comparable",
            Self::NotMeasured => "not_measured",
        }
    }

    fn of(changes: &[&Change]) -> Self {
        let any = |verdict| changes.iter().any(|change| change.verdict == verdict);
        match (any(Verdict::Improved), any(Verdict::Worsened)) {
            (true, true) => Self::Mixed,
            (true, false) => Self::Improved,
            (false, true) => Self::Worsened,
            _ if any(Verdict::Changed) => Self::Changed,
            _ if any(Verdict::NoDetectableChange) => Self::Unchanged,
            _ if changes.iter().any(|change| photos_are_why(change)) => Self::NotComparable,
            _ => Self::NotMeasured,
        }
    }
}

/// Whether a change cannot be told because of the photos, and not because
/// there is nothing to measure.
fn photos_are_why(change: &Change) -> bool {
    let nothing =
        ["none_found", "no_scale", "too_little_skin", "no_skin", "not_measured", "resolution_too_low"];
    change.reason.as_deref().is_some_and(|reason| !nothing.contains(&reason))
}

/// The name of a verdict in the page.
pub fn verdict_name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Improved => "improved",
        Verdict::Worsened => "worsened",
        Verdict::Changed => "changed",
        Verdict::NoDetectableChange => "no_detectable_change",
        Verdict::NotComparable => "not_comparable",
    }
}

/// A concern in one region.
#[derive(Debug)]
pub struct Concern {
    /// Its name in words.
    pub title: String,
    /// What can be said of it.
    pub finding: Finding,
    /// That in a sentence.
    pub sentence: Markup,
    /// Whether the methods are weak.
    pub hint: bool,
    /// The measures shown at once.
    pub leading: Vec<Measure>,
    /// The others.
    pub more: Vec<Measure>,
}

/// A metric over time.
#[derive(Debug)]
pub struct Measure {
    /// Its name in words.
    pub title: String,
    /// Its unit in words.
    pub unit: String,
    /// What is written below: the last change.
    pub note: Markup,
    /// What can be said of the last change.
    pub verdict: &'static str,
    /// Its chart; none where there is no value.
    pub chart: Option<Chart>,
}

/// The view of one region.
pub struct Scene<'a> {
    /// The view.
    pub view: &'a View,
    /// The patient.
    pub patient: &'a Patient,
    /// The region's name.
    pub region: &'a str,
    /// The language.
    pub words: &'a Words,
}

impl<'a> Scene<'a> {
    /// The metrics of the region, in the catalogue's order; unknown ones after.
    pub fn metrics(&self) -> Vec<&'a str> {
        let mut ids: Vec<&str> = self.records().flat_map(|(_, all)| all.keys()).map(String::as_str).collect();
        let place = |id: &str| catalogue().position(|metric| metric.id == id).unwrap_or(usize::MAX);
        ids.sort_by(|a, b| place(a).cmp(&place(b)).then(a.cmp(b)));
        ids.dedup();
        ids
    }

    fn records(
        &self,
    ) -> impl Iterator<Item = (&'a Session, &'a std::collections::BTreeMap<String, MetricRecord>)> {
        let region = self.region;
        self.view.sessions.iter().filter_map(move |session| {
            let found = session.regions.iter().find(|found| found.region == region)?;
            Some((session, &found.metrics))
        })
    }

    /// A metric's record in a session.
    pub fn record(&self, session: &str, id: &str) -> Option<&'a MetricRecord> {
        self.records().find(|(found, _)| found.session == session).and_then(|(_, all)| all.get(id))
    }

    /// A metric's change to a session.
    pub fn change(&self, session: &str, id: &str) -> Option<&'a Change> {
        let wanted =
            |change: &&Change| change.region == self.region && change.metric == id && change.to == session;
        self.view.changes.iter().find(wanted)
    }

    /// The concerns of the region.
    pub fn concerns(&self) -> Vec<Concern> {
        let ids = self.metrics();
        let family = |id: &&str| id.split('.').next().unwrap_or_default().to_owned();
        let mut families: Vec<String> = ids.iter().map(family).collect();
        families.sort_by_key(|name| ORDER.iter().position(|known| known == name).unwrap_or(ORDER.len()));
        families.dedup();
        families
            .iter()
            .map(|name| {
                let mine: Vec<&str> = ids.iter().copied().filter(|id| family(id) == *name).collect();
                self.concern(name, &mine)
            })
            .collect()
    }

    fn concern(&self, name: &str, ids: &[&str]) -> Concern {
        let to = self.told(ids);
        let changes: Vec<&Change> =
            to.iter().flat_map(|to| ids.iter().filter_map(|id| self.change(to, id))).collect();
        let finding = Finding::of(&changes);
        // What the field calls better or worse comes first.
        let (judged, plain): (Vec<&str>, Vec<&str>) =
            ids.iter().partition(|id| metric(id).is_some_and(|metric| metric.better.is_some()));
        let mut measures: Vec<Measure> = judged.iter().chain(&plain).map(|id| self.measure(id)).collect();
        let more = measures.split_off(measures.len().min(LEADING));
        let hint = self.is_hint(finding, &changes, ids);
        Concern {
            title: self.words.name("concern", name),
            finding,
            sentence: self.sentence(finding, &changes, ids),
            hint,
            leading: measures,
            more,
        }
    }

    /// The session that is told of: the last that can be compared in any of
    /// the metrics, or else the last.
    fn told(&self, ids: &[&str]) -> Option<&'a str> {
        let later = self.view.sessions.iter().rev().filter(|session| session.session != self.view.baseline);
        let names: Vec<&str> = later.map(|session| session.session.as_str()).collect();
        let comparable = |session: &&&str| {
            let change = |id: &&str| self.change(session, id);
            ids.iter().filter_map(change).any(|change| change.verdict != Verdict::NotComparable)
        };
        names.iter().find(comparable).or(names.first()).copied()
    }

    /// Whether what was found rests on methods that are weak.
    fn is_hint(&self, finding: Finding, changes: &[&Change], ids: &[&str]) -> bool {
        let low = |id: &str, session: &str| {
            self.record(session, id).is_some_and(|record| record.confidence == Some(Confidence::Low))
        };
        match finding {
            Finding::NotComparable | Finding::NotMeasured => false,
            _ => ids
                .iter()
                .all(|id| changes.iter().all(|c| c.metric != **id || c.mdc95.is_none() || low(id, &c.to))),
        }
    }

    fn sentence(&self, finding: Finding, changes: &[&Change], ids: &[&str]) -> Markup {
        let words = self.words;
        let lead = |verdict| {
            let size = |change: &Change| match (change.difference, change.mdc95) {
                (Some(difference), Some(mdc)) if mdc > 0.0 => difference.abs() / mdc,
                _ => 0.0,
            };
            let all = changes.iter().filter(|change| change.verdict == verdict);
            all.max_by(|a, b| size(a).total_cmp(&size(b))).copied()
        };
        let told = |verdict, pattern: &str| {
            lead(verdict).map(|change| self.tell(change, words.say(pattern))).unwrap_or_default()
        };
        match finding {
            Finding::Improved => told(Verdict::Improved, "sentence.moved"),
            Finding::Worsened => told(Verdict::Worsened, "sentence.moved"),
            Finding::Changed => told(Verdict::Changed, "sentence.changed"),
            Finding::Mixed => {
                let better = told(Verdict::Improved, "sentence.better");
                format!("{better} {}", told(Verdict::Worsened, "sentence.worse"))
            }
            Finding::Unchanged => {
                let known = |change: &&&Change| change.verdict == Verdict::NoDetectableChange;
                let first = changes.iter().find(known).copied();
                first.map(|change| self.tell(change, words.say("sentence.unchanged"))).unwrap_or_default()
            }
            Finding::NotComparable => {
                let reason =
                    changes.iter().filter(|change| photos_are_why(change)).find_map(|c| c.reason.as_deref());
                text(&trust::reason(reason.unwrap_or_default(), words))
            }
            Finding::NotMeasured => {
                let sessions = self.view.sessions.iter();
                let mut reasons = sessions
                    .flat_map(|session| ids.iter().filter_map(|id| self.record(&session.session, id)))
                    .filter_map(|record| record.reason.as_deref());
                let change = changes.iter().find_map(|change| change.reason.as_deref());
                let reason = reasons.next().or(change).unwrap_or("only_session");
                text(&trust::reason(reason, words))
            }
        }
    }

    /// A change in a sentence.
    fn tell(&self, change: &Change, pattern: &str) -> Markup {
        let words = self.words;
        let value = |session: &str| {
            let value = self.record(session, &change.metric).and_then(|record| record.value);
            value.map_or_else(|| "–".to_owned(), |value| number::number(value, words))
        };
        let signed = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |v| number::signed(v, words));
        let plain = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |v| number::number(v, words));
        let date = self.view.sessions.iter().find(|session| session.session == change.to);
        let percent = change.percent.map(|percent| format!(" ({})", number::percent(percent, words)));
        number::sentence(
            pattern,
            &[
                ("metric", text(&words.name("metric", &change.metric))),
                ("unit", text(&spoken_unit(&change.metric, words))),
                ("from", value(&change.from)),
                ("to", value(&change.to)),
                ("difference", signed(change.difference)),
                ("percent", percent.unwrap_or_default()),
                ("mdc", plain(change.mdc95)),
                ("date", text(&date.map_or_else(|| change.to.clone(), |session| when(session, words)))),
            ],
        )
    }

    fn measure(&self, id: &str) -> Measure {
        let words = self.words;
        let dots: Vec<Dot> = self
            .view
            .sessions
            .iter()
            .enumerate()
            .filter_map(|(index, session)| self.dot(index, session, id))
            .collect();
        let later = self.view.sessions.iter().rev().filter(|session| session.session != self.view.baseline);
        let last = later.filter_map(|session| self.change(&session.session, id)).next();
        let note = last.map_or_else(Markup::new, |change| match change.reason.as_deref() {
            Some(reason) => text(&trust::reason(reason, words)),
            None => self.tell(change, words.say("chart.note")),
        });
        let records = self.view.sessions.iter().filter_map(|session| self.record(&session.session, id));
        let absent = records.filter_map(|record| record.reason.as_deref()).next();
        let note = match (note.is_empty(), absent) {
            (true, Some(reason)) => text(&trust::reason(reason, words)),
            _ => note,
        };
        let dated = self.view.sessions.iter().all(|session| session.day.is_some());
        let treatments = if dated { self.treatments() } else { Vec::new() };
        Measure {
            title: words.name("metric", id),
            unit: unit(id, words),
            note,
            verdict: match last {
                Some(change) if change.verdict != Verdict::NotComparable || photos_are_why(change) => {
                    verdict_name(change.verdict)
                }
                _ => "not_measured",
            },
            chart: chart(&dots, &treatments, words),
        }
    }

    fn dot(&self, index: usize, session: &Session, id: &str) -> Option<Dot> {
        let record = self.record(&session.session, id)?;
        let change = self.change(&session.session, id);
        let dated = self.view.sessions.iter().all(|session| session.day.is_some());
        Some(Dot {
            at: session.day.filter(|_| dated).map_or(index as f64, |day| day as f64),
            day: session.day.filter(|_| dated),
            value: record.value?,
            error: record.standard_error,
            mdc: change.and_then(|change| change.mdc95),
            comparable: change.is_some_and(|change| change.verdict != Verdict::NotComparable),
            baseline: session.session == self.view.baseline,
        })
    }

    /// The days of treatment since the baseline.
    fn treatments(&self) -> Vec<f64> {
        let baseline = self.view.sessions.iter().find(|session| session.session == self.view.baseline);
        let date = |iso: &str| iso.parse::<jiff::civil::Date>().ok();
        let Some(start) = baseline.and_then(|session| session.date.as_deref()).and_then(date) else {
            return Vec::new();
        };
        let days = |iso: &String| Some(f64::from((date(iso)? - start).get_days()));
        self.patient.treatments.iter().filter_map(days).collect()
    }
}

/// The unit of a metric in words.
pub fn unit(id: &str, words: &Words) -> String {
    metric(id).map(|metric| words.name("unit", metric.unit)).unwrap_or_default()
}

/// The unit of a metric as it is said in a sentence: numbers and ratios have none.
fn spoken_unit(id: &str, words: &Words) -> String {
    let bare = metric(id).is_none_or(|metric| matches!(metric.unit, "count" | "ratio"));
    if bare { String::new() } else { unit(id, words) }
}

/// When a session was, in words.
pub fn when(session: &Session, words: &Words) -> String {
    match &session.date {
        Some(date) => words.date(date),
        None => session.session.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(verdict: Verdict, reason: Option<&str>) -> Change {
        Change {
            region: "skin".into(),
            metric: "pores.area_fraction".into(),
            from: "a".into(),
            to: "b".into(),
            difference: None,
            percent: None,
            ci95: None,
            mdc95: None,
            mdc_source: None,
            verdict,
            reason: reason.map(str::to_owned),
        }
    }

    #[test]
    fn a_concern_is_what_its_measures_agree_on() {
        let finding = |all: &[(Verdict, Option<&str>)]| {
            let changes: Vec<Change> = all.iter().map(|&(verdict, reason)| change(verdict, reason)).collect();
            Finding::of(&changes.iter().collect::<Vec<_>>())
        };
        let (better, same) = ((Verdict::Improved, None), (Verdict::NoDetectableChange, None));
        assert_eq!(finding(&[same, better]), Finding::Improved);
        assert_eq!(finding(&[(Verdict::Worsened, None), better]), Finding::Mixed);
        assert_eq!(finding(&[same, (Verdict::Changed, None)]), Finding::Changed);
        assert_eq!(finding(&[(Verdict::NotComparable, Some("flash_differs"))]), Finding::NotComparable);
        assert_eq!(finding(&[(Verdict::NotComparable, Some("none_found"))]), Finding::NotMeasured);
        assert_eq!(finding(&[]), Finding::NotMeasured);
    }
}
