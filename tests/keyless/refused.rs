//! Keyless signatures that are wrong in one place: none counts, and each says why.
//!
//! The right ones are in the parent.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use countersign::model::Digest;
use countersign::signatures::Roots;
use serde_json::{Value, json};

use super::{ISSUER, WORKFLOW, exactly, signature_of, trusting};
use crate::support::authority::{Authority, Who};
use countersign::signatures::{Keyless, Pattern};

fn image() -> Digest {
    Digest::of(b"the image")
}

fn check(keyless: &Keyless, bundle: &Value) -> Result<(), String> {
    keyless
        .check_bundle(&image(), bundle.to_string().as_bytes())
        .map(|_certified| ())
}

/// Returns why a bundle is refused; panics where it is not.
fn refusal(name: &str, keyless: &Keyless, bundle: &Value) -> String {
    match check(keyless, bundle) {
        Ok(()) => panic!("{name}: it is accepted"),
        Err(reason) => reason,
    }
}

#[test]
fn a_wrong_or_missing_identity_or_issuer_is_refused() {
    let authority = Authority::new();
    let bundle = authority.bundle(&signature_of(&image()), &Who::new(WORKFLOW, ISSUER));
    assert_eq!(
        check(&exactly(&authority, WORKFLOW, ISSUER), &bundle),
        Ok(())
    );
    let longer = format!("{WORKFLOW}x");
    let upper = WORKFLOW.to_uppercase();
    for (identity, issuer) in [
        ("https://github.com/example/app", ISSUER),
        (longer.as_str(), ISSUER),
        (upper.as_str(), ISSUER),
        ("", ISSUER),
        (WORKFLOW, "https://token.actions.githubusercontent.com/"),
        (WORKFLOW, "https://accounts.example.test"),
        (WORKFLOW, ""),
        (ISSUER, WORKFLOW),
    ] {
        let reason = refusal(identity, &exactly(&authority, identity, issuer), &bundle);
        assert!(reason.contains("who is not trusted"), "{reason}");
        assert!(
            reason.contains(WORKFLOW) && reason.contains(ISSUER),
            "{reason}"
        );
    }
    let silent = Who {
        issuer: None,
        ..Who::new(WORKFLOW, ISSUER)
    };
    let bundle = authority.bundle(&signature_of(&image()), &silent);
    let anything = || Pattern::expression("").expect("it is an expression");
    let anyone = trusting(&authority.trusted_root(), anything(), anything());
    assert!(refusal("silent", &anyone, &bundle).contains("names no issuer"));
    let nobody = Keyless::new(Roots::built_in().expect("it is a root"), Vec::new());
    refusal("nobody", &nobody, &bundle);
}

#[test]
fn another_root_is_refused() {
    let authority = Authority::new();
    let bundle = authority.bundle(&signature_of(&image()), &Who::new(WORKFLOW, ISSUER));
    let stranger = exactly(&Authority::new(), WORKFLOW, ISSUER);
    refusal("another authority", &stranger, &bundle);
    let names = |root: &Value| {
        let exact = |text: &str| Pattern::Exact(text.to_owned());
        trusting(root, exact(WORKFLOW), exact(ISSUER))
    };
    let own = authority.trusted_root();
    let others = Authority::new().trusted_root();
    for part in ["certificateAuthorities", "ctlogs", "tlogs"] {
        let mut root = own.clone();
        root[part] = others[part].clone();
        refusal(part, &names(&root), &bundle);
        if part != "certificateAuthorities" {
            root[part] = json!([]);
            refusal(part, &names(&root), &bundle);
        }
    }
    for (part, pointer) in [
        ("authority", "/certificateAuthorities/0/validFor"),
        ("certificate log", "/ctlogs/0/publicKey/validFor"),
        ("log", "/tlogs/0/publicKey/validFor"),
    ] {
        let mut root = own.clone();
        let window = root.pointer_mut(pointer).expect("it is there");
        *window = json!({"start": "2024-01-01T00:00:00Z", "end": "2024-12-31T00:00:00Z"});
        refusal(part, &names(&root), &bundle);
    }
    let public = Roots::built_in().expect("it is a root");
    let public = Keyless::new(
        public,
        vec![countersign::signatures::TrustedIdentity {
            name: None,
            identity: Pattern::Exact(WORKFLOW.to_owned()),
            issuer: Pattern::Exact(ISSUER.to_owned()),
        }],
    );
    refusal("the public root", &public, &bundle);
}

