//! Where a point of the reference lies in the moving photo.

use image::{Rgb, RgbImage};
use nalgebra::{Matrix3, Vector3};
use rayon::prelude::*;

use crate::alignment::spline::{Spline, Wish};

/// Maps native pixels of the reference to native pixels of the moving photo:
/// `x -> H(x + u(x))` with a projective `H` and a smooth displacement `u`.
///
/// # Guarantees
///
/// - `H` is finite and invertible, scaled so that its last entry is 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Transform {
    matrix: Matrix3<f64>,
    inverse: Matrix3<f64>,
    deformation: Option<Spline>,
}

/// Steps of the fixed-point iteration that inverts the displacement.
const INVERSION_STEPS: usize = 40;

/// Distance in pixels at which an inverse counts as found.
const INVERSION_TOLERANCE: f64 = 1e-4;

impl Transform {
    /// Every point stays where it is.
    pub fn identity() -> Self {
        Self { matrix: Matrix3::identity(), inverse: Matrix3::identity(), deformation: None }
    }

    /// The projective transform of a row-major 3×3 matrix; `None` unless it is
    /// finite and invertible and its last entry is not 0.
    pub fn from_matrix(rows: [[f64; 3]; 3]) -> Option<Self> {
        Self::projective(Matrix3::from_fn(|i, j| rows[i][j]))
    }

    pub(super) fn projective(matrix: Matrix3<f64>) -> Option<Self> {
        let matrix = matrix / matrix[(2, 2)];
        if !matrix.iter().all(|value| value.is_finite()) {
            return None;
        }
        let inverse = matrix.try_inverse()?;
        inverse.iter().all(|value| value.is_finite()).then_some(Self { matrix, inverse, deformation: None })
    }

    pub(super) fn with_deformation(&self, deformation: Spline) -> Self {
        Self { deformation: Some(deformation), ..self.clone() }
    }

    pub(super) fn deformation(&self) -> Option<&Spline> {
        self.deformation.as_ref()
    }

    /// The projective part `H`, row by row.
    pub fn matrix(&self) -> [[f64; 3]; 3] {
        std::array::from_fn(|i| std::array::from_fn(|j| self.matrix[(i, j)]))
    }

    /// The projective part alone.
    pub fn without_deformation(&self) -> Self {
        Self { deformation: None, ..self.clone() }
    }

    /// Where the reference's point `at` lies in the moving photo.
    pub fn map(&self, at: [f64; 2]) -> [f64; 2] {
        project(&self.matrix, self.displaced(at))
    }

    fn displaced(&self, at: [f64; 2]) -> [f64; 2] {
        let shift = self.deformation.as_ref().map_or([0.0; 2], |field| field.value(at));
        [at[0] + shift[0], at[1] + shift[1]]
    }

    /// Where the moving photo's point `at` lies in the reference; `None` where
    /// the transform cannot be inverted.
    pub fn map_back(&self, at: [f64; 2]) -> Option<[f64; 2]> {
        let target = project(&self.inverse, at);
        if !target.iter().all(|value| value.is_finite()) {
            return None;
        }
        let Some(field) = &self.deformation else { return Some(target) };
        let mut point = target;
        for _ in 0..INVERSION_STEPS {
            let shift = field.value(point);
            let next = [target[0] - shift[0], target[1] - shift[1]];
            let step = (next[0] - point[0]).hypot(next[1] - point[1]);
            point = next;
            if step < INVERSION_TOLERANCE {
                return Some(point);
            }
        }
        None
    }

    /// The derivatives `[[dX/dx, dX/dy], [dY/dx, dY/dy]]` of the map at `at`.
    pub fn jacobian(&self, at: [f64; 2]) -> [[f64; 2]; 2] {
        let [x, y] = self.displaced(at);
        let m = &self.matrix;
        let p = m * Vector3::new(x, y, 1.0);
        let outer = |i: usize, j: usize| (m[(i, j)] - p[i] / p[2] * m[(2, j)]) / p[2];
        let inner = self.deformation.as_ref().map_or([[0.0; 2]; 2], |field| field.gradient(at));
        let inner = [[1.0 + inner[0][0], inner[0][1]], [inner[1][0], 1.0 + inner[1][1]]];
        std::array::from_fn(|i| {
            std::array::from_fn(|j| outer(i, 0) * inner[0][j] + outer(i, 1) * inner[1][j])
        })
    }

