//! Whether a spot has the colour of pigment.
//!
//! A map of melanin may show shading too: on darker skin it uses the level of
//! light, and scars and furrows stand out on it as spots do. Shading takes as
//! much of all colours, pigment does not. Red light spreads furthest in the
//! skin, so that a narrow shadow is fainter in red; over all that its light
//! spreads to it is not.

use crate::color::unmixing::{MELANIN, three_vectors};
use crate::filter::components::Component;
use crate::lesion::places::{Places, grow, owners};
use crate::lesion::segmentation::Spot;
use crate::lesion::shape::half_width;
use crate::lesion::tint::Rise;
use crate::metrics::Maps;
use crate::quality::Plateaus;
use crate::raster::{Mask, Plane};

/// How far beyond a spot its light is collected, mm: more than twice the
/// standard deviation by which red light spreads.
const SPREAD_MM: f64 = 0.5;

/// How much more green than red a pigmented spot takes away at least. Melanin
/// takes 1.4 to 1.7 times as much; shading, of scars for one, as much of both.
const LEAST_GREEN: f64 = 1.2;

/// How much blue, as a share of green, a spot that takes less green than that takes away at most
/// on light skin. Shading takes as much of all.
const MOST_BLUE: f64 = 0.8;

/// Where little blue comes back: how many times as much green as relief would pigment takes at least, and
/// the least of it, rise of density times width, mm. A wall darkens by its slope, so that this product is
/// at most the height that it spans; of what is drawn and passes for pigment by its colour without being
/// any, two in three have less. A spot of 1.2 mm that takes a tenth of the green has it.
const MORE_THAN_RELIEF: f64 = 1.02;
const LEAST_MASS_MM: f64 = 0.12;

/// Blood there: less red than this share of what pigment takes by its green, and no more blue than
/// this by its green. Blood takes half as much red and 0.3 to 0.9 times the blue, and shaded
/// as papules are up to 1.6 times; a camera that draws colours strongly lets pigment take little red,
/// but then much blue.
const LEAST_RED: f64 = 0.84;
const MOST_BLUE_OF_BLOOD: f64 = 1.6;

/// Light that comes back from skin without having been inside, as a share of
/// white: what the surface reflects and the lens scatters. No pigment takes it away. Chosen by us.
const STRAY: f64 = 0.0125;

/// How far it differs between photos.
const STRAY_ERROR: f64 = 0.006;

/// Least share of a channel's light that is taken to have been inside the skin.
const LEAST_SHARE: f64 = 0.05;

/// Standard errors by which blue must lack.
const SURE_OF_BLUE: f64 = 2.0;

/// Share of the red light lost that pigment takes at least, where blue tells
/// how much there is of it: the rest is shading.
const LEAST_PIGMENT: f64 = 0.4;

/// The densities that a little more pigment adds to skin that sends back this
/// `light`, red, green, blue, and their errors, which go together: as much as [`MELANIN`] less
/// the share of the light that is stray.
pub fn added(light: [f64; 3]) -> ([f64; 3], [f64; 3]) {
    let of = |c: usize, stray: f64| f64::from(MELANIN[c]) * stray / light[c];
    let seen = |c: usize| (f64::from(MELANIN[c]) - of(c, STRAY)).max(LEAST_SHARE * f64::from(MELANIN[c]));
    ([0, 1, 2].map(seen), [0, 1, 2].map(|c| of(c, STRAY_ERROR)))
}

/// The spots that have the colour of pigment, each with by how much it raises the densities of the
/// `plain` skin around.
pub fn confirmed(maps: &Maps, plain: &Mask, spots: Vec<Spot>) -> Vec<(Spot, Rise)> {
    let level = &maps.coarse;
    let mut owner = owners(spots.iter().map(|spot| &spot.pixels), level.skin.dim());
    grow(&mut owner, level.scale.px(SPREAD_MM).round() as usize);
    let places = Places::new(&owner, spots.len(), &level.skin, plain, level.scale);
    let told = |(index, spot): (usize, Spot)| {
        let (place, ring) = (places.place(index), places.ring(index));
        let around = maps.density.each_ref().map(|density| mean(density, &ring));
        let rise = [0, 1, 2].map(|c| mean(&maps.density[c], place) - around[c]);
        let is_pigment = if maps.unmixing.lacks_blue() {
            let width_mm = level.scale.mm(2.0 * half_width(&spot.pixels));
            of_pigment_on_dark(rise, around.map(|density| (-density).exp()), width_mm)
        } else {
            of_pigment(rise, &maps.plateaus)
        };
        is_pigment.then_some((spot, rise))
    };
    spots.into_iter().enumerate().filter_map(told).collect()
}

