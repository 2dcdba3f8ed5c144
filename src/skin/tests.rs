use super::*;
use crate::calibration::modelled_skin;
use crate::color::Lab;
use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;

const SCALE: FilterScale = FilterScale { px_per_mm: 6.0, physical: true };
const SIZE: usize = 150;

/// Melanosome fractions from very light to dark skin.
const TONES: [f64; 6] = [0.008, 0.02, 0.04, 0.08, 0.15, 0.28];

/// Linear light of a scene: `colour(x, y)` under an exposure and a white
/// balance, with pixel noise and mottling of the skin.
fn scene(colour: impl Fn(usize, usize) -> [f32; 3], light: [f32; 3], seed: u64) -> Light {
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let mut planes = [(); 3].map(|()| Plane::zeros((SIZE, SIZE)));
    for y in 0..SIZE {
        for x in 0..SIZE {
            let (rgb, shading) = (colour(x, y), random.random_range(0.92..1.08f32));
            for (c, plane) in planes.iter_mut().enumerate() {
                let noise = 0.003 * random.random_range(-1.0..1.0f32);
                plane[[y, x]] = (rgb[c] * light[c] * shading + noise).clamp(0.0, 1.0);
            }
        }
    }
    seen(planes)
}

/// Planes of linear light as a camera of one pixel per cell sees them.
fn seen(linear: [Plane; 3]) -> Light {
    let any = |clipped: fn(f32) -> bool| {
        let mut share = Plane::zeros(linear[0].raw_dim());
        for plane in &linear {
            share.zip_mut_with(plane, |share, &value| {
                *share = f32::from(u8::from(*share > 0.0 || clipped(value)))
            });
        }
        share
    };
    let (clipped, lost) = (any(|value| value > 0.98), any(|value| !(0.0015..=0.98).contains(&value)));
    Light { linear, clipped, lost }
}

fn disc(x: usize, y: usize, radius: f64) -> bool {
    let middle = SIZE as f64 / 2.0;
    (x as f64 - middle).hypot(y as f64 - middle) < radius
}

fn share(mask: &Mask, of: impl Fn(usize, usize) -> bool) -> f64 {
    let (mut inside, mut all) = (0.0, 0.0);
    for ((y, x), &covered) in mask.indexed_iter() {
        if of(x, y) {
            all += 1.0;
            inside += f64::from(u8::from(covered));
        }
    }
    inside / all
}

#[test]
fn a_close_up_of_any_tone_in_any_light_is_all_skin() {
    let lights = [[1.0, 1.0, 1.0], [0.5, 0.5, 0.5], [0.9, 1.0, 1.15], [1.12, 1.0, 0.85], [0.75, 1.0, 1.2]];
    for (seed, tone) in TONES.into_iter().enumerate() {
        let rgb = modelled_skin::linear(tone, 0.006);
        for light in lights {
            let skin = valid_skin(&scene(|_, _| rgb, light, seed as u64), 1, SCALE);
            let ita = Lab::from_linear(rgb).ita_deg();
            assert!(skin.coverage > 0.97, "ITA {ita:.0}, light {light:?}: {}", skin.coverage);
        }
    }
}

#[test]
fn skin_on_cloth_is_found_alike_on_every_tone() {
    for cloth in [[0.8, 0.8, 0.8], [0.05, 0.15, 0.3], [0.1, 0.3, 0.15], [0.02, 0.02, 0.02]] {
        let found: Vec<f64> = TONES
            .iter()
            .map(|&tone| {
                let rgb = modelled_skin::linear(tone, 0.006);
                let planes = scene(|x, y| if disc(x, y, 50.0) { rgb } else { cloth }, [1.0; 3], 7);
                let skin = valid_skin(&planes, 1, SCALE);
                let outside = share(&skin.mask, |x, y| !disc(x, y, 54.0));
                assert!(outside < 0.02, "cloth {cloth:?}, tone {tone}: {outside} of it");
                share(&skin.mask, |x, y| disc(x, y, 46.0))
            })
            .collect();
        let (least, most) = found.iter().fold((1.0f64, 0.0f64), |(l, m), f| (l.min(*f), m.max(*f)));
        assert!(least > 0.93 && most - least < 0.05, "cloth {cloth:?}: {found:?}");
    }
}

#[test]
fn lesions_are_never_carved_out() {
    let blue_grey = [0.06, 0.075, 0.085];
    for tone in TONES {
        let rgb = modelled_skin::linear(tone, 0.006);
        let mole = modelled_skin::linear((tone * 5.0).min(0.35), 0.008);
        let red = modelled_skin::linear(tone, 0.025);
        for lesion in [mole, red, blue_grey, [0.004; 3]] {
            let planes = scene(|x, y| if disc(x, y, 20.0) { lesion } else { rgb }, [1.0; 3], 11);
            let mask = valid_skin(&planes, 1, SCALE).mask;
            assert!(share(&mask, |x, y| disc(x, y, 18.0)) > 0.95, "tone {tone}, lesion {lesion:?}");
        }
    }
}

