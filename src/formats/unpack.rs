//! Gzip and Zstandard → the bytes inside, under limits that no real report reaches.
//!
//! What the bytes are is found in `decode` and `detect`. One layer only: what is packed twice is
//! refused there.

use std::io::Read;

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

use super::error::{FormatError, MAX_RATIO, MAX_SIZE};

/// The ratio is looked at from so many bytes on: a short text may be packed very well.
const RATIO_FROM: usize = 1024 * 1024;

/// The largest window a Zstandard frame may ask for, in bytes: what `zstd -d` takes unasked.
const MAX_WINDOW: u64 = 128 * 1024 * 1024;

/// How a file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    /// Gzip, of one or several members.
    Gzip,
    /// Zstandard, of one or several frames.
    Zstandard,
}

impl Packing {
    /// Returns how `bytes` are packed, by their first bytes.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            // The second is a frame to be skipped, as `pzstd` writes it first.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => {
                Some(Self::Zstandard)
            }
            _ => None,
        }
    }

    /// Returns the name for people.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstandard => "Zstandard",
        }
    }
}

/// Returns the bytes inside, and how they were packed; plain bytes as they are.
///
/// # Errors
/// When the packing is damaged or cut off, or gives more than [`MAX_SIZE`] bytes or more than
/// [`MAX_RATIO`] times its own size.
pub(super) fn unpack(
    path: &str,
    bytes: Vec<u8>,
) -> Result<(Vec<u8>, Option<Packing>), FormatError> {
    let Some(packing) = Packing::of(&bytes) else {
        return Ok((bytes, None));
    };
    let mut output = Output {
        path,
        packing,
        packed: bytes.len(),
        bytes: Vec::new(),
    };
    match packing {
        Packing::Gzip => output.take(MultiGzDecoder::new(bytes.as_slice()))?,
        Packing::Zstandard => frames(&mut output, &bytes)?,
    }
    Ok((output.bytes, Some(packing)))
}

fn frames(output: &mut Output<'_>, bytes: &[u8]) -> Result<(), FormatError> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(MAX_WINDOW);
        let mut stream = match StreamingDecoder::new_with_decoder(&mut rest, decoder) {
            Ok(stream) => stream,
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length,
                ..
            })) => {
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                rest = rest
                    .get(length..)
                    .ok_or_else(|| output.damaged("a skipped frame is cut off"))?;
                continue;
            }
            Err(error) => return Err(output.damaged(&error.to_string())),
        };
        output.take(&mut stream)?;
        let decoder = stream.into_frame_decoder();
        let stated = decoder.get_checksum_from_data();
        if stated.is_some() && stated != decoder.get_calculated_checksum() {
            return Err(output.damaged("the checksum of a frame is wrong"));
        }
    }
    Ok(())
}

/// What was unpacked so far.
struct Output<'p> {
    path: &'p str,
    packing: Packing,
    packed: usize,
    bytes: Vec<u8>,
}

impl Output<'_> {
    fn take(&mut self, mut stream: impl Read) -> Result<(), FormatError> {
        let mut chunk = vec![0; 64 * 1024];
        loop {
            let count = stream
                .read(&mut chunk)
                .map_err(|error| self.damaged(&error.to_string()))?;
            let Some(read) = chunk.get(..count).filter(|read| !read.is_empty()) else {
                return Ok(());
            };
            self.bytes.extend_from_slice(read);
            self.check()?;
        }
    }

    fn check(&self) -> Result<(), FormatError> {
        let size = self.bytes.len();
        let (path, packing) = (self.path.to_owned(), self.packing.as_str());
        if size > MAX_SIZE {
            return Err(FormatError::UnpackedSize { path, packing });
        }
        if size > RATIO_FROM && size > self.packed.saturating_mul(MAX_RATIO) {
            return Err(FormatError::UnpackedRatio { path, packing });
        }
        Ok(())
    }

    fn damaged(&self, reason: &str) -> FormatError {
        FormatError::Unpack {
            path: self.path.to_owned(),
            packing: self.packing.as_str(),
            reason: crate::text::Safe::limited(reason, 200).as_str().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
