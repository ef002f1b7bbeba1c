//! Packed files: whole, in parts, damaged anywhere, and made to fill the memory.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use super::*;
use crate::error::Explain as _;

const TEXT: &[u8] = b"{\"matches\": [], \"descriptor\": {\"name\": \"grype\"}}";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec(bytes, CompressionLevel::Fastest)
}

fn open(bytes: &[u8]) -> Result<Vec<u8>, FormatError> {
    unpack("f", bytes.to_vec()).map(|(bytes, _)| bytes)
}

#[test]
fn what_was_packed_comes_out() {
    for (packed, packing) in [
        (gzip(TEXT), Some(Packing::Gzip)),
        (zstd(TEXT), Some(Packing::Zstandard)),
        (TEXT.to_vec(), None),
    ] {
        assert_eq!(unpack("f", packed), Ok((TEXT.to_vec(), packing)));
    }
}

#[test]
fn members_and_frames_are_joined() {
    let (one, two) = TEXT.split_at(10);
    assert_eq!(open(&[gzip(one), gzip(two)].concat()).unwrap(), TEXT);
    let skipped = b"\x52\x2a\x4d\x18\x03\x00\x00\x00abc".to_vec();
    let frames = [skipped.clone(), zstd(one), skipped, zstd(two)].concat();
    assert_eq!(open(&frames).unwrap(), TEXT);
}

#[test]
fn rubbish_after_the_packing_is_refused() {
    for packed in [gzip(TEXT), zstd(TEXT)] {
        let error = open(&[packed, b"rubbish".to_vec()].concat()).unwrap_err();
        assert!(error.to_string().contains("damaged"), "{error}");
        assert!(!error.hints().is_empty());
    }
    let skipped = b"\x52\x2a\x4d\x18\xff\xff\xff\xffabc";
    assert!(open(skipped).unwrap_err().to_string().contains("cut off"));
}

/// The sum at the end of a gzip member or Zstandard frame is looked at.
#[test]
fn a_changed_byte_never_passes_for_the_text() {
    for packed in [gzip(TEXT), zstd(TEXT)] {
        for place in 0..packed.len() {
            let mut changed = packed.clone();
            changed[place] ^= 0x10;
            if let Ok(bytes) = open(&changed) {
                let plain = Packing::of(&changed).is_none();
                assert!(bytes == TEXT || plain, "byte {place}");
            }
        }
    }
}

#[test]
fn a_cut_file_is_damaged() {
    for packed in [gzip(TEXT), zstd(TEXT)] {
        for end in 4..packed.len() {
            let error = open(&packed[..end]).unwrap_err();
            assert!(
                matches!(error, FormatError::Unpack { .. }),
                "{end}: {error}"
            );
        }
    }
}

#[test]
fn a_file_made_to_fill_the_memory_is_refused() {
    let zeros = vec![0; 8 * RATIO_FROM];
    for packed in [gzip(&zeros), zstd(&zeros)] {
        assert!(packed.len() * MAX_RATIO < zeros.len());
        let error = open(&packed).unwrap_err();
        assert!(
            matches!(error, FormatError::UnpackedRatio { .. }),
            "{error}"
        );
    }
    // A short text may be packed very well.
    assert_eq!(open(&gzip(&zeros[..RATIO_FROM])).unwrap().len(), RATIO_FROM);
    // The size counts by itself, however many members give it.
    let mut output = Output {
        path: "f",
        packing: Packing::Gzip,
        packed: MAX_SIZE,
        bytes: vec![0; MAX_SIZE],
    };
    let error = output.take([1].as_slice()).unwrap_err();
    assert!(matches!(error, FormatError::UnpackedSize { .. }), "{error}");
}

#[test]
fn a_window_larger_than_the_limit_is_refused() {
    // A frame header that asks for a window of two tebibytes.
    let error = open(b"\x28\xb5\x2f\xfd\x00\xff\x01\x00\x00").unwrap_err();
    assert!(matches!(error, FormatError::Unpack { .. }), "{error}");
}

proptest! {
    #[test]
    fn everything_comes_back(bytes in proptest::collection::vec(any::<u8>(), 0..3000)) {
        prop_assert_eq!(&open(&gzip(&bytes)).unwrap(), &bytes);
        prop_assert_eq!(&open(&zstd(&bytes)).unwrap(), &bytes);
    }

    #[test]
    fn any_bytes_after_a_magic_number_never_panic(
        which in 0..3_usize,
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        let magic = [b"\x1f\x8b\x08\x00".as_slice(), b"\x28\xb5\x2f\xfd", b"\x50\x2a\x4d\x18"][which];
        if let Err(error) = open(&[magic, &bytes].concat()) {
            prop_assert!(error.to_string().contains('f'));
        }
    }
}
