//! The operations of Amazon ECR that are used: log-in, repositories, what a push left.
//!
//! How a call is signed and sent is in `call`; what follows from the answers is decided elsewhere.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use url::Url;
use zeroize::Zeroizing;

use super::call::Caller;
use super::host::EcrHost;
use crate::environment::Clock;
use crate::model::{Digest, Repository};
use crate::registry::connection::Pools;
use crate::registry::credentials::Credentials;
use crate::registry::error::RegistryError;

/// Log-ins are renewed this long before they end.
const EARLY: chrono::TimeDelta = chrono::TimeDelta::minutes(10);

/// How the tags of a repository behave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::registry) enum Mutability {
    /// Every tag can be moved.
    #[default]
    Mutable,
    /// No tag can be moved, nor put a second time.
    Immutable,
    /// Tags that match one of these patterns can be moved; `*` stands for any text.
    ImmutableBut(Vec<String>),
    /// Only tags that match one of these patterns cannot be moved.
    MutableBut(Vec<String>),
}

impl Mutability {
    /// Returns whether a tag that exists can be moved.
    pub(in crate::registry) fn can_move(&self, tag: &str) -> bool {
        let any = |patterns: &[String]| patterns.iter().any(|pattern| matches(pattern, tag));
        match self {
            Self::Mutable => true,
            Self::Immutable => false,
            Self::ImmutableBut(patterns) => any(patterns),
            Self::MutableBut(patterns) => !any(patterns),
        }
    }
}

/// Returns whether `text` is `pattern` with any text for each `*`.
pub(in crate::registry) fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// What a repository is set to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::registry) struct RepositorySettings {
    /// How its tags behave.
    pub(in crate::registry) mutability: Mutability,
    /// Whether it scans what is pushed.
    pub(in crate::registry) scan_on_push: bool,
    /// `AES256` or `KMS`.
    pub(in crate::registry) encryption: String,
}

#[derive(Deserialize)]
struct TokenAnswer {
    #[serde(rename = "authorizationData")]
    data: OneOrMany,
}

