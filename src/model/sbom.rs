//! Software bills of materials: packages, how they depend on each other, and the document.
//!
//! Formats are read in `formats`; trees, paths and licences are worked out in `triage::components`.

use super::{Format, Loss, Origin, Package, SubjectClaim};

/// One entry of an SBOM's own component list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Component {
    /// The document's reference for it (`bom-ref`, `SPDXID`).
    pub reference: Option<String>,
    /// The document's word for what it is: `library`, `operating-system`.
    pub kind: String,
    /// The package.
    pub package: Package,
    /// The entry it is nested in.
    pub parent: Option<u32>,
}

/// A software bill of materials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sbom {
    /// The file.
    pub origin: Origin,
    /// The format.
    pub format: Format,
    /// The version of the format's specification.
    pub spec_version: String,
    /// The tool that made it, with its version.
    pub producer: Option<String>,
    /// What it says about its subject.
    pub claim: SubjectClaim,
    /// Every entry of the document's own list, nested ones included, in the document's order.
    pub components: Vec<Component>,
    /// For each component, the components it depends on.
    pub depends_on: Vec<Vec<u32>>,
    /// The components the subject itself depends on.
    pub roots: Vec<u32>,
    /// Entries that could not be read; `records` counts components.
    pub losses: Vec<Loss>,
    /// Remarks for the reader.
    pub notices: Vec<String>,
}
