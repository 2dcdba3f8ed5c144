//! Pits under light from one side: shapes of shading fitted to the plain skin.
//!
//! A pit is dark on the side towards the light and bright on the other, in all
//! channels alike: they are weighed such that pigment and blood fall out. Each
//! of three profiles (funnel, flat floor, bowl) is drawn at several radii as
//! the light at hand shades it; around each peak of the slope along the light
//! the profile that explains most of the skin is kept, with the depth of its
//! dark and of its bright side fitted apart.

use std::sync::OnceLock;

use rayon::prelude::*;

use crate::filter::background::freed;
use crate::filter::blobs::Blob;
use crate::filter::gaussian::{gaussian_and_weight, gaussian_inside};
use crate::metrics::Maps;
use crate::metrics::crescents::{Profile, Shape, Sums};
use crate::metrics::relief::SIGMA_PER_FWHM;
use crate::metrics::rivals::Rivals;
use crate::metrics::whitening::{Whitening, shading_weights, whitening};
use crate::raster::{Mask, Plane, cell_centre, in_cells, row, size};
use crate::units::FilterScale;

/// Slow variation that is taken out, standard deviation in mm: more than twice
/// the largest radius.
const BACKGROUND_MM: f64 = 4.0;

/// Standard deviations, mm, at which peaks of the slope are looked for: half
/// of the radii.
const SIGMAS_MM: [f64; 4] = [0.3, 0.45, 0.65, 0.9];

/// The standard deviation, mm, at which scars are followed: a radius of 0.9 mm.
const FOLLOWED_MM: f64 = 0.45;

/// Radii of the profiles, mm: scars are up to 2 mm wide when narrow, 4 mm when
/// medium (Jacob et al. 2001).
const RADII_MM: [f64; 5] = [0.6, 0.8, 1.05, 1.4, 1.8];

/// Radii over the standard deviation of the peak that may explain it.
const RADIUS_PER_SIGMA: std::ops::Range<f64> = 0.85..3.8;

/// Least slope of a peak, ln units per standard deviation: that of crescents of 0.03 ln;
/// and in units of the slopes of the baseline's plain skin.
const LEAST_SLOPE: (f64, f64) = (0.012, 1.5);

/// Diameters, mm, from which a dark dot may be the dark side of a pit and is
/// left in the skin.
const PORE_MM: f64 = 0.4;

/// Variance, mm², that light spread in the skin adds to pores in red, green and blue.
const PORE_SPREAD_MM2: [f64; 3] = [0.0124, 0.0082, 0.0073];

/// Radius, mm, within which a pore is fitted.
const PORE_REACH_MM: f64 = 0.56;

/// Least share of each crescent's energy that plain skin must show: with less, a dark line that runs off
/// the photo passes for a pit at its border.
const LEAST_SEEN: f64 = 0.8;

/// What a fit to the shading says of a place, ln units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fit {
    /// Cell of the coarse level.
    pub x: usize,
    /// Cell of the coarse level.
    pub y: usize,
    /// The profile that explains most.
    pub profile: Profile,
    /// Its radius, mm.
    pub radius_mm: f64,
    /// Depth of the dark side.
    pub dark: f64,
    /// Height of the bright side.
    pub bright: f64,
    /// The level between them, above the skin's slow variation.
    pub level: f64,
    /// Standard errors of both sides for residuals of 1.
    pub unit_errors: [f64; 2],
    /// Root mean square of what is left.
    pub residual: f64,
    /// Root mean square of what there was.
    pub variation: f64,
    /// The mean of both sides in red, green and blue.
    pub amplitude: [f64; 3],
}

/// Least mean amplitude of crescents, ln units: what is seen of a shadow at a glance.
const LEAST_CONTRAST: f64 = 0.03;

/// Least dark side as a share of the bright one: that of a glint, or beside a bump, is faint.
const LEAST_DARK: f64 = 0.5;

/// Most of the level between the sides as a share of their amplitude: a pit lies
/// in the skin around it, the edge of something dark is half as dark as that.
const MOST_LEVEL: f64 = 0.5;

/// Least share of the skin's variation that crescents explain where a pit is thought of.
const LEAST_EXPLAINED: f64 = 0.12;

impl Fit {
    /// The mean amplitude of both sides.
    pub fn contrast(&self) -> f64 {
        0.5 * (self.dark + self.bright)
    }

    /// Whether crescents could be seen at all, and are a part of what is there.
    pub fn is_worth_a_look(&self) -> bool {
        let contrast = self.contrast();
        contrast >= LEAST_CONTRAST
            && self.dark >= LEAST_DARK * self.bright
            && self.level.abs() <= MOST_LEVEL * contrast
            && self.residual.powi(2) <= (1.0 - LEAST_EXPLAINED) * self.variation.powi(2)
    }
}

