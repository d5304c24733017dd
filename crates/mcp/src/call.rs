//! Calling a tool: arguments checked, posted once, cancelled at the server when nobody waits any
//! more. What the tool says, good or bad, is a reply; only trouble with the server is an error.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use response_domain::caller::Credential;
use response_domain::json::Json;
use response_domain::ports::llm::CallContext;
use response_domain::ports::tools::ToolError;
use response_domain::tool::{Repeat, ToolCall, ToolReply, ToolSpec, Verdict};
use response_egress::Bytes;
use response_egress::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::time::sleep;

use crate::arguments;
use crate::check::{Check, Finding};
use crate::exchange::Post;
use crate::fault::{Fault, Footing};
use crate::link::{Era, Link};
use crate::listing::{Asker, RETRY_DELAY};
use crate::message::Awaited;
use crate::mirror::{self, Mirror};
use crate::options::ContextArguments;
use crate::pace::Pace;
use crate::registry::Catalog;
use crate::result;
use crate::schema::{ContextArgument, Parameters};
use crate::server::{NamedBy, Server};
use crate::tool::Tool;
use crate::wire::{self, Call, Meta};

const METHOD: &str = "tools/call";
const TOOL_CALL_ID: HeaderName = HeaderName::from_static("x-tool-call-id");
const CONVERSATION_ID: HeaderName = HeaderName::from_static("x-conversation-id");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const NAME: HeaderName = HeaderName::from_static("mcp-name");

/// How long a call may take, and how much of its result is kept.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    pub(crate) pace: Pace,
    pub(crate) result: usize,
}

/// What is said of a tool that no server runs.
pub(crate) fn homeless(call: &ToolCall) -> ToolReply {
    let text = format!("The tool `{}` is not run by a tool server.", call.tool.name);
    ToolReply::complaint(Verdict::UnknownTool, text)
}

/// Calls a tool of a configured server.
pub(crate) async fn configured(
    catalog: &Arc<Catalog>,
    (label, name): (&str, &str),
    call: &ToolCall,
    context: &CallContext,
    limits: Limits,
) -> Result<ToolReply, ToolError> {
    let asker = || Asker {
        credential: context.credential.clone(),
        request_id: Arc::clone(&context.request_id),
    };
    let Some((server, tool)) = catalog.find(label, name, asker).await? else {
        let text = format!("The tool `{}` is no longer available.", call.tool.name);
        return Ok(ToolReply::complaint(Verdict::UnknownTool, text));
    };
    if tool.is_none() {
        tracing::warn!(
            mcp.server = label,
            tool.name = &*call.tool.name,
            "a tool that was on offer is not listed any more; it is called as it was offered"
        );
    }
    let held = Held::to_offer(&call.tool, tool.as_deref(), server.context);
    let arguments = match held.prepare(server, call, context).await {
        Ok(arguments) => arguments,
        Err(what) => return Ok(bad_arguments(call, &what)),
    };
    let calling = Calling {
        server,
        name,
        mirrors: tool.as_ref().map_or(&[][..], |tool| &tool.mirrors),
        call,
        context,
        arguments,
        execution: call.execution.to_string(),
    };
    calling.reply(limits).await
}

/// Calls a tool of a server that the caller names.
pub(crate) async fn strange(
    server: &Arc<Server>,
    name: &str,
    call: &ToolCall,
    context: &CallContext,
    limits: Limits,
) -> Result<ToolReply, ToolError> {
    let held = Held::to_offer(&call.tool, None, server.context);
    let arguments = match held.prepare(server, call, context).await {
        Ok(arguments) => arguments,
        Err(what) => return Ok(bad_arguments(call, &what)),
    };
    // A schema that asks for headers that cannot be is not listed.
    let mirrors = mirror::read(&call.tool.parameters).unwrap_or_default();
    let calling = Calling {
        server,
        name,
        mirrors: &mirrors,
        call,
        context,
        arguments,
        execution: call.execution.to_string(),
    };
    calling.reply(limits).await
}