#[test]
fn a_certificate_without_proof_or_purpose_is_refused() {
    let authority = Authority::new();
    let keyless = exactly(&authority, WORKFLOW, ISSUER);
    let right = Who::new(WORKFLOW, ISSUER);
    let unlogged = Who {
        is_logged: false,
        ..right.clone()
    };
    let reason = refusal(
        "unlogged",
        &keyless,
        &authority.bundle(&signature_of(&image()), &unlogged),
    );
    assert!(reason.contains("SCT"), "{reason}");
    let for_servers = Who {
        signs_code: false,
        ..right.clone()
    };
    refusal(
        "for servers",
        &keyless,
        &authority.bundle(&signature_of(&image()), &for_servers),
    );
    // The log's clock decides: before the certificate begins, after it ends, in the future.
    for minutes in [-1, 11, 60 * 24 * 365 * 100] {
        let late = Who {
            logged: right.from + TimeDelta::minutes(minutes),
            ..right.clone()
        };
        let bundle = authority.bundle(&signature_of(&image()), &late);
        refusal("logged at another time", &keyless, &bundle);
    }
    let authority = authority.with_other_certificate_log();
    refusal(
        "proof of another certificate log",
        &keyless,
        &authority.bundle(&signature_of(&image()), &right),
    );
}

