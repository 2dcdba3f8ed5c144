//! What one photo shows: its maps, what is found on them, its values.

use crate::alignment::Transform;
use crate::canvas;
use crate::color::Unmixing;
use crate::error::Warning;
use crate::filter::blobs::Blob;
use crate::filter::gaussian::gaussian;
use crate::lesion::{self, Chromophore, LesionKind, LesionMap, Spot, Thresholds, scar, segmentation};
use crate::metrics::inflammation::{self, RedSpot};
use crate::metrics::lines::{Lattice, LineNoise};
use crate::metrics::maps::Level;
use crate::metrics::pigmentation::{self, Pigment};
use crate::metrics::pits::PitNoise;
use crate::metrics::pores::{self, Pore};
use crate::metrics::relief::{self, Clutter, Light, Relief};
use crate::metrics::scars::{self, Scar};
use crate::metrics::stretch_marks::{self, StretchMark};
use crate::metrics::texture::{self, Texture};
use crate::metrics::wrinkles::{self, Wrinkle};
use crate::metrics::{Maps, Measured, redness};
use crate::pipeline::frame::Frame;
use crate::raster::{Mask, Plane};
use crate::region::Region;
use crate::units::FilterScale;

/// What is fixed at the baseline and kept for the whole series.
#[derive(Debug, Clone)]
pub struct Frozen {
    /// How densities are turned into melanin and hemoglobin.
    unmixing: Unmixing,
    pigment_map: LesionMap,
    blood_map: LesionMap,
    pigmented: Thresholds,
    vascular: Thresholds,
    /// How strongly its plain skin responds to filters of structure.
    clutter: Clutter,
    /// How strong lines at random are on it.
    line_noise: LineNoise,
    /// How uneven its plain skin is to those who look for pits; `None` where nothing shows them.
    pit_noise: Option<PitNoise>,
    /// Variance, mm², that blur adds to the pictures of its pores.
    pore_blur_mm2: f64,
    /// Where the baseline has spots, in its coarse cells.
    spots: Mask,
    /// Native baseline pixels per coarse cell.
    factor: usize,
}

/// What one photo shows.
pub struct Shown {
    surfaces: Surfaces,
    red: Mask,
    relief: Relief,
    light: Option<Light>,
    texture: Texture,
    /// Follicle openings.
    pub pores: Vec<Pore>,
    /// Furrows and fine lines.
    pub wrinkles: Vec<Wrinkle>,
    /// Atrophic scars.
    pub scars: Vec<Scar>,
    /// Stretch marks.
    pub stretch_marks: Vec<StretchMark>,
    /// Papules of active acne.
    pub papules: Vec<RedSpot>,
    /// Open wounds.
    pub wounds: Vec<RedSpot>,
    /// Pigmented spots.
    pub pigmented: Vec<Spot>,
    /// Red lesions.
    pub vascular: Vec<Spot>,
}

/// What is kept of a photo to follow lesions by.
pub struct Lesions {
    /// The coarse level.
    pub level: Level,
    pigment_excess: Plane,
    blood_excess: Plane,
    relief_excess: Plane,
    pigmented: Vec<Spot>,
    vascular: Vec<Spot>,
    scars: Vec<Spot>,
}

impl Lesions {
    /// The lesions of a kind, and the excess that they are measured on.
    pub fn of(&self, kind: LesionKind) -> (&[Spot], &Plane) {
        match kind {
            LesionKind::Pigmented => (&self.pigmented, &self.pigment_excess),
            LesionKind::Vascular => (&self.vascular, &self.blood_excess),
            LesionKind::Scar => (&self.scars, &self.relief_excess),
        }
    }
}

/// A photo's maps and what stands out on them.
struct Surfaces {
    maps: Maps,
    pigment_excess: Plane,
    blood_excess: Plane,
}

/// The maps of a photo whose native scale is `scale`, blurred by `blur_mm` to
/// equal the coarsest photo of its series; unmixed as the baseline `frozen`, if there is one.
pub fn maps(frame: &Frame, scale: FilterScale, blur_mm: f64, frozen: Option<&Frozen>) -> Maps {
    let (width, height) = frame.size();
    let fine = Level {
        factor: frame.levels.fine,
        scale: scale.reduced(frame.levels.fine),
        skin: frame.skin.mask_at(frame.levels.fine, width / frame.levels.fine, height / frame.levels.fine),
    };
    let coarse = Level {
        factor: frame.levels.coarse,
        scale: scale.reduced(frame.levels.coarse),
        skin: frame.mask.clone(),
    };
    let green = frame.photo.density(1, frame.levels.fine);
    let sigma = fine.scale.px(blur_mm);
    let green = if sigma > LEAST_BLUR_PX { gaussian(&green, sigma) } else { green };
    let density = [0, 1, 2].map(|channel| frame.photo.density(channel, frame.levels.coarse));
    match frozen {
        Some(frozen) => Maps::under((width, height), fine, green, coarse, density, frozen.unmixing),
        None => Maps::new((width, height), fine, green, coarse, density),
    }
}

