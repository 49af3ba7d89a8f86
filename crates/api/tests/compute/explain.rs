//! `/os-hatchery-…`: ours alone.

use crate::cloud::Cloud;
use insta::assert_snapshot;

#[tokio::test]
async fn the_plan_of_a_disk_and_how_it_went() {
    let cloud = Cloud::new().await;
    let id = cloud.active("web").await;
    let plan = cloud
        .ask(
            "GET /os-hatchery-explain?image=00000000-0000-0000-0000-000000000011&flavor=m1.tiny",
            "admin",
        )
        .await;
    assert_snapshot!(plan.shown(), @r#"
    200 OK
    {
      "base": {"bytes":20971520,"format":"qcow2","inspector_version":1,"is_raw_form":false},
      "disk_bytes": 1073741824,
      "flavor": "1",
      "hosts": [
        {
          "disks": "files",
          "host": "host-1",
          "plan": {
            "bytes_copied": 0,
            "refused": [],
            "steps": ["link the image's file as base","lay an empty overlay of 1.00 GiB on the qcow2 base"],
            "way": "hard link"
          },
          "refused_by": null
        }
      ],
      "image": "00000000-0000-0000-0000-000000000011"
    }
    "#);
    let done = cloud.ask(&format!("GET /os-hatchery-provision/{id}"), "admin").await;
    assert_snapshot!(done.shown(), @r#"
    200 OK
    {
      "provision": {
        "bytes_copied": 0,
        "host": "host-1",
        "plan": {
          "bytes_copied": 0,
          "refused": [],
          "steps": ["link the image's file as base","lay an empty overlay of 1.00 GiB on the qcow2 base"],
          "way": "hard link"
        },
        "server": "[uuid]"
      }
    }
    "#);
    assert_snapshot!(cloud.ask("GET /os-hatchery-figures", "admin").await.shown(), @r#"
    200 OK
    {"figures":{"sql_commits":3}}
    "#);
}

#[tokio::test]
async fn what_is_moving_is_shown() {
    let cloud = Cloud::new().await;
    assert_snapshot!(cloud.ask("GET /os-hatchery-live", "admin").await.shown(), @r#"
    200 OK
    {
      "live": {
        "at": "2026-01-01T00:00:00.000000",
        "figures": {
          "builds": {"active":0,"bytes_copied":0,"failed":0,"last_step_seconds":{},"started":0,"stopped":0},
          "deeds": {},
          "interfaces": {},
          "pool": {"bytes":0,"leases":0,"names":0},
          "process": {"cpu_seconds":0.0,"resident_bytes":0,"started_at_seconds":0.0},
          "requests": 0,
          "transferred_bytes": {},
          "transfers_active": {}
        },
        "transfers": [
          {
            "bytes": 1024,
            "bytes_per_second": 0,
            "id": 1,
            "image": null,
            "kind": "upload",
            "started_at": "2026-01-01T00:00:00.000000",
            "total": 4096,
            "what": "tiny"
          }
        ]
      }
    }
    "#);
}

#[tokio::test]
async fn questions_that_have_no_answer() {
    let cloud = Cloud::new().await;
    let mut sentences = String::new();
    for query in [
        "",
        "image=tiny",
        "image=none&flavor=1",
        "image=tiny&flavor=1",
        "image=00000000-0000-0000-0000-000000000011&flavor=x",
    ] {
        let answer = cloud.ask(&format!("GET /os-hatchery-explain?{query}"), "admin").await;
        sentences.push_str(&format!("{query}: {} {}\n", answer.status, answer.message()));
    }
    assert_snapshot!(sentences, @r#"
    : 400 Bad Request Give image and flavor, each by id or name.
    image=tiny: 400 Bad Request Give image and flavor, each by id or name.
    image=none&flavor=1: 404 Not Found Image none could not be found.
    image=tiny&flavor=1: 409 Conflict Several images are named tiny; give the id of one.
    image=00000000-0000-0000-0000-000000000011&flavor=x: 404 Not Found Flavor x could not be found.
    "#);
}
