//! The colour card: a ColorChecker Classic 24 anywhere in the photo.
//!
//! Flat pieces of one size that lie on a lattice are the patches; which of
//! them is which follows from the colours alone, by trying every way the card
//! can lie and keeping the one whose colours a correction explains best. A
//! card that is there but cannot be trusted is refused, with the reason.

pub mod fit;
pub mod grid;
mod patches;
mod shadow;

use nalgebra::Matrix3;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::fit::Correction;
use self::fit::{Pair, best, error, fit};
use self::grid::{Grid, homography, project};
use crate::color::{Rgb, srgb_from_linear};
use crate::error::Warning;
use crate::photo::{Cells, Photo};
use crate::raster::{self, Mask};

/// What is known of the colour card beforehand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CardOptions {
    /// Year in which the card was made: the pigments changed in November 2014.
    pub year: u32,
    /// Distance of neighbouring patches on the card, mm. The default is that
    /// of the card of 28 by 22 cm: 52.5 mm on the older one of 33 cm (ArgyllCMS,
    /// `ref/ColorChecker.cht`), in proportion. Measure it for other sizes.
    pub pitch_mm: f64,
}

impl Default for CardOptions {
    fn default() -> Self {
        Self { year: 2015, pitch_mm: 44.4 }
    }
}

impl CardOptions {
    /// Linear sRGB of the 24 patches, row by row from dark skin.
    pub fn patches(&self) -> &'static [Rgb; 24] {
        if self.year < 2015 { &patches::BEFORE_2014 } else { &patches::AFTER_2014 }
    }
}

/// A card found in a photo. Coordinates are native pixels.
#[derive(Debug, Clone, PartialEq)]
pub struct Card {
    /// From patch coordinates (column 0 to 5, line 0 to 3, patch centres at
    /// whole numbers, dark skin at 0, 0) to pixels.
    pub homography: Matrix3<f64>,
    /// What makes its colours right.
    pub correction: Correction,
    /// Slope of the logarithm of the light over it, per pixel.
    pub slope: [f64; 2],
    /// Mean and largest difference of its patches after the correction, ΔE2000.
    pub delta_e_2000: [f64; 2],
    /// Standard error of the logarithm of what the correction gives.
    pub log_sd: f64,
    /// How many of its patches were used.
    pub patches: usize,
    /// Its scale, pixels per millimetre.
    pub px_per_mm: f64,
}

/// The outer corners of the corner patches, in patch coordinates: a patch
/// fills seven eighths of its pitch (46 of 52.5 mm).
const ENDS: [[f64; 2]; 4] = [[-0.4375, -0.4375], [5.4375, -0.4375], [5.4375, 3.4375], [-0.4375, 3.4375]];

/// What came of looking for a card.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// There is none.
    None,
    /// There is one, but it cannot be trusted.
    Refused(Warning),
    /// There is one.
    Card(Box<Card>),
}

/// Longer side of the planes that a card is sought on, cells.
const SEARCH_CELLS: usize = 1000;

/// Columns and lines of the card.
const COLUMNS: i32 = 6;
const LINES: i32 = 4;

/// Half of the part of a pitch, around a patch's centre, that its colour is taken of.
const PART: f64 = 0.22;

/// Linear light that is neither clipped nor lost in the dark.
const USABLE: std::ops::RangeInclusive<f32> = 0.01..=0.98;

/// Fewest usable patches that a correction may rest on.
const LEAST_PATCHES: usize = 15;

/// Mean ΔE2000 over the patches beyond which the fit is poor. Chosen by us:
/// cameras' own rendering leaves 2 to 4, another way of laying the card over 15.
const MOST_MEAN: f64 = 5.0;

/// Mean ΔE2000 up to which what was found is a card at all.
const CARD_LIKE: f64 = 12.0;

/// ΔE2000 from which a patch is hidden or mirrors the lamp, and at least how
/// many times the median of the others.
const HIDDEN: f64 = 12.0;
const HIDDEN_RATIO: f64 = 4.0;

/// Fewest patches, clipped ones among them, by which a card is told at all.
const LEAST_SEEN: usize = 11;

