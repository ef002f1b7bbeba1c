//! Patterns, and the root that is built in.
//!
//! Bundles are checked in the integration tests, with an authority of their own.

use super::*;
use crate::error::Explain as _;

#[test]
fn patterns_are_exact_or_found_anywhere() {
    let exact = Pattern::Exact("https://example.test/a".to_owned());
    assert!(exact.matches("https://example.test/a") && !exact.is_open());
    assert!(!exact.matches("https://example.test/ab") && !exact.matches(""));
    let open = Pattern::expression("example[.]test/a").unwrap();
    assert!(open.matches("https://example.test/ab") && open.is_open());
    assert!(!open.matches("https://exampleXtest/a"));
    let closed = Pattern::expression("^https://example[.]test/[a-z]+$").unwrap();
    assert!(closed.matches("https://example.test/a") && !closed.is_open());
    assert!(!closed.matches("https://evil.test/https://example.test/a"));
    assert!(Pattern::expression("^a$|^b$").unwrap().is_open());
    assert!(Pattern::expression("(").is_err());
    assert!(Pattern::expression("a{1000}{1000}{1000}").is_err());
}

#[test]
fn the_built_in_root_is_that_of_the_library() {
    // Where this fails, the library has a newer one: take it, with its date.
    let ours = Roots::built_in().unwrap();
    let library = sigstore_verify::trust_root::SIGSTORE_PRODUCTION_TRUSTED_ROOT;
    assert_eq!(ours.source().sha256, Digest::of(library.as_bytes()));
    assert_eq!(ours.source().date, Some(BUILT_IN_DATE));
    assert!(format!("{ours:?}").contains("built in"));
}

#[test]
fn what_is_no_trusted_root_is_refused() {
    for text in [
        "",
        "{}",
        "[]",
        r#"{"mediaType": "x", "certificateAuthorities": []}"#,
    ] {
        let error = Roots::from_json("given", text).unwrap_err();
        assert!(
            error.to_string().starts_with("trusted root given: "),
            "{error}"
        );
        assert!(!error.hints().is_empty());
    }
    let missing = Roots::from_file(std::path::Path::new("/nonexistent/root.json"));
    assert!(matches!(missing, Err(RootError::Read { .. })));
}
