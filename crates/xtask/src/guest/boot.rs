//! What lies before the partition: the boot sector, the kernel and its ramdisk,
//! with the kernel's header filled in as a boot loader would do it at run time.
//! The layout and the header are Linux's boot protocol, version 2.10 and later.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::failure::{Failure, output_of};

const LOADER: &str = include_str!("../../guest/loader.s");
const COMMAND_LINE: &str = include_str!("../../guest/command-line");

/// The scripts that end up in the image.
pub const SCRIPTS: &[&str] = &[LOADER, COMMAND_LINE];

const SECTOR: usize = 512;
/// Where boot code ends in the first sector.
const BOOT_CODE: usize = 440;

/// Where the loader puts the real-mode part, and in it the command line; the
/// loader's own constants must agree.
const LOW_TARGET: u32 = 0x1_0000;
const COMMAND_LINE_OFFSET: usize = 0xe000;
const LOW_LENGTH: usize = 0xf000;

/// Fields of the kernel's header, by their offset.
const SETUP_SECTORS: usize = 0x1f1;
const MAGIC: usize = 0x202;
const VERSION: usize = 0x206;
const LOADER_TYPE: usize = 0x210;
const LOAD_FLAGS: usize = 0x211;
const RAMDISK_ADDRESS: usize = 0x218;
const RAMDISK_SIZE: usize = 0x21c;
const HEAP_END: usize = 0x224;
const COMMAND_LINE_ADDRESS: usize = 0x228;
const PREFERRED_ADDRESS: usize = 0x258;
const INIT_SIZE: usize = 0x260;
const HEADER_END: usize = 0x264;

/// The kernel is to be loaded above 1 MiB; it may use the heap.
const LOADED_HIGH: u8 = 0x01;
const CAN_USE_HEAP: u8 = 0x80;

/// All sectors that come before the partition, from the first; the bytes from
/// `BOOT_CODE` to the end of the first sector are left empty.
pub fn sectors(work: &Path, kernel: &[u8], ramdisk: &[u8]) -> Result<Vec<u8>, Failure> {
    let Parts { low, high, ramdisk_target } = arrange(kernel, ramdisk)?;
    let code = assemble_loader(
        work,
        &[
            ("LOW_SECTORS", low.len() / SECTOR),
            ("KERNEL_SECTORS", high.len().div_ceil(SECTOR)),
            ("RAMDISK_SECTORS", ramdisk.len().div_ceil(SECTOR)),
            ("RAMDISK_TARGET", ramdisk_target as usize),
        ],
    )?;
    let mut sectors = code;
    for part in [low.as_slice(), high, ramdisk] {
        sectors.resize(sectors.len().next_multiple_of(SECTOR), 0);
        sectors.extend_from_slice(part);
    }
    sectors.resize(sectors.len().next_multiple_of(SECTOR), 0);
    Ok(sectors)
}

struct Parts<'kernel> {
    low: Vec<u8>,
    high: &'kernel [u8],
    ramdisk_target: u32,
}