/// How uneven plain skin is: the unit of the limits, taken from the baseline
/// once and used for every session.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PitNoise {
    slopes: [f64; SIGMAS_MM.len()],
    /// Median residual of all fits that are worth a look, ln units.
    pub residual: f64,
    /// What decorrelates the channels.
    pub whitening: Whitening,
}

/// What light from one side draws of the relief, density on the coarse level, freed from slow variation.
pub struct Shading {
    /// How much darker the red light gets towards the lamp over 0.45 mm: positive in pits, negative
    /// at their rims and on bumps.
    pub slope: Plane,
    /// What darkens all channels alike, smoothed by 0.3 mm.
    pub shade: Plane,
    /// All that darkens green.
    pub green: Plane,
}

/// The plain skin of a photo, ready for fits.
pub struct PlainSkin {
    channels: [Plane; 3],
    whitening: Whitening,
    /// Blue light that the baseline's skin sends back, as a share of the red: the less, the darker it is.
    pub blue_to_red: f64,
    /// The channels weighed such that shading, which they share, stays as it is and what
    /// pigment and blood vary in falls out as far as it can.
    shade: Plane,
    /// The same of the channels as colour is taken out of them, smoothed.
    broad_shade: Plane,
    plain: Mask,
    scale: FilterScale,
    towards: [f64; 2],
    slopes: Vec<Plane>,
    shapes: Vec<Shape>,
    /// How uneven this skin is, and what fits where that is the unit.
    own: OnceLock<(PitNoise, Vec<Fit>)>,
}

impl PlainSkin {
    /// The skin of a photo lit from the direction `towards`, without its small
    /// `dots` (on the fine plane); without the whitening of a `baseline` its own counts.
    pub fn of(maps: &Maps, towards: [f64; 2], dots: &[Blob], baseline: Option<Whitening>) -> Self {
        let scale = maps.coarse.scale;
        let plain = maps.coarse.skin.clone();
        let channel = |c: usize| {
            let mut plane = maps.density[c].clone();
            dots.iter().for_each(|dot| subtract(&mut plane, dot, maps, PORE_SPREAD_MM2[c]));
            freed(plane, &plain, scale.px(BACKGROUND_MM))
        };
        let channels: Vec<Plane> = (0..3).into_par_iter().map(channel).collect();
        let channels: [Plane; 3] = channels.try_into().expect("three channels");
        let broad = channels.each_ref().map(|c| gaussian_inside(c, &plain, scale.px(SIGMAS_MM[0])));
        let whitening = baseline.unwrap_or_else(|| whitening(&broad, &plain, scale));
        let blue_to_red = maps.unmixing.blue_to_red();
        let broad_shade = weighed(&broad, shading_weights(&whitening));
        // Colour is taken out no finer than pits are seen: what is finer is noise of compression.
        let shade = &broad_shade - &broad[0] + &channels[0];
        let slopes =
            SIGMAS_MM.par_iter().map(|&sigma| slope(&shade, &plain, scale.px(sigma), towards)).collect();
        let shapes = Profile::ALL
            .into_iter()
            .flat_map(|profile| RADII_MM.map(|radius| Shape::new(profile, radius, scale, towards)))
            .collect();
        let own = OnceLock::new();
        Self {
            channels,
            whitening,
            blue_to_red,
            shade,
            broad_shade,
            plain,
            scale,
            towards,
            slopes,
            shapes,
            own,
        }
    }

    /// How uneven this skin is.
    pub fn noise(&self) -> PitNoise {
        if let Some((own, _)) = self.own.get() {
            return *own;
        }
        let slopes = std::array::from_fn(|k| {
            let values = self.slopes[k].indexed_iter().step_by(7).filter(|(at, _)| self.plain[*at]);
            1.4826 * median(values.map(|(_, v)| f64::from(v.abs())).collect())
        });
        let fits = self.fitted(&slopes);
        let seen = fits.iter().filter(|fit| fit.is_worth_a_look());
        let residual = median(seen.map(|fit| fit.residual).collect());
        let own = PitNoise { slopes, residual, whitening: self.whitening };
        // Worked out before it is kept: no thread waits here for another.
        self.own.get_or_init(|| (own, fits)).0
    }

    /// What else could have drawn what was fitted.
    pub fn rivals(&self) -> Rivals {
        Rivals::of(&self.channels, self.scale, self.towards, &self.whitening)
    }

    /// What is told from the shading besides pits.
    pub fn into_shading(self) -> Shading {
        let slope = slope(&self.channels[0], &self.plain, self.scale.px(FOLLOWED_MM), self.towards);
        let [_, green, _] = self.channels;
        Shading { slope, shade: self.broad_shade, green }
    }

