//! The ends of lines, followed beyond what the search for crests saw: its long median falls where
//! half of its length lies beyond the end, and furrows taper.

use crate::filter::ridges::{Scale, Search, ridge_strength};
use crate::filter::tracking::{BESIDE, Line};
use crate::raster::{self, Mask};

/// Stages in which an end is followed at most: each begins in the direction in which the last one ended.
const STAGES: usize = 3;

/// Points of an end that are found anew, at most a quarter of the line: over them the median has
/// already left the furrow, and strays.
const ANEW: usize = 6;

/// Points from which the direction of an end is taken.
const END: usize = 12;

/// Turns from that direction in which a stage may begin, radians, the likeliest first.
const TURNS: [f64; 5] = [0.0, -0.1, 0.1, -0.2, 0.2];

/// Goes on from both ends of each line, seen at the scale that sees the line best and at the next
/// narrower one. Below hairs and where another line is, nothing is gained. `scales` are the
/// narrowest first.
pub(super) fn lengthen(lines: &mut [Line], scales: &[Scale], mask: &Mask, search: &Search) {
    if search.reach <= 0.0 {
        return;
    }
    let mut owners = Owners(ndarray::Array2::zeros(mask.raw_dim()));
    (1..).zip(&*lines).for_each(|(id, line)| owners.take(&line.points, line.sigma, id));
    for (id, line) in (1..).zip(lines) {
        let off = |k: &usize| (scales[*k].sigma - line.sigma).abs();
        let Some(best) = (0..scales.len()).min_by(|a, b| off(a).total_cmp(&off(b))) else { return };
        let seen = &scales[best.saturating_sub(1)..=best];
        for _ in 0..2 {
            let count = line.points.len();
            line.points.truncate(count - ANEW.min(count / 4));
            for _ in 0..STAGES {
                let shows = |x: usize, y: usize| mask[[y, x]] && owners.are_free(x, y, id);
                let ways = seen.iter().rev().flat_map(|scale| TURNS.map(|turn| (scale, turn)));
                let ways = ways.filter_map(|(scale, turn)| way(&line.points, turn, scale, search, shows));
                // The first of the best.
                let Some((_, more)) = ways.reduce(|a, b| if b.0 > a.0 { b } else { a }) else { break };
                owners.take(&more, line.sigma, id);
                line.points.extend(more);
            }
            line.points.reverse();
        }
    }
}

/// The line that each pixel belongs to, the first that came so near; 0 for none.
struct Owners(ndarray::Array2<u32>);

impl Owners {
    /// Takes what lies beside the points of a line seen at a scale of `sigma`.
    fn take(&mut self, points: &[[f64; 2]], sigma: f64, id: u32) {
        let reach = (BESIDE * sigma).ceil() as usize;
        let (width, height) = raster::size(&self.0);
        for [x, y] in points.iter().filter_map(|&[x, y]| raster::nearest(x, y)) {
            for y in y.saturating_sub(reach)..(y + reach + 1).min(height) {
                for x in x.saturating_sub(reach)..(x + reach + 1).min(width) {
                    let owner = &mut self.0[[y, x]];
                    *owner = if *owner == 0 { id } else { *owner };
                }
            }
        }
    }

    /// Whether a pixel belongs to no other line.
    fn are_free(&self, x: usize, y: usize, id: u32) -> bool {
        [0, id].contains(&self.0[[y, x]])
    }
}

/// The strength that a way beyond an end must have at least to be worth a step, and the most that
/// one step counts, so that a dark dot on the way is not all of it; in units of what a line goes on at.
const WORTH: f64 = 0.7;
const MOST: f64 = 2.0;

/// What a step aside costs, and what all of a way must gain, in the same unit.
const BEND: f64 = 2.0;
const LEAST_GAIN: f64 = 1.0;

/// A step aside, pixels, and how many of them a way may take to each side.
const ASIDE: f64 = 0.5;
const SIDES: usize = 16;

