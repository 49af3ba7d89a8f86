//! What an uploaded image really is, judged while it arrives.
//!
//! An `Inspector` is fed the bytes in order, in pieces of any length, and keeps a bounded part of them: the head, the last
//! sector, and the running result of checks on the tables that a qcow2 header points to. Its verdict depends on the
//! bytes alone. It accepts raw disks and qcow2 images that stand on their own, and refuses everything else with a sentence
//! that says what is wrong and what to do. It never looks at what QEMU would guess.
//!
//! Not here: guest data and L2 tables (QEMU reads those defensively, and they name no other file), digests, size caps.

mod qcow2;
mod raw;
mod signature;
mod table;

use crate::qcow2::{Header, MAGIC};
use hatchery_model::image::{DiskFormat, ImageFormat, Inspection};
use hatchery_model::units::Bytes;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use table::TableWatch;

/// The rules of this file's version: written into every verdict. Raised when a rule is added.
pub const INSPECTOR_VERSION: u32 = 1;

/// As much of an image's beginning is kept. Every signature stands in it, and so must the qcow2 header extensions.
const HEAD: usize = 256 << 10;
/// As much of the end: one sector, where some formats keep their only mark.
const TAIL: usize = 512;
/// From so many bytes on it is known which tables to watch; no table can begin earlier.
const FIRST: usize = 512;
/// A piece of a table, when a file is judged.
const PIECE: usize = 64 << 10;

/// Why an image is not taken in. The text is for the user: what is wrong, and what to do.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(String);

impl Refusal {
    fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

/// Judges one image. See the head of this file.
#[derive(Debug)]
pub struct Inspector {
    declared: DiskFormat,
    head: Vec<u8>,
    tail: Vec<u8>,
    length: u64,
    tables: Vec<TableWatch>,
    early: Option<Refusal>,
}

impl Inspector {
    /// Begins on an image that its user declares to be `declared`.
    pub fn new(declared: DiskFormat) -> Self {
        Self {
            declared,
            head: Vec::new(),
            tail: Vec::new(),
            length: 0,
            tables: Vec::new(),
            early: supported(declared).err(),
        }
    }

    /// Takes the next bytes.
    pub fn feed(&mut self, chunk: &[u8]) {
        let (first, rest) = chunk.split_at(chunk.len().min(FIRST.saturating_sub(self.head.len())));
        if !first.is_empty() {
            self.take(first);
            if self.head.len() == FIRST {
                self.tables = qcow2::tables(&self.head);
            }
        }
        self.take(rest);
    }

    fn take(&mut self, bytes: &[u8]) {
        for table in &mut self.tables {
            table.feed(self.length, bytes);
        }
        let was_short = self.head.len() < HEAD;
        let wanted = bytes.len().min(HEAD - self.head.len());
        self.head.extend(&bytes[..wanted]);
        if bytes.len() >= TAIL {
            self.tail.clear();
            self.tail.extend(&bytes[bytes.len() - TAIL..]);
        } else {
            self.tail.extend(bytes);
            let surplus = self.tail.len().saturating_sub(TAIL);
            self.tail.drain(..surplus);
        }
        self.length = self.length.saturating_add(bytes.len() as u64);
        if was_short && self.head.len() == HEAD && self.early.is_none() {
            self.early = self.judge_head().err();
        }
    }

    /// A refusal that no further byte can change: the upload may end here.
    pub fn early_refusal(&self) -> Option<&Refusal> {
        self.early.as_ref()
    }

    /// Memory that this inspector holds: bounded, whatever it was fed.
    pub fn held_bytes(&self) -> usize {
        self.head.capacity()
            + self.tail.capacity()
            + self.tables.capacity() * size_of::<TableWatch>()
            + self.early.as_ref().map_or(0, |refusal| refusal.0.capacity())
    }

    /// The verdict on all bytes.
    pub fn finish(self) -> Result<Inspection, Refusal> {
        if let Some(refusal) = self.early {
            return Err(refusal);
        }
        if self.length == 0 {
            return Err(Refusal::new(
                "the image is empty: upload the file again, and check that it has the disk in it",
            ));
        }
        let format = self.judge_head()?;
        let virtual_bytes = match format {
            ImageFormat::Raw => match signature::at_end(&self.tail) {
                Some(name) => return Err(not_taken(name, self.declared)),
                None => self.length,
            },
            ImageFormat::Qcow2 => qcow2::judge_whole(&self.head, self.length, &self.tables)?,
        };
        Ok(Inspection {
            format,
            virtual_bytes: Bytes(virtual_bytes),
            inspector_version: INSPECTOR_VERSION,
        })
    }

