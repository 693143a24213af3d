import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { AppServerPeer } from "../support/app-server-peer.ts";
import { askedByService, completionOf, INVOCATION_ID, invocation } from "../support/client-result.ts";
import { settled } from "../support/http-call.ts";
import {
  connect,
  frameOf,
  jsonWire,
  leftNothing,
  messagePackWire,
  openedId,
  wires,
} from "../support/hub-wire.ts";
import { relayedClient } from "../support/relayed-client.ts";
import { TestHubwire } from "../support/start-hubwire.ts";

const WEAK = { serverId: "manager", type: 2 };

describe("client results of clients without an app server, §6.3", () => {
  for (const wire of wires)
    test(`${wire.protocol}: the service reads the answer and gives it to the caller`, async () => {
      await using hubwire = await TestHubwire.start();
      using client = await connect(hubwire, { wire });
      const id = await openedId(hubwire);
      const weak = await AppServerPeer.connect(hubwire, WEAK);
      weak.send(invocation(id, "manager"));
      if (wire === messagePackWire)
        assert.equal(await client.next(), frameOf(wire.invocation("Ask", [1], "s1")));
      else assert.equal(await client.next(), askedByService);
      const answer = completionOf(wire, 42, "s1");
      client.send(wire === jsonWire ? String(answer) : answer);
      await settled(hubwire);
      hubwire.clock.advance(20);
      const got = await weak.next("clientCompletion");
      assert.deepEqual(
        [got.invocationId, got.connectionId, got.callerServerId],
        [INVOCATION_ID, id, "manager"],
      );
      assert.equal(got.protocol, wire.protocol);
      assert.deepEqual(got.payload, completionOf(wire, 42));
      weak.send(invocation(id, "manager", "second"));
      await client.next();
      client.send(wire.completion("s2", "I will not."));
      await settled(hubwire);
      hubwire.clock.advance(20);
      const { invocationId, error } = await weak.next("errorCompletion");
      assert.deepEqual([invocationId, error], ["second", "I will not."]);
      client.drop();
      await weak.leave();
      await leftNothing(hubwire);
    });

  test("an error that comes late goes to another connection where that which asked is gone", async () => {
    await using hubwire = await TestHubwire.start();
    using client = await connect(hubwire);
    const id = await openedId(hubwire);
    const [weak, another] = [
      await AppServerPeer.connect(hubwire, WEAK),
      await AppServerPeer.connect(hubwire, WEAK),
    ];
    weak.send(invocation(id, "manager"));
    await client.next();
    await weak.leave();
    client.drop();
    await hubwire.event("client.closed");
    await settled(hubwire);
    hubwire.clock.advance(20);
    assert.equal((await another.next("errorCompletion")).error, `Connection '${id}' disconnected.`);
    await another.leave();
    await leftNothing(hubwire);
  });
});

test("the answer to a REST :invoke is not passed on to the client's app server", async () => {
  await using hubwire = await TestHubwire.start();
  const server = await AppServerPeer.connect(hubwire);
  using client = await relayedClient(hubwire, server);
  const answered = hubwire.rest(
    "POST",
    `/api/hubs/chat/connections/${client.id}/:invoke?api-version=2024-12-01`,
    {
      body: JSON.stringify({ target: "Ask", arguments: [1] }),
      headers: { "Content-Type": "application/json" },
    },
  );
  assert.equal(await client.next(), askedByService);
  const [before, after] = [jsonWire.invocation("a", []), jsonWire.invocation("b", [])];
  client.send(`${before}${completionOf(jsonWire, 42, "s1").toString()}${after}`);
  assert.deepEqual([String(await server.nextData()), String(await server.nextData())], [before, after]);
  assert.equal((await answered).status, 200);
  client.drop();
  await server.leave();
  await leftNothing(hubwire);
});
