//! The line of tabs, and the line that says which image is in front.
//!
//! The second is on every screen: nobody should have to guess what a verdict is about.

use crate::model::Subject;
use crate::review::Review;
use crate::text::Safe;
use crate::tui::context::Context;
use crate::tui::message::Tab;
use crate::tui::theme::Role;

use super::Piece;

/// Returns the line of tabs; short names where the long ones do not fit.
#[must_use]
pub fn tabs(front: Tab, width: u16) -> Vec<Piece> {
    let long = width >= 100;
    let mut pieces = Vec::new();
    for (number, tab) in ["1", "2", "3", "4", "5", "6", "7", "8"]
        .into_iter()
        .zip(Tab::ALL)
    {
        let (name, short) = tab.names();
        let role = if tab == front { Role::Tab } else { Role::Text };
        let (open, close) = if tab == front { ("[", "]") } else { (" ", " ") };
        pieces.push(Piece::new(open, role));
        pieces.push(Piece::new(
            number,
            if tab == front { role } else { Role::Key },
        ));
        // Sixty columns hold the digits and the name of the tab in front.
        if width >= 80 || tab == front {
            pieces.push(Piece::new(" ", role));
            pieces.push(Piece::new(if long { name } else { short }, role));
        }
        pieces.push(Piece::new(close, role));
    }
    pieces
}

/// Returns the line that says which image is in front, and how it stands.
#[must_use]
pub fn identity(context: &Context<'_>) -> Vec<Piece> {
    let Some(subject) = context.subject() else {
        let text = if context.is_loading {
            "reading the inputs"
        } else {
            "no image"
        };
        return vec![Piece::new(" ", Role::Text), Piece::new(text, Role::Dim)];
    };
    let wide = context.area.width >= 100;
    let narrow = context.area.width < 80;
    let mut pieces = vec![
        Piece::new(" ", Role::Text),
        Piece::foreign(&subject.name, Role::Title),
    ];
    match subject.identity() {
        Some(digest) => {
            let hex: String = digest.hex().chars().take(12).collect();
            let algorithm = if narrow { "" } else { "sha256:" };
            pieces.push(Piece::foreign(&format!(" @ {algorithm}{hex}"), Role::Text));
        }
        None => pieces.push(Piece::new(" (no digest)", Role::Warning)),
    }
    if let Some(platform) = subject.platform.as_ref().filter(|_| !narrow) {
        pieces.push(Piece::foreign(&format!("  {platform}"), Role::Dim));
    }
    if let Some(standing) = context.standing() {
        let state = standing.state.as_str();
        let gate = if standing.gate.open {
            ("open", Role::Good)
        } else {
            ("closed", Role::Error)
        };
        pieces.push(Piece::new(
            if narrow { "  " } else { "  verdict: " },
            Role::Dim,
        ));
        pieces.push(Piece::new(state, Role::Title));
        pieces.push(Piece::new("  gate: ", Role::Dim));
        if context.is_covered() {
            pieces.push(Piece::new(context.cover(), Role::Dim));
        } else {
            pieces.push(Piece::new(gate.0, gate.1));
        }
    }
    pieces.push(scanners(context.review, subject, wide));
    pieces
}

/// The scanners with a report, versions and database dates where there is room.
fn scanners(review: &Review, subject: &Subject, wide: bool) -> Piece {
    let mut text = String::new();
    for (position, _) in &subject.reports {
        let Some(report) = review.reports.get(*position) else {
            continue;
        };
        text.push_str("  ");
        text.push_str(&report.scanner);
        if !wide {
            continue;
        }
        if let Some(version) = &report.scanner_version {
            text.push(' ');
            text.push_str(version);
        }
        if let Some(built) = report.database_built {
            text.push_str(&built.format(" db %m-%d").to_string());
        }
    }
    if text.is_empty() {
        text.push_str("  no report");
    }
    Piece::safe(Safe::limited(&text, 256), Role::Dim)
}
