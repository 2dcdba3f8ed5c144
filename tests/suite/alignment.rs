//! How well photographs are aligned whose truth is known, and which are
//! refused: a smaller version of `benches/alignment.py`.

use dermalapse::alignment::{
    Alignment, AlignmentOptions, Features, Rejection, Status, Transform, align, align_from, reduction_for,
};
use dermalapse::phantom::{CameraPlan, ChangePlan, LightPlan, PatientPlan, SessionPlan, render_view};
use dermalapse::photo::Photo;
use dermalapse::skin::Skin;
use dermalapse::units::FilterScale;
use image::{RgbImage, imageops};

const WIDTH: u32 = 800;
const HEIGHT: u32 = 600;

/// A point of the baseline and where the session shows it, pixels.
type Pair = ([f64; 2], [f64; 2]);

/// What the pipeline gives alignment: the photo's green on its valid skin.
fn features(image: RgbImage) -> Features {
    let photo = Photo::from_rgb8("photo", image);
    let (width, height) = (photo.width(), photo.height());
    let factor = reduction_for(width, height);
    let picture = photo.encoded_green(factor);
    let skin = Skin::of(&photo, FilterScale::of(None, width, height));
    let valid = skin.mask_at(factor, picture.ncols(), picture.nrows());
    Features::detect(picture, &valid, factor, width, height)
}

fn aligned(reference: &Features, moving: &Features) -> Alignment {
    align(reference, moving, &AlignmentOptions::default(), 1)
}

/// Light that keeps its direction on the skin when the camera is turned by
/// `rotation_deg`: light from elsewhere moves what relief looks like, by tenths of a pixel.
fn light(rotation_deg: f64) -> LightPlan {
    let still = LightPlan::default();
    LightPlan { azimuth_deg: still.azimuth_deg - rotation_deg, ..still }
}

/// A patient whose visits are photographed ever worse: as at baseline, then
/// easy, typical and hard to align.
fn patient(seed: u64) -> PatientPlan {
    PatientPlan {
        seed,
        views: vec!["cheek_left".into(), "forehead".into()],
        sessions: vec![SessionPlan::default(), easy(), typical(), hard()],
        width: WIDTH,
        height: HEIGHT,
        ..PatientPlan::default()
    }
}

fn easy() -> SessionPlan {
    SessionPlan {
        camera: CameraPlan {
            rotation_deg: 5.0,
            magnification: 1.04,
            shift_mm: [0.9, -0.6],
            ..CameraPlan::default()
        },
        light: LightPlan { exposure: 1.35, ..light(5.0) },
        ..SessionPlan::default()
    }
}

fn typical() -> SessionPlan {
    SessionPlan {
        change: ChangePlan { spot_fading: 0.4, redness_fading: -0.3, new_spots: 3, ..ChangePlan::default() },
        camera: CameraPlan {
            rotation_deg: -13.0,
            magnification: 0.88,
            shift_mm: [-1.5, 1.0],
            elastic_mm: 0.12,
            jpeg_quality: 85,
            ..CameraPlan::default()
        },
        light: LightPlan {
            exposure: 1.0,
            white_balance: [1.06, 0.95],
            gradient: 0.2,
            hairs: 3,
            ..light(-13.0)
        },
        ..SessionPlan::default()
    }
}

fn hard() -> SessionPlan {
    SessionPlan {
        camera: CameraPlan {
            rotation_deg: 33.0,
            magnification: 1.25,
            shift_mm: [1.5, -1.5],
            tilt: [0.02, -0.03],
            elastic_mm: 0.25,
            blur_px: 1.2,
            ..CameraPlan::default()
        },
        light: LightPlan {
            exposure: 0.85,
            white_balance: [1.12, 0.9],
            gradient: -0.4,
            hairs: 5,
            glare: 0.05,
            ..light(33.0)
        },
        ..typical()
    }
}

/// The distances, sorted, between the truth and where `found` puts the points
/// of the baseline that the session's photo shows.
fn errors(found: &Alignment, truth: &[Pair]) -> Vec<f64> {
    let mut errors: Vec<f64> =
        truth.iter().map(|(at, want)| distance(found.transform.map(*at), *want)).collect();
    errors.sort_by(f64::total_cmp);
    errors
}