/// Least blur, pixels, that is worth applying: it changes the finest band by under 1 %.
const LEAST_BLUR_PX: f64 = 0.15;

impl Surfaces {
    fn of(maps: Maps, pigment_map: LesionMap, blood_map: LesionMap) -> Self {
        let level = &maps.coarse;
        let pigment = pigment_map.of(&maps, Chromophore::Melanin, &maps.melanin);
        let blood = blood_map.of(&maps, Chromophore::Hemoglobin, &maps.hemoglobin);
        let (pigment_excess, blood_excess) = rayon::join(
            || lesion::excess(&pigment, &level.skin, level.scale),
            || lesion::excess(&blood, &level.skin, level.scale),
        );
        Self { maps, pigment_excess, blood_excess }
    }

    fn pigmented(&self, map: LesionMap, thresholds: Thresholds) -> Vec<Spot> {
        let mut spots =
            segmentation::find(LesionKind::Pigmented, &self.pigment_excess, &self.maps.coarse, thresholds);
        spots.retain(|spot| map.confirms(&self.maps, spot));
        spots
    }
}

impl Shown {
    /// What the baseline, or a photo measured by itself, shows, and what that
    /// fixes for the photos compared with it; `blur_mm` is what its maps were blurred by.
    pub fn at_baseline(maps: Maps, blur_mm: f64) -> (Self, Frozen) {
        let unmixing = maps.unmixing;
        let pigment_map = LesionMap::of_baseline(&maps, Chromophore::Melanin, &maps.melanin);
        let blood_map = LesionMap::of_baseline(&maps, Chromophore::Hemoglobin, &maps.hemoglobin);
        let surfaces = Surfaces::of(maps, pigment_map, blood_map);
        let level = &surfaces.maps.coarse;
        let pigmented = Thresholds::from_baseline(&surfaces.pigment_excess, level);
        let vascular = Thresholds::from_baseline(&surfaces.blood_excess, level);
        let spots = segmentation::mask_of(&surfaces.pigmented(pigment_map, pigmented), level.skin.dim());
        let (relief, factor) = (Relief::of(&surfaces.maps), level.factor);
        let clutter = Clutter::of(&relief);
        let dots = pores::dots(&relief, &clutter);
        let lattice = Lattice::of(&relief, &dots);
        let line_noise = lattice.noise(&relief);
        let pore_blur_mm2 = pores::blur_mm2(&surfaces.maps, &dots) + blur_mm * blur_mm;
        let mut frozen = Frozen {
            unmixing,
            pigment_map,
            blood_map,
            pigmented,
            vascular,
            clutter,
            line_noise,
            pit_noise: None,
            pore_blur_mm2,
            spots,
            factor,
        };
        let (shown, pit_noise) = Self::found(surfaces, relief, (dots, lattice), &frozen);
        frozen.pit_noise = pit_noise;
        (shown, frozen)
    }

    /// What a follow-up shows, under what the baseline fixed.
    pub fn under(maps: Maps, frozen: &Frozen) -> Self {
        let relief = Relief::of(&maps);
        let surfaces = Surfaces::of(maps, frozen.pigment_map, frozen.blood_map);
        let dots = pores::dots(&relief, &frozen.clutter);
        let lattice = Lattice::of(&relief, &dots);
        Self::found(surfaces, relief, (dots, lattice), frozen).0
    }

