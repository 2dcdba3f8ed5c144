//! How sharp one photo is, by itself.

use rayon::prelude::*;

use super::blocks::quantile;
use crate::filter::gaussian::gaussian;
use crate::photo::{Photo, Tile};
use crate::raster::{self, Plane};
use crate::skin::Skin;

/// Side of the tiles that are looked at, pixels.
const TILE: usize = 96;

/// Most tiles, evenly spread: one megapixel is plenty.
const MOST_TILES: usize = 100;

/// The two smoothings whose gradients are compared, pixels.
const FINE: f64 = 1.0;
const COARSE: f64 = 2.0;

/// Variance of the two-pixel box that a central difference smooths with.
const DIFFERENCE: f64 = 1.0 / 3.0;

/// Share of a tile's pixels, the steepest, that are taken for edges.
const STEEPEST: f64 = 0.02;

/// Least slope of an edge, density units per pixel, at the coarse smoothing:
/// what noise of 3 % per pixel reaches once in a thousand pixels.
const LEAST_SLOPE: f32 = 0.005;

/// The blur of the skin's edges: the standard deviation, in pixels, of the
/// Gaussian that turns a step into what the steepest edges look like. `None`
/// if the skin has no edges that stand out of the noise.
///
/// An edge blurred by `σ` and smoothed by `s` has a slope proportional to
/// `1/√(σ² + s²)`; two smoothings give `σ`. Skin has few true steps: wide
/// structures raise the value and narrow ones lower it, so that it compares
/// photos of like skin, and is no measurement of a lens.
pub(super) fn blur_sigma_px(photo: &Photo, skin: &Skin) -> Option<f64> {
    let tile = |&(left, top): &(usize, usize)| photo.density_tile(1, 1, Tile { left, top, side: TILE });
    let variances: Vec<f64> =
        tiles(photo, skin).par_iter().filter_map(|corner| edge_variance(&tile(corner))).collect();
    quantile(variances.into_iter(), 0.5).map(|variance| variance.max(0.0).sqrt())
}

/// Corners of tiles whose middle is skin, at most [`MOST_TILES`], evenly spread.
fn tiles(photo: &Photo, skin: &Skin) -> Vec<(usize, usize)> {
    let (across, down) = (photo.width() / TILE, photo.height() / TILE);
    let on_skin = |&(x, y): &(usize, usize)| {
        let cell = |at: usize| raster::in_cells((at + TILE / 2) as f64, skin.factor);
        raster::covers(&skin.mask, cell(x), cell(y))
    };
    let corner = |i: usize| ((i % across) * TILE, (i / across) * TILE);
    let found: Vec<_> = (0..across * down).map(corner).filter(on_skin).collect();
    let step = found.len().div_ceil(MOST_TILES).max(1);
    found.into_iter().step_by(step).collect()
}

/// Median `σ²` of the steepest edges of a tile.
fn edge_variance(tile: &Plane) -> Option<f64> {
    let fine = slopes(&gaussian(tile, FINE));
    let coarse = slopes(&gaussian(tile, COARSE));
    let limit = quantile(coarse.iter().map(|&slope| slope.into()), 1.0 - STEEPEST)? as f32;
    let edges = fine.iter().zip(&coarse).filter(|(_, slope)| **slope >= limit.max(LEAST_SLOPE));
    let variance = |(&fine, &coarse): (&f32, &f32)| {
        let ratio = f64::from(fine / coarse).powi(2);
        let smoothing = |sigma: f64| sigma * sigma + DIFFERENCE;
        (ratio > 1.02).then(|| (smoothing(COARSE) - ratio * smoothing(FINE)) / (ratio - 1.0))
    };
    quantile(edges.filter_map(variance), 0.5)
}

/// Lengths of the gradient away from the rim that smoothing mirrors at.
fn slopes(plane: &Plane) -> Vec<f32> {
    const RIM: usize = 8;
    let (width, height) = raster::size(plane);
    let inner = (RIM..height - RIM).flat_map(|y| (RIM..width - RIM).map(move |x| (x, y)));
    inner
        .map(|(x, y)| {
            let across = plane[[y, x + 1]] - plane[[y, x - 1]];
            let down = plane[[y + 1, x]] - plane[[y - 1, x]];
            0.5 * across.hypot(down)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::color::srgb_from_linear;
    use crate::raster::Mask;
    use image::{Rgb, RgbImage};

    /// A photo of dark squares on light skin, blurred by `sigma` pixels in density.
    fn photo(sigma: f64) -> Photo {
        let square = |at: usize| (at / 40).is_multiple_of(2);
        let sharp = Plane::from_shape_fn((480, 480), |(y, x)| if square(x) ^ square(y) { 1.2 } else { 0.8 });
        let blurred = gaussian(&sharp, sigma);
        Photo::from_rgb8(
            "p",
            RgbImage::from_fn(480, 480, |x, y| {
                let value = srgb_from_linear((-blurred[[y as usize, x as usize]]).exp());
                Rgb([(255.0 * value).round() as u8; 3])
            }),
        )
    }

    fn all_skin() -> Skin {
        let mask = Mask::from_elem((120, 120), true);
        let [glare, hair, strands, clipped] = [(); 4].map(|()| !&mask);
        let (lost_fraction, light) = ([0.0; 2], [0.3; 3]);
        Skin { glare, hair, strands, clipped, mask, factor: 4, coverage: 1.0, lost_fraction, light }
    }

    #[test]
    fn the_blur_of_steps_is_measured() {
        for sigma in [0.8, 1.5, 2.5, 4.0] {
            let measured = blur_sigma_px(&photo(sigma), &all_skin()).expect("edges");
            assert!((measured / sigma - 1.0).abs() < 0.2, "{sigma}: {measured}");
        }
    }

    #[test]
    fn even_skin_has_no_edges() {
        let even = Photo::from_rgb8("p", RgbImage::from_pixel(480, 480, Rgb([180, 140, 120])));
        assert_eq!(blur_sigma_px(&even, &all_skin()), None);
    }
}
