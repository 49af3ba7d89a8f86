//! Formats: what a user says an image is, and what it was found to be.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]

        #[allow(missing_docs)]
        pub enum $name { $($variant),+ }

        impl $name {
            /// Every value, in OpenStack's order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// OpenStack's word for it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
        impl FromStr for $name {
            type Err = ();
            fn from_str(text: &str) -> Result<Self, ()> {
                match text { $($text => Ok(Self::$variant),)+ _ => Err(()) }
            }
        }
    };
}

named! {
    /// Glance's `disk_format`: what the user says.
    DiskFormat {
        Ami = "ami", Ari = "ari", Aki = "aki", Vhd = "vhd", Vhdx = "vhdx", Vmdk = "vmdk", Raw = "raw",
        Qcow2 = "qcow2", Vdi = "vdi", Iso = "iso", Ploop = "ploop", Luks = "luks",
    }
}

named! {
    /// Glance's `container_format`.
    ContainerFormat {
        Ami = "ami", Ari = "ari", Aki = "aki", Bare = "bare", Ovf = "ovf", Ova = "ova", Docker = "docker",
        Compressed = "compressed",
    }
}

named! {
    /// What an inspection found, of those that a guest disk can be based on.
    ImageFormat { Raw = "raw", Qcow2 = "qcow2" }
}
