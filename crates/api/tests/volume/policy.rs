//! Who may do what: every route asked by everyone. The figures are statuses, as Cinder's default policy wants them.

use crate::cloud::Cloud;
use insta::assert_snapshot;
use serde_json::{Value, json};

/// Callers, in the order of the columns.
const CALLERS: [&str; 6] = ["", "unscoped", "other", "reader", "member", "admin"];

/// Each route with the microversion in which it is asked.
const LOOKING: [(&str, u32); 37] = [
    ("GET /types", 0),
    ("GET /types/00000000-0000-0000-0000-000000000031", 0),
    ("GET /types/00000000-0000-0000-0000-000000000031/extra_specs", 0),
    ("GET /types/00000000-0000-0000-0000-000000000031/extra_specs/a", 0),
    ("GET /types/00000000-0000-0000-0000-000000000031/os-volume-type-access", 0),
    ("GET /types/00000000-0000-0000-0000-000000000031/encryption", 0),
    ("GET /os-services", 0),
    ("GET /scheduler-stats/get_pools", 0),
    ("GET /capabilities/host-1@fast", 0),
    ("GET /os-hosts", 0),
    ("GET /os-hosts/host-1@fast", 0),
    ("GET /os-availability-zone", 0),
    ("GET /limits", 0),
    ("GET /os-quota-sets/0e1", 0),
    ("GET /os-quota-sets/0e1/defaults", 0),
    ("GET /os-quota-class-sets/default", 0),
    ("GET /messages", 3),
    ("GET /messages/00000000-0000-0000-0000-000000000041", 3),
    ("GET /extensions", 0),
    ("GET /extensions/os-hosts", 0),
    ("GET /qos-specs", 0),
    ("GET /backups", 0),
    ("GET /backups/detail", 0),
    ("GET /os-volume-transfer", 0),
    ("GET /os-volume-transfer/detail", 0),
    ("GET /volume-transfers", 55),
    ("GET /volume-transfers/detail", 55),
    ("GET /groups", 13),
    ("GET /groups/detail", 13),
    ("GET /group_types", 11),
    ("GET /group_snapshots", 14),
    ("GET /group_snapshots/detail", 14),
    ("GET /default-types", 62),
    ("GET /types/default", 0),
    ("GET /types/nothing", 0),
    ("GET /os-quota-class-sets/other", 0),
    ("GET /os-hosts/nobody", 0),
];

const SPECS: &str = "/types/00000000-0000-0000-0000-000000000031/extra_specs";

/// The same with bodies.
fn changing() -> Vec<(String, u32, Value)> {
    let slow = "/types/00000000-0000-0000-0000-000000000031";
    let quota = json!({"quota_set": {"volumes": 3}});
    let backend = json!({"host": "host-1@fast", "binary": "cinder-volume"});
    let rows = [
        ("POST /types", 0, json!({"volume_type": {"name": "new"}})),
        (&format!("PUT {slow}"), 0, json!({"volume_type": {"description": "x"}})),
        (&format!("POST {slow}/action"), 0, json!({"addProjectAccess": {"project": "0e1"}})),
        (&format!("POST {slow}/encryption"), 0, json!({})),
        (&format!("POST {SPECS}"), 0, json!({"extra_specs": {"a": "b"}})),
        (&format!("PUT {SPECS}/a"), 0, json!({"a": "c"})),
        (&format!("DELETE {SPECS}/a"), 0, Value::Null),
        (&format!("DELETE {slow}"), 0, Value::Null),
        ("PUT /os-services/disable", 0, backend),
        ("PUT /os-quota-sets/0e1", 0, quota),
        ("DELETE /os-quota-sets/0e1", 0, Value::Null),
        ("PUT /os-quota-class-sets/default", 0, json!({"quota_class_set": {"volumes": 3}})),
        ("DELETE /messages/00000000-0000-0000-0000-000000000041", 3, Value::Null),
        ("POST /qos-specs", 0, json!({})),
        ("POST /backups", 0, json!({})),
        ("POST /os-volume-transfer", 0, json!({})),
        ("POST /volume-transfers", 55, json!({})),
        ("POST /groups", 13, json!({})),
        ("POST /group_types", 11, json!({})),
        ("POST /group_snapshots", 14, json!({})),
    ];
    rows.into_iter().map(|(call, version, body)| (call.to_owned(), version, body)).collect()
}

/// Every call that a row asks, as method and path.
pub fn asked() -> Vec<String> {
    let looking = LOOKING.iter().map(|(call, _)| (*call).to_owned());
    looking.chain(changing().into_iter().map(|(call, ..)| call)).collect()
}

