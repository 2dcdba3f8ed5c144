//! The similarity, affine or projective transform that most matches agree
//! with: PROSAC-like sampling, local optimisation and the MAGSAC++ loss
//! (Barath et al. 2020, *CVPR*, "MAGSAC++, a fast, reliable and accurate
//! robust estimator"), which needs no sharp threshold.

use nalgebra::{Matrix3, SMatrix, SymmetricEigen, Vector3};
use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;
use statrs::function::gamma::{gamma, gamma_lr, gamma_ur};

use crate::alignment::descriptors::turn;
use crate::alignment::keypoints::Keypoint;

/// Two keypoints taken for one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Correspondence {
    /// In the reference, native pixels.
    pub reference: Keypoint,
    /// In the moving photo, native pixels.
    pub moving: Keypoint,
}

/// How many parameters the model has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Model {
    /// Turn, scale and shift: 4.
    Similarity,
    /// Any linear map and shift: 6.
    Affine,
    /// Perspective: 8.
    Homography,
}

impl Model {
    fn parameters(self) -> usize {
        match self {
            Model::Similarity => 4,
            Model::Affine => 6,
            Model::Homography => 8,
        }
    }

    /// The model's least-squares fit to weighted pairs of points.
    pub fn fit(self, pairs: &[Weighted]) -> Option<Matrix3<f64>> {
        match self {
            Model::Similarity => similarity(pairs),
            Model::Affine => affine(pairs),
            Model::Homography => homography(pairs),
        }
    }
}

/// A model and the matches it explains.
#[derive(Debug, Clone)]
pub struct Fit {
    /// Reference to moving, native pixels.
    pub matrix: Matrix3<f64>,
    /// Which kind of model the evidence asked for.
    pub model: Model,
    /// Indices of the correspondences it explains.
    pub inliers: Vec<usize>,
}

/// From, to and weight.
pub type Weighted = ([f64; 2], [f64; 2], f64);

/// Scales further apart than this factor are not the same photo session. Chosen by us.
const ZOOM: f64 = 5.0;

/// Largest disagreement of a keypoint's direction with the model, radians.
const TURN: f64 = 0.6;

/// Largest disagreement of a keypoint's scale with the model, as a factor.
const SIZE: f64 = 1.6;

/// Samples drawn at most.
const SAMPLES: usize = 6000;

/// Samples drawn at least: the surest matches come first, so few are enough.
const LEAST_SAMPLES: usize = 400;

/// The transform that most of `correspondences` (surest first) agree with,
/// where agreement fades out at `3.64 * sigma` pixels of the moving photo.
/// `None` if no transform explains even a handful.
pub fn fit(correspondences: &[Correspondence], sigma: f64, seed: u64) -> Option<Fit> {
    let loss = Loss::new(sigma);
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let mut best: Option<(f64, Matrix3<f64>)> = None;
    let mut needed = SAMPLES;
    let mut drawn = 0;
    while drawn < needed && correspondences.len() >= 2 {
        let pool =
            (correspondences.len() * (drawn + 50) / (3 * LEAST_SAMPLES)).clamp(2, correspondences.len());
        drawn += 1;
        let (a, b) = (random.random_range(0..pool), random.random_range(0..pool));
        let Some(matrix) = sampled(&correspondences[a], &correspondences[b]) else { continue };
        let score = loss.total(&matrix, correspondences);
        if best.is_none_or(|(known, _)| score < known) {
            let (score, matrix) = polished(score, matrix, correspondences, &loss);
            needed = needed.min(samples_needed(&matrix, correspondences, &loss).max(LEAST_SAMPLES));
            best = Some((score, matrix));
        }
    }
    let (_, matrix) = best?;
    let fit = select(matrix, correspondences, &loss);
    (fit.inliers.len() >= 4).then_some(fit)
}

