//! What is measured as skin, seen through the program.

use crate::common::{dermalapse, json};
use image::{Rgb, RgbImage};
use serde_json::Value;

fn measured(photo: &RgbImage, options: &[&str]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let (file, overlay) = (folder.path().join("photo.png"), folder.path().join("overlay.png"));
    photo.save(&file).unwrap();
    let output =
        dermalapse().arg("measure").arg(&file).arg("--overlay").arg(&overlay).args(options).output().unwrap();
    let drawn = image::open(&overlay).unwrap().to_rgb8();
    assert_eq!(drawn.dimensions(), photo.dimensions());
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Mottled skin, left, beside green cloth.
fn beside_cloth(skin: [f32; 3], share: f32) -> RgbImage {
    RgbImage::from_fn(300, 240, |x, y| {
        let mottle = 1.0 + 0.04 * ((x as f32 * 0.31).sin() + (y as f32 * 0.23 + x as f32 * 0.11).sin());
        let here = if (x as f32) < 300.0 * share { skin } else { [40.0, 90.0, 60.0] };
        Rgb(here.map(|value| (value * mottle).clamp(0.0, 255.0) as u8))
    })
}

/// sRGB of skin from very light to dark.
const TONES: [[f32; 3]; 6] = [
    [233.0, 205.0, 188.0],
    [222.0, 184.0, 160.0],
    [204.0, 158.0, 128.0],
    [176.0, 126.0, 94.0],
    [132.0, 86.0, 58.0],
    [82.0, 52.0, 36.0],
];

#[test]
fn every_tone_is_found_alike_and_its_share_is_reported() {
    let found = TONES
        .map(|tone| measured(&beside_cloth(tone, 0.6), &[])["quality"]["skin_fraction"].as_f64().unwrap());
    assert!(found.iter().all(|share| (share - 0.6).abs() < 0.03), "{found:?}");
}

#[test]
fn a_region_drawn_by_hand_is_measured_wherever_it_lies() {
    let folder = tempfile::tempdir().unwrap();
    let roi = folder.path().join("roi.json");
    let shape = r#"{"shapes": [{"label": "patch", "shape_type": "polygon", "points": [[200, 40], [280, 40], [280, 200], [200, 200]]}]}"#;
    std::fs::write(&roi, shape).unwrap();
    assert!(json(&roi).is_object());
    let report = measured(&beside_cloth(TONES[1], 0.6), &["--roi", roi.to_str().unwrap()]);
    let regions = report["regions"].as_array().unwrap();
    let patch = regions.iter().find(|region| region["region"] == "patch").unwrap();
    // 80 by 160 pixels, give or take the outline.
    assert!((patch["area_px"].as_f64().unwrap() / 12_800.0 - 1.0).abs() < 0.06, "{}", patch["area_px"]);
}
