//! A photo looked at: its maps, and what stands out on them before anything is
//! told to be there.

use crate::alignment::Transform;
use crate::canvas;
use crate::color::Unmixing;
use crate::color::unmixing::leaks;
use crate::filter::blobs::Blob;
use crate::filter::gaussian::lens_blur;
use crate::lesion::tint::{Rise, Tint};
use crate::lesion::{
    self, Chromophore, LesionKind, LesionMap, Matched, Spot, Thresholds, pigment, segmentation,
};
use crate::metrics::Maps;
use crate::metrics::lines::{Lattice, LineNoise};
use crate::metrics::maps::Level;
use crate::metrics::pits::{PitNoise, PlainSkin};
use crate::metrics::pores;
use crate::metrics::relief::{self, Clutter, Green, Light, Relief};
use crate::metrics::scars;
use crate::metrics::stretch_marks::{self, BandNoise};
use crate::metrics::texture::Texture;
use crate::pipeline::frame::Frame;
use crate::quality;
use crate::raster::{self, Plane, cell_centre};

/// A photo's maps and what stands out on them.
pub(super) struct Surfaces {
    pub maps: Maps,
    pub pigment_excess: Plane,
    pub blood_excess: Plane,
    /// The coarse level, its skin without wide pale marks.
    plain: Level,
    /// Standard error of a place's excess of melanin and of hemoglobin from compression.
    pub level_errors: [f64; 2],
    /// What passes from melanin into hemoglobin, and the other way round.
    pub leaks: [f64; 2],
}

/// The maps of a photo without its [`green`] density; unmixed as the baseline
/// was, if there is one.
pub fn colours(frame: &Frame, baseline: Option<Unmixing>) -> Maps {
    let ((width, height), scale) = (frame.size(), frame.scale);
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
    let (density, plateaus) = rayon::join(
        || frame.photo.densities(frame.levels.coarse),
        || quality::plateaus(frame.photo.photo(), &frame.mask, frame.levels.coarse, scale),
    );
    let green = Plane::zeros((0, 0));
    let maps = match baseline {
        Some(unmixing) => Maps::under((width, height), fine, green, coarse, density, unmixing),
        None => Maps::new((width, height), fine, green, coarse, density),
    };
    Maps { plateaus, ..maps }
}

/// The green density of a photo on its fine level, blurred by `blur_mm` to
/// equal the coarsest photo of its series.
pub fn green(frame: &Frame, blur_mm: f64) -> Green {
    let factor = frame.levels.fine;
    let density = frame.photo.density(1, factor);
    let (width, height) = raster::size(&density);
    let seen = frame.skin.seen_at(factor, width, height);
    let sigma = frame.scale.reduced(factor).px(blur_mm);
    Green { density: if sigma > LEAST_BLUR_PX { blurred(density, sigma) } else { density }, seen }
}

/// A density plane blurred as a lens does it: it adds up light, not density.
fn blurred(mut density: Plane, sigma: f64) -> Plane {
    density.par_mapv_inplace(|density| (-density).exp());
    let mut blurred = lens_blur(&density, sigma);
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
        let plain = lesion::without_pale_marks(&pigment.1, &maps.coarse);
        Self { maps, pigment_excess: pigment.1, blood_excess: blood.1, plain, level_errors, leaks }
    }

    pub fn map(&self, which: Chromophore) -> &Plane {
        match which {
            Chromophore::Melanin => &self.maps.melanin,
            Chromophore::Hemoglobin => &self.maps.hemoglobin,
        }
    }

    /// Pigmented spots: those that are clear, and faint ones between them; of the `tint` of their
    /// baseline, or of that which the clear ones show.
    fn pigmented(
        &self,
        thresholds: Thresholds,
        matched: Option<Matched>,
        tint: Option<&Tint>,
    ) -> (Vec<Spot>, Tint) {
        let (excess, level, plain) = (&self.pigment_excess, &self.maps.coarse, &self.plain.skin);
        let found = segmentation::find(LesionKind::Pigmented, excess, level, plain, thresholds);
        let found = pigment::confirmed(&self.maps, plain, found);
        let shown = || Tint::of_baseline(found.iter().map(|&(_, rise)| rise).collect());
        let tint = tint.cloned().unwrap_or_else(shown);
        let clear = self.of_pigment(found, &tint);
        let faint = matched.map_or(Vec::new(), |matched| matched.regions(&self.maps, &self.plain, &clear));
        if faint.is_empty() {
            return (clear, tint);
        }
        let all = segmentation::with_faint(&clear, faint, excess, (level, plain), thresholds.level_error);
        // What is clear has been told; that there are faint ones between takes nothing from it.
        let first = |spot: &Spot| (spot.pixels[0].1, spot.pixels[0].0);
        let is_clear = |spot: &Spot| clear.binary_search_by_key(&first(spot), first).is_ok();
        let mut spots = self.of_pigment(pigment::confirmed(&self.maps, plain, all), &tint);
        spots.retain(|spot| !is_clear(spot));
        spots.extend(clear);
        spots.sort_unstable_by_key(first);
        (spots, tint)
    }

    /// Those that are pigment of this `tint`, neither shading nor blood.
    fn of_pigment(&self, confirmed: Vec<(Spot, Rise)>, tint: &Tint) -> Vec<Spot> {
        let is_pigment = |spot: &Spot, rise| {
            tint.has(rise)
                && segmentation::stands_alone(spot, &self.pigment_excess, &self.blood_excess, self.leaks[1])
        };
        confirmed.into_iter().filter_map(|(spot, rise)| is_pigment(&spot, rise).then_some(spot)).collect()
    }

    pub fn vascular(&self, thresholds: Thresholds) -> Vec<Spot> {
        let level = &self.maps.coarse;
        let mut spots =
            segmentation::find(LesionKind::Vascular, &self.blood_excess, level, &level.skin, thresholds);
        spots.retain(|spot| {
            segmentation::stands_alone(spot, &self.blood_excess, &self.pigment_excess, self.leaks[0])
        });
        spots
    }
}

