// What the programs beside this one share: the service as a program with OpenAI's library finds it. Each
// program is asked for one of its functions by name, with further arguments as they come; what the function
// answers is written as JSON. OPENAI_BASE_URL says where the service is, as it does to any program.

import assert from "node:assert/strict";

import OpenAI from "openai";

export const MODEL = "jan-v2-30b";

export const ai = new OpenAI({ apiKey: "ada", maxRetries: 0, timeout: 60_000 });

export const kinds = (items) => items.map((item) => item.type);

// The types of events, each row of alike ones once.
export const distinct = (events) =>
  kinds(events).filter((type, place, all) => type !== all[place - 1]);

// Events come in order and without a gap.
export function numbered(events, first = 0) {
  assert.deepEqual(
    events.map((event) => event.sequence_number),
    events.map((_, place) => first + place),
  );
  return events;
}

export async function collected(stream) {
  const events = [];
  for await (const event of stream) events.push(event);
  return events;
}

// The error that a call ends with, as its class, its status, its code and its parameter.
export async function refusal(promise) {
  let error;
  try {
    await promise;
  } catch (caught) {
    error = caught;
  }
  assert.ok(error instanceof OpenAI.APIError, `not refused: ${error}`);
  assert.ok(error.requestID && error.error.message && error.type, error);
  return [error.constructor.name, error.status, error.code, error.param];
}

export async function run(functions) {
  const [name, ...more] = process.argv.slice(2);
  const answer = await functions[name](...more);
  process.stdout.write(JSON.stringify(answer ?? {}));
}
