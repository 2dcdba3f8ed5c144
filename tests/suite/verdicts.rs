//! What the tool says of skin whose truth is known.

use std::collections::BTreeMap;
use std::path::Path;

use crate::common::{dermalapse, json, phantom};
use ::dermalapse::settings::Settings;
use ::dermalapse::validate::{Extent, validate};
use serde_json::Value;

/// The report on one synthetic patient.
fn report(options: &[&str]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let (photos, out) = (folder.path().join("photos"), folder.path().join("out"));
    phantom(&photos, options);
    dermalapse().arg("analyze").arg(&photos).arg("--out").arg(&out).output().unwrap();
    json(&out.join(Path::new("P001/report.json")))
}

fn verdicts(report: &Value) -> BTreeMap<String, Vec<String>> {
    let mut by_verdict: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for view in report["views"].as_array().unwrap() {
        for change in view["changes"].as_array().unwrap() {
            let text = format!("{} to {}: {}", change["metric"], change["to"], change["difference"]);
            by_verdict.entry(change["verdict"].as_str().unwrap().into()).or_default().push(text);
        }
    }
    by_verdict
}

const SIZE: [&str; 4] = ["--size", "800x600", "--px-per-mm", "20"];

#[test]
fn nothing_is_said_to_change_on_skin_that_did_not() {
    let report = report(&[&SIZE[..], &["--preset", "still"]].concat());
    let verdicts = verdicts(&report);
    for verdict in ["improved", "worsened", "changed"] {
        assert_eq!(verdicts.get(verdict), None);
    }
    assert!(verdicts.contains_key("no_detectable_change"));
}

#[test]
fn a_flash_never_comes_out_as_an_improvement() {
    let verdicts = verdicts(&report(&[&SIZE[..], &["--preset", "flash"]].concat()));
    assert_eq!(verdicts.get("improved"), None);
}

#[test]
fn a_blurred_photo_never_comes_out_as_an_improvement() {
    let verdicts = verdicts(&report(&[&SIZE[..], &["--preset", "blurred"]].concat()));
    assert_eq!(verdicts.get("improved"), None);
}

#[test]
fn fading_spots_are_seen_to_fade() {
    let report = report(&[&SIZE[..], &["--preset", "improving"]].concat());
    let lesions = report["views"][0]["lesions"].as_array().unwrap();
    let faded = lesions
        .iter()
        .filter(|lesion| lesion["kind"] == "pigmented" && lesion["change"]["verdict"] == "improved");
    let worse = lesions
        .iter()
        .filter(|lesion| lesion["kind"] == "pigmented" && lesion["change"]["verdict"] == "worsened");
    assert!(faded.count() > worse.count());
}

/// What became of the scars of a patient whose second session is as `session` says.
fn scars(session: &str) -> Vec<Value> {
    let plan = format!(
        "width = 900\nheight = 700\npx_per_mm = 20.0\n[skin]\nscars_per_cm2 = 0.8\n[[sessions]]\n\
         [[sessions]]\ndate = \"2026-04-10\"\nday = 90\n{session}"
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plan.toml");
    std::fs::write(&file, plan).unwrap();
    let report = report(&["--plan", file.to_str().unwrap()]);
    let lesions = report["views"][0]["lesions"].as_array().unwrap().iter();
    lesions.filter(|lesion| lesion["kind"] == "scar").cloned().collect()
}

#[test]
fn scars_that_fill_are_followed_and_seen_to_fill() {
    let changes = |filling: f64| -> Vec<(f64, String)> {
        let session = format!(
            "[sessions.change]\nscar_filling = {filling}\n\
             [sessions.light]\nexposure = 1.1\nazimuth_deg = 113.0\n"
        );
        let change = |scar: &Value| {
            let change = &scar["change"];
            (change["dose_percent"].as_f64().unwrap(), change["verdict"].as_str().unwrap().to_owned())
        };
        scars(&session).iter().map(change).collect()
    };
    let (same, filled) = (changes(0.0), changes(0.5));
    assert!(same.len() >= 2 && filled.len() == same.len());
    // A pit of half the depth has walls half as steep.
    assert!(
        filled.iter().all(|(dose, verdict)| (dose + 50.0).abs() < 15.0 && verdict == "improved"),
        "{filled:?}"
    );
    assert!(same.iter().all(|(_, verdict)| verdict == "no_detectable_change"), "{same:?}");
}

#[test]
fn scars_that_the_light_does_not_show_are_not_gone() {
    let scars = scars("[sessions.light]\nelevation_deg = 90.0\n");
    assert!(scars.len() >= 2);
    for scar in scars {
        assert_eq!(scar["track"][1]["status"], "not_visible");
        assert_eq!(scar["change"]["verdict"], "not_comparable");
    }
}

#[test]
fn on_a_few_patients_of_its_own_the_tool_is_as_right_as_it_says() {
    let found = validate(Extent::Smallest, &Settings::default(), &|| ()).unwrap();
    let row = |section: &str, label: &str| {
        let section = found.sections.iter().find(|found| found.name == section).unwrap();
        section.rows.iter().find(|row| row.label.starts_with(label)).unwrap()
    };
    for (section, label) in [
        ("nothing changed", "sessions aligned"),
        ("nothing changed", "verdicts of change"),
        ("nothing changed", "called not comparable"),
        ("lesions", "one identity"),
    ] {
        let row = row(section, label);
        assert!(row.n > 0 && row.ok == Some(true), "{row:?}");
    }
    // The same patients, the same numbers.
    let again = validate(Extent::Smallest, &Settings::default(), &|| ()).unwrap();
    assert_eq!(found, again);
}
