"""Tools: functions that the caller runs, and servers that the service calls."""

import json

import openai
from pydantic import BaseModel

import service
from service import MODEL

ai = service.client()


class Lookup(BaseModel):
    """Looks a word up."""

    word: str


LOOKUP = openai.pydantic_function_tool(Lookup, name="lookup")
LOOKUP = {"type": "function", **LOOKUP["function"]}
ADD = {
    "type": "function",
    "name": "add",
    "description": "Adds two numbers.",
    "parameters": {
        "type": "object",
        "properties": {"a": {"type": "number"}, "b": {"type": "number"}},
        "required": ["a", "b"],
        "additionalProperties": False,
    },
    "strict": True,
}
ASKS = 'Look it up and add. [[call:lookup {"word":"tea"}]] [[call:add {"a":1,"b":2}]]'


def run_locally(call):
    arguments = json.loads(call.arguments)
    answer = (
        f"{arguments['word']} is green" if call.name == "lookup" else str(sum(arguments.values()))
    )
    return {"type": "function_call_output", "call_id": call.call_id, "output": answer}


def the_caller_runs_its_functions():
    first = ai.responses.create(model=MODEL, input=ASKS, tools=[LOOKUP, ADD])
    assert first.status == "completed" and first.output_text == "", first
    calls = first.output
    assert [(call.type, call.name, call.status) for call in calls] == [
        ("function_call", "lookup", "completed"),
        ("function_call", "add", "completed"),
    ], calls
    assert all(call.id.startswith("fc_") and call.id != call.call_id for call in calls)
    second = ai.responses.create(
        model=MODEL,
        previous_response_id=first.id,
        input=[run_locally(call) for call in calls],
        tools=[LOOKUP, ADD],
    )
    assert "lookup returned: tea is green" in second.output_text, second.output_text
    assert "add returned: 3" in second.output_text, second.output_text
    items = ai.responses.input_items.list(second.id, order="asc").data
    assert (
        service.kinds(items) == ["message"] + ["function_call"] * 2 + ["function_call_output"] * 2
    )
    assert [item.call_id for item in items[3:]] == [call.call_id for call in calls]
    parts = ai.responses.create(
        model=MODEL,
        previous_response_id=first.id,
        input=[
            {**run_locally(call), "output": [{"type": "input_text", "text": "in parts"}]}
            for call in calls
        ],
    )
    assert "in parts" in parts.output_text, parts.output_text
    missing = service.refusal(
        lambda: ai.responses.create(
            model=MODEL, previous_response_id=first.id, input=[run_locally(calls[0])]
        )
    )
    assert missing == ["BadRequestError", 400, None, "input"], missing
    return {"first": first.id, "second": second.id}


def the_caller_keeps_the_transcript():
    """Nothing is stored, and every item goes back and forth as the library has it."""
    transcript = [{"role": "user", "content": ASKS}]
    asked = {"model": MODEL, "tools": [LOOKUP, ADD], "store": False}
    for turn in range(4):
        response = ai.responses.create(input=transcript, **asked)
        calls = [item for item in response.output if item.type == "function_call"]
        if not calls:
            break
        transcript += response.output
        transcript += [run_locally(call) for call in calls]
    assert turn == 1 and "tea is green" in response.output_text, response
    return {}


def arguments_are_parsed_into_a_type():
    tools = [openai.pydantic_function_tool(Lookup, name="lookup")]
    response = ai.responses.parse(
        model=MODEL,
        input='[[call:lookup {"word":"tea"}]] Look it up.',
        tools=[{"type": "function", **tools[0]["function"]}],
    )
    call = response.output[0]
    assert call.parsed_arguments == {"word": "tea"}, call
    return {}


