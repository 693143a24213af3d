import { ReceiveBuffer } from "../core/receive-buffer.ts";
import { ProtocolError } from "../protocol/protocol-error.ts";
import type { HubwireMessage, ServiceMessage, SharedMessage } from "../protocol/service-message.ts";
import { ServiceMessageWriter } from "../protocol/service-message-writer.ts";
import {
  findServiceMessageEnd,
  readServiceMessage,
  type UnknownServiceMessage,
  writeServiceMessage,
} from "../protocol/service-protocol.ts";
import { NotConnectedError } from "./errors.ts";
import { ServiceSocket, type SocketEnd } from "./service-socket.ts";

type HandshakeRequest = Extract<ServiceMessage, { type: "handshakeRequest" }>;

/** What the service sends. */
export type FromService = HubwireMessage | SharedMessage | UnknownServiceMessage;

/** Whom a server connection tells. */
export interface ServerConnectionHandler {
  /** The service has accepted it. */
  onReady(connection: ServerConnection): void;
  /** In the order of sending; payloads are views that must be copied to be kept. */
  onMessage(connection: ServerConnection, message: FromService): void;
  /** Once, and the last. */
  onClosed(connection: ServerConnection, end: SocketEnd): void;
}

export interface ServerConnectionOptions {
  readonly id: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly handshake: Omit<HandshakeRequest, "type" | "version">;
  readonly nowMs: number;
  /** What the pings say. */
  readonly pingPairs: (connection: ServerConnection) => readonly (readonly [key: string, value: string])[];
  readonly handler: ServerConnectionHandler;
}

const HANDSHAKE_TIMEOUT_MS = 15_000;
const PING_INTERVAL_MS = 5_000;
/** The service pings every 5 seconds. */
const SILENCE_TIMEOUT_MS = 30_000;
/** Bytes on their way to the service above which senders wait. */
const HIGH_WATER_BYTES = 1024 * 1024;
/** The service bounds what clients send; this bounds what a broken one makes us keep. */
const MAX_SERVICE_MESSAGE_BYTES = 128 * 1024 * 1024;

/**
 * One connection to `/server`, docs/spec/service-protocol.md §3: the handshake, pings, and messages both ways. What is sent in one turn
 * of the event loop leaves in one write.
 */
export class ServerConnection {
  readonly id: string;
  readonly #options: ServerConnectionOptions;
  readonly #socket: ServiceSocket;
  readonly #writer = new ServiceMessageWriter();
  #state: "opening" | "ready" | "closed" = "opening";
  #unfinished: ReceiveBuffer | undefined;
  #isFlushDue = false;
  #heardAtMs: number;
  #pingedAtMs: number;
  #nowMs: number;
  #end: SocketEnd | undefined;
  #waiting: PromiseWithResolvers<void> | undefined;
  /** Set when the service says that it will take nothing more from it. */
  isSpoilt = false;

