//! The pictures of a view, as a page shows them: for looking, never for measuring.
//!
//! Everything is in the baseline's frame, reduced to the size of a screen, and
//! encoded already, so that a series keeps little of it.

use std::io;

use image::RgbImage;
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use ndarray::Array2;
use serde::{Deserialize, Serialize};
use serde_with::base64::Base64;
use serde_with::serde_as;

use crate::error::{Error, Result};
pub use crate::lesion::Chromophore;

/// The longer side of a picture, pixels, at most.
pub const SCREEN_SIDE: usize = 1440;

/// Side of a crop of a lesion, pixels.
pub const CROP_SIDE: usize = 104;

/// Crops side by side in a sheet of them.
pub const CROPS_ABREAST: usize = 8;

/// Quality of a JPEG, `1..=100`.
const QUALITY: u8 = 80;

/// The pictures of one view.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pictures {
    /// Width of the baseline's frame on the screen, pixels.
    pub width: usize,
    /// Its height, pixels.
    pub height: usize,
    /// Native pixels of the baseline per pixel on the screen.
    pub factor: usize,
    /// The regions measured: name, and outline as the data of an SVG path.
    pub regions: Vec<(String, String)>,
    /// The lesions that have crops, by id, in the order of their crops.
    pub lesions: Vec<String>,
    /// The sessions, in order of time.
    pub sessions: Vec<SessionPictures>,
}

/// The pictures of one session.
#[serde_as]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionPictures {
    /// The session's name.
    pub session: String,
    /// Whether it lies on the baseline; if not, it is shown as it was taken.
    pub laid: bool,
    /// The photo, JPEG.
    #[serde_as(as = "Base64")]
    pub photo: Vec<u8>,
    /// Width of the photo, pixels.
    pub width: usize,
    /// Height of the photo, pixels.
    pub height: usize,
    /// What was found on it.
    pub layers: Vec<(Layer, String)>,
    /// Its maps, PNG, each covering the baseline's frame.
    #[serde_as(as = "Vec<(_, Base64)>")]
    pub maps: Vec<(Chromophore, Vec<u8>)>,
    /// Crops of the lesions, JPEG, [`CROPS_ABREAST`] abreast.
    #[serde_as(as = "Option<Base64>")]
    pub crops: Option<Vec<u8>>,
}

/// What can be drawn over a photo, as the data of an SVG path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Layer {
    /// The outline of the photo's valid skin.
    ValidSkin,
    /// Pigmented spots.
    Spots,
    /// Skin redder than its surroundings.
    RedAreas,
    /// Follicle openings.
    Pores,
    /// Furrows and fine lines.
    Wrinkles,
    /// Atrophic scars.
    Scars,
    /// Papules of active acne.
    Papules,
    /// Striae.
    StretchMarks,
}

impl Layer {
    /// Every layer, in the order drawn.
    pub const ALL: [Self; 8] = [
        Self::ValidSkin,
        Self::Spots,
        Self::RedAreas,
        Self::Pores,
        Self::Wrinkles,
        Self::Scars,
        Self::Papules,
        Self::StretchMarks,
    ];

    /// Its name in the page.
    pub fn name(self) -> &'static str {
        match self {
            Self::ValidSkin => "valid_skin",
            Self::Spots => "spots",
            Self::RedAreas => "red_areas",
            Self::Pores => "pores",
            Self::Wrinkles => "wrinkles",
            Self::Scars => "scars",
            Self::Papules => "papules",
            Self::StretchMarks => "stretch_marks",
        }
    }
}

impl Chromophore {
    /// Its name in the page.
    pub fn name(self) -> &'static str {
        match self {
            Self::Melanin => "melanin",
            Self::Hemoglobin => "hemoglobin",
        }
    }

    /// The colour of a share of the bar, `0..=1`: light is little, dark is
    /// much, and lightness rises evenly, so that it is read without colour
    /// vision too (cividis, Nuñez et al. 2018; magma, Smith and van der Walt 2015).
    pub fn colour(self, share: f64) -> [u8; 3] {
        let gradient = match self {
            Self::Melanin => colorous::CIVIDIS,
            Self::Hemoglobin => colorous::MAGMA,
        };
        let colour = gradient.eval_continuous(1.0 - share.clamp(0.0, 1.0));
        [colour.r, colour.g, colour.b]
    }

    /// How far the bar reaches below and above the mean of the baseline's
    /// skin, density units: the same for every photo.
    pub fn reach(self) -> [f64; 2] {
        match self {
            Self::Melanin => [0.8, 1.6],
            Self::Hemoglobin => [0.35, 0.7],
        }
    }
}

/// Steps of a colour bar; 0 in a map's picture is no skin.
const STEPS: usize = 48;

/// A picture as JPEG.
///
/// # Errors
///
/// [`Error::Write`] if it is too large for the format (65 535 pixels).
pub fn jpeg(picture: &RgbImage) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, QUALITY);
    encoder.set_sampling_factor(SamplingFactor::R_4_2_0);
    encoder.set_optimized_huffman_tables(true);
    let size = |side: u32| u16::try_from(side).map_err(|_| unencoded("a side is too long"));
    let (width, height) = (size(picture.width())?, size(picture.height())?);
    encoder.encode(picture.as_raw(), width, height, ColorType::Rgb).map_err(unencoded)?;
    Ok(bytes)
}

/// A map as PNG. `shares` are places on the colour bar, `0..=1`; `None` is no
/// skin and stays transparent.
///
/// # Errors
///
/// [`Error::Write`] if it has no pixels.
pub fn map(chromophore: Chromophore, shares: &Array2<Option<f32>>) -> Result<Vec<u8>> {
    let colour = |step: usize| chromophore.colour(step as f64 / (STEPS - 1) as f64);
    let palette: Vec<u8> = std::iter::once([0; 3]).chain((0..STEPS).map(colour)).flatten().collect();
    let index = |share: &Option<f32>| {
        share.map_or(0, |share| 1 + (share.clamp(0.0, 1.0) * (STEPS - 1) as f32).round() as u8)
    };
    let pixels: Vec<u8> = shares.iter().map(index).collect();
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, shares.ncols() as u32, shares.nrows() as u32);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_palette(palette);
    encoder.set_trns(vec![0]);
    encoder.set_compression(png::Compression::High);
    let mut writer = encoder.write_header().map_err(unencoded)?;
    writer.write_image_data(&pixels).map_err(unencoded)?;
    writer.finish().map_err(unencoded)?;
    Ok(bytes)
}

fn unencoded(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Write { path: "a picture of the page".into(), source: io::Error::other(error) }
}
