//! A Sigstore of the tests' own: a certificate authority, a certificate log and a transparency log.
//!
//! It issues what the public services issue, in the same encodings, and what they never would.
//! Nothing here verifies anything.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{DerSignature, SigningKey};
use p256::elliptic_curve::rand_core::OsRng;
use p256::pkcs8::EncodePublicKey as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// When everything happens, unless a test says otherwise.
pub(crate) const NOON: &str = "2025-03-01T12:00:00Z";

const SIGNED_BY: &str = "1.2.840.10045.4.3.2";
const CERTIFICATE_LOG_PROOFS: &str = "1.3.6.1.4.1.11129.2.4.2";
const ISSUER: &str = "1.3.6.1.4.1.57264.1.8";

/// A key pair of one of the services, or of a signer.
pub(crate) struct Pair {
    secret: SigningKey,
    /// The public key's `SubjectPublicKeyInfo` in DER.
    public: Vec<u8>,
}

impl Pair {
    pub(crate) fn new() -> Self {
        let secret = SigningKey::random(&mut OsRng);
        let public = secret.verifying_key().to_public_key_der();
        let public = public.expect("a key can be encoded").into_vec();
        Self { secret, public }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature: DerSignature = self.secret.sign(message);
        signature.as_bytes().to_vec()
    }

    /// The id by which logs are known.
    fn id(&self) -> [u8; 32] {
        Sha256::digest(&self.public).into()
    }
}

/// What a certificate and its log entry shall say.
#[derive(Clone)]
pub(crate) struct Who {
    /// An e-mail address, or the address of a workflow.
    pub(crate) identity: String,
    /// Who vouched; none: the certificate does not say.
    pub(crate) issuer: Option<String>,
    /// When the certificate begins; it ends ten minutes later.
    pub(crate) from: DateTime<Utc>,
    /// When the log saw the signature.
    pub(crate) logged: DateTime<Utc>,
    /// Whether the certificate carries the proof of the certificate log.
    pub(crate) is_logged: bool,
    /// Whether the certificate may be used to sign code.
    pub(crate) signs_code: bool,
}

impl Who {
    pub(crate) fn new(identity: &str, issuer: &str) -> Self {
        let noon: DateTime<Utc> = NOON.parse().expect("it is a time");
        Self {
            identity: identity.to_owned(),
            issuer: Some(issuer.to_owned()),
            from: noon,
            logged: noon + chrono::TimeDelta::minutes(1),
            is_logged: true,
            signs_code: true,
        }
    }
}

/// The services, with their keys.
pub(crate) struct Authority {
    root: Pair,
    certificates: Pair,
    signatures: Pair,
}

/// A signer with a certificate.
pub(crate) struct Certified {
    pair: Pair,
    /// The certificate in DER.
    pub(crate) certificate: Vec<u8>,
}

impl Certified {
    pub(crate) fn pem(&self) -> String {
        let text = STANDARD.encode(&self.certificate);
        let lines: Vec<&str> = text
            .as_bytes()
            .chunks(64)
            .map(|line| std::str::from_utf8(line).expect("base64 is ASCII"))
            .collect();
        format!(
            "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
            lines.join("\n")
        )
    }
}

impl Authority {
    pub(crate) fn new() -> Self {
        Self {
            root: Pair::new(),
            certificates: Pair::new(),
            signatures: Pair::new(),
        }
    }

    /// The same authority with another certificate log.
    pub(crate) fn with_other_certificate_log(self) -> Self {
        Self {
            certificates: Pair::new(),
            ..self
        }
    }

    /// The same authority with another transparency log.
    pub(crate) fn with_other_log(self) -> Self {
        Self {
            signatures: Pair::new(),
            ..self
        }
    }

