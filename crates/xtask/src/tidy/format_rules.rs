//! Calls of `qemu-img`, wherever they stand: each must name its formats, since one that is not named is guessed from bytes that a
//! stranger may have written. Looked at are lists of arguments in Rust and Python, shell scripts and makefiles, and the code
//! blocks of documents. Not here: advice within a sentence.

use super::Violation;
use super::source::Source;

const TOOL: &str = concat!("qemu", "-img");

/// Checks a file by what it is.
pub fn check(name: &str, text: &str) -> Vec<Violation> {
    if !text.contains(TOOL) {
        return Vec::new();
    }
    let found = if name.ends_with(".rs") {
        in_lists(&Source::new(name, text).uncommented)
    } else if name.ends_with(".md") {
        in_code_blocks(text)
    } else if is_script(name, text) {
        let mut found = in_lines(text.lines().enumerate().map(|(at, line)| (at + 1, line)));
        found.extend(in_lists(text));
        found
    } else {
        Vec::new()
    };
    found.into_iter().map(|(line, reason)| Violation::new(name, line, reason)).collect()
}

fn is_script(name: &str, text: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    text.starts_with("#!")
        || ["Makefile", "Dockerfile"].contains(&file)
        || [".sh", ".py", ".mk", ".service", ".yml", ".yaml"].iter().any(|end| file.ends_with(end))
}

/// A line that was found, and what is wrong with it.
type Found = (usize, String);

/// Shell lines, those joined that end in a backslash.
fn in_lines<'a>(lines: impl Iterator<Item = (usize, &'a str)>) -> Vec<Found> {
    let mut found = Vec::new();
    let (mut whole, mut begins) = (String::new(), None);
    for (number, line) in lines {
        let line = line.trim();
        // A prompt looks like the beginning of a comment; a comment has no call that is made.
        let line = line.strip_prefix("# ").filter(|rest| rest.starts_with(TOOL)).unwrap_or(line);
        let begin = *begins.get_or_insert(number);
        match line.strip_suffix('\\') {
            Some(part) => {
                whole.push_str(part);
                whole.push(' ');
            }
            None => {
                whole.push_str(line);
                found.extend(in_line(&whole).into_iter().map(|reason| (begin, reason)));
                whole.clear();
                begins = None;
            }
        }
    }
    found.extend(in_line(&whole).into_iter().map(|reason| (begins.unwrap_or(1), reason)));
    found
}

/// Every call in one line.
fn in_line(line: &str) -> Vec<String> {
    let line = line.split(" #").next().unwrap_or(line);
    if line.starts_with('#') {
        return Vec::new();
    }
    let calls = line.split(TOOL).skip(1).filter(|rest| rest.starts_with(' '));
    calls
        .filter_map(|rest| {
            let call = rest.split(['|', ';', '&', ')', '`', '\'']).next().unwrap_or(rest);
            let words: Vec<&str> =
                call.split_whitespace().map(|word| word.trim_matches('"')).collect();
            missing_format(words.first()?, &words)
        })
        .collect()
}

fn in_code_blocks(text: &str) -> Vec<Found> {
    let mut inside = false;
    let lines = text.lines().enumerate().filter(|(_, line)| {
        let is_fence = line.trim_start().starts_with("```");
        inside ^= is_fence;
        inside && !is_fence
    });
    in_lines(lines.map(|(at, line)| (at + 1, line)))
}

/// Lists of quoted arguments in a file that starts the tool: each that begins with one of its commands, alone or behind the tool's name.
fn in_lists(text: &str) -> Vec<Found> {
    let mut found = Vec::new();
    if ![TOOL, concat!("qemu", "_img(")].iter().any(|name| text.contains(name)) {
        return found;
    }
    let starts_it = text.contains(&format!("{TOOL}\""));
    for (at, _) in text.match_indices('"').filter(|_| starts_it) {
        let Some((command, rest)) = text[at + 1..].split_once('"') else {
            continue;
        };
        let before = text[..at].trim_end();
        let is_first = before.ends_with(['[', '(']) || before.ends_with(&format!("{TOOL}\","));
        if !is_first {
            continue;
        }
        let end = rest.find([']', ';']).unwrap_or(rest.len());
        let words: Vec<&str> = rest[..end].split('"').collect();
        if let Some(reason) = missing_format(command, &words) {
            found.push((text[..at].matches('\n').count() + 1, reason));
        }
    }
    found
}

/// What a call fails to say, if anything.
fn missing_format(command: &str, words: &[&str]) -> Option<String> {
    let has = |flag: &str| words.iter().any(|word| word.starts_with(flag));
    let says = |key: &str| words.iter().any(|word| word.contains(key));
    // The whole image as one option, its driver with it; without a driver it is guessed as well.
    let source: &[&str] = if has("--image-opts") && says("driver=") { &[] } else { &["-f"] };
    let has_base = has("-b") || has("-B") || says("backing_file=");
    let base: &[&str] = if has_base && !says("backing_fmt=") { &["-F"] } else { &[] };
    let wanted: Vec<&[&str]> = match command {
        "convert" => vec![source, &["-O"], base],
        "dd" => vec![source, &["-O"]],
        "create" => vec![&["-f"], base],
        "rebase" => vec![source, base],
        "compare" => vec![source, if source.is_empty() { &[] } else { &["-F"] }],
        "measure" if has("--size") => vec![&["-O"]],
        "measure" => vec![source, &["-O"]],
        "info" | "resize" | "check" | "map" | "commit" | "snapshot" | "amend" | "bench"
        | "bitmap" => {
            vec![source]
        }
        _ => return None,
    };
    let missing = wanted.into_iter().flatten().find(|flag| !has(flag))?;
    Some(format!("{TOOL} {command} without {missing}: name the format, or it is guessed"))
}