/// The private interface answers with a list, the public one with one.
#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(TokenData),
    Many(Vec<TokenData>),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TokenData {
    #[serde(default, deserialize_with = "crate::registry::credentials::secret")]
    authorization_token: Zeroizing<String>,
    #[serde(default)]
    expires_at: Option<f64>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct RepositoryAnswer {
    image_tag_mutability: String,
    image_tag_mutability_exclusion_filters: Vec<Filter>,
    image_scanning_configuration: Scanning,
    encryption_configuration: Encryption,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Filter {
    filter: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Scanning {
    scan_on_push: bool,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Encryption {
    encryption_type: String,
}

/// The interface of ECR; log-ins are held here until they end.
pub(in crate::registry) struct Ecr {
    caller: Caller,
    /// By the host of the interface. One lock: a log-in is fetched once however many wait.
    log_ins: Mutex<HashMap<String, Credentials>>,
}

impl Ecr {
    /// Prepares it; nothing is read or sent.
    pub(in crate::registry) fn new(
        pools: Arc<Pools>,
        stall: Duration,
        endpoint: Option<Url>,
    ) -> Self {
        Self {
            caller: Caller::new(pools, stall, endpoint),
            log_ins: Mutex::default(),
        }
    }

    /// Sends any operation.
    pub(in crate::registry) async fn call(
        &self,
        host: &EcrHost,
        operation: &'static str,
        request: &Value,
    ) -> Result<Value, RegistryError> {
        self.caller.call(host, operation, request).await
    }

    /// Returns a log-in for a registry; where `refused` is the one that is held, a new one.
    ///
    /// # Errors
    /// When there are no credentials, or they may not log in.
    pub(in crate::registry) async fn log_in(
        &self,
        host: &EcrHost,
        refused: bool,
    ) -> Result<Credentials, RegistryError> {
        let mut log_ins = self.log_ins.lock().await;
        if let Some(known) = log_ins
            .get(&host.api)
            .filter(|known| !refused && !known.is_over())
        {
            return Ok(known.clone());
        }
        let answer = self.call(host, "GetAuthorizationToken", &json!({})).await?;
        let fresh = credentials(answer).ok_or_else(|| RegistryError::Unexpected {
            what: format!("{}:GetAuthorizationToken", host.service()),
            detail: "the answer holds no log-in".to_owned(),
        })?;
        log_ins.insert(host.api.clone(), fresh.clone());
        Ok(fresh)
    }

    /// Returns the settings of a private repository; none where it does not exist.
    ///
    /// # Errors
    /// When the caller may not ask, or there is no answer.
    pub(in crate::registry) async fn repository(
        &self,
        host: &EcrHost,
        repository: &Repository,
    ) -> Result<Option<RepositorySettings>, RegistryError> {
        let request = named(host, json!({"repositoryNames": [name(host, repository)]}));
        let answer = match self.call(host, "DescribeRepositories", &request).await {
            Ok(answer) => answer,
            Err(error) if is_missing(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        let found = answer.pointer("/repositories/0").cloned();
        let found: Option<RepositoryAnswer> =
            found.and_then(|found| serde_json::from_value(found).ok());
        Ok(found.map(settings))
    }

    /// Makes a repository: tags that cannot be moved but for those of signatures, scan on push,
    /// encryption as the account has it.
    ///
    /// # Errors
    /// When the caller may not, or there is no answer. One that exists already is no error.
    pub(in crate::registry) async fn create(
        &self,
        host: &EcrHost,
        repository: &Repository,
    ) -> Result<(), RegistryError> {
        let own = if host.is_public() {
            json!({"repositoryName": name(host, repository)})
        } else {
            json!({
                "repositoryName": name(host, repository),
                "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
                "imageTagMutabilityExclusionFilters":
                    [{"filterType": "WILDCARD", "filter": "sha256-*"}],
                "imageScanningConfiguration": {"scanOnPush": true},
            })
        };
        let request = named(host, own);
        match self.call(host, "CreateRepository", &request).await {
            Err(RegistryError::Ecr(error))
                if error.code() == "RepositoryAlreadyExistsException" =>
            {
                Ok(())
            }
            other => other.map(|_answer| ()),
        }
    }

    /// Returns the text of a repository's lifecycle policy; none where it has none.
    ///
    /// # Errors
    /// When the caller may not ask, or there is no answer.
    pub(in crate::registry) async fn lifecycle(
        &self,
        host: &EcrHost,
        repository: &Repository,
    ) -> Result<Option<String>, RegistryError> {
        let own = json!({"repositoryName": name(host, repository)});
        let request = named(host, own);
        match self.call(host, "GetLifecyclePolicy", &request).await {
            Ok(answer) => {
                let text = answer.get("lifecyclePolicyText").and_then(Value::as_str);
                Ok(text.map(str::to_owned))
            }
            Err(RegistryError::Ecr(error))
                if error.code() == "LifecyclePolicyNotFoundException" =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Returns the tags of images by digest, as `aws ecr list-images` shows them; what is not
    /// there is left out.
    ///
    /// # Errors
    /// When the caller may not ask, or there is no answer.
    pub(in crate::registry) async fn images(
        &self,
        host: &EcrHost,
        repository: &Repository,
        digests: &[Digest],
    ) -> Result<Vec<(Digest, Option<String>)>, RegistryError> {
        let mut found = Vec::new();
        // One unknown digest makes a call for several fail, so each is asked for by itself.
        for digest in digests {
            let own = json!({
                "repositoryName": name(host, repository),
                "imageIds": [{"imageDigest": digest}],
            });
            let request = named(host, own);
            let answer = match self.call(host, "DescribeImages", &request).await {
                Err(RegistryError::Ecr(error)) if error.code() == "ImageNotFoundException" => {
                    continue;
                }
                other => other?,
            };
            let tags = answer.pointer("/imageDetails/0/imageTags");
            let tags = tags.and_then(Value::as_array).cloned().unwrap_or_default();
            let mut tags: Vec<String> = tags
                .iter()
                .filter_map(|tag| tag.as_str().map(str::to_owned))
                .collect();
            tags.sort();
            if tags.is_empty() {
                found.push((digest.clone(), None));
            }
            found.extend(tags.into_iter().map(|tag| (digest.clone(), Some(tag))));
        }
        Ok(found)
    }
}

/// The repository's name within its registry; that of a public one without the alias.
pub(in crate::registry) fn name<'a>(host: &EcrHost, repository: &'a Repository) -> &'a str {
    match repository.path.split_once('/') {
        Some((_alias, rest)) if host.is_public() => rest,
        _ => &repository.path,
    }
}

/// Adds the account that a private registry's host names: it may be another one than the caller's.
pub(in crate::registry) fn named(host: &EcrHost, mut own: Value) -> Value {
    if let (Some(account), Some(fields)) = (&host.account, own.as_object_mut()) {
        fields.insert("registryId".to_owned(), json!(account));
    }
    own
}

fn is_missing(error: &RegistryError) -> bool {
    matches!(error, RegistryError::Ecr(error) if error.code() == "RepositoryNotFoundException")
}

fn settings(answer: RepositoryAnswer) -> RepositorySettings {
    let patterns: Vec<String> = answer
        .image_tag_mutability_exclusion_filters
        .into_iter()
        .map(|filter| filter.filter)
        .collect();
    RepositorySettings {
        mutability: match &*answer.image_tag_mutability {
            "IMMUTABLE" => Mutability::Immutable,
            "IMMUTABLE_WITH_EXCLUSION" => Mutability::ImmutableBut(patterns),
            "MUTABLE_WITH_EXCLUSION" => Mutability::MutableBut(patterns),
            _ => Mutability::Mutable,
        },
        scan_on_push: answer.image_scanning_configuration.scan_on_push,
        encryption: answer.encryption_configuration.encryption_type,
    }
}

/// Returns user, password and end of an answer's log-in.
fn credentials(answer: Value) -> Option<Credentials> {
    let answer: TokenAnswer = serde_json::from_value(answer).ok()?;
    let data = match answer.data {
        OneOrMany::One(data) => data,
        OneOrMany::Many(list) => list.into_iter().next()?,
    };
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(data.authorization_token.as_bytes())
        .ok()
        .map(Zeroizing::new)?;
    let (user, secret) = std::str::from_utf8(&bytes).ok()?.split_once(':')?;
    Some(Credentials {
        user: user.to_owned(),
        secret: Zeroizing::new(secret.to_owned()),
        // Where the service does not say: half of the twelve hours it is known to give.
        expires: Some(data.expires_at.and_then(whole_seconds).map_or_else(
            || Clock::System.now() + chrono::TimeDelta::hours(6),
            |end| end - EARLY,
        )),
    })
}

fn whole_seconds(seconds: f64) -> Option<DateTime<Utc>> {
    let text = format!("{seconds:.0}");
    DateTime::from_timestamp(text.parse().ok()?, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_have_any_text_for_a_star() {
        for (pattern, text, is_match) in [
            ("sha256-*", "sha256-ab.sig", true),
            ("sha256-*", "v1", false),
            ("*", "", true),
            ("v1", "v1", true),
            ("v1", "v10", false),
            ("*-dev", "a-dev", true),
            ("a*b*c", "a1b2c", true),
            ("a*b*c", "acb", false),
            ("ab*ba", "aba", false),
        ] {
            assert_eq!(matches(pattern, text), is_match, "{pattern} {text}");
        }
    }

    #[test]
    fn a_tag_moves_where_the_repository_lets_it() {
        let some = || vec!["sha256-*".to_owned()];
        for (mutability, plain, signature) in [
            (Mutability::Mutable, true, true),
            (Mutability::Immutable, false, false),
            (Mutability::ImmutableBut(some()), false, true),
            (Mutability::MutableBut(some()), true, false),
        ] {
            assert_eq!(mutability.can_move("v1"), plain, "{mutability:?}");
            assert_eq!(
                mutability.can_move("sha256-a.sig"),
                signature,
                "{mutability:?}"
            );
        }
    }

    #[test]
    fn a_log_in_is_read_from_both_forms_of_the_answer() {
        let data = json!({"authorizationToken": "QVdTOmE6Yg==", "expiresAt": 4_102_444_800.5});
        for answer in [
            json!({"authorizationData": [data]}),
            json!({"authorizationData": data}),
        ] {
            let found = credentials(answer).unwrap();
            assert_eq!((&*found.user, found.secret.as_str()), ("AWS", "a:b"));
            assert!(!found.is_over());
        }
        for answer in [
            json!({}),
            json!({"authorizationData": []}),
            json!({"authorizationData": [{"authorizationToken": "!"}]}),
        ] {
            assert!(credentials(answer).is_none());
        }
    }
}
