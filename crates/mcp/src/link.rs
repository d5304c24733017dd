//! The terms a server is spoken to on: found out once, remembered, shared by all calls, and made
//! anew when the server no longer knows them.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use response_domain::caller::Credential;
use response_egress::header::HeaderValue;
use tokio::time::{Instant, timeout_at};

use crate::fault::{Fault, Footing};
use crate::options::CredentialUse;
use crate::pace::Pace;
use crate::server::Server;

/// How many sessions, one for each credential, are kept for one server.
const MAX_SESSIONS: usize = 256;
/// How long a session that nobody uses is kept, and with it the credential it is for.
const SESSION_IDLE: Duration = Duration::from_mins(30);

/// The terms a server is spoken to on.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) era: Era,
    /// What `MCP-Protocol-Version` says.
    pub(crate) version: Option<HeaderValue>,
    /// What `Mcp-Session-Id` says.
    pub(crate) session: Option<HeaderValue>,
}

impl Link {
    /// Without any terms: bare requests, and the handshake itself.
    pub(crate) const BARE: Self = Self {
        era: Era::Bare,
        version: None,
        session: None,
    };

    pub(crate) fn footing(&self) -> Footing {
        if self.session.is_some() {
            Footing::Session
        } else {
            Footing::NoSession
        }
    }
}

/// The kinds of terms there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Era {
    /// JSON-RPC and nothing more.
    Bare,
    /// Agreed in a handshake; with a session or without.
    Handshake,
    /// Said in each request.
    Modern,
}

/// The links to one server.
#[derive(Debug)]
pub(crate) struct Links {
    credential: CredentialUse,
    /// One link for everybody: when the server keeps no sessions, or cannot tell callers apart.
    shared: ArcSwapOption<Link>,
    shared_slot: Arc<Slot>,
    /// One for each credential, because a server may bind a session to whoever opened it.
    own: Mutex<Own>,
}

/// One place for a link; its lock is held while the link is made, so it is made once.
type Slot = tokio::sync::Mutex<Option<Arc<Link>>>;

#[derive(Debug, Default)]
struct Own {
    entries: HashMap<u64, Entry>,
    hasher: RandomState,
}

#[derive(Debug)]
struct Entry {
    credential: Credential,
    slot: Arc<Slot>,
    used: Instant,
}

impl Links {
    pub(crate) fn new(credential: CredentialUse) -> Self {
        Self {
            credential,
            shared: ArcSwapOption::empty(),
            shared_slot: Arc::default(),
            own: Mutex::default(),
        }
    }

    fn slot(&self, credential: &Credential) -> (Arc<Slot>, Vec<Entry>) {
        match self.credential {
            CredentialUse::Withheld => (Arc::clone(&self.shared_slot), Vec::new()),
            CredentialUse::Forwarded => {
                let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
                own.slot(credential)
            }
        }
    }

    /// The slot of this credential, if it has one.
    fn existing(&self, credential: &Credential) -> Option<Arc<Slot>> {
        match self.credential {
            CredentialUse::Withheld => Some(Arc::clone(&self.shared_slot)),
            CredentialUse::Forwarded => {
                let own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
                let entry = own.entries.get(&own.key(credential))?;
                (entry.credential == *credential).then(|| Arc::clone(&entry.slot))
            }
        }
    }

    fn forget_shared(&self, stale: &Arc<Link>) {
        let current = self.shared.load();
        if current
            .as_ref()
            .is_some_and(|link| Arc::ptr_eq(link, stale))
        {
            self.shared.compare_and_swap(&*current, None);
        }
    }

    /// Every session, with the credential it is for; none is left.
    fn drain(&self) -> Vec<(Arc<Link>, Credential)> {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = own.entries.drain().map(|(_, entry)| entry);
        let mut links: Vec<_> = taken.filter_map(Entry::into_session).collect();
        let shared = self.shared.swap(None);
        links.extend(shared.map(|link| (link, Credential::Absent)));
        links
    }
}

impl Own {
    fn key(&self, credential: &Credential) -> u64 {
        match credential {
            Credential::Absent => 0,
            Credential::Bearer(token) => self.hasher.hash_one((1, token.as_str())),
            Credential::ApiKey(key) => self.hasher.hash_one((2, key.as_str())),
        }
    }

    /// The slot of this credential, and the entries that had to make room for it.
    fn slot(&mut self, credential: &Credential) -> (Arc<Slot>, Vec<Entry>) {
        let key = self.key(credential);
        let now = Instant::now();
        if let Some(entry) = self.entries.get_mut(&key)
            && entry.credential == *credential
        {
            entry.used = now;
            return (Arc::clone(&entry.slot), Vec::new());
        }
        let mut left = self.make_room(now);
        let slot = Arc::<Slot>::default();
        let entry = Entry {
            credential: credential.clone(),
            slot: Arc::clone(&slot),
            used: now,
        };
        left.extend(self.entries.insert(key, entry));
        (slot, left)
    }

