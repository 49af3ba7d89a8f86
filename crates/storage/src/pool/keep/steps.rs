//! Every change that a pool makes to a filesystem, and what a volume backend does with its folder, passes here first, so that a test can refuse it, hold it, or end the process in front of it.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// A change that is about to be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Op<'a> {
    /// A folder is made.
    MakeFolder(&'a Path),
    /// Owner and mode of a file are set.
    Own(&'a Path),
    /// A file's bytes are made durable.
    Sync(&'a Path),
    /// A further name is given to a file.
    Link(&'a Path, &'a Path),
    /// A name is moved over another.
    Rename(&'a Path, &'a Path),
    /// A name is removed.
    Remove(&'a Path),
    /// A file is filled: a copy, a raw form, the state.
    Write(&'a Path),
    /// A file is read from end to end.
    Read(&'a Path),
    /// A lock is waited for.
    Lock(&'a Path),
    /// A name is looked at.
    Look(&'a Path),
}

type Hook = dyn Fn(Op<'_>) -> io::Result<()> + Send + Sync;

/// Asked before each change. Without a hook it lets everything pass.
#[derive(Clone, Default)]
pub struct Steps(Option<Arc<Hook>>);

impl Steps {
    /// Asks `hook`; its error is taken for the system's.
    pub fn hooked(hook: impl Fn(Op<'_>) -> io::Result<()> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(hook)))
    }

    pub(crate) fn before(&self, op: Op<'_>) -> io::Result<()> {
        self.0.as_ref().map_or(Ok(()), |hook| hook(op))
    }
}

impl fmt::Debug for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Steps(hooked)" } else { "Steps" })
    }
}
