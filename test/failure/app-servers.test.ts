import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { encodeServiceMessage } from "../../src/protocol/service-protocol.ts";
import { AppServerPeer } from "../support/app-server-peer.ts";
import { settled } from "../support/http-call.ts";
import { frameOf, jsonWire, leftNothing } from "../support/hub-wire.ts";
import { HANDSHAKE } from "../support/negotiate.ts";
import { RawWebSocket } from "../support/raw-web-socket.ts";
import { type RelayedClient, relayedClient } from "../support/relayed-client.ts";
import { serviceGoldenRows } from "../support/service-golden.ts";
import { received, signalrClient } from "../support/signalr-client.ts";
import { TestHubwire } from "../support/start-hubwire.ts";

const HARMED: readonly string[] = ["server.failed", "client.failed", "rest.failed", "store.failed"];
/** Of a connection in the hub `bad`, whatever it does. */
const BAD = { hub: "bad", serverId: "bad" };

/** An app server of the hub `chat` and its client, who must not notice what happens in another hub. */
class Witnesses implements AsyncDisposable {
  readonly #hubwire: TestHubwire;
  readonly #server: AppServerPeer;
  readonly #client: RelayedClient;
  #count = 0;

  private constructor(hubwire: TestHubwire, server: AppServerPeer, client: RelayedClient) {
    this.#hubwire = hubwire;
    this.#server = server;
    this.#client = client;
  }

  static async call(hubwire: TestHubwire): Promise<Witnesses> {
    const server = await AppServerPeer.connect(hubwire);
    return new Witnesses(hubwire, server, await relayedClient(hubwire, server, { userId: "witness" }));
  }

