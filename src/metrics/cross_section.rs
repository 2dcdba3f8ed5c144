//! What is seen across a line of the relief: its mass, its width, and where the middle of the furrow
//! lies whose dark wall it is.

use nalgebra::{Matrix4, Vector4};

use crate::metrics::lines::normal;
use crate::metrics::relief::{Relief, SIGMA_PER_FWHM};
use crate::order::clipped_mean;
use crate::raster::{averaging, covers, sample};

/// Half of the profile across a wrinkle, mm, and where its surroundings begin.
const PROFILE_MM: (f64, f64) = (1.6, 1.1);

/// Variance, cells squared, that reading between cells adds in the mean over places: it weighs two
/// neighbours as a triangle of one cell to each side does.
const READING: f64 = 1.0 / 6.0;

/// How far from the middle of its dark wall a furrow is looked at, mm.
const WALLS_MM: f64 = 0.8;

/// Standard deviations of furrows tried, mm, and how far from the dark wall, in these, their middle
/// may lie: a slope is steepest at one.
const SIGMAS_MM: [f64; 6] = [0.1, 0.14, 0.2, 0.28, 0.34, 0.4];
const MOST_ASIDE: f64 = 1.5;

/// What a furrow's profile is made of, besides a level.
const DEPTH: usize = 0;
const STEEPNESS: usize = 1;
const SLOPE: usize = 2;

/// How much more of the profile than the best one the middle nearest to the dark wall may leave
/// unexplained: where no bright wall shows, middles explain it alike.
const AS_GOOD: f64 = 1.2;

/// Points to each side of one that its direction is taken from.
pub(super) const AROUND: usize = 3;

/// A full width at half height without the blur of this `variance`; two fifths of it at least.
pub(super) fn freed(width: f64, variance: f64) -> f64 {
    (width * width - variance / SIGMA_PER_FWHM.powi(2)).max(0.16 * width * width).sqrt()
}

/// The profile across a line, above its surroundings.
pub(super) struct CrossSection {
    values: Vec<f64>,
    step_mm: f64,
    /// Variance that sampling adds to it, mm²: averaging into cells, and reading between them.
    sampling_mm2: f64,
}

impl CrossSection {
    /// Steps from the middle to each side.
    const HALF: usize = 40;

    /// Means along the line without what stands out, so that spots beside it and
    /// what crosses it have no say; where nothing is skin, as high as the surroundings.
    pub fn of(relief: &Relief, points: &[[f64; 2]]) -> Option<Self> {
        let step_mm = PROFILE_MM.0 / Self::HALF as f64;
        let mut seen: Vec<Vec<f64>> = vec![Vec::new(); 2 * Self::HALF + 1];
        for i in 1..points.len().saturating_sub(1) {
            let [nx, ny] = normal(points, i, AROUND);
            for (k, seen) in seen.iter_mut().enumerate() {
                let reach = relief.scale.px(step_mm) * (k as f64 - Self::HALF as f64);
                let (x, y) = (points[i][0] + reach * nx, points[i][1] + reach * ny);
                let value = sample(&relief.detail, x, y).filter(|_| covers(&relief.skin, x, y));
                seen.extend(value.map(f64::from));
            }
        }
        let means: Vec<Option<f64>> = seen.iter().map(|values| clipped_mean(values)).collect();
        let rim = (Self::HALF as f64 * (1.0 - PROFILE_MM.1 / PROFILE_MM.0)) as usize;
        let around: Vec<f64> =
            means[..rim].iter().chain(&means[means.len() - rim..]).flatten().copied().collect();
        if around.is_empty() {
            return None;
        }
        let averaging_mm2 = averaging(relief.factor) / relief.native_px_per_mm().powi(2);
        let base = around.iter().sum::<f64>() / around.len() as f64;
        Some(Self {
            values: means.iter().map(|mean| mean.map_or(0.0, |mean| mean - base)).collect(),
            step_mm,
            sampling_mm2: averaging_mm2 + relief.scale.mm(1.0).powi(2) * READING,
        })
    }

