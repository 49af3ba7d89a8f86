//! What holds for all bytes: no panic, bounded memory, one verdict however the bytes arrive, and nothing taken that
//! names another file.

use crate::bytes::{filled, patched, put, qcow2};
use crate::verdict::inspect;
use hatchery_model::image::{DiskFormat, ImageFormat};
use proptest::collection::vec;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};

/// Bytes at an offset where a header has its fields.
fn edit() -> impl Strategy<Value = (usize, Vec<u8>)> {
    let offset = prop_oneof![4 => 0usize..128, 1 => 0usize..600, 1 => 65_536usize..66_000, 1 => 196_608usize..196_700];
    let bytes = prop_oneof![vec(any::<u8>(), 1..9), vec(Just(0xff), 1..9), vec(Just(0), 1..9)];
    (offset, bytes)
}

fn declared() -> impl Strategy<Value = DiskFormat> {
    prop_oneof![Just(DiskFormat::Raw), Just(DiskFormat::Qcow2)]
}

/// An image that was good, with some bytes changed, and cut or lengthened.
fn mutant() -> impl Strategy<Value = Vec<u8>> {
    let good = prop_oneof![Just(qcow2()), Just(filled())];
    (good, vec(edit(), 0..4), prop_oneof![3 => Just(None), 1 => (0usize..400_000).prop_map(Some)])
        .prop_map(|(mut image, edits, length)| {
            for (offset, bytes) in edits {
                put(&mut image, offset, &bytes);
            }
            if let Some(length) = length {
                image.resize(length, 0);
            }
            image
        })
}

/// A field of the header, read here in a way of its own.
fn field(image: &[u8], offset: usize, length: usize) -> u128 {
    image[offset..offset + length].iter().fold(0, |sum, byte| sum << 8 | u128::from(*byte))
}

/// What must be true of every image that is taken as qcow2, by the format's specification.
fn stands_on_its_own(image: &[u8]) {
    assert_eq!(&image[..4], b"QFI\xfb");
    let version = field(image, 4, 4);
    assert!(version == 2 || version == 3);
    assert_eq!(field(image, 8, 12), 0, "backing file");
    let cluster = 1u128 << field(image, 20, 4);
    assert!((512..=2 << 20).contains(&cluster));
    let size = field(image, 24, 8);
    assert!(size > 0 && size <= 16 << 40);
    assert_eq!(field(image, 32, 4), 0, "encryption");
    let (l1, entries) = (field(image, 40, 8), field(image, 36, 4));
    assert!(l1 >= cluster && l1 + entries * 8 <= image.len() as u128);
    let (refcounts, clusters) = (field(image, 48, 8), field(image, 56, 4));
    assert!(refcounts >= cluster && refcounts + clusters * cluster <= image.len() as u128);
    if version == 3 {
        assert_eq!(field(image, 72, 8) & !0b1_1001, 0, "incompatible features");
        assert_eq!(field(image, 88, 8) & 2, 0, "raw data file");
        assert!(field(image, 96, 4) <= 6);
    }
    assert!(image[510..512] != [0x55, 0xaa]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn a_changed_image_has_one_verdict_and_is_sound_if_taken(
        image in mutant(),
        declared in declared(),
        pieces in vec(1usize..70_000, 1..6),
    ) {
        let whole = inspect(declared, &image, &[usize::MAX]);
        assert_eq!(inspect(declared, &image, &pieces), whole);
        if let Ok(found) = whole {
            match found.format {
                ImageFormat::Qcow2 => {
                    assert_eq!(declared, DiskFormat::Qcow2);
                    stands_on_its_own(&image);
                }
                ImageFormat::Raw => {
                    assert_eq!(declared, DiskFormat::Raw);
                    assert!(!image.starts_with(b"QFI\xfb"));
                    assert_eq!(found.virtual_bytes.0, image.len() as u64);
                }
            }
        }
    }

    #[test]
    fn any_bytes_have_one_verdict(
        head in vec(any::<u8>(), 0..2000),
        magic in prop_oneof![
            Just(b"".as_slice()),
            Just(b"QFI\xfb\0\0\0\x03".as_slice()),
            Just(b"QFI\xfb\0\0\0\x02".as_slice()),
            Just(b"#\n".as_slice()),
        ],
        length in 0usize..400_000,
        declared in declared(),
        pieces in vec(1usize..5000, 1..6),
    ) {
        let mut image = patched(head, &[(0, magic)]);
        image.resize(length, 0);
        let whole = inspect(declared, &image, &[usize::MAX]);
        assert_eq!(inspect(declared, &image, &pieces), whole);
    }
}
