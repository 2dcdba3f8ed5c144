//! Where every point of the reference lies in the moving photo, and whether
//! that can be trusted.
//!
//! Keypoints of the contrast-normalised picture are matched and explained by
//! a projective transform; guided matches and the skin's own structure bend
//! it smoothly; checks that do not trust the fit accept or refuse it.

mod banded;
mod contrast;
mod descriptors;
mod guidance;
mod keypoints;
mod matching;
mod refinement;
mod refusal;
mod registration;
mod robust;
mod spline;
mod transform;
mod verification;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::alignment::descriptors::Descriptor;
use crate::alignment::guidance::Bent;
use crate::alignment::keypoints::Keypoint;
use crate::alignment::refinement::Refined;
use crate::alignment::robust::{Correspondence, Model};
use crate::alignment::spline::Spline;
use crate::raster::{self, Mask, Plane};

pub use transform::{Transform, warp};
pub use verification::{Diagnostics, Rejection};

/// The longer side that a picture should have when it is aligned, pixels.
const WORKING_SIDE: usize = 1100;

/// Pictures whose longer side is longer are halved before keypoints are
/// sought: the skin between them is found again by its finer structure.
const DETAILED: usize = 1000;

/// By which whole factor a photo of `width` by `height` pixels should be
/// reduced for [`Features::detect`], so that its longer side has about 1100 pixels.
pub fn reduction_for(width: usize, height: usize) -> usize {
    ((width.max(height) as f64 / WORKING_SIDE as f64).round() as usize).max(1)
}

/// What alignment needs of one photo; prepared once, compared often.
#[derive(Debug, Clone)]
pub struct Features {
    picture: Plane,
    valid: Mask,
    factor: usize,
    /// Native pixels per pixel of the picture that keypoints were found in.
    cell: usize,
    width: usize,
    height: usize,
    /// In native pixels.
    keypoints: Vec<Keypoint>,
    descriptors: Vec<Descriptor>,
}

impl Features {
    /// The features of a photo of `width` by `height` native pixels.
    ///
    /// - `picture`: its sRGB-encoded green channel, `0..=255`, reduced by the
    ///   whole `factor` as [`raster::reduce`] does.
    /// - `valid`: the pixels to trust (skin without glare and hair), of the same size.
    pub fn detect(picture: Plane, valid: &Mask, factor: usize, width: usize, height: usize) -> Self {
        let times = if picture.ncols().max(picture.nrows()) >= DETAILED { 2 } else { 1 };
        let (reduced, inside) = (raster::reduce(&picture, times), raster::reduce_mask(valid, times));
        let sigma = (reduced.ncols().max(reduced.nrows()) as f64 / 100.0).clamp(6.0, 16.0);
        let contrast = contrast::normalised(&reduced, &inside, sigma);
        let (mut keypoints, descriptors) = keypoints::detect(&contrast, &inside);
        let cell = factor * times;
        for keypoint in &mut keypoints {
            keypoint.at = keypoint.at.map(|value| raster::cell_centre(value, cell));
            keypoint.scale *= cell as f64;
        }
        Self { picture, valid: valid.clone(), factor, cell, width, height, keypoints, descriptors }
    }

    /// How many keypoints there are.
    pub fn len(&self) -> usize {
        self.keypoints.len()
    }

    /// Whether nothing stands out: a blank wall, a photo out of focus.
    pub fn is_empty(&self) -> bool {
        self.keypoints.is_empty()
    }
}

/// What an alignment must reach to be believed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AlignmentOptions {
    /// Least share of the reference's skin that the moving photo shows. Default: 0.2; range `0..=1`.
    pub least_overlap_fraction: f64,
    /// Largest residual, as a share of the reference's longer side. Default: 0.003; range `0..=1`.
    pub most_residual_fraction: f64,
}

impl Default for AlignmentOptions {
    fn default() -> Self {
        Self { least_overlap_fraction: 0.2, most_residual_fraction: 0.003 }
    }
}

/// Whether the photos were aligned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The transform can be relied on within `residual_px`.
    Aligned,
    /// It cannot; the reason says why.
    Rejected,
}

/// How the moving photo lies over the reference.
#[derive(Debug, Clone)]
pub struct Alignment {
    /// Whether the transform can be relied on.
    pub status: Status,
    /// Why not.
    pub reason: Option<Rejection>,
    /// Reference to moving, native pixels; the identity if nothing better is known.
    pub transform: Transform,
    /// Expected median error in native pixels of the moving photo; infinite where rejected.
    pub residual_px: f64,
    /// Share of the reference's valid skin that the moving photo shows, `0..=1`.
    pub overlap_fraction: f64,
    /// Matches that agree with the transform.
    pub inliers: usize,
    /// What the checks measured.
    pub diagnostics: Diagnostics,
    doubt: Option<[Spline; 3]>,
}

