//! Credentials that can be told by their shape, wherever they stand.
//!
//! The prefixes are those their issuers document. What is secret by its name is in `secret`.

use std::borrow::Cow;
use std::ops::Range;

/// What may follow a prefix.
#[derive(Clone, Copy)]
enum Alphabet {
    /// Capital letters and digits.
    Upper,
    /// Letters and digits.
    Alphanumeric,
    /// Letters, digits, `_` and `-`.
    Url,
    /// Letters, digits, `_`, `-` and `.`.
    Dotted,
}

impl Alphabet {
    fn has(self, character: char) -> bool {
        match self {
            Self::Upper => character.is_ascii_uppercase() || character.is_ascii_digit(),
            Self::Alphanumeric => character.is_ascii_alphanumeric(),
            Self::Url => character.is_ascii_alphanumeric() || matches!(character, '_' | '-'),
            Self::Dotted => {
                character.is_ascii_alphanumeric() || matches!(character, '_' | '-' | '.')
            }
        }
    }
}

/// Prefix, name, fewest characters that follow, and of what kind they are.
const TOKENS: [(&str, &str, usize, Alphabet); 34] = [
    ("AKIA", "aws-access-key", 16, Alphabet::Upper),
    ("ASIA", "aws-access-key", 16, Alphabet::Upper),
    ("ghp_", "github-token", 30, Alphabet::Alphanumeric),
    ("gho_", "github-token", 30, Alphabet::Alphanumeric),
    ("ghu_", "github-token", 30, Alphabet::Alphanumeric),
    ("ghs_", "github-token", 30, Alphabet::Alphanumeric),
    ("ghr_", "github-token", 30, Alphabet::Alphanumeric),
    ("github_pat_", "github-token", 22, Alphabet::Url),
    ("glpat-", "gitlab-token", 20, Alphabet::Dotted),
    ("gldt-", "gitlab-token", 20, Alphabet::Url),
    ("glrt-", "gitlab-token", 20, Alphabet::Dotted),
    ("glptt-", "gitlab-token", 20, Alphabet::Url),
    ("glcbt-", "gitlab-token", 20, Alphabet::Url),
    ("xoxb-", "slack-token", 20, Alphabet::Url),
    ("xoxp-", "slack-token", 20, Alphabet::Url),
    ("xoxa-", "slack-token", 20, Alphabet::Url),
    ("xoxr-", "slack-token", 20, Alphabet::Url),
    ("xoxs-", "slack-token", 20, Alphabet::Url),
    ("xapp-", "slack-token", 20, Alphabet::Url),
    ("npm_", "npm-token", 36, Alphabet::Alphanumeric),
    ("pypi-AgE", "pypi-token", 50, Alphabet::Url),
    ("dckr_pat_", "docker-token", 20, Alphabet::Url),
    ("dop_v1_", "digitalocean-token", 40, Alphabet::Alphanumeric),
    ("hf_", "huggingface-token", 30, Alphabet::Alphanumeric),
    ("hvs.", "vault-token", 24, Alphabet::Url),
    ("sk_live_", "stripe-key", 16, Alphabet::Alphanumeric),
    ("rk_live_", "stripe-key", 16, Alphabet::Alphanumeric),
    ("sk-ant-", "api-key", 24, Alphabet::Url),
    ("sk-proj-", "api-key", 24, Alphabet::Url),
    ("glsa_", "grafana-token", 32, Alphabet::Url),
    ("shpat_", "shopify-token", 32, Alphabet::Alphanumeric),
    ("AIza", "google-api-key", 35, Alphabet::Url),
    ("ya29.", "google-token", 30, Alphabet::Url),
    ("SG.", "sendgrid-key", 60, Alphabet::Dotted),
];

/// The shortest run of token characters that any of these has.
const SHORTEST: usize = 16;

const KEY_BEGIN: &str = "-----BEGIN ";
const KEY_END: &str = "-----END ";

/// Returns the name of the first credential in a text: `aws-access-key`, `private-key`. A mask
/// counts as what it stands for.
#[must_use]
pub fn credential(text: &str) -> Option<String> {
    if let Some((_, rest)) = text.split_once(super::MASK) {
        let name = rest.split(']').next().unwrap_or_default();
        return (name != "value").then(|| name.to_owned());
    }
    if !may_hold(text) {
        return None;
    }
    found(text)
        .into_iter()
        .next()
        .map(|(_, name)| name.to_owned())
}

/// Masks every credential that has a shape of its own. The text is returned as it is, and quickly,
/// where there is none.
#[must_use]
pub fn mask_credentials(text: &str) -> Cow<'_, str> {
    if !may_hold(text) {
        return Cow::Borrowed(text);
    }
    let places = found(text);
    if places.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut masked = String::with_capacity(text.len());
    let mut end = 0;
    for (place, name) in places {
        if place.start < end {
            continue;
        }
        masked.push_str(text.get(end..place.start).unwrap_or_default());
        masked.push_str(super::MASK);
        masked.push_str(name);
        masked.push(']');
        end = place.end;
    }
    masked.push_str(text.get(end..).unwrap_or_default());
    Cow::Owned(masked)
}

