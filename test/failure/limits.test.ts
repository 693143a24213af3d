import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { mintRestToken } from "../../src/auth/token.ts";
import { Bystanders, PATIENT } from "../support/bystanders.ts";
import { connectEventStream } from "../support/event-stream.ts";
import { call } from "../support/http-call.ts";
import { connectLongPolling } from "../support/long-polling.ts";
import { RawConnection } from "../support/raw-connection.ts";
import { TestHubwire } from "../support/start-hubwire.ts";

const MEGABYTE = Buffer.alloc(1_048_576, "x");

const CLOSE_MESSAGE = '{"type":7}\x1e';

/** Paths of every kind of endpoint, and of none. */
const paths = [
  "/client/negotiate?hub=chat",
  "/client?hub=chat&id=unknown",
  "/api/hubs/chat/:send?api-version=2022-06-01",
  "/api/v1/hubs/chat",
  "/api/health",
  "/nowhere",
] as const;

const UPGRADE =
  "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/** Sends all of it, unless the service lets go before, and resolves to the answer. */
async function exchange(hubwire: TestHubwire, ...pieces: readonly (string | Buffer)[]): Promise<string> {
  using connection = await RawConnection.open(hubwire);
  await connection.send(...pieces);
  return await connection.end();
}

function assertRefused(answer: string, status: number, code: string): void {
  assert.match(answer.slice(0, 2_000), new RegExp(`^HTTP/1\\.1 ${status} `));
  assert.match(answer, new RegExp(`x-ms-error-code: ${code.replaceAll(".", "\\.")}\r\n`, "i"));
}

describe("headers over their limit are answered with 431", () => {
  for (const { size, headers } of [
    { size: "a little", headers: [`X: ${"x".repeat(16_384)}\r\n`] },
    { size: "thousands of small ones", headers: Array.from({ length: 5_000 }, (_, at) => `X${at}: 1\r\n`) },
    { size: "20 megabytes", headers: ["X: ", ...Array.from({ length: 20 }, () => MEGABYTE)] },
    { size: "a line without an end", headers: ["X".repeat(100_000)] },
  ])
    test(size, async () => {
      await using hubwire = await TestHubwire.start(PATIENT);
      await using bystanders = await Bystanders.join(hubwire);
      for (const path of paths)
        for (const upgrade of ["", UPGRADE]) {
          const answer = await exchange(
            hubwire,
            `GET ${path} HTTP/1.1\r\nHost: a\r\n${upgrade}`,
            ...headers,
            "\r\n\r\n",
          );
          assertRefused(answer, 431, "Error.Request.HeadersTooLarge");
        }
      await bystanders.alone();
    });
});

describe("a URI over its limit is answered with 414", () => {
  for (const { size, rest } of [
    { size: "a little", rest: ["x".repeat(12_288)] },
    { size: "20 megabytes", rest: Array.from({ length: 20 }, () => MEGABYTE) },
  ])
    test(size, async () => {
      await using hubwire = await TestHubwire.start(PATIENT);
      await using bystanders = await Bystanders.join(hubwire);
      for (const path of paths)
        for (const upgrade of ["", UPGRADE]) {
          const answer = await exchange(
            hubwire,
            `GET ${path}?x=`,
            ...rest,
            ` HTTP/1.1\r\nHost: a\r\n${upgrade}\r\n`,
          );
          assertRefused(answer, 414, "Error.Request.UriTooLong");
        }
      await bystanders.alone();
    });
});

describe("a body over its limit is answered with 413", () => {
  /** A request's head and 20 megabytes, with their length ahead or in chunks. */
  function tooMuch(isChunked: boolean, lines: string): (string | Buffer)[] {
    const pieces = Array.from({ length: 20 }, () => MEGABYTE);
    const framing = isChunked ? "Transfer-Encoding: chunked" : `Content-Length: ${20 * MEGABYTE.length}`;
    const head = `${lines}Host: a\r\nContent-Type: application/json\r\n${framing}\r\n\r\n`;
    return isChunked
      ? [head, ...pieces.flatMap((piece) => ["100000\r\n", piece, "\r\n"]), "0\r\n\r\n"]
      : [head, ...pieces];
  }

  for (const isChunked of [false, true])
    for (const path of ["/api/hubs/chat/:send?api-version=2022-06-01", "/api/v1/hubs/chat"])
      test(`by REST at ${path}, ${isChunked ? "in chunks" : "announced"}`, async () => {
        await using hubwire = await TestHubwire.start(PATIENT);
        await using bystanders = await Bystanders.join(hubwire);
        const token = mintRestToken({
          url: `${hubwire.url}${path}`,
          accessKey: "test-key-0123456789-0123456789",
          lifetimeSeconds: 60,
          nowMs: hubwire.clock.epochMs(),
        });
        const lines = `POST ${path} HTTP/1.1\r\nAuthorization: Bearer ${token}\r\n`;
        assertRefused(await exchange(hubwire, ...tooMuch(isChunked, lines)), 413, "Error.Request.TooLarge");
        await bystanders.alone();
      });

  for (const isChunked of [false, true])
    for (const [transport, connect, leave] of [
      ["an event stream", connectEventStream, "POST"],
      ["long polling", connectLongPolling, "DELETE"],
    ] as const)
      test(`by a client of ${transport}, ${isChunked ? "in chunks" : "announced"}`, async () => {
        await using hubwire = await TestHubwire.start(PATIENT);
        await using bystanders = await Bystanders.join(hubwire);
        const { path } = await connect(hubwire);
        const answer = await exchange(hubwire, ...tooMuch(isChunked, `POST ${path} HTTP/1.1\r\n`));
        assert.match(answer, /^HTTP\/1\.1 413 /);
        await bystanders.served();
        await call(hubwire, leave, path, { body: CLOSE_MESSAGE });
        await bystanders.alone();
      });
});