/// What the arguments of a call are held to: the tool as the run offered it, whatever its server says of it
/// by now.
struct Held {
    check: Arc<Check>,
    fill_in: Vec<ContextArgument>,
}

impl Held {
    fn to_offer(offered: &ToolSpec, listed: Option<&Tool>, context: ContextArguments) -> Self {
        if let Some(listed) = listed.filter(|listed| listed.parameters == offered.parameters) {
            return Self {
                check: Arc::clone(listed.check()),
                fill_in: listed.context.clone(),
            };
        }
        // Either the server has changed it since, or the request words it in its own way. What is filled in
        // is no longer in what was shown, unless a request put it there.
        let is_given = context == ContextArguments::Given;
        let own = Parameters::read(Some(offered.parameters.raw()), is_given).ok();
        let (shown, mut fill_in) = match own {
            Some(own) => (own.shown, own.context),
            None => (offered.parameters.clone(), Vec::new()),
        };
        let more = listed.map_or(&[][..], |listed| &listed.context);
        let more = more.iter().filter(|it| !fill_in.contains(it)).copied();
        let more: Vec<_> = more.collect();
        fill_in.extend(more);
        Self {
            check: Arc::new(Check::new(&shown)),
            fill_in,
        }
    }

    /// The arguments as they are sent, or what is wrong with them in words for the model.
    async fn prepare(
        &self,
        server: &Server,
        call: &ToolCall,
        context: &CallContext,
    ) -> Result<Json, String> {
        let given = arguments::read(call, &self.fill_in)?;
        match server.common.checker.find(&self.check, given).await {
            Finding::Fits => {}
            Finding::Unfit(why) => return Err(why),
            Finding::Spent => server.log_unchecked(&call.tool.name),
        }
        arguments::filled(call, context, &self.fill_in)
    }
}

fn bad_arguments(call: &ToolCall, what: &str) -> ToolReply {
    let text = format!("Bad arguments for `{}`. {what}", call.tool.name);
    ToolReply::complaint(Verdict::BadArguments, text)
}

fn read(result: &Bytes, limit: usize) -> Option<ToolReply> {
    let outcome = result::read(result, limit)?;
    Some(ToolReply {
        text: Arc::from(outcome.text),
        verdict: if outcome.is_error {
            Verdict::ToolSaysError
        } else {
            Verdict::Done
        },
    })
}

/// The faults that the model is to read: the tool's own, and results that are too large.
fn complaint(fault: &Fault) -> Option<ToolReply> {
    let text = match fault {
        Fault::TooLarge(limit) => format!(
            "The tool's result is larger than {limit} bytes and was thrown away. Ask for less."
        ),
        Fault::Refused { status, .. } if !status.is_client_error() => return None,
        Fault::Refused { status, .. } if matches!(status.as_u16(), 401 | 403 | 407 | 408 | 429) => {
            return None;
        }
        fault => {
            let error = fault.rpc()?;
            let is_of_transport = match error.code {
                wire::PARSE_ERROR
                | wire::INVALID_REQUEST
                | wire::HEADER_MISMATCH
                | wire::MISSING_CAPABILITY
                | wire::UNSUPPORTED_VERSION => true,
                _ => error.is_timeout() || fault.is_stale(Footing::NoSession),
            };
            if is_of_transport {
                return None;
            }
            result::complaint(error)
        }
    };
    Some(ToolReply::complaint(Verdict::ToolSaysError, text))
}

/// One call that is under way.
struct Calling<'a> {
    server: &'a Arc<Server>,
    name: &'a str,
    mirrors: &'a [Mirror],
    call: &'a ToolCall,
    context: &'a CallContext,
    arguments: Json,
    /// The execution's id: names the call in headers, progress and retries, to a server that the operator
    /// knows.
    execution: String,
}

