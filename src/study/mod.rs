//! Patients and arms: statistics over the reports of a study.
//!
//! A change is taken from a patient's report as it stands there: one that is
//! not comparable or has no value is left out and counted, never filled in.
//! Within an arm changes are tested by Wilcoxon's signed ranks, between arms
//! by Mann and Whitney's, over all sessions by a linear mixed model. One
//! patient alone has no p-value.

mod data;
mod groups;
mod model;
pub mod records;
mod repeats;
mod run;
pub mod source;

use std::collections::{BTreeMap, BTreeSet};

pub use self::records::{Plan, STUDY_SCHEMA, Study};
pub use self::run::{RunFacts, read_run};
pub use self::source::{PatientReport, read_reports};
use crate::error::{Error, Result, Warning};
use crate::metrics::{Better, metric};
use crate::statistics::multiplicity::{benjamini_hochberg_adjusted, holm};
use crate::study::data::{Key, LAST, Measured};
use crate::study::records::{Absent, Arm, MetricStudy, StudyTool, Tested, Time};

/// Metrics of followed lesions, beside those of the catalogue.
pub const LESION_METRICS: [&str; 3] =
    ["lesions.pigmented_dose_percent", "lesions.vascular_dose_percent", "lesions.scar_dose_percent"];

/// The statistics of a study. `warnings` are passed on, before its own.
///
/// # Errors
///
/// [`Error::OutOfRange`] if no patient is in the arm that `plan` compares with.
pub fn study(reports: &[PatientReport], plan: &Plan, warnings: Vec<Warning>) -> Result<Study> {
    let mut plan = plan.clone();
    plan.at.sort_unstable();
    plan.at.dedup();
    let arms = arms(reports);
    if let Some(arm) = &plan.reference
        && !arms.iter().any(|known| known.arm.as_ref() == Some(arm))
    {
        let known: Vec<&str> = arms.iter().filter_map(|arm| arm.arm.as_deref()).collect();
        return Err(Error::OutOfRange {
            name: "reference arm".into(),
            value: format!("{arm:?}"),
            range: format!("within the arms of the reports: {}", known.join(", ")),
        });
    }
    let mut times = data::times(reports, &plan);
    let all = data::collect(reports, &plan, &times);
    let mut metrics: Vec<MetricStudy> =
        all.iter().map(|(key, measured)| of_metric(key, measured, &arms, &times, &plan)).collect();
    adjust(&mut metrics);
    let warnings = warnings.into_iter().chain(concerns(reports, &arms, &times, &metrics, &plan)).collect();
    let seen = |part: &&data::Part| part.changes.get(LAST).is_some_and(Result::is_ok);
    let lesions = all.values().map(|measured| measured.parts.iter().filter(seen).count()).max();
    times.extend(lesions.filter(|n| *n > 0).map(|patients| Time { time: LAST.into(), patients }));
    Ok(Study {
        schema: STUDY_SCHEMA.into(),
        tool: StudyTool { name: env!("CARGO_PKG_NAME").into(), version: env!("CARGO_PKG_VERSION").into() },
        plan,
        arms,
        absent: Vec::new(),
        failed_photos: Vec::new(),
        times,
        metrics,
        warnings,
    })
}

impl Study {
    /// The same, with the patients and photos of the run that took no part.
    pub fn within(mut self, run: RunFacts) -> Self {
        self.absent = run.absent;
        self.failed_photos = run.failed_photos;
        for patient in &self.absent {
            let arm = patient.arm.as_ref().map_or(String::new(), |arm| format!(" (arm {arm})"));
            let Absent { patient, reason, .. } = patient;
            let message = format!("{patient}{arm} takes no part: {reason}");
            // Said better than by the folder that has no report.
            self.warnings.retain(|w| w.code != "no_report" || !w.message.starts_with(&format!("{patient} ")));
            self.warnings.push(Warning::new("patient_absent", message));
        }
        if !self.failed_photos.is_empty() {
            let count = self.failed_photos.len();
            let message = format!("{count} photos could not be used and are missing from the comparison");
            self.warnings.push(Warning::new("photos_failed", message));
        }
        self
    }
}

fn arms(reports: &[PatientReport]) -> Vec<Arm> {
    let mut arms: BTreeMap<Option<String>, Vec<String>> = BTreeMap::new();
    for report in reports {
        arms.entry(report.patient.arm.clone()).or_default().push(report.patient.id.clone());
    }
    arms.into_iter().map(|(arm, patients)| Arm { arm, patients }).collect()
}

/// The pairs of arms that are compared: each with the reference, or each with
/// those before it by name.
fn pairs<'a>(arms: &'a [Arm], reference: Option<&'a str>) -> Vec<(&'a str, &'a str)> {
    let names: Vec<&str> = arms.iter().filter_map(|arm| arm.arm.as_deref()).collect();
    if let Some(reference) = reference {
        return names.into_iter().filter(|arm| *arm != reference).map(|arm| (arm, reference)).collect();
    }
    let later = |(place, versus): (usize, &&'a str)| {
        let versus = *versus;
        names[place + 1..].iter().map(move |arm| (*arm, versus)).collect::<Vec<_>>()
    };
    names.iter().enumerate().flat_map(later).collect()
}

