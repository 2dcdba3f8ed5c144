//! Texture: fine relief and pattern, as contrast in bands of size and as
//! co-occurrence of grey levels.
//!
//! Everything is sampled on a lattice of skin with one step in millimetres, so
//! that neither the photo's resolution nor the pixel grid sets the offsets.
//! Not roughness: heights cannot be had from one photo.

use ndarray::{Array2, Axis, Zip};
use rayon::prelude::*;

use crate::filter::morphology::dilate;
use crate::filter::resample::{cubic, lattice};
use crate::metrics::co_occurrence::co_occurrence;
use crate::metrics::maps::{Level, sum_labels};
use crate::metrics::relief::{QUARTER_MM, RUNGS, Relief};
use crate::metrics::strands::strands;
use crate::metrics::{Better, Estimate, Family, Measured, Metric, NO_SKIN, RESOLUTION_TOO_LOW};
use crate::raster::{self, Mask, Plane};
use crate::region::{Region, Tiles};

/// The lattice's step, mm: the smallest Gaussian used (0.106 mm) is one step wide.
const STEP_MM: f64 = 0.1;

/// How far around a spot there is no plain skin, mm.
const BESIDE_SPOT_MM: f64 = 0.3;

/// Least resolution of the bands from 0.25 mm, px/mm: 2.5 pixels per 0.25 mm.
/// Each wider band needs half of the one before.
const FINE_PX_PER_MM: f64 = 10.0;

/// Least RMS, ln units, that is a pattern and not rounding: a hundredth of
/// what the steps of an 8-bit photo leave.
const LEAST_CONTRAST: f64 = 1e-5;

/// Why a pattern has no value: all of the skin has one grey level.
pub const NO_VARIATION: &str = "no_variation";

const BANDS: &str = "band-limited RMS of ln green; bands chosen by us";
const IBSI: &str = "IBSI 2019 (Zwanenburg et al. 2020, Radiology 295:328), directions merged (SUJT), \
                    fixed bin width 1/64 ln, offset 0.3 mm";

const fn entry(
    id: &'static str,
    (unit, range): (&'static str, &'static str),
    ratio_scale: bool,
    better: Option<Better>,
    (summary, source): (&'static str, &'static str),
) -> Metric {
    Metric {
        id,
        family: Family::Texture,
        unit,
        range,
        better,
        ratio_scale,
        needs_scale: false,
        summary,
        source,
    }
}

const LN: (&str, &str) = ("ln green", "0..=2");

/// The metrics of this family.
pub const CATALOGUE: &[Metric] = &[
    entry(
        "texture.contrast_fine",
        LN,
        true,
        Some(Better::Lower),
        ("RMS of ln green between Gaussians of 0.25 and 0.5 mm full width.", BANDS),
    ),
    entry(
        "texture.contrast_medium",
        LN,
        true,
        Some(Better::Lower),
        ("RMS of ln green between Gaussians of 0.5 and 1 mm full width.", BANDS),
    ),
    entry(
        "texture.contrast_coarse",
        LN,
        true,
        Some(Better::Lower),
        ("RMS of ln green between Gaussians of 1 and 2 mm full width.", BANDS),
    ),
    entry(
        "texture.anisotropy",
        ("ratio", "0..=1"),
        true,
        None,
        (
            "Energy-weighted mean over tiles of (l1 - l2) / (l1 + l2) of the structure tensor; \
             0 is the same in all directions.",
            "Bigun & Granlund 1987, ICCV; weighting chosen by us",
        ),
    ),
    entry(
        "texture.glcm_contrast",
        ("level^2", "0..=961"),
        true,
        None,
        ("Co-occurrence contrast (IBSI ACUI).", IBSI),
    ),
    entry(
        "texture.glcm_joint_entropy",
        ("bit", "0..=10"),
        true,
        None,
        ("Co-occurrence joint entropy (IBSI TU9B).", IBSI),
    ),
    entry(
        "texture.glcm_correlation",
        ("ratio", "-1..=1"),
        false,
        None,
        ("Co-occurrence correlation (IBSI NI2N).", IBSI),
    ),
    entry(
        "texture.glcm_inverse_difference_moment",
        ("ratio", "0..=1"),
        true,
        None,
        ("Co-occurrence inverse difference moment (IBSI WF0Z).", IBSI),
    ),
    entry(
        "texture.glcm_angular_second_moment",
        ("ratio", "0..=1"),
        true,
        None,
        ("Co-occurrence angular second moment (IBSI 8ZQL).", IBSI),
    ),
];

