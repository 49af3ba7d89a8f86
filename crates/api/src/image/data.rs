//! `PUT` and `GET /v2/images/{image}/file`: the bytes, streamed both ways.

use super::fault::{Asked, Fault, invalid};
use super::path;
use super::range::wanted;
use super::router::ImageState;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use hatchery_control::image::UploadBody;

/// What newer clients announce the size by, before `Content-Length`.
const SIZE: &str = "x-openstack-image-size";
const BYTES: &str = "application/octet-stream";

/// Takes an image's bytes.
pub async fn upload(
    State(state): State<ImageState>,
    asked: Asked,
    Path(id): Path<String>,
    request: Request,
) -> Result<StatusCode, Fault> {
    let (parts, body) = request.into_parts();
    let kind = parts.headers.get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.split(';').next().unwrap_or_default().trim() != BYTES {
        return Err(Fault::Status(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            format!("An image's data is sent as Content-Type {BYTES}."),
        ));
    }
    let size = size(&parts.headers)?;
    let id = path::image(&id)?;
    state.verbs.upload(&asked.0, id, size, arriving(body)).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn arriving(body: Body) -> UploadBody {
    let chunks = body.into_data_stream();
    chunks.map(|chunk| chunk.map_err(std::io::Error::other)).boxed()
}

fn size(headers: &HeaderMap) -> Result<Option<u64>, Fault> {
    let announced = headers.get(SIZE).or_else(|| headers.get(CONTENT_LENGTH));
    announced
        .map(|value| {
            let number = value.to_str().ok().and_then(|text| text.trim().parse().ok());
            number
                .ok_or_else(|| invalid("The announced size of the image is not a number of bytes."))
        })
        .transpose()
}

/// Gives an image's bytes, or a range of them.
pub async fn download(
    State(state): State<ImageState>,
    asked: Asked,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let image = state.verbs.open(&asked.0, path::image(&id)?).await?;
    let Some(content) = image.content() else {
        return Ok(StatusCode::NO_CONTENT.into_response());
    };
    let size = content.size.0;
    let range = wanted(&headers, size)?;
    let bytes = state.verbs.read(&image, range.offset, range.length).await?;
    let mut response = Response::builder()
        .header(CONTENT_TYPE, BYTES)
        .header(CONTENT_LENGTH, range.length)
        .header("content-md5", &content.md5);
    if range.partial {
        let last = range.offset + range.length - 1;
        response = response
            .status(StatusCode::PARTIAL_CONTENT)
            .header(CONTENT_RANGE, format!("bytes {}-{last}/{size}", range.offset));
    }
    response.body(Body::from_stream(bytes)).map_err(|error| {
        Fault::Error(hatchery_control::Error::Internal { source: Box::new(error) })
    })
}
