//! Natural order: runs of digits compare as numbers.
//!
//! An order to show lists in, not a scheme of versions: it never says which release is newer.

use std::cmp::Ordering;

/// Compares text with runs of digits as numbers.
pub(in crate::triage) fn natural(one: &str, other: &str) -> Ordering {
    // Bytes of UTF-8 compare as the characters they spell, and a digit's byte is only a digit.
    let (mut left, mut right) = (one.as_bytes(), other.as_bytes());
    loop {
        let (Some((a, after)), Some((b, other_after))) = (left.split_first(), right.split_first())
        else {
            return left.len().cmp(&right.len()).then_with(|| one.cmp(other));
        };
        let order = if a.is_ascii_digit() && b.is_ascii_digit() {
            let (number, after) = digits(left);
            let (other_number, other_after) = digits(right);
            (left, right) = (after, other_after);
            (number.len(), number).cmp(&(other_number.len(), other_number))
        } else {
            (left, right) = (after, other_after);
            a.cmp(b)
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// Splits leading digits off, without leading zeros.
fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    let zeros = number
        .iter()
        .position(|digit| *digit != b'0')
        .unwrap_or(end);
    (number.get(zeros..).unwrap_or_default(), rest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_count_as_numbers() {
        let mut list = ["1.10", "CVE-2024-10", "1.9", "CVE-2024-9", "1.09.1", ""];
        list.sort_by(|one, other| natural(one, other));
        assert_eq!(
            list,
            ["", "1.9", "1.09.1", "1.10", "CVE-2024-9", "CVE-2024-10"]
        );
    }

    proptest! {
        #[test]
        fn it_is_a_total_order(mut list in prop::collection::vec("[a-b0-2.é]{0,5}", 0..12)) {
            list.sort_by(|one, other| natural(one, other));
            for (position, one) in list.iter().enumerate() {
                for other in &list[position..] {
                    prop_assert!(natural(one, other) != Ordering::Greater);
                    prop_assert_eq!(natural(one, other) == Ordering::Equal, one == other);
                }
            }
        }
    }
}
