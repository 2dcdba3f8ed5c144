//! Whether two photos show the relief of the skin in the same light.
//!
//! Relief is seen by its shading, and shading is the slope towards the lamp:
//! from the other side every furrow's bright and dark flank change places, and
//! from the front they vanish. The fine pattern of the skin itself persists
//! for years, so that a registered pair in which it does not agree was lit
//! differently.

use super::blocks;
use crate::filter::gaussian::gaussian;
use crate::filter::morphology;
use crate::raster::{self, Mask, Plane};
use crate::units::FilterScale;

/// The two smoothings between which relief is looked at, mm: furrows, pores,
/// fine lines, and the rims of scars.
const FINE_MM: f64 = 0.1;
const COARSE_MM: f64 = 0.5;

/// Least finer smoothing, cells, so that half a cell's error of registration costs little.
const FINE_CELLS: f64 = 1.0;

/// How well the fine pattern of two registered photos agrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReliefAgreement {
    /// Median correlation of the fine pattern over blocks of skin, `-1..=1`.
    pub correlation: f64,
    /// How many blocks it rests on.
    pub blocks: usize,
}

/// The agreement of the fine pattern in two density planes of the same frame
/// inside `mask`; `scale` is that of the planes. `None` where fewer than four
/// blocks of skin are covered.
///
/// The moving plane may be resampled, for blur hardly moves a correlation, and
/// off by a cell: each block is taken where it fits best.
pub fn relief_agreement(
    reference: &Plane,
    moving: &Plane,
    mask: &Mask,
    scale: FilterScale,
) -> Option<ReliefAgreement> {
    let fine = scale.px(FINE_MM).max(FINE_CELLS);
    let coarse = scale.px(COARSE_MM).max(4.0 * FINE_CELLS);
    let band = |plane: &Plane| gaussian(plane, fine) - gaussian(plane, coarse);
    let (reference, moving) = (band(reference), band(moving));
    let mask = morphology::erode(mask, coarse);
    let corners = blocks::corners(&mask);
    if corners.len() < 4 {
        return None;
    }
    let (width, height) = raster::size(&reference);
    let moved = |at: usize, by: usize, size: usize| (at + by).saturating_sub(1).min(size - 1);
    let best = |correlations: Vec<Option<f64>>| correlations.into_iter().flatten().reduce(f64::max);
    let shifts: Vec<(usize, usize)> = (0..9).map(|i| (i % 3, i / 3)).collect();
    let by_shift: Vec<Vec<Option<f64>>> = shifts
        .into_iter()
        .map(|(dx, dy)| {
            let moments = blocks::means(&mask, &corners, |x, y| {
                let (a, b) = (reference[[y, x]], moving[[moved(y, dy, height), moved(x, dx, width)]]);
                let (a, b) = (f64::from(a), f64::from(b));
                [a, b, a * a, b * b, a * b]
            });
            moments.iter().map(correlation).collect()
        })
        .collect();
    let of_block = |block: usize| best(by_shift.iter().map(|blocks| blocks[block]).collect());
    let correlation = blocks::quantile((0..corners.len()).filter_map(of_block), 0.5)?;
    Some(ReliefAgreement { correlation, blocks: corners.len() })
}

/// The moving plane (reduced by `moving_factor`) as seen in a reference plane
/// of `width` by `height` cells (reduced by `factor`), and which cells it
/// covers; `map` takes reference pixels to moving pixels. For judging light
/// and pattern, never for measuring skin: resampling smooths it.
pub fn seen_in_reference(
    moving: &Plane,
    moving_factor: usize,
    (width, height): (usize, usize),
    factor: usize,
    map: impl Fn([f64; 2]) -> [f64; 2] + Sync,
) -> (Plane, Mask) {
    let at = |x: usize, y: usize| {
        let pixel = [x, y].map(|cell| raster::cell_centre(cell as f64, factor));
        let [x, y] = map(pixel).map(|at| raster::in_cells(at, moving_factor));
        raster::sample(moving, x, y)
    };
    let seen = raster::rows(width, height, |y, out| {
        out.iter_mut().enumerate().for_each(|(x, value)| *value = at(x, y).unwrap_or(f32::NAN));
    });
    let covered = seen.mapv(|value| value.is_finite());
    (seen.mapv(|value| if value.is_finite() { value } else { 0.0 }), covered)
}