fn of_metric(
    (view, region, id): &Key,
    measured: &Measured,
    arms: &[Arm],
    times: &[Time],
    plan: &Plan,
) -> MetricStudy {
    let known = metric(id);
    let better = match known.map(|metric| metric.better) {
        Some(better) => better,
        None => region.is_none().then_some(Better::Lower),
    };
    let times: Vec<&str> =
        if region.is_some() { times.iter().map(|t| t.time.as_str()).collect() } else { vec![LAST] };
    let ratio_scale = known.is_some_and(|metric| metric.ratio_scale);
    let pairs = pairs(arms, plan.reference.as_deref());
    let at_all = |time: &&str| {
        let time = *time;
        let change = |arm: &Arm| groups::change(measured, arm.arm.as_deref(), time, ratio_scale);
        arms.iter().map(change).collect::<Vec<_>>()
    };
    let contrasts_at = |time: &&str| {
        let time = *time;
        let contrast = |(arm, versus): &(&str, &str)| groups::contrast(measured, arm, versus, time);
        pairs.iter().map(contrast).collect::<Vec<_>>()
    };
    MetricStudy {
        view: view.clone(),
        region: region.clone(),
        metric: id.clone(),
        unit: measured.unit.clone(),
        better: better.map(|better| if better == Better::Lower { "lower" } else { "higher" }.to_owned()),
        primary: plan.primary.contains(id),
        changes: times.iter().flat_map(at_all).collect(),
        contrasts: times.iter().flat_map(contrasts_at).collect(),
        mixed_model: region.as_ref().map(|_| model::mixed(measured, plan.reference.as_deref())),
        repeats: region.as_ref().and_then(|_| repeats::repeats(measured)),
    }
}

/// The tests of a metric with the question that each belongs to.
fn tests(metric: &mut MetricStudy) -> impl Iterator<Item = ((bool, String), &mut Tested)> {
    let primary = metric.primary;
    let changes = metric.changes.iter_mut().map(|change| ("change".to_owned(), &mut change.test));
    let contrasts = metric.contrasts.iter_mut().map(|contrast| ("contrast".to_owned(), &mut contrast.test));
    let terms = metric.mixed_model.iter_mut().flat_map(|model| &mut model.terms);
    let slopes = terms.filter_map(|term| Some((term.term.clone(), term.test.as_mut()?)));
    changes.chain(contrasts).chain(slopes).map(move |(question, test)| ((primary, question), test))
}

/// Adjusts p-values for all that is asked in one way: of primary metrics by
/// Holm, of others by Benjamini and Hochberg.
fn adjust(metrics: &mut [MetricStudy]) {
    let mut families: BTreeMap<(bool, String), Vec<&mut Tested>> = BTreeMap::new();
    for (question, test) in metrics.iter_mut().flat_map(tests) {
        if test.p_value.is_some() {
            families.entry(question).or_default().push(test);
        }
    }
    for ((primary, _), tests) in families {
        let p_values: Vec<f64> = tests.iter().filter_map(|test| test.p_value).collect();
        let (name, adjusted) = if primary {
            ("holm", holm(&p_values))
        } else {
            ("benjamini_hochberg", benjamini_hochberg_adjusted(&p_values))
        };
        for (test, adjusted) in tests.into_iter().zip(adjusted) {
            test.p_adjusted = Some(adjusted);
            test.adjustment = Some(name.to_owned());
        }
    }
}

/// What makes the study less reliable.
fn concerns(
    reports: &[PatientReport],
    arms: &[Arm],
    times: &[Time],
    metrics: &[MetricStudy],
    plan: &Plan,
) -> Vec<Warning> {
    let tools: BTreeSet<_> = reports.iter().map(|report| &report.tool).collect();
    let mut concerns = Vec::new();
    let mut say = |code: &str, message: String| concerns.push(Warning::new(code, message));
    if tools.len() > 1 {
        say(
            "different_settings",
            "reports were made by different versions or settings; analyze all patients in one run".into(),
        );
    }
    if times.is_empty() {
        say("no_common_follow_up", "no follow-up is shared by two patients; see --at and --within".into());
    }
    if arms.len() > 1
        && let Some(without) = arms.iter().find(|arm| arm.arm.is_none())
    {
        say("no_arm", format!("in no arm, and compared with none: {}", without.patients.join(", ")));
    }
    for arm in arms.iter().filter(|arm| arm.patients.len() == 1) {
        let name = arm.arm.as_deref().unwrap_or("without arm");
        say("single_patient", format!("{name}: one patient says nothing of others; no statistics"));
    }
    if metrics.iter().all(|metric| metric.repeats.is_none()) {
        say("no_repeats", "no session has repeat photos (VIEW.2.jpg) with values; no agreement".into());
    }
    for id in plan.primary.iter().filter(|id| !metrics.iter().any(|metric| metric.metric == **id)) {
        say("primary_not_measured", format!("the primary metric {id} is in no report"));
    }
    concerns
}
