"""Answers as they come: raw events, the helper, and what becomes of them when a stream ends otherwise."""

import asyncio

import service
from service import MODEL

ai = service.client()

THREE_ROUNDS = "Search for the latest AI news, read the top 2 results, then calculate 12*7 and tell me what time it is"
LOOKUP = {
    "type": "function",
    "name": "lookup",
    "description": "Looks a word up.",
    "parameters": {
        "type": "object",
        "properties": {"word": {"type": "string"}},
        "required": ["word"],
        "additionalProperties": False,
    },
    "strict": True,
}


def distinct(events):
    """The types of events, each row of alike ones once."""
    types = []
    for event in events:
        if types[-1:] != [event.type]:
            types.append(event.type)
    return types


def events_come_in_order():
    events = list(ai.responses.create(model=MODEL, input="Write a haiku.", stream=True))
    service.numbered(events)
    assert distinct(events) == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ], distinct(events)
    created, last = events[0].response, events[-1].response
    assert created.status == "in_progress" and created.output == [] and created.usage is None
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert text == last.output_text and text.startswith("Tests run"), text
    assert ai.responses.retrieve(last.id) == last
    return {"id": last.id}


def the_helper_assembles_the_answer():
    with ai.responses.stream(
        model=MODEL, input="Write a haiku.", instructions="Be brief."
    ) as stream:
        seen = [event for event in stream]
        final = stream.get_final_response()
    snapshots = [event.snapshot for event in seen if event.type == "response.output_text.delta"]
    assert len(snapshots) > 1 and snapshots[-1] == final.output_text, snapshots
    assert final.status == "completed" and final.instructions == "Be brief."
    kept = ai.responses.retrieve(final.id)
    assert kept.output_text == final.output_text and kept.usage == final.usage
    return {"id": final.id}


async def many_read_at_once():
    """The asynchronous client reads a body to its end behind the last event."""
    async with service.asynchronous() as ai:

        async def one(number):
            stream = await ai.responses.create(model=MODEL, input=f"say {number}", stream=True)
            events = service.numbered([event async for event in stream])
            return events[-1].response.output_text

        answers = await asyncio.gather(*(one(number) for number in range(20)))
        assert answers == [str(number) for number in range(20)], answers
        async with ai.responses.stream(model=MODEL, input="say hello") as stream:
            assert (await stream.get_final_response()).output_text == "hello"
    return {}


def a_call_of_the_callers_function_is_streamed():
    question = {
        "model": MODEL,
        "input": 'Look it up. [[call:lookup {"word":"tea"}]]',
        "tools": [LOOKUP],
    }
    events = service.numbered(list(ai.responses.create(**question, stream=True)))
    assert distinct(events) == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
        "response.completed",
    ], distinct(events)
    added = next(event.item for event in events if event.type == "response.output_item.added")
    done = next(event.item for event in events if event.type == "response.output_item.done")
    assert (added.name, added.arguments, added.status) == ("lookup", "", "in_progress"), added
    assert (added.id, added.call_id) == (done.id, done.call_id) and added.id != added.call_id
    pieces = [
        event.delta for event in events if event.type == "response.function_call_arguments.delta"
    ]
    whole = next(event for event in events if event.type == "response.function_call_arguments.done")
    assert "".join(pieces) == whole.arguments == done.arguments == '{"word":"tea"}', pieces
    assert whole.name == "lookup" and events[-1].response.output == [done]
    with ai.responses.stream(**question) as stream:
        for event in stream:
            if event.type == "response.function_call_arguments.delta":
                snapshot = event.snapshot
        assert snapshot == '{"word":"tea"}'
        call = stream.get_final_response().output[0]
        assert call.parsed_arguments == {"word": "tea"}, call
    return {}


def thoughts_are_streamed():
    events = list(ai.responses.create(model=MODEL, input="Think, then say hello.", stream=True))
    service.numbered(events)
    types = distinct(events)
    assert types[2:9] == [
        "response.output_item.added",
        "response.content_part.added",
        "response.reasoning_text.delta",
        "response.reasoning_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.output_item.added",
    ], types
    thought = events[-1].response.output[0]
    pieces = [event.delta for event in events if event.type == "response.reasoning_text.delta"]
    assert thought.type == "reasoning" and thought.content[0].text == "".join(pieces), thought
    assert events[-1].response.usage.output_tokens_details.reasoning_tokens >= 0
    return {}


