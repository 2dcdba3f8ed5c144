//! One photo made ready: decoded, its skin found, its levels chosen.

use std::path::Path;

use crate::alignment::{self, Features};
use crate::calibration::{Calibration, CalibratedPhoto};
use crate::error::Result;
use crate::filter::gaussian::gaussian;
use crate::metrics::maps::{COARSE_PX_PER_MM, FINE_PX_PER_MM, Level};
use crate::metrics::Maps;
use crate::photo::{DecodeLimits, Photo};
use crate::quality::{self, Quality};
use crate::raster::Mask;
use crate::skin::Skin;
use crate::units::{FilterScale, Scale};

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
    /// The levels of a photo with this native scale.
    pub fn of(scale: FilterScale) -> Self {
        let fine = scale.reduction_to(FINE_PX_PER_MM);
        Self { fine, coarse: fine * scale.reduced(fine).reduction_to(COARSE_PX_PER_MM) }
    }
}

/// A photo made ready.
#[derive(Debug)]
pub struct Frame {
    /// The photo.
    pub photo: Photo,
    /// Its valid skin.
    pub skin: Skin,
    /// Valid skin on the coarse level.
    pub mask: Mask,
    /// How good it is.
    pub quality: Quality,
    /// Its levels.
    pub levels: Levels,
    /// The scale that its skin and its levels were chosen by.
    pub scale: FilterScale,
}

impl Frame {
    /// Reads the photo at `path`; `scale` is that of the series, where known.
    ///
    /// # Errors
    ///
    /// Those of [`Photo::open`].
    pub fn open(path: &Path, scale: Option<Scale>, limits: &DecodeLimits) -> Result<Self> {
        let photo = Photo::open(path, limits)?;
        let scale = FilterScale::of(scale, photo.width(), photo.height());
        let levels = Levels::of(scale);
        let skin = Skin::of(&photo, scale);
        let mask = skin.mask_at(levels.coarse, photo.width() / levels.coarse, photo.height() / levels.coarse);
        let quality = quality::assess(&photo, &skin, scale);
        Ok(Self { photo, skin, mask, quality, levels, scale })
    }

    /// Its keypoints, for alignment.
    pub fn features(&self) -> Features {
        let (width, height) = (self.photo.width(), self.photo.height());
        let factor = alignment::reduction_for(width, height);
        let picture = self.photo.encoded_green(factor);
        let valid = self.skin.mask_at(factor, picture.ncols(), picture.nrows());
        Features::detect(picture, &valid, factor, width, height)
    }
}
