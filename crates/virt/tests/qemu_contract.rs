//! The hypervisors' contract on a real QEMU.

mod qemu_fixture;

use qemu_fixture::QemuFixture;

hatchery_ports::hypervisor_contract!(QemuFixture::new());
