//! Figures for the console: load, first frame, key press, memory.

fn main() {}
