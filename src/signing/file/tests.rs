//! Tests of key files.

use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::error::{ErrorKind, Explain as _};
use crate::model::Digest;
use crate::signing::pem::PemBlock;

fn password(text: &str) -> Password {
    Password::new(text.to_owned())
}

/// The PEM text of a locked document with one part replaced.
fn altered(change: impl FnOnce(&mut serde_json::Value)) -> String {
    let pem = locked::lock_with(b"x", &password(""), 15, "ENCRYPTED SIGSTORE PRIVATE KEY").unwrap();
    let mut json = serde_json::from_slice(&PemBlock::read(&pem).unwrap().body).unwrap();
    change(&mut json);
    let body = STANDARD.encode(json.to_string());
    format!(
        "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n{body}\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----"
    )
}

#[test]
fn both_labels_and_all_three_sizes_open() {
    let key = SigningKey::generate().unwrap();
    let inside = key.to_pkcs8().unwrap();
    for (log_n, label, secret) in [
        (15, "ENCRYPTED SIGSTORE PRIVATE KEY", ""),
        (16, "ENCRYPTED COSIGN PRIVATE KEY", "pässwörd"),
        (17, "ENCRYPTED SIGSTORE PRIVATE KEY", "a"),
    ] {
        let pem = locked::lock_with(&inside, &password(secret), log_n, label).unwrap();
        let windows = pem.replace('\n', "\r\n");
        let opened = SigningKey::from_pem(&windows, &password(secret)).unwrap();
        assert_eq!(opened.public_key(), key.public_key());
    }
}

#[test]
fn a_wrong_password_is_one_clear_input_error() {
    let pair = KeyPair::generate(&password("right")).unwrap();
    let error = SigningKey::from_pem(pair.private_pem(), &password("wrong")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the password does not open the private key"
    );
    assert_eq!(error.kind(), ErrorKind::Input);
    assert!(!error.hints().is_empty());
}

#[test]
fn other_sizes_are_refused_before_any_work() {
    let started = Instant::now();
    for (n, r, p) in [
        (1_u64 << 14, 8, 1),
        (1 << 18, 8, 1),
        (1 << 30, 8, 1),
        (u64::MAX, 8, 1),
        (1 << 16, 9, 1),
        (1 << 16, 1 << 20, 1),
        (1 << 16, 8, 2),
        (0, 0, 0),
    ] {
        let body = format!(
            r#"{{"kdf":{{"name":"scrypt","params":{{"N":{n},"r":{r},"p":{p}}},"salt":""}},"cipher":{{"name":"nacl/secretbox","nonce":""}},"ciphertext":""}}"#
        );
        let body = STANDARD.encode(body);
        let pem = format!(
            "-----BEGIN ENCRYPTED COSIGN PRIVATE KEY-----\n{body}\n-----END ENCRYPTED COSIGN PRIVATE KEY-----"
        );
        let error = SigningKey::from_pem(&pem, &password("")).unwrap_err();
        assert!(
            matches!(error, SigningError::UnsupportedParameters { .. }),
            "{error}"
        );
    }
    assert!(
        started.elapsed().as_millis() < 400,
        "eight refusals, 50 ms each at most"
    );
}

#[test]
fn what_is_not_a_private_key_says_what_it_is() {
    let pair = KeyPair::generate(&password("")).unwrap();
    let plain = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----";
    let nonce = altered(|json| json["cipher"]["nonce"] = "AAAA".into());
    let cipher = altered(|json| json["cipher"]["name"] = "aes".into());
    let inside = altered(|_| {});
    for (text, expected) in [
        ("", "no PEM block"),
        ("-----BEGIN X-----", "has no end"),
        ("-----BEGIN X-----\n*\n-----END X-----", "not base64"),
        (
            "-----BEGIN X-----\nAAAA\n-----END X-----",
            "its label is `X`",
        ),
        (plain, "not encrypted"),
        (pair.public_pem(), "it is a public key"),
        (nonce.as_str(), "nonce is not 24 bytes"),
        (cipher.as_str(), "cipher is not nacl/secretbox"),
        (inside.as_str(), "not a cosign private key"),
    ] {
        let error = SigningKey::from_pem(text, &password("")).unwrap_err();
        assert!(error.to_string().contains(expected), "{text}: {error}");
        assert_eq!(error.kind(), ErrorKind::Input);
    }
    let error = PublicKey::from_pem(pair.private_pem()).unwrap_err();
    assert!(error.to_string().contains("it is a private key"), "{error}");
}

