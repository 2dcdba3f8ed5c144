//! The folder tree `PATIENT/SESSION/VIEW[.SHOT].EXT`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::batch::arrange::{Found, FoundPhoto, is_name, session_date};
use crate::batch::left_out;
use crate::batch::patient_file::PatientFile;
use crate::error::{Error, Result};
use crate::report::files::{check_id, is_output};

/// File endings that are read, in lower case.
const PHOTO_ENDINGS: &[&str] = &["jpg", "jpeg", "png", "tif", "tiff", "webp"];

/// Every photo below `root`, apart from the folder `output`.
///
/// Exactly three levels are looked at, so that links cannot lead in circles.
pub(super) fn find(root: &Path, output: &Path) -> Result<Found> {
    let entries = list(root).map_err(|source| Error::Read { path: root.to_owned(), source })?;
    let output = fs::canonicalize(output).ok();
    let own = output.is_some() && fs::canonicalize(root).ok() == output;
    let mut tree = Tree { root, output, own, found: Found::default() };
    for entry in entries {
        if !tree.is_output(&entry) {
            tree.patient(&entry);
        }
    }
    Ok(tree.found)
}

/// The entries of a folder that are not hidden, by name.
fn list(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            entries.push(entry.path());
        }
    }
    entries.sort();
    Ok(entries)
}

/// The last part of a path, if it is Unicode.
fn name(path: &Path) -> Option<&str> {
    path.file_name().and_then(|name| name.to_str())
}

struct Tree<'a> {
    root: &'a Path,
    /// The output folder, if it exists.
    output: Option<PathBuf>,
    /// Whether the root is the output folder itself.
    own: bool,
    found: Found,
}

impl Tree<'_> {
    /// Whether an entry is the output of a run, and no input.
    fn is_output(&self, path: &Path) -> bool {
        self.own && name(path).is_some_and(is_output)
            || self.output.is_some() && fs::canonicalize(path).ok() == self.output
    }

    /// The path below the root, for messages.
    fn origin(&self, path: &Path) -> String {
        let below = path.strip_prefix(self.root).unwrap_or(path);
        below.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
    }

    fn problem(&mut self, path: &Path, reason: impl Into<String>) {
        self.found.problems.push(left_out(self.origin(path), reason));
    }

    fn skip(&mut self, path: &Path, reason: &str) {
        self.found.skipped.push(left_out(self.origin(path), reason));
    }

    fn entries(&mut self, folder: &Path) -> Vec<PathBuf> {
        list(folder).unwrap_or_else(|error| {
            self.problem(folder, error.to_string());
            Vec::new()
        })
    }

    fn patient(&mut self, folder: &Path) {
        if !folder.is_dir() {
            return self.misplaced(folder, "PATIENT/SESSION");
        }
        let Some(id) = name(folder) else { return self.problem(folder, "its name is not Unicode") };
        if let Err(error) = check_id(id) {
            return self.problem(folder, error.to_string());
        }
        for entry in self.entries(folder) {
            if self.is_output(&entry) {
                continue;
            }
            if entry.is_dir() {
                self.session(id, &entry);
            } else if name(&entry) == Some("patient.toml") {
                self.patient_file(id, &entry);
            } else {
                self.misplaced(&entry, "SESSION");
            }
        }
    }

    fn patient_file(&mut self, id: &str, path: &Path) {
        let file = PatientFile::read(path).unwrap_or_else(|reason| {
            self.problem(path, reason.as_str());
            PatientFile::unreadable(&reason)
        });
        self.found.patient_files.insert(id.to_owned(), file);
    }

    fn session(&mut self, id: &str, folder: &Path) {
        let Some(session) = name(folder).filter(|name| is_name(name)) else {
            return self.problem(folder, "its name cannot name a session");
        };
        let Some(date) = session_date(session) else {
            let reason = "a session's folder starts with a date such as 2026-01-10, or 2026-01-10_label";
            return self.problem(folder, reason);
        };
        for path in self.entries(folder) {
            if path.is_dir() {
                self.problem(&path, "folders inside a session are not read");
            } else if !is_photo(&path) {
                self.skip(&path, "no photograph by its ending");
            } else if let Some((view, shot)) = name(&path).and_then(view_and_shot) {
                self.found.photos.push(FoundPhoto {
                    origin: self.origin(&path),
                    patient: id.to_owned(),
                    session: session.to_owned(),
                    view: view.to_owned(),
                    date: Some(date),
                    shot: Some(shot),
                    path,
                    ..FoundPhoto::default()
                });
            } else {
                self.problem(&path, "its name is not VIEW.EXT or VIEW.SHOT.EXT");
            }
        }
    }

    /// A file above the level where photographs stand.
    fn misplaced(&mut self, path: &Path, missing: &str) {
        if is_photo(path) {
            self.problem(path, format!("a photograph stands in a folder {missing}"));
        } else {
            self.skip(path, "no photograph by its ending");
        }
    }
}

