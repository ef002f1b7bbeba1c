//! What a text is: the documents in it (log lines before them skipped) and their kinds, by content.
//!
//! File names are never looked at; reading the document is the formats' own work.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::cyclonedx::xml;
use super::error::{FormatError, MAX_DEPTH, MAX_DOCUMENTS, Place, quote};
use super::ignore;
use super::json::{Text, place_of, reason_of};
use super::spdx::tag_value;

/// The kind of a document that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Trivy's object, schema 2.
    Trivy,
    /// Trivy's bare list of results, schema 1.
    TrivyList,
    /// Trivy's `null`, schema 1 with nothing found.
    TrivyNull,
    /// Grype's object.
    Grype,
    /// CycloneDX.
    Cyclonedx,
    /// CycloneDX XML, which is written out as JSON first.
    CyclonedxXml,
    /// SPDX 2.
    Spdx,
    /// SPDX 2 in tag-value form, which is written out as JSON first.
    SpdxTagValue,
    /// SPDX 3 in JSON-LD.
    SpdxLinked,
    /// Syft's object.
    Syft,
    /// A SARIF log.
    Sarif,
    /// Trivy's report about a cluster.
    Cluster,
    /// Resources of the Trivy operator.
    Operator,
    /// A DSSE envelope.
    Envelope,
    /// A Sigstore bundle.
    Bundle,
    /// An in-toto statement.
    Statement,
    /// Cosign's predicate around a report.
    Predicate,
    /// An SBOM in an object of its own, as GitHub gives it out.
    Exported,
    /// An OpenVEX document.
    OpenVex,
    /// A CSAF document.
    Csaf,
    /// An ignore file of Trivy or Grype.
    Ignore(ignore::Shape),
}

/// Where a document lies in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// The kind.
    pub(super) kind: Kind,
    /// The first byte; what is before is log lines.
    pub(super) start: usize,
    /// The byte after the last.
    pub(super) end: usize,
}

/// Finds the documents in `text`, one or several.
///
/// # Errors
/// When there is none, or one is damaged or of a kind that is not read: what is left out would
/// not be missed.
pub(super) fn detect(path: &str, text: &str) -> Result<Vec<Found>, FormatError> {
    let first = text.len() - text.trim_start().len();
    if first == text.len() {
        return Err(FormatError::Empty {
            path: path.to_owned(),
        });
    }
    if text.trim() == "null" {
        return Ok(vec![Found {
            kind: Kind::TrivyNull,
            start: first,
            end: text.trim_end().len(),
        }]);
    }
    if let Some(found) = no_json(text, first) {
        return Ok(vec![found]);
    }
    let mut all: Vec<Found> = Vec::new();
    let mut unknown = None;
    let mut from = first;
    while let Some(start) = candidate(text, from) {
        let (shape, end) = shape_at(path, text, start)?;
        check_depth(path, text, start, end)?;
        from = end;
        match classify(&shape) {
            Answer::Known(kind) => {
                check_end(path, text, end)?;
                all.push(Found { kind, start, end });
            }
            Answer::NotReadYet(found, instead) => {
                return Err(FormatError::NotReadYet {
                    path: path.to_owned(),
                    found,
                    instead,
                });
            }
            // A log may be JSON too, but only in front.
            Answer::Unknown(found) if all.is_empty() => {
                unknown.get_or_insert(found);
            }
            Answer::Unknown(found) => {
                return Err(FormatError::UnknownBeside {
                    path: path.to_owned(),
                    place: Place::at(text, start),
                    found,
                });
            }
        }
        if all.len() > MAX_DOCUMENTS {
            let path = path.to_owned();
            return Err(FormatError::TooManyDocuments { path });
        }
    }
    if !all.is_empty() {
        return Ok(all);
    }
    if unknown.is_none()
        && let Some(shape) = ignore::shape(text)
    {
        return Ok(vec![Found {
            kind: Kind::Ignore(shape),
            start: 0,
            end: text.len(),
        }]);
    }
    let path = path.to_owned();
    Err(match unknown {
        Some(found) => FormatError::UnknownJson { path, found },
        None => not_json(path, text),
    })
}

