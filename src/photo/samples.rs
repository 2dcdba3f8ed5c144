//! The samples of a photo, 8 or 16 bit, and their means over cells.

use rayon::prelude::*;

use crate::color::{LINEAR_FROM_U8, LINEAR_FROM_U16};
use crate::raster::{self, Plane};

/// Linear light above which a sample is clipped.
const CLIPPED: f32 = 0.98;

/// Linear light below which a sample is black: five steps of eight-bit sRGB.
const BLACK: f32 = 0.0015;

/// Mean linear light of red, green and blue on cells of `factor` by `factor` pixels.
#[derive(Debug, Clone, PartialEq)]
pub struct Cells {
    /// Red, green and blue, `0..=1`.
    pub linear: [Plane; 3],
    /// Pixels of the photo along a cell.
    pub factor: usize,
}

/// What reaches the cells of a photo, `factor` by `factor` pixels each.
#[derive(Debug, Clone, PartialEq)]
pub struct Light {
    /// Mean linear light of red, green and blue, `0..=1`.
    pub linear: [Plane; 3],
    /// Share of the cell's pixels that have a clipped channel (linear light above 0.98), `0..=1`.
    pub clipped: Plane,
    /// Share of the cell's pixels that have a channel clipped or black (below 0.0015), `0..=1`.
    pub lost: Plane,
}

/// A square of `side` by `side` cells, by its first cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tile {
    /// Column of its first cell.
    pub left: usize,
    /// Row of its first cell.
    pub top: usize,
    /// Cells along a side.
    pub side: usize,
}

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

    /// The same for all three channels in one pass.
    pub(super) fn linear_of_all(
        &self,
        width: usize,
        factor: usize,
        finish: impl Fn(usize, f32) -> f32 + Sync,
    ) -> [Plane; 3] {
        match self {
            Self::U8(values) => cell_means_of_all(values, self.linear_table(), width, factor, finish),
            Self::U16(values) => cell_means_of_all(values, self.linear_table(), width, factor, finish),
        }
    }

    /// Linear light of red, green and blue of one pixel.
    pub(super) fn pixel(&self, width: usize, x: usize, y: usize) -> [f32; 3] {
        let (first, table) = (3 * (y * width + x), self.linear_table());
        std::array::from_fn(|channel| match self {
            Self::U8(values) => table[values[first + channel].index()],
            Self::U16(values) => table[values[first + channel].index()],
        })
    }

    /// [`Light`] over `factor` by `factor` cells.
    pub(super) fn light(&self, width: usize, factor: usize) -> Light {
        match self {
            Self::U8(values) => light_of(values, self.linear_table(), width, factor),
            Self::U16(values) => light_of(values, self.linear_table(), width, factor),
        }
    }

    /// Mean linear light of one channel over the cells of a square tile.
    pub(super) fn tile(&self, width: usize, channel: usize, factor: usize, tile: Tile) -> Plane {
        match self {
            Self::U8(values) => tile_of(values, self.linear_table(), width, channel, factor, tile),
            Self::U16(values) => tile_of(values, self.linear_table(), width, channel, factor, tile),
        }
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
                *sum += cell.chunks_exact(3).map(|pixel| table[pixel[channel].index()]).sum::<f32>();
            }
        }
        out.iter_mut().for_each(|value| *value = finish(*value * share));
    })
}

/// `finish` of each channel's mean, as [`cell_means`] takes it.
fn cell_means_of_all<T: Sample>(
    samples: &[T],
    table: &[f32],
    width: usize,
    factor: usize,
    finish: impl Fn(usize, f32) -> f32 + Sync,
) -> [Plane; 3] {
    let (cells, lines) = (width / factor, samples.len() / (3 * width).max(1) / factor);
    let mut planes = [(); 3].map(|()| Plane::zeros((lines, cells)));
    let [red, green, blue] = planes
        .each_mut()
        .map(|plane| plane.as_slice_mut().expect("standard layout").par_chunks_mut(cells.max(1)));
    let share = 1.0 / (factor * factor) as f32;
    red.zip(green).zip(blue).enumerate().for_each(|(y, ((red, green), blue))| {
        for line in samples[y * factor * 3 * width..].chunks_exact(3 * width).take(factor) {
            let sums = red.iter_mut().zip(green.iter_mut()).zip(blue.iter_mut());
            for (cell, ((red, green), blue)) in line.chunks_exact(3 * factor).zip(sums) {
                let mut sum = [0.0f32; 3];
                for pixel in cell.chunks_exact(3) {
                    sum = [0, 1, 2].map(|channel| sum[channel] + table[pixel[channel].index()]);
                }
                (*red, *green, *blue) = (*red + sum[0], *green + sum[1], *blue + sum[2]);
            }
        }
        for (channel, row) in [red, green, blue].into_iter().enumerate() {
            row.iter_mut().for_each(|value| *value = finish(channel, *value * share));
        }
    });
    planes
}

