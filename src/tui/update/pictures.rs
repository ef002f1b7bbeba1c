//! Pictures of the whole console: every screen at the sizes that are promised, text and roles.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};

use std::sync::Arc;

use super::update;
use crate::environment::Clock;
use crate::keymap::{Key, Keymap};
use crate::review::{Failure, Review};
use crate::tui::app::{App, Start};
use crate::tui::context::Prefill;
use crate::tui::fixture;
use crate::tui::message::{Loaded, Message, Notice};
use crate::tui::theme::{Palette, Role, Theme};

/// A review in which nothing was read.
fn nothing() -> Review {
    let mut review = fixture::review();
    review.reports = Vec::new();
    review.sboms = Vec::new();
    review.subjects = Vec::new();
    review.findings = Arc::default();
    review.index = Arc::default();
    review.history = Arc::default();
    review.verdicts = Vec::new();
    review.approvals = Vec::new();
    review.promotions = Vec::new();
    review
}

/// The console with nothing read yet.
fn empty(width: u16, height: u16, palette: Palette) -> App {
    App::new(Start {
        review: Arc::new(nothing()),
        theme: Theme {
            palette,
            ascii: false,
        },
        severity_from: None,
        keymap: Keymap::default(),
        clock: Clock::Fixed(fixture::now()),
        reviewer: "kim".to_owned(),
        prefill: Prefill::default(),
        selector: None,
        size: (width, height),
    })
}

/// The console with `review` loaded.
fn console(review: Review, width: u16, height: u16) -> App {
    let mut app = empty(width, height, Palette::Roles);
    update(
        &mut app,
        Message::Opened(Loaded::new(review, fixture::now())),
    );
    app
}

fn press(app: &mut App, keys: &str) {
    for key in keys.split(' ') {
        let key: Key = key.parse().expect("a key");
        update(app, Message::Key(key));
    }
}

fn drawn(app: &App) -> Buffer {
    let (width, height) = app.shell.size;
    let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
    app.draw(&mut buffer);
    buffer
}

/// Returns the text of the frame and, beside it, the role of every cell; capitals of the selected
/// row are underlined by `_` where the row is reversed.
fn picture(app: &App) -> String {
    let buffer = drawn(app);
    let mut text = String::new();
    let mut roles = String::new();
    for y in 0..buffer.area.height {
        for x in 0..buffer.area.width {
            let cell = &buffer[(x, y)];
            text.push_str(cell.symbol());
            let role = match cell.fg {
                Color::Indexed(number) => Role::ALL.iter().find(|(role, _)| *role as u8 == number),
                _ => None,
            };
            roles.push(match role {
                _ if cell.modifier.contains(Modifier::REVERSED) => '#',
                Some((_, letter)) if cell.symbol() != " " => *letter,
                _ => ' ',
            });
        }
        for layer in [&mut text, &mut roles] {
            let end = layer.trim_end_matches(' ').len();
            layer.truncate(end);
            layer.push('\n');
        }
    }
    format!(
        "{text}{}\n{roles}",
        "~".repeat(usize::from(buffer.area.width))
    )
}

fn snapshot(name: &str, app: &App) {
    let (width, height) = app.shell.size;
    insta::with_settings!({
        snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/tests/snapshots"),
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), picture(app));
    });
}

fn failing(mut review: Review) -> Review {
    review.failures.push(Failure {
        path: "reports/broken.json".to_owned(),
        message: "line 1, column 17: expected `,`".to_owned(),
        hints: vec!["scan again".to_owned()],
    });
    review
}

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 36), (60, 20)];

#[test]
fn images() {
    for (width, height) in SIZES {
        snapshot(
            "images",
            &console(failing(fixture::review()), width, height),
        );
    }
    snapshot("images_reading", &empty(80, 24, Palette::Roles));
    snapshot("images_nothing_read", &console(failing(nothing()), 80, 24));
}

