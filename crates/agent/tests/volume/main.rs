//! Orders about volumes: doubled, late, cut off by a kill, beside each other.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

mod yard;

use futures_util::StreamExt;
use hatchery_model::generation::Generation;
use hatchery_model::id::{BackupId, ImageId};
use hatchery_model::image::DiskFormat;
use hatchery_model::units::Bytes;
use hatchery_model::volume::{
    ImageOfVolume, NewBackup, NewVolume, VolumeContent, VolumeNews, VolumeOrder, VolumeOutcome,
    VolumeSubject, VolumeWork,
};
use hatchery_ports::backup_store::BackupStore;
use hatchery_ports::image_store::ImageStore;
use hatchery_ports::volume_backend::{Held, Opened, VolumeBackend};
use std::sync::atomic::Ordering;
use uuid::Uuid;
use yard::{Life, Yard, create, order, snapshot, volume};

fn is_done(news: &VolumeNews) -> bool {
    matches!(news.outcome, VolumeOutcome::Done { .. })
}

#[track_caller]
fn failure(news: &VolumeNews) -> &str {
    let VolumeOutcome::Failed { message, details, .. } = &news.outcome else { panic!("{news:?}") };
    assert!(!details.is_empty());
    message
}

fn empty(number: u128) -> VolumeOrder {
    order(1, create(number, VolumeContent::Empty))
}

#[test]
fn a_volume_lives_from_its_making_to_its_end() {
    let yard = Yard::new();
    let life = yard.wake();
    let of_snapshot = |generation, work| VolumeOrder {
        subject: VolumeSubject::Snapshot(snapshot(1)),
        ..order(generation, work)
    };
    let steps = [
        (empty(1), "Create", true),
        (order(2, VolumeWork::Extend(volume(1), Bytes::from_mib(16))), "Extend", false),
        (
            of_snapshot(1, VolumeWork::CreateSnapshot(volume(1), snapshot(1))),
            "CreateSnapshot",
            true,
        ),
        (order(3, VolumeWork::Revert(volume(1), snapshot(1))), "Revert", true),
        (order(1, create(2, VolumeContent::Snapshot(volume(1), snapshot(1)))), "Create", false),
        (
            of_snapshot(2, VolumeWork::RemoveSnapshot(volume(1), snapshot(1))),
            "RemoveSnapshot",
            false,
        ),
        (order(4, VolumeWork::Remove(volume(1))), "Remove", false),
    ];
    for (index, (step, name, moves)) in steps.into_iter().enumerate() {
        // A copy of 8 MiB does not hold what has 16.
        let fails = index == 4;
        yard.send(&life, step.clone());
        let news = life.answers(index + 1).pop().unwrap();
        assert_eq!((news.generation, news.subject), (step.generation, step.subject));
        assert_eq!((news.work.as_str(), news.backend.as_str()), (name, "file"));
        assert_eq!(news.host.0, "host-a");
        match &news.outcome {
            VolumeOutcome::Done { source, .. } => {
                assert_eq!((source.is_some(), fails), (moves, false))
            }
            VolumeOutcome::Failed { message, .. } => {
                assert!(fails && message.contains("choose at least"))
            }
            VolumeOutcome::Uploaded { .. }
            | VolumeOutcome::Managed { .. }
            | VolumeOutcome::ManagedSnapshot { .. } => panic!("{news:?}"),
        }
    }
    assert_eq!(life.held(), []);
}

#[test]
fn an_order_that_comes_twice_is_done_once_and_answered_twice() {
    let yard = Yard::new();
    let life = yard.wake();
    yard.send(&life, empty(1));
    let first = life.answers(1);
    yard.send(&life, empty(1));
    let both = life.answers(2);
    assert_eq!(both[0], both[1]);
    assert!(is_done(&first[0]));
    assert_eq!(life.gate.calls(), ["create"]);
    // Also while it is still being done: then there is one answer to come.
    life.gate.set_open(false);
    for _ in 0..3 {
        yard.send(&life, empty(2));
    }
    life.reaches(2);
    life.gate.set_open(true);
    yard.send(&life, empty(3));
    let all = life.answers(4);
    assert_eq!(all.len(), 4, "{all:?}");
    assert_eq!(life.gate.calls(), ["create"; 3]);
}

