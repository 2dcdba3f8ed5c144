//! A session as lesions are looked for in it, and what is seen at a lesion's place.

use crate::lesion::segmentation::Spot;
use crate::metrics::maps::Level;
use crate::raster::Plane;

/// How far beyond a lesion's rim the local scale is read, mm: an alignment takes
/// the rim of a growing lesion along, and growth would pass for stretched skin.
/// Skin stretches alike over a centimetre.
const AROUND_MM: f64 = 3.0;

/// One session as lesions are looked for in it.
pub struct Sight<'a> {
    /// The level of `excess`; its skin is valid and in focus.
    pub level: &'a Level,
    /// What lies above the surrounding skin; see [`excess`](crate::lesion::excess()).
    pub excess: &'a Plane,
    /// The lesions found in it, all of one kind.
    pub spots: &'a [Spot],
    /// Native pixels of the baseline to native pixels of this session.
    pub to_session: &'a (dyn Fn([f64; 2]) -> [f64; 2] + Sync),
    /// Native pixels of this session to native pixels of the baseline.
    pub to_baseline: &'a (dyn Fn([f64; 2]) -> [f64; 2] + Sync),
    /// Expected error of either, native pixels; 0 for the baseline.
    pub residual_px: f64,
    /// Standard error of a place's excess from the compression of the photo.
    pub level_error: f64,
    /// The excess of the chromophore that may pass for this one, and the share of it that does.
    pub leak: Option<(&'a Plane, f64)>,
}

impl Sight<'_> {
    /// Native pixels per millimetre, nominal ones without a scale.
    pub fn px_per_mm(&self) -> f64 {
        self.level.scale.px_per_mm * self.level.factor as f64
    }

    /// Native pixels of this session per native pixel of the baseline, by area, around what
    /// lies `radius` native pixels around `at` in the baseline.
    pub fn magnification(&self, at: [f64; 2], radius: f64) -> f64 {
        let step = radius + AROUND_MM * self.px_per_mm();
        let map = |dx: f64, dy: f64| (self.to_session)([at[0] + dx, at[1] + dy]);
        let across = |a: [f64; 2], b: [f64; 2]| [(b[0] - a[0]) / (2.0 * step), (b[1] - a[1]) / (2.0 * step)];
        let (x, y) = (across(map(-step, 0.0), map(step, 0.0)), across(map(0.0, -step), map(0.0, step)));
        (x[0] * y[1] - x[1] * y[0]).abs()
    }
}

/// What was measured at a lesion's place. Lengths are native pixels of the
/// session's photo.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seen {
    /// Integrated excess density, density × px².
    pub dose: f64,
    /// Its standard error.
    pub dose_standard_error: f64,
    /// Standard error of the difference between `dose / magnification` and
    /// the baseline's dose, density × baseline px²: smaller than both errors
    /// together, for the skin's own mottle is the same in both. 0 for the
    /// baseline itself.
    pub difference_standard_error: f64,
    /// What may have passed into the dose from another chromophore, density ×
    /// px²: as it changes, so may the dose.
    pub leaked: f64,
    /// Excess density of the core; `None` where nothing stands out.
    pub contrast: Option<f64>,
    /// Soft area, px²; `None` where nothing stands out.
    pub area_px: Option<f64>,
    /// Its centre.
    pub centre: [f64; 2],
    /// Area of this photo's pixels that shows one pixel of the baseline, px²:
    /// divide doses and areas by it to compare them with the baseline's.
    pub magnification: f64,
}
