//! A guest's console log: read from its end, and kept from growing for ever.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// The hypervisor appends to this.
const LOG: &str = "console.log";
/// What was cut off it.
const OLDER: &str = "console.log.1";
/// Nova's own limit for one answer.
const ANSWER_CAP: u64 = 102_400;

/// The last `lines` of what the guest wrote (all that is kept if `None`), at most 100 KiB. Empty when it wrote nothing.
pub(crate) fn tail(folder: &Path, lines: Option<u32>) -> io::Result<String> {
    let mut bytes = end_of(&folder.join(OLDER))?;
    bytes.extend(end_of(&folder.join(LOG))?);
    let cut = bytes.len().saturating_sub(ANSWER_CAP as usize);
    let text = String::from_utf8_lossy(&bytes[cut..]).into_owned();
    let Some(lines) = lines else { return Ok(text) };
    let all: Vec<&str> = text.split_inclusive('\n').collect();
    Ok(all[all.len().saturating_sub(lines as usize)..].concat())
}

fn end_of(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        file => file?,
    };
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(ANSWER_CAP)))?;
    let mut bytes = Vec::new();
    file.take(ANSWER_CAP).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Sets the log aside once it has grown beyond `cap`; the hypervisor goes on appending to the emptied file. What
/// the guest writes between the two steps is lost.
pub(crate) fn bound(folder: &Path, cap: u64) -> io::Result<()> {
    let path = folder.join(LOG);
    let length = match fs::metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        metadata => metadata?.len(),
    };
    if length <= cap {
        return Ok(());
    }
    fs::write(folder.join(OLDER), end_of(&path)?)?;
    OpenOptions::new().write(true).open(&path)?.set_len(0)
}

#[cfg(test)]
mod tests {
    use super::{LOG, bound, tail};
    use std::fs;

    #[test]
    fn gives_the_last_lines_also_across_a_cut() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(tail(dir.path(), Some(3)).unwrap(), "");
        fs::write(dir.path().join(LOG), "a\nb\nc\n").unwrap();
        assert_eq!(tail(dir.path(), Some(2)).unwrap(), "b\nc\n");
        bound(dir.path(), 100).unwrap();
        assert_eq!(fs::read_to_string(dir.path().join(LOG)).unwrap(), "a\nb\nc\n");
        bound(dir.path(), 5).unwrap();
        assert_eq!(fs::read_to_string(dir.path().join(LOG)).unwrap(), "");
        fs::write(dir.path().join(LOG), "d").unwrap();
        assert_eq!(tail(dir.path(), Some(2)).unwrap(), "c\nd");
        assert_eq!(tail(dir.path(), None).unwrap(), "a\nb\nc\nd");
    }
}
