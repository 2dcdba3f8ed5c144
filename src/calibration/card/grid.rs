//! The grid of patches: flat pieces of one size that lie on a lattice.

use nalgebra::{DMatrix, Matrix3, Vector3};

use super::{COLUMNS, LINES};
use crate::filter::components::components_of;
use crate::raster::{self, Mask, Plane};

/// A flat piece of the photo that may be a patch, in cells of the planes searched.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Piece {
    centre: [f64; 2],
    side: f64,
}

/// Patches found at whole places of a lattice, and the way from its
/// coordinates to cells of the planes searched.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    /// Column and line of each patch found; whole numbers from anywhere.
    pub places: Vec<[i32; 2]>,
    /// Lattice coordinates to cells.
    pub homography: Matrix3<f64>,
}

impl Grid {
    /// First and last column or line.
    pub fn span(&self, axis: usize) -> (i32, i32) {
        let along = self.places.iter().map(|place| place[axis]);
        (along.clone().min().unwrap_or(0), along.max().unwrap_or(0))
    }

    /// Patches found per place that it spans, the card's at least: a lattice
    /// along the patches' diagonals meets as many of them, but spans more.
    fn fullness(&self) -> f64 {
        let length = |(first, last): (i32, i32)| last - first + 1;
        let spanned = length(self.span(0)) * length(self.span(1));
        self.places.len() as f64 / f64::from(spanned.max(COLUMNS * LINES))
    }
}

/// Steps of sRGB (`0..=1`) over two cells that part a patch from its frame:
/// low ones find dark patches, high ones blurred or noisy patches.
const EDGES: [f32; 3] = [0.025, 0.05, 0.10];

/// Least side of a piece, cells, and its largest as a share of the photo's shorter side.
const LEAST_SIDE: f64 = 5.0;
const MOST_SIDE: f64 = 0.2;

/// How well a piece fills the parallelogram of its moments.
const FILL: std::ops::RangeInclusive<f64> = 0.85..=1.12;

/// Largest ratio of the variances of a piece along its axes.
const SLENDER: f64 = 5.0;

/// Most pieces that are tried, the best filled first.
const MOST_PIECES: usize = 400;

/// Distance of neighbouring patches, in sides of the flat part seen of them.
const PITCH: std::ops::RangeInclusive<f64> = 1.02..=1.9;

/// How far a patch may lie from its place, in pitches.
const OFF: f64 = 0.22;

/// Fewest patches that make a grid: fewer happen by chance on cloth and tiles.
/// Whether it is the card, the colours decide.
const LEAST_PATCHES: usize = 7;

/// The fullest grid of like pieces on planes of sRGB-encoded light, if there is one.
pub fn find(encoded: &[Plane; 3]) -> Option<Grid> {
    let pieces = pieces(encoded);
    let mut best: Option<Grid> = None;
    for (seed, _) in pieces.iter().enumerate() {
        for (across, down) in bases(&pieces, seed) {
            let Some(grid) = grow(&pieces, [seed, across, down]) else { continue };
            if best.as_ref().is_none_or(|best| grid.fullness() > best.fullness()) {
                best = Some(grid);
            }
        }
        if best.as_ref().is_some_and(|best| best.fullness() >= 1.0) {
            break;
        }
    }
    best.filter(|grid| grid.places.len() >= LEAST_PATCHES)
}

/// The place of a point of the lattice.
pub fn project(homography: &Matrix3<f64>, [x, y]: [f64; 2]) -> [f64; 2] {
    let at = homography * Vector3::new(x, y, 1.0);
    [at[0] / at[2], at[1] / at[2]]
}

