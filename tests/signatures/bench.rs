//! An image in a loopback registry, and what a test does with it.
//!
//! No test stands here.

use std::collections::BTreeMap;

use bytes::Bytes;
use countersign::demo::registry::{Registry, RegistryOptions};
use countersign::model::oci::{Descriptor, Manifest, ManifestKind, RawManifest, media_type};
use countersign::model::{Digest, Repository};
use countersign::registry::{Client, ClientOptions};
use countersign::signatures::{
    Fate, Layout, SignOptions, SignOutcome, Stored, TreeNode, Verification, VerifyOptions, sign,
    tree, verify,
};
use countersign::signing::{PublicKey, Signer, SigningKey};
use serde_json::{Value, json};

/// An image in a repository of its own.
pub(crate) struct Bench {
    pub(crate) client: Client,
    pub(crate) repository: Repository,
    pub(crate) image: RawManifest,
}

impl Bench {
    pub(crate) async fn new(host: &str, path: &str) -> Self {
        let client = Client::new(&ClientOptions::default()).expect("a client can be made");
        let repository = Repository {
            registry: host.to_owned(),
            path: path.to_owned(),
        };
        let empty = RawManifest::new(Bytes::new(), String::new());
        let mut bench = Self {
            client,
            repository,
            image: empty,
        };
        bench.image = bench.push_image("image").await;
        bench
    }

    /// Stores an image whose one layer is `content`.
    pub(crate) async fn push_image(&self, content: &str) -> RawManifest {
        let config = json!({"architecture": "amd64", "os": "linux", "config": {},
            "rootfs": {"type": "layers", "diff_ids": [Digest::of(content.as_bytes())]}});
        let config = self.put(config.to_string(), media_type::OCI_CONFIG).await;
        let layer_type = "application/vnd.oci.image.layer.v1.tar";
        let layer = self.put(content.to_owned(), layer_type).await;
        let manifest = json!({"schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST,
            "config": config, "layers": [layer]});
        self.put_manifest(&manifest, None).await
    }

    pub(crate) async fn put(&self, content: impl Into<Bytes>, media_type: &str) -> Descriptor {
        let stored = self.client.put_blob(&self.repository, content.into()).await;
        Descriptor {
            media_type: media_type.to_owned(),
            ..stored.expect("the blob can be stored")
        }
    }

    /// Stores a manifest under a tag or its digest.
    pub(crate) async fn put_manifest(&self, document: &Value, tag: Option<&str>) -> RawManifest {
        let media_type = document["mediaType"].as_str().expect("it has a type");
        let raw = RawManifest::new(document.to_string().into(), media_type.to_owned());
        let digest = raw.digest.to_string();
        self.client
            .put_manifest(&self.repository, tag.unwrap_or(&digest), &raw)
            .await
            .expect("the manifest can be stored");
        raw
    }

    pub(crate) fn name(&self) -> String {
        format!("{}@{}", self.repository, self.image.digest)
    }

    pub(super) fn signature_tag(&self) -> String {
        format!("sha256-{}.sig", self.image.digest.hex())
    }

    pub(super) async fn signature_manifest(&self) -> RawManifest {
        self.client
            .manifest(&self.repository, &self.signature_tag())
            .await
            .expect("the signature is there")
    }

    /// Returns the only layer of a manifest with its bytes.
    pub(crate) async fn only_blob(&self, manifest: &Digest) -> (Descriptor, Bytes) {
        let reference = manifest.to_string();
        let raw = self.client.manifest(&self.repository, &reference).await;
        let view = raw.expect("it is there").parse().expect("it is a manifest");
        let ManifestKind::Manifest(Manifest { layers, .. }) = view else {
            panic!("it is an image manifest");
        };
        let [layer] = <[Descriptor; 1]>::try_from(layers).expect("it has one layer");
        let bytes = self.client.blob(&self.repository, &layer, 10_000).await;
        (layer, bytes.expect("it is there"))
    }

    #[expect(clippy::unused_self, reason = "reads better where it is used")]
    pub(crate) fn options(&self) -> SignOptions {
        SignOptions {
            annotations: BTreeMap::new(),
            created: "2026-03-01T12:00:00Z".parse().expect("it is a time"),
            layout: Layout::Both,
        }
    }

    pub(crate) async fn sign(&self, signer: &Signer) -> SignOutcome {
        let subject = self.image.descriptor();
        sign(
            &self.client,
            &self.repository,
            &subject,
            signer,
            &self.options(),
        )
        .await
        .expect("the image can be signed")
    }

    pub(crate) async fn verify(&self, keys: &[PublicKey]) -> Verification {
        self.verify_image(&self.image.digest, keys).await
    }

    pub(crate) async fn verify_image(&self, image: &Digest, keys: &[PublicKey]) -> Verification {
        self.verify_with(image, keys, false).await
    }

