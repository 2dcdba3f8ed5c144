//! Lesions: found, followed and sized right.

use super::{Bar, Case, Row, Section, Variant};
use crate::phantom::{LesionStatus as Truth, LesionTruth};
use crate::series::{Lesion, LesionKind, LesionStatus, View};

/// How far, mm, a lesion's centre may lie from the true one; of a large
/// lesion, [`WITHIN_RADII`] of its radius.
const WITHIN_MM: f64 = 0.6;
const WITHIN_RADII: f64 = 0.7;

/// Skin around a lesion that every photo must show for it to count, mm.
const MARGIN_MM: f64 = 2.0;

/// A true lesion in every session, and what the report says of it.
struct Followed<'a> {
    case: &'a Case,
    truth: Vec<Option<&'a LesionTruth>>,
    lesion: Option<&'a Lesion>,
}

/// Identity, events, areas and intervals of all patients' lesions.
pub fn section(cases: &[Case]) -> Section {
    let spots: Vec<Followed> = cases.iter().flat_map(|case| followed(case, LesionKind::Pigmented)).collect();
    let red: Vec<Followed> = cases.iter().flat_map(|case| followed(case, LesionKind::Vascular)).collect();
    let lasting = || spots.iter().filter(|spot| spot.lasts());
    let of = |variant: Variant| move |spot: &&Followed| spot.case.variant == variant;
    let identity: Vec<bool> = lasting().map(|spot| spot.keeps_its_id()).collect();
    let resolved: Vec<bool> = spots
        .iter()
        .filter(|spot| spot.ends_as(Truth::Resolved))
        .map(|spot| spot.lesion.is_some_and(|lesion| last(lesion) == Some(LesionStatus::Resolved)))
        .collect();
    let new: Vec<bool> = spots.iter().filter(|spot| spot.truth[0].is_none()).map(Followed::is_new).collect();
    let areas: Vec<f64> =
        lasting().filter(of(Variant::Events)).filter_map(Followed::area_ratio_error).collect();
    let improved = |followed: &Followed| {
        followed.lesion.is_some_and(|lesion| lesion.change.verdict == crate::series::Verdict::Improved)
    };
    let fading: Vec<bool> = lasting().filter(of(Variant::Fading)).map(improved).collect();
    let lasting_red = || red.iter().filter(|patch| patch.lasts());
    let calming: Vec<bool> = lasting_red().filter(of(Variant::Calming)).map(improved).collect();
    let covered: Vec<bool> = lasting().filter_map(Followed::interval_covers).collect();
    let covered_red: Vec<bool> = lasting_red().filter_map(Followed::interval_covers).collect();
    Section::new(
        "lesions",
        vec![
            Row::share("one identity in at least 4 of 5 sessions", Bar::at_least(95.0), &identity),
            Row::share("resolved spots seen as resolved", Bar::at_least(90.0), &resolved),
            Row::share("new spots found", Bar::at_least(90.0), &new),
            Row::median("area ratio to baseline: median error", Bar::at_most(5.0), areas, "%"),
            Row::share("spots improved at -45 %", Bar::at_least(90.0), &fading),
            Row::share("red patches improved at -80 %", Bar::at_least(90.0), &calming),
            Row::share("95 % intervals that hold spots' true change", Bar::between(90.0, 99.0), &covered),
            Row::share("the same of red patches", Bar::between(90.0, 99.0), &covered_red),
        ],
    )
}

fn last(lesion: &Lesion) -> Option<LesionStatus> {
    lesion.track.last().map(|entry| entry.status)
}

