//! Bringing the light of one session to that of another.
//!
//! A camera and a lamp scale each channel of linear light by a gain of their
//! own, and the lamp's position adds a smooth field that is common to the
//! channels. Both are found where the skin did not change ([`reference_skin`])
//! and divided out. The mean of the whole photo is never taken as grey: the
//! skin fills it, and its redness would be cancelled with the lamp's.

pub mod card;
pub mod field;
#[cfg(test)]
pub(crate) mod modelled_skin;
pub mod reference_skin;
mod skin_light;

use ndarray::Zip;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::card::{Card, CardOptions, Correction};
pub use self::field::ShadingField;
pub use self::reference_skin::{SkinPair, from_reference_skin};
pub use self::skin_light::skin_light;
use crate::color;
use crate::error::Warning;
use crate::photo::{Cells, Photo};
use crate::raster::{self, Plane};
use crate::units::{FilterScale, Scale};

/// What a calibration rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// A colour card in the photo.
    Card,
    /// Skin that did not change between the sessions.
    ReferenceSkin,
    /// A white or grey patch in the photo.
    WhitePatch,
    /// Nothing: the photo's colours are as the camera gave them.
    None,
}

/// How a photo's linear light is brought to the reference session's.
///
/// The calibrated value of a channel is `correction(linear) * gain / field`.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    /// What it rests on.
    pub method: Method,
    /// What a colour card asks for; none without a card.
    pub correction: Option<Correction>,
    /// Gains of red, green and blue in linear light; 1 if there are none.
    pub gains: [f32; 3],
    /// The smooth field of light relative to the reference session's; none if it is even.
    pub field: Option<ShadingField>,
    /// Standard error of the natural logarithm of each gain.
    pub gain_log_sd: [f64; 3],
    /// Colour difference (ΔE2000) that is left after the correction: the median
    /// on unchanged skin, or the mean over the patches of a card.
    pub delta_e_2000: Option<f64>,
    /// The largest over the patches of a card.
    pub delta_e_2000_max: Option<f64>,
    /// Share of the skin offered that the gains rest on, `0..=1`.
    pub share_used: f64,
    /// Why there is no calibration, where one was sought.
    pub warning: Option<Warning>,
}

impl Calibration {
    /// No calibration: colours stay as the camera gave them.
    pub fn none() -> Self {
        Self {
            method: Method::None,
            correction: None,
            gains: [1.0; 3],
            field: None,
            gain_log_sd: [0.0; 3],
            delta_e_2000: None,
            delta_e_2000_max: None,
            share_used: 0.0,
            warning: None,
        }
    }

    /// By a colour card, with the smooth field of light (1 where the card
    /// lies) found on the skin of a photo of `width` by `height` pixels.
    pub fn from_card(card: &Card, field: Option<ShadingField>, width: usize, height: usize) -> Self {
        let [x, y] = card.centre();
        let at = [x / width as f64, y / height as f64];
        let at_card = field.as_ref().map_or(0.0, |field| field.log_at(at)).exp() as f32;
        Self {
            method: Method::Card,
            correction: Some(card.correction.times(at_card)),
            field,
            gain_log_sd: [card.log_sd; 3],
            delta_e_2000: Some(card.delta_e_2000[0]),
            delta_e_2000_max: Some(card.delta_e_2000[1]),
            share_used: 1.0,
            ..Self::none()
        }
    }

    /// By something white or grey in the photo, from the linear light seen of
    /// it: red and blue are brought to green. How light the patch is is not
    /// known, so that exposure stays as it is.
    pub fn from_white_patch(light: &[Vec<f32>; 3]) -> Self {
        let means = light.each_ref().map(|values| {
            values.iter().map(|&value| f64::from(value)).sum::<f64>() / values.len().max(1) as f64
        });
        let [red, green, blue] = means;
        let usable = means.iter().all(|mean| (0.02..=0.97).contains(mean))
            && [red, blue].iter().all(|mean| (0.25..=4.0).contains(&(green / mean)));
        if !usable {
            return Self::refused(Warning::new(
                "white_patch_unusable",
                "the region white_patch is clipped, black or coloured; draw it on something white or grey that is \
                 well exposed",
            ));
        }
        let gains = [green / red, 1.0, green / blue].map(|gain| gain as f32);
        Self { method: Method::WhitePatch, gains, share_used: 1.0, ..Self::none() }
    }

