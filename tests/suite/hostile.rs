//! What comes from anywhere lets nobody in, and what goes out gives nobody away.

#[path = "../../fuzz/targets.rs"]
mod targets;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::common::{self, analyze, cheek, dermalapse, json, photo, sessions, write};
use predicates::prelude::*;

use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// Inputs that are tried of each kind, unless `FUZZ_SECONDS` gives each kind a time.
const TRIES: usize = 150;

/// The longest that one small input may take.
const MOST: Duration = Duration::from_secs(30);

/// The seeds of a kind of input, in order.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(Path::new("fuzz/corpus").join(name)).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|file| fs::read(file).unwrap()).collect()
}

/// A seed that was damaged, cut, stretched or crossed with another, the way
/// fuzzers do it.
fn mutated(seeds: &[Vec<u8>], random: &mut Pcg64Mcg) -> Vec<u8> {
    const EDGES: [u32; 9] = [0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFF_FFFF, 0xFFFF_FFFF];
    let mut bytes = seeds[random.random_range(0..seeds.len())].clone();
    for _ in 0..1 << random.random_range(0..5) {
        let at = random.random_range(0..=bytes.len());
        let end = (at + random.random_range(1..=16)).min(bytes.len());
        match random.random_range(0..9) {
            0 | 1 if at < bytes.len() => bytes[at] ^= 1 << random.random_range(0..8),
            2 if at < bytes.len() => bytes[at] = random.random(),
            3 => {
                let number = EDGES[random.random_range(0..EDGES.len())];
                let number = if random.random() { number.to_be_bytes() } else { number.to_le_bytes() };
                let width = [1, 2, 4][random.random_range(0..3)];
                let end = (at + width).min(bytes.len());
                bytes[at..end].copy_from_slice(&number[..end - at]);
            }
            4 => drop(bytes.drain(at..end)),
            5 => bytes.extend_from_within(at..end),
            6 => {
                let again = bytes[at..end].repeat(random.random_range(1..100));
                bytes.splice(at..at, again);
            }
            7 => {
                let other = &seeds[random.random_range(0..seeds.len())];
                let from = random.random_range(0..=other.len());
                let to = (from + random.random_range(1..200)).min(other.len());
                bytes.splice(at..end, other[from..to].iter().copied());
            }
            _ if random.random_range(0..8) == 0 => bytes.truncate(at),
            _ => {}
        }
    }
    bytes
}

#[expect(clippy::print_stderr, reason = "a long run says what it did")]
fn hammer(name: &str) {
    let (_, target) = targets::TARGETS.iter().find(|(other, _)| *other == name).unwrap();
    let seeds = corpus(name);
    let folder = tempfile::tempdir().unwrap();
    let time =
        std::env::var("FUZZ_SECONDS").ok().map(|seconds| Duration::from_secs(seconds.parse().unwrap()));
    let seed = std::env::var("FUZZ_SEED").map_or(1, |seed| seed.parse().unwrap());
    let (start, mut random) = (Instant::now(), Pcg64Mcg::seed_from_u64(seed));
    let (mut count, mut slowest) = (0, Duration::ZERO);
    let enough = |count: usize| match time {
        Some(time) => count >= seeds.len() && start.elapsed() > time,
        None => count >= seeds.len() + TRIES,
    };
    while !enough(count) {
        let bytes = seeds.get(count).cloned().unwrap_or_else(|| mutated(&seeds, &mut random));
        let begin = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(|| target(&bytes, folder.path())));
        let took = begin.elapsed();
        if result.is_err() || took > MOST {
            let kept =
                std::env::temp_dir().join(format!("dermalapse-{name}-{}", blake3::hash(&bytes).to_hex()));
            fs::write(&kept, &bytes).unwrap();
            panic!("{name} fell over {} or took too long ({took:?})", kept.display());
        }
        slowest = slowest.max(took);
        count += 1;
    }
    eprintln!("{name}: {count} inputs in {:?}, the slowest took {slowest:?}", start.elapsed());
}

#[test]
fn damaged_photos_do_no_harm() {
    hammer("photo");
}

#[test]
fn damaged_regions_do_no_harm() {
    hammer("label_me");
    hammer("label_mask");
}

#[test]
fn damaged_manifests_and_patient_files_do_no_harm() {
    hammer("manifest");
    hammer("patient_file");
}

#[test]
fn damaged_settings_and_reports_do_no_harm() {
    hammer("settings");
    hammer("report");
}

#[test]
fn any_small_picture_is_measured_or_refused() {
    hammer("measure");
}

/// The photo with everything in it that must not come out: EXIF with text and
/// a position, XMP and a comment.
fn telling(jpeg: &[u8]) -> Vec<u8> {
    fn segment(marker: u8, payload: &[u8]) -> Vec<u8> {
        [&[0xFF, marker], (payload.len() as u16 + 2).to_be_bytes().as_slice(), payload].concat()
    }
    let texts: [(u16, &[u8]); 5] = [
        (0x010E, b"SECRET description\0"),
        (0x010F, b"SECRET make\0"),
        (0x0131, b"SECRET software\0"),
        (0x013B, b"SECRET artist\0"),
        (0x8298, b"SECRET copyright\0"),
    ];
    let entry = |tag: u16, kind: u16, count: u32, value: u32| {
        [tag.to_le_bytes().as_slice(), &kind.to_le_bytes(), &count.to_le_bytes(), &value.to_le_bytes()]
            .concat()
    };
    let mut exif = b"II*\0\x08\0\0\0".to_vec();
    exif.extend((texts.len() as u16 + 1).to_le_bytes());
    let mut at = 8 + 2 + 12 * (texts.len() as u32 + 1) + 4;
    let mut tail: Vec<u8> = Vec::new();
    for (tag, text) in texts {
        exif.extend(entry(tag, 2, text.len() as u32, at));
        tail.extend(text);
        at += text.len() as u32;
    }
    // A position: 47 degrees, 11 minutes, 13.37 seconds; 47.18704 degrees.
    exif.extend(entry(0x8825, 4, 1, at));
    exif.extend([0; 4]);
    exif.extend(tail);
    exif.extend(1u16.to_le_bytes());
    exif.extend(entry(0x0002, 5, 3, at + 2 + 12 + 4));
    exif.extend([0; 4]);
    exif.extend([47u32, 1, 11, 1, 1337, 100].iter().flat_map(|number| number.to_le_bytes()));
    let exif = segment(0xE1, &[b"Exif\0\0".as_slice(), &exif].concat());
    let xmp = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>SECRET owner</x:xmpmeta>");
    [&jpeg[..2], &exif, &xmp, &segment(0xFE, b"SECRET comment"), &jpeg[2..]].concat()
}

