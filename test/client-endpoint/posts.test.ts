import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { connectEventStream, EventStream } from "../support/event-stream.ts";
import { beginCall, call, emptied, settled } from "../support/http-call.ts";
import { KeptConnection } from "../support/kept-connection.ts";
import { HANDSHAKE, negotiate } from "../support/negotiate.ts";
import { TestHubwire } from "../support/start-hubwire.ts";
import { UnfinishedRequest } from "../support/unfinished-request.ts";

const ACCEPT = { Accept: "text/event-stream" };
const PING = '{"type":6}\x1e';

function invocation(invocationId: number): string {
  return `${JSON.stringify({ type: 1, target: "Echo", invocationId: String(invocationId), arguments: [] })}\x1e`;
}

/** The ids of the next `count` invocations that are answered: with an error, as nobody handles any. */
async function answered(stream: EventStream, count: number): Promise<number[]> {
  return (await messages(stream, count)).map((message) => {
    const { type, invocationId, error } = JSON.parse(message) as Record<string, unknown>;
    assert.equal(type, 3);
    assert.match(String(error), /^Failed to invoke 'Echo'/);
    return Number(invocationId);
  });
}

/** Events as they come until `count` hub messages are together, without their separators; several may share one event. */
async function messages(stream: EventStream, count: number): Promise<string[]> {
  const all: string[] = [];
  while (all.length < count) {
    const event = await stream.next();
    all.push(...event.slice("data: ".length).split("\x1e").slice(0, -1));
  }
  return all;
}

