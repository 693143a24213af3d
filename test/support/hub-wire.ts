import assert from "node:assert/strict";
import { encode } from "@msgpack/msgpack";
import { emptied, settled } from "./http-call.ts";
import { RawWebSocket, type UpgradeOptions } from "./raw-web-socket.ts";
import type { TestHubwire } from "./start-hubwire.ts";

/** Hub messages of one hub protocol as ASP.NET Core writes them, made independently of the service's own codecs. */
export interface HubWire<Bytes extends string | Buffer = string | Buffer> {
  readonly protocol: "json" | "messagepack";
  readonly ping: Bytes;
  invocation(target: string, args: readonly unknown[], invocationId?: string): Bytes;
  completion(invocationId: string, error: string): Bytes;
  close(error: string | undefined, allowReconnect: boolean): Bytes;
  ack(sequenceId: number): Bytes;
  sequence(sequenceId: number): Bytes;
}

export const jsonWire: HubWire<string> = {
  protocol: "json",
  ping: record({ type: 6 }),
  invocation: (target, args, invocationId) => record({ type: 1, target, arguments: args, invocationId }),
  completion: (invocationId, error) => record({ type: 3, invocationId, error }),
  close: (error, allowReconnect) => record({ type: 7, error, allowReconnect: allowReconnect || undefined }),
  ack: (sequenceId) => record({ type: 8, sequenceId }),
  sequence: (sequenceId) => record({ type: 9, sequenceId }),
};

export const messagePackWire: HubWire<Buffer> = {
  protocol: "messagepack",
  ping: packed(6),
  invocation: (target, args, invocationId) => packed(1, {}, invocationId ?? null, target, args, []),
  completion: (invocationId, error) => packed(3, {}, invocationId, 1, error),
  close: (error, allowReconnect) => packed(7, error ?? null, allowReconnect),
  ack: (sequenceId) => packed(8, sequenceId),
  sequence: (sequenceId) => packed(9, sequenceId),
};

export const wires: readonly HubWire[] = [jsonWire, messagePackWire];

/** A JSON hub message with its separator. */
function record(message: object): string {
  return `${JSON.stringify(message)}\x1e`;
}

/** A MessagePack hub message with its length, of the elements of its array. */
export function packed(...elements: readonly unknown[]): Buffer {
  const content = Buffer.from(encode(elements));
  const prefix: number[] = [];
  for (let left = content.length; left > 0; left >>= 7) prefix.push((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
  return Buffer.concat([Buffer.from(prefix), content]);
}

/** How a `RawWebSocket` writes one hub message down, or several that share a frame. */
export function frameOf(...messages: readonly (string | Buffer)[]): string {
  const bytes = Buffer.concat(messages.map((message) => Buffer.from(message)));
  return typeof messages[0] === "string" ? `text ${bytes.toString()}` : `binary ${bytes.toString("hex")}`;
}

export function handshake(protocol: string, version = 1): string {
  return record({ protocol, version });
}

/** How the service answers an invocation, as nobody handles any. */
export function unhandled(wire: HubWire, target: string, invocationId: string): string {
  return frameOf(wire.completion(invocationId, whyUnhandled(target)));
}

/** What it says then. */
export function whyUnhandled(target: string): string {
  return `Failed to invoke '${target}': no upstream or app server handles it on hub 'chat'. No upstream is configured.`;
}

export interface ConnectOptions extends UpgradeOptions {
  readonly wire?: HubWire;
  readonly version?: number;
}

/** A client whose handshake was accepted. */
export async function connect(hubwire: TestHubwire, options: ConnectOptions = {}): Promise<RawWebSocket> {
  const { wire = jsonWire, version = 1 } = options;
  const client = await RawWebSocket.open(hubwire, options);
  assert.equal(client.status, 101, client.body);
  client.send(handshake(wire.protocol, version));
  assert.equal(await client.next(), accepted(wire));
  return client;
}

/** The frame that accepts a handshake. */
export function accepted(wire: HubWire): string {
  return frameOf(wire === jsonWire ? "{}\x1e" : Buffer.from("{}\x1e"));
}

/** Resolves when the service has read all that the client sent before; nothing else may be on its way to the client. */
export async function roundTrip(client: RawWebSocket, wire: HubWire = jsonWire): Promise<void> {
  client.send(wire.invocation("RoundTrip", [], "round-trip"));
  assert.equal(await client.next(), unhandled(wire, "RoundTrip", "round-trip"));
}

/** Resolves when nothing of clients that have gone is left: a closed WebSocket leaves with the next sweep. */
export async function leftNothing(hubwire: TestHubwire): Promise<void> {
  await settled(hubwire);
  hubwire.clock.advance(1_000);
  await emptied(hubwire);
}

/** The id of the connection that was opened first, by this user where one is named. */
export async function openedId(hubwire: TestHubwire, userId?: string): Promise<string> {
  const isIt = (event: { readonly userId: string | undefined }): boolean =>
    userId === undefined || event.userId === userId;
  return (await hubwire.event("client.opened", isIt)).connectionId;
}

/** A MessagePack text of up to 31 bytes in hexadecimal. */
export function textHex(text: string): string {
  return (0xa0 + Buffer.byteLength(text)).toString(16) + Buffer.from(text).toString("hex");
}

/** A MessagePack hub message of up to 127 bytes with its length. */
export function packedHex(hex: string): Buffer {
  const content = Buffer.from(hex.replaceAll(" ", ""), "hex");
  return Buffer.concat([Buffer.of(content.length), content]);
}
