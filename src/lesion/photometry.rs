//! How much excess density a place carries, and how surely.

use crate::filter::components::Component;
use crate::lesion::places::bounds;
use crate::order::of_ranks;
use crate::raster::{self, Mask, Plane};

/// The smoothed excess that only a tenth of a place rises above stands for its
/// peak: the very highest is as often a pore in it.
const PEAK: f64 = 0.9;

/// Share of the peak that bounds a lesion's body: half of it lies at the true
/// rim, whatever the blur.
const BODY: f32 = 0.5;

/// How deep in its body a lesion's core begins, as a share of the greatest
/// depth. The core is chosen by place, not by value: the densest pixels would
/// be those that noise has raised, and a mean over all of the body has its
/// blurred rim in it.
const DEEP: f32 = 0.5;

/// The excess density of one place. Lengths are pixels of the plane measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Light {
    /// Excess density integrated over the place, density × px².
    pub dose: f64,
    /// Its standard error from the noise of the skin around.
    pub dose_standard_error: f64,
    /// Excess density of the core; `None` where nothing stands out.
    pub contrast: Option<f64>,
    /// Centre of the excess, x and y; that of the place where nothing stands out.
    pub centre: [f64; 2],
}

impl Light {
    /// The soft area, `dose / contrast`, px²; `None` where nothing stands out.
    pub fn area(&self) -> Option<f64> {
        self.contrast.map(|contrast| self.dose / contrast)
    }

    /// Measures the pixels of `place` against those of the `ring` around it;
    /// `None` if either has none. `smooth` is the excess, lightly smoothed:
    /// it says where the core is.
    pub fn measure(
        excess: &Plane,
        smooth: &Plane,
        place: &Component,
        ring: &Component,
        noise: &Noise,
    ) -> Option<Self> {
        let values = |plane: &Plane, pixels: &Component| -> Vec<f32> {
            pixels.iter().map(|&(x, y)| plane[[y as usize, x as usize]]).collect()
        };
        let level = mean(&values(excess, ring))?;
        let above: Vec<f64> = values(excess, place).iter().map(|&v| f64::from(v) - level).collect();
        let area = above.len() as f64;
        let dose: f64 = (area > 0.0).then(|| above.iter().sum())?;
        // The place and the level of its ring both err.
        let error = noise.of_mean(area).hypot(noise.of_mean(ring.len() as f64));
        let core = core_mean(&above, &values(smooth, place), place, level);
        Some(Self {
            dose,
            dose_standard_error: area * error,
            contrast: core.filter(|&core| core > 0.0 && dose > 0.0),
            centre: centroid(&above, place),
        })
    }
}

/// The sum over a place of what lies above the mean of its ring.
pub fn dose_above(plane: &Plane, place: &Component, ring: &Component) -> f64 {
    let sum = |pixels: &Component| -> f64 {
        pixels.iter().map(|&(x, y)| f64::from(plane[[y as usize, x as usize]])).sum()
    };
    sum(place) - sum(ring) * place.len() as f64 / (ring.len() as f64).max(1.0)
}

/// Exponent that light is encoded with, about: a sample is light to the power of its inverse.
const ENCODING: f64 = 2.2;

/// How much more a camera's errors weigh in the density of `cells` than in that
/// of the plain skin around: a file's samples err alike everywhere, and a density
/// by that over the sample. Of each chromophore: its excess, and the density of
/// the channel that a unit of it adds.
pub fn error_weight(chromophores: [(&Plane, f32); 2], cells: &Component) -> f64 {
    let density = |&(x, y): &(u32, u32)| {
        let of = |(excess, adds): (&Plane, f32)| f64::from(adds * excess[[y as usize, x as usize]]);
        chromophores.map(of).iter().sum::<f64>()
    };
    let darker = cells.iter().map(density).sum::<f64>() / (cells.len() as f64).max(1.0);
    (darker.max(0.0) / ENCODING).exp()
}

/// The mean of `above` over the core of the place: where its body, which
/// `smooth` shows, is deepest.
fn core_mean(above: &[f64], smooth: &[f32], place: &Component, level: f64) -> Option<f64> {
    let rise = |value: f32| value - level as f32;
    let mut sorted: Vec<f32> = smooth.iter().copied().map(rise).collect();
    sorted.sort_unstable_by(f32::total_cmp);
    let rank = (PEAK * sorted.len() as f64) as usize;
    let least = BODY * sorted.get(rank).copied().filter(|&peak| peak > 0.0)?;
    let depth = depths(place, |index| rise(smooth[index]) >= least);
    let deepest = depth.iter().copied().fold(0.0, f32::max);
    let core = above.iter().zip(&depth).filter(|&(_, &d)| d > 0.0 && d >= DEEP * deepest).map(|(a, _)| a);
    let (sum, count) = core.fold((0.0, 0.0), |(sum, count), a| (sum + a, count + 1.0));
    (count > 0.0).then(|| sum / count)
}

