import assert from "node:assert/strict";
import { test } from "node:test";
import { AppServerPeer } from "../support/app-server-peer.ts";
import { emptied } from "../support/http-call.ts";
import { TestHubwire } from "../support/start-hubwire.ts";

test("server connections count from their handshake until they are gone", async () => {
  await using hubwire = await TestHubwire.start();
  const silent = await AppServerPeer.open(hubwire, { serverId: "silent" });
  const server = await AppServerPeer.connect(hubwire);
  assert.equal(hubwire.node.size.serverConnections, 1);
  silent[Symbol.dispose]();
  await hubwire.event("server.refused");
  assert.equal(hubwire.node.size.serverConnections, 1);
  server[Symbol.dispose]();
  await emptied(hubwire);
});
