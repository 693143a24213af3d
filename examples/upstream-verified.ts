// A webhook that checks what it is sent as Azure Functions does, for JSON and MessagePack clients. Usage: docs/upstream.md.
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { decode, encode } from "@msgpack/msgpack";

const { ACCESS_KEY = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGH", PORT = "7071" } = process.env;

/** What clients can invoke. */
const methods: Record<string, (...args: never[]) => unknown> = {
  Add: (a: number, b: number) => a + b,
  Echo: (value: unknown) => value,
  Nothing: () => undefined,
};

interface Invocation {
  readonly invocationId: string | undefined;
  readonly target: string;
  readonly args: readonly unknown[];
}

/** One codec for each content type. Bodies have no frame; completions must have theirs. */
const codecs = {
  "application/json": {
    read(body: Buffer): Invocation {
      const { invocationId, target, arguments: args } = JSON.parse(body.toString());
      return { invocationId, target, args };
    },
    completion: (completion: object) => Buffer.from(`${JSON.stringify({ type: 3, ...completion })}\x1e`),
  },
  "application/x-msgpack": {
    read(body: Buffer): Invocation {
      const [, , invocationId, target, args] = decode(body) as [1, object, string | null, string, unknown[]];
      return { invocationId: invocationId ?? undefined, target, args };
    },
    completion({ invocationId, result, error }: { invocationId: string; result?: unknown; error?: string }) {
      const kind = error !== undefined ? [1, error] : result === undefined ? [2] : [3, result];
      const message = encode([3, {}, invocationId, ...kind]);
      return Buffer.concat([lengthPrefix(message.length), message]);
    },
  },
};

function lengthPrefix(length: number): Buffer {
  const bytes: number[] = [];
  for (let left = length; ; left >>= 7) {
    if (left < 0x80) return Buffer.from([...bytes, left]);
    bytes.push((left & 0x7f) | 0x80);
  }
}

/** Any of the access keys may have signed: one digest for each, with commas. */
function isSigned(headers: IncomingHttpHeaders): boolean {
  const connectionId = String(headers["x-asrs-connection-id"]);
  const expected = createHmac("sha256", ACCESS_KEY).update(connectionId).digest();
  return String(headers["x-asrs-signature"])
    .split(",")
    .map((digest) => Buffer.from(digest.replace(/^sha256=/, ""), "hex"))
    .some((digest) => digest.length === expected.length && timingSafeEqual(digest, expected));
}

function answer(headers: IncomingHttpHeaders, body: Buffer): { status: number; body?: Buffer } {
  const contentType = headers["content-type"]?.split(";")[0];
  if (contentType !== "application/json" && contentType !== "application/x-msgpack") return { status: 415 };
  if (!isSigned(headers)) return { status: 401 };
  const { "x-asrs-hub": hub, "x-asrs-category": category, "x-asrs-event": event } = headers;
  if (!hub || !category || !event) return { status: 400 };
  console.log(hub, category, event, headers["x-asrs-user-id"] ?? "(anonymous)");
  if (category === "connections") {
    const { type } = JSON.parse(body.toString());
    return { status: type === (event === "connected" ? 10 : 11) ? 200 : 400 };
  }
  const codec = codecs[contentType];
  const { invocationId, target, args } = codec.read(body);
  if (target !== event) return { status: 400 };
  const method = Object.hasOwn(methods, target) ? methods[target] : undefined;
  if (method === undefined) return { status: 404 };
  const result = method(...(args as never[]));
  return invocationId === undefined
    ? { status: 200 }
    : { status: 200, body: codec.completion({ invocationId, result }) };
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { status, body } = answer(request.headers, await buffer(request));
  response.writeHead(status).end(body);
}

const server = createServer((request, response) => {
  serve(request, response).catch(() => response.writeHead(500).end());
}).listen({ port: PORT, host: "localhost" }, () => console.log("listens", server.address()));