/// Returns the document that is no JSON, where one begins before any JSON does.
fn no_json(text: &str, from: usize) -> Option<Found> {
    /// An XML document has to say within so many bytes what it is.
    const HEAD: usize = 4096;
    /// So many lines that could begin one are looked at.
    const LINES: usize = 16;
    let until = candidate(text, from).unwrap_or(text.len());
    let mut position = from;
    let mut tried = 0;
    for line in text.get(from..until)?.split_inclusive('\n') {
        let rest = text.get(position..)?;
        let head = rest.get(..rest.floor_char_boundary(HEAD)).unwrap_or(rest);
        tried += usize::from(line.starts_with('<'));
        let kind = if tried <= LINES && xml::is_begun_by(head) {
            Some(Kind::CyclonedxXml)
        } else {
            tag_value::is_begun_by(line).then_some(Kind::SpdxTagValue)
        };
        if let Some(kind) = kind {
            return Some(Found {
                kind,
                start: position,
                end: text.len(),
            });
        }
        position += line.len();
    }
    None
}

/// Returns what the JSON at `start..end` is, which lies inside of another document.
///
/// # Errors
/// When it is of a kind that is not read.
pub(super) fn at(path: &str, text: &str, start: usize, end: usize) -> Result<Found, FormatError> {
    let (shape, _) = shape_at(path, text, start)?;
    let path = path.to_owned();
    match classify(&shape) {
        Answer::Known(kind) => Ok(Found { kind, start, end }),
        Answer::NotReadYet(found, instead) => Err(FormatError::NotReadYet {
            path,
            found,
            instead,
        }),
        Answer::Unknown(found) => Err(FormatError::UnknownJson { path, found }),
    }
}

/// Refuses a text in which the rest of a larger document follows the one that ends at `end`: then
/// what was found is only a part.
fn check_end(path: &str, text: &str, end: usize) -> Result<(), FormatError> {
    let rest = text.get(end..).unwrap_or_default();
    let next = end + (rest.len() - rest.trim_start().len());
    if text
        .get(next..)
        .is_some_and(|rest| rest.starts_with(['}', ']', ',', ':']))
    {
        return Err(FormatError::Damaged {
            path: path.to_owned(),
            place: Place::at(text, next),
            reason: "more is closed than was opened: the beginning is missing".to_owned(),
        });
    }
    Ok(())
}

/// Returns where the next document could begin: a line that starts with `{`, or with `[` and an
/// object after it, so that the `[0000]  WARN` of a log is none.
fn candidate(text: &str, from: usize) -> Option<usize> {
    let mut position = from;
    for line in text.get(from..)?.split_inclusive('\n') {
        let indent = line.len() - line.trim_start().len();
        let rest = text.get(position + indent..)?;
        let begins = match rest.as_bytes().first() {
            // Only the first line may be indented: the middle of a document is no beginning.
            _ if indent > 0 && position > from => false,
            Some(b'{') => true,
            Some(b'[') => {
                let inner = rest.get(1..).unwrap_or_default().trim_start();
                inner.is_empty() || inner.starts_with('{') || inner.trim_end() == "]"
            }
            _ => false,
        };
        if begins {
            return Some(position + indent);
        }
        position += line.len();
    }
    None
}

fn shape_at<'a>(
    path: &str,
    text: &'a str,
    start: usize,
) -> Result<(Shape<'a>, usize), FormatError> {
    let part = text.get(start..).unwrap_or_default();
    let mut stream = serde_json::Deserializer::from_str(part).into_iter::<Shape<'a>>();
    match stream.next() {
        Some(Ok(shape)) => Ok((shape, start + stream.byte_offset())),
        Some(Err(error)) if !error.is_eof() => {
            // Deep nesting may stop the parser first; that is the better message.
            check_depth(path, text, start, text.len())?;
            Err(FormatError::Damaged {
                path: path.to_owned(),
                place: place_of(text, start, &error),
                reason: reason_of(&error),
            })
        }
        Some(Err(_)) | None => Err(FormatError::Truncated {
            path: path.to_owned(),
            place: Place::at(text, text.trim_end().len()),
        }),
    }
}

