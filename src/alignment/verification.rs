//! Whether an alignment can be believed: checks that do not trust the fit.

use std::fmt;

use serde::Serialize;

use crate::alignment::guidance::{Bent, median, quantile};
use crate::alignment::refinement::{CELL, Refined};
use crate::alignment::registration::Registered;
use crate::alignment::robust::Correspondence;
use crate::alignment::spline::Spline;
use crate::alignment::transform::Transform;
use crate::alignment::{Alignment, AlignmentOptions, Features, Status};
use crate::raster::{self, covers, row};

/// Why an alignment was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Rejection {
    /// Nothing stands out in one of the photos.
    NoStructure,
    /// No transform explains the matches.
    NoSharedSkin,
    /// One photo is a mirror image of the other.
    Mirrored,
    /// The skin to be compared lies outside the moving photo.
    OutOfFrame,
    /// The transform folds or stretches the skin more than skin can.
    Implausible,
    /// The structure of the skin does not agree after alignment.
    StructureDisagrees,
    /// The place of the skin is not known well enough.
    Uncertain,
}

impl Rejection {
    /// The reason as reports give it: code, colon, message.
    pub fn reason(self) -> String {
        format!("{}: {self}", self.code())
    }

    /// Stable identifier for scripts.
    pub fn code(self) -> &'static str {
        match self {
            Rejection::NoStructure => "no_structure",
            Rejection::NoSharedSkin => "no_shared_skin",
            Rejection::Mirrored => "mirrored",
            Rejection::OutOfFrame => "out_of_frame",
            Rejection::Implausible => "implausible",
            Rejection::StructureDisagrees => "structure_disagrees",
            Rejection::Uncertain => "uncertain",
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Rejection::NoStructure => {
                "one of the photos shows too little skin structure, it may be blurred; focus on the skin and light it from the side"
            }
            Rejection::NoSharedSkin => {
                "the photos share no skin that can be recognised; check that they show the same site of the same patient"
            }
            Rejection::Mirrored => {
                "one of the photos is a mirror image of the other; switch mirroring off (selfie cameras) and flip it back"
            }
            Rejection::OutOfFrame => {
                "too little of the baseline's skin is in the follow-up; frame it as in the baseline"
            }
            Rejection::Implausible => {
                "the camera was turned too far or the skin is stretched too much; repeat the baseline's pose"
            }
            Rejection::StructureDisagrees => {
                "the skin's structure does not agree after alignment; check site, patient and focus"
            }
            Rejection::Uncertain => {
                "the skin can be found only roughly; the photos are too blurred or too different in light"
            }
        })
    }
}

/// What the checks measured.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Diagnostics {
    /// Least and largest area ratio of the transform inside the overlap, relative to its median.
    pub jacobian_range: [f64; 2],
    /// Share of the overlap's cells (8 × 8 of the reference) with matches.
    pub coverage: f64,
    /// Median correlation of the normalised structure after alignment.
    pub correlation: f64,
    /// Share of places where the structure agrees better as aligned than shifted.
    pub peak_fraction: f64,
    /// Median distance of guided matches, moving native pixels.
    pub match_error_px: f64,
    /// Median distance by which a fit to half of the matches misses the others, reference native pixels.
    pub held_out_error_px: f64,
    /// Distance from where it began at which the way there and back ends: its
    /// median and 95 % quantile, reference native pixels. Zero if there is no way back.
    pub loop_error_px: [f64; 2],
    /// Error below which 95 % of the overlap is expected to lie, moving native pixels.
    pub residual_p95_px: f64,
}

/// Cells of the structure check per side of a window.
const WINDOW: usize = 3;

/// Distances of the shifted comparison, pixels of the working resolution.
const SHIFT: isize = 11;

/// Least share of places whose structure agrees best as aligned (one in nine by chance).
/// Chosen by us: true pairs of real skin reach 0.97, false ones stay below 0.4.
const LEAST_PEAKS: f64 = 0.7;

