//! One photo made ready: decoded, its skin found, its levels chosen.

use std::path::Path;

use crate::alignment::{self, Features};
use crate::calibration::card::{self, Found};
use crate::calibration::{CalibratedPhoto, Calibration, Card, Method, skin_light};
use crate::canvas;
use crate::color::Rgb;
use crate::error::{Error, Result};
use crate::metrics::maps::{COARSE_PX_PER_MM, FINE_PX_PER_MM};
use crate::photo::{Cells, DecodeLimits, Photo};
use crate::raster::{self, Mask};
use crate::region::Outline;
use crate::settings::Settings;
use crate::skin::{self, Skin};
use crate::units::{FilterScale, Scale, ScaleSource};

/// Name of the region of skin that did not change.
pub const REFERENCE: &str = "reference";

/// Name of the region that shows something white or grey.
pub const WHITE_PATCH: &str = "white_patch";

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
    /// The skin that the user says did not change, on the coarse level.
    pub reference: Option<Mask>,
}

impl Frame {
    /// Reads the photo at `path`; `scale` is that of the series, where known.
    ///
    /// # Errors
    ///
    /// - Those of [`Photo::open`].
    /// - [`Error::Decode`] if the photo is too small to measure.
    pub fn open(path: &Path, scale: Option<Scale>, limits: &DecodeLimits) -> Result<Self> {
        Self::checked(path, Photo::open(path, limits)?, scale, None)
    }

    /// The same, with the light and, where `scale` is not known, the scale of a
    /// colour card in the photo: at the corners given, or wherever it is found.
    ///
    /// # Errors
    ///
    /// Those of [`Frame::open`].
    pub fn open_with_card(
        path: &Path,
        scale: Option<Scale>,
        settings: &Settings,
        corners: Option<[[f64; 2]; 4]>,
    ) -> Result<Self> {
        let photo = Photo::open(path, &settings.decode_limits())?;
        let seen = card::seen(&photo);
        let found = match corners {
            Some(corners) => card::at_corners(&seen, corners, &settings.card),
            None => card::search(&seen, &settings.card),
        };
        match found {
            Found::None => Self::checked(path, photo, scale, Some(seen)),
            Found::Refused(warning) => {
                let mut frame = Self::checked(path, photo, scale, Some(seen))?;
                frame.photo.calibrate(Calibration { warning: Some(warning), ..Calibration::none() });
                Ok(frame)
            }
            Found::Card(card) => {
                let own = Scale::new(card.px_per_mm, ScaleSource::Card).ok();
                let mut frame = Self::checked(path, photo, scale.or(own), Some(seen))?;
                frame.cut_out(&card);
                let (width, height) = frame.size();
                let field = skin_light(&frame.light());
                frame.photo.calibrate(Calibration::from_card(&card, field, width, height));
                Ok(frame)
            }
        }
    }

    fn checked(path: &Path, photo: Photo, scale: Option<Scale>, seen: Option<Cells>) -> Result<Self> {
        let (width, height) = (photo.width(), photo.height());
        if width.min(height) < LEAST_SIDE {
            let reason =
                format!("it has only {width} x {height} pixels; at least {LEAST_SIDE} on a side are needed");
            return Err(Error::Decode { path: path.to_owned(), reason });
        }
        Ok(Self::ready(photo, scale, seen))
    }

    /// Makes a photo ready whose sides have at least [`LEAST_SIDE`] pixels.
    pub fn of(photo: Photo, scale: Option<Scale>) -> Self {
        Self::ready(photo, scale, None)
    }

    /// The same for a photo whose light may be `seen` at some reduction.
    fn ready(photo: Photo, scale: Option<Scale>, seen: Option<Cells>) -> Self {
        let (width, height) = (photo.width(), photo.height());
        let native = FilterScale::of(scale, width, height);
        let levels = Levels::of(native, width, height);
        let factor = skin::reduction(width, height, native);
        let light = photo.light(factor);
        let skin = skin::valid_skin(&light, factor, native);
        let mask = skin.mask_at(levels.coarse, width / levels.coarse, height / levels.coarse);
        // What is known is often the coarse level, which calibration and colours ask for.
        let known = seen.into_iter().chain([Cells { linear: light.linear, factor }]);
        let photo = CalibratedPhoto::new(photo, Calibration::none(), scale).keeping(levels.coarse, known);
        Self { photo, skin, mask, levels, scale: native, reference: None }
    }

