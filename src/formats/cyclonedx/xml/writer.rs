//! The JSON that CycloneDX XML becomes, written while the elements are read.
//!
//! What an element becomes is said in `rules`; reading the XML is the parent module's work.

use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, BytesStart};
use quick_xml::name::{Namespace, ResolveResult};

use super::rules::{Place as In, Rule, attributes, rule};
use crate::formats::error::quote;
use crate::formats::sbom::WRITTEN;

/// The namespaces of the specification, without the version.
pub(super) const NAMESPACE: &str = "http://cyclonedx.org/schema/bom/";

/// Extensions of old versions that became part of the specification.
const EXTENSIONS: [&str; 2] = [
    "http://cyclonedx.org/schema/ext/vulnerability/",
    "http://cyclonedx.org/schema/ext/dependency-graph/",
];

/// Returns a safe quotation of a reason.
pub(super) fn quote_long(reason: &str) -> String {
    crate::text::Safe::limited(reason, 200).as_str().to_owned()
}

/// Whose element it is.
pub(super) enum Known {
    /// The specification's, in this version; named of the outermost element only.
    Core(String),
    /// An extension's that is read.
    Extension,
    /// Somebody else's.
    Foreign,
}

impl Known {
    pub(super) fn of(namespace: &ResolveResult<'_>, is_outermost: bool) -> Self {
        let ResolveResult::Bound(Namespace(name)) = namespace else {
            return Self::Foreign;
        };
        match name.strip_prefix(NAMESPACE) {
            Some(version) if is_outermost => Self::Core(version.trim().to_owned()),
            Some(_) => Self::Core(String::new()),
            None if EXTENSIONS.iter().any(|known| name.starts_with(known)) => Self::Extension,
            None => Self::Foreign,
        }
    }
}

/// An open element that is kept.
struct Frame {
    place: In,
    shape: Shape,
    /// Whether a member was written already.
    is_begun: bool,
    /// Of a dependency whether the list of what it depends on is open.
    is_listing: bool,
    /// The text in it, where that counts.
    text: Option<String>,
    /// Of a component its reference; of a list of vulnerabilities the component's that holds it.
    reference: Option<String>,
}

