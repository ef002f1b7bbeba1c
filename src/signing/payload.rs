//! The simple-signing payload: what a signature in cosign's older format is over.
//!
//! As strict as containers/image, which reads the same bytes in policy enforcement: no unknown
//! member where meaning is critical, no key twice.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::formats::envelope::UniqueKeys;
use crate::model::Digest;

/// The only payload type that cosign reads.
const KIND: &str = "cosign container image signature";

/// What one signature claims.
#[derive(Clone, Debug, PartialEq)]
pub struct Payload {
    /// The repository the image was signed in, without tag.
    pub docker_reference: String,
    /// The signed manifest.
    pub digest: Digest,
    /// Free claims: what `-a key=value` adds.
    pub optional: BTreeMap<String, Value>,
}

/// A payload that cannot be read, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// Not JSON, or not of the payload's shape.
    #[error("payload cannot be read: {detail}")]
    Unreadable {
        /// What the parser said.
        detail: String,
    },
    /// It names a type other than cosign's.
    #[error("payload is of type `{kind}`, expected `{KIND}`")]
    Kind {
        /// The type it names.
        kind: String,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    critical: Critical,
    optional: Option<BTreeMap<String, Value>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Critical {
    identity: Identity,
    image: Image,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Identity {
    #[serde(rename = "docker-reference")]
    docker_reference: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Image {
    #[serde(rename = "docker-manifest-digest")]
    digest: Digest,
}

impl Payload {
    /// Reads a payload.
    ///
    /// # Errors
    /// When it is not JSON of exactly that shape, a key is given twice, or its type is not
    /// cosign's.
    pub fn parse(bytes: &[u8]) -> Result<Self, PayloadError> {
        let unreadable = |error: serde_json::Error| PayloadError::Unreadable {
            detail: error.to_string(),
        };
        serde_json::from_slice::<UniqueKeys>(bytes).map_err(unreadable)?;
        let document: Document = serde_json::from_slice(bytes).map_err(unreadable)?;
        let Critical {
            identity,
            image,
            kind,
        } = document.critical;
        if kind != KIND {
            let kind = kind.chars().take(160).collect();
            return Err(PayloadError::Kind { kind });
        }
        Ok(Self {
            docker_reference: identity.docker_reference,
            digest: image.digest,
            optional: document.optional.unwrap_or_default(),
        })
    }

    /// Writes the payload as cosign does: `optional` is null where there is nothing to say.
    ///
    /// # Errors
    /// Never for a payload in memory; the JSON writer's error is passed on all the same.
    pub fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(&Document {
            critical: Critical {
                identity: Identity {
                    docker_reference: self.docker_reference.clone(),
                },
                image: Image {
                    digest: self.digest.clone(),
                },
                kind: KIND.to_owned(),
            },
            optional: (!self.optional.is_empty()).then(|| self.optional.clone()),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn written_as_cosign_writes_it() {
        let payload = Payload {
            docker_reference: "127.0.0.1:5000/lab/app".to_owned(),
            digest: Digest::of(b""),
            optional: BTreeMap::new(),
        };
        let text = String::from_utf8(payload.to_json().unwrap()).unwrap();
        assert_eq!(
            text,
            r#"{"critical":{"identity":{"docker-reference":"127.0.0.1:5000/lab/app"},"image":{"docker-manifest-digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},"type":"cosign container image signature"},"optional":null}"#
        );
    }

    #[test]
    fn strange_payloads_are_refused() {
        let good = r#"{"critical":{"identity":{"docker-reference":"r"},"image":{"docker-manifest-digest":"D"},"type":"cosign container image signature"},"optional":{"a":1}}"#
            .replace('D', &Digest::of(b"").to_string());
        assert!(Payload::parse(good.as_bytes()).is_ok());
        let absent = good.replace(r#","optional":{"a":1}"#, "");
        assert!(Payload::parse(absent.as_bytes()).is_ok());
        for (from, to) in [
            ("docker-manifest-digest", "Docker-manifest-digest"),
            (
                "cosign container image signature",
                "atomic container signature",
            ),
            (r#""optional":{"a":1}"#, r#""optional":{"a":1,"a":2}"#),
            (r#""optional":{"a":1}"#, r#""optional":[]"#),
            (
                r#""docker-reference":"r""#,
                r#""docker-reference":"r","docker-reference":"s""#,
            ),
            (
                r#""docker-reference":"r""#,
                r#""docker-reference":"r","more":1"#,
            ),
            (r#""docker-reference":"r""#, r#""docker-reference":7"#),
            (r#""type""#, r#""extra":1,"type""#),
            ("sha256:e3", "sha256:E3"),
            ("sha256:e3", "sha1:e3"),
        ] {
            let text = good.replace(from, to);
            assert_ne!(text, good);
            assert!(Payload::parse(text.as_bytes()).is_err(), "{text}");
        }
        assert!(Payload::parse(format!("{good}x").as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn payloads_round_trip(docker_reference in ".*", content in ".*", claims in proptest::collection::btree_map(".*", ".*", 0..4)) {
            let optional = claims.into_iter().map(|(key, value)| (key, Value::from(value))).collect();
            let payload = Payload { docker_reference, digest: Digest::of(content.as_bytes()), optional };
            prop_assert_eq!(Payload::parse(&payload.to_json().unwrap()).unwrap(), payload);
        }

        #[test]
        fn arbitrary_text_never_panics(text in ".*") {
            prop_assert!(Payload::parse(text.as_bytes()).is_err());
        }
    }
}
