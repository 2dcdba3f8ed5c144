//! Hair, dark and white: thin long lines, and regions full of them.
//!
//! A furrow can be as dark as a hair, but light that enters the skin spreads
//! before it leaves: what is seen of a furrow is wider than a hair.

use crate::filter::gaussian::gaussian;
use crate::filter::morphology;
use crate::raster::{self, Mask, Plane, row};
use crate::skin::parts::{for_each_part, select};
use crate::units::FilterScale;

/// Standard deviation of the smoothing before lines are sought, mm: a hair is
/// 0.05 to 0.15 mm thick, and a wrinkle several times that. At least 0.8 cells.
const LINE_MM: f64 = 0.15;

/// Curvature across a line, in density units at the scale of the line, from
/// which it is a hair. Chosen by us: the furrows of skin reach about half.
const CURVATURE: f32 = 0.07;

/// Least curvature across a hair over that at twice the smoothing, both at
/// their own scale. Narrow lines bend `σ²/(w² + σ²)^(3/2)`: a hair in cells of
/// a sixth of a millimetre 1.4 times as much, a furrow 0.2 mm wide 1.1 times.
const LEAST_NARROWING: f32 = 1.25;

/// The same from which a line is a hair however wide: a furrow a quarter of a
/// millimetre wide (standard deviation) and three times as dark as the skin reaches 0.24.
const BLACKEST_FURROW: f32 = 0.25;

/// How much flatter a line is along than across.
const ELONGATION: f32 = 2.0;

/// How far away the sides of a line are, in standard deviations of the smoothing.
const SIDES: f32 = 2.5;

/// Light added before the density is taken, as a share of the skin's: without
/// it, noise in a dark mole is full of lines.
const SOFTENING: f32 = 0.25;

/// Length from which a line is a hair, mm: longer than a pore or a furrow's piece.
const LENGTH_MM: f64 = 4.0;

/// Share of cells on lines from which a region is hair and not skin.
const DENSE: f32 = 0.38;

/// Standard deviation of the window in which that share is taken, mm.
const WINDOW_MM: f64 = 1.5;

/// Least area of a region of hair at the border, as a share of the photo.
const REGION: f64 = 0.005;

/// Where hair covers the skin.
pub(super) struct Hair {
    /// Single strands.
    pub strands: Mask,
    /// Regions full of them.
    pub region: Mask,
}

/// The hair of a photo. `light` is the green channel of linear light,
/// `brightness` its usual value on skin.
pub(super) fn hair(light: &Plane, brightness: f32, scale: FilterScale) -> Hair {
    let soft = light.mapv(|value| -(value / brightness.max(1e-4) + SOFTENING).ln());
    let sigma = scale.px(LINE_MM).max(0.8);
    let smooth = gaussian(&soft, sigma);
    let wide = gaussian(&smooth, 3f64.sqrt() * sigma);
    let strands_of = |sign: f32| {
        let [smooth, wide] = [&smooth, &wide].map(|plane| plane.mapv(|value| sign * value));
        let lines = lines(&smooth, sigma);
        let mut strands = Mask::from_elem(lines.raw_dim(), false);
        for_each_part(&lines, |part, pixels| {
            let long = part.diagonal > scale.px(LENGTH_MM).max(8.0);
            if long && part.diagonal.powi(2) > 5.0 * part.area {
                let black = BLACKEST_FURROW / (sigma * sigma) as f32;
                narrow(&smooth, &wide, pixels, black)
                    .for_each(|(x, y)| strands[[y as usize, x as usize]] = true);
            }
        });
        (lines, strands)
    };
    let ((dark, dark_strands), (white, white_strands)) = rayon::join(|| strands_of(1.0), || strands_of(-1.0));
    let strands = dark_strands | white_strands;
    Hair { strands: morphology::dilate(&strands, sigma.ceil()), region: region(&(dark | white), scale) }
}

/// The cells of a line around which its crest bends less in a plane smoothed
/// twice as much: the crest of a hair does, that of a furrow is as wide as
/// the wider smoothing. Or around which it bends more than `black`. Where both
/// cross, each keeps its cells.
fn narrow<'a>(
    smooth: &Plane,
    wide: &Plane,
    pixels: &'a [(u32, u32)],
    black: f32,
) -> impl Iterator<Item = (u32, u32)> + 'a {
    // At twice the standard deviation curvature is worth four times as much.
    let excess = |&(x, y): &(u32, u32)| {
        let bend = |plane: &Plane| curvatures(plane, x as usize, y as usize)[0];
        let crest = is_crest(smooth, x as usize, y as usize);
        if crest { bend(smooth) - (4.0 * LEAST_NARROWING * bend(wide)).min(black) } else { 0.0 }
    };
    let excesses: Vec<f32> = pixels.iter().map(excess).collect();
    pixels.iter().copied().filter(move |&(x, y)| {
        let near = |&(px, py): &(u32, u32)| x.abs_diff(px).max(y.abs_diff(py)) <= AROUND;
        pixels.iter().zip(&excesses).filter(|(at, _)| near(at)).map(|(_, excess)| excess).sum::<f32>() > 0.0
    })
}

/// Whether a cell bends about as much as any of its neighbours: those on the
/// flanks of a line bend less than its crest.
fn is_crest(smooth: &Plane, x: usize, y: usize) -> bool {
    let (width, height) = raster::size(smooth);
    let here = curvatures(smooth, x, y)[0];
    let columns = (x - 1).max(1)..(x + 2).min(width - 1);
    let mut near =
        ((y - 1).max(1)..(y + 2).min(height - 1)).flat_map(|y| columns.clone().map(move |x| (x, y)));
    near.all(|(x, y)| here >= 0.7 * curvatures(smooth, x, y)[0])
}