#[test]
fn outputs_tell_nothing_of_people_places_and_machines() {
    let root = tempfile::Builder::new().prefix("SECRET-folder").tempdir().unwrap();
    let (input, out) = (root.path().join("in"), root.path().join("SECRET-out"));
    for session in &sessions()[..2] {
        let bytes = telling(&fs::read(photo(session, "cheek_left")).unwrap());
        write(&input.join("P001").join(session).join("cheek.jpg"), &bytes);
    }
    write(&input.join("P001/2026-12-01/cheek.jpg"), &telling(&cheek())[..700]);
    write(
        &input.join("P001/patient.toml"),
        format!("views.cheek.roi = {:?}", root.path().join("x")).as_bytes(),
    );
    analyze(&input, &out, &[]).code(3);
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = Some(host.trim().to_owned()).filter(|host| host.len() > 3);
    for (path, bytes) in common::files(&out) {
        let text = String::from_utf8_lossy(&bytes);
        let telling = ["SECRET", "47.18704"].iter().find(|word| text.contains(**word));
        assert_eq!(telling, None, "in {}", path.display());
        assert!(
            !host.as_deref().is_some_and(|host| text.contains(host)),
            "{} names the machine",
            path.display()
        );
    }
}

#[test]
fn an_id_that_gives_the_patient_away_is_warned_of() {
    let root = tempfile::tempdir().unwrap();
    write(&root.path().join("in/Schmidt, Anna/2026-01-10/cheek.jpg"), &cheek());
    let out = root.path().join("out");
    analyze(&root.path().join("in"), &out, &[])
        .stderr(predicate::str::contains("looks like a person's name"));
    let run = json(&out.join("run.json"));
    assert_eq!(run["patients"][0]["warnings"][0]["code"], "patient_id_identifying");
    let report = json(&out.join("Schmidt, Anna/report.json"));
    assert_eq!(report["warnings"][0]["code"], "patient_id_identifying");
}

#[cfg(unix)]
#[test]
fn only_the_user_may_read_what_was_written() {
    use std::os::unix::fs::PermissionsExt;
    let root = tempfile::tempdir().unwrap();
    write(&root.path().join("in/P001/2026-01-10/cheek.jpg"), &cheek());
    let out = root.path().join("deep/out");
    analyze(&root.path().join("in"), &out, &[]).success();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for (path, _) in common::files(&out) {
        let path = out.join(path);
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700), "{}", path.display());
    }
}

#[cfg(unix)]
#[test]
fn names_that_are_no_text_are_named_and_the_rest_is_measured() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let root = tempfile::tempdir().unwrap();
    let input = root.path().join("in");
    write(&input.join("P001/2026-01-10/cheek.jpg"), &cheek());
    for name in
        [&b"P\xFF1/2026-01-10/cheek.jpg"[..], b"P001/2026-01-10/ch\xFFek.jpg", b"P001/2026-01-1\xFF/a.jpg"]
    {
        write(&input.join(OsStr::from_bytes(name)), &cheek());
    }
    let out = root.path().join("out");
    analyze(&input, &out, &[]).code(3).stdout(predicate::str::contains("P001: 1 views"));
    assert_eq!(json(&out.join("run.json"))["problems"].as_array().unwrap().len(), 3);
}

#[cfg(unix)]
#[test]
fn a_pipe_in_the_place_of_a_file_is_not_waited_for() {
    let root = tempfile::tempdir().unwrap();
    let input = root.path().join("in");
    write(&input.join("P001/2026-01-10/cheek.jpg"), &cheek());
    for name in ["P001/2026-01-10/forehead.jpg", "P001/patient.toml"] {
        let made = std::process::Command::new("mkfifo").arg(input.join(name)).status();
        assert!(made.unwrap().success());
    }
    let out = root.path().join("out");
    analyze(&input, &out, &[]).code(3);
    assert_eq!(json(&out.join("run.json"))["problems"][0]["input"], "P001/patient.toml");
}

#[test]
fn a_photo_of_many_pixels_and_little_data_is_refused_at_once() {
    let root = tempfile::tempdir().unwrap();
    let mut bytes = cheek();
    let frame = bytes.windows(2).position(|marker| marker == [0xFF, 0xC0]).unwrap();
    bytes[frame + 5..frame + 9].copy_from_slice(&[0x3A, 0x98, 0x3A, 0x98]);
    let path = root.path().join("claims_225_megapixels.jpg");
    write(&path, &bytes);
    let start = Instant::now();
    dermalapse().arg("measure").arg(&path).assert().code(1);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}
