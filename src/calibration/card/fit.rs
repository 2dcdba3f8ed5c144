//! From the colours seen of a card to the correction that makes them right.

use nalgebra::{DMatrix, DVector};

use crate::color::{Lab, Rgb, delta_e_2000};

/// Brings linear light of the camera to linear sRGB: a 3×3 matrix on red,
/// green and blue and, where that is not enough, a second on the roots of
/// their products (root-polynomial of degree 2: Finlayson, Mackiewicz &
/// Hurlbert 2015, *IEEE Trans. Image Process.* 24:1460). Either way twice the
/// light gives twice the value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Correction {
    /// Weights of red, green, blue in each channel.
    pub linear: [[f32; 3]; 3],
    /// Weights of √(rg), √(gb), √(rb) in each channel; all 0 without them.
    pub roots: [[f32; 3]; 3],
}

impl Correction {
    /// The corrected light.
    #[inline]
    pub fn apply(&self, [r, g, b]: Rgb) -> Rgb {
        let root = |a: f32, b: f32| (a * b).max(0.0).sqrt();
        let roots = [root(r, g), root(g, b), root(r, b)];
        std::array::from_fn(|c| {
            let (linear, extra) = (self.linear[c], self.roots[c]);
            (0..3).map(|i| linear[i] * [r, g, b][i] + extra[i] * roots[i]).sum()
        })
    }

    /// The same, with its result multiplied by `gain`.
    pub fn times(self, gain: f32) -> Self {
        let scaled = |rows: [[f32; 3]; 3]| rows.map(|row| row.map(|weight| weight * gain));
        Self { linear: scaled(self.linear), roots: scaled(self.roots) }
    }
}

/// One patch: the colour seen and the colour it has, linear light.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    /// Linear light in the photo.
    pub seen: Rgb,
    /// Linear sRGB of the card.
    pub truth: Rgb,
    /// How much it counts.
    pub weight: f64,
}

/// The correction of least weighted squares; `roots` asks for the roots as
/// well. `None` with too few patches, or if they do not tell the channels apart.
pub fn fit(pairs: &[Pair], roots: bool) -> Option<Correction> {
    let terms = if roots { 6 } else { 3 };
    if pairs.len() < terms + 1 {
        return None;
    }
    let row = |pair: &Pair| -> [f64; 6] {
        let [r, g, b] = pair.seen.map(f64::from);
        let root = |a: f64, b: f64| (a * b).max(0.0).sqrt();
        [r, g, b, root(r, g), root(g, b), root(r, b)]
    };
    let design = DMatrix::from_fn(pairs.len(), terms, |i, j| pairs[i].weight.sqrt() * row(&pairs[i])[j]);
    let decomposed = design.svd(true, true);
    let mut weights = [[0.0f32; 6]; 3];
    for (channel, out) in weights.iter_mut().enumerate() {
        let wanted =
            DVector::from_fn(pairs.len(), |i, _| pairs[i].weight.sqrt() * f64::from(pairs[i].truth[channel]));
        let solved = decomposed.solve(&wanted, 1e-9).ok()?;
        (0..terms).for_each(|i| out[i] = solved[i] as f32);
    }
    let part = |from: usize| weights.map(|row| [row[from], row[from + 1], row[from + 2]]);
    let correction = Correction { linear: part(0), roots: part(3) };
    weights.iter().flatten().all(|weight| weight.is_finite()).then_some(correction)
}

/// How far a corrected colour lies from the truth, ΔE2000.
pub fn error(correction: &Correction, pair: &Pair) -> f64 {
    // Colours outside sRGB have no CIELAB below 0 light: only the part inside counts.
    delta_e_2000(
        Lab::from_linear(correction.apply(pair.seen).map(|value| value.max(0.0))),
        Lab::from_linear(pair.truth.map(|value| value.max(0.0))),
    )
}

/// The mean error of each patch under the correction of all others; `None`
/// if one cannot be left out.
pub fn leave_one_out(pairs: &[Pair], roots: bool) -> Option<f64> {
    let mut sum = 0.0;
    for (index, pair) in pairs.iter().enumerate() {
        let others: Vec<Pair> = [&pairs[..index], &pairs[index + 1..]].concat();
        sum += error(&fit(&others, roots)?, pair);
    }
    Some(sum / pairs.len().max(1) as f64)
}

/// How much better the roots must do on patches left out.
const BETTER: f64 = 0.9;

/// The correction to use: a plain matrix, unless the roots predict patches
/// left out by more than a tenth better.
pub fn best(pairs: &[Pair]) -> Option<Correction> {
    let roots = leave_one_out(pairs, true)
        .zip(leave_one_out(pairs, false))
        .is_some_and(|(roots, plain)| roots < BETTER * plain);
    fit(pairs, roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pairs and the light that colour-science 0.4.7 makes of them, plain and with roots.
    fn reference() -> Vec<(Pair, Rgb, Rgb)> {
        let table = include_str!("../../../fixtures/reference/card_colour_science.csv");
        let lines = table.lines().filter(|line| !line.starts_with(['#', 's']));
        let row = |line: &str| {
            let v: Vec<f32> = line.split(',').map(|field| field.parse().expect("a number")).collect();
            let at = |i: usize| [v[i], v[i + 1], v[i + 2]];
            (Pair { seen: at(0), truth: at(3), weight: 1.0 }, at(6), at(9))
        };
        lines.map(row).collect()
    }

    #[test]
    fn both_fits_agree_with_colour_science() {
        let table = reference();
        let pairs: Vec<Pair> = table.iter().map(|row| row.0).collect();
        let (plain, roots) = (fit(&pairs, false).unwrap(), fit(&pairs, true).unwrap());
        for (pair, linear, rooted) in &table {
            for (got, wanted) in [(plain.apply(pair.seen), linear), (roots.apply(pair.seen), rooted)] {
                assert!(got.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 2e-4), "{got:?} {wanted:?}");
            }
        }
        assert_eq!(table.len(), 24);
    }

    #[test]
    fn twice_the_light_is_twice_the_value_with_roots_too() {
        let pairs: Vec<Pair> = reference().iter().map(|row| row.0).collect();
        let roots = fit(&pairs, true).unwrap();
        let (one, two) = (roots.apply([0.2, 0.1, 0.05]), roots.apply([0.4, 0.2, 0.1]));
        assert!(one.iter().zip(two).all(|(a, b)| (2.0 * a - b).abs() < 1e-5));
    }

    /// A camera that a matrix explains gets a matrix, and it is the inverse.
    #[test]
    fn roots_are_taken_only_where_they_earn_it() {
        let pairs: Vec<Pair> = reference()
            .iter()
            .map(|(pair, ..)| Pair { seen: pair.truth.map(|value| 0.5 * value.max(0.0)), ..*pair })
            .filter(|pair| pair.truth.iter().all(|value| *value > 0.0))
            .collect();
        let correction = best(&pairs).unwrap();
        assert_eq!(correction.roots, [[0.0; 3]; 3]);
        assert!((correction.linear[0][0] - 2.0).abs() < 1e-3 && correction.linear[0][1].abs() < 1e-3);
        assert_eq!(fit(&pairs[..3], false), None);
    }
}
