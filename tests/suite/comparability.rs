//! Whether the gate holds: the same skin in other light, blurred, filtered and made up.

use std::path::{Path, PathBuf};

use crate::common::{dermalapse, phantom};
use image::{Rgb, RgbImage};
use serde_json::Value;
use tempfile::TempDir;

/// A folder with two photos of the same skin, the second under `light` and `camera` (TOML).
fn pair(light: &str, camera: &str) -> (TempDir, [PathBuf; 2]) {
    pair_of(7, light, camera)
}

/// The same of the skin of `seed`.
fn pair_of(seed: u32, light: &str, camera: &str) -> (TempDir, [PathBuf; 2]) {
    planned(&format!(
        "px_per_mm = 20.0\nseed = {seed}\n[[sessions]]\n[[sessions]]\ndate = \"2026-04-10\"\nday = 90\n\
         [sessions.light]\n{light}\n[sessions.camera]\n{camera}\n"
    ))
}

/// The photos of a plan's (TOML) first visit and of that on 2026-04-10, 720 by 540 pixels.
fn planned(plan: &str) -> (TempDir, [PathBuf; 2]) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plan.toml");
    std::fs::write(&file, format!("width = 720\nheight = 540\n{plan}")).unwrap();
    let photos = folder.path().join("photos");
    phantom(&photos, &["--plan", file.to_str().unwrap()]);
    let photo = |date: &str| photos.join("P001").join(date).join("cheek_left.jpg");
    let pair = [photo("2026-01-10"), photo("2026-04-10")];
    (folder, pair)
}

fn compared(photos: &[PathBuf; 2]) -> Value {
    compared_at(photos, "20")
}

/// The same of a baseline with this many pixels per millimetre.
fn compared_at(photos: &[PathBuf; 2], px_per_mm: &str) -> Value {
    let output = dermalapse()
        .arg("compare")
        .args(photos)
        .args(["--px-per-mm", px_per_mm, "--quiet"])
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The follow-up after an edit, as a lossless copy beside it.
fn edited(photo: &Path, edit: impl Fn(&RgbImage) -> RgbImage) -> PathBuf {
    let copy = photo.with_extension("png");
    edit(&image::open(photo).unwrap().to_rgb8()).save(&copy).unwrap();
    copy
}

fn reasons(report: &Value) -> Vec<&str> {
    let comparable = &report["views"][0]["sessions"][1]["comparable"];
    comparable["reasons"].as_array().unwrap().iter().map(|reason| reason["code"].as_str().unwrap()).collect()
}

/// Verdicts on the metrics of the families that are named.
fn verdicts<'a>(report: &'a Value, families: &[&str]) -> Vec<&'a str> {
    let changes = report["views"][0]["changes"].as_array().unwrap().iter();
    let of = |change: &&Value| families.iter().any(|f| change["metric"].as_str().unwrap().starts_with(f));
    changes.filter(of).map(|change| change["verdict"].as_str().unwrap()).collect()
}

fn fine_contrast_percent(report: &Value) -> f64 {
    let changes = report["views"][0]["changes"].as_array().unwrap();
    let fine = changes.iter().find(|change| change["metric"] == "texture.contrast_fine").unwrap();
    fine["percent"].as_f64().unwrap()
}

const COLOUR: [&str; 2] = ["redness.", "pigmentation."];
const RELIEF: [&str; 3] = ["texture.", "scars.", "wrinkles."];

fn never_improved(report: &Value) -> bool {
    let lesions = report["views"][0]["lesions"].as_array().unwrap();
    let followed = lesions.iter().all(|lesion| lesion["change"]["verdict"] != "improved");
    followed && !verdicts(report, &[""]).contains(&"improved")
}

#[test]
fn ordinary_other_light_stays_comparable() {
    let (_folder, photos) =
        pair("exposure = 1.4\nwhite_balance = [1.03, 0.97]\nazimuth_deg = 117.0", "jpeg_quality = 90");
    let report = compared(&photos);
    assert_eq!(reasons(&report), [""; 0]);
    assert_eq!(report["views"][0]["sessions"][1]["comparable"]["status"], "yes");
}

#[test]
fn light_from_the_left_and_from_the_right_compares_colour_alone() {
    let (_folder, photos) = pair("azimuth_deg = 290.0", "");
    let report = compared(&photos);
    assert!(verdicts(&report, &RELIEF).iter().all(|verdict| *verdict == "not_comparable"));
    assert!(verdicts(&report, &["redness."]).iter().any(|verdict| *verdict != "not_comparable"));
    assert_eq!(reasons(&report), ["light_differs"]);
}

#[test]
fn light_turned_by_more_than_twenty_degrees_does_not_compare_scars() {
    for azimuth in [133.0, 87.0] {
        let (_folder, photos) = pair(&format!("azimuth_deg = {azimuth:.1}"), "");
        let report = compared(&photos);
        assert!(
            verdicts(&report, &["scars."]).iter().all(|verdict| *verdict == "not_comparable"),
            "{azimuth}"
        );
        assert!(verdicts(&report, &COLOUR).iter().any(|verdict| *verdict != "not_comparable"), "{azimuth}");
        assert_eq!(reasons(&report), ["light_turned"], "{azimuth}");
    }
}

#[test]
fn a_flash_is_never_an_improvement_and_does_not_compare_relief() {
    let (_folder, photos) = pair("elevation_deg = 88.0", "");
    let report = compared(&photos);
    assert!(never_improved(&report));
    assert!(verdicts(&report, &RELIEF).iter().all(|verdict| *verdict == "not_comparable"));
}

