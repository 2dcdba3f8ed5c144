//! From the bytes of a file to RGB samples, within limits.

use std::io::{Cursor, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use super::jpeg::Markers;
use super::samples::{Samples, rgb_from_channels};
use crate::error::{Error, Result, Warning};
use crate::reading;

/// What a photo may cost to decode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeLimits {
    /// Most pixels of a photo, millions. Default: 250; `1..=4000`.
    pub max_megapixels: u32,
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self { max_megapixels: 250 }
    }
}

impl DecodeLimits {
    /// Most bytes that decoded samples may take: RGBA of 16 bits.
    fn bytes(self) -> u64 {
        u64::from(self.max_megapixels) * 8_000_000
    }
}

/// Bytes that a decoder may use besides the samples.
const DECODER_OVERHEAD: u64 = 64 << 20;

/// Scans of a progressive JPEG above which it is taken for an attack on
/// patience: cameras and editors write at most a dozen.
const MOST_SCANS: usize = 200;

/// A decoded picture as it is stored, before orientation and profile.
pub(super) struct Stored {
    pub samples: Samples,
    pub width: usize,
    pub height: usize,
    pub icc: Option<Vec<u8>>,
    pub jpeg: Option<Markers>,
    pub warnings: Vec<Warning>,
}

/// Most bytes that the file of a photo may have.
pub(super) fn most_bytes(limits: &DecodeLimits) -> u64 {
    limits.bytes() + DECODER_OVERHEAD
}

/// The file's bytes, if it is a file of a size that a photo may have.
pub(super) fn read_file(path: &Path, limits: &DecodeLimits) -> Result<Vec<u8>> {
    let most = most_bytes(limits);
    let bytes = reading::read(path, most).map_err(|source| match source.kind() {
        ErrorKind::InvalidInput => {
            undecodable(path, "it is not a file; give a photo (JPEG, PNG, TIFF or WebP)")
        }
        ErrorKind::FileTooLarge => {
            let (most, pixels) = (most / 1_000_000, limits.max_megapixels);
            undecodable(
                path,
                format!("the file has more than the {most} MB that {pixels} megapixels can take"),
            )
        }
        _ => Error::Read { path: path.to_owned(), source },
    })?;
    if bytes.is_empty() {
        return Err(undecodable(path, "the file is empty; copy it again from the camera"));
    }
    Ok(bytes)
}

/// Bytes that the samples of a picture take once they are decoded, and its
/// width and height, by what its header claims; `None` if it has none, or one beyond the limits.
pub(super) fn decoded_bytes(
    path: &Path,
    bytes: &[u8],
    limits: &DecodeLimits,
) -> Option<(u64, (usize, usize))> {
    let mut decoder = open(path, bytes, format(path, bytes).ok()?, limits).ok()?;
    check_size(path, decoder.dimensions(), limits).ok()?;
    let (width, height) = decoder.dimensions();
    let colour = decoder.color_type();
    let wide = colour.bytes_per_pixel() > colour.channel_count()
        || decoder.icc_profile().is_ok_and(|icc| icc.is_some());
    let bytes = u64::from(width) * u64::from(height) * if wide { 6 } else { 3 };
    Some((bytes, (width as usize, height as usize)))
}

/// Runs `decoding`, which may be anyone's code. What it falls over is one
/// photo, not the run.
pub(super) fn guarded<T>(path: &Path, decoding: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(decoding)).unwrap_or_else(|_| {
        Err(undecodable(path, "it is broken in a way that no program expects; export it again"))
    })
}

/// Decodes the bytes of the file at `path`.
pub(super) fn decode(path: &Path, bytes: &[u8], limits: &DecodeLimits) -> Result<Stored> {
    let format = format(path, bytes)?;
    let jpeg = (format == ImageFormat::Jpeg).then(|| Markers::read(bytes));
    if let Some(markers) = &jpeg {
        check_jpeg(path, markers)?;
    }
    let mut decoder = open(path, bytes, format, limits)?;
    check_size(path, decoder.dimensions(), limits)?;
    if format == ImageFormat::Jpeg && lacks_data(bytes, decoder.dimensions()) {
        return Err(undecodable(path, TRUNCATED));
    }
    let icc = decoder.icc_profile().ok().flatten();
    let (width, height) = decoder.dimensions();
    let picture = DynamicImage::from_decoder(decoder).map_err(|error| from_image(path, error))?;
    let (samples, transparent) = samples(path, picture)?;
    let warnings = warnings(bytes, format, transparent);
    Ok(Stored { samples, width: width as usize, height: height as usize, icc, jpeg, warnings })
}

/// The format by content: names of files lie.
fn format(path: &Path, bytes: &[u8]) -> Result<ImageFormat> {
    const ADVICE: &str = "export it as JPEG, PNG, TIFF or WebP";
    let brand = bytes.get(4..12).unwrap_or_default();
    if [&b"ftypheic"[..], b"ftypheix", b"ftypmif1", b"ftypmsf1", b"ftyphevc"].contains(&brand) {
        return Err(undecodable(path, format!("HEIC is not supported; {ADVICE}")));
    }
    match image::guess_format(bytes) {
        Ok(f @ (ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::Tiff | ImageFormat::WebP)) => Ok(f),
        Ok(other) => Err(undecodable(path, format!("{other:?} is not supported; {ADVICE}"))),
        Err(_) => Err(undecodable(path, format!("its content is no known image format; {ADVICE}"))),
    }
}

