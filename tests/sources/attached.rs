//! What is attached to an image at its source: copied, made anew or left, as the policy says.

use countersign::registry::{Client, ClientOptions};
use countersign::signing::{KeyPair, Password, Signer, bundle_of};

use super::*;

/// Puts a small artifact that refers to `about`.
fn refer(bench: &Bench, about: &Bytes, kind: &str, content: &Bytes) -> Digest {
    let empty = Bytes::from_static(b"{}");
    let part = |kind: &str, bytes: &Bytes| json!({"mediaType": kind, "size": bytes.len(), "digest": Digest::of(bytes)});
    let manifest = json!({"schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST, "artifactType": kind,
        "config": part(media_type::EMPTY, &empty), "layers": [part(kind, content)],
        "subject": part(media_type::OCI_MANIFEST, about)});
    bench.from.put_blob("app", empty);
    bench.from.put_blob("app", content.clone());
    let bytes = Bytes::from(manifest.to_string());
    bench
        .from
        .put_manifest("app", None, media_type::OCI_MANIFEST, bytes)
}

/// Puts a manifest behind one of cosign's tags.
fn tag(bench: &Bench, about: &Digest, ending: &str, kind: &str, content: &str) -> String {
    let (config, content) = (Bytes::from_static(b"{}"), Bytes::from(content.to_owned()));
    let part = |kind: &str, bytes: &Bytes| json!({"mediaType": kind, "size": bytes.len(), "digest": Digest::of(bytes)});
    let manifest = json!({"schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST,
        "config": part(media_type::OCI_CONFIG, &config), "layers": [part(kind, &content)]});
    bench.from.put_blob("app", config);
    bench.from.put_blob("app", content);
    let name = format!("sha256-{}.{ending}", about.hex());
    bench.from.put_manifest(
        "app",
        Some(&name),
        media_type::OCI_MANIFEST,
        manifest.to_string(),
    );
    name
}

/// A signed statement about an image.
fn attest(bench: &Bench, signer: &Signer, about: &Digest, says: &str) -> Bytes {
    let statement = json!({"_type": "https://in-toto.io/Statement/v1",
        "subject": [{"digest": {"sha256": about.hex()}}],
        "predicateType": "https://example.org/says/v1", "predicate": {"says": says}});
    let text = statement.to_string();
    bench
        .runtime
        .block_on(bundle_of(signer, text.as_bytes()))
        .expect("a bundle")
        .into()
}

fn actions(list: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = list.as_array().expect("a list").iter();
    let mut found: Vec<(String, String)> = list
        .map(|one| {
            let what = [&one["tag"], &one["artifact_type"]].map(text).concat();
            let what = what
                .rsplit_once('.')
                .map_or(what.clone(), |(_, end)| end.to_owned());
            (what, text(&one["action"]))
        })
        .collect();
    found.sort();
    found
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter()
        .map(|(one, two)| ((*one).to_owned(), (*two).to_owned()))
        .collect()
}

/// Promotes and returns the receipt.
#[track_caller]
fn receipt(bench: &Bench, source: &str, tag: &str, digest: &Digest, more: &[&str]) -> Value {
    let destination = bench.destination(tag);
    let digest = digest.to_string();
    let own = [
        "promote",
        source,
        &destination,
        "--digest",
        &digest,
        "--yes",
        "--format",
        "json",
    ];
    let output = bench.run(&[&own, more].concat());
    assert_eq!(output.code, 0, "{output:?}");
    let last: Value =
        serde_json::from_str(output.stdout.lines().last().expect("events")).expect("JSON");
    last["receipt"].clone()
}

#[test]
fn attachments_are_copied_once_and_nothing_of_the_destination_is_lost() {
    let bench = Bench::new();
    let image = Built::new("amd64");
    image.push(&bench.from, "app", Some("1"));
    let (digest, source) = (image.digest(), format!("{}/app:1", bench.from.host()));
    let kind = "application/spdx+json";
    let sbom = refer(
        &bench,
        &image.manifest,
        kind,
        &Bytes::from_static(b"{\"spdx\":1}"),
    );
    let (sbom_bytes, _) = bench
        .from
        .manifest("app", &sbom.to_string())
        .expect("the SBOM");
    let about_sbom = refer(
        &bench,
        &sbom_bytes,
        "application/example.note",
        &Bytes::from_static(b"ok"),
    );
    let simple = "application/vnd.dev.cosign.simplesigning.v1+json";
    let signature = tag(&bench, &digest, "sig", simple, "{}");
    let false_tag = tag(
        &bench,
        &digest,
        "att",
        "application/octet-stream",
        "no envelope",
    );
    let report = bench.write("r.json", &image.trivy("app"));
    bench.approve(&[&report]);
    let plan = bench.plan(&source, &[&report]);
    assert_eq!(
        actions(&plan["attached"]),
        pairs(&[
            ("application/spdx+json", "copy"),
            ("att", "copy"),
            ("sig", "copy")
        ])
    );
    let first = receipt(&bench, &source, "1", &digest, &[&report, "--no-sign"]);
    assert_eq!(
        actions(&first["attached"]),
        pairs(&[
            ("application/spdx+json", "copied"),
            ("att", "left"),
            ("note", "copied"),
            ("sig", "copied")
        ])
    );
    for copied in [sbom.to_string(), about_sbom.to_string(), signature] {
        assert!(bench.to.manifest(SHIP, &copied).is_some(), "{copied}");
    }
    assert!(bench.to.manifest(SHIP, &false_tag).is_none());
    // Again, as a promotion that no entry records: nothing is written.
    bench.to.clear_requests();
    let other = [report.as_str(), "--no-sign", "--archive", "other"];
    let again = receipt(&bench, &source, "1", &digest, &other);
    assert_eq!(
        actions(&again["attached"]),
        pairs(&[
            ("application/spdx+json", "there"),
            ("att", "left"),
            ("note", "there"),
            ("sig", "there")
        ])
    );
    let sent = bench.to.requests();
    assert!(
        sent.iter()
            .all(|one| matches!(&*one.method, "GET" | "HEAD")),
        "{sent:?}"
    );
    // Somebody signs something else at the source: what the destination has stays.
    let before = bench.to.tags(SHIP);
    tag(&bench, &digest, "sig", simple, "{\"other\":1}");
    let third = [report.as_str(), "--no-sign", "--archive", "third"];
    let other = receipt(&bench, &source, "1", &digest, &third);
    assert!(actions(&other["attached"]).contains(&("sig".to_owned(), "left".to_owned())));
    assert_eq!(bench.to.tags(SHIP), before);
}

