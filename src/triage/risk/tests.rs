//! Tests of the risk order: a total order that its terms explain, the base, and the files.

use std::cmp::Ordering;
use std::sync::Arc;

use proptest::prelude::*;

use super::base::{BaseRule, bases, place};
use super::exploits::apply;
use super::*;
use crate::model::*;
use crate::triage::filter::Filter;
use crate::triage::index::FindingIndex;
use crate::triage::testing::{digest, joined, now, record, report};
use crate::triage::view::{Column, Sort, View};

fn any_risk() -> impl Strategy<Value = Risk> {
    (
        prop::option::of(any::<bool>()),
        prop::option::of(prop_oneof![
            0.0..=1.0,
            prop::sample::select(vec![0.0, 0.009_999_999, 0.01, 0.1, 0.5, 1.0]),
        ]),
        prop::sample::select(Severity::ALL.to_vec()),
        prop::sample::select(vec![Fixable::Yes, Fixable::No, Fixable::Unknown]),
        prop::sample::select(vec![
            LayerPlace::Base,
            LayerPlace::Application,
            LayerPlace::Unknown,
        ]),
    )
        .prop_map(|(known_exploited, epss, severity, fixable, layer)| Risk {
            known_exploited,
            epss_band: EpssBand::of(epss),
            severity,
            fixable,
            layer,
            epss,
        })
}

/// The order as the documentation has it, term by term; the first that differs decides.
fn by_terms(one: &Risk, other: &Risk) -> Ordering {
    let exploited = |risk: &Risk| risk.known_exploited == Some(true);
    let fixable = |risk: &Risk| {
        let order = [Fixable::Yes, Fixable::Unknown, Fixable::No];
        order.iter().position(|known| *known == risk.fixable)
    };
    let layer = |risk: &Risk| {
        let order = [
            LayerPlace::Application,
            LayerPlace::Unknown,
            LayerPlace::Base,
        ];
        order.iter().position(|known| *known == risk.layer)
    };
    (exploited(other).cmp(&exploited(one)))
        .then(one.epss_band.cmp(&other.epss_band))
        .then(other.severity.cmp(&one.severity))
        .then(fixable(one).cmp(&fixable(other)))
        .then(layer(one).cmp(&layer(other)))
}

proptest! {
    #[test]
    fn it_is_a_total_order_that_the_terms_explain(all in prop::collection::vec(any_risk(), 3)) {
        let [a, b, c] = [all[0], all[1], all[2]];
        let order = |one: &Risk, other: &Risk| one.rank().cmp(&other.rank());
        prop_assert_eq!(order(&a, &b), order(&b, &a).reverse());
        if order(&a, &b) != Ordering::Greater && order(&b, &c) != Ordering::Greater {
            prop_assert_ne!(order(&a, &c), Ordering::Greater);
        }
        match by_terms(&a, &b) {
            Ordering::Equal => {
                // Only the EPSS itself is left, and what is not known is last.
                let known = |risk: &Risk| risk.epss.unwrap_or(-1.0);
                if (known(&a) - known(&b)).abs() > 1e-8 {
                    prop_assert_eq!(order(&a, &b), known(&b).total_cmp(&known(&a)));
                }
            }
            decided => {
                prop_assert_eq!(order(&a, &b), decided);
                // Whatever decides is among the terms that are shown.
                prop_assert_ne!(a.terms(), b.terms());
            }
        }
    }

    #[test]
    fn findings_sorted_by_risk_keep_their_order_where_it_is_equal(
        all in prop::collection::vec(any_risk(), 0..20),
    ) {
        let findings: Vec<Finding> = all.iter().enumerate().map(|(number, risk)| {
            let mut finding = one_finding();
            finding.id = VulnerabilityId::new(&format!("CVE-2024-{number:04}"));
            finding.known_exploited = risk.known_exploited;
            finding.epss = risk.epss;
            finding.severity = risk.severity;
            finding.layer = risk.layer;
            finding.fix = match risk.fixable {
                Fixable::Yes => crate::triage::testing::fixed(&["2"]),
                Fixable::No => Fix { state: FixState::NotFixed, versions: Vec::new() },
                Fixable::Unknown => Fix::default(),
            };
            finding
        }).collect();
        let index = FindingIndex::build(&findings, &[]);
        let sort = Sort { column: Column::Risk, reverse: false };
        let view = View::build(&index, &Filter::default(), sort);
        let mut expected: Vec<u32> = (0..).take(all.len()).collect();
        expected.sort_by_key(|number| all[*number as usize].rank());
        prop_assert_eq!(view.rows(), expected);
    }
}

