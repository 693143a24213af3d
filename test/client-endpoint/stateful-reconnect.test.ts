import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { encode } from "@msgpack/msgpack";
import { call, settled, until } from "../support/http-call.ts";
import {
  type ConnectOptions,
  connect,
  frameOf,
  type HubWire,
  jsonWire,
  leftNothing,
  unhandled,
  whyUnhandled,
  wires,
} from "../support/hub-wire.ts";
import { bearer } from "../support/negotiate.ts";
import { RawWebSocket } from "../support/raw-web-socket.ts";
import { signalrClient } from "../support/signalr-client.ts";
import { SlowLookUp } from "../support/slow-look-up.ts";
import { type ClientTokenOptions, TestHubwire } from "../support/start-hubwire.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";

const CLOSE_BY_REST = "/api/hubs/chat/:closeConnections?api-version=2022-06-01";
const DETAILS = { "asrs.s.derror": "true" };

/** Where a client that was granted stateful reconnect connects, and reconnects. */
async function negotiateStateful(hubwire: TestHubwire, options?: ClientTokenOptions): Promise<string> {
  const url = "/client/negotiate?hub=chat&negotiateVersion=1&useStatefulReconnect=true";
  const { body } = await call(hubwire, "POST", url, { headers: bearer(hubwire.clientToken(options)) });
  const { connectionToken, useStatefulReconnect } = JSON.parse(body) as Record<string, unknown>;
  assert.equal(useStatefulReconnect, true);
  return `/client/?hub=chat&id=${String(connectionToken)}`;
}

/** A client with stateful reconnect that has said its first word. */
async function connectStateful(
  hubwire: TestHubwire,
  options: ConnectOptions & { readonly wire: HubWire },
): Promise<{ client: RawWebSocket; path: string }> {
  const path = await negotiateStateful(hubwire, options);
  const client = await connect(hubwire, { ...options, path, version: 2 });
  client.send(options.wire.ping);
  return { client, path };
}

/** Loses the connection; resolves when the service knows. */
async function drop(hubwire: TestHubwire, client: RawWebSocket): Promise<void> {
  client.drop();
  await settled(hubwire);
}

async function statusOf(hubwire: TestHubwire, path: string): Promise<number> {
  using socket = await RawWebSocket.open(hubwire, { path });
  return socket.status;
}

