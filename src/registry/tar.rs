//! Tar archives as they lie in a file: where the bytes of each member are, found in one pass over
//! the headers (POSIX.1-2017 `pax`, with GNU's long names).
//!
//! Nothing is unpacked and no path of the archive is ever a path of this machine. What an image
//! consists of is not known here.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{StreamExt as _, unfold};

use super::error::{RegistryError, foreign};
use super::stream::Bytestream;

/// The unit of a tar archive.
const BLOCK: u64 = 512;

/// The most members of an archive: an image of 127 layers has some 500.
const MEMBERS: usize = 16_384;

/// The longest name of a member in bytes.
const NAME: usize = 4096;

/// The most bytes of a header that extends another.
const EXTENSION: u64 = 64 << 10;

/// The most links that are followed one after the other.
const LINKS: usize = 8;

/// Bytes read at once.
const BUFFER: u64 = 256 << 10;

/// Where bytes are in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    offset: u64,
    /// Their number.
    pub(super) size: u64,
}

#[derive(Clone, Debug)]
enum Member {
    File(Extent),
    /// The name that a link leads to.
    Link(String),
}

/// An archive whose headers were read and make sense. A clone reads the same open file.
#[derive(Clone, Debug)]
pub(super) struct Tar {
    path: PathBuf,
    file: Arc<File>,
    members: Arc<HashMap<String, Member>>,
}

impl Tar {
    /// Reads every header of an open file; `path` is its name for messages.
    ///
    /// # Errors
    /// When the file is no tar archive, is cut off, names a member twice, or holds a name or link
    /// that leads out of it, a device or a sparse file.
    pub(super) fn read(path: &Path, file: File) -> Result<Self, RegistryError> {
        let length = file
            .metadata()
            .map_err(|error| RegistryError::archive(path, error.to_string()))?
            .len();
        let mut scan = Scan {
            path,
            file: &file,
            length,
            at: 0,
            members: HashMap::new(),
            extension: Extension::default(),
        };
        while scan.step()? {}
        let members = Arc::new(scan.members);
        Ok(Self {
            path: path.to_owned(),
            file: Arc::new(file),
            members,
        })
    }

    /// Returns the file's name.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the names of all members.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.members.keys().map(String::as_str)
    }

    /// Returns where a member's bytes are, links followed; none where there is no such member.
    ///
    /// # Errors
    /// When a link leads nowhere or in a circle.
    pub(super) fn find(&self, name: &str) -> Result<Option<Extent>, RegistryError> {
        let mut at = name;
        for _link in 0..=LINKS {
            match self.members.get(at) {
                Some(Member::File(extent)) => return Ok(Some(*extent)),
                Some(Member::Link(target)) => at = target,
                None if at == name => return Ok(None),
                None => {
                    let detail = format!(
                        "`{}` is a link to `{}`, which is not in it",
                        foreign(name),
                        foreign(at)
                    );
                    return Err(RegistryError::archive(&self.path, detail));
                }
            }
        }
        let detail = format!("`{}` is a link that leads in a circle", foreign(name));
        Err(RegistryError::archive(&self.path, detail))
    }

    /// Reads a member whole.
    ///
    /// # Errors
    /// When there is no such member, it has more than `limit` bytes or cannot be read.
    pub(super) fn bytes(&self, name: &str, limit: u64) -> Result<Bytes, RegistryError> {
        let Some(extent) = self.find(name)? else {
            let detail = format!("`{}` is not in it", foreign(name));
            return Err(RegistryError::archive(&self.path, detail));
        };
        self.read_part(extent, limit, name)
    }

    /// Reads bytes of the file; `name` says what they are.
    ///
    /// # Errors
    /// When they are more than `limit` or cannot be read.
    pub(super) fn read_part(
        &self,
        extent: Extent,
        limit: u64,
        name: &str,
    ) -> Result<Bytes, RegistryError> {
        if extent.size > limit {
            return Err(RegistryError::TooLarge {
                what: format!("`{}` in archive {}", foreign(name), self.path.display()),
                limit,
            });
        }
        self.part(extent.offset, extent.size)
    }

    fn part(&self, offset: u64, size: u64) -> Result<Bytes, RegistryError> {
        let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
        self.file
            .read_exact_at(&mut bytes, offset)
            .map_err(|error| RegistryError::archive(&self.path, error.to_string()))?;
        Ok(bytes.into())
    }

    /// Returns bytes of the file in pieces.
    pub(super) fn stream(&self, extent: Extent) -> Bytestream {
        unfold((self.clone(), extent), |(tar, left)| async move {
            let size = left.size.min(BUFFER);
            if size == 0 {
                return None;
            }
            let read = tar.part(left.offset, size);
            let left = Extent {
                offset: left.offset + size,
                // Nothing comes after an error.
                size: read.as_ref().map_or(0, |_| left.size - size),
            };
            Some((read, (tar, left)))
        })
        .boxed()
    }

    /// Returns a reader of bytes of the file.
    pub(super) fn reader(&self, extent: Extent) -> impl Read + use<> {
        Part {
            file: self.file.clone(),
            left: extent,
        }
    }
}