/// Least median correlation of the aligned structure. Chosen by us: true pairs
/// of real skin reach 0.69, false ones stay below 0.15.
const LEAST_CORRELATION: f64 = 0.3;

/// Below both of these the structure agrees no better than that of other skin.
/// Chosen by us, between false pairs and true ones under other light.
const CHANCE_PEAKS: f64 = 0.45;

/// See [`CHANCE_PEAKS`].
const CHANCE_CORRELATION: f64 = 0.2;

/// Least area ratio of skin to skin, relative to the median. Chosen by us:
/// breathing and expression stay far from it.
const LEAST_AREA: f64 = 0.4;

/// Least guided matches that agree with the transform. Chosen by us.
const LEAST_INLIERS: usize = 8;

/// How many times the residual's limit the way there and back may miss: the
/// way back is found at half the resolution.
pub const LOOSE_LOOP: f64 = 2.0;

/// The alignment with its verdict.
pub fn judge(
    reference: &Features,
    moving: &Features,
    refined: Refined,
    bent: &Bent,
    matches: &[Correspondence],
    loops: &[f64],
    options: &AlignmentOptions,
) -> Alignment {
    let Refined { transform, doubt, registered: pair } = refined;
    let errors: Vec<f64> = matches
        .iter()
        .map(|pair| {
            let end = transform.map(pair.reference.at);
            (end[0] - pair.moving.at[0]).hypot(end[1] - pair.moving.at[1])
        })
        .collect();
    let near = 0.004 * moving.width.max(moving.height) as f64;
    let inliers = errors.iter().filter(|&&error| error < near.max(1.5)).count();
    let (peak_fraction, correlation) = peaks(&pair);
    let overlap_fraction = overlap(reference, moving, &transform);
    let places = places(&pair);
    let residual_px = expected_error(&transform, &doubt, &places);
    let diagnostics = Diagnostics {
        jacobian_range: jacobian_range(&transform, &places),
        coverage: coverage(reference, matches, &pair),
        correlation,
        peak_fraction,
        match_error_px: median(&errors),
        held_out_error_px: bent.held_out,
        loop_error_px: [median(loops), quantile(loops, 0.95)],
        residual_p95_px: expected_errors(&transform, &doubt, &places, 0.95),
    };
    let centred = shows_centre(reference, moving, &transform);
    let limit = options.most_residual_fraction * moving.width.max(moving.height) as f64;
    let precise =
        !loops.is_empty() && residual_px < limit && diagnostics.loop_error_px[0] < LOOSE_LOOP * limit;
    let framed = centred && overlap_fraction >= options.least_overlap_fraction;
    let reason = refusal(inliers, framed, precise, &diagnostics);
    let (status, residual_px) = match reason {
        None => (Status::Aligned, residual_px),
        Some(_) => (Status::Rejected, f64::INFINITY),
    };
    let doubt = Some(doubt);
    Alignment { status, reason, transform, residual_px, overlap_fraction, inliers, diagnostics, doubt }
}

/// The first reason to refuse, the most telling one first.
fn refusal(inliers: usize, framed: bool, precise: bool, found: &Diagnostics) -> Option<Rejection> {
    let [least, most] = found.jacobian_range;
    let plausible = least > LEAST_AREA && most < 1.0 / LEAST_AREA;
    let agrees = found.peak_fraction >= LEAST_PEAKS && found.correlation >= LEAST_CORRELATION;
    let unrelated = found.peak_fraction < CHANCE_PEAKS && found.correlation < CHANCE_CORRELATION;
    match () {
        () if inliers < LEAST_INLIERS || unrelated => Some(Rejection::NoSharedSkin),
        () if !framed => Some(Rejection::OutOfFrame),
        () if !plausible => Some(Rejection::Implausible),
        () if !agrees => Some(Rejection::StructureDisagrees),
        () if !precise => Some(Rejection::Uncertain),
        () => None,
    }
}

