//! The files of `analyze`: valid, repeatable, complete, private, and as they were.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::common::{self, PATIENT, analyze, assert_follows, dermalapse, files, json, sessions};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::RowAccessor;
use predicates::prelude::*;
use serde_json::Value;
use std::sync::LazyLock;
use tempfile::TempDir;

/// The output of `analyze` on [`PATIENT`].
static OUTPUT: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    analyze(PATIENT.path(), folder.path(), &[]).success();
    folder
});

fn report() -> Value {
    json(&OUTPUT.path().join("P001/report.json"))
}

/// Every record under the key `name`, wherever it stands.
fn all<'a>(value: &'a Value, name: &str) -> Vec<&'a Value> {
    match value {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(key, field)| all(field, name).into_iter().chain((key == name).then_some(field)))
            .collect(),
        Value::Array(items) => items.iter().flat_map(|item| all(item, name)).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn every_file_of_the_contract_is_there_and_valid() {
    let tables = ["measurements.csv", "measurements.parquet", "changes.csv", "run.json"];
    for file in ["P001/report.json", "P001/report.html", "index.html"].iter().chain(&tables) {
        assert!(OUTPUT.path().join(file).is_file(), "{file}");
    }
    assert_follows(&report(), "report");
    assert_follows(&json(&OUTPUT.path().join("run.json")), "run");
    assert_follows(&json(&PATIENT.path().join("P001/truth.json")), "truth");
}

#[test]
fn the_summary_is_one_line_per_patient() {
    let folder = tempfile::tempdir().unwrap();
    analyze(PATIENT.path(), folder.path(), &[]).stdout(predicate::str::is_match("^P001: [^\n]*\n$").unwrap());
}

#[test]
fn the_same_bytes_come_out_whatever_the_number_of_threads() {
    let one = tempfile::tempdir().unwrap();
    analyze(PATIENT.path(), one.path(), &["--jobs", "1"]).success();
    let two = tempfile::tempdir().unwrap();
    analyze(PATIENT.path(), two.path(), &["--jobs", "2"]).success();
    let (one, two) = (files(one.path()), files(two.path()));
    assert_eq!(one.len(), two.len());
    for ((path, first), (_, second)) in one.iter().zip(&two) {
        assert!(first == second, "{} differs", path.display());
    }
}

#[test]
fn an_output_folder_inside_the_input_is_not_read() {
    let root = tempfile::tempdir().unwrap();
    common::copy(PATIENT.path(), root.path());
    let out = root.path().join("results");
    analyze(root.path(), &out, &[]).success();
    let first = files(&out);
    analyze(root.path(), &out, &[]).success();
    assert!(first == files(&out));
}

#[test]
fn a_manifest_gives_the_report_of_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = PATIENT.path().join("manifest-for-test.csv");
    let mut rows = String::from("patient,session,view,file,px_per_mm\n");
    for session in sessions() {
        for view in ["cheek_left", "forehead"] {
            rows += &format!("P001,{session},{view},P001/{session}/{view}.jpg,16\n");
        }
    }
    let copy = tempfile::tempdir().unwrap();
    common::copy(PATIENT.path(), copy.path());
    let manifest = copy.path().join(manifest.file_name().unwrap());
    fs::write(&manifest, rows).unwrap();
    analyze(&manifest, folder.path(), &[]).success();
    let mut expected = report();
    // Only `patient.toml` knows of treatments.
    expected["patient"]["treatments"] = Value::Array(Vec::new());
    for view in expected["views"].as_array_mut().unwrap() {
        view["schedule"] = Value::Null;
        let sessions = view["sessions"].as_array_mut().unwrap();
        sessions.iter_mut().for_each(|session| session["treatment"] = Value::Null);
    }
    assert_eq!(json(&folder.path().join("P001/report.json")), expected);
}

