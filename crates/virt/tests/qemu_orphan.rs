//! The agent is killed: its guest goes on, or was never there; it is never lost.
//!
//! The part of the agent is played by this very test in a process of its own, told by its environment to start a guest.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test says what it expects")]

mod qemu_fixture;

use hatchery_model::compute::{GuestDefinition, PowerState};
use hatchery_ports::contract::hypervisor::{HypervisorFixture, ReadyGuest};
use hatchery_ports::hypervisor::Hypervisor;
use qemu_fixture::{QemuFixture, TICKING, until};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const DEFINITION: &str = "HATCHERY_TEST_DEFINITION";
const FOLDER: &str = "HATCHERY_TEST_FOLDER";
/// How long the agent waits before it starts the guest, in microseconds.
const DELAY_US: &str = "HATCHERY_TEST_DELAY_US";

/// Plays the agent, if that is what this process is for: says `begun`, starts the guest, says `started`, and waits to be
/// killed.
async fn play_the_agent() {
    let Ok(definition) = std::env::var(DEFINITION) else {
        return;
    };
    let definition: GuestDefinition = serde_json::from_str(&definition).unwrap();
    let folder = PathBuf::from(std::env::var(FOLDER).unwrap());
    let fixture = QemuFixture::new();
    let plug = fixture.driver(fixture.settings());
    println!("\nbegun");
    let delay = std::env::var(DELAY_US).unwrap().parse().unwrap();
    tokio::time::sleep(Duration::from_micros(delay)).await;
    let guest = plug.start(&definition, &folder, Vec::new()).await.unwrap();
    println!("\nstarted");
    guest.ended().await;
    std::future::pending().await
}

/// A process that plays the agent in that test, and the lines that it says.
fn agent(test: &str, ready: &ReadyGuest, delay_us: u64) -> (Child, impl Iterator<Item = String>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(DEFINITION, serde_json::to_string(&ready.definition).unwrap())
        .env(FOLDER, &ready.folder)
        .env(DELAY_US, delay_us.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    (child, lines.map_while(Result::ok))
}

fn kill(mut agent: Child) {
    agent.kill().unwrap();
    agent.wait().unwrap();
}

#[tokio::test]
async fn a_guest_goes_on_when_its_agent_is_killed() {
    play_the_agent().await;
    let fixture = QemuFixture::new();
    let ready = fixture.guest_of(TICKING);
    let (agent, mut lines) = agent("a_guest_goes_on_when_its_agent_is_killed", &ready, 0);
    assert!(lines.any(|line| line == "started"));
    kill(agent);

    let console = ready.folder.join("console.log");
    let dots = || std::fs::metadata(&console).unwrap().len();
    let before = dots();
    until("the guest goes on", || dots() > before + 2).await;
    assert_eq!(fixture.processes(ready.definition.server), 1);

    let plug = fixture.hypervisor();
    let found = plug.adopt(ready.definition.server, &ready.folder).await;
    let found = found.unwrap().unwrap();
    assert_eq!(found.power_state().await.unwrap(), PowerState::Running);
    let before = dots();
    until("the adopted guest goes on", || dots() > before + 2).await;
    found.stop(Duration::ZERO).await.unwrap();
    assert_eq!(found.ended().await, "it was stopped");
    assert_eq!(fixture.processes(ready.definition.server), 0);
    assert!(!fixture.has_leftovers(&ready.folder));
}

/// Killed at many moments of a start, from before the fork to after the answer.
#[tokio::test]
async fn a_guest_is_found_or_never_was_whenever_its_agent_is_killed() {
    play_the_agent().await;
    let fixture = QemuFixture::new();
    let (mut found_running, mut found_none) = (0, 0);
    for step in 0..60_u64 {
        let ready = fixture.guest_of(TICKING);
        let server = ready.definition.server;
        let name = "a_guest_is_found_or_never_was_whenever_its_agent_is_killed";
        // The first is killed before its start for certain.
        let delay_us = if step == 0 { 60_000_000 } else { 2000 };
        let (agent, mut lines) = agent(name, &ready, delay_us);
        assert!(lines.any(|line| line == "begun"));
        // The moment of the fault, from before the fork to long after it, and denser where the fork is.
        tokio::time::sleep(Duration::from_micros(step * step * 15)).await;
        kill(agent);

        let plug = fixture.hypervisor();
        match plug.adopt(server, &ready.folder).await.unwrap() {
            Some(guest) => {
                found_running += 1;
                assert_eq!(guest.power_state().await.unwrap(), PowerState::Running);
                assert_eq!(fixture.processes(server), 1);
                guest.stop(Duration::ZERO).await.unwrap();
            }
            None => {
                found_none += 1;
                // Not now, and not from a child that is still on its way.
                assert_eq!(fixture.processes(server), 0);
            }
        }
        assert!(!fixture.has_leftovers(&ready.folder));
        let again = plug.start(&ready.definition, &ready.folder, Vec::new()).await;
        again.unwrap().stop(Duration::ZERO).await.unwrap();
        assert_eq!(fixture.processes(server), 0);
    }
    println!("killed 60 times: {found_running} guests found, {found_none} never were");
    assert!(found_running > 0 && found_none > 0);
}
