//! The blur of one photo relative to another, by how much structure the same
//! skin shows in both at each fineness.

use rayon::prelude::*;

use super::blocks::{self, SIDE};
use super::noise;
use crate::filter::morphology;
use crate::order::midmean;
use crate::raster::{self, Mask, Plane};
use crate::units::FilterScale;

/// Finest smoothing of the bands, mm; each next one is √2 times as coarse. The
/// bands between them peak from 3 cycles per millimetre downwards.
const FINEST_MM: f64 = 0.0625;

/// Rungs of the ladder of bands: down to 0.2 cycles per millimetre.
const BANDS: usize = 9;

/// How many of them are measured: the finest that the photo resolves.
const MEASURED: usize = 5;

/// Least smoothing that a grid carries, cells.
const FINEST_CELLS: f64 = 0.6;

/// The structure in one octave-wide band.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Band {
    /// Variance without that of the noise, density units squared.
    power: f64,
    /// Mean squared frequency, (radians per mm)².
    frequency: f64,
    /// Variance that noise adds, density units squared.
    noise: f64,
}

/// What a photo shows of skin whose fine pattern is looked at.
#[derive(Clone, Copy)]
pub struct FinePattern<'a> {
    /// Optical density, natural units.
    pub density: &'a Plane,
    /// Where it is looked at, of the same cells.
    pub mask: &'a Mask,
    /// Pixels of the photo per cell.
    pub factor: usize,
    /// Scale of the photo itself.
    pub scale: FilterScale,
}

impl FinePattern<'_> {
    fn cells(&self) -> FilterScale {
        self.scale.reduced(self.factor)
    }

    /// The finest band that the photo resolves.
    fn finest(&self) -> Option<usize> {
        (0..BANDS).find(|k| self.cells().px(sigma_mm(*k)) >= FINEST_CELLS)
    }

    /// The mask without where the finest band sees its surroundings; `None` if no band is resolved.
    fn inner(&self) -> Option<Mask> {
        Some(morphology::erode(self.mask, self.cells().px(3.0 * sigma_mm(self.finest()? + 1))))
    }

    /// The corner of the block about a place of the full photo, if the plane has one there.
    fn corner(&self, centre: [f64; 2]) -> Option<(usize, usize)> {
        let [x, y] = centre.map(|at| raster::in_cells(at, self.factor) - TO_CENTRE);
        raster::nearest(x, y).map(|[x, y]| (x, y))
    }

    /// The middle of the block at a corner, in the full photo.
    fn centre(&self, (x, y): (usize, usize)) -> [f64; 2] {
        [x, y].map(|at| raster::cell_centre(at as f64 + TO_CENTRE, self.factor))
    }

    /// Variance of the averaging into cells, mm²: a blur that is known.
    fn averaging(&self) -> f64 {
        raster::averaging(self.factor) / self.scale.px_per_mm.powi(2)
    }
}

/// From the first cell of a block to its middle.
const TO_CENTRE: f64 = (SIDE - 1) as f64 / 2.0;

/// The structure of the skin in blocks of a photo, band by band, in density units.
struct Spectrum([Option<Band>; BANDS]);

impl Spectrum {
    /// The bands in the blocks at `corners`, where `mask` counts; `None` without any.
    fn of(pattern: &FinePattern, mask: &Mask, corners: &[(usize, usize)]) -> Option<Self> {
        let (cells, finest) = (pattern.cells(), pattern.finest()?);
        let noise = noise::of_plane(pattern.density, mask, corners)?;
        let measured = finest..(finest + MEASURED).min(BANDS);
        let moments = |&corner: &(usize, usize)| -> Vec<[f64; 2]> {
            let mut finer = blocks::smoothed_block(pattern.density, corner, cells.px(sigma_mm(finest)));
            let band = |k: usize| {
                let coarser = blocks::smoothed_block(pattern.density, corner, cells.px(sigma_mm(k + 1)));
                let detail = std::mem::replace(&mut finer, coarser) - &finer;
                moments(&detail, mask, corner)
            };
            measured.clone().map(band).collect()
        };
        let moments: Vec<Vec<[f64; 2]>> = corners.par_iter().map(moments).collect();
        let mut bands = [None; BANDS];
        for (i, k) in measured.enumerate() {
            let of_band: Vec<[f64; 2]> = moments.iter().map(|block| block[i]).collect();
            bands[k] = Band::of(&of_band, noise, k, cells);
        }
        Some(Self(bands))
    }
}

fn sigma_mm(k: usize) -> f64 {
    FINEST_MM * 2f64.powf(k as f64 / 2.0)
}

impl Band {
    /// Band `k` from its [`moments`] in every block.
    fn of(moments: &[[f64; 2]], noise: f64, k: usize, cells: FilterScale) -> Option<Self> {
        let power = midmean(moments.iter().map(|m| m[0]).collect())?;
        let frequencies = moments.iter().filter(|m| m[0] > 0.0).map(|m| m[1] / m[0]).collect();
        let frequency = midmean(frequencies)? * cells.px_per_mm.powi(2);
        let noise = noise * noise * white_gain(cells.px(sigma_mm(k)), cells.px(sigma_mm(k + 1)));
        Some(Self { power: power - noise, frequency, noise })
    }
}