/// Hidden patches that are left out; more than these and the card is refused.
const MOST_HIDDEN: usize = 1;

/// A photo as a card is sought in it.
pub fn seen(photo: &Photo) -> Cells {
    photo.cells(photo.width().max(photo.height()).div_ceil(SEARCH_CELLS).max(1))
}

/// Looks for a card in a photo as it is [`seen`].
pub fn search(seen: &Cells, options: &CardOptions) -> Found {
    let encoded = seen.linear.each_ref().map(|plane| {
        let (width, height) = raster::size(plane);
        raster::rows(width, height, |y, out| {
            out.iter_mut()
                .zip(raster::row(plane, y))
                .for_each(|(value, &light)| *value = srgb_from_linear(light));
        })
    });
    let Some(found) = grid::find(&encoded) else { return Found::None };
    let tried = placements(&found).into_iter().map(|way| Trial::of(seen, way, options));
    let best = tried.flatten().min_by(|a, b| a.score().total_cmp(&b.score()));
    best.map_or(Found::None, |trial| trial.judged(seen, options))
}

/// The card in a photo as it is [`seen`] whose four corner patches have these outer corners, in native
/// pixels: at dark skin, then along the first row to bluish green, then black, then white.
pub fn at_corners(seen: &Cells, corners: [[f64; 2]; 4], options: &CardOptions) -> Found {
    let corners = corners.map(|at| at.map(|value| raster::in_cells(value, seen.factor)));
    let trial = homography(&ENDS, &corners).and_then(|way| Trial::of(seen, way, options));
    match trial {
        Some(trial) => match trial.judged(seen, options) {
            Found::None => Found::Refused(poor(&trial)),
            found => found,
        },
        None => Found::Refused(Warning::new(
            "card_hidden",
            "the corners given for the colour card show too few usable patches; check them, and that the \
             card lies whole and well lit in the photo",
        )),
    }
}

impl Card {
    /// Takes the card with its frame out of `mask`, on cells of `factor` by
    /// `factor` native pixels.
    pub fn cut_out(&self, mask: &mut Mask, factor: usize) {
        // Beyond the outer patches' centres, pitches: half a patch and the frame.
        const FRAME: f64 = 1.0;
        let Some(back) = self.homography.try_inverse() else { return };
        for ((y, x), inside) in mask.indexed_iter_mut() {
            let [column, line] = project(&back, [x, y].map(|at| raster::cell_centre(at as f64, factor)));
            let within = |at: f64, count: i32| at > -FRAME && at < f64::from(count - 1) + FRAME;
            *inside &= !(within(column, COLUMNS) && within(line, LINES));
        }
    }

    /// The outer corners of its corner patches, native pixels: at dark skin,
    /// bluish green, black and white.
    pub fn corners(&self) -> [[f64; 2]; 4] {
        ENDS.map(|at| project(&self.homography, at))
    }

    /// Its middle, native pixels.
    pub fn centre(&self) -> [f64; 2] {
        project(&self.homography, [2.5, 1.5])
    }
}

/// A patch as the photo shows it.
struct Patch {
    /// Median colour.
    colour: Rgb,
    /// Slope of the logarithm of its light, per pitch along columns and lines.
    slope: [f64; 2],
}

/// The patch at a place of the lattice; `None` if it does not lie in the photo.
fn patch(seen: &Cells, way: &Matrix3<f64>, [column, line]: [f64; 2]) -> Option<Patch> {
    const STEPS: i32 = 4;
    let mut values: [Vec<f32>; 3] = Default::default();
    let (mut moments, mut spread) = ([0.0; 2], 0.0);
    for i in -STEPS..=STEPS {
        for j in -STEPS..=STEPS {
            let off = [i, j].map(|step| PART * f64::from(step) / f64::from(STEPS));
            let [x, y] = project(way, [column + off[0], line + off[1]]);
            let mut light = Rgb::default();
            for ((values, plane), light) in values.iter_mut().zip(&seen.linear).zip(&mut light) {
                *light = raster::sample(plane, x, y)?;
                values.push(*light);
            }
            let log = luminance(light).ln();
            moments = [0, 1].map(|axis| moments[axis] + off[axis] * log);
            spread += off[0] * off[0];
        }
    }
    let colour = values.map(|mut values| {
        let middle = values.len() / 2;
        *values.select_nth_unstable_by(middle, f32::total_cmp).1
    });
    Some(Patch { colour, slope: moments.map(|moment| moment / spread) })
}

