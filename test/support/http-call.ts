import { type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";
import { setImmediate } from "node:timers/promises";
import type { TestHubwire } from "./start-hubwire.ts";

const PATIENCE_MS = 10_000;

/** A response read to its end. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  /** The same as text. */
  readonly body: string;
}

/** What makes a GET a request for a WebSocket. */
export const UPGRADE: Readonly<Record<string, string>> = {
  Connection: "Upgrade",
  Upgrade: "websocket",
  "Sec-WebSocket-Version": "13",
  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
};

export interface CallOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

/** Sends a request as it is, on a connection of its own, and reads the answer. */
export function call(
  hubwire: TestHubwire,
  method: string,
  path: string,
  options?: CallOptions,
): Promise<Answer> {
  return new Call(hubwire, method, path, options).answer;
}

/** As `call`, but resolves as soon as the service has begun to answer or to let the request wait. */
export async function beginCall(
  hubwire: TestHubwire,
  method: string,
  path: string,
  options?: CallOptions,
): Promise<Call> {
  const begun = new Call(hubwire, method, path, options);
  await settled(hubwire);
  return begun;
}

/** A request under way. */
export class Call {
  readonly response: Promise<IncomingMessage>;
  readonly #abort = new AbortController();

  constructor(hubwire: TestHubwire, method: string, path: string, { headers, body }: CallOptions = {}) {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    this.response = promise;
    // Who aborts a call does not ask for it.
    promise.catch(() => {});
    const signal = AbortSignal.any([this.#abort.signal, AbortSignal.timeout(PATIENCE_MS)]);
    request({ port: hubwire.port, agent: false, method, path, headers: { ...headers }, signal }, resolve)
      .on("error", reject)
      .end(body);
  }

  /** The response, read to its end. To be asked for once. */
  get answer(): Promise<Answer> {
    return this.response.then(readAnswer);
  }

  /** Goes away without waiting for the answer. */
  abort(): void {
    this.#abort.abort();
  }
}

/** Reads a response to its end. */
export async function readAnswer(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  const { statusCode: status = 0, headers } = response;
  const bytes = Buffer.concat(chunks);
  return { status, headers, bytes, body: bytes.toString() };
}

/** Resolves when the service has seen everything that was sent to it, or hung up on it, before: a later request is through. */
export async function settled(hubwire: TestHubwire): Promise<void> {
  for (let round = 0; round < 2; round++) await call(hubwire, "GET", "/api/health");
}

/** Resolves when the condition holds. */
export async function until(condition: () => boolean): Promise<void> {
  for (const start = Date.now(); !condition(); await setImmediate())
    if (Date.now() - start > PATIENCE_MS) throw new Error(`in vain: ${condition.toString()}`);
}

/** Resolves when nothing of any client is left in the service. */
export function emptied({ node }: TestHubwire): Promise<void> {
  return until(() => Object.values(node.size).every((count) => count === 0));
}
