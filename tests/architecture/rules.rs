//! The rules themselves, as functions from a module tree to the lines that break them.
//!
//! Which modules and words the rules are about is the table in `architecture`.

use std::collections::{BTreeMap, BTreeSet};

use super::tokens::tokens;
use super::tree::{File, Path, Tree};

/// Who may import whom: columns from left to right, beside each other in groups that may not.
pub(crate) struct Order {
    columns: Vec<Vec<Vec<String>>>,
}

impl Order {
    /// Reads `a, b <- c | d <- e`: each may import what stands left of it; `,` joins a group that may import
    /// each other, `|` keeps groups of one column apart.
    pub(crate) fn new(line: &str) -> Self {
        let names = |group: &str| {
            group
                .split(',')
                .map(|name| name.trim().to_owned())
                .collect()
        };
        let columns = line
            .split("<-")
            .map(|column| column.split('|').map(names).collect())
            .collect();
        Self { columns }
    }

    fn place(&self, name: &str) -> Option<(usize, usize)> {
        self.columns
            .iter()
            .enumerate()
            .find_map(|(column, groups)| {
                let group = groups
                    .iter()
                    .position(|group| group.iter().any(|known| known == name))?;
                Some((column, group))
            })
    }

    fn allows(&self, from: &str, to: &str) -> bool {
        match (self.place(from), self.place(to)) {
            (Some(from), Some(to)) => to.0 < from.0 || to == from,
            _ => false,
        }
    }
}

/// Holds `order` for the modules directly below `parent` (empty: the crate root). `parent` itself stands in the order
/// under the name `own`, or is not held when there is none. Code compiled for tests only may import `in_tests` too, and
/// modules that are for tests only; these have no place of their own.
pub(crate) fn imports(
    tree: &Tree,
    order: &Order,
    parent: &[&str],
    own: Option<&str>,
    in_tests: &[&str],
) -> Vec<String> {
    let mut broken = Vec::new();
    let below = |path: &[String]| -> Option<String> {
        let rest = parent
            .iter()
            .zip(path)
            .all(|(a, b)| a == b)
            .then(|| path.get(parent.len()..))
            .flatten()?;
        match rest.first() {
            Some(first) if first != "tests" => Some(first.clone()),
            _ => own.map(str::to_owned),
        }
    };
    for file in &tree.files {
        let Some(from) = below(&file.module) else {
            continue;
        };
        if order.place(&from).is_none() {
            if file.test_only {
                continue;
            }
            broken.push(format!(
                "{}:1: {from} has no place in the import order",
                file.name
            ));
            continue;
        }
        for used in &file.uses {
            let named = used
                .path
                .get(..=parent.len())
                .filter(|path| tree.has(path))
                .map(<[String]>::to_vec);
            let home = named.unwrap_or_else(|| tree.home(&used.path));
            let free = |to: &String| {
                used.test_only && (in_tests.contains(&to.as_str()) || tree.is_test_only(&home))
            };
            let to = below(&home);
            if let Some(to) = to.filter(|to| *to != from && !order.allows(&from, to) && !free(to)) {
                broken.push(format!(
                    "{}:{}: {from} must not import {to}",
                    file.name, used.line
                ));
            }
        }
    }
    broken
}

/// Finds circles between modules of the same parent, at every depth. A parent and its own children may name each other.
pub(crate) fn circles(tree: &Tree) -> Vec<String> {
    let mut siblings: BTreeMap<Path, BTreeMap<String, BTreeMap<String, String>>> = BTreeMap::new();
    for file in &tree.files {
        for used in file.uses.iter().filter(|used| !used.test_only) {
            let home = tree.home(&used.path);
            let common = file
                .module
                .iter()
                .zip(&home)
                .take_while(|(a, b)| a == b)
                .count();
            if let (Some(from), Some(to)) = (file.module.get(common), home.get(common)) {
                let place = format!("{}:{}", file.name, used.line);
                let graph = siblings.entry(home[..common].to_vec()).or_default();
                graph
                    .entry(from.clone())
                    .or_default()
                    .entry(to.clone())
                    .or_insert(place);
            }
        }
    }
    let mut found = Vec::new();
    for graph in siblings.values() {
        let mut done = BTreeSet::new();
        for start in graph.keys() {
            walk(graph, start, &mut Vec::new(), &mut done, &mut found);
        }
    }
    found
}

