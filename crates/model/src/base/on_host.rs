//! How a base is on a host, as the control plane knows it.

use crate::id::{HostName, ImageId};
use crate::message::{HostBase, HostBaseState};
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

/// So far a host's clock may be ahead of ours and still be taken for right.
const AHEAD_SECONDS: i64 = 300;

/// A row of what hosts have told of their bases.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BaseOnHost {
    /// The host.
    pub host: HostName,
    /// The image.
    pub image: ImageId,
    /// How it is.
    pub state: KnownBaseState,
    /// Since when.
    pub since: Timestamp,
    /// The host's own time of the newest news taken; `None` before the first.
    pub heard_at: Option<Timestamp>,
}

/// How a base is on a host, for good until the next news.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum KnownBaseState {
    /// There.
    Cached,
    /// Ordered.
    Caching,
    /// It should be there, and is not, or not as it was taken in.
    Lost(String),
    /// It was ordered and could not be made.
    Failed(String),
    /// Not there, and need not be.
    Gone,
}

impl KnownBaseState {
    /// Its name: in the API, and in the store.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Cached => "cached",
            Self::Caching => "caching",
            Self::Lost(_) => "lost",
            Self::Failed(_) => "failed",
            Self::Gone => "gone",
        }
    }

    /// What is to be known of it beside the name.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::Lost(why) | Self::Failed(why) => Some(why),
            Self::Cached | Self::Caching | Self::Gone => None,
        }
    }

    /// From its name and detail.
    pub fn parse(name: &str, detail: Option<String>) -> Option<Self> {
        match name {
            "cached" => Some(Self::Cached),
            "caching" => Some(Self::Caching),
            "lost" => Some(Self::Lost(detail.unwrap_or_default())),
            "failed" => Some(Self::Failed(detail.unwrap_or_default())),
            "gone" => Some(Self::Gone),
            _ => None,
        }
    }
}

impl From<&HostBaseState> for KnownBaseState {
    fn from(news: &HostBaseState) -> Self {
        match news {
            HostBaseState::Cached | HostBaseState::Healed => Self::Cached,
            HostBaseState::Caching => Self::Caching,
            HostBaseState::Lost(why) => Self::Lost(why.clone()),
            HostBaseState::Gone => Self::Gone,
            HostBaseState::Failed(why) => Self::Failed(why.clone()),
        }
    }
}

impl BaseOnHost {
    /// What news make of a row, `None` if it says so already or knows better. News are ordered by the host's own clock, which is not ours: after a time
    /// that is far from having come, it was wrong, and any news count.
    pub fn after(
        known: Option<&Self>,
        host: &HostName,
        news: &HostBase,
        now: Timestamp,
    ) -> Option<Self> {
        let state = KnownBaseState::from(&news.state);
        if let Some(known) = known {
            let stale = known
                .heard_at
                .is_some_and(|at| news.since < at && at <= now.plus_seconds(AHEAD_SECONDS));
            let same = known.state == state && known.heard_at == Some(news.since);
            if stale || same {
                return None;
            }
        }
        Some(Self {
            host: host.clone(),
            image: news.image,
            state,
            since: news.since,
            heard_at: Some(news.since),
        })
    }

    /// What an order to have the base makes of a row; `None` where it is there, or on its way.
    pub fn ordered(
        known: Option<&Self>,
        host: &HostName,
        image: ImageId,
        now: Timestamp,
    ) -> Option<Self> {
        let heard_at = match known.map(|known| &known.state) {
            Some(KnownBaseState::Cached | KnownBaseState::Caching) => return None,
            Some(KnownBaseState::Lost(_) | KnownBaseState::Failed(_) | KnownBaseState::Gone)
            | None => known.and_then(|known| known.heard_at),
        };
        Some(Self {
            host: host.clone(),
            image,
            state: KnownBaseState::Caching,
            since: now,
            heard_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{BaseOnHost, KnownBaseState};
    use crate::id::{HostName, ImageId};
    use crate::message::{HostBase, HostBaseState};
    use crate::timestamp::Timestamp;

    fn news(state: HostBaseState, since: i64) -> HostBase {
        HostBase { image: ImageId(uuid::Uuid::nil()), state, since: Timestamp(since) }
    }

    #[test]
    fn old_and_doubled_news_change_nothing() {
        let host = HostName::from("h");
        let after = |known: Option<&BaseOnHost>, state, since| {
            BaseOnHost::after(known, &host, &news(state, since), Timestamp(100))
        };
        let lost = after(None, HostBaseState::Lost("gone".into()), 10).unwrap();
        let healed = after(Some(&lost), HostBaseState::Healed, 20).unwrap();
        assert_eq!((&healed.state, healed.since), (&KnownBaseState::Cached, Timestamp(20)));
        assert_eq!(after(Some(&healed), HostBaseState::Lost("gone".into()), 10), None);
        assert_eq!(after(Some(&healed), HostBaseState::Healed, 20), None);
        // The host's clock stood in the future, and has been put right.
        let ahead = after(Some(&healed), HostBaseState::Gone, 300_000_101).unwrap();
        assert!(after(Some(&ahead), HostBaseState::Cached, 30).is_some());
    }

    #[test]
    fn an_order_forgets_no_news() {
        let host = HostName::from("h");
        let image = ImageId(uuid::Uuid::nil());
        let ordered =
            |known: Option<&BaseOnHost>| BaseOnHost::ordered(known, &host, image, Timestamp(50));
        let first = ordered(None).unwrap();
        assert_eq!(
            (first.state.name(), first.since, first.heard_at),
            ("caching", Timestamp(50), None)
        );
        assert_eq!(ordered(Some(&first)), None);
        // The host's clock is behind ours: its answer counts all the same.
        let now = Timestamp(60);
        let gone =
            BaseOnHost::after(Some(&first), &host, &news(HostBaseState::Gone, 3), now).unwrap();
        let again = ordered(Some(&gone)).unwrap();
        assert_eq!(again.heard_at, Some(Timestamp(3)));
        let cached =
            BaseOnHost::after(Some(&again), &host, &news(HostBaseState::Cached, 4), now).unwrap();
        assert_eq!(cached.state, KnownBaseState::Cached);
        assert_eq!(ordered(Some(&cached)), None);
    }
}
