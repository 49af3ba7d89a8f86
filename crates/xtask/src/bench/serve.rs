//! How many requests a second the doors answer, on one connection and on eight. The clients run on the same machine and
//! take their share of it.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use super::client::login_body;
use super::cloud::Cloud;
use super::http::Http;
use super::report::{Goal, Row};
use super::{Bench, complain};
use crate::failure::Failure;

const NAME: &str = "serve";
const SERVERS: usize = 20;
const IMAGES: usize = 5;
const CONNECTIONS: [usize; 2] = [1, 8];
/// One series' length.
const SPELL: Duration = Duration::from_secs(1);

/// A request, again and again.
struct Load {
    what: &'static str,
    method: &'static str,
    path: String,
    body: String,
    with_token: bool,
    /// Asks about the token itself.
    about_token: bool,
    status: u16,
    /// By number of connections.
    goals: [f64; 2],
}

/// What a series came to.
#[derive(Default)]
struct Done {
    rates: Vec<f64>,
    failed: usize,
}

pub fn run(bench: &Bench) -> Result<Vec<Row>, Failure> {
    let cloud = Cloud::start(&bench.binary, "sim")?;
    let mut client = cloud.client()?;
    for _ in 1..IMAGES {
        client.new_image("bench-queued", "raw")?;
    }
    let recipe = client.recipe(&bench.image)?;
    for _ in 0..SERVERS {
        let asked = client.create(&recipe)?;
        client.until_active(&asked.id, Duration::from_millis(5))?;
    }
    let token = client.token().to_owned();
    let loads = loads(&cloud.password()?);
    let mut done: Vec<[Done; 2]> = loads.iter().map(|_| Default::default()).collect();
    for _ in 0..bench.repeats {
        for (load, done) in loads.iter().zip(&mut done) {
            for (connections, done) in CONNECTIONS.iter().zip(done) {
                match spell(cloud.address(), load, &token, *connections) {
                    Ok(rate) => done.rates.push(rate),
                    Err(failure) => {
                        done.failed += 1;
                        complain(NAME, Some(failure));
                    }
                }
            }
        }
    }
    let mut rows = Vec::new();
    for (load, done) in loads.iter().zip(done) {
        for ((connections, done), goal) in CONNECTIONS.iter().zip(done).zip(load.goals) {
            let what = format!("{}, connections: {connections}", load.what);
            let row = Row::new(NAME, what, "1/s", done.rates).failed(done.failed);
            rows.push(row.goal("real thing", Goal::AtLeast(goal)));
        }
    }
    Ok(rows)
}

fn loads(password: &str) -> Vec<Load> {
    let get = |what, path: &str, goals| Load {
        what,
        method: "GET",
        path: path.to_owned(),
        body: String::new(),
        with_token: true,
        about_token: false,
        status: 200,
        goals,
    };
    vec![
        get("GET servers/detail, 20 servers", "/compute/v2.1/servers/detail", [5000.0; 2]),
        get("GET /v2/images, 5 images", "/image/v2/images", [10_000.0; 2]),
        Load {
            about_token: true,
            ..get("token validation", "/identity/v3/auth/tokens", [20_000.0; 2])
        },
        Load {
            what: "token by password",
            method: "POST",
            path: "/identity/v3/auth/tokens".to_owned(),
            body: login_body(password),
            with_token: false,
            about_token: false,
            status: 201,
            // Ten times the real thing's.
            goals: [22.0, 46.0],
        },
    ]
}

/// Requests a second on so many connections. The first that is answered otherwise than it should be ends it.
fn spell(
    address: SocketAddr,
    load: &Load,
    token: &str,
    connections: usize,
) -> Result<f64, Failure> {
    let began = Instant::now();
    let one = || -> Result<usize, Failure> {
        let mut http = Http::connect(address)?;
        http.subject = load.about_token.then(|| token.to_owned());
        let token = if load.with_token { token } else { "" };
        let mut count = 0;
        while began.elapsed() < SPELL {
            let answer = http.send(load.method, &load.path, token, load.body.as_bytes())?;
            if answer.status != load.status {
                return Err(Failure::new(format!("{} was answered {}", load.what, answer.status)));
            }
            count += 1;
        }
        Ok(count)
    };
    let counts: Result<Vec<usize>, Failure> = thread::scope(|scope| {
        let threads: Vec<_> = (0..connections).map(|_| scope.spawn(one)).collect();
        let broken = || Err(Failure::new("a client's thread broke off"));
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| broken())).collect()
    });
    let total: usize = counts?.into_iter().sum();
    Ok(total as f64 / began.elapsed().as_secs_f64())
}
