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

#[cfg(test)]
mod tests {
    use super::*;

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
