//! Images made to harm, and images that broke: refused, or read as QEMU reads them, and nothing is left.

use crate::fixture::{Bench, noise, run};
use hatchery_storage::ConvertError;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;

const COMPRESSED: u64 = 1 << 62;

fn be64(bytes: &[u8], at: u64) -> u64 {
    let at = at as usize;
    u64::from_be_bytes(bytes[at..at + 8].try_into().unwrap())
}

/// Where the entry of the disk's first cluster stands in the file.
fn first_entry(image: &Path) -> u64 {
    let bytes = std::fs::read(image).unwrap();
    let l1 = be64(&bytes, 40);
    be64(&bytes, l1) & 0x00ff_ffff_ffff_fe00
}

fn patch(image: &Path, at: u64, bytes: &[u8]) {
    let file = std::fs::OpenOptions::new().write(true).open(image).unwrap();
    file.write_all_at(bytes, at).unwrap();
}

fn refused(bench: &Bench, image: &Path, word: &str) {
    let error = bench.convert(image).unwrap_err();
    assert!(matches!(error, ConvertError::Invalid(_)), "{word}: {error:?}");
    assert!(error.to_string().contains(word), "{word}: {error}");
}

#[test]
fn clusters_that_lie_where_none_can() {
    let Some(bench) = Bench::new() else { return };
    for (entry, word) in [
        (1_u64 << 50, "cut off"),
        (64 << 10 | 512, "between clusters"),
        (COMPRESSED | 512, "outside"),
        (COMPRESSED | 1 << 50, "outside"),
        // There, and not compressed at all: the refcounts.
        (COMPRESSED | 3 << 54 | 64 << 10, "unpacked"),
    ] {
        let image = bench.qcow2("image", "compat=1.1", false);
        patch(&image, first_entry(&image), &entry.to_be_bytes());
        refused(&bench, &image, word);
    }
    let image = bench.qcow2("image", "compat=0.10", false);
    patch(&image, first_entry(&image), &1_u64.to_be_bytes());
    refused(&bench, &image, "which its version cannot do");
}

#[test]
fn what_is_more_than_itself() {
    let Some(bench) = Bench::new() else { return };
    let secret = bench.path("secret.raw");
    std::fs::write(&secret, noise(1 << 20, 9)).unwrap();
    let image = bench.path("image");
    let mut command = Command::new("qemu-img");
    command.args(["create", "-f", "qcow2", "-F", "raw", "-b"]);
    run(command.arg(&secret).arg(&image));
    refused(&bench, &image, "backing file");
    let mut command = Command::new("qemu-img");
    let options = format!("data_file={},data_file_raw=on", bench.path("data").display());
    run(command.args(["create", "-f", "qcow2", "-o", &options]).arg(&image).arg("1M"));
    refused(&bench, &image, "in another file");
    std::fs::write(&image, noise(1 << 20, 4)).unwrap();
    refused(&bench, &image, "");
    std::fs::write(&image, b"").unwrap();
    refused(&bench, &image, "");
}

/// A qcow2 image on the disk in a qcow2 image: raw, it would be taken for what it names by whoever guesses.
#[test]
fn an_image_within_the_image() {
    let Some(bench) = Bench::new() else { return };
    let secret = bench.path("secret.raw");
    std::fs::write(&secret, noise(1 << 20, 9)).unwrap();
    let mut command = Command::new("qemu-img");
    command.args(["create", "-f", "qcow2", "-F", "raw", "-b"]);
    run(command.arg(&secret).arg(bench.path("disk.raw")));
    for compressed in [false, true] {
        let image = bench.qcow2("image", "compat=1.1", compressed);
        refused(&bench, &image, "cannot be kept as raw");
    }
}

/// Bytes changed at random among the tables. Whatever we take, QEMU takes, and reads the same.
#[test]
fn changed_at_random_it_is_refused_or_read_as_qemu_reads_it() {
    let Some(bench) = Bench::new() else { return };
    let (mut taken, mut refused) = (0, 0);
    for (kind, compressed, options) in [
        (1, false, "compat=1.1,cluster_size=4k"),
        (2, true, "compat=1.1,cluster_size=4k"),
        (3, true, "compat=1.1,cluster_size=4k,compression_type=zstd"),
        (4, false, "compat=1.1,cluster_size=16k,extended_l2=on"),
    ] {
        let original = std::fs::read(bench.qcow2("image", options, compressed)).unwrap();
        let dice = noise(24 * 16, kind);
        let dice: Vec<u64> = (0..48).map(|roll| be64(&dice, roll * 8)).collect();
        for roll in dice.chunks(2) {
            let mut bytes = original.clone();
            // Three of four among header and tables, the others anywhere.
            let within = if roll[1] % 4 == 0 { bytes.len() as u64 } else { 32 << 10 };
            let at = (roll[0] % within) as usize;
            bytes[at] ^= (roll[1] >> 8) as u8 | 1;
            let image = bench.path("mutant");
            std::fs::write(&image, &bytes).unwrap();
            match bench.convert(&image) {
                Err(ConvertError::Invalid(_) | ConvertError::Exhausted(_)) => refused += 1,
                Err(error) => panic!("{options}, byte {at}: {error:?}"),
                Ok((_, path)) => {
                    taken += 1;
                    let ours = std::fs::read(path).unwrap();
                    if let Some(theirs) = bench.by_qemu(&image) {
                        assert!(ours == theirs, "{options}, byte {at}: read differently");
                    }
                }
            }
        }
    }
    // Both ways are really gone.
    assert!(taken > 20 && refused > 5, "{taken} taken, {refused} refused");
}

/// Cut off anywhere.
#[test]
fn cut_off_anywhere_nothing_is_left() {
    let Some(bench) = Bench::new() else { return };
    for compressed in [false, true] {
        let whole = std::fs::read(bench.qcow2("image", "compat=1.1", compressed)).unwrap();
        let image = bench.path("short");
        for part in 1..16 {
            std::fs::write(&image, &whole[..whole.len() * part / 16]).unwrap();
            let error = bench.convert(&image).unwrap_err();
            assert!(matches!(error, ConvertError::Invalid(_)), "{part}/16: {error:?}");
        }
    }
}
