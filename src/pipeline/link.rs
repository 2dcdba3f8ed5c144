//! How a photo hangs on the baseline: alignment, calibration, comparability.

use ndarray::Zip;

use crate::alignment::{self, Alignment, Features, Rejection, Status, Transform};
use crate::calibration::{Calibration, Method};
use crate::canvas::{self, Lattice};
use crate::color;
use crate::filter::morphology;
use crate::metrics::Aspect;
use crate::pipeline::frame::Frame;
use crate::pipeline::pair;
use crate::quality::thresholds::AGREEMENT;
use crate::quality::{
    self, Comparability, FinePattern, Quality, RelativeBlur, ReliefAgreement, comparability, relative_blur,
    relief_agreement,
};
use crate::raster::{self, Mask, Plane};
use crate::settings::Settings;
use crate::units::FilterScale;

/// Least resolution, px/mm, at which the fine patterns of two photos are held
/// against each other.
const PATTERN_PX_PER_MM: f64 = 10.0;

/// Error of the logarithm of colour contrasts where light or sharpness differ
/// from the baseline's: what a flash beside light from the side does to spots
/// on phantoms (up to 20 %, contrast and evenness).
const VEIL_LOG_SD: f64 = 0.2;

/// Turn of the relief's shading and correlation of the fine pattern that such a
/// flash gives: 0.61 to 0.63 and 0.72 to 0.78 on light and dark phantoms. Light that
/// differs by less veils by as much less.
const FLASH_TURN: f64 = 0.6;
const FLASH_AGREEMENT: f64 = 0.75;

/// Share of a change of the contrast of relief that is expected to be a veil
/// over colours as well: a lamp set up by hand (1.5° off) changes relief by
/// 5.5 %, veils of comparable photos differ by about 3 %, the scatter of colour contrasts
/// under standardised light. 0.03² / (0.03² + 0.055²).
const VEIL_SHARE: f64 = 0.23;

/// How a photo hangs on the baseline.
#[derive(Debug)]
pub struct Link {
    /// Baseline to this photo; the identity for the baseline itself.
    pub transform: Transform,
    /// Expected median error of the transform, native pixels of this photo.
    pub residual_px: f64,
    /// Share of the baseline's skin that this photo shows.
    pub overlap_fraction: f64,
    /// Blur relative to the baseline, where it could be told.
    pub blur: Option<RelativeBlur>,
    /// What can be compared with the baseline.
    pub comparability: Comparability,
    /// How it was found; nothing for the baseline.
    found: Option<Alignment>,
}

impl Link {
    /// The baseline's link to itself.
    pub fn baseline() -> Self {
        Self {
            transform: Transform::identity(),
            residual_px: 0.0,
            overlap_fraction: 1.0,
            blur: None,
            comparability: Comparability::same(),
            found: None,
        }
    }

    /// Expected median error over `places` (native pixels of the baseline),
    /// native pixels of this photo; `None` for the baseline itself.
    pub fn residual_over(&self, places: &[[f64; 2]]) -> Option<f64> {
        self.found.as_ref().filter(|_| !places.is_empty()).map(|found| found.residual_over(places))
    }

    /// What the lamp's height may have done to the contrast of all relief: the
    /// whole change that is common to it, natural logarithm; 0 for the baseline itself.
    pub fn relief_log_sd(&self) -> f64 {
        self.blur.map_or(0.0, |blur| blur.contrast.max(1e-3).ln().abs())
    }

    /// Standard error of the logarithm of colour contrasts from how the light falls;
    /// 0 for the baseline itself.
    pub fn veil_log_sd(&self) -> f64 {
        let relief = self.comparability.reasons.iter().filter(|r| r.family == comparability::Family::Relief);
        let shares = relief.map(|reason| self.share_of_flash(&reason.warning.code));
        (VEIL_LOG_SD * shares.fold(0.0, f64::max)).hypot(VEIL_SHARE * self.relief_log_sd())
    }

