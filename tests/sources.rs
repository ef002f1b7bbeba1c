//! Images from archives and of several platforms, by the command line: what a scan of them approves, and what arrives.
//!
//! Damaged and hostile archives are the registry module's own tests.

mod attached;
mod judged;
mod platforms;

use std::path::{Path, PathBuf};
use std::process::Command;

use bytes::Bytes;
use countersign::demo::SyntheticImage;
use countersign::demo::registry::{Registry, RegistryOptions};
use countersign::model::Digest;
use countersign::model::oci::media_type;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::cli::valid;
use crate::support::program::{Output, Sandbox};

/// Where images go: `127.0.0.1:PORT/ship/app:1`.
const SHIP: &str = "ship/app";

/// An image of one platform.
struct Built {
    architecture: &'static str,
    config: Bytes,
    layers: Vec<Bytes>,
    manifest: Bytes,
}

impl Built {
    fn new(architecture: &'static str) -> Self {
        let files = [("etc/base", 2000), (architecture, 9000)];
        let layers = SyntheticImage::build("app", &files, "2026-04-01T00:00:00Z").layers;
        let ids: Vec<Digest> = layers.iter().map(|layer| Digest::of(layer)).collect();
        let config = json!({"architecture": architecture, "os": "linux", "config": {"User": "app"},
            "rootfs": {"type": "layers", "diff_ids": ids}});
        let config = Bytes::from(config.to_string());
        let entry = |kind: &str, bytes: &Bytes| json!({"mediaType": kind, "size": bytes.len(), "digest": Digest::of(bytes)});
        let layer = "application/vnd.oci.image.layer.v1.tar";
        let manifest = json!({"schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST,
            "config": entry(media_type::OCI_CONFIG, &config),
            "layers": layers.iter().map(|bytes| entry(layer, bytes)).collect::<Vec<_>>()});
        Self {
            architecture,
            config,
            layers,
            manifest: manifest.to_string().into(),
        }
    }

    fn digest(&self) -> Digest {
        Digest::of(&self.manifest)
    }

    fn id(&self) -> Digest {
        Digest::of(&self.config)
    }

    fn diff_ids(&self) -> Vec<Digest> {
        self.layers.iter().map(|layer| Digest::of(layer)).collect()
    }

    fn push(&self, registry: &Registry, path: &str, tag: Option<&str>) {
        for blob in self.layers.iter().chain([&self.config]) {
            registry.put_blob(path, blob.clone());
        }
        registry.put_manifest(path, tag, media_type::OCI_MANIFEST, self.manifest.clone());
    }

    /// What Trivy says about it, read from a file: no digest of a registry.
    fn trivy(&self, name: &str) -> Value {
        json!({"SchemaVersion": 2, "CreatedAt": "2026-04-30T00:00:00Z",
            "Trivy": {"Version": "0.62.1"},
            "ArtifactName": name, "ArtifactType": "container_image",
            "Metadata": {"ImageID": self.id(), "DiffIDs": self.diff_ids(),
                "ImageConfig": serde_json::from_slice::<Value>(&self.config).expect("JSON")},
            "Results": [{"Target": "app (debian 12)", "Class": "os-pkgs", "Type": "debian",
                "Packages": [{"Name": "a", "Version": "1"}]}]})
    }

    /// What Grype says about it, read from an archive: with a manifest digest that nobody has.
    fn grype(&self, name: &str) -> Value {
        let layers: Vec<Value> = self
            .layers
            .iter()
            .map(|layer| json!({"digest": Digest::of(layer)}))
            .collect();
        json!({"matches": [], "source": {"type": "image", "target": {"userInput": name,
            "imageID": self.id(), "manifestDigest": self.made_up(), "tags": [], "repoDigests": [],
            "layers": layers, "architecture": self.architecture, "os": "linux"}},
            "distro": {"name": "debian", "version": "12"},
            "descriptor": {"name": "grype", "version": "0.92.0", "timestamp": "2026-04-30T00:00:00Z",
                "db": {"built": "2026-04-29T00:00:00Z"}}})
    }

