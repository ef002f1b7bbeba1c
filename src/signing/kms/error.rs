//! What can go wrong with a key in KMS: each cause with its own message and next step.
//!
//! Codes are those of the AWS KMS API Reference: `Sign`, `GetPublicKey` and "Common errors".

use aws_sdk_kms::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};

use crate::error::{ErrorKind, Explain};

/// The most characters of KMS's own words that are repeated.
const WORDS: usize = 400;

/// A key in KMS that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KmsError {
    /// Nothing says in which region the key is.
    #[error("{key}: no region is known")]
    NoRegion {
        /// The key.
        key: String,
    },
    /// There are no credentials, or they ended.
    #[error("{key}: {detail}")]
    Credentials {
        /// The key.
        key: String,
        /// What is wrong with them.
        detail: String,
    },
    /// The caller may not do that.
    #[error("{key}: {action} is not allowed: {detail}")]
    NotAllowed {
        /// The key.
        key: String,
        /// The permission that is missing.
        action: &'static str,
        /// KMS's words.
        detail: String,
    },
    /// There is no such key in the region.
    #[error("{key}: there is no such key in {region}: {detail}")]
    NotFound {
        /// The key.
        key: String,
        /// The region that was asked.
        region: String,
        /// KMS's words.
        detail: String,
    },
    /// The key is switched off.
    #[error("{key}: the key is disabled: {detail}")]
    Disabled {
        /// The key.
        key: String,
        /// KMS's words.
        detail: String,
    },
    /// The key is about to be deleted, or not yet ready.
    #[error("{key}: the key's state does not allow it: {detail}")]
    State {
        /// The key.
        key: String,
        /// KMS's words.
        detail: String,
    },
    /// The key is not one for such signatures.
    #[error("{key}: the key does not make ECDSA P-256 signatures: {detail}")]
    Unfit {
        /// The key.
        key: String,
        /// What it is instead.
        detail: String,
    },
    /// KMS is asked too often.
    #[error("{key}: KMS is asked too often, after retries: {detail}")]
    Throttled {
        /// The key.
        key: String,
        /// KMS's words.
        detail: String,
    },
    /// No answer came in time.
    #[error("{key}: KMS did not answer in time ({action})")]
    TimedOut {
        /// The key.
        key: String,
        /// What was asked.
        action: &'static str,
    },
    /// KMS cannot be reached.
    #[error("{key}: KMS cannot be reached: {detail}")]
    Unreachable {
        /// The key.
        key: String,
        /// Why.
        detail: String,
    },
    /// What came back is no signature of this key over what was to be signed.
    #[error("{key}: KMS answered with a signature that does not verify; it was thrown away")]
    WrongSignature {
        /// The key.
        key: String,
    },
    /// Any other refusal.
    #[error("{key}: {action} failed: {detail}")]
    Other {
        /// The key.
        key: String,
        /// What was asked.
        action: &'static str,
        /// KMS's words.
        detail: String,
    },
}

impl Explain for KmsError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NoRegion { .. } => ErrorKind::Usage,
            Self::Unfit { .. } => ErrorKind::Input,
            _ => ErrorKind::Remote,
        }
    }

    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::NoRegion { .. } => {
                "set AWS_REGION, or name the key by its ARN, which holds the region".to_owned()
            }
            Self::Credentials { .. } => {
                "log in (`aws sso login`, or a new CloudShell tab); `aws sts get-caller-identity` shows who you are".to_owned()
            }
            Self::NotAllowed { action, .. } => format!(
                "allow kms:GetPublicKey and kms:Sign on the key ({action} was refused); `aws sts get-caller-identity` shows who asked"
            ),
            Self::NotFound { region, .. } => format!(
                "`aws kms list-aliases --region {region}` lists what is there; AWS_REGION or the key's ARN chooses another region"
            ),
            Self::Disabled { .. } => {
                "`aws kms enable-key --key-id …` switches it on again, where that is meant".to_owned()
            }
            Self::State { .. } => {
                "`aws kms describe-key --key-id …` shows the state; a pending deletion can be cancelled".to_owned()
            }
            Self::Unfit { .. } => {
                "make one: `aws kms create-key --key-usage SIGN_VERIFY --key-spec ECC_NIST_P256`".to_owned()
            }
            Self::Throttled { .. } => {
                "wait and run it again: what was done is not done twice".to_owned()
            }
            Self::TimedOut { .. } | Self::Unreachable { .. } => {
                "check the connection, the region and AWS_ENDPOINT_URL_KMS, then run it again".to_owned()
            }
            Self::WrongSignature { .. } => {
                "nothing was published: check that the endpoint is KMS itself and no proxy or emulator that hashes the digest again".to_owned()
            }
            Self::Other { .. } => return Vec::new(),
        };
        vec![hint]
    }
}

/// What was asked of KMS, for messages.
pub(super) struct Asked {
    pub(super) key: String,
    pub(super) region: String,
}

impl Asked {
    /// Says what an error of the client means.
    pub(super) fn failed<E>(&self, action: &'static str, error: &SdkError<E>) -> KmsError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let key = self.key.clone();
        let code = error.code().unwrap_or_default();
        let words = match error.message() {
            Some(message) => format!("{code}: {message}"),
            None if code.is_empty() => DisplayErrorContext(error).to_string(),
            None => code.to_owned(),
        };
        let detail: String = words.chars().take(WORDS).collect();
        match code {
            "AccessDeniedException" | "AccessDenied" | "NotAuthorized" => KmsError::NotAllowed {
                key,
                action,
                detail,
            },
            "NotFoundException" => KmsError::NotFound {
                key,
                region: self.region.clone(),
                detail,
            },
            "DisabledException" => KmsError::Disabled { key, detail },
            "KMSInvalidStateException" if words.contains("disabled") => {
                KmsError::Disabled { key, detail }
            }
            "KMSInvalidStateException" | "KeyUnavailableException" => {
                KmsError::State { key, detail }
            }
            "InvalidKeyUsageException" | "UnsupportedOperationException" => {
                KmsError::Unfit { key, detail }
            }
            "ThrottlingException"
            | "Throttling"
            | "TooManyRequestsException"
            | "LimitExceededException"
            | "RequestLimitExceeded" => KmsError::Throttled { key, detail },
            "UnrecognizedClientException"
            | "InvalidClientTokenId"
            | "InvalidSignatureException"
            | "IncompleteSignature"
            | "MissingAuthenticationToken"
            | "ExpiredTokenException"
            | "ExpiredToken"
            | "RequestExpired" => KmsError::Credentials { key, detail },
            "DependencyTimeoutException" => KmsError::TimedOut { key, action },
            _ => self.unanswered(action, error, detail),
        }
    }

    /// Says what it means that no answer with a code came.
    fn unanswered<E>(&self, action: &'static str, error: &SdkError<E>, detail: String) -> KmsError
    where
        E: std::error::Error + 'static,
    {
        let key = self.key.clone();
        match error {
            SdkError::TimeoutError(_) => KmsError::TimedOut { key, action },
            SdkError::DispatchFailure(failure) if failure.is_timeout() => {
                KmsError::TimedOut { key, action }
            }
            SdkError::DispatchFailure(failure) if failure.is_io() => {
                KmsError::Unreachable { key, detail }
            }
            SdkError::DispatchFailure(_) if detail.contains("redential") => {
                KmsError::Credentials { key, detail }
            }
            SdkError::DispatchFailure(_) => KmsError::Unreachable { key, detail },
            _ => KmsError::Other {
                key,
                action,
                detail,
            },
        }
    }
}
