//! Command lines, argument by argument: no shell ever reads them.
//!
//! Names of images and paths stand behind `=`, a prefix of the scanner's own or `--`, so that none
//! can be taken for an option.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::error::ScannerError;
use super::program::Program;
use super::target::Target;
use super::tool::Scanner;
use super::variables;
use crate::model::{Digest, ImageReference, Platform};

/// Where a container finds what it is to read.
const IN_CONTAINER: &str = "/countersign/image";

/// Where a container finds docker's configuration, and with it the log-ins of registries.
const DOCKER_CONFIG: &str = "/countersign/docker";

/// Where a container keeps the scanner's database.
const CACHE: &str = "/countersign/cache";

/// Docker's socket, where nothing else is said.
const SOCKET: &str = "/var/run/docker.sock";

/// A command that is ready to be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CommandLine {
    /// The program.
    pub(super) program: PathBuf,
    /// Its arguments.
    pub(super) arguments: Vec<OsString>,
    /// The name of the container that it starts, where it does.
    pub(super) container: Option<String>,
}

impl CommandLine {
    /// Returns program and arguments as text.
    pub(super) fn words(&self) -> Vec<String> {
        std::iter::once(self.program.as_os_str())
            .chain(self.arguments.iter().map(OsString::as_os_str))
            .map(|word| word.to_string_lossy().into_owned())
            .collect()
    }
}

/// What a command line is made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parts<'a> {
    /// The scanner.
    pub(super) scanner: Scanner,
    /// Where it is.
    pub(super) program: &'a Program,
    /// What it scans.
    pub(super) target: &'a Target,
    /// The view of a layout, which is read in its place.
    pub(super) view: Option<&'a Path>,
    /// The platform asked for.
    pub(super) platform: Option<&'a Platform>,
    /// The person's own arguments.
    pub(super) extra: &'a [String],
    /// The variables it gets.
    pub(super) variables: &'a BTreeMap<String, String>,
    /// A name for the container, where there is one.
    pub(super) name: &'a str,
}

