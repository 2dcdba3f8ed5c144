//! The samples of a photo, 8 or 16 bit, and their means over cells.

use rayon::prelude::*;
use std::ops::RangeInclusive;

use crate::color::{LINEAR_FROM_U8, LINEAR_FROM_U16};
use crate::raster::{self, Mask, Plane};

/// Interleaved RGB samples, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Samples {
    U8(Vec<u8>),
    U16(Vec<u16>),
}

/// An unsigned sample as an index into a table of its values.
pub(super) trait Sample: Copy + Default + Send + Sync {
    /// The largest sample.
    const MAX: usize;
    fn index(self) -> usize;
    fn from_index(index: usize) -> Self;
}

impl Sample for u8 {
    const MAX: usize = 255;
    fn index(self) -> usize {
        self.into()
    }
    fn from_index(index: usize) -> Self {
        index as u8
    }
}

impl Sample for u16 {
    const MAX: usize = 65535;
    fn index(self) -> usize {
        self.into()
    }
    fn from_index(index: usize) -> Self {
        index as u16
    }
}

impl Samples {
    /// Linear light of every sample value.
    fn linear_table(&self) -> &'static [f32] {
        match self {
            Self::U8(_) => &*LINEAR_FROM_U8,
            Self::U16(_) => &LINEAR_FROM_U16,
        }
    }

    /// The encoded value, `0..=255`, of every sample value.
    fn encoded_table(&self) -> Vec<f32> {
        let most = self.linear_table().len() - 1;
        (0..=most).map(|index| index as f32 * (255.0 / most as f32)).collect()
    }

    /// `finish` of the mean linear light of `channel` over `factor` by `factor` cells.
    pub(super) fn linear(
        &self,
        width: usize,
        channel: usize,
        factor: usize,
        finish: impl Fn(f32) -> f32 + Sync,
    ) -> Plane {
        self.mean(self.linear_table(), width, channel, factor, finish)
    }

    /// Linear light of red, green and blue of one pixel.
    pub(super) fn pixel(&self, width: usize, x: usize, y: usize) -> [f32; 3] {
        let (first, table) = (3 * (y * width + x), self.linear_table());
        std::array::from_fn(|channel| match self {
            Self::U8(values) => table[values[first + channel].index()],
            Self::U16(values) => table[values[first + channel].index()],
        })
    }

    /// The mean encoded value, `0..=255`, of `channel` over `factor` by `factor` cells.
    pub(super) fn encoded(&self, width: usize, channel: usize, factor: usize) -> Plane {
        self.mean(&self.encoded_table(), width, channel, factor, |value| value)
    }

    fn mean(
        &self,
        table: &[f32],
        width: usize,
        channel: usize,
        factor: usize,
        finish: impl Fn(f32) -> f32 + Sync,
    ) -> Plane {
        match self {
            Self::U8(values) => cell_means(values, table, width, channel, factor, finish),
            Self::U16(values) => cell_means(values, table, width, channel, factor, finish),
        }
    }

    /// Share of the pixels in `cells` with a channel outside `usable` linear light.
    pub(super) fn share_outside(
        &self,
        width: usize,
        cells: &Mask,
        factor: usize,
        usable: RangeInclusive<f32>,
    ) -> f64 {
        let outside: Vec<bool> = self.linear_table().iter().map(|value| !usable.contains(value)).collect();
        match self {
            Self::U8(values) => share_of(values, &outside, width, cells, factor),
            Self::U16(values) => share_of(values, &outside, width, cells, factor),
        }
    }

    /// The samples as 8 bit, rounded.
    pub(super) fn to_u8(&self) -> Vec<u8> {
        match self {
            Self::U8(values) => values.clone(),
            Self::U16(values) => {
                values.par_iter().map(|&value| ((u32::from(value) + 128) / 257) as u8).collect()
            }
        }
    }
}

/// `finish` of the mean of `table[sample]` over `factor` by `factor` cells of
/// one channel. Rows and columns that do not fill a cell are dropped.
fn cell_means<T: Sample>(
    samples: &[T],
    table: &[f32],
    width: usize,
    channel: usize,
    factor: usize,
    finish: impl Fn(f32) -> f32 + Sync,
) -> Plane {
    debug_assert!(channel < 3 && factor > 0);
    if factor == 1 {
        return looked_up(samples, table, width, channel, finish);
    }
    let height = samples.len() / (3 * width).max(1);
    let (cells, lines) = (width / factor, height / factor);
    let share = 1.0 / (factor * factor) as f32;
    raster::rows(cells, lines, |y, out| {
        for line in samples[y * factor * 3 * width..].chunks_exact(3 * width).take(factor) {
            for (sum, cell) in out.iter_mut().zip(line.chunks_exact(3 * factor)) {
                *sum += cell.iter().skip(channel).step_by(3).map(|s| table[s.index()]).sum::<f32>();
            }
        }
        out.iter_mut().for_each(|value| *value = finish(*value * share));
    })
}

