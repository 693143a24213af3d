import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { Call } from "./http-call.ts";
import {
  HANDSHAKE,
  HANDSHAKE_REPLY,
  type Negotiated,
  type NegotiateOptions,
  negotiate,
} from "./negotiate.ts";
import type { TestHubwire } from "./start-hubwire.ts";

const PATIENCE_MS = 10_000;
const EVENT_END = "\r\n\r\n";

/** A client's event stream as it comes over the wire. */
export class EventStream {
  readonly headers: IncomingHttpHeaders;
  readonly #call: Call;
  readonly #response: IncomingMessage;
  #text = "";

  private constructor(call: Call, response: IncomingMessage) {
    this.#call = call;
    this.#response = response;
    this.headers = response.headers;
    response.setEncoding("utf8").on("data", (text: string) => {
      this.#text += text;
    });
    response.on("error", () => {});
  }

  /** Opens the stream, and reads what every stream begins with. */
  static async open(
    hubwire: TestHubwire,
    path: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<EventStream> {
    const call = new Call(hubwire, "GET", path, { headers: { Accept: "text/event-stream", ...headers } });
    const response = await call.response;
    assert.equal(response.statusCode, 200);
    const stream = new EventStream(call, response);
    assert.equal(await stream.take(3), ":\r\n");
    return stream;
  }

  /** The next event as it is written, without the empty line that ends it. */
  async next(): Promise<string> {
    for (;;) {
      const end = this.#text.indexOf(EVENT_END);
      if (end >= 0) return (await this.take(end + EVENT_END.length)).slice(0, end);
      await this.#happens("data");
    }
  }

  /** The next characters, as soon as there are so many. */
  async take(length: number): Promise<string> {
    this.#response.resume();
    while (this.#text.length < length) await this.#happens("data");
    const taken = this.#text.slice(0, length);
    this.#text = this.#text.slice(length);
    return taken;
  }

  /** Resolves when the stream has ended, to what was left of it. */
  get ended(): Promise<string> {
    return this.#rest();
  }

  /** Takes no more of what the service writes, so that it waits there. */
  pause(): void {
    this.#response.pause();
  }

  /** Hangs up. */
  abort(): void {
    this.#call.abort();
  }

  async #happens(event: "data" | "end"): Promise<void> {
    await once(this.#response, event, { signal: AbortSignal.timeout(PATIENCE_MS) });
  }

  async #rest(): Promise<string> {
    if (!this.#response.readableEnded) await this.#happens("end");
    return this.take(this.#text.length);
  }
}

/** A client in its hub on an event stream. */
export async function connectEventStream(
  hubwire: TestHubwire,
  options: NegotiateOptions = {},
): Promise<Negotiated & { stream: EventStream }> {
  const negotiated = await negotiate(hubwire, options);
  const stream = await EventStream.open(hubwire, negotiated.path);
  await new Call(hubwire, "POST", negotiated.path, { body: HANDSHAKE }).answer;
  assert.equal(await stream.next(), `data: ${HANDSHAKE_REPLY}`);
  return { ...negotiated, stream };
}