for (const wire of wires) {
  const { protocol } = wire;
  const id = (name: string): string => (wire === jsonWire ? name : `${name}, R23`);
  const news = (...args: unknown[]): string => frameOf(wire.invocation("news", args));
  const sequence = (sequenceId: number): string => frameOf(wire.sequence(sequenceId));
  const ack = (sequenceId: number): string => frameOf(wire.ack(sequenceId));
  const invoke = (client: RawWebSocket, ...ids: string[]): void => {
    for (const each of ids) client.send(wire.invocation("Echo", [], each));
  };
  const answers = (...ids: string[]): string[] => ids.map((each) => unhandled(wire, "Echo", each));

  describe(`stateful reconnect with ${protocol}`, () => {
    test(`${id("R01")}: what the client sent is acknowledged within a second, once`, async () => {
      await using hubwire = await TestHubwire.start();
      const { client } = await connectStateful(hubwire, { wire });
      using _ = client;
      invoke(client, "1", "2");
      assert.deepEqual(await client.take(2), answers("1", "2"));
      hubwire.clock.advance(1_000);
      assert.equal(await client.next(), ack(2));
      hubwire.clock.advance(5_000);
      invoke(client, "3");
      assert.deepEqual(await client.take(1), answers("3"));
      hubwire.clock.advance(1_000);
      assert.equal(await client.next(), ack(3));
    });

    test(`${id("R02")}: a new socket starts with the sequence and what was not acknowledged`, async () => {
      await using hubwire = await TestHubwire.start();
      const { client, path } = await connectStateful(hubwire, { wire });
      invoke(client, "1", "2");
      await client.take(2);
      client.send(wire.ack(1));
      await settled(hubwire);
      await drop(hubwire, client);
      using again = await RawWebSocket.open(hubwire, { path });
      assert.deepEqual(await again.take(2), [sequence(2), ...answers("2")]);
      await hubwire.event("client.reattached");
      await hubwire.send("", "news", [3]);
      assert.equal(await again.next(), news(3));
    });

    test(`${id("R03")}: a new socket starts with the next sequence where all is acknowledged`, async () => {
      await using hubwire = await TestHubwire.start();
      const { client, path } = await connectStateful(hubwire, { wire });
      invoke(client, "1", "2");
      await client.take(2);
      client.send(wire.ack(2));
      await settled(hubwire);
      await drop(hubwire, client);
      using again = await RawWebSocket.open(hubwire, { path });
      assert.equal(await again.next(), sequence(3));
      await hubwire.send("", "news", [3]);
      assert.equal(await again.next(), news(3));
    });

    for (const [sequenceId, problem] of [
      [100, "InvalidOperationException: Sequence ID greater than amount of messages we've received."],
      [0, "InvalidDataException: Sequence ID is less than 1."],
    ] as const)
      test(`${id("R05")}: a client that goes on from ${sequenceId} is closed for good`, async () => {
        await using hubwire = await TestHubwire.start();
        const { client, path } = await connectStateful(hubwire, { wire, claims: DETAILS });
        using _ = client;
        client.send(wire.sequence(sequenceId));
        assert.deepEqual(await client.takeAll(), [
          frameOf(wire.close(`Connection closed with an error. ${problem}`, true)),
          "close 1000",
        ]);
        assert.equal(await statusOf(hubwire, path), 404);
        await leftNothing(hubwire);
      });

    test(`${id("R06, R07")}: a client may come back for 15 seconds, and not later`, async () => {
      await using hubwire = await TestHubwire.start();
      const { client, path } = await connectStateful(hubwire, { wire });
      await drop(hubwire, client);
      hubwire.clock.advance(14_000);
      using again = await RawWebSocket.open(hubwire, { path });
      assert.equal(await again.next(), sequence(1));
      await drop(hubwire, again);
      hubwire.clock.advance(15_000);
      const { category, reason } = await hubwire.event("client.closed");
      assert.deepEqual([category, reason], ["Normal", "The client did not reconnect in time."]);
      assert.equal(await statusOf(hubwire, path), 404);
      await leftNothing(hubwire);
    });

    test(`${id("R09")}: a client that closes its socket does not come back`, async () => {
      await using hubwire = await TestHubwire.start();
      for (const code of [1000, 1001]) {
        const { client, path } = await connectStateful(hubwire, { wire });
        using _ = client;
        client.close(code);
        assert.deepEqual(await client.takeToEnd(), ["close 1000"]);
        assert.equal(await statusOf(hubwire, path), 404);
      }
      await leftNothing(hubwire);
    });

    test(`${id("R10")}: a client that the service closes, attached or not, does not come back`, async () => {
      await using hubwire = await TestHubwire.start();
      const { client, path } = await connectStateful(hubwire, { wire });
      using _ = client;
      const lost = await connectStateful(hubwire, { wire });
      await drop(hubwire, lost.client);
      await hubwire.rest("POST", CLOSE_BY_REST);
      assert.deepEqual(await client.takeAll(), [frameOf(wire.close(undefined, true)), "close 1000"]);
      assert.equal(await statusOf(hubwire, path), 404);
      assert.equal(await statusOf(hubwire, lost.path), 404);
      await leftNothing(hubwire);
    });

    test(`${id("R11")}: a client that is lost before its handshake may shake hands on a new socket`, async () => {
      await using hubwire = await TestHubwire.start();
      const path = await negotiateStateful(hubwire);
      using client = await RawWebSocket.open(hubwire, { path });
      client.send('{"protocol":');
      await settled(hubwire);
      await drop(hubwire, client);
      using again = await connect(hubwire, { path, wire, version: 2 });
      invoke(again, "1");
      assert.deepEqual(await again.take(1), answers("1"));
    });

    test(`${id("R14")}: a client that acknowledges nothing of more than 100,000 bytes is closed after 5 seconds`, async () => {
      await using hubwire = await TestHubwire.start();
      const { client, path } = await connectStateful(hubwire, { wire });
      using _ = client;
      for (let sent = 0; sent < 11; sent++) await hubwire.send("", "news", ["x".repeat(10_000)]);
      await client.take(11);
      hubwire.clock.advance(5_000);
      await settled(hubwire);
      assert.equal(client.waiting, 0);
      hubwire.clock.advance(1_000);
      assert.deepEqual(await client.takeAll(), [frameOf(wire.close(undefined, true)), "close 1000"]);
      const { category, reason } = await hubwire.event("client.closed");
      assert.deepEqual([category, reason], ["SlowClient", "The client does not acknowledge messages."]);
      assert.equal(await statusOf(hubwire, path), 404);
      await leftNothing(hubwire);
    });

    test(`${id("R15")}: a client that acknowledges stays, however much is on its way`, async () => {
      await using hubwire = await TestHubwire.start();
      const { client } = await connectStateful(hubwire, { wire });
      using _ = client;
      for (let second = 1; second <= 10; second++) {
        for (let sent = 0; sent < 11; sent++) await hubwire.send("", "news", ["x".repeat(10_000)]);
        await client.take(11);
        hubwire.clock.advance(1_000);
        client.send(wire.ack(11 * second));
        await settled(hubwire);
      }
      await hubwire.send("", "news", ["still"]);
      assert.equal(await client.next(), news("still"));
    });

    test(`${id("R17")}: a new socket takes over from one that still lives, at once`, async () => {
      await using hubwire = await TestHubwire.start();
      const { client, path } = await connectStateful(hubwire, { wire });
      using _ = client;
      await hubwire.send("", "news", [1]);
      assert.equal(await client.next(), news(1));
      using again = await RawWebSocket.open(hubwire, { path });
      assert.deepEqual(await again.take(2), [sequence(1), news(1)]);
      assert.deepEqual(await client.takeToEnd(), []);
      await hubwire.send("", "news", [2]);
      assert.equal(await again.next(), news(2));
      using third = await RawWebSocket.open(hubwire, { path });
      assert.deepEqual(await third.take(3), [sequence(1), news(1), news(2)]);
      third.close(1000);
      await third.takeToEnd();
      await leftNothing(hubwire);
    });

    test(`${id("R18")}: messages wait for the client's first word after the handshake, or a second`, async () => {
      await using hubwire = await TestHubwire.start();
      using first = await connect(hubwire, { wire, version: 2, path: await negotiateStateful(hubwire) });
      await hubwire.send("", "news", [1]);
      await settled(hubwire);
      assert.equal(first.waiting, 0);
      first.send(wire.ping);
      assert.equal(await first.next(), news(1));
      using silent = await connect(hubwire, { wire, version: 2, path: await negotiateStateful(hubwire) });
      await hubwire.send("", "news", [2]);
      assert.equal(await first.next(), news(2));
      assert.equal(silent.waiting, 0);
      hubwire.clock.advance(1_000);
      assert.equal(await silent.next(), news(2));
    });

    test(`${id("R18")}: messages that wait for the first word of a client that is lost come after it is back`, async () => {
      await using hubwire = await TestHubwire.start();
      const path = await negotiateStateful(hubwire);
      using client = await connect(hubwire, { wire, version: 2, path });
      await hubwire.send("", "news", [1]);
      await drop(hubwire, client);
      await hubwire.send("", "news", [2]);
      using again = await RawWebSocket.open(hubwire, { path });
      assert.equal(await again.next(), sequence(1));
      again.send(wire.sequence(1));
      assert.deepEqual(await again.take(2), [news(1), news(2)]);
    });

    test(`${id("R19")}: an acknowledgement beyond what was sent stands for all`, async () => {
      await using hubwire = await TestHubwire.start();
      const { client, path } = await connectStateful(hubwire, { wire });
      invoke(client, "1", "2");
      await client.take(2);
      client.send(wire.ack(1_000));
      await settled(hubwire);
      await drop(hubwire, client);
      using again = await RawWebSocket.open(hubwire, { path });
      assert.equal(await again.next(), sequence(3));
      invoke(again, "3");
      assert.deepEqual(await again.take(1), answers("3"));
    });

    test(`${id("R21")}: pings that were due without a socket are not made up for`, async () => {
      await using hubwire = await TestHubwire.start({ timeouts: { keepAliveSeconds: 4, clientSeconds: 5 } });
      const { client, path } = await connectStateful(hubwire, { wire });
      await drop(hubwire, client);
      hubwire.clock.advance(12_000);
      using again = await RawWebSocket.open(hubwire, { path });
      assert.equal(await again.next(), sequence(1));
      hubwire.clock.advance(3_000);
      await hubwire.send("", "news", [1]);
      assert.equal(await again.next(), news(1));
      hubwire.clock.advance(1_000);
      assert.equal(await again.next(), frameOf(wire.ping));
    });

    test(`${id("R22")}: what was sent to whomever without a socket comes with the new one, in order`, async () => {
      await using hubwire = await TestHubwire.start();
      const { client, path } = await connectStateful(hubwire, { wire, userId: "alice" });
      const { connectionId } = await hubwire.event("client.opened");
      await hubwire.send("", "news", [1]);
      await client.take(1);
      await drop(hubwire, client);
      await hubwire.rest("PUT", "/api/hubs/chat/users/alice/groups/g?api-version=2022-06-01");
      await hubwire.send("", "news", [2]);
      await hubwire.send("groups/g/", "news", [3]);
      await hubwire.send("users/alice/", "news", [4]);
      await hubwire.send(`connections/${connectionId}/`, "news", [5]);
      using again = await RawWebSocket.open(hubwire, { path });
      assert.deepEqual(await again.take(6), [sequence(1), ...[1, 2, 3, 4, 5].map((index) => news(index))]);
      again.send(wire.ack(5));
      await settled(hubwire);
      await drop(hubwire, again);
      using third = await RawWebSocket.open(hubwire, { path });
      assert.equal(await third.next(), sequence(6));
    });

    test(`${id("R22")}: messages that a caller framed together are counted one by one`, async () => {
      await using hubwire = await TestHubwire.start();
      const { client, path } = await connectStateful(hubwire, { wire });
      const messages = [1, 2, 3].map((index) => Buffer.from(wire.invocation("news", [index])));
      const { status } = await hubwire.rest("POST", "/api/hubs/chat/:send?api-version=2022-06-01", {
        body: Buffer.from(encode({ [protocol]: Buffer.concat(messages) })),
        headers: { "Content-Type": "application/octet-stream" },
      });
      assert.equal(status, 202);
      await hubwire.send("", "news", [4]);
      await client.take(2);
      client.send(wire.ack(3));
      await settled(hubwire);
      await drop(hubwire, client);
      using again = await RawWebSocket.open(hubwire, { path });
      assert.deepEqual(await again.take(2), [sequence(4), news(4)]);
    });

    test(`${id("R02")}: what a client repeats is not taken twice, and acknowledged again`, async () => {
      await using hubwire = await TestHubwire.start();
      const { client, path } = await connectStateful(hubwire, { wire });
      invoke(client, "1", "2");
      await client.take(2);
      hubwire.clock.advance(1_000);
      assert.equal(await client.next(), ack(2));
      client.send(wire.ack(2));
      await settled(hubwire);
      await drop(hubwire, client);
      using again = await RawWebSocket.open(hubwire, { path });
      assert.equal(await again.next(), sequence(3));
      again.send(wire.sequence(1));
      invoke(again, "1", "2");
      await settled(hubwire);
      hubwire.clock.advance(1_000);
      assert.equal(await again.next(), ack(2));
      invoke(again, "3");
      assert.deepEqual(await again.take(1), answers("3"));
    });

    test(`${id("R02")}: a message that was cut in two by the loss is read whole from the new socket`, async () => {
      await using hubwire = await TestHubwire.start();
      const { client, path } = await connectStateful(hubwire, { wire });
      const message = Buffer.from(wire.invocation("Echo", [], "1"));
      client.send(message.subarray(0, 10));
      await settled(hubwire);
      await drop(hubwire, client);
      using again = await RawWebSocket.open(hubwire, { path });
      assert.equal(await again.next(), sequence(1));
      again.send(wire.sequence(1));
      again.send(message);
      assert.deepEqual(await again.take(1), answers("1"));
    });
  });
}