    /// The fits at all peaks of the slope, in scan order of each scale; those of the
    /// baseline were made for its [`noise`](Self::noise).
    pub fn fits(&self, noise: &PitNoise) -> Vec<Fit> {
        match self.own.get() {
            Some((own, fits)) if own.slopes == noise.slopes => fits.clone(),
            _ => self.fitted(&noise.slopes),
        }
    }

    fn fitted(&self, uneven: &[f64; SIGMAS_MM.len()]) -> Vec<Fit> {
        let places: Vec<(usize, usize, usize)> = (0..SIGMAS_MM.len())
            .flat_map(|k| self.peaks(k, uneven[k]).into_iter().map(move |(x, y)| (k, x, y)))
            .collect();
        places.par_iter().filter_map(|&(k, x, y)| self.fit(k, x, y)).collect()
    }

    /// Cells of plain skin whose slope exceeds the least and that of the 24 around;
    /// the slopes of the baseline's plain skin are `uneven`.
    fn peaks(&self, k: usize, uneven: f64) -> Vec<(usize, usize)> {
        let plane = &self.slopes[k];
        let (width, height) = size(plane);
        let least = LEAST_SLOPE.0.max(LEAST_SLOPE.1 * uneven) as f32;
        let mut found = Vec::new();
        for y in 2..height.saturating_sub(2) {
            for (x, &value) in row(plane, y).iter().enumerate().take(width.saturating_sub(2)).skip(2) {
                let tops = || {
                    (y - 2..=y + 2).all(|py| {
                        let first = (py, x - 2);
                        row(plane, py)[x - 2..=x + 2].iter().enumerate().all(|(i, &other)| {
                            let before = (first.0, first.1 + i) < (y, x);
                            value > other || (value == other && !before)
                        })
                    })
                };
                if value > least && tops() {
                    found.push((x, y));
                }
            }
        }
        found
    }

    /// The profile that explains most of the skin around a cell.
    fn fit(&self, k: usize, x: usize, y: usize) -> Option<Fit> {
        let reach = SIGMAS_MM[k] * RADIUS_PER_SIGMA.start..SIGMAS_MM[k] * RADIUS_PER_SIGMA.end;
        let near = self.shapes.iter().filter(|shape| reach.contains(&shape.radius));
        let (shape, sums, solved, _) = near
            .filter_map(|shape| {
                let sums = self.sums(&self.shade, shape, x, y)?;
                let solved = sums.solve()?;
                // Every cell of a sparse drawing stands for those between.
                let gain = (sums.variation() - sums.left(solved)) * (shape.step * shape.step) as f64;
                (solved[0] > 0.0).then_some((shape, sums, solved, gain))
            })
            .max_by(|a, b| a.3.total_cmp(&b.3))?;
        let amplitude = self.channels.each_ref().map(|channel| {
            let [dark, bright, _] = self.sums(channel, shape, x, y)?.solve()?;
            Some(0.5 * (dark + bright))
        });
        let left = sums.left(solved);
        Some(Fit {
            x,
            y,
            profile: shape.profile,
            radius_mm: shape.radius,
            dark: solved[0],
            bright: solved[1],
            level: solved[2],
            unit_errors: sums.unit_errors(),
            residual: (left / (sums.count - 3.0).max(1.0)).max(0.0).sqrt(),
            variation: (sums.variation() / (sums.count - 1.0).max(1.0)).sqrt(),
            amplitude: amplitude.map(Option::unwrap_or_default),
        })
    }

    /// The sums that a fit needs, if enough of both crescents is on plain skin.
    fn sums(&self, values: &Plane, shape: &Shape, x: usize, y: usize) -> Option<Sums> {
        let mut sums = Sums::default();
        let (width, height) = size(&self.plain);
        for cell in &shape.cells {
            let (px, py) = (x as isize + cell.dx, y as isize + cell.dy);
            if px < 0 || py < 0 || px >= width as isize || py >= height as isize {
                continue;
            }
            let at = [py as usize, px as usize];
            if self.plain[at] {
                sums.add(cell.shade, f64::from(values[at]));
            }
        }
        let seen = (sums.dark[1] / shape.energy[0]).min(sums.bright[1] / shape.energy[1]);
        (seen >= LEAST_SEEN).then_some(sums)
    }
}

/// The sum of the channels, each with its weight.
fn weighed([red, green, blue]: &[Plane; 3], weights: [f32; 3]) -> Plane {
    let (width, height) = size(red);
    crate::raster::rows(width, height, |y, out| {
        let channels = row(red, y).iter().zip(row(green, y)).zip(row(blue, y));
        for (sum, ((red, green), blue)) in out.iter_mut().zip(channels) {
            *sum = weights[0] * red + weights[1] * green + weights[2] * blue;
        }
    })
}