/// Every way the card can lie on a grid: from patch coordinates to cells.
fn placements(grid: &Grid) -> Vec<Matrix3<f64>> {
    let ((left, right), (top, bottom)) = (grid.span(0), grid.span(1));
    let mut ways = Vec::new();
    for turned in [false, true] {
        let (columns, lines) = if turned { (LINES, COLUMNS) } else { (COLUMNS, LINES) };
        for i in (right - columns + 1).min(left)..=left.max(right - columns + 1) {
            for j in (bottom - lines + 1).min(top)..=top.max(bottom - lines + 1) {
                let (i, j) = (f64::from(i), f64::from(j));
                let (c, l) = (f64::from(columns - 1), f64::from(lines - 1));
                let turns = if turned {
                    [
                        Matrix3::new(0.0, -1.0, i + c, 1.0, 0.0, j, 0.0, 0.0, 1.0),
                        Matrix3::new(0.0, 1.0, i, -1.0, 0.0, j + l, 0.0, 0.0, 1.0),
                    ]
                } else {
                    [
                        Matrix3::new(1.0, 0.0, i, 0.0, 1.0, j, 0.0, 0.0, 1.0),
                        Matrix3::new(-1.0, 0.0, i + c, 0.0, -1.0, j + l, 0.0, 0.0, 1.0),
                    ]
                };
                ways.extend(turns.map(|turn| grid.homography * turn));
            }
        }
    }
    ways
}

/// The card laid one way.
struct Trial {
    way: Matrix3<f64>,
    pairs: Vec<Pair>,
    /// Cells of the centres of `pairs`.
    centres: Vec<[f64; 2]>,
    /// Slopes within `pairs`, see [`Patch`].
    slopes: Vec<[f64; 2]>,
    correction: Correction,
    slope: [f64; 2],
    errors: Vec<f64>,
    hidden: usize,
    outside: usize,
    clipped: usize,
}

impl Trial {
    fn of(seen: &Cells, way: Matrix3<f64>, options: &CardOptions) -> Option<Self> {
        let (mut pairs, mut centres, mut slopes) = (Vec::new(), Vec::new(), Vec::new());
        let (mut outside, mut clipped) = (0, 0);
        for (index, truth) in options.patches().iter().enumerate() {
            let place = [(index % 6) as f64, (index / 6) as f64];
            let Some(Patch { colour: seen, slope }) = patch(seen, &way, place) else {
                outside += 1;
                continue;
            };
            clipped += usize::from(seen.iter().any(|value| value > USABLE.end()));
            if seen.iter().all(|value| USABLE.contains(value)) {
                pairs.push(Pair { seen, truth: *truth, weight: weight(index, *truth) });
                centres.push(project(&way, place));
                slopes.push(slope);
            }
        }
        let plain = robust(&pairs, &centres)?;
        let limit = HIDDEN.max(HIDDEN_RATIO * median(&plain));
        let kept = |index: &usize| plain[*index] <= limit;
        let hidden = (0..pairs.len()).filter(|index| !kept(index)).count();
        let slopes = (0..pairs.len()).filter(kept).map(|index| slopes[index]).collect();
        let centres: Vec<[f64; 2]> = (0..pairs.len()).filter(kept).map(|index| centres[index]).collect();
        let pairs: Vec<Pair> = (0..pairs.len()).filter(kept).map(|index| pairs[index]).collect();
        let (correction, slope) = lit(&pairs, &centres)?;
        let errors = errors(&correction, &pairs, &centres, slope);
        Some(Self { way, pairs, centres, slopes, correction, slope, errors, hidden, outside, clipped })
    }

    fn mean(&self) -> f64 {
        self.errors.iter().sum::<f64>() / self.errors.len().max(1) as f64
    }