/// How far each pixel of a place lies from the nearest one that is not
/// `inside`; 0 for those themselves. By chamfers of 3 and 4 thirds of a pixel
/// (Borgefors 1986, *Comput. Vis. Graph. Image Process.* 34:344).
fn depths(place: &Component, inside: impl Fn(usize) -> bool) -> Vec<f32> {
    let Some([left, top, right, bottom]) = bounds(place) else { return Vec::new() };
    let (width, height) = (right - left + 3, bottom - top + 3);
    let at = |&(x, y): &(u32, u32)| (y as usize - top + 1) * width + x as usize - left + 1;
    let mut depth = vec![0u32; width * height];
    for (_, pixel) in place.iter().enumerate().filter(|(index, _)| inside(*index)) {
        depth[at(pixel)] = u32::MAX;
    }
    let mut pass = |order: &mut dyn Iterator<Item = usize>, around: [(isize, u32); 4]| {
        for here in order.filter(|here| depth[*here] > 0).collect::<Vec<_>>() {
            let reach =
                |(step, cost): (isize, u32)| depth[here.wrapping_add_signed(step)].saturating_add(cost);
            depth[here] = around.into_iter().map(reach).fold(depth[here], u32::min);
        }
    };
    let row = width as isize;
    pass(&mut (0..width * height), [(-1, 3), (-row, 3), (-row - 1, 4), (-row + 1, 4)]);
    pass(&mut (0..width * height).rev(), [(1, 3), (row, 3), (row + 1, 4), (row - 1, 4)]);
    place.iter().map(|pixel| depth[at(pixel)] as f32 / 3.0).collect()
}

fn centroid(above: &[f64], place: &Component) -> [f64; 2] {
    let mean = |weight: &dyn Fn(f64) -> f64| {
        let mut sums = [0.0f64; 3];
        for (&a, &(x, y)) in above.iter().zip(place) {
            let w = weight(a);
            sums = [sums[0] + w * f64::from(x), sums[1] + w * f64::from(y), sums[2] + w];
        }
        (sums[2] > 0.0).then(|| [sums[0] / sums[2], sums[1] / sums[2]])
    };
    mean(&|a| a.max(0.0)).or_else(|| mean(&|_| 1.0)).expect("a place has pixels")
}

/// The plain mean; `None` of nothing. A robust one would leave out the ring's
/// pores, which the place has as well, and every dose would be too large.
fn mean(values: &[f32]) -> Option<f64> {
    let sum: f64 = values.iter().map(|&v| f64::from(v)).sum();
    (!values.is_empty()).then(|| sum / values.len() as f64)
}

/// How much the mean excess of a place without lesions differs from that of
/// the skin around it, by the place's size.
///
/// Skin's own mottle and a photo's noise are correlated over neighbouring
/// pixels, so that averaging over `n` of them does not divide the noise by
/// `√n`. It is therefore measured: as the spread of the differences between
/// blocks of each size that lie as far apart as a place and its ring.
#[derive(Debug, Clone, PartialEq)]
pub struct Noise {
    /// Standard deviation of the mean of a block, by the block's side in
    /// pixels: 1, 2, 4 and so on.
    by_side: Vec<f64>,
}

impl Noise {
    /// Largest block, pixels on a side.
    const LARGEST: usize = 32;
    /// Least number of differences that a spread is taken of.
    const LEAST: usize = 24;

    /// The noise of `excess` on the pixels of `plain`, skin without lesions,
    /// between places `apart` pixels from each other.
    pub fn new(excess: &Plane, plain: &Mask, apart: usize) -> Self {
        let (mut by_side, mut side) = (Vec::new(), 1);
        let mut halved: Option<(Plane, Mask)> = None;
        while side <= Self::LARGEST {
            let (plane, mask) = halved.as_ref().map_or((excess, plain), |(plane, mask)| (plane, mask));
            let Some(spread) = spread_of_differences(plane, mask, apart.div_ceil(side)) else {
                break;
            };
            by_side.push(spread);
            halved = Some(halve(plane, mask));
            side *= 2;
        }
        Self { by_side }
    }

