//! The suite that every volume backend passes.

use crate::fixture::Share;
use hatchery_model::image::ImageFormat;
use hatchery_ports::contract::volume_backend;
use hatchery_storage::{FileImageStore, FileOwner, FileVolumeBackend, ShareVolumeSettings};

#[tokio::test(flavor = "multi_thread")]
async fn volume_backend_on_a_share() {
    if Share::mounted().is_none() {
        return;
    }
    // The images elsewhere, and on the share itself, where they can be linked.
    for images_on_share in [false, true] {
        for format in [ImageFormat::Qcow2, ImageFormat::Raw] {
            let mut shares = Vec::new();
            volume_backend::run(|| {
                let share = Share::mounted().unwrap();
                let set = share.settings("one");
                let images =
                    if images_on_share { set.mount_point.join("pool") } else { set.images.clone() };
                let set = ShareVolumeSettings { images: images.clone(), format, ..set };
                shares.push(share);
                volume_backend::Plugs {
                    store: FileImageStore::new(&images, FileOwner::process()).unwrap(),
                    volumes: FileVolumeBackend::on_share(set).unwrap(),
                }
            })
            .await;
        }
    }
}