    /// The lower, the better the card explains what is seen: the mean error, with
    /// that of a hidden patch for each that is hidden or outside.
    fn score(&self) -> f64 {
        let lost = (self.hidden + self.outside) as f64;
        (self.errors.iter().sum::<f64>() + HIDDEN * lost) / (self.errors.len() as f64 + lost).max(1.0)
    }

    fn judged(&self, seen: &Cells, options: &CardOptions) -> Found {
        let (used, lost) = (self.pairs.len(), self.hidden + self.outside);
        if self.mean() > CARD_LIKE || used + self.clipped < LEAST_SEEN {
            return Found::None;
        }
        if lost > MOST_HIDDEN {
            return Found::Refused(hidden(lost));
        }
        if used < LEAST_PATCHES {
            return Found::Refused(Warning::new(
                "card_clipped",
                format!(
                    "only {used} of the 24 patches of the colour card are neither clipped nor black; expose so \
                     that its white patch is not clipped"
                ),
            ));
        }
        let step = shadow::edge(&self.pairs, &self.centres);
        if step.is_some() || shadow::crosses(&self.slopes) {
            return Found::Refused(shadowed(step));
        }
        if self.mean() > MOST_MEAN {
            return Found::Refused(poor(self));
        }
        let native = Matrix3::new(
            seen.factor as f64,
            0.0,
            raster::cell_centre(0.0, seen.factor),
            0.0,
            seen.factor as f64,
            raster::cell_centre(0.0, seen.factor),
            0.0,
            0.0,
            1.0,
        );
        let homography = native * self.way;
        let lightness: Vec<f64> =
            self.pairs.iter().zip(&self.centres).map(|(pair, at)| self.left(pair, *at)).collect();
        Found::Card(Box::new(Card {
            homography,
            correction: self.correction,
            slope: self.slope.map(|slope| slope / seen.factor as f64),
            delta_e_2000: [self.mean(), self.errors.iter().copied().fold(0.0, f64::max)],
            log_sd: (lightness.iter().map(|left| left * left).sum::<f64>() / lightness.len() as f64).sqrt()
                / (lightness.len() as f64).sqrt(),
            patches: used,
            px_per_mm: pitch(&homography) / options.pitch_mm,
        }))
    }

    /// The logarithm of the light that the correction leaves wrong at a patch.
    fn left(&self, pair: &Pair, at: [f64; 2]) -> f64 {
        let seen = self.correction.apply(flattened(pair.seen, at, self.middle(), self.slope));
        (luminance(pair.truth) / luminance(seen).max(1e-4)).ln()
    }

    fn middle(&self) -> [f64; 2] {
        middle(&self.centres)
    }
}

/// Skin patches count three times, grey ones twice; in light as the eye sees
/// differences of it, so that white does not decide alone.
fn weight(index: usize, truth: Rgb) -> f64 {
    let kind = match index {
        0 | 1 => 3.0,
        18..24 => 2.0,
        _ => 1.0,
    };
    kind / (0.1 + luminance(truth))
}

