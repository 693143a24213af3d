import assert from "node:assert/strict";
import { test } from "node:test";
import { emptied } from "../support/http-call.ts";
import { heldBytes } from "../support/memory.ts";
import { TestHubwire } from "../support/start-hubwire.ts";
import { Churn } from "./churn.ts";
import { Random } from "./random.ts";

const CLIENTS = 1_000;
/** What may be left of all that: code and pools. */
const BYTES_LEFT = 20_000_000;

const seconds = Number(process.env["SOAK_SECONDS"] ?? 10);
const seed = Number(process.env["SOAK_SEED"] ?? Date.now() % 1_000_000);

test(`${CLIENTS} clients that join, leave, send and drop at random for ${seconds} seconds miss nothing and leave nothing`, {
  timeout: (seconds + 300) * 1_000,
}, async (t) => {
  t.diagnostic(`SOAK_SEED=${seed}`);
  await using hubwire = await TestHubwire.start();
  await hubwire.send("", "warm up", []);
  const before = await heldBytes();
  t.diagnostic(await churned(hubwire));
  hubwire.events.length = 0; // ours, not the service's
  const left = (await heldBytes()).own - before.own;
  assert.ok(left < BYTES_LEFT, `${left} bytes left`);
});

/** In a function of its own, so that nothing of it is held afterwards. */
async function churned(hubwire: TestHubwire): Promise<string> {
  const churn = new Churn(hubwire, new Random(seed));
  await churn.fill(CLIENTS);
  await churn.run(seconds);
  await churn.check();
  await churn.empty();
  await emptied(hubwire);
  return churn.toString();
}
