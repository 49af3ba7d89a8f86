//! Takes a request for servers: checked, written down, and where it can be placed and ordered, in one transaction; then answered. What
//! follows is the host's, or `workflow::build_server`'s.

use super::new_server::{NewServer, ZoneChoice};
use super::plug_disks::{self, DiskPlans};
use super::plug_networks::{self, NicPlan, Owner};
use super::settings::ComputeSettings;
use super::{image_fit, image_mapping};
use crate::error::Error;
use crate::policy;
use crate::volume::VolumeSettings;
use crate::volume::send::Writing;
use crate::workflow::guest_spec::{Plugged, Specs};
use crate::workflow::placement::{self, Choice};
use crate::workflow::{Order, Outgoing, Wake, server_disks, setback, timeline};
use hatchery_model::caller::Caller;
use hatchery_model::compute::{
    BuildStep, EventResult, Flavor, Host, HostFacts, Keypair, Server, ServerNic, ServerState,
    WantedPower,
};
use hatchery_model::generation::Generation;
use hatchery_model::id::{HostName, ImageId, ProjectId, ServerId};
use hatchery_model::image::Image;
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::clock::Clock;
use hatchery_ports::entropy::{Entropy, random_uuid};
use hatchery_ports::store::{NetworkRows, RequestNames, RequestRows, Store, UnitOfWork};
use std::sync::Arc;
use uuid::Uuid;

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
    /// To the outbox relay.
    pub outgoing: Outgoing,
    /// What the operator has set.
    pub settings: Arc<ComputeSettings>,
    /// What the operator has set of volumes.
    pub volume_settings: Arc<VolumeSettings>,
}

/// A request with what has been found out about it, common to all servers of it.
struct Asked<'a> {
    caller: &'a Caller,
    new: &'a NewServer,
    began: Timestamp,
    project: &'a ProjectId,
    image: Option<Image>,
    flavor: Flavor,
    keypair: Option<Keypair>,
    nics: Vec<NicPlan>,
    /// What is known of hosts beside their rows.
    facts: HostFacts,
    /// What a host has to know of the networks; `None` where one of them lacks a port that serves it.
    specs: Option<Specs>,
    user_data: Option<String>,
    reservation_id: String,
    device_owner: String,
}

impl CreateServer {
    /// Writes the servers down (`Building`), with their ports and actions, and returns them; with the claim and the order to a host where there is
    /// one, all in one transaction, and else with a task to look for one. Needs `member` on a project.
    ///
    /// `Invalid` (400), `Denied` (403) and `Conflict` (409) with Nova's sentences; nothing is left of a refused request.
    pub async fn run(&self, caller: &Caller, new: NewServer) -> Result<Vec<Server>, Error> {
        let project = policy::writer_project(caller, ACTION)?.clone();
        new.check(self.settings.max_servers_per_request)?;
        let user_data = new.checked_user_data()?;
        let mut tries = 0;
        loop {
            tries += 1;
            match self.attempt(caller, &new, &project, user_data.clone()).await {
                Err(Error::Conflict(_)) if tries < TRIES => {}
                ended => return ended,
            }
        }
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
        let ports = plug_networks::find_ports(&mut *uow, &new.networks).await?;
        let names = RequestNames {
            // No image has this id.
            image: new.image.unwrap_or(ImageId(Uuid::nil())),
            flavor: new.flavor.clone(),
            keypair: new.key_name.clone().map(|name| (caller.user.clone(), name)),
            networks: plug_networks::networks_of(project, &new.networks, &ports),
        };
        let rows = uow.bundles().find_request(&names).await?;
        let (image, flavor) = check_image(caller, new, &rows)?;
        let expanded = image_mapping::expand(new, image.as_ref())?;
        let (new, image) = match &expanded {
            Some(new) => (new, None),
            None => (new, image),
        };
        if new.key_name.is_some() && rows.keypair.is_none() {
            return Err(Error::Invalid("Invalid key_name provided.".into()));
        }
        let zone = self.check_zone(caller, new, &rows.hosts)?;
        let nics = plug_networks::choose(caller, project, &new.networks, &ports, &rows.networks)?;
        let asked = Asked {
            caller,
            new,
            began,
            project,
            image,
            flavor,
            keypair: rows.keypair,
            facts: rows.facts,
            specs: plug_networks::specs(&nics, &rows.networks),
            nics,
            user_data,
            reservation_id: self.reservation_id(),
            device_owner: format!("compute:{zone}"),
        };
        let (mut networks, mut hosts) = (rows.networks, rows.hosts);
        let (mut servers, mut orders) = (Vec::new(), Vec::new());
        for index in 0..new.max_count {
            let rows = (&mut *networks, &mut *hosts);
            let (server, ordered) = self.write_down(&mut *uow, &asked, rows, index).await?;
            servers.push(server);
            orders.extend(ordered);
        }
        uow.commit().await?;
        if servers.iter().any(|server| server.host.is_none()) {
            self.wake.wake();
        }
        self.outgoing.hand_over(orders);
        Ok(servers)
    }

