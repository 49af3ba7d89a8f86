//! Makes a BIOS-bootable qcow2 of a folder: one partition with ext4, GRUB in the
//! gap before it. All of it by writing files: nothing is mounted or attached.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::packages::Packages;
use crate::failure::{Failure, output_of};

const BOOT_SCRIPT: &str = include_str!("../../guest/boot.cfg");

/// The scripts that end up in the image.
pub const SCRIPTS: &[&str] = &[BOOT_SCRIPT];

const SECTOR: u64 = 512;
const MIB: u64 = 1024 * 1024;
/// Where the partition starts; GRUB lies before it.
const PARTITION_START: u64 = MIB;
/// The size of the partition: what the system needs, and a few MiB to write to.
const PARTITION_SIZE: u64 = 47 * MIB;

/// Where boot code ends in the first sector, and the partition table starts.
const BOOT_CODE: usize = 440;
const PARTITION_TABLE: usize = 446;

/// What GRUB has to know to find and start a kernel; there is no menu.
const GRUB_MODULES: &[&str] = &["biosdisk", "part_msdos", "ext2", "linux"];

/// Builds the disk in the folder `work` and gives the path of the qcow2 file.
pub fn assemble(work: &Path, tree: &Path, packages: &Packages) -> Result<PathBuf, Failure> {
    let partition = work.join("partition.ext4");
    file_system(tree, &partition)?;
    let (first_sector, core) = boot_loader(work, packages)?;

    let raw = work.join("disk.raw");
    let mut disk = File::create(&raw).map_err(Failure::at(&raw))?;
    disk.set_len(PARTITION_START + PARTITION_SIZE)
        .map_err(Failure::at(&raw))?;
    disk.write_all(&first_sector).map_err(Failure::at(&raw))?;
    disk.write_all(&core).map_err(Failure::at(&raw))?;
    copy_sparsely(&partition, &mut disk)?;
    disk.sync_all().map_err(Failure::at(&raw))?;

    let image = work.join("disk.qcow2");
    let mut convert = Command::new("qemu-img");
    convert
        .args(["convert", "-c", "-f", "raw", "-O", "qcow2"])
        .args([&raw, &image]);
    output_of(&mut convert)?;
    Ok(image)
}

fn file_system(tree: &Path, partition: &Path) -> Result<(), Failure> {
    let file = File::create(partition).map_err(Failure::at(partition))?;
    file.set_len(PARTITION_SIZE)
        .map_err(Failure::at(partition))?;
    let mut make = Command::new("mke2fs");
    make.env("PATH", with_system_folders())
        .args([
            "-q",
            "-F",
            "-t",
            "ext4",
            "-L",
            "tiny-root",
            "-m",
            "0",
            "-J",
            "size=4",
        ])
        // What GRUB can read, and nothing left to be done at the first mount.
        .args(["-O", "^metadata_csum_seed,^orphan_file,^resize_inode"])
        .args([
            "-E",
            "lazy_itable_init=0,lazy_journal_init=0,nodiscard,root_owner=0:0",
        ])
        .arg("-d")
        .args([tree, partition]);
    // Versions before 1.47 do not know some of those features, nor have them.
    if output_of(&mut make).is_err() {
        let mut plain = Command::new("mke2fs");
        plain
            .env("PATH", with_system_folders())
            .args(["-q", "-F", "-t", "ext4", "-L", "tiny-root", "-m", "0"])
            .args(["-E", "lazy_itable_init=0,root_owner=0:0", "-d"])
            .args([tree, partition]);
        output_of(&mut plain)?;
    }
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
    edit.env("PATH", with_system_folders())
        .arg("-w")
        .arg("-f")
        .args([&script, partition]);
    output_of(&mut edit).map(drop)
}

/// The first sector and the sectors after it: boot code, partition table, GRUB
/// with its modules and the boot script inside.
fn boot_loader(work: &Path, packages: &Packages) -> Result<(Vec<u8>, Vec<u8>), Failure> {
    let script = work.join("boot.cfg");
    fs::write(&script, BOOT_SCRIPT).map_err(Failure::at(&script))?;
    let core_file = work.join("core.img");
    let parts = packages.find("usr/lib/grub/i386-pc")?;
    let libraries = packages.find_library("libdevmapper.so.1.02.1")?;
    let mut make = Command::new(packages.find("usr/bin/grub-mkimage")?);
    if let Some(folder) = libraries.parent() {
        make.env("LD_LIBRARY_PATH", folder);
    }
    make.arg("-d")
        .arg(&parts)
        .arg("-c")
        .arg(&script)
        .arg("-o")
        .arg(&core_file)
        .args(["-O", "i386-pc", "-p", "(,msdos1)/boot/grub"])
        .args(GRUB_MODULES);
    output_of(&mut make)?;
    let core = fs::read(&core_file).map_err(Failure::at(&core_file))?;
    if core.len() as u64 > PARTITION_START - SECTOR {
        return Err(Failure::new(
            "GRUB does not fit before the partition: name fewer modules",
        ));
    }
    let boot_file = parts.join("boot.img");
    let boot = fs::read(&boot_file).map_err(Failure::at(&boot_file))?;
    Ok((first_sector(&boot), core))
}

fn first_sector(boot: &[u8]) -> Vec<u8> {
    let mut sector = vec![0; SECTOR as usize];
    let code = boot.len().min(BOOT_CODE);
    sector[..code].copy_from_slice(&boot[..code]);
    let start = (PARTITION_START / SECTOR) as u32;
    let length = (PARTITION_SIZE / SECTOR) as u32;
    let entry = &mut sector[PARTITION_TABLE..PARTITION_TABLE + 16];
    // Active; type Linux; the old cylinder fields at their "too large" value.
    entry[0] = 0x80;
    entry[1..4].copy_from_slice(&[0xfe, 0xff, 0xff]);
    entry[4] = 0x83;
    entry[5..8].copy_from_slice(&[0xfe, 0xff, 0xff]);
    entry[8..12].copy_from_slice(&start.to_le_bytes());
    entry[12..16].copy_from_slice(&length.to_le_bytes());
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    sector
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
            disk.seek(SeekFrom::Start(at))
                .map_err(Failure::at(partition))?;
            disk.write_all(&block[..length])
                .map_err(Failure::at(partition))?;
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
    use super::first_sector;

    #[test]
    fn the_first_sector_holds_code_and_one_active_partition() {
        let sector = first_sector(&[0xeb; 512]);
        assert_eq!(sector.len(), 512);
        assert_eq!(sector[439], 0xeb);
        assert_eq!(&sector[440..446], &[0; 6]);
        assert_eq!(sector[446], 0x80);
        assert_eq!(&sector[454..458], &2048_u32.to_le_bytes());
        assert_eq!(&sector[458..462], &(47 * 2048_u32).to_le_bytes());
        assert_eq!(&sector[510..], &[0x55, 0xaa]);
    }
}
