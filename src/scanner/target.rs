//! What is scanned: an image by one of its transports, or a folder.
//!
//! Nothing is looked up here but whether a path exists; digests are found out by the caller.

use std::path::{Path, PathBuf};

use super::error::ScannerError;
use crate::model::oci::Descriptor;
use crate::model::{ArchiveForm, Digest, Image, ImageReference};

/// The most characters of an image's name in a file name.
const MAX_LABEL: usize = 100;

/// The manifest that was chosen from a layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// The manifest of one platform.
    pub descriptor: Descriptor,
    /// Whether the layout's `index.json` lists it and nothing else.
    pub alone: bool,
}

/// What is scanned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// An image in a registry. Where the digest is known, scanners are given it instead of the tag,
    /// so that all of them look at the same image and their reports name it.
    Registry {
        /// The name that was typed, expanded.
        reference: ImageReference,
        /// The digest of the manifest it names; none where it could not be looked up.
        digest: Option<Digest>,
    },
    /// An image in a layout folder.
    Layout {
        /// The folder that holds `oci-layout`.
        directory: PathBuf,
        /// The name or digest that was asked for.
        reference: Option<String>,
        /// The manifest it names; none before it was looked up.
        chosen: Option<Chosen>,
    },
    /// The only image of a tar archive in the layout's form.
    OciArchive(PathBuf),
    /// The only image of a tar archive as `docker save` writes it.
    DockerArchive(PathBuf),
    /// An image of the Docker daemon.
    DockerDaemon(ImageReference),
    /// A folder: a project, or the root of an unpacked system.
    Directory(PathBuf),
}

impl Target {
    /// Reads what was typed. A folder that exists is a folder, and one that holds `oci-layout` a
    /// layout; `docker://` forces a reference.
    ///
    /// # Errors
    /// When it is neither an image nor a folder that exists.
    pub fn parse(text: &str) -> Result<Self, ScannerError> {
        let wrong = |detail: String| ScannerError::Target {
            text: text.chars().take(300).collect(),
            detail,
        };
        if text.starts_with('-') {
            return Err(wrong("a name cannot begin with `-`".to_owned()));
        }
        if let Some(file) = text.strip_prefix("oci-archive:") {
            return archive(file).map(Self::OciArchive).map_err(wrong);
        }
        if let Some(file) = text.strip_prefix("docker-archive:") {
            return archive(file).map(Self::DockerArchive).map_err(wrong);
        }
        if let Some(name) = text.strip_prefix("docker-daemon:") {
            return match name.parse::<ImageReference>() {
                Ok(reference) => Ok(Self::DockerDaemon(reference)),
                Err(error) => Err(wrong(error.detail)),
            };
        }
        let is_reference = text.starts_with("docker://") || text.starts_with("oci:");
        let path = Path::new(text);
        if !is_reference && path.is_dir() {
            return Ok(if path.join("oci-layout").is_file() {
                layout(path.to_owned(), None)
            } else {
                Self::Directory(path.to_owned())
            });
        }
        if !is_reference && path.is_file() {
            return Err(wrong(
                "it is a file: say docker-archive:FILE or oci-archive:FILE, or open a report with `countersign FILE`"
                    .to_owned(),
            ));
        }
        if !is_reference && text.starts_with(['/', '.', '~']) {
            return Err(wrong("there is no such folder".to_owned()));
        }
        match text.parse::<Image>() {
            Ok(Image::Registry(reference)) => Ok(Self::Registry {
                reference,
                digest: None,
            }),
            Ok(Image::Layout {
                directory,
                reference,
            }) => Ok(layout(directory, reference)),
            // Told apart above, where the file is looked for too.
            Ok(Image::Archive { .. } | Image::Daemon(_)) => {
                Err(wrong("it is named twice".to_owned()))
            }
            Err(error) => Err(wrong(error.detail)),
        }
    }

    /// Returns what kind of target it is, as the document `scan` names it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Registry { .. } => "registry",
            Self::Layout { .. } => "layout",
            Self::OciArchive(_) => "oci-archive",
            Self::DockerArchive(_) => "docker-archive",
            Self::DockerDaemon(_) => "docker-daemon",
            Self::Directory(_) => "directory",
        }
    }

    /// Returns the image, where it is one that countersign reads itself. The daemon's is not: it
    /// would be fetched twice.
    #[must_use]
    pub fn image(&self) -> Option<Image> {
        match self {
            Self::Registry { reference, .. } => Some(Image::Registry(reference.clone())),
            Self::Layout {
                directory,
                reference,
                ..
            } => Some(Image::Layout {
                directory: directory.clone(),
                reference: reference.clone(),
            }),
            Self::OciArchive(file) => Some(of_archive(ArchiveForm::Oci, file)),
            Self::DockerArchive(file) => Some(of_archive(ArchiveForm::Docker, file)),
            Self::DockerDaemon(_) | Self::Directory(_) => None,
        }
    }

    /// Returns a short name for files: letters, digits, `.`, `-` and `_` only.
    #[must_use]
    pub fn label(&self) -> String {
        let text = match self {
            Self::Registry { reference, .. } | Self::DockerDaemon(reference) => {
                of_reference(reference)
            }
            Self::Layout {
                directory,
                reference,
                ..
            } => match reference {
                Some(reference) => format!("{}_{}", of_path(directory), short(reference)),
                None => of_path(directory),
            },
            Self::OciArchive(path) | Self::DockerArchive(path) => of_path(&path.with_extension("")),
            Self::Directory(path) => of_path(path),
        };
        let plain: String = text
            .chars()
            .take(MAX_LABEL)
            .map(|character| match character {
                'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '-' | '_' => character,
                _ => '_',
            })
            .collect();
        match plain.trim_start_matches(['.', '-']) {
            "" => "image".to_owned(),
            plain => plain.to_owned(),
        }
    }
}

