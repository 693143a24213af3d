import { test } from "node:test";
import { encode } from "@msgpack/msgpack";
import fc from "fast-check";
import { mintRestToken } from "../../src/auth/token.ts";
import { Bystanders, PATIENT } from "../support/bystanders.ts";
import { clientFrame, clientText, FIN } from "../support/client-frame.ts";
import { call, settled } from "../support/http-call.ts";
import { connect, jsonWire, messagePackWire } from "../support/hub-wire.ts";
import { connectLongPolling } from "../support/long-polling.ts";
import { bearer, HANDSHAKE, negotiate } from "../support/negotiate.ts";
import { RawConnection } from "../support/raw-connection.ts";
import { TestHubwire } from "../support/start-hubwire.ts";

const RUNS = { numRuns: 200 };
/** Long enough for everything that was begun to time out. */
const ALL_TIMEOUTS_MS = 60_000;

/** Good requests to every kind of endpoint, of a hub that nobody is in. */
async function goodRequests(hubwire: TestHubwire): Promise<Buffer[]> {
  const token = hubwire.clientToken({ hub: "fuzz" });
  const send = "/api/hubs/fuzz/:send?api-version=2022-06-01";
  const restToken = mintRestToken({
    url: `${hubwire.url}${send}`,
    accessKey: "test-key-0123456789-0123456789",
    lifetimeSeconds: 3600,
    nowMs: hubwire.clock.epochMs(),
  });
  const request = (line: string, headers: string, body: string | Buffer = ""): Buffer =>
    Buffer.concat([Buffer.from(`${line} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`), Buffer.from(body)]);
  const upgrade =
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  const message = '{"target":"say","arguments":[1,"x",{"y":[]}]}';
  const chunked = `${message.length.toString(16)}\r\n${message}\r\n0\r\n\r\n`;
  const { path } = await negotiate(hubwire, { hub: "fuzz" });
  const { path: polls } = await connectLongPolling(hubwire, { hub: "fuzz" });
  const authorization = `Authorization: Bearer ${restToken}\r\nContent-Type: application/json\r\n`;
  return [
    request("GET /api/health", ""),
    request(`POST ${send}`, `${authorization}Content-Length: ${message.length}\r\n`, message),
    request(`POST ${send}`, `${authorization}Transfer-Encoding: chunked\r\n`, chunked),
    request("POST /client/negotiate?hub=fuzz", `Authorization: Bearer ${token}\r\nContent-Length: 0\r\n`),
    request(`GET ${path}`, "Accept: text/event-stream\r\n"),
    request(`GET ${polls}`, ""),
    request(`POST ${polls}`, `Content-Length: ${HANDSHAKE.length}\r\n`, HANDSHAKE),
    request(`DELETE ${path}`, ""),
    request(
      `GET /client?hub=fuzz&access_token=${token}`,
      upgrade,
      Buffer.concat([clientText(HANDSHAKE), clientText(jsonWire.invocation("Echo", [1], "1") as string)]),
    ),
  ];
}

/** Where a request is changed, as a share of its length, how much of it goes, and what comes in its place. */
const changes = fc.array(
  fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    removed: fc.nat(30),
    added: fc.oneof(
      fc.uint8Array({ maxLength: 30 }),
      fc
        .constantFrom("\r\n", "\r\n\r\n", " ", "\0", "%", "0", "chunked", "\x1e", "?", "/")
        .map((text) => Buffer.from(text)),
    ),
  }),
  { minLength: 1, maxLength: 4 },
);

test("random bytes on a connection, and good requests with random changes, harm nobody", async () => {
  await using hubwire = await TestHubwire.start(PATIENT);
  await using bystanders = await Bystanders.join(hubwire);
  const requests = await goodRequests(hubwire);
  const bytes = fc.oneof(
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 2_000 }).map((each) => Buffer.from(each)) },
    {
      weight: 9,
      arbitrary: fc.tuple(fc.constantFrom(...requests), changes).map(([request, all]) =>
        all.reduce((changed, { at, removed, added }) => {
          const start = Math.floor(at * changed.length);
          return Buffer.concat([changed.subarray(0, start), added, changed.subarray(start + removed)]);
        }, request),
      ),
    },
  );
  await fc.assert(
    fc.asyncProperty(bytes, fc.boolean(), async (garbage, isPolite) => {
      using connection = await RawConnection.open(hubwire);
      await connection.send(garbage);
      if (isPolite) await connection.end();
      else connection.socket.resetAndDestroy();
    }),
    RUNS,
  );
  await bystanders.served();
  hubwire.clock.advance(ALL_TIMEOUTS_MS);
  await bystanders.alone();
});

