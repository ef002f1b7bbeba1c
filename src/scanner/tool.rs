//! The scanners that are known, and what is different about each.
//!
//! Command lines are made in `arguments`, the environment in `variables`.

use std::fmt;

use serde::Serialize;

/// A scanner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scanner {
    /// Trivy: vulnerabilities, secrets, and the packages it saw.
    Trivy,
    /// Grype: vulnerabilities.
    Grype,
    /// Syft: an SBOM.
    Syft,
}

/// What a scanner writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Product {
    /// A report of findings.
    Report,
    /// A software bill of materials.
    Sbom,
}

impl Scanner {
    /// Every scanner, in the order in which they run.
    pub const ALL: [Self; 3] = [Self::Trivy, Self::Grype, Self::Syft];

    /// Returns the name, which is also the program's.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trivy => "trivy",
            Self::Grype => "grype",
            Self::Syft => "syft",
        }
    }

    /// Returns the project that publishes it.
    #[must_use]
    pub fn project(self) -> &'static str {
        match self {
            Self::Trivy => "aquasecurity/trivy",
            Self::Grype => "anchore/grype",
            Self::Syft => "anchore/syft",
        }
    }

    /// Returns the image that its project publishes.
    #[must_use]
    pub fn image(self) -> &'static str {
        match self {
            Self::Trivy => "aquasec/trivy",
            Self::Grype => "anchore/grype",
            Self::Syft => "anchore/syft",
        }
    }

    /// Returns what it writes.
    #[must_use]
    pub fn product(self) -> Product {
        match self {
            Self::Trivy | Self::Grype => Product::Report,
            Self::Syft => Product::Sbom,
        }
    }

    /// Returns what one entry of what it writes is called.
    #[must_use]
    pub fn unit(self) -> &'static str {
        match self.product() {
            Product::Report => "records",
            Product::Sbom => "components",
        }
    }
}

impl fmt::Display for Scanner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
