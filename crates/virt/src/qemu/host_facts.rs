//! What the host has, read from the kernel each time; QEMU's version is the caller's to keep.

use super::settings::{Accelerator, QemuSettings};
use hatchery_model::compute::HostResources;
use hatchery_ports::hypervisor::HypervisorError;
use rustix::fs::statvfs;
use rustix::system::uname;
use std::io;
use std::path::{Path, PathBuf};
use tokio::process::Command;

const GIB: u64 = 1 << 30;

/// Reads the host's resources. Blocks on the filesystem.
pub(crate) fn read(
    settings: &QemuSettings,
    accelerator: Accelerator,
    version: u32,
) -> Result<HostResources, HypervisorError> {
    let meminfo = read_proc("/proc/meminfo")?;
    let cpuinfo = read_proc("/proc/cpuinfo")?;
    let uptime = read_proc("/proc/uptime")?;
    let disk = statvfs(&settings.instances).map_err(|error| HypervisorError::Unavailable {
        doing: format!("read the size of {}", settings.instances.display()),
        source: error.into(),
    })?;
    let memory_mib = kib(&meminfo, "MemTotal") / 1024;
    let available_mib = kib(&meminfo, "MemAvailable") / 1024;
    Ok(HostResources {
        vcpus: processors(&cpuinfo),
        memory_mib,
        memory_used_mib: memory_mib.saturating_sub(available_mib),
        disk_gib: disk.f_blocks.saturating_mul(disk.f_frsize) / GIB,
        disk_free_gib: disk.f_bavail.saturating_mul(disk.f_frsize) / GIB,
        hypervisor_type: "QEMU".to_owned(),
        hypervisor_version: version,
        arch: uname().machine().to_string_lossy().into_owned(),
        cpu_model: cpu_model(&cpuinfo),
        accelerator: accelerator.as_str().to_owned(),
        address: settings.host_address.clone(),
        uptime_seconds: uptime
            .split('.')
            .next()
            .and_then(|seconds| seconds.trim().parse().ok())
            .unwrap_or(0),
    })
}

/// The program's path. A name without a slash is looked up in `PATH`, here and not in the child, whose environment is
/// empty.
pub(crate) fn find_program(binary: &Path) -> Result<PathBuf, HypervisorError> {
    let missing = || {
        HypervisorError::Unsupported(format!(
            "there is no program {}: install QEMU (package qemu-system-x86) or set its path",
            binary.display()
        ))
    };
    if binary.components().count() > 1 {
        return if binary.is_file() { Ok(binary.to_owned()) } else { Err(missing()) };
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join(binary))
        .find(|candidate| candidate.is_file())
        .ok_or_else(missing)
}

/// QEMU's version as Nova writes it: major * 1,000,000 + minor * 1,000 + micro.
pub(crate) async fn qemu_version(binary: &Path) -> Result<u32, HypervisorError> {
    let program = find_program(binary)?;
    let output =
        Command::new(&program).arg("--version").kill_on_drop(true).output().await.map_err(
            |source| HypervisorError::Unavailable {
                doing: format!("run {} --version", program.display()),
                source,
            },
        )?;
    let text = String::from_utf8_lossy(&output.stdout);
    parse_version(&text).ok_or_else(|| {
        HypervisorError::Unsupported(format!(
            "{} --version does not say a version: is it QEMU?",
            program.display()
        ))
    })
}

fn parse_version(text: &str) -> Option<u32> {
    let (_, rest) = text.split_once("QEMU emulator version ")?;
    let digits = rest.split(|c: char| !c.is_ascii_digit() && c != '.').next()?;
    let mut numbers = digits.split('.').map(str::parse::<u32>);
    let mut next = || numbers.next().unwrap_or(Ok(0)).ok();
    let (major, minor, micro) = (next()?, next()?, next()?);
    major.checked_mul(1_000_000)?.checked_add(minor.checked_mul(1_000)?)?.checked_add(micro)
}

fn read_proc(path: &str) -> Result<String, HypervisorError> {
    std::fs::read_to_string(path).map_err(|source| unavailable(path, source))
}

fn unavailable(path: &str, source: io::Error) -> HypervisorError {
    HypervisorError::Unavailable { doing: format!("read {path}"), source }
}

fn kib(meminfo: &str, name: &str) -> u64 {
    meminfo
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| *key == name)
        .and_then(|(_, value)| value.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

fn processors(cpuinfo: &str) -> u32 {
    let count =
        cpuinfo.lines().filter(|line| line.starts_with("processor") && line.contains(':')).count();
    u32::try_from(count.max(1)).unwrap_or(u32::MAX)
}

fn cpu_model(cpuinfo: &str) -> String {
    cpuinfo
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.trim() == "model name")
        .map_or_else(|| "unknown".to_owned(), |(_, value)| value.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::{cpu_model, kib, parse_version, processors};

    #[test]
    fn reads_versions_and_nothing_else() {
        let debian = "QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-2)\nCopyright";
        assert_eq!(parse_version(debian), Some(10_000_002));
        assert_eq!(parse_version("QEMU emulator version 9.1"), Some(9_001_000));
        assert_eq!(parse_version("QEMU emulator version "), None);
        assert_eq!(parse_version("busybox 1.36"), None);
        assert_eq!(parse_version("QEMU emulator version 9999.0.0"), None);
    }

    #[test]
    fn reads_the_kernels_tables() {
        let meminfo = "MemTotal:       24684544 kB\nMemFree: 1 kB\nMemAvailable:   23462297 kB\n";
        assert_eq!(kib(meminfo, "MemAvailable"), 23_462_297);
        assert_eq!(kib(meminfo, "Mem"), 0);
        let cpuinfo = "processor\t: 0\nmodel name\t: A: B\n\nprocessor\t: 1\nmodel name\t: A: B\n";
        assert_eq!(processors(cpuinfo), 2);
        assert_eq!(cpu_model(cpuinfo), "A: B");
        assert_eq!(cpu_model(""), "unknown");
    }
}
