//! Names of images: registry references, the other transports, and platforms.
//!
//! Nothing here is looked up; resolving a name to a digest is the registry module's work.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Digest;

/// A repository: registry host (with port) and path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Repository {
    /// Host and, where given, port: `docker.io`, `127.0.0.1:5000`.
    pub registry: String,
    /// The path: `library/alpine`.
    pub path: String,
}

impl Repository {
    /// Returns whether the registry is on a loopback address: plain HTTP is spoken only there.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let host = match self.registry.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
            _ => self.registry.as_str(),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost"
            || host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.path)
    }
}

/// A reference to an image in a registry, expanded as Docker does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageReference {
    /// Where the image is.
    pub repository: Repository,
    /// The tag; `latest` is filled in only where neither tag nor digest is given.
    pub tag: Option<String>,
    /// The digest.
    pub digest: Option<Digest>,
}

/// The text does not name an image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an image reference: {detail}")]
pub struct ParseReferenceError {
    /// The text as it was given.
    pub text: String,
    /// What is wrong with it.
    pub detail: String,
}

impl FromStr for ImageReference {
    type Err = ParseReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = |detail: String| ParseReferenceError {
            text: text.chars().take(300).collect(),
            detail,
        };
        let parsed: oci_client::Reference = text
            .parse()
            .map_err(|error: oci_client::ParseError| wrong(error.to_string()))?;
        let digest = match parsed.digest() {
            Some(digest) => Some(
                digest
                    .parse()
                    .map_err(|error: super::ParseDigestError| wrong(error.to_string()))?,
            ),
            None => None,
        };
        Ok(Self {
            repository: Repository {
                registry: parsed.registry().to_owned(),
                path: parsed.repository().to_owned(),
            },
            tag: parsed.tag().map(str::to_owned),
            digest,
        })
    }
}

impl fmt::Display for ImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

/// An image by any transport the command line accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Image {
    /// In a registry: `alpine:3.20`, `docker://alpine`.
    Registry(ImageReference),
    /// In an OCI image layout folder: `oci:DIR[:REF]`, REF a name or a digest.
    Layout {
        /// The folder that holds `oci-layout`.
        directory: PathBuf,
        /// Which image of the layout; none where it holds one.
        reference: Option<String>,
    },
    /// In a tar archive: `oci-archive:FILE[:REF]`, `docker-archive:FILE[:REF]`, REF a name or a
    /// digest.
    Archive {
        /// What the archive holds.
        form: ArchiveForm,
        /// The file.
        file: PathBuf,
        /// Which image of the archive; none where it holds one.
        reference: Option<String>,
    },
    /// In the Docker daemon of this machine: `docker-daemon:REF`.
    Daemon(ImageReference),
}

/// What a tar archive with an image holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArchiveForm {
    /// An OCI image layout.
    Oci,
    /// What `docker save` writes: by its age with or without an OCI image layout in it.
    Docker,
}

impl ArchiveForm {
    /// Returns the transport that names it.
    #[must_use]
    pub fn transport(self) -> &'static str {
        match self {
            Self::Oci => "oci-archive",
            Self::Docker => "docker-archive",
        }
    }
}

impl Image {
    /// The transports besides `docker://`, as they are typed.
    pub const TRANSPORTS: [&str; 4] = ["oci:", "oci-archive:", "docker-archive:", "docker-daemon:"];

    /// Returns whether the image has no manifest of a registry's: it is known by its image ID and
    /// its layers' diff IDs.
    #[must_use]
    pub fn is_saved_by_docker(&self) -> bool {
        matches!(
            self,
            Self::Daemon(_)
                | Self::Archive {
                    form: ArchiveForm::Docker,
                    ..
                }
        )
    }

    /// Returns the same image by the digest of its manifest.
    #[must_use]
    pub fn pinned(&self, digest: &Digest) -> String {
        match self {
            Self::Registry(reference) => format!("{}@{digest}", reference.repository),
            Self::Layout { directory, .. } => format!("oci:{}@{digest}", directory.display()),
            Self::Archive { form, file, .. } => {
                format!("{}:{}@{digest}", form.transport(), file.display())
            }
            // The daemon knows no such digest.
            Self::Daemon(reference) => format!("docker-daemon:{reference}"),
        }
    }
}