/// One line: the call, and the status of each caller.
async fn row(cloud: &Cloud, call: &str, version: u32, body: &Value) -> String {
    let label = call.replace("00000000-0000-0000-0000-0000000000", "");
    let mut row = format!("{label:<40}");
    for caller in CALLERS {
        let answer = cloud.send(call, caller, version, body.clone()).await;
        let status = answer.status.as_u16();
        assert!(status < 500 || status == 501, "{call}: {}", answer.shown());
        if status >= 400 {
            assert!(!answer.message().is_empty(), "{call}: {}", answer.shown());
        }
        row.push_str(&format!(" {status}"));
    }
    row + "\n"
}

fn head() -> String {
    let names = CALLERS.map(|name| format!(" {:<3}", &name[..name.len().min(3)]));
    format!("{:<40}{}\n", "", names.concat())
}

#[tokio::test]
async fn looking() {
    let cloud = Cloud::new().await;
    let specs = json!({"extra_specs": {"a": "b"}});
    cloud.send(&format!("POST {SPECS}"), "admin", 0, specs).await;
    let mut table = head();
    for (call, version) in LOOKING {
        table.push_str(&row(&cloud, call, version, &Value::Null).await);
    }
    assert_snapshot!(table, @r#"
                                                 uns oth rea mem adm
    GET /types                               401 403 200 200 200 200
    GET /types/31                            401 403 200 200 200 200
    GET /types/31/extra_specs                401 403 200 200 200 200
    GET /types/31/extra_specs/a              401 403 404 404 404 200
    GET /types/31/os-volume-type-access      401 403 403 403 403 404
    GET /types/31/encryption                 401 403 403 403 403 200
    GET /os-services                         401 403 403 403 403 200
    GET /scheduler-stats/get_pools           401 403 403 403 403 200
    GET /capabilities/host-1@fast            401 403 403 403 403 200
    GET /os-hosts                            401 403 403 403 403 200
    GET /os-hosts/host-1@fast                401 403 403 403 403 200
    GET /os-availability-zone                401 200 200 200 200 200
    GET /limits                              401 403 200 200 200 200
    GET /os-quota-sets/0e1                   401 403 403 200 200 200
    GET /os-quota-sets/0e1/defaults          401 403 403 200 200 200
    GET /os-quota-class-sets/default         401 403 403 403 403 200
    GET /messages                            401 403 200 200 200 200
    GET /messages/41                         401 404 404 200 200 200
    GET /extensions                          401 200 200 200 200 200
    GET /extensions/os-hosts                 401 200 200 200 200 200
    GET /qos-specs                           401 403 403 403 403 200
    GET /backups                             401 403 200 200 200 200
    GET /backups/detail                      401 403 200 200 200 200
    GET /os-volume-transfer                  401 403 200 200 200 200
    GET /os-volume-transfer/detail           401 403 200 200 200 200
    GET /volume-transfers                    401 403 200 200 200 200
    GET /volume-transfers/detail             401 403 200 200 200 200
    GET /groups                              401 403 200 200 200 200
    GET /groups/detail                       401 403 200 200 200 200
    GET /group_types                         401 403 200 200 200 200
    GET /group_snapshots                     401 403 200 200 200 200
    GET /group_snapshots/detail              401 403 200 200 200 200
    GET /default-types                       401 403 403 403 403 200
    GET /types/default                       401 403 200 200 200 200
    GET /types/nothing                       401 404 404 404 404 404
    GET /os-quota-class-sets/other           401 403 403 403 403 404
    GET /os-hosts/nobody                     401 403 403 403 403 404
    "#);
}

#[tokio::test]
async fn changing_things() {
    let cloud = Cloud::new().await;
    let mut table = head();
    for (call, version, body) in changing() {
        table.push_str(&row(&cloud, &call, version, &body).await);
    }
    assert_snapshot!(table, @r#"
                                                 uns oth rea mem adm
    POST /types                              401 403 403 403 403 200
    PUT /types/31                            401 403 403 403 403 200
    POST /types/31/action                    401 403 403 403 403 400
    POST /types/31/encryption                401 403 403 403 403 501
    POST /types/31/extra_specs               401 403 403 403 403 200
    PUT /types/31/extra_specs/a              401 403 403 403 403 200
    DELETE /types/31/extra_specs/a           401 403 403 403 403 202
    DELETE /types/31                         401 403 403 403 403 202
    PUT /os-services/disable                 401 403 403 403 403 200
    PUT /os-quota-sets/0e1                   401 403 403 403 403 200
    DELETE /os-quota-sets/0e1                401 403 403 403 403 200
    PUT /os-quota-class-sets/default         401 403 403 403 403 501
    DELETE /messages/41                      401 404 404 403 204 404
    POST /qos-specs                          401 403 501 403 501 501
    POST /backups                            401 403 501 403 501 501
    POST /os-volume-transfer                 401 403 501 403 501 501
    POST /volume-transfers                   401 403 501 403 501 501
    POST /groups                             401 403 501 403 501 501
    POST /group_types                        401 403 501 403 501 501
    POST /group_snapshots                    401 403 501 403 501 501
    "#);
}
