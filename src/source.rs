//! Where photographs come from: patients, their series, sessions and photos.

use std::path::PathBuf;

use jiff::civil::Date;

use crate::error::Warning;
use crate::treatment::{Schedule, TreatmentFacts};
use crate::units::Scale;

/// A photograph to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhotoSource {
    /// Where it is.
    pub path: PathBuf,
    /// File name, without its folder.
    pub file: String,
    /// Which of several photos of one view in one session, from 1.
    pub shot: u32,
}

/// One visit, in one view.
///
/// # Guarantees
///
/// - At least one photo, in the order of their shots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSource {
    /// The session's name, as in the folder or the manifest.
    pub session: String,
    /// Its date, if it has one.
    pub date: Option<Date>,
    /// Its photos of this view.
    pub photos: Vec<PhotoSource>,
    /// Days since the last treatment, if the manifest says so.
    pub days_since_treatment: Option<i64>,
}

/// One view of one patient over all sessions.
///
/// # Guarantees
///
/// - At least one session; dated ones in order of time.
/// - `baseline` is the index of a session.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesSource {
    /// The patient's pseudonym.
    pub patient: String,
    /// What the photos show.
    pub view: String,
    /// The sessions, in order of time.
    pub sessions: Vec<SessionSource>,
    /// Which session all others are compared with.
    pub baseline: usize,
    /// Scale of the baseline photo, if known beforehand.
    pub scale: Option<Scale>,
    /// Regions drawn on the baseline photo.
    pub roi: Option<PathBuf>,
    /// Dates of the patient's treatments, in order.
    pub treatments: Vec<Date>,
}

impl SeriesSource {
    /// Days from the baseline to session `index`; `None` without both dates.
    pub fn day(&self, index: usize) -> Option<i64> {
        let (from, to) = (self.sessions[self.baseline].date?, self.sessions[index].date?);
        Some(i64::from((to - from).get_days()))
    }

    /// Session `index` beside the treatments before it. What the manifest says
    /// of the days since goes before the dates.
    pub fn treatment(&self, index: usize) -> Option<TreatmentFacts> {
        let session = &self.sessions[index];
        let dated = session.date.and_then(|date| TreatmentFacts::of(&self.treatments, date));
        match session.days_since_treatment {
            Some(days) => TreatmentFacts::after(days, dated.map_or(1, |facts| facts.treatments_before)),
            None => dated,
        }
    }

    /// How treatments were spaced up to the last dated session.
    pub fn schedule(&self) -> Option<Schedule> {
        let last = self.sessions.iter().filter_map(|session| session.date).max()?;
        Schedule::of(&self.treatments, last)
    }

    /// The number of photos in all sessions.
    pub fn photo_count(&self) -> usize {
        self.sessions.iter().map(|session| session.photos.len()).sum()
    }
}

/// A patient.
#[derive(Debug, Clone, PartialEq)]
pub struct PatientSource {
    /// A pseudonym that can name a folder.
    pub id: String,
    /// The arm of a study.
    pub arm: Option<String>,
    /// Dates of treatment, in order.
    pub treatments: Vec<Date>,
    /// One series per view, ordered by view.
    pub series: Vec<SeriesSource>,
    /// What was odd about the input.
    pub warnings: Vec<Warning>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_count_from_the_baseline_even_backwards() {
        let session = |date: &str| SessionSource {
            session: date.into(),
            date: date.parse().ok(),
            photos: Vec::new(),
            days_since_treatment: None,
        };
        let series = SeriesSource {
            patient: "P001".into(),
            view: "frontal".into(),
            sessions: ["2025-12-31", "2026-01-10", "2026-04-10", "undated"].map(session).into(),
            baseline: 1,
            scale: None,
            roi: None,
            treatments: Vec::new(),
        };
        let days: Vec<_> = (0..4).map(|index| series.day(index)).collect();
        assert_eq!(days, [Some(-10), Some(0), Some(90), None]);
    }
}
