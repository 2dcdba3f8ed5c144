//! From photos found one by one to patients, series and sessions in order.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::civil::Date;

use crate::batch::patient_file::PatientFile;
use crate::batch::{Input, left_out};
use crate::error::Warning;
use crate::report::run::LeftOut;
use crate::source::{PatientSource, PhotoSource, SeriesSource, SessionSource};
use crate::units::{Scale, ScaleSource};

/// A photo and what its name or its row says about it.
#[derive(Debug, Clone, Default)]
pub(super) struct FoundPhoto {
    /// How messages name it: a path or a row.
    pub origin: String,
    pub patient: String,
    pub session: String,
    pub view: String,
    pub path: PathBuf,
    pub date: Option<Date>,
    pub shot: Option<u32>,
    pub scale: Option<Scale>,
    pub roi: Option<PathBuf>,
    pub arm: Option<String>,
    pub is_baseline: bool,
    pub days_since_treatment: Option<i64>,
}

/// Everything that was found, in a stable order.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub photos: Vec<FoundPhoto>,
    pub patient_files: BTreeMap<String, PatientFile>,
    pub problems: Vec<LeftOut>,
    pub skipped: Vec<LeftOut>,
}

/// The photos by patient, view and session. `scale` overrules all others.
pub(super) fn arrange(mut found: Found, scale: Option<Scale>) -> Input {
    let mut by_patient: BTreeMap<String, BTreeMap<String, Vec<FoundPhoto>>> = BTreeMap::new();
    for photo in found.photos {
        by_patient
            .entry(photo.patient.clone())
            .or_default()
            .entry(photo.view.clone())
            .or_default()
            .push(photo);
    }
    let mut input = Input { problems: found.problems, skipped: found.skipped, ..Input::default() };
    for (id, views) in by_patient {
        let file = found.patient_files.remove(&id).unwrap_or_default();
        input.patients.push(patient(id, views, file, scale, &mut input.problems));
    }
    input
}

fn patient(
    id: String,
    views: BTreeMap<String, Vec<FoundPhoto>>,
    file: PatientFile,
    scale: Option<Scale>,
    problems: &mut Vec<LeftOut>,
) -> PatientSource {
    let mut warnings = file.warnings(views.keys());
    let mut arms: Vec<&str> = views.values().flatten().filter_map(|photo| photo.arm.as_deref()).collect();
    arms.extend(file.arm.as_deref());
    arms.dedup();
    if arms.len() > 1 {
        let message = format!("the input names several arms ({}); the first is used", arms.join(", "));
        warnings.push(Warning::new("arm_conflict", message));
    }
    let arm = arms.first().map(|&arm| arm.to_owned());
    let series = views
        .into_iter()
        .map(|(view, photos)| {
            let (from_file, roi) = (file.scale(&view), file.roi(&view));
            let mut series = series(&id, view, photos, problems, &mut warnings);
            series.scale = scale.or(series.scale).or(from_file);
            series.roi = series.roi.or(roi);
            series
        })
        .collect::<Vec<_>>();
    let treatments = treatments(file.treatments, &series);
    let series =
        series.into_iter().map(|one| SeriesSource { treatments: treatments.clone(), ..one }).collect();
    PatientSource { id, arm, treatments, series, warnings }
}

/// The dates of treatment: those told, and those that sessions count from.
fn treatments(told: Vec<Date>, series: &[SeriesSource]) -> Vec<Date> {
    let counted_from = |session: &SessionSource| {
        let days = session.days_since_treatment.filter(|days| *days >= 0)?;
        session.date?.checked_sub(jiff::Span::new().try_days(days).ok()?).ok()
    };
    let mut all = told;
    all.extend(series.iter().flat_map(|series| &series.sessions).filter_map(counted_from));
    all.sort();
    all.dedup();
    all
}

/// A session as it is put together, with what only counts on the baseline.
struct Draft {
    source: SessionSource,
    scale: Option<Scale>,
    roi: Option<PathBuf>,
    is_baseline: bool,
}

