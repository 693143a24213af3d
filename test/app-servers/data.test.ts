import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { decode } from "@msgpack/msgpack";
import { hubProtocols } from "../../src/protocol/hub-protocols.ts";
import { AppServerPeer } from "../support/app-server-peer.ts";
import { settled } from "../support/http-call.ts";
import {
  frameOf,
  type HubWire,
  jsonWire,
  leftNothing,
  messagePackWire,
  packed,
  wires,
} from "../support/hub-wire.ts";
import { relayedClient } from "../support/relayed-client.ts";
import { closed, received, signalrClient, waysToConnect } from "../support/signalr-client.ts";
import { TestHubwire } from "../support/start-hubwire.ts";

const MANY = 400;
const numbers = Array.from({ length: MANY }, (_, n) => n);

function wireOf(protocol: "json" | "messagepack"): HubWire {
  return protocol === "json" ? jsonWire : messagePackWire;
}

/** Everything that a client has sent, until it is so long. */
async function saidBy(server: AppServerPeer, length: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for (let got = 0; got < length; ) {
    const piece = await server.nextData();
    pieces.push(piece);
    got += piece.length;
  }
  return Buffer.concat(pieces);
}

/** The first arguments of so many invocations of a client. */
async function argumentsFrom(
  server: AppServerPeer,
  protocol: "json" | "messagepack",
  count: number,
): Promise<unknown[]> {
  const codec = hubProtocols[protocol];
  const args: unknown[] = [];
  while (args.length < count) {
    const bytes = await server.nextData();
    for (let at = 0; at < bytes.length; ) {
      const end = codec.findEnd(bytes, at, Infinity);
      const { value = Buffer.of() } = codec.read(bytes, at, end);
      const [first] = (protocol === "json" ? JSON.parse(value.toString()) : decode(value)) as unknown[];
      args.push(first);
      at = end;
    }
  }
  return args;
}

/** A message whose one argument is as long as makes the message so long. */
function messageOf(wire: HubWire, length: number): Buffer {
  const around = Buffer.from(wire.invocation("Echo", ["x".repeat(length)])).length - length;
  const message = Buffer.from(wire.invocation("Echo", ["x".repeat(length - around)]));
  assert.equal(message.length, length);
  return message;
}

for (const way of waysToConnect)
  describe(`messages by ${way.transport} with ${way.protocol}, §5.4`, () => {
    const wire = wireOf(way.protocol);

    test("many keep their order both ways, several in one ConnectionData or one each", async () => {
      await using hubwire = await TestHubwire.start();
      using server = await AppServerPeer.connect(hubwire);
      const client = signalrClient(hubwire, way);
      const [, id] = await Promise.all([client.start(), server.welcome()]);
      const calls = received(client, "n", MANY);
      const sent = Promise.all(numbers.map((n) => client.send("n", n)));
      for (let n = 0; n < MANY; ) {
        const together = numbers.slice(n, n + (n % 7) + 1);
        server.sendData(id, Buffer.concat(together.map((each) => Buffer.from(wire.invocation("n", [each])))));
        n += together.length;
      }
      assert.deepEqual((await calls).flat(), numbers);
      await sent;
      assert.deepEqual(await argumentsFrom(server, way.protocol, MANY), numbers);
      await client.stop();
    });

    for (const bytes of [65_536, 500_000, 5_000_000])
      test(`${bytes} bytes go both ways whole`, async () => {
        await using hubwire = await TestHubwire.start({ limits: { maxRequestBodyBytes: 8_000_000 } });
        using server = await AppServerPeer.connect(hubwire);
        const client = signalrClient(hubwire, way);
        const [, id] = await Promise.all([client.start(), server.welcome()]);
        const text = "ab".repeat(bytes / 2);
        const answer = client.invoke<string>("Echo", text);
        const said = await saidBy(server, bytes);
        assert.ok(said.includes(text));
        const completion =
          way.protocol === "json"
            ? `${JSON.stringify({ type: 3, invocationId: "0", result: text })}\x1e`
            : packed(3, {}, "0", 3, text);
        server.sendData(id, completion);
        assert.equal((await answer) === text, true);
        await client.stop();
      });
  });

