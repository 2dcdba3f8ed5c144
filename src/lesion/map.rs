//! The map that lesions of a chromophore are looked for on.
//!
//! Melanin and blood unmixed from all three channels are the quietest maps
//! where blue light comes back from the skin. Where little does, on brown and
//! dark skin, what the surface reflects and the camera rounds drowns it, and
//! red and green alone, each freed of the other chromophore, show the lesions.
//! How dark skin comes out in a photo depends on its exposure, so that no
//! threshold of colour tells the two apart; how clearly lesions stand out does.

use serde::{Deserialize, Serialize};

use crate::color::unmixing::{HEMOGLOBIN, MELANIN};
use crate::lesion::excess::{excess, noise};
use crate::lesion::segmentation::smoothed;
use crate::metrics::Maps;
use crate::metrics::maps::Level;
use crate::order::of_ranks;
use crate::raster::Plane;

/// Share of the skin that is searched for what stands out: a few spots.
const STANDING_OUT: f64 = 0.005;

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
    /// The map on which the few densest places of the baseline stand out
    /// furthest from the noise of its skin, and what stands out on it;
    /// `unmixed` is the unmixed one.
    pub fn of_baseline(maps: &Maps, chromophore: Chromophore, unmixed: &Plane) -> (Self, Plane) {
        let level = &maps.coarse;
        let above = |map: &Plane| {
            let excess = excess(map, &level.skin, level.scale);
            (clearness(&excess, level), excess)
        };
        let (unmixed, red) = rayon::join(|| above(unmixed), || above(&red_green(maps, chromophore)));
        if red.0 > unmixed.0 { (Self::RedGreen, red.1) } else { (Self::Unmixed, unmixed.1) }
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
    let smooth = smoothed(excess, level);
    let inside = smooth.iter().zip(&level.skin).filter(|(_, inside)| **inside).map(|(value, _)| *value);
    let few = of_ranks(inside, |count| [((1.0 - STANDING_OUT) * count as f64) as usize]);
    let noise = f64::from(noise(&smooth, &level.skin));
    few.filter(|_| noise > 0.0).map_or(0.0, |[few]| f64::from(few) / noise)
}

#[cfg(test)]
mod tests {
    use super::*;

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
