//! Patterns over names and paths, as ignore files write them: path globs and regular expressions.
//!
//! Both become one kind of expression that is matched in linear time, whatever the pattern. Which
//! text a pattern is held against is `triage::suppress`'s business.

use regex_lite::Regex;

/// The longest pattern that is read, in bytes.
const MAX_LENGTH: usize = 1_000;

/// A pattern that a whole text must match.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: String,
    regex: Regex,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.regex.as_str() == other.regex.as_str()
    }
}

/// The text is not a pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no pattern: {reason}")]
pub struct ParsePatternError {
    /// The text, shortened.
    pub text: String,
    /// What is wrong.
    pub reason: String,
}

impl Pattern {
    /// Reads a path glob: `*` and `?` stay within a folder, `**` as a whole part crosses folders,
    /// `[…]` is a class, `{a,b}` one of several, `\` takes the next character as it is.
    ///
    /// # Errors
    /// When something is opened and not closed, or the pattern is too long.
    pub fn glob(text: &str) -> Result<Self, ParsePatternError> {
        let inner = expression_of_glob(text).map_err(|reason| wrong(text, reason))?;
        Self::compile(text, &inner)
    }

    /// Reads a regular expression, which must match the whole text.
    ///
    /// # Errors
    /// When it is none, or too large.
    pub fn expression(text: &str) -> Result<Self, ParsePatternError> {
        Self::compile(text, text)
    }

    fn compile(text: &str, inner: &str) -> Result<Self, ParsePatternError> {
        if text.len() > MAX_LENGTH {
            return Err(wrong(text, "it is too long"));
        }
        // On its own first: an unbalanced bracket must not close the group around it.
        let compiled =
            Regex::new(inner).and_then(|_alone| Regex::new(&format!("(?s)^(?:{inner})$")));
        match compiled {
            Ok(regex) => Ok(Self {
                text: text.to_owned(),
                regex,
            }),
            Err(error) => Err(wrong(text, &error.to_string())),
        }
    }

    /// Returns the pattern as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns whether the whole of `text` matches.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

fn wrong(text: &str, reason: &str) -> ParsePatternError {
    ParsePatternError {
        text: text.chars().take(80).collect(),
        reason: reason.to_owned(),
    }
}

/// Rewrites a glob; what is special is spelt out, everything else stands for itself.
fn expression_of_glob(glob: &str) -> Result<String, &'static str> {
    let mut out = String::with_capacity(glob.len() * 2);
    let mut rest = glob;
    let mut begins_part = true;
    let mut braces = 0_usize;
    while let Some(character) = rest.chars().next() {
        if rest == "/**" || (begins_part && rest == "**") {
            out.push_str(if character == '/' { "(?:/.*)?" } else { ".*" });
            break;
        }
        if let Some(after) = rest.strip_prefix("**/").filter(|_| begins_part) {
            out.push_str("(?:.*/)?");
            rest = after;
            continue;
        }
        let after = rest.get(character.len_utf8()..).unwrap_or_default();
        rest = after;
        begins_part = matches!(character, '/' | '{');
        match character {
            '*' => {
                rest = after.trim_start_matches('*');
                out.push_str("[^/]*");
            }
            '?' => out.push_str("[^/]"),
            '[' => rest = class(after, &mut out)?,
            '{' => {
                braces += 1;
                out.push_str("(?:");
            }
            '}' if braces > 0 => {
                braces -= 1;
                out.push(')');
            }
            ',' if braces > 0 => {
                begins_part = true;
                out.push('|');
            }
            '\\' => {
                let Some(next) = after.chars().next() else {
                    return Err("it ends with a backslash");
                };
                push_literal(&mut out, next);
                rest = after.get(next.len_utf8()..).unwrap_or_default();
            }
            other => push_literal(&mut out, other),
        }
    }
    if braces > 0 {
        return Err("a brace is not closed");
    }
    Ok(out)
}

