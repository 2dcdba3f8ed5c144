//! Matches sought again where a first transform expects them, and the smooth
//! displacement they ask for.

use rayon::prelude::*;

use crate::alignment::Features;
use crate::alignment::descriptors::{Descriptor, turn};
use crate::alignment::robust::Correspondence;
use crate::alignment::spline::{Spline, Wish};
use crate::alignment::transform::Transform;

/// Least similarity of the descriptors of a guided match. Chosen by us.
const SIMILARITY: f32 = 0.75;

/// Largest ratio of distances to the best and second best match in reach. Chosen by us.
const RATIO: f32 = 0.92;

/// Largest disagreement in direction, radians.
const TURN: f64 = 0.5;

/// Largest disagreement in scale, as a factor.
const SIZE: f64 = 1.5;

/// Keypoints of the moving photo sorted into square cells.
struct Buckets {
    side: f64,
    columns: usize,
    rows: usize,
    cells: Vec<Vec<usize>>,
}

impl Buckets {
    fn new(features: &Features, side: f64) -> Self {
        let count = |length: usize| (length as f64 / side).ceil() as usize + 1;
        let (columns, rows) = (count(features.width), count(features.height));
        let mut buckets = Self { side, columns, rows, cells: vec![Vec::new(); columns * rows] };
        for (index, keypoint) in features.keypoints.iter().enumerate() {
            let [i, j] = keypoint.at.map(|value| (value.max(0.0) / side) as usize);
            buckets.cells[j.min(rows - 1) * columns + i.min(columns - 1)].push(index);
        }
        buckets
    }

    /// Everything within `side` of `at`, and a little more.
    fn near(&self, at: [f64; 2]) -> impl Iterator<Item = usize> + '_ {
        let [i, j] = at.map(|value| (value / self.side).floor());
        let range = |centre: f64, count: usize| {
            let clamped = |value: f64| value.clamp(0.0, count as f64) as usize;
            clamped(centre - 1.0)..clamped(centre + 2.0)
        };
        let columns = range(i, self.columns);
        range(j, self.rows).flat_map(move |row| {
            columns.clone().flat_map(move |column| self.cells[row * self.columns + column].iter().copied())
        })
    }
}

/// The clear and mutual matches within `radius` pixels of where `transform` expects them.
pub fn rematch(
    reference: &Features,
    moving: &Features,
    transform: &Transform,
    radius: f64,
) -> Vec<Correspondence> {
    let buckets = Buckets::new(moving, radius);
    let found: Vec<Option<(usize, f32)>> = (0..reference.keypoints.len())
        .into_par_iter()
        .map(|index| best_near(reference, moving, transform, &buckets, index))
        .collect();
    let mut owner: Vec<Option<(usize, f32)>> = vec![None; moving.keypoints.len()];
    for (index, &best) in found.iter().enumerate() {
        if let Some((target, similarity)) = best
            && owner[target].is_none_or(|(_, known)| similarity > known)
        {
            owner[target] = Some((index, similarity));
        }
    }
    found
        .iter()
        .enumerate()
        .filter_map(|(index, best)| {
            let (target, _) = (*best)?;
            let mutual = owner[target].is_some_and(|(known, _)| known == index);
            mutual.then(|| Correspondence {
                reference: reference.keypoints[index],
                moving: moving.keypoints[target],
            })
        })
        .collect()
}

fn best_near(
    reference: &Features,
    moving: &Features,
    transform: &Transform,
    buckets: &Buckets,
    index: usize,
) -> Option<(usize, f32)> {
    let keypoint = reference.keypoints[index];
    let expected = transform.map(keypoint.at);
    let j = transform.jacobian(keypoint.at);
    let rotation = (j[1][0] - j[0][1]).atan2(j[0][0] + j[1][1]);
    let zoom = transform.magnification(keypoint.at);
    let (mut best, mut second) = (None::<(usize, f32)>, 0.0f32);
    for candidate in buckets.near(expected) {
        let other = &moving.keypoints[candidate];
        let far = (other.at[0] - expected[0]).hypot(other.at[1] - expected[1]);
        let size = other.scale / (keypoint.scale * zoom);
        let fits = far <= buckets.side
            && (1.0 / SIZE..SIZE).contains(&size)
            && turn(keypoint.angle + rotation, other.angle).abs() < TURN;
        if !fits {
            continue;
        }
        let similarity = similarity(&reference.descriptors[index], &moving.descriptors[candidate]);
        match best {
            Some((known, most)) if similarity > most => {
                let apart = (other.at[0] - moving.keypoints[known].at[0])
                    .hypot(other.at[1] - moving.keypoints[known].at[1]);
                second = if apart > other.scale { most } else { second };
                best = Some((candidate, similarity));
            }
            Some((known, _)) => {
                let apart = (other.at[0] - moving.keypoints[known].at[0])
                    .hypot(other.at[1] - moving.keypoints[known].at[1]);
                if apart > other.scale {
                    second = second.max(similarity);
                }
            }
            None => best = Some((candidate, similarity)),
        }
    }
    best.filter(|&(_, most)| most > SIMILARITY && (1.0 - most) < RATIO * RATIO * (1.0 - second))
}

