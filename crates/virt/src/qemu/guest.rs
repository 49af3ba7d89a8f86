//! A running guest: its process, and its monitor whenever there is something to ask. Nothing here ends it when it is
//! dropped.

use super::adopt;
use super::block_job;
use super::folder::Folder;
use super::hotplug;
use super::process::{Exit, Process};
use super::qmp::{Client, Event, QmpError};
use super::settings::QemuSettings;
use super::swap;
use super::throttle::Throttle;
use async_trait::async_trait;
use hatchery_model::compute::{DiskAttachment, PowerState};
use hatchery_model::disk::BlockSource;
use hatchery_model::id::{ServerId, VolumeId};
use hatchery_model::units::Bytes;
use hatchery_ports::hypervisor::{Guest, HypervisorError};
use rustix::process::Signal;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How long a killed process may take to be gone.
const KILL_DEADLINE: Duration = Duration::from_secs(10);
/// After so long a guest is asked again to power off, as Nova does (`shutdown_retry_interval`).
const ASK_AGAIN: Duration = Duration::from_secs(10);
/// How long the last events may take to be read once the process has ended.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// What events have told of a guest.
#[derive(Clone, Debug, Default)]
struct Told {
    /// QEMU shuts down, and why.
    shutdown: Option<String>,
    /// The processors have stopped for good, and why.
    halted: Option<String>,
    /// No more will be told.
    complete: bool,
}

/// How far this driver itself has gone to end a guest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Asked {
    Nothing,
    ToEnd,
    Killed,
}

#[derive(Debug)]
struct Link {
    client: Arc<Client>,
    listener: JoinHandle<()>,
}

/// See the head of this file.
#[derive(Debug)]
pub(crate) struct QemuGuest {
    server: ServerId,
    folder: Folder,
    process: Arc<Process>,
    settings: Arc<QemuSettings>,
    link: tokio::sync::Mutex<Option<Link>>,
    told: watch::Sender<Told>,
    asked: Mutex<Asked>,
    /// Held while a volume is plugged in or taken out.
    plugging: tokio::sync::Mutex<()>,
}

impl QemuGuest {
    pub(crate) fn new(
        server: ServerId,
        folder: Folder,
        process: Arc<Process>,
        settings: Arc<QemuSettings>,
    ) -> Self {
        Self {
            server,
            folder,
            process,
            settings,
            link: tokio::sync::Mutex::new(None),
            told: watch::Sender::new(Told::default()),
            asked: Mutex::new(Asked::Nothing),
            plugging: tokio::sync::Mutex::default(),
        }
    }

    /// Takes over a connected socket, and returns when QEMU has said that the processors run.
    pub(crate) async fn first_contact(
        &self,
        stream: std::os::unix::net::UnixStream,
    ) -> Result<(), QmpError> {
        let mut link = self.link.lock().await;
        let (client, events) =
            Client::begin(stream, self.settings.answer_deadline).map_err(|_| QmpError::Closed)?;
        let state = client.negotiate_and("query-status", self.settings.start_deadline).await?;
        self.keep(&mut link, client, events);
        match state.get("running").and_then(Value::as_bool) {
            Some(true) => Ok(()),
            _ => Err(QmpError::Refused {
                command: "query-status",
                reason: format!("its processors do not run: {state}"),
            }),
        }
    }

    /// Limits what the guest takes of its disks.
    pub(crate) async fn throttle(
        &self,
        disks: &[(String, Throttle)],
    ) -> Result<(), HypervisorError> {
        for (device, throttle) in disks {
            let monitor = self.answering("limit what the guest takes of its disks").await?;
            throttle.set(&monitor, device).await?;
        }
        Ok(())
    }

    /// Connects to the monitor of a process that was found, where that is possible: then a shutdown's reason is heard.
    pub(crate) async fn listen(&self) {
        if let Err(error) = self.monitor().await {
            tracing::warn!(server.id = %self.server, %error, "the guest's monitor does not answer");
        }
    }

    async fn talk_on(
        &self,
        stream: std::os::unix::net::UnixStream,
        deadline: Duration,
    ) -> Result<Arc<Client>, QmpError> {
        let mut link = self.link.lock().await;
        let (client, events) =
            Client::begin(stream, self.settings.answer_deadline).map_err(|_| QmpError::Closed)?;
        client.negotiate(deadline).await?;
        Ok(self.keep(&mut link, client, events))
    }

    /// Makes a connection the one that is used from now on, and listens to its events.
    fn keep(
        &self,
        link: &mut Option<Link>,
        client: Client,
        events: broadcast::Receiver<Event>,
    ) -> Arc<Client> {
        let client = Arc::new(client);
        self.told.send_modify(|told| told.complete = false);
        let told = self.told.clone();
        let replaced = link.replace(Link {
            client: Arc::clone(&client),
            listener: tokio::spawn(listen(events, Arc::downgrade(&client), told)),
        });
        if let Some(Link { listener, .. }) = replaced {
            listener.abort();
        }
        client
    }