#[test]
fn what_is_older_than_the_last_is_ignored_also_by_the_next_agent() {
    let yard = Yard::new();
    let life = yard.wake();
    yard.send(&life, empty(1));
    life.answers(1);
    yard.send(&life, order(3, VolumeWork::Remove(volume(1))));
    life.answers(2);
    yard.send(&life, empty(1));
    yard.send(&life, order(2, VolumeWork::Extend(volume(1), Bytes::from_mib(16))));
    yard.send(&life, empty(2));
    assert_eq!(life.answers(3)[2].subject, VolumeSubject::Volume(volume(2)));
    drop(life);
    let life = yard.wake();
    yard.send(&life, empty(1));
    yard.send(&life, empty(3));
    // The last agent may have died before it noted that the answer about volume 2 was heard: then that is told again.
    let answers = life.answers_until(3);
    let old = VolumeSubject::Volume(volume(1));
    assert!(answers.iter().all(|news| news.subject != old), "{answers:?}");
    assert_eq!(life.held(), [Held::Volume(volume(2)), Held::Volume(volume(3))]);
}

/// The agent dies when the order stands in its note and the backend has not begun, or is about to.
#[test]
fn an_order_that_was_written_down_is_done_by_the_next_agent() {
    let yard = Yard::new();
    let life = yard.wake_with(false);
    yard.send(&life, empty(1));
    life.reaches(1);
    assert!(yard.note(1).exists());
    drop(life);
    let life = yard.wake();
    let answers = life.answers(1);
    assert!(is_done(&answers[0]), "{answers:?}");
    assert_eq!(answers[0].generation, Generation(1));
    assert_eq!(life.held(), [Held::Volume(volume(1))]);
}

/// The agent dies when the work is done and its answer is not written down: the note is put back to what it was.
#[test]
fn work_that_was_done_and_not_answered_is_done_again_and_comes_to_the_same() {
    let yard = Yard::new();
    let life = yard.wake_with(false);
    yard.send(&life, empty(1));
    life.reaches(1);
    let note = std::fs::read(yard.note(1)).unwrap();
    life.gate.set_open(true);
    let first = life.answers(1);
    drop(life);
    std::fs::write(yard.note(1), note).unwrap();
    let life = yard.wake();
    let second = life.answers(1);
    assert_eq!(life.gate.calls(), ["create"]);
    assert_eq!(first[0].outcome, second[0].outcome);
    assert_eq!(life.held(), [Held::Volume(volume(1))]);
}

#[test]
fn an_answer_that_nobody_took_over_is_told_by_the_next_agent_and_not_done_again() {
    let yard = Yard::new();
    let life = yard.wake();
    life.ears.is_deaf.store(true, Ordering::SeqCst);
    yard.send(&life, empty(1));
    life.reaches(1);
    // Written down before it is told.
    life.reports("the volume's answer is being told", |_| {
        std::fs::read_to_string(yard.note(1)).unwrap().contains("Done")
    });
    drop(life);
    let life = yard.wake();
    assert!(is_done(&life.answers(1)[0]));
    assert_eq!(life.gate.calls(), [""; 0]);
}

#[test]
fn one_volume_has_one_order_at_a_time_and_others_go_on_beside_it() {
    let yard = Yard::new();
    let life = yard.wake();
    for number in 1..=3 {
        yard.send(&life, empty(number));
    }
    life.answers(3);
    life.gate.set_open(false);
    let begun = life.gate.calls().len();
    // Two about volume 1, a copy of it, and one about volume 2.
    yard.send(&life, order(2, VolumeWork::Extend(volume(1), Bytes::from_mib(16))));
    yard.send(
        &life,
        VolumeOrder {
            subject: VolumeSubject::Snapshot(snapshot(1)),
            ..order(1, VolumeWork::CreateSnapshot(volume(1), snapshot(1)))
        },
    );
    yard.send(
        &life,
        order(
            1,
            VolumeWork::Create(Box::new(hatchery_model::volume::NewVolume {
                volume: volume(9),
                size: Bytes::from_mib(16),
                content: VolumeContent::Volume(volume(1)),
                holds_image: false,
            })),
        ),
    );
    yard.send(&life, order(2, VolumeWork::Extend(volume(2), Bytes::from_mib(16))));
    life.reaches(begun + 2);
    assert_eq!(life.gate.calls()[begun..], ["extend", "extend"]);
    life.gate.set_open(true);
    let answers = life.answers(7);
    assert!(answers.iter().all(is_done), "{answers:?}");
    assert_eq!(life.gate.calls()[begun + 2..], ["snapshot", "create"]);
    assert!(!life.gate.overlapped.load(Ordering::SeqCst));
}

