//! The rule for keys: names that are safe as a path, as a file name and as an S3 key.
//!
//! Keys are made from numbers, digests, kinds and times, never from text of a report.

use super::StoreError;

/// The longest segment of a key, in bytes.
const MAX_SEGMENT: usize = 120;

/// The longest key of S3, in bytes.
const MAX_KEY: usize = 1024;

/// Checks that `key` is made of `[a-z0-9._-]` segments parted by `/`, none of them empty, longer
/// than 120 bytes or starting with a dot.
///
/// # Errors
/// When it is not.
pub fn check_key(key: &str) -> Result<(), StoreError> {
    let reason = if key.is_empty() {
        "it is empty"
    } else if key.len() > MAX_KEY {
        "it is longer than 1024 bytes"
    } else if !key
        .bytes()
        .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-' | b'/'))
    {
        "only a-z, 0-9, `.`, `_`, `-` and `/` are allowed"
    } else if key.split('/').any(str::is_empty) {
        "it has an empty segment"
    } else if key.split('/').any(|segment| segment.starts_with('.')) {
        "a segment starts with a dot"
    } else if key.split('/').any(|segment| segment.len() > MAX_SEGMENT) {
        "a segment is longer than 120 bytes"
    } else {
        return Ok(());
    };
    Err(StoreError::Key {
        key: key.chars().take(160).collect(),
        reason,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_are_keys() {
        let long = "a".repeat(120);
        for key in [
            "000000000001.json",
            "approvals/ab.dsse.json",
            "a/b_c-d/e",
            &long,
        ] {
            assert!(check_key(key).is_ok(), "{key}");
        }
        let longer = "a".repeat(121);
        let deep = "a/".repeat(600) + "a";
        for key in [
            "", "/", "/a", "a/", "a//b", ".", "..", "a/../b", ".a", "a/.b", "A", "a b", "a%2fb",
            "a\\b", "a\0", "é", &longer, &deep,
        ] {
            assert!(check_key(key).is_err(), "{key}");
        }
    }
}