fn one_finding() -> Finding {
    let (_, joined) = joined(&[report(
        "trivy",
        vec![record("CVE-2024-1000", &[], Severity::High)],
    )]);
    joined.findings.into_iter().next().unwrap()
}

#[test]
fn every_term_is_shown() {
    let mut finding = one_finding();
    finding.known_exploited = Some(false);
    finding.epss = Some(0.943);
    finding.layer = LayerPlace::Base;
    finding.exploitation.percentile = Some(0.99961);
    finding.exploitation.scored = "2026-11-20".parse().ok();
    let risk = Risk::of(&finding);
    assert_eq!(
        risk.terms().join(" · "),
        "KEV no · EPSS 94.30 % (very likely) · high · fix unknown · base layer"
    );
    assert_eq!(
        exploitation(&finding),
        ["percentile 99.96 %", "EPSS of 2026-11-20"]
    );
    finding.epss = None;
    finding.known_exploited = Some(true);
    finding.exploitation.listed = "2026-11-01".parse().ok();
    finding.exploitation.ransomware = Some(true);
    assert_eq!(
        Risk::of(&finding).terms()[..2],
        ["KEV yes", "EPSS unknown (counts as possible)"]
    );
    assert_eq!(
        exploitation(&finding),
        [
            "in the KEV catalogue since 2026-11-01",
            "used for ransomware"
        ]
    );
    assert_eq!(
        serde_json::to_value(Risk::of(&finding)).unwrap(),
        serde_json::json!({"known_exploited": true, "epss_band": "possible", "severity": "high",
            "fixable": "unknown", "layer": "base", "epss": null})
    );
}

/// A review's part that the base is worked out from: images of these layers.
fn images(layers: &[&str], guess: Option<usize>) -> (Vec<Subject>, Vec<Arc<Report>>) {
    let reports: Vec<Arc<Report>> = layers
        .iter()
        .map(|layers| {
            let mut one = report("trivy", vec![record("CVE-2024-1000", &[], Severity::High)]);
            one.claim.name = Some(format!("app:{layers}"));
            one.claim.manifest_digest = None;
            one.claim.diff_ids = layers.chars().map(digest).collect();
            one.claim.base_layers = guess;
            one.origin.sha256 = Digest::of(layers.as_bytes());
            Arc::new(one)
        })
        .collect();
    let subjects = crate::triage::join::subjects(&reports, &[], &[], &[]);
    (subjects, reports)
}

#[test]
fn the_base_is_another_image_of_the_review_else_guessed() {
    let (subjects, reports) = images(&["1", "12", "123", "13", "2"], Some(1));
    let found = bases(&subjects, &reports, &[]);
    let text = |name: &str| {
        let position = subjects.iter().position(|one| one.name == name).unwrap();
        found[position].as_ref().map(super::base::Base::text)
    };
    // Of all layers none is above the base: nothing is told apart.
    assert_eq!(text("app:1"), None);
    assert_eq!(
        text("app:123").unwrap(),
        "base: 2 of 3 layers, those of app:12"
    );
    assert_eq!(
        text("app:13").unwrap(),
        "base: 1 of 2 layers, those of app:1"
    );
    let (subjects, reports) = images(&["45"], Some(1));
    let base = bases(&subjects, &reports, &[]).remove(0).unwrap();
    assert_eq!(base.known_by, BaseRule::History);
    let (subjects, reports) = images(&["45"], None);
    assert_eq!(bases(&subjects, &reports, &[]), [None]);
    assert_eq!(bases(&subjects, &reports, &[Some(1)]), [Some(base)]);
}

