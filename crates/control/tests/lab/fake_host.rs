//! A host's agent as the control plane sees it: takes orders once by generation, remembers its guests, has news.

use super::fake_volumes::FakeVolumes;
use async_trait::async_trait;
use hatchery_model::compute::{GuestPhase, GuestSpec, HostReport, HostResources};
use hatchery_model::generation::Generation;
use hatchery_model::id::{AttachmentId, HostId, HostName, ImageId, MessageId, RequestId, ServerId};
use hatchery_model::message::{
    Address, AttachOutcome, Body, Command, Envelope, Event, StepName, StepTiming,
};
use hatchery_model::provision::{Backing, FileAbilities, Rung, TargetFacts};
use hatchery_model::timestamp::Timestamp;
use hatchery_model::units::Bytes;
use hatchery_model::volume::GuestVolume;
use hatchery_ports::bus::Handler;
use hatchery_ports::entropy::random_uuid;
use hatchery_testkit::SeededEntropy;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Notify;

/// See the head of this file.
pub struct FakeHost {
    pub name: HostName,
    pub id: HostId,
    pub resources: Mutex<HostResources>,
    /// Builds fail with this message.
    pub fails: Mutex<Option<String>>,
    /// Starts fail with this message, and this base lost.
    pub starts_fail: Mutex<Option<(String, Option<ImageId>)>>,
    /// Volumes are neither plugged nor taken out, with this message.
    pub plugs_fail: Mutex<Option<String>>,
    /// Orders are taken over and forgotten at once.
    pub forgets: AtomicBool,
    /// Orders that were really carried out, by command name.
    pub done: Mutex<Vec<(&'static str, ServerId)>>,
    /// News that have not been sent yet.
    pub news: Mutex<VecDeque<Envelope>>,
    /// Told at each piece of news.
    pub told: Notify,
    /// Its volumes.
    pub volumes: FakeVolumes,
    guests: Mutex<BTreeMap<ServerId, (Generation, GuestPhase, GuestSpec)>>,
    gone: Mutex<BTreeMap<ServerId, Generation>>,
    entropy: SeededEntropy,
}

impl FakeHost {
    /// A host with so many processors, MiB and GiB.
    pub fn new(name: &str, seed: u64, vcpus: u32, memory_mib: u64, disk_gib: u64) -> Self {
        let entropy = SeededEntropy::new(seed);
        Self {
            name: HostName::from(name),
            id: HostId(random_uuid(&entropy)),
            resources: Mutex::new(HostResources {
                vcpus,
                memory_mib,
                memory_used_mib: 100,
                disk_gib,
                disk_free_gib: disk_gib,
                hypervisor_type: "fake".into(),
                hypervisor_version: 1,
                arch: "x86_64".into(),
                cpu_model: "fake".into(),
                accelerator: "none".into(),
                address: "127.0.0.1".into(),
                uptime_seconds: 5,
            }),
            fails: Mutex::default(),
            starts_fail: Mutex::default(),
            plugs_fail: Mutex::default(),
            forgets: AtomicBool::new(false),
            done: Mutex::default(),
            news: Mutex::default(),
            told: Notify::new(),
            volumes: FakeVolumes::default(),
            guests: Mutex::default(),
            gone: Mutex::default(),
            entropy,
        }
    }

    /// The guests that run, with their specs.
    pub fn running(&self) -> Vec<GuestSpec> {
        let guests = self.guests.lock().unwrap();
        let running = guests.values().filter(|(_, phase, _)| *phase == GuestPhase::Running);
        running.map(|(.., spec)| spec.clone()).collect()
    }

    /// Everything that is known of guests.
    pub fn known(&self) -> Vec<(ServerId, Generation, GuestPhase)> {
        let guests = self.guests.lock().unwrap();
        guests
            .iter()
            .map(|(id, (generation, phase, _))| (*id, *generation, phase.clone()))
            .collect()
    }

    /// Sets a guest's phase by force; `None` loses the guest.
    pub fn force(&self, id: ServerId, phase: Option<GuestPhase>) {
        let mut guests = self.guests.lock().unwrap();
        match phase {
            Some(phase) => guests.get_mut(&id).unwrap().1 = phase,
            None => drop(guests.remove(&id)),
        }
    }

