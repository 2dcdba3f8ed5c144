//! Lesions on rendered skin whose truth is known.

use dermalapse::color::Unmixing;
use dermalapse::lesion::{
    LesionKind, LesionStatus, Sight, Spot, Thresholds, Track, excess, segmentation, track,
};
use dermalapse::metrics::maps::Level;
use dermalapse::phantom::{LesionStatus as Truth, LesionTruth, PatientPlan, SessionTruth, render_view};
use dermalapse::photo::Photo;
use dermalapse::raster::{self, Plane};
use dermalapse::series::{Lesion, Verdict, lesions};
use dermalapse::session::SessionMetrics;
use dermalapse::units::FilterScale;

/// One visit, seen through the true transform and in the light of the baseline.
struct Visit {
    truth: SessionTruth,
    level: Level,
    /// Melanin and hemoglobin above the surroundings.
    excess: [Plane; 2],
    unmixing: Unmixing,
}

const FACTOR: usize = 2;

/// How bright a visit's light is in red, green and blue.
fn gains(truth: &SessionTruth) -> [f64; 3] {
    let [red, blue] = truth.light.white_balance;
    [red, 1.0, blue].map(|balance| truth.light.exposure * balance)
}

/// The visit number `session`, lit and unmixed as the baseline was, or as its own skin says.
fn visit(plan: &PatientPlan, session: usize, baseline: Option<&Visit>) -> Visit {
    let rendered = render_view(plan, 0, session).unwrap();
    let (width, height) = (rendered.image.width() as usize, rendered.image.height() as usize);
    let photo = Photo::from_rgb8("phantom.jpg", rendered.image);
    let native = FilterScale { px_per_mm: rendered.truth.px_per_mm, physical: true };
    let (own, first) =
        (gains(&rendered.truth), gains(baseline.map_or(&rendered.truth, |visit| &visit.truth)));
    let mut density = photo.linear(FACTOR).map(|plane| plane.mapv(dermalapse::color::density));
    for (plane, (own, first)) in density.iter_mut().zip(own.into_iter().zip(first)) {
        *plane += (own / first).ln() as f32;
    }
    let skin = raster::Mask::from_elem((height / FACTOR, width / FACTOR), true);
    let unmixing = baseline.map_or_else(|| Unmixing::of_planes(&density, &skin), |visit| visit.unmixing);
    let level = Level { factor: FACTOR, scale: native.reduced(FACTOR), skin };
    let [melanin, hemoglobin, _] = unmixing.apply(&density);
    let excess = [melanin, hemoglobin].map(|map| excess(&map, &level.skin, level.scale));
    Visit { truth: rendered.truth, level, excess, unmixing }
}

/// The true position in a session of a baseline point: the matrix, plus the
/// deformation that the grid of true points shows nearby.
fn forth(truth: &SessionTruth, at: [f64; 2]) -> [f64; 2] {
    let mut sums = [0.0; 3];
    for point in &truth.transform.points {
        let distance = (point.baseline_px[0] - at[0]).hypot(point.baseline_px[1] - at[1]);
        let weight = (distance + 1e-3).powi(-4);
        let flat = truth.transform.apply_matrix(point.baseline_px);
        sums[0] += weight * (point.session_px[0] - flat[0]);
        sums[1] += weight * (point.session_px[1] - flat[1]);
        sums[2] += weight;
    }
    let flat = truth.transform.apply_matrix(at);
    [flat[0] + sums[0] / sums[2], flat[1] + sums[1] / sums[2]]
}

/// The way back, by a few corrections of a guess; photos differ by little
/// more than a shift.
fn back(truth: &SessionTruth, at: [f64; 2]) -> [f64; 2] {
    let mut guess = at;
    for _ in 0..8 {
        let there = forth(truth, guess);
        guess = [guess[0] + at[0] - there[0], guess[1] + at[1] - there[1]];
    }
    guess
}

fn tracks(visits: &[Visit], kind: LesionKind) -> Vec<Track> {
    let which = usize::from(kind == LesionKind::Vascular);
    let thresholds = Thresholds::from_baseline(kind, &visits[0].excess[which], &visits[0].level);
    let spots: Vec<Vec<Spot>> = visits
        .iter()
        .map(|v| segmentation::find(kind, &v.excess[which], &v.level, &v.level.skin, thresholds))
        .collect();
    let ways: Vec<_> = visits
        .iter()
        .map(|v| (move |at: [f64; 2]| forth(&v.truth, at), move |at: [f64; 2]| back(&v.truth, at)))
        .collect();
    let sights: Vec<Option<Sight>> = visits
        .iter()
        .zip(&spots)
        .zip(&ways)
        .map(|((visit, spots), (to_session, to_baseline))| {
            Some(Sight {
                level: &visit.level,
                excess: &visit.excess[which],
                spots,
                to_session,
                to_baseline,
                residual_px: 0.5,
                level_error: 0.0,
                leak: None,
            })
        })
        .collect();
    track(kind, &sights)
}