    /// Takes in the scale that its place on the baseline shows, and the levels that go with it: a photo
    /// from further away than the baseline has fewer pixels to spare.
    pub fn rescale(&mut self, scale: FilterScale) {
        let (width, height) = self.size();
        let levels = Levels::of(scale, width, height);
        self.scale = scale;
        if levels != self.levels {
            self.levels = levels;
            self.mask = self.coarse_mask();
        }
    }

    /// Valid skin on the coarse level.
    fn coarse_mask(&self) -> Mask {
        let ((width, height), coarse) = (self.size(), self.levels.coarse);
        self.skin.mask_at(coarse, width / coarse, height / coarse)
    }

    /// Takes a colour card out of the skin.
    fn cut_out(&mut self, card: &Card) {
        // Its lines may look like hairs.
        card.cut_out(&mut self.skin.mask, self.skin.factor);
        card.cut_out(&mut self.skin.strands, self.skin.factor);
        self.skin.coverage = raster::count(&self.skin.mask) as f64 / self.skin.mask.len().max(1) as f64;
        self.mask = self.coarse_mask();
    }

    /// Takes in what the user drew on the photo besides skin: the region
    /// [`REFERENCE`] is the skin that gains rest on, and [`WHITE_PATCH`] white or
    /// grey that the photo is balanced by, unless a card already does.
    pub fn drawn(&mut self, outlines: &[Outline]) {
        let named = |name: &str| outlines.iter().find(|outline| outline.name() == name);
        self.reference = named(REFERENCE).map(|outline| outline.rasterise(self.levels.coarse));
        let Some(patch) = named(WHITE_PATCH) else { return };
        let (patch, planes) = (patch.rasterise(self.levels.coarse), self.photo.linear(self.levels.coarse));
        if self.photo.calibration().method == Method::None {
            let light = planes.each_ref().map(|plane| raster::values_inside(plane, &patch));
            self.photo.calibrate(Calibration::from_white_patch(&light));
        }
        let side = raster::size(&self.skin.mask);
        let hidden = patch_on(&patch, self.levels.coarse, self.skin.factor, side);
        self.skin.strands = &self.skin.strands & &!&hidden;
        self.skin.mask = &self.skin.mask & &!hidden;
        self.mask = &self.mask & &!patch;
    }

    /// Linear light of cells of the skin with their positions, shares of width and height.
    fn light(&self) -> Vec<([f64; 2], Rgb)> {
        /// Every so many cells along each axis: the light is smooth.
        const STEP: usize = 4;
        let planes = self.photo.linear(self.levels.coarse);
        let (columns, lines) = raster::size(&planes[0]);
        let cell = |(y, x): (usize, usize)| {
            let at = [(x as f64 + 0.5) / columns as f64, (y as f64 + 0.5) / lines as f64];
            (at, planes.each_ref().map(|plane| plane[[y, x]]))
        };
        let cells =
            self.mask.indexed_iter().filter(|((y, x), inside)| **inside && y % STEP == 0 && x % STEP == 0);
        cells.map(|(at, _)| cell(at)).collect()
    }

    /// Takes in as skin what was drawn on the baseline, whose cells are
    /// `factor` pixels wide; `back` leads from this photo's pixels to the baseline's.
    pub fn claim(
        &mut self,
        outlines: &[Outline],
        factor: usize,
        back: impl Fn([f64; 2]) -> Option<[f64; 2]>,
    ) {
        let Some(drawn) = outlines.iter().map(|outline| outline.rasterise(factor)).reduce(|a, b| a | b)
        else {
            return;
        };
        self.skin.claim(|at| {
            back(at).is_some_and(|[x, y]| {
                raster::covers(&drawn, raster::in_cells(x, factor), raster::in_cells(y, factor))
            })
        });
        self.mask = self.coarse_mask();
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

/// A mask on cells of `from` pixels, seen on `size` cells of `to` pixels.
fn patch_on(mask: &Mask, from: usize, to: usize, size: (usize, usize)) -> Mask {
    raster::rows(size.0, size.1, |y, out| {
        for (x, inside) in out.iter_mut().enumerate() {
            let [column, line] = [x, y].map(|at| raster::in_cells(raster::cell_centre(at as f64, to), from));
            *inside = raster::covers(mask, column, line);
        }
    })
}
