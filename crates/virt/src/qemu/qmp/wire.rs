//! QMP's lines: one JSON value each.

use serde::Deserialize;
use serde_json::{Value, json};

/// A longer line is no QMP: the connection is given up.
pub(super) const LONGEST_LINE: usize = 1 << 20;

/// What QEMU says unasked.
#[derive(Clone, PartialEq, Debug, Deserialize)]
pub(crate) struct Event {
    /// `SHUTDOWN`, `STOP`, …
    #[serde(rename = "event")]
    pub(crate) name: String,
    /// As the event has it.
    #[serde(default)]
    pub(crate) data: Value,
}

/// One line from QEMU.
#[derive(Debug, PartialEq)]
pub(super) enum Line {
    /// The first of a connection.
    Greeting,
    /// The answer to a command.
    Answer {
        /// The command's id.
        id: u64,
        /// Its result, or QEMU's sentence on why not.
        result: Result<Value, String>,
    },
    /// An event.
    Event(Event),
    /// A complaint about no command in particular.
    Complaint(String),
}

#[derive(Deserialize)]
struct Raw {
    #[serde(rename = "QMP")]
    greeting: Option<Value>,
    id: Option<u64>,
    #[serde(rename = "return")]
    result: Option<Value>,
    error: Option<RawError>,
    event: Option<String>,
    #[serde(default)]
    data: Value,
}

#[derive(Deserialize)]
struct RawError {
    desc: String,
}

/// A command's line, with its end.
pub(super) fn command(id: u64, name: &str, arguments: Option<&Value>) -> Vec<u8> {
    let mut line = json!({ "execute": name, "id": id });
    if let Some(arguments) = arguments {
        line["arguments"] = arguments.clone();
    }
    let mut bytes = line.to_string().into_bytes();
    bytes.push(b'\n');
    bytes
}

/// Reads a line. `None`: it is no QMP.
pub(super) fn parse(line: &[u8]) -> Option<Line> {
    let raw: Raw = serde_json::from_slice(line).ok()?;
    Some(match raw {
        Raw { greeting: Some(_), .. } => Line::Greeting,
        Raw { event: Some(name), data, .. } => Line::Event(Event { name, data }),
        Raw { id: Some(id), error: Some(error), .. } => {
            Line::Answer { id, result: Err(error.desc) }
        }
        Raw { id: Some(id), result: Some(result), .. } => Line::Answer { id, result: Ok(result) },
        Raw { error: Some(error), .. } => Line::Complaint(error.desc),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{Event, Line, command, parse};
    use serde_json::json;

    #[test]
    fn writes_one_line_a_command() {
        assert_eq!(command(7, "quit", None), b"{\"execute\":\"quit\",\"id\":7}\n");
        let line = command(8, "x", Some(&json!({"a": "b\nc"})));
        assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
    }

    #[test]
    fn reads_every_kind_of_line() {
        let greeting = br#"{"QMP": {"version": {"qemu": {"micro": 2, "minor": 0, "major": 10}}, "capabilities": ["oob"]}}"#;
        assert_eq!(parse(greeting), Some(Line::Greeting));
        assert_eq!(
            parse(br#"{"return": {}, "id": 3}"#),
            Some(Line::Answer { id: 3, result: Ok(json!({})) })
        );
        assert_eq!(
            parse(br#"{"id": 4, "error": {"class": "GenericError", "desc": "no"}}"#),
            Some(Line::Answer { id: 4, result: Err("no".to_owned()) })
        );
        assert_eq!(
            parse(br#"{"error": {"class": "GenericError", "desc": "JSON parse error"}}"#),
            Some(Line::Complaint("JSON parse error".to_owned()))
        );
        let event = br#"{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-shutdown"}}"#;
        assert_eq!(
            parse(event),
            Some(Line::Event(Event {
                name: "SHUTDOWN".to_owned(),
                data: json!({"guest": true, "reason": "guest-shutdown"}),
            }))
        );
    }

    #[test]
    fn anything_else_is_no_qmp() {
        for bad in [&b"hello"[..], b"", b"[]", b"{}", b"{\"return\":", &[0xff, 0xfe]] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }
}
