//! Screens: a state, what keys do to it, and how it is drawn.
//!
//! Every screen is a `State` with the same functions (there is no trait: nothing is generic over
//! screens), and knows neither the other screens nor the console's state:
//!
//! - `refresh(&mut self, &Context)`: the review, the subject or the size changed; keep the
//!   selection where it was, work out again what drawing needs;
//! - `place(&self) -> Place`: whose keys hold now; `Place::Field` while text is typed;
//! - `handle(&mut self, &Input, &Context) -> Vec<Outcome>`: the person did something;
//! - `receive(&mut self, &Message, &Context) -> Vec<Outcome>`: an effect was answered;
//! - `view(&self, &Context, Rect, &mut Buffer)`: reads only, builds only what is seen;
//! - `status(&self, &Context) -> Vec<Piece>`: the line above the keys.

pub mod attached;
pub mod compare;
pub mod components;
pub mod findings;
pub mod help;
pub mod history;
pub mod images;
pub mod predict;
pub mod promote;
pub mod verdict;
