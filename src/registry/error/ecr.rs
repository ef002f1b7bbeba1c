//! What Amazon ECR refuses, and what to do about it.
//!
//! Its own interface and its registry word the same refusals differently; both are read here.

/// A refusal of the interface, or nothing to log in with.
#[derive(Clone, Debug, thiserror::Error)]
pub enum EcrError {
    /// The chain of the SDK gives no credentials.
    #[error("no AWS credentials for {api}: {detail}")]
    NoCredentials {
        /// The host that was to be asked.
        api: String,
        /// What the chain says.
        detail: String,
    },
    /// The caller may not do this.
    #[error("{service}:{operation} is denied: {detail}")]
    Denied {
        /// `ecr` or `ecr-public`.
        service: &'static str,
        /// The operation, as permissions name it.
        operation: &'static str,
        /// The words of the service: they name the caller and the permission.
        detail: String,
    },
    /// Any other refusal.
    #[error("{service}:{operation} was refused: {code}: {detail}")]
    Refused {
        /// `ecr` or `ecr-public`.
        service: &'static str,
        /// The operation.
        operation: &'static str,
        /// The exception's name.
        code: String,
        /// The words of the service.
        detail: String,
    },
}

impl EcrError {
    /// Returns the exception's name; empty where there is none.
    pub(in crate::registry) fn code(&self) -> &str {
        match self {
            Self::NoCredentials { .. } => "",
            Self::Denied { .. } => "AccessDeniedException",
            Self::Refused { code, .. } => code,
        }
    }

    /// Returns what to do about it.
    pub(in crate::registry) fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::NoCredentials { .. } => {
                "log in to AWS (`aws sts get-caller-identity` shows who you are); AWS CloudShell is logged in by itself".to_owned()
            }
            Self::Denied {
                service, operation, ..
            } => format!("ask for the permission {service}:{operation} on this repository"),
            Self::Refused { code, .. } => match code.as_str() {
                "ExpiredTokenException" | "UnrecognizedClientException"
                | "InvalidSignatureException" | "RequestExpired" => {
                    "log in to AWS again; the clock of this machine has to be right".to_owned()
                }
                "RepositoryNotFoundException" => {
                    "make it with `aws ecr create-repository`, or promote with --create-repository"
                        .to_owned()
                }
                "LimitExceededException" => {
                    "a quota of the account is used up: remove images or ask AWS for more".to_owned()
                }
                "KmsException" | "KMSException" => {
                    "the repository's key cannot be used: ask the owner of the KMS key for kms:GenerateDataKey and kms:Decrypt".to_owned()
                }
                "ThrottlingException" | "TooManyRequestsException" => {
                    "wait a minute and run the command again".to_owned()
                }
                _ => return Vec::new(),
            },
        };
        vec![hint]
    }
}

/// Returns what to do about a refusal of a registry, where its code or words say more than the
/// status.
pub(super) fn denied(code: &str, detail: &str) -> Option<String> {
    if let Some((_, rest)) = detail.split_once("not authorized to perform: ") {
        let action = rest.split_whitespace().next().unwrap_or_default();
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '-');
        if !action.is_empty() && action.chars().all(plain) {
            return Some(format!(
                "ask for the permission {action} on this repository"
            ));
        }
    }
    if detail.contains("authorization token has expired") {
        return Some("the log-in has ended: log in again and run the command again".to_owned());
    }
    let hint = match code {
        "NAME_UNKNOWN" => {
            "make the repository first; in Amazon ECR with `aws ecr create-repository` or --create-repository"
        }
        "LAYER_PART_TOO_SMALL" | "BLOB_UPLOAD_INVALID" | "SIZE_INVALID" => {
            "run the command again: the blob is sent anew"
        }
        _ => return None,
    };
    Some(hint.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_which_permission_is_missing() {
        let words = "User: arn:aws:iam::1:user/a is not authorized to perform: ecr:PutImage on resource: x because";
        let hint = denied("DENIED", words).unwrap();
        assert!(hint.contains("permission ecr:PutImage on"), "{hint}");
        let odd = "not authorized to perform: \u{1b}[0m";
        assert_eq!(denied("DENIED", odd), None);
        assert!(
            denied("NAME_UNKNOWN", "")
                .unwrap()
                .contains("--create-repository")
        );
        assert_eq!(denied("DENIED", "no"), None);
    }

    #[test]
    fn every_known_exception_has_its_next_step() {
        for code in [
            "ExpiredTokenException",
            "RepositoryNotFoundException",
            "LimitExceededException",
            "KmsException",
            "ThrottlingException",
        ] {
            let error = EcrError::Refused {
                service: "ecr",
                operation: "PutImage",
                code: code.to_owned(),
                detail: String::new(),
            };
            assert_eq!(error.hints().len(), 1, "{code}");
        }
    }
}