/// The error that remains where everything fits, pixels: interpolation. Chosen
/// by us from virtual re-photographs of skin.
const FLOOR: f64 = 0.004;

/// True error over half the difference of two halves, its root mean square
/// over the ways of halving: halves share what both do not know. Chosen by us
/// from virtual re-photographs of skin.
const SHARED_ERROR: f64 = 1.15;

/// Median length of the error expected at `points`, moving native pixels.
pub fn expected_error(transform: &Transform, doubt: &[Spline], points: &[[f64; 2]]) -> f64 {
    expected_errors(transform, doubt, points, 0.5)
}

/// The length below which a `share` of the errors expected at `points` lie.
fn expected_errors(transform: &Transform, doubt: &[Spline], points: &[[f64; 2]], share: f64) -> f64 {
    let length = |&at: &[f64; 2]| {
        let squares = doubt.iter().map(|doubt| doubt.value(at).iter().map(|d| d * d).sum::<f64>());
        (squares.sum::<f64>() / doubt.len() as f64).sqrt() * transform.magnification(at)
    };
    let lengths: Vec<f64> = points.iter().map(length).collect();
    (SHARED_ERROR * quantile(&lengths, share)).hypot(FLOOR)
}

/// The middles of the cells that both photos show, native pixels of the reference.
pub fn places(pair: &Registered) -> Vec<[f64; 2]> {
    let (width, height) = raster::size(&pair.mask);
    let middles = |length: usize| (CELL / 2..length).step_by(CELL);
    middles(height)
        .flat_map(|y| middles(width).map(move |x| (x, y)))
        .filter(|&(x, y)| pair.mask[[y, x]])
        .map(|(x, y)| [x, y].map(|k| raster::cell_centre(k as f64, pair.factor)))
        .collect()
}

/// Whether the middle of the reference, where what matters is put, is in the moving photo's frame.
fn shows_centre(reference: &Features, moving: &Features, transform: &Transform) -> bool {
    let centre = [reference.width, reference.height].map(|length| (length as f64 - 1.0) / 2.0);
    let [x, y] = transform.map(centre);
    (0.0..moving.width as f64).contains(&x) && (0.0..moving.height as f64).contains(&y)
}

/// Share of the reference's valid pixels that lie on valid pixels of the moving photo.
fn overlap(reference: &Features, moving: &Features, transform: &Transform) -> f64 {
    let (width, height) = raster::size(&reference.picture);
    let (mut valid, mut seen) = (0usize, 0usize);
    for y in (0..height).step_by(4) {
        let place = transform.along_row(raster::cell_centre(y as f64, reference.factor));
        for x in (0..width).step_by(4).filter(|&x| reference.valid[[y, x]]) {
            let at = place(raster::cell_centre(x as f64, reference.factor));
            let at = at.map(|value| raster::in_cells(value, moving.factor));
            valid += 1;
            seen += usize::from(covers(&moving.valid, at[0], at[1]));
        }
    }
    seen as f64 / valid.max(1) as f64
}

/// Area ratios at `places` relative to their median: least and largest.
fn jacobian_range(transform: &Transform, places: &[[f64; 2]]) -> [f64; 2] {
    let area = |&at: &[f64; 2]| {
        let j = transform.jacobian(at);
        j[0][0] * j[1][1] - j[0][1] * j[1][0]
    };
    let areas: Vec<f64> = places.iter().map(area).collect();
    let middle = median(&areas);
    if middle <= 0.0 { [0.0; 2] } else { [quantile(&areas, 0.0) / middle, quantile(&areas, 1.0) / middle] }
}

