//! Proving that an accelerator runs a guest. That a device opens proves nothing: there are machines where KVM opens and
//! every guest on it hangs.

use super::host_facts::find_program;
use super::inherit::{Inheritance, open_kvm};
use super::process::{Exit, Job, spawn};
use super::settings::{Accelerator, AcceleratorChoice};
use hatchery_ports::hypervisor::HypervisorError;
use rustix::fs::{MemfdFlags, memfd_create};
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// What was found out.
#[derive(Clone, Debug)]
pub struct Proof {
    /// A guest ran on it.
    pub accelerator: Accelerator,
    /// From starting QEMU to the guest's own word.
    pub took: Duration,
    /// Why the better one was not taken, in a sentence; only where `auto` had tried it.
    pub refused: Option<String>,
}

/// The BIOS boots from no disk of less than a cylinder.
const DISK_BYTES: u64 = 1 << 20;

/// What the guest says; QEMU then ends with `2 * WORD + 1`.
const WORD: u8 = 0x2a;

/// The guest, in full, as it lies at 0x7c00. It has work to do, in the mode in which kernels begin: there are machines
/// whose KVM gets a few instructions through the BIOS within seconds, and no guest to its end.
///
/// ```text
///         cli
///         xor   ax, ax
///         mov   ds, ax
///         lgdt  [gdtr]
///         mov   eax, cr0
///         or    al, 1
///         mov   cr0, eax
///         jmp   8:protected
/// protected:                      ; 32 bits from here on
///         mov   ax, 16
///         mov   ds, ax
///         mov   ss, ax
///         mov   esp, 0x6000       ; not the page of this code, or every call would seem to change it
///         mov   ecx, 10000000     ; about 20 ms of a processor, 200 ms of TCG
/// work:   call  nothing
///         dec   ecx
///         jnz   work
///         mov   al, 0x2a          ; WORD
///         out   0xf4, al          ; the port of isa-debug-exit: QEMU ends
/// stop:   cli
///         hlt
///         jmp   stop
/// nothing:
///         ret
///         align 8
/// gdt:    dq    0, 0x00cf9a000000ffff, 0x00cf92000000ffff
/// gdtr:   dw    23
///         dd    gdt
/// ```
const GUEST: [u8; 94] = [
    0xfa, 0x31, 0xc0, 0x8e, 0xd8, 0x66, 0x0f, 0x01, 0x16, 0x58, 0x7c, 0x0f, 0x20, 0xc0, 0x0c, 0x01,
    0x0f, 0x22, 0xc0, 0x66, 0xea, 0x1b, 0x7c, 0x00, 0x00, 0x08, 0x00, 0x66, 0xb8, 0x10, 0x00, 0x8e,
    0xd8, 0x8e, 0xd0, 0xbc, 0x00, 0x60, 0x00, 0x00, 0xb9, 0x80, 0x96, 0x98, 0x00, 0xe8, 0x0b, 0x00,
    0x00, 0x00, 0x49, 0x75, 0xf8, 0xb0, 0x2a, 0xe6, 0xf4, 0xfa, 0xf4, 0xeb, 0xfc, 0xc3, 0x66, 0x90,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0x00, 0x00, 0x00, 0x9a, 0xcf, 0x00,
    0xff, 0xff, 0x00, 0x00, 0x00, 0x92, 0xcf, 0x00, 0x17, 0x00, 0x40, 0x7c, 0x00, 0x00,
];

