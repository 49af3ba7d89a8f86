//! Serves identity alone on loopback, to try it with a client:
//! `cargo run -p hatchery-api --example identity -- sqlite:/tmp/identity.db 127.0.0.1:5001 PASSWORD`.

use axum::Router;
use hatchery_api::http::serve::{Limits, serve};
use hatchery_api::identity::{CatalogSettings, DEFAULT_REGION, router};
use hatchery_control::identity::{
    DEFAULT_LIFETIME_SECONDS, IdentityPorts, IdentityVerbs, Passwords, TokenAuthority, bootstrap,
};
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::clock::Clock;
use hatchery_ports::entropy::Entropy;
use hatchery_ports::store::Store;
use std::fs::File;
use std::io::Read;
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};
use tokio::net::TcpListener;
use tokio::sync::watch;

struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods)]
    fn now(&self) -> Timestamp {
        let passed = std::time::SystemTime::now().duration_since(UNIX_EPOCH);
        let micros = passed.unwrap_or_default().as_micros();
        Timestamp(i64::try_from(micros).unwrap_or(i64::MAX))
    }
}

struct DevRandom(Mutex<File>);

impl Entropy for DevRandom {
    #[allow(clippy::expect_used)]
    fn fill(&self, bytes: &mut [u8]) {
        let mut file = self.0.lock().expect("no other holder panics");
        file.read_exact(bytes).expect("the kernel gives randomness");
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [url, listen, password] = words.as_slice() else {
        return Err("give a database's address, an address to listen on, and a password".into());
    };
    let store: Arc<dyn Store> = Arc::new(hatchery_db::Database::open(url).await?);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let entropy: Arc<dyn Entropy> = Arc::new(DevRandom(Mutex::new(File::open("/dev/urandom")?)));
    let passwords = Passwords::new(entropy.clone(), 2);
    bootstrap(store.as_ref(), clock.as_ref(), entropy.as_ref(), &passwords, password).await?;
    let authority = TokenAuthority::open(
        store.as_ref(),
        clock.clone(),
        entropy.clone(),
        DEFAULT_LIFETIME_SECONDS,
    );
    let authority = Arc::new(authority.await?);
    let verbs = IdentityVerbs::new(&IdentityPorts {
        store,
        clock,
        entropy,
        passwords,
        authority: authority.clone(),
    });
    let settings =
        CatalogSettings { public_url: format!("http://{listen}"), region: DEFAULT_REGION.into() };
    let app = Router::new().nest_service("/identity", router(Arc::new(verbs), authority, settings));
    let listener = TcpListener::bind(listen).await?;
    let (_keep, stop) = watch::channel(false);
    serve(listener, app, Limits::default(), stop, Duration::ZERO).await?;
    Ok(())
}
