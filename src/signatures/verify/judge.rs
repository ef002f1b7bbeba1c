//! Judging what was found about one image, entry by entry.
//!
//! Nothing is fetched here.

use std::str::FromStr as _;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::answer::{
    Approval, EvidenceState, Format, FoundSignature, Trap, Verification, VerifyOptions,
};
use super::standing;
use crate::formats::envelope::{Bundle, Envelope, Statement};
use crate::model::oci::Descriptor;
use crate::model::{Digest, ImageReference, Repository};
use crate::signatures::keyless::{Certified, Parts};
use crate::signatures::{SIGNATURE_ANNOTATION, approval, companion_tag, found};
use crate::signing::payload::Payload;
use crate::signing::{
    APPROVAL_PREDICATE, Refusal, SIGN_PREDICATE, check_bundle, check_legacy, unverified_predicate,
    verify_envelope_by,
};

/// Kyverno refuses an image with more referrers than this.
const KYVERNO_REFERRERS: usize = 50;

/// Who signed, once that is proven.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Signatory {
    Key(Digest),
    Identity(Certified),
}

impl Signatory {
    fn key(&self) -> Option<&Digest> {
        match self {
            Self::Key(key) => Some(key),
            Self::Identity(_) => None,
        }
    }

    /// Returns whether both are the same signer, whenever they signed.
    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Key(one), Self::Key(two)) => one == two,
            (Self::Identity(one), Self::Identity(two)) => {
                (&one.identity, &one.issuer) == (&two.identity, &two.issuer)
            }
            _ => false,
        }
    }

    /// Writes who it is into an entry.
    fn name(&self, entry: &mut FoundSignature) {
        match self {
            Self::Key(key) => entry.key_fingerprint = Some(key.clone()),
            Self::Identity(certified) => {
                entry.name.clone_from(&certified.name);
                entry.identity = Some(certified.identity.clone());
                entry.issuer = Some(certified.issuer.clone());
                entry.proven_time = certified.proven_time.map(seconds);
            }
        }
    }
}

/// A valid approval whose evidence is still to be looked for.
pub(super) struct Pending {
    /// The digest of the entry that holds it.
    stored_as: Digest,
    /// The approval.
    pub(super) approval: Approval,
}

/// Collects the answer, and what the warnings about other verifiers depend on.
pub(super) struct Judge<'a> {
    repository: &'a Repository,
    options: &'a VerifyOptions<'a>,
    pub(super) answer: Verification,
    /// Approvals that hold so far, in the order of their claimed times.
    pub(super) approvals: Vec<Pending>,
    /// Who made a valid legacy signature.
    legacy_signers: Vec<Signatory>,
    /// Who made a valid bundle of any predicate.
    bundle_signers: Vec<Signatory>,
    /// Whether any bundle can be parsed at all, which is what makes cosign ignore the `.sig` tag.
    readable_bundles: bool,
}

impl<'a> Judge<'a> {
    pub(super) fn new(
        repository: &'a Repository,
        image: &Digest,
        options: &'a VerifyOptions<'a>,
    ) -> Self {
        Self {
            repository,
            options,
            answer: Verification {
                image: format!("{repository}@{image}"),
                digest: image.clone(),
                signed: false,
                signatures: Vec::new(),
                attestations: Vec::new(),
                approval: None,
                trusted_root: options.keyless.map(|it| it.roots().source().clone()),
                traps: Vec::new(),
                warnings: Vec::new(),
            },
            approvals: Vec::new(),
            legacy_signers: Vec::new(),
            bundle_signers: Vec::new(),
            readable_bundles: false,
        }
    }

    /// Names the signatures of the Notary Project, and counts what Kyverno would.
    pub(super) fn referrers(&mut self, referrers: &found::Referrers) {
        for referrer in referrers.list.iter().filter(|it| it.is_notation()) {
            let digest = referrer.listed.digest.clone();
            let mut entry = FoundSignature::new(Format::Notation, digest);
            entry.reason = Some(
                "it is a Notation signature, which is not checked here; in Amazon ECR it may only mean that the image was pushed".to_owned(),
            );
            self.answer.signatures.push(entry);
        }
        if referrers.list.len() > KYVERNO_REFERRERS {
            self.trap(
                Trap::TooManyReferrers,
                format!(
                    "more than {KYVERNO_REFERRERS} artifacts refer to this image; Kyverno refuses an image with so many"
                ),
            );
        }
    }

