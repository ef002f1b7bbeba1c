//! Archives judged by other programs: skopeo writes and reads them, Trivy and Syft say which image is in one.

use super::*;
use crate::support::judges::judge;

#[track_caller]
fn output(program: &Path, arguments: &[&str], home: &Path) -> String {
    let output = Command::new(program)
        .args(arguments)
        .env("HOME", home)
        .env("SYFT_CHECK_FOR_APP_UPDATE", "false")
        .current_dir(home)
        .output()
        .expect("the judge runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {errors}");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn skopeo_reads_what_arrives_and_writes_what_is_read() {
    let Some(skopeo) = judge("skopeo") else {
        return;
    };
    let bench = Bench::new();
    let work = bench.work();
    let image = Built::new("amd64");
    let file = image.save(&work, "image.tar");
    let source = format!("docker-archive:{}", file.display());
    let skopeo = |arguments: &[&str]| output(&skopeo, arguments, &work);
    // The same names of the parts.
    let seen: Value = serde_json::from_str(&skopeo(&["inspect", "--raw", &source])).expect("JSON");
    let ours = bench.document(&["inspect", &source]);
    let digests = |list: &Value| -> Vec<Value> {
        list.as_array()
            .expect("a list")
            .iter()
            .map(|one| one["digest"].clone())
            .collect()
    };
    assert_eq!(digests(&seen["layers"]), digests(&ours["layers"]));
    assert_eq!(seen["config"]["digest"], ours["config"]["digest"]);
    // The digest it makes up is the one that scanners make up, and that a plan knows.
    let shown: Value = serde_json::from_str(&skopeo(&["inspect", &source])).expect("JSON");
    assert_eq!(shown["Digest"], image.made_up().to_string());

    // Rewritten by it, the image has the same manifest.
    let rewritten = format!("docker-archive:{}:app:2", work.join("two.tar").display());
    skopeo(&["copy", "-q", &source, &rewritten]);
    assert_eq!(bench.digest(&rewritten), bench.digest(&source));

    // An archive in the layout's form keeps its digest, here and there.
    let archive = format!("oci-archive:{}:app", work.join("three.tar").display());
    skopeo(&["copy", "-q", &source, &archive]);
    let raw = skopeo(&["inspect", "--raw", &archive]);
    assert_eq!(
        bench.digest(&archive),
        Digest::of(raw.as_bytes()).to_string()
    );

    // What was promoted is read by it, byte for byte.
    let report = bench.write("t.json", &image.trivy("image.tar"));
    bench.approve(&[&report]);
    let digest = bench.digest(&source);
    let promoted = bench.promote(&source, "1", &digest, &[&report]);
    assert_eq!(promoted.code, 0, "{promoted:?}");
    let reference = format!("docker://{}", bench.destination("1"));
    let raw = skopeo(&["inspect", "--raw", "--tls-verify=false", &reference]);
    assert_eq!(Digest::of(raw.as_bytes()).to_string(), digest);
    let copied = work.join("copied");
    let to = format!("dir:{}", copied.display());
    skopeo(&[
        "copy",
        "-q",
        "--preserve-digests",
        "--src-tls-verify=false",
        &reference,
        &to,
    ]);
    for part in image.layers.iter().chain([&image.config]) {
        let found = std::fs::read(copied.join(Digest::of(part).hex())).expect("the part");
        assert_eq!(Bytes::from(found), part);
    }
}

#[test]
fn scanners_name_the_image_in_an_archive_as_we_do() {
    let bench = Bench::new();
    let work = bench.work();
    let image = Built::new("amd64");
    let file = image.save(&work, "image.tar").display().to_string();
    if let Some(trivy) = judge("trivy") {
        let text = output(
            &trivy,
            &[
                "image",
                "--quiet",
                "--input",
                &file,
                "--format",
                "cyclonedx",
            ],
            &work,
        );
        let bom: Value = serde_json::from_str(&text).expect("JSON");
        let properties = bom["metadata"]["component"]["properties"]
            .as_array()
            .expect("properties");
        let mut said: Vec<&str> = properties
            .iter()
            .filter(|one| {
                one["name"]
                    .as_str()
                    .is_some_and(|name| name.ends_with("ID"))
            })
            .filter_map(|one| one["value"].as_str())
            .collect();
        said.sort_unstable();
        let mut known: Vec<String> = image.diff_ids().iter().map(Digest::to_string).collect();
        known.push(image.id().to_string());
        known.sort_unstable();
        assert_eq!(said, known);
    }
    if let Some(syft) = judge("syft") {
        let source = format!("docker-archive:{file}");
        let text = output(&syft, &["--quiet", &source, "-o", "json"], &work);
        let document: Value = serde_json::from_str(&text).expect("JSON");
        let said = &document["source"]["metadata"];
        assert_eq!(said["imageID"], image.id().to_string());
        assert_eq!(said["manifestDigest"], image.made_up().to_string());
        // A document of its own is joined with the archive, and approves it.
        let sbom = bench.write("s.json", &document);
        let listed = bench.document(&[
            "list",
            &sbom,
            &bench.write("t.json", &image.trivy("image.tar")),
        ]);
        assert_eq!(
            listed["subjects"].as_array().map(Vec::len),
            Some(1),
            "{listed}"
        );
    }
}