/// Share of the overlap's cells, 8 × 8 of the reference, that hold a match.
fn coverage(reference: &Features, matches: &[Correspondence], pair: &Registered) -> f64 {
    const SIDE: usize = 8;
    let (width, height) = raster::size(&pair.mask);
    let mut shown = [0usize; SIDE * SIDE];
    for ((y, x), _) in pair.mask.indexed_iter().filter(|(_, inside)| **inside) {
        shown[y * SIDE / height * SIDE + x * SIDE / width] += 1;
    }
    let mut met = [false; SIDE * SIDE];
    for found in matches {
        let [x, y] = found.reference.at;
        let cell =
            |at: f64, length: usize| ((at / length as f64 * SIDE as f64).max(0.0) as usize).min(SIDE - 1);
        met[cell(y, reference.height) * SIDE + cell(x, reference.width)] = true;
    }
    let least = width * height / (SIDE * SIDE) / 4;
    let counted = |k: &usize| shown[*k] > least;
    let total = (0..SIDE * SIDE).filter(counted).count();
    (0..SIDE * SIDE).filter(counted).filter(|&k| met[k]).count() as f64 / total.max(1) as f64
}

/// Share of windows whose structure agrees better as aligned than shifted in
/// any of eight directions, and the median of their correlation.
fn peaks(pair: &Registered) -> (f64, f64) {
    use rayon::prelude::*;
    let side = WINDOW * CELL;
    let (width, height) = raster::size(&*pair.reference);
    let places: Vec<(usize, usize)> =
        (0..(height / side)).flat_map(|j| (0..(width / side)).map(move |i| (i * side, j * side))).collect();
    let found: Vec<(f64, bool)> = places
        .into_par_iter()
        .filter_map(|(x, y)| {
            let here = shifted_correlation(pair, x, y, 0, 0)?;
            let shifts = (0..9).filter(|&k| k != 4).map(|k| ((k % 3 - 1) * SHIFT, (k / 3 - 1) * SHIFT));
            let rivals = shifts.filter_map(|(dx, dy)| shifted_correlation(pair, x, y, dx, dy));
            Some((here, rivals.fold(f64::NEG_INFINITY, f64::max) < here))
        })
        .collect();
    let best = found.iter().filter(|place| place.1).count();
    let correlations: Vec<f64> = found.iter().map(|place| place.0).collect();
    (best as f64 / found.len().max(1) as f64, median(&correlations))
}

/// Correlation of a window of the reference with the moving picture shifted;
/// `None` unless half of it shows skin in both.
fn shifted_correlation(pair: &Registered, x0: usize, y0: usize, dx: isize, dy: isize) -> Option<f64> {
    let side = WINDOW * CELL;
    let (width, height) = raster::size(&*pair.reference);
    let (mut count, mut sums) = (0usize, [0.0f64; 3]);
    let columns = x0 as isize..(x0 + side) as isize;
    let (from, to) = (columns.start.max(-dx), columns.end.min(width as isize - dx));
    let there = |x: isize| (x + dx) as usize;
    for y in y0..y0 + side {
        let v = y as isize + dy;
        if v < 0 || v >= height as isize || to <= from {
            continue;
        }
        let (here, moved) = (from as usize..to as usize, there(from)..there(to));
        let v = v as usize;
        let both = row(&pair.mask, y)[here.clone()].iter().zip(&row(&pair.mask, v)[moved.clone()]);
        let values = row(&pair.reference, y)[here].iter().zip(&row(&pair.moving, v)[moved]);
        let mut line = [0.0f32; 3];
        for ((&a_valid, &b_valid), (&a, &b)) in both.zip(values) {
            let weight = f32::from(u8::from(a_valid && b_valid));
            count += usize::from(a_valid && b_valid);
            line[0] += weight * a * a;
            line[1] += weight * b * b;
            line[2] += weight * a * b;
        }
        (0..3).for_each(|k| sums[k] += f64::from(line[k]));
    }
    let [aa, bb, ab] = sums;
    (2 * count >= side * side && aa * bb > 0.0).then(|| ab / (aa * bb).sqrt())
}