fn is_photo(path: &Path) -> bool {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
    ending.is_some_and(|ending| PHOTO_ENDINGS.contains(&ending.as_str()))
}

/// `cheek_left.2.jpg` is shot 2 of `cheek_left`; without a number it is shot 1.
fn view_and_shot(file: &str) -> Option<(&str, u32)> {
    let (stem, _ending) = file.rsplit_once('.')?;
    let numbered = stem.rsplit_once('.').and_then(|(view, shot)| Some((view, shot.parse().ok()?)));
    numbered.or(Some((stem, 1))).filter(|(view, _)| is_name(view))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shot_is_the_number_before_the_ending() {
        assert_eq!(view_and_shot("cheek_left.jpg"), Some(("cheek_left", 1)));
        assert_eq!(view_and_shot("cheek_left.2.jpg"), Some(("cheek_left", 2)));
        assert_eq!(view_and_shot("cheek.left.JPG"), Some(("cheek.left", 1)));
        assert_eq!(view_and_shot(".jpg"), None);
    }

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for file in files {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        root
    }

    #[test]
    fn every_file_is_a_photo_a_problem_or_skipped() {
        let root = tree(&[
            "P001/2026-01-10/frontal.jpg",
            "P001/2026-01-10/frontal.2.PNG",
            "P001/2026-01-10/notes.txt",
            "P001/2026-01-10/.DS_Store",
            "P001/visit/frontal.jpg",
            "P001/frontal.jpg",
            "P001/2026-01-10/raw/a.jpg",
            "readme.md",
            ".hidden/2026-01-10/a.jpg",
            "out/P001/report.json",
        ]);
        let found = find(root.path(), &root.path().join("out")).unwrap();
        let origins: Vec<_> = found.photos.iter().map(|photo| photo.origin.as_str()).collect();
        assert_eq!(origins, ["P001/2026-01-10/frontal.2.PNG", "P001/2026-01-10/frontal.jpg"]);
        let problems: Vec<_> = found.problems.iter().map(|left| left.input.as_str()).collect();
        assert_eq!(problems, ["P001/2026-01-10/raw", "P001/frontal.jpg", "P001/visit"]);
        let skipped: Vec<_> = found.skipped.iter().map(|left| left.input.as_str()).collect();
        assert_eq!(skipped, ["P001/2026-01-10/notes.txt", "readme.md"]);
    }

    #[test]
    fn what_a_run_wrote_is_never_its_input() {
        let root =
            tree(&["P001/2026-01-10/a.jpg", "P001/report.json", "P001/out/x.jpg", "run.json", "b.txt"]);
        let skipped = |output: &Path| {
            let found = find(root.path(), output).unwrap();
            assert_eq!(found.photos.len(), 1);
            found.skipped.into_iter().chain(found.problems).map(|left| left.input).collect::<Vec<_>>()
        };
        assert_eq!(skipped(root.path()), ["b.txt", "P001/out"]);
        assert_eq!(skipped(&root.path().join("P001/out")), ["P001/report.json", "b.txt", "run.json"]);
    }

    #[test]
    fn a_bad_patient_file_is_named_and_the_photos_stay() {
        let root = tree(&["P001/2026-01-10/frontal.jpg"]);
        fs::write(root.path().join("P001/patient.toml"), "px_per_mm = 'many'").unwrap();
        let found = find(root.path(), Path::new("nowhere")).unwrap();
        assert_eq!((found.photos.len(), found.problems[0].input.as_str()), (1, "P001/patient.toml"));
    }
}