#[test]
fn a_blurred_copy_is_never_smoother() {
    for blur in [1.2, 1.8, 3.0] {
        let (_folder, photos) = pair("", &format!("blur_px = {blur:.1}"));
        assert!(never_improved(&compared(&photos)), "{blur}");
    }
}

/// Equal, and blurrier by half a pixel: the plan's 0.8 pixels and `√(0.8² + 0.5²)`.
#[test]
fn fine_contrast_stays_within_a_hundredth_in_another_pose_and_under_half_a_pixel_of_blur() {
    for blur in [0.8, 0.9434] {
        let camera = format!("rotation_deg = 4.0\nshift_mm = [1.5, -1.0]\nblur_px = {blur}");
        let (_folder, photos) = pair_of(8, "", &camera);
        let percent = fine_contrast_percent(&compared(&photos));
        assert!(percent.abs() < 1.0, "{blur}: {percent}");
    }
}

/// By the plan's 0.8 pixels and `√(0.8² + 0.5²)`: a quarter of a square pixel. Noise is seven times the
/// usual, and dark skin reflects little green.
#[test]
fn half_a_pixel_of_blur_is_told_on_dark_skin_in_noise() {
    for seed in [8, 21] {
        let camera = "[sessions.camera]\nread_noise = 0.004\n";
        let (_folder, photos) = planned(&format!(
            "px_per_mm = 20.0\ntone = 0.3\nseed = {seed}\n[[sessions]]\n{camera}\
             [[sessions]]\ndate = \"2026-04-10\"\nday = 90\n{camera}blur_px = 0.9434\n"
        ));
        let report = compared(&photos);
        let measures = &report["views"][0]["sessions"][1]["comparable"]["measures"];
        let blur_px = 20.0 * measures["relative_blur_mm"].as_f64().unwrap();
        assert!((blur_px.powi(2) - 0.25).abs() < 0.025, "{seed}: {blur_px}");
    }
}

/// A fifth fewer pixels per millimetre: half of them, which do for the baseline, would not do for pores.
#[test]
fn a_photo_from_further_away_shows_as_much_where_it_has_the_pixels() {
    let (_folder, photos) = planned(
        "px_per_mm = 27.0\nseed = 8\n[[sessions]]\n[[sessions]]\ndate = \"2026-04-10\"\nday = 90\n\
         [sessions.camera]\nmagnification = 0.8\n",
    );
    let report = compared_at(&photos, "27");
    for family in ["pores.", "scars."] {
        assert_eq!(verdicts(&report, &[family]), ["no_detectable_change"; 3], "{family}");
    }
    let percent = fine_contrast_percent(&report);
    assert!(percent.abs() < 1.5, "{percent}");
}

/// A bilateral filter: what a beauty mode does to skin.
fn beautified(photo: &RgbImage) -> RgbImage {
    const REACH: i64 = 5;
    let (width, height) = photo.dimensions();
    RgbImage::from_fn(width, height, |x, y| {
        let here = photo.get_pixel(x, y).0.map(f32::from);
        let (mut sum, mut total) = ([0.0f32; 3], 0.0f32);
        for (dy, dx) in (-REACH..=REACH).flat_map(|dy| (-REACH..=REACH).map(move |dx| (dy, dx))) {
            let at =
                |from: u32, by: i64, most: u32| (i64::from(from) + by).clamp(0, i64::from(most) - 1) as u32;
            let there = photo.get_pixel(at(x, dx, width), at(y, dy, height)).0.map(f32::from);
            let apart: f32 = (0..3).map(|c| (there[c] - here[c]).powi(2)).sum();
            let weight = (-((dx * dx + dy * dy) as f32) / 32.0 - apart / 1250.0).exp();
            (0..3).for_each(|c| sum[c] += weight * there[c]);
            total += weight;
        }
        Rgb(sum.map(|sum| (sum / total).round() as u8))
    })
}

#[test]
fn a_beauty_filtered_copy_is_flagged_and_improves_nothing() {
    let (_folder, [before, after]) = pair("", "");
    let report = compared(&[before, edited(&after, beautified)]);
    assert!(reasons(&report).contains(&"smoothed"), "{:?}", reasons(&report));
    assert!(never_improved(&report));
}

/// A layer of the skin's own mean colour that covers `share` of it and lets
/// the relief show: it reflects as the skin around does.
fn made_up(photo: &RgbImage, share: f32) -> RgbImage {
    let pixels = photo.pixels().map(|pixel| pixel.0.map(f32::from));
    let sum = pixels.fold([0.0f64; 3], |sum, pixel| [0, 1, 2].map(|c| sum[c] + f64::from(pixel[c])));
    let mean = sum.map(|sum| (sum / f64::from(photo.width() * photo.height())) as f32);
    let mut covered = photo.clone();
    for pixel in covered.pixels_mut() {
        let level = f32::from(pixel.0[1]) / mean[1];
        let laid = |c: usize| (1.0 - share) * f32::from(pixel.0[c]) + share * mean[c] * (0.5 + 0.5 * level);
        pixel.0 = [0, 1, 2].map(|c| laid(c).round().min(255.0) as u8);
    }
    covered
}

#[test]
fn a_layer_of_make_up_is_told_and_improves_no_colour() {
    for share in [0.4, 0.65] {
        let (_folder, [before, after]) = pair("", "");
        let report = compared(&[before, edited(&after, |photo| made_up(photo, share))]);
        assert!(reasons(&report).contains(&"skin_covered"), "{share}: {:?}", reasons(&report));
        assert!(!verdicts(&report, &COLOUR).contains(&"improved"), "{share}");
    }
}
