import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import type { HubwireEvent } from "../core/events.ts";
import { MetricsListenError } from "./metrics-listen-error.ts";
import { MAX_METRICS_CONNECTIONS, MetricsListener, type MetricsListenerOptions } from "./metrics-listener.ts";

const source = { contentType: "text/plain; version=0.0.4", scrape: async () => "a 1\n" };

function open(options: Partial<MetricsListenerOptions> = {}): Promise<MetricsListener> {
  return MetricsListener.open({ host: "127.0.0.1", port: 0, source, emit: () => {}, ...options });
}

test("metrics are served to GET /metrics, and nothing else is", async () => {
  await using listener = await open();
  assert.match(listener.url, /^http:\/\/127\.0\.0\.1:\d+\/metrics$/);
  for (const url of [listener.url, `${listener.url}?name=x`]) {
    const response = await fetch(url);
    assert.deepEqual(
      [response.status, response.headers.get("content-type"), await response.text()],
      [200, source.contentType, "a 1\n"],
    );
  }
  for (const [method, path] of [
    ["POST", "/metrics"],
    ["GET", "/"],
    ["GET", "/metrics/"],
    ["GET", "/api/health"],
  ] as const) {
    const response = await fetch(new URL(path, listener.url), { method });
    assert.deepEqual([response.status, await response.text()], [404, ""]);
  }
});

test("an IPv6 address is in brackets", async () => {
  await using listener = await open({ host: "::1" });
  assert.equal((await fetch(listener.url)).status, 200);
});

test("metrics that fail are told as 500 and in the log", async () => {
  const error = new Error("planted");
  const events: HubwireEvent[] = [];
  await using listener = await open({
    source: { ...source, scrape: () => Promise.reject(error) },
    emit: (event) => void events.push(event),
  });
  const response = await fetch(listener.url);
  assert.deepEqual([response.status, await response.text()], [500, ""]);
  assert.deepEqual(events, [{ name: "metrics.failed", error }]);
});

test("a port in use is an error with its cause", async () => {
  await using listener = await open();
  const port = Number(new URL(listener.url).port);
  await assert.rejects(open({ port }), (error) => {
    assert.ok(error instanceof MetricsListenError);
    assert.equal((error.cause as NodeJS.ErrnoException).code, "EADDRINUSE");
    return true;
  });
});

test("connections above the limit are dropped, and closing lets go of all", async () => {
  const listener = await open();
  const port = Number(new URL(listener.url).port);
  const dial = async (): Promise<Socket> => {
    const socket = connect(port, "127.0.0.1").on("error", () => {});
    await once(socket, "connect");
    return socket;
  };
  const kept = await Promise.all(Array.from({ length: MAX_METRICS_CONNECTIONS }, dial));
  const [last] = kept;
  last?.write("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  if (last !== undefined) assert.match(String((await once(last, "data"))[0]), /^HTTP\/1\.1 200 /);
  const dropped = await dial();
  dropped.resume();
  await once(dropped, "close");
  const closed = Promise.all(kept.map((socket) => once(socket.resume(), "close")));
  await listener[Symbol.asyncDispose]();
  await closed;
});
