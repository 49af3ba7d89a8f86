//! Against a scripted QEMU at the other end of a socket pair.

use super::{Client, QmpError};
use crate::qemu::qmp::wire::LONGEST_LINE;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;
use tokio::task::JoinHandle;

const SOON: Duration = Duration::from_secs(5);

/// The far end, played on a thread of its own; gives what it read.
fn far_end(
    stream: UnixStream,
    play: impl FnOnce(&mut dyn Write, &mut dyn FnMut() -> Value) + Send + 'static,
) -> JoinHandle<()> {
    tokio::task::spawn_blocking(move || {
        let mut lines = BufReader::new(stream.try_clone().unwrap());
        let mut writer = stream;
        let mut next = || {
            let mut line = String::new();
            lines.read_line(&mut line).unwrap();
            serde_json::from_str(&line).unwrap()
        };
        play(&mut writer, &mut next);
    })
}

#[tokio::test]
async fn answers_find_their_commands_in_any_order_and_events_pass_between() {
    let (near, far) = UnixStream::pair().unwrap();
    let (client, mut events) = Client::begin(near, SOON).unwrap();
    let far = far_end(far, |write, next| {
        let (first, second) = (next(), next());
        writeln!(write, "{}", json!({"QMP": {"version": {}, "capabilities": []}})).unwrap();
        writeln!(
            write,
            "{}",
            json!({"id": second["id"], "error": {"class": "X", "desc": "no such thing"}})
        )
        .unwrap();
        writeln!(write, "{}", json!({"event": "STOP"})).unwrap();
        writeln!(write, "{}", json!({"id": 999, "return": {}})).unwrap();
        writeln!(write, "{}", json!({"id": first["id"], "return": {"of": first["execute"]}}))
            .unwrap();
    });
    let (first, second) = tokio::join!(client.execute("one"), client.execute("two"));
    assert_eq!(first.unwrap(), json!({"of": "one"}));
    assert_eq!(second.unwrap_err().to_string(), "QEMU refused two: no such thing");
    assert_eq!(events.recv().await.unwrap().name, "STOP");
    far.await.unwrap();
}

#[tokio::test]
async fn no_answer_in_time_is_said_and_the_connection_lives() {
    let (near, far) = UnixStream::pair().unwrap();
    let (client, _events) = Client::begin(near, Duration::from_millis(20)).unwrap();
    let error = client.execute("slow").await.unwrap_err();
    assert!(matches!(error, QmpError::TimedOut { command: "slow", .. }), "{error}");
    assert!(!client.is_closed());
    drop(far);
}

#[tokio::test]
async fn a_command_that_does_not_fit_in_time_closes_the_connection() {
    let (near, far) = UnixStream::pair().unwrap();
    let (client, _events) = Client::begin(near, Duration::from_millis(200)).unwrap();
    let full = async {
        loop {
            let error = client.execute("x").await.unwrap_err();
            if matches!(error, QmpError::Closed) {
                break;
            }
        }
    };
    // The far end reads nothing, so the socket fills; then half a line may be on its way.
    let flood: Vec<_> = (0..4000).map(|_| client.execute("flood")).collect();
    let ended = tokio::time::timeout(SOON, async {
        tokio::join!(futures_util::future::join_all(flood), full)
    });
    ended.await.unwrap();
    assert!(client.is_closed());
    drop(far);
}

#[tokio::test]
async fn an_end_of_the_connection_reaches_all_who_wait() {
    let (near, far) = UnixStream::pair().unwrap();
    let (client, mut events) = Client::begin(near, SOON).unwrap();
    let far = far_end(far, |_, next| drop(next()));
    assert!(matches!(client.execute("one").await, Err(QmpError::Closed)));
    assert!(matches!(client.execute("two").await, Err(QmpError::Closed)));
    assert!(events.recv().await.is_err());
    far.await.unwrap();
}

#[tokio::test]
async fn nonsense_and_endless_lines_end_the_connection() {
    for nonsense in [b"hello\n".to_vec(), vec![b'x'; LONGEST_LINE + 10], b"{\"return\"".to_vec()] {
        let (near, far) = UnixStream::pair().unwrap();
        let (client, _events) = Client::begin(near, SOON).unwrap();
        let far = far_end(far, move |write, next| {
            next();
            // It may be given up before all of it is written.
            let _ = write.write_all(&nonsense);
        });
        assert!(matches!(client.execute("one").await, Err(QmpError::Closed)));
        assert!(client.is_closed());
        far.await.unwrap();
    }
}

#[tokio::test]
async fn the_first_command_is_sent_with_the_negotiation_and_after_it() {
    let (near, far) = UnixStream::pair().unwrap();
    let (client, _events) = Client::begin(near, SOON).unwrap();
    let far = far_end(far, |write, next| {
        let sent = [next(), next()];
        assert_eq!(sent.each_ref().map(|one| &one["execute"]), ["qmp_capabilities", "query"]);
        for one in &sent {
            writeln!(write, "{}", json!({"id": one["id"], "return": one["execute"]})).unwrap();
        }
    });
    assert_eq!(client.negotiate_and("query", SOON).await.unwrap(), json!("query"));
    far.await.unwrap();
}
