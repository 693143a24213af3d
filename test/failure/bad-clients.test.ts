import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Bystanders, PATIENT } from "../support/bystanders.ts";
import { connectEventStream, EventStream } from "../support/event-stream.ts";
import { beginCall, call, settled } from "../support/http-call.ts";
import { connect, messagePackWire, roundTrip } from "../support/hub-wire.ts";
import { connectLongPolling } from "../support/long-polling.ts";
import { heldBytes } from "../support/memory.ts";
import { bearer, HANDSHAKE, HANDSHAKE_REPLY, negotiate } from "../support/negotiate.ts";
import { RawConnection } from "../support/raw-connection.ts";
import { RawWebSocket } from "../support/raw-web-socket.ts";
import { TestHubwire } from "../support/start-hubwire.ts";

describe("clients that never read", () => {
  const MAX_BUFFERED_BYTES = 1_000_000;
  const MESSAGE = "x".repeat(100_000);

  test("are closed as slow, on every transport, and cost no more than their bound", async () => {
    await using hubwire = await TestHubwire.start({
      ...PATIENT,
      limits: { maxBufferedBytes: MAX_BUFFERED_BYTES },
    });
    await using bystanders = await Bystanders.join(hubwire);
    await bystanders.alone();
    const before = await heldBytes();
    using open = new DisposableStack();
    const slow: string[] = [];
    for (let index = 0; index < 5; index++) {
      for (const options of [{}, { wire: messagePackWire }])
        open.use(await connect(hubwire, { userId: "slow", ...options })).socket.pause();
      const { stream, connectionId } = await connectEventStream(hubwire, { userId: "slow" });
      open.defer(() => stream.abort());
      stream.pause();
      slow.push(connectionId, (await connectLongPolling(hubwire, { userId: "slow" })).connectionId);
    }
    const closedAsSlow = (): number =>
      hubwire.events.filter((event) => event.name === "client.closed" && event.category === "SlowClient")
        .length;
    // What sockets hold beyond our buffers is for the kernel to say: tens of messages.
    for (let sent = 0; closedAsSlow() < 20; sent++) {
      assert.ok(sent < 1_000, `${closedAsSlow()} closed after ${sent} messages`);
      await hubwire.send("users/slow/", "news", [MESSAGE]);
      if (sent % 10 !== 0) continue;
      await bystanders.served();
      const held = (await heldBytes()).own - before.own;
      // Those who poll do not share what waits for them with the others.
      assert.ok(held < 20 * MAX_BUFFERED_BYTES, `${held} bytes`);
    }
    for (const connectionId of slow)
      assert.ok(
        hubwire.events.some((event) => event.name === "client.closed" && event.connectionId === connectionId),
      );
    open.dispose();
    await bystanders.alone();
    const left = (await heldBytes()).own - before.own;
    assert.ok(left < 2 * MAX_BUFFERED_BYTES, `${left} bytes left`);
  });

  test("and get nothing are dropped when their socket has taken nothing for 10 seconds", async () => {
    await using hubwire = await TestHubwire.start(PATIENT);
    await using bystanders = await Bystanders.join(hubwire);
    using client = await connect(hubwire, { userId: "slow" });
    client.socket.pause();
    const { stream } = await connectEventStream(hubwire, { userId: "slow" });
    stream.pause();
    // More than the kernel takes, less than our limit.
    for (let sent = 0; sent < 70; sent++) await hubwire.send("users/slow/", "news", [MESSAGE]);
    hubwire.clock.advance(1_000);
    await bystanders.served();
    hubwire.clock.advance(10_000);
    await bystanders.alone();
    stream.abort();
  });
});