test("R07: a client that is lost before its handshake is over once, however its times run out", async () => {
  await using hubwire = await TestHubwire.start();
  using client = await RawWebSocket.open(hubwire, { path: await negotiateStateful(hubwire) });
  await settled(hubwire);
  await drop(hubwire, client);
  hubwire.clock.advance(20_000);
  assert.deepEqual(
    hubwire.events.flatMap((event) => (event.name === "client.closed" ? event.category : [])),
    ["HandshakeError"],
  );
  await leftNothing(hubwire);
});

test("R09: a client that shakes hands in version 1 does not come back", async () => {
  await using hubwire = await TestHubwire.start();
  const path = await negotiateStateful(hubwire);
  const client = await connect(hubwire, { path, version: 1 });
  client.drop();
  await hubwire.event("client.closed");
  assert.equal(await statusOf(hubwire, path), 404);
  await leftNothing(hubwire);
});

test("R01: version 2 without the grant is version 1: nothing is acknowledged or held back", async () => {
  await using hubwire = await TestHubwire.start();
  using client = await connect(hubwire, { version: 2 });
  await hubwire.send("", "news", [1]);
  assert.equal(await client.next(), frameOf(jsonWire.invocation("news", [1])));
  client.send(jsonWire.invocation("Echo", [], "1"));
  assert.equal(await client.next(), unhandled(jsonWire, "Echo", "1"));
  hubwire.clock.advance(2_000);
  await settled(hubwire);
  assert.equal(client.waiting, 0);
});