#[test]
fn pen_strokes_and_glare_go() {
    let rgb = modelled_skin::linear(0.02, 0.006);
    let stroke = |x: usize, y: usize| (30..120).contains(&x) && (40..44).contains(&y);
    let shine = |x: usize, y: usize| (70..76).contains(&x) && (90..96).contains(&y);
    let colour = |x: usize, y: usize| match (stroke(x, y), shine(x, y)) {
        (true, _) => [0.12, 0.09, 0.35],
        (_, true) => rgb.map(|value| value + 0.35),
        _ => rgb,
    };
    let skin = valid_skin(&scene(colour, [1.0; 3], 13), 1, SCALE);
    assert!(share(&skin.mask, stroke) < 0.1);
    assert!(share(&skin.glare, shine) > 0.9 && share(&skin.mask, shine) < 0.1);
    assert!(skin.coverage > 0.9);
}

#[test]
fn dark_skin_in_warm_light_is_skin() {
    // A lamp that shifts ln R/G and ln G/B by 0.35 each; and brown skin of sRGB 155, 84, 55.
    let [red, green, blue] = modelled_skin::linear(0.22, 0.006);
    for rgb in [[1.42 * red, green, 0.7 * blue], [0.328, 0.089, 0.038]] {
        assert!(valid_skin(&scene(|_, _| rgb, [1.0; 3], 17), 1, SCALE).coverage > 0.9, "{rgb:?}");
    }
}

#[test]
fn what_shows_no_skin_has_none() {
    let terracotta = [0.604, 0.133, 0.058]; // sRGB 204, 102, 68
    for wall in [[0.02, 0.1, 0.4], [0.05, 0.4, 0.1], [0.18, 0.22, 0.25], terracotta, [0.0; 3]] {
        assert!(valid_skin(&scene(|_, _| wall, [1.0; 3], 17), 1, SCALE).coverage < 0.05, "{wall:?}");
    }
}

#[test]
fn the_mask_turns_with_the_photo() {
    let rgb = modelled_skin::linear(0.05, 0.006);
    let planes = scene(|x, y| if x + y / 2 < 140 { rgb } else { [0.6; 3] }, [1.0; 3], 19);
    let turned = planes.linear.each_ref().map(|plane| plane.t().as_standard_layout().into_owned());
    let (mask, turned) = (valid_skin(&planes, 1, SCALE).mask, valid_skin(&seen(turned), 1, SCALE).mask);
    let differing = mask.indexed_iter().filter(|&((y, x), &inside)| turned[[x, y]] != inside).count();
    assert!(differing < mask.len() / 200, "{differing}");
}

#[test]
fn the_mask_is_read_at_any_reduction() {
    let mask = Mask::from_shape_fn((2, 3), |(y, x)| (x + y) % 2 == 0);
    let [glare, hair, strands, clipped] = [(); 4].map(|()| mask.clone());
    let (lost_fraction, light) = ([0.0; 2], [0.1; 3]);
    let skin = Skin { glare, hair, strands, clipped, coverage: 0.5, mask, factor: 4, lost_fraction, light };
    let fine = skin.mask_at(2, 6, 5);
    assert!(fine[[0, 0]] && fine[[1, 1]] && !fine[[0, 2]] && !fine[[2, 0]] && fine[[4, 2]]);
    assert_eq!(skin.mask_at(4, 3, 2), skin.mask);
}

/// A hair that lies across skin and the wall behind it.
#[test]
fn a_strand_is_seen_where_it_lies_on_skin_and_is_no_skin() {
    let rgb = modelled_skin::linear(0.03, 0.006);
    let colour = |x: usize, y: usize| match (x, y) {
        (_, 70) if x > 5 => [0.02, 0.014, 0.01],
        (..110, _) => rgb,
        _ => [0.3, 0.35, 0.5],
    };
    let skin = valid_skin(&scene(colour, [1.0; 3], 23), 1, SCALE);
    let seen = skin.seen_at(1, SIZE, SIZE);
    let on_hair = |x: usize, y: usize| y == 70 && (10..100).contains(&x);
    assert!(share(&skin.mask, on_hair) < 0.05 && share(&seen, on_hair) > 0.95);
    assert!(share(&seen, |x, _| x > 115) < 0.01 && share(&skin.hair, |x, y| y == 70 && x > 115) > 0.5);
}

#[test]
fn tiny_photos_do_not_panic() {
    for size in [(1, 1), (1, 5), (3, 2)] {
        let plane = |value| Plane::from_elem(size, value);
        for level in [0.0, 0.3, 1.0] {
            valid_skin(&seen([plane(level), plane(level * 0.7), plane(level * 0.5)]), 1, SCALE);
        }
    }
}