    /// All that the head alone says. Given a full head the answer does not depend on what follows.
    fn judge_head(&self) -> Result<ImageFormat, Refusal> {
        supported(self.declared)?;
        let format =
            if self.head.starts_with(&MAGIC) { ImageFormat::Qcow2 } else { ImageFormat::Raw };
        if let Some(name) = signature::in_head(&self.head) {
            return Err(match format {
                ImageFormat::Raw => not_taken(name, self.declared),
                ImageFormat::Qcow2 => Refusal::new(format!(
                    "the image begins as qcow2 and has a mark of {name} as well: such a file means one thing \
                     to one program and another to the next. Convert it to a clean one with `qemu-img convert`"
                )),
            });
        }
        match (self.declared, format) {
            (DiskFormat::Raw, ImageFormat::Raw) => raw::judge(&self.head)?,
            (DiskFormat::Qcow2, ImageFormat::Qcow2) => qcow2::judge_header(&self.head)?,
            (declared, found) => {
                let hint = match found {
                    ImageFormat::Qcow2 => "create the image with disk_format qcow2",
                    ImageFormat::Raw => {
                        "if it is a raw disk, create the image with disk_format raw; if not, the file is damaged"
                    }
                };
                return Err(Refusal::new(format!(
                    "the image is declared {declared}, and its bytes are {found}: {hint}"
                )));
            }
        }
        Ok(format)
    }
}

/// As much of a file's beginning as `judge_beginning` wants to see, or all of a shorter one.
pub const BEGINNING: usize = HEAD;

/// Judges by its beginning alone a file that somebody else has taken in: the format it is in, and the size of the disk in it. It stops
/// what names another file, what is not what it is declared to be, and what is of no use as a base; damage further in is the digest's.
pub fn judge_beginning(
    declared: DiskFormat,
    head: &[u8],
    length: u64,
) -> Result<Inspection, Refusal> {
    let verdict = |format, virtual_bytes| Inspection {
        format,
        virtual_bytes: Bytes(virtual_bytes),
        inspector_version: INSPECTOR_VERSION,
    };
    let plain =
        matches!(declared, DiskFormat::Iso | DiskFormat::Ami | DiskFormat::Ari | DiskFormat::Aki);
    if plain && !head.starts_with(&MAGIC) {
        return Ok(verdict(ImageFormat::Raw, length));
    }
    let mut inspector = Inspector::new(declared);
    inspector.feed(&head[..head.len().min(HEAD)]);
    Ok(match inspector.judge_head()? {
        ImageFormat::Raw => verdict(ImageFormat::Raw, length),
        ImageFormat::Qcow2 => {
            let header = crate::qcow2::Header::parse(head)
                .map_err(|error| Refusal::new(error.to_string()))?;
            verdict(ImageFormat::Qcow2, header.virtual_bytes)
        }
    })
}

/// Judges a whole qcow2 file by the same rules: its head, and the tables that its header points to. `Err` inside is the refusal.
pub(crate) fn judge_file(file: &File) -> io::Result<Result<Header, Refusal>> {
    let length = file.metadata()?.len();
    let mut inspector = Inspector::new(DiskFormat::Qcow2);
    inspector.head = vec![0; length.min(HEAD as u64) as usize];
    file.read_exact_at(&mut inspector.head, 0)?;
    inspector.length = length;
    if inspector.head.len() >= FIRST {
        inspector.tables = qcow2::tables(&inspector.head[..FIRST]);
    }
    let mut piece = vec![0; PIECE];
    for table in &mut inspector.tables {
        let (mut at, end) = (table.start(), table.end().min(length));
        while at < end {
            let part = &mut piece[..(end - at).min(PIECE as u64) as usize];
            file.read_exact_at(part, at)?;
            table.feed(at, part);
            at += part.len() as u64;
        }
    }
    let head = inspector.head.clone();
    Ok(inspector
        .finish()
        .and_then(|_| Header::parse(&head).map_err(|error| Refusal::new(error.to_string()))))
}

fn supported(declared: DiskFormat) -> Result<(), Refusal> {
    match declared {
        DiskFormat::Raw | DiskFormat::Qcow2 => Ok(()),
        DiskFormat::Ami
        | DiskFormat::Ari
        | DiskFormat::Aki
        | DiskFormat::Vhd
        | DiskFormat::Vhdx
        | DiskFormat::Vmdk
        | DiskFormat::Vdi
        | DiskFormat::Iso
        | DiskFormat::Ploop
        | DiskFormat::Luks => Err(Refusal::new(format!(
            "disk_format {declared} is not supported yet: convert the image with `qemu-img convert -O qcow2`, and \
             upload it with disk_format qcow2 (or raw)"
        ))),
    }
}

fn not_taken(found: &str, declared: DiskFormat) -> Refusal {
    Refusal::new(format!(
        "the image is declared {declared}, and its bytes are {found}: upload a raw or qcow2 disk instead \
         (unpack it, or convert it with `qemu-img convert -O qcow2`)"
    ))
}
