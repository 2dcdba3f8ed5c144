//! Directions of keypoints and what their surroundings look like: histograms
//! of gradients (Lowe 2004) compared by Hellinger's distance (Arandjelović
//! and Zisserman 2012, *CVPR*, "RootSIFT").

use std::f32::consts::{PI, TAU};

use crate::raster::{self, Plane};

/// Square roots of 4 × 4 histograms of 8 directions that sum to 1: the scalar
/// product of two is their similarity, `0..=1`.
pub type Descriptor = [f32; LENGTH];

/// Numbers in a descriptor.
pub const LENGTH: usize = CELLS * CELLS * DIRECTIONS;

/// Cells along each side of the described square.
const CELLS: usize = 4;

/// Directions per cell.
const DIRECTIONS: usize = 8;

/// Side of a cell in units of the keypoint's scale.
const CELL: f32 = 3.0;

/// Samples along each side of a cell.
const SAMPLES: usize = 4;

/// Bins of the histogram that gives a keypoint its direction.
const BINS: usize = 36;

/// The directions of a keypoint: the strongest of the gradients around it and
/// those at least 0.8 times as strong, radians.
pub fn directions(plane: &Plane, at: [f64; 2], scale: f64) -> Vec<f32> {
    let histogram = smoothed(&direction_histogram(plane, at, scale));
    let strongest = histogram.iter().copied().fold(0.0, f32::max);
    if strongest <= 0.0 {
        return Vec::new();
    }
    (0..BINS)
        .filter_map(|k| {
            let (left, centre, right) =
                (histogram[(k + BINS - 1) % BINS], histogram[k], histogram[(k + 1) % BINS]);
            let peak = centre > left && centre >= right && centre >= 0.8 * strongest;
            let shift = 0.5 * (left - right) / (left - 2.0 * centre + right);
            peak.then_some((k as f32 + shift) * TAU / BINS as f32)
        })
        .collect()
}

fn direction_histogram(plane: &Plane, at: [f64; 2], scale: f64) -> [f32; BINS] {
    let sigma = 1.5 * scale as f32;
    let radius = (3.0 * sigma).round() as isize;
    let centre = at.map(|value| value.round() as isize);
    let falloff: Vec<f32> = (0..=radius).map(|d| (-((d * d) as f32) / (2.0 * sigma * sigma)).exp()).collect();
    let mut histogram = [0.0; BINS];
    for dy in -radius..=radius {
        let reach = ((radius * radius - dy * dy) as f32).sqrt() as isize;
        for dx in -reach..=reach {
            let Some([gx, gy]) = gradient(plane, centre[0] + dx, centre[1] + dy) else { continue };
            let weight = falloff[dy.unsigned_abs()] * falloff[dx.unsigned_abs()];
            let turn = direction(gx, gy) * (BINS as f32 / TAU);
            let (bin, share) = (turn as usize, turn - turn.trunc());
            let strength = weight * (gx * gx + gy * gy).sqrt();
            histogram[bin % BINS] += (1.0 - share) * strength;
            histogram[(bin + 1) % BINS] += share * strength;
        }
    }
    histogram
}

/// Direction of (x, y) in radians, `0..=2π`, to about 0.0002 (Abramowitz and
/// Stegun 4.4.49 shortened): a histogram of 36 bins needs no more.
fn direction(x: f32, y: f32) -> f32 {
    let (ax, ay) = (x.abs(), y.abs());
    let ratio = ax.min(ay) / ax.max(ay).max(f32::MIN_POSITIVE);
    let square = ratio * ratio;
    let octant = ratio
        * (0.999_866
            + square * (-0.330_299_5 + square * (0.180_141 + square * (-0.085_133 + square * 0.020_835_1))));
    let quadrant = if ay > ax { 0.5 * PI - octant } else { octant };
    let half = if x < 0.0 { PI - quadrant } else { quadrant };
    if y < 0.0 { TAU - half } else { half }
}

/// The histogram smoothed around the circle with (1, 4, 6, 4, 1) / 16.
fn smoothed(histogram: &[f32; BINS]) -> [f32; BINS] {
    std::array::from_fn(|k| {
        let h = |offset: usize| histogram[(k + BINS + offset - 2) % BINS];
        (h(0) + h(4)) / 16.0 + (h(1) + h(3)) / 4.0 + h(2) * 0.375
    })
}

/// Central differences at a pixel; `None` at the border and outside.
fn gradient(plane: &Plane, x: isize, y: isize) -> Option<[f32; 2]> {
    let (width, height) = raster::size(plane);
    if x < 1 || y < 1 || x >= width as isize - 1 || y >= height as isize - 1 {
        return None;
    }
    let (x, y) = (x as usize, y as usize);
    Some([plane[[y, x + 1]] - plane[[y, x - 1]], plane[[y + 1, x]] - plane[[y - 1, x]]])
}

