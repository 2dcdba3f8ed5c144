//! Melanin and blood from the three densities of a photo.
//!
//! A camera sees three broad bands, and skin has more than three unknowns, so
//! that the rows which tell melanin from blood are a compromise. They were
//! chosen to leak least over a family of skins and cameras (two-layer Monte
//! Carlo, diffusion and Kubelka-Munk models; epidermis of 60 to 100 µm,
//! melanin exponent 3.0 to 3.6, oxygenation 0.6 to 0.9, surface reflection of
//! 1 to 3 %, several cameras), not to fit one of them; `docs/colour.md` has the
//! figures.
//!
//! On light skin the rows sum to 0: light and shading cancel. On darker skin
//! the surface reflects nearly as much blue as comes back from inside, the
//! chromaticity no longer follows melanin one to one, and rows that ignore the
//! level of light let melanin pass as blood. There they use some of the level,
//! which the calibration then has to hold.

use super::{Lab, Rgb};
use crate::raster::{self, Mask, Plane, row};

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
pub fn three_vectors() -> [[f64; 3]; 3] {
    let mixing = nalgebra::Matrix3::from_columns(&[
        nalgebra::Vector3::from(MELANIN.map(f64::from)),
        nalgebra::Vector3::from(HEMOGLOBIN.map(f64::from)),
        nalgebra::Vector3::repeat(1.0),
    ]);
    let inverse = mixing.try_inverse().expect("the three vectors are independent");
    std::array::from_fn(|i| std::array::from_fn(|j| inverse[(i, j)]))
}

/// How one class of skin tones is unmixed.
struct Tone {
    /// Melanin per density of red, green, blue: 1 for a density of [`MELANIN`].
    melanin: [f64; 3],
    /// Hemoglobin likewise: 1 for a density of [`HEMOGLOBIN`].
    hemoglobin: [f64; 3],
    /// Relative growth of the chromophore per unit of melanin read: density
    /// falls short of melanin as there is more of it.
    melanin_growth: f64,
}

const LIGHT: Tone =
    Tone { melanin: [-0.719, -2.108, 2.827], hemoglobin: [-1.670, 2.730, -1.060], melanin_growth: 0.48 };
const MEDIUM: Tone =
    Tone { melanin: [1.570, -0.310, 0.790], hemoglobin: [-2.170, 2.760, -0.900], melanin_growth: 0.29 };
const DARK: Tone =
    Tone { melanin: [3.080, -1.070, 0.640], hemoglobin: [-2.170, 2.760, -0.900], melanin_growth: 0.08 };

/// Relative growth of blood per unit of hemoglobin read, on all tones.
const HEMOGLOBIN_GROWTH: f64 = 1.86;

/// Hemoglobin read on modelled skin with the usual 0.6 % of blood, on all tones.
const USUAL_HEMOGLOBIN: f32 = 0.26;

/// Individual typology angles between which light skin passes to medium and
/// medium skin to dark.
const LIGHT_TO_MEDIUM: (f64, f64) = (16.0, 9.0);
const MEDIUM_TO_DARK: (f64, f64) = (-22.0, -30.0);

/// Least blue light, as a share of the red, that comes back from skin whose blue tells pigment: of
/// modelled skin with 9 % melanosomes, between tan and brown, without sheen; and that of such with 30 %
/// whose surface reflects 3 % of white.
const LEAST_BLUE_TO_RED: [f64; 2] = [0.22, 0.27];

/// Mean densities of modelled skin in the middle of either passage: what the
/// rows of both sides agree on, so that the indices go on from tone to tone.
const BETWEEN_LIGHT_AND_MEDIUM: [f64; 3] = [0.980, 1.530, 2.150];
const BETWEEN_MEDIUM_AND_DARK: [f64; 3] = [1.537, 2.356, 3.287];

/// How the densities of a series are turned into melanin and hemoglobin.
///
/// Chosen by the baseline's skin and kept for the whole series: other rows are
/// another scale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Unmixing {
    /// The rows of melanin, hemoglobin and shading.
    rows: [Rgb; 3],
    offsets: [f32; 2],
    /// What the rows read on the baseline's typical skin.
    read: [f32; 2],
    /// The melanin and hemoglobin that stands for.
    typical: [f32; 2],
    growth: [f32; 2],
    ita_deg: f64,
    /// Blue light that the baseline's typical skin sends back, as a share of the red.
    blue_to_red: f64,
}