/// Mean square of the detail in a block, and of its steps to the right and down.
fn moments(detail: &Plane, mask: &Mask, corner: (usize, usize)) -> [f64; 2] {
    blocks::mean(mask, corner, |x, y| {
        let [here, right, below] = [[y, x], [y, x + 1], [y + 1, x]].map(|at| f64::from(detail[at]));
        [here * here, (right - here).powi(2) + (below - here).powi(2)]
    })
}

/// The variance that white noise of variance 1 keeps in the difference of two Gaussians.
fn white_gain(fine: f64, coarse: f64) -> f64 {
    use std::f64::consts::PI;
    1.0 / (4.0 * PI * fine * fine) + 1.0 / (4.0 * PI * coarse * coarse)
        - 1.0 / (PI * (fine * fine + coarse * coarse))
}

/// How much more one photo is blurred than another, and how much more contrast it has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RelativeBlur {
    /// Standard deviation of the Gaussian that makes the sharper photo as
    /// blurred as the other, mm; positive if the moving photo is the blurrier.
    pub sigma_mm: f64,
    /// The same in pixels of the coarser of the two photos.
    pub sigma_px: f64,
    /// Contrast of the moving photo's structure over the reference's, blur apart.
    pub contrast: f64,
    /// Standard error of `sigma_mm` squared, mm².
    pub variance_error: f64,
}

/// Least power of a band, in units of the noise's, that it is used from.
const LEAST_SIGNAL: f64 = 0.5;

/// Least number of blocks that a spectrum is taken of.
const LEAST_BLOCKS: usize = 4;

/// The blur of the moving photo relative to the reference: a Gaussian lowers
/// the power at frequency `ω` by `exp(−ω²σ²)`, so that the log power ratio
/// falls linearly with `ω²`. Both are measured in the same places, of which
/// `way` leads from pixels of the reference to those of the moving photo, for
/// skin differs from place to place by more than a blur does. `None` if fewer
/// than four blocks of 32 by 32 cells show skin in both, or fewer than three
/// bands stand out of the noise.
pub fn relative_blur(
    reference: &FinePattern,
    moving: &FinePattern,
    way: impl Fn([f64; 2]) -> [f64; 2],
) -> Option<RelativeBlur> {
    let (here, there) = rayon::join(|| reference.inner(), || moving.inner());
    let (here, there) = (here?, there?);
    let pair = |corner| {
        let other = moving.corner(way(reference.centre(corner)))?;
        blocks::is_covered(&there, other).then_some((corner, other))
    };
    let pairs: Vec<_> = blocks::corners(&here).into_iter().filter_map(pair).collect();
    if pairs.len() < LEAST_BLOCKS {
        return None;
    }
    let corners: (Vec<_>, Vec<_>) = blocks::spread(pairs).into_iter().unzip();
    let (a, b) = rayon::join(
        || Spectrum::of(reference, &here, &corners.0),
        || Spectrum::of(moving, &there, &corners.1),
    );
    let points: Vec<(f64, f64)> = a?.0.iter().zip(&b?.0).filter_map(shared).collect();
    let (slope, intercept, slope_error) = line(&points)?;
    let variance = -slope - (moving.averaging() - reference.averaging());
    let sigma_mm = variance.abs().sqrt().copysign(variance);
    Some(RelativeBlur {
        sigma_mm,
        sigma_px: sigma_mm * reference.scale.px_per_mm.min(moving.scale.px_per_mm),
        contrast: (intercept / 2.0).exp(),
        variance_error: slope_error,
    })
}

fn shared((reference, moving): (&Option<Band>, &Option<Band>)) -> Option<(f64, f64)> {
    let (reference, moving) = (reference.as_ref()?, moving.as_ref()?);
    let clear = |band: &Band| band.power > LEAST_SIGNAL * band.noise && band.power > 0.0;
    (clear(reference) && clear(moving))
        .then(|| ((reference.frequency + moving.frequency) / 2.0, (moving.power / reference.power).ln()))
}

