//! Lists of promotions: which image goes where, kept in a YAML file beside other settings.
//!
//! Only what the file says; looking, planning and copying are the work of whoever reads it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::error::{ErrorKind, Explain};
use crate::formats::yaml::{self, Node, Value};
use crate::model::{Image, ImageReference, Platform};
use crate::text::Safe;

use super::Needed;

/// The largest list that is read, in bytes.
const LIMIT: u64 = 1 << 20;

/// The keys of an entry.
const KEYS: [&str; 6] = [
    "source",
    "destination",
    "always",
    "platform",
    "approval",
    "move_tag",
];

/// One image of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncEntry {
    /// The line it begins in, from 1.
    pub line: usize,
    /// Where the image is.
    pub source: Image,
    /// Where it goes, with the tag.
    pub destination: ImageReference,
    /// Whether it is promoted anew where the destination holds it already.
    pub always: bool,
    /// The platform, where one of several is meant.
    pub platform: Option<Platform>,
    /// What has to be there.
    pub approval: Needed,
    /// Consent to moving the tag.
    pub move_tag: bool,
}

/// A list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncList {
    /// The entries, in the order of the file.
    pub entries: Vec<SyncEntry>,
    /// What was left out of account.
    pub notices: Vec<String>,
}

/// A list that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The file cannot be read.
    #[error("`{}`: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no YAML, or too large.
    #[error("`{}` is no YAML that is read, at {place}: {reason}", path.display())]
    Yaml {
        /// The file.
        path: PathBuf,
        /// The place.
        place: String,
        /// Why.
        reason: String,
    },
    /// A part of it means nothing.
    #[error("`{}`, line {line}: {reason}", path.display())]
    Entry {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong, with the key.
        reason: String,
        /// What to write instead.
        hint: String,
    },
}

impl Explain for SyncError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Input
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::File { .. } => vec!["name the file that has the list `sync:`".to_owned()],
            Self::Yaml { .. } => vec!["nothing was copied: correct the file".to_owned()],
            Self::Entry { hint, .. } => vec![hint.clone()],
        }
    }
}

/// What is wrong with a part of the file.
struct Wrong {
    line: usize,
    reason: String,
    hint: String,
}

fn wrong(line: usize, reason: impl Into<String>, hint: impl Into<String>) -> Wrong {
    Wrong {
        line,
        reason: reason.into(),
        hint: hint.into(),
    }
}

impl SyncList {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// When it cannot be read, is no YAML, has no list `sync`, or an entry is not one: the line
    /// and the key are named. Nothing of a list that is wrong in one place is taken.
    pub fn read(path: &Path) -> Result<Self, SyncError> {
        let file = |source| SyncError::File {
            path: path.to_owned(),
            source,
        };
        if std::fs::metadata(path).map_err(file)?.len() > LIMIT {
            return Err(SyncError::Yaml {
                path: path.to_owned(),
                place: "its end".to_owned(),
                reason: "it is larger than 1 MiB".to_owned(),
            });
        }
        let text = std::fs::read_to_string(path).map_err(file)?;
        Self::parse(path, text.trim_start_matches('\u{feff}'))
    }

    fn parse(path: &Path, text: &str) -> Result<Self, SyncError> {
        let tree = yaml::read(text).map_err(|damage| SyncError::Yaml {
            path: path.to_owned(),
            place: damage.place.to_string(),
            reason: damage.reason,
        })?;
        list(&tree.root, tree.has_more).map_err(|wrong| SyncError::Entry {
            path: path.to_owned(),
            line: wrong.line,
            reason: wrong.reason,
            hint: wrong.hint,
        })
    }
}