/// One pass over the bytes that tells most texts from those worth a closer look.
fn may_hold(text: &str) -> bool {
    let mut run = 0;
    for byte in text.bytes() {
        if byte == b'@' {
            return true;
        }
        run = if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.') {
            run + 1
        } else {
            0
        };
        if run >= SHORTEST {
            return true;
        }
    }
    text.contains(KEY_BEGIN)
}

/// Returns where credentials are, in order, and their names.
fn found(text: &str) -> Vec<(Range<usize>, &'static str)> {
    let mut places = Vec::new();
    for (prefix, name, least, alphabet) in TOKENS {
        for (start, _) in text.match_indices(prefix) {
            places.extend(token(text, start, prefix, least, alphabet).map(|place| (place, name)));
        }
    }
    places.extend(web_tokens(text).map(|place| (place, "jwt")));
    places.extend(private_keys(text).map(|place| (place, "private-key")));
    places.extend(web_hooks(text).map(|place| (place, "slack-webhook")));
    places.extend(user_infos(text).map(|place| (place, "url-password")));
    places.sort_by_key(|(place, _)| (place.start, std::cmp::Reverse(place.end)));
    places
}

fn begins_word(text: &str, start: usize) -> bool {
    let before = text
        .get(..start)
        .and_then(|before| before.chars().next_back());
    !before.is_some_and(|character| character.is_ascii_alphanumeric())
}

fn token(
    text: &str,
    start: usize,
    prefix: &str,
    least: usize,
    alphabet: Alphabet,
) -> Option<Range<usize>> {
    let tail = text.get(start + prefix.len()..)?;
    let length = tail.find(|c| !alphabet.has(c)).unwrap_or(tail.len());
    let follows = tail.get(length..).and_then(|rest| rest.chars().next());
    let exact = matches!(alphabet, Alphabet::Upper);
    // A longer word of letters and digits is another thing.
    let whole = !exact || (length == least && !follows.is_some_and(|c| c.is_ascii_alphanumeric()));
    (length >= least && whole && begins_word(text, start))
        .then(|| start..start + prefix.len() + length)
}

/// Three parts of base64url, the first two JSON objects (RFC 7519).
fn web_tokens(text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    text.match_indices("eyJ").filter_map(move |(start, _)| {
        let tail = text.get(start..)?;
        let length = tail
            .find(|c| !Alphabet::Dotted.has(c))
            .unwrap_or(tail.len());
        let mut parts = tail.get(..length)?.splitn(3, '.');
        let (head, body, signature) = (parts.next()?, parts.next()?, parts.next()?);
        let signature = signature.split('.').next()?;
        let long = head.len() >= 12 && body.len() >= 8 && signature.len() >= 8;
        let end = start + head.len() + 1 + body.len() + 1 + signature.len();
        (long && body.starts_with("eyJ") && begins_word(text, start)).then_some(start..end)
    })
}

/// The block of a private key, in any of its forms, with its frame; to the end of the text where
/// the frame is not closed.
fn private_keys(text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    text.match_indices(KEY_BEGIN).filter_map(move |(start, _)| {
        let tail = text.get(start + KEY_BEGIN.len()..)?;
        let label = tail.split("-----").next()?;
        if label.len() > 40 || !label.contains("PRIVATE KEY") {
            return None;
        }
        let end = tail.find(KEY_END).map_or(tail.len(), |position| {
            let after = tail.get(position + KEY_END.len()..).unwrap_or_default();
            let close = after.find("-----").map_or(after.len(), |close| close + 5);
            position + KEY_END.len() + close
        });
        Some(start..start + KEY_BEGIN.len() + end)
    })
}

fn web_hooks(text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    const HOOK: &str = "hooks.slack.com/services/";
    text.match_indices(HOOK).filter_map(move |(start, _)| {
        let start = start + HOOK.len();
        let tail = text.get(start..)?;
        let length = tail
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '/')
            .unwrap_or(tail.len());
        (length >= 20).then_some(start..start + length)
    })
}

/// The password in `scheme://name:password@host`, and a long `scheme://token@host`.
fn user_infos(text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    text.match_indices("://").filter_map(move |(position, _)| {
        let start = position + 3;
        let tail = text.get(start..)?;
        let end = tail
            .find(|c: char| c.is_whitespace() || "/?#\"'<>`|\\,".contains(c))
            .unwrap_or(tail.len());
        let (user_info, _) = tail.get(..end)?.rsplit_once('@')?;
        let (offset, secret) = match user_info.split_once(':') {
            Some((name, password)) => (name.len() + 1, password),
            None if user_info.len() >= SHORTEST => (0, user_info),
            None => return None,
        };
        let reference = secret.starts_with('$') || secret.starts_with("{{");
        let masked = secret.starts_with(super::MASK) || secret.chars().all(|c| c == '*');
        (!secret.is_empty() && !reference && !masked)
            .then(|| start + offset..start + offset + secret.len())
    })
}
