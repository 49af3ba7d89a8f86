//! What a request for servers is refused for, in Nova's words; and that a refused request leaves nothing.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

mod lab;

use hatchery_control::Error;
use hatchery_control::compute::{NetworkChoice, NewServer, NicChoice};
use hatchery_model::caller::Caller;
use hatchery_model::id::{FlavorId, ImageId, PortId, ProjectId};
use hatchery_model::image::{Image, ImageState, Visibility};
use hatchery_model::network::{DHCP_OWNER, Port};
use hatchery_ports::store::{PortFilter, Store, UnitOfWork};
use lab::{Lab, caller};
use std::sync::Arc;
use uuid::Uuid;

/// Changes a row, then asks, and says what the refusal was.
async fn refusal(lab: &Lab, caller: &Caller, new: NewServer) -> Error {
    let error = lab.create(caller, new).await.unwrap_err();
    let mut uow = lab.db.read().await.unwrap();
    let all = uow.servers().list(&Default::default(), &Default::default()).await.unwrap();
    assert_eq!(all, []);
    let ports = uow.ports().list(&PortFilter::default()).await.unwrap();
    let plugged = |port: &Port| !port.device_id.is_empty() && port.device_owner != DHCP_OWNER;
    assert!(!ports.iter().any(plugged), "{ports:?}");
    assert!(lab.tasks().await.is_empty());
    error
}

async fn invalid(lab: &Lab, new: NewServer) -> String {
    match refusal(lab, &caller("r"), new).await {
        Error::Invalid(text) => text,
        other => panic!("{other:?}"),
    }
}

async fn change_image(lab: &Lab, change: impl FnOnce(&mut Image)) {
    let mut uow = lab.db.begin().await.unwrap();
    let mut image = uow.images().find(lab.image).await.unwrap().unwrap();
    change(&mut image);
    uow.images().update(&image).await.unwrap();
    uow.commit().await.unwrap();
}

async fn change_flavor(lab: &Lab, change: impl FnOnce(&mut hatchery_model::compute::Flavor)) {
    let mut uow = lab.db.begin().await.unwrap();
    let mut flavor = uow.flavors().find(&lab.flavor).await.unwrap().unwrap();
    change(&mut flavor);
    uow.flavors().update(&flavor).await.unwrap();
    uow.commit().await.unwrap();
}

fn member_of(project: &str) -> Caller {
    let mut caller = caller("r");
    caller.scope = hatchery_model::caller::Scope::Project {
        id: ProjectId::from(project),
        domain: "default".into(),
    };
    caller
}

#[tokio::test]
async fn what_does_not_exist_or_is_not_for_the_caller() {
    let lab = Lab::new().await;
    let new = NewServer { image: Some(ImageId(Uuid::from_u128(9))), ..lab.wanted() };
    assert_eq!(invalid(&lab, new).await, "Can not find requested image");
    let new = NewServer { flavor: FlavorId::from("x"), ..lab.wanted() };
    assert_eq!(invalid(&lab, new).await, "Flavor x could not be found.");
    let new = NewServer { key_name: Some("k".into()), ..lab.wanted() };
    assert_eq!(invalid(&lab, new).await, "Invalid key_name provided.");
    let new = NewServer { availability_zone: Some("mars".into()), ..lab.wanted() };
    assert_eq!(invalid(&lab, new).await, "The requested availability zone is not available");
    let new = NewServer { security_groups: vec!["web".into()], ..lab.wanted() };
    assert!(invalid(&lab, new).await.starts_with("Security group web not found."));

    change_image(&lab, |image| image.visibility = Visibility::Private).await;
    assert_eq!(invalid(&lab, lab.wanted()).await, "Can not find requested image");
    change_image(&lab, |image| image.visibility = Visibility::Public).await;
    change_flavor(&lab, |flavor| flavor.is_public = false).await;
    assert_eq!(invalid(&lab, lab.wanted()).await, "Flavor 1 could not be found.");
    change_flavor(&lab, |flavor| (flavor.is_public, flavor.disabled) = (true, true)).await;
    assert_eq!(invalid(&lab, lab.wanted()).await, "Flavor 1 could not be found.");
}