    pub(super) fn bundle(&mut self, bundle: found::FoundBundle) {
        let mut entry = FoundSignature::new(Format::Bundle, bundle.stored_as);
        entry.predicate_type.clone_from(&bundle.annotated_predicate);
        entry.claimed_time = bundle.claimed_time;
        let checked = match &bundle.content {
            Err(reason) => Err(reason.clone()),
            Ok(bytes) => {
                if let Some(claimed) = unverified_predicate(bytes) {
                    self.readable_bundles = true;
                    self.compare_predicates(bundle.annotated_predicate, &claimed, &entry.stored_as);
                    entry.predicate_type = Some(claimed);
                }
                self.check_bundle(bytes)
            }
        };
        match checked {
            Err(reason) => entry.reason = Some(reason),
            Ok((who, statement)) => {
                if !self.bundle_signers.iter().any(|known| known.is(&who)) {
                    self.bundle_signers.push(who.clone());
                }
                let payload = bundle.content.ok();
                let payload = payload.and_then(|bytes| Bundle::parse(&bytes).ok());
                let payload = payload.map(|bundle| bundle.envelope.payload);
                self.statement(&mut entry, &who, statement, &payload.unwrap_or_default());
            }
        }
        let kind = entry.predicate_type.as_deref();
        if matches!(kind, None | Some(SIGN_PREDICATE | APPROVAL_PREDICATE)) {
            self.answer.signatures.push(entry);
        } else {
            self.answer.attestations.push(entry);
        }
    }

    fn check_bundle(&self, bytes: &[u8]) -> Result<(Signatory, Statement), String> {
        let image = &self.answer.digest;
        match (
            check_bundle(image, bytes, self.options.keys),
            self.options.keyless,
        ) {
            (Ok(valid), _) => Ok((Signatory::Key(valid.key), valid.statement)),
            (Err(Refusal::Certificate), Some(keyless)) => {
                let (who, statement) = keyless.check_bundle(image, bytes)?;
                Ok((Signatory::Identity(who), statement))
            }
            (Err(refusal), _) => Err(refusal.to_string()),
        }
    }

    /// Takes in a statement whose signature, signer and subject hold.
    fn statement(
        &mut self,
        entry: &mut FoundSignature,
        who: &Signatory,
        statement: Statement,
        payload: &[u8],
    ) {
        who.name(entry);
        let is_approval = statement.predicate_type == APPROVAL_PREDICATE;
        entry.predicate_type = Some(statement.predicate_type);
        if is_approval {
            entry.reason = self.approval(entry, who, statement.predicate);
        }
        entry.valid = entry.reason.is_none();
        if entry.valid {
            entry.predicate = predicate_text(payload);
        }
    }

    /// Returns why a review is no approval of this image here and now; keeps one that is.
    fn approval(
        &mut self,
        entry: &FoundSignature,
        who: &Signatory,
        predicate: Value,
    ) -> Option<String> {
        let said = predicate.get("decision").and_then(Value::as_str);
        if said == Some("reject") {
            self.trap(
                Trap::SignedRejection,
                "a trusted signer signed a rejection of this image; cosign 2.6.3 and later accept that statement as a signature".to_owned(),
            );
        }
        let refusal = approval::refusal(&predicate, self.options.now)
            .or_else(|| standing::other_key(&predicate, who.key()));
        if refusal.is_some() {
            return refusal;
        }
        if let Some(text) = standing::other_destination(&predicate, self.repository) {
            if self.options.strict {
                return Some(text);
            }
            self.answer.warnings.push(text);
        }
        self.approvals.push(Pending {
            stored_as: entry.stored_as.clone(),
            approval: Approval {
                key_fingerprint: who.key().cloned(),
                evidence: standing::evidence_of(&predicate),
                predicate,
            },
        });
        None
    }

    fn compare_predicates(&mut self, annotated: Option<String>, claimed: &str, stored_as: &Digest) {
        if let Some(annotated) = annotated.filter(|annotated| annotated != claimed) {
            self.answer.warnings.push(format!(
                "bundle {stored_as} is announced as `{annotated}` and holds `{claimed}`; what it holds counts"
            ));
        }
    }

