//! The tools of all servers as one list: fetched once, remembered, and made anew behind the back
//! of whoever asks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use futures::future::join_all;
use response_domain::ports::tools::{ToolError, ToolErrorKind};
use response_domain::tool::{Approval, Repeat, ToolHome, ToolSpec};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::fault::Fault;
use crate::listing::{Asker, Listing};
use crate::names;
use crate::options::{First, Options};
use crate::pace::Pace;
use crate::server::{Common, Server};
use crate::tool::Tool;

/// How soon a server that did not answer is asked again.
const AFTER_FAILURE: Duration = Duration::from_secs(5);
/// How soon a list that is said to have changed is asked for again.
const AFTER_CHANGE: Duration = Duration::from_secs(1);
/// How long a list is still used when its server cannot be asked for a new one.
const MAX_STALE: Duration = Duration::from_mins(15);

/// Every tool there is.
#[derive(Debug)]
pub(crate) struct Catalog {
    pub(crate) servers: Box<[Arc<Server>]>,
    /// What they are called, in the same order.
    pub(crate) labels: Box<[Arc<str>]>,
    current: ArcSwapOption<Snapshot>,
    /// Held while the first list is fetched, so it is fetched once; keeps the last failure for a
    /// moment, so those who waited do not all try again.
    first: Mutex<Option<Failed>>,
    is_refreshing: AtomicBool,
    common: Common,
    first_server: First,
    fresh: Duration,
    list_timeout: Duration,
    max_tools: usize,
    repeat_safe: Vec<String>,
}

/// The lists of all servers at one time.
#[derive(Debug)]
struct Snapshot {
    specs: Arc<[Arc<ToolSpec>]>,
    /// In the order of the servers; absent for one that could not be asked.
    listings: Vec<Option<Arc<Listing>>>,
    at: Instant,
    fresh_until: Instant,
}

#[derive(Debug)]
struct Failed {
    until: Instant,
    kind: ToolErrorKind,
    message: String,
}

impl Catalog {
    pub(crate) fn new(servers: Box<[Arc<Server>]>, options: &Options, common: Common) -> Self {
        let labels = servers.iter().map(|server| Arc::clone(&server.label));
        Self {
            labels: labels.collect(),
            servers,
            current: ArcSwapOption::empty(),
            first: Mutex::new(None),
            is_refreshing: AtomicBool::new(false),
            common,
            first_server: options.first,
            fresh: options.list_fresh,
            list_timeout: options.list_timeout(),
            max_tools: options.max_tools,
            repeat_safe: options.repeat_safe.clone(),
        }
    }

    /// Every tool on offer. Only the first one who asks waits for the servers, unless every one
    /// is to.
    pub(crate) async fn list(
        self: &Arc<Self>,
        asker: impl Fn() -> Asker,
    ) -> Result<Arc<[Arc<ToolSpec>]>, ToolError> {
        if self.fresh.is_zero() {
            let snapshot = self.fetch(&asker()).await?;
            return Ok(Arc::clone(&snapshot.specs));
        }
        if let Some(snapshot) = &*self.current.load() {
            let now = Instant::now();
            let is_stale = now >= snapshot.fresh_until
                || (self.common.changed.load(Ordering::Relaxed)
                    && now >= snapshot.at + AFTER_CHANGE);
            if is_stale {
                self.refresh_behind(&asker);
            }
            return Ok(Arc::clone(&snapshot.specs));
        }
        let snapshot = self.fetch_first(&asker()).await?;
        Ok(Arc::clone(&snapshot.specs))
    }

    /// A server and its tool of this name, if it lists one.
    pub(crate) async fn find(
        self: &Arc<Self>,
        label: &str,
        name: &str,
        asker: impl Fn() -> Asker,
    ) -> Result<Option<(&Arc<Server>, Option<Arc<Tool>>)>, ToolError> {
        let mut servers = self.servers.iter().enumerate();
        let Some((at, server)) = servers.find(|(_, server)| &*server.label == label) else {
            return Ok(None);
        };
        let snapshot = match self.current.load_full() {
            Some(snapshot) => snapshot,
            None => self.fetch_first(&asker()).await?,
        };
        let listing = snapshot.listings.get(at).and_then(Option::as_ref);
        let tool = listing.and_then(|listing| listing.find(name)).cloned();
        Ok(Some((server, tool)))
    }

    async fn fetch_first(self: &Arc<Self>, asker: &Asker) -> Result<Arc<Snapshot>, ToolError> {
        let mut failed = self.first.lock().await;
        if let Some(snapshot) = self.current.load_full() {
            return Ok(snapshot);
        }
        if let Some(failed) = failed
            .as_ref()
            .filter(|failed| Instant::now() < failed.until)
        {
            return Err(ToolError {
                kind: failed.kind,
                message: failed.message.clone(),
                source: None,
            });
        }
        match self.fetch(asker).await {
            Ok(snapshot) => {
                *failed = None;
                Ok(snapshot)
            }
            Err(error) => {
                // Another caller's credential may be good.
                let is_for_all = error.kind != ToolErrorKind::Unauthorized;
                *failed = is_for_all.then(|| Failed {
                    until: Instant::now() + AFTER_CHANGE,
                    kind: error.kind,
                    message: error.message.clone(),
                });
                Err(error)
            }
        }
    }

