//! A small YAML tree: texts, lists and mappings with their lines, within caps.
//!
//! An alias stands for a copy, and copies count: a file cannot grow without bounds. What the keys
//! mean belongs to the reader of each file.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle};

use super::error::{MAX_DEPTH, Place, quote};

/// The largest YAML that is read, in bytes.
const MAX_SIZE: usize = 8 * 1024 * 1024;

/// The most nodes of a document, those that aliases stand for included.
const MAX_NODES: usize = 500_000;

/// Where a text is no YAML that is read, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Damage {
    pub(crate) place: Place,
    pub(crate) reason: String,
}

/// A node, and the line it begins in, from 1.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) line: usize,
    pub(crate) value: Value,
}

/// What a node holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// A text, number or boolean, as written.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in its own order.
    Map(Vec<(String, Node)>),
}

impl Node {
    /// Returns the value of a key; one that is null is none.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        let found = self.pairs().iter().find(|(name, _)| name == key);
        found
            .map(|(_, node)| node)
            .filter(|node| node.value != Value::Null)
    }

    /// Returns the pairs of a mapping.
    pub(crate) fn pairs(&self) -> &[(String, Self)] {
        match &self.value {
            Value::Map(pairs) => pairs,
            _ => &[],
        }
    }

    /// Returns the text of a key; none where it is absent or empty.
    ///
    /// # Errors
    /// When it is a list or a mapping.
    pub(crate) fn text(&self, key: &str) -> Result<Option<&str>, String> {
        match self.get(key).map(|node| &node.value) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text.trim()).filter(|text| !text.is_empty())),
            Some(_) => Err(format!("`{key}` is no text")),
        }
    }

    /// Returns the texts of a key that holds a list.
    ///
    /// # Errors
    /// When it is something else, or one of its entries is no text.
    pub(crate) fn texts(&self, key: &str) -> Result<Vec<&str>, String> {
        let wrong = || format!("`{key}` is no list of texts");
        match self.get(key).map(|node| &node.value) {
            None => Ok(Vec::new()),
            Some(Value::List(entries)) => entries
                .iter()
                .map(|entry| match &entry.value {
                    Value::Text(text) => Ok(text.as_str()),
                    _ => Err(wrong()),
                })
                .collect(),
            Some(_) => Err(wrong()),
        }
    }
}

/// A list or mapping that is not closed yet.
struct Open {
    line: usize,
    anchor: usize,
    is_map: bool,
    /// Entries; of a mapping keys and values in turn.
    children: Vec<Node>,
}

/// The root of the first document, and whether others follow, which the scanners do not read.
pub(crate) struct Tree {
    pub(crate) root: Node,
    pub(crate) has_more: bool,
}

/// Reads the first document of a text.
///
/// # Errors
/// When it is damaged, nests too deep, is too large with its aliases written out, gives a key
/// twice, or uses merge keys.
pub(crate) fn read(text: &str) -> Result<Tree, Damage> {
    let fail = |line: usize, column: usize, reason: &str| Damage {
        place: place(text, line, column),
        reason: quote(reason),
    };
    if text.len() > MAX_SIZE {
        return Err(fail(1, 0, "it is larger than 8 MiB"));
    }
    let mut reader = Reader::default();
    let mut has_more = false;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let marker = error.marker();
            fail(marker.line(), marker.col(), error.info())
        })?;
        let line = span.start.line();
        if reader.root.is_some() {
            if matches!(event, Event::DocumentStart(_)) {
                has_more = true;
                break;
            }
            continue;
        }
        reader
            .take(event, line)
            .map_err(|reason| fail(line, span.start.col(), &reason))?;
    }
    let empty = Node {
        line: 1,
        value: Value::Null,
    };
    Ok(Tree {
        root: reader.root.unwrap_or(empty),
        has_more,
    })
}

fn place(text: &str, line: usize, column: usize) -> Place {
    let lines = text.split_inclusive('\n').take(line.saturating_sub(1));
    let start: usize = lines.map(str::len).sum();
    Place {
        offset: (start + column).min(text.len()),
        line: line.max(1),
        column: column + 1,
    }
}

#[derive(Default)]
struct Reader {
    open: Vec<Open>,
    anchors: HashMap<usize, (Node, Extent)>,
    nodes: usize,
    root: Option<Node>,
}

