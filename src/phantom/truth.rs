//! What is true of a rendered photo.

use schemars::JsonSchema;
use serde::Serialize;

use super::features::{Lesion, Pore, Scar, ScarShape};
use super::optics::SkinColor;
use super::patient::{CameraPlan, ChangePlan, LesionKind, LightPlan, PatientPlan};
use super::pose::{Pose, apply};
use super::scene::{self, Scene};
use super::shape::Curve;
use crate::color::Lab;

/// Name and version of the truth's format.
pub const TRUTH_SCHEMA: &str = "dermalapse.truth/1";

/// Points of the transform's grid along each side.
const GRID: usize = 9;

/// Everything true of a synthetic patient.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Truth {
    /// [`TRUTH_SCHEMA`].
    pub schema: String,
    /// Pseudonym.
    pub patient: String,
    /// One entry for each view, in the plan's order.
    pub views: Vec<ViewTruth>,
}

/// Everything true of one view.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ViewTruth {
    /// Its name.
    pub view: String,
    /// One entry for each session, in order of time: its first shot.
    pub sessions: Vec<SessionTruth>,
}

/// Everything true of one photo. Pixels are native ones of the photo named,
/// pixel centres at whole numbers.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SessionTruth {
    /// Date of the session.
    pub session: String,
    /// Days since the baseline.
    pub day: i32,
    /// Shot within the session, from 1.
    pub shot: u32,
    /// Width, pixels.
    pub width: u32,
    /// Height, pixels.
    pub height: u32,
    /// Pixels per millimetre of skin at the photo's centre.
    pub px_per_mm: f64,
    /// The skin between its features.
    pub skin: SkinTruth,
    /// Where the baseline's first shot shows what this photo shows.
    pub transform: TransformTruth,
    /// Pigmented spots.
    pub pigmented: Vec<LesionTruth>,
    /// Red patches.
    pub vascular: Vec<LesionTruth>,
    /// Pores whose centre lies in this photo.
    pub pores: Vec<PoreTruth>,
    /// Wrinkles that this photo shows at least in part.
    pub wrinkles: Vec<WrinkleTruth>,
    /// Scars whose centre lies in this photo.
    pub scars: Vec<ScarTruth>,
    /// Papules whose centre lies in this photo.
    pub papules: Vec<PapuleTruth>,
    /// Stretch marks that this photo shows at least in part.
    pub stretch_marks: Vec<StretchMarkTruth>,
    /// Hairs, as points in this photo's pixels.
    pub hairs: Vec<Vec<[f64; 2]>>,
    /// How the skin differs from its baseline, as planned.
    pub change: ChangePlan,
    /// The camera, as planned; a repeated shot is held a little differently.
    pub camera: CameraPlan,
    /// The light, as planned.
    pub light: LightPlan,
}

/// The skin between its features.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SkinTruth {
    /// Melanosome fraction of the epidermis.
    pub f_mel: f64,
    /// Blood fraction of the dermis.
    pub f_blood: f64,
    /// Linear sRGB where white is 1, without surface reflection.
    pub linear_rgb: [f64; 3],
    /// CIELAB L* of that colour.
    pub l_star: f64,
    /// CIELAB a* of that colour.
    pub a_star: f64,
    /// CIELAB b* of that colour.
    pub b_star: f64,
    /// Individual typology angle of that colour, degrees.
    pub ita_deg: f64,
    /// Height of the microrelief, mm.
    pub relief_mm: f64,
}

/// The map from the baseline's first shot to a photo.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct TransformTruth {
    /// Turn, size, shift and perspective, baseline pixels to this photo's
    /// pixels, rows of a 3×3 matrix whose last entry is 1. Without the
    /// deformation; `points` has everything.
    pub matrix: [[f64; 3]; 3],
    /// A grid over the baseline photo, and where it appears in this one.
    pub points: Vec<PointTruth>,
}

/// A point of the baseline photo and where it appears.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct PointTruth {
    /// In baseline pixels.
    pub baseline_px: [f64; 2],
    /// In this photo's pixels.
    pub session_px: [f64; 2],
}

/// Whether a lesion can be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LesionStatus {
    /// It is there, as in the session before.
    Present,
    /// It is there for the first time.
    New,
    /// The baseline had it; it is gone.
    Resolved,
    /// It is there, but its centre lies outside this photo.
    NotVisible,
}

