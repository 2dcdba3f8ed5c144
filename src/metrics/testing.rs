//! Small planes for the tests of the families.

use crate::metrics::Maps;
use crate::metrics::maps::Level;
use crate::metrics::relief::{Green, Relief};
use crate::raster::{self, Mask, Plane};
use crate::region::{Region, Tiles};
use crate::units::FilterScale;

/// Maps of one density in all channels, native resolution `px_per_mm`, all of
/// it skin; the coarse level is half as fine.
pub fn maps_of(green: Plane, px_per_mm: f64) -> Maps {
    let channels = std::array::from_fn(|_| green.clone());
    maps_of_colors(channels, px_per_mm)
}

/// Maps of the densities of red, green and blue, likewise.
pub fn maps_of_colors(channels: [Plane; 3], px_per_mm: f64) -> Maps {
    let scale = FilterScale { px_per_mm, physical: true };
    let coarse = channels.each_ref().map(|plane| raster::reduce(plane, 2));
    let level = |plane: &Plane, factor| Level {
        factor,
        scale: scale.reduced(factor),
        skin: Mask::from_elem(plane.raw_dim(), true),
    };
    let [_, green, _] = channels;
    let (size, fine, half) = (raster::size(&green), level(&green, 1), level(&coarse[0], 2));
    Maps::new(size, fine, green, half, coarse)
}

/// The relief of a density of 40 px/mm, all of it skin, in cells of `factor` pixels.
pub fn relief_in_cells(green: &Plane, factor: usize) -> Relief {
    let density = raster::reduce(green, factor);
    let seen = Mask::from_elem(density.raw_dim(), true);
    let scale = FilterScale { px_per_mm: 40.0, physical: true }.reduced(factor);
    let level = Level { factor, scale, skin: seen.clone() };
    Relief::of_green(Green { density, seen }, &level)
}

/// All of a photo's skin in tiles of 4 mm at 20 px/mm.
pub fn skin_of(maps: &Maps) -> Region {
    Region { name: "skin".into(), tiles: Tiles::of_mask(&maps.coarse.skin, maps.coarse.factor, 40) }
}

/// A plane turned by a quarter, and one flipped left to right.
pub fn turned_and_flipped(plane: &Plane) -> [Plane; 2] {
    let (width, height) = raster::size(plane);
    [
        Plane::from_shape_fn((width, height), |(y, x)| plane[[height - 1 - x, y]]),
        Plane::from_shape_fn((height, width), |(y, x)| plane[[y, width - 1 - x]]),
    ]
}

/// Noise that is the same on every run, of a standard deviation of about
/// `deviation`.
pub fn noise(x: usize, y: usize, deviation: f32) -> f32 {
    let mut hash = (x as u32).wrapping_mul(0x9E37_79B1) ^ (y as u32).wrapping_mul(0x85EB_CA77);
    hash = (hash ^ (hash >> 15)).wrapping_mul(0x2C1B_3C6D);
    hash = (hash ^ (hash >> 12)).wrapping_mul(0x297A_2D39);
    (((hash ^ (hash >> 15)) as f32 / u32::MAX as f32) - 0.5) * 3.464 * deviation
}

/// The value of the metric `id`.
pub fn value(all: &[crate::metrics::Measured], id: &str) -> f64 {
    all.iter().find(|m| m.id == id).expect("measured").outcome.as_ref().expect("a value").value()
}