#[test]
fn many_orders_are_done_by_so_many_at_once_as_are_set() {
    let yard = Yard::new();
    let life = yard.wake_with(false);
    for number in 0..20 {
        yard.send(&life, empty(number));
    }
    life.reaches(4);
    // All have been taken over, and no fifth call has come.
    assert!(yard.note(19).exists());
    assert_eq!(life.gate.calls().len(), 4);
    life.gate.set_open(true);
    assert!(life.answers(20).iter().all(is_done));
    assert_eq!(life.held().len(), 20);
}

#[test]
fn a_later_order_takes_the_place_of_one_that_waits() {
    let yard = Yard::new();
    let life = yard.wake();
    yard.send(&life, empty(1));
    life.answers(1);
    life.gate.set_open(false);
    yard.send(
        &life,
        VolumeOrder {
            subject: VolumeSubject::Snapshot(snapshot(1)),
            ..order(1, VolumeWork::CreateSnapshot(volume(1), snapshot(1)))
        },
    );
    life.reaches(2);
    yard.send(&life, order(2, VolumeWork::Extend(volume(1), Bytes::from_mib(16))));
    yard.send(&life, order(3, VolumeWork::Extend(volume(1), Bytes::from_mib(32))));
    life.gate.set_open(true);
    let answers = life.answers(3);
    let generations: Vec<_> = answers.iter().map(|news| news.generation.0).collect();
    assert_eq!(generations, [1, 1, 3]);
    assert_eq!(life.gate.calls(), ["create", "snapshot", "extend"]);
}

#[test]
fn what_cannot_be_done_is_answered_with_what_to_do() {
    let yard = Yard::new();
    let life = yard.wake();
    yard.send(&life, VolumeOrder { backend: "tape".into(), ..empty(1) });
    assert_eq!(
        failure(&life.answers(1)[0]),
        "The agent of host host-a serves no backend tape: add it to enabled_backends there, or choose another volume type."
    );
    yard.send(&life, order(1, VolumeWork::Extend(volume(2), Bytes::from_mib(16))));
    assert!(failure(&life.answers(2)[1]).contains("was it deleted?"));
    // A backend that panics is a failure, and the volume is free again.
    yard.send(&life, order(2, VolumeWork::Extend(volume(2), Bytes(13))));
    assert!(failure(&life.answers(3)[2]).contains("try again"));
    yard.send(&life, order(3, create(2, VolumeContent::Empty)));
    assert!(is_done(&life.answers(4)[3]));
    assert_eq!(life.held(), [Held::Volume(volume(2))]);
}

#[test]
fn an_order_that_cannot_be_written_down_is_not_taken_over() {
    let yard = Yard::new();
    let life = yard.wake();
    // A folder in the note's place stands for a disk that takes nothing.
    std::fs::create_dir(yard.note(1).with_extension("new")).unwrap();
    assert!(yard.try_send(&life, empty(1)).is_err());
    assert_eq!((life.held(), life.gate.calls().len()), (vec![], 0));
    std::fs::remove_dir(yard.note(1).with_extension("new")).unwrap();
    yard.send(&life, empty(1));
    assert!(is_done(&life.answers(1)[0]));
}

#[test]
fn a_backend_is_swept_when_an_agent_starts() {
    assert_eq!(Yard::new().wake().sweeps(), 1);
}

#[test]
fn the_host_says_what_it_serves_and_soon_what_has_changed() {
    let yard = Yard::new();
    let life = yard.wake();
    let report = life.reports("the backend", |report| !report.backends.is_empty());
    let backend = &report.backends[0];
    assert_eq!((backend.backend.as_str(), backend.pool.as_str()), ("file", "files"));
    assert!(backend.down.is_none() && backend.free > Bytes(0));
    let before = life.reports_heard();
    yard.send(&life, empty(1));
    life.answers(1);
    // The next one by the clock comes ten seconds after the first.
    assert!(life.reports_more_than(before) < std::time::Duration::from_secs(8));
}

fn backup(number: u128) -> BackupId {
    BackupId(Uuid::from_u128(0x5000 + number))
}

fn of_backup(number: u128, generation: i64, work: VolumeWork) -> VolumeOrder {
    VolumeOrder { subject: VolumeSubject::Backup(backup(number)), ..order(generation, work) }
}

fn kept(number: u128, parent: Option<u128>, live: bool) -> VolumeWork {
    VolumeWork::Backup(Box::new(NewBackup {
        backup: backup(number),
        volume: volume(1),
        snapshot: None,
        parent: parent.map(backup),
        live,
    }))
}