impl Unmixing {
    /// For skin of the given densities (red, green, blue), those that are
    /// typical of the baseline photo.
    pub fn of_skin(density: Rgb) -> Self {
        let ita_deg = Lab::from_linear(density.map(|value| (-value).exp())).ita_deg().into();
        let mut unmixing = Self::at(ita_deg);
        unmixing.read = [0, 1].map(|i| dot(unmixing.rows[i], density) + unmixing.offsets[i]);
        let [melanin, hemoglobin] = unmixing.read;
        let blood = linear_in_chromophore(hemoglobin - USUAL_HEMOGLOBIN, unmixing.growth[1]);
        unmixing.typical = [melanin, USUAL_HEMOGLOBIN + blood];
        unmixing.blue_to_red = f64::from(density[0] - density[2]).exp();
        unmixing
    }

    /// For the skin inside `skin` of planes of density, by its median; that of
    /// light skin where there is none.
    pub fn of_planes(density: &[Plane; 3], skin: &Mask) -> Self {
        let typical = density.each_ref().map(|plane| {
            let mut values = raster::values_inside(plane, skin);
            let middle = values.len() / 2;
            (!values.is_empty()).then(|| *values.select_nth_unstable_by(middle, f32::total_cmp).1)
        });
        match typical {
            [Some(red), Some(green), Some(blue)] => Self::of_skin([red, green, blue]),
            _ => Self::at(LIGHT_ITA_DEG),
        }
    }

    /// For skin with an individual typology angle, degrees, of which nothing
    /// else is known.
    pub fn at(ita_deg: f64) -> Self {
        let share = |(full, none): (f64, f64)| ((ita_deg - none) / (full - none)).clamp(0.0, 1.0);
        let (light, not_dark) = (share(LIGHT_TO_MEDIUM), share(MEDIUM_TO_DARK));
        let weights = [light, (1.0 - light) * not_dark, 1.0 - not_dark];
        let blend = |of: &dyn Fn(&Tone) -> f64| {
            [LIGHT, MEDIUM, DARK].iter().zip(weights).map(|(tone, weight)| weight * of(tone)).sum::<f64>()
        };
        let row = |of: &dyn Fn(&Tone) -> [f64; 3]| -> Rgb {
            std::array::from_fn(|channel| blend(&|tone: &Tone| of(tone)[channel]) as f32)
        };
        // What the rows of a tone have to be raised by to go on where the tone before ended.
        let step = |of: &dyn Fn(&Tone) -> [f64; 3]| {
            let at = |tone: &Tone, density: [f64; 3]| -> f64 {
                of(tone).iter().zip(density).map(|(weight, value)| weight * value).sum()
            };
            let medium = at(&LIGHT, BETWEEN_LIGHT_AND_MEDIUM) - at(&MEDIUM, BETWEEN_LIGHT_AND_MEDIUM);
            let dark = medium + at(&MEDIUM, BETWEEN_MEDIUM_AND_DARK) - at(&DARK, BETWEEN_MEDIUM_AND_DARK);
            (weights[1] * medium + weights[2] * dark) as f32
        };
        let (melanin, hemoglobin) = (|tone: &Tone| tone.melanin, |tone: &Tone| tone.hemoglobin);
        let offsets = [step(&melanin), step(&hemoglobin)];
        Self {
            rows: [row(&melanin), row(&hemoglobin), three_vectors()[2].map(|weight| weight as f32)],
            offsets,
            read: [0.0; 2],
            typical: [0.0; 2],
            growth: [blend(&|tone: &Tone| tone.melanin_growth) as f32, HEMOGLOBIN_GROWTH as f32],
            ita_deg,
            blue_to_red: 1.0,
        }
    }

    /// Blue light that comes back from the baseline's typical skin, as a share of the red.
    pub fn blue_to_red(&self) -> f64 {
        self.blue_to_red
    }

    /// Whether so little blue light comes back from the skin that what its surface reflects drowns
    /// what pigment takes of it.
    ///
    /// The share of blue tells it however the photo was exposed, as the level of light does not: a
    /// camera left to itself shows dark skin as light as tan skin. Only of the darkest skin, whose blue
    /// is the surface's, the level must tell.
    pub fn lacks_blue(&self) -> bool {
        let [tan, darkest] = LEAST_BLUE_TO_RED;
        self.blue_to_red < tan || self.blue_to_red < darkest && self.ita_deg < MEDIUM_TO_DARK.0
    }

    /// Melanin, hemoglobin and shading per density of red, green and blue on
    /// the baseline's typical skin.
    pub fn rows(&self) -> [Rgb; 3] {
        self.rows
    }

    /// The individual typology angle, degrees, that it was chosen for.
    pub fn ita_deg(&self) -> f64 {
        self.ita_deg
    }

    /// Melanin, hemoglobin and shading of the densities red, green, blue.
    ///
    /// The first two are relative density units: on the baseline's typical
    /// skin a rise of density by [`MELANIN`] (or [`HEMOGLOBIN`]) reads 1; away
    /// from it they grow in proportion to the chromophore, not to its density.
    pub fn of(&self, density: Rgb) -> [f32; 3] {
        let [melanin, hemoglobin] = [0, 1].map(|i| {
            let read = dot(self.rows[i], density) + self.offsets[i];
            self.typical[i] + linear_in_chromophore(read - self.read[i], self.growth[i])
        });
        [melanin, hemoglobin, dot(self.rows[2], density)]
    }

