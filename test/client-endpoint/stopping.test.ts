import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { connectEventStream } from "../support/event-stream.ts";
import { call, emptied, settled } from "../support/http-call.ts";
import { KeptConnection } from "../support/kept-connection.ts";
import { connectLongPolling } from "../support/long-polling.ts";
import { negotiate } from "../support/negotiate.ts";
import { TestHubwire } from "../support/start-hubwire.ts";
import { UnfinishedRequest } from "../support/unfinished-request.ts";

const PING = '{"type":6}\x1e';
const CLOSE_AND_RECONNECT = '{"type":7,"allowReconnect":true}\x1e';
/** Longer than a test may take: who needed it would fail. */
const PATIENT = { shutdownGraceSeconds: 600 };

describe("a service that stops", { timeout: 10_000 }, () => {
  test("answers who negotiates 503, and who comes with an id that nothing is attached to 404", async () => {
    const hubwire = await TestHubwire.start(PATIENT);
    const { path } = await negotiate(hubwire);
    const negotiating =
      "POST /client/negotiate?hub=chat HTTP/1.1\r\nHost: h\r\nOrigin: https://app.example\r\n" +
      `Authorization: Bearer ${hubwire.clientToken()}\r\nContent-Length: 0\r\n\r\n`;
    const polling = `GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`;
    const streaming = `GET ${path} HTTP/1.1\r\nHost: h\r\nAccept: text/event-stream\r\n\r\n`;
    // Requests that have begun to arrive keep their connections when the service stops listening.
    const begun = [];
    for (const request of [negotiating, polling, streaming])
      begun.push({
        unfinished: await UnfinishedRequest.begin(hubwire, request.slice(0, 20)),
        rest: request.slice(20),
      });
    const stopped = hubwire.node.stop();
    const [first = "", ...others] = await Promise.all(
      begun.map(({ unfinished, rest }) => unfinished.finish(rest)),
    );
    assert.match(first, /^HTTP\/1\.1 503 .*\r\n\r\nService reloading, try reconnecting$/s);
    assert.match(first, /access-control-allow-origin: https:\/\/app\.example\r\n/i);
    for (const other of others) assert.match(other, /^HTTP\/1\.1 404 .*\r\n\r\nNo Connection with that ID$/s);
    await stopped;
    await emptied(hubwire);
  });

  test("closes event streams so that clients reconnect, and does not wait for connections that they keep", async () => {
    const hubwire = await TestHubwire.start(PATIENT);
    const { path, stream } = await connectEventStream(hubwire);
    using kept = new KeptConnection(hubwire);
    assert.equal((await kept.call("POST", path, { body: PING })).status, 200);
    const stopped = hubwire.node.stop();
    assert.equal(await stream.next(), `data: ${CLOSE_AND_RECONNECT}`);
    assert.equal(await stream.ended, "");
    await stopped;
    await emptied(hubwire);
  });

  test("closes clients that poll so that they reconnect, and does not wait for connections that they keep", async () => {
    const hubwire = await TestHubwire.start(PATIENT);
    const { path } = await connectLongPolling(hubwire);
    await connectLongPolling(hubwire);
    using kept = new KeptConnection(hubwire);
    const poll = kept.call("GET", path);
    await settled(hubwire);
    await hubwire.node.stop();
    const { status, body, headers } = await poll;
    assert.deepEqual([status, body, headers.connection], [200, CLOSE_AND_RECONNECT, "close"]);
    await emptied(hubwire);
  });

  test("does not wait for the connection of a post that was under way", async () => {
    const hubwire = await TestHubwire.start(PATIENT);
    const { path } = await connectLongPolling(hubwire);
    using kept = new KeptConnection(hubwire);
    const slow = await UnfinishedRequest.beginPost(hubwire, path, { length: 1 });
    const next = kept.call("POST", path, { body: PING });
    await settled(hubwire);
    const stopped = hubwire.node.stop();
    await Promise.all([slow.finish(" "), next]);
    await stopped;
    await emptied(hubwire);
  });

  test("forgets what was negotiated and what waits to be polled", async () => {
    const hubwire = await TestHubwire.start(PATIENT);
    await negotiate(hubwire);
    const { path } = await negotiate(hubwire);
    assert.equal((await call(hubwire, "GET", path)).status, 200);
    await hubwire.node.stop();
    await emptied(hubwire);
  });
});
