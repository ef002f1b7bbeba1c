//! Passwords: wiped when dropped, never shown.
//!
//! Where a password comes from (prompt, variable) is the front ends' business.

use std::fmt;

use zeroize::Zeroizing;

/// A key file's password; the empty one is legal.
#[derive(Clone, Default)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// Takes over a password; the memory is wiped when the value is dropped.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}
