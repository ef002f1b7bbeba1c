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

/// What `BuildKit` attaches: a manifest whose only layer is a statement.
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

/// Index, reports; blockers, warnings; platforms with `reviewed` or `open` and the number of their attestations.
const TABLE: &str = "
single    amd         | -        | -           | linux/amd64 reviewed 0
single    arm         | unseen   | -           | linux/amd64 open 0
both      amd         | platform | -           | linux/amd64 reviewed 1, linux/arm64/v8 open 1
both      arm         | platform | -           | linux/amd64 open 1, linux/arm64/v8 reviewed 1
both      amd arm     | -        | -           | linux/amd64 reviewed 1, linux/arm64/v8 reviewed 1
nested    amd         | platform | -           | linux/amd64 reviewed 1, linux/arm64/v8 open 1
nested    amd arm     | -        | -           | linux/amd64 reviewed 1, linux/arm64/v8 reviewed 1
orphan    amd         | -        | attestation | linux/amd64 reviewed 0
hidden    amd         | platform | -           | linux/amd64 reviewed 0, unknown/unknown open 0
unnamed   amd         | platform | -           | linux/amd64 reviewed 0, linux/arm64 open 0
twice     vague       | unseen   | -           | linux/arm/v6 open 0, linux/arm/v7 open 0
";

/// The class that a word of the table means.
fn class(word: &str) -> Vec<&str> {
    match word {
        "platform" => vec!["platform-not-reviewed"],
        "unseen" => vec!["not-reviewed"],
        "attestation" => vec!["attestation-of-nothing"],
        _ => Vec::new(),
    }
}

fn described(plan: &Value) -> String {
    let reviews = plan["platform_reviews"].as_array().expect("platforms");
    let one = |review: &Value| {
        let state = if review["reviewed"] == true {
            "reviewed"
        } else {
            "open"
        };
        let attestations = review["attestations"].as_array().map_or(0, Vec::len);
        format!(
            "{} {state} {attestations}",
            review["platform"].as_str().unwrap_or_default()
        )
    };
    reviews.iter().map(one).collect::<Vec<_>>().join(", ")
}

#[track_caller]
fn holds(bench: &Bench, policy: &str, line: &str) {
    let columns: Vec<&str> = line.split('|').map(str::trim).collect();
    let mut words = columns[0].split_whitespace();
    let tag = words.next().expect("a tag");
    let reports: Vec<String> = words
        .map(|name| {
            bench
                .work()
                .join(format!("{name}.json"))
                .display()
                .to_string()
        })
        .collect();
    let reports: Vec<&str> = reports.iter().map(String::as_str).collect();
    let plan = bench.plan(&format!("{}/app:{tag}", bench.from.host()), &reports);
    let (mut blockers, mut warnings) = (class(columns[1]), class(columns[2]));
    if policy == "all" && columns[1] == "platform" {
        warnings.append(&mut blockers);
    }
    let mut shown = classes(&plan["warnings"]);
    shown.retain(|class| !["four-eyes", "unsigned", "unsigned-approval"].contains(class));
    assert_eq!(
        classes(&plan["blockers"]),
        blockers,
        "{policy}: {line}: {plan}"
    );
    assert_eq!(shown, warnings, "{policy}: {line}: {plan}");
    assert_eq!(described(&plan), columns[3], "{policy}: {line}");
}

#[test]
fn a_scan_of_one_platform_approves_that_platform_and_no_other() {
    let bench = Bench::new();
    let (amd, arm) = (Built::new("amd64"), Built::new("arm64"));
    push(&bench, &amd, &arm);
    // A report that knows nothing but an index's digest, and no variant.
    let index = bench.digest(&format!("{}/app:twice", bench.from.host()));
    let mut vague = amd.trivy("app");
    vague["Metadata"] = json!({"RepoDigests": [format!("{}/app@{index}", bench.from.host())],
        "ImageConfig": {"os": "linux", "architecture": "arm"}});
    let reports = [
        bench.write("amd.json", &amd.trivy("app")),
        bench.write("arm.json", &arm.trivy("app")),
        bench.write("vague.json", &vague),
    ];
    for policy in ["reviewed", "all"] {
        bench.policy(&format!("platforms = \"{policy}\""));
        for report in &reports {
            bench.approve(&[report]);
        }
        for line in TABLE.lines().filter(|line| !line.is_empty()) {
            holds(&bench, policy, line);
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
