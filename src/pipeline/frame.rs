//! One photo made ready: decoded, its skin found, its levels chosen.

use std::path::Path;

use crate::alignment::{self, Features};
use crate::calibration::{CalibratedPhoto, Calibration};
use crate::canvas;
use crate::error::{Error, Result};
use crate::metrics::maps::{COARSE_PX_PER_MM, FINE_PX_PER_MM};
use crate::photo::{DecodeLimits, Photo};
use crate::raster::Mask;
use crate::skin::Skin;
use crate::units::{FilterScale, Scale};

/// Fewest pixels along the shorter side of a photo that can be measured.
const LEAST_SIDE: usize = 64;

/// The whole reductions at which a photo is measured. The coarse one is a
/// multiple of the fine one, so that cells nest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Levels {
    /// For pores and furrows.
    pub fine: usize,
    /// For colour and lesions.
    pub coarse: usize,
}

impl Levels {
    /// The levels of a photo of `width` by `height` pixels with this native
    /// scale; at least 16 coarse cells are left along each side.
    pub fn of(scale: FilterScale, width: usize, height: usize) -> Self {
        let most = (width.min(height) / 16).max(1);
        let fine = scale.reduction_to(FINE_PX_PER_MM).min(most);
        let coarse = fine * scale.reduced(fine).reduction_to(COARSE_PX_PER_MM).min(most / fine);
        Self { fine, coarse }
    }
}

/// A photo made ready.
#[derive(Debug)]
pub struct Frame {
    /// The photo, seen through its calibration.
    pub photo: CalibratedPhoto,
    /// Its valid skin.
    pub skin: Skin,
    /// Valid skin on the coarse level.
    pub mask: Mask,
    /// Its levels.
    pub levels: Levels,
    /// The native scale that its skin and its levels were chosen by.
    pub scale: FilterScale,
}

impl Frame {
    /// Reads the photo at `path`; `scale` is that of the series, where known.
    ///
    /// # Errors
    ///
    /// - Those of [`Photo::open`].
    /// - [`Error::Decode`] if the photo is too small to measure.
    pub fn open(path: &Path, scale: Option<Scale>, limits: &DecodeLimits) -> Result<Self> {
        let photo = Photo::open(path, limits)?;
        let (width, height) = (photo.width(), photo.height());
        if width.min(height) < LEAST_SIDE {
            let reason =
                format!("it has only {width} x {height} pixels; at least {LEAST_SIDE} on a side are needed");
            return Err(Error::Decode { path: path.to_owned(), reason });
        }
        Ok(Self::of(CalibratedPhoto::new(photo, Calibration::none(), scale)))
    }

    /// A photo of at least 64 pixels along each side, made ready.
    pub fn of(photo: CalibratedPhoto) -> Self {
        let (width, height) = (photo.photo().width(), photo.photo().height());
        let scale = photo.filter_scale();
        let levels = Levels::of(scale, width, height);
        let skin = Skin::of(photo.photo(), scale);
        let mask = skin.mask_at(levels.coarse, width / levels.coarse, height / levels.coarse);
        Self { photo, skin, mask, levels, scale }
    }

    /// Native width and height, pixels.
    pub fn size(&self) -> (usize, usize) {
        (self.photo.photo().width(), self.photo.photo().height())
    }

    /// Its keypoints, for alignment.
    pub fn features(&self) -> Features {
        let (width, height) = self.size();
        let factor = alignment::reduction_for(width, height);
        let picture = self.photo.photo().encoded_green(factor);
        let valid = self.skin.mask_at(factor, picture.ncols(), picture.nrows());
        Features::detect(picture, &valid, factor, width, height)
    }

    /// Its valid skin on the coarse level.
    pub fn valid(&self) -> canvas::Skin<'_> {
        canvas::Skin { mask: &self.mask, factor: self.levels.coarse }
    }
}
