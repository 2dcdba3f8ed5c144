//! Which colours are skin in this photo, whatever its white balance.
//!
//! In log chromaticity, `(ln R/G, ln G/B)` of linear light, exposure and
//! shading vanish, a white balance is a shift, and skin varies along two
//! directions: pigment and blood. There is no brightness floor, which would
//! drop dark skin first, and no fixed box, which a camera's white balance
//! would move skin out of: the box lies around the photo's own skin.

use multiversion::multiversion;

use crate::color::Rgb;
use crate::color::unmixing::{HEMOGLOBIN, MELANIN};
use crate::filter::gaussian::gaussian;
use crate::raster::{self, Mask, Plane, row};

/// Log chromaticity `(ln R/G, ln G/B)`.
pub(super) type Chroma = [f64; 2];

/// Linear light below which chromaticity is mostly noise: 20 steps of a
/// 16-bit sensor, about 15 in 8-bit sRGB. Judged on red, the channel that
/// pigment takes least from.
const DARKEST: f32 = 0.005;

/// Standard deviation of the smoothing before chromaticity is taken, cells.
const SMOOTHING: f64 = 1.0;

/// Change of `(ln R/G, ln G/B)` per unit of pigment and of blood.
const PIGMENT: Chroma = chroma_of(MELANIN);
const BLOOD: Chroma = chroma_of(HEMOGLOBIN);

/// The log chromaticity of a density.
const fn chroma_of([red, green, blue]: Rgb) -> Chroma {
    [green as f64 - red as f64, blue as f64 - green as f64]
}

/// A displacement of chromaticity as units of pigment and of blood.
pub(super) fn unmixed([x, y]: Chroma) -> [f64; 2] {
    let determinant = PIGMENT[0] * BLOOD[1] - BLOOD[0] * PIGMENT[1];
    [(x * BLOOD[1] - BLOOD[0] * y) / determinant, (PIGMENT[0] * y - PIGMENT[1] * x) / determinant]
}

/// The chromaticity planes of a photo, smoothed, and where they mean something.
pub(super) struct Chromaticity {
    /// `ln R/G`.
    pub red_green: Plane,
    /// `ln G/B`.
    pub green_blue: Plane,
    /// Where there is light enough.
    pub lit: Mask,
}

impl Chromaticity {
    pub fn of(linear: &[Plane; 3]) -> Self {
        let [red, green, blue] = linear.each_ref().map(|plane| gaussian(plane, SMOOTHING));
        Self {
            red_green: log_ratio(&red, &green),
            green_blue: log_ratio(&green, &blue),
            lit: red.mapv(|value| value > DARKEST),
        }
    }

    /// The chromaticities of lit cells, at most [`SAMPLES`] of them, evenly spread.
    fn samples(&self) -> Vec<Chroma> {
        let step = (self.lit.len() / SAMPLES).max(1);
        let cells = self.red_green.iter().zip(&self.green_blue).zip(&self.lit).step_by(step);
        cells.filter(|(_, lit)| **lit).map(|((&x, &y), _)| [x.into(), y.into()]).collect()
    }
}

/// How many cells the commonest colour is refined on.
const SAMPLES: usize = 60_000;

fn log_ratio(over: &Plane, under: &Plane) -> Plane {
    let (width, height) = raster::size(over);
    raster::rows(width, height, |y, out| log_ratio_row(row(over, y), row(under, y), out))
}

#[multiversion(targets("x86_64+avx2+fma"))]
fn log_ratio_row(over: &[f32], under: &[f32], out: &mut [f32]) {
    /// Keeps the ratio of two blacks at 1.
    const LEAST: f32 = 2e-4;
    for ((value, &a), &b) in out.iter_mut().zip(over).zip(under) {
        *value = (a.max(LEAST) / b.max(LEAST)).ln();
    }
}

/// The colours that are skin in one photo.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct SkinColour {
    /// The commonest skin colour.
    pub centre: Chroma,
    /// How much less pigment and blood than at the centre is still skin.
    less: [f64; 2],
}

