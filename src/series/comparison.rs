//! Sessions compared with the baseline, metric by metric.
//!
//! A change is detectable when three things hold: its 95 % interval excludes
//! 0, it exceeds the minimal detectable change, and it is still among the
//! rejections when the false discovery rate over the metrics of its family, in
//! all regions of that session, is held at 5 %: whether redness, pigment or
//! texture changed are questions of their own. The interval that is reported
//! is the plain one; the verdict is the stricter of the two.

use std::collections::BTreeMap;

use crate::color::unmixing::{leaks, level_share, sheen_log_sd};
use crate::lesion::segmentation::LEAST_CONTRAST;
use crate::metrics::gain::{COUNTED, log_gain_derivatives, log_relief_derivative};
use crate::metrics::redness::RED_EXCESS;
use crate::metrics::{Better, Estimate, Family, Measured, Metric, metric};
use crate::series::{Change, Trend, Verdict};
use crate::session::SessionMetrics;
use crate::statistics::repeatability::mdc95;
use crate::statistics::{
    ErrorSource, Listed, Perturbed, Repeatability, Uncertain, benjamini_hochberg, theil_sen,
};

/// Expected share of false ones among the changes called detectable.
pub(super) const FALSE_DISCOVERIES: f64 = 0.05;

/// Why there is no verdict: too little skin to tell chance from change.
const TOO_LITTLE_SKIN: &str = "too_little_skin";

/// Why there is no verdict: the region was not measured in both sessions.
const NOT_MEASURED: &str = "not_measured";

/// The changes from the first session, the baseline, to each later one, for
/// every region and metric.
pub fn changes(sessions: &[SessionMetrics], repeatability: &Repeatability) -> Vec<Change> {
    let Some((baseline, later)) = sessions.split_first() else { return Vec::new() };
    later.iter().flat_map(|session| compare(baseline, session, repeatability)).collect()
}

/// The capture errors of a series: those `listed`; else what the sessions'
/// further shots tell of, over all regions and sessions; else what copies of
/// the baseline perturbed by computer tell, all skin of each.
pub fn repeatability(
    listed: &BTreeMap<String, Listed>,
    sessions: &[SessionMetrics],
    perturbed: &[Vec<Measured>],
) -> Repeatability {
    let mut groups: BTreeMap<String, Vec<Vec<f64>>> = BTreeMap::new();
    for session in sessions {
        for (index, (_, measured)) in session.regions.iter().enumerate() {
            for (place, metric) in measured.iter().enumerate() {
                let shots = session.repeats.iter().filter_map(|shot| shot.get(index)?.1.get(place));
                let same = std::iter::once(metric).chain(shots).filter(|shot| shot.id == metric.id);
                let values = same.filter_map(|shot| Some(shot.outcome.as_ref().ok()?.value())).collect();
                groups.entry(metric.id.to_owned()).or_default().push(values);
            }
        }
    }
    Repeatability::new(listed, &groups, &copies(sessions, perturbed))
}

/// What copies of the baseline say of each metric of all skin.
fn copies(sessions: &[SessionMetrics], perturbed: &[Vec<Measured>]) -> BTreeMap<String, Perturbed> {
    let skin = sessions.first().and_then(|baseline| baseline.regions.first());
    let value = |measured: &Measured| measured.outcome.as_ref().ok().map(Estimate::value);
    let of = |(place, before): (usize, &Measured)| {
        let same = |copy: &&Measured| copy.id == before.id;
        let copies = perturbed.iter().filter_map(|copy| copy.get(place).filter(same).and_then(value));
        Some((before.id.to_owned(), Perturbed { original: value(before)?, copies: copies.collect() }))
    };
    skin.iter().flat_map(|(_, measured)| measured.iter().enumerate().filter_map(of)).collect()
}