/// Slope, intercept and standard error of the slope of a straight line through at least three points.
fn line(points: &[(f64, f64)]) -> Option<(f64, f64, f64)> {
    let n = points.len() as f64;
    let (mean_x, mean_y) =
        (points.iter().map(|p| p.0).sum::<f64>() / n, points.iter().map(|p| p.1).sum::<f64>() / n);
    let spread: f64 = points.iter().map(|p| (p.0 - mean_x).powi(2)).sum();
    if points.len() < 3 || spread <= 0.0 {
        return None;
    }
    let slope = points.iter().map(|p| (p.0 - mean_x) * (p.1 - mean_y)).sum::<f64>() / spread;
    let intercept = mean_y - slope * mean_x;
    let residual: f64 = points.iter().map(|p| (p.1 - intercept - slope * p.0).powi(2)).sum();
    Some((slope, intercept, (residual / (n - 2.0) / spread).sqrt()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::gaussian::gaussian;
    use ndarray::Array2;
    use rand::{Rng, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    const SCALE: FilterScale = FilterScale { px_per_mm: 12.0, physical: true };

    fn white(seed: u64, size: usize) -> Plane {
        let mut random = Pcg64Mcg::seed_from_u64(seed);
        let mut uniform = || random.random_range(-1.0..1.0f32);
        Array2::from_shape_fn((size, size), |_| uniform() + uniform() + uniform())
    }

    /// Structure of many sizes, as skin has: standard deviation about 0.1.
    fn skin() -> Plane {
        [0.5, 1.0, 2.0, 4.0, 8.0].iter().enumerate().fold(Plane::zeros((384, 384)), |sum, (i, &sigma)| {
            sum + gaussian(&white(i as u64, 384), sigma).mapv(|value| value * sigma as f32 * 0.1)
        })
    }

    fn with<T>(plane: &Plane, seen: impl FnOnce(&FinePattern) -> T) -> T {
        let mask = Mask::from_elem(plane.raw_dim(), true);
        seen(&FinePattern { density: plane, mask: &mask, factor: 1, scale: SCALE })
    }

    fn blur_of(reference: &Plane, moving: &Plane) -> Option<RelativeBlur> {
        with(reference, |reference| with(moving, |moving| relative_blur(reference, moving, |at| at)))
    }

    #[test]
    fn white_noise_is_measured_and_is_no_structure() {
        // Three uniform numbers in ±1 have a variance of 1 together.
        let plane = white(9, 384).mapv(|value| value * 0.02);
        with(&plane, |pattern| {
            let corners = blocks::corners(pattern.mask);
            let noise = noise::of_plane(&plane, pattern.mask, &corners).unwrap();
            assert!((noise / 0.02 - 1.0).abs() < 0.1, "{noise}");
            let Spectrum([finest, ..]) =
                Spectrum::of(pattern, pattern.mask, &corners).expect("blocks of skin");
            let finest = finest.expect("12 cells/mm resolve it");
            assert!(finest.power.abs() < 0.25 * finest.noise);
        });
    }

    #[test]
    fn a_known_blur_comes_back_with_its_sign() {
        let reference = skin();
        for pixels in [0.5, 1.0, 1.5] {
            let blurred = gaussian(&reference, pixels);
            let there = blur_of(&reference, &blurred).expect("structure");
            let back = blur_of(&blurred, &reference).expect("structure");
            assert!((there.sigma_px / pixels - 1.0).abs() < 0.2, "{pixels}: {there:?}");
            assert!((there.sigma_mm + back.sigma_mm).abs() < 0.01, "{back:?}");
        }
    }

    /// Skin whose left is coarser than its right, seen again from elsewhere: a grid of blocks of its
    /// own on each photo would not hold the same of both.
    #[test]
    fn skin_seen_from_elsewhere_is_no_blurrier() {
        let (fine, coarse) = (skin(), gaussian(&skin(), 2.0));
        let plane = Plane::from_shape_fn(fine.raw_dim(), |at| if at.1 < 200 { coarse[at] } else { fine[at] });
        let moved = Plane::from_shape_fn((375, 309), |(y, x)| plane[[y + 9, x + 75]]);
        let way = |[x, y]: [f64; 2]| [x - 75.0, y - 9.0];
        let blur = with(&plane, |plane| with(&moved, |moved| relative_blur(plane, moved, way)));
        let blur = blur.expect("structure");
        assert!(blur.sigma_px.powi(2) < 0.01 && (blur.contrast - 1.0).abs() < 0.01, "{blur:?}");
    }

    #[test]
    fn contrast_alone_is_no_blur() {
        let reference = skin();
        let flat = blur_of(&reference, &reference.mapv(|v| v * 0.7)).expect("structure");
        assert!(flat.sigma_mm.abs() < 1e-3 && (flat.contrast - 0.7).abs() < 1e-3, "{flat:?}");
    }

    #[test]
    fn noise_does_not_pass_for_sharpness() {
        let reference = skin();
        let noisy = &reference + &white(11, 384).mapv(|value| value * 0.015);
        let blur = blur_of(&reference, &noisy).expect("structure");
        assert!(blur.sigma_mm.abs() < 0.03, "{blur:?}");
    }

    #[test]
    fn too_little_skin_has_no_blur() {
        let plane = skin();
        let speck = Mask::from_shape_fn(plane.raw_dim(), |(y, x)| x < 40 && y < 40);
        let blur = with(&plane, |pattern| {
            relative_blur(pattern, &FinePattern { mask: &speck, ..*pattern }, |at| at)
        });
        assert_eq!(blur, None);
    }
}
