//! The plan of a synthetic patient: skin, visits, what changes, how it is photographed.
//!
//! Lengths are millimetres of skin unless said otherwise. A change is always
//! relative to the baseline skin, not to the visit before.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::optics::Tissue;

/// A synthetic patient: the same skin, photographed at several visits.
///
/// ```
/// let plan: dermalapse::phantom::PatientPlan = toml::from_str("tone = 0.12\n[skin]\nspots_per_cm2 = 0.5").unwrap();
/// assert_eq!(plan.skin.spots_per_cm2, 0.5);
/// assert_eq!(plan.sessions.len(), 3);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PatientPlan {
    /// Pseudonym. Default: `phantom`.
    pub patient: String,
    /// What the photos show; every view is another piece of skin. Default: `["cheek_left"]`.
    pub views: Vec<String>,
    /// The visits in order of time; the first is the baseline. Default: the
    /// visits of the preset `improving`.
    pub sessions: Vec<SessionPlan>,
    /// Width of a photo, pixels. Default: 800. Range: `16..=20000`.
    pub width: u32,
    /// Height of a photo, pixels. Default: 600. Range: `16..=20000`.
    pub height: u32,
    /// Scale of the baseline photo, pixels per millimetre. Default: 20. Range: `1..=200`.
    pub px_per_mm: f64,
    /// Melanosome fraction of the epidermis. Default: 0.015. Range:
    /// `0.003..=0.3`. With the default tissue and blood the individual
    /// typology angle is 52° at 0.008, 39° at 0.02, 12° at 0.05, −20° at 0.12
    /// and −36° at 0.2; beyond 0.25 the photo's blue is black.
    pub tone: f64,
    /// Blood fraction of the dermis. Default: 0.006. Range: `0.0005..=0.05`.
    pub blood: f64,
    /// Seed of everything random. Default: 1.
    pub seed: u64,
    /// What the tissue is made of.
    pub tissue: TissuePlan,
    /// What the skin carries.
    pub skin: SkinPlan,
}

/// Optical make-up of the tissue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TissuePlan {
    /// Exponent of the absorption of melanin over wavelength. Default: 3.1. Range: `3.0..=3.6`.
    pub melanin_exponent: f64,
    /// Thickness of the epidermis, µm. Default: 80. Range: `60..=100`.
    pub epidermis_um: f64,
    /// Fraction of haemoglobin that carries oxygen. Default: 0.75. Range: `0..=1`.
    pub oxygenation: f64,
}

/// What the skin carries at baseline. Densities are numbers per cm² of skin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SkinPlan {
    /// Pigmented spots per cm². Default: 1.0. Range: `0..=20`.
    pub spots_per_cm2: f64,
    /// Median radius of spots, mm (log-normal, σ 0.4). Default: 1.2. Range: `0.2..=10`.
    pub spot_radius_mm: f64,
    /// Median half width of the soft edge of spots, mm (log-normal, σ 0.3). Default: 0.3. Range: `0..=3`.
    pub spot_edge_mm: f64,
    /// Median excess of melanin in a spot's core, as a multiple of the skin's
    /// own at tone 0.015 (log-normal, σ 0.4); darker skin gains relatively
    /// less, by the square root. Default: 1.6. Range: `-0.9..=20`.
    pub spot_excess: f64,
    /// Red patches (post-inflammatory erythema) per cm². Default: 0.3. Range: `0..=10`.
    pub patches_per_cm2: f64,
    /// Median radius of red patches, mm (log-normal, σ 0.3). Default: 2.2. Range: `0.2..=20`.
    pub patch_radius_mm: f64,
    /// Median excess of blood in a patch's core, as a multiple of the skin's
    /// own (log-normal, σ 0.3). Default: 1.0. Range: `-0.9..=20`.
    pub patch_excess: f64,
    /// Spots and patches placed by hand, besides the random ones. Default: none.
    pub placed: Vec<PlacedLesion>,
    /// Pores per cm², of all sizes. Default: 50. Range: `0..=400`.
    pub pores_per_cm2: f64,
    /// Median diameter of pores, µm: full width at half depth (log-normal, σ
    /// 0.3). Default: 220. Range: `50..=1500`.
    pub pore_diameter_um: f64,
    /// Wrinkles per cm². Default: 0.25. Range: `0..=5`.
    pub wrinkles_per_cm2: f64,
    /// Median depth of wrinkles, mm (log-normal, σ 0.35). Default: 0.07. Range: `0..=0.5`.
    pub wrinkle_depth_mm: f64,
    /// Direction in which wrinkles run, degrees from the photo's x axis
    /// towards its top (± 8°). Default: 20. Range: `-180..=180`.
    pub wrinkle_direction_deg: f64,
    /// Atrophic scars per cm²: ice-pick, boxcar and rolling in turn.
    /// Default: 0.25. Range: `0..=5`.
    pub scars_per_cm2: f64,
    /// Depth of scars as a multiple of what is usual for their kind
    /// (ice-pick 0.35 mm, boxcar 0.2 mm, rolling 0.18 mm). Default: 1. Range: `0..=3`.
    pub scar_depth: f64,
    /// Papules (active acne) per cm². Default: 0. Range: `0..=5`.
    pub papules_per_cm2: f64,
    /// Stretch marks per cm², half of them red. Default: 0. Range: `0..=2`.
    pub stretch_marks_per_cm2: f64,
    /// Height of the microrelief (the net of fine furrows), mm. Default: 0.04. Range: `0..=0.2`.
    pub relief_mm: f64,
    /// Uneven tone: relative standard deviation of melanin over millimetres;
    /// blood varies twice as much. Default: 0.06. Range: `0..=0.5`.
    pub mottling: f64,
}

