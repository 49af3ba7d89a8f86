//! A Rust file, read just closely enough for the rules: which bytes are comment,
//! which are inside of a literal, which belong to tests, where a block ends.

use std::ops::Range;

/// A file with its comments and literals told apart from its code.
pub struct Source {
    /// The path inside of the checkout.
    pub name: String,
    /// The text with every comment blanked; as long as the file, line for line.
    pub uncommented: String,
    /// The same with the contents of strings and characters blanked, too.
    pub code: String,
    tests: Vec<Range<usize>>,
}

/// Contract suites are tests that others run.
const TEST_FOLDERS: &[&str] = &["tests", "benches", "contract"];

impl Source {
    /// Reads the text of the file `name`.
    pub fn new(name: &str, text: &str) -> Self {
        let (uncommented, code) = blank(text);
        let mut source = Self { name: name.to_owned(), uncommented, code, tests: Vec::new() };
        source.tests = source.find_tests();
        source
    }

    /// The number of the line that holds this byte, from 1.
    pub fn line(&self, at: usize) -> usize {
        self.code.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1
    }

    /// Whether this byte belongs to a test.
    pub fn is_test(&self, at: usize) -> bool {
        self.name.split('/').any(|part| TEST_FOLDERS.contains(&part))
            || self.tests.iter().any(|range| range.contains(&at))
    }

    /// Where a word stands in the code: whole words only.
    pub fn words<'all>(&'all self, word: &'all str) -> impl Iterator<Item = usize> + 'all {
        self.code.match_indices(word).map(|(at, _)| at).filter(move |at| {
            let bytes = self.code.as_bytes();
            let before = at.checked_sub(1).map(|before| bytes[before]);
            let after = bytes.get(at + word.len()).copied();
            !before.is_some_and(is_name) && !after.is_some_and(is_name)
        })
    }

    /// The byte behind the block that starts at the first `{` from here, or
    /// nothing where a `;` comes first.
    pub fn block_end(&self, from: usize) -> Option<usize> {
        let bytes = self.code.as_bytes();
        let (mut braces, mut others) = (0_usize, 0_usize);
        for (at, byte) in bytes.iter().enumerate().skip(from) {
            match byte {
                b'{' => braces += 1,
                b'}' => {
                    braces = braces.checked_sub(1)?;
                    if braces == 0 && others == 0 {
                        return Some(at + 1);
                    }
                }
                b'(' | b'[' => others += 1,
                b')' | b']' => others = others.saturating_sub(1),
                b';' if braces == 0 && others == 0 => return None,
                _ => {}
            }
        }
        None
    }

    fn find_tests(&self) -> Vec<Range<usize>> {
        self.code
            .match_indices("#[cfg(test)]")
            .filter_map(|(at, _)| Some(at..self.block_end(at)?))
            .collect()
    }
}

/// Whether a byte can be part of a name.
fn is_name(byte: u8) -> bool {
    byte == b'_' || byte.is_ascii_alphanumeric() || byte >= 0x80
}

/// Blanks comments in the first text, and contents of literals in the second, too.
fn blank(text: &str) -> (String, String) {
    let bytes = text.as_bytes();
    let mut uncommented = bytes.to_vec();
    let mut code = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let before = at.checked_sub(1).map(|before| bytes[before]);
        if rest.starts_with(b"//") {
            let length = line_length(rest);
            wipe(&mut uncommented[at..at + length]);
            wipe(&mut code[at..at + length]);
            at += length;
        } else if rest.starts_with(b"/*") {
            let length = comment_length(rest);
            wipe(&mut uncommented[at..at + length]);
            wipe(&mut code[at..at + length]);
            at += length;
        } else if let Some((head, length, tail)) = literal(rest, before) {
            wipe(&mut code[at + head..at + length - tail]);
            at += length;
        } else {
            at += 1;
        }
    }
    (lossy(uncommented), lossy(code))
}

fn lossy(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}

fn wipe(bytes: &mut [u8]) {
    for byte in bytes {
        if *byte != b'\n' {
            *byte = b' ';
        }
    }
}

fn line_length(rest: &[u8]) -> usize {
    rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len())
}

fn comment_length(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        if rest[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += 1;
        }
    }
    at.min(rest.len())
}

/// If a string or character starts here: how many bytes open it, how long it is
/// altogether, how many bytes close it.
fn literal(rest: &[u8], before: Option<u8>) -> Option<(usize, usize, usize)> {
    match rest.first()? {
        b'"' => Some((1, quoted_length(rest)?, 1)),
        b'\'' => Some((1, character_length(rest)?, 1)),
        b'r' if !before.is_some_and(|byte| is_name(byte) && byte != b'b' && byte != b'c') => {
            let hashes = rest[1..].iter().take_while(|byte| **byte == b'#').count();
            if rest.get(1 + hashes) != Some(&b'"') {
                return None;
            }
            let head = hashes + 2;
            let mut close = vec![b'"'];
            close.resize(hashes + 1, b'#');
            let inside = rest[head..].windows(close.len()).position(|window| window == close)?;
            Some((head, head + inside + close.len(), close.len()))
        }
        _ => None,
    }
}

fn quoted_length(rest: &[u8]) -> Option<usize> {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            b'"' => return Some(at + 1),
            _ => at += 1,
        }
    }
    None
}

/// A character literal, and not a lifetime.
fn character_length(rest: &[u8]) -> Option<usize> {
    if rest.get(1) == Some(&b'\\') {
        let close = rest.iter().skip(3).position(|byte| *byte == b'\'')?;
        return Some(close + 4);
    }
    // One character may have up to four bytes.
    (2..=5).find(|at| rest.get(*at) == Some(&b'\'')).and_then(|at| {
        let one = std::str::from_utf8(&rest[1..at]).ok()?;
        (one.chars().count() == 1).then_some(at + 1)
    })
}

#[cfg(test)]
mod tests {
    use super::Source;

    #[test]
    fn comments_and_literals_are_blanked_and_lines_kept() {
        let text = "let a = \"unsafe { \\\" }\"; // unsafe\n/* unsafe /* } */ */ let b = '{'; let c: &'a str = r#\"un\"safe\"#;\n";
        let source = Source::new("x.rs", text);
        assert_eq!(source.words("unsafe").count(), 0);
        assert_eq!(source.code.len(), text.len());
        assert_eq!(source.code.matches('{').count(), 0);
        assert!(source.uncommented.contains("\"unsafe {"));
        assert!(!source.uncommented.contains("// unsafe"));
        assert!(source.code.contains("&'a str"));
    }

    #[test]
    fn whole_words_only() {
        let source = Source::new("x.rs", "unsafe_code unsafe not_unsafe");
        assert_eq!(source.words("unsafe").collect::<Vec<_>>(), [12]);
    }

    #[test]
    fn test_modules_and_test_folders_are_tests() {
        let source = Source::new(
            "a/src/x.rs",
            "fn a() {}\n#[cfg(test)]\nmod t {\n fn b() {}\n}\nfn c() {}\n",
        );
        let at = |name: &str| source.code.find(name).unwrap();
        assert!(!source.is_test(at("fn a")));
        assert!(source.is_test(at("fn b")));
        assert!(!source.is_test(at("fn c")));
        assert!(Source::new("tests/src/x.rs", "fn a() {}").is_test(0));
    }

    #[test]
    fn a_block_ends_at_its_own_brace() {
        let source = Source::new("x.rs", "fn a(x: [u8; 3]) { if x { } } fn b();");
        assert_eq!(source.block_end(0), Some(29));
        assert_eq!(source.block_end(30), None);
    }
}
