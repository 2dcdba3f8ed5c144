//! The order of the house: data flows down, and only certain rooms have doors.

use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The modules of the library, in the order of its front page.
fn order() -> Vec<String> {
    let front = fs::read_to_string("src/lib.rs").unwrap();
    let names = front.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    names.map(str::to_owned).collect()
}

/// The top module that a file belongs to; `None` for the program.
fn home(file: &Path) -> Option<String> {
    let below = file.strip_prefix("src").unwrap();
    let first = below.components().next().unwrap().as_os_str().to_str().unwrap();
    let name = first.strip_suffix(".rs").unwrap_or(first);
    (!["lib", "main", "cli"].contains(&name)).then(|| name.to_owned())
}

/// A file's code: without comments and without its tests.
fn code(file: &Path) -> String {
    if file.file_name().is_some_and(|name| name == "tests.rs") {
        return String::new();
    }
    let text = fs::read_to_string(file).unwrap();
    let code = text.lines().take_while(|line| line.trim() != "#[cfg(test)]");
    code.map(|line| line.split("//").next().unwrap_or("")).collect::<Vec<_>>().join("\n")
}

fn identifier(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

/// The top modules that a piece of code names as `crate::x` or `crate::{x, y::z}`.
fn used(code: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let Some(group) = rest.strip_prefix('{') else {
            names.push(identifier(rest));
            continue;
        };
        let (mut depth, mut start) = (1, true);
        for (at, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 1 => start = true,
                c if start && c.is_alphanumeric() => {
                    names.push(identifier(&group[at..]));
                    start = false;
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    names
}

#[test]
fn names_are_found_one_by_one_and_in_groups() {
    assert_eq!(used("use crate::a::b; use crate::{c::{d, e}, f};"), ["a", "c", "f"]);
}

#[test]
fn the_front_page_names_every_module() {
    let order = order();
    let homes: std::collections::BTreeSet<String> =
        sources(Path::new("src")).iter().filter_map(|file| home(file)).collect();
    assert_eq!(homes, order.iter().cloned().collect());
}

#[test]
fn a_module_uses_only_modules_above_it() {
    let order = order();
    let place = |name: &str| order.iter().position(|other| other == name);
    let mut wrong = Vec::new();
    for file in sources(Path::new("src")) {
        let Some(home) = home(&file) else { continue };
        for name in used(&code(&file)) {
            if place(name).is_some_and(|used| used > place(&home).unwrap()) {
                wrong.push(format!("{} uses {name}, which stands below {home}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn families_of_metrics_do_not_know_each_other() {
    let files = sources(Path::new("src/metrics"));
    let family = |file: &&PathBuf| code(file).contains("pub const CATALOGUE: &[Metric]");
    assert!(files.iter().any(|file| family(&file)));
    let name_of = |file: &PathBuf| file.file_stem().unwrap().to_str().unwrap().to_owned();
    for file in files.iter().filter(family) {
        for other in files.iter().filter(family).filter(|&other| other != file) {
            let path = format!("metrics::{}::", name_of(other));
            assert!(!code(file).contains(&path), "{} knows {}", file.display(), name_of(other));
        }
    }
}

/// Fails for every file outside `allowed` whose code holds one of `doors`.
fn only(allowed: &[&str], doors: &[&str]) {
    let mut wrong = Vec::new();
    for file in sources(Path::new("src")) {
        let home = home(&file).unwrap_or_else(|| "program".into());
        let code = code(&file);
        let opened = doors.iter().filter(|&&door| !allowed.contains(&home.as_str()) && code.contains(door));
        wrong.extend(opened.map(|door| format!("{}: {door}", file.display())));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn photographs_are_read_by_photo_alone_and_drawn_masks_by_region() {
    only(
        &["photo"],
        &["ImageReader", "image::open", "load_from_memory", "ImageDecoder", "Decoder::new(image"],
    );
    only(&["photo", "region"], &["png::Decoder"]);
}

#[test]
fn files_are_written_by_report_and_batch_alone() {
    only(
        &["report", "batch"],
        &[
            "fs::write",
            "File::create",
            "create_dir",
            "AtomicWriteFile",
            "OpenOptions",
            ".save(",
            "fs::remove",
            "fs::rename",
        ],
    );
}

#[test]
fn only_the_program_prints() {
    only(&["program"], &["println!", "print!", "stdout()", "stderr()", "dbg!"]);
}

#[test]
fn imageproc_is_reached_through_filter_and_alignment() {
    only(&["filter", "alignment"], &["imageproc::"]);
}
