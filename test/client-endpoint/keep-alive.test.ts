import assert from "node:assert/strict";
import { test } from "node:test";
import { settled } from "../support/http-call.ts";
import {
  connect,
  frameOf,
  jsonWire,
  leftNothing,
  messagePackWire,
  roundTrip,
  unhandled,
  wires,
} from "../support/hub-wire.ts";
import { closed, received, signalrClient } from "../support/signalr-client.ts";
import { TestHubwire } from "../support/start-hubwire.ts";

const TIMED_OUT =
  "OperationCanceledException: Client hasn't sent a message/ping within the configured ClientTimeoutInterval.";

for (const wire of wires) {
  test(`K01: an idle ${wire.protocol} client that pings is pinged every 15 seconds`, async () => {
    await using hubwire = await TestHubwire.start();
    using client = await connect(hubwire, { wire });
    for (let ping = 0; ping < 3; ping++) {
      client.send(wire.ping);
      hubwire.clock.advance(14_000);
      await roundTrip(client, wire);
      hubwire.clock.advance(1_000);
      assert.equal(await client.next(), frameOf(wire.ping));
    }
  });

  test(`a ${wire.protocol} client that has pinged is closed after more than 30 silent seconds`, async () => {
    await using hubwire = await TestHubwire.start();
    for (const [claims, error] of [
      [{}, "Connection closed with an error."],
      [{ "asrs.s.derror": "True" }, `Connection closed with an error. ${TIMED_OUT}`],
    ] as const) {
      using client = await connect(hubwire, { wire, claims });
      client.send(wire.ping);
      await roundTrip(client, wire);
      hubwire.clock.advance(30_000);
      assert.deepEqual(await client.take(2), [frameOf(wire.ping), frameOf(wire.ping)]);
      hubwire.clock.advance(1_000);
      assert.deepEqual(await client.takeAll(), [frameOf(wire.close(error, true)), "close 1000"]);
    }
    assert.equal((await hubwire.event("client.closed")).category, "PingTimeout");
    await leftNothing(hubwire);
  });
}

test("K02: traffic does not put pings off", async () => {
  await using hubwire = await TestHubwire.start();
  using client = await connect(hubwire);
  const pingedAt: number[] = [];
  for (let second = 1; second <= 50; second++) {
    hubwire.clock.advance(1_000);
    await hubwire.send("", "news", [second]);
    for (let frame = await client.next(); frame !== frameOf(jsonWire.invocation("news", [second])); ) {
      assert.equal(frame, frameOf(jsonWire.ping));
      pingedAt.push(second);
      frame = await client.next();
    }
  }
  assert.deepEqual(pingedAt, [15, 30, 45]);
});

test("K03: a client that never pings is not closed for its silence", async () => {
  await using hubwire = await TestHubwire.start();
  using client = await connect(hubwire);
  await roundTrip(client);
  hubwire.clock.advance(60_000);
  assert.deepEqual(
    await client.take(4),
    Array.from({ length: 4 }, () => frameOf(jsonWire.ping)),
  );
  await roundTrip(client);
});

test("K05: after its first ping, any message shows that a client lives", async () => {
  await using hubwire = await TestHubwire.start();
  using client = await connect(hubwire, { wire: messagePackWire });
  client.send(messagePackWire.ping);
  for (let second = 0; second < 120; second += 10) {
    client.send(messagePackWire.invocation("Alive", [], "1"));
    assert.equal(await client.next(), unhandled(messagePackWire, "Alive", "1"));
    hubwire.clock.advance(10_000);
    if (second % 30 !== 0) assert.equal(await client.next(), frameOf(messagePackWire.ping));
  }
});

test("an unfinished message shows nothing", async () => {
  await using hubwire = await TestHubwire.start();
  using client = await connect(hubwire);
  client.send(jsonWire.ping);
  await roundTrip(client);
  hubwire.clock.advance(20_000);
  client.send('{"type":6');
  await settled(hubwire);
  hubwire.clock.advance(11_000);
  assert.deepEqual((await client.takeAll()).slice(2), [
    frameOf(jsonWire.close("Connection closed with an error.", true)),
    "close 1000",
  ]);
});

