//! Secret values: where a text holds one, and what is shown in its place.
//!
//! There is no way back: what was masked is gone from the value. Which findings come of it is
//! `triage::hygiene`'s business.

mod shape;

use std::borrow::Cow;

pub use shape::{credential, mask_credentials};

/// What every mask begins with; the rest says what kind of secret stood there.
pub const MASK: &str = "[masked ";

/// The mask of a value that is held secret by its name alone.
const BY_NAME: &str = "[masked value]";

/// Words that end the name of a secret.
const LAST_WORDS: [&str; 15] = [
    "PASSWORDS",
    "PASS",
    "SSHPASS",
    "PWD",
    "SECRET",
    "SECRETS",
    "TOKEN",
    "TOKENS",
    "APIKEY",
    "SECRETKEY",
    "ACCESSKEY",
    "PRIVATEKEY",
    "CREDENTIAL",
    "CREDENTIALS",
    "AUTHTOKEN",
];

/// Words before `KEY` that make it a secret one. `GPG_KEY` and `PUBLIC_KEY` are none.
const KEYS: [&str; 11] = [
    "API",
    "ACCESS",
    "PRIVATE",
    "SECRET",
    "SIGNING",
    "ENCRYPTION",
    "MASTER",
    "ACCOUNT",
    "DEPLOY",
    "AUTH",
    "STORAGE",
];

/// Returns whether a variable, option or field of this name holds a secret: `DB_PASSWORD`,
/// `apiKey`, `aws-secret-access-key`. Names of files, ids and addresses of secrets are none.
#[must_use]
pub fn names_secret(name: &str) -> bool {
    let words = words(name);
    let mut last = words.iter().rev().map(String::as_str);
    let (end, before) = (last.next().unwrap_or_default(), last.next());
    // `PUBLIC_KEY`, and switches: `--disabled-password`, `ALLOW_EMPTY_PASSWORD`.
    let harmless = ["PUBLIC", "DISABLED", "DISABLE", "EMPTY", "NO", "WITHOUT"];
    if words.iter().any(|word| harmless.contains(&&**word)) {
        return false;
    }
    match end {
        // The working directory, as every shell sets it.
        "PWD" => before.is_some_and(|word| word != "OLD"),
        "KEY" => before.is_some_and(|word| KEYS.contains(&word)),
        // Rails' SECRET_KEY_BASE.
        "BASE" => before == Some("KEY"),
        // npm's _auth.
        "AUTH" => name.starts_with(['_', ':']) || before == Some("NPM"),
        _ => {
            let run_together = ["PASSWORD", "PASSWD", "PASSPHRASE"];
            LAST_WORDS.contains(&end) || run_together.iter().any(|word| end.ends_with(word))
        }
    }
}

/// Splits `DB_PASSWORD2`, `dbPassword` and `--db-password` into upper-case words.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut previous = ' ';
    for character in name.trim_end_matches(|c: char| c.is_ascii_digit()).chars() {
        let boundary = character.is_ascii_uppercase() && previous.is_ascii_lowercase();
        if !character.is_ascii_alphanumeric() {
            words.push(String::new());
        } else if boundary || words.is_empty() {
            words.push(character.to_ascii_uppercase().to_string());
        } else if let Some(word) = words.last_mut() {
            word.push(character.to_ascii_uppercase());
        }
        previous = character;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Returns what is shown instead of a named value: the value itself where it is no secret.
#[must_use]
pub fn mask_value<'v>(name: &str, value: &'v str) -> Cow<'v, str> {
    let plain = value.trim().trim_matches(['"', '\'']);
    if !names_secret(name) || !is_secret_value(name, plain) {
        return mask(value);
    }
    if plain.starts_with(MASK) && plain.ends_with(']') {
        return Cow::Borrowed(value);
    }
    match credential(value) {
        Some(shape) => Cow::Owned(format!("{MASK}{shape}]")),
        None => Cow::Borrowed(BY_NAME),
    }
}