/// What a scanner reads: a name that is safe as it is, or a path.
enum Source<'a> {
    Registry(&'a ImageReference, Option<&'a Digest>),
    Daemon(&'a ImageReference),
    Layout(&'a Path),
    OciArchive(&'a Path),
    DockerArchive(&'a Path),
    Directory(&'a Path),
}

impl<'a> Source<'a> {
    fn of(target: &'a Target, view: Option<&'a Path>) -> Self {
        match target {
            Target::Registry { reference, digest } => Self::Registry(reference, digest.as_ref()),
            Target::DockerDaemon(reference) => Self::Daemon(reference),
            Target::Layout { directory, .. } => Self::Layout(view.unwrap_or(directory)),
            Target::OciArchive(path) => Self::OciArchive(path),
            Target::DockerArchive(path) => Self::DockerArchive(path),
            Target::Directory(path) => Self::Directory(path),
        }
    }

    fn path(&self) -> Option<&'a Path> {
        match self {
            Self::Registry(..) | Self::Daemon(_) => None,
            Self::Layout(path)
            | Self::OciArchive(path)
            | Self::DockerArchive(path)
            | Self::Directory(path) => Some(path),
        }
    }

    /// Returns the same, with another path to it.
    fn at(&self, path: &'a Path) -> Self {
        match self {
            Self::Registry(reference, digest) => Self::Registry(reference, *digest),
            Self::Daemon(reference) => Self::Daemon(reference),
            Self::Layout(_) => Self::Layout(path),
            Self::OciArchive(_) => Self::OciArchive(path),
            Self::DockerArchive(_) => Self::DockerArchive(path),
            Self::Directory(_) => Self::Directory(path),
        }
    }
}

/// Returns whether a scanner cannot be given the folder of a layout itself: it holds other images
/// too, or its path has a character that Trivy takes for the begin of a tag or digest.
pub(super) fn needs_view(directory: &Path, alone: bool) -> bool {
    !alone || directory.to_string_lossy().contains([':', '@'])
}

/// Refuses arguments that would carry a secret, move the output or end the options.
///
/// # Errors
/// With the first such argument.
pub(super) fn check_extra(scanner: Scanner, extra: &[String]) -> Result<(), ScannerError> {
    const SECRETS: [&str; 3] = ["--password", "--registry-token", "--token"];
    const OUTPUT: [&str; 5] = ["--output", "--format", "--template", "--file", "--input"];
    let short: &[&str] = match scanner {
        Scanner::Trivy => &["-o", "-f", "-t"],
        Scanner::Grype | Scanner::Syft => &["-o", "-t"],
    };
    for argument in extra {
        let name = argument.split('=').next().unwrap_or_default();
        let is_short = !name.starts_with("--") && short.iter().any(|short| name.starts_with(short));
        let detail = if SECRETS.contains(&name) {
            "no secret is taken from the command line"
        } else if OUTPUT.contains(&name) || is_short {
            "what is read, and where and how the result is written, is decided here"
        } else if name == "--" {
            "it would end the options"
        } else {
            continue;
        };
        return Err(ScannerError::Argument {
            scanner,
            argument: name.to_owned(),
            detail,
        });
    }
    Ok(())
}

/// Makes the command line of a scan.
///
/// # Errors
/// When the scanner cannot read such a target, or a container cannot be given it.
pub(super) fn scan(parts: &Parts<'_>) -> Result<CommandLine, ScannerError> {
    let source = Source::of(parts.target, parts.view);
    match parts.program {
        Program::Installed(program) => Ok(CommandLine {
            program: program.clone(),
            arguments: scanner(parts, &source)?,
            container: None,
        }),
        Program::Image { docker, image } => {
            let mut arguments = container(parts, &source)?;
            arguments.push(image.to_string().into());
            arguments.extend(scanner(parts, &source.at(Path::new(IN_CONTAINER)))?);
            Ok(CommandLine {
                program: docker.clone(),
                arguments,
                container: Some(parts.name.to_owned()),
            })
        }
    }
}

/// Makes the command line that asks for the version.
pub(super) fn version(scanner: Scanner, program: &Program) -> CommandLine {
    let question = match scanner {
        Scanner::Trivy => ["version", "--format", "json"],
        Scanner::Grype | Scanner::Syft => ["version", "-o", "json"],
    };
    let question = question.map(OsString::from);
    match program {
        Program::Installed(program) => CommandLine {
            program: program.clone(),
            arguments: question.to_vec(),
            container: None,
        },
        Program::Image { docker, image } => {
            let mut arguments: Vec<OsString> = vec!["run".into(), "--rm".into()];
            arguments.push(image.to_string().into());
            arguments.extend(question);
            CommandLine {
                program: docker.clone(),
                arguments,
                container: None,
            }
        }
    }
}

/// `prefix` and a path as one argument.
fn joined(prefix: &str, path: &Path) -> OsString {
    let mut word = OsString::from(prefix);
    word.push(path);
    word
}

/// The arguments of the scanner itself.
fn scanner(parts: &Parts<'_>, source: &Source<'_>) -> Result<Vec<OsString>, ScannerError> {
    match parts.scanner {
        Scanner::Trivy => trivy(parts, source),
        Scanner::Grype => Ok(anchore(parts, source, "json")),
        Scanner::Syft => Ok(anchore(parts, source, "cyclonedx-json")),
    }
}

/// Trivy: everything it sees is kept, so that nothing is hidden before somebody decided.
fn trivy(parts: &Parts<'_>, source: &Source<'_>) -> Result<Vec<OsString>, ScannerError> {
    let command = match source {
        // An unpacked system is read as an image is; a project by its lock files.
        Source::Directory(_) if is_root(parts.target) => "rootfs",
        Source::Directory(_) => "fs",
        _ => "image",
    };
    let mut arguments: Vec<OsString> = vec![command.into()];
    let fixed = [
        "--format=json",
        "--list-all-pkgs",
        "--exit-code=0",
        "--ignorefile=/dev/null",
        "--no-progress",
    ];
    arguments.extend(fixed.map(OsString::from));
    if command == "image"
        && let Some(platform) = parts.platform
    {
        arguments.push(format!("--platform={platform}").into());
    }
    let mut last: Option<OsString> = None;
    match source {
        Source::Registry(reference, digest) => {
            arguments.push("--image-src=remote".into());
            last = Some(pinned(reference, *digest).into());
        }
        Source::Daemon(reference) => {
            arguments.push("--image-src=docker".into());
            last = Some(reference.to_string().into());
        }
        Source::Layout(path) | Source::DockerArchive(path) => {
            arguments.push(joined("--input=", path));
        }
        Source::OciArchive(_) => {
            return Err(ScannerError::Unsupported {
                scanner: parts.scanner,
                what: "an oci-archive".to_owned(),
                detail: "it reads layouts as folders only: unpack the archive with tar and scan oci:DIR",
            });
        }
        Source::Directory(path) => last = Some(path.as_os_str().to_owned()),
    }
    arguments.extend(parts.extra.iter().map(OsString::from));
    if let Some(last) = last {
        arguments.push("--".into());
        arguments.push(last);
    }
    Ok(arguments)
}

/// The name of an image in a registry, by digest where that is known. Without the tag: beside a tag
/// scanners leave the digest out of what they write.
fn pinned(reference: &ImageReference, digest: Option<&Digest>) -> String {
    match digest {
        Some(digest) => format!("{}@{digest}", reference.repository),
        None => reference.to_string(),
    }
}

/// Grype and Syft name their sources alike.
fn anchore(parts: &Parts<'_>, source: &Source<'_>, format: &str) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec!["-o".into(), format.into()];
    if !matches!(source, Source::Directory(_))
        && let Some(platform) = parts.platform
    {
        arguments.extend(["--platform".into(), platform.to_string().into()]);
    }
    arguments.extend(parts.extra.iter().map(OsString::from));
    arguments.push("--".into());
    arguments.push(match source {
        Source::Registry(reference, digest) => {
            format!("registry:{}", pinned(reference, *digest)).into()
        }
        Source::Daemon(reference) => format!("docker:{reference}").into(),
        Source::Layout(path) => joined("oci-dir:", path),
        Source::OciArchive(path) => joined("oci-archive:", path),
        Source::DockerArchive(path) => joined("docker-archive:", path),
        Source::Directory(path) => joined("dir:", path),
    });
    arguments
}

/// Whether a folder is the root of an unpacked system.
fn is_root(target: &Target) -> bool {
    let Target::Directory(path) = target else {
        return false;
    };
    ["etc/os-release", "usr/lib/os-release"]
        .iter()
        .any(|file| path.join(file).symlink_metadata().is_ok())
}

/// The arguments of `docker run` up to the image's name.
fn container(parts: &Parts<'_>, source: &Source<'_>) -> Result<Vec<OsString>, ScannerError> {
    let mut arguments: Vec<OsString> = ["run", "--rm", "--init", "--name", parts.name]
        .map(OsString::from)
        .to_vec();
    let mut put = |name: &str, value: String| {
        arguments.extend([OsString::from(name), OsString::from(value)]);
    };
    if matches!(source, Source::Registry(reference, _) if reference.repository.is_loopback()) {
        put("--network", "host".to_owned());
    }
    // Only names: docker takes the values from its own environment, where nobody else reads them.
    for name in variables::inside(parts.scanner, parts.variables) {
        put("--env", name.to_owned());
    }
    if let Some(path) = source.path() {
        put("--mount", bind(parts.scanner, path, IN_CONTAINER)?);
        if let (Some(_), Target::Layout { directory, .. }) = (parts.view, parts.target) {
            let blobs = format!("{IN_CONTAINER}/blobs");
            put(
                "--mount",
                bind(parts.scanner, &directory.join("blobs"), &blobs)?,
            );
        }
    }
    let variable = |name: &str| parts.variables.get(name).map(String::as_str);
    let config = match (variable("DOCKER_CONFIG"), variable("HOME")) {
        (Some(config), _) => Some(PathBuf::from(config)),
        (None, Some(home)) => Some(Path::new(home).join(".docker")),
        (None, None) => None,
    };
    if let Some(config) = config.filter(|config| config.is_dir()) {
        put("--mount", bind(parts.scanner, &config, DOCKER_CONFIG)?);
        put("--env", format!("DOCKER_CONFIG={DOCKER_CONFIG}"));
    }
    if matches!(source, Source::Daemon(_)) {
        let socket = variable("DOCKER_HOST").and_then(|host| host.strip_prefix("unix://"));
        let socket = Path::new(socket.unwrap_or(SOCKET));
        put("--mount", bind(parts.scanner, socket, SOCKET)?);
    }
    let cache = match parts.scanner {
        Scanner::Trivy => Some("TRIVY_CACHE_DIR"),
        Scanner::Grype => Some("GRYPE_DB_CACHE_DIR"),
        Scanner::Syft => None,
    };
    if let Some(name) = cache {
        let mount = match variable(name) {
            Some(folder) => writable(parts.scanner, Path::new(folder), CACHE)?,
            None => format!(
                "type=volume,source=countersign-{},target={CACHE}",
                parts.scanner
            ),
        };
        put("--mount", mount);
        put("--env", format!("{name}={CACHE}"));
    }
    Ok(arguments)
}

/// A mount that the container can only read.
fn bind(scanner: Scanner, path: &Path, inside: &str) -> Result<String, ScannerError> {
    writable(scanner, path, inside).map(|mount| mount + ",readonly")
}

/// A mount. Docker reads its description as a line of comma-separated values.
fn writable(scanner: Scanner, path: &Path, inside: &str) -> Result<String, ScannerError> {
    let unsupported = |detail: &'static str| ScannerError::Unsupported {
        scanner,
        what: format!("{} in a container", path.display()),
        detail,
    };
    let whole = path
        .canonicalize()
        .map_err(|_not_found| unsupported("it is not there"))?;
    match whole.to_str() {
        Some(text) if !text.contains([',', '"', '\n', '\r']) => {
            Ok(format!("type=bind,source={text},target={inside}"))
        }
        _ => Err(unsupported(
            "docker cannot mount a path with such characters",
        )),
    }
}

#[cfg(test)]
mod tests;