test("keep-alive and client timeouts follow the configuration", async () => {
  await using hubwire = await TestHubwire.start({ timeouts: { keepAliveSeconds: 2, clientSeconds: 5 } });
  using client = await connect(hubwire);
  client.send(jsonWire.ping);
  await roundTrip(client);
  hubwire.clock.advance(5_000);
  assert.deepEqual(await client.take(2), [frameOf(jsonWire.ping), frameOf(jsonWire.ping)]);
  hubwire.clock.advance(1_000);
  assert.equal((await hubwire.event("client.closed")).category, "PingTimeout");
});

test("K10: Microsoft's client that hears nothing in time closes itself, and is forgotten", async () => {
  await using hubwire = await TestHubwire.start();
  const client = signalrClient(hubwire);
  await client.start();
  client.serverTimeoutInMilliseconds = 1;
  const end = closed(client);
  await hubwire.send("", "news", []);
  assert.match(String(await end), /Server timeout elapsed without receiving a message from the server\./);
  await hubwire.event("client.closed");
  await leftNothing(hubwire);
});

test("K11: Microsoft's client that hears nothing in time reconnects under a new connection id", async () => {
  await using hubwire = await TestHubwire.start();
  const client = signalrClient(hubwire, { automaticReconnect: true });
  await client.start();
  const before = client.connectionId;
  client.onreconnecting(() => (client.serverTimeoutInMilliseconds = 30_000));
  const reconnected = new Promise((resolve) => client.onreconnected(resolve));
  client.serverTimeoutInMilliseconds = 1;
  await hubwire.send("", "news", []);
  assert.notEqual(await reconnected, before);
  const calls = received(client, "news", 1);
  await hubwire.send("", "news", ["again"]);
  assert.deepEqual(await calls, [["again"]]);
  await client.stop();
  await hubwire.event("client.closed", ({ connectionId }) => connectionId !== before);
  await leftNothing(hubwire);
});

test("K13: a client that says Close gets Close and 1000; what comes behind is not read", async () => {
  await using hubwire = await TestHubwire.start();
  using client = await connect(hubwire);
  client.send(`{"type":7}\x1e${jsonWire.invocation("Late", [], "1")}`);
  client.send(jsonWire.invocation("Later", [], "2"));
  assert.deepEqual(await client.takeAll(), ['text {"type":7}\x1e', "close 1000"]);
  const { category, reason } = await hubwire.event("client.closed");
  assert.deepEqual([category, reason], ["Normal", "The client closed."]);
  assert.equal(
    hubwire.events.some(({ name }) => name === "client.invocation_unhandled"),
    false,
  );
  await leftNothing(hubwire);
});

test("K15: a client that must be closed when its authentication expires is told to reconnect within a second", async () => {
  await using hubwire = await TestHubwire.start();
  const expiresAt = Math.floor(hubwire.clock.epochMs() / 1_000) + 10;
  const claims = { "asrs.s.aeo": String(expiresAt), "asrs.s.coae": "true" };
  using client = await connect(hubwire, { claims });
  using detailed = await connect(hubwire, { claims: { ...claims, "asrs.s.derror": "true" } });
  using other = await connect(hubwire, { claims: { "asrs.s.aeo": String(expiresAt) } });
  hubwire.clock.advance(9_000);
  await roundTrip(client);
  hubwire.clock.advance(2_000);
  assert.deepEqual(await client.takeAll(), [frameOf(jsonWire.close(undefined, true)), "close 1000"]);
  assert.deepEqual(await detailed.takeAll(), [
    frameOf(jsonWire.close("The client's authentication expired.", true)),
    "close 1000",
  ]);
  assert.equal((await hubwire.event("client.closed")).category, "Unauthorized");
  await roundTrip(other);
});

test("a token that expires closes nobody", async () => {
  await using hubwire = await TestHubwire.start();
  using client = await connect(hubwire, { lifetimeSeconds: 60 });
  hubwire.clock.advance(14_000);
  await roundTrip(client);
  hubwire.clock.advance(600_000);
  await client.take(40);
  await roundTrip(client);
});
