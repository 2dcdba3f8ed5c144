//! A run never loses anything: whatever stops it, the next one ends with the same bytes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, LazyLock};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::common::{self, json, phantom};
use dermalapse::batch::{self, Analysis};
use dermalapse::report::files::Gate;
use dermalapse::settings::Settings;

use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;
use tempfile::TempDir;

/// Two patients, two views, two sessions, as small as can be aligned.
static PATIENTS: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let plan = [
        "--patients",
        "2",
        "--sessions",
        "2",
        "--views",
        "cheek,brow",
        "--size",
        "240x180",
        "--px-per-mm",
        "8",
    ];
    phantom(folder.path(), &plan);
    folder
});

/// What an undisturbed run writes, and how long it takes.
static WHOLE: LazyLock<(BTreeMap<PathBuf, Vec<u8>>, Duration)> = LazyLock::new(|| {
    let out = tempfile::tempdir().unwrap();
    let start = Instant::now();
    finished(&run(PATIENTS.path(), out.path(), &[]));
    (files(out.path()), start.elapsed())
});

fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    common::files(folder).into_iter().collect()
}

fn command(input: &Path, out: &Path, options: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("dermalapse"));
    command.arg("analyze").arg(input).arg("--out").arg(out).args(options);
    command
}

fn run(input: &Path, out: &Path, options: &[&str]) -> Output {
    command(input, out, options).output().unwrap()
}

