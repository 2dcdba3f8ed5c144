//! Smooth displacement fields: tensor-product cubic B-splines fitted with a
//! bending penalty.
//!
//! The knots lie further apart than what is to be measured, so the field can
//! follow breathing or the curve of a limb but not a lesion.

use crate::alignment::banded::Banded;

/// Displacements in pixels as a uniform cubic B-spline. Beyond its domain the
/// field keeps the value it has at the border.
#[derive(Debug, Clone, PartialEq)]
pub struct Spline {
    spacing: f64,
    columns: usize,
    rows: usize,
    coefficients: Vec<[f64; 2]>,
}

/// What a fit is told about one place: the displacement `target` there, and
/// how firmly, as the inverse of its covariance `[xx, xy, yy]` in 1/px².
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pull {
    /// Where, pixels.
    pub at: [f64; 2],
    /// `information * displacement`, 1/px.
    pub moment: [f64; 2],
    /// Inverse covariance `[xx, xy, yy]`, 1/px².
    pub information: [f64; 3],
}

/// What a fit is told about one place that is known alike in every direction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wish {
    /// Where, pixels.
    pub at: [f64; 2],
    /// The displacement there, pixels.
    pub shift: [f64; 2],
    /// It is known to `1 / sqrt(weight)` pixels.
    pub weight: f64,
}

/// The normal equations of a spline's least squares, without their penalty.
#[derive(Debug, Clone)]
pub struct Normal {
    system: Banded,
    right: Vec<f64>,
}

impl Normal {
    /// The equations for the pulls of both.
    pub fn and(mut self, other: &Normal) -> Self {
        self.system.add_all(&other.system);
        self.right.iter_mut().zip(&other.right).for_each(|(sum, value)| *sum += value);
        self
    }
}

/// First knot left of the point and the four weights (value, slope) there.
struct Blend {
    first: usize,
    value: [f64; 4],
    slope: [f64; 4],
}

impl Spline {
    /// No displacement on a domain of `width` by `height` pixels, knots `spacing` pixels apart.
    pub fn zero(width: usize, height: usize, spacing: f64) -> Self {
        let knots = |length: usize| ((length.max(2) - 1) as f64 / spacing).ceil().max(1.0) as usize + 3;
        let (columns, rows) = (knots(width), knots(height));
        Self { spacing, columns, rows, coefficients: vec![[0.0; 2]; columns * rows] }
    }

    /// The spline closest to the `wishes`: least squares with the penalty
    /// `stiffness` (1/px²) on the squared second differences of neighbouring
    /// coefficients, the discrete bending energy (Eilers and Marx 1996,
    /// *Statistical Science* 11:89), and `tether` on the squared first differences.
    /// `None` if the wishes do not fix the field.
    ///
    /// What is known alike in every direction binds the displacements along x
    /// to one another as those along y, and none of the ones to the others: one
    /// system of half the size serves both.
    pub fn fit(&self, wishes: &[Wish], stiffness: f64, tether: f64) -> Option<Self> {
        let (n, band) = self.size();
        let mut system = Banded::zero(n, band);
        let mut right = [vec![0.0; n], vec![0.0; n]];
        for Wish { at, shift, weight } in wishes {
            let terms = self.terms(*at);
            for &(a, wa) in &terms {
                right.iter_mut().zip(shift).for_each(|(right, shift)| right[a] += wa * (weight * shift));
                for &(b, wb) in terms.iter().filter(|term| term.0 <= a) {
                    system.add(a, b, wa * wb * weight);
                }
            }
        }
        self.add_penalty(stiffness, tether, |a, b, value| system.add(a, b, value));
        let [x, y] = system.solve(right)?;
        Some(self.with(|k| [x[k], y[k]]))
    }

    /// What the pulls ask of the coefficients: to be solved under more than one penalty.
    pub fn asked(&self, pulls: &[Pull]) -> Normal {
        let (n, band) = self.size();
        let mut normal = Normal { system: Banded::zero(2 * n, 2 * band), right: vec![0.0; 2 * n] };
        pulls.iter().for_each(|pull| self.add_pull(pull, &mut normal));
        normal
    }

    /// The spline closest to the pulls behind `normal`, under the penalties of [`Spline::fit`].
    pub fn solve(&self, normal: Normal, stiffness: f64, tether: f64) -> Option<Self> {
        let Normal { mut system, right } = normal;
        self.add_penalty(stiffness, tether, |a, b, value| {
            system.add(2 * a, 2 * b, value);
            system.add(2 * a + 1, 2 * b + 1, value);
        });
        let [solution] = system.solve([right])?;
        Some(self.with(|k| [solution[2 * k], solution[2 * k + 1]]))
    }

    /// The spline whose knots have the coefficients of their [`number`](Self::unknown).
    fn with(&self, coefficient: impl Fn(usize) -> [f64; 2]) -> Self {
        let knots = (0..self.rows).flat_map(|j| (0..self.columns).map(move |i| (i, j)));
        let coefficients = knots.map(|(i, j)| coefficient(self.unknown(i, j))).collect();
        Self { coefficients, ..self.clone() }
    }

