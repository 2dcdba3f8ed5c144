//! What compression leaves of faint colour.
//!
//! A JPEG file holds colour in two planes of whole numbers, blue against
//! luminance (Cb) and red against luminance (Cr). Skin's own unevenness is
//! often less than one of them, so that whole stretches of skin come back as one
//! plateau, whose number is off by up to half: a place and the skin around it
//! then differ by what rounding made of them, and no averaging over more
//! pixels helps. Where skin is uneven enough, or noisy enough to survive the
//! compression, rounding goes either way and averages out.

use multiversion::multiversion;
use rayon::prelude::*;

use crate::color::linear_from_srgb;
use crate::photo::Photo;
use crate::raster::Mask;
use crate::units::FilterScale;

/// Errors of the red, green and blue density of a place against the skin around
/// it, natural units, that come from blue-yellow and from red-green. Each goes
/// together over the three channels; the two are independent.
pub type Plateaus = [[f64; 3]; 2];

/// Side of the windows that unevenness is looked at in, mm: a lesion and its ring.
const WINDOW_MM: f64 = 4.0;

/// Standard deviation of the difference of two numbers rounded to whole ones, √(2/12).
pub const ROUNDING: f64 = 0.408_248;

/// How fast rounding averages out as the variance of the decoded levels grows:
/// the error is [`ROUNDING`] / (1 + 5 v). Measured on 840 discs on modelled
/// skin of five degrees of unevenness, through libjpeg at qualities 80, 90 and 95.
const DITHER: f64 = 5.0;

/// Share of the windows that are more even than ordinary skin: lesions raise
/// the unevenness of few.
const EVEN: f64 = 0.5;

/// First entry of the colour table of ITU-T T.81, annex K.1: the step, at
/// quality 50, of eight times a block's mean.
const DC_STEP: f64 = 17.0;

/// Levels per unit of Cb and of Cr, red, green, blue (ITU-T T.871).
const LEVELS: [[f64; 3]; 2] = [[0.0, -0.344_136, 1.772], [1.402, -0.714_136, 0.0]];

/// Cb and Cr of red, green and blue (ITU-T T.871).
const CHROMA: [[f64; 3]; 2] = [[-0.168_736, -0.331_264, 0.5], [0.5, -0.418_688, -0.081_312]];

/// Most windows that are looked at, evenly spread: half of them being more even
/// is then known to a twentieth.
const MOST_WINDOWS: usize = 400;

/// The error that the compression of `photo` leaves on its `skin`, given on cells
/// of `factor` pixels; 0 of a photo that was not compressed as JPEG or shows
/// too little skin.
pub fn plateaus(photo: &Photo, skin: &Mask, factor: usize, scale: FilterScale) -> Plateaus {
    let none = [[0.0; 3]; 2];
    let Some(known) = &photo.facts().jpeg_quality else { return none };
    let windows = windows(photo, skin, factor, scale);
    if windows.is_empty() {
        return none;
    }
    let step = step(known.quality);
    let count = windows.len() as f64;
    let colour: [f64; 3] =
        std::array::from_fn(|c| windows.iter().map(|window| window.mean[c]).sum::<f64>() / count);
    // Density per level at the skin's own colour.
    let slope = colour.map(|level| density(level + 0.5) - density(level - 0.5));
    [0, 1].map(|plane| {
        let mut variances: Vec<f64> = windows.iter().map(|window| window.variance[plane]).collect();
        variances.sort_unstable_by(f64::total_cmp);
        let even = variances[(EVEN * (count - 1.0)) as usize] / (step * step);
        let error = step * ROUNDING / (1.0 + DITHER * even);
        std::array::from_fn(|c| error * LEVELS[plane][c] * slope[c])
    })
}

/// Levels between neighbouring means of blocks, at least the one that decoding rounds to.
fn step(quality: u8) -> f64 {
    let quality = f64::from(quality.clamp(1, 100));
    let percent = if quality < 50.0 { 5000.0 / quality } else { 200.0 - 2.0 * quality };
    (DC_STEP * percent / 100.0 / 8.0).max(1.0)
}

fn density(level: f64) -> f64 {
    -f64::from(linear_from_srgb((level / 255.0).clamp(0.004, 1.0) as f32)).ln()
}

/// Mean red, green and blue level and the variances of Cb and Cr in one window.
struct Window {
    mean: [f64; 3],
    variance: [f64; 2],
}

