//! Indexes: which platforms of one were reviewed, and what follows.

use super::*;

/// An entry of an index.
fn entry(bytes: &Bytes, kind: &str, platform: &str, about: Option<&Digest>) -> Value {
    let mut entry = json!({"mediaType": kind, "size": bytes.len(), "digest": Digest::of(bytes)});
    let mut parts = platform.split('/');
    if let (Some(os), Some(architecture)) = (parts.next(), parts.next()) {
        entry["platform"] = json!({"os": os, "architecture": architecture});
        if let Some(variant) = parts.next() {
            entry["platform"]["variant"] = variant.into();
        }
    }
    if let Some(about) = about {
        entry["annotations"] = json!({"vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": about});
    }
    entry
}

/// What BuildKit attaches: a manifest whose only layer is a statement.
fn attestation(registry: &Registry, about: &Digest) -> Value {
    let statement = Bytes::from(format!(r#"{{"about":"{about}"}}"#));
    let config = Bytes::from_static(b"{}");
    let part = |kind: &str, bytes: &Bytes| json!({"mediaType": kind, "size": bytes.len(), "digest": Digest::of(bytes)});
    let manifest = json!({"schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST,
        "config": part(media_type::OCI_CONFIG, &config),
        "layers": [part("application/vnd.in-toto+json", &statement)]});
    registry.put_blob("app", statement);
    registry.put_blob("app", config);
    let bytes = Bytes::from(manifest.to_string());
    registry.put_manifest("app", None, media_type::OCI_MANIFEST, bytes.clone());
    entry(
        &bytes,
        media_type::OCI_MANIFEST,
        "unknown/unknown",
        Some(about),
    )
}

fn index(registry: &Registry, tag: Option<&str>, entries: &[Value]) -> Bytes {
    let document =
        json!({"schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": entries});
    let bytes = Bytes::from(document.to_string());
    registry.put_manifest("app", tag, media_type::OCI_INDEX, bytes.clone());
    bytes
}

fn image(image: &Built, platform: &str) -> Value {
    entry(&image.manifest, media_type::OCI_MANIFEST, platform, None)
}

/// Puts every kind of index into the source.
fn push(bench: &Bench, amd: &Built, arm: &Built) {
    let from = &bench.from;
    amd.push(from, "app", Some("single"));
    arm.push(from, "app", None);
    let both = [image(amd, "linux/amd64"), image(arm, "linux/arm64/v8")];
    let attested = [
        both[0].clone(),
        both[1].clone(),
        attestation(from, &amd.digest()),
        attestation(from, &arm.digest()),
    ];
    let inner = index(from, Some("both"), &attested);
    let nested = [entry(&inner, media_type::OCI_INDEX, "", None)];
    index(from, Some("nested"), &nested);
    let orphan = attestation(from, &Digest::of(b"nothing"));
    index(from, Some("orphan"), &[both[0].clone(), orphan]);
    // Something that runs, called an attestation.
    let hidden = entry(
        &arm.manifest,
        media_type::OCI_MANIFEST,
        "unknown/unknown",
        Some(&amd.digest()),
    );
    index(from, Some("hidden"), &[both[0].clone(), hidden]);
    // A platform that is named by nobody, and one that is named twice.
    index(from, Some("unnamed"), &[both[0].clone(), image(arm, "")]);
    index(
        from,
        Some("twice"),
        &[image(amd, "linux/arm/v6"), image(arm, "linux/arm/v7")],
    );
}

#[test]
fn a_scan_of_one_platform_approves_that_platform_and_no_other() {
    let bench = Bench::new();
    let (amd, arm) = (Built::new("amd64"), Built::new("arm64"));
    push(&bench, &amd, &arm);
    let one = bench.write("amd64.json", &amd.trivy("app"));
    let two = bench.write("arm64.json", &arm.trivy("app"));
    // A report that knows nothing but the index's digest.
    let of_index = |tag: &str, name: &str| {
        let digest = bench.digest(&format!("{}/app:{tag}", bench.from.host()));
        let mut report = amd.trivy("app");
        report["Metadata"] = json!({"RepoDigests": [format!("{}/app@{digest}", bench.from.host())],
            "ImageConfig": {"os": "linux", "architecture": "arm"}});
        bench.write(name, &report)
    };
    let vague = of_index("twice", "vague.json");
    let (blocked, unseen) = (&["platform-not-reviewed"][..], &["not-reviewed"][..]);
    let none: &[&str] = &[];
    for policy in ["reviewed", "all"] {
        bench.policy(&format!("platforms = \"{policy}\""));
        bench.approve(&[&one]);
        bench.approve(&[&two]);
        bench.approve(&[&vague]);
        let table: &[(&str, &[&str], &[&str], &[&str], &[&str])] = &[
            ("single", &[&one], none, none, &["linux/amd64 reviewed 0"]),
            ("single", &[&two], unseen, none, &["linux/amd64 open 0"]),
            (
                "both",
                &[&one],
                blocked,
                none,
                &["linux/amd64 reviewed 1", "linux/arm64/v8 open 1"],
            ),
            (
                "both",
                &[&two],
                blocked,
                none,
                &["linux/amd64 open 1", "linux/arm64/v8 reviewed 1"],
            ),
            (
                "both",
                &[&one, &two],
                none,
                none,
                &["linux/amd64 reviewed 1", "linux/arm64/v8 reviewed 1"],
            ),
            (
                "nested",
                &[&one],
                blocked,
                none,
                &["linux/amd64 reviewed 1", "linux/arm64/v8 open 1"],
            ),
            (
                "nested",
                &[&one, &two],
                none,
                none,
                &["linux/amd64 reviewed 1", "linux/arm64/v8 reviewed 1"],
            ),
            (
                "orphan",
                &[&one],
                none,
                &["attestation-of-nothing"],
                &["linux/amd64 reviewed 0"],
            ),
            (
                "hidden",
                &[&one],
                blocked,
                none,
                &["linux/amd64 reviewed 0", "unknown/unknown open 0"],
            ),
            (
                "unnamed",
                &[&one],
                blocked,
                none,
                &["linux/amd64 reviewed 0", "linux/arm64 open 0"],
            ),
            (
                "twice",
                &[&vague],
                unseen,
                none,
                &["linux/arm/v6 open 0", "linux/arm/v7 open 0"],
            ),
        ];
        for (tag, reports, blockers, warnings, reviews) in table {
            let source = format!("{}/app:{tag}", bench.from.host());
            let plan = bench.plan(&source, reports);
            let known = ["four-eyes", "unsigned", "unsigned-approval"];
            let mut shown = classes(&plan["warnings"]);
            shown.retain(|class| !known.contains(class));
            let (mut blockers, mut warnings) = (blockers.to_vec(), warnings.to_vec());
            if policy == "all" && blockers == blocked {
                warnings.append(&mut blockers);
            }
            assert_eq!(
                classes(&plan["blockers"]),
                blockers,
                "{policy} {tag}: {plan}"
            );
            assert_eq!(shown, warnings, "{policy} {tag}: {plan}");
            let described: Vec<String> = plan["platform_reviews"]
                .as_array()
                .expect("platforms")
                .iter()
                .map(|one| {
                    let state = if one["reviewed"] == true {
                        "reviewed"
                    } else {
                        "open"
                    };
                    let attestations = one["attestations"].as_array().map_or(0, Vec::len);
                    format!(
                        "{} {state} {attestations}",
                        one["platform"].as_str().unwrap_or_default()
                    )
                })
                .collect();
            assert_eq!(described, *reviews, "{policy} {tag}");
        }
    }
}

#[test]
fn one_platform_of_an_index_ships_alone_and_the_whole_with_its_attestations() {
    let bench = Bench::new();
    let (amd, arm) = (Built::new("amd64"), Built::new("arm64"));
    push(&bench, &amd, &arm);
    let one = bench.write("amd64.json", &amd.trivy("app"));
    let two = bench.write("arm64.json", &arm.trivy("app"));
    bench.approve(&[&one]);
    bench.approve(&[&two]);
    let source = format!("{}/app:both", bench.from.host());
    for (tag, digest, more) in [
        (
            "platform",
            amd.digest().to_string(),
            &["--platform", "linux/amd64", one.as_str()][..],
        ),
        ("digest", amd.digest().to_string(), &[one.as_str()][..]),
        ("whole", bench.digest(&source), &[one.as_str(), &two][..]),
    ] {
        let output = bench.promote(&source, tag, &digest, more);
        assert_eq!(output.code, 0, "{tag}: {output:?}");
        let tags = bench.to.tags(SHIP);
        let found = tags.iter().find(|(name, _)| name == tag);
        assert_eq!(found.map(|(_, digest)| digest.to_string()), Some(digest));
    }
    let plan = bench.plan(&source, &[&one, &two]);
    let attestation = plan["platform_reviews"][0]["attestations"][0]
        .as_str()
        .expect("a digest");
    assert!(bench.to.manifest(SHIP, attestation).is_some());
    // Half of it reviewed: refused, with the platform's name.
    let output = bench.promote(&source, "half", &bench.digest(&source), &[&one]);
    assert_eq!(output.code, 5, "{output:?}");
    assert!(output.stderr.contains("linux/arm64/v8"), "{output:?}");
}