fn series(
    patient: &str,
    view: String,
    photos: Vec<FoundPhoto>,
    problems: &mut Vec<LeftOut>,
    warnings: &mut Vec<Warning>,
) -> SeriesSource {
    let mut sessions: Vec<Draft> = Vec::new();
    for photo in photos {
        let origin = photo.origin.clone();
        if let Err(reason) = place(&mut sessions, photo) {
            problems.push(left_out(origin, reason));
        }
    }
    sessions.iter_mut().for_each(|session| session.source.photos.sort_by_key(|photo| photo.shot));
    in_order_of_time(&view, &mut sessions, warnings);
    let baseline = baseline(&view, &sessions, warnings);
    if sessions
        .iter()
        .enumerate()
        .any(|(i, session)| i != baseline && session.roi.is_some() && session.roi != sessions[baseline].roi)
    {
        let message = format!("{view}: regions of a follow-up are not used; draw them on the baseline photo");
        warnings.push(Warning::new("roi_not_on_baseline", message));
    }
    let (scale, roi) = (sessions[baseline].scale, sessions[baseline].roi.clone());
    let sessions = sessions.into_iter().map(|session| session.source).collect();
    let treatments = Vec::new();
    SeriesSource { patient: patient.to_owned(), view, sessions, baseline, scale, roi, treatments }
}

/// Puts a photo into its session, or says why it has no place there.
fn place(sessions: &mut Vec<Draft>, photo: FoundPhoto) -> Result<(), String> {
    let index = sessions.iter().position(|session| session.source.session == photo.session);
    let index = index.unwrap_or_else(|| {
        sessions.push(Draft::new(&photo));
        sessions.len() - 1
    });
    let session = &mut sessions[index];
    if photo.date.is_some() && session.source.date != photo.date {
        return Err(format!("session {} has another date elsewhere", photo.session));
    }
    let taken = |shot: u32| session.source.photos.iter().any(|other| other.shot == shot);
    let shot = match photo.shot {
        Some(shot) if taken(shot) => {
            return Err(format!("another photo is shot {shot} of {} in {}", photo.view, photo.session));
        }
        Some(shot) => shot,
        None => (1..).find(|&shot| !taken(shot)).unwrap_or(u32::MAX),
    };
    let file = photo.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    session.source.photos.push(PhotoSource { path: photo.path, file, shot });
    session.scale = session.scale.or(photo.scale);
    session.roi = session.roi.take().or(photo.roi);
    session.is_baseline |= photo.is_baseline;
    Ok(())
}

impl Draft {
    fn new(photo: &FoundPhoto) -> Self {
        let source = SessionSource {
            session: photo.session.clone(),
            date: photo.date,
            photos: Vec::new(),
            days_since_treatment: photo.days_since_treatment,
        };
        Self { source, scale: None, roi: None, is_baseline: false }
    }
}

/// By date where every session has one, else as they were listed.
fn in_order_of_time(view: &str, sessions: &mut [Draft], warnings: &mut Vec<Warning>) {
    let dated = sessions.iter().filter(|session| session.source.date.is_some()).count();
    if dated == sessions.len() {
        sessions.sort_by_key(|session| session.source.date);
    } else if dated > 0 {
        let message = format!(
            "{view}: only {dated} of {} sessions have a date, so they stay as listed",
            sessions.len()
        );
        warnings.push(Warning::new("sessions_without_date", message));
    }
}

fn baseline(view: &str, sessions: &[Draft], warnings: &mut Vec<Warning>) -> usize {
    let named: Vec<usize> = (0..sessions.len()).filter(|&i| sessions[i].is_baseline).collect();
    if named.len() > 1 {
        let message = format!("{view}: several sessions have the role baseline; the first is used");
        warnings.push(Warning::new("several_baselines", message));
    }
    named.first().copied().unwrap_or(0)
}

