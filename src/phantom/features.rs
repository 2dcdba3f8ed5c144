//! What skin carries: each feature knows how it shapes the skin at a point.

use super::patient::LesionKind;
use super::shape::{Curve, Outline};

/// Full width at half height of a Gaussian over its standard deviation.
const FWHM: f32 = 2.354_82;

/// Share of the microrelief that scarred skin lacks.
const SMOOTHNESS: f32 = 0.6;

/// What the skin is at one point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Skin {
    /// Height above the surroundings, mm.
    pub height: f32,
    /// Melanin relative to the skin's own.
    pub melanin: f32,
    /// Blood relative to the skin's own.
    pub blood: f32,
    /// Share of the light that reaches the point, `0..=1`: less in a pit.
    pub openness: f32,
    /// Share of the point that a hair hides, `0..=1`.
    pub hair: f32,
}

/// Something on the skin.
pub trait Feature: Sync {
    /// Its centre, mm.
    fn centre(&self) -> [f64; 2];
    /// The radius, mm, beyond which it does nothing.
    fn reach(&self) -> f64;
    /// Changes the skin at (`dx`, `dy`) mm from its centre, seen by pixels of `pixel` mm.
    fn shape(&self, dx: f32, dy: f32, pixel: f32, skin: &mut Skin);
}

/// An area with more or less pigment than the skin around it.
#[derive(Debug, Clone, PartialEq)]
pub struct Lesion {
    /// Its name in the truth, such as `pigmented-1`.
    pub id: String,
    /// Melanin or blood.
    pub kind: LesionKind,
    /// Its origin, mm.
    pub centre: [f64; 2],
    /// Where its edge runs.
    pub outline: Outline,
    /// Half width of its soft edge, mm.
    pub edge: f64,
    /// Excess pigment in the core as a multiple of the skin's own; 0 where there is no lesion.
    pub excess: f64,
}

impl Feature for Lesion {
    fn centre(&self) -> [f64; 2] {
        self.centre
    }

    fn reach(&self) -> f64 {
        if self.excess == 0.0 { 0.0 } else { self.outline.reach() + self.edge }
    }

    fn shape(&self, dx: f32, dy: f32, pixel: f32, skin: &mut Skin) {
        let edge = self.edge.hypot(0.7 * f64::from(pixel));
        let coverage = self.outline.coverage(f64::from(dx), f64::from(dy), edge);
        let factor = (1.0 + self.excess * coverage) as f32;
        match self.kind {
            LesionKind::Pigmented => skin.melanin *= factor,
            LesionKind::Vascular => skin.blood *= factor,
        }
    }
}

/// A pore: a small Gaussian pit.
#[derive(Debug, Clone, PartialEq)]
pub struct Pore {
    /// Its centre, mm.
    pub centre: [f64; 2],
    /// Full width at half depth, mm.
    pub diameter: f64,
    /// Depth, mm.
    pub depth: f64,
}

impl Feature for Pore {
    fn centre(&self) -> [f64; 2] {
        self.centre
    }

    fn reach(&self) -> f64 {
        1.6 * self.diameter
    }

    fn shape(&self, dx: f32, dy: f32, pixel: f32, skin: &mut Skin) {
        let variance = (self.diameter as f32 / FWHM).powi(2);
        // A pixel sees the mean over itself: wider and shallower.
        let seen = variance + 0.16 * pixel * pixel;
        let profile = variance / seen * (-0.5 * (dx * dx + dy * dy) / seen).exp();
        skin.height -= self.depth as f32 * profile;
        skin.openness *= 1.0 - PORE_SHADE * profile;
    }
}

/// How much light a pore's bottom lacks.
const PORE_SHADE: f32 = 0.3;

/// A wrinkle: a valley along a curve.
#[derive(Debug, Clone, PartialEq)]
pub struct Wrinkle {
    /// Where it runs.
    pub curve: Curve,
    /// Full width at half depth in its middle, mm.
    pub width: f64,
    /// Depth in its middle, mm.
    pub depth: f64,
}

impl Feature for Wrinkle {
    fn centre(&self) -> [f64; 2] {
        self.curve.centre
    }

    fn reach(&self) -> f64 {
        self.curve.reach() + 2.0 * self.width
    }

