//! Whether two photos show the relief of the skin in the same light.
//!
//! Relief is seen by its shading, and shading is the slope towards the lamp:
//! from the other side every furrow's bright and dark flank change places, and
//! from the front they vanish. The fine pattern of the skin itself persists
//! for years, so that a registered pair in which it does not agree was lit
//! differently.

use rayon::prelude::*;

use super::blocks::{self, SIDE, quantile, smoothed};
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

/// How the fine pattern of two registered photos compares.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReliefAgreement {
    /// Median correlation of the fine pattern over blocks of skin, `-1..=1`.
    pub correlation: f64,
    /// How far the direction that the relief is shaded along has turned, 0
    /// upwards: for a turn of the light by α about `2 m sin α`, where `m` is the
    /// share of the pattern that is shading and not pigment.
    pub turn: f64,
    /// How faint texture compares; `None` on too little skin.
    pub texture: Option<FaintTexture>,
    /// How many blocks it rests on.
    pub blocks: usize,
}

/// How much of the faint texture passes from one photo to the other, relative
/// to its strong edges. Optics, light and treatment scale both alike;
/// filters that keep edges and smooth what lies between do not.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FaintTexture {
    /// Regression of the moving photo on the reference: faint over strong.
    pub forth: f64,
    /// Regression of the reference on the moving photo: faint over strong.
    pub back: f64,
}

/// How the fine pattern compares in two density planes of the same frame
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
    let mask = morphology::erode(mask, coarse);
    let corners = blocks::spread(blocks::corners(&mask));
    if corners.len() < 4 {
        return None;
    }
    let band = |plane: &Plane| gaussian(plane, fine) - smoothed(plane, coarse);
    let (reference, moving) = rayon::join(|| band(reference), || band(moving));
    let (width, height) = raster::size(&reference);
    let inner: Vec<(usize, usize)> = corners
        .into_iter()
        .filter(|&(x, y)| x > 1 && y > 1 && x + SIDE + 2 < width && y + SIDE + 2 < height)
        .collect();
    let fitted: Vec<(f64, Block)> =
        inner.par_iter().filter_map(|&corner| Block::fitted(&reference, &moving, &mask, corner)).collect();
    let correlation = quantile(fitted.iter().map(|fit| fit.0), 0.5)?;
    let blocks: Vec<Block> = fitted.into_iter().map(|fit| fit.1).collect();
    let slopes: Vec<Slopes> =
        blocks.par_iter().map(|block| block.slopes(&reference, &moving, &mask)).collect();
    Some(ReliefAgreement {
        correlation,
        turn: turn(&slopes)?,
        texture: faint_texture(&blocks, &reference, &moving),
        blocks: blocks.len(),
    })
}

/// A block of the reference and where the moving photo fits it best.
#[derive(Clone, Copy)]
struct Block {
    corner: (usize, usize),
    /// Shift of the moving photo, cells plus 1: `0..=2`.
    shift: (usize, usize),
}

impl Block {
    /// The block at a corner with its best shift, and the correlation there.
    fn fitted(reference: &Plane, moving: &Plane, mask: &Mask, corner: (usize, usize)) -> Option<(f64, Self)> {
        let at = |i: usize| Self { corner, shift: (i % 3, i / 3) };
        let fits =
            (0..9).map(at).filter_map(|block| Some((block.correlation(reference, moving, mask)?, block)));
        fits.reduce(|best, fit| if fit.0 > best.0 { fit } else { best })
    }

    /// The cells of the block that count, each with its cell in the moving photo.
    fn cells(&self, mask: &Mask) -> impl Iterator<Item = ([usize; 2], [usize; 2])> {
        let (left, top) = self.corner;
        let (dx, dy) = self.shift;
        (top..top + SIDE)
            .flat_map(move |y| (left..left + SIDE).map(move |x| ([y, x], [y + dy - 1, x + dx - 1])))
            .filter(|(here, _)| mask[*here])
    }

