import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { after, describe, test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { RawServer, socketClosed, writeForEver } from "../../test/support/raw-server.ts";
import { ByteBudget } from "./byte-budget.ts";
import type { UpstreamFailure } from "./failure.ts";
import { type BodyRules, createHttpAgent, type HttpAnswer, HttpCall } from "./http-call.ts";

const agent = createHttpAgent(100);
after(() => agent.destroy());

const BODY = Buffer.from("{}");
const MAX_BYTES = 100_000;

interface PostOptions extends Partial<BodyRules> {
  readonly headers?: string[];
  /** Gets the call under way. */
  readonly begun?: (call: HttpCall) => void;
}

async function post(url: string, { begun, headers = [], ...rules }: PostOptions = {}) {
  const budget = rules.budget ?? new ByteBudget(Infinity);
  const all = { wanted: () => true, maxBytes: MAX_BYTES, ...rules, budget };
  const results: (HttpAnswer | UpstreamFailure)[] = [];
  await new Promise<void>((resolve) => {
    const call = new HttpCall(agent, { url: new URL(url), headers, body: BODY }, all, (result) => {
      results.push(result);
      resolve();
    });
    assert.equal(results.length, 0);
    begun?.(call);
  });
  assert.equal(results.length, 1);
  assert.equal(budget.heldBytes, 0);
  const [result] = results;
  assert.ok(result);
  return result;
}

/** What came back, briefly. */
function seen(result: HttpAnswer | UpstreamFailure): unknown[] {
  return "outcome" in result ? [result.outcome, result.told] : [result.status, result.body.toString()];
}

function answering(...parts: readonly string[]): Promise<RawServer> {
  return RawServer.start((socket) => {
    for (const part of parts) socket.write(part);
  });
}

const OK = "HTTP/1.1 200 OK\r\n";

describe("a call", () => {
  test("is a POST of the body with the headers, and its answer is read to its end", async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    await using server = await RawServer.start((socket, request) => {
      resolve(request);
      socket.write(`${OK}x-a: b\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n`);
    });
    const result = await post(`${server.url}/a%2Fb?c=d#e`, { headers: ["X-One", "1"] });
    assert.deepEqual(seen(result), [200, "abc"]);
    assert.match(await promise, /^POST \/a%2Fb\?c=d HTTP\/1\.1\r\n[\s\S]*X-One: 1\r\n[\s\S]*\r\n\r\n\{\}$/);
  });

  test("passes over early hints", async () => {
    await using server = await answering(
      "HTTP/1.1 103 Early Hints\r\n\r\n",
      `${OK}content-length: 2\r\n\r\nok`,
    );
    assert.deepEqual(seen(await post(server.url)), [200, "ok"]);
  });

  test("does not follow redirects", async () => {
    await using server = await answering(
      "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
    );
    assert.deepEqual(seen(await post(server.url)), [302, ""]);
  });

  test("uses its connection again", async () => {
    await using server = await answering(`${OK}content-length: 2\r\n\r\nok`);
    for (let count = 0; count < 3; count++) {
      await post(server.url);
      await nextTurn(); // undici's own rule
    }
    assert.equal(server.sockets.length, 1);
  });
});

describe("what goes wrong", () => {
  test("nobody listens", async () => {
    const server = await answering();
    const { url } = server;
    await server[Symbol.asyncDispose]();
    const result = await post(url);
    assert.ok("outcome" in result);
    assert.deepEqual(seen(result), ["unreachable", "Invocation failed, status code 500"]);
    assert.equal(result.reason, "connect ECONNREFUSED");
  });

  test("there is no such host", async () => {
    const result = await post("http://nowhere.invalid/");
    assert.ok("outcome" in result);
    assert.equal(result.outcome, "unreachable");
    assert.match(result.reason, /^getaddrinfo E[A-Z_]+$/);
  });

  test("it hangs up before it answers", async () => {
    await using server = await RawServer.start((socket) => socket.resetAndDestroy());
    assert.deepEqual(seen(await post(server.url)), ["unreachable", "Invocation failed, status code 500"]);
  });

  test("it answers no HTTP", async () => {
    await using server = await answering("SSH-2.0-OpenSSH\r\n");
    assert.equal(seen(await post(server.url))[0], "unreachable");
  });

  test("it answers headers without end", async () => {
    await using server = await RawServer.start((socket) => {
      socket.write(OK);
      writeForEver(socket, Buffer.from(`x-a: ${"y".repeat(1000)}\r\n`));
    });
    assert.equal(seen(await post(server.url))[0], "unreachable");
  });

  test("it changes the protocol", async () => {
    await using server = await answering(
      "HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n",
    );
    assert.equal(seen(await post(server.url))[0], "unreachable");
  });

  for (const [how, end] of [
    ["reset", (socket: Socket) => void socket.resetAndDestroy()],
    ["end", (socket: Socket) => void socket.end()],
  ] as const)
    test(`the connection breaks within the body: ${how}`, async () => {
      await using server = await RawServer.start((socket) => {
        socket.write(`${OK}content-length: 100\r\n\r\nabc`, () => setImmediate(end, socket));
      });
      const result = await post(server.url);
      assert.ok("outcome" in result);
      assert.equal(result.outcome, "interrupted");
      assert.equal(result.told, `Invocation failed, error: ${result.reason}.`);
      assert.notEqual(result.reason, "");
    });

  test("its request cannot be sent", async () => {
    const result = await post("http://127.0.0.1:1/", { headers: ["bad name", "x"] });
    assert.equal(seen(result)[0], "unreachable");
  });
});