fn walk(
    graph: &BTreeMap<String, BTreeMap<String, String>>,
    at: &str,
    trail: &mut Vec<(String, String)>,
    done: &mut BTreeSet<String>,
    found: &mut Vec<String>,
) {
    if let Some(start) = trail.iter().position(|(name, _)| name == at) {
        let round: Vec<String> = trail[start..]
            .iter()
            .map(|(name, place)| format!("{name} ({place})"))
            .collect();
        found.push(format!("circle: {} -> {at}", round.join(" -> ")));
        return;
    }
    if done.contains(at) {
        return;
    }
    for (to, place) in graph.get(at).into_iter().flatten() {
        trail.push((at.to_owned(), place.clone()));
        walk(graph, to, trail, done, found);
        trail.pop();
    }
    done.insert(at.to_owned());
}

/// Words that belong to some modules only.
pub(crate) struct Reserved {
    /// Paths or macros, such as `env::var` or `println!`.
    pub(crate) words: &'static [&'static str],
    /// The modules that may use them, with everything below.
    pub(crate) only_in: &'static [&'static str],
    /// Whether code compiled for tests only may use them anywhere.
    pub(crate) free_in_tests: bool,
}

/// Holds that reserved words stand only where they belong.
pub(crate) fn reserved(tree: &Tree, rules: &[Reserved]) -> Vec<String> {
    let mut broken = Vec::new();
    for rule in rules {
        for word in rule.words {
            let wanted: Vec<String> = tokens(word).into_iter().map(|token| token.text).collect();
            for file in tree
                .files
                .iter()
                .filter(|file| !rule.only_in.iter().any(|module| within(file, module)))
            {
                for window in file.tokens.windows(wanted.len()) {
                    let (first, test) = &window[0];
                    let free = rule.free_in_tests && (*test || file.test_only);
                    if !free && window.iter().map(|(token, _)| &token.text).eq(&wanted) {
                        let places = rule.only_in.join(", ");
                        broken.push(format!(
                            "{}:{}: {word} belongs in {places}",
                            file.name, first.line
                        ));
                    }
                }
            }
        }
    }
    broken
}

fn within(file: &File, module: &str) -> bool {
    let module: Vec<&str> = module.split("::").collect();
    module.len() <= file.module.len() && module.iter().zip(&file.module).all(|(a, b)| a == b)
}

/// The most lines a file may have.
pub(crate) const MOST_LINES: usize = 600;

/// Holds that files stay small enough to be read at once.
pub(crate) fn length(tree: &Tree) -> Vec<String> {
    let lines = |file: &File| file.text.lines().count();
    let long = tree.files.iter().filter(|file| lines(file) > MOST_LINES);
    long.map(|file| format!("{}: {} lines, {MOST_LINES} at most", file.name, lines(file)))
        .collect()
}

/// Holds that a file opens by saying what it holds; with `limits`, also, in a paragraph of its own, what it does not.
pub(crate) fn opening(tree: &Tree, limits: impl Fn(&File) -> bool) -> Vec<String> {
    let mut broken = Vec::new();
    for file in &tree.files {
        let comment: Vec<&str> = file
            .text
            .lines()
            .map_while(|line| line.strip_prefix("//!"))
            .map(str::trim)
            .collect();
        let first = comment.first().copied().unwrap_or_default();
        if first.is_empty() {
            broken.push(format!(
                "{}:1: does not open with `//!` and what it holds",
                file.name
            ));
        } else if limits(file)
            && !comment
                .iter()
                .skip_while(|line| !line.is_empty())
                .any(|line| !line.is_empty())
        {
            broken.push(format!(
                "{}:1: its `//!` has no second paragraph: what must not go there",
                file.name
            ));
        }
    }
    broken
}