#[test]
fn by_policy_nothing_is_taken_along() {
    let bench = Bench::new();
    let image = Built::new("amd64");
    image.push(&bench.from, "app", Some("1"));
    let source = format!("{}/app:1", bench.from.host());
    let sbom = Bytes::from_static(b"{}");
    let sbom = refer(&bench, &image.manifest, "application/spdx+json", &sbom);
    let report = bench.write("r.json", &image.trivy("app"));
    bench.policy("referrers = \"none\"");
    bench.approve(&[&report]);
    let plan = bench.plan(&source, &[&report]);
    assert_eq!(
        actions(&plan["attached"]),
        pairs(&[("application/spdx+json", "leave")])
    );
    let digest = image.digest();
    let receipt = receipt(&bench, &source, "1", &digest, &[&report, "--no-sign"]);
    assert_eq!(actions(&receipt["attached"]), []);
    assert!(bench.to.manifest(SHIP, &sbom.to_string()).is_none());
}

#[test]
fn what_a_trusted_key_said_is_said_again_by_ours_and_nothing_else_is() {
    let mut bench = Bench::new();
    let image = Built::new("amd64");
    image.push(&bench.from, "app", Some("1"));
    let (digest, source) = (image.digest(), format!("{}/app:1", bench.from.host()));
    let password = || Password::new(String::new());
    let [trusted, stranger, _own] = ["trusted", "stranger", "own"].map(|name| {
        let pair = KeyPair::generate(&password()).expect("a key");
        pair.write(&bench.work().join(name)).expect("files");
        pair
    });
    let signer = |pair: &KeyPair| Signer::Key(pair.key().clone());
    let kind = media_type::BUNDLE;
    for (pair, says) in [(&trusted, "good"), (&stranger, "bad")] {
        let bundle = attest(&bench, &signer(pair), &digest, says);
        refer(&bench, &image.manifest, kind, &bundle);
    }
    let elsewhere = attest(
        &bench,
        &signer(&trusted),
        &Digest::of(b"other"),
        "elsewhere",
    );
    refer(&bench, &image.manifest, kind, &elsewhere);
    refer(
        &bench,
        &image.manifest,
        "application/spdx+json",
        &Bytes::from_static(b"{}"),
    );
    let policy = "referrers = \"remake\"\n[approval]\ntrusted_keys = [\"trusted.pub\"]";
    bench.policy(policy);
    bench.sandbox.set("COSIGN_PASSWORD", "");
    bench.sandbox.set(
        "COUNTERSIGN_KEY",
        bench.work().join("trusted.key").display().to_string(),
    );
    let report = bench.write("r.json", &image.trivy("app"));
    bench.approve(&[&report]);
    bench.sandbox.set(
        "COUNTERSIGN_KEY",
        bench.work().join("own.key").display().to_string(),
    );
    let first = receipt(&bench, &source, "1", &digest, &[&report, "--no-attest"]);
    let count = |receipt: &Value, wanted: &str| {
        actions(&receipt["attached"])
            .iter()
            .filter(|(_, action)| action == wanted)
            .count()
    };
    assert_eq!(
        (count(&first, "remade"), count(&first, "left")),
        (1, 3),
        "{first}"
    );
    let other = [report.as_str(), "--no-attest", "--archive", "other"];
    let again = receipt(&bench, &source, "1", &digest, &other);
    assert_eq!(
        (count(&again, "there"), count(&again, "left")),
        (1, 3),
        "{again}"
    );

    // At the destination: our signature, and the one statement under our key.
    let public = bench.work().join("own.pub").display().to_string();
    let document = bench.document(&["verify", &bench.destination("1"), "--key", &public]);
    assert_eq!(document["signed"], true);
    let attestations = document["attestations"].as_array().expect("a list");
    assert_eq!(attestations.len(), 1, "{document}");
    assert_eq!(attestations[0]["valid"], true);
    let client = Client::new(&ClientOptions::default()).expect("a client");
    let repository = bench
        .destination("1")
        .parse::<countersign::model::ImageReference>()
        .expect("a name")
        .repository;
    let listed = bench
        .runtime
        .block_on(client.referrers(&repository, &digest))
        .expect("a list");
    assert_eq!(listed.manifests.len(), 2);
}
