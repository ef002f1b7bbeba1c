//! Checks of how an image was built, as far as its history tells.
//!
//! What it is run with is checked in `execution`.

use super::execution::is_latest;
use super::rule::{
    ADD_FROM_URL, CREDENTIAL_IN_HISTORY, DOWNLOAD_TO_SHELL, LATEST_BASE, PACKAGE_CACHE,
    SECRET_IN_HISTORY, SENSITIVE_FILE, SETUID_SET, SUDO, UNVERIFIED_DOWNLOAD, WORLD_WRITABLE,
};
use super::{Found, Seen};
use crate::model::Digest;
use crate::model::oci::ImageConfig;
use crate::text::secret::{MASK, credential};

/// The longest part of a step that a finding repeats.
const SHOWN: usize = 400;

/// Checks every step.
pub(super) fn check(config: &ImageConfig, found: &mut Found) {
    let made = config
        .history
        .iter()
        .filter(|step| !step.empty_layer)
        .count();
    let diff_ids = &config.rootfs.diff_ids;
    let mut layers = diff_ids.iter().filter(|_| made == diff_ids.len());
    let env: Vec<&str> = config
        .config
        .env
        .iter()
        .flatten()
        .map(String::as_str)
        .collect();
    for (number, step) in config.history.iter().enumerate() {
        let layer = if step.empty_layer {
            None
        } else {
            layers.next()
        };
        let step_place = Place {
            name: format!("history[{number}]"),
            layer,
        };
        if let Some(base) = step
            .comment
            .strip_prefix("FROM ")
            .filter(|base| is_latest(base))
        {
            let title = format!("the base image {base} is named by a tag that moves");
            found.add(&LATEST_BASE, step_place.seen(title, &step.comment));
        }
        let step = Step::read(&step.created_by);
        secrets(&step, &env, &step_place, found);
        match step.instruction {
            "RUN" => run(&step, &env, &step_place, found),
            "ADD" | "COPY" => copy(&step, &step_place, found),
            _ => {}
        }
    }
}

struct Place<'a> {
    name: String,
    layer: Option<&'a Digest>,
}

impl Place<'_> {
    fn seen(&self, title: impl Into<String>, saw: &str) -> Seen {
        let squeezed: Vec<&str> = saw.split_whitespace().collect();
        let squeezed = squeezed.join(" ");
        let mut shown: String = squeezed.chars().take(SHOWN).collect();
        if shown.len() < squeezed.len() {
            shown.push('…');
        }
        Seen {
            layer: self.layer.cloned(),
            ..Seen::at(&self.name, title, shown)
        }
    }
}

/// One step, in either builder's writing.
struct Step<'a> {
    instruction: &'a str,
    /// Build arguments of a `RUN`: `|2 A=x B=y`.
    arguments: &'a str,
    body: &'a str,
    whole: &'a str,
}

impl<'a> Step<'a> {
    /// The old builder writes `/bin/sh -c #(nop) ADD …` and `|1 A=x /bin/sh -c make`, the new one
    /// `ADD … # buildkit` and `RUN |1 A=x /bin/sh -c make # buildkit`.
    fn read(created_by: &'a str) -> Self {
        let whole = created_by.trim();
        let text = whole.strip_suffix("# buildkit").unwrap_or(whole).trim();
        let text = match text.split_once("#(nop)") {
            Some((shell, rest)) if shell.len() < 24 => rest.trim(),
            _ => text,
        };
        let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let declared = [
            "ADD",
            "COPY",
            "ENV",
            "ARG",
            "LABEL",
            "CMD",
            "ENTRYPOINT",
            "FROM",
        ];
        let (instruction, body) = match word {
            "RUN" => ("RUN", rest),
            _ if declared.contains(&word) => (word, rest),
            _ if text.starts_with('|') || text.starts_with("/bin/") || text.starts_with("set ") => {
                ("RUN", text)
            }
            _ => ("", text),
        };
        let shell = (instruction == "RUN").then(|| body.split_once("sh -c "));
        let (arguments, body) = shell.flatten().unwrap_or(("", body));
        Self {
            instruction,
            arguments: arguments.trim_end_matches(|c: char| !c.is_whitespace()),
            body,
            whole,
        }
    }

