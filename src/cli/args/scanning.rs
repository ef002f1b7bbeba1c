//! Options of `scan`.
//!
//! What they mean is worked out in `cli/scan`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::scanner::Scanner;

/// A scanner as it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScannerArg {
    /// Vulnerabilities, secrets, and the packages it saw
    Trivy,
    /// Vulnerabilities
    Grype,
    /// An SBOM
    Syft,
}

impl From<ScannerArg> for Scanner {
    fn from(scanner: ScannerArg) -> Self {
        match scanner {
            ScannerArg::Trivy => Self::Trivy,
            ScannerArg::Grype => Self::Grype,
            ScannerArg::Syft => Self::Syft,
        }
    }
}

/// `scan`.
#[derive(Debug, Args)]
pub(crate) struct ScanArgs {
    /// An image (registry reference, oci:DIR or oci:DIR:REF, oci-archive:FILE, docker-archive:FILE, docker-daemon:REF) or a folder
    #[arg(value_name = "IMAGE|DIR")]
    pub(crate) target: String,
    /// The scanners to run; by default those that are installed
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        value_name = "SCANNER[,SCANNER]"
    )]
    pub(crate) with: Vec<ScannerArg>,
    /// Run a scanner from its image, with docker; repeatable. The scanner is told by the image's name, or in front of it
    #[arg(long, value_name = "[SCANNER=]REF")]
    pub(crate) scanner_image: Vec<String>,
    /// The folder that keeps reports and SBOM; made where it is missing
    #[arg(long, value_name = "DIR", default_value = "reports")]
    pub(crate) dir: PathBuf,
    /// The platform of an image that has several
    #[arg(long, value_name = "OS/ARCH[/VARIANT]")]
    pub(crate) platform: Option<String>,
    /// Print the summary also on a terminal, instead of opening the console
    #[arg(long)]
    pub(crate) no_open: bool,
    /// The program trivy, where it is not on the PATH
    #[arg(long, value_name = "PATH")]
    pub(crate) trivy: Option<PathBuf>,
    /// The program grype, where it is not on the PATH
    #[arg(long, value_name = "PATH")]
    pub(crate) grype: Option<PathBuf>,
    /// The program syft, where it is not on the PATH
    #[arg(long, value_name = "PATH")]
    pub(crate) syft: Option<PathBuf>,
    /// One more argument for trivy, such as --trivy-arg=--skip-db-update; repeatable
    #[arg(long, value_name = "ARG", allow_hyphen_values = true)]
    pub(crate) trivy_arg: Vec<String>,
    /// One more argument for grype; repeatable
    #[arg(long, value_name = "ARG", allow_hyphen_values = true)]
    pub(crate) grype_arg: Vec<String>,
    /// One more argument for syft; repeatable
    #[arg(long, value_name = "ARG", allow_hyphen_values = true)]
    pub(crate) syft_arg: Vec<String>,
}