  constructor(options: ServerConnectionOptions) {
    this.id = options.id;
    this.#options = options;
    this.#nowMs = this.#heardAtMs = this.#pingedAtMs = options.nowMs;
    this.#socket = new ServiceSocket(options.url, options.headers, {
      onOpen: () => this.#write({ type: "handshakeRequest", version: 1, ...options.handshake }),
      onBytes: (bytes) => this.#receive(bytes),
      onDrain: () => this.#settle(),
      onClosed: (end) => this.#close(end),
    });
  }

  /** Whether it can be sent over. */
  get isUsable(): boolean {
    return this.#state === "ready" && !this.isSpoilt;
  }

  /** Whether what is sent now should wait for `drained`. */
  get isCongested(): boolean {
    return this.#writer.length + this.#socket.bufferedBytes > HIGH_WATER_BYTES;
  }

  /** Sends a message behind all others; without effect once it is closed. */
  send(message: ServiceMessage): void {
    if (this.#state === "ready") this.#write(message);
  }

  /** Sends a ConnectionData, as `ServiceMessageWriter.connectionData`. */
  sendData(head: Buffer, payload: Buffer, dataType: number): void {
    if (this.#state !== "ready") return;
    this.#writer.connectionData(head, payload, dataType);
    this.#scheduleFlush();
  }

  /** Resolves when it is no longer congested; rejects with NotConnectedError when it closes first. */
  drained(): Promise<void> {
    if (this.#state === "closed") return Promise.reject(new NotConnectedError());
    if (!this.isCongested) return Promise.resolve();
    this.#waiting ??= Promise.withResolvers<void>();
    return this.#waiting.promise;
  }

  /** To be called about once a second. */
  tick(nowMs: number): void {
    this.#nowMs = nowMs;
    if (this.#state === "closed") return;
    const silentMs = nowMs - this.#heardAtMs;
    if (this.#state === "opening" && silentMs > HANDSHAKE_TIMEOUT_MS)
      return this.#fail("The service did not accept the connection in time.");
    if (silentMs > SILENCE_TIMEOUT_MS) return this.#fail("The service was silent for too long.");
    if (this.#state !== "ready" || nowMs - this.#pingedAtMs < PING_INTERVAL_MS) return;
    this.#pingedAtMs = nowMs;
    this.#write({ type: "ping", pairs: this.#options.pingPairs(this) });
  }

  /** Ends it after what was sent. */
  close(reason: string): void {
    if (this.#end !== undefined || this.#state === "closed") return;
    this.#flush();
    this.#end = { reason };
    this.#socket.close();
  }

  #fail(reason: string): void {
    this.#end ??= { reason };
    this.#socket.destroy();
  }

  #write(message: ServiceMessage): void {
    writeServiceMessage(this.#writer, message);
    this.#scheduleFlush();
  }

  #scheduleFlush(): void {
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#isFlushDue = false;
    if (this.#state === "closed" || this.#writer.length === 0) return;
    this.#socket.send(this.#writer.take());
    this.#settle();
  }

  #receive(bytes: Buffer): void {
    if (this.#end !== undefined) return;
    this.#heardAtMs = this.#nowMs;
    try {
      this.#unfinished?.append(bytes);
      const all = this.#unfinished?.bytes ?? bytes;
      const end = this.#readMessages(all);
      if (this.#unfinished !== undefined) this.#unfinished.consume(end);
      else if (end < all.length) this.#unfinished = new ReceiveBuffer(all.subarray(end));
      if (this.#unfinished?.length === 0) this.#unfinished = undefined;
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#fail(`The service broke its protocol: ${error.message}`);
    }
  }

  #readMessages(bytes: Buffer): number {
    let at = 0;
    while (at < bytes.length && this.#end === undefined) {
      const end = findServiceMessageEnd(bytes, at, MAX_SERVICE_MESSAGE_BYTES);
      if (end < 0) break;
      // What only app servers send, no service does; whoever takes messages ignores it.
      this.#take(readServiceMessage(bytes, at, end) as FromService);
      at = end;
    }
    return at;
  }

  #take(message: FromService): void {
    if (this.#state === "ready") return this.#options.handler.onMessage(this, message);
    if (message.type !== "handshakeResponse")
      return this.#fail("The service sent something else before it accepted the connection.");
    if (message.error !== "") return this.#fail(`The service refused the connection: ${message.error}`);
    this.#state = "ready";
    this.#options.handler.onReady(this);
  }

  #settle(): void {
    if (this.#waiting === undefined || this.isCongested) return;
    this.#waiting.resolve();
    this.#waiting = undefined;
  }

  #close(end: SocketEnd): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#unfinished = undefined;
    this.#waiting?.promise.catch(() => {}); // those who wait have their own promises behind it
    this.#waiting?.reject(new NotConnectedError());
    this.#waiting = undefined;
    this.#options.handler.onClosed(this, this.#end ?? end);
  }
}
