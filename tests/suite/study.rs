//! `study`: two arms of synthetic patients, as somebody new would put them together.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use crate::common::{self, assert_follows, dermalapse, json};
use predicates::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Output of `analyze` on two patients whose skin improves and two whose skin
/// does not, each session with a repeat photo of two.
static OUTPUT: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let photos = folder.path().join("photos");
    let size = ["--size", "320x240", "--px-per-mm", "12", "--patients", "2", "--sessions", "2"];
    for (arm, preset, seed) in [("active", "improving", "0"), ("control", "unchanged", "10")] {
        let scratch = folder.path().join(arm);
        common::phantom(&scratch, &[&size[..], &["--preset", preset, "--seed", seed]].concat());
        for id in ["P001", "P002"] {
            let target = photos.join(format!("{arm}-{id}"));
            common::copy(&scratch.join(id), &target);
            let facts = fs::read_to_string(target.join("patient.toml")).unwrap();
            fs::write(target.join("patient.toml"), format!("arm = \"{arm}\"\n{facts}")).unwrap();
            // A second shot: the same file stands for a photo taken again.
            for session in fs::read_dir(&target).unwrap().map(|entry| entry.unwrap().path()) {
                if session.is_dir() {
                    fs::copy(session.join("cheek_left.jpg"), session.join("cheek_left.2.jpg")).unwrap();
                }
            }
        }
    }
    let results = folder.path().join("results");
    let analysis = dermalapse().arg("analyze").arg(&photos).arg("--out").arg(&results).assert();
    // 3: some photo may not be comparable, which is no matter here.
    analysis.code(predicate::in_iter([0, 3]));
    folder
});

fn study(folder: &Path, options: &[&str]) -> Value {
    let output = dermalapse().arg("study").arg(folder).args(options).assert().success();
    serde_json::from_slice(&output.get_output().stdout).unwrap()
}

fn find<'a>(study: &'a Value, metric: &str) -> &'a Value {
    study["metrics"].as_array().unwrap().iter().find(|m| m["metric"] == metric).unwrap()
}

#[test]
fn two_arms_of_patients_are_studied_from_photos_to_statistics() {
    let results = OUTPUT.path().join("results");
    let table = OUTPUT.path().join("study.csv");
    let metric = "pigmentation.l_star_mean";
    let found = study(&results, &["--primary", metric, "--csv", table.to_str().unwrap()]);
    assert_follows(&found, "study");
    assert_eq!(found["arms"][0]["patients"], json!(["active-P001", "active-P002"]));
    assert_eq!(found["times"][0], json!({"time": "visit_1", "patients": 4}));
    let of_metric = find(&found, metric);
    let changes = of_metric["changes"].as_array().unwrap();
    let counted = |change: &Value| {
        let excluded = change["excluded"].as_object().unwrap().values().map(|n| n.as_u64().unwrap());
        change["n"].as_u64().unwrap() + excluded.sum::<u64>()
    };
    assert_eq!(changes.iter().map(counted).collect::<Vec<_>>(), [2, 2]);
    // What the study says of an arm is what its patients' reports say.
    let differences: Vec<f64> = ["active-P001", "active-P002"]
        .iter()
        .filter_map(|id| {
            let report = json(&results.join(id).join("report.json"));
            let all = report["views"][0]["changes"].as_array().unwrap().clone();
            let change = all.into_iter().find(|change| change["metric"] == metric).unwrap();
            change["difference"].as_f64()
        })
        .collect();
    if let [a, b] = differences[..] {
        let value = changes[0]["hodges_lehmann"]["value"].as_f64().unwrap();
        assert!((value - (a + b) / 2.0).abs() < 1e-5 * value.abs().max(1.0));
        assert_eq!(changes[0]["test"]["adjustment"], "holm");
    }
    // Every shot's value is there, and repeats that are one file agree.
    let report = json(&results.join("active-P001/report.json"));
    let shots = &report["views"][0]["sessions"][0]["regions"][0]["metrics"][metric]["shots"];
    assert_eq!(shots.as_array().unwrap().len(), 2);
    assert_eq!(of_metric["repeats"]["shots"], 2);
    let rows = csv_rows(&table);
    assert!(rows.iter().all(|row| row.len() == rows[0].len()) && rows.len() > 10);
}

fn csv_rows(path: &Path) -> Vec<csv::StringRecord> {
    csv::Reader::from_path(path).unwrap().records().map(Result::unwrap).collect()
}

