//! One case: an image, what it is declared to be, and what must come of it.

use hatchery_model::image::{DiskFormat, ImageFormat, Inspection};
use hatchery_model::units::Bytes;
use hatchery_storage::inspect::{INSPECTOR_VERSION, Inspector, Refusal};

/// What must come of a case.
pub enum Verdict {
    /// Taken, with this size of the disk in it.
    Taken(u64),
    /// Refused, with a sentence that has these words.
    Refused(&'static str),
}

/// A row of a table of cases.
pub struct Case {
    pub name: &'static str,
    pub declared: DiskFormat,
    pub bytes: Vec<u8>,
    pub verdict: Verdict,
}

pub fn taken(name: &'static str, declared: DiskFormat, bytes: Vec<u8>, size: u64) -> Case {
    Case { name, declared, bytes, verdict: Verdict::Taken(size) }
}

pub fn refused(
    name: &'static str,
    declared: DiskFormat,
    bytes: Vec<u8>,
    words: &'static str,
) -> Case {
    Case { name, declared, bytes, verdict: Verdict::Refused(words) }
}

/// Feeds pieces of the given lengths, over and over.
pub fn inspect(
    declared: DiskFormat,
    bytes: &[u8],
    pieces: &[usize],
) -> Result<Inspection, Refusal> {
    let mut inspector = Inspector::new(declared);
    let mut rest = bytes;
    for length in pieces.iter().cycle() {
        let (piece, after) = rest.split_at(rest.len().min(*length));
        inspector.feed(piece);
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    assert!(inspector.held_bytes() <= 1 << 20);
    let early = inspector.early_refusal().cloned();
    let verdict = inspector.finish();
    if let Some(early) = early {
        assert_eq!(verdict, Err(early), "an early refusal stands");
    }
    verdict
}

/// Runs every case, in pieces of several lengths.
pub fn run(cases: Vec<Case>) {
    for case in cases {
        let whole = inspect(case.declared, &case.bytes, &[usize::MAX]);
        for pieces in [&[511, 1][..], &[512], &[513], &[4096, 7, 65_536], &[1 << 18]] {
            let again = inspect(case.declared, &case.bytes, pieces);
            assert_eq!(again, whole, "{} in pieces of {pieces:?}", case.name);
        }
        match (case.verdict, whole) {
            (Verdict::Taken(size), Ok(inspection)) => {
                assert_eq!(inspection.virtual_bytes, Bytes(size), "{}", case.name);
                assert_eq!(inspection.inspector_version, INSPECTOR_VERSION);
                let found = match case.declared {
                    DiskFormat::Raw => ImageFormat::Raw,
                    _ => ImageFormat::Qcow2,
                };
                assert_eq!(inspection.format, found, "{}", case.name);
            }
            (Verdict::Refused(words), Err(refusal)) => {
                let text = refusal.to_string();
                assert!(text.contains(words), "{}: {text}", case.name);
                // What is wrong, then what to do.
                assert!(text.contains(": ") || text.contains(". "), "{}: {text}", case.name);
            }
            (Verdict::Taken(_), Err(refusal)) => panic!("{} was refused: {refusal}", case.name),
            (Verdict::Refused(_), Ok(_)) => panic!("{} was taken", case.name),
        }
    }
}
