//! Masking of secrets in what is archived: credentials that a scanner wrote into its own report,
//! and secrets of the image that it quotes.
//!
//! Grype up to 0.104.0 wrote registry credentials into `descriptor.configuration` (CVE-2025-65965).
//! Reports also quote the image: lines of its files, its environment, its history. Everything else
//! stays byte for byte as it was. What a secret looks like is known to `text::secret`.

mod rewrite;

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::model::Digest;
use crate::text::secret;
use rewrite::Place;

/// What stands in the place of a credential of the scanner's own.
const MASK: &str = "[redacted]";

/// What stands in the place of a line of a file.
const LINE: &str = "[masked line]";

/// Words that make a key the name of a credential.
const SECRET_WORDS: [&str; 7] = [
    "password",
    "passwd",
    "token",
    "secret",
    "credential",
    "apikey",
    "privatekey",
];

/// Lists of what public databases say; the texts in them are not the image's.
const PUBLIC: [&str; 6] = [
    "Vulnerabilities",
    "vulnerabilities",
    "matches",
    "ignoredMatches",
    "vulnerability",
    "relatedVulnerabilities",
];

/// Lists of what a scanner says about the image itself.
const ABOUT_IMAGE: [&str; 7] = [
    "Misconfigurations",
    "Secrets",
    "Licenses",
    "ExperimentalModifiedFindings",
    "secrets",
    "checks",
    "results",
];

/// Configurations inside of configurations are not followed further.
const MAX_NESTED: usize = 2;

/// Returns a report without the secrets in it, and the SHA-256 of the original where there were
/// any. Everything else stays byte for byte as it was. `bytes` are JSON in UTF-8; of anything else
/// only credentials that have a shape are masked, so decode it before.
#[must_use]
pub fn redact_report(bytes: &[u8]) -> (Cow<'_, [u8]>, Option<Digest>) {
    let text = std::str::from_utf8(bytes).ok();
    match text.and_then(|text| redacted(text, 0)) {
        Some(copy) => (Cow::Owned(copy.into_bytes()), Some(Digest::of(bytes))),
        None => (Cow::Borrowed(bytes), None),
    }
}

/// Masks what stands between documents, such as a scanner's log.
pub(super) fn redact_text(text: &str) -> Cow<'_, str> {
    secret::mask_credentials(text)
}

fn redacted(text: &str, nested: usize) -> Option<String> {
    let json = text.trim_start_matches('\u{feff}');
    if serde_json::from_str::<serde::de::IgnoredAny>(json).is_err() {
        return match redact_text(text) {
            Cow::Owned(masked) => Some(masked),
            Cow::Borrowed(_) => None,
        };
    }
    rewrite::rewrite(text, &mut |place, value| masked(place, value, nested))
}

/// Returns what is kept of one text or number of a report.
fn masked(place: &Place<'_>, value: &str, nested: usize) -> Option<String> {
    let changed = |masked: Cow<'_, str>| (masked != value).then(|| masked.into_owned());
    if place.is_within(&["configuration"]) && place.is_within(&["descriptor"]) {
        return of_scanner(place, value);
    }
    if !place.is_text() {
        return None;
    }
    if place.is_within(&["Code"]) {
        return of_line(place, value);
    }
    match place.key() {
        "Match" | "match" if !place.is_within(&PUBLIC) => hidden(value),
        "Env" => changed(Cow::Owned(secret::mask_pair(value))),
        "created_by" | "CreatedBy" | "comment" => changed(secret::mask_history(value)),
        "config" | "manifest" if nested < MAX_NESTED => of_base64(value, nested),
        "Cmd" | "Entrypoint" | "Test" => changed(secret::mask_word(place.before(), value)),
        key if place.is_directly_in(&["Labels", "labels", "annotations"]) => {
            changed(secret::mask_value(key, value))
        }
        _ if place.is_within(&PUBLIC) => None,
        _ if place.is_within(&ABOUT_IMAGE) => match hidden_match(value) {
            Some(masked) => Some(masked),
            None => changed(secret::mask_value(place.key(), value)),
        },
        _ => changed(secret::mask_credentials(value)),
    }
}

/// A value of the scanner's own configuration.
fn of_scanner(place: &Place<'_>, value: &str) -> Option<String> {
    if place.keys().any(names_credential) {
        return (!is_masked(value)).then(|| MASK.to_owned());
    }
    mask_user_info(value)
}

/// A line of a file that a scanner quotes. What is coloured has marks inside of words.
fn of_line(place: &Place<'_>, value: &str) -> Option<String> {
    let plain = without_colours(value);
    let of_secret = place.is_within(&["Secrets", "Finding"]);
    let is_content = matches!(place.key(), "Content" | "Highlighted");
    if of_secret && is_content {
        return hidden(value);
    }
    let masked = secret::mask_history(&plain);
    (masked != plain).then(|| masked.into_owned())
}

fn hidden(value: &str) -> Option<String> {
    (!value.trim().is_empty() && value != LINE).then(|| LINE.to_owned())
}

/// Trivy's SARIF quotes the line at the end of a message.
fn hidden_match(value: &str) -> Option<String> {
    let (before, line) = value.split_once("\nMatch: ")?;
    (line != LINE).then(|| format!("{before}\nMatch: {LINE}"))
}

fn without_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut parts = text.split('\u{1b}');
    plain.extend(parts.next());
    for part in parts {
        let end = part.find(|c: char| c.is_ascii_alphabetic());
        plain.push_str(end.and_then(|end| part.get(end + 1..)).unwrap_or_default());
    }
    plain
}

/// Grype keeps the image's configuration and manifest in base64.
fn of_base64(value: &str, nested: usize) -> Option<String> {
    let inner = String::from_utf8(STANDARD.decode(value).ok()?).ok()?;
    if !inner.trim_start().starts_with('{') {
        return None;
    }
    redacted(&inner, nested + 1).map(|masked| STANDARD.encode(masked))
}

/// An empty text and a row of asterisks, as later versions write it, give nothing away.
fn is_masked(text: &str) -> bool {
    text == MASK || text.chars().all(|character| character == '*')
}

fn names_credential(key: &str) -> bool {
    let plain: String = key
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect::<String>()
        .to_ascii_lowercase();
    SECRET_WORDS.iter().any(|word| plain.contains(word))
}

/// Masks `user:password@` in an address; none where there is none.
fn mask_user_info(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(authority_end)?;
    let (user_info, host) = authority.rsplit_once('@')?;
    (user_info != MASK).then(|| format!("{scheme}://{MASK}@{host}{path}"))
}
