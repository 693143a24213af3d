import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { HubConnection } from "@microsoft/signalr";
import type { HubwireOptions } from "../../src/app.ts";
import { until } from "../support/http-call.ts";
import { connect } from "../support/hub-wire.ts";
import { RawServer, writeForEver } from "../support/raw-server.ts";
import { signalrClient, waysToConnect } from "../support/signalr-client.ts";
import { TestHubwire } from "../support/start-hubwire.ts";
import { jsonResult, UpstreamServer } from "../support/upstream-server.ts";

const OK = "HTTP/1.1 200 OK\r\n";
const MIB = 1_048_576;

function hubwireWith(url: string, more: HubwireOptions = {}): Promise<TestHubwire> {
  const { upstream, ...others } = more;
  return TestHubwire.start({
    // Time is moved by hand: nobody is to be closed for having been silent meanwhile.
    timeouts: { clientSeconds: 86_400, pollSeconds: 86_400, pollIdleSeconds: 86_400 },
    ...others,
    upstream: { templates: [{ UrlTemplate: url, CategoryPattern: "messages" }], ...upstream },
  });
}

async function connected(
  hubwire: TestHubwire,
  way: Parameters<typeof signalrClient>[1] = {},
): Promise<HubConnection> {
  const client = signalrClient(hubwire, way);
  await client.start();
  return client;
}

/** Where nobody listens. */
async function nobodysUrl(): Promise<string> {
  await using server = await UpstreamServer.start();
  return server.url;
}

/** What an upstream's misbehaviour is to the client, and its outcome in the log. */
const misbehaviours: Readonly<
  Record<string, { serve: Parameters<typeof RawServer.start>[0]; told: RegExp; outcome: string }>
> = {
  "resets before it answers": {
    serve: (socket) => socket.resetAndDestroy(),
    told: /Invocation failed, status code 500$/,
    outcome: "unreachable",
  },
  "resets within the body": {
    serve: (socket) =>
      void socket.write(`${OK}content-length: 9\r\n\r\n{`, () =>
        setImmediate(() => socket.resetAndDestroy()),
      ),
    told: /Invocation failed, error: .+\.$/,
    outcome: "interrupted",
  },
  redirects: {
    serve: (socket) =>
      void socket.write("HTTP/1.1 307 To\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"),
    told: /Invocation failed, status code 307$/,
    outcome: "status",
  },
  "answers 10 GB, and says so": {
    serve: (socket) => {
      socket.write(`${OK}content-length: 10000000000\r\n\r\n`);
      writeForEver(socket, Buffer.alloc(65_536, "x"));
    },
    told: /Invocation failed, response too large\.$/,
    outcome: "tooLarge",
  },
  "answers without end": {
    serve: (socket) => {
      socket.write(`${OK}transfer-encoding: chunked\r\n\r\n`);
      writeForEver(socket, Buffer.from(`10000\r\n${"x".repeat(65_536)}\r\n`));
    },
    told: /Invocation failed, response too large\.$/,
    outcome: "tooLarge",
  },
  "answers an error without end": {
    serve: (socket) => {
      socket.write("HTTP/1.1 500 Oh\r\ntransfer-encoding: chunked\r\n\r\n");
      writeForEver(socket, Buffer.from(`10000\r\n${"x".repeat(65_536)}\r\n`));
    },
    told: /Invocation failed, status code 500$/,
    outcome: "status",
  },
  "answers a web page": {
    serve: (socket) => void socket.write(`${OK}content-length: 6\r\n\r\n<html>`),
    told: /Invocation failed, the response is no completion: /,
    outcome: "badReply",
  },
  "answers another message": {
    serve: (socket) => void socket.write(`${OK}content-length: 11\r\n\r\n{"type":6}\x1e`),
    told: /Invocation failed, the response is no completion: /,
    outcome: "badReply",
  },
  "answers no HTTP": {
    serve: (socket) => void socket.write("220 smtp.example ESMTP\r\n"),
    told: /Invocation failed, status code 500$/,
    outcome: "unreachable",
  },
};

