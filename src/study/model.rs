//! All sessions of all arms at once.

use std::collections::BTreeMap;

use crate::statistics::mixed_model::{MixedModel, Observation, random_intercept};
use crate::study::data::{Measured, Part};
use crate::study::groups::SINGLE_PATIENT;
use crate::study::records::{Mixed, Term, Tested};

/// Days to which slopes are counted.
const DAYS: f64 = 30.0;

/// The mixed model of a metric: value by time, by arm, and by both. Arms are
/// coded against `reference`, or else the first by name.
pub(super) fn mixed(measured: &Measured, reference: Option<&str>) -> Mixed {
    let mut excluded: BTreeMap<String, usize> = BTreeMap::new();
    let mut leave = |reason: &str, sessions: usize| {
        if sessions > 0 {
            *excluded.entry(reason.to_owned()).or_default() += sessions;
        }
    };
    measured.parts.iter().flat_map(|part| &part.excluded).for_each(|reason| leave(reason, 1));
    let in_arms = measured.parts.iter().any(|part| part.arm.is_some());
    let mut arms: BTreeMap<Option<&str>, Vec<&Part>> = BTreeMap::new();
    for part in measured.parts.iter().filter(|part| !part.values.is_empty()) {
        if in_arms && part.arm.is_none() {
            leave("no_arm", part.values.len());
        } else {
            arms.entry(part.arm.as_deref()).or_default().push(part);
        }
    }
    arms.retain(|_, parts| {
        let alone = parts.len() < 2;
        leave(SINGLE_PATIENT, if alone { parts.iter().map(|part| part.values.len()).sum() } else { 0 });
        !alone
    });
    let mut order: Vec<Option<&str>> = arms.keys().copied().collect();
    order.sort_by_key(|arm| reference.is_some() && *arm != reference);
    let rows = |(place, arm): (usize, &Option<&str>)| {
        arms[arm].iter().map(|part| observations(part, place, order.len())).collect::<Vec<_>>()
    };
    let patients: Vec<Vec<Observation>> = order.iter().enumerate().flat_map(rows).collect();
    let reason = match () {
        () if patients.is_empty() => Some("too_few_patients"),
        () if reference.is_some() && !order.contains(&reference) => Some("no_reference_arm"),
        () if patients.iter().all(|patient| patient.len() < 2) => Some("no_repeated_sessions"),
        () => None,
    };
    let fitted = reason.map_or_else(|| random_intercept(&patients).ok_or("not_determined"), Err);
    let (values, patients) = (patients.iter().map(Vec::len).sum(), patients.len());
    let empty = Mixed {
        patients,
        values,
        excluded,
        patient_sd: None,
        residual_sd: None,
        terms: Vec::new(),
        reason: None,
    };
    match fitted {
        Err(reason) => Mixed { reason: Some(reason.into()), ..empty },
        Ok(model) => Mixed {
            patient_sd: Some(model.patient_sd),
            residual_sd: Some(model.residual_sd),
            terms: terms(&model, &order),
            ..empty
        },
    }
}

fn observations(part: &Part, place: usize, arms: usize) -> Vec<Observation> {
    let row = |&(day, value): &(f64, f64)| {
        let time = day / DAYS;
        let other = (1..arms).flat_map(|arm| if arm == place { [1.0, time] } else { [0.0, 0.0] });
        Observation { design: [1.0, time].into_iter().chain(other).collect(), value }
    };
    part.values.iter().map(row).collect()
}

fn terms(model: &MixedModel, order: &[Option<&str>]) -> Vec<Term> {
    let names = order.iter().enumerate().flat_map(|(place, arm)| {
        let names = if place == 0 { ["intercept", "per_30_days"] } else { ["arm", "arm_per_30_days"] };
        names.map(|name| (name, arm.filter(|_| place > 0)))
    });
    let term = |((name, arm), coefficient): ((&str, Option<&str>), &crate::statistics::Uncertain)| Term {
        term: name.to_owned(),
        arm: arm.map(str::to_owned),
        estimate: coefficient.value,
        standard_error: coefficient.standard_error(),
        degrees_of_freedom: coefficient.degrees,
        ci95: coefficient.ci95(),
        test: name.ends_with("per_30_days").then(|| Tested {
            test: "t".into(),
            statistic: Some(coefficient.value / coefficient.standard_error()),
            method: Some("satterthwaite".into()),
            p_value: Some(coefficient.p_value()),
            ..Tested::default()
        }),
    };
    names.zip(&model.coefficients).map(term).collect()
}
