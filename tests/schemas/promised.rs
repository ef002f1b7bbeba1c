//! The fields that other programs rely on, against the published schemas.
//!
//! That documents have what a schema requires is seen in `schemas`.

use serde_json::{Value, json};

use super::resolve;
use crate::support::schema::published;

/// The fields that scripts may rely on: document, place in it, fields. A place goes into lists with `[]` and into
/// objects with free names with `*`. Nothing may be taken off this list, and no name changed.
const PROMISED: &[(&str, &str, &str)] = &[
    (
        "findings",
        "",
        "schema subjects reports records totals findings",
    ),
    ("findings", "subjects[]", SUBJECT),
    ("findings", "reports[]", REPORT),
    (
        "findings",
        "reports[].records",
        "read unreadable suppressed",
    ),
    ("findings", "records", "read joined suppressed unreadable"),
    (
        "findings",
        "totals",
        "findings shown filtered_out by_severity fixable",
    ),
    (
        "findings",
        "totals.by_severity",
        "critical high medium low negligible unknown",
    ),
    (
        "findings",
        "findings[]",
        "key subject kind id aliases severity ratings package fix scanners records title epss known_exploited \
         suppressed_by verdict",
    ),
    (
        "findings",
        "findings[].ratings[]",
        "scanner source severity score vector",
    ),
    (
        "findings",
        "findings[].package",
        "name version ecosystem purl locations source",
    ),
    ("findings", "findings[].package.locations[]", "path layer"),
    ("findings", "findings[].fix", "state versions"),
    ("findings", "findings[].verdict", VERDICT),
    (
        "comparison",
        "",
        "schema subject subjects reports joined_by sides totals rows",
    ),
    ("comparison", "subjects[]", SUBJECT),
    ("comparison", "reports[]", REPORT),
    (
        "comparison",
        "totals",
        "agreed only severity_differs fix_differs fixable_differs",
    ),
    ("comparison", "totals.*", "records units"),
    (
        "comparison",
        "rows[]",
        "side id aliases package sides difference reason",
    ),
    ("comparison", "rows[].package", "name version purl"),
    (
        "comparison",
        "rows[].sides.*",
        "ids severity severity_source fix",
    ),
    ("comparison", "rows[].sides.*.fix", "state versions"),
    (
        "comparison",
        "rows[].reason",
        "class strength text evidence",
    ),
    ("components", "", "schema subjects documents components"),
    (
        "components",
        "documents[]",
        "path format spec_version producer subject_digest components",
    ),
    (
        "components",
        "components[]",
        "name version ecosystem purl licenses locations depends_on findings",
    ),
    ("component-diff", "", "schema added removed changed common"),
    (
        "component-diff",
        "changed[]",
        "name ecosystem from to direction",
    ),
    (
        "gate",
        "",
        "schema subject open for policy_sha256 blockers warnings excused to_open",
    ),
    ("gate", "blockers[]", "class text findings"),
    ("gate", "excused[]", "key verdict"),
    ("gate", "excused[].verdict", VERDICT),
    ("gate", "to_open[]", "action clears"),
    ("plan", "", PLAN),
    ("plan", "tag", "name from to"),
    ("plan", "blobs[]", "digest size action"),
    ("event", "", "schema time event step"),
    ("sync", "", "schema file dry_run entries totals notices"),
    (
        "sync",
        "entries[]",
        "source destination always platform approval move_tag outcome plan receipt",
    ),
    ("receipt", "", PLAN),
    (
        "receipt",
        "",
        "fates retries started finished previous_tag_digest signatures ledger_entry ledger_head",
    ),
    (
        "verification",
        "",
        "schema image digest signed signatures attestations approval warnings",
    ),
    ("verification", "signatures[]", SIGNATURE),
    ("verification", "attestations[]", SIGNATURE),
    (
        "tree",
        "",
        "schema digest kind media_type artifact_type verified children",
    ),
    (
        "tree",
        "children[]",
        "digest kind media_type artifact_type verified children",
    ),
    ("query", "", "schema matches searched"),
    (
        "query",
        "matches[]",
        "image digest promoted destination component version path approved_by",
    ),
    (
        "query",
        "searched",
        "bundles sboms unreadable without_purl since",
    ),
];

const SUBJECT: &str =
    "name manifest_digest index_digest repo_digests image_id platform os joined_by";
const REPORT: &str = "path sha256 format scanner scanner_version created database_built database_built_kind encoding \
                      skipped_bytes records subject notices";
const VERDICT: &str =
    "decision reason until justification scope reviewer time state stale_because entry";
const PLAN: &str = "schema plan_digest source digest platforms destination tag blobs bytes_to_send referrers signer \
                    archive policy_sha256 reports approvals gate blockers commands";
const SIGNATURE: &str =
    "format key_fingerprint identity issuer valid reason predicate_type claimed_time";

/// Returns the part of a schema that describes a place of its documents.
fn at<'s>(root: &'s Value, place: &str) -> Option<&'s Value> {
    let mut node = root;
    for part in place.split('.').filter(|part| !part.is_empty()) {
        let (field, lists) = part
            .split_once("[]")
            .map_or((part, false), |(field, _)| (field, true));
        node = resolve(root, node);
        node = if field == "*" {
            node.get("additionalProperties")?
        } else {
            node.get("properties")?.get(field)?
        };
        if lists {
            node = resolve(root, node).get("items")?;
        }
    }
    Some(resolve(root, node))
}

#[test]
fn what_is_promised_is_required() {
    let schemas = published();
    let mut missing = Vec::new();
    for (name, place, fields) in PROMISED {
        // What is promised and not there yet has neither command nor schema; a schema that is gone is missed below.
        let Some(schema) = schemas.get(*name) else {
            continue;
        };
        let Some(node) = at(schema, place) else {
            missing.push(format!("{name}: there is no {place}"));
            continue;
        };
        let required = node["required"].as_array().cloned().unwrap_or_default();
        for field in fields.split_whitespace() {
            if !required.contains(&json!(field)) || node["properties"].get(field).is_none() {
                missing.push(format!("{name}: {place}.{field}"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}