    /// The pipelines of the script, each a list of commands, each a list of words.
    fn pipelines(&self) -> Vec<Vec<Vec<&'a str>>> {
        let parts = self
            .body
            .split(['\n', ';'])
            .flat_map(|part| part.split("&&"));
        parts
            .flat_map(|part| part.split("||"))
            .map(|pipeline| {
                let commands = pipeline.split('|').map(|command| {
                    let quotes = |c: char| matches!(c, '"' | '\'' | '(' | ')' | '{' | '}' | '`');
                    let words = command
                        .split_whitespace()
                        .map(|word| word.trim_matches(quotes));
                    words.filter(|word| !word.is_empty()).collect()
                });
                commands.collect()
            })
            .collect()
    }
}

/// A variable that is still in the environment is found there.
fn secrets(step: &Step<'_>, env: &[&str], place: &Place<'_>, found: &mut Found) {
    if !step.whole.contains(MASK) {
        return;
    }
    let declared = step.instruction == "ENV";
    let known = declared
        && env
            .iter()
            .filter(|pair| pair.contains(MASK))
            .any(|pair| step.whole.contains(*pair));
    if known {
        return;
    }
    let shown = match step.instruction {
        "" => "step",
        instruction => instruction,
    };
    if let Some(shape) = credential(step.whole) {
        let title = format!("a credential is in the history ({shown}): {shape}");
        found.add(&CREDENTIAL_IN_HISTORY, place.seen(title, step.whole));
    } else {
        let title = format!("a secret is in the history ({shown}), by the name before it");
        found.add(&SECRET_IN_HISTORY, place.seen(title, step.whole));
    }
}

fn copy(step: &Step<'_>, place: &Place<'_>, found: &mut Found) {
    let words: Vec<&str> = step.body.split_whitespace().collect();
    let flag = |name: &str| words.iter().find_map(|word| word.strip_prefix(name));
    let operands = || words.iter().filter(|word| !word.starts_with("--"));
    if step.instruction == "ADD" && flag("--checksum=").is_none() {
        let address = operands().find(|word| is_address(word) && !is_pinned(word));
        if let Some(address) = address {
            let title = format!("ADD fetches {address}, and nothing pins what it gets");
            found.add(&ADD_FROM_URL, place.seen(title, step.whole));
        }
    }
    if let Some(mode) = flag("--chmod=") {
        permissions(&[mode], place, step.whole, found);
    }
    if let Some(name) = operands().find(|word| is_sensitive(word)) {
        let title = format!("{} brings {name} into the image", step.instruction);
        found.add(&SENSITIVE_FILE, place.seen(title, step.whole));
    }
    if operands().any(|word| word.contains("sudoers")) {
        let title = "rules of sudo are brought into the image";
        found.add(&SUDO, place.seen(title, step.whole));
    }
}

fn is_address(word: &str) -> bool {
    ["https://", "http://", "git://", "git@", "ftp://"]
        .iter()
        .any(|start| word.starts_with(start))
}

/// A commit pins what is fetched from a repository.
fn is_pinned(word: &str) -> bool {
    word.rsplit_once('#').is_some_and(|(_, fragment)| {
        let commit = fragment.split(':').next().unwrap_or_default();
        commit.len() == 40 && commit.chars().all(|c| c.is_ascii_hexdigit())
    })
}