    /// Melanin, hemoglobin and shading of three planes of density.
    pub fn apply(&self, density: &[Plane; 3]) -> [Plane; 3] {
        let (width, height) = raster::size(&density[0]);
        [0, 1, 2].map(|which| {
            raster::rows(width, height, |y, out| {
                let [red, green, blue] = density.each_ref().map(|plane| row(plane, y));
                for (((value, &r), &g), &b) in out.iter_mut().zip(red).zip(green).zip(blue) {
                    *value = self.one(which, [r, g, b]);
                }
            })
        })
    }

    #[inline]
    fn one(&self, which: usize, density: Rgb) -> f32 {
        let read = dot(self.rows[which], density);
        match which {
            2 => read,
            i => {
                let above = read + self.offsets[i] - self.read[i];
                self.typical[i] + linear_in_chromophore(above, self.growth[i])
            }
        }
    }
}

/// The tone of skin of which nothing is known.
const LIGHT_ITA_DEG: f64 = 40.0;

/// Steepest growth that a reading is drawn out by; beyond, noise would be all there is.
const STEEPEST: f32 = 4.0;

/// What a density read above typical skin would be if it followed the
/// chromophore: `(exp(k d) - 1) / k`, of slope 1 at 0, continued straight where its
/// slope exceeds [`STEEPEST`].
#[inline]
fn linear_in_chromophore(read: f32, growth: f32) -> f32 {
    let steep = STEEPEST.ln() / growth;
    let curved = read.min(steep);
    (growth * curved).exp_m1() / growth + STEEPEST * (read - curved)
}

fn dot(row: Rgb, density: Rgb) -> f32 {
    row[0] * density[0] + row[1] * density[1] + row[2] * density[2]
}

/// What passes from one chromophore into the reading of the other, in units
/// of the reading: hemoglobin per unit of melanin, and melanin per unit of
/// hemoglobin, for skin of an individual typology angle, degrees.
///
/// The root mean square over the family of skins and cameras that the rows
/// were chosen on: it may go either way, so it is an error and no correction.
pub fn leaks(ita_deg: f64) -> [f64; 2] {
    let share = |(full, none): (f64, f64)| ((ita_deg - none) / (full - none)).clamp(0.0, 1.0);
    let (light, not_dark) = (share(LIGHT_TO_MEDIUM), share(MEDIUM_TO_DARK));
    let blend = |[l, m, d]: [f64; 3]| light * l + (1.0 - light) * not_dark * m + (1.0 - not_dark) * d;
    [blend([0.03, 0.05, 0.15]), blend([0.20, 0.50, 0.20])]
}

/// How much of the level of light the melanin index uses on skin of an
/// individual typology angle, degrees: 0 on light skin, where shading cancels, to 1 on dark.
pub fn level_share(ita_deg: f64) -> f64 {
    let sum = |row: [f64; 3]| row.iter().sum::<f64>();
    let row = Unmixing::at(ita_deg).rows[0].map(f64::from);
    (sum(row) / sum(DARK.melanin)).clamp(0.0, 1.0)
}