/// The slopes of every region and metric that has a comparable value on
/// enough days, per 30 days. Redness that only heals does not count.
pub fn trends(sessions: &[SessionMetrics]) -> Vec<Trend> {
    let Some(baseline) = sessions.first() else { return Vec::new() };
    let ids = baseline.regions.iter().flat_map(|(region, all)| all.iter().map(move |m| (region, m.id)));
    let trend = |(region, id): (&String, &'static str)| {
        let point = |session: &SessionMetrics| {
            let blocked = metric(id).is_none_or(|metric| {
                session.blocked(metric.family.aspect()).is_some()
                    || (session.healing && metric.family == Family::Redness)
            });
            let value = find(session, region, id)?.outcome.as_ref().ok()?.value();
            (!blocked).then_some((session.day? as f64, value))
        };
        let points: Vec<(f64, f64)> = sessions.iter().filter_map(point).collect();
        let slope = theil_sen(&points)?;
        Some(Trend {
            region: region.clone(),
            metric: id.to_owned(),
            slope_per_30_days: 30.0 * slope.slope,
            ci95: slope.ci95.map(|ends| ends.map(|end| 30.0 * end)),
            course: None,
        })
    };
    ids.filter_map(trend).collect()
}

fn compare(
    baseline: &SessionMetrics,
    session: &SessionMetrics,
    repeatability: &Repeatability,
) -> Vec<Change> {
    let mut pairs = Vec::new();
    for (region, all) in &baseline.regions {
        for before in all {
            let change = difference(region, before, baseline, session, repeatability);
            pairs.push((region, before.id, change));
        }
    }
    let asked: Vec<(Family, f64)> = pairs
        .iter()
        .filter_map(|(_, _, outcome)| outcome.as_ref().ok())
        .map(|found| (found.metric.family, found.change.p_value()))
        .collect();
    let mut detected = by_question(&asked).into_iter();
    pairs
        .into_iter()
        .map(|(region, id, outcome)| {
            let detected = outcome.is_ok() && detected.next().unwrap_or(false);
            record(region, id, [&baseline.session, &session.session], outcome, detected)
        })
        .collect()
}

/// Which p-values to reject so that the false discovery rate is held within
/// each question by itself.
pub(super) fn by_question<Q: Ord + Copy>(asked: &[(Q, f64)]) -> Vec<bool> {
    let mut rejected = vec![false; asked.len()];
    let mut questions: Vec<Q> = asked.iter().map(|(question, _)| *question).collect();
    questions.sort_unstable();
    questions.dedup();
    for question in questions {
        let places: Vec<usize> = (0..asked.len()).filter(|&place| asked[place].0 == question).collect();
        let p_values: Vec<f64> = places.iter().map(|&place| asked[place].1).collect();
        for (place, reject) in places.into_iter().zip(benjamini_hochberg(&p_values, FALSE_DISCOVERIES)) {
            rejected[place] = reject;
        }
    }
    rejected
}

/// A difference that may be judged.
struct Difference {
    metric: &'static Metric,
    before: f64,
    change: Uncertain,
    mdc95: f64,
    source: ErrorSource,
}

fn difference(
    region: &str,
    before: &Measured,
    baseline: &SessionMetrics,
    session: &SessionMetrics,
    repeatability: &Repeatability,
) -> Result<Difference, String> {
    let metric = metric(before.id).ok_or(NOT_MEASURED)?;
    if let Some(reason) = session.blocked(metric.family.aspect()) {
        return Err(reason.to_owned());
    }
    let value = |measured: &Measured| measured.outcome.clone().map_err(str::to_owned);
    let (first, second) = (value(before)?, value(find(session, region, before.id).ok_or(NOT_MEASURED)?)?);
    let sampling = if metric.ratio_scale {
        second.paired_standard_error_of_ratio(&first)
    } else {
        second.paired_standard_error(&first)
    }
    .ok_or(TOO_LITTLE_SKIN)?;
    let error = repeatability.of(before.id).ok_or(NOT_MEASURED)?;
    let capture = [&first, &second].map(|estimate| error.at(estimate.value()));
    let gain = gain_error(before.id, baseline, session, region);
    let veil = veil_log_sd(before.id, baseline, session, region) * second.value().abs();
    let most = first.value().abs().max(second.value().abs());
    let relief = session.relief_log_sd * log_relief_derivative(before.id, most).abs();
    // Published scatter of colours is that of calibration, as the gains' is; that of relief
    // holds a lamp set up anew, as what this pair shows of it does: the larger counts.
    let photographed = capture[0].hypot(capture[1]);
    let told = gain.hypot(relief);
    let beyond = (told * told - photographed * photographed).max(0.0).sqrt();
    let leak = leak_error(before.id, baseline, session, region);
    let plateau = plateau_error(before.id, region, baseline, session);
    // Red skin lies in many tiles, whose scatter holds what compression does to each; spots are few.
    let seen = if before.id == "redness.area_fraction" { sampling } else { 0.0 };
    let plateau = (plateau * plateau - seen * seen).max(0.0).sqrt();
    let light = beyond.hypot(veil).hypot(leak).hypot(plateau);
    let parts = [
        (sampling, first.tiles().min(second.tiles()) as f64 - 1.0),
        (photographed, error.degrees),
        (light, f64::INFINITY),
    ];
    Ok(Difference {
        metric,
        before: first.value(),
        change: Uncertain::new(second.value() - first.value(), &parts),
        mdc95: mdc95(capture[0], capture[1]).hypot(mdc95(light, 0.0)),
        source: error.source,
    })
}

