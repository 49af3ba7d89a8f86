//! Images of volumes, written into an image store as an upload is: bytes are read once, and digested, judged and written side by side.

use crate::qcow2::Layout;
use async_trait::async_trait;
use bytes::Bytes as Chunk;
use hatchery_model::image::{DiskFormat, ImageContent};
use hatchery_model::units::Bytes;
use hatchery_model::volume::ImageOfVolume;
use hatchery_ports::image_maker::{ImageMaker, ImageMakerError};
use hatchery_ports::image_store::{ImageStore, ImageWriter};
use hatchery_ports::volume_backend::VolumeBytes;
use std::sync::Arc;

/// What is read at once.
const PIECE: u64 = 4 << 20;

/// See the head of this file.
pub struct StoreImageMaker {
    store: Arc<dyn ImageStore>,
    cap: Bytes,
    zeros: Chunk,
}

impl StoreImageMaker {
    /// `cap`: the largest image taken.
    pub fn new(store: Arc<dyn ImageStore>, cap: Bytes) -> Self {
        Self { store, cap, zeros: Chunk::from(vec![0; PIECE as usize]) }
    }

    async fn raw(
        &self,
        bytes: &mut dyn VolumeBytes,
        writer: &mut dyn ImageWriter,
    ) -> Result<(), ImageMakerError> {
        let (mut at, size) = (0, bytes.size().0);
        while let Some((start, length)) = bytes.next_data(at).await? {
            self.zeros(writer, start - at).await?;
            copy(bytes, writer, (start, length)).await?;
            at = start + length;
        }
        self.zeros(writer, size - at).await
    }

    async fn qcow2(
        &self,
        bytes: &mut dyn VolumeBytes,
        writer: &mut dyn ImageWriter,
    ) -> Result<(), ImageMakerError> {
        let (mut runs, mut at) = (Vec::new(), 0);
        while let Some((start, length)) = bytes.next_data(at).await? {
            runs.push((start, length));
            at = start + length;
        }
        let layout = Layout::new(bytes.size().0, runs).ok_or_else(|| {
            ImageMakerError::Unsupported(format!(
                "a qcow2 image of {} cannot be made: choose raw",
                bytes.size()
            ))
        })?;
        for table in layout.tables() {
            writer.write(Chunk::from(table)).await?;
        }
        for (start, length) in layout.data() {
            copy(bytes, writer, (start, length)).await?;
            self.zeros(writer, Layout::padding(length)).await?;
        }
        Ok(())
    }

    async fn zeros(
        &self,
        writer: &mut dyn ImageWriter,
        mut length: u64,
    ) -> Result<(), ImageMakerError> {
        while length > 0 {
            let part = length.min(PIECE);
            writer.write(self.zeros.slice(..part as usize)).await?;
            length -= part;
        }
        Ok(())
    }
}

async fn copy(
    bytes: &mut dyn VolumeBytes,
    writer: &mut dyn ImageWriter,
    (mut at, length): (u64, u64),
) -> Result<(), ImageMakerError> {
    let end = at + length;
    while at < end {
        let part = (end - at).min(PIECE);
        writer.write(bytes.read(at, part).await?).await?;
        at += part;
    }
    Ok(())
}

#[async_trait]
impl ImageMaker for StoreImageMaker {
    async fn make(
        &self,
        mut bytes: Box<dyn VolumeBytes>,
        wanted: &ImageOfVolume,
    ) -> Result<ImageContent, ImageMakerError> {
        let ImageOfVolume { image, upload, format, .. } = wanted;
        let mut writer = self.store.begin(*image, upload, *format, self.cap).await?;
        match format {
            DiskFormat::Raw => self.raw(&mut *bytes, &mut *writer).await?,
            DiskFormat::Qcow2 => self.qcow2(&mut *bytes, &mut *writer).await?,
            DiskFormat::Ami
            | DiskFormat::Ari
            | DiskFormat::Aki
            | DiskFormat::Vhd
            | DiskFormat::Vhdx
            | DiskFormat::Vmdk
            | DiskFormat::Vdi
            | DiskFormat::Iso
            | DiskFormat::Ploop
            | DiskFormat::Luks => {
                return Err(ImageMakerError::Unsupported(format!(
                    "an image of a volume cannot be {format}: choose raw or qcow2"
                )));
            }
        }
        let content = writer.finish().await?;
        bytes.close().await?;
        Ok(content)
    }
}
