//! What all routes share: version documents, microversions, projects in paths, methods, bodies.

use crate::cloud::{Cloud, ONE, TWO};
use axum::http::StatusCode;
use insta::assert_snapshot;
use serde_json::{Value, json};

#[tokio::test]
async fn version_documents_need_no_token() {
    let cloud = Cloud::new().await;
    let all = cloud.raw("GET", "/", &[], "").await;
    assert_snapshot!(all.shown(), @r#"
    300 Multiple Choices
    {
      "versions": [
        {
          "id": "v3.0",
          "links": [
            {
              "href": "https://docs.openstack.org/",
              "rel": "describedby",
              "type": "text/html"
            },
            {
              "href": "http://cloud/volume/v3/",
              "rel": "self"
            }
          ],
          "media-types": [
            {
              "base": "application/json",
              "type": "application/vnd.openstack.volume+json;version=3"
            }
          ],
          "min_version": "3.0",
          "status": "CURRENT",
          "updated": "2023-08-31T00:00:00Z",
          "version": "3.71"
        }
      ]
    }
    "#);
    for path in ["/v3", "/v3/"] {
        let one = cloud.raw("GET", path, &[], "").await;
        assert_eq!((one.status, &one.body), (StatusCode::OK, &all.body), "{path}");
    }
}

#[tokio::test]
async fn microversions_are_negotiated() {
    let cloud = Cloud::new().await;
    let mut table = String::new();
    for wanted in [
        "",
        "volume 3.27",
        "volume latest",
        "compute 2.1, volume 3.5",
        "compute 2.1",
        "volume 3.72",
        "volume 2.0",
        "volume x",
    ] {
        let mut headers = vec![("x-auth-token", "reader")];
        if !wanted.is_empty() {
            headers.push(("openstack-api-version", wanted));
        }
        let answer = cloud.raw("GET", "/v3/types", &headers, "").await;
        let spoken = answer.header("openstack-api-version");
        table.push_str(&format!("'{wanted}': {} {spoken} {}\n", answer.status, answer.message()));
        assert_eq!(answer.header("vary"), "OpenStack-API-Version");
    }
    assert_snapshot!(table, @r#"
    '': 200 OK volume 3.0 
    'volume 3.27': 200 OK volume 3.27 
    'volume latest': 200 OK volume 3.71 
    'compute 2.1, volume 3.5': 200 OK volume 3.5 
    'compute 2.1': 404 Not Found volume 3.0 API version None is not supported on this method: the OpenStack-API-Version header names no version of the volume service.
    'volume 3.72': 406 Not Acceptable volume 3.0 Version 3.72 is not supported by the API. Minimum is 3.0 and maximum is 3.71.
    'volume 2.0': 406 Not Acceptable volume 3.0 Version 2.0 is not supported by the API. Minimum is 3.0 and maximum is 3.71.
    'volume x': 400 Bad Request volume 3.0 API Version String x is of invalid format. Must be of format MajorNum.MinorNum.
    "#);
}

#[tokio::test]
async fn a_project_in_the_path_is_the_tokens() {
    let cloud = Cloud::new().await;
    let with = cloud.ask(&format!("GET /{ONE}/types?limit=1"), "member").await;
    assert_eq!(with.status, StatusCode::OK, "{}", with.shown());
    assert_eq!(
        with.body["volume_types"],
        cloud.ask("GET /types?limit=1", "member").await.body["volume_types"]
    );
    let next = with.text("/volume_type_links/0/href");
    assert!(next.starts_with(&format!("http://cloud/volume/v3/{ONE}/types?")), "{next}");
    let other = cloud.ask(&format!("GET /{TWO}/types"), "member").await;
    assert_snapshot!(other.shown(), @r#"
    400 Bad Request
    {
      "badRequest": {
        "code": 400,
        "message": "Malformed request url"
      }
    }
    "#);
    // An administrator too works in one project.
    let admin = cloud.ask(&format!("GET /{TWO}/types"), "admin").await;
    assert_eq!(admin.status, StatusCode::BAD_REQUEST);
    assert_eq!(cloud.ask("GET /nowhere/types", "member").await.status, StatusCode::NOT_FOUND);
    assert_eq!(cloud.ask(&format!("GET /{TWO}/types"), "").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn other_methods_other_paths_and_no_token() {
    let cloud = Cloud::new().await;
    let wrong = cloud.ask("PATCH /types", "member").await;
    assert_snapshot!(wrong.shown(), @r#"
    405 Method Not Allowed
    {
      "badMethod": {
        "code": 405,
        "message": "The method is not allowed for the requested URL."
      }
    }
    "#);
    assert_snapshot!(cloud.ask("GET /nothing", "member").await.shown(), @r#"
    404 Not Found
    {
      "itemNotFound": {
        "code": 404,
        "message": "The resource at this path could not be found."
      }
    }
    "#);
    assert_snapshot!(cloud.ask("GET /nothing", "").await.shown(), @r#"
    401 Unauthorized
    {
      "error": {
        "code": 401,
        "message": "The request you have made requires authentication: send a token in the X-Auth-Token header.",
        "title": "Unauthorized"
      }
    }
    "#);
}

#[tokio::test]
async fn bodies_that_are_none() {
    let cloud = Cloud::new().await;
    let long = format!("{{\"volume_type\": \"{}\"}}", "x".repeat(120_000));
    let mut sentences = String::new();
    for (label, body) in [
        ("nothing", ""),
        ("half", "{\"volume_type\": {"),
        ("list", "[]"),
        ("empty", "{}"),
        ("beside", "{\"volume_type\": {\"name\": \"a\"}, \"other\": 1}"),
        ("number", "{\"volume_type\": {\"name\": 7}}"),
        ("nameless", "{\"volume_type\": {\"name\": \" \"}}"),
        (
            "no boolean",
            "{\"volume_type\": {\"name\": \"a\", \"os-volume-type-access:is_public\": \"maybe\"}}",
        ),
        ("long", &long),
    ] {
        let headers = [("x-auth-token", "admin")];
        let answer = cloud.raw("POST", "/v3/types", &headers, body).await;
        sentences.push_str(&format!("{label}: {} {}\n", answer.status, answer.message()));
    }
    assert_snapshot!(sentences, @r#"
    nothing: 400 Bad Request Malformed request body: it is not JSON (EOF while parsing a value at line 1 column 0)
    half: 400 Bad Request Malformed request body: it is not JSON (EOF while parsing an object at line 1 column 17)
    list: 400 Bad Request Invalid input: invalid length 0, expected struct CreateBody with 1 element at line 1 column 2
    empty: 400 Bad Request Invalid input: missing field `volume_type` at line 1 column 2
    beside: 400 Bad Request Invalid input for field/attribute other: unknown field `other`, expected `volume_type` at line 1 column 38
    number: 400 Bad Request Invalid input for field/attribute volume_type.name: invalid type: integer `7`, expected a string at line 1 column 26
    nameless: 400 Bad Request Invalid input for field/attribute name. Value:  . It can not be empty.
    no boolean: 400 Bad Request Invalid input for field/attribute volume_type.os-volume-type-access:is_public: "maybe" is not a boolean at line 1 column 73
    long: 413 Payload Too Large The body has more than 114688 bytes.
    "#);
    assert_eq!(cloud.ask("GET /types", "admin").await.column("volume_types", "name").len(), 2);
}

#[tokio::test]
async fn wrong_pages_are_refused() {
    let cloud = Cloud::new().await;
    for query in [
        "limit=-1",
        "limit=x",
        "offset=-1",
        "offset=x",
        "offset=9999999999",
        "sort=name:up",
        "sort=name&sort_key=id",
        "sort_key=colour",
    ] {
        let answer = cloud.send(&format!("GET /types?{query}"), "member", 0, Value::Null).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}: {}", answer.shown());
        assert!(!answer.message().is_empty(), "{query}");
    }
    let marker = cloud.ask("GET /types?marker=nobody", "member").await;
    assert_eq!(marker.status, StatusCode::NOT_FOUND, "{}", marker.shown());
    let none = cloud.ask("GET /types?limit=0", "member").await;
    assert_eq!(none.body, json!({"volume_types": []}));
}
