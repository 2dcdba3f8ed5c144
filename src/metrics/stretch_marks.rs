//! Stretch marks: long bands, red when young (rubra), pale when old (alba).

use crate::filter::background::{background, reduce_inside};
use crate::filter::gaussian::gaussian;
use crate::filter::ridges::{self, Line, Scale, Search};
use crate::metrics::lines::normal;
use crate::metrics::{
    Better, Estimate, Family, Maps, Measured, Metric, NO_SCALE, NO_SKIN, RESOLUTION_TOO_LOW,
};
use crate::raster::{Mask, Plane, cell_centre, covers, sample};
use crate::region::{Region, Tiles};
use crate::units::FilterScale;

/// Standard deviations of the ridges looked for, mm: bands of about 0.7 to 10 mm.
const SIGMAS_MM: [f64; 5] = [0.5, 0.8, 1.3, 2.0, 3.0];

/// Resolution of the plane bands are looked for on, px/mm.
const WORKING_PX_PER_MM: f64 = 3.0;

/// Least resolution, px/mm of the coarse plane.
const LEAST_PX_PER_MM: f64 = 1.5;

/// Slow variation that is taken out, standard deviation in mm.
const BACKGROUND_MM: f64 = 8.0;

/// Least excess of hemoglobin, or lack of melanin, at which a band starts,
/// density units, and in units of what bands at random have on the baseline's skin.
const START: (f64, f64) = (0.12, 5.0);

/// What a band goes on at, as a share of what it starts at.
const KEEP: f64 = 0.5;

/// Most darkening in all colours, as a share of the colour of the band: a
/// furrow is a band of shade, and unmixing takes a little of that for colour.
const MOST_SHADE: f64 = 0.5;

/// How far from its middle, in widths, the skin beside a band is looked at.
const FLANK: f64 = 1.25;

/// Least share of a band beside which both flanks are seen.
const LEAST_FLANKED: f64 = 0.7;

/// Least contrast to the flank that is more like it, as a share of the mean to
/// both: the rim of a lesion has skin on one side and the lesion on the other.
const LEAST_SIDE: f64 = 0.55;

/// Stretch marks come many and parallel, across the pull that tore them. One
/// without another of about its direction, radians (30°), this near, mm, must
/// be as strong all along as others where they start.
const PARALLEL: f64 = 0.52;
const NEAR_MM: f64 = 30.0;

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

/// How strong bands at random are on the skin of a baseline, red and pale,
/// width by width: the unit of the limits, used for every session.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BandNoise([[f64; SIGMAS_MM.len()]; 2]);

/// The skin at the resolution that bands are looked for on.
struct Skin {
    inside: Mask,
    scale: FilterScale,
    /// Native pixels per pixel.
    native: usize,
    /// Hemoglobin above its slow variation; 0 outside the skin.
    red: Plane,
    /// Melanin below its slow variation.
    pale: Plane,
    /// Shading above its slow variation.
    shade: Plane,
}

impl Skin {
    fn of(maps: &Maps) -> Option<Self> {
        let level = &maps.coarse;
        if level.scale.px_per_mm < LEAST_PX_PER_MM {
            return None;
        }
        let factor = level.scale.reduction_to(WORKING_PX_PER_MM);
        let scale = level.scale.reduced(factor);
        let excess = |plane: &Plane, sign: f32| {
            let (mean, inside) = reduce_inside(plane, &level.skin, factor);
            let slow = background(&mean, &inside, scale.px(BACKGROUND_MM));
            (signed_excess(&mean, &slow, &inside, sign), inside)
        };
        let ((red, _), ((pale, _), (shade, inside))) = rayon::join(
            || excess(&maps.hemoglobin, 1.0),
            || rayon::join(|| excess(&maps.melanin, -1.0), || excess(&maps.shading, 1.0)),
        );
        Some(Self { inside, scale, native: factor * level.factor, red, pale, shade })
    }

    fn colour(&self, kind: Kind) -> &Plane {
        match kind {
            Kind::Rubra => &self.red,
            Kind::Alba => &self.pale,
        }
    }

    /// The widths that this resolution carries: index and standard deviation in pixels.
    fn sigmas(&self) -> impl Iterator<Item = (usize, f64)> {
        let scale = self.scale;
        let all = SIGMAS_MM.into_iter().enumerate();
        all.map(move |(k, sigma)| (k, scale.px(sigma))).filter(|&(_, sigma)| sigma >= 1.0)
    }

    fn noise(&self, kind: Kind) -> [f64; SIGMAS_MM.len()] {
        let half_length = self.scale.px(HALF_LENGTH_MM);
        let mut noise = [0.0; SIGMAS_MM.len()];
        for (k, sigma) in self.sigmas() {
            let smooth = gaussian(self.colour(kind), sigma);
            noise[k] = ridges::noise(&smooth, sigma, &self.inside, half_length);
        }
        noise
    }

