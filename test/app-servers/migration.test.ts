import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { AppServerPeer } from "../support/app-server-peer.ts";
import { asked, completionOf, INVOCATION_ID, invocation } from "../support/client-result.ts";
import { settled } from "../support/http-call.ts";
import { frameOf, jsonWire, leftNothing, messagePackWire } from "../support/hub-wire.ts";
import { negotiate } from "../support/negotiate.ts";
import { relayedClient } from "../support/relayed-client.ts";
import { payloadOf } from "../support/relayed-room.ts";
import { signalrClient, waysToConnect } from "../support/signalr-client.ts";
import { TestHubwire } from "../support/start-hubwire.ts";

const MOVES = { migrationLevel: 1 } as const;

/** Has an app server shut down, and its clients move. */
async function moveFrom(hubwire: TestHubwire, server: AppServerPeer): Promise<void> {
  server.send({ type: "ping", pairs: [["shutdown", "fin:1"]] });
  await server.settled();
  hubwire.clock.advance(2_000);
}

/** Everyone leaves, and nothing is left. */
async function leave(hubwire: TestHubwire, ...servers: readonly AppServerPeer[]): Promise<void> {
  for (const server of servers) await server.leave();
  await leftNothing(hubwire);
}

describe("a client that moves to another app server, §4.5", () => {
  for (const way of waysToConnect)
    test(`finds it there: Microsoft's by ${way.transport} with ${way.protocol}`, async () => {
      await using hubwire = await TestHubwire.start();
      const a = await AppServerPeer.connect(hubwire, { serverId: "a", ...MOVES });
      const client = signalrClient(hubwire, way);
      const [, id] = await Promise.all([client.start(), a.welcome()]);
      const b = await AppServerPeer.connect(hubwire, { serverId: "b" });
      a.send({ type: "ping", pairs: [["shutdown", "fin:1"]] });
      await a.settled();
      const result = client.invoke("Echo", "hi");
      hubwire.clock.advance(1_000);
      hubwire.clock.advance(1_000);
      const moved = await b.next("openConnection");
      assert.equal(moved.connectionId, id);
      assert.match(String(await b.nextData()), /^\{"protocol"/);
      const said = await b.nextData();
      assert.ok(said.includes("Echo"), said.toString());
      const answer =
        way.protocol === "json"
          ? completionOf(jsonWire, "hi!", "0")
          : completionOf(messagePackWire, "hi!", "0");
      b.sendData(id, answer);
      assert.equal(await result, "hi!");
      assert.deepEqual(
        (await a.heard()).map(({ type }) => type),
        ["closeConnection"],
      );
      await client.stop();
      await leave(hubwire, a, b);
    });

  test("stays in its groups, and can be reached meanwhile", async () => {
    await using hubwire = await TestHubwire.start();
    const a = await AppServerPeer.connect(hubwire, { serverId: "a", ...MOVES });
    using client = await relayedClient(hubwire, a, { userId: "ann" });
    const b = await AppServerPeer.connect(hubwire, { serverId: "b" });
    a.send({ type: "joinGroup", connectionId: client.id, group: "g" });
    a.send({ type: "ping", pairs: [["shutdown", "fin:1"]] });
    await a.settled();
    const news = (n: number) =>
      ({
        type: "groupBroadcastData",
        group: "g",
        excluded: [],
        excludedUserIds: [],
        callerUserId: null,
        payload: payloadOf("news", [n]),
      }) as const;
    b.send(news(1));
    await b.settled();
    hubwire.clock.advance(1_000);
    hubwire.clock.advance(1_000);
    b.send(news(2));
    assert.deepEqual(
      await client.take(2),
      [1, 2].map((n) => frameOf(jsonWire.invocation("news", [n]))),
    );
    client.drop();
    await b.settled();
    await leave(hubwire, a, b);
  });

  test("is presented as it is authenticated now", async () => {
    await using hubwire = await TestHubwire.start();
    const a = await AppServerPeer.connect(hubwire, { serverId: "a", ...MOVES });
    const { path, token } = await negotiate(hubwire, { userId: "ann", claims: { role: "before" } });
    using client = await relayedClient(hubwire, a, { path });
    const b = await AppServerPeer.connect(hubwire, { serverId: "b" });
    const claims = [["role", "now"]] as const;
    const expiresAtMs = Date.now() + 86_400_000;
    b.send({ type: "refreshAuth", connectionToken: token, claims, expiresAtMs, ackId: 1 });
    await b.next("ack");
    await moveFrom(hubwire, a);
    const { claims: presented } = await b.next("openConnection");
    assert.deepEqual(presented.at(-1), ["role", "now"]);
    client.drop();
    await b.settled();
    await leave(hubwire, a, b);
  });

  test("answers what others have asked it through its new app server", async () => {
    await using hubwire = await TestHubwire.start();
    const a = await AppServerPeer.connect(hubwire, { serverId: "a", ...MOVES });
    using client = await relayedClient(hubwire, a);
    const b = await AppServerPeer.connect(hubwire, { serverId: "b" });
    const caller = await AppServerPeer.connect(hubwire, { serverId: "caller", type: 2 });
    a.send(invocation(client.id, "a", "of-a"));
    caller.send(invocation(client.id, "caller"));
    await caller.settled();
    await a.settled();
    assert.equal((await client.take(2)).includes(asked), true);
    await moveFrom(hubwire, a);
    await b.next("openConnection");
    await b.next("connectionData");
    assert.deepEqual(await b.take(), { ...invocation(client.id, "caller"), payload: [] });
    assert.equal(hubwire.node.size.serverInvocations, 1, "what its old one asked is given up by that");
    const payload = completionOf(jsonWire, 42);
    client.send(payload.toString());
    assert.deepEqual(await b.nextData(), payload);
    const ids = { invocationId: INVOCATION_ID, connectionId: client.id, callerServerId: "b" };
    b.send({ type: "clientCompletion", ...ids, protocol: "json", payload });
    assert.deepEqual((await caller.next("clientCompletion")).payload, payload);
    client.drop();
    await b.settled();
    await leave(hubwire, a, b, caller);
  });

  test("can move again", async () => {
    await using hubwire = await TestHubwire.start();
    const a = await AppServerPeer.connect(hubwire, { serverId: "a", ...MOVES });
    using client = await relayedClient(hubwire, a);
    const b = await AppServerPeer.connect(hubwire, { serverId: "b", ...MOVES });
    await moveFrom(hubwire, a);
    await b.next("openConnection");
    await a.leave();
    const c = await AppServerPeer.connect(hubwire, { serverId: "c" });
    await moveFrom(hubwire, b);
    const { headers } = await c.next("openConnection");
    assert.deepEqual(
      headers.filter(([name]) => name.startsWith("Asrs")),
      [["Asrs-Migrate-From", ["b"]]],
    );
    client.drop();
    await c.settled();
    await leave(hubwire, b, c);
  });

  test("is read again, where its lost app server was too slow to read it", async () => {
    await using hubwire = await TestHubwire.start({ limits: { maxServerBufferedBytes: 8_000_000 } });
    const a = await AppServerPeer.connect(hubwire, { serverId: "a", migrationLevel: 2 });
    using client = await relayedClient(hubwire, a);
    const b = await AppServerPeer.connect(hubwire, { serverId: "b" });
    a.socket.pause();
    for (let n = 0; n < 30; n++) client.send(jsonWire.invocation("m", ["x".repeat(1_000_000)]));
    client.send(jsonWire.invocation("last", []));
    await settled(hubwire);
    assert.ok(client.socket.writableLength > 1_000_000, "it is not read");
    a.kill();
    await b.next("openConnection");
    const last = jsonWire.invocation("last", []);
    while (!(await b.nextData()).toString().endsWith(last));
    client.drop();
    await b.settled();
    await leave(hubwire, b);
  });

  test("is not given to one that would refuse its handshake: stateful reconnect", async () => {
    await using hubwire = await TestHubwire.start();
    const stateful = { ...MOVES, allowStatefulReconnects: true };
    const a = await AppServerPeer.connect(hubwire, { serverId: "a", ...stateful });
    const client = signalrClient(hubwire, { statefulReconnect: true });
    const [, id] = await Promise.all([client.start(), a.welcome()]);
    const old = await AppServerPeer.connect(hubwire, { serverId: "old" });
    const b = await AppServerPeer.connect(hubwire, { serverId: "b", ...stateful });
    using busy = await relayedClient(hubwire, b, {
      claims: { "asrs.s.ssticky": "Preferred", "asrs.s.sn": "b" },
    });
    await moveFrom(hubwire, a);
    assert.equal((await b.next("openConnection")).connectionId, id);
    assert.deepEqual(await old.heard(), []);
    await client.stop();
    busy.drop();
    await b.settled();
    await leave(hubwire, a, old, b);
  });
});
