import assert from "node:assert/strict";
import { test } from "node:test";
import { AppServerPeer } from "../support/app-server-peer.ts";
import { received, signalrClient } from "../support/signalr-client.ts";
import { TestHubwire } from "../support/start-hubwire.ts";

test("an invocation goes to the app server and its completion back, byte by byte as they are", async () => {
  await using hubwire = await TestHubwire.start();
  using server = await AppServerPeer.connect(hubwire);
  const client = signalrClient(hubwire, { userId: "ann" });
  const started = client.start();
  const opening = await server.next("openConnection");
  assert.equal(opening.protocol, "json");
  const handshake = await server.next("connectionData");
  assert.equal(handshake.payload.toString(), '{"protocol":"json","version":1}\x1e');
  server.sendData(opening.connectionId, "{}\x1e");
  await started;
  assert.equal(client.connectionId, opening.connectionId);
  const answer = client.invoke("Echo", "hi");
  assert.equal(
    String(await server.nextData()),
    '{"target":"Echo","arguments":["hi"],"invocationId":"0","type":1}\x1e',
  );
  server.sendData(opening.connectionId, '{"type":3,"invocationId":"0","result":"hi!"}\x1e');
  assert.equal(await answer, "hi!");
  const heard = received(client, "news", 1);
  server.send({
    type: "broadcastData",
    excluded: [],
    payload: [["json", Buffer.from('{"type":1,"target":"news","arguments":[1]}\x1e')]],
  });
  assert.deepEqual(await heard, [[1]]);
  await client.stop();
  assert.equal(String(await server.nextData()), '{"type":7}\x1e');
  const closed = await server.next("closeConnection");
  assert.equal(closed.connectionId, opening.connectionId);
});
