/*
 * Calls the webhook of `upstream-peer.ts` with undici, without Hubwire: what any caller pays for the same requests.
 *
 *     npm exec -- node bench/direct-caller.ts --port 7071 --under-way 50 --rate 3000
 *
 * First as fast as answers come, then at the rate. A window in which others took more than `--max-other` of its core is
 * measured again; the best of three counts. One JSON line with the results goes to stdout.
 */
import { readFileSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Agent, request } from "undici";
import type { DirectResult } from "./invocations.ts";

const { values: options } = parseArgs({
  options: {
    port: { type: "string", default: "7071" },
    "under-way": { type: "string", default: "50" },
    rate: { type: "string", default: "1000" },
    size: { type: "string", default: "100" },
    warmup: { type: "string", default: "1" },
    duration: { type: "string", default: "5" },
    core: { type: "string", default: "0" },
    "max-other": { type: "string", default: "1" },
  },
});
const underWay = Number(options["under-way"]);
const warmupMs = Number(options.warmup) * 1_000;
const durationMs = Number(options.duration) * 1_000;
const agent = new Agent({ connections: underWay });
const url = `http://127.0.0.1:${options.port}/`;
const argument = "x".repeat(Number(options.size));
let calls = 0;

/** As many bytes as Hubwire's own, docs/spec/serverless-upstream.md §3.3. */
const headers = {
  "X-ASRS-Connection-Id": "i".repeat(22),
  "X-ASRS-Hub": "bench",
  "X-ASRS-Signature": `sha256=${"F".repeat(64)}`,
  "X-ASRS-User-Id": "user-10",
  "X-ASRS-User-Claims": `nameid: user-10, aud: http://localhost/client/?hub=bench, nbf: 1764000000, exp: 1764000000`,
  "X-ASRS-Client-Query": "?hub=bench",
  "X-ASRS-Category": "messages",
  "X-ASRS-Event": "Echo",
  "Content-Type": "application/json",
};

const top = await quietly(topRate);
const paced = await quietly(() => medianMsAt(Number(options.rate)));
const result: DirectResult = {
  calls_per_s: top.figure,
  p50_us: paced.figure * 1_000,
  other_on_core: Math.max(top.other, paced.other),
};
console.log(JSON.stringify(result));
await agent.close();

/** The figure of the window in which others took least of this core, and their share. */
async function quietly(measure: () => Promise<number>): Promise<{ figure: number; other: number }> {
  let best = { figure: Number.NaN, other: Infinity };
  for (let again = 0; again < 3 && best.other > Number(options["max-other"]); again++) {
    const since = { atMs: performance.now(), otherMs: otherMs() };
    const figure = await measure();
    const other = (otherMs() - since.otherMs) / (performance.now() - since.atMs);
    if (other < best.other) best = { figure, other };
  }
  return best;
}

/** What others have used of this core. */
function otherMs(): number {
  const line = readFileSync("/proc/stat", "utf8")
    .split("\n")
    .find((cpu) => cpu.startsWith(`cpu${options.core} `));
  const [user = 0, nice = 0, system = 0, , , irq = 0, softIrq = 0] = (line ?? "")
    .split(" ")
    .slice(1)
    .map(Number);
  const { user: ownUser, system: ownSystem } = process.cpuUsage();
  const ticksPerSecond = 100;
  return ((user + nice + system + irq + softIrq) * 1_000) / ticksPerSecond - (ownUser + ownSystem) / 1_000;
}

async function call(): Promise<void> {
  const invocation = { type: 1, invocationId: String(calls++), target: "Echo", arguments: [argument] };
  const { statusCode, body } = await request(url, {
    dispatcher: agent,
    method: "POST",
    headers,
    body: JSON.stringify(invocation),
  });
  const answer = Buffer.from(await body.arrayBuffer());
  if (statusCode !== 200 || !answer.includes(`"invocationId":"${invocation.invocationId}"`))
    throw new Error(`the upstream answered ${statusCode}: ${answer.toString()}`);
}

/** Calls per second when each answer brings the next call. */
async function topRate(): Promise<number> {
  const startMs = performance.now() + warmupMs;
  const endMs = startMs + durationMs;
  let answered = 0;
  const callOn = async (): Promise<void> => {
    while (performance.now() < endMs) {
      await call();
      const nowMs = performance.now();
      if (nowMs >= startMs && nowMs < endMs) answered++;
    }
  };
  await Promise.all(Array.from({ length: underWay }, callOn));
  return answered / (durationMs / 1_000);
}

/** From when a call was due to its answer, at the median. It spins, as timers are too coarse: its core is its own. */
async function medianMsAt(rate: number): Promise<number> {
  const startMs = performance.now();
  const latenciesMs: number[] = [];
  const underWayCalls = new Set<Promise<void>>();
  const callDueAt = async (dueMs: number): Promise<void> => {
    await call();
    if (dueMs >= startMs + warmupMs) latenciesMs.push(performance.now() - dueMs);
  };
  for (let dueMs = startMs; dueMs < startMs + warmupMs + durationMs; dueMs += 1_000 / rate) {
    while (performance.now() < dueMs) await nextTurn();
    const made = callDueAt(dueMs).finally(() => underWayCalls.delete(made));
    underWayCalls.add(made);
  }
  await Promise.all(underWayCalls);
  return latenciesMs.sort((a, b) => a - b)[Math.floor(latenciesMs.length / 2)] ?? Number.NaN;
}