#[test]
fn a_value_that_cannot_exist_is_null_with_a_reason() {
    let report = report();
    let mut values = 0;
    for metrics in all(&report, "metrics") {
        for (id, metric) in metrics.as_object().unwrap() {
            let absent = metric["value"].is_null();
            assert_eq!(absent, metric["reason"].is_string(), "{id}: {metric}");
            values += usize::from(!absent);
        }
    }
    assert!(values > 0);
}

#[test]
fn only_a_metric_with_a_better_direction_improves_or_worsens() {
    let catalogue = dermalapse().args(["metrics", "--format", "json"]).output().unwrap().stdout;
    let catalogue: Vec<Value> = serde_json::from_slice(&catalogue).unwrap();
    let direction: BTreeMap<&str, &Value> =
        catalogue.iter().map(|entry| (entry["id"].as_str().unwrap(), &entry["direction"])).collect();
    let report = report();
    let changes: Vec<&Value> =
        all(&report, "changes").into_iter().flat_map(|list| list.as_array().unwrap()).collect();
    assert!(!changes.is_empty());
    for change in changes {
        let better = direction[change["metric"].as_str().unwrap()].as_str();
        let difference = change["difference"].as_f64();
        match change["verdict"].as_str().unwrap() {
            "improved" => assert!(
                matches!((better, difference), (Some("lower"), Some(d)) if d < 0.0)
                    || matches!((better, difference), (Some("higher"), Some(d)) if d > 0.0),
                "{change}"
            ),
            "worsened" => assert!(
                matches!((better, difference), (Some("lower"), Some(d)) if d > 0.0)
                    || matches!((better, difference), (Some("higher"), Some(d)) if d < 0.0),
                "{change}"
            ),
            "changed" => assert!(better.is_none(), "{change}"),
            "not_comparable" => assert!(change["reason"].is_string(), "{change}"),
            "no_detectable_change" => {}
            other => panic!("{other} is no verdict"),
        }
    }
}

/// The rows of a CSV table, by column.
fn table(name: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(OUTPUT.path().join(name)).unwrap();
    reader.deserialize().map(|row| row.unwrap()).collect()
}

#[test]
fn the_tables_hold_every_value_and_every_change_of_the_report() {
    let report = report();
    let rows = table("measurements.csv");
    let values: usize =
        all(&report, "metrics").iter().map(|metrics| metrics.as_object().unwrap().len()).sum();
    assert_eq!(rows.len(), values);
    let numbers: Vec<f64> = rows.iter().filter_map(|row| row["value"].parse().ok()).collect();
    let expected: Vec<f64> = all(&report, "metrics")
        .into_iter()
        .flat_map(|metrics| metrics.as_object().unwrap().values())
        .filter_map(|metric| metric["value"].as_f64())
        .collect();
    assert_eq!(numbers, expected);
    let changes: usize =
        all(&report, "changes").iter().map(|changes| changes.as_array().unwrap().len()).sum();
    assert_eq!(table("changes.csv").len(), changes);
}

#[test]
fn the_parquet_table_holds_what_the_csv_holds() {
    let file = fs::File::open(OUTPUT.path().join("measurements.parquet")).unwrap();
    let reader = SerializedFileReader::new(file).unwrap();
    let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(|row| row.unwrap()).collect();
    let csv = table("measurements.csv");
    assert_eq!(rows.len(), csv.len());
    for (row, cells) in rows.iter().zip(&csv) {
        let texts = [
            (0, "patient"),
            (1, "session"),
            (3, "view"),
            (4, "region"),
            (5, "metric"),
            (8, "unit"),
            (9, "flag"),
        ];
        for (column, name) in texts {
            assert_eq!(row.get_string(column).unwrap(), &cells[name]);
        }
        assert_eq!(row.get_long(2).ok(), cells["day"].parse().ok());
        assert_eq!(row.get_double(6).ok(), cells["value"].parse().ok());
        assert_eq!(row.get_double(7).ok(), cells["standard_error"].parse().ok());
    }
}

