//! The reference page of the keys, as Markdown.
//!
//! Written from the table alone; `docs/reference/keys.md` is this text.

use std::fmt::Write as _;

use super::{Keymap, Place};

/// Returns the reference page: one table a place.
#[must_use]
pub fn markdown(map: &Keymap) -> String {
    let mut page = String::from(
        "# Keys\n\nEvery key of the console. Nothing needs Ctrl, Alt or a function key; the Ctrl \
         keys are duplicates. In a text field every printable key is text.\n",
    );
    for place in Place::ALL {
        let mut actions = map.actions(place).peekable();
        if actions.peek().is_none() {
            continue;
        }
        // Writing to a String cannot fail.
        let _infallible = write!(
            page,
            "\n## {}\n\n| keys | action | |\n|---|---|---|\n",
            place.name()
        );
        for (action, keys) in actions {
            let keys: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
            let _infallible = writeln!(
                page,
                "| {} | {} | `{}` |",
                keys.join(" "),
                action.summary(),
                action.name()
            );
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keymap::Action;

    #[test]
    fn every_action_is_on_the_page() {
        let page = markdown(&Keymap::default());
        for action in Action::all() {
            assert!(
                page.contains(&format!("`{}`", action.name())),
                "{}",
                action.name()
            );
        }
    }
}
