//! Pages: put together, they are the listing, also where sort keys are equal.

use super::fixture::{action, id, image, server};
use crate::store::{ImageFilter, ServerFilter, Store, UnitOfWork};
use hatchery_model::id::{HostName, ProjectId, ServerId};
use hatchery_model::page::{Direction, Page};

fn page(limit: u32, marker: Option<&String>, sort: &[(&str, Direction)]) -> Page {
    Page {
        limit: Some(limit),
        marker: marker.cloned(),
        sort: sort.iter().map(|(key, direction)| ((*key).to_owned(), *direction)).collect(),
    }
}

const SORTS: &[&[(&str, Direction)]] = &[
    &[],
    &[("name", Direction::Ascending)],
    &[("display_name", Direction::Descending)],
    &[("host", Direction::Ascending), ("created_at", Direction::Ascending)],
    &[("size", Direction::Descending), ("name", Direction::Descending)],
    &[("updated_at", Direction::Ascending), ("id", Direction::Descending)],
    &[("uuid", Direction::Descending)],
    &[("status", Direction::Ascending), ("created_at", Direction::Descending)],
    &[("no such key", Direction::Ascending)],
];

async fn listed_servers(unit: &mut dyn UnitOfWork, of: &ProjectId, page: &Page) -> Vec<String> {
    let filter = ServerFilter { project: Some(of.clone()), ..ServerFilter::default() };
    let rows = unit.servers().list(&filter, page).await.unwrap();
    rows.iter().map(|row| row.id.to_string()).collect()
}

async fn listed_images(unit: &mut dyn UnitOfWork, of: &ProjectId, page: &Page) -> Vec<String> {
    let filter = ImageFilter { owner: Some(of.clone()), ..ImageFilter::default() };
    let rows = unit.images().list(&filter, page).await.unwrap();
    rows.iter().map(|row| row.id.to_string()).collect()
}

/// Servers by every sort key, many of them equal in it.
pub async fn pages_of_servers(store: &dyn Store) {
    let project = ProjectId::from(id());
    let mut unit = store.begin().await.unwrap();
    for n in 0..23 {
        let mut row = server(&project, 100 + n / 5);
        row.name = format!("name {}", n % 3);
        row.host = (n % 4 != 0).then(|| HostName(format!("host {}", n % 2)));
        unit.servers().insert(row).await.unwrap();
    }
    unit.commit().await.unwrap();

    let mut unit = store.read().await.unwrap();
    for sort in SORTS {
        let whole = listed_servers(unit.as_mut(), &project, &page(100, None, sort)).await;
        assert_eq!(whole.len(), 23);
        for limit in [1, 4, 23] {
            let mut joined: Vec<String> = Vec::new();
            loop {
                let page = page(limit, joined.last(), sort);
                let part = listed_servers(unit.as_mut(), &project, &page).await;
                if part.is_empty() {
                    break;
                }
                assert!(part.len() <= limit as usize);
                joined.extend(part);
            }
            assert_eq!(joined, whole, "{sort:?} by {limit}");
        }
    }
    let filter = ServerFilter { project: Some(project.clone()), ..ServerFilter::default() };
    let newest_first = unit.servers().list(&filter, &Page::default()).await.unwrap();
    assert!(newest_first.is_sorted_by_key(|row| (std::cmp::Reverse(row.created_at), row.id)));
    let nowhere = page(5, Some(&id().to_string()), &[]);
    let after_nothing = listed_servers(unit.as_mut(), &project, &nowhere).await;
    assert!(after_nothing.is_empty());
}

/// Images by every sort key, some without a name or a size.
pub async fn pages_of_images(store: &dyn Store) {
    let owner = ProjectId::from(id());
    let mut unit = store.begin().await.unwrap();
    for n in 0..17 {
        let name = format!("name {}", n % 3);
        let name = (n % 4 != 0).then_some(name.as_str());
        let row = image(&owner, name, 100 + n / 5);
        unit.images().insert(&row).await.unwrap();
    }
    unit.commit().await.unwrap();

    let mut unit = store.read().await.unwrap();
    for sort in SORTS {
        let whole = listed_images(unit.as_mut(), &owner, &page(100, None, sort)).await;
        assert_eq!(whole.len(), 17);
        for limit in [1, 5] {
            let mut joined: Vec<String> = Vec::new();
            loop {
                let page = page(limit, joined.last(), sort);
                let part = listed_images(unit.as_mut(), &owner, &page).await;
                if part.is_empty() {
                    break;
                }
                joined.extend(part);
            }
            assert_eq!(joined, whole, "{sort:?} by {limit}");
        }
    }
}

/// Actions of one server, some begun in the same moment.
pub async fn pages_of_actions(store: &dyn Store) {
    let of = ServerId(id());
    let mut unit = store.begin().await.unwrap();
    for n in 0..9 {
        let row = action(of, 10 + n / 3);
        unit.actions().insert(&row).await.unwrap();
        let elsewhere = action(ServerId(id()), 10);
        unit.actions().insert(&elsewhere).await.unwrap();
    }
    let whole = unit.actions().list(of, &Page::default()).await.unwrap();
    assert_eq!(whole.len(), 9);
    let mut joined = Vec::new();
    loop {
        let marker =
            joined.last().map(|row: &hatchery_model::compute::Action| row.request.to_string());
        let page = page(2, marker.as_ref(), &[]);
        let part = unit.actions().list(of, &page).await.unwrap();
        if part.is_empty() {
            break;
        }
        joined.extend(part);
    }
    assert_eq!(joined, whole);
    unit.commit().await.unwrap();
}
