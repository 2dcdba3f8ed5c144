//! The valid skin of a photo: not background, hair, ink, glare or black.
//!
//! The mask is found on a reduced photo and asks no brightness of skin, so
//! that it works alike on all tones. Lesions belong to it, however dark or
//! blue: what the colour gate leaves out *inside* the skin is taken back in.

mod chroma;
mod hair;
mod overlay;
mod parts;

use ndarray::Zip;

use self::chroma::{Chromaticity, SkinColour};
use self::hair::Hair;
pub use self::overlay::overlay;
use self::parts::{Part, select};
use crate::filter::background::background;
use crate::filter::gaussian::gaussian;
use crate::filter::morphology;
use crate::photo::{Light, Photo};
use crate::raster::{self, Mask, Plane};
use crate::units::FilterScale;

/// The valid skin of a photo, on cells of `factor` by `factor` pixels.
#[derive(Debug, Clone, PartialEq)]
pub struct Skin {
    /// Cells that show measurable skin.
    pub mask: Mask,
    /// Pixels of the photo along a cell.
    pub factor: usize,
    /// Cells where surface reflection hides the skin.
    pub glare: Mask,
    /// Cells covered by hair.
    pub hair: Mask,
    /// Those of them where it is a single strand over skin.
    pub strands: Mask,
    /// Cells where a channel is clipped, and what surrounds them.
    pub clipped: Mask,
    /// Share of the photo that is valid skin, `0..=1`.
    pub coverage: f64,
    /// Share of the skin's pixels that have a channel clipped or black: of all
    /// the skin, and of what is valid, `0..=1`.
    pub lost_fraction: [f64; 2],
    /// Median linear light of the valid skin, red, green, blue; 0 if there is none.
    pub light: [f32; 3],
}

/// Cells per millimetre that the skin is sought at, if the photo has them.
const CELLS_PER_MM: f64 = 6.0;

/// Most cells that the skin is sought on.
const MOST_CELLS: usize = 500_000;

impl Skin {
    /// The valid skin of `photo`; `scale` is that of the full photo.
    pub fn of(photo: &Photo, scale: FilterScale) -> Self {
        let factor = reduction(photo.width(), photo.height(), scale);
        valid_skin(&photo.light(factor), factor, scale)
    }

    /// Takes in what a person marked as skin, whatever its colour: the cells
    /// whose centres, in pixels of the photo, are `marked`. Glare, clipped
    /// places and hair stay out, for they hide the skin.
    pub fn claim(&mut self, marked: impl Fn([f64; 2]) -> bool) {
        for ((y, x), inside) in self.mask.indexed_iter_mut() {
            let hidden = self.glare[[y, x]] || self.clipped[[y, x]] || self.hair[[y, x]];
            let centre = [x, y].map(|at| raster::cell_centre(at as f64, self.factor));
            *inside |= !hidden && marked(centre);
        }
        self.coverage = raster::count(&self.mask) as f64 / self.mask.len().max(1) as f64;
    }

    /// Distance of the skin's log chromaticity from that of modelled skin of
    /// any tone, in natural units: the colour cast, as far as it is no tone.
    /// `None` without skin.
    pub fn colour_cast(&self) -> Option<f64> {
        let [red, green, blue] = self.light.map(|light| f64::from(light.max(1e-4)).ln());
        (self.coverage > 0.0).then(|| chroma::cast([red - green, green - blue]))
    }

    /// The mask on cells of `factor` by `factor` pixels of a photo that has
    /// `width` by `height` such cells.
    pub fn mask_at(&self, factor: usize, width: usize, height: usize) -> Mask {
        self.cells_at(&self.mask, factor, width, height)
    }

    /// The same of the mask together with the strands of hair over the skin.
    pub fn seen_at(&self, factor: usize, width: usize, height: usize) -> Mask {
        self.cells_at(&(&self.mask | &self.strands), factor, width, height)
    }

    fn cells_at(&self, mask: &Mask, factor: usize, width: usize, height: usize) -> Mask {
        let (cells, lines) = raster::size(mask);
        let place = |at: usize, size: usize| {
            let pixel = raster::cell_centre(at as f64, factor);
            let cell = raster::in_cells(pixel, self.factor).round().max(0.0) as usize;
            cell.min(size.saturating_sub(1))
        };
        let across: Vec<usize> = (0..width).map(|x| place(x, cells)).collect();
        raster::rows(width, height, |y, out| {
            let line = raster::row(mask, place(y, lines));
            out.iter_mut().zip(&across).for_each(|(inside, &x)| *inside = line[x]);
        })
    }
}

