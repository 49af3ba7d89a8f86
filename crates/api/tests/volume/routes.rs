//! Every route of the router's page is asked by everyone in `policy.rs`.

use crate::policy::{asked, asked_actions};

const PAGE: &str = include_str!("../../src/volume/router.rs");
const ACTIONS: &str = include_str!("../../src/volume/volumes/action/mod.rs");

/// Method and path of every route on the page, as it is written there.
fn routes() -> Vec<(&'static str, &'static str)> {
    let mut routes = Vec::new();
    for piece in PAGE.split(".route(").skip(1) {
        let path = piece.split('"').nth(1).unwrap();
        let handlers = &piece[piece.find("\",").unwrap()..end_of(piece)];
        for method in ["get", "post", "put", "patch", "delete"] {
            let is_there = |before: char| handlers.contains(&format!("{before}{method}("));
            if is_there(' ') || is_there('.') {
                routes.push((method, path));
            }
        }
    }
    routes
}

/// Where the arguments of a call end whose opening bracket has been taken off.
fn end_of(text: &str) -> usize {
    let mut open = 1;
    for (at, c) in text.char_indices() {
        match c {
            '(' => open += 1,
            ')' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return at;
        }
    }
    text.len()
}

/// Whether a call is one of a route.
fn is_of(call: &str, (method, path): (&str, &str)) -> bool {
    let (verb, asked) = call.split_once(' ').unwrap();
    let asked = asked.split('?').next().unwrap_or_default();
    let same = |(wanted, part): (&str, &str)| wanted.starts_with('{') || wanted == part;
    verb.to_lowercase() == method
        && path.split('/').count() == asked.split('/').count()
        && path.split('/').zip(asked.split('/')).all(same)
}

#[test]
fn no_route_is_left_out() {
    // The version documents are asked in `protocol.rs`.
    let open = ["/", "/v3", "/v3/"];
    let all = routes();
    assert!(all.len() > 40, "the page is not read any more: {all:?}");
    let mut asked = asked();
    let more: [&[(&str, u32, &str)]; 4] = [
        &crate::backups::CALLS,
        &crate::transfers::CALLS,
        &crate::qos::CALLS,
        &crate::groups::CALLS,
    ];
    for more in more {
        asked.extend(more.iter().map(|(call, ..)| (*call).to_owned()));
    }
    let left: Vec<_> = all
        .into_iter()
        .filter(|(_, path)| !open.contains(path))
        .filter(|route| !asked.iter().any(|call| is_of(call, *route)))
        .collect();
    assert_eq!(left, [], "ask these in policy.rs");
}

/// The same of the actions of a volume, which share a route.
#[test]
fn no_action_is_left_out() {
    let arms =
        ACTIONS.lines().filter_map(|line| line.trim().strip_prefix('"')?.split_once("\" =>"));
    let all: Vec<&str> = arms.map(|(name, _)| name).collect();
    assert!(all.len() > 20, "the page is not read any more: {all:?}");
    let asked = asked_actions();
    let left: Vec<_> = all.iter().filter(|name| !asked.contains(&(**name).to_owned())).collect();
    assert!(left.is_empty(), "ask these in policy.rs: {left:?}");
}
