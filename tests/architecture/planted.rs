//! Small trees with one planted offence each: the structure test's own test.

use super::rules::{self, MOST_LINES, Order, Reserved};
use super::tree::Tree;
use super::{IN_TESTS, ORDER, ORDER_IN_TUI, RESERVED};

fn tree(files: &[(&str, &str)]) -> Tree {
    let files: Vec<_> = files
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
        .collect();
    Tree::new(&files)
}

fn imports(files: &[(&str, &str)]) -> Vec<String> {
    rules::imports(&tree(files), &Order::new(ORDER), &[], None, IN_TESTS)
}

fn imports_in_tui(files: &[(&str, &str)]) -> Vec<String> {
    rules::imports(
        &tree(files),
        &Order::new(ORDER_IN_TUI),
        &["tui"],
        Some("tui"),
        &[],
    )
}

const CONSOLE: (&str, &str) = (
    "src/tui.rs",
    "mod runtime; mod screen; mod theme; pub use theme::Theme;",
);

#[test]
fn an_import_from_the_right_is_named_with_its_line() {
    for text in [
        "\n\nuse crate::tui::Theme;",
        "\n\nuse crate::{error::Hint, tui::Theme};",
        "\n\nuse crate::{model::{Digest, Image}, tui::{self, Theme as Colours}, error};",
        "\n\nfn f() { crate::tui::run() }",
        "\n\nfn f() -> super::tui::Theme { g() }",
        "\n\nmod inner { use super::super::tui::Theme; }",
        "\n\npub use crate::tui::Theme as Colours;",
        "/* crate::cli::x */\n\npub(in crate::promotion) fn f<'a>(x: &'a str) -> char { crate::tui::quote('\"') }",
    ] {
        let mut found = imports(&[CONSOLE, ("src/promotion.rs", text)]);
        found.dedup();
        assert_eq!(
            found,
            ["src/promotion.rs:3: promotion must not import tui"],
            "{text}"
        );
    }
}

#[test]
fn neighbours_that_stand_apart_are_kept_apart() {
    let found = imports(&[
        ("src/registry.rs", "use crate::signing::Key;"),
        ("src/signing.rs", "use crate::store::Store;"),
    ]);
    assert_eq!(
        found,
        ["src/registry.rs:1: registry must not import signing"]
    );
    let found = imports(&[("src/cli/run.rs", "use crate::tui::run;"), CONSOLE]);
    assert_eq!(found, ["src/cli/run.rs:1: cli must not import tui"]);
}

#[test]
fn imports_from_the_left_and_inside_a_module_are_free() {
    let found = imports(&[
        ("src/lib.rs", "pub mod error; pub mod model;"),
        (
            "src/model.rs",
            "mod digest; pub use digest::Digest; // crate::tui::x",
        ),
        (
            "src/model/digest.rs",
            "use super::oci; use crate::error::Hint; const S: &str = \"crate::tui\"; pub(crate) struct Digest;",
        ),
        (
            "src/export/csv.rs",
            "use super::super::model::{self, Digest}; use crate::review::Review;",
        ),
        ("src/main.rs", "use crate::{cli, tui};"),
    ]);
    assert_eq!(found, <[&str; 0]>::default());
}

#[test]
fn a_module_without_a_place_is_reported() {
    assert_eq!(
        imports(&[("src/helpers.rs", "")]),
        ["src/helpers.rs:1: helpers has no place in the import order"]
    );
    assert_eq!(
        imports_in_tui(&[("src/tui/state.rs", "")]),
        ["src/tui/state.rs:1: state has no place in the import order"]
    );
    assert_eq!(
        imports(&[
            ("src/model.rs", "use crate::helpers::x;"),
            ("src/helpers.rs", "")
        ])
        .len(),
        2
    );
}

#[test]
fn the_console_keeps_its_own_order() {
    let found = imports_in_tui(&[
        CONSOLE,
        ("src/tui/theme.rs", "use crate::model::Digest;"),
        ("src/tui/screen.rs", "mod list;"),
        (
            "src/tui/screen/list.rs",
            "use crate::tui::Theme;\nuse super::super::runtime::Job;\nuse crate::tui::run;",
        ),
        ("src/tui/runtime.rs", "use crate::tui::screen::List;"),
    ]);
    assert_eq!(
        found,
        [
            "src/tui/screen/list.rs:2: screen must not import runtime",
            "src/tui/screen/list.rs:3: screen must not import tui"
        ]
    );
}

#[test]
fn circles_are_found_through_what_a_parent_passes_on() {
    let found = rules::circles(&tree(&[
        (
            "src/triage.rs",
            "mod index; mod view; pub use index::Index;",
        ),
        ("src/triage/index.rs", "\nuse super::view::View;"),
        ("src/triage/view.rs", "use crate::triage::Index;"),
    ]));
    assert_eq!(
        found,
        ["circle: index (src/triage/index.rs:2) -> view (src/triage/view.rs:1) -> index"]
    );
    let found = rules::circles(&tree(&[
        (
            "src/triage.rs",
            "mod index; mod view; pub use index::Index; pub struct Row; fn f() { view::g() }",
        ),
        ("src/triage/index.rs", "use super::Row;"),
        ("src/triage/view.rs", "use crate::triage::{Index, Row};"),
    ]));
    assert_eq!(found, <[&str; 0]>::default());
}

