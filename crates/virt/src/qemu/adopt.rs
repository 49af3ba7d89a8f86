//! Finding the process of a folder again.
//!
//! The folder's lock says for certain whether there is one, and the process itself wrote its id there before it became
//! QEMU. Should the lock's file be gone, `/proc` is searched for the words that mark the guest's command line, so that no
//! process is ever lost.

use super::command_line;
use super::folder::{Folder, Occupation};
use super::process::{Process, words_of};
use hatchery_model::id::ServerId;
use hatchery_ports::hypervisor::HypervisorError;
use std::io;
use std::path::Path;
use std::time::Duration;
use tokio::time::Instant;

/// How long a child may be on its way from fork to QEMU, or a foreign fork hold our lock on its way to its own program.
const SETTLING: Duration = Duration::from_secs(10);
/// Nothing signals that another process has executed its program, so it is looked at this often.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// The process of that folder. `None`: there is none, and what one had left is removed.
pub(crate) async fn find(
    server: ServerId,
    folder: &Folder,
) -> Result<Option<Process>, HypervisorError> {
    let started = Instant::now();
    loop {
        match look(server, folder).map_err(|source| cannot_look(folder, source))? {
            Look::Runs(process) => return Ok(Some(process)),
            Look::Nothing => return Ok(None),
            Look::Unsettled if started.elapsed() < SETTLING => {
                tokio::time::sleep(LOOK_EVERY).await;
            }
            Look::Unsettled => {
                return Err(cannot_look(
                    folder,
                    io::Error::other(
                        "a process holds the lock and is not the guest's: find it with fuser and end it",
                    ),
                ));
            }
        }
    }
}

enum Look {
    Runs(Process),
    Nothing,
    Unsettled,
}

fn look(server: ServerId, folder: &Folder) -> io::Result<Look> {
    match folder.occupation()? {
        Occupation::Free => Ok(Look::Nothing),
        Occupation::Taken(pid) => {
            let recorded = pid.map_or(Ok(None), |pid| verified(pid, server))?;
            let found = match recorded {
                Some(process) => Some(process),
                None => search(server)?,
            };
            Ok(found.map_or(Look::Unsettled, Look::Runs))
        }
        Occupation::Never => match search(server)? {
            Some(process) => Ok(Look::Runs(process)),
            None => {
                folder.remove_socket()?;
                Ok(Look::Nothing)
            }
        },
    }
}

/// The processes of all guests of a folder of instances, by the ids that they have written down. Only looks, so that it may be done beside an agent.
pub fn running(instances: &Path) -> io::Result<Vec<(ServerId, u32)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(instances)? {
        let entry = entry?;
        let Some(server) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let Some(pid) = Folder::new(&entry.path()).recorded() else { continue };
        // No handle is held, so that no runtime is needed.
        let words = words_of(pid)?;
        if is_qemu(&words) && has_mark(&words, server) {
            found.push((server, pid));
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// The process with that id, if it is the guest's QEMU.
fn verified(pid: u32, server: ServerId) -> io::Result<Option<Process>> {
    let Some(process) = Process::find(pid)? else {
        return Ok(None);
    };
    Ok(has_mark(&process.words()?, server).then_some(process))
}

/// Looks through all processes.
fn search(server: ServerId) -> io::Result<Option<Process>> {
    for entry in std::fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|n| n.parse().ok()) else {
            continue;
        };
        let words = words_of(pid).unwrap_or_default();
        if is_qemu(&words)
            && has_mark(&words, server)
            && let Some(process) = verified(pid, server)?
        {
            return Ok(Some(process));
        }
    }
    Ok(None)
}

fn has_mark(words: &[String], server: ServerId) -> bool {
    let mark = command_line::mark(server);
    words.windows(2).any(|pair| pair == mark)
}

/// A debugger's or a search's command line may have the same words after its own.
fn is_qemu(words: &[String]) -> bool {
    let program = words.first().and_then(|word| word.rsplit('/').next());
    program.is_some_and(|name| name.starts_with("qemu"))
}

fn cannot_look(folder: &Folder, source: io::Error) -> HypervisorError {
    HypervisorError::Unavailable {
        doing: format!("find the process of {}", folder.path().display()),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::{has_mark, is_qemu};
    use hatchery_model::id::ServerId;
    use uuid::Uuid;

    #[test]
    fn only_a_qemu_with_the_whole_mark_is_the_guest() {
        let server = ServerId(Uuid::from_u128(7));
        let words = |text: &str| -> Vec<String> {
            let text = text.replace("ID", &server.to_string());
            text.split(' ').map(str::to_owned).collect()
        };
        let is_marked = |text: &str| is_qemu(&words(text)) && has_mark(&words(text), server);
        assert!(is_marked("/usr/bin/qemu-system-x86_64 -name a -uuid ID -m 1"));
        for other in [
            "/usr/bin/qemu-system-x86_64 -name ID",
            "/usr/bin/qemu-system-x86_64 -uuid",
            "/usr/bin/qemu-system-x86_64 ID -uuid",
            "gdb --args qemu-system-x86_64 -uuid ID",
            "grep -uuid ID",
            "",
        ] {
            assert!(!is_marked(other), "{other}");
        }
    }
}
