//! Tests on real pairs of reports: counts, classes, and the figures of the page about them.

use super::*;
use crate::triage::testing::pair;

/// What an independent program counted once: records, agreed units and units alone, each of
/// (Trivy, Grype), then the rows whose severities and whose fixes differ.
#[rustfmt::skip]
const MEASURED: [(&str, [u64; 8]); 25] = [
    ("alpine-2023-06", [2, 2, 2, 2, 0, 0, 0, 0]),
    ("busybox-2023-06", [0, 0, 0, 0, 0, 0, 0, 0]),
    ("docker-2023-06", [2, 2, 2, 2, 0, 0, 0, 0]),
    ("golang-2023-06", [288, 287, 285, 285, 2, 2, 9, 0]),
    ("httpd-2023-06", [103, 109, 103, 103, 0, 6, 1, 0]),
    ("mariadb-2023-06", [35, 35, 35, 35, 0, 0, 0, 1]),
    ("mysql-2023-06", [12, 16, 12, 10, 0, 6, 0, 0]),
    ("nginx-2023-06", [76, 77, 76, 76, 0, 1, 0, 0]),
    ("node-2023-06", [630, 620, 617, 617, 13, 3, 15, 0]),
    ("openjdk-2023-06", [21, 14, 21, 14, 0, 0, 0, 0]),
    ("rabbitmq-2023-06", [27, 27, 27, 27, 0, 0, 0, 0]),
    ("traefik-2023-06", [12, 13, 10, 11, 2, 2, 0, 5]),
    ("ubuntu-2023-06", [24, 24, 24, 24, 0, 0, 0, 0]),
    ("mysql-bycve-2023-06", [12, 16, 10, 10, 2, 4, 6, 0]),
    ("openjdk-bycve-2023-06", [21, 14, 14, 14, 7, 0, 9, 0]),
    ("ubi7-7.6-2022-06", [1000, 922, 873, 873, 127, 49, 11, 10]),
    ("eck-operator-wolfi-2025-06-07", [1, 1, 1, 1, 0, 0, 1, 0]),
    ("clamav-alpine322-2025-06-07", [0, 9, 0, 0, 0, 9, 0, 0]),
    ("nginx-deb12-2025-06-08", [45, 135, 44, 44, 1, 91, 2, 28]),
    ("eck-operator-wolfi-2025-06-27", [4, 3, 3, 3, 1, 0, 1, 1]),
    ("myapp-deb12-2025-09", [54, 160, 54, 54, 0, 106, 10, 1]),
    ("app-ubuntu2404-2025-12", [31, 51, 31, 31, 0, 20, 0, 0]),
    ("tldr-deb13-2026-03-18", [78, 80, 73, 73, 5, 7, 16, 21]),
    ("juiceshop-v19-2025-10", [70, 65, 65, 65, 5, 0, 3, 6]),
    ("react-starter-dir-UTF16-2025-04", [42, 51, 42, 42, 0, 9, 0, 28]),
];

/// Where this program counts otherwise: the pair, the column, its count, and why.
const DEVIATIONS: [(&str, usize, u64, &str); 1] = [(
    "nginx-deb12-2025-06-08",
    7,
    30,
    "CVE-2025-4802 of libc6 and libc-bin: Trivy says `fix_deferred`, Grype `wont-fix`. The other \
     program took a deferred fix for an unknown one; here it is \"not fixed\", which differs",
)];

