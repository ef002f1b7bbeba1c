//! SPDX's tag-value form written out as the JSON of the same specification.
//!
//! Only tags that the reader of the JSON looks at are kept.

use serde_json::{Map, Value};

use crate::formats::error::{FormatError, Place, quote};
use crate::formats::sbom::WRITTEN;

/// The tag that a document begins with.
const FIRST: &str = "SPDXVersion:";

/// Returns whether the line begins a document of this kind.
pub(in crate::formats) fn is_begun_by(line: &str) -> bool {
    line.starts_with(FIRST)
}

/// Writes the document that begins at `start` as JSON; it goes to the end of the text.
///
/// # Errors
/// When a line is no `Tag: value`, a tag is given twice, or the end is missing.
pub(in crate::formats) fn to_json(
    path: &str,
    text: &str,
    start: usize,
) -> Result<String, FormatError> {
    let mut writer = Writer::default();
    let mut position = start;
    let truncated = || FormatError::Truncated {
        path: path.to_owned(),
        place: Place::at(text, text.trim_end().len()),
    };
    while let Some(rest) = text.get(position..).filter(|rest| !rest.is_empty()) {
        let (line, next) = line_at(rest);
        let damaged = |reason: String| FormatError::Damaged {
            path: path.to_owned(),
            place: Place::at(text, position),
            reason,
        };
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            position += next;
            continue;
        }
        let (tag, value) =
            tag_of(trimmed).ok_or_else(|| damaged("expected a line `Tag: value`".to_owned()))?;
        let (value, length) = if value.starts_with("<text>") {
            long_text(rest).ok_or_else(truncated)?
        } else {
            (value, next)
        };
        writer
            .tag(tag, value.trim())
            .map_err(|reason| damaged(reason.to_string()))?;
        position += length;
    }
    // A file that ends in the middle of a line was cut off. The end of a long text is marked.
    let is_whole = text.ends_with('\n') || text.ends_with("</text>");
    let json = writer.finish().filter(|_| is_whole);
    json.ok_or_else(truncated)
}

/// Returns the first line, and the offset of the next.
fn line_at(text: &str) -> (&str, usize) {
    match text.split_once('\n') {
        Some((line, _)) => (line, line.len() + 1),
        None => (text, text.len()),
    }
}

fn tag_of(line: &str) -> Option<(&str, &str)> {
    // One generator leaves out the colon of these alone.
    if let Some(value) = line.strip_prefix("Relationship ") {
        return Some(("Relationship", value));
    }
    let (tag, value) = line.split_once(':')?;
    let is_tag = !tag.is_empty() && tag.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_tag.then(|| (tag, value.trim_start()))
}

/// Returns a text over several lines, and the offset of the line after its end.
fn long_text(rest: &str) -> Option<(&str, usize)> {
    let (before, after) = rest.split_once("<text>")?;
    let (value, behind) = after.split_once("</text>")?;
    let end = before.len() + "<text>".len() + value.len() + "</text>".len();
    let (_, next) = line_at(behind);
    Some((value, end + next))
}

/// A tag that is given twice.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is given twice")]
struct Twice(String);

/// What the lines belong to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Section {
    #[default]
    Document,
    Package,
    File,
    License,
    Relationship,
    Annotation,
    Skipped,
}

/// Tags whose value is one text, and the text's key in JSON.
const TEXTS: [(Section, &str, &str); 16] = [
    (Section::Document, "SPDXVersion", "spdxVersion"),
    (Section::Document, "SPDXID", "SPDXID"),
    (Section::Document, "DocumentName", "name"),
    (Section::Document, "DocumentNamespace", "documentNamespace"),
    (Section::Package, "SPDXID", "SPDXID"),
    (Section::Package, "PackageVersion", "versionInfo"),
    (Section::Package, "PackageSourceInfo", "sourceInfo"),
    (
        Section::Package,
        "PackageLicenseDeclared",
        "licenseDeclared",
    ),
    (
        Section::Package,
        "PackageLicenseConcluded",
        "licenseConcluded",
    ),
    (
        Section::Package,
        "PrimaryPackagePurpose",
        "primaryPackagePurpose",
    ),
    (Section::File, "SPDXID", "SPDXID"),
    (Section::File, "FileComment", "comment"),
    (Section::License, "LicenseName", "name"),
    (Section::Relationship, "RelationshipComment", "comment"),
    (Section::Annotation, "SPDXREF", "SPDXREF"),
    (Section::Annotation, "AnnotationComment", "comment"),
];

