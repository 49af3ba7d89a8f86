//! Rules for any file: its name, its length, and what paths it may speak of.

use super::Violation;

const MOST_LINES: usize = 600;

/// Written by programs, or not by us.
const ANY_LENGTH: &[&str] = &["Cargo.lock", "LICENSE"];

/// Names that say nothing about what is inside.
const BANNED_NAMES: &[&str] = &["utils", "util", "common", "helpers", "helper", "misc", "manager"];

/// Folders of a developer's machine, which mean nothing elsewhere. Written in
/// two parts, so that this file does not break its own rule.
const FOREIGN_PATHS: &[&str] = &[concat!("/wo", "rk/"), concat!("/ro", "ot/")];

/// Where such a path is meant: inside of a guest, root's home is what it is.
const OWN_ROOT: &[&str] = &["crates/xtask/guest/"];

/// Checks the file's name alone.
pub fn name(name: &str) -> Vec<Violation> {
    name.split('/')
        .map(|part| part.split('.').next().unwrap_or(part))
        .filter(|part| BANNED_NAMES.contains(part))
        .map(|part| {
            Violation::new(
                name,
                1,
                format!("the name \"{part}\" says nothing: name it after what is inside"),
            )
        })
        .collect()
}

/// Checks the file's text, whatever its language.
pub fn check(name: &str, text: &str) -> Vec<Violation> {
    let mut found = Vec::new();
    let lines = text.lines().count();
    let generated = ANY_LENGTH.contains(&name) || name.ends_with(".snap");
    if lines > MOST_LINES && !generated {
        let reason = format!("the file has {lines} lines, and at most {MOST_LINES} are allowed");
        found.push(Violation::new(name, MOST_LINES + 1, reason));
    }
    for (number, line) in text.lines().enumerate() {
        if let Some(path) = foreign_path(line)
            && !OWN_ROOT.iter().any(|folder| name.starts_with(folder))
        {
            let reason = format!("{path} is a folder of one machine: derive the path");
            found.push(Violation::new(name, number + 1, reason));
        }
    }
    found
}

fn foreign_path(line: &str) -> Option<&'static str> {
    FOREIGN_PATHS.iter().copied().find(|path| {
        line.match_indices(path).any(|(at, _)| {
            // `/srv/root/` and `$base/root/` are other folders.
            !line[..at].ends_with(|before: char| {
                before.is_alphanumeric() || matches!(before, '_' | '-' | '.' | '}' | '/')
            })
        })
    })
}

#[cfg(test)]
mod tests {
    use super::{check, name};

    #[test]
    fn names_that_say_nothing_are_banned_as_files_and_as_folders() {
        assert_eq!(name("crates/a/src/utils.rs").len(), 1);
        assert_eq!(name("tests/common/mod.rs").len(), 1);
        assert_eq!(name("crates/a/src/commonplace.rs").len(), 0);
    }

    #[test]
    fn the_six_hundred_and_first_line_is_one_too_many() {
        assert!(check("a.rs", &"x\n".repeat(600)).is_empty());
        let found = check("a.rs", &"x\n".repeat(601));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].line, 601);
        assert!(check("Cargo.lock", &"x\n".repeat(601)).is_empty());
    }

    #[test]
    fn paths_of_one_machine_are_found() {
        let home = concat!("cd /ro", "ot/x");
        let elsewhere = concat!("cd $dir/ro", "ot/x and /srv/wo", "rk/");
        assert_eq!(check("a.md", home).len(), 1);
        assert_eq!(check("a.md", concat!("`/wo", "rk/main`")).len(), 1);
        assert_eq!(check("a.md", elsewhere.replace("$dir", "${dir}").as_str()).len(), 0);
        assert_eq!(check("crates/xtask/guest/startup", home).len(), 0);
    }
}
