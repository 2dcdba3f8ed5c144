//! Synthetic skin with known truth: what every measurement is tested against.
//!
//! A [`PatientPlan`] says what the skin carries, how it changes from visit to
//! visit and how it is photographed. [`render_view`] takes the photo and
//! tells what is true of it: the map from the baseline photo, the dose of
//! every lesion, every pore, wrinkle and scar.
//!
//! The skin is laid out in millimetres and seen through each session's
//! camera, so that no photo is a resampled copy of another. Its optics
//! (another model, another camera) are not the ones that the unmixing of
//! melanin and blood was derived from.
//!
//! ```
//! use dermalapse::phantom::{PatientPlan, render_view};
//!
//! let plan = PatientPlan { width: 160, height: 120, ..PatientPlan::preset("unchanged").unwrap() };
//! let baseline = render_view(&plan, 0, 0).unwrap();
//! assert_eq!(baseline.image.dimensions(), (160, 120));
//! assert_eq!(baseline.truth.transform.matrix[0], [1.0, 0.0, 0.0]);
//! ```

mod card;
mod features;
mod ground;
mod lighting;
mod noise;
mod optics;
mod patient;
mod pose;
mod presets;
mod ranges;
mod render;
mod scene;
mod sensor;
mod shape;
mod spectra;
mod survey;
mod truth;

use image::RgbImage;

use crate::error::{Error, Result};

pub use features::ScarShape;
pub use optics::{SkinColor, Tissue};
pub use patient::{
    CameraPlan, CardPlan, ChangePlan, LesionKind, LightPlan, PatientPlan, PlacedLesion, SessionPlan,
    SkinPlan, TissuePlan,
};
pub use presets::PRESETS;
pub use truth::{
    LesionStatus, LesionTruth, PapuleTruth, PointTruth, PoreTruth, ScarTruth, SessionTruth, SkinTruth,
    StretchMarkTruth, TRUTH_SCHEMA, TransformTruth, Truth, ViewTruth, WrinkleTruth,
};

/// A photo and what is true of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Rendered {
    /// The photo, 8-bit sRGB.
    pub image: RgbImage,
    /// What is true of it.
    pub truth: SessionTruth,
}

/// The first photo of view number `view` in session number `session` of a plan.
///
/// # Errors
///
/// [`Error::OutOfRange`] if the plan or a number lies outside its range.
pub fn render_view(plan: &PatientPlan, view: usize, session: usize) -> Result<Rendered> {
    render_shot(plan, view, session, 0)
}

/// Photo number `shot`, from 0, of a view in a session: repeated shots show
/// the same skin, held a little differently, with other noise.
///
/// # Errors
///
/// As [`render_view`].
pub fn render_shot(plan: &PatientPlan, view: usize, session: usize, shot: u32) -> Result<Rendered> {
    exists(plan, view, session)?;
    Ok(Rendered {
        image: render::render(plan, view, session, shot),
        truth: survey::of_shot(plan, view, session, shot),
    })
}

/// What is true of every first shot of a plan, without rendering it.
///
/// # Errors
///
/// [`Error::OutOfRange`] if the plan lies outside its ranges.
pub fn truth_of(plan: &PatientPlan) -> Result<Truth> {
    plan.check()?;
    let sessions = |view| (0..plan.sessions.len()).map(|s| survey::of_shot(plan, view, s, 0)).collect();
    let views = plan.views.iter().enumerate();
    Ok(Truth {
        schema: TRUTH_SCHEMA.into(),
        patient: plan.patient.clone(),
        views: views.map(|(i, view)| ViewTruth { view: view.clone(), sessions: sessions(i) }).collect(),
    })
}

fn exists(plan: &PatientPlan, view: usize, session: usize) -> Result<()> {
    plan.check()?;
    for (name, index, count) in [("view", view, plan.views.len()), ("session", session, plan.sessions.len())]
    {
        if index >= count {
            return Err(Error::OutOfRange {
                name: format!("phantom {name} number"),
                value: index.to_string(),
                range: format!("below {count}"),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