/// Share of the pixels in `cells` for any of whose channels `table[sample]` holds.
fn share_of<T: Sample>(samples: &[T], table: &[bool], width: usize, cells: &Mask, factor: usize) -> f64 {
    let counts = samples.par_chunks_exact(3 * width).enumerate().map(|(y, line)| {
        let (mut found, mut all) = (0u64, 0u64);
        if y / factor < cells.nrows() {
            for (cell, &inside) in line.chunks_exact(3 * factor).zip(raster::row(cells, y / factor)) {
                if inside {
                    all += factor as u64;
                    let holds = |pixel: &&[T]| pixel.iter().any(|sample| table[sample.index()]);
                    found += cell.chunks_exact(3).filter(holds).count() as u64;
                }
            }
        }
        (found, all)
    });
    let (found, all) = counts.reduce(|| (0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
    if all == 0 { 0.0 } else { found as f64 / all as f64 }
}

/// `finish(table[sample])` of one channel: the table is finished first, so
/// that a logarithm is taken once per sample value and not once per pixel.
fn looked_up<T: Sample>(
    samples: &[T],
    table: &[f32],
    width: usize,
    channel: usize,
    finish: impl Fn(f32) -> f32,
) -> Plane {
    let finished: Vec<f32> = table.iter().map(|&value| finish(value)).collect();
    raster::rows(width, samples.len() / (3 * width).max(1), |y, out| {
        let line = &samples[y * 3 * width..(y + 1) * 3 * width];
        for (value, pixel) in out.iter_mut().zip(line.chunks_exact(3)) {
            *value = finished[pixel[channel].index()];
        }
    })
}

/// Interleaved RGB from 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGBA)
/// channels, and whether any pixel was not opaque. Such a pixel is shown over
/// black: what lies behind it is unknown, and black is never taken for skin.
pub(super) fn rgb_from_channels<T: Sample>(samples: Vec<T>, channels: usize) -> (Vec<T>, bool) {
    if channels == 3 {
        return (samples, false);
    }
    let has_alpha = channels.is_multiple_of(2);
    let transparent =
        has_alpha && samples.par_chunks_exact(channels).any(|pixel| pixel[channels - 1].index() < T::MAX);
    let colour = |pixel: &[T], channel: usize| {
        let value = pixel[if channels > 2 { channel } else { 0 }];
        if transparent { over_black(value, pixel[channels - 1]) } else { value }
    };
    let mut rgb = vec![T::default(); samples.len() / channels * 3];
    rgb.par_chunks_exact_mut(3).zip(samples.par_chunks_exact(channels)).for_each(|(out, pixel)| {
        out.iter_mut().enumerate().for_each(|(channel, value)| *value = colour(pixel, channel));
    });
    (rgb, transparent)
}

fn over_black<T: Sample>(value: T, alpha: T) -> T {
    T::from_index((value.index() * alpha.index() + T::MAX / 2) / T::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::color::linear_from_srgb;

    #[test]
    fn grey_becomes_rgb_and_opaque_alpha_is_dropped() {
        assert_eq!(rgb_from_channels(vec![7u8, 9], 1), (vec![7, 7, 7, 9, 9, 9], false));
        assert_eq!(rgb_from_channels(vec![1u8, 2, 3, 255], 4), (vec![1, 2, 3], false));
    }

    #[test]
    fn a_transparent_pixel_is_shown_over_black() {
        // 100 × 51 / 255 = 20.
        assert_eq!(rgb_from_channels(vec![100u8, 51], 2), (vec![20, 20, 20], true));
        assert_eq!(rgb_from_channels(vec![65535u16, 65535, 0, 0], 4), (vec![0, 0, 0], true));
    }

    #[test]
    fn a_cell_is_the_mean_of_linear_light_not_of_encoded_values() {
        let samples = Samples::U8(vec![0, 10, 0, 0, 250, 0, 0, 10, 0, 0, 250, 0]);
        let mean = (linear_from_srgb(10.0 / 255.0) + linear_from_srgb(250.0 / 255.0)) / 2.0;
        assert!((samples.linear(2, 1, 2, |value| value)[[0, 0]] - mean).abs() < 1e-6);
        assert!((samples.encoded(2, 1, 2)[[0, 0]] - 130.0).abs() < 1e-4);
    }

    #[test]
    fn a_pixel_counts_once_however_many_channels_are_outside() {
        let samples = Samples::U8(vec![255, 255, 90, 90, 90, 90, 0, 90, 90, 90, 90, 90]);
        let share = |cells: Vec<bool>, factor| {
            let cells = Mask::from_shape_vec((1, cells.len()), cells).expect("one row");
            samples.share_outside(4, &cells, factor, 0.01..=0.98)
        };
        assert_eq!(share(vec![true; 4], 1), 0.5);
        assert_eq!(share(vec![false, true], 1), 0.0);
        assert_eq!(share(vec![false; 4], 1), 0.0);
    }

    #[test]
    fn sixteen_bits_round_to_the_nearest_of_eight() {
        assert_eq!(Samples::U16(vec![0, 128, 129, 257, 65535]).to_u8(), [0, 0, 1, 1, 255]);
    }
}
