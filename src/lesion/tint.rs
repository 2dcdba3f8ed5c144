//! The tint of pigment in the photos of a series.
//!
//! How much of each colour a spot takes away hangs on the camera, the lamp and what the surface
//! reflects, so that no fixed limit parts pigment from shading on every skin. But the spots of a
//! baseline hold one pigment under one light. Each bit more of it takes away less of what is left
//! of blue, then of green, so that spots ordered by how much red they take change their tint little
//! by little. Relief does not shade as deeply: the deepest spots show the tint, and each fainter one
//! is judged by those nearest in depth. Shade takes less green than they let expect, and less blue
//! or, where the surface reflects it, more; blood takes more green. All limits are chosen by us, on
//! drawn skin of two optics.

use crate::order::median;

/// Rise of density, in any channel, that no relief makes. Shades of scars and papules that were
/// taken for spots on drawn skin reached 0.42.
const DEEP: f64 = 0.45;

/// Shares of red by which shade takes green (at most) and blue: what is as grey, however deep,
/// shows no tint.
const GREY_GREEN: f64 = 1.3;
const GREY_BLUE: [f64; 2] = [0.75, 1.45];

/// Deep spots that are needed to know the tint.
const LEAST_DEEP: usize = 4;

/// Spots nearest in depth that one is judged by: their medians.
const NEAREST: usize = 5;

/// How far green, a share of what is expected, may fall short and exceed it, how far blue may fall
/// short, and how far it may exceed the most that any pigment takes.
const GREEN: [f64; 2] = [0.12, 0.2];
const BLUE: [f64; 2] = [0.2, 0.15];

/// Density by which mottle moves green and blue against red besides.
const MOTTLE: [f64; 2] = [0.01, 0.02];

/// Least rise of red that a tint is told of.
const LEAST_RED: f64 = 0.02;

/// By how much a spot raises the density of red, green and blue.
pub type Rise = [f64; 3];

/// The rises of a baseline's pigmented spots; none where too few are deep enough to know the tint.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tint(Vec<Rise>);

impl Tint {
    /// What the spots of a baseline, of which some may be shade or blood, show.
    pub fn of_baseline(mut rises: Vec<Rise>) -> Self {
        rises.retain(|rise| rise[0] >= LEAST_RED);
        rises.sort_by(|a, b| b[0].total_cmp(&a[0]));
        let shows = |&rise: &Rise| is_deep(rise) && !is_grey(rise);
        let (deep, fainter): (Vec<Rise>, Vec<Rise>) = rises.into_iter().partition(shows);
        if deep.len() < LEAST_DEEP {
            return Self::default();
        }
        let mut tint = Self(deep);
        for rise in fainter {
            if !is_deep(rise) && tint.has(rise) {
                tint.0.push(rise);
            }
        }
        tint
    }

    /// Whether a spot may have it: always where it is not known or cannot be told, and of what is
    /// deeper than relief.
    pub fn has(&self, rise: Rise) -> bool {
        let [red, green, blue] = rise;
        if self.0.is_empty() || is_deep(rise) || red < LEAST_RED {
            return true;
        }
        let mut nearest: Vec<&Rise> = self.0.iter().collect();
        nearest.sort_by(|a, b| (a[0] - red).abs().total_cmp(&(b[0] - red).abs()));
        nearest.truncate(NEAREST);
        let expected = |channel: usize| {
            let shares: Vec<f64> = nearest.iter().map(|rise| rise[channel] / rise[0]).collect();
            red * median(&shares).expect("some are known")
        };
        let most_blue = self.0.iter().map(|rise| rise[2]).fold(0.0, f64::max);
        let greens = (1.0 - GREEN[0]) * expected(1) - MOTTLE[0]..=(1.0 + GREEN[1]) * expected(1) + MOTTLE[0];
        let blues = (1.0 - BLUE[0]) * expected(2) - MOTTLE[1]..=(1.0 + BLUE[1]) * most_blue + MOTTLE[1];
        greens.contains(&green) && blues.contains(&blue)
    }
}

/// Whether no relief takes as much.
fn is_deep([red, green, blue]: Rise) -> bool {
    red.max(green).max(blue) > DEEP
}

/// Whether shade may have this colour.
fn is_grey([red, green, blue]: Rise) -> bool {
    green < GREY_GREEN * red && (GREY_BLUE[0] * red..GREY_BLUE[1] * red).contains(&blue)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand, skin whose surface reflects a twentieth of the red, a tenth of the green and half
    /// of the blue: pigment of densities 0.33, 0.5 and 0.8 times `amount`.
    fn pigment(amount: f64) -> Rise {
        let seen = |density: f64, reflected: f64| -((1.0 - reflected) * (-density).exp() + reflected).ln();
        [seen(0.33 * amount, 0.05), seen(0.5 * amount, 0.1), seen(0.8 * amount, 0.5)]
    }

    fn known() -> Tint {
        let deep = [1.4, 1.6, 1.8, 2.0, 2.4].map(pigment);
        let fainter = [1.0, 0.7, 0.5, 0.3].map(pigment);
        let others = [[0.2, 0.22, 0.18], [0.12, 0.3, 0.2]];
        Tint::of_baseline([&deep[..], &fainter, &others].concat())
    }

    #[test]
    fn fainter_pigment_has_the_tint_and_shade_and_blood_have_not() {
        let tint = known();
        assert_eq!(tint.0.len(), 9, "shade and blood are left out: {tint:?}");
        for amount in [0.25, 0.4, 0.6, 0.9, 3.0] {
            assert!(tint.has(pigment(amount)), "{amount}");
        }
        for depth in [0.1, 0.2, 0.3, 0.4] {
            assert!(!tint.has([depth; 3].map(|rise| 0.9 * rise)), "shade of {depth}");
            let [red, green, blue] = [0.235, 0.75, 0.45].map(|of_blood| depth * of_blood);
            assert!(!tint.has([red.max(LEAST_RED), green, blue]), "blood of {depth}");
        }
    }

    #[test]
    fn blue_beyond_what_any_pigment_takes_is_shade_of_the_sheen() {
        // The darkest skin: all of the blue is sheen, and pigment takes none of it.
        let of = |red: f64| [red, 0.9 * red, 0.0];
        let tint = Tint::of_baseline([0.5, 0.55, 0.6, 0.7].map(of).into());
        assert!(tint.has(of(0.3)) && !tint.has([0.3, 0.27, 0.1]));
    }

    #[test]
    fn without_spots_deeper_than_relief_nothing_is_known() {
        let faint = Tint::of_baseline([0.3, 0.5, 0.7, 0.9].map(pigment).into());
        // Four pits as deep as spots are grey.
        let grey = Tint::of_baseline(vec![[0.5, 0.55, 0.5]; 4]);
        for tint in [faint, grey] {
            assert_eq!(tint, Tint::default());
            assert!(tint.has([0.2; 3]));
        }
    }
}
