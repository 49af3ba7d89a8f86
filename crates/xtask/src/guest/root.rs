//! Lays out the tiny guest's root file system as a folder, and its initial
//! ramdisk. What the guest does is in the scripts under `guest/` of this crate.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::archive::Archive;
use super::modules::{Module, Modules, tables};
use super::packages::Packages;
use crate::failure::{Failure, output_of};

const EARLY_INIT: &str = include_str!("../../guest/early-init");
const STARTUP: &str = include_str!("../../guest/startup");
const LEASE: &str = include_str!("../../guest/lease");
const FLATTEN: &str = include_str!("../../guest/flatten.awk");
const INITTAB: &str = include_str!("../../guest/inittab");
const POWER: &str = include_str!("../../guest/power");
const CURL: &str = include_str!("../../guest/curl");
const LSBLK: &str = include_str!("../../guest/lsblk");
const SUDO: &str = include_str!("../../guest/sudo");

/// The scripts that end up in the image.
pub const SCRIPTS: &[&str] =
    &[EARLY_INIT, STARTUP, LEASE, FLATTEN, INITTAB, POWER, CURL, LSBLK, SUDO];

/// Debian's cloud kernel has no AHCI: a guest on q35 sees no SATA drives.
/// Loaded by the ramdisk in every guest, and only where there is no virtio disk.
const FIRST_MODULES: &[&str] = &["virtio_pci", "virtio_blk"];
const OTHER_DISK_MODULES: &[&str] = &["virtio_scsi", "ata_piix", "nvme", "sd_mod"];
/// Loaded by the running system for the devices that it finds.
const SYSTEM_MODULES: &[&str] = &[
    "virtio_pci",
    "virtio_blk",
    "virtio_scsi",
    "ata_piix",
    "nvme",
    "sd_mod",
    "sr_mod",
    "virtio_net",
    "virtio_rng",
    "virtio_balloon",
    "virtio_console",
    "isofs",
    "vfat",
    "nls_cp437",
    "nls_ascii",
    "button",
    "evdev",
];

const FOLDERS: &[&str] = &[
    "bin",
    "dev",
    "etc/dropbear",
    "etc/acpi/PWRF",
    "lib64",
    "lib/x86_64-linux-gnu",
    "mnt",
    "proc",
    "root/.ssh",
    "run",
    "sys",
    "tmp",
    "usr/bin",
    "usr/lib/tiny",
    "usr/sbin",
    "usr/share/udhcpc",
    "var/lib/tiny",
    "var/log",
];

/// What dropbear is linked with, all the way down.
const LIBRARIES: &[&str] = &[
    "libc.so.6",
    "libcrypt.so.1",
    "libgmp.so.10",
    "libtomcrypt.so.1",
    "libtommath.so.1",
    "libz.so.1",
];

/// All that goes into a disk.
pub struct Content {
    /// The folder that holds the root file system.
    pub tree: PathBuf,
    /// The kernel, as Debian packs it.
    pub kernel: Vec<u8>,
    /// Its initial ramdisk.
    pub ramdisk: Vec<u8>,
}

/// Fills the folder `tree` with the guest's root file system.
pub fn populate(tree: &Path, packages: &Packages) -> Result<Content, Failure> {
    for folder in FOLDERS {
        let path = tree.join(folder);
        fs::create_dir_all(&path).map_err(Failure::at(&path))?;
    }
    programs(tree, packages)?;
    settings(tree)?;
    let modules = Modules::of(&packages.find("lib/modules")?)?;
    system_modules(tree, &modules)?;
    let kernel = read(&packages.find(&format!("boot/vmlinuz-{}", modules.release))?)?;
    let busybox = read(&packages.find("bin/busybox")?)?;
    let first = modules.closure(FIRST_MODULES)?;
    let mut others = modules.closure(OTHER_DISK_MODULES)?;
    others.retain(|module| first.iter().all(|known| known.name != module.name));
    let ramdisk = ramdisk(&busybox, &first, &others);
    Ok(Content { tree: tree.to_owned(), kernel, ramdisk })
}

