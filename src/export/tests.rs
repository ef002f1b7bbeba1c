//! Every format on one small review: what each decision becomes, and what is said beside it.
//!
//! Whether other tools take the documents is tried in `tests/export.rs`.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::*;
use crate::environment::Environment;
use crate::ledger::Chain;
use crate::model::{
    Decision, FindingRef, Recorded, Scope, Standing, StandingVerdict, SubjectRef, Until, Verdict,
};
use crate::review::{Inputs, open};
use crate::triage::policy::Policy;

const REPORT: &str = r#"{"SchemaVersion":2,"ArtifactName":"team/app:1","ArtifactType":"container_image",
 "Metadata":{"RepoDigests":["registry.example/team/app@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]},
 "Results":[{"Target":"app (debian 12)","Class":"os-pkgs","Type":"debian","Vulnerabilities":[
  {"VulnerabilityID":"CVE-2026-0001","PkgName":"libstdc++6","InstalledVersion":"12.2","FixedVersion":"12.3","Severity":"HIGH",
   "PkgIdentifier":{"PURL":"pkg:deb/debian/libstdc%2B%2B6@12.2?arch=amd64"},"Title":"=cmd|' /C calc'!A0"},
  {"VulnerabilityID":"CVE-2026-0002","PkgName":"bash","InstalledVersion":"5.2","Severity":"LOW",
   "PkgIdentifier":{"PURL":"pkg:deb/debian/bash@5.2?arch=amd64"},"Title":"<script>alert(1)</script> & \u001b[31m"}]},
  {"Target":"/app/.env","Class":"secret","Secrets":[
   {"RuleID":"private-key","Category":"AsymmetricPrivateKey","Severity":"HIGH","Title":"Private key","StartLine":3,"EndLine":3,"Match":"***"}]}]}"#;

fn now() -> DateTime<Utc> {
    "2026-05-01T12:00:00Z".parse().unwrap()
}

/// A review of the report with one verdict a finding: decision, scope and end.
fn review(verdicts: &[(Decision, Scope, Option<Until>)]) -> Review {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.json");
    std::fs::write(&path, REPORT).unwrap();
    let inputs = Inputs {
        paths: vec![path.to_str().unwrap().to_owned()],
        ..Inputs::default()
    };
    let environment = Environment::fixed(now(), "/home/user".into());
    let mut review = open(
        &inputs,
        Policy::default(),
        &Chain::default(),
        &environment,
        &tokio_util::sync::CancellationToken::new(),
        &mut |_| {},
    );
    let subject = SubjectRef::of(&review.subjects[0]);
    for (row, (decision, scope, until)) in verdicts.iter().enumerate() {
        review.verdicts[row] = Some(StandingVerdict {
            verdict: Verdict {
                decision: *decision,
                reason: "because: \"so\"".to_owned(),
                until: *until,
                justification: (*decision == Decision::NotAffected)
                    .then(|| "component_not_present".to_owned()),
                scope: *scope,
                finding: FindingRef::of(&review.findings[row]),
                subject: subject.clone(),
                reports: Vec::new(),
                carried_from: None,
            },
            recorded: Recorded {
                reviewer: "ann".to_owned(),
                time: now(),
                entry: row as u64 + 1,
                entry_sha256: crate::model::Digest::of(b"entry"),
            },
            standing: Standing::Current,
            because: None,
            carried: false,
            renewed_by: Vec::new(),
        });
    }
    review
}

fn made(format: ExportFormat, review: &Review) -> Export {
    let request = ExportRequest {
        review,
        subjects: &[0],
        author: "ann",
        now: now(),
    };
    export(format, &request).unwrap()
}

fn json(format: ExportFormat, review: &Review) -> Value {
    serde_json::from_str(&made(format, review).text).unwrap()
}

fn until() -> Until {
    "2026-06-30".parse().unwrap()
}

/// Row 0 is CVE-2026-0001 (high), row 1 the secret, row 2 CVE-2026-0002 (low).
const ROWS: [&str; 3] = ["CVE-2026-0001", "private-key", "CVE-2026-0002"];

#[test]
fn the_rows_are_as_the_tests_take_them() {
    let review = review(&[]);
    let ids: Vec<&str> = review.findings.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids, ROWS);
}

#[test]
fn openvex_states_each_decision_and_binds_it_to_its_scope() {
    for (decision, status, said_as) in [
        (Decision::NotAffected, "not_affected", "status_notes"),
        (Decision::FalsePositive, "not_affected", "impact_statement"),
        (Decision::AcceptRisk, "affected", "action_statement"),
        (Decision::Affected, "affected", "action_statement"),
        (
            Decision::UnderInvestigation,
            "under_investigation",
            "status_notes",
        ),
    ] {
        let document = json(
            ExportFormat::Openvex,
            &review(&[(decision, Scope::Finding, Some(until()))]),
        );
        let statement = &document["statements"][0];
        assert_eq!(statement["status"], status);
        assert!(statement[said_as].as_str().unwrap().contains("so"));
        assert_eq!(
            statement.get("justification").is_some(),
            decision == Decision::NotAffected
        );
        assert_eq!(
            statement.get("impact_statement").is_some(),
            decision == Decision::FalsePositive
        );
    }
    let digest = format!("pkg:oci/app@sha256:{}", "a".repeat(64));
    for (scope, product, subcomponent) in [
        (
            Scope::Finding,
            digest.as_str(),
            Some("pkg:deb/debian/libstdc%2B%2B6@12.2"),
        ),
        (
            Scope::Package,
            digest.as_str(),
            Some("pkg:deb/debian/libstdc%2B%2B6"),
        ),
        (
            Scope::Repository,
            "pkg:oci/app?repository_url=registry.example/team",
            Some("pkg:deb/debian/libstdc%2B%2B6@12.2"),
        ),
        (
            Scope::Everywhere,
            "pkg:deb/debian/libstdc%2B%2B6@12.2",
            None,
        ),
    ] {
        let document = json(
            ExportFormat::Openvex,
            &review(&[(Decision::NotAffected, scope, None)]),
        );
        let products = document["statements"][0]["products"].as_array().unwrap();
        let found = products
            .iter()
            .find(|one| one["@id"] == product)
            .unwrap_or_else(|| panic!("{scope:?}: {products:?}"));
        let part = found["subcomponents"][0]["@id"].as_str();
        assert_eq!(part, subcomponent, "{scope:?}");
    }
}

