//! Asking one server for its tools: page by page, whatever of it can be used.

use std::collections::HashSet;
use std::sync::Arc;

use response_domain::caller::Credential;
use response_egress::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::{Instant, sleep};

use crate::exchange::Post;
use crate::fault::Fault;
use crate::few::Few;
use crate::link::{Era, Link};
use crate::message::Awaited;
use crate::options::Mode;
use crate::pace::Pace;
use crate::server::Server;
use crate::tool::{Tool, Unfit};
use crate::wire::{self, List};

/// How many pages a list may have.
const MAX_PAGES: usize = 64;
/// How many tools one server may list; what is offered in all has a limit of its own.
pub(crate) const MAX_LISTED: usize = 2_000;
/// How long the place may be at which a list goes on; it is sent back.
const MAX_CURSOR: usize = 16 * 1024;
/// How many lines one list may cost in the log.
const MAX_LINES: usize = 16;
/// How long to wait before a request is made again.
pub(crate) const RETRY_DELAY: std::time::Duration = std::time::Duration::from_millis(150);

const METHOD: &str = "tools/list";

/// The tools of one server, as it lists them.
#[derive(Debug)]
pub(crate) struct Listed {
    /// In the server's order, each name once.
    pub(crate) tools: Vec<Arc<Tool>>,
    /// When it was asked for.
    at: Instant,
}

/// The tools of one server, by name.
#[derive(Debug)]
pub(crate) struct Listing {
    /// Sorted by the server's name for them, so that one list has one order.
    pub(crate) tools: Vec<Arc<Tool>>,
    /// When it was asked for.
    pub(crate) at: Instant,
}

impl From<Listed> for Listing {
    fn from(Listed { mut tools, at }: Listed) -> Self {
        tools.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Self { tools, at }
    }
}

impl Listing {
    /// The tool that the server calls this.
    pub(crate) fn find(&self, name: &str) -> Option<&Arc<Tool>> {
        let at = self.tools.binary_search_by(|tool| (*tool.name).cmp(name));
        at.ok().and_then(|at| self.tools.get(at))
    }
}

/// For whom a list is fetched.
#[derive(Debug, Clone)]
pub(crate) struct Asker {
    pub(crate) credential: Credential,
    pub(crate) request_id: Arc<str>,
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    tools: Few<'a, MAX_LISTED>,
    #[serde(default, rename = "nextCursor")]
    next: Option<String>,
}

impl Server {
    /// Fetches the list. Trouble that may pass, and terms that have run out, are met with one
    /// more try. Tools of the `known` list that have not changed are kept.
    pub(crate) async fn list(
        self: &Arc<Self>,
        asker: &Asker,
        known: Option<&Listing>,
        pace: &Pace,
    ) -> Result<Listed, Fault> {
        match self.try_list(asker, known, pace).await {
            Err((fault, link)) => {
                let stale = link.filter(|link| self.is_doubtful(&fault, link));
                if stale.is_none() && !fault.is_passing() {
                    return Err(fault);
                }
                self.log_listed_again(&fault);
                match stale {
                    Some(link) => self.forget(&link, &asker.credential, pace).await,
                    None => sleep(RETRY_DELAY).await,
                }
                let again = self.try_list(asker, known, pace).await;
                again.map_err(|(fault, _)| fault)
            }
            Ok(listing) => Ok(listing),
        }
    }

    /// Whether the server may want other terms. That it wants bare requests was a guess, so any
    /// refusal of one speaks against it.
    fn is_doubtful(&self, fault: &Fault, link: &Link) -> bool {
        let was_a_guess = self.mode == Mode::Auto && link.era == Era::Bare;
        let speaks_against = matches!(
            fault,
            Fault::Rpc(_) | Fault::Refused { .. } | Fault::Protocol(_) | Fault::Malformed(_)
        );
        fault.is_stale(link.footing()) || (was_a_guess && speaks_against && !fault.is_passing())
    }

    async fn try_list(
        self: &Arc<Self>,
        asker: &Asker,
        known: Option<&Listing>,
        pace: &Pace,
    ) -> Result<Listed, (Fault, Option<Arc<Link>>)> {
        let at = Instant::now();
        let link = self
            .link(&asker.credential, pace)
            .await
            .map_err(|fault| (fault, None))?;
        let pages = self.pages(asker, &link, pace).await;
        let pages = pages.map_err(|fault| (fault, Some(link)))?;
        Ok(Listed {
            tools: self.gather(&pages, known),
            at,
        })
    }