/// Writes a byte all over the second MiB, or reads its first.
fn byte(life: &Life, number: u128, write: Option<u8>) -> u8 {
    life.runtime.block_on(async {
        let what = match write {
            Some(_) => Opened::ForWriting(volume(number)),
            None => Opened::Volume(volume(number)),
        };
        let mut open = life.gate.open(what).await.unwrap();
        let at = 1 << 20;
        if let Some(byte) = write {
            open.write(at, vec![byte; 1 << 20].into()).await.unwrap();
        }
        let byte = open.read(at, 1).await.unwrap()[0];
        open.close().await.unwrap();
        byte
    })
}

#[test]
fn a_backup_is_made_goes_on_from_another_and_is_restored() {
    let yard = Yard::new();
    let life = yard.wake();
    for number in [1, 2] {
        yard.send(&life, empty(number));
    }
    life.answers(2);
    byte(&life, 1, Some(7));
    yard.send(&life, of_backup(1, 1, kept(1, None, false)));
    life.answers(3);
    // Of a volume in use: the snapshot that was read is gone afterwards.
    yard.send(&life, of_backup(2, 1, kept(2, Some(1), true)));
    let answers = life.answers(4);
    let copied = |news: &VolumeNews| match &news.outcome {
        VolumeOutcome::Done { bytes_copied, .. } => *bytes_copied,
        VolumeOutcome::Uploaded { .. }
        | VolumeOutcome::Managed { .. }
        | VolumeOutcome::ManagedSnapshot { .. }
        | VolumeOutcome::Failed { .. } => panic!("{news:?}"),
    };
    assert_eq!((copied(&answers[2]), copied(&answers[3])), (Bytes::from_mib(1), Bytes(0)));
    let no_snapshot = |held: &Held| matches!(held, Held::Volume(_));
    assert!(life.held().iter().all(no_snapshot), "{:?}", life.held());

    byte(&life, 1, Some(8));
    yard.send(&life, of_backup(2, 2, VolumeWork::Restore(volume(2), backup(2))));
    let restored = life.answers(5).pop().unwrap();
    assert_eq!(copied(&restored), Bytes::from_mib(1));
    assert_eq!((byte(&life, 1, None), byte(&life, 2, None)), (8, 7));

    yard.send(&life, of_backup(1, 2, VolumeWork::RemoveBackup(volume(1), backup(1))));
    assert!(failure(&life.answers(6)[5]).contains("goes on from"));
    yard.send(&life, of_backup(2, 3, VolumeWork::RemoveBackup(volume(1), backup(2))));
    yard.send(&life, of_backup(1, 3, VolumeWork::RemoveBackup(volume(1), backup(1))));
    assert!(life.answers(8)[6..].iter().all(is_done));
    let left = life.runtime.block_on(yard.backups().list()).unwrap();
    assert_eq!(left, []);
}

#[test]
fn a_restore_that_cannot_be_done_leaves_the_volume_as_it_was() {
    let yard = Yard::new();
    let life = yard.wake();
    yard.send(&life, empty(1));
    life.answers(1);
    byte(&life, 1, Some(7));
    yard.send(&life, of_backup(1, 1, kept(1, None, false)));
    let small = NewVolume {
        volume: volume(2),
        size: Bytes::from_mib(4),
        content: VolumeContent::Empty,
        holds_image: false,
    };
    yard.send(&life, order(1, VolumeWork::Create(Box::new(small))));
    life.answers(3);
    byte(&life, 2, Some(9));
    yard.send(&life, of_backup(1, 2, VolumeWork::Restore(volume(2), backup(1))));
    assert!(failure(&life.answers(4)[3]).contains("choose a larger one"));
    byte(&life, 1, Some(8));
    let data = yard.dir.path().join("backups").join(backup(1).to_string()).join("data");
    std::fs::write(data, vec![3; 1 << 20]).unwrap();
    yard.send(&life, of_backup(1, 3, VolumeWork::Restore(volume(1), backup(1))));
    assert!(failure(&life.answers(5)[4]).contains("another checksum"));
    yard.send(&life, of_backup(9, 1, VolumeWork::Restore(volume(1), backup(9))));
    assert!(failure(&life.answers(6)[5]).contains("is not in this host's backup store"));
    assert_eq!((byte(&life, 1, None), byte(&life, 2, None)), (8, 9));
}

