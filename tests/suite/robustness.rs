//! What comes from anywhere does no harm, and one bad photo never stops the rest.

use std::fs;
use std::time::{Duration, Instant};

use crate::common::{self, PATIENT, analyze, cheek, dermalapse, json, photo, sessions, write};
use predicates::prelude::*;
use serde_json::Value;

/// A PNG of 67 bytes whose header claims 60000 x 60000 pixels.
fn huge_png() -> Vec<u8> {
    fn chunk(out: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) {
        out.extend((data.len() as u32).to_be_bytes());
        let checked = [kind.as_slice(), data].concat();
        out.extend(&checked);
        out.extend(crc32(&checked).to_be_bytes());
    }
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = [60_000u32.to_be_bytes(), 60_000u32.to_be_bytes()].concat();
    header.extend([8, 2, 0, 0, 0]);
    chunk(&mut png, b"IHDR", &header);
    chunk(&mut png, b"IDAT", &[0x78, 0x9c, 0x03, 0x00, 0x00, 0x00, 0x00, 0x01]);
    chunk(&mut png, b"IEND", &[]);
    png
}

/// The checksum of ISO 3309, as PNG uses it.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { 0xEDB8_8320 ^ (crc >> 1) } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), step))
}

#[test]
fn the_checksum_is_the_published_one() {
    assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
}

#[test]
fn what_is_no_photo_ends_with_1_at_once_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let whole = cheek();
    let bad: [(&str, &[u8], &str); 5] = [
        ("empty.jpg", b"", "empty"),
        ("text.jpg", b"this is no photograph", ""),
        ("cut.jpg", &whole[..whole.len() / 3], ""),
        ("header.jpg", &whole[..20], ""),
        ("huge.png", &huge_png(), "60000"),
    ];
    for (name, bytes, reason) in bad {
        let path = folder.path().join(name);
        write(&path, bytes);
        let start = Instant::now();
        let result = dermalapse().arg("measure").arg(&path).assert();
        result
            .code(1)
            .stdout("")
            .stderr(predicate::str::contains(name).and(predicate::str::contains(reason)));
        assert!(start.elapsed() < Duration::from_secs(5), "{name} took {:?}", start.elapsed());
    }
}

#[test]
fn a_photo_is_read_by_its_content_not_its_ending() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("really_a_jpeg.png");
    write(&path, &cheek());
    dermalapse().arg("measure").arg(&path).assert().success();
}

#[test]
fn bad_photos_are_named_and_the_rest_comes_out_as_if_they_were_not_there() {
    let input = tempfile::tempdir().unwrap();
    common::copy(PATIENT.path(), input.path());
    let clean = tempfile::tempdir().unwrap();
    analyze(input.path(), clean.path(), &[]).success();
    let [first, second, ..] = sessions().try_into().map(|s: [String; 3]| s).unwrap();
    for (file, bytes) in [
        (format!("P002/{first}/frontal.jpg"), Vec::new()),
        (format!("P003/{first}/frontal.jpg"), cheek()),
        (format!("P003/{second}/frontal.jpg"), cheek()[..500].to_vec()),
        (format!("P003/{second}/frontal.2.png"), huge_png()),
        ("P004/someday/frontal.jpg".into(), cheek()),
        (format!("P001/{first}/notes.txt"), b"hello".to_vec()),
    ] {
        write(&input.path().join(file), &bytes);
    }
    let out = tempfile::tempdir().unwrap();
    analyze(input.path(), out.path(), &[]).code(3).stdout(predicate::str::contains("P001: 2 views"));
    let (before, after) = (clean.path().join("P001/report.json"), out.path().join("P001/report.json"));
    assert_eq!(fs::read(before).unwrap(), fs::read(after).unwrap());
    let run = json(&out.path().join("run.json"));
    common::assert_follows(&run, "run");
    let unreadable = run["photos"].as_array().unwrap().iter().filter(|photo| photo["status"] == "unreadable");
    let unreadable: Vec<String> =
        unreadable.map(|photo| format!("{} {}", photo["patient"], photo["file"])).collect();
    assert_eq!(
        unreadable,
        [r#""P002" "frontal.jpg""#, r#""P003" "frontal.jpg""#, r#""P003" "frontal.2.png""#]
    );
    assert_eq!(run["problems"][0]["input"], "P004/someday");
    let skipped: Vec<&Value> = run["skipped"].as_array().unwrap().iter().map(|left| &left["input"]).collect();
    assert!(skipped.contains(&&Value::from(format!("P001/{first}/notes.txt"))));
    assert!(json(&out.path().join("P003/report.json"))["warnings"].as_array().unwrap().len() >= 2);
    for (path, bytes) in common::files(out.path()) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let told = [input.path(), out.path()].iter().any(|folder| text.contains(&*folder.to_string_lossy()));
        assert!(!told, "{} tells where the photos stand", path.display());
    }
}

#[test]
fn a_folder_without_photos_ends_with_1_and_tells_the_layout() {
    let input = tempfile::tempdir().unwrap();
    let out = input.path().join("out");
    analyze(input.path(), &out, &[]).code(1).stderr(predicate::str::contains("PATIENT/SESSION/VIEW"));
    write(&input.path().join("face.jpg"), &cheek());
    analyze(input.path(), &out, &[]).code(1).stderr(predicate::str::contains("face.jpg"));
}

