//! Writing files whole or not at all, for nobody else to read.
//!
//! A file is written aside, flushed to the disk and then renamed, so that a
//! reader never sees half of it and an earlier one survives a failure.

use std::fs::{self, DirBuilder, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use atomic_write_file::{AtomicWriteFile, OpenOptions};
use image::codecs::jpeg::JpegEncoder;
use image::{ImageFormat, RgbImage};
use serde::Serialize;

use crate::error::{Error, Result};
use crate::report::json;
pub(crate) use crate::report::output::SERIES;
pub use crate::report::output::{Gate, Lock, OutputFolder, check_id, is_output};

/// Makes a folder and those above it, private to the user.
pub(crate) fn make(folder: &Path) -> Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder).map_err(failed(folder))
}

/// What turns a cause into the failure to write `path`.
pub(crate) fn failed(path: &Path) -> impl Fn(io::Error) -> Error + '_ {
    |source| Error::Write { path: path.to_owned(), source }
}

/// A file that appears under its name only when it is complete.
pub(crate) struct Pending {
    path: PathBuf,
    file: BufWriter<AtomicWriteFile>,
    gate: Arc<Gate>,
}

impl Pending {
    /// Starts the file at `path`, to appear through `gate`; an earlier one
    /// stays until it is complete.
    pub(crate) fn create(path: &Path, gate: Arc<Gate>) -> Result<Self> {
        let file = private().open(path).map_err(failed(path))?;
        Ok(Self { path: path.to_owned(), file: BufWriter::new(file), gate })
    }

    /// Where it will stand.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Puts the file in its place, to stay there even if the power fails.
    pub(crate) fn commit(self) -> Result<()> {
        let _open = self.gate.pass()?;
        let file = self.file.into_inner().map_err(|error| failed(&self.path)(error.into_error()))?;
        file.commit().and_then(|()| flush_folder(&self.path)).map_err(failed(&self.path))
    }
}

/// How files are opened: for the user alone, whatever an earlier one allowed.
fn private() -> OpenOptions {
    let mut options = AtomicWriteFile::options();
    #[cfg(unix)]
    {
        use atomic_write_file::unix::OpenOptionsExt as _;
        use std::os::unix::fs::OpenOptionsExt as _;
        options.preserve_mode(false).mode(0o600);
    }
    options
}

/// Makes the new name of a file last: where names are kept in the folder, the
/// folder must reach the disk too.
fn flush_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

impl Write for Pending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Writes `bytes` to a `path` that the user named, whole or not at all; into what is there if that is
/// a device or a pipe, which a file must not replace.
///
/// # Errors
///
/// [`Error::Write`].
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    match fs::metadata(path) {
        Ok(there) if !there.is_file() && !there.is_dir() => {
            let written = File::options().write(true).open(path).and_then(|mut sink| sink.write_all(bytes));
            written.map_err(failed(path))
        }
        _ => write_through(&Arc::default(), path, bytes),
    }
}

/// Writes `bytes` to `path`, whole or not at all, unless `gate` is shut.
pub(crate) fn write_through(gate: &Arc<Gate>, path: &Path, bytes: &[u8]) -> Result<()> {
    let mut pending = Pending::create(path, Arc::clone(gate))?;
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
    write_through(&Arc::default(), path, &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_completed_leaves_the_earlier_one() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("run.json");
        write(&path, b"earlier").unwrap();
        let mut pending = Pending::create(&path, Arc::default()).unwrap();
        pending.write_all(b"half").unwrap();
        drop(pending);
        assert_eq!(fs::read(&path).unwrap(), b"earlier");
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 1);
    }

    /// By a link to a pipe: if what is named were replaced, only the link would be.
    #[cfg(unix)]
    #[test]
    fn a_pipe_is_written_to_and_stays_one() {
        use std::os::fd::AsRawFd;
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("sink");
        let (mut reader, writer) = io::pipe().unwrap();
        std::os::unix::fs::symlink(format!("/dev/fd/{}", writer.as_raw_fd()), &path).unwrap();
        write(&path, b"objects").unwrap();
        assert!(fs::symlink_metadata(&path).unwrap().is_symlink());
        drop(writer);
        assert_eq!(io::read_to_string(&mut reader).unwrap(), "objects");
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_may_read_what_is_written() {
        use std::os::unix::fs::PermissionsExt;
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("out/run.json");
        make(path.parent().unwrap()).unwrap();
        write(&path, b"first").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        write(&path, b"second").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    }
}