#[tokio::test]
async fn an_image_that_does_not_fit() {
    let lab = Lab::new().await;
    change_image(&lab, |image| image.min_ram_mib = 1024).await;
    assert_eq!(
        invalid(&lab, lab.wanted()).await,
        "Flavor's memory is too small for requested image."
    );
    change_image(&lab, |image| (image.min_ram_mib, image.min_disk_gib) = (0, 2)).await;
    assert_eq!(
        invalid(&lab, lab.wanted()).await,
        "Flavor's disk is smaller than the minimum size specified in image metadata. Flavor disk is 1073741824 bytes, minimum size is 2147483648 bytes."
    );
    change_image(&lab, |image| {
        image.min_disk_gib = 0;
        if let ImageState::Active(content) = &mut image.state {
            content.inspection.virtual_bytes.0 += 1;
        }
    })
    .await;
    assert_eq!(
        invalid(&lab, lab.wanted()).await,
        "Flavor's disk is too small for requested image. Flavor disk is 1073741824 bytes, image is 1073741825 bytes."
    );
    change_image(&lab, |image| image.state = ImageState::Queued).await;
    let text = invalid(&lab, lab.wanted()).await;
    assert_eq!(text, format!("Image {} is not active.", lab.image));
}

/// A flavor without a disk size takes the image's, to whole sectors.
#[tokio::test]
async fn a_flavor_without_a_disk_takes_the_image_s() {
    let lab = Lab::new().await;
    change_flavor(&lab, |flavor| flavor.root_gib = 0).await;
    change_image(&lab, |image| {
        if let ImageState::Active(content) = &mut image.state {
            content.inspection.virtual_bytes.0 += 1;
        }
    })
    .await;
    lab.create_one().await;
    lab.settle().await;
    assert_eq!(lab.hosts[0].running()[0].root.as_ref().unwrap().size.0, (1 << 30) + 512);
    let mut uow = lab.db.read().await.unwrap();
    assert_eq!(uow.claims().list(None).await.unwrap()[0].2.disk_gib, 2);
}

#[tokio::test]
async fn counts_user_data_and_names() {
    let lab = Lab::new().await;
    let new = NewServer { min_count: 3, max_count: 2, ..lab.wanted() };
    assert_eq!(invalid(&lab, new).await, "min_count must be <= max_count");
    let new = NewServer { user_data: Some("not base64!".into()), ..lab.wanted() };
    assert_eq!(invalid(&lab, new).await, "User data needs to be valid base 64.");
    let new = NewServer { user_data: Some("A".repeat(65_536)), ..lab.wanted() };
    assert!(invalid(&lab, new).await.starts_with("User data too large."));
    let new = NewServer { max_count: 2, hostname: Some("h".into()), ..lab.wanted() };
    assert!(invalid(&lab, new).await.contains("single hostname"));
    let reader = Caller { roles: vec!["reader".into()], ..caller("r") };
    assert!(matches!(refusal(&lab, &reader, lab.wanted()).await, Error::Denied(_)));

    let new = NewServer { max_count: 3, user_data: Some("aGVs\nbG8=".into()), ..lab.wanted() };
    let made = lab.create(&caller("r"), new).await.unwrap();
    let names: Vec<_> = made.iter().map(|s| (s.name.as_str(), s.hostname.as_str())).collect();
    assert_eq!(names, [("Web 1-1", "web-1-1"), ("Web 1-2", "web-1-2"), ("Web 1-3", "web-1-3")]);
    assert!(made.iter().all(|s| s.user_data.as_deref() == Some("aGVsbG8=")));
    assert!(made.iter().all(|s| s.reservation_id == made[0].reservation_id));
}

