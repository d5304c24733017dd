"""One request, one answer: what is asked for, what comes back, and what is kept."""

from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import openai
from pydantic import BaseModel

import service
from service import MODEL

ai = service.client()


def is_answered_kept_and_forgotten():
    response = ai.responses.create(model=MODEL, input="say hello")
    assert response.output_text == "hello", response.output_text
    assert response.object == "response" and response.status == "completed"
    assert response._request_id
    assert response.completed_at >= response.created_at > 1_700_000_000
    assert response.error is None and response.incomplete_details is None
    assert response.store is True and response.background is False
    message = response.output[0]
    assert service.kinds(response.output) == ["message"]
    assert (message.id[:4], message.role, message.status) == ("msg_", "assistant", "completed")
    part = message.content[0]
    assert (part.type, part.text, part.annotations) == ("output_text", "hello", [])
    usage = response.usage
    assert usage.input_tokens > 0 and usage.output_tokens > 0
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens
    assert ai.responses.retrieve(response.id) == response
    assert ai.responses.delete(response.id) is None
    gone = ["NotFoundError", 404, None, None]
    for call in (
        ai.responses.retrieve,
        ai.responses.delete,
        ai.responses.cancel,
        ai.responses.input_items.list,
    ):
        refused = service.refusal(lambda: call(response.id))
        assert refused[:2] == gone[:2], (call, refused)
    return {"id": response.id, "usage": usage.to_dict()}


def fields_come_back():
    """Everything that a request may say, with values that are no defaults."""
    asked = {
        "instructions": "Be brief.",
        "metadata": {"order": "12", "ü": "ß"},
        "temperature": 0.5,
        "top_p": 0.25,
        "max_output_tokens": 500,
        "max_tool_calls": 3,
        "parallel_tool_calls": False,
        "truncation": "auto",
        "service_tier": "auto",
        "safety_identifier": "user-7",
        "prompt_cache_key": "cache-7",
        "reasoning": {"effort": "low", "summary": "auto"},
        "text": {"format": {"type": "text"}, "verbosity": "low"},
        "tools": [
            {
                "type": "function",
                "name": "lookup",
                "description": "Looks something up.",
                "parameters": {"type": "object", "properties": {}, "additionalProperties": False},
                "strict": True,
            }
        ],
        "tool_choice": {
            "type": "allowed_tools",
            "mode": "auto",
            "tools": [{"type": "function", "name": "lookup"}],
        },
    }
    response = ai.responses.create(model=MODEL, input="say hello", **asked)
    told = response.to_dict(mode="json")
    for field in asked:
        assert field in told, (field, told)
        if field not in ("service_tier", "reasoning"):
            assert told[field] == asked[field], (field, told[field])
    assert told["reasoning"]["effort"] == "low", told["reasoning"]
    assert told["service_tier"] in ("auto", "default"), told["service_tier"]
    assert ai.responses.retrieve(response.id) == response
    return {"id": response.id}


def absent_and_null_are_alike():
    null = {
        name: None
        for name in (
            "instructions",
            "metadata",
            "temperature",
            "top_p",
            "max_output_tokens",
            "max_tool_calls",
            "parallel_tool_calls",
            "previous_response_id",
            "conversation",
            "truncation",
            "service_tier",
            "reasoning",
            "include",
            "background",
            "store",
            "stream",
            "stream_options",
            "prompt",
            "text",
            "tools",
            "tool_choice",
            "user",
            "safety_identifier",
            "prompt_cache_key",
            "top_logprobs",
            "client_metadata",
        )
    }
    answers = [
        ai.responses.create(model=MODEL, input="say hello", extra_body=extra).to_dict(mode="json")
        for extra in ({}, null, {"client_metadata": {"a": 1}, "never_heard_of": [1]})
    ]
    for answer in answers:
        for field in ("id", "created_at", "completed_at"):
            del answer[field]
        del answer["output"][0]["id"]
    assert answers[0] == answers[1] == answers[2], answers
    return {}


class Weather(BaseModel):
    city: str
    sky: Literal["clear", "cloudy"]
    degrees: int
    remarks: list[str]


