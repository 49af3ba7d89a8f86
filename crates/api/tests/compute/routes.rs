//! Every route of the router's page is asked by everyone in `policy.rs`, or named there with the reason why not.

use crate::policy::{NOT_ASKED, asked, asked_actions};

const PAGE: &str = include_str!("../../src/compute/router.rs");
const ACTIONS: &str = include_str!("../../src/compute/servers/action/mod.rs");

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
    // The root and the two spellings of the version's own document are asked in `protocol.rs`.
    let open = ["/", "/v2.1", "/v2.1/"];
    let all = routes();
    assert!(all.len() > 60, "the page is not read any more: {all:?}");
    let asked = asked();
    let left: Vec<_> = all
        .into_iter()
        .filter(|(_, path)| !open.contains(path))
        .filter(|route| !asked.iter().any(|call| is_of(call, *route)))
        .filter(|route| !NOT_ASKED.iter().any(|(call, _)| is_of(call, *route)))
        .collect();
    assert_eq!(left, [], "ask these in policy.rs");
}

/// The same of the actions of a server, which share a route.
#[test]
fn no_action_is_left_out() {
    let arms =
        ACTIONS.lines().filter_map(|line| line.trim().strip_prefix('"')?.split_once("\" =>"));
    let all: Vec<&str> = arms.map(|(name, _)| name).collect();
    assert!(all.len() >= 5, "the page is not read any more: {all:?}");
    let asked = asked_actions();
    let left: Vec<_> = all.iter().filter(|name| !asked.contains(&(**name).to_owned())).collect();
    assert!(left.is_empty(), "ask these in policy.rs: {left:?}");
}
