//! The functions of librados and librbd that are used here, found when the first one is wanted: a host without Ceph needs neither.
//! Their names and types are those of the headers of Ceph 14 and later. Not here: calling them.
#![allow(unsafe_code)]

use nix::libc;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem;
use std::sync::OnceLock;

/// A handle of the library.
pub(in crate::rbd) type Handle = *mut c_void;
/// Told how far long work is; a negative answer ends it.
pub(in crate::rbd) type Progress = unsafe extern "C" fn(u64, u64, *mut c_void) -> c_int;
/// Told of a run that holds data, or holds none any more; a negative answer ends the walk.
pub(in crate::rbd) type Extent = unsafe extern "C" fn(u64, usize, c_int, *mut c_void) -> c_int;

/// `rbd_image_spec_t`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(in crate::rbd) struct ImageSpec {
    pub(in crate::rbd) id: *mut c_char,
    pub(in crate::rbd) name: *mut c_char,
}

/// `rbd_linked_image_spec_t`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(in crate::rbd) struct LinkedImageSpec {
    pub(in crate::rbd) pool_id: i64,
    pub(in crate::rbd) pool_name: *mut c_char,
    pub(in crate::rbd) pool_namespace: *mut c_char,
    pub(in crate::rbd) image_id: *mut c_char,
    pub(in crate::rbd) image_name: *mut c_char,
    pub(in crate::rbd) trash: bool,
}

/// `rbd_snap_spec_t`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(in crate::rbd) struct SnapSpec {
    pub(in crate::rbd) id: u64,
    pub(in crate::rbd) namespace_type: c_int,
    pub(in crate::rbd) name: *mut c_char,
}

/// `rbd_snap_info_t`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(in crate::rbd) struct SnapInfo {
    pub(in crate::rbd) id: u64,
    pub(in crate::rbd) size: u64,
    pub(in crate::rbd) name: *const c_char,
}

/// `rbd_trash_image_info_t`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(in crate::rbd) struct TrashInfo {
    pub(in crate::rbd) id: *mut c_char,
    pub(in crate::rbd) name: *mut c_char,
    pub(in crate::rbd) source: c_int,
    pub(in crate::rbd) deletion_time: libc::time_t,
    pub(in crate::rbd) deferment_end_time: libc::time_t,
}

/// `rbd_image_watcher_t`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(in crate::rbd) struct Watcher {
    pub(in crate::rbd) addr: *mut c_char,
    pub(in crate::rbd) id: i64,
    pub(in crate::rbd) cookie: u64,
}

macro_rules! symbols {
    ($($name:ident($($kind:ty),*) $(-> $answer:ty)?;)*) => {
        /// The functions, by their names.
        pub(in crate::rbd) struct Symbols {
            $(pub(in crate::rbd) $name: unsafe extern "C" fn($($kind),*) $(-> $answer)?,)*
        }

        impl Symbols {
            fn find(library: Handle) -> Result<Self, String> {
                Ok(Self {
                    $($name: {
                        let symbol = symbol(library, concat!(stringify!($name), "\0"))?;
                        // SAFETY: the symbol has this name in the library, whose header gives the function this type.
                        unsafe {
                            mem::transmute::<Handle, unsafe extern "C" fn($($kind),*) $(-> $answer)?>(symbol)
                        }
                    },)*
                })
            }
        }
    };
}