impl Reader {
    fn take(&mut self, event: Event<'_>, line: usize) -> Result<(), String> {
        match event {
            Event::SequenceStart(anchor, _) => self.begin(line, anchor, false),
            Event::MappingStart(anchor, _) => self.begin(line, anchor, true),
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Scalar(text, style, anchor, _) => {
                let is_null = style == ScalarStyle::Plain
                    && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                let value = if is_null {
                    Value::Null
                } else {
                    Value::Text(text.into_owned())
                };
                self.add(1)?;
                self.put(Node { line, value }, anchor)
            }
            Event::Alias(anchor) => {
                let known = self.anchors.get(&anchor);
                let (node, extent) = known.cloned().ok_or("an alias without its anchor")?;
                if self.open.len() + extent.depth > MAX_DEPTH {
                    return Err(format!("it nests deeper than {MAX_DEPTH} levels"));
                }
                self.add(extent.size)?;
                self.put(node, 0)
            }
            Event::DocumentEnd if self.root.is_none() => {
                self.root = Some(Node {
                    line,
                    value: Value::Null,
                });
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn begin(&mut self, line: usize, anchor: usize, is_map: bool) -> Result<(), String> {
        if self.open.len() >= MAX_DEPTH {
            return Err(format!("it nests deeper than {MAX_DEPTH} levels"));
        }
        self.open.push(Open {
            line,
            anchor,
            is_map,
            children: Vec::new(),
        });
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        let Some(done) = self.open.pop() else {
            return Ok(());
        };
        let value = if done.is_map {
            Value::Map(pairs(done.children)?)
        } else {
            Value::List(done.children)
        };
        let node = Node {
            line: done.line,
            value,
        };
        self.add(1)?;
        self.put(node, done.anchor)
    }

    fn add(&mut self, nodes: usize) -> Result<(), String> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > MAX_NODES {
            return Err(format!("it holds more than {MAX_NODES} values"));
        }
        Ok(())
    }

    /// Puts a finished node into what is open.
    fn put(&mut self, node: Node, anchor: usize) -> Result<(), String> {
        if anchor > 0 {
            let extent = extent(&node);
            self.add(extent.size)?;
            self.anchors.insert(anchor, (node.clone(), extent));
        }
        match self.open.last_mut() {
            Some(open) => open.children.push(node),
            None => self.root = Some(node),
        }
        Ok(())
    }
}

/// How many nodes a node is, and how many levels.
#[derive(Clone, Copy)]
struct Extent {
    size: usize,
    depth: usize,
}

fn extent(node: &Node) -> Extent {
    let own = Extent { size: 1, depth: 1 };
    let add = |sum: Extent, node: &Node| {
        let below = extent(node);
        Extent {
            size: sum.size + below.size,
            depth: sum.depth.max(below.depth + 1),
        }
    };
    match &node.value {
        Value::Null | Value::Text(_) => own,
        Value::List(entries) => entries.iter().fold(own, add),
        Value::Map(pairs) => pairs.iter().map(|(_, node)| node).fold(own, add),
    }
}

fn pairs(children: Vec<Node>) -> Result<Vec<(String, Node)>, String> {
    let mut pairs: Vec<(String, Node)> = Vec::with_capacity(children.len() / 2);
    let mut seen = std::collections::HashSet::new();
    let mut children = children.into_iter();
    while let (Some(key), Some(value)) = (children.next(), children.next()) {
        let Value::Text(name) = key.value else {
            return Err("a key is no text".to_owned());
        };
        if name == "<<" {
            return Err("merge keys (`<<`) are not read: write the keys out".to_owned());
        }
        if !seen.insert(name.clone()) {
            let (name, line) = (quote(&name), key.line);
            return Err(format!(
                "the key `{name}` is given twice, again in line {line}"
            ));
        }
        pairs.push((name, value));
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    fn root(text: &str) -> Node {
        read(text).unwrap().root
    }

    fn error(text: &str) -> String {
        read(text)
            .err()
            .map(|damage| format!("{}: {}", damage.place, damage.reason))
            .unwrap()
    }

    #[test]
    fn the_usual_forms_are_read() {
        let node = root("a: null\nb: [x, 'null']\nc:\n  - d: 1 # one\n    e: |\n      two\n");
        assert!(node.get("a").is_none() && node.get("z").is_none());
        assert_eq!(node.texts("b").unwrap(), ["x", "null"]);
        let Value::List(entries) = &node.get("c").unwrap().value else {
            panic!("{node:?}");
        };
        assert_eq!(entries[0].text("d").unwrap(), Some("1"));
        assert_eq!(entries[0].text("e").unwrap(), Some("two"));
        assert_eq!(entries[0].line, 4);
        assert!(node.text("b").is_err() && node.texts("c").is_err());
        let shared = root("a: &x [1, 2]\nb: *x\n");
        assert_eq!(shared.texts("b").unwrap(), ["1", "2"]);
        assert_eq!(root("# nothing\n").value, Value::Null);
        assert!(read("a: 1\n---\nb: 2\n").unwrap().has_more);
    }

    #[test]
    fn damage_is_refused_with_its_place() {
        assert!(
            error("a: 1\nb: [x\n").contains("line 3"),
            "{}",
            error("a: 1\nb: [x\n")
        );
        assert!(error("a: 1\na: 2\n").contains("given twice"));
        assert!(error("a: *x\n").contains("line 1"));
        assert!(error("a: &x {p: 1}\nb:\n  <<: *x\n").contains("merge keys"));
        assert!(error(&"[".repeat(200)).contains("deeper than 128"));
    }

    /// Nine levels of nine aliases each would be 400 million values.
    #[test]
    fn aliases_do_not_blow_up() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..9 {
            let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
            writeln!(text, "a{level}: &a{level} [{aliases}]").unwrap();
        }
        assert!(error(&text).contains("more than 500000 values"));
        let mut deep = "a0: &a0 [x]\n".to_owned();
        for level in 1..60 {
            writeln!(deep, "a{level}: &a{level} [[[*a{}]]]", level - 1).unwrap();
        }
        assert!(error(&deep).contains("deeper than 128"));
    }
}
