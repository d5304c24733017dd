"""OpenAI's Agents SDK."""

from agents import (
    Agent,
    HostedMCPTool,
    OpenAIConversationsSession,
    Runner,
    function_tool,
    set_default_openai_client,
    set_tracing_disabled,
)
from pydantic import BaseModel

import service
from service import MODEL

set_tracing_disabled(True)
ai = service.asynchronous()
set_default_openai_client(ai, use_for_tracing=False)

looked_up = []


@function_tool
def lookup(word: str) -> str:
    """Looks a word up."""
    looked_up.append(word)
    return f"{word} is green"


async def an_agent_runs_its_tools():
    agent = Agent(name="Librarian", instructions="Look words up.", model=MODEL, tools=[lookup])
    result = await Runner.run(agent, 'Look it up. [[call:lookup {"word":"tea"}]]')
    assert looked_up == ["tea"] and "tea is green" in result.final_output, result.final_output
    streamed = Runner.run_streamed(agent, 'Look it up. [[call:lookup {"word":"jam"}]]')
    kinds = [event.type async for event in streamed.stream_events()]
    assert looked_up == ["tea", "jam"] and "jam is green" in streamed.final_output
    assert "raw_response_event" in kinds and "run_item_stream_event" in kinds, kinds
    return {}


class Weather(BaseModel):
    city: str
    degrees: int


async def an_agent_answers_with_a_type():
    agent = Agent(name="Forecaster", model=MODEL, output_type=Weather)
    result = await Runner.run(agent, "The weather, please.")
    assert isinstance(result.final_output, Weather), result.final_output
    return {}


async def an_agent_hands_over():
    second = Agent(
        name="Second", instructions="Answer.", model=MODEL, handoff_description="Answers."
    )
    first = Agent(name="First", instructions="Hand over.", model=MODEL, handoffs=[second])
    result = await Runner.run(first, "Say hello. [[call:transfer_to_second {}]]")
    assert result.last_agent.name == "Second", result
    return {"final": result.final_output}


async def an_agent_calls_a_server(label):
    tool = HostedMCPTool(
        tool_config={"type": "mcp", "server_label": label, "require_approval": "never"}
    )
    agent = Agent(name="Calculator", model=MODEL, tools=[tool])
    result = await Runner.run(agent, "Calculate 12*7.")
    assert "84" in result.final_output, result.final_output
    asks = HostedMCPTool(
        tool_config={"type": "mcp", "server_label": label, "require_approval": "always"},
        on_approval_request=lambda request: {"approve": request.data.name == "calculator"},
    )
    careful = Agent(name="Careful", model=MODEL, tools=[asks])
    result = await Runner.run(careful, "Calculate 12*7.")
    assert "84" in result.final_output, result.final_output
    return {}


async def an_agent_remembers_in_a_conversation():
    session = OpenAIConversationsSession(openai_client=ai)
    agent = Agent(name="Friend", model=MODEL)
    await Runner.run(agent, "My name is Ada.", session=session)
    result = await Runner.run(agent, "What is my name?", session=session)
    assert result.final_output == "Your name is Ada.", result.final_output
    items = await session.get_items()
    assert len(items) == 4, items
    await session.pop_item()
    assert len(await session.get_items()) == 3
    result = await Runner.run(agent, "My name is Bob.")
    result = await Runner.run(
        agent, "What is my name?", previous_response_id=result.last_response_id
    )
    assert result.final_output == "Your name is Bob.", result.final_output
    await session.clear_session()
    return {}


async def all_of_it(label):
    await an_agent_runs_its_tools()
    await an_agent_answers_with_a_type()
    await an_agent_hands_over()
    await an_agent_calls_a_server(label)
    await an_agent_remembers_in_a_conversation()
    return {}


if __name__ == "__main__":
    service.run(globals())
