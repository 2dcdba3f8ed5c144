//! One series of a run: taken from an earlier run, or computed within the
//! memory there is.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::batch::memory::{Budget, needed};
use crate::batch::store::{Store, key};
use crate::batch::threads::Threads;
use crate::error::Warning;
use crate::photo::{DecodeLimits, Fingerprint};
use crate::pipeline::{self, PicturedSeries, SeriesOutcome};
use crate::reading;
use crate::report::run::{PhotoOutcome, PhotoStatus};
use crate::settings::Settings;
use crate::source::{PhotoSource, SeriesSource};

/// The largest region file whose content is told from others, bytes.
const MOST_BYTES: u64 = 1 << 30;

/// What all series of a run share.
pub(super) struct Tasks<'a> {
    settings: &'a Settings,
    pictured: bool,
    limits: DecodeLimits,
    budget: Budget,
    store: &'a Store<'a>,
    program: String,
    threads: &'a Threads,
    step: &'a (dyn Fn() + Sync),
    reused: AtomicUsize,
    notes: Mutex<Vec<String>>,
}

impl<'a> Tasks<'a> {
    pub(super) fn new(
        (settings, pictured): (&'a Settings, bool),
        budget: Budget,
        store: &'a Store<'a>,
        program: String,
        threads: &'a Threads,
        step: &'a (dyn Fn() + Sync),
    ) -> Self {
        let (limits, reused, notes) = (settings.decode_limits(), AtomicUsize::new(0), Mutex::default());
        Self { settings, pictured, limits, budget, store, program, threads, step, reused, notes }
    }

    /// How many series were taken from an earlier run, and what is worth saying.
    pub(super) fn end(self) -> (usize, Vec<String>) {
        let mut notes = self.notes.into_inner().unwrap_or_else(PoisonError::into_inner);
        notes.sort();
        (self.reused.into_inner(), notes)
    }

    /// What came of a series.
    pub(super) fn run(&self, series: &SeriesSource) -> PicturedSeries {
        let before = self.prints(series);
        let key = self.key(series, &before);
        if let Some(outcome) = key.as_deref().and_then(|key| self.store.get(key)) {
            (0..series.photo_count()).for_each(|_| (self.step)());
            self.reused.fetch_add(1, Ordering::Relaxed);
            return outcome;
        }
        let needed = needed(series, &before, self.threads.count());
        if !self.budget.holds(needed) {
            let (patient, view, mib) = (&series.patient, &series.view, needed >> 20);
            self.note(format!("{patient}/{view} may take {mib} MiB, more than --max-memory; it ran alone"));
        }
        let memory = self.threads.help_until(|_| self.budget.take(needed));
        let outcome = self.threads.run(|| {
            let outcome = self.compute(series);
            drop(memory);
            outcome
        });
        let Some(mut done) = outcome else { return failed(series) };
        let unchanged = self.check(series, &before, &mut done.outcome.photos);
        // Regions are read apart from the photos: the key must still be theirs.
        if let Some(key) = key.filter(|key| unchanged && Some(key) == self.key(series, &before).as_ref())
            && let Err(error) = self.store.put(&key, &done)
        {
            self.note(format!(
                "a finished series could not be kept for a later run: {}",
                error.without_folders()
            ));
        }
        done
    }

    /// The fingerprints of all photos, by session and shot; `None` for those
    /// that cannot be read.
    fn prints(&self, series: &SeriesSource) -> Vec<Option<Fingerprint>> {
        photos(series).map(|photo| Fingerprint::of(&photo.path, &self.limits).ok()).collect()
    }

    /// The key of the series; `None` if something of it cannot be read, which
    /// may be otherwise the next time.
    fn key(&self, series: &SeriesSource, prints: &[Option<Fingerprint>]) -> Option<String> {
        let prints: Vec<Fingerprint> = prints.iter().cloned().collect::<Option<_>>()?;
        let regions = match &series.roi {
            Some(roi) => Some(blake3::hash(&reading::read(roi, MOST_BYTES).ok()?).to_hex().to_string()),
            None => None,
        };
        Some(key(series, &prints, regions.as_deref(), (self.settings, self.pictured), &self.program))
    }

    /// The analysis of the series; `None` if it fell over it.
    fn compute(&self, series: &SeriesSource) -> Option<PicturedSeries> {
        let measured = || match self.pictured {
            true => pipeline::picture_series(series, self.settings, self.step),
            false => {
                let outcome = pipeline::analyze_series(series, self.settings, self.step);
                PicturedSeries { outcome, pictures: None }
            }
        };
        catch_unwind(AssertUnwindSafe(measured)).ok()
    }

    /// Whether what was decoded is what was found before; a photo that was
    /// not carries a warning. Photos that could not be decoded get their hash.
    fn check(
        &self,
        series: &SeriesSource,
        before: &[Option<Fingerprint>],
        outcomes: &mut [PhotoOutcome],
    ) -> bool {
        debug_assert_eq!(before.len(), outcomes.len());
        let mut unchanged = true;
        for ((photo, before), outcome) in photos(series).zip(before).zip(outcomes) {
            let before = before.as_ref().map(|print| print.blake3.as_str());
            let after = match &outcome.blake3 {
                Some(hash) => Some(hash.clone()),
                None => Fingerprint::of(&photo.path, &self.limits).ok().map(|print| print.blake3),
            };
            if before != after.as_deref() {
                unchanged = false;
                outcome.warnings.push(Warning::new(
                    "changed_during_run",
                    "the file changed while the run was reading it; run again when nothing writes to it",
                ));
                if outcome.status == PhotoStatus::Ok {
                    outcome.status = PhotoStatus::Warning;
                }
            } else if outcome.blake3.is_none() {
                outcome.blake3 = after;
            }
        }
        unchanged
    }

    fn note(&self, note: String) {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).push(note);
    }
}

/// The photos of a series, by session and shot.
fn photos(series: &SeriesSource) -> impl Iterator<Item = &PhotoSource> {
    series.sessions.iter().flat_map(|session| &session.photos)
}

/// Every photo of a series rejected, for the analysis fell over it.
fn failed(series: &SeriesSource) -> PicturedSeries {
    let photos = series.sessions.iter().flat_map(|session| {
        session.photos.iter().map(|photo| PhotoOutcome {
            patient: series.patient.clone(),
            session: session.session.clone(),
            baseline: series.sessions[series.baseline].session == session.session,
            view: series.view.clone(),
            shot: photo.shot,
            file: photo.file.clone(),
            blake3: None,
            status: PhotoStatus::Rejected,
            reason: Some("the analysis of this series failed; this is a fault of the program".into()),
            warnings: Vec::new(),
        })
    });
    let outcome = SeriesOutcome { view: None, photos: photos.collect() };
    PicturedSeries { outcome, pictures: None }
}
