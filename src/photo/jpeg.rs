//! What a JPEG file says about itself before it is decoded.
//!
//! Markers and segments as in ITU-T T.81, annex B.

use serde::{Deserialize, Serialize};

/// What the markers of a JPEG file say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Markers {
    /// Colour channels stored: 1 grey, 3 colour, 4 CMYK.
    pub components: Option<u8>,
    /// Scans; more than one if progressive.
    pub scans: usize,
    /// Whether the end of the image was reached.
    pub complete: bool,
    /// Quantisation table of the first channel, in zigzag order.
    pub first_table: Option<[u16; 64]>,
}

const START_OF_SCAN: u8 = 0xDA;
const END_OF_IMAGE: u8 = 0xD9;
const QUANTISATION_TABLES: u8 = 0xDB;

impl Markers {
    /// Walks the segments of a JPEG file up to its end of image.
    pub(super) fn read(bytes: &[u8]) -> Self {
        let mut markers = Self::default();
        let (mut tables, mut first_selector) = ([None; 4], None);
        let mut rest = bytes.get(2..).unwrap_or_default();
        while let Some((marker, after)) = next_marker(rest) {
            rest = after;
            match marker {
                END_OF_IMAGE => {
                    markers.complete = true;
                    break;
                }
                0x01 | 0xD0..=0xD8 => continue,
                _ => {}
            }
            let Some((payload, after)) = segment(rest) else { break };
            rest = after;
            match marker {
                QUANTISATION_TABLES if markers.scans == 0 => read_tables(payload, &mut tables),
                START_OF_SCAN => markers.scans += 1,
                0xC0..=0xCF if !matches!(marker, 0xC4 | 0xC8 | 0xCC) => {
                    markers.components = payload.get(5).copied();
                    first_selector = payload.get(8).copied();
                }
                _ => {}
            }
        }
        markers.first_table = first_selector.and_then(|s| tables.get(s as usize).copied().flatten());
        markers
    }
}

/// The next marker and what follows it. Entropy-coded data before it is
/// skipped: there a stuffed zero follows each 0xFF.
fn next_marker(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let found = bytes.windows(2).position(|pair| pair[0] == 0xFF && !matches!(pair[1], 0x00 | 0xFF))?;
    Some((bytes[found + 1], &bytes[found + 2..]))
}

/// The payload of a segment that starts with its length, and what follows.
fn segment(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = usize::from(u16::from_be_bytes([*bytes.first()?, *bytes.get(1)?]));
    Some((bytes.get(2..length)?, &bytes[length..]))
}

fn read_tables(mut payload: &[u8], tables: &mut [Option<[u16; 64]>; 4]) {
    while let Some((&head, rest)) = payload.split_first() {
        let (bytes_each, selector) = (usize::from(head >> 4) + 1, usize::from(head & 15));
        let Some(values) = rest.get(..64 * bytes_each) else { return };
        if let Some(table) = tables.get_mut(selector) {
            let value = |i: usize| values[i * bytes_each..][..bytes_each].iter();
            *table =
                Some(std::array::from_fn(|i| value(i).fold(0u16, |high, &low| (high << 8) | u16::from(low))));
        }
        payload = &rest[64 * bytes_each..];
    }
}

/// The quality setting that a JPEG file was probably written with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct JpegQuality {
    /// On the scale of the Independent JPEG Group, `1..=100`.
    pub quality: u8,
    /// Whether the file's table is exactly that of this quality; if not, it is the nearest.
    pub exact: bool,
}

/// Luma table of ITU-T T.81, annex K.1, row by row.
const LUMA: [u32; 64] = [
    16, 11, 10, 16, 24, 40, 51, 61, //
    12, 12, 14, 19, 26, 58, 60, 55, //
    14, 13, 16, 24, 40, 57, 69, 56, //
    14, 17, 22, 29, 51, 87, 80, 62, //
    18, 22, 37, 56, 68, 109, 103, 77, //
    24, 35, 55, 64, 81, 104, 113, 92, //
    49, 64, 78, 87, 103, 121, 120, 101, //
    72, 92, 95, 98, 112, 100, 103, 99,
];

