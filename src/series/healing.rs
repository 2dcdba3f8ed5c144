//! Redness that only heals.
//!
//! Redness seen within days of a treatment is shown, but it neither counts as
//! a worsening nor, at the baseline, as something to improve upon. Where it is
//! seen often enough, it tells how fast the skin recovers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::lesion::LesionKind;
use crate::metrics::{Family, metric};
use crate::series::{Verdict, View};
use crate::session::Session;
use crate::statistics::Uncertain;
use crate::statistics::intervals::t_quantile;

/// Why redness is not judged: the session lies in a healing window.
pub const HEALING_WINDOW: &str = "healing_window";

/// Why a fall of redness is not judged: the baseline lies in a healing window.
pub const BASELINE_IN_HEALING_WINDOW: &str = "baseline_in_healing_window";

/// How fast redness fades after treatments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Recovery {
    /// The region.
    pub region: String,
    /// The metric of redness.
    pub metric: String,
    /// Its level outside healing windows: the median of those sessions.
    pub level: f64,
    /// Days in which what is above that level halves.
    pub half_life_days: f64,
    /// 95 % confidence interval of the half-life; the upper end is `null` if
    /// the redness may not be fading at all.
    pub ci95: [Option<f64>; 2],
    /// Sessions in healing windows that this rests on.
    pub sessions: usize,
}

/// Metrics whose excess after a treatment decays.
const FADING: [&str; 2] = ["redness.a_star_mean", "redness.hemoglobin_index"];

/// Sessions within healing windows that a half-life needs.
const LEAST_HEALING: usize = 3;

/// The half-lives of redness, where enough comparable sessions fall into
/// healing windows: excess over the level outside them is fitted by an
/// exponential, that is its logarithm by a line over the days since treatment.
pub(super) fn recoveries(view: &View) -> Vec<Recovery> {
    let Some(baseline) = view.sessions.iter().find(|session| session.session == view.baseline) else {
        return Vec::new();
    };
    let regions = baseline.regions.iter().map(|region| region.region.as_str());
    regions.flat_map(|region| FADING.iter().filter_map(move |id| recovery(view, region, id))).collect()
}

fn recovery(view: &View, region: &str, id: &str) -> Option<Recovery> {
    let refused = |session: &Session| {
        view.changes.iter().any(|change| {
            (change.region.as_str(), change.metric.as_str(), change.to.as_str())
                == (region, id, session.session.as_str())
                && change.verdict == Verdict::NotComparable
        })
    };
    let value = |session: &Session| {
        let region = session.regions.iter().find(|record| record.region == region)?;
        region.metrics.get(id)?.value
    };
    let (healing, calm): (Vec<&Session>, Vec<&Session>) =
        view.sessions.iter().filter(|session| !refused(session)).partition(|session| in_window(session));
    let mut levels: Vec<f64> = calm.into_iter().filter_map(value).collect();
    levels.sort_unstable_by(f64::total_cmp);
    let level = *levels.get(levels.len() / 2)?;
    let points: Vec<(f64, f64)> = healing
        .into_iter()
        .filter_map(|session| Some((session.treatment?.days_since as f64, value(session)? - level)))
        .filter(|(_, excess)| *excess > 0.0)
        .map(|(day, excess)| (day, excess.log2()))
        .collect();
    let slope = line(&points)?;
    let margin = t_quantile(0.975, slope.degrees) * slope.standard_error();
    let half_life = |slope: f64| (slope < 0.0).then(|| -1.0 / slope);
    Some(Recovery {
        region: region.to_owned(),
        metric: id.to_owned(),
        level,
        half_life_days: half_life(slope.value)?,
        ci95: [half_life(slope.value - margin), half_life(slope.value + margin)],
        sessions: points.len(),
    })
}

/// The least-squares slope of `(day, value)` points; `None` with fewer than
/// [`LEAST_HEALING`], or on one day only.
fn line(points: &[(f64, f64)]) -> Option<Uncertain> {
    let count = points.len() as f64;
    if points.len() < LEAST_HEALING {
        return None;
    }
    let mean = |part: fn(&(f64, f64)) -> f64| points.iter().map(part).sum::<f64>() / count;
    let (day, value) = (mean(|p| p.0), mean(|p| p.1));
    let spread: f64 = points.iter().map(|p| (p.0 - day).powi(2)).sum();
    let slope = points.iter().map(|p| (p.0 - day) * (p.1 - value)).sum::<f64>() / spread;
    let left: f64 = points.iter().map(|p| (p.1 - value - slope * (p.0 - day)).powi(2)).sum();
    let degrees = count - 2.0;
    slope.is_finite().then(|| Uncertain::new(slope, &[((left / degrees / spread).sqrt(), degrees)]))
}

