//! The module tree of a crate as its files declare it: paths used, modules declared, test regions.
//!
//! No rule is held here; what may be used where is in `rules`.

use std::collections::{BTreeMap, BTreeSet};

use super::tokens::{Token, tokens};

/// A module path below the crate root, such as `["tui", "runtime"]`; the root itself is empty.
pub(crate) type Path = Vec<String>;

/// One source file, read.
pub(crate) struct File {
    /// Path of the file, such as `src/tui/runtime.rs`.
    pub(crate) name: String,
    /// The module the file is.
    pub(crate) module: Path,
    /// The text as it stands in the file.
    pub(crate) text: String,
    /// The text's tokens, each with whether it is compiled for tests only.
    pub(crate) tokens: Vec<(Token, bool)>,
    /// Whether the whole file is compiled for tests only.
    pub(crate) test_only: bool,
    /// Every path that starts at the crate root or climbs with `super`.
    pub(crate) uses: Vec<Use>,
    /// Modules declared with `mod name;`, each with whether that is for tests only.
    pub(crate) declares: Vec<(String, bool)>,
}

/// A path of this crate that a file names.
#[derive(Clone, Debug)]
pub(crate) struct Use {
    /// From the crate root on, items included: `["model", "Digest"]`.
    pub(crate) path: Path,
    /// Line, counted from one.
    pub(crate) line: usize,
    /// Whether it stands in code that is compiled for tests only.
    pub(crate) test_only: bool,
    /// The name it is passed on under, when it is a `pub use`.
    passed_on: Option<String>,
}

/// All files of one crate.
pub(crate) struct Tree {
    /// The files, in the order of their modules.
    pub(crate) files: Vec<File>,
    modules: BTreeSet<Path>,
    passed_on: BTreeMap<Path, Path>,
}

impl Tree {
    /// Reads files given as (path from the project's folder, text).
    pub(crate) fn new(sources: &[(String, String)]) -> Self {
        let mut files: Vec<File> = sources
            .iter()
            .map(|(name, text)| File::new(name, text))
            .collect();
        files.sort_by(|a, b| a.module.cmp(&b.module));
        let declared_for_tests: BTreeSet<Path> = files
            .iter()
            .flat_map(|file| {
                file.declares
                    .iter()
                    .filter(|(_, test)| *test)
                    .map(|(name, _)| child(&file.module, name))
            })
            .collect();
        for file in &mut files {
            file.test_only =
                (1..=file.module.len()).any(|n| declared_for_tests.contains(&file.module[..n]));
            let test_only = file.test_only;
            file.uses
                .iter_mut()
                .for_each(|used| used.test_only |= test_only);
        }
        let passed_on = files.iter().flat_map(|file| {
            file.uses.iter().filter_map(|used| {
                Some((
                    child(&file.module, used.passed_on.as_ref()?),
                    used.path.clone(),
                ))
            })
        });
        Self {
            modules: files.iter().map(|file| file.module.clone()).collect(),
            passed_on: passed_on.collect(),
            files,
        }
    }

    /// Returns the module that defines what `path` names, following `pub use`.
    pub(crate) fn home(&self, path: &[String]) -> Path {
        let mut path = path.to_vec();
        for _ in 0..8 {
            let depth = (0..=path.len())
                .rev()
                .find(|n| self.modules.contains(&path[..*n]))
                .unwrap_or(0);
            let passed = path.get(..=depth).and_then(|name| self.passed_on.get(name));
            match passed {
                Some(target) if *target != path => {
                    path = target.iter().chain(&path[depth + 1..]).cloned().collect();
                }
                _ => {
                    path.truncate(depth);
                    break;
                }
            }
        }
        path
    }

    /// Returns whether `path` names a module that is compiled for tests only.
    pub(crate) fn is_test_only(&self, path: &[String]) -> bool {
        let home = self.home(path);
        self.files
            .iter()
            .any(|file| file.test_only && file.module == home)
    }

    /// Returns whether `path` names a file's module.
    pub(crate) fn has(&self, path: &[String]) -> bool {
        self.modules.contains(path)
    }

    /// Returns the files that no `mod name;` declares, so that they are never compiled.
    pub(crate) fn undeclared(&self) -> Vec<String> {
        let declared: BTreeSet<Path> = self
            .files
            .iter()
            .flat_map(|file| {
                file.declares
                    .iter()
                    .map(|(name, _)| child(&file.module, name))
            })
            .collect();
        let roots = |file: &&File| {
            !file.module.is_empty() && file.module != ["main"] && !declared.contains(&file.module)
        };
        self.files
            .iter()
            .filter(roots)
            .map(|file| format!("{}: declared by no `mod`", file.name))
            .collect()
    }
}

fn child(parent: &[String], name: &str) -> Path {
    parent.iter().cloned().chain([name.to_owned()]).collect()
}