test("random bodies on every endpoint harm nobody", async () => {
  await using hubwire = await TestHubwire.start(PATIENT);
  await using bystanders = await Bystanders.join(hubwire);
  const types = [
    "application/json",
    "application/json; charset=utf-16le",
    "application/octet-stream",
    "application/x-msgpack",
    "text/plain",
    "\x80",
  ];
  const paths = ["groups/g/:send", "users/u/:send", "connections/c/:send", ":send", ":closeConnections"];
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...paths),
      fc.constantFrom(...types),
      fc.oneof(
        fc.uint8Array({ maxLength: 500 }),
        fc.json().map((text) => Buffer.from(text)),
        fc.object().map((value) => encode(value)),
      ),
      async (path, type, body) => {
        const url = `/api/hubs/fuzz/${path}?api-version=2022-06-01`;
        const response = await hubwire.rest("POST", url, { body, headers: { "Content-Type": type } });
        if (response.status >= 500) throw new Error(`${response.status} ${await response.text()}`);
        await response.arrayBuffer();
      },
    ),
    RUNS,
  );
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 500 }), async (body) => {
      const { path } = await connectLongPolling(hubwire, { hub: "fuzz" });
      await call(hubwire, "POST", path, { body: Buffer.from(body) });
      await call(hubwire, "POST", path, { body: "\x1e" });
      await call(hubwire, "DELETE", path);
    }),
    { numRuns: 50 },
  );
  hubwire.clock.advance(ALL_TIMEOUTS_MS);
  await bystanders.alone();
});

/** Members of hub messages, right and wrong. */
const members = {
  type: fc.oneof(fc.integer({ min: -1, max: 20 }), fc.anything()),
  target: fc.oneof(fc.string(), fc.anything()),
  invocationId: fc.oneof(fc.string(), fc.anything()),
  arguments: fc.oneof(fc.array(fc.anything()), fc.anything()),
  streamIds: fc.oneof(fc.array(fc.string()), fc.anything()),
  item: fc.anything(),
  result: fc.anything(),
  error: fc.oneof(fc.string(), fc.anything()),
  sequenceId: fc.oneof(fc.integer(), fc.anything()),
  headers: fc.oneof(fc.dictionary(fc.string(), fc.string()), fc.anything()),
  allowReconnect: fc.anything(),
};

const jsonMessage = fc
  .oneof(
    fc.record(members, { requiredKeys: ["type"] }).map((message) => `${asJson(message)}\x1e`),
    fc.json().map((text) => `${text}\x1e`),
    fc.string({ unit: "binary" }).map((text) => `${text}\x1e`),
  )
  .map((text) => Buffer.from(text));

/** JSON of what may have members that JSON does not have. */
function asJson(value: unknown): string {
  return JSON.stringify(value, (_key, each: unknown) => (typeof each === "bigint" ? Number(each) : each));
}

const messagePackMessage = fc.oneof(
  fc
    .array(fc.oneof(fc.integer({ min: -1, max: 20 }), fc.string(), fc.jsonValue(), fc.uint8Array()), {
      maxLength: 7,
    })
    .map((elements) => framed(encode(elements))),
  fc
    .tuple(fc.integer({ min: 0, max: 12 }), fc.array(fc.jsonValue(), { maxLength: 6 }))
    .map(([type, rest]) => framed(encode([type, {}, ...rest]))),
  fc.uint8Array({ minLength: 1, maxLength: 100 }).map(framed),
  fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes)),
);

function framed(content: Uint8Array): Buffer {
  const prefix =
    content.length < 128 ? [content.length] : [(content.length & 0x7f) | 0x80, content.length >> 7];
  return Buffer.concat([Buffer.from(prefix), content]);
}

async function negotiatedPath(hubwire: TestHubwire, hasStatefulReconnect: boolean): Promise<string> {
  const url = `/client/negotiate?hub=chat&negotiateVersion=1&useStatefulReconnect=${hasStatefulReconnect}`;
  const headers = bearer(hubwire.clientToken({ userId: "bystander" }));
  const { connectionToken } = JSON.parse((await call(hubwire, "POST", url, { headers })).body) as {
    connectionToken: string;
  };
  return `/client?hub=chat&id=${connectionToken}`;
}

for (const [wire, message] of [
  [jsonWire, jsonMessage],
  [messagePackWire, messagePackMessage],
] as const)
  test(`random ${wire.protocol} messages of a client in its hub reach nobody else`, async () => {
    await using hubwire = await TestHubwire.start(PATIENT);
    await using bystanders = await Bystanders.join(hubwire);
    await fc.assert(
      fc.asyncProperty(
        fc.array(message, { minLength: 1, maxLength: 10 }),
        fc.boolean(),
        async (messages, hasStatefulReconnect) => {
          // A client of the hub and the user that bystanders are of.
          const path = await negotiatedPath(hubwire, hasStatefulReconnect);
          const version = hasStatefulReconnect ? 2 : 1;
          using client = await connect(hubwire, { wire, path, version });
          for (const payload of messages) client.socket.write(clientFrame({ first: FIN | 2, payload }));
          client.close(1000);
          await client.takeToEnd();
        },
      ),
      RUNS,
    );
    await settled(hubwire);
    await bystanders.served();
    hubwire.clock.advance(ALL_TIMEOUTS_MS);
    await bystanders.alone();
  });