    /// How far the light has come towards a flash in place of light from the side,
    /// 0 to 1; whole where the reason that forbids relief is none that has degrees.
    fn share_of_flash(&self, reason: &str) -> f64 {
        let measures = self.comparability.measures.as_ref();
        let known = measures.and_then(|m| m.light_turn.zip(m.pattern_correlation));
        match (reason, known) {
            ("light_turned" | "light_differs", Some((turn, agreement))) => {
                let parted = (AGREEMENT - agreement) / (AGREEMENT - FLASH_AGREEMENT);
                (turn / FLASH_TURN).max(parted).clamp(0.0, 1.0)
            }
            _ => 1.0,
        }
    }

    /// Why an aspect cannot be compared with the baseline, if it cannot.
    pub fn blocked(&self, aspect: Aspect) -> Option<String> {
        let family = match aspect {
            Aspect::Colour => comparability::Family::Colour,
            Aspect::Relief => comparability::Family::Relief,
        };
        self.comparability.reason(family).map(|warning| warning.code.clone())
    }
}

/// A photo to be hung on the baseline: seen, described and judged.
pub type Seen<'a> = (&'a mut Frame, &'a Features, &'a Quality);

/// Lays `moving` on the baseline and calibrates it to the baseline's light.
///
/// # Errors
///
/// Why the photos cannot be aligned.
pub fn link(
    baseline: (&Frame, &Features, &Quality),
    moving: Seen<'_>,
    settings: &Settings,
) -> Result<Link, Rejection> {
    let found = alignment::align(baseline.1, moving.1, &settings.alignment, settings.seed);
    match found.status {
        Status::Aligned => Ok(hung(baseline, moving, found)),
        Status::Rejected => Err(found.reason.unwrap_or(Rejection::NoSharedSkin)),
    }
}

/// The same for a photo too different from the baseline to be matched with
/// it: the way through a photo in `between`, which lies on the baseline by its
/// own transform, is where the search begins. What it finds is held against
/// the baseline itself; `None` where that fails.
pub fn link_through(
    baseline: (&Frame, &Features, &Quality),
    moving: Seen<'_>,
    between: (&Features, &Transform),
    settings: &Settings,
) -> Option<Link> {
    let onward = alignment::align(between.0, moving.1, &settings.alignment, settings.seed);
    if onward.status == Status::Rejected {
        return None;
    }
    let (width, height) = baseline.0.size();
    let guess = between.1.then(&onward.transform, width, height)?;
    let found = alignment::align_from(baseline.1, moving.1, &guess, &settings.alignment);
    (found.status == Status::Aligned).then(|| hung(baseline, moving, found))
}

/// The link of a photo that was aligned; calibrates it.
fn hung(baseline: (&Frame, &Features, &Quality), moving: Seen<'_>, found: Alignment) -> Link {
    let (reference, frame) = (baseline.0, moving.0);
    let card = |frame: &Frame| frame.photo.calibration().method == Method::Card;
    let by_card = card(reference) && card(frame);
    let own = frame.photo.calibration().warning.clone();
    if !by_card {
        frame.photo.calibrate(Calibration::none());
    }
    let (mut calibration, skin_contrast) = pair::calibrate(reference, frame, &found.transform);
    if !by_card {
        calibration.warning = calibration.warning.or(own);
        frame.photo.calibrate(calibration);
    }
    let (magnification, stretch) = magnification(reference, &found.transform);
    frame.rescale(reference.scale.magnified(magnification));
    let (blur, relief) = patterns(reference, frame, &found.transform);
    let comparability = quality::compare(&quality::Pair {
        reference: (baseline.2, reference.photo.photo().facts()),
        moving: (moving.2, frame.photo.photo().facts()),
        scale_ratio: magnification,
        stretch,
        blur,
        relief,
        skin_contrast,
        calibration: frame.photo.calibration(),
    });
    Link {
        transform: found.transform.clone(),
        residual_px: found.residual_px,
        overlap_fraction: found.overlap_fraction,
        blur,
        comparability,
        found: Some(found),
    }
}

