//! The pages in a real browser: used as people use them, offline, and checked for accessibility.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::{self, dermalapse};

const BROWSERS: &[&str] = &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// Where a program is, if it is anywhere on the path.
fn found(name: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// The fixture patient, and one whose follow-up shows another site.
fn input(folder: &Path) {
    common::copy(Path::new("fixtures/patients"), folder);
    let other = folder.join("P002");
    for (session, view) in [("2026-01-10", "cheek_left"), ("2026-04-04", "forehead")] {
        fs::create_dir_all(other.join(session)).unwrap();
        let photo = format!("fixtures/patients/P001/{session}/{view}.jpg");
        fs::copy(photo, other.join(session).join("cheek_left.jpg")).unwrap();
    }
}

#[test]
fn the_pages_work_in_a_browser() {
    let Some(browser) = BROWSERS.iter().find_map(|name| found(name)) else {
        return skip("no browser");
    };
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    if found("node").is_none() || !here.join("node_modules/playwright-core").is_dir() {
        return skip("no browser driver; run `npm ci` in tests/browser");
    }
    let (photos, pages) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    input(photos.path());
    dermalapse().arg("analyze").arg(photos.path()).arg("--out").arg(pages.path()).assert().code(3);
    let run =
        Command::new("node").arg(here.join("check.mjs")).arg(pages.path()).arg(browser).output().unwrap();
    let told = format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{told}");
}

#[allow(clippy::print_stderr, reason = "a test that was skipped says so")]
fn skip(why: &str) {
    eprintln!("skipped: {why}");
}
