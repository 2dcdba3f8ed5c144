//! Blobs: maxima of the scale-normalised Laplacian of a Gaussian (Lindeberg
//! 1998, *IJCV* 30:79).

use std::collections::BTreeMap;

use multiversion::multiversion;
use rayon::prelude::*;

use crate::filter::scale_space::Rung;
use crate::raster::{self, row};

/// Rows searched together: their responses fit the second-level cache.
const BAND: usize = 32;

/// A round elevation of a plane, in pixels of the plane that the ladder of
/// scales was built on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Blob {
    /// Column of its centre.
    pub x: f64,
    /// Row of its centre.
    pub y: f64,
    /// Standard deviation of the Gaussian that responds the same way.
    pub sigma: f64,
    /// Height of that Gaussian, in the plane's unit.
    pub height: f64,
    /// Smaller over larger principal curvature: 1 is round, 0 a ridge.
    pub isotropy: f64,
    /// How far the smoothed plane falls off around it, as a share of its
    /// height: the least but one of eight directions, so that one neighbour
    /// does not matter. Not positive at a corner of something larger.
    pub prominence: f64,
}

/// Variance, pixels squared, that the nine-point Laplacian smooths by as it differentiates:
/// it is `∇² + ∇⁴/12`, and smoothing by a small variance `v` is `1 + v∇²/2`.
const LAPLACIAN_VARIANCE: f64 = 1.0 / 6.0;

/// `-σ² ∇²` of a rung at a pixel, by the nine-point Laplacian, whose error is
/// the same in all directions; 0 on the border. Half the height of a Gaussian
/// as wide as the rung and the Laplacian smooth.
pub fn response(rung: &Rung, x: usize, y: usize) -> f32 {
    let (width, height) = raster::size(&rung.plane);
    if x == 0 || y == 0 || x + 1 >= width || y + 1 >= height {
        return 0.0;
    }
    laplacian_of([y - 1, y, y + 1].map(|y| &row(&rung.plane, y)[x - 1..x + 2]), 0, weight(rung))
}

/// What the sum of differences is multiplied by.
fn weight(rung: &Rung) -> f32 {
    ((rung.own_sigma().powi(2) + LAPLACIAN_VARIANCE) / 6.0) as f32
}

/// Variance that a rung and the Laplacian smooth by, in pixels of the first plane.
fn variance_of(rung: &Rung) -> f64 {
    rung.sigma.powi(2) + LAPLACIAN_VARIANCE * (rung.factor as f64).powi(2)
}

/// `-σ² ∇²` of the pixel right of column `i` in the middle one of three rows.
#[inline(always)]
fn laplacian_of([above, here, below]: [&[f32]; 3], i: usize, weight: f32) -> f32 {
    let corners = (above[i] + below[i + 2]) + (above[i + 2] + below[i]);
    let sides = (above[i + 1] + below[i + 1]) + (here[i] + here[i + 2]);
    weight * (20.0 * here[i + 1] - 4.0 * sides - corners)
}

/// `-σ² ∇²` of the inner pixels of three rows.
#[multiversion(targets("x86_64+avx2+fma"))]
fn laplacian(rows: [&[f32]; 3], weight: f32, out: &mut [f32]) {
    let rows = rows.map(|row| &row[..out.len() + 2]);
    for (i, value) in out.iter_mut().enumerate() {
        *value = laplacian_of(rows, i, weight);
    }
}

/// The response at a position between the pixels of the first plane, by the parabola along each axis.
fn response_at(rung: &Rung, x: f64, y: f64) -> f64 {
    let [x, y] = [x, y].map(|at| raster::in_cells(at, rung.factor));
    let [column, line] = [x, y].map(|at| at.round().max(1.0));
    let at =
        |dx: usize, dy: usize| f64::from(response(rung, column as usize + dx - 1, line as usize + dy - 1));
    let along = |before: f64, here: f64, after: f64, off: f64| {
        0.5 * off * (after - before) + 0.5 * off * off * (before - 2.0 * here + after)
    };
    let here = at(1, 1);
    here + along(at(0, 1), here, at(2, 1), x - column) + along(at(1, 0), here, at(1, 2), y - line)
}

/// The blobs whose response exceeds `least` and peaks, in space and in scale,
/// at one of the rungs but the first and the last; strongest first, and none
/// inside a stronger one.
pub fn blobs(rungs: &[&Rung], least: f32) -> Vec<Blob> {
    let mut found: Vec<(f64, Blob)> = Vec::new();
    for scales in rungs.windows(3) {
        let [finer, rung, wider] = [scales[0], scales[1], scales[2]];
        let peaks = peaks(rung, least);
        found.par_extend(peaks.par_iter().filter_map(|&(x, y)| {
            let (x, y) = refined(rung, x, y);
            let scales = [finer, rung, wider];
            let [below, peak, above] = scales.map(|rung| response_at(rung, x, y));
            let blob = Blob { x, y, ..gaussian_of(scales, [below, peak, above])? };
            let prominence = fall(rung, &blob) / blob.height;
            Some((peak, Blob { isotropy: isotropy(rung, x, y), prominence, ..blob }))
        }));
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.y.total_cmp(&b.1.y)).then(a.1.x.total_cmp(&b.1.x)));
    apart(found.into_iter().map(|(_, blob)| blob).collect())
}

