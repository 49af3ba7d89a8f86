//! `hatchery explain`: the planner's answer, printed.

use crate::cli::Explain;
use crate::client::Client;
use crate::credentials;
use crate::state_dir::StateDir;
use anyhow::{Context, bail};
use serde_json::Value;
use std::process::ExitCode;

/// Asks the running cloud for the plan, host by host.
pub fn run(args: &Explain) -> anyhow::Result<ExitCode> {
    let state = StateDir::new(&args.state.dir)?;
    let client = Client::log_in(&credentials::find(&state)?)?;
    let images = client.get("image", "/v2/images?limit=1000")?;
    let image = pick(&images["images"], &args.image, "image")?;
    if let Some(size) = args.size {
        return explain_volume(&client, &image, size, args.volume_type.as_deref());
    }
    let wanted = args.flavor.as_deref().context("give --flavor, or --size for a volume")?;
    let flavors = client.get("compute", "/flavors?is_public=None")?;
    let flavor = pick(&flavors["flavors"], wanted, "flavor")?;
    let path = format!("/os-hatchery-explain?image={image}&flavor={flavor}");
    let answer = client.get("compute", &path)?;
    print!("{}", render(&answer));
    Ok(ExitCode::SUCCESS)
}

fn explain_volume(
    client: &Client,
    image: &str,
    size: u64,
    volume_type: Option<&str>,
) -> anyhow::Result<ExitCode> {
    let mut path = format!("/os-hatchery-explain?image={image}&size={size}");
    if let Some(wanted) = volume_type {
        let types = client.get("block-storage", "/types?is_public=None")?;
        let id = pick(&types["volume_types"], wanted, "volume type")?;
        path.push_str(&format!("&volume_type={id}"));
    }
    print!("{}", render_volume(&client.get("block-storage", &path)?));
    Ok(ExitCode::SUCCESS)
}

fn render_volume(answer: &Value) -> String {
    let mut text = String::new();
    for backend in answer["backends"].as_array().into_iter().flatten() {
        let name = backend["backend"].as_str().unwrap_or_default();
        let chosen = if answer["chosen"] == name { ", which is chosen" } else { "" };
        text.push_str(&format!("backend {name}{chosen}\n"));
        if let Some(why) = backend["refused_by"].as_str() {
            text.push_str(&format!("  kept off {why}\n"));
        }
        render_plan(&mut text, &backend["plan"]);
        let cache = &backend["cache"];
        if let Some(why) = cache["reason"].as_str() {
            text.push_str(&format!("  cache    does not take the image in: {why}\n"));
        } else if cache["is_filled"] == true {
            let leaving = words(&cache["leaving"]);
            text.push_str("  cache    takes the image in: the volumes that follow are clones\n");
            if !leaving.is_empty() {
                text.push_str(&format!("  leaving  {}\n", leaving.join(", ")));
            }
        }
    }
    text
}

fn pick(all: &Value, wanted: &str, noun: &str) -> anyhow::Result<String> {
    let all = all.as_array().context("an answer of the cloud has no list")?;
    let fits = |item: &&Value| item["id"] == wanted || item["name"] == wanted;
    let mut found = all.iter().filter(fits);
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one["id"].as_str().unwrap_or_default().to_owned()),
        (Some(_), Some(_)) => bail!("there are several {noun}s named {wanted}; give an id"),
        (None, _) => bail!("there is no {noun} {wanted}"),
    }
}

fn render(answer: &Value) -> String {
    let mut text = String::new();
    if answer["base"]["is_raw_form"] == true {
        let bytes = &answer["base"]["bytes"];
        text.push_str(&format!(
            "base       the raw form of {bytes} bytes that was made of the image when it came in\n"
        ));
    }
    for host in answer["hosts"].as_array().into_iter().flatten() {
        text.push_str(&format!("host {}\n", host["host"].as_str().unwrap_or_default()));
        if let Some(disks) = host["disks"].as_str() {
            text.push_str(&format!(
                "  disks    {disks}
"
            ));
        }
        render_plan(&mut text, &host["plan"]);
    }
    text
}

fn render_plan(text: &mut String, plan: &Value) {
    match plan["way"].as_str() {
        Some(way) => text.push_str(&format!(
            "  chosen   {way}, which copies {} bytes of image data\n  steps    {}\n",
            plan["bytes_copied"],
            words(&plan["steps"]).join(", then ")
        )),
        None => text.push_str("  chosen   none: every way was refused\n"),
    }
    for refusal in plan["refused"].as_array().into_iter().flatten() {
        text.push_str(&format!(
            "  refused  {}: {}\n",
            refusal["way"].as_str().unwrap_or_default(),
            refusal["reason"].as_str().unwrap_or_default()
        ));
    }
}

fn words(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::{pick, render, render_volume};
    use serde_json::json;

    #[test]
    fn a_name_that_fits_twice_is_refused() {
        let all =
            json!([{"id": "1", "name": "a"}, {"id": "2", "name": "a"}, {"id": "3", "name": "b"}]);
        assert_eq!(pick(&all, "b", "image").unwrap(), "3");
        assert_eq!(pick(&all, "2", "image").unwrap(), "2");
        assert!(pick(&all, "a", "image").is_err());
        assert!(pick(&all, "c", "image").is_err());
    }

    #[test]
    fn says_what_each_backend_would_do() {
        let plan = json!({"way": "copy", "bytes_copied": 7, "steps": ["write"], "refused": []});
        let text = render_volume(&json!({"chosen": "h@a#p", "backends": [
            {"backend": "h@a#p", "refused_by": null, "plan": plan,
             "cache": {"is_filled": true, "leaving": ["i1"], "reason": null}},
            {"backend": "h@b#p", "refused_by": "it is full", "cache": null,
             "plan": {"way": null, "refused": [{"way": "copy", "reason": "no room"}]}},
        ]}));
        for line in [
            "backend h@a#p, which is chosen\n",
            "  leaving  i1\n",
            "backend h@b#p\n  kept off it is full\n  chosen   none",
            "  refused  copy: no room\n",
        ] {
            assert!(text.contains(line), "{text}");
        }
    }

    #[test]
    fn says_way_bytes_and_refusals() {
        let answer = json!({"hosts": [{"host": "h", "disks": "files", "plan": {
            "way": "copy", "bytes_copied": 7, "steps": ["copy the image"],
            "refused": [{"way": "hard link", "reason": "two filesystems"}],
        }}]});
        let text = render(&answer);
        assert!(!text.contains("raw form"), "{text}");
        let mut raw = answer.clone();
        raw["base"] = json!({"is_raw_form": true, "bytes": 1024});
        assert!(render(&raw).starts_with("base       the raw form of 1024 bytes"), "{raw}");
        assert!(text.contains("copy, which copies 7 bytes"), "{text}");
        assert!(text.contains("host h\n  disks    files\n"), "{text}");
        assert!(text.contains("refused  hard link: two filesystems"), "{text}");
    }
}
