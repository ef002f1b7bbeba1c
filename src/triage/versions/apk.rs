//! apk's order: numbers, a letter, suffixes, a commit, a revision (apk-package(5)).
//!
//! What does not have that shape is no version of apk, and is not ordered.

use std::cmp::Ordering;

use super::{numbers, run};

/// The suffixes, oldest first; the first four come before the release itself.
const SUFFIXES: [&str; 9] = ["alpha", "beta", "pre", "rc", "cvs", "svn", "git", "hg", "p"];
/// How many of them come before the release.
const BEFORE: usize = 4;

/// One part of a version. The order of the kinds is apk's: where one version goes on with a later
/// kind than the other, it is the older one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    First,
    Number,
    Letter,
    Suffix,
    SuffixNumber,
    Commit,
    Revision,
    End,
}

/// The rest of a version, part by part.
struct Parts<'a> {
    rest: &'a str,
    last: Option<Kind>,
}

impl<'a> Parts<'a> {
    /// Returns the next part; none where the version has not that shape.
    fn next(&mut self) -> Option<(Kind, &'a str)> {
        let Some(last) = self.last else {
            return self.digits(Kind::First, self.rest);
        };
        let Some(first) = self.rest.chars().next() else {
            return Some((Kind::End, ""));
        };
        let after = self.rest.get(first.len_utf8()..).unwrap_or_default();
        match first {
            '.' if last <= Kind::Number => self.digits(Kind::Number, after),
            'a'..='z' if last <= Kind::Number => {
                let (letter, rest) = self.rest.split_at(1);
                Some(self.took(Kind::Letter, letter, rest))
            }
            '_' if last <= Kind::SuffixNumber => {
                let end = after.find(|one: char| !one.is_ascii_lowercase());
                let (name, rest) = after.split_at(end.unwrap_or(after.len()));
                SUFFIXES.contains(&name).then_some(())?;
                Some(self.took(Kind::Suffix, name, rest))
            }
            '0'..='9' if last == Kind::Suffix => self.digits(Kind::SuffixNumber, self.rest),
            '~' if last < Kind::Commit => {
                let end = after.find(|one: char| !matches!(one, '0'..='9' | 'a'..='f'));
                let (commit, rest) = after.split_at(end.unwrap_or(after.len()));
                (!commit.is_empty()).then_some(())?;
                Some(self.took(Kind::Commit, commit, rest))
            }
            '-' if last < Kind::Revision => self.digits(Kind::Revision, after.strip_prefix('r')?),
            _ => None,
        }
    }

    fn digits(&mut self, kind: Kind, text: &'a str) -> Option<(Kind, &'a str)> {
        let (number, rest) = run(text, true);
        (!number.is_empty()).then_some(())?;
        Some(self.took(kind, number, rest))
    }

    fn took(&mut self, kind: Kind, part: &'a str, rest: &'a str) -> (Kind, &'a str) {
        (self.rest, self.last) = (rest, Some(kind));
        (kind, part)
    }
}

/// Returns the parts of a version, the end last.
fn read(text: &str) -> Option<Vec<(Kind, &str)>> {
    let mut parts = Parts {
        rest: text,
        last: None,
    };
    let mut all = Vec::new();
    loop {
        let part = parts.next()?;
        all.push(part);
        if part.0 == Kind::End {
            return Some(all);
        }
    }
}

pub(super) fn compare(one: &str, other: &str) -> Option<Ordering> {
    let (one, other) = (read(one)?, read(other)?);
    let order = one.iter().zip(&other).find_map(|(one, other)| {
        let order = if one.0 == other.0 {
            same_kind(one.0, one.1, other.1)
        } else {
            other_kind(*one, *other)
        };
        order.is_ne().then_some(order)
    });
    Some(order.unwrap_or(Ordering::Equal))
}

fn same_kind(kind: Kind, one: &str, other: &str) -> Ordering {
    let place = |name: &str| SUFFIXES.iter().position(|known| *known == name);
    match kind {
        // A number after a dot that begins with a zero is a fraction.
        Kind::Number if one.starts_with('0') || other.starts_with('0') => one.cmp(other),
        Kind::First | Kind::Number | Kind::SuffixNumber | Kind::Revision => numbers(one, other),
        Kind::Suffix => place(one).cmp(&place(other)),
        Kind::Letter | Kind::Commit | Kind::End => one.cmp(other),
    }
}

/// The version that goes on is the newer one, unless it goes on with a suffix of what comes before
/// the release.
fn other_kind(one: (Kind, &str), other: (Kind, &str)) -> Ordering {
    let is_before = |part: (Kind, &str)| {
        part.0 == Kind::Suffix && SUFFIXES.iter().take(BEFORE).any(|known| *known == part.1)
    };
    match (is_before(one), is_before(other)) {
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        _ => other.0.cmp(&one.0),
    }
}