    fn shape(&self, dx: f32, dy: f32, pixel: f32, skin: &mut Skin) {
        let (along, across) = self.curve.place(dx, dy);
        let taper = taper(along);
        let width = (self.width as f32).hypot(pixel);
        if taper == 0.0 || across.abs() > 2.0 * width {
            return;
        }
        let profile = taper * (-0.5 * (across * FWHM / width).powi(2)).exp();
        skin.height -= self.depth as f32 * profile;
        skin.openness *= 1.0 - (0.7 * self.depth / self.width).min(0.5) as f32 * profile;
    }
}

/// 1 in the middle of a curve, falling to 0 at its ends.
fn taper(along: f32) -> f32 {
    let t = (1.0 - along * along).max(0.0);
    t * (2.0 - t)
}

/// The shapes of atrophic acne scars (Jacob et al. 2001, *J. Am. Acad. Dermatol.* 45:109).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScarShape {
    /// Narrow and pointed, less than 2 mm wide.
    IcePick,
    /// Steep walls and a flat floor, 1.5 to 4 mm wide.
    Boxcar,
    /// A shallow trough, more than 4 mm wide.
    Rolling,
}

/// An atrophic scar.
#[derive(Debug, Clone, PartialEq)]
pub struct Scar {
    /// Its shape.
    pub shape: ScarShape,
    /// Its origin, mm.
    pub centre: [f64; 2],
    /// Where it lies half as deep as its centre (for an ice-pick, where it ends).
    pub outline: Outline,
    /// Depth, mm.
    pub depth: f64,
}

impl Scar {
    /// Depth relative to the centre's, and how much deeper than wide that is.
    fn profile(&self, q: f32) -> f32 {
        match self.shape {
            ScarShape::IcePick => (1.0 - q).max(0.0) * (1.0 - (-6.0 * (1.0 - q).max(0.0)).exp()),
            ScarShape::Boxcar => (-std::f32::consts::LN_2 * q.powi(8)).exp(),
            ScarShape::Rolling => (-std::f32::consts::LN_2 * q * q).exp(),
        }
    }
}

impl Feature for Scar {
    fn centre(&self) -> [f64; 2] {
        self.centre
    }

    fn reach(&self) -> f64 {
        self.outline.reach() * if self.shape == ScarShape::Rolling { 2.8 } else { 1.4 }
    }

    fn shape(&self, dx: f32, dy: f32, _pixel: f32, skin: &mut Skin) {
        let distance = dx.hypot(dy).max(1e-6);
        let radius = self.outline.radius_towards(f64::from(dx / distance), f64::from(dy / distance));
        let profile = self.profile(distance / radius as f32);
        skin.height *= 1.0 - SMOOTHNESS * profile;
        skin.height -= self.depth as f32 * profile;
        let narrow = (0.35 * self.depth / self.outline.radius).min(0.5) as f32;
        skin.openness *= 1.0 - narrow * profile;
    }
}

/// A papule: a red dome.
#[derive(Debug, Clone, PartialEq)]
pub struct Papule {
    /// Its centre, mm.
    pub centre: [f64; 2],
    /// Radius at half height, mm.
    pub radius: f64,
    /// Height, mm.
    pub height: f64,
    /// Excess blood at its top as a multiple of the skin's own.
    pub excess: f64,
}

impl Feature for Papule {
    fn centre(&self) -> [f64; 2] {
        self.centre
    }

    fn reach(&self) -> f64 {
        4.0 * self.radius
    }

    fn shape(&self, dx: f32, dy: f32, _pixel: f32, skin: &mut Skin) {
        let q = (dx * dx + dy * dy) / (self.radius * self.radius) as f32;
        skin.height += self.height as f32 * (-std::f32::consts::LN_2 * q).exp();
        skin.blood *= 1.0 + self.excess as f32 * (-0.35 * q).exp();
    }
}

/// A stretch mark: a long smooth band, red when young, pale when old.
#[derive(Debug, Clone, PartialEq)]
pub struct StretchMark {
    /// Where it runs.
    pub curve: Curve,
    /// Width, mm.
    pub width: f64,
    /// Excess blood as a multiple of the skin's own.
    pub blood: f64,
    /// Excess melanin as a multiple of the skin's own (negative: pale).
    pub melanin: f64,
    /// Depth, mm.
    pub depth: f64,
}