    /// The same map, moved by `[x, y]` pixels in the moving photo.
    pub fn displaced_by(&self, [x, y]: [f64; 2]) -> Self {
        let shift = Matrix3::new(1.0, 0.0, x, 0.0, 1.0, y, 0.0, 0.0, 1.0);
        let back = Matrix3::new(1.0, 0.0, -x, 0.0, 1.0, -y, 0.0, 0.0, 1.0);
        let deformation = self.deformation.clone();
        Self { matrix: shift * self.matrix, inverse: self.inverse * back, deformation }
    }

    /// How many moving pixels one reference pixel is long at `at`: `sqrt(|det J|)`.
    pub fn magnification(&self, at: [f64; 2]) -> f64 {
        let j = self.jacobian(at);
        (j[0][0] * j[1][1] - j[0][1] * j[1][0]).abs().sqrt()
    }

    /// First this transform, then `next`, for a reference of `width` by
    /// `height` pixels: a series through a session in between. The displacement
    /// of the whole is a spline through samples of both.
    pub fn then(&self, next: &Transform, width: usize, height: usize) -> Option<Self> {
        let whole = Self::projective(next.matrix * self.matrix)?;
        let fields = [&self.deformation, &next.deformation];
        let Some(spacing) = fields.into_iter().flatten().map(Spline::spacing).reduce(f64::min) else {
            return Some(whole);
        };
        whole.bent_to(|at| Some(next.map(self.map(at))), spacing, width, height)
    }

    /// The same map with another projective part; what that does not explain
    /// is left to the displacement.
    pub(super) fn rebased(&self, matrix: Matrix3<f64>, width: usize, height: usize) -> Option<Self> {
        let whole = Self::projective(matrix)?;
        let Some(field) = &self.deformation else { return Some(whole) };
        whole.bent_to(|at| Some(self.map(at)), field.spacing(), width, height)
    }

    /// The way back of a transform without displacement.
    pub(super) fn reversed(&self) -> Option<Self> {
        Self::projective(self.inverse)
    }

    /// The way back, for a moving photo of `width` by `height` pixels; `None`
    /// where the transform folds.
    pub(super) fn inverted(&self, width: usize, height: usize) -> Option<Self> {
        let whole = Self::projective(self.inverse)?;
        let Some(field) = &self.deformation else { return Some(whole) };
        let centre = [width as f64 / 2.0, height as f64 / 2.0];
        let spacing = field.spacing() / whole.magnification(centre);
        whole.bent_to(|at| self.map_back(at), spacing.max(8.0), width, height)
    }

    /// This projective transform with the displacement that makes it follow `map`.
    fn bent_to(
        self,
        map: impl Fn([f64; 2]) -> Option<[f64; 2]>,
        spacing: f64,
        width: usize,
        height: usize,
    ) -> Option<Self> {
        let steps = |length: usize| (2.0 * length as f64 / spacing).ceil() as usize;
        let at = |k: usize, length: usize| k as f64 * (length.max(1) - 1) as f64 / steps(length) as f64;
        let mut wishes = Vec::new();
        for j in 0..=steps(height) {
            for i in 0..=steps(width) {
                let at = [at(i, width), at(j, height)];
                let end = project(&self.inverse, map(at)?);
                wishes.push(Wish { at, shift: [end[0] - at[0], end[1] - at[1]], weight: 1.0 });
            }
        }
        let field = Spline::zero(width, height, spacing).fit(&wishes, 1e-6, 1e-9)?;
        Some(self.with_deformation(field))
    }

