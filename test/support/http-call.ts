import { type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";
import { setImmediate } from "node:timers/promises";
import type { TestHubwire } from "./start-hubwire.ts";

const PATIENCE_MS = 10_000;

/** A response read to its end. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

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
  readonly answer: Promise<Answer>;
  readonly #abort = new AbortController();

  constructor(hubwire: TestHubwire, method: string, path: string, { headers, body }: CallOptions = {}) {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    this.response = promise;
    this.answer = promise.then(readAnswer);
    // Who aborts a call asks for neither.
    this.answer.catch(() => {});
    request(
      { port: hubwire.port, agent: false, method, path, headers: { ...headers }, signal: this.#abort.signal },
      resolve,
    )
      .on("error", reject)
      .end(body);
  }

  /** Goes away without waiting for the answer. */
  abort(): void {
    this.#abort.abort();
  }
}

async function readAnswer(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  const { statusCode: status = 0, headers } = response;
  return { status, headers, body: Buffer.concat(chunks).toString() };
}

/** Resolves when the service has seen everything that was sent to it, or hung up on it, before: a later request is through. */
export async function settled(hubwire: TestHubwire): Promise<void> {
  for (let round = 0; round < 2; round++) await call(hubwire, "GET", "/api/health");
}

/** Resolves when the condition holds. */
export async function until(condition: () => boolean): Promise<void> {
  for (const start = Date.now(); !condition(); await setImmediate())
    if (Date.now() - start > PATIENCE_MS) throw new Error(`in vain: ${condition}`);
}

/** Resolves when nothing of any client is left in the service. */
export function emptied({ node }: TestHubwire): Promise<void> {
  return until(() => Object.values(node.size).every((count) => count === 0));
}
