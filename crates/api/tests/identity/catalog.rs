//! Version documents, the catalog, services, endpoints, regions, groups.

use crate::cloud::Cloud;
use axum::http::StatusCode;
use serde_json::{Value, json};

#[tokio::test]
async fn the_version_documents_lead_to_version_3() {
    let cloud = Cloud::new().await;
    let all = cloud.send("GET ", "", Value::Null).await;
    insta::assert_snapshot!(all.shown(), @r#"
    300 Multiple Choices
    {"versions":{"values":[{"id":"v3.14","links":[{"href":"http://cloud/identity/v3/","rel":"self"}],"media-types":[{"base":"application/json","type":"application/vnd.openstack.identity-v3+json"}],"status":"stable","updated":"2020-04-07T00:00:00Z"}]}}
    "#);
    assert_eq!(all.headers["location"], "http://cloud/identity/v3/");
    assert_eq!(all.headers["vary"], "X-Auth-Token");
    let v3 = cloud.send("GET /v3", "", Value::Null).await;
    assert_eq!(v3.status, StatusCode::OK);
    assert_eq!(v3.body["version"], all.body["versions"]["values"][0]);
    let slash = cloud.send("GET /v3/", "", Value::Null).await;
    assert_eq!(slash.shown(), v3.shown());
}

#[tokio::test]
async fn a_slash_at_the_end_is_no_other_place() {
    let cloud = Cloud::new().await;
    let bare = cloud.send("GET ", "", Value::Null).await;
    let slash = cloud.send("GET /", "", Value::Null).await;
    assert_eq!(slash.shown(), bare.shown());
}

#[tokio::test]
async fn what_is_not_there_says_so() {
    let cloud = Cloud::new().await;
    let no_route = cloud.send("GET /v3/nothing", "", Value::Null).await;
    insta::assert_snapshot!(no_route.shown(), @r#"
    404 Not Found
    {"error":{"code":404,"message":"The resource at this path could not be found.","title":"Not Found"}}
    "#);
    let no_method = cloud.send("PUT /v3/users", "", Value::Null).await;
    insta::assert_snapshot!(no_method.shown(), @r#"
    405 Method Not Allowed
    {"error":{"code":405,"message":"The method is not allowed for the requested URL.","title":"Method Not Allowed"}}
    "#);
    let no_token = cloud.send("GET /v3/users", "", Value::Null).await;
    insta::assert_snapshot!(no_token.shown(), @r#"
    401 Unauthorized
    {"error":{"code":401,"message":"The request you have made requires authentication: send a token in the X-Auth-Token header.","title":"Unauthorized"}}
    "#);
}

#[tokio::test]
async fn the_catalog_names_five_services_and_stays_the_same() {
    let cloud = Cloud::new().await;
    let answer = cloud.admin("GET /v3/auth/catalog", Value::Null).await;
    let mut lines = String::new();
    for service in answer.body["catalog"].as_array().unwrap() {
        lines.push_str(&format!("{} {}\n", service["type"], service["name"]));
        for endpoint in service["endpoints"].as_array().unwrap() {
            let [interface, region, url] =
                ["interface", "region_id", "url"].map(|key| &endpoint[key]);
            lines.push_str(&format!("  {interface} {region} {url}\n"));
        }
    }
    insta::assert_snapshot!(lines, @r#"
    "identity" "keystone"
      "public" "RegionOne" "http://cloud/identity"
      "internal" "RegionOne" "http://cloud/identity"
      "admin" "RegionOne" "http://cloud/identity"
    "image" "glance"
      "public" "RegionOne" "http://cloud/image"
      "internal" "RegionOne" "http://cloud/image"
      "admin" "RegionOne" "http://cloud/image"
    "compute" "nova"
      "public" "RegionOne" "http://cloud/compute/v2.1"
      "internal" "RegionOne" "http://cloud/compute/v2.1"
      "admin" "RegionOne" "http://cloud/compute/v2.1"
    "network" "neutron"
      "public" "RegionOne" "http://cloud/network"
      "internal" "RegionOne" "http://cloud/network"
      "admin" "RegionOne" "http://cloud/network"
    "block-storage" "cinder"
      "public" "RegionOne" "http://cloud/volume/v3"
      "internal" "RegionOne" "http://cloud/volume/v3"
      "admin" "RegionOne" "http://cloud/volume/v3"
    "#);
    assert_eq!(answer.body["links"], json!({"self": "http://cloud/identity/v3/auth/catalog"}));
    let cloud = cloud.restarted().await;
    let again = cloud.admin("GET /v3/auth/catalog", Value::Null).await;
    assert_eq!(again.body, answer.body);
}

#[tokio::test]
async fn services_endpoints_and_regions_are_those_of_the_catalog() {
    let cloud = Cloud::new().await;
    let services = cloud.admin("GET /v3/services?type=compute", Value::Null).await;
    insta::assert_snapshot!(services.shown(), @r#"
    200 OK
    {"links":{"next":null,"previous":null,"self":"http://cloud/identity/v3/services?type=compute"},"services":[{"description":"","enabled":true,"id":"[id]","links":{"self":"http://cloud/identity/v3/services/[id]"},"name":"nova","type":"compute"}]}
    "#);
    let id = services.body["services"][0]["id"].as_str().unwrap();
    let one = cloud.admin(&format!("GET /v3/services/{id}"), Value::Null).await;
    assert_eq!(one.body["service"], services.body["services"][0]);
    let call = format!("GET /v3/endpoints?service_id={id}&interface=public");
    let endpoints = cloud.admin(&call, Value::Null).await;
    insta::assert_snapshot!(endpoints.shown(), @r#"
    200 OK
    {"endpoints":[{"enabled":true,"id":"[id]","interface":"public","links":{"self":"http://cloud/identity/v3/endpoints/[id]"},"region":"RegionOne","region_id":"RegionOne","service_id":"[id]","url":"http://cloud/compute/v2.1"}],"links":{"next":null,"previous":null,"self":"http://cloud/identity/v3/endpoints?service_id=[id]&interface=public"}}
    "#);
    let id = endpoints.body["endpoints"][0]["id"].as_str().unwrap();
    let one = cloud.admin(&format!("GET /v3/endpoints/{id}"), Value::Null).await;
    assert_eq!(one.body["endpoint"], endpoints.body["endpoints"][0]);
    let all = cloud.admin("GET /v3/endpoints", Value::Null).await;
    assert_eq!(all.body["endpoints"].as_array().unwrap().len(), 15);
    let regions = cloud.admin("GET /v3/regions", Value::Null).await;
    insta::assert_snapshot!(regions.shown(), @r#"
    200 OK
    {"links":{"next":null,"previous":null,"self":"http://cloud/identity/v3/regions"},"regions":[{"description":"","id":"RegionOne","links":{"self":"http://cloud/identity/v3/regions/RegionOne"},"parent_region_id":null}]}
    "#);
    let region = cloud.admin("GET /v3/regions/RegionOne", Value::Null).await;
    assert_eq!(region.body["region"], regions.body["regions"][0]);
    let groups = cloud.admin("GET /v3/groups?name=x", Value::Null).await;
    insta::assert_snapshot!(groups.shown(), @r#"
    200 OK
    {"groups":[],"links":{"next":null,"previous":null,"self":"http://cloud/identity/v3/groups?name=x"}}
    "#);
    let change = cloud.admin("POST /v3/endpoints", json!({})).await;
    insta::assert_snapshot!(change.shown(), @r#"
    403 Forbidden
    {"error":{"code":403,"message":"The catalog of this deployment is made from its settings and cannot be changed by requests.","title":"Forbidden"}}
    "#);
}