/// How much more pigment, and blood, than at the centre is still skin: more
/// than from light skin to a dark mole, or to a port-wine stain.
const MORE: [f64; 2] = [3.5, 3.0];

/// Share of the pigment (or blood) of the commonest skin that pale skin may
/// lack; what lacks all of it is white: paper, cloth, a wall.
const LACK: f64 = 0.6;

/// Standard deviations of the commonest skin's own scatter that pale skin may
/// lack if that is more, as in photos whose white balance made skin grey.
const SCATTERS: f64 = 3.5;

/// Width of a bin of the chromaticity histogram, and its range.
const BIN: f64 = 0.05;
const LEAST: Chroma = [-0.3, -0.5];
const BINS: [usize; 2] = [42, 58];

impl SkinColour {
    /// The commonest colour near the middle of the photo that can be skin;
    /// `None` if nothing in the photo can be, whatever the lamp.
    pub fn of(chromaticity: &Chromaticity) -> Option<Self> {
        let mut centre = peak(&histogram(chromaticity))?;
        let samples = chromaticity.samples();
        let within = |centre, radius| -> Vec<Chroma> {
            samples.iter().copied().filter(|chroma| are_near(*chroma, centre, radius)).collect()
        };
        for _ in 0..5 {
            let near = within(centre, 3.0 * BIN);
            if near.is_empty() {
                return None;
            }
            centre = [0, 1].map(|i| near.iter().map(|chroma| chroma[i]).sum::<f64>() / near.len() as f64);
        }
        if !can_be_skin(centre) {
            return None;
        }
        let around = within(centre, 5.0 * BIN);
        let content = unmixed(centre);
        let less = [0, 1].map(|i| (LACK * content[i]).max(SCATTERS * scatter(&around, centre, i)));
        Some(Self { centre, less })
    }

    /// Whether a chromaticity is one of skin.
    pub fn accepts(&self, chroma: Chroma) -> bool {
        let content = unmixed([chroma[0] - self.centre[0], chroma[1] - self.centre[1]]);
        (0..2).all(|i| content[i] > -self.less[i] && content[i] < MORE[i])
    }
}

fn are_near(a: Chroma, b: Chroma, radius: f64) -> bool {
    (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2) < radius * radius
}

/// Median absolute deviation of pigment (0) or blood (1), as a standard deviation.
fn scatter(values: &[Chroma], centre: Chroma, i: usize) -> f64 {
    let mut deviations: Vec<f64> = values
        .iter()
        .map(|chroma| unmixed([chroma[0] - centre[0], chroma[1] - centre[1]])[i].abs())
        .collect();
    deviations.sort_by(f64::total_cmp);
    1.4826 * deviations.get(deviations.len() / 2).copied().unwrap_or(0.0)
}

/// Where skin lies from very light to dark: chromaticities of a two-layer
/// Monte Carlo model, by individual typology angle from 60° to −50°.
const LOCUS: [Chroma; 6] =
    [[0.28, 0.26], [0.36, 0.34], [0.43, 0.44], [0.50, 0.58], [0.72, 1.05], [1.07, 1.55]];

/// How far from the locus a white balance puts skin (standard deviation).
const CAST: f64 = 0.2;

/// Distance from the locus beyond which nothing in the photo is skin, but sky,
/// water or stone: a lamp of 3000 K under a daylight balance shifts skin by 0.5.
const MOST_CAST: f64 = 0.55;

/// The same on the side of red, where dark skin lies with cameras of saturated
/// colours (0.6) and under warm lamps; terracotta is 0.8 off, a brick 1.0.
const MOST_REDDER: f64 = 0.7;

/// Whether a lamp or a white balance can shift skin of some tone to a chromaticity.
fn can_be_skin(chroma: Chroma) -> bool {
    let (distance, nearest) = nearest_skin(chroma);
    distance <= if chroma[0] > nearest[0] { MOST_REDDER } else { MOST_CAST }
}

/// How likely a colour is skin before the photo is looked at: alike on all
/// tones, and less the further off the locus. It only breaks ties between
/// skin and walls: in a photo of nothing but grey skin it changes nothing.
fn prior(chroma: Chroma) -> f64 {
    0.03 + (-0.5 * (cast(chroma) / CAST).powi(2)).exp()
}

