//! The map that lesions of a chromophore are looked for on.
//!
//! Melanin and blood unmixed from all three channels are the quietest maps
//! where blue light comes back from the skin. Where little does, on brown and
//! dark skin, what the surface reflects and the camera rounds drowns it, and
//! red and green alone, each freed of the other chromophore, show the lesions;
//! and they show what takes as much of all colours, as blue-black moles do. But
//! shading is left in, and small spots drown among pores and furrows.

use serde::{Deserialize, Serialize};

use crate::color::unmixing::{HEMOGLOBIN, MELANIN};
use crate::lesion::excess::{excess, noise};
use crate::lesion::segmentation::widely_smoothed;
use crate::metrics::Maps;
use crate::metrics::maps::Level;
use crate::order::of_ranks;
use crate::raster::Plane;

/// Share of the skin that is searched for what stands out: a few spots.
const STANDING_OUT: f64 = 0.005;

/// How clearly something must stand out on red and green where much blue comes back: 0.005 of
/// drawn skin without clear spots exceeds 3.5 to 5.7 standard deviations on them, of photos of moles
/// 7.6 to 95.
const CLEAR: f64 = 7.0;

/// How many times more clearly pigment must stand out on the unmixed map to be looked for there where
/// little blue comes back: walls that dim the sheen of the skin stand out on it too.
const WITHOUT_BLUE: f64 = 1.5;

/// What colours skin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Chromophore {
    /// Pigment.
    Melanin,
    /// Blood.
    Hemoglobin,
}

/// Which map shows a chromophore of a series best; chosen on the baseline,
/// then kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LesionMap {
    /// Unmixed from all channels.
    Unmixed,
    /// From red and green density, freed of the other chromophore.
    RedGreen,
}

impl LesionMap {
    /// The map on which the few densest places of the baseline stand out furthest from the noise of
    /// its skin, and what stands out on it; `unmixed` is the unmixed one. How much blue comes back
    /// weighs too, for few or small spots stand out on neither.
    pub fn of_baseline(maps: &Maps, chromophore: Chromophore, unmixed: &Plane) -> (Self, Plane) {
        let level = &maps.coarse;
        let above = |map: &Plane| {
            let excess = excess(map, &level.skin, level.scale);
            (clearness(&excess, level), excess)
        };
        let (unmixed, red_green) = rayon::join(|| above(unmixed), || above(&red_green(maps, chromophore)));
        let lacks_blue = maps.unmixing.lacks_blue();
        let least = if lacks_blue { 0.0 } else { CLEAR };
        let weight = if lacks_blue && chromophore == Chromophore::Melanin { WITHOUT_BLUE } else { 1.0 };
        if red_green.0 > least && weight * red_green.0 > unmixed.0 {
            (Self::RedGreen, red_green.1)
        } else {
            (Self::Unmixed, unmixed.1)
        }
    }

    /// What the map makes of an error of the three densities that compression
    /// leaves: the standard error of a place's excess.
    pub fn level_error(self, maps: &Maps, chromophore: Chromophore) -> f64 {
        let row = match (self, chromophore) {
            (Self::Unmixed, Chromophore::Melanin) => maps.unmixing.rows()[0],
            (Self::Unmixed, Chromophore::Hemoglobin) => maps.unmixing.rows()[1],
            (Self::RedGreen, _) => {
                let [red, green] = weights(chromophore);
                [red, green, 0.0]
            }
        };
        let of = |error: &[f64; 3]| row.iter().zip(error).map(|(&w, e)| f64::from(w) * e).sum::<f64>();
        of(&maps.plateaus[0]).hypot(of(&maps.plateaus[1]))
    }

    /// The map of a photo, in density of the unmixed chromophore.
    pub fn of(self, maps: &Maps, chromophore: Chromophore, unmixed: &Plane) -> Plane {
        match self {
            Self::Unmixed => unmixed.clone(),
            Self::RedGreen => red_green(maps, chromophore),
        }
    }
}

