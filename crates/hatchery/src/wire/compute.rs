//! Nova's part, and the workflows behind it.

use super::image::ImageSteps;
use super::{Check, Ground, volume};
use anyhow::Context;
use hatchery_api::Router;
use hatchery_api::compute::{ComputeVerbs, Root, router};
use hatchery_control::compute::{
    AggregateVerbs, ChangeServer, ComputeSettings, ConsoleOutput, CreateImage, CreateServer,
    DeleteServer, Explain, Figures, FlavorVerbs, HostVerbs, InstanceActions, KeypairVerbs,
    ListServers, Live, PowerVerbs, ReadFigures, ServerVolumeVerbs, ShowServer, ShowUsage,
    ensure_first_flavors,
};
use hatchery_control::intake::Intake;
use hatchery_control::pool::PoolVerbs;
use hatchery_control::reconcile::{Census, VolumeOrders};
use hatchery_control::scheduler::SchedulerSettings;
use hatchery_control::volume::VolumeVerbs;
use hatchery_control::workflow::Wake;
use hatchery_control::workflow::{BuildServer, OutboxRelay, TaskRunner, TearDownServer};
use hatchery_model::message::Address;
use hatchery_ports::bus::Subscription;
use std::sync::Arc;
use tokio::task::JoinHandle;

pub struct Compute {
    pub router: Router,
    pub intake: Subscription,
    pub tasks: Vec<JoinHandle<()>>,
}

pub async fn join(
    ground: &Ground,
    check: Check,
    images: ImageSteps,
    pool: PoolVerbs,
) -> anyhow::Result<Compute> {
    ensure_first_flavors(ground.store.as_ref())
        .await
        .context("the first flavors cannot be made")?;
    let settings = Arc::new(settings(ground));
    let intake = Intake::new(
        ground.store.clone(),
        ground.clock.clone(),
        ground.entropy.clone(),
        settings.clone(),
        ground.tasks.clone(),
        ground.outgoing.clone(),
        ground.healed.clone(),
    );
    let intake = ground.bus.subscribe(Address::Control, Arc::new(intake)).await?;
    let runner = runner(ground, &settings, images);
    let relay = OutboxRelay {
        store: ground.store.clone(),
        bus: ground.bus.clone(),
        outgoing: ground.outgoing.clone(),
    };
    let census = Census {
        store: ground.store.clone(),
        clock: ground.clock.clone(),
        entropy: ground.entropy.clone(),
        wake: Wake::default(),
        tasks: ground.tasks.clone(),
        forget_deleted_after_seconds: None,
    };
    let orders = VolumeOrders {
        store: ground.store.clone(),
        clock: ground.clock.clone(),
        entropy: ground.entropy.clone(),
        outgoing: ground.outgoing.clone(),
        settings: ground.volume_settings.clone(),
    };
    let tasks = vec![
        tokio::spawn(async move { orders.run().await }),
        tokio::spawn(async move { census.run().await }),
        tokio::spawn(async move { runner.run().await }),
        tokio::spawn(async move { relay.run().await }),
    ];
    let root = Root(format!("{}/compute", ground.base).into());
    let verbs = verbs(ground, &settings, pool);
    Ok(Compute { router: router(verbs, check, root), intake, tasks })
}

fn settings(ground: &Ground) -> ComputeSettings {
    let set = &ground.config.default;
    ComputeSettings {
        scheduler: SchedulerSettings {
            cpu_allocation_ratio: set.cpu_allocation_ratio,
            ram_allocation_ratio: set.ram_allocation_ratio,
            disk_allocation_ratio: set.disk_allocation_ratio,
            reserved_host_cpus: set.reserved_host_cpus,
            reserved_host_memory_mib: set.reserved_host_memory_mb,
            reserved_host_disk_mib: set.reserved_host_disk_mb,
            image_base_weight_multiplier: ground
                .config
                .filter_scheduler
                .image_base_weight_multiplier,
            ..SchedulerSettings::default()
        },
        shutdown_timeout: set.shutdown_timeout,
        wait_soft_reboot_seconds: ground.config.qemu.wait_soft_reboot_seconds,
        ..ComputeSettings::default()
    }
}