    /// Fetches anew on the main runtime, unless that is under way.
    fn refresh_behind(self: &Arc<Self>, asker: &impl Fn() -> Asker) {
        if self.is_refreshing.swap(true, Ordering::AcqRel) {
            return;
        }
        let catalog = Arc::clone(self);
        let asker = asker();
        self.common.background.spawn(async move {
            let done = Done(&catalog.is_refreshing);
            if let Err(error) = catalog.fetch(&asker).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the list of tools is too old to be used and could not be made anew"
                );
                catalog.current.store(None);
            }
            drop(done);
        });
    }

    /// Asks every server, side by side, and keeps what came.
    async fn fetch(&self, asker: &Asker) -> Result<Arc<Snapshot>, ToolError> {
        self.common.changed.store(false, Ordering::Relaxed);
        let before = self.current.load_full();
        let known = |at: usize| {
            let before = before.as_ref()?;
            before.listings.get(at)?.clone()
        };
        let lists = self.servers.iter().enumerate().map(|(at, server)| {
            let known = known(at);
            let pace = Pace::fixed(self.list_timeout);
            async move {
                let listing = server.list(asker, known.as_deref(), &pace).await;
                (at, server, known, listing)
            }
        });
        let mut listings = Vec::with_capacity(self.servers.len());
        let mut failed = None;
        for (at, server, known, listing) in join_all(lists).await {
            listings.push(match listing {
                Ok(listed) => Some(Arc::new(Listing::from(listed))),
                Err(fault) => {
                    let known = still_good(server, known, &fault);
                    let error = server.error(fault);
                    if known.is_none() && self.is_main(at) {
                        return Err(error);
                    }
                    failed.get_or_insert(error);
                    known
                }
            });
        }
        let all_answered = failed.is_none();
        if let Some(error) = failed.filter(|_| listings.iter().all(Option::is_none)) {
            return Err(error);
        }
        let now = Instant::now();
        let fresh_for = if all_answered {
            self.fresh
        } else {
            self.fresh.min(AFTER_FAILURE)
        };
        let snapshot = Arc::new(Snapshot {
            specs: self.merge(&listings, before.as_deref()),
            listings,
            at: now,
            fresh_until: now + fresh_for,
        });
        self.current.store(Some(Arc::clone(&snapshot)));
        Ok(snapshot)
    }

    fn is_main(&self, at: usize) -> bool {
        at == 0 && self.first_server == First::Main
    }

    /// One list out of all, with a name for each tool; the same list as before where nothing has
    /// changed.
    fn merge(
        &self,
        listings: &[Option<Arc<Listing>>],
        before: Option<&Snapshot>,
    ) -> Arc<[Arc<ToolSpec>]> {
        let all = || {
            let servers = self.servers.iter().zip(listings).enumerate();
            servers.flat_map(|(at, (server, listing))| {
                let tools = listing.iter().flat_map(|listing| &listing.tools);
                tools.map(move |tool| (at, server, tool))
            })
        };
        let listed = all().count();
        if listed > self.max_tools {
            tracing::warn!(
                tools = listed,
                offered = self.max_tools,
                "there are more tools than may be offered; the last ones are left out"
            );
        }
        let names = names::assign(all().take(self.max_tools).map(|(at, server, tool)| {
            let label = (!self.is_main(at)).then_some(&*server.label);
            (label, &*tool.name)
        }));
        let specs = all().zip(names).map(|((_, server, tool), name)| {
            let is_listed_safe = self.repeat_safe.iter().any(|safe| **safe == *name);
            ToolSpec {
                home: ToolHome::Server {
                    label: Arc::clone(&server.label),
                    name: Arc::clone(&tool.name),
                    url: None,
                },
                description: tool.description.clone(),
                parameters: tool.parameters.clone(),
                repeat: if is_listed_safe {
                    Repeat::Safe
                } else {
                    tool.repeat
                },
                strict: None,
                annotations: tool.annotations.clone(),
                approval: Approval::Waived,
                name,
            }
        });
        let specs: Vec<Arc<ToolSpec>> = specs.map(Arc::new).collect();
        match before {
            Some(before) if *before.specs == *specs => Arc::clone(&before.specs),
            _ => specs.into(),
        }
    }
}

/// The last list of a server that did not give a new one, while it is not too old.
fn still_good(server: &Server, known: Option<Arc<Listing>>, fault: &Fault) -> Option<Arc<Listing>> {
    let known = known.filter(|known| Instant::now() < known.at + MAX_STALE);
    tracing::warn!(
        mcp.server = &*server.label,
        tools.kept = known.as_ref().map_or(0, |known| known.tools.len()),
        error = fault as &dyn std::error::Error,
        "a tool server did not list its tools"
    );
    known
}

/// Takes the mark away however the refresh ends.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}