fn distance(a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

fn quantile(sorted: &[f64], share: f64) -> f64 {
    sorted[(share * (sorted.len() - 1) as f64) as usize]
}

/// The photo of a session and the points of the baseline that it shows.
fn session(plan: &PatientPlan, number: usize) -> (RgbImage, Vec<Pair>) {
    let rendered = render_view(plan, 0, number).unwrap();
    let shown =
        |at: &[f64; 2]| (0.0..f64::from(WIDTH)).contains(&at[0]) && (0.0..f64::from(HEIGHT)).contains(&at[1]);
    let points = rendered.truth.transform.points.iter().map(|point| (point.baseline_px, point.session_px));
    (rendered.image, points.filter(|(at, want)| shown(at) && shown(want)).collect())
}

#[test]
fn points_are_found_within_the_bars_and_the_error_is_owned_up_to() {
    let plan = patient(7);
    let baseline = features(session(&plan, 0).0);
    for (number, most_median) in [(1, 0.05), (2, 0.08), (3, 0.25)] {
        let (image, truth) = session(&plan, number);
        let moving = features(image);
        let found = aligned(&baseline, &moving);
        assert_eq!((found.status, found.reason), (Status::Aligned, None), "session {number}");
        let errors = errors(&found, &truth);
        assert!(errors.len() > 40, "session {number}: only {} points are judged", errors.len());
        let (median, most) = (quantile(&errors, 0.5), quantile(&errors, 0.95));
        assert!(median < most_median, "session {number}: {median}");
        assert!(most < 0.0025 * f64::from(WIDTH), "session {number}: {most}");
        let ratio = found.residual_px / median;
        assert!((0.5..2.0).contains(&ratio), "session {number}: {} said, {median} true", found.residual_px);
        the_way_back_agrees(&found, &aligned(&moving, &baseline), &truth);
    }
}

fn the_way_back_agrees(there: &Alignment, back: &Alignment, truth: &[Pair]) {
    assert_eq!(back.status, Status::Aligned);
    let mut loops: Vec<f64> =
        truth.iter().map(|(at, _)| distance(back.transform.map(there.transform.map(*at)), *at)).collect();
    loops.sort_by(f64::total_cmp);
    let (median, expected) = (quantile(&loops, 0.5), there.residual_px + back.residual_px);
    assert!(median < 2.0 * expected, "{median}, but {expected} was expected");
}

#[test]
fn photos_turned_in_the_hand_are_aligned() {
    let (image, _) = session(&patient(8), 0);
    let (right, last) = (f64::from(HEIGHT - 1), f64::from(WIDTH - 1));
    let reference = features(image.clone());
    let quarter: [[f64; 3]; 2] = [[0.0, -1.0, right], [1.0, 0.0, 0.0]];
    let half = [[-1.0, 0.0, last], [0.0, -1.0, right]];
    for (photo, way) in [(imageops::rotate90(&image), quarter), (imageops::rotate180(&image), half)] {
        let found = aligned(&reference, &features(photo));
        assert_eq!((found.status, found.reason), (Status::Aligned, None));
        for [x, y] in [[20.0, 30.0], [400.0, 300.0], [780.0, 580.0]] {
            let truth = way.map(|[a, b, c]| a * x + b * y + c);
            assert!(distance(found.transform.map([x, y]), truth) < 0.1, "{x}, {y}");
        }
    }
}

/// The reasons, both ways.
fn reasons(reference: &Features, moving: &Features) -> [Option<Rejection>; 2] {
    [aligned(reference, moving), aligned(moving, reference)].map(|found| {
        assert_eq!((found.status, found.residual_px), (Status::Rejected, f64::INFINITY));
        found.reason
    })
}

#[test]
fn photos_of_other_skin_are_refused_for_what_is_wrong_with_them() {
    let plan = patient(9);
    let (image, _) = session(&plan, 0);
    let other_site = render_view(&plan, 1, 2).unwrap().image;
    let (other_patient, _) = session(&patient(10), 2);
    let mirrored = imageops::flip_horizontal(&session(&plan, 1).0);
    let blurred = imageops::blur(&image, 16.0);
    let reference = features(image);
    for (what, photo, why) in [
        ("mirror image", mirrored, Rejection::Mirrored),
        ("other site", other_site, Rejection::NoSharedSkin),
        ("other patient", other_patient, Rejection::NoSharedSkin),
        ("blank wall", wall(), Rejection::NoStructure),
        ("out of focus", blurred, Rejection::NoStructure),
    ] {
        assert_eq!(reasons(&reference, &features(photo)), [Some(why); 2], "{what}");
    }
}

#[test]
fn the_neighbouring_skin_is_out_of_frame() {
    let plan = PatientPlan { width: 1200, ..patient(11) };
    let scene = render_view(&plan, 0, 0).unwrap().image;
    let [left, right] = [0, 520].map(|x| imageops::crop_imm(&scene, x, 0, 680, HEIGHT).to_image());
    assert_eq!(reasons(&features(left), &features(right)), [Some(Rejection::OutOfFrame); 2]);
}

/// A little noise without skin's structure: a hash of the place.
fn wall() -> RgbImage {
    RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
        let noise = (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(2_246_822_519)) >> 29;
        image::Rgb([190, 160, 140].map(|value: u8| value + (x / 40) as u8 + noise as u8))
    })
}