/// The similarity through two matches, unless their scales and directions deny it.
fn sampled(a: &Correspondence, b: &Correspondence) -> Option<Matrix3<f64>> {
    let (from, to) = (minus(b.reference.at, a.reference.at), minus(b.moving.at, a.moving.at));
    let least = 4.0 * a.reference.scale.max(b.reference.scale);
    if norm(from) < least || norm(to) < 1e-9 {
        return None;
    }
    let matrix = similarity(&[(a.reference.at, a.moving.at, 1.0), (b.reference.at, b.moving.at, 1.0)])?;
    let zoom = norm(to) / norm(from);
    let plausible = (1.0 / ZOOM..ZOOM).contains(&zoom);
    (plausible && agrees(&matrix, a) && agrees(&matrix, b)).then_some(matrix)
}

/// Whether the match's scale and direction fit the model.
fn agrees(matrix: &Matrix3<f64>, pair: &Correspondence) -> bool {
    let [x, y] = pair.reference.at;
    let w = matrix[(2, 0)] * x + matrix[(2, 1)] * y + matrix[(2, 2)];
    let [a, b, c, d] = [matrix[(0, 0)] / w, matrix[(0, 1)] / w, matrix[(1, 0)] / w, matrix[(1, 1)] / w];
    let determinant = a * d - b * c;
    let size = pair.moving.scale / pair.reference.scale / determinant.max(1e-12).sqrt();
    determinant > 0.0
        && (1.0 / SIZE..SIZE).contains(&size)
        && turn(pair.reference.angle + (c - b).atan2(a + d), pair.moving.angle).abs() < TURN
}

/// Distance from where the model puts the reference's keypoint to the moving one.
fn residual(matrix: &Matrix3<f64>, pair: &Correspondence) -> f64 {
    let p = matrix * Vector3::new(pair.reference.at[0], pair.reference.at[1], 1.0);
    (p[0] / p[2] - pair.moving.at[0]).hypot(p[1] / p[2] - pair.moving.at[1])
}

fn samples_needed(matrix: &Matrix3<f64>, pairs: &[Correspondence], loss: &Loss) -> usize {
    let share = loss.inliers(matrix, pairs).len() as f64 / pairs.len() as f64;
    let miss = (1.0 - share * share).clamp(1e-9, 1.0 - 1e-9);
    // Sure to 0.01 % to have drawn one sample without a wrong match.
    (1e-4f64.ln() / miss.ln()).min(SAMPLES as f64) as usize
}

/// The model improved by re-weighted least squares, as long as that lowers the loss.
fn polished(
    mut score: f64,
    mut matrix: Matrix3<f64>,
    pairs: &[Correspondence],
    loss: &Loss,
) -> (f64, Matrix3<f64>) {
    for _ in 0..5 {
        let Some(next) = similarity(&loss.weighted(&matrix, pairs)) else { break };
        let improved = loss.total(&next, pairs);
        if improved >= score {
            break;
        }
        (score, matrix) = (improved, next);
    }
    (score, matrix)
}

/// The model with the least Bayesian information criterion, refitted by
/// re-weighting until it stands still.
fn select(start: Matrix3<f64>, pairs: &[Correspondence], loss: &Loss) -> Fit {
    let mut best: Option<(f64, Fit)> = None;
    let scale = loss.spread(&start, pairs);
    for model in [Model::Similarity, Model::Affine, Model::Homography] {
        let Some(matrix) = settled(model, start, pairs, loss) else { continue };
        let inliers = loss.inliers(&matrix, pairs);
        if inliers.len() < 2 * model.parameters() && model != Model::Similarity {
            continue;
        }
        let misfit: f64 = pairs
            .iter()
            .map(|pair| {
                let far = if agrees(&matrix, pair) { residual(&matrix, pair) / scale } else { f64::INFINITY };
                (far * far).min(9.0)
            })
            .sum();
        let evidence = misfit + model.parameters() as f64 * (pairs.len() as f64).ln();
        if best.as_ref().is_none_or(|(known, _)| evidence < *known) {
            best = Some((evidence, Fit { matrix, model, inliers }));
        }
    }
    let inliers = loss.inliers(&start, pairs);
    best.map_or(Fit { matrix: start, model: Model::Similarity, inliers }, |(_, fit)| fit)
}