    /// The monitor's connection, made anew when there is none.
    async fn monitor(&self) -> Result<Arc<Client>, QmpError> {
        if let Some(link) = &*self.link.lock().await
            && !link.client.is_closed()
        {
            return Ok(Arc::clone(&link.client));
        }
        let stream = self.folder.connect().map_err(|_| QmpError::Closed)?;
        self.talk_on(stream, self.settings.answer_deadline).await
    }

    /// The monitor, for something that is to be done.
    async fn answering(&self, doing: &str) -> Result<Arc<Client>, HypervisorError> {
        self.monitor().await.map_err(|error| HypervisorError::Unavailable {
            doing: doing.to_owned(),
            source: io::Error::other(error),
        })
    }

    /// The sentence for an end that has come.
    fn why(&self, exit: Exit, told: &Told) -> String {
        let asked = *self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        match (asked, &told.shutdown, exit) {
            (Asked::Killed, _, _) => "it was killed, as it did not end in time".to_owned(),
            (Asked::ToEnd, _, _) => "it was stopped".to_owned(),
            (Asked::Nothing, _, Exit::Signal(signal)) => {
                format!("QEMU was ended by signal {signal}{}", self.log_note())
            }
            (Asked::Nothing, Some(reason), _) => match reason.as_str() {
                "guest-shutdown" => "the guest powered off".to_owned(),
                "guest-panic" => "the guest's kernel panicked".to_owned(),
                "host-signal" => "QEMU was told to end by a signal from outside".to_owned(),
                "host-qmp-quit" => "QEMU was told to end through its monitor".to_owned(),
                other => format!("QEMU shut down ({other})"),
            },
            (Asked::Nothing, None, Exit::Status(0)) => "QEMU ended".to_owned(),
            (Asked::Nothing, None, Exit::Status(code)) => {
                format!("QEMU ended with status {code}{}", self.log_note())
            }
            (Asked::Nothing, None, Exit::Unknown) => {
                format!("QEMU ended while nobody watched{}", self.log_note())
            }
        }
    }

    fn log_note(&self) -> String {
        match self.folder.log_tail(0) {
            tail if tail.is_empty() => String::new(),
            tail => format!("; its log ends: {tail}"),
        }
    }

    fn note(&self, asked: Asked) {
        let mut noted = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        // An end that had come by itself keeps its own reason.
        if !self.process.has_ended() {
            *noted = asked;
        }
    }

    fn signal(&self, signal: Signal) -> Result<(), HypervisorError> {
        self.process.signal(signal).map_err(|source| HypervisorError::Unavailable {
            doing: format!("end process {}", self.process.id()),
            source,
        })
    }

    /// Presses the power button, now and then again: a guest that is still booting does not hear the first time.
    async fn ask_to_power_off(&self, grace: Duration) {
        let deadline = Instant::now() + grace;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || self.process.has_ended() {
                return;
            }
            let asked = async { self.monitor().await?.execute("system_powerdown").await };
            if let Err(error) = asked.await {
                tracing::info!(server.id = %self.server, %error, "the guest cannot be asked to power off");
                return;
            }
            if self.gone_within(left.min(ASK_AGAIN)).await {
                return;
            }
        }
    }

    async fn gone_within(&self, time: Duration) -> bool {
        self.process.has_ended() || tokio::time::timeout(time, self.process.ended()).await.is_ok()
    }
}

#[async_trait]
impl Guest for QemuGuest {
    async fn power_state(&self) -> Result<PowerState, HypervisorError> {
        if self.process.has_ended() {
            return Ok(PowerState::Off);
        }
        let ask = async { self.monitor().await?.execute("query-status").await };
        match ask.await {
            Ok(state) if state.get("running").and_then(Value::as_bool) == Some(true) => {
                Ok(PowerState::Running)
            }
            Ok(_) => Ok(PowerState::Paused),
            // It may have ended meanwhile, and a closed connection is how that shows first.
            Err(QmpError::Closed) if self.gone_within(LAST_WORDS).await => Ok(PowerState::Off),
            Err(error) => Err(HypervisorError::Unavailable {
                doing: "tell whether the guest runs".to_owned(),
                source: io::Error::other(error),
            }),
        }
    }

    async fn ended(&self) -> String {
        let mut told = self.told.subscribe();
        let exit = tokio::select! {
            exit = self.process.ended() => exit,
            Ok(told) = told.wait_for(|told| told.halted.is_some()) => {
                return told.halted.clone().unwrap_or_default();
            }
        };
        let has_link = self.link.lock().await.is_some();
        let mut told = self.told.subscribe();
        if has_link {
            let _ = tokio::time::timeout(LAST_WORDS, told.wait_for(|told| told.complete)).await;
        }
        let told = told.borrow().clone();
        self.why(exit, &told)
    }

    async fn stop(&self, grace: Duration) -> Result<(), HypervisorError> {
        self.ask_to_power_off(grace).await;
        if !self.process.has_ended() {
            // In order, so that QEMU writes out what it holds of the disks' own metadata.
            self.note(Asked::ToEnd);
            self.signal(Signal::TERM)?;
        }
        if !self.gone_within(self.settings.end_deadline).await {
            self.note(Asked::Killed);
            self.signal(Signal::KILL)?;
            if !self.gone_within(KILL_DEADLINE).await {
                return Err(HypervisorError::Unavailable {
                    doing: format!("end process {}", self.process.id()),
                    source: io::ErrorKind::TimedOut.into(),
                });
            }
        }
        // Looking is tidying, as the process is gone; a later one of that folder keeps what is its own.
        adopt::find(self.server, &self.folder).await.map(drop)
    }

