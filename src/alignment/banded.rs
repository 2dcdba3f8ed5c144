//! Symmetric positive definite systems whose non-zeros lie near the diagonal.

use multiversion::multiversion;

/// The lower triangle of a symmetric matrix of `n` rows with no entry further
/// than `band` from the diagonal.
#[derive(Debug, Clone)]
pub struct Banded {
    n: usize,
    band: usize,
    /// Column `j` holds rows `j ..= j + band`; rows from `n` on are unused.
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
        self.values[column * (self.band + 1) + row - column] += value;
    }

    /// Adds another matrix of the same shape.
    pub fn add_all(&mut self, other: &Banded) {
        debug_assert!(self.n == other.n && self.band == other.band, "one shape");
        self.values.iter_mut().zip(&other.values).for_each(|(sum, value)| *sum += value);
    }

    /// Solves the system for several right sides by Cholesky's decomposition;
    /// `None` unless it is positive definite.
    pub fn solve<const N: usize>(mut self, right: [Vec<f64>; N]) -> Option<[Vec<f64>; N]> {
        let stride = self.band + 1;
        let diagonal: Vec<f64> = self.values.chunks_exact(stride).map(|column| column[0]).collect();
        let mut rest = self.values.as_mut_slice();
        for entry in diagonal {
            let (column, later) = rest.split_at_mut(stride);
            // Not a number is no pivot either.
            if column[0].is_nan() || column[0] <= 1e-13 * entry.abs() {
                return None;
            }
            eliminate(column, later);
            rest = later;
        }
        Some(right.map(|right| self.back(self.forward(right))))
    }

    fn forward(&self, mut x: Vec<f64>) -> Vec<f64> {
        for (j, column) in self.values.chunks_exact(self.band + 1).enumerate() {
            x[j] /= column[0];
            let value = x[j];
            x[j + 1..].iter_mut().zip(&column[1..]).for_each(|(later, factor)| *later -= factor * value);
        }
        x
    }

    fn back(&self, mut x: Vec<f64>) -> Vec<f64> {
        for (j, column) in self.values.chunks_exact(self.band + 1).enumerate().rev() {
            let known: f64 = x[j + 1..].iter().zip(&column[1..]).map(|(later, factor)| factor * later).sum();
            x[j] = (x[j] - known) / column[0];
        }
        x
    }
}

/// A step of Cholesky's decomposition: the first column, whose pivot is
/// positive, and what it leaves of those after it. By columns, for sums of
/// products along rows would wait for one another.
#[multiversion(targets("x86_64+avx2+fma"))]
fn eliminate(column: &mut [f64], later: &mut [f64]) {
    let (stride, root) = (column.len(), column[0].sqrt());
    column[0] = root;
    column[1..].iter_mut().for_each(|entry| *entry /= root);
    for (k, column_after) in (1..stride).zip(later.chunks_exact_mut(stride)) {
        let factor = column[k];
        for (value, entry) in column_after.iter_mut().zip(&column[k..]) {
            *value -= factor * entry;
        }
    }
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
        let [x, twice] = system.solve([vec![2.0, 1.4, 9.0], vec![4.0, 2.8, 18.0]]).unwrap();
        for ((got, double), want) in x.iter().zip(twice).zip([1.0, -1.0, 2.2]) {
            assert!((got - want).abs() < 1e-12 && (double - 2.0 * want).abs() < 1e-12);
        }
    }

    #[test]
    fn what_is_not_positive_definite_is_not_solved() {
        let mut system = Banded::zero(2, 1);
        system.add(0, 0, 1.0);
        system.add(1, 0, 2.0);
        system.add(1, 1, 4.0);
        assert!(system.solve([vec![1.0, 1.0]]).is_none());
        assert!(Banded::zero(2, 0).solve([vec![1.0, 1.0]]).is_none());
    }

    #[test]
    fn what_is_solved_gives_its_right_side_back() {
        for (n, band) in [(37, 19), (9, 3), (6, 5), (40, 1)] {
            let entry = |i: usize, j: usize| match i.abs_diff(j) {
                0 => 3.0 * n as f64,
                off if off <= band => ((i * j) % 7) as f64 - 3.0,
                _ => 0.0,
            };
            let mut system = Banded::zero(n, band);
            (0..n).for_each(|i| (i.saturating_sub(band)..=i).for_each(|j| system.add(i, j, entry(i, j))));
            let right: Vec<f64> = (0..n).map(|i| (i % 5) as f64 - 1.5).collect();
            let [x] = system.solve([right.clone()]).unwrap();
            for (i, want) in right.iter().enumerate() {
                let got: f64 = (0..n).map(|j| entry(i, j) * x[j]).sum();
                assert!((got - want).abs() < 1e-10, "{n} {band}: {got} {want}");
            }
        }
    }
}