    /// One server of the request: its ports, its volumes, its row, its action; and its claim and the order to its host, or else the promise to look
    /// for one. Where volumes are still to be made, the order to the host follows when they are there.
    async fn write_down(
        &self,
        uow: &mut dyn UnitOfWork,
        asked: &Asked<'_>,
        (networks, hosts): (&mut [NetworkRows], &mut [Host]),
        index: u32,
    ) -> Result<(Server, Vec<Order>), Error> {
        let id = ServerId(random_uuid(&*self.entropy));
        let mut owner = Owner {
            server: id,
            project: asked.project,
            device_owner: &asked.device_owner,
            networks,
        };
        let (entropy, began) = (&*self.entropy, asked.began);
        let (nics, ports) =
            plug_networks::plug(uow, entropy, began, &mut owner, &asked.nics).await?;
        let mut server = asked.server(id, nics, index, self.clock.now());
        let mut action = timeline::of_create(&server, &asked.caller.request);
        let request = &asked.caller.request;
        let writing = Writing { entropy, now: self.clock.now(), request };
        let by = asked.volume_owner(&self.volume_settings);
        let disks = DiskPlans::find(uow, &by, &asked.new.disks).await?;
        let reachable = disks.reachable_from(hosts, writing, by.settings);
        let Some((choice, networks)) = self.find_host(asked, hosts, &server, reachable)? else {
            let (_, orders) = disks.bind(uow, writing, &by, (&server, hosts)).await?;
            let server = uow.servers().insert(server).await?;
            uow.actions().insert(&action).await?;
            setback::look_for_host(uow, entropy, id, request, began).await?;
            return Ok((server, orders));
        };
        placement::take(uow, hosts, &mut server, &choice).await?;
        let (bound, mut orders) = disks.bind(uow, writing, &by, (&server, hosts)).await?;
        let server = uow.servers().insert(server).await?;
        let (host, details, now) = (server.host.clone(), choice.details.clone(), writing.now);
        timeline::scheduled(&mut action, EventResult::Success, host, details, now);
        uow.actions().insert(&action).await?;
        if server_disks::are_ready(&bound) {
            let plugged = Plugged { ports: &ports, networks };
            let ordered = (&server, server.generation);
            let built = (choice, bound);
            orders.push(placement::order(uow, writing, ordered, built, &plugged).await?);
        }
        Ok((server, orders))
    }

    /// A host for the server, and what it has to know of the server's networks. `None`: that is a matter for the task runner, which has more
    /// time, and words for what is wrong.
    fn find_host<'a>(
        &self,
        asked: &'a Asked<'_>,
        hosts: &[Host],
        server: &Server,
        reachable: Option<Vec<HostName>>,
    ) -> Result<Option<(Choice, &'a Specs)>, Error> {
        let (Some(networks), true) = (&asked.specs, self.settings.place_at_once) else {
            return Ok(None);
        };
        let now = self.clock.now();
        let choice = placement::choose(
            (hosts, &asked.facts),
            server,
            asked.image.as_ref(),
            (Vec::new(), reachable),
            &self.settings,
            now,
        )?;
        Ok(choice.ok().map(|choice| (choice, networks)))
    }

    /// The zone in which the ports' owner stands.
    fn check_zone(
        &self,
        caller: &Caller,
        new: &NewServer,
        hosts: &[Host],
    ) -> Result<String, Error> {
        let default = &self.settings.default_availability_zone;
        let Some(text) = &new.availability_zone else {
            return Ok(default.clone());
        };
        let choice = ZoneChoice::parse(text);
        if choice.host.is_some() {
            policy::admin(caller, "os_compute_api:servers:create:forced_host")?;
        }
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

impl Asked<'_> {
    /// On whose behalf volumes are made.
    fn volume_owner<'a>(&'a self, settings: &'a VolumeSettings) -> plug_disks::Owner<'a> {
        plug_disks::Owner { caller: self.caller, project: self.project, settings }
    }

    /// The row of one server of the request, without a host.
    fn server(&self, id: ServerId, nics: Vec<ServerNic>, index: u32, now: Timestamp) -> Server {
        let new = self.new;
        let zone = new.availability_zone.as_deref().map(ZoneChoice::parse);
        Server {
            id,
            generation: Generation::FIRST,
            number: 0,
            project: self.project.clone(),
            user: self.caller.user.clone(),
            name: new.name_of(index),
            hostname: new.hostname_of(index, id),
            description: new.description.clone(),
            state: ServerState::Building(BuildStep::Scheduling),
            wanted_power: WantedPower::Running,
            power_order: Generation::default(),
            imaging: None,
            flavor: self.flavor.clone(),
            image: new.image,
            keypair: self.keypair.clone(),
            metadata: new.metadata.clone(),
            tags: new.tags.clone(),
            user_data: self.user_data.clone(),
            config_drive: new.config_drive,
            availability_zone: zone.and_then(|zone| zone.zone),
            wanted_zone: new.availability_zone.clone(),
            access_ipv4: new.access_ipv4,
            access_ipv6: new.access_ipv6,
            host: None,
            nics,
            with_volumes: !new.disks.is_empty(),
            reservation_id: self.reservation_id.clone(),
            launch_index: index,
            locked: false,
            plan: None,
            bytes_copied: None,
            created_at: self.began,
            updated_at: now,
            launched_at: None,
        }
    }
}

/// The image, where one is asked for, and the flavor, if they are there, the caller may use them, and they go together.
fn check_image(
    caller: &Caller,
    new: &NewServer,
    rows: &RequestRows,
) -> Result<(Option<Image>, Flavor), Error> {
    let image = rows.image.clone().filter(|image| image_fit::may_use(caller, image));
    if new.image.is_some() && image.is_none() {
        return Err(Error::Invalid("Can not find requested image".into()));
    }
    let flavor = rows.flavor.clone().filter(|flavor| image_fit::may_use_flavor(caller, flavor));
    let unknown = || Error::Invalid(format!("Flavor {} could not be found.", new.flavor));
    let flavor = flavor.ok_or_else(unknown)?;
    if let Some(image) = &image {
        image_fit::check(&flavor, image)?;
    }
    Ok((image, flavor))
}
