//! Debian packages as building material: downloaded by apt from wherever this
//! machine takes its Debian, unpacked into the cache, never installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{Failure, output_of};

/// Depends on the newest kernel package of the suite, whose name has its version.
const KERNEL_META: &str = "linux-image-cloud-amd64";

/// Everything but the kernel. The guest's libraries are taken from Debian as
/// well, so that the image does not depend on the machine it is built on.
const NAMES: &[&str] = &[
    "busybox-static",
    "dropbear-bin",
    "libc6",
    "libcrypt1",
    "libgmp10",
    "libtomcrypt1",
    "libtommath1",
    "zlib1g",
];

/// The unpacked packages.
pub struct Packages {
    files: Vec<PathBuf>,
    trees: Vec<PathBuf>,
}

impl Packages {
    /// The names of the package files, with their versions, in a fixed order.
    pub fn file_names(&self) -> impl Iterator<Item = String> + '_ {
        self.files.iter().map(|file| file_name(file))
    }

    /// The path of a file or folder that one of the packages holds, as
    /// `usr/sbin/dropbear`, whichever package that is.
    pub fn find(&self, inside: &str) -> Result<PathBuf, Failure> {
        self.trees
            .iter()
            .map(|tree| tree.join(inside))
            .find(|path| path.symlink_metadata().is_ok())
            .ok_or_else(|| Failure::new(format!("no package holds {inside}: did Debian move it?")))
    }

    /// The same for a shared library, wherever the package keeps it.
    pub fn find_library(&self, name: &str) -> Result<PathBuf, Failure> {
        self.find(&format!("lib/x86_64-linux-gnu/{name}"))
            .or_else(|_| self.find(&format!("usr/lib/x86_64-linux-gnu/{name}")))
    }
}

/// Forgets the downloads, so that `fetch` asks for the newest versions.
pub fn forget(cache: &Path) -> Result<(), Failure> {
    let folder = cache.join("packages");
    match fs::remove_dir_all(&folder) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::at(&folder)(cause))
        }
        _ => Ok(()),
    }
}

/// Gives all packages that the guest is made of; downloads and unpacks those
/// that the cache lacks. Asks no server when the cache is complete.
pub fn fetch(cache: &Path) -> Result<Packages, Failure> {
    let folder = cache.join("packages");
    let trees = cache.join("trees");
    for path in [&folder, &trees] {
        fs::create_dir_all(path).map_err(Failure::at(path))?;
    }
    let mut files = Vec::new();
    for name in NAMES {
        files.push(file_of(&folder, &format!("{name}_"), || Ok((*name).to_owned()))?);
    }
    files.push(file_of(&folder, "linux-image-", kernel_package)?);
    let trees = files.iter().map(|file| unpack(file, &trees)).collect::<Result<_, _>>()?;
    Ok(Packages { files, trees })
}

/// The package file whose name begins so, downloaded if there is none.
fn file_of(
    folder: &Path,
    prefix: &str,
    name: impl FnOnce() -> Result<String, Failure>,
) -> Result<PathBuf, Failure> {
    if let Some(file) = cached(folder, prefix)? {
        return Ok(file);
    }
    download(&name()?, folder)?;
    cached(folder, prefix)?
        .ok_or_else(|| Failure::new(format!("apt-get download left no file {prefix}*.deb")))
}

fn cached(folder: &Path, prefix: &str) -> Result<Option<PathBuf>, Failure> {
    for entry in fs::read_dir(folder).map_err(Failure::at(folder))? {
        let path = entry.map_err(Failure::at(folder))?.path();
        let name = file_name(&path);
        if name.starts_with(prefix) && name.ends_with(".deb") {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// Downloads into a folder of its own first: a download that broke off is never
/// taken for a package.
fn download(package: &str, folder: &Path) -> Result<(), Failure> {
    eprintln!("guest: downloading {package}");
    let partial = folder.join("partial");
    let attempt = || {
        let _ = fs::remove_dir_all(&partial);
        fs::create_dir_all(&partial).map_err(Failure::at(&partial))?;
        let mut apt = Command::new("apt-get");
        apt.current_dir(&partial).args([
            "-q",
            "-o",
            "APT::Sandbox::User=root",
            "download",
            package,
        ]);
        output_of(&mut apt)
    };
    // The lists of packages may be absent, or older than the archive.
    if attempt().is_err() {
        refresh_lists()?;
        attempt()?;
    }
    for entry in fs::read_dir(&partial).map_err(Failure::at(&partial))? {
        let path = entry.map_err(Failure::at(&partial))?.path();
        fs::rename(&path, folder.join(file_name(&path))).map_err(Failure::at(&path))?;
    }
    fs::remove_dir(&partial).map_err(Failure::at(&partial))
}

fn refresh_lists() -> Result<(), Failure> {
    output_of(Command::new("apt-get").args(["-q", "update"])).map(drop).map_err(Failure::of(
        "apt's package lists are missing or outdated; run `apt-get update` as root",
    ))
}

fn kernel_package() -> Result<String, Failure> {
    let ask = || {
        let shown = output_of(Command::new("apt-cache").args(["depends", KERNEL_META]))?;
        dependency(&shown)
            .ok_or_else(|| Failure::new(format!("{KERNEL_META} depends on no kernel package")))
    };
    ask().or_else(|_| {
        refresh_lists()?;
        ask()
    })
}

fn dependency(shown: &str) -> Option<String> {
    shown
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Depends: "))
        .find(|name| name.starts_with("linux-image-"))
        .map(str::to_owned)
}

fn unpack(file: &Path, trees: &Path) -> Result<PathBuf, Failure> {
    let tree = trees.join(file_name(file));
    if !tree.exists() {
        let partial = trees.join("partial");
        let _ = fs::remove_dir_all(&partial);
        output_of(Command::new("dpkg").arg("-x").arg(file).arg(&partial))?;
        fs::rename(&partial, &tree).map_err(Failure::at(&tree))?;
    }
    Ok(tree)
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::dependency;

    #[test]
    fn the_kernel_is_the_dependency_that_is_an_image() {
        let shown = "linux-image-cloud-amd64\n  Depends: kmod\n  Depends: linux-image-6.1.0-9-cloud-amd64\n";
        assert_eq!(dependency(shown).as_deref(), Some("linux-image-6.1.0-9-cloud-amd64"));
        assert_eq!(dependency("x\n  Depends: kmod\n"), None);
    }
}
