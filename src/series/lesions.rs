//! Lesions' records and what became of them.
//!
//! A lesion is judged by its dose, corrected for how large each photo shows
//! the skin. The error of a change joins the noise between the photos, seen
//! on plain skin that both show, with the capture error of doses, which
//! multiplies them; the false discovery rate over a series' lesions of one
//! kind is held at 5 %.

use crate::color::unmixing::sheen_log_sd;
use crate::lesion::Seen;
use crate::lesion::{LesionKind, LesionStatus, Sighting, Track};
use crate::metrics::Aspect;
use crate::series::comparison::{by_question, direction, ita_deg};
use crate::series::{Lesion, LesionChange, LesionSession, Verdict};
use crate::session::SessionMetrics;
use crate::statistics::{Amounts, Repeatability};

/// Relative capture error of a dose at least: the 2 to 4 % that brown spots and
/// red areas vary by in repeated standardised photographs.
const DOSE: f64 = 0.03;

/// The same of a scar's dose: a few degrees of difference in the light change
/// the shading of a pit by this much.
const SCAR_DOSE: f64 = 0.15;

/// The relative capture error of the doses of one kind of lesion: what a
/// clinic's table says, or else what perturbed copies of the baseline
/// `scatter` by, but at least the published figure.
pub fn capture(kind: LesionKind, repeatability: &Repeatability, scatter: Option<f64>) -> f64 {
    let published = match kind {
        LesionKind::Pigmented | LesionKind::Vascular => DOSE,
        LesionKind::Scar => SCAR_DOSE,
    };
    repeatability.lesion_dose().unwrap_or_else(|| published.max(scatter.unwrap_or(0.0)))
}

/// Why there is no verdict: no second session shows the lesion's place.
const SEEN_ONCE: &str = "seen_once";

/// The records of followed lesions of all kinds. `px_per_mm` are the
/// baseline's native pixels per millimetre, if known; sessions are in the
/// order of the tracks' sightings; `capture` is the relative error of a kind's
/// doses from the photograph as a whole.
pub fn lesions(
    tracks: &[Track],
    sessions: &[SessionMetrics],
    px_per_mm: Option<f64>,
    capture: &dyn Fn(LesionKind) -> f64,
) -> Vec<Lesion> {
    let pairs: Vec<_> = tracks.iter().map(|track| ends(track, sessions, capture)).collect();
    let asked = tracks
        .iter()
        .zip(&pairs)
        .filter_map(|(track, ends)| Some((track.kind, ends.as_ref()?.doses().p_value())));
    let mut detected = by_question(&asked.collect::<Vec<_>>()).into_iter();
    let record = |(track, ends): (&Track, Option<Ends>)| {
        let verdict = ends.map(|ends| match detected.next() {
            Some(true) => direction(ends.doses().last < ends.doses().first),
            _ => Verdict::NoDetectableChange,
        });
        Lesion {
            id: track.id.clone(),
            kind: track.kind,
            x_px: track.centre[0],
            y_px: track.centre[1],
            track: entries(track, sessions, px_per_mm),
            change: change(ends, verdict),
        }
    };
    tracks.iter().zip(pairs).map(record).collect()
}

/// What the colour or the relief of a photo must allow to compare a lesion.
fn aspect(kind: LesionKind) -> Aspect {
    match kind {
        LesionKind::Pigmented | LesionKind::Vascular => Aspect::Colour,
        LesionKind::Scar => Aspect::Relief,
    }
}

/// The first and the last comparable sight of a lesion's place.
#[derive(Clone, Copy)]
struct Ends<'a> {
    first: Sight<'a>,
    last: Sight<'a>,
    /// Whether the lesion was there at the first.
    was_there: bool,
    /// Whether the lesion was there at the last.
    is_there: bool,
}

/// A lesion's place in one session, and that session's errors of contrasts.
#[derive(Clone, Copy)]
struct Sight<'a> {
    seen: &'a Seen,
    /// Relative standard error of a dose from how the light fell.
    light_log_sd: f64,
    /// That of a dose in repeated photographs, their noise and compression included.
    repeat_log_sd: f64,
}

