//! Package URLs (purl-spec): reading, canonical text and comparison.
//!
//! Reading is lenient where scanners are sloppy; what a package is compared by is in `package`.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// A package URL: `pkg:type/namespace/name@version?qualifiers#subpath`, decoded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Purl {
    /// The type, lower case: `deb`, `golang`, `npm`.
    pub kind: Box<str>,
    /// The namespace, such as a distribution, a Maven group or an npm scope.
    pub namespace: Option<Box<str>>,
    /// The name.
    pub name: Box<str>,
    /// The version.
    pub version: Option<Box<str>>,
    /// The qualifiers, sorted by key.
    pub qualifiers: Vec<(Box<str>, Box<str>)>,
    /// The subpath.
    pub subpath: Option<Box<str>>,
}

/// The text is not a package URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a package URL: expected pkg:TYPE/[NAMESPACE/]NAME[@VERSION]")]
pub struct ParsePurlError(pub String);

impl Purl {
    /// Returns the value of a qualifier.
    #[must_use]
    pub fn qualifier(&self, key: &str) -> Option<&str> {
        self.qualifiers
            .iter()
            .find(|(name, _)| **name == *key)
            .map(|(_, value)| &**value)
    }

    /// Returns the purl without qualifiers and subpath.
    #[must_use]
    pub fn without_qualifiers(&self) -> Self {
        Self {
            qualifiers: Vec::new(),
            subpath: None,
            ..self.clone()
        }
    }
}

impl FromStr for Purl {
    type Err = ParsePurlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParsePurlError(text.chars().take(200).collect());
        let rest = text
            .strip_prefix("pkg:")
            .ok_or_else(wrong)?
            .trim_start_matches('/');
        let (rest, subpath) = split_off(rest, '#');
        let (rest, qualifiers) = split_off(rest, '?');
        let (kind, rest) = rest.split_once('/').ok_or_else(wrong)?;
        let rest = rest.trim_matches('/');
        // An npm scope may stand undecoded (`@scope/name`), so the version's `@` is one after the name.
        let name_start = rest.rfind('/').map_or(0, |position| position + 1);
        let (path, last) = rest.split_at(name_start);
        let (name, version) = match last.char_indices().skip(1).find(|(_, c)| *c == '@') {
            Some((position, _)) => {
                let (name, version) = last.split_at(position);
                (name, version.strip_prefix('@'))
            }
            // A version may hold a slash that nobody encoded; then the `@` is before it.
            None => (last, None),
        };
        if kind.is_empty() || name.is_empty() {
            return Err(wrong());
        }
        let namespace: Vec<String> = path
            .split('/')
            .filter(|part| !part.is_empty())
            .map(decode)
            .collect();
        let mut qualifiers: Vec<(Box<str>, Box<str>)> = qualifiers
            .unwrap_or_default()
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .filter(|(_, value)| !value.is_empty())
            .map(|(key, value)| (key.to_ascii_lowercase().into(), decode(value).into()))
            .collect();
        qualifiers.sort();
        Ok(Self {
            kind: kind.to_ascii_lowercase().into(),
            namespace: (!namespace.is_empty()).then(|| namespace.join("/").into()),
            name: decode(name).into(),
            version: version
                .filter(|version| !version.is_empty())
                .map(|text| decode(text).into()),
            qualifiers,
            subpath: subpath
                .filter(|path| !path.is_empty())
                .map(|text| decode(text).into()),
        })
    }
}

fn split_off(text: &str, separator: char) -> (&str, Option<&str>) {
    match text.split_once(separator) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

/// Decodes `%XX`; what is not valid stays as it is.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let pair = tail
            .get(..2)
            .and_then(|pair| std::str::from_utf8(pair).ok());
        match pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(byte) if first == b'%' => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Encodes everything but the characters that purl-spec leaves alone.
fn encode(f: &mut fmt::Formatter<'_>, text: &str, keep: &[u8]) -> fmt::Result {
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte) || keep.contains(&byte);
    // Most texts need no encoding: what stays is written in one piece.
    let mut rest = text;
    while let Some(position) = rest.bytes().position(|byte| !plain(byte)) {
        // What stays is ASCII, so the first byte that does not begins a character.
        let (before, after) = rest.split_at(position);
        f.write_str(before)?;
        let mut characters = after.chars();
        let encoded = characters.next().map_or(0, char::len_utf8);
        for byte in after.bytes().take(encoded) {
            write!(f, "%{byte:02X}")?;
        }
        rest = characters.as_str();
    }
    f.write_str(rest)
}

impl fmt::Display for Purl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pkg:{}/", self.kind)?;
        if let Some(namespace) = &self.namespace {
            encode(f, namespace, b"/")?;
            f.write_str("/")?;
        }
        encode(f, &self.name, b"")?;
        if let Some(version) = &self.version {
            f.write_str("@")?;
            encode(f, version, b"")?;
        }
        for (position, (key, value)) in self.qualifiers.iter().enumerate() {
            f.write_str(if position == 0 { "?" } else { "&" })?;
            f.write_str(key)?;
            f.write_str("=")?;
            encode(f, value, b"/")?;
        }
        if let Some(subpath) = &self.subpath {
            f.write_str("#")?;
            encode(f, subpath, b"/")?;
        }
        Ok(())
    }
}

impl Serialize for Purl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_and_writes_the_usual_ones() {
        for text in [
            "pkg:golang/stdlib@v1.20.12",
            "pkg:golang/github.com/quic-go/quic-go@v0.40.0",
            "pkg:npm/%40angular/core@16.0.0",
            "pkg:deb/debian/libc6@2.36-9%2Bdeb12u4?arch=amd64&distro=debian-12.5",
            "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1",
        ] {
            assert_eq!(text.parse::<Purl>().unwrap().to_string(), text);
        }
        let scoped: Purl = "pkg:npm/@scope/name@1.0".parse().unwrap();
        assert_eq!(scoped.namespace.as_deref(), Some("@scope"));
        assert_eq!(scoped.version.as_deref(), Some("1.0"));
        assert!("pkg:npm".parse::<Purl>().is_err());
        assert!("npm/name".parse::<Purl>().is_err());
    }

    proptest! {
        #[test]
        fn canonical_text_is_a_fixed_point(text in "pkg:[a-z]{1,5}/[ -~]{1,40}") {
            if let Ok(purl) = text.parse::<Purl>() {
                let canonical = purl.to_string();
                let again: Purl = canonical.parse().unwrap();
                prop_assert_eq!(again.to_string(), canonical);
            }
        }
    }
}