#[test]
fn a_verdict_that_no_longer_holds_is_left_out_and_named() {
    let mut review = review(&[(Decision::NotAffected, Scope::Finding, None)]);
    let verdict = review.verdicts[0].as_mut().unwrap();
    verdict.standing = Standing::Stale;
    verdict.because = Some("a fix appeared".to_owned());
    for format in [
        ExportFormat::Openvex,
        ExportFormat::CyclonedxVex,
        ExportFormat::Trivyignore,
        ExportFormat::GrypeIgnore,
    ] {
        let made = made(format, &review);
        assert_eq!(made.entries, 0, "{format:?}");
        assert_eq!(made.left_out[0].because, "stale: a fix appeared");
    }
    let log = json(ExportFormat::Sarif, &review);
    let results = log["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results[0]["suppressions"][0]["status"], "rejected");
}

#[test]
fn cyclonedx_has_a_state_for_every_decision() {
    for (decision, state) in [
        (Decision::NotAffected, "not_affected"),
        (Decision::FalsePositive, "false_positive"),
        (Decision::AcceptRisk, "exploitable"),
        (Decision::Affected, "exploitable"),
        (Decision::UnderInvestigation, "in_triage"),
    ] {
        let document = json(
            ExportFormat::CyclonedxVex,
            &review(&[(decision, Scope::Finding, Some(until()))]),
        );
        let vulnerability = &document["vulnerabilities"][0];
        assert_eq!(vulnerability["analysis"]["state"], state);
        assert_eq!(vulnerability["properties"][0]["value"], decision.as_str());
        let reference = &vulnerability["affects"][0]["ref"];
        assert_eq!(document["components"][0]["bom-ref"], *reference);
    }
}

#[test]
fn ignore_files_hold_what_excuses_and_nothing_else() {
    let trivy = made(
        ExportFormat::Trivyignore,
        &review(&[
            (Decision::AcceptRisk, Scope::Everywhere, Some(until())),
            (Decision::FalsePositive, Scope::Finding, None),
            (Decision::Affected, Scope::Finding, None),
        ]),
    );
    assert_eq!(
        trivy.text,
        "# Made by countersign from verdicts.\n\
         vulnerabilities:\n  - id: \"CVE-2026-0001\"\n    purls:\n      - \"pkg:deb/debian/libstdc%2B%2B6@12.2\"\n    \
         statement: \"risk accepted by ann until 2026-06-30: because: \\\"so\\\"\"\n    expired_at: 2026-07-01\n\
         secrets:\n  - id: \"private-key\"\n    paths:\n      - \"/app/.env\"\n    \
         statement: \"false positive, says ann: because: \\\"so\\\"\"\n"
    );
    assert_eq!(trivy.left_out.len(), 1, "{:?}", trivy.left_out);
    assert!(trivy.warnings[0].contains("1 verdicts were taken on less"));
    let grype = made(
        ExportFormat::GrypeIgnore,
        &review(&[(Decision::AcceptRisk, Scope::Finding, Some(Until::Fixed))]),
    );
    assert_eq!(
        grype.text,
        "# Made by countersign from verdicts.\nignore:\n  - vulnerability: \"CVE-2026-0001\"\n    \
         reason: \"risk accepted by ann until fixed: because: \\\"so\\\"\"\n    fix-state: fixed\n    \
         package:\n      name: \"libstdc\\\\+\\\\+6\"\n      version: \"12.2\"\n      type: \"deb\"\n"
    );
}

#[test]
fn junit_fails_what_closes_the_gate_and_skips_what_is_excused() {
    let made = made(
        ExportFormat::Junit,
        &review(&[(Decision::NotAffected, Scope::Finding, None)]),
    );
    let count = |text: &str| made.text.matches(text).count();
    assert!(
        made.text
            .contains("tests=\"3\" failures=\"1\" errors=\"0\" skipped=\"1\""),
        "{}",
        made.text
    );
    assert_eq!((count("<failure "), count("<skipped ")), (1, 1));
    assert!(
        made.text.contains("<failure type=\"secret\""),
        "{}",
        made.text
    );
}

#[test]
fn nothing_of_a_title_acts_in_a_spreadsheet_or_markup() {
    let review = review(&[]);
    let csv = made(ExportFormat::Csv, &review).text;
    assert!(csv.contains("\"'=cmd|' /C calc'!A0\""), "{csv}");
    let junit = made(ExportFormat::Junit, &review).text;
    assert!(!junit.contains("<script>") && !junit.contains('\u{1b}'));
    let rows: Vec<usize> = (0..review.findings.len()).collect();
    let markdown = rows::markdown(&review, &rows, None);
    assert!(!markdown.contains("<script>"), "{markdown}");
}