fn open<'a>(
    path: &Path,
    bytes: &'a [u8],
    format: ImageFormat,
    limits: &DecodeLimits,
) -> Result<impl ImageDecoder + 'a> {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut allowance = Limits::no_limits();
    allowance.max_alloc = Some(limits.bytes() + DECODER_OVERHEAD);
    reader.limits(allowance);
    reader.into_decoder().map_err(|error| from_image(path, error))
}

/// Refuses by the header alone, before a pixel is allocated.
fn check_size(path: &Path, (width, height): (u32, u32), limits: &DecodeLimits) -> Result<()> {
    let (width, height) = (u64::from(width), u64::from(height));
    if width == 0 || height == 0 {
        return Err(undecodable(path, "the picture has no pixels"));
    }
    if width * height > u64::from(limits.max_megapixels) * 1_000_000 {
        let limit_megapixels = limits.max_megapixels;
        return Err(Error::TooLarge { path: path.to_owned(), width, height, limit_megapixels });
    }
    Ok(())
}

fn check_jpeg(path: &Path, markers: &Markers) -> Result<()> {
    if markers.components == Some(4) {
        return Err(undecodable(path, "it is a CMYK picture, made for print; export it as sRGB"));
    }
    if markers.scans > MOST_SCANS {
        return Err(undecodable(path, format!("it has {} scans, as no camera writes", markers.scans)));
    }
    if !markers.complete {
        return Err(undecodable(path, TRUNCATED));
    }
    Ok(())
}

/// Whether a JPEG file is too short for its size: each block of 8 x 8 pixels
/// of its finest channel takes a bit at least.
fn lacks_data(bytes: &[u8], (width, height): (u32, u32)) -> bool {
    let blocks = u64::from(width.div_ceil(8)) * u64::from(height.div_ceil(8));
    8 * (bytes.len() as u64) < blocks
}

/// A half-decoded photo has grey or smeared skin where its data is missing:
/// no warning makes that measurable.
const TRUNCATED: &str = "the file ends before its picture does; copy it again from the camera";

fn samples(path: &Path, picture: DynamicImage) -> Result<(Samples, bool)> {
    let narrow = |values, channels| {
        let (rgb, transparent) = rgb_from_channels(values, channels);
        (Samples::U8(rgb), transparent)
    };
    let wide = |values, channels| {
        let (rgb, transparent) = rgb_from_channels(values, channels);
        (Samples::U16(rgb), transparent)
    };
    Ok(match picture {
        DynamicImage::ImageLuma8(image) => narrow(image.into_raw(), 1),
        DynamicImage::ImageLumaA8(image) => narrow(image.into_raw(), 2),
        DynamicImage::ImageRgb8(image) => narrow(image.into_raw(), 3),
        DynamicImage::ImageRgba8(image) => narrow(image.into_raw(), 4),
        DynamicImage::ImageLuma16(image) => wide(image.into_raw(), 1),
        DynamicImage::ImageLumaA16(image) => wide(image.into_raw(), 2),
        DynamicImage::ImageRgb16(image) => wide(image.into_raw(), 3),
        DynamicImage::ImageRgba16(image) => wide(image.into_raw(), 4),
        _ => return Err(undecodable(path, "its samples are not whole numbers; export it with 8 or 16 bits")),
    })
}

fn warnings(bytes: &[u8], format: ImageFormat, transparent: bool) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if is_animated(bytes, format) {
        warnings.push(Warning::new(
            "animated",
            "the file holds an animation; only its first picture is used. Give a still photo",
        ));
    }
    if format == ImageFormat::Tiff && has_second_directory(bytes) == Some(true) {
        warnings.push(Warning::new(
            "several_pictures",
            "the TIFF file holds several pictures; only its first is used. Save each in a file of its own",
        ));
    }
    if transparent {
        warnings.push(Warning::new(
            "transparent",
            "parts of the photo are transparent; they count as black, not as skin. Give the photo as taken",
        ));
    }
    warnings
}

/// Whether a PNG has an animation control chunk before its data, or a WebP
/// the animation flag in its extended header.
fn is_animated(bytes: &[u8], format: ImageFormat) -> bool {
    match format {
        ImageFormat::Png => {
            let data = bytes.windows(4).position(|name| name == b"IDAT").unwrap_or(bytes.len());
            bytes[..data].windows(4).any(|name| name == b"acTL")
        }
        ImageFormat::WebP => bytes.get(12..16) == Some(b"VP8X") && bytes.get(20).is_some_and(|f| f & 2 != 0),
        _ => false,
    }
}

/// Whether the first directory of a classic TIFF file names a next one.
fn has_second_directory(bytes: &[u8]) -> Option<bool> {
    let little = bytes.starts_with(b"II*\0");
    let number = |at: usize, count: usize| -> Option<usize> {
        let digits = bytes.get(at..at.checked_add(count)?)?;
        let add = |sum: usize, &digit: &u8| (sum << 8) | usize::from(digit);
        Some(if little { digits.iter().rev().fold(0, add) } else { digits.iter().fold(0, add) })
    };
    let directory = number(4, 4)?;
    let entries = number(directory, 2)?;
    Some(number(directory + 2 + 12 * entries, 4)? != 0)
}

fn undecodable(path: &Path, reason: impl Into<String>) -> Error {
    Error::Decode { path: path.to_owned(), reason: reason.into() }
}

fn from_image(path: &Path, error: ImageError) -> Error {
    let cut = matches!(&error, ImageError::IoError(io) if io.kind() == std::io::ErrorKind::UnexpectedEof);
    let reason = match error {
        _ if cut => TRUNCATED.to_owned(),
        ImageError::IoError(io) => io.to_string(),
        other => other.to_string(),
    };
    undecodable(path, reason)
}