impl Calling<'_> {
    async fn reply(&self, limits: Limits) -> Result<ToolReply, ToolError> {
        match self.run(limits.pace).await {
            Ok(result) => read(&result, limits.result)
                .ok_or(Fault::Protocol("its result is not one of a tool"))
                .map_err(|fault| self.server.error(fault)),
            Err(fault) => complaint(&fault).map_or_else(|| Err(self.server.error(fault)), Ok),
        }
    }

    /// Posts the call. It is posted again only when the first post certainly did nothing, or when
    /// the tool may be called twice; each reason counts once.
    async fn run(&self, mut pace: Pace) -> Result<Bytes, Fault> {
        let credential = &self.context.credential;
        let (mut renewed, mut repeated) = (false, false);
        loop {
            let link = self.server.link(credential, &pace).await;
            let (fault, link) = match link {
                Ok(link) => match self.post(&link, &mut pace).await {
                    Ok(result) => return Ok(result),
                    Err(fault) => (fault, Some(link)),
                },
                // A handshake does nothing that a second one would do twice.
                Err(fault) if fault.is_passing() && !repeated => (fault, None),
                Err(fault) => return Err(fault),
            };
            let stale = link
                .as_ref()
                .filter(|link| !renewed && fault.is_stale(link.footing()));
            if let Some(link) = stale {
                renewed = true;
                // The headers are made after the schema, so that may be an old one.
                self.server.common.changed.store(true, Ordering::Relaxed);
                self.server.log_lost_session(&fault);
                self.server.forget(link, credential, &pace).await;
                continue;
            }
            let may_repeat =
                link.is_none() || fault.is_unsent() || self.call.tool.repeat == Repeat::Safe;
            if repeated || !may_repeat || !fault.is_passing() {
                return Err(fault);
            }
            repeated = true;
            self.server.log_repeated_call(&self.call.tool.name, &fault);
            sleep(RETRY_DELAY).await;
        }
    }

    async fn post(&self, link: &Arc<Link>, pace: &mut Pace) -> Result<Bytes, Fault> {
        let id = self.server.next_id();
        let number = id.to_string();
        let (token, key) = match self.server.named_by {
            NamedBy::Operator => (&self.execution, Some(&*self.execution)),
            NamedBy::Caller => (&number, None),
        };
        let params = Call {
            name: self.name,
            arguments: self.arguments.raw(),
            meta: Meta {
                progress_token: Some(token),
                idempotency_key: key,
                ..self.server.meta(link)
            },
        };
        let post = Post {
            awaited: Awaited {
                id,
                token: Some(token),
            },
            headers: self.headers(link),
            body: wire::request(id, METHOD, params),
            credential: &self.context.credential,
            limit: self.server.common.answer_limit,
        };
        let mut waiting = Waiting {
            server: self.server,
            link,
            credential: &self.context.credential,
            id,
            is_answered: false,
        };
        let reply = self.server.exchange(post, link, pace).await;
        waiting.is_answered = match &reply {
            Ok(_) => true,
            Err(fault) => fault.is_final(),
        };
        reply.map(|reply| reply.result)
    }

    fn headers(&self, link: &Link) -> HeaderMap {
        let mut headers = self.server.headers(link, &self.context.credential, METHOD);
        self.server
            .name_request(&mut headers, &self.context.request_id);
        if self.server.named_by == NamedBy::Operator {
            self.name_call(&mut headers);
        }
        if link.era == Era::Modern {
            headers.insert(NAME, mirror::encode(self.name));
            mirror::set(&mut headers, self.mirrors, &self.arguments);
        }
        headers
    }

    /// Says which call of which conversation it is, to a server that the operator knows.
    fn name_call(&self, headers: &mut HeaderMap) {
        let mut set = |name: HeaderName, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        };
        set(TOOL_CALL_ID, &self.execution);
        set(IDEMPOTENCY_KEY, &self.execution);
        if let Some(conversation) = self.context.conversation {
            set(CONVERSATION_ID, &conversation.to_string());
        }
    }
}

/// Tells the server that nobody waits any more, when dropped before the answer.
struct Waiting<'a> {
    server: &'a Arc<Server>,
    link: &'a Link,
    credential: &'a Credential,
    id: u64,
    is_answered: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.is_answered {
            self.server.cancel(self.link, self.credential, self.id);
        }
    }
}