/// Relative standard error of the dose of a red patch from the sheen of the
/// skin, for an individual typology angle, degrees: where melanin leaves little light, what
/// the surface reflects is read as blood. A lamp 5° higher or lower moved
/// doses on drawn dark skin by 20 % (median), on light skin by 2 %; in between
/// it follows the leak of melanin into hemoglobin.
pub fn sheen_log_sd(ita_deg: f64) -> f64 {
    const DARK_LOG_SD: f64 = 0.2;
    DARK_LOG_SD * leaks(ita_deg)[0] / leaks(-90.0)[0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibration::modelled_skin;

    /// Density of modelled skin whose surface reflects 2 %, red, green, blue.
    fn skin(melanosomes: f64, blood: f64) -> Rgb {
        modelled_skin::linear(melanosomes, blood).map(|light| -(light + 0.02).ln())
    }

    /// Melanin and hemoglobin of a photo of that skin by itself.
    fn read(melanosomes: f64, blood: f64) -> [f64; 2] {
        let [melanin, hemoglobin, _] =
            Unmixing::of_skin(skin(melanosomes, blood)).of(skin(melanosomes, blood));
        [melanin.into(), hemoglobin.into()]
    }

    /// The inverse by hand of the columns of [`three_vectors`], as published.
    #[test]
    fn the_three_vectors_are_the_published_ones_and_ignore_exposure() {
        let published = [[-0.719, -2.108, 2.827], [-1.713, 2.613, -0.900], [1.639, 0.080, -0.719]];
        for (row, expected) in three_vectors().iter().zip(published) {
            assert!(row.iter().zip(expected).all(|(a, b): (&f64, f64)| (a - b).abs() < 2e-3));
        }
        assert!(three_vectors()[..2].iter().all(|row| row.iter().sum::<f64>().abs() < 1e-9));
    }

    #[test]
    fn on_light_skin_the_level_of_light_cancels() {
        let seen = |light: f32| {
            let density = skin(0.03, 0.006).map(|value| value - light.ln());
            Unmixing::at(40.0).of(density)
        };
        for (dim, plain) in seen(0.7).into_iter().zip(seen(1.0)).take(2) {
            assert!((dim - plain).abs() < 1e-5);
        }
    }

    /// A doubling of one chromophore moves the other's reading by less than
    /// the share of what a doubling of its own does.
    #[test]
    fn melanin_and_blood_stay_apart_on_every_tone() {
        for (tone, into_blood, into_melanin) in [(0.03, 0.10, 0.10), (0.09, 0.20, 0.15), (0.18, 9.0, 0.25)] {
            let (less, more) = (read(0.7 * tone, 0.006), read(1.4 * tone, 0.006));
            let (plain, bloody) = (read(tone, 0.006), read(tone, 0.012));
            let leak = (more[1] - less[1]) / (bloody[1] - plain[1]);
            assert!(leak.abs() <= into_blood, "{tone}: {leak} into hemoglobin");
            let leak = (bloody[0] - plain[0]) / (more[0] - less[0]);
            assert!(leak.abs() <= into_melanin, "{tone}: {leak} into melanin");
        }
    }

    /// A spot's melanin comes back in proportion: half of the excess reads half.
    #[test]
    fn an_excess_that_halves_reads_half() {
        for tone in [0.03, 0.09] {
            let unmixing = Unmixing::of_skin(skin(tone, 0.006));
            let excess = |share: f64| {
                let spot = unmixing.of(skin(tone * (1.0 + share), 0.006))[0];
                f64::from(spot - unmixing.of(skin(tone, 0.006))[0])
            };
            let left = excess(0.8) / excess(1.6);
            assert!((left - 0.5).abs() < 0.05, "{tone}: {left}");
        }
    }

    #[test]
    fn readings_go_on_where_the_tone_before_ended() {
        let reading = |ita: f64, density: [f64; 3], which: usize| {
            let unmixing = Unmixing::at(ita);
            dot(unmixing.rows[which], density.map(|value| value as f32)) + unmixing.offsets[which]
        };
        for which in 0..2 {
            for (density, lighter, darker) in
                [(BETWEEN_LIGHT_AND_MEDIUM, 30.0, 0.0), (BETWEEN_MEDIUM_AND_DARK, -20.0, -40.0)]
            {
                let step = reading(lighter, density, which) - reading(darker, density, which);
                assert!(step.abs() < 1e-4, "{which}: {step}");
            }
        }
    }

    #[test]
    fn shading_and_sheen_matter_on_dark_skin() {
        assert!(level_share(40.0) < 1e-6 && (level_share(-60.0) - 1.0).abs() < 1e-6);
        // 1.57 - 0.31 + 0.79 over 3.08 - 1.07 + 0.64.
        assert!((level_share(0.0) - 2.05 / 2.65).abs() < 1e-6);
        assert!((sheen_log_sd(40.0) - 0.04).abs() < 1e-9 && (sheen_log_sd(-60.0) - 0.2).abs() < 1e-9);
    }

    /// Modelled skin in light a third as bright, as bright and three times as bright as usual.
    #[test]
    fn dark_skin_lacks_blue_however_it_was_exposed() {
        let lacks = |melanosomes: f64, light: f32| {
            Unmixing::of_skin(skin(melanosomes, 0.006).map(|value| value - light.ln())).lacks_blue()
        };
        for light in [0.33, 1.0, 3.0] {
            assert!(!lacks(0.02, light) && !lacks(0.06, light), "{light}");
            assert!(lacks(0.18, light), "{light}");
        }
        // Of the darkest all blue is sheen, by the share of which it passes for tan skin.
        assert!(lacks(0.4, 1.0));
    }

    #[test]
    fn what_lies_far_off_stays_finite_and_in_order() {
        let unmixing = Unmixing::of_skin(skin(0.02, 0.006));
        let read = |value: f32| unmixing.of([0.7, value, 9.0])[1];
        assert!(read(0.0).is_finite() && read(8.0).is_finite() && read(8.0) > read(4.0));
        assert_eq!(
            Unmixing::of_planes(
                &std::array::from_fn(|_| Plane::zeros((2, 2))),
                &Mask::from_elem((2, 2), false)
            ),
            Unmixing::at(40.0)
        );
    }
}
