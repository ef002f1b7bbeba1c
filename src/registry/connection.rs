//! Connections to registries: proxies, certificates, time limits and size caps of one request.
//!
//! Redirects, log-ins and retries are decided in `transport`.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::HeaderMap;
use reqwest::{Method, Response};
use tokio::time::timeout;
use url::Url;

use super::address::origin;
use super::credentials::LogIns;
use super::error::{RegistryError, chain};
use crate::model::Repository;

/// How registries are spoken to.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// A PEM file of certificate authorities that are trusted besides the system's.
    pub ca_file: Option<PathBuf>,
    /// Where log-ins are looked for; nowhere: anonymous.
    pub log_ins: LogIns,
    /// Where the Docker daemon listens, as `DOCKER_HOST` says it; none: its usual socket.
    pub docker_host: Option<String>,
    /// An address to ask instead of Amazon ECR's own interface.
    pub ecr_endpoint: Option<Url>,
    /// The longest silence of a connection: a time without a byte, not a time for the whole.
    pub stall_timeout: Duration,
    /// The longest time to connect.
    pub connect_timeout: Duration,
    /// The longest pause before the second try; it doubles with each further one.
    pub first_pause: Duration,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            ca_file: None,
            log_ins: LogIns::default(),
            docker_host: None,
            ecr_endpoint: None,
            stall_timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(10),
            first_pause: Duration::from_millis(500),
        }
    }
}

/// The connections of a client.
pub(super) struct Connections {
    pub(super) pools: Arc<Pools>,
    pub(super) docker_host: Option<String>,
    pub(super) stall: Duration,
    pub(super) pause: Duration,
}

/// Kept connections, set up when they are first needed: certificates cost memory.
pub(super) struct Pools {
    /// For loopback addresses: never through a proxy.
    direct: OnceLock<reqwest::Client>,
    proxied: OnceLock<reqwest::Client>,
    /// Certificate authorities that are trusted besides the system's.
    certificates: Vec<reqwest::Certificate>,
    connect_timeout: Duration,
}

impl Pools {
    /// Returns the connections to loopback addresses, or those to all others.
    ///
    /// # Errors
    /// When the certificates of the system cannot be used.
    pub(super) fn client(&self, direct: bool) -> Result<&reqwest::Client, RegistryError> {
        let place = if direct { &self.direct } else { &self.proxied };
        if let Some(client) = place.get() {
            return Ok(client);
        }
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .connect_timeout(self.connect_timeout)
            .tls_certs_merge(self.certificates.clone());
        if direct {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| RegistryError::Network {
            what: "preparing connections".to_owned(),
            detail: chain(error),
        })?;
        Ok(place.get_or_init(|| client))
    }
}

impl Connections {
    pub(super) fn new(options: &ClientOptions) -> Result<Self, RegistryError> {
        let mut certificates = Vec::new();
        if let Some(path) = &options.ca_file {
            let wrong = |detail: String| RegistryError::Settings {
                path: path.clone(),
                detail,
            };
            let text = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
            certificates = reqwest::Certificate::from_pem_bundle(&text)
                .map_err(|error| wrong(chain(error)))?;
            if certificates.is_empty() {
                return Err(wrong("holds no PEM certificate".to_owned()));
            }
        }
        Ok(Self {
            pools: Arc::new(Pools {
                direct: OnceLock::new(),
                proxied: OnceLock::new(),
                certificates,
                connect_timeout: options.connect_timeout,
            }),
            docker_host: options.docker_host.clone(),
            stall: options.stall_timeout,
            pause: options.first_pause,
        })
    }

    /// Sends one request as it is: no log-in of its own, no redirect, no retry.
    pub(super) async fn plain(
        &self,
        method: Method,
        url: &Url,
        headers: HeaderMap,
        body: Option<Bytes>,
        repository: &Repository,
        what: &str,
    ) -> Result<Response, RegistryError> {
        let mut request = self
            .connection(repository)?
            .request(method, url.clone())
            .headers(headers);
        if let Some(body) = body {
            request = request.body(body);
        }
        let network = |detail: String| RegistryError::Network {
            what: format!("{what} at {}", origin(url)),
            detail,
        };
        timeout(self.stall, request.send())
            .await
            .map_err(|_elapsed| network(silence(self.stall)))?
            .map_err(|error| network(chain(error)))
    }

    /// Returns the connections to use for a registry. They are set up when first needed: reading
    /// the system's certificates takes time and memory.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub(super) fn connection(
        &self,
        repository: &Repository,
    ) -> Result<&reqwest::Client, RegistryError> {
        self.pools.client(repository.is_loopback())
    }
}

/// The words for a silence that was too long.
pub(super) fn silence(stall: Duration) -> String {
    format!("no byte for {:.0} s", stall.as_secs_f64())
}

/// Reads a body that may not be longer than `limit`.
///
/// # Errors
/// When it is longer, breaks off or falls silent.
pub(super) async fn read_capped(
    mut response: Response,
    limit: u64,
    what: &str,
    stall: Duration,
) -> Result<Bytes, RegistryError> {
    let network = |detail: String| RegistryError::Network {
        what: what.to_owned(),
        detail,
    };
    let mut body = BytesMut::new();
    loop {
        let chunk = timeout(stall, response.chunk())
            .await
            .map_err(|_elapsed| network(silence(stall)))?
            .map_err(|error| network(chain(error)))?;
        let Some(chunk) = chunk else {
            return Ok(body.freeze());
        };
        if (body.len() + chunk.len()) as u64 > limit {
            return Err(RegistryError::TooLarge {
                what: what.to_owned(),
                limit,
            });
        }
        body.extend_from_slice(&chunk);
    }
}