    /// No calibration because of `warning`.
    pub(crate) fn refused(warning: Warning) -> Self {
        Self { warning: Some(warning), ..Self::none() }
    }
}

/// A photo with the light of its session known relative to the reference session's.
#[derive(Debug, Clone)]
pub struct CalibratedPhoto {
    photo: Photo,
    calibration: Calibration,
    scale: Option<Scale>,
    /// Its light at one reduction, which is asked for again and again.
    kept: Option<Cells>,
}

/// Least reduction whose light is kept: it takes a quarter of the memory that
/// the photo's samples do, and less at larger ones.
const LEAST_KEPT: usize = 4;

impl CalibratedPhoto {
    /// The photo seen through its calibration.
    pub fn new(photo: Photo, calibration: Calibration, scale: Option<Scale>) -> Self {
        Self { photo, calibration, scale, kept: None }
    }

    /// The same with its light at `factor` at hand, from what is `known` of it or
    /// worked out, unless that takes too much memory.
    pub fn keeping(mut self, factor: usize, known: impl IntoIterator<Item = Cells>) -> Self {
        if factor >= LEAST_KEPT {
            let cells = known.into_iter().find(|cells| cells.factor == factor);
            self.kept = Some(cells.unwrap_or_else(|| self.photo.cells(factor)));
        }
        self
    }

    /// The photo as decoded.
    pub fn photo(&self) -> &Photo {
        &self.photo
    }

    /// The calibration.
    pub fn calibration(&self) -> &Calibration {
        &self.calibration
    }

    /// The scale, if known.
    pub fn scale(&self) -> Option<Scale> {
        self.scale
    }

    /// The scale by which filters choose their sizes on the full photo.
    pub fn filter_scale(&self) -> FilterScale {
        FilterScale::of(self.scale, self.photo.width(), self.photo.height())
    }

    /// Sees the photo through another calibration from now on.
    pub fn calibrate(&mut self, calibration: Calibration) {
        self.calibration = calibration;
    }

    /// Calibrated linear light of red, green and blue, averaged over `factor`
    /// by `factor` cells; 1 is the reference session's white, more is possible.
    pub fn linear(&self, factor: usize) -> [Plane; 3] {
        let mut light = self.corrected(factor);
        let shading = self.log_field(&light[0]).map(|mut log_field| {
            log_field.par_mapv_inplace(|log_field| (-log_field).exp());
            log_field
        });
        for (plane, gain) in light.iter_mut().zip(self.calibration.gains) {
            match &shading {
                Some(shading) => {
                    Zip::from(plane).and(shading).par_for_each(|value, &shading| *value *= gain * shading)
                }
                None if gain != 1.0 => Zip::from(plane).par_for_each(|value| *value *= gain),
                None => {}
            }
        }
        light
    }

    /// Calibrated optical density (natural units) of one channel, averaged
    /// over `factor` by `factor` cells in linear light.
    pub fn density(&self, channel: usize, factor: usize) -> Plane {
        let gain = self.calibration.gains[channel];
        let mut density = if self.calibration.correction.is_some() {
            let [red, green, blue] = self.corrected(factor);
            let mut light = [red, green, blue].into_iter().nth(channel).expect("one of three channels");
            light.par_mapv_inplace(|value| color::density(value * gain));
            light
        } else {
            self.photo.density(channel, factor, gain)
        };
        if let Some(log_field) = self.log_field(&density) {
            Zip::from(&mut density).and(&log_field).par_for_each(|value, &log_field| *value += log_field);
        }
        density
    }