/// The texture of one photo on its lattice.
#[derive(Debug, Clone)]
pub struct Texture {
    xs: Vec<f64>,
    ys: Vec<f64>,
    skin: Mask,
    /// ln green in the bands 0.25 to 0.5, 0.5 to 1 and 1 to 2 mm; `None` where
    /// the photo does not resolve one.
    bands: [Option<Plane>; 3],
    /// ln green from 0.25 to 3 mm.
    pattern: Option<Plane>,
}

impl Texture {
    /// The texture of a photo's relief.
    pub fn of(relief: &Relief) -> Self {
        let step = relief.scale.px(STEP_MM).max(1.0);
        let (width, height) = raster::size(&relief.detail);
        let (xs, ys) = (lattice(width, step), lattice(height, step));
        let read = |k: usize| {
            let enough = relief.scale.px_per_mm * 2f64.powf((k - QUARTER_MM) as f64 / 2.0) >= FINE_PX_PER_MM;
            let rung = relief.rung(k).filter(|_| enough)?;
            let own = |at: &f64| raster::in_cells(*at, rung.factor);
            let [xs, ys] = [&xs, &ys].map(|axis| axis.iter().map(own).collect::<Vec<_>>());
            Some(cubic(&rung.plane, &xs, &ys))
        };
        let halves = [0, 2, 4, 6, RUNGS - 1 - QUARTER_MM].map(|k| read(QUARTER_MM + k));
        // Density falls where ln green rises.
        let between = |fine: usize, wide: usize| {
            let pair = Zip::from(halves[wide].as_ref()?).and(halves[fine].as_ref()?);
            Some(pair.par_map_collect(|wide, fine| wide - fine))
        };
        let skin = raster::rows(xs.len(), ys.len(), |y, out| {
            out.iter_mut().zip(&xs).for_each(|(inside, &x)| *inside = raster::covers(&relief.skin, x, ys[y]));
        });
        let skin = match (&halves[0], &halves[1]) {
            (Some(fine), Some(wide)) => skin & !strands(fine, wide, 1.0 / STEP_MM),
            _ => skin,
        };
        let bands = [between(0, 1), between(1, 2), between(2, 3)];
        let pattern = between(0, 4);
        let native = |axis: Vec<f64>| axis.iter().map(|&at| raster::cell_centre(at, relief.factor)).collect();
        Self { xs: native(xs), ys: native(ys), skin, bands, pattern }
    }

    /// Takes pigmented spots out, cells of the coarse `level`: their edges are
    /// no relief, and fade by themselves.
    pub fn leave_out_spots(&mut self, spots: &Mask, level: &Level) {
        let spots = dilate(spots, level.scale.px(BESIDE_SPOT_MM));
        let own = |at: &f64| raster::in_cells(*at, level.factor);
        let [xs, ys] = [&self.xs, &self.ys].map(|axis| axis.iter().map(own).collect::<Vec<_>>());
        self.skin.axis_iter_mut(Axis(0)).into_par_iter().zip(&ys).for_each(|(mut skin, &y)| {
            skin.iter_mut().zip(&xs).for_each(|(skin, &x)| *skin &= !raster::covers(&spots, x, y));
        });
    }

    /// The tile that each lattice point shows, if it is skin.
    fn labels(&self, tiles: &Tiles) -> Array2<u16> {
        let mut labels = Array2::from_elem(self.skin.raw_dim(), Tiles::OUTSIDE);
        labels.axis_iter_mut(Axis(0)).into_par_iter().enumerate().for_each(|(y, mut labels)| {
            let inside = labels.iter_mut().enumerate().filter(|(x, _)| self.skin[[y, *x]]);
            inside.for_each(|(x, label)| {
                let tile = tiles.at(self.xs[x], self.ys[y]);
                *label = tile.map_or(Tiles::OUTSIDE, |tile| tile as u16);
            });
        });
        labels
    }
}

