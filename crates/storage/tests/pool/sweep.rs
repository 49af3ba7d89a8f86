//! Nothing goes but what two witnesses call gone and nobody holds.

use crate::fixture::{Lab, did, inode, raw};
use hatchery_model::base::{Did, LeaseBook};
use hatchery_model::image::{CatalogState, ImageFormat};
use hatchery_ports::base_pool::PoolError;
use std::fs;
use std::sync::atomic::Ordering;
use std::time::Duration;

#[test]
fn a_deleted_image_takes_its_names_along() {
    let mut lab = Lab::new();
    let (id, other) = (lab.add(1, &raw(1)), lab.add(2, &raw(2)));
    lab.keep();
    lab.delete(id);
    let deeds = lab.keep();
    assert_eq!(did(&deeds, Did::Removed).len(), 2, "{deeds:?}");
    assert_eq!((inode(&lab.cached(id)), inode(&lab.base(id))), (None, None));
    assert!(lab.is_linked(other));
    assert_eq!(lab.keep(), []);
}

#[test]
fn the_last_image_may_go_too() {
    let mut lab = Lab::new();
    let id = lab.add(1, &raw(1));
    lab.keep();
    lab.delete(id);
    lab.keep();
    assert_eq!(inode(&lab.base(id)), None);
}

#[test]
fn neither_witness_is_enough_alone() {
    let mut lab = Lab::new();
    let (id, _other) = (lab.add(1, &raw(1)), lab.add(2, &raw(2)));
    lab.keep();
    // The catalogue forgets it; the file is there: a listing that lacks other projects' images, a database put back.
    let row = lab.images.remove(0);
    lab.keep();
    assert!(lab.is_linked(id));
    // The file is gone; the catalogue has it.
    lab.images.insert(0, row);
    fs::remove_file(lab.store(id)).unwrap();
    let deeds = lab.keep();
    assert_eq!(fs::read(lab.base(id)).unwrap(), raw(1));
    assert!(did(&deeds, Did::LeftAlone)[0].why.contains("missing in the store"), "{deeds:?}");
    // Deactivated is not gone.
    lab.set(id, CatalogState::Deactivated);
    lab.keep();
    assert_eq!(fs::read(lab.base(id)).unwrap(), raw(1));
}

#[test]
fn a_lease_keeps_it_however_long_its_host_is_silent() {
    let mut lab = Lab::new();
    let id = lab.add(1, &raw(1));
    lab.hold(id, ImageFormat::Raw, 1);
    lab.keep();
    lab.delete(id);
    for days in [0, 1, 30] {
        lab.later = days * 86_400;
        lab.clock.0.store(i64::try_from(days).unwrap() * 86_400_000_000, Ordering::SeqCst);
        lab.keep();
        assert_eq!(fs::read(lab.base(id)).unwrap(), raw(1), "after {days} days");
    }
    lab.let_go();
    lab.keep();
    assert_eq!(inode(&lab.base(id)), None);
}

#[test]
fn without_leases_nothing_is_removed() {
    let mut lab = Lab::new();
    let id = lab.add(1, &raw(1));
    lab.keep();
    lab.delete(id);
    lab.leases = None;
    let deeds = lab.keep();
    assert_eq!(did(&deeds, Did::Removed), Vec::<&hatchery_model::base::Deed>::new());
    assert!(inode(&lab.base(id)).is_some());
    lab.leases = Some(LeaseBook::default());
    lab.settings.remove_unused = false;
    lab.keep();
    assert!(inode(&lab.base(id)).is_some());
}

#[test]
fn the_minimum_age_is_counted_by_a_clock_that_nobody_can_set() {
    let mut lab = Lab::new();
    lab.settings.minimum_age = Duration::from_secs(3600);
    let id = lab.add(1, &raw(1));
    lab.keep();
    lab.delete(id);
    lab.keep();
    // Two days by the clock are none by the uptime.
    lab.clock.0.store(2 * 86_400_000_000, Ordering::SeqCst);
    let deeds = lab.keep();
    assert!(inode(&lab.base(id)).is_some());
    assert!(did(&deeds, Did::LeftAlone)[0].why.contains("it goes in"), "{deeds:?}");
    lab.clock.0.store(-2 * 86_400_000_000, Ordering::SeqCst);
    lab.later = 3599;
    lab.keep();
    assert!(inode(&lab.base(id)).is_some());
    // Used in between: it starts anew.
    lab.hold(id, ImageFormat::Raw, 1);
    lab.keep();
    lab.let_go();
    lab.keep();
    lab.later = 3599 + 3590;
    lab.keep();
    assert!(inode(&lab.base(id)).is_some());
    lab.later = 3599 + 3601;
    lab.keep();
    assert_eq!((inode(&lab.cached(id)), inode(&lab.base(id))), (None, None));
}

