//! Trivy's ignore files: ids one a line, and sections of entries in YAML.
//!
//! Rules are those of Trivy's `pkg/result`: ids are compared as they stand, an entry ends with the
//! beginning (UTC) of the day that it names.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};

use super::{MAX_ENTRIES, MAX_PATTERNS};
use crate::formats::error::{FormatError, quote};
use crate::formats::yaml::{Node, Value};
use crate::model::{
    Exemption, ExemptionDocument, ExemptionRule, ExemptionStatus, Format, Kind, Loss, Origin,
    Pattern, Purl,
};

/// The sections of the YAML file, and what they are about.
pub(super) const SECTIONS: [(&str, Kind); 4] = [
    ("vulnerabilities", Kind::Vulnerability),
    ("misconfigurations", Kind::Misconfiguration),
    ("secrets", Kind::Secret),
    ("licenses", Kind::License),
];

/// The keys of an entry.
const KEYS: [&str; 5] = ["id", "paths", "purls", "statement", "expired_at"];

/// How the ids begin by which a list of ids is known. Names of rules alone could be any text.
const PREFIXES: [&str; 22] = [
    "CVE-", "GHSA-", "GO-", "RUSTSEC-", "PYSEC-", "OSV-", "MAL-", "SNYK-", "TEMP-", "DSA-", "DLA-",
    "USN-", "RHSA-", "ELSA-", "ALAS", "SUSE-SU-", "NSWG-", "AVD-", "KSV", "DS-0", "DS0", "AWS-0",
];

/// Returns whether a text is a list of ids, one a line, with comments.
pub(super) fn is_list_of_ids(text: &str) -> bool {
    let is_known = |word: &str| {
        let word = word.to_ascii_uppercase();
        PREFIXES.iter().any(|prefix| {
            let rest = word.strip_prefix(prefix);
            rest.is_some_and(|rest| rest.len() >= 3 && rest.contains(|c: char| c.is_ascii_digit()))
        })
    };
    let is_id = |word: &str| {
        word.chars()
            .all(|c| c.is_ascii_alphanumeric() || "-._:+()".contains(c))
    };
    let mut has_known = false;
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let Some(first) = words.next() else { continue };
        if first.starts_with('#') {
            // A list of which everything is switched off is still one.
            let words = line.trim_start_matches(['#', ' ', '\t']).split_whitespace();
            has_known |= words.take(1).any(is_known);
        } else if is_known(first) {
            has_known = true;
        } else {
            // What could be any word is an id where it stands alone, or with fields or a comment.
            let mut rest = words.take_while(|word| !word.starts_with('#'));
            if !is_id(first) || first.ends_with(':') || rest.any(|word| !word.contains(':')) {
                return false;
            }
        }
    }
    has_known
}

fn document(origin: Origin, format: Format) -> ExemptionDocument {
    ExemptionDocument {
        origin,
        format,
        entries: Vec::new(),
        losses: Vec::new(),
        notices: Vec::new(),
    }
}

/// Reads ids, one a line. Other words of a line than `exp:` say nothing to Trivy.
pub(super) fn lines(origin: Origin, text: &str) -> ExemptionDocument {
    let mut document = document(origin, Format::Trivyignore);
    for (number, line) in (1_usize..).zip(text.lines()) {
        let mut words = line.split_whitespace();
        let Some(id) = words.next().filter(|word| !word.starts_with('#')) else {
            continue;
        };
        let place = format!("line {number}");
        let end = words.find_map(|word| word.strip_prefix("exp:"));
        let expires = end.map(|date| {
            let date = NaiveDate::parse_from_str(date, "%Y-%m-%d");
            date.map_err(|_no_date| "`exp:` is followed by no date (YYYY-MM-DD)".to_owned())
        });
        match expires.transpose() {
            _ if document.entries.len() >= MAX_ENTRIES => {
                lose(
                    &mut document,
                    place,
                    "there are too many entries".to_owned(),
                );
            }
            Ok(end) => document.entries.push(Exemption {
                place,
                ids: vec![id.to_owned()],
                rule: ExemptionRule::Trivy {
                    kinds: SECTIONS.iter().map(|(_, kind)| *kind).collect(),
                    paths: Vec::new(),
                    purls: Vec::new(),
                },
                status: ExemptionStatus::Ignored,
                statement: None,
                time: None,
                expires: end.map(start_of),
            }),
            Err(reason) => lose(&mut document, place, reason),
        }
    }
    document
}

