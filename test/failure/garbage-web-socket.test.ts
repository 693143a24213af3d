import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import { Bystanders, PATIENT } from "../support/bystanders.ts";
import { clientFrame, clientText, FIN } from "../support/client-frame.ts";
import { connectEventStream } from "../support/event-stream.ts";
import { call } from "../support/http-call.ts";
import {
  connect,
  frameOf,
  type HubWire,
  jsonWire,
  messagePackWire,
  roundTrip,
  unhandled,
} from "../support/hub-wire.ts";
import { connectLongPolling } from "../support/long-polling.ts";
import { RawConnection } from "../support/raw-connection.ts";
import { RawWebSocket } from "../support/raw-web-socket.ts";
import { TestHubwire } from "../support/start-hubwire.ts";

const BINARY = FIN | 2;

/** Headers instead of those of a good upgrade, and the status that they get. */
const upgrades: readonly (readonly [string, Record<string, string | undefined>, number])[] = [
  ["no key", { "Sec-WebSocket-Key": undefined }, 400],
  ["a short key", { "Sec-WebSocket-Key": "dGhl" }, 400],
  ["another version", { "Sec-WebSocket-Version": "8" }, 400],
  ["another protocol", { Upgrade: "h2c" }, 400],
  ["no upgrade", { Upgrade: undefined }, 400],
  ["no connection header", { Connection: undefined }, 400],
  ["no token", { Authorization: undefined }, 401],
  ["garbage for a token", { Authorization: `Bearer ${"\x80".repeat(2_000)}` }, 401],
];

describe("a broken upgrade", () => {
  test("is refused, and nobody else notices", async () => {
    await using hubwire = await TestHubwire.start(PATIENT);
    await using bystanders = await Bystanders.join(hubwire);
    for (const [is, headers, status] of upgrades) {
      const all = { Authorization: `Bearer ${hubwire.clientToken()}`, ...headers };
      using client = await RawWebSocket.open(hubwire, { path: "/client?hub=chat", headers: all });
      assert.equal(client.status, status, is);
    }
    await bystanders.alone();
  });

  test("of a path that has no WebSockets is answered as a path", async () => {
    await using hubwire = await TestHubwire.start(PATIENT);
    await using bystanders = await Bystanders.join(hubwire);
    for (const [path, status] of [
      ["/api/health", 404],
      ["/client/negotiate?hub=chat", 404],
      ["/", 404],
      ["*", 404],
      ["//client?hub=chat", 404],
      ["/client%3Fhub=chat", 404],
      ["/client?hub=%", 400],
      ["/client", 400],
    ] as const) {
      using client = await RawWebSocket.open(hubwire, { path });
      assert.equal(client.status, status, path);
    }
    await bystanders.alone();
  });
});

/** What breaks a WebSocket, and the code that it is closed with. */
const frames: readonly (readonly [string, Buffer, number])[] = [
  ["an unmasked frame", Buffer.from("8105", "hex"), 1002],
  ["reserved bits", clientFrame({ first: 0xf1 }), 1002],
  ["a reserved opcode", clientFrame({ first: FIN | 3 }), 1002],
  ["a continuation of nothing", clientFrame({ first: FIN | 0 }), 1002],
  ["a fragmented ping", clientFrame({ first: 9 }), 1002],
  ["a long ping", clientFrame({ first: FIN | 9, payload: Buffer.alloc(126) }), 1002],
  ["a frame within a fragmented one", Buffer.concat([clientFrame({ first: 1 }), clientText("x")]), 1002],
  ["text that is no UTF-8", clientFrame({ first: FIN | 1, payload: Buffer.of(0xc3, 0x28) }), 1007],
  ["a close frame of one byte", clientFrame({ first: FIN | 8, payload: Buffer.of(3) }), 1002],
  ["a forbidden close code", clientFrame({ first: FIN | 8, payload: Buffer.of(3, 0xed) }), 1002],
  ["a length of 2⁶³", Buffer.from("82ffffffffffffffffff00000000", "hex"), 1002],
];

