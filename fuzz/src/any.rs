//! libFuzzer on one kind of input, which `TARGET` names.
#![no_main]

#[path = "../targets.rs"]
mod targets;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use targets::{TARGETS, Target};
use tempfile::TempDir;

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a scratch folder"));

static CHOSEN: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var("TARGET").unwrap_or_default();
    let names: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    *TARGETS.iter().find(|(other, _)| *other == name).unwrap_or_else(|| panic!("TARGET is one of {names:?}"))
});

fuzz_target!(|bytes: &[u8]| (CHOSEN.1)(bytes, FOLDER.path()));