describe("a poll that is abandoned midway", () => {
  test("loses nothing that came after it, for a client that comes back", async () => {
    await using hubwire = await TestHubwire.start(PATIENT);
    await using bystanders = await Bystanders.join(hubwire);
    const { path, connectionId } = await connectLongPolling(hubwire);
    for (let round = 0; round < 10; round++) {
      const poll = await beginCall(hubwire, "GET", path);
      poll.abort();
      await settled(hubwire);
      await hubwire.send(`connections/${connectionId}/`, "news", [round]);
      assert.match((await call(hubwire, "GET", path)).body, new RegExp(`"arguments":\\[${round}\\]`));
    }
    await call(hubwire, "DELETE", path);
    await bystanders.alone();
  });

  test("while its answer is being written ends that answer alone", async () => {
    await using hubwire = await TestHubwire.start(PATIENT);
    await using bystanders = await Bystanders.join(hubwire);
    const { path, connectionId } = await connectLongPolling(hubwire);
    for (let sent = 0; sent < 70; sent++)
      await hubwire.send(`connections/${connectionId}/`, "news", ["x".repeat(100_000)]);
    using poll = await RawConnection.open(hubwire);
    poll.socket.pause();
    await poll.send(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    await settled(hubwire);
    poll.socket.resetAndDestroy();
    await bystanders.served();
    await hubwire.send(`connections/${connectionId}/`, "news", ["later"]);
    assert.match((await call(hubwire, "GET", path)).body, /"arguments":\["later"\]/);
    await call(hubwire, "DELETE", path);
    await bystanders.alone();
  });

  test("for good ends the client after 15 seconds", async () => {
    await using hubwire = await TestHubwire.start(PATIENT);
    await using bystanders = await Bystanders.join(hubwire);
    const { path } = await connectLongPolling(hubwire);
    const poll = await beginCall(hubwire, "GET", path);
    poll.abort();
    await settled(hubwire);
    hubwire.clock.advance(14_000);
    assert.equal(hubwire.node.size.clients, 5);
    hubwire.clock.advance(1_000);
    await bystanders.alone();
    assert.equal((await call(hubwire, "GET", path)).status, 404);
  });
});

describe("connections on one token", () => {
  test("a second one is refused, and the first goes on", async () => {
    await using hubwire = await TestHubwire.start(PATIENT);
    await using bystanders = await Bystanders.join(hubwire);
    const { path } = await negotiate(hubwire);
    using first = await connect(hubwire, { path });
    for (let attempt = 0; attempt < 10; attempt++) {
      using second = await RawWebSocket.open(hubwire, { path });
      assert.equal(second.status, 409);
      const accept = { Accept: "text/event-stream" };
      assert.equal((await call(hubwire, "GET", path, { headers: accept })).status, 400);
      assert.equal((await call(hubwire, "GET", path)).status, 400);
    }
    await roundTrip(first);
    first.close(1000);
    await first.takeToEnd();
    await bystanders.alone();
  });

  test("of many at the same time one wins, whatever its transport", async () => {
    await using hubwire = await TestHubwire.start(PATIENT);
    await using bystanders = await Bystanders.join(hubwire);
    for (let round = 0; round < 10; round++) {
      const { path } = await negotiate(hubwire);
      using open = new DisposableStack();
      const attempts = Array.from({ length: 12 }, async (_, at): Promise<number> => {
        if (at % 2 === 0) {
          const client = open.use(await RawWebSocket.open(hubwire, { path }));
          return client.status === 101 ? 1 : 0;
        }
        const stream = await EventStream.open(hubwire, path).catch(() => undefined);
        if (stream === undefined) return 0;
        open.defer(() => stream.abort());
        return 1;
      });
      const won = (await Promise.all(attempts)).reduce((sum, each) => sum + each);
      assert.equal(won, 1);
    }
    await bystanders.alone();
  });

  test("of two simultaneous first polls both are answered, and the client is served", async () => {
    await using hubwire = await TestHubwire.start(PATIENT);
    await using bystanders = await Bystanders.join(hubwire);
    const { path } = await negotiate(hubwire);
    const polls = Promise.all([call(hubwire, "GET", path), call(hubwire, "GET", path)]);
    await settled(hubwire);
    await call(hubwire, "POST", path, { body: HANDSHAKE });
    assert.deepEqual((await polls).map(({ body }) => body).sort(), ["", HANDSHAKE_REPLY]);
    await call(hubwire, "DELETE", path);
    await bystanders.alone();
  });
});

test("a negotiate that is never followed up, or only by posts, is forgotten after 15 seconds", async () => {
  await using hubwire = await TestHubwire.start(PATIENT);
  await using bystanders = await Bystanders.join(hubwire);
  const silent = await negotiate(hubwire);
  const posting = await negotiate(hubwire, { userId: "ann" });
  for (let post = 0; post < 3; post++)
    assert.equal((await call(hubwire, "POST", posting.path, { body: HANDSHAKE })).status, 200);
  hubwire.clock.advance(14_000);
  assert.equal(hubwire.node.size.connections, 6);
  hubwire.clock.advance(1_000);
  await bystanders.alone();
  for (const { path } of [silent, posting])
    assert.equal((await call(hubwire, "GET", path, { headers: bearer(hubwire.clientToken()) })).status, 404);
});
