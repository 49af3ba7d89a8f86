//! An open image's handle, and safe calls on it. Every call blocks.
#![allow(unsafe_code)]

use crate::rbd::ffi::{GoOn, IoCtx, check, listed, owned, progress, text, text_of};
use crate::rbd::library::{Handle, LinkedImageSpec, SnapInfo, SnapSpec, Symbols, Watcher};
use crate::rbd::watched::{calling, progressing};
use nix::errno::Errno;
use std::ffi::{CString, c_char, c_int, c_void};
use std::ptr;
use std::sync::Arc;
use std::time::Instant;

/// A run of bytes, and whether it holds data; the walk goes on while the answer is `true`.
pub(super) type Walk<'a> = &'a mut dyn FnMut(u64, u64, bool) -> bool;

unsafe extern "C" fn extent(offset: u64, length: usize, exists: c_int, with: *mut c_void) -> c_int {
    // SAFETY: `with` is the `Walk` that the call was given, which lives until the call returns; the library calls from one thread at a time.
    let walk = unsafe { &mut *with.cast::<Walk<'_>>() };
    if walk(offset, length as u64, exists != 0) { 0 } else { -(Errno::ECANCELED as c_int) }
}

/// Another image that one is linked with, and the snapshot where that is known.
pub(super) struct Linked {
    pub(super) pool: String,
    pub(super) id: String,
    pub(super) name: String,
    pub(super) trash: bool,
    pub(super) snapshot: String,
}

impl Linked {
    fn of(spec: &LinkedImageSpec, snapshot: String) -> Self {
        Self {
            pool: owned(spec.pool_name),
            id: owned(spec.image_id),
            name: owned(spec.image_name),
            trash: spec.trash,
            snapshot,
        }
    }
}

/// A snapshot of an image.
pub(super) struct Snap {
    pub(super) name: String,
    pub(super) size: u64,
    /// 0: made by a user; 2: removed by one, and kept for its clones.
    pub(super) namespace: c_int,
}

/// How to open an image.
#[derive(Clone, Copy)]
pub(super) enum How {
    Writing,
    Reading,
    WritingById,
    /// By its id, which finds it in the trash too.
    ReadingById,
}

/// An open image.
pub(super) struct ImageHandle {
    pool: Arc<IoCtx>,
    handle: Handle,
    opened: Instant,
    is_writing: bool,
}

// SAFETY: librbd lets any number of threads use one open image.
unsafe impl Send for ImageHandle {}
// SAFETY: as above.
unsafe impl Sync for ImageHandle {}

impl ImageHandle {
    pub(super) fn open(
        pool: Arc<IoCtx>,
        name: &str,
        snapshot: Option<&str>,
        how: How,
    ) -> Result<Self, Errno> {
        let (name, snapshot) = (text(name)?, snapshot.map(text).transpose()?);
        let snapshot = snapshot.as_ref().map_or(ptr::null(), |name: &CString| name.as_ptr());
        let symbols = pool.symbols();
        let open = match how {
            How::Writing => symbols.rbd_open,
            How::Reading => symbols.rbd_open_read_only,
            How::WritingById => symbols.rbd_open_by_id,
            How::ReadingById => symbols.rbd_open_by_id_read_only,
        };
        let mut handle = ptr::null_mut();
        // SAFETY: the pool's handle is open, the names end with a zero, and the handle is written when the answer is not negative.
        check(|| unsafe { open(pool.handle, name.as_ptr(), &mut handle, snapshot) })?;
        let is_writing = matches!(how, How::Writing | How::WritingById);
        Ok(Self { pool, handle, opened: Instant::now(), is_writing })
    }

    fn symbols(&self) -> &'static Symbols {
        self.pool.symbols()
    }

    /// Closes it and says what could not be written. Else it is closed when it is dropped.
    pub(super) fn close(self) -> Result<(), Errno> {
        if self.is_writing { self.flush() } else { Ok(()) }
    }

    pub(super) fn id(&self) -> Result<String, Errno> {
        let mut id = [0_u8; 256];
        // SAFETY: the handle is open; the text is written within the length that is given, and ends with a zero.
        check(|| unsafe {
            (self.symbols().rbd_get_id)(self.handle, id.as_mut_ptr().cast(), id.len())
        })?;
        Ok(owned(id.as_ptr().cast()))
    }

    pub(super) fn size(&self) -> Result<u64, Errno> {
        let mut size = 0;
        // SAFETY: the handle is open, and the size is written.
        check(|| unsafe { (self.symbols().rbd_get_size)(self.handle, &mut size) })?;
        Ok(size)
    }

    pub(super) fn resize(&self, size: u64, may_shrink: bool, go_on: GoOn<'_>) -> Result<(), Errno> {
        let mut go_on = progressing(go_on);
        let mut go_on: GoOn<'_> = &mut go_on;
        let with = (&raw mut go_on).cast();
        // SAFETY: the handle is open, and `go_on` lives until the call returns.
        check(|| unsafe {
            (self.symbols().rbd_resize2)(self.handle, size, may_shrink, progress, with)
        })
        .map(drop)
    }

    pub(super) fn parent(&self) -> Result<Linked, Errno> {
        let null = ptr::null_mut();
        let mut image = LinkedImageSpec {
            pool_id: 0,
            pool_name: null,
            pool_namespace: null,
            image_id: null,
            image_name: null,
            trash: false,
        };
        let mut snapshot = SnapSpec { id: 0, namespace_type: 0, name: null };
        // SAFETY: the handle is open; both are written, copied, and freed once.
        unsafe {
            check(|| (self.symbols().rbd_get_parent)(self.handle, &mut image, &mut snapshot))?;
            let parent = Linked::of(&image, owned(snapshot.name));
            (self.symbols().rbd_linked_image_spec_cleanup)(&mut image);
            (self.symbols().rbd_snap_spec_cleanup)(&mut snapshot);
            Ok(parent)
        }
    }

    pub(super) fn children(&self) -> Result<Vec<Linked>, Errno> {
        let null = ptr::null_mut();
        let zero = LinkedImageSpec {
            pool_id: 0,
            pool_name: null,
            pool_namespace: null,
            image_id: null,
            image_name: null,
            trash: false,
        };
        // SAFETY: the handle is open, and the items are written within the length that is given.
        let mut found = listed(zero, |items, length| unsafe {
            (self.symbols().rbd_list_children3)(self.handle, items, length)
        })?;
        let children = found.iter().map(|spec| Linked::of(spec, String::new())).collect();
        // SAFETY: the texts were copied, and are freed once.
        unsafe {
            (self.symbols().rbd_linked_image_spec_list_cleanup)(found.as_mut_ptr(), found.len());
        }
        Ok(children)
    }

    pub(super) fn flatten(&self, go_on: GoOn<'_>) -> Result<(), Errno> {
        let mut go_on = progressing(go_on);
        let mut go_on: GoOn<'_> = &mut go_on;
        let with = (&raw mut go_on).cast();
        // SAFETY: the handle is open, and `go_on` lives until the call returns.
        check(|| unsafe { (self.symbols().rbd_flatten_with_progress)(self.handle, progress, with) })
            .map(drop)
    }

    fn named(
        &self,
        name: &str,
        call: unsafe extern "C" fn(Handle, *const c_char) -> c_int,
    ) -> Result<(), Errno> {
        let name = text(name)?;
        // SAFETY: every function that is given here takes an open image and a text that ends with a zero.
        check(|| unsafe { call(self.handle, name.as_ptr()) }).map(drop)
    }

    pub(super) fn snapshot(&self, name: &str) -> Result<(), Errno> {
        self.named(name, self.symbols().rbd_snap_create)
    }

    pub(super) fn remove_snapshot(&self, name: &str) -> Result<(), Errno> {
        self.named(name, self.symbols().rbd_snap_remove)
    }

    pub(super) fn rename_snapshot(&self, from: &str, to: &str) -> Result<(), Errno> {
        let (from, to) = (text(from)?, text(to)?);
        // SAFETY: the handle is open, and the names end with a zero.
        check(|| unsafe {
            (self.symbols().rbd_snap_rename)(self.handle, from.as_ptr(), to.as_ptr())
        })
        .map(drop)
    }

    pub(super) fn protect(&self, name: &str) -> Result<(), Errno> {
        self.named(name, self.symbols().rbd_snap_protect)
    }

    pub(super) fn unprotect(&self, name: &str) -> Result<(), Errno> {
        let name = text(name)?;
        check(|| {
            let _alone = self.pool.unprotecting();
            // SAFETY: the handle is open, and the name ends with a zero.
            unsafe { (self.symbols().rbd_snap_unprotect)(self.handle, name.as_ptr()) }
        })
        .map(drop)
    }

    pub(super) fn is_protected(&self, name: &str) -> Result<bool, Errno> {
        let name = text(name)?;
        let mut answer = 0;
        // SAFETY: the handle is open, the name ends with a zero, and the answer is written.
        check(|| unsafe {
            (self.symbols().rbd_snap_is_protected)(self.handle, name.as_ptr(), &mut answer)
        })?;
        Ok(answer != 0)
    }

    /// All of its snapshots, those too that users removed and clones need.
    pub(super) fn snapshots(&self) -> Result<Vec<Snap>, Errno> {
        let zero = SnapInfo { id: 0, size: 0, name: ptr::null() };
        let mut count = 0;
        let mut found = listed(zero, |items, length| {
            // SAFETY: both are as large as the library is told, which writes one more item, of zeroes, behind the last.
            let mut room = c_int::try_from(unsafe { *length }).unwrap_or(c_int::MAX);
            // SAFETY: as above, and the handle is open.
            let answer = unsafe { (self.symbols().rbd_snap_list)(self.handle, items, &mut room) };
            let length_now = if answer < 0 { room } else { answer + 1 };
            // SAFETY: as above.
            unsafe { *length = usize::try_from(length_now).unwrap_or_default() };
            count = usize::try_from(answer).unwrap_or_default();
            answer
        })?;
        let mut snapshots = Vec::new();
        let mut failed = None;
        for info in &found[..count.min(found.len())] {
            let mut namespace = 0;
            // SAFETY: the handle is open, and the answer is written.
            let asked = check(|| unsafe {
                (self.symbols().rbd_snap_get_namespace_type)(self.handle, info.id, &mut namespace)
            });
            match asked {
                Ok(_) => {
                    snapshots.push(Snap { name: owned(info.name), size: info.size, namespace })
                }
                // Gone meanwhile.
                Err(Errno::ENOENT) => {}
                Err(errno) => failed = Some(errno),
            }
        }
        // SAFETY: the names were copied, and are freed once, up to the item of zeroes.
        unsafe { (self.symbols().rbd_snap_list_end)(found.as_mut_ptr()) };
        failed.map_or(Ok(snapshots), Err)
    }

    pub(super) fn rollback(&self, name: &str, go_on: GoOn<'_>) -> Result<(), Errno> {
        let name = text(name)?;
        let mut go_on = progressing(go_on);
        let mut go_on: GoOn<'_> = &mut go_on;
        let with = (&raw mut go_on).cast();
        // SAFETY: the handle is open, the name ends with a zero, and `go_on` lives until the call returns.
        check(|| unsafe {
            (self.symbols().rbd_snap_rollback_with_progress)(
                self.handle,
                name.as_ptr(),
                progress,
                with,
            )
        })
        .map(drop)
    }

    /// Runs that differ from a snapshot, or that hold data at all; of the parent too if that is wanted.
    pub(super) fn diff(
        &self,
        from: Option<&str>,
        (offset, length): (u64, u64),
        with_parent: bool,
        mut walk: Walk<'_>,
    ) -> Result<(), Errno> {
        let from = from.map(text).transpose()?;
        let from = from.as_ref().map_or(ptr::null(), |name| name.as_ptr());
        let with = (&raw mut walk).cast();
        // SAFETY: the handle is open, the name ends with a zero or is null, and `walk` lives until the call returns.
        check(|| unsafe {
            (self.symbols().rbd_diff_iterate2)(
                self.handle,
                from,
                offset,
                length,
                with_parent.into(),
                0,
                extent,
                with,
            )
        })
        .map(drop)
    }

    /// Reads up to `to`'s length; gives what was read.
    pub(super) fn read(&self, offset: u64, to: &mut [u8]) -> Result<usize, Errno> {
        // SAFETY: the handle is open, and at most `to`'s length is written.
        let read = calling(|| unsafe {
            (self.symbols().rbd_read2)(self.handle, offset, to.len(), to.as_mut_ptr().cast(), 0)
        });
        counted(read)
    }

    pub(super) fn write(&self, offset: u64, bytes: &[u8]) -> Result<usize, Errno> {
        // SAFETY: the handle is open, and `bytes`' length is read.
        let written = calling(|| unsafe {
            (self.symbols().rbd_write2)(self.handle, offset, bytes.len(), bytes.as_ptr().cast(), 0)
        });
        counted(written)
    }

    /// Writes what is there already, within one stripe unit. `false`: something else is there, and stays.
    pub(super) fn write_again(&self, offset: u64, bytes: &[u8]) -> Result<bool, Errno> {
        let (same, mut differs_at) = (bytes.as_ptr().cast(), 0);
        // SAFETY: the handle is open, `bytes`' length is read twice, and the place of a difference is written.
        let written = calling(|| unsafe {
            (self.symbols().rbd_compare_and_write)(
                self.handle,
                offset,
                bytes.len(),
                same,
                same,
                &mut differs_at,
                0,
            )
        });
        match counted(written) {
            Err(Errno::EILSEQ) => Ok(false),
            written => written.map(|_| true),
        }
    }

    /// Bytes that follow each other in one object.
    pub(super) fn stripe_unit(&self) -> Result<u64, Errno> {
        let mut unit = 0;
        // SAFETY: the handle is open, and the answer is written.
        check(|| unsafe { (self.symbols().rbd_get_stripe_unit)(self.handle, &mut unit) })?;
        Ok(unit)
    }

    pub(super) fn discard(&self, offset: u64, length: u64) -> Result<(), Errno> {
        // SAFETY: the handle is open.
        check(|| unsafe { (self.symbols().rbd_discard)(self.handle, offset, length) }).map(drop)
    }

    pub(super) fn flush(&self) -> Result<(), Errno> {
        // SAFETY: the handle is open.
        check(|| unsafe { (self.symbols().rbd_flush)(self.handle) }).map(drop)
    }

    /// Addresses and client numbers of all that have it open for writing.
    pub(super) fn watchers(&self) -> Result<Vec<(String, i64)>, Errno> {
        let zero = Watcher { addr: ptr::null_mut(), id: 0, cookie: 0 };
        // SAFETY: the handle is open, and the items are written within the length that is given.
        let mut found = listed(zero, |items, length| unsafe {
            (self.symbols().rbd_watchers_list)(self.handle, items, length)
        })?;
        let watchers = found.iter().map(|one| (owned(one.addr), one.id)).collect();
        // SAFETY: the texts were copied, and are freed once.
        unsafe { (self.symbols().rbd_watchers_list_cleanup)(found.as_mut_ptr(), found.len()) };
        Ok(watchers)
    }

    pub(super) fn note(&self, key: &str) -> Result<String, Errno> {
        let key = text(key)?;
        // SAFETY: the handle is open, the key ends with a zero, and the value is written within the length that is given.
        text_of(|value, length| unsafe {
            (self.symbols().rbd_metadata_get)(self.handle, key.as_ptr(), value, length)
        })
    }

    pub(super) fn set_note(&self, key: &str, value: &str) -> Result<(), Errno> {
        let (key, value) = (text(key)?, text(value)?);
        // SAFETY: the handle is open, and the texts end with a zero.
        check(|| unsafe {
            (self.symbols().rbd_metadata_set)(self.handle, key.as_ptr(), value.as_ptr())
        })
        .map(drop)
    }

    pub(super) fn remove_note(&self, key: &str) -> Result<(), Errno> {
        self.named(key, self.symbols().rbd_metadata_remove)
    }
}

fn counted(answer: isize) -> Result<usize, Errno> {
    usize::try_from(answer).map_err(|_| Errno::from_raw(i32::try_from(-answer).unwrap_or_default()))
}

impl Drop for ImageHandle {
    fn drop(&mut self) {
        if self.is_writing {
            self.pool.resting.close_writer(self.opened, self.handle);
        } else {
            self.pool.resting.take_reader(self.opened, self.handle);
        }
    }
}
