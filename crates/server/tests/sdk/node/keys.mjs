// Callers with keys. The key comes by standard input.

import { readFileSync } from "node:fs";

import OpenAI from "openai";

import { MODEL, refusal, run } from "./service.mjs";

const asked = { model: MODEL, input: "Say hello." };
const client = (apiKey) => new OpenAI({ apiKey, maxRetries: 0, timeout: 60_000 });

async function comesIn() {
  const key = readFileSync(0, "utf8").trim();
  const answer = await client(key).responses.create(asked);
  const wrong = client(`${key.slice(0, -1)}${key.endsWith("0") ? "1" : "0"}`);
  return { id: answer.id, refused: await refusal(wrong.responses.create(asked)) };
}

await run({ comesIn });