for (const wire of wires)
  describe(`a client's messages with ${wire.protocol}`, () => {
    const send = (message: Buffer): string | Buffer => (wire === jsonWire ? message.toString() : message);

    test("may have limits.maxRelayedMessageBytes, and no byte more", async () => {
      await using hubwire = await TestHubwire.start({ limits: { maxRelayedMessageBytes: 2_000 } });
      const server = await AppServerPeer.connect(hubwire);
      using client = await relayedClient(hubwire, server, { wire });
      const largest = messageOf(wire, 2_000);
      client.send(send(largest));
      assert.deepEqual(await server.nextData(), largest);
      client.send(send(messageOf(wire, 2_001)));
      assert.deepEqual(await client.takeAll(), [
        frameOf(wire.close("Connection closed with an error.", true)),
        "close 1000",
      ]);
      assert.deepEqual(
        (await server.heard()).map(({ type }) => type),
        ["closeConnection"],
      );
      await server.leave();
      await leftNothing(hubwire);
    });

    test("in pieces go on when they are whole", async () => {
      await using hubwire = await TestHubwire.start();
      using server = await AppServerPeer.connect(hubwire);
      using client = await relayedClient(hubwire, server, { wire });
      const messages = Buffer.concat([1, 2].map((n) => Buffer.from(wire.invocation("Echo", [n]))));
      const half = messages.length / 2;
      client.send(send(messages.subarray(0, half - 3)));
      await settled(hubwire);
      assert.deepEqual(await server.heard(), []);
      client.send(send(messages.subarray(half - 3, half + 3)));
      assert.deepEqual(await server.nextData(), messages.subarray(0, half));
      client.send(send(messages.subarray(half + 3)));
      assert.deepEqual(await server.nextData(), messages.subarray(half));
    });
  });

describe("an app server's messages", () => {
  test("that come in partial pieces are one message for the client, §3.2", async () => {
    await using hubwire = await TestHubwire.start();
    using server = await AppServerPeer.connect(hubwire);
    using client = await relayedClient(hubwire, server);
    const message = Buffer.from(jsonWire.invocation("whole", ["x".repeat(100)]));
    const piece = (from: number, to: number, isPartial: boolean) =>
      ({
        type: "connectionData",
        connectionId: client.id,
        payload: message.subarray(from, to),
        isPartial,
        dataType: 2,
      }) as const;
    server.send(piece(0, 10, true), piece(10, 10, true), piece(10, 50, true));
    await server.settled();
    assert.equal(client.waiting, 0);
    server.send(piece(50, message.length, false));
    server.sendData(client.id, jsonWire.ping);
    assert.deepEqual(await client.take(2), [frameOf(message.toString()), frameOf(jsonWire.ping)]);
  });

  test("whose pieces have no end close the client at limits.maxServiceMessageBytes", async () => {
    await using hubwire = await TestHubwire.start({ limits: { maxServiceMessageBytes: 4_096 } });
    const server = await AppServerPeer.connect(hubwire);
    using client = await relayedClient(hubwire, server);
    const part = { type: "connectionData", connectionId: client.id, isPartial: true } as const;
    const payload = Buffer.alloc(2_048, "x");
    server.send({ ...part, payload }, { ...part, payload });
    assert.deepEqual(await server.heard(), []);
    server.send({ ...part, payload: Buffer.of(0) });
    assert.deepEqual(await client.takeAll(), [frameOf(jsonWire.close(undefined, true)), "close 1000"]);
    assert.equal((await server.next("closeConnection")).connectionId, client.id);
    await server.leave();
    await leftNothing(hubwire);
  });

  test("for a client that is unknown, gone, or another's are dropped", async () => {
    await using hubwire = await TestHubwire.start();
    using server = await AppServerPeer.connect(hubwire);
    using another = await AppServerPeer.connect(hubwire);
    using client = await relayedClient(hubwire, server);
    for (const id of ["unknown", "", client.id]) another.sendData(id, jsonWire.invocation("forged", []));
    assert.deepEqual(await another.heard(), []);
    server.sendData(client.id, jsonWire.ping);
    assert.equal(await client.next(), frameOf(jsonWire.ping));
  });
});