def text_is_parsed_into_a_type():
    response = ai.responses.parse(model=MODEL, input="The weather, please.", text_format=Weather)
    weather = response.output_parsed
    assert isinstance(weather, Weather) and weather.sky == "clear", weather
    with ai.responses.stream(
        model=MODEL, input="The weather, please.", text_format=Weather
    ) as stream:
        for event in stream:
            if event.type == "response.output_text.done":
                assert isinstance(event.parsed, Weather)
        assert stream.get_final_response().output_parsed == weather
    kept = ai.responses.retrieve(response.id)
    assert kept.text.format.type == "json_schema" and kept.text.format.schema_["title"] == "Weather"
    loose = ai.responses.create(
        model=MODEL, input="Some JSON, please.", text={"format": {"type": "json_object"}}
    )
    assert loose.output_text.startswith("{") and loose.text.format.type == "json_object"
    return {}


def every_part_of_the_input_arrives():
    response = ai.responses.create(
        model=MODEL,
        instructions="You see everything.",
        input=[
            {"role": "system", "content": "one"},
            {"role": "developer", "content": [{"type": "input_text", "text": "two"}]},
            {"role": "user", "content": "three"},
            {
                "id": "msg_made_up_by_the_client",
                "type": "message",
                "status": "completed",
                "role": "assistant",
                "content": [
                    {"type": "output_text", "text": "four", "annotations": [], "logprobs": []}
                ],
            },
            {
                "type": "message",
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "five"},
                    {
                        "type": "input_image",
                        "image_url": "https://example.com/cat.png",
                        "detail": "low",
                    },
                ],
            },
        ],
    )
    assert "1 attachment" in response.output_text, response.output_text
    items = ai.responses.input_items.list(response.id, order="asc").data
    told = [(item.role, [part.type for part in item.content]) for item in items]
    assert told == [
        ("system", ["input_text"]),
        ("developer", ["input_text"]),
        ("user", ["input_text"]),
        ("assistant", ["output_text"]),
        ("user", ["input_text", "input_image"]),
    ], told
    assert items[4].content[1].image_url == "https://example.com/cat.png"
    more = ["message.input_image.image_url", "reasoning.encrypted_content"]
    assert ai.responses.input_items.list(response.id, order="asc", include=more).data == items
    assert ai.responses.retrieve(response.id, include=more) == response
    assert len({item.id for item in items}) == 5
    return {"id": response.id}


def input_items_come_in_pages():
    first = ai.responses.create(model=MODEL, input="My name is Ada.")
    response = ai.responses.create(
        model=MODEL,
        previous_response_id=first.id,
        input=[{"role": "user", "content": f"line {number}"} for number in range(6)],
    )
    newest = ai.responses.input_items.list(response.id)
    whole = newest.data
    assert [item.role for item in whole] == ["user"] * 6 + ["assistant", "user"], whole
    assert whole[0].content[0].text == "line 5" and whole[-1].content[0].text == "My name is Ada."
    assert newest.has_more is False
    for limit in (1, 3, 8, 100):
        paged = [item.id for item in ai.responses.input_items.list(response.id, limit=limit)]
        assert paged == [item.id for item in whole], (limit, paged)
    oldest = [item.id for item in ai.responses.input_items.list(response.id, order="asc", limit=3)]
    assert oldest == [item.id for item in reversed(whole)], oldest
    behind = ai.responses.input_items.list(response.id, after=whole[2].id, limit=2)
    assert [item.id for item in behind.data] == [item.id for item in whole[3:5]]
    assert behind.has_more is True
    last = ai.responses.input_items.list(response.id, after=whole[-1].id)
    assert last.data == [] and last.has_more is False
    wrong = [
        service.refusal(lambda: ai.responses.input_items.list(response.id, **query))[:2]
        for query in (
            {"limit": 0},
            {"limit": 101},
            {"order": "up"},
            {"after": "msg_never_seen"},
        )
    ]
    assert wrong == [["BadRequestError", 400]] * 4, wrong
    return {}


