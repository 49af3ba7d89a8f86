//! Writes overlays and prints the nanoseconds that each took: the in-process side of `cargo xtask bench overlay`.
//!
//! `overlay FOLDER BASE COUNT`

use hatchery_model::image::ImageFormat;
use hatchery_model::units::Bytes;
use hatchery_storage::FileOwner;
use hatchery_storage::qcow2::{Overlay, write_overlay};
use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [folder, base, count] = words.as_slice() else {
        return Err("usage: overlay FOLDER BASE COUNT".into());
    };
    let overlay = Overlay {
        backing: PathBuf::from(base),
        backing_format: ImageFormat::Raw,
        size: Bytes(1 << 30),
        note: Vec::new(),
    };
    for number in 0..count.parse::<u32>()? {
        let path = PathBuf::from(folder).join(format!("process-{number}"));
        let began = Instant::now();
        write_overlay(&path, &overlay, FileOwner::process())?;
        println!("{}", began.elapsed().as_nanos());
    }
    Ok(())
}
