"""Speaks to the webhook endpoints of a server as a program with OpenAI's client library does.

The argument is the base URL. Writes what the library understood, as one JSON object. The library
validates strictly: an answer that does not have the type it expects ends the program.
"""

import json
import sys

import openai

URL = "https://example.com/hooks"

client = openai.OpenAI(
    base_url=sys.argv[1],
    api_key="ada",
    max_retries=0,
    _strict_response_validation=True,
)
webhooks = client.webhooks


def made(name):
    return webhooks.create(
        name=name, url=URL, event_types=["response.completed", "response.incomplete"]
    )


def refusal(call):
    try:
        call()
    except openai.APIStatusError as error:
        return [type(error).__name__, error.code, error.param, error.type]
    raise AssertionError("the call was not refused")


endpoints = [made(name) for name in ("one", "two", "three")]
first = endpoints[0]
stranger = openai.OpenAI(base_url=sys.argv[1], api_key="forged", max_retries=0)

understood = {
    "created": first.model_dump(),
    "secrets": [endpoint.signing_secret for endpoint in endpoints],
    "listed": [endpoint.name for endpoint in webhooks.list(limit=1)],
    "page": [endpoint.name for endpoint in webhooks.list(limit=2).data],
    "retrieved": webhooks.retrieve(first.id).model_dump(),
    "updated": webhooks.update(
        first.id, name="other", event_types=["response.failed"]
    ).model_dump(),
    "rotated": webhooks.rotate_secret(
        first.id, keep_old_secret_active_for_24_hours=True
    ).signing_secret,
    "tested": webhooks.test(first.id, event_type="response.completed").model_dump(),
    "not_reached": refusal(lambda: webhooks.test(first.id, event_type="response.failed")),
    "event_types": webhooks.event_types.list().data,
    "unknown_event": refusal(lambda: webhooks.update(first.id, event_types=["batch.completed"])),
    "too_many": refusal(lambda: webhooks.list(limit=1000)),
    "stranger": refusal(lambda: stranger.webhooks.retrieve(first.id)),
    "deleted": webhooks.delete(first.id).model_dump(),
    "gone": refusal(lambda: webhooks.retrieve(first.id)),
}
json.dump(understood, sys.stdout)