    pub(super) fn legacy(&mut self, found: found::FoundLayer) {
        let mut entry = FoundSignature::new(Format::Legacy, found.layer.digest.clone());
        let checked = found
            .payload
            .and_then(|payload| self.check_layer(&found.layer, &payload));
        match checked {
            Err(reason) => entry.reason = Some(reason),
            Ok((who, payload)) => {
                who.name(&mut entry);
                entry.claimed_time = claimed_time(&payload);
                entry.reason = self.other_repository(&payload.docker_reference);
                entry.valid = entry.reason.is_none();
                self.legacy_signers.push(who);
            }
        }
        self.answer.signatures.push(entry);
    }

    fn check_layer(
        &self,
        layer: &Descriptor,
        bytes: &[u8],
    ) -> Result<(Signatory, Payload), String> {
        let image = &self.answer.digest;
        let signature = layer.annotations.get(SIGNATURE_ANNOTATION);
        let signature = signature.map(String::as_str);
        let parts = Parts::of(&layer.annotations);
        let refusal = match check_legacy(image, &layer.digest, bytes, signature, self.options.keys)
        {
            Ok(valid) => return Ok((Signatory::Key(valid.key), valid.payload)),
            Err(refusal) => refusal,
        };
        match (refusal, parts, self.options.keyless) {
            (Refusal::UnknownKey, Some(parts), Some(keyless)) => {
                let who = keyless.check_layer(bytes, &parts)?;
                let payload = Payload::parse(bytes).map_err(|error| error.to_string())?;
                if payload.digest != *image {
                    let signed = payload.digest.to_string();
                    return Err(Refusal::OtherImage { signed }.to_string());
                }
                Ok((Signatory::Identity(who), payload))
            }
            (Refusal::UnknownKey, Some(_), None) => Err(Refusal::Certificate.to_string()),
            (refusal, ..) => Err(refusal.to_string()),
        }
    }

    /// Judges a statement behind the `.att` tag. No verifier takes one for a signature, whatever it
    /// says; neither does this one.
    pub(super) fn attestation(&mut self, found: found::FoundLayer) {
        let mut entry = FoundSignature::new(Format::Legacy, found.layer.digest.clone());
        let annotated = found.layer.annotations.get("predicateType").cloned();
        entry.predicate_type = annotated;
        let checked = found.payload.and_then(|bytes| {
            let (who, statement) = self.check_envelope(&found.layer, &bytes)?;
            Ok((who, statement, bytes))
        });
        match checked {
            Err(reason) => entry.reason = Some(reason),
            Ok((who, statement, bytes)) => {
                let payload = Envelope::parse(&bytes).ok();
                let payload = payload.map(|envelope| envelope.payload);
                self.statement(&mut entry, &who, statement, &payload.unwrap_or_default());
            }
        }
        self.answer.attestations.push(entry);
    }

    fn check_envelope(
        &self,
        layer: &Descriptor,
        bytes: &[u8],
    ) -> Result<(Signatory, Statement), String> {
        let image = &self.answer.digest;
        if !layer.digest.matches(bytes) {
            let (named, found) = (layer.digest.clone(), Digest::of(bytes));
            return Err(Refusal::Altered { named, found }.to_string());
        }
        let refusal = match verify_envelope_by(bytes, self.options.keys) {
            Ok((_, statement)) if statement.subject_with(image).is_none() => {
                return Err("its statement is about another image, not this image".to_owned());
            }
            Ok((key, statement)) => return Ok((Signatory::Key(key), statement)),
            Err(refusal) => refusal,
        };
        match (refusal, Parts::of(&layer.annotations), self.options.keyless) {
            (Refusal::UnknownKey, Some(parts), Some(keyless)) => {
                let (who, statement) = keyless.check_envelope(image, bytes, &parts)?;
                Ok((Signatory::Identity(who), statement))
            }
            (Refusal::UnknownKey, Some(_), None) => Err(Refusal::Certificate.to_string()),
            (refusal, ..) => Err(refusal.to_string()),
        }
    }

    /// Returns the refusal of a signature that names another repository; warns where that is
    /// allowed, as cosign allows it.
    pub(super) fn other_repository(&mut self, reference: &str) -> Option<String> {
        let named = ImageReference::from_str(reference).map(|image| image.repository);
        if named.is_ok_and(|named| named == *self.repository) {
            return None;
        }
        let text = format!("the signature names `{reference}`, not {}", self.repository);
        if self.options.strict {
            return Some(text);
        }
        self.answer.warnings.push(text);
        None
    }