fn programs(tree: &Path, packages: &Packages) -> Result<(), Failure> {
    let busybox = packages.find("bin/busybox")?;
    place(&tree.join("bin/busybox"), 0o755, &read(&busybox)?)?;
    for applet in output_of(Command::new(&busybox).arg("--list"))?.lines() {
        if applet != "busybox" {
            link("busybox", &tree.join("bin").join(applet))?;
        }
    }
    link("bin", &tree.join("sbin"))?;
    link("/run", &tree.join("var/run"))?;
    for (inside, target) in
        [("usr/sbin/dropbear", "usr/sbin/dropbear"), ("usr/bin/dropbearkey", "usr/bin/dropbearkey")]
    {
        place(&tree.join(target), 0o755, &read(&packages.find(inside)?)?)?;
    }
    for name in LIBRARIES {
        let code = read(&packages.find_library(name)?)?;
        place(&tree.join("lib/x86_64-linux-gnu").join(name), 0o755, &code)?;
    }
    let loader = packages.find_library("ld-linux-x86-64.so.2")?;
    place(&tree.join("lib64/ld-linux-x86-64.so.2"), 0o755, &read(&loader)?)?;
    for (name, script) in [("curl", CURL), ("lsblk", LSBLK), ("sudo", SUDO)] {
        place(&tree.join("usr/bin").join(name), 0o755, script.as_bytes())?;
    }
    Ok(())
}

fn settings(tree: &Path) -> Result<(), Failure> {
    // The second name is one that test suites for OpenStack log in by; it is root, too.
    let users = "root:x:0:0:root:/root:/bin/sh\ncirros:x:0:0:root:/root:/bin/sh\n";
    let passwords = "root:*:19000:0:99999:7:::\ncirros:*:19000:0:99999:7:::\n";
    let files: &[(&str, u32, &str)] = &[
        ("etc/passwd", 0o644, users),
        ("etc/shadow", 0o600, passwords),
        ("etc/group", 0o644, "root:x:0:\n"),
        ("etc/shells", 0o644, "/bin/sh\n"),
        ("etc/hostname", 0o644, "tiny\n"),
        ("etc/hosts", 0o644, "127.0.0.1 localhost\n"),
        (
            "etc/nsswitch.conf",
            0o644,
            "passwd: files\nshadow: files\ngroup: files\nhosts: files dns\n",
        ),
        ("etc/inittab", 0o644, INITTAB),
        ("etc/startup", 0o755, STARTUP),
        ("etc/acpi/PWRF/00000080", 0o755, POWER),
        ("usr/share/udhcpc/default.script", 0o755, LEASE),
        ("usr/lib/tiny/flatten.awk", 0o644, FLATTEN),
        ("root/.ssh/authorized_keys", 0o600, ""),
    ];
    for (name, mode, content) in files {
        place(&tree.join(name), *mode, content.as_bytes())?;
    }
    for folder in ["root", "root/.ssh"] {
        permit(&tree.join(folder), 0o700)?;
    }
    permit(&tree.join("tmp"), 0o1777)
}

fn system_modules(tree: &Path, modules: &Modules) -> Result<(), Failure> {
    let system = modules.closure(SYSTEM_MODULES)?;
    let folder = tree.join("lib/modules").join(&modules.release);
    fs::create_dir_all(&folder).map_err(Failure::at(&folder))?;
    for module in &system {
        place(&folder.join(format!("{}.ko", module.name)), 0o644, &module.code)?;
    }
    let (dependencies, aliases) = tables(&system);
    place(&folder.join("modules.dep"), 0o644, dependencies.as_bytes())?;
    place(&folder.join("modules.alias"), 0o644, aliases.as_bytes())
}

/// The ramdisk is not compressed: an emulated guest reads faster than it unpacks.
fn ramdisk(busybox: &[u8], first: &[Module], others: &[Module]) -> Vec<u8> {
    let mut archive = Archive::new();
    for folder in ["bin", "dev", "lib", "lib/modules", "new", "proc", "sys"] {
        archive.folder(folder);
    }
    archive.character_device("dev/console", 5, 1);
    archive.file("bin/busybox", true, busybox);
    archive.file("init", true, EARLY_INIT.as_bytes());
    for (folder, modules) in [("first", first), ("other", others)] {
        archive.folder(&format!("lib/modules/{folder}"));
        // The shell lists them by name: the number keeps the order of loading.
        for (number, module) in modules.iter().enumerate() {
            let name = format!("lib/modules/{folder}/{number:02}-{}.ko", module.name);
            archive.file(&name, false, &module.code);
        }
    }
    archive.finish()
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(Failure::at(path))
}

fn place(path: &Path, mode: u32, content: &[u8]) -> Result<(), Failure> {
    fs::write(path, content).map_err(Failure::at(path))?;
    permit(path, mode)
}

fn permit(path: &Path, mode: u32) -> Result<(), Failure> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(Failure::at(path))
}

fn link(target: &str, path: &Path) -> Result<(), Failure> {
    symlink(target, path).map_err(Failure::at(path))
}
