//! `transport_url` as oslo.messaging writes it: `rabbit://user:password@host:5672,user:password@other:5672/vhost?ssl=true`.

use lapin::uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Seconds between two signs of life.
const HEARTBEAT: u16 = 15;

/// Why a text is no transport URL. Never shows the password.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TransportUrlError {
    /// The text says what is wrong with it.
    #[error("the transport URL {0}; it should read rabbit://USER:PASSWORD@HOST:5672//")]
    Invalid(String),
}

/// Where a RabbitMQ is, and under which account it is used.
#[derive(Clone, PartialEq, Eq)]
pub struct TransportUrl {
    brokers: Vec<Broker>,
    vhost: String,
    encrypted: bool,
    ca_file: Option<PathBuf>,
}

#[derive(Clone, PartialEq, Eq)]
struct Broker {
    host: String,
    port: u16,
    user: String,
    password: String,
}

impl TransportUrl {
    /// The brokers, each as its address for lapin, with a name for logs.
    pub(super) fn addresses(&self) -> impl Iterator<Item = (String, AMQPUri)> {
        self.brokers.iter().map(|broker| {
            let uri = AMQPUri {
                scheme: if self.encrypted { AMQPScheme::AMQPS } else { AMQPScheme::AMQP },
                authority: AMQPAuthority {
                    userinfo: AMQPUserInfo {
                        username: broker.user.clone(),
                        password: broker.password.clone(),
                    },
                    host: broker.host.clone(),
                    port: broker.port,
                },
                vhost: self.vhost.clone(),
                query: AMQPQueryString { heartbeat: Some(HEARTBEAT), ..AMQPQueryString::default() },
            };
            (format!("{}:{}", broker.host, broker.port), uri)
        })
    }

    /// Certificates that are trusted instead of the system's.
    pub(super) const fn ca_file(&self) -> Option<&PathBuf> {
        self.ca_file.as_ref()
    }
}

impl fmt::Debug for TransportUrl {
    /// Without passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let brokers: Vec<String> =
            self.brokers.iter().map(|b| format!("{}@{}:{}", b.user, b.host, b.port)).collect();
        write!(f, "rabbit://{}/{}", brokers.join(","), self.vhost)
    }
}

impl FromStr for TransportUrl {
    type Err = TransportUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = |why: &str| TransportUrlError::Invalid(why.to_owned());
        let (scheme, rest) = text.split_once("://").ok_or_else(|| wrong("has no ://"))?;
        let encrypted = match scheme {
            "rabbit" | "kombu" | "amqp" => false,
            "amqps" => true,
            _ => return Err(wrong("is for another transport than RabbitMQ")),
        };
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
        let brokers: Result<Vec<Broker>, _> = hosts
            .split(',')
            .filter(|host| !host.is_empty())
            .map(|host| broker(host, encrypted))
            .collect();
        let brokers = brokers.map_err(|why| wrong(&why))?;
        if brokers.is_empty() {
            return Err(wrong("names no host"));
        }
        let vhost = decoded(path).ok_or_else(|| wrong("has a broken % in its virtual host"))?;
        let setting = |name: &str| {
            let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.filter(|(key, _)| *key == name).map(|(_, value)| value).next_back()
        };
        let asked = setting("ssl").is_some_and(|on| {
            matches!(on.to_ascii_lowercase().as_str(), "true" | "1" | "yes" | "on")
        });
        Ok(Self {
            brokers,
            vhost: if vhost.is_empty() { "/".to_owned() } else { vhost },
            encrypted: encrypted || asked,
            ca_file: setting("ssl_ca_file").and_then(decoded).map(PathBuf::from),
        })
    }
}

fn broker(text: &str, encrypted: bool) -> Result<Broker, String> {
    let (account, address) = text.rsplit_once('@').unwrap_or(("guest:guest", text));
    let (user, password) = account.split_once(':').unwrap_or((account, ""));
    let broken = || "has a broken % in its account".to_owned();
    // An address of IPv6 stands in brackets.
    let end = address.rfind(']').map_or(0, |at| at + 1);
    let (host, port) = match address[end..].rsplit_once(':') {
        Some((_, port)) => (&address[..address.len() - port.len() - 1], Some(port)),
        None => (address, None),
    };
    let usual = if encrypted { 5671 } else { 5672 };
    let port =
        port.map_or(Ok(usual), str::parse).map_err(|_| "has a port that is none".to_owned())?;
    if host.is_empty() {
        return Err("names no host".to_owned());
    }
    Ok(Broker {
        host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
        port,
        user: decoded(user).ok_or_else(broken)?,
        password: decoded(password).ok_or_else(broken)?,
    })
}

/// With each `%41` as the byte that it stands for.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &rest[2..];
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::TransportUrl;

    fn parsed(text: &str) -> Vec<String> {
        let url: TransportUrl = text.parse().unwrap();
        url.addresses()
            .map(|(_, uri)| {
                let who = &uri.authority.userinfo;
                format!(
                    "{} {}:{} {}:{} {:?}",
                    uri.scheme,
                    who.username,
                    who.password,
                    uri.authority.host,
                    uri.authority.port,
                    uri.vhost
                )
            })
            .collect()
    }

    #[test]
    fn what_oslo_writes() {
        assert_eq!(parsed("rabbit://u:p@h:5673//"), ["amqp u:p h:5673 \"/\""]);
        assert_eq!(parsed("rabbit://u:p@h"), ["amqp u:p h:5672 \"/\""]);
        assert_eq!(parsed("rabbit://u:p@h/"), ["amqp u:p h:5672 \"/\""]);
        assert_eq!(parsed("rabbit://u:p%40%2f@h:1/cloud"), ["amqp u:p@/ h:1 \"cloud\""]);
        assert_eq!(parsed("rabbit://h/%2Fx?ssl=true"), ["amqps guest:guest h:5672 \"/x\""]);
        assert_eq!(
            parsed("rabbit://u:p@a:1,v:q@[fd00::1]:2/n"),
            ["amqp u:p a:1 \"n\"", "amqp v:q fd00::1:2 \"n\""]
        );
    }

    #[test]
    fn what_is_none_says_why_without_the_password() {
        for (text, why) in [
            ("u:secret@h", "no ://"),
            ("redis://u:secret@h", "another transport"),
            ("rabbit:///", "no host"),
            ("rabbit://u:secret@", "no host"),
            ("rabbit://u:secret@h:port/", "port"),
            ("rabbit://u:secret%zz@h/", "broken %"),
        ] {
            let error = text.parse::<TransportUrl>().unwrap_err().to_string();
            assert!(error.contains(why) && !error.contains("secret"), "{text}: {error}");
        }
        let url: TransportUrl = "rabbit://u:secret@h//".parse().unwrap();
        assert!(!format!("{url:?}").contains("secret"));
    }
}
