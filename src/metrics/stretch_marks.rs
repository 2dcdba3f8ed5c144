//! Stretch marks: long bands, red when young (rubra), pale when old (alba).

use crate::filter::background::{background, reduce_inside};
use crate::filter::gaussian::gaussian;
use crate::filter::ridges::{Line, Scale, Search, lines};
use crate::metrics::relief::{Clutter, QUARTER_MM};
use crate::metrics::{
    Better, Estimate, Family, Maps, Measured, Metric, NO_SCALE, NO_SKIN, RESOLUTION_TOO_LOW,
};
use crate::raster::{Mask, Plane, cell_centre};
use crate::region::{Region, Tiles};

/// Standard deviations of the ridges looked for, mm: bands of about 0.7 to 10 mm.
const SIGMAS_MM: [f64; 5] = [0.5, 0.8, 1.3, 2.0, 3.0];

/// Resolution of the plane bands are looked for on, px/mm.
const WORKING_PX_PER_MM: f64 = 3.0;

/// Least resolution, px/mm of the coarse plane.
const LEAST_PX_PER_MM: f64 = 1.5;

/// Slow variation that is taken out, standard deviation in mm.
const BACKGROUND_MM: f64 = 8.0;

/// Least excess of hemoglobin, or lack of melanin, at which a band starts on
/// perfectly even skin, density units, and what the skin's clutter at 0.25 mm
/// adds to it.
const START: (f64, f64) = (0.12, 3.0);

/// What a band goes on at, as a share of what it starts at.
const KEEP: f64 = 0.5;

/// Half of the length over which the excess is taken, the longest gap bridged
/// and the least length, mm.
const HALF_LENGTH_MM: f64 = 4.0;
const GAP_MM: f64 = 3.0;
const LEAST_LENGTH_MM: f64 = 10.0;

/// The sharpest turn between neighbouring points, radians (15°).
const TURN: f64 = 0.26;

/// Least ratio of length to width: patches are as wide as they are long.
const LEAST_ELONGATION: f64 = 4.0;

/// Full width at half maximum of a Gaussian ridge over the scale that sees it
/// best: `2 √(2 ln 2) / √2`.
const WIDTH_PER_SIGMA: f64 = 1.665;

const RIDGES: &str =
    "Hessian ridges of hemoglobin and melanin (Lindeberg 1998, IJCV 30:117); limits chosen by us";

/// The metrics of this family.
pub const CATALOGUE: &[Metric] = &[
    Metric {
        id: "stretch_marks.area_fraction",
        family: Family::StretchMarks,
        unit: "fraction",
        range: "0..=1",
        better: Some(Better::Lower),
        ratio_scale: true,
        needs_scale: false,
        summary: "Share of the skin that stretch marks cover, as length times width.",
        source: RIDGES,
    },
    Metric {
        id: "stretch_marks.length_density_mm_per_cm2",
        family: Family::StretchMarks,
        unit: "mm/cm^2",
        range: "0..=200",
        better: Some(Better::Lower),
        ratio_scale: true,
        needs_scale: true,
        summary: "Length of stretch marks of at least 10 mm per square centimetre of skin.",
        source: RIDGES,
    },
];

/// Young or old.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Red: more blood than the skin beside it.
    Rubra,
    /// Pale: less melanin than the skin beside it.
    Alba,
}

/// A stretch mark of one photo, in native pixels.
#[derive(Debug, Clone, PartialEq)]
pub struct StretchMark {
    /// Red or pale.
    pub kind: Kind,
    /// Points along it, from end to end.
    pub points: Vec<[f64; 2]>,
    /// Its length.
    pub length_px: f64,
    /// Its width at half of its excess.
    pub width_px: f64,
    /// Excess hemoglobin, or lacking melanin, against the flanking skin, density units.
    pub contrast: f64,
}

/// The stretch marks of one photo: red ones, then pale ones. `clutter` is the baseline's.
pub fn detect(maps: &Maps, clutter: &Clutter) -> Vec<StretchMark> {
    if maps.coarse.scale.px_per_mm < LEAST_PX_PER_MM {
        return Vec::new();
    }
    let start = START.0 + START.1 * clutter.at(QUARTER_MM);
    let (red, pale) = rayon::join(
        || bands(maps, (&maps.hemoglobin, 1.0), start, Kind::Rubra),
        || bands(maps, (&maps.melanin, -1.0), start, Kind::Alba),
    );
    [red, pale].concat()
}

fn bands(maps: &Maps, (plane, sign): (&Plane, f32), start: f64, kind: Kind) -> Vec<StretchMark> {
    let factor = maps.coarse.scale.reduction_to(WORKING_PX_PER_MM);
    let scale = maps.coarse.scale.reduced(factor);
    let (mean, inside) = reduce_inside(plane, &maps.coarse.skin, factor);
    let slow = background(&mean, &inside, scale.px(BACKGROUND_MM));
    let excess = signed_excess(&mean, &slow, &inside, sign);
    let scales: Vec<Scale> = SIGMAS_MM
        .iter()
        .map(|&sigma| scale.px(sigma))
        .filter(|&sigma| sigma >= 1.0)
        .map(|sigma| Scale {
            plane: gaussian(&excess, sigma),
            sigma,
            start,
            keep: KEEP * start,
            mean: KEEP * start,
        })
        .collect();
    let search = Search {
        half_length: scale.px(HALF_LENGTH_MM),
        gap: scale.px(GAP_MM),
        length: scale.px(LEAST_LENGTH_MM),
        turn: TURN,
    };
    let found = lines(&scales, &inside, &search);
    let native = factor * maps.coarse.factor;
    found.iter().filter_map(|line| mark(line, native, kind)).collect()
}

