//! An answer, printed as status and body with what differs from run to run replaced.

use axum::http::{HeaderMap, StatusCode};
use serde_json::Value;

/// Columns of a line of JSON.
const WIDTH: usize = 110;

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Answer {
    /// Status and body.
    pub fn shown(&self) -> String {
        let body = match &self.body {
            Value::Null => String::new(),
            body => format!("\n{}", redacted(&printed(body, 0))),
        };
        format!("{}{body}", self.status)
    }

    /// A part of the body, as JSON on several lines.
    pub fn part(&self, path: &str) -> String {
        let part = self.body.pointer(path).unwrap_or_else(|| panic!("{path}: {}", self.shown()));
        redacted(&printed(part, 0))
    }

    pub fn text(&self, path: &str) -> String {
        let text = self.body.pointer(path).and_then(Value::as_str);
        text.unwrap_or_else(|| panic!("{path}: {}", self.shown())).to_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The sentence of an error envelope.
    pub fn message(&self) -> &str {
        let fault = self.body.as_object().and_then(|body| body.values().next());
        fault.and_then(|fault| fault["message"].as_str()).unwrap_or_default()
    }

    /// Names or ids of a listing, in order.
    pub fn column(&self, list: &str, key: &str) -> Vec<String> {
        let all = self.body[list].as_array().unwrap_or_else(|| panic!("{}", self.shown()));
        all.iter().map(|one| one[key].as_str().unwrap_or_default().to_owned()).collect()
    }
}

/// JSON on as few lines as have [`WIDTH`].
fn printed(value: &Value, indent: usize) -> String {
    let line = redacted(&value.to_string());
    let (open, close, items): (_, _, Vec<(String, &Value)>) = match value {
        _ if line.len() + indent <= WIDTH => return value.to_string(),
        Value::Array(items) => ('[', ']', items.iter().map(|item| (String::new(), item)).collect()),
        Value::Object(fields) => {
            let named = |(name, item)| (format!("\"{name}\": "), item);
            ('{', '}', fields.iter().map(named).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            return value.to_string();
        }
    };
    let pad = " ".repeat(indent + 2);
    let lines: Vec<String> = items
        .into_iter()
        .map(|(name, item)| format!("{pad}{name}{}", printed(item, indent + 2)))
        .collect();
    format!("{open}\n{}\n{}{close}", lines.join(",\n"), " ".repeat(indent))
}

/// Replaces UUIDs, reservation ids, host ids and hardware addresses.
pub fn redacted(text: &str) -> String {
    const MAKER: &str = "fa:16:3e:";
    let words = without_ids(text);
    let mut pieces = words.split(MAKER);
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |out, rest| out + "[mac]" + &rest["00:00:00".len()..])
}

fn without_ids(text: &str) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let mut out = String::new();
    let mut word = String::new();
    for c in text.chars().chain(['\n']) {
        if is_word(c) {
            word.push(c);
            continue;
        }
        out.push_str(&placeholder(&word).unwrap_or_else(|| std::mem::take(&mut word)));
        word.clear();
        out.push(c);
    }
    out.pop();
    out
}

fn placeholder(word: &str) -> Option<String> {
    let hex = |text: &str| text.chars().all(|c| c.is_ascii_hexdigit());
    let is_uuid = |text: &str| {
        let lengths: Vec<usize> = text.split('-').map(str::len).collect();
        lengths == [8, 4, 4, 4, 12] && text.split('-').all(hex)
    };
    // Those of the rows that every test has are told apart by their last digits.
    let fixed = "00000000-0000-0000-0000-0000000000";
    match word {
        _ if word.starts_with(fixed) => None,
        _ if is_uuid(word) => Some("[uuid]".into()),
        _ if word.strip_prefix("req-").is_some_and(is_uuid) => Some("[request]".into()),
        _ if word.len() == 10 && word.starts_with("r-") => Some("[reservation]".into()),
        _ if word.len() == 56 && hex(word) => Some("[host id]".into()),
        _ => None,
    }
}