/// The reduction that the skin of a photo of `width` by `height` pixels is sought at.
pub fn reduction(width: usize, height: usize, scale: FilterScale) -> usize {
    let by_area = ((width * height) as f64 / MOST_CELLS as f64).sqrt().ceil() as usize;
    let most = width.min(height).max(1);
    scale.reduction_to(CELLS_PER_MM).max(by_area).clamp(1, most)
}

/// The valid skin where cells of `factor` by `factor` pixels reflect `light`;
/// `scale` is that of the full photo.
///
/// Where nothing can be skin, the mask is empty.
pub fn valid_skin(light: &Light, factor: usize, scale: FilterScale) -> Skin {
    let (linear, scale) = (&light.linear, scale.reduced(factor));
    let chromaticity = Chromaticity::of(linear);
    let Some(colour) = SkinColour::of(&chromaticity) else { return no_skin(&linear[0], factor) };
    let skin_coloured = coloured(&chromaticity, &colour);
    let usual = linear.each_ref().map(|plane| median_inside(plane, &skin_coloured));
    let brightness = usual[1];
    let other = Zip::from(&skin_coloured)
        .and(&linear[1])
        .par_map_collect(|&skin, &green| !skin || green < BLACK * brightness);
    let outside = background_parts(&other);
    let (ink, Hair { strands, region }) = rayon::join(
        || {
            let legible = linear[1].mapv(|green| green > INK_DARKEST.max(BLACK * brightness));
            ink(&(&other & &legible), &chromaticity, &colour, scale)
        },
        || hair::hair(&linear[1], brightness, scale),
    );
    // A dark hair that reaches the border is part of what is not skin there.
    let wall = morphology::open(&outside, scale.px(SLIVER_MM / 2.0).max(1.0));
    let skin = !(outside | &ink | &region | &strands);
    let glare = glare(linear, &skin, usual, scale);
    let clipped =
        gaussian(&light.clipped, scale.px(CLIPPED_MM).max(1.0)).mapv(|share| share > CLIPPED_SHARE) & &skin;
    let blooming = morphology::open(&clipped, scale.px(BURNT_MM / 2.0).max(1.0));
    let blooming = morphology::dilate(&blooming, scale.px(BLOOMING_MM).max(1.0));
    let clipped = (clipped | blooming) & &skin;
    let all = &skin & &(&glare | &clipped);
    let mask = without_slivers(&(skin & !(&glare | &clipped)), scale);
    let lost = |cells: &Mask| mean_inside(&light.lost, cells);
    Skin {
        coverage: raster::count(&mask) as f64 / mask.len().max(1) as f64,
        lost_fraction: [lost(&(&mask | &all)), lost(&mask)],
        light: linear.each_ref().map(|plane| median_inside(plane, &mask)),
        factor,
        mask,
        glare,
        hair: &region | &strands,
        strands: strands & !(wall | ink | region),
        clipped,
    }
}

fn no_skin(plane: &Plane, factor: usize) -> Skin {
    let none = || Mask::from_elem(plane.raw_dim(), false);
    let [mask, glare, hair, strands, clipped] = [(); 5].map(|()| none());
    let (coverage, lost_fraction, light) = (0.0, [0.0; 2], [0.0; 3]);
    Skin { mask, factor, glare, hair, strands, clipped, coverage, lost_fraction, light }
}

/// Share of the pixels from which a clipped channel spoils the mean around it:
/// of normal scatter that is cut off there, the mean loses 0.3 of its
/// standard deviation. Single pixels that noise lifts to the limit spoil nothing,
/// and would take the brightest skin out first.
const CLIPPED_SHARE: f32 = 0.4;

/// Standard deviation of the window that share is taken in, mm (at least a cell).
const CLIPPED_MM: f64 = 0.15;

/// How far light spreads around what it clips, by the lens, the sensor and the
/// compression, mm (at least a cell).
const BLOOMING_MM: f64 = 0.3;

/// Least width of what spreads light, mm: the crests of texture, which are
/// narrower, only just reach the limit.
const BURNT_MM: f64 = 1.0;

fn coloured(chromaticity: &Chromaticity, colour: &SkinColour) -> Mask {
    Zip::from(&chromaticity.red_green)
        .and(&chromaticity.green_blue)
        .and(&chromaticity.lit)
        .par_map_collect(|&x, &y, &lit| lit && colour.accepts([x.into(), y.into()]))
}

/// Share of the skin's usual brightness below which a region is deep shadow,
/// a black cloth or the rim of a dermatoscope. Only such regions at the
/// border go; a black mole inside the skin stays.
const BLACK: f32 = 0.1;

