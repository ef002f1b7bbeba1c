//! Tests of the KEV catalogue: both shapes, what is lost, and what is refused with its place.

use super::*;

const JSON: &str = r#"{"title":"Catalog","catalogVersion":"2026.11.19",
 "dateReleased":"2026-11-19T16:00:54.2443Z","count":2,"vulnerabilities":[
 {"cveID":"CVE-2023-44487","dateAdded":"2023-10-10","knownRansomwareCampaignUse":"Unknown","cwes":[]},
 {"cveID":"CVE-2021-44228","dateAdded":"2021-12-10","knownRansomwareCampaignUse":"Known"}]}"#;

const CSV: &str = "cveID,vendorProject,product,vulnerabilityName,dateAdded,shortDescription,\
    requiredAction,dueDate,knownRansomwareCampaignUse,notes,cwes\n\
    CVE-2021-44228,Apache,Log4j2,\"A \"\"name\"\"\",2021-12-10,\"It, and\nmore\",x,2021-12-24,Known,,\n\
    CVE-2023-44487,IETF,HTTP/2,Name,2023-10-10,Text,x,2023-10-31,Unknown,,\n";

fn catalogue(text: &str) -> Result<KevCatalogue, FormatError> {
    read("kev", text.as_bytes().to_vec())
}

fn of(catalogue: &KevCatalogue, cve: &str) -> Option<(String, Option<bool>)> {
    let entry = catalogue.of(Cve::new(cve).unwrap())?;
    Some((entry.added?.to_string(), entry.ransomware))
}

#[test]
fn json_and_csv_say_the_same() {
    let (json, csv) = (catalogue(JSON).unwrap(), catalogue(CSV).unwrap());
    assert_eq!(json.entries, csv.entries);
    assert!(json.is_whole() && csv.is_whole());
    assert_eq!(
        of(&json, "CVE-2021-44228"),
        Some(("2021-12-10".to_owned(), Some(true)))
    );
    assert_eq!(
        of(&json, "CVE-2023-44487"),
        Some(("2023-10-10".to_owned(), Some(false)))
    );
    assert_eq!(of(&json, "CVE-2023-44488"), None);
    assert_eq!(json.feed.summary(), "KEV 2026-11-19, 2 CVEs");
    assert_eq!(json.feed.version.as_deref(), Some("2026.11.19"));
    // The CSV has no day of its own.
    assert_eq!(csv.feed.summary(), "KEV 2023-10-10, 2 CVEs");
    assert!(csv.feed.notices[0].contains("newest entry"));
}

#[test]
fn what_is_missing_makes_it_less_than_whole() {
    let short = JSON.replace("\"count\":2", "\"count\":1400");
    let lost = catalogue(&short).unwrap();
    assert!(!lost.is_whole());
    assert_eq!(
        lost.feed.losses[0].reason,
        "says that there are 1400, and lists 2"
    );

    let broken = JSON.replace("CVE-2023-44487", "CVE-2023");
    let lost = catalogue(&broken).unwrap();
    assert_eq!(lost.feed.losses[0].place, "vulnerabilities[0]");
    assert_eq!(lost.feed.losses[0].reason, "`CVE-2023` is no CVE");

    let broken = CSV.replace("2023-10-10", "10/10/2023");
    let lost = catalogue(&broken).unwrap();
    assert_eq!(lost.feed.losses[0].place, "line 4");
    assert_eq!(lost.feed.losses[0].reason, "`10/10/2023` is no date");
}

#[test]
fn another_file_is_refused_with_the_place() {
    let message = |text: &str| catalogue(text).unwrap_err().to_string();
    assert_eq!(
        message("#model_version:x\ncve,epss,percentile\nCVE-2024-0001,0.1,0.1\n"),
        "`kev` is no file of known exploited vulnerabilities, at line 2, column 1 (byte 17): \
         expected a line `cveID,…,dateAdded,…`, found `cve,epss,percentile`: no column `cveID`"
    );
    assert!(message("{\"vulnerabilities\": {}}").contains("a list of entries"));
    assert!(message("{\"vulnerabilities\": []}").contains("no entry in it"));
    assert!(message("[]").contains("no column"));
    let cut = CSV.split_at(CSV.find("more").unwrap()).0;
    assert!(matches!(catalogue(cut), Err(FormatError::Truncated { .. })));
    assert!(matches!(
        catalogue(JSON.split_at(200).0),
        Err(FormatError::Truncated { .. })
    ));
}
