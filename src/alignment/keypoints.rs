//! Points that are found again: extrema of differences of Gaussians (Lowe
//! 2004, *Int. J. Computer Vision* 60:91), spread evenly over the picture.

use std::f32::consts::TAU;

use ndarray::Zip;
use rayon::prelude::*;

use crate::alignment::descriptors::{self, Descriptor};
use crate::filter::background::enlarge;
use crate::filter::gaussian::gaussian;
use crate::raster::{self, Mask, Plane, covers, row};

/// A place with a size and a direction, in pixels of the picture it was found in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Keypoint {
    /// Column and row.
    pub at: [f64; 2],
    /// Standard deviation of the Gaussian at which it stands out most.
    pub scale: f64,
    /// Direction of the steepest rise around it, radians.
    pub angle: f64,
}

/// Scales per octave at which extrema are sought.
const LAYERS: usize = 3;

/// Smoothing of the first plane of every octave, pixels.
const BASE: f64 = 1.6;

/// Smoothing that a photograph comes with, pixels.
const NATIVE: f64 = 0.5;

/// Least strength of an extremum, in units of local contrast. Chosen by us.
const STRENGTH: f32 = 0.02;

/// Largest ratio of the two curvatures: longer ridges slide along themselves.
const EDGE: f32 = 10.0;

/// Most keypoints of one picture.
const MOST: usize = 2000;

/// Cells along each side in which keypoints compete.
const CELLS: usize = 24;

/// Pictures whose longer side is shorter are enlarged twofold.
const SMALL: usize = 500;

/// An extremum before it has a direction.
#[derive(Clone, Copy)]
struct Extremum {
    octave: usize,
    layer: usize,
    /// In pixels of the octave.
    at: [f64; 2],
    /// In pixels of the octave.
    scale: f64,
    strength: f32,
}

/// The keypoints of a contrast-normalised picture inside `mask` and their descriptors.
pub fn detect(picture: &Plane, mask: &Mask) -> (Vec<Keypoint>, Vec<Descriptor>) {
    let (width, height) = raster::size(picture);
    if width.min(height) < 16 {
        return (Vec::new(), Vec::new());
    }
    let twofold = width.max(height) < SMALL;
    let first = if twofold { enlarge(picture, 2, 2 * width, 2 * height) } else { picture.clone() };
    let octaves = scale_space(first, if twofold { 2.0 * NATIVE } else { NATIVE });
    let place = |extremum: &Extremum| {
        let at = extremum.at.map(|value| value * (1u64 << extremum.octave) as f64);
        if twofold { at.map(|value| raster::in_cells(value, 2)) } else { at }
    };
    let unit = |octave: usize| (1u64 << octave) as f64 / if twofold { 2.0 } else { 1.0 };
    let mut found: Vec<Extremum> =
        (0..octaves.len()).flat_map(|octave| extrema(&octaves[octave], octave)).collect();
    found.retain(|extremum| lies_inside(mask, place(extremum), 3.0 * extremum.scale * unit(extremum.octave)));
    let chosen = spread(found, place, width, height);
    chosen
        .par_iter()
        .flat_map_iter(|extremum| {
            let plane = &octaves[extremum.octave][extremum.layer];
            descriptors::directions(plane, extremum.at, extremum.scale).into_iter().map(|angle| {
                let keypoint = Keypoint {
                    at: place(extremum),
                    scale: extremum.scale * unit(extremum.octave),
                    angle: f64::from(angle.rem_euclid(TAU)),
                };
                (keypoint, descriptors::describe(plane, extremum.at, extremum.scale, angle))
            })
        })
        .unzip()
}

/// Octaves of `LAYERS + 3` ever smoother planes each.
fn scale_space(first: Plane, smoothing: f64) -> Vec<Vec<Plane>> {
    let step = 2f64.powf(1.0 / LAYERS as f64);
    let mut octaves: Vec<Vec<Plane>> = Vec::new();
    let mut base = gaussian(&first, (BASE * BASE - smoothing * smoothing).sqrt());
    while base.ncols().min(base.nrows()) >= 24 && octaves.len() < 6 {
        let mut planes = vec![base];
        for layer in 1..LAYERS + 3 {
            let before = BASE * step.powi(layer as i32 - 1);
            planes.push(gaussian(&planes[layer - 1], before * (step * step - 1.0).sqrt()));
        }
        base = every_second(&planes[LAYERS]);
        octaves.push(planes);
    }
    octaves
}

