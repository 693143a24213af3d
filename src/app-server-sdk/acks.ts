import { AckStatus, type ServiceMessage } from "../protocol/service-message.ts";
import { NotConnectedError, TimeoutError } from "./errors.ts";
import type { ServerConnection } from "./server-connection.ts";

type Ack = Extract<ServiceMessage, { type: "ack" }>;

/** What the service answered to a request: whether what it is about exists, and the answer to a query. */
export interface Answer {
  readonly found: boolean;
  readonly payload?: Buffer;
}

interface Request {
  readonly connection: ServerConnection;
  readonly askedAtMs: number;
  readonly promise: PromiseWithResolvers<Answer>;
}

const TIMEOUT_MS = 10_000;
const MAX_ACK_ID = 2 ** 31 - 1;

/** Requests to the service that wait for its acknowledgement, docs/spec/service-protocol.md §3.7. */
export class Acks {
  readonly #requests = new Map<number, Request>();
  #lastId = 0;

  /** Requests that wait. */
  get size(): number {
    return this.#requests.size;
  }

  /**
   * A new request's number, and what comes of it.
   * @param connection that it is sent over: its answer comes back the same way
   */
  expect(connection: ServerConnection, nowMs: number): { ackId: number; answer: Promise<Answer> } {
    this.#lastId = this.#lastId === MAX_ACK_ID ? 1 : this.#lastId + 1;
    const promise = Promise.withResolvers<Answer>();
    this.#requests.set(this.#lastId, { connection, askedAtMs: nowMs, promise });
    return { ackId: this.#lastId, answer: promise.promise };
  }

  /** Takes an answer; one that nobody waits for is ignored. */
  take({ ackId, status, message, payload }: Ack): void {
    const promise = this.#requests.get(ackId)?.promise;
    this.#requests.delete(ackId);
    if (promise === undefined) return;
    switch (status) {
      case AckStatus.ok:
      case AckStatus.notFound: {
        const found = status === AckStatus.ok;
        // Copied, as the message is a view.
        return promise.resolve(payload === undefined ? { found } : { found, payload: Buffer.from(payload) });
      }
      case AckStatus.timeout:
      case AckStatus.internalError:
        return promise.reject(new TimeoutError(message || "The service could not do it in time."));
      default:
        return promise.reject(new Error(message || `The service answered with status ${status}.`));
    }
  }

  /** What was asked over a lost connection is answered no more. */
  lost(connection: ServerConnection): void {
    for (const [ackId, request] of this.#requests)
      if (request.connection === connection) this.#fail(ackId, request, new NotConnectedError());
  }

  tick(nowMs: number): void {
    for (const [ackId, request] of this.#requests) {
      if (nowMs - request.askedAtMs <= TIMEOUT_MS) return; // the oldest come first
      this.#fail(ackId, request, new TimeoutError("The service did not answer in time."));
    }
  }

  #fail(ackId: number, { promise }: Request, error: Error): void {
    this.#requests.delete(ackId);
    promise.reject(error);
  }
}
