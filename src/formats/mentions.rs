//! Ids of advisories named in references.
//!
//! A reference is a hint: whether two records are the same is not decided here.

use super::json::Text;
use crate::model::VulnerabilityId;

/// Schemes that name one vulnerability of one package. A distribution's bundle is not among them.
const SCHEMES: [&str; 4] = ["GHSA-", "GO-", "PYSEC-", "RUSTSEC-"];

/// More of them than this name nothing in particular.
const MOST: usize = 16;

/// Returns the ids that the references name, sorted.
pub(super) fn mentioned(references: &[Text<'_>]) -> Vec<VulnerabilityId> {
    let mut ids: Vec<VulnerabilityId> = references
        .iter()
        .flat_map(|reference| {
            reference
                .0
                .split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
        })
        .filter(|word| is_id(word))
        .map(VulnerabilityId::new)
        .collect();
    ids.sort();
    ids.dedup();
    ids.truncate(MOST);
    ids
}

fn is_id(word: &str) -> bool {
    SCHEMES.iter().any(|scheme| {
        word.strip_prefix(scheme).is_some_and(|rest| {
            let parts: Vec<&str> = rest.split('-').collect();
            match *scheme {
                "GHSA-" => parts.len() == 3 && parts.iter().all(|part| part.len() == 4),
                _ => {
                    parts.len() == 2
                        && parts.iter().all(|part| {
                            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())
                        })
                }
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_in_addresses() {
        let references = [
            "https://github.com/advisories/GHSA-aaaa-bbbb-cccc",
            "https://github.com/a/b/security/advisories/GHSA-aaaa-bbbb-cccc",
            "https://pkg.go.dev/vuln/GO-2024-2887",
            "https://rustsec.org/advisories/RUSTSEC-2021-0001.html",
            "https://example.org/vulns/a/PYSEC-2021-1.yaml?GO-ING=1",
            "https://access.redhat.com/errata/RHSA-2024:1",
            "GHSA-short",
        ];
        let texts = references.map(|text| Text(text.into()));
        let ids: Vec<String> = mentioned(&texts).iter().map(ToString::to_string).collect();
        assert_eq!(
            ids,
            [
                "GHSA-aaaa-bbbb-cccc",
                "GO-2024-2887",
                "PYSEC-2021-1",
                "RUSTSEC-2021-0001"
            ]
        );
    }
}