/// Judges by the file's name alone; certificates are public, and so are `.pem` bundles of them.
fn is_sensitive(word: &str) -> bool {
    const NAMES: [&str; 16] = [
        ".env",
        ".npmrc",
        ".pypirc",
        ".netrc",
        ".git",
        ".aws",
        ".ssh",
        ".kube",
        ".docker",
        "id_rsa",
        "id_dsa",
        "id_ecdsa",
        "id_ed25519",
        ".git-credentials",
        "credentials.json",
        "kubeconfig",
    ];
    const ENDINGS: [&str; 7] = [
        ".key",
        "-key.pem",
        ".p12",
        ".pfx",
        ".jks",
        ".keystore",
        ".kdbx",
    ];
    let harmless = [".example", ".sample", ".template", ".dist"];
    let path = word.trim_end_matches('/');
    let name = path.rsplit('/').next().unwrap_or_default();
    let named = NAMES.contains(&name)
        || path.contains("/.ssh/")
        || path.ends_with(".aws/credentials")
        || name.strip_prefix(".env.").is_some()
        || ENDINGS
            .iter()
            .any(|ending| name.len() > ending.len() && name.ends_with(ending));
    named && !harmless.iter().any(|ending| name.ends_with(ending))
}

fn run(step: &Step<'_>, env: &[&str], place: &Place<'_>, found: &mut Found) {
    let pipelines = step.pipelines();
    let body = step.body;
    let substituted = [
        "sh -c $(curl",
        "sh -c \"$(curl",
        "sh -c '$(curl",
        "eval $(curl",
        "eval \"$(curl",
        "<(curl",
        "sh -c \"$(wget",
        "<(wget",
    ];
    if pipelines.iter().any(|pipeline| is_run_unseen(pipeline))
        || substituted.iter().any(|text| body.contains(text))
    {
        let title = "a download is run without being looked at";
        found.add(&DOWNLOAD_TO_SHELL, place.seen(title, body));
    }
    let commands: Vec<&Vec<&str>> = pipelines.iter().flatten().collect();
    if let Some(switch) = commands.iter().find_map(|words| unverified(words)) {
        let title = format!("checks of a download are switched off: {switch}");
        found.add(&UNVERIFIED_DOWNLOAD, place.seen(title, body));
    }
    for words in &commands {
        if let Some(at) = words.iter().position(|word| program(word) == "chmod") {
            let operands = words.get(at + 1..).unwrap_or_default();
            let target = operands.last().copied().unwrap_or_default();
            let removes = |words: &&Vec<&str>| {
                words.iter().any(|word| program(word) == "rm") && words.contains(&target)
            };
            if !commands.iter().copied().any(|words| removes(&words)) {
                permissions(operands, place, body, found);
            }
        }
    }
    let installs = |words: &&&Vec<&str>| installer(words).is_some();
    let sudo = commands
        .iter()
        .filter(installs)
        .any(|words| words.contains(&"sudo"));
    if sudo || body.contains("NOPASSWD") {
        found.add(&SUDO, place.seen("sudo is installed or given rules", body));
    }
    let argued = |name: &str| {
        let sets = |text: &str| text.starts_with(name) && text.contains('=');
        env.iter().any(|pair| sets(pair)) || step.arguments.split(' ').any(sets)
    };
    let kept = commands.iter().filter_map(|words| installer(words));
    let kept = kept.filter(|kind| match *kind {
        "pip" => {
            !body.contains("--no-cache-dir")
                && !body.contains(".cache")
                && !argued("PIP_NO_CACHE_DIR")
        }
        "apk" => !body.contains("--no-cache") && !body.contains("/var/cache/apk"),
        "apt" => !body.contains("/var/lib/apt") && !body.contains("dist-clean"),
        _ => !body.contains("clean") && !body.contains("/var/cache"),
    });
    let mut kept: Vec<&str> = kept.collect();
    kept.sort_unstable();
    kept.dedup();
    if !kept.is_empty() {
        let title = format!(
            "the step leaves the lists or cache of {}",
            kept.join(" and ")
        );
        found.add(&PACKAGE_CACHE, place.seen(title, body));
    }
}

