//! The last line: the keys that hold now, read from the keymap.
//!
//! The table's order decides what is shown when there is no room for all.

use crate::keymap::{Action, Place};
use crate::text::Safe;
use crate::tui::context::Context;
use crate::tui::theme::Role;

use super::{Piece, width_of};

/// Returns the keys that hold in `place`, as many as fit.
#[must_use]
pub fn keys(context: &Context<'_>, place: Place) -> Vec<Piece> {
    let mut pieces = vec![Piece::new(" ", Role::Text)];
    let room = usize::from(context.area.width).saturating_sub(1);
    if place == Place::Field {
        let words = "Enter accept  Esc leave  every letter is text";
        pieces.push(Piece::new(words, Role::Dim));
        return pieces;
    }
    let everywhere = [Action::Help, Action::Back];
    let own = place
        .chain()
        .iter()
        .filter(|wider| **wider != Place::Everywhere);
    let own = own
        .flat_map(|wider| context.keymap.actions(*wider).map(|(action, _)| action))
        .filter(|action| !everywhere.contains(action) && !is_movement(*action));
    // Help and the way back are always there; movement is known, or found in the help. A menu's
    // answers come first.
    let shown: Vec<Action> = if place.is_menu() {
        own.chain([Action::Back]).collect()
    } else {
        everywhere.into_iter().chain(own).collect()
    };
    for action in shown {
        let Some(key) = context.keymap.keys(action).first() else {
            continue;
        };
        // From the first screen, back is out.
        let label = match action {
            Action::Back if place == Place::Images => Action::Leave.label(),
            _ => action.label(),
        };
        let next = [
            Piece::safe(Safe::new(&key.to_string()), Role::Key),
            Piece::new(" ", Role::Dim),
            Piece::new(label, Role::Dim),
            Piece::new("  ", Role::Dim),
        ];
        if width_of(&pieces) + width_of(&next) > room + 2 {
            break;
        }
        pieces.extend(next);
    }
    pieces
}

fn is_movement(action: Action) -> bool {
    matches!(
        action,
        Action::Down
            | Action::Up
            | Action::PageDown
            | Action::PageUp
            | Action::First
            | Action::Last
            | Action::Left
            | Action::Right
    )
}
