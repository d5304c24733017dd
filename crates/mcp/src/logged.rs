//! What the log hears of a tool server. Of one that a caller names it hears nothing here: its words may
//! repeat what its caller gave it, and there is no end to such servers. That one of them failed is told by
//! whoever asked it.

use std::error::Error;

use serde_json::value::RawValue;

use crate::clean::excerpt;
use crate::fault::Fault;
use crate::link::Link;
use crate::server::{NamedBy, Server};
use crate::tool::Unfit;

/// How much of a tool that is left out is shown.
const SHOWN: usize = 120;

impl Server {
    fn is_strange(&self) -> bool {
        match self.named_by {
            NamedBy::Operator => false,
            NamedBy::Caller => true,
        }
    }

    pub(crate) fn log_terms(&self, link: &Link) {
        if self.is_strange() {
            return;
        }
        tracing::info!(
            mcp.server = &*self.label,
            mcp.era = ?link.era,
            mcp.version = link.version.as_ref().and_then(|version| version.to_str().ok()),
            mcp.has_session = link.session.is_some(),
            "the terms with a tool server are known"
        );
    }

    pub(crate) fn log_unknown_version(&self, version: &str) {
        if self.is_strange() {
            return;
        }
        tracing::warn!(
            mcp.server = &*self.label,
            mcp.version = &*excerpt(version, SHOWN),
            "the tool server speaks a protocol version that is not known here"
        );
    }

    pub(crate) fn log_foreign_answer(&self) {
        if self.is_strange() {
            return;
        }
        tracing::warn!(
            mcp.server = &*self.label,
            "ignored an answer to a request that was not sent"
        );
    }

    pub(crate) fn log_listed_again(&self, fault: &Fault) {
        if self.is_strange() {
            return;
        }
        tracing::debug!(
            mcp.server = &*self.label,
            error = fault as &dyn Error,
            "a list of tools is asked for once more"
        );
    }

    pub(crate) fn log_cut_list(&self, tools: usize) {
        if self.is_strange() {
            return;
        }
        tracing::warn!(
            mcp.server = &*self.label,
            tools,
            "the list of tools is too long; the rest is left out"
        );
    }

    pub(crate) fn log_left_out(&self, raw: &RawValue, unfit: &Unfit) {
        if self.is_strange() {
            return;
        }
        tracing::warn!(
            mcp.server = &*self.label,
            tool = &*excerpt(raw.get(), SHOWN),
            error = unfit as &dyn Error,
            "a tool is left out"
        );
    }

    pub(crate) fn log_listed_twice(&self, tool: &str) {
        if self.is_strange() {
            return;
        }
        tracing::warn!(
            mcp.server = &*self.label,
            tool.name = tool,
            "a tool is listed twice; the first one counts"
        );
    }

    pub(crate) fn log_changed_tool(&self, tool: &str, what: &str) {
        if self.is_strange() {
            return;
        }
        tracing::warn!(
            mcp.server = &*self.label,
            tool.name = tool,
            tool.changed = what,
            "a tool is no longer what it was; runs that were offered it keep it as it was"
        );
    }

    pub(crate) fn log_more_of_the_list(&self, lines: usize) {
        if self.is_strange() {
            return;
        }
        tracing::warn!(
            mcp.server = &*self.label,
            lines,
            "there is more to say of the list of tools; it is not logged"
        );
    }

    pub(crate) fn log_unchecked(&self, tool: &str) {
        if self.is_strange() {
            return;
        }
        tracing::warn!(
            mcp.server = &*self.label,
            tool.name = tool,
            "to check the arguments of a call would take too long; they go to the tool server as they are"
        );
    }

    pub(crate) fn log_lost_session(&self, fault: &Fault) {
        if self.is_strange() {
            return;
        }
        tracing::info!(
            mcp.server = &*self.label,
            error = fault as &dyn Error,
            "the tool server no longer knows the session; a new one is made"
        );
    }

    pub(crate) fn log_repeated_call(&self, tool: &str, fault: &Fault) {
        if self.is_strange() {
            return;
        }
        tracing::info!(
            mcp.server = &*self.label,
            tool.name = tool,
            error = fault as &dyn Error,
            "a tool call is made once more"
        );
    }
}