  /** Asserts that both are served as ever and have heard nothing else. */
  async served(): Promise<void> {
    const message = jsonWire.invocation("Echo", [++this.#count]);
    this.#client.send(message);
    assert.equal(String(await this.#server.nextData()), message);
    this.#server.sendData(this.#client.id, message);
    assert.equal(await this.#client.next(), frameOf(message));
    assert.deepEqual(await this.#server.heard(), []);
  }

  /** As `served`, and that nothing of others is left, nor was any fault of the service. */
  async alone(): Promise<void> {
    await this.served();
    await settled(this.#hubwire);
    this.#hubwire.clock.advance(1_000);
    const { clients, sessions, serverConnections, serverInvocations, groups } = this.#hubwire.node.size;
    assert.deepEqual([clients, sessions, serverConnections, serverInvocations, groups], [1, 1, 1, 0, 0]);
    assert.deepEqual(
      this.#hubwire.events.filter(({ name }) => HARMED.includes(name)),
      [],
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.drop();
    await this.#server.leave();
    await leftNothing(this.#hubwire);
  }
}

describe("an app server that sends what is no message", () => {
  for (const [what, bytes] of [
    ["garbage", Buffer.from([7, 0xc1, 1, 2, 3, 4, 5, 6])],
    ["a length that is none", Buffer.alloc(6, 0xff)],
    ["a message without its parts", Buffer.from("029106", "hex")],
    ["a message with parts of other kinds", Buffer.from("0494060102c0", "hex")],
    ["an array without a type", Buffer.from("0190", "hex")],
    ["nothing in a frame", Buffer.from("00", "hex")],
  ] as const)
    test(`${what} is told so and ended; its clients may reconnect`, async () => {
      await using hubwire = await TestHubwire.start();
      await using witnesses = await Witnesses.call(hubwire);
      const server = await AppServerPeer.connect(hubwire, BAD);
      using client = await relayedClient(hubwire, server, { hub: "bad" });
      server.sendBytes(bytes);
      assert.deepEqual(await client.takeAll(), [frameOf(jsonWire.close(undefined, true)), "close 1000"]);
      assert.notEqual((await server.next("serviceError")).message, "");
      await server.ended();
      await witnesses.alone();
    });

  test("a message of 100 MB is refused as soon as its length is read", async () => {
    await using hubwire = await TestHubwire.start();
    await using witnesses = await Witnesses.call(hubwire);
    const server = await AppServerPeer.connect(hubwire, BAD);
    server.sendBytes(Buffer.from("80c2d72f", "hex"));
    assert.match((await server.next("serviceError")).message, /maximum message size of 67108864B/);
    await server.ended();
    await witnesses.alone();
  });
});

describe("an app server that sends what is nobody's business", () => {
  test("unknown types, and what only the service sends: told once each, and passed over", async () => {
    await using hubwire = await TestHubwire.start();
    await using witnesses = await Witnesses.call(hubwire);
    const server = await AppServerPeer.connect(hubwire, BAD);
    for (let time = 0; time < 3; time++) {
      server.sendBytes(Buffer.concat([Buffer.from("029163", "hex"), Buffer.from("0391cc99", "hex")]));
      server.sendBytes(encodeServiceMessage({ type: "ack", ackId: 1, status: 1, message: "" }));
      server.sendBytes(encodeServiceMessage({ type: "serviceError", message: "no" }));
      server.send({ type: "connectionFlowControl", connectionId: "x", connectionType: 1, operation: 2 });
    }
    assert.deepEqual(await server.heard(), []);
    const told = hubwire.events.flatMap((event) =>
      event.name === "server.message_dropped" ? event.reason : [],
    );
    assert.deepEqual(told, [
      "Messages of type 99 are not known.",
      "Messages of type 153 are not known.",
      "A message 'ack' is not for the service.",
      "A message 'serviceError' is not for the service.",
    ]);
    await server.leave();
    await witnesses.alone();
  });

  test("however many types it makes up, the log does not grow", async () => {
    await using hubwire = await TestHubwire.start();
    using server = await AppServerPeer.connect(hubwire, BAD);
    for (let type = 100; type < 200; type++) server.sendBytes(Buffer.from([3, 0x91, 0xcc, type]));
    assert.deepEqual(await server.heard(), []);
    assert.equal(hubwire.events.filter(({ name }) => name === "server.message_dropped").length, 16);
  });

  test("messages for clients that nobody knows, and answers that nobody waits for", async () => {
    await using hubwire = await TestHubwire.start();
    await using witnesses = await Witnesses.call(hubwire);
    const server = await AppServerPeer.connect(hubwire, BAD);
    const ids = { invocationId: "i", connectionId: "c", callerServerId: "server1" };
    server.sendData("c", jsonWire.ping);
    server.send(
      { type: "closeConnection", connectionId: "c", error: "", headers: [] },
      { type: "clientCompletion", ...ids, protocol: "json", payload: Buffer.of(1) },
      { type: "errorCompletion", ...ids, error: "no" },
      { type: "joinGroup", connectionId: "c", group: "g" },
      { type: "userLeaveGroup", userId: "u", group: null },
    );
    assert.deepEqual(await server.heard(), []);
    await server.leave();
    await witnesses.alone();
  });
});

test("an app server that asks for more and more and reads nothing is dropped", async () => {
  await using hubwire = await TestHubwire.start({ limits: { maxServerBufferedBytes: 1_000_000 } });
  await using witnesses = await Witnesses.call(hubwire);
  using server = await AppServerPeer.connect(hubwire, BAD);
  server.socket.pause();
  for (let time = 0; time < 40; time++) server.send({ type: "ping", pairs: [["echo", "x".repeat(500_000)]] });
  assert.match((await hubwire.event("server.disconnected")).reason, /^The app server is too slow/);
  server.kill();
  await witnesses.alone();
});

describe("a server connection that is cut", () => {
  const message = encodeServiceMessage({ type: "checkGroupExistence", group: "g".repeat(100), ackId: 1 });
  for (const bytes of [1, 2, 50])
    test(`after ${bytes} bytes of a message`, async () => {
      await using hubwire = await TestHubwire.start();
      await using witnesses = await Witnesses.call(hubwire);
      const server = await AppServerPeer.connect(hubwire, BAD);
      using client = await relayedClient(hubwire, server, { hub: "bad" });
      server.sendBytes(message.subarray(0, bytes));
      await settled(hubwire);
      server.kill();
      assert.equal(await client.next(), frameOf(jsonWire.close(undefined, true)));
      client.drop();
      await server.ended();
      await witnesses.alone();
    });

  test("while a client's handshake is answered, and while a client is asked", async () => {
    await using hubwire = await TestHubwire.start();
    await using witnesses = await Witnesses.call(hubwire);
    const server = await AppServerPeer.connect(hubwire, BAD);
    using client = await relayedClient(hubwire, server, { hub: "bad" });
    using newcomer = await RawWebSocket.open(hubwire, { hub: "bad" });
    newcomer.send(HANDSHAKE);
    const { connectionId } = await server.next("openConnection");
    server.sendData(connectionId, "{");
    server.send({
      type: "clientInvocation",
      invocationId: "i",
      connectionId: client.id,
      callerServerId: "bad",
      payload: [["json", Buffer.from(jsonWire.invocation("Ask", [], "i"))]],
    });
    assert.equal(await client.next(), frameOf(jsonWire.invocation("Ask", [], "i")));
    server.kill();
    assert.equal(await client.next(), frameOf(jsonWire.close(undefined, true)));
    assert.deepEqual(await newcomer.takeAll(), [
      'text {"error":"Handshake was canceled."}\x1e',
      "close 1000",
    ]);
    client.drop();
    await server.ended();
    hubwire.clock.advance(20);
    await witnesses.alone();
  });
});

test("all app servers of a hub go and come back, again and again: its clients reconnect and are served", async () => {
  await using hubwire = await TestHubwire.start();
  await using witnesses = await Witnesses.call(hubwire);
  let server = await AppServerPeer.connect(hubwire, BAD);
  const client = signalrClient(hubwire, { hub: "bad", automaticReconnect: true });
  await Promise.all([client.start(), server.welcome()]);
  for (let round = 0; round < 5; round++) {
    const back = new Promise((resolve) => client.onreconnected(resolve));
    const next = await AppServerPeer.connect(hubwire, { ...BAD, serverId: `bad-${round}` });
    server.kill();
    await server.ended();
    server = next;
    const id = await server.welcome();
    await back;
    const heard = received(client, "news", 1);
    server.sendData(id, jsonWire.invocation("news", [round]));
    assert.deepEqual(await heard, [[round]]);
    await witnesses.served();
  }
  await client.stop();
  await server.leave();
  await witnesses.alone();
});

test("random bytes, and messages with random changes, harm nobody in another hub", async () => {
  await using hubwire = await TestHubwire.start();
  await using witnesses = await Witnesses.call(hubwire);
  const rows = serviceGoldenRows().map(({ bytes }) => bytes);
  const mutated = fc
    .tuple(fc.constantFrom(...rows), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 }))
    .map(([row, edits]) => {
      const bytes = Buffer.from(row);
      for (const [at, byte] of edits) bytes[at % bytes.length] = byte;
      return bytes;
    });
  const random = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
  const sent = fc.array(fc.oneof({ weight: 9, arbitrary: mutated }, random), { minLength: 1, maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(sent, fc.boolean(), async (messages, isPolite) => {
      const server = await AppServerPeer.connect(hubwire, BAD);
      server.sendBytes(Buffer.concat(messages));
      if (isPolite) await server.leave();
      else server.kill();
      await server.ended();
    }),
    { numRuns: 300 },
  );
  hubwire.clock.advance(100);
  await witnesses.alone();
});