/// The agent dies when the backup stands and its answer is not written down: the note is put back to what it was.
#[test]
fn a_backup_that_was_made_and_not_answered_stays_what_it_is() {
    let yard = Yard::new();
    let life = yard.wake();
    yard.send(&life, empty(1));
    life.answers(1);
    byte(&life, 1, Some(7));
    let note = yard.dir.path().join("notes").join(format!("backup-{}.json", backup(1)));
    yard.send(&life, of_backup(1, 1, kept(1, None, true)));
    life.answers(2);
    let text = std::fs::read_to_string(&note).unwrap();
    let mut undone: serde_json::Value = serde_json::from_str(&text).unwrap();
    undone["answer"] = serde_json::Value::Null;
    undone["is_told"] = false.into();
    byte(&life, 1, Some(8));
    drop(life);
    std::fs::write(&note, undone.to_string()).unwrap();
    let life = yard.wake();
    assert!(is_done(&life.answers(1)[0]));
    yard.send(&life, of_backup(1, 2, VolumeWork::Restore(volume(1), backup(1))));
    assert!(is_done(&life.answers(2)[1]));
    assert_eq!(byte(&life, 1, None), 7);
    assert_eq!(life.held(), [Held::Volume(volume(1))]);
}

/// Reads what an upload has left in the image store under its name.
fn brought(yard: &Yard, life: &Life, upload: &str) -> Vec<u8> {
    let id = ImageId(Uuid::from_u128(77));
    life.runtime.block_on(async {
        let images = yard.images();
        images.publish(id, upload).await.unwrap();
        let mut bytes = Vec::new();
        let mut stream = images.read(id, 0, None).await.unwrap();
        while let Some(piece) = stream.next().await {
            bytes.extend_from_slice(&piece.unwrap());
        }
        images.delete(id).await.unwrap();
        bytes
    })
}

fn upload(generation: i64, name: &str, format: DiskFormat) -> VolumeOrder {
    let wanted = ImageOfVolume {
        image: ImageId(Uuid::from_u128(77)),
        upload: name.into(),
        format,
        live: false,
        image_volume: None,
    };
    order(generation, VolumeWork::UploadToImage(volume(1), Box::new(wanted)))
}

#[test]
fn a_volume_is_brought_to_the_image_store_also_by_the_next_agent() {
    let yard = Yard::new();
    let life = yard.wake();
    yard.send(&life, empty(1));
    life.answers(1);
    let wanted = life.runtime.block_on(async {
        let mut bytes = life.gate.open(Opened::ForWriting(volume(1))).await.unwrap();
        for (at, byte) in [(0, 1_u8), (70_000, 2), (bytes.size().0 - 512, 3)] {
            bytes.write(at, vec![byte; 512].into()).await.unwrap();
        }
        bytes.close().await.unwrap();
        let mut wanted = vec![0; 8 << 20];
        for (at, byte) in [(0, 1_u8), (70_000, 2), (wanted.len() - 512, 3)] {
            wanted[at..at + 512].fill(byte);
        }
        wanted
    });
    for (number, format) in [(2, DiskFormat::Raw), (3, DiskFormat::Qcow2)] {
        let name = format!("up.{number}");
        yard.send(&life, upload(number, &name, format));
        let news = life.answers(number as usize).pop().unwrap();
        let VolumeOutcome::Uploaded { upload, content, .. } = &news.outcome else {
            panic!("{news:?}")
        };
        assert_eq!(upload, &name);
        let disk = content.inspection.virtual_bytes;
        assert_eq!(disk.0, wanted.len() as u64);
        let bytes = brought(&yard, &life, &name);
        assert_eq!(bytes.len() as u64, content.size.0);
        if format == DiskFormat::Raw {
            assert!(bytes == wanted);
        }
    }
    // The agent dies before the answer is noted: the next one brings it again, under the same name.
    yard.send(&life, upload(4, "up.4", DiskFormat::Raw));
    life.answers(4);
    drop(life);
    let note = yard.note(1);
    let text = std::fs::read_to_string(&note).unwrap();
    let mut parsed: serde_json::Value = serde_json::from_str(&text).unwrap();
    parsed["answer"] = serde_json::Value::Null;
    parsed["is_told"] = false.into();
    std::fs::write(&note, parsed.to_string()).unwrap();
    let life = yard.wake();
    let news = life.answers_until(1).pop().unwrap();
    assert!(matches!(news.outcome, VolumeOutcome::Uploaded { .. }), "{news:?}");
    assert!(brought(&yard, &life, "up.4") == wanted);
}
