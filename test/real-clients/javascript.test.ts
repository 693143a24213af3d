import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { closed, received, signalrClient, waysToConnect } from "../support/signalr-client.ts";
import { TestHubwire } from "../support/start-hubwire.ts";

const VERSION = "api-version=2022-06-01";
const ARGUMENTS = [
  'text with ünïcödé 你好，世界！ 😀 \u2028 " \\ \n',
  42,
  -1.5,
  null,
  true,
  [1, [2]],
  { a: { B: "c" }, "": 0 },
];

for (const { transport, protocol } of waysToConnect)
  describe(`@microsoft/signalr over ${transport} with ${protocol}`, () => {
    test("P01: gets what is sent to all, to its groups, to its user and to itself, with equal arguments", async () => {
      await using hubwire = await TestHubwire.start();
      const client = signalrClient(hubwire, { transport, protocol, userId: "alice" });
      await client.start();
      const { connectionId } = await hubwire.event("client.opened");
      assert.equal(connectionId, client.connectionId);
      const calls = received(client, "news", 5);
      await hubwire.rest("PUT", `/api/hubs/chat/groups/a%2Fb/connections/${connectionId}?${VERSION}`);
      await hubwire.rest("PUT", `/api/hubs/chat/users/alice/groups/users?${VERSION}`);
      await hubwire.send("", "news", ARGUMENTS);
      await hubwire.send("groups/a%2Fb/", "news", ["group"]);
      await hubwire.send("groups/users/", "news", ["user group"]);
      await hubwire.send("users/alice/", "news", ["user"]);
      await hubwire.send(`connections/${connectionId}/`, "news", ["connection"]);
      assert.deepEqual(await calls, [ARGUMENTS, ["group"], ["user group"], ["user"], ["connection"]]);
      await client.stop();
      await hubwire.event("client.closed");
    });

    test("P03: what it invokes is answered with an error that says nobody handles it; what it sends is not answered", async () => {
      await using hubwire = await TestHubwire.start();
      const client = signalrClient(hubwire, { transport, protocol });
      await client.start();
      await client.send("Quiet", 1);
      await assert.rejects(
        client.invoke("Nope", 1),
        /Failed to invoke 'Nope': no upstream or app server handles it on hub 'chat'/,
      );
      await assert.rejects(
        new Promise((_resolve, reject) =>
          client.stream("Numbers").subscribe({ next() {}, complete() {}, error: reject }),
        ),
        /Failed to invoke 'Numbers'/,
      );
      await client.stop();
    });

    test("closing it by REST shows the reason where its token allows details", async () => {
      await using hubwire = await TestHubwire.start();
      const plain = signalrClient(hubwire, { transport, protocol });
      const detailed = signalrClient(hubwire, { transport, protocol, claims: { "asrs.s.derror": "True" } });
      await plain.start();
      await detailed.start();
      const ends = Promise.all([closed(plain), closed(detailed)]);
      const response = await hubwire.rest(
        "POST",
        `/api/hubs/chat/:closeConnections?reason=maintenance&${VERSION}`,
      );
      assert.equal(response.status, 204);
      const [plainEnd, detailedEnd] = await ends;
      assert.equal(plainEnd, undefined);
      assert.match(String(detailedEnd), /Server returned an error on close: maintenance/);
    });

    test("K11: it reconnects by itself when it is closed with reconnect allowed, under a new connection id", async () => {
      await using hubwire = await TestHubwire.start();
      const client = signalrClient(hubwire, { transport, protocol, automaticReconnect: true });
      await client.start();
      const before = client.connectionId;
      const reconnected = new Promise((resolve) => client.onreconnected(resolve));
      await hubwire.rest("DELETE", `/api/hubs/chat/connections/${before}?${VERSION}`);
      assert.notEqual(await reconnected, before);
      const calls = received(client, "news", 1);
      await hubwire.send("", "news", ["again"]);
      assert.deepEqual(await calls, [["again"]]);
      await client.stop();
    });
  });

test("W01: a client that skips negotiation is served", async () => {
  await using hubwire = await TestHubwire.start();
  const client = signalrClient(hubwire, { skipNegotiation: true });
  await client.start();
  const calls = received(client, "news", 1);
  await hubwire.send("", "news", []);
  assert.deepEqual(await calls, [[]]);
  await client.stop();
});

test("a user's new connection is in its groups from its first moment", async () => {
  await using hubwire = await TestHubwire.start();
  await hubwire.rest("PUT", `/api/hubs/chat/users/alice/groups/g?${VERSION}`);
  const client = signalrClient(hubwire, { userId: "alice" });
  const calls = received(client, "news", 1);
  await client.start();
  await hubwire.send("groups/g/", "news", ["hello"]);
  assert.deepEqual(await calls, [["hello"]]);
  await client.stop();
});

test("stopping the service closes clients so that they reconnect, and ends", async () => {
  const hubwire = await TestHubwire.start();
  const clients = waysToConnect.map((way) => signalrClient(hubwire, { ...way, automaticReconnect: true }));
  await Promise.all(clients.map((client) => client.start()));
  const reconnecting = Promise.all(
    clients.map((client) => new Promise<void>((resolve) => client.onreconnecting(() => resolve()))),
  );
  await hubwire.node.stop();
  await reconnecting;
  assert.equal(hubwire.node.size.clients, 0);
  await Promise.all(clients.map((client) => client.stop()));
});