fn runner(ground: &Ground, settings: &Arc<ComputeSettings>, images: ImageSteps) -> TaskRunner {
    TaskRunner {
        store: ground.store.clone(),
        clock: ground.clock.clone(),
        wake: ground.tasks.clone(),
        build_server: Arc::new(BuildServer {
            store: ground.store.clone(),
            clock: ground.clock.clone(),
            entropy: ground.entropy.clone(),
            settings: settings.clone(),
            outgoing: ground.outgoing.clone(),
        }),
        delete_server: Arc::new(TearDownServer {
            store: ground.store.clone(),
            clock: ground.clock.clone(),
            entropy: ground.entropy.clone(),
            settings: settings.clone(),
            outgoing: ground.outgoing.clone(),
        }),
        delete_image: images.delete,
        seal_image: images.seal,
    }
}

fn verbs(ground: &Ground, settings: &Arc<ComputeSettings>, pool: PoolVerbs) -> ComputeVerbs {
    let store = ground.store.clone();
    let hosts =
        HostVerbs { store: store.clone(), clock: ground.clock.clone(), settings: settings.clone() };
    ComputeVerbs {
        create: Arc::new(CreateServer {
            store: store.clone(),
            clock: ground.clock.clone(),
            entropy: ground.entropy.clone(),
            wake: ground.tasks.clone(),
            outgoing: ground.outgoing.clone(),
            settings: settings.clone(),
            volume_settings: ground.volume_settings.clone(),
        }),
        delete: Arc::new(DeleteServer {
            store: store.clone(),
            clock: ground.clock.clone(),
            entropy: ground.entropy.clone(),
            wake: ground.tasks.clone(),
        }),
        show: Arc::new(ShowServer { store: store.clone(), hosts: hosts.clone() }),
        list: Arc::new(ListServers { store: store.clone(), hosts: hosts.clone() }),
        images: Arc::new(images(ground)),
        console: Arc::new(ConsoleOutput { store: store.clone(), bus: ground.bus.clone() }),
        actions: Arc::new(InstanceActions { store: store.clone() }),
        flavors: Arc::new(FlavorVerbs { store: store.clone(), entropy: ground.entropy.clone() }),
        keypairs: Arc::new(KeypairVerbs {
            store: store.clone(),
            clock: ground.clock.clone(),
            entropy: ground.entropy.clone(),
        }),
        hosts: Arc::new(hosts),
        power: Arc::new(PowerVerbs {
            store: store.clone(),
            clock: ground.clock.clone(),
            entropy: ground.entropy.clone(),
            outgoing: ground.outgoing.clone(),
            settings: settings.clone(),
        }),
        volumes: Arc::new(ServerVolumeVerbs {
            store: store.clone(),
            clock: ground.clock.clone(),
            entropy: ground.entropy.clone(),
            outgoing: ground.outgoing.clone(),
            settings: settings.clone(),
        }),
        block_storage: Arc::new(VolumeVerbs::new(volume::ports(ground))),
        pool: Arc::new(pool),
        aggregates: Arc::new(AggregateVerbs {
            store: store.clone(),
            clock: ground.clock.clone(),
            entropy: ground.entropy.clone(),
            settings: settings.clone(),
            outgoing: ground.outgoing.clone(),
        }),
        change: Arc::new(ChangeServer { store: store.clone(), clock: ground.clock.clone() }),
        usage: Arc::new(ShowUsage { store: store.clone() }),
        explain: Arc::new(Explain {
            store,
            clock: ground.clock.clone(),
            settings: settings.scheduler.clone(),
        }),
        figures: Arc::new(Figures { read: figures(ground) }),
        live: Arc::new(live(ground)),
    }
}

fn images(ground: &Ground) -> CreateImage {
    CreateImage {
        store: ground.store.clone(),
        clock: ground.clock.clone(),
        entropy: ground.entropy.clone(),
        outgoing: ground.outgoing.clone(),
        volume_settings: ground.volume_settings.clone(),
    }
}

fn live(ground: &Ground) -> Live {
    let metrics = ground.metrics.clone();
    Live {
        transfers: ground.transfers.clone(),
        read: Arc::new(move || {
            let metrics = metrics.clone();
            Box::pin(async move { metrics.figures().await })
        }),
        clock: ground.clock.clone(),
    }
}

fn figures(ground: &Ground) -> ReadFigures {
    let database = ground.database.clone();
    Arc::new(move || {
        let done = database.figures();
        vec![("sql_statements", done.statements), ("sql_commits", done.commits)]
    })
}
