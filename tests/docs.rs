//! The reference pages that are made from declarations are what the declarations say today.
//!
//! `COUNTERSIGN_BLESS=1` writes them again.

use std::path::Path;

use crate::support::judges::variable;

#[test]
fn reference_pages_are_what_the_declarations_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference");
    let bless = variable("COUNTERSIGN_BLESS").is_some();
    let mut stale = Vec::new();
    for (name, text) in countersign::cli::pages() {
        let path = folder.join(name);
        if bless {
            std::fs::create_dir_all(&folder).expect("the folder can be made");
            std::fs::write(&path, &text).expect("the page can be written");
        }
        if std::fs::read_to_string(&path).ok().as_deref() != Some(&text) {
            stale.push(name);
        }
    }
    assert!(
        stale.is_empty(),
        "docs/reference is out of date: {stale:?}; run the tests with COUNTERSIGN_BLESS=1"
    );
}