/// What is gained beyond the last point of a line, and the points: of all ways that leave it by
/// `turn` and bend little, the one whose strength beyond what a step is worth adds up to most, as far
/// as it does, on pixels that show it (dynamic programming, Bellman 1957). `None` where no way is worth it.
fn way(
    points: &[[f64; 2]],
    turn: f64,
    scale: &Scale,
    search: &Search,
    shows: impl Fn(usize, usize) -> bool,
) -> Option<(f64, Vec<[f64; 2]>)> {
    let (&[x, y], &[from_x, from_y]) = (points.last()?, points.get(points.len().saturating_sub(END))?);
    let (width, height) = raster::size(&scale.plane);
    let angle = (y - from_y).atan2(x - from_x) + turn;
    let (sin, cos) = angle.sin_cos();
    let place = |ahead: usize, side: usize| {
        let (u, v) = (ahead as f64, (side as f64 - SIDES as f64) * ASIDE);
        [x + u * cos - v * sin, y + u * sin + v * cos]
    };
    let strength = ridge_strength(scale, angle);
    // `None` where no way leads through.
    let gain = |[x, y]: [f64; 2]| {
        let [column, line] = raster::nearest(x, y)?;
        let inner = column > 0 && line > 0 && column + 1 < width && line + 1 < height;
        let seen = inner.then(|| if shows(column, line) { strength((column, line)) } else { 0.0 })?;
        Some((seen / scale.keep).clamp(-MOST, MOST) - WORTH)
    };
    let mut sums = [f64::NEG_INFINITY; 2 * SIDES + 1];
    sums[SIDES] = 0.0;
    // The side that the best way to each place came from, step by step.
    let mut before: Vec<[usize; 2 * SIDES + 1]> = Vec::with_capacity(search.reach as usize);
    let mut best = (LEAST_GAIN, 0, SIDES);
    for ahead in 1..=search.reach as usize {
        let (mut next, mut from) = ([f64::NEG_INFINITY; 2 * SIDES + 1], [0; 2 * SIDES + 1]);
        // No way is further aside than it is ahead.
        for side in SIDES - ahead.min(SIDES)..=SIDES + ahead.min(SIDES) {
            let so_far = |i: usize| (sums[i] - if i == side { 0.0 } else { BEND }, i);
            // The first of the best: straight on before aside.
            let ways = [side, side.saturating_sub(1), (side + 1).min(2 * SIDES)].map(so_far);
            let (sum, came) =
                ways.into_iter().reduce(|a, b| if b.0 > a.0 { b } else { a }).expect("three ways");
            let Some(gain) = (sum.is_finite()).then(|| gain(place(ahead, side))).flatten() else { continue };
            (next[side], from[side]) = (sum + gain, came);
            if next[side] > best.0 {
                best = (next[side], ahead, side);
            }
        }
        sums = next;
        before.push(from);
    }
    let (gained, last, mut side) = best;
    let mut more: Vec<[f64; 2]> = Vec::with_capacity(last);
    for ahead in (1..=last).rev() {
        more.push(place(ahead, side));
        side = before[ahead - 1][side];
    }
    more.reverse();
    (last > 0).then_some((gained, more))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::gaussian::gaussian;
    use crate::filter::ridges::tests::{SEARCH, slanted};
    use crate::raster::Plane;

    /// By hand: a ridge of 80 pixels of which 40 are known, 10 short of one end and 30 of the other, is
    /// followed to both ends, also below what hides 6 of these.
    #[test]
    fn ends_are_followed_to_those_of_the_ridge_and_not_into_another_line() {
        let (sin, cos) = 0.5f64.sin_cos();
        let line = |ends: std::ops::RangeInclusive<i32>| Line {
            points: ends.map(f64::from).map(|u| [70.0 + u * cos, 60.0 + u * sin]).collect(),
            sigma: 2.1,
            strength: 0.2,
        };
        let scale =
            |sigma| Scale { plane: gaussian(&slanted(), sigma), sigma, start: 0.05, keep: 0.05, mean: 0.03 };
        let scales = [1.5, 2.1, 3.0].map(scale);
        let search = Search { half_length: 16.0, ..SEARCH };
        let plain = Mask::from_elem((120, 140), true);
        let along = |x: usize, y: usize| (x as f64 - 70.0) * cos + (y as f64 - 60.0) * sin;
        let hairy = Mask::from_shape_fn((120, 140), |(y, x)| !(14.0..20.0).contains(&along(x, y)));
        let within = |mut lines: Vec<Line>, mask: &Mask, reach: f64| {
            lengthen(&mut lines, &scales, mask, &Search { reach, ..search });
            lines[0].length()
        };
        let lengthened = |lines: Vec<Line>, mask: &Mask| within(lines, mask, 16.0);
        for mask in [&plain, &hairy] {
            let alone = lengthened(vec![line(-30..=10)], mask);
            assert!((alone - 80.0).abs() < 3.0, "{alone}");
        }
        let before_another = lengthened(vec![line(-30..=10), line(20..=38)], &plain);
        assert!((before_another - 58.0).abs() < 3.0, "{before_another}");
        // 28 points are left when both ends are found anew, and 3 × 4 are found beyond each.
        let short = within(vec![line(-30..=10)], &plain, 4.0);
        assert!((short - 52.0).abs() < 3.0, "{short}");
    }

    /// A ridge along an arc of radius 80 from the left, half as wide at its second half: a stage
    /// sees 20 pixels, the turn beyond the line is 34°.
    #[test]
    fn ends_are_followed_round_a_bend_where_the_ridge_narrows() {
        let at = |u: f64| [70.0 + 80.0 * (u / 80.0).sin(), 100.0 - 80.0 * (1.0 - (u / 80.0).cos())];
        let plane = Plane::from_shape_fn((120, 160), |(y, x)| {
            let (dx, dy) = (x as f64 - 70.0, 100.0 - y as f64);
            let (off, u) = (dx.hypot(80.0 - dy) - 80.0, 80.0 * dx.atan2(80.0 - dy));
            let width = if u > 28.0 { 1.2 } else { 2.4 };
            if (-40.0..=56.0).contains(&u) { 0.2 * (-0.5 * (off / width).powi(2)).exp() as f32 } else { 0.0 }
        });
        let scale =
            |sigma| Scale { plane: gaussian(&plane, sigma), sigma, start: 0.05, keep: 0.05, mean: 0.03 };
        let mut lines =
            vec![Line { points: (-30..=8).map(|u| at(u.into())).collect(), sigma: 2.1, strength: 0.2 }];
        let mask = Mask::from_elem((120, 160), true);
        lengthen(&mut lines, &[1.5, 2.1, 3.0].map(scale), &mask, &Search { reach: 20.0, ..SEARCH });
        assert!((lines[0].length() - 96.0).abs() < 5.0, "{}", lines[0].length());
        let off = |p: &[f64; 2]| ((p[0] - 70.0).hypot(p[1] - 20.0) - 80.0).abs();
        let most = lines[0].points.iter().map(off).fold(0.0, f64::max);
        // Straight pieces stay within the standard deviation of the wide half.
        assert!(most < 2.4, "{most}");
    }

    /// By hand, a ridge of height h and deviation w has the strength h w s² / (w² + s²)^1.5 / 0.385 at
    /// the scale s: the narrow half 0.148 at 1.5 and 0.114 at 2.1, where 0.7 × 0.17 = 0.119 is needed.
    #[test]
    fn a_narrow_end_is_seen_at_the_narrower_scale_alone() {
        let plane = Plane::from_shape_fn((60, 140), |(y, x)| {
            let width = if x > 70 { 0.5 } else { 2.4 };
            let off = (y as f64 - 30.0) / width;
            if (30..=110).contains(&x) { 0.2 * (-0.5 * off * off).exp() as f32 } else { 0.0 }
        });
        let scales = [1.5, 2.1].map(|sigma| Scale {
            plane: gaussian(&plane, sigma),
            sigma,
            start: 0.17,
            keep: 0.17,
            mean: 0.17,
        });
        let mask = Mask::from_elem((60, 140), true);
        let length = |scales: &[Scale]| {
            let points = (40..=65).map(|x| [f64::from(x), 30.0]).collect();
            let mut lines = vec![Line { points, sigma: 2.1, strength: 0.2 }];
            lengthen(&mut lines, scales, &mask, &Search { reach: 25.0, ..SEARCH });
            lines[0].length()
        };
        let [both, wide] = [&scales[..], &scales[1..]].map(length);
        // Blur takes up to two of its deviations off each end.
        assert!((72.0..81.0).contains(&both) && wide < 44.0, "{both} {wide}");
    }
}