fn ends<'a>(
    track: &'a Track,
    sessions: &[SessionMetrics],
    capture: &dyn Fn(LesionKind) -> f64,
) -> Option<Ends<'a>> {
    let repeat_log_sd = capture(track.kind);
    let whole = sessions.first().and_then(|baseline| Some((baseline, &baseline.regions.first()?.0)));
    // Half of its variance to each of the two photos compared.
    let sheen = whole.map_or(0.0, |(baseline, skin)| sheen_log_sd(ita_deg(baseline, skin))) / 2f64.sqrt();
    let comparable = |(sighting, session): (&'a Sighting, &SessionMetrics)| {
        let blocked = session.blocked(aspect(track.kind)).is_some();
        let light_log_sd = match track.kind {
            LesionKind::Pigmented => session.contrast_log_sd,
            LesionKind::Vascular => session.contrast_log_sd.hypot(sheen),
            LesionKind::Scar => session.relief_log_sd,
        };
        let seen = sighting.seen.as_ref().filter(|_| !blocked)?;
        Some((sighting.status, Sight { seen, light_log_sd, repeat_log_sd }))
    };
    let seen: Vec<_> = track.sightings.iter().zip(sessions).filter_map(comparable).collect();
    let [(before, first), .., (after, last)] = seen[..] else { return None };
    let is_there = after != Some(LesionStatus::Resolved);
    Some(Ends { first, last, was_there: before.is_some(), is_there })
}

/// Share of a change by which a reading may fall short of the chromophore or
/// exceed it: a camera sees pigment through light from the surface, each
/// further grain dims it less, and how much less depends on the skin and the
/// camera. Root mean square over skins of eight tones under three models of
/// optics, whose changes of dose came out 19 % too large to 26 % too small.
const RESPONSE: f64 = 0.15;

impl Ends<'_> {
    /// Both doses, density × baseline px², and their errors: those of the
    /// difference to the baseline, of what leaks, of capture and of the response.
    fn doses(&self) -> Amounts {
        let ends @ [first, last] = [self.first, self.last];
        let in_baseline = |sight: Sight, value: f64| value / sight.seen.magnification;
        let doses = ends.map(|sight| in_baseline(sight, sight.seen.dose));
        let noise = first.seen.difference_standard_error.hypot(last.seen.difference_standard_error);
        let repeats = first.repeat_log_sd.hypot(last.repeat_log_sd);
        // Repeated photographs scatter by noise as well: the larger of the two counts.
        let beyond = repeats.powi(2) - (noise / doses[0].max(doses[1]).max(f64::MIN_POSITIVE)).powi(2);
        let light = first.light_log_sd.hypot(last.light_log_sd);
        Amounts {
            first: doses[0],
            last: doses[1],
            first_error: first.seen.difference_standard_error,
            last_error: last
                .seen
                .difference_standard_error
                .hypot(in_baseline(last, last.seen.leaked) - in_baseline(first, first.seen.leaked)),
            log_sd: beyond.max(0.0).sqrt().hypot(light),
            response: RESPONSE,
        }
    }
}

fn change(ends: Option<Ends>, verdict: Option<Verdict>) -> LesionChange {
    let percent = |measure: &dyn Fn(&Seen) -> Option<f64>| {
        let Ends { first, last, was_there, is_there } = ends?;
        let (before, after) = (measure(first.seen)?, measure(last.seen)?);
        (was_there && is_there && before > 0.0).then(|| 100.0 * (after / before - 1.0))
    };
    let doses = ends.filter(|ends| ends.was_there).map(|ends| ends.doses());
    let in_percent = |ratio: f64| 100.0 * (ratio - 1.0);
    LesionChange {
        area_percent: percent(&|seen| seen.area_px.map(|area| area / seen.magnification)),
        contrast_percent: percent(&|seen| seen.contrast),
        dose_percent: doses.and_then(|doses| doses.ratio()).map(in_percent),
        ci95: doses.and_then(|doses| doses.ratio_ci95()).map(|ends| ends.map(in_percent)),
        verdict: verdict.unwrap_or(Verdict::NotComparable),
        reason: verdict.is_none().then(|| SEEN_ONCE.to_owned()),
    }
}

