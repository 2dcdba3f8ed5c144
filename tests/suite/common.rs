//! What the tests that run the program share.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use assert_cmd::Command;
use assert_cmd::assert::Assert;
use serde_json::Value;
use tempfile::TempDir;

/// The program, ready to run.
pub fn dermalapse() -> Command {
    Command::cargo_bin("dermalapse").unwrap()
}

/// Two views of one improving patient, three sessions each, small enough to be quick.
pub static PATIENT: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    phantom(folder.path(), &["--views", "cheek_left,forehead", "--size", "480x360", "--px-per-mm", "16"]);
    folder
});

/// Renders synthetic patients into `folder`.
pub fn phantom(folder: &Path, options: &[&str]) {
    dermalapse().arg("phantom").arg("--out").arg(folder).args(options).assert().success();
}

/// A photo of [`PATIENT`].
pub fn photo(session: &str, view: &str) -> PathBuf {
    PATIENT.path().join("P001").join(session).join(view).with_extension("jpg")
}

/// The sessions of [`PATIENT`], in order of time.
pub fn sessions() -> Vec<String> {
    let entries = fs::read_dir(PATIENT.path().join("P001")).unwrap().map(|entry| entry.unwrap());
    let folders = entries.filter(|entry| entry.path().is_dir());
    let mut names: Vec<String> = folders.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The bytes of one photo of [`PATIENT`].
pub fn cheek() -> Vec<u8> {
    fs::read(photo(&sessions()[0], "cheek_left")).unwrap()
}

/// What `analyze` does with a folder or manifest; two minutes are a hang.
pub fn analyze(input: &Path, output: &Path, options: &[&str]) -> Assert {
    let mut program = dermalapse();
    program.arg("analyze").arg(input).arg("--out").arg(output).args(options);
    program.timeout(Duration::from_secs(120)).assert()
}

/// Every file below `folder` with its bytes, by its path below it.
pub fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    fn collect(folder: &Path, root: &Path, out: &mut Vec<(PathBuf, Vec<u8>)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, root, out);
            } else {
                out.push((path.strip_prefix(root).unwrap().to_owned(), fs::read(&path).unwrap()));
            }
        }
    }
    let mut out = Vec::new();
    collect(folder, folder, &mut out);
    out.sort();
    out
}

/// The JSON in a file.
pub fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Fails unless `value` follows the schema that the program prints for `name`.
pub fn assert_follows(value: &Value, name: &str) {
    let schema = dermalapse().args(["schema", name]).output().unwrap().stdout;
    let schema: Value = serde_json::from_slice(&schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(value).map(|error| format!("{} at {}", error, error.instance_path)).collect();
    assert!(errors.is_empty(), "{}", errors.join("\n"));
}

/// Copies a folder with everything in it.
pub fn copy(from: &Path, to: &Path) {
    for (path, bytes) in files(from) {
        write(&to.join(path), &bytes);
    }
}

/// Writes a file and the folders above it.
pub fn write(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}