    /// What it reports.
    pub fn report(&self) -> Envelope {
        let report = HostReport {
            id: self.id,
            name: self.name.clone(),
            resources: self.resources.lock().unwrap().clone(),
            target: TargetFacts {
                backing: Backing::File(FileAbilities {
                    hard_link: Ok(()),
                    reflink: Err("ext4 has no reflinks".into()),
                    free: Bytes::from_gib(100),
                }),
                force_raw: false,
            },
            backends: self.volumes.backends.lock().unwrap().clone(),
            guests: self.known(),
        };
        self.envelope(RequestId::from("req-report"), Event::HostReported(Box::new(report)))
    }

    /// An event in an envelope.
    pub fn envelope(&self, request: RequestId, event: Event) -> Envelope {
        Envelope {
            id: MessageId(random_uuid(&self.entropy)),
            request,
            to: Address::Control,
            created_at: Timestamp(0),
            body: Body::Event(event),
        }
    }

    fn tell(&self, request: RequestId, event: Event) {
        let envelope = self.envelope(request, event);
        self.news.lock().unwrap().push_back(envelope);
        self.told.notify_one();
    }

    fn build(&self, spec: GuestSpec, request: RequestId) {
        let (server, generation) = (spec.server, spec.generation);
        let gone = self.gone.lock().unwrap().get(&server).is_some_and(|gone| *gone >= generation);
        let known = self.guests.lock().unwrap().get(&server).is_some_and(|g| g.0 >= generation);
        if gone || known {
            return;
        }
        self.done.lock().unwrap().push(("BuildGuest", server));
        let failure = self.fails.lock().unwrap().clone();
        let phase = match &failure {
            Some(_) => GuestPhase::Failed,
            None => GuestPhase::Running,
        };
        self.guests.lock().unwrap().insert(server, (generation, phase, spec));
        let host = self.name.clone();
        let event = match failure {
            None => Event::GuestStarted {
                host,
                server,
                generation,
                steps: steps(
                    &[StepName::Claim, StepName::Disk, StepName::Define, StepName::Start],
                    true,
                ),
                bytes_copied: 0,
            },
            Some(message) => Event::GuestFailed {
                host,
                server,
                generation,
                steps: steps(&[StepName::Claim, StepName::Disk], false),
                message,
                details: "because the test wants it".into(),
            },
        };
        self.tell(request, event);
    }

    /// An order about a guest that was made earlier.
    fn power(&self, order: Command, request: RequestId) {
        let (server, generation, on) = match order {
            Command::StopGuest { server, generation, .. } => (server, generation, None),
            Command::StartGuest { server, generation } => {
                (server, generation, Some(StepName::PowerOn))
            }
            Command::RebootGuest { server, generation, .. } => {
                (server, generation, Some(StepName::Reboot))
            }
            other => panic!("{other:?}"),
        };
        let mut guests = self.guests.lock().unwrap();
        let Some(guest) = guests.get_mut(&server).filter(|guest| guest.0 < generation) else {
            return;
        };
        self.done.lock().unwrap().push((if on.is_some() { "on" } else { "off" }, server));
        guest.0 = generation;
        let host = self.name.clone();
        let failure = self.starts_fail.lock().unwrap().clone();
        let (phase, event) = match (on, failure) {
            (None, _) => {
                let steps = steps(&[StepName::PowerOff], true);
                (GuestPhase::Stopped, Event::GuestPoweredOff { host, server, generation, steps })
            }
            (Some(step), None) => {
                let steps = steps(&[step], true);
                (GuestPhase::Running, Event::GuestPoweredOn { host, server, generation, steps })
            }
            (Some(step), Some((message, lost_base))) => (
                lost_base.map_or(GuestPhase::Stopped, |_| GuestPhase::BaseLost),
                Event::GuestNotPoweredOn {
                    host,
                    server,
                    generation,
                    steps: steps(&[step], false),
                    message,
                    details: "because the test wants it".into(),
                    lost_base,
                },
            ),
        };
        guest.1 = phase;
        drop(guests);
        self.tell(request, event);
    }

