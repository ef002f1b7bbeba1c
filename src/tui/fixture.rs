//! A small review with every kind of thing a screen shows, for the tests of the screens.
//!
//! Made from the public types alone; no file is read and no rule is worked out here.

mod earlier;
mod promotion;
mod scene;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::environment::Environment;
use crate::ledger::{Chain, Entry};
use crate::model::{
    Component, DatabaseAge, Digest, Encoding, Exploitation, Finding, FindingKey, Fix, FixState,
    Format, JoinRule, Kind, LayerPlace, Location, Origin, Package, Rating, Report, Sbom,
    ScanOption, Severity, Subject, SubjectClaim, VulnerabilityId,
};
use crate::review::{Inputs, Review, open};
use crate::triage::compare::{
    Comparison, Difference, Reason, Row, RowPackage, SideContext, SideTotal, SideView, Strength,
    Totals,
};
use crate::triage::index::FindingIndex;
use crate::triage::policy::Policy;

pub(crate) use earlier::{append, carried, offer};
pub(crate) use promotion::{plan, receipt};
pub(crate) use scene::{Scene, picture};

/// The time of every test: 2025-06-01, noon.
pub(crate) fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_240) + TimeDelta::hours(12)
}

/// The digest of the image under review.
pub(crate) fn digest() -> Digest {
    Digest::of(b"caddy 2.7.6 linux/amd64")
}

/// One image, two reports, one SBOM, six findings, five ledger entries.
pub(crate) fn review() -> Review {
    let environment = Environment::fixed(now(), "/home/user".into());
    let mut review = open(
        &Inputs::default(),
        Policy::default(),
        &Chain::default(),
        &environment,
        &CancellationToken::new(),
        &mut |_| {},
    );
    let findings = findings();
    review.reports = vec![
        Arc::new(report("trivy", "0.62.1", DatabaseAge::LowerBound)),
        Arc::new(report("grype", "0.92.0", DatabaseAge::Exact)),
    ];
    review.sboms = vec![Arc::new(sbom())];
    review.subjects = vec![subject()];
    review.index = Arc::new(FindingIndex::build(&findings, &[]));
    review.verdicts = vec![None; findings.len()];
    review.findings = Arc::new(findings);
    review.approvals = vec![Vec::new()];
    review.promotions = vec![Vec::new()];
    review.history = Arc::new(entries());
    review
}

/// The image under review.
pub(crate) fn subject() -> Subject {
    Subject {
        name: "caddy:2.7.6".to_owned(),
        manifest_digest: Some(digest()),
        index_digest: None,
        repo_digests: vec![format!("docker.io/library/caddy@{}", digest())],
        tags: vec!["caddy:2.7.6".to_owned()],
        image_id: Some(Digest::of(b"configuration")),
        diff_ids: vec![Digest::of(b"layer")],
        platform: "linux/amd64".parse().ok(),
        os: Some("alpine 3.18.6".to_owned()),
        joined_by: JoinRule::DiffIds,
        reports: vec![(0, JoinRule::DiffIds), (1, JoinRule::DiffIds)],
        sboms: vec![(0, JoinRule::DiffIds)],
    }
}

fn origin(path: &str) -> Origin {
    Origin {
        path: path.to_owned(),
        sha256: Digest::of(path.as_bytes()),
        size: 4_096,
        encoding: Encoding::Utf8,
        skipped_bytes: 0,
    }
}

fn report(scanner: &str, version: &str, age: DatabaseAge) -> Report {
    Report {
        origin: origin(&format!("caddy.{scanner}.json")),
        format: if scanner == "grype" {
            Format::GrypeJson
        } else {
            Format::TrivyJson
        },
        scanner: scanner.to_owned(),
        scanner_version: Some(version.to_owned()),
        created: Some(now() - TimeDelta::hours(2)),
        database_built: Some(now() - TimeDelta::hours(21)),
        database_age: age,
        claim: SubjectClaim {
            name: Some("caddy:2.7.6".to_owned()),
            is_image: true,
            ..SubjectClaim::default()
        },
        records: Vec::new(),
        losses: Vec::new(),
        packages: None,
        options: if scanner == "trivy" {
            vec![ScanOption {
                name: "severity".to_owned(),
                value: "MEDIUM and above".to_owned(),
                recorded: false,
            }]
        } else {
            Vec::new()
        },
        looked_for_vulnerabilities: true,
        notices: Vec::new(),
    }
}

fn package(ecosystem: &str, name: &str, version: &str, path: &str) -> Package {
    Package {
        name: name.to_owned(),
        version: version.to_owned(),
        ecosystem: ecosystem.to_owned(),
        purl: format!("pkg:{ecosystem}/{name}@{version}").parse().ok(),
        locations: vec![Location {
            path: path.to_owned(),
            layer: Some(Digest::of(b"layer")),
        }],
        source: None,
        licenses: vec!["BSD-3-Clause".to_owned()],
    }
}