/// The metrics of this family in one region.
pub fn measure(texture: &Texture, region: &Region) -> Vec<Measured> {
    let labels = texture.labels(&region.tiles);
    let tiles = region.tiles.count();
    let of_band = |band: &Option<Plane>| contrast(band.as_ref().ok_or(RESOLUTION_TOO_LOW)?, &labels, tiles);
    let mut outcomes: Vec<Outcome> = texture.bands.iter().map(of_band).collect();
    let pattern = texture.pattern.as_ref().ok_or(RESOLUTION_TOO_LOW);
    match pattern.and_then(|pattern| contrast(pattern, &labels, tiles).map(|_| pattern)) {
        Ok(pattern) => {
            let (anisotropy, co_occurrence) = rayon::join(
                || anisotropy(pattern, &labels, tiles),
                || co_occurrence(pattern, &labels, tiles),
            );
            outcomes.push(anisotropy);
            outcomes.extend(co_occurrence);
        }
        Err(reason) => outcomes.extend(vec![Err(reason); 6]),
    }
    CATALOGUE.iter().zip(outcomes).map(|(metric, outcome)| Measured { id: metric.id, outcome }).collect()
}

type Outcome = Result<Estimate, &'static str>;

/// The root mean square of a band.
fn contrast(band: &Plane, labels: &Array2<u16>, tiles: usize) -> Outcome {
    let sums = sum_labels(labels, tiles, |x, y| [f64::from(band[[y, x]]).powi(2), 1.0]);
    let power = ratio(&sums).ok_or(NO_SKIN)?;
    let root = power.value().sqrt();
    if root < LEAST_CONTRAST {
        return Err(NO_VARIATION);
    }
    power.through(root, 0.5 / root).ok_or(NO_VARIATION)
}

/// How much of the gradient energy prefers one direction within a tile.
/// Tile by tile, because lines bend around a face.
fn anisotropy(pattern: &Plane, labels: &Array2<u16>, tiles: usize) -> Outcome {
    let sums = sum_labels(labels, tiles, |x, y| {
        let [gx, gy] = gradient(pattern, labels, x, y).unwrap_or([0.0; 2]);
        [gx * gx + gy * gy, gx * gx - gy * gy, 2.0 * gx * gy]
    });
    let sums: Vec<[f64; 2]> =
        sums.iter().map(|[energy, along, across]| [along.hypot(*across), *energy]).collect();
    ratio(&sums).ok_or(NO_SKIN)
}

fn ratio(sums: &[[f64; 2]]) -> Option<Estimate> {
    let [above, below] = [0, 1].map(|i| sums.iter().map(|sum| sum[i]).collect::<Vec<_>>());
    Estimate::ratio(&above, &below)
}

