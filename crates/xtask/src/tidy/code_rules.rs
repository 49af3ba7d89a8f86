//! Rules for Rust code: how long a function is, what may be imported, where
//! `unsafe` may stand, and what a test may not do.

use super::Violation;
use super::source::Source;

const MOST_FUNCTION_LINES: usize = 70;

/// Tests that may let time pass, and why nothing could be waited for instead.
const SLEEPERS: &[(&str, &str)] = &[
    ("tests/src/eventually.rs", "the bounded poll of a state that nothing signals"),
    ("tests/tests/crash.rs", "kills at a random moment"),
    ("crates/virt/tests/qemu_orphan.rs", "kills at moments spread over a start"),
    ("crates/virt/tests/qemu_fixture/mod.rs", "the bounded poll of a process that is no child"),
    (
        "crates/control/tests/storm.rs",
        "deletes at moments spread over a build, and bounded polls of many rows",
    ),
    ("crates/control/tests/path.rs", "the bounded poll of a row that another task writes"),
    ("crates/storage/tests/rbd/fixture.rs", "the bounded poll of a cluster that signals nothing"),
    ("crates/ports/src/contract/bus.rs", "the bounded poll of what a plug delivers"),
    ("crates/ports/src/contract/image_store.rs", "the bounded poll of what a plug cleans up"),
];

/// Checks one Rust file.
pub fn check(source: &Source) -> Vec<Violation> {
    let mut found = Vec::new();
    long_functions(source, &mut found);
    glob_imports(source, &mut found);
    unsafe_code(source, &mut found);
    ignored_tests(source, &mut found);
    sleeping_tests(source, &mut found);
    found
}

fn long_functions(source: &Source, found: &mut Vec<Violation>) {
    for at in source.words("fn") {
        // `fn(…)` is a type.
        let name: String = source.code[at + 2..]
            .trim_start()
            .chars()
            .take_while(|letter| letter.is_alphanumeric() || *letter == '_')
            .collect();
        let Some(end) = source.block_end(at).filter(|_| !name.is_empty()) else {
            continue;
        };
        let line = source.line(at);
        let lines = source.line(end - 1) - line + 1;
        if lines > MOST_FUNCTION_LINES {
            let reason =
                format!("{name} has {lines} lines, and at most {MOST_FUNCTION_LINES} are allowed");
            found.push(Violation::new(&source.name, line, reason));
        }
    }
}

fn glob_imports(source: &Source, found: &mut Vec<Violation>) {
    for at in source.words("use") {
        let rest = &source.code[at..];
        let import = &rest[..rest.find(';').unwrap_or(rest.len())];
        if import.contains("::*") || import.contains("{*") || import.contains(" *") {
            let reason = "a glob import hides where names come from: name them";
            found.push(Violation::new(&source.name, source.line(at), reason));
        }
    }
}

fn unsafe_code(source: &Source, found: &mut Vec<Violation>) {
    let is_ffi = source.name.ends_with("/ffi.rs");
    for at in source.words("unsafe") {
        if !is_ffi {
            let reason = "unsafe stands in a file named ffi.rs, and nowhere else";
            found.push(Violation::new(&source.name, source.line(at), reason));
        }
    }
}

fn ignored_tests(source: &Source, found: &mut Vec<Violation>) {
    for (at, _) in source.code.match_indices("#[ignore") {
        let reason =
            "an ignored test guards nothing: let it run, or say loudly at run time what it lacks";
        found.push(Violation::new(&source.name, source.line(at), reason));
    }
}

fn sleeping_tests(source: &Source, found: &mut Vec<Violation>) {
    if SLEEPERS.iter().any(|(name, _)| *name == source.name) {
        return;
    }
    for at in source.words("sleep") {
        let called = source.code[at + "sleep".len()..].trim_start().starts_with('(');
        if called && source.is_test(at) {
            let reason = "a test that sleeps is slow or wrong: wait for the state that it needs";
            found.push(Violation::new(&source.name, source.line(at), reason));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::tidy::source::Source;

    fn reasons(name: &str, text: &str) -> Vec<(usize, String)> {
        let found = check(&Source::new(name, text));
        found.into_iter().map(|violation| (violation.line, violation.reason)).collect()
    }

    #[test]
    fn a_function_of_seventy_lines_passes_and_one_more_does_not() {
        let function =
            |lines: usize| format!("\nasync fn long(\n) {{\n{}}}\n", "x();\n".repeat(lines - 3));
        assert_eq!(reasons("src/a.rs", &function(70)), []);
        let found = reasons("src/a.rs", &function(71));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].0, 2);
        assert!(found[0].1.starts_with("long has 71 lines"));
    }

    #[test]
    fn globs_are_found_in_every_form_and_products_are_no_imports() {
        assert_eq!(reasons("src/a.rs", "use super::*;").len(), 1);
        assert_eq!(reasons("src/a.rs", "pub use a::{b::*,\n c};").len(), 1);
        assert_eq!(reasons("src/a.rs", "use a::b;\nlet c = a * b;").len(), 0);
    }

    #[test]
    fn unsafe_has_one_home() {
        assert_eq!(reasons("crates/a/src/a.rs", "unsafe { x() }").len(), 1);
        assert_eq!(reasons("crates/a/src/ffi.rs", "unsafe { x() }").len(), 0);
        assert_eq!(reasons("crates/a/src/a.rs", "#![deny(unsafe_code)] // unsafe").len(), 0);
    }

    #[test]
    fn tests_neither_sleep_nor_are_ignored() {
        let sleeping = "fn a() { tokio::time::sleep(x).await; }";
        assert_eq!(reasons("tests/tests/a.rs", sleeping).len(), 1);
        assert_eq!(reasons("crates/a/src/a.rs", sleeping).len(), 0);
        let inside = format!("#[cfg(test)]\nmod tests {{ {sleeping} }}");
        assert_eq!(reasons("crates/a/src/a.rs", &inside).len(), 1);
        assert_eq!(reasons("tests/src/eventually.rs", sleeping).len(), 0);
        assert_eq!(
            reasons("tests/tests/a.rs", "#[test]\n#[ignore = \"slow\"]\nfn a() {}").len(),
            1
        );
    }
}