/// A report with one metric: day and value of each session, the first is the baseline.
fn report(folder: &Path, name: &str, arm: Option<&str>, sessions: &[(i64, f64)]) {
    let session = |&(day, value): &(i64, f64)| {
        json!({"session": format!("day {day}"), "day": day, "regions": [{"region": "skin", "metrics":
            {"scars.count": {"value": value, "unit": "count", "shots": [value, value + 1.0]}}}]})
    };
    let change = |&(day, value): &(i64, f64)| {
        let comparable = value >= 0.0;
        json!({"region": "skin", "metric": "scars.count", "from": "day 0", "to": format!("day {day}"),
            "difference": comparable.then_some(value - sessions[0].1), "percent": null,
            "verdict": if comparable { "changed" } else { "not_comparable" },
            "reason": (!comparable).then_some("other_light")})
    };
    let report = json!({
        "schema": "dermalapse.report/1", "tool": {"name": "dermalapse", "version": "0", "settings_hash": "0"},
        "patient": {"id": name, "arm": arm, "treatments": []}, "a key of tomorrow": 1,
        "views": [{"view": "cheek", "baseline": "day 0", "lesions": [],
            "sessions": sessions.iter().map(session).collect::<Vec<_>>(),
            "changes": sessions[1..].iter().map(change).collect::<Vec<_>>()}]
    });
    fs::create_dir_all(folder.join(name)).unwrap();
    fs::write(folder.join(name).join("report.json"), report.to_string()).unwrap();
}

/// Changes −4, −2, −1 against 0, 1, 3 at the first visit: medians of the
/// means by two −2.25 and 1.25; of the nine differences 4; U 9 of 9, which one
/// of C(6, 3) = 20 choices has on each side.
#[test]
fn changes_and_contrasts_are_those_worked_by_hand() {
    let folder = tempfile::tempdir().unwrap();
    let arms = [("a", [(10.0, 6.0), (8.0, 6.0), (9.0, 8.0)]), ("b", [(5.0, 5.0), (7.0, 8.0), (6.0, 9.0)])];
    for (arm, patients) in arms {
        for (index, (before, after)) in patients.iter().enumerate() {
            report(folder.path(), &format!("{arm}{index}"), Some(arm), &[(0, *before), (30, *after)]);
        }
    }
    let found = study(folder.path(), &[]);
    assert_follows(&found, "study");
    let metric = find(&found, "scars.count");
    let [a, b] = [0, 1].map(|index| &metric["changes"][index]);
    assert_eq!((&a["hodges_lehmann"]["value"], &b["hodges_lehmann"]["value"]), (&json!(-2.25), &json!(1.25)));
    assert_eq!(
        (&a["hodges_lehmann"]["reason"], &a["test"]["p_value"]),
        (&json!("too_few_patients"), &json!(0.25))
    );
    assert_eq!((&a["n"], &a["days"]), (&json!(3), &json!([30.0, 30.0, 30.0])));
    let contrast = &metric["contrasts"][0];
    assert_eq!((&contrast["arm"], &contrast["versus"]), (&json!("b"), &json!("a")));
    assert_eq!(contrast["hodges_lehmann"]["value"], 4.0);
    assert_eq!((&contrast["test"]["statistic"], &contrast["test"]["p_value"]), (&json!(9.0), &json!(0.1)));
    // The mixed model's difference of slopes over 30 days is that of mean changes, 4/3 + 7/3.
    let terms = metric["mixed_model"]["terms"].as_array().unwrap();
    assert_eq!(terms[3]["term"], "arm_per_30_days");
    assert!((terms[3]["estimate"].as_f64().unwrap() - 11.0 / 3.0).abs() < 1e-5);
    // The other way round with the other reference.
    let turned = study(folder.path(), &["--reference", "b"]);
    let turned = &find(&turned, "scars.count")["contrasts"][0];
    assert_eq!((&turned["arm"], &turned["hodges_lehmann"]["value"]), (&json!("a"), &json!(-4.0)));
}