def tool_choice_is_kept_to():
    def chosen(choice, input="Hello.", tools=(LOOKUP, ADD), **more):
        response = ai.responses.create(
            model=MODEL, input=input, tools=list(tools), tool_choice=choice, **more
        )
        assert response.status == "completed", response
        return [item.name for item in response.output if item.type == "function_call"]

    assert chosen("auto") == []
    assert chosen("none", ASKS) == []
    assert chosen("required") == ["lookup"]
    assert chosen({"type": "function", "name": "add"}) == ["add"]
    one_at_a_time = chosen("auto", ASKS, parallel_tool_calls=False)
    assert one_at_a_time == ["lookup"], one_at_a_time
    only_add = {"type": "allowed_tools", "tools": [{"type": "function", "name": "add"}]}
    assert chosen({**only_add, "mode": "required"}) == ["add"]
    assert chosen({**only_add, "mode": "auto"}, ASKS) == ["add"], "the other call is suppressed"
    return {}


def tools_of_others_are_passed_over():
    response = ai.responses.create(
        model=MODEL,
        input="say hello",
        tools=[
            {"type": "web_search"},
            {"type": "code_interpreter", "container": {"type": "auto"}},
            LOOKUP,
        ],
    )
    assert response.output_text == "hello" and response.status == "completed"
    return {"id": response.id}


def tools_of_others_are_refused():
    refused = service.refusal(
        lambda: ai.responses.create(model=MODEL, input="hi", tools=[LOOKUP, {"type": "web_search"}])
    )
    assert refused[:2] == ["BadRequestError", 400] and refused[3].startswith("tools[1]"), refused
    return {}


CALCULATE = "Calculate 12*7."


def server(label, **more):
    return {"type": "mcp", "server_label": label, "require_approval": "never", **more}


def a_configured_server_is_called(label):
    response = ai.responses.create(model=MODEL, input=CALCULATE, tools=[server(label)])
    assert service.kinds(response.output) == ["mcp_list_tools", "mcp_call", "message"], (
        response.output
    )
    offered, call, message = response.output
    assert offered.id.startswith("mcpl_") and offered.server_label == label and not offered.error
    names = [tool.name for tool in offered.tools]
    assert {"google_search", "scrape", "calculator", "clock"} <= set(names), names
    assert offered.tools[0].input_schema["type"] == "object" and offered.tools[0].description
    assert (call.id[:4], call.server_label, call.name) == ("mcp_", label, "calculator")
    assert json.loads(call.arguments) == {"expression": "12*7"} and call.status == "completed"
    assert call.error is None and call.approval_request_id is None and "84" in call.output
    assert "12*7 = " in message.content[0].text and "84" in message.content[0].text
    assert ai.responses.retrieve(response.id) == response
    second = ai.responses.create(
        model=MODEL,
        input="Calculate 3*3.",
        previous_response_id=response.id,
        tools=[server(label)],
    )
    assert service.kinds(second.output) == ["mcp_call", "message"], "the list is there already"
    items = ai.responses.input_items.list(second.id, order="asc").data
    assert service.kinds(items) == ["message", "mcp_list_tools", "mcp_call", "message", "message"]
    transcript = [{"role": "user", "content": CALCULATE}, *response.output]
    transcript.append({"role": "user", "content": "Calculate 3*3."})
    third = ai.responses.create(model=MODEL, input=transcript, tools=[server(label)], store=False)
    assert service.kinds(third.output) == ["mcp_call", "message"], third.output
    return {"id": response.id}


def a_server_is_streamed(label):
    events = list(
        ai.responses.create(model=MODEL, input=CALCULATE, tools=[server(label)], stream=True)
    )
    service.numbered(events)
    types = []
    for event in events:
        if types[-1:] != [event.type]:
            types.append(event.type)
    assert types[2:12] == [
        "response.output_item.added",
        "response.mcp_list_tools.in_progress",
        "response.mcp_list_tools.completed",
        "response.output_item.done",
        "response.output_item.added",
        "response.mcp_call.in_progress",
        "response.mcp_call_arguments.delta",
        "response.mcp_call_arguments.done",
        "response.mcp_call.completed",
        "response.output_item.done",
    ], types
    with ai.responses.stream(model=MODEL, input=CALCULATE, tools=[server(label)]) as stream:
        final = stream.get_final_response()
    assert service.kinds(final.output) == ["mcp_list_tools", "mcp_call", "message"]
    return {}


