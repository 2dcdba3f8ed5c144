//! A plane read between its pixels.

use crate::raster::{self, Plane, row};

/// The second of four neighbours along one axis, and the weights of all.
type Tap = (usize, [f32; 4]);

/// The values of `plane` at every pair of a column position in `xs` and a row
/// position in `ys`, by cubic convolution (Keys 1981, *IEEE Trans. ASSP*
/// 29:1153, a = -1/2); positions and neighbours beyond the border are taken
/// at the border.
pub fn cubic(plane: &Plane, xs: &[f64], ys: &[f64]) -> Plane {
    let (columns, lines) = raster::size(plane);
    if columns == 0 || lines == 0 {
        return Plane::zeros((0, 0));
    }
    let across: Vec<Tap> = xs.iter().map(|&x| tap(x, columns)).collect();
    raster::rows(xs.len(), ys.len(), |y, out| {
        let (second, weight) = tap(ys[y], lines);
        let [a, b, c, d] = [0, 1, 2, 3].map(|i| row(plane, (second + i).saturating_sub(1).min(lines - 1)));
        let rows = a.iter().zip(b).zip(c.iter().zip(d));
        let mixed =
            rows.map(|((a, b), (c, d))| a * weight[0] + b * weight[1] + c * weight[2] + d * weight[3]);
        // With its neighbours beyond the border: one before, two after.
        let mut line = Vec::with_capacity(columns + 3);
        line.push(0.0);
        line.extend(mixed);
        line[0] = line[1];
        line.extend([line[columns]; 2]);
        for (value, (second, weight)) in out.iter_mut().zip(&across) {
            *value = line[*second..second + 4].iter().zip(weight).map(|(v, w)| v * w).sum();
        }
    })
}

/// Positions `step` apart, centred on an axis of `length` pixels: flipping the
/// photo flips the lattice.
pub fn lattice(length: usize, step: f64) -> Vec<f64> {
    let count = (length as f64 / step).floor() as usize;
    let first = (length as f64 - 1.0 - (count as f64 - 1.0) * step) / 2.0;
    (0..count).map(|i| first + i as f64 * step).collect()
}

fn tap(at: f64, length: usize) -> Tap {
    let at = at.clamp(0.0, (length - 1) as f64);
    let first = at.floor();
    let t = at - first;
    let outer = |d: f64| -0.5 * d * d * d + 2.5 * d * d - 4.0 * d + 2.0;
    let inner = |d: f64| 1.5 * d * d * d - 2.5 * d * d + 1.0;
    (first as usize, [outer(1.0 + t), inner(t), inner(1.0 - t), outer(2.0 - t)].map(|w| w as f32))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn a_parabola_is_read_exactly_between_its_pixels() {
        let plane = Array2::from_shape_fn((8, 8), |(y, x)| (x * x) as f32 + 3.0 * y as f32);
        let read = cubic(&plane, &[2.5, 3.25], &[4.75]);
        assert!((read[[0, 0]] - (6.25 + 14.25)).abs() < 1e-5);
        assert!((read[[0, 1]] - (10.5625 + 14.25)).abs() < 1e-5);
    }

    #[test]
    fn a_lattice_is_centred_on_its_axis() {
        assert_eq!(lattice(10, 3.0), [1.5, 4.5, 7.5]);
        assert_eq!(lattice(4, 1.0), [0.0, 1.0, 2.0, 3.0]);
        assert!(lattice(1, 3.0).is_empty());
    }

    #[test]
    fn pixel_centres_keep_their_values_and_borders_hold() {
        let plane = Array2::from_shape_fn((3, 4), |(y, x)| ((x * 5 + y * 7) % 6) as f32);
        assert_eq!(cubic(&plane, &[0.0, 1.0, 2.0, 3.0], &[0.0, 1.0, 2.0]), plane);
        assert_eq!(cubic(&plane, &[-4.0], &[9.0])[[0, 0]], plane[[2, 0]]);
    }
}