describe("back-pressure, §5.4", () => {
  const MEGABYTE = 1_000_000;

  test("clients of an app server that does not read are read no further, and nothing is lost when it reads again", async () => {
    await using hubwire = await TestHubwire.start({ limits: { maxServerBufferedBytes: 16 * MEGABYTE } });
    using slow = await AppServerPeer.connect(hubwire, { serverId: "slow" });
    using client = await relayedClient(hubwire, slow);
    using fast = await AppServerPeer.connect(hubwire, { serverId: "fast" });
    using other = await relayedClient(hubwire, fast);
    slow.socket.pause();
    const COUNT = 64;
    const messages = Array.from({ length: COUNT }, (_, n) =>
      jsonWire.invocation(`m${n}`, ["x".repeat(MEGABYTE)]),
    );
    for (const message of messages) client.send(message);
    for (let round = 0; round < 50; round++) {
      other.send(jsonWire.invocation("Echo", [round]));
      assert.equal(String(await fast.nextData()), jsonWire.invocation("Echo", [round]));
    }
    assert.ok(client.socket.writableLength > 10 * MEGABYTE, "most is still at the client");
    slow.socket.resume();
    const said = await saidBy(slow, messages.join("").length);
    assert.ok(said.equals(Buffer.from(messages.join(""))));
    assert.equal(
      hubwire.events.some(({ name }) => name === "server.disconnected"),
      false,
    );
    slow.sendData(client.id, jsonWire.ping);
    assert.equal(await client.next(), frameOf(jsonWire.ping));
  });

  test("an app server for which more waits than limits.maxServerBufferedBytes is dropped, its clients may reconnect", async () => {
    await using hubwire = await TestHubwire.start({ limits: { maxServerBufferedBytes: MEGABYTE } });
    using slow = await AppServerPeer.connect(hubwire);
    const client = signalrClient(hubwire);
    await Promise.all([client.start(), slow.welcome()]);
    const end = closed(client);
    slow.socket.pause();
    await Promise.all([end, client.send("Echo", "x".repeat(12 * MEGABYTE))]);
    const { reason } = await hubwire.event("server.disconnected");
    assert.match(reason, /^The app server is too slow: more than 1000000 bytes wait for it/);
    assert.equal((await hubwire.event("client.closed")).category, "ServerConnectionClosed");
    slow.kill();
    await leftNothing(hubwire);
  });

  test("an app server that takes nothing for 10 s is dropped", async () => {
    await using hubwire = await TestHubwire.start();
    using slow = await AppServerPeer.connect(hubwire);
    using client = await relayedClient(hubwire, slow);
    slow.socket.pause();
    const message = jsonWire.invocation("Echo", ["x".repeat(12 * MEGABYTE)]);
    client.send(message);
    await settled(hubwire);
    hubwire.clock.advance(1_000);
    slow.sendBytes(Buffer.from("029103", "hex")); // it speaks, but does not read
    await settled(hubwire);
    hubwire.clock.advance(12_000);
    assert.equal(
      (await hubwire.event("server.disconnected")).reason,
      "The app server read nothing for 10 s.",
    );
    assert.equal(await client.next(), frameOf(jsonWire.close(undefined, true)));
    client.drop();
    slow.kill();
    await leftNothing(hubwire);
  });
});