def calls_are_asked_for_first(label):
    asks = {"type": "mcp", "server_label": label}
    first = ai.responses.create(model=MODEL, input=CALCULATE, tools=[asks])
    assert service.kinds(first.output) == ["mcp_list_tools", "mcp_approval_request"], first.output
    request = first.output[1]
    assert request.id.startswith("mcpr_") and request.server_label == label
    assert request.name == "calculator" and json.loads(request.arguments) == {"expression": "12*7"}
    assert first.status == "completed"

    def answer(approve, **more):
        return [
            {
                "type": "mcp_approval_response",
                "approval_request_id": request.id,
                "approve": approve,
                **more,
            }
        ]

    approved = ai.responses.create(
        model=MODEL, previous_response_id=first.id, input=answer(True), tools=[asks]
    )
    assert service.kinds(approved.output) == ["mcp_call", "message"], approved.output
    call = approved.output[0]
    assert (
        call.approval_request_id == request.id
        and call.status == "completed"
        and "84" in call.output
    )
    denied = ai.responses.create(
        model=MODEL,
        previous_response_id=first.id,
        input=answer(False, reason="Too dear."),
        tools=[asks],
    )
    assert service.kinds(denied.output) == ["message"], denied.output
    items = ai.responses.input_items.list(denied.id, order="asc").data
    assert service.kinds(items) == [
        "message",
        "mcp_list_tools",
        "mcp_approval_request",
        "mcp_approval_response",
    ], items
    assert items[3].approval_request_id == items[2].id == request.id and items[3].approve is False
    transcript = [{"role": "user", "content": CALCULATE}, *first.output, *answer(True)]
    kept_by_the_caller = ai.responses.create(
        model=MODEL, input=transcript, tools=[asks], store=False
    )
    assert service.kinds(kept_by_the_caller.output) == ["mcp_call", "message"], (
        kept_by_the_caller.output
    )
    assert kept_by_the_caller.output[0].approval_request_id == request.id
    unknown = service.refusal(
        lambda: ai.responses.create(
            model=MODEL,
            input=[
                {"type": "mcp_approval_response", "approval_request_id": "mcpr_x", "approve": True}
            ],
            tools=[asks],
        )
    )
    assert unknown[:2] == ["BadRequestError", 400], unknown
    return {"request": request.id, "approved": approved.id, "denied": denied.output_text}


def approval_may_depend_on_the_tool(label):
    both = "Calculate 12*7 and tell me what time it is."
    some = {"never": {"tool_names": ["clock"]}, "always": {"tool_names": ["calculator"]}}
    tools = [server(label, require_approval=some)]
    response = ai.responses.create(model=MODEL, input=both, tools=tools)
    kinds = service.kinds(response.output)
    assert sorted(kinds) == ["mcp_approval_request", "mcp_call", "mcp_list_tools"], kinds
    readers = server(label, require_approval={"never": {"read_only": True}})
    response = ai.responses.create(model=MODEL, input=both, tools=[readers])
    assert service.kinds(response.output)[-1] == "message", response.output
    return {}


def a_server_may_be_narrowed(label):
    two = server(label, allowed_tools=["clock", "google_search"])
    response = ai.responses.create(model=MODEL, input=CALCULATE, tools=[two])
    assert service.kinds(response.output) == ["mcp_list_tools", "message"], response.output
    assert sorted(tool.name for tool in response.output[0].tools) == ["clock", "google_search"]
    readers = server(label, allowed_tools={"read_only": False})
    response = ai.responses.create(model=MODEL, input="say hello", tools=[readers])
    assert [tool.name for tool in response.output[0].tools] == ["wait"], response.output[0]
    named = ai.responses.create(
        model=MODEL,
        input="Hello.",
        tools=[server(label)],
        tool_choice={"type": "mcp", "server_label": label, "name": "clock"},
    )
    assert [item.name for item in named.output if item.type == "mcp_call"] == ["clock"], (
        named.output
    )
    return {}


