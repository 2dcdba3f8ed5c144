//! The phantom as a whole: what is said to be true is what the photo shows.

use super::*;
use crate::color::{Lab, density, linear_from_srgb};

/// Even, flat skin without noise and surface reflection, with one hard spot.
fn one_spot() -> PatientPlan {
    let light = LightPlan { exposure: 1.0, gradient: 0.0, haze: 0.0, shine: 0.0, ..LightPlan::default() };
    let camera = CameraPlan { photon_noise: 0.0, read_noise: 0.0, ..CameraPlan::default() };
    let session = SessionPlan { light, camera, ..SessionPlan::default() };
    let spot = PlacedLesion {
        kind: LesionKind::Pigmented,
        centre_mm: [1.3, -0.7],
        radius_mm: 1.0,
        edge_mm: 0.0,
        excess: 1.5,
    };
    PatientPlan {
        width: 200,
        height: 160,
        sessions: vec![session.clone(), session],
        skin: SkinPlan { placed: vec![spot], ..SkinPlan::bare() },
        ..PatientPlan::default()
    }
}

/// Excess density of one channel over the photo's first pixel.
fn excess(image: &RgbImage, channel: usize) -> Vec<f64> {
    let value =
        |pixel: &image::Rgb<u8>| f64::from(density(linear_from_srgb(f32::from(pixel.0[channel]) / 255.0)));
    let skin = value(image.get_pixel(0, 0));
    image.pixels().map(|pixel| value(pixel) - skin).collect()
}

fn centroid(image: &RgbImage) -> [f64; 2] {
    let (mut sum, mut at) = (0.0, [0.0; 2]);
    for (i, value) in excess(image, 1).into_iter().enumerate() {
        let (x, y) = (i % image.width() as usize, i / image.width() as usize);
        sum += value;
        at = [at[0] + value * x as f64, at[1] + value * y as f64];
    }
    at.map(|value| value / sum)
}

fn mean_lab(image: &RgbImage) -> Lab {
    let mut sum = [0.0f64; 3];
    for pixel in image.pixels() {
        for (sum, &value) in sum.iter_mut().zip(&pixel.0) {
            *sum += f64::from(linear_from_srgb(f32::from(value) / 255.0));
        }
    }
    let count = f64::from(image.width() * image.height());
    Lab::from_linear(sum.map(|value| (value / count) as f32))
}

#[test]
fn the_dose_of_a_hard_disc_is_pi_r_squared_times_its_density() {
    let truth = render_view(&one_spot(), 0, 0).unwrap().truth;
    let spot = &truth.pigmented[0];
    for channel in 0..3 {
        let by_hand = std::f64::consts::PI * spot.excess_density[channel];
        assert!((spot.dose_mm2[channel] - by_hand).abs() < 1e-6 * by_hand);
    }
}

#[test]
fn the_photo_holds_the_dose_that_the_truth_says() {
    let plan = one_spot();
    let rendered = render_view(&plan, 0, 0).unwrap();
    for channel in 0..3 {
        let seen = excess(&rendered.image, channel).iter().sum::<f64>() / plan.px_per_mm.powi(2);
        let told = rendered.truth.pigmented[0].dose_mm2[channel];
        // Blur acts on light, dose on its logarithm: about 1 % for a sharp edge.
        assert!((seen / told - 1.0).abs() < 0.03, "channel {channel}: {seen} {told}");
    }
}

#[test]
fn a_spot_appears_where_the_truth_says() {
    let mut plan = one_spot();
    plan.sessions[1].camera = CameraPlan {
        rotation_deg: 8.0,
        magnification: 1.15,
        shift_mm: [-0.8, 0.5],
        tilt: [0.008, -0.006],
        elastic_mm: 0.08,
        ..plan.sessions[1].camera.clone()
    };
    for session in 0..2 {
        let rendered = render_view(&plan, 0, session).unwrap();
        let (seen, told) = (centroid(&rendered.image), rendered.truth.pigmented[0].session_px);
        assert!((seen[0] - told[0]).hypot(seen[1] - told[1]) < 0.2, "{session}: {seen:?} {told:?}");
    }
}

