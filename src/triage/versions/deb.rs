//! dpkg's order: epoch, upstream version, revision; `~` sorts before everything, even the end.
//!
//! The rules are those of Debian policy, 5.6.12; only versions that dpkg accepts are compared.

use std::cmp::Ordering;

use super::{numbers, run};

struct Version<'a> {
    epoch: &'a str,
    upstream: &'a str,
    revision: &'a str,
}

fn read(text: &str) -> Option<Version<'_>> {
    let (epoch, rest) = text.split_once(':').unwrap_or(("0", text));
    let (upstream, revision) = match rest.rsplit_once('-') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (rest, ""),
    };
    let is_epoch = !epoch.is_empty() && epoch.parse::<i32>().is_ok_and(|number| number >= 0);
    let allowed =
        |more: &'static str| move |one: char| one.is_ascii_alphanumeric() || more.contains(one);
    let holds = is_epoch
        && !upstream.is_empty()
        && upstream.chars().all(allowed(".+-:~"))
        && revision.chars().all(allowed(".+~"));
    holds.then_some(Version {
        epoch,
        upstream,
        revision,
    })
}

pub(super) fn compare(one: &str, other: &str) -> Option<Ordering> {
    let (one, other) = (read(one)?, read(other)?);
    Some(
        numbers(one.epoch, other.epoch)
            .then_with(|| parts(one.upstream, other.upstream))
            .then_with(|| parts(one.revision, other.revision)),
    )
}

/// Compares by turns what is no digit and what is.
fn parts(mut one: &str, mut other: &str) -> Ordering {
    while !one.is_empty() || !other.is_empty() {
        let ((text, rest), (other_text, other_rest)) = (run(one, false), run(other, false));
        let longest = text.len().max(other_text.len());
        let place = |text: &str, at: usize| weight(text.as_bytes().get(at).copied());
        let order = (0..longest)
            .map(|at| place(text, at).cmp(&place(other_text, at)))
            .find(|order| order.is_ne());
        if let Some(order) = order {
            return order;
        }
        let ((number, rest), (other_number, other_rest)) = (run(rest, true), run(other_rest, true));
        let order = numbers(number, other_number);
        if order.is_ne() {
            return order;
        }
        (one, other) = (rest, other_rest);
    }
    Ordering::Equal
}

/// Letters before everything else, `~` before the end.
fn weight(byte: Option<u8>) -> i32 {
    match byte {
        None => 0,
        Some(b'~') => -1,
        Some(letter) if letter.is_ascii_alphabetic() => i32::from(letter),
        Some(sign) => i32::from(sign) + 256,
    }
}
