//! Which spots are walls of dents and bumps.
//!
//! Light from one side draws a dent or a bump as a dark wall and a bright one beside it, in all
//! channels. What pigment takes falls out of the shading, and nothing beside a spot is bright.

use crate::lesion::places::{grow, owners};
use crate::lesion::segmentation::Spot;
use crate::lesion::shape::half_width;
use crate::metrics::maps::Level;
use crate::metrics::pits::Shading;
use crate::order::median;
use crate::raster::Plane;

/// Where around a spot the skin is looked at, mm beyond it.
const RING_MM: (f64, f64) = (0.3, 1.0);

/// The share of that skin which is at least as bright as a bright wall is taken to be.
const BRIGHT: f64 = 0.05;

/// How strongly a place is shaded at least to be a wall, as a share of its green contrast: the
/// geometric mean of how dark the place and how bright the skin beside it is. Of drawn spots on skin
/// of all tones one in 800 reaches it, of the walls taken for spots seven in ten. Chosen by us.
const LEAST_SHADED: f64 = 0.265;

/// Width, mm, from which nothing is a wall.
const WIDE_MM: f64 = 1.8;

/// The `spots` that are no walls, as the `shading` shows it.
pub fn off_walls(mut spots: Vec<Spot>, shading: &Shading, level: &Level) -> Vec<Spot> {
    let reach = |mm: f64| level.scale.px(mm).round() as usize;
    let mut near = owners(spots.iter().map(|spot| &spot.pixels), level.skin.dim());
    grow(&mut near, reach(RING_MM.0));
    let mut around = near.clone();
    grow(&mut around, reach(RING_MM.1) - reach(RING_MM.0));
    let mut rings = vec![Vec::new(); spots.len()];
    for ((at, &owner), &inner) in around.indexed_iter().zip(&near) {
        if owner > 0 && inner == 0 && level.skin[at] {
            rings[owner as usize - 1].push(at);
        }
    }
    let mut rings = rings.into_iter();
    spots.retain(|spot| {
        let ring = rings.next().unwrap_or_default();
        if level.scale.mm(2.0 * half_width(&spot.pixels)) >= WIDE_MM {
            return true;
        }
        let place: Vec<_> = spot.pixels.iter().map(|&(x, y)| (y as usize, x as usize)).collect();
        shaded(shading, &place, &ring).is_none_or(|share| share < LEAST_SHADED)
    });
    spots
}

/// How strongly a place is shaded against the ring around it; `None` where nothing is seen of them,
/// or the place is no darker.
fn shaded(shading: &Shading, place: &[(usize, usize)], ring: &[(usize, usize)]) -> Option<f64> {
    let values = |plane: &Plane, at: &[(usize, usize)]| -> Vec<f64> {
        at.iter().map(|&at| f64::from(plane[at])).collect()
    };
    let rise = |plane| Some(median(&values(plane, place))? - median(&values(plane, ring))?);
    let (dark, green) = (rise(&shading.shade)?, rise(&shading.green)?);
    let mut beside = values(&shading.shade, ring);
    let level = median(&beside)?;
    let rank = (BRIGHT * beside.len() as f64) as usize;
    let bright = level - *beside.select_nth_unstable_by(rank, f64::total_cmp).1;
    (dark > 0.0 && green > 0.0).then(|| (dark * bright.max(0.0)).sqrt() / green)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lesion::LesionKind;
    use crate::raster::Mask;
    use crate::units::FilterScale;

    /// A place of `side` by `side` cells that takes 0.2 of green, with `dark` of shading in it and `bright`
    /// less of it 3 cells to its right, in 4 by 9 of the cells around; 10 cells per mm.
    fn kept(side: usize, dark: f32, bright: f32) -> usize {
        let place = 20 - side / 2..21 + side / 2;
        let beside = place.end + 3..place.end + 7;
        let plane = |of: f32, by: f32| {
            Plane::from_shape_fn((41, 41), |(y, x)| {
                if place.contains(&y) && place.contains(&x) {
                    0.3 + of
                } else if (16..25).contains(&y) && beside.contains(&x) {
                    0.3 - by
                } else {
                    0.3
                }
            })
        };
        let shading =
            Shading { slope: plane(0.0, 0.0), shade: plane(dark, bright), green: plane(0.2, bright) };
        let level = Level {
            factor: 1,
            scale: FilterScale { px_per_mm: 10.0, physical: true },
            skin: Mask::from_elem((41, 41), true),
        };
        let cells = || place.start as u32..place.end as u32;
        let spot = Spot {
            kind: LesionKind::Pigmented,
            centre: [20.0, 20.0],
            area_px: 25.0,
            contrast: 0.2,
            dose: 5.0,
            dose_standard_error: 0.1,
            outline: Vec::new(),
            pixels: cells().flat_map(|y| cells().map(move |x| (x, y))).collect(),
        };
        off_walls(vec![spot], &shading, &level).len()
    }

    /// By hand: √(0.1 × 0.03) is 0.27 of 0.2, √(0.1 × 0.025) 0.25 of it.
    #[test]
    fn a_dark_wall_beside_a_bright_one_is_no_spot() {
        assert_eq!((kept(5, 0.1, 0.03), kept(5, 0.1, 0.025)), (0, 1));
        // A spot that the shading hardly shows, what is brighter in it, and what has nothing beside it.
        assert_eq!((kept(5, 0.01, 0.1), kept(5, -0.1, 0.1), kept(5, 0.2, 0.0)), (1, 1, 1));
        // 1.5 mm and 1.9 mm.
        assert_eq!((kept(15, 0.1, 0.1), kept(19, 0.1, 0.1)), (0, 1));
    }
}