    pub(super) async fn verify_with(
        &self,
        image: &Digest,
        keys: &[PublicKey],
        strict: bool,
    ) -> Verification {
        let now = "2026-03-02T12:00:00Z".parse().expect("it is a time");
        let options = VerifyOptions {
            keys,
            keyless: None,
            archive: None,
            strict,
            now,
        };
        verify(&self.client, &self.repository, image, &options)
            .await
            .expect("the registry answers")
    }

    pub(super) async fn tree(&self, keys: &[PublicKey]) -> TreeNode {
        let options = VerifyOptions {
            keys,
            keyless: None,
            archive: None,
            strict: false,
            now: self.options().created,
        };
        tree(&self.client, &self.repository, &self.image.digest, &options)
            .await
            .expect("the registry answers")
            .root
    }
}

/// Puts layers behind one of cosign's tags.
pub(crate) async fn put_companion(
    bench: &Bench,
    ending: &str,
    kind: &str,
    layers: Vec<(Vec<u8>, BTreeMap<String, String>)>,
) {
    let config = bench.put("{}", media_type::OCI_CONFIG).await;
    let mut listed = Vec::new();
    for (content, annotations) in layers {
        let mut layer = json!(bench.put(content, kind).await);
        layer["annotations"] = json!(annotations);
        listed.push(layer);
    }
    let manifest = json!({"schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST,
        "config": config, "layers": listed});
    let tag = format!("sha256-{}.{ending}", bench.image.digest.hex());
    bench.put_manifest(&manifest, Some(&tag)).await;
}

/// The JSON text of a statement about one image.
pub(crate) fn statement(image: &Digest, kind: &str, predicate: &Value) -> Vec<u8> {
    json!({"_type": "https://in-toto.io/Statement/v1", "predicateType": kind,
        "subject": [{"digest": {"sha256": image.hex()}}], "predicate": predicate})
    .to_string()
    .into_bytes()
}

/// Stores a bundle as a referrer of `subject`.
pub(crate) async fn attach_bundle(
    bench: &Bench,
    subject: &RawManifest,
    bundle: Vec<u8>,
    kind: &str,
) -> RawManifest {
    let config = bench.put("{}", media_type::EMPTY).await;
    let layer = bench.put(bundle, media_type::BUNDLE).await;
    let manifest = json!({"schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST,
        "artifactType": media_type::BUNDLE, "config": config, "layers": [layer],
        "subject": subject.descriptor(), "annotations": {"dev.sigstore.bundle.predicateType": kind}});
    let media_type = media_type::OCI_MANIFEST.to_owned();
    let raw = RawManifest::new(manifest.to_string().into(), media_type);
    let warnings = bench
        .client
        .put_referrer(&bench.repository, &subject.digest, &raw)
        .await
        .expect("the bundle can be attached");
    assert_eq!(warnings, Vec::<String>::new());
    raw
}

pub(super) fn signer() -> (Signer, PublicKey) {
    let key = SigningKey::generate().expect("a key can be made");
    let public = key.public_key().clone();
    (Signer::Key(key), public)
}

/// Starts a registry without the referrers API.
pub(super) async fn bench(path: &str) -> (Registry, Bench) {
    bench_with(path, RegistryOptions::default()).await
}

pub(crate) async fn bench_with(path: &str, options: RegistryOptions) -> (Registry, Bench) {
    let registry = Registry::start(options)
        .await
        .expect("a loopback port is free");
    let bench = Bench::new(&registry.host(), path).await;
    (registry, bench)
}

/// Starts two registries: one without the referrers API, one with it.
pub(crate) async fn benches(path: &str) -> Vec<(Registry, Bench)> {
    let with_api = RegistryOptions {
        referrers: true,
        ..RegistryOptions::default()
    };
    vec![bench(path).await, bench_with(path, with_api).await]
}

pub(super) fn reasons(found: &Verification) -> String {
    let all = found.signatures.iter().chain(&found.attestations);
    all.filter_map(|signature| signature.reason.clone())
        .collect::<Vec<_>>()
        .join("\n")
}

/// What became of the bundle, and of the layer behind the tag.
pub(crate) fn fates(outcome: &SignOutcome) -> (Option<Fate>, Option<Fate>) {
    let fate = |stored: &Option<Stored>| stored.as_ref().map(|stored| stored.fate);
    (fate(&outcome.bundle), fate(&outcome.legacy))
}

/// The digests of what holds the bundle, and the layers behind the tag.
pub(crate) fn places(outcome: &SignOutcome) -> (Digest, Digest) {
    let place = |stored: &Option<Stored>| stored.clone().expect("it was written").digest;
    (place(&outcome.bundle), place(&outcome.legacy))
}
