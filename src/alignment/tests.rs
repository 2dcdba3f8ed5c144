//! The whole stage on textures made here, whose true transform is known.

use ndarray::Array2;
use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::*;
use crate::filter::gaussian::gaussian;

const SIDE: usize = 420;

/// Something like skin: spots of several sizes on noise, the same everywhere for one seed.
fn skin(seed: u64, size: usize) -> Plane {
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let mut plane = Array2::from_elem((size, size), 140.0f32);
    for (sigma, strength) in [(1.5, 18.0), (3.0, 40.0), (7.0, 90.0)] {
        let noise = Array2::from_shape_fn((size, size), |_| random.random_range(-1.0f32..1.0));
        plane = plane + gaussian(&noise, sigma) * (strength * sigma as f32 * 0.4);
    }
    plane
}

/// The photo that shows the point (x, y) of `scene` at `place(x, y)`, given the inverse of `place`.
fn photo(scene: &Plane, width: usize, height: usize, back: impl Fn(f64, f64) -> [f64; 2]) -> (Plane, Mask) {
    let at = |y: usize, x: usize| {
        let [u, v] = back(x as f64, y as f64);
        raster::sample(scene, u, v)
    };
    let plane = Array2::from_shape_fn((height, width), |(y, x)| at(y, x).unwrap_or(0.0));
    (plane, Mask::from_shape_fn((height, width), |(y, x)| at(y, x).is_some()))
}

fn whole(plane: Plane) -> Features {
    let (width, height) = raster::size(&plane);
    let mask = Mask::from_elem((height, width), true);
    Features::detect(plane, &mask, 1, width, height)
}

fn aligned(reference: &Features, moving: &Features) -> Alignment {
    align(reference, moving, &AlignmentOptions::default(), 1)
}

/// Largest distance between where the alignment and the truth put a grid of
/// reference points that the moving photo shows.
fn worst(found: &Alignment, moving: &Features, truth: impl Fn([f64; 2]) -> [f64; 2]) -> f64 {
    let mut worst = 0.0f64;
    for k in 0..400 {
        let at = [(k % 20) as f64 * 20.0 + 8.0, (k / 20) as f64 * 20.0 + 8.0];
        let want = truth(at);
        let inside = want[0] > 8.0
            && want[1] > 8.0
            && want[0] < moving.width as f64 - 9.0
            && want[1] < moving.height as f64 - 9.0;
        if inside {
            let got = found.transform.map(at);
            worst = worst.max((got[0] - want[0]).hypot(got[1] - want[1]));
        }
    }
    worst
}

#[test]
fn a_photo_lies_on_itself() {
    let features = whole(skin(1, SIDE));
    let found = aligned(&features, &features);
    assert_eq!((found.status, found.reason), (Status::Aligned, None));
    assert!(worst(&found, &features, |at| at) < 0.02);
    assert!((found.overlap_fraction - 1.0).abs() < 1e-9);
}

#[test]
fn a_known_similarity_comes_back_within_a_tenth_of_a_pixel() {
    let scene = skin(2, SIDE);
    let reference = whole(scene.clone());
    for (degrees, zoom) in [(12.0f64, 1.15), (-40.0, 0.85), (173.0, 1.0)] {
        let (sin, cos) = degrees.to_radians().sin_cos();
        let centre = (SIDE - 1) as f64 / 2.0;
        let truth = |[x, y]: [f64; 2]| {
            let (x, y) = (x - centre, y - centre);
            [zoom * (cos * x - sin * y) + centre + 6.3, zoom * (sin * x + cos * y) + centre - 4.8]
        };
        let (plane, mask) = photo(&scene, SIDE, SIDE, |u, v| {
            let (u, v) = ((u - centre - 6.3) / zoom, (v - centre + 4.8) / zoom);
            [cos * u + sin * v + centre, cos * v - sin * u + centre]
        });
        let moving = Features::detect(plane, &mask, 1, SIDE, SIDE);
        let found = aligned(&reference, &moving);
        assert_eq!((found.status, found.reason), (Status::Aligned, None), "{degrees} {zoom}");
        let worst = worst(&found, &moving, truth);
        assert!(worst < 0.1, "{degrees}° x {zoom}: {worst}");
    }
}

