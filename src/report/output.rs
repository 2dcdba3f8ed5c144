//! The folder that a run writes to: one run at a time, nothing outside of it.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use serde::Serialize;

use crate::error::{Error, Result};
use crate::report::files::{Pending, failed, make, write_through};
use crate::report::json;

/// Names that stand in the output folder itself.
const TAKEN: &[&str] = &["index.html", "measurements.csv", "measurements.parquet", "changes.csv", "run.json"];

/// Names that stand in the folder of a patient.
const PER_PATIENT: &[&str] = &["report.json", "report.html"];

/// Names that some systems take for devices, whatever their ending.
const DEVICES: &[&str] = &["con", "prn", "aux", "nul", "com", "lpt"];

/// What the program keeps for itself: the lock and the finished series.
const HIDDEN: &str = ".dermalapse";

/// Lets finished files appear under their names until it is shut, from any
/// thread: what was not finished then is never seen.
#[derive(Debug, Default)]
pub struct Gate(RwLock<bool>);

impl Gate {
    /// Waits for the files that are just appearing; from then on none does.
    pub fn shut(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = true;
    }

    /// Whether it was shut.
    pub fn is_shut(&self) -> bool {
        *self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps it open as long as what comes back is held.
    pub(super) fn pass(&self) -> Result<RwLockReadGuard<'_, bool>> {
        let shut = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if *shut { Err(Error::Interrupted) } else { Ok(shut) }
    }
}

/// An output folder, which nothing is written outside of.
#[derive(Debug, Clone)]
pub struct OutputFolder {
    root: PathBuf,
    gate: Arc<Gate>,
}

/// Held as long as a run writes to its folder. The system lets go of it when
/// the run ends, however it ends.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "held, not read")] Option<File>);

impl OutputFolder {
    /// The folder at `root`, made if it does not exist.
    ///
    /// # Errors
    ///
    /// [`Error::Write`] if it cannot be made.
    pub fn create(root: &Path) -> Result<Self> {
        make(root)?;
        Ok(Self { root: root.to_owned(), gate: Arc::default() })
    }

    /// The same folder, whose files appear through `gate`.
    pub fn behind(self, gate: &Arc<Gate>) -> Self {
        Self { gate: Arc::clone(gate), ..self }
    }

    /// Takes the folder for one run, and clears away what an earlier one was
    /// writing when it was killed.
    ///
    /// # Errors
    ///
    /// - [`Error::Busy`] if another run has it.
    /// - [`Error::Write`] if nothing can be written there.
    pub fn lock(&self) -> Result<Lock> {
        let path = self.hidden("")?.join("lock");
        let mut options = File::options();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).map_err(failed(&path))?;
        let lock = match file.try_lock() {
            Ok(()) => Lock(Some(file)),
            Err(TryLockError::WouldBlock) => return Err(Error::Busy { path: self.root.clone() }),
            // Some network folders know no locks; they are used all the same.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Lock(None),
            Err(TryLockError::Error(error)) => return Err(failed(&path)(error)),
        };
        self.clear();
        Ok(lock)
    }

    /// Removes files that were begun and never finished. One that stays does
    /// no harm: it is hidden, and no reader looks for its name.
    fn clear(&self) {
        let hidden = self.root.join(HIDDEN);
        let inside =
            entries(&self.root).chain(entries(&hidden)).filter(|path| path.is_dir() && !path.is_symlink());
        for folder in std::iter::once(self.root.clone()).chain(inside) {
            for path in entries(&folder).filter(|path| is_unfinished(path)) {
                let _ = fs::remove_file(path);
            }
        }
    }

    /// Where the file `name` of the whole run stands.
    pub fn file(&self, name: &str) -> PathBuf {
        debug_assert!(TAKEN.contains(&name));
        self.root.join(name)
    }

    /// Starts the file `name` of the whole run.
    pub(super) fn pending(&self, name: &str) -> Result<Pending> {
        Pending::create(&self.file(name), Arc::clone(&self.gate))
    }

    /// The folder of a patient, made if it does not exist.
    ///
    /// # Errors
    ///
    /// - [`Error::OutOfRange`] if `id` cannot name a folder inside this one.
    /// - [`Error::Write`] if it cannot be made or leads elsewhere.
    pub fn patient(&self, id: &str) -> Result<PathBuf> {
        check_id(id)?;
        self.folder(self.root.join(id))
    }

    /// A folder for what the program keeps for itself.
    pub(crate) fn hidden(&self, name: &str) -> Result<PathBuf> {
        self.folder(self.root.join(HIDDEN))?;
        self.folder(self.root.join(HIDDEN).join(name))
    }

    fn folder(&self, folder: PathBuf) -> Result<PathBuf> {
        if folder.is_symlink() {
            let source = io::Error::other("it is a link, which could lead out of the output folder");
            return Err(Error::Write { path: folder, source });
        }
        make(&folder)?;
        Ok(folder)
    }

    /// Writes `bytes` to `path` in this folder, whole or not at all.
    ///
    /// # Errors
    ///
    /// [`Error::Write`], or [`Error::Interrupted`] after the gate was shut.
    pub fn write(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        debug_assert!(path.starts_with(&self.root));
        write_through(&self.gate, path, bytes)
    }

    /// Writes a record as JSON to `path` in this folder, whole or not at all.
    ///
    /// # Errors
    ///
    /// Those of [`OutputFolder::write`].
    pub fn write_json(&self, path: &Path, record: &impl Serialize) -> Result<()> {
        self.write(path, json::pretty(record).as_bytes())
    }

    /// The ids of patients with a report, from this run or an earlier one.
    pub fn reported(&self) -> Vec<String> {
        let folders = entries(&self.root).filter(|folder| folder.join(PER_PATIENT[0]).is_file());
        let mut ids: Vec<String> =
            folders.filter_map(|folder| Some(folder.file_name()?.to_str()?.to_owned())).collect();
        ids.sort();
        ids
    }
}