/// Whether a lesion is made of melanin or of blood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LesionKind {
    /// Excess melanin: freckle, lentigo, post-inflammatory hyperpigmentation.
    Pigmented,
    /// Excess blood: post-inflammatory erythema.
    Vascular,
}

/// A round lesion placed by hand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlacedLesion {
    /// What it is made of.
    pub kind: LesionKind,
    /// Its centre in mm from the centre of the baseline photo, x right, y down.
    pub centre_mm: [f64; 2],
    /// Its radius, mm, greater than 0.
    pub radius_mm: f64,
    /// Half width of its soft edge, mm, 0 or more.
    pub edge_mm: f64,
    /// Excess of its pigment in the core, as a multiple of the skin's own; above −1.
    pub excess: f64,
}

/// One visit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SessionPlan {
    /// Its date, ISO 8601. Default: `2026-01-10`.
    pub date: String,
    /// Days since the baseline. Default: 0.
    pub day: i32,
    /// Whether the patient was treated at the end of this visit. Default: false.
    pub treated: bool,
    /// Photos of each view. Default: 1. Range: `1..=20`.
    pub shots: u32,
    /// How the skin differs from its baseline.
    pub change: ChangePlan,
    /// How the camera is held and what it does.
    pub camera: CameraPlan,
    /// How the skin is lit.
    pub light: LightPlan,
    /// A colour card that lies in the photo. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card: Option<CardPlan>,
}

/// A ColorChecker Classic 24 that lies flat in the photo and hides what is under it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CardPlan {
    /// Its centre, shares of the photo's width and height. Default: `[0.8, 0.8]`. Range: `0..=1`.
    pub centre: [f64; 2],
    /// Its width, a share of the photo's. Default: 0.35. Range: `0.05..=1`.
    pub width: f64,
    /// Its turn, degrees from x towards y (clockwise as seen). Default: 0. Range: `-360..=360`.
    pub rotation_deg: f64,
    /// Year in which it was made; its colours changed for 2015. Default: 2015. Range: `1976..=2100`.
    pub year: u32,
}