#[test]
fn quarter_turns_are_found() {
    let scene = skin(3, SIDE);
    let reference = whole(scene.clone());
    let last = (SIDE - 1) as f64;
    let quarter = whole(Array2::from_shape_fn((SIDE, SIDE), |(y, x)| scene[[SIDE - 1 - x, y]]));
    let half = whole(Array2::from_shape_fn((SIDE, SIDE), |(y, x)| scene[[SIDE - 1 - y, SIDE - 1 - x]]));
    let found = aligned(&reference, &quarter);
    assert_eq!(found.status, Status::Aligned);
    assert!(worst(&found, &quarter, |[x, y]| [last - y, x]) < 0.05);
    let found = aligned(&reference, &half);
    assert_eq!(found.status, Status::Aligned);
    assert!(worst(&found, &half, |[x, y]| [last - x, last - y]) < 0.05);
}

#[test]
fn a_bent_surface_is_followed_and_both_ways_agree() {
    let scene = skin(4, SIDE);
    let bend = |[x, y]: [f64; 2]| [x + 3.0 * (y / 70.0).sin(), y + 2.5 * (x / 80.0).cos()];
    let straighten = |u: f64, v: f64| {
        let mut point = [u, v];
        for _ in 0..50 {
            let end = bend(point);
            point = [point[0] + u - end[0], point[1] + v - end[1]];
        }
        point
    };
    let (plane, mask) = photo(&scene, SIDE, SIDE, straighten);
    let (reference, moving) = (whole(scene), Features::detect(plane, &mask, 1, SIDE, SIDE));
    let (forth, back) = (aligned(&reference, &moving), aligned(&moving, &reference));
    assert_eq!((forth.status, back.status), (Status::Aligned, Status::Aligned));
    assert!(worst(&forth, &moving, bend) < 0.25, "{}", worst(&forth, &moving, bend));
    let mut loops = Vec::new();
    for k in 0..81 {
        let at = [(k % 9) as f64 * 40.0 + 50.0, (k / 9) as f64 * 40.0 + 50.0];
        let end = back.transform.map(forth.transform.map(at));
        loops.push((end[0] - at[0]).hypot(end[1] - at[1]));
    }
    assert!(guidance::median(&loops) < 0.05);
}

#[test]
fn hair_and_glare_that_are_masked_out_do_not_matter() {
    let scene = skin(11, SIDE);
    let spoilt = |seed: u64, value: f32| {
        let mut random = Pcg64Mcg::seed_from_u64(seed);
        let (mut plane, mut mask) = (scene.clone(), Mask::from_elem((SIDE, SIDE), true));
        for _ in 0..150 {
            let (cx, cy) = (random.random_range(0..SIDE), random.random_range(0..SIDE));
            let (width, height) = if random.random_bool(0.5) { (3, 40) } else { (7, 7) };
            for y in cy..(cy + height).min(SIDE) {
                for x in cx..(cx + width).min(SIDE) {
                    plane[[y, x]] = value;
                    mask[[y, x]] = false;
                }
            }
        }
        Features::detect(plane, &mask, 1, SIDE, SIDE)
    };
    let (reference, moving) = (spoilt(1, 20.0), spoilt(2, 250.0));
    let found = aligned(&reference, &moving);
    assert_eq!((found.status, found.reason), (Status::Aligned, None));
    assert!(worst(&found, &moving, |at| at) < 0.1, "{}", worst(&found, &moving, |at| at));
}

#[test]
fn light_and_contrast_do_not_matter() {
    let scene = skin(5, SIDE);
    let lit = Array2::from_shape_fn((SIDE, SIDE), |(y, x)| {
        60.0 + 0.6 * (scene[[y, x]] - 60.0) + 40.0 * (x as f32 / SIDE as f32)
    });
    let (reference, moving) = (whole(scene), whole(lit));
    let found = aligned(&reference, &moving);
    assert_eq!(found.status, Status::Aligned);
    assert!(worst(&found, &moving, |at| at) < 0.1);
}

