//! What relief does to the green density: the finest map, freed from slow
//! variation and smoothed step by step, once per photo for all families.
//!
//! Green carries the least noise, and furrows, pores and pits darken it by
//! shading whatever the skin's tone.

use crate::filter::background::freed_in;
use crate::filter::blobs::response;
use crate::filter::scale_space::{Rung, ladder};
use crate::metrics::Maps;
use crate::metrics::maps::Level;
use crate::raster::{Mask, Plane, cell_centre, covers, in_cells, reduce_mask, sample, size};
use crate::units::FilterScale;

/// Slow variation that is taken out, as the standard deviation of a Gaussian,
/// mm: well above the widest band (2 mm), below the curvature of a face.
const BACKGROUND_MM: f64 = 2.5;

/// The rungs' standard deviations, mm: `0.25 mm / 2.3548 * 2^((k - 2) / 2)`,
/// so that rungs 2, 4, 6 and 8 have a full width at half maximum of 0.25,
/// 0.5, 1 and 2 mm.
pub const RUNGS: usize = 10;

/// The rung whose full width at half maximum is 0.25 mm.
pub const QUARTER_MM: usize = 2;

/// Gaussian standard deviations per full width at half maximum.
pub const SIGMA_PER_FWHM: f64 = 1.0 / 2.354_820_045;

/// Standard deviation of rung `k`, mm.
pub fn sigma_mm(k: usize) -> f64 {
    0.25 * SIGMA_PER_FWHM * 2f64.powf((k as f64 - QUARTER_MM as f64) / 2.0)
}

/// The green density of one photo's fine level.
pub struct Green {
    /// Natural units.
    pub density: Plane,
    /// Where it shows skin, or single hairs over it. A mask of hairs is another in every photo, by its
    /// sharpness and light, and would be read as texture; where they cross the skin they are seen for
    /// what they are.
    pub seen: Mask,
}

/// The green density of one photo at rising scales.
#[derive(Debug, Clone)]
pub struct Relief {
    /// Native pixels per pixel of the fine plane.
    pub factor: usize,
    /// Pixels of the fine plane per millimetre.
    pub scale: FilterScale,
    /// Valid skin, fine plane.
    pub skin: Mask,
    /// Green density above its background, ln units, fine plane; 0 where neither
    /// skin nor a single hair is seen, so that filters see no step there.
    pub detail: Plane,
    /// The detail smoothed by [`sigma_mm`] of each index, where the fine plane
    /// resolves that.
    pub rungs: Vec<Option<Rung>>,
}

impl Relief {
    /// The relief of a photo's maps.
    pub fn of(maps: &Maps) -> Self {
        Self::of_green(Green { density: maps.green.clone(), seen: maps.fine.skin.clone() }, &maps.fine)
    }

    /// The relief that a `green` density shows on its level.
    pub fn of_green(green: Green, level: &Level) -> Self {
        let scale = level.scale;
        let detail = freed_in(green.density, &level.skin, &green.seen, scale.px(BACKGROUND_MM));
        let rungs =
            ladder(&detail, level.factor, &std::array::from_fn::<f64, RUNGS, _>(|k| scale.px(sigma_mm(k))));
        Self { factor: level.factor, scale, skin: level.skin.clone(), detail, rungs }
    }

    /// The relief without its rungs: most of its memory, needed no more once
    /// all that is looked for on them is found.
    pub fn without_rungs(self) -> Self {
        Self { rungs: Vec::new(), ..self }
    }

    /// Rung `k`, if the photo resolves it.
    pub fn rung(&self, k: usize) -> Option<&Rung> {
        self.rungs.get(k)?.as_ref()
    }

    /// The valid skin on the plane of `rung`.
    pub fn skin_of(&self, rung: &Rung) -> Mask {
        reduce_mask(&self.skin, rung.factor)
    }

    /// Native pixels per millimetre.
    pub fn native_px_per_mm(&self) -> f64 {
        self.scale.px_per_mm * self.factor as f64
    }

    /// Native pixels per pixel of `rung`.
    pub fn native_factor(&self, rung: &Rung) -> usize {
        self.factor * rung.factor
    }
}

/// How strongly plain skin responds at 0.25 mm, ln units: its net of furrows,
/// glints and noise. The unit in which thresholds are set, taken from the
/// baseline once and then used for every session, so that nothing is found or
/// lost because a photo's own clutter changed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clutter(pub f64);

impl Clutter {
    /// The clutter of a baseline: 1.4826 times the median absolute value of
    /// `-σ² ∇²` over the skin, a standard deviation if it were normal; 0 where
    /// the baseline does not resolve 0.25 mm.
    pub fn of(relief: &Relief) -> Self {
        Self(relief.rung(QUARTER_MM).map_or(0.0, |rung| clutter(rung, &relief.skin)))
    }
}

/// Pixels along each side that the clutter is sampled at, at most.
const SAMPLES: usize = 250;