def a_response_continues_another():
    first = ai.responses.create(model=MODEL, input="My name is Ada.", instructions="Be kind.")
    second = ai.responses.create(
        model=MODEL, input="What is my name?", previous_response_id=first.id
    )
    assert second.output_text == "Your name is Ada.", second.output_text
    assert second.previous_response_id == first.id and second.instructions is None
    ai.responses.delete(first.id)
    third = ai.responses.create(
        model=MODEL, input="What is my name?", previous_response_id=second.id
    )
    assert third.output_text == "You have not told me your name.", "what was deleted is gone"
    refused = service.refusal(
        lambda: ai.responses.create(model=MODEL, input="hi", previous_response_id=first.id)
    )
    assert refused == [
        "BadRequestError",
        400,
        "previous_response_not_found",
        "previous_response_id",
    ], refused
    return {}


def stored_items_are_referred_to():
    first = ai.responses.create(model=MODEL, input="My name is Ada.")
    name = ai.responses.input_items.list(first.id).data[0]
    answers = [
        ai.responses.create(
            model=MODEL,
            input=[{**reference, "id": name.id}, {"role": "user", "content": "What is my name?"}],
        )
        for reference in ({"type": "item_reference"}, {}, {"type": None})
    ]
    for answer in answers:
        assert answer.output_text == "Your name is Ada.", answer.output_text
    of_output = ai.responses.create(
        model=MODEL,
        input=[
            {"role": "user", "content": "My name is Bob."},
            {"type": "item_reference", "id": first.output[0].id},
            {"role": "user", "content": "What did I say before?"},
        ],
    )
    assert "My name is Bob" in of_output.output_text, of_output.output_text
    items = ai.responses.input_items.list(of_output.id, order="asc").data
    assert items[1].role == "assistant" and "Ada" in items[1].content[0].text, items
    refused = service.refusal(
        lambda: ai.responses.create(
            model=MODEL, input=[{"type": "item_reference", "id": "msg_never_seen"}]
        )
    )
    assert refused[1] in (400, 404) and refused[3] == "input", refused
    return {"refused": refused}


def nothing_is_kept_of_what_is_not_to_be_stored():
    response = ai.responses.create(model=MODEL, input="say hello", store=False)
    assert response.store is False and response.output_text == "hello"
    assert service.refusal(lambda: ai.responses.retrieve(response.id))[:2] == ["NotFoundError", 404]
    refused = service.refusal(
        lambda: ai.responses.create(model=MODEL, input="hi", previous_response_id=response.id)
    )
    assert refused[2:] == ["previous_response_not_found", "previous_response_id"], refused
    return {"id": response.id}


LOOKUP = {"type": "function", "name": "lookup", "parameters": None, "strict": None}


def reasoning_travels_sealed():
    """What the library's users do who store nothing: they bring every item of the output back."""
    asked = {
        "model": MODEL,
        "store": False,
        "include": ["reasoning.encrypted_content"],
        "tools": [LOOKUP],
    }
    question = {"role": "user", "content": "Think, then look it up. [[call:lookup {}]]"}
    first = ai.responses.create(input=[question], **asked)
    assert service.kinds(first.output) == ["reasoning", "function_call"], first.output
    thought, call = first.output
    assert thought.encrypted_content and thought.summary == [], thought
    output = {"type": "function_call_output", "call_id": call.call_id, "output": "green"}

    def went_on_with(thought):
        response = ai.responses.create(input=[question, thought, call.to_dict(), output], **asked)
        assert "lookup returned: green" in response.output_text, response

    # Some bring what stands in clear as well, some only what is sealed.
    whole = thought.to_dict()
    only_sealed = {name: whole[name] for name in ("type", "id", "summary", "encrypted_content")}
    went_on_with(whole)
    went_on_with(only_sealed)
    # What another service sealed says nothing here.
    went_on_with({**only_sealed, "encrypted_content": "gAAAA-by-another"})
    opened = ai.responses.create(model=MODEL, input="Think, then say hello.", store=False)
    assert opened.output[0].encrypted_content is None, opened.output[0]
    streamed = list(ai.responses.create(input=[question], stream=True, **asked))
    done = [event.item for event in streamed if event.type == "response.output_item.done"]
    assert done[0].encrypted_content == streamed[-1].response.output[0].encrypted_content, done[0]
    return {"sealed": thought.encrypted_content, "thought": thought.content[0].text}