/// A pigmented spot or a red patch. Lesions that the baseline does not have
/// are listed from their first session on.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct LesionTruth {
    /// The same in all sessions of a view.
    pub id: String,
    /// Whether it can be seen.
    pub status: LesionStatus,
    /// Its centroid, weighted by excess density, in baseline pixels.
    pub baseline_px: [f64; 2],
    /// That point of the skin in this photo's pixels.
    pub session_px: [f64; 2],
    /// Radius of the disc as large as its half-way outline, mm.
    pub radius_mm: f64,
    /// Area inside its half-way outline, mm².
    pub area_mm2: f64,
    /// Excess pigment fraction in its core.
    pub excess_fraction: f64,
    /// Excess optical density (−ln linear) in its core, R, G, B.
    pub excess_density: [f64; 3],
    /// Excess optical density integrated over it, density × mm², R, G, B.
    pub dose_mm2: [f64; 3],
    /// Its half-way outline in this photo's pixels.
    pub outline_px: Vec<[f64; 2]>,
}

/// A pore.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct PoreTruth {
    /// Its centre in baseline pixels.
    pub baseline_px: [f64; 2],
    /// Its centre in this photo's pixels.
    pub session_px: [f64; 2],
    /// Full width at half depth, µm.
    pub diameter_um: f64,
    /// Depth, µm.
    pub depth_um: f64,
}

/// A wrinkle.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct WrinkleTruth {
    /// Points along it in this photo's pixels.
    pub points_px: Vec<[f64; 2]>,
    /// Length of skin between its ends, mm; it fades out towards them.
    pub length_mm: f64,
    /// Full width at half depth in its middle, µm.
    pub width_um: f64,
    /// Depth in its middle, µm.
    pub depth_um: f64,
}

/// An atrophic scar.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ScarTruth {
    /// Its shape.
    pub shape: ScarShape,
    /// Its origin in baseline pixels.
    pub baseline_px: [f64; 2],
    /// Its origin in this photo's pixels.
    pub session_px: [f64; 2],
    /// Mean radius where it is half as deep (of an ice-pick: where it ends), mm.
    pub radius_mm: f64,
    /// Depth, mm.
    pub depth_mm: f64,
}

/// A papule.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct PapuleTruth {
    /// Its centre in baseline pixels.
    pub baseline_px: [f64; 2],
    /// Its centre in this photo's pixels.
    pub session_px: [f64; 2],
    /// Radius at half height, mm.
    pub radius_mm: f64,
    /// Height, mm.
    pub height_mm: f64,
}

/// A stretch mark.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct StretchMarkTruth {
    /// Points along it in this photo's pixels.
    pub points_px: Vec<[f64; 2]>,
    /// Length of skin between its ends, mm; it fades out towards them.
    pub length_mm: f64,
    /// Width, mm.
    pub width_mm: f64,
    /// Whether it is red (young) or pale (old).
    pub red: bool,
}

