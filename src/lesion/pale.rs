//! Wide marks with less pigment than the skin around them: pale stretch marks, vitiligo, old burns.
//!
//! Thresholds and errors follow how uneven plain skin is. Pale marks are no part of that, nor of the
//! surroundings that a spot is held against: next to them even skin looks dark.

use crate::filter::components::components;
use crate::filter::gaussian::gaussian_inside;
use crate::filter::morphology::dilate;
use crate::lesion::excess::noise;
use crate::metrics::maps::Level;
use crate::raster::{Mask, Plane};

/// Smoothing, standard deviation in mm: a band 1.2 mm wide keeps two thirds of its depth.
const SMOOTHING_MM: f64 = 0.6;

/// Standard deviations of plain skin that a mark falls below its surroundings by, in its middle and
/// at its rim; chosen by us.
const CLEAR: f32 = 4.0;
const RIM: f32 = 2.0;

/// Least area, mm²: mottle is smaller.
const LEAST_AREA_MM2: f64 = 6.0;

/// How far a mark reaches beyond its rim, mm.
const EDGE_MM: f64 = 0.5;

/// How often the marks are looked for, each time beside the skin without those found before.
const ROUNDS: usize = 2;

/// The level with its skin less the wide pale marks on the `excess` of melanin.
pub fn without_pale_marks(excess: &Plane, level: &Level) -> Level {
    let scale = level.scale;
    let smooth = gaussian_inside(excess, &level.skin, scale.px(SMOOTHING_MM));
    let least = LEAST_AREA_MM2 * scale.px_per_mm.powi(2);
    let mut plain = level.skin.clone();
    for _ in 0..ROUNDS {
        let unit = noise(&smooth, &plain);
        let at = |&(x, y): &(u32, u32)| smooth[[y as usize, x as usize]];
        let below = ndarray::Zip::from(&smooth)
            .and(&level.skin)
            .par_map_collect(|&value, &inside| inside && value < -RIM * unit);
        let mut marks = Mask::from_elem(excess.dim(), false);
        for mark in components(&below) {
            if mark.len() as f64 >= least && mark.iter().any(|cell| at(cell) < -CLEAR * unit) {
                mark.iter().for_each(|&(x, y)| marks[[y as usize, x as usize]] = true);
            }
        }
        let marks = dilate(&marks, scale.px(EDGE_MM));
        plain = ndarray::Zip::from(&marks).and(&level.skin).par_map_collect(|&mark, &inside| inside && !mark);
    }
    Level { skin: plain, ..*level }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::FilterScale;

    /// Mottle of 0.02 with a pale band of 0.2 from x = 40 to 56, 2 mm wide, and a pale dot of 1 mm.
    #[test]
    fn a_pale_band_is_no_plain_skin_and_a_dot_is() {
        let scale = FilterScale { px_per_mm: 8.0, physical: true };
        let level = Level { factor: 2, scale, skin: Mask::from_elem((160, 160), true) };
        let excess = Plane::from_shape_fn((160, 160), |(y, x)| {
            let mottle = if (x / 16 + y / 16) % 2 == 0 { 0.02 } else { -0.02 };
            let dot = (x as f64 - 110.0).hypot(y as f64 - 80.0) < 4.0;
            mottle - if (40..56).contains(&x) || dot { 0.2 } else { 0.0 }
        });
        let plain = without_pale_marks(&excess, &level);
        assert_eq!((plain.factor, plain.scale), (level.factor, level.scale));
        assert!((40..56).all(|x| !plain.skin[[80, x]]), "the band");
        assert!(plain.skin[[80, 20]] && plain.skin[[80, 80]] && plain.skin[[80, 110]]);
        let even = without_pale_marks(&Plane::zeros((160, 160)), &level);
        assert_eq!(even.skin, level.skin);
    }
}