#[tokio::test]
async fn networks_that_cannot_be_had() {
    let lab = Lab::new().await;
    let list =
        |nic: NicChoice| NewServer { networks: NetworkChoice::List(vec![nic]), ..lab.wanted() };
    let unknown = hatchery_model::id::NetworkId(Uuid::from_u128(5));
    let new = list(NicChoice { network: Some(unknown), ..NicChoice::default() });
    assert_eq!(invalid(&lab, new).await, format!("Network {unknown} could not be found."));
    let port = PortId(Uuid::from_u128(5));
    let new = list(NicChoice { port: Some(port), ..NicChoice::default() });
    assert_eq!(invalid(&lab, new).await, format!("Port id {port} could not be found."));
    let fixed = |ip: &str| {
        list(NicChoice {
            network: Some(lab.network),
            fixed_ip: Some(ip.parse().unwrap()),
            ..NicChoice::default()
        })
    };
    assert!(
        invalid(&lab, fixed("10.1.0.1"))
            .await
            .starts_with("Fixed IP address 10.1.0.1 is already in use")
    );
    assert!(invalid(&lab, fixed("10.9.0.9")).await.contains("10.9.0.9"));

    let mut uow = lab.db.begin().await.unwrap();
    let mut network = uow.networks().find(lab.network).await.unwrap().unwrap();
    (network.id, network.external) = (unknown, false);
    uow.networks().insert(&network).await.unwrap();
    uow.commit().await.unwrap();
    match refusal(&lab, &caller("r"), lab.wanted()).await {
        Error::Conflict(text) => assert_eq!(
            text,
            "Multiple possible networks found, use a Network ID to be more specific."
        ),
        other => panic!("{other:?}"),
    }
    let new = list(NicChoice { network: Some(unknown), ..NicChoice::default() });
    assert_eq!(
        invalid(&lab, new).await,
        format!("Network {unknown} requires a subnet in order to boot instances on.")
    );
    let mut uow = lab.db.begin().await.unwrap();
    (network.external, network.shared) = (true, false);
    uow.networks().update(&network).await.unwrap();
    uow.commit().await.unwrap();
    let new = list(NicChoice { network: Some(unknown), ..NicChoice::default() });
    assert!(matches!(refusal(&lab, &caller("r"), new).await, Error::Denied(_)));
}

async fn make_port(lab: &Lab, project: &str) -> PortId {
    let mut uow = lab.db.begin().await.unwrap();
    let request = hatchery_control::network::PortRequest {
        network: lab.network,
        project: ProjectId::from(project),
        name: String::new(),
        description: String::new(),
        mac: None,
        fixed_ips: None,
        device_id: String::new(),
        device_owner: String::new(),
        host: None,
        admin_state_up: true,
    };
    let now = hatchery_model::timestamp::Timestamp(0);
    let work: &mut dyn UnitOfWork = &mut *uow;
    let port = hatchery_control::network::allocate_port(work, &*lab.entropy, now, request).await;
    let port = port.unwrap();
    uow.commit().await.unwrap();
    port.id
}

/// A port of the user's own is plugged, cannot be had twice, and stays when the server goes.
#[tokio::test]
async fn a_port_that_is_brought_along_outlives_the_server() {
    let lab = Lab::new().await;
    let (own, other) = (make_port(&lab, "p").await, make_port(&lab, "q").await);
    let with = |port: PortId| NewServer {
        networks: NetworkChoice::List(vec![NicChoice { port: Some(port), ..NicChoice::default() }]),
        ..lab.wanted()
    };
    assert_eq!(invalid(&lab, with(other)).await, format!("Port id {other} could not be found."));
    let twice = NewServer {
        networks: NetworkChoice::List(vec![
            NicChoice { port: Some(own), ..NicChoice::default() };
            2
        ]),
        ..lab.wanted()
    };
    assert!(matches!(refusal(&lab, &caller("r"), twice).await, Error::Conflict(_)));
    let id = lab.create(&caller("req-create"), with(own)).await.unwrap()[0].id;
    match lab.create(&caller("r"), with(own)).await.unwrap_err() {
        Error::Conflict(text) => assert_eq!(text, format!("Port {own} is still in use.")),
        other => panic!("{other:?}"),
    }
    lab.settle().await;
    lab.delete(id).await.unwrap();
    lab.settle().await;
    let mut uow = lab.db.read().await.unwrap();
    let port = uow.ports().find(own).await.unwrap().unwrap();
    assert_eq!((port.device_id.as_str(), port.device_owner.as_str(), port.host), ("", "", None));
}

#[tokio::test]
async fn only_an_administrator_names_a_host() {
    let lab = Arc::new(Lab::new().await);
    let zone = |text: &str| NewServer { availability_zone: Some(text.into()), ..lab.wanted() };
    assert!(matches!(refusal(&lab, &caller("r"), zone("nova:host-a")).await, Error::Denied(_)));
    let admin = Caller { roles: vec!["admin".into()], ..member_of("p") };
    match refusal(&lab, &admin, zone("nova:nowhere")).await {
        Error::Invalid(text) => assert_eq!(text, "Compute host nowhere could not be found."),
        other => panic!("{other:?}"),
    }
    let made = lab.create(&admin, zone("nova:host-a")).await.unwrap();
    lab.settle().await;
    assert_eq!(lab.server(made[0].id).await.availability_zone.as_deref(), Some("nova"));
}