/// What the colours of a baseline, or of a photo measured by itself, show and fix.
pub struct Ground {
    surfaces: Surfaces,
    /// Pigmented spots.
    found: Vec<Spot>,
    fixed: FixedColours,
}

/// What the colours of a baseline fix for the whole series.
#[derive(Debug, Clone)]
pub(super) struct FixedColours {
    /// How densities are turned into melanin and hemoglobin.
    unmixing: Unmixing,
    pigment_map: LesionMap,
    blood_map: LesionMap,
    pigmented: Thresholds,
    pub(super) vascular: Thresholds,
    /// How faint pigment shows best.
    matched: Option<Matched>,
    tint: Tint,
    /// How strong bands at random are on it; `None` where nothing shows them.
    pub(super) band_noise: Option<BandNoise>,
}

impl Ground {
    /// The ground that a baseline's [`colours`] are.
    pub fn of(maps: Maps) -> Self {
        let ((pigment, blood), band_noise) = rayon::join(
            || {
                rayon::join(
                    || LesionMap::of_baseline(&maps, Chromophore::Melanin, &maps.melanin),
                    || LesionMap::of_baseline(&maps, Chromophore::Hemoglobin, &maps.hemoglobin),
                )
            },
            || stretch_marks::noise(&maps),
        );
        let (pigment_map, blood_map) = (pigment.0, blood.0);
        let surfaces = Surfaces::above(maps, [pigment, blood]);
        let (level, plain) = (&surfaces.maps.coarse, &surfaces.plain);
        let [of_pigment, of_blood] = surfaces.level_errors;
        let ((pigmented, vascular), matched) = rayon::join(
            || {
                rayon::join(
                    || Thresholds::from_baseline(LesionKind::Pigmented, &surfaces.pigment_excess, plain),
                    || Thresholds::from_baseline(LesionKind::Vascular, &surfaces.blood_excess, level),
                )
            },
            || Matched::of_baseline(&surfaces.maps, plain),
        );
        let pigmented = pigmented.over_rounding(of_pigment);
        let vascular = Thresholds { level_error: of_blood, ..vascular };
        let (found, tint) = surfaces.pigmented(pigmented, matched, None);
        let unmixing = surfaces.maps.unmixing;
        let fixed =
            FixedColours { unmixing, pigment_map, blood_map, pigmented, vascular, matched, tint, band_noise };
        Self { surfaces, found, fixed }
    }
}

/// What is fixed at the baseline and kept for the whole series.
#[derive(Debug, Clone)]
pub struct Frozen {
    pub(super) colours: FixedColours,
    /// How strongly its plain skin responds to filters of structure.
    pub(super) clutter: Clutter,
    /// How strong lines at random are on it.
    pub(super) line_noise: LineNoise,
    /// How uneven its plain skin is to those who look for pits; `None` where nothing shows them.
    pub(super) pit_noise: Option<PitNoise>,
    /// Variance, mm², that blur adds to the pictures of its pores.
    pub(super) pore_blur_mm2: f64,
    /// The contrast of the baseline's spot in each of its coarse cells, scars and papules that look
    /// like spots among them; 0 where none is.
    spots: Plane,
    /// Native baseline pixels per coarse cell.
    factor: usize,
}

