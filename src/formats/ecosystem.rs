//! One word for an ecosystem, whatever the scanner calls it: purl's where there is one.
//!
//! How names and versions are compared in an ecosystem is `model::package`'s.

use crate::model::Purl;

/// Returns the ecosystem of a package: its purl's type, else that of the scanner's own word.
///
/// `generic` says nothing, so the scanner's word (`binary`) goes first there.
pub(super) fn ecosystem(purl: Option<&Purl>, word: &str) -> String {
    match purl.map(|purl| &*purl.kind) {
        Some(kind) if kind != "generic" => kind.to_owned(),
        Some(_) | None => from_word(word),
    }
}

fn from_word(word: &str) -> String {
    let word = word.to_ascii_lowercase();
    let known = match word.as_str() {
        "alpine" | "wolfi" | "chainguard" | "minimos" | "apk" => "apk",
        "debian" | "ubuntu" | "echo" | "dpkg" | "deb" => "deb",
        "redhat" | "centos" | "rocky" | "alma" | "fedora" | "amazon" | "oracle" | "photon"
        | "cbl-mariner" | "azurelinux" | "bottlerocket" | "coreos" | "slem" | "sles" | "rpm" => {
            "rpm"
        }
        "arch" | "alpm" => "alpm",
        "gobinary" | "gomod" | "go-module" | "golang" | "go" => "golang",
        "node-pkg" | "npm" | "yarn" | "pnpm" | "bun" | "javascript" | "node.js" => "npm",
        "pip" | "pipenv" | "poetry" | "uv" | "pylock" | "python-pkg" | "python" | "pypi" => "pypi",
        "jar" | "pom" | "gradle" | "gradle-lockfile" | "sbt" | "sbt-lockfile" | "java-archive"
        | "jenkins-plugin" | "java" | "maven" => "maven",
        "bundler" | "gemspec" | "rubygems" | "gem" => "gem",
        "cargo" | "rustbinary" | "rust-crate" | "rust" => "cargo",
        "nuget" | "dotnet-core" | "packages-props" | "nuget-config" | "dotnet" | "csharp" => {
            "nuget"
        }
        "composer" | "composer-vendor" | "php-composer" => "composer",
        "conda-pkg" | "conda-environment" | "conda" => "conda",
        "pub" | "dart-pub" => "pub",
        "hex" | "mix" | "mix-lock" => "hex",
        "cocoapods" | "pod" => "cocoapods",
        "github-action" | "github-action-workflow" => "github",
        "kubernetes" => "k8s",
        "binary" => "binary",
        "" | "unknownpackage" | "unknown" => "generic",
        other if other.starts_with("suse") || other.starts_with("opensuse") => "rpm",
        other if other.starts_with("sle") => "rpm",
        other => other,
    };
    known.to_owned()
}

/// Returns the ecosystem of a package of the system, where its version gives it away.
pub(super) fn of_system_version(version: &str) -> Option<&'static str> {
    let number_after = |mark: &str| {
        version
            .split(mark)
            .skip(1)
            .any(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    if version
        .rsplit_once("-r")
        .is_some_and(|(_, number)| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
    {
        Some("apk")
    } else if [".el", ".amzn", ".fc", ".cm", ".azl", ".ph"]
        .into_iter()
        .any(number_after)
    {
        Some("rpm")
    } else if ["+deb", "~deb", "ubuntu", "+b"]
        .into_iter()
        .any(number_after)
    {
        Some("deb")
    } else {
        None
    }
}

/// Returns the ecosystem of a package by the file it was found in, and by its name.
pub(super) fn of_path(path: &str, name: &str) -> &'static str {
    const FILES: [(&str, &str); 24] = [
        ("package.json", "npm"),
        ("package-lock.json", "npm"),
        ("yarn.lock", "npm"),
        ("pnpm-lock.yaml", "npm"),
        ("bun.lock", "npm"),
        ("METADATA", "pypi"),
        ("PKG-INFO", "pypi"),
        ("requirements.txt", "pypi"),
        ("Pipfile.lock", "pypi"),
        ("poetry.lock", "pypi"),
        ("uv.lock", "pypi"),
        ("pom.xml", "maven"),
        (".jar", "maven"),
        (".war", "maven"),
        (".ear", "maven"),
        ("gradle.lockfile", "maven"),
        ("Gemfile.lock", "gem"),
        (".gemspec", "gem"),
        ("Cargo.lock", "cargo"),
        ("composer.lock", "composer"),
        ("installed.json", "composer"),
        (".deps.json", "nuget"),
        ("packages.lock.json", "nuget"),
        ("go.mod", "golang"),
    ];
    let by_file = FILES.into_iter().find(|(end, _)| path.ends_with(end));
    let host = name.split_once('/').map(|(host, _)| host);
    match by_file {
        Some((_, ecosystem)) => ecosystem,
        // What is left is a binary; Go's are those that name their modules.
        None if name == "stdlib" || host.is_some_and(|host| host.contains('.')) => "golang",
        None => "generic",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_paths_give_some_away() {
        for (version, expected) in [
            ("1.1.1d-r0", Some("apk")),
            ("1:4.2-1.el8_6", Some("rpm")),
            ("2.36-9+deb12u4", Some("deb")),
            ("5.1-6ubuntu1", Some("deb")),
            ("6.1.137-1", None),
            ("1.0-rc1", None),
            ("1.0-r", None),
        ] {
            assert_eq!(of_system_version(version), expected, "{version}");
        }
        for (path, name, expected) in [
            ("app/node_modules/qs/package.json", "qs", "npm"),
            ("opt/a.dist-info/METADATA", "a", "pypi"),
            ("app.jar", "org.a:b", "maven"),
            ("bin/esbuild", "stdlib", "golang"),
            ("bin/web", "golang.org/x/net", "golang"),
            ("bin/tool", "ring", "generic"),
        ] {
            assert_eq!(of_path(path, name), expected, "{path}");
        }
    }

    #[test]
    fn both_scanners_words_meet() {
        for (words, expected) in [
            (["gobinary", "go-module"], "golang"),
            (["node-pkg", "npm"], "npm"),
            (["python-pkg", "python"], "pypi"),
            (["jar", "java-archive"], "maven"),
            (["debian", "deb"], "deb"),
            (["suse linux enterprise server", "rpm"], "rpm"),
            (["gemspec", "gem"], "gem"),
        ] {
            for word in words {
                assert_eq!(ecosystem(None, word), expected, "{word}");
            }
        }
        let generic: Purl = "pkg:generic/python@3.12".parse().unwrap();
        assert_eq!(ecosystem(Some(&generic), "binary"), "binary");
        let deb: Purl = "pkg:deb/debian/bash@5".parse().unwrap();
        assert_eq!(ecosystem(Some(&deb), "pip"), "deb");
    }
}