/// What is true of one shot of a view in a session. The indices must exist in the plan.
pub fn of_shot(plan: &PatientPlan, view: usize, session: usize, shot: u32) -> SessionTruth {
    let visit = &plan.sessions[session];
    let photos = Photos::new(plan, view, session, shot);
    let baseline = Scene::of(plan, view);
    let skin = baseline.changed(&visit.change);
    let before: Vec<Scene> = plan.sessions[..session].iter().map(|s| baseline.changed(&s.change)).collect();
    let color = SkinColor::new((&plan.tissue).into());
    let tone = Tone::of(plan, &visit.change);
    let lesions = |kind: LesionKind| -> Vec<LesionTruth> {
        let of_kind = (0..skin.lesions.len()).filter(|&i| skin.lesions[i].kind == kind);
        of_kind.filter_map(|i| photos.lesion(i, &skin, &before, &color, tone)).collect()
    };
    let shown = |points: &Vec<[f64; 2]>| points.iter().any(|&point| photos.shows(point));
    SessionTruth {
        session: visit.date.clone(),
        day: visit.day,
        shot: shot + 1,
        width: plan.width,
        height: plan.height,
        px_per_mm: photos.here.px_per_mm,
        skin: tone.truth(&color, plan.skin.relief_mm * (1.0 - visit.change.relief_smoothing)),
        transform: photos.transform(),
        pigmented: lesions(LesionKind::Pigmented),
        vascular: lesions(LesionKind::Vascular),
        pores: skin.pores.iter().filter_map(|pore| photos.pore(pore)).collect(),
        wrinkles: skin
            .wrinkles
            .iter()
            .filter_map(|wrinkle| {
                let points_px = Some(photos.curve(&wrinkle.curve)).filter(shown)?;
                let (width_um, depth_um) = (1000.0 * wrinkle.width, 1000.0 * wrinkle.depth);
                Some(WrinkleTruth { points_px, length_mm: length(&wrinkle.curve), width_um, depth_um })
            })
            .collect(),
        scars: skin.scars.iter().filter_map(|scar| photos.scar(scar)).collect(),
        papules: skin
            .papules
            .iter()
            .filter_map(|papule| {
                let (baseline_px, session_px) = photos.both(papule.centre)?;
                Some(PapuleTruth {
                    baseline_px,
                    session_px,
                    radius_mm: papule.radius,
                    height_mm: papule.height,
                })
            })
            .collect(),
        stretch_marks: skin
            .stretch_marks
            .iter()
            .filter_map(|mark| {
                let points_px = Some(photos.curve(&mark.curve)).filter(shown)?;
                let (length_mm, width_mm) = (length(&mark.curve), mark.width);
                Some(StretchMarkTruth { points_px, length_mm, width_mm, red: mark.blood > 0.0 })
            })
            .collect(),
        hairs: scene::hairs(plan, view, session).iter().map(|hair| photos.curve(&hair.curve)).collect(),
        change: visit.change.clone(),
        camera: visit.camera.clone(),
        light: visit.light.clone(),
    }
}

/// Melanin and blood fractions of the skin in a session.
#[derive(Debug, Clone, Copy)]
struct Tone {
    melanin: f64,
    blood: f64,
}

impl Tone {
    fn of(plan: &PatientPlan, change: &ChangePlan) -> Self {
        Self { melanin: plan.tone * (1.0 + change.tan), blood: plan.blood * (1.0 + change.flush) }
    }

    fn truth(self, color: &SkinColor, relief_mm: f64) -> SkinTruth {
        let linear_rgb = color.linear(self.melanin, self.blood);
        let lab = Lab::from_linear(linear_rgb.map(|value| value as f32));
        SkinTruth {
            f_mel: self.melanin,
            f_blood: self.blood,
            linear_rgb,
            l_star: f64::from(lab.l),
            a_star: f64::from(lab.a),
            b_star: f64::from(lab.b),
            ita_deg: f64::from(lab.ita_deg()),
            relief_mm,
        }
    }

    /// Excess density where a lesion covers the skin by `coverage`, in one channel.
    fn excess_density(self, color: &SkinColor, lesion: &Lesion, coverage: f64, channel: usize) -> f64 {
        let factor = 1.0 + lesion.excess * coverage;
        let (melanin, blood) = match lesion.kind {
            LesionKind::Pigmented => (self.melanin * factor, self.blood),
            LesionKind::Vascular => (self.melanin, self.blood * factor),
        };
        let density = |melanin: f64, blood: f64| color.density(channel, melanin as f32, blood as f32);
        f64::from(density(melanin, blood)) - f64::from(density(self.melanin, self.blood))
    }
}

/// The baseline photo and the one in question.
struct Photos {
    baseline: Pose,
    here: Pose,
    /// Last pixel centres of a photo.
    last: [f64; 2],
}

impl Photos {
    fn new(plan: &PatientPlan, view: usize, session: usize, shot: u32) -> Self {
        Self {
            baseline: Pose::of(plan, view, 0, 0),
            here: Pose::of(plan, view, session, shot),
            last: [f64::from(plan.width - 1), f64::from(plan.height - 1)],
        }
    }

    fn shows(&self, [x, y]: [f64; 2]) -> bool {
        (0.0..=self.last[0]).contains(&x) && (0.0..=self.last[1]).contains(&y)
    }

    /// A skin point in both photos, if this one shows it.
    fn both(&self, skin: [f64; 2]) -> Option<([f64; 2], [f64; 2])> {
        let here = self.here.project(skin);
        self.shows(here).then(|| (self.baseline.project(skin), here))
    }

    fn curve(&self, curve: &Curve) -> Vec<[f64; 2]> {
        curve.points().into_iter().map(|point| self.here.project(point)).collect()
    }