/// Largest over smallest magnification of a Jacobian in any direction, 1
/// upwards; infinite if it flattens the plane.
pub fn stretch([[a, b], [c, d]]: [[f64; 2]; 2]) -> f64 {
    let (sum, difference) = ((a + d).hypot(c - b), (a - d).hypot(c + b));
    if sum == difference { f64::INFINITY } else { (sum + difference) / (sum - difference).abs() }
}

/// Correlation from the means of `a`, `b`, `a²`, `b²` and `ab`; `None` if either is constant.
fn correlation([a, b, aa, bb, ab]: &[f64; 5]) -> Option<f64> {
    let variances = (aa - a * a) * (bb - b * b);
    (variances > 1e-18).then(|| ((ab - a * b) / variances.sqrt()).clamp(-1.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    const SCALE: FilterScale = FilterScale { px_per_mm: 10.0, physical: true };
    const SIZE: usize = 200;

    fn noise(seed: u64) -> Plane {
        let mut random = Pcg64Mcg::seed_from_u64(seed);
        Plane::from_shape_fn((SIZE, SIZE), |_| random.random_range(-1.0..1.0))
    }

    /// Density of skin with a relief of 0.2 mm grain and some pigment, lit
    /// from `light` (x, y, z), with camera noise: Lambert's cosine law.
    fn lit(light: [f32; 3], seed: u64) -> Plane {
        let height = gaussian(&noise(1), 2.0).mapv(|value| 3.0 * value);
        let pigment = gaussian(&noise(2), 4.0);
        let grain = noise(seed);
        Plane::from_shape_fn((SIZE, SIZE), |(y, x)| {
            let (right, below) = ((x + 1).min(SIZE - 1), (y + 1).min(SIZE - 1));
            let slope = [height[[y, right]] - height[[y, x]], height[[below, x]] - height[[y, x]]];
            let length = (1.0 + slope[0] * slope[0] + slope[1] * slope[1]).sqrt();
            let cosine = (light[2] - light[0] * slope[0] - light[1] * slope[1]) / length;
            0.8 + 0.3 * pigment[[y, x]] - cosine.max(0.05).ln() + 0.01 * grain[[y, x]]
        })
    }

    fn agreement(first: [f32; 3], second: [f32; 3]) -> f64 {
        let mask = Mask::from_elem((SIZE, SIZE), true);
        relief_agreement(&lit(first, 5), &lit(second, 6), &mask, SCALE).expect("skin").correlation
    }

    #[test]
    fn the_stretch_is_the_ratio_of_the_axes_however_turned() {
        assert!((stretch([[3.0, 0.0], [0.0, -2.0]]) - 1.5).abs() < 1e-12);
        let (sin, cos) = 0.7f64.sin_cos();
        assert!((stretch([[3.0 * cos, -2.0 * sin], [3.0 * sin, 2.0 * cos]]) - 1.5).abs() < 1e-12);
        assert_eq!(stretch([[1.0, 1.0], [1.0, 1.0]]), f64::INFINITY);
    }

    #[test]
    fn a_shifted_plane_is_seen_where_the_map_says() {
        let moving = Plane::from_shape_fn((8, 8), |(y, x)| (10 * y + x) as f32);
        let (seen, covered) = seen_in_reference(&moving, 1, (4, 4), 2, |[x, y]| [x + 1.0, y]);
        // The cell (0, 0) has its centre at (0.5, 0.5), which maps to (1.5, 0.5).
        assert_eq!((seen[[0, 0]], covered[[0, 0]]), (6.5, true));
        assert_eq!((seen[[0, 3]], covered[[0, 3]]), (0.0, false));
    }

    const LEFT: [f32; 3] = [-0.7, 0.0, 0.71];

    #[test]
    fn the_same_light_agrees_and_a_little_turn_nearly() {
        assert!(agreement(LEFT, LEFT) > 0.9, "{}", agreement(LEFT, LEFT));
        assert!(agreement(LEFT, [-0.69, 0.12, 0.71]) > 0.85);
    }

    #[test]
    fn light_from_the_other_side_from_above_or_from_the_front_does_not() {
        for light in [[0.7, 0.0, 0.71], [0.0, 0.7, 0.71], [0.0, 0.0, 1.0]] {
            assert!(agreement(LEFT, light) < 0.6, "{light:?}: {}", agreement(LEFT, light));
        }
    }
}
