//! Pieces of one furrow joined across what hides it: a spot, a scar, a hair.

use crate::metrics::lines::Line;
use crate::units::FilterScale;

/// The longest gap between pieces of one furrow, mm.
const GAP_MM: f64 = 5.0;

/// The most that their ends may point past one another, radians (20°).
const TURN: f64 = 0.35;

/// Over what length the direction of an end is taken, mm.
const END_MM: f64 = 2.0;

/// A gap so short that its own direction tells nothing, mm.
const SHORT_MM: f64 = 0.5;

/// The end of a piece.
struct End {
    at: [f64; 2],
    /// The unit vector that leads out of the piece.
    out: [f64; 2],
    /// The length of the piece, pixels.
    length: f64,
}

/// The lines with pieces of one furrow made one: ends that face each other across a gap no longer than
/// either piece, the nearest first. Points in between are as far from one another as those of the lines.
pub fn joined(lines: Vec<Line>, scale: FilterScale) -> Vec<Line> {
    // Of line i, the end 2 i is where its points begin, 2 i + 1 where they stop.
    let ends: Vec<End> = lines.iter().flat_map(|line| ends_of(line, scale.px(END_MM))).collect();
    let mut gaps: Vec<(f64, usize, usize)> = Vec::new();
    for (a, end) in ends.iter().enumerate() {
        let others = ends.iter().enumerate().skip(a + 1).filter(|(b, _)| b / 2 != a / 2);
        gaps.extend(others.filter_map(|(b, other)| Some((gap(end, other, scale)?, a, b))));
    }
    gaps.sort_by(|a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    let mut next: Vec<Option<usize>> = vec![None; ends.len()];
    // The other end of the chain that an end of a chain belongs to.
    let mut far: Vec<usize> = (0..ends.len()).map(|end| end ^ 1).collect();
    for (_, a, b) in gaps {
        // A ring would have no end.
        if next[a].is_none() && next[b].is_none() && far[a] != b {
            (next[a], next[b]) = (Some(b), Some(a));
            let (first, last) = (far[a], far[b]);
            (far[first], far[last]) = (last, first);
        }
    }
    let mut pieces: Vec<Option<Line>> = lines.into_iter().map(Some).collect();
    let starts = (0..ends.len()).filter(|&end| next[end].is_none());
    starts.filter_map(|start| chain(start, &next, &mut pieces)).collect()
}

/// The line that begins with the piece whose free end is `start`; `None` where it was taken from its other end.
fn chain(start: usize, next: &[Option<usize>], pieces: &mut [Option<Line>]) -> Option<Line> {
    let mut taken = |end: usize| {
        let mut piece = pieces[end / 2].take()?;
        if end % 2 == 1 {
            piece.points.reverse();
        }
        Some(piece)
    };
    let (mut line, mut end) = (taken(start)?, start ^ 1);
    while let Some(begin) = next[end] {
        let piece = taken(begin)?;
        let (Some(&from), Some(&to)) = (line.points.last(), piece.points.first()) else { break };
        let step = line.length / (line.points.len().max(2) - 1) as f64;
        let steps = (distance(from, to) / step.max(1e-9)) as usize;
        let between = (1..steps).map(|i| {
            let share = i as f64 / steps as f64;
            [0, 1].map(|axis| from[axis] + share * (to[axis] - from[axis]))
        });
        line = Line::of(line.points.iter().copied().chain(between).chain(piece.points).collect());
        end = begin ^ 1;
    }
    Some(line)
}

/// The length of the gap between ends of two pieces that may be one furrow, pixels.
fn gap(a: &End, b: &End, scale: FilterScale) -> Option<f64> {
    let length = distance(a.at, b.at);
    if length > scale.px(GAP_MM).min(a.length).min(b.length) {
        return None;
    }
    let across = unit(a.at, b.at);
    let back = b.out.map(|out| -out);
    let along = |p: [f64; 2], q: [f64; 2]| p[0] * q[0] + p[1] * q[1] >= TURN.cos();
    let faces = length < scale.px(SHORT_MM) || along(a.out, across) && along(back, across);
    (faces && along(a.out, back)).then_some(length)
}

/// Both ends of a line, whose directions are taken over `reach` pixels.
fn ends_of(line: &Line, reach: f64) -> [End; 2] {
    let last = line.points.len().saturating_sub(1);
    let step = line.length / last.max(1) as f64;
    let inside = ((reach / step.max(1e-9)) as usize).min(last);
    let end = |at: usize, from: usize| {
        let [at, from] = [at, from].map(|i| line.points.get(i).copied().unwrap_or([0.0; 2]));
        End { at, out: unit(from, at), length: line.length }
    };
    [end(0, inside), end(last, last - inside)]
}

fn distance(a: [f64; 2], b: [f64; 2]) -> f64 {
    (b[0] - a[0]).hypot(b[1] - a[1])
}

/// The unit vector from `a` to `b`; 0 where they are one.
fn unit(a: [f64; 2], b: [f64; 2]) -> [f64; 2] {
    let length = distance(a, b).max(1e-9);
    [0, 1].map(|axis| (b[axis] - a[axis]) / length)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCALE: FilterScale = FilterScale { px_per_mm: 10.0, physical: true };

    /// A line of points 2 pixels apart from `from`, `length` pixels in the direction of `angle`.
    fn line(from: [f64; 2], angle: f64, length: u32) -> Line {
        let (sin, cos) = angle.sin_cos();
        let at = |u: u32| [from[0] + f64::from(u) * cos, from[1] + f64::from(u) * sin];
        Line::of((0..=length).step_by(2).map(at).collect())
    }

    fn lengths(lines: Vec<Line>) -> Vec<f64> {
        joined(lines, SCALE).iter().map(|line| line.length.round()).collect()
    }

    #[test]
    fn pieces_that_face_each_other_are_one_whichever_way_they_run() {
        let first = line([0.0, 50.0], 0.0, 100);
        let backward = line([230.0, 50.0], std::f64::consts::PI, 100);
        // 30 px after the first, and 20 after that: 100 + 30 + 100 + 20 + 80.
        let third = line([250.0, 50.0], 0.0, 80);
        let all = joined(vec![backward.clone(), third, first.clone()], SCALE);
        assert_eq!(all.iter().map(|line| line.length.round()).collect::<Vec<_>>(), [330.0]);
        let steps = all[0].points.windows(2).map(|p| distance(p[0], p[1]));
        assert!(steps.into_iter().all(|step| (step - 2.0).abs() < 1e-9));
        assert_eq!(lengths(vec![first, backward]), [230.0]);
    }

    #[test]
    fn what_lies_far_aside_or_askew_stays_apart() {
        let first = || line([0.0, 50.0], 0.0, 100);
        // 51 px away; 20 px ahead and 10 aside (27°); askew by 0.4; and longer away than it is long.
        for other in [
            line([151.0, 50.0], 0.0, 100),
            line([120.0, 60.0], 0.0, 100),
            line([120.0, 50.0], 0.4, 100),
            line([140.0, 50.0], 0.0, 38),
        ] {
            assert_eq!(lengths(vec![first(), other]).len(), 2);
        }
        assert_eq!(lengths(vec![first(), line([120.0, 53.0], 0.1, 100)]).len(), 1);
        // Two that run side by side, and one on top of another.
        assert_eq!(lengths(vec![first(), line([0.0, 52.0], 0.0, 100), first()]).len(), 3);
    }

    #[test]
    fn of_two_the_nearer_is_joined_and_a_ring_keeps_its_ends() {
        let (near, far) = (line([120.0, 50.0], 0.0, 60), line([121.0, 54.0], 0.0, 70));
        assert_eq!(lengths(vec![line([0.0, 50.0], 0.0, 100), far, near]), [180.0, 70.0]);
        let arc = |from: f64, to: f64| {
            let steps = 150;
            let at = |i: u32| {
                let (sin, cos) = (from + (to - from) * f64::from(i) / f64::from(steps)).sin_cos();
                [100.0 + 100.0 * cos, 100.0 + 100.0 * sin]
            };
            Line::of((0..=steps).map(at).collect())
        };
        let half = std::f64::consts::PI;
        // Halves of a circle of radius 100 with gaps of 0.1 radians at both ends: 2 × 304 + 10.
        let ring = lengths(vec![arc(0.05, half - 0.05), arc(half + 0.05, 2.0 * half - 0.05)]);
        assert_eq!(ring, [618.0]);
        assert!(joined(Vec::new(), SCALE).is_empty());
    }
}
