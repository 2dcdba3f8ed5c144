use std::io::Cursor;
use std::path::PathBuf;

use image::{DynamicImage, ImageBuffer, ImageEncoder, ImageFormat, Luma, Rgb, RgbImage, Rgba};
use tempfile::TempDir;

use super::*;
use crate::error::Error;

/// A picture whose pixels all differ: red grows to the right, green downwards.
fn ramp(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| Rgb([(x * 7) as u8, (y * 11) as u8, 90]))
}

fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).expect("encodable");
    bytes.into_inner()
}

/// The photo read back from a file of `bytes` called `name`.
fn opened(name: &str, bytes: &[u8]) -> Result<Photo> {
    let folder = TempDir::new().expect("a scratch folder");
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).expect("writable");
    Photo::open(&path, &DecodeLimits::default())
}

fn codes(photo: &Photo) -> Vec<&str> {
    photo.warnings().iter().map(|warning| warning.code.as_str()).collect()
}

/// A PNG chunk, its checksum worked out bit by bit.
fn chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let body: Vec<u8> = name.iter().chain(data).copied().collect();
    let mut crc = u32::MAX;
    for byte in &body {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
        }
    }
    [&(data.len() as u32).to_be_bytes()[..], &body, &(!crc).to_be_bytes()].concat()
}

#[test]
fn every_lossless_format_gives_the_same_pixels_whatever_its_name() {
    let image = ramp(20, 12);
    for format in [ImageFormat::Png, ImageFormat::Tiff, ImageFormat::WebP] {
        let bytes = encoded(&image.clone().into(), format);
        let photo = opened("misnamed.jpg", &bytes).expect("decodable");
        assert_eq!(photo.to_rgb8(), image, "{format:?}");
        assert_eq!((photo.width(), photo.height(), photo.file()), (20, 12, "misnamed.jpg"));
        assert_eq!(codes(&photo), Vec::<&str>::new());
    }
}

#[test]
fn the_hash_is_that_of_the_file() {
    let bytes = encoded(&ramp(4, 4).into(), ImageFormat::Png);
    let photo = opened("a.png", &bytes).expect("decodable");
    assert_eq!(photo.blake3(), blake3::hash(&bytes).to_hex().as_str());
    assert_ne!(Photo::from_rgb8("a", ramp(2, 8)).blake3(), Photo::from_rgb8("a", ramp(8, 2)).blake3());
}

#[test]
fn sixteen_bits_agree_with_eight() {
    let image = ramp(24, 18);
    let wide = ImageBuffer::<Rgb<u16>, _>::from_fn(24, 18, |x, y| {
        Rgb(image.get_pixel(x, y).0.map(|value| u16::from(value) * 257))
    });
    let narrow = Photo::from_rgb8("narrow", image);
    for format in [ImageFormat::Png, ImageFormat::Tiff] {
        let photo = opened("wide", &encoded(&wide.clone().into(), format)).expect("decodable");
        for factor in [1, 2, 3] {
            for channel in 0..3 {
                let difference = &photo.linear(factor)[channel] - &narrow.linear(factor)[channel];
                assert!(difference.iter().all(|d| d.abs() < 1e-6));
                let difference = photo.density(channel, factor, 1.3) - narrow.density(channel, factor, 1.3);
                assert!(difference.iter().all(|d| d.abs() < 1e-4));
            }
            let difference = photo.encoded_green(factor) - narrow.encoded_green(factor);
            assert!(difference.iter().all(|d| d.abs() < 1e-3));
        }
    }
}

#[test]
fn density_is_the_logarithm_of_the_mean_light_after_the_gain() {
    let photo = Photo::from_rgb8("p", ramp(9, 9));
    let green = &photo.linear(2)[1];
    let density = photo.density(1, 2, 1.25);
    assert_eq!(green.dim(), (4, 4));
    for (density, green) in density.iter().zip(green) {
        assert!((density - -(1.25 * green).max(color::DARKEST_LINEAR).ln()).abs() < 1e-5);
    }
}

