//! Changes within an arm and their difference between arms.

use std::collections::BTreeMap;

use crate::order::median;
use crate::statistics::intervals::t_quantile;
use crate::statistics::ranks::{RankTest, Shift, centre, difference, rank_sum, signed_rank};
use crate::statistics::{effect_size, effect_size::EffectSize};
use crate::study::data::{Measured, Part, Point};
use crate::study::records::{Change, Contrast, Estimated, Tested};

/// Why there is no statistic: nobody has a comparable change.
pub(super) const NO_PATIENT: &str = "no_patient";
/// Why there is no statistic: one patient says nothing of others.
pub(super) const SINGLE_PATIENT: &str = "single_patient";
/// Why there is no interval: with so few, none reaches 95 %.
const TOO_FEW_PATIENTS: &str = "too_few_patients";
/// Why there is no standardised difference: all values are the same.
const NO_SCATTER: &str = "no_scatter";
/// Why there is no test: no difference but 0.
const ALL_ZERO: &str = "all_zero";

/// The change of one arm at a follow-up.
pub(super) fn change(measured: &Measured, arm: Option<&str>, time: &str, ratio_scale: bool) -> Change {
    let (points, excluded) = points(measured, arm, time);
    let values: Vec<f64> = points.iter().map(|point| point.difference).collect();
    let percent: Vec<f64> = points.iter().filter_map(|point| point.percent).collect();
    let reason = too_few(values.len());
    let (mean, sd) = reason.map_or_else(|| mean(&values), |reason| (none(reason), None));
    Change {
        arm: arm.map(str::to_owned),
        time: time.to_owned(),
        n: values.len(),
        excluded,
        days: days(&points),
        mean,
        sd,
        hodges_lehmann: reason.map_or_else(|| shifted(centre(&values)), none),
        percent: ratio_scale.then(|| match too_few(percent.len()) {
            Some(reason) => none(reason),
            None => shifted(centre(&percent)),
        }),
        hedges_g: reason.map_or_else(|| sized(effect_size::paired(&values), values.len()), none),
        test: tested(
            "wilcoxon_signed_rank",
            reason.map_or_else(|| signed_rank(&values).ok_or(ALL_ZERO), Err),
        ),
    }
}

/// How much more `arm` changed than `versus` at a follow-up.
pub(super) fn contrast(measured: &Measured, arm: &str, versus: &str, time: &str) -> Contrast {
    let values = |arm: &str| -> Vec<f64> {
        points(measured, Some(arm), time).0.iter().map(|point| point.difference).collect()
    };
    let (second, first) = (values(arm), values(versus));
    let reason = too_few(second.len().min(first.len()));
    Contrast {
        arm: arm.to_owned(),
        versus: versus.to_owned(),
        time: time.to_owned(),
        n: second.len(),
        n_versus: first.len(),
        hodges_lehmann: reason.map_or_else(|| shifted(difference(&first, &second)), none),
        hedges_g: reason
            .map_or_else(|| sized(effect_size::between(&first, &second), first.len() + second.len()), none),
        test: tested("mann_whitney", reason.map_or_else(|| rank_sum(&first, &second).ok_or(NO_PATIENT), Err)),
    }
}

/// The comparable changes of an arm, and how many are not, by the reason.
fn points(measured: &Measured, arm: Option<&str>, time: &str) -> (Vec<Point>, BTreeMap<String, usize>) {
    let (mut points, mut excluded) = (Vec::new(), BTreeMap::new());
    let changes = measured.parts.iter().filter(|part| part.arm.as_deref() == arm);
    for change in changes.filter_map(|part: &Part| part.changes.get(time)) {
        match change {
            Ok(point) => points.push(*point),
            Err(reason) => *excluded.entry(reason.clone()).or_default() += 1,
        }
    }
    (points, excluded)
}

fn days(points: &[Point]) -> Option<[f64; 3]> {
    let days: Vec<f64> = points.iter().filter_map(|point| point.day).map(|day| day as f64).collect();
    let least = days.iter().copied().fold(f64::INFINITY, f64::min);
    Some([least, median(&days)?, days.iter().copied().fold(f64::NEG_INFINITY, f64::max)])
}

/// Why a group of `count` has no statistics, if it has none.
pub(super) fn too_few(count: usize) -> Option<&'static str> {
    match count {
        0 => Some(NO_PATIENT),
        1 => Some(SINGLE_PATIENT),
        _ => None,
    }
}

pub(super) fn none(reason: &str) -> Estimated {
    Estimated { reason: Some(reason.to_owned()), ..Estimated::default() }
}

/// The mean of two values or more with Student's interval, and their
/// standard deviation.
fn mean(values: &[f64]) -> (Estimated, Option<f64>) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let sd = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
    let reach = t_quantile(0.975, n - 1.0) * sd / n.sqrt();
    (Estimated { value: Some(mean), ci95: Some([mean - reach, mean + reach]), reason: None }, Some(sd))
}

fn shifted(shift: Option<Shift>) -> Estimated {
    let Some(shift) = shift else { return none(NO_PATIENT) };
    let reason = shift.ci95.is_none().then(|| TOO_FEW_PATIENTS.to_owned());
    Estimated { value: Some(shift.value), ci95: shift.ci95, reason }
}

fn sized(size: Option<EffectSize>, patients: usize) -> Estimated {
    let Some(size) = size else { return none(if patients < 3 { TOO_FEW_PATIENTS } else { NO_SCATTER }) };
    Estimated { value: Some(size.g), ci95: Some(size.ci95), reason: None }
}

fn tested(name: &str, test: Result<RankTest, &str>) -> Tested {
    let test_name = name.to_owned();
    match test {
        Ok(test) => Tested {
            test: test_name,
            statistic: Some(test.statistic),
            method: Some(if test.exact { "exact" } else { "normal" }.into()),
            p_value: Some(test.p_value),
            ..Tested::default()
        },
        Err(reason) => Tested { test: test_name, reason: Some(reason.to_owned()), ..Tested::default() },
    }
}