fn list(root: &Node, has_more: bool) -> Result<SyncList, Wrong> {
    let shape =
        "write `sync:` with a list below it: `- source: IMAGE` and `destination: IMAGE:TAG`";
    let found = root
        .get("sync")
        .ok_or_else(|| wrong(root.line, "there is no key `sync`", shape))?;
    let Value::List(nodes) = &found.value else {
        return Err(wrong(found.line, "`sync` is no list", shape));
    };
    let mut notices = Vec::new();
    let others = root.pairs().iter().map(|(name, _)| name.as_str());
    let others: Vec<String> = others
        .filter(|name| *name != "sync")
        .map(|name| format!("`{}`", Safe::limited(name, 60)))
        .collect();
    if !others.is_empty() {
        notices.push(format!("ignored, as not about sync: {}", others.join(", ")));
    }
    if has_more {
        notices.push("ignored: everything after the first YAML document".to_owned());
    }
    if nodes.is_empty() {
        notices.push("the list is empty".to_owned());
    }
    let mut entries: Vec<SyncEntry> = Vec::with_capacity(nodes.len());
    let mut taken: HashMap<String, usize> = HashMap::new();
    for node in nodes {
        let entry = entry(node)?;
        let destination = entry.destination.to_string();
        if let Some(before) = taken.insert(destination.clone(), entry.line) {
            return Err(wrong(
                entry.line,
                format!("`destination` {destination} is that of line {before} too"),
                "one tag can name one image: give each entry a destination of its own",
            ));
        }
        entries.push(entry);
    }
    Ok(SyncList { entries, notices })
}

fn entry(node: &Node) -> Result<SyncEntry, Wrong> {
    let line = node.line;
    if !matches!(node.value, Value::Map(_)) {
        return Err(wrong(
            line,
            "an entry is no mapping",
            "write `source:` and `destination:` below each other",
        ));
    }
    if let Some((name, value)) = node
        .pairs()
        .iter()
        .find(|(name, _)| !KEYS.contains(&name.as_str()))
    {
        return Err(wrong(
            value.line,
            format!("`{}` is no key of an entry", Safe::limited(name, 60)),
            format!("the keys are {}", KEYS.join(", ")),
        ));
    }
    let source = required(node, "source")?;
    let source: Image = source
        .0
        .parse()
        .map_err(|error: crate::model::ParseReferenceError| {
            let hint =
                "write an image as for `countersign plan`: a registry reference, or oci:DIR[:REF]";
            wrong(source.1, format!("`source`: {error}"), hint)
        })?;
    let platform = match text(node, "platform")? {
        None => None,
        Some((text, line)) => Some(text.parse().map_err(
            |error: crate::model::ParseReferenceError| {
                let hint = "write OS/ARCH[/VARIANT], for example linux/amd64";
                wrong(line, format!("`platform`: {error}"), hint)
            },
        )?),
    };
    let approval = match text(node, "approval")? {
        None | Some(("required", _)) => Needed::Required,
        Some(("gate", _)) => Needed::Gate,
        Some(("none", _)) => Needed::None,
        Some((other, line)) => {
            return Err(wrong(
                line,
                format!("`approval` is `{}`", Safe::limited(other, 60)),
                "write required (the default), gate or none",
            ));
        }
    };
    Ok(SyncEntry {
        line,
        source,
        destination: destination(node)?,
        always: flag(node, "always")?,
        platform,
        approval,
        move_tag: flag(node, "move_tag")?,
    })
}

fn destination(node: &Node) -> Result<ImageReference, Wrong> {
    let (text, line) = required(node, "destination")?;
    let hint = "write a repository and a tag, for example registry.example.org/team/app:v1";
    let reference: ImageReference =
        text.parse()
            .map_err(|error: crate::model::ParseReferenceError| {
                wrong(line, format!("`destination`: {error}"), hint)
            })?;
    // A tag that nobody wrote would be `latest`.
    let has_tag = text
        .rsplit('/')
        .next()
        .is_some_and(|name| name.contains(':'));
    if reference.digest.is_some() || !has_tag {
        return Err(wrong(line, "`destination` names no tag, or a digest", hint));
    }
    Ok(reference)
}

fn required<'a>(node: &'a Node, key: &str) -> Result<(&'a str, usize), Wrong> {
    text(node, key)?.ok_or_else(|| {
        wrong(
            node.line,
            format!("the entry has no `{key}`"),
            "every entry needs a source and a destination",
        )
    })
}