impl File {
    fn new(name: &str, text: &str) -> Self {
        let inside = name.split_once('/').map_or(name, |(_, rest)| rest);
        let stem = inside.strip_suffix(".rs").unwrap_or(inside);
        let root = matches!(stem, "lib" | "suite" | "mod");
        let module: Path = if root {
            Path::new()
        } else {
            stem.split('/').map(str::to_owned).collect()
        };
        let mut scan = Scan {
            tokens: tokens(text),
            test: Vec::new(),
            module: module.clone(),
            inline: Vec::new(),
            uses: Vec::new(),
            declares: Vec::new(),
        };
        scan.run();
        let Scan {
            tokens,
            test,
            uses,
            declares,
            ..
        } = scan;
        let tokens = tokens.into_iter().zip(test).collect();
        Self {
            name: name.to_owned(),
            module,
            text: text.to_owned(),
            tokens,
            test_only: false,
            uses,
            declares,
        }
    }
}

/// The one pass over a file's tokens.
struct Scan {
    tokens: Vec<Token>,
    test: Vec<bool>,
    module: Path,
    inline: Vec<(String, usize)>,
    uses: Vec<Use>,
    declares: Vec<(String, bool)>,
}

impl Scan {
    fn text(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| token.text.as_str())
    }

    fn run(&mut self) {
        let mut depth = 0_usize;
        // The depth at which a `cfg(test)` item began, and whether its body has been entered.
        let mut test: Option<(usize, bool)> = None;
        let mut passing_on = false;
        for at in 0..self.tokens.len() {
            self.test.push(test.is_some());
            match self.text(at) {
                "#" if test.is_none() && self.is_test_attribute(at) => test = Some((depth, false)),
                "{" => {
                    test = test.map(|(start, entered)| (start, entered || start == depth));
                    depth += 1;
                }
                "}" => {
                    depth = depth.saturating_sub(1);
                    test = test.filter(|(start, entered)| !(*entered && *start == depth));
                    while self.inline.last().is_some_and(|(_, start)| *start >= depth) {
                        self.inline.pop();
                    }
                }
                ";" => {
                    test = test.filter(|(start, _)| *start != depth);
                    passing_on = false;
                }
                "use" => passing_on = at > 0 && matches!(self.text(at - 1), "pub" | ")"),
                "mod" => self.module_item(at, depth, test.is_some()),
                _ => {}
            }
            if self.test.last() == Some(&false) && test.is_some() {
                self.test.pop();
                self.test.push(true);
            }
            self.path_at(at, passing_on);
        }
    }

    /// Returns whether an attribute at `at` is `cfg(test)` or a combination that names `test` (but not `not(test)`).
    fn is_test_attribute(&self, at: usize) -> bool {
        let end = (at..self.tokens.len())
            .find(|n| self.text(*n) == "]")
            .unwrap_or(at);
        let words: Vec<&str> = (at..end)
            .map(|n| self.text(n))
            .filter(|t| t.chars().all(char::is_alphanumeric))
            .collect();
        words.first() == Some(&"cfg") && words.contains(&"test") && !words.contains(&"not")
    }

    fn module_item(&mut self, at: usize, depth: usize, test: bool) {
        let name = self.text(at + 1).to_owned();
        match self.text(at + 2) {
            "{" => self.inline.push((name, depth)),
            ";" => self.declares.push((name, test)),
            _ => {}
        }
    }

    /// Records the path that begins at `at`, if one of this crate does.
    fn path_at(&mut self, at: usize, passing_on: bool) {
        if self.text(at + 1) != "::" || (at > 0 && self.text(at - 1) == "::") {
            return;
        }
        let mut here: Path = self.module.clone();
        here.extend(self.inline.iter().map(|(name, _)| name.clone()));
        let mut next = at + 2;
        let base = match self.text(at) {
            "crate" => Path::new(),
            "self" => here,
            "super" => {
                here.pop();
                while self.text(next) == "super" && self.text(next + 1) == "::" {
                    here.pop();
                    next += 2;
                }
                here
            }
            // `pub use digest::Digest;` begins at a module declared here.
            _ if passing_on && self.text(at - usize::from(at > 0)) == "use" => {
                next = at;
                here
            }
            _ => return,
        };
        self.branch(base, next, passing_on);
    }

    /// Follows one branch of a path or `use` tree from `at`; returns where it ends.
    fn branch(&mut self, mut path: Path, mut at: usize, passing_on: bool) -> usize {
        let line = self.tokens.get(at).map_or(0, |token| token.line);
        loop {
            if self.text(at) == "{" {
                at += 1;
                while !matches!(self.text(at), "}" | "") {
                    let end = self.branch(path.clone(), at, passing_on);
                    at = if self.text(end) == "," {
                        end + 1
                    } else {
                        end.max(at + usize::from(self.text(end) != "}"))
                    };
                }
                return at + 1;
            }
            if !self.tokens.get(at).is_some_and(Token::is_word) {
                break;
            }
            if self.text(at) != "self" {
                path.push(self.text(at).to_owned());
            }
            at += 1;
            if self.text(at) != "::" {
                break;
            }
            at += 1;
        }
        if self.text(at) == "*" {
            at += 1;
        }
        let mut name = path.last().cloned();
        if self.text(at) == "as" {
            name = Some(self.text(at + 1).to_owned());
            at += 2;
        }
        let test_only = self.test.last() == Some(&true);
        self.uses.push(Use {
            path,
            line,
            test_only,
            passed_on: name.filter(|_| passing_on),
        });
        at
    }
}