fn similarity(a: &Descriptor, b: &Descriptor) -> f32 {
    let mut lanes = [0.0f32; 16];
    for (x, y) in a.chunks_exact(16).zip(b.chunks_exact(16)) {
        for ((lane, x), y) in lanes.iter_mut().zip(x).zip(y) {
            *lane += x * y;
        }
    }
    lanes.iter().sum()
}

/// Bendings tried, see [`stiffness`].
const BENDINGS: [f64; 4] = [0.003, 0.012, 0.05, 0.2];

/// Rounds of re-weighting in the last fit.
const ROUNDS: usize = 4;

/// Rounds of re-weighting while bendings are compared.
const TRIAL_ROUNDS: usize = 2;

/// A bent transform and how it was found.
pub struct Bent {
    /// The transform.
    pub transform: Transform,
    /// How far it may bend, see [`stiffness`].
    pub bending: f64,
    /// Median distance, in native pixels of the reference, by which the fit to
    /// one half of the matches misses the other.
    pub held_out: f64,
}

/// Penalty in 1/px² on second differences of a field that may bend so much:
/// `bending` is the prior standard deviation of the second difference from
/// knot to knot as a share of the knots' distance.
pub fn stiffness(field: &Spline, bending: f64) -> f64 {
    (bending * field.spacing()).powi(-2)
}

/// The transform with the displacement that `matches` ask for, as bent as lets
/// each half of them predict the other best. `noise` is the error of a match
/// in native pixels of the reference. `None` if the matches do not fix it.
pub fn bend(straight: &Transform, matches: &[Correspondence], field: &Spline, noise: f64) -> Option<Bent> {
    let straight = straight.without_deformation();
    let wishes: Vec<Wish> = matches
        .iter()
        .filter_map(|pair| {
            let at = pair.reference.at;
            let end = straight.map_back(pair.moving.at)?;
            Some(Wish { at, shift: [end[0] - at[0], end[1] - at[1]], weight: 1.0 / (noise * noise) })
        })
        .collect();
    let (bending, held_out) = best_bending(&wishes, field, noise)?;
    let spline = follow(&wishes, field, bending, noise, ROUNDS)?;
    Some(Bent { transform: straight.with_deformation(spline), bending, held_out })
}

/// The bending whose fit to either half misses the other least, and the median miss.
fn best_bending(wishes: &[Wish], field: &Spline, noise: f64) -> Option<(f64, f64)> {
    let (white, black): (Vec<Wish>, Vec<Wish>) = wishes.iter().partition(|wish| {
        let [i, j] = wish.at.map(|value| (2.0 * value / field.spacing()) as usize);
        (i + j).is_multiple_of(2)
    });
    let tried: Vec<(f64, f64, f64)> = BENDINGS
        .par_iter()
        .filter_map(|&bending| {
            let mut misses = misses(&black, &follow(&white, field, bending, noise, TRIAL_ROUNDS)?);
            misses.extend(self::misses(&white, &follow(&black, field, bending, noise, TRIAL_ROUNDS)?));
            // Cauchy's cost: a wrong match costs little more than a bad one.
            let cost = misses.iter().map(|miss| (1.0 + (miss / (2.0 * noise)).powi(2)).ln()).sum();
            Some((cost, bending, median(&misses)))
        })
        .collect();
    tried.into_iter().min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, bending, held_out)| (bending, held_out))
}

/// The field that follows the wishes, with Cauchy weights: what is much
/// further off than the others loses its say.
fn follow(wishes: &[Wish], field: &Spline, bending: f64, noise: f64, rounds: usize) -> Option<Spline> {
    let stiffness = stiffness(field, bending);
    let mut weighted = wishes.to_vec();
    let mut fitted = None;
    for _ in 0..rounds {
        let spline = field.fit(&weighted, stiffness, 1e-4 * stiffness)?;
        let misses = misses(wishes, &spline);
        let scale = median(&misses).max(noise);
        for (wish, miss) in weighted.iter_mut().zip(misses) {
            wish.weight = 1.0 / (1.0 + (miss / (2.0 * scale)).powi(2)) / (noise * noise);
        }
        fitted = Some(spline);
    }
    fitted
}

/// How far the field is from every wish.
fn misses(wishes: &[Wish], field: &Spline) -> Vec<f64> {
    let miss = |&Wish { at, shift, .. }: &Wish| {
        let value = field.value(at);
        (value[0] - shift[0]).hypot(value[1] - shift[1])
    };
    wishes.iter().map(miss).collect()
}

/// The middle value, the upper one of two; 0 of nothing.
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The value below which a `share` of the others lie; 0 of nothing.
pub fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
        .get(((sorted.len() as f64 * share) as usize).min(sorted.len().saturating_sub(1)))
        .copied()
        .unwrap_or(0.0)
}