    /// The same of red, green and blue.
    pub fn densities(&self, factor: usize) -> [Plane; 3] {
        let gains = self.calibration.gains;
        let known = self.calibration.correction.is_some() || self.kept_at(factor).is_some();
        let mut densities = if known {
            let mut light = self.corrected(factor);
            for (plane, gain) in light.iter_mut().zip(gains) {
                plane.par_mapv_inplace(|value| color::density(value * gain));
            }
            light
        } else {
            self.photo.densities(factor, gains)
        };
        if let Some(log_field) = self.log_field(&densities[0]) {
            for density in &mut densities {
                Zip::from(density).and(&log_field).par_for_each(|value, &log_field| *value += log_field);
            }
        }
        densities
    }

    /// Linear light after the card's correction, if there is one.
    fn corrected(&self, factor: usize) -> [Plane; 3] {
        let kept = self.kept_at(factor).cloned();
        let [mut red, mut green, mut blue] = kept.unwrap_or_else(|| self.photo.linear(factor));
        if let Some(correction) = &self.calibration.correction {
            Zip::from(&mut red).and(&mut green).and(&mut blue).par_for_each(|r, g, b| {
                [*r, *g, *b] = correction.apply([*r, *g, *b]);
            });
        }
        [red, green, blue]
    }

    /// The photo's linear light as it was kept.
    fn kept_at(&self, factor: usize) -> Option<&[Plane; 3]> {
        self.kept.as_ref().filter(|kept| kept.factor == factor).map(|kept| &kept.linear)
    }

    /// The logarithm of the field on the cells of `plane`, whatever their reduction.
    fn log_field(&self, plane: &Plane) -> Option<Plane> {
        let field = self.calibration.field.as_ref()?;
        let (width, height) = raster::size(plane);
        Some(field.log_plane(width, height))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{Rgb, RgbImage};

    fn photo() -> Photo {
        Photo::from_rgb8("p", RgbImage::from_fn(40, 30, |x, y| Rgb([150 + x as u8, 100 + y as u8, 80])))
    }

    #[test]
    fn no_calibration_leaves_the_photo_as_it_is() {
        let calibrated = CalibratedPhoto::new(photo(), Calibration::none(), None);
        assert_eq!(calibrated.linear(2), photo().linear(2));
        assert_eq!(calibrated.density(1, 2), photo().density(1, 2, 1.0));
    }

    #[test]
    fn light_at_hand_is_the_light_of_the_photo() {
        let calibration = Calibration { gains: [1.2, 0.9, 1.05], ..Calibration::none() };
        let plain = CalibratedPhoto::new(photo(), calibration, None);
        let known = [3, 4, 5].map(|factor| photo().cells(factor));
        for keeping in [plain.clone().keeping(4, known), plain.clone().keeping(4, None)] {
            assert_eq!(keeping.linear(4), plain.linear(4));
            assert_eq!(keeping.densities(4), plain.densities(4));
            assert_eq!(keeping.densities(3), plain.densities(3));
        }
    }

    #[test]
    fn a_white_patch_makes_grey_grey_and_a_clipped_one_is_refused() {
        let seen = |light: [f32; 3]| Calibration::from_white_patch(&light.map(|value| vec![value; 9]));
        let calibration = seen([0.8, 0.5, 0.4]);
        assert_eq!((calibration.method, calibration.gains), (Method::WhitePatch, [0.625, 1.0, 1.25]));
        assert_eq!(seen([1.0, 1.0, 0.9]).warning.expect("a reason").code, "white_patch_unusable");
        assert_eq!(Calibration::from_white_patch(&Default::default()).method, Method::None);
    }

    #[test]
    fn density_and_linear_light_are_calibrated_alike() {
        let field = ShadingField::new([0.3, -0.1, 0.2, 0.05, -0.15], [0.0, 0.0, 1.0, 1.0]);
        let calibration = Calibration { gains: [1.2, 0.9, 1.05], field: Some(field), ..Calibration::none() };
        let calibrated = CalibratedPhoto::new(photo(), calibration, None);
        for channel in 0..3 {
            let linear = &calibrated.linear(3)[channel];
            let density = calibrated.density(channel, 3);
            assert!(linear.iter().zip(&density).all(|(l, d)| (-l.ln() - d).abs() < 1e-5));
            assert_eq!(calibrated.densities(3)[channel], density);
        }
    }
}