/// The magnification of the baseline's skin, by area on the whole, and the
/// ratio of the largest to the smallest magnification in any direction at its
/// middle. Where skin is deformed, no single place stands for all of it.
fn magnification(baseline: &Frame, transform: &Transform) -> (f64, f64) {
    let singular = |at: [f64; 2]| {
        let [[a, b], [c, d]] = transform.jacobian(at);
        nalgebra::Matrix2::new(a, b, c, d).singular_values()
    };
    let native = |at: [f64; 2]| at.map(|at| raster::cell_centre(at, baseline.levels.coarse));
    let step = (baseline.mask.nrows().max(baseline.mask.ncols()) / SAMPLES).max(1);
    let (mut sum, mut count) = (0.0, 0.0);
    for y in (step / 2..baseline.mask.nrows()).step_by(step) {
        for x in (step / 2..baseline.mask.ncols()).step_by(step).filter(|&x| baseline.mask[[y, x]]) {
            let values = singular(native([x as f64, y as f64]));
            (sum, count) = (sum + values[0] * values[1], count + 1.0);
        }
    }
    let middle = singular(native(centroid(&baseline.mask)));
    let area = if count > 0.0 { sum / count } else { middle[0] * middle[1] };
    (area.sqrt(), middle[0] / middle[1])
}

/// Places along the longer side at which the magnification is taken.
const SAMPLES: usize = 24;

/// The middle of a mask; of the plane, if it is empty.
fn centroid(mask: &Mask) -> [f64; 2] {
    let (width, height) = raster::size(mask);
    let inside = raster::count(mask) as f64;
    if inside == 0.0 {
        return [width as f64 / 2.0, height as f64 / 2.0];
    }
    let sum = mask
        .indexed_iter()
        .filter(|(_, inside)| **inside)
        .fold([0.0, 0.0], |[sx, sy], ((y, x), _)| [sx + x as f64, sy + y as f64]);
    sum.map(|sum| sum / inside)
}

/// The density of a photo's red and green light together, where its fine
/// pattern can be seen. Relief shades both alike, and of dark skin red brings
/// several times the light of green: in green alone its noise hides blur.
struct Pattern {
    density: Plane,
    skin: Mask,
    factor: usize,
}

impl Pattern {
    fn of(frame: &Frame, factor: usize) -> Self {
        let [mut density, green, _] = frame.photo.linear(factor);
        let together = |red: &mut f32, green: &f32| *red = color::density((*red + green) / 2.0);
        Zip::from(&mut density).and(&green).par_for_each(together);
        let skin = frame.skin.mask_at(factor, density.ncols(), density.nrows());
        Self { density, skin, factor }
    }

    fn valid(&self) -> canvas::Skin<'_> {
        canvas::Skin { mask: &self.skin, factor: self.factor }
    }

    /// The part in `mask` of a photo of this `scale`.
    fn inside<'a>(&'a self, mask: &'a Mask, scale: FilterScale) -> FinePattern<'a> {
        FinePattern { density: &self.density, mask, factor: self.factor, scale }
    }
}

/// Blur of the moving photo relative to the baseline and agreement of their
/// fine patterns, over the skin that both show.
fn patterns(
    baseline: &Frame,
    moving: &Frame,
    transform: &Transform,
) -> (Option<RelativeBlur>, Option<ReliefAgreement>) {
    let factor = baseline.scale.reduction_to(PATTERN_PX_PER_MM).min(baseline.levels.coarse);
    let (reference, other) = (Pattern::of(baseline, factor), Pattern::of(moving, factor));
    let here = canvas::seen(&reference.skin, factor, transform, other.valid());
    let there = canvas::carried(&reference.skin, factor, transform, other.valid());
    let [here, there] = [reference.inside(&here, baseline.scale), other.inside(&there, moving.scale)];
    let blur = relative_blur(&here, &there, |at| transform.map(at));
    let resampled = resampled(&other, transform, raster::size(&reference.density));
    let both = morphology::erode(here.mask, 2.0);
    (blur, relief_agreement(&reference.density, &resampled, &both, baseline.scale.reduced(factor)))
}

/// The pattern of the moving photo in the frame of a baseline plane of
/// `size` cells; 0 outside.
fn resampled(moving: &Pattern, transform: &Transform, size: (usize, usize)) -> Plane {
    let way = Lattice::new(|at| Some(transform.map(at)), size, moving.factor);
    raster::rows(size.0, size.1, |y, out| {
        let way = way.line(y);
        for (x, value) in out.iter_mut().enumerate() {
            let at = way.at(x).map(|at| at.map(|at| raster::in_cells(at, moving.factor)));
            *value = at.and_then(|[x, y]| raster::sample(&moving.density, x, y)).unwrap_or(0.0);
        }
    })
}
