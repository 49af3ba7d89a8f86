//! The machine itself: who it is, its board, processors, memory, and what its process may not do.

use super::{Arguments, CannotRun, mark, slot, value};
use crate::qemu::settings::Accelerator;
use hatchery_model::compute::GuestDefinition;
use std::os::fd::RawFd;

/// What cloud-init knows an OpenStack guest by.
const MANUFACTURER: &str = "OpenStack Foundation";
const PRODUCT: &str = "OpenStack Nova";

pub(super) fn identity(
    args: &mut Arguments,
    definition: &GuestDefinition,
) -> Result<(), CannotRun> {
    let name = value("the name of a guest", &definition.name)?;
    let server = definition.server;
    args.option("-name", format!("guest={name},debug-threads=on"));
    let [flag, id] = mark(server);
    args.option(&flag, id);
    args.option(
        "-smbios",
        format!(
            "type=1,manufacturer={MANUFACTURER},product={PRODUCT},version={},serial={server},uuid={server},\
             family=Virtual Machine",
            env!("CARGO_PKG_VERSION")
        ),
    );
    Ok(())
}

/// `pc` and not `q35`: about 1 ms quicker to the monitor, and a disk with a BIOS boot loader needs nothing of the newer
/// board. What no cloud guest uses is left off, as each device costs time at every start.
pub(super) fn hardware(
    args: &mut Arguments,
    definition: &GuestDefinition,
    accelerator: Accelerator,
    kvm: Option<RawFd>,
) -> Result<(), CannotRun> {
    let GuestDefinition { vcpus, memory_mib, .. } = *definition;
    if !(1..=255).contains(&vcpus) {
        return Err(CannotRun(format!(
            "a guest has 1 to 255 virtual CPUs, not {vcpus}: choose another flavor"
        )));
    }
    if memory_mib == 0 {
        return Err(CannotRun("a guest needs memory: choose a flavor that has some".to_owned()));
    }
    args.flag("-no-user-config");
    args.flag("-nodefaults");
    args.option("-display", "none");
    args.option("-vga", "none");
    args.option("-machine", "pc,usb=off,vmport=off,smm=off,hpet=off");
    match (accelerator, kvm) {
        (Accelerator::Kvm, Some(device)) => {
            let device = args.inherited_file(device);
            args.option("-accel", format!("kvm,device={device}"));
            args.option("-cpu", "host");
        }
        (Accelerator::Kvm, None) => {
            args.option("-accel", "kvm");
            args.option("-cpu", "host");
        }
        (Accelerator::Tcg, _) => {
            args.option("-accel", "tcg,thread=multi");
            args.option("-cpu", "max");
        }
    }
    args.option("-smp", format!("cpus={vcpus},sockets={vcpus},cores=1,threads=1"));
    args.option("-m", format!("size={memory_mib}M"));
    args.option("-rtc", "base=utc");
    args.option("-boot", "menu=off,strict=on");
    Ok(())
}

pub(super) fn confinement(args: &mut Arguments) {
    args.option(
        "-sandbox",
        "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
    );
    args.option("-msg", "timestamp=on");
}

/// From QEMU's own generator: the process opens no device for it.
pub(super) fn random(args: &mut Arguments) {
    args.option("-object", "rng-builtin,id=random");
    args.option("-device", format!("virtio-rng-pci,rng=random,addr={:#x}", slot::RANDOM));
}