#[test]
fn what_cannot_be_compared_is_left_out_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    report(folder.path(), "P1", None, &[(0, 5.0), (30, 4.0), (62, 3.0), (91, 2.0)]);
    report(folder.path(), "P2", None, &[(0, 5.0), (28, -1.0), (90, 3.0)]);
    report(folder.path(), "P3", None, &[(0, 9.0)]);
    let found = study(folder.path(), &["--at", "30,90"]);
    let metric = find(&found, "scars.count");
    assert_eq!(metric["contrasts"], json!([]));
    let [early, late] = [0, 1].map(|index| &metric["changes"][index]);
    assert_eq!((&early["time"], &early["n"]), (&json!("day_30"), &json!(1)));
    assert_eq!(early["excluded"], json!({"no_session": 1, "other_light": 1}));
    assert_eq!(
        (&early["test"]["p_value"], &early["test"]["reason"]),
        (&Value::Null, &json!("single_patient"))
    );
    assert_eq!(early["hodges_lehmann"], json!({"value": null, "ci95": null, "reason": "single_patient"}));
    assert_eq!(late["hedges_g"]["reason"], "too_few_patients");
    assert_eq!((&late["n"], &late["hodges_lehmann"]["value"]), (&json!(2), &json!(-2.5)));
    let model = &metric["mixed_model"];
    assert_eq!((&model["patients"], &model["values"]), (&json!(3), &json!(7)));
    assert_eq!(model["excluded"], json!({"other_light": 1}));
}

/// Every second shot is 1 more: bias 1 without scatter, no correlation.
#[test]
fn repeats_are_read_from_every_report() {
    let folder = tempfile::tempdir().unwrap();
    report(folder.path(), "P1", None, &[(0, 5.0), (30, 4.0)]);
    report(folder.path(), "P2", None, &[(0, 7.0), (30, 8.0)]);
    let found = study(folder.path(), &[]);
    let repeats = &find(&found, "scars.count")["repeats"];
    assert_eq!((&repeats["patients"], &repeats["degrees_of_freedom"]), (&json!(2), &json!(4.0)));
    assert_eq!(
        (&repeats["bland_altman"]["bias"]["value"], &repeats["bland_altman"]["sd"]),
        (&json!(1.0), &json!(0.0))
    );
    assert_eq!(repeats["icc_3_1"]["reason"], "no_scatter");
    // Each pair 1 apart has a variance of 1/2.
    assert!((repeats["within_subject_sd"].as_f64().unwrap() - 0.5f64.sqrt()).abs() < 1e-5);
}

#[test]
fn one_patient_has_no_statistics_and_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    report(folder.path(), "P1", Some("a"), &[(0, 5.0), (30, 4.0)]);
    let found = study(folder.path(), &[]);
    let change = &find(&found, "scars.count")["changes"][0];
    assert_eq!((&change["n"], &change["test"]["p_value"]), (&json!(1), &Value::Null));
    assert_eq!(find(&found, "scars.count")["mixed_model"]["reason"], "too_few_patients");
    assert!(found["warnings"].as_array().unwrap().iter().any(|warning| warning["code"] == "single_patient"));
}

#[test]
fn nobody_who_changes_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    for id in ["P1", "P2", "P3"] {
        report(folder.path(), id, None, &[(0, 5.0), (30, 5.0), (60, 5.0)]);
    }
    let found = study(folder.path(), &[]);
    let metric = find(&found, "scars.count");
    let change = &metric["changes"][0];
    assert_eq!(
        (&change["mean"]["ci95"], &change["test"]["reason"]),
        (&json!([0.0, 0.0]), &json!("all_zero"))
    );
    assert_eq!(change["hedges_g"]["reason"], "no_scatter");
    assert_eq!(metric["mixed_model"]["reason"], "not_determined");
}

#[test]
fn a_report_that_is_none_fails_and_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let fails = |expected: &str| {
        let says = predicate::str::contains(expected.to_owned());
        dermalapse().arg("study").arg(folder.path()).assert().code(1).stdout("").stderr(says);
    };
    fails("no PATIENT/report.json");
    report(folder.path(), "P1", None, &[(0, 5.0), (30, 4.0)]);
    fs::create_dir(folder.path().join("P2")).unwrap();
    let second = folder.path().join("P2/report.json");
    fs::write(&second, "{\"schema\": \"dermalapse.report/1\", \"views\"").unwrap();
    fails("P2/report.json: not a report");
    fs::write(&second, "{\"schema\": \"dermalapse.run/1\"}").unwrap();
    fails("P2/report.json: follows the schema \"dermalapse.run/1\"");
    fs::copy(folder.path().join("P1/report.json"), &second).unwrap();
    fails("patient P1 has another report");
}

#[test]
fn an_unknown_metric_or_arm_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    report(folder.path(), "P1", Some("a"), &[(0, 5.0), (30, 4.0)]);
    let run = |options: &[&str]| dermalapse().arg("study").arg(folder.path()).args(options).assert();
    run(&["--primary", "scars.cuont"]).code(2);
    run(&["--reference", "b"]).code(1).stderr(predicate::str::contains("reference arm"));
}
