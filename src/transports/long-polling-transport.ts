import type { ClientSession } from "../core/client-session.ts";
import type { EncodedMessage } from "../core/encoded-message.ts";
import { type Batch, type OutboxSink, writePending } from "../core/outbox.ts";
import type { ClientTransport } from "../core/ports.ts";
import type { OpenTransport, TransportContext } from "./transport-context.ts";

/** What a poll is answered with. */
export type PollAnswer =
  /** The first poll, which only shows that the transport works, and a poll that found something. */
  | { readonly status: 200; readonly type: "application/octet-stream"; readonly body: Buffer }
  /** Nothing came in time. */
  | { readonly status: 200; readonly type: "text/plain" }
  /** The connection is over, or another poll has taken this one's place. */
  | { readonly status: 204; readonly type: "text/plain" };

/** One poll that may have to wait for its answer. */
export interface Poll {
  readonly answer: Promise<PollAnswer>;
  /** The client has given this poll up: what comes from now on waits for the next one. */
  readonly abandon: () => void;
}

const NOTHING = Buffer.alloc(0);
const OVER: PollAnswer = { status: 204, type: "text/plain" };
const QUIET: PollAnswer = { status: 200, type: "text/plain" };

/** One client that polls. Its messages wait here between polls, within the client's bound. */
export class LongPollingTransport implements ClientTransport, OutboxSink, OpenTransport {
  readonly kind = "LongPolling";
  pending: Batch | undefined;
  queued = false;
  session: ClientSession | undefined;
  readonly #context: TransportContext;
  readonly #idleLimitMs: number;
  readonly #onGone: () => void;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #answer: ((answer: PollAnswer) => void) | undefined;
  #isFirst = true;
  #isClosed = false;
  /** When the open poll began, or the last one ended. */
  #sinceMs: number;

  /**
   * @param idleLimitMs how long the client may go without a poll
   * @param onGone told once, when no later poll can be answered
   */
  constructor(context: TransportContext, idleLimitMs: number, onGone: () => void) {
    this.#context = context;
    this.#idleLimitMs = idleLimitMs;
    this.#onGone = onGone;
    this.#sinceMs = context.clock.monotonicMs();
    context.sweep.add(this);
  }

  get bufferedBytes(): number {
    return this.#waitingBytes;
  }

  /** Answers one poll; the poll before, if it still waits, ends with 204. */
  poll(): Poll {
    this.#respond(OVER);
    this.#sinceMs = this.#context.clock.monotonicMs();
    const { promise, resolve } = Promise.withResolvers<PollAnswer>();
    if (this.#isFirst) {
      this.#isFirst = false;
      resolve({ status: 200, type: "application/octet-stream", body: NOTHING });
    } else {
      this.#answer = resolve;
      if (this.#waitingBytes > 0) this.#respondWithData();
      else if (this.#isClosed) this.#gone();
    }
    return {
      answer: promise,
      abandon: () => {
        if (this.#answer === resolve) this.#respond(QUIET);
      },
    };
  }

  send(message: EncodedMessage): void {
    this.#context.outboxes.LongPolling.append(this, message.bytes);
  }

  flush(): void {
    writePending(this);
  }

  write(bytes: Buffer): void {
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#answer !== undefined) return this.#respondWithData();
    const { maxBufferedBytes } = this.#context.limits;
    if (this.#waitingBytes <= maxBufferedBytes) return;
    const { session } = this;
    this.destroy();
    session?.transportOverflowed(maxBufferedBytes);
  }

  close(): void {
    this.flush();
    this.session = undefined;
    this.#isClosed = true;
    if (this.#answer !== undefined) this.#gone();
  }

  destroy(): void {
    this.session = undefined;
    this.#waiting = [];
    this.#gone();
  }

  pause(): void {
    // What the client sends comes by POST, see `receivePost`.
  }

  resume(): void {
    // As with `pause`.
  }

  tick(nowMs: number): void {
    const sinceMs = nowMs - this.#sinceMs;
    if (this.#answer !== undefined) {
      if (sinceMs >= this.#context.timeouts.pollMs) this.#respond(QUIET);
    } else if (sinceMs >= this.#idleLimitMs) {
      const { session } = this;
      this.destroy();
      session?.transportClosed(true, "The client stopped polling.");
    }
  }

  #respondWithData(): void {
    const body = this.#waiting.length === 1 ? this.#waiting[0] : Buffer.concat(this.#waiting);
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#respond({ status: 200, type: "application/octet-stream", body: body ?? NOTHING });
  }

  #respond(answer: PollAnswer): void {
    const respond = this.#answer;
    if (respond === undefined) return;
    this.#answer = undefined;
    this.#sinceMs = this.#context.clock.monotonicMs();
    respond(answer);
  }

  #gone(): void {
    this.#context.sweep.delete(this);
    this.#respond(OVER);
    this.#onGone();
  }
}