    /// The points of one reference row, cheap to call for many x.
    pub(super) fn along_row(&self, y: f64) -> impl Fn(f64) -> [f64; 2] + '_ {
        let shift = self.deformation.as_ref().map(|field| field.along_row(y));
        move |x| {
            let [dx, dy] = shift.as_ref().map_or([0.0; 2], |shift| shift(x));
            project(&self.matrix, [x + dx, y + dy])
        }
    }
}

fn project(matrix: &Matrix3<f64>, [x, y]: [f64; 2]) -> [f64; 2] {
    let p = |i: usize| matrix[(i, 0)] * x + matrix[(i, 1)] * y + matrix[(i, 2)];
    let w = p(2);
    [p(0) / w, p(1) / w]
}

/// The moving photo in the reference's frame of `width` by `height` pixels,
/// bilinear, black outside: for looking at, never for measuring.
pub fn warp(moving: &RgbImage, transform: &Transform, width: usize, height: usize) -> RgbImage {
    let mut out = RgbImage::new(width as u32, height as u32);
    if width > 0 {
        out.par_chunks_mut(3 * width).enumerate().for_each(|(y, line)| {
            let place = transform.along_row(y as f64);
            for (x, pixel) in line.chunks_exact_mut(3).enumerate() {
                if let Some(Rgb(value)) = sample_rgb(moving, place(x as f64)) {
                    pixel.copy_from_slice(&value);
                }
            }
        });
    }
    out
}

