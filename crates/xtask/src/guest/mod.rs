//! `cargo xtask guest`: builds images of small guests for tests and first steps.
//!
//! The tiny guest is a BIOS-bootable qcow2 of busybox, dropbear and Debian's
//! cloud kernel. It is put together from Debian packages that are downloaded and
//! unpacked, never installed: no loop device, no mount, no root. Downloads and
//! the finished image stay in a cache folder; a build whose inputs did not
//! change is a copy out of it.

mod archive;
mod boot;
mod disk;
mod modules;
mod packages;
mod root;

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use sha2::{Digest, Sha256};

use crate::failure::Failure;
use packages::Packages;

/// The guests that can be built.
#[derive(Subcommand)]
pub enum Guest {
    /// The busybox guest: DHCP, config drive or metadata, SSH keys, user data.
    Tiny(Tiny),
}

/// Where the tiny guest goes and what it may reuse.
#[derive(Args)]
pub struct Tiny {
    /// The qcow2 file to write; replaced whole, or left as it was.
    #[arg(long)]
    out: PathBuf,
    /// Folder of downloaded packages and of the last build.
    #[arg(long, default_value = "target/guest")]
    cache: PathBuf,
    /// Ask the archive for newer packages, too.
    #[arg(long)]
    refresh: bool,
}

/// All that this code puts into an image: a change here makes a new image.
const RECIPE: &[&str] = &[
    include_str!("mod.rs"),
    include_str!("archive.rs"),
    include_str!("boot.rs"),
    include_str!("disk.rs"),
    include_str!("modules.rs"),
    include_str!("root.rs"),
];

/// Builds the tiny guest where the tests look for it, below cargo's target folder.
pub fn build_for_tests(target: &Path) -> Result<(), Failure> {
    let cache = target.join("guest");
    Tiny { out: cache.join("tiny.qcow2"), cache, refresh: false }.build()
}

impl Guest {
    /// Builds the guest that was asked for.
    pub fn run(&self) -> Result<(), Failure> {
        match self {
            Self::Tiny(tiny) => tiny.build(),
        }
    }
}

impl Tiny {
    fn build(&self) -> Result<(), Failure> {
        fs::create_dir_all(&self.cache).map_err(Failure::at(&self.cache))?;
        let cache = self.cache.canonicalize().map_err(Failure::at(&self.cache))?;
        if self.refresh {
            packages::forget(&cache)?;
        }
        let packages = packages::fetch(&cache)?;
        let images = cache.join("images");
        let image = images.join(format!("tiny-{}.qcow2", inputs(&packages)));
        if !image.exists() {
            fs::create_dir_all(&images).map_err(Failure::at(&images))?;
            eprintln!("guest: building the tiny guest");
            let work = cache.join("work");
            let built = build_in(&work, &packages)?;
            fs::rename(&built, &image).map_err(Failure::at(&image))?;
            fs::remove_dir_all(&work).map_err(Failure::at(&work))?;
            forget_others(&images, &image)?;
        }
        deliver(&image, &self.out)
    }
}

/// Builds the image inside of `work`, which is emptied first, and gives its path.
fn build_in(work: &Path, packages: &Packages) -> Result<PathBuf, Failure> {
    if work.exists() {
        fs::remove_dir_all(work).map_err(Failure::at(work))?;
    }
    fs::create_dir_all(work).map_err(Failure::at(work))?;
    let tree = work.join("root");
    let content = root::populate(&tree, packages)?;
    disk::assemble(work, &content)
}

/// A digest of everything that decides what the image holds.
fn inputs(packages: &Packages) -> String {
    let mut digest = Sha256::new();
    for part in RECIPE.iter().chain(root::SCRIPTS).chain(boot::SCRIPTS) {
        digest.update(part.as_bytes());
        digest.update([0]);
    }
    for name in packages.file_names() {
        digest.update(name.as_bytes());
        digest.update([0]);
    }
    let digest = digest.finalize();
    digest[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn forget_others(images: &Path, kept: &Path) -> Result<(), Failure> {
    for entry in fs::read_dir(images).map_err(Failure::at(images))? {
        let path = entry.map_err(Failure::at(images))?.path();
        if path != kept {
            fs::remove_file(&path).map_err(Failure::at(&path))?;
        }
    }
    Ok(())
}

/// Copies the image to `out` through a file beside it, so that `out` is never half an image.
fn deliver(image: &Path, out: &Path) -> Result<(), Failure> {
    let same = match (fs::read(image), fs::read(out)) {
        (Ok(new), Ok(old)) => new == old,
        _ => false,
    };
    if !same {
        if let Some(folder) = out.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder).map_err(Failure::at(folder))?;
        }
        let partial = out.with_extension("partial");
        fs::copy(image, &partial).map_err(Failure::at(&partial))?;
        fs::rename(&partial, out).map_err(Failure::at(out))?;
    }
    let size = fs::metadata(out).map_err(Failure::at(out))?.len();
    let state = if same { "unchanged" } else { "written" };
    eprintln!("guest: {} {state}, {:.1} MiB", out.display(), size as f64 / 1_048_576.0);
    Ok(())
}