    fn pore(&self, pore: &Pore) -> Option<PoreTruth> {
        let (baseline_px, session_px) = self.both(pore.centre)?;
        let (diameter_um, depth_um) = (1000.0 * pore.diameter, 1000.0 * pore.depth);
        Some(PoreTruth { baseline_px, session_px, diameter_um, depth_um })
    }

    fn scar(&self, scar: &Scar) -> Option<ScarTruth> {
        let (baseline_px, session_px) = self.both(scar.centre)?;
        let (radius_mm, depth_mm) = (scar.outline.radius, scar.depth);
        Some(ScarTruth { shape: scar.shape, baseline_px, session_px, radius_mm, depth_mm })
    }

    fn transform(&self) -> TransformTruth {
        let back = self.baseline.to_photo.try_inverse().expect("a pose in its ranges is invertible");
        let matrix = self.here.to_photo * back;
        let matrix = matrix / matrix[(2, 2)];
        let points = (0..GRID * GRID)
            .map(|i| {
                let share = [i % GRID, i / GRID].map(|k| k as f64 / (GRID - 1) as f64);
                let baseline_px = [share[0] * self.last[0], share[1] * self.last[1]];
                PointTruth {
                    baseline_px,
                    session_px: self.here.project(self.baseline.unproject(baseline_px)),
                }
            })
            .collect();
        TransformTruth {
            matrix: std::array::from_fn(|row| std::array::from_fn(|column| matrix[(row, column)])),
            points,
        }
    }

    /// Lesion number `i` of the skin, given the skin at the sessions before;
    /// `None` if it has not appeared yet.
    fn lesion(
        &self,
        i: usize,
        skin: &Scene,
        before: &[Scene],
        color: &SkinColor,
        tone: Tone,
    ) -> Option<LesionTruth> {
        let lesion = &skin.lesions[i];
        let seen_before = before.iter().any(|scene| scene.lesions[i].excess != 0.0);
        let there = lesion.excess != 0.0;
        if !there && !seen_before {
            return None;
        }
        let dose = |channel: usize| {
            lesion.outline.integrate(lesion.edge, |c| tone.excess_density(color, lesion, c, channel))
        };
        let doses = [dose(0), dose(1), dose(2)];
        let offset = doses[1].1;
        let centroid = [lesion.centre[0] + offset[0], lesion.centre[1] + offset[1]];
        let session_px = self.here.project(centroid);
        let status = match (there, self.shows(session_px)) {
            (_, false) => LesionStatus::NotVisible,
            (false, _) => LesionStatus::Resolved,
            (true, _) if seen_before || before.is_empty() => LesionStatus::Present,
            (true, _) => LesionStatus::New,
        };
        let own = match lesion.kind {
            LesionKind::Pigmented => tone.melanin,
            LesionKind::Vascular => tone.blood,
        };
        Some(LesionTruth {
            id: lesion.id.clone(),
            status,
            baseline_px: self.baseline.project(centroid),
            session_px,
            radius_mm: lesion.outline.radius,
            area_mm2: std::f64::consts::PI * lesion.outline.radius.powi(2),
            excess_fraction: own * lesion.excess,
            excess_density: [0, 1, 2].map(|channel| tone.excess_density(color, lesion, 1.0, channel)),
            dose_mm2: doses.map(|dose| dose.0),
            outline_px: self.outline(lesion),
        })
    }

    fn outline(&self, lesion: &Lesion) -> Vec<[f64; 2]> {
        (0..48)
            .map(|i| {
                let (sin, cos) = (std::f64::consts::TAU * f64::from(i) / 48.0).sin_cos();
                let radius = lesion.outline.radius_towards(cos, sin);
                self.here.project([lesion.centre[0] + radius * cos, lesion.centre[1] + radius * sin])
            })
            .collect()
    }
}

/// Length along a curve, mm.
fn length(curve: &Curve) -> f64 {
    curve.points().windows(2).map(|pair| (pair[1][0] - pair[0][0]).hypot(pair[1][1] - pair[0][1])).sum()
}

impl TransformTruth {
    /// A baseline pixel through the matrix alone.
    pub fn apply_matrix(&self, point: [f64; 2]) -> [f64; 2] {
        apply(&nalgebra::Matrix3::from_fn(|row, column| self.matrix[row][column]), point)
    }
}
