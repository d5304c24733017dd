// The AI SDK, which speaks to this API by itself.

import assert from "node:assert/strict";

import { createOpenAI } from "@ai-sdk/openai";
import { generateObject, generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

import { MODEL, run } from "./service.mjs";

const openai = createOpenAI({ apiKey: "ada", baseURL: process.env.OPENAI_BASE_URL });
const model = openai.responses(MODEL);
const quiet = { model, maxRetries: 0 };

// It warns of what it has to leave out.
globalThis.AI_SDK_LOG_WARNINGS = ({ warnings }) => assert.deepEqual(warnings, []);

const lookedUp = [];
const tools = {
  lookup: tool({
    description: "Looks a word up.",
    inputSchema: z.object({ word: z.string() }),
    execute: async ({ word }) => {
      lookedUp.push(word);
      return `${word} is green`;
    },
  }),
};

async function answersAndStreams() {
  const answer = await generateText({ ...quiet, prompt: "say hello" });
  assert.equal(answer.text, "hello");
  assert.ok(answer.usage.totalTokens > 0);
  assert.match(answer.providerMetadata.openai.responseId, /^resp_/);
  const streamed = streamText({ ...quiet, prompt: "Think, then write a haiku." });
  const kinds = new Set();
  for await (const part of streamed.fullStream) {
    assert.notEqual(part.type, "error", JSON.stringify(part));
    kinds.add(part.type);
  }
  assert.match(await streamed.text, /^Tests run/);
  for (const kind of ["reasoning-start", "text-delta", "finish"]) assert.ok(kinds.has(kind), kind);
  const schema = z.object({ city: z.string(), degrees: z.number() });
  const { object } = await generateObject({ ...quiet, schema, prompt: "The weather, please." });
  assert.equal(typeof object.degrees, "number");
}

// With what is stored it sends references for every item of the output; without, the items themselves.
async function runsToolsInSteps() {
  for (const kept of [
    { store: true },
    { store: false, include: ["reasoning.encrypted_content"] },
  ]) {
    for (const ask of [generateText, streamText]) {
      lookedUp.length = 0;
      const result = await ask({
        ...quiet,
        tools,
        stopWhen: stepCountIs(4),
        prompt: 'Think, then look it up. [[call:lookup {"word":"tea"}]]',
        providerOptions: { openai: kept },
      });
      assert.match(await result.text, /tea is green/);
      assert.deepEqual(lookedUp, ["tea"]);
      assert.equal((await result.steps).length, 2);
    }
  }
}

async function remembers() {
  const first = await generateText({ ...quiet, prompt: "My name is Ada." });
  const { responseId } = first.providerMetadata.openai;
  const second = await generateText({
    ...quiet,
    prompt: "What is my name?",
    providerOptions: { openai: { previousResponseId: responseId } },
  });
  assert.equal(second.text, "Your name is Ada.");
  const messages = [
    { role: "user", content: "My name is Bob." },
    ...first.response.messages,
    { role: "user", content: "What is my name?" },
  ];
  assert.equal((await generateText({ ...quiet, messages })).text, "Your name is Bob.");
}

async function callsAServer(label, url) {
  const server = openai.tools.mcp({ serverLabel: label, serverUrl: url, requireApproval: "never" });
  const answer = await generateText({ ...quiet, tools: { server }, prompt: "Calculate 12*7." });
  assert.match(answer.text, /84/);
  const streamed = streamText({ ...quiet, tools: { server }, prompt: "Calculate 12*7." });
  for await (const part of streamed.fullStream) {
    assert.notEqual(part.type, "error", JSON.stringify(part));
  }
  assert.match(await streamed.text, /84/);
}

async function allOfIt(label, url) {
  await answersAndStreams();
  await runsToolsInSteps();
  await remembers();
  await callsAServer(label, url);
}

await run({ allOfIt, answersAndStreams, runsToolsInSteps, remembers, callsAServer });