impl Alignment {
    /// Expected median error in native pixels of the moving photo over the
    /// `points` (native pixels of the reference) of a region; infinite where rejected.
    pub fn residual_over(&self, points: &[[f64; 2]]) -> f64 {
        match (&self.doubt, self.status) {
            (Some(doubt), Status::Aligned) => verification::expected_error(&self.transform, doubt, points),
            _ => f64::INFINITY,
        }
    }

    fn rejected(reason: Rejection) -> Self {
        Self {
            status: Status::Rejected,
            reason: Some(reason),
            transform: Transform::identity(),
            residual_px: f64::INFINITY,
            overlap_fraction: 0.0,
            inliers: 0,
            diagnostics: Diagnostics::default(),
            doubt: None,
        }
    }
}

/// Noise of the place of a matched keypoint, pixels of the picture it was found in.
const KEYPOINT_NOISE: f64 = 0.5;

/// Knots of the final displacement field along the reference's longer side.
const KNOTS: f64 = 24.0;

/// Knots of the displacement field that matches ask for.
const COARSE_KNOTS: f64 = 14.0;

/// How far from where they are expected matches are sought, as shares of the
/// moving photo's longer side, one after the other.
const REACHES: [f64; 3] = [0.03, 0.015, 0.006];

/// Fewest keypoints of a photo with structure.
const LEAST_KEYPOINTS: usize = 12;

/// Aligns `moving` to `reference`. The same features and `seed` give the same
/// bits, whatever the number of threads.
pub fn align(reference: &Features, moving: &Features, options: &AlignmentOptions, seed: u64) -> Alignment {
    if reference.len().min(moving.len()) < LEAST_KEYPOINTS {
        return Alignment::rejected(Rejection::NoStructure);
    }
    let found = search(reference, moving, options, seed);
    match found.reason {
        Some(Rejection::NoSharedSkin | Rejection::StructureDisagrees) => {
            refusal::explained(found, reference, moving, options, seed)
        }
        _ => found,
    }
}

/// The alignment that matches lead to, sought from either photo.
fn search(reference: &Features, moving: &Features, options: &AlignmentOptions, seed: u64) -> Alignment {
    let found = match straight(reference, moving, seed) {
        Some((straight, model)) => bent_and_judged(reference, moving, &straight, model, options),
        None => Alignment::rejected(Rejection::NoSharedSkin),
    };
    if !matches!(found.reason, Some(Rejection::NoSharedSkin | Rejection::StructureDisagrees)) {
        return found;
    }
    // Which match is clear depends on the side that asks: the way back may be found where this one is not.
    let back = straight(moving, reference, seed).and_then(|(back, model)| Some((back.reversed()?, model)));
    let second = back.map(|(guess, model)| bent_and_judged(reference, moving, &guess, model, options));
    second.filter(|second| second.status == Status::Aligned).unwrap_or(found)
}

/// Aligns `moving` to `reference` from a first guess, such as the way through
/// a photo in between ([`Transform::then`]), where they are too different to
/// be matched without one.
///
/// The guess is only where the search begins: the same checks as in [`align`]
/// hold the two photos against each other. Where the result has left the
/// guess, one of them is wrong, and it is refused as [`Rejection::Uncertain`].
pub fn align_from(
    reference: &Features,
    moving: &Features,
    guess: &Transform,
    options: &AlignmentOptions,
) -> Alignment {
    if reference.len().min(moving.len()) < LEAST_KEYPOINTS {
        return Alignment::rejected(Rejection::NoStructure);
    }
    let found = bent_and_judged(reference, moving, guess, Model::Homography, options);
    let limit =
        verification::LOOSE_LOOP * options.most_residual_fraction * moving.width.max(moving.height) as f64;
    if found.status == Status::Aligned && distance(reference, moving, [&found.transform, guess]) > limit {
        return Alignment::rejected(Rejection::Uncertain);
    }
    found
}

