import assert from "node:assert/strict";
import diagnostics from "node:diagnostics_channel";
import type { IncomingMessage } from "node:http";
import { describe, test } from "node:test";
import { connectEventStream, EventStream } from "../support/event-stream.ts";
import { Call, call, emptied, settled, UPGRADE } from "../support/http-call.ts";
import { bearer, HANDSHAKE, HANDSHAKE_REPLY, negotiate } from "../support/negotiate.ts";
import { signalrClient } from "../support/signalr-client.ts";
import { TestHubwire } from "../support/start-hubwire.ts";

const ACCEPT = { Accept: "text/event-stream" };
const PING = '{"type":6}\x1e';
const CLOSE_AND_RECONNECT = 'data: {"type":7,"allowReconnect":true}\x1e';

function news(...args: unknown[]): string {
  return `data: ${JSON.stringify({ type: 1, target: "news", arguments: args })}\x1e`;
}

describe("event streams", () => {
  test("S01: the stream begins at once with a comment, cannot be cached, compressed or held back", async () => {
    await using hubwire = await TestHubwire.start();
    const { path } = await negotiate(hubwire);
    const { headers } = await EventStream.open(hubwire, path);
    assert.equal(headers["content-type"], "text/event-stream");
    assert.equal(headers["cache-control"], "no-cache,no-store");
    assert.equal(headers["pragma"], "no-cache");
    assert.equal(headers["content-encoding"], "identity");
    assert.equal(headers["transfer-encoding"], "chunked");
    assert.equal(headers["x-accel-buffering"], "no");
  });

  test("S02: no id gets 400, an unknown one 404", async () => {
    await using hubwire = await TestHubwire.start();
    for (const [query, status, body] of [
      ["", 400, "Connection ID required"],
      ["&id=", 400, "Connection ID required"],
      ["&id=nobody", 404, "No Connection with that ID"],
    ] as const) {
      const answer = await call(hubwire, "GET", `/client/?hub=chat${query}`, { headers: ACCEPT });
      assert.deepEqual([answer.status, answer.body], [status, body]);
      assert.equal(answer.headers["content-type"], "text/plain");
    }
  });

  test("S03: `text/event-stream` may stand anywhere in `Accept`, in any letter case", async () => {
    await using hubwire = await TestHubwire.start();
    for (const accept of [
      "text/event-stream, */*",
      "application/json, text/event-stream",
      "Text/Event-Stream",
    ]) {
      const { path } = await negotiate(hubwire);
      const { headers } = await EventStream.open(hubwire, path, { Accept: accept });
      assert.equal(headers["content-type"], "text/event-stream");
    }
  });

  test("a WebSocket request that accepts an event stream gets one", async () => {
    await using hubwire = await TestHubwire.start();
    const { path } = await negotiate(hubwire);
    const { headers } = await EventStream.open(hubwire, path, UPGRADE);
    assert.equal(headers["content-type"], "text/event-stream");
  });

  test("S05: the posted handshake is answered 200, and with an event", async () => {
    await using hubwire = await TestHubwire.start();
    const { path, connectionId } = await negotiate(hubwire);
    const stream = await EventStream.open(hubwire, path);
    const answer = await call(hubwire, "POST", path, { body: HANDSHAKE });
    assert.deepEqual(
      [answer.status, answer.body, answer.headers["content-type"], answer.headers["content-length"]],
      [200, "", "text/plain", "0"],
    );
    assert.equal(await stream.next(), `data: ${HANDSHAKE_REPLY}`);
    const opened = await hubwire.event("client.opened");
    assert.deepEqual([opened.connectionId, opened.transport], [connectionId, "ServerSentEvents"]);
  });

  test("S06: a connection has one stream, and nothing else", async () => {
    await using hubwire = await TestHubwire.start();
    const { path, stream } = await connectEventStream(hubwire);
    const answers = [
      await call(hubwire, "GET", path, { headers: ACCEPT }),
      await call(hubwire, "GET", path),
      await call(hubwire, "GET", path, { headers: UPGRADE }),
      await call(hubwire, "DELETE", path),
    ];
    assert.deepEqual(
      answers.map(({ status, body }) => [status, body]),
      [
        [409, ""],
        [400, "Cannot change transports mid-connection"],
        [400, "Cannot change transports mid-connection"],
        [400, "Cannot terminate this connection using the DELETE endpoint."],
      ],
    );
    await hubwire.send("", "news", [1]);
    assert.equal(await stream.next(), news(1));
  });

  test("S06: of two simultaneous streams, or a stream and a poll, one is refused", async () => {
    await using hubwire = await TestHubwire.start();
    for (const [headers, refusal] of [
      [ACCEPT, 409],
      [{}, 400],
    ] as const) {
      const { path } = await negotiate(hubwire);
      const calls = [ACCEPT, headers].map((each) => new Call(hubwire, "GET", path, { headers: each }));
      const statuses = await Promise.all(calls.map(async ({ response }) => (await response).statusCode));
      assert.ok(statuses.includes(200) && statuses.includes(refusal), String(statuses));
      for (const each of calls) each.abort();
    }
    hubwire.clock.advance(15_000);
    await emptied(hubwire);
  });

  test("S07: each line of a payload is a line of its event", async () => {
    await using hubwire = await TestHubwire.start();
    const { stream } = await connectEventStream(hubwire);
    await hubwire.rest("POST", "/api/hubs/chat/:send?api-version=2022-06-01", {
      body: '{"target":"news","arguments":[1,\n2,\r\n3,\r4,\n\n5]}',
      headers: { "Content-Type": "application/json" },
    });
    assert.equal(
      await stream.next(),
      'data: {"type":1,"target":"news","arguments":[1,\r\ndata: 2,\r\ndata: 3,\r\ndata: 4,\r\ndata: \r\ndata: 5]}\x1e',
    );
  });

  test("S09: who drops the stream is gone: posts get 404", async () => {
    await using hubwire = await TestHubwire.start();
    const { path, stream, connectionId } = await connectEventStream(hubwire);
    stream.abort();
    const closed = await hubwire.event("client.closed");
    assert.deepEqual(
      [closed.connectionId, closed.reason],
      [connectionId, "The client left its event stream."],
    );
    const { status, body } = await call(hubwire, "POST", path, { body: PING });
    assert.deepEqual([status, body], [404, "No Connection with that ID"]);
    await emptied(hubwire);
  });

  test("S09: who drops the stream before the handshake is gone as well", async () => {
    await using hubwire = await TestHubwire.start();
    const { path } = await negotiate(hubwire);
    const stream = await EventStream.open(hubwire, path);
    stream.abort();
    await emptied(hubwire);
  });

  test("S10: a client that the service closes gets its Close message, then the stream ends, and posts get 404", async () => {
    await using hubwire = await TestHubwire.start();
    const { path, stream, connectionId } = await connectEventStream(hubwire);
    await hubwire.rest("DELETE", `/api/hubs/chat/connections/${connectionId}?api-version=2022-06-01`);
    assert.equal(await stream.next(), CLOSE_AND_RECONNECT);
    assert.equal(await stream.ended, "");
    assert.equal((await call(hubwire, "POST", path, { body: PING })).status, 404);
    await emptied(hubwire);
  });

  test("S10: a client that sends Close gets one back, and the stream ends", async () => {
    await using hubwire = await TestHubwire.start();
    const { path, stream } = await connectEventStream(hubwire);
    assert.equal((await call(hubwire, "POST", path, { body: '{"type":7}\x1e' })).status, 200);
    assert.equal(await stream.next(), 'data: {"type":7}\x1e');
    assert.equal(await stream.ended, "");
    await emptied(hubwire);
  });

  test("S11: messagepack is refused in the handshake, and the stream ends", async () => {
    await using hubwire = await TestHubwire.start();
    const { path } = await negotiate(hubwire);
    const stream = await EventStream.open(hubwire, path);
    await call(hubwire, "POST", path, { body: '{"protocol":"messagepack","version":1}\x1e' });
    assert.equal(
      await stream.next(),
      `data: {"error":"Cannot use the 'messagepack' protocol on the current transport. The transport does not support 'Binary' transfer format."}\x1e`,
    );
    assert.equal(await stream.ended, "");
    await emptied(hubwire);
  });

  test("who never sends a handshake is told so after 15 seconds, or those of its token, and gone", async () => {
    await using hubwire = await TestHubwire.start();
    const open = async (claims: Record<string, unknown>): Promise<EventStream> =>
      EventStream.open(hubwire, (await negotiate(hubwire, { claims })).path);
    const usual = await open({});
    const hurried = await open({ "asrs.s.cht": 5 });
    for (const stream of [hurried, usual]) {
      hubwire.clock.advance(stream === hurried ? 5_000 : 10_000);
      assert.equal(await stream.next(), 'data: {"error":"Handshake was canceled."}\x1e');
      assert.equal(await stream.ended, "");
    }
    await emptied(hubwire);
  });

  test("S19: a silent client stays, and gets a ping every 15 seconds", async () => {
    await using hubwire = await TestHubwire.start();
    const { stream } = await connectEventStream(hubwire);
    for (let count = 0; count < 3; count++) {
      hubwire.clock.advance(14_000);
      await hubwire.send("", "news", [count]);
      assert.equal(await stream.next(), news(count));
      hubwire.clock.advance(1_000);
      assert.equal(await stream.next(), `data: ${PING}`);
    }
    assert.equal(hubwire.node.size.clients, 1);
  });

  test("a client that has pinged and then falls silent is closed after 30 seconds", async () => {
    await using hubwire = await TestHubwire.start();
    const { path, stream } = await connectEventStream(hubwire);
    await call(hubwire, "POST", path, { body: PING });
    hubwire.clock.advance(30_000);
    assert.equal(hubwire.node.size.clients, 1);
    hubwire.clock.advance(1_000);
    assert.equal(
      (await stream.ended).split("data: ").at(-1),
      '{"type":7,"error":"Connection closed with an error.","allowReconnect":true}\x1e\r\n\r\n',
    );
    await emptied(hubwire);
  });

  test("S21: Microsoft's client in Node sends its token in the query of the stream, and in the header of posts", async () => {
    await using hubwire = await TestHubwire.start();
    const requests: IncomingMessage[] = [];
    const watch = (message: unknown): void => {
      requests.push((message as { request: IncomingMessage }).request);
    };
    const client = signalrClient(hubwire, { transport: "ServerSentEvents", userId: "ann" });
    diagnostics.subscribe("http.server.request.start", watch);
    await client.start();
    diagnostics.unsubscribe("http.server.request.start", watch);
    const carriers = requests.map(({ method, url = "", headers }) => [
      `${method} ${new URL(url, hubwire.url).pathname}`,
      headers.authorization?.split(" ")[0],
      new URL(url, hubwire.url).searchParams.has("access_token"),
    ]);
    assert.deepEqual(carriers.slice(0, 3), [
      ["POST /client/negotiate", "Bearer", false],
      ["GET /client/", undefined, true],
      ["POST /client/", "Bearer", false],
    ]);
    assert.equal((await hubwire.event("client.opened")).userId, "ann");
    await client.stop();
    await emptied(hubwire);
  });

  test("a version 0 connection opens its stream with the token in the query", async () => {
    await using hubwire = await TestHubwire.start();
    const { path } = await negotiate(hubwire, { version: 0, userId: "ann" });
    const token = hubwire.clientToken({ userId: "ann" });
    await EventStream.open(hubwire, `${path}&access_token=${token}`);
    assert.equal(
      (await call(hubwire, "POST", path, { body: HANDSHAKE, headers: bearer(token) })).status,
      200,
    );
    assert.equal((await hubwire.event("client.opened")).userId, "ann");
  });
});