    /// Plugs a volume into a guest, or (`None`) takes it out.
    fn plug(
        &self,
        server: ServerId,
        generation: Generation,
        attachment: AttachmentId,
        volume: Option<GuestVolume>,
        request: RequestId,
    ) {
        let mut guests = self.guests.lock().unwrap();
        let Some(guest) = guests.get_mut(&server).filter(|guest| guest.0 < generation) else {
            return;
        };
        guest.0 = generation;
        let failure = self.plugs_fail.lock().unwrap().clone();
        let details = "because the test wants it".to_owned();
        let outcome = match (volume, failure) {
            (Some(_), Some(message)) => AttachOutcome::NotAttached { message, details },
            (None, Some(message)) => AttachOutcome::NotDetached { message, details },
            (Some(volume), None) => {
                guest.2.volumes.push(volume);
                AttachOutcome::Attached
            }
            (None, None) => {
                guest.2.volumes.retain(|volume| volume.attachment != attachment);
                AttachOutcome::Detached
            }
        };
        drop(guests);
        let host = self.name.clone();
        let event = Event::GuestVolumeChanged { host, server, generation, attachment, outcome };
        self.tell(request, event);
    }

    fn swap(
        &self,
        (server, generation): (ServerId, Generation),
        old: AttachmentId,
        new: GuestVolume,
        request: RequestId,
    ) {
        let mut guests = self.guests.lock().unwrap();
        let Some(guest) = guests.get_mut(&server).filter(|guest| guest.0 < generation) else {
            return;
        };
        guest.0 = generation;
        let attachment = new.attachment;
        let failure = self.plugs_fail.lock().unwrap().clone();
        let outcome = match failure {
            Some(message) => AttachOutcome::NotAttached { message, details: String::new() },
            None => {
                let place = guest.2.volumes.iter_mut().find(|volume| volume.attachment == old);
                *place.unwrap() = new;
                AttachOutcome::Attached
            }
        };
        drop(guests);
        let host = self.name.clone();
        let event = Event::GuestVolumeChanged { host, server, generation, attachment, outcome };
        self.tell(request, event);
    }

    fn destroy(&self, server: ServerId, generation: Generation, request: RequestId) {
        let known = self.guests.lock().unwrap().get(&server).map(|guest| guest.0);
        if known.is_some_and(|known| known > generation) {
            return;
        }
        if known.is_some() {
            self.done.lock().unwrap().push(("DestroyGuest", server));
        }
        self.guests.lock().unwrap().remove(&server);
        self.gone.lock().unwrap().insert(server, generation);
        let event = Event::GuestGone {
            host: self.name.clone(),
            server,
            generation,
            steps: steps(&[StepName::Destroy], true),
        };
        self.tell(request, event);
    }
}

/// Steps of a millisecond each; `ok` is the last one's.
fn steps(names: &[StepName], ok: bool) -> Vec<StepTiming> {
    let last = names.len() - 1;
    let start = 1_767_225_600_000_000;
    let timing = |(place, step): (usize, &StepName)| StepTiming {
        step: *step,
        started_at: Timestamp(start + 1000 * place as i64),
        finished_at: Timestamp(start + 1000 * (place as i64 + 1)),
        ok: ok || place != last,
        details: format!("step {place}"),
        rung: (*step == StepName::Disk).then_some(Rung::HardLink),
    };
    names.iter().enumerate().map(timing).collect()
}

#[async_trait]
impl Handler for FakeHost {
    async fn handle(&self, envelope: Envelope) -> Result<(), String> {
        if self.forgets.load(Ordering::SeqCst) {
            return Ok(());
        }
        let Body::Command(command) = envelope.body else {
            return Err("not an order".into());
        };
        match command {
            Command::BuildGuest(spec) => self.build(*spec, envelope.request),
            Command::DestroyGuest { server, generation } => {
                self.destroy(server, generation, envelope.request);
            }
            order @ (Command::StopGuest { .. }
            | Command::StartGuest { .. }
            | Command::RebootGuest { .. }) => self.power(order, envelope.request),
            Command::Volume(order) => {
                if let Some(news) = self.volumes.take(&self.name, *order) {
                    self.tell(envelope.request, Event::VolumeAnswered(Box::new(news)));
                }
            }
            Command::AttachVolume { server, generation, volume } => {
                let id = volume.attachment;
                self.plug(server, generation, id, Some(*volume), envelope.request);
            }
            Command::DetachVolume { server, generation, attachment } => {
                self.plug(server, generation, attachment, None, envelope.request);
            }
            Command::SwapVolume { server, generation, old, new } => {
                self.swap((server, generation), old, *new, envelope.request);
            }
            Command::SeedBase { .. } | Command::ReleaseBase { .. } => {}
        }
        Ok(())
    }
}
