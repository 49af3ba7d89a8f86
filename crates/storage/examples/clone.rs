//! Clones an image in Ceph by bare calls of librbd and as a server's disk, in turns, and prints what each took, in milliseconds: the inner side of
//! `cargo xtask bench clone`.
//!
//! `clone CEPH_CONF ROUNDS`
//!
//! Lines: `bare MS` and `ours MS`. Either clones 1 GiB, opens the clone, and has it 2 GiB large. As `client.glance` and `client.cinder`, in the pools
//! `images` and `vms`; nothing is left there.

use hatchery_model::compute::RootDisk;
use hatchery_model::id::{DiskId, ImageId};
use hatchery_model::provision::{ImageLocation, Plan, PlanStep, Rung};
use hatchery_model::units::Bytes;
use hatchery_ports::disk_backend::DiskBackend;
use hatchery_storage::rbd::{CephClient, CephError, CephSettings, Span};
use hatchery_storage::{RbdDiskBackend, RbdDiskSettings, RbdImageSource};
use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;
use uuid::Uuid;

const IMAGE: Uuid = Uuid::from_u128(0xbe);
const SIZE: Bytes = Bytes::from_gib(2);
const ORDER: u8 = 22;

/// Makes the image, with some data in it; gives the cluster's id.
async fn image(glance: &CephClient) -> Result<String, CephError> {
    glance
        .run(Span::Long, |ceph| {
            let pool = ceph.pool("images")?;
            pool.create(&IMAGE.to_string(), 1 << 30, 23)?;
            let image = pool.open(&IMAGE.to_string())?;
            image.write(0, &vec![7; 8 << 20])?;
            image.snapshot("snap")?;
            image.protect("snap")?;
            image.close()?;
            Ok(ceph.fsid().to_owned())
        })
        .await
}

async fn bare(cinder: &CephClient, name: String) -> Result<f64, CephError> {
    cinder
        .run(Span::Short, move |ceph| {
            let (images, vms) = (ceph.pool("images")?, ceph.pool("vms")?);
            let began = Instant::now();
            vms.clone_of((&images, &IMAGE.to_string(), "snap"), &name, ORDER)?;
            let clone = vms.open(&name)?;
            clone.grow(SIZE.0)?;
            let took = began.elapsed().as_secs_f64() * 1000.0;
            // Our binding waits before it closes an image, which is no part of the bare calls.
            clone.close()?;
            vms.remove(&name)?;
            Ok(took)
        })
        .await
}

fn root(fsid: &str, number: usize) -> RootDisk {
    let at = ImageLocation {
        fsid: fsid.to_owned(),
        pool: "images".to_owned(),
        image: IMAGE.to_string(),
        snapshot: "snap".to_owned(),
    };
    let steps = vec![PlanStep::CloneImage(at)];
    RootDisk {
        disk: DiskId(format!("bench-{number}")),
        image: ImageId(IMAGE),
        image_sha512: String::new(),
        raw: None,
        inspector_version: None,
        size: SIZE,
        plan: Plan { rung: Rung::CloneInPlace, steps, copies: Bytes(0), refused: Vec::new() },
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [conf, rounds] = words.as_slice() else {
        return Err("usage: clone CEPH_CONF ROUNDS".into());
    };
    let conf = Some(PathBuf::from(conf));
    let rounds: usize = rounds.parse()?;
    let settings = |user| CephSettings { conf: conf.clone(), ..CephSettings::new(user) };
    let (glance, cinder) = (CephClient::of(settings("glance")), CephClient::of(settings("cinder")));
    let images = RbdImageSource { pool: Some("images".to_owned()), files: None };
    let disks = RbdDiskBackend::new(RbdDiskSettings {
        ceph: settings("cinder"),
        pool: "vms".to_owned(),
        images,
    });
    let fsid = image(&glance).await?;
    for round in 0..=rounds {
        let bare = bare(&cinder, format!("bare-{round}")).await?;
        let root = root(&fsid, round);
        let began = Instant::now();
        disks.create(&root).await?;
        let ours = began.elapsed().as_secs_f64() * 1000.0;
        disks.remove(&root.disk).await?;
        // The first round opens pools and connections.
        if round > 0 {
            println!("bare {bare}\nours {ours}");
        }
    }
    let removed = glance.run(Span::Long, |ceph| {
        let pool = ceph.pool("images")?;
        let image = pool.open(&IMAGE.to_string())?;
        image.unprotect("snap")?;
        image.remove_snapshot("snap")?;
        image.close()?;
        pool.remove(&IMAGE.to_string())
    });
    Ok(removed.await?)
}
