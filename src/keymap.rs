//! Keys and what they do, declared once: footer, Help, the configuration and the reference page
//! are all read from here.
//!
//! No terminal and no screen: translating a terminal's key events and acting on an [`Action`] are
//! the console's work.

mod action;
mod key;
mod map;
mod place;
mod reference;
mod table;

pub use action::Action;
pub use key::{Code, Key, ParseKeyError};
pub use map::{Keymap, KeymapError};
pub use place::Place;
pub use reference::markdown;
pub use table::{BINDINGS, Binding};