fn check_depth(path: &str, text: &str, start: usize, end: usize) -> Result<(), FormatError> {
    let mut depth = 0_usize;
    let mut bytes = text
        .as_bytes()
        .get(start..end)
        .unwrap_or_default()
        .iter()
        .enumerate();
    while let Some((position, byte)) = bytes.next() {
        match byte {
            b'"' => {
                while let Some((_, byte)) = bytes.next() {
                    match byte {
                        b'"' => break,
                        b'\\' => {
                            bytes.next();
                        }
                        _ => {}
                    }
                }
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err(FormatError::TooDeep {
                path: path.to_owned(),
                place: Place::at(text, start + position),
            });
        }
    }
    Ok(())
}

/// The outline of a document: its top keys, and the texts among their values.
#[derive(Debug)]
enum Shape<'a> {
    Object(Vec<(Cow<'a, str>, Option<Cow<'a, str>>)>),
    List(Option<Box<Shape<'a>>>),
    Scalar,
}

impl<'de: 'a, 'a> Deserialize<'de> for Shape<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShapeVisitor)
    }
}

/// More keys than this are not kept.
const MAX_KEYS: usize = 64;

struct ShapeVisitor;

impl<'de> Visitor<'de> for ShapeVisitor {
    type Value = Shape<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut keys = Vec::new();
        while let Some(key) = map.next_key::<Text<'de>>()? {
            let value = map.next_value::<Peek<'de>>()?;
            if keys.len() < MAX_KEYS {
                keys.push((key.0, value.0));
            }
        }
        Ok(Shape::Object(keys))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        // Entries are looked at one level deep only, so that nesting costs no stack.
        let first = list.next_element::<Entry<'de>>()?.map(|entry| entry.0);
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Shape::List(first.map(Box::new)))
    }
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Shape::Scalar)
    }
    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Shape::Scalar)
    }
    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Shape::Scalar)
    }
    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Shape::Scalar)
    }
    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Shape::Scalar)
    }
    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Shape::Scalar)
    }
}

/// The first entry of a list: its keys, where it is an object.
struct Entry<'a>(Shape<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for Entry<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&'de serde_json::value::RawValue>::deserialize(deserializer)?;
        if !raw.get().starts_with('{') {
            return Ok(Self(Shape::Scalar));
        }
        serde_json::from_str(raw.get())
            .map(Self)
            .map_err(serde::de::Error::custom)
    }
}

/// A value of which only a text is kept.
struct Peek<'a>(Option<Cow<'a, str>>);

impl<'de: 'a, 'a> Deserialize<'de> for Peek<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&'de serde_json::value::RawValue>::deserialize(deserializer)?;
        let is_text = raw.get().starts_with('"') && raw.get().len() < 200;
        let text = is_text.then(|| serde_json::from_str::<Text<'de>>(raw.get()));
        Ok(Self(text.and_then(Result::ok).map(|text| text.0)))
    }
}

enum Answer {
    Known(Kind),
    NotReadYet(&'static str, &'static str),
    Unknown(String),
}

const AS_JSON: &str = "write it again as JSON: `trivy convert` or the scanner's `--format json`";

fn classify(shape: &Shape<'_>) -> Answer {
    let (keys, in_list) = match shape {
        Shape::Object(keys) => (keys, false),
        Shape::List(Some(first)) => match &**first {
            Shape::Object(keys) => (keys, true),
            _ => return Answer::Unknown("a list whose entries are no objects".to_owned()),
        },
        Shape::List(None) => return Answer::Unknown("an empty list".to_owned()),
        Shape::Scalar => return Answer::Unknown("a single value".to_owned()),
    };
    let has = |name: &str| keys.iter().any(|(key, _)| key == name);
    let text = |name: &str| {
        let found = keys.iter().find(|(key, _)| key == name);
        found.and_then(|(_, value)| value.as_deref()).unwrap_or("")
    };
    if let Some(answer) = not_read_yet(&has, keys) {
        return answer;
    }
    let known = wrapper(&has, &text).filter(|_| !in_list).or_else(|| {
        let is_operator = text("apiVersion").contains("aquasecurity.github.io/")
            || has("kind") && has("items")
            || keys
                .iter()
                .any(|(key, _)| key.ends_with(".aquasecurity.github.io"));
        let is_trivy = has("SchemaVersion") && (has("ArtifactName") || has("Results"))
            || has("ArtifactName") && has("Results");
        if is_operator {
            Some(Kind::Operator)
        } else if in_list {
            has("Target").then_some(Kind::TrivyList)
        } else if has("statements") && (has("@context") || has("author")) {
            Some(Kind::OpenVex)
        } else if has("document") && (has("product_tree") || has("vulnerabilities")) {
            Some(Kind::Csaf)
        } else if has("ClusterName") {
            Some(Kind::Cluster)
        } else if has("runs") && (has("$schema") || has("version")) {
            Some(Kind::Sarif)
        } else if let Some(kind) = sbom(&has, &text) {
            Some(kind)
        } else if has("matches") && !has("SchemaVersion") {
            Some(Kind::Grype)
        } else {
            is_trivy.then_some(Kind::Trivy)
        }
    });
    known.map_or_else(|| Answer::Unknown(describe(keys, in_list)), Answer::Known)
}

