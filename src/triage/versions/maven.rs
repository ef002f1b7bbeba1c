//! Maven's order: numbers and words in nested lists, `-` and a change between digits and letters
//! beginning a new list; the known words have a place of their own.
//!
//! The rules are those of Maven 3.9's `ComparableVersion` ("Version Order Specification"). Every
//! text is a version to Maven.

use std::cmp::Ordering;

use super::numbers;

/// The known words, oldest first; the release itself is among them.
const WORDS: [&str; 7] = ["alpha", "beta", "milestone", "rc", "snapshot", "", "sp"];
/// The place of the release itself among the words.
const RELEASE: usize = 5;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Item {
    Number(String),
    Word(String),
    List(Vec<Item>),
}

impl Item {
    fn is_null(&self) -> bool {
        match self {
            Self::Number(number) => number.bytes().all(|byte| byte == b'0'),
            Self::Word(word) => word.is_empty(),
            Self::List(list) => list.is_empty(),
        }
    }

    /// Compares with the other item, or with nothing at its place.
    fn compare(&self, other: Option<&Self>) -> Ordering {
        match (self, other) {
            (Self::Number(_), None) => {
                if self.is_null() {
                    Ordering::Equal
                } else {
                    Ordering::Greater
                }
            }
            (Self::Number(one), Some(Self::Number(other))) => numbers(one, other),
            (Self::Number(_), Some(_)) | (Self::List(_), Some(Self::Word(_))) => Ordering::Greater,
            (Self::Word(word), None) => place(word).cmp(&place("")),
            (Self::Word(one), Some(Self::Word(other))) => place(one).cmp(&place(other)),
            (Self::Word(_), Some(_)) | (Self::List(_), Some(Self::Number(_))) => Ordering::Less,
            (Self::List(list), None) => list
                .iter()
                .map(|item| item.compare(None))
                .find(|order| order.is_ne())
                .unwrap_or(Ordering::Equal),
            (Self::List(one), Some(Self::List(other))) => lists(one, other),
        }
    }
}

fn lists(one: &[Item], other: &[Item]) -> Ordering {
    (0..one.len().max(other.len()))
        .map(|position| match (one.get(position), other.get(position)) {
            (Some(left), right) => left.compare(right),
            (None, Some(right)) => right.compare(None).reverse(),
            (None, None) => Ordering::Equal,
        })
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

/// Returns the place of a word: known ones by their order, all others after them by the alphabet.
fn place(word: &str) -> (usize, &str) {
    match WORDS.iter().position(|known| *known == word) {
        Some(place) => (place, ""),
        None => (WORDS.len(), word),
    }
}

/// Returns a word under its own name; `a1` and its like are short for it.
fn word(text: &str, is_before_number: bool) -> String {
    let known = match (text, is_before_number) {
        ("a", true) => "alpha",
        ("b", true) => "beta",
        ("m", true) => "milestone",
        ("ga" | "final" | "release", _) => WORDS.get(RELEASE).copied().unwrap_or_default(),
        ("cr", _) => "rc",
        _ => text,
    };
    known.to_owned()
}

/// Reads a version: the lists that are open are kept one in another.
struct Reader {
    open: Vec<Vec<Item>>,
}

impl Reader {
    fn push(&mut self, item: Item) {
        if let Some(list) = self.open.last_mut() {
            list.push(item);
        }
    }

    /// Begins a list inside the last one, where that holds something.
    fn nest(&mut self) {
        if self.open.last().is_some_and(|list| !list.is_empty()) {
            self.open.push(Vec::new());
        }
    }

    fn item(is_number: bool, text: &str) -> Item {
        if is_number {
            Item::Number(text.to_owned())
        } else {
            Item::Word(word(text, false))
        }
    }

    fn finish(mut self) -> Vec<Item> {
        while let Some(mut list) = self.open.pop() {
            normalise(&mut list);
            match self.open.last_mut() {
                Some(outer) => outer.push(Item::List(list)),
                None => return list,
            }
        }
        Vec::new()
    }
}

/// Drops what means nothing at the end, and before the lists at the end.
fn normalise(list: &mut Vec<Item>) {
    for position in (0..list.len()).rev() {
        match list.get(position) {
            Some(item) if item.is_null() => {
                list.remove(position);
            }
            Some(Item::List(_)) => {}
            _ => break,
        }
    }
}

fn read(text: &str) -> Vec<Item> {
    let text = text.to_lowercase();
    let mut reader = Reader {
        open: vec![Vec::new()],
    };
    let (mut is_number, mut start) = (false, 0);
    let part = |start: usize, end: usize| text.get(start..end).unwrap_or_default();
    for (at, sign) in text.char_indices() {
        match sign {
            '.' | '-' => {
                reader.push(if at == start {
                    Item::Number("0".to_owned())
                } else {
                    Reader::item(is_number, part(start, at))
                });
                start = at + 1;
                if sign == '-' {
                    reader.nest();
                }
            }
            _ if sign.is_ascii_digit() => {
                if !is_number && at > start {
                    // `.rc1` is `-rc-1`.
                    reader.nest();
                    reader.push(Item::Word(word(part(start, at), true)));
                    start = at;
                    reader.nest();
                }
                is_number = true;
            }
            _ => {
                if is_number && at > start {
                    reader.push(Reader::item(true, part(start, at)));
                    start = at;
                    reader.nest();
                }
                is_number = false;
            }
        }
    }
    if text.len() > start {
        // `.rc` is `-rc`.
        if !is_number {
            reader.nest();
        }
        reader.push(Reader::item(is_number, part(start, text.len())));
    }
    reader.finish()
}

pub(super) fn compare(one: &str, other: &str) -> Ordering {
    lists(&read(one), &read(other))
}
