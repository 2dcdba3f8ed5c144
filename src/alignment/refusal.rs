//! Why no skin was found that both photos show, told apart for the photographer.

use ndarray::{Array2, Axis};

use crate::alignment::guidance::quantile;
use crate::alignment::{Alignment, AlignmentOptions, Features, Rejection, Status, search};
use crate::filter::background::background;
use crate::filter::gaussian::gaussian_inside;
use crate::raster::{self, Mask, Plane, row};

/// Deviation of the best tenth of a photo below which it shows no structure,
/// grey levels of 255. Chosen by us: skin in focus shows more than 2, a wall
/// or skin blurred by a fiftieth of the width less than 0.5.
const LEAST_STRUCTURE: f64 = 0.6;

/// Side of the windows whose deviation is taken, pixels.
const WINDOW: usize = 12;

/// Finest and coarsest structure of skin, deviations in pixels.
const BAND: [f64; 2] = [1.5, 6.0];

/// The refusal with the cause that can be seen in the photos, if any:
/// no structure in one of them, or a mirror image.
pub fn explained(
    refused: Alignment,
    reference: &Features,
    moving: &Features,
    options: &AlignmentOptions,
    seed: u64,
) -> Alignment {
    if [reference, moving].iter().any(|features| structure(features) < LEAST_STRUCTURE) {
        return Alignment::rejected(Rejection::NoStructure);
    }
    if search(reference, &mirrored(moving), options, seed).status == Status::Aligned {
        return Alignment::rejected(Rejection::Mirrored);
    }
    refused
}

/// How strong structure of the size of pores and furrows is where it is
/// strongest, grey levels of 255.
fn structure(features: &Features) -> f64 {
    let times = features.cell / features.factor;
    let (picture, valid) =
        (raster::reduce(&features.picture, times), raster::reduce_mask(&features.valid, times));
    let band = gaussian_inside(&picture, &valid, BAND[0]) - background(&picture, &valid, BAND[1]);
    let (width, height) = raster::size(&band);
    let corners =
        (0..height / WINDOW).flat_map(|j| (0..width / WINDOW).map(move |i| (i * WINDOW, j * WINDOW)));
    let deviations: Vec<f64> = corners.filter_map(|at| deviation(&band, &valid, at)).collect();
    quantile(&deviations, 0.9)
}

/// The root mean square of a window that is valid throughout.
fn deviation(band: &Plane, valid: &Mask, (x0, y0): (usize, usize)) -> Option<f64> {
    let columns = x0..x0 + WINDOW;
    let mut squares = 0.0;
    for y in y0..y0 + WINDOW {
        if !row(valid, y)[columns.clone()].iter().all(|&inside| inside) {
            return None;
        }
        squares += row(band, y)[columns.clone()].iter().map(|&value| f64::from(value).powi(2)).sum::<f64>();
    }
    Some((squares / (WINDOW * WINDOW) as f64).sqrt())
}

/// The features of the mirror image.
fn mirrored(features: &Features) -> Features {
    fn flipped<T: Copy>(array: &Array2<T>) -> Array2<T> {
        let mut flipped = array.clone();
        flipped.invert_axis(Axis(1));
        flipped.as_standard_layout().into_owned()
    }
    let Features { picture, valid, factor, width, height, .. } = features;
    Features::detect(flipped(picture), &flipped(valid), *factor, *width, *height)
}