fn finding(severity: Severity, id: &str, package: Package, fix: Option<&str>) -> Finding {
    Finding {
        key: FindingKey::new(Kind::Vulnerability, &package.identity(), id),
        subject: 0,
        kind: Kind::Vulnerability,
        id: VulnerabilityId::new(id),
        aliases: vec![VulnerabilityId::new(&id.replace("CVE", "GHSA"))],
        covers: Vec::new(),
        severity,
        ratings: vec![Arc::new(Rating {
            scanner: "trivy".to_owned(),
            source: "nvd".to_owned(),
            severity,
            score: Some(9.8),
            vector: Some("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H".to_owned()),
            other_cvss: Vec::new(),
        })],
        fix: fix_of(fix),
        package,
        scanners: vec!["grype".to_owned(), "trivy".to_owned()],
        records: Vec::new(),
        title: "net/netip: unexpected behaviour of Is methods".to_owned(),
        epss: Some(0.0041),
        known_exploited: Some(false),
        exploitation: Exploitation::default(),
        layer: LayerPlace::Unknown,
        suppressed_by: None,
        observed: None,
    }
}

fn fix_of(version: Option<&str>) -> Fix {
    Fix {
        state: if version.is_some() {
            FixState::Fixed
        } else {
            FixState::NotFixed
        },
        versions: version.into_iter().map(str::to_owned).collect(),
    }
}

fn findings() -> Vec<Finding> {
    let stdlib = || package("golang", "stdlib", "v1.20.12", "usr/bin/caddy");
    let quic = package(
        "golang",
        "github.com/quic-go/quic-go",
        "v0.40.0",
        "usr/bin/caddy",
    );
    let net = package("golang", "golang.org/x/net", "v0.17.0", "usr/bin/caddy");
    let busybox = package("apk", "busybox", "1.36.1-r2", "bin/busybox");
    let mut key = finding(
        Severity::High,
        "private-key",
        package("", "", "", "etc/ssl/debug.pem"),
        None,
    );
    key.kind = Kind::Secret;
    key.aliases.clear();
    vec![
        finding(
            Severity::Critical,
            "CVE-2024-24790",
            stdlib(),
            Some("1.21.11"),
        ),
        finding(Severity::High, "CVE-2023-45285", stdlib(), Some("1.20.12")),
        finding(Severity::High, "CVE-2024-22189", quic, Some("0.42.0")),
        finding(Severity::Medium, "CVE-2023-45288", net, Some("0.23.0")),
        finding(Severity::Low, "CVE-2023-42366", busybox, None),
        key,
    ]
}

/// The SBOM of the image: an operating system with packages, a binary with modules, one loose file.
pub(crate) fn sbom() -> Sbom {
    let component = |kind: &str, package: Package, parent: Option<u32>| Component {
        reference: Some(package.name.clone()),
        kind: kind.to_owned(),
        package,
        parent,
    };
    let loose = Package {
        name: "loose\u{202e}file".to_owned(),
        ..Package::default()
    };
    Sbom {
        origin: origin("caddy.cdx.json"),
        format: Format::CyclonedxJson,
        spec_version: "1.6".to_owned(),
        producer: Some("trivy 0.62.1".to_owned()),
        claim: SubjectClaim::default(),
        components: vec![
            component(
                "operating-system",
                package("", "alpine", "3.18.6", ""),
                None,
            ),
            component(
                "library",
                package("apk", "busybox", "1.36.1-r2", "bin/busybox"),
                None,
            ),
            component(
                "library",
                package("apk", "musl", "1.2.4-r2", "lib/musl"),
                None,
            ),
            component("application", package("", "usr/bin/caddy", "", ""), None),
            component(
                "library",
                package("golang", "stdlib", "v1.20.12", "usr/bin/caddy"),
                None,
            ),
            component(
                "library",
                package("golang", "golang.org/x/net", "v0.17.0", "usr/bin/caddy"),
                None,
            ),
            component("file", loose, None),
        ],
        depends_on: vec![
            vec![1, 2],
            vec![2],
            Vec::new(),
            vec![4, 5],
            Vec::new(),
            vec![4],
            Vec::new(),
        ],
        roots: vec![0, 3],
        losses: Vec::new(),
        notices: Vec::new(),
    }
}

