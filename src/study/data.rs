//! The values of every patient, sorted by what was measured.

use std::collections::{BTreeMap, BTreeSet};

use crate::metrics::{Family, metric as catalogued};
use crate::order::median;
use crate::study::records::{Plan, Time};
use crate::study::source::{Change, NOT_COMPARABLE, PatientReport, Session, View};

/// What was measured: view, region (`None` for followed lesions), metric.
pub(super) type Key = (String, Option<String>, String);

/// A change from the baseline.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    pub difference: f64,
    pub percent: Option<f64>,
    pub day: Option<i64>,
}

/// One patient's part in a metric.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Part {
    pub arm: Option<String>,
    /// The change at each follow-up, or why there is none.
    pub changes: BTreeMap<String, Result<Point, String>>,
    /// Day and value of the baseline and of all sessions comparable with it.
    pub values: Vec<(f64, f64)>,
    /// Why sessions are not among the values.
    pub excluded: Vec<String>,
    /// Repeat photos, session by session.
    pub repeats: Vec<Vec<Option<f64>>>,
}

/// A metric over all patients, in the order of the reports.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Measured {
    pub unit: String,
    pub parts: Vec<Part>,
}

/// Why redness is not counted: it belongs to the healing of a treatment.
const HEALING_WINDOW: &str = "healing_window";

/// The follow-up that followed lesions are compared at.
pub(super) const LAST: &str = "last";

/// The follow-ups that at least two patients have, or one in a study of one.
pub(super) fn times(reports: &[PatientReport], plan: &Plan) -> Vec<Time> {
    let mut patients: BTreeMap<usize, usize> = BTreeMap::new();
    for report in reports {
        let follow_ups = report.views.iter().flat_map(|view| follow_ups(view, plan));
        let places: BTreeSet<usize> = follow_ups.map(|(place, _)| place).collect();
        places.into_iter().for_each(|place| *patients.entry(place).or_default() += 1);
    }
    let least = reports.len().min(2);
    let enough = patients.into_iter().filter(|(_, patients)| *patients >= least);
    enough.map(|(place, patients)| Time { time: name(place, plan), patients }).collect()
}

fn name(place: usize, plan: &Plan) -> String {
    plan.at.get(place).map_or_else(|| format!("visit_{}", place + 1), |day| format!("day_{day}"))
}

/// The sessions after the baseline with the place of their follow-up.
fn follow_ups<'a>(view: &'a View, plan: &Plan) -> Vec<(usize, &'a Session)> {
    let later = view.sessions.iter().skip_while(|session| session.session != view.baseline).skip(1);
    if plan.at.is_empty() {
        return later.enumerate().collect();
    }
    let sessions: Vec<&Session> = later.collect();
    // The earlier of two that are equally near.
    let nearest = |(place, target): (usize, &i64)| {
        let off = |session: &Session| session.day.map(|day| (day - target).abs());
        let session = sessions.iter().filter(|session| off(session).is_some()).min_by_key(|s| off(s))?;
        let away = off(session)?;
        let closer = plan.at.iter().any(|other| session.day.is_some_and(|day| (day - other).abs() < away));
        (away <= plan.within_days && !closer).then_some((place, *session))
    };
    plan.at.iter().enumerate().filter_map(nearest).collect()
}

/// Everything measured, by what it is.
pub(super) fn collect(reports: &[PatientReport], plan: &Plan, times: &[Time]) -> BTreeMap<Key, Measured> {
    let mut all: BTreeMap<Key, Measured> = BTreeMap::new();
    for view in reports.iter().flat_map(|report| &report.views) {
        for region in view.sessions.iter().flat_map(|session| &session.regions) {
            for (metric, value) in &region.metrics {
                let key = (view.view.clone(), Some(region.region.clone()), metric.clone());
                all.entry(key).or_default().unit.clone_from(&value.unit);
            }
        }
        for lesion in &view.lesions {
            let key = (view.view.clone(), None, lesion_metric(&lesion.kind));
            all.entry(key).or_default().unit = "%".into();
        }
    }
    for report in reports {
        let views: BTreeMap<&str, ViewPart> =
            report.views.iter().map(|view| (view.view.as_str(), ViewPart::new(view, plan))).collect();
        for ((view, region, metric), measured) in &mut all {
            let part = match (views.get(view.as_str()), region) {
                (None, region) => absent(if region.is_some() { times } else { &[] }, region.is_none()),
                (Some(view), Some(region)) => view.part(region, metric, times),
                (Some(view), None) => view.lesions(metric),
            };
            measured.parts.push(Part { arm: report.patient.arm.clone(), ..part });
        }
    }
    all
}

fn absent(times: &[Time], lesions: bool) -> Part {
    let names = times.iter().map(|time| time.time.clone()).chain(lesions.then(|| LAST.to_owned()));
    let changes = names.map(|name| (name, Err("no_view".to_owned()))).collect();
    Part { changes, excluded: vec!["no_view".into()], ..Part::default() }
}

fn lesion_metric(kind: &str) -> String {
    format!("lesions.{kind}_dose_percent")
}

/// One view of a patient, ready to look things up.
struct ViewPart<'a> {
    view: &'a View,
    follow_ups: BTreeMap<String, &'a Session>,
    changes: BTreeMap<(&'a str, &'a str, &'a str), &'a Change>,
}