fn settled(model: Model, start: Matrix3<f64>, pairs: &[Correspondence], loss: &Loss) -> Option<Matrix3<f64>> {
    let mut matrix = start;
    for _ in 0..10 {
        matrix = model.fit(&loss.weighted(&matrix, pairs))?;
    }
    Some(matrix)
}

/// The MAGSAC++ loss of one residual and the weight that minimises it,
/// marginalised over all noise levels up to `sigma`.
struct Loss {
    sigma: f64,
    /// Loss, 1 beyond the reach, and weight, 1 at 0, over `t = r² / (2 sigma²)`.
    table: Vec<[f64; 2]>,
}

/// Residuals beyond this many standard deviations are outliers: the 0.99
/// quantile of the chi distribution with four degrees of freedom.
const REACH: f64 = 3.64;

/// Entries of the table.
const ENTRIES: usize = 1024;

impl Loss {
    fn new(sigma: f64) -> Self {
        let end = REACH * REACH / 2.0;
        let upper = |t: f64| if t > 0.0 { gamma_ur(1.5, t) * gamma(1.5) } else { gamma(1.5) };
        let lower = |t: f64| if t > 0.0 { gamma_lr(2.5, t) * gamma(2.5) } else { 0.0 };
        let (cut, most) = (upper(end), lower(end));
        let table = (0..=ENTRIES)
            .map(|k| {
                let t = end * k as f64 / ENTRIES as f64;
                let excess = upper(t) - cut;
                [(lower(t) + t * excess) / most, excess / (upper(0.0) - cut)]
            })
            .collect();
        Self { sigma, table }
    }

    fn look_up(&self, residual: f64) -> [f64; 2] {
        let share = (residual / (REACH * self.sigma)).powi(2);
        // Not a number counts as far away.
        if share < 1.0 { self.table[(share * ENTRIES as f64) as usize] } else { [1.0, 0.0] }
    }

    fn total(&self, matrix: &Matrix3<f64>, pairs: &[Correspondence]) -> f64 {
        pairs
            .iter()
            .map(|pair| {
                let [loss, _] = self.look_up(residual(matrix, pair));
                if loss < 1.0 && agrees(matrix, pair) { loss } else { 1.0 }
            })
            .sum()
    }

    fn weighted(&self, matrix: &Matrix3<f64>, pairs: &[Correspondence]) -> Vec<Weighted> {
        pairs
            .iter()
            .filter_map(|pair| {
                let [_, weight] = self.look_up(residual(matrix, pair));
                let counts = weight > 0.0 && agrees(matrix, pair);
                counts.then_some((pair.reference.at, pair.moving.at, weight))
            })
            .collect()
    }

    fn inliers(&self, matrix: &Matrix3<f64>, pairs: &[Correspondence]) -> Vec<usize> {
        let near =
            |pair: &Correspondence| residual(matrix, pair) < REACH * self.sigma && agrees(matrix, pair);
        (0..pairs.len()).filter(|&i| near(&pairs[i])).collect()
    }

    /// Robust standard deviation (per axis) of the inliers' residuals.
    fn spread(&self, matrix: &Matrix3<f64>, pairs: &[Correspondence]) -> f64 {
        let inliers = self.inliers(matrix, pairs);
        let mut far: Vec<f64> = inliers.iter().map(|&i| residual(matrix, &pairs[i])).collect();
        far.sort_by(f64::total_cmp);
        // The median length of a two-dimensional normal error is 1.1774 of its deviation.
        far.get(far.len() / 2).map_or(self.sigma, |median| (median / 1.1774).max(0.02 * self.sigma))
    }
}

fn minus(a: [f64; 2], b: [f64; 2]) -> [f64; 2] {
    [a[0] - b[0], a[1] - b[1]]
}

fn norm(a: [f64; 2]) -> f64 {
    a[0].hypot(a[1])
}

/// Weighted centres of both sides, and the total weight.
fn centres(pairs: &[Weighted]) -> Option<([f64; 2], [f64; 2])> {
    let (mut from, mut to, mut total) = ([0.0; 2], [0.0; 2], 0.0);
    for &(a, b, weight) in pairs {
        (0..2).for_each(|k| from[k] += weight * a[k]);
        (0..2).for_each(|k| to[k] += weight * b[k]);
        total += weight;
    }
    (total > 0.0).then(|| (from.map(|sum| sum / total), to.map(|sum| sum / total)))
}

