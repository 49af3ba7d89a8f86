//! What runs guests and what plugs them into networks. Disks come as paths, orders as port calls: nothing here knows of
//! images, pools, databases or buses.

mod ffi;
pub mod guest_data;
pub mod net;
pub mod qemu;
pub mod sim;
