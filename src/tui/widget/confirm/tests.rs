//! Tests of the confirmation field: what confirms, and everything that must not.

use std::time::Duration;

use proptest::prelude::*;

use super::{Confirm, DIGITS, Refusal};
use crate::model::Digest;

fn at(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn digest() -> Digest {
    Digest::of(b"image")
}

fn field() -> Confirm {
    let mut confirm = Confirm::new(&digest());
    confirm.focus(at(1_000));
    confirm
}

/// Types `text`, one key every `gap` milliseconds.
fn type_text(confirm: &mut Confirm, text: &str, gap: u64) {
    for (position, character) in text.chars().enumerate() {
        confirm.type_char(character, at(2_000 + gap * position as u64));
    }
}

fn digits() -> String {
    digest().hex().chars().take(DIGITS).collect()
}

fn first_four() -> String {
    digits().chars().take(4).collect()
}

#[test]
fn the_typed_digits_confirm() {
    let mut confirm = field();
    type_text(&mut confirm, &digits().to_uppercase(), 80);
    assert!(confirm.enter());
}

#[test]
fn enter_alone_does_nothing() {
    let mut confirm = field();
    assert!(!confirm.enter());
    assert!(!confirm.enter());
    assert_eq!(confirm.refusal(), Some(Refusal::Incomplete));
}

#[test]
fn other_digits_do_not_confirm() {
    let mut confirm = field();
    type_text(&mut confirm, "00000000", 80);
    assert!(!confirm.enter());
    assert_eq!(confirm.refusal(), Some(Refusal::Differs));
}

#[test]
fn a_paste_is_refused_and_leaves_nothing() {
    let mut confirm = field();
    type_text(&mut confirm, &first_four(), 80);
    confirm.paste();
    assert!(!confirm.enter());
    assert_eq!(confirm.typed(), "");
    assert_eq!(confirm.refusal(), Some(Refusal::Paste));
}

#[test]
fn a_burst_counts_as_a_paste() {
    let mut confirm = field();
    type_text(&mut confirm, &digits(), 3);
    assert!(!confirm.enter());
    assert_eq!(confirm.typed(), "");
    assert_eq!(confirm.refusal(), Some(Refusal::Paste));
}

#[test]
fn four_fast_keys_are_still_typing() {
    let mut confirm = field();
    type_text(&mut confirm, &first_four(), 3);
    for (position, character) in digits().chars().skip(4).enumerate() {
        confirm.type_char(character, at(3_000 + 80 * position as u64));
    }
    assert!(confirm.enter());
}

#[test]
fn after_a_burst_the_digits_can_be_typed() {
    let mut confirm = field();
    type_text(&mut confirm, &digits(), 3);
    for (position, character) in digits().chars().enumerate() {
        confirm.type_char(character, at(5_000 + 80 * position as u64));
    }
    assert!(confirm.enter());
}

#[test]
fn keys_read_before_the_focus_are_ignored() {
    let mut confirm = Confirm::new(&digest());
    confirm.type_char('a', at(500));
    confirm.focus(at(1_000));
    confirm.type_char('a', at(999));
    assert_eq!(confirm.typed(), "");
    confirm.blur();
    assert!(!confirm.enter());
}

#[test]
fn what_is_no_digit_is_not_taken() {
    let mut confirm = field();
    confirm.type_char('y', at(2_000));
    assert_eq!(confirm.typed(), "");
    assert_eq!(confirm.refusal(), Some(Refusal::NotHex));
}

proptest! {
    /// Whatever is typed, pasted and deleted in whatever rhythm: only the eight digits confirm.
    #[test]
    fn only_the_digits_confirm(keys in prop::collection::vec((0_u8..6, 0_u64..40), 0..40)) {
        let expected = digits();
        let mut confirm = field();
        let mut now = 2_000;
        for (key, gap) in keys {
            now += gap;
            match key {
                0 => confirm.backspace(),
                1 => confirm.paste(),
                2 => prop_assert!(!confirm.enter() || confirm.typed() == expected),
                3 => confirm.type_char('0', at(now)),
                _ => {
                    let next = expected.chars().nth(confirm.typed().len()).unwrap_or('f');
                    confirm.type_char(next, at(now));
                }
            }
            prop_assert!(confirm.typed().len() <= DIGITS);
        }
        let confirmed = confirm.enter();
        prop_assert_eq!(confirmed, confirm.typed() == expected && confirm.refusal().is_none());
    }
}