fn start(input: &Path, out: &Path) -> Child {
    command(input, out, &[]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Fails unless the run came to its end.
fn finished(output: &Output) {
    assert!(matches!(output.status.code(), Some(0 | 3)), "{output:?}");
}

/// Fails unless every file that a reader would see is as it will be in the end.
fn nothing_torn(out: &Path) {
    for (path, bytes) in files(out) {
        if !path.iter().any(|part| part.as_encoded_bytes().starts_with(b".")) {
            assert!(bytes == WHOLE.0[&path], "{} is torn", path.display());
        }
    }
}

#[test]
fn a_run_killed_at_any_moment_and_started_again_ends_with_the_same_bytes() {
    let mut random = Pcg64Mcg::seed_from_u64(8);
    let whole = WHOLE.1;
    for _ in 0..2 {
        let out = tempfile::tempdir().unwrap();
        for _ in 0..3 {
            let mut child = start(PATIENTS.path(), out.path());
            sleep(whole.mul_f64(random.random_range(0.0..1.1)));
            child.kill().unwrap();
            child.wait().unwrap();
            nothing_torn(out.path());
        }
        finished(&run(PATIENTS.path(), out.path(), &[]));
        assert!(files(out.path()) == WHOLE.0);
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_the_run_at_once_and_says_how_to_go_on() {
    let out = tempfile::tempdir().unwrap();
    for share in [0.2, 0.6] {
        let child = start(PATIENTS.path(), out.path());
        while !out.path().join(".dermalapse/lock").exists() {
            sleep(Duration::from_millis(2));
        }
        sleep(WHOLE.1.mul_f64(share / 2.0));
        let signal = Command::new("kill").arg("-INT").arg(child.id().to_string()).status().unwrap();
        let (sent, output) = (Instant::now(), child.wait_with_output().unwrap());
        if !signal.success() || matches!(output.status.code(), Some(0 | 3)) {
            continue; // It was done before.
        }
        assert_eq!(output.status.code(), Some(130), "{output:?}");
        assert!(told(&output).contains("the same command goes on from there"), "{}", told(&output));
        assert!(sent.elapsed() < Duration::from_secs(2), "{:?}", sent.elapsed());
        nothing_torn(out.path());
    }
    finished(&run(PATIENTS.path(), out.path(), &[]));
    assert!(files(out.path()) == WHOLE.0);
}

#[test]
fn what_is_finished_is_not_computed_again_unless_it_is_forced_or_damaged() {
    let out = tempfile::tempdir().unwrap();
    assert!(!told(&run(PATIENTS.path(), out.path(), &[])).contains("earlier run"));
    let again = run(PATIENTS.path(), out.path(), &["--jobs", "1"]);
    assert!(told(&again).contains("4 finished series taken"), "{}", told(&again));
    assert!(files(out.path()) == WHOLE.0);
    let entry = fs::read_dir(out.path().join(".dermalapse/series")).unwrap().next().unwrap().unwrap().path();
    let mut bytes = fs::read(&entry).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&entry, &bytes).unwrap();
    let damaged = run(PATIENTS.path(), out.path(), &[]);
    assert!(told(&damaged).contains("3 finished series taken"), "{}", told(&damaged));
    assert!(files(out.path()) == WHOLE.0);
    let forced = run(PATIENTS.path(), out.path(), &["--force"]);
    assert!(!told(&forced).contains("taken"), "{}", told(&forced));
    assert!(files(out.path()) == WHOLE.0);
    let scaled = run(PATIENTS.path(), out.path(), &["--px-per-mm", "9"]);
    assert!(!told(&scaled).contains("taken"), "{}", told(&scaled));
}

#[test]
fn a_new_session_computes_only_the_series_it_belongs_to() {
    let input = tempfile::tempdir().unwrap();
    common::copy(PATIENTS.path(), input.path());
    let (out, fresh) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    finished(&run(input.path(), out.path(), &[]));
    let visit = input.path().join("P002/2027-01-01");
    fs::create_dir(&visit).unwrap();
    fs::copy(PATIENTS.path().join("P002/2026-02-21/brow.jpg"), visit.join("brow.jpg")).unwrap();
    let more = run(input.path(), out.path(), &[]);
    assert!(told(&more).contains("3 finished series taken"), "{}", told(&more));
    finished(&run(input.path(), fresh.path(), &[]));
    assert!(files(out.path()) == files(fresh.path()));
    // A patient who is gone leaves the tables, but no report is ever removed.
    fs::remove_dir_all(input.path().join("P001")).unwrap();
    let less = run(input.path(), out.path(), &[]);
    assert!(told(&less).contains("P001: its report is of an earlier run"), "{}", told(&less));
    assert!(out.path().join("P001/report.json").exists());
    assert!(!fs::read_to_string(out.path().join("measurements.csv")).unwrap().contains("P001"));
    assert_eq!(fs::read_dir(out.path().join(".dermalapse/series")).unwrap().count(), 2);
}

#[test]
fn the_second_of_two_runs_says_so_and_stops() {
    let out = tempfile::tempdir().unwrap();
    fs::create_dir(out.path().join(".dermalapse")).unwrap();
    let lock = fs::File::create(out.path().join(".dermalapse/lock")).unwrap();
    lock.lock().unwrap();
    let second = run(PATIENTS.path(), out.path(), &[]);
    assert_eq!(second.status.code(), Some(1));
    assert!(told(&second).contains("another run is writing to"), "{}", told(&second));
    assert_eq!(files(out.path()).len(), 1);
    drop(lock);
    finished(&run(PATIENTS.path(), out.path(), &[]));
}

/// Runs in this process on one thread; `disturb` is called after each photo.
fn disturbed(input: &Path, out: &Path, disturb: &(dyn Fn() + Sync)) -> serde_json::Value {
    let found = batch::discover(input, out, None).unwrap();
    let gate = Arc::new(Gate::default());
    let settings = Settings::default();
    let analysis = Analysis {
        input: &found,
        output: out,
        settings: &settings,
        scale: None,
        jobs: 1,
        memory: 1 << 30,
        over: false,
        gate: &gate,
        pages: None,
    };
    batch::analyze(&analysis, disturb).unwrap();
    json(&out.join("run.json"))
}

#[test]
fn photos_that_vanish_under_a_run_are_named_and_the_rest_is_as_ever() {
    let (input, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    common::copy(PATIENTS.path(), input.path());
    let gone = input.path().join("P002/2026-02-21/cheek.jpg");
    let run = disturbed(input.path(), out.path(), &|| drop(fs::remove_file(&gone)));
    let photos = run["photos"].as_array().unwrap();
    let lost: Vec<_> = photos.iter().filter(|photo| photo["status"] == "unreadable").collect();
    assert_eq!(lost.len(), 1, "{lost:?}");
    assert_eq!((&lost[0]["patient"], &lost[0]["file"]), (&"P002".into(), &"cheek.jpg".into()));
    let report = Path::new("P001/report.json");
    assert!(fs::read(out.path().join(report)).unwrap() == WHOLE.0[report]);
    // What could not be read is tried again.
    let back = "P002/2026-02-21/cheek.jpg";
    fs::copy(PATIENTS.path().join(back), input.path().join(back)).unwrap();
    finished(&self::run(input.path(), out.path(), &[]));
    let same = |path: &str| fs::read(out.path().join(path)).unwrap() == WHOLE.0[Path::new(path)];
    assert!(same("P002/report.json") && same("measurements.csv") && same("run.json"));
}

#[test]
fn a_photo_that_changes_under_a_run_is_told_and_its_series_is_not_kept() {
    let (input, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let place = |session: &str| input.path().join("P001").join(session).join("cheek.jpg");
    let original = |session: &str| PATIENTS.path().join("P001").join(session).join("cheek.jpg");
    for session in ["2026-01-01", "2026-01-10", "2026-02-21"] {
        fs::create_dir_all(place(session).parent().unwrap()).unwrap();
    }
    // The first is unreadable, so that there is a step before the others are read.
    fs::write(place("2026-01-01"), "no photo").unwrap();
    for session in ["2026-01-10", "2026-02-21"] {
        fs::copy(original(session), place(session)).unwrap();
    }
    let change = || drop(fs::copy(original("2026-01-10"), place("2026-02-21")));
    let run = disturbed(input.path(), out.path(), &change);
    let changed = &run["photos"][2];
    assert_eq!(changed["warnings"].as_array().unwrap().last().unwrap()["code"], "changed_during_run");
    let read = blake3::hash(&fs::read(original("2026-01-10")).unwrap()).to_hex().to_string();
    assert_eq!(changed["blake3"], read, "the hash is that of what was measured");
    assert_eq!(fs::read_dir(out.path().join(".dermalapse/series")).unwrap().count(), 0);
}

/// Runs a shell script as the superuser of its own mounts; `None` where the
/// system does not allow that.
#[cfg(target_os = "linux")]
#[expect(clippy::print_stderr, reason = "a test that was skipped says so")]
fn with_mounts(script: &str, arguments: &[&Path]) -> Option<Output> {
    let unshare = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-euc", script]);
        command.arg(assert_cmd::cargo::cargo_bin("dermalapse")).args(arguments).output()
    };
    let allowed = unshare("mount -t tmpfs none /mnt").is_ok_and(|output| output.status.success());
    if !allowed {
        eprintln!("skipped: nothing can be mounted here");
        return None;
    }
    Some(unshare(script).unwrap())
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_and_the_earlier_output_stays_whole() {
    let input = tempfile::tempdir().unwrap();
    common::copy(&PATIENTS.path().join("P001"), &input.path().join("first/P001"));
    common::copy(PATIENTS.path(), &input.path().join("both"));
    let copy = tempfile::tempdir().unwrap();
    let script = r#"
        mount -t tmpfs -o size=16m none /mnt
        $0 analyze "$1/first" --out /mnt/out > /dev/null || test $? = 3
        cp -r /mnt/out "$2/before"
        cat /dev/zero > /mnt/fill 2> /dev/null || true
        code=0; $0 analyze "$1/both" --out /mnt/out > /dev/null || code=$?
        cp -r /mnt/out "$2/full"
        rm /mnt/fill
        $0 analyze "$1/both" --out /mnt/out > /dev/null || test $? = 3
        cp -r /mnt/out "$2/after"
        exit $code"#;
    let Some(output) = with_mounts(script, &[input.path(), copy.path()]) else { return };
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(told(&output).contains("No space left"), "{}", told(&output));
    let [before, full, after] = ["before", "full", "after"].map(|name| files(&copy.path().join(name)));
    for (path, bytes) in &before {
        assert!(full[path] == *bytes, "{} was harmed", path.display());
    }
    assert!(after == WHOLE.0);
}

#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_may_not_be_written_to_is_named_at_once() {
    let input = PATIENTS.path();
    let script = r#"
        mount -t tmpfs -o size=1m none /mnt; mkdir /mnt/out; mount -o remount,ro /mnt
        exec $0 analyze "$1" --out /mnt/out"#;
    let start = Instant::now();
    let Some(output) = with_mounts(script, &[input]) else { return };
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(told(&output).contains("cannot write /mnt/out"), "{}", told(&output));
    assert!(start.elapsed() < WHOLE.1.max(Duration::from_secs(2)), "it was found out too late");
}