/// Least size of a part at the border that is background, as a share of the
/// photo; smaller ones are specks of the skin.
const LEAST_BACKGROUND: f64 = 0.002;

fn background_parts(other: &Mask) -> Mask {
    let least = LEAST_BACKGROUND * other.len() as f64;
    select(other, |part: &Part| part.at_border && part.area > least)
}

/// How much bluer than skin a pen is, in `ln G/B`.
const INK_BLUER: f32 = 0.2;

/// Linear light below which no ink is told from the noise of a black mole.
const INK_DARKEST: f32 = 0.01;

/// Least length of a pen stroke, mm.
const STROKE_MM: f64 = 3.0;

/// Strokes of a pen: bluer than skin, and long and thin. A blue lesion is a blob.
fn ink(other: &Mask, chromaticity: &Chromaticity, colour: &SkinColour, scale: FilterScale) -> Mask {
    let limit = colour.centre[1] as f32 - INK_BLUER;
    let bluer =
        Zip::from(other).and(&chromaticity.green_blue).par_map_collect(|&other, &y| other && y < limit);
    let length = scale.px(STROKE_MM).max(6.0);
    let strokes = parts::strokes(&bluer, length);
    morphology::dilate(&strokes, scale.px(0.4).max(2.0))
}

/// How much brighter than the skin around it glare is.
const GLARE: f32 = 1.35;

/// Light that glare adds at least, as a share of the red light of the skin
/// around, which tone changes least: dark skin returns so little green and blue
/// that the faint sheen of every furrow is a third of it, and hides nothing.
const GLARE_ADDED: f32 = 0.2;

/// Share of the usual brightness that skin is at least expected to have where glare is sought.
const SHADED: f32 = 0.9;

/// Width of the skin that glare is compared with, mm (standard deviation).
const SURROUNDINGS_MM: f64 = 4.0;

/// Linear light that is clipped.
const CLIPPED: f32 = 0.98;

/// Surface reflection: brighter than the skin around in every channel, by a
/// share of it and by a share of the light alike on all tones, and in
/// blue at least as much as in red, for it has the lamp's colour; or clipped
/// in two channels. Beside a dark lesion all skin is bright: it is compared
/// with the photo's `usual` skin too.
fn glare(linear: &[Plane; 3], skin: &Mask, usual: [f32; 3], scale: FilterScale) -> Mask {
    let sigma = scale.px(SURROUNDINGS_MM).max(4.0);
    let around = linear.each_ref().map(|plane| background(plane, skin, sigma));
    let (width, height) = raster::size(skin);
    let found = raster::rows(width, height, |y, out| {
        let here = linear.each_ref().map(|plane| raster::row(plane, y));
        let near = around.each_ref().map(|plane| raster::row(plane, y));
        for (x, glare) in out.iter_mut().enumerate() {
            let skin = |c: usize| near[c][x].max(SHADED * usual[c]).max(1e-4);
            let ratio = |c: usize| here[c][x] / skin(c);
            let added = |c: usize| here[c][x] - skin(c) > GLARE_ADDED * skin(0);
            let clipped = (0..3).filter(|&c| here[c][x] >= CLIPPED).count() >= 2;
            let brighter = |c: usize| ratio(c) > GLARE && added(c);
            let reflects = ratio(0) > 1.1 && brighter(1) && brighter(2) && ratio(2) >= ratio(0);
            *glare = clipped || reflects;
        }
    });
    morphology::dilate(&(found & skin), scale.px(0.2).max(1.0))
}

/// Width below which a piece of skin is too thin to measure on, mm.
const SLIVER_MM: f64 = 0.7;

/// Least area of a piece of skin, as a share of the photo.
const LEAST_PIECE: f64 = 0.005;

fn without_slivers(mask: &Mask, scale: FilterScale) -> Mask {
    let opened = morphology::open(mask, scale.px(SLIVER_MM / 2.0));
    let least = LEAST_PIECE * mask.len() as f64;
    select(&opened, |part| part.area >= least)
}

fn mean_inside(plane: &Plane, mask: &Mask) -> f64 {
    let values = plane.iter().zip(mask).filter(|(_, inside)| **inside);
    let (sum, count) = values.fold((0.0, 0u32), |(sum, count), (&v, _)| (sum + f64::from(v), count + 1));
    if count == 0 { 0.0 } else { sum / f64::from(count) }
}

fn median_inside(plane: &Plane, mask: &Mask) -> f32 {
    let mut values = raster::values_inside(plane, mask);
    let middle = values.len() / 2;
    if values.is_empty() {
        return 0.0;
    }
    *values.select_nth_unstable_by(middle, f32::total_cmp).1
}

#[cfg(test)]
mod tests;
