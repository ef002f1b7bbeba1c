//! Addresses: the endpoints of a repository, and which addresses that a registry names may be
//! followed.
//!
//! Nothing is sent here.

use url::{Host, Url};

use super::error::{RegistryError, foreign};
use crate::model::Repository;

/// Checks an address that a registry named (redirect, upload location, realm, next page).
///
/// # Errors
/// When it leaves TLS, or points from a registry out in the world into this machine or its
/// private network by number.
pub(super) fn check_target(
    url: &Url,
    repository: &Repository,
    what: &str,
) -> Result<(), RegistryError> {
    let refused = |detail: &str| RegistryError::Address {
        what: what.to_owned(),
        address: origin(url),
        detail: detail.to_owned(),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused("it carries a log-in"));
    }
    if is_own(url, repository) {
        return Ok(());
    }
    let inner = is_inner(url);
    match url.scheme() {
        "https" if !inner || repository.is_loopback() => Ok(()),
        "https" => Err(refused("it is a number inside a private network")),
        "http" if repository.is_loopback() && is_loopback(url) => Ok(()),
        _ => Err(refused("it is not encrypted")),
    }
}

/// Returns the host that serves a registry: Docker Hub's differs from its name.
pub(super) fn registry_host(registry: &str) -> &str {
    match registry {
        "docker.io" | "index.docker.io" => "registry-1.docker.io",
        other => other,
    }
}

/// Returns the address of an endpoint of a repository, such as `/manifests/latest`.
///
/// # Errors
/// When host, path or endpoint would make another address than the one that is meant.
pub(super) fn endpoint(repository: &Repository, rest: &str) -> Result<Url, RegistryError> {
    let scheme = if repository.is_loopback() {
        "http"
    } else {
        "https"
    };
    let host = registry_host(&repository.registry);
    let plain = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'/' | b':' | b'=')
    };
    let wrong = |detail: String| RegistryError::Unsupported {
        what: format!("the name {}", foreign(&repository.to_string())),
        detail,
    };
    for part in [&*repository.path, rest] {
        let path = part.split('?').next().unwrap_or(part);
        let odd = path
            .trim_matches('/')
            .split('/')
            .any(|segment| matches!(segment, "" | "." | ".."));
        if odd || !path.bytes().all(plain) {
            return Err(wrong(format!("`{}` is not a path", foreign(part))));
        }
    }
    if host.is_empty() || host.contains(['/', '@', '?', '#', '\\']) {
        return Err(wrong("the host is not a host".to_owned()));
    }
    Url::parse(&format!("{scheme}://{host}/v2/{}{rest}", repository.path))
        .map_err(|error| wrong(error.to_string()))
}

/// Returns whether an address is on the registry's own scheme, host and port.
pub(super) fn is_own(url: &Url, repository: &Repository) -> bool {
    endpoint(repository, "/tags/list").is_ok_and(|own| own.origin() == url.origin())
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Returns whether an address is a number (or name) of this machine or of a private network.
fn is_inner(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => inner_v4(address),
        Some(Host::Ipv6(address)) => {
            address.is_loopback()
                || address.is_unspecified()
                || address.is_unique_local()
                || address.is_unicast_link_local()
                || address.to_ipv4_mapped().is_some_and(inner_v4)
        }
        None => true,
    }
}

fn inner_v4(address: std::net::Ipv4Addr) -> bool {
    address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_unspecified()
        || address.is_broadcast()
}

/// Returns scheme, host and port of an address: all of it that may be shown.
pub(super) fn origin(url: &Url) -> String {
    foreign(&url.origin().ascii_serialization())
}