/// The date that a session's name starts with, followed by nothing or by `_`
/// and a label.
pub(super) fn session_date(name: &str) -> Option<Date> {
    let (date, label) = name.split_at_checked(10)?;
    let plain = label.is_empty() || (label.starts_with('_') && label.len() > 1);
    let digits =
        date.bytes().enumerate().all(|(i, c)| if i == 4 || i == 7 { c == b'-' } else { c.is_ascii_digit() });
    if plain && digits { date.parse().ok() } else { None }
}

/// A scale that the input gives, or what is wrong with it.
pub(super) fn given_scale(px_per_mm: f64) -> Result<Scale, String> {
    Scale::new(px_per_mm, ScaleSource::Manifest).map_err(|error| error.to_string())
}

/// Whether text can name a session or a view.
pub(super) fn is_name(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= 100 && !text.contains(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_a_date_and_perhaps_a_label() {
        let date = |name| session_date(name).map(|date| date.to_string());
        assert_eq!(date("2026-01-10").as_deref(), Some("2026-01-10"));
        assert_eq!(date("2026-01-10_baseline").as_deref(), Some("2026-01-10"));
        for name in [
            "2026-13-01",
            "2026-1-10",
            "2026-01-10baseline",
            "2026-01-10_",
            "baseline",
            "20260110",
            "é026-01-10",
        ] {
            assert_eq!(date(name), None, "{name}");
        }
    }

    fn photo(session: &str, file: &str) -> FoundPhoto {
        FoundPhoto {
            origin: format!("{session}/{file}"),
            patient: "P001".into(),
            session: session.into(),
            view: "frontal".into(),
            path: file.into(),
            date: session_date(session),
            ..FoundPhoto::default()
        }
    }

    fn arranged(photos: Vec<FoundPhoto>) -> Input {
        arrange(Found { photos, ..Found::default() }, None)
    }

    #[test]
    fn sessions_stand_in_order_of_time_and_the_first_is_the_baseline() {
        let input = arranged(vec![photo("2026-04-10", "b.jpg"), photo("2026-01-10_before", "a.jpg")]);
        let series = &input.patients[0].series[0];
        let names: Vec<_> = series.sessions.iter().map(|session| session.session.as_str()).collect();
        assert_eq!((names.as_slice(), series.baseline), (["2026-01-10_before", "2026-04-10"].as_slice(), 0));
    }

    #[test]
    fn the_role_chooses_the_baseline_and_its_scale() {
        let scale = given_scale(20.0).ok();
        let chosen = FoundPhoto { is_baseline: true, scale, ..photo("2026-04-10", "b.jpg") };
        let input = arranged(vec![photo("2026-01-10", "a.jpg"), chosen]);
        let series = &input.patients[0].series[0];
        assert_eq!((series.baseline, series.scale), (1, scale));
    }

    #[test]
    fn undated_sessions_stay_as_listed() {
        let input = arranged(vec![photo("visit 2", "b.jpg"), photo("visit 1", "a.jpg")]);
        assert_eq!(input.patients[0].series[0].sessions[0].session, "visit 2");
        assert!(input.patients[0].warnings.is_empty());
        let mixed = arranged(vec![photo("visit 2", "b.jpg"), photo("2026-01-10", "a.jpg")]);
        assert_eq!(mixed.patients[0].warnings[0].code, "sessions_without_date");
    }

    #[test]
    fn the_same_shot_twice_is_a_problem_and_no_shot_takes_the_next_number() {
        let first = FoundPhoto { shot: Some(1), ..photo("2026-01-10", "a.jpg") };
        let twin = FoundPhoto { shot: Some(1), ..photo("2026-01-10", "a.png") };
        let input = arranged(vec![first, twin, photo("2026-01-10", "c.jpg")]);
        let shots: Vec<_> = input.patients[0].series[0].sessions[0].photos.iter().map(|p| p.shot).collect();
        assert_eq!(shots, [1, 2]);
        assert_eq!(input.problems[0].input, "2026-01-10/a.png");
    }
}
