//! PEM text: the one block of a key file.
//!
//! What the bytes inside mean is not known here.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// The first PEM block of a text.
pub(super) struct PemBlock {
    /// The words after `BEGIN`.
    pub(super) label: String,
    /// The decoded body.
    pub(super) body: Zeroizing<Vec<u8>>,
}

impl PemBlock {
    /// Reads the first block; text around it and any line length are accepted, headers are not.
    pub(super) fn read(text: &str) -> Result<Self, &'static str> {
        let (_before, rest) = text
            .split_once("-----BEGIN ")
            .ok_or("it has no PEM block")?;
        let (label, rest) = rest
            .split_once("-----")
            .ok_or("its PEM block does not begin properly")?;
        let (body, _after) = rest
            .split_once(&format!("-----END {label}-----"))
            .ok_or("its PEM block has no end")?;
        let base64: Zeroizing<String> =
            Zeroizing::new(body.split_ascii_whitespace().collect::<String>());
        let body = STANDARD
            .decode(base64.as_bytes())
            .map_err(|_not_base64| "its PEM block is not base64")?;
        Ok(Self {
            label: label.to_owned(),
            body: Zeroizing::new(body),
        })
    }
}
