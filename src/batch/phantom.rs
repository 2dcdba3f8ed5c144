//! A synthetic patient as the folder tree that is read.

use std::path::Path;

use rayon::prelude::*;

use crate::batch::arrange::session_date;
use crate::error::{Error, Result};
use crate::phantom::{PatientPlan, render_shot, truth_of};
use crate::report::files::{OutputFolder, check_id, make, write_jpeg};

/// Renders every photo of `plan` into `root/PATIENT/SESSION/VIEW[.SHOT].jpg`,
/// with `patient.toml` and `truth.json` beside the sessions. `step` is called
/// after each photo.
///
/// # Errors
///
/// - [`Error::OutOfRange`] or [`Error::Empty`] if the plan cannot be rendered.
/// - [`Error::Write`] if a file cannot be written.
pub fn write_phantom(plan: &PatientPlan, root: &Path, step: &(dyn Fn() + Sync)) -> Result<()> {
    let truth = truth_of(plan)?;
    plan.views.iter().try_for_each(|view| check_id(view))?;
    plan.sessions.iter().try_for_each(|session| check_date(&session.date))?;
    let output = OutputFolder::create(root)?;
    let folder = output.patient(&plan.patient)?;
    let photos: Vec<(usize, usize, u32)> = (0..plan.sessions.len())
        .flat_map(|session| (0..plan.views.len()).map(move |view| (session, view)))
        .flat_map(|(session, view)| (0..plan.sessions[session].shots).map(move |shot| (session, view, shot)))
        .collect();
    photos.into_par_iter().try_for_each(|(session, view, shot)| {
        let visit = &plan.sessions[session];
        let place = folder.join(&visit.date);
        make(&place)?;
        let photo = render_shot(plan, view, session, shot)?;
        let file = place.join(file_name(&plan.views[view], shot + 1));
        write_jpeg(&file, &photo.image, visit.camera.jpeg_quality)?;
        step();
        Ok::<(), Error>(())
    })?;
    output.write(&folder.join("patient.toml"), patient_file(plan).as_bytes())?;
    output.write_json(&folder.join("truth.json"), &truth)
}

fn check_date(date: &str) -> Result<()> {
    if session_date(date).is_some() {
        return Ok(());
    }
    Err(Error::OutOfRange {
        name: "date of a visit".into(),
        value: format!("{date:?}"),
        range: "within dates such as 2026-01-10".into(),
    })
}

fn file_name(view: &str, shot: u32) -> String {
    if shot == 1 { format!("{view}.jpg") } else { format!("{view}.{shot}.jpg") }
}

fn patient_file(plan: &PatientPlan) -> String {
    let treated =
        plan.sessions.iter().filter(|session| session.treated).map(|session| format!("{:?}", session.date));
    let treatments = treated.collect::<Vec<_>>().join(", ");
    format!("treatments = [{treatments}]\npx_per_mm = {}\n", plan.px_per_mm)
}