impl FromStr for Image {
    type Err = ParseReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(rest) = text.strip_prefix("oci:") {
            let (directory, reference) = split_layout(rest);
            if directory.is_empty() {
                let detail = "expected oci:DIR[:REF]".to_owned();
                return Err(ParseReferenceError {
                    text: text.to_owned(),
                    detail,
                });
            }
            return Ok(Self::Layout {
                directory: PathBuf::from(directory),
                reference: reference.map(str::to_owned),
            });
        }
        for form in [ArchiveForm::Oci, ArchiveForm::Docker] {
            let rest = text.strip_prefix(form.transport());
            let Some(rest) = rest.and_then(|rest| rest.strip_prefix(':')) else {
                continue;
            };
            let (file, reference) = split_archive(rest);
            if file.is_empty() || reference == Some("") {
                return Err(ParseReferenceError {
                    text: text.to_owned(),
                    detail: format!("expected {}:FILE[:REF]", form.transport()),
                });
            }
            return Ok(Self::Archive {
                form,
                file: PathBuf::from(file),
                reference: reference.map(str::to_owned),
            });
        }
        if let Some(name) = text.strip_prefix("docker-daemon:") {
            return name.parse().map(Self::Daemon);
        }
        text.strip_prefix("docker://")
            .unwrap_or(text)
            .parse()
            .map(Self::Registry)
    }
}

/// Splits `DIR[:REF]`; a digest after `@` or `:` keeps its own colon.
fn split_layout(rest: &str) -> (&str, Option<&str>) {
    if let Some((directory, digest)) = rest.split_once('@') {
        return (directory, Some(digest));
    }
    if let Some(position) = rest.find(":sha256:").or_else(|| rest.find(":sha512:")) {
        let (directory, reference) = rest.split_at(position);
        return (directory, reference.strip_prefix(':'));
    }
    match rest.rsplit_once(':') {
        Some((directory, reference)) if !reference.contains('/') => (directory, Some(reference)),
        _ => (rest, None),
    }
}

/// Splits `FILE[:REF]` or `FILE@DIGEST`: the file ends where the first colon is, as for other tools.
fn split_archive(rest: &str) -> (&str, Option<&str>) {
    let at = ["@sha256:", "@sha512:"].iter().find_map(|at| rest.find(at));
    let Some(end) = at.or_else(|| rest.find(':')) else {
        return (rest, None);
    };
    let (file, reference) = rest.split_at(end);
    (file, reference.strip_prefix([':', '@']))
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry(reference) => write!(f, "{reference}"),
            Self::Daemon(reference) => write!(f, "docker-daemon:{reference}"),
            Self::Archive {
                form,
                file,
                reference,
            } => {
                write!(f, "{}:{}", form.transport(), file.display())?;
                match reference {
                    Some(reference) => write!(f, ":{reference}"),
                    None => Ok(()),
                }
            }
            Self::Layout {
                directory,
                reference,
            } => {
                write!(f, "oci:{}", directory.display())?;
                match reference {
                    Some(reference) => write!(f, ":{reference}"),
                    None => Ok(()),
                }
            }
        }
    }
}

/// A platform: `os/architecture[/variant]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Platform {
    /// The operating system, as Go names it.
    pub os: String,
    /// The CPU architecture, as Go names it.
    pub architecture: String,
    /// The CPU variant, such as `v8`.
    pub variant: Option<String>,
}

impl Platform {
    /// Returns whether both name the same platform; an absent variant matches any.
    #[must_use]
    pub fn agrees_with(&self, other: &Self) -> bool {
        self.os == other.os
            && self.architecture == other.architecture
            && (self.variant.is_none() || other.variant.is_none() || self.variant == other.variant)
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) => write!(f, "/{variant}"),
            None => Ok(()),
        }
    }
}

