//! `countersign scan` with real scanners, on an image that is built here, and its end by a signal.
//!
//! Scanners that misbehave are played by scripts in the tests of `scanner`; Grype has none but those.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign::model::Digest;
use serde_json::{Value, json};

use crate::cli::{holds, valid};
use crate::support::judges::{corpus, judge};
use crate::support::program::{Output, Sandbox};
use crate::support::server::DockerRegistry;

const PATIENCE: Duration = Duration::from_mins(1);

/// What the corpus's database knows about the image below.
const KNOWN: [&str; 6] = [
    "CVE-2019-10744",
    "CVE-2020-8203",
    "CVE-2021-23337",
    "CVE-2021-44906",
    "CVE-2023-31484",
    "CVE-2023-45853",
];

/// Two Debian packages, one of them with a fix.
const STATUS: &str = "Package: perl-base\nStatus: install ok installed\nArchitecture: amd64\nMaintainer: somebody <a@example.org>\n\
    Source: perl\nVersion: 5.36.0-7\nDescription: minimal Perl system\n\n\
    Package: zlib1g\nStatus: install ok installed\nArchitecture: amd64\nMaintainer: somebody <a@example.org>\n\
    Source: zlib\nVersion: 1:1.2.13.dfsg-1\nDescription: compression library\n\n";

/// A sandbox with the scanners, their database, and a layout of two images.
pub(crate) struct Bench {
    /// Where programs run; the layout is in its working folder.
    pub(crate) sandbox: Sandbox,
    /// The scanner.
    pub(crate) trivy: PathBuf,
    syft: PathBuf,
}

impl Bench {
    /// Sets it up, or says on the terminal what is missing.
    pub(crate) fn set() -> Option<Self> {
        let (trivy, syft) = (judge("trivy")?, judge("syft")?);
        let database = corpus()?.join("sbom/trivy-db-mini/db");
        let mut sandbox = Sandbox::new();
        let cache = sandbox.home().join("trivy");
        fs::create_dir_all(cache.join("db")).expect("a cache can be made");
        for name in ["trivy.db", "metadata.json"] {
            // Written, not copied: the corpus is read-only, and Trivy opens its database for writing.
            let bytes = fs::read(database.join(name)).expect("the database is there");
            fs::write(cache.join("db").join(name), bytes).expect("a cache can be written");
        }
        sandbox.set("PATH", "/usr/bin:/bin");
        sandbox.set("TRIVY_CACHE_DIR", &cache);
        for name in ["SKIP_DB_UPDATE", "SKIP_JAVA_DB_UPDATE", "OFFLINE_SCAN"] {
            sandbox.set(&format!("TRIVY_{name}"), "true");
        }
        let packages = [("lodash", "4.17.4"), ("minimist", "1.2.0")];
        let layout = sandbox.work().join("layout");
        build(&layout, &[("whole", &packages), ("rebuilt", &[])]);
        Some(Self {
            sandbox,
            trivy,
            syft,
        })
    }

    /// Starts a registry that has the image, and returns the image's name.
    pub(crate) fn publish(&self) -> Option<(DockerRegistry, String)> {
        let (skopeo, registry) = (judge("skopeo")?, DockerRegistry::start()?);
        let name = format!("{}/team/app:v1", registry.host());
        let source = format!("oci:{}:whole", text(&self.sandbox.work().join("layout")));
        let destination = format!("docker://{name}");
        let copied = self.sandbox.run_other(
            &skopeo,
            ["copy", "--dest-tls-verify=false", &source, &destination],
            b"",
        );
        assert_eq!(copied.code, 0, "{copied:?}");
        Some((registry, name))
    }

    /// Scans with both, and returns what the command said.
    fn scan(&self, target: &str, more: &[&str]) -> Output {
        let (trivy, syft) = (text(&self.trivy), text(&self.syft));
        let mut words = vec!["scan", target, "--with", "trivy,syft"];
        words.extend(["--trivy", &trivy, "--syft", &syft]);
        words.extend(more);
        self.sandbox.run(words)
    }

