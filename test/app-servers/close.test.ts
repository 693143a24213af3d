import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { AppServerPeer } from "../support/app-server-peer.ts";
import { call } from "../support/http-call.ts";
import { frameOf, type HubWire, jsonWire, leftNothing, messagePackWire, wires } from "../support/hub-wire.ts";
import { bearer, HANDSHAKE, negotiate } from "../support/negotiate.ts";
import { RawWebSocket } from "../support/raw-web-socket.ts";
import { relayedClient } from "../support/relayed-client.ts";
import { closed, signalrClient, waysToConnect } from "../support/signalr-client.ts";
import { TestHubwire } from "../support/start-hubwire.ts";

const DETAILS = { "asrs.s.derror": "True" };
const WEAK = { serverId: "manager", type: 2 };

/** What an app server is told of a client that is gone. */
function gone(connectionId: string) {
  return { type: "closeConnection", connectionId, error: "", headers: [] };
}

/** How a client is told that the service closes it. */
function told(wire: HubWire, error?: string): string[] {
  return [frameOf(wire.close(error, true)), "close 1000"];
}

/** All app servers leave, and then nothing is left of anyone. */
async function leave(hubwire: TestHubwire, ...servers: readonly AppServerPeer[]): Promise<void> {
  for (const server of servers) await server.leave();
  await leftNothing(hubwire);
}

describe("a client ends itself", () => {
  test("with its Close message: the app server has it, ends the client, and is told no more", async () => {
    await using hubwire = await TestHubwire.start();
    const server = await AppServerPeer.connect(hubwire);
    using client = await relayedClient(hubwire, server);
    client.send(jsonWire.close(undefined, false));
    assert.equal(String(await server.nextData()), '{"type":7}\x1e');
    server.sendData(client.id, '{"type":7}\x1e');
    server.send({ type: "closeConnection", connectionId: client.id, error: "", headers: [] });
    assert.deepEqual(await client.takeAll(), ['text {"type":7}\x1e', "close 1000"]);
    assert.deepEqual(await server.heard(), []);
    await leave(hubwire, server);
  });

  for (const [how, end] of [
    ["with a close frame", (client: RawWebSocket) => client.close(1000)],
    ["by losing its socket", (client: RawWebSocket) => client.drop()],
  ] as const)
    test(`${how}: the app server is told`, async () => {
      await using hubwire = await TestHubwire.start();
      const server = await AppServerPeer.connect(hubwire);
      using client = await relayedClient(hubwire, server);
      end(client);
      assert.deepEqual(await server.take(), { ...gone(client.id) });
      assert.equal((await hubwire.event("client.closed")).category, "Normal");
      server.sendData(client.id, '{"type":7}\x1e');
      server.send({ type: "closeConnection", connectionId: client.id, error: "", headers: [] });
      assert.deepEqual(await server.heard(), []);
      await leave(hubwire, server);
    });

  for (const way of waysToConnect)
    test(`Microsoft's by ${way.transport} with ${way.protocol}`, async () => {
      await using hubwire = await TestHubwire.start();
      const server = await AppServerPeer.connect(hubwire);
      const client = signalrClient(hubwire, way);
      const [, id] = await Promise.all([client.start(), server.welcome()]);
      await client.stop();
      // Its Close message is on its way when an event stream ends, and may be lost.
      for (;;) {
        const message = await server.take();
        if (message.type !== "connectionData") {
          assert.deepEqual(message, gone(id));
          break;
        }
      }
      assert.deepEqual(await server.heard(), []);
      await leave(hubwire, server);
    });
});

describe("an app server ends its client, §3.7", () => {
  for (const wire of wires)
    test(`${wire.protocol}: after its own Close message, which stays the last word`, async () => {
      await using hubwire = await TestHubwire.start();
      const server = await AppServerPeer.connect(hubwire);
      using client = await relayedClient(hubwire, server, { wire });
      const close = wire.close("Connection closed with an error.", false);
      server.sendData(client.id, wire.invocation("last", []));
      server.sendData(client.id, close);
      server.send({ type: "closeConnection", connectionId: client.id, error: "boom", headers: [] });
      assert.deepEqual(await client.takeAll(), [
        frameOf(wire.invocation("last", [])),
        frameOf(close),
        "close 1000",
      ]);
      const { category, reason } = await hubwire.event("client.closed");
      assert.deepEqual([category, reason], ["ClosedByAppServer", "boom"]);
      assert.deepEqual(await server.heard(), []);
      await leave(hubwire, server);
    });

  for (const way of waysToConnect)
    test(`Microsoft's learns it by ${way.transport} with ${way.protocol}`, async () => {
      await using hubwire = await TestHubwire.start();
      const server = await AppServerPeer.connect(hubwire);
      const client = signalrClient(hubwire, way);
      const [, connectionId] = await Promise.all([client.start(), server.welcome()]);
      const end = closed(client);
      const wire = way.protocol === "json" ? jsonWire : messagePackWire;
      server.sendData(connectionId, Buffer.from(wire.close("You must go.", false)));
      server.send({ type: "closeConnection", connectionId, error: "", headers: [] });
      assert.match((await end)?.message ?? "", /You must go\.$/);
      await leave(hubwire, server);
    });
});

