"""LangChain's package for OpenAI, told to use the Responses API."""

import os

from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel

import service
from service import MODEL

os.environ["LANGCHAIN_TRACING_V2"] = "false"


def chat(**options):
    return ChatOpenAI(
        model=MODEL,
        api_key="ada",
        max_retries=0,
        use_responses_api=True,
        **options,
    )


@tool
def lookup(word: str) -> str:
    """Looks a word up."""
    return f"{word} is green"


class Weather(BaseModel):
    city: str
    degrees: int


def answers_and_streams():
    ai = chat()
    answer = ai.invoke("say hello")
    assert answer.text == "hello" and answer.usage_metadata["total_tokens"] > 0, answer
    assert answer.response_metadata["id"].startswith("resp_"), answer.response_metadata
    whole = None
    for chunk in ai.stream("Write a haiku."):
        whole = chunk if whole is None else whole + chunk
    assert whole.text.startswith("Tests run"), whole
    structured = ai.with_structured_output(Weather, method="json_schema").invoke(
        "The weather, please."
    )
    assert isinstance(structured, Weather), structured
    second = ai.invoke("say again", previous_response_id=answer.response_metadata["id"])
    assert second.text == "again", second
    return {}


def runs_tools():
    for ai in (chat(), chat(use_previous_response_id=True), chat(store=False)):
        asking = ai.bind_tools([lookup])
        messages = [HumanMessage('Look it up. [[call:lookup {"word":"tea"}]]')]
        answer = asking.invoke(messages)
        (call,) = answer.tool_calls
        assert call["args"] == {"word": "tea"}, call
        messages += [answer, ToolMessage(lookup.invoke(call["args"]), tool_call_id=call["id"])]
        final = asking.invoke(messages)
        assert "tea is green" in final.text, final
    return {}


def calls_a_server(label):
    asking = chat().bind_tools(
        [{"type": "mcp", "server_label": label, "require_approval": "never"}]
    )
    answer = asking.invoke("Calculate 12*7.")
    assert "84" in answer.text, answer
    kinds = [block["type"] for block in answer.content]
    assert "mcp_call" in kinds and "mcp_list_tools" in kinds, kinds
    again = asking.invoke([HumanMessage("Calculate 12*7."), answer, HumanMessage("Calculate 2*2.")])
    assert "4" in again.text, again
    return {}


def thinks():
    ai = chat(reasoning={"effort": "low"}, include=["reasoning.encrypted_content"], store=False)
    first = ai.invoke("Say hello.")
    again = ai.invoke([HumanMessage("Say hello."), first, HumanMessage("Say again.")])
    assert again.text == "again.", again
    whole = None
    for chunk in ai.stream("Say hello."):
        whole = chunk if whole is None else whole + chunk
    assert whole.text == "hello.", whole
    return {}


def all_of_it(label):
    answers_and_streams()
    runs_tools()
    calls_a_server(label)
    thinks()
    return {}


if __name__ == "__main__":
    service.run(globals())