fn text<'a>(node: &'a Node, key: &str) -> Result<Option<(&'a str, usize)>, Wrong> {
    let line = node.get(key).map_or(node.line, |found| found.line);
    let text = node
        .text(key)
        .map_err(|reason| wrong(line, reason, "write one text there"))?;
    Ok(text.map(|text| (text, line)))
}

fn flag(node: &Node, key: &str) -> Result<bool, Wrong> {
    match text(node, key)? {
        None | Some(("false", _)) => Ok(false),
        Some(("true", _)) => Ok(true),
        Some((other, line)) => Err(wrong(
            line,
            format!("`{key}` is `{}`", Safe::limited(other, 60)),
            "write true or false",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<SyncList, SyncError> {
        SyncList::parse(Path::new("base.yaml"), text)
    }

    #[test]
    fn a_list_is_read_with_its_defaults() {
        let list = parse(
            "# base images\nbuild:\n  - a\nsync:\n  - source: alpine:3.20\n    destination: r.example/base/alpine:3.20\n  - source: oci:images:caddy\n    destination: r.example:5000/caddy:2\n    always: true\n    platform: linux/arm64\n    approval: gate\n    move_tag: true\nimages: {}\n",
        )
        .unwrap();
        assert_eq!(
            list.notices,
            ["ignored, as not about sync: `build`, `images`"]
        );
        let [one, other] = list.entries.as_slice() else {
            panic!("{list:?}");
        };
        assert_eq!((one.line, other.line), (5, 7));
        assert_eq!(one.approval, Needed::Required);
        assert!(!one.always && !one.move_tag && one.platform.is_none());
        assert_eq!(one.destination.to_string(), "r.example/base/alpine:3.20");
        assert_eq!(other.approval, Needed::Gate);
        assert!(other.always && other.move_tag && other.platform.is_some());
        assert_eq!(parse("sync: []\n").unwrap().notices, ["the list is empty"]);
    }

    #[test]
    fn what_is_wrong_is_named_with_line_key_and_next_step() {
        let entry =
            |more: &str| format!("sync:\n- source: alpine:3\n  destination: r.example/a:1\n{more}");
        for (text, line, reason, hint) in [
            ("a: 1\n".to_owned(), 1, "no key `sync`", "write `sync:`"),
            ("sync: x\n".to_owned(), 1, "`sync` is no list", "- source"),
            ("sync:\n- x\n".to_owned(), 2, "is no mapping", "`source:`"),
            (
                "sync:\n- source: alpine:3\n".to_owned(),
                2,
                "no `destination`",
                "needs a source",
            ),
            (entry("  force: true\n"), 4, "`force` is no key", "always"),
            (
                entry("  always: yes\n"),
                4,
                "`always` is `yes`",
                "true or false",
            ),
            (
                entry("  approval: no\n"),
                4,
                "`approval` is `no`",
                "required",
            ),
            (
                entry("  platform: [a]\n"),
                4,
                "`platform` is no text",
                "one text",
            ),
            (entry("  platform: linux\n"), 4, "`platform`: ", "OS/ARCH"),
            (
                entry("- source: alpine:4\n  destination: r.example/a:1\n"),
                4,
                "is that of line 2 too",
                "of its own",
            ),
            (
                "sync:\n- source: a:1\n  destination: r.example/a\n".to_owned(),
                3,
                "names no tag",
                "team/app:v1",
            ),
            (
                "sync:\n- source: 'a b'\n  destination: r.example/a:1\n".to_owned(),
                2,
                "`source`: `a b`",
                "countersign plan",
            ),
        ] {
            let error = parse(&text).unwrap_err();
            let message = error.to_string();
            let place = format!("`base.yaml`, line {line}: ");
            assert!(message.starts_with(&place), "{text}: {message}");
            assert!(message.contains(reason), "{text}: {message}");
            let hints = error.hints().join("; ");
            assert!(hints.contains(hint), "{text}: {hints}");
        }
        let error = parse("sync: [\n").unwrap_err().to_string();
        assert!(error.contains("no YAML that is read, at line"), "{error}");
        let missing = SyncList::read(Path::new("/nowhere/base.yaml")).unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::Input);
    }
}
