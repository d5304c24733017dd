//! A stand-in for MCP Tools: an MCP server with small real tools at `/v1/mcp`.
//!
//! It speaks as the platform's server does: a bare JSON-RPC POST works without a handshake,
//! `tools/list` is answered as JSON and `tools/call` as an event stream, and a client that does
//! not accept both is refused with 406. `google_search` searches a folder of text files,
//! `scrape` fetches pages (public addresses, and the documents of this server, which are at
//! `/documents/NAME`), `calculator` and `clock` do what they say. A second MCP server at
//! `/notes/mcp` keeps notes for whoever brings [`NOTES_TOKEN`], and answers everybody else with 401.
//! [`ToolsOptions`] has the switches that tests of a client need; they hold for both.

mod calculator;
mod call;
mod catalog;
mod clock;
mod documents;
mod html;
mod library;
mod notes;
mod options;
mod page;
mod rpc;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::{HttpResponse, web};
use response_egress::Url;
use serde_json::{Value, json};
use tokio::sync::watch;

pub use self::options::{Answers, NOTES_TOKEN, Sessions, TestTools, ToolFailure, ToolsOptions};

use self::call::{Outcome, Workshop};
use self::library::Library;
use self::notes::Notes;
use self::page::Pages;
use crate::ledger::Ledger;
use crate::serve::{Running, StartError, serve};

/// The largest request, in bytes.
const LARGEST: usize = 64 << 20;

/// A running tool server. Dropping it stops it.
#[derive(Debug)]
pub struct Tools {
    running: Running,
    ledger: Ledger,
    shared: Shared,
}

impl Tools {
    /// Starts the server; it listens when this returns.
    pub fn start(options: &ToolsOptions) -> Result<Self, StartError> {
        let ledger = Ledger::keeping(options.keep_requests);
        let shared = Shared::default();
        shared.failures().clone_from(&options.failures);
        let library = library(options)?;
        // The server's own URL is known only when it listens, and its pages are then fetched
        // through a client that may call that address.
        let maker = Maker {
            options: options.clone(),
            library,
            ledger: ledger.clone(),
            shared: shared.clone(),
            pages: Pages::new(options.allow.clone()).map_err(StartError::Egress)?,
            notes: Notes::new(),
        };
        let running = serve(&options.listen, move |url, config| {
            config
                .app_data(web::Data::new(maker.state(url)))
                .app_data(web::PayloadConfig::new(LARGEST))
                .route("/v1/mcp", web::post().to(rpc::post))
                .route("/v1/mcp", web::get().to(rpc::get))
                .route("/v1/mcp", web::delete().to(rpc::delete))
                .service(
                    web::scope("/notes")
                        .app_data(web::Data::new(maker.notes()))
                        .route("/mcp", web::post().to(rpc::post))
                        .route("/mcp", web::get().to(rpc::get))
                        .route("/mcp", web::delete().to(rpc::delete)),
                )
                .route("/documents", web::get().to(documents::index))
                .route("/documents/{name}", web::get().to(documents::document))
                .route("/healthz", web::get().to(healthz))
                .default_service(web::to(unknown));
        })?;
        Ok(Self {
            running,
            ledger,
            shared,
        })
    }

    /// The base URL, to which `v1/mcp` is added.
    pub fn url(&self) -> &Url {
        self.running.url()
    }

    /// Where the notes are: a whole address, as callers name one.
    pub fn notes_url(&self) -> Url {
        let mut url = self.running.url().clone();
        url.set_path("notes/mcp");
        url
    }

    /// What was asked and how it ended.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Makes a tool fail from now on, or work again.
    pub fn set_failure(&self, tool: &str, failure: Option<ToolFailure>) {
        let mut failures = self.shared.failures();
        match failure {
            Some(failure) => failures.insert(tool.to_owned(), failure),
            None => failures.remove(tool),
        };
        drop(failures);
        self.shared.changed.send_replace(());
    }

    /// Forgets all sessions, as a restart does.
    pub fn expire_sessions(&self) {
        self.shared.sessions().clear();
    }

