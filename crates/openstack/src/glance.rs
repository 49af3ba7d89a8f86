//! The images of an existing Glance, by its Images API v2.

use crate::error::OpenstackError;
use crate::keystone::Service;
use crate::session::{Request, Session};
use async_trait::async_trait;
use hatchery_model::id::ImageId;
use hatchery_model::image::{CatalogImage, CatalogState, ContentDigest, DigestAlgorithm};
use hatchery_model::units::Bytes;
use hatchery_ports::image_catalog::{CatalogError, ImageCatalog};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Images that one page is asked to have.
const PAGE: u32 = 500;
/// Bytes of a page. An image may have several MiB of properties, so a page that is longer is asked for with fewer images.
const LONGEST: u64 = 32 << 20;
/// The role without which Glance shows a user only some of the images.
const ADMIN: &str = "admin";

/// See the head of this file.
#[derive(Clone)]
pub struct GlanceCatalog {
    session: Arc<Session>,
}

#[derive(Deserialize)]
struct Page {
    images: Vec<Told>,
    next: Option<String>,
}

/// What Glance tells of an image, as far as it matters here.
#[derive(Deserialize)]
struct Told {
    id: String,
    status: String,
    disk_format: Option<String>,
    size: Option<u64>,
    checksum: Option<String>,
    os_hash_algo: Option<String>,
    os_hash_value: Option<String>,
}

impl GlanceCatalog {
    /// The images of the session's cloud. The session must be an administrator's.
    pub fn new(session: Arc<Session>) -> Self {
        Self { session }
    }

    fn list_all(&self) -> Result<Vec<CatalogImage>, OpenstackError> {
        let token = self.session.token(None)?;
        if !token.roles.iter().any(|role| role.eq_ignore_ascii_case(ADMIN)) {
            return Err(OpenstackError::Denied(format!(
                "the user {} has not the role {ADMIN} in this project, and would see only some of the images; use an administrator's credentials",
                token.user
            )));
        }
        let mut found = BTreeMap::new();
        // An image that is shown or hidden while both lists are read is in one of three, whichever way it went.
        for hidden in [true, false, true] {
            self.list_some(hidden, &mut found)?;
        }
        Ok(found.into_values().collect())
    }

    /// One of the two lists, to its end.
    fn list_some(
        &self,
        hidden: bool,
        found: &mut BTreeMap<ImageId, CatalogImage>,
    ) -> Result<(), OpenstackError> {
        let mut marker: Option<String> = None;
        let mut seen = std::collections::HashSet::new();
        loop {
            let page = self.page(hidden, marker.as_deref())?;
            let before = seen.len();
            for told in page.images {
                seen.insert(told.id.clone());
                if let Some(image) = told.image() {
                    found.insert(image.id, image);
                }
            }
            let Some(next) = page.next else {
                return Ok(());
            };
            if seen.len() == before {
                return Err(OpenstackError::Unavailable(
                    "Glance's pages do not come to an end: one has a next and nothing new"
                        .to_owned(),
                ));
            }
            let last = marker_of(&next).filter(|marker| seen.contains(*marker));
            marker = Some(last.map(str::to_owned).ok_or_else(|| {
                OpenstackError::Unavailable(format!(
                    "Glance's page names a next one that is none of its own: {next:.200}"
                ))
            })?);
        }
    }

    fn page(&self, hidden: bool, marker: Option<&str>) -> Result<Page, OpenstackError> {
        let mut limit = PAGE;
        loop {
            let mut path = format!(
                "/v2/images?limit={limit}&visibility=all&member_status=all&os_hidden={hidden}"
            );
            if let Some(marker) = marker {
                path.push_str("&marker=");
                path.push_str(marker);
            }
            match self.get(&path) {
                Err(OpenstackError::Unreachable {
                    source: ureq::Error::BodyExceedsLimit(_),
                    ..
                }) if limit > 1 => limit /= 8,
                answer => return answer?.json(),
            }
            limit = limit.max(1);
        }
    }