/// How much darker plain skin gets towards the light, per `sigma` that it is smoothed by; 0 where
/// little of the skin around is plain and on the border.
fn slope(plane: &Plane, plain: &Mask, sigma: f64, [ux, uy]: [f64; 2]) -> Plane {
    let (plane, weight) = gaussian_and_weight(plane, plain, sigma);
    let (width, height) = size(&plane);
    crate::raster::rows(width, height, |y, out| {
        if y == 0 || y + 1 >= height {
            return;
        }
        let (above, here, below) = (row(&plane, y - 1), row(&plane, y), row(&plane, y + 1));
        let weight = row(&weight, y);
        for x in 1..width.saturating_sub(1) {
            if weight[x] > LEAST_WEIGHT {
                let (dx, dy) = (here[x + 1] - here[x - 1], below[x] - above[x]);
                out[x] = 0.5 * sigma as f32 * (dx * ux as f32 + dy * uy as f32);
            }
        }
    })
}

/// Least share of plain skin under the Gaussian of a slope.
const LEAST_WEIGHT: f32 = 0.4;

/// Takes a small dot out of a coarse plane: the Gaussian of its size that fits
/// best beside a level.
fn subtract(plane: &mut Plane, dot: &Blob, maps: &Maps, spread: f64) {
    let sigma = maps.fine.scale.mm(dot.sigma);
    let own = (sigma * sigma - PORE_SPREAD_MM2[1]).max(0.16 * sigma * sigma);
    if own.sqrt() / SIGMA_PER_FWHM >= PORE_MM {
        return;
    }
    let level = &maps.coarse;
    let [x, y] = [dot.x, dot.y].map(|at| in_cells(cell_centre(at, maps.fine.factor), level.factor));
    let (variance, reach) = ((own + spread) * level.scale.px(1.0).powi(2), level.scale.px(PORE_REACH_MM));
    let (width, height) = size(plane);
    if x < reach || y < reach || x + reach + 1.0 > width as f64 || y + reach + 1.0 > height as f64 {
        return;
    }
    let mut cells = Vec::with_capacity(64);
    for py in (y - reach).ceil() as usize..=(y + reach) as usize {
        for px in (x - reach).ceil() as usize..=(x + reach) as usize {
            let squared = (px as f64 - x).powi(2) + (py as f64 - y).powi(2);
            if squared <= reach * reach {
                cells.push((py, px, (-0.5 * squared / variance).exp()));
            }
        }
    }
    let (mut g, mut gg, mut v, mut gv) = (0.0, 0.0, 0.0, 0.0);
    for &(py, px, shape) in &cells {
        let value = f64::from(plane[[py, px]]);
        (g, gg, v, gv) = (g + shape, gg + shape * shape, v + value, gv + shape * value);
    }
    let count = cells.len() as f64;
    let height = (gv - g * v / count) / (gg - g * g / count);
    if height > 0.0 {
        cells.iter().for_each(|&(py, px, shape)| plane[[py, px]] -= (height * shape) as f32);
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    let middle = values.len() / 2;
    if values.is_empty() { 0.0 } else { *values.select_nth_unstable_by(middle, f64::total_cmp).1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: sides of shade 1 and -1, three cells each of depth 0.2 and
    /// height 0.1, among ten plain ones at 0.5.
    #[test]
    fn both_sides_and_the_level_come_back() {
        let mut sums = Sums::default();
        for (shade, value, count) in [(1.0, 0.7, 3), (-1.0, 0.4, 3), (0.0, 0.5, 10)] {
            (0..count).for_each(|_| sums.add(shade, value));
        }
        let [dark, bright, level] = sums.solve().unwrap();
        assert!((dark - 0.2).abs() < 1e-9 && (bright - 0.1).abs() < 1e-9 && (level - 0.5).abs() < 1e-9);
        assert!(sums.left([dark, bright, level]).abs() < 1e-9);
        // The level rests on ten cells alone: variance 1/10 + 1/3.
        assert!((sums.unit_errors()[0] - (0.1f64 + 1.0 / 3.0).sqrt()).abs() < 1e-9);
    }

    #[test]
    fn half_depth_lies_at_the_radius_and_walls_add_up_to_the_depth() {
        for profile in Profile::ALL {
            let depth = |upto: f64| {
                (0..4000)
                    .map(|i| profile.slope((f64::from(i) + 0.5) / 1000.0))
                    .take((upto * 1000.0) as usize)
                    .sum::<f64>()
                    / 1000.0
            };
            assert!((depth(4.0) - 1.0).abs() < 0.01, "{profile:?}");
            let at_radius = if profile == Profile::Funnel { 1.0 } else { 0.5 };
            assert!((depth(1.0) - at_radius).abs() < 0.01, "{profile:?}");
        }
    }
}
