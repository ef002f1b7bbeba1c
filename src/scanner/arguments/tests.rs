//! Command lines of every scanner for every kind of target.
//!
//! That real scanners accept them is held by the integration tests.

use super::*;

const PLATFORM: &str = "linux/arm64";

fn line(scanner: Scanner, program: &Program, target: &Target, extra: &[&str]) -> Vec<String> {
    let extra: Vec<String> = extra.iter().map(ToString::to_string).collect();
    let variables = [
        ("TRIVY_PASSWORD", "hunter2"),
        ("AWS_REGION", "eu-central-1"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    let platform: Platform = PLATFORM.parse().unwrap();
    let parts = Parts {
        scanner,
        program,
        target,
        view: None,
        platform: Some(&platform),
        extra: &extra,
        variables: &variables,
        name: "countersign-x",
    };
    scan(&parts).unwrap().words()
}

fn installed(scanner: Scanner, target: &Target) -> String {
    let program = Program::Installed("/bin/x".into());
    line(scanner, &program, target, &["--one"]).join(" ")
}

#[test]
fn every_transport_has_its_words() {
    let registry = Target::parse("docker://alpine:3.20").unwrap();
    let digest = format!("sha256:{}", "a".repeat(64));
    let known = Target::Registry {
        reference: "alpine:3.20".parse().unwrap(),
        digest: Some(digest.parse().unwrap()),
    };
    let daemon = Target::DockerDaemon("app:1".parse().unwrap());
    let layout = Target::Layout {
        directory: "-dir".into(),
        reference: None,
        chosen: None,
    };
    let docker = Target::DockerArchive("--a.tar".into());
    let oci = Target::OciArchive("a.tar".into());
    let folder = Target::Directory("--help".into());
    let trivy = "--format=json --list-all-pkgs --exit-code=0 --ignorefile=/dev/null --no-progress";
    for (target, words) in [
        (
            &registry,
            format!(
                "/bin/x image {trivy} --platform={PLATFORM} --image-src=remote --one -- docker.io/library/alpine:3.20"
            ),
        ),
        (
            &known,
            format!(
                "/bin/x image {trivy} --platform={PLATFORM} --image-src=remote --one -- docker.io/library/alpine@{digest}"
            ),
        ),
        (
            &daemon,
            format!(
                "/bin/x image {trivy} --platform={PLATFORM} --image-src=docker --one -- docker.io/library/app:1"
            ),
        ),
        (
            &layout,
            format!("/bin/x image {trivy} --platform={PLATFORM} --input=-dir --one"),
        ),
        (
            &docker,
            format!("/bin/x image {trivy} --platform={PLATFORM} --input=--a.tar --one"),
        ),
        (&folder, format!("/bin/x fs {trivy} --one -- --help")),
    ] {
        assert_eq!(installed(Scanner::Trivy, target), words);
    }
    let begin = format!("--platform {PLATFORM} --one --");
    for (target, words) in [
        (
            &registry,
            format!("{begin} registry:docker.io/library/alpine:3.20"),
        ),
        (
            &known,
            format!("{begin} registry:docker.io/library/alpine@{digest}"),
        ),
        (&daemon, format!("{begin} docker:docker.io/library/app:1")),
        (&layout, format!("{begin} oci-dir:-dir")),
        (&docker, format!("{begin} docker-archive:--a.tar")),
        (&oci, format!("{begin} oci-archive:a.tar")),
        (&folder, "--one -- dir:--help".to_owned()),
    ] {
        assert_eq!(
            installed(Scanner::Grype, target),
            format!("/bin/x -o json {words}")
        );
        assert_eq!(
            installed(Scanner::Syft, target),
            format!("/bin/x -o cyclonedx-json {words}")
        );
    }
}

#[test]
fn trivy_cannot_read_an_archive_of_a_layout() {
    let program = Program::Installed("/bin/x".into());
    let target = Target::OciArchive("a.tar".into());
    let parts = Parts {
        scanner: Scanner::Trivy,
        program: &program,
        target: &target,
        view: None,
        platform: None,
        extra: &[],
        variables: &BTreeMap::new(),
        name: "",
    };
    let error = scan(&parts).unwrap_err();
    assert!(matches!(error, ScannerError::Unsupported { .. }), "{error}");
    assert!(error.to_string().contains("oci:DIR"), "{error}");
}

#[test]
fn an_unpacked_system_is_read_as_an_image_is() {
    let folder = tempfile::tempdir().unwrap();
    let target = Target::Directory(folder.path().to_owned());
    assert!(installed(Scanner::Trivy, &target).starts_with("/bin/x fs "));
    std::fs::create_dir(folder.path().join("etc")).unwrap();
    std::fs::write(folder.path().join("etc/os-release"), "ID=debian\n").unwrap();
    assert!(installed(Scanner::Trivy, &target).starts_with("/bin/x rootfs "));
}

#[test]
fn secrets_and_another_output_are_not_passed_on() {
    let check = |scanner, argument: &str| check_extra(scanner, &[argument.to_owned()]);
    for argument in [
        "--password=x",
        "--password",
        "--registry-token=x",
        "-o",
        "-ofile",
        "--output=x",
        "-f",
        "--",
    ] {
        let error = check(Scanner::Trivy, argument).unwrap_err();
        assert!(!error.to_string().contains("=x"), "{error}");
    }
    for argument in ["--skip-db-update", "--timeout", "15m", "--offline-scan"] {
        check(Scanner::Trivy, argument).unwrap();
    }
    // In Grype this is the threshold for the exit code.
    check(Scanner::Grype, "-f").unwrap();
    assert!(check(Scanner::Syft, "-o=spdx-json").is_err());
}

#[test]
fn a_container_gets_names_of_variables_and_paths_to_read() {
    let folder = tempfile::tempdir().unwrap();
    let image: ImageReference = "aquasec/trivy:0.62.1".parse().unwrap();
    let program = Program::Image {
        docker: "/bin/docker".into(),
        image,
    };
    let target = Target::Layout {
        directory: folder.path().to_owned(),
        reference: None,
        chosen: None,
    };
    let words = line(Scanner::Trivy, &program, &target, &[]);
    let all = words.join(" ");
    assert!(
        all.starts_with("/bin/docker run --rm --init --name countersign-x "),
        "{all}"
    );
    assert!(
        all.contains(" --env TRIVY_PASSWORD ") && !all.contains("hunter2"),
        "{all}"
    );
    assert!(all.contains(" --env AWS_REGION "), "{all}");
    let source = folder.path().canonicalize().unwrap();
    let mount = format!(
        "type=bind,source={},target=/countersign/image,readonly",
        source.display()
    );
    assert!(words.contains(&mount), "{all}");
    assert!(
        all.contains("source=countersign-trivy,target=/countersign/cache"),
        "{all}"
    );
    assert!(
        all.contains(" docker.io/aquasec/trivy:0.62.1 image --format=json "),
        "{all}"
    );
    assert!(all.contains("--input=/countersign/image"), "{all}");
    assert!(!all.contains("--network"), "{all}");
    let loopback = Target::parse("127.0.0.1:5000/a:1").unwrap();
    let all = line(Scanner::Trivy, &program, &loopback, &[]).join(" ");
    assert!(all.contains(" --network host "), "{all}");
}

#[test]
fn a_container_is_not_given_a_path_that_docker_would_read_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let hostile = folder.path().join("a,readonly=false,source=/etc");
    std::fs::create_dir_all(&hostile).unwrap();
    assert!(bind(Scanner::Trivy, &hostile, IN_CONTAINER).is_err());
    assert!(bind(Scanner::Trivy, &folder.path().join("nothing"), IN_CONTAINER).is_err());
}