for (const hasJoined of [false, true])
  describe(`garbage after the upgrade, ${hasJoined ? "of a client in its hub" : "ahead of the handshake"}`, () => {
    test("closes the WebSocket with what is wrong, and nobody else notices", async () => {
      await using hubwire = await TestHubwire.start(PATIENT);
      await using bystanders = await Bystanders.join(hubwire);
      for (const [is, bytes, code] of frames) {
        using client = await (hasJoined ? connect(hubwire) : RawWebSocket.open(hubwire));
        client.socket.write(bytes);
        const received = await client.takeToEnd();
        assert.equal(received.length, 1, is);
        assert.match(received[0] ?? "", new RegExp(`^close ${code} .`), is);
      }
      await bystanders.alone();
    });

    test("in random pieces and numbers ends it, one way or the other", async () => {
      await using hubwire = await TestHubwire.start(PATIENT);
      await using bystanders = await Bystanders.join(hubwire);
      for (let round = 0; round < 50; round++) {
        using client = await (hasJoined ? connect(hubwire) : RawWebSocket.open(hubwire));
        const garbage = randomBytes(1 + Math.floor(Math.random() * 100_000));
        client.socket.write(garbage.subarray(0, garbage.length >> 1));
        client.socket.write(garbage.subarray(garbage.length >> 1));
        client.socket.end();
        await client.takeToEnd();
      }
      await bystanders.alone();
    });

    test("that stops in the middle of anything ends with the connection", async () => {
      await using hubwire = await TestHubwire.start(PATIENT);
      await using bystanders = await Bystanders.join(hubwire);
      const whole = Buffer.concat([
        clientText('{"type":1,"target":"x","arguments":["'),
        clientText("y".repeat(70_000)),
      ]);
      for (const length of [1, 3, 5, 20, 45, 60, 5_000, whole.length]) {
        using client = await (hasJoined ? connect(hubwire) : RawWebSocket.open(hubwire));
        client.socket.write(whole.subarray(0, length));
        if (length % 2 === 0) client.drop();
        else client.socket.end();
        await client.takeToEnd();
      }
      await bystanders.alone();
    });
  });

describe("a handshake", () => {
  for (const [is, bytes, reason] of [
    ["no JSON", Buffer.from("garbage\x1e"), /An unexpected error occurred during connection handshake/],
    ["no UTF-8", Buffer.from([0xff, 0xfe, 0x1e]), /An unexpected error occurred during connection handshake/],
    ["no record in 32 KB", Buffer.alloc(32_769, "{"), /Handshake was canceled/],
    ["no record in a megabyte", Buffer.alloc(1_000_000, 0), /Handshake was canceled/],
    [
      "of an unknown protocol",
      Buffer.from('{"protocol":"x","version":1}\x1e'),
      /The protocol 'x' is not supported/,
    ],
    [
      "of a version to come",
      Buffer.from('{"protocol":"json","version":99}\x1e'),
      /does not support version 99/,
    ],
    ["nested without end", Buffer.from(`{"protocol":${"[".repeat(30_000)}\x1e`), /An unexpected error/],
  ] as const)
    test(`that is ${is} is refused with the reason, and nobody else notices`, async () => {
      await using hubwire = await TestHubwire.start(PATIENT);
      await using bystanders = await Bystanders.join(hubwire);
      using client = await RawWebSocket.open(hubwire);
      client.send(bytes);
      const [reply, close] = await client.takeAll();
      assert.match(Buffer.from(reply?.replace(/^(text|binary) /, "") ?? "").toString(), reason);
      assert.equal(close, "close 1000");
      await bystanders.alone();
    });
});

/** A MessagePack message of these bytes, with its length ahead. */
function packedBytes(...bytes: number[]): Buffer {
  return Buffer.from([bytes.length, ...bytes]);
}

const jsonGarbage: readonly (readonly [string, string | Buffer])[] = [
  ["no JSON", "garbage\x1e"],
  ["an array", "[]\x1e"],
  ["nothing", "\x1e"],
  ["without a type", "{}\x1e"],
  ["of a type that is no number", '{"type":"1"}\x1e'],
  ["an invocation without a target", '{"type":1,"arguments":[]}\x1e'],
  ["an invocation whose arguments are none", '{"type":1,"target":"x","arguments":1}\x1e'],
  ["nested a hundred thousand deep", `{"type":1,"target":"x","arguments":${"[".repeat(100_000)}\x1e`],
  ["larger than a message may be", `{"type":1,"target":"x","arguments":["${"y".repeat(1_048_576)}"]}\x1e`],
  ["larger than a message may be, without an end", "y".repeat(1_048_577)],
  ["no UTF-8", Buffer.from([0x22, 0xff, 0x22, 0x1e])],
];

const messagePackGarbage: readonly (readonly [string, Buffer])[] = [
  ["no array", packedBytes(0xc0)],
  ["an empty array", packedBytes(0x90)],
  ["of a type that is no number", packedBytes(0x91, 0xa1, 0x78)],
  ["an array that promises 2³² items", packedBytes(0xdd, 0xff, 0xff, 0xff, 0xff)],
  ["an invocation that breaks off", packedBytes(0x96, 0x01, 0x80)],
  [
    "an invocation with a target of 2³² bytes",
    packedBytes(0x96, 1, 0x80, 0xc0, 0xdb, 0xff, 0xff, 0xff, 0xff),
  ],
  ["larger than a message may be", Buffer.from([0x81, 0x80, 0x40])],
  ["with a length that does not end", Buffer.alloc(6, 0xff)],
  ["JSON", Buffer.from('{"type":6}\x1e'.repeat(20))],
];

