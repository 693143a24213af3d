import assert from "node:assert/strict";
import { test } from "node:test";
import { Bystanders, PATIENT } from "../support/bystanders.ts";
import { Crowd } from "../support/crowd.ts";
import { call, until } from "../support/http-call.ts";
import { heldBytes } from "../support/memory.ts";
import { bearer } from "../support/negotiate.ts";
import { RawWebSocket } from "../support/raw-web-socket.ts";
import { TestHubwire } from "../support/start-hubwire.ts";

/** What one connection may cost before it has become a client: on the heap and in buffers, and of the process in all. */
const BYTES_PER_CONNECTION = { own: 10_000, all: 50_000 };
/** What may be left of thousands of connections: code and pools. */
const BYTES_LEFT = 5_000_000;
const HANDSHAKE_MS = 15_000;
const CLOSE_MS = 5_000;

const REFUSED = '{"error":"Handshake was canceled."}\x1e|\x03\xe8';

type Held = Awaited<ReturnType<typeof heldBytes>>;

function costs(before: Held, now: Held, count: number): Held {
  return { own: Math.round((now.own - before.own) / count), all: Math.round((now.all - before.all) / count) };
}

function assertNothingHeld(before: Held, now: Held): void {
  assert.ok(now.own - before.own < BYTES_LEFT, `${now.own - before.own} bytes left`);
}

test("10,000 WebSockets that never finish the handshake, and other silent connections, delay nobody, are bounded and end", async (t) => {
  await using hubwire = await TestHubwire.start(PATIENT);
  await using bystanders = await Bystanders.join(hubwire);
  await bystanders.alone();
  const before = await heldBytes();
  const unfinished = Math.floor(Crowd.possible(14_000) / 14) * 10;
  const silent = unfinished / 5;
  await using crowd = new Crowd(hubwire);
  await crowd.gather("nothing", silent);
  await crowd.gather("half a request", silent);
  await crowd.gather("no handshake", unfinished / 2);
  await crowd.gather("half a handshake", unfinished / 2);

  assert.equal(hubwire.node.size.sessions, unfinished + 4);
  assert.equal(hubwire.clock.timers, 2);
  await bystanders.served();
  const cost = costs(before, await heldBytes(), unfinished + 2 * silent);
  t.diagnostic(`${unfinished} WebSockets, ${2 * silent} others: ${cost.own} bytes each, in all ${cost.all}`);
  assert.ok(cost.own < BYTES_PER_CONNECTION.own, `${cost.own} bytes`);
  assert.ok(cost.all < BYTES_PER_CONNECTION.all, `${cost.all} bytes in all`);

  hubwire.clock.advance(HANDSHAKE_MS - 1_000);
  assert.equal(hubwire.node.size.sessions, unfinished + 4);
  hubwire.clock.advance(1_000);
  assert.equal(hubwire.node.size.sessions, 4);
  await crowd.until(({ heard }) => heard[REFUSED] === unfinished);
  await bystanders.served();
  hubwire.clock.advance(CLOSE_MS);
  await crowd.until(({ open }) => open === 2 * silent);
  await bystanders.alone();
  await crowd[Symbol.asyncDispose]();
  await bystanders.alone();
  assertNothingHeld(before, await heldBytes());
});

test("thousands of negotiates that are never followed up are forgotten", async () => {
  await using hubwire = await TestHubwire.start(PATIENT);
  await using bystanders = await Bystanders.join(hubwire);
  await bystanders.alone();
  const before = await heldBytes();
  const count = 2_000;
  const negotiateSome = async (): Promise<void> => {
    for (let left = count / 50; left > 0; left--) {
      const response = await fetch(`${hubwire.url}/client/negotiate?hub=chat&negotiateVersion=1`, {
        method: "POST",
        headers: bearer(hubwire.clientToken()),
      });
      assert.equal(response.status, 200);
      await response.arrayBuffer();
    }
  };
  await Promise.all(Array.from({ length: 50 }, negotiateSome));
  assert.equal(hubwire.node.size.connections, count + 4);
  await bystanders.served();
  assert.ok(costs(before, await heldBytes(), count).own < BYTES_PER_CONNECTION.own);
  hubwire.clock.advance(HANDSHAKE_MS);
  await bystanders.alone();
  assertNothingHeld(before, await heldBytes());
});

test("when too many are on their way new ones get 429, clients stay, and there is room again after the timeout", async () => {
  await using hubwire = await TestHubwire.start({ ...PATIENT, limits: { maxPendingConnections: 10 } });
  await using bystanders = await Bystanders.join(hubwire);
  const attempts = async (): Promise<number[]> => {
    const negotiated = await call(hubwire, "POST", "/client/negotiate?hub=chat", {
      headers: bearer(hubwire.clientToken()),
    });
    using webSocket = await RawWebSocket.open(hubwire);
    return [negotiated.status, webSocket.status];
  };
  using open = new DisposableStack();
  for (let index = 0; index < 5; index++) open.use(await RawWebSocket.open(hubwire));
  for (let index = 0; index < 5; index++)
    await call(hubwire, "POST", "/client/negotiate?hub=chat", { headers: bearer(hubwire.clientToken()) });
  assert.deepEqual(await attempts(), [429, 429]);
  assert.equal(hubwire.events.filter(({ name }) => name === "client.refused").length, 2);
  await bystanders.served();
  hubwire.clock.advance(HANDSHAKE_MS);
  assert.deepEqual(await attempts(), [200, 101]);
  hubwire.clock.advance(HANDSHAKE_MS + CLOSE_MS);
  await until(() => hubwire.node.size.sessions === 4);
  await bystanders.alone();
});
