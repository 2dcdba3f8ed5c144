//! `check`: what it lets pass, what it does not, and how it says so.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{assert_follows, dermalapse, json};
use assert_cmd::assert::Assert;
use predicates::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

const GOLDEN: &str = "fixtures/golden/P001/report.json";

fn check(report: &Path, golden: &Path, options: &[&str]) -> Assert {
    dermalapse().arg("check").arg(report).arg("--against").arg(golden).args(options).assert()
}

/// The golden report after `change`.
fn changed(change: impl Fn(&mut Value)) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let mut report = json(Path::new(GOLDEN));
    change(&mut report);
    let path = folder.path().join("report.json");
    fs::write(&path, report.to_string()).unwrap();
    (folder, path)
}

fn differences(change: impl Fn(&mut Value), options: &[&str]) -> Value {
    let (_folder, path) = changed(change);
    let output = check(&path, Path::new(GOLDEN), &[&["--format", "json"], options].concat());
    let found: Value = serde_json::from_slice(&output.get_output().stdout).unwrap();
    assert_follows(&found, "check");
    let code = if found["differences"].as_array().unwrap().is_empty() { 0 } else { 4 };
    output.code(code);
    found
}

/// The record of a metric that has a value.
fn a_star(report: &mut Value) -> &mut Value {
    &mut report["views"][0]["sessions"][1]["regions"][0]["metrics"]["redness.a_star_mean"]
}

#[test]
fn a_report_is_like_itself() {
    check(Path::new(GOLDEN), Path::new(GOLDEN), &["--strict"])
        .success()
        .stdout(predicate::str::starts_with("no differences beyond tolerance in "));
}

#[test]
fn a_number_beyond_its_tolerance_is_named_with_old_and_new() {
    let old = a_star(&mut json(Path::new(GOLDEN)))["value"].as_f64().unwrap();
    let (_folder, path) = changed(|report| a_star(report)["value"] = json!(old + 0.5));
    check(&path, Path::new(GOLDEN), &[]).code(4).stdout(
        predicate::str::contains(
            "P001\n  cheek_left\n    2026-02-21\n      skin\n        redness.a_star_mean\n",
        )
        .and(predicate::str::contains(format!("value: {old} -> {} (differs by 0.5, ", old + 0.5)))
        .and(predicate::str::contains("1 difference beyond tolerance")),
    );
}