describe("a client that invokes gets an error when the upstream", () => {
  for (const [what, { serve, told, outcome }] of Object.entries(misbehaviours))
    test(what, async () => {
      await using server = await RawServer.start(serve);
      await using hubwire = await hubwireWith(server.url);
      for (const protocol of ["json", "messagepack"] as const) {
        const client = await connected(hubwire, { protocol });
        await assert.rejects(client.invoke("Echo", 1), told);
        await client.send("Echo", 1);
        await assert.rejects(client.invoke("Echo", 2), told);
        await client.stop();
      }
      const failed = await hubwire.event("upstream.failed");
      assert.equal(failed.outcome, outcome);
      for (const socket of server.sockets) assert.ok(socket.bytesWritten < 64 * MIB);
    });

  test("is down; and a result again as soon as it is back", async () => {
    const url = await nobodysUrl();
    await using hubwire = await hubwireWith(url);
    const client = await connected(hubwire);
    for (let minute = 0; minute < 60; minute++) {
      await client.send("Echo", minute);
      await assert.rejects(client.invoke("Echo", minute), /Invocation failed, status code 500$/);
      hubwire.clock.advance(60_000);
    }
    const failures = hubwire.events.filter((event) => event.name === "upstream.failed");
    assert.equal(
      failures.reduce((sum, { count }) => sum + count, 0),
      120,
    );
    await using back = await UpstreamServer.start(
      (response, request) => jsonResult(response, request, "here"),
      Number(new URL(url).port),
    );
    assert.equal(await client.invoke("Echo"), "here");
    assert.equal(back.requests.length, 1);
    await client.stop();
  });

  for (const way of waysToConnect)
    test(`hangs: over ${way.transport} with ${way.protocol}`, async () => {
      await using upstream = await UpstreamServer.start(() => {});
      await using hubwire = await hubwireWith(upstream.url, {
        upstream: { timeoutSeconds: 5 },
        shutdownGraceSeconds: 0.1,
      });
      const client = await connected(hubwire, way);
      const rejected = assert.rejects(client.invoke("Echo"), /Invocation failed, status code 500$/);
      await upstream.called(1);
      hubwire.clock.advance(5_000);
      await rejected;
      await client.stop();
    });
});

test("an upstream that is slow for one connection holds up no other", async () => {
  await using upstream = await UpstreamServer.start();
  await using hubwire = await hubwireWith(upstream.url, { shutdownGraceSeconds: 0.1 });
  const slow = await connected(hubwire);
  const quick = await connected(hubwire, { protocol: "json" });
  upstream.answer = (response, request) => {
    if (request.connectionId !== slow.connectionId) jsonResult(response, request, "quick");
  };
  const late = slow.invoke("Echo");
  late.catch(() => {});
  for (let n = 0; n < 100; n++) {
    await slow.send("More", n);
    assert.equal(await quick.invoke("Echo", n), "quick");
  }
  assert.equal(upstream.requests.filter(({ connectionId }) => connectionId === slow.connectionId).length, 1);
  await Promise.all([slow.stop(), quick.stop()]);
});

describe("large results", () => {
  const result = (bytes: number): string => "x".repeat(bytes);

  test("are delivered up to 16 MiB, where the buffer of a client allows", async () => {
    await using upstream = await UpstreamServer.start((response, request) =>
      jsonResult(response, request, result(15 * MIB)),
    );
    await using hubwire = await hubwireWith(upstream.url, { limits: { maxBufferedBytes: 64 * MIB } });
    const client = await connected(hubwire);
    assert.equal((await client.invoke<string>("Large")).length, 15 * MIB);
    upstream.answer = (response, request) => jsonResult(response, request, result(16 * MIB));
    await assert.rejects(client.invoke("Larger"), /response too large/);
    await client.stop();
  });

  test("that would close the client are an error instead", async () => {
    await using upstream = await UpstreamServer.start((response, request) =>
      jsonResult(response, request, result(9 * MIB)),
    );
    await using hubwire = await hubwireWith(upstream.url);
    const client = await connected(hubwire);
    await assert.rejects(client.invoke("Large"), /response too large/);
    assert.equal(client.state, "Connected");
    await client.stop();
  });
});