fn windows(photo: &Photo, skin: &Mask, factor: usize, scale: FilterScale) -> Vec<Window> {
    let samples = photo.rgb8();
    let side = (scale.px(WINDOW_MM) as usize).max(16);
    let (across, down) = (photo.width() / side, photo.height() / side);
    let one = |index: usize| {
        let (left, top) = ((index % across) * side, (index / across) * side);
        if !all_skin(skin, [left, top].map(|at| at / factor), side.div_ceil(factor)) {
            return None;
        }
        let (mut sums, mut products) = ([0u64; 3], [0u64; 6]);
        for y in top..top + side {
            let start = 3 * (y * photo.width() + left);
            let (sum, product) = moments(&samples[start..start + 3 * side]);
            sums.iter_mut().zip(sum).for_each(|(all, sum)| *all += sum);
            products.iter_mut().zip(product).for_each(|(all, product)| *all += product);
        }
        let count = (side * side) as f64;
        let mean = sums.map(|sum| sum as f64 / count);
        let about = |i: usize, a: usize, b: usize| products[i] as f64 / count - mean[a] * mean[b];
        let [rr, gg, bb] = [0, 1, 2].map(|i| about(i, i, i));
        let [rg, rb, gb] = [about(3, 0, 1), about(4, 0, 2), about(5, 1, 2)];
        let variance = CHROMA.map(|[r, g, b]| {
            r * r * rr + g * g * gg + b * b * bb + 2.0 * (r * g * rg + r * b * rb + g * b * gb)
        });
        Some(Window { mean, variance: variance.map(|variance| variance.max(0.0)) })
    };
    let every = (across * down).div_ceil(MOST_WINDOWS).max(1);
    (0..across * down).into_par_iter().step_by(every).filter_map(one).collect()
}

/// Pixels added up together: 32 bits hold the sum of their products.
const TOGETHER: usize = 64;

/// Sums of red, green and blue and of their products (rr, gg, bb, rg, rb, gb).
#[multiversion(targets("x86_64+avx2+fma"))]
fn moments(pixels: &[u8]) -> ([u64; 3], [u64; 6]) {
    let (mut sums, mut products) = ([0; 3], [0; 6]);
    for pixels in pixels.chunks(3 * TOGETHER) {
        let mut channels = [[0i16; TOGETHER]; 3];
        for (i, pixel) in pixels.chunks_exact(3).enumerate() {
            for (channel, &value) in channels.iter_mut().zip(pixel) {
                channel[i] = value.into();
            }
        }
        for (sum, channel) in sums.iter_mut().zip(&channels) {
            *sum += channel.iter().map(|&value| u64::from(value as u16)).sum::<u64>();
        }
        for (product, (a, b)) in products.iter_mut().zip([(0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2)]) {
            let pairs = channels[a].iter().zip(&channels[b]);
            *product += pairs.map(|(&a, &b)| i32::from(a) * i32::from(b)).sum::<i32>() as u64;
        }
    }
    (sums, products)
}

fn all_skin(skin: &Mask, [left, top]: [usize; 2], cells: usize) -> bool {
    let (height, width) = skin.dim();
    let (right, bottom) = ((left + cells).min(width), (top + cells).min(height));
    left < right && top < bottom && (top..bottom).all(|y| (left..right).all(|x| skin[[y, x]]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::RgbImage;

    const SCALE: FilterScale = FilterScale { px_per_mm: 16.0, physical: true };

    /// Skin whose green goes up and down by `uneven` levels from pixel to pixel, at `quality`.
    fn error(uneven: f32, quality: u8) -> Plateaus {
        let image = RgbImage::from_fn(240, 192, |x, y| {
            let green = 150.0 + uneven * ((x / 8 + y / 8) % 2) as f32;
            image::Rgb([200, green as u8, 140])
        });
        let photo = Photo::through_jpeg("p.jpg", &image, quality).expect("a picture");
        plateaus(&photo, &Mask::from_elem((96, 120), true), 2, SCALE)
    }

    #[test]
    fn even_skin_errs_by_the_rounding_of_one_level_worked_by_hand() {
        let [blue, red] = error(0.0, 90);
        // At 150 of 255, d ln(linear) per level is 2.4 / (150 + 0.055 · 255) = 0.01463; of the
        // √(2/12) levels of Cr, green takes −0.714136: 0.408248 · 0.714136 · 0.01463 = 0.004266,
        // as a density upwards; the same of Cb 0.344136: 0.002056.
        assert!((red[1] - 0.004_266).abs() < 1e-4 && red[2] == 0.0, "{red:?}");
        assert!((blue[1] - 0.002_056).abs() < 1e-4 && blue[0] == 0.0, "{blue:?}");
    }

    #[test]
    fn uneven_skin_rounds_either_way_and_coarser_steps_err_by_more() {
        let [even, uneven, coarse] = [error(0.0, 90), error(12.0, 90), error(0.0, 30)].map(|e| e[1][1].abs());
        assert!(uneven < 0.5 * even && coarse > 2.0 * even, "{even} {uneven} {coarse}");
    }

    #[test]
    fn what_was_never_compressed_has_no_plateaus() {
        let photo = Photo::from_rgb8("p.png", RgbImage::from_pixel(240, 192, image::Rgb([200, 150, 140])));
        assert_eq!(plateaus(&photo, &Mask::from_elem((96, 120), true), 2, SCALE), [[0.0; 3]; 2]);
    }
}
