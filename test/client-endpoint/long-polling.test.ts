import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Answer, beginCall, call, emptied, settled, UPGRADE } from "../support/http-call.ts";
import { connectLongPolling } from "../support/long-polling.ts";
import { HANDSHAKE, HANDSHAKE_REPLY, negotiate } from "../support/negotiate.ts";
import { TestHubwire } from "../support/start-hubwire.ts";

const NO_CACHE = {
  "cache-control": "no-cache, no-store",
  pragma: "no-cache",
  expires: "Thu, 01 Jan 1970 00:00:00 GMT",
};
const ECHO = '{"type":1,"target":"Echo","invocationId":"1","arguments":[1]}\x1e';
const PING = '{"type":6}\x1e';

/** What must be true of an answer, in one value. */
function seen({ status, body, headers }: Answer): readonly unknown[] {
  return [status, body, headers["content-type"], headers["content-length"]];
}

const QUIET = [200, "", "text/plain", "0"];
const OVER = [204, "", "text/plain", undefined];
const UNKNOWN = [404, "No Connection with that ID", "text/plain", "26"];

function data(body: string): readonly unknown[] {
  return [200, body, "application/octet-stream", String(Buffer.byteLength(body))];
}

function news(...args: unknown[]): string {
  return `${JSON.stringify({ type: 1, target: "news", arguments: args })}\x1e`;
}

