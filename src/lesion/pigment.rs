//! Whether a spot has the colour of pigment.
//!
//! A map of melanin may show shading too: on darker skin it uses the level of
//! light, and scars and furrows stand out on it as spots do. Shading takes as
//! much of all colours, pigment does not. Red light spreads furthest in the
//! skin, so that a narrow shadow is fainter in red; over all that its light
//! spreads to it is not.

use crate::color::unmixing::{MELANIN, level_share, three_vectors};
use crate::filter::components::Component;
use crate::lesion::places::{Places, grow, owners};
use crate::lesion::segmentation::Spot;
use crate::metrics::Maps;
use crate::raster::Plane;

/// How far beyond a spot its light is collected, mm: more than twice the
/// standard deviation by which red light spreads.
const SPREAD_MM: f64 = 0.5;

/// How much more green than red a pigmented spot takes away at least. Melanin
/// takes 1.4 to 1.7 times as much; shading, of scars for one, as much of both.
const LEAST_GREEN: f64 = 1.2;

/// How much blue, as a share of green, a pigmented spot takes away at most where it does not take
/// that much green: on skin so dark that what its surface reflects is most of the blue and much
/// of the green that comes back, and no pigment takes that away. Shading takes as much of all.
const MOST_BLUE: f64 = 0.8;

/// Standard errors by which blue must lack.
const SURE_OF_BLUE: f64 = 2.0;

/// Share of the red light lost that pigment takes at least, where blue tells
/// how much there is of it: the rest is shading.
const LEAST_PIGMENT: f64 = 0.4;

/// Most use of the level of light by the melanin index of skin whose blue tells pigment.
const BLUE_TELLS: f64 = 0.5;

/// The spots that have the colour of pigment.
pub fn confirmed(maps: &Maps, mut spots: Vec<Spot>) -> Vec<Spot> {
    let level = &maps.coarse;
    let mut owner = owners(spots.iter().map(|spot| &spot.pixels), level.skin.dim());
    grow(&mut owner, level.scale.px(SPREAD_MM).round() as usize);
    let places = Places::new(&owner, spots.len(), &level.skin, level.scale);
    let error = maps.plateaus.map(|errors| MOST_BLUE * errors[1] - errors[2]);
    let error = error[0].hypot(error[1]);
    let blue_tells = level_share(maps.unmixing.ita_deg()) < BLUE_TELLS;
    let mut index = 0..;
    spots.retain(|_| {
        let index = index.next().expect("no end");
        let (place, ring) = (places.place(index), places.ring(index));
        let rises = [0, 1, 2].map(|c| mean(&maps.density[c], place) - mean(&maps.density[c], &ring));
        of_pigment(rises, error, blue_tells)
    });
    spots
}

/// Whether pigment, not shading, explains by how much the density of each channel rises;
/// `error` is the standard error of [`MOST_BLUE`] times green less blue.
fn of_pigment([red, green, blue]: [f64; 3], error: f64, blue_tells: bool) -> bool {
    let [of_red, of_green, of_blue] = three_vectors()[0];
    let melanin = of_red * red + of_green * green + of_blue * blue;
    green > LEAST_GREEN * red
        || MOST_BLUE * green - blue > SURE_OF_BLUE * error
        || blue_tells && f64::from(MELANIN[0]) * melanin > LEAST_PIGMENT * red
}

/// The mean of a plane over some pixels; 0 over none.
fn mean(plane: &Plane, pixels: &Component) -> f64 {
    let sum: f64 = pixels.iter().map(|&(x, y)| f64::from(plane[[y as usize, x as usize]])).sum();
    sum / pixels.len().max(1) as f64
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
        assert!(of_pigment(rises([0.4, 0.2, 0.1], pigment), 0.02, false));
        assert!(of_pigment(rises([0.1, 0.033, 0.004], pigment), 0.05, false));
        assert!(!of_pigment([0.405; 3], 0.02, false));
        assert!(!of_pigment(rises([0.1, 0.033, 0.004], pigment), 0.15, false), "blue is too uncertain");
    }

    #[test]
    fn blue_tells_faint_pigment_from_shading_on_light_skin() {
        // Half of what red loses is shading: green rises by 1.2 times as much at most.
        let half = [0.05 + 0.329 * 0.15, 0.05 + 0.493 * 0.15, 0.05 + 0.805 * 0.15];
        let slight = [0.15 + 0.329 * 0.15, 0.15 + 0.493 * 0.15, 0.15 + 0.805 * 0.15];
        assert!(of_pigment(half, 0.02, true) && !of_pigment(slight, 0.02, true));
        assert!(!of_pigment([0.1; 3], 0.02, true));
    }
}