#[test]
fn a_store_that_is_suddenly_empty_stops_everything() {
    let mut lab = Lab::new();
    let (a, b) = (lab.add(1, &raw(1)), lab.add(2, &raw(2)));
    lab.keep();
    let aside = lab.path("unmounted");
    fs::rename(lab.path("images"), &aside).unwrap();
    let error = lab.try_keep().unwrap_err();
    assert!(matches!(&error, PoolError::Suspect(why) if why.contains("mount")), "{error}");
    fs::create_dir(lab.path("images")).unwrap();
    let error = lab.try_keep().unwrap_err();
    assert!(matches!(&error, PoolError::Suspect(why) if why.contains("none of the 2")), "{error}");
    // Also when the catalogue is empty at the same moment.
    let images = std::mem::take(&mut lab.images);
    let error = lab.try_keep().unwrap_err();
    assert!(matches!(&error, PoolError::Suspect(why) if why.contains("another folder")), "{error}");
    assert!(inode(&lab.base(a)).is_some() && inode(&lab.base(b)).is_some());
    fs::remove_dir(lab.path("images")).unwrap();
    fs::rename(&aside, lab.path("images")).unwrap();
    lab.images = images;
    assert_eq!(lab.keep(), []);
}

#[test]
fn what_a_host_fetched_itself_is_not_the_pools_to_remove() {
    let mut lab = Lab::new();
    lab.add(1, &raw(1));
    let foreign = lab.path("instances/_base").join("0".repeat(40));
    let swap = lab.path("instances/_base/swap_512");
    fs::write(&foreign, b"Nova's own").unwrap();
    fs::write(&swap, b"swap").unwrap();
    lab.keep();
    lab.keep();
    assert!(foreign.exists() && swap.exists());
}

#[test]
fn two_sweepers_at_once_do_it_once() {
    let mut lab = Lab::new();
    let ids: Vec<_> = (0..40).map(|number| lab.add(number, &raw(number))).collect();
    lab.keep();
    for id in &ids[..20] {
        lab.delete(*id);
    }
    let removed = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let deeds = lab.keep();
                removed.fetch_add(did(&deeds, Did::Removed).len(), Ordering::SeqCst);
                assert_eq!(did(&deeds, Did::Failed), Vec::<&hatchery_model::base::Deed>::new());
            });
        }
    });
    assert_eq!(removed.load(Ordering::SeqCst), 40);
    assert!(ids[..20].iter().all(|id| inode(&lab.base(*id)).is_none()));
    assert!(ids[20..].iter().all(|id| lab.is_linked(*id)));
}

#[test]
fn a_torn_or_lost_memory_costs_nothing() {
    for tear in [0, 1, 2] {
        let mut lab = Lab::new();
        let (held, gone, there) = (lab.add(1, &raw(1)), lab.add(2, &raw(2)), lab.add(3, &raw(3)));
        lab.hold(held, ImageFormat::Raw, 1);
        lab.keep();
        lab.delete(held);
        lab.keep();
        let state = lab.settings.state.clone();
        let text = fs::read(&state).unwrap();
        match tear {
            0 => fs::write(&state, &text[..text.len() / 2]).unwrap(),
            1 => fs::remove_file(&state).unwrap(),
            _ => {
                for name in [state.clone(), state.with_extension("before")] {
                    fs::write(name, b"{}").unwrap();
                }
            }
        }
        lab.keep();
        assert_eq!(fs::read(lab.base(held)).unwrap(), raw(1), "tear {tear}");
        assert!(lab.is_linked(there) && lab.is_linked(gone));
        lab.delete(gone);
        lab.keep();
        lab.keep();
        assert_eq!(inode(&lab.base(gone)), None, "tear {tear}");
        lab.let_go();
        lab.keep();
        lab.keep();
        assert_eq!(inode(&lab.base(held)), None, "tear {tear}");
    }
}
