//! Signatures with a certificate instead of a key: who signed, proven by logs, without a connection.
//!
//! The cryptography is that of the `sigstore-verify` crate. Every certificate must lead to a
//! trusted root, carry the proof of a certificate log, and have been used while it was valid, which
//! a transparency log or a time stamp proves. Where signatures are found is `found`'s work.

mod older;
mod root;

#[cfg(test)]
mod tests;

pub(super) use older::Parts;
pub use root::{BUILT_IN_DATE, RootError, RootSource, Roots};

use std::fmt;

use chrono::{DateTime, Utc};
use regex_lite::{Regex, RegexBuilder};
use sigstore_verify::types::{Bundle as SigstoreBundle, Sha256Hash};
use sigstore_verify::{VerificationPolicy, VerificationResult};

use crate::formats::envelope::{Bundle, Statement};
use crate::model::Digest;

/// The largest compiled pattern, in bytes.
const LARGEST_PATTERN: usize = 1 << 20;

/// What an identity or an issuer must be.
#[derive(Clone, Debug)]
pub enum Pattern {
    /// This text.
    Exact(String),
    /// Text in which this expression matches somewhere, as cosign's `-regexp` options have it.
    Expression(Regex),
}

impl Pattern {
    /// Compiles a regular expression.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn expression(text: &str) -> Result<Self, String> {
        RegexBuilder::new(text)
            .size_limit(LARGEST_PATTERN)
            .build()
            .map(Self::Expression)
            .map_err(|error| error.to_string())
    }

    /// Returns whether text is what it must be.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        match self {
            Self::Exact(wanted) => wanted == text,
            Self::Expression(expression) => expression.is_match(text),
        }
    }

    /// Returns whether more may stand before or after what matches.
    #[must_use]
    pub fn is_open(&self) -> bool {
        match self {
            Self::Exact(_) => false,
            Self::Expression(expression) => {
                let text = expression.as_str();
                !(text.starts_with('^') && text.ends_with('$')) || text.contains('|')
            }
        }
    }
}

/// Somebody who may sign: both must match the certificate.
#[derive(Clone, Debug)]
pub struct TrustedIdentity {
    /// The name in the trust file; none for one of the command line.
    pub name: Option<String>,
    /// Whom the certificate names: an e-mail address or the address of a workflow.
    pub identity: Pattern,
    /// Who vouched for that.
    pub issuer: Pattern,
}

/// Whom a certificate names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certified {
    /// The name in the trust file.
    pub name: Option<String>,
    /// The identity.
    pub identity: String,
    /// Its issuer.
    pub issuer: String,
    /// The earliest time that a log or a time stamp proves.
    pub proven_time: Option<DateTime<Utc>>,
}

/// Who may sign without a key, and the roots that certificates are checked against.
pub struct Keyless {
    roots: Roots,
    identities: Vec<TrustedIdentity>,
}

impl fmt::Debug for Keyless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Keyless");
        shown.field("roots", &self.roots);
        shown.field("identities", &self.identities).finish()
    }
}

impl Keyless {
    /// Trusts identities whose certificates lead to these roots.
    #[must_use]
    pub fn new(roots: Roots, identities: Vec<TrustedIdentity>) -> Self {
        Self { roots, identities }
    }

    /// Returns the roots.
    #[must_use]
    pub fn roots(&self) -> &Roots {
        &self.roots
    }

    /// Checks a Sigstore bundle with a certificate about an image; returns who signed, and the
    /// statement. What the statement says is still the caller's to check.
    ///
    /// # Errors
    /// Why it does not count, in words.
    pub fn check_bundle(
        &self,
        image: &Digest,
        bundle: &[u8],
    ) -> Result<(Certified, Statement), String> {
        // The strict reader goes first: both must see the same document.
        let strict = Bundle::parse(bundle).map_err(|error| error.to_string())?;
        let text = std::str::from_utf8(bundle).map_err(|error| error.to_string())?;
        let read = SigstoreBundle::from_json(text).map_err(|error| error.to_string())?;
        self.check_statement(image, &read, &strict.envelope.payload)
    }

    fn check_statement(
        &self,
        image: &Digest,
        bundle: &SigstoreBundle,
        payload: &[u8],
    ) -> Result<(Certified, Statement), String> {
        let digest = Sha256Hash::from_hex(image.hex())
            .map_err(|_other| "certificates are checked for SHA-256 digests only".to_owned())?;
        let statement = Statement::parse(payload).map_err(|error| error.to_string())?;
        if statement.subject_with(image).is_none() {
            return Err("its statement is about another image, not this image".to_owned());
        }
        let result = self
            .roots
            .verifier()
            .verify(digest, bundle, &VerificationPolicy::any_identity())
            .map_err(|error| error.to_string())?;
        Ok((self.certified(&result)?, statement))
    }

    /// Checks a signature in cosign's older layout: `payload` with the annotations of its layer.
    ///
    /// # Errors
    /// Why it does not count, in words.
    pub(super) fn check_layer(
        &self,
        payload: &[u8],
        parts: &older::Parts<'_>,
    ) -> Result<Certified, String> {
        let bundle = older::signature(payload, parts)?;
        let result = self
            .roots
            .verifier()
            .verify(payload, &bundle, &VerificationPolicy::any_identity())
            .map_err(|error| error.to_string())?;
        self.certified(&result)
    }

    /// Checks an attestation in cosign's older layout: a DSSE envelope with the annotations of its
    /// layer.
    ///
    /// # Errors
    /// Why it does not count, in words.
    pub(super) fn check_envelope(
        &self,
        image: &Digest,
        envelope: &[u8],
        parts: &older::Parts<'_>,
    ) -> Result<(Certified, Statement), String> {
        let strict = crate::formats::envelope::Envelope::parse(envelope)
            .map_err(|error| error.to_string())?;
        let bundle = older::statement(envelope, parts)?;
        self.check_statement(image, &bundle, &strict.payload)
    }

    /// Compares what a certificate names, once everything about it holds.
    fn certified(&self, result: &VerificationResult) -> Result<Certified, String> {
        // All were asked for; this keeps a change of the library from weakening the answer.
        if !(result.certificate_verified() && result.sct_verified() && result.tlog_verified()) {
            return Err("its certificate or a log's proof was not checked".to_owned());
        }
        let identity = result.identity().map(ToString::to_string);
        let identity = identity.ok_or("its certificate names nobody")?;
        let issuer = result.issuer().map(str::to_owned);
        let issuer = issuer.ok_or("its certificate names no issuer")?;
        let trusted = self
            .identities
            .iter()
            .find(|trusted| trusted.identity.matches(&identity) && trusted.issuer.matches(&issuer));
        let Some(trusted) = trusted else {
            return Err(format!(
                "its certificate names `{identity}` of the issuer `{issuer}`, who is not trusted"
            ));
        };
        let times = result.verified_timestamps().iter();
        let earliest = times.map(|time| time.as_second()).min();
        Ok(Certified {
            name: trusted.name.clone(),
            identity,
            issuer,
            proven_time: earliest.and_then(|seconds| DateTime::from_timestamp(seconds, 0)),
        })
    }
}
