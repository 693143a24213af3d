import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { ClientSession } from "../core/client-session.ts";
import type { EncodedMessage } from "../core/encoded-message.ts";
import { type Batch, type OutboxSink, writePending } from "../core/outbox.ts";
import type { ClientTransport } from "../core/ports.ts";
import { WebSocket, type WebSocketClosed, type WebSocketHandler } from "../websocket/web-socket.ts";
import type { OpenTransport, TransportContext } from "./transport-context.ts";

const NORMAL_CLOSURE = 1000;

/** One client on one WebSocket. Incoming frames and messages have no meaning to the hub protocol: they are one stream of bytes. */
export class WebSocketTransport implements ClientTransport, OutboxSink, WebSocketHandler, OpenTransport {
  readonly kind = "WebSockets";
  pending: Batch | undefined;
  queued = false;
  readonly #context: TransportContext;
  readonly #socket: WebSocket;
  /** Set right after construction; nothing arrives before. */
  session: ClientSession | undefined;
  #progressBytes = 0;
  #progressAtMs: number;
  #closingSinceMs: number | undefined;

  /**
   * Answers the upgrade and takes the socket.
   * @param upgrade a request that `isWebSocketUpgrade` accepts, and what came with it
   */
  constructor(
    context: TransportContext,
    { request, socket, head }: { request: IncomingMessage; socket: Socket; head: Buffer },
  ) {
    this.#context = context;
    this.#progressAtMs = context.clock.monotonicMs();
    this.#socket = WebSocket.accept(request, socket, head, this);
    context.sweep.add(this);
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedBytes;
  }

  send(message: EncodedMessage): void {
    this.#context.outboxes[message.transferFormat].append(this, message.webSocketFrame);
  }

  flush(): void {
    writePending(this);
  }

  write(bytes: Buffer): void {
    this.#socket.write(bytes);
    const { maxBufferedBytes } = this.#context.limits;
    if (this.#socket.bufferedBytes > maxBufferedBytes) this.#overflow(maxBufferedBytes);
  }

  close(): void {
    this.flush();
    this.#closingSinceMs ??= this.#context.clock.monotonicMs();
    this.#socket.close(NORMAL_CLOSURE);
  }

  destroy(): void {
    this.session = undefined;
    this.#socket.destroy();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  onData(piece: Buffer): void {
    this.session?.receive(piece);
  }

  onReadEnd(): void {
    this.flush();
  }

  onClosed({ code, reason, error }: WebSocketClosed): void {
    this.#closingSinceMs ??= this.#context.clock.monotonicMs();
    this.pending = undefined;
    const { session } = this;
    this.session = undefined;
    session?.transportClosed(code !== undefined, closedDetail(code, reason, error));
  }

  tick(nowMs: number): void {
    const { webSocketCloseMs, sendMs } = this.#context.timeouts;
    if (this.#closingSinceMs !== undefined) {
      if (nowMs - this.#closingSinceMs >= webSocketCloseMs) this.#socket.destroy();
      if (this.#socket.isGone) this.#context.sweep.delete(this);
      return;
    }
    const { takenBytes } = this.#socket;
    if (this.#socket.bufferedBytes === 0 || takenBytes !== this.#progressBytes) {
      this.#progressBytes = takenBytes;
      this.#progressAtMs = nowMs;
    } else if (nowMs - this.#progressAtMs >= sendMs) this.#overflow(this.#socket.bufferedBytes);
  }

  /** The client does not read: no close frame would reach it. */
  #overflow(waitingBytes: number): void {
    const { session } = this;
    this.session = undefined;
    session?.transportOverflowed(waitingBytes);
    this.destroy();
  }
}

function closedDetail(code: number | undefined, reason: string, error: string | undefined): string {
  if (error !== undefined) return error;
  if (code === undefined) return "The client's socket closed without a close frame.";
  return reason === "" ? `The client closed with ${code}.` : `The client closed with ${code}: ${reason}`;
}