    async fn attach(&self, disk: &DiskAttachment) -> Result<(), HypervisorError> {
        let Some(volume) = disk.volume else {
            return Err(HypervisorError::Invalid(
                "a running guest takes volumes alone: give the disk a volume's id".to_owned(),
            ));
        };
        let _alone = self.plugging.lock().await;
        let monitor = self.answering("plug the volume in").await?;
        hotplug::attach(&monitor, disk, volume, &self.settings).await
    }

    async fn detach(&self, volume: VolumeId) -> Result<(), HypervisorError> {
        let _alone = self.plugging.lock().await;
        if self.process.has_ended() {
            return Ok(());
        }
        let monitor = self.answering("take the volume out").await?;
        let taken = hotplug::detach(&monitor, volume, self.settings.detach_deadline).await;
        // With its process everything is closed.
        if taken.is_err() && self.process.has_ended() { Ok(()) } else { taken }
    }

    async fn resize(&self, volume: VolumeId, size: Bytes) -> Result<(), HypervisorError> {
        hotplug::resize(&*self.answering("make the volume larger").await?, volume, size).await
    }

    async fn limit(
        &self,
        volume: VolumeId,
        qos: &BTreeMap<String, String>,
    ) -> Result<(), HypervisorError> {
        let throttle = Throttle::of(qos)?;
        let monitor = self.answering("limit what the guest takes of the volume").await?;
        hotplug::limit(&monitor, volume, &throttle).await
    }

    async fn copy(
        &self,
        volume: Option<VolumeId>,
        into: &BlockSource,
    ) -> Result<(), HypervisorError> {
        let monitor = self.answering("copy the disk").await?;
        let copy = block_job::Copy::of(volume);
        {
            let _alone = self.plugging.lock().await;
            copy.begin(&monitor, into, &self.settings).await?;
        }
        // Others are plugged in and out meanwhile.
        let ended = block_job::ended(&monitor, &copy.job).await;
        let _alone = self.plugging.lock().await;
        copy.end(&monitor, ended).await
    }

    async fn mirror(&self, old: VolumeId, new: &DiskAttachment) -> Result<(), HypervisorError> {
        let swap = swap::Swap::of(old, new)?;
        let monitor = self.answering("copy the volume").await?;
        {
            let _alone = self.plugging.lock().await;
            if swap.begin(&monitor, new, &self.settings).await? {
                return Ok(());
            }
        }
        let ready = swap.ready(&monitor).await;
        if ready.is_err() {
            let _alone = self.plugging.lock().await;
            swap.take_back(&monitor).await?;
        }
        ready
    }

    async fn pivot(&self, old: VolumeId, new: VolumeId) -> Result<(), HypervisorError> {
        if self.process.has_ended() {
            return Ok(());
        }
        let swap = swap::Swap::between(old, new);
        let pivoted = async {
            let monitor = self.answering("go over to the new volume").await?;
            let _alone = self.plugging.lock().await;
            swap.pivot(&monitor).await
        };
        let pivoted = pivoted.await;
        // Until its end both held the same.
        if pivoted.is_err() && self.process.has_ended() { Ok(()) } else { pivoted }
    }

    fn process_id(&self) -> Option<u32> {
        (!self.process.has_ended()).then(|| self.process.id())
    }
}

impl Drop for QemuGuest {
    fn drop(&mut self) {
        if let Some(Link { listener, .. }) = self.link.get_mut() {
            listener.abort();
        }
    }
}

/// Notes what matters of the events, until the connection ends.
async fn listen(
    mut events: broadcast::Receiver<Event>,
    client: Weak<Client>,
    told: watch::Sender<Told>,
) {
    loop {
        match events.recv().await {
            Ok(event) if event.name == "SHUTDOWN" => {
                let reason = event.data.get("reason").and_then(Value::as_str);
                let reason = reason.map(str::to_owned);
                told.send_modify(|told| told.shutdown = reason);
            }
            Ok(event) if event.name == "STOP" => {
                if let Some(why) = halted_for_good(&client).await {
                    told.send_modify(|told| told.halted = Some(why));
                }
            }
            Ok(_) => {}
            // The oldest are lost; the end of a guest is among the newest.
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => break,
        }
    }
    told.send_modify(|told| told.complete = true);
}

/// Whether stopped processors can never run again, and why.
async fn halted_for_good(client: &Weak<Client>) -> Option<String> {
    let state = client.upgrade()?.execute("query-status").await.ok()?;
    match state.get("status")?.as_str()? {
        "internal-error" => Some("the accelerator cannot run the guest any further".to_owned()),
        "guest-panicked" => Some("the guest's kernel panicked".to_owned()),
        _ => None,
    }
}
