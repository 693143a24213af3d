import assert from "node:assert/strict";
import type { IncomingHttpHeaders } from "node:http";
import { describe, test } from "node:test";
import { EventStream } from "../support/event-stream.ts";
import { type Answer, beginCall, call } from "../support/http-call.ts";
import { connectLongPolling } from "../support/long-polling.ts";
import { bearer, HANDSHAKE, negotiate } from "../support/negotiate.ts";
import { TestHubwire } from "../support/start-hubwire.ts";

const ORIGIN = "https://app.example";
const FROM_PAGE = { Origin: ORIGIN };
const REQUESTED_HEADERS = "authorization,x-requested-with,x-signalr-user-agent,x-custom";
const PREFLIGHT = {
  ...FROM_PAGE,
  "Access-Control-Request-Method": "POST",
  "Access-Control-Request-Headers": REQUESTED_HEADERS,
};

function assertReadable(headers: IncomingHttpHeaders, what: string): void {
  assert.equal(headers["access-control-allow-origin"], ORIGIN, what);
  assert.equal(headers["access-control-allow-credentials"], "true", what);
  assert.match(String(headers.vary), /\bOrigin\b/, what);
}

function list(header: string | undefined): string[] {
  return (header ?? "").split(/\s*,\s*/).sort();
}

describe("pages of any origin", () => {
  test("N17: a preflight needs no token, and allows what it asks for", async () => {
    await using hubwire = await TestHubwire.start();
    for (const path of [
      "/client/negotiate?hub=chat&negotiateVersion=1",
      "/client/?hub=chat&id=x",
      "/client",
    ]) {
      const { status, body, headers } = await call(hubwire, "OPTIONS", path, { headers: PREFLIGHT });
      assert.deepEqual([status, body], [204, ""]);
      assertReadable(headers, path);
      assert.deepEqual(list(headers["access-control-allow-methods"]), ["DELETE", "GET", "POST"]);
      assert.deepEqual(list(headers["access-control-allow-headers"]), list(REQUESTED_HEADERS));
    }
  });

  test("N18: every answer can be read by the page that asked, whatever its status", async () => {
    await using hubwire = await TestHubwire.start({ limits: { maxRequestBodyBytes: 1024 } });
    const ask = (method: string, path: string, headers = {}, body = ""): Promise<Answer> =>
      call(hubwire, method, path, { headers: { ...FROM_PAGE, ...headers }, body });
    const token = bearer(hubwire.clientToken());
    const { path } = await negotiate(hubwire);
    const polling = await connectLongPolling(hubwire);
    const old = await negotiate(hubwire, { version: 0 });
    const noTransport = await negotiate(hubwire, { claims: { "asrs.s.htt": 1 } });
    const poll = await beginCall(hubwire, "GET", polling.path, { headers: FROM_PAGE });
    const answers: [number, Answer][] = [
      [200, await ask("POST", "/client/negotiate?hub=chat", token)],
      [200, await ask("POST", "/client/negotiate?hub=chat&negotiateVersion=x", token)],
      [401, await ask("POST", "/client/negotiate?hub=chat")],
      [401, await ask("POST", old.path)],
      [400, await ask("POST", "/client/negotiate", token)],
      [405, await ask("GET", "/client/negotiate?hub=chat", token)],
      [405, await ask("PUT", "/client/?hub=chat", token)],
      [404, await ask("POST", "/client/refresh?hub=chat", token)],
      [202, await ask("DELETE", polling.path)],
      [204, await poll.answer],
      [404, await ask("DELETE", polling.path)],
      [400, await ask("DELETE", path)],
      [404, await ask("GET", noTransport.path)],
      [404, await ask("GET", noTransport.path, { Accept: "text/event-stream" })],
      [200, await ask("GET", path)],
      [400, await ask("GET", path, { Accept: "text/event-stream" })],
      [200, await ask("POST", path, {}, HANDSHAKE)],
      [413, await ask("POST", path, {}, "x".repeat(1025))],
    ];
    for (const [status, { status: actual, headers, body }] of answers) {
      assert.equal(actual, status, body);
      assertReadable(headers, `${status} ${body}`);
    }
    for (const method of ["GET", "POST", "DELETE"])
      for (const [query, status] of [
        ["", 400],
        ["&id=nobody", 404],
      ] as const) {
        const answer = await ask(method, `/client/?hub=chat${query}`);
        assert.equal(answer.status, status);
        assertReadable(answer.headers, `${method} ${status}`);
      }
  });

  test("N18: so can event streams", async () => {
    await using hubwire = await TestHubwire.start();
    const { path } = await negotiate(hubwire);
    const stream = await EventStream.open(hubwire, path, FROM_PAGE);
    assertReadable(stream.headers, "event stream");
    const second = await call(hubwire, "GET", path, {
      headers: { Accept: "text/event-stream", ...FROM_PAGE },
    });
    assert.equal(second.status, 409);
    assertReadable(second.headers, "409");
  });

  test("without an origin there is none to allow", async () => {
    await using hubwire = await TestHubwire.start();
    const { headers } = await call(hubwire, "GET", "/client/?hub=chat");
    assert.equal(headers["access-control-allow-origin"], undefined);
  });
});

describe("where the allowed origins are listed", () => {
  test("only their pages can read answers and pass preflights", async () => {
    await using hubwire = await TestHubwire.start({
      cors: { allowedOrigins: ["https://other.example", ORIGIN] },
    });
    const path = "/client/negotiate?hub=chat";
    const foreign = { Origin: "https://app.example.evil.example" };
    const allowed = await call(hubwire, "POST", path, { headers: FROM_PAGE });
    assertReadable(allowed.headers, "allowed");
    assertReadable((await call(hubwire, "OPTIONS", path, { headers: PREFLIGHT })).headers, "preflight");
    for (const answer of [
      await call(hubwire, "POST", path, { headers: foreign }),
      await call(hubwire, "OPTIONS", path, { headers: { ...PREFLIGHT, ...foreign } }),
    ])
      assert.equal(answer.headers["access-control-allow-origin"], undefined);
  });

  test("an empty list allows none", async () => {
    await using hubwire = await TestHubwire.start({ cors: { allowedOrigins: [] } });
    const { headers } = await call(hubwire, "OPTIONS", "/client/negotiate?hub=chat", { headers: PREFLIGHT });
    assert.equal(headers["access-control-allow-origin"], undefined);
  });
});