    /// How many knots there are, and how far apart in number those are that act together.
    fn size(&self) -> (usize, usize) {
        (self.coefficients.len(), 3 * self.columns.min(self.rows) + 4)
    }

    /// The number of a knot in the system: along the shorter side first, which
    /// keeps the band narrow.
    fn unknown(&self, column: usize, row: usize) -> usize {
        if self.columns <= self.rows { row * self.columns + column } else { column * self.rows + row }
    }

    /// The knots that act at a place, by number, and their weights.
    fn terms(&self, at: [f64; 2]) -> [(usize, f64); 16] {
        let (across, down) = (self.blend(at[0], self.columns), self.blend(at[1], self.rows));
        std::array::from_fn(|k| {
            let (j, i) = (k / 4, k % 4);
            (self.unknown(across.first + i, down.first + j), down.value[j] * across.value[i])
        })
    }

    fn add_pull(&self, pull: &Pull, Normal { system, right }: &mut Normal) {
        let terms = self.terms(pull.at);
        let [xx, xy, yy] = pull.information;
        for &(a, wa) in &terms {
            right[2 * a] += wa * pull.moment[0];
            right[2 * a + 1] += wa * pull.moment[1];
            for &(b, wb) in terms.iter().filter(|term| term.0 <= a) {
                let w = wa * wb;
                system.add(2 * a, 2 * b, w * xx);
                system.add(2 * a + 1, 2 * b, w * xy);
                system.add(2 * a + 1, 2 * b + 1, w * yy);
                if b < a {
                    system.add(2 * a, 2 * b + 1, w * xy);
                }
            }
        }
    }

    /// Hands `to` what the penalties add to the system, between knots by number.
    fn add_penalty(&self, stiffness: f64, tether: f64, mut to: impl FnMut(usize, usize, f64)) {
        let index = |i: usize, j: usize| self.unknown(i, j);
        let mut add = |terms: &[(usize, f64)], weight: f64| {
            for &(a, wa) in terms {
                for &(b, wb) in terms.iter().filter(|term| term.0 <= a) {
                    to(a, b, weight * wa * wb);
                }
            }
        };
        for j in 0..self.rows {
            for i in 0..self.columns {
                let (right, below) = (i + 1 < self.columns, j + 1 < self.rows);
                if i + 2 < self.columns {
                    add(&[(index(i, j), 1.0), (index(i + 1, j), -2.0), (index(i + 2, j), 1.0)], stiffness);
                }
                if j + 2 < self.rows {
                    add(&[(index(i, j), 1.0), (index(i, j + 1), -2.0), (index(i, j + 2), 1.0)], stiffness);
                }
                if right && below {
                    let corners = [
                        (index(i, j), 1.0),
                        (index(i + 1, j), -1.0),
                        (index(i, j + 1), -1.0),
                        (index(i + 1, j + 1), 1.0),
                    ];
                    add(&corners, 2.0 * stiffness);
                }
                if right {
                    add(&[(index(i, j), 1.0), (index(i + 1, j), -1.0)], tether);
                }
                if below {
                    add(&[(index(i, j), 1.0), (index(i, j + 1), -1.0)], tether);
                }
            }
        }
    }

    /// The displacement at `at`, pixels.
    pub fn value(&self, at: [f64; 2]) -> [f64; 2] {
        let (across, down) = (self.blend(at[0], self.columns), self.blend(at[1], self.rows));
        self.combine(&across.value, &down.value, across.first, down.first)
    }

    /// The derivatives `[[du/dx, du/dy], [dv/dx, dv/dy]]` of the displacement (u, v) at `at`.
    pub fn gradient(&self, at: [f64; 2]) -> [[f64; 2]; 2] {
        let (across, down) = (self.blend(at[0], self.columns), self.blend(at[1], self.rows));
        let along_x = self.combine(&across.slope, &down.value, across.first, down.first);
        let along_y = self.combine(&across.value, &down.slope, across.first, down.first);
        [[along_x[0], along_y[0]], [along_x[1], along_y[1]]]
    }

    /// Half of what has to be added to `other` to make it this field.
    pub fn halfway_from(&self, other: &Spline) -> Self {
        let halfway = |(a, b): (&[f64; 2], &[f64; 2])| [0.5 * (a[0] - b[0]), 0.5 * (a[1] - b[1])];
        let coefficients = self.coefficients.iter().zip(&other.coefficients).map(halfway).collect();
        Self { coefficients, ..self.clone() }
    }

    fn combine(&self, across: &[f64; 4], down: &[f64; 4], column: usize, row: usize) -> [f64; 2] {
        let mut sum = [0.0; 2];
        for (j, wy) in down.iter().enumerate() {
            let start = (row + j) * self.columns + column;
            for (coefficient, wx) in self.coefficients[start..start + 4].iter().zip(across) {
                sum[0] += wx * wy * coefficient[0];
                sum[1] += wx * wy * coefficient[1];
            }
        }
        sum
    }

