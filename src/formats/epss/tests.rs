//! Tests of EPSS files: both shapes, what is lost and said, and what is refused with its place.

use super::*;

const CSV: &str = "#model_version:v2025.03.14,score_date:2026-11-20T12:55:00+0000\n\
                   cve,epss,percentile\nCVE-1999-0001,0.01141,0.77842\n\
                   CVE-2024-24790,0.94300,1.0\n";

fn csv(text: &str) -> Result<EpssScores, FormatError> {
    read("scores", text.as_bytes().to_vec())
}

fn of(scores: &EpssScores, cve: &str) -> Option<(f64, Option<f64>)> {
    let score = scores.of(Cve::new(cve).unwrap())?;
    Some((score.probability, score.percentile))
}

#[test]
fn the_csv_of_a_day_is_read_plain_and_packed() {
    let scores = csv(CSV).unwrap();
    assert_eq!(scores.feed.summary(), "EPSS 2026-11-20, 2 CVEs");
    assert_eq!(scores.feed.version.as_deref(), Some("v2025.03.14"));
    assert!(scores.feed.losses.is_empty() && scores.feed.notices.is_empty());
    assert_eq!(of(&scores, "CVE-2024-24790"), Some((0.943, Some(1.0))));
    assert_eq!(of(&scores, "CVE-2024-24791"), None);

    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, CSV.as_bytes()).unwrap();
    let packed = encoder.finish().unwrap();
    let unpacked = read("scores.gz", packed.clone()).unwrap();
    assert_eq!(unpacked.scores, scores.scores);
    assert_eq!(
        unpacked.feed.origin.sha256,
        crate::model::Digest::of(&packed)
    );
    let half = packed.get(..packed.len() / 2).unwrap().to_vec();
    assert!(matches!(
        read("scores.gz", half),
        Err(FormatError::Unpack { .. })
    ));
}

#[test]
fn old_files_have_no_comment_and_no_percentile() {
    let scores = csv("cve,epss\r\nCVE-2021-44228,0.9\r\n").unwrap();
    assert_eq!(of(&scores, "CVE-2021-44228"), Some((0.9, None)));
    assert_eq!(scores.feed.summary(), "EPSS of unknown date, 1 CVEs");
}

#[test]
fn the_answer_of_the_api_is_read() {
    let text = r#"{"status":"OK","total":300,"data":[
        {"cve":"CVE-2024-24790","epss":"0.004100000","percentile":"0.730000000","date":"2026-11-20"},
        {"cve":"CVE-2024-24791","epss":0.5,"percentile":null,"date":"2026-11-19"}]}"#;
    let scores = csv(text).unwrap();
    assert_eq!(of(&scores, "CVE-2024-24790"), Some((0.0041, Some(0.73))));
    assert_eq!(of(&scores, "CVE-2024-24791"), Some((0.5, None)));
    assert_eq!(scores.feed.summary(), "EPSS 2026-11-19, 2 CVEs");
    assert_eq!(
        scores.feed.notices,
        [
            "the scores are of several days: all count as of the first",
            "a part of the answer: 2 of 300 scores"
        ]
    );
}

#[test]
fn lines_that_cannot_be_read_are_counted_and_named() {
    let text = format!(
        "{CSV}CVE-2024-1,0.1,0.1\nCVE-2024-0002,1.5,0.1\nCVE-2024-0003,0.1\nCVE-2024-0004,nan,0\n\
         CVE-1999-0001,0.5,0.9\nCVE-2024-00"
    );
    let scores = csv(&text).unwrap();
    let lost: Vec<String> = scores
        .feed
        .losses
        .iter()
        .map(|loss| format!("{}: {}", loss.place, loss.reason))
        .collect();
    assert_eq!(
        lost,
        [
            "line 5: `CVE-2024-1` is no CVE",
            "line 6: the score `1.5` is no number from 0 to 1",
            "line 7: the percentile `` is no number from 0 to 1",
            "line 8: the score `nan` is no number from 0 to 1",
            "line 10: `CVE-2024-00` is no CVE",
            "the scores: a CVE has several scores: the highest, 0.5, is kept",
        ]
    );
    assert_eq!(of(&scores, "CVE-1999-0001"), Some((0.5, Some(0.9))));
    assert_eq!(scores.feed.notices.len(), 1);

    let many = format!("{CSV}{}", "x\n".repeat(5_000));
    let losses = csv(&many).unwrap().feed.losses;
    assert_eq!(losses.len(), 101);
    assert_eq!(losses.iter().map(|loss| loss.records).sum::<u64>(), 5_000);
}

#[test]
fn another_file_is_refused_with_the_place() {
    let message = |text: &str| csv(text).unwrap_err().to_string();
    assert_eq!(
        message("\n\ncveID,vendorProject\nCVE-2024-0001,x\n"),
        "`scores` is no file of EPSS scores, at line 3, column 1 (byte 2): expected a line \
         `cve,epss,percentile`, found `cveID,vendorProject`: no column `cve`"
    );
    assert!(message("{\"SchemaVersion\": 2}").contains("expected `data`"));
    assert!(message("cve,epss\n").contains("no score in it that can be read"));
    assert!(message("# nothing\n").contains("only comments"));
    assert!(message("{\"data\": [], \"data\": []}").contains("duplicate field"));
    assert!(matches!(csv(" \n"), Err(FormatError::Empty { .. })));
    assert!(matches!(
        csv("{\"data\": [{\"cve\":"),
        Err(FormatError::Truncated { .. })
    ));
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "[#cveps,0-9.CVE\"\\-\n\r{}:\\[\\]é]{0,80}") {
        if let Ok(scores) = csv(&format!("cve,epss,percentile\n{text}")) {
            proptest::prop_assert!(scores.scores.is_sorted_by(|one, other| one.0 < other.0));
        }
        if let Err(error) = csv(&text) {
            proptest::prop_assert!(!error.to_string().is_empty());
        }
    }
}
