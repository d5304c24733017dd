"""What is refused, or fails, and as which error of the library."""

import openai

import service
from service import MODEL

ai = service.client()

FUNCTION = {"type": "function", "name": "lookup", "parameters": {"type": "object"}}
UNKNOWN = "resp_01hqr8v9k2x3f4g5h6j7k8m9n0"


def create(**asked):
    return service.refusal(
        lambda: ai.responses.create(
            model=asked.pop("model", MODEL), input=asked.pop("input", "hi"), extra_body=asked
        )
    )


def wrong_requests_name_the_field():
    table = [
        ({"model": None}, "missing_required_parameter", "model"),
        ({"input": None}, "missing_required_parameter", "input"),
        ({"input": []}, None, "input"),
        ({"temperature": 3}, None, "temperature"),
        ({"temperature": "hot"}, None, "temperature"),
        ({"top_p": 1.5}, None, "top_p"),
        ({"top_logprobs": 21}, None, "top_logprobs"),
        ({"max_output_tokens": 0}, None, "max_output_tokens"),
        ({"max_tool_calls": 0}, None, "max_tool_calls"),
        ({"stream": "yes"}, None, "stream"),
        ({"store": "yes"}, None, "store"),
        ({"metadata": {"k": 1}}, None, "metadata"),
        ({"metadata": {"k" * 65: "v"}}, None, "metadata"),
        ({"metadata": {"k": "v" * 513}}, None, "metadata"),
        ({"metadata": {str(n): "v" for n in range(17)}}, None, "metadata"),
        ({"truncation": "sometimes"}, None, "truncation"),
        ({"text": {"format": {"type": "xml"}}}, None, "text.format.type"),
        (
            {"text": {"format": {"type": "json_schema", "name": "a b", "schema": {}}}},
            None,
            "text.format.name",
        ),
        ({"text": {"format": {"type": "json_schema", "name": "a"}}}, None, "text.format.schema"),
        ({"reasoning": {"effort": 7}}, None, "reasoning.effort"),
        ({"tools": [{"type": "function", "name": "no spaces"}]}, None, "tools[0].name"),
        ({"tools": [{"type": "function"}]}, "missing_required_parameter", "tools[0].name"),
        ({"tools": [{"type": "mcp"}]}, "missing_required_parameter", "tools[0].server_label"),
        ({"tool_choice": "perhaps"}, None, "tool_choice"),
        ({"tool_choice": {"type": "function", "name": "lookup"}}, None, "tool_choice"),
        ({"input": [{"role": "nobody", "content": "hi"}]}, None, "input[0].role"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_text"}]}]},
            "missing_required_parameter",
            "input[0].content[0].text",
        ),
        ({"input": [{"type": "never_heard_of"}]}, None, "input[0].type"),
        ({"background": True, "store": False}, "unsupported_parameter", "background"),
        ({"previous_response_id": UNKNOWN}, "previous_response_not_found", "previous_response_id"),
        (
            {"previous_response_id": UNKNOWN, "conversation": "conv_01hqr8v9k2x3f4g5h6j7k8m9n0"},
            None,
            None,
        ),
        ({"conversation": "conv_01hqr8v9k2x3f4g5h6j7k8m9n0"}, None, "conversation"),
        ({"include": "everything"}, None, "include"),
    ]
    odd = []
    for asked, code, param in table:
        named, status, told, field = create(**asked)
        fits = field is not None and (
            param is None
            or field == param
            or field.startswith(f"{param}[")
            or field.startswith(f"{param}.")
        )
        known = (
            status == 404 and "conversation" in asked or (named, status) == ("BadRequestError", 400)
        )
        if not (known and (code is None or told == code) and (fits or param is None)):
            odd.append([asked, [named, status, told, field], [code, param]])
    assert not odd, "\n".join(map(str, odd))
    return {}


def calls_and_outputs_must_pair():
    orphan = create(input=[{"type": "function_call_output", "call_id": "call_1", "output": "x"}])
    assert orphan == ["BadRequestError", 400, None, "input"], orphan
    dangling = create(
        input=[
            {"type": "function_call", "call_id": "call_1", "name": "lookup", "arguments": "{}"},
            {"role": "user", "content": "hi"},
        ],
        tools=[FUNCTION],
    )
    assert dangling == ["BadRequestError", 400, None, "input"], dangling
    return {}


def what_is_not_there_is_not_found():
    conversation = "conv_01hqr8v9k2x3f4g5h6j7k8m9n0"
    calls = [
        lambda: ai.responses.retrieve(UNKNOWN),
        lambda: ai.responses.retrieve("resp_nonsense"),
        lambda: ai.responses.delete(UNKNOWN),
        lambda: ai.responses.cancel(UNKNOWN),
        lambda: ai.responses.input_items.list(UNKNOWN),
        lambda: ai.responses.retrieve(UNKNOWN, stream=True),
        lambda: ai.conversations.retrieve(conversation),
        lambda: ai.conversations.update(conversation, metadata={}),
        lambda: ai.conversations.delete(conversation),
        lambda: ai.conversations.items.list(conversation),
        lambda: ai.conversations.items.create(
            conversation, items=[{"role": "user", "content": "x"}]
        ),
        lambda: ai.conversations.items.retrieve("msg_1", conversation_id=conversation),
        lambda: ai.get("/never/heard/of", cast_to=object),
        lambda: ai.models.list(),
    ]
    for number, call in enumerate(calls):
        refused = service.refusal(call)
        assert refused[:2] == ["NotFoundError", 404], (number, refused)
    wrong_method = service.refusal(lambda: ai.put("/responses", cast_to=object))
    assert wrong_method[1] == 405, wrong_method
    return {}


def failures_of_the_model_server_have_classes():
    table = [
        ("hi [[status:401]]", "AuthenticationError", 401),
        ("hi [[status:429 retry-after:1]]", "RateLimitError", 429),
        ("hi [[status:500]]", "InternalServerError", 502),
        ("hi [[fail:invalid-json]]", "InternalServerError", 500),
    ]
    for prompt, kind, status in table:
        refused = create(input=prompt)
        assert refused[:2] == [kind, status], (prompt, refused)
    return {}


def the_library_repeats_what_may_be_repeated():
    """It would repeat any 5xx, unless the answer says that this leads nowhere."""
    eager = service.client(max_retries=1)
    told = {}
    for prompt in (
        "hi [[status:503 times:3]] and say one",
        "hi [[fail:unknown-tool]]",
        "hi [[fail:html]]",
    ):
        try:
            told[prompt] = eager.responses.create(
                model=MODEL, input=prompt, tools=[FUNCTION]
            ).status
        except openai.InternalServerError as error:
            counted = error.response.request.headers["x-stainless-retry-count"]
            told[prompt] = [counted, error.response.headers.get("x-should-retry")]
    assert list(told.values()) == ["completed", ["0", "false"], ["0", "false"]], told
    return {}


if __name__ == "__main__":
    service.run(globals())