fn layout(directory: PathBuf, reference: Option<String>) -> Target {
    Target::Layout {
        directory,
        reference,
        chosen: None,
    }
}

fn of_archive(form: ArchiveForm, file: &Path) -> Image {
    Image::Archive {
        form,
        file: file.to_owned(),
        reference: None,
    }
}

fn archive(file: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(file);
    if path.is_file() {
        return Ok(path);
    }
    match file.rsplit_once(':') {
        Some((before, _)) if Path::new(before).is_file() => Err(format!(
            "scanners read the only image of an archive and cannot choose one by name: leave out everything after `{before}`"
        )),
        _ => Err("there is no such file".to_owned()),
    }
}

/// The last part of the repository, with the tag or the begin of the digest.
fn of_reference(reference: &ImageReference) -> String {
    let path = &reference.repository.path;
    let name = path.rsplit('/').next().unwrap_or(path);
    match (&reference.tag, &reference.digest) {
        (Some(tag), _) => format!("{name}_{tag}"),
        (None, Some(digest)) => format!("{name}_{}", short(&digest.to_string())),
        (None, None) => name.to_owned(),
    }
}

/// The begin of a digest; any other text as it is.
fn short(text: &str) -> String {
    match text.split_once(':') {
        Some((_, hex)) => hex.chars().take(12).collect(),
        None => text.to_owned(),
    }
}

/// The last part of a path, links and `..` resolved where possible.
fn of_path(path: &Path) -> String {
    let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    whole
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transports_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir(path("project")).unwrap();
        std::fs::create_dir(path("layout")).unwrap();
        std::fs::write(path("layout/oci-layout"), "{}").unwrap();
        std::fs::write(path("image.tar"), "").unwrap();
        let text = |prefix: &str, name: &str| format!("{prefix}{}", path(name).display());
        for (typed, kind, label) in [
            ("alpine:3.20".to_owned(), "registry", "alpine_3.20"),
            ("docker://alpine".to_owned(), "registry", "alpine_latest"),
            (
                format!("ghcr.io/a/b@sha256:{}", "0123456789abcdef".repeat(4)),
                "registry",
                "b_0123456789ab",
            ),
            ("docker-daemon:app:1".to_owned(), "docker-daemon", "app_1"),
            (text("", "project"), "directory", "project"),
            (text("", "layout"), "layout", "layout"),
            (text("oci:", "layout") + ":v1", "layout", "layout_v1"),
            (
                text("docker-archive:", "image.tar"),
                "docker-archive",
                "image",
            ),
            (text("oci-archive:", "image.tar"), "oci-archive", "image"),
        ] {
            let target = Target::parse(&typed).unwrap();
            assert_eq!(
                (target.kind(), target.label().as_str()),
                (kind, label),
                "{typed}"
            );
        }
    }

    #[test]
    fn what_could_be_an_option_or_is_not_there_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.tar");
        std::fs::write(&file, "").unwrap();
        for text in [
            "--output=/etc/passwd",
            "-q",
            "",
            "docker-daemon:--help",
            "docker://-v",
            "alpine;rm -rf",
            "$(id)",
            "docker-archive:/no/such/file",
            "/no/such/folder",
            file.to_str().unwrap(),
            &format!("docker-archive:{}:name", file.display()),
        ] {
            assert!(
                matches!(Target::parse(text), Err(ScannerError::Target { .. })),
                "{text}"
            );
        }
    }

    #[test]
    fn a_hostile_folder_gives_a_plain_label() {
        let folder = tempfile::tempdir().unwrap();
        for (name, label) in [
            ("--format=table", "format_table"),
            ("a b\u{202e}\n;c", "a_b___c"),
            ("...", "image"),
        ] {
            let path = folder.path().join(name);
            std::fs::create_dir(&path).unwrap();
            assert_eq!(Target::Directory(path).label(), label);
        }
        let long = Target::Directory(PathBuf::from("x".repeat(200)));
        assert_eq!(long.label().len(), MAX_LABEL);
    }
}
