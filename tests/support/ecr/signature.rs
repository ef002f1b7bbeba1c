//! Signature version 4, checked from its description: nothing here comes from the library that signs.
//!
//! What the caller may do is not asked here.

use std::fmt::Write as _;

use countersign::environment::Clock;
use hyper::http::request::Parts;
use sha2::{Digest as _, Sha256};

use super::{REGION, Role};

/// Minutes that the clocks may differ.
const MINUTES: i64 = 15;

/// Returns the exception of a request that is not signed as it has to be.
pub(super) fn check(
    parts: &Parts,
    body: &[u8],
    role: &Role,
    has_ended: bool,
) -> Result<(), (&'static str, String)> {
    let header = |name: &str| {
        parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let incomplete = |text: &str| ("IncompleteSignatureException", text.to_owned());
    let Some(authorization) = header("authorization") else {
        return Err((
            "MissingAuthenticationTokenException",
            "Missing Authentication Token".to_owned(),
        ));
    };
    let fields = authorization
        .strip_prefix("AWS4-HMAC-SHA256 ")
        .ok_or_else(|| incomplete("the algorithm is another one"))?;
    let field = |name: &str| {
        let mut fields = fields.split(", ");
        fields
            .find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
            .ok_or_else(|| incomplete(&format!("Authorization header requires '{name}' parameter")))
    };
    let (credential, signed, signature) = (
        field("Credential")?,
        field("SignedHeaders")?,
        field("Signature")?,
    );
    let scope: Vec<&str> = credential.split('/').collect();
    let [key, day, region, service, end] = scope[..] else {
        return Err(incomplete("the credential has another form"));
    };
    if key != role.key || header("x-amz-security-token") != Some(role.token.as_str()) {
        return Err((
            "UnrecognizedClientException",
            "The security token included in the request is invalid.".to_owned(),
        ));
    }
    if has_ended {
        return Err((
            "ExpiredTokenException",
            "The security token included in the request is expired".to_owned(),
        ));
    }
    let time = header("x-amz-date").ok_or_else(|| incomplete("there is no x-amz-date"))?;
    let sent = chrono::NaiveDateTime::parse_from_str(time, "%Y%m%dT%H%M%SZ")
        .map_err(|_damaged| incomplete("x-amz-date has another form"))?;
    let wrong = |text: String| ("InvalidSignatureException", text);
    let now = Clock::System.now();
    if (now.naive_utc() - sent).num_minutes().abs() >= MINUTES {
        return Err(wrong(format!("Signature expired: {time}")));
    }
    if !time.starts_with(day) || [region, service, end] != [REGION, "ecr", "aws4_request"] {
        return Err(wrong(format!(
            "Credential should be scoped to a valid region and service: {credential}"
        )));
    }
    let names: Vec<&str> = signed.split(';').collect();
    for needed in ["host", "x-amz-date", "x-amz-target", "x-amz-security-token"] {
        if !names.contains(&needed) {
            return Err(wrong(format!("'{needed}' must be a 'SignedHeader'")));
        }
    }
    if !names.is_sorted() {
        return Err(wrong("the signed headers are not in order".to_owned()));
    }
    let scope = [day, region, service, end];
    if calculated(parts, body, role, time, &names, scope) == signature {
        return Ok(());
    }
    Err(wrong(
        "The request signature we calculated does not match the signature you provided.".to_owned(),
    ))
}

/// Returns the signature of a request.
fn calculated(
    parts: &Parts,
    body: &[u8],
    role: &Role,
    time: &str,
    names: &[&str],
    scope: [&str; 4],
) -> String {
    let mut canonical = String::from("POST\n/\n\n");
    for name in names {
        let value = parts
            .headers
            .get(*name)
            .and_then(|value| value.to_str().ok());
        let value = value.unwrap_or_default().trim();
        writeln!(canonical, "{name}:{value}").expect("a text takes a line");
    }
    let signed = names.join(";");
    write!(canonical, "\n{signed}\n{}", hex(&Sha256::digest(body))).expect("a text takes a line");
    let hashed = hex(&Sha256::digest(canonical.as_bytes()));
    let text = format!("AWS4-HMAC-SHA256\n{time}\n{}\n{hashed}", scope.join("/"));
    let secret = format!("AWS4{}", role.secret).into_bytes();
    let secret = scope
        .iter()
        .fold(secret, |secret, part| hmac(&secret, part.as_bytes()));
    hex(&hmac(&secret, text.as_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a text takes a byte");
        text
    })
}

/// HMAC as RFC 2104 has it, with SHA-256.
fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut block = [0_u8; 64];
    let hashed = Sha256::digest(key);
    let key = if key.len() > 64 { &hashed[..] } else { key };
    block[..key.len()].copy_from_slice(key);
    let inner = Sha256::new()
        .chain_update(block.map(|byte| byte ^ 0x36))
        .chain_update(text)
        .finalize();
    Sha256::new()
        .chain_update(block.map(|byte| byte ^ 0x5c))
        .chain_update(inner)
        .finalize()
        .to_vec()
}

/// The first test case of RFC 4231 that has a short key.
#[test]
fn the_code_is_that_of_the_standard() {
    assert_eq!(
        hex(&hmac(b"Jefe", b"what do ya want for nothing?")),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    );
}
