//! The structure test: who may import whom, and what stands where, held against the sources.
//!
//! The tables here are the rule; `docs/architecture.md` shows the same lines to readers, and a test below compares them.
//! A change of a table needs a decision record.

mod planted;
mod rules;
mod tokens;
mod tree;

use std::fs;
use std::path::Path;

use rules::{Order, Reserved};
use tree::Tree;

/// Left to right: a module imports only what stands left of it. `,` joins, `|` keeps apart.
const ORDER: &str = "error, environment, text <- model <- formats <- triage <- store \
    <- ledger | registry | signing | archive | scanner <- signatures <- review <- export <- promotion \
    <- keymap <- config <- connect <- demo <- cli | tui <- main";

/// What code compiled for tests only may import from anywhere: the loopback registry it talks to.
const IN_TESTS: &[&str] = &["demo"];

/// [`ORDER`] inside `tui`; its last name is the file `tui.rs` itself.
const ORDER_IN_TUI: &str =
    "theme, message <- widget, context <- screen <- app <- update <- terminal <- runtime <- tui";

/// Words that belong somewhere.
const RESERVED: &[Reserved] = &[
    Reserved {
        words: &["ratatui", "crossterm", "tui_textarea"],
        only_in: &["tui"],
        free_in_tests: false,
    },
    Reserved {
        words: &["clap", "clap_complete", "clap_mangen"],
        only_in: &["cli", "main"],
        free_in_tests: false,
    },
    Reserved {
        words: &["aws_sdk_s3"],
        only_in: &["store"],
        free_in_tests: false,
    },
    Reserved {
        words: &["aws_sdk_kms"],
        only_in: &["signing::kms"],
        free_in_tests: true,
    },
    Reserved {
        words: &["println!", "print!", "eprintln!", "eprint!"],
        only_in: &["cli::output"],
        free_in_tests: true,
    },
    Reserved {
        words: &[
            "SystemTime::now",
            "Utc::now",
            "Local::now",
            "env::var",
            "env::var_os",
            "env::vars",
            "env::vars_os",
            "env::home_dir",
            "directories",
        ],
        only_in: &["environment", "main"],
        free_in_tests: true,
    },
    Reserved {
        words: &[
            "tokio::spawn",
            "task::spawn",
            "spawn_blocking",
            "spawn_local",
            "JoinSet",
            "thread::spawn",
        ],
        only_in: &["tui::runtime", "promotion::run", "demo", "cli"],
        free_in_tests: true,
    },
];

/// Everything a visitor sees in the project's folder; names that begin with a dot are tools' settings.
const TOP: &[&str] = &[
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "assets",
    "benches",
    "docs",
    "fuzz",
    "src",
    "tests",
];

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns every Rust file below `folder`, as (path from the project's folder, text), in a stable order.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![project().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a source folder is readable") {
            let path = entry
                .expect("an entry of a source folder is readable")
                .path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path
                    .strip_prefix(project())
                    .expect("sources are in the project")
                    .display()
                    .to_string();
                found.push((
                    name,
                    fs::read_to_string(&path).expect("a source file is UTF-8"),
                ));
            }
        }
    }
    found.sort();
    found
}

fn tree(folder: &str) -> Tree {
    Tree::new(&sources(folder))
}

#[track_caller]
fn holds(broken: &[String]) {
    assert!(
        broken.is_empty(),
        "{} lines break the rule:\n{}",
        broken.len(),
        broken.join("\n")
    );
}

#[test]
fn modules_import_only_from_their_left() {
    holds(&rules::imports(
        &tree("src"),
        &Order::new(ORDER),
        &[],
        None,
        IN_TESTS,
    ));
}

#[test]
fn the_console_is_layered_too() {
    holds(&rules::imports(
        &tree("src"),
        &Order::new(ORDER_IN_TUI),
        &["tui"],
        Some("tui"),
        &[],
    ));
}

#[test]
fn no_modules_import_in_a_circle() {
    holds(&rules::circles(&tree("src")));
}

#[test]
fn reserved_words_stand_where_they_belong() {
    holds(&rules::reserved(&tree("src"), RESERVED));
}

#[test]
fn every_file_is_short_and_says_what_it_holds() {
    for folder in ["src", "tests", "benches"] {
        let tree = tree(folder);
        holds(&rules::length(&tree));
        // Entry points and files of tests say what they hold; what else belongs there is plain from their parent.
        holds(&rules::opening(&tree, |file| {
            folder == "src"
                && file.name != "src/main.rs"
                && !file.test_only
                && file.module.last().is_none_or(|name| name != "tests")
        }));
    }
}

#[test]
fn every_file_is_compiled() {
    holds(&tree("src").undeclared());
    holds(&tree("tests").undeclared());
}

#[test]
fn a_module_lies_beside_its_folder() {
    let names = ["src", "tests"]
        .into_iter()
        .flat_map(sources)
        .map(|(name, _)| name);
    holds(
        &names
            .filter(|name| name.ends_with("/mod.rs"))
            .collect::<Vec<_>>(),
    );
}

#[test]
fn the_top_level_is_what_a_visitor_expects() {
    let entries = fs::read_dir(project()).expect("the project's folder is readable");
    let mut names: Vec<String> = entries
        .map(|entry| {
            entry
                .expect("an entry of the project's folder is readable")
                .file_name()
                .display()
                .to_string()
        })
        .filter(|name| !name.starts_with('.') && name != "target")
        .collect();
    names.sort();
    assert_eq!(names, TOP);
}

#[test]
fn the_documents_show_the_same_order() {
    let page = fs::read_to_string(project().join("docs/architecture.md"))
        .expect("docs/architecture.md is readable");
    let words = |text: &str| {
        text.replace('←', "<-")
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    for order in [ORDER, ORDER_IN_TUI] {
        assert!(
            words(&page).contains(&words(order)),
            "docs/architecture.md does not show: {}",
            words(order)
        );
    }
}

#[test]
fn every_dependency_has_its_reason() {
    let read = |name: &str| {
        fs::read_to_string(project().join(name)).expect("a file of the project is readable")
    };
    let manifest: toml::Table = read("Cargo.toml").parse().expect("Cargo.toml is TOML");
    let record = read("docs/decisions/0004-dependencies.md");
    let mut missing = Vec::new();
    for section in ["dependencies", "dev-dependencies"] {
        for (name, value) in manifest[section]
            .as_table()
            .expect("dependencies are a table")
        {
            let package = value
                .get("package")
                .and_then(toml::Value::as_str)
                .unwrap_or(name);
            if !record.contains(&format!("`{package}`")) {
                missing.push(format!(
                    "docs/decisions/0004-dependencies.md does not say what {package} is for"
                ));
            }
        }
    }
    holds(&missing);
}
