//! `POST /servers`

use crate::cloud::{Cloud, wanted};
use crate::rows::{IMAGE, NETWORK, THEIR_IMAGE};
use axum::http::StatusCode;
use insta::assert_snapshot;
use serde_json::{Value, json};

const CREATE: &str = "POST /servers";

fn body(server: Value) -> Value {
    json!({"server": server})
}

/// The usual body with one field changed.
fn with(field: &str, value: Value) -> Value {
    let mut server = wanted("web");
    server[field] = value;
    body(server)
}

#[tokio::test]
async fn a_member_is_told_where_the_server_will_be() {
    let cloud = Cloud::new().await;
    let answer = cloud.send(CREATE, "member", 1, body(wanted("web"))).await;
    assert_snapshot!(answer.shown(), @r#"
    202 Accepted
    {
      "server": {
        "OS-DCF:diskConfig": "MANUAL",
        "id": "[uuid]",
        "links": [
          {"href":"http://cloud/compute/v2.1/servers/[uuid]","rel":"self"},
          {"href":"http://cloud/compute/servers/[uuid]","rel":"bookmark"}
        ],
        "security_groups": [{"name":"default"}]
      }
    }
    "#);
    let id = answer.text("/server/id");
    assert_eq!(answer.header("location"), format!("http://cloud/compute/v2.1/servers/{id}"));
    assert!(answer.header("x-openstack-request-id").starts_with("req-"));
    cloud.settle().await;
    let shown = cloud.ask(&format!("GET /servers/{id}"), "member").await;
    assert_eq!(shown.text("/server/status"), "ACTIVE");
}

#[tokio::test]
async fn several_servers_are_asked_for_by_one_request() {
    let cloud = Cloud::new().await;
    let mut server = wanted("web");
    server["min_count"] = json!("2");
    server["max_count"] = json!(3);
    server["return_reservation_id"] = json!(true);
    let answer = cloud.send(CREATE, "member", 1, body(server)).await;
    assert_snapshot!(answer.shown(), @r#"
    202 Accepted
    {"reservation_id":"[reservation]"}
    "#);
    let id = answer.text("/reservation_id");
    let made = cloud
        .ask(
            &format!("GET /servers?reservation_id={id}&sort_key=display_name&sort_dir=asc"),
            "member",
        )
        .await;
    assert_eq!(made.column("servers", "name"), ["web-1", "web-2", "web-3"]);
}

#[tokio::test]
async fn groups_are_given_back_and_passwords_are_not() {
    let cloud = Cloud::new().await;
    let mut server = wanted("web");
    server["adminPass"] = json!("secret");
    server["security_groups"] = json!([{"name": "default"}]);
    let answer = cloud.send(CREATE, "member", 1, body(server)).await;
    assert!(answer.body["server"].get("adminPass").is_none());
    assert_eq!(answer.text("/server/security_groups/0/name"), "default");
}

#[tokio::test]
async fn only_those_who_may_make_servers() {
    let cloud = Cloud::new().await;
    let reader = cloud.send(CREATE, "reader", 1, body(wanted("web"))).await;
    assert_snapshot!(reader.shown(), @r#"
    403 Forbidden
    {"forbidden":{"code":403,"message":"Policy doesn't allow os_compute_api:servers:create to be performed."}}
    "#);
    let unscoped = cloud.send(CREATE, "unscoped", 1, body(wanted("web"))).await;
    assert_snapshot!(unscoped.shown(), @r#"
    403 Forbidden
    {
      "forbidden": {
        "code": 403,
        "message": "os_compute_api:servers:create needs a token for a project; ask for one with a project scope."
      }
    }
    "#);
    let nobody = cloud.send(CREATE, "", 1, body(wanted("web"))).await;
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
    let none = cloud.ask("GET /servers?all_tenants=1", "admin").await;
    assert_eq!(none.column("servers", "id"), [""; 0]);
}

#[tokio::test]
async fn only_administrators_name_a_host() {
    let cloud = Cloud::new().await;
    let named = with("availability_zone", json!("nova:host-1"));
    let member = cloud.send(CREATE, "member", 1, named.clone()).await;
    assert_snapshot!(member.shown(), @r#"
    403 Forbidden
    {
      "forbidden": {"code":403,"message":"Policy doesn't allow os_compute_api:servers:create:forced_host to be performed."}
    }
    "#);
    let by_field = cloud.send(CREATE, "member", 74, with("host", json!("host-1"))).await;
    assert_eq!(by_field.status, StatusCode::FORBIDDEN);
    let admin = cloud.send(CREATE, "admin", 1, named).await;
    assert_eq!(admin.status, StatusCode::ACCEPTED);
    let unknown = cloud.send(CREATE, "admin", 74, with("host", json!("host-2"))).await;
    assert_snapshot!(unknown.shown(), @r#"
    400 Bad Request
    {"badRequest":{"code":400,"message":"Compute host host-2 could not be found."}}
    "#);
}

/// Fields with values that make no sense in any microversion.
fn malformed() -> Vec<(&'static str, Value)> {
    vec![
        ("name", json!("")),
        ("name", json!(" web")),
        ("name", json!(7)),
        ("name", Value::Null),
        ("imageRef", json!("")),
        ("imageRef", json!("tiny")),
        ("imageRef", json!("00000000-0000-0000-0000-0000000000ff")),
        ("imageRef", json!(THEIR_IMAGE)),
        ("flavorRef", json!("none")),
        ("flavorRef", json!("9")),
        ("networks", json!([{"uuid": "blue"}])),
        ("networks", json!([{"uuid": IMAGE}])),
        ("networks", json!([{}])),
        ("networks", json!([{"port": NETWORK}])),
        ("networks", json!([{"uuid": NETWORK, "fixed_ip": "10.9.0.1"}])),
        ("networks", json!([{"uuid": NETWORK, "colour": "blue"}])),
        ("networks", json!("auto")),
        ("key_name", json!("mine")),
        ("user_data", json!("not base64!")),
        ("metadata", json!({"a/b": "c"})),
        ("metadata", json!({"a": 1})),
        ("config_drive", json!("perhaps")),
        ("availability_zone", json!("mars")),
        ("min_count", json!(0)),
        ("max_count", json!("many")),
        ("security_groups", json!([{"name": "web"}])),
        ("accessIPv4", json!("::1")),
        ("OS-DCF:diskConfig", json!("auto")),
        ("block_device_mapping_v2", json!([{"source_type": "volume", "uuid": IMAGE}])),
        ("personality", json!([])),
    ]
}

#[tokio::test]
async fn malformed_requests_are_told_what_is_wrong() {
    let cloud = Cloud::new().await;
    let mut sentences = String::new();
    for (field, value) in malformed() {
        let answer = cloud.send(CREATE, "member", 1, with(field, value.clone())).await;
        sentences.push_str(&format!("{field} {value}: {} {}\n", answer.status, answer.message()));
    }
    assert_snapshot!(sentences, @r#"
    name "": 400 Bad Request Invalid input for field/attribute name. Value: . 1 to 255 printable characters are wanted, without white space at the ends.
    name " web": 400 Bad Request Invalid input for field/attribute name. Value:  web. 1 to 255 printable characters are wanted, without white space at the ends.
    name 7: 400 Bad Request Invalid input for field/attribute server.name: invalid type: integer `7`, expected a string at line 1 column 85
    name null: 400 Bad Request Invalid input for field/attribute server.name: invalid type: null, expected a string at line 1 column 88
    imageRef "": 400 Bad Request Missing imageRef attribute
    imageRef "tiny": 400 Bad Request Invalid imageRef provided.
    imageRef "00000000-0000-0000-0000-0000000000ff": 400 Bad Request Can not find requested image
    imageRef "00000000-0000-0000-0000-000000000012": 400 Bad Request Can not find requested image
    flavorRef "none": 400 Bad Request Flavor none could not be found.
    flavorRef "9": 400 Bad Request Flavor 9 could not be found.
    networks [{"uuid":"blue"}]: 400 Bad Request Bad networks format: network id 'blue' is not in proper format (UUID).
    networks [{"uuid":"00000000-0000-0000-0000-000000000011"}]: 400 Bad Request Network 00000000-0000-0000-0000-000000000011 could not be found.
    networks [{}]: 400 Bad Request Bad networks format: each interface needs a uuid or a port.
    networks [{"port":"00000000-0000-0000-0000-000000000021"}]: 400 Bad Request Port id 00000000-0000-0000-0000-000000000021 could not be found.
    networks [{"fixed_ip":"10.9.0.1","uuid":"00000000-0000-0000-0000-000000000021"}]: 400 Bad Request 10.9.0.1 is not an address that a port on network 00000000-0000-0000-0000-000000000021 can have.
    networks [{"colour":"blue","uuid":"00000000-0000-0000-0000-000000000021"}]: 400 Bad Request Invalid input for field/attribute server.networks: unknown field `colour`, expected one of `uuid`, `port`, `fixed_ip`, `tag` at line 1 column 167
    networks "auto": 400 Bad Request Invalid input for field/attribute networks: 'auto' is not a list of networks.
    key_name "mine": 400 Bad Request Invalid key_name provided.
    user_data "not base64!": 400 Bad Request User data needs to be valid base 64.
    metadata {"a/b":"c"}: 400 Bad Request Invalid input for field/attribute metadata: a key has 1 to 255 letters, digits, dashes, underscores, colons, dots or spaces; 'a/b' does not fit.
    metadata {"a":1}: 400 Bad Request Invalid input for field/attribute server.metadata.a: invalid type: integer `1`, expected a string at line 1 column 94
    config_drive "perhaps": 400 Bad Request Invalid input for field/attribute server.config_drive: "perhaps" is not a boolean at line 1 column 35
    availability_zone "mars": 400 Bad Request The requested availability zone is not available
    min_count 0: 400 Bad Request Invalid input for field/attribute server.min_count: '0' is not a count of at least 1 at line 1 column 90
    max_count "many": 400 Bad Request Invalid input for field/attribute server.max_count: 'many' is not a count of at least 1 at line 1 column 95
    security_groups [{"name":"web"}]: 400 Bad Request Security group web not found. There is only the group 'default'.
    accessIPv4 "::1": 400 Bad Request Invalid input for field/attribute server.accessIPv4: invalid IPv4 address syntax at line 1 column 29
    OS-DCF:diskConfig "auto": 400 Bad Request Invalid input for field/attribute server.OS-DCF:diskConfig: 'auto' is not one of ['AUTO', 'MANUAL'] at line 1 column 37
    block_device_mapping_v2 [{"source_type":"volume","uuid":"00000000-0000-0000-0000-000000000011"}]: 400 Bad Request Block Device Mapping is Invalid: Boot sequence for the instance and image/block device mapping combination is not valid.
    personality []: 400 Bad Request Invalid input for field/attribute server.personality: unknown field `personality`, expected one of `name`, `imageRef`, `flavorRef`, `networks`, `key_name`, `user_data`, `metadata`, `config_drive`, `availability_zone`, `min_count`, `max_count`, `security_groups`, `description`, `tags`, `hostname`, `adminPass`, `OS-DCF:diskConfig`, `accessIPv4`, `accessIPv6`, `return_reservation_id`, `block_device_mapping_v2`, `block_device_mapping`, `host`, `hypervisor_hostname` at line 1 column 164
    "#);
}

#[tokio::test]
async fn fields_come_with_their_microversions() {
    let cloud = Cloud::new().await;
    for (field, value, first) in [
        ("description", json!("a server"), 19),
        ("networks", json!("none"), 37),
        ("networks", json!("auto"), 37),
        ("networks", json!([{"uuid": NETWORK, "tag": "red"}]), 42),
        ("tags", json!(["red"]), 52),
        ("hostname", json!("web-1"), 90),
        ("hostname", json!("web.example.org"), 94),
    ] {
        let early = cloud.send(CREATE, "member", first - 1, with(field, value.clone())).await;
        assert_eq!(early.status, StatusCode::BAD_REQUEST, "{field} {}", early.shown());
        let now = cloud.send(CREATE, "member", first, with(field, value)).await;
        assert_eq!(now.status, StatusCode::ACCEPTED, "{field} {}", now.shown());
    }
    let mut silent = wanted("web");
    silent.as_object_mut().unwrap().remove("networks");
    let older = cloud.send(CREATE, "member", 36, body(silent.clone())).await;
    assert_eq!(older.status, StatusCode::ACCEPTED);
    let newer = cloud.send(CREATE, "member", 37, body(silent)).await;
    assert_snapshot!(newer.shown(), @r#"
    400 Bad Request
    {
      "badRequest": {
        "code": 400,
        "message": "Invalid input for field/attribute server: 'networks' is a required property since microversion 2.37; use 'auto', 'none' or a list."
      }
    }
    "#);
}

#[tokio::test]
async fn hints_for_a_group_need_the_group() {
    let cloud = Cloud::new().await;
    let hinted = |hints: Value| json!({"server": wanted("web"), "os:scheduler_hints": hints});
    let ignored = hinted(json!({"different_host": IMAGE}));
    assert_eq!(cloud.send(CREATE, "member", 1, ignored).await.status, StatusCode::ACCEPTED);
    let group = cloud.send(CREATE, "member", 1, hinted(json!({"group": IMAGE}))).await;
    assert_snapshot!(group.shown(), @r#"
    400 Bad Request
    {
      "badRequest": {
        "code": 400,
        "message": "Instance group \"00000000-0000-0000-0000-000000000011\" could not be found: there are no groups of servers here."
      }
    }
    "#);
}