/// Whether pigment, not shading, explains by how much the density of each channel rises on skin
/// whose blue tells pigment; `errors` are those of compression.
fn of_pigment([red, green, blue]: Rise, errors: &Plateaus) -> bool {
    let [of_red, of_green, of_blue] = three_vectors()[0];
    let melanin = of_red * red + of_green * green + of_blue * blue;
    green > LEAST_GREEN * red
        || MOST_BLUE * green - blue > SURE_OF_BLUE * error([0.0, MOST_BLUE, -1.0], errors)
        || f64::from(MELANIN[0]) * melanin > LEAST_PIGMENT * red
}

/// The same of a spot of some width on skin that sends back this `light`, little of it blue.
///
/// Relief takes as much of all colours where it shades the skin, and where it dims the sheen of its
/// surface as much light of each: of both together as much green as lies between the red and the
/// blue that it takes, by the light of the skin. Pigment takes more.
fn of_pigment_on_dark([red, green, blue]: Rise, light: [f64; 3], width_mm: f64) -> bool {
    let (pigment, _) = added(light);
    let of_red = ((1.0 - light[2] / light[1]) / (1.0 - light[2] / light[0])).clamp(0.0, 1.0);
    let is_blood = red < LEAST_RED * pigment[0] / pigment[1] * green && blue < MOST_BLUE_OF_BLOOD * green;
    let of_relief = of_red * red + (1.0 - of_red) * blue;
    green > MORE_THAN_RELIEF * of_relief && green * width_mm > LEAST_MASS_MM && !is_blood
}

/// The standard error of a sum of densities by `weights`.
fn error(weights: [f64; 3], errors: &Plateaus) -> f64 {
    let of = |errors: &[f64; 3]| weights.iter().zip(errors).map(|(w, e)| w * e).sum::<f64>();
    of(&errors[0]).hypot(of(&errors[1]))
}