/// Distance of a chromaticity from that of modelled skin of any tone: what the
/// light, or the white balance, adds at least.
pub(super) fn cast(chroma: Chroma) -> f64 {
    nearest_skin(chroma).0
}

/// How far the nearest point of the locus lies, and where it is.
fn nearest_skin(chroma: Chroma) -> (f64, Chroma) {
    let points = LOCUS.windows(2).map(|ends| nearest_on_segment(chroma, ends[0], ends[1]));
    let distances = points.map(|point| ((chroma[0] - point[0]).hypot(chroma[1] - point[1]), point));
    distances.fold((f64::MAX, chroma), |best, next| if next.0 < best.0 { next } else { best })
}

/// The point of the straight line between two others that is nearest.
fn nearest_on_segment(point: Chroma, from: Chroma, to: Chroma) -> Chroma {
    let along = [to[0] - from[0], to[1] - from[1]];
    let offset = [point[0] - from[0], point[1] - from[1]];
    let share = (offset[0] * along[0] + offset[1] * along[1]) / (along[0].powi(2) + along[1].powi(2));
    let share = share.clamp(0.0, 1.0);
    [from[0] + along[0] * share, from[1] + along[1] * share]
}

/// Chromaticities counted with the prior and with their nearness to the middle.
fn histogram(chromaticity: &Chromaticity) -> Plane {
    let (width, height) = raster::size(&chromaticity.lit);
    let nearness = |at: usize, size: usize| {
        let from_middle = (at as f64 + 0.5) / size as f64 - 0.5;
        (-0.5 * (from_middle / 0.3).powi(2)).exp()
    };
    let mut counts = ndarray::Array2::<f64>::zeros((BINS[0], BINS[1]));
    let across: Vec<f64> = (0..width).map(|x| nearness(x, width)).collect();
    for y in 0..height {
        let down = nearness(y, height);
        for (x, across) in across.iter().enumerate() {
            let chroma: Chroma =
                [chromaticity.red_green[[y, x]].into(), chromaticity.green_blue[[y, x]].into()];
            let bin = [0, 1].map(|i| ((chroma[i] - LEAST[i]) / BIN).floor());
            let inside = (0..2).all(|i| bin[i] >= 0.0 && bin[i] < BINS[i] as f64);
            if inside && chromaticity.lit[[y, x]] {
                counts[[bin[0] as usize, bin[1] as usize]] += (down * across + 0.05) * prior(chroma);
            }
        }
    }
    gaussian(&counts.mapv(|count| count as f32), 1.5)
}

/// The middle of the fullest bin; `None` if all are empty.
fn peak(counts: &Plane) -> Option<Chroma> {
    let mut best = ((0, 0), 0.0);
    for (bin, &count) in counts.indexed_iter() {
        if count > best.1 {
            best = (bin, count);
        }
    }
    let ((i, j), count) = best;
    (count > 0.0).then(|| [LEAST[0] + (i as f64 + 0.5) * BIN, LEAST[1] + (j as f64 + 0.5) * BIN])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pigment_and_blood_unmix_to_themselves() {
        for (displacement, content) in [(PIGMENT, [1.0, 0.0]), (BLOOD, [0.0, 1.0])] {
            let unmixed = unmixed(displacement);
            assert!(unmixed.iter().zip(content).all(|(u, c)| (u - c).abs() < 1e-12));
        }
    }

    #[test]
    fn white_is_no_skin_and_a_mole_is() {
        let skin = SkinColour { centre: [0.35, 0.35], less: [0.72, 0.2] };
        assert!(skin.accepts([0.35, 0.35]) && skin.accepts([0.75, 0.95]));
        assert!(!skin.accepts([0.0, 0.0]) && !skin.accepts([0.1, -0.4]));
    }

    #[test]
    fn nothing_lit_has_no_skin_colour() {
        let black = || Plane::zeros((6, 6));
        assert_eq!(SkinColour::of(&Chromaticity::of(&[black(), black(), black()])), None);
    }
}
