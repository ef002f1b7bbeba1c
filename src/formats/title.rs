//! A title where a report has none.
//!
//! Whole descriptions are never kept: they are read from the file on demand.

/// Returns the first words of a description, at most 100 characters.
pub(super) fn first_words(description: &str) -> String {
    const LIMIT: usize = 100;
    let line = description.trim().lines().next().unwrap_or_default().trim();
    if line.chars().count() <= LIMIT {
        return line.to_owned();
    }
    let cut: String = line.chars().take(LIMIT).collect();
    let words = cut
        .rsplit_once(' ')
        .map_or(cut.as_str(), |(words, _)| words);
    format!("{words} …")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_between_words() {
        assert_eq!(first_words(" One.\nTwo."), "One.");
        let long = "word ".repeat(40);
        let title = first_words(&long);
        assert!(title.ends_with("word …") && title.chars().count() <= 102);
        assert_eq!(first_words(&"ü".repeat(200)).chars().count(), 102);
    }
}
