//! Bases and deeds as tables, drawn as the `openstack` client draws them.

use crate::clock::SystemClock;
use hatchery_api::http::time;
use hatchery_model::units::Bytes;
use hatchery_ports::clock::Clock;
use serde_json::Value;
use std::collections::BTreeSet;

/// Digits of a digest that a list shows.
const DIGITS: usize = 12;

/// `pool ls`
pub fn bases(answer: &Value) -> String {
    let head = [
        "Base",
        "Image",
        "Name",
        "Format",
        "Size",
        "Virtual Size",
        "Allocated",
        "Digest",
        "Links",
        "Holders",
        "Age",
        "Verified",
        "Health",
    ];
    let all = answer["bases"].as_array().map_or(&[][..], Vec::as_slice);
    let rows: Vec<Vec<String>> = all.iter().map(row).collect();
    let inodes: BTreeSet<u64> =
        all.iter().filter_map(|base| base["inode"].as_u64()).filter(|inode| *inode > 0).collect();
    let allocated = all.iter().filter_map(|base| base["allocated"].as_u64()).sum();
    format!(
        "{}{} bases, {} files, {} allocated\n",
        table(&head, &rows),
        all.len(),
        inodes.len(),
        Bytes(allocated)
    )
}

fn row(base: &Value) -> Vec<String> {
    let digest = text(&base["digest"]);
    let digest = match digest.split_once(':') {
        Some((algorithm, hex)) => {
            format!("{algorithm}:{}", hex.chars().take(DIGITS).collect::<String>())
        }
        None => digest,
    };
    vec![
        text(&base["base"]),
        text(&base["image"]),
        text(&base["image_name"]),
        text(&base["format"]),
        bytes(&base["size"]),
        bytes(&base["virtual_size"]),
        bytes(&base["allocated"]),
        digest,
        text(&base["links"]),
        base["holders"].as_array().map_or(0, Vec::len).to_string(),
        age(&base["since"]),
        age(&base["verified_at"]),
        health(base),
    ]
}

/// `pool show`
pub fn base(answer: &Value) -> String {
    let base = &answer["base"];
    let holders: Vec<String> =
        base["holders"].as_array().into_iter().flatten().map(holder).collect();
    let fields = [
        ("base", text(&base["base"])),
        ("image", text(&base["image"])),
        ("image_name", text(&base["image_name"])),
        ("format", text(&base["format"])),
        ("size", bytes(&base["size"])),
        ("virtual_size", bytes(&base["virtual_size"])),
        ("allocated", bytes(&base["allocated"])),
        ("digest", text(&base["digest"])),
        ("inode", text(&base["inode"])),
        ("links", text(&base["links"])),
        ("inspector_version", text(&base["inspector_version"])),
        ("since", text(&base["since"])),
        ("verified_at", text(&base["verified_at"])),
        ("health", health(base)),
        ("holders", holders.join("\n")),
    ];
    let rows: Vec<Vec<String>> =
        fields.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect();
    table(&["Field", "Value"], &rows)
}

/// `pool verify`, `heal`
pub fn deeds(answer: &Value) -> String {
    let all = answer["deeds"].as_array().map_or(&[][..], Vec::as_slice);
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|deed| {
            let servers = deed["servers"].as_array().into_iter().flatten();
            vec![
                text(&deed["base"]),
                text(&deed["image"]),
                text(&deed["did"]),
                text(&deed["why"]),
                servers.map(text).collect::<Vec<_>>().join("\n"),
            ]
        })
        .collect();
    let looked_at = text(&answer["looked_at"]);
    if rows.is_empty() {
        return format!("{looked_at} bases looked at: all is well\n");
    }
    let head = ["Base", "Image", "Did", "Why", "Servers"];
    format!("{}{looked_at} bases looked at\n", table(&head, &rows))
}

/// Whether something is not as it should be and was not put right.
pub fn has_failed(answer: &Value) -> bool {
    answer["deeds"].as_array().into_iter().flatten().any(|deed| deed["did"] == "failed")
}

fn holder(holder: &Value) -> String {
    match holder["kind"].as_str() {
        Some("pin") => format!("pin of {} until {}", text(&holder["by"]), text(&holder["until"])),
        Some(_) | None => {
            let server = match holder["server"].as_str() {
                Some(server) => format!(" of server {server}"),
                None => String::new(),
            };
            format!("disk {}{server} on {}", text(&holder["disk"]), text(&holder["host"]))
        }
    }
}