#[test]
fn the_grid_of_the_transform_agrees_with_its_matrix_without_deformation() {
    let mut plan = one_spot();
    plan.sessions[0].camera.shift_mm = [0.4, 0.9];
    plan.sessions[1].camera.rotation_deg = 30.0;
    plan.sessions[1].camera.tilt = [0.05, 0.0];
    let transform = render_view(&plan, 0, 1).unwrap().truth.transform;
    for point in &transform.points {
        let [x, y] = transform.apply_matrix(point.baseline_px);
        assert!((x - point.session_px[0]).hypot(y - point.session_px[1]) < 1e-9);
    }
}

#[test]
fn darker_with_melanin_and_redder_with_blood() {
    let lab =
        |tone, blood| mean_lab(&render_view(&PatientPlan { tone, blood, ..one_spot() }, 0, 0).unwrap().image);
    assert!(lab(0.06, 0.006).l < lab(0.03, 0.006).l - 3.0);
    assert!(lab(0.03, 0.012).a > lab(0.03, 0.006).a + 1.0);
}

#[test]
fn the_same_plan_gives_the_same_bytes_on_any_number_of_threads() {
    let mut plan = PatientPlan { width: 170, height: 130, ..PatientPlan::default() };
    plan.sessions[1].light.hairs = 4;
    plan.sessions[1].light.glare = 0.3;
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| render_view(&plan, 0, 1).unwrap())
    };
    assert_eq!(on(1), on(2));
    assert_ne!(on(1).image, render_view(&PatientPlan { seed: 2, ..plan.clone() }, 0, 1).unwrap().image);
}

#[test]
fn without_change_everything_stays_true_but_the_noise() {
    let plan = PatientPlan { width: 200, height: 160, ..PatientPlan::preset("still").unwrap() };
    let (first, second) = (render_view(&plan, 0, 0).unwrap(), render_view(&plan, 0, 1).unwrap());
    assert_eq!(first.truth.pigmented, second.truth.pigmented);
    assert_eq!(first.truth.vascular, second.truth.vascular);
    assert_eq!(first.truth.pores, second.truth.pores);
    assert_eq!(first.truth.skin, second.truth.skin);
    assert_eq!(first.truth.transform, second.truth.transform);
    assert_ne!(first.image, second.image);
    let (a, b) = (mean_lab(&first.image), mean_lab(&second.image));
    assert!((a.l - b.l).abs() < 0.05 && (a.a - b.a).abs() < 0.05);
}

#[test]
fn a_faded_spot_loses_its_dose_and_a_new_one_is_listed_from_its_visit_on() {
    let mut plan = PatientPlan { width: 600, height: 450, ..PatientPlan::preset("still").unwrap() };
    plan.sessions[1].change = ChangePlan { spot_fading: 0.5, new_spots: 1, ..ChangePlan::default() };
    let truth = truth_of(&plan).unwrap();
    let [before, after] = [0, 1].map(|s| &truth.views[0].sessions[s].pigmented);
    assert_eq!(after.len(), before.len() + 1);
    assert_eq!(after.last().unwrap().status, LesionStatus::New);
    for (b, a) in before.iter().zip(after) {
        assert_eq!(b.id, a.id);
        assert!((a.excess_fraction / b.excess_fraction - 0.5).abs() < 1e-12);
        // Density is concave in melanin: half of the pigment is more than half of the density.
        let ratio = a.dose_mm2[1] / b.dose_mm2[1];
        assert!(ratio > 0.5 && ratio < 0.7, "{ratio}");
    }
}

#[test]
fn a_resolved_spot_stays_listed_without_dose() {
    let mut plan = PatientPlan { width: 600, height: 450, ..PatientPlan::preset("still").unwrap() };
    plan.sessions[1].change.resolved_spots = 1;
    let truth = truth_of(&plan).unwrap();
    let gone: Vec<_> = truth.views[0].sessions[1]
        .pigmented
        .iter()
        .filter(|spot| spot.status == LesionStatus::Resolved)
        .collect();
    assert_eq!(gone.len(), 1);
    assert_eq!(gone[0].dose_mm2, [0.0; 3]);
    assert!(truth.views[0].sessions[0].pigmented.iter().any(|spot| spot.id == gone[0].id));
}

