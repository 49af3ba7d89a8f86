//! The catalogue and the servers, against a cloud that misbehaves in every way that ends in a missing image.

use crate::scripted_cloud::{Asked, Reply, ScriptedCloud};
use hatchery_model::id::ImageId;
use hatchery_model::image::{CatalogState, DigestAlgorithm, DiskFormat};
use hatchery_model::units::Bytes;
use hatchery_openstack::{GlanceCatalog, NovaServers};
use hatchery_ports::image_catalog::{CatalogError, ImageCatalog};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

fn id(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

fn image(number: usize) -> Value {
    json!({"id": id(number), "status": "active", "disk_format": "qcow2", "size": number,
           "checksum": "0".repeat(32), "os_hash_algo": "sha512", "os_hash_value": "AB".repeat(64),
           "name": "x", "owner": "p", "tags": [], "visibility": "private"})
}

/// Pages as Glance gives them: `count` images that are shown, and one that is hidden.
fn pages(asked: &Asked, count: usize) -> Value {
    if asked.parameter("os_hidden") == Some("true") {
        return json!({"images": [image(999_999)]});
    }
    assert_eq!(asked.parameter("visibility"), Some("all"));
    assert_eq!(asked.parameter("member_status"), Some("all"));
    let limit: usize = asked.parameter("limit").unwrap().parse().unwrap();
    let from = asked
        .parameter("marker")
        .map_or(0, |marker| marker.rsplit('-').next().unwrap().parse::<usize>().unwrap() + 1);
    let to = (from + limit).min(count);
    let mut page = json!({"images": (from..to).map(image).collect::<Vec<_>>()});
    if to - from == limit {
        page["next"] = json!(format!("/v2/images?limit={limit}&marker={}", id(to - 1)));
    }
    page
}

fn list(cloud: &ScriptedCloud) -> Result<usize, CatalogError> {
    run(GlanceCatalog::new(cloud.session()).list()).map(|images| images.len())
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

fn why(error: CatalogError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    assert!(!text.contains("secret") && !text.contains("token-"), "{text}");
    text
}

#[test]
fn ten_thousand_images_and_the_hidden_one() {
    let cloud = ScriptedCloud::start(|asked| Reply::Json(200, pages(asked, 10_000)));
    let catalog = GlanceCatalog::new(cloud.session());
    let images = run(catalog.list()).unwrap();
    assert_eq!(images.len(), 10_001);
    assert_eq!(cloud.tokens(), 1);
    let last = images.last().unwrap();
    assert_eq!(last.id, id(999_999).parse().unwrap());
    assert_eq!(last.state, CatalogState::Active);
    assert_eq!(last.format, Some(DiskFormat::Qcow2));
    assert_eq!(last.size, Some(Bytes(999_999)));
    let digest = last.digest.as_ref().unwrap();
    assert_eq!(
        (digest.algorithm, digest.hex.as_str()),
        (DigestAlgorithm::Sha512, &*"ab".repeat(64))
    );
    let all = cloud.asked();
    assert!(all.iter().skip(1).all(|asked| asked.path.starts_with("/image/v2/images?")), "{all:?}");
}

#[test]
fn every_state_and_an_image_without_bytes() {
    let cloud = ScriptedCloud::start(|asked| {
        if asked.parameter("os_hidden") == Some("true") {
            return Reply::Json(200, json!({"images": []}));
        }
        let mut images: Vec<Value> = (0..9).map(image).collect();
        let states = [
            "queued",
            "saving",
            "importing",
            "uploading",
            "deactivated",
            "pending_delete",
            "killed",
            "new word",
        ];
        for (image, state) in images.iter_mut().zip(states) {
            image["status"] = json!(state);
        }
        images[0] = json!({"id": id(0), "status": "queued", "disk_format": null, "size": null,
                           "checksum": null, "os_hash_algo": null, "os_hash_value": null});
        images[8] = json!({"id": id(8), "status": "active", "disk_format": "odd", "size": 1,
                           "checksum": "1".repeat(32), "os_hash_algo": "sha384", "os_hash_value": "1"});
        images.push(json!({"id": id(1).replace("4000", "4A00"), "status": "active"}));
        Reply::Json(200, json!({"images": images}))
    });
    let images = run(GlanceCatalog::new(cloud.session()).list()).unwrap();
    let states: Vec<CatalogState> = images.iter().map(|image| image.state).collect();
    use CatalogState::{Active, Deactivated, Going, Unfinished};
    assert_eq!(
        states,
        [
            Unfinished,
            Unfinished,
            Unfinished,
            Unfinished,
            Deactivated,
            Going,
            Going,
            Unfinished,
            Active
        ]
    );
    assert_eq!((images[0].size, &images[0].digest, images[0].format), (None, &None, None));
    let digest = images[8].digest.as_ref().unwrap();
    assert_eq!((digest.algorithm, images[8].format), (DigestAlgorithm::Md5, None));
}

#[test]
fn a_token_that_ends_between_two_pages_is_replaced_and_nothing_is_read_twice() {
    let cloud = ScriptedCloud::start(|asked| {
        let late = asked.parameter("marker").is_some();
        match asked.token.as_deref() {
            Some("token-1") if late => Reply::Json(401, json!({"error": {"code": 401}})),
            Some(_) => Reply::Json(200, pages(asked, 2000)),
            None => Reply::Json(401, json!({})),
        }
    });
    assert_eq!(list(&cloud).unwrap(), 2001);
    assert_eq!(cloud.tokens(), 2);
    let refused = cloud.asked().iter().filter(|a| a.token.as_deref() == Some("token-1")).count();
    assert_eq!(refused, 3, "hidden, first page, and the page that was refused");
}

#[test]
fn a_token_is_renewed_ahead_of_its_end() {
    let cloud = ScriptedCloud::start(|asked| Reply::Json(200, pages(asked, 3)));
    let catalog = GlanceCatalog::new(cloud.session());
    run(catalog.list()).unwrap();
    cloud.clock.advance_micros(57 * 60 * 1_000_000);
    run(catalog.list()).unwrap();
    assert_eq!(cloud.tokens(), 1);
    cloud.clock.advance_micros(61 * 1_000_000);
    run(catalog.list()).unwrap();
    assert_eq!(cloud.tokens(), 2);
}

#[test]
fn a_service_that_takes_no_token_at_all_is_told_from_one_that_is_away() {
    let cloud = ScriptedCloud::start(|_| Reply::Json(401, json!({})));
    let error = list(&cloud).unwrap_err();
    assert!(matches!(error, CatalogError::Denied(_)), "{error:?}");
    assert_eq!(cloud.tokens(), 2);
}

#[test]
fn whoever_would_see_only_some_images_is_refused() {
    let cloud =
        ScriptedCloud::with_roles(&["member", "reader"], |asked| Reply::Json(200, pages(asked, 3)));
    let error = list(&cloud).unwrap_err();
    assert!(matches!(error, CatalogError::Denied(_)), "{error:?}");
    assert!(why(error).contains("keeper has not the role admin"));
    assert!(cloud.asked().iter().all(|asked| !asked.path.contains("/images")));
}

#[test]
fn a_page_that_fails_fails_the_list() {
    type Fault = fn() -> Reply;
    let faults: [(Fault, &str); 6] = [
        (|| Reply::Json(503, json!({"message": "no worker"})), "answered 503"),
        (|| Reply::Json(500, json!({})), "answered 500"),
        (|| Reply::Json(404, json!({"message": "marker not found"})), "answered 404"),
        (|| Reply::Cut, "cannot be reached"),
        (|| Reply::Silence, "timeout"),
        (|| Reply::Json(200, json!({"pictures": []})), "not what was asked for"),
    ];
    for (fault, expected) in faults {
        for page in 0..3 {
            let count = AtomicUsize::new(0);
            let cloud = ScriptedCloud::start(move |asked| {
                if count.fetch_add(1, Ordering::SeqCst) == page {
                    return fault();
                }
                Reply::Json(200, pages(asked, 1200))
            });
            let session = match expected {
                "timeout" => cloud.session_within(Duration::from_millis(1500)),
                _ => cloud.session(),
            };
            let text = why(run(GlanceCatalog::new(session).list()).unwrap_err());
            assert!(text.contains(expected), "page {page}: {text}");
        }
    }
}

#[test]
fn a_next_that_lies_ends_the_list_with_an_error() {
    let elsewhere = ScriptedCloud::start(|asked| Reply::Json(200, pages(asked, 1)));
    let other = elsewhere.base.clone();
    type Lie = Box<dyn Fn() -> String + Send + Sync>;
    let lies: [Lie; 4] = [
        Box::new(|| format!("/v2/images?marker={}", id(499))),
        Box::new(|| format!("/v2/images?marker={}", id(700_000))),
        Box::new(move || format!("{other}/v2/images?marker={}", id(499))),
        Box::new(|| "/v2/images?page=2".to_owned()),
    ];
    for (number, lie) in lies.into_iter().enumerate() {
        let cloud = ScriptedCloud::start(move |_| {
            // The same page for ever.
            let page: Vec<Value> = (0..500).map(image).collect();
            Reply::Json(200, json!({"images": page, "next": lie()}))
        });
        let text = why(list(&cloud).unwrap_err());
        assert!(text.contains("end") || text.contains("none of its own"), "lie {number}: {text}");
        assert!(cloud.asked().len() <= 3, "lie {number}");
    }
    assert!(elsewhere.asked().is_empty());
}

#[test]
fn a_redirect_takes_the_token_nowhere() {
    let elsewhere = ScriptedCloud::start(|asked| Reply::Json(200, pages(asked, 1)));
    let other = elsewhere.base.clone();
    let cloud =
        ScriptedCloud::start(move |asked| Reply::Redirect(format!("{other}{}", asked.path)));
    assert!(why(list(&cloud).unwrap_err()).contains("is not followed"));
    assert!(elsewhere.asked().is_empty());
}

#[test]
fn a_page_that_is_too_long_is_asked_for_in_smaller_ones_and_then_given_up() {
    let cloud = ScriptedCloud::start(|asked| {
        let mut page = pages(asked, 20);
        let images = page["images"].as_array_mut().unwrap();
        for image in images.iter_mut() {
            image["big"] = json!("x".repeat(3 << 20));
        }
        Reply::Json(200, page)
    });
    assert_eq!(list(&cloud).unwrap(), 21);

    let cloud = ScriptedCloud::start(|asked| {
        let mut page = pages(asked, 2);
        page["big"] = json!("x".repeat(33 << 20));
        Reply::Json(200, page)
    });
    assert!(why(list(&cloud).unwrap_err()).contains("cannot be reached"));
}

#[test]
fn one_image_is_found_or_is_not_there_or_is_not_known() {
    let cloud = ScriptedCloud::start(|asked| match asked.path.rsplit('-').next().unwrap() {
        "000000000001" => Reply::Json(200, image(1)),
        "000000000002" => Reply::Json(404, json!({"message": "No image found"})),
        "000000000003" => Reply::Json(200, image(1)),
        _ => Reply::Json(503, json!({})),
    });
    let catalog = GlanceCatalog::new(cloud.session());
    let find = |number| run(catalog.find(id(number).parse::<ImageId>().unwrap()));
    assert_eq!(find(1).unwrap().unwrap().size, Some(Bytes(1)));
    assert_eq!(find(2).unwrap(), None);
    assert!(find(3).is_err(), "another image's answer");
    assert!(find(4).is_err());
}

#[test]
fn a_cloud_that_was_away_is_asked_again_when_it_is_back() {
    let away = std::sync::Arc::new(AtomicBool::new(true));
    let state = std::sync::Arc::clone(&away);
    let cloud = ScriptedCloud::start(move |asked| {
        if state.load(Ordering::SeqCst) { Reply::Cut } else { Reply::Json(200, pages(asked, 3)) }
    });
    let catalog = GlanceCatalog::new(cloud.session());
    assert!(run(catalog.list()).is_err());
    away.store(false, Ordering::SeqCst);
    assert_eq!(run(catalog.list()).unwrap().len(), 4);
}

#[test]
fn servers_are_reset_and_rebooted_by_their_ids() {
    let cloud = ScriptedCloud::start(|asked| match (asked.method.as_str(), asked.path.as_str()) {
        ("GET", "/compute/v2.1/servers/00000000-0000-4000-8000-000000000007") => Reply::Json(
            200,
            json!({"server": {"status": "ERROR", "OS-EXT-STS:task_state": null, "id": id(7)}}),
        ),
        ("POST", "/compute/v2.1/servers/00000000-0000-4000-8000-000000000007/action") => {
            Reply::Json(202, json!(null))
        }
        (
            "GET",
            "/compute/v2.1/servers/00000000-0000-4000-8000-000000000007/os-instance-actions",
        ) => {
            let action =
                |name, request| json!({"action": name, "request_id": request, "user_id": null});
            let actions = [action("reboot", "req-2"), action("create", "req-1")];
            Reply::Json(200, json!({"instanceActions": actions}))
        }
        ("GET", _) => Reply::Json(404, json!({})),
        _ => Reply::Json(409, json!({"conflictingRequest": {"message": "locked"}})),
    });
    let servers = NovaServers::new(cloud.session());
    let server = id(7).parse().unwrap();
    assert_eq!(run(servers.find(server)).unwrap().unwrap().status, "ERROR");
    run(servers.reset_state(server)).unwrap();
    run(servers.hard_reboot(server)).unwrap();
    let bodies: Vec<Value> =
        cloud.asked().into_iter().filter(|a| a.path.ends_with("/action")).map(|a| a.body).collect();
    assert_eq!(
        bodies,
        [json!({"os-resetState": {"state": "active"}}), json!({"reboot": {"type": "HARD"}})]
    );
    let actions = run(servers.actions(server)).unwrap();
    let told = actions.iter().map(|one| (one.action.as_str(), one.request_id.as_str()));
    assert_eq!(told.collect::<Vec<_>>(), [("reboot", "req-2"), ("create", "req-1")]);
    let other = id(8).parse().unwrap();
    assert_eq!(run(servers.find(other)).unwrap(), None);
    assert_eq!(run(servers.actions(other)).unwrap(), []);
    assert!(run(servers.reset_state(other)).unwrap_err().to_string().contains("locked"));
}
