//! The baseline photographed again, by computer: what the camera alone does to
//! a value, where nobody has taken repeat photos.
//!
//! Each copy is turned, moved and resampled by fractions of a pixel, lit by
//! another gradient, exposure and white balance, defocused a little, given
//! fresh noise and compressed again. It then goes through alignment,
//! calibration and measurement like any follow-up. What it cannot show is
//! another direction of light, another expression, another day: the scatter
//! of the copies is a lower bound.

use image::RgbImage;
use rand::{Rng, SeedableRng};
use rand_pcg::Pcg32;

use crate::color::{LINEAR_FROM_U8, srgb_from_linear};
use crate::filter::gaussian::lens_blur;
use crate::photo::Photo;
use crate::raster::{Plane, rows};

/// Half widths of the ranges that a copy differs by, as good repeat photos do.
const TURN_DEG: f64 = 1.5;
/// Loss of size, as a share.
const ZOOM: f64 = 0.02;
/// Shift, pixels.
const SHIFT_PX: f64 = 4.0;
/// Logarithm of exposure.
const EXPOSURE: f32 = 0.08;
/// Logarithm of the light at the photo's edge against its middle.
const GRADIENT: f32 = 0.06;
/// Logarithm of red and blue against green.
const BALANCE: f32 = 0.02;
/// Greatest blur, standard deviation in pixels.
const BLUR_PX: f64 = 0.5;
/// Noise, linear standard deviation at white.
const NOISE: f32 = 0.004;
/// Quality of a copy of a photo that names none.
const JPEG_QUALITY: u8 = 92;

/// Copy number `draw` of a photo; the same copy for the same photo and `seed`.
/// `None` if it cannot be encoded.
pub fn copy_of(photo: &Photo, seed: u64, draw: u64) -> Option<Photo> {
    let mut rng = generator(photo, seed, draw);
    let source = photo.to_rgb8();
    let (width, height) = (photo.width(), photo.height());
    let mut within = |reach: f64| reach * (2.0 * rng.random::<f64>() - 1.0);
    let (sin, cos) = within(TURN_DEG).to_radians().sin_cos();
    let zoom = 1.0 + within(0.5 * ZOOM) + 0.5 * ZOOM;
    let shift = [within(SHIFT_PX), within(SHIFT_PX)];
    let middle = [(width as f64 - 1.0) / 2.0, (height as f64 - 1.0) / 2.0];
    let place = |x: usize, y: usize| {
        let (dx, dy) = (zoom * (x as f64 - middle[0]), zoom * (y as f64 - middle[1]));
        [middle[0] + cos * dx - sin * dy + shift[0], middle[1] + sin * dx + cos * dy + shift[1]]
    };
    let mut narrow = |reach: f32| within(f64::from(reach)) as f32;
    let exposure = narrow(EXPOSURE);
    let slope = [narrow(GRADIENT), narrow(GRADIENT)];
    let gains = [exposure + narrow(BALANCE), exposure, exposure + narrow(BALANCE)];
    let sigma = 0.5 * BLUR_PX + within(0.5 * BLUR_PX);
    let noise_seed = rng.random::<u64>();
    let half = [width as f32 / 2.0, height as f32 / 2.0];
    let planes = [0, 1, 2].map(|channel| {
        let lit = rows(width, height, |y, out| {
            for (x, value) in out.iter_mut().enumerate() {
                let light = slope[0] * (x as f32 / half[0] - 1.0) + slope[1] * (y as f32 / half[1] - 1.0);
                *value = bicubic(&source, place(x, y), channel) * (gains[channel] + light).exp();
            }
        });
        lens_blur(&lit, sigma)
    });
    encoded(photo, &planes, noise_seed)
}

fn generator(photo: &Photo, seed: u64, draw: u64) -> Pcg32 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(photo.blake3().as_bytes()).update(&seed.to_le_bytes()).update(&draw.to_le_bytes());
    let bytes = hasher.finalize();
    Pcg32::seed_from_u64(u64::from_le_bytes(bytes.as_bytes()[..8].try_into().expect("eight bytes")))
}

