//! Photographs: decoded within limits, upright, in sRGB.
//!
//! The only module that reads photographs. A [`Photo`] keeps its samples as
//! they were coded (8 bits stay 8 bits) and hands out what is measured on:
//! planes of linear light or of optical density, box-averaged to the
//! reduction that the caller asks for.

mod decode;
mod facts;
mod icc;
mod jpeg;
mod orientation;
mod samples;

use std::borrow::Cow;
use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::{ImageFormat, RgbImage};

pub use self::decode::DecodeLimits;
pub use self::facts::CaptureFacts;
pub use self::jpeg::JpegQuality;
use self::orientation::Orientation;
use self::samples::Samples;
pub use self::samples::{Cells, Light, Tile};
use crate::color;
use crate::error::{Error, Result, Warning};
use crate::raster::Plane;
use crate::reading;

/// A photograph, upright, sRGB.
///
/// # Guarantees
///
/// - At least one pixel wide and high.
/// - EXIF orientation and colour profile are applied.
#[derive(Debug, Clone)]
pub struct Photo {
    file: String,
    blake3: String,
    width: usize,
    height: usize,
    samples: Samples,
    facts: CaptureFacts,
    warnings: Vec<Warning>,
}

/// What a photo's file is, and what the photo will take, before it is decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    /// BLAKE3 hash of the file's bytes, in hexadecimal.
    pub blake3: String,
    /// Bytes of its decoded samples; 0 if it cannot be decoded.
    pub decoded_bytes: u64,
    /// Width and height as stored, pixels; 0 if it cannot be decoded.
    pub size: (usize, usize),
}

impl Fingerprint {
    /// The fingerprint of the file at `path`.
    ///
    /// # Errors
    ///
    /// [`Error::Read`] if the file cannot be read, or has more bytes than a
    /// photo within `limits` can have.
    pub fn of(path: &Path, limits: &DecodeLimits) -> Result<Self> {
        let bytes = reading::read(path, decode::most_bytes(limits))
            .map_err(|source| Error::Read { path: path.to_owned(), source })?;
        let size = decode::guarded(path, || Ok(decode::decoded_bytes(path, &bytes, limits)));
        let (decoded_bytes, size) = size.ok().flatten().unwrap_or_default();
        Ok(Self { blake3: blake3::hash(&bytes).to_hex().to_string(), decoded_bytes, size })
    }
}

impl Photo {
    /// Reads the photograph at `path`: JPEG, PNG, TIFF or WebP by content,
    /// grey or colour, 8 or 16 bits.
    ///
    /// # Errors
    ///
    /// [`crate::error::Error::Read`] if the file cannot be read,
    /// [`crate::error::Error::TooLarge`] if its header claims more pixels than
    /// `limits` allows, and [`crate::error::Error::Decode`] if it is empty, cut
    /// short, CMYK or of no supported format.
    pub fn open(path: &Path, limits: &DecodeLimits) -> Result<Self> {
        let bytes = decode::read_file(path, limits)?;
        decode::guarded(path, || Self::decoded(path, &bytes, limits))
    }

    fn decoded(path: &Path, bytes: &[u8], limits: &DecodeLimits) -> Result<Self> {
        let stored = decode::decode(path, bytes, limits)?;
        let (orientation, mut facts) = facts::read(bytes);
        let table = stored.jpeg.as_ref().and_then(|markers| markers.first_table);
        facts.jpeg_quality = table.as_ref().map(JpegQuality::from_table);
        let mut warnings = stored.warnings;
        let samples = in_srgb(stored.samples, stored.icc.as_deref(), &facts, &mut warnings);
        let (width, height) = orientation.size(stored.width, stored.height);
        Ok(Self {
            file: path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
            blake3: blake3::hash(bytes).to_hex().to_string(),
            width,
            height,
            samples: upright(samples, orientation, stored.width, stored.height),
            facts,
            warnings,
        })
    }

    /// The photograph that `image` shows, in sRGB, under the name `file`; its
    /// hash is that of its size and samples. For pictures made in memory,
    /// with at least one pixel.
    pub fn from_rgb8(file: &str, image: RgbImage) -> Self {
        debug_assert!(image.width() > 0 && image.height() > 0, "a photo has pixels");
        let mut hasher = blake3::Hasher::new();
        hasher.update(&image.width().to_le_bytes()).update(&image.height().to_le_bytes());
        hasher.update(image.as_raw());
        Self {
            file: file.to_owned(),
            blake3: hasher.finalize().to_hex().to_string(),
            width: image.width() as usize,
            height: image.height() as usize,
            samples: Samples::U8(image.into_raw()),
            facts: CaptureFacts::default(),
            warnings: Vec::new(),
        }
    }