#[test]
fn reserved_words_are_found_outside_their_modules() {
    let offences = [
        ("src/review.rs", "use ratatui::Frame;", "ratatui"),
        (
            "src/connect.rs",
            "fn f() -> aws_sdk_s3::Client { g() }",
            "aws_sdk_s3",
        ),
        ("src/config.rs", "#[derive(clap::Parser)] struct A;", "clap"),
        ("src/cli/scan.rs", "fn f() { println!(\"x\") }", "println!"),
        (
            "src/cli/output/json.rs",
            "fn f() { std::time::SystemTime::now() }",
            "SystemTime::now",
        ),
        (
            "src/ledger.rs",
            "use chrono::Utc; fn f() { Utc::now() }",
            "Utc::now",
        ),
        (
            "src/signing/key.rs",
            "fn f() { std::env::var(\"HOME\") }",
            "env::var",
        ),
        (
            "src/tui/screen.rs",
            "fn f() { tokio::task::spawn_blocking(g) }",
            "spawn_blocking",
        ),
        (
            "src/scanner.rs",
            "fn f() { std::thread::spawn(g) }",
            "thread::spawn",
        ),
    ];
    for (name, text, word) in offences {
        let found = rules::reserved(&tree(&[(name, text)]), RESERVED);
        assert_eq!(found.len(), 1, "{name}: {found:?}");
        assert!(
            found[0].starts_with(&format!("{name}:1: {word} belongs in ")),
            "{found:?}"
        );
    }
}

#[test]
fn reserved_words_are_free_where_they_belong_and_partly_in_tests() {
    let found = rules::reserved(
        &tree(&[
            ("src/tui/screen/list.rs", "use ratatui::Frame;"),
            ("src/cli/output.rs", "fn f() { eprintln!(\"x\") }"),
            ("src/promotion/run.rs", "fn f() { tokio::spawn(g) }"),
            ("src/environment.rs", "fn f() { std::env::vars() }"),
            (
                "src/registry.rs",
                "#[cfg(test)] mod loopback; #[cfg(test)] mod inner { fn f() { tokio::spawn(g) } }",
            ),
            ("src/registry/loopback.rs", "fn f() { tokio::spawn(g) }"),
            (
                "src/scanner.rs",
                "fn f() { thread::scope(|s| { s.spawn(g); }); Command::new(x).spawn() }",
            ),
        ]),
        RESERVED,
    );
    assert_eq!(found, <[&str; 0]>::default());
    let after = tree(&[(
        "src/registry.rs",
        "#[cfg(test)] mod inner { fn f() {} }\nfn f() { tokio::spawn(g) }",
    )]);
    assert_eq!(rules::reserved(&after, RESERVED).len(), 1);
    let never = [Reserved {
        words: &["clap"],
        only_in: &["cli"],
        free_in_tests: false,
    }];
    assert_eq!(
        rules::reserved(
            &tree(&[("src/a.rs", "#[cfg(test)] mod t { use clap::x; }")]),
            &never
        )
        .len(),
        1
    );
}

#[test]
fn long_and_unannounced_files_are_reported() {
    let long = format!("//! Long.\n{}", "\n".repeat(MOST_LINES));
    let files = tree(&[
        ("src/a.rs", &long),
        ("src/b.rs", "use std::fs;"),
        ("src/c.rs", "//! What it holds,\n//! at length."),
        ("src/d.rs", "//! What it holds.\n//!\n//! What it does not."),
    ]);
    assert_eq!(rules::length(&files), ["src/a.rs: 601 lines, 600 at most"]);
    let found = rules::opening(&files, |file| file.name != "src/a.rs");
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found[0].starts_with("src/b.rs:1: does not open"),
        "{found:?}"
    );
    assert!(
        found[1].starts_with("src/c.rs:1: its `//!` has no second"),
        "{found:?}"
    );
}

#[test]
fn a_file_that_nothing_declares_is_reported() {
    let found = tree(&[
        ("tests/suite.rs", "mod a;"),
        ("tests/a.rs", "mod b;"),
        ("tests/a/b.rs", ""),
        ("tests/a/c.rs", ""),
    ])
    .undeclared();
    assert_eq!(found, ["tests/a/c.rs: declared by no `mod`"]);
}

#[test]
fn tests_may_use_the_loopback_registry_and_what_is_theirs_alone() {
    let parent = "#[cfg(test)] mod tests; #[cfg(test)] mod fixture;";
    let found = imports(&[
        ("src/lib.rs", "#[cfg(test)] mod samples; pub mod registry;"),
        ("src/samples.rs", "use crate::cli::Args;"),
        ("src/demo.rs", ""),
        ("src/tui.rs", ""),
        ("src/registry.rs", parent),
        ("src/registry/fixture.rs", ""),
        (
            "src/registry/tests.rs",
            "use crate::demo::Registry; use crate::samples::image; use super::fixture;\nuse crate::tui::run;",
        ),
        (
            "src/signing.rs",
            "#[cfg(test)] mod inner { use crate::demo::Registry; }\nuse crate::demo::Registry;\nuse crate::samples::image;",
        ),
    ]);
    assert_eq!(
        found,
        [
            "src/registry/tests.rs:2: registry must not import tui",
            "src/signing.rs:2: signing must not import demo",
            "src/signing.rs:3: signing must not import samples",
        ]
    );
    let files = [
        (
            "src/tui.rs",
            "mod theme; #[cfg(test)] pub(crate) mod fixture;",
        ),
        (
            "src/tui/theme.rs",
            "#[cfg(test)] mod inner { use crate::tui::fixture::app; }",
        ),
        ("src/tui/fixture.rs", "use super::runtime::run;"),
    ];
    assert_eq!(imports_in_tui(&files), <[&str; 0]>::default());
    assert_eq!(rules::circles(&tree(&files)), <[&str; 0]>::default());
}
