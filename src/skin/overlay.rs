//! The valid skin, drawn for people to check.

use image::{Rgb, RgbImage};

use super::Skin;
use crate::photo::Photo;
use crate::raster;

/// What is laid over a pixel that is not valid skin, by why it is not.
const TINTS: [[u8; 3]; 4] = [[230, 40, 230], [240, 120, 0], [240, 230, 40], [40, 80, 230]];

/// How much of the tint is laid over.
const STRENGTH: f32 = 0.55;

/// The photo with everything tinted that is not measured: glare magenta,
/// clipped skin orange, hair yellow, the rest blue.
pub fn overlay(photo: &Photo, skin: &Skin) -> RgbImage {
    let mut picture = photo.to_rgb8();
    for (x, y, pixel) in picture.enumerate_pixels_mut() {
        let at = [x, y].map(|at| raster::in_cells(f64::from(at), skin.factor).max(0.0));
        let covers = |mask| raster::covers(mask, at[0], at[1]);
        if covers(&skin.mask) {
            continue;
        }
        let why = [&skin.glare, &skin.clipped, &skin.hair].into_iter().position(covers).unwrap_or(3);
        let laid = |c: usize| (1.0 - STRENGTH) * f32::from(pixel.0[c]) + STRENGTH * f32::from(TINTS[why][c]);
        *pixel = Rgb([0, 1, 2].map(|c| laid(c).round() as u8));
    }
    picture
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raster::Mask;

    #[test]
    fn valid_skin_keeps_its_colour_and_the_rest_says_why() {
        let photo = Photo::from_rgb8("p", RgbImage::from_pixel(4, 2, Rgb([100, 100, 100])));
        let only = |column: usize| Mask::from_shape_fn((1, 2), |(_, x)| x == column);
        let none = Mask::from_elem((1, 2), false);
        let skin = Skin {
            mask: only(0),
            glare: only(1),
            hair: none.clone(),
            strands: none.clone(),
            clipped: none,
            factor: 2,
            coverage: 0.5,
            lost_fraction: [0.0; 2],
            light: [0.1; 3],
        };
        let drawn = overlay(&photo, &skin);
        assert_eq!(drawn.get_pixel(0, 1).0, [100, 100, 100]);
        // 0.45 × 100 + 0.55 × (230, 40, 230), rounded.
        assert_eq!(drawn.get_pixel(3, 0).0, [172, 67, 172]);
    }
}
