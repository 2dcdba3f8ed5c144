//! What one family finds that the finds of another explain: families do not
//! know each other, a photo's telling knows them all.

use crate::lesion::Spot;
use crate::lesion::segmentation::mask_of;
use crate::metrics::inflammation::RedSpot;
use crate::metrics::pores::Pore;
use crate::metrics::scars::Scar;
use crate::metrics::stretch_marks::{Kind, StretchMark};
use crate::metrics::wrinkles::Disc;
use crate::raster::{covers, in_cells};

/// The radius in which a papule is shaded over the radius in which it is red.
const BUMP: f64 = 1.4;

/// How far the shaded wall of a scar reaches, radii at half of its depth.
const WALL: f64 = 1.2;

/// The papules, scars and spots, whose rims look like pieces of furrows.
pub fn rimmed(papules: &[RedSpot], scars: &[Scar], spots: &[Spot]) -> Vec<Disc> {
    let pit = |scar: &Scar| Disc { centre: [scar.x_px, scar.y_px], radius_px: WALL * scar.radius_px };
    let spot = |spot: &Spot| Disc { centre: spot.centre, radius_px: radius_of(spot.area_px) };
    papules.iter().map(bump).chain(scars.iter().map(pit)).chain(spots.iter().map(spot)).collect()
}

/// Where a papule is shaded.
fn bump(papule: &RedSpot) -> Disc {
    Disc { centre: [papule.x_px, papule.y_px], radius_px: BUMP * radius_of(papule.area_px) }
}

/// The radius of a disc of this area.
fn radius_of(area: f64) -> f64 {
    (area / std::f64::consts::PI).sqrt()
}

/// Most contrast of the pigment that a papule's shaded side may look like, and least contrast of the
/// papule's blood as a share of that. Chosen by us, on drawn skin.
const MOST_OF_SIDE: f64 = 1.0;
const LEAST_BLOOD: f64 = 0.6;

/// Red bumps and pigmented spots (on cells of `factor` native pixels), each place only one of them.
/// On dark skin a papule's shaded side passes for pigment, and some of a spot's pigment for blood,
/// whose mottle looks like a bump.
pub fn apart(
    mut papules: Vec<RedSpot>,
    mut spots: Vec<Spot>,
    shape: (usize, usize),
    factor: usize,
) -> (Vec<RedSpot>, Vec<Spot>) {
    spots.retain(|spot| {
        let is_side = |papule: &RedSpot| {
            let Disc { centre: [x, y], radius_px } = bump(papule);
            spot.contrast < MOST_OF_SIDE
                && papule.contrast >= LEAST_BLOOD * spot.contrast
                && (spot.centre[0] - x).hypot(spot.centre[1] - y) <= radius_px
        };
        !papules.iter().any(is_side)
    });
    let spotted = mask_of(&spots, shape);
    papules.retain(|papule| {
        let [x, y] = [papule.x_px, papule.y_px].map(|at| in_cells(at, factor));
        !covers(&spotted, x, y)
    });
    (papules, spots)
}

/// The `spots` that are no scars: a scar has been told from the spot that might be there instead.
pub fn off_scars(mut spots: Vec<Spot>, scars: &[Scar]) -> Vec<Spot> {
    spots.retain(|spot| {
        let [x, y] = spot.centre;
        !scars.iter().any(|scar| (scar.x_px - x).hypot(scar.y_px - y) <= scar.radius_px)
    });
    spots
}

/// How near to the middle of a pore that of its shade lies, diameters, how much wider that looks on
/// the coarse colours, as a ratio of areas, and the widest pore, mm, of which it is told: what is
/// wider may be a spot that passes for a pore. Chosen by us, on drawn skin.
const IN_PORE: f64 = 0.3;
const MOST_OF_PORE: f64 = 8.0;
const WIDEST_PORE_MM: f64 = 0.6;

/// The `spots` that are no pores: on dark skin what fills one passes for pigment.
pub fn off_pores(mut spots: Vec<Spot>, pores: &[Pore], px_per_mm: f64) -> Vec<Spot> {
    let narrow = |pore: &&Pore| pore.diameter_px <= WIDEST_PORE_MM * px_per_mm;
    let is_shade = |spot: &Spot, pore: &Pore| {
        let off = (pore.x_px - spot.centre[0]).hypot(pore.y_px - spot.centre[1]);
        off <= IN_PORE * pore.diameter_px
            && radius_of(spot.area_px) <= 0.5 * MOST_OF_PORE.sqrt() * pore.diameter_px
    };
    spots.retain(|spot| !pores.iter().filter(narrow).any(|pore| is_shade(spot, pore)));
    spots
}