/// A true lesion's dose of melanin: excess fraction × mm².
fn true_dose(lesion: &LesionTruth) -> f64 {
    lesion.excess_fraction * lesion.area_mm2
}

/// A patient of a preset with light or brown skin, its visits measured.
fn patient(preset: &str, tone: f64, seed: u64) -> Vec<Visit> {
    let plan = PatientPlan { tone, seed, ..PatientPlan::preset(preset).unwrap() };
    let baseline = visit(&plan, 0, None);
    let later: Vec<Visit> =
        (1..plan.sessions.len()).map(|session| visit(&plan, session, Some(&baseline))).collect();
    std::iter::once(baseline).chain(later).collect()
}

fn records(found: &[Track], visits: &[Visit]) -> Vec<Lesion> {
    let sessions: Vec<SessionMetrics> = visits
        .iter()
        .map(|visit| SessionMetrics {
            session: visit.truth.session.clone(),
            day: None,
            colour_blocked: None,
            relief_blocked: None,
            gain_log_sd: [0.0; 3],
            contrast_log_sd: 0.0,
            level_error: [0.0; 2],
            relief_log_sd: 0.0,
            healing: false,
            regions: vec![],
            repeats: vec![],
        })
        .collect();
    lesions(found, &sessions, Some(visits[0].truth.px_per_mm), &|_| 0.03)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[test]
fn on_unchanged_skin_no_lesion_changes_and_none_loses_its_identity() {
    let (mut errors, mut count) = (Vec::new(), 0);
    for (tone, seed) in [(0.015, 1), (0.08, 2)] {
        let visits = patient("unchanged", tone, seed);
        for kind in [LesionKind::Pigmented, LesionKind::Vascular] {
            let found = tracks(&visits, kind);
            for (track, lesion) in found.iter().zip(records(&found, &visits)) {
                let statuses: Vec<_> =
                    track.sightings.iter().filter_map(|sighting| sighting.status).collect();
                let same = |status: &LesionStatus| {
                    matches!(status, LesionStatus::Present | LesionStatus::NotVisible)
                };
                assert!(statuses.len() == 3 && statuses.iter().all(same), "{} {statuses:?}", track.id);
                assert!(
                    matches!(lesion.change.verdict, Verdict::NoDetectableChange | Verdict::NotComparable),
                    "{} {:?}",
                    track.id,
                    lesion.change
                );
                errors.extend(lesion.change.dose_percent.map(f64::abs));
                count += 1;
            }
        }
    }
    assert!(count > 30, "{count}");
    let error = median(errors);
    assert!(error < 3.0, "{error}");
}

#[test]
fn a_fading_patients_spots_improve_by_as_much_as_they_fade() {
    let visits = patient("improving", 0.015, 1);
    let found = tracks(&visits, LesionKind::Pigmented);
    let mut errors = Vec::new();
    for truth in &visits[2].truth.pigmented {
        let distance = |track: &Track| {
            (track.centre[0] - truth.baseline_px[0]).hypot(track.centre[1] - truth.baseline_px[1])
        };
        let Some(index) = (0..found.len()).find(|&index| distance(&found[index]) < 6.0) else { continue };
        let last = found[index].sightings[2];
        let before = visits[0].truth.pigmented.iter().find(|other| other.id == truth.id);
        let change = records(&found, &visits).swap_remove(index).change;
        match (truth.status, before) {
            (Truth::Present, Some(before)) if last.seen.is_some() => {
                let fading = 100.0 * (true_dose(truth) / true_dose(before) - 1.0);
                assert_eq!(change.verdict, Verdict::Improved, "{} {change:?}", truth.id);
                errors.push((change.dose_percent.unwrap() - fading).abs());
            }
            (Truth::Resolved, _) => assert_eq!(last.status, Some(LesionStatus::Resolved), "{}", truth.id),
            (Truth::New, _) => {
                assert_eq!((last.status, change.verdict), (Some(LesionStatus::New), Verdict::Worsened));
            }
            _ => {}
        }
    }
    assert!(errors.len() >= 6, "{}", errors.len());
    assert!(median(errors) < 5.0);
}

#[test]
fn another_session_renames_no_lesion() {
    let visits = patient("improving", 0.03, 5);
    for kind in [LesionKind::Pigmented, LesionKind::Vascular] {
        let names = |visits: &[Visit]| -> Vec<(String, [f64; 2])> {
            tracks(visits, kind).into_iter().map(|track| (track.id, track.centre)).collect()
        };
        let (before, after) = (names(&visits[..2]), names(&visits));
        assert!(!before.is_empty() && after.starts_with(&before), "{before:?} {after:?}");
    }
}