/// Linear light of all channels in one pass: see [`Light`].
fn light_of<T: Sample>(samples: &[T], table: &[f32], width: usize, factor: usize) -> Light {
    let (cells, lines) = (width / factor, samples.len() / (3 * width).max(1) / factor);
    let mut planes = [(); 5].map(|()| Plane::zeros((lines, cells)));
    let [red, green, blue, clipped, lost] = planes
        .each_mut()
        .map(|plane| plane.as_slice_mut().expect("standard layout").par_chunks_mut(cells.max(1)));
    let rows = red.zip(green).zip(blue).zip(clipped.zip(lost)).enumerate();
    rows.for_each(|(y, (((red, green), blue), (clipped, lost)))| {
        for line in samples[y * factor * 3 * width..].chunks_exact(3 * width).take(factor) {
            for (x, cell) in line.chunks_exact(3 * factor).enumerate() {
                let (mut sum, mut over, mut out) = ([0.0f32; 3], 0u32, 0u32);
                for pixel in cell.chunks_exact(3) {
                    let value = [0, 1, 2].map(|channel| table[pixel[channel].index()]);
                    let bright = value.iter().any(|value| *value > CLIPPED);
                    over += u32::from(bright);
                    out += u32::from(bright || value.iter().any(|value| *value < BLACK));
                    sum.iter_mut().zip(value).for_each(|(sum, value)| *sum += value);
                }
                red[x] += sum[0];
                green[x] += sum[1];
                blue[x] += sum[2];
                clipped[x] += over as f32;
                lost[x] += out as f32;
            }
        }
        let share = 1.0 / (factor * factor) as f32;
        for row in [red, green, blue, clipped, lost] {
            row.iter_mut().for_each(|value| *value *= share);
        }
    });
    let [red, green, blue, clipped, lost] = planes;
    Light { linear: [red, green, blue], clipped, lost }
}

/// Mean linear light of one channel over the cells of a tile that lies in the photo.
fn tile_of<T: Sample>(
    samples: &[T],
    table: &[f32],
    width: usize,
    channel: usize,
    factor: usize,
    Tile { left, top, side }: Tile,
) -> Plane {
    let share = 1.0 / (factor * factor) as f32;
    let mut values = vec![0.0f32; side * side];
    for (y, out) in values.chunks_exact_mut(side.max(1)).enumerate() {
        for line in ((top + y) * factor..).take(factor) {
            let line = &samples[3 * (line * width + left * factor)..][..3 * side * factor];
            for (sum, cell) in out.iter_mut().zip(line.chunks_exact(3 * factor)) {
                *sum += cell.chunks_exact(3).map(|pixel| table[pixel[channel].index()]).sum::<f32>();
            }
        }
        out.iter_mut().for_each(|value| *value *= share);
    }
    Plane::from_shape_vec((side, side), values).expect("one value per cell")
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
    fn light_is_the_mean_and_counts_a_pixel_once_however_many_channels_are_lost() {
        let samples = Samples::U8(vec![255, 255, 90, 90, 90, 90, 0, 90, 90, 90, 90, 90]);
        let light = samples.light(4, 2);
        assert_eq!((light.linear[0].len(), samples.light(4, 1).linear[0].len()), (0, 4));
        let tall = Samples::U8(vec![255, 255, 90, 90, 90, 90, 0, 90, 90, 90, 90, 90]).light(2, 2);
        assert_eq!((tall.clipped[[0, 0]], tall.lost[[0, 0]]), (0.25, 0.5));
        assert_eq!(tall.linear[1], samples.linear(2, 1, 2, |value| value));
    }

    #[test]
    fn a_tile_is_a_piece_of_the_whole() {
        let samples = Samples::U8((0..180).map(|i| (i * 37 % 251) as u8).collect());
        let whole = samples.linear(10, 2, 2, |value| value);
        let tile = samples.tile(10, 2, 2, Tile { left: 2, top: 1, side: 2 });
        let piece = Plane::from_shape_fn((2, 2), |(y, x)| whole[[y + 1, x + 2]]);
        assert!(tile.iter().zip(&piece).all(|(a, b)| (a - b).abs() < 1e-6));
    }

    #[test]
    fn sixteen_bits_round_to_the_nearest_of_eight() {
        assert_eq!(Samples::U16(vec![0, 128, 129, 257, 65535]).to_u8(), [0, 0, 1, 1, 255]);
    }
}