    /// The marks of a kind, and whether each is sure by itself.
    fn marks(&self, kind: Kind, noise: &[f64; SIGMAS_MM.len()]) -> Vec<(StretchMark, bool)> {
        let start = |k: usize| START.0.max(START.1 * noise[k]);
        let scale = |(k, sigma): (usize, f64)| Scale {
            plane: gaussian(self.colour(kind), sigma),
            sigma,
            start: start(k),
            keep: KEEP * start(k),
            mean: KEEP * start(k),
        };
        let scales: Vec<Scale> = self.sigmas().map(scale).collect();
        let search = Search {
            half_length: self.scale.px(HALF_LENGTH_MM),
            gap: self.scale.px(GAP_MM),
            length: self.scale.px(LEAST_LENGTH_MM),
            turn: TURN,
            reach: 0.0,
        };
        let found = ridges::lines(&scales, &self.inside, &search);
        let limit = |line: &Line| {
            let at = |sigma: f64| (sigma / line.sigma).ln().abs();
            let nearest = self.sigmas().min_by(|a, b| at(a.1).total_cmp(&at(b.1)));
            nearest.map_or(f64::INFINITY, |(k, _)| start(k))
        };
        found.iter().filter_map(|line| Some((self.mark(line, kind)?, line.strength >= limit(line)))).collect()
    }

    /// A line as a stretch mark, if it is long, has skin on both sides and is
    /// coloured more than shaded.
    fn mark(&self, line: &Line, kind: Kind) -> Option<StretchMark> {
        let (length, width) = (line.length(), WIDTH_PER_SIGMA * line.sigma);
        let contrasts = |plane: &Plane| flanked(plane, &self.inside, &line.points, FLANK * width);
        let (colour, shade) = (contrasts(self.colour(kind)), contrasts(&self.shade));
        let side = |values: &[[f64; 2]], side: usize| {
            values.iter().map(|both| both[side]).sum::<f64>() / values.len() as f64
        };
        let sides = |values: &[[f64; 2]]| [side(values, 0), side(values, 1)];
        let mean = |[left, right]: [f64; 2]| 0.5 * (left + right);
        let seen = colour.len() as f64 >= LEAST_FLANKED * line.points.len() as f64;
        let long = length >= LEAST_ELONGATION * width;
        let (colour, shade) = (sides(&colour), sides(&shade));
        let coloured = mean(shade) <= MOST_SHADE * mean(colour);
        (seen && long && coloured && stands_out(colour)).then(|| StretchMark {
            kind,
            points: line.points.iter().map(|p| p.map(|at| cell_centre(at, self.native))).collect(),
            length_px: length * self.native as f64,
            width_px: width * self.native as f64,
            contrast: line.strength,
        })
    }
}

/// Whether a band differs from both of its flanks.
fn stands_out([left, right]: [f64; 2]) -> bool {
    left.min(right) >= LEAST_SIDE * 0.5 * (left + right)
}

/// How much higher a plane is on a line than on each side of it, at each point
/// that has skin at `reach` on both sides.
fn flanked(plane: &Plane, inside: &Mask, points: &[[f64; 2]], reach: f64) -> Vec<[f64; 2]> {
    let contrast = |i: usize| {
        let [nx, ny] = normal(points, i, 2);
        let at = |side: f64| {
            let (x, y) = (points[i][0] + side * reach * nx, points[i][1] + side * reach * ny);
            sample(plane, x, y).filter(|_| covers(inside, x, y)).map(f64::from)
        };
        let here = at(0.0)?;
        Some([here - at(-1.0)?, here - at(1.0)?])
    };
    (0..points.len()).filter_map(contrast).collect()
}

/// How strong bands at random are on a baseline; `None` where nothing shows bands.
pub fn noise(maps: &Maps) -> Option<BandNoise> {
    let skin = Skin::of(maps)?;
    let (red, pale) = rayon::join(|| skin.noise(Kind::Rubra), || skin.noise(Kind::Alba));
    Some(BandNoise([red, pale]))
}

/// The stretch marks of one photo: red ones, then pale ones. `noise` is the
/// baseline's; without one, the photo's own.
pub fn detect(maps: &Maps, noise: Option<BandNoise>) -> Vec<StretchMark> {
    let Some(skin) = Skin::of(maps) else { return Vec::new() };
    let of = |kind: Kind| {
        let noise = noise.map_or_else(|| skin.noise(kind), |BandNoise(noise)| noise[kind as usize]);
        skin.marks(kind, &noise)
    };
    let (red, pale) = rayon::join(|| of(Kind::Rubra), || of(Kind::Alba));
    among([red, pale].concat(), skin.scale.px(NEAR_MM) * skin.native as f64)
}