/// How far from the middle of a hair the outline of a piece of it lies, mm, and how much of it at
/// least.
const HAIR_MM: f64 = 0.5;
const OF_HAIR: f64 = 0.8;

/// The `spots` that are no pieces of `hairs`, points of native pixels.
pub fn off_hairs(mut spots: Vec<Spot>, hairs: &[Vec<[f64; 2]>], px_per_mm: f64) -> Vec<Spot> {
    let on_hair = |&[x, y]: &[f64; 2]| {
        let near = |at: &[f64; 2]| (at[0] - x).hypot(at[1] - y) <= HAIR_MM * px_per_mm;
        hairs.iter().flatten().any(near)
    };
    spots.retain(|spot| {
        let on = spot.outline.iter().filter(|point| on_hair(point)).count();
        spot.outline.is_empty() || (on as f64) < OF_HAIR * spot.outline.len() as f64
    });
    spots
}

/// Width of a pale band, mm, below which it may be a furrow's bright wall, whose gloss unmixing takes
/// for a lack of melanin, how far off the furrow's middle that may lie, mm, and how much of the band
/// must lie along it.
const NARROW_MM: f64 = 1.0;
const BESIDE_MM: f64 = 0.8;
const MOST_ALONG: f64 = 0.5;

/// The bands that are not a wall of one of the `furrows`, native pixels; no wall is as red as a red
/// band.
pub fn off_furrows<'a>(
    mut bands: Vec<StretchMark>,
    furrows: impl Iterator<Item = &'a [[f64; 2]]> + Clone,
    px_per_mm: f64,
) -> Vec<StretchMark> {
    let beside = |[x, y]: [f64; 2]| {
        let near = |at: &[f64; 2]| (at[0] - x).hypot(at[1] - y) <= BESIDE_MM * px_per_mm;
        furrows.clone().flatten().any(near)
    };
    let along = |band: &StretchMark| band.points.iter().filter(|at| beside(**at)).count() as f64;
    bands.retain(|band| {
        let wide = band.width_px >= NARROW_MM * px_per_mm;
        wide || band.kind == Kind::Rubra || along(band) <= MOST_ALONG * band.points.len() as f64
    });
    bands
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lesion::LesionKind;

    const AREA_PX: f64 = 100.0 * std::f64::consts::PI;

    fn papule([x_px, y_px]: [f64; 2]) -> RedSpot {
        RedSpot { x_px, y_px, area_px: AREA_PX, contrast: 0.3, outline: Vec::new() }
    }

    fn scar([x_px, y_px]: [f64; 2]) -> Scar {
        Scar { x_px, y_px, radius_px: 10.0, contrast: 0.1, size: None }
    }

    fn spot(centre: [f64; 2], pixels: Vec<(u32, u32)>) -> Spot {
        Spot {
            kind: LesionKind::Pigmented,
            centre,
            area_px: AREA_PX,
            contrast: 0.3,
            dose: 1.0,
            dose_standard_error: 0.1,
            outline: Vec::new(),
            pixels,
        }
    }

    /// Spots of 2 × 1 cells of 2 native pixels whose contrasts are 0.3, and papules that are shaded
    /// within 14 pixels.
    #[test]
    fn a_place_is_a_papule_or_a_spot() {
        let at = |x: u32, contrast| Spot {
            contrast,
            ..spot([2.0 * f64::from(x) + 1.5, 20.5], vec![(x, 10), (x + 1, 10)])
        };
        let left = |spot: Spot, papule_at, blood| {
            let papule = RedSpot { contrast: blood, ..papule(papule_at) };
            let (papules, spots) = apart(vec![papule], vec![spot], (40, 40), 2);
            (papules.len(), spots.len())
        };
        // Little blood on a spot, the shaded side of a papule, a spot too far from it, deep pigment.
        assert_eq!(left(at(10, 0.3), [22.5, 20.5], 0.1), (0, 1));
        assert_eq!(left(at(10, 0.3), [34.5, 20.5], 0.2), (1, 0));
        assert_eq!(left(at(10, 0.3), [36.5, 20.5], 0.2), (1, 1));
        assert_eq!(left(at(10, 1.2), [22.5, 20.5], 1.2), (0, 1));
    }

    /// A scar of radius 10, 8.5 and 10.5 from a spot.
    #[test]
    fn a_scar_is_no_spot() {
        let kept = |x: f64| off_scars(vec![spot([21.5, 20.5], Vec::new())], &[scar([x, 20.5])]).len();
        assert_eq!((kept(30.0), kept(32.0)), (0, 1));
    }

    /// Spots of radius 10 at (21.5, 20.5), 25 px/mm: 2 from the middle of a pore of 10 pixels, whose
    /// shade may look 14.1 wide to each side, 4 from it, on one of 6 (8.5 to each side), and 2 from
    /// one of 16, which is wider than 0.6 mm.
    #[test]
    fn a_pore_is_no_spot() {
        let kept = |x_px: f64, diameter_px: f64| {
            let pore = Pore { x_px, y_px: 20.5, diameter_px, contrast: 0.3 };
            off_pores(vec![spot([21.5, 20.5], Vec::new())], &[pore], 25.0).len()
        };
        assert_eq!([kept(23.5, 10.0), kept(25.5, 10.0), kept(21.5, 6.0), kept(23.5, 16.0)], [0, 1, 1, 1]);
    }

    /// At 20 px/mm, a hair along y = 0: pieces whose outlines reach 9 pixels off it, 15 pixels with a
    /// sixth of their points, and with a third.
    #[test]
    fn a_piece_of_a_hair_is_no_spot() {
        let hair: Vec<[f64; 2]> = (0..100).map(|x| [f64::from(x), 0.0]).collect();
        let kept = |off: [f64; 6]| {
            let outline = off.iter().enumerate().map(|(i, &off)| [40.0 + i as f64, off]).collect();
            let piece = Spot { outline, ..spot([42.5, 0.0], Vec::new()) };
            off_hairs(vec![piece], std::slice::from_ref(&hair), 20.0).len()
        };
        assert_eq!(kept([9.0, -9.0, 9.0, -9.0, 9.0, -9.0]), 0);
        assert_eq!((kept([15.0, 9.0, 9.0, 9.0, 9.0, 9.0]), kept([15.0, 15.0, 9.0, 9.0, 9.0, 9.0])), (0, 1));
        assert_eq!(off_hairs(vec![spot([1.0, 0.0], Vec::new())], &[], 20.0).len(), 1);
    }

    /// By hand: areas of 100 π are radii of 10.
    #[test]
    fn what_has_a_rim_is_a_disc_as_wide_as_it_is_shaded() {
        let (papule, scar) = (papule([1.0, 2.0]), scar([3.0, 4.0]));
        let spot = spot([5.0, 6.0], Vec::new());
        let discs = rimmed(&[papule], &[scar], &[spot]);
        assert_eq!(
            discs.iter().map(|disc| disc.centre).collect::<Vec<_>>(),
            [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
        );
        for (disc, radius) in discs.iter().zip([14.0, 12.0, 10.0]) {
            assert!((disc.radius_px - radius).abs() < 1e-9, "{disc:?}");
        }
    }

    /// Along y = 0, 20 px/mm: bands of 0.8 and 2 mm, and a line 0.75 mm beside six tenths of them, or
    /// four, and one 0.85 mm beside all.
    #[test]
    fn narrow_pale_bands_along_furrows_are_none() {
        let points: Vec<[f64; 2]> = (0..=100).map(|x| [f64::from(3 * x), 0.0]).collect();
        let band = |kind, width_px| StretchMark {
            kind,
            points: points.clone(),
            length_px: 300.0,
            width_px,
            contrast: 0.3,
        };
        let left = |kind: Kind, width_px: f64, share: f64, y: f64| {
            let line: Vec<[f64; 2]> = (0..=(300.0 * share) as i32).map(|x| [f64::from(x), y]).collect();
            off_furrows(vec![band(kind, width_px)], std::iter::once(line.as_slice()), 20.0).len()
        };
        assert_eq!((left(Kind::Alba, 16.0, 0.6, 15.0), left(Kind::Alba, 16.0, 0.4, 15.0)), (0, 1));
        assert_eq!(left(Kind::Alba, 16.0, 1.0, 17.0), 1);
        assert_eq!((left(Kind::Alba, 40.0, 0.6, 15.0), left(Kind::Rubra, 16.0, 0.6, 15.0)), (1, 1));
    }
}
