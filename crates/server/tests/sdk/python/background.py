"""Responses that nobody waits for: polled, read along, picked up again, cancelled, deleted."""

import json
import sys
import time

import service
from service import MODEL

ai = service.client()


def ended(response):
    deadline = time.monotonic() + 60
    while response.status in ("queued", "in_progress"):
        assert time.monotonic() < deadline, response
        time.sleep(0.05)
        response = ai.responses.retrieve(response.id)
    return response


def is_polled_to_its_end():
    queued = ai.responses.create(model=MODEL, input="Write a haiku.", background=True)
    assert queued.status in ("queued", "in_progress") and queued.background is True, queued
    assert queued.output == [] and queued.usage is None and queued.completed_at is None
    done = ended(queued)
    assert done.status == "completed" and done.output_text.startswith("Tests run")
    assert done.id == queued.id and done.created_at == queued.created_at and done.completed_at
    return {"id": done.id}


def is_streamed_and_picked_up_again():
    stream = ai.responses.create(
        model=MODEL, input="Write a long report. [[delta-delay:5ms]]", background=True, stream=True
    )
    live = []
    for event in stream:
        live.append(event)
        if event.type == "response.output_text.delta" and len(live) > 12:
            break
    stream.close()
    service.numbered(live)
    id, last = live[0].response.id, live[-1].sequence_number
    assert live[0].response.status in ("queued", "in_progress")
    rest = list(ai.responses.retrieve(id, stream=True, starting_after=last))
    service.numbered(rest, first=last + 1)
    assert rest[-1].type == "response.completed", rest[-1]
    again = list(ai.responses.retrieve(id, stream=True))
    assert again == live + rest, "a replay tells what was told"
    for after in (0, last, again[-1].sequence_number):
        tail = list(ai.responses.retrieve(id, stream=True, starting_after=after))
        assert tail == again[after + 1 :], after
    past = list(ai.responses.retrieve(id, stream=True, starting_after=10_000))
    assert past == [], past
    with ai.responses.stream(response_id=id, starting_after=last) as helped:
        behind = [event.sequence_number for event in helped]
        final = helped.get_final_response()
    assert behind[0] == last + 1 and behind[-1] == again[-1].sequence_number, behind
    assert final.output_text == again[-1].response.output_text
    assert ai.responses.retrieve(id) == again[-1].response
    return {"id": id, "events": len(again)}


def begins_and_is_left(prompt, events):
    """Reads so many events of a response and leaves; tells the rest of the world which."""
    stream = ai.responses.create(model=MODEL, input=prompt, background=True, stream=True)
    seen = []
    for event in stream:
        seen.append(json.loads(event.to_json()))
        if len(seen) == int(events):
            break
    stream.close()
    return {"id": seen[0]["response"]["id"], "seen": seen}


def goes_on_elsewhere(id):
    """Reads on behind what was seen, which comes from the standard input."""
    seen = json.load(sys.stdin)
    rest = list(ai.responses.retrieve(id, stream=True, starting_after=seen[-1]["sequence_number"]))
    service.numbered(rest, first=len(seen))
    last = rest[-1].response
    assert last.id == id and ai.responses.retrieve(id) == last
    again = list(ai.responses.retrieve(id, stream=True))
    assert [json.loads(event.to_json()) for event in again[: len(seen)]] == seen
    assert again[len(seen) :] == rest
    return {"types": [event.type for event in rest], "text": last.output_text}


def is_cancelled():
    running = ai.responses.create(model=MODEL, input="a story [[fail:slow]]", background=True)
    stream = ai.responses.retrieve(running.id, stream=True)
    events = []
    for event in stream:
        events.append(event)
        if (
            event.type == "response.output_text.delta"
            and event.output_index == 0
            and len(events) < 50
        ):
            cancelled = ai.responses.cancel(running.id)
            assert cancelled.status == "cancelled", cancelled
    assert events[-1].type == "response.failed", events[-1]
    assert events[-1].response.status == "cancelled" and events[-1].response.error is None
    assert events[-1].response.completed_at is None
    again = ai.responses.cancel(running.id)
    assert again.status == "cancelled" and again == ai.responses.retrieve(running.id), again
    service.numbered(events)
    done = ended(ai.responses.create(model=MODEL, input="say hello", background=True))
    assert ai.responses.cancel(done.id) == done, "what has ended stays as it is"
    return {"id": running.id}


def is_cancelled_while_it_waits():
    """Nobody works on the queue here."""
    waiting = ai.responses.create(model=MODEL, input="say hello", background=True)
    assert waiting.status == "queued" and ai.responses.retrieve(waiting.id).status == "queued"
    cancelled = ai.responses.cancel(waiting.id)
    assert cancelled.status == "cancelled" and cancelled.output == []
    return {"id": waiting.id}


def is_deleted_after_its_end():
    running = ai.responses.create(model=MODEL, input="a story [[fail:slow]]", background=True)
    refused = service.refusal(lambda: ai.responses.delete(running.id))
    assert refused[:2] == ["BadRequestError", 400], refused
    ai.responses.cancel(running.id)
    assert ai.responses.delete(running.id) is None
    assert service.refusal(lambda: ai.responses.retrieve(running.id))[1] == 404
    assert service.refusal(lambda: ai.responses.retrieve(running.id, stream=True))[1] == 404
    return {}


def the_foreground_is_not():
    answered = ai.responses.create(model=MODEL, input="say hello")
    refused = service.refusal(lambda: ai.responses.cancel(answered.id))
    assert refused[:2] == ["BadRequestError", 400], refused
    refused = service.refusal(lambda: ai.responses.retrieve(answered.id, stream=True))
    assert refused[:2] == ["BadRequestError", 400] and refused[3] == "stream", refused
    running = ai.responses.create(model=MODEL, input="a story [[fail:slow]]", stream=True)
    for event in running:
        id = event.response.id
        break
    assert service.refusal(lambda: ai.responses.retrieve(id))[1] == 404, "while it runs"
    refused = service.refusal(lambda: ai.responses.cancel(id))
    assert refused[:2] == ["BadRequestError", 400] or refused[1] == 404, refused
    running.close()
    return {"while_running": refused}


def fails_and_says_why():
    queued = ai.responses.create(model=MODEL, input="hi [[fail:unknown-tool]]", background=True)
    failed = ended(
        ai.responses.create(model=MODEL, input="hi [[fail:invalid-json]]", background=True)
    )
    assert failed.status == "failed" and failed.error.message, failed
    assert failed.error.code in ("server_error", "rate_limit_exceeded"), failed.error
    ended(queued)
    return {"error": failed.error.to_dict()}


if __name__ == "__main__":
    service.run(globals())