impl<'a> ViewPart<'a> {
    fn new(view: &'a View, plan: &Plan) -> Self {
        let follow_ups =
            follow_ups(view, plan).into_iter().map(|(place, session)| (name(place, plan), session)).collect();
        let key = |change: &'a Change| (change.region.as_str(), change.metric.as_str(), change.to.as_str());
        Self { view, follow_ups, changes: view.changes.iter().map(|change| (key(change), change)).collect() }
    }

    /// The change to a session, or why it does not count. Redness in a healing
    /// window counts for nobody: reports spare those whom it worsened only, and
    /// leaving out just these would make an arm look better.
    fn change(&self, region: &str, metric: &str, session: &Session) -> Result<Point, String> {
        let reddens = catalogued(metric).is_some_and(|metric| metric.family == Family::Redness);
        if reddens && (session.heals() || self.baseline_heals()) {
            return Err(HEALING_WINDOW.into());
        }
        let change =
            self.changes.get(&(region, metric, session.session.as_str())).ok_or("not_measured".to_owned())?;
        let difference = change.difference.filter(|_| change.verdict != NOT_COMPARABLE);
        let reason = || change.reason.clone().unwrap_or_else(|| NOT_COMPARABLE.into());
        Ok(Point { difference: difference.ok_or_else(reason)?, percent: change.percent, day: session.day })
    }

    fn part(&self, region: &str, metric: &str, times: &[Time]) -> Part {
        let change = |time: &Time| {
            let session = self.follow_ups.get(&time.time).ok_or("no_session".to_owned());
            (time.time.clone(), session.and_then(|session| self.change(region, metric, session)))
        };
        let mut part = Part { changes: times.iter().map(change).collect(), ..Part::default() };
        for session in &self.view.sessions {
            let found = session.regions.iter().find(|other| other.region == region);
            let value = found.and_then(|region| region.metrics.get(metric));
            if let Some(shots) = value.map(|value| &value.shots).filter(|shots| shots.len() > 1) {
                part.repeats.push(shots.clone());
            }
            let is_baseline = session.session == self.view.baseline;
            let comparable =
                if is_baseline { Ok(()) } else { self.change(region, metric, session).map(drop) };
            let entry = comparable.and_then(|()| {
                let value = value.and_then(|value| value.value).ok_or("not_measured")?;
                Ok((session.day.ok_or("no_date")? as f64, value))
            });
            match entry {
                Ok(value) => part.values.push(value),
                Err(reason) => part.excluded.push(reason),
            }
        }
        part
    }

    fn baseline_heals(&self) -> bool {
        self.view.sessions.iter().any(|session| session.session == self.view.baseline && session.heals())
    }

    /// The median change of the lesions of one kind that can be compared.
    fn lesions(&self, metric: &str) -> Part {
        let last_heals = self.view.sessions.last().is_some_and(Session::heals);
        if metric == lesion_metric("vascular") && (last_heals || self.baseline_heals()) {
            let changes = BTreeMap::from([(LAST.to_owned(), Err(HEALING_WINDOW.to_owned()))]);
            return Part { changes, ..Part::default() };
        }
        let of_kind = self.view.lesions.iter().filter(|lesion| lesion_metric(&lesion.kind) == metric);
        let comparable = of_kind.filter(|lesion| lesion.change.verdict != NOT_COMPARABLE);
        let changes: Vec<f64> = comparable.filter_map(|lesion| lesion.change.dose_percent).collect();
        let change = median(&changes).ok_or("no_comparable_lesion".to_owned());
        let point = change.map(|difference| Point { difference, percent: None, day: None });
        Part { changes: BTreeMap::from([(LAST.to_owned(), point)]), ..Part::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::source::Treatment;
    use crate::study::source::tests::patient;

    fn names(plan: &Plan, reports: &[PatientReport]) -> Vec<(String, usize)> {
        times(reports, plan).into_iter().map(|time| (time.time, time.patients)).collect()
    }

    #[test]
    fn follow_ups_are_counted_or_lie_near_the_days_asked_for() {
        let reports = [
            patient("A", None, &[(0, 1.0), (28, 2.0), (95, 3.0)]),
            patient("B", None, &[(0, 1.0), (44, 2.0), (60, 2.0), (88, 3.0)]),
        ];
        assert_eq!(names(&Plan::default(), &reports), [("visit_1".into(), 2), ("visit_2".into(), 2)]);
        let at = |within_days| Plan { at: vec![30, 90], within_days, ..Plan::default() };
        assert_eq!(names(&at(14), &reports), [("day_30".into(), 2), ("day_90".into(), 2)]);
        assert_eq!(names(&at(13), &reports), [("day_90".into(), 2)]);
    }

    #[test]
    fn redness_in_a_healing_window_counts_for_nobody() {
        let mut report = patient("A", None, &[(0, 1.0), (30, 2.0)]);
        report.views[0].sessions[1].treatment = Some(Treatment { healing_window: true });
        let part = ViewPart::new(&report.views[0], &Plan::default());
        let reason = |metric: &str| part.change("skin", metric, &report.views[0].sessions[1]);
        assert_eq!(reason("redness.a_star_mean"), Err(HEALING_WINDOW.into()));
        assert_eq!(reason("scars.count").map(|point| point.difference), Ok(1.0));
    }

    #[test]
    fn a_session_belongs_to_the_nearest_day_only() {
        let report = patient("A", None, &[(0, 1.0), (50, 2.0)]);
        let plan = Plan { at: vec![30, 60], within_days: 30, ..Plan::default() };
        assert_eq!(names(&plan, &[report]), [("day_60".into(), 1)]);
    }
}