/// The photo seen from ever further aside: narrower by `share`.
fn from_aside(image: &RgbImage, share: f64) -> RgbImage {
    let width = (share * f64::from(WIDTH)).round() as u32;
    imageops::resize(image, width, HEIGHT, imageops::FilterType::Triangle)
}

#[test]
fn skin_seen_too_far_from_aside_is_found_through_a_photo_in_between() {
    let (image, _) = session(&patient(12), 0);
    let photos = [image.clone(), from_aside(&image, 0.65), from_aside(&image, 0.42)];
    let [first, between, last] = photos.each_ref().map(|photo| features(photo.clone()));
    assert_eq!(aligned(&first, &last).status, Status::Rejected, "nothing needs a bridge");
    let (there, onward) = (aligned(&first, &between), aligned(&between, &last));
    let guess = there.transform.then(&onward.transform, WIDTH as usize, HEIGHT as usize).unwrap();
    let found = align_from(&first, &last, &guess, &AlignmentOptions::default());
    assert_eq!((found.status, found.reason), (Status::Aligned, None));
    let narrower = f64::from(photos[2].width()) / f64::from(WIDTH);
    for [x, y] in [[30.0, 40.0], [400.0, 300.0], [770.0, 560.0]] {
        let truth = [narrower * (x + 0.5) - 0.5, y];
        assert!(distance(found.transform.map([x, y]), truth) < 0.1, "{x}, {y}");
    }
    assert!(found.diagnostics.loop_error_px[0] < 0.2, "{:?}", found.diagnostics);
    // A way that leads elsewhere is not believed.
    let astray = Transform::from_matrix([[narrower, 0.0, 9.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]).unwrap();
    let found = align_from(&first, &last, &astray, &AlignmentOptions::default());
    assert_eq!(found.status, Status::Rejected);
    the_series_takes_that_way(&photos);
}

/// `compare` finds the last photo only if the one in between is given.
fn the_series_takes_that_way(photos: &[RgbImage; 3]) {
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<_> = ["a.png", "b.png", "c.png"].map(|name| folder.path().join(name)).into();
    files.iter().zip(photos).for_each(|(file, photo)| photo.save(file).unwrap());
    let last_alignment = |files: &[&std::path::PathBuf]| {
        let mut command = assert_cmd::Command::cargo_bin("dermalapse").unwrap();
        let output = command.arg("compare").args(files).arg("--quiet").output().unwrap();
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        report["views"][0]["sessions"][files.len() - 1]["alignment"].clone()
    };
    let direct = last_alignment(&[&files[0], &files[2]]);
    assert_eq!(direct["status"], "rejected");
    assert!(direct["reason"].as_str().unwrap().starts_with("no_shared_skin: "), "{direct}");
    assert_eq!(last_alignment(&[&files[0], &files[1], &files[2]])["status"], "aligned");
}
