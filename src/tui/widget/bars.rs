//! Bars: a share of a whole, as `#` and `-`; the number always stands beside it.
//!
//! Drawn in ASCII everywhere: block characters differ from font to font.

use crate::text::Safe;
use crate::tui::theme::Role;

use super::Piece;

/// Returns a bar of `width` columns that is filled by `part` of `whole`. Something is never shown
/// as nothing, and less than all never as all.
#[must_use]
pub fn bar(part: u64, whole: u64, width: usize, role: Role) -> Piece {
    let filled = if whole == 0 {
        0
    } else {
        let share = u128::from(part.min(whole)) * width as u128 / u128::from(whole);
        let share = usize::try_from(share).unwrap_or(width);
        match (part, share) {
            (0, _) => 0,
            (_, 0) => 1.min(width),
            _ => share,
        }
    };
    let text = "#".repeat(filled) + &"-".repeat(width - filled);
    Piece::safe(Safe::new(&text), role)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_little_is_seen_and_almost_all_is_not_all() {
        let text = |part, whole| bar(part, whole, 10, Role::Text).as_str().to_owned();
        assert_eq!(text(0, 5), "----------");
        assert_eq!(text(1, 1000), "#---------");
        assert_eq!(text(999, 1000), "#########-");
        assert_eq!(text(5, 5), "##########");
        assert_eq!(text(0, 0), "----------");
    }
}