    /// Scans, and returns the document `scan`, held against its schema.
    fn document(&self, target: &str) -> Value {
        let output = self.scan(target, &["--format", "json"]);
        assert_eq!(output.code, 0, "{output:?}");
        let lines: Vec<Value> = output
            .stdout
            .lines()
            .map(|line| serde_json::from_str(line).expect("every line is a document"))
            .collect();
        for line in &lines {
            holds(line);
        }
        let last = lines.last().expect("there are events");
        assert_eq!(last["event"], "finished", "{last}");
        holds(&last["scan"]);
        for (position, scanner) in ["trivy", "syft"].iter().enumerate() {
            let one = &last["scan"]["scanners"][position];
            assert_eq!(one["scanner"], *scanner);
            assert_eq!(
                (&one["exit_code"], &one["error"]),
                (&json!(0), &Value::Null)
            );
            assert!(one["version"].is_string(), "{one}");
            let path = self.sandbox.work().join(string(&one["file"]["path"]));
            let bytes = fs::read(&path).expect("what is named is there");
            assert_eq!(one["file"]["sha256"], Digest::of(&bytes).to_string());
        }
        last["scan"].clone()
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn string(value: &Value) -> &str {
    value.as_str().expect("a text")
}

/// Builds a layout: one image a name, each a small Debian with some packages of npm.
fn build(layout: &Path, images: &[(&str, &[(&str, &str)])]) {
    let blobs = layout.join("blobs/sha256");
    fs::create_dir_all(&blobs).expect("a layout can be made");
    let put = |bytes: &[u8]| {
        let digest = Digest::of(bytes).to_string();
        let hex = digest.trim_start_matches("sha256:");
        fs::write(blobs.join(hex), bytes).expect("a blob can be written");
        digest
    };
    let descriptor = |kind: &str, bytes: &[u8]| json!({"mediaType": format!("application/vnd.oci.image.{kind}"), "digest": put(bytes), "size": bytes.len()});
    let mut manifests = Vec::new();
    for (name, packages) in images {
        let root = layout.with_file_name(format!("root-{name}"));
        let write = |path: &str, text: &str| {
            let path = root.join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder can be made");
            fs::write(path, text).expect("a file can be written");
        };
        write(
            "etc/os-release",
            "ID=debian\nVERSION_ID=\"12\"\nNAME=\"Debian GNU/Linux\"\n",
        );
        write("etc/debian_version", "12.0\n");
        write("var/lib/dpkg/status", STATUS);
        for (package, version) in *packages {
            let document = json!({"name": package, "version": version, "license": "MIT"});
            let path = format!("app/node_modules/{package}/package.json");
            write(&path, &document.to_string());
        }
        let tar = std::process::Command::new("tar")
            .args(["-C", &text(&root), "-cf", "-", "."])
            .output()
            .expect("tar runs");
        assert!(tar.status.success());
        let layer = descriptor("layer.v1.tar", &tar.stdout);
        let config = json!({
            "architecture": "amd64", "os": "linux", "config": {"User": "app"},
            "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]},
        });
        let manifest = json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": descriptor("config.v1+json", config.to_string().as_bytes()), "layers": [layer],
        });
        let mut entry = descriptor("manifest.v1+json", manifest.to_string().as_bytes());
        entry["annotations"] = json!({"org.opencontainers.image.ref.name": name});
        manifests.push(entry);
    }
    let index = json!({"schemaVersion": 2, "manifests": manifests});
    fs::write(layout.join("index.json"), index.to_string()).expect("an index can be written");
    fs::write(
        layout.join("oci-layout"),
        r#"{"imageLayoutVersion":"1.0.0"}"#,
    )
    .expect("a layout can be written");
}

/// The names in the folder of the reports, hidden ones included.
fn left(sandbox: &Sandbox) -> BTreeSet<String> {
    let Ok(entries) = fs::read_dir(sandbox.work().join("reports")) else {
        return BTreeSet::new();
    };
    entries
        .map(|entry| entry.expect("an entry").file_name())
        .map(|name| name.into_string().expect("names are plain"))
        .collect()
}