    /// The photograph that is left of `image` when it is compressed as JPEG of
    /// `quality`, `1..=100`; `None` if it cannot be.
    pub fn through_jpeg(file: &str, image: &RgbImage, quality: u8) -> Option<Self> {
        let mut bytes = Vec::new();
        image.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, quality)).ok()?;
        let decoded = image::load_from_memory_with_format(&bytes, ImageFormat::Jpeg).ok()?;
        let mut photo = Self::from_rgb8(file, decoded.into_rgb8());
        photo.facts.jpeg_quality = Some(JpegQuality { quality, exact: true });
        Some(photo)
    }

    /// Width, pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height, pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Name of the file, without its folder.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// BLAKE3 hash of the file's bytes, in hexadecimal.
    pub fn blake3(&self) -> &str {
        &self.blake3
    }

    /// What the camera noted.
    pub fn facts(&self) -> &CaptureFacts {
        &self.facts
    }

    /// What was odd about the file.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Red, green and blue of all pixels, row by row, with 8 bits per channel.
    pub fn rgb8(&self) -> Cow<'_, [u8]> {
        match &self.samples {
            Samples::U8(values) => Cow::Borrowed(values),
            samples => Cow::Owned(samples.to_u8()),
        }
    }

    /// The photo with 8 bits per channel.
    pub fn to_rgb8(&self) -> RgbImage {
        RgbImage::from_raw(self.width as u32, self.height as u32, self.samples.to_u8())
            .expect("three samples per pixel")
    }

    /// Linear light of red, green and blue, `0..=1`, averaged over `factor`
    /// by `factor` cells. Rows and columns that do not fill a cell are dropped.
    pub fn linear(&self, factor: usize) -> [Plane; 3] {
        self.samples.linear_of_all(self.width, factor, |_, value| value)
    }

    /// The same, with the reduction it was worked out at.
    pub fn cells(&self, factor: usize) -> Cells {
        Cells { linear: self.linear(factor), factor }
    }

    /// Optical density (natural units) of red, green and blue, as
    /// [`density`](Self::density) has it, in one pass.
    pub fn densities(&self, factor: usize, gains: [f32; 3]) -> [Plane; 3] {
        let density = |channel: usize, value: f32| color::density(value * gains[channel]);
        self.samples.linear_of_all(self.width, factor, density)
    }

    /// Optical density (natural units) of one channel: `-ln` of its linear
    /// light, averaged over `factor` by `factor` cells and multiplied by `gain`.
    pub fn density(&self, channel: usize, factor: usize, gain: f32) -> Plane {
        self.samples.linear(self.width, channel, factor, |value| color::density(value * gain))
    }

    /// Linear light of red, green and blue at (`x`, `y`), bilinear between
    /// pixel centres; `None` outside them.
    pub fn light_at(&self, x: f64, y: f64) -> Option<[f32; 3]> {
        let (right, bottom) = ((self.width - 1) as f64, (self.height - 1) as f64);
        if !(x >= 0.0 && y >= 0.0 && x <= right && y <= bottom) {
            return None;
        }
        let (fx, fy) = (x.fract() as f32, y.fract() as f32);
        let at = |x: f64, y: f64| self.samples.pixel(self.width, x as usize, y as usize);
        let corners = [at(x, y), at((x + 1.0).min(right), y), at(x, (y + 1.0).min(bottom)), {
            at((x + 1.0).min(right), (y + 1.0).min(bottom))
        }];
        let weights = [(1.0 - fx) * (1.0 - fy), fx * (1.0 - fy), (1.0 - fx) * fy, fx * fy];
        Some(std::array::from_fn(|channel| corners.iter().zip(weights).map(|(c, w)| c[channel] * w).sum()))
    }

    /// What reaches cells of `factor` by `factor` pixels, all channels in one
    /// pass. Rows and columns that do not fill a cell are dropped.
    pub fn light(&self, factor: usize) -> Light {
        self.samples.light(self.width, factor)
    }

    /// Optical density (natural units) of one channel on a tile of cells of
    /// `factor` by `factor` pixels; the tile lies within the photo.
    pub fn density_tile(&self, channel: usize, factor: usize, tile: Tile) -> Plane {
        self.samples.tile(self.width, channel, factor, tile).mapv(color::density)
    }

    /// The green channel as coded, `0..=255`, averaged over `factor` by
    /// `factor` cells: for finding points, never for measuring.
    pub fn encoded_green(&self, factor: usize) -> Plane {
        self.samples.encoded(self.width, 1, factor)
    }
}

/// The samples in sRGB, with a warning where that could not be made sure.
fn in_srgb(
    samples: Samples,
    profile: Option<&[u8]>,
    facts: &CaptureFacts,
    warnings: &mut Vec<Warning>,
) -> Samples {
    let Some(profile) = profile else {
        if facts.colour_space_stated == Some(false) {
            warnings.push(Warning::new(
                "colour_space_unknown",
                "the file names no colour space and has no profile; its colours are taken as sRGB. \
                 Set the camera to sRGB",
            ));
        }
        return samples;
    };
    match icc::to_srgb(&samples, profile) {
        Ok(converted) => converted.unwrap_or(samples),
        Err(reason) => {
            let message = format!(
                "the embedded colour profile cannot be used ({reason}); the colours are taken as sRGB. \
                 Export the photo as sRGB"
            );
            warnings.push(Warning::new("icc_profile_unusable", message));
            samples
        }
    }
}

fn upright(samples: Samples, orientation: Orientation, width: usize, height: usize) -> Samples {
    match samples {
        Samples::U8(values) => Samples::U8(orientation.upright(values, width, height)),
        Samples::U16(values) => Samples::U16(orientation.upright(values, width, height)),
    }
}

#[cfg(test)]
mod tests;