#[test]
fn the_smallest_photo_renders_and_a_missing_view_is_an_error() {
    let plan = PatientPlan { width: 16, height: 16, ..PatientPlan::default() };
    assert!(render_view(&plan, 0, 2).is_ok());
    assert!(render_view(&plan, 1, 0).is_err() && render_view(&plan, 0, 9).is_err());
}

#[test]
fn the_truth_has_a_schema() {
    let schema = schemars::schema_for!(Truth);
    assert!(schema.as_value()["properties"]["views"].is_object());
}

/// Mean linear green over a square of `side` pixels about (`x`, `y`).
fn mean_green(image: &RgbImage, [x, y]: [f64; 2], side: u32) -> f64 {
    let (left, top) = (x.round() as u32 - side / 2, y.round() as u32 - side / 2);
    let values = (top..top + side).flat_map(|y| (left..left + side).map(move |x| (x, y)));
    let linear =
        values.map(|(x, y)| f64::from(linear_from_srgb(f32::from(image.get_pixel(x, y).0[1]) / 255.0)));
    linear.sum::<f64>() / f64::from(side * side)
}

/// Oblique light from the right reaches the left wall of a pit and leaves its right wall dark.
#[test]
fn a_scar_is_lit_on_the_wall_that_faces_the_light() {
    let mut plan = PatientPlan { width: 800, height: 600, ..one_spot() };
    plan.skin = SkinPlan { scars_per_cm2: 0.5, ..SkinPlan::bare() };
    for (azimuth_deg, brighter) in [(0.0, -1.0), (180.0, 1.0)] {
        plan.sessions[0].light.azimuth_deg = azimuth_deg;
        let rendered = render_view(&plan, 0, 0).unwrap();
        let inside = |scar: &&ScarTruth| {
            (60.0..740.0).contains(&scar.session_px[0]) && (60.0..540.0).contains(&scar.session_px[1])
        };
        let scars: Vec<&ScarTruth> = rendered.truth.scars.iter().filter(inside).collect();
        assert!(!scars.is_empty());
        for scar in scars {
            let wall =
                scar.radius_mm * plan.px_per_mm * if scar.shape == ScarShape::IcePick { 0.4 } else { 0.9 };
            let at = |side: f64| {
                mean_green(&rendered.image, [scar.session_px[0] + side * wall, scar.session_px[1]], 5)
            };
            assert!(at(brighter) > at(-brighter) * 1.02, "{scar:?}: {} {}", at(brighter), at(-brighter));
        }
    }
}

#[test]
fn hairs_lie_where_the_truth_says_and_are_dark() {
    let mut plan = PatientPlan { width: 400, height: 300, ..one_spot() };
    plan.skin = SkinPlan::bare();
    plan.sessions[0].light.hairs = 3;
    let rendered = render_view(&plan, 0, 0).unwrap();
    assert_eq!(rendered.truth.hairs.len(), 3);
    let skin = linear_from_srgb(f32::from(rendered.image.get_pixel(0, 0).0[1]) / 255.0);
    let middles = rendered.truth.hairs.iter().map(|points| points[points.len() / 2]);
    for middle in middles.filter(|[x, y]| (5.0..395.0).contains(x) && (5.0..295.0).contains(y)) {
        assert!(mean_green(&rendered.image, middle, 1) < 0.7 * f64::from(skin), "{middle:?}");
    }
}

#[test]
fn glare_brightens_and_whitens() {
    let mut plan = PatientPlan { width: 400, height: 300, ..one_spot() };
    plan.skin = SkinPlan::bare();
    plan.sessions[1].light =
        LightPlan { shine: 0.03, glare: 0.5, elevation_deg: 75.0, ..plan.sessions[0].light.clone() };
    let [plain, glaring] = [0, 1].map(|session| render_view(&plan, 0, session).unwrap().image);
    let (plain, glaring) = (mean_lab(&plain), mean_lab(&glaring));
    assert!(glaring.l > plain.l + 2.0 && glaring.b < plain.b, "{plain:?} {glaring:?}");
}
