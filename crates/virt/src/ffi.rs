//! The only unsafe code of this crate: work in a child between fork and exec, and registering an owned descriptor with the
//! runtime.

#![allow(unsafe_code)]

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::Command;
use tokio::io::unix::AsyncFd;

/// What a child does between fork and exec.
///
/// Implementors promise that `run` only makes system calls and touches memory that it owns: no allocation, no lock, no
/// panic. The parent has other threads, and whatever they held at the fork stays held in the child for ever.
pub(crate) trait BeforeExec: Send + Sync + 'static {
    /// Runs in the child. An error ends the child; `Command::spawn` returns it to the parent.
    fn run(&self) -> io::Result<()>;
}

/// Has `steps` run in every child that `command` spawns from now on.
pub(crate) fn before_exec(command: &mut Command, steps: impl BeforeExec) {
    // SAFETY: the closure runs in the forked child of a process with threads, where only async-signal-safe work is
    // allowed. `BeforeExec` demands just that of its implementors, and this crate has one, `process::ChildSetup`, which
    // makes system calls only.
    unsafe {
        command.pre_exec(move || steps.run());
    }
}

/// Has the runtime watch a descriptor.
pub(crate) fn watch_descriptor(descriptor: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: the runtime demands that the number stays the same and open until the registration is dropped. An
    // `OwnedFd` never changes its number, and the `AsyncFd` owns it and deregisters it before it closes it.
    let watched = unsafe { AsyncFd::register(descriptor) };
    Ok(watched?)
}
