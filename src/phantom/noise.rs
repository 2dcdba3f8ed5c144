//! Hashed lattice noise: random, but the same at the same place of the skin.

use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;

/// A generator for one purpose: `parts` keep streams of one seed apart.
pub fn stream(seed: u64, parts: &[u64]) -> Pcg64Mcg {
    Pcg64Mcg::seed_from_u64(
        parts.iter().fold(mixed(seed), |state, &part| mixed(state ^ part.wrapping_add(1))),
    )
}

/// SplitMix64 (Steele, Lea & Flood 2014): every bit of the input moves every bit of the output.
fn mixed(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A 32-bit seed for lattice noise from a seed and a purpose.
pub fn lattice_seed(seed: u64, purpose: u64) -> u32 {
    (mixed(mixed(seed) ^ purpose) >> 32) as u32
}

/// A hash of a lattice point (Wellons' triple mix of the folded coordinates).
pub fn hash(x: i32, y: i32, seed: u32) -> u32 {
    let mut h = (x as u32).wrapping_mul(0x9E37_79B1) ^ (y as u32).wrapping_mul(0x85EB_CA77) ^ seed;
    h = (h ^ (h >> 17)).wrapping_mul(0xED5A_D4BB);
    h = (h ^ (h >> 11)).wrapping_mul(0xAC4C_1B51);
    h = (h ^ (h >> 15)).wrapping_mul(0x3184_8BAB);
    h ^ (h >> 14)
}

/// A number in `0..1` from the upper bits of a hash.
pub fn unit(hash: u32) -> f32 {
    (hash >> 8) as f32 * (1.0 / 16_777_216.0)
}

/// Smooth noise with lattice spacing 1, mean 0 and standard deviation 1,
/// within about ±4 (gradient noise, Perlin 2002, *ACM Trans. Graph.* 21:681).
pub fn smooth(x: f32, y: f32, seed: u32) -> f32 {
    let (left, top) = (x.floor(), y.floor());
    let (column, row) = (left as i32, top as i32);
    let (fx, fy) = (ease(x - left), ease(y - top));
    let value = |dx: i32, dy: i32| {
        let h = hash(column + dx, row + dy, seed);
        let slope = [h & 0xFFFF, h >> 16].map(|half| half as f32 * (2.0 / 65_535.0) - 1.0);
        slope[0] * (x - left - dx as f32) + slope[1] * (y - top - dy as f32)
    };
    let above = value(0, 0) + (value(1, 0) - value(0, 0)) * fx;
    let below = value(0, 1) + (value(1, 1) - value(0, 1)) * fx;
    (above + (below - above) * fy) / GRADIENT_DEVIATION
}

/// Standard deviation of gradient noise with slopes uniform in `-1..=1`:
/// √(2/3 · A · B), where A = 2 · 181/462 and B = 2 · 535/18018 are the means
/// over a cell of Σ w² and Σ w² d² for the easing weights w at distances d.
const GRADIENT_DEVIATION: f32 = 0.176_127;

fn ease(t: f32) -> f32 {
    t * t * t * (t * (t * 6.0 - 15.0) + 10.0)
}

/// Distances to the nearest and the second nearest of points scattered one
/// to a lattice cell (Worley 1996). Their difference is 0 on the net of
/// lines between the points.
pub fn cellular(x: f32, y: f32, seed: u32) -> (f32, f32) {
    let (column, row) = (x.floor() as i32, y.floor() as i32);
    let (mut first, mut second) = (f32::MAX, f32::MAX);
    for dy in -1..=1 {
        for dx in -1..=1 {
            let h = hash(column + dx, row + dy, seed);
            let (px, py) = (0.1 + 0.8 * unit(h), 0.1 + 0.8 * unit(h.wrapping_mul(0x9E37_79B1)));
            let (ox, oy) = ((column + dx) as f32 + px - x, (row + dy) as f32 + py - y);
            let distance = ox * ox + oy * oy;
            second = second.min(distance.max(first));
            first = first.min(distance);
        }
    }
    (first.sqrt(), second.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    #[test]
    fn noise_is_centred_and_has_its_stated_spread() {
        let values: Vec<f64> = (0..40_000)
            .map(|i| f64::from(smooth((i % 200) as f32 * 0.37, (i / 200) as f32 * 0.41, 7)))
            .collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let sd = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt();
        assert!(mean.abs() < 0.05 && (sd - 1.0).abs() < 0.04, "{mean} {sd}");
    }

    #[test]
    fn noise_is_continuous_across_cells() {
        assert!((smooth(2.9999, -3.5, 1) - smooth(3.0001, -3.5, 1)).abs() < 1e-3);
        let ((a, b), (c, d)) = (cellular(1.99999, 0.3, 5), cellular(2.00001, 0.3, 5));
        assert!((a - c).abs() < 1e-3 && (b - d).abs() < 1e-3 && b >= a);
    }

    #[test]
    fn streams_of_one_seed_differ_by_purpose_and_repeat() {
        let first = |parts: &[u64]| stream(3, parts).random::<u64>();
        assert_eq!(first(&[1, 2]), first(&[1, 2]));
        assert_ne!(first(&[1, 2]), first(&[2, 1]));
    }
}
