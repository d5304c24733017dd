"""Conversations: made, described, filled, read, used, and forgotten."""

import service
from service import MODEL

ai = service.client()


def user(text):
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


def texts(items):
    return [item.content[0].text for item in items]


def is_made_described_and_forgotten():
    conversation = ai.conversations.create(
        metadata={"topic": "tea"},
        items=[user("My name is Ada."), {"role": "assistant", "content": "Hello, Ada."}],
    )
    assert conversation.id.startswith("conv_") and conversation.object == "conversation"
    assert conversation.metadata == {"topic": "tea"} and conversation.created_at > 1_700_000_000
    assert ai.conversations.retrieve(conversation.id) == conversation
    described = ai.conversations.update(conversation.id, metadata={"topic": "coffee", "n": "1"})
    assert described.metadata == {"topic": "coffee", "n": "1"} and described.id == conversation.id
    assert ai.conversations.retrieve(conversation.id) == described
    items = ai.conversations.items.list(conversation.id, order="asc").data
    assert [item.role for item in items] == ["user", "assistant"]
    assert items[1].content[0].type == "output_text"
    empty = ai.conversations.create()
    assert empty.metadata == {} and ai.conversations.items.list(empty.id).data == []
    gone = ai.conversations.delete(conversation.id)
    assert (
        gone.deleted is True
        and gone.object == "conversation.deleted"
        and gone.id == conversation.id
    )
    for call in (
        lambda: ai.conversations.retrieve(conversation.id),
        lambda: ai.conversations.items.list(conversation.id),
        lambda: ai.responses.create(model=MODEL, input="hi", conversation=conversation.id),
    ):
        assert service.refusal(call)[1] in (400, 404)
    return {}


def has_items_of_its_own():
    conversation = ai.conversations.create()
    made = ai.conversations.items.create(
        conversation.id, items=[user(f"line {number}") for number in range(7)]
    )
    assert made.object == "list" and made.has_more is False
    assert texts(made.data) == [f"line {number}" for number in range(7)]
    assert made.first_id == made.data[0].id and made.last_id == made.data[-1].id
    call = {"type": "function_call", "call_id": "call_1", "name": "lookup", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "call_1", "output": "green"}
    pair = ai.conversations.items.create(conversation.id, items=[call, output]).data
    assert service.kinds(pair) == ["function_call", "function_call_output"], pair
    newest = ai.conversations.items.list(conversation.id).data
    assert service.kinds(newest)[:3] == ["function_call_output", "function_call", "message"]
    for limit in (1, 2, 9, 100):
        for order in ("asc", "desc"):
            paged = list(ai.conversations.items.list(conversation.id, limit=limit, order=order))
            expected = newest if order == "desc" else newest[::-1]
            assert paged == expected, (limit, order)
    behind = ai.conversations.items.list(conversation.id, after=newest[3].id, limit=2)
    assert behind.data == newest[4:6] and behind.has_more is True and behind.last_id == newest[5].id
    item = ai.conversations.items.retrieve(newest[4].id, conversation_id=conversation.id)
    assert item == newest[4]
    left = ai.conversations.items.delete(newest[4].id, conversation_id=conversation.id)
    assert left.id == conversation.id and left.object == "conversation"
    refused = service.refusal(
        lambda: ai.conversations.items.retrieve(newest[4].id, conversation_id=conversation.id)
    )
    assert refused[:2] == ["NotFoundError", 404], refused
    remaining = ai.conversations.items.list(conversation.id).data
    assert remaining == newest[:4] + newest[5:]
    refused = service.refusal(
        lambda: ai.conversations.items.create(conversation.id, items=[user("x")] * 21)
    )
    assert refused[:2] == ["BadRequestError", 400] and refused[3].startswith("items"), refused
    return {}


def gathers_what_its_responses_say():
    conversation = ai.conversations.create(items=[user("My name is Ada.")])
    first = ai.responses.create(model=MODEL, input="What is my name?", conversation=conversation.id)
    assert first.output_text == "Your name is Ada." and first.conversation.id == conversation.id
    second = ai.responses.create(
        model=MODEL, input="What did I say before?", conversation={"id": conversation.id}
    )
    assert "What is my name?" in second.output_text, second.output_text
    items = ai.conversations.items.list(conversation.id, order="asc").data
    assert texts(items) == [
        "My name is Ada.",
        "What is my name?",
        "Your name is Ada.",
        "What did I say before?",
        second.output_text,
    ], texts(items)
    assert items[2].id == first.output[0].id, "an item of a response has one id"
    assert items[0].id == ai.responses.input_items.list(first.id, order="asc").data[0].id
    ai.conversations.items.delete(items[0].id, conversation_id=conversation.id)
    third = ai.responses.create(model=MODEL, input="What is my name?", conversation=conversation.id)
    assert third.output_text == "You have not told me your name.", third.output_text
    unkept = ai.responses.create(
        model=MODEL, input="And this?", conversation=conversation.id, store=False
    )
    assert unkept.conversation.id == conversation.id
    after = ai.conversations.items.list(conversation.id, order="asc").data
    assert texts(after)[-2:] == ["What is my name?", third.output_text], "nothing was written"
    both = service.refusal(
        lambda: ai.responses.create(
            model=MODEL, input="hi", conversation=conversation.id, previous_response_id=first.id
        )
    )
    assert both[:2] == ["BadRequestError", 400], both
    kept = ai.responses.retrieve(first.id)
    ai.conversations.delete(conversation.id)
    assert ai.responses.retrieve(first.id).output == kept.output, "items outlive the conversation"
    return {}


def is_for_one_response_at_a_time():
    conversation = ai.conversations.create()
    busy = ai.responses.create(
        model=MODEL, input="a story [[fail:slow]]", conversation=conversation.id, background=True
    )
    refused = service.refusal(
        lambda: ai.responses.create(model=MODEL, input="hi", conversation=conversation.id)
    )
    assert refused == ["BadRequestError", 400, "conversation_locked", "conversation"], refused
    ai.responses.cancel(busy.id)
    free = ai.responses.create(model=MODEL, input="say hello", conversation=conversation.id)
    assert free.output_text == "hello"
    return {}


if __name__ == "__main__":
    service.run(globals())