impl Frozen {
    /// How densities are turned into melanin and hemoglobin.
    pub fn unmixing(&self) -> Unmixing {
        self.colours.unmixing
    }

    /// The contrast that the place each cell of a photo shows had as a spot at
    /// the baseline; 0 where none was.
    pub fn spots_in(&self, transform: &Transform, skin: canvas::Skin) -> Plane {
        canvas::carried(&self.spots, self.factor, transform, skin)
    }
}

/// A photo looked at, before anything is told to be there.
pub struct Seen {
    pub(super) surfaces: Surfaces,
    pub(super) pigmented: Vec<Spot>,
    /// Without its rungs.
    pub(super) relief: Relief,
    pub(super) texture: Texture,
    pub(super) light: Option<Light>,
    pub(super) dots: Vec<Blob>,
    pub(super) lattice: Lattice,
    /// Where scars are sought; `None` where nothing shows them.
    pub(super) plain_skin: Option<PlainSkin>,
}

impl Seen {
    /// The baseline, or a photo measured by itself, and what that fixes for
    /// the photos compared with it; `blur_mm` is what its [`green`] was blurred by.
    pub fn of_baseline(ground: Ground, green: Green, blur_mm: f64) -> (Self, Frozen) {
        let Ground { surfaces, found, fixed } = ground;
        let maps = &surfaces.maps;
        let relief = Relief::of_green(green, &maps.fine);
        let clutter = Clutter::of(&relief);
        let dots = pores::dots(&relief, &clutter);
        let light = light(&relief, &dots);
        let spots = segmentation::contrasts(&found, maps.coarse.skin.dim());
        let ((texture, (lattice, line_noise)), (plain_skin, pore_blur_mm2)) = rayon::join(
            || {
                rayon::join(
                    || Texture::of(&relief),
                    || {
                        let lattice = Lattice::of(&relief, &dots);
                        let noise = lattice.noise(&relief);
                        (lattice, noise)
                    },
                )
            },
            || {
                rayon::join(
                    || scars::plain_skin(maps, light, &dots, None),
                    || pores::blur_mm2(maps, &dots) + blur_mm * blur_mm,
                )
            },
        );
        let frozen = Frozen {
            colours: fixed,
            clutter,
            line_noise,
            pit_noise: plain_skin.as_ref().map(PlainSkin::noise),
            pore_blur_mm2,
            spots,
            factor: maps.coarse.factor,
        };
        let relief = relief.without_rungs();
        (Self { surfaces, pigmented: found, relief, texture, light, dots, lattice, plain_skin }, frozen)
    }

    /// A follow-up of these [`colours`] and this [`green`], under what the baseline fixed.
    pub fn under(maps: Maps, green: Green, frozen: &Frozen) -> Self {
        let fine = maps.fine.clone();
        let ((surfaces, pigmented), (relief, dots, texture, lattice)) = rayon::join(
            || {
                let fixed = &frozen.colours;
                let surfaces = Surfaces::of(maps, fixed.pigment_map, fixed.blood_map);
                let (pigmented, _) = surfaces.pigmented(fixed.pigmented, fixed.matched, Some(&fixed.tint));
                (surfaces, pigmented)
            },
            || {
                let relief = Relief::of_green(green, &fine);
                let dots = pores::dots(&relief, &frozen.clutter);
                let (texture, lattice) = rayon::join(|| Texture::of(&relief), || Lattice::of(&relief, &dots));
                (relief, dots, texture, lattice)
            },
        );
        let light = light(&relief, &dots);
        let plain_skin = scars::plain_skin(&surfaces.maps, light, &dots, frozen.pit_noise);
        let relief = relief.without_rungs();
        Self { surfaces, pigmented, relief, texture, light, dots, lattice, plain_skin }
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

/// Where the light comes from, as the dots of the fine plane show it.
fn light(relief: &Relief, dots: &[Blob]) -> Option<Light> {
    let native = |dot: &Blob| [dot.x, dot.y].map(|at| cell_centre(at, relief.factor));
    relief::light(relief, dots.iter().map(native))
}
