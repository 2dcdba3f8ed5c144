//! One photo by itself, and one photo on another.

use std::f64::consts::{PI, TAU};
use std::path::Path;

use image::RgbImage;

use crate::alignment::{self, Rejection, Status, Transform};
use crate::canvas::Canvas;
use crate::error::Result;
use crate::lesion::{LesionKind, Spot};
use crate::metrics::inflammation::RedSpot;
use crate::metrics::pores::Pore;
use crate::metrics::scars::Scar;
use crate::metrics::stretch_marks::{Kind, StretchMark};
use crate::metrics::wrinkles::Wrinkle;
use crate::photo::DecodeLimits;
use crate::pipeline::frame::Frame;
use crate::pipeline::measuring::Shown;
use crate::pipeline::records;
use crate::quality;
use crate::region::{Outline, read_regions};
use crate::report;
use crate::report::alignment::{ALIGNMENT_SCHEMA, Alignment, PairStatus};
use crate::report::measurement::{
    LesionObject, MEASUREMENT_SCHEMA, Measurement, OBJECTS_SCHEMA, Objects, PoreObject, RedObject,
    StretchMarkKind, StretchMarkObject, WrinkleObject,
};
use crate::settings::Settings;
use crate::skin;
use crate::statistics::Repeatability;
use crate::units::{FilterScale, Scale};

/// Measures one photo by itself.
///
/// # Errors
///
/// - Those of [`Photo::open`](crate::photo::Photo::open).
/// - Those of [`read_regions`].
pub fn measure_photo(
    path: &Path,
    scale: Option<Scale>,
    roi: Option<&Path>,
    settings: &Settings,
) -> Result<(Measurement, Objects)> {
    let mut frame = Frame::open_with_card(path, scale, settings, None)?;
    let outlines = outlines(&frame, roi)?;
    frame.drawn(&outlines);
    frame.claim(&outlines, frame.levels.coarse, Some);
    let quality = quality::assess(frame.photo.photo(), &frame.skin, frame.scale);
    let (shown, frozen) = Shown::alone(&frame);
    let canvas = Canvas::new(frame.valid(), frame.scale, &[], &outlines);
    let here = Transform::identity();
    let spots = frozen.spots_in(&here, frame.valid());
    let shown = shown.without_spots(&spots);
    let regions = canvas.regions_in(&here, frame.valid());
    let repeatability = Repeatability::default();
    let measurement = Measurement {
        schema: MEASUREMENT_SCHEMA.into(),
        tool: report::tool(settings),
        photo: records::photo(frame.photo.photo(), 1),
        scale: records::scale(frame.photo.scale()),
        quality: records::quality(
            &quality,
            frame.photo.photo(),
            frame.scale,
            &[frame.photo.calibration().warning.as_slice(), &shown.warnings()].concat(),
        ),
        calibration: records::calibration(frame.photo.calibration(), frame.size()),
        regions: regions
            .iter()
            .map(|region| {
                let measured = shown.measure(region, &spots);
                records::region(region, frame.scale, None, &measured, &repeatability, shown.ita_deg())
            })
            .collect(),
    };
    Ok((measurement, objects(&shown, frame.scale)))
}

/// One photo with everything tinted that is not valid skin.
///
/// # Errors
///
/// Those of [`Photo::open`](crate::photo::Photo::open).
pub fn draw_skin(path: &Path, scale: Option<Scale>, limits: &DecodeLimits) -> Result<RgbImage> {
    let frame = Frame::open(path, scale, limits)?;
    Ok(skin::overlay(frame.photo.photo(), &frame.skin))
}

/// The regions drawn on a photo; none without a file.
pub fn outlines(frame: &Frame, roi: Option<&Path>) -> Result<Vec<Outline>> {
    let (width, height) = frame.size();
    roi.map_or(Ok(Vec::new()), |roi| read_regions(roi, width, height))
}

