//! The image configuration that a report carries, without the secrets in it.
//!
//! What it tells is `triage::hygiene`'s business.

use std::sync::Arc;

use base64::Engine as _;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::json::{Source, reason_of};
use crate::model::oci::ImageConfig;

/// Larger ones are not read: registries take no larger one either.
const LIMIT: usize = 8 * 1024 * 1024;

/// Returns the configuration and the field `part` that holds it. One without execution parameters
/// says nothing and is none; a damaged one is a notice, because no record is lost with it.
pub(super) fn configuration(
    source: &mut Source<'_>,
    json: &str,
    part: &'static str,
) -> Option<(Arc<ImageConfig>, &'static str)> {
    #[derive(Deserialize)]
    struct Shape {
        config: Option<IgnoredAny>,
    }
    if json.len() > LIMIT {
        let notice = format!("{part} has more than {LIMIT} bytes: the image is not checked by it");
        source.notices.push(notice);
        return None;
    }
    let read = serde_json::from_str::<Shape>(json).and_then(|shape| {
        let config = shape.config.is_some();
        let config = config.then(|| serde_json::from_str::<ImageConfig>(json));
        config.transpose()
    });
    match read {
        Ok(config) => config.map(|config| (Arc::new(config.masked()), part)),
        Err(error) => {
            source.notices.push(format!(
                "{part} cannot be read, and the image is not checked by it: {}",
                reason_of(&error)
            ));
            None
        }
    }
}

/// As [`configuration`], of a configuration in base64.
pub(super) fn encoded(
    source: &mut Source<'_>,
    text: &str,
    part: &'static str,
) -> Option<(Arc<ImageConfig>, &'static str)> {
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).ok();
    let Some(json) = bytes.and_then(|bytes| String::from_utf8(bytes).ok()) else {
        let notice = format!("{part} is no base64, and the image is not checked by it");
        source.notices.push(notice);
        return None;
    };
    configuration(source, &json, part)
}