/// A shift by `x` to the right.
fn shift(x: f64) -> Transform {
    Transform::from_matrix([[1.0, 0.0, x], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]).unwrap()
}

#[test]
fn a_guess_is_only_where_the_search_begins() {
    let scene = skin(12, SIDE);
    let moved = Array2::from_shape_fn((SIDE, SIDE), |(y, x)| scene[[y, x.saturating_sub(9)]]);
    let (reference, moving) = (whole(scene), whole(moved));
    let from = |guess: &Transform| align_from(&reference, &moving, guess, &AlignmentOptions::default());
    let found = from(&shift(8.0));
    assert_eq!((found.status, found.reason), (Status::Aligned, None));
    assert!(worst(&found, &moving, |[x, y]| [x + 9.0, y]) < 0.1);
    // Within reach of the search, but not where the skin is found.
    assert_eq!(from(&shift(2.0)).reason, Some(Rejection::Uncertain));
    assert_eq!(from(&shift(150.0)).status, Status::Rejected);
    let other = whole(skin(13, SIDE));
    let found = align_from(&reference, &other, &Transform::identity(), &AlignmentOptions::default());
    assert_eq!(found.status, Status::Rejected);
}

#[test]
fn what_shares_no_skin_is_refused() {
    let scene = skin(6, SIDE);
    let reference = whole(scene.clone());
    let mirrored = Array2::from_shape_fn((SIDE, SIDE), |(y, x)| scene[[y, SIDE - 1 - x]]);
    let mut random = Pcg64Mcg::seed_from_u64(9);
    let noise = Array2::from_shape_fn((SIDE, SIDE), |_| random.random_range(0.0f32..255.0));
    let wall = Array2::from_elem((SIDE, SIDE), 128.0f32);
    for (what, plane) in [("mirror", mirrored), ("noise", noise), ("wall", wall), ("other", skin(7, SIDE))] {
        let moving = whole(plane);
        for found in [aligned(&reference, &moving), aligned(&moving, &reference)] {
            assert_eq!(found.status, Status::Rejected, "{what}");
            assert!(found.reason.is_some() && found.residual_px.is_infinite(), "{what}");
        }
    }
}

#[test]
fn pictures_of_any_size_are_taken_without_panic() {
    let reference = whole(skin(8, 120));
    for (width, height) in [(0, 0), (1, 1), (1, 300), (17, 16), (33, 200)] {
        let tiny = Features::detect(
            Plane::from_elem((height, width), 99.0),
            &Mask::from_elem((height, width), true),
            3,
            3 * width,
            3 * height,
        );
        assert_eq!(aligned(&reference, &tiny).status, Status::Rejected);
        assert_eq!(aligned(&tiny, &reference).status, Status::Rejected);
    }
    let hidden = Features::detect(skin(8, 120), &Mask::from_elem((120, 120), false), 1, 120, 120);
    assert_eq!(aligned(&reference, &hidden).reason, Some(Rejection::NoStructure));
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let scene = skin(10, SIDE);
    let shifted = Array2::from_shape_fn((SIDE, SIDE), |(y, x)| scene[[(y + 9) % SIDE, (x + 14) % SIDE]]);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| aligned(&whole(scene.clone()), &whole(shifted.clone())))
    };
    let (one, three) = (run(1), run(3));
    assert_eq!(one.transform, three.transform);
    assert_eq!(one.residual_px.to_bits(), three.residual_px.to_bits());
    assert_eq!(one.diagnostics, three.diagnostics);
}

#[test]
fn the_working_size_is_about_1100_pixels() {
    assert_eq!(
        [(300, 300), (1500, 1000), (4000, 3000), (8000, 6000)].map(|(w, h)| reduction_for(w, h)),
        [1, 1, 4, 7]
    );
}