/// The marks that are sure by themselves, or have a parallel one within `near` native pixels.
fn among(marks: Vec<(StretchMark, bool)>, near: f64) -> Vec<StretchMark> {
    let apart = |a: &StretchMark, b: &StretchMark| {
        let from = |p: &[f64; 2]| {
            b.points.iter().map(|q| (p[0] - q[0]).hypot(p[1] - q[1])).fold(f64::INFINITY, f64::min)
        };
        a.points.iter().map(from).fold(f64::INFINITY, f64::min)
    };
    let parallel = |a: &StretchMark, b: &StretchMark| {
        let turn = (direction(a) - direction(b)).rem_euclid(std::f64::consts::PI);
        turn.min(std::f64::consts::PI - turn) <= PARALLEL
    };
    let holds = |i: usize| {
        let (mark, sure) = &marks[i];
        *sure
            || (0..marks.len())
                .any(|k| k != i && parallel(mark, &marks[k].0) && apart(mark, &marks[k].0) <= near)
    };
    (0..marks.len()).filter(|&i| holds(i)).map(|i| marks[i].0.clone()).collect()
}

/// From end to end, radians.
fn direction(mark: &StretchMark) -> f64 {
    match (mark.points.first(), mark.points.last()) {
        (Some(first), Some(last)) => (last[1] - first[1]).atan2(last[0] - first[0]),
        _ => 0.0,
    }
}

fn signed_excess(mean: &Plane, slow: &Plane, inside: &Mask, sign: f32) -> Plane {
    ndarray::Zip::from(mean)
        .and(slow)
        .and(inside)
        .map_collect(|mean, slow, &inside| if inside { sign * (mean - slow) } else { 0.0 })
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
        let marks = detect(&maps, None);
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

    /// A pale band that is as dark in all colours as it is pale: a furrow; and
    /// one along the edge of what is seen: it has one side only.
    #[test]
    fn furrows_and_bands_with_one_side_are_no_stretch_marks() {
        let shade = banded(0.4, 0.0);
        let furrow: [Plane; 3] =
            std::array::from_fn(|c| &banded(0.0, -0.4)[c] + &((&shade[c] - 0.8) / HEMOGLOBIN[c]));
        assert!(found(furrow).0.is_empty());
        let mut maps = maps_of_colors(banded(0.4, 0.0), 10.0);
        maps.coarse.skin.indexed_iter_mut().for_each(|((y, x), skin)| *skin = y < x + 10);
        assert!(detect(&maps, None).is_empty());
    }

    /// A band of 0.4 beside a patch of 0.28 and skin of 0: by hand, 0.12 and
    /// 0.4, of which the lesser is under 0.55 times the mean, 0.143.
    #[test]
    fn the_rim_of_a_patch_stands_out_on_one_side_only() {
        let plane = Plane::from_shape_fn((40, 40), |(_, x)| match x {
            0..16 => 0.0,
            16..24 => 0.4,
            _ => 0.28,
        });
        let inside = Mask::from_elem((40, 40), true);
        let points: Vec<[f64; 2]> = (5..35).map(|y| [20.0, f64::from(y)]).collect();
        for sides in flanked(&plane, &inside, &points, 10.0) {
            let mut sorted = sides;
            sorted.sort_by(f64::total_cmp);
            assert!((sorted[0] - 0.12).abs() < 1e-6 && (sorted[1] - 0.4).abs() < 1e-6, "{sides:?}");
            assert!(!stands_out(sides));
        }
        assert!(stands_out([0.3, 0.4]));
    }

    /// Faint marks 10 mm apart: alone, crossing, parallel (by 20°), and far away.
    #[test]
    fn faint_marks_need_a_parallel_one_nearby() {
        let mark = |x: f64, degrees: f64| StretchMark {
            kind: Kind::Rubra,
            points: (-50..=50)
                .map(|i| {
                    [x + f64::from(i) * degrees.to_radians().cos(), f64::from(i) * degrees.to_radians().sin()]
                })
                .collect(),
            length_px: 100.0,
            width_px: 10.0,
            contrast: 0.1,
        };
        let kept = |others: &[(StretchMark, bool)]| {
            let all = [&[(mark(0.0, 90.0), false)], others].concat();
            among(all, 300.0).iter().any(|kept| kept.points == mark(0.0, 90.0).points)
        };
        assert!(!kept(&[]));
        assert!(!kept(&[(mark(100.0, 10.0), true)]));
        assert!(!kept(&[(mark(500.0, 90.0), true)]));
        assert!(kept(&[(mark(100.0, -70.0), false)]));
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