    fn trap(&mut self, trap: Trap, text: String) {
        if !self.answer.traps.contains(&trap) {
            self.answer.traps.push(trap);
            self.answer.warnings.push(text);
        }
    }

    /// Takes the approvals whose evidence stands, and takes back those whose evidence does not.
    fn settle_approvals(&mut self) {
        for pending in std::mem::take(&mut self.approvals) {
            let with = |state: EvidenceState| {
                let mut evidence = pending.approval.evidence.iter();
                evidence.find(|one| one.state == state)
            };
            let mut reason = with(EvidenceState::Altered).map(|one| {
                let (name, sha256) = (&one.name, &one.sha256);
                format!("the archive does not hold {name} as the approval saw it ({sha256})")
            });
            if let (None, Some(one)) = (&reason, with(EvidenceState::Missing)) {
                let text = format!("the archive does not have {} ({})", one.name, one.sha256);
                if self.options.strict {
                    reason = Some(text);
                } else {
                    self.answer.warnings.push(text);
                }
            }
            let Some(reason) = reason else {
                self.answer.approval = Some(pending.approval);
                continue;
            };
            let answer = &mut self.answer;
            let entries = answer.signatures.iter_mut().chain(&mut answer.attestations);
            for entry in entries.filter(|entry| entry.stored_as == pending.stored_as) {
                entry.valid = false;
                entry.predicate = None;
                entry.reason = Some(reason.clone());
            }
        }
    }

    pub(super) fn finish(mut self) -> Verification {
        self.settle_approvals();
        self.answer.signed = self.answer.signatures.iter().any(|entry| entry.valid);
        if !self.answer.signed && !self.bundle_signers.is_empty() {
            self.trap(
                Trap::AttestedNotSigned,
                "attested but NOT signed: cosign 2.6.3 and later accept any statement by this signer as a signature of the image, even a rejection".to_owned(),
            );
        }
        let in_bundle = |who: &Signatory| self.bundle_signers.iter().any(|known| known.is(who));
        let hidden = !self.legacy_signers.iter().all(in_bundle);
        if hidden && self.readable_bundles {
            let tag = companion_tag(&self.answer.digest, "sig");
            self.trap(
                Trap::LegacyHidden,
                format!(
                    "cosign 2.6.3 and later will not find the signature behind tag {tag}, because a bundle by another key is attached; sign again to add a bundle"
                ),
            );
        }
        self.answer
    }
}

/// Returns the text of a statement's predicate, byte for byte.
fn predicate_text(payload: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Text<'a> {
        #[serde(borrow)]
        predicate: &'a RawValue,
    }
    let text: Text<'_> = serde_json::from_slice(payload).ok()?;
    Some(text.predicate.get().to_owned())
}

/// Returns the time that a payload claims, in RFC 3339.
fn claimed_time(payload: &Payload) -> Option<String> {
    let timestamp = payload.optional.get("timestamp")?.as_i64()?;
    DateTime::<Utc>::from_timestamp(timestamp, 0).map(seconds)
}

fn seconds(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_the_same_by_any_of_its_names() {
        let options = VerifyOptions {
            keys: &[],
            keyless: None,
            archive: None,
            strict: true,
            now: DateTime::UNIX_EPOCH,
        };
        let repository = |name: &str| name.parse::<ImageReference>().unwrap().repository;
        for (signed, image, same) in [
            ("index.docker.io/library/alpine", "alpine", true),
            ("docker.io/library/alpine:3.20", "alpine", true),
            ("127.0.0.1:5000/lab/app", "127.0.0.1:5000/lab/app", true),
            ("127.0.0.1:5000/lab/app", "127.0.0.1:5000/lab/other", false),
            ("registry.test/lab/app", "127.0.0.1:5000/lab/app", false),
            ("", "alpine", false),
            ("Not A Name", "alpine", false),
        ] {
            let repository = repository(image);
            let mut judge = Judge::new(&repository, &Digest::of(b""), &options);
            let refused = judge.other_repository(signed);
            assert_eq!(refused.is_none(), same, "{signed} for {image}: {refused:?}");
        }
    }

    #[test]
    fn a_predicate_keeps_its_text() {
        let text = predicate_text(br#"{"a": 1, "predicate": { "b" :1.10, "a": [ ] } }"#);
        assert_eq!(text.as_deref(), Some(r#"{ "b" :1.10, "a": [ ] }"#));
        assert_eq!(predicate_text(b"{}"), None);
    }
}
