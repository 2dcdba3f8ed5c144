//! Which keypoint of one photo is which of the other.

use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;

use crate::alignment::descriptors::{Descriptor, LENGTH};
use crate::alignment::keypoints::Keypoint;

/// A keypoint of the reference taken for one of the moving photo.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Match {
    /// Index in the reference.
    pub reference: usize,
    /// Index in the moving photo.
    pub moving: usize,
    /// Distance to the best match over distance to the second best, `0..=1`: lower is surer.
    pub ratio: f32,
}

/// Largest ratio of distances (Lowe's test). Chosen by us: skin repeats itself,
/// and the robust fit behind it copes with many wrong matches.
const RATIO: f32 = 0.9;

/// Rows of the similarity matrix worked out at a time.
const BLOCK: usize = 128;

/// The best and the second best match of one descriptor.
#[derive(Clone, Copy)]
struct Best {
    index: usize,
    similarity: f32,
    second: f32,
}

/// An index and its similarity.
type Rival = (usize, f32);

/// Matches that are best in both directions and clearly better than the
/// second best at another place, surest first.
pub fn mutual(reference: (&[Keypoint], &[Descriptor]), moving: (&[Keypoint], &[Descriptor])) -> Vec<Match> {
    let (Some(rows), Some(columns)) = (stacked(reference.1), stacked(moving.1)) else { return Vec::new() };
    let columns = columns.reversed_axes();
    let blocks: Vec<(Vec<Best>, Vec<Rival>)> = (0..reference.0.len().div_ceil(BLOCK))
        .into_par_iter()
        .map(|block| {
            let (from, to) = (block * BLOCK, ((block + 1) * BLOCK).min(reference.0.len()));
            let block = rows.slice_axis(Axis(0), (from..to).into());
            best_of_block(block, columns.view(), moving.0, from)
        })
        .collect();
    let mut back = vec![(usize::MAX, -1.0f32); moving.0.len()];
    for (_, best) in &blocks {
        for (known, &new) in back.iter_mut().zip(best) {
            if new.1 > known.1 {
                *known = new;
            }
        }
    }
    let forth = blocks.iter().flat_map(|(best, _)| best);
    let mut matches: Vec<Match> = forth
        .enumerate()
        .filter(|&(i, best)| best.index != usize::MAX && back[best.index].0 == i)
        .map(|(i, best)| Match { reference: i, moving: best.index, ratio: ratio(best) })
        .filter(|found| found.ratio < RATIO)
        .collect();
    matches.sort_by(|a, b| a.ratio.total_cmp(&b.ratio));
    matches
}

fn stacked(descriptors: &[Descriptor]) -> Option<Array2<f32>> {
    let values: Vec<f32> = descriptors.iter().flatten().copied().collect();
    (!values.is_empty()).then(|| {
        Array2::from_shape_vec((descriptors.len(), LENGTH), values).expect("descriptors are of one length")
    })
}

/// The best matches of a block of rows, and of every column inside the block.
fn best_of_block(
    rows: ArrayView2<f32>,
    columns: ArrayView2<f32>,
    places: &[Keypoint],
    first: usize,
) -> (Vec<Best>, Vec<Rival>) {
    let similarities = rows.dot(&columns);
    let mut back = vec![(usize::MAX, -1.0f32); columns.ncols()];
    let mut forth = Vec::with_capacity(rows.nrows());
    for (i, line) in similarities.axis_iter(Axis(0)).enumerate() {
        let line = line.to_slice().expect("a product is in standard layout");
        forth.push(best_two(line, places));
        for (known, &similarity) in back.iter_mut().zip(line) {
            if similarity > known.1 {
                *known = (first + i, similarity);
            }
        }
    }
    (forth, back)
}

/// The most similar, and the most similar that lies elsewhere: a keypoint with
/// two directions is not its own rival.
fn best_two(line: &[f32], places: &[Keypoint]) -> Best {
    let mut best = Best { index: usize::MAX, similarity: 0.0, second: 0.0 };
    for (index, &similarity) in line.iter().enumerate() {
        if similarity > best.similarity {
            best = Best { index, similarity, second: 0.0 };
        }
    }
    if best.index != usize::MAX {
        let place = places[best.index];
        for (&similarity, other) in line.iter().zip(places) {
            let apart = || (other.at[0] - place.at[0]).hypot(other.at[1] - place.at[1]);
            if similarity > best.second && apart() > place.scale {
                best.second = similarity;
            }
        }
    }
    best
}

/// Ratio of Hellinger distances `sqrt(2 - 2 s)`.
fn ratio(best: &Best) -> f32 {
    // Two perfect rivals are as doubtful as any.
    let squared = |similarity: f32| (1.0 - similarity).max(1e-6);
    (squared(best.similarity) / squared(best.second)).sqrt().min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keypoint(x: f64) -> Keypoint {
        Keypoint { at: [x, 0.0], scale: 2.0, angle: 0.0 }
    }

    fn peaked(at: usize) -> Descriptor {
        let mut descriptor = [0.0; LENGTH];
        descriptor[at] = 1.0;
        descriptor
    }

    #[test]
    fn only_clear_and_mutual_matches_stay() {
        let reference = ([keypoint(0.0), keypoint(50.0)], [peaked(3), peaked(9)]);
        let moving = ([keypoint(7.0), keypoint(70.0), keypoint(90.0)], [peaked(9), peaked(9), peaked(3)]);
        let found = mutual((&reference.0, &reference.1), (&moving.0, &moving.1));
        // The second of the reference has two equal rivals.
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].reference, found[0].moving), (0, 2));
        assert!(found[0].ratio < 0.01);
    }

    #[test]
    fn nothing_matches_nothing() {
        assert!(mutual((&[], &[]), (&[keypoint(1.0)], &[peaked(1)])).is_empty());
    }
}
