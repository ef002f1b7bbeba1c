//! A store in an S3 bucket: objects under a prefix, created with `If-None-Match: *`.
//!
//! The only file that knows the S3 client. Regions, credentials, proxies and endpoints come with
//! the configuration that is handed in.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;

use super::{MAX_OBJECT, Put, StoreError, check_key};

/// How often a write is repeated that S3 calls conflicting with another one (status 409).
const MAX_CONFLICTS: usize = 10;

/// An address `s3://bucket/prefix`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Location {
    /// The bucket.
    pub bucket: String,
    /// The prefix, without slashes at its ends; empty for the whole bucket.
    pub prefix: String,
}

/// The text is not an S3 address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an S3 address: expected s3://bucket/prefix ({detail})")]
pub struct ParseLocationError {
    /// The text as it was given.
    pub text: String,
    /// What is wrong with it.
    pub detail: &'static str,
}

impl FromStr for S3Location {
    type Err = ParseLocationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = |detail| ParseLocationError {
            text: text.chars().take(160).collect(),
            detail,
        };
        let rest = text
            .strip_prefix("s3://")
            .ok_or_else(|| wrong("it does not begin with s3://"))?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        // Bucket names: 3 to 63 of a-z, 0-9, `.` and `-` (Amazon S3 User Guide, "Bucket naming
        // rules"); access point ARNs are not accepted.
        let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-');
        if !(3..=63).contains(&bucket.len()) || !bucket.bytes().all(plain) {
            return Err(wrong("a bucket name is 3 to 63 of a-z, 0-9, `.` and `-`"));
        }
        let prefix = prefix.trim_end_matches('/');
        if !prefix.is_empty()
            && prefix
                .split('/')
                .any(|part| matches!(part, "" | "." | ".."))
        {
            return Err(wrong("the prefix has an empty or relative segment"));
        }
        if prefix.len() > 512 || prefix.chars().any(char::is_control) {
            return Err(wrong("the prefix is too long or has control characters"));
        }
        Ok(Self {
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
        })
    }
}

impl fmt::Display for S3Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}", self.bucket)?;
        if self.prefix.is_empty() {
            return Ok(());
        }
        write!(f, "/{}", self.prefix)
    }
}

/// A prefix of a bucket that keeps objects.
#[derive(Clone, Debug)]
pub struct S3Store {
    client: Client,
    location: S3Location,
}

impl S3Store {
    /// Returns the store at `location`, spoken to as `config` says. `path_style` puts the bucket
    /// into the path of an address instead of its host: what servers other than AWS need, so
    /// choose it where an endpoint is given. Nothing is sent yet.
    #[must_use]
    pub fn new(config: &SdkConfig, location: S3Location, path_style: bool) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(5))
            .read_timeout(Duration::from_secs(30))
            .build();
        let config = aws_sdk_s3::config::Builder::from(config)
            .timeout_config(timeouts)
            // The bucket's name is no host name where it has dots: TLS would not accept it.
            .force_path_style(path_style || location.bucket.contains('.'))
            .build();
        Self {
            client: Client::from_conf(config),
            location,
        }
    }

    /// Returns where the store is.
    #[must_use]
    pub fn location(&self) -> &S3Location {
        &self.location
    }

    /// See [`super::Store::get`].
    ///
    /// # Errors
    /// As there.
    pub async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        check_key(key)?;
        let answer = self
            .client
            .get_object()
            .bucket(&self.location.bucket)
            .key(self.full(key))
            .send()
            .await;
        let object = match answer {
            Ok(object) => object,
            Err(error) if error.code() == Some("NoSuchKey") => return Ok(None),
            Err(error) => return Err(self.failed("read", key, &error)),
        };
        let size = object
            .content_length()
            .and_then(|size| u64::try_from(size).ok())
            .unwrap_or(0);
        let mut body = object.body;
        let mut bytes = Vec::new();
        loop {
            let total = bytes.len() as u64;
            if size > MAX_OBJECT || total > MAX_OBJECT {
                return Err(StoreError::TooLarge {
                    object: self.address(key),
                    size: size.max(total),
                    limit: MAX_OBJECT,
                });
            }
            match body.next().await {
                None => return Ok(Some(bytes)),
                Some(Ok(chunk)) => bytes.extend_from_slice(&chunk),
                Some(Err(error)) => {
                    return Err(StoreError::Remote {
                        action: "read",
                        object: self.address(key),
                        code: None,
                        message: DisplayErrorContext(&error).to_string(),
                        hint: "check the connection, then try again".to_owned(),
                    });
                }
            }
        }
    }

    /// See [`super::Store::list`].
    ///
    /// # Errors
    /// As there.
    pub async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let base = self.full("");
        let mut pages = self
            .client
            .list_objects_v2()
            .bucket(&self.location.bucket)
            .prefix(self.full(prefix))
            .into_paginator()
            .send();
        let mut names = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| self.failed("list", prefix, &error))?;
            let keys = page.contents().iter().filter_map(|object| object.key());
            names.extend(
                keys.filter_map(|key| key.strip_prefix(base.as_str()))
                    // Consoles create empty objects that stand for folders.
                    .filter(|key| !key.is_empty() && !key.ends_with('/'))
                    .filter(|key| !key.split('/').any(|part| part.starts_with('.')))
                    .map(str::to_owned),
            );
        }
        names.sort_unstable();
        Ok(names)
    }

    /// See [`super::Store::put_if_absent`].
    ///
    /// # Errors
    /// As there.
    pub async fn put_if_absent(&self, key: &str, bytes: &[u8]) -> Result<Put, StoreError> {
        check_key(key)?;
        let bytes = bytes::Bytes::copy_from_slice(bytes);
        let mut conflicts = 0;
        loop {
            let answer = self
                .client
                .put_object()
                .bucket(&self.location.bucket)
                .key(self.full(key))
                .if_none_match("*")
                .body(ByteStream::from(bytes.clone()))
                .send()
                .await;
            let Err(error) = answer else {
                return Ok(Put::Created);
            };
            match (error.code(), status(&error)) {
                (Some("PreconditionFailed"), _) | (_, Some(412)) => return Ok(Put::Exists),
                // Another conditional write of the same key is under way.
                (Some("ConditionalRequestConflict"), _) | (_, Some(409))
                    if conflicts < MAX_CONFLICTS =>
                {
                    conflicts += 1;
                }
                _ => return Err(self.failed("create", key, &error)),
            }
        }
    }

    fn full(&self, key: &str) -> String {
        if self.location.prefix.is_empty() {
            key.to_owned()
        } else {
            format!("{}/{key}", self.location.prefix)
        }
    }

    fn address(&self, key: &str) -> String {
        format!("s3://{}/{}", self.location.bucket, self.full(key))
    }

    fn failed<E>(&self, action: &'static str, key: &str, error: &SdkError<E>) -> StoreError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let code = error.code().map(str::to_owned);
        let message = match (&code, error.message()) {
            (Some(code), Some(message)) => format!("{code}: {message}"),
            (Some(code), None) => code.clone(),
            (None, _) => DisplayErrorContext(error).to_string(),
        };
        let message: String = message.chars().take(2000).collect();
        let hint = hint(&self.location, code.as_deref(), status(error), &message);
        StoreError::Remote {
            action,
            object: self.address(key),
            code,
            message,
            hint,
        }
    }
}