/// How the skin differs from its baseline. All 0 is no change; a negative
/// fraction is a change for the worse.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ChangePlan {
    /// Fraction of the spots' excess melanin that is gone. Default: 0. Range: `-1..=1`.
    pub spot_fading: f64,
    /// Fraction of the spots' radius that is gone. Default: 0. Range: `-1..=0.9`.
    pub spot_shrinking: f64,
    /// Fraction of the patches' and papules' excess blood that is gone. Default: 0. Range: `-1..=1`.
    pub redness_fading: f64,
    /// Relative change of the blood of all skin (a flush). Default: 0. Range: `-0.9..=4`.
    pub flush: f64,
    /// Relative change of the melanin of all skin (a tan). Default: 0. Range: `-0.9..=4`.
    pub tan: f64,
    /// Fraction of the scars' depth that is gone. Default: 0. Range: `-1..=1`.
    pub scar_filling: f64,
    /// Fraction of the wrinkles' depth that is gone. Default: 0. Range: `-1..=1`.
    pub wrinkle_smoothing: f64,
    /// Fraction of the pores' diameter and depth that is gone. Default: 0. Range: `-1..=0.9`.
    pub pore_tightening: f64,
    /// Fraction of the microrelief's height that is gone. Default: 0. Range: `-2..=1`.
    pub relief_smoothing: f64,
    /// Fraction of the papules' height that is gone. Default: 0. Range: `-1..=1`.
    pub papule_healing: f64,
    /// Spots that the baseline did not have. Default: 0.
    pub new_spots: u32,
    /// Spots of the baseline, away from the photo's border, that are gone. Default: 0.
    pub resolved_spots: u32,
}

/// How the camera is held and what it does to the picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CameraPlan {
    /// Turn of the skin in the photo, degrees from x towards y (clockwise as
    /// seen). Default: 0. Range: `-180..=180`.
    pub rotation_deg: f64,
    /// Size of the skin in the photo relative to the plan's scale. Default: 1. Range: `0.25..=4`.
    pub magnification: f64,
    /// Where the centre of the baseline photo's skin lies, mm of skin from
    /// this photo's centre, x right, y down. Default: `[0, 0]`.
    pub shift_mm: [f64; 2],
    /// Perspective: relative loss of magnification from the photo's centre to
    /// its right and lower edge. Default: `[0, 0]`. Range: `-0.3..=0.3`.
    pub tilt: [f64; 2],
    /// Smooth local deformation of the skin (expression, pressure), root mean
    /// square, mm; its waves are about as long as the photo, and at least a
    /// hundred times as long as this. Default: 0. Range: `0..=5`.
    pub elastic_mm: f64,
    /// How far repeated shots of a visit are moved: standard deviation of the
    /// shift, mm; they also turn by 1° and grow by 1 % per mm. Default: 0.5. Range: `0..=10`.
    pub reposition_mm: f64,
    /// Blur of lens and focus, standard deviation in pixels. Default: 0.8. Range: `0..=20`.
    pub blur_px: f64,
    /// Photon noise: standard deviation at white, linear; falls with the
    /// square root of the light. Default: 0.006. Range: `0..=0.2`.
    pub photon_noise: f64,
    /// Noise in the dark: standard deviation, linear. Default: 0.0006. Range: `0..=0.1`.
    pub read_noise: f64,
    /// Quality at which the photo should be compressed as JPEG. Default: 92. Range: `1..=100`.
    pub jpeg_quality: u8,
}

/// How the skin is lit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LightPlan {
    /// Linear gain. Default: 1.25. Range: `0.02..=20`.
    pub exposure: f64,
    /// Gain of red and of blue relative to green that white balance left. Default: `[1, 1]`.
    /// Range: `0.3..=3`.
    pub white_balance: [f64; 2],
    /// Natural logarithm of the illumination at the photo's edge that the
    /// light comes from over that at its centre. Default: 0.06. Range: `-1..=1`.
    pub gradient: f64,
    /// Where the light comes from, degrees from the photo's x axis towards its
    /// top: 0 right, 90 top. Default: 110. Range: `-360..=360`.
    pub azimuth_deg: f64,
    /// Height of the light above the skin, degrees: 90 is frontal (a flash).
    /// Default: 50. Range: `15..=90`.
    pub elevation_deg: f64,
    /// Share of the light that comes from all around. Default: 0.35. Range: `0..=1`.
    pub ambient: f64,
    /// Light scattered at the surface without entering, linear. Default: 0.012. Range: `0..=0.1`.
    pub haze: f64,
    /// Strength of highlights on plain skin, linear. Default: 0.02. Range: `0..=0.5`.
    pub shine: f64,
    /// Oily patches with strong highlights, as a share of the skin. Default: 0. Range: `0..=1`.
    pub glare: f64,
    /// Dark hairs that lie across the photo, other ones at each visit. Default: 0. Range: `0..=500`.
    pub hairs: u32,
}

