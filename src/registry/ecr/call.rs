//! One signed call of Amazon's JSON interface, and what its refusals mean.
//!
//! Credentials come from the chain of the AWS SDK alone; they are read when a call needs them and
//! held by the SDK.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::OnceCell;
use url::Url;

use super::host::EcrHost;
use crate::environment::Clock;
use crate::registry::connection::{Pools, read_capped, silence};
use crate::registry::error::{EcrError, RegistryError, chain, foreign};

/// The most bytes of an answer.
const ANSWER_LIMIT: u64 = 4 << 20;

/// Tries of one call.
const TRIES: u32 = 4;

/// What calls are sent with.
pub(super) struct Caller {
    pools: Arc<Pools>,
    stall: Duration,
    /// An address to ask instead of the service's own.
    endpoint: Option<Url>,
    provider: OnceCell<Option<SharedCredentialsProvider>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ErrorAnswer {
    #[serde(rename = "__type")]
    kind: String,
    #[serde(alias = "Message")]
    message: String,
}

impl Caller {
    pub(super) fn new(pools: Arc<Pools>, stall: Duration, endpoint: Option<Url>) -> Self {
        Self {
            pools,
            stall,
            endpoint,
            provider: OnceCell::new(),
        }
    }

    /// Sends one call, again where the service asks for it or the network fails.
    ///
    /// # Errors
    /// Every refusal, and no answer.
    pub(super) async fn call(
        &self,
        host: &EcrHost,
        operation: &'static str,
        request: &Value,
    ) -> Result<Value, RegistryError> {
        let mut tried = 1;
        loop {
            match Box::pin(self.once(host, operation, request)).await {
                Err(error) if tried < TRIES && is_transient(&error) => {
                    tokio::time::sleep(Duration::from_millis(250) * 2_u32.pow(tried)).await;
                    tried += 1;
                }
                finished => return finished,
            }
        }
    }

    async fn once(
        &self,
        host: &EcrHost,
        operation: &'static str,
        request: &Value,
    ) -> Result<Value, RegistryError> {
        let what = format!("{}:{operation} at {}", host.service(), host.api);
        let url = match &self.endpoint {
            Some(endpoint) => endpoint.clone(),
            None => Url::parse(&format!("https://{}/", host.api)).map_err(|error| {
                RegistryError::Unsupported {
                    what: what.clone(),
                    detail: error.to_string(),
                }
            })?,
        };
        let body = Bytes::from(request.to_string());
        let headers = self.signed(host, operation, &url, &body).await?;
        let is_loopback = url.host_str().is_some_and(|name| {
            let name = name.trim_start_matches('[').trim_end_matches(']');
            name == "localhost"
                || name
                    .parse::<std::net::IpAddr>()
                    .is_ok_and(|address| address.is_loopback())
        });
        let client = self.pools.client(is_loopback)?;
        let network = |detail: String| RegistryError::Network {
            what: what.clone(),
            detail,
        };
        let sending = client.post(url).headers(headers).body(body).send();
        let response = tokio::time::timeout(self.stall, sending)
            .await
            .map_err(|_elapsed| network(silence(self.stall)))?
            .map_err(|error| network(chain(error)))?;
        let status = response.status();
        let answer = read_capped(response, ANSWER_LIMIT, &what, self.stall).await?;
        if status == StatusCode::OK {
            return serde_json::from_slice(&answer).map_err(|error| RegistryError::Unexpected {
                what,
                detail: format!(
                    "not JSON (line {}, column {})",
                    error.line(),
                    error.column()
                ),
            });
        }
        Err(refusal(host, operation, status, &answer, what))
    }

    /// Returns the headers of a call, its signature included.
    async fn signed(
        &self,
        host: &EcrHost,
        operation: &str,
        url: &Url,
        body: &[u8],
    ) -> Result<HeaderMap, RegistryError> {
        let none = |detail: String| {
            RegistryError::from(EcrError::NoCredentials {
                api: host.api.clone(),
                detail,
            })
        };
        let provider = self.provider.get_or_init(provider).await.as_ref();
        let provider = provider.ok_or_else(|| none("the chain is empty".to_owned()))?;
        let credentials = provider
            .provide_credentials()
            .await
            .map_err(|error| none(causes(&error)))?;
        let identity = credentials.into();
        let failed = |error: &dyn std::error::Error| RegistryError::Unsupported {
            what: format!("signing a request to {}", host.api),
            detail: error.to_string(),
        };
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&host.region)
            .name(host.service())
            .time(SystemTime::from(Clock::System.now()))
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| failed(&error))?;
        let target = if host.is_public() {
            format!("SpencerFrontendService.{operation}")
        } else {
            format!("AmazonEC2ContainerRegistry_V20150921.{operation}")
        };
        let own = [
            ("content-type", "application/x-amz-json-1.1"),
            ("x-amz-target", target.as_str()),
        ];
        let signable = SignableRequest::new(
            "POST",
            url.as_str(),
            own.into_iter(),
            SignableBody::Bytes(body),
        )
        .map_err(|error| failed(&error))?;
        let (instructions, _signature) = sign(signable, &parameters.into())
            .map_err(|error| failed(&error))?
            .into_parts();
        let (signed, _query) = instructions.into_parts();
        let mut headers = HeaderMap::new();
        for (name, value) in own {
            let name = if name == "content-type" {
                CONTENT_TYPE
            } else {
                HeaderName::from_static("x-amz-target")
            };
            headers.insert(name, header(value).map_err(|error| failed(&error))?);
        }
        for part in signed {
            let name =
                HeaderName::from_bytes(part.name().as_bytes()).map_err(|error| failed(&error))?;
            let mut value = header(part.value()).map_err(|error| failed(&error))?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        Ok(headers)
    }
}

fn header(text: &str) -> Result<HeaderValue, reqwest::header::InvalidHeaderValue> {
    HeaderValue::from_str(text)
}

/// The SDK's own chain: variables, profiles, web identity, containers (AWS CloudShell among them),
/// the instance.
async fn provider() -> Option<SharedCredentialsProvider> {
    let sdk = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
    sdk.credentials_provider()
}

/// An error with its causes, on one line.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    foreign(&text)
}

fn is_transient(error: &RegistryError) -> bool {
    match error {
        RegistryError::Network { .. } | RegistryError::Unavailable { .. } => true,
        RegistryError::Ecr(error) => matches!(
            error.code(),
            "ThrottlingException" | "TooManyRequestsException" | "ServerException"
        ),
        _ => false,
    }
}

fn refusal(
    host: &EcrHost,
    operation: &'static str,
    status: StatusCode,
    answer: &[u8],
    what: String,
) -> RegistryError {
    let error: ErrorAnswer = serde_json::from_slice(answer).unwrap_or_default();
    let code = error.kind.rsplit('#').next().unwrap_or_default();
    let code = foreign(code.split(':').next().unwrap_or(code));
    let detail = foreign(&error.message);
    let service = host.service();
    if code.is_empty() {
        return RegistryError::Unavailable {
            what,
            status: status.as_u16(),
            detail: foreign(&String::from_utf8_lossy(answer)),
        };
    }
    let refused = if matches!(&*code, "AccessDeniedException" | "AccessDenied") {
        EcrError::Denied {
            service,
            operation,
            detail,
        }
    } else {
        EcrError::Refused {
            service,
            operation,
            code,
            detail,
        }
    };
    refused.into()
}
