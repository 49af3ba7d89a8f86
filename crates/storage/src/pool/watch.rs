//! Hears of changes in a pool's folders as they happen (inotify). On a filesystem that several hosts share it hears of this host's changes
//! only: the pass at an interval finds the others'.

use crate::ffi::waitable;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, stream};
use hatchery_model::base::BaseName;
use hatchery_ports::image_catalog::{ImageHint, ImageNews};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor};
use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::path::PathBuf;
use tokio::io::unix::AsyncFd;

/// The folders that are listened to. Folders that are not there are not heard of.
#[derive(Clone, Debug)]
pub struct PoolWatch {
    images: PathBuf,
    /// The cache and the `_base` folders.
    names: Vec<PathBuf>,
}

impl PoolWatch {
    /// Listens to a store, and to the folders of names.
    pub fn new(images: PathBuf, names: Vec<PathBuf>) -> Self {
        Self { images, names }
    }

    fn open(&self) -> io::Result<Listening> {
        let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?;
        let gone = AddWatchFlags::IN_DELETE | AddWatchFlags::IN_MOVED_FROM;
        let came = AddWatchFlags::IN_MOVED_TO | AddWatchFlags::IN_CREATE;
        let written = AddWatchFlags::IN_CLOSE_WRITE;
        let store = inotify.add_watch(&self.images, gone | came | written).ok();
        for folder in &self.names {
            if let Err(error) = inotify.add_watch(folder, gone | came | written) {
                tracing::warn!(path = %folder.display(), %error, "a folder cannot be listened to; the passes look at it");
            }
        }
        let inotify = waitable(Descriptor(inotify))?;
        Ok(Listening { inotify, store, ready: VecDeque::new() })
    }
}

/// An inotify descriptor that tokio can wait for.
struct Descriptor(Inotify);

impl AsRawFd for Descriptor {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

impl AsFd for Descriptor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

struct Listening {
    inotify: AsyncFd<Descriptor>,
    store: Option<WatchDescriptor>,
    ready: VecDeque<ImageHint>,
}

impl Listening {
    /// The next hint. `None`: nothing more is heard.
    async fn next(mut self) -> Option<(ImageHint, Self)> {
        loop {
            if let Some(hint) = self.ready.pop_front() {
                return Some((hint, self));
            }
            let mut guard = self.inotify.readable().await.ok()?;
            match guard.get_inner().0.read_events() {
                Ok(events) => {
                    for event in events {
                        let name = event.name.as_ref().and_then(|name| name.to_str());
                        let hint = hint(self.store == Some(event.wd), name, event.mask);
                        if let Some(hint) = hint
                            && !self.ready.contains(&hint)
                        {
                            self.ready.push_back(hint);
                        }
                    }
                }
                Err(nix::errno::Errno::EAGAIN) => guard.clear_ready(),
                Err(error) => {
                    tracing::warn!(%error, "the pool's folders cannot be listened to any more; the passes look at them");
                    return None;
                }
            }
        }
    }
}

fn hint(in_store: bool, name: Option<&str>, mask: AddWatchFlags) -> Option<ImageHint> {
    if mask.contains(AddWatchFlags::IN_Q_OVERFLOW) {
        return Some(ImageHint::Any);
    }
    let name = name?;
    match in_store {
        true => name.parse().ok().map(ImageHint::Image),
        false => BaseName::parse(name).map(|_| ImageHint::Any),
    }
}

impl ImageNews for PoolWatch {
    fn hints(&self) -> BoxStream<'static, ImageHint> {
        match self.open() {
            Ok(listening) => stream::unfold(listening, Listening::next).boxed(),
            Err(error) => {
                tracing::warn!(%error, "the pool's folders cannot be listened to; the passes look at them");
                stream::empty().boxed()
            }
        }
    }
}