/// Cells to each side over which it is judged whether a line is narrow.
const AROUND: u32 = 6;

/// Second derivatives along x, along y and mixed, at a cell that has all neighbours.
fn hessian(plane: &Plane, x: usize, y: usize) -> [f32; 3] {
    let (above, here, below) = (row(plane, y - 1), row(plane, y), row(plane, y + 1));
    let xx = here[x - 1] + here[x + 1] - 2.0 * here[x];
    let yy = above[x] + below[x] - 2.0 * here[x];
    [xx, yy, (below[x + 1] + above[x - 1] - below[x - 1] - above[x + 1]) / 4.0]
}

/// How much a plane bends across and along the line through a cell.
fn curvatures(plane: &Plane, x: usize, y: usize) -> [f32; 2] {
    let [xx, yy, xy] = hessian(plane, x, y);
    let (mean, swing) = ((xx + yy) / 2.0, ((xx - yy) / 2.0).hypot(xy));
    [swing - mean, mean + swing]
}

/// The direction in which a plane falls off most, radians.
fn angle(plane: &Plane, x: usize, y: usize) -> f32 {
    let [xx, yy, xy] = hessian(plane, x, y);
    0.5 * (2.0 * xy).atan2(xx - yy) + std::f32::consts::FRAC_PI_2
}

/// Cells on a line that is higher than both its sides.
fn lines(smooth: &Plane, sigma: f64) -> Mask {
    let (width, height) = raster::size(smooth);
    raster::rows(width, height, |y, out| {
        if y == 0 || y + 1 >= height {
            return;
        }
        for (x, on) in out.iter_mut().enumerate().take(width.saturating_sub(1)).skip(1) {
            let [across, along] = curvatures(smooth, x, y);
            let curved = across * (sigma * sigma) as f32 > CURVATURE && across > ELONGATION * along.abs();
            *on = curved && above_its_sides(smooth, x, y, angle(smooth, x, y), sigma);
        }
    })
}

/// Whether a cell is higher than the cells on both sides, in the direction
/// `angle`: the rim of a lesion is so on one side only.
fn above_its_sides(smooth: &Plane, x: usize, y: usize, angle: f32, sigma: f64) -> bool {
    let reach = SIDES * sigma as f32;
    let height = smooth[[y, x]];
    [reach, -reach].into_iter().all(|reach| {
        let (x, y) = (x as f32 + reach * angle.cos(), y as f32 + reach * angle.sin());
        let side = smooth.get([y.round().max(0.0) as usize, x.round().max(0.0) as usize]);
        side.is_none_or(|side| height - side > CURVATURE / 2.0)
    })
}

/// Regions dense with lines that reach the border: hair of the head, a beard.
/// Inside the skin a dense region is a lesion with scales, and stays.
fn region(lines: &Mask, scale: FilterScale) -> Mask {
    let (width, height) = raster::size(lines);
    let share = raster::rows(width, height, |y, out| {
        out.iter_mut().zip(row(lines, y)).for_each(|(value, &on)| *value = f32::from(u8::from(on)));
    });
    let dense = gaussian(&share, scale.px(WINDOW_MM).max(3.0)).mapv(|share| share > DENSE);
    let least = REGION * (width * height) as f64;
    select(&dense, |part| part.at_border && part.area > least)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    const SCALE: FilterScale = FilterScale { px_per_mm: 6.0, physical: true };

    fn with_line(light: f32) -> Plane {
        Array2::from_shape_fn((80, 80), |(y, x)| if x + 10 == y && x > 10 { light } else { 0.4 })
    }

    #[test]
    fn dark_and_white_hair_is_found_and_little_else() {
        for light in [0.05, 0.9] {
            let found = hair(&with_line(light), 0.4, SCALE).strands;
            assert!(found[[40, 30]] && found[[60, 50]], "light {light}");
            assert!(!found[[40, 60]] && raster::count(&found) < 500);
        }
    }

    /// A furrow of Gaussian profile, 0.45 mm wide (full width at half
    /// maximum), twice as dark as the skin, crossed by a hair.
    #[test]
    fn a_furrow_as_dark_as_a_hair_is_none_even_where_one_crosses_it() {
        let light = |hair: bool| {
            Array2::from_shape_fn((80, 80), |(y, x)| {
                let across = (y as f32 - 40.0) / (0.45 / 2.3548 * 6.0);
                let furrow =
                    if (8..72).contains(&x) { (-0.7 * (-0.5 * across * across).exp()).exp() } else { 1.0 };
                if hair && x == 40 && (4..76).contains(&y) { 0.05 } else { 0.4 * furrow }
            })
        };
        assert_eq!(raster::count(&hair(&light(false), 0.4, SCALE).strands), 0);
        let crossed = hair(&light(true), 0.4, SCALE).strands;
        assert!(crossed[[15, 40]] && crossed[[65, 40]]);
        assert!(!crossed[[40, 20]] && !crossed[[40, 60]]);
    }

    #[test]
    fn a_round_spot_is_no_hair() {
        let light = Array2::from_shape_fn((80, 80), |(y, x)| {
            let squared = (y as f32 - 40.0).powi(2) + (x as f32 - 40.0).powi(2);
            if squared < 100.0 { 0.1 } else { 0.4 }
        });
        assert_eq!(raster::count(&hair(&light, 0.4, SCALE).strands), 0);
    }
}
