//! Any keys in any order on any terminal: nothing panics, and what must hold holds.

use std::sync::Arc;

use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::*;
use crate::environment::Clock;
use crate::keymap::{BINDINGS, Code, Keymap};
use crate::tui::app::Start;
use crate::tui::context::Prefill;
use crate::tui::fixture;
use crate::tui::message::{Failed, Loaded};
use crate::tui::theme::Theme;

fn console(size: (u16, u16)) -> App {
    let review = fixture::review();
    let mut app = App::new(Start {
        review: Arc::new(review.clone()),
        theme: Theme::default(),
        severity_from: None,
        keymap: Keymap::default(),
        clock: Clock::Fixed(fixture::now()),
        reviewer: "kim".to_owned(),
        prefill: Prefill::default(),
        selector: None,
        size,
    });
    update(
        &mut app,
        Message::Opened(Loaded::new(review, fixture::now())),
    );
    app
}

fn draw(app: &App) {
    let (width, height) = app.shell.size;
    let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
    app.draw(&mut buffer);
}

/// Every key that means anything, and a few that do not.
fn keys() -> impl Strategy<Value = Message> {
    let bound: Vec<Key> = BINDINGS.iter().flat_map(|row| row.keys).copied().collect();
    let others = [
        Key::char('é'),
        Key::char('漢'),
        Key::plain(Code::Backspace),
        Key::plain(Code::Delete),
        Key::char('\u{202e}'),
    ];
    let all: Vec<Key> = bound.into_iter().chain(others).collect();
    prop::sample::select(all).prop_map(Message::Key)
}

fn messages() -> impl Strategy<Value = Message> {
    let failed = || Failed {
        message: "no space left".to_owned(),
        hints: vec!["free some".to_owned()],
    };
    prop_oneof![
        20 => keys(),
        2 => (0_u16..140, 0_u16..45).prop_map(|(width, height)| Message::Resize { width, height }),
        1 => any::<String>().prop_map(Message::Paste),
        1 => Just(Message::Recorded(Err(failed()))),
        1 => Just(Message::Undone(Err(failed()))),
        1 => Just(Message::Planned(Err(failed()))),
        1 => Just(Message::Unlocked(Err(failed()))),
        1 => (0_usize..9).prop_map(move |finding| Message::Details { finding, result: Err(failed()) }),
        1 => (0_u64..1_000).prop_map(|ms| Message::Read(std::time::Duration::from_millis(ms))),
        1 => Just(Message::Opened(Loaded::new(fixture::review(), fixture::now()))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn no_sequence_of_keys_and_answers_breaks_the_console(
        messages in prop::collection::vec(messages(), 0..80),
    ) {
        let mut app = console((80, 24));
        for message in messages {
            let effects = update(&mut app, message);
            let asked_to_promote = effects.iter().any(|effect| matches!(effect, Effect::Promote { .. }));
            prop_assert!(!asked_to_promote, "nothing is promoted without a plan");
            let subjects = app.shell.review.subjects.len();
            prop_assert!(app.shell.subject.is_none_or(|subject| subject < subjects));
            draw(&app);
        }
    }
}

#[test]
fn drawing_changes_nothing() {
    let mut app = console((100, 30));
    for key in ["1", "2", "3", "4", "5", "6", "7", "8", "?"] {
        update(&mut app, Message::Key(key.parse().expect("a key")));
        let before = format!("{app:?}");
        draw(&app);
        assert_eq!(format!("{app:?}"), before);
    }
}

#[test]
fn back_leads_to_the_images_and_from_there_out() {
    let mut app = console((80, 24));
    for key in ["2", "4", "8"] {
        update(&mut app, Message::Key(key.parse().expect("a key")));
    }
    let mut effects = Vec::new();
    for _ in 0..3 {
        effects = update(&mut app, Message::Key(Key::char('q')));
        assert_eq!(effects, []);
    }
    assert_eq!(app.tab, Tab::Images);
    effects.extend(update(&mut app, Message::Key(Key::char('q'))));
    assert_eq!(effects, [Effect::Leave]);
}

#[test]
fn leaving_asks_once_while_a_promotion_runs() {
    let mut app = console((80, 24));
    app.promoting = true;
    assert_eq!(update(&mut app, Message::Key(Key::char('Q'))), []);
    assert!(app.notice.is_some());
    assert_eq!(
        update(&mut app, Message::Key(Key::control('c'))),
        [Effect::CancelPromotion, Effect::Leave]
    );
}

#[test]
fn pasted_text_does_nothing_outside_a_text_field() {
    let mut app = console((80, 24));
    let before = app.tab;
    assert_eq!(update(&mut app, Message::Paste("2vxq".to_owned())), []);
    assert_eq!(app.tab, before);
    assert!(app.notice.is_some());
}

#[test]
fn the_answers_of_the_ledger_reach_the_screen() {
    let mut app = console((80, 24));
    let failed = Failed {
        message: "no space left on device".to_owned(),
        hints: vec!["free some space".to_owned()],
    };
    update(&mut app, Message::Recorded(Err(failed)));
    let notice = app.notice.clone().expect("a failure is said");
    assert!(notice.text.contains("no space left"));
    let saved = Loaded::new(fixture::review(), fixture::now());
    update(&mut app, Message::Recorded(Ok(saved)));
    assert!(
        app.notice
            .expect("a success is said")
            .text
            .contains("saved")
    );
}

#[test]
fn a_finding_is_decided_within_two_letters_and_an_image_with_one() {
    for (keys, wanted) in [
        ("2 v x", "(*) accept risk"),
        ("2 v o", "(*) not affected"),
        ("2 v t", "(*) affected"),
        ("2 v p", "(*) false positive"),
        ("2 v i", "(*) under investigation"),
        ("a", "(*) approve"),
        ("r", "(*) reject"),
    ] {
        let mut app = console((120, 36));
        for key in keys.split(' ') {
            update(&mut app, Message::Key(key.parse().expect("a key")));
        }
        let mut buffer = Buffer::empty(Rect::new(0, 0, 120, 36));
        app.draw(&mut buffer);
        let text: String = buffer
            .content()
            .iter()
            .map(|cell| cell.symbol().to_owned())
            .collect();
        assert!(text.contains(wanted), "{keys}: {text}");
    }
}