/// Whether `name` is that of a file that a run writes, so that it is no
/// input where a folder serves as both.
pub fn is_output(name: &str) -> bool {
    TAKEN.iter().chain(PER_PATIENT).any(|taken| *taken == name)
}

/// What stands in a folder; nothing if it cannot be listed.
fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()))
}

/// Whether a file is one of ours that was being written: `.NAME.` and six
/// letters or digits.
fn is_unfinished(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_prefix('.'));
    name.and_then(|name| name.rsplit_once('.')).is_some_and(|(name, random)| {
        let ours = is_output(name) || name.ends_with(SERIES);
        ours && random.len() == 6 && random.bytes().all(|c| c.is_ascii_alphanumeric())
    })
}

/// Ending of a finished series that is kept.
pub(crate) const SERIES: &str = ".series";

/// Checks that a patient's pseudonym can name a folder, on any system and
/// beside the files of the run.
///
/// # Errors
///
/// [`Error::OutOfRange`], saying what is wrong with it.
pub fn check_id(id: &str) -> Result<()> {
    let refuse = |range: &str| {
        let value = format!("{:?}", id.chars().take(100).collect::<String>());
        Err(Error::OutOfRange { name: "patient id".into(), value, range: range.into() })
    };
    if id.is_empty() || id.len() > 100 {
        return refuse("between 1 and 100 characters long");
    }
    if id.starts_with('.') || id.ends_with(['.', ' ']) || id.starts_with(' ') {
        return refuse("within names that do not start or end with a dot or a space");
    }
    if id.contains(|c: char| c.is_control() || "/\\:*?\"<>|".contains(c)) {
        return refuse("within names that no system reads as a path: no / \\ : * ? \" < > |");
    }
    let first = id.split('.').next().unwrap_or_default().trim_end().to_ascii_lowercase();
    let device = first.strip_suffix(|c: char| c.is_ascii_digit()).unwrap_or(&first);
    if DEVICES.contains(&device) && (first.len() == 4) == matches!(device, "com" | "lpt") {
        return refuse("outside the names that some systems keep for devices");
    }
    if TAKEN.iter().any(|taken| taken.eq_ignore_ascii_case(id)) {
        return refuse("outside the names of the run's own files");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_would_leave_the_folder_is_refused() {
        for id in [
            "", "..", "../x", "a/b", "/etc", "a\\b", ".hidden", "C:", "run.json", "RUN.JSON", "a\n", "a.",
            "NUL", "con.x", "COM1",
        ] {
            assert!(check_id(id).is_err(), "{id:?} was accepted");
        }
        for id in ["P001", "clinic 3-17", "Ünal_2", "100%", "control", "nul1", "com", "console"] {
            check_id(id).unwrap();
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_patient_folder_that_is_a_link_is_refused() {
        let scratch = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let output = OutputFolder::create(&scratch.path().join("out")).unwrap();
        for name in ["P001", HIDDEN] {
            std::os::unix::fs::symlink(elsewhere.path(), scratch.path().join("out").join(name)).unwrap();
        }
        assert!(matches!(output.patient("P001"), Err(Error::Write { .. })));
        assert!(matches!(output.lock(), Err(Error::Write { .. })));
    }

    #[test]
    fn one_run_at_a_time() {
        let scratch = tempfile::tempdir().unwrap();
        let output = OutputFolder::create(scratch.path()).unwrap();
        let first = output.lock().unwrap();
        assert!(matches!(output.lock(), Err(Error::Busy { .. })));
        drop(first);
        output.lock().unwrap();
    }

    #[test]
    fn what_was_never_finished_is_cleared_away_and_nothing_else() {
        let scratch = tempfile::tempdir().unwrap();
        let output = OutputFolder::create(scratch.path()).unwrap();
        let patient = output.patient("P001").unwrap();
        for (folder, name) in [(scratch.path(), ".run.json.aB3dE6"), (&patient, ".report.json.123456")] {
            fs::write(folder.join(name), "half").unwrap();
        }
        for name in [".notes.aB3dE6", ".run.json.bak", "run.json"] {
            fs::write(scratch.path().join(name), "whole").unwrap();
        }
        output.lock().unwrap();
        let left: Vec<_> = entries(scratch.path()).filter(|path| path.is_file()).collect();
        assert_eq!((left.len(), entries(&patient).count()), (3, 0), "{left:?}");
    }

    #[test]
    fn behind_a_shut_gate_nothing_appears() {
        let scratch = tempfile::tempdir().unwrap();
        let gate = Arc::new(Gate::default());
        let output = OutputFolder::create(scratch.path()).unwrap().behind(&gate);
        output.write(&output.file("run.json"), b"earlier").unwrap();
        gate.shut();
        assert!(matches!(output.write(&output.file("run.json"), b"later"), Err(Error::Interrupted)));
        assert_eq!(fs::read(output.file("run.json")).unwrap(), b"earlier");
    }
}
