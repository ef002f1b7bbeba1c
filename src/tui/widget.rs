//! Drawing: pieces of text, panes and lists, each a function from values to cells.
//!
//! Widgets know roles and rectangles, nothing of screens. Foreign text enters a cell only as
//! [`crate::text::Safe`]; a literal of this program is the only other text there is.

pub mod approval;
mod bars;
pub mod confirm;
mod data_table;
mod detail;
mod field;
mod filter_bar;
mod frame;
pub mod note_editor;
mod notice;
mod piece;
pub mod progress;
pub mod secret_field;
mod status_bar;
mod tabs;

pub use bars::bar;
pub use data_table::{Column, Cursor, DataTable, Row, Width, rows_in};
pub use detail::{Scroll, detail, labelled};
pub use field::Field;
pub use filter_bar::FilterBar;
pub use frame::{Pane, inside};
pub use notice::{notice_in_full, notice_line};
pub use piece::{Piece, counted, line, lines, width_of, wrap};
pub use status_bar::keys;
pub use tabs::{identity, tabs};
