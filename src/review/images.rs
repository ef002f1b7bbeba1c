//! Reading an image for review, wherever it is: one inspection a platform.
//!
//! What an inspection holds is the registry's business; joining it with reports is `triage`'s.

use futures_util::stream::{StreamExt as _, TryStreamExt as _};

use crate::error::Explain as _;
use crate::model::{Image, Platform};
use crate::registry::{Client, Inspection, RegistryError, inspect};

use super::{Failure, Inputs};

/// Platforms read at the same time.
const CONCURRENT: usize = 4;

/// Inspects `image`: one inspection for the platform asked for, else one for each platform of an
/// index, attestations left out.
///
/// # Errors
/// When the image or a platform cannot be read.
pub async fn images(
    client: &Client,
    image: &Image,
    platform: Option<&Platform>,
) -> Result<Vec<Inspection>, RegistryError> {
    let first = inspect(client, image, platform).await?;
    if first.index.as_ref() != Some(&first.digest) {
        return Ok(vec![first]);
    }
    let platforms: Vec<Platform> = first
        .platforms
        .iter()
        .filter(|entry| !entry.attestation && entry.present)
        .filter_map(|entry| entry.platform.clone())
        .collect();
    futures_util::stream::iter(platforms)
        .map(|platform| async move { inspect(client, image, Some(&platform)).await })
        .buffered(CONCURRENT)
        .try_collect()
        .await
}

impl Inputs {
    /// Reads images and adds what was read; an image that cannot be read is added as a failure, so
    /// that the reports still load.
    pub async fn add_images(
        &mut self,
        client: &Client,
        names: &[Image],
        platform: Option<&Platform>,
    ) {
        for image in names {
            match images(client, image, platform).await {
                Ok(inspections) => self.images.extend(inspections),
                Err(error) => self.unread.push(Failure {
                    path: image.to_string(),
                    message: error.to_string(),
                    hints: error.hints(),
                }),
            }
        }
    }
}
