//! From light on the sensor to an 8-bit photo: blur, noise, tone curve.

use image::RgbImage;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

use super::noise::stream;
use super::patient::CameraPlan;
use crate::color::srgb_from_linear;
use crate::filter::gaussian::lens_blur;
use crate::raster::{self, Plane};

/// Steps of linear light in which the tone curve is tabulated: finer than
/// a tenth of an 8-bit level everywhere.
const TONE_STEPS: usize = 1 << 16;

/// A photo being taken, channel by channel.
pub struct Exposure<'a> {
    camera: &'a CameraPlan,
    seed: u64,
    tone: Vec<u8>,
    /// Interleaved R, G, B.
    bytes: Vec<u8>,
    size: (u32, u32),
}

impl<'a> Exposure<'a> {
    /// A black photo of `size` pixels; the noise follows `seed`.
    pub fn new(camera: &'a CameraPlan, size: (u32, u32), seed: u64) -> Self {
        let tone = (0..=TONE_STEPS)
            .map(|step| (255.0 * srgb_from_linear(step as f32 / TONE_STEPS as f32)).round() as u8)
            .collect();
        Self { camera, seed, tone, bytes: vec![0; 3 * size.0 as usize * size.1 as usize], size }
    }

    /// Takes the light of one channel, linear, 1 is white.
    pub fn take(&mut self, channel: usize, light: Plane) {
        let seen = lens_blur(&light, self.camera.blur_px);
        let (camera, tone, seed) = (self.camera, &self.tone, self.seed);
        self.bytes.par_chunks_mut(3 * self.size.0 as usize).enumerate().for_each(|(y, row)| {
            let random = &mut stream(seed, &[channel as u64, y as u64]);
            for (pixel, &value) in row.chunks_exact_mut(3).zip(raster::row(&seen, y)) {
                let z: f32 = StandardNormal.sample(random);
                let noisy = value + z * deviation(camera, value);
                pixel[channel] = tone[(noisy.clamp(0.0, 1.0) * TONE_STEPS as f32).round() as usize];
            }
        });
    }

    /// The photo.
    pub fn finish(self) -> RgbImage {
        RgbImage::from_raw(self.size.0, self.size.1, self.bytes).expect("three bytes per pixel")
    }
}

/// Standard deviation of the noise at a linear value: photons and read-out.
fn deviation(camera: &CameraPlan, value: f32) -> f32 {
    let (photon, read) = (camera.photon_noise as f32, camera.read_noise as f32);
    (photon * photon * value.max(0.0) + read * read).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::color::LINEAR_FROM_U8;

    #[test]
    fn without_noise_and_blur_the_tone_curve_is_all_there_is() {
        let camera = CameraPlan { blur_px: 0.0, photon_noise: 0.0, read_noise: 0.0, ..CameraPlan::default() };
        let mut exposure = Exposure::new(&camera, (256, 1), 0);
        for channel in 0..3 {
            exposure.take(channel, Plane::from_shape_fn((1, 256), |(_, x)| LINEAR_FROM_U8[x]));
        }
        let photo = exposure.finish();
        assert!((0..256).all(|x| photo.get_pixel(x, 0).0 == [x as u8; 3]));
    }

    #[test]
    fn noise_has_the_planned_deviation() {
        let camera = CameraPlan { photon_noise: 0.02, read_noise: 0.0, ..CameraPlan::default() };
        // sqrt(0.25) of 0.02 is 0.01.
        assert!((deviation(&camera, 0.25) - 0.01).abs() < 1e-7);
        let mut exposure = Exposure::new(&camera, (200, 200), 5);
        exposure.take(1, Plane::from_elem((200, 200), 0.25));
        let values: Vec<f64> =
            exposure.finish().pixels().map(|pixel| f64::from(LINEAR_FROM_U8[pixel.0[1] as usize])).collect();
        let mean = values.iter().sum::<f64>() / 40_000.0;
        let sd = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 40_000.0).sqrt();
        assert!((mean - 0.25).abs() < 1e-3 && (sd - 0.01).abs() < 4e-4, "{mean} {sd}");
    }
}