/// Trivy against Grype: one row of every kind.
pub(crate) fn comparison() -> Comparison {
    let side = |severity, source: Option<&str>, fix: Option<&str>| SideView {
        ids: vec![VulnerabilityId::new("CVE-2024-24790")],
        severity,
        severity_source: source.map(str::to_owned),
        fix: fix_of(fix),
        records: Vec::new(),
    };
    let (critical, high, low) = (Severity::Critical, Severity::High, Severity::Low);
    Comparison {
        joined_by: JoinRule::DiffIds,
        reports: [0, 1],
        sides: ["trivy".to_owned(), "grype".to_owned()],
        context: [
            report("trivy", "0.62.1", DatabaseAge::LowerBound),
            report("grype", "0.92.0", DatabaseAge::Exact),
        ]
        .map(|report| {
            let context = SideContext::of(&report, JoinRule::DiffIds);
            (report.scanner, context)
        })
        .into(),
        totals: totals(),
        rows: vec![
            row(
                "CVE-2024-21626",
                "runc",
                [None, Some(side(high, Some("nvd"), Some("1.1.12")))],
                vec![Difference::Presence],
                Some(("not-catalogued", Strength::Undecidable)),
            ),
            row(
                "CVE-2024-28180",
                "go-jose/v3",
                [
                    Some(side(Severity::Medium, Some("ghsa"), Some("3.0.3"))),
                    Some(side(high, Some("nvd"), Some("3.0.3"))),
                ],
                vec![Difference::Severity],
                Some(("severity-source", Strength::Proven)),
            ),
            row(
                "CVE-2023-45285",
                "stdlib",
                [
                    Some(side(high, None, Some("1.20.12"))),
                    Some(side(high, None, None)),
                ],
                vec![Difference::Fix],
                Some(("fix-one-side", Strength::Proven)),
            ),
            row(
                "CVE-2023-42366",
                "busybox",
                [Some(side(low, None, None)), None],
                vec![Difference::Presence],
                Some(("severity-filter", Strength::Inferred)),
            ),
            row(
                "CVE-2024-24790",
                "stdlib",
                [
                    Some(side(critical, Some("nvd"), Some("1.21.11"))),
                    Some(side(critical, Some("nvd"), Some("1.21.11"))),
                ],
                Vec::new(),
                None,
            ),
        ],
    }
}

fn row(
    id: &str,
    name: &str,
    sides: [Option<SideView>; 2],
    difference: Vec<Difference>,
    reason: Option<(&'static str, Strength)>,
) -> Row {
    let side = match &sides {
        [Some(_), None] => "trivy",
        [None, Some(_)] => "grype",
        _ => "both",
    };
    let named = ["trivy", "grype"].into_iter().zip(sides);
    Row {
        side: side.to_owned(),
        id: VulnerabilityId::new(id),
        aliases: vec![VulnerabilityId::new("GHSA-c5q2-7r4c-mv6g")],
        package: RowPackage {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            purl: format!("pkg:golang/{name}@1.0.0").parse().ok(),
        },
        sides: named
            .filter_map(|(name, side)| side.map(|side| (name.to_owned(), side)))
            .collect(),
        difference,
        reason: reason.map(|(class, strength)| Reason {
            class,
            strength,
            text: "trivy takes the severity from ghsa, grype from nvd".to_owned(),
            evidence: BTreeMap::from([("trivy.SeveritySource", "ghsa".to_owned())]),
        }),
    }
}

fn totals() -> Totals {
    let named =
        |left, right| BTreeMap::from([("trivy".to_owned(), left), ("grype".to_owned(), right)]);
    Totals {
        sides: BTreeMap::from([
            (
                "trivy".to_owned(),
                SideTotal {
                    records: 5,
                    units: 4,
                },
            ),
            (
                "grype".to_owned(),
                SideTotal {
                    records: 4,
                    units: 4,
                },
            ),
        ]),
        agreed: named(3, 3),
        only: named(1, 1),
        severity_differs: 1,
        fix_differs: 1,
        fixable_differs: 1,
    }
}

/// A ledger: a verdict, its undo, an approval, a promotion and an entry of an unknown kind.
pub(crate) fn entries() -> Vec<Entry> {
    let image = json!({"name": "caddy:2.7.6", "manifest_digest": digest(), "index_digest": null,
        "repo_digests": [], "image_id": null, "diff_ids": [], "platform": null});
    let verdict = json!({"decision": "accept-risk", "reason": "not reachable: HTTP/3 is off",
        "until": "2025-08-30", "justification": null, "scope": "finding",
        "finding": {"key": "f1-000000000000000000000000", "kind": "vulnerability",
            "ids": ["CVE-2024-22189"], "package": {"ecosystem": "golang", "namespace": null,
            "name": "github.com/quic-go/quic-go", "version": "0.40.0"}, "severity": "high",
            "fix": {"state": "fixed", "versions": ["0.42.0"]}},
        "subject": image, "reports": []});
    let approval = json!({"decision": "approve", "reason": "reviewed\nwith the team",
        "subject": image, "policy_sha256": Policy::default().sha256(), "excused": [], "left": [],
        "reports": []});
    let promotion = json!({"event": "finished", "receipt": {"digest": digest(),
        "destination": "127.0.0.1:5000/debut/caddy:v2.7.6", "tag": {"name": "v2.7.6"}}});
    let mut entries: Vec<Entry> = Vec::new();
    for (kind, body) in [
        ("verdict", verdict),
        (
            "undo",
            json!({"entry": 1, "entry_sha256": Digest::of(b"entry 1")}),
        ),
        ("approval", approval),
        ("promotion", promotion),
        ("note", json!({"text": "kept as it is"})),
    ] {
        let seq = entries.len() as u64 + 1;
        entries.push(Entry {
            v: 1,
            seq,
            prev: entries.last().map(|entry| entry.sha256.clone()),
            time: now() - TimeDelta::hours(6) + TimeDelta::minutes(i64::try_from(seq).unwrap()),
            clock: "system".to_owned(),
            reviewer: "auditor".to_owned(),
            kind: kind.to_owned(),
            body,
            sha256: Digest::of(format!("entry {seq}").as_bytes()),
        });
    }
    entries
}
