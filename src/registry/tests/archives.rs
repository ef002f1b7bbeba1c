//! Tar archives as a source: those of today and of former years, and hostile ones.

mod daemon;
mod hostile;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::*;
use crate::error::{ErrorKind, Explain as _};
use crate::model::ArchiveForm;

/// One member of a test's archive.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) kind: u8,
    pub(super) link: String,
    pub(super) bytes: Bytes,
    /// What the header says instead of the length.
    pub(super) size: Option<u64>,
}

pub(super) fn file(name: &str, bytes: impl Into<Bytes>) -> Member {
    Member {
        name: name.to_owned(),
        kind: b'0',
        link: String::new(),
        bytes: bytes.into(),
        size: None,
    }
}

pub(super) fn link(kind: u8, name: &str, target: &str) -> Member {
    Member {
        kind,
        link: target.to_owned(),
        ..file(name, Bytes::new())
    }
}

/// Writes an archive (POSIX ustar).
pub(super) fn tar(members: &[Member]) -> Vec<u8> {
    let mut archive = Vec::new();
    for member in members {
        let mut header = [0_u8; 512];
        let mut put = |at: usize, text: &str| {
            header[at..at + text.len()].copy_from_slice(text.as_bytes());
        };
        put(0, &member.name);
        put(100, "0000644\0");
        let size = member.size.unwrap_or(member.bytes.len() as u64);
        put(124, &format!("{size:011o}\0"));
        put(136, "00000000000\0");
        put(148, "        ");
        put(157, &member.link);
        put(257, "ustar\x0000");
        header[156] = member.kind;
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        archive.extend(header);
        archive.extend(&member.bytes[..]);
        archive.resize(archive.len().div_ceil(512) * 512, 0);
    }
    archive.extend([0; 1024]);
    archive
}

pub(super) fn layers() -> [Bytes; 2] {
    [
        tar(&[file("etc/one", noise(1, 3000))]).into(),
        tar(&[file("etc/two", noise(2, 700_000))]).into(),
    ]
}

pub(super) fn configuration(layers: &[Bytes]) -> Bytes {
    let ids: Vec<String> = layers
        .iter()
        .map(|layer| format!("\"{}\"", Digest::of(layer)))
        .collect();
    format!(
        r#"{{"architecture":"amd64","os":"linux","config":{{"User":"app"}},"rootfs":{{"type":"layers","diff_ids":[{}]}}}}"#,
        ids.join(",")
    )
    .into()
}

/// What Docker 1.10 to 24 saved: a folder for each layer, a link where one is used again.
pub(super) fn legacy() -> Vec<Member> {
    let [one, two] = layers();
    let config = configuration(&[one.clone(), two.clone()]);
    let name = format!("{}.json", Digest::of(&config).hex());
    let (first, second) = ("1".repeat(64), "2".repeat(64));
    vec![
        file(&format!("{first}/VERSION"), "1.0"),
        file(&format!("{first}/json"), "{}"),
        file(&format!("{first}/layer.tar"), one),
        file(&format!("{second}/VERSION"), "1.0"),
        file(&format!("{second}/json"), "{}"),
        file("layers/two.tar", two),
        link(b'2', &format!("{second}/layer.tar"), "../layers/two.tar"),
        file(&name, config),
        file(
            "manifest.json",
            format!(
                r#"[{{"Config":"{name}","RepoTags":["app:1","other/app:2"],"Layers":["{first}/layer.tar","{second}/layer.tar"]}}]"#
            ),
        ),
        file("repositories", format!(r#"{{"app":{{"1":"{second}"}}}}"#)),
    ]
}

/// What is in a layout of one image.
pub(super) fn layout() -> (Vec<Member>, Bytes) {
    let [one, two] = layers();
    let config = configuration(&[one.clone(), two.clone()]);
    let manifest = odd_manifest(&config, &[one.clone(), two.clone()]);
    let blob = |bytes: &Bytes| {
        file(
            &format!("blobs/sha256/{}", Digest::of(bytes).hex()),
            bytes.clone(),
        )
    };
    let index = format!(
        r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"{}","size":{},"digest":"{}","annotations":{{"io.containerd.image.name":"docker.io/library/app:1","org.opencontainers.image.ref.name":"1"}}}}]}}"#,
        media_type::OCI_MANIFEST,
        manifest.len(),
        Digest::of(&manifest)
    );
    let members = vec![
        blob(&one),
        blob(&two),
        blob(&config),
        blob(&manifest),
        file("index.json", index),
        file("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#),
    ];
    (members, manifest)
}