/// The JSON so far, a list for each section.
#[derive(Debug, Default)]
struct Writer {
    document: Map<String, Value>,
    creators: Vec<Value>,
    packages: String,
    files: String,
    licenses: String,
    relationships: String,
    annotations: String,
    section: Section,
    entry: Map<String, Value>,
    /// Whether the package that is open has a tag that every package must have.
    has_location: bool,
}

impl Writer {
    fn tag(&mut self, tag: &str, value: &str) -> Result<(), Twice> {
        let begun = match tag {
            "PackageName" => Some((Section::Package, "name")),
            "FileName" => Some((Section::File, "fileName")),
            "LicenseID" => Some((Section::License, "licenseId")),
            "Relationship" => Some((Section::Relationship, "")),
            "Annotator" => Some((Section::Annotation, "annotator")),
            "SnippetSPDXID" | "SnippetSPDXIdentifier" | "Reviewer" => Some((Section::Skipped, "")),
            _ => None,
        };
        if let Some((section, key)) = begun {
            self.close();
            self.section = section;
            if section == Section::Relationship {
                self.relate(value);
                return Ok(());
            }
            return match key {
                "" => Ok(()),
                key => self.set(key, value),
            };
        }
        if let Some((_, _, key)) = TEXTS.iter().find(|it| (it.0, it.1) == (self.section, tag)) {
            return self.set(key, value);
        }
        match (self.section, tag) {
            (_, "Creator") => self.creators.push(value.into()),
            (Section::Package, "PackageDownloadLocation") => self.has_location = true,
            (Section::Package, "PackageAttributionText") => {
                self.add("attributionTexts", value.into());
            }
            (Section::Package, "PackageChecksum") => {
                if let Some((algorithm, sum)) = value.split_once(':') {
                    let fields = [("algorithm", algorithm), ("checksumValue", sum.trim())];
                    self.add("checksums", object(&fields));
                }
            }
            (Section::Package, "ExternalRef") => {
                let mut words = value.splitn(3, ' ').map(str::trim);
                if let (Some(_category), Some(kind), Some(locator)) =
                    (words.next(), words.next(), words.next())
                {
                    let fields = [("referenceType", kind), ("referenceLocator", locator)];
                    self.add("externalRefs", object(&fields));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn relate(&mut self, value: &str) {
        let mut words = value.split_whitespace();
        if let (Some(one), Some(kind), Some(other)) = (words.next(), words.next(), words.next()) {
            for (key, value) in [
                ("spdxElementId", one),
                ("relationshipType", kind),
                ("relatedSpdxElement", other),
            ] {
                self.entry.insert(key.to_owned(), value.into());
            }
        }
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), Twice> {
        let target = if self.section == Section::Document {
            &mut self.document
        } else {
            &mut self.entry
        };
        match target.insert(key.to_owned(), value.into()) {
            Some(_) => Err(Twice(quote(key))),
            None => Ok(()),
        }
    }

    fn add(&mut self, key: &str, value: Value) {
        let list = self
            .entry
            .entry(key)
            .or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(list) = list {
            list.push(value);
        }
    }

    /// Writes the entry that is open to the list of its section.
    fn close(&mut self) {
        let entry = std::mem::take(&mut self.entry);
        let list = match self.section {
            Section::Document | Section::Skipped => return,
            Section::Package => &mut self.packages,
            Section::File => &mut self.files,
            Section::License => &mut self.licenses,
            Section::Relationship => &mut self.relationships,
            Section::Annotation => &mut self.annotations,
        };
        self.has_location = false;
        if !list.is_empty() {
            list.push(',');
        }
        list.push_str(&Value::Object(entry).to_string());
    }

    /// Returns the JSON; none where the last package lacks a line that every package has.
    fn finish(mut self) -> Option<String> {
        if self.section == Section::Package && !self.has_location {
            return None;
        }
        self.close();
        let mut document = self.document;
        document.insert(WRITTEN.to_owned(), "tag-value".into());
        let mut creation = Map::new();
        creation.insert("creators".to_owned(), Value::Array(self.creators));
        document.insert("creationInfo".to_owned(), Value::Object(creation));
        let mut json = Value::Object(document).to_string();
        json.truncate(json.len().saturating_sub(1));
        for (key, list) in [
            ("packages", &self.packages),
            ("files", &self.files),
            ("hasExtractedLicensingInfos", &self.licenses),
            ("relationships", &self.relationships),
            ("annotations", &self.annotations),
        ] {
            json.push_str(",\"");
            json.push_str(key);
            json.push_str("\":[");
            json.push_str(list);
            json.push(']');
        }
        json.push('}');
        Some(json)
    }
}

fn object(fields: &[(&str, &str)]) -> Value {
    let fields = fields
        .iter()
        .map(|(key, value)| ((*key).to_owned(), Value::from(*value)));
    Value::Object(fields.collect())
}