fn start_of(date: NaiveDate) -> DateTime<Utc> {
    date.and_time(NaiveTime::MIN).and_utc()
}

fn lose(document: &mut ExemptionDocument, place: String, reason: String) {
    document.losses.push(Loss {
        place,
        offset: None,
        reason,
        records: 1,
    });
}

/// Reads the YAML form.
///
/// # Errors
/// When the YAML is damaged; an entry that is wrong becomes a loss.
pub(super) fn yaml(origin: Origin, text: &str) -> Result<ExemptionDocument, FormatError> {
    let tree = super::tree(&origin.path, text)?;
    let mut document = document(origin, Format::TrivyignoreYaml);
    if tree.has_more {
        let notice = "only the first document of the file is read, as Trivy does";
        document.notices.push(notice.to_owned());
    }
    let mut patterns = 0;
    for (name, kind) in SECTIONS {
        let Some(section) = tree.root.get(name) else {
            continue;
        };
        let Value::List(entries) = &section.value else {
            lose(&mut document, name.to_owned(), "it is no list".to_owned());
            continue;
        };
        for (position, node) in entries.iter().enumerate() {
            let place = format!("{name}[{position}], line {}", node.line);
            let entry = entry(node, kind, place.clone(), &mut patterns);
            match entry {
                _ if document.entries.len() >= MAX_ENTRIES => {
                    lose(
                        &mut document,
                        place,
                        "there are too many entries".to_owned(),
                    );
                }
                Ok(entry) => {
                    document.entries.push(entry);
                    unknown_keys(&mut document, node, &place);
                }
                Err(reason) => lose(&mut document, place, reason),
            }
        }
    }
    Ok(document)
}

/// Trivy passes over keys it does not know; a misspelt `paths` widens an entry.
fn unknown_keys(document: &mut ExemptionDocument, node: &Node, place: &str) {
    for (key, _) in node.pairs() {
        if !KEYS.contains(&key.as_str()) && document.notices.len() < 20 {
            let key = quote(key);
            document
                .notices
                .push(format!("{place}: the key `{key}` means nothing to Trivy"));
        }
    }
}

fn entry(
    node: &Node,
    kind: Kind,
    place: String,
    patterns: &mut usize,
) -> Result<Exemption, String> {
    let id = node.text("id")?.ok_or("the entry has no `id`")?.to_owned();
    let paths = node.texts("paths")?;
    *patterns += paths.len();
    if *patterns > MAX_PATTERNS {
        return Err(format!("the file holds more than {MAX_PATTERNS} paths"));
    }
    let paths: Result<Vec<Pattern>, String> = paths
        .into_iter()
        .map(|path| Pattern::glob(path).map_err(|error| error.to_string()))
        .collect();
    let purls: Result<Vec<Purl>, String> = node
        .texts("purls")?
        .into_iter()
        .map(|purl| purl.parse::<Purl>().map_err(|error| error.to_string()))
        .collect();
    let (paths, purls) = (paths?, purls?);
    Ok(Exemption {
        place,
        ids: vec![id],
        // Trivy knows package URLs of vulnerabilities only and passes over the others.
        rule: ExemptionRule::Trivy {
            kinds: vec![kind],
            paths,
            purls: if kind == Kind::Vulnerability {
                purls
            } else {
                Vec::new()
            },
        },
        status: ExemptionStatus::Ignored,
        statement: node.text("statement")?.map(str::to_owned),
        time: None,
        expires: node.text("expired_at")?.map(end).transpose()?,
    })
}

/// Reads a date or a time, in the forms that YAML has for it; without a zone it is UTC.
fn end(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return Ok(start_of(date));
    }
    if let Ok(time) = DateTime::parse_from_rfc3339(&text.replacen(' ', "T", 1)) {
        return Ok(time.to_utc());
    }
    NaiveDateTime::parse_from_str(&text.replacen(' ', "T", 1), "%Y-%m-%dT%H:%M:%S")
        .map(|time| time.and_utc())
        .map_err(|_no_time| format!("`expired_at` is no date: `{}`", quote(text)))
}
