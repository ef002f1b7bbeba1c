//! What every error of this crate can say about itself: its kind, and what to do next.
//!
//! Error enums themselves live in the module that raises them; only the vocabulary is here.

/// The class of a failure. The command line turns it into an exit code (`cli/exit.rs`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The command line or the configuration asks for something that does not exist.
    Usage,
    /// A file, report, key or selection that cannot be read or does not match anything.
    Input,
    /// A registry, S3 or KMS refused or did not answer, after retries.
    Remote,
    /// A safety rule said no: gate, approval, digest, evidence, plan or tag.
    Refused,
    /// The ledger is broken, locked, conflicting or not writable.
    Ledger,
    /// The person or a signal ended the work.
    Interrupted,
    /// A defect of this program.
    Internal,
}

/// Implemented by every error enum: the kind and the hints shown under the message.
pub trait Explain: std::error::Error {
    /// Returns the class of the failure.
    fn kind(&self) -> ErrorKind;

    /// Returns what the person can do next, one sentence or command each.
    fn hints(&self) -> Vec<String> {
        Vec::new()
    }
}