    /// The standard deviation of the mean over `area` pixels. Between the
    /// sizes measured it follows a power law, beyond them white noise's; with
    /// nothing measured it is 0.
    pub fn of_mean(&self, area: f64) -> f64 {
        let Some(last) = self.by_side.len().checked_sub(1) else { return 0.0 };
        let place = area.max(1.0).sqrt().log2();
        let lower = (place.floor() as usize).min(last);
        let upper = (lower + 1).min(last);
        if upper == lower {
            return self.by_side[last] * 2f64.powf(last as f64 - place);
        }
        let share = place - lower as f64;
        self.by_side[lower].powf(1.0 - share) * self.by_side[upper].powf(share)
    }
}

/// Shares of the sizes of differences at which their spread is read, each
/// with the normal standard deviations that it lies within. The widest
/// counts: what compression leaves of colour are plateaus with steps between,
/// which the middle does not see.
const WITHIN: [(f64, f64); 3] = [(0.5, 0.674_490), (0.9, 1.644_854), (0.98, 2.326_348)];

/// Pixels that settle the spread of their differences to half a percent; of
/// more, every so many rows are looked at.
const ENOUGH: usize = 120_000;

/// Robust standard deviation of a pixel, from the differences to pixels
/// `apart` to the right and below; `None` with too few of them.
fn spread_of_differences(plane: &Plane, mask: &Mask, apart: usize) -> Option<f64> {
    let (width, height) = raster::size(plane);
    let every = (raster::count(mask) / ENOUGH).max(1);
    let mut differences = Vec::with_capacity(2 * plane.len() / every);
    let mut count = 0;
    let mut take = |here: (&[f32], &[bool]), there: (&[f32], &[bool])| {
        let both = here.1.iter().zip(there.1).map(|(&inside, &other)| inside && other);
        count += both.clone().filter(|&both| both).count();
        let pairs = here.0.iter().zip(there.0).zip(both);
        // What does not count ranks above all that does.
        differences.extend(pairs.map(|((a, b), both)| if both { (b - a).abs() } else { f32::INFINITY }));
    };
    for y in (0..height).step_by(every) {
        let (values, inside) = (raster::row(plane, y), raster::row(mask, y));
        if apart < width {
            take((values, inside), (&values[apart..], &inside[apart..]));
        }
        if y + apart < height {
            take((values, inside), (raster::row(plane, y + apart), raster::row(mask, y + apart)));
        }
    }
    if count < Noise::LEAST {
        return None;
    }
    let places = WITHIN.map(|(share, _)| (share * count as f64) as usize);
    let values = of_ranks(differences.iter().copied(), |_| places)?;
    let widths = values.iter().zip(WITHIN).map(|(&value, (_, normal))| f64::from(value) / normal);
    Some(widths.fold(0.0, f64::max) / std::f64::consts::SQRT_2)
}

