//! Version documents, schemas, and everything that is there only to say no.

use super::Door;
use crate::http::testing::ask;
use axum::http::Method;
use insta::assert_snapshot;
use serde_json::json;

#[tokio::test]
async fn versions_need_no_token() {
    let door = Door::open().await;
    let choices = ask(Method::GET, "/image").of(&door.router).await;
    assert_eq!(choices.status, 300);
    let list = ask(Method::GET, "/image/versions").of(&door.router).await;
    assert_eq!(list.status, 200);
    assert_eq!(list.json(), choices.json());
    let ids: Vec<_> = list.json()["versions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{} {}", one["id"].as_str().unwrap(), one["status"].as_str().unwrap()))
        .collect();
    assert_snapshot!(ids.join("\n"), @r#"
    v2.15 SUPPORTED
    v2.9 SUPPORTED
    v2.17 CURRENT
    v2.7 SUPPORTED
    v2.6 SUPPORTED
    v2.5 SUPPORTED
    v2.4 SUPPORTED
    v2.3 SUPPORTED
    v2.2 SUPPORTED
    v2.1 SUPPORTED
    v2.0 SUPPORTED
    "#);
    assert_snapshot!(list.json()["versions"][2], @r#"{"id":"v2.17","links":[{"href":"http://cloud:5000/image/v2/","rel":"self"}],"status":"CURRENT"}"#);
    assert_eq!(ask(Method::GET, "/image/v9/images").of(&door.router).await.status, 300);
}

#[tokio::test]
async fn information() {
    let door = Door::open().await;
    assert_snapshot!(door.get("reader", "/image/v2/info/import").await, @r#"
    200
    {
      "import-methods": {
        "description": "Import methods available.",
        "type": "array",
        "value": []
      }
    }
    "#);
    assert_snapshot!(door.get("reader", "/image/v2/info/stores").await, @r#"
    404
    {
      "code": "404 Not Found",
      "message": "A list of stores (multi backend is not supported at this site) could not be found.",
      "title": "Not Found"
    }
    "#);
    assert_snapshot!(door.get("reader", "/image/v2/info/usage").await, @r#"
    200
    {
      "usage": {}
    }
    "#);
    for name in ["image", "images", "member", "members"] {
        let path = format!("/image/v2/schemas/{name}");
        assert_eq!(door.get("reader", &path).await.json()["name"], name);
        assert_eq!(ask(Method::GET, &path).of(&door.router).await.status, 401);
    }
    assert_eq!(door.get("reader", "/image/v2/schemas/door").await.status, 404);
    let formats = &door.get("reader", "/image/v2/schemas/image").await.json()["properties"]["disk_format"]
        ["enum"];
    assert_eq!(formats[0], json!(null));
    assert!(formats.as_array().unwrap().contains(&json!("qcow2")));
}

#[tokio::test]
async fn members_are_not_there_yet() {
    let door = Door::open().await;
    let id = door.queued(json!({})).await;
    let path = format!("/image/v2/images/{id}/members");
    assert_snapshot!(door.get("member", &path).await, @r#"
    200
    {
      "members": [],
      "schema": "/v2/schemas/members"
    }
    "#);
    assert_eq!(door.get("other", &path).await.status, 404);
    let add = ask(Method::POST, &path).by("member").json(&json!({"member": "two"}));
    assert_snapshot!(add.of(&door.router).await, @r#"
    501
    {
      "code": "501 Not Implemented",
      "message": "Images cannot be shared with single projects yet; set visibility to community or public.",
      "title": "Not Implemented"
    }
    "#);
    assert_eq!(door.get("member", &format!("{path}/two")).await.status, 404);
    let import = ask(Method::POST, &format!("/image/v2/images/{id}/import")).by("member");
    assert_snapshot!(import.of(&door.router).await, @r#"
    400
    {
      "code": "400 Bad Request",
      "message": "Import is not available here: upload the data with PUT /v2/images/{image_id}/file.",
      "title": "Bad Request"
    }
    "#);
}

#[tokio::test]
async fn faults_are_html_unless_json_is_wanted() {
    let door = Door::open().await;
    let path = "/image/v2/images/%3Cb%3E";
    let html = ask(Method::GET, path).by("member").header("accept", "*/*").of(&door.router).await;
    assert_eq!(html.header("content-type"), "text/html; charset=UTF-8");
    assert_snapshot!(html, @r#"
    404
    <html>
     <head>
      <title>404 Not Found</title>
     </head>
     <body>
      <h1>404 Not Found</h1>
      Image &lt;b&gt; could not be found.<br /><br />
     </body>
    </html>
    "#);
    assert_snapshot!(door.get("member", path).await, @r#"
    404
    {
      "code": "404 Not Found",
      "message": "Image <b> could not be found.",
      "title": "Not Found"
    }
    "#);
}

#[tokio::test]
async fn what_is_not_there() {
    let door = Door::open().await;
    assert_snapshot!(door.get("member", "/image/v2/nothing").await, @r#"
    404
    {
      "code": "404 Not Found",
      "message": "The resource at this path could not be found.",
      "title": "Not Found"
    }
    "#);
    assert_eq!(ask(Method::GET, "/image/v2/nothing").of(&door.router).await.status, 401);
    assert_snapshot!(ask(Method::PUT, "/image/v2/images").by("member").of(&door.router).await, @r#"
    405
    {
      "code": "405 Method Not Allowed",
      "message": "The method is not allowed for this resource.",
      "title": "Method Not Allowed"
    }
    "#);
}
