//! Kernel modules: which ones a wanted module needs, in the order of loading,
//! and the tables by which busybox's modprobe finds them in the guest.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// Ends a signed module.
const SIGNATURE_END: &[u8] = b"~Module signature appended~\n";
/// The fixed part of a signature, before its end: eight bytes of description
/// and the length of the signature, big-endian.
const SIGNATURE_TAIL: usize = 12;

/// A module's file, read.
pub struct Module {
    /// Its name, with `_` for `-`.
    pub name: String,
    /// Its code, without the signature: checking that costs an emulated guest
    /// more than loading the module.
    pub code: Vec<u8>,
    /// The names of the modules that it needs itself.
    needs: Vec<String>,
    aliases: Vec<String>,
}

/// The modules of one kernel.
pub struct Modules {
    files: BTreeMap<String, PathBuf>,
    /// The kernel's release, as `uname -r` shows it.
    pub release: String,
}

impl Modules {
    /// Looks through `lib/modules`, which must hold exactly one kernel's modules.
    pub fn of(folder: &Path) -> Result<Self, Failure> {
        let mut releases = fs::read_dir(folder).map_err(Failure::at(folder))?;
        let (Some(Ok(release)), None) = (releases.next(), releases.next()) else {
            return Err(Failure::new(format!("{} must hold one kernel", folder.display())));
        };
        let mut files = BTreeMap::new();
        let mut folders = vec![release.path()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).map_err(Failure::at(&folder))? {
                let entry = entry.map_err(Failure::at(&folder))?;
                let path = entry.path();
                if entry.file_type().map_err(Failure::at(&path))?.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "ko")
                    && let Some(stem) = path.file_stem()
                {
                    files.insert(plain(&stem.to_string_lossy()), path);
                }
            }
        }
        let release = release.file_name().to_string_lossy().into_owned();
        Ok(Self { files, release })
    }

    /// The wanted modules and all that they need, each after what it needs. A
    /// name that has no file is built into the kernel, and left out.
    pub fn closure(&self, wanted: &[&str]) -> Result<Vec<Module>, Failure> {
        let mut found = Vec::new();
        for name in wanted {
            self.add(name, &mut found)?;
        }
        Ok(found)
    }

    fn add(&self, name: &str, found: &mut Vec<Module>) -> Result<(), Failure> {
        let name = plain(name);
        let Some(file) = self.files.get(&name) else {
            return Ok(());
        };
        if found.iter().any(|module| module.name == name) {
            return Ok(());
        }
        let bytes = fs::read(file).map_err(Failure::at(file))?;
        let needs: Vec<String> = stated(&bytes, "depends")
            .iter()
            .flat_map(|list| list.split(','))
            .filter(|name| !name.is_empty())
            .map(plain)
            .collect();
        for need in &needs {
            self.add(need, found)?;
        }
        let aliases = stated(&bytes, "alias");
        found.push(Module { name, code: unsigned(bytes), needs, aliases });
        Ok(())
    }
}

/// The tables for modprobe: the content of `modules.dep` and `modules.alias`,
/// for modules that lie as `NAME.ko` beside them.
pub fn tables(modules: &[Module]) -> (String, String) {
    let mut dependencies = String::new();
    let mut aliases = String::new();
    for module in modules {
        let mut needs = Vec::new();
        gather(module, modules, &mut needs);
        let needs: String = needs.iter().map(|name| format!(" {name}.ko")).collect();
        dependencies += &format!("{}.ko:{needs}\n", module.name);
        for alias in &module.aliases {
            aliases += &format!("alias {alias} {}\n", module.name);
        }
    }
    (dependencies, aliases)
}

/// Everything that a module needs, the nearest first, as modules.dep has it.
fn gather<'all>(module: &'all Module, all: &'all [Module], needs: &mut Vec<&'all str>) {
    for name in &module.needs {
        needs.retain(|known| known != name);
        if let Some(need) = all.iter().find(|other| other.name == *name) {
            needs.push(&need.name);
            gather(need, all, needs);
        }
    }
}

fn plain(name: &str) -> String {
    name.replace('-', "_")
}

/// The values of a key in the module's description, a list of `key=value`
/// strings that end with a zero byte.
fn stated(bytes: &[u8], key: &str) -> Vec<String> {
    let prefix = format!("{key}=");
    bytes
        .split(|byte| *byte == 0)
        .filter_map(|part| part.strip_prefix(prefix.as_bytes()))
        .filter_map(|value| std::str::from_utf8(value).ok())
        .map(str::to_owned)
        .collect()
}

fn unsigned(mut bytes: Vec<u8>) -> Vec<u8> {
    let Some(body) = bytes.strip_suffix(SIGNATURE_END) else {
        return bytes;
    };
    let Some((rest, tail)) = body.split_last_chunk::<SIGNATURE_TAIL>() else {
        return bytes;
    };
    let length = u32::from_be_bytes([tail[8], tail[9], tail[10], tail[11]]);
    if let Some(kept) = rest.len().checked_sub(length as usize) {
        bytes.truncate(kept);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::{Module, stated, tables, unsigned};

    #[test]
    fn a_signature_is_cut_off_and_an_unsigned_module_kept() {
        let mut signed = b"code".to_vec();
        signed.extend_from_slice(b"SIGNATURE");
        signed.extend_from_slice(&[0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 9]);
        signed.extend_from_slice(b"~Module signature appended~\n");
        assert_eq!(unsigned(signed), b"code");
        assert_eq!(unsigned(b"code".to_vec()), b"code");
    }

    #[test]
    fn the_description_is_read_by_key() {
        let bytes = b"\x7fELF\0alias=pci:v1*\0depends=a,b-c\0alias=virtio:d1\0";
        assert_eq!(stated(bytes, "depends"), ["a,b-c"]);
        assert_eq!(stated(bytes, "alias"), ["pci:v1*", "virtio:d1"]);
    }

    #[test]
    fn a_table_line_names_all_that_is_needed() {
        let module = |name: &str, needs: &[&str]| Module {
            name: name.to_owned(),
            code: Vec::new(),
            needs: needs.iter().map(|need| (*need).to_owned()).collect(),
            aliases: vec![format!("virtio:{name}")],
        };
        let modules = [module("ring", &[]), module("bus", &["ring"]), module("net", &["bus"])];
        let (dependencies, aliases) = tables(&modules);
        assert_eq!(dependencies, "ring.ko:\nbus.ko: ring.ko\nnet.ko: bus.ko ring.ko\n");
        assert!(aliases.contains("alias virtio:net net\n"));
    }
}
