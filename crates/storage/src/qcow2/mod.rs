//! The qcow2 format, read and written in process: headers, overlays without data, and whole files for
//! images of volumes.
//!
//! Not here: guests' data (QEMU's business), and the judgement of what users upload (`inspect`).

mod header;
mod overlay;
mod stream;

pub(crate) use header::be64;
pub use header::{Extension, Header, HeaderError};
pub use overlay::{Overlay, read_overlay, write_overlay};
pub(crate) use overlay::{grow, is_untouched, temporary_name, write_growable};
pub(crate) use stream::Layout;

/// `QFI\xfb`.
pub const MAGIC: [u8; 4] = *b"QFI\xfb";
/// The largest disk that is made or taken in: 16 TiB.
pub const MAX_VIRTUAL_BYTES: u64 = 16 << 40;

/// Header extension: the format of the backing file.
pub const EXTENSION_BACKING_FORMAT: u32 = 0xe279_2aca;
/// Header extension: the name of an external data file.
pub const EXTENSION_DATA_FILE: u32 = 0x4441_5441;
/// Header extension: where the encryption header is.
pub const EXTENSION_ENCRYPTION: u32 = 0x0537_be77;
/// Header extension of our own ("HtNo"): a note to ourselves, which QEMU keeps and ignores.
pub const EXTENSION_NOTE: u32 = 0x4874_4e6f;
