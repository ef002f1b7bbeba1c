//! Rewriting single values of a JSON text, every other byte kept as it is.
//!
//! Which values, and what they become, is `redact`'s business.

/// Where a value stands.
pub(super) struct Place<'a> {
    frames: &'a [Frame],
    text: bool,
}

/// An object or list around a value.
#[derive(Debug, Default)]
struct Frame {
    is_object: bool,
    /// The key of the value that is being read; empty in a list.
    key: String,
    /// The text before this one, in a list.
    before: String,
    expects_key: bool,
}

impl Place<'_> {
    /// Returns the key that the value, or the list it is in, stands under.
    pub(super) fn key(&self) -> &str {
        let keys = self.frames.iter().rev().filter(|frame| frame.is_object);
        keys.map(|frame| frame.key.as_str())
            .next()
            .unwrap_or_default()
    }

    /// Returns the keys of all objects around the value.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        let objects = self.frames.iter().filter(|frame| frame.is_object);
        objects.map(|frame| frame.key.as_str())
    }

    /// Returns whether one of `keys` is around the value.
    pub(super) fn is_within(&self, keys: &[&str]) -> bool {
        self.keys().any(|key| keys.contains(&key))
    }

    /// Returns whether the object that holds the value stands under one of `keys`.
    pub(super) fn is_directly_in(&self, keys: &[&str]) -> bool {
        let mut objects = self.frames.iter().rev().filter(|frame| frame.is_object);
        objects
            .nth(1)
            .is_some_and(|frame| keys.contains(&frame.key.as_str()))
    }

    /// Returns the text before this one in the same list.
    pub(super) fn before(&self) -> &str {
        self.frames.last().map_or("", |frame| frame.before.as_str())
    }

    /// Returns whether the value is a text; else it is a number.
    pub(super) fn is_text(&self) -> bool {
        self.text
    }
}

/// Returns the text with every value replaced for which `replace` gives another; none where it
/// gives none at all. `json` is one well-formed document; keys are not replaced.
pub(super) fn rewrite(
    json: &str,
    replace: &mut dyn FnMut(&Place<'_>, &str) -> Option<String>,
) -> Option<String> {
    let mut copy = String::with_capacity(json.len());
    let mut frames: Vec<Frame> = Vec::new();
    let mut rest = json;
    let mut found = false;
    while let Some(position) = rest.find(['"', '{', '}', '[', ']', ',']) {
        let (before, tail) = rest.split_at(position);
        let place = Place {
            frames: &frames,
            text: false,
        };
        let number = before.trim_matches(|c: char| c == ':' || c.is_whitespace());
        let is_number = number.starts_with(|c: char| c == '-' || c.is_ascii_digit());
        match is_number.then(|| replace(&place, number)).flatten() {
            Some(other) => {
                copy.push_str(before.split(number).next().unwrap_or_default());
                copy.push_str(&quoted(&other));
                found = true;
            }
            None => copy.push_str(before),
        }
        let (token, after) = if tail.starts_with('"') {
            tail.split_at(end_of_text(tail))
        } else {
            tail.split_at(1)
        };
        rest = after;
        let literal = step(&mut frames, token);
        let Some(value) = literal else {
            copy.push_str(token);
            continue;
        };
        let place = Place {
            frames: &frames,
            text: true,
        };
        match replace(&place, &value) {
            Some(other) => {
                copy.push_str(&quoted(&other));
                found = true;
            }
            None => copy.push_str(token),
        }
        if let Some(frame) = frames.last_mut() {
            frame.before = value;
        }
    }
    copy.push_str(rest);
    found.then_some(copy)
}

/// Takes in one token; returns the text where it is a value.
fn step(frames: &mut Vec<Frame>, token: &str) -> Option<String> {
    match token {
        "{" | "[" => frames.push(Frame {
            is_object: token == "{",
            expects_key: token == "{",
            ..Frame::default()
        }),
        "}" | "]" => {
            frames.pop();
        }
        "," => {
            if let Some(frame) = frames.last_mut() {
                frame.expects_key = frame.is_object;
            }
        }
        literal => {
            let value: String = serde_json::from_str(literal).unwrap_or_default();
            match frames.last_mut() {
                Some(frame) if frame.expects_key => {
                    frame.key = value;
                    frame.expects_key = false;
                }
                _ => return Some(value),
            }
        }
    }
    None
}

/// Returns the length of the literal that `tail` begins with.
fn end_of_text(tail: &str) -> usize {
    let mut escaped = false;
    for (position, byte) in tail.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return position + 1,
            _ => {}
        }
    }
    tail.len()
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
