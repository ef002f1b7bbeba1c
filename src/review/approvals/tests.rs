//! Tests of signed and unsigned words on images, through a real ledger and real keys.

use std::path::PathBuf;

use futures_util::FutureExt as _;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::environment::{Clock, Environment};
use crate::formats::envelope::{Envelope, Statement};
use crate::ledger::Ledger;
use crate::review::{
    DecideRequest, Decided, Inputs, RecordError, Review, SubjectState, open as open_review, record,
    withdraw,
};
use crate::signing::{Signer, SigningKey, sign_statement};
use crate::store::{DirectoryStore, Store};
use ImageDecision::{Approve, Reject};

const NOW: &str = "2026-03-10T12:00:00Z";

/// A folder answers at once.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().unwrap()
}

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn signer() -> Signer {
    Signer::Key(SigningKey::generate().unwrap())
}

fn key(signer: &Signer) -> Digest {
    signer.public_key().fingerprint().clone()
}

/// One reviewer's machine: a ledger and the report.
struct Desk {
    folder: tempfile::TempDir,
    policy: String,
    trusted: TrustedKeys,
    ids: Vec<&'static str>,
    layer: char,
}

impl Desk {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            policy: String::new(),
            trusted: TrustedKeys::default(),
            ids: vec!["CVE-2024-1"],
            layer: '1',
        }
    }

    /// Trusts these keys, one of them by its fingerprint only.
    fn trusting(mut self, signers: &[&Signer]) -> Self {
        self.policy = "[approval]\ntrusted_keys = [\"some.pub\"]".to_owned();
        let keys = signers.iter().skip(1).map(|one| one.public_key().clone());
        let fingerprints = signers.iter().take(1).map(|one| key(one));
        self.trusted = TrustedKeys::new(keys.collect(), fingerprints.collect());
        self
    }

    fn ledger(&self) -> Ledger {
        Ledger::new(Store::Directory(DirectoryStore::new(&self.root())))
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("ledger")
    }

    fn review(&self, now: &str) -> Review {
        let vulnerabilities: Vec<Value> = self
            .ids
            .iter()
            .map(|id| {
                json!({"VulnerabilityID": id, "PkgName": "a", "InstalledVersion": "1",
                       "FixedVersion": "2", "Status": "fixed", "Severity": "HIGH"})
            })
            .collect();
        let digest = |digit: char| format!("sha256:{}", digit.to_string().repeat(64));
        let report = json!({
            "SchemaVersion": 2, "ArtifactName": "app:1", "ArtifactType": "container_image",
            "Metadata": {"ImageID": digest('a'), "DiffIDs": [digest(self.layer)],
                         "RepoDigests": [format!("app@{}", digest('b'))]},
            "Results": [{"Target": "app:1", "Class": "os-pkgs", "Type": "debian",
                         "Vulnerabilities": vulnerabilities}],
        });
        let path = self.folder.path().join("trivy.json");
        std::fs::write(&path, report.to_string()).unwrap();
        let inputs = Inputs {
            paths: vec![path.display().to_string()],
            trusted: self.trusted.clone(),
            ..Inputs::default()
        };
        let environment = Environment::fixed(time(now), self.folder.path().to_owned());
        let chain = at_once(self.ledger().read()).unwrap();
        let cancel = CancellationToken::new();
        let policy = self.policy.parse().unwrap();
        let review = open_review(&inputs, policy, &chain, &environment, &cancel, &mut |_| {});
        assert_eq!(review.subjects.len(), 1, "{:?}", review.failures);
        review
    }

    /// Decides about the image; returns the entry's number.
    fn decide(&self, decision: ImageDecision, who: &str, when: &str, by: Option<&Signer>) -> u64 {
        let request = DecideRequest {
            subject: 0,
            decided: Decided::Image(decision),
            reason: "looked at it".to_owned(),
            reviewer: who.to_owned(),
            clock: Clock::Fixed(time(when)),
            envelope: None,
        };
        let entries = at_once(record(&self.ledger(), &self.review(when), &request, by)).unwrap();
        entries[0].seq
    }

    fn withdraw(&self, entry: u64, when: &str, by: Option<&Signer>) -> Result<Entry, RecordError> {
        let clock = Clock::Fixed(time(when));
        at_once(withdraw(&self.ledger(), entry, "who", clock, by))
    }

    fn envelopes(&self) -> Vec<crate::ledger::Envelope> {
        at_once(self.ledger().envelopes()).unwrap().envelopes
    }

    /// Drops the approvals of another desk here, as git or a copy would.
    fn receive(&self, from: &Desk) {
        for envelope in from.envelopes() {
            at_once(self.ledger().put_envelope(&envelope.bytes)).unwrap();
        }
    }

    /// Returns what stands: name, decision, standing, signature.
    fn stands(&self, now: &str) -> Vec<(String, ImageDecision, Standing, Signature)> {
        let review = self.review(now);
        let all = review.approvals[0].iter();
        all.map(|one| {
            let name = one.recorded.reviewer.clone();
            (
                name,
                one.verdict.decision,
                one.standing,
                review.signature(one),
            )
        })
        .collect()
    }
}

