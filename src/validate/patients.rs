//! The synthetic patients, and what the tool says of them.

use std::path::{Path, PathBuf};

use rand::{Rng, SeedableRng};
use rand_pcg::Pcg32;
use rayon::prelude::*;

use crate::batch::{series_of, write_phantom};
use crate::error::{Error, Result};
use crate::phantom::{
    CameraPlan, ChangePlan, LightPlan, PatientPlan, SessionPlan, SkinPlan, ViewTruth, truth_of,
};
use crate::pipeline::analyze_series;
use crate::series::View;
use crate::settings::Settings;
use crate::units::{Scale, ScaleSource};
use crate::validate::Extent;

/// The visits' dates and days.
const VISITS: [(&str, i32); 5] =
    [("2026-01-10", 0), ("2026-02-07", 28), ("2026-03-07", 56), ("2026-04-04", 84), ("2026-05-02", 112)];

/// Red patches, more than usual: enough of them must lie whole in all photos.
const PATCHES_PER_CM2: f64 = 0.7;

/// What becomes of a patient's skin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// Nothing.
    Unchanged,
    /// The spots' pigment falls, by 45 % at the last visit.
    Fading,
    /// The red patches' blood falls, by 80 % at the last visit.
    Calming,
    /// Two spots go, two come, the others shrink to 64 % of their area.
    Events,
}

impl Variant {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Unchanged, Self::Fading, Self::Calming, Self::Events];

    /// What has changed when `share` of the whole time has gone by.
    fn change(self, share: f64) -> ChangePlan {
        let none = ChangePlan::default();
        match self {
            Self::Unchanged => none,
            Self::Fading => ChangePlan { spot_fading: 0.45 * share, ..none },
            Self::Calming => ChangePlan { redness_fading: 0.8 * share, ..none },
            Self::Events => ChangePlan {
                spot_shrinking: 0.2 * share,
                new_spots: if share > 0.4 { 2 } else { 0 },
                resolved_spots: if share > 0.4 { 2 } else { 0 },
                ..none
            },
        }
    }
}

/// One patient: the truth, and what the tool says.
#[derive(Debug, Clone)]
pub struct Case {
    /// What becomes of the skin.
    pub variant: Variant,
    /// What is true.
    pub truth: ViewTruth,
    /// Baseline pixels per millimetre.
    pub px_per_mm: f64,
    /// What was measured; `None` if no photo could be.
    pub view: Option<View>,
}

/// The number of photos that are rendered and measured.
pub fn photo_count(extent: Extent) -> usize {
    plans(extent, 0).len() * VISITS.len()
}

/// The patients, rendered and measured.
pub fn cases(extent: Extent, settings: &Settings, step: &(dyn Fn() + Sync)) -> Result<Vec<Case>> {
    let write = |source| Error::Write { path: std::env::temp_dir(), source };
    let folder = tempfile::tempdir().map_err(write)?;
    plans(extent, settings.seed)
        .into_par_iter()
        .map(|(variant, plan)| case(variant, &plan, folder.path(), settings, step))
        .collect()
}

fn case(
    variant: Variant,
    plan: &PatientPlan,
    folder: &Path,
    settings: &Settings,
    step: &(dyn Fn() + Sync),
) -> Result<Case> {
    write_phantom(plan, folder, &|| ())?;
    let file = format!("{}.jpg", plan.views[0]);
    let photos: Vec<PathBuf> =
        VISITS.iter().map(|(date, _)| folder.join(&plan.patient).join(date).join(&file)).collect();
    let scale = Scale::new(plan.px_per_mm, ScaleSource::Manifest)?;
    let paths: Vec<&Path> = photos.iter().map(PathBuf::as_path).collect();
    let patient = series_of(&paths, Some(scale), None);
    let view = analyze_series(&patient.series[0], settings, step).view;
    let truth = truth_of(plan)?.views.swap_remove(0);
    Ok(Case { variant, truth, px_per_mm: plan.px_per_mm, view })
}

/// Every variant on every tone of skin, each patient with skin and visits of its own.
fn plans(extent: Extent, seed: u64) -> Vec<(Variant, PatientPlan)> {
    let (tones, width, height): (&[f64], u32, u32) = match extent {
        Extent::Smallest => (&[0.03], 480, 360),
        Extent::Quick => (&[0.02, 0.10], 720, 540),
        Extent::Full => (&[0.012, 0.03, 0.10, 0.22], 1200, 900),
    };
    let of = |(number, (variant, tone)): (usize, (Variant, f64))| {
        let seed = seed.wrapping_mul(1000).wrapping_add(501 + number as u64);
        let plan = PatientPlan {
            patient: format!("P{:03}", number + 1),
            sessions: visits(variant, seed),
            width,
            height,
            px_per_mm: 16.0,
            tone,
            seed,
            skin: SkinPlan { patches_per_cm2: PATCHES_PER_CM2, ..SkinPlan::default() },
            ..PatientPlan::default()
        };
        (variant, plan)
    };
    let all = Variant::ALL.into_iter().flat_map(|variant| tones.iter().map(move |&tone| (variant, tone)));
    all.enumerate().map(of).collect()
}

/// Five visits, each held and lit by another hand: the camera turned by up to
/// 4°, moved and 4 % nearer or further, the skin deformed, exposure ±12 %,
/// white balance ±3 %, JPEG 90.
fn visits(variant: Variant, seed: u64) -> Vec<SessionPlan> {
    let mut rng = Pcg32::seed_from_u64(seed);
    let mut within = |reach: f64| reach * (2.0 * rng.random::<f64>() - 1.0);
    let last = VISITS.len() - 1;
    let mut visit = |(index, &(date, day)): (usize, &(&str, i32))| {
        // The baseline is as held and lit as any other, only not moved.
        let moved = if index == 0 { 0.0 } else { 1.0 };
        let light = LightPlan::default();
        SessionPlan {
            date: date.into(),
            day,
            change: variant.change(index as f64 / last as f64),
            camera: CameraPlan {
                rotation_deg: moved * within(4.0),
                magnification: 1.0 + moved * within(0.04),
                shift_mm: [moved * within(1.5), moved * within(1.5)],
                elastic_mm: moved * 0.12,
                blur_px: 0.9 + within(0.1),
                jpeg_quality: 90,
                ..CameraPlan::default()
            },
            light: LightPlan {
                exposure: light.exposure * (1.0 + within(0.12)),
                white_balance: [1.0 + within(0.03), 1.0 + within(0.03)],
                gradient: light.gradient + within(0.04),
                azimuth_deg: light.azimuth_deg + within(4.0),
                elevation_deg: light.elevation_deg + within(1.5),
                ..light
            },
            ..SessionPlan::default()
        }
    };
    VISITS.iter().enumerate().map(&mut visit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_plan_can_be_rendered_and_only_the_change_sets_variants_apart() {
        for extent in [Extent::Smallest, Extent::Quick, Extent::Full] {
            let plans = plans(extent, 0);
            assert!(plans.iter().all(|(_, plan)| truth_of(plan).is_ok()));
            assert_eq!(photo_count(extent), plans.len() * 5);
            let still = |variant: Variant| variant.change(1.0) == ChangePlan::default();
            assert!(plans.iter().all(|(variant, _)| still(*variant) == (*variant == Variant::Unchanged)));
        }
    }
}
