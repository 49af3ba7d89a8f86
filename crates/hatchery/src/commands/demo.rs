//! `hatchery demo`: one walk through the whole cloud, over its public APIs.

use super::timeline;
use crate::cli::Demo;
use crate::client::Client;
use crate::credentials;
use crate::state_dir::StateDir;
use anyhow::{Context, bail};
use serde_json::{Value, json};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Between two looks at a server.
const LOOK: Duration = Duration::from_millis(100);

/// Uploads, boots, shows. What is there already from an earlier run is used again.
pub fn run(args: &Demo) -> anyhow::Result<ExitCode> {
    let state = StateDir::new(&args.state.dir)?;
    let client = Client::log_in(&credentials::find(&state)?)?;
    let deadline = Instant::now() + Duration::from_secs(args.wait);
    let image = image(&client, args)?;
    until_a_host_is_up(&client, deadline)?;
    let server = server(&client, args, &image)?;
    until_active(&client, &server, deadline)?;
    println!("server {} is ACTIVE", args.name);
    let console = until_ready(&client, &server, &args.ready, deadline)?;
    println!("\n--- its console ---\n{}", console.trim_end());
    println!("\n--- how it came to be ---\n{}", timeline::of_create(&client, &server)?);
    Ok(ExitCode::SUCCESS)
}

fn id(value: &Value) -> anyhow::Result<String> {
    value["id"].as_str().map(str::to_owned).context("an answer of the cloud has no id")
}

fn image(client: &Client, args: &Demo) -> anyhow::Result<String> {
    let found = client.get("image", &format!("/v2/images?name={}&status=active", args.name))?;
    if let Some(image) = found["images"].as_array().and_then(|all| all.first()) {
        println!("image {} is there", args.name);
        return id(image);
    }
    let format = match args.image.extension().and_then(|ending| ending.to_str()) {
        Some("qcow2") => "qcow2",
        _ => "raw",
    };
    let body = json!({
        "name": args.name, "disk_format": format, "container_format": "bare", "visibility": "public",
    });
    let image = id(&client.post("image", "/v2/images", &body)?)?;
    client.put_file("image", &format!("/v2/images/{image}/file"), &args.image)?;
    println!("image {} uploaded from {}", args.name, args.image.display());
    Ok(image)
}

fn server(client: &Client, args: &Demo, image: &str) -> anyhow::Result<String> {
    let found = client.get("compute", &format!("/servers/detail?name=^{}$", args.name))?;
    if let Some(server) = found["servers"].as_array().and_then(|all| all.first()) {
        if server["status"] != "ERROR" {
            println!("server {} is there", args.name);
            return id(server);
        }
        println!("server {} is in ERROR from an earlier run: deleted", args.name);
        client.delete("compute", &format!("/servers/{}", id(server)?))?;
    }
    let body = json!({"server": {
        "name": args.name, "imageRef": image, "flavorRef": flavor(client)?, "networks": "auto",
    }});
    let server = id(&client.post("compute", "/servers", &body)?["server"])?;
    println!("server {} asked for: {server}", args.name);
    Ok(server)
}

/// The smallest flavor.
fn flavor(client: &Client) -> anyhow::Result<String> {
    let flavors = client.get("compute", "/flavors/detail")?;
    let all = flavors["flavors"].as_array().into_iter().flatten();
    let smallest = all.min_by_key(|flavor| (flavor["ram"].as_u64(), flavor["disk"].as_u64()));
    id(smallest.context("the cloud has no flavor")?)
}

fn until_a_host_is_up(client: &Client, deadline: Instant) -> anyhow::Result<()> {
    loop {
        let hosts = client.get("compute", "/os-hypervisors")?;
        let mut hosts = hosts["hypervisors"].as_array().into_iter().flatten();
        if hosts.any(|host| host["state"] == "up") {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!("no host of the cloud is up; `hatchery doctor` says what this machine lacks");
        }
        pause();
    }
}

fn until_active(client: &Client, server: &str, deadline: Instant) -> anyhow::Result<()> {
    loop {
        let shown = client.get("compute", &format!("/servers/{server}"))?;
        let shown = &shown["server"];
        match shown["status"].as_str() {
            Some("ACTIVE") => return Ok(()),
            Some("ERROR") => bail!("the server is in ERROR: {}", shown["fault"]["message"]),
            Some(status) if Instant::now() > deadline => bail!("the server is still {status}"),
            _ => pause(),
        }
    }
}

fn until_ready(
    client: &Client,
    server: &str,
    ready: &str,
    deadline: Instant,
) -> anyhow::Result<String> {
    loop {
        let body = json!({"os-getConsoleOutput": {}});
        let answer = client.post("compute", &format!("/servers/{server}/action"), &body)?;
        let console = answer["output"].as_str().unwrap_or_default();
        if console.lines().any(|line| line.starts_with(ready)) {
            return Ok(console.to_owned());
        }
        if Instant::now() > deadline {
            bail!("the guest has printed no line beginning {ready}; its console:\n{console}");
        }
        pause();
    }
}

#[allow(clippy::disallowed_methods)] // A client of a cloud that pushes no events has to look again.
fn pause() {
    std::thread::sleep(LOOK);
}
