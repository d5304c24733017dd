"""What the programs beside this one share: the service as a program with OpenAI's library finds it.

Each program is asked for one of its functions by name, with further arguments as they come. What the function
answers is written as JSON. The library validates strictly: an answer that does not have the type that it
expects ends the program. OPENAI_BASE_URL says where the service is, as it does to any program.
"""

import inspect
import json
import sys
from typing import get_args

import openai
from openai._models import validate_type

MODEL = "jan-v2-30b"


def client(**options):
    return openai.OpenAI(**settings(options))


def asynchronous(**options):
    return openai.AsyncOpenAI(**settings(options))


def settings(options):
    return {
        "api_key": "ada",
        "max_retries": 0,
        "timeout": 60,
        "_strict_response_validation": True,
        **options,
    }


def refusal(call):
    """The error that a call ends with, as its class, its status, its code and its parameter."""
    try:
        call()
    except openai.APIStatusError as error:
        body = error.body
        assert isinstance(body, dict) and body["message"] and body["type"], body
        assert error.request_id, error.response.headers
        return [type(error).__name__, error.status_code, error.code, error.param]
    raise AssertionError("the call was not refused")


def checked(kinds, value):
    """An event of some kinds, which the library does not check by itself."""
    union, _ = get_args(kinds)
    (kind,) = [kind for kind in get_args(union) if value["type"] in types_of(kind)]
    return validate_type(type_=kind, value=value)


def types_of(kind):
    return get_args(kind.model_fields["type"].annotation)


def kinds(items):
    return [item.type for item in items]


def numbered(events, first=0):
    """Events come in order and without a gap."""
    numbers = [event.sequence_number for event in events]
    assert numbers == list(range(first, first + len(numbers))), numbers
    return events


def run(functions):
    function = functions[sys.argv[1]]
    answer = function(*sys.argv[2:])
    if inspect.iscoroutine(answer):
        import asyncio

        answer = asyncio.run(answer)
    json.dump(answer, sys.stdout)
