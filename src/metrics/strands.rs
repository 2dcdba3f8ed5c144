//! Strands of hair on the lattice of texture: dark lines too narrow for skin,
//! in which light spreads, and so dark that one is a fourth of the texture.
//!
//! Taken point by point, far above what relief reaches, and not from the lines
//! that are followed as furrows: a strand must not be found in one session and
//! missed in the next.

use ndarray::Zip;

use crate::filter::components::components;
use crate::filter::morphology::dilate;
use crate::raster::{Mask, Plane, row, rows, size};

/// Least curvature across, ln units at the scale of the finer plane: a hair of
/// 0.05 mm that lets a third of the light pass reaches 0.17, relief 0.08.
const LEAST_BEND: f32 = 0.12;

/// Least curvature across over that at twice the smoothing, each at its own
/// scale: a furrow 0.2 mm wide bends 1.2 times as much, a hair 1.6 times.
const LEAST_NARROWING: f32 = 1.3;

/// How much flatter a strand is along than across.
const ELONGATION: f32 = 2.0;

/// Least extent of a strand, mm: longer than a pore or two.
const LEAST_EXTENT_MM: f64 = 1.5;

/// How far beside a strand its blur reaches, mm.
const BESIDE_MM: f64 = 0.4;

/// Lattice points on strands of hair, from green density smoothed to a full
/// width of 0.25 mm and of 0.5 mm, on a lattice of about `points_per_mm` (10).
pub fn strands(fine: &Plane, wide: &Plane, points_per_mm: f64) -> Mask {
    let (width, height) = size(fine);
    let dark = rows(width, height, |y, out| {
        if y < 2 || y + 2 >= height {
            return;
        }
        for (x, dark) in out.iter_mut().enumerate().take(width.saturating_sub(2)).skip(2) {
            let [across, along] = bends(fine, x, y, 1);
            *dark = across >= LEAST_BEND
                && across >= ELONGATION * along.abs()
                && across >= LEAST_NARROWING * bends(wide, x, y, 2)[0];
        }
    });
    let joined = dilate(&dark, 1.5);
    let mut strands = Mask::from_elem(dark.raw_dim(), false);
    let least = LEAST_EXTENT_MM * points_per_mm;
    for part in components(&joined) {
        let span = |axis: fn(&(u32, u32)) -> u32| {
            let all = part.iter().map(axis);
            f64::from(all.clone().max().unwrap_or(0) - all.min().unwrap_or(0))
        };
        if span(|at| at.0).hypot(span(|at| at.1)) >= least {
            part.iter().for_each(|&(x, y)| strands[[y as usize, x as usize]] = true);
        }
    }
    Zip::from(&mut strands).and(&dark).for_each(|strand, &dark| *strand &= dark);
    dilate(&strands, BESIDE_MM * points_per_mm)
}

/// How much a plane bends across and along its line, by differences over `step` points.
fn bends(plane: &Plane, x: usize, y: usize, step: usize) -> [f32; 2] {
    let (above, here, below) = (row(plane, y - step), row(plane, y), row(plane, y + step));
    let xx = here[x - step] + here[x + step] - 2.0 * here[x];
    let yy = above[x] + below[x] - 2.0 * here[x];
    let xy = 0.25 * (below[x + step] + above[x - step] - below[x - step] - above[x + step]);
    let (mean, half) = (0.5 * (xx + yy), 0.5 * (xx - yy));
    let swing = (half * half + xy * xy).sqrt();
    [swing - mean, mean + swing]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::gaussian::gaussian;
    use crate::metrics::testing::noise;

    /// What is found of lines 15 mm long, of the given height and standard
    /// deviation in mm, with dots of 0.3 mm beside them, at 10 points/mm.
    fn found(height: f64, sigma: f64) -> usize {
        let drawn = Plane::from_shape_fn((800, 800), |(y, x)| {
            let (x, y) = (x as f64 / 40.0, y as f64 / 40.0);
            let (u, v) = (x * 0.9 + y * 0.436 - 13.0, y * 0.9 - x * 0.436 - 4.6);
            let line = if u.abs() < 7.5 { height * (-0.5 * (v / sigma).powi(2)).exp() } else { 0.0 };
            let dot = |at: f64| (at.rem_euclid(1.3) - 0.65).powi(2);
            (line + 0.35 * (-0.5 * (dot(x) + dot(y)) / 0.0162).exp()) as f32
        });
        let at = |sigma: f64| {
            let smooth = gaussian(&drawn, 40.0 * sigma);
            Plane::from_shape_fn((200, 200), |(y, x)| smooth[[4 * y, 4 * x]] + noise(x, y, 0.01))
        };
        strands(&at(0.106), &at(0.212), 10.0).iter().filter(|&&on| on).count()
    }

    #[test]
    fn hairs_are_found_from_end_to_end_and_furrows_and_dots_are_not() {
        // 15 mm by about 1 mm.
        let hair = found(1.5, 0.03);
        assert!((1000..2000).contains(&hair), "{hair}");
        assert_eq!((found(0.5, 0.1), found(1.0, 0.15), found(0.0, 0.1)), (0, 0, 0));
    }
}
