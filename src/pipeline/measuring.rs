//! What one photo shows: what is found on its maps, and its values.

use crate::error::Warning;
use crate::lesion::walls::off_walls;
use crate::lesion::{Chromophore, LesionKind, Spot, scar, segmentation};
use crate::metrics::inflammation::{self, RedSpot};
use crate::metrics::maps::Level;
use crate::metrics::pigmentation::{self, Pigment};
use crate::metrics::pores::{self, Pore};
use crate::metrics::relief::{Light, Relief};
use crate::metrics::scars::{self, Scar};
use crate::metrics::stretch_marks::{self, StretchMark};
use crate::metrics::texture::{self, Texture};
use crate::metrics::wrinkles::{self, Wrinkle};
use crate::metrics::{Measured, redness};
use crate::pipeline::frame::Frame;
use crate::pipeline::looking::{Frozen, Ground, Seen, Surfaces, colours, green};
use crate::pipeline::telling::{apart, off_furrows, off_hairs, off_pores, off_scars, rimmed};
use crate::raster::{Mask, Plane};
use crate::region::Region;

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
    /// How much darker the skin gets towards the light; `None` where nothing shows scars.
    slope: Option<Plane>,
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
    slope: Option<Plane>,
    pigmented: Vec<Spot>,
    vascular: Vec<Spot>,
    scars: Vec<Spot>,
    /// Standard error of a place's excess of melanin and of hemoglobin from compression.
    pub level_errors: [f64; 2],
    /// What passes from melanin into hemoglobin, and the other way round.
    leaks: [f64; 2],
}

impl Lesions {
    /// The lesions of a kind, and the excess that they are measured on; `None`
    /// where the light shows none of them.
    pub fn of(&self, kind: LesionKind) -> Option<(&[Spot], &Plane)> {
        match kind {
            LesionKind::Pigmented => Some((&self.pigmented, &self.pigment_excess)),
            LesionKind::Vascular => Some((&self.vascular, &self.blood_excess)),
            LesionKind::Scar => Some((&self.scars, self.slope.as_ref()?)),
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

impl Shown {
    /// What a photo measured by itself shows, and what it would fix as a baseline.
    pub fn alone(frame: &Frame) -> (Self, Frozen) {
        let ground = Ground::of(colours(frame, None));
        let (seen, frozen) = Seen::of_baseline(ground, green(frame, 0.0), 0.0);
        (Self::among(seen, &frozen), frozen)
    }

    /// What is to be told from a photo that was looked at.
    pub fn among(seen: Seen, frozen: &Frozen) -> Self {
        let Seen { surfaces, pigmented, relief, texture, light, dots, lattice, plain_skin } = seen;
        let maps = &surfaces.maps;
        let relief_shown = || {
            rayon::join(
                || lattice.lines(&relief, &frozen.line_noise),
                || {
                    let skin = plain_skin?;
                    let scars = scars::detect(&skin, &maps.coarse, frozen.pit_noise);
                    Some((scars, skin.into_shading()))
                },
            )
        };
        let colour_shown = || {
            rayon::join(
                || stretch_marks::detect(maps, frozen.colours.band_noise),
                || {
                    let papules = inflammation::papules(maps, &frozen.clutter, light);
                    let red = redness::red(maps, &surfaces.blood_excess);
                    (red, papules, inflammation::wounds(maps), surfaces.vascular(frozen.colours.vascular))
                },
            )
        };
        let ((lines, pits), (stretch_marks, (red, papules, wounds, vascular))) =
            rayon::join(relief_shown, colour_shown);
        let (scars, shading) = pits.map_or((Vec::new(), None), |(scars, shading)| (scars, Some(shading)));
        let mut pigmented = off_scars(pigmented, &scars);
        if let Some(shading) = &shading {
            pigmented = off_walls(pigmented, shading, &maps.coarse);
        }
        let slope = shading.map(|shading| shading.slope);
        let (papules, pigmented) = apart(papules, pigmented, maps.coarse.skin.dim(), maps.coarse.factor);
        let pores = pores::among(&dots, &relief, frozen.pore_blur_mm2);
        let px_per_mm = relief.native_px_per_mm();
        let pigmented = off_pores(pigmented, &pores, px_per_mm);
        let discs = rimmed(&papules, &scars, &pigmented);
        let (wrinkles, hairs) = wrinkles::among(lines, maps, &relief, light, &discs);
        let pigmented = off_hairs(pigmented, &hairs, px_per_mm);
        let furrows = wrinkles.iter().map(|wrinkle| wrinkle.points.as_slice());
        let stretch_marks = off_furrows(stretch_marks, furrows, px_per_mm);
        Self {
            surfaces,
            red,
            relief,
            light,
            texture,
            pores,
            wrinkles,
            scars,
            slope,
            stretch_marks,
            papules,
            wounds,
            pigmented,
            vascular,
        }
    }

    /// The same without places where the baseline has spots (their contrast in
    /// cells of this photo) in its texture: the same places in every session, so
    /// that a spot that fades or is missed does not look like texture that changes.
    pub fn without_spots(mut self, baseline_spots: &Plane) -> Self {
        let places = baseline_spots.mapv(|contrast| contrast > 0.0);
        self.texture.leave_out_spots(&places, &self.surfaces.maps.coarse);
        self
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
        let discs = scar::discs(&self.scars, level);
        let scars =
            self.slope.as_ref().map_or(Vec::new(), |slope| segmentation::of_scars(slope, level, discs));
        Lesions {
            level: self.surfaces.maps.coarse,
            slope: self.slope,
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
    pub fn measure(&self, region: &Region, baseline_spots: &Plane) -> Vec<Measured> {
        let maps = &self.surfaces.maps;
        let centres: Vec<[f64; 2]> = self.pigmented.iter().map(|spot| spot.centre).collect();
        let pigment = Pigment {
            melanin: &maps.melanin,
            excess: &self.surfaces.pigment_excess,
            spots: &segmentation::mask_of(&self.pigmented, maps.coarse.skin.dim()),
            centres: &centres,
            baseline_spots,
        };
        let (texture, (redness, pigmentation)) = rayon::join(
            || texture::measure(&self.texture, region),
            || {
                rayon::join(
                    || redness::measure(maps, &self.red, region),
                    || pigmentation::measure(maps, &pigment, region),
                )
            },
        );
        let mut values = [redness, pigmentation, texture].concat();
        values.extend(pores::measure(&self.relief, &self.pores, region));
        values.extend(wrinkles::measure(&self.relief, &self.wrinkles, region));
        values.extend(scars::measure(maps, self.light, &self.scars, region));
        values.extend(stretch_marks::measure(maps, &self.stretch_marks, region));
        values.extend(inflammation::measure(maps, &self.papules, region));
        values
    }
}
