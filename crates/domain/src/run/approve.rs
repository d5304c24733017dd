//! Calls that waited for their caller: what it allowed is called before the model is asked, and what it
//! denied the model reads of.

use std::sync::Arc;

use super::assemble::call_id;
use super::{Advance, CallState, Moment, PendingCall, Run};
use crate::event::{Event, OpenItem};
use crate::item::{
    ApprovalResponse, Consent, FunctionCall, Item, ItemBody, ItemStatus, Runner, ServerTool,
};
use crate::tool::{ToolHome, ToolReply, Verdict};

impl Run {
    /// Goes on from the tools: with the calls that the input answers for, or to the model.
    pub(super) fn begin_answered(&mut self, mut now: Moment) -> Advance {
        let answered = self.answered();
        if answered.is_empty() {
            return self.call_model(now);
        }
        self.turn = self.turn.saturating_add(1);
        self.progress.rounds = self.progress.rounds.saturating_add(1);
        let mut allowed = Vec::new();
        let mut denied = Vec::new();
        for (request, response) in answered {
            let call = self.write_call(&request, &response, &mut now);
            match response.consent {
                Consent::Given => allowed.push(call),
                Consent::Denied => {
                    let reply = ToolReply::complaint(Verdict::Denied, refusal(&response));
                    let state = CallState::Returned(reply);
                    denied.push(PendingCall { call, state });
                }
            }
        }
        self.begin_calls(allowed, denied, now)
    }

    /// The calls that waited and the answers to them, each once, in the order of the answers.
    fn answered(&self) -> Vec<(FunctionCall, ApprovalResponse)> {
        let input = self.own.iter().filter(|item| item.turn == 0);
        let responses = input.filter_map(|item| match &item.body {
            ItemBody::ApprovalResponse(response) => Some(response),
            _ => None,
        });
        let mut answered: Vec<(FunctionCall, ApprovalResponse)> = Vec::new();
        for response in responses {
            let is_new = answered
                .iter()
                .all(|(_, known)| known.request != response.request);
            if is_new && !self.has_begun(&response.request) {
                let request = request(self.history.iter().chain(&self.own), &response.request);
                answered.extend(request.map(|call| (call.clone(), response.clone())));
            }
        }
        answered
    }

    fn has_begun(&self, request: &str) -> bool {
        let mut items = self.history.iter().chain(&self.own);
        items.any(|item| {
            item.as_call()
                .and_then(|call| call.approval.as_deref())
                .is_some_and(|approval| approval == request)
        })
    }

    fn write_call(
        &mut self,
        request: &FunctionCall,
        response: &ApprovalResponse,
        now: &mut Moment,
    ) -> FunctionCall {
        let place = self.next_place();
        let tool = match &request.runner {
            Runner::Asks(tool) => Arc::clone(tool),
            Runner::Caller | Runner::Server(_) | Runner::Nobody => Arc::new(ServerTool {
                label: Arc::from(""),
                name: Arc::clone(&request.name),
            }),
        };
        let call = FunctionCall {
            call_id: call_id(place.item),
            name: self
                .offered_name(&tool)
                .unwrap_or_else(|| Arc::clone(&request.name)),
            arguments: Arc::clone(&request.arguments),
            runner: match response.consent {
                Consent::Given => Runner::Server(tool),
                Consent::Denied => Runner::Nobody,
            },
            approval: Some(Arc::clone(&response.request)),
        };
        let item = Arc::new(Item {
            id: place.item,
            turn: self.turn,
            status: ItemStatus::Completed,
            body: ItemBody::FunctionCall(call.clone()),
        });
        let kind = OpenItem::Call {
            call_id: call.call_id.clone(),
            name: Arc::clone(&call.name),
            runner: call.runner.clone(),
            approval: call.approval.clone(),
        };
        now.tell(Event::ItemOpened { place, kind });
        let whole = call.arguments.as_ref().into();
        now.tell(Event::ArgumentsDelta(place, call.runner.kind(), whole));
        now.tell(Event::ArgumentsDone(place, Arc::clone(&item)));
        now.tell(Event::ItemClosed(place, Arc::clone(&item)));
        self.own.push(item);
        call
    }

    /// The name under which the model knows a tool of a server.
    fn offered_name(&self, at: &ServerTool) -> Option<Arc<str>> {
        let tool = self.tools.iter().find(|tool| match &tool.home {
            ToolHome::Server { label, name, .. } => *label == at.label && *name == at.name,
            ToolHome::Caller => false,
        });
        tool.map(|tool| Arc::clone(&tool.name))
    }
}

/// The call among `items` that waits under this id.
pub(super) fn request<'a>(
    items: impl IntoIterator<Item = &'a Arc<Item>>,
    id: &str,
) -> Option<&'a FunctionCall> {
    items.into_iter().find_map(|item| {
        let call = item.as_call()?;
        let is_asked = matches!(call.runner, Runner::Asks(_));
        let is_meant = *call.call_id.0 == *id || item.id.to_string() == id;
        (is_asked && is_meant).then_some(call)
    })
}

fn refusal(response: &ApprovalResponse) -> String {
    match response.reason.as_deref().map(str::trim) {
        Some(reason) if !reason.is_empty() => {
            format!("The user did not allow this call: {reason}")
        }
        _ => "The user did not allow this call.".to_owned(),
    }
}