/// A lesion's entries from the session in which it was first there.
fn entries(track: &Track, sessions: &[SessionMetrics], px_per_mm: Option<f64>) -> Vec<LesionSession> {
    let entry = |(sighting, session): (&Sighting, &SessionMetrics)| {
        let status = sighting.status?;
        Some(entry_of(&session.session, status, sighting.seen.as_ref(), px_per_mm))
    };
    track.sightings.iter().zip(sessions).filter_map(entry).collect()
}

fn entry_of(
    session: &str,
    status: LesionStatus,
    seen: Option<&Seen>,
    px_per_mm: Option<f64>,
) -> LesionSession {
    // Skin is nearer here and stretched there: each place has its own scale.
    let magnification = seen.map_or(1.0, |seen| seen.magnification);
    let mm2 = px_per_mm.map(|scale| 1.0 / (scale * scale * magnification));
    let unit = mm2.unwrap_or(1.0);
    // A place where nothing is left has a centre of noise.
    let shape = seen.filter(|_| status != LesionStatus::Resolved);
    LesionSession {
        session: session.to_owned(),
        status,
        area_mm2: shape.and_then(|seen| Some(seen.area_px? * mm2?)),
        area_px: shape.and_then(|seen| seen.area_px),
        contrast: shape.and_then(|seen| seen.contrast),
        dose: seen.map(|seen| seen.dose * unit),
        dose_standard_error: seen.map(|seen| seen.dose_standard_error * unit),
        x_px: shape.map(|seen| seen.centre[0]),
        y_px: shape.map(|seen| seen.centre[1]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lesion::LesionStatus::{New, NotVisible, Present, Resolved};

    fn session(name: &str) -> SessionMetrics {
        SessionMetrics {
            session: name.into(),
            day: None,
            healing: false,
            colour_blocked: None,
            relief_blocked: None,
            gain_log_sd: [0.0; 3],
            contrast_log_sd: 0.0,
            level_error: [0.0; 2],
            relief_log_sd: 0.0,
            regions: vec![],
            repeats: vec![],
        }
    }

    fn seen(dose: f64, contrast: f64, magnification: f64) -> Option<Seen> {
        let area_px = Some(dose / contrast);
        let contrast = Some(contrast);
        let (dose_standard_error, difference_standard_error) = (9.0, 4.0);
        let centre = [7.0, 8.0];
        Some(Seen {
            dose,
            dose_standard_error,
            difference_standard_error,
            leaked: 0.0,
            contrast,
            area_px,
            centre,
            magnification,
        })
    }

    fn track(sightings: &[(Option<LesionStatus>, Option<Seen>)]) -> Track {
        let sightings = sightings.iter().map(|&(status, seen)| Sighting { status, seen }).collect();
        Track { id: "pigmented-1".into(), kind: LesionKind::Pigmented, centre: [5.0, 6.0], sightings }
    }

    fn records(tracks: &[Track], count: usize) -> Vec<Lesion> {
        let names = ["a", "b", "c"];
        lesions(tracks, &names[..count].iter().map(|n| session(n)).collect::<Vec<_>>(), Some(10.0), &|_| DOSE)
    }

    #[test]
    fn a_spot_that_fades_to_half_keeps_its_area_and_improves() {
        // The second photo shows everything 1.2 times larger.
        let faded = track(&[(Some(Present), seen(200.0, 0.4, 1.0)), (Some(Present), seen(144.0, 0.2, 1.44))]);
        let lesion = &records(&[faded], 2)[0];
        let change = &lesion.change;
        assert!((change.dose_percent.unwrap() + 50.0).abs() < 1e-9 && change.verdict == Verdict::Improved);
        assert!((change.contrast_percent.unwrap() + 50.0).abs() < 1e-9);
        assert!((change.area_percent.unwrap() - 0.0).abs() < 1e-9);
        // Added: 4 to 200 and to 100. A factor: 3 % on both, of which the 4 explain 2 · (4 / 200)².
        // A factor on the change: 15 %. The ratios ρ with (100 − 200 ρ)² = z² (4² + (4 ρ)²
        // + (2 · 0.03² − 2 · 0.02²) · 100 · 200 ρ + 0.15² · 200 · 100 (1 − ρ)).
        let [low, high] = change.ci95.unwrap();
        assert!((low + 67.77816).abs() < 1e-4 && (high + 36.20387).abs() < 1e-4, "{low} {high}");
        // In the photos' own scale, 10 px/mm.
        assert_eq!((lesion.track[0].dose, lesion.track[0].area_mm2), (Some(2.0), Some(5.0)));
    }

    #[test]
    fn growth_worsens_noise_is_nothing_and_a_single_sight_says_nothing() {
        let tracks = [
            track(&[(Some(Present), seen(100.0, 0.4, 1.0)), (Some(Present), seen(200.0, 0.4, 1.0))]),
            track(&[(Some(Present), seen(100.0, 0.4, 1.0)), (Some(Present), seen(103.0, 0.4, 1.0))]),
            track(&[(Some(Present), seen(100.0, 0.4, 1.0)), (Some(NotVisible), None)]),
        ];
        let verdicts: Vec<Verdict> = records(&tracks, 2).iter().map(|lesion| lesion.change.verdict).collect();
        assert_eq!(verdicts, [Verdict::Worsened, Verdict::NoDetectableChange, Verdict::NotComparable]);
        assert_eq!(records(&tracks, 2)[2].change.reason.as_deref(), Some(SEEN_ONCE));
    }

    #[test]
    fn a_new_spot_worsens_without_percent_and_is_listed_from_its_first_session() {
        let new = track(&[
            (None, seen(1.0, 0.1, 1.0)),
            (Some(New), seen(90.0, 0.3, 1.0)),
            (Some(Present), seen(90.0, 0.3, 1.0)),
        ]);
        let lesion = &records(&[new], 3)[0];
        assert_eq!((lesion.change.verdict, lesion.change.dose_percent), (Verdict::Worsened, None));
        assert_eq!(lesion.track.iter().map(|entry| entry.session.as_str()).collect::<Vec<_>>(), ["b", "c"]);
    }

    #[test]
    fn a_resolved_spot_has_lost_its_dose_and_has_no_shape_left() {
        let gone = track(&[(Some(Present), seen(100.0, 0.4, 1.0)), (Some(Resolved), seen(1.0, 0.1, 1.0))]);
        let lesion = &records(&[gone], 2)[0];
        let entry = &lesion.track[1];
        assert_eq!((entry.area_px, entry.contrast, entry.x_px), (None, None, None));
        assert!((lesion.change.dose_percent.unwrap() + 99.0).abs() < 1e-9);
        assert_eq!((lesion.change.verdict, lesion.change.area_percent), (Verdict::Improved, None));
    }

    #[test]
    fn a_session_under_other_light_is_no_end_of_a_comparison() {
        let tracks = [track(&[
            (Some(Present), seen(100.0, 0.4, 1.0)),
            (Some(Present), seen(100.0, 0.4, 1.0)),
            (Some(Present), seen(10.0, 0.4, 1.0)),
        ])];
        let mut sessions = ["a", "b", "c"].map(session);
        sessions[2].colour_blocked = Some("other_light".into());
        let lesion = &lesions(&tracks, &sessions, None, &|_| DOSE)[0];
        assert_eq!((lesion.change.dose_percent, lesion.track[2].dose), (Some(0.0), Some(10.0)));
        assert_eq!(lesion.track[2].area_mm2, None);
    }
}