    /// Takes out what nobody used for long, and the one used longest ago while there are too
    /// many; never one that is in use.
    fn make_room(&mut self, now: Instant) -> Vec<Entry> {
        let mut left: Vec<Entry> = Vec::new();
        let old = self
            .entries
            .extract_if(|_, entry| now - entry.used > SESSION_IDLE && entry.is_idle());
        left.extend(old.map(|(_, entry)| entry));
        if self.entries.len() >= MAX_SESSIONS {
            let idle = self.entries.iter().filter(|(_, entry)| entry.is_idle());
            let oldest = idle
                .min_by_key(|(_, entry)| entry.used)
                .map(|(key, _)| *key);
            left.extend(oldest.and_then(|key| self.entries.remove(&key)));
        }
        left
    }
}

impl Entry {
    fn is_idle(&self) -> bool {
        let unused = |link: &Option<Arc<Link>>| {
            link.as_ref()
                .is_none_or(|link| Arc::strong_count(link) == 1)
        };
        Arc::strong_count(&self.slot) == 1 && self.slot.try_lock().is_ok_and(|link| unused(&link))
    }

    fn into_session(self) -> Option<(Arc<Link>, Credential)> {
        let link = self.slot.try_lock().ok()?.take()?;
        Some((link, self.credential))
    }
}

impl Server {
    /// The terms for this caller; a handshake the first time.
    pub(crate) async fn link(
        self: &Arc<Self>,
        credential: &Credential,
        pace: &Pace,
    ) -> Result<Arc<Link>, Fault> {
        if let Some(link) = self.links.shared.load_full() {
            return Ok(link);
        }
        let (slot, left) = self.links.slot(credential);
        for (link, credential) in left.into_iter().filter_map(Entry::into_session) {
            let server = Arc::clone(self);
            self.common
                .background
                .spawn(async move { server.leave(&link, &credential).await });
        }
        let mut held = timeout_at(pace.until(), slot.lock())
            .await
            .map_err(|_elapsed| Fault::Timeout)?;
        if let Some(link) = &*held {
            return Ok(Arc::clone(link));
        }
        if let Some(link) = self.links.shared.load_full() {
            return Ok(link);
        }
        let link = Arc::new(self.connect(credential, pace).await?);
        let is_for_all = link.session.is_none() || self.links.credential == CredentialUse::Withheld;
        if is_for_all {
            self.links.shared.store(Some(Arc::clone(&link)));
        } else {
            *held = Some(Arc::clone(&link));
        }
        Ok(link)
    }

    /// Forgets terms that the server no longer knows, unless they were made anew already.
    pub(crate) async fn forget(&self, stale: &Arc<Link>, credential: &Credential, pace: &Pace) {
        self.links.forget_shared(stale);
        let Some(slot) = self.links.existing(credential) else {
            return;
        };
        if let Ok(mut place) = timeout_at(pace.until(), slot.lock()).await
            && place.as_ref().is_some_and(|link| Arc::ptr_eq(link, stale))
        {
            *place = None;
        }
    }

    /// Ends every session.
    pub(crate) async fn leave_all(&self) {
        let sessions = self.links.drain();
        let leaving = sessions
            .iter()
            .map(|(link, credential)| self.leave(link, credential));
        futures::future::join_all(leaving).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: usize) -> Credential {
        Credential::api_key(format!("sk_{n}"))
    }

    fn session() -> Arc<Link> {
        Arc::new(Link {
            era: Era::Handshake,
            version: None,
            session: Some(HeaderValue::from_static("s")),
        })
    }

    #[tokio::test]
    async fn each_credential_has_a_place_of_its_own() {
        let mut own = Own::default();
        let (ada, _) = own.slot(&key(1));
        let (grace, _) = own.slot(&key(2));
        let (bearer, _) = own.slot(&Credential::bearer("sk_1".into()));
        assert!(!Arc::ptr_eq(&ada, &grace));
        assert!(!Arc::ptr_eq(&ada, &bearer));
        assert!(Arc::ptr_eq(&ada, &own.slot(&key(1)).0));
    }

    #[tokio::test(start_paused = true)]
    async fn places_are_bounded_and_those_in_use_stay() {
        let mut own = Own::default();
        let busy = own.slot(&key(0)).0;
        let link = session();
        *own.slot(&key(1)).0.lock().await = Some(Arc::clone(&link));
        *own.slot(&key(2)).0.lock().await = Some(session());
        for n in 3..MAX_SESSIONS {
            tokio::time::advance(Duration::from_millis(1)).await;
            assert!(own.slot(&key(n)).1.is_empty(), "{n}");
        }
        let left = own.slot(&key(MAX_SESSIONS)).1;
        assert_eq!(left.len(), 1);
        assert!(left[0].credential == key(2));
        assert_eq!(own.entries.len(), MAX_SESSIONS);
        drop((busy, link));
        tokio::time::advance(SESSION_IDLE + Duration::from_secs(1)).await;
        assert_eq!(own.slot(&key(9999)).1.len(), MAX_SESSIONS);
        assert_eq!(own.entries.len(), 1);
    }
}
