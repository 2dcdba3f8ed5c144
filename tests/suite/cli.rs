//! The program as its users meet it: arguments, exit codes, what stands on stdout.

use std::collections::BTreeMap;
use std::fs;
use std::process::Stdio;

use crate::common::{self, dermalapse, json, photo, sessions};
use predicates::prelude::*;
use serde_json::Value;

const COMMANDS: [&str; 8] =
    ["analyze", "compare", "measure", "align", "phantom", "metrics", "schema", "completions"];

fn stdout_json(args: &[&std::ffi::OsStr], code: i32) -> Value {
    let output = dermalapse().args(args).assert().code(code).get_output().clone();
    serde_json::from_slice(&output.stdout).expect("stdout is JSON and nothing else")
}

macro_rules! args {
    ($($arg:expr),* $(,)?) => { &[$(std::ffi::OsStr::new(&$arg)),*] };
}

#[test]
fn help_names_every_command_with_an_example() {
    let help = dermalapse().arg("--help").assert().success();
    let mut help = help.stdout(predicate::str::contains("Example"));
    for command in COMMANDS {
        help = help.stdout(predicate::str::contains(command));
        dermalapse().args([command, "--help"]).assert().success().stdout(predicate::str::contains("Usage"));
    }
}

#[test]
fn a_line_of_short_help_fits_a_narrow_terminal() {
    for command in COMMANDS {
        let help = dermalapse().args([command, "-h"]).output().unwrap().stdout;
        let about = String::from_utf8(help).unwrap().lines().next().unwrap().to_owned();
        assert!(about.chars().count() <= 54, "{command}: {about}");
    }
}

#[test]
fn the_settings_help_documents_every_default() {
    let help = dermalapse().args(["analyze", "--help"]).assert().success();
    help.stdout(predicate::str::contains("max_megapixels = 250"));
}

#[test]
fn wrong_usage_ends_with_2_and_prints_no_result() {
    let wrong: [&[&str]; 8] = [
        &[],
        &["nope"],
        &["analyze", "photos"],
        &["compare", "one.jpg"],
        &["compare", "a.jpg", "b.jpg", "--px-per-mm", "0"],
        &["compare", "a.jpg", "b.jpg", "--px-per-mm", "many"],
        &["schema", "reprot"],
        &["phantom", "--out", "x", "--size", "12"],
    ];
    for args in wrong {
        dermalapse().args(args).assert().code(2).stdout("").stderr(predicate::str::is_empty().not());
    }
}

#[test]
fn a_missing_photo_ends_with_1_and_names_it() {
    for args in [
        &["measure", "nowhere.jpg"] as &[&str],
        &["align", "nowhere.jpg", "nowhere.jpg"],
        &["compare", "nowhere.jpg", "nowhere.jpg"],
        &["analyze", "nowhere", "--out", "out"],
    ] {
        dermalapse().args(args).assert().code(1).stdout("").stderr(predicate::str::contains("nowhere"));
    }
}

#[test]
fn a_settings_file_with_an_unknown_or_impossible_value_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("settings.toml");
    for (text, named) in [("sede = 1", "sede"), ("[limits]\nmax_megapixels = 0", "limits.max_megapixels")] {
        fs::write(&path, text).unwrap();
        let config = path.to_str().unwrap();
        dermalapse()
            .args(["measure", "x.jpg", "--config", config])
            .assert()
            .code(1)
            .stderr(predicate::str::contains(named));
    }
}