/// Runs a guest of a few bytes on the accelerator, as guests are run: from a disk, through the BIOS, as `user`. With `Auto`
/// KVM is tried first, for at most `deadline`; then TCG, for at most ten times that, as there is nothing else to turn to.
/// The error is a sentence that says what to do.
pub async fn prove_accelerator(
    binary: &Path,
    accelerator: AcceleratorChoice,
    user: Option<(u32, u32)>,
    deadline: Duration,
) -> Result<Proof, HypervisorError> {
    match accelerator {
        AcceleratorChoice::Kvm => prove(binary, Accelerator::Kvm, user, deadline).await,
        AcceleratorChoice::Tcg => prove(binary, Accelerator::Tcg, user, deadline).await,
        AcceleratorChoice::Auto => match prove(binary, Accelerator::Kvm, user, deadline).await {
            Ok(proof) => Ok(proof),
            Err(refused) => Ok(Proof {
                refused: Some(refused.to_string()),
                ..prove(binary, Accelerator::Tcg, user, deadline * 10).await?
            }),
        },
    }
}

async fn prove(
    binary: &Path,
    accelerator: Accelerator,
    user: Option<(u32, u32)>,
    deadline: Duration,
) -> Result<Proof, HypervisorError> {
    let program = find_program(binary)?;
    let cannot = |source: io::Error| HypervisorError::Unavailable {
        doing: format!("start a trial guest on {accelerator}"),
        source,
    };
    let mut inheritance = Inheritance::default();
    let mut arguments = vec![
        "-no-user-config -nodefaults -display none -vga none -machine pc,usb=off -m size=32M -boot strict=on"
            .to_owned(),
        "-device isa-debug-exit,iobase=0xf4,iosize=1".to_owned(),
    ];
    if accelerator == Accelerator::Kvm {
        let kvm = inheritance.add(open_kvm()?);
        arguments.push(format!("-add-fd fd={kvm},set={kvm} -accel kvm,device=/dev/fdset/{kvm}"));
    } else {
        arguments.push("-accel tcg".to_owned());
    }
    let disk = inheritance.add(boot_disk().map_err(cannot)?);
    arguments.push(format!(
        "-add-fd fd={disk},set={disk} \
         -blockdev driver=file,node-name=file,filename=/dev/fdset/{disk},read-only=on,auto-read-only=off,locking=off \
         -blockdev driver=raw,node-name=disk,file=file,read-only=on -device virtio-blk-pci,drive=disk,bootindex=1"
    ));
    let log = memory_file("log").map_err(cannot)?;
    let words: Vec<String> =
        arguments.iter().flat_map(|part| part.split(' ')).map(str::to_owned).collect();
    let started = Instant::now();
    let trial = spawn(Job {
        program: &program,
        arguments: &words,
        folder: Path::new("/"),
        user,
        log: log.try_clone().map_err(cannot)?,
        lock: None,
        turn: None,
        inheritance,
    })
    .map_err(cannot)?;
    let process = trial.watch().map_err(cannot)?;
    let exit = tokio::time::timeout(deadline, process.ended()).await;
    let took = started.elapsed();
    drop(trial);
    let said = || {
        let mut bytes = [0; 400];
        let length = log.read_at(&mut bytes, 0).unwrap_or(0);
        String::from_utf8_lossy(&bytes[..length]).trim().replace('\n', "; ")
    };
    match exit {
        Ok(Exit::Status(status)) if status == i32::from(WORD) * 2 + 1 => {
            Ok(Proof { accelerator, took, refused: None })
        }
        Ok(exit) => Err(HypervisorError::Unsupported(format!(
            "{accelerator} runs no guest here: the trial's QEMU ended ({exit:?}): {}",
            said()
        ))),
        Err(_) => Err(HypervisorError::Unsupported(format!(
            "{accelerator} runs no guest here: the trial guest said nothing within {} s; choose another accelerator",
            deadline.as_secs_f32()
        ))),
    }
}

fn boot_disk() -> io::Result<File> {
    let mut sector = [0; 512];
    sector[..GUEST.len()].copy_from_slice(&GUEST);
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    let file = memory_file("boot")?;
    file.write_all_at(&sector, 0)?;
    file.set_len(DISK_BYTES)?;
    // Opened once more: QEMU takes a read-only disk only by a descriptor that cannot write.
    File::open(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

fn memory_file(name: &str) -> io::Result<File> {
    Ok(memfd_create(name, MemfdFlags::CLOEXEC)?.into())
}