#[test]
fn last_digits_pass_and_a_tolerance_file_decides_the_rest() {
    let move_by = |by: f64| {
        move |report: &mut Value| {
            let record = a_star(report);
            record["value"] = json!(record["value"].as_f64().unwrap() + by);
        }
    };
    assert_eq!(differences(move_by(1e-5), &[])["differences"], json!([]));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tolerance.toml");
    let with = |text: &str| {
        fs::write(&file, text).unwrap();
        differences(move_by(0.2), &["--tolerance", file.to_str().unwrap()])["differences"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(with("['redness.a_star_mean']\nabsolute = 0.21"), 0);
    assert_eq!(with("['redness.a_star_mean']\nabsolute = 0.19"), 1);
    assert_eq!(with("['redness.*']\nrelative = 1.0"), 0);
    // Its standard error is that of repeated photos at least, 0.25.
    assert_eq!(with("['redness.*']\nstandard_errors = 1"), 0);
    assert_eq!(with("[default]\nstandard_errors = 0.1"), 1);
    fs::write(&file, "['redness.a_star']\nabsolute = 1").unwrap();
    let found = differences(move_by(0.0), &["--tolerance", file.to_str().unwrap()]);
    assert_eq!(found["unused_tolerances"], json!(["redness.a_star"]));
}

#[test]
fn verdicts_statuses_texts_and_nulls_must_be_the_same() {
    let one = |change: &dyn Fn(&mut Value)| {
        let found = differences(change, &[]);
        assert_eq!(found["differences"].as_array().unwrap().len(), 1, "{found}");
        found["differences"][0].clone()
    };
    let verdict = one(&|report| report["views"][0]["changes"][0]["verdict"] = json!("worsened"));
    assert_eq!((&verdict["key"], &verdict["kind"]), (&json!("change.verdict"), &json!("other")));
    assert_eq!(
        (&verdict["metric"], &verdict["session"]),
        (&json!("redness.a_star_mean"), &json!("2026-02-21"))
    );
    let status = one(&|report| report["views"][0]["sessions"][1]["alignment"]["status"] = json!("rejected"));
    assert_eq!((&status["family"], &status["key"]), (&json!("alignment"), &json!("status")));
    assert_eq!(one(&|report| a_star(report)["value"] = Value::Null)["kind"], "other");
    let lesion = one(&|report| report["views"][0]["lesions"][0]["track"][0]["status"] = json!("new"));
    assert_eq!((&lesion["metric"], &lesion["session"]), (&json!("pigmented-1"), &json!("2026-01-10")));
}

#[test]
fn an_alignment_is_judged_by_where_it_puts_the_corners() {
    let by = |pixels: f64| {
        move |report: &mut Value| {
            let entry = &mut report["views"][0]["sessions"][1]["alignment"]["matrix"][0][2];
            *entry = json!(entry.as_f64().unwrap() + pixels);
        }
    };
    assert_eq!(differences(by(0.01), &[])["differences"], json!([]));
    let found = &differences(by(0.2), &[])["differences"][0];
    // A homography whose last entry is 1 divides by nearly 1.
    assert!((found["difference"].as_f64().unwrap() - 0.2).abs() < 0.02, "{found}");
}

#[test]
fn what_is_missing_or_added_is_named_and_does_not_shift_the_rest() {
    let missing =
        differences(|report| drop(report["views"][0]["sessions"].as_array_mut().unwrap().remove(1)), &[]);
    assert_eq!(missing["differences"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&missing["differences"][0]["kind"], &missing["differences"][0]["session"]),
        (&json!("missing"), &json!("2026-02-21"))
    );
    let twin = |report: &mut Value| {
        let lesions = report["views"][0]["lesions"].as_array_mut().unwrap();
        let mut lesion = lesions[0].clone();
        lesion["id"] = json!("pigmented-99");
        lesions.insert(0, lesion);
    };
    let extra = differences(twin, &[]);
    assert_eq!(
        (&extra["differences"][0]["kind"], &extra["differences"][0]["metric"]),
        (&json!("extra"), &json!("pigmented-99"))
    );
    let change = |report: &mut Value| {
        let changes = report["views"][0]["changes"].as_array_mut().unwrap();
        let mut change = changes[0].clone();
        change["to"] = json!("2026-05-01");
        changes.push(change);
    };
    let found = differences(change, &[]);
    assert_eq!((&found["differences"][0]["kind"], &found["notes"]), (&json!("extra"), &json!([])));
    let metric = |report: &mut Value| {
        report["views"][0]["sessions"][1]["regions"][0]["metrics"]["redness.new"] = json!({"value": 1.0});
    };
    assert_eq!(differences(metric, &[])["differences"][0]["kind"], "extra");
}

#[test]
fn the_version_and_new_keys_are_notes_unless_strict() {
    let change = |report: &mut Value| {
        report["tool"]["version"] = json!("9.9.9");
        report["views"][0]["sessions"][0]["mood"] = json!("good");
    };
    let found = differences(change, &[]);
    assert_eq!(found["notes"].as_array().unwrap().len(), 2);
    assert_eq!(differences(change, &["--strict"])["differences"].as_array().unwrap().len(), 2);
}

#[test]
fn folders_are_compared_patient_by_patient() {
    let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let write = |folder: &TempDir, id: &str| {
        let mut report = json(Path::new(GOLDEN));
        report["patient"]["id"] = json!(id);
        fs::create_dir(folder.path().join(id)).unwrap();
        fs::write(folder.path().join(id).join("report.json"), report.to_string()).unwrap();
    };
    ["A", "B"].iter().for_each(|id| write(&folders[0], id));
    ["B", "C"].iter().for_each(|id| write(&folders[1], id));
    check(folders[0].path(), folders[1].path(), &[]).code(4).stdout(
        predicate::str::contains("patient: not in the golden report -> \"A\"")
            .and(predicate::str::contains("patient: \"C\" -> missing"))
            .and(predicate::str::contains("2 differences beyond tolerance")),
    );
}

#[test]
fn junit_has_a_test_for_each_family_and_fails_the_one_that_differs() {
    let (folder, path) = changed(|report| a_star(report)["value"] = json!(99.0));
    let xml = folder.path().join("check.xml");
    check(&path, Path::new(GOLDEN), &["--junit", xml.to_str().unwrap()]).code(4);
    let text = fs::read_to_string(&xml).unwrap();
    assert!(text.contains("<testsuite name=\"P001\""), "{text}");
    assert_eq!(text.matches("<failure").count(), 1);
    assert!(text.contains("name=\"cheek_left / redness\"") && text.contains("name=\"forehead / texture\""));
    assert!(text.contains("-&gt; 99"), "{text}");
}

#[test]
fn what_cannot_be_read_is_no_difference() {
    let folder = tempfile::tempdir().unwrap();
    let golden = Path::new(GOLDEN);
    let fails = |report: &Path, options: &[&str], expected: &str| {
        check(report, golden, options)
            .code(1)
            .stdout("")
            .stderr(predicate::str::contains(expected.to_owned()));
    };
    fails(&folder.path().join("none.json"), &[], "none.json");
    fails(folder.path(), &[], "no PATIENT/report.json");
    let broken = folder.path().join("broken.json");
    fs::write(&broken, "{").unwrap();
    fails(&broken, &[], "broken.json: not a report");
    fs::write(&broken, "{\"schema\": \"dermalapse.study/1\"}").unwrap();
    fails(&broken, &[], "dermalapse.study/1");
    fs::write(&broken, "[default]\nabsolute = 'wide'").unwrap();
    fails(golden, &["--tolerance", broken.to_str().unwrap()], "broken.json");
}
