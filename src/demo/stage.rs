//! The stage: a folder with reports and a key, and two loopback registries: images go from one to the
//! other.
//!
//! Setting up only; what is done on it is the front ends' work.

use std::path::{Path, PathBuf};

use crate::error::{ErrorKind, Explain};
use crate::model::Digest;
use crate::signing::{KeyPair, Password, SigningError};

use super::image::SyntheticImage;
use super::registry::{Registry, RegistryOptions};

/// The password of the demonstration's key.
pub const PASSWORD: &str = "demo";

/// An image of the story and its reports.
#[derive(Clone, Debug)]
pub struct Act {
    /// The name the reports use: `caddy:2.7.6`.
    pub name: &'static str,
    /// The image in the registry it comes from, with its tag.
    pub reference: String,
    /// The manifest's digest.
    pub digest: Digest,
}

/// The folder, the registries and the key of one demonstration.
#[derive(Debug)]
pub struct Stage {
    /// The folder everything is in.
    pub folder: PathBuf,
    /// The registry that the images come from, which ends with the stage.
    pub upstream: Registry,
    /// The registry that they are promoted to, which ends with the stage.
    pub registry: Registry,
    /// The image that is rejected.
    pub rejected: Act,
    /// The image that is approved and promoted.
    pub approved: Act,
    temporary: Option<tempfile::TempDir>,
}

/// A stage that cannot be set.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// A file or folder cannot be written.
    #[error("{}: {source}", path.display())]
    Folder {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The loopback registry cannot be started.
    #[error("the loopback registry does not start: {0}")]
    Registry(#[source] std::io::Error),
    /// The key pair cannot be made.
    #[error(transparent)]
    Key(#[from] SigningError),
}

impl Explain for StageError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Folder { .. } => ErrorKind::Input,
            Self::Registry(_) => ErrorKind::Internal,
            Self::Key(error) => error.kind(),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Folder { .. } | Self::Key(_) => {
                vec!["name an empty folder with `--dir DIR`".to_owned()]
            }
            Self::Registry(_) => Vec::new(),
        }
    }
}

/// The bundled reports of one image: file name and text.
type Reports = [(&'static str, &'static str); 3];

const REJECTED: Reports = [
    (
        "caddy-2.7.6.trivy.json",
        include_str!("../../assets/demo/caddy-2.7.6.trivy.json"),
    ),
    (
        "caddy-2.7.6.grype.json",
        include_str!("../../assets/demo/caddy-2.7.6.grype.json"),
    ),
    (
        "caddy-2.7.6.cdx.json",
        include_str!("../../assets/demo/caddy-2.7.6.cdx.json"),
    ),
];

const APPROVED: Reports = [
    (
        "caddy-v2.10.0.trivy.json",
        include_str!("../../assets/demo/caddy-v2.10.0.trivy.json"),
    ),
    (
        "caddy-v2.10.0.grype.json",
        include_str!("../../assets/demo/caddy-v2.10.0.grype.json"),
    ),
    (
        "caddy-v2.10.0.cdx.json",
        include_str!("../../assets/demo/caddy-v2.10.0.cdx.json"),
    ),
];

impl Stage {
    /// Sets the stage in `folder`, or in a temporary folder that goes with it.
    ///
    /// # Errors
    /// When the folder cannot be written, or holds a key already.
    pub async fn set(folder: Option<&Path>) -> Result<Self, StageError> {
        let (folder, temporary) = if let Some(folder) = folder {
            (folder.to_owned(), None)
        } else {
            let made = tempfile::Builder::new()
                .prefix("countersign-demo-")
                .tempdir();
            let made = made.map_err(|source| StageError::Folder {
                path: "a temporary folder".into(),
                source,
            })?;
            (made.path().to_owned(), Some(made))
        };
        let reports = folder.join("reports");
        std::fs::create_dir_all(&reports).map_err(|source| StageError::Folder {
            path: reports.clone(),
            source,
        })?;
        let upstream = start_registry().await?;
        let registry = start_registry().await?;

        let old = SyntheticImage::build(
            "caddy:2.7.6",
            &[("etc/alpine-release", 1 << 20), ("usr/bin/caddy", 6 << 20)],
            "2023-12-07T00:00:00Z",
        );
        let new = SyntheticImage::build(
            "caddy:v2.10.0",
            &[("etc/alpine-release", 1 << 20), ("usr/bin/caddy", 7 << 20)],
            "2025-04-18T00:00:00Z",
        );
        let rejected = act(&upstream, "caddy:2.7.6", &old, "2.7.6");
        let approved = act(&upstream, "caddy:v2.10.0", &new, "v2.10.0");
        write_reports(&reports, &REJECTED, &rejected, &old)?;
        write_reports(&reports, &APPROVED, &approved, &new)?;
        KeyPair::generate(&Password::new(PASSWORD.to_owned()))?.write(&folder.join("cosign"))?;
        Ok(Self {
            folder,
            upstream,
            registry,
            rejected,
            approved,
            temporary,
        })
    }

    /// Returns the folder of the reports.
    #[must_use]
    pub fn reports(&self) -> PathBuf {
        self.folder.join("reports")
    }

    /// Returns the ledger's folder.
    #[must_use]
    pub fn ledger(&self) -> PathBuf {
        self.folder.join("ledger")
    }

    /// Returns the archive's folder.
    #[must_use]
    pub fn archive(&self) -> PathBuf {
        self.folder.join("archive")
    }

    /// Returns the private key's file.
    #[must_use]
    pub fn key(&self) -> PathBuf {
        self.folder.join("cosign.key")
    }

    /// Returns where the approved image is promoted to.
    #[must_use]
    pub fn destination(&self) -> String {
        format!("{}/debut/base-images/caddy:v2.10.0", self.registry.host())
    }

    /// Returns whether the folder goes when the stage goes.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        self.temporary.is_some()
    }
}

async fn start_registry() -> Result<Registry, StageError> {
    Registry::start(RegistryOptions::default())
        .await
        .map_err(StageError::Registry)
}

fn act(registry: &Registry, name: &'static str, image: &SyntheticImage, tag: &str) -> Act {
    image.push(registry, "library/caddy", tag);
    Act {
        name,
        reference: format!("{}/library/caddy:{tag}", registry.host()),
        digest: image.digest(),
    }
}

fn write_reports(
    folder: &Path,
    reports: &Reports,
    act: &Act,
    image: &SyntheticImage,
) -> Result<(), StageError> {
    let diff_id = |position: usize| {
        image
            .layers
            .get(position)
            .map(|layer| Digest::of(layer).to_string())
            .unwrap_or_default()
    };
    let repository = act
        .reference
        .rsplit_once(':')
        .map_or("", |(repository, _)| repository);
    for (name, text) in reports {
        let text = text
            .replace(
                "@MANIFESTPURL@",
                &act.digest.to_string().replace(':', "%3A"),
            )
            .replace("@REPOSITORY@", repository)
            .replace("@REFERENCE@", &act.reference)
            .replace("@MANIFEST@", &act.digest.to_string())
            .replace("@CONFIG@", &Digest::of(&image.config).to_string())
            .replace("@DIFF0@", &diff_id(0))
            .replace("@DIFF1@", &diff_id(1));
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(|source| StageError::Folder { path, source })?;
    }
    Ok(())
}
