//! The pages: self-contained, in the language asked for, escaped, and true to the report.

use std::collections::BTreeSet;
use std::fs;
use std::sync::LazyLock;

use crate::common::{self, PATIENT, analyze, json};
use dermalapse::report::html::{Language, patient_page};
use dermalapse::series::Report;
use serde_json::Value;
use tempfile::TempDir;

/// The output of `analyze` on [`PATIENT`], in German, where decimals have a comma.
static OUTPUT: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    analyze(PATIENT.path(), folder.path(), &["--lang", "de"]).success();
    folder
});

fn page() -> String {
    fs::read_to_string(OUTPUT.path().join("P001/report.html")).unwrap()
}

/// Every number and every text of a JSON value.
fn leaves(value: &Value, numbers: &mut BTreeSet<String>, texts: &mut Vec<String>) {
    match value {
        Value::Number(number) => {
            numbers.insert(number.as_f64().unwrap().to_string());
        }
        Value::String(text) => texts.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| leaves(item, numbers, texts)),
        Value::Object(fields) => fields.values().for_each(|field| leaves(field, numbers, texts)),
        _ => {}
    }
}

/// What stands between `start` and `end`, each time.
fn between<'a>(text: &'a str, start: &str, end: &'a str) -> Vec<&'a str> {
    text.split(start).skip(1).filter_map(|rest| rest.split_once(end)).map(|(inside, _)| inside).collect()
}

/// The page without what lies between `start` and `end`.
fn without(text: &str, start: &str, end: &str) -> String {
    let mut parts = text.split(start);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |kept, part| kept + " " + part.split_once(end).map_or("", |(_, rest)| rest))
}

/// The marked numbers of a page: what they are, and what is shown of them.
fn marked(page: &str) -> Vec<(String, String)> {
    let data = between(page, "<data value=\"", "</data>");
    let text = between(page, "data-value=\"", "</text>");
    let split =
        |part: &&str| part.split_once("\">").map(|(value, shown)| (value.to_owned(), shown.to_owned()));
    data.iter().chain(&text).filter_map(split).collect()
}

fn assert_shown(value: &str, shown: &str) {
    let number: f64 = value.parse().unwrap();
    let plain = shown.replace(" %", "").replace('\u{2212}', "-").replace(',', ".");
    let read: f64 = plain.parse().unwrap_or_else(|_| panic!("{shown:?} is no number"));
    // To three digits; a percentage to the whole.
    let room = if shown.ends_with('%') { (0.005 * number.abs()).max(0.5) } else { 0.005 * number.abs() };
    assert!((read - number).abs() <= room + 1e-12, "{shown} is shown for {value}");
}

/// The runs of digits in a text, without leading zeros.
fn digits(text: &str) -> BTreeSet<String> {
    let runs = text.split(|c: char| !c.is_ascii_digit()).filter(|run| !run.is_empty());
    runs.map(|run| run.trim_start_matches('0').to_owned()).collect()
}

/// Fails unless every number of `page` stands in the record that it was made from.
fn assert_from(page: &str, record: &Value) {
    let (mut numbers, mut texts) = (BTreeSet::new(), Vec::new());
    leaves(record, &mut numbers, &mut texts);
    let marked = marked(page);
    assert!(marked.len() > 10);
    for (value, shown) in &marked {
        assert!(numbers.contains(value), "{value} is not in the report");
        assert_shown(value, shown);
    }
    // What is not marked stands in a text of the report or in the words of the page.
    let words = fs::read_to_string("templates/languages/de.toml").unwrap();
    let known: BTreeSet<String> =
        texts.iter().map(String::as_str).chain([&*words]).flat_map(digits).collect();
    let mut rest = page.to_owned();
    for (start, end) in
        [("<style>", "</style>"), ("<script>", "</script>"), ("<data ", "</data>"), ("<text ", "</text>")]
    {
        rest = without(&rest, start, end);
    }
    let visible = without(&rest, "<", ">");
    let visible = ["&#38;", "&#39;", "&#60;", "&#62;", "&#34;"]
        .iter()
        .fold(visible, |text, code| text.replace(code, " "));
    let unknown: Vec<String> = digits(&visible).difference(&known).cloned().collect();
    assert!(unknown.is_empty(), "{unknown:?} stand in the page and not in the report");
}

#[test]
fn every_number_on_the_pages_stands_in_the_files_they_came_from() {
    assert_from(&page(), &json(&OUTPUT.path().join("P001/report.json")));
    let index = fs::read_to_string(OUTPUT.path().join("index.html")).unwrap();
    let mut run = json(&OUTPUT.path().join("run.json"));
    // A count that is 0 is left out of the record.
    run["none"] = 0.into();
    let (mut numbers, mut texts) = (BTreeSet::new(), Vec::new());
    leaves(&run, &mut numbers, &mut texts);
    for (value, shown) in marked(&index) {
        assert!(numbers.contains(&value) && value == shown, "{value}");
    }
}

