//! How fast an image comes in: hashed twice, inspected and on disk when it is answered.

use std::time::Instant;

use super::cloud::Cloud;
use super::process::memory_mib;
use super::report::{Goal, Row};
use super::{Bench, complain};
use crate::failure::Failure;

const NAME: &str = "upload";
const BYTES: u64 = 1 << 30;
const BLOCK: usize = 1 << 20;

pub fn run(bench: &Bench) -> Result<Vec<Row>, Failure> {
    let cloud = Cloud::start(&bench.binary, "sim")?;
    let mut client = cloud.client()?;
    let block = noise();
    let before = memory_mib(cloud.process()?, "VmRSS")?;
    let (mut rates, mut failed) = (Vec::new(), 0);
    for _ in 0..bench.repeats {
        let image = client.new_image("bench", "raw")?;
        let began = Instant::now();
        match client.stream(&image, &block, BYTES) {
            Ok(()) => rates.push((BYTES >> 20) as f64 / began.elapsed().as_secs_f64()),
            Err(failure) => {
                failed += 1;
                complain(NAME, Some(failure));
            }
        }
        client.delete(&format!("/image/v2/images/{image}"))?;
    }
    let above = memory_mib(cloud.process()?, "VmHWM")? - before;
    Ok(vec![
        Row::new(NAME, "upload of 1 GiB", "MiB/s", rates)
            .failed(failed)
            .goal("real thing", Goal::AtLeast(750.0)),
        Row::new(NAME, "memory above idle meanwhile", "MiB", vec![above])
            .goal("issue 2.6", Goal::AtMost(64.0)),
    ])
}

/// Bytes without zeroes that could be left out, and that look like no format.
pub(super) fn noise() -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        // xorshift64
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8 | 1
    };
    (0..BLOCK).map(|_| next()).collect()
}
