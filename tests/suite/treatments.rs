//! What a report says beside treatments and untreated skin.

use std::fs;

use crate::common::{self, PATIENT, dermalapse, json, sessions};
use serde_json::{Value, json as value};

/// The report's view of [`PATIENT`]'s left cheek, with a region of untreated
/// skin beside a treated one, and a treatment two days before the last session.
fn view() -> Value {
    let folder = tempfile::tempdir().unwrap();
    let patient = folder.path().join("in/P001");
    for session in sessions() {
        let to = patient.join(&session);
        fs::create_dir_all(&to).unwrap();
        fs::copy(common::photo(&session, "cheek_left"), to.join("cheek_left.jpg")).unwrap();
    }
    let shape = |label: &str, left: u32| {
        let points = [[left, 40], [left + 180, 40], [left + 180, 320], [left, 320]];
        value!({"label": label, "points": points, "shape_type": "polygon"})
    };
    let regions = value!({
        "imagePath": "cheek_left.jpg", "imageWidth": 480, "imageHeight": 360,
        "shapes": [shape("treated", 40), shape("control", 250)],
    });
    fs::write(patient.join("regions.json"), regions.to_string()).unwrap();
    let last: jiff::civil::Date = sessions().last().unwrap()[..10].parse().unwrap();
    let treated = last.checked_sub(jiff::ToSpan::days(2)).unwrap();
    let facts =
        format!("treatments = ['{treated}']\n[views.cheek_left]\nroi = 'regions.json'\npx_per_mm = 16\n");
    fs::write(patient.join("patient.toml"), facts).unwrap();
    let out = folder.path().join("out");
    dermalapse().arg("analyze").arg(folder.path().join("in")).arg("--out").arg(&out).output().unwrap();
    assert!(PATIENT.path().exists());
    json(&out.join("P001/report.json"))["views"][0].clone()
}

#[test]
fn treatments_and_controls_stand_beside_the_verdicts() {
    let view = view();
    let sessions = view["sessions"].as_array().unwrap();
    assert_eq!(sessions[0]["treatment"], Value::Null);
    let facts = &sessions.last().unwrap()["treatment"];
    assert_eq!(facts, &value!({"treatments_before": 1, "days_since": 2, "healing_window": true}));
    assert_eq!(view["schedule"]["days_since_last"], 2);
    let last = &sessions.last().unwrap()["session"];
    let changes = view["changes"].as_array().unwrap();
    for change in changes.iter().filter(|change| &change["to"] == last) {
        if change["metric"].as_str().unwrap().starts_with("redness") {
            assert_ne!(change["verdict"], "worsened", "{change}");
        }
    }
    let of = |region: &str, metric: &str| {
        let found =
            changes.iter().find(|c| c["region"] == region && c["metric"] == metric && &c["to"] == last);
        found.unwrap()["difference"].as_f64().unwrap()
    };
    let controlled = view["controlled"].as_array().unwrap();
    assert!(controlled.iter().all(|change| change["region"] == "treated" && change["control"] == "control"));
    let id = "pigmentation.l_star_mean";
    let found = controlled.iter().find(|c| c["metric"] == id && &c["to"] == last).unwrap();
    let expected = of("treated", id) - of("control", id);
    assert!((found["difference"].as_f64().unwrap() - expected).abs() < 1e-4, "{found} {expected}");
}

#[test]
fn scales_say_what_a_photo_cannot_give() {
    let view = view();
    let items = view["scales"]["items"].as_array().unwrap();
    assert!(items.iter().any(|item| item["basis"] == "not_in_a_photo" && item["item"] == "thickness"));
    for score in view["scales"]["sub_scores"].as_array().unwrap() {
        assert!((0.0..=6.0).contains(&score["value"].as_f64().unwrap()));
    }
}
