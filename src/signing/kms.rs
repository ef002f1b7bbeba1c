//! Keys that stay in AWS KMS: addressed, checked, and asked to sign digests.
//!
//! The only place that knows the KMS client. Only a digest leaves the process, and no signature is
//! handed on that the key's public half does not verify. Regions, credentials, proxies and
//! endpoints come with the configuration that is handed in.

mod error;
mod location;

use std::fmt;
use std::time::Duration;

use aws_config::{Region, SdkConfig};
use aws_sdk_kms::Client;
use aws_sdk_kms::config::timeout::TimeoutConfig;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{KeySpec, KeyUsageType, MessageType, SigningAlgorithmSpec};
use sha2::{Digest as _, Sha256};

use super::PublicKey;

pub use error::KmsError;
pub use location::{KmsLocation, ParseKmsError};

use error::Asked;

/// How long one attempt may take; KMS answers within some hundredths of a second.
const ATTEMPT: Duration = Duration::from_secs(10);

/// A key in KMS whose public half was fetched and checked.
#[derive(Clone)]
pub struct KmsKey {
    client: Client,
    /// The key's own ARN: an alias could be moved to another key in the middle.
    arn: String,
    public: PublicKey,
}

impl KmsKey {
    /// Fetches the public half of the key at `location` and checks that it signs with ECDSA P-256.
    ///
    /// # Errors
    /// When no region is known, KMS refuses or does not answer, or the key is of another sort.
    pub async fn open(config: &SdkConfig, location: &KmsLocation) -> Result<Self, KmsError> {
        let own = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(5))
            .operation_attempt_timeout(ATTEMPT);
        let given = config.timeout_config();
        let timeouts = match given.filter(|it| it.operation_attempt_timeout().is_some()) {
            Some(given) => given.clone(),
            None => own.build(),
        };
        let mut settings = aws_sdk_kms::config::Builder::from(config).timeout_config(timeouts);
        let region = location
            .region()
            .map(|region| Region::new(region.to_owned()));
        let region = region.or_else(|| config.region().cloned());
        let Some(region) = region else {
            return Err(KmsError::NoRegion {
                key: location.to_string(),
            });
        };
        let asked = Asked {
            key: location.to_string(),
            region: region.to_string(),
        };
        settings.set_region(Some(region));
        if let Some(endpoint) = location.endpoint() {
            settings.set_endpoint_url(Some(endpoint));
        }
        let client = Client::from_conf(settings.build());
        let answer = client.get_public_key().key_id(location.id()).send().await;
        let answer = answer.map_err(|error| asked.failed("kms:GetPublicKey", &error))?;
        let unfit = |detail: String| KmsError::Unfit {
            key: asked.key.clone(),
            detail,
        };
        match answer.key_usage() {
            Some(KeyUsageType::SignVerify) => {}
            other => {
                let usage = other.map_or("unknown", KeyUsageType::as_str);
                return Err(unfit(format!("its usage is {usage}, not SIGN_VERIFY")));
            }
        }
        match answer.key_spec() {
            Some(KeySpec::EccNistP256) => {}
            other => {
                let spec = other.map_or("unknown", KeySpec::as_str);
                return Err(unfit(format!("its spec is {spec}, not ECC_NIST_P256")));
            }
        }
        let der = answer.public_key().map(Blob::as_ref).unwrap_or_default();
        let public = PublicKey::from_der(der).map_err(|error| unfit(error.to_string()))?;
        Ok(Self {
            client,
            arn: answer.key_id().unwrap_or(location.id()).to_owned(),
            public,
        })
    }

    /// Signs the SHA-256 of `message`; returns the ECDSA signature in DER.
    ///
    /// # Errors
    /// When KMS refuses or does not answer, or answers with something that is no signature of this
    /// key over this message.
    pub async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KmsError> {
        let asked = Asked {
            key: self.arn.clone(),
            region: self.region(),
        };
        let answer = self
            .client
            .sign()
            .key_id(&self.arn)
            .message(Blob::new(Sha256::digest(message).to_vec()))
            .message_type(MessageType::Digest)
            .signing_algorithm(SigningAlgorithmSpec::EcdsaSha256)
            .send()
            .await
            .map_err(|error| asked.failed("kms:Sign", &error))?;
        let signature = answer.signature().map(Blob::as_ref).unwrap_or_default();
        if !self.public.verifies(message, signature) {
            return Err(KmsError::WrongSignature { key: asked.key });
        }
        Ok(signature.to_vec())
    }

    /// Returns the public half.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// Returns the key's ARN, as KMS names it.
    #[must_use]
    pub fn arn(&self) -> &str {
        &self.arn
    }

    fn region(&self) -> String {
        let region = self.client.config().region();
        region.map(ToString::to_string).unwrap_or_default()
    }
}

impl fmt::Debug for KmsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KmsKey({}, {})", self.arn, self.public.fingerprint())
    }
}