/// Whether a metric of colour compares places within one photo.
fn is_colour_contrast(id: &str) -> bool {
    matches!(
        id,
        "redness.area_fraction"
            | "pigmentation.spot_area_fraction"
            | "pigmentation.spot_density_per_cm2"
            | "pigmentation.spot_contrast"
            | "pigmentation.relative_variation"
    )
}

/// The relative error of a contrast of colours from what the light does
/// otherwise; 0 of what is no contrast.
fn veil_log_sd(id: &str, baseline: &SessionMetrics, session: &SessionMetrics, region: &str) -> f64 {
    if !is_colour_contrast(id) {
        return 0.0;
    }
    let tone = ita_deg(baseline, region);
    let shading = match id {
        "pigmentation.spot_area_fraction" | "pigmentation.spot_density_per_cm2" => {
            COUNTED * level_share(tone) * session.relief_log_sd
        }
        "redness.area_fraction" => sheen_log_sd(tone),
        _ => 0.0,
    };
    session.contrast_log_sd.hypot(shading)
}

/// The individual typology angle of a region's skin at the baseline, degrees.
pub(super) fn ita_deg(baseline: &SessionMetrics, region: &str) -> f64 {
    let measured = find(baseline, region, "pigmentation.ita_deg").and_then(|all| all.outcome.as_ref().ok());
    measured.map_or(MEDIUM_ITA_DEG, Estimate::value)
}

/// The error that a session's colour gains put on a metric's difference.
fn gain_error(id: &str, baseline: &SessionMetrics, session: &SessionMetrics, region: &str) -> f64 {
    let l_star = find(baseline, region, "pigmentation.l_star_mean")
        .and_then(|measured| measured.outcome.as_ref().ok())
        .map_or(MEDIUM_L_STAR, Estimate::value);
    let derivatives = log_gain_derivatives(id, l_star);
    let parts = derivatives.iter().zip(session.gain_log_sd).map(|(slope, sd)| (slope * sd).powi(2));
    parts.sum::<f64>().sqrt()
}

/// The error that compression leaves on what is told from the skin around it.
/// A contrast errs by it as it is; an area by what that error moves its border,
/// at which the density goes from its half to the skin's level.
fn plateau_error(id: &str, region: &str, baseline: &SessionMetrics, session: &SessionMetrics) -> f64 {
    const CONTRAST: &str = "pigmentation.spot_contrast";
    let value = |photo: &SessionMetrics, id: &str| {
        let measured = find(photo, region, id)?.outcome.as_ref().ok()?;
        Some(measured.value())
    };
    let of = |photo: &SessionMetrics| {
        let [pigment, blood] = photo.level_error;
        let area = value(photo, id).unwrap_or(0.0);
        match id {
            CONTRAST => pigment,
            "pigmentation.spot_area_fraction" => {
                let least = f64::from(LEAST_CONTRAST);
                pigment * area / value(photo, CONTRAST).unwrap_or(least).max(least)
            }
            "redness.area_fraction" => blood * area / f64::from(RED_EXCESS),
            _ => 0.0,
        }
    };
    of(baseline).hypot(of(session))
}

