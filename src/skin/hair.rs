//! Hair, dark and white: thin long lines, and regions full of them.

use crate::filter::gaussian::gaussian;
use crate::filter::morphology;
use crate::raster::{self, Mask, Plane, row};
use crate::skin::parts::{Part, select};
use crate::units::FilterScale;

/// Standard deviation of the smoothing before lines are sought, mm: a hair is
/// 0.05 to 0.15 mm thick, and a wrinkle several times that. At least 0.8 cells.
const LINE_MM: f64 = 0.15;

/// Curvature across a line, in density units at the scale of the line, from
/// which it is a hair. Chosen by us: the furrows of skin reach about half.
const CURVATURE: f32 = 0.07;

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

/// Where hair covers the skin. `light` is the green channel of linear light,
/// `brightness` its usual value on skin.
pub(super) fn hair(light: &Plane, brightness: f32, scale: FilterScale) -> Mask {
    let soft = light.mapv(|value| -(value / brightness.max(1e-4) + SOFTENING).ln());
    let sigma = scale.px(LINE_MM).max(0.8);
    let smooth = gaussian(&soft, sigma);
    let dark = lines(&smooth, sigma);
    let white = lines(&smooth.mapv(|value| -value), sigma);
    let is_hair =
        |part: &Part| part.diagonal > scale.px(LENGTH_MM).max(8.0) && part.diagonal.powi(2) > 5.0 * part.area;
    let strands = &select(&dark, is_hair) | &select(&white, is_hair);
    let strands = morphology::dilate(&strands, sigma.ceil());
    strands | region(&(dark | white), scale)
}

/// Cells on a line that is higher than both its sides.
fn lines(smooth: &Plane, sigma: f64) -> Mask {
    let (width, height) = raster::size(smooth);
    raster::mask_rows(width, height, |y, out| {
        if y == 0 || y + 1 >= height {
            return;
        }
        let (above, here, below) = (row(smooth, y - 1), row(smooth, y), row(smooth, y + 1));
        for x in 1..width.saturating_sub(1) {
            let xx = here[x - 1] + here[x + 1] - 2.0 * here[x];
            let yy = above[x] + below[x] - 2.0 * here[x];
            let xy = (below[x + 1] + above[x - 1] - below[x - 1] - above[x + 1]) / 4.0;
            let (mean, swing) = ((xx + yy) / 2.0, ((xx - yy) / 2.0).hypot(xy));
            let (across, along) = (swing - mean, mean + swing);
            let curved = across * (sigma * sigma) as f32 > CURVATURE && across > ELONGATION * along.abs();
            // The direction in which the plane falls off most.
            let angle = || 0.5 * (2.0 * xy).atan2(xx - yy) + std::f32::consts::FRAC_PI_2;
            out[x] = curved && above_its_sides(smooth, x, y, angle(), sigma);
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
            let found = hair(&with_line(light), 0.4, SCALE);
            assert!(found[[40, 30]] && found[[60, 50]], "light {light}");
            assert!(!found[[40, 60]] && raster::count(&found) < 500);
        }
    }

    #[test]
    fn a_round_spot_is_no_hair() {
        let light = Array2::from_shape_fn((80, 80), |(y, x)| {
            let squared = (y as f32 - 40.0).powi(2) + (x as f32 - 40.0).powi(2);
            if squared < 100.0 { 0.1 } else { 0.4 }
        });
        assert_eq!(raster::count(&hair(&light, 0.4, SCALE)), 0);
    }
}
