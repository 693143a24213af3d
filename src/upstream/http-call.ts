import type { IncomingHttpHeaders } from "node:http";
import { Agent, type Dispatcher } from "undici";
import type { ByteBudget } from "./byte-budget.ts";
import { networkReason, type UpstreamFailure, unanswered } from "./failure.ts";

/** What is sent. */
export interface HttpRequest {
  readonly url: URL;
  /** Names and values in turn. */
  readonly headers: string[];
  readonly body: Buffer;
}

/** What came back, read to its end. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Empty where it was not asked for. */
  readonly body: Buffer;
}

/** How much of an answer's body is kept. */
export interface BodyRules {
  /** Whether the body of an answer with this status is wanted at all. */
  readonly wanted: (status: number) => boolean;
  readonly maxBytes: number;
  /** Where its bytes are taken from, and given back when it was handed on. */
  readonly budget: ByteBudget;
}

/** What is read of a body that nobody wants, so that the connection can be used again. */
const MAX_SKIPPED_BYTES = 65_536;
const CONNECT_TIMEOUT_MS = 10_000;
const NO_BODY = Buffer.alloc(0);
const CUT = new Error("the call was ended");

/**
 * Connections that are kept alive; the only way out of the service. It follows no redirects and sets no deadline: callers do.
 * @param maxConnections to one host; what is above waits
 */
export function createHttpAgent(maxConnections: number): Agent {
  return new Agent({
    connections: maxConnections,
    connect: { timeout: CONNECT_TIMEOUT_MS },
    headersTimeout: 0,
    bodyTimeout: 0,
    allowH2: false,
  });
}

/** One POST. Tells its result exactly once, never before the constructor has returned. */
export class HttpCall implements Dispatcher.DispatchHandler {
  readonly #rules: BodyRules;
  #done: ((result: HttpAnswer | UpstreamFailure) => void) | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #status: number | undefined;
  #headers: IncomingHttpHeaders = {};
  #isWanted = false;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #heldBytes = 0;

  constructor(
    agent: Agent,
    { url, headers, body }: HttpRequest,
    rules: BodyRules,
    done: (result: HttpAnswer | UpstreamFailure) => void,
  ) {
    this.#rules = rules;
    this.#done = done;
    const { origin, pathname, search } = url;
    const path = pathname + search;
    try {
      agent.dispatch({ origin, path, method: "POST", headers, body }, this);
    } catch (error) {
      queueMicrotask(() => this.#finish(unanswered("unreachable", networkReason(error))));
    }
  }

  /** Gives up waiting; the result is the failure. */
  abort(outcome: "timeout" | "stopped", reason: string): void {
    const isAnswering = outcome === "stopped" || this.#status !== undefined;
    const cancelled = { outcome, reason, told: "Invocation failed, response cancelled." };
    this.#cut(isAnswering ? cancelled : unanswered("timeout", reason));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // Given up before there was a connection.
    if (this.#done === undefined) controller.abort(CUT);
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200) return;
    this.#status = status;
    this.#headers = headers;
    this.#isWanted = this.#rules.wanted(status);
    if (this.#isWanted && Number(headers["content-length"]) > this.#rules.maxBytes)
      this.#cut(this.#tooLarge());
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (!this.#isWanted) {
      if (this.#bytes > MAX_SKIPPED_BYTES) this.#cut(this.#answer(NO_BODY));
    } else if (this.#bytes > this.#rules.maxBytes) this.#cut(this.#tooLarge());
    else if (this.#rules.budget.take(chunk.length)) {
      this.#heldBytes += chunk.length;
      this.#chunks.push(chunk);
    } else
      this.#cut({
        outcome: "busy",
        reason: "too many bytes are held for all clients (upstream.maxQueuedBytes)",
        told: "Invocation failed, too busy.",
      });
  }

  onResponseEnd(): void {
    this.#finish(this.#answer(this.#isWanted ? Buffer.concat(this.#chunks) : NO_BODY));
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    const reason = networkReason(error);
    if (this.#status === undefined) this.#finish(unanswered("unreachable", reason));
    else if (!this.#isWanted) this.#finish(this.#answer(NO_BODY));
    else
      this.#finish({
        outcome: "interrupted",
        status: this.#status,
        reason,
        told: `Invocation failed, error: ${reason}.`,
      });
  }

  #answer(body: Buffer): HttpAnswer {
    return { status: this.#status ?? 0, headers: this.#headers, body };
  }

  #tooLarge(): UpstreamFailure {
    return {
      outcome: "tooLarge",
      reason: `its answer is larger than ${this.#rules.maxBytes} bytes`,
      told: "Invocation failed, response too large.",
    };
  }

  /** Ends the call with this result, and its connection with it. */
  #cut(result: HttpAnswer | UpstreamFailure): void {
    this.#finish(result);
    this.#controller?.abort(CUT);
  }

  #finish(result: HttpAnswer | UpstreamFailure): void {
    const done = this.#done;
    if (done === undefined) return;
    this.#done = undefined;
    this.#chunks = [];
    try {
      done(result);
    } finally {
      this.#rules.budget.give(this.#heldBytes);
      this.#heldBytes = 0;
    }
  }
}
