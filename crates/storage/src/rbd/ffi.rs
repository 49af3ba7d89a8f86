//! Owned handles of clusters and pools, and safe calls on them: names become C strings, lists become owned ones, negative answers become
//! errors. Every call blocks. Not here: images (`image/ffi.rs`), what an error means, and who waits for it.
#![allow(unsafe_code)]

use super::library::{Handle, ImageSpec, Symbols, TrashInfo, symbols};
use super::resting::Resting;
use super::watched::{calling, progressing};
use nix::errno::Errno;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Long work is told to go on (`true`) or to end.
pub(super) type GoOn<'a> = &'a mut dyn FnMut(u64, u64) -> bool;

const OPTION_ORDER: c_int = 2;
const OPTION_STRIPE_UNIT: c_int = 3;
const OPTION_STRIPE_COUNT: c_int = 4;
const OPTION_CLONE_FORMAT: c_int = 12;

/// Calls the library, and reads its answer.
pub(super) fn check(call: impl FnOnce() -> c_int) -> Result<c_int, Errno> {
    let answer = calling(call);
    if answer < 0 { Err(Errno::from_raw(-answer)) } else { Ok(answer) }
}

pub(super) fn text(of: &str) -> Result<CString, Errno> {
    CString::new(of).map_err(|_| Errno::EINVAL)
}

/// Closes an image that whoever gave it uses no more. What cannot be written is lost, unless it was flushed before.
pub(super) fn close_image(symbols: &Symbols, handle: Handle) -> Result<(), Errno> {
    // SAFETY: the handle is open, and nobody has another one of this opening.
    check(|| unsafe { (symbols.rbd_close)(handle) }).map(drop)
}

