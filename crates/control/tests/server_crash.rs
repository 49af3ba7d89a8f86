//! A crash at every commit: the process dies just before it, or just after. Whoever comes next finds its way, and nothing is left.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

mod lab;

use hatchery_control::Error;
use hatchery_model::compute::ServerState;
use hatchery_model::id::ServerId;
use hatchery_ports::bus::Handler;
use hatchery_ports::store::Store;
use lab::{Lab, caller};
use std::sync::atomic::Ordering;

/// The world goes on after a fault: tasks become due again, agents tell their news until somebody takes them.
async fn go_on(lab: &Lab) {
    for _ in 0..12 {
        let _ = lab.runner.run_due().await;
        lab.deliver().await;
        for news in lab.take_news() {
            for _ in 0..3 {
                if lab.intake.handle(news.clone()).await.is_ok() {
                    break;
                }
            }
        }
        lab.pass(5, &["host-a"]).await;
    }
}

/// Where requests place at once, or leave that to the runner.
async fn lab(later: bool) -> Lab {
    let lab = Lab::new().await;
    if later { lab.placing_later() } else { lab }
}

async fn servers(lab: &Lab) -> Vec<ServerId> {
    let mut uow = lab.db.read().await.unwrap();
    let filter = Default::default();
    let page = Default::default();
    let all = uow.servers().list(&filter, &page).await.unwrap();
    all.iter().map(|server| server.id).collect()
}

async fn live(lab: &Lab, fault_at: i64, after: bool) -> bool {
    lab.faults.after.store(after, Ordering::SeqCst);
    lab.faults.commits_until_fault.store(fault_at, Ordering::SeqCst);
    // The client asks until it is answered; what an unanswered request left is a server like any other.
    while let Err(error) = lab.create(&caller("req-create"), lab.wanted()).await {
        assert!(matches!(error, Error::Unavailable { .. }), "{error}");
    }
    go_on(lab).await;
    let made = servers(lab).await;
    assert!(!made.is_empty());
    for id in &made {
        assert_eq!(
            lab.server(*id).await.state,
            ServerState::Active,
            "fault at {fault_at}, after: {after}"
        );
    }
    lab.assert_claims_add_up().await;
    assert_eq!(lab.hosts[0].running().len(), made.len());
    for id in &made {
        while lab.delete(*id).await.is_err() {}
    }
    go_on(lab).await;
    assert_eq!(servers(lab).await, []);
    lab.assert_nothing_left().await;
    lab.faults.happened.load(Ordering::SeqCst)
}

#[tokio::test]
async fn a_crash_at_any_commit_leaves_nothing() {
    for after in [false, true] {
        for later in [false, true] {
            let mut happened = 0;
            for fault_at in 1.. {
                let lab = lab(later).await;
                if !live(&lab, fault_at, after).await {
                    break;
                }
                happened += 1;
            }
            // Create, (place,) started, delete, order, gone, and reports.
            assert!(happened >= 5 + usize::from(later), "only {happened} commits were hit");
        }
    }
}

/// The same with a host that cannot build: in the end the server is in error, has nothing, and goes.
#[tokio::test]
async fn a_crash_at_any_commit_of_a_failing_build_leaves_nothing() {
    for after in [false, true] {
        for (fault_at, later) in (1..).flat_map(|at| [(at, false), (at, true)]) {
            let lab = lab(later).await;
            *lab.hosts[0].fails.lock().unwrap() = Some("The disk is on fire.".into());
            lab.faults.after.store(after, Ordering::SeqCst);
            lab.faults.commits_until_fault.store(fault_at, Ordering::SeqCst);
            while lab.create(&caller("req-create"), lab.wanted()).await.is_err() {}
            go_on(&lab).await;
            let made = servers(&lab).await;
            for id in &made {
                let server = lab.server(*id).await;
                let ServerState::Failed(fault) = &server.state else {
                    panic!("{:?}, fault at {fault_at}, after: {after}", server.state);
                };
                assert_eq!(fault.message, "The disk is on fire.");
                assert_eq!(server.host, None);
                while lab.delete(*id).await.is_err() {}
            }
            go_on(&lab).await;
            lab.assert_nothing_left().await;
            if later && !lab.faults.happened.load(Ordering::SeqCst) {
                break;
            }
        }
    }
}
