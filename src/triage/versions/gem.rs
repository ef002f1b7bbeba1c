//! `RubyGems`' order: numbers and words; a word comes before any number, so that `1.0.rc1` is older
//! than `1.0`.
//!
//! Zeros at the end, and before the first word, do not count.

use std::cmp::Ordering;

use super::{numbers, run};

#[derive(Debug, PartialEq, Eq)]
enum Segment<'a> {
    Word(&'a str),
    Number(&'a str),
}

/// Returns the segments that count; none where the text is no version.
fn read(text: &str) -> Option<Vec<Segment<'_>>> {
    let (release, pre) = match text.split_once('-') {
        Some((release, pre)) => (release, Some(pre)),
        None => (text, None),
    };
    let mut segments = Vec::new();
    for (position, part) in release.split('.').enumerate() {
        let holds = !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && (position > 0 || part.bytes().all(|byte| byte.is_ascii_digit()));
        holds.then_some(())?;
        split(part, &mut segments);
    }
    if let Some(pre) = pre {
        // A dash is read as `.pre.`.
        segments.push(Segment::Word("pre"));
        for part in pre.split(['.', '-']) {
            part.bytes()
                .all(|byte| byte.is_ascii_alphanumeric())
                .then_some(())?;
            split(part, &mut segments);
        }
        pre.split('.').all(|part| !part.is_empty()).then_some(())?;
    }
    let word = segments
        .iter()
        .position(|segment| matches!(segment, Segment::Word(_)));
    let mut after = segments.split_off(word.unwrap_or(segments.len()));
    drop_zeros(&mut segments);
    drop_zeros(&mut after);
    segments.append(&mut after);
    Some(segments)
}

fn split<'a>(mut part: &'a str, segments: &mut Vec<Segment<'a>>) {
    while !part.is_empty() {
        let (number, rest) = run(part, true);
        if !number.is_empty() {
            segments.push(Segment::Number(number));
        }
        let (word, rest) = run(rest, false);
        if !word.is_empty() {
            segments.push(Segment::Word(word));
        }
        part = rest;
    }
}

fn drop_zeros(segments: &mut Vec<Segment<'_>>) {
    let is_zero = |segment: &Segment<'_>| matches!(segment, Segment::Number(number) if number.bytes().all(|byte| byte == b'0'));
    while segments.last().is_some_and(is_zero) {
        segments.pop();
    }
}

pub(super) fn compare(one: &str, other: &str) -> Option<Ordering> {
    let (one, other) = (read(one)?, read(other)?);
    let zero = Segment::Number("0");
    for position in 0..one.len().max(other.len()) {
        let left = one.get(position).unwrap_or(&zero);
        let right = other.get(position).unwrap_or(&zero);
        let order = match (left, right) {
            (Segment::Number(one), Segment::Number(other)) => numbers(one, other),
            (Segment::Word(one), Segment::Word(other)) => one.cmp(other),
            (Segment::Word(_), Segment::Number(_)) => Ordering::Less,
            (Segment::Number(_), Segment::Word(_)) => Ordering::Greater,
        };
        if order.is_ne() {
            return Some(order);
        }
    }
    Some(Ordering::Equal)
}