#[test]
fn the_catalogue_is_a_table_or_json_with_the_same_ids() {
    let catalogue = stdout_json(args!["metrics", "--format", "json"], 0);
    let table = String::from_utf8(dermalapse().arg("metrics").output().unwrap().stdout).unwrap();
    let (measured, beyond): (Vec<&Value>, Vec<&Value>) =
        catalogue.as_array().unwrap().iter().partition(|entry| entry["measurable"] == true);
    let (metrics, limits) = table.split_once("\n\n").unwrap();
    assert_eq!(metrics.lines().count(), measured.len() + 1);
    assert_eq!(limits.lines().count(), beyond.len() + 1);
    for (line, entry) in metrics.lines().skip(1).zip(measured) {
        let id = entry["id"].as_str().unwrap();
        assert!(line.starts_with(id));
        assert!(id.starts_with(&format!("{}.", entry["family"].as_str().unwrap())));
        for key in ["unit", "range", "summary", "source"] {
            assert!(!entry[key].as_str().unwrap().is_empty(), "{id} has no {key}");
        }
        assert!(!id.ends_with("_fraction") || entry["range"] == "0..=1", "{id}");
        assert!(
            !id.contains("_mm") && !id.contains("_um") && !id.contains("cm2") || entry["needs"][0] == "scale",
            "{id}"
        );
    }
}

#[test]
fn the_catalogue_says_what_a_photo_cannot_carry_and_why() {
    let catalogue = stdout_json(args!["metrics", "--format", "json"], 0);
    let beyond: BTreeMap<&str, &Value> = catalogue
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["measurable"] == false)
        .map(|entry| (entry["id"].as_str().unwrap(), entry))
        .collect();
    for id in ["relief.depth", "skin.firmness", "skin.hydration", "pigmentation.uv_spots", "skin.porphyrins"]
    {
        assert!(beyond[id]["summary"].as_str().is_some_and(|why| why.len() > 20), "{id}");
        assert!(beyond[id]["direction"].is_null());
    }
}

#[test]
fn the_readme_explains_exactly_the_metrics_of_the_catalogue() {
    let readme = fs::read_to_string("README.md").unwrap();
    let row = |line: &str| {
        let mut cells = line.strip_prefix("| `")?.split('|').map(str::trim);
        let id = cells.next()?.strip_suffix('`')?.to_owned();
        Some((id, cells.nth(1)?.to_owned()))
    };
    let rows: BTreeMap<String, String> = readme.lines().filter_map(row).collect();
    let catalogue = stdout_json(args!["metrics", "--format", "json"], 0);
    let entry = |entry: &Value| {
        let direction = entry["direction"].as_str().unwrap_or("–").to_owned();
        (entry["id"].as_str().unwrap().to_owned(), direction)
    };
    let expected: BTreeMap<String, String> =
        catalogue.as_array().unwrap().iter().filter(|entry| entry["measurable"] == true).map(entry).collect();
    assert_eq!(rows, expected);
}

#[test]
fn every_schema_is_a_schema() {
    for name in ["report", "measurement", "objects", "alignment", "run", "settings", "truth"] {
        let schema = stdout_json(args!["schema", name], 0);
        assert!(jsonschema::meta::is_valid(&schema), "{name}");
    }
}

#[test]
fn completions_are_a_script_for_the_shell() {
    for shell in ["bash", "zsh", "fish"] {
        dermalapse()
            .args(["completions", shell])
            .assert()
            .success()
            .stdout(predicate::str::contains("dermalapse"));
    }
}

