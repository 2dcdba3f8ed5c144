//! The lines of the relief, furrows and hairs alike, found between the dots.
//!
//! Pores are the noise in which furrows are sought: they are subtracted as the
//! Gaussians that they were measured to be, which leaves a third of the noise.

use rayon::prelude::*;

use crate::filter::blobs::Blob;
use crate::filter::resample::{cubic, lattice};
use crate::filter::ridges::{self, Scale, Search};
use crate::filter::scale_space::Rung;
use crate::metrics::relief::{RUNGS, Relief};
use crate::raster::{self, Mask, Plane, covers, in_cells, size};

/// Share of a dot's variance that is subtracted: where a dot lies in a furrow, the furrow widens it.
/// Chosen by us; on drawn skin the whole of it and two thirds of it each cost half a hundredth of the furrows.
const CORE: f64 = 0.9;

/// The rungs that lines are looked for on: standard deviations from 0.15 to 0.6 mm.
const LINE_RUNGS: std::ops::RangeInclusive<usize> = 3..=7;

/// Least depth, ln units, at which a line starts, and in units of what lines
/// at random have on the baseline's plain skin.
const START: (f64, f64) = (0.03, 3.0);

/// The same for a line to go on.
const KEEP: (f64, f64) = (0.015, 2.25);

/// The same for a line as a whole: what noise strings together is faint on the average.
const MEAN: (f64, f64) = (0.03, 2.5);

/// How many times these units the widest rung asks: at its width spots, patches and dents in a row
/// look like lines, which the middle of all strengths on plain skin does not tell. Chosen by us.
const WIDEST: f64 = 2.5;

/// Half of the length over which the median depth is taken along a line, mm:
/// far longer than the furrows of the skin's net (0.3 to 0.8 mm).
const HALF_LENGTH_MM: f64 = 2.5;

/// How far a stage follows the ends that this leaves at most, mm.
const REACH_MM: f64 = 5.5;

/// The longest gap bridged, mm: what a spot, a scar or a hair across a furrow hides of it.
const GAP_MM: f64 = 3.0;

/// The least length of a line, mm.
const LEAST_LENGTH_MM: f64 = 4.0;

/// The sharpest turn between neighbouring points, radians (20°).
const TURN: f64 = 0.35;

/// Step of the lattice lines are looked for on, mm: the finest scale is one step wide.
const STEP_MM: f64 = 0.15;

/// Least standard deviation, lattice steps, whose second derivatives can be told.
const LEAST_SIGMA: f64 = 0.9;

/// Least resolution that carries fine lines, px/mm: 2 pixels across 0.3 mm.
pub const LEAST_PX_PER_MM: f64 = 7.0;

/// A line of the relief.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Points along it in pixels of the fine plane, one lattice step apart.
    pub points: Vec<[f64; 2]>,
    /// Its length, pixels of the fine plane.
    pub length: f64,
}

impl Line {
    /// The line through points of the fine plane.
    pub fn of(points: Vec<[f64; 2]>) -> Self {
        let length = points.windows(2).map(|p| (p[1][0] - p[0][0]).hypot(p[1][1] - p[0][1])).sum();
        Self { points, length }
    }
}

/// The unit normal of a line at its point `i`, as the points up to `around` before and after it
/// have its direction; 0 where they are one.
pub fn normal(points: &[[f64; 2]], i: usize, around: usize) -> [f64; 2] {
    let (before, after) = (points[i.saturating_sub(around)], points[(i + around).min(points.len() - 1)]);
    let (dx, dy) = (after[0] - before[0], after[1] - before[1]);
    let length = dx.hypot(dy).max(1e-9);
    [-dy / length, dx / length]
}

/// What lines at random have on plain skin, rung by rung: the unit of their
/// thresholds, taken from the baseline once and used for every session.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LineNoise([f64; RUNGS]);

/// The relief without its dots, where lines are looked for: points of the
/// fine plane one step of skin apart.
#[derive(Debug, Clone)]
pub struct Lattice {
    xs: Vec<f64>,
    ys: Vec<f64>,
    step: f64,
    skin: Mask,
    /// Rung, its values, and its standard deviation in lattice steps.
    planes: Vec<(usize, Plane, f64)>,
}

impl Lattice {
    /// The lattice of a relief, freed from `dots`; without planes where the
    /// photo does not resolve fine lines.
    pub fn of(relief: &Relief, dots: &[Blob]) -> Self {
        let step = relief.scale.px(STEP_MM).max(1.0);
        let (width, height) = size(&relief.detail);
        let (xs, ys) = (lattice(width, step), lattice(height, step));
        let skin = raster::rows(xs.len(), ys.len(), |y, out| {
            out.iter_mut().zip(&xs).for_each(|(inside, &x)| *inside = covers(&relief.skin, x, ys[y]));
        });
        let enough = relief.scale.px_per_mm >= LEAST_PX_PER_MM;
        let rungs: Vec<(usize, &Rung)> =
            LINE_RUNGS.filter(|_| enough).filter_map(|k| Some((k, relief.rung(k)?))).collect();
        let planes =
            rungs.into_par_iter().filter(|(_, rung)| rung.sigma / step >= LEAST_SIGMA).map(|(k, rung)| {
                let own = |at: &f64| in_cells(*at, rung.factor);
                let [own_xs, own_ys] = [&xs, &ys].map(|axis| axis.iter().map(own).collect::<Vec<_>>());
                let mut plane = cubic(&rung.plane, &own_xs, &own_ys);
                dots.iter().for_each(|dot| subtract(&mut plane, dot, rung.sigma, (&xs, &ys, step)));
                (k, plane, rung.sigma / step)
            });
        let planes = planes.collect();
        Self { xs, ys, step, skin, planes }
    }

