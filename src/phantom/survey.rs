//! Finds out what is true of a photo, from the plan alone.

use rayon::prelude::*;

use super::features::{Lesion, Papule, Pore, Scar, StretchMark, Wrinkle};
use super::optics::SkinColor;
use super::patient::{ChangePlan, LesionKind, PatientPlan};
use super::pose::Pose;
use super::scene::{self, Scene};
use super::shape::Curve;
use super::truth::{
    LesionStatus, LesionTruth, PapuleTruth, PointTruth, PoreTruth, ScarTruth, SessionTruth, SkinTruth,
    StretchMarkTruth, TransformTruth, WrinkleTruth,
};
use crate::color::Lab;

/// Points of the transform's grid along each side.
const GRID: usize = 9;

/// What is true of one shot of a view in a session. The indices must exist in the plan.
pub fn of_shot(plan: &PatientPlan, view: usize, session: usize, shot: u32) -> SessionTruth {
    let visit = &plan.sessions[session];
    let photos = Photos::new(plan, view, session, shot);
    let baseline = Scene::of(plan, view);
    let seen = Visit {
        before: plan.sessions[..session].iter().map(|s| baseline.changed(&s.change)).collect(),
        color: SkinColor::new((&plan.tissue).into()),
        tone: Tone::of(plan, &visit.change),
        photos: &photos,
    };
    let skin = baseline.changed(&visit.change);
    SessionTruth {
        session: visit.date.clone(),
        day: visit.day,
        shot: shot + 1,
        width: plan.width,
        height: plan.height,
        px_per_mm: photos.here.px_per_mm,
        skin: seen.skin(plan.skin.relief_mm * (1.0 - visit.change.relief_smoothing)),
        transform: photos.transform(),
        pigmented: seen.of_kind(LesionKind::Pigmented, &skin),
        vascular: seen.of_kind(LesionKind::Vascular, &skin),
        pores: skin.pores.iter().filter_map(|pore| photos.pore(pore)).collect(),
        wrinkles: skin.wrinkles.iter().filter_map(|wrinkle| photos.wrinkle(wrinkle)).collect(),
        scars: skin.scars.iter().filter_map(|scar| photos.scar(scar)).collect(),
        papules: skin.papules.iter().filter_map(|papule| photos.papule(papule)).collect(),
        stretch_marks: skin.stretch_marks.iter().filter_map(|mark| photos.stretch_mark(mark)).collect(),
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

    fn wrinkle(&self, wrinkle: &Wrinkle) -> Option<WrinkleTruth> {
        let points_px = self.shown(&wrinkle.curve)?;
        let (width_um, depth_um) = (1000.0 * wrinkle.width, 1000.0 * wrinkle.depth);
        Some(WrinkleTruth { points_px, length_mm: length(&wrinkle.curve), width_um, depth_um })
    }

    fn papule(&self, papule: &Papule) -> Option<PapuleTruth> {
        let (baseline_px, session_px) = self.both(papule.centre)?;
        let (radius_mm, height_mm) = (papule.radius, papule.height);
        (height_mm > 0.0).then_some(PapuleTruth { baseline_px, session_px, radius_mm, height_mm })
    }

    fn stretch_mark(&self, mark: &StretchMark) -> Option<StretchMarkTruth> {
        let points_px = self.shown(&mark.curve)?;
        let (length_mm, width_mm) = (length(&mark.curve), mark.width);
        Some(StretchMarkTruth { points_px, length_mm, width_mm, red: mark.blood > 0.0 })
    }

    /// A curve in this photo's pixels, if it shows any of it.
    fn shown(&self, curve: &Curve) -> Option<Vec<[f64; 2]>> {
        Some(self.curve(curve)).filter(|points| points.iter().any(|&point| self.shows(point)))
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

/// The skin of one visit: its tone, its colours, its past.
struct Visit<'a> {
    /// The skin at the sessions before.
    before: Vec<Scene>,
    color: SkinColor,
    tone: Tone,
    photos: &'a Photos,
}

impl Visit<'_> {
    /// The skin between the features.
    fn skin(&self, relief_mm: f64) -> SkinTruth {
        let Tone { melanin, blood } = self.tone;
        let linear_rgb = self.color.linear(melanin, blood);
        let lab = Lab::from_linear(linear_rgb.map(|value| value as f32));
        SkinTruth {
            f_mel: melanin,
            f_blood: blood,
            linear_rgb,
            l_star: f64::from(lab.l),
            a_star: f64::from(lab.a),
            b_star: f64::from(lab.b),
            ita_deg: f64::from(lab.ita_deg()),
            relief_mm,
        }
    }

    /// The lesions of one kind that the skin has or had.
    fn of_kind(&self, kind: LesionKind, skin: &Scene) -> Vec<LesionTruth> {
        let known =
            |i: &usize| skin.lesions[*i].kind == kind && (skin.lesions[*i].excess != 0.0 || self.had(*i));
        (0..skin.lesions.len())
            .into_par_iter()
            .filter(known)
            .map(|i| self.truth(i, &skin.lesions[i]))
            .collect()
    }

    /// Whether a session before had lesion number `i`.
    fn had(&self, i: usize) -> bool {
        self.before.iter().any(|scene| scene.lesions[i].excess != 0.0)
    }

    fn truth(&self, i: usize, lesion: &Lesion) -> LesionTruth {
        let excess = |coverage, channel| self.tone.excess_density(&self.color, lesion, coverage, channel);
        let doses = [0, 1, 2].map(|channel| lesion.outline.integrate(lesion.edge, |c| excess(c, channel)));
        let offset = doses[1].1;
        let centroid = [lesion.centre[0] + offset[0], lesion.centre[1] + offset[1]];
        let session_px = self.photos.here.project(centroid);
        let own = match lesion.kind {
            LesionKind::Pigmented => self.tone.melanin,
            LesionKind::Vascular => self.tone.blood,
        };
        LesionTruth {
            id: lesion.id.clone(),
            status: self.status(i, lesion, session_px),
            baseline_px: self.photos.baseline.project(centroid),
            session_px,
            radius_mm: lesion.outline.radius,
            area_mm2: std::f64::consts::PI * lesion.outline.radius.powi(2),
            excess_fraction: own * lesion.excess,
            excess_density: [0, 1, 2].map(|channel| excess(1.0, channel)),
            dose_mm2: doses.map(|dose| dose.0),
            outline_px: self.photos.outline(lesion),
        }
    }

    fn status(&self, i: usize, lesion: &Lesion, session_px: [f64; 2]) -> LesionStatus {
        match (lesion.excess != 0.0, self.photos.shows(session_px)) {
            (_, false) => LesionStatus::NotVisible,
            (false, _) => LesionStatus::Resolved,
            (true, _) if self.before.is_empty() || self.had(i) => LesionStatus::Present,
            (true, _) => LesionStatus::New,
        }
    }
}

/// Length along a curve, mm.
fn length(curve: &Curve) -> f64 {
    curve.points().windows(2).map(|pair| (pair[1][0] - pair[0][0]).hypot(pair[1][1] - pair[0][1])).sum()
}
