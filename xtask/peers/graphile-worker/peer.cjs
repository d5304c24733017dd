// The queue that `cargo xtask bench queue` measures beside ours, told what to do line by line.
//
//   node peer.cjs work URL SLOTS [batched]   does what is queued, until standard input ends
//   node peer.cjs ask URL WRITERS            queues, as each line of standard input says
//
// Every answer is one line of JSON. Moments are nanoseconds of the machine's monotonic clock, which
// is the same for both processes.

"use strict";

const { createInterface } = require("node:readline");
const { Pool } = require("pg");
const { Logger, makeWorkerUtils, run, runMigrations } = require("graphile-worker");

const now = () => process.hrtime.bigint();
const tell = (answer) =>
  process.stdout.write(
    `${JSON.stringify(answer, (_, value) => (typeof value === "bigint" ? Number(value) : value))}\n`,
  );
// Warnings and errors only, as ours is told.
const logger = new Logger(() => (level, message) => {
  if (level === "error" || level === "warning") process.stderr.write(`${level}: ${message}\n`);
});

// As heavy as the request that ours keeps with its job.
const PAYLOAD = { model: "bench-plain", input: "Say something short.", tools: [], background: true };

const TASKS = {
  idle: async () => {},
  timed: async () => tell({ started: now() }),
};

async function work(connectionString, slots, batched) {
  // What the project's page on performance says is fastest; otherwise its defaults.
  const batches = batched
    ? { localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 }
    : {};
  const preset = {
    worker: { connectionString, concurrentJobs: slots, maxPoolSize: slots + 2, ...batches, logger },
  };
  const runner = await run({ preset, taskList: TASKS, noHandleSignals: true });
  tell({ ready: true });
  createInterface({ input: process.stdin }).once("close", async () => {
    await runner.stop();
    process.exit(0);
  });
}

const ORDERS = {
  // Many at once, in the way that is fastest.
  async fill(utils, count) {
    const batch = 5000;
    for (let left = Number(count); left > 0; left -= batch) {
      const length = Math.min(left, batch);
      await utils.addJobs(Array.from({ length }, () => ({ identifier: "idle", payload: PAYLOAD })));
    }
    return { filled: Number(count) };
  },
  // One whose start is told.
  async one(utils) {
    const asked = now();
    await utils.addJob("timed", PAYLOAD);
    return { asked, added: now() };
  },
  // So many side by side, each again as soon as it is through.
  async flood(utils, milliseconds, writers) {
    const begun = now();
    const until = begun + BigInt(milliseconds) * 1000000n;
    let count = 0;
    const writer = async () => {
      while (now() < until) {
        await utils.addJob("idle", PAYLOAD);
        count += 1;
      }
    };
    await Promise.all(Array.from({ length: Number(writers) }, writer));
    return { count, nanoseconds: now() - begun };
  },
};

async function ask(connectionString, writers) {
  const pgPool = new Pool({ connectionString, max: writers });
  pgPool.on("error", (error) => process.stderr.write(`${error.message}\n`));
  pgPool.on("connect", (client) => client.on("error", () => {}));
  await runMigrations({ pgPool, logger });
  const utils = await makeWorkerUtils({ pgPool, logger });
  tell({ ready: true });
  for await (const line of createInterface({ input: process.stdin })) {
    const [order, ...words] = line.split(" ");
    tell(await ORDERS[order](utils, ...words));
  }
  await utils.release();
  await pgPool.end();
}

const [role, url, count, how] = process.argv.slice(2);
const doing = role === "work" ? work(url, Number(count), how === "batched") : ask(url, Number(count));
doing.catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
