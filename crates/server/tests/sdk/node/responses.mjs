// What the library offers for responses: waited for, streamed, parsed, continued, paged.

import assert from "node:assert/strict";

import { zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";

import { ai, collected, distinct, kinds, MODEL, numbered, refusal, run } from "./service.mjs";

async function areAnsweredKeptAndForgotten() {
  const response = await ai.responses.create({ model: MODEL, input: "say hello" });
  assert.equal(response.output_text, "hello");
  assert.ok(response._request_id);
  const kept = await ai.responses.retrieve(response.id);
  assert.deepEqual(kept, response);
  await ai.responses.delete(response.id);
  assert.deepEqual((await refusal(ai.responses.retrieve(response.id))).slice(0, 2), [
    "NotFoundError",
    404,
  ]);
}

async function areStreamed() {
  const raw = await ai.responses.create({ model: MODEL, input: "Write a haiku.", stream: true });
  const events = numbered(await collected(raw));
  assert.deepEqual(distinct(events), [
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.completed",
  ]);
  const helper = ai.responses.stream({ model: MODEL, input: "Think, then write a haiku." });
  const heard = { thought: "", text: "" };
  helper.on("response.reasoning_text.delta", (event) => (heard.thought += event.delta));
  helper.on("response.output_text.delta", (event) => (heard.text += event.delta));
  const final = await helper.finalResponse();
  assert.deepEqual(kinds(final.output), ["reasoning", "message"]);
  assert.equal(heard.text, final.output_text);
  assert.equal(heard.thought, final.output[0].content[0].text);
  const kept = await ai.responses.retrieve(final.id);
  assert.equal(kept.output_text, final.output_text);
  assert.deepEqual(kept.usage, final.usage);
}

const Weather = z.object({
  city: z.string(),
  sky: z.enum(["clear", "cloudy"]),
  degrees: z.number().int(),
});

async function areParsed() {
  const asked = {
    model: MODEL,
    input: "The weather, please.",
    text: { format: zodTextFormat(Weather, "weather") },
  };
  const response = await ai.responses.parse(asked);
  assert.equal(Weather.parse(response.output_parsed).sky, "clear");
  const streamed = await ai.responses.stream(asked).finalResponse();
  assert.deepEqual(streamed.output_parsed, response.output_parsed);
}

const LOOKUP = {
  type: "function",
  name: "lookup",
  description: "Looks a word up.",
  strict: true,
  parameters: {
    type: "object",
    properties: { word: { type: "string" } },
    required: ["word"],
    additionalProperties: false,
  },
};

async function callTheFunctionsOfTheCaller() {
  const tools = [LOOKUP];
  const input = [{ role: "user", content: 'Look it up. [[call:lookup {"word":"tea"}]]' }];
  const first = await ai.responses.create({ model: MODEL, input, tools, store: false });
  const [call] = first.output;
  assert.equal(call.type, "function_call");
  assert.deepEqual(JSON.parse(call.arguments), { word: "tea" });
  input.push(...first.output);
  input.push({ type: "function_call_output", call_id: call.call_id, output: "tea is green" });
  const second = await ai.responses.create({ model: MODEL, input, tools, store: false });
  assert.match(second.output_text, /tea is green/);
  const helper = ai.responses.stream({ model: MODEL, input: input[0].content, tools });
  let pieces = "";
  helper.on("response.function_call_arguments.delta", (event) => (pieces += event.delta));
  const final = await helper.finalResponse();
  assert.equal(final.output[0].arguments, pieces);
}

async function callServers(label) {
  const server = { type: "mcp", server_label: label, require_approval: "never" };
  const input = "Calculate 12*7.";
  const helper = ai.responses.stream({ model: MODEL, input, tools: [server] });
  const events = numbered(await collected(helper));
  const final = await helper.finalResponse();
  assert.deepEqual(kinds(final.output), ["mcp_list_tools", "mcp_call", "message"]);
  assert.ok(kinds(events).includes("response.mcp_call.completed"));
  const asks = { type: "mcp", server_label: label };
  const first = await ai.responses.create({ model: MODEL, input, tools: [asks] });
  const request = first.output.find((item) => item.type === "mcp_approval_request");
  const approved = await ai.responses.create({
    model: MODEL,
    tools: [asks],
    previous_response_id: first.id,
    input: [{ type: "mcp_approval_response", approval_request_id: request.id, approve: true }],
  });
  assert.equal(approved.output[0].approval_request_id, request.id);
  assert.match(approved.output_text, /84/);
}

async function runInTheBackground() {
  let response = await ai.responses.create({ model: MODEL, input: "say hello", background: true });
  while (["queued", "in_progress"].includes(response.status)) {
    response = await ai.responses.retrieve(response.id);
  }
  assert.equal(response.output_text, "hello");
  const stream = await ai.responses.create({
    model: MODEL,
    input: "Write a long report. [[delta-delay:5ms]]",
    background: true,
    stream: true,
  });
  const seen = [];
  for await (const event of stream) {
    seen.push(event);
    if (seen.length === 12) break;
  }
  numbered(seen);
  const { id } = seen[0].response;
  const rest = await ai.responses.retrieve(id, { stream: true, starting_after: 11 });
  const events = numbered(await collected(rest), 12);
  assert.equal(events.at(-1).type, "response.completed");
  const again = await collected(await ai.responses.retrieve(id, { stream: true }));
  assert.deepEqual(again, [...seen, ...events]);
  const helper = ai.responses.stream({ response_id: id, starting_after: 11 });
  const helped = await collected(helper);
  assert.equal(helped[0].sequence_number, 12);
  const kept = await ai.responses.retrieve(id);
  assert.equal((await helper.finalResponse()).output_text, kept.output_text);
}

async function areCancelled() {
  const running = await ai.responses.create({
    model: MODEL,
    input: "a story [[fail:slow]]",
    background: true,
  });
  const helper = ai.responses.stream({ response_id: running.id });
  let cancelled;
  helper.on("response.output_text.delta", () => {
    cancelled ??= ai.responses.cancel(running.id);
  });
  const events = await collected(helper);
  assert.equal(events.at(-1).type, "response.failed");
  assert.equal(events.at(-1).response.status, "cancelled");
  assert.equal((await cancelled).status, "cancelled");
}

async function continueEachOther() {
  const first = await ai.responses.create({ model: MODEL, input: "My name is Ada." });
  const second = await ai.responses.create({
    model: MODEL,
    input: Array.from({ length: 5 }, (_, line) => ({ role: "user", content: `line ${line}` })),
    previous_response_id: first.id,
  });
  const ids = [];
  for await (const item of ai.responses.inputItems.list(second.id, { limit: 2 })) ids.push(item.id);
  const whole = await ai.responses.inputItems.list(second.id, { limit: 100 });
  assert.deepEqual(
    ids,
    whole.data.map((item) => item.id),
  );
  assert.equal(ids.length, 7);
  const count = await ai.responses.inputTokens.count({ model: MODEL, input: "say hello" });
  assert.ok(count.input_tokens > 0);
  const compacted = await ai.responses.compact({ model: MODEL, previous_response_id: second.id });
  assert.equal(compacted.output.at(-1).type, "compaction");
  const after = await ai.responses.create({
    model: MODEL,
    input: [...compacted.output, { role: "user", content: "What is my name?" }],
  });
  assert.equal(after.output_text, "Your name is Ada.");
}

async function stopWhenTheReaderLeaves() {
  const stream = await ai.responses.create({
    model: MODEL,
    input: "a story [[fail:slow]]",
    stream: true,
  });
  for await (const event of stream) {
    if (event.type === "response.output_text.delta") break;
  }
}

async function areRefused() {
  const create = (asked) => refusal(ai.responses.create({ model: MODEL, input: "hi", ...asked }));
  const [kind, status, , param] = await create({ temperature: 3 });
  assert.deepEqual([kind, status, param], ["BadRequestError", 400, "temperature"]);
  const unknown = await create({ previous_response_id: "resp_01hqr8v9k2x3f4g5h6j7k8m9n0" });
  assert.deepEqual(unknown.slice(1), [400, "previous_response_not_found", "previous_response_id"]);
  const limited = await create({ input: "hi [[status:429 retry-after:1]]" });
  assert.deepEqual(limited.slice(0, 2), ["RateLimitError", 429]);
  const broken = await create({ input: "hi [[fail:invalid-json]]" });
  assert.deepEqual(broken.slice(0, 2), ["InternalServerError", 500]);
  const streamed = await create({ temperature: 3, stream: true });
  assert.equal(streamed[0], "BadRequestError");
}

await run({
  areAnsweredKeptAndForgotten,
  areStreamed,
  areParsed,
  callTheFunctionsOfTheCaller,
  callServers,
  runInTheBackground,
  areCancelled,
  continueEachOther,
  stopWhenTheReaderLeaves,
  areRefused,
});
