import type { ServerResponse } from "node:http";
import type { ClientSession } from "../core/client-session.ts";
import type { EncodedMessage } from "../core/encoded-message.ts";
import { type Batch, type OutboxSink, writePending } from "../core/outbox.ts";
import type { ClientTransport } from "../core/ports.ts";
import { EVENT_STREAM_START } from "../protocol/server-sent-event.ts";
import type { OpenTransport, TransportContext } from "./transport-context.ts";

/** One client on one event stream; what it sends comes by POST. */
export class ServerSentEventsTransport implements ClientTransport, OutboxSink, OpenTransport {
  readonly kind = "ServerSentEvents";
  pending: Batch | undefined;
  queued = false;
  session: ClientSession | undefined;
  readonly #context: TransportContext;
  readonly #response: ServerResponse;
  #progressBytes = 0;
  #progressAtMs: number;

  /**
   * Starts the stream: headers and the first bytes leave at once, or EventSource would not open.
   * @param headers further response headers, such as those of CORS
   */
  constructor(context: TransportContext, response: ServerResponse, headers: Record<string, unknown>) {
    this.#context = context;
    this.#response = response;
    this.#progressAtMs = context.clock.monotonicMs();
    response.writeHead(200, {
      ...(headers as Record<string, string>),
      "Content-Type": "text/event-stream",
      "Cache-Control": "no-cache,no-store",
      Pragma: "no-cache",
      "Content-Encoding": "identity",
      // For nginx, which would otherwise hold events back.
      "X-Accel-Buffering": "no",
      // What ends the stream ends the connection too: a service that stops need not wait for the client to let go.
      Connection: "close",
    });
    response.write(EVENT_STREAM_START);
    response.on("close", () => this.#gone());
    response.on("error", () => {});
    context.sweep.add(this);
  }

  get bufferedBytes(): number {
    return this.#response.writableLength;
  }

  send(message: EncodedMessage): void {
    this.#context.outboxes.ServerSentEvents.append(this, message.event);
  }

  flush(): void {
    writePending(this);
  }

  write(bytes: Buffer): void {
    this.#response.write(bytes);
    const { maxBufferedBytes } = this.#context.limits;
    if (this.bufferedBytes > maxBufferedBytes) this.#overflow(maxBufferedBytes);
  }

  close(): void {
    this.flush();
    this.session = undefined;
    this.#response.end();
  }

  destroy(): void {
    this.session = undefined;
    this.#response.destroy();
  }

  pause(): void {
    // What the client sends comes by POST, see `receivePost`.
  }

  resume(): void {
    // As with `pause`.
  }

  tick(nowMs: number): void {
    const takenBytes = this.#takenBytes;
    if (this.bufferedBytes === 0 || takenBytes !== this.#progressBytes) {
      this.#progressBytes = takenBytes;
      this.#progressAtMs = nowMs;
    } else if (nowMs - this.#progressAtMs >= this.#context.timeouts.sendMs)
      this.#overflow(this.bufferedBytes);
  }

  /** Bytes that the network has taken so far; grows with each write that it has taken to its end. */
  get #takenBytes(): number {
    const { socket } = this.#response;
    return socket === null ? 0 : socket.bytesWritten - socket.writableLength;
  }

  #overflow(waitingBytes: number): void {
    const { session } = this;
    this.session = undefined;
    session?.transportOverflowed(waitingBytes);
    this.destroy();
  }

  #gone(): void {
    this.#context.sweep.delete(this);
    this.pending = undefined;
    const { session } = this;
    this.session = undefined;
    session?.transportClosed(true, "The client left its event stream.");
  }
}