/// Returns the status of the answer, where there was one.
fn status<E>(error: &SdkError<E>) -> Option<u16> {
    error
        .raw_response()
        .map(|response| response.status().as_u16())
}

/// Says what to do about a failure. Codes: Amazon S3 API Reference, "Error responses".
fn hint(location: &S3Location, code: Option<&str>, status: Option<u16>, message: &str) -> String {
    let bucket = &location.bucket;
    match code {
        Some("AccessDenied" | "AllAccessDisabled") => format!(
            "allow s3:GetObject and s3:PutObject on arn:aws:s3:::{bucket}/* and s3:ListBucket on arn:aws:s3:::{bucket}; `aws sts get-caller-identity` shows who asked"
        ),
        Some("NoSuchBucket") => {
            format!("check the name, or create it: `aws s3 mb s3://{bucket}`")
        }
        Some("ExpiredToken" | "ExpiredTokenException" | "InvalidToken" | "TokenRefreshRequired") => {
            "the session ended: renew it (`aws sso login`, or a new CloudShell tab), then try again"
                .to_owned()
        }
        Some("InvalidAccessKeyId" | "SignatureDoesNotMatch") => {
            "check the credentials: `aws sts get-caller-identity`".to_owned()
        }
        Some("PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException") => {
            format!("set AWS_REGION to the region of the bucket: `aws s3api get-bucket-location --bucket {bucket}`")
        }
        Some("RequestTimeTooSkewed") => "set the clock of this machine".to_owned(),
        Some("SlowDown" | "ServiceUnavailable" | "InternalError") => {
            "S3 is busy: try again in a minute".to_owned()
        }
        Some("NotImplemented") => {
            "this server does not know `If-None-Match: *`, without which entries could be overwritten: use another one"
                .to_owned()
        }
        _ if status == Some(301) => {
            format!("set AWS_REGION to the region of the bucket: `aws s3api get-bucket-location --bucket {bucket}`")
        }
        _ if message.to_lowercase().contains("credential") => {
            "no AWS credentials were found: set AWS_PROFILE, or run `aws configure` or `aws sso login`"
                .to_owned()
        }
        _ if message.to_lowercase().contains("region") => {
            "set AWS_REGION to the region of the bucket".to_owned()
        }
        _ => "check the connection, the proxy and AWS_ENDPOINT_URL, then try again".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_shown() {
        let location: S3Location = "s3://evidence-bucket/team/a/".parse().unwrap();
        assert_eq!(location.bucket, "evidence-bucket");
        assert_eq!(location.prefix, "team/a");
        assert_eq!(location.to_string(), "s3://evidence-bucket/team/a");
        let whole: S3Location = "s3://evidence-bucket".parse().unwrap();
        assert_eq!(whole.to_string(), "s3://evidence-bucket");
        for text in [
            "",
            "s3://",
            "s3://ab",
            "S3://bucket",
            "s3://Bucket",
            "s3://bucket//a",
            "s3://bucket/../a",
            "s3://bucket/a/./b",
            "s3://bucket/a\nb",
            "https://bucket/a",
        ] {
            assert!(text.parse::<S3Location>().is_err(), "{text}");
        }
    }

    #[test]
    fn every_common_refusal_has_its_own_hint() {
        let location: S3Location = "s3://evidence-bucket".parse().unwrap();
        let codes = [
            "AccessDenied",
            "NoSuchBucket",
            "ExpiredToken",
            "InvalidAccessKeyId",
            "SlowDown",
        ];
        let hints: std::collections::BTreeSet<String> = codes
            .iter()
            .map(|code| hint(&location, Some(code), None, ""))
            .collect();
        assert_eq!(hints.len(), codes.len());
        let none = hint(
            &location,
            None,
            None,
            "the credential provider was not enabled",
        );
        assert!(none.contains("no AWS credentials"));
    }
}