#[test]
fn nothing_is_written_outside_the_output_folder() {
    let root = tempfile::tempdir().unwrap();
    write(&root.path().join("in/cheek.jpg"), &cheek());
    let rows = ["../P1", "..", "/P2", "a/b", "..\\P3", "run.json"]
        .map(|id| format!("{id},2026-01-10,v,cheek.jpg\n"));
    let manifest = format!("patient,session,view,file\n{}good,2026-01-10,v,cheek.jpg\n", rows.concat());
    fs::write(root.path().join("in/manifest.csv"), manifest).unwrap();
    let out = root.path().join("deep/out");
    analyze(&root.path().join("in/manifest.csv"), &out, &[]).code(3);
    let mut written: Vec<_> = common::files(root.path()).into_iter().map(|(path, _)| path).collect();
    written.retain(|path| !path.starts_with("in") && !path.starts_with("deep/out"));
    assert!(written.is_empty(), "{written:?}");
    assert_eq!(json(&out.join("run.json"))["problems"].as_array().unwrap().len(), 6);
}

#[test]
fn no_cell_of_a_table_is_a_formula() {
    let root = tempfile::tempdir().unwrap();
    write(&root.path().join("cheek.jpg"), &cheek());
    let manifest = "patient,session,view,file\n=1+1,@a,-v,cheek.jpg\n=1+1,+b,-v,cheek.jpg\n";
    fs::write(root.path().join("manifest.csv"), manifest).unwrap();
    let out = root.path().join("out");
    analyze(&root.path().join("manifest.csv"), &out, &[]);
    for table in ["measurements.csv", "changes.csv"] {
        let mut reader = csv::Reader::from_path(out.join(table)).unwrap();
        let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.unwrap()).collect();
        assert!(!rows.is_empty());
        for cell in rows.iter().flatten() {
            let formula = cell.starts_with(['=', '+', '-', '@']) && cell.parse::<f64>().is_err();
            assert!(!formula, "{table}: {cell}");
        }
    }
}

#[cfg(unix)]
#[test]
#[expect(clippy::print_stderr, reason = "a test that was skipped says so")]
fn a_folder_that_may_not_be_read_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let input = tempfile::tempdir().unwrap();
    common::copy(PATIENT.path(), input.path());
    let locked = input.path().join("P002");
    write(&locked.join("2026-01-10/v.jpg"), &cheek());
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o000)).unwrap();
    let readable = fs::read_dir(&locked).is_ok();
    let out = tempfile::tempdir().unwrap();
    let result = analyze(input.path(), out.path(), &[]);
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o700)).unwrap();
    if readable {
        eprintln!("skipped: the superuser may read everything");
        return;
    }
    result.code(3);
    assert_eq!(json(&out.path().join("run.json"))["problems"][0]["input"], "P002");
}

#[cfg(unix)]
#[test]
fn links_that_lead_in_circles_come_to_an_end() {
    let input = tempfile::tempdir().unwrap();
    common::copy(PATIENT.path(), input.path());
    std::os::unix::fs::symlink(input.path(), input.path().join("P001").join("2026-12-24")).unwrap();
    let out = tempfile::tempdir().unwrap();
    analyze(input.path(), out.path(), &[]).code(3);
}

#[test]
fn regions_of_another_size_or_shape_are_refused_with_their_file() {
    let folder = tempfile::tempdir().unwrap();
    let roi = folder.path().join("roi.json");
    let photo = photo(&sessions()[0], "cheek_left");
    for (text, reason) in [
        (r#"{"imageWidth": 10, "imageHeight": 10, "shapes": []}"#, "10 x 10"),
        (r#"{"shapes": [{"label": "a", "points": [[0, 0]], "shape_type": "point"}]}"#, "no area"),
        ("[[[[[[", "LabelMe"),
    ] {
        fs::write(&roi, text).unwrap();
        let result = dermalapse().arg("measure").arg(&photo).arg("--roi").arg(&roi).assert();
        result
            .code(1)
            .stdout("")
            .stderr(predicate::str::contains("roi.json").and(predicate::str::contains(reason)));
    }
}

#[test]
fn regions_drawn_on_the_baseline_are_measured_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let roi = folder.path().join("roi.json");
    fs::write(
        &roi,
        r#"{"shapes": [{"label": "middle", "points": [[120, 90], [360, 90], [360, 270], [120, 270]]}]}"#,
    )
    .unwrap();
    let output = dermalapse()
        .arg("measure")
        .arg(photo(&sessions()[0], "cheek_left"))
        .arg("--roi")
        .arg(&roi)
        .output()
        .unwrap();
    let measurement: Value = serde_json::from_slice(&output.stdout).unwrap();
    let middle = measurement["regions"]
        .as_array()
        .unwrap()
        .iter()
        .find(|region| region["region"] == "middle")
        .unwrap();
    // At most 240 x 180 pixels; most of it is valid skin.
    let area = middle["area_px"].as_f64().unwrap();
    assert!((30_000.0..=44_000.0).contains(&area), "{area}");
}
