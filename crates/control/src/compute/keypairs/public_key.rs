//! Reads public keys as far as is needed to know them for such, and takes their fingerprints.

use crate::error::Error;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};
use sha1::Sha1;

/// Algorithms of OpenSSH, each with how many fields follow its name in the key.
const ALGORITHMS: [(&str, usize); 8] = [
    ("ssh-rsa", 2),
    ("ssh-dss", 4),
    ("ssh-ed25519", 1),
    ("ecdsa-sha2-nistp256", 2),
    ("ecdsa-sha2-nistp384", 2),
    ("ecdsa-sha2-nistp521", 2),
    ("sk-ssh-ed25519@openssh.com", 2),
    ("sk-ecdsa-sha2-nistp256@openssh.com", 3),
];

const UNREADABLE: &str = "Keypair data is invalid: failed to generate fingerprint";

/// MD5 of a key in OpenSSH's one-line form, as pairs of hex digits. `Invalid` when it is none.
pub(super) fn ssh_fingerprint(line: &str) -> Result<String, Error> {
    read_ssh(line).map_or_else(
        || Err(Error::Invalid(UNREADABLE.into())),
        |blob| Ok(colons(&Md5::digest(blob))),
    )
}

/// The key's bytes, if the line is one key and the key is what the line says.
fn read_ssh(line: &str) -> Option<Vec<u8>> {
    let line = line.trim();
    if line.lines().count() != 1 {
        return None;
    }
    let mut words = line.split_ascii_whitespace();
    let name = words.next()?;
    let blob = STANDARD.decode(words.next()?).ok()?;
    let (_, count) = ALGORITHMS.iter().find(|(known, _)| *known == name)?;
    let mut rest = blob.as_slice();
    if take_field(&mut rest)? != name.as_bytes() {
        return None;
    }
    for _ in 0..*count {
        if take_field(&mut rest)?.is_empty() {
            return None;
        }
    }
    rest.is_empty().then_some(blob)
}

/// A field of SSH's wire form: its length in four bytes, then its bytes.
fn take_field<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, after) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let (field, after) = after.split_at_checked(length)?;
    *rest = after;
    Some(field)
}

/// SHA-1 of a certificate in PEM form. `Invalid` when it is none.
pub(super) fn x509_fingerprint(pem: &str) -> Result<String, Error> {
    let body = pem
        .split_once("-----BEGIN CERTIFICATE-----")
        .and_then(|(_, rest)| rest.split_once("-----END CERTIFICATE-----"))
        .map(|(body, _)| body.split_ascii_whitespace().collect::<String>());
    let der = body.and_then(|body| STANDARD.decode(body).ok());
    match der {
        // A certificate is a sequence of known length.
        Some(der) if der.first() == Some(&0x30) => Ok(colons(&Sha1::digest(der))),
        Some(_) | None => Err(Error::Invalid(UNREADABLE.into())),
    }
}

fn colons(digest: &[u8]) -> String {
    let pairs: Vec<String> = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    pairs.join(":")
}

#[cfg(test)]
mod tests {
    use super::{ssh_fingerprint, x509_fingerprint};

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHf1CdB2dhx19lIjYAb+qbQ1KxsSSF5uoYRVPbpS9aOO";

    #[test]
    fn a_key_is_known_by_its_bytes() {
        let plain = ssh_fingerprint(KEY).unwrap();
        assert_eq!(plain, ssh_fingerprint(&format!("{KEY} me@here\n")).unwrap());
        // As `ssh-keygen -l -E md5` prints it.
        assert_eq!(plain, "db:cc:18:1c:6c:9d:81:b2:03:e5:46:e4:39:c0:95:85");
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for bad in [
            "",
            "ssh-ed25519",
            "ssh-ed25519 AAAA",
            &KEY.replace("ed25519 ", "rsa "),
            &KEY[..KEY.len() - 4],
            &format!("{KEY}\n{KEY}"),
            "-----BEGIN CERTIFICATE-----",
        ] {
            assert!(ssh_fingerprint(bad).is_err(), "{bad}");
            assert!(x509_fingerprint(bad).is_err(), "{bad}");
        }
    }
}
