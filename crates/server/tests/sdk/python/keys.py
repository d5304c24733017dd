"""Callers with keys: who comes in, who is refused, and who is asked to wait. The key comes by standard input."""

import sys
import time

import openai

import service
from service import MODEL, client, refusal

ASKED = {"model": MODEL, "input": "Say hello."}


def comes_in():
    key = sys.stdin.read().strip()
    answer = client(api_key=key).responses.create(**ASKED)
    assert answer.status == "completed", answer
    wrong = client(api_key=key[:-1] + ("0" if key[-1] != "0" else "1"))
    return {"id": answer.id, "refused": refusal(lambda: wrong.responses.create(**ASKED))}


def waits_as_it_is_told():
    """The library tries again by itself after the time that the refusal names."""
    key = sys.stdin.read().strip()
    impatient = client(api_key=key)
    refused = None
    for _ in range(200):
        try:
            impatient.responses.create(**ASKED, store=False)
        except openai.RateLimitError as error:
            refused = error
            break
    assert refused is not None, "nobody was refused"
    told = refused.response.headers
    begun = time.monotonic()
    answer = client(api_key=key, max_retries=5).responses.create(**ASKED, store=False)
    return {
        "code": refused.code,
        "after": int(told["retry-after"]),
        "limit": told["x-ratelimit-limit"],
        "remaining": told["x-ratelimit-remaining"],
        "waited": time.monotonic() - begun,
        "status": answer.status,
    }


if __name__ == "__main__":
    service.run(globals())