    /// The integral over the inner part, ln units times mm.
    pub fn mass_mm(&self) -> f64 {
        let rim = (Self::HALF as f64 * (1.0 - PROFILE_MM.1 / PROFILE_MM.0)) as usize;
        self.values[rim..self.values.len() - rim].iter().sum::<f64>() * self.step_mm
    }

    /// How far from the dark wall the middle of the furrow lies, mm, along the normal of the line, which
    /// points towards the light where `lit` is positive and away from it where that is negative; 0 if
    /// neither is known.
    ///
    /// A furrow `-exp(-x² / 2σ²)` deep is darkest at its middle for light from all around. Light from one
    /// side shades it by its slope, the wall on the side of the light dark and the other one bright, and
    /// by Lambert's cosine all that is steep gets less. What is seen is a mixture of the three.
    pub fn middle_mm(&self, lit: f64) -> f64 {
        let steps = ((WALLS_MM / self.step_mm) as usize).min(Self::HALF);
        let seen = &self.values[Self::HALF - steps..=Self::HALF + steps];
        let at = |k: usize| (k as f64 - steps as f64) * self.step_mm;
        // What a furrow about `middle` leaves unexplained without some of the shapes.
        let left = |middle: f64, sigma: f64, absent: &[usize]| {
            let (mut normal, mut right, mut sum) = (Matrix4::zeros(), Vector4::zeros(), 0.0);
            for (k, &value) in seen.iter().enumerate() {
                let u = (at(k) - middle) / sigma;
                let depth = (-0.5 * u * u).exp();
                let slope = u * depth;
                let mut shape = Vector4::new(depth, slope * slope, slope, 1.0);
                absent.iter().for_each(|&k| shape[k] = 0.0);
                normal += shape * shape.transpose();
                right += shape * value;
                sum += value * value;
            }
            absent.iter().for_each(|&k| normal[(k, k)] = 1.0);
            let shares = normal.cholesky()?.solve(&right);
            // Depth and steepness darken.
            let fits = shares[DEPTH] >= 0.0 && shares[STEEPNESS] >= 0.0 && shares[SLOPE] * lit >= 0.0;
            fits.then(|| sum - shares.dot(&right))
        };
        let fits = |absent: &[usize]| {
            let middles = (-(steps as i32)..=steps as i32).map(|k| f64::from(k) * self.step_mm);
            let tried = middles.flat_map(|middle| SIGMAS_MM.map(|sigma| (middle, sigma)));
            let near = tried.filter(|(middle, sigma)| middle.abs() <= MOST_ASIDE * sigma);
            near.filter_map(|(middle, sigma)| Some((middle, left(middle, sigma, absent)?)))
                .collect::<Vec<_>>()
        };
        let least = |fits: &[(f64, f64)]| fits.iter().map(|fit| fit.1).fold(f64::INFINITY, f64::min).max(0.0);
        let mut told = fits(&[STEEPNESS]);
        // Two dark walls look alike: on which side of one the middle lies, light must tell.
        if lit != 0.0 {
            let steep = [fits(&[]), fits(&[DEPTH])].concat();
            if AS_GOOD * least(&steep) < least(&told) {
                told = steep;
            }
        }
        let most = AS_GOOD * least(&told);
        let good = told.into_iter().filter(|(_, left)| *left <= most).map(|(middle, _)| middle);
        good.min_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap_or(0.0)
    }

