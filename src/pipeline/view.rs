//! What the report says of a series.

use crate::metrics::{Aspect, Measured};
use crate::pipeline::following::lesions;
use crate::pipeline::member::{Member, Values, measured};
use crate::pipeline::records;
use crate::series::{self, Scales, View};
use crate::session::{AlignmentStatus, Session, SessionMetrics};
use crate::settings::Settings;
use crate::source::SeriesSource;
use crate::statistics::Repeatability;

/// What the report says of the series.
pub(super) fn view(
    source: &SeriesSource,
    baseline: &Member,
    members: &[Member],
    copies: &[Member],
    settings: &Settings,
) -> View {
    let all: Vec<&Member> = std::iter::once(baseline).chain(members).collect();
    let read = |session: &usize| all.iter().any(|member| member.session == *session);
    let order: Vec<usize> = in_time(baseline.session, source.sessions.len()).filter(read).collect();
    let metrics: Vec<SessionMetrics> =
        order.iter().filter_map(|session| session_metrics(source, &all, *session)).collect();
    let perturbed: Vec<Vec<Measured>> = copies.iter().filter_map(Member::all_skin).collect();
    let repeatability = series::repeatability(&settings.repeatability, &metrics, &perturbed);
    View {
        view: source.view.clone(),
        baseline: source.sessions[baseline.session].session.clone(),
        scale: records::scale(baseline.frame.photo.scale()),
        schedule: source.schedule(),
        sessions: (0..source.sessions.len())
            .filter_map(|session| session_record(source, baseline, &all, session, &repeatability))
            .collect(),
        changes: series::changes(&metrics, &repeatability),
        controlled: Vec::new(),
        trends: series::trends(&metrics),
        recoveries: Vec::new(),
        lesions: lesions(&all, copies, &order, &metrics, &repeatability),
        scales: Scales::default(),
    }
    .concluded()
}

/// The sessions with the baseline's first and the others in order of time.
fn in_time(first: usize, count: usize) -> impl Iterator<Item = usize> {
    std::iter::once(first).chain((0..count).filter(move |session| *session != first))
}

/// What one session brings to the comparison: the values of its first photo
/// that was measured, with its other photos as repeats; or, if none was,
/// nothing but the reason. `None` if none of its photos could be read.
fn session_metrics(source: &SeriesSource, all: &[&Member], session: usize) -> Option<SessionMetrics> {
    let mut photos = measured(all, session);
    let (blocked, relief_log_sd, contrast_log_sd, gain_log_sd, level_error, regions) = match photos.next() {
        Some((member, link, values)) => (
            [Aspect::Colour, Aspect::Relief].map(|aspect| link.blocked(aspect)),
            link.relief_log_sd(),
            link.veil_log_sd(),
            member.frame.photo.calibration().gain_log_sd,
            values.lesions.level_errors,
            values.by_region(),
        ),
        None => {
            let member = all.iter().find(|member| member.session == session)?;
            let code = member.link.as_ref().err().map(|reason| reason.code.clone());
            ([code.clone(), code], 0.0, 0.0, [0.0; 3], [0.0; 2], Vec::new())
        }
    };
    let [colour_blocked, relief_blocked] = blocked;
    Some(SessionMetrics {
        session: source.sessions[session].session.clone(),
        day: source.day(session),
        healing: source.treatment(session).is_some_and(|treatment| treatment.healing_window),
        colour_blocked,
        relief_blocked,
        gain_log_sd,
        contrast_log_sd,
        relief_log_sd,
        level_error,
        regions,
        repeats: photos.map(|(_, _, repeat)| repeat.by_region()).collect(),
    })
}

/// What the report says of one session; `None` if none of its photos could be read.
fn session_record(
    source: &SeriesSource,
    baseline: &Member,
    all: &[&Member],
    session: usize,
    repeatability: &Repeatability,
) -> Option<Session> {
    let mut photos: Vec<&Member> = all.iter().copied().filter(|member| member.session == session).collect();
    photos.sort_by_key(|member| member.photo);
    let shown = measured(all, session).next();
    let member = shown.map(|(member, _, _)| member).or(photos.first().copied())?;
    let mut regions = shown.map_or(Vec::new(), |(member, _, values)| values.records(member, repeatability));
    let shots: Vec<&Values> = measured(all, session).map(|(_, _, values)| values).collect();
    if shots.len() > 1 {
        records::list_shots(&mut regions, &shots.iter().map(|shot| &shot.regions[..]).collect::<Vec<_>>());
    }
    let told = &source.sessions[session];
    let (alignment, comparable) = match &member.link {
        Ok(link) if session == baseline.session => {
            (records::aligned(link, AlignmentStatus::Baseline), records::comparable(link))
        }
        Ok(link) => (records::aligned(link, AlignmentStatus::Aligned), records::comparable(link)),
        Err(reason) => (records::rejected(reason), records::not_comparable(reason)),
    };
    Some(Session {
        session: told.session.clone(),
        date: told.date.map(|date| date.to_string()),
        day: source.day(session),
        treatment: source.treatment(session),
        photos: photos
            .iter()
            .map(|m| records::photo(m.frame.photo.photo(), told.photos[m.photo].shot))
            .collect(),
        quality: records::quality(
            &member.quality,
            member.frame.photo.photo(),
            member.frame.scale,
            &member.warnings(),
        ),
        calibration: records::calibration(member.frame.photo.calibration(), member.frame.size()),
        alignment,
        comparable,
        regions,
    })
}
