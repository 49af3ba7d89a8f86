//! What can be done with images.

use crate::fixture::{cinder, on, settings, until};
use hatchery_storage::rbd::{CephClient, CephError, Clash};
use hatchery_testkit::CephCluster;

const MIB: u64 = 1 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn bytes_sizes_and_notes() {
    let Some(ceph) = CephCluster::shared("bytes_sizes_and_notes") else { return };
    on(&cinder(ceph), |ceph| {
        let pool = ceph.pool("volumes")?;
        pool.create("bytes", 64 * MIB, 22)?;
        let again = pool.create("bytes", 64 * MIB, 22).unwrap_err();
        assert!(again.clashes(Clash::Exists), "{again}");
        assert!(pool.list()?.iter().any(|one| one.name == "bytes"));
        let image = pool.open("bytes")?;
        image.write(5 * MIB, &[7; 4096])?;
        image.write(40 * MIB, &vec![8; 6 << 20])?;
        image.discard(40 * MIB, 4 * MIB)?;
        image.flush()?;
        let found = image.extents(None, (0, 64 * MIB), false)?;
        assert!(found.iter().all(|one| one.has_data));
        // Some OSDs tell of holes within an object, and some do not.
        assert!((4 * MIB..=5 * MIB).contains(&found[0].offset));
        assert!((5 * MIB + 4096..=8 * MIB).contains(&(found[0].offset + found[0].length)));
        assert_eq!((found[1].offset, found[1].length), (44 * MIB, 2 * MIB));
        assert_eq!(found.len(), 2);
        // Past the end are zeros.
        let mut bytes = [9; 8192];
        image.read(5 * MIB, &mut bytes)?;
        assert_eq!(
            (bytes[..4096].to_vec(), bytes[4096..].to_vec()),
            (vec![7; 4096], vec![0; 4096])
        );
        image.read(64 * MIB - 4096, &mut bytes)?;
        assert_eq!(bytes, [0; 8192]);
        assert!(matches!(image.write(64 * MIB, &[1]), Err(CephError::Invalid(_))));
        for size in [80, 80, 70] {
            image.grow(size * MIB)?;
            assert_eq!(image.size()?, 80 * MIB);
        }
        image.set_size(64 * MIB)?;
        assert_eq!(image.size()?, 64 * MIB);
        assert_eq!(image.note("k")?, None);
        image.set_note("k", &"long ".repeat(50))?;
        assert_eq!(image.note("k")?, Some("long ".repeat(50)));
        image.remove_note("k")?;
        image.remove_note("k")?;
        image.close()?;
        pool.set_note("volume-x", "of")?;
        assert_eq!(pool.note("volume-x")?, Some("of".to_owned()));
        pool.remove_note("volume-x")?;
        assert_eq!(pool.note("volume-x")?, None);
        pool.rename("bytes", "other")?;
        assert!(pool.find("bytes")?.is_none());
        pool.remove("other")?;
        assert!(pool.remove("other").unwrap_err().is_not_found());
        Ok(())
    })
    .await
    .unwrap();
    // A new cluster counts later.
    until("the room of the pool", async || {
        let room = on(&cinder(ceph), |ceph| ceph.room("volumes")).await.unwrap();
        assert!(room.free <= room.total, "{room:?}");
        (room.free.0 > 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn snapshots_clones_and_trash() {
    let Some(ceph) = CephCluster::shared("snapshots_clones_and_trash") else { return };
    on(&cinder(ceph), |ceph| {
        let (from, to) = (ceph.pool("volumes")?, ceph.pool("vms")?);
        from.create("parent", 16 * MIB, 22)?;
        let parent = from.open("parent")?;
        parent.write(0, &[1; 4096])?;
        parent.snapshot("s")?;
        assert!(parent.snapshot("s").unwrap_err().clashes(Clash::Exists));
        for _ in 0..2 {
            parent.protect("s")?;
            assert!(parent.is_protected("s")?);
        }
        assert!(parent.remove_snapshot("s").unwrap_err().clashes(Clash::InUse));
        parent.write(0, &[2; 4096])?;
        to.clone_of((&from, "parent", "s"), "child", 22)?;
        let child = to.open("child")?;
        let (linked, snapshot) = child.parent()?.unwrap();
        assert_eq!((linked.pool.as_str(), linked.name.as_str()), ("volumes", "parent"));
        assert_eq!((snapshot.as_str(), linked.is_in_trash), ("s", false));
        assert_eq!(parent.children()?.len(), 1);
        assert_eq!(parent.children()?[0].name, "child");
        // A clone of format 2 keeps nobody from removing its snapshot, which is then hidden.
        for _ in 0..2 {
            parent.unprotect("s")?;
        }
        parent.remove_snapshot("s")?;
        assert_eq!((parent.snapshots()?, parent.hidden_snapshots()?), (vec![], 1));
        parent.close()?;
        assert!(from.remove("parent").unwrap_err().clashes(Clash::NotEmpty));
        from.move_to_trash("parent")?;
        assert!(from.find("parent")?.is_none());
        let trashed = from.trash()?.into_iter().find(|one| one.name == "parent").unwrap();
        assert!(child.parent()?.unwrap().0.is_in_trash);
        assert!(from.open_by_id(&trashed.id)?.parent()?.is_none());
        assert!(from.remove_from_trash(&trashed).unwrap_err().clashes(Clash::NotEmpty));
        from.restore_from_trash(&trashed.id, "parent")?;
        from.move_to_trash("parent")?;
        let mut bytes = [0; 4096];
        child.read(0, &mut bytes)?;
        assert_eq!(bytes, [1; 4096]);
        assert_eq!(child.extents(None, (0, 16 * MIB), true)?, []);
        assert!(matches!(child.flatten(&mut |_, _| false), Err(CephError::Canceled(_))));
        assert!(child.parent()?.is_some());
        let mut told = 0;
        child.flatten(&mut |done, all| {
            told = told.max(done);
            done <= all
        })?;
        assert!(told > 0 && child.parent()?.is_none());
        child.flatten(&mut |_, _| true)?;
        child.read(0, &mut bytes)?;
        assert_eq!(bytes, [1; 4096]);
        from.remove_from_trash(&trashed)?;
        assert!(from.remove_from_trash(&trashed).unwrap_err().is_not_found());
        child.close()?;
        to.remove("child")
    })
    .await
    .unwrap();
}

/// A client that dies between the object map and the object leaves a map that calls the object there. Ceph's own flattening believes it.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_wrong_object_map_hides_is_copied_before_the_parent_goes() {
    let test = "what_a_wrong_object_map_hides_is_copied_before_the_parent_goes";
    let Some(ceph) = CephCluster::shared(test) else { return };
    let id = on(&cinder(ceph), |ceph| {
        let pool = ceph.pool("volumes")?;
        pool.create("mapped", 32 * MIB, 22)?;
        let parent = pool.open("mapped")?;
        for at in [0, 5 * MIB, 12 * MIB + 512, 32 * MIB - 512] {
            parent.write(at, &[7; 512])?;
        }
        parent.snapshot("s")?;
        parent.close()?;
        pool.clone_of((&pool, "mapped", "s"), "hidden", 22)?;
        let child = pool.open("hidden")?;
        // Each has an object now; of the second one the parent's part is discarded, which must stay so.
        child.write(MIB, &[8; 512])?;
        child.discard(4 * MIB, 4 * MIB)?;
        child.write(13 * MIB, &[9; 512])?;
        child.close()?;
        pool.open_to_read("hidden", None)?.id()
    })
    .await
    .unwrap();
    for object in [0, 3] {
        ceph.rados(&["-p", "volumes", "rm", &format!("rbd_data.{id}.{object:016x}")]);
    }
    on(&cinder(ceph), |ceph| {
        let pool = ceph.pool("volumes")?;
        let child = pool.open("hidden")?;
        child.flatten(&mut |done, all| done <= all)?;
        assert!(child.parent()?.is_none());
        let at = [0, MIB, 5 * MIB, 12 * MIB + 512, 13 * MIB, 32 * MIB - 512];
        let held = at.map(|at| {
            let mut bytes = [1; 512];
            child.read(at, &mut bytes).unwrap();
            bytes[0]
        });
        assert_eq!(held, [7, 0, 0, 7, 0, 7]);
        child.close()?;
        pool.open("mapped")?.remove_snapshot("s")?;
        pool.remove("hidden")?;
        pool.remove("mapped")
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn differences_and_the_way_back() {
    let Some(ceph) = CephCluster::shared("differences_and_the_way_back") else { return };
    on(&cinder(ceph), |ceph| {
        let pool = ceph.pool("vms")?;
        pool.create("back", 16 * MIB, 22)?;
        let image = pool.open("back")?;
        image.write(0, &[1; 4096])?;
        image.snapshot("s")?;
        image.write(8 * MIB, &[2; 4096])?;
        image.discard(0, 4 * MIB)?;
        image.grow(20 * MIB)?;
        let found = image.extents(Some("s"), (0, 20 * MIB), true)?;
        let found: Vec<_> = found.iter().map(|one| (one.offset, one.has_data)).collect();
        assert_eq!(found, [(0, false), (8 * MIB, true)]);
        let past = pool.open_to_read("back", Some("s"))?;
        let mut bytes = [0; 4096];
        past.read(0, &mut bytes)?;
        assert_eq!((bytes, past.size()?), ([1; 4096], 16 * MIB));
        past.close()?;
        image.roll_back("s")?;
        image.read(0, &mut bytes)?;
        assert_eq!((bytes, image.size()?), ([1; 4096], 16 * MIB));
        image.read(8 * MIB, &mut bytes)?;
        assert_eq!(bytes, [0; 4096]);
        assert!(pool.remove("back").is_err());
        image.remove_snapshot("s")?;
        assert!(image.remove_snapshot("s").unwrap_err().is_not_found());
        assert!(image.roll_back("s").unwrap_err().is_not_found());
        image.close()?;
        pool.remove("back")
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn each_user_has_its_own_pools() {
    let Some(ceph) = CephCluster::shared("each_user_has_its_own_pools") else { return };
    let glance = CephClient::of(settings(ceph, "glance"));
    let error = on(&glance, |ceph| ceph.pool("volumes")?.create("x", MIB, 22)).await.unwrap_err();
    assert!(matches!(error, CephError::Denied(_)), "{error:?}");
    on(&glance, |ceph| {
        let pool = ceph.pool("images")?;
        pool.create("shown", 8 * MIB, 22)?;
        pool.open("shown")?.snapshot("snap")
    })
    .await
    .unwrap();
    // Who may only read images can clone them.
    on(&cinder(ceph), |ceph| {
        let (images, vms) = (ceph.pool("images")?, ceph.pool("vms")?);
        assert!(matches!(images.remove("shown"), Err(CephError::Denied(_))));
        vms.clone_of((&images, "shown", "snap"), "of-shown", 22)?;
        vms.remove("of-shown")
    })
    .await
    .unwrap();
    on(&glance, |ceph| {
        let pool = ceph.pool("images")?;
        pool.open("shown")?.remove_snapshot("snap")?;
        pool.remove("shown")
    })
    .await
    .unwrap();
}
