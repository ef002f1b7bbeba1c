//! The host names of Amazon ECR in every partition, and the addresses of its own interface.
//!
//! Account and region come from the name alone: variables of the environment may mean another
//! region than the one an image is in.

/// The domains private registries are in; `.` before them is not written. The second is that of
/// the interface where the two differ.
const DOMAINS: [(&str, &str); 9] = [
    ("amazonaws.com", "amazonaws.com"),
    ("amazonaws.com.cn", "amazonaws.com.cn"),
    ("amazonaws.eu", "amazonaws.eu"),
    ("c2s.ic.gov", "c2s.ic.gov"),
    ("sc2s.sgov.gov", "sc2s.sgov.gov"),
    ("cloud.adc-e.uk", "cloud.adc-e.uk"),
    ("csp.hci.ic.gov", "csp.hci.ic.gov"),
    // Dual-stack names.
    ("on.aws", "api.aws"),
    (
        "on.amazonwebservices.com.cn",
        "api.amazonwebservices.com.cn",
    ),
];

/// The hosts of the public registry; its interface is in one region.
const PUBLIC: [&str; 2] = ["public.ecr.aws", "ecr-public.aws.com"];

/// A registry of Amazon ECR, recognised by its host name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EcrHost {
    /// The account's number; none for the public registry.
    pub account: Option<String>,
    /// The region.
    pub region: String,
    /// The host of the interface beside the distribution API.
    pub api: String,
}

impl EcrHost {
    /// Returns the registry that a host name means; none where it is no registry of ECR.
    #[must_use]
    pub fn of(registry: &str) -> Option<Self> {
        let name = registry.strip_suffix(":443").unwrap_or(registry);
        if PUBLIC.contains(&name) {
            return Some(Self {
                account: None,
                region: "us-east-1".to_owned(),
                api: "api.ecr-public.us-east-1.amazonaws.com".to_owned(),
            });
        }
        let (account, rest) = name.split_once('.')?;
        if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let (is_dual, rest) = match (rest.strip_prefix("dkr.ecr"), rest.strip_prefix("dkr-ecr")) {
            (Some(rest), _) => (false, rest),
            (_, Some(rest)) => (true, rest),
            _ => return None,
        };
        let (fips, rest) = match rest.strip_prefix("-fips") {
            Some(rest) => ("-fips", rest),
            None => ("", rest),
        };
        let (region, domain) = rest.strip_prefix('.')?.split_once('.')?;
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if region.is_empty() || !region.bytes().all(plain) {
            return None;
        }
        let (known, api) = DOMAINS.iter().find(|(known, _)| *known == domain)?;
        if is_dual != known.starts_with("on.") {
            return None;
        }
        let first = if is_dual { "ecr" } else { "api.ecr" };
        Some(Self {
            account: Some(account.to_owned()),
            region: region.to_owned(),
            api: format!("{first}{fips}.{region}.{api}"),
        })
    }

    /// Returns whether it is the public registry.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.account.is_none()
    }

    /// The name of the service in signatures and permissions.
    #[must_use]
    pub fn service(&self) -> &'static str {
        if self.is_public() {
            "ecr-public"
        } else {
            "ecr"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The addresses are those that AWS publishes as tests of its endpoint rules.
    #[test]
    fn every_partition_is_known_with_its_interface() {
        for (registry, region, api) in [
            (
                "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
                "eu-west-1",
                "api.ecr.eu-west-1.amazonaws.com",
            ),
            (
                "123456789012.dkr.ecr-fips.us-east-1.amazonaws.com",
                "us-east-1",
                "api.ecr-fips.us-east-1.amazonaws.com",
            ),
            (
                "123456789012.dkr-ecr.us-east-1.on.aws",
                "us-east-1",
                "ecr.us-east-1.api.aws",
            ),
            (
                "123456789012.dkr-ecr-fips.us-gov-west-1.on.aws",
                "us-gov-west-1",
                "ecr-fips.us-gov-west-1.api.aws",
            ),
            (
                "123456789012.dkr.ecr.us-gov-west-1.amazonaws.com",
                "us-gov-west-1",
                "api.ecr.us-gov-west-1.amazonaws.com",
            ),
            (
                "123456789012.dkr.ecr.cn-northwest-1.amazonaws.com.cn",
                "cn-northwest-1",
                "api.ecr.cn-northwest-1.amazonaws.com.cn",
            ),
            (
                "123456789012.dkr-ecr.cn-northwest-1.on.amazonwebservices.com.cn",
                "cn-northwest-1",
                "ecr.cn-northwest-1.api.amazonwebservices.com.cn",
            ),
            (
                "123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu",
                "eusc-de-east-1",
                "api.ecr.eusc-de-east-1.amazonaws.eu",
            ),
            (
                "123456789012.dkr.ecr.us-iso-east-1.c2s.ic.gov",
                "us-iso-east-1",
                "api.ecr.us-iso-east-1.c2s.ic.gov",
            ),
            (
                "123456789012.dkr.ecr.us-isob-east-1.sc2s.sgov.gov",
                "us-isob-east-1",
                "api.ecr.us-isob-east-1.sc2s.sgov.gov",
            ),
            (
                "123456789012.dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk",
                "eu-isoe-west-1",
                "api.ecr.eu-isoe-west-1.cloud.adc-e.uk",
            ),
            (
                "123456789012.dkr.ecr.us-isof-south-1.csp.hci.ic.gov",
                "us-isof-south-1",
                "api.ecr.us-isof-south-1.csp.hci.ic.gov",
            ),
        ] {
            let host = EcrHost::of(registry).unwrap_or_else(|| panic!("{registry}"));
            assert_eq!(host.account.as_deref(), Some("123456789012"));
            assert_eq!((&*host.region, &*host.api), (region, api), "{registry}");
            assert_eq!(host.service(), "ecr");
        }
        for registry in ["public.ecr.aws", "ecr-public.aws.com"] {
            let host = EcrHost::of(registry).unwrap();
            assert!(host.is_public());
            assert_eq!(host.api, "api.ecr-public.us-east-1.amazonaws.com");
        }
    }

    /// A name that only looks like one must never be sent a log-in of AWS.
    #[test]
    fn no_other_host_is_taken_for_it() {
        for registry in [
            "docker.io",
            "12345678901.dkr.ecr.eu-west-1.amazonaws.com",
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.example",
            "123456789012.dkr.ecr.eu-west-1.evil.example",
            "123456789012.dkr.ecr.amazonaws.com",
            "123456789012.dkr.ecr.EU.amazonaws.com",
            "123456789012.dkr.ecr.a/b.amazonaws.com",
            "123456789012.dkr-ecr.eu-west-1.amazonaws.com",
            "123456789012.dkr.ecr.eu-west-1.on.aws",
            "123456789012.dkr.ecrx.eu-west-1.amazonaws.com",
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com:5000",
            "a.public.ecr.aws",
            "public.ecr.aws.evil.example",
        ] {
            assert_eq!(EcrHost::of(registry), None, "{registry}");
        }
    }
}