#[track_caller]
fn stands(desk: &Desk, expected: &[(&str, ImageDecision, Standing, Signature)]) {
    let found = desk.stands(NOW);
    let found: Vec<_> = found
        .iter()
        .map(|(name, decision, standing, signature)| {
            (name.as_str(), *decision, *standing, *signature)
        })
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn an_approval_is_signed_bound_and_counted() {
    let alice = signer();
    let desk = Desk::new().trusting(&[&alice]);
    desk.decide(Approve, "alice", "2026-03-10T10:00:00Z", None);
    let entry = desk.decide(Approve, "alice", "2026-03-10T11:00:00Z", Some(&alice));
    assert_eq!(entry, 2);
    // The signed word took the place of the unsigned one of the same name.
    stands(
        &desk,
        &[("alice", Approve, Standing::Current, Signature::Trusted)],
    );
    let review = desk.review(NOW);
    assert_eq!(review.state(0), SubjectState::Approved);
    assert_eq!(review.approval_notices, [""; 0]);
    let view = &review.approval_views(0)[0];
    assert_eq!(
        (view.entry, view.key_fingerprint.as_ref()),
        (Some(2), Some(&key(&alice)))
    );
    assert_eq!(review.envelopes_of(&[0]).len(), 1);

    let envelope = &desk.envelopes()[0];
    assert_eq!(view.envelope.as_ref(), Some(&envelope.sha256));
    let signed = open(envelope, &desk.trusted).unwrap();
    assert_eq!(signed.bound, review.subjects[0].identity().unwrap());
    let predicate = signed.predicate;
    assert_eq!((predicate.left.len(), predicate.excused.len()), (1, 0));
    assert_eq!(predicate.policy_sha256, review.policy.sha256());
    assert_eq!(predicate.evidence[0].name, "trivy.json");
    assert_eq!(
        predicate.evidence[0].digest.sha256,
        review.reports[0].origin.sha256.hex()
    );
    assert_eq!(predicate.ledger.unwrap().seq, 1);
    assert_eq!(predicate.counts["by_severity"]["high"], 1);
}

#[test]
fn names_without_keys_do_not_count_where_keys_are_trusted() {
    let (alice, mallory) = (signer(), signer());
    let desk = Desk::new().trusting(&[&alice]);
    desk.decide(Approve, "alice", "2026-03-10T10:00:00Z", None);
    assert_eq!(desk.review(NOW).state(0), SubjectState::Open);
    desk.decide(Approve, "bob", "2026-03-10T11:00:00Z", Some(&mallory));
    stands(
        &desk,
        &[
            ("alice", Approve, Standing::Current, Signature::Unsigned),
            ("bob", Approve, Standing::Current, Signature::Untrusted),
        ],
    );
    let review = desk.review(NOW);
    assert!(review.approvals[0].iter().all(|one| !review.counts(one)));
    assert_eq!(review.state(0), SubjectState::Open);
}

#[test]
fn an_envelope_from_another_machine_counts_without_an_entry() {
    let (alice, mallory) = (signer(), signer());
    let auditor = Desk::new().trusting(&[&alice]);
    auditor.decide(Approve, "alice", "2026-03-10T10:00:00Z", Some(&alice));
    let operator = Desk::new().trusting(&[&alice]);
    operator.receive(&auditor);
    stands(
        &operator,
        &[("alice", Approve, Standing::Current, Signature::Trusted)],
    );
    let review = operator.review(NOW);
    assert_eq!(review.approval_views(0)[0].entry, None);
    assert_eq!(
        review.approvals[0][0].recorded.entry_sha256,
        operator.envelopes()[0].sha256
    );

    // Of a stranger neither the approval counts nor the rejection.
    for decision in [Approve, Reject] {
        let stranger = Desk::new().trusting(&[&alice]);
        stranger.decide(decision, "alice", "2026-03-10T11:00:00Z", Some(&mallory));
        operator.receive(&stranger);
    }
    let review = operator.review(NOW);
    let counting = review.approvals[0].iter().filter(|one| review.counts(one));
    assert_eq!(counting.count(), 1);
    assert_eq!(review.state(0), SubjectState::Approved);

    // Later words of the same key take the place of earlier ones, whatever machine they came from.
    let laptop = Desk::new().trusting(&[&alice]);
    laptop.decide(Reject, "Alice B.", "2026-03-10T11:30:00Z", Some(&alice));
    operator.receive(&laptop);
    assert_eq!(operator.review(NOW).state(0), SubjectState::Rejected);
    // An older approval that is put back changes nothing.
    operator.receive(&auditor);
    assert_eq!(operator.review(NOW).state(0), SubjectState::Rejected);
}

#[test]
fn a_key_is_identity_and_a_name_is_not() {
    let (one, two) = (signer(), signer());
    let desk = Desk::new().trusting(&[&one, &two]);
    desk.decide(Approve, "alice", "2026-03-10T10:00:00Z", Some(&one));
    desk.decide(Approve, "bob", "2026-03-10T10:01:00Z", Some(&one));
    stands(
        &desk,
        &[("bob", Approve, Standing::Current, Signature::Trusted)],
    );
    desk.decide(Approve, "bob", "2026-03-10T10:02:00Z", Some(&two));
    let key = |one: &Approval| one.signed_by.clone().unwrap();
    let keys: BTreeSet<Digest> = desk.review(NOW).approvals[0].iter().map(key).collect();
    assert_eq!(keys.len(), 2);
}

#[test]
fn what_a_key_rejected_only_that_key_takes_back() {
    let (alice, bob) = (signer(), signer());
    let desk = Desk::new().trusting(&[&alice, &bob]);
    let entry = desk.decide(Reject, "alice", "2026-03-10T10:00:00Z", Some(&alice));
    // Neither the name without the key, nor another key of that name, nor an entry without proof.
    desk.decide(Approve, "alice", "2026-03-10T10:01:00Z", None);
    desk.decide(Approve, "alice", "2026-03-10T10:02:00Z", Some(&bob));
    assert_eq!(desk.review(NOW).state(0), SubjectState::Rejected);
    for by in [None, Some(&bob)] {
        let refused = desk.withdraw(entry, "2026-03-10T10:03:00Z", by);
        assert!(
            matches!(refused, Err(RecordError::OtherKey { .. })),
            "{refused:?}"
        );
    }
    let clock = Clock::Fixed(time(NOW));
    at_once(desk.ledger().undo(entry, "mallory", clock)).unwrap();
    assert_eq!(desk.review(NOW).state(0), SubjectState::Rejected);

    let elsewhere = Desk::new().trusting(&[&alice, &bob]);
    elsewhere.receive(&desk);
    let withdrawn = Desk::new().trusting(&[&alice, &bob]);
    let entry = withdrawn.decide(Reject, "alice", "2026-03-10T10:00:00Z", Some(&alice));
    withdrawn
        .withdraw(entry, "2026-03-10T10:05:00Z", Some(&alice))
        .unwrap();
    assert_eq!(withdrawn.review(NOW).state(0), SubjectState::Open);
    // The withdrawal travels, and holds where the rejection went.
    assert_eq!(elsewhere.review(NOW).state(0), SubjectState::Rejected);
    elsewhere.receive(&withdrawn);
    assert_eq!(elsewhere.review(NOW).state(0), SubjectState::Approved);
}

#[test]
fn a_changed_world_makes_it_stale_and_says_what_changed() {
    let alice = signer();
    let approved = || {
        let desk = Desk::new().trusting(&[&alice]);
        desk.decide(Approve, "alice", "2026-03-10T10:00:00Z", Some(&alice));
        desk
    };
    let because = |desk: &Desk, now: &str| {
        let review = desk.review(now);
        let one = review.approvals[0].first()?;
        assert!(!review.counts(one));
        Some((one.standing, one.because.clone().unwrap()))
    };
    let mut other = approved();
    other.ids = vec!["CVE-2024-1", "CVE-2024-2"];
    let (standing, why) = because(&other, NOW).unwrap();
    assert_eq!(standing, Standing::Stale);
    assert!(
        why.contains("other findings remain") && why.contains("1 new (f1-"),
        "{why}"
    );
    let mut fewer = approved();
    fewer.ids = vec![];
    assert!(because(&fewer, NOW).unwrap().1.contains("1 gone (f1-"));
    let mut policy = approved();
    policy.policy.push_str("\nrequired = 2");
    assert!(
        because(&policy, NOW)
            .unwrap()
            .1
            .contains("the policy changed")
    );
    let mut rebuilt = approved();
    rebuilt.layer = '2';
    assert_eq!(because(&rebuilt, NOW), None, "it is about another image");

    let aged = Desk::new().trusting(&[&alice]);
    let mut aged = Desk {
        policy: format!("{}\nmax_age = \"7d\"", aged.policy),
        ..aged
    };
    aged.decide(Approve, "alice", "2026-03-01T10:00:00Z", Some(&alice));
    let (standing, why) = because(&aged, NOW).unwrap();
    assert_eq!(
        (standing, why.as_str()),
        (Standing::Expired, "it held until 2026-03-08 10:00Z")
    );
    assert_eq!(
        aged.review("2026-03-08T09:59:59Z").state(0),
        SubjectState::Approved
    );
    aged.trusted = TrustedKeys::default();
    assert_eq!(
        aged.review("2026-03-08T09:59:59Z").state(0),
        SubjectState::Open
    );

    let ahead = Desk::new().trusting(&[&alice]);
    ahead.decide(Approve, "alice", "2027-01-01T00:00:00Z", Some(&alice));
    assert!(
        because(&ahead, NOW)
            .unwrap()
            .1
            .contains("dated in the future")
    );
    let elsewhere = Desk::new().trusting(&[&alice]);
    elsewhere.decide(Reject, "alice", "2026-03-10T10:00:00Z", Some(&alice));
    elsewhere.receive(&ahead);
    assert_eq!(elsewhere.review(NOW).state(0), SubjectState::Rejected);
}

#[test]
fn damage_is_set_aside_named_and_never_counts() {
    let alice = signer();
    let desk = Desk::new().trusting(&[&alice]);
    desk.decide(Approve, "alice", "2026-03-10T10:00:00Z", Some(&alice));
    let good = desk.envelopes().remove(0);
    let path = desk.root().join(good.file());

    // Gone, and changed under its old name: the entry alone proves nothing.
    let text = String::from_utf8(good.bytes.clone()).unwrap();
    for changed in [None, Some(text.replacen("\"sig\":\"ME", "\"sig\":\"MF", 1))] {
        std::fs::remove_file(&path).unwrap();
        if let Some(changed) = changed {
            std::fs::write(&path, changed).unwrap();
        }
        let review = desk.review(NOW);
        assert_eq!(review.approvals[0][0].standing, Standing::Stale);
        assert!(!review.approval_notices.is_empty());
        std::fs::write(&path, &good.bytes).unwrap();
    }
    assert_eq!(desk.review(NOW).state(0), SubjectState::Approved);
}

/// What somebody could drop among the approvals, and why it does not count.
fn dropped(alice: &Signer, good: &crate::ledger::Envelope) -> Vec<(Vec<u8>, &'static str)> {
    let envelope = Envelope::parse(&good.bytes).unwrap();
    let said = Statement::parse(&envelope.payload).unwrap();
    let statement = |change: &dyn Fn(&mut Statement)| {
        let mut statement = said.clone();
        change(&mut statement);
        serde_json::to_vec(&statement).unwrap()
    };
    let mallory = signer();
    let by = |signer: &Signer, text: Vec<u8>| at_once(sign_statement(signer, &text)).unwrap();
    let tampered = {
        let mut envelope = envelope.clone();
        envelope.payload = statement(&|it| it.predicate["reason"] = json!("never mind"));
        envelope.to_json().unwrap()
    };
    vec![
        (b"".to_vec(), "cannot be read"),
        (b"{\"payload\":".to_vec(), "cannot be read"),
        (vec![b'['; 100_000], "cannot be read"),
        (
            b"{\"payloadType\":\"a\",\"payload\":\"\",\"signatures\":[]}".to_vec(),
            "signatures",
        ),
        (tampered, "what it says was changed"),
        (
            by(&mallory, envelope.payload.clone()),
            "did not make this signature",
        ),
        (
            by(
                alice,
                statement(&|it| it.predicate_type = "https://example.org/other".into()),
            ),
            "not a review",
        ),
        (
            by(
                alice,
                statement(&|it| it.predicate["decision"] = json!("bless")),
            ),
            "cannot be read",
        ),
        (
            by(alice, statement(&|it| it.predicate = json!({}))),
            "carries no key",
        ),
        (
            by(
                alice,
                statement(&|it| it.subject[0].digest = BTreeMap::new()),
            ),
            "not that of the image",
        ),
        (
            by(
                &mallory,
                statement(&|it| {
                    it.predicate["reviewer"]["public_key"] =
                        json!(mallory.public_key().to_pem().unwrap());
                }),
            ),
            "names another key",
        ),
    ]
}

#[test]
fn what_somebody_drops_there_is_set_aside_named_and_never_counts() {
    let alice = signer();
    let desk = Desk::new().trusting(&[&alice]);
    desk.decide(Approve, "alice", "2026-03-10T10:00:00Z", Some(&alice));
    let dropped = dropped(&alice, &desk.envelopes()[0]);
    let nobody = Desk::new().trusting(&[&alice]);
    let count = dropped.len();
    for (bytes, why) in &dropped {
        let one = Desk::new().trusting(&[&alice]);
        at_once(one.ledger().put_envelope(bytes)).unwrap();
        at_once(nobody.ledger().put_envelope(bytes)).unwrap();
        let review = one.review(NOW);
        assert_eq!(review.approvals[0], [], "{why}");
        let [notice] = review.approval_notices.as_slice() else {
            panic!("{why}: {:?}", review.approval_notices);
        };
        assert!(
            notice.contains(why) && notice.contains("approvals/"),
            "{why}: {notice}"
        );
    }
    let folder = nobody.root().join("approvals");
    std::fs::write(folder.join("README"), "").unwrap();
    std::fs::create_dir(folder.join("f.dsse.json")).unwrap();
    std::os::unix::fs::symlink(
        "/etc/passwd",
        folder.join(format!("{}.dsse.json", "0".repeat(64))),
    )
    .unwrap();
    let review = nobody.review(NOW);
    assert_eq!(
        (review.approvals[0].len(), review.approval_notices.len()),
        (0, count + 2)
    );
    assert_eq!(nobody.review(NOW).ledger_problem, None);
}

#[test]
fn no_changed_byte_makes_it_say_something_else() {
    let alice = signer();
    let desk = Desk::new();
    desk.decide(Approve, "alice", "2026-03-10T10:00:00Z", Some(&alice));
    let good = desk.envelopes().remove(0);
    let said = open(&good, &desk.trusted).unwrap().predicate;
    for place in (0..good.bytes.len()).step_by(13) {
        let mut bytes = good.bytes.clone();
        bytes[place] ^= 1 << (place % 8);
        let sha256 = Digest::of(&bytes);
        let changed = crate::ledger::Envelope { sha256, bytes };
        if let Ok(opened) = open(&changed, &desk.trusted) {
            assert_eq!(opened.predicate, said, "byte {place}");
        }
    }
}

#[test]
fn an_entry_that_says_other_than_was_signed_does_not_count() {
    let alice = signer();
    let desk = Desk::new().trusting(&[&alice]);
    desk.decide(Approve, "alice", "2026-03-10T10:00:00Z", Some(&alice));
    let chain = at_once(desk.ledger().read()).unwrap();
    let mut body = chain.entries[0].body.clone();
    body["left"] = json!([]);
    let forger = Desk::new().trusting(&[&alice]);
    forger.receive(&desk);
    let clock = Clock::Fixed(time("2026-03-10T11:00:00Z"));
    let draft = crate::ledger::Draft::new(kind::APPROVAL, body, "alice", clock);
    at_once(forger.ledger().append(draft)).unwrap();
    let review = forger.review(NOW);
    assert!(review.approvals[0].iter().all(|one| !review.counts(one)));
    assert!(review.approval_notices[0].contains("something else than was signed"));
    let chain = at_once(forger.ledger().read()).unwrap();
    assert_eq!(
        approval_notices(&chain, &forger.trusted),
        review.approval_notices
    );
}

#[test]
fn an_approval_anchors_the_chain_it_was_made_on() {
    let alice = signer();
    let desk = Desk::new().trusting(&[&alice]);
    desk.decide(Reject, "bob", "2026-03-10T09:00:00Z", None);
    desk.decide(Approve, "alice", "2026-03-10T10:00:00Z", Some(&alice));
    let chain = at_once(desk.ledger().read()).unwrap();
    let [anchor] = anchors(&chain, &desk.trusted).try_into().unwrap();
    assert!(anchor.same_ledger);
    assert_eq!((anchor.head.seq, chain.against(&anchor.head)), (1, None));
    let elsewhere = Desk::new().trusting(&[&alice]);
    elsewhere.decide(Reject, "bob", "2026-03-10T09:30:00Z", None);
    elsewhere.receive(&desk);
    let chain = at_once(elsewhere.ledger().read()).unwrap();
    let [anchor] = anchors(&chain, &desk.trusted).try_into().unwrap();
    assert!(!anchor.same_ledger, "it is an end of another ledger");
    let mallory = TrustedKeys::new(Vec::new(), vec![key(&signer())]);
    assert_eq!(
        anchors(&chain, &mallory),
        [],
        "a stranger's anchor proves nothing"
    );
}