/// The weights of red and green density to which the chromophore reads as it
/// does unmixed and the other not at all. Shading is left in; it has no place
/// of its own above the surroundings.
fn weights(chromophore: Chromophore) -> [f32; 2] {
    let (wanted, other) = match chromophore {
        Chromophore::Melanin => (MELANIN, HEMOGLOBIN),
        Chromophore::Hemoglobin => (HEMOGLOBIN, MELANIN),
    };
    let unit = wanted[0] * other[1] - wanted[1] * other[0];
    [other[1] / unit, -other[0] / unit]
}

fn red_green(maps: &Maps, chromophore: Chromophore) -> Plane {
    let [of_red, of_green] = weights(chromophore);
    ndarray::Zip::from(&maps.density[0])
        .and(&maps.density[1])
        .par_map_collect(|red, green| of_red * red + of_green * green)
}

/// The excess that only [`STANDING_OUT`] of the skin exceeds, in robust
/// standard deviations; 0 without skin.
fn clearness(excess: &Plane, level: &Level) -> f64 {
    let smooth = widely_smoothed(excess, level);
    let inside = smooth.iter().zip(&level.skin).filter(|(_, inside)| **inside).map(|(value, _)| *value);
    let few = of_ranks(inside, |count| [((1.0 - STANDING_OUT) * count as f64) as usize]);
    let noise = f64::from(noise(&smooth, &level.skin));
    few.filter(|_| noise > 0.0).map_or(0.0, |[few]| f64::from(few) / noise)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::testing;

    /// The map of pigment for skin of these densities with `count` discs of 1 mm radius that add others,
    /// and 400 dots of 0.25 mm that shade all colours alike; 10 px/mm, 60 mm a side.
    fn chosen(skin: [f32; 3], count: usize, disc: [f32; 3]) -> LesionMap {
        let near = |x: usize, y: usize, step: usize| {
            let off = |at: usize| (at % step) as f64 - (step / 2) as f64;
            off(x).hypot(off(y))
        };
        let maps = testing::maps_of_colors(
            std::array::from_fn(|c| {
                Plane::from_shape_fn((600, 600), |(y, x)| {
                    let dot = 0.4 * (-0.5 * (near(x, y, 30) / 1.0).powi(2)).exp() as f32;
                    let is_disc = near(x, y, 150) <= 10.0 && (y / 150) * 4 + x / 150 < count;
                    skin[c] + dot + if is_disc { disc[c] } else { 0.0 } + testing::noise(x + 700 * c, y, 0.02)
                })
            }),
            10.0,
        );
        LesionMap::of_baseline(&maps, Chromophore::Melanin, &maps.melanin).0
    }

    /// Pigment of 0.4 times its densities, and what takes as much of all colours.
    #[test]
    fn pigment_is_looked_for_in_blue_where_blue_comes_back() {
        let (light, dark) = ([0.8, 1.2, 1.6], [1.6, 2.5, 3.6]);
        let brown = MELANIN.map(|density| 0.4 * density);
        assert_eq!(chosen(light, 16, brown), LesionMap::Unmixed);
        assert_eq!(chosen(light, 1, brown), LesionMap::Unmixed, "one spot among the pores");
        assert_eq!(chosen(light, 16, [0.9, 0.9, 0.8]), LesionMap::RedGreen, "blue-black moles");
        assert_eq!(chosen(dark, 1, brown), LesionMap::RedGreen);
    }

    #[test]
    fn two_channels_read_one_chromophore_and_not_the_other() {
        let of = |[red, green]: [f32; 2], density: [f32; 3]| red * density[0] + green * density[1];
        for (chromophore, wanted, other) in
            [(Chromophore::Melanin, MELANIN, HEMOGLOBIN), (Chromophore::Hemoglobin, HEMOGLOBIN, MELANIN)]
        {
            assert!((of(weights(chromophore), wanted) - 1.0).abs() < 1e-5);
            assert!(of(weights(chromophore), other).abs() < 1e-5);
        }
    }
}
