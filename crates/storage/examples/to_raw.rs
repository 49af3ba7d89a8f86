//! Converts one image: `to_raw FROM.qcow2 TO.raw`. For measuring beside `qemu-img convert`.

use hatchery_model::image::ImageFormat;
use hatchery_model::units::Bytes;
use hatchery_storage::{FileOwner, to_raw};
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut names = std::env::args().skip(1);
    let (Some(from), Some(to), None) = (names.next(), names.next(), names.next()) else {
        eprintln!("usage: to_raw FROM.qcow2 TO.raw");
        return ExitCode::from(2);
    };
    let cap = Bytes(u64::MAX);
    match to_raw(Path::new(&from), ImageFormat::Qcow2, Path::new(&to), FileOwner::process(), cap) {
        Ok(done) => {
            println!("{}  {} bytes, {} written", done.sha512, done.size.0, done.written.0);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("to_raw: {error}: {:?}", std::error::Error::source(&error));
            ExitCode::FAILURE
        }
    }
}
