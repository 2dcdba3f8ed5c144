//! Finished series, kept in the output folder: a run that was cut short goes
//! on where it ended, and a later one computes only what is new.
//!
//! A series is kept under a key of everything that its result depends on. An
//! entry holds the hash of its content in its first line, so that one that was
//! damaged is computed again instead of believed.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::error::Result;
use crate::photo::Fingerprint;
use crate::reading;
use crate::report::files::{OutputFolder, SERIES};
use crate::settings::Settings;
use crate::source::{PhotoSource, SeriesSource, SessionSource};

/// The largest entry that is read, bytes.
const MOST_BYTES: u64 = 1 << 30;

/// The series of earlier runs.
pub(super) struct Store<'a> {
    output: &'a OutputFolder,
    folder: PathBuf,
    used: Mutex<BTreeSet<String>>,
}

impl<'a> Store<'a> {
    /// The series kept in `output`; none if the run is to start over.
    ///
    /// # Errors
    ///
    /// [`crate::error::Error::Write`].
    pub(super) fn open(output: &'a OutputFolder, over: bool) -> Result<Self> {
        let folder = output.hidden("series")?;
        let store = Self { output, folder, used: Mutex::default() };
        if over {
            store.forget_unused();
        }
        Ok(store)
    }

    /// What was kept under `key`, if it is whole.
    pub(super) fn get<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        let bytes = reading::read(&self.path(key), MOST_BYTES).ok()?;
        let (hash, content) = bytes.split_at_checked(65)?;
        let whole = blake3::hash(content).to_hex().as_bytes() == &hash[..64];
        let kept = serde_json::from_slice(content).ok().filter(|_| whole)?;
        self.mark(key);
        Some(kept)
    }

    /// Keeps `value` under `key`.
    ///
    /// # Errors
    ///
    /// [`crate::error::Error::Write`].
    pub(super) fn put<T: Serialize>(&self, key: &str, value: &T) -> Result<()> {
        let content = serde_json::to_vec(value).expect("records are maps with string keys");
        let hash = blake3::hash(&content).to_hex();
        self.mark(key);
        self.output.write(&self.path(key), &[hash.as_bytes(), b"\n", &content].concat())
    }

    /// Removes what no series of this run used: results of photos that are
    /// gone are kept no longer than the photos.
    pub(super) fn forget_unused(&self) {
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if !key_of(&path).is_some_and(|key| used.contains(key)) {
                // What cannot be removed is no part of any result.
                let _ = fs::remove_file(path);
            }
        }
    }

    fn mark(&self, key: &str) {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned());
    }

    fn path(&self, key: &str) -> PathBuf {
        self.folder.join(format!("{key}{SERIES}"))
    }
}

fn key_of(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()?.strip_suffix(SERIES)
}

/// The key of a series: what its photos and its regions hold, what is known
/// of it besides, the settings and the program itself.
pub(super) fn key(
    series: &SeriesSource,
    photos: &[Fingerprint],
    regions: Option<&str>,
    (settings, pictured): (&Settings, bool),
    program: &str,
) -> String {
    // Taken apart field by field, so that none that is added is forgotten.
    let SeriesSource { patient, view, sessions, baseline, scale, roi, treatments } = series;
    let sessions = sessions.iter().map(|session| {
        let SessionSource { session, date, photos, days_since_treatment } = session;
        let photos = photos.iter().map(|PhotoSource { file, shot, path: _, card }| json!([file, shot, card]));
        json!([session, date, days_since_treatment, photos.collect::<Vec<_>>()])
    });
    let roi = roi.as_ref().and_then(|roi| roi.file_name()).map(|name| name.to_string_lossy());
    let facts = json!({
        "program": program,
        "settings": settings,
        "pictured": pictured,
        "patient": patient,
        "view": view,
        "treatments": treatments,
        "sessions": sessions.collect::<Vec<_>>(),
        "baseline": baseline,
        "scale": scale.map(|scale| json!([scale.px_per_mm(), scale.source()])),
        "regions": [roi.as_deref(), regions],
        "photos": photos.iter().map(|photo| photo.blake3.as_str()).collect::<Vec<_>>(),
    });
    blake3::hash(facts.to_string().as_bytes()).to_hex().to_string()
}