/// Linear light between pixels by cubic convolution (Keys 1981, *IEEE Trans.
/// Acoust. Speech Signal Process.* 29:1153), which smooths far less than
/// linear interpolation; the border's beyond it.
fn bicubic(source: &RgbImage, [x, y]: [f64; 2], channel: usize) -> f32 {
    let (column, line) = (x.floor(), y.floor());
    let (across, down) = (keys((x - column) as f32), keys((y - line) as f32));
    let (width, height) = (i64::from(source.width()), i64::from(source.height()));
    let mut sum = 0.0;
    for (j, weight_y) in (-1..).zip(down) {
        let row = (line as i64 + j).clamp(0, height - 1) as u32;
        for (i, weight_x) in (-1..).zip(across) {
            let at = (column as i64 + i).clamp(0, width - 1) as u32;
            sum += weight_x * weight_y * LINEAR_FROM_U8[source.get_pixel(at, row).0[channel] as usize];
        }
    }
    sum.max(0.0)
}

/// Weights of the four pixels around a place `t` beyond the second of them.
fn keys(t: f32) -> [f32; 4] {
    let (square, cube) = (t * t, t * t * t);
    [
        -0.5 * cube + square - 0.5 * t,
        1.5 * cube - 2.5 * square + 1.0,
        -1.5 * cube + 2.0 * square + 0.5 * t,
        0.5 * cube - 0.5 * square,
    ]
}

/// The photo of linear planes: with noise, in 8 bits, compressed as `photo` was.
fn encoded(photo: &Photo, planes: &[Plane; 3], seed: u64) -> Option<Photo> {
    let (height, width) = planes[0].dim();
    let mut rng = Pcg32::seed_from_u64(seed);
    let picture = RgbImage::from_fn(width as u32, height as u32, |x, y| {
        image::Rgb([0, 1, 2].map(|channel: usize| {
            let light = planes[channel][[y as usize, x as usize]];
            // The sum of four uniform numbers: near enough to a normal one.
            let normal = ((0..4).map(|_| rng.random::<f32>()).sum::<f32>() - 2.0) * 3f32.sqrt();
            (255.0 * srgb_from_linear(light + NOISE * light.max(0.0).sqrt() * normal)).round() as u8
        }))
    });
    let quality = photo.facts().jpeg_quality.as_ref().map_or(JPEG_QUALITY, |known| known.quality);
    Photo::through_jpeg(photo.file(), &picture, quality)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn photo() -> Photo {
        Photo::from_rgb8(
            "p",
            RgbImage::from_fn(64, 48, |x, y| image::Rgb([(120 + x) as u8, (90 + y) as u8, 80])),
        )
    }

    #[test]
    fn the_same_draw_is_the_same_copy_and_another_is_another() {
        let [a, b, c] = [0, 0, 1].map(|draw| copy_of(&photo(), 7, draw).unwrap());
        assert_eq!(a.to_rgb8(), b.to_rgb8());
        assert_ne!(a.to_rgb8(), c.to_rgb8());
        assert_ne!(a.to_rgb8(), copy_of(&photo(), 8, 0).unwrap().to_rgb8());
    }

    #[test]
    fn a_copy_shows_about_the_same_light() {
        let mean = |photo: &Photo| photo.linear(1)[1].mean().unwrap();
        let copy = copy_of(&photo(), 1, 0).unwrap();
        assert_eq!((copy.width(), copy.height()), (64, 48));
        assert!((mean(&copy) / mean(&photo())).ln().abs() < 0.15);
    }

    #[test]
    fn weights_reproduce_a_parabola() {
        for t in [0.0, 0.3, 0.9] {
            let value: f32 = keys(t).iter().zip([-1.0f32, 0.0, 1.0, 2.0]).map(|(w, x)| w * x * x).sum();
            assert!((value - t * t).abs() < 1e-5);
        }
    }
}
