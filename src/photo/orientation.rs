//! Turning stored pixels upright.

use rayon::prelude::*;

use super::samples::Sample;

/// How a photo is stored relative to how it is seen: the EXIF orientation, `1..=8`.
///
/// EXIF 2.32, tag 0x0112: where the stored first row and first column lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Orientation(u8);

/// Rows of the upright picture that one task fills: enough that a turned read
/// uses whole cache lines.
const BAND: usize = 16;

impl Orientation {
    /// The orientation that `exif` states; upright for 0, for any other
    /// invalid value and where none is stated.
    pub(super) fn from_exif(exif: Option<u32>) -> Self {
        Self(exif.filter(|value| (1..=8).contains(value)).unwrap_or(1) as u8)
    }

    /// Width and height seen, of a picture stored as `width` by `height`.
    pub(super) fn size(self, width: usize, height: usize) -> (usize, usize) {
        if self.0 >= 5 { (height, width) } else { (width, height) }
    }

    /// The stored pixel seen top left, and how far apart in the store the
    /// pixels are that lie beside and below each other when seen.
    fn walk(self, width: usize, height: usize) -> (isize, isize, isize) {
        let (right, down) = (1, width as isize);
        let (last_x, last_y) = (width as isize - 1, (height as isize - 1) * down);
        match self.0 {
            2 => (last_x, -right, down),
            3 => (last_x + last_y, -right, -down),
            4 => (last_y, right, -down),
            5 => (0, down, right),
            6 => (last_y, -down, right),
            7 => (last_x + last_y, -down, -right),
            8 => (last_x, down, -right),
            _ => (0, right, down),
        }
    }

    /// Interleaved RGB stored as `width` by `height`, as seen.
    pub(super) fn upright<T: Sample>(self, stored: Vec<T>, width: usize, height: usize) -> Vec<T> {
        if self.0 == 1 || stored.is_empty() {
            return stored;
        }
        let (seen_width, _) = self.size(width, height);
        let (first, beside, below) = self.walk(width, height);
        let mut seen = vec![T::default(); stored.len()];
        seen.par_chunks_mut(3 * seen_width * BAND).enumerate().for_each(|(band, out)| {
            let rows = out.len() / (3 * seen_width);
            for x in 0..seen_width {
                for y in 0..rows {
                    let source = first + x as isize * beside + (band * BAND + y) as isize * below;
                    let (from, to) = (3 * source as usize, 3 * (y * seen_width + x));
                    out[to..to + 3].copy_from_slice(&stored[from..from + 3]);
                }
            }
        });
        seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two rows of three pixels, seen as `a b c / d e f`, and how each
    /// orientation stores them, drawn by hand from the EXIF table.
    const STORED: [(u32, &str, usize); 8] = [
        (1, "abcdef", 3),
        (2, "cbafed", 3),
        (3, "fedcba", 3),
        (4, "defabc", 3),
        (5, "adbecf", 2),
        (6, "cfbead", 2),
        (7, "fcebda", 2),
        (8, "daebfc", 2),
    ];

    #[test]
    fn every_orientation_is_seen_the_same() {
        for (exif, letters, width) in STORED {
            let stored: Vec<u8> = letters.bytes().flat_map(|letter| [letter; 3]).collect();
            let orientation = Orientation::from_exif(Some(exif));
            let height = 6 / width;
            let seen = orientation.upright(stored, width, height);
            let seen: Vec<u8> = seen.chunks(3).map(|pixel| pixel[0]).collect();
            assert_eq!(String::from_utf8(seen).as_deref(), Ok("abcdef"), "orientation {exif}");
            assert_eq!(orientation.size(width, height), (3, 2));
        }
    }

    #[test]
    fn an_invalid_orientation_is_upright() {
        for exif in [None, Some(0), Some(9), Some(70_000)] {
            assert_eq!(Orientation::from_exif(exif), Orientation(1));
        }
    }
}