#[test]
fn nothing_tells_where_when_or_by_whom_it_was_made() {
    let mut secrets = vec![
        PATIENT.path().to_string_lossy().into_owned(),
        OUTPUT.path().to_string_lossy().into_owned(),
        env!("CARGO_MANIFEST_DIR").to_owned(),
    ];
    secrets.extend(fs::read_to_string("/etc/hostname").ok().map(|name| name.trim().to_owned()));
    secrets.extend(std::env::var("HOME").ok().filter(|home| home.len() > 1));
    for (path, bytes) in files(OUTPUT.path()) {
        // A short host name stands in any picture's letters by chance.
        let text = String::from_utf8_lossy(&bytes);
        let in_base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
        let words = text.split_inclusive(|c| !in_base64(c)).filter(|word| word.len() < 1000);
        let text: String = words.collect();
        for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
            assert!(!text.contains(secret.as_str()), "{} holds {secret}", path.display());
        }
    }
}

/// Compares as `check` would: the same shape, numbers within 0.1 %.
fn assert_alike(value: &Value, golden: &Value, at: &str) {
    match (value, golden) {
        (Value::Number(value), Value::Number(golden)) => {
            let (value, golden) = (value.as_f64().unwrap(), golden.as_f64().unwrap());
            assert!((value - golden).abs() <= 1e-3 * golden.abs().max(1e-3), "{at}: {value} is not {golden}");
        }
        (Value::Array(values), Value::Array(goldens)) => {
            assert_eq!(values.len(), goldens.len(), "{at}");
            values
                .iter()
                .zip(goldens)
                .enumerate()
                .for_each(|(i, (value, golden))| assert_alike(value, golden, &format!("{at}[{i}]")));
        }
        (Value::Object(values), Value::Object(goldens)) => {
            assert!(values.keys().eq(goldens.keys()), "{at}: other keys");
            values.iter().for_each(|(key, value)| assert_alike(value, &goldens[key], &format!("{at}.{key}")));
        }
        _ => assert_eq!(value, golden, "{at}"),
    }
}

/// `REGENERATE=1 cargo test --test suite golden_report` writes the golden reports anew.
#[test]
fn the_fixture_gives_the_golden_report() {
    let out = tempfile::tempdir().unwrap();
    analyze(Path::new("fixtures/patients"), out.path(), &[]).success();
    let mut reports = files(out.path());
    reports.retain(|(path, _)| path.ends_with("report.json"));
    assert!(!reports.is_empty());
    for (path, bytes) in reports {
        let golden = Path::new("fixtures/golden").join(&path);
        if std::env::var_os("REGENERATE").is_some() {
            fs::create_dir_all(golden.parent().unwrap()).unwrap();
            fs::write(&golden, &bytes).unwrap();
        }
        let report: Value = serde_json::from_slice(&bytes).unwrap();
        assert_alike(&report, &json(&golden), &path.to_string_lossy());
    }
}

/// What the README quotes from the report of the example patient.
#[test]
fn the_readme_quotes_the_golden_report() {
    let readme = fs::read_to_string("README.md").unwrap();
    let quoted = readme.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    let report = json(Path::new("fixtures/golden/P001/report.json"));
    let view = &report["views"][0];
    let entries: Vec<&Value> =
        ["changes", "lesions"].iter().flat_map(|key| view[*key].as_array().unwrap()).collect();
    let mut count = 0;
    for quote in serde_json::Deserializer::from_str(quoted).into_iter::<Value>() {
        let quote = quote.unwrap();
        let keys = quote.as_object().unwrap();
        let is_quoted = |entry: &&Value| keys.iter().all(|(key, value)| entry[key] == *value);
        assert!(entries.iter().any(is_quoted), "no longer in the report: {quote}");
        count += 1;
    }
    assert_eq!(count, 3);
}
