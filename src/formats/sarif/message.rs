//! The texts of results: fields that each tool writes as `Key: value` lines or as one sentence.
//!
//! Which field means what is `record`'s.

use crate::model::Severity;

/// The fields of a text with a field a line. What follows `Match` is a secret and is not read.
#[derive(Debug, Default)]
pub(super) struct Fields<'t>(Vec<(&'t str, &'t str)>);

impl<'t> Fields<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        let lines = text.lines().map(str::trim);
        let fields = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(key, value)| (key.trim(), value.trim()))
            .take_while(|(key, _)| *key != "Match");
        Self(fields.take(32).collect())
    }

    /// Returns the value of the first field of that name; an empty one is none.
    pub(super) fn get(&self, name: &str) -> Option<&'t str> {
        let found = self.0.iter().find(|(key, _)| *key == name);
        found.map(|(_, value)| *value).filter(|it| !it.is_empty())
    }

    /// Returns whether there is such a field, be it empty.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(key, _)| *key == name)
    }
}

/// Returns what stands after a word at the beginning of a line: `Secret JWT token`.
pub(super) fn after_word<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    text.lines()
        .map(str::trim)
        .find_map(|line| line.strip_prefix(word)?.strip_prefix(' '))
}

/// Returns the severity that a description begins with: `High severity - …`, `[HIGH] …`.
pub(super) fn severity_word(text: &str) -> Option<Severity> {
    let mut words = text.split_whitespace();
    let first = words.next()?;
    let bare = first.trim_matches(['[', ']', '(', ')', ':']);
    let is_marked = bare.len() < first.len() || words.next() == Some("severity");
    bare.parse().ok().filter(|_| is_marked)
}

/// What Grype's sentence says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sentence<'t> {
    pub(super) severity: Option<&'t str>,
    pub(super) kind: &'t str,
    pub(super) name: &'t str,
    pub(super) version: &'t str,
    /// The image's name, where an image was scanned.
    pub(super) image: Option<&'t str>,
}

impl<'t> Sentence<'t> {
    /// Reads `A high vulnerability in apk package: zlib, version 1.3 was found in image web:1 at:
    /// /lib/apk/db/installed`, or the sentence of earlier versions.
    pub(super) fn of(text: &'t str) -> Option<Self> {
        if let Some(rest) = text.strip_prefix("The path ") {
            let (_, rest) = rest.split_once(" reports ")?;
            let (name, rest) = rest.split_once(" at version ")?;
            let (version, rest) = rest.split_once(" which would result in a vulnerable (")?;
            let (kind, _) = rest.split_once(") package installed")?;
            return Some(Self {
                severity: None,
                kind,
                name,
                version: version.trim(),
                image: None,
            });
        }
        let (head, rest) = text.split_once(" vulnerability in ")?;
        let (kind, rest) = rest.split_once(" package: ")?;
        let (name, rest) = rest.split_once(", version ")?;
        let (version, place) = rest.rsplit_once(" was found")?;
        let image = place.trim().strip_prefix("in image ");
        Some(Self {
            severity: head.split_whitespace().last(),
            kind,
            name,
            version,
            image: image.and_then(|rest| rest.split_once(" at: ").map(|(image, _)| image)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grypes_sentences_of_all_versions_are_read() {
        let now = "A high vulnerability in go-module package: golang.org/x/net, version v0.1.0 was \
                   found in image web:1 at: /bin/web";
        let folder = "A high vulnerability in go-module package: golang.org/x/net, version v0.1.0 was found at: /go.mod";
        let before = "The path /go.mod reports golang.org/x/net at version v0.1.0  which would result \
                      in a vulnerable (go-module) package installed";
        for (text, severity, image) in [
            (now, Some("high"), Some("web:1")),
            (folder, Some("high"), None),
            (before, None, None),
        ] {
            let sentence = Sentence {
                severity,
                kind: "go-module",
                name: "golang.org/x/net",
                version: "v0.1.0",
                image,
            };
            assert_eq!(Sentence::of(text), Some(sentence));
        }
        assert_eq!(Sentence::of("something else"), None);
    }

    #[test]
    fn fields_end_before_a_secret() {
        let fields = Fields::of("Type: \nSeverity  : HIGH \nMatch: Password: hunter2");
        assert_eq!(fields.get("Severity"), Some("HIGH"));
        assert!(fields.has("Type") && fields.get("Type").is_none());
        assert!(!format!("{fields:?}").contains("hunter2"));
    }
}