#[cfg(test)]
mod tests {
    use super::{check, missing_format};

    /// The words of a call, as in a shell.
    fn judged(call: &str) -> Option<String> {
        let words: Vec<&str> = call.split_whitespace().collect();
        missing_format(words[0], &words)
    }

    /// Lines that are complained about in a file; `TOOL` stands for the tool's name, so that this file keeps its own rule.
    fn lines(name: &str, text: &str) -> Vec<usize> {
        let found = check(name, &text.replace("TOOL", super::TOOL));
        found.into_iter().map(|violation| violation.line).collect()
    }

    #[test]
    fn calls_that_name_every_format() {
        for good in [
            "convert -f qcow2 -O raw a b",
            "convert -c -f raw -O qcow2 -o compression_type=zstd a b",
            "convert --image-opts -O raw driver=qcow2,file.filename=a b",
            "convert -f qcow2 -O qcow2 -B base -F raw a b",
            "create -f qcow2 a 1G",
            "create -q -f qcow2 -F raw -b base a",
            "create -f qcow2 -o backing_file=base,backing_fmt=raw a",
            "info -f qcow2 --output=json a",
            "info --image-opts driver=raw,file.filename=a",
            "snapshot --image-opts -c one driver=qcow2,file.filename=a",
            "compare -f qcow2 -F raw a b",
            "rebase -f qcow2 -F raw -b base a",
            "measure --size 1G -O qcow2",
            "measure -f raw -O qcow2 a",
            "dd -f raw -O raw if=a of=b",
            "check -fqcow2 a",
            "--version",
        ] {
            assert_eq!(judged(good), None, "{good}");
        }
    }

    #[test]
    fn calls_that_leave_one_to_be_guessed() {
        for (bad, missing) in [
            ("convert -O raw a b", "-f"),
            ("convert -f qcow2 a b", "-O"),
            ("convert -f qcow2 -O qcow2 -B base a b", "-F"),
            ("convert --image-opts -O raw file.filename=a b", "-f"),
            ("create a 1G", "-f"),
            ("create -f qcow2 -b base a", "-F"),
            ("create -f qcow2 -o backing_file=base a", "-F"),
            ("info a", "-f"),
            ("info --output=json -U a", "-f"),
            ("info --image-opts file.filename=a", "-f"),
            ("snapshot -l a", "-f"),
            ("compare -f qcow2 a b", "-F"),
            ("rebase -f qcow2 -b base a", "-F"),
            ("resize a 2G", "-f"),
            ("check a", "-f"),
            ("map --output=json a", "-f"),
            ("amend -o compat=1.1 a", "-f"),
            ("measure a", "-f"),
            ("dd if=a of=b", "-f"),
            ("commit a", "-f"),
            ("bench a", "-f"),
        ] {
            let found = judged(bad).unwrap_or_default();
            assert!(found.contains(&format!("without {missing}:")), "{bad}: {found:?}");
        }
    }

    #[test]
    fn rust_lists_chains_and_wrappers() {
        let start = "let mut command = Command::new(\"TOOL\");\n";
        for (call, bad) in [
            ("command.args([\"convert\", \"-f\", \"raw\", \"-O\", \"raw\"]);", false),
            ("command.args([\"convert\", \"-f\", \"raw\"]).arg(to);", true),
            ("command.args([\n\"info\", path]);", true),
            ("command.arg(\"info\").arg(path);", true),
            ("command.arg(\"info\").args([\"-f\", \"raw\"]).arg(path);", false),
            ("qemu_img(&[\"check\", \"-f\", \"qcow2\", path]);", false),
            ("qemu_img(&[\"check\", path]);", true),
            ("sudo.args([\"TOOL\", \"info\", path]);", true),
            ("// command.args([\"info\", path]);", false),
        ] {
            let found = lines("src/a.rs", &format!("{start}{call}"));
            assert_eq!(!found.is_empty(), bad, "{call}: {found:?}");
        }
        assert!(lines("src/a.rs", "run([\"info\", path]);").is_empty());
        // By its path, too.
        let by_path = "Command::new(\"/usr/bin/TOOL\").args([\"info\", path]);";
        assert_eq!(lines("src/a.rs", by_path), [1]);
    }

    #[test]
    fn shell_lines_with_continuations_pipes_and_comments() {
        for (script, bad) in [
            ("TOOL info x.img", vec![2]),
            ("TOOL create -f qcow2 x 1G", vec![]),
            ("TOOL convert -f raw \\\n  -O qcow2 a b", vec![]),
            ("true\nTOOL convert \\\n  -O qcow2 a b\ntrue", vec![3]),
            ("x=$(TOOL info -f raw a | grep -f b)", vec![]),
            ("x=$(TOOL info a | grep -f b)", vec![2]),
            ("TOOL info -f raw a && TOOL info b", vec![2]),
            ("true # TOOL info a", vec![]),
            ("# TOOL is what we need", vec![]),
            ("apt-get install TOOL", vec![]),
        ] {
            assert_eq!(lines("scripts/x", &format!("#!/bin/sh\n{script}\n")), bad, "{script}");
        }
        assert_eq!(lines("Makefile", "x:\n\tTOOL info x\n"), [2]);
        assert_eq!(lines("a.py", "run([\"TOOL\", \"info\", path])"), [1]);
        assert!(lines("a.py", "run([\"TOOL\", \"info\", \"-f\", \"raw\", path])").is_empty());
    }

    #[test]
    fn code_blocks_of_documents_and_not_their_sentences() {
        let text = "Ask `TOOL info x`.\n\n```console\n# TOOL info x\n$ TOOL info -f raw x\n```\n\nTOOL info x\n";
        assert_eq!(lines("README.md", text), [4]);
    }
}
