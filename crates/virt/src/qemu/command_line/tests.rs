//! What the arguments look like, and what is refused.

use super::{CannotRun, Descriptors, NicDescriptors, arguments};
use crate::qemu::CacheMode;
use crate::qemu::settings::Accelerator;
use hatchery_model::compute::{DiskAttachment, GuestDefinition};
use hatchery_model::disk::BlockSource;
use hatchery_model::image::ImageFormat;
use hatchery_model::network::MacAddress;
use insta::assert_snapshot;
use std::collections::BTreeMap;
use std::path::PathBuf;

fn file(name: &str, format: ImageFormat, backing: Option<BlockSource>) -> BlockSource {
    BlockSource::File {
        path: PathBuf::from(name),
        format,
        read_only: false,
        backing: backing.map(Box::new),
    }
}

fn guest() -> GuestDefinition {
    GuestDefinition {
        server: "6d8b1f0e-0000-4000-8000-0000000000a1".parse().unwrap(),
        name: "instance-0000000a".to_owned(),
        vcpus: 2,
        memory_mib: 512,
        disks: vec![DiskAttachment {
            serial: "root".to_owned(),
            source: file("/disk", ImageFormat::Qcow2, Some(file("/base", ImageFormat::Raw, None))),
            volume: None,
            boots: true,
            qos: BTreeMap::new(),
        }],
        nics: vec![("tap0".to_owned(), MacAddress::generated([1, 2, 3]), 1450)],
        config_drive: None,
    }
}

fn descriptors() -> Descriptors {
    Descriptors {
        monitor: 10,
        console: 11,
        disks: vec![vec![12, 13]],
        caches: Vec::new(),
        config_drive: None,
        nics: vec![NicDescriptors { tap: Some(14), vhost: None }],
        kvm: None,
    }
}

fn lines(guest: &GuestDefinition, accelerator: Accelerator, descriptors: &Descriptors) -> String {
    let mut lines = String::new();
    for word in arguments(guest, accelerator, descriptors).unwrap() {
        lines.push(if word.starts_with('-') { '\n' } else { ' ' });
        lines.push_str(&word);
    }
    lines.trim_start().to_owned()
}

/// The lines that `whole` has and `part` has not.
fn more(whole: &str, part: &str) -> String {
    let known: Vec<&str> = part.lines().collect();
    whole.lines().filter(|line| !known.contains(line)).collect::<Vec<_>>().join("\n")
}

