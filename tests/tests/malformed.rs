//! Bad input of every kind: a 4xx with a reason, never a 5xx, never a hang.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use hatchery_tests::{Answer, Client, Settings, World};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

const NOBODY: &str = "4f9c8e1e-0000-4000-8000-000000000000";

/// The sentence of an error, in whichever envelope.
fn reason(answer: &Answer) -> String {
    match &answer.body {
        Value::String(html) => html.clone(),
        Value::Object(map) => {
            let inner = map.values().next().cloned().unwrap_or_default();
            inner["message"].as_str().or(inner.as_str()).unwrap_or_default().to_owned()
        }
        _ => String::new(),
    }
}

fn refused(what: &str, answer: &Answer) {
    assert!((400..500).contains(&answer.status), "{what}: {} {}", answer.status, answer.body);
    assert!(reason(answer).len() > 8, "{what}: no reason in {}", answer.body);
    assert!(answer.header("x-openstack-request-id").is_some(), "{what}: no request id");
}

/// Every POST that takes a body.
const POSTS: [&str; 14] = [
    "/identity/v3/auth/tokens",
    "/identity/v3/projects",
    "/identity/v3/users",
    "/identity/v3/roles",
    "/identity/v3/domains",
    "/image/v2/images",
    "/compute/v2.1/servers",
    "/compute/v2.1/flavors",
    "/compute/v2.1/os-keypairs",
    "/network/v2.0/networks",
    "/network/v2.0/subnets",
    "/network/v2.0/ports",
    "/compute/v2.1/servers/4f9c8e1e-0000-4000-8000-000000000000/action",
    "/identity/v3/users/nobody/password",
];

#[test]
fn bodies_that_are_wrong_are_refused_with_a_reason() {
    let world = World::start(Settings::sim());
    let admin = world.admin();
    let noun = |path: &str| match path.rsplit('/').next().unwrap() {
        "tokens" => "auth".to_owned(),
        "os-keypairs" => "keypair".to_owned(),
        "action" => "os-getConsoleOutput".to_owned(),
        "password" => "user".to_owned(),
        plural => plural.trim_end_matches('s').to_owned(),
    };
    for path in POSTS {
        let wrong: Vec<Vec<u8>> = vec![
            b"".to_vec(),
            b"{".to_vec(),
            b"\xff\xfe".to_vec(),
            b"[]".to_vec(),
            b"null".to_vec(),
            b"7".to_vec(),
            b"\"text\"".to_vec(),
            json!({noun(path): null}).to_string().into_bytes(),
            json!({noun(path): 7}).to_string().into_bytes(),
            json!({noun(path): [1, 2]}).to_string().into_bytes(),
            json!({noun(path): {"name": {"a": 1}}}).to_string().into_bytes(),
            json!({noun(path): {"name": 17, "surprise": true}}).to_string().into_bytes(),
            "[".repeat(5000).into_bytes(),
            vec![b' '; 200_000],
        ];
        for body in wrong {
            let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
            // An image without any field is a good one.
            if path == "/image/v2/images"
                && !["", "{", "[]", "null", "7"].contains(&shown.as_str())
                && !shown.starts_with(['[', '\u{fffd}', ' ', '"'])
            {
                continue;
            }
            refused(
                &format!("{path} {shown}"),
                &admin.raw("POST", path, &body, "application/json"),
            );
        }
    }
}

#[test]
fn unknown_things_are_404_and_say_so() {
    let world = World::start(Settings::sim());
    let admin = world.admin();
    for path in [
        format!("/image/v2/images/{NOBODY}"),
        format!("/image/v2/images/{NOBODY}/file"),
        format!("/compute/v2.1/servers/{NOBODY}"),
        "/compute/v2.1/servers/not-a-uuid".into(),
        "/compute/v2.1/flavors/none".into(),
        "/compute/v2.1/os-keypairs/none".into(),
        format!("/compute/v2.1/os-hypervisors/{NOBODY}"),
        format!("/compute/v2.1/servers/{NOBODY}/os-instance-actions"),
        format!("/network/v2.0/networks/{NOBODY}"),
        format!("/network/v2.0/subnets/{NOBODY}"),
        format!("/network/v2.0/ports/{NOBODY}"),
        "/identity/v3/projects/none".into(),
        "/identity/v3/users/none".into(),
        "/identity/v3/nothing/here".into(),
        "/compute/v2.1/nothing/here".into(),
        "/image/v2/nothing/here".into(),
        "/network/v2.0/nothing-here".into(),
        "/nowhere".into(),
    ] {
        let answer = admin.get(&path);
        assert_eq!(answer.status, 404, "{path}: {}", answer.body);
        refused(&path, &answer);
        let answer = admin.delete(&path);
        assert!([404, 405].contains(&answer.status), "{path}: {} {}", answer.status, answer.body);
    }
}

