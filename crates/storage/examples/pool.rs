//! Keeps a pool of many small images and prints what each thing took, in milliseconds: the inner side of `cargo xtask bench pool`.
//!
//! `pool FOLDER IMAGES LINKS`
//!
//! Lines: `pass MS` of passes that find nothing to do (and must write nothing), `link MS` from an image's becoming active to its names, `heal MS` from
//! the loss of a base under 20 disks until it is back.

use hatchery_model::base::{BaseLease, BaseName, LeaseBook, LeaseHolder};
use hatchery_model::id::ImageId;
use hatchery_model::image::{CatalogImage, CatalogState, DiskFormat, ImageFormat};
use hatchery_model::timestamp::Timestamp;
use hatchery_model::units::Bytes;
use hatchery_ports::base_pool::{BasePool, Pass};
use hatchery_ports::clock::Clock;
use hatchery_storage::{FileOwner, FilePool, PoolSettings};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use uuid::Uuid;

const PASSES: usize = 10;
const HEALS: usize = 50;
const DISKS: usize = 20;

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp(0)
    }
}

fn image(images: &Path, number: u128) -> Result<CatalogImage, Box<dyn Error>> {
    let id = ImageId(Uuid::from_u128(number));
    let bytes = number.to_le_bytes();
    fs::write(images.join(id.to_string()), bytes)?;
    Ok(CatalogImage {
        id,
        state: CatalogState::Active,
        format: Some(DiskFormat::Raw),
        size: Some(Bytes(bytes.len() as u64)),
        digest: None,
        raw: None,
    })
}

fn print(what: &str, began: Instant) {
    println!("{what} {}", began.elapsed().as_secs_f64() * 1000.0);
}

async fn keep(
    pool: &FilePool,
    images: &[CatalogImage],
    leases: &LeaseBook,
) -> Result<usize, Box<dyn Error>> {
    let begun = pool.begin().await?;
    let pass =
        Pass { begun, images: images.to_vec(), leases: Some(leases.clone()), dry_run: false };
    Ok(pool.keep(&pass).await?.deeds.len())
}

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [folder, count, links] = words.as_slice() else {
        return Err("usage: pool FOLDER IMAGES LINKS".into());
    };
    let (folder, count, links) =
        (PathBuf::from(folder), count.parse::<u128>()?, links.parse::<u128>()?);
    let (images, base) = (folder.join("images"), folder.join("instances/_base"));
    fs::create_dir_all(&images)?;
    fs::create_dir_all(&base)?;
    let mut settings =
        PoolSettings::new(images.clone(), folder.join("imagecache"), FileOwner::process());
    settings.bases = vec![base.clone()];
    settings.trusted_store = true;
    let state = settings.state.clone();
    let pool = FilePool::open(settings, Arc::new(Still))?;
    let mut all =
        (1..=count).map(|number| image(&images, number)).collect::<Result<Vec<_>, _>>()?;
    let nobody = LeaseBook::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        keep(&pool, &all, &nobody).await?;
        let written = fs::metadata(&state)?.modified()?;
        for _ in 0..PASSES {
            let began = Instant::now();
            let deeds = keep(&pool, &all, &nobody).await?;
            print("pass", began);
            if deeds != 0 || fs::metadata(&state)?.modified()? != written {
                return Err("a pass with nothing to do did something".into());
            }
        }
        for number in count + 1..=count + links {
            let new = image(&images, number)?;
            let began = Instant::now();
            pool.link(&new).await?;
            print("link", began);
            if !base.join(BaseName::of(new.id).as_str()).exists() {
                return Err("an image was not linked".into());
            }
            all.push(new);
        }
        let lost = BaseName::of(all[0].id);
        let held: LeaseBook = (0..DISKS)
            .map(|disk| BaseLease {
                base: lost.clone(),
                holder: LeaseHolder::Disk {
                    host: "h".into(),
                    disk: disk.to_string(),
                    server: None,
                },
                format: Some(ImageFormat::Raw),
            })
            .collect();
        keep(&pool, &all, &held).await?;
        for _ in 0..HEALS {
            fs::remove_file(base.join(lost.as_str()))?;
            let began = Instant::now();
            keep(&pool, &all, &held).await?;
            print("heal", began);
            if !base.join(lost.as_str()).exists() {
                return Err("a lost base was not put back".into());
            }
        }
        Ok(())
    })
}
