//! A colour card laid into the photo.

use rayon::prelude::*;

use super::lighting::Lighting;
use super::patient::CardPlan;
use crate::calibration::CardOptions;
use crate::raster::{self, Plane};

/// Side of a patch, and width of the frame around all, in pitches (46 and 12 of 52.5 mm).
const PATCH: f64 = 46.0 / 52.5;
const FRAME: f64 = 12.0 / 52.5;
/// Linear light of the black board.
const BOARD: f64 = 0.035;
/// Points along a pixel at which the card is seen: its edges are not stairs.
const POINTS: usize = 3;

/// Lays the card over the light of one channel; it hides what lies under it.
pub fn lay(plan: &CardPlan, lighting: &Lighting, channel: usize, light: &mut Plane) {
    let (width, height) = raster::size(light);
    let pitch = plan.width * width as f64 / (5.0 + PATCH + 2.0 * FRAME);
    let (sin, cos) = plan.rotation_deg.to_radians().sin_cos();
    let centre = [plan.centre[0] * width as f64, plan.centre[1] * height as f64];
    let patches = CardOptions { year: plan.year, ..CardOptions::default() }.patches();
    let values = light.as_slice_mut().expect("planes are kept in standard layout");
    values.par_chunks_mut(width).enumerate().for_each(|(y, row)| {
        for (x, value) in row.iter_mut().enumerate() {
            let (mut sum, mut covered) = (0.0, 0);
            for point in 0..POINTS * POINTS {
                let off = |i: usize| (i as f64 + 0.5) / POINTS as f64;
                let dx = x as f64 + off(point % POINTS) - centre[0];
                let dy = y as f64 + off(point / POINTS) - centre[1];
                // Columns and lines from the middle of the card, in pitches.
                let (column, line) =
                    ((cos * dx + sin * dy) / pitch + 2.5, (cos * dy - sin * dx) / pitch + 1.5);
                if let Some(shown) = shown(column, line) {
                    sum += shown.map_or(BOARD, |patch| f64::from(patches[patch][channel]));
                    covered += 1;
                }
            }
            if covered > 0 {
                let share = covered as f32 / (POINTS * POINTS) as f32;
                let card = (sum / f64::from(covered)) as f32 * lighting.falling(channel, x, y);
                *value += (card - *value) * share;
            }
        }
    });
}

/// What a place of the card shows: a patch, or the board between; `None` off the card.
fn shown(column: f64, line: f64) -> Option<Option<usize>> {
    let rim = PATCH / 2.0 + FRAME;
    if !(-rim..=5.0 + rim).contains(&column) || !(-rim..=3.0 + rim).contains(&line) {
        return None;
    }
    let (i, j) = (column.round().clamp(0.0, 5.0), line.round().clamp(0.0, 3.0));
    let inside = (column - i).abs() <= PATCH / 2.0 && (line - j).abs() <= PATCH / 2.0;
    Some(inside.then_some(6 * j as usize + i as usize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_lie_row_by_row_on_a_black_board() {
        assert_eq!([shown(0.0, 0.0), shown(5.3, 3.4)], [Some(Some(0)), Some(Some(23))]);
        assert_eq!([shown(0.5, 0.0), shown(-0.6, 3.0)], [Some(None), Some(None)]);
        assert_eq!([shown(-0.8, 0.0), shown(2.0, 3.8)], [None, None]);
    }
}
