import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import { Bystanders, PATIENT } from "../support/bystanders.ts";
import { RawConnection } from "../support/raw-connection.ts";
import { TestHubwire } from "../support/start-hubwire.ts";

/** Every kind of endpoint, and none. */
const endpoints = [
  "POST /client/negotiate?hub=chat",
  "GET /client?hub=chat",
  "POST /client?id=unknown",
  "POST /api/hubs/chat/:send?api-version=2022-06-01",
  "POST /api/v1/hubs/chat",
  "GET /api/health",
  "GET /nowhere",
] as const;

interface Garbage {
  readonly is: string;
  /** What is sent, before this side ends; the service may have let go earlier. */
  readonly bytes: string | Buffer;
  /** The status line's code; 0 where it hangs up without a word. */
  readonly status: number;
}

/** TLS 1.2: what a browser sends when it is told https. */
const CLIENT_HELLO = Buffer.concat([Buffer.from("16030100c8010000c40303", "hex"), Buffer.alloc(195, 7)]);

const notRequests: readonly Garbage[] = [
  { is: "nothing", bytes: "", status: 0 },
  { is: "random bytes", bytes: Buffer.concat([Buffer.of(0xfe), randomBytes(65_536)]), status: 400 },
  { is: "zeros", bytes: Buffer.alloc(65_536), status: 400 },
  { is: "TLS", bytes: CLIENT_HELLO, status: 400 },
  { is: "HTTP/2", bytes: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", status: 400 },
  { is: "WebSocket frames", bytes: Buffer.from("818537fa213d7f9f4d5158", "hex"), status: 400 },
  { is: "one byte", bytes: "G", status: 400 },
  { is: "an unknown method", bytes: "BREW / HTTP/1.1\r\nHost: a\r\n\r\n", status: 400 },
  { is: "a NUL", bytes: "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", status: 400 },
  { is: "HTTP/0.9", bytes: "GET /\r\n", status: 400 },
  { is: "HTTP/3.0", bytes: "GET / HTTP/3.0\r\nHost: a\r\n\r\n", status: 400 },
  { is: "a tunnel", bytes: "CONNECT example.org:443 HTTP/1.1\r\nHost: a\r\n\r\n", status: 0 },
];

/** What follows the path of a request line. */
const brokenRequests: readonly Garbage[] = [
  { is: "an unfinished line", bytes: " HTT", status: 400 },
  { is: "an unfinished header", bytes: " HTTP/1.1\r\nHost: a\r\nX", status: 400 },
  { is: "no end of headers", bytes: " HTTP/1.1\r\nHost: a\r\n", status: 400 },
  { is: "no host", bytes: " HTTP/1.1\r\n\r\n", status: 400 },
  { is: "a space in a header's name", bytes: " HTTP/1.1\r\nHost: a\r\nx y: z\r\n\r\n", status: 400 },
  { is: "a NUL in a header", bytes: " HTTP/1.1\r\nHost: a\r\nx: \0\r\n\r\n", status: 400 },
  { is: "a negative length", bytes: " HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", status: 400 },
  {
    is: "a length beyond all numbers",
    bytes: " HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
    status: 400,
  },
  {
    is: "two lengths",
    bytes: " HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    status: 400,
  },
  {
    is: "a length and chunks",
    bytes: " HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    status: 400,
  },
  {
    is: "chunks that are not the last encoding",
    bytes: " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    status: 400,
  },
];

async function exchange(hubwire: TestHubwire, ...pieces: readonly (string | Buffer)[]): Promise<string> {
  using connection = await RawConnection.open(hubwire);
  await connection.send(...pieces);
  return await connection.end();
}

function statusOf(answer: string): number {
  if (answer === "") return 0;
  const [, status] = /^HTTP\/1\.1 (\d{3}) /.exec(answer) ?? [];
  return Number(status);
}

describe("what is no HTTP", () => {
  test("is answered with 400 or hung up on, and nobody else notices", async () => {
    await using hubwire = await TestHubwire.start(PATIENT);
    await using bystanders = await Bystanders.join(hubwire);
    for (const { is, bytes, status } of notRequests)
      assert.equal(statusOf(await exchange(hubwire, bytes)), status, is);
    await bystanders.alone();
  });

  test("is answered with 400 on every endpoint, and nobody else notices", async () => {
    await using hubwire = await TestHubwire.start(PATIENT);
    await using bystanders = await Bystanders.join(hubwire);
    for (const endpoint of endpoints)
      for (const { is, bytes, status } of brokenRequests) {
        const answer = await exchange(hubwire, endpoint, bytes);
        assert.equal(statusOf(answer), status, `${is}: ${endpoint}`);
      }
    await bystanders.alone();
  });

  test("is told why, and the service lets go although the peer does not", async () => {
    await using hubwire = await TestHubwire.start(PATIENT);
    await using bystanders = await Bystanders.join(hubwire);
    using connection = await RawConnection.open(hubwire);
    await connection.send("garbage\r\n\r\n");
    const answer = await connection.answer;
    assert.match(answer, /^HTTP\/1\.1 400 .*x-ms-error-code: Error\.Request\.Invalid\r\n/s);
    assert.match(answer, /"message":"The request is not valid HTTP\/1\.1\."/);
    const goOn = setInterval(() => connection.socket.write("more"), 10);
    await connection.gone;
    clearInterval(goOn);
    await bystanders.alone();
  });
});
