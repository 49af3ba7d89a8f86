//! Takes a request for servers: checked, written down in one transaction, answered. What follows is `workflow::build_server`'s.

use super::image_fit;
use super::new_server::{NewServer, ZoneChoice};
use super::plug_networks::{self, NicPlan, Owner};
use super::settings::ComputeSettings;
use crate::error::Error;
use crate::policy;
use crate::workflow::{Wake, timeline};
use hatchery_model::caller::Caller;
use hatchery_model::compute::{BuildStep, Flavor, Keypair, Server, ServerState};
use hatchery_model::generation::Generation;
use hatchery_model::id::{ProjectId, ServerId, TaskId};
use hatchery_model::task::{Task, Work};
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::clock::Clock;
use hatchery_ports::entropy::{Entropy, random_uuid};
use hatchery_ports::store::{Store, UnitOfWork};
use std::sync::Arc;

const ACTION: &str = "os_compute_api:servers:create";
/// So often a request that collided with another one is tried.
const TRIES: u32 = 3;
/// Nova's letters of a reservation id.
const RESERVATION_LETTERS: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// `POST /servers`.
pub struct CreateServer {
    /// The database.
    pub store: Arc<dyn Store>,
    /// Time of day.
    pub clock: Arc<dyn Clock>,
    /// Ids.
    pub entropy: Arc<dyn Entropy>,
    /// Wakes the task runner.
    pub wake: Wake,
    /// What the operator has set.
    pub settings: Arc<ComputeSettings>,
}

/// What has been found out about a request, common to all servers of it.
struct Checked {
    project: ProjectId,
    flavor: Flavor,
    keypair: Option<Keypair>,
    nics: Vec<NicPlan>,
    user_data: Option<String>,
    reservation_id: String,
    device_owner: String,
}

impl CreateServer {
    /// Writes the servers down (`Building`), with their ports, actions and tasks, and returns them. Needs `member` on a project.
    ///
    /// `Invalid` (400), `Denied` (403) and `Conflict` (409) with Nova's sentences; nothing is left of a refused request.
    pub async fn run(&self, caller: &Caller, new: NewServer) -> Result<Vec<Server>, Error> {
        let project = policy::writer_project(caller, ACTION)?.clone();
        new.check(self.settings.max_servers_per_request)?;
        let user_data = new.checked_user_data()?;
        let mut tries = 0;
        let servers = loop {
            tries += 1;
            match self.attempt(caller, &new, &project, user_data.clone()).await {
                Err(Error::Conflict(_)) if tries < TRIES => {}
                ended => break ended?,
            }
        };
        self.wake.wake();
        Ok(servers)
    }

    async fn attempt(
        &self,
        caller: &Caller,
        new: &NewServer,
        project: &ProjectId,
        user_data: Option<String>,
    ) -> Result<Vec<Server>, Error> {
        let began = self.clock.now();
        let mut uow = self.store.begin().await?;
        let flavor = self.check_image(&mut *uow, caller, new).await?;
        let keypair = find_keypair(&mut *uow, caller, new).await?;
        let zone = self.check_zone(&mut *uow, caller, new).await?;
        let nics = plug_networks::choose(&mut *uow, caller, project, &new.networks).await?;
        let checked = Checked {
            project: project.clone(),
            flavor,
            keypair,
            nics,
            user_data,
            reservation_id: self.reservation_id(),
            device_owner: format!("compute:{zone}"),
        };
        let mut servers = Vec::new();
        for index in 0..new.max_count {
            servers.push(self.write_down(&mut *uow, caller, new, &checked, index, began).await?);
        }
        uow.commit().await?;
        Ok(servers)
    }