def calls_are_counted(label):
    counted = ai.responses.create(
        model=MODEL, input="Calculate 1+1 and 2+2 and 3+3.", tools=[server(label)], max_tool_calls=1
    )
    assert counted.status == "completed", counted
    calls = [item for item in counted.output if item.type == "mcp_call"]
    assert [call.status for call in calls] == ["completed", "failed", "failed"], calls
    for call in calls[1:]:
        assert "The limit of tool calls is reached" in call.error.content[0]["text"], call
    return {}


def both_kinds_of_tools_in_one_turn(label):
    asks = 'Do both. [[call:lookup {"word":"tea"}]] [[call:calculator {"expression":"12*7"}]]'
    tools = [server(label), LOOKUP]
    first = ai.responses.create(model=MODEL, input=asks, tools=tools)
    kinds = service.kinds(first.output)
    assert kinds[0] == "mcp_list_tools" and sorted(kinds[1:]) == ["function_call", "mcp_call"], (
        kinds
    )
    call = next(item for item in first.output if item.type == "function_call")
    second = ai.responses.create(
        model=MODEL, previous_response_id=first.id, input=[run_locally(call)], tools=tools
    )
    assert "84" in second.output_text and "tea is green" in second.output_text, second.output_text
    return {}


def a_server_that_the_caller_names_is_called(url, secret):
    tool = server("mine", server_url=url, headers={"X-Tenant": "blue"}, authorization=secret)
    response = ai.responses.create(model=MODEL, input=CALCULATE, tools=[tool])
    assert service.kinds(response.output) == ["mcp_list_tools", "mcp_call", "message"], (
        response.output
    )
    told = response.to_json() + ai.responses.retrieve(response.id).to_json()
    assert secret not in told and "X-Tenant" not in told, told
    (echo,) = response.tools
    assert echo.server_label == "mine" and echo.authorization is None and echo.headers is None
    assert echo.server_url and url.startswith(echo.server_url) and "/v1/mcp" not in echo.server_url
    in_background = ai.responses.create(model=MODEL, input=CALCULATE, tools=[tool], background=True)
    while in_background.status in ("queued", "in_progress"):
        in_background = ai.responses.retrieve(in_background.id)
    assert service.kinds(in_background.output)[-1] == "message", in_background
    return {"id": response.id, "background": in_background.id}


def servers_that_may_not_be_called_are_refused(url):
    table = [
        server("mine", server_url=url),
        server("mine", server_url="ftp://example.com/mcp"),
        server("mine", server_url="not an address"),
        server("never_heard_of"),
        server("mine", connector_id="connector_gmail"),
    ]
    for tool in table:
        refused = service.refusal(
            lambda: ai.responses.create(model=MODEL, input="hi", tools=[tool])
        )
        assert refused[:2] == ["BadRequestError", 400], (tool, refused)
        assert refused[3].startswith("tools"), (tool, refused)
    return {}


def a_tool_that_fails_tells_why(label):
    response = ai.responses.create(model=MODEL, input="Calculate 1/0.", tools=[server(label)])
    call = response.output[1]
    assert call.type == "mcp_call" and call.status == "failed" and call.output is None, call
    assert call.error.type in ("mcp_tool_execution_error", "mcp_protocol_error", "http_error"), call
    assert response.status == "completed" and service.kinds(response.output)[-1] == "message"
    return {"error": call.error.to_dict()}


def an_endless_loop_ends(label):
    asked = {"model": MODEL, "input": "a story [[fail:loop]]", "tools": [server(label)]}
    response = ai.responses.create(**asked)
    assert response.status == "incomplete" and response.incomplete_details.reason, response
    events = list(ai.responses.create(**asked, stream=True))
    assert events[-1].type == "response.incomplete", events[-1]
    return {"reason": response.incomplete_details.reason}


if __name__ == "__main__":
    service.run(globals())