/// The true lesions that every photo shows whole.
fn followed(case: &Case, kind: LesionKind) -> Vec<Followed<'_>> {
    let listed = |session: usize| match kind {
        LesionKind::Vascular => &case.truth.sessions[session].vascular,
        _ => &case.truth.sessions[session].pigmented,
    };
    let sessions = case.truth.sessions.len();
    let Some(view) = &case.view else { return Vec::new() };
    listed(sessions - 1)
        .iter()
        .map(|at_last| {
            let truth: Vec<_> = (0..sessions)
                .map(|session| listed(session).iter().find(|lesion| lesion.id == at_last.id))
                .collect();
            let lesion = nearest(view, kind, at_last.baseline_px, tolerance(case, at_last));
            Followed { case, truth, lesion }
        })
        .filter(Followed::is_whole)
        .collect()
}

fn tolerance(case: &Case, lesion: &LesionTruth) -> f64 {
    case.px_per_mm * WITHIN_MM.max(WITHIN_RADII * lesion.radius_mm)
}

fn distance(a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

/// The reported lesion nearest to a place of the baseline.
fn nearest(view: &View, kind: LesionKind, at: [f64; 2], within: f64) -> Option<&Lesion> {
    let far = |lesion: &&Lesion| distance([lesion.x_px, lesion.y_px], at);
    let near = view.lesions.iter().filter(|lesion| lesion.kind == kind && far(lesion) <= within);
    near.min_by(|a, b| far(a).total_cmp(&far(b)))
}

impl Followed<'_> {
    /// Whether every photo shows it with skin around.
    fn is_whole(&self) -> bool {
        let inside = |(session, lesion): (usize, &Option<&LesionTruth>)| {
            let photo = &self.case.truth.sessions[session];
            lesion.is_none_or(|lesion| {
                let margin = self.case.px_per_mm * (lesion.radius_mm + MARGIN_MM);
                let within = |at: f64, length: u32| (margin..f64::from(length) - margin).contains(&at);
                within(lesion.session_px[0], photo.width) && within(lesion.session_px[1], photo.height)
            })
        };
        self.truth.iter().enumerate().all(inside)
    }

    /// Whether it is there in every session.
    fn lasts(&self) -> bool {
        self.truth.iter().all(|lesion| lesion.is_some_and(|lesion| lesion.status == Truth::Present))
    }

    fn ends_as(&self, status: Truth) -> bool {
        self.truth.last().copied().flatten().is_some_and(|lesion| lesion.status == status)
    }

    /// Whether the report shows it under one id where it is, in all sessions but one.
    fn keeps_its_id(&self) -> bool {
        let Some(lesion) = self.lesion else { return false };
        let found = |(session, truth): &(usize, &Option<&LesionTruth>)| {
            let name = &self.case.truth.sessions[*session].session;
            let entry = lesion.track.iter().find(|entry| &entry.session == name);
            let place = entry.and_then(|entry| Some([entry.x_px?, entry.y_px?]));
            place
                .zip(**truth)
                .is_some_and(|(at, truth)| distance(at, truth.session_px) <= tolerance(self.case, truth))
        };
        self.truth.iter().enumerate().filter(found).count() + 1 >= self.truth.len()
    }

    fn is_new(&self) -> bool {
        self.lesion.is_some_and(|l| l.track.iter().any(|entry| entry.status == LesionStatus::New))
    }

    /// Error of the last area over the first against the truth, percent.
    fn area_ratio_error(&self) -> Option<f64> {
        let area = |truth: &Option<&LesionTruth>| truth.map(|lesion| lesion.area_mm2);
        let expected = area(self.truth.last()?)? / area(self.truth.first()?)?;
        let track = &self.lesion?.track;
        let found = track.last()?.area_mm2? / track.first()?.area_mm2?;
        Some(100.0 * (found / expected - 1.0).abs())
    }

    /// Whether the interval of the dose's change holds the true change of the
    /// excess density, which pigment does in all channels alike within a few percent.
    fn interval_covers(&self) -> Option<bool> {
        let [low, high] = self.lesion?.change.ci95?;
        let dose = |truth: &Option<&LesionTruth>| truth.map(|lesion| lesion.dose_mm2[1]);
        let change = 100.0 * (dose(self.truth.last()?)? / dose(self.truth.first()?)? - 1.0);
        Some((low..=high).contains(&change))
    }
}