fn program(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

/// A later command of the pipeline runs what an earlier one fetched; `python -c` only reads it.
fn is_run_unseen(pipeline: &[Vec<&str>]) -> bool {
    const SHELLS: [&str; 6] = ["sh", "bash", "dash", "ash", "zsh", "ksh"];
    const INTERPRETERS: [&str; 6] = ["python", "python3", "perl", "ruby", "node", "php"];
    let fetches = |words: &Vec<&str>| {
        let mut words = words.iter().map(|word| program(word));
        words.any(|word| matches!(word, "curl" | "wget"))
    };
    let Some(first) = pipeline.iter().position(fetches) else {
        return false;
    };
    pipeline.iter().skip(first + 1).any(|words| {
        let passed = ["sudo", "-E", "env", "exec", "-H"];
        let mut words = words
            .iter()
            .skip_while(|word| passed.contains(word) || word.contains('='));
        let name = words.next().map_or("", |word| program(word));
        let next = words.next().copied().unwrap_or("-");
        SHELLS.contains(&name) || (INTERPRETERS.contains(&name) && next == "-")
    })
}

/// Returns the switch that turns a check off.
fn unverified<'a>(words: &[&'a str]) -> Option<&'a str> {
    const SWITCHES: [&str; 10] = [
        "--insecure",
        "--no-check-certificate",
        "--trusted-host",
        "--allow-unauthenticated",
        "--force-yes",
        "--allow-untrusted",
        "--nogpgcheck",
        "--no-gpg-checks",
        "http.sslverify=false",
        "gpgcheck=0",
    ];
    let listed = words.iter().find(|word| {
        let lower = word.to_ascii_lowercase();
        SWITCHES.iter().any(|switch| {
            lower == *switch
                || lower
                    .strip_prefix(switch)
                    .is_some_and(|rest| rest.starts_with('='))
        })
    });
    let curl = words.iter().any(|word| program(word) == "curl");
    let short = words.iter().find(|word| {
        word.strip_prefix('-').is_some_and(|letters| {
            letters.contains('k') && letters.chars().all(|c| c.is_ascii_alphabetic())
        })
    });
    listed.or(short.filter(|_| curl)).copied()
}

/// Returns the package manager that a command installs with.
fn installer(words: &[&str]) -> Option<&'static str> {
    let at = |name: &str| words.iter().position(|word| program(word) == name);
    let does = |name: &str, verbs: &[&str]| {
        at(name).is_some_and(|at| {
            let mut after = words.iter().skip(at + 1);
            after.any(|word| verbs.contains(word))
        })
    };
    [
        ("apt-get", "apt", &["install", "update"][..]),
        ("apt", "apt", &["install", "update"]),
        ("apk", "apk", &["add"]),
        ("dnf", "dnf", &["install"]),
        ("microdnf", "dnf", &["install"]),
        ("yum", "yum", &["install"]),
        ("zypper", "zypper", &["install", "in"]),
        ("pip", "pip", &["install"]),
        ("pip3", "pip", &["install"]),
    ]
    .into_iter()
    .find(|(name, _, verbs)| does(name, verbs))
    .map(|(_, kind, _)| kind)
}

/// Judges the modes that `chmod` or `--chmod` is given.
fn permissions(words: &[&str], place: &Place<'_>, saw: &str, found: &mut Found) {
    let mode = words.iter().find(|word| !word.starts_with('-')).copied();
    let mode = mode.unwrap_or_default();
    let octal = u32::from_str_radix(mode, 8)
        .ok()
        .filter(|_| (3..=5).contains(&mode.len()));
    let clauses = || mode.split(',').filter_map(|clause| clause.split_once('+'));
    let (open, setuid) = match octal {
        Some(bits) => (bits & 0o002 != 0 && bits & 0o1000 == 0, bits & 0o4000 != 0),
        None => (
            clauses().any(|(who, what)| what.contains('w') && who.contains(['a', 'o'])),
            clauses().any(|(who, what)| what.contains('s') && !who.contains('g')),
        ),
    };
    if open {
        let title = format!("everybody may write: chmod {mode}");
        found.add(&WORLD_WRITABLE, place.seen(title, saw));
    }
    if setuid {
        let title = format!("a setuid bit is set: chmod {mode}");
        found.add(&SETUID_SET, place.seen(title, saw));
    }
}
