//! Archives that somebody made to do harm: refused by name and place, and never read further.

use super::*;

/// A record of a pax header.
fn record(key: &str, value: &str) -> String {
    let rest = format!(" {key}={value}\n");
    let length = (1..999).find(|length: &usize| length.to_string().len() + rest.len() == *length);
    format!("{}{rest}", length.unwrap())
}

async fn refused(bytes: &[u8], words: &[&str]) {
    for form in [ArchiveForm::Docker, ArchiveForm::Oci] {
        let error = open(form, bytes).await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains("image.tar"), "{text}");
        for word in words {
            assert!(text.contains(word), "{text} should say {word}");
        }
        assert_eq!(error.kind(), ErrorKind::Input, "{text}");
    }
}

#[tokio::test]
async fn names_links_and_kinds_that_do_harm_are_refused_by_name_and_place() {
    let inner = || file("a", "x");
    for (member, words) in [
        (
            file("../a", "x"),
            ["`../a`", "leads out of it", "byte 1024"],
        ),
        (file("b/../../a", "x"), ["`b/../../a`", "leads out", "1024"]),
        (
            file("/etc/passwd", "x"),
            ["`/etc/passwd`", "leads out", "1024"],
        ),
        (file("./a", "x"), ["`a`", "twice", "byte 1024"]),
        (
            link(b'2', "l", "/etc/passwd"),
            ["/etc/passwd", "leads out", "1024"],
        ),
        (
            link(b'2', "d/l", "../../a"),
            ["../../a", "leads out", "1024"],
        ),
        (link(b'1', "l", "../a"), ["../a", "leads out", "1024"]),
        (link(b'3', "dev", ""), ["`dev`", "device", "byte 1024"]),
        (link(b'6', "pipe", ""), ["`pipe`", "pipe", "byte 1024"]),
        (link(b'S', "holes", ""), ["`holes`", "sparse", "byte 1024"]),
        (
            link(b'Z', "odd", ""),
            ["`odd`", "unknown kind", "byte 1024"],
        ),
    ] {
        refused(&tar(&[inner(), member]), &words).await;
    }
    let sparse = record("GNU.sparse.major", "1");
    let header = |kind, text: String| Member {
        kind,
        ..file("PaxHeaders/a", text)
    };
    refused(&tar(&[header(b'x', sparse), inner()]), &["sparse"]).await;
    let out = record("path", "../../etc/cron.d/a");
    refused(
        &tar(&[header(b'x', out), inner()]),
        &["cron.d", "leads out"],
    )
    .await;
    let all = record("path", "manifest.json");
    refused(&tar(&[header(b'g', all), inner()]), &["every member"]).await;
    let long = Member {
        kind: b'L',
        ..file("././@LongLink", "../".repeat(60))
    };
    refused(&tar(&[long, inner()]), &["leads out"]).await;
    for text in [
        "9",
        "99999999999999999999 path=a\n",
        "0 path=a\n",
        "8 path\n",
    ] {
        let damaged = header(b'x', text.to_owned());
        refused(&tar(&[damaged, inner()]), &["extended header is damaged"]).await;
    }
}

