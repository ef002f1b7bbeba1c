//! Compressed bytes as they come out: gzip and Zstandard, of several members or frames too.
//!
//! What is done with them, and how many are too many, is the caller's.

use std::io::{self, BufRead as _, BufReader, Read};

use flate2::read::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// How bytes are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    /// Gzip.
    Gzip,
    /// Zstandard.
    Zstandard,
    /// Something that is not unpacked here, by its name.
    Other(&'static str),
}

impl Packing {
    /// Recognises compressed bytes by how they begin.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => {
                Some(Self::Zstandard)
            }
            [0xfd, b'7', b'z', b'X', ..] => Some(Self::Other("xz")),
            [b'B', b'Z', b'h', ..] => Some(Self::Other("bzip2")),
            _ => None,
        }
    }

    /// Returns the name for people.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstandard => "Zstandard",
            Self::Other(name) => name,
        }
    }

    /// Returns a reader of what the bytes of `packed` were made from; none where that is not
    /// unpacked here.
    pub(super) fn reader<'r>(
        self,
        packed: impl Read + Send + 'r,
    ) -> Option<Box<dyn Read + Send + 'r>> {
        match self {
            Self::Gzip => Some(Box::new(MultiGzDecoder::new(BufReader::new(packed)))),
            Self::Zstandard => Some(Box::new(Frames {
                packed: BufReader::new(packed),
                decoder: FrameDecoder::new(),
                inside: false,
            })),
            Self::Other(_) => None,
        }
    }
}

/// The frames of a Zstandard file one after the other; those to be skipped are.
struct Frames<R> {
    packed: BufReader<R>,
    decoder: FrameDecoder,
    /// Whether a frame has begun and not ended.
    inside: bool,
}

impl<R: Read> Frames<R> {
    /// Begins the next frame; returns whether there is one.
    fn begin(&mut self) -> io::Result<bool> {
        while !self.packed.fill_buf()?.is_empty() {
            match self.decoder.init(&mut self.packed) {
                Ok(()) => {
                    self.inside = true;
                    return Ok(true);
                }
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let length = u64::from(length);
                    let mut frame = (&mut self.packed).take(length);
                    if io::copy(&mut frame, &mut io::sink())? < length {
                        return Err(io::Error::other("a skipped frame is cut off"));
                    }
                }
                Err(error) => return Err(io::Error::other(error.to_string())),
            }
        }
        Ok(false)
    }

    fn end(&mut self) -> io::Result<()> {
        self.inside = false;
        let stated = self.decoder.get_checksum_from_data();
        if stated.is_some() && stated != self.decoder.get_calculated_checksum() {
            return Err(io::Error::other("the checksum of a frame is wrong"));
        }
        Ok(())
    }
}

impl<R: Read> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !buffer.is_empty() && (self.inside || self.begin()?) {
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                self.decoder
                    .decode_blocks(&mut self.packed, BlockDecodingStrategy::UptoBlocks(1))
                    .map_err(|error| io::Error::other(error.to_string()))?;
            }
            let count = self.decoder.read(buffer)?;
            if count > 0 {
                return Ok(count);
            }
            self.end()?;
        }
        Ok(0)
    }
}
