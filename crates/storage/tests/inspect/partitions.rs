//! Raw disks with partition tables.

use crate::bytes::{partition, partitioned, protective, put};
use crate::verdict::{Case, refused, run, taken};
use hatchery_model::image::DiskFormat::Raw;

const LENGTH: u64 = 1 << 20;

fn good(name: &'static str, entries: &[[u8; 16]]) -> Case {
    taken(name, Raw, partitioned(entries), LENGTH)
}

fn bad(name: &'static str, entries: &[[u8; 16]], words: &'static str) -> Case {
    refused(name, Raw, partitioned(entries), words)
}

#[test]
fn tables_that_say_one_thing_are_taken() {
    let linux = partition(0x80, [0x20, 0x21, 0], 0x83, 2048);
    let unused = [0; 16];
    let mut fat = vec![0; 1 << 20];
    put(&mut fat, 0, &[0xeb, 0x3c, 0x90]);
    put(&mut fat, 0x10, &[2]);
    put(&mut fat, 0x15, &[0xf8]);
    put(&mut fat, 446, &[0x33; 64]);
    put(&mut fat, 510, &[0x55, 0xaa]);
    let mut ext4 = vec![0; 1 << 20];
    put(&mut ext4, 1080, &[0x53, 0xef]);
    run(vec![
        good("a GPT", &[protective()]),
        good("an MBR", &[linux]),
        good("an MBR with a gap", &[linux, unused, linux]),
        taken("FAT on the whole disk", Raw, fat, LENGTH),
        taken("ext4 on the whole disk", Raw, ext4, LENGTH),
    ]);
}

#[test]
fn tables_that_contradict_themselves_are_refused() {
    let linux = partition(0, [0, 2, 0], 0x83, 2048);
    let unused = [0; 16];
    run(vec![
        bad("no partition", &[], "no partition"),
        bad("a GPT beside a partition", &[protective(), linux], "beside other"),
        bad("a GPT in the second place", &[unused, protective()], "beside other"),
        bad("two GPTs", &[protective(), protective()], "beside other"),
        bad("a boot flag of 0x33", &[partition(0x33, [0, 2, 0], 0x83, 1)], "boot flag 0x33"),
        bad("a boot flag where nothing is", &[linux, partition(1, [0; 3], 0, 0)], "boot flag 0x01"),
        bad("a GPT that begins later", &[partition(0, [0, 2, 0], 0xee, 2)], "second sector"),
        bad("a GPT with odd heads", &[partition(0, [0, 1, 0], 0xee, 1)], "second sector"),
    ]);
}