#[test]
fn every_value_and_every_verdict_of_the_report_is_on_the_page() {
    let (page, report) = (page(), json(&OUTPUT.path().join("P001/report.json")));
    let shown: BTreeSet<String> = marked(&page).into_iter().map(|(value, _)| value).collect();
    for view in report["views"].as_array().unwrap() {
        for session in view["sessions"].as_array().unwrap() {
            for metric in session["regions"][0]["metrics"].as_object().unwrap().values() {
                let value = metric["value"].as_f64().map(|value| value.to_string());
                assert!(value.is_none_or(|value| shown.contains(&value)), "{metric}");
            }
        }
        for change in view["changes"].as_array().unwrap() {
            let value = change["difference"].as_f64().map(|value| value.to_string());
            assert!(value.is_none_or(|value| shown.contains(&value)), "{change}");
        }
    }
}

#[test]
fn what_stands_beside_the_verdicts_is_told_with_its_numbers() {
    let mut record = json(&OUTPUT.path().join("P001/report.json"));
    let view = &mut record["views"][0];
    view["schedule"] = serde_json::json!({"treatments": 3, "intervals_days": [33, 44], "days_since_last": 55, "notes": [
        {"code": "still_remodelling", "message": "so far"}]});
    view["recoveries"] = serde_json::json!([{"region": "skin", "metric": "redness.a_star_mean", "level": 12.0,
        "half_life_days": 2.75, "ci95": [1.625, null], "sessions": 7}]);
    let mut change = view["changes"][0].clone();
    change["control"] = "control".into();
    for (key, value) in [("difference", -3.125), ("mdc95", 1.375)] {
        change[key] = value.into();
    }
    change["ci95"] = serde_json::json!([-4.5, -1.875]);
    change["verdict"] = "improved".into();
    view["controlled"] = serde_json::json!([change]);
    let report: Report = serde_json::from_value(record.clone()).unwrap();
    let page = patient_page(&report, &[], Language::German);
    assert_from(&page, &record);
    for said in ["33", "44", "55", "2.75", "1.625", "-3.125", "-4.5", "-1.875", "1.375"] {
        assert!(page.contains(&format!("<data value=\"{said}\">")), "{said}");
    }
    for said in [
        "Behandlungen bis zur letzten Sitzung",
        "Nach 3 und 6 Monaten",
        "Mehr als unbehandelte Haut",
        "mMASI",
    ] {
        assert!(page.contains(said), "{said}");
    }
}

#[test]
fn a_page_needs_nothing_but_itself() {
    for name in ["index.html", "P001/report.html"] {
        let page = fs::read_to_string(OUTPUT.path().join(name)).unwrap();
        assert!(page.len() < 8_000_000, "{name} has {} bytes", page.len());
        for elsewhere in ["http:", "https:", "src=\"/", "url(", "@import", "<link"] {
            assert!(!page.contains(elsewhere), "{name} has {elsewhere}");
        }
        let policy = between(&page, "http-equiv=\"Content-Security-Policy\" content=\"", "\"");
        assert_eq!(policy.len(), 1);
        assert!(policy[0].contains("default-src &#39;none&#39;"), "{}", policy[0]);
        assert!(!policy[0].contains("unsafe"), "{}", policy[0]);
        assert!(!page.contains(" style=\"") && !page.contains(" onclick="), "{name} breaks its policy");
    }
}

#[test]
fn pages_speak_the_language_asked_for() {
    assert!(page().contains("<html lang=\"de\">") && page().contains("10. Januar 2026"));
    let folder = tempfile::tempdir().unwrap();
    analyze(PATIENT.path(), folder.path(), &["--lang", "tlh"]).code(2);
    analyze(PATIENT.path(), folder.path(), &["--no-html"]).success();
    assert!(!folder.path().join("index.html").exists());
    assert!(!folder.path().join("P001/report.html").exists());
    assert!(folder.path().join("P001/report.json").exists());
}

#[test]
fn names_are_escaped_and_a_rejected_photo_says_what_to_do() {
    let (photos, output) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let patient = photos.path().join("a&b'");
    let sessions = common::sessions();
    for (session, shown) in [(&sessions[0], "cheek_left"), (&sessions[2], "forehead")] {
        fs::create_dir_all(patient.join(session)).unwrap();
        fs::copy(common::photo(session, shown), patient.join(session).join("x&<i>y.jpg")).unwrap();
    }
    fs::write(patient.join("patient.toml"), "arm = '</title><script>alert(1)</script>'").unwrap();
    analyze(photos.path(), output.path(), &[]).code(3);
    let page = fs::read_to_string(output.path().join("a&b'/report.html")).unwrap();
    assert!(!page.contains("<script>alert") && !page.contains("<i>") && !page.contains("a&b"));
    let report = json(&output.path().join("a&b'/report.json"));
    let alignment = &report["views"][0]["sessions"][1]["alignment"];
    assert_eq!(alignment["status"], "rejected", "{alignment}");
    let (_, reason) = alignment["reason"].as_str().unwrap().split_once(": ").unwrap();
    let written = reason.replace('\'', "&#39;").to_lowercase();
    assert!(page.to_lowercase().contains(&written), "{reason}");
    let index = fs::read_to_string(output.path().join("index.html")).unwrap();
    assert!(index.contains("a%26b%27/report.html"));
}