#[test]
fn grey_photos_have_three_equal_channels() {
    let grey = image::GrayImage::from_fn(6, 5, |x, y| Luma([(x * 30 + y) as u8]));
    let photo = opened("grey.png", &encoded(&grey.clone().into(), ImageFormat::Png)).expect("decodable");
    assert!(photo.to_rgb8().enumerate_pixels().all(|(x, y, rgb)| rgb.0 == [grey.get_pixel(x, y).0[0]; 3]));
}

#[test]
fn opaque_alpha_is_ignored_and_transparency_is_told() {
    let with_alpha = |alpha| image::RgbaImage::from_pixel(3, 3, Rgba([200, 150, 100, alpha]));
    let photo = |alpha| opened("a.png", &encoded(&with_alpha(alpha).into(), ImageFormat::Png));
    assert_eq!(codes(&photo(255).expect("decodable")), Vec::<&str>::new());
    let clear = photo(0).expect("decodable");
    assert_eq!(codes(&clear), ["transparent"]);
    assert_eq!(clear.to_rgb8().get_pixel(0, 0).0, [0, 0, 0]);
}

/// A JPEG with an EXIF block that states `orientation` alone.
fn jpeg_with_orientation(image: &RgbImage, orientation: u8) -> Vec<u8> {
    let jpeg = encoded(&image.clone().into(), ImageFormat::Jpeg);
    let mut block = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    block.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
    let length = (block.len() as u16 + 2).to_be_bytes();
    [&jpeg[..2], &[0xFF, 0xE1], &length, &block, &jpeg[2..]].concat()
}

#[test]
fn the_stored_corner_is_seen_where_exif_says() {
    // Bright in the stored top left quarter only.
    let stored = RgbImage::from_fn(32, 16, |x, y| Rgb([if x < 16 && y < 8 { 250 } else { 10 }; 3]));
    let top_left = (false, false);
    let seen = [top_left, top_left, (true, false), (true, true), (false, true)];
    let turned = [top_left, (true, false), (true, true), (false, true)];
    for (orientation, (right, bottom)) in seen.into_iter().chain(turned).enumerate() {
        let photo = opened("o.jpg", &jpeg_with_orientation(&stored, orientation as u8)).expect("decodable");
        let expected = if orientation < 5 { (32, 16) } else { (16, 32) };
        assert_eq!((photo.width(), photo.height()), expected, "orientation {orientation}");
        let image = photo.to_rgb8();
        let at = |far: bool, size: usize| (if far { 3 * size / 4 } else { size / 4 }) as u32;
        let pixel = image.get_pixel(at(right, photo.width()), at(bottom, photo.height()));
        assert!(pixel.0[0] > 200, "orientation {orientation}: {pixel:?}");
    }
}

#[test]
fn an_embedded_profile_is_applied_and_a_broken_one_is_told() {
    let with_profile = |profile: Vec<u8>| {
        let mut bytes = Vec::new();
        let mut encoder = image::codecs::png::PngEncoder::new(&mut bytes);
        encoder.set_icc_profile(profile).expect("PNG holds profiles");
        let image = RgbImage::from_pixel(4, 4, Rgb([200, 150, 130]));
        encoder.write_image(image.as_raw(), 4, 4, image::ExtendedColorType::Rgb8).expect("encodable");
        opened("p.png", &bytes).expect("decodable")
    };
    let p3 = with_profile(moxcms::ColorProfile::new_display_p3().encode().expect("its own"));
    // Worked out with numpy from the primaries: 209.19, 147.40, 126.34.
    assert_eq!(p3.to_rgb8().get_pixel(1, 1).0, [209, 147, 126]);
    let broken = with_profile(b"this is no colour profile at all".to_vec());
    assert_eq!(codes(&broken), ["icc_profile_unusable"]);
    assert_eq!(broken.to_rgb8().get_pixel(1, 1).0, [200, 150, 130]);
}

#[test]
fn a_huge_header_is_refused_at_once() {
    let mut header = [60_000u32.to_be_bytes(), 60_000u32.to_be_bytes()].concat();
    header.extend([8, 2, 0, 0, 0]);
    let png = [b"\x89PNG\r\n\x1a\n".to_vec(), chunk(b"IHDR", &header), chunk(b"IDAT", &[])].concat();
    let error = opened("bomb.png", &png).expect_err("too large");
    assert!(matches!(error, Error::TooLarge { width: 60_000, height: 60_000, .. }), "{error}");
}