/// Pixels of a rung whose response exceeds `least` and that of all neighbours.
fn peaks(rung: &Rung, least: f32) -> Vec<(usize, usize)> {
    let (width, height) = raster::size(&rung.plane);
    if width < 5 || height < 5 {
        return Vec::new();
    }
    let bands: Vec<usize> = (2..height - 2).step_by(BAND).collect();
    let found: Vec<Vec<(usize, usize)>> =
        bands.par_iter().map(|&top| band_peaks(rung, least, top..(top + BAND).min(height - 2))).collect();
    found.concat()
}

fn band_peaks(rung: &Rung, least: f32, lines: std::ops::Range<usize>) -> Vec<(usize, usize)> {
    let width = rung.plane.ncols();
    let responses: Vec<Vec<f32>> = (lines.start - 1..lines.end + 1)
        .map(|y| {
            let mut out = vec![0.0; width];
            let rows = [y - 1, y, y + 1].map(|y| row(&rung.plane, y));
            laplacian(rows, weight(rung), &mut out[1..width - 1]);
            out
        })
        .collect();
    let mut found = Vec::new();
    for (i, y) in lines.enumerate() {
        let [above, here, below] = [i, i + 1, i + 2].map(|i| &responses[i]);
        for x in 1..width - 1 {
            let value = here[x];
            if value > least
                && value > here[x - 1]
                && value >= here[x + 1]
                && (x - 1..=x + 1).all(|x| value > above[x] && value >= below[x])
            {
                found.push((x, y));
            }
        }
    }
    found
}

/// A peak between pixels, in pixels of the first plane: the top of the parabola along each axis.
fn refined(rung: &Rung, x: usize, y: usize) -> (f64, f64) {
    let at = |x: usize, y: usize| f64::from(response(rung, x, y));
    let peak = at(x, y);
    let top = |before: f64, after: f64| {
        let bend = before - 2.0 * peak + after;
        if bend < 0.0 { (0.5 * (before - after) / bend).clamp(-0.5, 0.5) } else { 0.0 }
    };
    let (dx, dy) = (top(at(x - 1, y), at(x + 1, y)), top(at(x, y - 1), at(x, y + 1)));
    let centre = |at: f64| raster::cell_centre(at, rung.factor);
    (centre(x as f64 + dx), centre(y as f64 + dy))
}

/// Size and height of the Gaussian whose responses are in the ratio found; of
/// a Gaussian of height `a` and standard deviation `s`, the response at scale
/// `σ` is `2 a σ² s² / (s² + σ²)²`. `None` if the response does not peak in between.
fn gaussian_of(rungs: [&Rung; 3], [below, peak, above]: [f64; 3]) -> Option<Blob> {
    let [finer, here, wider] = rungs.map(variance_of);
    if below > peak || above > peak {
        return None;
    }
    // √(R₁/R₂)·σ₂/σ₁ = (s² + σ₂²)/(s² + σ₁²), solved for s².
    let solve = |first: f64, second: f64, r1: f64, r2: f64| {
        let q = (r1.max(1e-9) / r2.max(1e-9) * second / first).sqrt();
        (second - q * first) / (q - 1.0)
    };
    let variance = solve(finer, wider, below, above);
    let bounded = if variance.is_finite() && variance > 0.0 { variance } else { here };
    let variance = bounded.clamp(finer, wider);
    let height = peak * (variance + here).powi(2) / (2.0 * variance * here);
    Some(Blob { x: 0.0, y: 0.0, sigma: variance.sqrt(), height, isotropy: 0.0, prominence: 0.0 })
}

/// Smaller over larger eigenvalue of the curvature at the pixel nearest to a position.
fn isotropy(rung: &Rung, x: f64, y: f64) -> f64 {
    let (width, height) = raster::size(&rung.plane);
    let nearest =
        |at: f64, size: usize| (raster::in_cells(at, rung.factor).round() as usize).clamp(1, size - 2);
    let (x, y) = (nearest(x, width), nearest(y, height));
    let at = |dx: usize, dy: usize| f64::from(rung.plane[[y + dy - 1, x + dx - 1]]);
    let xx = at(0, 1) - 2.0 * at(1, 1) + at(2, 1);
    let yy = at(1, 0) - 2.0 * at(1, 1) + at(1, 2);
    let xy = 0.25 * (at(2, 2) + at(0, 0) - at(2, 0) - at(0, 2));
    let (mean, swing) = (-0.5 * (xx + yy), (0.5 * (xx - yy)).hypot(xy));
    if mean + swing <= 0.0 { 0.0 } else { ((mean - swing) / (mean + swing)).max(0.0) }
}

