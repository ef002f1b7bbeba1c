//! The commands of other tools that would do what a plan says.
//!
//! Texts for people who want to check or repeat it; nothing here is ever run.

use std::borrow::Cow;

use crate::model::{ArchiveForm, Digest, Image, Repository};

use super::Request;

/// Returns the equivalent `crane`, `cosign` and `aws` lines, in the order of the steps.
pub(super) fn commands(
    request: &Request,
    digest: &Digest,
    key: Option<&str>,
    archive: Option<&str>,
) -> Vec<String> {
    let repository = &request.destination.repository;
    let copied = quoted(&format!("{repository}@{digest}")).into_owned();
    let mut commands = match &request.source {
        Image::Registry(source) => {
            let source = format!("{}@{digest}", source.repository);
            vec![format!("crane copy {} {copied}", quoted(&source))]
        }
        Image::Layout { directory, .. } => {
            let directory = directory.display().to_string();
            vec![format!("crane push {} {copied}", quoted(&directory))]
        }
        Image::Archive {
            form: ArchiveForm::Oci,
            ..
        } => {
            let source = request.source.to_string();
            let to = format!("docker://{repository}:{}", request.tag());
            vec![format!(
                "skopeo copy --all --preserve-digests {} {}",
                quoted(&source),
                quoted(&to)
            )]
        }
        // Others compress the layers, and so push it under another digest.
        Image::Archive { .. } | Image::Daemon(_) => {
            vec![format!(
                "# no other tool copies {} as {digest}",
                request.source
            )]
        }
    };
    if let Some(key) = key {
        let public = match key.strip_suffix(".key") {
            Some(prefix) => format!("{prefix}.pub"),
            None => key.to_owned(),
        };
        let (key, public) = (quoted(key), quoted(&public));
        commands.push(format!(
            "cosign sign --key {key} --tlog-upload=false {copied}"
        ));
        commands.push(format!(
            "cosign verify --key {public} --insecure-ignore-tlog=true {copied}"
        ));
    }
    if let Some(archive) = archive.filter(|to| to.starts_with("s3://")) {
        commands.push(format!("aws s3 cp --recursive REPORTS {}", quoted(archive)));
    }
    commands.push(format!("crane tag {copied} {}", quoted(request.tag())));
    let tagged = format!("{repository}:{}", request.tag());
    commands.push(format!("crane digest {}", quoted(&tagged)));
    commands.extend(described(repository, request.tag()));
    commands
}

/// Returns the line that asks Amazon ECR what a tag names; none for other registries.
fn described(repository: &Repository, tag: &str) -> Option<String> {
    let (account, rest) = repository.registry.split_once(".dkr.ecr")?;
    let region = rest.trim_start_matches("-fips").strip_prefix('.')?;
    let region = region.split('.').next()?;
    Some(format!(
        "aws ecr describe-images --registry-id {} --region {} --repository-name {} --image-ids {}",
        quoted(account),
        quoted(region),
        quoted(&repository.path),
        quoted(&format!("imageTag={tag}"))
    ))
}

/// Returns `text` as one word of a shell.
fn quoted(text: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("'{}'", text.replace('\'', "'\\''")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ecr_is_asked_what_the_tag_names() {
        let repository = |registry: &str| Repository {
            registry: registry.to_owned(),
            path: "base/caddy".to_owned(),
        };
        assert_eq!(
            described(
                &repository("123456789012.dkr.ecr.eu-west-1.amazonaws.com"),
                "v1"
            )
            .as_deref(),
            Some(
                "aws ecr describe-images --registry-id 123456789012 --region eu-west-1 --repository-name base/caddy --image-ids imageTag=v1"
            )
        );
        assert_eq!(described(&repository("registry.example.org"), "v1"), None);
    }

    #[test]
    fn words_survive_a_shell() {
        for (text, word) in [
            ("a/b:1", "a/b:1"),
            ("two words", "'two words'"),
            ("$(id)", "'$(id)'"),
            ("it's", r"'it'\''s'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(text), word);
        }
    }
}