/// The descriptor of the square around `at`, turned by `angle`, of four cells of three scales each.
pub fn describe(plane: &Plane, at: [f64; 2], scale: f64, angle: f32) -> Descriptor {
    let angle = angle.rem_euclid(TAU);
    let (sin, cos) = angle.sin_cos();
    let cell = CELL * scale as f32;
    let reach = (CELLS + 1) * SAMPLES;
    let mut histogram = [0.0f32; LENGTH];
    for j in 0..reach {
        for i in 0..reach {
            let step = |k: usize| ((k as f32 + 0.5) / SAMPLES as f32 - 0.5 * (CELLS + 1) as f32) * cell;
            let (u, v) = (step(i), step(j));
            // Truncation rounds to the nearest pixel where there is one.
            let x = (at[0] as f32 + cos * u - sin * v + 0.5) as isize;
            let y = (at[1] as f32 + sin * u + cos * v + 0.5) as isize;
            let Some([gx, gy]) = gradient(plane, x, y) else { continue };
            // Where the pixel that was met really lies in the turned square.
            let (dx, dy) = ((x as f32 - at[0] as f32) / cell, (y as f32 - at[1] as f32) / cell);
            let (u, v) = (cos * dx + sin * dy, cos * dy - sin * dx);
            let weight = (-(u * u + v * v) / (0.5 * (CELLS * CELLS) as f32)).exp();
            let turn = direction(gx, gy) - angle;
            let turn = (if turn < 0.0 { turn + TAU } else { turn }) * (DIRECTIONS as f32 / TAU);
            let middle = 0.5 * (CELLS as f32 - 1.0);
            deposit(&mut histogram, [u + middle, v + middle, turn], weight * (gx * gx + gy * gy).sqrt());
        }
    }
    hellinger(histogram)
}

/// Shares `amount` among the two nearest cells along x and y and the two nearest directions.
fn deposit(histogram: &mut Descriptor, [u, v, turn]: [f32; 3], amount: f32) {
    // One more keeps truncation on the side of the floor.
    let floor = |value: f32| (value + 1.0) as isize as f32 - 1.0;
    if u <= -1.0 || v <= -1.0 {
        return;
    }
    let (i, j, k) = (floor(u), floor(v), turn as usize as f32);
    let (fu, fv, fk) = (u - i, v - j, turn - k);
    for (dj, wv) in [(0, 1.0 - fv), (1, fv)] {
        let cell_y = j as isize + dj;
        if !(0..CELLS as isize).contains(&cell_y) {
            continue;
        }
        for (di, wu) in [(0, 1.0 - fu), (1, fu)] {
            let cell_x = i as isize + di;
            if !(0..CELLS as isize).contains(&cell_x) {
                continue;
            }
            let start = (cell_y as usize * CELLS + cell_x as usize) * DIRECTIONS;
            let part = amount * wu * wv;
            histogram[start + k as usize % DIRECTIONS] += part * (1.0 - fk);
            histogram[start + (k as usize + 1) % DIRECTIONS] += part * fk;
        }
    }
}

/// Clipped at 0.2 of its length, scaled to the sum 1, square root taken.
fn hellinger(mut histogram: Descriptor) -> Descriptor {
    let length = histogram.iter().map(|v| v * v).sum::<f32>().sqrt();
    if length <= f32::EPSILON {
        return [0.0; LENGTH];
    }
    histogram.iter_mut().for_each(|value| *value = (*value / length).min(0.2));
    let sum: f32 = histogram.iter().sum();
    histogram.map(|value| (value / sum).sqrt())
}

/// The angle from `a` to `b`, radians in `-π..=π`.
pub fn turn(a: f64, b: f64) -> f64 {
    let pi = f64::from(PI);
    (b - a + pi).rem_euclid(2.0 * pi) - pi
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn a_ramp_points_uphill() {
        let plane = Array2::from_shape_fn((41, 41), |(y, x)| x as f32 + y as f32);
        let found = directions(&plane, [20.0, 20.0], 2.0);
        assert_eq!(found.len(), 1);
        assert!((found[0] - PI / 4.0).abs() < 0.03);
    }

    #[test]
    fn directions_are_right_in_every_octant() {
        for k in 0..360 {
            let (sin, cos) = (k as f32).to_radians().sin_cos();
            let error = (direction(3.0 * cos, 3.0 * sin) - (k as f32).to_radians()).abs();
            assert!(error.min(TAU - error) < 3e-4, "{k}: {error}");
        }
        assert_eq!(direction(0.0, 0.0), 0.0);
    }

    #[test]
    fn a_turned_picture_has_the_same_descriptor() {
        let value = |x: f32, y: f32| (x * 0.31).sin() + (y * 0.23).cos() + (0.17 * (x + 2.0 * y)).sin();
        let plane = Array2::from_shape_fn((81, 81), |(y, x)| value(x as f32, y as f32));
        // A quarter turn: the pixel (x, y) of the second shows (y, 80 - x) of the first.
        let turned = Array2::from_shape_fn((81, 81), |(y, x)| value(y as f32, 80.0 - x as f32));
        let a = describe(&plane, [40.0, 40.0], 2.0, 0.7);
        let b = describe(&turned, [40.0, 40.0], 2.0, 0.7 + PI / 2.0);
        let similarity: f32 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
        assert!(similarity > 0.99, "{similarity}");
        assert!((a.iter().map(|v| v * v).sum::<f32>() - 1.0).abs() < 1e-5);
    }

    #[test]
    fn a_wall_has_no_direction_and_an_empty_descriptor() {
        let plane = Array2::from_elem((41, 41), 1.0f32);
        assert!(directions(&plane, [20.0, 20.0], 2.0).is_empty());
        assert_eq!(describe(&plane, [20.0, 20.0], 2.0, 0.0), [0.0; LENGTH]);
    }

    #[test]
    fn turns_are_the_short_way_round() {
        assert!((turn(0.1, 6.2) - (6.1 - std::f64::consts::TAU)).abs() < 1e-6);
    }
}
