//! The maps that all families measure on.
//!
//! A photo is looked at twice: *fine*, where pores and furrows are resolved,
//! and *coarse*, where colour and lesions are. Each plane is the box mean of
//! linear light over whole native pixels; nothing is warped.

use rayon::prelude::*;

use crate::color::Rgb;
use crate::filter::background::background;
use crate::raster::{self, Mask, Plane, row};
use crate::units::FilterScale;

/// Least resolution of the fine planes, px/mm, where the photo has it: the
/// smallest pore that counts (0.2 mm) then spans 2.6 pixels.
pub const FINE_PX_PER_MM: f64 = 13.0;

/// Least resolution of the coarse planes, px/mm, where the photo has it: the
/// smallest lesion that counts (0.5 mm) then spans 3 pixels.
pub const COARSE_PX_PER_MM: f64 = 6.0;

/// Density of a change in melanin, natural units, red, green, blue: fitted to
/// two-layer Monte Carlo skin in linear sRGB (melanosome fraction up to 16 %,
/// blood up to 1 %, 60 µm epidermis).
pub const MELANIN: Rgb = [0.329, 0.493, 0.805];

/// Density of a change in blood, likewise.
pub const HEMOGLOBIN: Rgb = [0.235, 0.750, 0.619];

/// The rows that turn density into melanin, hemoglobin and shading: the
/// inverse of the columns [`MELANIN`], [`HEMOGLOBIN`] and (1, 1, 1).
///
/// The first two sum to 0, so that neither exposure nor shading moves them.
pub fn unmixing() -> [Rgb; 3] {
    let mixing = nalgebra::Matrix3::from_columns(&[
        nalgebra::Vector3::from(MELANIN.map(f64::from)),
        nalgebra::Vector3::from(HEMOGLOBIN.map(f64::from)),
        nalgebra::Vector3::repeat(1.0),
    ]);
    let inverse = mixing.try_inverse().expect("the three vectors are independent");
    std::array::from_fn(|i| std::array::from_fn(|j| inverse[(i, j)] as f32))
}

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
    /// the coarsest photo of the series.
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
}

impl Maps {
    /// The maps from the calibrated densities of the coarse level and the
    /// green density of the fine one.
    pub fn new(size: (usize, usize), fine: Level, green: Plane, coarse: Level, density: [Plane; 3]) -> Self {
        let [melanin, hemoglobin, shading] = unmix(&density);
        Self { size, fine, green, coarse, density, melanin, hemoglobin, shading }
    }

    /// Linear light of one coarse pixel.
    pub fn linear(&self, x: usize, y: usize) -> Rgb {
        std::array::from_fn(|channel| (-self.density[channel][[y, x]]).exp())
    }
}

/// Slow variation that [`freed`] takes out, standard deviation in mm: wider
/// than the scars and papules that are left.
const BACKGROUND_MM: f64 = 5.0;

/// A plane of the coarse level without its slow variation; 0 outside the skin.
pub fn freed(plane: &Plane, maps: &Maps) -> Plane {
    let skin = &maps.coarse.skin;
    let mut freed = plane - &background(plane, skin, maps.coarse.scale.px(BACKGROUND_MM));
    ndarray::Zip::from(&mut freed).and(skin).for_each(|value, &inside| {
        if !inside {
            *value = 0.0;
        }
    });
    freed
}

/// Melanin, hemoglobin and shading of three planes of density.
pub fn unmix(density: &[Plane; 3]) -> [Plane; 3] {
    let (width, height) = raster::size(&density[0]);
    unmixing().map(|weights| {
        raster::rows(width, height, |y, out| {
            let [red, green, blue] = [row(&density[0], y), row(&density[1], y), row(&density[2], y)];
            for (((value, r), g), b) in out.iter_mut().zip(red).zip(green).zip(blue) {
                *value = weights[0] * r + weights[1] * g + weights[2] * b;
            }
        })
    })
}

/// Sums over tiles of `measure(x, y)` on the coarse level: one array of `N`
/// sums per tile, in row order and the same for any number of threads.
pub fn sum_tiles<const N: usize>(
    tiles: &crate::region::Tiles,
    measure: impl Fn(usize, usize) -> [f64; N] + Sync,
) -> Vec<[f64; N]> {
    sum_labels(tiles.labels(), tiles.count(), measure)
}

/// Sums over the pixels of each of `count` labels of `measure(x, y)`, as
/// [`sum_tiles`] does.
pub fn sum_labels<const N: usize>(
    labels: &ndarray::Array2<u16>,
    count: usize,
    measure: impl Fn(usize, usize) -> [f64; N] + Sync,
) -> Vec<[f64; N]> {
    let lines: Vec<Vec<[f64; N]>> = (0..labels.nrows())
        .into_par_iter()
        .with_min_len(16)
        .map(|y| {
            let mut sums = vec![[0.0; N]; count];
            for (x, &label) in row(labels, y).iter().enumerate() {
                if label != crate::region::Tiles::OUTSIDE {
                    let at = measure(x, y);
                    sums[label as usize].iter_mut().zip(at).for_each(|(sum, value)| *sum += value);
                }
            }
            sums
        })
        .collect();
    let mut total = vec![[0.0; N]; count];
    for line in &lines {
        for (sum, part) in total.iter_mut().zip(line) {
            sum.iter_mut().zip(part).for_each(|(sum, value)| *sum += value);
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn the_unmixing_rows_are_the_published_ones_and_ignore_exposure() {
        let [melanin, hemoglobin, _] = unmixing();
        let published = [[-0.719, -2.108, 2.827], [-1.713, 2.613, -0.900]];
        for (row, expected) in [melanin, hemoglobin].iter().zip(published) {
            assert!(row.iter().zip(expected).all(|(a, b): (&f32, f64)| (f64::from(*a) - b).abs() < 2e-3));
            assert!(row.iter().sum::<f32>().abs() < 1e-5);
        }
    }

    #[test]
    fn a_mixture_comes_apart_again() {
        let density =
            std::array::from_fn(|c| Array2::from_elem((1, 1), 0.3 * MELANIN[c] + 0.2 * HEMOGLOBIN[c] + 0.7));
        let [melanin, hemoglobin, shading] = unmix(&density).map(|plane| plane[[0, 0]]);
        assert!(
            (melanin - 0.3).abs() < 1e-5 && (hemoglobin - 0.2).abs() < 1e-5 && (shading - 0.7).abs() < 1e-5
        );
    }
}
