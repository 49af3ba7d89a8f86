//! Formats that are not taken, whatever they are declared to be.

use crate::bytes::{put, qcow2};
use crate::verdict::{Case, refused, run, taken};
use hatchery_model::image::DiskFormat::{self, Qcow2, Raw};

/// A file with a mark at an offset, declared raw, which must be refused by the format's name.
fn marked(name: &'static str, offset: usize, mark: &[u8]) -> Case {
    let mut bytes = vec![0; 1 << 20];
    put(&mut bytes, offset, mark);
    refused(name, Raw, bytes, name)
}

fn text(name: &'static str, text: &str) -> Case {
    let mut bytes = text.as_bytes().to_vec();
    bytes.resize(60_000, 0);
    refused(name, Raw, bytes, "VMDK")
}

#[test]
fn other_formats_declared_raw_are_refused() {
    let end = (1 << 20) - 512;
    run(vec![
        marked("VMDK", 0, b"KDMV\x01\0\0\0"),
        marked("VMDK", 0, b"COWD\x01\0\0\0"),
        marked("VHD", 0, b"conectix"),
        marked("VHD", end, b"conectix"),
        marked("VHD", end + 1, b"conectix"),
        marked("VHDX", 0, b"vhdxfile"),
        marked("VDI", 0x40, &[0x7f, 0x10, 0xda, 0xbe]),
        marked("VDI", 0, b"<<< Oracle VM VirtualBox Disk Image >>>"),
        marked("QED", 0, b"QED\0"),
        marked("LUKS", 0, b"LUKS\xba\xbe\0\x01"),
        marked("LUKS", 0, b"LUKS\xba\xbe\0\x02"),
        marked("LUKS", 0x8000, b"SKUL\xba\xbe"),
        marked("Parallels", 0, b"WithoutFreeSpace"),
        marked("Parallels", 0, b"WithouFreSpacExt"),
        marked("Bochs", 0, b"Bochs Virtual HD Image"),
        marked("UML COW", 0, b"OOOM"),
        marked("DMG", end, b"koly"),
        marked("ISO 9660", 32_769, b"CD001"),
        marked("ISO 9660", 34_817, b"CD001"),
        marked("UDF", 32_769, b"BEA01"),
        marked("gzip", 0, &[0x1f, 0x8b, 8, 0]),
        marked("xz", 0, b"\xfd7zXZ\0"),
        marked("bzip2", 0, b"BZh91AY&SY"),
        marked("zstd", 0, &[0x28, 0xb5, 0x2f, 0xfd]),
        marked("zip", 0, b"PK\x03\x04"),
        marked("7z", 0, b"7z\xbc\xaf\x27\x1c"),
        refused("qcow2 declared raw", Raw, qcow2(), "create the image with disk_format qcow2"),
    ]);
}

#[test]
fn descriptors_that_are_text_are_refused() {
    let extent = "RW 8192 FLAT \"/etc/passwd\" 0\n";
    run(vec![
        text(
            "monolithicFlat",
            &format!(
                "# Disk DescriptorFile\nversion=1\nCID=1\ncreateType=\"monolithicFlat\"\n{extent}"
            ),
        ),
        text("small letters", &format!("# disk descriptorfile\nversion=1\n{extent}")),
        text("blank lines first", &format!("\n\n  \r\n# Disk DescriptorFile\nversion=1\n{extent}")),
        text("another comment first", &format!("# hello\n#\nversion=1\n{extent}")),
        text("no comment at all", &format!("version=3\ncreateType=\"vmfs\"\n{extent}")),
        text("Windows line ends", "# Disk DescriptorFile\r\nversion=1\r\n"),
    ]);
}

#[test]
fn an_ova_is_refused() {
    let mut bytes = vec![0; 1 << 20];
    put(&mut bytes, 0, b"Appliance.OVF\0");
    put(&mut bytes, 257, b"ustar\x0000");
    run(vec![refused("OVA", Raw, bytes, "OVA")]);
}

#[test]
fn declared_formats_that_are_not_built_are_refused_at_once() {
    for declared in DiskFormat::ALL {
        if !matches!(declared, Raw | Qcow2) {
            run(vec![
                refused("bytes", *declared, qcow2(), "is not supported yet"),
                refused("no bytes", *declared, Vec::new(), "is not supported yet"),
            ]);
        }
    }
}

#[test]
fn raw_bytes_are_taken_and_never_as_qcow2() {
    let noise: Vec<u8> = (0..100_000u32).map(|i| (i * 7919 / 13) as u8 | 1).collect();
    run(vec![
        taken("zeroes", Raw, vec![0; 4 << 20], 4 << 20),
        taken("one byte", Raw, vec![7], 1),
        taken("511 bytes", Raw, vec![7; 511], 511),
        taken("513 bytes", Raw, vec![7; 513], 513),
        taken("noise", Raw, noise.clone(), 100_000),
        taken("three letters that bzip2 begins with", Raw, b"BZhello".to_vec(), 7),
        refused("nothing", Raw, Vec::new(), "is empty"),
        refused("nothing, as qcow2", Qcow2, Vec::new(), "is empty"),
        refused("noise as qcow2", Qcow2, noise, "disk_format raw"),
        refused("a short text as qcow2", Qcow2, b"hello".to_vec(), "disk_format raw"),
        refused(
            "an ISO as qcow2",
            Qcow2,
            {
                let mut bytes = vec![0; 40_000];
                put(&mut bytes, 32_769, b"CD001");
                bytes
            },
            "ISO 9660",
        ),
    ]);
}
