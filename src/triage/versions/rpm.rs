//! rpm's order: epoch, version, release, each segment by segment; `~` sorts before the end, `^`
//! after it and before anything more.
//!
//! Signs only divide segments; a number is newer than letters.

use std::cmp::Ordering;

use super::{numbers, run};

pub(super) fn compare(one: &str, other: &str) -> Option<Ordering> {
    if [one, other]
        .iter()
        .any(|text| text.contains(char::is_whitespace))
    {
        return None;
    }
    let ((epoch, version, release), (other_epoch, other_version, other_release)) =
        (read(one)?, read(other)?);
    Some(
        segments(epoch, other_epoch)
            .then_with(|| segments(version, other_version))
            .then_with(|| match (release, other_release) {
                (Some(one), Some(other)) => segments(one, other),
                (one, other) => one.is_some().cmp(&other.is_some()),
            }),
    )
}

/// Returns epoch, version and release.
fn read(text: &str) -> Option<(&str, &str, Option<&str>)> {
    let (epoch, rest) = match text.split_once(':') {
        Some((epoch, rest)) if epoch.bytes().all(|byte| byte.is_ascii_digit()) => {
            (if epoch.is_empty() { "0" } else { epoch }, rest)
        }
        _ => ("0", text),
    };
    let (version, release) = match rest.rsplit_once('-') {
        Some((version, release)) => (version, Some(release)),
        None => (rest, None),
    };
    (!version.is_empty()).then_some((epoch, version, release))
}

fn segments(mut one: &str, mut other: &str) -> Ordering {
    if one == other {
        return Ordering::Equal;
    }
    let divides = |sign: char| !sign.is_ascii_alphanumeric() && sign != '~' && sign != '^';
    loop {
        one = one.trim_start_matches(divides);
        other = other.trim_start_matches(divides);
        match (one.strip_prefix('~'), other.strip_prefix('~')) {
            (Some(rest), Some(other_rest)) => {
                (one, other) = (rest, other_rest);
                continue;
            }
            (Some(_), None) => return Ordering::Less,
            (None, Some(_)) => return Ordering::Greater,
            (None, None) => {}
        }
        match (one.strip_prefix('^'), other.strip_prefix('^')) {
            (Some(rest), Some(other_rest)) => {
                (one, other) = (rest, other_rest);
                continue;
            }
            (Some(_), None) if other.is_empty() => return Ordering::Greater,
            (Some(_), None) => return Ordering::Less,
            (None, Some(_)) if one.is_empty() => return Ordering::Less,
            (None, Some(_)) => return Ordering::Greater,
            (None, None) => {}
        }
        if one.is_empty() || other.is_empty() {
            return other.is_empty().cmp(&one.is_empty());
        }
        let is_number = one.starts_with(|first: char| first.is_ascii_digit());
        let (segment, rest) = segment(one, is_number);
        let (other_segment, other_rest) = self::segment(other, is_number);
        if other_segment.is_empty() {
            return if is_number {
                Ordering::Greater
            } else {
                Ordering::Less
            };
        }
        let order = if is_number {
            numbers(segment, other_segment)
        } else {
            segment.cmp(other_segment)
        };
        if order.is_ne() {
            return order;
        }
        (one, other) = (rest, other_rest);
    }
}

/// Splits off the leading digits, or the leading letters.
fn segment(text: &str, is_number: bool) -> (&str, &str) {
    if is_number {
        return run(text, true);
    }
    let end = text.find(|one: char| !one.is_ascii_alphabetic());
    text.split_at(end.unwrap_or(text.len()))
}