/// The program that computes: its version and, so that no build believes
/// what another one found, its bytes.
pub(super) fn program() -> String {
    let hashed = |program: File| Ok(blake3::Hasher::new().update_reader(program)?.finalize().to_hex());
    let hash: io::Result<_> = std::env::current_exe().and_then(File::open).and_then(hashed);
    let build = hash.map_or_else(|_| String::new(), |hash| hash.to_string());
    format!("{} {build}", env!("CARGO_PKG_VERSION"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch() -> (tempfile::TempDir, OutputFolder) {
        let folder = tempfile::tempdir().unwrap();
        let output = OutputFolder::create(folder.path()).unwrap();
        (folder, output)
    }

    #[test]
    fn what_was_kept_comes_back_and_what_was_damaged_does_not() {
        let (_folder, output) = scratch();
        let store = Store::open(&output, false).unwrap();
        store.put("a", &vec![0.1 + 0.2, 1e-300]).unwrap();
        assert_eq!(store.get::<Vec<f64>>("a"), Some(vec![0.1 + 0.2, 1e-300]));
        assert_eq!(store.get::<Vec<f64>>("b"), None);
        let path = store.path("a");
        let whole = fs::read(&path).unwrap();
        for at in [0, 64, 66, whole.len() - 1] {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            fs::write(&path, &damaged).unwrap();
            assert_eq!(store.get::<Vec<f64>>("a").is_some(), at == 64, "byte {at}");
            fs::write(&path, &whole[..at]).unwrap();
            assert_eq!(store.get::<Vec<f64>>("a"), None, "cut to {at}");
        }
    }

    #[test]
    fn what_was_not_used_is_forgotten() {
        let (_folder, output) = scratch();
        let store = Store::open(&output, false).unwrap();
        store.put("old", &1).unwrap();
        store.put("new", &2).unwrap();
        let next = Store::open(&output, false).unwrap();
        assert_eq!(next.get::<i32>("new"), Some(2));
        next.forget_unused();
        assert_eq!((next.get::<i32>("old"), next.get::<i32>("new")), (None, Some(2)));
        assert_eq!(Store::open(&output, true).unwrap().get::<i32>("new"), None);
    }

    #[test]
    fn every_fact_that_matters_is_in_the_key() {
        let photo = |hash: &str| Fingerprint { blake3: hash.into(), decoded_bytes: 3, size: (1, 1) };
        let paths = ["a.jpg", "b.jpg"].map(Path::new);
        let series = crate::batch::series_of(&paths, None, None).series.remove(0);
        let settings = Settings::default();
        let photos = [photo("1"), photo("2")];
        let base = key(&series, &photos, None, (&settings, false), "p");
        assert_eq!(base, key(&series.clone(), &photos.clone(), None, (&settings.clone(), false), "p"));
        let mut moved = series.clone();
        moved.sessions[0].photos[0].path = "elsewhere/a.jpg".into();
        assert_eq!(
            base,
            key(&moved, &photos, None, (&settings, false), "p"),
            "where a photo stands does not matter"
        );
        let mut others = vec![
            key(&series, &[photo("1"), photo("3")], None, (&settings, false), "p"),
            key(&series, &photos, Some("drawn"), (&settings, false), "p"),
            key(&series, &photos, None, (&Settings { seed: 1, ..Settings::default() }, false), "p"),
            key(&series, &photos, None, (&settings, false), "q"),
            key(&series, &photos, None, (&settings, true), "p"),
        ];
        let changes: [fn(&mut SeriesSource); 8] = [
            |s| s.treatments = vec!["2026-01-10".parse().unwrap()],
            |s| s.patient = "other".into(),
            |s| s.view = "other".into(),
            |s| s.baseline = 1,
            |s| s.scale = crate::units::Scale::new(2.0, crate::units::ScaleSource::Option).ok(),
            |s| s.sessions[1].session = "other".into(),
            |s| s.sessions[1].date = "2026-01-10".parse().ok(),
            |s| s.sessions[1].photos[0].shot = 2,
        ];
        for change in changes {
            let mut changed = series.clone();
            change(&mut changed);
            others.push(key(&changed, &photos, None, (&settings, false), "p"));
        }
        let distinct: BTreeSet<&String> = others.iter().chain([&base]).collect();
        assert_eq!(distinct.len(), others.len() + 1);
    }
}