/// What a change of melanin may pass into the hemoglobin read, and the other
/// way round: the rows that tell them apart fit no skin exactly.
fn leak_error(id: &str, baseline: &SessionMetrics, session: &SessionMetrics, region: &str) -> f64 {
    const MELANIN: &str = "pigmentation.melanin_index";
    const HEMOGLOBIN: &str = "redness.hemoglobin_index";
    let (which, other) = match id {
        HEMOGLOBIN => (0, MELANIN),
        MELANIN => (1, HEMOGLOBIN),
        _ => return 0.0,
    };
    let value = |session: &SessionMetrics, id: &str| {
        let measured = find(session, region, id)?.outcome.as_ref().ok()?;
        Some(measured.value())
    };
    let change =
        value(session, other).zip(value(baseline, other)).map_or(0.0, |(after, before)| after - before);
    (leaks(ita_deg(baseline, region))[which] * change).abs()
}

/// Individual typology angle of medium skin, for regions whose own was not measured.
const MEDIUM_ITA_DEG: f64 = 0.0;

/// Lightness of medium skin, for regions whose own was not measured.
const MEDIUM_L_STAR: f64 = 60.0;

fn find<'a>(session: &'a SessionMetrics, region: &str, id: &str) -> Option<&'a Measured> {
    let (_, all) = session.regions.iter().find(|(name, _)| name == region)?;
    all.iter().find(|measured| measured.id == id)
}

fn record(
    region: &str,
    id: &str,
    [from, to]: [&str; 2],
    outcome: Result<Difference, String>,
    detected: bool,
) -> Change {
    let empty = Change {
        region: region.to_owned(),
        metric: id.to_owned(),
        from: from.to_owned(),
        to: to.to_owned(),
        difference: None,
        percent: None,
        ci95: None,
        mdc95: None,
        mdc_source: None,
        verdict: Verdict::NotComparable,
        reason: None,
    };
    match outcome {
        Err(reason) => Change { reason: Some(reason), ..empty },
        Ok(found) => Change {
            difference: Some(found.change.value),
            percent: (found.metric.ratio_scale && found.before > 0.0)
                .then(|| 100.0 * found.change.value / found.before),
            ci95: Some(found.change.ci95()),
            mdc95: Some(found.mdc95),
            mdc_source: Some(found.source),
            verdict: verdict(found.metric, found.change.value, detected && found.exceeds_mdc95()),
            ..empty
        },
    }
}

impl Difference {
    fn exceeds_mdc95(&self) -> bool {
        self.change.value.abs() > self.mdc95
    }
}

/// The verdict on a metric's change, `detected` or not.
pub(super) fn verdict(metric: &Metric, change: f64, detected: bool) -> Verdict {
    match metric.better {
        _ if !detected => Verdict::NoDetectableChange,
        None => Verdict::Changed,
        Some(Better::Higher) => direction(change > 0.0),
        Some(Better::Lower) => direction(change < 0.0),
    }
}

