//! Hairs among the lines of the relief, told by their colour.
//!
//! Nothing in the skin takes more red than green: shade takes as much of both or less, for red light
//! spreads furthest, pigment and blood take less. A hair lies in front of the skin and has a colour of
//! its own, which on dark skin takes most of the red that comes back and little more of the green.
//! On light skin it takes as much of both, but is far darker than a furrow there.

use crate::metrics::Maps;
use crate::metrics::lines::normal;
use crate::order::clipped_mean;
use crate::raster::{Plane, covers, in_cells, sample};

/// Where a line is looked at, and the skin beside it, mm from its middle to each side.
const MIDDLE_MM: [f64; 3] = [-0.1, 0.0, 0.1];
const SIDES_MM: [f64; 4] = [-0.65, -0.5, 0.5, 0.65];

/// Points to each side of one that its direction is taken from.
const AROUND: usize = 3;

/// Least rise of red over that of green by a hair. Furrows of drawn skin of all tones have 0.6 to 1.05
/// (the darkest most: the surface reflects a larger share of green), hairs on brown skin 1.2 to 1.9
/// and on dark skin 1.6 to 3.6. Chosen by us.
const LEAST_REDNESS: f64 = 1.2;

/// Least rise of red that tells anything, density.
const LEAST_RISE: f64 = 0.015;

/// Whether a line through these `points`, native pixels, is a hair by its colour.
pub fn is_hair(maps: &Maps, points: &[[f64; 2]]) -> bool {
    let level = &maps.coarse;
    let px_per_mm = level.scale.px(1.0) * level.factor as f64;
    // How far a channel rises from the skin beside a point; `None` where that is not seen.
    let rise = |density: &Plane, i: usize| {
        let [nx, ny] = normal(points, i, AROUND);
        let at = |offset_mm: f64| {
            let reach = offset_mm * px_per_mm;
            let [x, y] =
                [points[i][0] + reach * nx, points[i][1] + reach * ny].map(|at| in_cells(at, level.factor));
            sample(density, x, y).filter(|_| covers(&level.skin, x, y)).map(f64::from)
        };
        let mean = |offsets: &[f64]| -> Option<f64> {
            let sum: Option<f64> = offsets.iter().map(|&offset| at(offset)).sum();
            Some(sum? / offsets.len() as f64)
        };
        Some(mean(&MIDDLE_MM)? - mean(&SIDES_MM)?)
    };
    let [red, green] = [0, 1].map(|channel| {
        let rises: Vec<f64> = (0..points.len()).filter_map(|i| rise(&maps.density[channel], i)).collect();
        clipped_mean(&rises).unwrap_or(0.0)
    });
    red > LEAST_RISE && red > LEAST_REDNESS * green
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::testing::maps_of_colors;

    /// A line along y = 100 of these densities, 0.3 mm wide at 20 px/mm, with a brown spot across it
    /// that takes 0.4, 0.6 and 1.0.
    fn maps(line: [f32; 3]) -> Maps {
        maps_of_colors(
            std::array::from_fn(|c| {
                Plane::from_shape_fn((200, 300), |(y, x)| {
                    let inside = (x as f64 - 150.0).hypot(y as f64 - 100.0) < 20.0;
                    let across = (y as f32 - 100.0) / 2.5;
                    line[c] * (-0.5 * across * across).exp() + if inside { [0.4, 0.6, 1.0][c] } else { 0.0 }
                })
            }),
            20.0,
        )
    }

    #[test]
    fn a_hair_takes_more_red_than_a_furrow_does() {
        let points: Vec<[f64; 2]> = (10..290).map(|x| [f64::from(x), 100.0]).collect();
        let hair = |line| is_hair(&maps(line), &points);
        // A hair of 0.05, 0.035 and 0.025 that covers three tenths of skin of 0.3, 0.09 and 0.04:
        // -ln(0.7 + 0.3 × 0.05 / 0.3) and so on.
        assert!(hair([0.288, 0.203, 0.119]));
        // A furrow that dims the light by a fifth, the same below a sheen that is a twentieth of the red
        // and a seventh of the green (-ln(1 - 0.2 × 6 / 7)), and a line too faint to tell.
        assert!(!hair([0.2, 0.223, 0.223]) && !hair([0.211, 0.188, 0.1]) && !hair([0.01, 0.005, 0.0]));
    }

    #[test]
    fn where_no_skin_is_seen_nothing_is_told() {
        let mut maps = maps([0.3, 0.1, 0.0]);
        maps.coarse.skin.fill(false);
        assert!(!is_hair(&maps, &[[10.0, 100.0], [200.0, 100.0]]) && !is_hair(&maps, &[]));
    }
}
