//! What the DHCP server has lent, as it writes it down: `<expiry> <hardware address> <address> <name> <client id>` a line.

use crate::net::folder;
use hatchery_model::network::MacAddress;
use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::path::Path;

/// To whom an address is lent.
pub(super) fn lent_to(file: &Path, address: Ipv4Addr) -> io::Result<Option<MacAddress>> {
    let text = read(file)?;
    Ok(text.lines().filter_map(parse).find(|(lent, _)| *lent == address).map(|(_, mac)| mac))
}

/// Strikes out what nobody may have any more. Only while no server runs.
pub(super) fn prune(
    file: &Path,
    may_have: impl Fn(Ipv4Addr, MacAddress) -> bool,
) -> io::Result<()> {
    let text = read(file)?;
    let kept: String = text
        .lines()
        .filter(|line| parse(line).is_some_and(|(address, mac)| may_have(address, mac)))
        .flat_map(|line| [line, "\n"])
        .collect();
    if kept == text {
        Ok(())
    } else if kept.is_empty() {
        folder::remove_file(file)
    } else {
        // Not renamed over: the server's own file is written in place, too.
        fs::write(file, kept)
    }
}

fn read(file: &Path) -> io::Result<String> {
    match fs::read(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        // Names come from guests.
        bytes => Ok(String::from_utf8_lossy(&bytes?).into_owned()),
    }
}

fn parse(line: &str) -> Option<(Ipv4Addr, MacAddress)> {
    let mut fields = line.split(' ').skip(1);
    let mac = fields.next()?.parse().ok()?;
    Some((fields.next()?.parse().ok()?, mac))
}

#[cfg(test)]
mod tests {
    use super::{lent_to, prune};
    use hatchery_model::network::MacAddress;
    use std::fs;

    #[test]
    fn reads_and_prunes_what_the_server_writes() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("leases");
        let one = MacAddress::generated([0, 0, 1]);
        let address = "10.0.0.9".parse().unwrap();
        assert_eq!(lent_to(&file, address).unwrap(), None);
        prune(&file, |_, _| true).unwrap();
        let text = format!(
            "1790000000 {one} 10.0.0.9 host-10-0-0-9 *\n1790000000 fa:16:3e:00:00:02 10.0.0.10 * *\n"
        );
        fs::write(&file, &text).unwrap();
        assert_eq!(lent_to(&file, address).unwrap(), Some(one));
        prune(&file, |_, _| true).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
        prune(&file, |_, mac| mac != one).unwrap();
        assert_eq!(lent_to(&file, address).unwrap(), None);
        assert!(fs::read_to_string(&file).unwrap().contains("10.0.0.10"));
        prune(&file, |_, _| false).unwrap();
        assert!(!file.exists());
    }
}