/// A copy of the library's text.
pub(super) fn owned(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: the library's texts end with a zero, and are read before the call that frees them.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

pub(super) unsafe extern "C" fn progress(done: u64, all: u64, with: *mut c_void) -> c_int {
    // SAFETY: `with` is the `GoOn` that the call was given, which lives until the call returns; the library calls from one thread at a time.
    let go_on = unsafe { &mut *with.cast::<GoOn<'_>>() };
    if go_on(done, all) { 0 } else { -(Errno::ECANCELED as c_int) }
}

/// Reads a list whose length is told when there is too little room for it.
pub(super) fn listed<T: Copy>(
    zero: T,
    mut fill: impl FnMut(*mut T, *mut usize) -> c_int,
) -> Result<Vec<T>, Errno> {
    let mut room = 16;
    loop {
        let mut items = vec![zero; room];
        let mut length = room;
        match check(|| fill(items.as_mut_ptr(), &mut length)) {
            Ok(_) => {
                items.truncate(length);
                return Ok(items);
            }
            Err(Errno::ERANGE) => room = length.max(room + 16),
            Err(errno) => return Err(errno),
        }
    }
}

/// Reads a text whose length is told when there is too little room for it.
pub(super) fn text_of(
    mut fill: impl FnMut(*mut c_char, *mut usize) -> c_int,
) -> Result<String, Errno> {
    let bytes = listed(0_u8, |bytes, length| fill(bytes.cast(), length))?;
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    Ok(String::from_utf8_lossy(&bytes[..end]).into_owned())
}

/// A cluster's handle.
pub(super) struct Rados {
    symbols: &'static Symbols,
    handle: Handle,
    unprotecting: Mutex<()>,
}

// SAFETY: librados lets any number of threads use one handle.
unsafe impl Send for Rados {}
// SAFETY: as above.
unsafe impl Sync for Rados {}

impl Rados {
    /// Not connected yet. `Err` of the outer result: the libraries are missing.
    pub(super) fn new(cluster: &str, user: &str) -> Result<Result<Self, Errno>, &'static str> {
        let symbols = symbols()?;
        Ok((|| {
            let (cluster, user) = (text(cluster)?, text(&format!("client.{user}"))?);
            let mut handle = ptr::null_mut();
            // SAFETY: the texts end with a zero, and the handle is written when the answer is not negative.
            check(|| unsafe {
                (symbols.rados_create2)(&mut handle, cluster.as_ptr(), user.as_ptr(), 0)
            })?;
            Ok(Self { symbols, handle, unprotecting: Mutex::new(()) })
        })())
    }

    /// Reads a configuration file; `None`: the usual ones.
    pub(super) fn read_conf(&self, path: Option<&str>) -> Result<(), Errno> {
        let path = path.map(text).transpose()?;
        let path = path.as_ref().map_or(ptr::null(), |path| path.as_ptr());
        // SAFETY: the handle is open, and the path ends with a zero or is null.
        check(|| unsafe { (self.symbols.rados_conf_read_file)(self.handle, path) }).map(drop)
    }

    /// Sets an option, before connecting.
    pub(super) fn set(&self, option: &str, value: &str) -> Result<(), Errno> {
        let (option, value) = (text(option)?, text(value)?);
        // SAFETY: the handle is open, and the texts end with a zero.
        check(|| unsafe {
            (self.symbols.rados_conf_set)(self.handle, option.as_ptr(), value.as_ptr())
        })
        .map(drop)
    }

    /// Reads an option.
    pub(super) fn get(&self, option: &str) -> Result<String, Errno> {
        let option = text(option)?;
        let mut value = vec![0_u8; 4096];
        // SAFETY: the value is written within the length that is given, and ends with a zero.
        check(|| unsafe {
            let room = value.len();
            (self.symbols.rados_conf_get)(
                self.handle,
                option.as_ptr(),
                value.as_mut_ptr().cast(),
                room,
            )
        })?;
        Ok(owned(value.as_ptr().cast()))
    }

    pub(super) fn connect(&self) -> Result<(), Errno> {
        // SAFETY: the handle is open.
        check(|| unsafe { (self.symbols.rados_connect)(self.handle) }).map(drop)
    }

    /// The connection's number: watchers of its images have it.
    pub(super) fn instance(&self) -> u64 {
        // SAFETY: the handle is open and connected.
        unsafe { (self.symbols.rados_get_instance_id)(self.handle) }
    }

    pub(super) fn fsid(&self) -> Result<String, Errno> {
        let mut fsid = [0_u8; 64];
        // SAFETY: the text is written within the length that is given, and ends with a zero.
        check(|| unsafe {
            (self.symbols.rados_cluster_fsid)(self.handle, fsid.as_mut_ptr().cast(), fsid.len())
        })?;
        Ok(owned(fsid.as_ptr().cast()))
    }

    /// Has the monitors execute a command in JSON; gives what they answer.
    pub(super) fn command(&self, json: &str) -> Result<Vec<u8>, Errno> {
        let json = text(json)?;
        let mut commands = [json.as_ptr()];
        let (mut answer, mut length) = (ptr::null_mut(), 0);
        // SAFETY: one command that ends with a zero, no input; the answer is written with its length, and freed here when it is copied.
        unsafe {
            check(|| {
                (self.symbols.rados_mon_command)(
                    self.handle,
                    commands.as_mut_ptr(),
                    1,
                    ptr::null(),
                    0,
                    &mut answer,
                    &mut length,
                    ptr::null_mut(),
                    ptr::null_mut(),
                )
            })?;
            if answer.is_null() {
                return Ok(Vec::new());
            }
            let copied = std::slice::from_raw_parts(answer.cast::<u8>(), length).to_vec();
            (self.symbols.rados_buffer_free)(answer);
            Ok(copied)
        }
    }
}

impl Drop for Rados {
    fn drop(&mut self) {
        // SAFETY: pools and images hold this alive, so that none is open now.
        unsafe { (self.symbols.rados_shutdown)(self.handle) }
    }
}

/// A pool's handle.
pub(super) struct IoCtx {
    rados: Arc<Rados>,
    pub(super) handle: Handle,
    /// Images that nobody uses any more.
    pub(super) resting: Resting,
}

// SAFETY: librados lets threads share a pool's handle as long as none changes its settings, which nothing here does.
unsafe impl Send for IoCtx {}
// SAFETY: as above.
unsafe impl Sync for IoCtx {}

struct Options {
    symbols: &'static Symbols,
    handle: Handle,
}

impl Options {
    fn new(symbols: &'static Symbols) -> Self {
        let mut handle = ptr::null_mut();
        // SAFETY: writes the handle.
        unsafe { (symbols.rbd_image_options_create)(&mut handle) };
        Self { symbols, handle }
    }

    fn set(&self, option: c_int, value: u64) -> Result<(), Errno> {
        // SAFETY: the handle is open, and both options are numbers.
        check(|| unsafe { (self.symbols.rbd_image_options_set_uint64)(self.handle, option, value) })
            .map(drop)
    }
}

impl Drop for Options {
    fn drop(&mut self) {
        // SAFETY: the handle is open, and used no more.
        unsafe { (self.symbols.rbd_image_options_destroy)(self.handle) }
    }
}

impl IoCtx {
    pub(super) fn new(rados: Arc<Rados>, pool: &str) -> Result<Self, Errno> {
        let pool = text(pool)?;
        let mut handle = ptr::null_mut();
        // SAFETY: the cluster's handle is open, the name ends with a zero, and the handle is written when the answer is not negative.
        check(|| unsafe {
            (rados.symbols.rados_ioctx_create)(rados.handle, pool.as_ptr(), &mut handle)
        })?;
        Ok(Self { resting: Resting::new(rados.symbols), rados, handle })
    }

    pub(super) fn symbols(&self) -> &'static Symbols {
        self.rados.symbols
    }

    /// One at a time in a connection: on a thread of the library's, an unprotection waits for what other threads of it bring, and as
    /// many at once as it has threads would wait for one another for ever (seen in Ceph 16).
    pub(super) fn unprotecting(&self) -> MutexGuard<'_, ()> {
        self.rados.unprotecting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes an image whose objects have 2^`order` bytes.
    pub(super) fn create(&self, name: &str, size: u64, order: u8) -> Result<(), Errno> {
        let name = text(name)?;
        let options = Options::new(self.symbols());
        options.set(OPTION_ORDER, order.into())?;
        // SAFETY: both handles are open, and the name ends with a zero.
        check(|| unsafe {
            (self.symbols().rbd_create4)(self.handle, name.as_ptr(), size, options.handle)
        })
        .map(drop)
    }

    /// Makes a clone (format 2) of a snapshot, which need not be protected.
    pub(super) fn clone_image(
        &self,
        from: (&Self, &str, &str),
        name: &str,
        order: u8,
    ) -> Result<(), Errno> {
        let (parent, image, snapshot) = (from.0, text(from.1)?, text(from.2)?);
        let name = text(name)?;
        let options = Options::new(self.symbols());
        options.set(OPTION_ORDER, order.into())?;
        // Else the parent's, which smaller objects cannot have.
        options.set(OPTION_STRIPE_UNIT, 1 << order)?;
        options.set(OPTION_STRIPE_COUNT, 1)?;
        options.set(OPTION_CLONE_FORMAT, 2)?;
        // SAFETY: the handles are open, and the names end with a zero.
        check(|| unsafe {
            (self.symbols().rbd_clone3)(
                parent.handle,
                image.as_ptr(),
                snapshot.as_ptr(),
                self.handle,
                name.as_ptr(),
                options.handle,
            )
        })
        .map(drop)
    }

    /// Removes an object of the pool, not an image.
    pub(super) fn remove_object(&self, name: &str) -> Result<(), Errno> {
        let name = text(name)?;
        // SAFETY: the handle is open, and the name ends with a zero.
        check(|| unsafe { (self.symbols().rados_remove)(self.handle, name.as_ptr()) }).map(drop)
    }

    /// Has the OSD of an object that is there call a method of one of its classes, which may change it.
    pub(super) fn call(
        &self,
        object: &str,
        (class, method): (&CStr, &CStr),
        input: &[u8],
    ) -> Result<(), Errno> {
        let object = text(object)?;
        let symbols = self.symbols();
        // SAFETY: the operation lives until it is released, once; what it is given is copied or lives until it was done.
        check(|| unsafe {
            let work = (symbols.rados_create_write_op)();
            (symbols.rados_write_op_assert_exists)(work);
            (symbols.rados_write_op_exec)(
                work,
                class.as_ptr(),
                method.as_ptr(),
                input.as_ptr().cast(),
                input.len(),
                ptr::null_mut(),
            );
            let done = (symbols.rados_write_op_operate)(
                work,
                self.handle,
                object.as_ptr(),
                ptr::null_mut(),
                0,
            );
            (symbols.rados_release_write_op)(work);
            done
        })
        .map(drop)
    }

    pub(super) fn rename(&self, from: &str, to: &str) -> Result<(), Errno> {
        let (from, to) = (text(from)?, text(to)?);
        // SAFETY: the handle is open, and the names end with a zero.
        check(|| unsafe { (self.symbols().rbd_rename)(self.handle, from.as_ptr(), to.as_ptr()) })
            .map(drop)
    }

    pub(super) fn remove(&self, name: &str, go_on: GoOn<'_>) -> Result<(), Errno> {
        let name = text(name)?;
        let mut go_on = progressing(go_on);
        let mut go_on: GoOn<'_> = &mut go_on;
        let with = (&raw mut go_on).cast();
        // SAFETY: the handle is open, the name ends with a zero, and `go_on` lives until the call returns.
        check(|| unsafe {
            (self.symbols().rbd_remove_with_progress)(self.handle, name.as_ptr(), progress, with)
        })
        .map(drop)
    }

    /// Ids and names of the images.
    pub(super) fn list(&self) -> Result<Vec<(String, String)>, Errno> {
        let zero = ImageSpec { id: ptr::null_mut(), name: ptr::null_mut() };
        // SAFETY: the handle is open, and the items are written within the length that is given.
        let mut found = listed(zero, |items, length| unsafe {
            (self.symbols().rbd_list2)(self.handle, items, length)
        })?;
        let images = found.iter().map(|spec| (owned(spec.id), owned(spec.name))).collect();
        // SAFETY: the texts were copied, and are freed once.
        unsafe { (self.symbols().rbd_image_spec_list_cleanup)(found.as_mut_ptr(), found.len()) };
        Ok(images)
    }

    pub(super) fn trash_move(&self, name: &str) -> Result<(), Errno> {
        let name = text(name)?;
        // SAFETY: the handle is open, and the name ends with a zero.
        check(|| unsafe { (self.symbols().rbd_trash_move)(self.handle, name.as_ptr(), 0) })
            .map(drop)
    }

    /// Ids and names of the images in the trash, without those that `rbd_remove` has put there.
    pub(super) fn trash_list(&self) -> Result<Vec<(String, String)>, Errno> {
        let null = ptr::null_mut();
        let zero =
            TrashInfo { id: null, name: null, source: 0, deletion_time: 0, deferment_end_time: 0 };
        // SAFETY: the handle is open, and the items are written within the length that is given.
        let mut found = listed(zero, |items, length| unsafe {
            (self.symbols().rbd_trash_list)(self.handle, items, length)
        })?;
        let images = found.iter().map(|info| (owned(info.id), owned(info.name))).collect();
        // SAFETY: the texts were copied, and are freed once.
        unsafe { (self.symbols().rbd_trash_list_cleanup)(found.as_mut_ptr(), found.len()) };
        Ok(images)
    }

    pub(super) fn trash_remove(&self, id: &str, go_on: GoOn<'_>) -> Result<(), Errno> {
        let id = text(id)?;
        let mut go_on = progressing(go_on);
        let mut go_on: GoOn<'_> = &mut go_on;
        let with = (&raw mut go_on).cast();
        // SAFETY: the handle is open, the id ends with a zero, and `go_on` lives until the call returns.
        check(|| unsafe {
            (self.symbols().rbd_trash_remove_with_progress)(
                self.handle,
                id.as_ptr(),
                false,
                progress,
                with,
            )
        })
        .map(drop)
    }

    pub(super) fn trash_restore(&self, id: &str, name: &str) -> Result<(), Errno> {
        let (id, name) = (text(id)?, text(name)?);
        // SAFETY: the handle is open, and the texts end with a zero.
        check(|| unsafe {
            (self.symbols().rbd_trash_restore)(self.handle, id.as_ptr(), name.as_ptr())
        })
        .map(drop)
    }

    pub(super) fn note(&self, key: &str) -> Result<String, Errno> {
        let key = text(key)?;
        // SAFETY: the handle is open, the key ends with a zero, and the value is written within the length that is given.
        text_of(|value, length| unsafe {
            (self.symbols().rbd_pool_metadata_get)(self.handle, key.as_ptr(), value, length)
        })
    }

    pub(super) fn set_note(&self, key: &str, value: &str) -> Result<(), Errno> {
        let (key, value) = (text(key)?, text(value)?);
        // SAFETY: the handle is open, and the texts end with a zero.
        check(|| unsafe {
            (self.symbols().rbd_pool_metadata_set)(self.handle, key.as_ptr(), value.as_ptr())
        })
        .map(drop)
    }

    /// Keys and values of the notes behind this key, some at a time.
    pub(super) fn notes_behind(&self, key: &str) -> Result<Vec<(String, String)>, Errno> {
        const AT_ONCE: u64 = 256;
        let start = text(key)?;
        let (mut keys, mut values) = (vec![0_u8; 64 << 10], vec![0_u8; 256 << 10]);
        let (mut key_room, mut value_room) = (keys.len(), values.len());
        // SAFETY: the handle is open, the key ends with a zero, and both lists are written within the lengths that are given.
        check(|| unsafe {
            (self.symbols().rbd_pool_metadata_list)(
                self.handle,
                start.as_ptr(),
                AT_ONCE,
                keys.as_mut_ptr().cast(),
                &mut key_room,
                values.as_mut_ptr().cast(),
                &mut value_room,
            )
        })?;
        let texts = |bytes: &[u8], length: usize| -> Vec<String> {
            let bytes = &bytes[..length.min(bytes.len())];
            let parts = bytes.split(|byte| *byte == 0);
            parts.map(|part| String::from_utf8_lossy(part).into_owned()).collect()
        };
        let (keys, values) = (texts(&keys, key_room), texts(&values, value_room));
        Ok(keys.into_iter().zip(values).filter(|(key, _)| !key.is_empty()).collect())
    }

    pub(super) fn remove_note(&self, key: &str) -> Result<(), Errno> {
        let key = text(key)?;
        // SAFETY: the handle is open, and the key ends with a zero.
        check(|| unsafe { (self.symbols().rbd_pool_metadata_remove)(self.handle, key.as_ptr()) })
            .map(drop)
    }
}

impl Drop for IoCtx {
    fn drop(&mut self) {
        self.resting.close_all();
        // SAFETY: images hold this alive, so that none is open now.
        unsafe { (self.symbols().rados_ioctx_destroy)(self.handle) }
    }
}
