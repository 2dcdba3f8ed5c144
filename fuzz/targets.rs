//! What comes from anywhere, one function for each kind of it.
//!
//! None may panic, hang or take memory beyond the limits, whatever the bytes.
//! Shared by the bounded run in `tests/suite/hostile.rs` and the programs in `fuzz/src`.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use dermalapse::photo::{DecodeLimits, Fingerprint, Photo};
use dermalapse::region::read_regions;
use dermalapse::report::json;
use dermalapse::series::Report;
use dermalapse::settings::Settings;
use dermalapse::units::{Scale, ScaleSource};
use dermalapse::{batch, pipeline};

/// A kind of input: its name, which is that of its corpus, and who reads it.
pub type Target = (&'static str, fn(&[u8], &Path));

/// Every kind of input. The second argument is a folder to work in.
pub const TARGETS: &[Target] = &[
    ("photo", photo),
    ("label_me", label_me),
    ("label_mask", label_mask),
    ("manifest", manifest),
    ("patient_file", patient_file),
    ("settings", settings),
    ("report", report),
    ("measure", measure),
];

/// Size of the photo that regions are drawn on.
const DRAWN_ON: (usize, usize) = (16, 12);

fn written(folder: &Path, name: &str, bytes: &[u8]) -> std::path::PathBuf {
    let path = folder.join(name);
    fs::write(&path, bytes).expect("the folder is for us");
    path
}

/// JPEG, PNG, TIFF or WebP, with EXIF and a colour profile.
fn photo(bytes: &[u8], folder: &Path) {
    let path = written(folder, "photo", bytes);
    let limits = DecodeLimits { max_megapixels: 1 };
    let print = Fingerprint::of(&path, &limits).expect("it can be read");
    if let Ok(photo) = Photo::open(&path, &limits) {
        assert_eq!(photo.blake3(), print.blake3);
        assert!(print.decoded_bytes >= 3 * (photo.width() * photo.height()) as u64);
        assert!(photo.linear(1).iter().flatten().all(|light| (0.0..=1.0).contains(light)));
    }
}

/// Outlines drawn with LabelMe.
fn label_me(bytes: &[u8], folder: &Path) {
    regions(&written(folder, "drawn.json", bytes));
}

/// A PNG label mask.
fn label_mask(bytes: &[u8], folder: &Path) {
    regions(&written(folder, "drawn.png", bytes));
}

fn regions(path: &Path) {
    let (width, height) = DRAWN_ON;
    for outline in read_regions(path, width, height).unwrap_or_default() {
        assert_eq!(outline.rasterise(2).dim(), (height / 2, width / 2));
    }
}

/// A CSV manifest.
fn manifest(bytes: &[u8], folder: &Path) {
    let path = written(folder, "manifest.csv", bytes);
    for patient in
        batch::discover(&path, &folder.join("out"), None).map(|input| input.patients).unwrap_or_default()
    {
        assert!(!patient.id.contains(['/', '\\']) && patient.id != "..");
        assert!(patient.series.iter().all(|series| series.photo_count() > 0));
    }
}

/// `patient.toml`, beside one photo.
fn patient_file(bytes: &[u8], folder: &Path) {
    let visit = folder.join("in/P001/2026-01-10");
    fs::create_dir_all(&visit).expect("the folder is for us");
    written(&visit, "cheek.jpg", b"");
    written(&folder.join("in/P001"), "patient.toml", bytes);
    let input = batch::discover(&folder.join("in"), &folder.join("out"), None).expect("there is a photo");
    let roi = input.patients[0].series[0].roi.clone();
    assert!(roi.is_none_or(|roi| roi.starts_with(folder)));
}

/// A settings file.
fn settings(bytes: &[u8], folder: &Path) {
    if let Ok(settings) = Settings::read(&written(folder, "settings.toml", bytes)) {
        settings.validate().expect("what was read was checked");
    }
}

/// A report, as `analyze` and others read it back.
fn report(bytes: &[u8], _: &Path) {
    if let Ok(report) = serde_json::from_slice::<Report>(bytes) {
        let text = json::pretty(&report);
        let again: Report = serde_json::from_str(&text).expect("what was written can be read");
        assert_eq!(json::pretty(&again), text);
    }
}

/// The whole measurement of a small photo: three bytes give its size and its
/// scale, the rest are its samples, over and over.
fn measure(bytes: &[u8], folder: &Path) {
    let Some((&[width, height, scale], samples)) = bytes.split_first_chunk::<3>() else { return };
    if samples.is_empty() {
        return;
    }
    let (width, height) = (48 + u32::from(width) % 96, 48 + u32::from(height) % 96);
    let filled = samples.iter().copied().cycle().take((3 * width * height) as usize).collect();
    let picture = image::RgbImage::from_raw(width, height, filled).expect("three samples per pixel");
    let mut png = Cursor::new(Vec::new());
    picture.write_to(&mut png, image::ImageFormat::Png).expect("encodable");
    let path = written(folder, "small.png", png.get_ref());
    let scale = Scale::new(f64::from(scale) / 4.0, ScaleSource::Option).ok();
    if let Ok((measurement, objects)) = pipeline::measure_photo(&path, scale, None, &Settings::default()) {
        assert!(!json::pretty(&objects).is_empty() && measurement.quality.clipped_fraction <= 1.0);
        for region in &measurement.regions {
            for (id, record) in &region.metrics {
                assert!(record.value.is_none_or(f64::is_finite), "{id}: {record:?}");
                assert!(
                    record.value.is_some() || record.reason.is_some(),
                    "{id} has neither value nor reason"
                );
            }
        }
    }
}