    /// Stops the server, cutting what is under way, and waits until its port is free.
    pub async fn stop(self) {
        self.running.stop().await;
    }
}

fn library(options: &ToolsOptions) -> Result<Arc<Library>, StartError> {
    let library = match &options.documents {
        None => Library::samples(),
        Some(path) => Library::folder(path).map_err(|source| StartError::Documents {
            path: path.display().to_string(),
            source,
        })?,
    };
    Ok(Arc::new(library))
}

async fn healthz() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "ok"}))
}

async fn unknown() -> HttpResponse {
    HttpResponse::NotFound().json(json!({"error": "not found"}))
}

/// What can change while the server runs, shared between its threads and its handle.
#[derive(Clone, Debug, Default)]
struct Shared {
    failures: Arc<Mutex<HashMap<String, ToolFailure>>>,
    /// Says that they changed.
    changed: watch::Sender<()>,
    sessions: Arc<Mutex<HashSet<String>>>,
}

impl Shared {
    fn failures(&self) -> MutexGuard<'_, HashMap<String, ToolFailure>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sessions(&self) -> MutexGuard<'_, HashSet<String>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What each thread's state is made of.
#[derive(Clone)]
struct Maker {
    options: ToolsOptions,
    library: Arc<Library>,
    ledger: Ledger,
    shared: Shared,
    pages: Pages,
    notes: Notes,
}

impl Maker {
    fn state(&self, url: &Url) -> State {
        let Self {
            options,
            library,
            ledger,
            shared,
            pages,
            notes: _,
        } = self.clone();
        let with_test_tools = options.test_tools == TestTools::Offered;
        let links = options.public_url.unwrap_or_else(|| url.clone());
        State {
            name: "devstack-tools",
            token: None,
            catalog: catalog::tools(with_test_tools),
            library: Arc::clone(&library),
            kit: Kit::Platform(Workshop {
                library,
                pages: pages.with_own(vec![url.clone(), links.clone()]),
                links,
                time: options.time,
                with_test_tools,
            }),
            ledger,
            shared,
            latency: options.latency,
            sessions: options.sessions,
            answers: options.answers,
            page_size: options.page_size,
        }
    }

    fn notes(&self) -> State {
        let options = &self.options;
        State {
            name: "devstack-notes",
            token: Some(options.notes_token.clone()),
            catalog: notes::catalog(),
            library: Arc::clone(&self.library),
            kit: Kit::Notes(self.notes.clone()),
            ledger: self.ledger.clone(),
            shared: self.shared.clone(),
            latency: options.latency,
            sessions: options.sessions,
            answers: options.answers,
            page_size: options.page_size,
        }
    }
}

/// The tools of a server.
enum Kit {
    Platform(Workshop),
    Notes(Notes),
}

impl Kit {
    /// Runs a tool, or `None` when there is none of that name.
    async fn call(&self, name: &str, arguments: Value) -> Option<Outcome> {
        match self {
            Self::Platform(workshop) => workshop.call(name, arguments).await,
            Self::Notes(notes) => notes.call(name, arguments),
        }
    }
}

struct State {
    name: &'static str,
    /// What clients must bring, if anything.
    token: Option<String>,
    catalog: Vec<Value>,
    /// The documents that can be fetched.
    library: Arc<Library>,
    kit: Kit,
    ledger: Ledger,
    shared: Shared,
    latency: Duration,
    sessions: Sessions,
    answers: Answers,
    page_size: Option<usize>,
}

impl State {
    /// How a tool fails, once it is not held any more.
    async fn failure(&self, tool: &str) -> Option<ToolFailure> {
        let mut changed = self.shared.changed.subscribe();
        loop {
            let failure = self.shared.failures().get(tool).cloned();
            if failure != Some(ToolFailure::Hold) {
                return failure;
            }
            // The sender lives in this state, so the wait cannot end for the want of one.
            let _ = changed.changed().await;
        }
    }

    fn open_sessions(&self) -> MutexGuard<'_, HashSet<String>> {
        self.shared.sessions()
    }
}
