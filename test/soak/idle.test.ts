import assert from "node:assert/strict";
import { test } from "node:test";
import { Crowd } from "../support/crowd.ts";
import { until } from "../support/http-call.ts";
import { jsonWire, messagePackWire } from "../support/hub-wire.ts";
import { heldBytes } from "../support/memory.ts";
import { TestHubwire } from "../support/start-hubwire.ts";

/** What one idle client may cost: on the heap and in buffers, and of the process in all. */
const BYTES_PER_CLIENT = { own: 12_000, all: 60_000 };
/** What may be left of thousands of clients: code and pools. */
const BYTES_LEFT = 5_000_000;

test("10,000 idle clients all get one broadcast, once, and leave nothing behind", async (t) => {
  await using hubwire = await TestHubwire.start();
  await hubwire.send("", "warm up", []);
  const before = await heldBytes();
  const half = Math.floor(Crowd.possible(10_000) / 2);
  await using crowd = new Crowd(hubwire);
  await crowd.gather("as json", half);
  await crowd.gather("as messagepack", half);
  assert.equal(hubwire.node.size.clients, 2 * half);

  hubwire.events.length = 0; // ours, not the service's
  const now = await heldBytes();
  const own = Math.round((now.own - before.own) / (2 * half));
  const all = Math.round((now.all - before.all) / (2 * half));
  t.diagnostic(`${2 * half} clients: ${own} bytes each, in all ${all}`);
  assert.ok(own < BYTES_PER_CLIENT.own, `${own} bytes`);
  assert.ok(all < BYTES_PER_CLIENT.all, `${all} bytes in all`);

  await hubwire.send("", "news", ["for all", 1]);
  const heard = {
    [jsonWire.invocation("news", ["for all", 1]).toString()]: half,
    [messagePackWire.invocation("news", ["for all", 1]).toString("latin1")]: half,
  };
  const report = await crowd.until((each) => each.heard[""] === undefined);
  assert.deepEqual(report, { open: 2 * half, heard });

  await crowd[Symbol.asyncDispose]();
  await until(() => hubwire.node.size.sessions === 0);
  hubwire.clock.advance(1_000);
  await until(() => hubwire.node.size.transports === 0);
  assert.ok(Object.values(hubwire.node.size).every((count) => count === 0));
  hubwire.events.length = 0;
  const left = (await heldBytes()).own - before.own;
  assert.ok(left < BYTES_LEFT, `${left} bytes left`);
});