/// How far a rung falls from a blob's centre to a circle around it, in the
/// least but one of eight directions.
fn fall(rung: &Rung, blob: &Blob) -> f64 {
    let at = |x: f64, y: f64| {
        let [x, y] = [x, y].map(|at| raster::in_cells(at, rung.factor).round().max(0.0) as usize);
        let (width, height) = raster::size(&rung.plane);
        f64::from(rung.plane[[y.min(height - 1), x.min(width - 1)]])
    };
    let mut falls: [f64; 8] = std::array::from_fn(|i| {
        let (sin, cos) = (std::f64::consts::FRAC_PI_4 * i as f64).sin_cos();
        let reach = FALL_REACH * blob.sigma;
        at(blob.x, blob.y) - at(blob.x + reach * cos, blob.y + reach * sin)
    });
    falls.sort_by(f64::total_cmp);
    falls[1]
}

/// Radius of the circle around a blob, in its standard deviations.
const FALL_REACH: f64 = 2.5;

/// The blobs, strongest first, without those whose centre lies within the
/// larger of both standard deviations, half as much again, of a stronger one.
fn apart(blobs: Vec<Blob>) -> Vec<Blob> {
    let cell = blobs.iter().map(|blob| blob.sigma).fold(1.0, f64::max) * REACH;
    let place = |blob: &Blob| ((blob.y / cell) as i64, (blob.x / cell) as i64);
    let mut taken: BTreeMap<(i64, i64), Vec<Blob>> = BTreeMap::new();
    let mut kept = Vec::new();
    for blob in blobs {
        let (line, column) = place(&blob);
        let clear = (-1..=1).flat_map(|dy| (-1..=1).map(move |dx| (line + dy, column + dx))).all(|cell| {
            taken.get(&cell).is_none_or(|near| {
                near.iter().all(|other| {
                    (other.x - blob.x).hypot(other.y - blob.y) >= REACH * other.sigma.max(blob.sigma)
                })
            })
        });
        if clear {
            taken.entry((line, column)).or_default().push(blob);
            kept.push(blob);
        }
    }
    kept
}

/// Standard deviations within which a stronger blob hides a weaker one.
const REACH: f64 = 1.5;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::scale_space::ladder;
    use crate::raster::Plane;

    fn found(plane: &Plane, least: f32) -> Vec<Blob> {
        let sigmas: Vec<f64> = (0..8).map(|k| 2f64.powf(k as f64 / 2.0)).collect();
        let rungs = ladder(plane, 1, &sigmas);
        blobs(&rungs.iter().flatten().collect::<Vec<_>>(), least)
    }

    fn gaussian(x: f64, y: f64, sigma: f64) -> Plane {
        Plane::from_shape_fn((96, 128), |(row, column)| {
            let squared = (row as f64 - y).powi(2) + (column as f64 - x).powi(2);
            (0.1 * (-0.5 * squared / (sigma * sigma)).exp()) as f32
        })
    }

    #[test]
    fn a_gaussian_is_found_where_it_is_as_wide_and_as_high_as_it_is() {
        for sigma in [1.8, 2.5, 3.3, 4.7, 6.0] {
            let blobs = found(&gaussian(60.3, 44.8, sigma), 0.01);
            assert_eq!(blobs.len(), 1);
            let blob = blobs[0];
            assert!((blob.x - 60.3).hypot(blob.y - 44.8) < 0.05, "{blob:?}");
            assert!((blob.sigma / sigma - 1.0).abs() < 0.02, "{sigma}: {blob:?}");
            assert!((blob.height / 0.1 - 1.0).abs() < 0.03 && blob.isotropy > 0.95, "{blob:?}");
        }
    }

    #[test]
    fn a_ridge_is_not_round_and_a_dent_is_no_blob() {
        let ridge = Plane::from_shape_fn((96, 96), |(y, x)| {
            let (along, across) = ((x as f32 - 48.0) / 14.0, (y as f32 - 48.0) / 3.0);
            0.1 * (-0.5 * (along * along + across * across)).exp()
        });
        assert!(found(&ridge, 0.01).iter().all(|blob| blob.isotropy < 0.2));
        assert!(found(&(-gaussian(60.0, 40.0, 3.0)), 0.02).is_empty());
    }

    /// SciPy differentiates the Gaussian, we the smoothed plane: at σ = 3 that
    /// costs `1 / (12 σ²)` of the fourth over the second derivative, below 4 %.
    #[test]
    fn responses_agree_with_scipy() {
        let plane = crate::filter::ridges::tests::three_shapes();
        for line in include_str!("../../fixtures/reference/blobs_scipy.csv").lines().skip(2) {
            let v: Vec<f64> = line.split(',').map(|field| field.parse().unwrap()).collect();
            let rung = ladder(&plane, 1, &[v[2]]).remove(0).unwrap();
            let found = f64::from(response(&rung, v[0] as usize, v[1] as usize));
            assert!((found / v[3] - 1.0).abs() < 0.04, "{line}: {found}");
        }
    }

    #[test]
    fn planes_too_small_for_a_blob_have_none() {
        for size in [(0, 0), (1, 1), (3, 9)] {
            assert!(found(&Plane::zeros(size), 0.0).is_empty());
        }
    }
}