impl FromStr for Platform {
    type Err = ParseReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split('/');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(os), Some(architecture), variant, None)
                if !os.is_empty() && !architecture.is_empty() =>
            {
                Ok(Self {
                    os: os.to_owned(),
                    architecture: architecture.to_owned(),
                    variant: variant.map(str::to_owned),
                })
            }
            _ => Err(ParseReferenceError {
                text: text.to_owned(),
                detail: "expected OS/ARCH[/VARIANT], such as linux/amd64".to_owned(),
            }),
        }
    }
}

/// The JSON shape is the image index's object, the displayed shape is `os/arch`.
#[derive(Serialize, Deserialize)]
struct PlatformObject {
    architecture: String,
    os: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    variant: Option<String>,
}

impl Serialize for Platform {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        PlatformObject {
            architecture: self.architecture.clone(),
            os: self.os.clone(),
            variant: self.variant.clone(),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Platform {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let object = PlatformObject::deserialize(deserializer)?;
        Ok(Self {
            os: object.os,
            architecture: object.architecture,
            variant: object.variant,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_expand_as_docker_does() {
        for (text, expanded) in [
            ("alpine:3.20", "docker.io/library/alpine:3.20"),
            ("alpine", "docker.io/library/alpine:latest"),
            ("ghcr.io/a/b:1", "ghcr.io/a/b:1"),
            (
                "127.0.0.1:5000/debut/caddy:v1",
                "127.0.0.1:5000/debut/caddy:v1",
            ),
        ] {
            let reference: ImageReference = text.parse().unwrap();
            assert_eq!(reference.to_string(), expanded, "{text}");
        }
    }

    #[test]
    fn loopback_is_recognised_by_address_only() {
        for (registry, loopback) in [
            ("127.0.0.1:5000", true),
            ("localhost", true),
            ("[::1]:5000", true),
            ("127.0.0.1.example.com", false),
            ("docker.io", false),
        ] {
            let repository = Repository {
                registry: registry.into(),
                path: "a".into(),
            };
            assert_eq!(repository.is_loopback(), loopback, "{registry}");
        }
    }

    #[test]
    fn layouts_split_folder_and_reference() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for (text, directory, reference) in [
            ("oci:dir", "dir", None),
            ("oci:a/b:v1", "a/b", Some("v1".to_owned())),
            (&*format!("oci:a@{digest}"), "a", Some(digest.clone())),
            (&*format!("oci:a:{digest}"), "a", Some(digest.clone())),
        ] {
            let expected = Image::Layout {
                directory: directory.into(),
                reference,
            };
            assert_eq!(text.parse::<Image>().unwrap(), expected, "{text}");
        }
        assert!("oci:".parse::<Image>().is_err());
    }

    #[test]
    fn archives_split_file_and_reference() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for (text, form, file, reference) in [
            ("oci-archive:a.tar", ArchiveForm::Oci, "a.tar", None),
            ("docker-archive:a.tar", ArchiveForm::Docker, "a.tar", None),
            (
                "docker-archive:/x/a.tar:docker.io/library/app:1",
                ArchiveForm::Docker,
                "/x/a.tar",
                Some("docker.io/library/app:1".to_owned()),
            ),
            (
                &*format!("docker-archive:a.tar@{digest}"),
                ArchiveForm::Docker,
                "a.tar",
                Some(digest.clone()),
            ),
            (
                &*format!("oci-archive:a@b.tar:{digest}"),
                ArchiveForm::Oci,
                "a@b.tar",
                Some(digest.clone()),
            ),
        ] {
            let expected = Image::Archive {
                form,
                file: file.into(),
                reference,
            };
            let image: Image = text.parse().unwrap();
            assert_eq!(image, expected, "{text}");
            assert_eq!(image.to_string().parse::<Image>().unwrap(), expected);
        }
        for text in [
            "docker-archive:",
            "oci-archive::v1",
            "oci-archive:a:",
            "docker-daemon:",
        ] {
            assert!(text.parse::<Image>().is_err(), "{text}");
        }
        let daemon: Image = "docker-daemon:app:1".parse().unwrap();
        assert_eq!(daemon.to_string(), "docker-daemon:docker.io/library/app:1");
    }
}