    /// The displacements along one row: a function of x alone, cheap to call.
    pub fn along_row(&self, y: f64) -> impl Fn(f64) -> [f64; 2] + '_ {
        let down = self.blend(y, self.rows);
        let line: Vec<[f64; 2]> = (0..self.columns)
            .map(|i| {
                let mut sum = [0.0; 2];
                for (j, weight) in down.value.iter().enumerate() {
                    let coefficient = self.coefficients[(down.first + j) * self.columns + i];
                    sum[0] += weight * coefficient[0];
                    sum[1] += weight * coefficient[1];
                }
                sum
            })
            .collect();
        move |x| {
            let across = self.blend(x, self.columns);
            let near = &line[across.first..across.first + 4];
            let part = |c: usize| near.iter().zip(&across.value).map(|(p, w)| p[c] * w).sum();
            [part(0), part(1)]
        }
    }

    fn blend(&self, at: f64, knots: usize) -> Blend {
        let last = (knots - 3) as f64;
        let position = at / self.spacing;
        let inside = position.clamp(0.0, last);
        let first = (inside as usize).min(knots - 4);
        let t = inside - first as f64;
        let s = 1.0 - t;
        let value = [
            s * s * s / 6.0,
            (3.0 * t * t * t - 6.0 * t * t + 4.0) / 6.0,
            (3.0 * s * s * s - 6.0 * s * s + 4.0) / 6.0,
            t * t * t / 6.0,
        ];
        let h = if (0.0..=last).contains(&position) { self.spacing } else { f64::INFINITY };
        let slope = [
            -s * s / (2.0 * h),
            (9.0 * t * t - 12.0 * t) / (6.0 * h),
            (12.0 * s - 9.0 * s * s) / (6.0 * h),
            t * t / (2.0 * h),
        ];
        Blend { first, value, slope }
    }

    /// Distance between knots, pixels.
    pub fn spacing(&self) -> f64 {
        self.spacing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_affine_field_costs_no_bending_and_comes_back_exactly() {
        let field = |[x, y]: [f64; 2]| [0.01 * x - 0.02 * y + 3.0, 0.03 * x + 1.0];
        let wishes: Vec<Wish> = (0..40)
            .map(|k| [(k * 37 % 100) as f64, (k * 53 % 80) as f64])
            .map(|at| Wish { at, shift: field(at), weight: 1.0 })
            .collect();
        let fit = Spline::zero(101, 81, 20.0).fit(&wishes, 1e6, 0.0).unwrap();
        for at in [[0.0, 0.0], [50.0, 33.0], [100.0, 80.0]] {
            let (got, want) = (fit.value(at), field(at));
            assert!((got[0] - want[0]).abs() < 1e-5 && (got[1] - want[1]).abs() < 1e-5, "{got:?} {want:?}");
        }
        let slope = fit.gradient([50.0, 40.0]);
        assert!((slope[0][0] - 0.01).abs() < 1e-6 && (slope[1][0] - 0.03).abs() < 1e-6);
        assert!((slope[0][1] + 0.02).abs() < 1e-6 && slope[1][1].abs() < 1e-6);
    }

    fn wishes() -> Vec<Wish> {
        (0..30)
            .map(|k| [[(k * 7 % 60) as f64, (k * 11 % 60) as f64], [(k % 5) as f64, 1.0]])
            .map(|[at, shift]| Wish { at, shift, weight: 1.0 })
            .collect()
    }

    #[test]
    fn pulls_that_are_alike_in_every_direction_are_wishes() {
        let pull = |&Wish { at, shift, weight }: &Wish| Pull {
            at,
            moment: shift.map(|shift| weight * shift),
            information: [weight, 0.0, weight],
        };
        // Knots are numbered along either side, whichever is shorter.
        for (width, height) in [(61, 61), (61, 130), (200, 61)] {
            let field = Spline::zero(width, height, 15.0);
            let asked = field.asked(&wishes().iter().map(pull).collect::<Vec<_>>());
            assert_eq!(field.fit(&wishes(), 0.1, 1e-6), field.solve(asked, 0.1, 1e-6));
        }
    }

    #[test]
    fn a_row_gives_what_single_points_give_and_the_border_value_goes_on() {
        let wishes = wishes();
        let fit = Spline::zero(61, 61, 15.0).fit(&wishes, 0.1, 1e-6).unwrap();
        let row = fit.along_row(23.0);
        for x in [-5.0, 0.0, 31.5, 60.0, 99.0] {
            let (a, b) = (row(x), fit.value([x, 23.0]));
            assert!((a[0] - b[0]).abs() < 1e-12 && (a[1] - b[1]).abs() < 1e-12);
        }
        assert_eq!(fit.value([200.0, 30.0]), fit.value([60.0, 30.0]));
        assert_eq!(fit.gradient([200.0, 30.0])[0][0], 0.0);
    }

    #[test]
    fn without_wishes_there_is_no_field() {
        assert!(Spline::zero(50, 50, 10.0).fit(&[], 1.0, 0.0).is_none());
    }
}
