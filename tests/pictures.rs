//! The pictures of the README: made from the running program, and held against the page that shows them.
//!
//! `COUNTERSIGN_BLESS=1 cargo test --test suite pictures` makes them anew.

mod svg;

use std::fs;
use std::path::{Path, PathBuf};

use crate::demo_console::{Stop, Tour};
use crate::support::judges::variable;
use crate::support::terminal::Terminal;

/// What is drawn at which stop of the tour: file name and what it shows.
const PICTURES: [(Stop, &str, &str); 8] = [
    (Stop::Images, "images", "Console: the images of the reports"),
    (
        Stop::Findings,
        "findings",
        "Console: the findings of an image",
    ),
    (Stop::Compare, "compare", "Console: two reports compared"),
    (
        Stop::Components,
        "components",
        "Console: the components of an SBOM",
    ),
    (Stop::Verdict, "verdict", "Console: the form of a verdict"),
    (
        Stop::Confirmation,
        "promote",
        "Console: a plan and its confirmation",
    ),
    (
        Stop::Receipt,
        "receipt",
        "Console: a promotion that is done",
    ),
    (
        Stop::History,
        "history",
        "Console: the entries of the ledger",
    ),
];

/// A picture is read over slow lines too.
const MOST_BYTES: u64 = 60 * 1024;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pictures")
}

/// Returns the files in `docs/pictures` that `page` shows.
fn shown(page: &str) -> Vec<PathBuf> {
    let mut names: Vec<&str> = page
        .split("docs/pictures/")
        .skip(1)
        .filter_map(|rest| rest.split([')', '"', ' ', '\n']).next())
        .filter(|name| !name.is_empty())
        .collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(|name| folder().join(name)).collect()
}

#[test]
fn every_picture_is_there_and_small_and_shown() {
    let readme = fs::read_to_string(folder().join("../../README.md")).expect("README.md is UTF-8");
    let shown = shown(&readme);
    assert!(!shown.is_empty(), "README.md shows no picture");
    for path in &shown {
        let text =
            fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let bytes = text.len() as u64;
        assert!(bytes <= MOST_BYTES, "{}: {bytes} bytes", path.display());
        assert!(
            text.starts_with("<svg xmlns=") && text.ends_with("</svg>\n"),
            "{} is no SVG",
            path.display()
        );
        assert!(
            text.matches("<text").count() > 20,
            "{} shows hardly any text",
            path.display()
        );
        for part in ["text", "rect", "title", "style", "svg"] {
            let closed = text.matches(&format!("</{part}>")).count() + text.matches("/>").count();
            let opened = text.matches(&format!("<{part}")).count();
            assert!(opened <= closed, "{}: <{part}> stays open", path.display());
        }
    }
    let there = fs::read_dir(folder()).expect("docs/pictures is a folder");
    for entry in there {
        let path = entry.expect("docs/pictures is readable").path();
        assert!(
            shown.contains(&path),
            "README.md does not show {}",
            path.display()
        );
    }
}

/// Draws the picture of what `terminal` shows.
fn bless(terminal: &Terminal, name: &str, title: &str) {
    let picture = terminal.look(|screen| svg::draw(screen, title));
    let path = folder().join(format!("{name}.svg"));
    fs::write(&path, picture).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

#[test]
fn pictures_are_made_when_they_are_asked_for() {
    if variable("COUNTERSIGN_BLESS").is_none_or(|value| value != "1") {
        return;
    }
    Tour::start(36, 120).take(&mut |stop, terminal| {
        for (_, name, title) in PICTURES.iter().filter(|(at, _, _)| *at == stop) {
            bless(terminal, name, title);
        }
    });
    let title = "Console: the findings of an image in 80 by 24 characters";
    Tour::start(24, 80).take(&mut |stop, terminal| {
        if stop == Stop::Findings {
            bless(terminal, "findings-80x24", title);
        }
    });
}