/// Kinds of SBOMs.
fn sbom<'a>(has: &impl Fn(&str) -> bool, text: &impl Fn(&str) -> &'a str) -> Option<Kind> {
    if text("bomFormat") == "CycloneDX" {
        Some(Kind::Cyclonedx)
    } else if has("spdxVersion") || has("SPDXID") && (has("packages") || has("files")) {
        Some(Kind::Spdx)
    } else if has("@context") && has("@graph") {
        Some(Kind::SpdxLinked)
    } else {
        let is_syft = has("artifacts") && (has("descriptor") || has("schema"));
        (is_syft && !has("matches")).then_some(Kind::Syft)
    }
}

/// Kinds that hold another document.
fn wrapper<'a>(has: &impl Fn(&str) -> bool, text: &impl Fn(&str) -> &'a str) -> Option<Kind> {
    if has("payloadType") && has("payload") {
        Some(Kind::Envelope)
    } else if has("dsseEnvelope") || text("mediaType").contains("sigstore.bundle") {
        Some(Kind::Bundle)
    } else if has("predicateType") {
        Some(Kind::Statement)
    } else if has("sbom") {
        Some(Kind::Exported)
    } else {
        (has("scanner") && has("invocation")).then_some(Kind::Predicate)
    }
}

/// Kinds with a format of their own that this program knows by sight.
fn not_read_yet(
    has: &impl Fn(&str) -> bool,
    keys: &[(Cow<'_, str>, Option<Cow<'_, str>>)],
) -> Option<Answer> {
    let any_key = |part: &str| keys.iter().any(|(key, _)| key.contains(part));
    let (found, instead) = if any_key("application/vnd.security.vulnerability.report") {
        ("a Harbor report", AS_JSON)
    } else if has("Findings") && !has("SchemaVersion") {
        ("an AWS Security Hub export", AS_JSON)
    } else if has("scan") && has("vulnerabilities") || has("check_name") {
        ("a GitLab report", AS_JSON)
    } else if has("detector") && has("manifests") {
        ("a GitHub dependency snapshot", AS_JSON)
    } else {
        return None;
    };
    Some(Answer::NotReadYet(found, instead))
}

fn describe(keys: &[(Cow<'_, str>, Option<Cow<'_, str>>)], in_list: bool) -> String {
    if keys.is_empty() {
        return "an empty object".to_owned();
    }
    let names: Vec<String> = keys
        .iter()
        .take(8)
        .map(|(key, _)| format!("`{}`", quote(key)))
        .collect();
    let more = if keys.len() > names.len() {
        ", …"
    } else {
        ""
    };
    let holder = if in_list {
        "a list of objects"
    } else {
        "an object"
    };
    format!("{holder} with the keys {}{more}", names.join(", "))
}

/// Says what a text without any JSON document looks like.
fn not_json(path: String, text: &str) -> FormatError {
    let start = text.trim_start();
    let head: String = start.chars().take(2000).collect::<String>().to_lowercase();
    if head.starts_with('<') {
        let html = head.contains("<!doctype html") || head.contains("<html");
        let found = if html { "an HTML page" } else { "XML" }.to_owned();
        return FormatError::NotJson { path, found };
    }
    let line = start.lines().next().unwrap_or_default();
    let found = format!("text that begins with `{}`", quote(line));
    FormatError::NotJson { path, found }
}
