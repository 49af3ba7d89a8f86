//! Names of disks, as users are told them: `/dev/vda` is the root disk, and the others follow.

use crate::error::Error;
use hatchery_model::volume::Attachment;

/// So many disks a server may have: as many as there are letters.
const MOST: usize = 26;

/// The device for one more disk: what was asked for, or the first that is free.
///
/// `Invalid` for what is no device; `Conflict` for one in use; `Denied` when no letter is left.
pub(crate) fn next_free(attachments: &[Attachment], asked: Option<&str>) -> Result<String, Error> {
    let taken = |letter: char| {
        attachments.iter().any(|one| letter_of(one.mountpoint.as_deref()) == Some(letter))
    };
    if let Some(path) = asked {
        let letter = letter_of(Some(path)).ok_or_else(|| {
            Error::Invalid(format!("The supplied device path ({path}) is invalid."))
        })?;
        if letter == 'a' || taken(letter) {
            return Err(Error::Conflict(format!("The supplied device path ({path}) is in use.")));
        }
        let name = path.trim_start_matches("/dev/");
        return Ok(format!("/dev/{name}"));
    }
    let letter = ('b'..='z').find(|letter| !taken(*letter));
    letter.map(|letter| format!("/dev/vd{letter}")).ok_or_else(|| {
        Error::Denied(format!(
            "The maximum allowed number of disk devices ({MOST}) to attach to a single instance has been exceeded."
        ))
    })
}

/// The letter of `/dev/vdb`, `vdb`, `sdb` and `xvdb`.
fn letter_of(path: Option<&str>) -> Option<char> {
    let name = path?.trim_start_matches("/dev/");
    let rest = ["xvd", "vd", "sd", "hd"].iter().find_map(|prefix| name.strip_prefix(prefix))?;
    let mut letters = rest.chars();
    let letter = letters.next().filter(char::is_ascii_lowercase)?;
    letters.next().is_none().then_some(letter)
}

#[cfg(test)]
mod tests {
    use super::letter_of;

    #[test]
    fn a_device_has_a_letter() {
        for (path, letter) in [
            ("/dev/vdb", Some('b')),
            ("sdc", Some('c')),
            ("/dev/xvdd", Some('d')),
            ("/dev/vd", None),
            ("/dev/vdB", None),
            ("/dev/vdbb", None),
            ("/tmp/vdb", None),
            ("", None),
        ] {
            assert_eq!(letter_of(Some(path)), letter, "{path}");
        }
    }
}