describe("a client is closed by others", () => {
  for (const wire of wires)
    for (const [who, options] of [
      ["a weak connection", WEAK],
      ["another app server", { serverId: "server2" }],
    ] as const)
      for (const reason of ["You must go.", ""])
        test(`${wire.protocol}: by CloseConnection of ${who}, reason '${reason}'`, async () => {
          await using hubwire = await TestHubwire.start();
          const server = await AppServerPeer.connect(hubwire);
          using client = await relayedClient(hubwire, server, { wire, claims: DETAILS });
          const other = await AppServerPeer.connect(hubwire, options);
          other.send({ type: "closeConnection", connectionId: client.id, error: reason, headers: [] });
          assert.deepEqual(await client.takeAll(), told(wire, reason || undefined));
          assert.deepEqual(await server.take(), gone(client.id));
          assert.deepEqual(await other.heard(), []);
          await leave(hubwire, server, other);
        });

  test("and is not told why, unless its token allows details", async () => {
    await using hubwire = await TestHubwire.start();
    const server = await AppServerPeer.connect(hubwire);
    using client = await relayedClient(hubwire, server);
    const weak = await AppServerPeer.connect(hubwire, WEAK);
    weak.send({ type: "closeConnection", connectionId: client.id, error: "secret", headers: [] });
    assert.deepEqual(await client.takeAll(), told(jsonWire));
    await leave(hubwire, server, weak);
  });

  test("an id that nobody has, or that is of another hub, is passed over", async () => {
    await using hubwire = await TestHubwire.start();
    const server = await AppServerPeer.connect(hubwire, { hub: "other" });
    using client = await relayedClient(hubwire, server, { hub: "other" });
    using weak = await AppServerPeer.connect(hubwire, WEAK);
    for (const connectionId of [client.id, "nobody", ""])
      weak.send({ type: "closeConnection", connectionId, error: "", headers: [] });
    assert.deepEqual(await weak.heard(), []);
    assert.deepEqual(await server.heard(), []);
    server.sendData(client.id, jsonWire.ping);
    assert.equal(await client.next(), frameOf(jsonWire.ping));
  });

  test("by REST", async () => {
    await using hubwire = await TestHubwire.start();
    const server = await AppServerPeer.connect(hubwire);
    using client = await relayedClient(hubwire, server, { claims: DETAILS });
    const path = `/api/hubs/chat/connections/${client.id}?api-version=2022-06-01&reason=enough`;
    assert.equal((await hubwire.rest("DELETE", path)).status, 200);
    assert.deepEqual(await client.takeAll(), told(jsonWire, "enough"));
    assert.deepEqual(await server.take(), gone(client.id));
    await leave(hubwire, server);
  });

  test("by REST before its handshake is answered: its app server is told", async () => {
    await using hubwire = await TestHubwire.start();
    const server = await AppServerPeer.connect(hubwire);
    using client = await RawWebSocket.open(hubwire);
    client.send(HANDSHAKE);
    const { connectionId } = await server.next("openConnection");
    await server.next("connectionData");
    const path = `/api/hubs/chat/connections/${connectionId}?api-version=2022-06-01`;
    assert.equal((await hubwire.rest("DELETE", path)).status, 200);
    assert.deepEqual(await client.takeAll(), ['text {"error":"Handshake was canceled."}\x1e', "close 1000"]);
    assert.deepEqual(await server.take(), gone(connectionId));
    await leave(hubwire, server);
  });

  test("at its authentication's expiry, to reconnect, §5.7", async () => {
    await using hubwire = await TestHubwire.start();
    const server = await AppServerPeer.connect(hubwire);
    const aeo = Math.floor(hubwire.clock.epochMs() / 1_000) + 20;
    using client = await relayedClient(hubwire, server, {
      claims: { "asrs.s.coae": "true", "asrs.s.aeo": String(aeo) },
    });
    hubwire.clock.advance(18_000);
    assert.deepEqual(await server.heard(), []);
    hubwire.clock.advance(3_000);
    assert.deepEqual(await client.takeAll(), told(jsonWire));
    assert.deepEqual(await server.take(), gone(client.id));
    assert.equal((await hubwire.event("client.closed")).category, "Unauthorized");
    await leave(hubwire, server);
  });

  test("as its long polls have stopped", async () => {
    await using hubwire = await TestHubwire.start();
    const server = await AppServerPeer.connect(hubwire);
    const { path } = await negotiate(hubwire);
    assert.equal((await call(hubwire, "GET", path)).status, 200);
    await call(hubwire, "POST", path, { body: HANDSHAKE });
    const connectionId = await server.welcome();
    assert.equal((await call(hubwire, "GET", path)).body, "{}\x1e");
    hubwire.clock.advance(16_000);
    assert.deepEqual(await server.take(), gone(connectionId));
    await leave(hubwire, server);
  });

  test("as it deletes its long-polling connection", async () => {
    await using hubwire = await TestHubwire.start();
    const server = await AppServerPeer.connect(hubwire);
    const { path } = await negotiate(hubwire);
    await call(hubwire, "GET", path);
    await call(hubwire, "POST", path, { body: HANDSHAKE });
    const connectionId = await server.welcome();
    const headers = bearer(hubwire.clientToken());
    assert.equal((await call(hubwire, "DELETE", path, { headers })).status, 202);
    assert.deepEqual(await server.take(), gone(connectionId));
    await leave(hubwire, server);
  });
});