/// Takes back verdicts on redness that a healing window may have made.
pub(super) fn spare_healing(view: &mut View) {
    let healing = |name: &str| view.sessions.iter().any(|s| s.session == name && in_window(s));
    for change in &mut view.changes {
        if metric(&change.metric).is_some_and(|metric| metric.family == Family::Redness) {
            let windows = [healing(&change.from), healing(&change.to)];
            spare(&mut change.verdict, &mut change.reason, windows);
        }
    }
    for lesion in view.lesions.iter_mut().filter(|lesion| lesion.kind == LesionKind::Vascular) {
        let mut seen = lesion.track.iter().filter(|entry| entry.dose.is_some());
        let (first, last) = (seen.next(), seen.next_back());
        let windows = [first, last].map(|entry| entry.is_some_and(|entry| healing(&entry.session)));
        spare(&mut lesion.change.verdict, &mut lesion.change.reason, windows);
    }
}

fn spare(verdict: &mut Verdict, reason: &mut Option<String>, [from, to]: [bool; 2]) {
    let why = match verdict {
        Verdict::Worsened if to => HEALING_WINDOW,
        Verdict::Improved if from => BASELINE_IN_HEALING_WINDOW,
        _ => return,
    };
    *verdict = Verdict::NotComparable;
    *reason = Some(why.to_owned());
}

/// Whether a session lies in a healing window.
pub(super) fn in_window(session: &Session) -> bool {
    session.treatment.is_some_and(|treatment| treatment.healing_window)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::testing::{change, region, session, view};
    use crate::treatment::TreatmentFacts;

    #[test]
    fn redness_in_a_healing_window_is_no_worsening_and_pigment_may_be() {
        let healing = TreatmentFacts { treatments_before: 1, days_since: 2, healing_window: true };
        let mut seen = view(vec![session("a", 0, vec![]), session("b", 30, vec![])]);
        seen.sessions[1].treatment = Some(healing);
        seen.changes = ["redness.a_star_mean", "pigmentation.spot_contrast"]
            .map(|id| change(id, "a", "b", 1.0, 0.5, Verdict::Worsened))
            .into();
        spare_healing(&mut seen);
        assert_eq!(seen.changes[0].reason.as_deref(), Some(HEALING_WINDOW));
        let verdicts: Vec<Verdict> = seen.changes.iter().map(|change| change.verdict).collect();
        assert_eq!(verdicts, [Verdict::NotComparable, Verdict::Worsened]);
        assert_eq!(seen.changes[0].difference, Some(1.0));
        // Redder at the baseline because it was just treated: calm later is no success.
        seen.sessions.swap(0, 1);
        seen.sessions[0].session = "a".into();
        seen.sessions[1].session = "b".into();
        seen.changes[0].verdict = Verdict::Improved;
        spare_healing(&mut seen);
        assert_eq!(seen.changes[0].reason.as_deref(), Some(BASELINE_IN_HEALING_WINDOW));
    }

    #[test]
    fn redness_that_halves_every_two_days_has_that_half_life() {
        const ID: &str = "redness.a_star_mean";
        let at = |name: &str, day: i64, value: f64| session(name, day, vec![region("skin", ID, value)]);
        let mut seen = view(vec![at("a", 0, 12.0), at("b", 60, 12.0)]);
        for (name, days_since) in [("c", 1), ("d", 3), ("e", 5)] {
            let excess = 8.0 * 0.5f64.powf(days_since as f64 / 2.0);
            let treatment = TreatmentFacts { treatments_before: 1, days_since, healing_window: true };
            let mut healing = at(name, 90 + days_since, 12.0 + excess);
            healing.treatment = Some(treatment);
            seen.sessions.push(healing);
        }
        let [recovery] = &recoveries(&seen)[..] else { panic!("one recovery") };
        assert!((recovery.half_life_days - 2.0).abs() < 1e-9 && recovery.sessions == 3);
        assert_eq!(recovery.level, 12.0);
        seen.sessions.pop();
        assert!(recoveries(&seen).is_empty());
    }

    /// `scipy.stats.linregress` of SciPy 1.17.1 on these points.
    #[test]
    fn the_line_agrees_with_scipy() {
        let slope = line(&[(1.0, 2.1), (3.0, 1.2), (5.0, -0.3), (6.0, -0.4)]).unwrap();
        assert!((slope.value + 0.538_983_050_847_457_6).abs() < 1e-12);
        assert!((slope.standard_error() - 0.065_116_517_668_808_73).abs() < 1e-12);
    }
}