/// Rewrites a class up to its closing bracket; a class never matches the separator of folders.
fn class<'a>(text: &'a str, out: &mut String) -> Result<&'a str, &'static str> {
    const OPEN: &str = "a bracket is not closed";
    let negated = text.strip_prefix(['!', '^']);
    let mut rest = negated.unwrap_or(text);
    out.push_str(if negated.is_some() { "[^/" } else { "[" });
    let mut is_empty = true;
    loop {
        let character = rest.chars().next().ok_or(OPEN)?;
        rest = rest.get(character.len_utf8()..).unwrap_or_default();
        match character {
            ']' if !is_empty => break,
            '-' => out.push('-'),
            '\\' => {
                let next = rest.chars().next().ok_or(OPEN)?;
                rest = rest.get(next.len_utf8()..).unwrap_or_default();
                push_literal(out, next);
            }
            '/' => return Err("a class may not hold the separator of folders"),
            other => push_literal(out, other),
        }
        is_empty = false;
    }
    out.push(']');
    Ok(rest)
}

fn push_literal(out: &mut String, character: char) {
    let special = r"\.+*?()|[]{}^$#&-~/".contains(character);
    if special && character != '/' {
        out.push('\\');
    }
    out.push(character);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_as_documented() {
        for (glob, matching, others) in [
            (
                "**/*-lock.json",
                &["a-lock.json", "x/y/a-lock.json"][..],
                &["a-lock.jso"][..],
            ),
            (
                "bar/package.json",
                &["bar/package.json"],
                &["x/bar/package.json", "bar/package_json"],
            ),
            (
                "/usr/lib/npm/**",
                &["/usr/lib/npm/a/b", "/usr/lib/npm"],
                &["/usr/lib/npmx"],
            ),
            ("**", &["", "a", "a/b"], &[]),
            ("a/**/b", &["a/b", "a/x/y/b"], &["a/xb"]),
            ("*.js", &["a.js", ".js"], &["a/b.js"]),
            ("a?c", &["abc"], &["a/c", "ac"]),
            ("{a,b/c}/x", &["a/x", "b/c/x"], &["b/x"]),
            ("[a-c!]", &["b", "!"], &["d"]),
            ("[^a]x", &["bx"], &["ax", "/x"]),
            ("a\\*", &["a*"], &["ab"]),
            ("libstdc++.so", &["libstdc++.so"], &["libstdcc.so"]),
        ] {
            let pattern = Pattern::glob(glob).unwrap();
            for text in matching {
                assert!(pattern.matches(text), "{glob} {text}");
            }
            for text in others {
                assert!(!pattern.matches(text), "{glob} {text}");
            }
        }
        for glob in ["a[b", "{a", "a\\", "[/]", &"a".repeat(2_000)] {
            assert!(Pattern::glob(glob).is_err(), "{glob}");
        }
    }

    #[test]
    fn expressions_match_whole_texts() {
        let pattern = Pattern::expression("linux(-.*)?-headers-.*|x").unwrap();
        assert!(pattern.matches("linux-headers-6.1") && pattern.matches("x"));
        assert!(!pattern.matches("my-linux-headers-6.1") && !pattern.matches("xy"));
        assert!(
            Pattern::expression("libstdc++").is_ok_and(|it| !it.matches("libstdc++"))
                || Pattern::expression("libstdc++").is_err()
        );
        assert!(Pattern::expression("a)(b").is_err());
        assert!(Pattern::expression("(a{1000}){1000}").is_err());
    }

    /// No pattern makes matching take longer than its length times the text's.
    #[test]
    fn a_hostile_pattern_is_harmless() {
        let pattern = Pattern::expression("(a*)*b").unwrap();
        assert!(!pattern.matches(&"a".repeat(5_000)));
        let glob = Pattern::glob(&"*a".repeat(200)).unwrap();
        assert!(!glob.matches(&"a".repeat(150)));
    }
}