/// Least squares: turn and scale from the complex ratio, shift from the centres.
fn similarity(pairs: &[Weighted]) -> Option<Matrix3<f64>> {
    let (from, to) = centres(pairs)?;
    let (mut real, mut imaginary, mut square) = (0.0, 0.0, 0.0);
    for &(a, b, weight) in pairs {
        let ([x, y], [u, v]) = (minus(a, from), minus(b, to));
        real += weight * (x * u + y * v);
        imaginary += weight * (x * v - y * u);
        square += weight * (x * x + y * y);
    }
    let (c, s) = (real / square, imaginary / square);
    let zoom = c.hypot(s);
    (square > 1e-9 && zoom.is_finite() && zoom > 1e-6).then(|| {
        Matrix3::new(
            c,
            -s,
            to[0] - c * from[0] + s * from[1],
            s,
            c,
            to[1] - s * from[0] - c * from[1],
            0.0,
            0.0,
            1.0,
        )
    })
}

/// Least squares over all linear maps.
fn affine(pairs: &[Weighted]) -> Option<Matrix3<f64>> {
    let (from, to) = centres(pairs)?;
    let (mut normal, mut mixed) = (nalgebra::Matrix2::zeros(), nalgebra::Matrix2::zeros());
    for &(a, b, weight) in pairs {
        let (p, q) = (nalgebra::Vector2::from(minus(a, from)), nalgebra::Vector2::from(minus(b, to)));
        normal += weight * p * p.transpose();
        mixed += weight * q * p.transpose();
    }
    let linear = mixed * normal.try_inverse()?;
    let shift = nalgebra::Vector2::from(to) - linear * nalgebra::Vector2::from(from);
    Some(Matrix3::new(
        linear[(0, 0)],
        linear[(0, 1)],
        shift[0],
        linear[(1, 0)],
        linear[(1, 1)],
        shift[1],
        0.0,
        0.0,
        1.0,
    ))
}