    /// What there is, and how uneven its plain skin is.
    fn found(
        surfaces: Surfaces,
        relief: Relief,
        seen: (Vec<Blob>, Lattice),
        frozen: &Frozen,
    ) -> (Self, Option<PitNoise>) {
        let (dots, lattice) = seen;
        let maps = &surfaces.maps;
        let red = redness::red(maps, &surfaces.blood_excess);
        let clutter = &frozen.clutter;
        let ((texture, lines), stretch_marks) = rayon::join(
            || rayon::join(|| Texture::of(&relief), || lattice.lines(&relief, &frozen.line_noise)),
            || stretch_marks::detect(maps, clutter),
        );
        let wrinkles = wrinkles::among(&lines, &relief);
        let pores = pores::among(&dots, &relief, frozen.pore_blur_mm2);
        let light = relief::light(&relief, pores.iter().map(|pore| [pore.x_px, pore.y_px]));
        let pigmented = surfaces.pigmented(frozen.pigment_map, frozen.pigmented);
        let furrows: Vec<(&[[f64; 2]], f64)> =
            wrinkles.iter().map(|wrinkle| (&wrinkle.points[..], wrinkle.width_px)).collect();
        let spots = segmentation::mask_of(&pigmented, maps.coarse.skin.dim());
        let others = scars::Others { dots: &dots, furrows: &furrows, spots: &spots };
        let ((scars, pit_noise), (papules, wounds)) = rayon::join(
            || scars::detect(maps, light, &others, frozen.pit_noise),
            || (inflammation::papules(maps, clutter, light), inflammation::wounds(maps)),
        );
        let vascular =
            segmentation::find(LesionKind::Vascular, &surfaces.blood_excess, &maps.coarse, frozen.vascular);
        let shown = Self {
            surfaces,
            red,
            relief,
            light,
            texture,
            pores,
            wrinkles,
            scars,
            stretch_marks,
            papules,
            wounds,
            pigmented,
            vascular,
        };
        (shown, pit_noise)
    }

    /// The tone by which its melanin and blood were told apart: that of the
    /// baseline's skin, degrees of individual typology angle.
    pub fn ita_deg(&self) -> f64 {
        self.surfaces.maps.unmixing.ita_deg()
    }

    /// The coarse level.
    pub fn coarse(&self) -> &Level {
        &self.surfaces.maps.coarse
    }

    /// A map of the coarse level, as it is measured on.
    pub fn map(&self, which: Chromophore) -> &Plane {
        match which {
            Chromophore::Melanin => &self.surfaces.maps.melanin,
            Chromophore::Hemoglobin => &self.surfaces.maps.hemoglobin,
        }
    }

    /// Skin of the coarse level that is redder than its surroundings.
    pub fn red(&self) -> &Mask {
        &self.red
    }

    /// What was found that speaks against needling the skin.
    pub fn warnings(&self) -> Vec<Warning> {
        inflammation::warnings(self.papules.len(), self.wounds.len())
    }

    /// What lesions are followed by, without the planes that only metrics need.
    pub fn into_lesions(self) -> Lesions {
        let level = &self.surfaces.maps.coarse;
        let relief_excess = scar::relief_excess(&self.surfaces.maps);
        let discs = scar::discs(&self.scars, level);
        let scars = segmentation::from_pixels(LesionKind::Scar, &relief_excess, level, discs);
        Lesions {
            level: self.surfaces.maps.coarse,
            relief_excess,
            scars,
            pigment_excess: self.surfaces.pigment_excess,
            blood_excess: self.surfaces.blood_excess,
            pigmented: self.pigmented,
            vascular: self.vascular,
        }
    }

    /// The values of every metric in one region, in the catalogue's order.
    pub fn measure(&self, region: &Region, baseline_spots: &Mask) -> Vec<Measured> {
        let maps = &self.surfaces.maps;
        let centres: Vec<[f64; 2]> = self.pigmented.iter().map(|spot| spot.centre).collect();
        let pigment = Pigment {
            melanin: &maps.melanin,
            excess: &self.surfaces.pigment_excess,
            spots: &segmentation::mask_of(&self.pigmented, maps.coarse.skin.dim()),
            centres: &centres,
            baseline_spots,
        };
        let mut values = redness::measure(maps, &self.red, region);
        values.extend(pigmentation::measure(maps, &pigment, region));
        values.extend(texture::measure(&self.texture, region));
        values.extend(pores::measure(&self.relief, &self.pores, region));
        values.extend(wrinkles::measure(&self.relief, &self.wrinkles, region));
        values.extend(scars::measure(maps, self.light, &self.scars, region));
        values.extend(stretch_marks::measure(maps, &self.stretch_marks, region));
        values.extend(inflammation::measure(maps, &self.papules, region));
        values
    }
}

impl Frozen {
    /// The cells of a photo that show a place that was a spot at the baseline.
    pub fn spots_in(&self, transform: &Transform, skin: canvas::Skin) -> Mask {
        canvas::carried(&self.spots, self.factor, transform, skin)
    }
}