/// A file with these bytes, and the folder it is in.
pub(super) fn saved(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("image.tar");
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

pub(super) fn named(form: ArchiveForm, path: &Path, reference: Option<&str>) -> Image {
    Image::Archive {
        form,
        file: path.to_owned(),
        reference: reference.map(str::to_owned),
    }
}

pub(super) async fn open(form: ArchiveForm, bytes: &[u8]) -> Result<Resolved, RegistryError> {
    let (_folder, path) = saved(bytes);
    resolve(&client(), &named(form, &path, None)).await
}

async fn arrives(form: ArchiveForm, bytes: &[u8]) -> (Digest, Bytes) {
    let to = registry().await;
    let resolved = open(form, bytes).await.unwrap();
    let outcome = copy_quietly(
        &resolved.source,
        &resolved.manifest,
        &repository(&to.host(), "b"),
    )
    .await
    .unwrap();
    assert_eq!(outcome.blobs.len(), 3);
    for layer in layers() {
        assert_eq!(to.blob("b", &Digest::of(&layer)).unwrap(), layer);
    }
    let (manifest, kind) = to.manifest("b", &outcome.digest.to_string()).unwrap();
    assert_eq!(&*kind, media_type::OCI_MANIFEST);
    (outcome.digest, manifest)
}

fn packed_gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn packed_zstd(bytes: &[u8]) -> Vec<u8> {
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};
    // A frame to be skipped, and two frames: as parallel programs write them.
    let (one, two) = bytes.split_at(bytes.len() / 2);
    let mut packed = vec![0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4];
    packed.extend(compress_to_vec(one, CompressionLevel::Fastest));
    packed.extend(compress_to_vec(two, CompressionLevel::Fastest));
    packed
}

#[tokio::test]
async fn what_docker_saved_gets_one_manifest_whatever_its_form() {
    let (members, _) = layout();
    let plain = tar(&legacy());
    let (digest, manifest) = arrives(ArchiveForm::Docker, &plain).await;
    let [one, two] = layers();
    let config = configuration(&[one.clone(), two.clone()]);
    let layer = |bytes: &Bytes| {
        format!(
            r#"{{"digest":"{}","mediaType":"application/vnd.oci.image.layer.v1.tar","size":{}}}"#,
            Digest::of(bytes),
            bytes.len()
        )
    };
    let expected = format!(
        r#"{{"config":{{"digest":"{}","mediaType":"{}","size":{}}},"layers":[{},{}],"mediaType":"{}","schemaVersion":2}}"#,
        Digest::of(&config),
        media_type::OCI_CONFIG,
        config.len(),
        layer(&one),
        layer(&two),
        media_type::OCI_MANIFEST
    );
    assert_eq!(manifest, expected);
    // Compressed as a whole, in another order, or beside a layout without layers (Docker 25.0).
    let mut turned = legacy();
    turned.reverse();
    let mut broken = legacy();
    broken.extend(members.into_iter().filter(|it| it.name == "oci-layout"));
    let empty = odd_manifest(&config, &[]);
    broken.push(file(
        &format!("blobs/sha256/{}", Digest::of(&empty).hex()),
        empty.clone(),
    ));
    broken.push(file(
        &format!("blobs/sha256/{}", Digest::of(&config).hex()),
        config.clone(),
    ));
    broken.push(file(
        "index.json",
        format!(
            r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"{}","size":{},"digest":"{}"}}]}}"#,
            media_type::OCI_MANIFEST,
            empty.len(),
            Digest::of(&empty)
        ),
    ));
    for bytes in [
        packed_gzip(&plain),
        packed_zstd(&plain),
        tar(&turned),
        tar(&broken),
    ] {
        assert_eq!(arrives(ArchiveForm::Docker, &bytes).await.0, digest);
    }
}

#[tokio::test]
async fn a_layout_in_an_archive_arrives_byte_for_byte() {
    let (members, manifest) = layout();
    let bytes = tar(&members);
    for form in [ArchiveForm::Oci, ArchiveForm::Docker] {
        assert_eq!(arrives(form, &bytes).await.1, manifest);
    }
    // As `tar -C DIR .` writes it.
    let dotted: Vec<Member> = members
        .into_iter()
        .map(|member| Member {
            name: format!("./{}", member.name),
            ..member
        })
        .collect();
    assert_eq!(arrives(ArchiveForm::Oci, &tar(&dotted)).await.1, manifest);
}

