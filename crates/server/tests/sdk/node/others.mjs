// Conversations, sockets and webhooks as the library speaks of them.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import { ResponsesWS } from "openai/resources/responses/ws";

import { ai, kinds, MODEL, refusal, run } from "./service.mjs";

const user = (text) => ({ type: "message", role: "user", content: [{ type: "input_text", text }] });

async function conversationsAreKept() {
  const { conversations } = ai;
  const { id } = await conversations.create({
    metadata: { topic: "tea" },
    items: [user("My name is Ada.")],
  });
  const asked = { model: MODEL, input: "What is my name?", conversation: id };
  assert.equal((await ai.responses.create(asked)).output_text, "Your name is Ada.");
  const more = Array.from({ length: 5 }, (_, line) => user(`line ${line}`));
  const made = await conversations.items.create(id, { items: more });
  assert.equal(made.data.length, 5);
  const ids = [];
  for await (const item of conversations.items.list(id, { limit: 2, order: "asc" }))
    ids.push(item.id);
  assert.equal(new Set(ids).size, 8);
  assert.deepEqual(
    ids.slice(3),
    made.data.map((item) => item.id),
  );
  const item = await conversations.items.retrieve(ids[0], { conversation_id: id });
  assert.equal(item.content[0].text, "My name is Ada.");
  assert.equal((await conversations.items.delete(ids[0], { conversation_id: id })).id, id);
  assert.deepEqual((await conversations.update(id, { metadata: { a: "b" } })).metadata, { a: "b" });
  assert.equal((await conversations.delete(id)).deleted, true);
  assert.equal((await refusal(conversations.retrieve(id)))[1], 404);
}

async function socketsCarryResponses() {
  const socket = new ResponsesWS(ai);
  const ask = (asked) => {
    socket.send({ type: "response.create", model: MODEL, ...asked });
    return new Promise((resolve, reject) => {
      const hear = (event) => {
        if (["response.completed", "response.failed", "response.incomplete"].includes(event.type)) {
          socket.off("event", hear);
          resolve(event.response);
        }
      };
      socket.on("event", hear);
      socket.once("error", reject);
    });
  };
  const first = await ask({ input: "My name is Ada.", store: false });
  const second = await ask({
    input: "What is my name?",
    store: false,
    previous_response_id: first.id,
  });
  assert.equal(second.output[0].content[0].text, "Your name is Ada.");
  await assert.rejects(ask({ input: "hi", temperature: 3 }), /temperature/);
  const third = await ask({ input: "say three" });
  assert.equal(third.output[0].content[0].text, "three");
  socket.close();
}

// What came, from the standard input: each delivery with its headers and its body.
async function deliveriesAreUnwrapped(secret) {
  const told = {};
  for (const { headers, body } of JSON.parse(readFileSync(0, "utf8"))) {
    const event = await ai.webhooks.unwrap(body, headers, secret);
    told[event.data.id] = event.type;
    await assert.rejects(ai.webhooks.unwrap(`${body} `, headers, secret));
  }
  return told;
}

await run({ conversationsAreKept, socketsCarryResponses, deliveriesAreUnwrapped });