/// Means of two by two pixels where all four count.
fn halve(plane: &Plane, mask: &Mask) -> (Plane, Mask) {
    let (width, height) = (plane.ncols() / 2, plane.nrows() / 2);
    let whole = raster::rows(width, height, |y, out| {
        let [upper, lower] = [2 * y, 2 * y + 1].map(|y| raster::row(mask, y).as_chunks::<2>().0);
        for ((all, upper), lower) in out.iter_mut().zip(upper).zip(lower) {
            *all = upper[0] & upper[1] & lower[0] & lower[1];
        }
    });
    (raster::reduce(plane, 2), whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;
    use rand::{Rng, SeedableRng};

    fn all(plane: &Plane) -> Mask {
        Mask::from_elem(plane.raw_dim(), true)
    }

    #[test]
    fn errors_weigh_by_the_light_that_a_place_lacks() {
        let own = Plane::from_shape_fn((2, 3), |(_, x)| if x == 0 { 0.0 } else { 0.6 });
        let other = Plane::from_elem((2, 3), 0.1);
        // 0.5 · 0.6 + 2 · 0.1 = 0.5 darker: light e^−0.5, a sample of it e^(−0.5 / 2.2).
        let dark = error_weight([(&own, 0.5), (&other, 2.0)], &vec![(1, 0), (2, 1)]);
        assert!((dark - 1.2551).abs() < 1e-4, "{dark}");
        // Half of the place at 0.2, half at 0.5; and a place that is paler than skin errs as skin does.
        let mixed = error_weight([(&own, 0.5), (&other, 2.0)], &vec![(0, 0), (1, 0)]);
        assert!((mixed - (0.35f64 / 2.2).exp()).abs() < 1e-6, "{mixed}");
        assert_eq!(error_weight([(&own, -1.0), (&other, 0.0)], &vec![(1, 0)]), 1.0);
    }

    #[test]
    fn what_lies_above_the_ring_by_hand() {
        let plane = Plane::from_shape_fn((1, 4), |(_, x)| [0.1, 0.7, 0.5, 0.3][x]);
        // 0.7 + 0.5 over twice the mean of 0.1 and 0.3.
        let above = dose_above(&plane, &vec![(1, 0), (2, 0)], &vec![(0, 0), (3, 0)]);
        assert!((above - 0.8).abs() < 1e-6, "{above}");
    }

    #[test]
    fn dose_contrast_and_centre_of_two_by_two_pixels_by_hand() {
        let mut excess = Plane::from_elem((8, 8), 0.1);
        let place: Component = vec![(3, 3), (4, 3), (3, 4), (4, 4)];
        for (&(x, y), rise) in place.iter().zip([0.4, 0.4, 0.3, 0.3]) {
            excess[[y as usize, x as usize]] += rise;
        }
        let ring: Component = (0..8).map(|x| (x, 0)).collect();
        let light =
            Light::measure(&excess, &excess, &place, &ring, &Noise { by_side: vec![0.03, 0.02] }).unwrap();
        // 0.4 + 0.4 + 0.3 + 0.3 over the level of the ring; all four lie at
        // the rim, so all are core; a mean of 4 pixels errs by 0.02, the
        // ring's 8 (white beyond two by two) by 0.02 / √2.
        assert!((light.dose - 1.4).abs() < 1e-6 && (light.contrast.unwrap() - 0.35).abs() < 1e-6);
        assert!((light.area().unwrap() - 4.0).abs() < 1e-5);
        assert!((light.centre[0] - 3.5).abs() < 1e-6 && (light.centre[1] - (3.0 + 0.6 / 1.4)).abs() < 1e-5);
        assert!((light.dose_standard_error - 4.0 * 0.02 * 1.5f64.sqrt()).abs() < 1e-9);
    }

    #[test]
    fn depths_of_a_square_of_five_by_hand() {
        let square: Component = (0..25).map(|i| (7 + i % 5, 2 + i / 5)).collect();
        let depth = depths(&square, |_| true);
        assert_eq!((depth[0], depth[2], depth[6], depth[12]), (1.0, 1.0, 2.0, 3.0));
        // A hole in the middle: its diagonal neighbours lie at the rim's 2 or the hole's 4/3.
        let holed = depths(&square, |index| index != 12);
        assert!(holed[12] == 0.0 && (holed[6] - 4.0 / 3.0).abs() < 1e-6 && holed[7] == 1.0);
    }

    #[test]
    fn a_place_below_its_ring_has_a_negative_dose_and_no_contrast() {
        let excess = Array2::from_shape_fn((4, 4), |(y, _)| if y == 0 { 0.0 } else { -0.5f32 });
        let (place, ring) = (vec![(1, 2), (2, 2)], vec![(0, 0), (1, 0)]);
        let light = Light::measure(&excess, &excess, &place, &ring, &Noise { by_side: vec![] }).unwrap();
        assert_eq!((light.dose, light.contrast, light.centre), (-1.0, None, [1.5, 2.0]));
        assert_eq!(Light::measure(&excess, &excess, &place, &vec![], &Noise { by_side: vec![] }), None);
    }

    #[test]
    fn white_noise_averages_out_as_the_root_of_the_area() {
        let mut rng = rand_pcg::Pcg32::seed_from_u64(7);
        // The sum of 12 uniform numbers minus 6 has standard deviation 1.
        let draw = |rng: &mut rand_pcg::Pcg32| (0..12).map(|_| rng.random::<f32>()).sum::<f32>() - 6.0;
        let plane = Plane::from_shape_fn((256, 256), |_| draw(&mut rng));
        let noise = Noise::new(&plane, &all(&plane), 8);
        for (area, expected) in [(1.0, 1.0), (16.0, 0.25), (64.0, 0.125)] {
            assert!((noise.of_mean(area) / expected - 1.0).abs() < 0.1, "{area}: {}", noise.of_mean(area));
        }
    }

    #[test]
    fn noise_that_neighbours_share_does_not_average_out() {
        let mut rng = rand_pcg::Pcg32::seed_from_u64(7);
        let cells = Plane::from_shape_fn((32, 32), |_| rng.random::<f32>());
        let plane = Plane::from_shape_fn((256, 256), |(y, x)| cells[[y / 8, x / 8]]);
        let noise = Noise::new(&plane, &all(&plane), 8);
        // Uniform numbers have standard deviation 1/√12 = 0.289.
        // A single pixel of them is as uncertain as a whole cell.
        for area in [1.0, 16.0, 64.0] {
            assert!((noise.of_mean(area) / 0.289 - 1.0).abs() < 0.2, "{area}: {}", noise.of_mean(area));
        }
        assert_eq!(Noise::new(&plane, &Mask::from_elem(plane.raw_dim(), false), 8).of_mean(9.0), 0.0);
    }
}