/// Returns whether a value under the name of a secret is one: no switch, number, reference,
/// address or place of a file.
fn is_secret_value(name: &str, value: &str) -> bool {
    const WORDS: [&str; 14] = [
        "", "true", "false", "yes", "no", "on", "off", "none", "null", "nil", "0", "1", "enabled",
        "disabled",
    ];
    const FOLDERS: [&str; 15] = [
        "run", "etc", "var", "opt", "usr", "home", "tmp", "root", "secrets", "mnt", "srv", "data",
        "app", "certs", "vault",
    ];
    let lower = value.to_ascii_lowercase();
    let word = |character: char| character.is_ascii_alphanumeric() || "._-/".contains(character);
    let is_number = !value.is_empty() && value.chars().all(|c| c.is_ascii_digit());
    let named_password = words(name)
        .last()
        .is_some_and(|word| word.starts_with("PASS") || word == "PWD");
    let is_path = ["./", "../", "~/", "file:"]
        .iter()
        .any(|start| lower.starts_with(start))
        || lower.strip_prefix('/').is_some_and(|rest| {
            rest.chars().all(word) && FOLDERS.contains(&rest.split('/').next().unwrap_or_default())
        });
    // `$(…)`, `${NAME}`, `$NAME`, `{{ … }}`, `%NAME%`, `<name>`; a `$` within is no reference.
    let is_reference = value.strip_prefix('$').is_some_and(|rest| {
        rest.starts_with(['{', '(']) || rest.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    }) || (value.starts_with("{{") && value.ends_with("}}"))
        || (value.starts_with('<') && value.ends_with('>'))
        || (value.len() > 2 && value.starts_with('%') && value.ends_with('%'));
    !(WORDS.contains(&lower.as_str())
        || is_path
        || is_reference
        || (is_number && !(named_password && value.len() >= 4))
        || (value.contains("://") && !value.contains('@')))
}

/// Masks every secret in a text: credentials by their shape, and what is assigned to the name of a
/// secret: `password=…`, `"token": "…"`, `--api-key …`, `Authorization: …`, `-u name:…`.
#[must_use]
pub fn mask(text: &str) -> Cow<'_, str> {
    let by_shape = mask_credentials(text);
    match mask_assigned(&by_shape, false) {
        Some(masked) => Cow::Owned(masked),
        None => by_shape,
    }
}

/// As [`mask`], for one line of an image's history: an unquoted value may hold blanks where it is
/// declared, by `ENV`, `ARG`, `LABEL` or as an argument of a step (`|1 NAME=value /bin/sh -c …`).
#[must_use]
pub fn mask_history(line: &str) -> Cow<'_, str> {
    let by_shape = mask_credentials(line);
    let plain = by_shape
        .strip_prefix("/bin/sh -c #(nop)")
        .unwrap_or(&by_shape)
        .trim_start();
    let plain = plain.strip_prefix("RUN ").unwrap_or(plain);
    let is_declaration = ["ENV ", "ARG ", "LABEL "]
        .iter()
        .any(|start| plain.starts_with(start));
    let argued = plain.starts_with('|').then(|| by_shape.find(" /bin/"));
    let end = match argued.flatten() {
        Some(end) => end,
        None if is_declaration => by_shape.len(),
        None => 0,
    };
    let (declared, script) = by_shape.split_at(end);
    match (mask_assigned(declared, true), mask_assigned(script, false)) {
        (None, None) => by_shape,
        (one, other) => {
            let declared = one.as_deref().unwrap_or(declared);
            let script = other.as_deref().unwrap_or(script);
            Cow::Owned([declared, script].concat())
        }
    }
}

/// Masks one word of a command, given the word before it: the operand of `--password` is a secret.
#[must_use]
pub fn mask_word<'w>(before: &str, word: &'w str) -> Cow<'w, str> {
    let operand = before.starts_with("--") && !before.contains('=') && !word.starts_with('-');
    if operand {
        mask_value(before, word)
    } else {
        mask(word)
    }
}

/// Masks a `NAME=value` pair of an image's environment.
#[must_use]
pub fn mask_pair(pair: &str) -> String {
    match pair.split_once('=') {
        Some((name, value)) => format!("{name}={}", mask_value(name, value)),
        None => mask(pair).into_owned(),
    }
}

