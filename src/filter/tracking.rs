//! Lines from points on ridges: tracking with hysteresis (Ng et al. 2015,
//! *IEEE Access* 3:1079).

use crate::filter::ridges::{Crest, Search};
use crate::raster;

/// A line: its points one pixel apart, from end to end, and how wide the
/// strongest scale along it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Column and row.
    pub points: Vec<[f64; 2]>,
    /// Median standard deviation of the scales that saw it best, pixels.
    pub sigma: f64,
    /// Mean strength: the height of the ridge.
    pub strength: f64,
}

impl Line {
    /// Its length, pixels.
    pub fn length(&self) -> f64 {
        self.points.windows(2).map(|p| (p[1][0] - p[0][0]).hypot(p[1][1] - p[0][1])).sum()
    }
}

/// How far to both sides of a line, in its standard deviations, crests are its own: its flanks are
/// steepest at one, and a line beside it may run closer than its flanks reach.
pub(super) const BESIDE: f64 = 1.3;

/// Follows ridges from point to point.
pub(super) struct Tracker {
    crests: Vec<Crest>,
    /// One more than the index of each pixel's crest; 0 for none.
    index: ndarray::Array2<u32>,
    used: Vec<bool>,
}

impl Tracker {
    pub fn new((width, height): (usize, usize), crests: Vec<Crest>) -> Self {
        let mut index = ndarray::Array2::zeros((height, width));
        crests.iter().zip(1..).for_each(|(crest, i)| index[[crest.y, crest.x]] = i);
        let used = vec![false; crests.len()];
        Self { crests, index, used }
    }

    pub fn lines(mut self, search: &Search) -> Vec<Line> {
        let mut order: Vec<usize> = (0..self.crests.len()).filter(|&i| self.crests[i].starts).collect();
        order.sort_by(|&a, &b| self.crests[b].strength.total_cmp(&self.crests[a].strength).then(a.cmp(&b)));
        let mut lines = Vec::new();
        for seed in order {
            if !self.used[seed] {
                lines.extend(self.line(seed, search));
            }
        }
        lines
    }

    /// The line through a seed; its crests and those beside it are used up.
    fn line(&mut self, seed: usize, search: &Search) -> Option<Line> {
        let angle = self.crests[seed].angle;
        let mut stretch = self.follow(seed, angle + std::f64::consts::PI, search);
        stretch.points.reverse();
        let ahead = self.follow(seed, angle, search);
        stretch.points.push([self.crests[seed].x as f64, self.crests[seed].y as f64]);
        stretch.points.extend(ahead.points);
        stretch.crests.extend(ahead.crests);
        stretch.crests.push(seed);
        let crests: Vec<Crest> = stretch.crests.iter().map(|&i| self.crests[i]).collect();
        stretch.crests.iter().for_each(|&i| self.used[i] = true);
        let mut sigmas: Vec<f64> = crests.iter().map(|crest| crest.sigma).collect();
        sigmas.sort_by(f64::total_cmp);
        let line = Line {
            points: smoothed(&stretch.points),
            sigma: sigmas[sigmas.len() / 2],
            strength: crests.iter().map(|crest| crest.strength).sum::<f64>() / crests.len() as f64,
        };
        let least = crests.iter().map(|crest| crest.mean).sum::<f64>() / crests.len() as f64;
        let kept = line.length() >= search.length && line.strength >= least;
        if kept {
            self.use_up_beside(&line);
        }
        kept.then_some(line)
    }

    fn use_up_beside(&mut self, line: &Line) {
        let reach = (BESIDE * line.sigma).ceil() as isize;
        let (width, height) = raster::size(&self.index);
        for &[x, y] in &line.points {
            let (x, y) = (x.round() as isize, y.round() as isize);
            for py in (y - reach).max(0)..=(y + reach).min(height as isize - 1) {
                for px in (x - reach).max(0)..=(x + reach).min(width as isize - 1) {
                    let crest = self.index[[py as usize, px as usize]];
                    if crest > 0 {
                        self.used[crest as usize - 1] = true;
                    }
                }
            }
        }
    }

    /// The points after the seed in one direction.
    fn follow(&self, seed: usize, mut angle: f64, search: &Search) -> Stretch {
        let (mut x, mut y) = (self.crests[seed].x as f64, self.crests[seed].y as f64);
        let (mut points, mut crests, mut reached) = (Vec::new(), Vec::new(), 0);
        let (width, height) = raster::size(&self.index);
        // A line cannot be longer than this without going round in circles.
        for _ in 0..4 * (width + height) {
            (x, y) = (x + angle.cos(), y + angle.sin());
            match self.next(x, y, angle, search.turn) {
                Some((found, turn)) if !crests.contains(&found) => {
                    let crest = self.crests[found];
                    // Half way to the pixel centre: lines are smoother than pixels.
                    (x, y) = (0.5 * (x + crest.x as f64), 0.5 * (y + crest.y as f64));
                    angle += 0.3 * turn;
                    crests.push(found);
                    points.push([x, y]);
                    reached = points.len();
                }
                _ => points.push([x, y]),
            }
            if (points.len() - reached) as f64 > search.gap {
                break;
            }
        }
        points.truncate(reached);
        Stretch { points, crests }
    }

    /// The strongest free crest near a position that runs the same way, and the turn to it.
    fn next(&self, x: f64, y: f64, angle: f64, turn: f64) -> Option<(usize, f64)> {
        let (column, line) = (x.round() as isize, y.round() as isize);
        let near = (-1..=1).flat_map(|dy| (-1..=1).map(move |dx| (column + dx, line + dy)));
        near.filter(|&(x, y)| x >= 0 && y >= 0)
            .filter_map(|(x, y)| {
                let crest = (*self.index.get([y as usize, x as usize])? as usize).checked_sub(1)?;
                let turned = half_turn(self.crests[crest].angle - angle);
                (!self.used[crest] && turned.abs() <= turn).then_some((crest, turned))
            })
            .max_by(|a, b| {
                self.crests[a.0].strength.total_cmp(&self.crests[b.0].strength).then(b.0.cmp(&a.0))
            })
    }
}

/// Points of a line to one side of its seed, and the crests they came from.
struct Stretch {
    points: Vec<[f64; 2]>,
    crests: Vec<usize>,
}

/// The angle between undirected lines, `-π/2..=π/2`.
fn half_turn(angle: f64) -> f64 {
    let turned = angle.rem_euclid(std::f64::consts::PI);
    if turned > std::f64::consts::FRAC_PI_2 { turned - std::f64::consts::PI } else { turned }
}

/// Each point as the mean of the five around it; the ends stay.
fn smoothed(points: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let last = points.len().saturating_sub(1);
    (0..points.len())
        .map(|i| {
            let reach = i.min(last - i).min(2);
            let near = &points[i - reach..=i + reach];
            [0, 1].map(|axis| near.iter().map(|p| p[axis]).sum::<f64>() / near.len() as f64)
        })
        .collect()
}