describe("clients that leave at once", () => {
  const CLIENTS = 300;

  async function crowd(hubwire: TestHubwire): Promise<void> {
    const clients = await Promise.all(Array.from({ length: CLIENTS }, () => connect(hubwire)));
    for (const client of clients) client.drop();
  }

  test("while the upstream refuses: each is tried once, and the log says so in two lines", async () => {
    const url = await nobodysUrl();
    await using hubwire = await hubwireWith(url, { upstream: { templates: [{ UrlTemplate: url }] } });
    await crowd(hubwire);
    await hubwire.node.stop();
    const failures = hubwire.events.filter((event) => event.name === "upstream.failed");
    assert.ok(failures.length <= 3, `${failures.length}`);
    assert.equal(
      failures.reduce((sum, { count }) => sum + count, 0),
      2 * CLIENTS,
    );
  });

  test("while the upstream is slow: all are told, within the bound of calls at once", async () => {
    let underWay = 0;
    let most = 0;
    await using upstream = await UpstreamServer.start((response) => {
      most = Math.max(most, ++underWay);
      setImmediate(() => {
        underWay--;
        response.writeHead(204).end();
      });
    });
    await using hubwire = await hubwireWith(upstream.url, {
      upstream: { templates: [{ UrlTemplate: upstream.url }], maxInFlight: 8 },
    });
    await crowd(hubwire);
    await hubwire.node.stop();
    assert.equal(upstream.events.filter((event) => event === "disconnected").length, CLIENTS);
    assert.ok(most <= 8, `${most}`);
  });

  test("while the upstream hangs: the service stops within its grace period, and tells what it gave up", async () => {
    await using upstream = await UpstreamServer.start(() => {});
    await using hubwire = await hubwireWith(upstream.url, {
      upstream: { templates: [{ UrlTemplate: upstream.url, EventPattern: "disconnected" }], maxInFlight: 8 },
      shutdownGraceSeconds: 0.2,
    });
    await crowd(hubwire);
    await hubwire.node.stop();
    const given = hubwire.events.flatMap((event) =>
      event.name === "upstream.failed" || event.name === "upstream.dropped" ? [event.count] : [],
    );
    assert.equal(
      given.reduce((sum, count) => sum + count, 0),
      CLIENTS,
    );
  });
});

test("a client whose connected is refused is closed, where that is configured", async () => {
  await using upstream = await UpstreamServer.start((response) => void response.writeHead(403).end());
  await using hubwire = await hubwireWith(upstream.url, {
    upstream: { templates: [{ UrlTemplate: upstream.url }], rejectOnConnectedFailure: true },
  });
  const refusals = () =>
    hubwire.events.flatMap((event) => (event.name === "client.closed" ? [event.category] : []));
  for (const [index, way] of waysToConnect.entries()) {
    // Whether it is told before or after it counts as connected is a matter of luck.
    await signalrClient(hubwire, way)
      .start()
      .catch(() => {});
    await until(() => refusals().length > index);
  }
  assert.deepEqual(new Set(refusals()), new Set(["InvokeUpstreamFailed"]));
  assert.deepEqual(new Set(upstream.events), new Set(["connected"]));
});

test("stopping the service tells the upstream of every client's going, and why", async () => {
  await using upstream = await UpstreamServer.start();
  await using hubwire = await hubwireWith(upstream.url, {
    upstream: { templates: [{ UrlTemplate: upstream.url }] },
  });
  await Promise.all(Array.from({ length: 10 }, () => connected(hubwire)));
  await hubwire.node.stop();
  const goings = upstream.requests.filter(({ event }) => event === "disconnected");
  assert.equal(goings.length, 10);
  assert.equal(String(goings[0]?.body), '{"type":11,"error":"Service reloading, try reconnecting"}');
});

describe("no secret of a template is in any event or answer", () => {
  process.env["TEST_UPSTREAM_CODE"] = "planted-secret";
  process.env["TEST_UPSTREAM_HOST"] = "planted-secret.invalid";
  for (const [what, url, shownUrl] of [
    [
      "in its query",
      "http://127.0.0.1:1/hook?code=${env:TEST_UPSTREAM_CODE}&also=planted-secret",
      "http://127.0.0.1:1/hook",
    ],
    [
      "in its path",
      "http://127.0.0.1:1/${env:TEST_UPSTREAM_CODE}",
      "http://127.0.0.1:1/${env:TEST_UPSTREAM_CODE}",
    ],
    ["that is its host", "http://${env:TEST_UPSTREAM_HOST}/", "http://${env:TEST_UPSTREAM_HOST}/"],
  ] as const)
    test(what, async () => {
      await using hubwire = await hubwireWith(url);
      const client = await connected(hubwire);
      await assert.rejects(client.invoke("Echo"), /^Error: Invocation failed, status code 500$/);
      await client.stop();
      const failed = await hubwire.event("upstream.failed");
      assert.equal(failed.url, shownUrl);
      assert.ok(!JSON.stringify(hubwire.events).includes("planted-secret"));
    });
});
