//! The maps that all families measure on.
//!
//! A photo is looked at twice: *fine*, where pores and furrows are resolved,
//! and *coarse*, where colour and lesions are. Each plane is the box mean of
//! linear light over whole native pixels; nothing is warped.

use rayon::prelude::*;

use crate::color::{Lab, Unmixing};
use crate::filter::background;
use crate::quality::Plateaus;
use crate::raster::{Mask, Plane, row};
use crate::units::FilterScale;

/// Least resolution of the fine planes, px/mm, where the photo has it: the
/// smallest pore that counts (0.2 mm) then spans 2.6 pixels.
pub const FINE_PX_PER_MM: f64 = 13.0;

/// Least resolution of the coarse planes, px/mm, where the photo has it: the
/// smallest lesion that counts (0.5 mm) then spans 3 pixels.
pub const COARSE_PX_PER_MM: f64 = 6.0;

/// A plane reduced from the native photo, with what is needed to use it.
#[derive(Debug, Clone)]
pub struct Level {
    /// Native pixels per pixel of this level.
    pub factor: usize,
    /// Pixels of this level per millimetre.
    pub scale: FilterScale,
    /// Valid skin.
    pub skin: Mask,
}

/// The maps of one photo.
#[derive(Debug, Clone)]
pub struct Maps {
    /// Native width and height, pixels.
    pub size: (usize, usize),
    /// The level of [`Maps::green`].
    pub fine: Level,
    /// Optical density of the green channel, natural units, blur equalised to
    /// the coarsest photo of the series; empty where the relief was taken from it.
    pub green: Plane,
    /// The level of all other planes.
    pub coarse: Level,
    /// Optical density of red, green and blue, natural units.
    pub density: [Plane; 3],
    /// Melanin, relative density units.
    pub melanin: Plane,
    /// Hemoglobin, relative density units.
    pub hemoglobin: Plane,
    /// Shading: density common to all channels, natural units; higher is darker.
    pub shading: Plane,
    /// CIELAB L*, a* and b* of the valid skin; 0 elsewhere.
    pub lab: [Plane; 3],
    /// How the densities were unmixed: kept from the baseline for the whole series.
    pub unmixing: Unmixing,
    /// What compression leaves of faint colour; 0 unless told.
    pub plateaus: Plateaus,
}

impl Maps {
    /// The maps of a baseline photo, or of one by itself, from the calibrated
    /// densities of the coarse level and the green density of the fine one; its
    /// own skin says how they are unmixed.
    pub fn new(size: (usize, usize), fine: Level, green: Plane, coarse: Level, density: [Plane; 3]) -> Self {
        let unmixing = Unmixing::of_planes(&density, &coarse.skin);
        Self::under(size, fine, green, coarse, density, unmixing)
    }

    /// The maps of a photo unmixed as the baseline's were.
    pub fn under(
        size: (usize, usize),
        fine: Level,
        green: Plane,
        coarse: Level,
        density: [Plane; 3],
        unmixing: Unmixing,
    ) -> Self {
        let [melanin, hemoglobin, shading] = unmixing.apply(&density);
        let (lab, plateaus) = (lab(&density, &coarse.skin), Plateaus::default());
        Self { size, fine, green, coarse, density, melanin, hemoglobin, shading, lab, unmixing, plateaus }
    }
}

/// CIELAB L*, a* and b* of densities inside `skin`.
fn lab(density: &[Plane; 3], skin: &Mask) -> [Plane; 3] {
    let mut lab = [(); 3].map(|()| Plane::zeros(skin.raw_dim()));
    let width = skin.ncols().max(1);
    let [l, a, b] =
        lab.each_mut().map(|plane| plane.as_slice_mut().expect("just made").par_chunks_mut(width));
    l.zip(a).zip(b).enumerate().for_each(|(y, ((l, a), b))| {
        let densities = density.each_ref().map(|plane| row(plane, y));
        for (x, _) in row(skin, y).iter().enumerate().filter(|(_, inside)| **inside) {
            let found = Lab::from_linear(densities.map(|line| (-line[x]).exp()));
            (l[x], a[x], b[x]) = (found.l, found.a, found.b);
        }
    });
    lab
}

/// Slow variation that [`freed`] takes out, standard deviation in mm: wider
/// than the scars and papules that are left.
const BACKGROUND_MM: f64 = 5.0;

/// A plane of the coarse level without its slow variation; 0 outside the skin.
pub fn freed(plane: &Plane, maps: &Maps) -> Plane {
    background::freed(plane.clone(), &maps.coarse.skin, maps.coarse.scale.px(BACKGROUND_MM))
}

/// Sums over tiles of `measure(x, y)` on the coarse level: one array of `N`
/// sums per tile, in row order and the same for any number of threads.
pub fn sum_tiles<const N: usize>(
    tiles: &crate::region::Tiles,
    measure: impl Fn(usize, usize) -> [f64; N] + Sync,
) -> Vec<[f64; N]> {
    sum_labels(tiles.labels(), tiles.count(), measure)
}

/// Rows that are summed by one thread.
const BAND: usize = 64;

/// Sums over the pixels of each of `count` labels of `measure(x, y)`, as
/// [`sum_tiles`] does.
pub fn sum_labels<const N: usize>(
    labels: &ndarray::Array2<u16>,
    count: usize,
    measure: impl Fn(usize, usize) -> [f64; N] + Sync,
) -> Vec<[f64; N]> {
    let bands: Vec<Vec<[f64; N]>> = (0..labels.nrows().div_ceil(BAND))
        .into_par_iter()
        .map(|band| {
            let mut sums = vec![[0.0; N]; count];
            for y in band * BAND..((band + 1) * BAND).min(labels.nrows()) {
                for (x, &label) in row(labels, y).iter().enumerate() {
                    if label != crate::region::Tiles::OUTSIDE {
                        let at = measure(x, y);
                        sums[label as usize].iter_mut().zip(at).for_each(|(sum, value)| *sum += value);
                    }
                }
            }
            sums
        })
        .collect();
    let mut total = vec![[0.0; N]; count];
    for band in &bands {
        for (sum, part) in total.iter_mut().zip(band) {
            sum.iter_mut().zip(part).for_each(|(sum, value)| *sum += value);
        }
    }
    total
}