fn pieces(encoded: &[Plane; 3]) -> Vec<Piece> {
    let (width, height) = raster::size(&encoded[0]);
    let steps = raster::rows(width, height, |y, out: &mut [f32]| {
        let (above, below) = (y.saturating_sub(1), (y + 1).min(height - 1));
        for plane in encoded {
            let [above, here, below] = [above, y, below].map(|y| raster::row(plane, y));
            for (x, value) in out.iter_mut().enumerate() {
                let (left, right) = (x.saturating_sub(1), (x + 1).min(width - 1));
                let across = (here[right] - here[left]).abs();
                *value = value.max(across).max((below[x] - above[x]).abs());
            }
        }
    });
    let most = MOST_SIDE * width.min(height) as f64;
    let sized = |area: usize| (LEAST_SIDE * LEAST_SIDE..=most * most).contains(&(area as f64));
    let mut found: Vec<(Piece, f64)> = Vec::new();
    for edge in EDGES {
        let flat: Mask = steps.mapv(|step| step < edge);
        for (piece, fill) in components_of(&flat, sized).iter().filter_map(|pixels| piece(pixels)) {
            let twin =
                found.iter_mut().find(|(other, _)| distance(other.centre, piece.centre) < 0.4 * piece.side);
            match twin {
                Some(twin) if piece.side > twin.0.side => *twin = (piece, fill),
                Some(_) => {}
                None => found.push((piece, fill)),
            }
        }
    }
    found.sort_by(|a, b| (a.1 - 1.0).abs().total_cmp(&(b.1 - 1.0).abs()));
    found.truncate(MOST_PIECES);
    found.into_iter().map(|(piece, _)| piece).collect()
}

/// A component as a piece, with how well it fills its parallelogram; `None`
/// if it has not the shape of a patch.
fn piece(pixels: &[(u32, u32)]) -> Option<(Piece, f64)> {
    let area = pixels.len() as f64;
    let mean = |of: &dyn Fn(&(u32, u32)) -> f64| pixels.iter().map(of).sum::<f64>() / area;
    let centre = [mean(&|p| p.0.into()), mean(&|p| p.1.into())];
    let moment = |i: usize, j: usize| {
        mean(&|p| {
            let off = [f64::from(p.0) - centre[0], f64::from(p.1) - centre[1]];
            off[i] * off[j]
        })
    };
    let (xx, xy, yy) = (moment(0, 0) + 1.0 / 12.0, moment(0, 1), moment(1, 1) + 1.0 / 12.0);
    let determinant = xx * yy - xy * xy;
    let (half, spread) = ((xx + yy) / 2.0, ((xx - yy) / 2.0).hypot(xy));
    let fill = area / (12.0 * determinant.max(1e-9).sqrt());
    let right = FILL.contains(&fill) && half + spread <= SLENDER * (half - spread).max(1e-9);
    right.then(|| (Piece { centre, side: area.sqrt() }, fill))
}