#[test]
fn an_overlay_and_one_interface_on_tcg() {
    assert_snapshot!(lines(&guest(), Accelerator::Tcg, &descriptors()), @r#"
    -name guest=instance-0000000a,debug-threads=on
    -uuid 6d8b1f0e-0000-4000-8000-0000000000a1
    -smbios type=1,manufacturer=OpenStack Foundation,product=OpenStack Nova,version=0.1.0,serial=6d8b1f0e-0000-4000-8000-0000000000a1,uuid=6d8b1f0e-0000-4000-8000-0000000000a1,family=Virtual Machine
    -no-user-config
    -nodefaults
    -display none
    -vga none
    -machine pc,usb=off,vmport=off,smm=off,hpet=off
    -accel tcg,thread=multi
    -cpu max
    -smp cpus=2,sockets=2,cores=1,threads=1
    -m size=512M
    -rtc base=utc
    -boot menu=off,strict=on
    -sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny
    -msg timestamp=on
    -chardev socket,id=monitor,fd=10,server=on,wait=off
    -mon chardev=monitor,mode=control
    -add-fd fd=11,set=11
    -chardev file,id=console,path=/dev/fdset/11,append=on
    -device isa-serial,chardev=console,index=0
    -add-fd fd=12,set=12,opaque=disk0
    -add-fd fd=13,set=13,opaque=disk0
    -blockdev {"aio":"threads","auto-read-only":false,"driver":"file","filename":"/dev/fdset/13","locking":"on","node-name":"disk0-1-file","read-only":true}
    -blockdev {"auto-read-only":false,"driver":"raw","file":"disk0-1-file","node-name":"disk0-1","read-only":true}
    -blockdev {"aio":"threads","auto-read-only":false,"discard":"unmap","driver":"file","filename":"/dev/fdset/12","locking":"on","node-name":"disk0-file","read-only":false}
    -blockdev {"auto-read-only":false,"backing":"disk0-1","discard":"unmap","driver":"qcow2","file":"disk0-file","node-name":"disk0","read-only":false}
    -device virtio-blk-pci,id=disk0,drive=disk0,serial=root,bootindex=1,addr=0x10
    -netdev tap,id=net0,fd=14
    -device virtio-net-pci,netdev=net0,mac=fa:16:3e:01:02:03,host_mtu=1450,romfile=,addr=0x3
    -object rng-builtin,id=random
    -device virtio-rng-pci,rng=random,addr=0x1e
    "#);
}

#[test]
fn kvm_takes_its_device_and_vhost_by_descriptor() {
    let tcg = lines(&guest(), Accelerator::Tcg, &descriptors());
    let mut with = descriptors();
    with.kvm = Some(20);
    with.nics[0].vhost = Some(21);
    assert_snapshot!(more(&lines(&guest(), Accelerator::Kvm, &with), &tcg), @r#"
    -add-fd fd=20,set=20
    -accel kvm,device=/dev/fdset/20
    -cpu host
    -netdev tap,id=net0,fd=14,vhost=on,vhostfd=21
    "#);
}

#[test]
fn a_config_drive_is_one_more_read_only_disk() {
    let without = lines(&guest(), Accelerator::Tcg, &descriptors());
    let mut with = descriptors();
    with.config_drive = Some(30);
    assert_snapshot!(more(&lines(&guest(), Accelerator::Tcg, &with), &without), @r#"
    -add-fd fd=30,set=30
    -blockdev driver=file,node-name=config-file,filename=/dev/fdset/30,locking=on,read-only=on,auto-read-only=off
    -blockdev driver=raw,node-name=config,file=config-file,read-only=on,auto-read-only=off
    -device virtio-blk-pci,drive=config,serial=config-drive,addr=0x1d
    "#);
}

#[test]
fn an_interface_without_a_tap_has_no_backend() {
    let with = lines(&guest(), Accelerator::Tcg, &descriptors());
    let mut without = descriptors();
    without.nics[0].tap = None;
    assert_snapshot!(more(&lines(&guest(), Accelerator::Tcg, &without), &with), @"-device virtio-net-pci,mac=fa:16:3e:01:02:03,host_mtu=1450,romfile=,addr=0x3");
}

#[test]
fn a_lone_qcow2_is_told_that_it_lies_on_nothing() {
    let mut alone = guest();
    alone.disks[0].source = file("/disk", ImageFormat::Qcow2, None);
    let known = lines(&guest(), Accelerator::Tcg, &descriptors());
    assert_snapshot!(more(&lines(&alone, Accelerator::Tcg, &descriptors()), &known), @r#"-blockdev {"auto-read-only":false,"backing":null,"discard":"unmap","driver":"qcow2","file":"disk0-file","node-name":"disk0","read-only":false}"#);
}

/// Whatever a disk is and lies on, every node names its driver, every qcow2 node what is below it, and nothing else opens a file.
#[test]
fn no_format_is_ever_left_to_be_guessed() {
    let formats = [ImageFormat::Raw, ImageFormat::Qcow2];
    let mut sources: Vec<BlockSource> =
        formats.iter().map(|format| file("/disk", *format, None)).collect();
    for format in formats {
        sources.push(file("/disk", ImageFormat::Qcow2, Some(file("/base", format, None))));
    }
    for source in sources {
        let mut guest = guest();
        guest.disks[0].source = source.clone();
        let mut with = descriptors();
        with.config_drive = Some(30);
        let words = arguments(&guest, Accelerator::Tcg, &with).unwrap();
        let nodes: Vec<&String> = words
            .iter()
            .zip(words.iter().skip(1))
            .filter(|(option, _)| *option == "-blockdev")
            .map(|(_, node)| node)
            .collect();
        let backing = source.backing();
        // File and format of each layer, and of the config drive.
        assert_eq!(nodes.len(), if backing.is_some() { 6 } else { 4 }, "{nodes:?}");
        for node in nodes {
            assert!(node.contains("driver=") || node.contains(r#""driver":""#), "{node}");
            let is_qcow2 = node.contains(r#""driver":"qcow2""#);
            assert!(!is_qcow2 || node.contains(r#""backing":"#), "{node}");
        }
        for option in ["-drive", "-hda", "-cdrom", "-snapshot", "-kernel"] {
            assert!(!words.iter().any(|word| word == option), "{option}");
        }
    }
}

/// A base that is an image's raw form is opened as raw, whatever its bytes look like; a qcow2 base is told that it lies on nothing.
#[test]
fn a_raw_base_differs_from_a_qcow2_base_in_one_node() {
    let raw = lines(&guest(), Accelerator::Tcg, &descriptors());
    let mut other = guest();
    other.disks[0].source =
        file("/disk", ImageFormat::Qcow2, Some(file("/base", ImageFormat::Qcow2, None)));
    let qcow2 = lines(&other, Accelerator::Tcg, &descriptors());
    assert_snapshot!(more(&raw, &qcow2), @r#"-blockdev {"auto-read-only":false,"driver":"raw","file":"disk0-1-file","node-name":"disk0-1","read-only":true}"#);
    assert_snapshot!(more(&qcow2, &raw), @r#"-blockdev {"auto-read-only":false,"backing":null,"driver":"qcow2","file":"disk0-1-file","node-name":"disk0-1","read-only":true}"#);
}

/// A volume is known by its id, so that it can be taken out again, and is no disk to boot from unless that was said.
#[test]
fn a_volume_is_named_by_its_id() {
    let mut with = guest();
    let volume = "3fa85f64-5717-4562-b3fc-2c963f66afa6".parse().unwrap();
    with.disks.push(DiskAttachment {
        serial: hatchery_model::volume::serial_of(volume),
        source: file("/volume", ImageFormat::Raw, None),
        volume: Some(volume),
        boots: false,
        qos: BTreeMap::new(),
    });
    let mut descriptors = descriptors();
    descriptors.disks.push(vec![15]);
    let known = lines(&guest(), Accelerator::Tcg, &descriptors);
    assert_snapshot!(more(&lines(&with, Accelerator::Tcg, &descriptors), &known), @r#"
    -add-fd fd=15,set=15,opaque=v3fa85f64-5717-4562-b
    -blockdev {"aio":"threads","auto-read-only":false,"discard":"unmap","driver":"file","filename":"/dev/fdset/15","locking":"on","node-name":"v3fa85f64-5717-4562-b-file","read-only":false}
    -blockdev {"auto-read-only":false,"discard":"unmap","driver":"raw","file":"v3fa85f64-5717-4562-b-file","node-name":"v3fa85f64-5717-4562-b","read-only":false}
    -device virtio-blk-pci,id=v3fa85f64-5717-4562-b,drive=v3fa85f64-5717-4562-b,serial=3fa85f64-5717-4562-b,addr=0x11
    "#);
    with.disks[1].boots = true;
    let words = lines(&with, Accelerator::Tcg, &descriptors);
    assert!(words.contains("serial=3fa85f64-5717-4562-b,bootindex=2,addr=0x11"), "{words}");
}

/// QEMU refuses a node whose name has more than 31 characters.
#[test]
fn names_of_deep_layers_are_short_enough() {
    let mut source = file("/0", ImageFormat::Raw, None);
    for _ in 0..63 {
        source = file("/n", ImageFormat::Qcow2, Some(source));
    }
    let files: Vec<_> = (0..64).map(|number| format!("/dev/fdset/{number}")).collect();
    let node = super::node_of_volume("3fa85f64-5717-4562-b3fc-2c963f66afa6".parse().unwrap());
    let nodes = super::nodes(&node, &source, &files, CacheMode::Default).unwrap();
    assert_eq!(nodes.len(), 128);
    let names: Vec<_> = nodes.iter().map(|node| node["node-name"].as_str().unwrap()).collect();
    assert!(names.iter().all(|name| name.len() <= 31), "{names:?}");
    assert_eq!(names[0], "v3fa85f64-5717-4562-b-63-file");
}

/// The file that is written to and what is in it; never the base, which many guests read.
#[test]
fn a_disk_is_cached_as_was_set() {
    let known = lines(&guest(), Accelerator::Tcg, &descriptors());
    let with = |mode| {
        let with = Descriptors { caches: vec![mode], ..descriptors() };
        more(&lines(&guest(), Accelerator::Tcg, &with), &known)
    };
    assert_snapshot!(with(CacheMode::None), @r#"
    -blockdev {"aio":"threads","auto-read-only":false,"cache":{"direct":true,"no-flush":false},"discard":"unmap","driver":"file","filename":"/dev/fdset/12","locking":"on","node-name":"disk0-file","read-only":false}
    -blockdev {"auto-read-only":false,"backing":"disk0-1","cache":{"direct":true,"no-flush":false},"discard":"unmap","driver":"qcow2","file":"disk0-file","node-name":"disk0","read-only":false}
    "#);
    assert_snapshot!(with(CacheMode::Writethrough), @"-device virtio-blk-pci,id=disk0,drive=disk0,serial=root,bootindex=1,write-cache=off,addr=0x10");
    assert_snapshot!(with(CacheMode::Directsync), @r#"
    -blockdev {"aio":"threads","auto-read-only":false,"cache":{"direct":true,"no-flush":false},"discard":"unmap","driver":"file","filename":"/dev/fdset/12","locking":"on","node-name":"disk0-file","read-only":false}
    -blockdev {"auto-read-only":false,"backing":"disk0-1","cache":{"direct":true,"no-flush":false},"discard":"unmap","driver":"qcow2","file":"disk0-file","node-name":"disk0","read-only":false}
    -device virtio-blk-pci,id=disk0,drive=disk0,serial=root,bootindex=1,write-cache=off,addr=0x10
    "#);
    assert_snapshot!(with(CacheMode::Unsafe), @r#"
    -blockdev {"aio":"threads","auto-read-only":false,"cache":{"direct":false,"no-flush":true},"discard":"unmap","driver":"file","filename":"/dev/fdset/12","locking":"on","node-name":"disk0-file","read-only":false}
    -blockdev {"auto-read-only":false,"backing":"disk0-1","cache":{"direct":false,"no-flush":true},"discard":"unmap","driver":"qcow2","file":"disk0-file","node-name":"disk0","read-only":false}
    "#);
    for mode in [CacheMode::Default, CacheMode::Writeback] {
        assert_eq!(with(mode), "");
    }
}

#[test]
fn commas_in_names_add_no_option() {
    let mut odd = guest();
    odd.name = "a,debug-threads=off".to_owned();
    odd.disks[0].serial = "s,drive=other".to_owned();
    let known = lines(&guest(), Accelerator::Tcg, &descriptors());
    assert_snapshot!(more(&lines(&odd, Accelerator::Tcg, &descriptors()), &known), @r#"
    -name guest=a,,debug-threads=off,debug-threads=on
    -device virtio-blk-pci,id=disk0,drive=disk0,serial=s,,drive=other,bootindex=1,addr=0x10
    "#);
}

#[test]
fn what_cannot_run_is_refused_with_a_reason() {
    let refused = |change: &dyn Fn(&mut GuestDefinition)| {
        let mut guest = guest();
        change(&mut guest);
        match arguments(&guest, Accelerator::Tcg, &descriptors()) {
            Err(CannotRun(text)) => text,
            Ok(args) => panic!("{args:?}"),
        }
    };
    assert_snapshot!(refused(&|g| g.vcpus = 0), @"a guest has 1 to 255 virtual CPUs, not 0: choose another flavor");
    assert_snapshot!(refused(&|g| g.memory_mib = 0), @"a guest needs memory: choose a flavor that has some");
    assert_snapshot!(refused(&|g| g.name = "a\nb".to_owned()), @"the name of a guest must have 1 to 255 characters and no control characters");
    assert_snapshot!(refused(&|g| g.disks = vec![g.disks[0].clone(); 14]), @"a guest has at most 13 disks, not 14");
    assert_snapshot!(refused(&|g| g.disks.push(g.disks[0].clone())), @"no file was opened for disk1");
    assert_snapshot!(refused(&|g| g.nics = vec![g.nics[0].clone(); 14]), @"a guest has at most 13 network interfaces, not 14");
    assert_snapshot!(
        refused(&|g| g.disks[0].source = file("/a", ImageFormat::Raw, Some(file("/b", ImageFormat::Raw, None)))),
        @"a raw disk cannot lie on another: make it a qcow2 overlay"
    );
}

/// The key comes in a file of its own, and no option holds it.
#[test]
fn an_image_of_ceph_is_one_node() {
    let mut with = guest();
    with.disks[0].source = BlockSource::Rbd(hatchery_model::disk::RbdImage {
        pool: "volumes".to_owned(),
        image: "volume-1".to_owned(),
        snapshot: None,
        user: "cinder".to_owned(),
        ceph_conf: None,
        monitors: vec!["192.0.2.1:3300".to_owned(), "[2001:db8::1]:3300".to_owned()],
    });
    let files = Descriptors { disks: vec![vec![40, 41]], ..descriptors() };
    let known = lines(&guest(), Accelerator::Tcg, &descriptors());
    assert_snapshot!(more(&lines(&with, Accelerator::Tcg, &files), &known), @r#"
    -object secret,id=disk0-key,format=base64,file=/proc/self/fd/41
    -blockdev {"auth-client-required":["cephx"],"auto-read-only":false,"conf":"/proc/self/fd/40","discard":"unmap","driver":"rbd","image":"volume-1","key-secret":"disk0-key","node-name":"disk0","pool":"volumes","read-only":false,"server":[{"host":"192.0.2.1","port":"3300"},{"host":"2001:db8::1","port":"3300"}],"user":"cinder"}
    "#);
    with.disks[0].source = BlockSource::Rbd(hatchery_model::disk::RbdImage {
        monitors: vec!["no-port".to_owned()],
        ..match &with.disks[0].source {
            BlockSource::Rbd(image) => image.clone(),
            BlockSource::File { .. } => unreachable!(),
        }
    });
    assert!(arguments(&with, Accelerator::Tcg, &files).unwrap_err().0.contains("no-port"));
}