    /// Returns the trusted root, as `--trusted-root` takes it.
    pub(crate) fn trusted_root(&self) -> Value {
        let log = |pair: &Pair, name: &str| {
            json!({
                "baseUrl": format!("https://{name}.test"),
                "hashAlgorithm": "SHA2_256",
                "publicKey": {
                    "rawBytes": STANDARD.encode(&pair.public),
                    "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                    "validFor": {"start": "2024-01-01T00:00:00Z"},
                },
                "logId": {"keyId": STANDARD.encode(pair.id())},
            })
        };
        json!({
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [log(&self.signatures, "log")],
            "certificateAuthorities": [{
                "subject": {"organization": "tests", "commonName": "authority of the tests"},
                "uri": "https://authority.test",
                "certChain": {"certificates": [{"rawBytes": STANDARD.encode(self.root_certificate())}]},
                "validFor": {"start": "2024-01-01T00:00:00Z"},
            }],
            "ctlogs": [log(&self.certificates, "certificates")],
            "timestampAuthorities": [],
        })
    }

    fn root_certificate(&self) -> Vec<u8> {
        let from: DateTime<Utc> = "2024-01-01T00:00:00Z".parse().expect("it is a time");
        let until: DateTime<Utc> = "2034-01-01T00:00:00Z".parse().expect("it is a time");
        let constraints = extension("2.5.29.19", true, &tlv(0x30, &[&tlv(0x01, &[&[0xff]])]));
        let usage = extension("2.5.29.15", true, &[0x03, 0x02, 0x01, 0x06]);
        let name = own_name();
        let certificate = unsigned(
            &name,
            &name,
            (from, until),
            &self.root.public,
            &[constraints, usage],
        );
        self.signed(&certificate)
    }

    fn signed(&self, unsigned: &[u8]) -> Vec<u8> {
        let signature = [&[0][..], &self.root.sign(unsigned)].concat();
        tlv(0x30, &[unsigned, &algorithm(), &tlv(0x03, &[&signature])])
    }

    /// Issues a certificate for a new key.
    pub(crate) fn certify(&self, who: &Who) -> Certified {
        let pair = Pair::new();
        let until = who.from + chrono::TimeDelta::minutes(10);
        let purpose = if who.signs_code {
            "1.3.6.1.5.5.7.3.3"
        } else {
            "1.3.6.1.5.5.7.3.1"
        };
        let kind = if who.identity.contains("://") {
            0x86
        } else {
            0x81
        };
        let mut extensions = vec![
            extension("2.5.29.15", true, &[0x03, 0x02, 0x07, 0x80]),
            extension("2.5.29.37", false, &tlv(0x30, &[&oid(purpose)])),
            extension(
                "2.5.29.17",
                true,
                &tlv(0x30, &[&tlv(kind, &[who.identity.as_bytes()])]),
            ),
        ];
        if let Some(issuer) = &who.issuer {
            extensions.push(extension(ISSUER, false, &tlv(0x0c, &[issuer.as_bytes()])));
        }
        let subject = tlv(0x30, &[]);
        let build = |extensions: &[Vec<u8>]| {
            unsigned(
                &own_name(),
                &subject,
                (who.from, until),
                &pair.public,
                extensions,
            )
        };
        if who.is_logged {
            let proofs = self.certificate_proofs(&build(&extensions), who.from);
            extensions.push(extension(
                CERTIFICATE_LOG_PROOFS,
                false,
                &tlv(0x04, &[&proofs]),
            ));
        }
        let certificate = self.signed(&build(&extensions));
        Certified { pair, certificate }
    }

    /// Returns the certificate log's promise (RFC 6962) in its list.
    fn certificate_proofs(&self, certificate: &[u8], time: DateTime<Utc>) -> Vec<u8> {
        let millis = u64::try_from(time.timestamp_millis()).expect("it is after 1970");
        let length = u32::try_from(certificate.len())
            .expect("it is short")
            .to_be_bytes();
        let signed = [
            &[0, 0][..],
            &millis.to_be_bytes(),
            &[0, 1],
            &Sha256::digest(&self.root.public),
            &length[1..],
            certificate,
            &[0, 0],
        ]
        .concat();
        let signature = self.certificates.sign(&signed);
        let proof = [
            &[0][..],
            &self.certificates.id(),
            &millis.to_be_bytes(),
            &[0, 0, 4, 3],
            &short(signature.len()),
            &signature,
        ]
        .concat();
        let list = [&short(proof.len())[..], &proof].concat();
        [&short(list.len())[..], &list].concat()
    }

