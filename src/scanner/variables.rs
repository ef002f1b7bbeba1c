//! Which variables a scanner gets: those it needs for its work, chosen by name.
//!
//! Everything else stays here, above all the passwords and keys that countersign itself is given.

use std::collections::BTreeMap;
use std::path::Path;

use super::tool::Scanner;
use crate::environment::Environment;

/// Variables every scanner gets.
const EVERY: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "TZ",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_STATE_HOME",
    "XDG_RUNTIME_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOMAXPROCS",
    "GOMEMLIMIT",
];

/// Families of variables every scanner gets: locale, docker, the log-in of cloud registries.
const FAMILIES: &[&str] = &["LC_", "DOCKER_", "AWS_", "AZURE_"];

/// Variables of a scanner's own family that would move its output or leave something out of it
/// without a trace in the report. Who wants that says so with the scanner's arguments.
fn withheld(scanner: Scanner) -> &'static [&'static str] {
    match scanner {
        Scanner::Trivy => &[
            "TRIVY_OUTPUT",
            "TRIVY_FORMAT",
            "TRIVY_TEMPLATE",
            "TRIVY_REPORT",
            "TRIVY_COMPLIANCE",
            "TRIVY_EXIT_CODE",
            "TRIVY_EXIT_ON_EOL",
            "TRIVY_INPUT",
            "TRIVY_PLATFORM",
            "TRIVY_SEVERITY",
            "TRIVY_IGNOREFILE",
            "TRIVY_IGNORE_UNFIXED",
            "TRIVY_IGNORE_STATUS",
            "TRIVY_IGNORE_POLICY",
            "TRIVY_GENERATE_DEFAULT_CONFIG",
        ],
        Scanner::Grype => &[
            "GRYPE_OUTPUT",
            "GRYPE_FILE",
            "GRYPE_PLATFORM",
            "GRYPE_FAIL_ON_SEVERITY",
            "GRYPE_ONLY_FIXED",
            "GRYPE_ONLY_NOTFIXED",
            "GRYPE_OUTPUT_TEMPLATE_FILE",
        ],
        Scanner::Syft => &["SYFT_OUTPUT", "SYFT_FILE", "SYFT_PLATFORM"],
    }
}

/// Returns what the scanner's own variables begin with.
fn family(scanner: Scanner) -> &'static str {
    match scanner {
        Scanner::Trivy => "TRIVY_",
        Scanner::Grype => "GRYPE_",
        Scanner::Syft => "SYFT_",
    }
}

/// Returns the environment of a scanner, or of the docker client that runs it: what the person
/// set, a folder for temporary files, and no asking for new versions.
pub(super) fn of(
    scanner: Scanner,
    environment: &Environment,
    temporary: &Path,
    ca_file: Option<&Path>,
) -> BTreeMap<String, String> {
    let own = family(scanner);
    let withheld = withheld(scanner);
    let mut variables: BTreeMap<String, String> = environment
        .variables_with_prefix("")
        .filter(|(name, _)| {
            EVERY.contains(name)
                || FAMILIES.iter().any(|family| name.starts_with(family))
                || (name.starts_with(own) && !withheld.contains(name))
        })
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let mut set = |name: &str, value: String| {
        variables.insert(name.to_owned(), value);
    };
    set("NO_COLOR", "1".to_owned());
    set("TMPDIR", temporary.display().to_string());
    if let Some(ca_file) = ca_file {
        // Programs in Go read this file beside the system's folders of certificates.
        set("SSL_CERT_FILE", ca_file.display().to_string());
    }
    match scanner {
        Scanner::Trivy => set("TRIVY_SKIP_VERSION_CHECK", "true".to_owned()),
        Scanner::Grype => set("GRYPE_CHECK_FOR_APP_UPDATE", "false".to_owned()),
        Scanner::Syft => set("SYFT_CHECK_FOR_APP_UPDATE", "false".to_owned()),
    }
    variables
}

/// Returns the names of those variables that mean something inside of a container.
pub(super) fn inside(
    scanner: Scanner,
    variables: &BTreeMap<String, String>,
) -> impl Iterator<Item = &str> {
    let own = family(scanner);
    // Paths and sockets of this machine mean nothing there.
    let outside = [
        "TRIVY_CACHE_DIR",
        "GRYPE_DB_CACHE_DIR",
        "SYFT_CACHE_DIR",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_CONFIG_FILE",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CA_BUNDLE",
    ];
    variables.keys().map(String::as_str).filter(move |name| {
        let proxy = name.to_ascii_lowercase().ends_with("_proxy");
        let wanted = proxy
            || *name == "NO_COLOR"
            || name.starts_with(own)
            || name.starts_with("AWS_")
            || name.starts_with("AZURE_");
        wanted && !outside.contains(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    #[test]
    fn what_is_needed_goes_out_and_secrets_of_ours_stay() {
        let mut environment = Environment::fixed(DateTime::UNIX_EPOCH, "/home".into());
        let given = [
            "PATH",
            "DOCKER_CONFIG",
            "HTTPS_PROXY",
            "no_proxy",
            "AWS_PROFILE",
            "TRIVY_CACHE_DIR",
            "TRIVY_PASSWORD",
            "LC_ALL",
        ];
        let kept_back = [
            "COSIGN_PASSWORD",
            "COUNTERSIGN_KEY",
            "MY_SIGNING_KEY",
            "GITHUB_TOKEN",
            "LD_PRELOAD",
            "GRYPE_DB_CACHE_DIR",
            "TRIVY_OUTPUT",
            "TRIVY_SEVERITY",
            "TRIVY_FORMAT",
        ];
        for name in given.iter().chain(&kept_back) {
            environment = environment.with_variable(name, "value");
        }
        let variables = of(
            Scanner::Trivy,
            &environment,
            Path::new("/tmp/x"),
            Some(Path::new("/ca.pem")),
        );
        for name in given {
            assert!(variables.contains_key(name), "{name}");
        }
        for name in kept_back {
            assert!(!variables.contains_key(name), "{name}");
        }
        assert_eq!(variables["TMPDIR"], "/tmp/x");
        assert_eq!(variables["SSL_CERT_FILE"], "/ca.pem");
        let inside: Vec<&str> = inside(Scanner::Trivy, &variables).collect();
        assert!(inside.contains(&"TRIVY_PASSWORD") && inside.contains(&"no_proxy"));
        for name in ["PATH", "HOME", "DOCKER_CONFIG", "TRIVY_CACHE_DIR", "TMPDIR"] {
            assert!(!inside.contains(&name), "{name}");
        }
    }
}