/// What an element is in JSON.
enum Shape {
    Object,
    /// An object in an object of one member.
    Wrapped,
    List,
    /// A list or an object: the first element in it decides.
    Undecided,
    /// Nothing of its own.
    Through,
    /// A list that is written to the side, for the end of the document.
    Aside,
    /// A text of its parent under this key.
    Text(&'static str),
    /// The same as a number.
    Number(&'static str),
    /// A number in a list.
    ListedNumber,
    /// A text in an object of its own in a list.
    ListedText(&'static str),
}

/// The JSON so far.
#[derive(Default)]
pub(super) struct Writer {
    out: String,
    aside: String,
    is_aside: bool,
    has_aside: bool,
    frames: Vec<Frame>,
    /// How many elements are open that are left out.
    skipped: usize,
    components: usize,
}

impl Writer {
    pub(super) fn depth(&self) -> usize {
        self.frames.len() + self.skipped
    }

    pub(super) fn start(&mut self, known: &Known, element: &BytesStart<'_>) -> Result<(), String> {
        let name = element.local_name();
        let name = name.into_inner();
        let Some(place) = self.frames.last().map(|frame| frame.place) else {
            return self.root(known, name);
        };
        let found = match known {
            _ if self.skipped > 0 => None,
            Known::Foreign => None,
            Known::Core(_) | Known::Extension => {
                rule(place, name).filter(|found| self.fits(*found))
            }
        };
        let Some(found) = found else {
            self.skipped += 1;
            return Ok(());
        };
        let mut given = Vec::new();
        let place = found.place();
        // Not checked for repetition, which costs the square of their number: a key that is
        // written twice is refused when the JSON is read.
        for attribute in element.attributes().with_checks(false) {
            let attribute = attribute.map_err(|error| quote_long(&error.to_string()))?;
            let key = attributes(place)
                .iter()
                .find(|key| **key == attribute.key.0);
            if let Some(key) = key {
                let value = attribute
                    .normalized_value(quick_xml::XmlVersion::Implicit1_0)
                    .map_err(|error| quote_long(&error.to_string()))?;
                given.push((*key, value.into_owned()));
            }
        }
        self.open(found, given);
        Ok(())
    }

    fn root(&mut self, known: &Known, name: &str) -> Result<(), String> {
        let Known::Core(version) = known else {
            return Err(format!("`{}` is no CycloneDX document", quote(name)));
        };
        if name != "bom" {
            return Err(format!("`{}` is no CycloneDX `bom`", quote(name)));
        }
        self.out.push('{');
        self.push(In::Bom, Shape::Object);
        self.member(WRITTEN);
        self.out.push_str("\"xml\"");
        self.member("bomFormat");
        self.out.push_str("\"CycloneDX\"");
        self.member("specVersion");
        self.out.push_str(&string(version));
        Ok(())
    }

    fn push(&mut self, place: In, shape: Shape) {
        let keeps_text = matches!(
            shape,
            Shape::Text(_) | Shape::Number(_) | Shape::ListedNumber | Shape::ListedText(_)
        ) || matches!(place, In::Property | In::Advisory | In::Score);
        self.frames.push(Frame {
            place,
            shape,
            is_begun: false,
            is_listing: false,
            text: keeps_text.then(String::new),
            reference: None,
        });
    }

    fn sink(&mut self) -> &mut String {
        if self.is_aside {
            &mut self.aside
        } else {
            &mut self.out
        }
    }

    fn write(&mut self, text: &str) {
        self.sink().push_str(text);
    }

    /// Separates the next member or entry from the one before.
    fn separate(&mut self) {
        // What is written through belongs to the object around.
        let frame = self
            .frames
            .iter_mut()
            .rev()
            .find(|frame| !matches!(frame.shape, Shape::Through));
        if let Some(frame) = frame
            && std::mem::replace(&mut frame.is_begun, true)
        {
            self.sink().push(',');
        }
    }

    fn member(&mut self, key: &str) {
        self.separate();
        let key = string(key);
        let sink = self.sink();
        sink.push_str(&key);
        sink.push(':');
    }

    fn text_member(&mut self, key: &str, value: &str) {
        self.member(key);
        self.write(&string(value));
    }

    /// Returns whether the element fits to what was decided.
    fn fits(&self, rule: Rule) -> bool {
        let is_item = matches!(rule, Rule::Item(In::Tool));
        match self.frames.last() {
            Some(frame) if frame.place == In::Tools => match frame.shape {
                Shape::List => is_item,
                Shape::Object => !is_item,
                _ => true,
            },
            _ => true,
        }
    }

    /// Decides what `tools` is: a list until 1.4, an object since 1.5.
    fn decide(&mut self, is_list: bool) {
        if let Some(frame) = self.frames.last_mut()
            && matches!(frame.shape, Shape::Undecided)
        {
            frame.shape = if is_list { Shape::List } else { Shape::Object };
            self.write(if is_list { "[" } else { "{" });
        }
    }

    fn open(&mut self, rule: Rule, given: Vec<(&'static str, String)>) {
        self.decide(matches!(rule, Rule::Item(In::Tool)));
        match rule {
            Rule::Text(key) => self.push(In::Leaf, Shape::Text(key)),
            Rule::Number(key) => self.push(In::Leaf, Shape::Number(key)),
            Rule::ListedNumber => self.push(In::Leaf, Shape::ListedNumber),
            Rule::ListedText(key) => self.push(In::Leaf, Shape::ListedText(key)),
            Rule::Through(place) => self.push(place, Shape::Through),
            Rule::Object(key, place) => {
                self.member(key);
                self.write("{");
                self.push(place, Shape::Object);
            }
            Rule::Undecided(key, place) => {
                self.member(key);
                self.push(place, Shape::Undecided);
            }
            Rule::List(key, place) => {
                self.member(key);
                self.write("[");
                self.push(place, Shape::List);
            }
            Rule::Item(place) => {
                self.separate();
                self.write("{");
                self.push(place, Shape::Object);
            }
            Rule::Wrapped(key, place) => {
                self.separate();
                let open = format!("{{{}:{{", string(key));
                self.write(&open);
                self.push(place, Shape::Wrapped);
            }
            Rule::DependsOn => self.depend(&given),
            Rule::Vulnerabilities => self.open_aside(),
        }
        if !matches!(rule, Rule::DependsOn) {
            self.begin(given);
        }
    }

    /// Writes the attributes of the element that was opened.
    fn begin(&mut self, given: Vec<(&'static str, String)>) {
        let place = self.frames.last().map(|frame| frame.place);
        if place == Some(In::Vulnerability) {
            let holder = self.frames.iter().rev().nth(1);
            let holder = holder.and_then(|frame| frame.reference.clone());
            let named = given.iter().find(|(key, _)| *key == "ref");
            if let Some(reference) = holder.or_else(|| named.map(|(_, value)| value.clone())) {
                self.member("affects");
                let entry = format!("[{{\"ref\":{}}}]", string(&reference));
                self.write(&entry);
            }
        }
        for (key, value) in given {
            if place == Some(In::Vulnerability) && key == "ref" {
                continue;
            }
            self.text_member(key, &value);
            if key == "bom-ref"
                && let Some(frame) = self.frames.last_mut()
            {
                frame.reference = Some(value);
            }
        }
    }

    /// Vulnerabilities of old versions lie in their component, which needs a name for that.
    fn open_aside(&mut self) {
        let holder = self.frames.last();
        let in_component = holder.is_some_and(|frame| frame.place == In::Component);
        let mut reference = holder
            .filter(|_| in_component)
            .and_then(|frame| frame.reference.clone());
        if in_component && reference.is_none() {
            self.components += 1;
            let made = format!("countersign:component-{}", self.components);
            self.text_member("bom-ref", &made);
            if let Some(frame) = self.frames.last_mut() {
                frame.reference = Some(made.clone());
            }
            reference = Some(made);
        }
        self.has_aside = true;
        self.is_aside = true;
        self.push(In::Vulnerabilities, Shape::Aside);
        if let Some(frame) = self.frames.last_mut() {
            frame.is_begun = !self.aside.is_empty();
            frame.reference = reference;
        }
    }

    /// What a component depends on lies in it, and is a list of its own in JSON.
    fn depend(&mut self, given: &[(&'static str, String)]) {
        let is_listing = self.frames.last().is_some_and(|frame| frame.is_listing);
        if !is_listing {
            self.member("dependsOn");
            self.write("[");
            if let Some(frame) = self.frames.last_mut() {
                frame.is_listing = true;
                frame.is_begun = false;
            }
        }
        if let Some((_, reference)) = given.first() {
            self.separate();
            self.write(&string(reference));
        }
        self.push(In::Leaf, Shape::Through);
    }

    pub(super) fn text(&mut self, content: &str) {
        if self.skipped == 0
            && let Some(text) = self.frames.last_mut().and_then(|frame| frame.text.as_mut())
        {
            text.push_str(content);
        }
    }

    pub(super) fn entity(&mut self, entity: &BytesRef<'_>) -> Result<(), String> {
        let is_kept = self.skipped == 0 && self.frames.last().is_some_and(|it| it.text.is_some());
        if !is_kept {
            return Ok(());
        }
        let character = entity
            .resolve_char_ref()
            .map_err(|error| quote_long(&error.to_string()))?;
        if let Some(character) = character {
            self.text(character.encode_utf8(&mut [0; 4]));
            return Ok(());
        }
        let known = resolve_predefined_entity(entity)
            .ok_or_else(|| format!("the entity `{}` is not expanded", quote(entity)))?;
        self.text(known);
        Ok(())
    }

    /// Writes the text of an element that has members too.
    fn own_text(&mut self) {
        let Some(frame) = self.frames.last_mut() else {
            return;
        };
        let key = match frame.place {
            In::Property => "value",
            // The old extension has the address alone.
            In::Advisory if !frame.is_begun => "url",
            In::Score => "score",
            _ => return,
        };
        let is_number = frame.place == In::Score;
        let text = frame.text.take().unwrap_or_default();
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        self.member(key);
        self.write(&if is_number {
            number(text)
        } else {
            string(text)
        });
    }

    /// Closes an element; returns whether it was the outermost.
    pub(super) fn end(&mut self) -> bool {
        if self.skipped > 0 {
            self.skipped -= 1;
            return false;
        }
        self.own_text();
        let Some(frame) = self.frames.pop() else {
            return true;
        };
        let text = frame.text.as_deref().unwrap_or_default().trim();
        match frame.shape {
            Shape::Object if frame.is_listing => self.write("]}"),
            Shape::Object if frame.place == In::Bom => {}
            Shape::Object => self.write("}"),
            Shape::Wrapped => self.write("}}"),
            Shape::List => self.write("]"),
            Shape::Undecided => self.write("[]"),
            Shape::Through => {}
            Shape::Aside => self.is_aside = false,
            Shape::Text(key) => self.text_member(key, text),
            Shape::Number(key) => {
                // Grype of that time writes 0 where it knows no score.
                if text.parse::<f64>() != Ok(0.0) {
                    self.member(key);
                    self.write(&number(text));
                }
            }
            Shape::ListedNumber => {
                self.separate();
                self.write(&number(text));
            }
            Shape::ListedText(key) => {
                self.separate();
                let entry = format!("{{{}:{}}}", string(key), string(text));
                self.write(&entry);
            }
        }
        self.frames.is_empty()
    }

    pub(super) fn finish(mut self) -> String {
        if self.has_aside {
            let aside = std::mem::take(&mut self.aside);
            self.out.push_str(",\"vulnerabilities\":[");
            self.out.push_str(&aside);
            self.out.push(']');
        }
        self.out.push('}');
        self.out
    }
}

/// A JSON string.
fn string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A JSON number; what is none stays a string, which the reader then refuses.
fn number(text: &str) -> String {
    match serde_json::from_str::<serde_json::Number>(text) {
        Ok(number) => number.to_string(),
        Err(_not_a_number) => string(text),
    }
}
