// Verifies deliveries as their receivers would, in JavaScript. Reads a list of cases from its
// input, each a verifier, a secret, headers and a body, and writes a list of verdicts: what the
// body was understood to be, or null where the verifier refuses it. Any other error ends the
// program.

import { readFileSync } from "node:fs";
import OpenAI from "openai";
import { Webhook, WebhookVerificationError } from "standardwebhooks";

async function ofOpenAi({ secret, headers, body }) {
  const client = new OpenAI({ apiKey: "none", webhookSecret: secret });
  try {
    return await client.webhooks.unwrap(body, headers);
  } catch (error) {
    if (error instanceof OpenAI.InvalidWebhookSignatureError) return null;
    throw error;
  }
}

function ofTheStandard({ secret, headers, body }) {
  try {
    return new Webhook(secret).verify(body, headers);
  } catch (error) {
    if (error instanceof WebhookVerificationError) return null;
    throw error;
  }
}

const verifiers = { openai: ofOpenAi, standard: ofTheStandard };
const verdicts = [];
for (const given of JSON.parse(readFileSync(0, "utf8"))) {
  const event = await verifiers[given.verifier](given);
  verdicts.push(event && { type: event.type, of: event.data.id });
}
console.log(JSON.stringify(verdicts));