/// Half the central differences along x and y, where all four neighbours lie inside.
fn gradient(plane: &Plane, labels: &Array2<u16>, x: usize, y: usize) -> Option<[f64; 2]> {
    let inside = |y: usize, x: usize| labels.get([y, x]).is_some_and(|&label| label != Tiles::OUTSIDE);
    let difference = |(ya, xa): (usize, usize), (yb, xb): (usize, usize)| {
        (inside(ya, xa) && inside(yb, xb)).then(|| f64::from(plane[[yb, xb]] - plane[[ya, xa]]))
    };
    Some([difference((y, x.checked_sub(1)?), (y, x + 1))?, difference((y.checked_sub(1)?, x), (y + 1, x))?])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::testing::{maps_of, noise, skin_of, turned_and_flipped, value};

    fn measured(green: Plane) -> Vec<Measured> {
        let maps = maps_of(green, 20.0);
        measure(&Texture::of(&Relief::of(&maps)), &skin_of(&maps))
    }

    /// Gaussians pass `exp(-2 π² σ² f²)` of a wave of frequency `f`.
    #[test]
    fn a_wave_has_the_contrast_that_its_frequency_leaves_in_each_band() {
        let (per_mm, amplitude) = (1.25, 0.05);
        // 25 whole waves that the mirrored borders continue.
        let green = Plane::from_shape_fn((400, 400), |(_, x)| {
            (amplitude * (std::f64::consts::TAU * per_mm * (x as f64 + 0.5) / 20.0).cos()) as f32
        });
        let all = measured(green);
        let passed = |fwhm: f64| (-2.0 * (std::f64::consts::PI * fwhm / 2.354_82 * per_mm).powi(2)).exp();
        for (id, fine, wide) in [("texture.contrast_fine", 0.25, 0.5), ("texture.contrast_medium", 0.5, 1.0)]
        {
            let expected = amplitude / 2f64.sqrt() * (passed(fine) - passed(wide));
            assert!((value(&all, id) / expected - 1.0).abs() < 0.02, "{id}: {} {expected}", value(&all, id));
        }
        assert!(value(&all, "texture.anisotropy") > 0.99);
    }

    fn skin_like(rows: usize, columns: usize) -> Plane {
        Plane::from_shape_fn((rows, columns), |(y, x)| {
            noise(x, y, 0.15) + 0.05 * ((x as f32 / 5.0).sin() + (y as f32 / 7.0).cos())
        })
    }

    #[test]
    fn a_constant_added_changes_nothing() {
        let (plain, shifted) = (measured(skin_like(300, 240)), measured(skin_like(300, 240) + 0.7));
        for (a, b) in plain.iter().zip(&shifted) {
            let (a, b) = (a.outcome.as_ref().unwrap().value(), b.outcome.as_ref().unwrap().value());
            assert!((a - b).abs() <= 2e-3 * a.abs(), "{a} {b}");
        }
    }

    #[test]
    fn flips_and_quarter_turns_change_nothing() {
        let plane = skin_like(320, 320);
        let first = measured(plane.clone());
        for other in turned_and_flipped(&plane).map(measured) {
            for (a, b) in first.iter().zip(&other) {
                let (a, b) = (a.outcome.as_ref().unwrap().value(), b.outcome.as_ref().unwrap().value());
                assert!((a - b).abs() <= 1e-3 * a.abs(), "{a} {b}");
            }
        }
    }

    #[test]
    fn relief_that_falls_by_a_tenth_takes_a_tenth_of_the_contrast() {
        let (full, less) = (measured(skin_like(300, 300)), measured(skin_like(300, 300) * 0.9));
        for id in ["texture.contrast_fine", "texture.contrast_medium", "texture.contrast_coarse"] {
            assert!((value(&less, id) / value(&full, id) - 0.9).abs() < 1e-4);
        }
        let drop = value(&less, "texture.glcm_contrast") / value(&full, "texture.glcm_contrast");
        // Squared levels fall by 19 %; rounding to levels blurs that a little.
        assert!((0.78..0.86).contains(&drop), "{drop}");
    }

    #[test]
    fn flat_skin_has_no_pattern_and_no_skin_has_nothing() {
        let flat = measured(Plane::from_elem((200, 200), 0.8));
        assert!(flat.iter().all(|m| m.outcome.is_err()));
        let mut empty = maps_of(skin_like(200, 200), 20.0);
        empty.fine.skin.fill(false);
        let all = measure(&Texture::of(&Relief::of(&empty)), &skin_of(&empty));
        assert!(all.iter().all(|m| m.outcome == Err(NO_SKIN)));
    }

    #[test]
    fn a_photo_too_coarse_for_a_band_says_so() {
        let mut maps = maps_of(skin_like(200, 200), 20.0);
        maps.fine.scale.px_per_mm = 6.0;
        let all = measure(&Texture::of(&Relief::of(&maps)), &skin_of(&maps));
        assert_eq!(all[0].outcome, Err(RESOLUTION_TOO_LOW));
        assert!(all[1].outcome.is_ok() && all[2].outcome.is_ok());
        assert_eq!(all[8].outcome, Err(RESOLUTION_TOO_LOW));
    }

    #[test]
    fn a_tiny_photo_has_no_texture_but_does_not_fail() {
        for size in [(1, 1), (2, 3), (5, 1)] {
            assert_eq!(measured(Plane::zeros(size)).len(), CATALOGUE.len());
        }
    }
}
