//! Glance's rows.

use super::assert_conflict;
use super::fixture::{id, image};
use crate::store::{ImageFilter, Store};
use hatchery_model::id::{ImageId, ProjectId};
use hatchery_model::image::{
    Image, ImageContent, ImageFormat, ImageState, Inspection, RawForm, Visibility,
};
use hatchery_model::page::Page;
use hatchery_model::units::Bytes;

fn content(size: u64) -> ImageContent {
    ImageContent {
        size: Bytes(size),
        md5: "m".to_owned(),
        sha512: "s".to_owned(),
        inspection: Inspection {
            format: ImageFormat::Qcow2,
            virtual_bytes: Bytes::from_gib(1),
            inspector_version: 1,
        },
        raw: None,
        location: None,
    }
}

async fn ids(store: &dyn Store, filter: &ImageFilter) -> Vec<ImageId> {
    let mut unit = store.read().await.unwrap();
    let images = unit.images().list(filter, &Page::default()).await.unwrap();
    images.iter().map(|image| image.id).collect()
}

/// Images: rows, compare-and-set and every filter that a listing has.
pub async fn images(store: &dyn Store) {
    let (mine, other) = (ProjectId::from(id()), ProjectId::from(id()));
    let mut old = image(&mine, Some("name"), 10);
    let mut new = image(&mine, Some("name"), 20);
    let mut public = image(&other, None, 30);
    let mut community = image(&other, Some("x"), 40);
    let raw = RawForm { size: Bytes(9), sha512: "raw".to_owned(), location: None };
    old.state = ImageState::Active(ImageContent { raw: Some(raw), ..content(7) });
    new.hidden = true;
    public.visibility = Visibility::Public;
    community.visibility = Visibility::Community;

    let mut unit = store.begin().await.unwrap();
    let rows = unit.images();
    assert_eq!(rows.find(old.id).await.unwrap(), None);
    for row in [&old, &new, &public, &community] {
        rows.insert(row).await.unwrap();
    }
    assert_conflict(rows.insert(&old).await);
    assert_eq!(rows.find(old.id).await.unwrap().as_ref(), Some(&old));
    unit.commit().await.unwrap();

    filters(store, &old, &new, &public, &community).await;
    let none = ImageFilter { ids: Some(vec![]), ..ImageFilter::default() };
    assert_eq!(ids(store, &none).await, []);
    compare_and_set(store, &mut old).await;
}

async fn filters(store: &dyn Store, old: &Image, new: &Image, public: &Image, community: &Image) {
    let all = ImageFilter::default();
    let seen = ImageFilter { seen_by: Some(old.owner.clone()), ..all.clone() };
    assert_eq!(ids(store, &seen).await, [public.id, new.id, old.id]);
    let owned = ImageFilter { owner: Some(old.owner.clone()), ..all.clone() };
    assert_eq!(ids(store, &owned).await, [new.id, old.id]);
    for (filter, wanted) in [
        (ImageFilter { hidden: Some(false), ..owned.clone() }, vec![old.id]),
        (ImageFilter { hidden: Some(true), ..owned.clone() }, vec![new.id]),
        (ImageFilter { statuses: vec!["active", "saving"], ..owned.clone() }, vec![old.id]),
        (ImageFilter { name: Some("name".to_owned()), ..all.clone() }, vec![new.id, old.id]),
        (ImageFilter { size: Some(Bytes(7)), ..owned.clone() }, vec![old.id]),
        (ImageFilter { size: Some(Bytes(8)), ..owned.clone() }, vec![]),
        (ImageFilter { raw_sha512: Some("raw".to_owned()), ..owned.clone() }, vec![old.id]),
        (ImageFilter { raw_sha512: Some("s".to_owned()), ..owned.clone() }, vec![]),
        (ImageFilter { hidden: Some(true), ..seen.clone() }, vec![new.id]),
        (
            ImageFilter {
                visibility: Some(Visibility::Community),
                owner: Some(community.owner.clone()),
                ..all.clone()
            },
            vec![community.id],
        ),
        (
            ImageFilter { ids: Some(vec![old.id, community.id]), ..all.clone() },
            vec![community.id, old.id],
        ),
    ] {
        assert_eq!(ids(store, &filter).await, wanted, "{filter:?}");
    }
}

async fn compare_and_set(store: &dyn Store, image: &mut Image) {
    let mut unit = store.begin().await.unwrap();
    let rows = unit.images();
    image.name = Some("renamed".to_owned());
    rows.update(image).await.unwrap();
    assert_conflict(rows.update(image).await);
    image.generation = image.generation.next();
    assert_eq!(rows.find(image.id).await.unwrap().as_ref(), Some(&*image));
    rows.update(image).await.unwrap();
    assert!(rows.delete(image.id).await.unwrap());
    assert!(!rows.delete(image.id).await.unwrap());
    image.generation = image.generation.next();
    assert_conflict(rows.update(image).await);
    unit.commit().await.unwrap();
}

/// Tags and properties: pages stay full although most rows do not fit.
pub async fn images_by_what_no_column_holds(store: &dyn Store) {
    let owner = ProjectId::from(id());
    let mut wanted = Vec::new();
    let mut unit = store.begin().await.unwrap();
    for n in 0..700 {
        let mut row = image(&owner, None, 1_000 - n);
        if n % 7 == 0 {
            row.tags.insert("seventh".to_owned());
            row.tags.insert("also".to_owned());
            let os = if n % 2 == 0 { "debian" } else { "alpine" };
            row.properties.insert("os".to_owned(), os.to_owned());
            wanted.push((row.id, os));
        }
        unit.images().insert(&row).await.unwrap();
    }
    unit.commit().await.unwrap();

    let mut filter = ImageFilter {
        owner: Some(owner),
        tags: vec!["seventh".to_owned(), "also".to_owned()],
        ..ImageFilter::default()
    };
    let tagged: Vec<ImageId> = wanted.iter().map(|one| one.0).collect();
    assert_eq!(ids(store, &filter).await, tagged);

    let mut unit = store.read().await.unwrap();
    let page = Page { limit: Some(90), marker: Some(tagged[4].to_string()), sort: Vec::new() };
    let listed = unit.images().list(&filter, &page).await.unwrap();
    let listed: Vec<ImageId> = listed.iter().map(|image| image.id).collect();
    assert_eq!(listed, tagged[5..95]);
    drop(unit);

    filter.properties.insert("os".to_owned(), "debian".to_owned());
    let debian: Vec<ImageId> =
        wanted.iter().filter(|one| one.1 == "debian").map(|one| one.0).collect();
    assert_eq!(ids(store, &filter).await, debian);
    filter.tags.push("no one has it".to_owned());
    assert_eq!(ids(store, &filter).await, []);
}
