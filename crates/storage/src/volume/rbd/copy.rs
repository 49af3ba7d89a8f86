//! Copies bytes into a volume: those that are not zeros, counted, and digested as a whole. All of this blocks.

use super::backend::RbdImageSource;
use super::create::WantedImage;
use super::error::file_failed;
use crate::disk::digest;
use crate::pool::{Pool, hex};
use crate::qcow2::Header;
use crate::rbd::{CephConnection, OpenImage};
use crate::volume::chain::Chain;
use hatchery_model::disk::BlockSource;
use hatchery_model::image::ImageFormat;
use hatchery_ports::volume_backend::VolumeError;
use sha2::{Digest, Sha512};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;

/// What is read and written at once.
const PIECE: u64 = 4 << 20;
/// Zeros are looked for in blocks of this length.
const BLOCK: usize = 64 << 10;
/// Ceph is asked for data in ranges of this length.
const WINDOW: u64 = 4 << 30;
static ZEROES: [u8; BLOCK] = [0; BLOCK];

/// Where data is in an open image: asked for in windows, so that a large one is not listed as a whole.
pub(crate) struct Runs {
    known: VecDeque<(u64, u64)>,
    asked_to: u64,
    /// Nothing before this is known any more.
    begin: u64,
}

impl Runs {
    pub(crate) fn from(offset: u64) -> Self {
        Self { known: VecDeque::new(), asked_to: offset, begin: offset }
    }

    /// Whether to begin anew to learn of this place.
    pub(super) const fn is_behind(&self, offset: u64) -> bool {
        offset < self.begin
    }

    /// The next run at or after `from`, which must not go back.
    pub(crate) fn next(
        &mut self,
        image: &OpenImage,
        from: u64,
        size: u64,
    ) -> Result<Option<(u64, u64)>, VolumeError> {
        self.begin = from;
        loop {
            while let Some((offset, length)) = self.known.pop_front() {
                let (start, end) = (offset.max(from), (offset + length).min(size));
                if start < end {
                    self.known.push_front((start, end - start));
                    return Ok(Some((start, (end - start).min(PIECE))));
                }
            }
            self.asked_to = self.asked_to.max(from);
            if self.asked_to >= size {
                return Ok(None);
            }
            let length = WINDOW.min(size - self.asked_to);
            let found = image.extents(None, (self.asked_to, length), false)?;
            let data = found.iter().filter(|one| one.has_data);
            self.known.extend(data.map(|one| (one.offset, one.length)));
            self.asked_to += length;
        }
    }
}

/// What is copied.
pub(crate) struct ImageBytes {
    size: u64,
    from: From,
}

enum From {
    Files(Chain),
    Ceph(OpenImage, Runs),
}

impl ImageBytes {
    /// Of an open image in Ceph.
    pub(super) fn of(image: OpenImage) -> Result<Self, VolumeError> {
        Ok(Self { size: image.size()?, from: From::Ceph(image, Runs::from(0)) })
    }

    /// Of an open qcow2 file, which was judged.
    pub(crate) fn of_qcow2(mut file: File, size: u64) -> io::Result<Self> {
        file.rewind()?;
        Ok(Self { size, from: From::Files(Chain::of(file, ImageFormat::Qcow2)?) })
    }

    /// An image of the store, and the digest that its bytes must have, unless that was looked at here.
    pub(crate) fn open<'a>(
        ceph: &CephConnection,
        images: &RbdImageSource,
        wanted: &WantedImage<'a>,
    ) -> Result<(Self, Option<&'a str>), VolumeError> {
        let known = wanted.raw.map_or(wanted.sha512, |raw| &raw.sha512);
        if let Some(pool) = &images.pool {
            let name = crate::image_store::rbd_name(wanted.image, wanted.raw.is_some());
            let snapshot = Some(crate::image_store::RBD_SNAPSHOT);
            match ceph.pool(pool)?.open_to_read(&name, snapshot) {
                Err(error) if error.is_not_found() => {}
                opened => {
                    let image = opened?;
                    require_raw(&image, wanted)?;
                    return Ok((Self::of(image)?, Some(known)));
                }
            }
        }
        let Some(folder) = &images.files else { return Err(no_image(wanted)) };
        let pool = Pool::open(folder).map_err(file_failed("use the pool of images"))?;
        let path = match wanted.raw {
            Some(_) => pool.raw_form(wanted.image),
            None => pool.image(wanted.image),
        };
        let opened = Self::open_file(&path, wanted, known);
        opened.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => no_image(wanted),
            io::ErrorKind::InvalidData => VolumeError::Conflict(error.to_string()),
            _ => file_failed("read the image")(error),
        })
    }

    fn open_file<'a>(
        path: &Path,
        wanted: &WantedImage<'_>,
        known: &'a str,
    ) -> io::Result<(Self, Option<&'a str>)> {
        let mut head = Vec::new();
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        file.take(512).read_to_end(&mut head)?;
        let header = wanted.raw.is_none().then(|| Header::parse(&head).ok()).flatten();
        let (format, size) = match &header {
            Some(header) => (ImageFormat::Qcow2, header.virtual_bytes),
            None => (ImageFormat::Raw, length),
        };
        // What is converted has other bytes than the file.
        let check = if header.is_some() {
            if digest(path)? != known {
                let text =
                    "the bytes in the pool are not those that were taken in: their SHA-512 differs";
                return Err(io::Error::new(io::ErrorKind::InvalidData, text));
            }
            None
        } else {
            Some(known)
        };
        let path = path.to_owned();
        let chain =
            Chain::open(&BlockSource::File { path, format, read_only: true, backing: None })?;
        Ok((Self { size, from: From::Files(chain) }, check))
    }

    pub(crate) const fn size(&self) -> u64 {
        self.size
    }

    fn next_data(&mut self, from: u64) -> Result<Option<(u64, u64)>, VolumeError> {
        match &mut self.from {
            From::Files(chain) => {
                chain.next_data(from, self.size).map_err(file_failed("read the image"))
            }
            From::Ceph(image, runs) => runs.next(image, from, self.size),
        }
    }

    fn read(&mut self, offset: u64, to: &mut [u8]) -> Result<(), VolumeError> {
        match &mut self.from {
            From::Files(chain) => chain.read(offset, to).map_err(file_failed("read the image")),
            From::Ceph(image, _) => Ok(image.read(offset, to)?),
        }
    }
}

