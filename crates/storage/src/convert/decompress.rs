//! Compressed clusters. Whatever the bytes say, no more memory is taken than for a cluster and a window of its size.

use super::{ConvertError, damaged};
use flate2::{Decompress, FlushDecompress};
use ruzstd::decoding::StreamingDecoder;
use std::io::Read;

/// The header's number for zstd; 0 is deflate.
const ZSTD: u8 = 1;
const ZSTD_MAGIC: [u8; 4] = 0xfd2f_b528_u32.to_le_bytes();
/// A frame may not ask for a larger window: more than the largest cluster helps nobody.
const MAX_WINDOW: u64 = 8 << 20;

/// Unpacks one cluster after the other.
pub(crate) enum Decompressor {
    Deflate(Box<Decompress>),
    Zstd,
}

impl Decompressor {
    /// For the header's kind of compression, which has been judged.
    pub(crate) fn new(kind: u8) -> Self {
        match kind {
            ZSTD => Self::Zstd,
            _ => Self::Deflate(Box::new(Decompress::new(false))),
        }
    }

    /// Exactly `length` bytes out of those given, of which the last may be padding.
    pub(crate) fn unpack(&mut self, packed: &[u8], length: u64) -> Result<Vec<u8>, ConvertError> {
        let mut out = vec![0; length as usize];
        let is_whole = match self {
            Self::Deflate(inflate) => {
                inflate.reset(false);
                let done = inflate.decompress(packed, &mut out, FlushDecompress::Finish);
                done.is_ok() && inflate.total_out() == length
            }
            Self::Zstd => unpack_zstd(packed, &mut out),
        };
        if is_whole { Ok(out) } else { Err(damaged("a compressed cluster cannot be unpacked")) }
    }
}

fn unpack_zstd(packed: &[u8], out: &mut [u8]) -> bool {
    if window(packed).is_none_or(|window| window > MAX_WINDOW) {
        return false;
    }
    StreamingDecoder::new(packed).is_ok_and(|mut decoder| decoder.read_exact(out).is_ok())
}

/// What a frame's header asks for, by the format's description (RFC 8878, 3.1.1.1).
fn window(frame: &[u8]) -> Option<u64> {
    let rest = frame.strip_prefix(&ZSTD_MAGIC)?;
    let (&descriptor, rest) = rest.split_first()?;
    if descriptor & 0x20 == 0 {
        let &window = rest.first()?;
        let base = 1_u64 << (10 + u32::from(window >> 3));
        return Some(base + base / 8 * u64::from(window & 7));
    }
    // Without a window of its own, the frame's size is one.
    let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let size = rest.get(dictionary..)?;
    let length = [1, 2, 4, 8][usize::from(descriptor >> 6)];
    let mut bytes = [0; 8];
    bytes[..length].copy_from_slice(size.get(..length)?);
    let size = u64::from_le_bytes(bytes);
    Some(if length == 2 { size + 256 } else { size })
}