/// The mean of a plane over some pixels; 0 over none.
fn mean(plane: &Plane, pixels: &Component) -> f64 {
    let sum: f64 = pixels.iter().map(|&(x, y)| f64::from(plane[[y as usize, x as usize]])).sum();
    sum / pixels.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Errors of compression of blue alone.
    fn of_blue(error: f64) -> Plateaus {
        [[0.0, 0.0, error], [0.0; 3]]
    }

    #[test]
    fn pigment_is_told_from_shading_on_light_and_on_dark_skin() {
        // A surface that reflects 0.02 over skin of 0.4, 0.2, 0.1 and of 0.1, 0.033, 0.004, red to blue:
        // pigment whose densities are 0.4, 0.6, 1.0 and shade that takes a third of all light.
        let rises = |skin: [f64; 3], pigment: [f64; 3]| {
            std::array::from_fn(|c| -((skin[c] * (-pigment[c]).exp() + 0.02) / (skin[c] + 0.02)).ln())
        };
        let pigment = [0.4, 0.6, 1.0];
        assert!(of_pigment(rises([0.4, 0.2, 0.1], pigment), &of_blue(0.02)));
        let (dark, light) = ([0.1, 0.033, 0.004], [0.12, 0.053, 0.024]);
        assert!(of_pigment_on_dark(rises(dark, pigment), light, 1.0));
        assert!(!of_pigment([0.405; 3], &of_blue(0.02)));
        assert!(!of_pigment_on_dark([0.405; 3], light, 1.0));
    }

    /// By hand: skin of 0.2, 0.1 and 0.03 under a sheen of 0.01. A wall takes a tenth of the light from
    /// inside and four tenths of the sheen: 0.024, 0.014 and 0.007.
    #[test]
    fn walls_that_dim_the_sheen_are_no_pigment() {
        let light = [0.21, 0.11, 0.04];
        let wall = [(0.21f64 / 0.186).ln(), (0.11f64 / 0.096).ln(), (0.04f64 / 0.033).ln()];
        assert!(!of_pigment_on_dark(wall, light, 1.0));
        // Pigment that takes a tenth of the red, 0.15 of the green, 0.2 of the blue, and none of the sheen.
        let pigment = [(0.21f64 / 0.19).ln(), (0.11f64 / 0.095).ln(), (0.04f64 / 0.034).ln()];
        assert!(of_pigment_on_dark(pigment, light, 1.0));
        assert!(!of_pigment_on_dark(pigment, light, 0.5), "0.07 mm, as a wall may have");
    }

    #[test]
    fn narrow_shading_and_papules_are_no_pigment_on_dark_skin() {
        // Red light spreads over a narrow pit and blue does not.
        let light = [0.27, 0.12, 0.035];
        assert!(!of_pigment_on_dark([0.15, 0.18, 0.27], light, 0.6));
        // Blood of 0.12 and shading of 0.03: 0.03 + 0.12 (0.235, 0.75, 0.619).
        assert!(!of_pigment_on_dark([0.058, 0.120, 0.104], light, 2.0));
        // Pigment of 0.4, of whose densities 0.954, 0.896 and 0.643 are seen where 0.0125 is stray.
        assert!(of_pigment_on_dark([0.126, 0.177, 0.207], light, 1.0));
        // A mole of sRGB 160, 75, 20 on skin of 190, 130, 70, from a phone.
        assert!(of_pigment_on_dark([0.37, 1.15, 2.1], [0.51, 0.22, 0.061], 1.0));
    }

    /// By hand: skin of 0.36, 0.1 and 0.001 (red to blue) under a sheen of 0.048. Pigment that leaves a
    /// quarter of the red, a tenth of the green and no blue; shade that takes as much of all.
    #[test]
    fn pigment_leaves_the_sheen_of_the_darkest_skin_and_shading_does_not() {
        let light = [0.408, 0.148, 0.049];
        let pigment = [(0.408f64 / 0.138).ln(), (0.148f64 / 0.058).ln(), (0.049f64 / 0.048).ln()];
        assert!(of_pigment_on_dark(pigment, light, 1.0));
        // A little shade with noise in blue, and blue that was cut off, tell nothing.
        assert!(!of_pigment_on_dark([0.08, 0.06, 0.0], light, 2.0));
        assert!(!of_pigment_on_dark([0.405, 0.3, 0.0], [0.408, 0.148, 0.002], 1.0));
    }

    #[test]
    fn stray_light_hides_pigment_where_little_comes_back() {
        // Of light of 0.025 half is stray, and pigment adds half as much density.
        let (pigment, error) = added([0.25, 0.125, 0.025]);
        assert!((pigment[1] - 0.493 * 0.9).abs() < 1e-6 && (pigment[2] - 0.805 * 0.5).abs() < 1e-6);
        assert!((error[2] - 0.805 * 0.24).abs() < 1e-6);
        assert!((added([0.25, 0.125, 0.01]).0[2] - 0.805 * LEAST_SHARE).abs() < 1e-6);
    }

    #[test]
    fn blue_tells_faint_pigment_from_shading_on_light_skin() {
        // Half of what red loses is shading: green rises by 1.2 times as much at most.
        let half = [0.05 + 0.329 * 0.15, 0.05 + 0.493 * 0.15, 0.05 + 0.805 * 0.15];
        let slight = [0.15 + 0.329 * 0.15, 0.15 + 0.493 * 0.15, 0.15 + 0.805 * 0.15];
        assert!(of_pigment(half, &of_blue(0.02)) && !of_pigment(slight, &of_blue(0.02)));
        assert!(!of_pigment([0.1; 3], &of_blue(0.02)));
    }
}