    /// One server of the request: its ports, its row, its action, its task.
    async fn write_down(
        &self,
        uow: &mut dyn UnitOfWork,
        caller: &Caller,
        new: &NewServer,
        checked: &Checked,
        index: u32,
        began: Timestamp,
    ) -> Result<Server, Error> {
        let id = ServerId(random_uuid(&*self.entropy));
        let owner =
            Owner { server: id, project: &checked.project, device_owner: &checked.device_owner };
        let nics = plug_networks::plug(uow, &*self.entropy, began, &owner, &checked.nics).await?;
        let server = Server {
            id,
            generation: Generation::FIRST,
            number: 0,
            project: checked.project.clone(),
            user: caller.user.clone(),
            name: new.name_of(index),
            hostname: new.hostname_of(index, id),
            description: new.description.clone(),
            state: ServerState::Building(BuildStep::Scheduling),
            flavor: checked.flavor.clone(),
            image: Some(new.image),
            keypair: checked.keypair.clone(),
            metadata: new.metadata.clone(),
            tags: new.tags.clone(),
            user_data: checked.user_data.clone(),
            config_drive: new.config_drive,
            availability_zone: new
                .availability_zone
                .as_deref()
                .and_then(|text| ZoneChoice::parse(text).zone),
            wanted_zone: new.availability_zone.clone(),
            access_ipv4: new.access_ipv4,
            access_ipv6: new.access_ipv6,
            host: None,
            nics,
            reservation_id: checked.reservation_id.clone(),
            launch_index: index,
            locked: false,
            plan: None,
            bytes_copied: None,
            created_at: began,
            updated_at: self.clock.now(),
            launched_at: None,
        };
        let server = uow.servers().insert(server).await?;
        let action = timeline::of_create(&server, &caller.request);
        uow.actions().insert(&action).await?;
        let task = Task {
            id: TaskId(random_uuid(&*self.entropy)),
            generation: Generation::FIRST,
            work: Work::BuildServer(id),
            request: caller.request.clone(),
            attempts: 0,
            due_at: began,
            created_at: began,
        };
        uow.tasks().insert(&task).await?;
        Ok(server)
    }

    async fn check_image(
        &self,
        uow: &mut dyn UnitOfWork,
        caller: &Caller,
        new: &NewServer,
    ) -> Result<Flavor, Error> {
        let image = uow
            .images()
            .find(new.image)
            .await?
            .filter(|image| image_fit::may_use(caller, image))
            .ok_or_else(|| Error::Invalid("Can not find requested image".into()))?;
        let flavor = uow
            .flavors()
            .find(&new.flavor)
            .await?
            .filter(|flavor| image_fit::may_use_flavor(caller, flavor))
            .ok_or_else(|| Error::Invalid(format!("Flavor {} could not be found.", new.flavor)))?;
        image_fit::check(&flavor, &image)?;
        Ok(flavor)
    }

    /// The zone in which the ports' owner stands. Looks the zone up only where the user has named one.
    async fn check_zone(
        &self,
        uow: &mut dyn UnitOfWork,
        caller: &Caller,
        new: &NewServer,
    ) -> Result<String, Error> {
        let default = &self.settings.default_availability_zone;
        let Some(text) = &new.availability_zone else {
            return Ok(default.clone());
        };
        let choice = ZoneChoice::parse(text);
        if choice.host.is_some() {
            policy::admin(caller, "os_compute_api:servers:create:forced_host")?;
        }
        let hosts = uow.hosts().list().await?;
        if let Some(name) = &choice.host
            && !hosts.iter().any(|host| host.name == *name)
        {
            return Err(Error::Invalid(format!("Compute host {name} could not be found.")));
        }
        if let Some(zone) = &choice.zone
            && !hosts.iter().any(|host| host.availability_zone == *zone)
        {
            return Err(Error::Invalid("The requested availability zone is not available".into()));
        }
        Ok(choice.zone.unwrap_or_else(|| default.clone()))
    }

    fn reservation_id(&self) -> String {
        let mut bytes = [0; 8];
        self.entropy.fill(&mut bytes);
        let letters = bytes.iter().map(|byte| {
            char::from(RESERVATION_LETTERS[usize::from(*byte) % RESERVATION_LETTERS.len()])
        });
        format!("r-{}", letters.collect::<String>())
    }
}

async fn find_keypair(
    uow: &mut dyn UnitOfWork,
    caller: &Caller,
    new: &NewServer,
) -> Result<Option<Keypair>, Error> {
    let Some(name) = &new.key_name else {
        return Ok(None);
    };
    match uow.keypairs().find(&caller.user, name).await? {
        Some(keypair) => Ok(Some(keypair)),
        None => Err(Error::Invalid("Invalid key_name provided.".into())),
    }
}
