//! One series from photos listed in order of time.

use std::path::{Path, PathBuf};

use crate::batch::arrange::session_date;
use crate::source::{PatientSource, PhotoSource, SeriesSource, SessionSource};
use crate::units::Scale;

/// A patient without a name whose only series is `photos`, one session each;
/// the first is the baseline.
///
/// Photos that all stand in folders named by different dates are sessions of
/// those names; otherwise sessions are named by file, or numbered where files
/// have the same name. At least one photo.
pub fn series_of(photos: &[&Path], scale: Option<Scale>, roi: Option<PathBuf>) -> PatientSource {
    let sessions = session_names(photos).into_iter().zip(photos).map(|(session, path)| {
        let file = last_part(path);
        let photo = PhotoSource { path: path.to_path_buf(), file, shot: 1 };
        let date = session_date(&session);
        SessionSource { session, date, photos: vec![photo], days_since_treatment: None }
    });
    let id = "anonymous".to_owned();
    let view = view_name(photos);
    let (sessions, treatments) = (sessions.collect(), Vec::new());
    let series = SeriesSource { patient: id.clone(), view, sessions, baseline: 0, scale, roi, treatments };
    PatientSource { id, arm: None, treatments: Vec::new(), series: vec![series], warnings: Vec::new() }
}

fn last_part(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn stem(path: &Path) -> String {
    path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn session_names(photos: &[&Path]) -> Vec<String> {
    let folders: Vec<String> =
        photos.iter().map(|path| path.parent().map(last_part).unwrap_or_default()).collect();
    if all_differ(&folders) && folders.iter().all(|folder| session_date(folder).is_some()) {
        return folders;
    }
    let files: Vec<String> = photos.iter().map(|path| stem(path)).collect();
    if all_differ(&files) {
        return files;
    }
    files.iter().enumerate().map(|(index, file)| format!("{}-{file}", index + 1)).collect()
}

fn all_differ(names: &[String]) -> bool {
    names.iter().enumerate().all(|(index, name)| !names[..index].contains(name))
}

/// The name that all files share, if they do.
fn view_name(photos: &[&Path]) -> String {
    let first = stem(photos[0]);
    if photos.len() > 1 && photos.iter().all(|path| stem(path) == first) { first } else { "photo".into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(photos: &[&str]) -> (Vec<String>, String, Vec<Option<i64>>) {
        let paths: Vec<&Path> = photos.iter().map(Path::new).collect();
        let series = series_of(&paths, None, None).series.remove(0);
        let days = (0..photos.len()).map(|index| series.day(index)).collect();
        (series.sessions.into_iter().map(|session| session.session).collect(), series.view, days)
    }

    #[test]
    fn folders_named_by_date_make_dated_sessions() {
        let (sessions, view, days) = names(&["P1/2026-01-10/cheek.jpg", "P1/2026-01-20_after/cheek.jpg"]);
        assert_eq!(sessions, ["2026-01-10", "2026-01-20_after"]);
        assert_eq!((view.as_str(), days), ("cheek", vec![Some(0), Some(10)]));
    }

    #[test]
    fn other_sessions_are_named_by_file_and_numbered_if_they_must() {
        assert_eq!(names(&["before.jpg", "after.jpg"]).0, ["before", "after"]);
        assert_eq!(names(&["a/face.jpg", "b/face.jpg"]).0, ["1-face", "2-face"]);
        assert_eq!(names(&["a.jpg", "a.jpg"]).2, [None, None]);
    }
}
