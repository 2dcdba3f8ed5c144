//! How well repeat photos of one session agree.

use crate::statistics::agreement::{Correlation, Limits, intraclass, limits_of_agreement};
use crate::statistics::repeatability::{mdc95, within_subject};
use crate::study::data::{Measured, Part};
use crate::study::groups::{none, too_few};
use crate::study::records::{BlandAltman, Estimated, Repeats};

/// The agreement of repeat photos; `None` if no session has a value of two.
pub(super) fn repeats(measured: &Measured) -> Option<Repeats> {
    let all = measured.parts.iter().flat_map(|part| &part.repeats);
    let groups: Vec<Vec<f64>> = all.map(|shots| shots.iter().flatten().copied().collect()).collect();
    let (sd, degrees) = within_subject(&groups)?;
    // Shots keep their places: those after a photo without a value do not count.
    let leading = |shots: &Vec<Option<f64>>| shots.iter().map_while(|shot| *shot).collect::<Vec<f64>>();
    let first = |part: &Part| part.repeats.iter().map(leading).find(|shots| shots.len() > 1);
    let mut table: Vec<Vec<f64>> = measured.parts.iter().filter_map(first).collect();
    let shots = table.iter().map(Vec::len).min().unwrap_or(0);
    table.iter_mut().for_each(|row| row.truncate(shots));
    let pairs: Vec<[f64; 2]> = table.iter().map(|row| [row[0], row[1]]).collect();
    let correlations = intraclass(&table);
    let reason = too_few(table.len()).or(correlations.is_none().then_some("no_scatter"));
    let correlation = |pick: &dyn Fn() -> Option<Correlation>| match (pick(), reason) {
        (Some(found), _) => Estimated { value: Some(found.value), ci95: Some(found.ci95), reason: None },
        (None, reason) => none(reason.unwrap_or_default()),
    };
    Some(Repeats {
        patients: table.len(),
        shots,
        icc_2_1: correlation(&|| Some(correlations?.agreement)),
        icc_3_1: correlation(&|| Some(correlations?.consistency)),
        bland_altman: limits_of_agreement(&pairs).map(bland_altman),
        within_subject_sd: Some(sd),
        degrees_of_freedom: degrees,
        mdc95: Some(mdc95(sd, sd)),
        reason: too_few(table.len()).map(str::to_owned),
    })
}

fn bland_altman(found: Limits) -> BlandAltman {
    let estimated =
        |value: f64, ci95: [f64; 2]| Estimated { value: Some(value), ci95: Some(ci95), reason: None };
    BlandAltman {
        bias: estimated(found.bias, found.bias_ci95),
        sd: found.sd,
        lower: estimated(found.limits[0], found.limits_ci95[0]),
        upper: estimated(found.limits[1], found.limits_ci95[1]),
    }
}