impl JpegQuality {
    /// The quality whose luma table, by the formula of the Independent JPEG
    /// Group, differs least in sum from `table` (zigzag order).
    pub(super) fn from_table(table: &[u16; 64]) -> Self {
        let distance = |quality: &u8| -> u64 {
            let standard = standard_table(*quality);
            table.iter().zip(standard).map(|(&a, b)| u64::from(u32::from(a).abs_diff(b))).sum()
        };
        let quality = (1..=100).rev().min_by_key(distance).expect("100 qualities to choose from");
        Self { quality, exact: distance(&quality) == 0 }
    }
}

/// The luma table of `quality`, in zigzag order.
fn standard_table(quality: u8) -> [u32; 64] {
    let quality = u32::from(quality);
    let percent = if quality < 50 { 5000 / quality } else { 200 - 2 * quality };
    let order = zigzag();
    std::array::from_fn(|i| ((LUMA[order[i]] * percent + 50) / 100).clamp(1, 255))
}

/// Row-major positions in zigzag order: along the anti-diagonals, turning at each end.
fn zigzag() -> [usize; 64] {
    let mut order: [usize; 64] = std::array::from_fn(|i| i);
    order.sort_by_key(|&position| {
        let (row, column) = (position / 8, position % 8);
        let diagonal = row + column;
        (diagonal, if diagonal % 2 == 0 { column } else { row })
    });
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sums of the luma tables as published with GIMP's signatures (100 to
    /// 97) and worked out with the formula by an independent script.
    #[test]
    fn the_tables_have_their_published_sums() {
        for (quality, sum) in
            [(100, 64), (99, 86), (98, 151), (97, 221), (95, 369), (90, 736), (75, 1858), (50, 3688)]
        {
            assert_eq!(standard_table(quality).iter().sum::<u32>(), sum, "quality {quality}");
        }
    }

    /// The first row of ITU-T T.81 figure A.6: 0 1 5 6 14 15 27 28.
    #[test]
    fn the_zigzag_is_the_standards() {
        let order = zigzag();
        let number = |position: usize| order.iter().position(|&p| p == position);
        assert_eq!([0, 1, 2, 3, 4, 5, 6, 7].map(number), [0, 1, 5, 6, 14, 15, 27, 28].map(Some));
    }

    #[test]
    fn a_table_of_another_maker_is_near_and_not_exact() {
        let mut table = standard_table(80).map(|value| value as u16);
        assert_eq!(JpegQuality::from_table(&table), JpegQuality { quality: 80, exact: true });
        table[5] += 1;
        assert_eq!(JpegQuality::from_table(&table), JpegQuality { quality: 80, exact: false });
    }

    #[test]
    fn markers_are_read_up_to_the_end_of_the_image() {
        let mut file = vec![0xFF, 0xD8, 0xFF, 0xDB, 0, 67, 0];
        file.extend(1..=64);
        file.extend([0xFF, 0xC0, 0, 17, 8, 0, 1, 0, 1, 3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0]);
        file.extend([0xFF, 0xDA, 0, 4, 9, 9, 0x12, 0xFF, 0x00, 0x34, 0xFF, 0xD0, 0x56]);
        let cut = Markers::read(&file);
        assert_eq!((cut.components, cut.scans, cut.complete), (Some(3), 1, false));
        assert_eq!(cut.first_table.map(|table| table[63]), Some(64));
        file.extend([0xFF, 0xD9]);
        assert!(Markers::read(&file).complete);
    }

    #[test]
    fn rubbish_has_no_markers() {
        assert_eq!(Markers::read(&[]), Markers::default());
        assert_eq!(Markers::read(&[0xFF, 0xD8, 0xFF, 0xDB, 0xFF]), Markers::default());
    }
}