/// The normalised direct linear transform (Hartley 1997, *IEEE PAMI* 19:580).
fn homography(pairs: &[Weighted]) -> Option<Matrix3<f64>> {
    let (from, to) = centres(pairs)?;
    let spread = |side: fn(&Weighted) -> [f64; 2], centre: [f64; 2]| {
        let total: f64 = pairs.iter().map(|pair| pair.2).sum();
        pairs.iter().map(|pair| pair.2 * norm(minus(side(pair), centre))).sum::<f64>() / total
    };
    let (zoom_from, zoom_to) = (1.0 / spread(|p| p.0, from), 1.0 / spread(|p| p.1, to));
    let mut normal = SMatrix::<f64, 9, 9>::zeros();
    for &(a, b, weight) in pairs {
        let ([x, y], [u, v]) = (minus(a, from).map(|p| p * zoom_from), minus(b, to).map(|p| p * zoom_to));
        for row in [
            SMatrix::<f64, 9, 1>::from([x, y, 1.0, 0.0, 0.0, 0.0, -u * x, -u * y, -u]),
            SMatrix::<f64, 9, 1>::from([0.0, 0.0, 0.0, x, y, 1.0, -v * x, -v * y, -v]),
        ] {
            normal += weight * row * row.transpose();
        }
    }
    if !normal.iter().all(|value| value.is_finite()) {
        return None;
    }
    let eigen = SymmetricEigen::new(normal);
    let h = eigen.eigenvectors.column(eigen.eigenvalues.imin()).into_owned();
    let inner = Matrix3::from_row_slice(h.as_slice());
    let scaled = |zoom: f64, c: [f64; 2]| {
        Matrix3::new(zoom, 0.0, -zoom * c[0], 0.0, zoom, -zoom * c[1], 0.0, 0.0, 1.0)
    };
    let matrix = scaled(zoom_to, to).try_inverse()? * inner * scaled(zoom_from, from);
    let matrix = matrix / matrix[(2, 2)];
    matrix.iter().all(|value| value.is_finite()).then_some(matrix)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keypoint(at: [f64; 2], scale: f64, angle: f64) -> Keypoint {
        Keypoint { at, scale, angle }
    }

    /// 60 right matches of a turn by 30° and a zoom of 1.2, and as many wrong ones.
    fn half_wrong() -> (Matrix3<f64>, Vec<Correspondence>) {
        let (sin, cos) = (0.5f64, 0.75f64.sqrt());
        let truth = Matrix3::new(1.2 * cos, -1.2 * sin, 40.0, 1.2 * sin, 1.2 * cos, -25.0, 0.0, 0.0, 1.0);
        let mut random = Pcg64Mcg::seed_from_u64(7);
        let pairs = (0..120)
            .map(|k| {
                let at: [f64; 2] = [random.random_range(0.0..1000.0), random.random_range(0.0..800.0)];
                let p = truth * Vector3::new(at[0], at[1], 1.0);
                let angle = random.random_range(0.0..6.0);
                let moving = if k % 2 == 0 {
                    keypoint([p[0], p[1]], 2.4, angle + std::f64::consts::FRAC_PI_6)
                } else {
                    keypoint([random.random_range(0.0..1000.0), random.random_range(0.0..800.0)], 2.4, angle)
                };
                Correspondence { reference: keypoint(at, 2.0, angle), moving }
            })
            .collect();
        (truth, pairs)
    }

    #[test]
    fn half_of_the_matches_may_be_wrong() {
        let (truth, pairs) = half_wrong();
        let fit = fit(&pairs, 3.0, 1).unwrap();
        assert_eq!(fit.model, Model::Similarity);
        assert!((fit.matrix - truth).iter().all(|error| error.abs() < 1e-3), "{}", fit.matrix);
        assert!(fit.inliers.iter().filter(|&&i| i % 2 == 0).count() == 60 && fit.inliers.len() < 64);
    }

    #[test]
    fn a_mirror_image_is_not_explained() {
        let (_, pairs) = half_wrong();
        let mirrored: Vec<Correspondence> = pairs
            .into_iter()
            .map(|mut pair| {
                pair.moving.at[0] = 1000.0 - pair.moving.at[0];
                pair
            })
            .collect();
        assert!(fit(&mirrored, 3.0, 1).is_none_or(|fit| fit.inliers.len() < 8));
    }

    #[test]
    fn the_loss_rises_from_0_to_1_and_the_weight_falls_from_1_to_0() {
        let loss = Loss::new(2.0);
        assert_eq!(loss.look_up(0.0), [0.0, 1.0]);
        assert_eq!(loss.look_up(2.0 * REACH), [1.0, 0.0]);
        assert_eq!(loss.look_up(f64::NAN), [1.0, 0.0]);
        assert!(loss.table.windows(2).all(|pair| pair[1][0] >= pair[0][0] && pair[1][1] <= pair[0][1]));
    }

    #[test]
    fn perspective_is_recovered_where_it_is_needed() {
        let truth = Matrix3::new(1.0, 0.02, 5.0, -0.01, 0.98, 3.0, 4e-5, -6e-5, 1.0);
        let pairs: Vec<Correspondence> = (0..80)
            .map(|k| {
                let at = [(k * 97 % 1000) as f64, (k * 61 % 800) as f64];
                let p = truth * Vector3::new(at[0], at[1], 1.0);
                Correspondence {
                    reference: keypoint(at, 2.0, 1.0),
                    moving: keypoint([p[0] / p[2], p[1] / p[2]], 2.0, 1.0),
                }
            })
            .collect();
        let fit = fit(&pairs, 12.0, 3).unwrap();
        assert_eq!(fit.model, Model::Homography);
        assert!((fit.matrix - truth).iter().all(|error| error.abs() < 1e-4));
    }

    #[test]
    fn too_few_matches_give_nothing() {
        assert!(fit(&[], 3.0, 1).is_none());
        let one = Correspondence {
            reference: keypoint([1.0, 2.0], 2.0, 0.0),
            moving: keypoint([3.0, 4.0], 2.0, 0.0),
        };
        assert!(fit(&[one, one, one], 3.0, 1).is_none());
    }
}
