//! Where a scanner is: a program on this machine, or an image that docker runs.
//!
//! Only files and permissions are looked at; nothing is started here.

use std::fmt;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::error::ScannerError;
use super::tool::Scanner;
use crate::environment::Environment;
use crate::model::ImageReference;

/// Where a scanner is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Program {
    /// Installed.
    Installed(PathBuf),
    /// In an image.
    Image {
        /// The docker client.
        docker: PathBuf,
        /// The scanner's image.
        image: ImageReference,
    },
}

impl Program {
    /// Looks for an installed scanner on the PATH. Entries that are not absolute do not count.
    ///
    /// # Errors
    /// When there is none.
    pub fn find(scanner: Scanner, environment: &Environment) -> Result<Self, ScannerError> {
        on_path(scanner.as_str(), environment)
            .map(Self::Installed)
            .ok_or(ScannerError::Missing { scanner })
    }

    /// Takes the program that was named: a path, or a name on the PATH.
    ///
    /// # Errors
    /// When it is not there, no file, or may not be executed.
    pub fn named(path: &Path, environment: &Environment) -> Result<Self, ScannerError> {
        let wrong = |detail: &str| ScannerError::NotRunnable {
            path: path.to_owned(),
            detail: detail.to_owned(),
        };
        if path.components().count() == 1
            && let Some(found) = path.to_str().and_then(|name| on_path(name, environment))
        {
            return Ok(Self::Installed(found));
        }
        let whole = environment.working_directory.join(path);
        match whole.metadata() {
            Err(error) => Err(wrong(&error.to_string())),
            Ok(metadata) if !metadata.is_file() => Err(wrong("it is not a file")),
            Ok(_) if !is_executable(&whole) => Err(wrong("the permission to execute is missing")),
            Ok(_) => Ok(Self::Installed(whole)),
        }
    }

    /// Takes the scanner from an image, which docker runs.
    ///
    /// # Errors
    /// When docker is not installed.
    pub fn in_image(
        scanner: Scanner,
        image: ImageReference,
        environment: &Environment,
    ) -> Result<Self, ScannerError> {
        let docker = on_path("docker", environment).ok_or(ScannerError::NoDocker { scanner })?;
        Ok(Self::Image { docker, image })
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Installed(path) => write!(f, "{}", path.display()),
            Self::Image { image, .. } => write!(f, "{image}"),
        }
    }
}

/// A relative entry of the PATH could be a folder that is scanned: it does not count.
fn on_path(name: &str, environment: &Environment) -> Option<PathBuf> {
    std::env::split_paths(environment.variable("PATH")?)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name))
        .find(|path| path.is_file() && is_executable(path))
}

fn is_executable(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|metadata| metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    fn file(path: &Path, mode: u32) {
        std::fs::write(path, "#!/bin/sh\n").unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn the_path_gives_programs_only() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (folder.path().join("first"), folder.path().join("second"));
        std::fs::create_dir(&first).unwrap();
        std::fs::create_dir(&second).unwrap();
        file(&first.join("trivy"), 0o644);
        file(&second.join("trivy"), 0o755);
        let path = format!(".:{}:{}", first.display(), second.display());
        let environment =
            Environment::fixed(DateTime::UNIX_EPOCH, first.clone()).with_variable("PATH", &path);
        assert_eq!(
            Program::find(Scanner::Trivy, &environment).unwrap(),
            Program::Installed(second.join("trivy"))
        );
        assert!(matches!(
            Program::find(Scanner::Syft, &environment),
            Err(ScannerError::Missing {
                scanner: Scanner::Syft
            })
        ));
        // Named: by name on the PATH, or by a path, which must be a program.
        let named = |text: &str| Program::named(Path::new(text), &environment);
        assert_eq!(
            named("trivy").unwrap(),
            Program::Installed(second.join("trivy"))
        );
        assert!(named("./trivy").is_err());
        assert!(named("./nothing").is_err());
        assert!(named(first.to_str().unwrap()).is_err());
        assert!(matches!(
            Program::in_image(
                Scanner::Trivy,
                "aquasec/trivy".parse().unwrap(),
                &environment
            ),
            Err(ScannerError::NoDocker { .. })
        ));
    }
}
