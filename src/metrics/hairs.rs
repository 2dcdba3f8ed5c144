//! Hairs and bands of colour among the lines of the relief, told by their width and their colour.
//!
//! Light that enters the skin spreads before it leaves, red light furthest: furrows are seen wider than
//! most hairs, and fainter in red than in green, the more so the narrower they are. A hair lies in
//! front of the skin and is as narrow in red. It has a colour of its own, too: on dark skin it takes
//! most of the red that comes back and little more of the green, which nothing in the skin does; on
//! light skin it takes as much of both. Blood takes green and hardly any red, which no furrow does: red
//! stretch marks and vessels are dark lines without being furrows. Nor is the skin between pale bands or
//! along a red one, which is no darker than that beyond them, or takes little red for a line so wide.

use crate::metrics::Maps;
use crate::metrics::lines::normal;
use crate::order::clipped_mean;
use crate::raster::{Plane, covers, in_cells, sample};

/// Where a line is looked at, and the skin beside it, mm from its middle to each side.
const MIDDLE_MM: [f64; 3] = [-0.1, 0.0, 0.1];
const SIDES_MM: [f64; 4] = [-0.65, -0.5, 0.5, 0.65];

/// The same where narrow lines are looked at.
const NARROW_MIDDLE_MM: [f64; 1] = [0.0];
const NARROW_SIDES_MM: [f64; 2] = [-0.25, 0.25];

/// What is narrower than this, mm as the lens draws it, is a hair unless its colour says that it is a furrow.
const NARROW_MM: f64 = 0.184;

/// Most rise of red over that of green in narrow furrows. On drawn skin of all tones nine tenths of the
/// furrows have 0.5 to 0.8 and nine tenths of the narrow hairs more than 0.84. Chosen by us.
const MOST_REDNESS: f64 = 0.8;

/// Points to each side of one that its direction is taken from.
const AROUND: usize = 3;

/// Least rise of red over that of green by a hair. Furrows of drawn skin of all tones have 0.45 to 1.05
/// (the darkest most: the surface reflects a larger share of green), hairs on brown skin 1.2 to 1.9
/// and on dark skin 1.6 to 3.6. Chosen by us.
const LEAST_REDNESS: f64 = 1.2;

/// The same for lines narrower than this, mm as the lens draws them. On drawn skin of all tones 99 of
/// 100 such furrows have less than 0.87 and most hairs that are told by nothing else 0.9 to 1.0. Chosen
/// by us.
const LEAST_OF_FINE: f64 = 0.9;
const FINE_MM: f64 = 0.3;

/// Most rise of red over that of green in a band of blood. On drawn skin of all tones these have 0.16 to
/// 0.31, furrows 0.42 and more. Chosen by us.
const MOST_OF_BLOOD: f64 = 0.37;

/// The same for lines wider than this, mm as the lens draws them, of which the middle and the sides are
/// taken at these multiples of their width, and mm beyond. On drawn skin of all tones these furrows have 0.5 to
/// 0.9, what lies along or between stretch marks has less or no rise. Chosen by us.
const MOST_OF_WIDE: f64 = 0.5;
const WIDE_MM: f64 = 0.5;
const WIDE_MIDDLE: f64 = 0.3;
const WIDE_SIDES: (f64, f64) = (1.2, 0.3);

/// Least rise that tells anything, density.
const LEAST_RISE: f64 = 0.015;

/// What draws a dark line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drawn {
    /// A hair in front of the skin.
    Hair,
    /// A red stretch mark, a vessel, or the skin beside a stretch mark.
    Band,
    /// The shade of a furrow, and all that is neither of the others.
    Furrow,
}

/// What draws a line through these `points`, native pixels; `width_mm` is its full width at half
/// height as the lens draws it.
pub fn drawn(maps: &Maps, points: &[[f64; 2]], width_mm: f64) -> Drawn {
    let [red, green] = rises(maps, points, &MIDDLE_MM, &SIDES_MM);
    if green > LEAST_RISE && red < MOST_OF_BLOOD * green
        || width_mm > WIDE_MM && is_band(maps, points, width_mm)
    {
        return Drawn::Band;
    }
    let least_redness = if width_mm < FINE_MM { LEAST_OF_FINE } else { LEAST_REDNESS };
    let is_grey = red > LEAST_RISE && red > least_redness * green;
    let is_furrow = || {
        let [red, green] = rises(maps, points, &NARROW_MIDDLE_MM, &NARROW_SIDES_MM);
        green > LEAST_RISE && red < MOST_REDNESS * green
    };
    if is_grey || width_mm < NARROW_MM && !is_furrow() { Drawn::Hair } else { Drawn::Furrow }
}

