//! The course of a metric through a series, in one word.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::metrics::{Better, metric};
use crate::series::{Change, Verdict, View};

/// How a metric ran from the baseline to the last session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Course {
    /// Better at the end than at the session before it, or only there.
    Improving,
    /// Better, but no longer getting so: the last two sessions differ by less
    /// than is detectable.
    Plateau,
    /// It was better, and lost a detectable part of that again.
    Relapse,
    /// Worse at the end.
    Worsening,
    /// No session differs detectably from the baseline.
    Steady,
}

/// The course of each trend whose metric has a better direction.
pub(super) fn name(view: &mut View) {
    for trend in &mut view.trends {
        let Some(better) = metric(&trend.metric).and_then(|metric| metric.better) else { continue };
        let steps: Vec<Step> = view
            .changes
            .iter()
            .filter(|change| change.region == trend.region && change.metric == trend.metric)
            .filter_map(|change| Step::of(change, better))
            .collect();
        trend.course = course(&steps);
    }
}

/// A comparable session: how much better than the baseline, and what of that is detectable.
#[derive(Clone, Copy)]
struct Step {
    gain: f64,
    mdc95: f64,
    verdict: Verdict,
}

impl Step {
    fn of(change: &Change, better: Better) -> Option<Self> {
        let sign = if better == Better::Higher { 1.0 } else { -1.0 };
        let comparable = change.verdict != Verdict::NotComparable;
        comparable.then_some(())?;
        Some(Self { gain: sign * change.difference?, mdc95: change.mdc95?, verdict: change.verdict })
    }

    fn improved(&self) -> bool {
        self.verdict == Verdict::Improved
    }
}

fn course(steps: &[Step]) -> Option<Course> {
    let (last, earlier) = steps.split_last()?;
    let lost = |step: &&Step| step.improved() && step.gain - last.gain > step.mdc95.max(last.mdc95);
    Some(match (last.verdict, earlier.last()) {
        (Verdict::Worsened, _) => Course::Worsening,
        _ if earlier.iter().any(|step| lost(&step)) => Course::Relapse,
        (Verdict::Improved, Some(before))
            if before.improved() && last.gain - before.gain <= before.mdc95.max(last.mdc95) =>
        {
            Course::Plateau
        }
        (Verdict::Improved, _) => Course::Improving,
        _ => Course::Steady,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps that differ detectably by more than 1.
    fn course_of(gains: &[f64]) -> Option<Course> {
        let verdict = |gain: f64| match gain {
            gain if gain > 1.0 => Verdict::Improved,
            gain if gain < -1.0 => Verdict::Worsened,
            _ => Verdict::NoDetectableChange,
        };
        let step = |&gain: &f64| Step { gain, mdc95: 1.0, verdict: verdict(gain) };
        course(&gains.iter().map(step).collect::<Vec<_>>())
    }

    #[test]
    fn every_course_has_its_name() {
        assert_eq!(course_of(&[]), None);
        assert_eq!(course_of(&[0.5, 0.2, -0.3]), Some(Course::Steady));
        assert_eq!(course_of(&[0.5, 1.5, 3.0]), Some(Course::Improving));
        assert_eq!(course_of(&[0.5, 0.9, 1.2]), Some(Course::Improving));
        assert_eq!(course_of(&[1.5, 3.0, 3.4]), Some(Course::Plateau));
        assert_eq!(course_of(&[3.0, 3.4, 1.5]), Some(Course::Relapse));
        assert_eq!(course_of(&[3.0, 0.2]), Some(Course::Relapse));
        assert_eq!(course_of(&[3.0, -2.0]), Some(Course::Worsening));
    }
}