describe("an app server's connection ends, §4.5", () => {
  for (const [how, end] of [
    ["killed", (server: AppServerPeer) => server.kill()],
    ["closed", (server: AppServerPeer) => server.socket.close(1000)],
    ["sending what is no message", (server: AppServerPeer) => server.sendBytes(Buffer.of(1, 0xc0))],
  ] as const)
    test(`${how}: its clients may reconnect, those of its others stay`, async () => {
      await using hubwire = await TestHubwire.start();
      const [one, two] = [await AppServerPeer.connect(hubwire), await AppServerPeer.connect(hubwire)];
      using first = await relayedClient(hubwire, one, { wire: messagePackWire });
      using second = await relayedClient(hubwire, two);
      end(one);
      assert.deepEqual(await first.takeAll(), told(messagePackWire));
      await one.ended();
      const { category } = await hubwire.event("client.closed");
      assert.equal(category, "ServerConnectionClosed");
      two.sendData(second.id, jsonWire.ping);
      assert.equal(await second.next(), frameOf(jsonWire.ping));
      assert.deepEqual(await two.heard(), []);
      second.drop();
      await two.next("closeConnection");
      await leave(hubwire, two);
    });

  test("before a client's handshake is answered: the client is told so", async () => {
    await using hubwire = await TestHubwire.start();
    const server = await AppServerPeer.connect(hubwire);
    using client = await RawWebSocket.open(hubwire, { claims: DETAILS });
    client.send(HANDSHAKE);
    await server.next("openConnection");
    server.kill();
    const error = "Handshake was canceled. The app server's connection was lost.";
    assert.deepEqual(await client.takeAll(), [`text ${JSON.stringify({ error })}\x1e`, "close 1000"]);
    await server.ended();
    await leftNothing(hubwire);
  });
});

test("a client that does not read is closed above limits.maxBufferedBytes, and its app server told", async () => {
  await using hubwire = await TestHubwire.start({ limits: { maxBufferedBytes: 65_536 } });
  const server = await AppServerPeer.connect(hubwire);
  using client = await relayedClient(hubwire, server);
  client.socket.pause();
  const message = jsonWire.invocation("news", ["x".repeat(60_000)]);
  for (let sent = 0; sent < 1_000 && server.waiting.length === 0; sent++) {
    server.sendData(client.id, message);
    await new Promise(setImmediate);
  }
  assert.deepEqual(await server.take(), gone(client.id));
  assert.equal((await hubwire.event("client.closed")).category, "SlowClient");
  client.drop();
  await leave(hubwire, server);
});