fn health(base: &Value) -> String {
    match base["health_detail"].as_str() {
        Some(detail) => format!("{} {detail}", text(&base["health"])),
        None => text(&base["health"]),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn bytes(value: &Value) -> String {
    value.as_u64().map_or_else(String::new, |bytes| Bytes(bytes).to_string())
}

/// How long ago, in its largest unit.
fn age(value: &Value) -> String {
    let Some(at) = value.as_str().and_then(time::parse) else {
        return String::new();
    };
    let seconds = SystemClock.now().micros_since(at) / 1_000_000;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// A frame of `+---+` and `|`; a cell may have several lines.
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let longest = |text: &str| text.lines().map(|line| line.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = head
        .iter()
        .enumerate()
        .map(|(at, title)| {
            let cells = rows.iter().filter_map(|row| row.get(at));
            cells.map(|cell| longest(cell)).chain([longest(title)]).max().unwrap_or(0)
        })
        .collect();
    let rule: String =
        widths.iter().map(|width| format!("+{}", "-".repeat(width + 2))).collect::<String>()
            + "+\n";
    let line = |cells: &[&str]| -> String {
        let drawn = cells.iter().zip(&widths).map(|(cell, width)| format!("| {cell:<width$} "));
        drawn.collect::<String>() + "|\n"
    };
    let mut drawn = format!("{rule}{}{rule}", line(head));
    for row in rows {
        let height = row.iter().map(|cell| cell.lines().count()).max().unwrap_or(1).max(1);
        for at in 0..height {
            let cells: Vec<&str> =
                row.iter().map(|cell| cell.lines().nth(at).unwrap_or_default()).collect();
            drawn.push_str(&line(&cells));
        }
    }
    drawn + &rule
}

#[cfg(test)]
mod tests {
    use super::{base, bases, deeds, has_failed};
    use serde_json::json;

    #[test]
    fn one_inode_is_counted_once() {
        let one = json!({"base": "b1", "image": "i1", "image_name": "tiny", "format": "qcow2", "size": 2048,
            "virtual_size": 1 << 30, "allocated": 4096, "inode": 7, "links": 4, "digest": "sha512:0123456789abcdef",
            "holders": [{}], "health": "good"});
        let mut same = one.clone();
        (same["base"], same["allocated"]) = (json!("b2"), json!(0));
        let text = bases(&json!({"bases": [one, same]}));
        assert!(text.starts_with("+------+-------+------+"), "{text}");
        assert!(text.contains("| b1   | i1    | tiny | qcow2  | 2.00 KiB | 1.00 GiB     | 4.00 KiB  | sha512:0123456789ab | 4     | 1       |"), "{text}");
        assert!(text.ends_with("2 bases, 1 files, 4.00 KiB allocated\n"), "{text}");
    }

    #[test]
    fn every_holder_has_a_line() {
        let text = base(&json!({"base": {"base": "b", "holders": [
            {"kind": "disk", "host": "h", "disk": "d", "server": "s"},
            {"kind": "pin", "by": "aggregate 3", "until": "2027-01-01T00:00:00Z"},
        ], "health": "unused", "health_detail": "for 5 s"}}));
        assert!(text.contains("| holders           | disk d of server s on h "), "{text}");
        assert!(
            text.contains("|                   | pin of aggregate 3 until 2027-01-01T00:00:00Z |"),
            "{text}"
        );
        assert!(text.contains("| unused for 5 s "), "{text}");
    }

    #[test]
    fn deeds_name_their_servers_and_failures_count() {
        let mut answer = json!({"looked_at": 2, "deeds": [
            {"base": "b", "image": "i", "did": "healed", "why": "it was gone", "servers": ["s1", "s2"]},
        ]});
        let text = deeds(&answer);
        assert!(
            text.contains("| healed | it was gone | s1      |") && text.contains("| s2      |"),
            "{text}"
        );
        assert!(text.ends_with("2 bases looked at\n") && !has_failed(&answer));
        answer["deeds"][0]["did"] = json!("failed");
        assert!(has_failed(&answer));
        let none = json!({"looked_at": 2, "deeds": []});
        assert_eq!(deeds(&none), "2 bases looked at: all is well\n");
    }
}