describe("posts", () => {
  test("S13: ten parallel posts are all answered 200, and each gets its completion", async () => {
    await using hubwire = await TestHubwire.start();
    const { path, stream } = await connectEventStream(hubwire);
    const ids = Array.from({ length: 10 }, (_, id) => id);
    const answers = await Promise.all(ids.map((id) => call(hubwire, "POST", path, { body: invocation(id) })));
    for (const { status } of answers) assert.equal(status, 200);
    assert.deepEqual(new Set(await answered(stream, 10)), new Set(ids));
  });

  test("S13: bodies count in the order in which the posts came, however slowly one arrives", async () => {
    await using hubwire = await TestHubwire.start();
    const { path, stream } = await connectEventStream(hubwire);
    const body = invocation(1);
    const slow = await UnfinishedRequest.beginPost(hubwire, path, {
      length: body.length,
      start: body.slice(0, 10),
    });
    const quick = await beginCall(hubwire, "POST", path, { body: invocation(2) });
    await settled(hubwire);
    assert.match(await slow.finish(body.slice(10)), /^HTTP\/1\.1 200 /);
    assert.equal((await quick.answer).status, 200);
    assert.deepEqual(await answered(stream, 2), [1, 2]);
  });

  test("S14: a record may come in two posts, and several in one", async () => {
    await using hubwire = await TestHubwire.start();
    const { path, stream } = await connectEventStream(hubwire);
    const body = invocation(1);
    for (const part of [body.slice(0, 20), body.slice(20), invocation(2) + invocation(3)])
      assert.equal((await call(hubwire, "POST", path, { body: part })).status, 200);
    assert.deepEqual(await answered(stream, 3), [1, 2, 3]);
  });

  test("S15: an empty one is answered 200", async () => {
    await using hubwire = await TestHubwire.start();
    const { path } = await connectEventStream(hubwire);
    assert.equal((await call(hubwire, "POST", path)).status, 200);
    assert.equal((await call(hubwire, "POST", path, { body: "" })).status, 200);
  });

  test("S17: what came of an aborted one counts: the next one goes on where it ended", async () => {
    await using hubwire = await TestHubwire.start();
    const { path, stream } = await connectEventStream(hubwire);
    const body = invocation(1);
    const aborted = await UnfinishedRequest.beginPost(hubwire, path, {
      length: 1000,
      start: body.slice(0, 20),
    });
    aborted.abort();
    assert.equal((await call(hubwire, "POST", path, { body: body.slice(20) })).status, 200);
    assert.deepEqual(await answered(stream, 1), [1]);
  });

  test("S18: no id gets 400, an unknown one 404", async () => {
    await using hubwire = await TestHubwire.start();
    for (const [query, status, body] of [
      ["", 400, "Connection ID required"],
      ["&id=nobody", 404, "No Connection with that ID"],
    ] as const) {
      const answer = await call(hubwire, "POST", `/client/?hub=chat${query}`, { body: PING });
      assert.deepEqual([answer.status, answer.body], [status, body]);
    }
  });

  test("the content type does not matter, nor that there is none", async () => {
    await using hubwire = await TestHubwire.start();
    const { path, stream } = await connectEventStream(hubwire);
    const types = ["text/plain;charset=UTF-8", "application/octet-stream", "application/json", "?;;=", ""];
    for (const [id, type] of types.entries()) {
      const headers = type === "" ? {} : { "Content-Type": type };
      const answer = await call(hubwire, "POST", path, { body: invocation(id), headers });
      assert.equal(answer.status, 200, type);
    }
    assert.deepEqual(await answered(stream, types.length), [...types.keys()]);
  });

  test("what is posted before the stream is open is kept for it", async () => {
    await using hubwire = await TestHubwire.start();
    const { path } = await negotiate(hubwire);
    for (const body of [HANDSHAKE.slice(0, 10), HANDSHAKE.slice(10) + invocation(1)])
      assert.equal((await call(hubwire, "POST", path, { body })).status, 200);
    const stream = await EventStream.open(hubwire, path);
    const [reply, completion = ""] = await messages(stream, 2);
    assert.equal(reply, "{}");
    assert.match(completion, /"invocationId":"1"/);
  });

  test("who posts more than a handshake's size before it is open loses the connection", async () => {
    await using hubwire = await TestHubwire.start({ limits: { maxHandshakeBytes: 1000 } });
    const { path } = await negotiate(hubwire);
    assert.equal((await call(hubwire, "POST", path, { body: "x".repeat(1000) })).status, 200);
    assert.equal((await call(hubwire, "POST", path, { body: "x" })).status, 404);
    assert.equal((await call(hubwire, "GET", path, { headers: ACCEPT })).status, 404);
    await emptied(hubwire);
  });

  for (const headers of [{}, { "Transfer-Encoding": "chunked" }])
    test(`a body over the limit gets 413 ${"Transfer-Encoding" in headers ? "when it comes in chunks" : "by its announced length"}, and one at it 200`, async () => {
      await using hubwire = await TestHubwire.start({
        limits: { maxRequestBodyBytes: 1000 * PING.length },
      });
      const { path } = await connectEventStream(hubwire);
      const body = PING.repeat(1000);
      assert.equal((await call(hubwire, "POST", path, { body, headers })).status, 200);
      const answer = await call(hubwire, "POST", path, { body: `${body} `, headers });
      assert.deepEqual([answer.status, answer.body], [413, "A request body may have 11000 bytes at most."]);
    });

  test("a connection that sent too large a body can be used again, and the rest of the body is not taken for a request", async () => {
    await using hubwire = await TestHubwire.start({ limits: { maxRequestBodyBytes: 2_000 } });
    const { path, stream } = await connectEventStream(hubwire);
    using kept = new KeptConnection(hubwire);
    for (const headers of [{}, { "Transfer-Encoding": "chunked" }]) {
      const { status } = await kept.call("POST", path, { body: PING.repeat(50_000), headers });
      assert.equal(status, 413);
    }
    assert.equal((await kept.call("POST", path, { body: invocation(1) })).status, 200);
    assert.deepEqual(await answered(stream, 1), [1]);
  });

  test("what ends the client in the midst of a post is no error of that post", async () => {
    await using hubwire = await TestHubwire.start();
    const { path } = await connectEventStream(hubwire);
    const answer = await call(hubwire, "POST", path, { body: `garbage\x1e${PING}` });
    assert.equal(answer.status, 200);
    await emptied(hubwire);
  });

  test("a post that waits for its body when the client goes is answered 404", async () => {
    await using hubwire = await TestHubwire.start();
    const { path, stream } = await connectEventStream(hubwire);
    const waiting = await UnfinishedRequest.beginPost(hubwire, path, { length: 100 });
    stream.abort();
    await hubwire.event("client.closed");
    assert.match(await waiting.finish("x".repeat(100)), /^HTTP\/1\.1 404 /);
    await emptied(hubwire);
  });
});