    /// What lines at random have on this skin.
    pub fn noise(&self, relief: &Relief) -> LineNoise {
        let half_length = relief.scale.px(HALF_LENGTH_MM) / self.step;
        let mut noise = [0.0; RUNGS];
        for (k, plane, sigma) in &self.planes {
            noise[*k] = ridges::noise(plane, *sigma, &self.skin, half_length);
        }
        LineNoise(noise)
    }

    /// The lines, those with the strongest point first; `noise` is the baseline's.
    pub fn lines(self, relief: &Relief, noise: &LineNoise) -> Vec<Line> {
        let px = |mm: f64| relief.scale.px(mm) / self.step;
        let search = Search {
            half_length: px(HALF_LENGTH_MM),
            gap: px(GAP_MM),
            length: px(LEAST_LENGTH_MM),
            turn: TURN,
            reach: px(REACH_MM),
        };
        let threshold = |(least, units): (f64, f64), k: usize| {
            let times = if k == *LINE_RUNGS.end() { WIDEST } else { 1.0 };
            (times * units * noise.0[k]).max(least)
        };
        let scales: Vec<Scale> = self
            .planes
            .into_iter()
            .map(|(k, plane, sigma)| Scale {
                plane,
                sigma,
                start: threshold(START, k),
                keep: threshold(KEEP, k),
                mean: threshold(MEAN, k),
            })
            .collect();
        let fine = |[x, y]: [f64; 2]| [self.xs[0] + x * self.step, self.ys[0] + y * self.step];
        let found = ridges::lines(&scales, &self.skin, &search);
        found.into_iter().map(|line| Line::of(line.points.into_iter().map(fine).collect())).collect()
    }
}

/// Takes the picture of a dot out of a lattice whose values were smoothed by
/// `smoothing` pixels of the fine plane.
fn subtract(plane: &mut Plane, dot: &Blob, smoothing: f64, (xs, ys, step): (&[f64], &[f64], f64)) {
    let (Some(left), Some(top)) = (xs.first(), ys.first()) else { return };
    let own = CORE * dot.sigma * dot.sigma;
    let variance = own + smoothing * smoothing;
    let (height, reach) = (dot.height * own / variance, 3.0 * variance.sqrt());
    let span = |at: f64, first: f64, count: usize| {
        let low = ((at - reach - first) / step).ceil().max(0.0) as usize;
        let high = ((at + reach - first) / step).floor();
        low..if high < 0.0 { 0 } else { (high as usize + 1).min(count) }
    };
    let fall = |off: f64| (-0.5 * off * off / variance).exp();
    let columns = span(dot.x, *left, xs.len());
    let across: Vec<f64> = xs[columns.clone()].iter().map(|x| fall(x - dot.x)).collect();
    for y in span(dot.y, *top, ys.len()) {
        let down = height * fall(ys[y] - dot.y);
        for (x, across) in columns.clone().zip(&across) {
            plane[[y, x]] -= (down * across) as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::pores;
    use crate::metrics::relief::Clutter;
    use crate::metrics::testing::{maps_of, noise};

    /// Pits of 0.3 mm on a shaken lattice, and a furrow along x, 0.4 mm wide
    /// and a sixth as dark; 20 px/mm.
    fn pitted(furrow: f64) -> Relief {
        let green = Plane::from_shape_fn((400, 400), |(y, x)| {
            let (row, column) = (y / 26, x / 26);
            let shaken = |seed: usize| 13.0 + 18.0 * f64::from(noise(column + seed, row, 0.28));
            let from = [x % 26, y % 26].map(|at| at as f64);
            let squared = (from[0] - shaken(0)).powi(2) + (from[1] - shaken(50)).powi(2);
            let pit = 0.36 * (-0.5 * squared / 9.0).exp();
            let across = (y as f64 - 210.0) / 3.4;
            let line = if (80..320).contains(&x) { furrow * (-0.5 * across * across).exp() } else { 0.0 };
            (pit + line) as f32 + noise(x, y, 0.02) + 0.7
        });
        Relief::of(&maps_of(green, 20.0))
    }

    fn lines_of(relief: &Relief) -> Vec<Line> {
        let lattice = Lattice::of(relief, &pores::dots(relief, &Clutter::of(relief)));
        let noise = lattice.noise(relief);
        lattice.lines(relief, &noise)
    }

    #[test]
    fn a_furrow_fainter_than_the_pits_beside_it_is_followed() {
        let lines = lines_of(&pitted(0.06));
        let length: f64 = lines.iter().map(|line| line.length).sum();
        assert!((length / 240.0 - 1.0).abs() < 0.2, "{length}");
        assert!(lines.iter().flat_map(|line| &line.points).all(|[_, y]| (y - 210.0).abs() < 6.0));
        assert!(lines_of(&pitted(0.0)).is_empty());
    }

    #[test]
    fn dots_leave_little_noise_behind() {
        let relief = pitted(0.0);
        let noise = |dots: &[Blob]| Lattice::of(&relief, dots).noise(&relief).0[5];
        let (with, without) = (noise(&[]), noise(&pores::dots(&relief, &Clutter::of(&relief))));
        assert!(without < 0.5 * with, "{without} of {with}");
    }

    #[test]
    fn what_is_too_coarse_has_no_lines() {
        let mut relief = pitted(0.06);
        relief.scale.px_per_mm = 0.9 * LEAST_PX_PER_MM;
        assert!(lines_of(&relief).is_empty());
    }
}
