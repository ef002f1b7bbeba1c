//! Addresses of keys in KMS, in the forms that cosign takes.
//!
//! Syntax alone: whether there is such a key is for KMS to say.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// An address `awskms://[HOST[:PORT]]/ID`, with a key's id, alias or ARN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KmsLocation {
    host: String,
    id: String,
}

/// The text is no address of a key in KMS.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no key in KMS: {detail}")]
pub struct ParseKmsError {
    /// The text as it was given.
    pub text: String,
    /// What is wrong with it.
    pub detail: &'static str,
}

impl FromStr for KmsLocation {
    type Err = ParseKmsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = |detail| ParseKmsError {
            text: text.chars().take(300).collect(),
            detail,
        };
        let rest = text
            .strip_prefix("awskms://")
            .ok_or_else(|| wrong("it does not begin with awskms://"))?;
        let (host, id) = rest
            .split_once('/')
            .ok_or_else(|| wrong("after the host a slash and the key are missing"))?;
        let in_host = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
        if host.len() > 260 || !host.chars().all(in_host) {
            return Err(wrong("its host is no host name with an optional port"));
        }
        if !is_id(id) {
            return Err(wrong(
                "it names neither a key id, nor alias/NAME, nor the ARN of a key or an alias",
            ));
        }
        Ok(Self {
            host: host.to_owned(),
            id: id.to_owned(),
        })
    }
}

impl fmt::Display for KmsLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "awskms://{}/{}", self.host, self.id)
    }
}

impl KmsLocation {
    /// Returns the key's id, alias or ARN, as KMS takes it.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the region that an ARN names.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        self.id.starts_with("arn:").then_some(())?;
        self.id.split(':').nth(3)
    }

    /// Returns the address of a host that was named: plain HTTP on a loopback address, else HTTPS.
    #[must_use]
    pub fn endpoint(&self) -> Option<String> {
        if self.host.is_empty() {
            return None;
        }
        let scheme = if is_loopback(&self.host) {
            "http"
        } else {
            "https"
        };
        Some(format!("{scheme}://{}", self.host))
    }
}

fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Forms: AWS KMS Developer Guide, "Key identifiers".
fn is_id(text: &str) -> bool {
    if let Some(rest) = text.strip_prefix("arn:") {
        let parts: Vec<&str> = rest.splitn(5, ':').collect();
        let [partition, "kms", region, account, resource] = parts.as_slice() else {
            return false;
        };
        let word = |text: &str| {
            let plain =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            !text.is_empty() && text.len() <= 40 && text.bytes().all(plain)
        };
        let resource = match resource.strip_prefix("key/") {
            Some(key) => is_key(key),
            None => is_alias(resource),
        };
        let digits = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        return word(partition) && word(region) && digits && resource;
    }
    is_alias(text) || is_key(text)
}

fn is_alias(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/_-".contains(&byte);
    text.strip_prefix("alias/")
        .is_some_and(|name| !name.is_empty() && name.len() <= 250 && name.bytes().all(plain))
}

/// A UUID, or the id of a multi-Region key: `mrk-` and 32 hexadecimal digits.
fn is_key(text: &str) -> bool {
    let hex = |text: &str, length: usize| {
        text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    if let Some(digits) = text.strip_prefix("mrk-") {
        return hex(digits, 32);
    }
    let parts: Vec<&str> = text.split('-').collect();
    let lengths = [8, 4, 4, 4, 12];
    parts.len() == lengths.len()
        && parts
            .iter()
            .zip(lengths)
            .all(|(part, length)| hex(part, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";

    #[test]
    fn every_documented_form_is_read() {
        let arn = format!("arn:aws:kms:us-east-2:111122223333:key/{ID}");
        let alias = "arn:aws:kms:us-east-2:111122223333:alias/Example";
        for id in [ID, &arn, "alias/Example", alias] {
            let region = id.starts_with("arn:").then_some("us-east-2");
            let plain: KmsLocation = format!("awskms:///{id}").parse().unwrap();
            assert_eq!((plain.id(), plain.region()), (id, region));
            assert_eq!(plain.endpoint(), None);
            let hosted: KmsLocation = format!("awskms://localhost:4566/{id}").parse().unwrap();
            assert_eq!((hosted.id(), hosted.region()), (id, region));
            assert_eq!(hosted.endpoint().as_deref(), Some("http://localhost:4566"));
            assert_eq!(hosted.to_string(), format!("awskms://localhost:4566/{id}"));
        }
        let multi =
            "arn:aws-cn:kms:cn-north-1:111122223333:key/mrk-0123456789abcdef0123456789abcdef";
        let multi: KmsLocation = format!("awskms:///{multi}").parse().unwrap();
        assert_eq!(multi.region(), Some("cn-north-1"));
    }

    #[test]
    fn only_loopback_is_spoken_to_without_tls() {
        for (host, scheme) in [
            ("127.0.0.1:8080", "http"),
            ("[::1]:8080", "http"),
            ("localhost", "http"),
            ("vpce-1.kms.eu-central-1.vpce.amazonaws.com", "https"),
            ("localhost.example.org", "https"),
            ("127.0.0.1.example.org", "https"),
        ] {
            let location: KmsLocation = format!("awskms://{host}/alias/a").parse().unwrap();
            assert_eq!(location.endpoint(), Some(format!("{scheme}://{host}")));
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "awskms:",
            "awskms://",
            "awskms:///",
            "awskms://alias/",
            "awskms:///alias/",
            "awskms:///alias/two words",
            "awskms:///1234abcd",
            "awskms:///1234abcd-12ab-34cd-56ef-1234567890ag",
            "awskms:///arn:aws:s3:us-east-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
            "awskms:///arn:aws:kms::111122223333:alias/a",
            "awskms:///arn:aws:kms:us-east-2:1111:alias/a",
            "awskms:///arn:aws:kms:us-east-2:111122223333:alias",
            "awskms://user@host/alias/a",
            "awskms://host?x/alias/a",
            "gcpkms://projects/p",
            "awskms:///mrk-0123",
        ] {
            assert!(text.parse::<KmsLocation>().is_err(), "{text}");
        }
    }
}
