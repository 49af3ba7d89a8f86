//! A delete at every point of a build, with every order of the news: the server goes, and nothing is left.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

mod lab;

use hatchery_model::compute::ServerState;
use hatchery_model::id::ServerId;
use hatchery_model::message::Envelope;
use hatchery_ports::bus::Handler;
use lab::Lab;

/// How far the build has come when the delete is asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Point {
    WrittenDown,
    Placed,
    Sent,
    Told,
    Running,
}

const POINTS: [Point; 5] =
    [Point::WrittenDown, Point::Placed, Point::Sent, Point::Told, Point::Running];

impl Point {
    /// The first points are reached step by step: the runner places. The others by a request that places at once.
    async fn lab(self) -> Lab {
        match self {
            Self::WrittenDown | Self::Placed => Lab::new().await.placing_later(),
            Self::Sent | Self::Told | Self::Running => Lab::new().await,
        }
    }
}

/// Brings a server to a point; returns news that the control plane has not heard.
async fn bring(lab: &Lab, point: Point) -> (ServerId, Vec<Envelope>) {
    let id = lab.create_one().await;
    if point == Point::WrittenDown {
        return (id, Vec::new());
    }
    lab.run_tasks().await;
    match point {
        Point::WrittenDown | Point::Placed => return (id, Vec::new()),
        Point::Sent => {
            // Taken over, and the relay dies before it forgets the order: it will be sent again.
            for order in lab.outbox().await {
                lab.hand_over(&order).await;
            }
        }
        Point::Told | Point::Running => lab.deliver().await,
    }
    let news = lab.take_news();
    if point == Point::Running {
        for one in &news {
            lab.intake.handle(one.clone()).await.unwrap();
        }
        return (id, news);
    }
    (id, news)
}

async fn assert_gone(lab: &Lab, id: ServerId, what: &str) {
    let state = lab.server(id).await.state;
    assert!(matches!(state, ServerState::Deleted { .. }), "{what}: {state:?}");
    lab.assert_nothing_left().await;
}

#[tokio::test]
async fn the_news_of_the_build_come_before_during_or_after_the_delete() {
    for fails in [false, true] {
        for point in POINTS {
            for late in 0..4 {
                let lab = point.lab().await;
                if fails {
                    *lab.hosts[0].fails.lock().unwrap() = Some("no".into());
                }
                let (id, news) = bring(&lab, point).await;
                let tell = async |when: i32| {
                    if late == when {
                        for one in &news {
                            lab.intake.handle(one.clone()).await.unwrap();
                        }
                    }
                };
                tell(0).await;
                lab.delete(id).await.unwrap();
                tell(1).await;
                lab.run_tasks().await;
                tell(2).await;
                lab.settle().await;
                tell(3).await;
                lab.settle().await;
                // What no order came for, a report brings to light.
                lab.pass(40, &["host-a"]).await;
                lab.settle().await;
                assert_gone(&lab, id, &format!("{point:?}, fails: {fails}, late: {late}")).await;
            }
        }
    }
}

/// Every order and every piece of news twice, and the step of the task too.
#[tokio::test]
async fn everything_twice_changes_nothing() {
    for point in POINTS {
        let lab = point.lab().await;
        let (id, news) = bring(&lab, point).await;
        lab.delete(id).await.unwrap();
        let tasks = lab.tasks().await;
        for _ in 0..2 {
            for task in &tasks {
                lab.runner.delete_server.run(task).await.unwrap();
            }
        }
        for _ in 0..2 {
            for order in lab.outbox().await {
                lab.hand_over(&order).await;
            }
        }
        let answers = lab.take_news();
        for one in news.iter().chain(&answers).chain(&news).chain(&answers) {
            lab.intake.handle(one.clone()).await.unwrap();
        }
        lab.settle().await;
        for task in &tasks {
            lab.runner.delete_server.run(task).await.unwrap();
        }
        assert_gone(&lab, id, &format!("{point:?}")).await;
    }
}

/// The step that places, twice: one claim, one order.
#[tokio::test]
async fn a_build_step_twice_places_once() {
    let lab = Lab::new().await.placing_later();
    lab.create_one().await;
    let tasks = lab.tasks().await;
    let (a, b) = tokio::join!(
        lab.runner.build_server.run(&tasks[0]),
        lab.runner.build_server.run(&tasks[0])
    );
    a.unwrap();
    b.unwrap();
    assert_eq!(lab.outbox().await.len(), 1);
    lab.assert_claims_add_up().await;
    lab.settle().await;
    assert_eq!(lab.hosts[0].running().len(), 1);
}

/// A host that is silent does not keep the user waiting; what it has left over goes when it comes back.
#[tokio::test]
async fn a_silent_host_is_told_when_it_comes_back() {
    for point in [Point::Placed, Point::Running] {
        let lab = point.lab().await;
        let (id, _) = bring(&lab, point).await;
        lab.pass(61, &[]).await;
        lab.delete(id).await.unwrap();
        lab.run_tasks().await;
        let state = lab.server(id).await.state;
        assert!(matches!(state, ServerState::Deleted { .. }), "{point:?}: {state:?}");
        assert!(lab.tasks().await.is_empty());
        lab.pass(0, &["host-a"]).await;
        lab.settle().await;
        assert_gone(&lab, id, &format!("{point:?}")).await;
    }
}

/// The host's disk was restored from an old copy: its report alone shows a guest that nobody owns.
#[tokio::test]
async fn a_stray_guest_is_taken_apart() {
    let lab = Lab::new().await;
    let (id, _) = bring(&lab, Point::Running).await;
    let spec = lab.hosts[0].running().remove(0);
    lab.delete(id).await.unwrap();
    lab.settle().await;
    lab.assert_nothing_left().await;
    // A new agent that has never heard of the delete.
    let fresh = lab::FakeHost::new("host-a", 11, 8, 16_384, 100);
    let order = hatchery_model::message::Envelope {
        body: hatchery_model::message::Body::Command(hatchery_model::message::Command::BuildGuest(
            Box::new(spec),
        )),
        ..fresh.report()
    };
    fresh.handle(order).await.unwrap();
    let lab = Lab { hosts: vec![std::sync::Arc::new(fresh)], ..lab };
    lab.report_all().await;
    lab.settle().await;
    lab.assert_nothing_left().await;
}
