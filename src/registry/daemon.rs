//! Images of the Docker daemon of this machine, asked over its socket as `docker save` asks it.
//!
//! A daemon gives an archive that cannot be read at any place of it, so it is kept in a file
//! without a name while it is used. A daemon on another machine is not asked.

use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::{Response, StatusCode};
use serde::Deserialize;
use tokio::time::timeout;
use url::Url;

use super::connection::{read_capped, silence};
use super::error::{RegistryError, chain, foreign};
use super::layout::Layout;
use super::saved::{self, Spool};
use super::tar::Tar;
use crate::model::oci::Descriptor;
use crate::model::{ArchiveForm, ImageReference};

/// Where the daemon listens, where nothing else is said.
const SOCKET: &str = "/var/run/docker.sock";

/// The most bytes of an answer that is no image.
const MESSAGE_LIMIT: u64 = 64 << 10;

/// Returns the socket that `DOCKER_HOST` names.
fn socket(host: Option<&str>) -> Result<PathBuf, RegistryError> {
    match host {
        None | Some("") => Ok(PathBuf::from(SOCKET)),
        Some(host) => match host
            .strip_prefix("unix://")
            .filter(|path| path.starts_with('/'))
        {
            Some(path) => Ok(PathBuf::from(path)),
            None => Err(RegistryError::Daemon {
                socket: foreign(host),
                detail: "only the daemon of this machine is asked (unix:///PATH)".to_owned(),
            }),
        },
    }
}

/// Fetches an image from the daemon.
///
/// # Errors
/// When no daemon answers, it has no such image, or what it gives is damaged or too large.
pub(super) async fn open(
    host: Option<&str>,
    reference: &ImageReference,
    stall: Duration,
) -> Result<(Layout, Descriptor), RegistryError> {
    let socket = socket(host)?;
    let wrong = |detail: String| RegistryError::Daemon {
        socket: socket.display().to_string(),
        detail,
    };
    let mut url = Url::parse("http://docker/images/").map_err(|error| wrong(error.to_string()))?;
    // The daemon wants the slashes of a name as they are.
    url.set_path(&format!("/images/{reference}/get"));
    let client = reqwest::Client::builder()
        .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .unix_socket(socket.as_path())
        .build()
        .map_err(|error| wrong(chain(error)))?;
    let asked = timeout(stall, client.get(url).send()).await;
    let mut response = asked
        .map_err(|_elapsed| wrong(silence(stall)))?
        .map_err(|error| wrong(chain(error)))?;
    if response.status() != StatusCode::OK {
        return Err(refused(response, reference, &socket, stall).await);
    }
    let name = PathBuf::from(format!("docker-daemon:{reference}"));
    let mut spool = Spool::new()?;
    loop {
        let piece = timeout(stall, response.chunk()).await;
        let piece = piece.map_err(|_elapsed| wrong(silence(stall)))?;
        match piece.map_err(|error| wrong(chain(error)))? {
            Some(bytes) => spool.write(&bytes, &name)?,
            None => break,
        }
    }
    let tar = Tar::read(&name, spool.finish()?)?;
    saved::choose(ArchiveForm::Docker, tar, None).await
}

async fn refused(
    response: Response,
    reference: &ImageReference,
    socket: &Path,
    stall: Duration,
) -> RegistryError {
    #[derive(Deserialize)]
    struct Answer {
        message: String,
    }
    let status = response.status();
    if status == StatusCode::NOT_FOUND {
        return RegistryError::NotFound {
            what: format!("docker-daemon:{reference}"),
        };
    }
    let body = read_capped(response, MESSAGE_LIMIT, "the daemon's answer", stall).await;
    let message = body
        .ok()
        .and_then(|body| serde_json::from_slice::<Answer>(&body).ok())
        .map_or_else(String::new, |answer| foreign(&answer.message));
    RegistryError::Daemon {
        socket: socket.display().to_string(),
        detail: format!("status {status}: {message}"),
    }
}