    /// Full width at half of the greatest value near the dark wall's middle as the lens draws it, mm.
    pub fn width_mm(&self) -> f64 {
        let middle = Self::HALF - Self::HALF / 5..Self::HALF + Self::HALF / 5 + 1;
        let peak = middle.max_by(|&a, &b| self.values[a].total_cmp(&self.values[b])).unwrap_or(Self::HALF);
        let half = 0.5 * self.values[peak];
        let crossing = |values: &mut dyn Iterator<Item = f64>| {
            let mut last = 2.0 * half;
            for (i, value) in values.enumerate() {
                if value < half {
                    return i as f64 + (last - half) / (last - value).max(1e-12);
                }
                last = value;
            }
            Self::HALF as f64
        };
        let right = crossing(&mut self.values[peak + 1..].iter().copied());
        let left = crossing(&mut self.values[..peak].iter().rev().copied());
        freed((left + right) * self.step_mm, self.sampling_mm2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::testing::{maps_of, noise, relief_in_cells};
    use crate::raster::Plane;

    /// 0.2 and 0.4 mm as the lens draws them.
    #[test]
    fn cells_leave_lines_as_wide_as_they_are() {
        for width in [0.2, 0.4] {
            let sigma = 40.0 * width * SIGMA_PER_FWHM;
            let plane = Plane::from_shape_fn((480, 480), |(y, x)| {
                let across = (y as f64 - 240.0 - 0.2 * (x as f64 - 240.0)) / (1.04f64.sqrt() * sigma);
                0.2 * (-0.5 * across * across).exp() as f32
            });
            for factor in [1, 2, 4] {
                let cell = |at: f64| crate::raster::in_cells(at, factor);
                let points: Vec<_> = (60..420)
                    .step_by(6)
                    .map(|x| [cell(f64::from(x)), cell(240.0 + 0.2 * (f64::from(x) - 240.0))])
                    .collect();
                let seen = CrossSection::of(&relief_in_cells(&plane, factor), &points).unwrap().width_mm();
                assert!((seen / width - 1.0).abs() < 0.03, "{width} {factor}: {seen}");
            }
        }
    }

    /// How far from row 200, mm at 20 px/mm, the middle is put of the furrow whose dark wall is at row
    /// `wall` and which is as dark as `seen` at each row.
    fn off(seen: impl Fn(f64) -> f64, wall: f64, lit: f64) -> f64 {
        let maps = maps_of(
            Plane::from_shape_fn((400, 400), |(y, x)| seen(y as f64) as f32 + noise(x, y, 0.02) + 0.7),
            20.0,
        );
        let points: Vec<[f64; 2]> = (80..320).step_by(3).map(|x| [f64::from(x), wall]).collect();
        let [_, down] = normal(&points, 9, AROUND);
        let section = CrossSection::of(&Relief::of(&maps), &points).unwrap();
        (0.05 * (wall - 200.0) + down * section.middle_mm(down * lit)).abs()
    }

    /// Gaussian furrows of 3, 4.4 and 6.6 pixels (standard deviation σ) about y = 200 under light from
    /// one side (`s`, their slope), from all around (`d`, their depth) and mixtures, at 20 px/mm. By
    /// hand, their dark walls lie σu off, where `s'u² - du - s' = 0` with `s' = √e s`.
    #[test]
    fn the_middle_of_a_furrow_lies_between_its_walls() {
        for (sigma, [slope, depth], wall) in [
            (3.0, [0.1, 0.0], 197.0),
            (4.4, [-0.1, 0.05], 203.8),
            (6.6, [0.1, 0.1], 195.1),
            (4.4, [0.0, 0.1], 200.0),
        ] {
            let seen = |y: f64| {
                let u = (y - 200.0) / sigma;
                (depth - slope * u * 0.5f64.exp()) * (-0.5 * u * u).exp()
            };
            // The dark wall is that on the side of the light.
            for lit in [0.0, -slope] {
                let off = off(seen, wall, lit);
                assert!(off <= 0.04, "{sigma} {slope} {depth}: {wall} {lit} {off}");
            }
        }
    }

    /// By Lambert's cosine: a furrow of 6.6 pixels, 0.7 of that deep, under light from 45 degrees that
    /// comes from 5 degrees off its direction, so that both of its walls are darker than the skin, the one
    /// on the side of the light more so; darkest where they are steepest, 6.6 pixels off.
    #[test]
    fn light_tells_on_which_side_of_the_dark_wall_the_middle_lies() {
        let seen = |y: f64| {
            let u = (y - 200.0) / 6.6;
            let slope = 0.7 * u * (-0.5 * u * u).exp();
            0.5 * (1.0 + slope * slope).ln() - (1.0 - slope * 5f64.to_radians().sin()).ln()
        };
        assert!(off(seen, 206.6, 0.2) <= 0.05, "{}", off(seen, 206.6, 0.2));
        assert!(off(seen, 206.6, -0.2) > 0.2, "{}", off(seen, 206.6, -0.2));
    }
}