fn signed_excess(mean: &Plane, slow: &Plane, inside: &Mask, sign: f32) -> Plane {
    ndarray::Zip::from(mean)
        .and(slow)
        .and(inside)
        .map_collect(|mean, slow, &inside| if inside { sign * (mean - slow) } else { 0.0 })
}

fn mark(line: &Line, factor: usize, kind: Kind) -> Option<StretchMark> {
    let (length, width) = (line.length(), WIDTH_PER_SIGMA * line.sigma);
    (length >= LEAST_ELONGATION * width).then(|| StretchMark {
        kind,
        points: line.points.iter().map(|p| p.map(|at| cell_centre(at, factor))).collect(),
        length_px: length * factor as f64,
        width_px: width * factor as f64,
        contrast: line.strength,
    })
}

/// The metrics of this family in one region, from all `marks` of the photo.
pub fn measure(maps: &Maps, marks: &[StretchMark], region: &Region) -> Vec<Measured> {
    if maps.coarse.scale.px_per_mm < LEAST_PX_PER_MM {
        return CATALOGUE.iter().map(|metric| Measured::absent(metric.id, RESOLUTION_TOO_LOW)).collect();
    }
    let tiles = &region.tiles;
    let px_per_mm = maps.coarse.scale.px_per_mm * maps.coarse.factor as f64;
    let areas = tiles.areas_mm2(px_per_mm);
    let cm2: Vec<f64> = areas.iter().map(|area| area / 100.0).collect();
    let lengths = lengths_mm(marks, tiles, px_per_mm, |_| 1.0);
    let covered = lengths_mm(marks, tiles, px_per_mm, |mark| mark.width_px / px_per_mm);
    let density = if maps.coarse.scale.physical {
        Measured::new(CATALOGUE[1].id, Estimate::ratio(&lengths, &cm2), NO_SKIN)
    } else {
        Measured::absent(CATALOGUE[1].id, NO_SCALE)
    };
    vec![Measured::new(CATALOGUE[0].id, Estimate::ratio(&covered, &areas), NO_SKIN), density]
}

/// Per tile, the length of marks in it, mm, each weighted.
fn lengths_mm(
    marks: &[StretchMark],
    tiles: &Tiles,
    px_per_mm: f64,
    weight: impl Fn(&StretchMark) -> f64,
) -> Vec<f64> {
    tiles.sums(marks.iter().flat_map(|mark| {
        let weight = weight(mark);
        mark.points.windows(2).map(move |ends| {
            let [[ax, ay], [bx, by]] = [ends[0], ends[1]];
            ([0.5 * (ax + bx), 0.5 * (ay + by)], weight * (bx - ax).hypot(by - ay) / px_per_mm)
        })
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::color::unmixing::{HEMOGLOBIN, MELANIN};
    use crate::metrics::testing::{maps_of_colors, skin_of, turned_and_flipped, value};

    /// A band of 2.4 mm (full width at half maximum) along the diagonal, 30 mm
    /// long, of more blood or less melanin; 10 px/mm.
    fn banded(blood: f32, melanin: f32) -> [Plane; 3] {
        std::array::from_fn(|c| {
            Plane::from_shape_fn((400, 400), |(y, x)| {
                let (dx, dy) = (x as f32 - 200.0, y as f32 - 200.0);
                let (u, v) = ((dx + dy) / std::f32::consts::SQRT_2, (dy - dx) / std::f32::consts::SQRT_2);
                let band = if u.abs() < 150.0 { (-0.5 * (v / 10.2).powi(2)).exp() } else { 0.0 };
                band * (blood * HEMOGLOBIN[c] + melanin * MELANIN[c]) + 0.8
            })
        })
    }

    fn found(colors: [Plane; 3]) -> (Vec<StretchMark>, Vec<Measured>) {
        let maps = maps_of_colors(colors, 10.0);
        let relief = crate::metrics::Relief::of(&maps);
        let marks = detect(&maps, &Clutter::of(&relief));
        let measured = measure(&maps, &marks, &skin_of(&maps));
        (marks, measured)
    }

    #[test]
    fn red_and_pale_bands_are_told_apart_and_have_their_length_and_width() {
        for (colors, kind) in [(banded(0.4, 0.0), Kind::Rubra), (banded(0.0, -0.4), Kind::Alba)] {
            let (marks, measured) = found(colors);
            assert_eq!(marks.len(), 1, "{kind:?}");
            assert_eq!(marks[0].kind, kind);
            assert!((marks[0].length_px / 300.0 - 1.0).abs() < 0.12, "{}", marks[0].length_px);
            assert!((marks[0].width_px / 24.0 - 1.0).abs() < 0.35, "{}", marks[0].width_px);
            // 30 mm on 16 cm².
            let density = value(&measured, "stretch_marks.length_density_mm_per_cm2");
            assert!((density / 1.875 - 1.0).abs() < 0.12, "{density}");
        }
    }

    #[test]
    fn shading_brown_bands_and_even_skin_are_no_stretch_marks() {
        let shaded = banded(0.0, 0.0).map(|plane| {
            Plane::from_shape_fn(plane.raw_dim(), |(y, x)| {
                plane[[y, x]] + 0.3 * ((y as f32 - 200.0) / 30.0).cos()
            })
        });
        for colors in [banded(0.0, 0.4), banded(0.0, 0.0), shaded] {
            assert!(found(colors).0.is_empty());
        }
    }

    #[test]
    fn turned_skin_has_the_same_marks() {
        let colors = banded(0.4, 0.0);
        for i in 0..2 {
            let other = colors.each_ref().map(|plane| turned_and_flipped(plane)[i].clone());
            assert_eq!(found(other).0.len(), 1);
        }
    }
}
