//! Masking of credentials that a scanner wrote into its own report.
//!
//! Grype up to 0.104.0 wrote registry credentials into `descriptor.configuration` (CVE-2025-65965).
//! What scanners report about an image is not touched.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::model::Digest;

/// What stands in the place of a credential.
const MASK: &str = "[redacted]";

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

#[derive(Deserialize)]
struct Report<'a> {
    #[serde(borrow)]
    descriptor: Option<Descriptor<'a>>,
}

#[derive(Deserialize)]
struct Descriptor<'a> {
    #[serde(borrow)]
    configuration: Option<&'a RawValue>,
}

/// Returns a report without the credentials in its `descriptor.configuration`, and the SHA-256 of
/// the original where there were any. Everything else stays byte for byte as it was. `bytes` are
/// JSON in UTF-8; anything that is not is returned as it is, so decode it before.
#[must_use]
pub fn redact_report(bytes: &[u8]) -> (Cow<'_, [u8]>, Option<Digest>) {
    match redacted(bytes) {
        Some(copy) => (Cow::Owned(copy), Some(Digest::of(bytes))),
        None => (Cow::Borrowed(bytes), None),
    }
}

fn redacted(bytes: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let json = text.trim_start_matches('\u{feff}');
    let Ok(report) = serde_json::from_str::<Report<'_>>(json) else {
        // A report with a field twice, or of another shape: what is kept of it is what was looked
        // at, so that no second copy of a field gets through.
        let mut value: Value = serde_json::from_str(json).ok()?;
        mask(value.pointer_mut("/descriptor/configuration")?, false);
        return serde_json::to_vec(&value).ok();
    };
    let configuration = report.descriptor?.configuration?.get();
    let mut value: Value = serde_json::from_str(configuration).ok()?;
    if !mask(&mut value, false) {
        return None;
    }
    // The part is a slice of the whole: the distance of their beginnings is its place.
    let start = configuration.as_ptr() as usize - text.as_ptr() as usize;
    let end = start + configuration.len();
    let masked = serde_json::to_vec(&value).ok()?;
    Some([bytes.get(..start)?, &masked, bytes.get(end..)?].concat())
}

/// Masks every text under a key that names a credential; returns whether there was one.
fn mask(value: &mut Value, secret: bool) -> bool {
    match value {
        Value::String(text) if secret && !is_masked(text) => {
            MASK.clone_into(text);
            true
        }
        Value::String(text) => mask_user_info(text),
        Value::Array(list) => {
            let mut found = false;
            for item in list {
                found |= mask(item, secret);
            }
            found
        }
        Value::Object(map) => {
            let mut found = false;
            for (key, item) in map {
                found |= mask(item, secret || names_credential(key));
            }
            found
        }
        Value::Number(_) if secret => {
            *value = Value::String(MASK.to_owned());
            true
        }
        _ => false,
    }
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

/// Masks `user:password@` in an address; returns whether there was one.
fn mask_user_info(text: &mut String) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else {
        return false;
    };
    let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let Some((authority, path)) = rest.split_at_checked(authority_end) else {
        return false;
    };
    let Some((user_info, host)) = authority.rsplit_once('@') else {
        return false;
    };
    if user_info == MASK {
        return false;
    }
    *text = format!("{scheme}://{MASK}@{host}{path}");
    true
}
