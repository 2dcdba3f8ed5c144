//! Atrophic scars as lesions that are followed.
//!
//! A pit is dark on the side towards the light and bright on the other. What
//! is followed is how much darker it gets towards the light: the *dose* of a
//! scar is that slope of the density integrated over the pit, which is what its
//! dark rim has more of than its bright one. Noise adds to it as often as it
//! takes away. It falls as the pit fills, and only under the same light; it is
//! not a depth.

use crate::filter::components::Component;
use crate::metrics::maps::Level;
use crate::metrics::scars::Scar;
use crate::raster::{cell_centre, in_cells};

/// Radius of a scar's place over its radius at half depth: the rims are where
/// a pit is shaded most.
const RIMS: f64 = 1.2;

/// The places of scars on the coarse level; a cell that two share goes to the first.
pub fn discs(scars: &[Scar], level: &Level) -> Vec<Component> {
    let (height, width) = level.skin.dim();
    let mut taken = ndarray::Array2::from_elem((height, width), false);
    let mut disc = |scar: &Scar| -> Component {
        let reach = RIMS * scar.radius_px;
        let span = |at: f64, most: usize| {
            let cell = |at: f64| in_cells(at, level.factor).clamp(0.0, most as f64 - 1.0);
            cell(at - reach).floor() as usize..=cell(at + reach).ceil() as usize
        };
        let mut cells = Component::new();
        for y in span(scar.y_px, height) {
            for x in span(scar.x_px, width) {
                let [dx, dy] = [(x, scar.x_px), (y, scar.y_px)]
                    .map(|(cell, centre)| cell_centre(cell as f64, level.factor) - centre);
                let inside = dx.hypot(dy) <= reach && level.skin[[y, x]] && !taken[[y, x]];
                if inside {
                    taken[[y, x]] = true;
                    cells.push((x as u32, y as u32));
                }
            }
        }
        cells
    };
    scars.iter().map(&mut disc).filter(|cells| !cells.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raster::Mask;
    use crate::units::FilterScale;

    #[test]
    fn discs_cover_their_scars_once() {
        let scale = FilterScale { px_per_mm: 8.0, physical: true };
        let level = Level { factor: 2, scale, skin: Mask::from_elem((40, 40), true) };
        let scar = |x_px: f64| Scar { x_px, y_px: 40.5, radius_px: 10.0, contrast: 0.1, size: None };
        let discs = discs(&[scar(30.5), scar(44.5), scar(30.5)], &level);
        // π·12² native pixels are 113 cells of four.
        assert!((discs[0].len() as f64 / 113.1 - 1.0).abs() < 0.05, "{}", discs[0].len());
        assert!(discs.len() == 2 && discs[1].iter().all(|cell| !discs[0].contains(cell)));
    }
}