#[test]
fn other_algorithms_are_refused_by_name() {
    // `SubjectPublicKeyInfo` with an empty key: the algorithm is looked at first.
    let info = |algorithm: &[u8]| {
        let mut der = vec![0x30, u8::try_from(algorithm.len() + 5).unwrap()];
        der.extend([0x30, u8::try_from(algorithm.len()).unwrap()]);
        der.extend(algorithm);
        der.extend([0x03, 0x01, 0x00]);
        der
    };
    let ec = [0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
    let p384 = [&ec[..], &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22]].concat();
    let rsa = [
        0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
    ];
    for (algorithm, name) in [
        (&p384[..], "ECDSA P-384"),
        (&rsa[..], "RSA"),
        (&[0x06, 0x03, 0x2b, 0x65, 0x70][..], "Ed25519"),
        (&[0x06, 0x03, 0x2b, 0x65, 0x71][..], "1.3.101.113"),
    ] {
        let error = PublicKey::from_der(&info(algorithm)).unwrap_err();
        assert!(error.to_string().contains(name), "{name}: {error}");
        assert_eq!(error.kind(), ErrorKind::Input);
    }
}

#[test]
fn pairs_are_written_whole_or_not_at_all_and_never_over_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let prefix = folder.path().join("release.v1");
    let pair = KeyPair::generate(&password("p")).unwrap();

    let (private, public) = pair.write(&prefix).unwrap();
    assert!(private.ends_with("release.v1.key") && public.ends_with("release.v1.pub"));
    assert_eq!(
        private.metadata().unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert!(!readable_by_others(&private) && readable_by_others(&public));
    let opened = read_private_key(&private, &password("p")).unwrap();
    assert_eq!(*opened.public_key(), read_public_key(&public).unwrap());

    let before = std::fs::read(&private).unwrap();
    let error = pair.write(&prefix).unwrap_err();
    assert!(matches!(error, SigningError::Exists { .. }), "{error}");
    assert_eq!(std::fs::read(&private).unwrap(), before);

    // Only the public file is in the way; a dangling link counts as a file.
    let second = folder.path().join("second");
    std::os::unix::fs::symlink("nowhere", folder.path().join("second.pub")).unwrap();
    assert!(matches!(
        pair.write(&second).unwrap_err(),
        SigningError::Exists { .. }
    ));
    assert!(!folder.path().join("second.key").exists());

    let nowhere = folder.path().join("missing/cosign");
    assert!(matches!(
        pair.write(&nowhere).unwrap_err(),
        SigningError::Write { .. }
    ));
}

#[test]
fn nothing_secret_is_shown() {
    let secret = password("canary");
    let pair = KeyPair::generate(&secret).unwrap();
    let inside = STANDARD.encode(&*pair.key().to_pkcs8().unwrap());
    let signer = crate::signing::Signer::Key(pair.key().clone());
    let shown = format!("{secret:?} {pair:?} {signer:?}");
    assert!(
        !shown.contains("canary") && !shown.contains(&inside),
        "{shown}"
    );
    assert!(shown.contains(pair.key().public_key().fingerprint().hex()));
}

#[test]
fn an_oversized_file_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("big.pub");
    std::fs::write(&path, vec![b'a'; 70_000]).unwrap();
    assert!(
        read_public_key(&path)
            .unwrap_err()
            .to_string()
            .contains("64 KiB")
    );
}

#[test]
fn fingerprint_and_hint_are_of_the_same_bytes() {
    let public = SigningKey::generate().unwrap().public_key().clone();
    let again = PublicKey::from_pem(&public.to_pem().unwrap()).unwrap();
    assert_eq!(public, again);
    let hint = STANDARD.decode(public.hint()).unwrap();
    assert_eq!(Digest::from_sha256(&hint), *public.fingerprint());
}
