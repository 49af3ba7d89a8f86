//! Ceph's libraries, loaded at run time.

mod ffi;

pub(super) use ffi::{
    Handle, ImageSpec, LinkedImageSpec, SnapInfo, SnapSpec, Symbols, TrashInfo, Watcher, symbols,
};
