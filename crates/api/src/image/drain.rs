//! A request's body that is read to its end also when nobody wants it any more, within reason: a client that is still sending
//! looks for the answer only when it is done, and would see a broken connection instead of the reason.

use axum::body::{Body, BodyDataStream, HttpBody};
use axum::extract::Request;
use axum::http::header::EXPECT;
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::timeout;

/// So long unwanted bytes are read.
const PATIENCE: Duration = Duration::from_secs(10);

/// Middleware: see the head of this file.
pub async fn drain(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    if body.is_end_stream() {
        return next.run(Request::from_parts(parts, body)).await;
    }
    let body = Drained {
        inner: Some(body.into_data_stream()),
        flowing: !parts.headers.contains_key(EXPECT),
    };
    next.run(Request::from_parts(parts, Body::from_stream(body))).await
}

struct Drained {
    inner: Option<BodyDataStream>,
    /// Whether the client has begun to send, as far as we know.
    flowing: bool,
}

impl Stream for Drained {
    type Item = std::io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.flowing = true;
        let Some(inner) = &mut self.inner else {
            return Poll::Ready(None);
        };
        let next = std::task::ready!(inner.poll_next_unpin(cx));
        if !matches!(next, Some(Ok(_))) {
            self.inner = None;
        }
        Poll::Ready(next.map(|chunk| chunk.map_err(std::io::Error::other)))
    }
}

impl Drop for Drained {
    fn drop(&mut self) {
        let Some(mut rest) = self.inner.take().filter(|_| self.flowing) else {
            return;
        };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let reading = async { while let Some(Ok(_)) = rest.next().await {} };
                let _ = timeout(PATIENCE, reading).await;
            });
        }
    }
}