/// Whether a wide line is not darker than the skin beyond it, or takes too little red.
fn is_band(maps: &Maps, points: &[[f64; 2]], width_mm: f64) -> bool {
    let (middle, side) = (WIDE_MIDDLE * width_mm, WIDE_SIDES.0 * width_mm + WIDE_SIDES.1);
    let [red, green] = rises(maps, points, &[-middle, 0.0, middle], &[-side, side]);
    green <= LEAST_RISE || red < MOST_OF_WIDE * green
}

/// How far red and green rise in the middle of a line over its sides, both mm from it.
fn rises(maps: &Maps, points: &[[f64; 2]], middle: &[f64], sides: &[f64]) -> [f64; 2] {
    let level = &maps.coarse;
    let px_per_mm = level.scale.px(1.0) * level.factor as f64;
    // `None` where that is not seen.
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
        Some(mean(middle)? - mean(sides)?)
    };
    [0, 1].map(|channel| {
        let rises: Vec<f64> = (0..points.len()).filter_map(|i| rise(&maps.density[channel], i)).collect();
        clipped_mean(&rises).unwrap_or(0.0)
    })
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
        let hair = |line| drawn(&maps(line), &points, 0.3) == Drawn::Hair;
        // A hair of 0.05, 0.035 and 0.025 that covers three tenths of skin of 0.3, 0.09 and 0.04:
        // -ln(0.7 + 0.3 × 0.05 / 0.3) and so on.
        assert!(hair([0.288, 0.203, 0.119]));
        // A furrow that dims the light by a fifth, the same below a sheen that is a twentieth of the red
        // and a seventh of the green (-ln(1 - 0.2 × 6 / 7)), and a line too faint to tell.
        assert!(!hair([0.2, 0.223, 0.223]) && !hair([0.211, 0.188, 0.1]) && !hair([0.01, 0.005, 0.0]));
    }

    /// Lines of standard deviation 2.5 pixels fall by 1 - exp(-2) over 0.25 mm, all channels alike: red
    /// rises by 0.7, by 0.85 and by 0.95 of what green does, and by 0.7 of what tells nothing.
    #[test]
    fn a_narrow_line_is_a_hair_unless_red_light_shows_less_of_it() {
        let points: Vec<[f64; 2]> = (10..290).map(|x| [f64::from(x), 100.0]).collect();
        let hair = |line, width_mm| drawn(&maps(line), &points, width_mm) == Drawn::Hair;
        assert!(!hair([0.07, 0.1, 0.11], 0.15) && hair([0.085, 0.1, 0.1], 0.15));
        assert!(hair([0.007, 0.01, 0.01], 0.15) && !hair([0.085, 0.1, 0.1], 0.25));
        assert!(hair([0.095, 0.1, 0.1], 0.25) && !hair([0.095, 0.1, 0.1], 0.35));
    }

    /// A quarter of the red, half of it, and a line too faint to tell.
    #[test]
    fn what_takes_hardly_any_red_is_blood() {
        let points: Vec<[f64; 2]> = (10..290).map(|x| [f64::from(x), 100.0]).collect();
        let told = |line| drawn(&maps(line), &points, 0.3);
        assert_eq!(told([0.025, 0.1, 0.08]), Drawn::Band);
        assert_eq!((told([0.05, 0.1, 0.11]), told([0.002, 0.01, 0.008])), (Drawn::Furrow, Drawn::Furrow));
    }

    /// A line 0.8 mm wide between bands paler by 0.2 that reach to 1 and to 1.5 mm from its middle, of
    /// whose rise red takes six tenths, or four: the skin 1.26 mm off is as dark, or paler.
    #[test]
    fn a_wide_line_is_a_band_where_it_is_no_darker_than_the_skin_beyond() {
        let points: Vec<[f64; 2]> = (10..290).map(|x| [f64::from(x), 100.0]).collect();
        let told = |reach: usize, red: f32, width_mm| {
            let channels = [red, 1.0, 1.1].map(|share| {
                Plane::from_shape_fn((200, 300), |(y, _)| {
                    let pale = (9..reach).contains(&y.abs_diff(100));
                    0.5 - if pale { 0.2 * share } else { 0.0 }
                })
            });
            drawn(&maps_of_colors(channels, 20.0), &points, width_mm)
        };
        assert_eq!((told(20, 0.6, 0.8), told(30, 0.6, 0.8)), (Drawn::Band, Drawn::Furrow));
        assert_eq!((told(30, 0.4, 0.8), told(30, 0.4, 0.45)), (Drawn::Band, Drawn::Furrow));
    }

    #[test]
    fn where_no_skin_is_seen_nothing_is_told() {
        let mut maps = maps([0.3, 0.1, 0.0]);
        maps.coarse.skin.fill(false);
        assert_eq!(drawn(&maps, &[[10.0, 100.0], [200.0, 100.0]], 0.3), Drawn::Furrow);
        assert_eq!(drawn(&maps, &[], 0.3), Drawn::Furrow);
    }
}