    fn find_one(&self, id: ImageId) -> Result<Option<CatalogImage>, OpenstackError> {
        let answer = self.get(&format!("/v2/images/{id}"))?;
        if answer.status == 404 {
            return Ok(None);
        }
        let told: Told = answer.json()?;
        if told.id != id.to_string() {
            return Err(OpenstackError::Unavailable(format!(
                "Glance was asked for the image {id} and tells of another"
            )));
        }
        Ok(told.image())
    }

    fn get(&self, path: &str) -> Result<crate::http::Answer, OpenstackError> {
        self.session.send(&Request {
            service: Service::Image,
            version: "/v2",
            method: "GET",
            path,
            body: None,
            limit: LONGEST,
        })
    }
}

/// The marker of a `next`, which must be a path on the same host, with the marker as Glance writes it: an image's id.
fn marker_of(next: &str) -> Option<&str> {
    let query = next.strip_prefix('/').filter(|rest| !rest.starts_with('/'))?.split_once('?')?.1;
    let marker = query.split('&').find_map(|pair| pair.strip_prefix("marker="))?;
    marker.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-').then_some(marker)
}

impl Told {
    /// `None` for an id that is not written as Glance writes ids: its base could not be named.
    fn image(self) -> Option<CatalogImage> {
        let id: ImageId = self.id.parse().ok()?;
        if id.to_string() != self.id {
            tracing::warn!(
                image.id = self.id,
                "left alone: its id is not written in lower case with dashes"
            );
            return None;
        }
        let strong = digest(self.os_hash_algo.as_deref(), self.os_hash_value);
        Some(CatalogImage {
            id,
            state: CatalogState::of_status(&self.status),
            format: self.disk_format.and_then(|format| format.parse().ok()),
            size: self.size.map(Bytes),
            digest: strong.or_else(|| digest(Some("md5"), self.checksum)),
            raw: None,
        })
    }
}

fn digest(algorithm: Option<&str>, hex: Option<String>) -> Option<ContentDigest> {
    let algorithm = DigestAlgorithm::parse(algorithm?)?;
    let digits = match algorithm {
        DigestAlgorithm::Md5 => 32,
        DigestAlgorithm::Sha256 => 64,
        DigestAlgorithm::Sha512 => 128,
    };
    let hex = hex?.to_ascii_lowercase();
    let fits = hex.len() == digits && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    fits.then_some(ContentDigest { algorithm, hex })
}

#[async_trait]
impl ImageCatalog for GlanceCatalog {
    async fn list(&self) -> Result<Vec<CatalogImage>, CatalogError> {
        let this = self.clone();
        in_background(move || this.list_all()).await.map_err(|e| e.of_catalog("list its images"))
    }

    async fn find(&self, id: ImageId) -> Result<Option<CatalogImage>, CatalogError> {
        let this = self.clone();
        in_background(move || this.find_one(id)).await.map_err(|e| e.of_catalog("tell of an image"))
    }
}

/// Runs what blocks where that is allowed.
pub(crate) async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, OpenstackError> + Send + 'static,
) -> Result<T, OpenstackError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        Err(OpenstackError::Unavailable(format!("a request broke off: {error}")))
    })
}

#[cfg(test)]
mod tests {
    use super::marker_of;

    #[test]
    fn only_a_marker_on_the_same_host_is_followed() {
        assert_eq!(marker_of("/v2/images?limit=5&marker=ab-12&os_hidden=true"), Some("ab-12"));
        for next in [
            "http://elsewhere/v2/images?marker=ab-12",
            "//elsewhere/v2/images?marker=ab-12",
            "/v2/images",
            "/v2/images?limit=5",
            "/v2/images?marker=../../x",
        ] {
            assert_eq!(marker_of(next), None, "{next}");
        }
    }
}
