//! `GET /servers`, `GET /servers/detail`

use crate::cloud::Cloud;
use axum::http::StatusCode;
use insta::assert_snapshot;
use serde_json::json;

const NULL: serde_json::Value = serde_json::Value::Null;

#[tokio::test]
async fn ids_and_names() {
    let cloud = Cloud::new().await;
    cloud.active("web").await;
    let listed = cloud.ask("GET /servers", "reader").await;
    assert_snapshot!(listed.shown(), @r#"
    200 OK
    {
      "servers": [
        {
          "id": "[uuid]",
          "links": [
            {"href":"http://cloud/compute/v2.1/servers/[uuid]","rel":"self"},
            {"href":"http://cloud/compute/servers/[uuid]","rel":"bookmark"}
          ],
          "name": "web"
        }
      ]
    }
    "#);
}

#[tokio::test]
async fn details_are_what_one_alone_shows_but_for_groups() {
    let cloud = Cloud::new().await;
    let id = cloud.active("web").await;
    for version in [1, 3, 47, 71, 96] {
        let listed = cloud.send("GET /servers/detail", "admin", version, NULL).await;
        assert_eq!(listed.body["servers"], json!([]), "another project's");
        let listed = cloud.send("GET /servers/detail", "member", version, NULL).await;
        let shown = cloud.send(&format!("GET /servers/{id}"), "member", version, NULL).await;
        let mut shown = shown.body["server"].clone();
        let groups = shown.as_object_mut().unwrap().remove("server_groups");
        assert_eq!(groups.is_some(), version >= 71);
        assert_eq!(listed.body["servers"], json!([shown]), "2.{version}");
    }
}

#[tokio::test]
async fn everyone_sees_their_project_and_administrators_all() {
    let cloud = Cloud::new().await;
    cloud.active("web").await;
    assert_eq!(cloud.ask("GET /servers", "other").await.column("servers", "name"), [""; 0]);
    assert_eq!(cloud.ask("GET /servers", "admin").await.column("servers", "name"), [""; 0]);
    let all = cloud.ask("GET /servers?all_tenants=True", "admin").await;
    assert_eq!(all.column("servers", "name"), ["web"]);
    let of_two = cloud.ask("GET /servers?all_tenants=1&project_id=two", "admin").await;
    assert_eq!(of_two.column("servers", "name"), [""; 0]);
    let member = cloud.ask("GET /servers/detail?all_tenants=1", "member").await;
    assert_snapshot!(member.shown(), @r#"
    403 Forbidden
    {
      "forbidden": {"code":403,"message":"Policy doesn't allow os_compute_api:servers:index:get_all_tenants to be performed."}
    }
    "#);
    let unscoped = cloud.ask("GET /servers", "unscoped").await;
    assert_snapshot!(unscoped.shown(), @r#"
    403 Forbidden
    {
      "forbidden": {
        "code": 403,
        "message": "os_compute_api:servers:index needs a token for a project; ask for one with a project scope."
      }
    }
    "#);
    assert_eq!(cloud.ask("GET /servers", "").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn pages_are_linked() {
    let cloud = Cloud::new().await;
    for name in ["a", "b", "c"] {
        cloud.create(name).await;
        cloud.pass(1);
    }
    let first =
        cloud.ask("GET /servers?limit=2&sort_key=display_name&sort_dir=asc", "member").await;
    assert_eq!(first.column("servers", "name"), ["a", "b"]);
    assert_snapshot!(first.part("/servers_links"), @r#"
    [
      {
        "href": "http://cloud/compute/v2.1/servers?limit=2&sort_key=display_name&sort_dir=asc&marker=[uuid]",
        "rel": "next"
      }
    ]
    "#);
    let next = first.text("/servers_links/0/href");
    let next = next.strip_prefix("http://cloud/compute/v2.1").unwrap();
    let last = cloud.ask(&format!("GET {next}"), "member").await;
    assert_eq!(last.column("servers", "name"), ["c"]);
    assert!(last.body.get("servers_links").is_none());
    let newest = cloud.ask("GET /servers", "member").await;
    assert_eq!(newest.column("servers", "name"), ["c", "b", "a"]);
    let none = cloud.ask("GET /servers?limit=0", "member").await;
    assert_eq!(none.body, json!({"servers": []}));
}

/// Queries that choose among three servers; `WEB` stands for the first one's id.
const FILTERS: [&str; 31] = [
    "name=web",
    "name=^w",
    "name=b$",
    "status=ACTIVE",
    "status=error",
    "status=ACTIVE&status=BUILD",
    "status=RESCUE",
    "vm_state=building",
    "image=00000000-0000-0000-0000-000000000011",
    "image=none",
    "flavor=1",
    "flavor=2",
    "user_id=other",
    "hostname=edge",
    "description=front",
    "config_drive=true",
    "availability_zone=nova",
    "ip=10.1.",
    "ip=1.0",
    "tags=blue",
    "tags=red,blue",
    "tags-any=red,green",
    "not-tags=red,blue",
    "not-tags-any=red,blue",
    "changes-since=2026-01-01T00:01:00Z",
    "changes-before=2026-01-01T00:00:30Z",
    "locked=true",
    "key_name=k",
    "uuid=WEB",
    "deleted=true",
    "host=host-9",
];

/// Each filter, with the servers of three that it leaves.
#[tokio::test]
async fn filters_choose() {
    let cloud = Cloud::new().await;
    let more = json!({"description": "front", "tags": ["red", "blue"], "hostname": "edge", "config_drive": true});
    let web = cloud.create_of("web-1", "member", more).await;
    cloud.settle().await;
    cloud.pass(60);
    cloud.failed("web-2").await;
    cloud.pass(60);
    cloud.create_of("db", "member", json!({"tags": ["blue"], "availability_zone": "nova"})).await;
    let mut table = String::new();
    for query in FILTERS {
        let filter = query.replace("WEB", &web);
        let call = format!("GET /servers?sort_key=display_name&sort_dir=asc&{filter}");
        let listed = cloud.send(&call, "member", 96, NULL).await;
        assert_eq!(listed.status, StatusCode::OK, "{query} {}", listed.shown());
        table.push_str(&format!("{query}: {}\n", listed.column("servers", "name").join(" ")));
    }
    assert_snapshot!(table, @r#"
    name=web: web-1 web-2
    name=^w: web-1 web-2
    name=b$: db
    status=ACTIVE: web-1
    status=error: web-2
    status=ACTIVE&status=BUILD: db web-1
    status=RESCUE: 
    vm_state=building: db
    image=00000000-0000-0000-0000-000000000011: db web-1 web-2
    image=none: 
    flavor=1: db web-1 web-2
    flavor=2: 
    user_id=other: 
    hostname=edge: web-1
    description=front: web-1
    config_drive=true: web-1
    availability_zone=nova: db web-1 web-2
    ip=10.1.: db web-1 web-2
    ip=1.0: 
    tags=blue: db web-1
    tags=red,blue: web-1
    tags-any=red,green: web-1
    not-tags=red,blue: db web-2
    not-tags-any=red,blue: web-2
    changes-since=2026-01-01T00:01:00Z: db web-2
    changes-before=2026-01-01T00:00:30Z: web-1
    locked=true: 
    key_name=k: 
    uuid=WEB: web-1
    deleted=true: db web-1 web-2
    host=host-9: db web-1 web-2
    "#);
}

#[tokio::test]
async fn queries_that_make_no_sense_are_refused() {
    let cloud = Cloud::new().await;
    let mut sentences = String::new();
    for (version, query) in [
        (1, "limit=-1"),
        (1, "limit=many"),
        (1, "marker=00000000-0000-0000-0000-0000000000ff"),
        (1, "sort_key=password"),
        (1, "sort_dir=sideways"),
        (1, "sort_key=host"),
        (1, "changes-since=soon"),
        (1, "all_tenants=perhaps"),
        (1, "status=DELETED"),
        (37, "status=SLEEPY"),
        (38, "status=SLEEPY"),
        (66, "changes-since=2026-01-02T00:00:00Z&changes-before=2026-01-01T00:00:00Z"),
        (74, "colour=blue"),
        (75, "colour=blue"),
    ] {
        let answer = cloud.send(&format!("GET /servers?{query}"), "member", version, NULL).await;
        sentences.push_str(&format!(
            "2.{version} {query}: {} {}\n",
            answer.status,
            answer.message()
        ));
    }
    assert_snapshot!(sentences, @r#"
    2.1 limit=-1: 400 Bad Request Invalid input: limit '-1' is not a whole number of 0 or more.
    2.1 limit=many: 400 Bad Request Invalid input: limit 'many' is not a whole number of 0 or more.
    2.1 marker=00000000-0000-0000-0000-0000000000ff: 400 Bad Request marker [00000000-0000-0000-0000-0000000000ff] not found
    2.1 sort_key=password: 400 Bad Request Sort key supplied is invalid: password
    2.1 sort_dir=sideways: 400 Bad Request Invalid input: sort direction 'sideways' is neither asc nor desc.
    2.1 sort_key=host: 403 Forbidden Only administrators can sort servers by host
    2.1 changes-since=soon: 400 Bad Request Invalid input for query parameters changes-since. Value: soon. 'soon' is not a 'date-time'
    2.1 all_tenants=perhaps: 400 Bad Request Invalid input for query parameters all_tenants. Value: perhaps
    2.1 status=DELETED: 403 Forbidden Only administrators may list deleted instances
    2.37 status=SLEEPY: 200 OK 
    2.38 status=SLEEPY: 400 Bad Request Invalid status value
    2.66 changes-since=2026-01-02T00:00:00Z&changes-before=2026-01-01T00:00:00Z: 400 Bad Request The value of changes-since must be less than or equal to changes-before.
    2.74 colour=blue: 200 OK 
    2.75 colour=blue: 400 Bad Request Invalid input for query parameters: additional properties are not allowed ('colour' was unexpected)
    "#);
    let unbuilt = cloud.ask("GET /servers?power_state=1", "admin").await;
    assert_snapshot!(unbuilt.shown(), @r#"
    501 Not Implemented
    {"notImplemented":{"code":501,"message":"Filtering servers by power_state is not available here."}}
    "#);
}

#[tokio::test]
async fn administrators_list_deleted_servers() {
    let cloud = Cloud::new().await;
    let id = cloud.active("web").await;
    cloud.ask(&format!("DELETE /servers/{id}"), "member").await;
    cloud.settle().await;
    assert_eq!(cloud.ask("GET /servers", "member").await.column("servers", "name"), [""; 0]);
    for query in ["deleted=true", "status=deleted"] {
        let listed =
            cloud.ask(&format!("GET /servers/detail?all_tenants=1&{query}"), "admin").await;
        assert_eq!(listed.column("servers", "status"), ["DELETED"], "{query}");
        assert_eq!(
            listed.column("servers", "OS-SRV-USG:terminated_at"),
            ["2026-01-01T00:00:00.000000"]
        );
    }
}