#[test]
fn a_finding_is_the_bases_only_if_all_its_places_are() {
    let (subjects, reports) = images(&["12"], Some(1));
    let base = bases(&subjects, &reports, &[]).remove(0).unwrap();
    let of = |places: &[(&str, Option<char>)]| {
        let mut finding = one_finding();
        let location = |(path, layer): &(&str, Option<char>)| Location {
            path: (*path).to_owned(),
            layer: layer.map(digest),
        };
        finding.package.locations = places.iter().map(location).collect();
        place(&finding, &subjects[0], &base)
    };
    assert_eq!(of(&[("", Some('1'))]), LayerPlace::Base);
    assert_eq!(
        of(&[("a", Some('1')), ("b", Some('2'))]),
        LayerPlace::Application
    );
    assert_eq!(of(&[]), LayerPlace::Unknown);
    assert_eq!(of(&[("a", None)]), LayerPlace::Unknown);
    assert_eq!(of(&[("a", Some('9'))]), LayerPlace::Unknown);
    // The list of packages is in the highest layer that changed any.
    let list = ("/var/lib/dpkg/status", Some('2'));
    assert_eq!(of(&[list]), LayerPlace::Unknown);
    assert_eq!(of(&[("", Some('1')), list]), LayerPlace::Base);
    assert_eq!(of(&[("lib/apk/db/installed", Some('1'))]), LayerPlace::Base);
}

#[test]
fn the_base_is_guessed_from_the_last_command_below_a_layer() {
    let history = |steps: &[(&str, bool)]| -> Vec<oci::History> {
        let step = |(created_by, empty_layer): &(&str, bool)| oci::History {
            created_by: (*created_by).to_owned(),
            empty_layer: *empty_layer,
            ..oci::History::default()
        };
        steps.iter().map(step).collect()
    };
    let debian = ("/bin/sh -c #(nop) ADD file:1 in / ", false);
    let bash = ("/bin/sh -c #(nop)  CMD [\"bash\"]", true);
    let run = ("RUN /bin/sh -c apt-get install x # buildkit", false);
    let own = ("CMD [\"nginx\"]", true);
    let guess = |steps: &[(&str, bool)]| oci::base_layers(&history(steps));
    assert_eq!(guess(&[debian, bash]), None);
    assert_eq!(guess(&[debian, bash, run, own]), Some(1));
    assert_eq!(guess(&[debian, bash, run, own, run, run, own]), Some(2));
    assert_eq!(guess(&[debian, run, own]), None);
    assert_eq!(guess(&[bash, run]), None);
    assert_eq!(guess(&[]), None);
}

fn feed(kind: FeedKind, date: Option<&str>) -> Feed {
    Feed {
        kind,
        origin: report("file", Vec::new()).origin,
        date: date.map(|date| date.parse().unwrap()),
        version: None,
        entries: 1,
        losses: Vec::new(),
        notices: Vec::new(),
    }
}

fn scores(date: Option<&str>) -> EpssScores {
    let score = EpssScore {
        probability: 0.75,
        percentile: Some(0.98),
    };
    EpssScores {
        feed: feed(FeedKind::Epss, date),
        scores: vec![(Cve::new("CVE-2024-1000").unwrap(), score)],
    }
}

fn catalogue(date: Option<&str>, cves: &[&str]) -> KevCatalogue {
    let entry = KevEntry {
        added: "2026-01-01".parse().ok(),
        ransomware: Some(true),
    };
    KevCatalogue {
        feed: feed(FeedKind::Kev, date),
        entries: cves
            .iter()
            .map(|cve| (Cve::new(cve).unwrap(), entry))
            .collect(),
    }
}

