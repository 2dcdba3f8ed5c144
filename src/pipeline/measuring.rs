//! What one photo shows: its maps, what is found on them, its values.

use crate::alignment::Transform;
use crate::canvas;
use crate::color::Unmixing;
use crate::color::unmixing::leaks;
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
use crate::metrics::stretch_marks::{self, BandNoise, StretchMark};
use crate::metrics::texture::{self, Texture};
use crate::metrics::wrinkles::{self, Wrinkle};
use crate::metrics::{Maps, Measured, redness};
use crate::pipeline::frame::Frame;
use crate::quality;
use crate::raster::{Mask, Plane, cell_centre};
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
    /// How strong bands at random are on it; `None` where nothing shows them.
    band_noise: Option<BandNoise>,
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
    /// Standard error of a place's excess of melanin and of hemoglobin from compression.
    pub level_errors: [f64; 2],
    /// What passes from melanin into hemoglobin, and the other way round.
    leaks: [f64; 2],
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

    /// Standard error of the excess of a lesion of a kind that compression leaves.
    pub fn level_error(&self, kind: LesionKind) -> f64 {
        match kind {
            LesionKind::Pigmented => self.level_errors[0],
            LesionKind::Vascular => self.level_errors[1],
            LesionKind::Scar => 0.0,
        }
    }

    /// The excess that may pass for that of a kind, and the share of it that does.
    pub fn leak(&self, kind: LesionKind) -> Option<(&Plane, f64)> {
        match kind {
            LesionKind::Pigmented => Some((&self.blood_excess, self.leaks[1])),
            LesionKind::Vascular => Some((&self.pigment_excess, self.leaks[0])),
            LesionKind::Scar => None,
        }
    }
}

/// A photo's maps and what stands out on them.
struct Surfaces {
    maps: Maps,
    pigment_excess: Plane,
    blood_excess: Plane,
    /// Standard error of a place's excess of melanin and of hemoglobin from compression.
    level_errors: [f64; 2],
    /// What passes from melanin into hemoglobin, and the other way round.
    leaks: [f64; 2],
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
    let green = if sigma > LEAST_BLUR_PX { blurred(&green, sigma) } else { green };
    let density = frame.photo.densities(frame.levels.coarse);
    let plateaus = quality::plateaus(frame.photo.photo(), &frame.mask, frame.levels.coarse, scale);
    let maps = match frozen {
        Some(frozen) => Maps::under((width, height), fine, green, coarse, density, frozen.unmixing),
        None => Maps::new((width, height), fine, green, coarse, density),
    };
    Maps { plateaus, ..maps }
}

/// A density plane blurred as a lens does it: it adds up light, not density.
fn blurred(density: &Plane, sigma: f64) -> Plane {
    let mut light = density.clone();
    light.par_mapv_inplace(|density| (-density).exp());
    let mut blurred = gaussian(&light, sigma);
    blurred.par_mapv_inplace(|light| -light.ln());
    blurred
}

/// Individual typology angle of the darkest skin, degrees.
const DARKEST_ITA_DEG: f64 = -90.0;

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
        Self::above(maps, [(pigment_map, pigment_excess), (blood_map, blood_excess)])
    }

    /// What stands out on the maps of melanin and of blood.
    fn above(maps: Maps, [pigment, blood]: [(LesionMap, Plane); 2]) -> Self {
        let level_errors = [
            pigment.0.level_error(&maps, Chromophore::Melanin),
            blood.0.level_error(&maps, Chromophore::Hemoglobin),
        ];
        // Two channels tell the chromophores apart no better than three do on the darkest skin.
        let tone = |map| if map == LesionMap::RedGreen { DARKEST_ITA_DEG } else { maps.unmixing.ita_deg() };
        let leaks = [leaks(tone(blood.0))[0], leaks(tone(pigment.0))[1]];
        Self { maps, pigment_excess: pigment.1, blood_excess: blood.1, level_errors, leaks }
    }

    fn map(&self, which: Chromophore) -> &Plane {
        match which {
            Chromophore::Melanin => &self.maps.melanin,
            Chromophore::Hemoglobin => &self.maps.hemoglobin,
        }
    }

    fn pigmented(&self, map: LesionMap, thresholds: Thresholds) -> Vec<Spot> {
        let mut spots =
            segmentation::find(LesionKind::Pigmented, &self.pigment_excess, &self.maps.coarse, thresholds);
        let alone = |spot: &Spot| {
            segmentation::stands_alone(spot, &self.pigment_excess, &self.blood_excess, self.leaks[1])
        };
        spots.retain(|spot| map.confirms(&self.maps, spot) && alone(spot));
        spots
    }

    fn vascular(&self, thresholds: Thresholds) -> Vec<Spot> {
        let mut spots =
            segmentation::find(LesionKind::Vascular, &self.blood_excess, &self.maps.coarse, thresholds);
        spots.retain(|spot| {
            segmentation::stands_alone(spot, &self.blood_excess, &self.pigment_excess, self.leaks[0])
        });
        spots
    }
}

/// A photo looked at, before anything is told to be there.
pub struct Seen {
    surfaces: Surfaces,
    pigmented: Vec<Spot>,
    relief: Relief,
    dots: Vec<Blob>,
    lattice: Lattice,
}