def an_answer_cut_short_is_incomplete():
    asked = {"model": MODEL, "input": "Write a long report.", "max_output_tokens": 16}
    whole = ai.responses.create(**asked)
    assert whole.status == "incomplete" and whole.incomplete_details.reason == "max_output_tokens"
    assert whole.output[0].status == "incomplete" and whole.output_text, whole.output
    assert whole.completed_at is None, whole
    events = service.numbered(list(ai.responses.create(**asked, stream=True)))
    assert events[-1].type == "response.incomplete", events[-1]
    assert events[-1].response.output_text == whole.output_text
    with ai.responses.stream(**asked) as stream:
        types = distinct(list(stream))
    assert types[-1] == "response.incomplete", types
    return {"id": whole.id}


def a_failure_ends_a_stream():
    events = list(
        ai.responses.create(model=MODEL, input="a story [[fail:invalid-json]]", stream=True)
    )
    service.numbered(events)
    assert events[-1].type == "response.failed", events[-1]
    failed = events[-1].response
    assert failed.status == "failed" and failed.error.message, failed.error
    assert ai.responses.retrieve(failed.id) == failed
    long = {"model": "jan-small-4k", "input": "word " * 9_000}
    # The library's list of codes lacks this one, which OpenAI's own service sends and programs look for.
    lenient = service.client(_strict_response_validation=False)
    too_long = list(lenient.responses.create(**long, stream=True))[-1]
    assert too_long.type == "response.failed", too_long
    assert too_long.response.error.code == "context_length_exceeded", too_long
    whole = service.refusal(lambda: ai.responses.create(**long))
    assert whole == ["BadRequestError", 400, "context_length_exceeded", "input"], whole
    asked = {"model": MODEL, "input": "hi", "temperature": 3}
    refused = service.refusal(lambda: ai.responses.create(**asked, stream=True))
    assert refused[:2] == ["BadRequestError", 400], "before the first event it is an ordinary error"
    return {"id": failed.id, "error": failed.error.to_dict()}


def a_coding_agent_is_served():
    """What such programs send by default: tools of others, fields of their own, and in every turn the whole
    transcript with ids that they made up."""
    shell = {
        "type": "function",
        "name": "shell",
        "description": "Runs a command.",
        "strict": False,
        "parameters": {
            "type": "object",
            "properties": {"command": {"type": "array", "items": {"type": "string"}}},
        },
    }
    asked = {
        "model": MODEL,
        "instructions": "You are a coding agent.",
        "tools": [
            shell,
            {"type": "web_search", "external_web_access": False},
            {"type": "namespace", "name": "agents", "description": "Others.", "tools": [shell]},
            {
                "type": "custom",
                "name": "apply_patch",
                "format": {"type": "grammar", "syntax": "lark", "definition": "x"},
            },
        ],
        "tool_choice": "auto",
        "parallel_tool_calls": True,
        "reasoning": {"effort": "medium", "summary": "auto"},
        "store": False,
        "stream": True,
        "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": "0198c1b0-5d5c-7d3e-9d6f-2f6f5c0a9f10",
        "text": {"verbosity": "medium"},
        "service_tier": None,
        "extra_body": {
            "client_metadata": {"session": "1"},
            "stream_options": {"include_obfuscation": False},
        },
    }

    def said(id, role, kind, text):
        content = [{"type": kind, "text": text}]
        return {"type": "message", "id": f"msg_{id}", "role": role, "content": content}

    transcript = [
        said("0198c1b0-aaaa", "developer", "input_text", "<permissions>none</permissions>"),
        said(
            "0198c1b0-bbbb",
            "user",
            "input_text",
            'List the files. [[call:shell {"command":["ls"]}]]',
        ),
    ]
    for turn in range(3):
        events = service.numbered(list(ai.responses.create(input=transcript, **asked)))
        assert events[-1].type == "response.completed", events[-1]
        output = [event.item for event in events if event.type == "response.output_item.done"]
        assert output == events[-1].response.output
        assert [tool.type for tool in events[-1].response.tools] == ["function"]
        calls = [item for item in output if item.type == "function_call"]
        if not calls:
            break
        transcript += [item.to_dict(exclude_none=True) for item in output]
        transcript += [
            {
                "type": "function_call_output",
                "id": "fco_0198c1b0-cccc",
                "call_id": call.call_id,
                "output": "README.md",
            }
            for call in calls
        ]
    assert turn == 1 and "shell returned: README.md" in events[-1].response.output_text
    assert service.kinds(output) == ["reasoning", "message"], output
    return {}


def a_reader_that_leaves_stops_the_run():
    stream = ai.responses.create(model=MODEL, input="a story [[fail:slow]]", stream=True)
    for event in stream:
        if event.type == "response.created":
            id = event.response.id
        if event.type == "response.output_text.delta":
            break
    stream.close()
    return {"id": id}


if __name__ == "__main__":
    service.run(globals())