    /// The digest that Grype, Syft and skopeo give to the image when they read it from Docker.
    fn made_up(&self) -> Digest {
        let entry = |kind: &str, bytes: &Bytes| {
            format!(
                r#"{{"mediaType":"application/vnd.docker.{kind}","size":{},"digest":"{}"}}"#,
                bytes.len(),
                Digest::of(bytes)
            )
        };
        let layers: Vec<String> = self
            .layers
            .iter()
            .map(|layer| entry("image.rootfs.diff.tar.gzip", layer))
            .collect();
        let text = format!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json","config":{},"layers":[{}]}}"#,
            entry("container.image.v1+json", &self.config),
            layers.join(",")
        );
        Digest::of(text.as_bytes())
    }

    /// Writes what `docker save` wrote before it wrote layouts; returns the file.
    fn save(&self, folder: &Path, name: &str) -> PathBuf {
        let content = folder.join(format!("{name}.content"));
        let mut names = Vec::new();
        for (number, layer) in self.layers.iter().enumerate() {
            let place = content.join(format!("{number:064}"));
            std::fs::create_dir_all(&place).expect("a folder");
            std::fs::write(place.join("VERSION"), "1.0").expect("a file");
            std::fs::write(place.join("json"), "{}").expect("a file");
            std::fs::write(place.join("layer.tar"), layer).expect("a file");
            names.push(format!("{number:064}/layer.tar"));
        }
        let config = format!("{}.json", self.id().hex());
        std::fs::write(content.join(&config), &self.config).expect("a file");
        let list = json!([{"Config": config, "RepoTags": ["app:1"], "Layers": names}]);
        std::fs::write(content.join("manifest.json"), list.to_string()).expect("a file");
        let file = folder.join(name);
        // Without `./` before the names: Trivy does not find them else.
        let members = std::fs::read_dir(&content).expect("a folder");
        let members = members.map(|member| member.expect("a member").file_name());
        let packed = Command::new("tar")
            .arg("-cf")
            .arg(&file)
            .arg("-C")
            .arg(&content)
            .args(members)
            .status();
        assert!(packed.expect("tar runs").success());
        file
    }
}

/// A registry to take images from, one to ship them to, and the program.
struct Bench {
    sandbox: Sandbox,
    from: Registry,
    to: Registry,
    runtime: Runtime,
}

impl Bench {
    fn new() -> Self {
        let runtime = Runtime::new().expect("a runtime starts");
        let start = || {
            Registry::start(RegistryOptions {
                referrers: true,
                ..RegistryOptions::default()
            })
        };
        let [from, to] = [(); 2].map(|()| runtime.block_on(start()).expect("a registry starts"));
        let mut bench = Self {
            sandbox: Sandbox::new(),
            from,
            to,
            runtime,
        };
        let work = bench.work();
        let text = |name: &str| work.join(name).display().to_string();
        bench.sandbox.set("COUNTERSIGN_LEDGER", text("ledger"));
        bench.sandbox.set("COUNTERSIGN_ARCHIVE", text("archive"));
        bench.sandbox.set("COUNTERSIGN_REVIEWER", "reviewer");
        bench.sandbox.set("COUNTERSIGN_POLICY", text("policy.toml"));
        bench.policy("");
        bench
    }

    fn work(&self) -> PathBuf {
        self.sandbox.work().clone()
    }

    /// Writes the policy: nothing has to be signed, and `more` about promotions.
    fn policy(&self, more: &str) {
        let text = format!("[promotion]\nsign = \"optional\"\n{more}\n");
        std::fs::write(self.work().join("policy.toml"), text).expect("a policy");
    }

    /// Writes a report; returns its path.
    fn write(&self, name: &str, report: &Value) -> String {
        let path = self.work().join(name);
        std::fs::write(&path, report.to_string()).expect("a report");
        path.display().to_string()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.sandbox.run(arguments)
    }

    #[track_caller]
    fn document(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[arguments, &["--format", "json"]].concat());
        assert_eq!(output.code, 0, "{arguments:?}: {output:?}");
        valid(&output)
    }

    #[track_caller]
    fn approve(&self, reports: &[&str]) {
        let decision = [
            "--whole-image",
            "--decision",
            "approve",
            "--reason",
            "looked at",
        ];
        self.document(&[&["decide"], reports, &decision].concat());
    }

    fn destination(&self, tag: &str) -> String {
        format!("{}/{SHIP}:{tag}", self.to.host())
    }

    #[track_caller]
    fn plan(&self, source: &str, more: &[&str]) -> Value {
        let destination = self.destination("1");
        self.document(&[&["plan", source, &destination, "--no-sign"], more].concat())
    }

    fn promote(&self, source: &str, tag: &str, digest: &str, more: &[&str]) -> Output {
        let destination = self.destination(tag);
        let own = [
            "promote",
            source,
            &destination,
            "--digest",
            digest,
            "--yes",
            "--no-sign",
        ];
        self.run(&[&own, more].concat())
    }

    #[track_caller]
    fn digest(&self, image: &str) -> String {
        let output = self.run(&["inspect", image, "--format", "digest"]);
        assert_eq!(output.code, 0, "{output:?}");
        output.stdout.trim().to_owned()
    }
}