describe("a slow client's stream", () => {
  const megabyte = "x".repeat(900_000);

  test("is closed when more waits than may, and no one else's", async () => {
    await using hubwire = await TestHubwire.start({ limits: { maxBufferedBytes: 1_000_000 } });
    const slow = await connectEventStream(hubwire, { userId: "slow" });
    const other = await connectEventStream(hubwire);
    slow.stream.pause();
    const closed = hubwire.event("client.closed");
    for (let sent = 0; hubwire.node.size.clients === 2 && sent < 50; sent++) {
      await hubwire.send("users/slow/", "news", [megabyte]);
      await settled(hubwire);
    }
    const { connectionId, category, reason } = await closed;
    assert.deepEqual(
      [connectionId, category, reason],
      [slow.connectionId, "SlowClient", "The client is too slow: more than 1000000 bytes wait for it."],
    );
    await hubwire.send("", "news", [1]);
    assert.equal(await other.stream.next(), news(1));
    other.stream.abort();
    await emptied(hubwire);
  });

  test("is closed after 10 seconds in which it takes nothing", async () => {
    await using hubwire = await TestHubwire.start({ limits: { maxBufferedBytes: 1_000_000_000 } });
    const { stream } = await connectEventStream(hubwire);
    stream.pause();
    for (let sent = 0; sent < 20; sent++) await hubwire.send("", "news", [megabyte]);
    hubwire.clock.advance(1_000);
    hubwire.clock.advance(9_000);
    assert.equal(hubwire.node.size.clients, 1);
    hubwire.clock.advance(1_000);
    await emptied(hubwire);
    assert.equal((await hubwire.event("client.closed")).category, "SlowClient");
  });

  test("goes on for as long as it takes something, although there is always more", async () => {
    await using hubwire = await TestHubwire.start({ limits: { maxBufferedBytes: 1_000_000_000 } });
    const { stream } = await connectEventStream(hubwire);
    stream.pause();
    for (let sent = 0; sent < 18; sent++) await hubwire.send("", "news", [megabyte]);
    for (let round = 0; round < 4; round++) {
      hubwire.clock.advance(4_000);
      for (let sent = 0; sent < 9; sent++) await hubwire.send("", "news", [megabyte]);
      await stream.take(9 * megabyte.length);
      stream.pause();
      await settled(hubwire);
    }
    assert.equal(hubwire.node.size.clients, 1);
    stream.abort();
    await emptied(hubwire);
  });
});
