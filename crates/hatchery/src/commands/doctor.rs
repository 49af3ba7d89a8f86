//! `hatchery doctor`: what this machine lacks, how to get it, and which accelerator really runs a guest.

use crate::cli::Doctor;
use crate::config::{self, Config};
use crate::state_dir::StateDir;
use crate::wire;
use anyhow::Context;
use hatchery_virt::qemu::{AcceleratorChoice, prove_accelerator};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// How long a trial guest may take.
const TRIAL: Duration = Duration::from_secs(10);

/// One thing looked at.
struct Finding {
    what: String,
    /// What was found, or what is wrong and what to do.
    verdict: Result<String, String>,
    /// Whether nothing works without it.
    needed: bool,
}

/// Looks at everything, prints a line for each, and exits 1 if something needed is missing.
pub fn run(args: Doctor) -> anyhow::Result<ExitCode> {
    let state = StateDir::new(&args.state.dir)?;
    let config = config::read(None, &state.join("hatchery.toml"))?;
    let mut findings = vec![root(), qemu(&config), qemu_user(&config)];
    findings.push(program("dnsmasq", "dnsmasq-base", "hands out addresses"));
    findings.push(program("nft", "nftables", "keeps guests from sending in each other's name"));
    findings.push(device("/dev/net/tun", "modprobe tun"));
    findings.push(namespaces());
    findings.push(passable(state.path()));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("no thread can be started")?;
    findings.extend(runtime.block_on(accelerators(&config)));
    let mut missing = 0;
    for finding in &findings {
        let (mark, text) = match &finding.verdict {
            Ok(text) => ("ok  ", text),
            Err(text) if finding.needed => {
                missing += 1;
                ("MISS", text)
            }
            Err(text) => ("--  ", text),
        };
        println!("{mark}  {:<22} {text}", finding.what);
    }
    match missing {
        0 => println!("\nThis machine can run Hatchery."),
        n => println!("\n{n} needed things are missing; `make up` installs what Debian has."),
    }
    Ok(if missing == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn finding(what: &str, verdict: Result<String, String>) -> Finding {
    Finding { what: what.to_owned(), verdict, needed: true }
}

fn root() -> Finding {
    let verdict = match nix::unistd::Uid::effective().is_root() {
        true => Ok("namespaces, taps and another user for guests can be made".into()),
        false => Err("run as root: namespaces, taps and another user for guests need it".into()),
    };
    finding("rights", verdict)
}

fn in_path(name: &Path) -> Option<PathBuf> {
    if name.components().count() > 1 {
        return name.exists().then(|| name.to_owned());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/sbin", "/sbin", "/usr/bin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(usual).map(|dir| dir.join(name)).find(|path| path.exists())
}

fn program(name: &str, package: &str, duty: &str) -> Finding {
    let verdict = match in_path(Path::new(name)) {
        Some(path) => Ok(format!("{} {duty}", path.display())),
        None => Err(format!("is not installed and {duty}: apt-get install {package}")),
    };
    finding(name, verdict)
}

fn qemu(config: &Config) -> Finding {
    let name = config.qemu.binary.to_string_lossy().into_owned();
    let Some(path) = in_path(&config.qemu.binary) else {
        let text = "is not installed: apt-get install -t bookworm-backports qemu-system-x86";
        return finding(&name, Err(text.into()));
    };
    let version = std::process::Command::new(path).arg("--version").output();
    let line =
        version.map(|out| String::from_utf8_lossy(&out.stdout).lines().next().map(str::to_owned));
    finding(
        &name,
        match line {
            Ok(Some(line)) => Ok(line),
            Ok(None) => Err("says no version; install it anew".into()),
            Err(error) => Err(format!("does not start: {error}")),
        },
    )
}

fn qemu_user(config: &Config) -> Finding {
    let verdict = match wire::qemu_user(&config.qemu.user) {
        Ok(Some((uid, gid))) => Ok(format!("{} is {uid}:{gid}", config.qemu.user)),
        Ok(None) => Err("guests would run as root: set [qemu] user to an unprivileged one".into()),
        Err(error) => Err(format!("{error:#}")),
    };
    finding("guests' user", verdict)
}

fn device(path: &str, remedy: &str) -> Finding {
    let opened = std::fs::OpenOptions::new().read(true).write(true).open(path);
    finding(
        path,
        match opened {
            Ok(_) => Ok("opens".into()),
            Err(error) => Err(format!("does not open ({error}): {remedy}")),
        },
    )
}

fn namespaces() -> Finding {
    let made = std::thread::spawn(|| nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET));
    finding(
        "network namespaces",
        match made.join() {
            Ok(Ok(())) => Ok("one was made, for a trial".into()),
            Ok(Err(error)) => Err(format!(
                "none can be made ({error}): the kernel needs CONFIG_NET_NS, and we root"
            )),
            Err(_) => Err("none can be made: the trial ended badly".into()),
        },
    )
}

/// The guests' user must be able to pass through every folder above the state.
fn passable(state: &Path) -> Finding {
    use std::os::unix::fs::PermissionsExt;
    let closed = state.ancestors().skip(1).find(|dir| {
        std::fs::metadata(dir).is_ok_and(|facts| facts.permissions().mode() & 0o001 == 0)
    });
    finding(
        "state folder",
        match closed {
            None => Ok(format!("{} can be reached by the guests' user", state.display())),
            Some(dir) => Err(format!(
                "{} is closed to the guests' user: chmod o+x it, or give another --state",
                dir.display()
            )),
        },
    )
}

/// Proves each accelerator by a guest that runs. One is enough.
async fn accelerators(config: &Config) -> Vec<Finding> {
    let user = wire::qemu_user(&config.qemu.user).ok().flatten();
    let mut findings = Vec::new();
    let mut one_runs = false;
    for (name, choice) in [("kvm", AcceleratorChoice::Kvm), ("tcg", AcceleratorChoice::Tcg)] {
        let verdict = match prove_accelerator(&config.qemu.binary, choice, user, TRIAL).await {
            Ok(proof) => {
                Ok(format!("a trial guest ran, {} ms after its start", proof.took.as_millis()))
            }
            Err(error) => Err(error.to_string()),
        };
        one_runs |= verdict.is_ok();
        let needed = choice == AcceleratorChoice::Tcg && !one_runs;
        findings.push(Finding { what: format!("accelerator {name}"), verdict, needed });
    }
    findings
}