/// The median distance between where two transforms put the reference's
/// valid skin that the first puts into the moving photo, moving pixels.
fn distance(reference: &Features, moving: &Features, transforms: [&Transform; 2]) -> f64 {
    let (width, height) = raster::size(&reference.valid);
    let step = (width.max(height) / 32).max(1);
    let rows = (0..height).step_by(step);
    let places = rows.flat_map(|y| (0..width).step_by(step).map(move |x| (x, y)));
    let lengths: Vec<f64> = places
        .filter(|&(x, y)| reference.valid[[y, x]])
        .map(|(x, y)| [x, y].map(|value| raster::cell_centre(value as f64, reference.factor)))
        .map(|at| transforms.map(|transform| transform.map(at)))
        .filter(|[[x, y], _]| {
            (0.0..moving.width as f64).contains(x) && (0.0..moving.height as f64).contains(y)
        })
        .map(|[a, b]| (a[0] - b[0]).hypot(a[1] - b[1]))
        .collect();
    guidance::median(&lengths)
}

/// The alignment found from `guess`, with its verdict.
fn bent_and_judged(
    reference: &Features,
    moving: &Features,
    guess: &Transform,
    model: Model,
    options: &AlignmentOptions,
) -> Alignment {
    let Some((bent, matches)) = bent(reference, moving, guess) else {
        return Alignment::rejected(Rejection::NoSharedSkin);
    };
    let Some(refined) = refinement::refine(reference, moving, &bent, &displacement(reference, KNOTS)) else {
        return Alignment::rejected(Rejection::NoSharedSkin);
    };
    let refined = rebased(refined, model, reference);
    let loops = loop_errors(reference, moving, &refined, bent.bending);
    verification::judge(reference, moving, refined, &bent, &matches, &loops, options)
}

/// No displacement yet, over the whole reference.
fn displacement(reference: &Features, knots: f64) -> Spline {
    let longer = reference.width.max(reference.height) as f64;
    Spline::zero(reference.width, reference.height, (longer / knots).max(8.0))
}

/// The projective transform that most matches agree with.
fn straight(reference: &Features, moving: &Features, seed: u64) -> Option<(Transform, Model)> {
    let matches = matching::mutual(
        (&reference.keypoints, &reference.descriptors),
        (&moving.keypoints, &moving.descriptors),
    );
    let pairs: Vec<Correspondence> = matches
        .iter()
        .map(|found| Correspondence {
            reference: reference.keypoints[found.reference],
            moving: moving.keypoints[found.moving],
        })
        .collect();
    let sigma = 0.006 * moving.width.max(moving.height) as f64;
    let fit = robust::fit(&pairs, sigma, seed)?;
    Some((Transform::projective(fit.matrix)?, fit.model))
}

/// The refined transform with the projective part that explains most of it
/// over the skin seen in both photos.
fn rebased(refined: Refined, model: Model, reference: &Features) -> Refined {
    let pairs: Vec<_> = verification::places(&refined.registered)
        .into_iter()
        .map(|at| (at, refined.transform.map(at), 1.0))
        .collect();
    let matrix = if pairs.len() < 16 { None } else { model.fit(&pairs) };
    let transform = matrix
        .and_then(|matrix| refined.transform.rebased(matrix, reference.width, reference.height))
        .unwrap_or_else(|| refined.transform.clone());
    Refined { transform, ..refined }
}

/// How far the way to the moving photo and back, each found on its own at half
/// the resolution or better, ends from where it began: native pixels of the
/// reference, over the skin seen in both. Nothing where the way back cannot be found.
fn loop_errors(reference: &Features, moving: &Features, refined: &Refined, bending: f64) -> Vec<f64> {
    let back = || {
        let start = refined.transform.inverted(moving.width, moving.height)?;
        let field = displacement(moving, KNOTS);
        refinement::settle(moving, reference, &start, &field, bending * COARSE_KNOTS / KNOTS, 2)
    };
    let Some(back) = back() else { return Vec::new() };
    let miss = |at: [f64; 2]| {
        let end = back.map(refined.transform.map(at));
        (end[0] - at[0]).hypot(end[1] - at[1])
    };
    verification::places(&refined.registered).into_iter().map(miss).collect()
}

/// The projective part of `guess` bent by ever closer guided matches, sought
/// first where `guess` expects them, and the last of these.
fn bent(reference: &Features, moving: &Features, guess: &Transform) -> Option<(Bent, Vec<Correspondence>)> {
    let longer = moving.width.max(moving.height) as f64;
    let field = displacement(reference, COARSE_KNOTS);
    let noise = KEYPOINT_NOISE * reference.cell as f64;
    let straight = guess.without_deformation();
    let mut found: Option<(Bent, Vec<Correspondence>)> = None;
    for reach in REACHES {
        let known = found.as_ref().map_or(guess, |(bent, _)| &bent.transform);
        let matches = guidance::rematch(reference, moving, known, reach * longer);
        found = Some((guidance::bend(&straight, &matches, &field, noise)?, matches));
    }
    found
}

#[cfg(test)]
mod tests;