fn sample_rgb(image: &RgbImage, [x, y]: [f64; 2]) -> Option<Rgb<u8>> {
    let (width, height) = (f64::from(image.width()), f64::from(image.height()));
    if !(x >= -0.5 && y >= -0.5 && x < width - 0.5 && y < height - 0.5) {
        return None;
    }
    let (x, y) = (x.clamp(0.0, width - 1.0), y.clamp(0.0, height - 1.0));
    let (left, top) = (x as u32, y as u32);
    let (right, bottom) = ((left + 1).min(image.width() - 1), (top + 1).min(image.height() - 1));
    let (fx, fy) = ((x - f64::from(left)) as f32, (y - f64::from(top)) as f32);
    let [a, b, c, d] = [(left, top), (right, top), (left, bottom), (right, bottom)]
        .map(|(x, y)| image.get_pixel(x, y).0.map(f32::from));
    Some(Rgb(std::array::from_fn(|k| {
        let (top, bottom) = (a[k] + (b[k] - a[k]) * fx, c[k] + (d[k] - c[k]) * fx);
        (top + (bottom - top) * fy).round() as u8
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bent() -> Transform {
        let wishes: Vec<Wish> = (0..100)
            .map(|k| [(k % 10) as f64 * 20.0, (k / 10) as f64 * 20.0])
            .map(|at| (at, [3.0 * (at[1] / 40.0).sin(), 2.0 * (at[0] / 50.0).cos()]))
            .map(|(at, shift)| Wish { at, shift, weight: 1.0 })
            .collect();
        let field = Spline::zero(200, 200, 30.0).fit(&wishes, 1e-3, 1e-9).unwrap();
        Transform::from_matrix([[1.1, -0.2, 5.0], [0.2, 1.1, -7.0], [1e-5, 2e-5, 1.0]])
            .unwrap()
            .with_deformation(field)
    }

    #[test]
    fn there_and_back_again() {
        let transform = bent();
        for at in [[10.0, 20.0], [150.0, 90.0], [250.0, -30.0]] {
            let back = transform.map_back(transform.map(at)).unwrap();
            assert!((back[0] - at[0]).hypot(back[1] - at[1]) < 1e-3);
        }
    }

    #[test]
    fn the_jacobian_is_the_slope_of_the_map() {
        let (transform, at, step) = (bent(), [81.0, 64.0], 1e-4);
        let j = transform.jacobian(at);
        for (k, direction) in [[step, 0.0], [0.0, step]].iter().enumerate() {
            let ahead = transform.map([at[0] + direction[0], at[1] + direction[1]]);
            let behind = transform.map([at[0] - direction[0], at[1] - direction[1]]);
            for i in 0..2 {
                assert!(((ahead[i] - behind[i]) / (2.0 * step) - j[i][k]).abs() < 1e-5);
            }
        }
    }

    #[test]
    fn magnification_of_a_similarity_is_its_scale() {
        let turned = Transform::from_matrix([[0.0, -1.5, 9.0], [1.5, 0.0, 2.0], [0.0, 0.0, 1.0]]).unwrap();
        assert!((turned.magnification([40.0, 50.0]) - 1.5).abs() < 1e-12);
        assert_eq!(turned.map([2.0, 4.0]), [3.0, 5.0]);
    }

    #[test]
    fn a_displaced_map_ends_elsewhere_and_leads_back() {
        let (transform, at) = (bent(), [81.0, 64.0]);
        let displaced = transform.displaced_by([2.0, -0.5]);
        let (here, there) = (transform.map(at), displaced.map(at));
        assert!((there[0] - here[0] - 2.0).abs() < 1e-9 && (there[1] - here[1] + 0.5).abs() < 1e-9);
        let back = displaced.map_back(there).unwrap();
        assert!((back[0] - at[0]).hypot(back[1] - at[1]) < 1e-3);
    }

    #[test]
    fn a_chain_of_two_is_one_after_the_other() {
        let (first, second) = (bent(), bent());
        let whole = first.then(&second, 200, 200).unwrap();
        for at in [[20.0, 30.0], [100.0, 100.0], [180.0, 60.0]] {
            let (got, want) = (whole.map(at), second.map(first.map(at)));
            assert!((got[0] - want[0]).hypot(got[1] - want[1]) < 0.02);
        }
    }

    #[test]
    fn the_way_back_undoes_the_way_there() {
        let transform = bent();
        let back = transform.inverted(230, 230).unwrap();
        for at in [[30.0, 30.0], [100.0, 100.0], [150.0, 60.0]] {
            let end = back.map(transform.map(at));
            assert!((end[0] - at[0]).hypot(end[1] - at[1]) < 0.02, "{end:?}");
        }
    }

    #[test]
    fn another_projective_part_changes_nothing() {
        let transform = bent();
        let matrix = Matrix3::new(1.08, -0.21, 6.0, 0.19, 1.12, -5.0, 0.0, 0.0, 1.0);
        let same = transform.rebased(matrix, 200, 200).unwrap();
        assert_eq!(same.matrix()[0], [1.08, -0.21, 6.0]);
        for at in [[0.0, 0.0], [20.0, 30.0], [100.0, 100.0], [180.0, 60.0]] {
            let (got, want) = (same.map(at), transform.map(at));
            assert!((got[0] - want[0]).hypot(got[1] - want[1]) < 1e-3);
        }
    }

    #[test]
    fn a_matrix_without_inverse_is_no_transform() {
        assert!(Transform::from_matrix([[1.0, 2.0, 0.0], [2.0, 4.0, 0.0], [0.0, 0.0, 1.0]]).is_none());
        assert!(Transform::from_matrix([[f64::NAN, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]).is_none());
        assert!(Transform::from_matrix([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]).is_none());
    }

    #[test]
    fn a_quarter_turn_moves_pixels_without_changing_them() {
        let image = RgbImage::from_fn(3, 2, |x, y| Rgb([x as u8 * 40, y as u8 * 90, 7]));
        // (x, y) of a 2x3 frame shows (y, 1 - x) of the photo.
        let turn = Transform::from_matrix([[0.0, 1.0, 0.0], [-1.0, 0.0, 1.0], [0.0, 0.0, 1.0]]).unwrap();
        let turned = warp(&image, &turn, 2, 3);
        for (x, y, pixel) in turned.enumerate_pixels() {
            assert_eq!(pixel, image.get_pixel(y, 1 - x));
        }
        let away = Transform::from_matrix([[1.0, 0.0, 50.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]).unwrap();
        assert!(warp(&image, &away, 4, 4).pixels().all(|pixel| pixel.0 == [0; 3]));
    }
}
