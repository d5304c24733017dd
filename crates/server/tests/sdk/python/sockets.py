"""One connection for many responses: `responses.connect()`."""

import json

from openai.lib.responses_websocket import ResponsesWebSocketLimits, ResponsesWebSocketSession
from openai.types.responses import ResponsesServerEvent

import service
from service import MODEL

ai = service.client()

ENDS = ("response.completed", "response.failed", "response.incomplete", "error")


def answer(connection, **asked):
    """All events of one response, each as the library types it."""
    connection.response.create(model=asked.pop("model", MODEL), **asked)
    events = []
    while not events or events[-1].type not in ENDS:
        message = json.loads(connection.recv_bytes())
        events.append(service.checked(ResponsesServerEvent, message))
    if events[-1].type != "error":
        service.numbered(events)
    return events


def carries_one_response_after_another():
    with ai.responses.connect() as connection:
        first = answer(connection, input="My name is Ada.")
        assert first[0].type == "response.created" and first[-1].type == "response.completed"
        second = answer(
            connection, input="What is my name?", previous_response_id=first[-1].response.id
        )
        assert second[-1].response.output_text == "Your name is Ada."
        for event in (first[-1], second[-1]):
            assert ai.responses.retrieve(event.response.id) == event.response
    return {}


def tells_events(requests):
    """The events of each response as they came."""
    told = []
    with ai.responses.connect() as connection:
        for request in json.loads(requests):
            connection.send_raw(json.dumps({"type": "response.create", **request}))
            events = []
            while not events or events[-1]["type"] not in ENDS:
                events.append(json.loads(connection.recv_bytes()))
                service.checked(ResponsesServerEvent, events[-1])
            told.append(events)
    return told


def remembers_what_is_not_stored():
    with ai.responses.connect() as connection:
        first = answer(connection, input="My name is Ada.", store=False)[-1].response
        assert (
            first.store is False
            and service.refusal(lambda: ai.responses.retrieve(first.id))[1] == 404
        )
        second = answer(
            connection, input="What is my name?", previous_response_id=first.id, store=False
        )[-1].response
        assert second.output_text == "Your name is Ada.", second.output_text
        third = answer(
            connection, input="What is my name?", previous_response_id=second.id, store=False
        )[-1].response
        assert third.output_text == "Your name is Ada.", third.output_text
        with ai.responses.connect() as other:
            failed = answer(other, input="hi", previous_response_id=third.id)[-1]
            assert failed.type == "error" and failed.status == 400, failed
            assert failed.error.code == "previous_response_not_found", failed
    return {}


def goes_on_after_an_error():
    with ai.responses.connect() as connection:
        kept = answer(connection, input="say one", store=False)[-1].response
        failed = answer(connection, input="hi", temperature=3)
        assert len(failed) == 1 and failed[0].type == "error" and failed[0].status == 400, failed
        assert failed[0].error.param == "temperature" and failed[0].error.code, failed
        assert failed[0].error.message and failed[0].error.type == "invalid_request_error"
        assert answer(connection, input="say two")[-1].response.output_text == "two"
        evicted = answer(connection, input="hi", temperature=3, previous_response_id=kept.id)
        assert evicted[0].type == "error", evicted
        gone = answer(connection, input="hi", previous_response_id=kept.id)
        assert gone[0].error.code == "previous_response_not_found", gone
        for text in ("not JSON", "[]", '{"type":"response.never_heard_of"}', "{}"):
            connection.send_raw(text)
            event = service.checked(ResponsesServerEvent, json.loads(connection.recv_bytes()))
            assert event.type == "error" and event.status == 400 and event.error.code, event
        assert answer(connection, input="say three")[-1].response.output_text == "three"
    return {}


def runs_tools(label):
    server = {"type": "mcp", "server_label": label, "require_approval": "never"}
    lookup = {"type": "function", "name": "lookup", "parameters": None, "strict": None}
    with ai.responses.connect() as connection:
        events = answer(connection, input="Calculate 12*7.", tools=[server], store=False)
        output = events[-1].response.output
        assert service.kinds(output) == ["mcp_list_tools", "mcp_call", "message"], output
        first = answer(connection, input="[[call:lookup {}]] Look.", tools=[lookup], store=False)
        call = first[-1].response.output[0]
        second = answer(
            connection,
            previous_response_id=first[-1].response.id,
            input=[{"type": "function_call_output", "call_id": call.call_id, "output": "green"}],
            tools=[lookup],
            store=False,
        )
        assert "lookup returned: green" in second[-1].response.output_text
    return {}


def serves_the_librarys_session():
    limits = ResponsesWebSocketLimits(
        max_lanes=1,
        max_events_per_lane=128,
        max_events=128,
        max_bytes_per_lane=1 << 20,
        max_bytes=1 << 20,
    )
    with ai.responses.connect() as connection:
        with ResponsesWebSocketSession(connection, limits=limits) as session:
            session.default.send({"type": "response.create", "model": MODEL, "input": "say hello"})
            response = session.default.get_final_response()
            assert response.output_text == "hello", response
    return {}


async def serves_the_asynchronous_client():
    async with service.asynchronous() as ai, ai.responses.connect() as connection:
        await connection.response.create(model=MODEL, input="say hello")
        async for event in connection:
            if event.type in ENDS:
                assert event.response.output_text == "hello", event
                break
    return {}


if __name__ == "__main__":
    service.run(globals())