/// A part of a file as a reader with a place of its own.
struct Part {
    file: Arc<File>,
    left: Extent,
}

impl Read for Part {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = usize::try_from(self.left.size).unwrap_or(usize::MAX);
        let length = buffer.len().min(most);
        let count = match buffer.get_mut(..length) {
            Some(buffer) if length > 0 => self.file.read_at(buffer, self.left.offset)?,
            _ => 0,
        };
        self.left.offset += count as u64;
        self.left.size -= count as u64;
        Ok(count)
    }
}

/// What an extending header says about the member after it.
#[derive(Debug, Default)]
struct Extension {
    name: Option<String>,
    link: Option<String>,
    size: Option<u64>,
}

/// The pass over the headers.
struct Scan<'a> {
    path: &'a Path,
    file: &'a File,
    length: u64,
    /// The header that is next.
    at: u64,
    members: HashMap<String, Member>,
    extension: Extension,
}

impl Scan<'_> {
    fn wrong(&self, detail: &str) -> RegistryError {
        RegistryError::archive(self.path, format!("{detail} (byte {})", self.at))
    }

    /// Takes in one header; returns whether there is another.
    fn step(&mut self) -> Result<bool, RegistryError> {
        if self.at.saturating_add(BLOCK) > self.length {
            return Err(self.wrong("it is cut off: it ends without an end mark"));
        }
        let mut block = [0; 512];
        self.file
            .read_exact_at(&mut block, self.at)
            .map_err(|error| self.wrong(&error.to_string()))?;
        if block.iter().all(|byte| *byte == 0) {
            return Ok(false);
        }
        let header = Header(&block);
        if !header.is_intact() {
            return Err(self.wrong(if self.at == 0 {
                "it is no tar archive"
            } else {
                "a header is damaged"
            }));
        }
        let name = match self.extension.name.take() {
            Some(name) => name,
            None => header
                .name()
                .ok_or_else(|| self.wrong("a name is no UTF-8"))?,
        };
        let link = self.extension.link.take().or_else(|| header.link());
        let has_data = !matches!(header.kind(), b'1'..=b'6');
        let stated = self.extension.size.take().or_else(|| header.size());
        let size = match stated {
            _ if !has_data => 0,
            Some(size) => size,
            None => {
                let text = format!("`{}` has a size that is no number", foreign(&name));
                return Err(self.wrong(&text));
            }
        };
        let data = Extent {
            offset: self.at + BLOCK,
            size,
        };
        let end = data.offset.checked_add(size);
        if end.is_none_or(|end| end > self.length) {
            let text = format!(
                "`{}` is cut off: {size} bytes are announced",
                foreign(&name)
            );
            return Err(self.wrong(&text));
        }
        self.take(header.kind(), &name, link, data)?;
        self.at = data.offset + size.div_ceil(BLOCK) * BLOCK;
        Ok(true)
    }

    fn take(
        &mut self,
        kind: u8,
        name: &str,
        link: Option<String>,
        data: Extent,
    ) -> Result<(), RegistryError> {
        match kind {
            b'0' | b'\0' | b'7' => {
                let name = self.clean(name, "")?;
                self.add(name, Member::File(data))
            }
            b'1' | b'2' => {
                let name = self.clean(name, "")?;
                let target = link.unwrap_or_default();
                // A symbolic link starts where it lies, a hard link at the archive's root.
                let base = name.rsplit_once('/').map_or("", |(folder, _)| folder);
                let target = self.clean(&target, if kind == b'2' { base } else { "" })?;
                self.add(name, Member::Link(target))
            }
            b'5' => self.clean(name, "").map(drop),
            b'L' => {
                let name = self.long_text(data)?;
                self.extension.name = Some(name);
                Ok(())
            }
            b'K' => {
                let link = self.long_text(data)?;
                self.extension.link = Some(link);
                Ok(())
            }
            b'x' => {
                self.extension = self.records(data)?;
                Ok(())
            }
            b'g' => {
                let global = self.records(data)?;
                if global.name.is_some() || global.link.is_some() || global.size.is_some() {
                    return Err(self.wrong("a header names every member at once"));
                }
                Ok(())
            }
            b'S' => Err(self.wrong(&format!("`{}` is a sparse file", foreign(name)))),
            b'3' | b'4' | b'6' => {
                Err(self.wrong(&format!("`{}` is a device or pipe", foreign(name))))
            }
            _ => Err(self.wrong(&format!("`{}` is of an unknown kind", foreign(name)))),
        }
    }

    fn add(&mut self, name: String, member: Member) -> Result<(), RegistryError> {
        if self.members.len() >= MEMBERS {
            return Err(self.wrong(&format!("it has more than {MEMBERS} members")));
        }
        if self.members.contains_key(&name) {
            return Err(self.wrong(&format!("`{}` is in it twice", foreign(&name))));
        }
        self.members.insert(name, member);
        Ok(())
    }

    /// Returns a name as a path from the archive's root; `base` is where a relative one starts.
    fn clean(&self, name: &str, base: &str) -> Result<String, RegistryError> {
        let leaves = || self.wrong(&format!("`{}` leads out of it", foreign(name)));
        if name.len() > NAME || name.contains('\0') {
            return Err(self.wrong("a name is too long or has a null byte"));
        }
        if name.starts_with('/') {
            return Err(leaves());
        }
        let mut parts: Vec<&str> = base.split('/').filter(|part| !part.is_empty()).collect();
        for part in name.split('/') {
            match part {
                "" | "." => {}
                ".." if base.is_empty() => return Err(leaves()),
                ".." => {
                    parts.pop().ok_or_else(leaves)?;
                }
                part => parts.push(part),
            }
        }
        Ok(parts.join("/"))
    }

    /// Reads the data of an extending header.
    fn extension(&self, data: Extent) -> Result<Vec<u8>, RegistryError> {
        if data.size > EXTENSION {
            let text = format!("a header is extended by more than {EXTENSION} bytes");
            return Err(self.wrong(&text));
        }
        let mut bytes = vec![0; usize::try_from(data.size).unwrap_or(0)];
        self.file
            .read_exact_at(&mut bytes, data.offset)
            .map_err(|error| self.wrong(&error.to_string()))?;
        Ok(bytes)
    }

    /// Reads a long name of GNU's.
    fn long_text(&self, data: Extent) -> Result<String, RegistryError> {
        let bytes = self.extension(data)?;
        text_of(&bytes).ok_or_else(|| self.wrong("a name is no UTF-8"))
    }

    /// Reads the records of a pax header: `LENGTH KEY=VALUE`, each with a line end.
    fn records(&self, data: Extent) -> Result<Extension, RegistryError> {
        let bytes = self.extension(data)?;
        let wrong = || self.wrong("an extended header is damaged");
        let mut found = Extension::default();
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let space = rest
                .iter()
                .position(|byte| *byte == b' ')
                .ok_or_else(wrong)?;
            let length: usize = rest
                .get(..space)
                .and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok())
                .ok_or_else(wrong)?;
            let record = rest
                .get(space + 1..length)
                .and_then(|record| record.strip_suffix(b"\n"))
                .ok_or_else(wrong)?;
            rest = rest.get(length..).ok_or_else(wrong)?;
            let record = std::str::from_utf8(record).map_err(|_not_utf8| wrong())?;
            match record.split_once('=').ok_or_else(wrong)? {
                ("path", value) => found.name = Some(value.to_owned()),
                ("linkpath", value) => found.link = Some(value.to_owned()),
                ("size", value) => {
                    found.size = Some(value.parse().map_err(|_not_a_number| wrong())?);
                }
                (key, _) if key.starts_with("GNU.sparse.") => {
                    return Err(self.wrong("a member is a sparse file"));
                }
                _ => {}
            }
        }
        Ok(found)
    }
}

