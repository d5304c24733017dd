//! The settings: each one's key, variable, aliases, range and meaning, declared once.
//!
//! The defaults stand in `defaults.toml`. To add a setting, add its field here and its value there;
//! the tests say what else is missing.

use std::net::IpAddr;
use std::num::{NonZeroU16, NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use crate::callers::{Auth, Limits, Retention};
use crate::kind::{
    AuditLog, ByteSize, CallerServers, Ceiling, DatabaseUrl, EmbeddedWorkers, Endpoint, Factor,
    HostedTools, LogFormat, LogLevel, Migrations, Nets, OnMaxDepth, OnToolFailure, Percent,
    SigningSecrets, Threads, ToolNames, TraceExport, UrlShape, UserAgent, VaultKeys,
};
use crate::reader::{Findings, Reader, Values};
use crate::section::{Page, Section};
use crate::server::McpServer;

pub(crate) const NO_TIME: Duration = Duration::ZERO;
pub(crate) const ONE_DAY: Duration = Duration::from_hours(24);

section! {
    /// The HTTP face: where it listens, and how much one request may ask.
    Http in "http" {
        /// Port that the API listens on. 0 takes any free port and tells it in the log.
        port: u16 = 0..=u16::MAX, "RESPONSE_API_PORT", "HTTP_PORT";
        /// Address that the API listens on. Beyond loopback somebody has to tell callers apart: see
        /// `[auth]`.
        host: IpAddr = (), "RESPONSE_HOST";
        /// Longest request body; a longer one is refused with 413.
        body_limit: ByteSize = ByteSize::kib(1)..=ByteSize::gib(1), "RESPONSE_BODY_LIMIT";
        /// Deepest nesting of JSON in a request.
        json_depth: NonZeroUsize = 4..=120, "RESPONSE_JSON_DEPTH";
        /// Most tools that one request may name.
        max_tools: NonZeroUsize = 1..=4096, "RESPONSE_MAX_TOOLS";
        /// Most items in the input of one request; one in OpenAI's dialect, whose clients send whole transcripts, may have 16,384.
        max_input_items: NonZeroUsize = 1..=100_000, "RESPONSE_MAX_INPUT_ITEMS";
        /// What becomes of a request of the OpenAI dialect with a tool that only its vendor runs, such as
        /// `web_search`, or of a kind that is not known: `ignore` leaves the tool out with a note in the
        /// trace, `refuse` answers 400.
        hosted_tools: HostedTools = (), "RESPONSE_HOSTED_TOOLS";
        /// Longest `metadata` of one request, as JSON.
        metadata_limit: ByteSize = ByteSize::kib(1)..=ByteSize::mib(16), "RESPONSE_METADATA_LIMIT";
        /// Threads that serve HTTP. 0 takes as many as there are cores.
        threads: Threads = 0..=1024, "RESPONSE_HTTP_THREADS";
        /// Time without an event after which a stream gets a comment line, so that nobody between
        /// server and client takes it for dead.
        heartbeat: Duration = secs(1)..=mins(5), "RESPONSE_STREAM_HEARTBEAT";
        /// Time within which the headers of a request must have come.
        header_timeout: Duration = secs(1)..=mins(10), "RESPONSE_HEADER_TIMEOUT";
        /// Time within which the body of a request must have come.
        body_timeout: Duration = secs(1)..=mins(60), "RESPONSE_BODY_TIMEOUT";
        /// Most connections open at once; further ones wait to be accepted.
        max_connections: NonZeroUsize = 1..=1_000_000, "RESPONSE_MAX_CONNECTIONS";
        /// Most connections of one address at once, or of one /64 net of IPv6; further ones are closed. 0
        /// sets no limit. Behind a gateway all connections come from its address.
        connections_per_address: Ceiling = 0..=1_000_000, "RESPONSE_MAX_CONNECTIONS_PER_ADDRESS";
        /// Most bytes that the bodies of requests take up at once; beyond it a request is answered 503
        /// `overloaded`. At least as much as `http.body_limit`.
        body_memory: ByteSize = ByteSize::mib(1)..=ByteSize::gib(1024), "RESPONSE_BODY_MEMORY";
        /// Most streams open at once that hold no foreground run (background responses that are followed,
        /// streams that are read again, `WebSocket` connections); beyond it a request for one is answered 503
        /// `overloaded`.
        max_streams: NonZeroUsize = 1..=1_000_000, "RESPONSE_MAX_STREAMS";
        /// Most foreground runs at once; beyond it a request is answered 503 `overloaded`.
        max_foreground_runs: NonZeroUsize = 1..=1_000_000, "RESPONSE_MAX_FOREGROUND_RUNS";
        /// First stage of the shutdown: nothing new is taken, and what runs may end by itself for this
        /// long.
        shutdown_soft: Duration = NO_TIME..=mins(60), "RESPONSE_SHUTDOWN_SOFT";
        /// Second stage of the shutdown: what still runs is stopped, and has this long to write its
        /// end.
        shutdown_hard: Duration = secs(1)..=mins(10), "RESPONSE_SHUTDOWN_HARD";
    }
}

section! {
    /// Where responses are kept.
    Database in "database" {
        /// PostgreSQL to write to. Without it responses are kept in an embedded SQLite file in the
        /// data folder.
        write_dsn: Option<DatabaseUrl> = (), "DB_POSTGRESQL_WRITE_DSN";
        /// Read replica for lists and for responses that have ended; needs `database.write_dsn`.
        read_dsn: Option<DatabaseUrl> = (), "DB_POSTGRESQL_READ1_DSN";
        /// Whether the schema is brought up to date at the start. When it is not, `/readyz` says what
        /// is missing and `response-api migrate` does it.
        auto_migrate: Migrations = (), "AUTO_MIGRATE";
        /// Most database connections of one process.
        pool_size: NonZeroU32 = 1..=1000, "DB_POOL_SIZE";
        /// Time within which a connection must be had.
        connect_timeout: Duration = millis(100)..=mins(5), "DB_CONNECT_TIMEOUT";
        /// Longest time that one statement may take.
        statement_timeout: Duration = millis(100)..=mins(60), "DB_STATEMENT_TIMEOUT";
        /// Longest time that one statement may wait for a lock.
        lock_timeout: Duration = millis(100)..=mins(60), "DB_LOCK_TIMEOUT";
        /// Folder of the embedded database; made when it does not exist.
        data_dir: PathBuf = (), "RESPONSE_DATA_DIR";
    }
}

section! {
    /// The LLM API that answers for the models.
    Llm in "llm" {
        /// Base URL of the LLM API; `/v1/chat/completions` is added to it. `cargo xtask dev` supplies a
        /// stand-in.
        url: Endpoint = UrlShape::Base, "RESPONSE_LLM_API_URL", "LLM_API_URL";
        /// Key that is sent when the caller brings no credential of its own.
        api_key: Option<SecretString> = (), "RESPONSE_LLM_API_KEY";
        /// Time within which a connection must stand.
        connect_timeout: Duration = millis(100)..=mins(5), "RESPONSE_LLM_CONNECT_TIMEOUT";
        /// Time within which the first byte of an answer must come.
        first_byte_timeout: Duration = millis(100)..=mins(60), "RESPONSE_LLM_FIRST_BYTE_TIMEOUT";
        /// Longest silence between two pieces of an answer.
        idle_timeout: Duration = millis(100)..=mins(60), "RESPONSE_LLM_IDLE_TIMEOUT";
        /// Longest time of one model turn, retries included.
        turn_timeout: Duration = secs(1)..=ONE_DAY, "RESPONSE_LLM_TURN_TIMEOUT";
        /// How often a turn is tried again after a refusal that may pass (429, 5xx, no connection), as
        /// long as nothing of the answer has come.
        retries: u32 = 0..=10, "RESPONSE_LLM_RETRIES";
        /// Tokens that a model takes when the LLM API does not say.
        context_length: NonZeroU32 = 512..=100_000_000, "RESPONSE_CONTEXT_LENGTH";
        /// How long what the LLM API says about a model is kept. 0s asks each time.
        catalogue_cache: Duration = NO_TIME..=ONE_DAY, "RESPONSE_LLM_CATALOGUE_CACHE";
        /// Longest answer of one turn, as bytes on the wire.
        max_answer: ByteSize = ByteSize::kib(64)..=ByteSize::gib(1), "RESPONSE_LLM_MAX_ANSWER";
    }
}

section! {
    /// The MCP servers that bring the tools.
    Mcp in "mcp" {
        /// URL of MCP Tools; `/v1/mcp` is added when it names no path. Without it, and without further
        /// servers, there are no tools. Its `server_label` in a request is `default`.
        url: Option<Endpoint> = UrlShape::Exact, "RESPONSE_MCP_TOOLS_URL", "MCP_TOOLS_URL";
        /// How long a server's list of tools is kept. 0s asks each time.
        list_cache: Duration = NO_TIME..=ONE_DAY, "RESPONSE_TOOL_LIST_CACHE";
        /// Whether a request may bring an MCP server of its own, by `server_url`. It is called within
        /// what `[egress]` allows, with the headers that the request gives along and nothing else.
        caller_servers: CallerServers = (), "MCP_CALLER_SERVERS";
        /// Further MCP servers.
        servers: Vec<McpServer> = ();
    }
}

section! {
    /// How tools are called, and what their results may weigh.
    Tools in "tools" {
        /// Time that one call of a tool may take. A tool that reports progress starts it anew.
        timeout: Duration = millis(1)..=ONE_DAY, "TOOL_EXECUTION_TIMEOUT", "RESPONSE_TOOL_TIMEOUT";
        /// Time that one call may take whatever progress it reports.
        timeout_cap: Duration = millis(1)..=ONE_DAY, "RESPONSE_TOOL_TIMEOUT_CAP";
        /// How many calls of one round run side by side.
        parallelism: NonZeroUsize = 1..=64, "RESPONSE_TOOL_PARALLELISM";
        /// Longest result that is taken from a tool; what is longer is cut, with a notice.
        result_limit: ByteSize = ByteSize::kib(1)..=ByteSize::gib(1), "RESPONSE_TOOL_RESULT_LIMIT";
        /// Share of the model's context that one result may take; the model is shown no more than that,
        /// with a notice.
        result_share: Percent = 1..=100, "RESPONSE_TOOL_RESULT_SHARE";
        /// What a tool that times out or cannot be reached does to a run: `fail` ends it, `report` tells
        /// the model and goes on. A request's `tool_failure` comes first.
        failure: OnToolFailure = (), "RESPONSE_TOOL_FAILURE";
        /// Tools that may be called again when a call's outcome is unknown, besides those whose trusted
        /// server says so.
        idempotent: ToolNames = (), "RESPONSE_IDEMPOTENT_TOOLS";
    }
}

section! {
    /// How far one run may go.
    Runs in "runs" {
        /// Most rounds of tool calls in one run.
        max_depth: NonZeroU16 = 1..=15, "RESPONSE_MAX_TOOL_DEPTH", "MAX_TOOL_EXECUTION_DEPTH";
        /// What happens at that limit: `fail` ends the run with `max_depth_exceeded`, `answer` asks the
        /// model once more without tools.
        on_max_depth: OnMaxDepth = (), "RESPONSE_ON_MAX_DEPTH";
        /// Most tool calls in one round.
        max_calls_per_round: NonZeroU32 = 1..=1024, "RESPONSE_MAX_CALLS_PER_ROUND";
        /// Most tool calls in one run.
        max_calls: NonZeroU32 = 1..=16_384, "RESPONSE_MAX_CALLS";
        /// Longest time of a foreground run.
        foreground_timeout: Duration = secs(1)..=ONE_DAY, "RESPONSE_RUN_TIMEOUT";
        /// A stored foreground response that is answered sooner than this, without tools, is written
        /// once, at its end; one that takes longer gets its row then.
        write_behind: Duration = NO_TIME..=secs(10), "RESPONSE_WRITE_BEHIND";
        /// How often in a row the model may make the same fault in a tool call before the run ends.
        repair_limit: NonZeroU32 = 1..=15, "RESPONSE_REPAIR_LIMIT";
    }
}

section! {
    /// Responses that wait in a queue and run while nobody is connected.
    Background in "background" {
        /// How many background responses one process works on at once. 0 takes none.
        worker_count: u16 = 0..=1024, "BACKGROUND_WORKER_COUNT";
        /// How often the queue is looked at. What is put into it is announced besides, and seldom has
        /// to wait for this.
        poll_interval: Duration = millis(100)..=mins(5), "BACKGROUND_POLL_INTERVAL";
        /// Longest time of a background run from its first attempt on, all attempts together.
        task_timeout: Duration = secs(1)..=ONE_DAY, "BACKGROUND_TASK_TIMEOUT";
        /// How often a response is tried whose process is lost each time; then it fails with
        /// `worker_lost`.
        max_attempts: NonZeroU16 = 1..=100, "BACKGROUND_MAX_ATTEMPTS";
        /// Whether `response-api` works on background responses itself, as `response-worker` does:
        /// `auto` does so with the embedded database only.
        embedded: EmbeddedWorkers = (), "BACKGROUND_EMBEDDED";
        /// Most background responses of one owner that run at once. 0 sets no limit.
        owner_limit: Ceiling = 0..=1_000_000, "BACKGROUND_OWNER_LIMIT";
        /// Most responses that wait in the queue; beyond it a background request is refused. 0 sets no
        /// limit.
        queue_limit: Ceiling = 0..=100_000_000, "BACKGROUND_QUEUE_LIMIT";
        /// Most responses of one owner that wait in the queue; beyond it a background request is
        /// refused. 0 sets no limit.
        owner_queue_limit: Ceiling = 0..=100_000_000, "BACKGROUND_OWNER_QUEUE_LIMIT";
    }
}

section! {
    /// What is told when background responses end: to the address that a request names in
    /// `metadata.webhook_url`, and to registered endpoints.
    Webhooks in "webhooks" {
        /// How often the address of a request is tried, the first attempt counted. Registered endpoints
        /// are tried ten times over three days.
        max_attempts: NonZeroU16 = 1..=20, "WEBHOOK_MAX_RETRIES";
        /// Pause between two attempts to reach the address of a request.
        retry_delay: Duration = millis(10)..=ONE_DAY, "WEBHOOK_RETRY_DELAY";
        /// By what each of these pauses is longer than the one before; 1 keeps them equal.
        retry_backoff: Factor = 1.0..=10.0, "WEBHOOK_RETRY_BACKOFF";
        /// Time that one attempt may take until the headers of the answer are there, name lookup,
        /// connection and TLS included; for registered endpoints too.
        timeout: Duration = secs(1)..=secs(60), "WEBHOOK_TIMEOUT";
        /// `User-Agent` of every webhook.
        user_agent: UserAgent = (), "WEBHOOK_USER_AGENT";
        /// Secrets that sign what is sent to the addresses of requests, the newest first; each of them
        /// signs. Without one it is sent unsigned. Registered endpoints have secrets of their own.
        secret: Option<SigningSecrets> = (), "WEBHOOK_SECRET";
        /// How many webhooks one process sends at once; a quarter of that comes on top for those that
        /// did not arrive at first. One owner may have half of them, one address a quarter.
        parallelism: NonZeroU16 = 16..=16_384, "WEBHOOK_PARALLELISM";
    }
}

section! {
    /// What may be called because a caller names it, as the address of a webhook or of an MCP server.
    Egress in "egress" {
        /// Nets that callers may name although they are not public. Whoever may call this API can have
        /// requests sent to everything in them; meant for development, and for receivers and MCP servers
        /// inside.
        allow_cidrs: Nets = (), "EGRESS_ALLOW_CIDRS";
    }
}

section! {
    /// How the credentials of callers are kept while their background responses wait, and the secrets of
    /// webhook endpoints.
    Vault in "vault" {
        /// Keys that seal them: the first one seals, every one opens. Without them the embedded
        /// database gets a key file, `vault.key` in the data folder; with PostgreSQL a background
        /// request that brings a credential is refused, webhook endpoints cannot be registered, and
        /// `response-worker` does not start.
        keys: Option<VaultKeys> = (), "RESPONSE_VAULT_KEYS";
    }
}

section! {
    /// The face of `response-worker`, which serves `/healthz`, `/readyz` and `/metrics` only.
    Worker in "worker" {
        /// Address that it listens on.
        host: IpAddr = (), "RESPONSE_WORKER_HOST";
        /// Port that it listens on. 0 takes any free port and tells it in the log.
        port: u16 = 0..=u16::MAX, "RESPONSE_WORKER_PORT";
    }
}

section! {
    /// What the process tells about itself.
    Log in "log" {
        /// Least weighty line that is written.
        level: LogLevel = (), "RESPONSE_LOG_LEVEL", "RESPONSE_API_LOG_LEVEL", "LOG_LEVEL";
        /// Shape of a line: `json` for machines, `pretty` for people, `auto` is `pretty` on a terminal
        /// and `json` elsewhere.
        format: LogFormat = (), "RESPONSE_LOG_FORMAT";
        /// Whether each request that changes what is kept, and each credential that is refused, is told in
        /// one line of the target `audit`, at the level `info`: who, by what means, what, how it ended.
        audit: AuditLog = (), "RESPONSE_AUDIT_LOG";
        /// Whether traces are exported.
        traces: TraceExport = (), "ENABLE_TRACING";
    }
}

macro_rules! settings {
    ($($(#[doc = $meaning:literal])+ $field:ident: $section:ty;)+) => {
        /// Everything an operator may choose, checked.
        #[derive(Debug, Clone)]
        pub struct Settings {
            $($(#[doc = $meaning])+ pub $field: $section,)+
        }

        /// The registry: every section with every setting, in the order of the documents.
        pub(crate) const SECTIONS: &[Page] = &[$(Page::of::<$section>()),+];

        impl Settings {
            /// `None` when any section had a fault; the findings then hold all of them.
            pub(crate) fn read(values: &Values, findings: &mut Findings) -> Option<Self> {
                $(let $field = read_section::<$section>(values, findings);)+
                Some(Self { $($field: $field?),+ })
            }
        }
    };
}

settings! {
    /// The HTTP face.
    http: Http;
    /// Where responses are kept.
    database: Database;
    /// The LLM API.
    llm: Llm;
    /// The MCP servers.
    mcp: Mcp;
    /// Tool calls.
    tools: Tools;
    /// Runs.
    runs: Runs;
    /// Background responses.
    background: Background;
    /// Webhooks.
    webhooks: Webhooks;
    /// What callers may name.
    egress: Egress;
    /// Sealed credentials and secrets.
    vault: Vault;
    /// The face of the worker.
    worker: Worker;
    /// Logs.
    log: Log;
    /// Who may call.
    auth: Auth;
    /// What one caller may take.
    limits: Limits;
    /// How long what has ended is kept.
    retention: Retention;
}

pub(crate) fn read_section<S: Section>(values: &Values, findings: &mut Findings) -> Option<S> {
    let mut reader = Reader::over(values.section(S::KEY), S::KEY);
    let section = S::read(&mut reader);
    findings.take(reader.findings());
    section
}

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

pub(crate) const fn mins(mins: u64) -> Duration {
    Duration::from_mins(mins)
}