test("R14: a client cannot acknowledge without a socket: its time begins anew when it is back", async () => {
  await using hubwire = await TestHubwire.start();
  const { client, path } = await connectStateful(hubwire, { wire: jsonWire });
  await hubwire.send("", "news", ["x".repeat(110_000)]);
  await client.take(1);
  hubwire.clock.advance(3_000);
  await drop(hubwire, client);
  hubwire.clock.advance(10_000);
  using again = await RawWebSocket.open(hubwire, { path });
  await again.take(2);
  hubwire.clock.advance(5_000);
  again.send(jsonWire.ack(1));
  await settled(hubwire);
  hubwire.clock.advance(5_000);
  await hubwire.send("", "news", ["still"]);
  assert.equal(await again.next(), frameOf(jsonWire.invocation("news", ["still"])));
});

test("R14: a client for which too much waits while it has no socket is closed", async () => {
  await using hubwire = await TestHubwire.start({ limits: { maxBufferedBytes: 100_000 } });
  const { client, path } = await connectStateful(hubwire, { wire: jsonWire });
  await drop(hubwire, client);
  for (let sent = 0; sent < 11; sent++) await hubwire.send("", "news", ["x".repeat(10_000)]);
  assert.equal((await hubwire.event("client.closed")).category, "SlowClient");
  assert.equal(await statusOf(hubwire, path), 404);
  await leftNothing(hubwire);
});