#[test]
fn wrong_tokens_are_401() {
    let world =
        World::start(Settings { toml: "[token]\nexpiration = 1\n".into(), ..Settings::sim() });
    let admin = world.admin();
    let good = admin.token().to_owned();
    let mut flipped = good.clone().into_bytes();
    let middle = flipped.len() / 2;
    flipped[middle] = if flipped[middle] == b'A' { b'B' } else { b'A' };
    let wrong =
        [String::from_utf8(flipped).unwrap(), format!("{good}x"), "x".into(), "x".repeat(20_000)];
    let paths = [
        "/compute/v2.1/servers",
        "/image/v2/images",
        "/network/v2.0/networks",
        "/identity/v3/projects",
    ];
    for path in paths {
        for token in wrong.iter().map(String::as_str).chain([""]) {
            let answer = admin.with_token(token).get(path);
            assert_eq!(
                answer.status,
                401,
                "{path} {}: {}",
                &token[..token.len().min(20)],
                answer.body
            );
        }
        assert_eq!(world.anonymous().get(path).status, 401, "{path}");
    }
    hatchery_tests::eventually("the token has expired", 10, || {
        let statuses: Vec<u16> = paths.iter().map(|path| admin.get(path).status).collect();
        if statuses.iter().all(|status| *status == 401) {
            Ok(())
        } else {
            Err(format!("{statuses:?}"))
        }
    });
}

fn connect(client: &Client) -> TcpStream {
    let stream = TcpStream::connect(client.base().trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

#[test]
fn greedy_and_slow_clients_are_cut_off_and_hurt_nobody() {
    let world = World::start(Settings::sim());
    let client = world.anonymous();
    let mut huge = connect(&client);
    let head =
        format!("GET /identity/v3 HTTP/1.1\r\nHost: x\r\nX-Much: {}\r\n\r\n", "y".repeat(200_000));
    let _ = huge.write_all(head.as_bytes());
    let mut answer = String::new();
    let _ = huge.read_to_string(&mut answer);
    assert!(
        answer.is_empty()
            || answer.starts_with("HTTP/1.1 431")
            || answer.starts_with("HTTP/1.1 400"),
        "{answer}"
    );

    // A hundred that say half a head and stay; others are served meanwhile, and they are cut off in the end.
    let began = Instant::now();
    let mut slow: Vec<TcpStream> = (0..100)
        .map(|_| {
            let mut stream = connect(&client);
            stream.write_all(b"GET /identity/v3 HTTP/1.1\r\nHost:").unwrap();
            stream
        })
        .collect();
    assert_eq!(client.get("/identity/v3").status, 200);
    for stream in &mut slow {
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
    }
    assert!(
        began.elapsed() < Duration::from_secs(55),
        "slow heads were waited for {:?}",
        began.elapsed()
    );

    // A body that never comes whole.
    let mut slow = connect(&client);
    slow.write_all(
        b"POST /identity/v3/auth/tokens HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
    )
    .unwrap();
    let mut answer = String::new();
    let _ = slow.read_to_string(&mut answer);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    assert_eq!(client.get("/identity/v3").status, 200);
}

#[test]
fn what_is_anothers_is_not_there() {
    let world = World::start(Settings::sim());
    let admin = world.admin();
    let stranger = stranger(&admin);
    let network = json!({"network": {"name": "mine"}});
    let network =
        admin.post("/network/v2.0/networks", &network).expect(201)["network"]["id"].clone();
    let image = json!({"name": "mine", "disk_format": "raw", "container_format": "bare", "visibility": "private"});
    let image = admin.post("/image/v2/images", &image).expect(201)["id"].clone();
    for path in [
        format!("/network/v2.0/networks/{}", network.as_str().unwrap()),
        format!("/image/v2/images/{}", image.as_str().unwrap()),
    ] {
        assert_eq!(stranger.get(&path).status, 404, "{path}");
        assert_eq!(stranger.delete(&path).status, 404, "{path}");
        assert_eq!(admin.get(&path).status, 200, "{path}");
    }
    assert_eq!(stranger.get("/identity/v3/users").status, 403);
    assert_eq!(
        stranger
            .post(
                "/compute/v2.1/flavors",
                &json!({"flavor": {"name": "x", "ram": 1, "vcpus": 1, "disk": 0}})
            )
            .status,
        403
    );
}

fn stranger(admin: &Client) -> Client {
    let project = json!({"project": {"name": "other"}});
    let project =
        admin.post("/identity/v3/projects", &project).expect(201)["project"]["id"].clone();
    let user = json!({"user": {"name": "mallory", "password": "mallory-s word"}});
    let user = admin.post("/identity/v3/users", &user).expect(201)["user"]["id"].clone();
    let roles = admin.get("/identity/v3/roles?name=member").expect(200);
    let path = format!(
        "/identity/v3/projects/{}/users/{}/roles/{}",
        project.as_str().unwrap(),
        user.as_str().unwrap(),
        roles["roles"][0]["id"].as_str().unwrap()
    );
    admin.raw("PUT", &path, b"", "application/json").expect(204);
    Client::new(admin.base()).log_in("mallory", "mallory-s word", "other")
}