/// What is no raw disk is never written into a volume as if it were one.
fn require_raw(image: &OpenImage, wanted: &WantedImage<'_>) -> Result<(), VolumeError> {
    let mut head = [0; 512];
    image.read(0, &mut head)?;
    if wanted.raw.is_none() && Header::parse(&head).is_ok() {
        return Err(VolumeError::Unsupported(format!(
            "image {} is qcow2 in Ceph and has no raw form: upload it again with force_raw_images set",
            wanted.image
        )));
    }
    Ok(())
}

fn no_image(wanted: &WantedImage<'_>) -> VolumeError {
    VolumeError::NotFound(format!(
        "image {} has no bytes in the image store: was it deleted?",
        wanted.image
    ))
}

/// SHA-512 of all that is copied, holes too; or of nothing, where nobody asks.
pub(crate) struct Digested {
    digest: Option<Sha512>,
    at: u64,
}

impl Digested {
    pub(crate) fn new(is_wanted: bool) -> Self {
        Self { digest: is_wanted.then(Sha512::new), at: 0 }
    }

    fn zeroes_to(&mut self, offset: u64) {
        let Some(digest) = &mut self.digest else { return };
        while self.at < offset {
            let length = (offset - self.at).min(BLOCK as u64);
            digest.update(&ZEROES[..length as usize]);
            self.at += length;
        }
    }

    fn take(&mut self, offset: u64, bytes: &[u8]) {
        self.zeroes_to(offset);
        if let Some(digest) = &mut self.digest {
            digest.update(bytes);
        }
        self.at = offset + bytes.len() as u64;
    }

    /// Lower-case hex.
    pub(crate) fn finish(self) -> String {
        self.digest.map(|digest| hex(&digest.finalize())).unwrap_or_default()
    }
}

/// Copies what is not zeros. Gives the bytes that were written; the caller closes the image.
pub(crate) fn copy_bytes(
    from: &mut ImageBytes,
    to: &OpenImage,
    digest: &mut Digested,
) -> Result<u64, VolumeError> {
    let (mut at, mut copied) = (0, 0);
    let mut piece = Vec::new();
    while let Some((offset, length)) = from.next_data(at)? {
        let length = length.min(PIECE);
        piece.resize(length as usize, 0);
        from.read(offset, &mut piece)?;
        digest.take(offset, &piece);
        copied += write_data(to, offset, &piece)?;
        at = offset + length;
    }
    digest.zeroes_to(from.size());
    Ok(copied)
}

/// Writes the blocks that are not zeros, neighbours together.
pub(crate) fn write_data(
    to: &OpenImage,
    offset: u64,
    bytes: &[u8],
) -> Result<u64, crate::rbd::CephError> {
    let (mut written, mut start) = (0, None);
    let mut at = 0;
    for block in bytes.chunks(BLOCK) {
        let is_zero = block == &ZEROES[..block.len()];
        match (is_zero, start) {
            (false, None) => start = Some(at),
            (true, Some(from)) => {
                to.write(offset + from as u64, &bytes[from..at])?;
                written += (at - from) as u64;
                start = None;
            }
            (true, None) | (false, Some(_)) => {}
        }
        at += block.len();
    }
    if let Some(from) = start {
        to.write(offset + from as u64, &bytes[from..])?;
        written += (bytes.len() - from) as u64;
    }
    Ok(written)
}