for (const { protocol } of wires)
  describe(`@microsoft/signalr with stateful reconnect and ${protocol} on a network that is cut 8 times`, () => {
    const MESSAGES = Array.from({ length: 160 }, (_, index) => index);

    /** Does something for each message, with the client attached before every 20th and cut off behind every 8th of 20. */
    async function whileCut(
      { proxy, hubwire }: { readonly proxy: TcpProxy; readonly hubwire: TestHubwire },
      each: (index: number) => Promise<void>,
      isSeen: (index: number) => boolean,
    ): Promise<void> {
      for (const index of MESSAGES) {
        await each(index);
        if (index % 20 === 0) await until(() => isSeen(index));
        if (index % 20 === 7) proxy.cut();
      }
      await until(() => isSeen(MESSAGES.length - 1));
      assert.equal(hubwire.events.filter(({ name }) => name === "client.reattached").length, 8);
    }

    test("R18: what waited for the end of the handshake does not come a second time after a cut", async () => {
      using lookUp = new SlowLookUp();
      await using hubwire = await TestHubwire.start();
      await using proxy = await TcpProxy.start(hubwire.url);
      const options = { protocol, statefulReconnect: true, url: proxy.url, userId: "alice" };
      const client = signalrClient(hubwire, options);
      const seen: number[] = [];
      client.on("news", (index: number) => void seen.push(index));
      const started = client.start();
      await lookUp.asked;
      await hubwire.send("", "news", [1]);
      await hubwire.send("", "news", [2]);
      lookUp.answer([]);
      await started;
      await until(() => seen.length === 2);
      proxy.cut();
      await hubwire.event("client.reattached");
      await hubwire.send("", "news", [3]);
      await until(() => seen.at(-1) === 3);
      assert.deepEqual(seen, [1, 2, 3]);
      await client.stop();
      await leftNothing(hubwire);
    });

    test("R18, R22: what is sent by REST, from the end of the handshake on, arrives once and in order", async () => {
      await using hubwire = await TestHubwire.start();
      await using proxy = await TcpProxy.start(hubwire.url);
      const client = signalrClient(hubwire, { protocol, statefulReconnect: true, url: proxy.url });
      const seen: number[] = [];
      client.on("news", (index: number) => void seen.push(index));
      const started = client.start();
      await hubwire.event("client.opened");
      await whileCut(
        { proxy, hubwire },
        (index) => hubwire.send("", "news", [index]),
        (index) => seen.at(-1) === index,
      );
      assert.deepEqual(seen, MESSAGES);
      await started;
      await client.stop();
      await hubwire.event("client.closed");
      await leftNothing(hubwire);
    });

    test("R02: what the client sends arrives once and in order", async () => {
      await using hubwire = await TestHubwire.start();
      await using proxy = await TcpProxy.start(hubwire.url);
      const client = signalrClient(hubwire, { protocol, statefulReconnect: true, url: proxy.url });
      await client.start();
      const seen = (): string[] =>
        hubwire.events.flatMap((event) =>
          event.name === "client.invocation_unhandled" ? [event.target] : [],
        );
      await whileCut(
        { proxy, hubwire },
        async (index) => {
          await client.send(`method${index}`);
          if (index % 5 === 0) hubwire.clock.advance(1_000);
        },
        (index) => seen().at(-1) === `method${index}`,
      );
      // What was taken a second time would be told by now.
      hubwire.clock.advance(10_000);
      assert.deepEqual(
        seen(),
        MESSAGES.map((index) => `method${index}`),
      );
      await client.stop();
      await leftNothing(hubwire);
    });

    test("R02: what it invoked before it was cut off is answered after", async () => {
      await using hubwire = await TestHubwire.start();
      await using proxy = await TcpProxy.start(hubwire.url);
      const client = signalrClient(hubwire, { protocol, statefulReconnect: true, url: proxy.url });
      await client.start();
      for (let cut = 0; cut < 3; cut++) {
        const targets = [`First${cut}`, `Second${cut}`];
        const answers = Promise.allSettled(targets.map((target) => client.invoke(target)));
        await hubwire.event("client.invocation_unhandled", ({ target }) => target === targets[1]);
        proxy.cut();
        assert.deepEqual(
          (await answers).map((answer) => "reason" in answer && String(answer.reason)),
          targets.map((target) => `Error: ${whyUnhandled(target)}`),
        );
      }
      await client.stop();
      await leftNothing(hubwire);
    });
  });