/// The classes of blockers or warnings.
fn classes(list: &Value) -> Vec<&str> {
    let list = list.as_array().expect("a list");
    list.iter()
        .filter_map(|one| one["class"].as_str())
        .collect()
}

#[test]
fn a_scan_of_an_archive_approves_the_promotion_of_that_archive() {
    let bench = Bench::new();
    let image = Built::new("amd64");
    let file = image.save(&bench.work(), "image.tar");
    let source = format!("docker-archive:{}", file.display());
    let digest = bench.digest(&source);
    for (number, reports) in [
        vec![bench.write("t.json", &image.trivy("image.tar"))],
        vec![bench.write("g.json", &image.grype("image.tar"))],
        vec![
            bench.write("t.json", &image.trivy("image.tar")),
            bench.write("g.json", &image.grype("image.tar")),
        ],
    ]
    .iter()
    .enumerate()
    {
        let reports: Vec<&str> = reports.iter().map(String::as_str).collect();
        let blocked = bench.plan(&source, &reports);
        bench.approve(&reports);
        let plan = bench.plan(&source, &reports);
        assert_eq!(classes(&plan["blockers"]), [""; 0], "{number}: {plan}");
        if number == 0 {
            assert_eq!(classes(&blocked["blockers"]), ["approval"]);
        }
        assert_eq!(plan["digest"], digest);
        assert_eq!(plan["source"], format!("{source}@{digest}"));
        assert_eq!(plan["platform_reviews"][0]["reviewed"], true);
        let tag = format!("v{number}");
        let output = bench.promote(&source, &tag, &digest, &reports);
        assert_eq!(output.code, 0, "{output:?}");
        // The evidence is in the archive now, and the plan's own name for the source works.
        let pinned = plan["source"].as_str().expect("a name");
        let output = bench.promote(pinned, &format!("{tag}-again"), &digest, &[]);
        assert_eq!(output.code, 0, "{output:?}");
    }
    assert_eq!(bench.to.tags(SHIP).len(), 6);
    for (_, named) in bench.to.tags(SHIP) {
        assert_eq!(named.to_string(), digest);
    }
    for layer in &image.layers {
        assert_eq!(
            bench.to.blob(SHIP, &Digest::of(layer)).as_ref(),
            Some(layer)
        );
    }
}

#[test]
fn another_archive_is_refused_and_nothing_is_tagged() {
    let bench = Bench::new();
    let image = Built::new("amd64");
    let report = bench.write("t.json", &image.trivy("image.tar"));
    bench.approve(&[&report]);

    let other = Built::new("arm64").save(&bench.work(), "other.tar");
    let source = format!("docker-archive:{}", other.display());
    let output = bench.promote(&source, "1", &bench.digest(&source), &[&report]);
    assert_eq!(output.code, 5, "{output:?}");
    assert!(output.stderr.contains("no report is about"), "{output:?}");

    // The same configuration, and so the same image ID; but another layer below it.
    let mut forged = Built::new("amd64");
    forged.layers[1] = Built::new("arm64").layers[1].clone();
    let forged = forged.save(&bench.work(), "forged.tar");
    let source = format!("docker-archive:{}", forged.display());
    let output = bench.promote(&source, "1", &bench.digest(&source), &[&report]);
    assert_eq!(output.code, 5, "{output:?}");
    assert!(output.stderr.contains("expected"), "{output:?}");
    assert_eq!(bench.to.tags(SHIP), []);

    // Cut off, it is damaged input.
    let bytes = std::fs::read(&forged).expect("the archive");
    std::fs::write(&forged, &bytes[..bytes.len() / 2]).expect("a file");
    let output = bench.promote(&source, "1", &image.digest().to_string(), &[&report]);
    assert_eq!(output.code, 3, "{output:?}");
    assert!(output.stderr.contains("forged.tar"), "{output:?}");
}