/// A finding whose only report is of 2026-04-30 and says this about exploitation.
fn said(epss: Option<(f64, &str)>, exploited: Option<bool>) -> (Vec<Finding>, Vec<Arc<Report>>) {
    let mut one = record("CVE-2024-1000", &[], Severity::High);
    one.epss = epss.map(|(score, _)| score);
    one.exploitation.scored = epss.and_then(|(_, day)| day.parse().ok());
    one.known_exploited = exploited;
    let report = report("grype", vec![one]);
    assert_eq!(
        report.informed().unwrap(),
        now().date_naive().pred_opt().unwrap()
    );
    let (_, joined) = joined(std::slice::from_ref(&report));
    (joined.findings, vec![Arc::new(report)])
}

#[test]
fn a_score_of_a_file_holds_unless_the_report_is_newer() {
    let epss = |known: Option<(f64, &str)>, date: Option<&str>| {
        let (mut findings, reports) = said(known, None);
        apply(&mut findings, &reports, Some(&scores(date)), None);
        (findings[0].epss, findings[0].exploitation.percentile)
    };
    let (file, old) = ((Some(0.75), Some(0.98)), (Some(0.5), None));
    assert_eq!(epss(None, Some("2020-01-01")), file);
    assert_eq!(epss(Some((0.5, "2026-04-01")), Some("2026-04-01")), file);
    assert_eq!(epss(Some((0.5, "2026-04-02")), Some("2026-04-01")), old);
    assert_eq!(epss(Some((0.5, "2026-04-02")), None), file);
    // Without a day it is of the day of its report.
    assert_eq!(epss(Some((0.5, "")), Some("2026-04-29")), old);
    assert_eq!(epss(Some((0.5, "")), Some("2026-04-30")), file);
}

#[test]
fn what_the_catalogue_does_not_list_is_not_exploited_unless_a_newer_report_says_so() {
    let exploited = |known, kev: &KevCatalogue| {
        let (mut findings, reports) = said(None, known);
        apply(&mut findings, &reports, None, Some(kev));
        (
            findings[0].known_exploited,
            findings[0].exploitation.listed.is_some(),
        )
    };
    let listing = catalogue(None, &["CVE-2024-1000"]);
    assert_eq!(exploited(None, &listing), (Some(true), true));
    assert_eq!(exploited(Some(false), &listing), (Some(true), true));
    let new = catalogue(Some("2026-04-30"), &["CVE-2021-44228"]);
    assert_eq!(exploited(None, &new), (Some(false), false));
    assert_eq!(exploited(Some(true), &new), (Some(false), false));
    let old = catalogue(Some("2026-04-29"), &["CVE-2021-44228"]);
    assert_eq!(exploited(Some(true), &old).0, Some(true));
    assert_eq!(exploited(None, &old).0, Some(false));
    let undated = catalogue(None, &["CVE-2021-44228"]);
    assert_eq!(exploited(Some(true), &undated).0, Some(true));
    let mut partial = new;
    partial.feed.losses.push(Loss {
        place: "line 2".to_owned(),
        offset: None,
        reason: "damaged".to_owned(),
        records: 1,
    });
    assert_eq!(exploited(None, &partial).0, None);
}

#[test]
fn what_is_no_cve_is_left_alone() {
    let one = report(
        "grype",
        vec![record("GHSA-aaaa-bbbb-cccc", &[], Severity::High)],
    );
    let (_, joined) = joined(std::slice::from_ref(&one));
    let mut findings = joined.findings;
    let kev = catalogue(Some("2026-04-30"), &["CVE-2021-44228"]);
    apply(
        &mut findings,
        &[Arc::new(one)],
        Some(&scores(None)),
        Some(&kev),
    );
    assert_eq!(
        (findings[0].epss, findings[0].known_exploited),
        (None, None)
    );
}
