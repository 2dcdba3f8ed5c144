//! Treated skin beside untreated skin: the difference of differences.
//!
//! What changes everywhere, such as the light, the season or a tan, changes in
//! the control region too and drops out. The errors of the two regions are taken
//! as independent, although part of them is shared: the intervals are rather
//! too wide than too narrow.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::metrics::metric;
use crate::series::comparison::{FALSE_DISCOVERIES, verdict};
use crate::series::{Change, View};
use crate::statistics::{Uncertain, benjamini_hochberg, intervals::normal_quantile};

/// Names of regions of untreated skin.
const CONTROLS: [&str; 2] = ["control", "reference"];

/// A region's change beyond that of untreated skin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ControlledChange {
    /// The region of untreated skin.
    pub control: String,
    /// The region's change minus the control's. It is no share of anything, so
    /// `percent` is `null`.
    #[serde(flatten)]
    pub change: Change,
}

/// Whether a region of this name is untreated skin.
fn is_control(region: &str) -> bool {
    CONTROLS.contains(&region)
}

/// Every region's changes minus those of a region named `control` or
/// `reference`. The false discovery rate of each later session is held at 5 %.
/// The region `skin` holds the control itself, and is left out.
pub(super) fn controlled(view: &View) -> Vec<ControlledChange> {
    let treated = |change: &&Change| !is_control(&change.region) && change.region != "skin";
    let pairs: Vec<(&Change, &Change)> = view
        .changes
        .iter()
        .filter(treated)
        .flat_map(|change| CONTROLS.iter().map(move |name| (change, *name)))
        .filter_map(|(change, name)| Some((change, find(view, change, name)?)))
        .collect();
    let same_session = |a: &(&Change, &Change), b: &(&Change, &Change)| a.0.to == b.0.to;
    pairs.chunk_by(same_session).flat_map(judge).collect()
}

fn find<'a>(view: &'a View, like: &Change, control: &str) -> Option<&'a Change> {
    view.changes
        .iter()
        .find(|change| change.region == control && change.metric == like.metric && change.to == like.to)
}

fn judge(pairs: &[(&Change, &Change)]) -> Vec<ControlledChange> {
    let found: Vec<Option<Uncertain>> =
        pairs.iter().map(|(region, control)| Some(minus(known(region)?, known(control)?))).collect();
    let p_values: Vec<f64> = found.iter().flatten().map(Uncertain::p_value).collect();
    let mut detected = benjamini_hochberg(&p_values, FALSE_DISCOVERIES).into_iter();
    let record = |((region, control), found): (&(&Change, &Change), Option<Uncertain>)| {
        let empty = Change { difference: None, percent: None, ci95: None, mdc95: None, ..(*region).clone() };
        let mdc95 = region.mdc95.zip(control.mdc95).map(|(a, b)| a.hypot(b));
        let judged = found.zip(mdc95).zip(metric(&region.metric));
        let change = match judged {
            Some(((found, mdc95), metric)) => {
                let detected = detected.next().unwrap_or(false) && found.value.abs() > mdc95;
                Change {
                    difference: Some(found.value),
                    ci95: Some(found.ci95()),
                    mdc95: Some(mdc95),
                    verdict: verdict(metric, found.value, detected),
                    reason: None,
                    ..empty
                }
            }
            None => Change {
                verdict: crate::series::Verdict::NotComparable,
                reason: region.reason.clone().or_else(|| control.reason.clone()),
                ..empty
            },
        };
        ControlledChange { control: control.region.clone(), change }
    };
    pairs.iter().zip(found).map(record).collect()
}

/// A change as a number with its error, read back from its interval.
fn known(change: &Change) -> Option<Uncertain> {
    let [low, high] = change.ci95?;
    let standard_error = (high - low) / (2.0 * normal_quantile(0.975));
    Some(Uncertain::new(change.difference?, &[(standard_error, f64::INFINITY)]))
}

fn minus(a: Uncertain, b: Uncertain) -> Uncertain {
    let known = f64::INFINITY;
    Uncertain::new(a.value - b.value, &[(a.standard_error(), known), (b.standard_error(), known)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::Verdict;
    use crate::series::testing::{change, session, view};

    const ID: &str = "redness.a_star_mean";

    fn seen(treated: f64, control: f64) -> Vec<ControlledChange> {
        let mut seen = view(vec![session("a", 0, vec![]), session("b", 30, vec![])]);
        let of = |region: &str, difference| Change {
            region: region.into(),
            ..change(ID, "a", "b", difference, 0.6, Verdict::Improved)
        };
        seen.changes = vec![of("skin", -9.0), of("cheek", treated), of("control", control)];
        controlled(&seen)
    }

    #[test]
    fn what_the_control_does_too_is_no_effect() {
        let [found] = &seen(-3.0, -2.9)[..] else { panic!("one region") };
        assert_eq!((found.control.as_str(), found.change.region.as_str()), ("control", "cheek"));
        assert_eq!(found.change.verdict, Verdict::NoDetectableChange);
    }

    #[test]
    fn the_difference_of_differences_by_hand() {
        let [found] = &seen(-3.0, 0.5)[..] else { panic!("one region") };
        assert_eq!((found.change.difference, found.change.verdict), (Some(-3.5), Verdict::Improved));
        // Two errors of 0.6 / 1.96 each.
        let margin = 0.6 * 2.0f64.sqrt();
        assert!((found.change.mdc95.unwrap() - margin).abs() < 1e-12);
        assert!((found.change.ci95.unwrap()[1] - (-3.5 + margin)).abs() < 1e-9);
    }

    #[test]
    fn without_a_control_there_is_nothing_to_say() {
        let mut alone = view(vec![session("a", 0, vec![]), session("b", 30, vec![])]);
        alone.changes = vec![change(ID, "a", "b", -1.0, 0.1, Verdict::Improved)];
        assert!(controlled(&alone).is_empty());
    }
}
