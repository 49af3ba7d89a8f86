//! Marks of formats that are not taken in, wherever a program would look for them.

/// A mark at a fixed place: format, offset, bytes.
type Mark = (&'static str, usize, &'static [u8]);

const MARKS: &[Mark] = &[
    ("VMDK", 0, b"KDMV"),
    ("VMDK", 0, b"COWD"),
    ("VHD", 0, b"conectix"),
    ("VHDX", 0, b"vhdxfile"),
    ("VDI", 0x40, &[0x7f, 0x10, 0xda, 0xbe]),
    ("VDI", 0, b"<<< Oracle VM VirtualBox Disk Image"),
    ("VDI", 0, b"<<< Sun VirtualBox Disk Image"),
    ("VDI", 0, b"<<< innotek VirtualBox Disk Image"),
    ("VDI", 0, b"<<< QEMU VM Virtual Disk Image"),
    ("QED", 0, b"QED\0"),
    ("Parallels", 0, b"WithoutFreeSpace"),
    ("Parallels", 0, b"WithouFreSpacExt"),
    ("Bochs", 0, b"Bochs Virtual HD Image"),
    ("cloop", 0, b"#!/bin/sh\n#V2.0 Format\nmodprobe cloop"),
    ("UML COW", 0, b"OOOM"),
    ("LUKS", 0, b"LUKS\xba\xbe"),
    // The second header of LUKS version 2, by which it is found when the first is overwritten.
    ("LUKS", 0x4000, b"SKUL\xba\xbe"),
    ("LUKS", 0x8000, b"SKUL\xba\xbe"),
    ("LUKS", 0x1_0000, b"SKUL\xba\xbe"),
    ("LUKS", 0x2_0000, b"SKUL\xba\xbe"),
    ("a gzip archive", 0, &[0x1f, 0x8b, 0x08]),
    ("an xz archive", 0, b"\xfd7zXZ\0"),
    ("a bzip2 archive", 0, b"BZh"),
    ("a zstd archive", 0, &[0x28, 0xb5, 0x2f, 0xfd]),
    ("a zip archive", 0, b"PK\x03\x04"),
    ("a 7z archive", 0, b"7z\xbc\xaf\x27\x1c"),
];

/// Volume descriptors of ISO 9660 and UDF, which stand one byte into a sector.
const DESCRIPTORS: &[&[u8]] =
    &[b"CD001", b"CDW02", b"BEA01", b"NSR02", b"NSR03", b"TEA01", b"BOOT2"];
/// Where descriptors begin, and how many sectors of 2 KiB are looked at.
const DESCRIPTORS_AT: usize = 32 << 10;
const DESCRIPTOR_SECTORS: usize = 32;

/// The foreign format whose mark the head has.
pub(super) fn in_head(head: &[u8]) -> Option<&'static str> {
    MARKS
        .iter()
        .find(|(_, offset, mark)| has(head, *offset, mark))
        .map(|(name, _, _)| *name)
        .filter(|name| *name != "a bzip2 archive" || is_bzip2(head))
        .or_else(|| vmdk_descriptor(head).then_some("VMDK"))
        .or_else(|| ova(head).then_some("an OVA archive"))
        .or_else(|| optical(head).then_some("ISO 9660 or UDF"))
}

/// The foreign format whose mark stands in the last sector.
pub(super) fn at_end(tail: &[u8]) -> Option<&'static str> {
    // Fixed VHD files have nothing but a footer, of 512 bytes or (from old writers) of 511.
    let footer = |length: usize, mark: &[u8]| {
        tail.len().checked_sub(length).is_some_and(|start| tail[start..].starts_with(mark))
    };
    if footer(512, b"conectix") || footer(511, b"conectix") {
        Some("VHD")
    } else if footer(512, b"koly") {
        Some("a macOS disk image (DMG)")
    } else {
        None
    }
}

fn has(head: &[u8], offset: usize, mark: &[u8]) -> bool {
    head.get(offset..).is_some_and(|rest| rest.starts_with(mark))
}

/// Three letters are too few: the block size and the first block's mark follow.
fn is_bzip2(head: &[u8]) -> bool {
    head.get(3).is_some_and(u8::is_ascii_digit)
        && (has(head, 4, b"1AY&SY") || has(head, 4, &[0x17, 0x72, 0x45, 0x38, 0x50, 0x90]))
}

/// A VMDK descriptor is text; QEMU takes comments and blank lines before its `version=` line.
fn vmdk_descriptor(head: &[u8]) -> bool {
    let start = &head[..head.len().min(4096)];
    for line in start.split(|byte| *byte == b'\n') {
        let line = line.trim_ascii().to_ascii_lowercase();
        if line.is_empty() {
            continue;
        }
        if line.starts_with(b"# disk descriptorfile")
            || line.starts_with(b"version=")
            || line.starts_with(b"createtype=")
        {
            return true;
        }
        if !line.starts_with(b"#") {
            return false;
        }
    }
    false
}

/// A tar file whose first member is an OVF description.
fn ova(head: &[u8]) -> bool {
    let name = head[..head.len().min(100)].split(|byte| *byte == 0).next().unwrap_or_default();
    has(head, 257, b"ustar") && name.to_ascii_lowercase().ends_with(b".ovf")
}

fn optical(head: &[u8]) -> bool {
    (0..DESCRIPTOR_SECTORS).any(|sector| {
        let offset = DESCRIPTORS_AT + sector * 2048 + 1;
        DESCRIPTORS.iter().any(|mark| has(head, offset, mark))
    })
}