fn every_second(plane: &Plane) -> Plane {
    let (width, height) = raster::size(plane);
    raster::rows(width.div_ceil(2), height.div_ceil(2), |y, out| {
        out.iter_mut().zip(row(plane, 2 * y).iter().step_by(2)).for_each(|(value, &p)| *value = p);
    })
}

/// The refined extrema of one octave, in the order of layers and rows.
fn extrema(planes: &[Plane], octave: usize) -> Vec<Extremum> {
    let differences: Vec<Plane> = planes
        .windows(2)
        .map(|pair| {
            let mut difference = pair[1].clone();
            Zip::from(&mut difference).and(&pair[0]).par_for_each(|next, &plane| *next -= plane);
            difference
        })
        .collect();
    let height = planes[0].nrows();
    (1..=LAYERS)
        .flat_map(|layer| {
            let lines: Vec<Vec<Extremum>> = (2..height.saturating_sub(2))
                .into_par_iter()
                .map(|y| extrema_of_row(&differences, layer, y, octave))
                .collect();
            lines.into_iter().flatten()
        })
        .collect()
}

fn extrema_of_row(differences: &[Plane], layer: usize, y: usize, octave: usize) -> Vec<Extremum> {
    let centre = row(&differences[layer], y);
    let near: [&[f32]; 9] = std::array::from_fn(|k| row(&differences[layer + k / 3 - 1], y + k % 3 - 1));
    (2..centre.len() - 2)
        .filter(|&x| centre[x].abs() > 0.5 * STRENGTH && stands_out(&near, centre[x], x))
        .filter_map(|x| refine(differences, layer, x, y, octave))
        .collect()
}

/// Whether no neighbour in place and scale lies further from 0 on the same side.
fn stands_out(near: &[&[f32]; 9], value: f32, x: usize) -> bool {
    let sign = value.signum();
    near.iter().all(|line| line[x - 1..=x + 1].iter().all(|&other| other * sign <= value * sign))
}

/// The extremum of the parabola through the neighbours, moved up to a few
/// pixels; `None` if it is weak, lies on an edge or runs away.
fn refine(
    differences: &[Plane],
    mut layer: usize,
    mut x: usize,
    mut y: usize,
    octave: usize,
) -> Option<Extremum> {
    let (width, height) = raster::size(&differences[0]);
    for _ in 0..5 {
        let d = |l: isize, dy: isize, dx: isize| {
            differences[layer.wrapping_add_signed(l)][[y.wrapping_add_signed(dy), x.wrapping_add_signed(dx)]]
        };
        let centre = d(0, 0, 0);
        let gradient = nalgebra::Vector3::new(
            0.5 * (d(0, 0, 1) - d(0, 0, -1)),
            0.5 * (d(0, 1, 0) - d(0, -1, 0)),
            0.5 * (d(1, 0, 0) - d(-1, 0, 0)),
        );
        let (xx, yy, ll) = (
            d(0, 0, 1) + d(0, 0, -1) - 2.0 * centre,
            d(0, 1, 0) + d(0, -1, 0) - 2.0 * centre,
            d(1, 0, 0) + d(-1, 0, 0) - 2.0 * centre,
        );
        let xy = 0.25 * (d(0, 1, 1) + d(0, -1, -1) - d(0, 1, -1) - d(0, -1, 1));
        let xl = 0.25 * (d(1, 0, 1) + d(-1, 0, -1) - d(1, 0, -1) - d(-1, 0, 1));
        let yl = 0.25 * (d(1, 1, 0) + d(-1, -1, 0) - d(1, -1, 0) - d(-1, 1, 0));
        let hessian = nalgebra::Matrix3::new(xx, xy, xl, xy, yy, yl, xl, yl, ll);
        let offset = -(hessian.try_inverse()? * gradient);
        if offset.iter().all(|value| value.abs() < 0.6) {
            let strength = (centre + 0.5 * gradient.dot(&offset)).abs();
            let (trace, determinant) = (xx + yy, xx * yy - xy * xy);
            let edge = determinant <= 0.0 || trace * trace * EDGE >= (EDGE + 1.0).powi(2) * determinant;
            let scale = BASE * 2f64.powf((layer as f64 + f64::from(offset[2])) / LAYERS as f64);
            let at = [x as f64 + f64::from(offset[0]), y as f64 + f64::from(offset[1])];
            return (strength >= STRENGTH && !edge).then_some(Extremum {
                octave,
                layer,
                at,
                scale,
                strength,
            });
        }
        let moved = |from: usize, by: f32| from as isize + by.clamp(-2.0, 2.0).round() as isize;
        let (to_x, to_y, to_layer) = (moved(x, offset[0]), moved(y, offset[1]), moved(layer, offset[2]));
        let inside = (1..width as isize - 1).contains(&to_x)
            && (1..height as isize - 1).contains(&to_y)
            && (1..=LAYERS as isize).contains(&to_layer);
        if !inside {
            return None;
        }
        (x, y, layer) = (to_x as usize, to_y as usize, to_layer as usize);
    }
    None
}