/// What was found on a photo whose native scale is `scale`.
fn objects(shown: &Shown, scale: FilterScale) -> Objects {
    let mm = |px: f64| scale.physical.then(|| scale.mm(px));
    let lesion = |(number, spot): (usize, &Spot)| LesionObject {
        id: format!("{}-{}", spot.kind.name(), number + 1),
        kind: spot.kind,
        x_px: spot.centre[0],
        y_px: spot.centre[1],
        area_px: spot.area_px,
        area_mm2: scale.physical.then(|| spot.area_px / scale.px_per_mm.powi(2)),
        contrast: spot.contrast,
        outline: spot.outline.clone(),
    };
    let kinds = [&shown.pigmented, &shown.vascular];
    let pore = |pore: &Pore| PoreObject {
        x_px: pore.x_px,
        y_px: pore.y_px,
        diameter_px: pore.diameter_px,
        diameter_um: mm(pore.diameter_px).map(|mm| 1000.0 * mm),
    };
    let wrinkle = |wrinkle: &Wrinkle| WrinkleObject {
        points: wrinkle.points.clone(),
        length_px: wrinkle.length_px,
        length_mm: mm(wrinkle.length_px),
        width_px: wrinkle.width_px,
    };
    let scar = |(number, scar): (usize, &Scar)| LesionObject {
        id: format!("{}-{}", LesionKind::Scar.name(), number + 1),
        kind: LesionKind::Scar,
        x_px: scar.x_px,
        y_px: scar.y_px,
        area_px: PI * scar.radius_px.powi(2),
        area_mm2: mm(scar.radius_px).map(|radius| PI * radius.powi(2)),
        contrast: scar.contrast,
        outline: circle(scar.x_px, scar.y_px, scar.radius_px),
    };
    let red = |spot: &RedSpot| RedObject {
        x_px: spot.x_px,
        y_px: spot.y_px,
        area_px: spot.area_px,
        area_mm2: scale.physical.then(|| spot.area_px / scale.px_per_mm.powi(2)),
        contrast: spot.contrast,
        outline: spot.outline.clone(),
    };
    let mark = |mark: &StretchMark| StretchMarkObject {
        kind: match mark.kind {
            Kind::Rubra => StretchMarkKind::Rubra,
            Kind::Alba => StretchMarkKind::Alba,
        },
        points: mark.points.clone(),
        length_px: mark.length_px,
        length_mm: mm(mark.length_px),
        width_px: mark.width_px,
        contrast: mark.contrast,
    };
    Objects {
        schema: OBJECTS_SCHEMA.into(),
        pores: shown.pores.iter().map(pore).collect(),
        lesions: kinds
            .iter()
            .flat_map(|spots| spots.iter().enumerate().map(lesion))
            .chain(shown.scars.iter().enumerate().map(scar))
            .collect(),
        wrinkles: shown.wrinkles.iter().map(wrinkle).collect(),
        papules: shown.papules.iter().map(red).collect(),
        wounds: shown.wounds.iter().map(red).collect(),
        stretch_marks: shown.stretch_marks.iter().map(mark).collect(),
    }
}

/// A circle as a closed polygon of 24 points.
fn circle(x: f64, y: f64, radius: f64) -> Vec<[f64; 2]> {
    let angle = |i: u32| TAU * f64::from(i) / 24.0;
    (0..24).map(|i| [x + radius * angle(i).cos(), y + radius * angle(i).sin()]).collect()
}

/// Aligns two photos and maps `points` from reference to moving pixels; with
/// `picture`, also the moving photo in the reference's frame, to look at.
///
/// # Errors
///
/// Those of [`Photo::open`](crate::photo::Photo::open).
pub fn align_photos(
    reference: &Path,
    moving: &Path,
    points: Option<&[[f64; 2]]>,
    picture: bool,
    settings: &Settings,
) -> Result<(Alignment, Option<RgbImage>)> {
    let limits = settings.decode_limits();
    let open = |path| Frame::open(path, None, &limits).map(|frame| (frame.features(), frame));
    let (reference, moving) = rayon::join(|| open(reference), || open(moving));
    let ((reference_features, reference), (moving_features, moving)) = (reference?, moving?);
    let found = alignment::align(&reference_features, &moving_features, &settings.alignment, settings.seed);
    let aligned = found.status == Status::Aligned;
    let mapped = points.map(|points| points.iter().map(|&at| found.transform.map(at)).collect());
    let record = Alignment {
        schema: ALIGNMENT_SCHEMA.into(),
        status: if aligned { PairStatus::Aligned } else { PairStatus::Rejected },
        reason: found.reason.map(Rejection::reason),
        matrix: aligned.then(|| found.transform.matrix()),
        residual_px: aligned.then_some(found.residual_px),
        overlap_fraction: aligned.then_some(found.overlap_fraction),
        inliers: found.inliers,
        points: mapped.filter(|_| aligned),
    };
    let (width, height) = reference.size();
    let picture = (picture && aligned)
        .then(|| alignment::warp(&moving.photo.photo().to_rgb8(), &found.transform, width, height));
    Ok((record, picture))
}