    /// Returns a bundle of version 0.3 around an in-toto statement.
    pub(crate) fn bundle(&self, statement: &[u8], who: &Who) -> Value {
        let signer = self.certify(who);
        let (envelope, signature) = envelope(&signer.pair, statement);
        let entry = self.entry(&statement_body(&signer, statement, &signature), who.logged);
        json!({
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {
                "certificate": {"rawBytes": STANDARD.encode(&signer.certificate)},
                "tlogEntries": [entry],
            },
            "dsseEnvelope": envelope,
        })
    }

    /// Returns the annotations of a signature over a payload in cosign's older layout.
    pub(crate) fn layer(&self, payload: &[u8], who: &Who) -> BTreeMap<String, String> {
        let signer = self.certify(who);
        let signature = STANDARD.encode(signer.pair.sign(payload));
        let body = json!({
            "apiVersion": "0.0.1",
            "kind": "hashedrekord",
            "spec": {
                "data": {"hash": {"algorithm": "sha256", "value": hex(&Sha256::digest(payload))}},
                "signature": {
                    "content": signature,
                    "publicKey": {"content": STANDARD.encode(signer.pem())},
                },
            },
        });
        let mut annotations = self.older(&signer, &body, who.logged);
        annotations.insert("dev.cosignproject.cosign/signature".to_owned(), signature);
        annotations
    }

    /// Returns the envelope of a statement and its annotations in cosign's older layout.
    pub(crate) fn statement(
        &self,
        statement: &[u8],
        who: &Who,
    ) -> (Value, BTreeMap<String, String>) {
        let signer = self.certify(who);
        let (envelope, signature) = envelope(&signer.pair, statement);
        let body = statement_body(&signer, statement, &signature);
        let annotations = self.older(&signer, &body, who.logged);
        (envelope, annotations)
    }

    fn older(
        &self,
        signer: &Certified,
        body: &Value,
        time: DateTime<Utc>,
    ) -> BTreeMap<String, String> {
        let body = STANDARD.encode(body.to_string());
        let log = json!({
            "SignedEntryTimestamp": STANDARD.encode(self.promise(&body, time)),
            "Payload": {
                "body": body,
                "integratedTime": time.timestamp(),
                "logIndex": 0,
                "logID": hex(&self.signatures.id()),
            },
        });
        BTreeMap::from([
            ("dev.sigstore.cosign/certificate".to_owned(), signer.pem()),
            ("dev.sigstore.cosign/bundle".to_owned(), log.to_string()),
        ])
    }

    /// Returns the log's promise: its signature over the entry and its time.
    fn promise(&self, body: &str, time: DateTime<Utc>) -> Vec<u8> {
        let signed = format!(
            r#"{{"body":"{body}","integratedTime":{},"logID":"{}","logIndex":0}}"#,
            time.timestamp(),
            hex(&self.signatures.id())
        );
        self.signatures.sign(signed.as_bytes())
    }

    /// Returns the entry as the first of two in the log.
    fn entry(&self, body: &Value, time: DateTime<Utc>) -> Value {
        let text = body.to_string();
        let leaf = Sha256::digest([&[0][..], text.as_bytes()].concat());
        let sibling = Sha256::digest(b"another entry");
        let root = Sha256::digest([&[1][..], &leaf, &sibling].concat());
        let note = format!("log.test\n2\n{}\n", STANDARD.encode(root));
        let signature = [
            &self.signatures.id()[..4],
            &self.signatures.sign(note.as_bytes()),
        ]
        .concat();
        let body64 = STANDARD.encode(&text);
        json!({
            "logIndex": "0",
            "logId": {"keyId": STANDARD.encode(self.signatures.id())},
            "kindVersion": {"kind": body["kind"], "version": body["apiVersion"]},
            "integratedTime": time.timestamp().to_string(),
            "inclusionPromise": {
                "signedEntryTimestamp": STANDARD.encode(self.promise(&body64, time)),
            },
            "inclusionProof": {
                "logIndex": "0",
                "rootHash": STANDARD.encode(root),
                "treeSize": "2",
                "hashes": [STANDARD.encode(sibling)],
                "checkpoint": {
                    "envelope": format!("{note}\n\u{2014} log.test {}\n", STANDARD.encode(signature)),
                },
            },
            "canonicalizedBody": body64,
        })
    }
}