impl Seen {
    /// The baseline, or a photo measured by itself, and what that fixes for
    /// the photos compared with it; `blur_mm` is what its maps were blurred by.
    pub fn of_baseline(maps: Maps, blur_mm: f64) -> (Self, Frozen) {
        let relief = Relief::of(&maps);
        let (fixed, (clutter, dots, lattice, line_noise)) = rayon::join(
            || {
                rayon::join(
                    || LesionMap::of_baseline(&maps, Chromophore::Melanin, &maps.melanin),
                    || LesionMap::of_baseline(&maps, Chromophore::Hemoglobin, &maps.hemoglobin),
                )
            },
            || {
                let clutter = Clutter::of(&relief);
                let dots = pores::dots(&relief, &clutter);
                let lattice = Lattice::of(&relief, &dots);
                let line_noise = lattice.noise(&relief);
                (clutter, dots, lattice, line_noise)
            },
        );
        let (pigment, blood) = fixed;
        let (pigment_map, blood_map) = (pigment.0, blood.0);
        let (unmixing, factor) = (maps.unmixing, maps.coarse.factor);
        let surfaces = Surfaces::above(maps, [pigment, blood]);
        let level = &surfaces.maps.coarse;
        let [of_pigment, of_blood] = surfaces.level_errors;
        let (pigmented, vascular) = rayon::join(
            || Thresholds::from_baseline(&surfaces.pigment_excess, level),
            || Thresholds::from_baseline(&surfaces.blood_excess, level),
        );
        let pigmented = Thresholds { level_error: of_pigment, ..pigmented };
        let vascular = Thresholds { level_error: of_blood, ..vascular };
        let found = surfaces.pigmented(pigment_map, pigmented);
        let spots = segmentation::mask_of(&found, level.skin.dim());
        let pore_blur_mm2 = pores::blur_mm2(&surfaces.maps, &dots) + blur_mm * blur_mm;
        let light = relief::light(
            &relief,
            dots.iter().map(|dot| [dot.x, dot.y].map(|at| cell_centre(at, relief.factor))),
        );
        let (pit_noise, band_noise) = rayon::join(
            || scars::noise(&surfaces.maps, light, &dots),
            || stretch_marks::noise(&surfaces.maps),
        );
        let frozen = Frozen {
            unmixing,
            pigment_map,
            blood_map,
            pigmented,
            vascular,
            clutter,
            line_noise,
            pit_noise,
            band_noise,
            pore_blur_mm2,
            spots,
            factor,
        };
        (Self { surfaces, pigmented: found, relief, dots, lattice }, frozen)
    }

    /// A follow-up, under what the baseline fixed.
    pub fn under(maps: Maps, frozen: &Frozen) -> Self {
        let relief = Relief::of(&maps);
        let ((surfaces, pigmented), (dots, lattice)) = rayon::join(
            || {
                let surfaces = Surfaces::of(maps, frozen.pigment_map, frozen.blood_map);
                let pigmented = surfaces.pigmented(frozen.pigment_map, frozen.pigmented);
                (surfaces, pigmented)
            },
            || {
                let dots = pores::dots(&relief, &frozen.clutter);
                let lattice = Lattice::of(&relief, &dots);
                (dots, lattice)
            },
        );
        Self { surfaces, pigmented, relief, dots, lattice }
    }

    /// The coarse level.
    pub fn coarse(&self) -> &Level {
        &self.surfaces.maps.coarse
    }

    /// A map of the coarse level, as it is measured on.
    pub fn map(&self, which: Chromophore) -> &Plane {
        self.surfaces.map(which)
    }
}

impl Shown {
    /// What the baseline, or a photo measured by itself, shows, and what that
    /// fixes for the photos compared with it; `blur_mm` is what its maps were blurred by.
    pub fn at_baseline(maps: Maps, blur_mm: f64) -> (Self, Frozen) {
        let (seen, frozen) = Seen::of_baseline(maps, blur_mm);
        (Self::among(seen, &frozen), frozen)
    }

    /// What is to be told from a photo that was looked at.
    pub fn among(seen: Seen, frozen: &Frozen) -> Self {
        let Seen { surfaces, pigmented, relief, dots, lattice } = seen;
        let maps = &surfaces.maps;
        let red = redness::red(maps, &surfaces.blood_excess);
        let clutter = &frozen.clutter;
        let ((texture, lines), stretch_marks) = rayon::join(
            || rayon::join(|| Texture::of(&relief), || lattice.lines(&relief, &frozen.line_noise)),
            || stretch_marks::detect(maps, frozen.band_noise),
        );
        let wrinkles = wrinkles::among(&lines, &relief);
        let pores = pores::among(&dots, &relief, frozen.pore_blur_mm2);
        let light = relief::light(&relief, pores.iter().map(|pore| [pore.x_px, pore.y_px]));
        let (scars, (papules, wounds)) = rayon::join(
            || scars::detect(maps, light, &dots, frozen.pit_noise),
            || (inflammation::papules(maps, clutter, light), inflammation::wounds(maps)),
        );
        let vascular = surfaces.vascular(frozen.vascular);
        Self {
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
        }
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
        self.surfaces.map(which)
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
            level_errors: self.surfaces.level_errors,
            leaks: self.surfaces.leaks,
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
