import assert from "node:assert/strict";
import type { AppServerPeer } from "./app-server-peer.ts";
import { accepted, type ConnectOptions, handshake, jsonWire } from "./hub-wire.ts";
import { RawWebSocket } from "./raw-web-socket.ts";
import type { TestHubwire } from "./start-hubwire.ts";

/** A raw client of an app server, and its connection id. */
export type RelayedClient = RawWebSocket & { readonly id: string };

/** A client whose handshake this app server has accepted. */
export async function relayedClient(
  hubwire: TestHubwire,
  server: AppServerPeer,
  options: ConnectOptions = {},
): Promise<RelayedClient> {
  const { wire = jsonWire, version = 1 } = options;
  const client = await RawWebSocket.open(hubwire, options);
  assert.equal(client.status, 101, client.body);
  client.send(handshake(wire.protocol, version));
  const id = await server.welcome();
  assert.equal(await client.next(), accepted(wire));
  return Object.assign(client, { id });
}
