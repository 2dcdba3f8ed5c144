//! Writing files whole or not at all.
//!
//! A file is written aside, flushed to the disk and then renamed, so that a
//! reader never sees half of it and an earlier one survives a failure.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use atomic_write_file::AtomicWriteFile;
use image::codecs::jpeg::JpegEncoder;
use image::{ImageFormat, RgbImage};
use serde::Serialize;

use crate::error::{Error, Result};
use crate::report::json;

/// Names that stand in the output folder itself.
const TAKEN: &[&str] = &["index.html", "measurements.csv", "measurements.parquet", "changes.csv", "run.json"];

/// An output folder, which nothing is written outside of.
#[derive(Debug, Clone)]
pub struct OutputFolder {
    root: PathBuf,
}

impl OutputFolder {
    /// The folder at `root`, made if it does not exist.
    ///
    /// # Errors
    ///
    /// [`Error::Write`] if it cannot be made.
    pub fn create(root: &Path) -> Result<Self> {
        make(root)?;
        Ok(Self { root: root.to_owned() })
    }

    /// Where the file `name` of the whole run stands.
    pub fn file(&self, name: &str) -> PathBuf {
        debug_assert!(TAKEN.contains(&name));
        self.root.join(name)
    }

    /// The folder of a patient, made if it does not exist.
    ///
    /// # Errors
    ///
    /// - [`Error::OutOfRange`] if `id` cannot name a folder inside this one.
    /// - [`Error::Write`] if it cannot be made or leads elsewhere.
    pub fn patient(&self, id: &str) -> Result<PathBuf> {
        check_id(id)?;
        let folder = self.root.join(id);
        if fs::symlink_metadata(&folder).is_ok_and(|entry| entry.is_symlink()) {
            let source = io::Error::other("it is a link, which could lead out of the output folder");
            return Err(Error::Write { path: folder, source });
        }
        make(&folder)?;
        Ok(folder)
    }
}

/// Checks that a patient's pseudonym can name a folder, on any system and
/// beside the files of the run.
///
/// # Errors
///
/// [`Error::OutOfRange`], saying what is wrong with it.
pub fn check_id(id: &str) -> Result<()> {
    let refuse = |range: &str| {
        Err(Error::OutOfRange { name: "patient id".into(), value: format!("{id:?}"), range: range.into() })
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
    if TAKEN.iter().any(|taken| taken.eq_ignore_ascii_case(id)) {
        return refuse("outside the names of the run's own files");
    }
    Ok(())
}

/// Makes a folder and those above it.
pub(crate) fn make(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).map_err(failed(folder))
}

/// What turns a cause into the failure to write `path`.
pub(crate) fn failed(path: &Path) -> impl Fn(io::Error) -> Error + '_ {
    |source| Error::Write { path: path.to_owned(), source }
}

/// A file that appears under its name only when it is complete.
pub(crate) struct Pending {
    path: PathBuf,
    file: BufWriter<AtomicWriteFile>,
}

impl Pending {
    /// Starts the file at `path`; an earlier one stays until it is complete.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let file = AtomicWriteFile::open(path).map_err(failed(path))?;
        Ok(Self { path: path.to_owned(), file: BufWriter::new(file) })
    }

    /// Where it will stand.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Puts the file in its place.
    pub(crate) fn commit(self) -> Result<()> {
        let file = self.file.into_inner().map_err(|error| failed(&self.path)(error.into_error()))?;
        file.commit().map_err(failed(&self.path))
    }
}

impl Write for Pending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Writes `bytes` to `path`, whole or not at all.
///
/// # Errors
///
/// [`Error::Write`].
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut pending = Pending::create(path)?;
    pending.write_all(bytes).map_err(failed(path))?;
    pending.commit()
}

/// Writes a record as JSON to `path`, whole or not at all.
///
/// # Errors
///
/// [`Error::Write`].
pub fn write_json(path: &Path, record: &impl Serialize) -> Result<()> {
    write(path, json::pretty(record).as_bytes())
}

/// Writes a picture as PNG to `path`, whole or not at all.
///
/// # Errors
///
/// [`Error::Write`].
pub fn write_png(path: &Path, picture: &RgbImage) -> Result<()> {
    let mut bytes = io::Cursor::new(Vec::new());
    let written = picture.write_to(&mut bytes, ImageFormat::Png);
    written.map_err(|error| failed(path)(io::Error::other(error)))?;
    write(path, bytes.get_ref())
}

/// Writes a picture as JPEG of `quality` (`1..=100`) to `path`, whole or not
/// at all.
///
/// # Errors
///
/// [`Error::Write`].
pub fn write_jpeg(path: &Path, picture: &RgbImage, quality: u8) -> Result<()> {
    let mut bytes = Vec::new();
    let written = picture.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, quality));
    written.map_err(|error| failed(path)(io::Error::other(error)))?;
    write(path, &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_would_leave_the_folder_is_refused() {
        for id in
            ["", "..", "../x", "a/b", "/etc", "a\\b", ".hidden", "C:", "run.json", "RUN.JSON", "a\n", "a."]
        {
            assert!(check_id(id).is_err(), "{id:?} was accepted");
        }
        for id in ["P001", "clinic 3-17", "Ünal_2", "100%"] {
            check_id(id).unwrap();
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_patient_folder_that_is_a_link_is_refused() {
        let scratch = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let output = OutputFolder::create(&scratch.path().join("out")).unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), scratch.path().join("out/P001")).unwrap();
        assert!(matches!(output.patient("P001"), Err(Error::Write { .. })));
    }

    #[test]
    fn a_file_that_is_not_completed_leaves_the_earlier_one() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("run.json");
        write(&path, b"earlier").unwrap();
        let mut pending = Pending::create(&path).unwrap();
        pending.write_all(b"half").unwrap();
        drop(pending);
        assert_eq!(fs::read(&path).unwrap(), b"earlier");
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 1);
    }
}