#[tokio::test]
async fn sizes_and_ends_that_lie_are_refused() {
    let whole = tar(&legacy());
    // Every header and every member cut: an error each time, never another image.
    let places = (0..8192)
        .step_by(509)
        .chain((8192..whole.len() - 1024).step_by(90_001));
    for length in places {
        let form = ArchiveForm::Docker;
        let error = open(form, &whole[..length]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input, "{length}: {error}");
    }
    refused(&whole[..whole.len() - 1024], &["cut off", "end mark"]).await;
    let huge = Member {
        size: Some(0o77_777_777_777),
        ..file("manifest.json", "[]")
    };
    refused(&tar(&[huge]), &["manifest.json", "cut off", "8589934591"]).await;
    let mut binary = tar(&[file("a", "x")]);
    binary[124..136].copy_from_slice(&[0xff; 12]);
    let sum: u32 = binary[..148]
        .iter()
        .chain(&[b' '; 8])
        .chain(&binary[156..512])
        .map(|byte| u32::from(*byte))
        .sum();
    binary[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    refused(&binary, &["`a`", "no number"]).await;
    let mut damaged = tar(&[file("a", "x"), file("b", "y")]);
    damaged[1024] = b'z';
    refused(&damaged, &["header is damaged", "byte 1024"]).await;
    refused(&[b'n'; 2048], &["no tar archive"]).await;
    refused(b"", &["cut off"]).await;
    let extension = Member {
        kind: b'x',
        ..file("PaxHeaders/a", vec![b'x'; 100 << 10])
    };
    refused(&tar(&[extension]), &["extended by more than"]).await;
    let many: Vec<Member> = (0..17_000).map(|n| file(&n.to_string(), "")).collect();
    refused(&tar(&many), &["more than 16384 members"]).await;
}

#[tokio::test]
async fn documents_that_lie_are_refused() {
    let config = configuration(&layers());
    let list = |text: &str| file("manifest.json", text.to_owned());
    let both = r#"[{"Config":"c","RepoTags":null,"Layers":["a","b"]}]"#;
    let [one, two] = layers();
    let layer = |name: &str, bytes: &Bytes| file(name, bytes.clone());
    for (members, words) in [
        (vec![list("[]")], "lists no image"),
        (vec![list("[{")], "`manifest.json`"),
        (vec![list("{}")], "`manifest.json`"),
        (vec![list(both)], "`c` is not in it"),
        (vec![list(both), file("c", "[]")], "`c`"),
        (
            vec![list(both), file("c", r#"{"rootfs":{}}"#)],
            "lists 2 layers and `c` has 0",
        ),
        (
            vec![list(both), file("c", config.clone()), layer("a", &one)],
            "`b`",
        ),
        (
            vec![
                list(both),
                file("c", config.clone()),
                layer("a", &one),
                link(b'2', "b", "x"),
            ],
            "link to `x`",
        ),
        (
            vec![
                list(both),
                file("c", config.clone()),
                layer("a", &one),
                link(b'2', "b", "d"),
                link(b'2', "d", "b"),
            ],
            "circle",
        ),
        (
            vec![
                list(both),
                file("c", vec![b' '; 9 << 20]),
                layer("a", &one),
                layer("b", &two),
            ],
            "larger than",
        ),
        (
            vec![
                list(both),
                file("c", config.clone()),
                layer("a", &one),
                file("b", &b"\xfd7zXZ\0"[..]),
            ],
            "xz",
        ),
        (
            vec![
                list(both),
                file("c", config.clone()),
                layer("a", &one),
                file("b", &b"\x1f\x8bnothing"[..]),
            ],
            "layer `b`",
        ),
        (vec![file("repositories", "{}")], "before 1.10"),
        (vec![file("etc/passwd", "")], "no image"),
    ] {
        let error = open(ArchiveForm::Docker, &tar(&members)).await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains(words), "{text} should say {words}");
        assert_eq!(error.kind(), ErrorKind::Input, "{text}");
    }
}

#[tokio::test]
async fn what_cannot_be_an_archive_is_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    for path in [
        folder.path().to_owned(),
        PathBuf::from("/dev/null"),
        folder.path().join("no"),
    ] {
        let image = named(ArchiveForm::Docker, &path, None);
        let error = resolve(&client(), &image).await.unwrap_err();
        assert!(matches!(error, RegistryError::Archive { .. }), "{error}");
    }
    refused(b"BZh91AY&SY", &["bzip2", "decompress it first"]).await;
    refused(b"\x1f\x8b\x08\x00nothing", &["gzip", "damaged"]).await;
    refused(b"\x28\xb5\x2f\xfdnothing", &["Zstandard", "damaged"]).await;
}
