//! Makes a BIOS-bootable qcow2: boot sector, kernel and ramdisk first, then one
//! partition with ext4. All of it by writing files: nothing is mounted or attached.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::boot;
use super::root::Content;
use crate::failure::{Failure, output_of};

const SECTOR: u64 = 512;
const MIB: u64 = 1024 * 1024;
/// Where the partition starts: what is booted lies before it.
const PARTITION_START: u64 = 20 * MIB;
/// The size of the partition: what the system needs, and a few MiB to write to.
const PARTITION_SIZE: u64 = 32 * MIB;
const PARTITION_TABLE: usize = 446;

/// Builds the disk in the folder `work` and gives the path of the qcow2 file.
pub fn assemble(work: &Path, content: &Content) -> Result<PathBuf, Failure> {
    let partition = work.join("partition.ext4");
    file_system(&content.tree, &partition)?;
    let mut first = boot::sectors(work, &content.kernel, &content.ramdisk)?;
    if first.len() as u64 > PARTITION_START {
        return Err(Failure::new("kernel and ramdisk do not fit before the partition: move it"));
    }
    write_partition_table(&mut first);

    let raw = work.join("disk.raw");
    let mut disk = File::create(&raw).map_err(Failure::at(&raw))?;
    disk.set_len(PARTITION_START + PARTITION_SIZE).map_err(Failure::at(&raw))?;
    disk.write_all(&first).map_err(Failure::at(&raw))?;
    copy_sparsely(&partition, &mut disk)?;
    disk.sync_all().map_err(Failure::at(&raw))?;

    let image = work.join("disk.qcow2");
    let mut convert = Command::new("qemu-img");
    convert.args(["convert", "-c", "-f", "raw", "-O", "qcow2"]).args([&raw, &image]);
    output_of(&mut convert)?;
    Ok(image)
}

fn file_system(tree: &Path, partition: &Path) -> Result<(), Failure> {
    let file = File::create(partition).map_err(Failure::at(partition))?;
    file.set_len(PARTITION_SIZE).map_err(Failure::at(partition))?;
    let mut make = Command::new("mke2fs");
    make.env("PATH", with_system_folders())
        .args(["-q", "-F", "-t", "ext4", "-L", "tiny-root", "-m", "0", "-J", "size=4"])
        // Nothing is left to be done at the first mount.
        .args(["-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard,root_owner=0:0"])
        .arg("-d")
        .args([tree, partition]);
    output_of(&mut make)?;
    if fs::metadata(tree).map_err(Failure::at(tree))?.uid() != 0 {
        give_to_root(tree, partition)?;
    }
    Ok(())
}

/// Built by somebody else than root, the files still belong to root in the guest.
fn give_to_root(tree: &Path, partition: &Path) -> Result<(), Failure> {
    let mut requests = String::new();
    let mut folders = vec![tree.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(Failure::at(&folder))? {
            let entry = entry.map_err(Failure::at(&folder))?;
            let path = entry.path();
            let inside = path.strip_prefix(tree).map_err(Failure::at(&path))?;
            for field in ["uid", "gid"] {
                requests += &format!("set_inode_field /{} {field} 0\n", inside.display());
            }
            if entry.file_type().map_err(Failure::at(&path))?.is_dir() {
                folders.push(path);
            }
        }
    }
    let script = partition.with_extension("requests");
    fs::write(&script, requests).map_err(Failure::at(&script))?;
    let mut edit = Command::new("debugfs");
    edit.env("PATH", with_system_folders()).arg("-w").arg("-f").args([&script, partition]);
    output_of(&mut edit).map(drop)
}

/// Puts a table of one partition into the first sector.
fn write_partition_table(sectors: &mut [u8]) {
    let start = (PARTITION_START / SECTOR) as u32;
    let length = (PARTITION_SIZE / SECTOR) as u32;
    let entry = &mut sectors[PARTITION_TABLE..PARTITION_TABLE + 16];
    // Active; type Linux; the old cylinder fields at their "too large" value.
    entry[0] = 0x80;
    entry[1..4].copy_from_slice(&[0xfe, 0xff, 0xff]);
    entry[4] = 0x83;
    entry[5..8].copy_from_slice(&[0xfe, 0xff, 0xff]);
    entry[8..12].copy_from_slice(&start.to_le_bytes());
    entry[12..16].copy_from_slice(&length.to_le_bytes());
    sectors[510..512].copy_from_slice(&[0x55, 0xaa]);
}

/// Copies the partition to its place and leaves out what is only zeros.
fn copy_sparsely(partition: &Path, disk: &mut File) -> Result<(), Failure> {
    let mut source = File::open(partition).map_err(Failure::at(partition))?;
    let mut block = vec![0; 64 * 1024];
    let mut at = PARTITION_START;
    loop {
        let length = source.read(&mut block).map_err(Failure::at(partition))?;
        if length == 0 {
            return Ok(());
        }
        if block[..length].iter().any(|byte| *byte != 0) {
            disk.seek(SeekFrom::Start(at)).map_err(Failure::at(partition))?;
            disk.write_all(&block[..length]).map_err(Failure::at(partition))?;
        }
        at += length as u64;
    }
}

/// `mke2fs` and `debugfs` lie where only root looks.
fn with_system_folders() -> String {
    let path = std::env::var("PATH").unwrap_or_default();
    format!("{path}:/usr/sbin:/sbin")
}

#[cfg(test)]
mod tests {
    use super::write_partition_table;

    #[test]
    fn the_table_has_one_active_partition_and_leaves_the_code_alone() {
        let mut sector = vec![0xeb; 512];
        write_partition_table(&mut sector);
        assert!(sector[..446].iter().all(|byte| *byte == 0xeb));
        assert_eq!(sector[446], 0x80);
        assert_eq!(&sector[454..458], &(20 * 2048_u32).to_le_bytes());
        assert_eq!(&sector[458..462], &(32 * 2048_u32).to_le_bytes());
        assert_eq!(&sector[510..], &[0x55, 0xaa]);
    }
}
