use super::*;
use crate::filter::gaussian::gaussian;
use crate::raster::Plane;
use image::{Rgb, RgbImage};
use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;

const SCALE: FilterScale = FilterScale { px_per_mm: 10.0, physical: true };

/// A photo of mottled skin with steep dots, blurred by `sigma` pixels and then multiplied.
fn skin_photo(sigma: f64, exposure: f32) -> Photo {
    let mut random = Pcg64Mcg::seed_from_u64(3);
    let mottle = gaussian(&Plane::from_shape_fn((400, 400), |_| random.random_range(-1.0..1.0)), 3.0);
    let dot = |x: usize, y: usize| (x % 40 < 6 && y % 40 < 6) as u8 as f32;
    let sharp = Plane::from_shape_fn((400, 400), |(y, x)| 1.0 + 0.8 * mottle[[y, x]] - 0.35 * dot(x, y));
    let light = gaussian(&sharp, sigma);
    let coded = |x: u32, y: u32, tint: f32| {
        let linear = exposure * tint * light[[y as usize, x as usize]];
        (255.0 * crate::color::srgb_from_linear(linear)).round() as u8
    };
    Photo::from_rgb8(
        "p",
        RgbImage::from_fn(400, 400, |x, y| Rgb([coded(x, y, 0.5), coded(x, y, 0.32), coded(x, y, 0.22)])),
    )
}

fn assessed(photo: &Photo, scale: FilterScale) -> Quality {
    assess(photo, &Skin::of(photo, scale), scale)
}

fn codes(quality: &Quality) -> Vec<&str> {
    quality.warnings.iter().map(|warning| warning.code.as_str()).collect()
}

#[test]
fn a_good_photo_is_usable_without_complaint() {
    let quality = assessed(&skin_photo(0.6, 1.0), SCALE);
    assert!(quality.usable && quality.coverage > 0.95 && quality.sharpness > 0.5, "{quality:?}");
    assert_eq!((quality.clipped_fraction, codes(&quality)), (0.0, vec!["blurred"; 0]));
    assert!((quality.exposure - 0.32).abs() < 0.02);
}

#[test]
fn sharpness_falls_with_every_step_of_blur() {
    let sharpness = [0.6, 1.2, 2.0, 3.0].map(|sigma| assessed(&skin_photo(sigma, 1.0), SCALE).sharpness);
    assert!(sharpness.windows(2).all(|pair| pair[0] > pair[1]), "{sharpness:?}");
}

#[test]
fn blur_is_judged_in_millimetres_where_they_are_known() {
    let blurred = assessed(&skin_photo(4.0, 1.0), SCALE);
    assert_eq!(codes(&blurred), ["blurred"]);
    assert!(blurred.usable && blurred.warnings[0].message.contains("wrinkles"), "{blurred:?}");
}

#[test]
fn overexposed_and_black_photos_are_not_used() {
    let bright = assessed(&skin_photo(0.6, 2.2), SCALE);
    assert!(!bright.usable && codes(&bright).contains(&"overexposed"), "{bright:?}");
    let black = Photo::from_rgb8("p", RgbImage::new(200, 200));
    let black = assessed(&black, SCALE);
    assert!(!black.usable && codes(&black).contains(&"no_skin"), "{black:?}");
}

#[test]
fn tiny_photos_are_assessed_without_panic() {
    for (width, height) in [(1, 1), (1, 40), (7, 3)] {
        let photo = Photo::from_rgb8("p", RgbImage::from_pixel(width, height, Rgb([180, 140, 120])));
        let quality = assessed(&photo, FilterScale::of(None, width as usize, height as usize));
        assert!(quality.sharpness == 0.0 && quality.noise.is_none());
    }
}

#[test]
fn compression_editing_and_zoom_are_told() {
    let facts = CaptureFacts {
        jpeg_quality: Some(crate::photo::JpegQuality { quality: 60, exact: true }),
        edited: Some(true),
        digital_zoom: Some(2.0),
        ..CaptureFacts::default()
    };
    let quality = assessed(&skin_photo(0.6, 1.0), SCALE);
    let warnings = warnings(&quality, &facts, SCALE, 400);
    let codes: Vec<&str> = warnings.iter().map(|warning| warning.code.as_str()).collect();
    assert_eq!(codes, ["strong_compression", "edited", "digital_zoom"]);
}