fn distance(a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

/// Pairs of neighbours that can be the next patch across and the next down,
/// in the sense of the photo's axes.
fn bases(pieces: &[Piece], seed: usize) -> Vec<(usize, usize)> {
    let own = pieces[seed];
    let mut near: Vec<usize> = (0..pieces.len())
        .filter(|&other| {
            let ratio = pieces[other].side / own.side;
            let reach = distance(pieces[other].centre, own.centre) / own.side.min(pieces[other].side);
            other != seed && (0.6..=1.7).contains(&ratio) && PITCH.contains(&reach)
        })
        .collect();
    near.sort_by(|&a, &b| {
        distance(pieces[a].centre, own.centre).total_cmp(&distance(pieces[b].centre, own.centre))
    });
    near.truncate(6);
    let arm = |other: usize| [0, 1].map(|i| pieces[other].centre[i] - own.centre[i]);
    let mut pairs = Vec::new();
    for &across in &near {
        for &down in &near {
            let (u, v) = (arm(across), arm(down));
            let (lengths, cross) = (u[0].hypot(u[1]) * v[0].hypot(v[1]), u[0] * v[1] - u[1] * v[0]);
            if cross > 0.7 * lengths {
                pairs.push((across, down));
            }
        }
    }
    pairs
}

/// The grid that grows from a patch and its neighbours across and down.
fn grow(pieces: &[Piece], [seed, across, down]: [usize; 3]) -> Option<Grid> {
    let mut taken: Vec<([i32; 2], usize)> = vec![([0, 0], seed), ([1, 0], across), ([0, 1], down)];
    let mut homography = affine(pieces, [seed, across, down]);
    loop {
        let mut grown = false;
        for known in 0..taken.len() {
            let [i, j] = taken[known].0;
            for place in [[i + 1, j], [i - 1, j], [i, j + 1], [i, j - 1]] {
                if taken.iter().any(|(other, _)| *other == place) {
                    continue;
                }
                let here = project(&homography, [i.into(), j.into()]);
                let there = project(&homography, place.map(f64::from));
                // What the lattice leaves at the known patch, its neighbour shares.
                let at = [0, 1].map(|k| there[k] + pieces[taken[known].1].centre[k] - here[k]);
                let pitch = distance(here, there);
                let fits = |&(index, piece): &(usize, &Piece)| {
                    let ratio = piece.side / pieces[taken[known].1].side;
                    distance(piece.centre, at) < OFF * pitch
                        && (0.6..=1.7).contains(&ratio)
                        && taken.iter().all(|(_, other)| *other != index)
                };
                let nearest = pieces
                    .iter()
                    .enumerate()
                    .filter(fits)
                    .min_by(|a, b| distance(a.1.centre, at).total_cmp(&distance(b.1.centre, at)));
                if let Some((index, _)) = nearest {
                    taken.push((place, index));
                    grown = true;
                }
            }
            if taken.len() > 40 {
                return None;
            }
        }
        if taken.len() >= 6 {
            homography = fitted(pieces, &taken)?;
        }
        if !grown {
            break;
        }
    }
    let places = taken.iter().map(|(place, _)| *place).collect();
    (taken.len() >= LEAST_PATCHES).then_some(Grid { places, homography })
}

fn affine(pieces: &[Piece], [seed, across, down]: [usize; 3]) -> Matrix3<f64> {
    let [o, u, v] = [seed, across, down].map(|index| pieces[index].centre);
    Matrix3::new(u[0] - o[0], v[0] - o[0], o[0], u[1] - o[1], v[1] - o[1], o[1], 0.0, 0.0, 1.0)
}

/// The homography of least squares from places to centres (direct linear
/// transform, both sides brought to unit size first).
fn fitted(pieces: &[Piece], taken: &[([i32; 2], usize)]) -> Option<Matrix3<f64>> {
    let from: Vec<[f64; 2]> = taken.iter().map(|(place, _)| place.map(f64::from)).collect();
    let to: Vec<[f64; 2]> = taken.iter().map(|(_, index)| pieces[*index].centre).collect();
    homography(&from, &to)
}

/// The homography that brings the points `from` closest to `to`; `None` if
/// fewer than four points or all on a line.
pub fn homography(from: &[[f64; 2]], to: &[[f64; 2]]) -> Option<Matrix3<f64>> {
    if from.len() < 4 || from.len() != to.len() {
        return None;
    }
    let (a, b) = (unit(from), unit(to));
    let mut rows = DMatrix::zeros((2 * from.len()).max(9), 9);
    for (k, (p, q)) in from.iter().zip(to).enumerate() {
        let (p, q) = (project(&a, *p), project(&b, *q));
        let row = [p[0], p[1], 1.0];
        for i in 0..3 {
            rows[(2 * k, i)] = row[i];
            rows[(2 * k, 6 + i)] = -q[0] * row[i];
            rows[(2 * k + 1, 3 + i)] = row[i];
            rows[(2 * k + 1, 6 + i)] = -q[1] * row[i];
        }
    }
    let decomposed = rows.svd(false, true);
    let least = decomposed.singular_values.imin();
    let v = decomposed.v_t?;
    let h = Matrix3::from_fn(|i, j| v[(least, 3 * i + j)]);
    let whole = b.try_inverse()? * h * a;
    let scaled = whole / whole[(2, 2)];
    scaled.iter().all(|value| value.is_finite()).then_some(scaled)
}

/// The similarity that brings points to mean 0 and unit size.
fn unit(points: &[[f64; 2]]) -> Matrix3<f64> {
    let n = points.len() as f64;
    let mean = [0, 1].map(|i| points.iter().map(|p| p[i]).sum::<f64>() / n);
    let size = points.iter().map(|p| distance(*p, mean)).sum::<f64>() / n;
    let s = 1.0 / size.max(1e-9);
    Matrix3::new(s, 0.0, -s * mean[0], 0.0, s, -s * mean[1], 0.0, 0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 23 places span 6 by 4 along the card's sides; where each line begins one further, the
    /// third ends at column 7 and the four of them span 8 by 4.
    #[test]
    fn a_lattice_along_the_diagonals_is_less_full() {
        let square: Vec<[i32; 2]> = (0..23).map(|i| [i % 6, i / 6]).collect();
        let sheared = square.iter().map(|[i, j]| [i + j, *j]).collect();
        let [square, sheared] =
            [square, sheared].map(|places| Grid { places, homography: Matrix3::identity() }.fullness());
        assert_eq!([square, sheared], [23.0 / 24.0, 23.0 / 32.0]);
    }
}