    fn correlation(&self, reference: &Plane, moving: &Plane, mask: &Mask) -> Option<f64> {
        let (mut sums, mut count) = ([0.0f64; 5], 0.0);
        for (here, there) in self.cells(mask) {
            let (a, b) = (f64::from(reference[here]), f64::from(moving[there]));
            sums.iter_mut().zip([a, b, a * a, b * b, a * b]).for_each(|(sum, value)| *sum += value);
            count += 1.0;
        }
        correlation(&sums.map(|sum| sum / count))
    }

    fn slopes(&self, reference: &Plane, moving: &Plane, mask: &Mask) -> Slopes {
        let slope = |plane: &Plane, [y, x]: [usize; 2]| {
            let (across, down) =
                (plane[[y, x + 1]] - plane[[y, x - 1]], plane[[y + 1, x]] - plane[[y - 1, x]]);
            [f64::from(across), f64::from(down)]
        };
        let mut sums = Slopes::default();
        for (here, there) in self.cells(mask) {
            let (a, b) = (slope(reference, here), slope(moving, there));
            for (tensor, [x, y]) in [(&mut sums.reference, a), (&mut sums.moving, b)] {
                tensor[0] += x * x - y * y;
                tensor[1] += 2.0 * x * y;
                tensor[2] += x * x + y * y;
            }
            sums.shared += a[0] * b[0] + a[1] * b[1];
        }
        sums
    }
}

/// Structure tensors of a block: difference and product of the slopes along
/// both axes, and their strength; and the strength that both photos share.
#[derive(Debug, Clone, Copy, Default)]
struct Slopes {
    reference: [f64; 3],
    moving: [f64; 3],
    shared: f64,
}

/// How far the direction of shading turned.
///
/// Shading is the slope towards the lamp: furrows across the light are drawn
/// strongly, those along it not at all. The direction itself depends on how
/// the furrows run; its *change* does not, for they are the same ones. It is
/// of first order in the turn, where the correlation is of second. The
/// strengths are made equal and noise, which has no direction, cancels.
fn turn(slopes: &[Slopes]) -> Option<f64> {
    let weighed: Vec<(Slopes, f64)> = slopes
        .iter()
        .map(|block| (*block, (block.reference[2] * block.moving[2]).sqrt()))
        .filter(|(_, strength)| *strength > 0.0)
        .collect();
    let middle = |of: fn(&Slopes) -> f64| quantile(weighed.iter().map(|(b, s)| of(b) / s), 0.5);
    let mean = |of: &dyn Fn(&Slopes) -> f64| {
        weighed.iter().map(|(b, s)| of(b) / s).sum::<f64>() / weighed.len() as f64
    };
    let gain = (middle(|b| b.moving[2])? / middle(|b| b.reference[2])?).sqrt();
    let shared = middle(|b| b.shared)?.max(LEAST_SHARED);
    let turned = |i: usize| mean(&|b| b.moving[i]) / gain - mean(&|b| b.reference[i]) * gain;
    Some(turned(0).hypot(turned(1)) / shared)
}

/// Share of the pattern that photos lit from anywhere are taken to have in common at least.
const LEAST_SHARED: f64 = 0.2;

/// Side of the patches that faint texture and edges are told apart by, cells.
const PATCH: usize = 8;

/// Fewest blocks that faint texture is judged on.
const FEWEST: usize = 16;

/// Shares of the patches, by strength: faint texture lies between the first
/// two, edges from the third.
const FAINT: [f64; 2] = [0.1, 0.5];
const STRONG: f64 = 0.95;