#[test]
fn real_scanners_open_as_findings_and_components() {
    let Some(bench) = Bench::set() else { return };
    let scan = bench.document("oci:layout:whole");
    assert_eq!(scan["scanners"][0]["file"]["count"], 6, "{scan}");
    assert_eq!(scan["scanners"][1]["file"]["count"], 5, "{scan}");
    assert_eq!(
        scan["records"],
        json!({"read": 6, "joined": 6, "suppressed": 0, "unreadable": 0})
    );
    // The image itself joins what Trivy and Syft say about it: one knows its layers, one its digest.
    assert_eq!(scan["subjects"].as_array().map(Vec::len), Some(1), "{scan}");
    assert_eq!(scan["subjects"][0]["manifest_digest"], scan["digest"]);

    let names = left(&bench.sandbox);
    let name = |begin: &str, end: &str| {
        let begin = format!("{begin}.layout_whole_");
        names
            .iter()
            .any(|name| name.starts_with(&begin) && name.ends_with(end))
    };
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(
        name("scan.results", "Z.trivy.json") && name("sbom.cdx", "Z.syft.json"),
        "{names:?}"
    );

    let trivy = string(&scan["scanners"][0]["file"]["path"]);
    let findings = valid(&bench.sandbox.run(["findings", trivy, "--format", "json"]));
    let ids: Vec<&str> = findings["findings"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|finding| finding["kind"] == "vulnerability")
        .map(|finding| string(&finding["id"]))
        .collect();
    assert_eq!(ids.len(), KNOWN.len(), "each of them once");
    assert_eq!(BTreeSet::from_iter(ids), BTreeSet::from(KNOWN));
    let totals = &findings["totals"];
    assert_eq!(totals["fixable"], json!(5), "{totals}");

    let syft = string(&scan["scanners"][1]["file"]["path"]);
    let components = valid(&bench.sandbox.run(["components", syft, "--format", "json"]));
    let names: Vec<&str> = components["components"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|component| string(&component["name"]))
        .collect();
    let expected = ["debian", "lodash", "minimist", "perl-base", "zlib1g"];
    assert_eq!(BTreeSet::from_iter(names), BTreeSet::from(expected));
}

#[test]
fn one_of_several_images_is_scanned_and_nothing_is_overwritten() {
    let Some(bench) = Bench::set() else { return };
    // The layout holds both: each scanner must look at this one alone.
    let scan = bench.document("oci:layout:rebuilt");
    let counts =
        |scan: &Value| [0, 1].map(|position| scan["scanners"][position]["file"]["count"].as_u64());
    assert_eq!(counts(&scan), [Some(2), Some(3)], "{scan}");
    let before = left(&bench.sandbox);
    // A time that is given makes the same names again.
    let time = ["--now", string(&scan["started"])];
    let again = bench.scan("oci:layout:rebuilt", &time);
    assert_eq!(again.code, 0, "{again:?}");
    assert!(again.stdout.contains("trivy-2.json"), "{again:?}");
    let after = left(&bench.sandbox);
    assert!(after.is_superset(&before) && after.len() == 4, "{after:?}");

    let folder = bench.document("root-whole");
    assert_eq!(folder["kind"], "directory");
    assert_eq!(folder["scanners"][0]["file"]["count"], 6, "{folder}");
}

#[test]
fn an_image_of_a_registry_is_scanned_by_its_digest() {
    let Some(bench) = Bench::set() else { return };
    let Some((_registry, name)) = bench.publish() else {
        return;
    };
    let scan = bench.document(&name);
    assert_eq!(scan["kind"], "registry");
    let digest = string(&scan["digest"]);
    for position in [0, 1] {
        let words = scan["scanners"][position]["command"]
            .as_array()
            .expect("a list");
        let last = string(words.last().expect("there are words"));
        assert!(last.ends_with(&format!("/team/app@{digest}")), "{last}");
    }
    // Without the image at hand, the two files still belong together.
    let files = [0, 1].map(|position| string(&scan["scanners"][position]["file"]["path"]));
    let list = valid(
        &bench
            .sandbox
            .run(["list", files[0], files[1], "--format", "json"]),
    );
    assert_eq!(list["subjects"].as_array().map(Vec::len), Some(1), "{list}");
    assert_eq!(list["subjects"][0]["manifest_digest"], digest);
}