#[test]
fn truncated_files_are_refused() {
    let image = DynamicImage::from(RgbImage::from_fn(64, 64, |x, y| Rgb([(x * y) as u8, (x ^ y) as u8, 3])));
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Tiff, ImageFormat::WebP] {
        let bytes = encoded(&image, format);
        for length in [bytes.len() / 20, bytes.len() / 2, bytes.len() * 9 / 10] {
            let error = opened("cut", &bytes[..length]).expect_err("a part is missing");
            assert!(matches!(error, Error::Decode { .. }), "{format:?} cut to {length}: {error}");
        }
    }
}

#[test]
fn a_jpeg_with_next_to_no_data_for_its_size_is_refused() {
    let mut bytes = encoded(&RgbImage::new(64, 64).into(), ImageFormat::Jpeg);
    let frame = bytes.windows(2).position(|marker| marker == [0xFF, 0xC0]).expect("a baseline frame");
    bytes[frame + 5..frame + 9].copy_from_slice(&[0x27, 0x10, 0x27, 0x10]);
    let error = opened("claims.jpg", &bytes).expect_err("100 megapixels in a few hundred bytes").to_string();
    assert!(error.contains("ends before its picture does"), "{error}");
}

#[test]
fn the_fingerprint_says_what_will_be_decoded() {
    let folder = TempDir::new().expect("a scratch folder");
    let path = folder.path().join("a.png");
    let of = |bytes: &[u8]| {
        std::fs::write(&path, bytes).expect("writable");
        Fingerprint::of(&path, &DecodeLimits::default()).expect("readable")
    };
    let narrow = encoded(&ramp(20, 12).into(), ImageFormat::Png);
    let wide = encoded(&DynamicImage::from(ramp(20, 12)).to_rgb16().into(), ImageFormat::Png);
    assert_eq!(of(&narrow).decoded_bytes, 20 * 12 * 3);
    assert_eq!(of(&wide).decoded_bytes, 20 * 12 * 6);
    assert_eq!(
        of(b"no photo"),
        Fingerprint { blake3: blake3::hash(b"no photo").to_string(), decoded_bytes: 0, size: (0, 0) }
    );
}

#[test]
fn what_is_no_photo_is_refused_with_advice() {
    let refused = |bytes: &[u8]| opened("x.jpg", bytes).expect_err("no photo").to_string();
    assert!(refused(b"").contains("empty"));
    assert!(refused(b"GIF89a\x01\0\x01\0").contains("export it as JPEG"));
    assert!(refused(b"\0\0\0\x18ftypheic\0\0\0\0").contains("HEIC"));
    assert!(refused(b"just some text in a file").contains("no known image format"));
    let cmyk = [0xFF, 0xD8, 0xFF, 0xC0, 0, 20, 8, 0, 8, 0, 8, 4];
    assert!(
        refused(&[&cmyk[..], &[1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0, 4, 0x11, 0]].concat()).contains("CMYK")
    );
    let folder = TempDir::new().expect("a scratch folder");
    let open = |path: PathBuf| Photo::open(&path, &DecodeLimits::default());
    assert!(matches!(open(folder.path().to_owned()), Err(Error::Decode { .. })));
    assert!(matches!(open(folder.path().join("missing.jpg")), Err(Error::Read { .. })));
}

#[test]
fn an_animation_is_told() {
    let png = encoded(&ramp(4, 4).into(), ImageFormat::Png);
    let after_header = 8 + 25;
    let control = chunk(b"acTL", &[0, 0, 0, 2, 0, 0, 0, 0]);
    let animated = [&png[..after_header], &control, &png[after_header..]].concat();
    assert_eq!(codes(&opened("a.png", &animated).expect("decodable")), ["animated"]);
}

#[test]
fn jpeg_quality_is_read_from_the_tables() {
    let mut bytes = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 83);
    encoder.write_image(ramp(16, 16).as_raw(), 16, 16, image::ExtendedColorType::Rgb8).expect("encodable");
    let photo = opened("q.jpg", &bytes).expect("decodable");
    assert_eq!(photo.facts().jpeg_quality, Some(JpegQuality { quality: 83, exact: true }));
}