#[test]
fn a_reader_that_stops_reading_is_no_failure() {
    let program = assert_cmd::cargo::cargo_bin("dermalapse");
    let mut command = std::process::Command::new(program);
    let mut child =
        command.args(["schema", "report"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
}

#[test]
fn measuring_prints_one_json_that_follows_its_schema() {
    let folder = tempfile::tempdir().unwrap();
    let objects = folder.path().join("objects.json");
    let cheek = photo(&sessions()[0], "cheek_left");
    let measurement = stdout_json(args!["measure", cheek, "--px-per-mm", "16", "--objects", objects], 0);
    common::assert_follows(&measurement, "measurement");
    common::assert_follows(&json(&objects), "objects");
    assert_eq!(measurement["scale"]["source"], "option");
    assert_eq!(measurement["photo"]["width"], 480);
}

#[test]
fn without_scale_no_value_is_in_millimetres() {
    let cheek = photo(&sessions()[0], "cheek_left");
    let measurement = stdout_json(args!["measure", cheek], 0);
    assert_eq!(measurement["scale"]["source"], "none");
    let catalogue = stdout_json(args!["metrics", "--format", "json"], 0);
    let needs_scale = catalogue.as_array().unwrap().iter().filter(|entry| entry["needs"][0] == "scale");
    let metrics = &measurement["regions"][0]["metrics"];
    for entry in needs_scale {
        let value = &metrics[entry["id"].as_str().unwrap()];
        assert_eq!(
            (&value["value"], &value["reason"]),
            (&Value::Null, &"no_scale".into()),
            "{}",
            entry["id"]
        );
    }
}

#[test]
fn a_photo_lies_on_itself_point_by_point() {
    let folder = tempfile::tempdir().unwrap();
    let (points, picture) = (folder.path().join("points.csv"), folder.path().join("aligned.png"));
    fs::write(&points, "x,y\n100,80\n240.5,180.25\n").unwrap();
    let cheek = photo(&sessions()[0], "cheek_left");
    let alignment = stdout_json(args!["align", cheek, cheek, "--points", points, "--out", picture], 0);
    common::assert_follows(&alignment, "alignment");
    assert_eq!(alignment["status"], "aligned");
    for (mapped, expected) in
        alignment["points"].as_array().unwrap().iter().zip([[100.0, 80.0], [240.5, 180.25]])
    {
        for axis in 0..2 {
            assert!(
                (mapped[axis].as_f64().unwrap() - expected[axis]).abs() < 0.1,
                "{mapped} is not {expected:?}"
            );
        }
    }
    assert_eq!(fs::read(&picture).unwrap()[..8], *b"\x89PNG\r\n\x1a\n");
}

#[test]
fn photos_of_different_skin_are_rejected_with_a_reason() {
    let first = &sessions()[0];
    let (cheek, forehead) = (photo(first, "cheek_left"), photo(first, "forehead"));
    let alignment = stdout_json(args!["align", cheek, forehead], 3);
    common::assert_follows(&alignment, "alignment");
    assert_eq!((&alignment["status"], &alignment["matrix"]), (&"rejected".into(), &Value::Null));
    assert!(alignment["reason"].is_string());
}

#[test]
fn points_that_are_no_numbers_are_named_by_their_line() {
    let folder = tempfile::tempdir().unwrap();
    let points = folder.path().join("points.csv");
    fs::write(&points, "x,y\n1,2\n3;4\n").unwrap();
    let cheek = photo(&sessions()[0], "cheek_left");
    let result = dermalapse().arg("align").args([&cheek, &cheek]).arg("--points").arg(&points).assert();
    result.code(1).stdout("").stderr(predicate::str::contains("line 3"));
}

#[test]
fn comparing_prints_one_report() {
    let photos: Vec<_> = sessions().iter().map(|session| photo(session, "cheek_left")).collect();
    let report = stdout_json(args!["compare", photos[0], photos[1], photos[2], "--px-per-mm", "16"], 0);
    common::assert_follows(&report, "report");
    let view = &report["views"][0];
    assert_eq!(view["sessions"].as_array().unwrap().len(), 3);
    assert_eq!(view["sessions"][0]["alignment"]["status"], "baseline");
    assert!(view["sessions"][2]["day"].as_i64().unwrap() > 0);
}

#[test]
fn quiet_leaves_stderr_empty() {
    let cheek = photo(&sessions()[0], "cheek_left");
    dermalapse().arg("measure").arg(cheek).arg("--quiet").assert().stderr("");
}

#[test]
fn a_plan_with_another_seed_is_other_skin() {
    let photo = |seed: &str| {
        let folder = tempfile::tempdir().unwrap();
        let (plan, photos) = (folder.path().join("plan.toml"), folder.path().join("photos"));
        fs::write(&plan, format!("width = 64\nheight = 48\n{seed}\n[[sessions]]\n")).unwrap();
        common::phantom(&photos, &["--plan", plan.to_str().unwrap()]);
        let mut files = common::files(&photos).into_iter();
        files.find(|(path, _)| path.ends_with("cheek_left.jpg")).unwrap().1
    };
    let unnamed = photo("");
    assert!(photo("seed = 1") == unnamed && photo("seed = 2") != unnamed);
}