#[test]
fn on_a_terminal_the_console_opens_on_what_was_found() {
    let Some(bench) = Bench::set() else { return };
    let (trivy, syft) = (text(&bench.trivy), text(&bench.syft));
    let words = [
        "scan",
        "oci:layout:whole",
        "--with",
        "trivy,syft",
        "--trivy",
        &trivy,
        "--syft",
        &syft,
    ];
    let terminal = bench.sandbox.open(words, 30, 110);
    terminal.wait_for_text("1 Images", PATIENCE);
    terminal.wait_for_text("trivy", PATIENCE);
    assert_eq!(left(&bench.sandbox).len(), 2);
}

#[test]
fn without_a_scanner_it_says_how_to_get_one() {
    let mut sandbox = Sandbox::new();
    sandbox.set("PATH", sandbox.home());
    let output = sandbox.run(["scan", "alpine:3.20"]);
    assert_eq!((output.code, output.stdout.as_str()), (2, ""), "{output:?}");
    for word in [
        "aquasecurity/trivy",
        "anchore/grype",
        "anchore/syft",
        "--scanner-image",
    ] {
        assert!(output.stderr.contains(word), "{word}: {output:?}");
    }
    let asked = sandbox.run(["scan", "alpine:3.20", "--with", "syft"]);
    assert_eq!(asked.code, 2, "{asked:?}");
    assert!(
        asked.stderr.contains("error: syft is not on the PATH"),
        "{asked:?}"
    );
    let docker = sandbox.run([
        "scan",
        "alpine:3.20",
        "--scanner-image",
        "aquasec/trivy:0.62.1",
    ]);
    assert_eq!(docker.code, 2, "{docker:?}");
    assert!(
        docker.stderr.contains("docker is not on the PATH"),
        "{docker:?}"
    );
    let option = sandbox.run(["scan", "--", "--output=x"]);
    assert_eq!(option.code, 3, "{option:?}");
    assert_eq!(left(&sandbox), BTreeSet::new());
}

#[test]
fn a_signal_ends_the_scanner_and_leaves_no_file() {
    for (signal, code) in [("INT", 130), ("HUP", 129), ("TERM", 143)] {
        let sandbox = Sandbox::new();
        // Written by a shell: a program must not be open for writing anywhere when it is started.
        let trivy = "#!/bin/sh\n[ \"$1\" = version ] && exit 0\nprintf '{'\necho $PPID >parent.new\necho $$ >child\nmv parent.new parent\nsleep 300\n";
        let write = ["-c", "cat >trivy && chmod 755 trivy && mkdir project"];
        let written = sandbox.run_other(Path::new("/bin/sh"), write, trivy.as_bytes());
        assert_eq!(written.code, 0, "{written:?}");
        let work = sandbox.work();
        let signaller = std::thread::spawn(move || {
            let parent = work.join("parent");
            while !parent.exists() {
                std::thread::sleep(Duration::from_millis(10));
            }
            let parent = fs::read_to_string(parent).expect("a number");
            let kill = std::process::Command::new("kill")
                .args(["-s", signal, parent.trim()])
                .status();
            assert!(kill.expect("kill runs").success());
        });
        let output = sandbox.run(["scan", "project", "--trivy", "./trivy", "--with", "trivy"]);
        signaller.join().expect("the signal is sent");
        assert_eq!(output.code, code, "{output:?}");
        assert!(
            output.stderr.contains("cancelled while trivy was running"),
            "{output:?}"
        );
        assert_eq!(left(&sandbox), BTreeSet::new());
        let child = fs::read_to_string(sandbox.work().join("child")).expect("a number");
        let alive = Path::new("/proc").join(child.trim());
        let state = fs::read_to_string(alive.join("stat")).unwrap_or_default();
        assert!(state.is_empty() || state.contains(") Z "), "{state}");
    }
}
