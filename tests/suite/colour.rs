//! Colour on skin whose truth is known: another model and another camera than
//! those that the unmixing was chosen on.

use crate::common::{dermalapse, phantom};
use dermalapse::calibration::CardOptions;
use dermalapse::calibration::card::{self, Found};
use dermalapse::phantom::{CardPlan, LightPlan, PatientPlan, SessionPlan, render_view};
use dermalapse::photo::Photo;
use dermalapse::pipeline::{card_table, unmixing_table};
use image::{Rgb, RgbImage};

/// The leak into hemoglobin on dark skin is beyond reach: its confidence is low instead.
#[test]
fn the_indices_follow_melanin_and_blood_and_not_each_other() {
    for row in unmixing_table() {
        assert!(row.reached(), "{}: {:.3} against {}", row.what, row.seen, row.goal);
        assert_eq!(row.low.is_some(), row.what == "leak of melanin into hemoglobin, dark skin");
    }
}

#[test]
fn on_dark_skin_hemoglobin_is_of_low_confidence() {
    let folder = tempfile::tempdir().unwrap();
    phantom(folder.path(), &["--tone", "0.22", "--size", "480x360", "--sessions", "1"]);
    let photo = folder.path().join("P001/2026-01-10/cheek_left.jpg");
    let out = dermalapse().arg("measure").arg(photo).args(["--px-per-mm", "20"]).output().unwrap();
    let measured: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    let metrics = &measured["regions"][0]["metrics"];
    assert_eq!(metrics["redness.hemoglobin_index"]["confidence"], "low");
    assert_eq!(metrics["pigmentation.melanin_index"]["confidence"], "medium");
}

#[test]
fn a_card_brings_skin_within_a_just_visible_difference() {
    for row in card_table(6).unwrap() {
        assert!(row.reached(), "{}: {:.2} against {}", row.what, row.seen, row.goal);
    }
}

/// A photo of skin with a card in it.
fn with_card(card: CardPlan, exposure: f64) -> RgbImage {
    let light = LightPlan { exposure, ..LightPlan::default() };
    let session = SessionPlan { card: Some(card), light, ..SessionPlan::default() };
    let plan = PatientPlan { sessions: vec![session], ..PatientPlan::default() };
    render_view(&plan, 0, 0).unwrap().image
}

fn code(found: Found) -> String {
    match found {
        Found::None => "none".into(),
        Found::Refused(warning) => warning.code,
        Found::Card(_) => "card".into(),
    }
}

#[test]
fn a_card_lies_where_it_was_laid_at_any_turn() {
    for rotation_deg in [0.0, 33.0, 90.0, 145.0, 180.0, 261.0] {
        let plan = CardPlan { centre: [0.5, 0.5], width: 0.4, rotation_deg, ..CardPlan::default() };
        let photo = Photo::from_rgb8("card", with_card(plan, 1.0));
        let Found::Card(found) = card::search(&card::seen(&photo), &CardOptions::default()) else {
            panic!("no card at {rotation_deg}");
        };
        let [x, y] = found.centre();
        assert!((x - 399.5).abs() < 1.0 && (y - 299.5).abs() < 1.0, "{x} {y} at {rotation_deg}");
        // 320 px for 5 pitches, a patch and two frames: 5 + (46 + 24) / 52.5 = 6.3333 pitches of 44.4 mm.
        assert!((found.px_per_mm / (320.0 / 6.3333 / 44.4) - 1.0).abs() < 0.01, "{}", found.px_per_mm);
        assert!(found.delta_e_2000[0] < 1.5, "{:?}", found.delta_e_2000);
        let given = card::at_corners(&card::seen(&photo), found.corners(), &CardOptions::default());
        assert_eq!(code(given), "card");
    }
}

#[test]
fn skin_without_a_card_has_none_and_a_hidden_or_burnt_card_is_refused() {
    let card = CardPlan { centre: [0.5, 0.5], width: 0.6, ..CardPlan::default() };
    let plain = render_view(&PatientPlan::default(), 0, 0).unwrap().image;
    let search = |image: RgbImage| {
        code(card::search(&card::seen(&Photo::from_rgb8("card", image)), &CardOptions::default()))
    };
    assert_eq!(search(plain), "none");
    let mut hidden = with_card(card.clone(), 1.0);
    (300..480).for_each(|x| (260..420).for_each(|y| hidden.put_pixel(x, y, Rgb([190, 140, 120]))));
    assert_eq!(search(hidden), "card_hidden");
    assert_eq!(search(with_card(card, 3.0)), "card_clipped");
}

/// 480 px for 5 pitches, a patch and two frames: a pitch of 480 / 6.3333 px, a patch of 46 / 52.5 of it.
#[test]
fn three_patches_under_fingers_do_not_pass_silently() {
    let card = CardPlan { centre: [0.5, 0.5], width: 0.6, ..CardPlan::default() };
    let pitch = 480.0 / 6.3333;
    for patches in [[(0, 0), (3, 2), (5, 3)], [(1, 1), (2, 1), (3, 1)], [(0, 3), (1, 3), (2, 3)]] {
        let mut photo = with_card(card.clone(), 1.0);
        for (column, row) in patches {
            let centre = [399.5 + (f64::from(column) - 2.5) * pitch, 299.5 + (f64::from(row) - 1.5) * pitch];
            let [x, y] = centre.map(|at| at as u32);
            (x - 36..x + 36)
                .for_each(|x| (y - 36..y + 36).for_each(|y| photo.put_pixel(x, y, Rgb([190, 140, 120]))));
        }
        let found = card::search(&card::seen(&Photo::from_rgb8("card", photo)), &CardOptions::default());
        assert_eq!(code(found), "card_hidden", "{patches:?}");
    }
}

#[test]
fn the_report_names_the_card_its_scale_and_the_light() {
    let folder = tempfile::tempdir().unwrap();
    let plan = "width = 640\nheight = 480\n[[sessions]]\n[sessions.card]\ncentre = [0.7, 0.7]\nwidth = 0.45\n\
                [sessions.light]\ngradient = 0.1\nazimuth_deg = 0.0\n";
    std::fs::write(folder.path().join("plan.toml"), plan).unwrap();
    let file = folder.path().join("plan.toml");
    phantom(folder.path(), &["--plan", file.to_str().unwrap()]);
    let photo = folder.path().join("P001/2026-01-10/cheek_left.jpg");
    let out = dermalapse().arg("measure").arg(photo).output().unwrap();
    let measured: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(measured["calibration"]["method"], "card");
    assert_eq!(measured["scale"]["source"], "card");
    let light = &measured["calibration"]["light"];
    // The light comes from the right; ±10 % make 22 % from edge to edge.
    assert!(light["direction_deg"].as_f64().unwrap().abs() < 20.0, "{light}");
    assert!((light["strength"].as_f64().unwrap() - 0.22).abs() < 0.08, "{light}");
}
