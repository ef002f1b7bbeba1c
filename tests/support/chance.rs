//! Choices without a pattern that can be made again: the seed is printed with every failure.
//!
//! Properties of single functions use `proptest`; this is for tests that run the whole program.

use std::hash::{BuildHasher as _, RandomState};

use super::judges::variable;

/// A series of choices (xorshift).
#[derive(Debug)]
pub(crate) struct Chance {
    seed: u64,
    state: u64,
}

impl Chance {
    /// Begins a series with `COUNTERSIGN_SEED`, or with a seed of its own.
    pub(crate) fn new() -> Self {
        let given = variable("COUNTERSIGN_SEED").map(|value| {
            let number = value.to_str().and_then(|value| value.parse().ok());
            number.unwrap_or_else(|| panic!("COUNTERSIGN_SEED is not a number"))
        });
        // The standard library seeds every map of a process at random.
        Self::from(given.unwrap_or_else(|| RandomState::new().hash_one("seed") >> 16))
    }

    /// Returns how to have the same choices again.
    pub(crate) fn again(&self) -> String {
        format!("COUNTERSIGN_SEED={}", self.seed)
    }

    /// Returns a number from 0 to `end - 1`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        let end = u64::try_from(end).expect("a count").max(1);
        usize::try_from(self.state % end).expect("below a count")
    }

    /// Returns one of `items`.
    pub(crate) fn one<'i, T>(&mut self, items: &'i [T]) -> &'i T {
        &items[self.below(items.len())]
    }

    /// Puts `items` into another order.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

impl From<u64> for Chance {
    fn from(seed: u64) -> Self {
        // A state of zero would stay zero.
        let state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        Self { seed, state }
    }
}

#[test]
fn a_seed_gives_the_same_choices() {
    let choices = |mut chance: Chance| -> Vec<usize> { (0..50).map(|_| chance.below(9)).collect() };
    let one = choices(Chance::from(7));
    assert_eq!(one, choices(Chance::from(7)));
    assert_ne!(one, choices(Chance::from(8)));
    assert!((0..9).all(|number| one.contains(&number)), "{one:?}");
    let mut list: Vec<usize> = (0..20).collect();
    Chance::from(7).shuffle(&mut list);
    assert_ne!(list, (0..20).collect::<Vec<_>>());
    list.sort_unstable();
    assert_eq!(list, (0..20).collect::<Vec<_>>());
}
