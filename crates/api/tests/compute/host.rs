//! A host's agent as the control plane sees it: makes guests at once, or says why not, and has a console.

use async_trait::async_trait;
use hatchery_model::compute::{GuestSpec, HostReport, HostResources};
use hatchery_model::generation::Generation;
use hatchery_model::id::{AttachmentId, HostId, HostName, ImageId, MessageId, RequestId, ServerId};
use hatchery_model::message::{
    Address, Answer, Ask, AttachOutcome, Body, Command, Envelope, Event, StepName, StepTiming,
};
use hatchery_model::provision::{Backing, FileAbilities, Rung, TargetFacts};
use hatchery_model::timestamp::Timestamp;
use hatchery_model::units::Bytes;
use hatchery_ports::bus::{Handler, Responder};
use hatchery_ports::entropy::random_uuid;
use hatchery_testkit::SeededEntropy;
use std::sync::Mutex;
use uuid::Uuid;

/// When the first step of a build begins.
const BEGAN: i64 = 1_767_225_600_000_000;

pub struct FakeHost {
    pub name: HostName,
    pub id: HostId,
    /// Builds fail with this message.
    pub fails: Mutex<Option<String>>,
    /// News that have not been sent yet.
    pub news: Mutex<Vec<Envelope>>,
    /// Images whose bases it was to make.
    pub seeded: Mutex<Vec<ImageId>>,
    entropy: SeededEntropy,
}

impl FakeHost {
    /// The host number so and so.
    pub fn new(number: u8) -> Self {
        Self {
            name: HostName::from(format!("host-{number}").as_str()),
            id: HostId(Uuid::from_u128(u128::from(number))),
            fails: Mutex::default(),
            news: Mutex::default(),
            seeded: Mutex::default(),
            entropy: SeededEntropy::new(u64::from(number) << 32),
        }
    }

    /// What it says of itself.
    pub fn report(&self) -> Envelope {
        let report = HostReport {
            id: self.id,
            name: self.name.clone(),
            resources: HostResources {
                vcpus: 8,
                memory_mib: 16_384,
                memory_used_mib: 100,
                disk_gib: 100,
                disk_free_gib: 90,
                hypervisor_type: "fake".into(),
                hypervisor_version: 1_002_003,
                arch: "x86_64".into(),
                cpu_model: "fake".into(),
                accelerator: "none".into(),
                address: "192.0.2.7".into(),
                uptime_seconds: 93_784,
            },
            target: TargetFacts {
                backing: Backing::File(FileAbilities {
                    hard_link: Ok(()),
                    reflink: Err("ext4 has no reflinks".into()),
                    free: Bytes::from_gib(90),
                }),
                force_raw: false,
            },
            backends: Vec::new(),
            guests: Vec::new(),
        };
        self.envelope(RequestId::from("req-report"), Event::HostReported(Box::new(report)))
    }

    pub fn envelope(&self, request: RequestId, event: Event) -> Envelope {
        Envelope {
            id: MessageId(random_uuid(&self.entropy)),
            request,
            to: Address::Control,
            created_at: Timestamp(0),
            body: Body::Event(event),
        }
    }

    fn build(&self, spec: &GuestSpec) -> Event {
        let (host, server, generation) = (self.name.clone(), spec.server, spec.generation);
        match self.fails.lock().unwrap().clone() {
            None => Event::GuestStarted {
                host,
                server,
                generation,
                steps: [StepName::Claim, StepName::Disk, StepName::Define, StepName::Start]
                    .into_iter()
                    .enumerate()
                    .map(|(place, step)| timing(place, step, true))
                    .collect(),
                bytes_copied: 0,
            },
            Some(message) => Event::GuestFailed {
                host,
                server,
                generation,
                steps: vec![timing(0, StepName::Disk, false)],
                message,
                details: "because the test wants it".into(),
            },
        }
    }

    fn start(&self, step: StepName, server: ServerId, generation: Generation) -> Event {
        let host = self.name.clone();
        match self.fails.lock().unwrap().clone() {
            None => {
                let steps = vec![timing(0, step, true)];
                Event::GuestPoweredOn { host, server, generation, steps }
            }
            Some(message) => Event::GuestNotPoweredOn {
                host,
                server,
                generation,
                steps: vec![timing(0, step, false)],
                message,
                details: "because the test wants it".into(),
                lost_base: None,
            },
        }
    }

    fn changed(
        &self,
        server: ServerId,
        generation: Generation,
        attachment: AttachmentId,
        outcome: AttachOutcome,
    ) -> Event {
        Event::GuestVolumeChanged {
            host: self.name.clone(),
            server,
            generation,
            attachment,
            outcome,
        }
    }

    fn destroy(&self, server: ServerId, generation: Generation) -> Event {
        let steps = vec![timing(0, StepName::Destroy, true)];
        Event::GuestGone { host: self.name.clone(), server, generation, steps }
    }
}

fn timing(place: usize, step: StepName, ok: bool) -> StepTiming {
    let at = BEGAN + 1000 * i64::try_from(place).unwrap();
    StepTiming {
        step,
        started_at: Timestamp(at),
        finished_at: Timestamp(at + 1000),
        ok,
        details: format!("step {place}"),
        rung: (step == StepName::Disk).then_some(Rung::HardLink),
    }
}

#[async_trait]
impl Handler for FakeHost {
    async fn handle(&self, envelope: Envelope) -> Result<(), String> {
        let Body::Command(command) = envelope.body else {
            return Err("not an order".into());
        };
        let event = match command {
            Command::BuildGuest(spec) => self.build(&spec),
            Command::DestroyGuest { server, generation } => self.destroy(server, generation),
            Command::StopGuest { server, generation, .. } => {
                let (host, steps) = (self.name.clone(), vec![timing(0, StepName::PowerOff, true)]);
                Event::GuestPoweredOff { host, server, generation, steps }
            }
            Command::StartGuest { server, generation } => {
                self.start(StepName::PowerOn, server, generation)
            }
            Command::RebootGuest { server, generation, .. } => {
                self.start(StepName::Reboot, server, generation)
            }
            Command::SeedBase { image } => {
                self.seeded.lock().unwrap().push(image);
                return Ok(());
            }
            Command::AttachVolume { server, generation, volume } => {
                self.changed(server, generation, volume.attachment, AttachOutcome::Attached)
            }
            Command::DetachVolume { server, generation, attachment } => {
                self.changed(server, generation, attachment, AttachOutcome::Detached)
            }
            Command::SwapVolume { server, generation, new, .. } => {
                self.changed(server, generation, new.attachment, AttachOutcome::Attached)
            }
            Command::Volume(_) | Command::ReleaseBase { .. } => return Ok(()),
        };
        let told = self.envelope(envelope.request, event);
        self.news.lock().unwrap().push(told);
        Ok(())
    }
}

#[async_trait]
impl Responder for FakeHost {
    async fn answer(&self, ask: Ask) -> Result<Answer, String> {
        match ask {
            Ask::ConsoleLog { lines, .. } => {
                let all = ["one", "two", "three"];
                let from = lines.map_or(0, |lines| all.len().saturating_sub(lines as usize));
                Ok(Answer::ConsoleLog(all[from..].join("\n")))
            }
            Ask::ManageableVolumes { .. }
            | Ask::ManageableSnapshots { .. }
            | Ask::PowerState { .. } => Ok(Answer::NoGuest),
        }
    }
}
