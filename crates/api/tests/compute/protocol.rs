//! What all routes share: version documents, microversions, methods, paths, bodies.

use crate::answer::Answer;
use crate::cloud::Cloud;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use insta::assert_snapshot;
use serde_json::{Value, json};

async fn raw(
    cloud: &Cloud,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    cloud.raw(request.body(Body::from(body.to_owned())).unwrap()).await
}

#[tokio::test]
async fn version_documents_need_no_token() {
    let cloud = Cloud::new().await;
    assert_snapshot!(raw(&cloud, "GET", "/", &[], "").await.shown(), @r#"
    200 OK
    {
      "versions": [
        {
          "id": "v2.1",
          "links": [{"href":"http://cloud/compute/v2.1/","rel":"self"}],
          "min_version": "2.1",
          "status": "CURRENT",
          "updated": "2013-07-23T11:33:21Z",
          "version": "2.96"
        }
      ]
    }
    "#);
    let v21 = raw(&cloud, "GET", "/v2.1", &[], "").await;
    assert_snapshot!(v21.shown(), @r#"
    200 OK
    {
      "version": {
        "id": "v2.1",
        "links": [
          {"href":"http://cloud/compute/v2.1/","rel":"self"},
          {"href":"http://docs.openstack.org/","rel":"describedby","type":"text/html"}
        ],
        "media-types": [{"base":"application/json","type":"application/vnd.openstack.compute+json;version=2.1"}],
        "min_version": "2.1",
        "status": "CURRENT",
        "updated": "2013-07-23T11:33:21Z",
        "version": "2.96"
      }
    }
    "#);
    assert_eq!(raw(&cloud, "GET", "/v2.1/", &[], "").await.body, v21.body);
}

/// A request's headers, with the status and the headers that answer it.
#[tokio::test]
async fn microversions_are_negotiated() {
    let cloud = Cloud::new().await;
    let (ours, older) = ("openstack-api-version", "x-openstack-nova-api-version");
    let mut table = String::new();
    for headers in [
        vec![],
        vec![(ours, "compute 2.53")],
        vec![(ours, "compute latest")],
        vec![(ours, "volume 3.1, compute 2.10")],
        vec![(older, "2.9")],
        vec![(ours, "compute 2.20"), (older, "2.9")],
        vec![(ours, "compute 2.97")],
        vec![(ours, "compute 2.0")],
        vec![(ours, "compute two")],
    ] {
        let mut all = headers.clone();
        all.push(("x-auth-token", "reader"));
        let answer = raw(&cloud, "GET", "/v2.1/flavors", &all, "").await;
        table.push_str(&format!(
            "{headers:?}: {} {} {} {}\n",
            answer.status,
            answer.header(ours),
            answer.header(older),
            answer.message()
        ));
    }
    assert_snapshot!(table, @r#"
    []: 200 OK compute 2.1 2.1 
    [("openstack-api-version", "compute 2.53")]: 200 OK compute 2.53 2.53 
    [("openstack-api-version", "compute latest")]: 200 OK compute 2.96 2.96 
    [("openstack-api-version", "volume 3.1, compute 2.10")]: 200 OK compute 2.10 2.10 
    [("x-openstack-nova-api-version", "2.9")]: 200 OK compute 2.9 2.9 
    [("openstack-api-version", "compute 2.20"), ("x-openstack-nova-api-version", "2.9")]: 200 OK compute 2.20 2.20 
    [("openstack-api-version", "compute 2.97")]: 406 Not Acceptable compute 2.1 2.1 Version 2.97 is not supported by the API. Minimum is 2.1 and maximum is 2.96.
    [("openstack-api-version", "compute 2.0")]: 406 Not Acceptable compute 2.1 2.1 Version 2.0 is not supported by the API. Minimum is 2.1 and maximum is 2.96.
    [("openstack-api-version", "compute two")]: 400 Bad Request compute 2.1 2.1 API Version String 'two' is of invalid format. Must be of format MajorNum.MinorNum.
    "#);
    let answer = raw(&cloud, "GET", "/v2.1/flavors", &[("x-auth-token", "reader")], "").await;
    let vary: Vec<_> = answer.headers.get_all("vary").iter().collect();
    assert_eq!(vary, ["OpenStack-API-Version", "X-OpenStack-Nova-API-Version"]);
}

#[tokio::test]
async fn other_methods_are_405_and_other_paths_404() {
    let cloud = Cloud::new().await;
    for call in
        ["PATCH /servers", "POST /servers/detail", "DELETE /flavors", "PUT /limits", "POST /"]
    {
        let answer = cloud.send(call, "member", 1, Value::Null).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{call} {}", answer.shown());
    }
    let wrong = cloud.send("PATCH /servers", "member", 1, Value::Null).await;
    assert_snapshot!(wrong.shown(), @r#"
    405 Method Not Allowed
    {"badMethod":{"code":405,"message":"The method is not allowed for the requested URL."}}
    "#);
    assert_eq!(wrong.header("allow"), "GET,HEAD,POST");
    assert_snapshot!(cloud.ask("GET /os-cells", "admin").await.shown(), @r#"
    404 Not Found
    {"itemNotFound":{"code":404,"message":"The resource at this path could not be found."}}
    "#);
    assert_eq!(raw(&cloud, "GET", "/v3", &[], "").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn without_a_token_nothing_is_said() {
    let cloud = Cloud::new().await;
    let nobody = cloud.ask("GET /os-cells", "").await;
    assert_snapshot!(nobody.shown(), @r#"
    401 Unauthorized
    {
      "error": {
        "code": 401,
        "message": "The request you have made requires authentication: send a token in the X-Auth-Token header.",
        "title": "Unauthorized"
      }
    }
    "#);
    assert_eq!(nobody.header("www-authenticate"), "Keystone uri=\"/identity\"");
    assert_snapshot!(cloud.ask("GET /servers", "forged").await.shown(), @r#"
    401 Unauthorized
    {"error":{"code":401,"message":"The token is not one of ours.","title":"Unauthorized"}}
    "#);
    assert_eq!(
        cloud.send("PATCH /servers", "", 1, Value::Null).await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn bodies_that_are_none() {
    let cloud = Cloud::new().await;
    let member = [("x-auth-token", "member")];
    let long = format!("{{\"server\": \"{}\"}}", "x".repeat(120_000));
    let mut sentences = String::new();
    for (label, body) in [
        ("nothing", ""),
        ("text", "hello"),
        ("half", "{\"server\": {"),
        ("two", "{} {}"),
        ("list", "[]"),
        ("empty", "{}"),
        ("null", "{\"server\": null}"),
        ("beside", "{\"server\": {\"name\": \"a\", \"flavorRef\": \"1\"}, \"other\": 1}"),
        ("long", &long),
    ] {
        let answer = raw(&cloud, "POST", "/v2.1/servers", &member, body).await;
        sentences.push_str(&format!("{label}: {} {}\n", answer.status, answer.message()));
    }
    assert_snapshot!(sentences, @r#"
    nothing: 400 Bad Request Malformed request body: it is not JSON (EOF while parsing a value at line 1 column 0)
    text: 400 Bad Request Malformed request body: it is not JSON (expected value at line 1 column 1)
    half: 400 Bad Request Malformed request body: it is not JSON (EOF while parsing an object at line 1 column 12)
    two: 400 Bad Request Invalid input: missing field `server` at line 1 column 2
    list: 400 Bad Request Invalid input: invalid length 0, expected struct CreateBody with 3 elements at line 1 column 2
    empty: 400 Bad Request Invalid input: missing field `server` at line 1 column 2
    null: 400 Bad Request Invalid input for field/attribute server: invalid type: null, expected struct CreateServer at line 1 column 15
    beside: 400 Bad Request Invalid input for field/attribute other: unknown field `other`, expected one of `server`, `os:scheduler_hints`, `OS-SCH-HNT:scheduler_hints` at line 1 column 51
    long: 413 Payload Too Large The body has more than 114688 bytes.
    "#);
    let deep = "[".repeat(10_000);
    let answer = raw(&cloud, "POST", "/v2.1/servers", &member, &deep).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let paths = ["/v2.1/servers/%ff", "/v2.1/servers/..%2f..", "/v2.1/flavors/%00"];
    for path in paths {
        let answer = raw(&cloud, "GET", path, &member, "").await;
        assert!(answer.status.is_client_error(), "{path} {}", answer.shown());
    }
    assert_eq!(cloud.ask("GET /servers", "member").await.body, json!({"servers": []}));
}