describe("polls", () => {
  test("L01: the first poll is answered at once, with nothing, and may not be cached", async () => {
    await using hubwire = await TestHubwire.start();
    const { path } = await negotiate(hubwire);
    const answer = await call(hubwire, "GET", path);
    assert.deepEqual(seen(answer), data(""));
    for (const [name, value] of Object.entries(NO_CACHE)) assert.equal(answer.headers[name], value);
  });

  test("L02: the reply to the posted handshake comes with a poll, before it or while it waits", async () => {
    await using hubwire = await TestHubwire.start();
    const before = await negotiate(hubwire);
    await call(hubwire, "GET", before.path);
    assert.equal((await call(hubwire, "POST", before.path, { body: HANDSHAKE })).status, 200);
    assert.deepEqual(seen(await call(hubwire, "GET", before.path)), data(HANDSHAKE_REPLY));
    const after = await negotiate(hubwire);
    await call(hubwire, "GET", after.path);
    const poll = await beginCall(hubwire, "GET", after.path);
    await call(hubwire, "POST", after.path, { body: HANDSHAKE });
    assert.deepEqual(seen(await poll.answer), data(HANDSHAKE_REPLY));
  });

  test("L03: what came between polls is in the next one, whole and in order", async () => {
    await using hubwire = await TestHubwire.start();
    const { path } = await connectLongPolling(hubwire);
    await call(hubwire, "POST", path, { body: ECHO });
    await hubwire.send("", "news", [1]);
    await hubwire.send("", "news", [2]);
    const answer = await call(hubwire, "GET", path);
    const [reply = "", ...rest] = answer.body.split("\x1e");
    assert.deepEqual(seen(answer), data(answer.body));
    assert.match(reply, /^{"type":3,"invocationId":"1","error":"Failed to invoke 'Echo'/);
    assert.deepEqual(rest.join("\x1e"), news(1) + news(2));
  });

  test("L03: messagepack comes as it is", async () => {
    await using hubwire = await TestHubwire.start();
    const { path } = await negotiate(hubwire);
    await call(hubwire, "GET", path);
    await call(hubwire, "POST", path, { body: '{"protocol":"messagepack","version":1}\x1e' });
    assert.deepEqual(seen(await call(hubwire, "GET", path)), data(HANDSHAKE_REPLY));
    await hubwire.send("", "n", [1]);
    const { headers, bytes } = await call(hubwire, "GET", path);
    assert.equal(headers["content-type"], "application/octet-stream");
    assert.equal(bytes.toString("hex"), "09960180c0a16e910190");
  });

  test("L05: a second poll ends the first with 204 and waits itself", async () => {
    await using hubwire = await TestHubwire.start();
    const { path } = await connectLongPolling(hubwire);
    const first = await beginCall(hubwire, "GET", path);
    const second = await beginCall(hubwire, "GET", path);
    assert.deepEqual(seen(await first.answer), OVER);
    await hubwire.send("", "news", [1]);
    assert.deepEqual(seen(await second.answer), data(news(1)));
  });

  test("L06: of two simultaneous first polls one gets nothing at once, the other waits and works", async () => {
    await using hubwire = await TestHubwire.start();
    const { path } = await negotiate(hubwire);
    const polls = [call(hubwire, "GET", path), call(hubwire, "GET", path)];
    const first = await Promise.race(polls);
    assert.deepEqual(seen(first), data(""));
    await settled(hubwire);
    await call(hubwire, "POST", path, { body: HANDSHAKE });
    const bodies = (await Promise.all(polls)).map(({ body }) => body);
    assert.deepEqual(bodies.sort(), ["", HANDSHAKE_REPLY]);
  });

  test("L07: what comes after a client has given up its poll is in its next one", async () => {
    await using hubwire = await TestHubwire.start();
    const { path } = await connectLongPolling(hubwire);
    const abandoned = await beginCall(hubwire, "GET", path);
    abandoned.abort();
    await settled(hubwire);
    await hubwire.send("", "news", [1]);
    assert.deepEqual(seen(await call(hubwire, "GET", path)), data(news(1)));
  });

  test("a poll that finds nothing is answered after 90 seconds, empty, and the next one goes on", async () => {
    await using hubwire = await TestHubwire.start();
    const { path } = await connectLongPolling(hubwire);
    const poll = await beginCall(hubwire, "GET", path);
    let isAnswered = false;
    void poll.answer.then(() => {
      isAnswered = true;
    });
    hubwire.clock.advance(89_000);
    await settled(hubwire);
    assert.equal(isAnswered, false);
    hubwire.clock.advance(1_000);
    const answer = await poll.answer;
    assert.deepEqual(seen(answer), QUIET);
    for (const [name, value] of Object.entries(NO_CACHE)) assert.equal(answer.headers[name], value);
    await hubwire.send("", "news", [1]);
    assert.deepEqual(seen(await call(hubwire, "GET", path)), data(news(1)));
  });

  test("every poll's answer forbids caching, whatever it is", async () => {
    await using hubwire = await TestHubwire.start();
    const { path } = await connectLongPolling(hubwire);
    const waiting = await beginCall(hubwire, "GET", path);
    await call(hubwire, "DELETE", path);
    const answers = [
      await waiting.answer,
      await call(hubwire, "GET", path),
      await call(hubwire, "GET", "/client/?hub=chat"),
    ];
    assert.deepEqual(
      answers.map(({ status }) => status),
      [204, 404, 400],
    );
    for (const { headers } of answers)
      for (const [name, value] of Object.entries(NO_CACHE)) assert.equal(headers[name], value);
  });

  test("L18: an idle client gets no pings and is not timed out, even if it pinged before", async () => {
    await using hubwire = await TestHubwire.start();
    const { path } = await connectLongPolling(hubwire);
    await call(hubwire, "POST", path, { body: PING });
    const poll = await beginCall(hubwire, "GET", path);
    hubwire.clock.advance(80_000);
    await hubwire.send("", "news", [1]);
    assert.deepEqual(seen(await poll.answer), data(news(1)));
  });

  test("`Accept` does not matter, but for an event stream without parameters", async () => {
    await using hubwire = await TestHubwire.start();
    const { path } = await negotiate(hubwire);
    for (const accept of ["Text", "application/json", "text/event-stream;q=0.9", "*/*"]) {
      if (accept !== "Text") await hubwire.send("", "news", [1]);
      else await call(hubwire, "POST", path, { body: HANDSHAKE });
      const answer = await call(hubwire, "GET", path, { headers: { Accept: accept } });
      assert.equal(answer.headers["content-type"], "application/octet-stream", accept);
    }
  });
});

describe("the end of a long-polling client", () => {
  test("L09: who does not poll for 15 seconds is gone", async () => {
    await using hubwire = await TestHubwire.start();
    const { path } = await connectLongPolling(hubwire);
    hubwire.clock.advance(14_000);
    assert.equal(hubwire.node.size.clients, 1);
    hubwire.clock.advance(2_000);
    await emptied(hubwire);
    assert.deepEqual(seen(await call(hubwire, "GET", path)), UNKNOWN);
    const { category, reason } = await hubwire.event("client.closed");
    assert.deepEqual([category, reason], ["Normal", "The client stopped polling."]);
  });

  test("L09: the time between polls starts anew with the end of each, however long it lasted", async () => {
    await using hubwire = await TestHubwire.start();
    const { path } = await connectLongPolling(hubwire);
    for (const end of ["quiet", "abandoned", "quiet"]) {
      const poll = await beginCall(hubwire, "GET", path);
      hubwire.clock.advance(end === "quiet" ? 90_000 : 60_000);
      if (end === "quiet") assert.deepEqual(seen(await poll.answer), QUIET);
      else poll.abort();
      await settled(hubwire);
      hubwire.clock.advance(14_000);
      assert.equal(hubwire.node.size.clients, 1);
    }
    hubwire.clock.advance(1_000);
    await emptied(hubwire);
  });

  test("a token can set that time (`asrs.s.ttl`)", async () => {
    await using hubwire = await TestHubwire.start();
    await connectLongPolling(hubwire, { claims: { "asrs.s.ttl": 5 } });
    await connectLongPolling(hubwire, { claims: { "asrs.s.ttl": "120" } });
    hubwire.clock.advance(4_000);
    assert.equal(hubwire.node.size.clients, 2);
    hubwire.clock.advance(1_000);
    assert.equal(hubwire.node.size.clients, 1);
    hubwire.clock.advance(114_000);
    assert.equal(hubwire.node.size.clients, 1);
    hubwire.clock.advance(1_000);
    await emptied(hubwire);
  });

  test("who gives up a poll and does not come back is gone after 15 seconds", async () => {
    await using hubwire = await TestHubwire.start();
    const { path } = await connectLongPolling(hubwire);
    const poll = await beginCall(hubwire, "GET", path);
    poll.abort();
    await settled(hubwire);
    hubwire.clock.advance(15_000);
    await emptied(hubwire);
  });

  test("who polls but never sends a handshake is told so, and gone", async () => {
    await using hubwire = await TestHubwire.start();
    const { path } = await negotiate(hubwire);
    await call(hubwire, "GET", path);
    const poll = await beginCall(hubwire, "GET", path);
    hubwire.clock.advance(15_000);
    assert.deepEqual(seen(await poll.answer), data('{"error":"Handshake was canceled."}\x1e'));
    assert.deepEqual(seen(await call(hubwire, "GET", path)), OVER);
    await emptied(hubwire);
  });

  test("L10: DELETE while a poll waits is answered 202, the poll 204, all later ones 404", async () => {
    await using hubwire = await TestHubwire.start();
    const { path } = await connectLongPolling(hubwire);
    const poll = await beginCall(hubwire, "GET", path);
    assert.deepEqual(seen(await call(hubwire, "DELETE", path)), [202, "", "text/plain", "0"]);
    assert.deepEqual(seen(await poll.answer), OVER);
    assert.deepEqual(seen(await call(hubwire, "GET", path)), UNKNOWN);
    assert.deepEqual(seen(await call(hubwire, "POST", path, { body: PING })), UNKNOWN);
    const { reason } = await hubwire.event("client.closed");
    assert.equal(reason, "The client ended the connection.");
    await emptied(hubwire);
  });

  test("L11: DELETE between polls is answered 202, the next poll 404", async () => {
    await using hubwire = await TestHubwire.start();
    const { path } = await connectLongPolling(hubwire);
    assert.equal((await call(hubwire, "DELETE", path)).status, 202);
    assert.deepEqual(seen(await call(hubwire, "GET", path)), UNKNOWN);
    await emptied(hubwire);
  });

  test("L13: a second DELETE is answered 404", async () => {
    await using hubwire = await TestHubwire.start();
    const { path } = await connectLongPolling(hubwire);
    assert.equal((await call(hubwire, "DELETE", path)).status, 202);
    assert.deepEqual(seen(await call(hubwire, "DELETE", path)), UNKNOWN);
  });

  test("DELETE needs an id, and a connection that polls", async () => {
    await using hubwire = await TestHubwire.start();
    const missing = await call(hubwire, "DELETE", "/client/?hub=chat");
    assert.deepEqual([missing.status, missing.body], [400, "Connection ID required"]);
    const { path } = await negotiate(hubwire);
    const answer = await call(hubwire, "DELETE", path);
    assert.deepEqual(
      [answer.status, answer.body],
      [400, "Cannot terminate this connection using the DELETE endpoint."],
    );
  });

  for (const isWaiting of [true, false])
    test(`L14: a client that the service closes ${isWaiting ? "while it polls" : "between polls"} gets its Close message, then 204, then 404`, async () => {
      await using hubwire = await TestHubwire.start();
      const { path, connectionId } = await connectLongPolling(hubwire);
      const waiting = isWaiting ? await beginCall(hubwire, "GET", path) : undefined;
      await hubwire.rest("DELETE", `/api/hubs/chat/connections/${connectionId}?api-version=2022-06-01`);
      assert.equal(hubwire.node.size.clients, 0);
      assert.equal((await call(hubwire, "POST", path, { body: PING })).status, 404);
      const last = waiting === undefined ? call(hubwire, "GET", path) : waiting.answer;
      assert.deepEqual(seen(await last), data('{"type":7,"allowReconnect":true}\x1e'));
      assert.deepEqual(seen(await call(hubwire, "GET", path)), OVER);
      assert.deepEqual(seen(await call(hubwire, "GET", path)), UNKNOWN);
      await emptied(hubwire);
    });

  test("L14: a closed client that never asks again is forgotten", async () => {
    await using hubwire = await TestHubwire.start();
    const { connectionId } = await connectLongPolling(hubwire);
    await hubwire.rest("DELETE", `/api/hubs/chat/connections/${connectionId}?api-version=2022-06-01`);
    hubwire.clock.advance(15_000);
    await emptied(hubwire);
  });

  test("L15: a client that sends Close gets one back, then 204, then 404", async () => {
    await using hubwire = await TestHubwire.start();
    const { path } = await connectLongPolling(hubwire);
    assert.equal((await call(hubwire, "POST", path, { body: '{"type":7}\x1e' })).status, 200);
    assert.deepEqual(seen(await call(hubwire, "GET", path)), data('{"type":7}\x1e'));
    assert.deepEqual(seen(await call(hubwire, "GET", path)), OVER);
    assert.deepEqual(seen(await call(hubwire, "GET", path)), UNKNOWN);
    await emptied(hubwire);
  });

  test("L17: a connection that polls takes no event stream and no WebSocket", async () => {
    await using hubwire = await TestHubwire.start();
    const { path } = await connectLongPolling(hubwire);
    for (const headers of [{ Accept: "text/event-stream" }, UPGRADE]) {
      const { status, body } = await call(hubwire, "GET", path, { headers });
      assert.deepEqual([status, body], [400, "Cannot change transports mid-connection"]);
    }
    await hubwire.send("", "news", [1]);
    assert.deepEqual(seen(await call(hubwire, "GET", path)), data(news(1)));
  });

  test("L19: a client with a full buffer can still poll it, and then gets more", async () => {
    await using hubwire = await TestHubwire.start({ limits: { maxBufferedBytes: 1024 } });
    const { path } = await connectLongPolling(hubwire);
    const text = "x".repeat(900);
    for (let round = 0; round < 3; round++) {
      await hubwire.send("", "news", [text]);
      assert.deepEqual(seen(await call(hubwire, "GET", path)), data(news(text)));
    }
    assert.equal(hubwire.node.size.clients, 1);
  });

  test("a client that lets more wait than it may is closed as slow, and no one else", async () => {
    await using hubwire = await TestHubwire.start({ limits: { maxBufferedBytes: 2048 } });
    const slow = await connectLongPolling(hubwire, { userId: "slow" });
    const other = await connectLongPolling(hubwire, { userId: "other" });
    const poll = await beginCall(hubwire, "GET", other.path);
    const text = "x".repeat(900);
    for (let count = 0; count < 2; count++) await hubwire.send("users/slow/", "news", [text]);
    await settled(hubwire);
    assert.equal(hubwire.node.size.clients, 2);
    await hubwire.send("users/slow/", "news", [text]);
    const { connectionId, category, reason } = await hubwire.event("client.closed");
    assert.deepEqual(
      [connectionId, category, reason],
      [slow.connectionId, "SlowClient", "The client is too slow: more than 2048 bytes wait for it."],
    );
    assert.deepEqual(seen(await call(hubwire, "GET", slow.path)), UNKNOWN);
    await hubwire.send("", "news", [1]);
    assert.deepEqual(seen(await poll.answer), data(news(1)));
    assert.equal((await call(hubwire, "DELETE", other.path)).status, 202);
    await emptied(hubwire);
  });

  test("one message larger than the buffer reaches a client whose poll waits", async () => {
    await using hubwire = await TestHubwire.start({ limits: { maxBufferedBytes: 1024 } });
    const { path } = await connectLongPolling(hubwire);
    const poll = await beginCall(hubwire, "GET", path);
    const text = "x".repeat(100_000);
    await hubwire.send("", "news", [text]);
    assert.deepEqual(seen(await poll.answer), data(news(text)));
  });
});