fn luminance(rgb: Rgb) -> f64 {
    (0.2127 * f64::from(rgb[0]) + 0.7152 * f64::from(rgb[1]) + 0.0722 * f64::from(rgb[2])).max(1e-6)
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

fn middle(points: &[[f64; 2]]) -> [f64; 2] {
    [0, 1].map(|i| points.iter().map(|p| p[i]).sum::<f64>() / points.len().max(1) as f64)
}

/// A colour as it were under the light of the middle.
fn flattened(seen: Rgb, at: [f64; 2], middle: [f64; 2], slope: [f64; 2]) -> Rgb {
    let log = slope[0] * (at[0] - middle[0]) + slope[1] * (at[1] - middle[1]);
    seen.map(|value| value * (-log).exp() as f32)
}

fn errors(correction: &Correction, pairs: &[Pair], centres: &[[f64; 2]], slope: [f64; 2]) -> Vec<f64> {
    let middle = middle(centres);
    let flat =
        |(pair, at): (&Pair, &[f64; 2])| Pair { seen: flattened(pair.seen, *at, middle, slope), ..*pair };
    pairs.iter().zip(centres).map(flat).map(|pair| error(correction, &pair)).collect()
}

/// The error of each patch under a correction that patches which do not fit
/// hardly bend (weights 1 / (1 + (ΔE / 6)²), again and again).
fn robust(pairs: &[Pair], centres: &[[f64; 2]]) -> Option<Vec<f64>> {
    const ROUNDS: usize = 12;
    const SOFT: f64 = 6.0;
    let mut left = vec![0.0; pairs.len()];
    for _ in 0..ROUNDS {
        let soft = |(pair, left): (&Pair, &f64)| Pair {
            weight: pair.weight / (1.0 + (left / SOFT).powi(2)),
            ..*pair
        };
        let weighted: Vec<Pair> = pairs.iter().zip(&left).map(soft).collect();
        let correction = fit(&weighted, false)?;
        left = errors(&correction, pairs, centres, [0.0; 2]);
    }
    Some(left)
}

/// The correction together with the slope of the light over the card: each in
/// turn, from what the other leaves.
fn lit(pairs: &[Pair], centres: &[[f64; 2]]) -> Option<(Correction, [f64; 2])> {
    const ROUNDS: usize = 4;
    let middle = middle(centres);
    let mut slope = [0.0; 2];
    let flat = |slope: [f64; 2]| -> Vec<Pair> {
        let flatten =
            |(pair, at): (&Pair, &[f64; 2])| Pair { seen: flattened(pair.seen, *at, middle, slope), ..*pair };
        pairs.iter().zip(centres).map(flatten).collect()
    };
    for _ in 0..ROUNDS {
        let flat = flat(slope);
        let correction = fit(&flat, false)?;
        let left: Vec<f64> = flat
            .iter()
            .map(|pair| {
                (luminance(correction.apply(pair.seen)) / luminance(pair.truth)).ln().clamp(-0.3, 0.3)
            })
            .collect();
        let more = plane(centres, &left, middle)?;
        slope = [slope[0] + more[0], slope[1] + more[1]];
    }
    Some((best(&flat(slope))?, slope))
}

/// The slope of a plane through values at points, by least squares.
fn plane(points: &[[f64; 2]], values: &[f64], middle: [f64; 2]) -> Option<[f64; 2]> {
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    let (mut normal, mut right) = (nalgebra::Matrix2::zeros(), nalgebra::Vector2::zeros());
    for (point, value) in points.iter().zip(values) {
        let off = nalgebra::Vector2::new(point[0] - middle[0], point[1] - middle[1]);
        normal += off * off.transpose();
        right += off * (value - mean);
    }
    normal.try_inverse().map(|inverse| (inverse * right).into())
}

/// Distance of neighbouring patches in the middle of the card, pixels.
fn pitch(way: &Matrix3<f64>) -> f64 {
    let arm = |from: [f64; 2], to: [f64; 2]| {
        let (a, b) = (project(way, from), project(way, to));
        (b[0] - a[0]).hypot(b[1] - a[1])
    };
    (arm([2.0, 1.5], [3.0, 1.5]) * arm([2.5, 1.0], [2.5, 2.0])).sqrt()
}

fn hidden(count: usize) -> Warning {
    Warning::new(
        "card_hidden",
        format!(
            "{count} patches of the colour card are hidden, mirror the lamp or lie outside the photo; show the \
             card whole, without fingers or glare on it"
        ),
    )
}

fn shadowed(step: Option<f64>) -> Warning {
    let less = step.map_or(String::new(), |step| {
        format!(": one part has {:.0} % less light than the other", 100.0 * (1.0 - (-step.abs()).exp()))
    });
    Warning::new(
        "card_shadowed",
        format!("the edge of a shadow lies over the colour card{less}; light card and skin alike"),
    )
}

fn poor(trial: &Trial) -> Warning {
    Warning::new(
        "card_fit_poor",
        format!(
            "the colours of the card differ from its reference by ΔE {:.1} on average after correction (limit \
             {MOST_MEAN}); check the year of the card (card.year), and that light falls evenly on it",
            trial.mean()
        ),
    )
}
