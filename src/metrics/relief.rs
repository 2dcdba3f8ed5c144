//! What relief does to the green density: the finest map, freed from slow
//! variation and smoothed step by step, once per photo for all families.
//!
//! Green carries the least noise, and furrows, pores and pits darken it by
//! shading whatever the skin's tone.

use crate::filter::background::background;
use crate::filter::scale_space::{Rung, ladder};
use crate::metrics::Maps;
use crate::raster::{Mask, Plane, reduce_mask, row, rows, size};
use crate::units::FilterScale;

/// Slow variation that is taken out, as the standard deviation of a Gaussian,
/// mm: well above the widest band (2 mm), below the curvature of a face.
const BACKGROUND_MM: f64 = 2.5;

/// The rungs' standard deviations, mm: `0.25 mm / 2.3548 * 2^((k - 2) / 2)`,
/// so that rungs 2, 4, 6 and 8 have a full width at half maximum of 0.25,
/// 0.5, 1 and 2 mm.
pub const RUNGS: usize = 10;

/// The rung whose full width at half maximum is 0.25 mm.
pub const QUARTER_MM: usize = 2;

/// Gaussian standard deviations per full width at half maximum.
pub const SIGMA_PER_FWHM: f64 = 1.0 / 2.354_820_045;

/// Standard deviation of rung `k`, mm.
pub fn sigma_mm(k: usize) -> f64 {
    0.25 * SIGMA_PER_FWHM * 2f64.powf((k as f64 - QUARTER_MM as f64) / 2.0)
}

/// The green density of one photo at rising scales.
#[derive(Debug, Clone)]
pub struct Relief {
    /// Native pixels per pixel of the fine plane.
    pub factor: usize,
    /// Pixels of the fine plane per millimetre.
    pub scale: FilterScale,
    /// Valid skin, fine plane.
    pub skin: Mask,
    /// Green density above its background, ln units, fine plane; 0 outside
    /// the skin, so that filters see no step there.
    pub detail: Plane,
    /// The detail smoothed by [`sigma_mm`] of each index, where the fine
    /// plane resolves that.
    pub rungs: Vec<Option<Rung>>,
}

impl Relief {
    /// The relief of a photo's maps.
    pub fn of(maps: &Maps) -> Self {
        let scale = maps.fine.scale;
        let detail = detail(&maps.green, &maps.fine.skin, scale.px(BACKGROUND_MM));
        let sigmas: Vec<f64> = (0..RUNGS).map(|k| scale.px(sigma_mm(k))).collect();
        let rungs = ladder(&detail, &sigmas);
        Self { factor: maps.fine.factor, scale, skin: maps.fine.skin.clone(), detail, rungs }
    }

    /// Rung `k`, if the photo resolves it.
    pub fn rung(&self, k: usize) -> Option<&Rung> {
        self.rungs.get(k)?.as_ref()
    }

    /// The valid skin on the plane of `rung`.
    pub fn skin_of(&self, rung: &Rung) -> Mask {
        reduce_mask(&self.skin, rung.factor)
    }

    /// Native pixels per pixel of `rung`.
    pub fn native_factor(&self, rung: &Rung) -> usize {
        self.factor * rung.factor
    }
}

fn detail(green: &Plane, skin: &Mask, sigma: f64) -> Plane {
    let slow = background(green, skin, sigma);
    let (width, height) = size(green);
    rows(width, height, |y, out| {
        let values = row(green, y).iter().zip(row(&slow, y)).zip(row(skin, y));
        for (out, ((value, slow), &inside)) in out.iter_mut().zip(values) {
            *out = if inside { value - slow } else { 0.0 };
        }
    })
}
