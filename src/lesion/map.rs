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
use crate::lesion::places::{bounds, owners};
use crate::lesion::segmentation::{Spot, rim, smoothed};
use crate::metrics::Maps;
use crate::metrics::maps::Level;
use crate::raster::{self, Plane};

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

/// How much more green than red a pigmented spot takes away at least. Melanin
/// takes 1.4 to 1.7 times as much; shading, of scars for one, as much of both.
const LEAST_GREEN: f64 = 1.2;

/// How much blue, as a share of green, a pigmented spot takes away at most where it does not take
/// that much green: on skin so dark that what its surface reflects is most of the blue and much
/// of the green that comes back, and no pigment takes that away. Shading takes as much of all.
const MOST_BLUE: f64 = 0.8;

/// Standard errors by which blue must lack.
const SURE_OF_BLUE: f64 = 2.0;

impl LesionMap {
    /// Whether a pigmented spot found on this map has the colour of pigment: the map
    /// of red light shows shading as well.
    pub fn confirms(self, maps: &Maps, spot: &Spot) -> bool {
        let rises = [0, 1, 2].map(|channel| rise(&maps.density[channel], &maps.coarse, spot));
        let error = maps.plateaus.map(|errors| MOST_BLUE * errors[1] - errors[2]);
        self == Self::Unmixed || of_pigment(rises, error[0].hypot(error[1]))
    }
}

/// Whether pigment, not shading, explains by how much the density of each channel rises;
/// `error` is the standard error of [`MOST_BLUE`] times green less blue.
fn of_pigment([red, green, blue]: [f64; 3], error: f64) -> bool {
    green > LEAST_GREEN * red || MOST_BLUE * green - blue > SURE_OF_BLUE * error
}

/// The mean of a plane over a spot less that over the skin next to it.
fn rise(plane: &Plane, level: &Level, spot: &Spot) -> f64 {
    let owner = owners([&spot.pixels], plane.dim());
    let Some([left, top, right, bottom]) = bounds(&spot.pixels) else { return 0.0 };
    let reach = 3 * rim(level);
    let (height, width) = plane.dim();
    let mut sums = [[0.0f64; 2]; 2];
    for y in top.saturating_sub(reach)..(bottom + reach + 1).min(height) {
        for x in left.saturating_sub(reach)..(right + reach + 1).min(width) {
            if level.skin[[y, x]] {
                let sum = &mut sums[usize::from(owner[[y, x]] == 1)];
                *sum = [sum[0] + f64::from(plane[[y, x]]), sum[1] + 1.0];
            }
        }
    }
    let [around, inside] = sums.map(|[sum, count]| sum / count.max(1.0));
    inside - around
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
    let mut values = raster::values_inside(&smooth, &level.skin);
    let place = ((1.0 - STANDING_OUT) * values.len() as f64) as usize;
    let noise = f64::from(noise(&smooth, &level.skin));
    if place >= values.len() || noise <= 0.0 {
        return 0.0;
    }
    f64::from(*values.select_nth_unstable_by(place, f32::total_cmp).1) / noise
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pigment_is_told_from_shading_on_light_and_on_dark_skin() {
        // A surface that reflects 0.02 over skin of 0.4, 0.2, 0.1 and of 0.1, 0.033, 0.004, red to blue:
        // pigment whose densities are 0.4, 0.6, 1.0 and shade that takes a third of all light.
        let rises = |skin: [f64; 3], pigment: [f64; 3]| {
            std::array::from_fn(|c| -((skin[c] * (-pigment[c]).exp() + 0.02) / (skin[c] + 0.02)).ln())
        };
        let pigment = [0.4, 0.6, 1.0];
        assert!(of_pigment(rises([0.4, 0.2, 0.1], pigment), 0.02));
        assert!(of_pigment(rises([0.1, 0.033, 0.004], pigment), 0.05));
        assert!(!of_pigment([0.405; 3], 0.02));
        assert!(!of_pigment(rises([0.1, 0.033, 0.004], pigment), 0.15), "blue is too uncertain");
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
