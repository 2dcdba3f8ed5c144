//! `patient.toml`: what is known of a patient beside the photographs.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use jiff::civil::Date;
use serde::Deserialize;

use crate::batch::arrange::given_scale;
use crate::error::Warning;
use crate::reading;
use crate::units::Scale;

/// The largest `patient.toml` that is read, bytes.
const MOST_BYTES: u64 = 1024 * 1024;

/// What `patient.toml` says, checked.
#[derive(Debug, Clone, Default)]
pub(super) struct PatientFile {
    pub arm: Option<String>,
    pub treatments: Vec<Date>,
    scale: Option<Scale>,
    views: BTreeMap<String, ViewPart>,
    complaint: Option<String>,
}

#[derive(Debug, Clone, Default)]
struct ViewPart {
    scale: Option<Scale>,
    roi: Option<PathBuf>,
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    arm: Option<String>,
    #[serde(default)]
    treatments: Vec<toml::Value>,
    px_per_mm: Option<f64>,
    #[serde(default)]
    views: BTreeMap<String, RawView>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawView {
    px_per_mm: Option<f64>,
    roi: Option<PathBuf>,
}

impl PatientFile {
    /// Reads the file at `path`; what is wrong with it as text.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let text = reading::read_text(path, MOST_BYTES).map_err(|error| error.to_string())?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Self::parse(&text, folder)
    }

    /// An empty file in the place of one that could not be read.
    pub(super) fn unreadable(reason: &str) -> Self {
        Self { complaint: Some(reason.to_owned()), ..Self::default() }
    }

    fn parse(text: &str, folder: &Path) -> Result<Self, String> {
        let raw: Raw = toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
        let mut treatments = raw.treatments.iter().map(date).collect::<Result<Vec<_>, _>>()?;
        treatments.sort();
        let views = raw.views.into_iter().map(|(view, part)| Ok((view, part.check(folder)?)));
        Ok(Self {
            arm: raw.arm.filter(|arm| !arm.trim().is_empty()),
            treatments,
            scale: raw.px_per_mm.map(given_scale).transpose()?,
            views: views.collect::<Result<_, String>>()?,
            complaint: None,
        })
    }

    /// The scale of a view's baseline photo.
    pub(super) fn scale(&self, view: &str) -> Option<Scale> {
        self.views.get(view).and_then(|part| part.scale).or(self.scale)
    }

    /// The regions drawn on a view's baseline photo.
    pub(super) fn roi(&self, view: &str) -> Option<PathBuf> {
        self.views.get(view).and_then(|part| part.roi.clone())
    }

    /// What is odd about the file beside photos of `views`.
    pub(super) fn warnings<'a>(&self, views: impl Iterator<Item = &'a String>) -> Vec<Warning> {
        let known: Vec<&String> = views.collect();
        let unreadable = self.complaint.iter().map(|reason| {
            Warning::new("patient_file_unreadable", format!("patient.toml was not used: {reason}"))
        });
        let unknown = self.views.keys().filter(|view| !known.contains(view)).map(|view| {
            Warning::new(
                "unknown_view",
                format!("patient.toml names the view {view}, of which there is no photo"),
            )
        });
        unreadable.chain(unknown).collect()
    }
}

impl RawView {
    fn check(self, folder: &Path) -> Result<ViewPart, String> {
        let scale = self.px_per_mm.map(given_scale).transpose()?;
        if let Some(roi) = &self.roi
            && !roi.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
        {
            // Not repeated: outputs must not tell where anything stands.
            return Err("a roi leads out of the patient's folder; lay the file beside patient.toml".into());
        }
        Ok(ViewPart { scale, roi: self.roi.map(|roi| folder.join(roi)) })
    }
}

/// A TOML date, or one written as text.
fn date(value: &toml::Value) -> Result<Date, String> {
    let text = match value {
        toml::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    text.parse().map_err(|_| format!("treatment {text} is not a date such as 2026-01-10"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<PatientFile, String> {
        PatientFile::parse(text, Path::new("P001"))
    }

    #[test]
    fn a_view_overrules_the_patient() {
        let file = parse("px_per_mm = 10\n[views.frontal]\npx_per_mm = 20.5\nroi = 'frontal.json'").unwrap();
        assert_eq!(file.scale("frontal").map(Scale::px_per_mm), Some(20.5));
        assert_eq!(file.scale("forearm").map(Scale::px_per_mm), Some(10.0));
        assert_eq!(file.roi("frontal"), Some("P001/frontal.json".into()));
    }

    #[test]
    fn dates_may_be_quoted_or_not_and_come_in_order() {
        let file = parse("treatments = ['2026-03-01', 2026-02-01]").unwrap();
        assert_eq!(
            file.treatments.iter().map(Date::to_string).collect::<Vec<_>>(),
            ["2026-02-01", "2026-03-01"]
        );
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for text in [
            "treatments = ['soon']",
            "px_per_mm = 0",
            "scale = 3",
            "[views.a]\nroi = '../b.json'",
            "[views.a]\nroi = '/b.json'",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