#[test]
fn real_pairs_compare_as_measured() {
    let mut wrong = Vec::new();
    for (name, mut expected) in MEASURED {
        let Some([left, right]) = pair(name) else {
            return;
        };
        for (_, column, count, why) in DEVIATIONS.iter().filter(|(pair, ..)| *pair == name) {
            assert_ne!(expected[*column], *count, "no deviation any more: {why}");
            expected[*column] = *count;
        }
        let comparison = compare_reports(&left, &right, &[]);
        let totals = &comparison.totals;
        let [trivy, grype] = ["trivy", "grype"];
        let counted = [
            totals.sides[trivy].records,
            totals.sides[grype].records,
            totals.agreed[trivy],
            totals.agreed[grype],
            totals.only[trivy],
            totals.only[grype],
            totals.severity_differs,
            totals.fix_differs,
        ];
        if counted != expected {
            wrong.push(format!("{name}: {counted:?}, measured {expected:?}"));
        }
        check(&comparison);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The rows of all pairs by the class of their reason. Rows of each class, up to
/// three, were compared with the reports by eye; a change here needs the same.
const CLASSES: [(&str, Strength, usize); 21] = [
    ("already-fixed", Strength::Proven, 2),
    ("binary", Strength::Proven, 30),
    ("by-cve", Strength::Proven, 24),
    ("cpe-match", Strength::Proven, 14),
    ("development", Strength::Inferred, 4),
    ("fix-branches", Strength::Proven, 41),
    ("fix-versions", Strength::Proven, 1),
    ("fixable", Strength::Proven, 10),
    ("id-scheme", Strength::Proven, 9),
    ("ignore-unfixed", Strength::Inferred, 91),
    ("not-in-database", Strength::Inferred, 218),
    ("other-copy", Strength::Proven, 5),
    ("same-source", Strength::Proven, 3),
    ("severity-changed", Strength::Inferred, 17),
    ("severity-choice", Strength::Proven, 2),
    ("severity-filter", Strength::Inferred, 89),
    ("severity-unnamed", Strength::Proven, 19),
    ("severity-unrated", Strength::Proven, 31),
    ("system-file", Strength::Inferred, 4),
    ("wanted-only", Strength::Inferred, 2),
    ("wont-fix", Strength::Proven, 34),
];

#[test]
fn real_differences_have_known_reasons() {
    let mut counted: BTreeMap<(&str, Strength), usize> = BTreeMap::new();
    for (name, _) in MEASURED {
        let Some([left, right]) = pair(name) else {
            return;
        };
        let rows = compare_reports(&left, &right, &[]).rows;
        for reason in rows.iter().filter_map(|row| row.reason.as_ref()) {
            *counted.entry((reason.class, reason.strength)).or_default() += 1;
        }
    }
    let expected = CLASSES.map(|(class, strength, count)| ((class, strength), count));
    assert_eq!(counted, BTreeMap::from(expected));
}

/// What is counted over all pairs.
#[derive(Default)]
struct Figures {
    /// Records, units, agreed, only: Trivy's, then Grype's.
    sums: [u64; 8],
    strengths: BTreeMap<Strength, u64>,
    /// Rows by whether both sides have them, and class.
    classes: BTreeMap<(bool, &'static str), u64>,
    joined: u64,
    /// Rows of both whose shown ids are not the same.
    named_otherwise: u64,
}

impl Figures {
    /// Measures all pairs; none where they are not there.
    fn measure() -> Option<Self> {
        let mut figures = Self::default();
        for (name, _) in MEASURED {
            let [left, right] = pair(name)?;
            figures.add(&compare_reports(&left, &right, &[]));
        }
        Some(figures)
    }

    fn add(&mut self, comparison: &Comparison) {
        let totals = &comparison.totals;
        let counts = ["trivy", "grype"].map(|side| {
            let total = totals.sides[side];
            [
                total.records,
                total.units,
                totals.agreed[side],
                totals.only[side],
            ]
        });
        for (sum, count) in self.sums.iter_mut().zip(counts.into_iter().flatten()) {
            *sum += count;
        }
        for row in &comparison.rows {
            let joined = row.side == "both";
            let mut shown = row.sides.values().map(|side| &side.ids[0]);
            self.joined += u64::from(joined);
            self.named_otherwise += u64::from(joined && shown.next() != shown.next());
            if let Some(reason) = &row.reason {
                *self.strengths.entry(reason.strength).or_default() += 1;
                *self.classes.entry((joined, reason.class)).or_default() += 1;
            }
        }
    }

    /// The sentences and lines that name them.
    fn sentences(&self) -> Vec<String> {
        let thousands = crate::text::thousands;
        let of = |strength| self.strengths.get(&strength).copied().unwrap_or_default();
        let differing: u64 = self.strengths.values().sum();
        let lines = [
            "records, as the tools count them",
            "units",
            "units that the other has too",
            "units that the other lacks",
        ];
        let (trivy, grype) = self.sums.split_at(4);
        let counts = trivy.iter().zip(grype);
        lines
            .iter()
            .zip(counts)
            .map(|(line, (trivy, grype))| {
                format!("| {line} | {} | {} |", thousands(*trivy), thousands(*grype))
            })
            .chain([
                format!(
                    "Of the {differing} rows that differ, {} are proven, {} inferred, {} undecidable",
                    of(Strength::Proven),
                    of(Strength::Inferred),
                    of(Strength::Undecidable)
                ),
                format!(
                    "{} of the {} joined rows",
                    self.named_otherwise,
                    thousands(self.joined)
                ),
            ])
            .collect()
    }
}

/// Returns the sum of the last column of a class's lines.
fn on_page(part: &str, class: &str) -> u64 {
    let start = format!("| `{class}` |");
    part.lines()
        .filter(|line| line.starts_with(&start))
        .filter_map(|line| {
            let line = line.trim_end_matches(" |");
            line.rsplit("| ").next()?.parse::<u64>().ok()
        })
        .sum()
}

/// The page names these figures; whoever changes a class changes the page.
#[test]
fn the_page_about_disagreements_has_the_measured_figures() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/guide/disagreements.md");
    let page = std::fs::read_to_string(path).unwrap();
    let Some(figures) = Figures::measure() else {
        return;
    };
    let mut wrong = figures.sentences();
    wrong.retain(|text| !page.contains(text.as_str()));
    // A class stands in one table for absences and in another for differences of both.
    let (absences, differences) = page.split_once("## Both have it and rate it").unwrap();
    for ((joined, class), count) in figures.classes {
        let part = if joined { differences } else { absences };
        let counted = on_page(part, class);
        if counted != count {
            wrong.push(format!("{class}: {count}, the page says {counted}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