/// Returns the text with assigned secrets masked; none where there are none.
fn mask_assigned(text: &str, blanks: bool) -> Option<String> {
    let downloads = text.contains("curl") || text.contains("wget");
    let mut masked = String::new();
    let mut rest = text;
    let mut found = false;
    while let Some(start) = rest.find(is_name) {
        let (before, tail) = rest.split_at(start);
        let length = tail.find(|c| !is_name(c)).unwrap_or(tail.len());
        let (name, after) = tail.split_at(length);
        masked.push_str(before);
        masked.push_str(name);
        rest = after;
        let holder = Holder::of(name, downloads);
        if let Some((gap, value, end)) = holder.and_then(|holder| holder.assigned(after, blanks)) {
            masked.push_str(gap);
            // Of `name:password` only the password is masked.
            let who = value
                .split_once(':')
                .filter(|_| holder == Some(Holder::User));
            masked.extend(who.map(|(who, _)| format!("{who}:")));
            masked.push_str(BY_NAME);
            rest = end;
            found = true;
        }
    }
    masked.push_str(rest);
    found.then_some(masked)
}

fn is_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '-' | '.')
}

/// What a name in a text may be followed by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holder<'n> {
    /// `name=secret`, `"name": "secret"`.
    Field(&'n str),
    /// `--name secret` as well.
    Switch(&'n str),
    /// `Authorization: Bearer secret`.
    Header,
    /// `-u name:secret` of a downloader.
    User,
}

impl<'n> Holder<'n> {
    fn of(name: &'n str, downloads: bool) -> Option<Self> {
        const HEADERS: [&str; 5] = [
            "authorization",
            "proxy-authorization",
            "x-api-key",
            "private-token",
            "x-auth-token",
        ];
        if HEADERS
            .iter()
            .any(|header| header.eq_ignore_ascii_case(name))
        {
            Some(Self::Header)
        } else if downloads && matches!(name, "-u" | "--user" | "--proxy-user") {
            Some(Self::User)
        } else if !names_secret(name) {
            None
        } else if name.starts_with("--") {
            Some(Self::Switch(name))
        } else {
            Some(Self::Field(name))
        }
    }

    /// Returns what stands between the name and the secret, the secret, and what follows.
    fn assigned(self, after: &str, blanks: bool) -> Option<(&str, &str, &str)> {
        let closed = after.trim_start_matches(['"', '\'', '\\']);
        let spaced = closed.trim_start_matches([' ', '\t']);
        let by_blank = matches!(self, Self::Switch(_) | Self::User) && spaced.len() < closed.len();
        let behind = match spaced.strip_prefix(['=', ':']) {
            Some(behind) => behind.trim_start_matches([' ', '\t', '>']),
            None if by_blank => spaced,
            None => return None,
        };
        let bare = behind.trim_start_matches('\\');
        let quote = bare.chars().next().filter(|c| matches!(c, '"' | '\''));
        let value = bare.trim_start_matches(['"', '\'']);
        let end = match quote {
            Some(quote) => value.find(quote),
            None if self == Self::Header => value.find(['"', '\'', '\n']),
            None if blanks && !by_blank => end_of_declaration(value),
            None => value.find(|c: char| c.is_whitespace() || "\"';&|,)<>`}".contains(c)),
        };
        let start = after.len() - value.len();
        let (value, rest) = value.split_at(end.unwrap_or(value.len()));
        let is_secret = match self {
            // Another switch, or the next command.
            Self::Switch(_) if by_blank && value.starts_with(['-', '&', '|', ';']) => false,
            Self::Field(name) | Self::Switch(name) => is_secret_value(name, value.trim()),
            Self::Header => is_secret_value("", value.rsplit(' ').next().unwrap_or_default()),
            Self::User => value
                .split_once(':')
                .is_some_and(|(_, password)| is_secret_value("password", password)),
        };
        let masked = value.contains("[masked");
        (is_secret && !masked).then(|| (after.get(..start).unwrap_or("="), value, rest))
    }
}

/// A value with blanks ends before the next `NAME=`, or the shell that takes the arguments.
fn end_of_declaration(value: &str) -> Option<usize> {
    let mut position = 0;
    for word in value.split_inclusive(' ') {
        let next = word.trim_end();
        let named = next.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty()
                && name
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
        });
        if position > 0 && (named || next.starts_with("/bin/") || next == "#") {
            return Some(position - 1);
        }
        position += word.len();
    }
    None
}

#[cfg(test)]
mod tests;