impl Feature for StretchMark {
    fn centre(&self) -> [f64; 2] {
        self.curve.centre
    }

    fn reach(&self) -> f64 {
        self.curve.reach() + self.width
    }

    fn shape(&self, dx: f32, dy: f32, _pixel: f32, skin: &mut Skin) {
        let (along, across) = self.curve.place(dx, dy);
        let q = 2.0 * across / self.width as f32;
        let profile = taper(along) * (-std::f32::consts::LN_2 * q.powi(4)).exp();
        skin.blood *= 1.0 + self.blood as f32 * profile;
        skin.melanin *= 1.0 + self.melanin as f32 * profile;
        skin.height *= 1.0 - SMOOTHNESS * profile;
        skin.height -= self.depth as f32 * profile;
    }
}

/// A hair that lies on the skin.
#[derive(Debug, Clone, PartialEq)]
pub struct Hair {
    /// Where it lies.
    pub curve: Curve,
    /// Thickness, mm.
    pub width: f64,
}

impl Feature for Hair {
    fn centre(&self) -> [f64; 2] {
        self.curve.centre
    }

    fn reach(&self) -> f64 {
        self.curve.reach() + self.width
    }

    fn shape(&self, dx: f32, dy: f32, pixel: f32, skin: &mut Skin) {
        let (along, across) = self.curve.place(dx, dy);
        if along.abs() > 1.0 {
            return;
        }
        let width = self.width as f32 * (1.0 - 0.6 * (0.5 + 0.5 * along).powi(3));
        // The part of a pixel-wide window that the hair covers.
        let half = 0.5 * pixel;
        let covered = (across + half).min(0.5 * width) - (across - half).max(-0.5 * width);
        skin.hair = skin.hair.max((covered / pixel).clamp(0.0, 1.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phantom::noise::stream;

    const PLAIN: Skin = Skin { height: 0.0, melanin: 1.0, blood: 1.0, openness: 1.0, hair: 0.0 };

    fn at(feature: &dyn Feature, dx: f32, dy: f32) -> Skin {
        let mut skin = PLAIN;
        feature.shape(dx, dy, 0.01, &mut skin);
        skin
    }

    #[test]
    fn a_pore_is_half_as_deep_at_half_its_diameter() {
        let pore = Pore { centre: [0.0; 2], diameter: 0.4, depth: 0.1 };
        let ratio = at(&pore, 0.2, 0.0).height / at(&pore, 0.0, 0.0).height;
        assert!((ratio - 0.5).abs() < 2e-3, "{ratio}");
        assert!(at(&pore, 0.65, 0.0).height > -1e-4);
    }

    #[test]
    fn a_lesion_adds_its_excess_in_the_core_and_nothing_beyond_its_reach() {
        let lesion = Lesion {
            id: String::new(),
            kind: LesionKind::Pigmented,
            centre: [0.0; 2],
            outline: Outline::disc(1.0),
            edge: 0.2,
            excess: 1.5,
        };
        assert!((at(&lesion, 0.5, 0.0).melanin - 2.5).abs() < 1e-6);
        assert!((at(&lesion, 0.0, 1.0).melanin - 1.75).abs() < 0.02);
        assert_eq!(at(&lesion, 1.25, 0.0), PLAIN);
    }

    #[test]
    fn scars_are_as_deep_as_said_and_flat_outside() {
        for shape in [ScarShape::IcePick, ScarShape::Boxcar, ScarShape::Rolling] {
            let scar = Scar { shape, centre: [0.0; 2], outline: Outline::disc(1.0), depth: 0.2 };
            assert!((at(&scar, 0.0, 0.0).height + 0.2).abs() < 1e-3, "{shape:?}");
            assert!(at(&scar, scar.reach() as f32, 0.0).height > -0.002, "{shape:?}");
        }
    }

    #[test]
    fn a_hair_hides_a_pixel_by_the_part_it_covers() {
        let curve = Curve::new([0.0; 2], 10.0, 0.0, 0.0, &mut stream(1, &[]));
        let hair = Hair { curve, width: 0.08 };
        let mut skin = PLAIN;
        hair.shape(-4.9, 0.0, 0.16, &mut skin);
        assert!((skin.hair - 0.5).abs() < 0.01, "{}", skin.hair);
    }
}