fn faint_texture(blocks: &[Block], reference: &Plane, moving: &Plane) -> Option<FaintTexture> {
    if blocks.len() < FEWEST {
        return None;
    }
    let patches: Vec<[f64; 3]> =
        blocks.par_iter().flat_map_iter(|block| patches(block, reference, moving)).collect();
    let strength = |patch: &[f64; 3]| patch[0].max(patch[1]);
    let rank = |rank| quantile(patches.iter().map(strength), rank);
    let (least, most, strong) = (rank(FAINT[0])?, rank(FAINT[1])?, rank(STRONG)?);
    let sum = |wanted: &dyn Fn(f64) -> bool| {
        let mut sums = [0.0; 3];
        for patch in patches.iter().filter(|patch| wanted(strength(patch))) {
            sums.iter_mut().zip(patch).for_each(|(sum, value)| *sum += value);
        }
        sums
    };
    let (faint, strong) = (sum(&|s| s > least && s < most), sum(&|s| s > strong));
    let ratio = |i: usize| (faint[2] / faint[i]) / (strong[2] / strong[i]);
    let (forth, back) = (ratio(0), ratio(1));
    (forth.is_finite() && back.is_finite()).then_some(FaintTexture { forth, back })
}

/// Energy in the reference, in the moving photo, and shared, of the patches of a block.
fn patches<'a>(
    block: &'a Block,
    reference: &'a Plane,
    moving: &'a Plane,
) -> impl Iterator<Item = [f64; 3]> + use<'a> {
    let per_side = SIDE / PATCH;
    let (dx, dy) = block.shift;
    (0..per_side * per_side).map(move |i| {
        let (left, top) = (block.corner.0 + (i % per_side) * PATCH, block.corner.1 + (i / per_side) * PATCH);
        let mut sums = [0.0; 3];
        for y in top..top + PATCH {
            for x in left..left + PATCH {
                let (a, b) = (f64::from(reference[[y, x]]), f64::from(moving[[y + dy - 1, x + dx - 1]]));
                sums.iter_mut().zip([a * a, b * b, a * b]).for_each(|(sum, value)| *sum += value);
            }
        }
        sums
    })
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

    /// The turn seen between light from the left and light `degrees` further round.
    fn turned(degrees: f32) -> f64 {
        let (sin, cos) = degrees.to_radians().sin_cos();
        let mask = Mask::from_elem((SIZE, SIZE), true);
        let light = [-0.7 * cos, -0.7 * sin, 0.71];
        relief_agreement(&lit(LEFT, 5), &lit(light, 6), &mask, SCALE).expect("skin").turn
    }

    #[test]
    fn the_turn_grows_with_the_light_s_and_is_nothing_without() {
        let turns = [0.0, 10.0, 20.0, 30.0].map(turned);
        assert!(turns[0] < 0.05 && turns.windows(2).all(|pair| pair[1] > pair[0] + 0.05), "{turns:?}");
    }

    #[test]
    fn only_faint_texture_gives_a_filter_away() {
        let mask = Mask::from_elem((SIZE, SIZE), true);
        let texture = |filter: &dyn Fn(f32) -> f32, seed: u64| {
            let spots =
                Plane::from_shape_fn(
                    (SIZE, SIZE),
                    |(y, x)| {
                        if x % 50 < 12 && y % 50 < 12 { 0.6 } else { 0.0 }
                    },
                );
            let faint = gaussian(&noise(4), 1.5);
            let grain = noise(seed).mapv(|value| 0.002 * value);
            spots + faint.mapv(filter) + grain
        };
        let plain = texture(&|value| 0.3 * value, 7);
        let seen = |other: &Plane| relief_agreement(&plain, other, &mask, SCALE).unwrap().texture.unwrap();
        let filtered = seen(&texture(&|value| 0.15 * value, 8));
        assert!(filtered.forth < 0.7 && filtered.back > 1.2, "{filtered:?}");
        for honest in
            [texture(&|value| 0.3 * value, 9), gaussian(&plain, 0.8), plain.mapv(|value| 0.7 * value)]
        {
            let honest = seen(&honest);
            assert!((0.87..1.15).contains(&honest.forth), "{honest:?}");
        }
    }
}