/// Cuts the kernel in its two parts and fills in its header.
fn arrange<'kernel>(kernel: &'kernel [u8], ramdisk: &[u8]) -> Result<Parts<'kernel>, Failure> {
    let unfit = |why: &str| Failure::new(format!("the kernel cannot be booted: {why}"));
    if kernel.len() < HEADER_END || &kernel[MAGIC..MAGIC + 4] != b"HdrS" {
        return Err(unfit("it has no header"));
    }
    if number(kernel, VERSION, 2) < 0x20a || kernel[LOAD_FLAGS] & LOADED_HIGH == 0 {
        return Err(unfit("its boot protocol is too old"));
    }
    let setup = (usize::from(kernel[SETUP_SECTORS]) + 1) * SECTOR;
    if setup > COMMAND_LINE_OFFSET / 2 || setup > kernel.len() {
        return Err(unfit("its real-mode part is too large"));
    }
    // Behind all that the kernel writes to while it unpacks itself.
    let unpacked_end = number(kernel, PREFERRED_ADDRESS, 8) + number(kernel, INIT_SIZE, 4);
    let ramdisk_target = u32::try_from(unpacked_end.next_multiple_of(1 << 20))
        .map_err(|_| unfit("it unpacks itself above 4 GiB"))?;
    let ramdisk_size = u32::try_from(ramdisk.len()).map_err(Failure::of("the ramdisk"))?;

    let mut low = vec![0; LOW_LENGTH];
    low[..setup].copy_from_slice(&kernel[..setup]);
    let line = COMMAND_LINE.trim().as_bytes();
    low[COMMAND_LINE_OFFSET..COMMAND_LINE_OFFSET + line.len()].copy_from_slice(line);
    let mut set = |at: usize, bytes: &[u8]| low[at..at + bytes.len()].copy_from_slice(bytes);
    set(LOADER_TYPE, &[0xff]);
    set(LOAD_FLAGS, &[kernel[LOAD_FLAGS] | CAN_USE_HEAP]);
    set(RAMDISK_ADDRESS, &ramdisk_target.to_le_bytes());
    set(RAMDISK_SIZE, &ramdisk_size.to_le_bytes());
    set(HEAP_END, &(COMMAND_LINE_OFFSET as u16 - 0x200).to_le_bytes());
    set(COMMAND_LINE_ADDRESS, &(LOW_TARGET + COMMAND_LINE_OFFSET as u32).to_le_bytes());
    Ok(Parts { low, high: &kernel[setup..], ramdisk_target })
}

/// The little-endian number of `length` bytes at `at`.
fn number(bytes: &[u8], at: usize, length: usize) -> u64 {
    bytes[at..at + length].iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

fn assemble_loader(work: &Path, symbols: &[(&str, usize)]) -> Result<Vec<u8>, Failure> {
    let source = work.join("loader.s");
    let object = work.join("loader.o");
    let binary = work.join("loader.bin");
    fs::write(&source, LOADER).map_err(Failure::at(&source))?;
    let mut assembler = Command::new("as");
    for (name, value) in symbols {
        assembler.arg("--defsym").arg(format!("{name}={value}"));
    }
    output_of(assembler.arg("--32").arg("-o").args([&object, &source]))?;
    let mut linker = Command::new("ld");
    linker
        .args(["-m", "elf_i386", "-Ttext=0x7c00", "-e", "start", "--oformat", "binary", "-o"])
        .args([&binary, &object]);
    output_of(&mut linker)?;
    let code = fs::read(&binary).map_err(Failure::at(&binary))?;
    if code.len() > BOOT_CODE {
        return Err(Failure::new(format!(
            "the boot sector's code has {} bytes, and room is for {BOOT_CODE}",
            code.len()
        )));
    }
    Ok(code)
}

#[cfg(test)]
mod tests {
    use super::{COMMAND_LINE_OFFSET, HEADER_END, arrange, number};

    fn kernel() -> Vec<u8> {
        let mut kernel = vec![0; 512 * 4 + 100];
        kernel[0x1f1] = 3;
        kernel[0x202..0x206].copy_from_slice(b"HdrS");
        kernel[0x206..0x208].copy_from_slice(&[0x0f, 0x02]);
        kernel[0x211] = 1;
        kernel[0x258..0x260].copy_from_slice(&0x100_0000_u64.to_le_bytes());
        kernel[0x260..0x264].copy_from_slice(&0x12_3456_u32.to_le_bytes());
        kernel
    }

    #[test]
    fn the_header_is_filled_in_and_the_ramdisk_lies_behind_the_unpacked_kernel() {
        let kernel = kernel();
        let parts = arrange(&kernel, &[7; 1000]).unwrap();
        assert_eq!(parts.high.len(), 100);
        assert_eq!(parts.ramdisk_target, 0x120_0000);
        assert_eq!(number(&parts.low, 0x218, 4), 0x120_0000);
        assert_eq!(number(&parts.low, 0x21c, 4), 1000);
        assert_eq!(number(&parts.low, 0x228, 4), 0x1_e000);
        assert_eq!(parts.low[0x211], 0x81);
        assert!(parts.low[COMMAND_LINE_OFFSET..].starts_with(b"root="));
    }

    #[test]
    fn what_is_no_kernel_is_refused() {
        assert!(arrange(&vec![0; HEADER_END], &[]).is_err());
        let mut old = kernel();
        old[0x206] = 0x05;
        assert!(arrange(&old, &[]).is_err());
    }
}