/// An edit of a bundle: its name, the place, and what is put there; nothing: what is there is removed.
type Edit = (&'static str, String, Option<Value>);

const ENTRY: &str = "/verificationMaterial/tlogEntries/0";

/// Edits of the entry and of its proofs.
fn edits_of_the_entry(later: &str) -> Vec<Edit> {
    let zeros = STANDARD.encode([0; 32]);
    let entry = |place: &str| format!("{ENTRY}/{place}");
    let rows: [(&'static str, String, Option<Value>); 13] = [
        (
            "no entry",
            "/verificationMaterial/tlogEntries".to_owned(),
            Some(json!([])),
        ),
        ("no proof", entry("inclusionProof"), None),
        ("no promise", entry("inclusionPromise"), None),
        ("no checkpoint", entry("inclusionProof/checkpoint"), None),
        ("no path", entry("inclusionProof/hashes"), Some(json!([]))),
        (
            "another path",
            entry("inclusionProof/hashes/0"),
            Some(json!(zeros)),
        ),
        (
            "another root hash",
            entry("inclusionProof/rootHash"),
            Some(json!(zeros)),
        ),
        (
            "another size",
            entry("inclusionProof/treeSize"),
            Some(json!("3")),
        ),
        ("another time", entry("integratedTime"), Some(json!(later))),
        ("no time", entry("integratedTime"), Some(json!("0"))),
        ("another index", entry("logIndex"), Some(json!("1"))),
        ("another log", entry("logId/keyId"), Some(json!(zeros))),
        (
            "another kind",
            entry("kindVersion/kind"),
            Some(json!("hashedrekord")),
        ),
    ];
    rows.into()
}

/// Edits that take a part from another bundle by the same signer, or change what is signed.
fn edits_of_the_rest(good: &Value, other: &Value) -> Vec<Edit> {
    let part = |place: &str| Some(other.pointer(place).expect("it is there").clone());
    let promise = format!("{ENTRY}/inclusionPromise");
    let certificate = "/verificationMaterial/certificate";
    let signatures = "/dsseEnvelope/signatures";
    let version = "application/vnd.dev.sigstore.bundle+json;version=0.2";
    let two = json!([
        good["dsseEnvelope"]["signatures"][0],
        other["dsseEnvelope"]["signatures"][0]
    ]);
    vec![
        ("another's entry", ENTRY.to_owned(), part(ENTRY)),
        ("another's promise", promise.clone(), part(&promise)),
        (
            "another's certificate",
            certificate.to_owned(),
            part(certificate),
        ),
        ("no certificate", certificate.to_owned(), None),
        (
            "another's signature",
            signatures.to_owned(),
            part(signatures),
        ),
        ("two signatures", signatures.to_owned(), Some(two)),
        (
            "another type",
            "/dsseEnvelope/payloadType".to_owned(),
            Some(json!("application/json")),
        ),
        (
            "an older version",
            "/mediaType".to_owned(),
            Some(json!(version)),
        ),
    ]
}

#[test]
fn a_log_entry_that_is_missing_or_changed_is_refused() {
    let authority = Authority::new();
    let keyless = exactly(&authority, WORKFLOW, ISSUER);
    let right = Who::new(WORKFLOW, ISSUER);
    let good = authority.bundle(&signature_of(&image()), &right);
    let other = authority.bundle(&signature_of(&image()), &right);
    let later = (right.logged.timestamp() + 1).to_string();
    assert_eq!(check(&keyless, &good), Ok(()));
    let edits = [edits_of_the_entry(&later), edits_of_the_rest(&good, &other)].concat();
    for (name, place, value) in &edits {
        let mut bundle = good.clone();
        let (parent, key) = place.rsplit_once('/').expect("it is a pointer");
        let parent = bundle.pointer_mut(parent).expect("it is there");
        match (parent, value) {
            (Value::Array(list), Some(value)) => {
                list[key.parse::<usize>().expect("a number")] = value.clone();
            }
            (parent, Some(value)) => parent[key] = value.clone(),
            (parent, None) => {
                let fields = parent.as_object_mut().expect("it is an object");
                assert!(fields.remove(key).is_some(), "{name}");
            }
        }
        assert_ne!(bundle, good, "{name}");
        let reason = refusal(name, &keyless, &bundle);
        assert!(!reason.is_empty(), "{name}");
    }
    let elsewhere = Authority::new();
    let elsewhere = exactly(&elsewhere, WORKFLOW, ISSUER);
    refusal("all of another authority", &elsewhere, &good);
    let authority = authority.with_other_log();
    let bundle = authority.bundle(&signature_of(&image()), &right);
    refusal("entry of another log", &keyless, &bundle);
}

#[test]
fn a_statement_that_was_changed_or_is_about_something_else_is_refused() {
    let authority = Authority::new();
    let keyless = exactly(&authority, WORKFLOW, ISSUER);
    let right = Who::new(WORKFLOW, ISSUER);
    let other = Digest::of(b"another image");
    let bundle = authority.bundle(&signature_of(&other), &right);
    let reason = refusal("another image", &keyless, &bundle);
    assert!(reason.contains("another image"), "{reason}");
    let mut changed = bundle.clone();
    changed["dsseEnvelope"]["payload"] = json!(STANDARD.encode(signature_of(&image())));
    refusal("payload exchanged", &keyless, &changed);
    for subject in [
        json!([]),
        json!([{"digest": {"sha512": "0".repeat(128)}}]),
        json!([{"digest": {}}]),
    ] {
        let text = json!({"_type": "https://in-toto.io/Statement/v1", "predicate": {},
            "predicateType": "https://sigstore.dev/cosign/sign/v1", "subject": subject});
        let bundle = authority.bundle(text.to_string().as_bytes(), &right);
        refusal("subject", &keyless, &bundle);
    }
    let twice = String::from_utf8(signature_of(&image())).expect("it is text");
    let twice = twice.replacen('{', r#"{"predicateType":"x","#, 1);
    refusal(
        "a key twice",
        &keyless,
        &authority.bundle(twice.as_bytes(), &right),
    );
}

#[test]
fn an_expired_certificate_needs_a_proven_time() {
    // The certificate ended years ago. The log's promise proves that it was used before; without it nothing does.
    let authority = Authority::new();
    let keyless = exactly(&authority, WORKFLOW, ISSUER);
    let good = authority.bundle(&signature_of(&image()), &Who::new(WORKFLOW, ISSUER));
    assert_eq!(check(&keyless, &good), Ok(()));
    let mut without = good.clone();
    let entry = &mut without["verificationMaterial"]["tlogEntries"][0];
    let fields = entry.as_object_mut().expect("it is an object");
    fields.remove("inclusionPromise");
    let reason = refusal("no proven time", &keyless, &without);
    assert!(reason.to_lowercase().contains("timestamp"), "{reason}");
}