    async fn pages(
        self: &Arc<Self>,
        asker: &Asker,
        link: &Arc<Link>,
        pace: &Pace,
    ) -> Result<Vec<Bytes>, Fault> {
        let mut pages = Vec::new();
        let mut cursor: Option<String> = None;
        let (mut listed, mut bytes) = (0, 0);
        loop {
            let answer = self
                .page(asker, link, cursor.as_deref(), pace.clone())
                .await;
            let answer = match answer {
                // A server of the handshake's era may have no tools and not know the method.
                Err(Fault::Rpc(error))
                    if error.code == wire::METHOD_NOT_FOUND && link.era == Era::Handshake =>
                {
                    return Ok(Vec::new());
                }
                other => other?,
            };
            let read: Page<'_> = serde_json::from_slice(&answer)
                .map_err(|_error| Fault::Protocol("its list of tools cannot be read"))?;
            listed += read.tools.kept.len() + read.tools.more;
            bytes += answer.len();
            let next = read.next.filter(|next| !next.is_empty());
            pages.push(answer.clone());
            let goes_on = next.is_some() && next != cursor;
            let is_long = pages.len() >= MAX_PAGES
                || listed >= self.most_tools
                || bytes >= self.list_limit
                || next.as_ref().is_some_and(|next| next.len() > MAX_CURSOR);
            if goes_on && is_long {
                self.log_cut_list(listed);
                return Ok(pages);
            }
            if !goes_on {
                return Ok(pages);
            }
            cursor = next;
        }
    }

    async fn page(
        self: &Arc<Self>,
        asker: &Asker,
        link: &Arc<Link>,
        cursor: Option<&str>,
        mut pace: Pace,
    ) -> Result<Bytes, Fault> {
        let id = self.next_id();
        let params = List {
            cursor,
            meta: self.meta(link),
        };
        let mut headers = self.headers(link, &asker.credential, METHOD);
        self.name_request(&mut headers, &asker.request_id);
        let post = Post {
            awaited: Awaited { id, token: None },
            headers,
            body: wire::request(id, METHOD, params),
            credential: &asker.credential,
            limit: self.list_limit,
        };
        let reply = self.exchange(post, link, &mut pace).await?;
        Ok(reply.result)
    }

    /// The tools that can be used, in their order, each name once.
    fn gather(&self, pages: &[Bytes], known: Option<&Listing>) -> Vec<Arc<Tool>> {
        let mut tools: Vec<Arc<Tool>> = Vec::new();
        let mut names = HashSet::new();
        let mut lines = 0;
        // A list may be all wrong, and is read again and again.
        let mut say = |line: &dyn Fn()| {
            lines += 1;
            if lines <= MAX_LINES {
                line();
            }
        };
        for page in pages {
            let Ok(page) = serde_json::from_slice::<Page<'_>>(page) else {
                continue;
            };
            let room = self.most_tools.saturating_sub(tools.len());
            for raw in page.tools.kept.into_iter().take(room) {
                match self.tool(raw, known, &mut say) {
                    Ok(tool) if names.insert(Arc::clone(&tool.name)) => tools.push(tool),
                    Ok(tool) => say(&|| self.log_listed_twice(&tool.name)),
                    Err(unfit) => say(&|| self.log_left_out(raw, &unfit)),
                }
            }
        }
        if lines > MAX_LINES {
            self.log_more_of_the_list(lines - MAX_LINES);
        }
        tools
    }

    fn tool(
        &self,
        raw: &RawValue,
        known: Option<&Listing>,
        say: &mut impl FnMut(&dyn Fn()),
    ) -> Result<Arc<Tool>, Unfit> {
        let known = known.and_then(|known| {
            let name = serde_json::from_str::<Named>(raw.get()).ok()?.name;
            known.find(&name)
        });
        if let Some(same) = known.filter(|known| known.is_listed_as(raw)) {
            return Ok(Arc::clone(same));
        }
        let tool = Tool::read(raw, self.trust, self.context)?;
        if let Some(before) = known {
            let changes = before.changes(&tool);
            if !changes.is_empty() {
                say(&|| self.log_changed_tool(&tool.name, &changes.join(", ")));
            }
        }
        Ok(Arc::new(tool))
    }
}

#[derive(Deserialize)]
struct Named {
    name: String,
}