/// Returns text up to the first null byte.
fn text_of(bytes: &[u8]) -> Option<String> {
    let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    std::str::from_utf8(text).ok().map(str::to_owned)
}

/// One header.
struct Header<'a>(&'a [u8; 512]);

impl Header<'_> {
    fn field(&self, from: usize, length: usize) -> &[u8] {
        self.0.get(from..from + length).unwrap_or_default()
    }

    fn kind(&self) -> u8 {
        self.field(156, 1).first().copied().unwrap_or_default()
    }

    /// Whether the checksum is right: the sum of all bytes, its own taken for spaces.
    fn is_intact(&self) -> bool {
        let own: u64 = self.field(148, 8).iter().map(|byte| u64::from(*byte)).sum();
        let all: u64 = self.0.iter().map(|byte| u64::from(*byte)).sum();
        number(self.field(148, 8)) == Some(all - own + 8 * u64::from(b' '))
    }

    fn name(&self) -> Option<String> {
        let name = text_of(self.field(0, 100))?;
        // GNU's own form has other things where POSIX has the begin of the name.
        let begin = match self.field(257, 6) {
            b"ustar\0" => text_of(self.field(345, 155))?,
            _ => String::new(),
        };
        Some(if begin.is_empty() {
            name
        } else {
            format!("{begin}/{name}")
        })
    }

    fn link(&self) -> Option<String> {
        text_of(self.field(157, 100))
    }

    fn size(&self) -> Option<u64> {
        number(self.field(124, 12))
    }
}

/// Reads a number: octal digits, or GNU's binary form with the first bit set.
fn number(field: &[u8]) -> Option<u64> {
    let (first, rest) = field.split_first()?;
    if first & 0x80 != 0 {
        let start = u64::from(first & 0x7f);
        return rest.iter().try_fold(start, |value, byte| {
            value.checked_mul(256)?.checked_add(u64::from(*byte))
        });
    }
    let text = std::str::from_utf8(field).ok()?;
    let digits = text.trim_matches([' ', '\0']);
    if digits.is_empty() {
        return Some(0);
    }
    // A sign would be taken for a part of the number.
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    u64::from_str_radix(digits, 8).ok()
}