#[tokio::test]
async fn compressed_layers_are_pushed_as_they_are_and_checked_against_their_diff_ids() {
    let to = registry().await;
    for (kind, packed) in [
        ("+gzip", packed_gzip as fn(&[u8]) -> Vec<u8>),
        ("+zstd", packed_zstd),
    ] {
        let layers = layers().map(|layer| Bytes::from(packed(&layer)));
        let config = configuration(&self::layers());
        let list = |config: &str| {
            format!(r#"[{{"Config":"{config}","RepoTags":null,"Layers":["a.tgz","b.tgz"]}}]"#)
        };
        let mut members = vec![
            file("config", config),
            file("a.tgz", layers[0].clone()),
            file("b.tgz", layers[1].clone()),
            file("manifest.json", list("config")),
        ];
        let resolved = open(ArchiveForm::Docker, &tar(&members)).await.unwrap();
        let target = repository(&to.host(), "b");
        copy_quietly(&resolved.source, &resolved.manifest, &target)
            .await
            .unwrap();
        for layer in &layers {
            assert_eq!(to.blob("b", &Digest::of(layer)).unwrap(), layer);
        }
        let text = String::from_utf8(resolved.manifest.bytes.to_vec()).unwrap();
        assert_eq!(text.matches(&format!("layer.v1.tar{kind}\"")).count(), 2);

        // The same configuration over another layer: what was scanned is not what would ship.
        members[1] = file("a.tgz", packed(&noise(9, 4000)));
        let error = open(ArchiveForm::Docker, &tar(&members)).await.unwrap_err();
        assert!(error.to_string().contains("a.tgz"), "{error}");
        assert_eq!(error.kind(), ErrorKind::Refused);
    }
}

#[tokio::test]
async fn another_layer_under_the_same_configuration_is_refused_while_it_is_sent() {
    let mut members = legacy();
    let mut other = members[2].bytes.to_vec();
    other[600] ^= 1;
    members[2].bytes = other.into();
    let resolved = open(ArchiveForm::Docker, &tar(&members)).await.unwrap();
    let to = registry().await;
    let target = repository(&to.host(), "b");
    let error = copy_quietly(&resolved.source, &resolved.manifest, &target)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    assert!(
        writes(&to)
            .iter()
            .all(|write| !write.contains("/manifests/"))
    );
}

#[tokio::test]
async fn images_are_found_by_tag_id_and_digest() {
    let (_folder, path) = saved(&tar(&legacy()));
    let find = async |form, reference: &str| {
        let image = named(form, &path, Some(reference));
        resolve(&client(), &image)
            .await
            .map(|found| found.manifest.digest)
    };
    let digest = find(ArchiveForm::Docker, "app:1").await.unwrap();
    let id = Digest::of(&configuration(&layers()));
    for reference in [
        "docker.io/library/app:1",
        "other/app:2",
        &id.to_string(),
        &digest.to_string(),
    ] {
        assert_eq!(find(ArchiveForm::Docker, reference).await.unwrap(), digest);
    }
    let error = find(ArchiveForm::Docker, "app:2").await.unwrap_err();
    assert!(matches!(error, RegistryError::NotFound { .. }), "{error}");
    let error = find(ArchiveForm::Oci, "app:1")
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("docker-archive:FILE"), "{error}");

    let (members, manifest) = layout();
    let (_folder, path) = saved(&tar(&members));
    for reference in ["1", "app:1", "docker.io/library/app:1"] {
        let image = named(ArchiveForm::Oci, &path, Some(reference));
        let found = resolve(&client(), &image).await.unwrap();
        assert_eq!(found.manifest.digest, Digest::of(&manifest), "{reference}");
    }
}

#[tokio::test]
async fn several_images_are_listed() {
    let config = configuration(&[]);
    let other = Bytes::from(format!("{} ", String::from_utf8_lossy(&config)));
    let members = [
        file("a", config),
        file("b", other),
        file(
            "manifest.json",
            r#"[{"Config":"a","RepoTags":["app:1"],"Layers":[]},{"Config":"b","RepoTags":["app:2"],"Layers":null}]"#,
        ),
    ];
    let bytes = tar(&members);
    let error = open(ArchiveForm::Docker, &bytes).await.unwrap_err();
    assert!(error.to_string().contains("app:1, app:2"), "{error}");
    assert_eq!(error.kind(), ErrorKind::Input);
    let (_folder, path) = saved(&bytes);
    let image = named(ArchiveForm::Docker, &path, Some("app:2"));
    assert!(resolve(&client(), &image).await.is_ok());
}

#[tokio::test]
async fn a_platform_that_was_not_saved_is_named_and_the_others_can_be_chosen() {
    let (mut members, manifest) = layout();
    let absent = Digest::of(b"absent");
    let index = format!(
        r#"{{"schemaVersion":2,"mediaType":"{index}","manifests":[{{"mediaType":"{kind}","size":{},"digest":"{}","platform":{{"os":"linux","architecture":"amd64"}}}},{{"mediaType":"{kind}","size":6,"digest":"{absent}","platform":{{"os":"linux","architecture":"arm64"}}}}]}}"#,
        manifest.len(),
        Digest::of(&manifest),
        index = media_type::OCI_INDEX,
        kind = media_type::OCI_MANIFEST,
    );
    members.retain(|member| member.name != "index.json");
    members.push(file(
        "index.json",
        format!(
            r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"{}","size":{},"digest":"{}"}}]}}"#,
            media_type::OCI_INDEX,
            index.len(),
            Digest::of(index.as_bytes())
        ),
    ));
    members.push(file(
        &format!("blobs/sha256/{}", Digest::of(index.as_bytes()).hex()),
        index,
    ));
    let (_folder, path) = saved(&tar(&members));
    let image = named(ArchiveForm::Docker, &path, None);
    let seen = inspect(&client(), &image, None).await.unwrap();
    assert_eq!(seen.digest, Digest::of(&manifest));
    let present: Vec<bool> = seen.platforms.iter().map(|entry| entry.present).collect();
    assert_eq!(present, [true, false]);
    assert!(
        seen.warnings[0].contains("linux/arm64"),
        "{:?}",
        seen.warnings
    );
}