def tokens_are_counted_before_they_are_spent():
    count = ai.responses.input_tokens.count
    short = count(model=MODEL, input="say hello")
    assert short.object == "response.input_tokens" and short.input_tokens > 0
    longer = count(model=MODEL, input="say hello " * 50)
    assert longer.input_tokens > short.input_tokens + 50, (short, longer)
    first = ai.responses.create(model=MODEL, input="say hello " * 50)
    behind = count(model=MODEL, input="say hello", previous_response_id=first.id)
    assert behind.input_tokens > longer.input_tokens, behind
    answered = ai.responses.create(model=MODEL, input="say hello")
    assert answered.usage.input_tokens == short.input_tokens, answered.usage
    return {}


def a_conversation_is_made_compact():
    first = ai.responses.create(model=MODEL, input="My name is Ada.")
    # The library has no type for the messages of a user among these, though they are what it documents.
    compacted = service.client(_strict_response_validation=False).responses.compact(
        model=MODEL, previous_response_id=first.id, input="And I like tea."
    )
    assert compacted.object == "response.compaction" and compacted.usage.total_tokens > 0
    assert service.kinds(compacted.output) == ["message", "message", "compaction"], compacted.output
    assert [item.role for item in compacted.output[:2]] == ["user", "user"]
    assert compacted.output[2].encrypted_content
    window = [item.to_dict() for item in compacted.output]
    window.append({"role": "user", "content": "What is my name?"})
    response = ai.responses.create(model=MODEL, input=window)
    assert response.output_text == "Your name is Ada.", response.output_text
    refused = service.refusal(lambda: ai.responses.compact(model=openai.omit, input="hi"))
    assert refused == ["BadRequestError", 400, "missing_required_parameter", "model"], refused
    return {}


def a_key_makes_one_response_of_many_requests():
    asked = {"model": MODEL, "input": "say hello"}
    keyed = {"extra_headers": {"Idempotency-Key": "order-12"}}
    first = ai.responses.create(**asked, **keyed)
    again = ai.responses.create(**asked, **keyed)
    assert again == first and ai.responses.create(**asked).id != first.id
    refused = service.refusal(
        lambda: ai.responses.create(model=MODEL, input="something else", **keyed)
    )
    assert refused[:3] == ["BadRequestError", 400, "idempotency_key_reused"], refused
    streamed = ai.responses.create(
        **asked, stream=True, extra_headers={"Idempotency-Key": "order-13"}
    )
    told = service.numbered(list(streamed))
    streamed = ai.responses.create(
        **asked, stream=True, extra_headers={"Idempotency-Key": "order-13"}
    )
    retold = service.numbered(list(streamed))
    assert retold[-1] == told[-1], retold[-1]
    return {"id": first.id}


def another_process_knows(base):
    """Two processes are one service: what one of them does, the other one tells."""
    elsewhere = service.client(base_url=base)
    keyed = {"extra_headers": {"Idempotency-Key": "order-14"}}
    asked = {"model": MODEL, "input": "say hello [[delay:500ms]]"}
    with ThreadPoolExecutor() as threads:
        here = threads.submit(lambda: ai.responses.create(**asked, **keyed))
        there = threads.submit(lambda: elsewhere.responses.create(**asked, **keyed))
        assert here.result() == there.result(), "one waits for the other"
    response = here.result()
    assert elsewhere.responses.retrieve(response.id) == response
    running = ai.responses.create(
        model=MODEL, input="Write a long report. [[delta-delay:2ms]]", background=True
    )
    told = [list(side.responses.retrieve(running.id, stream=True)) for side in (elsewhere, ai)]
    assert told[0] == told[1] and told[0][-1].type == "response.completed"
    conversation = ai.conversations.create(items=[{"role": "user", "content": "My name is Ada."}])
    again = elsewhere.responses.create(
        model=MODEL, input="What is my name?", conversation=conversation.id
    )
    assert again.output_text == "Your name is Ada.", again.output_text
    slow = ai.responses.create(model=MODEL, input="a story [[fail:slow]]", background=True)
    assert elsewhere.responses.cancel(slow.id).status == "cancelled"
    assert ai.responses.retrieve(slow.id).status == "cancelled"
    return {"id": response.id}


if __name__ == "__main__":
    service.run(globals())
