//! Entry point: parses arguments, chooses the front end, turns the outcome into an exit code.

fn main() {}