impl Default for TissuePlan {
    fn default() -> Self {
        Self { melanin_exponent: 3.1, epidermis_um: 80.0, oxygenation: 0.75 }
    }
}

impl From<&TissuePlan> for Tissue {
    fn from(plan: &TissuePlan) -> Self {
        Self {
            melanin_exponent: plan.melanin_exponent,
            epidermis_um: plan.epidermis_um,
            oxygenation: plan.oxygenation,
        }
    }
}

impl Default for SkinPlan {
    fn default() -> Self {
        Self {
            spots_per_cm2: 1.0,
            spot_radius_mm: 1.2,
            spot_edge_mm: 0.3,
            spot_excess: 1.6,
            patches_per_cm2: 0.3,
            patch_radius_mm: 2.2,
            patch_excess: 1.0,
            placed: Vec::new(),
            pores_per_cm2: 50.0,
            pore_diameter_um: 220.0,
            wrinkles_per_cm2: 0.25,
            wrinkle_depth_mm: 0.07,
            wrinkle_direction_deg: 20.0,
            scars_per_cm2: 0.25,
            scar_depth: 1.0,
            papules_per_cm2: 0.0,
            stretch_marks_per_cm2: 0.0,
            relief_mm: 0.04,
            mottling: 0.06,
        }
    }
}

impl SkinPlan {
    /// Even, flat skin that carries nothing.
    pub fn bare() -> Self {
        Self {
            spots_per_cm2: 0.0,
            patches_per_cm2: 0.0,
            pores_per_cm2: 0.0,
            wrinkles_per_cm2: 0.0,
            scars_per_cm2: 0.0,
            relief_mm: 0.0,
            mottling: 0.0,
            ..Self::default()
        }
    }
}

impl Default for SessionPlan {
    fn default() -> Self {
        Self {
            date: "2026-01-10".into(),
            day: 0,
            treated: false,
            shots: 1,
            change: ChangePlan::default(),
            camera: CameraPlan::default(),
            light: LightPlan::default(),
            card: None,
        }
    }
}

impl Default for CardPlan {
    fn default() -> Self {
        Self { centre: [0.8, 0.8], width: 0.35, rotation_deg: 0.0, year: 2015 }
    }
}

impl Default for CameraPlan {
    fn default() -> Self {
        Self {
            rotation_deg: 0.0,
            magnification: 1.0,
            shift_mm: [0.0; 2],
            tilt: [0.0; 2],
            elastic_mm: 0.0,
            reposition_mm: 0.5,
            blur_px: 0.8,
            photon_noise: 0.006,
            read_noise: 0.0006,
            jpeg_quality: 92,
        }
    }
}

impl Default for LightPlan {
    fn default() -> Self {
        Self {
            exposure: 1.25,
            white_balance: [1.0; 2],
            gradient: 0.06,
            azimuth_deg: 110.0,
            elevation_deg: 50.0,
            ambient: 0.35,
            haze: 0.012,
            shine: 0.02,
            glare: 0.0,
            hairs: 0,
        }
    }
}

impl PatientPlan {
    /// Dates of the visits at which the patient was treated.
    pub fn treatments(&self) -> Vec<&str> {
        self.sessions.iter().filter(|session| session.treated).map(|session| session.date.as_str()).collect()
    }

    /// Width and height of the skin in the baseline photo, mm.
    pub fn field_mm(&self) -> [f64; 2] {
        [f64::from(self.width) / self.px_per_mm, f64::from(self.height) / self.px_per_mm]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_key_is_an_error() {
        assert!(toml::from_str::<PatientPlan>("tones = 0.1").is_err());
    }

    #[test]
    fn a_plan_survives_the_way_through_toml() {
        let plan = PatientPlan::default();
        let text = toml::to_string(&plan).unwrap();
        assert_eq!(toml::from_str::<PatientPlan>(&text).unwrap(), plan);
    }
}