for (const [wire, garbage] of [
  [jsonWire, jsonGarbage],
  [messagePackWire, messagePackGarbage],
] as const)
  describe(`a ${wire.protocol} message`, () => {
    for (const [is, bytes] of garbage)
      test(`that is ${is} closes the client, and nobody else notices`, async () => {
        await using hubwire = await TestHubwire.start(PATIENT);
        await using bystanders = await Bystanders.join(hubwire);
        using client = await connect(hubwire, { wire });
        client.send(bytes);
        const [message, close] = await client.takeAll();
        assert.equal(message, frameOf(wire.close("Connection closed with an error.", true)));
        assert.equal(close, "close 1000");
        await bystanders.alone();
      });
  });

describe("garbage that is posted", () => {
  const bodies = [Buffer.from("garbage\x1e"), Buffer.concat([randomBytes(100_000), Buffer.from("\x1e")])];

  test("closes a client of an event stream with a Close message, and nobody else notices", async () => {
    await using hubwire = await TestHubwire.start(PATIENT);
    await using bystanders = await Bystanders.join(hubwire);
    for (const body of bodies) {
      const { stream, path } = await connectEventStream(hubwire);
      await call(hubwire, "POST", path, { body });
      assert.match(await stream.ended, /^data: \{"type":7,"error":"Connection closed with an error\."/);
      assert.equal((await call(hubwire, "POST", path, { body })).status, 404);
    }
    await bystanders.alone();
  });

  test("closes a client that polls with a Close message, and nobody else notices", async () => {
    await using hubwire = await TestHubwire.start(PATIENT);
    await using bystanders = await Bystanders.join(hubwire);
    for (const body of bodies) {
      const { path } = await connectLongPolling(hubwire);
      await call(hubwire, "POST", path, { body });
      assert.match(
        (await call(hubwire, "GET", path)).body,
        /^\{"type":7,"error":"Connection closed with an error\."/,
      );
      assert.equal((await call(hubwire, "GET", path)).status, 204);
      assert.equal((await call(hubwire, "GET", path)).status, 404);
    }
    await bystanders.alone();
  });
});

function isPong(frame: string): boolean {
  return frame.startsWith("broken 8a ");
}

describe("interleaved", () => {
  test("messages in pieces of many clients, with pings between them, are each answered to their sender", async () => {
    await using hubwire = await TestHubwire.start(PATIENT);
    await using bystanders = await Bystanders.join(hubwire);
    using open = new DisposableStack();
    const senders: { id: string; wire: HubWire; client: RawWebSocket; bytes: Buffer }[] = [];
    for (let at = 0; at < 20; at++) {
      const wire = at % 2 ? messagePackWire : jsonWire;
      const client = open.use(await connect(hubwire, { wire }));
      const id = String(at);
      senders.push({ id, wire, client, bytes: Buffer.from(wire.invocation("Echo", ["x".repeat(at)], id)) });
    }
    for (let byte = 0; byte < 200; byte++)
      for (const { client, bytes } of senders) {
        const payload = bytes.subarray(byte, byte + 1);
        if (payload.length === 0) continue;
        client.socket.write(
          Buffer.concat([clientFrame({ first: BINARY, payload }), clientFrame({ first: FIN | 9, payload })]),
        );
      }
    for (const { id, wire, client, bytes } of senders) {
      const answers = (await client.take(bytes.length + 1)).filter((frame) => !isPong(frame));
      assert.deepEqual(answers, [unhandled(wire, "Echo", id)]);
      await roundTrip(client, wire);
      client.drop();
    }
    await bystanders.alone();
  });

  test("requests, an upgrade and frames on one connection harm nobody else", async () => {
    await using hubwire = await TestHubwire.start(PATIENT);
    await using bystanders = await Bystanders.join(hubwire);
    const upgrade =
      `GET /client?hub=chat&access_token=${hubwire.clientToken()} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n` +
      "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    const health = "GET /api/health HTTP/1.1\r\nHost: a\r\n\r\n";
    for (const pieces of [
      [health, upgrade, clientText("{}"), health],
      [upgrade, clientText('{"protocol":"json","version":1}\x1e'), health],
      [upgrade, upgrade, upgrade],
    ]) {
      using connection = await RawConnection.open(hubwire);
      await connection.send(Buffer.concat(pieces.map((piece) => Buffer.from(piece))));
      assert.match(await connection.end(), /^HTTP\/1\.1 (101|200) /);
    }
    await bystanders.alone();
  });
});
