"""A program that is told how its background responses end."""

import json
import sys

import service
from service import MODEL

ai = service.client()


def registers_and_asks(url):
    endpoint = ai.webhooks.create(
        name="tests",
        url=url,
        event_types=[
            "response.completed",
            "response.failed",
            "response.cancelled",
            "response.incomplete",
        ],
    )
    asked = {"model": MODEL, "background": True}
    completed = ai.responses.create(input="say hello", **asked)
    failed = ai.responses.create(input="hi [[fail:invalid-json]]", **asked)
    incomplete = ai.responses.create(input="Write a long report.", max_output_tokens=16, **asked)
    cancelled = ai.responses.create(input="a story [[fail:slow]]", **asked)
    ai.responses.cancel(cancelled.id)
    return {
        "secret": endpoint.signing_secret,
        "responses": {
            completed.id: "response.completed",
            failed.id: "response.failed",
            incomplete.id: "response.incomplete",
            cancelled.id: "response.cancelled",
        },
    }


def unwraps(secret):
    """What came, from the standard input: each delivery with its headers and its body."""
    told = {}
    for delivery in json.load(sys.stdin):
        event = ai.webhooks.unwrap(delivery["body"], delivery["headers"], secret=secret)
        response = ai.responses.retrieve(event.data.id)
        assert event.type == f"response.{response.status}", (event, response.status)
        told[event.data.id] = [event.type, type(event).__name__]
    return told


if __name__ == "__main__":
    service.run(globals())
