//! What the camera noted about the capture: numbers and flags only, never text.

use std::io::Cursor;

use exif::{Exif, In, Reader, Tag, Value};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::jpeg::JpegQuality;
use super::orientation::Orientation;

/// Facts about the capture that bear on comparability.
///
/// Each is `None` where the file does not say or says nonsense. Free text
/// (names, places, serial numbers) is never kept.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct CaptureFacts {
    /// How strongly the JPEG file was compressed.
    pub jpeg_quality: Option<JpegQuality>,
    /// Whether the flash fired.
    pub flash_fired: Option<bool>,
    /// Whether the camera chose the white balance itself.
    pub auto_white_balance: Option<bool>,
    /// Exposure time, s.
    pub exposure_time_s: Option<f64>,
    /// Focal length divided by the aperture's diameter.
    pub f_number: Option<f64>,
    /// Sensitivity, ISO.
    pub iso: Option<f64>,
    /// Focal length of the lens, mm.
    pub focal_length_mm: Option<f64>,
    /// Focal length that shows the same field on film of 36 by 24 mm, mm.
    #[serde(default)]
    pub focal_length_35mm: Option<f64>,
    /// Magnification by cropping; 1 if none was used.
    pub digital_zoom: Option<f64>,
    /// Whether the file names software that edits photos.
    pub edited: Option<bool>,
    /// Whether the colours are in a space that the file states (sRGB) or
    /// leaves to a profile; `false` if it says "uncalibrated".
    pub colour_space_stated: Option<bool>,
}

/// Parts of the names of software that changes what skin looks like. A
/// camera's own firmware names none of them.
const EDITORS: [&str; 22] = [
    "photoshop",
    "lightroom",
    "adobe",
    "gimp",
    "snapseed",
    "facetune",
    "beauty",
    "meitu",
    "picsart",
    "vsco",
    "airbrush",
    "instagram",
    "pixelmator",
    "affinity",
    "darktable",
    "rawtherapee",
    "capture one",
    "luminar",
    "paint",
    "polarr",
    "canva",
    "remini",
];

/// The orientation and the facts that the EXIF data of a file hold.
pub(super) fn read(bytes: &[u8]) -> (Orientation, CaptureFacts) {
    let mut reader = Reader::new();
    let exif = reader
        .continue_on_error(true)
        .read_from_container(&mut Cursor::new(bytes))
        .or_else(|error| error.distill_partial_result(|_| {}))
        .ok();
    let orientation = exif.as_ref().and_then(|exif| unsigned(exif, Tag::Orientation));
    (Orientation::from_exif(orientation), exif.as_ref().map(from_exif).unwrap_or_default())
}

fn from_exif(exif: &Exif) -> CaptureFacts {
    let positive = |tag| number(exif, tag).filter(|&value| value > 0.0);
    CaptureFacts {
        jpeg_quality: None,
        flash_fired: unsigned(exif, Tag::Flash).map(|flags| flags & 1 == 1),
        auto_white_balance: unsigned(exif, Tag::WhiteBalance).map(|mode| mode == 0),
        exposure_time_s: positive(Tag::ExposureTime),
        f_number: positive(Tag::FNumber),
        iso: positive(Tag::PhotographicSensitivity),
        focal_length_mm: positive(Tag::FocalLength),
        focal_length_35mm: positive(Tag::FocalLengthIn35mmFilm),
        digital_zoom: number(exif, Tag::DigitalZoomRatio).map(|zoom| zoom.max(1.0)),
        edited: names_an_editor(exif),
        colour_space_stated: unsigned(exif, Tag::ColorSpace).map(|space| space != 0xFFFF),
    }
}

fn unsigned(exif: &Exif, tag: Tag) -> Option<u32> {
    exif.get_field(tag, In::PRIMARY)?.value.get_uint(0)
}

/// The first number of a field. A ratio with a numerator of 0 is 0 (EXIF
/// states "digital zoom not used" so), one with a denominator of 0 is unknown.
fn number(exif: &Exif, tag: Tag) -> Option<f64> {
    let value = match &exif.get_field(tag, In::PRIMARY)?.value {
        Value::Rational(ratios) if ratios.first()?.num == 0 => 0.0,
        Value::Rational(ratios) => ratios.first()?.to_f64(),
        other => f64::from(other.get_uint(0)?),
    };
    value.is_finite().then_some(value)
}

fn names_an_editor(exif: &Exif) -> Option<bool> {
    let Value::Ascii(texts) = &exif.get_field(Tag::Software, In::PRIMARY)?.value else { return None };
    let name = String::from_utf8_lossy(texts.first()?).to_lowercase();
    Some(EDITORS.iter().any(|editor| name.contains(editor)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A little-endian TIFF block with one directory of `entries`: tag, type, count, value.
    fn block(entries: &[(u16, u16, u32, u32)], tail: &[u8]) -> Vec<u8> {
        let mut bytes = b"II*\0\x08\0\0\0".to_vec();
        bytes.extend((entries.len() as u16).to_le_bytes());
        for &(tag, kind, count, value) in entries {
            bytes.extend(tag.to_le_bytes());
            bytes.extend(kind.to_le_bytes());
            bytes.extend(count.to_le_bytes());
            bytes.extend(value.to_le_bytes());
        }
        bytes.extend([0; 4]);
        bytes.extend(tail);
        bytes
    }

    #[test]
    fn software_becomes_a_flag_and_never_text() {
        let at = 8 + 2 + 12 + 4;
        let facts = |name: &[u8]| read(&block(&[(0x0131, 2, name.len() as u32, at)], name)).1;
        assert_eq!(facts(b"Adobe Photoshop 2026\0").edited, Some(true));
        assert_eq!(facts(b"HDR+ 1.0.5 zoom\0").edited, Some(false));
        assert_eq!(read(&block(&[], &[])).1.edited, None);
    }

    #[test]
    fn an_orientation_of_nine_is_upright() {
        let stated = |value| read(&block(&[(0x0112, 3, 1, value)], &[])).0;
        assert_eq!(stated(9), Orientation::from_exif(None));
        assert_eq!(stated(6), Orientation::from_exif(Some(6)));
    }

    #[test]
    fn what_is_no_exif_gives_no_facts() {
        assert_eq!(read(b"nothing of the kind").1, CaptureFacts::default());
        assert_eq!(read(&[]).1, CaptureFacts::default());
    }
}