fn clutter(rung: &Rung, skin: &Mask) -> f64 {
    let (width, height) = size(&rung.plane);
    let stride = (width.max(height) / SAMPLES).max(1);
    let mut values = Vec::new();
    for y in (stride / 2..height).step_by(stride) {
        for x in (stride / 2..width).step_by(stride) {
            let place = [x, y].map(|at| cell_centre(at as f64, rung.factor));
            if covers(skin, place[0], place[1]) {
                values.push(response(rung, x, y).abs());
            }
        }
    }
    let middle = values.len() / 2;
    if values.is_empty() {
        return 0.0;
    }
    1.4826 * f64::from(*values.select_nth_unstable_by(middle, f32::total_cmp).1)
}

/// Where the light comes from, as the pores show it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Light {
    /// Direction towards the light in the photo, radians from x towards y (down).
    pub azimuth: f64,
    /// Length of the mean of the pores' unit vectors, `0..=1`: 0 for light
    /// from the front or from all around.
    pub coherence: f64,
    /// How many pores took part.
    pub pores: usize,
}

/// Fewest pores that show where the light comes from.
const LEAST_PORES: usize = 20;

/// Least coherence, in standard errors of directions at random (`1 / √n`).
const LEAST_COHERENCE: f64 = 3.0;

impl Light {
    /// Whether the light comes from one side.
    pub fn is_sided(&self) -> bool {
        self.pores >= LEAST_PORES && self.coherence >= LEAST_COHERENCE / (self.pores as f64).sqrt()
    }

    /// Unit vector towards the light in the photo, x and y.
    pub fn towards(&self) -> [f64; 2] {
        [self.azimuth.cos(), self.azimuth.sin()]
    }
}

/// Where the light comes from, from pits at `places` in native pixels: a pit
/// is dark towards the light and bright away from it. `None` without a place
/// to look at.
///
/// The mean direction of the first harmonic of density on a circle around
/// each pit, each pit with the same weight.
pub fn light(relief: &Relief, places: impl Iterator<Item = [f64; 2]>) -> Option<Light> {
    let rung = relief.rung(QUARTER_MM)?;
    let radius = relief.scale.px(PORE_RIM_MM);
    let (mut sum, mut pores) = ([0.0f64; 2], 0usize);
    for place in places {
        let [x, y] = place.map(|at| in_cells(at, relief.factor));
        let [vx, vy] = harmonic(rung, x, y, radius).unwrap_or_default();
        let length = vx.hypot(vy);
        if length > 0.0 {
            sum = [sum[0] + vx / length, sum[1] + vy / length];
            pores += 1;
        }
    }
    let coherence = sum[0].hypot(sum[1]) / pores.max(1) as f64;
    (pores > 0).then(|| Light { azimuth: sum[1].atan2(sum[0]), coherence, pores })
}

/// Radius of the circle around a pore on which its crescents are read, mm.
const PORE_RIM_MM: f64 = 0.25;

/// The first harmonic around a position of the fine plane.
fn harmonic(rung: &Rung, x: f64, y: f64, radius: f64) -> Option<[f64; 2]> {
    let mut sum = [0.0; 2];
    for i in 0..8 {
        let (sin, cos) = (std::f64::consts::FRAC_PI_4 * f64::from(i)).sin_cos();
        let [px, py] = [x + radius * cos, y + radius * sin].map(|at| in_cells(at, rung.factor));
        let value = f64::from(sample(&rung.plane, px, py)?);
        sum = [sum[0] + value * cos / 4.0, sum[1] + value * sin / 4.0];
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Along a hair 0.15 mm wide and 0.7 darker than the skin, of which the mask leaves out a part: what
    /// the rung of a quarter of a millimetre shows.
    fn crest(left_out: impl Fn(usize) -> bool) -> Vec<f32> {
        let density = Plane::from_shape_fn((120, 120), |(_, x)| if x.abs_diff(60) < 2 { 0.8 } else { 0.1 });
        let skin = Mask::from_shape_fn((120, 120), |(y, x)| x.abs_diff(60) >= 2 || !left_out(y));
        let scale = FilterScale { px_per_mm: 20.0, physical: true };
        let green = Green { density, seen: Mask::from_elem((120, 120), true) };
        let relief = Relief::of_green(green, &Level { factor: 1, scale, skin });
        let rung = relief.rung(QUARTER_MM).expect("20 px/mm resolve it");
        assert_eq!(rung.factor, 1);
        rung.plane.column(60).to_vec()
    }

    /// A Gaussian of 0.106 mm leaves `erf(0.075 / (√2 · 0.106)) = 0.52` of it in its middle: 0.364. The
    /// background alone knows of the mask: a hair in it is a thirtieth of what that is taken over.
    #[test]
    fn what_a_mask_leaves_out_of_a_hair_is_no_step() {
        for crest in [crest(|_| true), crest(|y| y % 40 < 20)] {
            assert!(crest.iter().all(|value| (value - 0.364).abs() < 0.02), "{crest:?}");
        }
    }
}
