//! Symmetric positive definite systems whose non-zeros lie near the diagonal.

use multiversion::multiversion;

/// The lower triangle of a symmetric matrix of `n` rows with no entry further
/// than `band` from the diagonal.
#[derive(Debug, Clone)]
pub struct Banded {
    n: usize,
    band: usize,
    /// Row `i` holds columns `i - band ..= i`; columns below 0 are unused.
    values: Vec<f64>,
}

impl Banded {
    /// A matrix of zeros.
    pub fn zero(n: usize, band: usize) -> Self {
        let band = band.min(n.saturating_sub(1));
        Self { n, band, values: vec![0.0; n * (band + 1)] }
    }

    /// Adds `value` at (`row`, `column`), `row - band <= column <= row`.
    pub fn add(&mut self, row: usize, column: usize, value: f64) {
        debug_assert!(column <= row && row - column <= self.band, "inside the band");
        self.values[row * (self.band + 1) + column + self.band - row] += value;
    }

    /// Adds another matrix of the same shape.
    pub fn add_all(&mut self, other: &Banded) {
        debug_assert!(self.n == other.n && self.band == other.band, "one shape");
        self.values.iter_mut().zip(&other.values).for_each(|(sum, value)| *sum += value);
    }

    /// Solves the system by Cholesky's decomposition; `None` unless it is positive definite.
    pub fn solve(mut self, right: Vec<f64>) -> Option<Vec<f64>> {
        self.decompose()?;
        Some(self.back(self.forward(right)))
    }

    fn decompose(&mut self) -> Option<()> {
        let (band, stride) = (self.band, self.band + 1);
        for i in 0..self.n {
            let (above, from_here) = self.values.split_at_mut(i * stride);
            let current = &mut from_here[..stride];
            let first = i.saturating_sub(band);
            for j in first..i {
                let other = &above[j * stride..(j + 1) * stride];
                let start = first.max(j.saturating_sub(band));
                let sum = dot(&current[start + band - i..j + band - i], &other[start + band - j..band]);
                current[j + band - i] = (current[j + band - i] - sum) / other[band];
            }
            let part = &current[first + band - i..band];
            let pivot = current[band] - dot(part, part);
            // Not a number is no pivot either.
            if pivot.is_nan() || pivot <= 1e-13 * current[band].abs() {
                return None;
            }
            current[band] = pivot.sqrt();
        }
        Some(())
    }

    fn forward(&self, mut x: Vec<f64>) -> Vec<f64> {
        let stride = self.band + 1;
        for i in 0..self.n {
            let row = &self.values[i * stride..(i + 1) * stride];
            let first = i.saturating_sub(self.band);
            let sum = dot(&row[first + self.band - i..self.band], &x[first..i]);
            x[i] = (x[i] - sum) / row[self.band];
        }
        x
    }

    fn back(&self, mut x: Vec<f64>) -> Vec<f64> {
        let stride = self.band + 1;
        for i in (0..self.n).rev() {
            let row = &self.values[i * stride..(i + 1) * stride];
            x[i] /= row[self.band];
            let (value, first) = (x[i], i.saturating_sub(self.band));
            for (earlier, factor) in x[first..i].iter_mut().zip(&row[first + self.band - i..self.band]) {
                *earlier -= factor * value;
            }
        }
        x
    }
}

/// Products summed side by side: as many as no sum waits for the one before it.
const LANES: usize = 16;

/// Sum of products in [`LANES`]: a fixed order that still runs fast.
#[multiversion(targets("x86_64+avx2+fma"))]
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0; LANES];
    let (left, right) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f64 = left.remainder().iter().zip(right.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in left.zip(right) {
        for ((lane, x), y) in lanes.iter_mut().zip(x).zip(y) {
            *lane += x * y;
        }
    }
    lanes.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_worked_by_hand() {
        // [[4, 2, 0], [2, 5, 2], [0, 2, 5]] x = [2, -1, 9]  =>  x = [1, -1, 2.2]: 4-2, 2-5+4.4, -2+11.
        let mut system = Banded::zero(3, 1);
        for (row, column, value) in [(0, 0, 4.0), (1, 0, 2.0), (1, 1, 5.0), (2, 1, 2.0), (2, 2, 5.0)] {
            system.add(row, column, value);
        }
        let x = system.solve(vec![2.0, 1.4, 9.0]).unwrap();
        for (got, want) in x.iter().zip([1.0, -1.0, 2.2]) {
            assert!((got - want).abs() < 1e-12);
        }
    }

    #[test]
    fn what_is_not_positive_definite_is_not_solved() {
        let mut system = Banded::zero(2, 1);
        system.add(0, 0, 1.0);
        system.add(1, 0, 2.0);
        system.add(1, 1, 4.0);
        assert!(system.solve(vec![1.0, 1.0]).is_none());
        assert!(Banded::zero(2, 0).solve(vec![1.0, 1.0]).is_none());
    }
}