/// The verdict on a detectable change to the better or to the worse.
pub(super) fn direction(better: bool) -> Verdict {
    if better { Verdict::Improved } else { Verdict::Worsened }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::NO_SKIN;
    use proptest::prelude::*;

    const AREA: &str = "redness.area_fraction";
    const A_STAR: &str = "redness.a_star_mean";
    const L_STAR: &str = "pigmentation.l_star_mean";

    /// Tiles of equal size with the given means.
    fn estimate(means: &[f64]) -> Option<Estimate> {
        Estimate::ratio(means, &vec![1.0; means.len()])
    }

    fn session(name: &str, day: i64, values: &[(&'static str, &[f64])]) -> SessionMetrics {
        let measured = values.iter().map(|(id, means)| Measured::new(id, estimate(means), NO_SKIN)).collect();
        SessionMetrics {
            session: name.into(),
            day: Some(day),
            healing: false,
            colour_blocked: None,
            relief_blocked: None,
            gain_log_sd: [0.0; 3],
            contrast_log_sd: 0.0,
            level_error: [0.0; 2],
            relief_log_sd: 0.0,
            regions: vec![("skin".into(), measured)],
            repeats: vec![],
        }
    }

    fn judged(before: &[(&'static str, &[f64])], after: &[(&'static str, &[f64])]) -> Vec<Change> {
        changes(&[session("a", 0, before), session("b", 90, after)], &Repeatability::default())
    }

    #[test]
    fn every_question_is_answered_by_itself() {
        // Among ten, 0.03 would need to be 0.005; in its own pair it needs 0.025 or, with the other, 0.05.
        let mut asked = vec![(1, 0.03), (1, 0.04)];
        asked.extend([(0, 0.9); 8]);
        assert_eq!(by_question(&asked)[..2], [true, true]);
        assert!(by_question(&asked)[2..].iter().all(|&rejected| !rejected));
        assert!(by_question::<u8>(&[]).is_empty());
    }

    const HIGH: [f64; 5] = [0.30, 0.32, 0.28, 0.31, 0.29];
    /// A third of [`HIGH`], tile by tile.
    const LOW: [f64; 5] = [0.10, 0.32 / 3.0, 0.28 / 3.0, 0.31 / 3.0, 0.29 / 3.0];

    #[test]
    fn a_fall_has_its_difference_percent_interval_and_verdict_by_hand() {
        let [change] = &judged(&[(AREA, &HIGH)], &[(AREA, &LOW)])[..] else { panic!("one change") };
        assert!((change.difference.unwrap() + 0.2).abs() < 1e-12);
        assert!((change.percent.unwrap() + 66.667).abs() < 1e-3);
        // Tiles change by the same share, so only capture errs, 0.002 and 4 % of each value,
        // and the sheen of medium skin, a third of 20 % of what is left.
        let sheen = 0.1 * 0.2 / 3.0;
        let capture = (2.0f64 * 0.002 * 0.002 + 0.012 * 0.012 + 0.004 * 0.004 + sheen * sheen).sqrt();
        assert!((change.mdc95.unwrap() - 1.96 * capture).abs() < 1e-9);
        assert!((change.ci95.unwrap()[1] - (-0.2 + 1.959_964 * capture)).abs() < 1e-6);
        assert_eq!((change.verdict, change.from.as_str(), change.to.as_str()), (Verdict::Improved, "a", "b"));
    }

    #[test]
    fn swapping_the_sessions_flips_the_verdict() {
        assert_eq!(judged(&[(AREA, &LOW)], &[(AREA, &HIGH)])[0].verdict, Verdict::Worsened);
    }

    #[test]
    fn a_metric_without_a_better_direction_changes_and_has_no_percent() {
        let change = &judged(&[(L_STAR, &[60.0, 61.0, 62.0])], &[(L_STAR, &[65.0, 66.0, 67.0])])[0];
        assert_eq!((change.verdict, change.percent), (Verdict::Changed, None));
    }

    #[test]
    fn no_change_is_no_detectable_change() {
        let change = &judged(&[(AREA, &HIGH)], &[(AREA, &HIGH)])[0];
        assert_eq!((change.difference, change.verdict), (Some(0.0), Verdict::NoDetectableChange));
    }

    #[test]
    fn tiles_that_disagree_widen_the_interval() {
        let scattered = judged(&[(AREA, &HIGH)], &[(AREA, &[0.3, 0.02, 0.31, 0.03, 0.29])]);
        assert_eq!(scattered[0].verdict, Verdict::NoDetectableChange);
        assert!(scattered[0].ci95.unwrap()[1] > 0.0);
    }

    #[test]
    fn doubtful_gains_widen_colours_and_leave_areas_alone() {
        let values: &[(&str, &[f64])] = &[(A_STAR, &[14.0, 15.0, 16.0]), (AREA, &HIGH)];
        let mut after = session("b", 90, values);
        after.gain_log_sd = [0.02, 0.02, 0.02];
        let doubtful = changes(&[session("a", 0, values), after], &Repeatability::default());
        let sure = judged(values, values);
        assert!(doubtful[0].mdc95 > sure[0].mdc95 && doubtful[1].mdc95 == sure[1].mdc95);
    }

    #[test]
    fn a_veil_of_reflection_widens_contrasts_and_leaves_means_alone() {
        let values: &[(&str, &[f64])] = &[(A_STAR, &[14.0, 15.0, 16.0]), (AREA, &HIGH)];
        let mut after = session("b", 90, values);
        after.contrast_log_sd = 0.12;
        let veiled = changes(&[session("a", 0, values), after], &Repeatability::default());
        let sure = judged(values, values);
        assert!(veiled[0].mdc95 == sure[0].mdc95 && veiled[1].mdc95 > sure[1].mdc95);
    }

    #[test]
    fn what_cannot_be_compared_says_why() {
        let [area, l_star]: [(&str, &[f64]); 2] = [(AREA, &HIGH), (L_STAR, &[])];
        let mut blocked = session("b", 1, &[area]);
        blocked.colour_blocked = Some("other_light".into());
        let found = changes(&[session("a", 0, &[area]), blocked], &Repeatability::default());
        assert_eq!(
            (found[0].verdict, found[0].reason.as_deref()),
            (Verdict::NotComparable, Some("other_light"))
        );
        let reason = |before, after| judged(&[before], &[after])[0].reason.clone();
        assert_eq!(reason(l_star, (L_STAR, &[60.0, 61.0])).as_deref(), Some(NO_SKIN));
        assert_eq!(reason((AREA, &[0.1]), (AREA, &[0.1])).as_deref(), Some(TOO_LITTLE_SKIN));
        assert_eq!(judged(&[area], &[])[0].reason.as_deref(), Some(NOT_MEASURED));
        assert!(changes(&[], &Repeatability::default()).is_empty());
    }

    #[test]
    fn a_trend_is_per_thirty_days_and_leaves_blocked_sessions_out() {
        let day = |day: i64| session("s", day, &[(AREA, &[0.4 - 0.001 * day as f64; 2])]);
        let mut sessions: Vec<SessionMetrics> = [0, 30, 60, 90, 120].map(day).into();
        sessions.push(SessionMetrics {
            colour_blocked: Some("dark".into()),
            ..session("s", 150, &[(AREA, &HIGH)])
        });
        let [trend] = &trends(&sessions)[..] else { panic!("one trend") };
        assert!((trend.slope_per_30_days + 0.03).abs() < 1e-9 && trend.ci95.is_some());
        assert!(trends(&sessions[..3]).is_empty() && trends(&[]).is_empty());
    }

    #[test]
    fn repeated_shots_teach_the_capture_error() {
        let mut sessions =
            vec![session("a", 0, &[(A_STAR, &[14.0])]), session("b", 30, &[(A_STAR, &[12.0])])];
        for session in &mut sessions {
            let shot = |offset: f64| {
                let value = session.regions[0].1[0].outcome.as_ref().unwrap().value() + offset;
                vec![("skin".to_owned(), vec![Measured::new(A_STAR, estimate(&[value]), NO_SKIN)])]
            };
            session.repeats = vec![shot(1.0), shot(2.0)];
        }
        // Two groups of three values 1 apart: variance 1 on 4 degrees.
        let error = repeatability(&BTreeMap::new(), &sessions, &[]).of(A_STAR).unwrap();
        assert!((error.at(14.0) - 1.0).abs() < 1e-12 && error.degrees == 4.0);
    }

    #[test]
    fn a_change_says_where_its_error_comes_from() {
        let sessions = [session("a", 0, &[(AREA, &HIGH)]), session("b", 30, &[(AREA, &LOW)])];
        let source = |listed: &BTreeMap<String, Listed>, perturbed: &[Vec<Measured>]| {
            changes(&sessions, &repeatability(listed, &sessions, perturbed))[0].mdc_source
        };
        let copy = vec![Measured::new(AREA, estimate(&HIGH), NO_SKIN)];
        let own = BTreeMap::from([(AREA.to_owned(), Listed { sd: 0.01, degrees: None })]);
        assert_eq!(source(&BTreeMap::new(), &[]), Some(ErrorSource::Published));
        assert_eq!(source(&BTreeMap::new(), std::slice::from_ref(&copy)), Some(ErrorSource::Perturbation));
        assert_eq!(source(&own, &[copy]), Some(ErrorSource::File));
    }

    proptest! {
        #[test]
        fn a_verdict_flips_with_the_direction_of_time(
            before in prop::collection::vec(10.0..14.0f64, 4..9), shift in -3.0..3.0f64, spread in 0.0..0.5f64,
        ) {
            let after: Vec<f64> =
                before.iter().enumerate().map(|(i, b)| b + shift + spread * (i % 3) as f64).collect();
            let forth = judged(&[(A_STAR, &before)], &[(A_STAR, &after)])[0].verdict;
            let back = judged(&[(A_STAR, &after)], &[(A_STAR, &before)])[0].verdict;
            let flipped = match back {
                Verdict::Improved => Verdict::Worsened,
                Verdict::Worsened => Verdict::Improved,
                other => other,
            };
            prop_assert_eq!(forth, flipped);
        }
    }
}
