//! Reading one input file whole, within a cap.
//!
//! Nothing is interpreted here: telling formats apart is `formats`' work.

use std::fs::File;
use std::io::Read as _;

/// The largest input file that is read, in bytes (SEC-10: a cap against hostile files).
const MAX_FILE: u64 = 256 * 1024 * 1024;

/// Reads one file whole; regular files and standard input only, up to [`MAX_FILE`].
pub(super) fn read_file(path: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    if path == "-" {
        let mut limited = std::io::stdin().lock().take(MAX_FILE + 1);
        limited
            .read_to_end(&mut bytes)
            .map_err(|error| format!("cannot be read: {error}"))?;
    } else {
        // Asked before opening: opening a FIFO would wait for a writer.
        let metadata =
            std::fs::metadata(path).map_err(|error| format!("cannot be read: {error}"))?;
        if !metadata.is_file() {
            return Err("is not a regular file".to_owned());
        }
        let file = File::open(path).map_err(|error| format!("cannot be read: {error}"))?;
        bytes.reserve_exact(usize::try_from(metadata.len().min(MAX_FILE)).unwrap_or_default() + 1);
        file.take(MAX_FILE + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| format!("cannot be read: {error}"))?;
    }
    if bytes.len() as u64 > MAX_FILE {
        return Err(format!("is larger than {} MiB", MAX_FILE / 1024 / 1024));
    }
    Ok(bytes)
}