describe("a body that is too large", () => {
  const TOO_LARGE = ["tooLarge", "Invocation failed, response too large."];

  test("is taken at the limit and refused one byte above it", async () => {
    for (const [length, expected] of [
      [MAX_BYTES, 200],
      [MAX_BYTES + 1, "tooLarge"],
    ] as const) {
      await using server = await RawServer.start((socket) =>
        socket.write(
          `${OK}transfer-encoding: chunked\r\n\r\n${length.toString(16)}\r\n${"x".repeat(length)}\r\n0\r\n\r\n`,
        ),
      );
      assert.equal(seen(await post(server.url))[0], expected);
    }
  });

  test("is refused by what its header tells, before any of it", async () => {
    await using server = await answering(`${OK}content-length: 10000000000\r\n\r\n`);
    assert.deepEqual(seen(await post(server.url)), TOO_LARGE);
  });

  test("without end is cut, and its connection with it", async () => {
    await using server = await RawServer.start((socket) => {
      socket.write(`${OK}connection: close\r\n\r\n`);
      writeForEver(socket, Buffer.alloc(65_536));
    });
    assert.deepEqual(seen(await post(server.url)), TOO_LARGE);
    const [socket] = server.sockets;
    await socketClosed(socket);
    assert.ok((socket?.bytesWritten ?? Infinity) < 16_777_216);
  });

  test("is cut where the node has no room, too", async () => {
    await using server = await answering(`${OK}content-length: 5000\r\n\r\n${"x".repeat(5000)}`);
    const budget = new ByteBudget(4_000);
    assert.deepEqual(seen(await post(server.url, { budget })), ["busy", "Invocation failed, too busy."]);
  });

  test("is not read where nobody wants it: what is short is passed over, what is long is cut", async () => {
    const wanted = (): boolean => false;
    await using short = await answering(`${OK}content-length: 3\r\n\r\nabc`);
    assert.deepEqual(seen(await post(short.url, { wanted })), [200, ""]);
    await nextTurn();
    assert.deepEqual(seen(await post(short.url, { wanted })), [200, ""]);
    assert.equal(short.sockets.length, 1);
    await using long = await RawServer.start((socket) => {
      socket.write(`HTTP/1.1 500 No\r\nconnection: close\r\n\r\n`);
      writeForEver(socket, Buffer.alloc(65_536));
    });
    assert.deepEqual(seen(await post(long.url, { wanted })), [500, ""]);
    await using broken = await RawServer.start((socket) => {
      socket.write(`${OK}content-length: 9\r\n\r\nabc`, () => setImmediate(() => socket.resetAndDestroy()));
    });
    assert.deepEqual(seen(await post(broken.url, { wanted })), [200, ""]);
  });
});

describe("giving up", () => {
  test("before an answer is the same as status 500", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    await using server = await RawServer.start(() => resolve());
    const begun = (call: HttpCall): void =>
      void promise.then(() => call.abort("timeout", "it took too long"));
    assert.deepEqual(seen(await post(server.url, { begun })), [
      "timeout",
      "Invocation failed, status code 500",
    ]);
    const [socket] = server.sockets;
    await socketClosed(socket);
  });

  test("before there is a connection", async () => {
    await using server = await answering();
    const begun = (call: HttpCall): void => call.abort("timeout", "it took too long");
    assert.equal(seen(await post(server.url, { begun }))[0], "timeout");
  });

  test("within the body is a cancelled response", async () => {
    const call = Promise.withResolvers<HttpCall>();
    await using server = await RawServer.start((socket) => {
      socket.write(`${OK}content-length: 100\r\n\r\nabc`);
    });
    const budget = new ByteBudget(1_000);
    const take = budget.take.bind(budget);
    budget.take = (bytes) => {
      void call.promise.then((begun) => begun.abort("timeout", "it took too long"));
      return take(bytes);
    };
    const result = await post(server.url, { budget, begun: call.resolve });
    assert.deepEqual(seen(result), ["timeout", "Invocation failed, response cancelled."]);
  });
});
