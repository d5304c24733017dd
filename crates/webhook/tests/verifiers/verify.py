"""Verifies deliveries as their receivers would, in Python.

Reads a list of cases from its input, each a verifier, a secret, headers and a body, and writes a
list of verdicts: what the body was understood to be, or null where the verifier refuses it. Any
other error ends the program.
"""

import hashlib
import hmac
import json
import sys

import openai
import standardwebhooks


def of_openai(secret, headers, body):
    client = openai.OpenAI(api_key="none", webhook_secret=secret)
    try:
        event = client.webhooks.unwrap(body, headers)
    except openai.InvalidWebhookSignatureError:
        return None
    return {"type": event.type, "of": event.data.id}


def of_the_standard(secret, headers, body):
    try:
        event = standardwebhooks.Webhook(secret).verify(body, headers)
    except standardwebhooks.WebhookVerificationError:
        return None
    return {"type": event["type"], "of": event["data"]["id"]}


def of_the_ecosystem(secret, headers, body):
    signed = f"{headers['x-timestamp']}.{body}"
    expected = hmac.new(secret.encode(), signed.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(f"sha256={expected}", headers["x-signature"]):
        return None
    event = json.loads(body)
    return {"type": event["type"], "of": event["data"]["id"]}


VERIFIERS = {
    "openai": of_openai,
    "standard": of_the_standard,
    "ecosystem": of_the_ecosystem,
}

cases = json.load(sys.stdin)
verdicts = [
    VERIFIERS[case["verifier"]](case["secret"], case["headers"], case["body"]) for case in cases
]
json.dump(verdicts, sys.stdout)
