//! An image's bytes as a stream.

use crate::rbd::{CephClient, CephError, OpenImage, Span};
use bytes::Bytes as Chunk;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use std::io;
use std::sync::Arc;
use tokio::runtime::Handle;

/// What is read at once: half an object, so that little memory is held for a slow reader.
const PIECE: u64 = 4 << 20;

/// Closed on a thread that may block.
struct Reading(Option<Arc<OpenImage>>);

impl Drop for Reading {
    fn drop(&mut self) {
        if let Some(image) = self.0.take()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn_blocking(move || drop(image));
        }
    }
}

pub(super) fn stream(
    client: CephClient,
    image: OpenImage,
    offset: u64,
    length: Option<u64>,
    size: u64,
) -> BoxStream<'static, io::Result<Chunk>> {
    let end = length.map_or(size, |length| offset.saturating_add(length).min(size));
    let reading = Reading(Some(Arc::new(image)));
    stream::try_unfold((client, reading, offset), move |(client, reading, at)| async move {
        let Some(image) = reading.0.clone().filter(|_| at < end) else { return Ok(None) };
        let length = PIECE.min(end - at);
        let piece = client
            .run(Span::Long, move |_| {
                let mut piece = vec![0; length as usize];
                image.read(at, &mut piece)?;
                Ok::<_, CephError>(Chunk::from(piece))
            })
            .await
            .map_err(io::Error::from)?;
        Ok(Some((piece, (client, reading, at + length))))
    })
    .boxed()
}