/// Whether the centre of the disk of `radius` around `at` lies in the mask,
/// and six of eight points of its rim at least: a hair may cross it.
fn lies_inside(mask: &Mask, at: [f64; 2], radius: f64) -> bool {
    let (width, height) = raster::size(mask);
    let rim = (0..8).filter(|&k| {
        let (sin, cos) = (k as f64 * std::f64::consts::FRAC_PI_4).sin_cos();
        let (x, y) = (at[0] + radius * cos, at[1] + radius * sin);
        // Beyond the picture there is nothing to distrust.
        !(0.0..width as f64 - 0.5).contains(&x)
            || !(0.0..height as f64 - 0.5).contains(&y)
            || covers(mask, x, y)
    });
    covers(mask, at[0], at[1]) && rim.count() >= 6
}

/// The strongest of every cell first, then the second strongest and so on, up to `MOST`.
fn spread(
    mut found: Vec<Extremum>,
    place: impl Fn(&Extremum) -> [f64; 2],
    width: usize,
    height: usize,
) -> Vec<Extremum> {
    let side = (width.max(height) as f64 / CELLS as f64).max(1.0);
    found.sort_by(|a, b| b.strength.total_cmp(&a.strength));
    let columns = (width as f64 / side).ceil() as usize + 1;
    let mut taken = vec![0usize; columns * ((height as f64 / side).ceil() as usize + 1)];
    let mut ranked: Vec<(usize, Extremum)> = found
        .into_iter()
        .map(|extremum| {
            let cell = place(&extremum).map(|value| (value.max(0.0) / side) as usize);
            let count = &mut taken[cell[1] * columns + cell[0]];
            *count += 1;
            (*count, extremum)
        })
        .collect();
    ranked.sort_by_key(|&(rank, _)| rank);
    ranked.truncate(MOST);
    ranked.into_iter().map(|(_, extremum)| extremum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    /// Gaussian blobs of standard deviation 4 px at known places.
    fn blobs(places: &[[f64; 2]]) -> Plane {
        Array2::from_shape_fn((1000, 1000), |(y, x)| {
            let value =
                |p: &[f64; 2]| (-((x as f64 - p[0]).powi(2) + (y as f64 - p[1]).powi(2)) / 32.0).exp();
            places.iter().map(value).sum::<f64>() as f32
        })
    }

    #[test]
    fn a_blob_is_found_where_it_is_and_as_large_as_it_is() {
        let place = [300.4, 511.7];
        let (found, _) = detect(&blobs(&[place]), &Mask::from_elem((1000, 1000), true));
        let best = found
            .iter()
            .min_by(|a, b| {
                let far = |k: &Keypoint| (k.at[0] - place[0]).hypot(k.at[1] - place[1]);
                far(a).total_cmp(&far(b))
            })
            .unwrap();
        assert!((best.at[0] - place[0]).abs() < 0.1 && (best.at[1] - place[1]).abs() < 0.1, "{best:?}");
        // A Gaussian blob of deviation s excites the difference of Gaussians s1 < s2 most at s1 * s2 = s².
        assert!((best.scale / 4.0 - 1.0).abs() < 0.25, "{best:?}");
    }

    #[test]
    fn nothing_is_found_on_a_wall_or_outside_the_mask() {
        let open = Mask::from_elem((1000, 1000), true);
        assert!(detect(&Plane::zeros((1000, 1000)), &open).0.is_empty());
        assert!(detect(&blobs(&[[300.0, 300.0]]), &Mask::from_elem((1000, 1000), false)).0.is_empty());
        assert!(detect(&Plane::zeros((3, 3)), &Mask::from_elem((3, 3), true)).0.is_empty());
    }
}