fn envelope(signer: &Pair, statement: &[u8]) -> (Value, String) {
    let kind = "application/vnd.in-toto+json";
    let head = format!("DSSEv1 {} {kind} {} ", kind.len(), statement.len());
    let signature = STANDARD.encode(signer.sign(&[head.as_bytes(), statement].concat()));
    let envelope = json!({
        "payload": STANDARD.encode(statement),
        "payloadType": kind,
        "signatures": [{"sig": signature}],
    });
    (envelope, signature)
}

fn statement_body(signer: &Certified, statement: &[u8], signature: &str) -> Value {
    json!({
        "apiVersion": "0.0.1",
        "kind": "dsse",
        "spec": {
            "envelopeHash": {"algorithm": "sha256", "value": hex(&Sha256::digest(signature))},
            "payloadHash": {"algorithm": "sha256", "value": hex(&Sha256::digest(statement))},
            "signatures": [{"signature": signature, "verifier": STANDARD.encode(signer.pem())}],
        },
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

fn short(length: usize) -> [u8; 2] {
    u16::try_from(length).expect("it is short").to_be_bytes()
}

/// One DER value.
fn tlv(tag: u8, content: &[&[u8]]) -> Vec<u8> {
    let content = content.concat();
    let length = content.len();
    let mut bytes = vec![tag];
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => bytes.push(short),
        Ok(short) => bytes.extend([0x81, short]),
        Err(_longer) => {
            bytes.push(0x82);
            bytes.extend(u16::try_from(length).expect("it is short").to_be_bytes());
        }
    }
    bytes.extend(content);
    bytes
}

fn oid(text: &str) -> Vec<u8> {
    let mut arcs = text
        .split('.')
        .map(|arc| arc.parse::<u32>().expect("a number"));
    let (first, second) = (arcs.next().expect("an arc"), arcs.next().expect("an arc"));
    let mut bytes = vec![u8::try_from(first * 40 + second).expect("it is short")];
    for arc in arcs {
        let mut digits = vec![u8::try_from(arc & 0x7f).expect("seven bits")];
        let mut rest = arc >> 7;
        while rest > 0 {
            digits.push(u8::try_from(rest & 0x7f | 0x80).expect("eight bits"));
            rest >>= 7;
        }
        digits.reverse();
        bytes.extend(digits);
    }
    tlv(0x06, &[&bytes])
}

fn extension(id: &str, critical: bool, value: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if critical { &[0x01, 0x01, 0xff] } else { &[] };
    tlv(0x30, &[&oid(id), critical, &tlv(0x04, &[value])])
}

fn algorithm() -> Vec<u8> {
    tlv(0x30, &[&oid(SIGNED_BY)])
}

fn own_name() -> Vec<u8> {
    let part = |id: &str, text: &str| {
        let value = tlv(0x30, &[&oid(id), &tlv(0x0c, &[text.as_bytes()])]);
        tlv(0x31, &[&value])
    };
    tlv(
        0x30,
        &[
            &part("2.5.4.10", "tests"),
            &part("2.5.4.3", "authority of the tests"),
        ],
    )
}

fn unsigned(
    issuer: &[u8],
    subject: &[u8],
    (from, until): (DateTime<Utc>, DateTime<Utc>),
    key: &[u8],
    extensions: &[Vec<u8>],
) -> Vec<u8> {
    let time =
        |time: DateTime<Utc>| tlv(0x17, &[time.format("%y%m%d%H%M%SZ").to_string().as_bytes()]);
    let validity = tlv(0x30, &[&time(from), &time(until)]);
    let list = tlv(0x30, &[&extensions.concat()]);
    tlv(
        0x30,
        &[
            &tlv(0xa0, &[&[0x02, 0x01, 0x02]]),
            &[0x02, 0x01, 0x11],
            &algorithm(),
            issuer,
            &validity,
            subject,
            key,
            &tlv(0xa3, &[&list]),
        ],
    )
}