symbols! {
    rados_create2(*mut Handle, *const c_char, *const c_char, u64) -> c_int;
    rados_conf_read_file(Handle, *const c_char) -> c_int;
    rados_conf_set(Handle, *const c_char, *const c_char) -> c_int;
    rados_conf_get(Handle, *const c_char, *mut c_char, usize) -> c_int;
    rados_connect(Handle) -> c_int;
    rados_shutdown(Handle);
    rados_cluster_fsid(Handle, *mut c_char, usize) -> c_int;
    rados_mon_command(
        Handle, *mut *const c_char, usize, *const c_char, usize, *mut *mut c_char, *mut usize, *mut *mut c_char, *mut usize
    ) -> c_int;
    rados_buffer_free(*mut c_char);
    rados_get_instance_id(Handle) -> u64;
    rados_ioctx_create(Handle, *const c_char, *mut Handle) -> c_int;
    rados_ioctx_destroy(Handle);
    rados_remove(Handle, *const c_char) -> c_int;
    rados_create_write_op() -> Handle;
    rados_release_write_op(Handle);
    rados_write_op_assert_exists(Handle);
    rados_write_op_exec(
        Handle, *const c_char, *const c_char, *const c_char, usize, *mut c_int
    );
    rados_write_op_operate(
        Handle, Handle, *const c_char, *mut libc::time_t, c_int
    ) -> c_int;
    rbd_image_options_create(*mut Handle);
    rbd_image_options_destroy(Handle);
    rbd_image_options_set_uint64(Handle, c_int, u64) -> c_int;
    rbd_create4(Handle, *const c_char, u64, Handle) -> c_int;
    rbd_clone3(Handle, *const c_char, *const c_char, Handle, *const c_char, Handle) -> c_int;
    rbd_rename(Handle, *const c_char, *const c_char) -> c_int;
    rbd_remove_with_progress(Handle, *const c_char, Progress, *mut c_void) -> c_int;
    rbd_list2(Handle, *mut ImageSpec, *mut usize) -> c_int;
    rbd_image_spec_list_cleanup(*mut ImageSpec, usize);
    rbd_trash_move(Handle, *const c_char, u64) -> c_int;
    rbd_trash_list(Handle, *mut TrashInfo, *mut usize) -> c_int;
    rbd_trash_list_cleanup(*mut TrashInfo, usize);
    rbd_trash_remove_with_progress(Handle, *const c_char, bool, Progress, *mut c_void) -> c_int;
    rbd_trash_restore(Handle, *const c_char, *const c_char) -> c_int;
    rbd_pool_metadata_get(Handle, *const c_char, *mut c_char, *mut usize) -> c_int;
    rbd_pool_metadata_set(Handle, *const c_char, *const c_char) -> c_int;
    rbd_pool_metadata_remove(Handle, *const c_char) -> c_int;
    rbd_pool_metadata_list(
        Handle, *const c_char, u64, *mut c_char, *mut usize, *mut c_char, *mut usize
    ) -> c_int;
    rbd_open(Handle, *const c_char, *mut Handle, *const c_char) -> c_int;
    rbd_open_read_only(Handle, *const c_char, *mut Handle, *const c_char) -> c_int;
    rbd_open_by_id(Handle, *const c_char, *mut Handle, *const c_char) -> c_int;
    rbd_open_by_id_read_only(Handle, *const c_char, *mut Handle, *const c_char) -> c_int;
    rbd_close(Handle) -> c_int;
    rbd_get_id(Handle, *mut c_char, usize) -> c_int;
    rbd_get_size(Handle, *mut u64) -> c_int;
    rbd_resize2(Handle, u64, bool, Progress, *mut c_void) -> c_int;
    rbd_get_parent(Handle, *mut LinkedImageSpec, *mut SnapSpec) -> c_int;
    rbd_linked_image_spec_cleanup(*mut LinkedImageSpec);
    rbd_snap_spec_cleanup(*mut SnapSpec);
    rbd_list_children3(Handle, *mut LinkedImageSpec, *mut usize) -> c_int;
    rbd_linked_image_spec_list_cleanup(*mut LinkedImageSpec, usize);
    rbd_flatten_with_progress(Handle, Progress, *mut c_void) -> c_int;
    rbd_snap_create(Handle, *const c_char) -> c_int;
    rbd_snap_remove(Handle, *const c_char) -> c_int;
    rbd_snap_rename(Handle, *const c_char, *const c_char) -> c_int;
    rbd_snap_protect(Handle, *const c_char) -> c_int;
    rbd_snap_unprotect(Handle, *const c_char) -> c_int;
    rbd_snap_is_protected(Handle, *const c_char, *mut c_int) -> c_int;
    rbd_snap_list(Handle, *mut SnapInfo, *mut c_int) -> c_int;
    rbd_snap_list_end(*mut SnapInfo);
    rbd_snap_get_namespace_type(Handle, u64, *mut c_int) -> c_int;
    rbd_snap_rollback_with_progress(Handle, *const c_char, Progress, *mut c_void) -> c_int;
    rbd_diff_iterate2(Handle, *const c_char, u64, u64, u8, u8, Extent, *mut c_void) -> c_int;
    rbd_read2(Handle, u64, usize, *mut c_char, c_int) -> isize;
    rbd_write2(Handle, u64, usize, *const c_char, c_int) -> isize;
    rbd_compare_and_write(
        Handle, u64, usize, *const c_char, *const c_char, *mut u64, c_int
    ) -> isize;
    rbd_get_stripe_unit(Handle, *mut u64) -> c_int;
    rbd_discard(Handle, u64, u64) -> c_int;
    rbd_flush(Handle) -> c_int;
    rbd_watchers_list(Handle, *mut Watcher, *mut usize) -> c_int;
    rbd_watchers_list_cleanup(*mut Watcher, usize);
    rbd_metadata_get(Handle, *const c_char, *mut c_char, *mut usize) -> c_int;
    rbd_metadata_set(Handle, *const c_char, *const c_char) -> c_int;
    rbd_metadata_remove(Handle, *const c_char) -> c_int;
}

/// The functions; `Err` says what is missing and what to install. Found once: a library that is installed later needs a restart.
pub(in crate::rbd) fn symbols() -> Result<&'static Symbols, &'static str> {
    static FOUND: OnceLock<Result<Symbols, String>> = OnceLock::new();
    FOUND.get_or_init(|| load(c"librbd.so.1")).as_ref().map_err(String::as_str)
}

fn load(name: &CStr) -> Result<Symbols, String> {
    // librbd is linked with the librados that it needs, whose functions are found through it.
    // SAFETY: the name ends with a zero; what the library runs when it is loaded is its own matter. It is never unloaded.
    let library = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW) };
    if library.is_null() {
        return Err(format!("install Debian's librbd1, and start again ({})", complaint()));
    }
    Symbols::find(library)
}

fn symbol(library: Handle, name: &'static str) -> Result<Handle, String> {
    let text = CStr::from_bytes_with_nul(name.as_bytes()).unwrap_or_default();
    // SAFETY: the library is open for ever, and the name ends with a zero.
    let found = unsafe { libc::dlsym(library, text.as_ptr()) };
    if found.is_null() {
        return Err(format!(
            "install librbd1 and librados2 of Ceph 14 or later, and start again ({})",
            complaint()
        ));
    }
    Ok(found)
}

fn complaint() -> String {
    // SAFETY: the text is this thread's until its next call of the loader, and is copied before that.
    let text = unsafe {
        let text = libc::dlerror();
        if text.is_null() { c"no reason given" } else { CStr::from_ptr(text) }
    };
    text.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::load;

    #[test]
    fn a_missing_library_is_named_with_its_package() {
        let error = load(c"libof-nothing.so.1").err().unwrap();
        assert!(error.contains("librbd1") && error.contains("libof-nothing"), "{error}");
        // One that is there and is none of Ceph's.
        let error = load(c"libc.so.6").err().unwrap();
        assert!(error.contains("Ceph 14 or later"), "{error}");
    }
}
