//! Which elements of CycloneDX XML are kept, and what they are in JSON.
//!
//! How they are written is the parent module's work.

/// What an element is, as far as that decides what its children are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The outermost element.
    Bom,
    Metadata,
    Tools,
    Tool,
    Components,
    Component,
    Licenses,
    License,
    Properties,
    Property,
    Evidence,
    Occurrences,
    Occurrence,
    Dependencies,
    Dependency,
    Vulnerabilities,
    Vulnerability,
    Source,
    References,
    Reference,
    Ratings,
    Rating,
    Score,
    Cwes,
    Advisories,
    Advisory,
    Analysis,
    Affects,
    Target,
    /// Nothing is read below.
    Leaf,
}

/// What a kept element becomes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rule {
    /// A text of the object around.
    Text(&'static str),
    /// A number of the object around.
    Number(&'static str),
    /// A number in a list.
    ListedNumber,
    /// A text, in an object of its own, in a list.
    ListedText(&'static str),
    /// An object of the object around.
    Object(&'static str, Place),
    /// A list of the object around.
    List(&'static str, Place),
    /// One or the other.
    Undecided(&'static str, Place),
    /// An object in a list.
    Item(Place),
    /// An object, in an object with this one key, in a list.
    Wrapped(&'static str, Place),
    /// Nothing: what is in it belongs to the object around.
    Through(Place),
    /// What the dependency around depends on.
    DependsOn,
    /// A list of vulnerabilities, wherever it lies.
    Vulnerabilities,
}

impl Rule {
    /// Returns what the element is.
    pub(super) fn place(self) -> Place {
        match self {
            Self::Object(_, place)
            | Self::List(_, place)
            | Self::Undecided(_, place)
            | Self::Item(place)
            | Self::Wrapped(_, place)
            | Self::Through(place) => place,
            Self::DependsOn => Place::Dependency,
            Self::Vulnerabilities => Place::Vulnerabilities,
            Self::Text(_) | Self::Number(_) | Self::ListedNumber | Self::ListedText(_) => {
                Place::Leaf
            }
        }
    }
}

/// Returns the attributes that are kept, under their own names.
pub(super) fn attributes(place: Place) -> &'static [&'static str] {
    match place {
        Place::Component => &["type", "bom-ref"],
        Place::Property | Place::Source => &["name"],
        Place::Dependency => &["ref"],
        Place::Vulnerability => &["bom-ref", "ref"],
        _ => &[],
    }
}

/// Returns what becomes of the element `name` in `place`; none if it is left out.
pub(super) fn rule(place: Place, name: &str) -> Option<Rule> {
    match place {
        Place::Bom => match name {
            "metadata" => Some(Rule::Object("metadata", Place::Metadata)),
            "components" => Some(Rule::List("components", Place::Components)),
            "dependencies" => Some(Rule::List("dependencies", Place::Dependencies)),
            "vulnerabilities" => Some(Rule::Vulnerabilities),
            _ => None,
        },
        Place::Metadata => match name {
            "timestamp" => Some(Rule::Text("timestamp")),
            "tools" => Some(Rule::Undecided("tools", Place::Tools)),
            "component" => Some(Rule::Object("component", Place::Component)),
            _ => None,
        },
        Place::Tools => match name {
            "tool" => Some(Rule::Item(Place::Tool)),
            "components" => Some(Rule::List("components", Place::Components)),
            _ => None,
        },
        Place::Tool => text_of(name, &["name", "version"]),
        Place::Components if name == "component" => Some(Rule::Item(Place::Component)),
        Place::Component => component(name),
        Place::Licenses => match name {
            "license" => Some(Rule::Wrapped("license", Place::License)),
            "expression" => Some(Rule::ListedText("expression")),
            _ => None,
        },
        Place::License => text_of(name, &["id", "name"]),
        Place::Properties if name == "property" => Some(Rule::Item(Place::Property)),
        Place::Evidence if name == "occurrences" => {
            Some(Rule::List("occurrences", Place::Occurrences))
        }
        Place::Occurrences if name == "occurrence" => Some(Rule::Item(Place::Occurrence)),
        Place::Occurrence => text_of(name, &["location"]),
        Place::Dependencies if name == "dependency" => Some(Rule::Item(Place::Dependency)),
        Place::Dependency if name == "dependency" => Some(Rule::DependsOn),
        Place::Vulnerabilities if name == "vulnerability" => Some(Rule::Item(Place::Vulnerability)),
        _ => of_vulnerability(place, name),
    }
}

fn component(name: &str) -> Option<Rule> {
    match name {
        "licenses" => Some(Rule::List("licenses", Place::Licenses)),
        "properties" => Some(Rule::List("properties", Place::Properties)),
        "evidence" => Some(Rule::Object("evidence", Place::Evidence)),
        "components" => Some(Rule::List("components", Place::Components)),
        "vulnerabilities" => Some(Rule::Vulnerabilities),
        _ => text_of(name, &["group", "name", "version", "purl"]),
    }
}

fn of_vulnerability(place: Place, name: &str) -> Option<Rule> {
    match place {
        Place::Vulnerability => vulnerability(name),
        Place::Source => text_of(name, &["name", "url"]),
        Place::References if name == "reference" => Some(Rule::Item(Place::Reference)),
        Place::Reference => text_of(name, &["id"]),
        Place::Ratings if name == "rating" => Some(Rule::Item(Place::Rating)),
        Place::Rating => match name {
            "source" => Some(Rule::Object("source", Place::Source)),
            // A number since 1.4; the old extension has the base score among others in it.
            "score" => Some(Rule::Through(Place::Score)),
            _ => text_of(name, &["severity", "method", "vector"]),
        },
        Place::Score if name == "base" => Some(Rule::Number("score")),
        Place::Cwes if name == "cwe" => Some(Rule::ListedNumber),
        Place::Advisories if name == "advisory" => Some(Rule::Item(Place::Advisory)),
        Place::Advisory => text_of(name, &["title", "url"]),
        Place::Analysis => text_of(name, &["state", "justification", "detail"]),
        Place::Affects if name == "target" => Some(Rule::Item(Place::Target)),
        Place::Target => text_of(name, &["ref"]),
        _ => None,
    }
}

fn vulnerability(name: &str) -> Option<Rule> {
    match name {
        "source" => Some(Rule::Object("source", Place::Source)),
        "references" => Some(Rule::List("references", Place::References)),
        "ratings" => Some(Rule::List("ratings", Place::Ratings)),
        "cwes" => Some(Rule::List("cwes", Place::Cwes)),
        "advisories" => Some(Rule::List("advisories", Place::Advisories)),
        "analysis" => Some(Rule::Object("analysis", Place::Analysis)),
        "affects" => Some(Rule::List("affects", Place::Affects)),
        _ => text_of(
            name,
            &[
                "id",
                "description",
                "detail",
                "recommendation",
                "published",
                "updated",
            ],
        ),
    }
}

/// A text that has the same name in JSON.
fn text_of(name: &str, keys: &[&'static str]) -> Option<Rule> {
    let key = keys.iter().find(|key| **key == name)?;
    Some(Rule::Text(key))
}