#[test]
fn findings() {
    for (width, height) in SIZES {
        let mut app = console(fixture::review(), width, height);
        press(&mut app, "2");
        snapshot("findings", &app);
        press(&mut app, "Space Space v");
        snapshot("findings_deciding", &app);
        press(&mut app, "Esc / f i x : m");
        snapshot("findings_filter_error", &app);
        press(&mut app, "Esc / n o n e Enter");
        snapshot("findings_filter_hides_all", &app);
    }
    let mut app = console(fixture::review(), 80, 24);
    press(&mut app, "2 Enter");
    snapshot("findings_detail", &app);
}

#[test]
fn nothing_found_is_told_from_nothing_looked_for() {
    let clean = |looked: bool| {
        let mut review = fixture::review();
        review.findings = Arc::default();
        review.index = Arc::default();
        review.verdicts = Vec::new();
        for report in &mut review.reports {
            Arc::make_mut(report).looked_for_vulnerabilities = looked;
        }
        review
    };
    let mut app = console(clean(true), 80, 24);
    press(&mut app, "2");
    snapshot("findings_none", &app);
    let mut app = console(clean(false), 80, 24);
    press(&mut app, "2");
    snapshot("findings_not_scanned", &app);
    assert!(!picture(&app).contains("no findings"));
}

#[test]
fn the_other_screens() {
    for (width, height) in SIZES {
        for (key, name) in [
            ("3", "compare"),
            ("4", "components"),
            ("5", "hygiene"),
            ("6", "verdict"),
            ("7", "promote"),
            ("8", "history"),
            ("?", "help"),
        ] {
            let mut app = console(fixture::review(), width, height);
            press(&mut app, key);
            snapshot(name, &app);
        }
    }
}

#[test]
fn a_message_is_read_in_full() {
    let mut app = console(fixture::review(), 80, 24);
    let notice = Notice::error("the ledger cannot be written: no space left on device").with(vec![
        "free some space".to_owned(),
        "then save again".to_owned(),
    ]);
    update(&mut app, Message::Notice(notice));
    snapshot("notice", &app);
    press(&mut app, "!");
    snapshot("notice_in_full", &app);
    press(&mut app, "q");
    assert!(app.explained.is_none());
}

#[test]
fn a_small_terminal_says_what_it_needs() {
    for (width, height) in [(59, 20), (60, 19), (10, 1), (1, 1), (0, 0)] {
        let app = console(fixture::review(), width, height);
        let text = picture(&app);
        let first: String = "needs 60x20"
            .chars()
            .take(usize::from(width.saturating_sub(1)))
            .collect();
        assert!(text.starts_with(&first), "{text}");
    }
}

#[test]
fn without_colours_the_selected_row_is_reversed_and_no_colour_is_used() {
    let mut app = empty(80, 24, Palette::Mono);
    update(
        &mut app,
        Message::Opened(Loaded::new(fixture::review(), fixture::now())),
    );
    press(&mut app, "2");
    let buffer = drawn(&app);
    let reversed = |y: u16| (2..70).all(|x| buffer[(x, y)].modifier.contains(Modifier::REVERSED));
    assert!((0..24).any(reversed));
    let text = picture(&app);
    assert!(text.contains("C!!") || text.contains("H!"));
    for cell in buffer.content() {
        assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset));
    }
}

#[test]
fn hostile_names_cannot_reach_a_cell() {
    let mut review = fixture::review();
    let findings = Arc::make_mut(&mut review.findings);
    for (finding, name) in findings.iter_mut().zip([
        "\u{1b}[31mRED\u{7}",
        "a\u{202e}b\u{200b}c",
        "e\u{301}\u{301}\u{301}\u{301}\u{301}",
        "line\nbreak\u{2028}\u{e0041}\u{fe0f}",
    ]) {
        finding.package.name = name.to_owned();
        finding.title = name.to_owned();
    }
    review.subjects[0].name = "img\u{1b}]0;title\u{7}\u{9b}31m".to_owned();
    for key in ["1", "2", "3", "4", "5", "6", "7", "8", "2 Enter"] {
        let mut app = console(review.clone(), 120, 36);
        press(&mut app, key);
        for cell in drawn(&app).content() {
            assert!(
                !cell.symbol().chars().any(crate::text::is_hidden),
                "{key}: {cell:?}"
            );
        }
    }
}
