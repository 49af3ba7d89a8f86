//! `/flavors`, with extra specs and access.

use crate::cloud::Cloud;
use axum::http::StatusCode;
use insta::assert_snapshot;
use serde_json::{Value, json};

fn body(flavor: Value) -> Value {
    json!({"flavor": flavor})
}

fn small() -> Value {
    json!({"name": "small", "ram": 64, "vcpus": 1, "disk": 0})
}

#[tokio::test]
async fn everyone_sees_what_is_public() {
    let cloud = Cloud::new().await;
    assert_snapshot!(cloud.ask("GET /flavors", "unscoped").await.shown(), @r#"
    200 OK
    {
      "flavors": [
        {
          "id": "1",
          "links": [
            {"href":"http://cloud/compute/v2.1/flavors/1","rel":"self"},
            {"href":"http://cloud/compute/flavors/1","rel":"bookmark"}
          ],
          "name": "m1.tiny"
        }
      ]
    }
    "#);
    assert_snapshot!(cloud.ask("GET /flavors/1", "reader").await.shown(), @r#"
    200 OK
    {
      "flavor": {
        "OS-FLV-DISABLED:disabled": false,
        "OS-FLV-EXT-DATA:ephemeral": 0,
        "disk": 1,
        "id": "1",
        "links": [
          {"href":"http://cloud/compute/v2.1/flavors/1","rel":"self"},
          {"href":"http://cloud/compute/flavors/1","rel":"bookmark"}
        ],
        "name": "m1.tiny",
        "os-flavor-access:is_public": true,
        "ram": 512,
        "rxtx_factor": 1.0,
        "swap": "",
        "vcpus": 1
      }
    }
    "#);
    let newest = cloud.send("GET /flavors/detail", "reader", 96, Value::Null).await;
    assert_snapshot!(newest.shown(), @r#"
    200 OK
    {
      "flavors": [
        {
          "OS-FLV-DISABLED:disabled": false,
          "OS-FLV-EXT-DATA:ephemeral": 0,
          "description": null,
          "disk": 1,
          "extra_specs": {},
          "id": "1",
          "links": [
            {"href":"http://cloud/compute/v2.1/flavors/1","rel":"self"},
            {"href":"http://cloud/compute/flavors/1","rel":"bookmark"}
          ],
          "name": "m1.tiny",
          "os-flavor-access:is_public": true,
          "ram": 512,
          "rxtx_factor": 1.0,
          "swap": 0,
          "vcpus": 1
        }
      ]
    }
    "#);
    assert_snapshot!(cloud.ask("GET /flavors/9", "member").await.shown(), @r#"
    404 Not Found
    {"itemNotFound":{"code":404,"message":"Flavor 9 could not be found."}}
    "#);
    assert_eq!(cloud.ask("GET /flavors/9", "admin").await.status, StatusCode::OK);
}

#[tokio::test]
async fn listings_are_filtered_sorted_and_paged() {
    let cloud = Cloud::new().await;
    for (id, name, ram) in [("2", "b", 2048), ("3", "a", 1024)] {
        let flavor = json!({"id": id, "name": name, "ram": ram, "vcpus": 2, "disk": 20});
        let made = cloud.send("POST /flavors", "admin", 1, body(flavor)).await;
        assert_eq!(made.status, StatusCode::OK, "{}", made.shown());
    }
    let mut table = String::new();
    for query in [
        "",
        "minRam=1025",
        "minDisk=2",
        "sort_key=name",
        "sort_key=memory_mb&sort_dir=desc",
        "limit=2",
        "marker=2",
        "is_public=None",
        "is_public=false",
        "limit=0",
    ] {
        let member = cloud.ask(&format!("GET /flavors?{query}"), "member").await;
        let admin = cloud.ask(&format!("GET /flavors?{query}"), "admin").await;
        let ids = |answer: &crate::answer::Answer| answer.column("flavors", "id").join(" ");
        table.push_str(&format!("{query}: {} / {}\n", ids(&member), ids(&admin)));
    }
    assert_snapshot!(table, @r#"
    : 1 2 3 / 1 2 3
    minRam=1025: 2 / 2
    minDisk=2: 2 3 / 2 3
    sort_key=name: 3 2 1 / 3 2 1
    sort_key=memory_mb&sort_dir=desc: 2 3 1 / 2 3 1
    limit=2: 1 2 / 1 2
    marker=2: 3 / 3
    is_public=None: 1 2 3 / 1 2 3 9
    is_public=false: 1 2 3 / 9
    limit=0:  /
    "#);
    let page = cloud.ask("GET /flavors?limit=1&minDisk=2", "member").await;
    assert_snapshot!(page.part("/flavors_links"), @r#"[{"href":"http://cloud/compute/v2.1/flavors?limit=1&minDisk=2&marker=2","rel":"next"}]"#);
    let mut sentences = String::new();
    for query in ["minRam=much", "is_public=perhaps", "sort_key=colour", "marker=none", "limit=-1"]
    {
        let answer = cloud.ask(&format!("GET /flavors?{query}"), "admin").await;
        sentences.push_str(&format!("{query}: {} {}\n", answer.status, answer.message()));
    }
    assert_snapshot!(sentences, @r#"
    minRam=much: 400 Bad Request Invalid minRam filter [much]
    is_public=perhaps: 400 Bad Request Invalid is_public filter [perhaps]
    sort_key=colour: 400 Bad Request Sort key colour is not supported
    marker=none: 400 Bad Request marker [none] not found
    limit=-1: 400 Bad Request Invalid input: limit '-1' is not a whole number of 0 or more.
    "#);
}

#[tokio::test]
async fn administrators_make_change_and_delete_them() {
    let cloud = Cloud::new().await;
    let flavor = json!({
        "id": 5, "name": "small", "ram": "64", "vcpus": 1, "disk": 0, "swap": 8,
        "OS-FLV-EXT-DATA:ephemeral": 2, "rxtx_factor": "1.5", "os-flavor-access:is_public": "False",
        "description": "for tests",
    });
    assert_snapshot!(cloud.send("POST /flavors", "admin", 55, body(flavor)).await.shown(), @r#"
    200 OK
    {
      "flavor": {
        "OS-FLV-DISABLED:disabled": false,
        "OS-FLV-EXT-DATA:ephemeral": 2,
        "description": "for tests",
        "disk": 0,
        "id": "5",
        "links": [
          {"href":"http://cloud/compute/v2.1/flavors/5","rel":"self"},
          {"href":"http://cloud/compute/flavors/5","rel":"bookmark"}
        ],
        "name": "small",
        "os-flavor-access:is_public": false,
        "ram": 64,
        "rxtx_factor": 1.5,
        "swap": 8,
        "vcpus": 1
      }
    }
    "#);
    let changed =
        cloud.send("PUT /flavors/5", "admin", 55, body(json!({"description": null}))).await;
    assert_eq!(changed.body["flavor"]["description"], Value::Null);
    let early = cloud.send("PUT /flavors/5", "admin", 54, body(json!({"description": null}))).await;
    assert_eq!(early.status, StatusCode::NOT_FOUND);
    assert_eq!(cloud.ask("DELETE /flavors/5", "admin").await.status, StatusCode::ACCEPTED);
    assert_snapshot!(cloud.ask("DELETE /flavors/5", "admin").await.shown(), @r#"
    404 Not Found
    {"itemNotFound":{"code":404,"message":"Flavor 5 could not be found."}}
    "#);
    let made_up = cloud.send("POST /flavors", "admin", 1, body(small())).await;
    assert_eq!(made_up.text("/flavor/id").len(), 36);
}

#[tokio::test]
async fn malformed_requests_are_told_what_is_wrong() {
    let cloud = Cloud::new().await;
    let mut sentences = String::new();
    for (field, value) in [
        ("name", json!("")),
        ("name", json!("m1.tiny")),
        ("id", json!("1")),
        ("id", json!(" x")),
        ("id", json!([])),
        ("ram", json!(0)),
        ("ram", json!(-1)),
        ("ram", json!("much")),
        ("ram", json!(4_294_967_296_u64)),
        ("vcpus", json!(0)),
        ("disk", json!(1.5)),
        ("swap", json!("")),
        ("rxtx_factor", json!(0)),
        ("os-flavor-access:is_public", json!("perhaps")),
        ("description", json!("x")),
        ("colour", json!("blue")),
    ] {
        let mut flavor = small();
        flavor[field] = value.clone();
        let answer = cloud.send("POST /flavors", "admin", 1, body(flavor)).await;
        sentences.push_str(&format!("{field} {value}: {} {}\n", answer.status, answer.message()));
    }
    assert_snapshot!(sentences, @r#"
    name "": 400 Bad Request Invalid input for field/attribute name. Value: . 1 to 255 printable characters are wanted, without white space at the ends.
    name "m1.tiny": 409 Conflict Flavor with name m1.tiny already exists.
    id "1": 409 Conflict Flavor with ID 1 already exists.
    id " x": 400 Bad Request Invalid input received: flavorid must be 1 to 255 letters, digits, dots, dashes, underscores or inner spaces
    id []: 400 Bad Request Invalid input for field/attribute id. Value: []. A text is wanted.
    ram 0: 400 Bad Request Invalid input received: ram must be an integer from 1 to 2147483647
    ram -1: 400 Bad Request Invalid input for field/attribute ram. Value: -1. A whole number of 0 or more is wanted.
    ram "much": 400 Bad Request Invalid input for field/attribute ram. Value: "much". A whole number of 0 or more is wanted.
    ram 4294967296: 400 Bad Request Invalid input received: ram must be an integer from 1 to 2147483647
    vcpus 0: 400 Bad Request Invalid input received: vcpus must be an integer from 1 to 2147483647
    disk 1.5: 400 Bad Request Invalid input for field/attribute disk. Value: 1.5. A whole number of 0 or more is wanted.
    swap "": 400 Bad Request Invalid input for field/attribute swap. Value: "". A whole number of 0 or more is wanted.
    rxtx_factor 0: 400 Bad Request Invalid input for field/attribute rxtx_factor. Value: 0. A number above 0 is wanted.
    os-flavor-access:is_public "perhaps": 400 Bad Request Invalid input for field/attribute flavor.os-flavor-access:is_public: "perhaps" is not a boolean at line 1 column 73
    description "x": 400 Bad Request Additional properties are not allowed ('description' was unexpected; it needs microversion 2.55)
    colour "blue": 400 Bad Request Invalid input for field/attribute flavor.colour: unknown field `colour`, expected one of `name`, `id`, `ram`, `vcpus`, `disk`, `OS-FLV-EXT-DATA:ephemeral`, `swap`, `rxtx_factor`, `os-flavor-access:is_public`, `description` at line 1 column 19
    "#);
}

#[tokio::test]
async fn extra_specs_are_set_and_removed() {
    let cloud = Cloud::new().await;
    let send = async |call: &str, body: Value| {
        let (method, path) = call.split_once(' ').unwrap();
        cloud
            .send(&format!("{method} /flavors/1/os-extra_specs{path}"), "admin", 1, body)
            .await
            .shown()
    };
    assert_snapshot!(send("POST ", json!({"extra_specs": {"hw:cpu_policy": "shared", "n": 1}})).await, @r#"
    200 OK
    {"extra_specs":{"hw:cpu_policy":"shared","n":"1"}}
    "#);
    assert_snapshot!(send("PUT /n", json!({"n": "2"})).await, @r#"
    200 OK
    {"n":"2"}
    "#);
    assert_snapshot!(send("GET /n", Value::Null).await, @r#"
    200 OK
    {"n":"2"}
    "#);
    assert_snapshot!(send("PUT /n", json!({"m": "2"})).await, @r#"
    400 Bad Request
    {"badRequest":{"code":400,"message":"Request body and URI mismatch"}}
    "#);
    assert_snapshot!(send("DELETE /n", Value::Null).await, @"200 OK");
    assert_snapshot!(send("GET /n", Value::Null).await, @r#"
    404 Not Found
    {"itemNotFound":{"code":404,"message":"Flavor extra spec n could not be found."}}
    "#);
    assert_snapshot!(send("GET ", Value::Null).await, @r#"
    200 OK
    {"extra_specs":{"hw:cpu_policy":"shared"}}
    "#);
    assert_snapshot!(send("POST ", json!({"extra_specs": {"a/b": "c"}})).await, @r#"
    400 Bad Request
    {
      "badRequest": {
        "code": 400,
        "message": "Key Names can only contain alphanumeric characters, periods, dashes, underscores, colons and spaces; names and values have at most 255 characters: 'a/b' does not fit."
      }
    }
    "#);
    assert_snapshot!(send("POST ", json!({"extra_specs": {"a": []}})).await, @r#"
    400 Bad Request
    {
      "badRequest": {
        "code": 400,
        "message": "Invalid input for field/attribute extra_specs: a: [] is not a text at line 1 column 24"
      }
    }
    "#);
    let shown = cloud.send("GET /flavors/1", "reader", 61, Value::Null).await;
    assert_eq!(shown.body["flavor"]["extra_specs"], json!({"hw:cpu_policy": "shared"}));
}

#[tokio::test]
async fn access_is_listed_for_flavors_that_are_not_public() {
    let cloud = Cloud::new().await;
    assert_snapshot!(cloud.ask("GET /flavors/9/os-flavor-access", "admin").await.shown(), @r#"
    200 OK
    {"flavor_access":[]}
    "#);
    assert_snapshot!(cloud.ask("GET /flavors/1/os-flavor-access", "admin").await.shown(), @r#"
    404 Not Found
    {"itemNotFound":{"code":404,"message":"Access list of public flavor 1 could not be found."}}
    "#);
}
