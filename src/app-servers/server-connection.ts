import type { Clock } from "../core/clock.ts";
import { ReceiveBuffer } from "../core/receive-buffer.ts";
import type { Sweepable } from "../core/sweep.ts";
import { ProtocolError } from "../protocol/protocol-error.ts";
import { DataType, type ServiceMessage } from "../protocol/service-message.ts";
import { ServiceMessageWriter } from "../protocol/service-message-writer.ts";
import {
  findServiceMessageEnd,
  readServiceMessage,
  type UnknownServiceMessage,
  writeServiceMessage,
} from "../protocol/service-protocol.ts";
import { frameInPlace, MAX_HEADER_BYTES } from "../protocol/websocket-frame.ts";
import type { Upgrade } from "../websocket/upgrade.ts";
import { WebSocket, type WebSocketClosed, type WebSocketHandler } from "../websocket/web-socket.ts";
import type { ClientLine } from "./client-line.ts";
import { isForClients, type ServerHandshake } from "./server-registry.ts";

const VERSION = 1;
const NORMAL_CLOSURE = 1000;
/** What is written within one turn is written at once beyond this. */
const MAX_WAITING_BYTES = 256 * 1024;
/** The part of `limits.maxServerBufferedBytes` from which on clients are read no further. */
const CONGESTED_SHARE = 8;
/** Bytes of an app server that may wait for its present request to end before its socket is read no further. */
const MAX_UNREAD_BYTES = 64 * 1024;

/** Who a server connection belongs to, as its request said. */
export interface ServerIdentity {
  /** Full hub name. */
  readonly hub: string;
  /** Its app server; one may have connections of many hubs. */
  readonly serverId: string;
  /** Chosen by the app server, for logs. */
  readonly connectionId: string;
  /** The SDK and its version, for logs. */
  readonly userAgent: string;
}

/** What all server connections of a node share. */
export interface ServerContext {
  readonly clock: Clock;
  readonly limits: { readonly maxServiceMessageBytes: number; readonly maxServerBufferedBytes: number };
  readonly timeouts: {
    readonly handshakeMs: number;
    readonly serverPingMs: number;
    readonly serverMs: number;
    readonly sendMs: number;
    readonly webSocketCloseMs: number;
  };
  /** Runs a function at the end of this turn of the event loop. */
  readonly schedule: (flush: () => void) => void;
  /** Judges a handshake; a text refuses the connection. */
  readonly refusal: (connection: ServerConnection) => string | undefined;
  /** The connection's handshake was accepted. */
  readonly opened: (connection: ServerConnection) => void;
  /** One message behind the handshake. What comes next waits for the promise, if there is one, which must not reject. */
  readonly received: (
    connection: ServerConnection,
    message: ServiceMessage | UnknownServiceMessage,
  ) => Promise<void> | undefined;
  /** It is over, and has still the clients that it had. Called once for each that was made. */
  readonly closed: (connection: ServerConnection, reason: string) => void;
  /** A fault of the service, which costs this connection. */
  readonly failed: (connection: ServerConnection, error: unknown) => void;
}

/**
 * One WebSocket of an app server: the messages of the service protocol on it, its handshake and its liveness. Frames carry no
 * meaning, the messages are one stream each way. Messages are taken one after the other; what is sent within a turn
 * of the event loop leaves in one frame. docs/spec/service-protocol.md §3, §4.
 */
export class ServerConnection implements WebSocketHandler, Sweepable {
  readonly hub: string;
  readonly serverId: string;
  readonly connectionId: string;
  readonly userAgent: string;
  /** Its clients by their connection ids. */
  readonly lines: Map<string, ClientLine> = new Map();
  /** Its app server goes: it gets no new clients. */
  isOffline = false;
  readonly #context: ServerContext;
  readonly #socket: WebSocket;
  readonly #writer = new ServiceMessageWriter(MAX_HEADER_BYTES);
  readonly #openedAtMs: number;
  #state: "handshaking" | "open" | "closed" = "handshaking";
  #wasOpened = false;
  #handshake: ServerHandshake = { connectionType: 0, migrationLevel: 0, allowStatefulReconnects: false };
  #received: ReceiveBuffer | undefined;
  /** A message's work is under way: the next one waits. */
  #isBusy = false;
  #isPaused = false;
  #isScheduled = false;
  #isCongested = false;
  #heardAtMs: number;
  #pingedAtMs: number;
  #progressBytes = 0;
  #progressAtMs: number;
  #closingSinceMs: number | undefined;

  constructor(context: ServerContext, identity: ServerIdentity, { request, socket, head }: Upgrade) {
    this.#context = context;
    this.hub = identity.hub;
    this.serverId = identity.serverId;
    this.connectionId = identity.connectionId;
    this.userAgent = identity.userAgent;
    const nowMs = context.clock.monotonicMs();
    this.#openedAtMs = nowMs;
    this.#heardAtMs = nowMs;
    this.#pingedAtMs = nowMs;
    this.#progressAtMs = nowMs;
    this.#socket = WebSocket.accept(request, socket, head, this);
  }

  /** One of `ConnectionType`. */
  get type(): number {
    return this.#handshake.connectionType;
  }

  get migrationLevel(): number {
    return this.#handshake.migrationLevel;
  }

  get allowsStatefulReconnect(): boolean {
    return this.#handshake.allowStatefulReconnects;
  }

  get clients(): number {
    return this.lines.size;
  }

  /** Whether new clients may be bound to it. */
  get takesClients(): boolean {
    return this.#state === "open" && !this.isOffline && isForClients(this.type);
  }

  get isOpen(): boolean {
    return this.#state === "open";
  }

  /** Whether its handshake was accepted. */
  get wasOpened(): boolean {
    return this.#wasOpened;
  }

  /** Whether the socket is let go, after the end. */
  get isGone(): boolean {
    return this.#state === "closed" && this.#socket.isGone;
  }

  /** Whether more waits for the app server than should: its clients are to be read no further. */
  get isCongested(): boolean {
    return this.#isCongested;
  }

  /** Sends a message at the end of this turn; does nothing when the connection is over. */
  send(message: ServiceMessage): void {
    if (this.#state === "closed") return;
    writeServiceMessage(this.#writer, message);
    this.#scheduleFlush();
  }

  /**
   * Sends a client's bytes, the hot path.
   * @param head see `connectionDataHead`
   * @param dataType one of `DataType`
   */
  sendData(head: Buffer, payload: Buffer, dataType: number): void {
    if (this.#state === "closed") return;
    this.#writer.connectionData(head, payload, dataType);
    this.#scheduleFlush();
  }

  /** Ends the connection after what was sent. */
  close(reason: string): void {
    if (this.#state === "closed") return;
    this.#flush();
    this.#socket.close(NORMAL_CLOSURE);
    this.#end(reason);
  }

  /** Tells the app server what it has done wrong, and ends the connection. */
  fail(reason: string): void {
    if (this.#state === "open") this.send({ type: "serviceError", message: reason });
    this.close(reason);
  }

  /** Drops the connection with all that waits for it. */
  destroy(reason = "The service stopped."): void {
    this.#socket.destroy();
    this.#end(reason);
  }

  tick(nowMs: number): void {
    const { handshakeMs, serverMs, serverPingMs, sendMs, webSocketCloseMs } = this.#context.timeouts;
    if (this.#closingSinceMs !== undefined) {
      if (nowMs - this.#closingSinceMs >= webSocketCloseMs) this.#socket.destroy();
      return;
    }
    if (this.#state === "handshaking") {
      if (nowMs - this.#openedAtMs >= handshakeMs) this.close("The app server sent no handshake in time.");
      return;
    }
    // While its own request keeps us from reading, silence is ours.
    if (this.#isPaused) this.#heardAtMs = nowMs;
    if (nowMs - this.#heardAtMs >= serverMs)
      return this.fail(`The app server was silent for ${serverMs / 1000} s.`);
    const { takenBytes, bufferedBytes } = this.#socket;
    if (bufferedBytes === 0 || takenBytes !== this.#progressBytes) {
      this.#progressBytes = takenBytes;
      this.#progressAtMs = nowMs;
    } else if (nowMs - this.#progressAtMs >= sendMs)
      return this.destroy(`The app server read nothing for ${sendMs / 1000} s.`);
    if (nowMs - this.#pingedAtMs < serverPingMs) return;
    this.#pingedAtMs = nowMs;
    this.send({ type: "ping", pairs: [] });
  }

  onData(piece: Buffer): void {
    if (this.#state === "closed") return;
    this.#heardAtMs = this.#context.clock.monotonicMs();
    if (this.#received !== undefined) this.#received.append(piece);
    else if (this.#isBusy) this.#received = new ReceiveBuffer(piece);
    if (!this.#isBusy) this.#read(this.#received?.bytes ?? piece);
    else if ((this.#received?.length ?? 0) > MAX_UNREAD_BYTES && !this.#isPaused) {
      this.#isPaused = true;
      this.#socket.pause();
    }
  }

  onReadEnd(): void {
    // What answers the app server leaves with what this turn sends it besides.
  }

  onDrain(): void {
    if (!this.#isCongested) return;
    this.#isCongested = false;
    for (const line of this.lines.values()) line.resume();
  }

  onClosed({ code, reason, error }: WebSocketClosed): void {
    this.#closingSinceMs ??= this.#context.clock.monotonicMs();
    this.#end(
      error ??
        (code === undefined
          ? "The app server's socket closed without a close frame."
          : `The app server closed with ${code}${reason === "" ? "." : `: ${reason}`}`),
    );
  }

  #read(bytes: Buffer): void {
    const consumed = this.#readMessages(bytes);
    if (this.#state === "closed" || consumed === bytes.length) this.#received = undefined;
    else if (this.#received === undefined) this.#received = new ReceiveBuffer(bytes.subarray(consumed));
    else this.#received.consume(consumed);
  }

  /** Takes whole messages until one's work must be waited for; returns the index after the last. */
  #readMessages(bytes: Buffer): number {
    let at = 0;
    try {
      while (at < bytes.length && !this.#isBusy && this.#state !== "closed") {
        const end = findServiceMessageEnd(bytes, at, this.#context.limits.maxServiceMessageBytes);
        if (end < 0) break;
        this.#receive(readServiceMessage(bytes, at, end));
        at = end;
      }
    } catch (error) {
      if (error instanceof ProtocolError) this.fail(error.message.replace(/^\w+Exception: /, ""));
      else {
        this.#context.failed(this, error);
        this.fail("Internal server error.");
      }
    }
    return at;
  }

  #receive(message: ServiceMessage | UnknownServiceMessage): void {
    if (this.#state === "handshaking") return this.#open(message);
    const work = this.#context.received(this, message);
    if (work === undefined) return;
    this.#isBusy = true;
    void work.then(this.#goOn);
  }

  readonly #goOn = (): void => {
    this.#isBusy = false;
    if (this.#received !== undefined) this.#read(this.#received.bytes);
    if (this.#isBusy || !this.#isPaused) return;
    this.#isPaused = false;
    this.#socket.resume();
  };

  #open(message: ServiceMessage | UnknownServiceMessage): void {
    if (message.type !== "handshakeRequest")
      return this.close(`A server connection begins with a HandshakeRequest, not with ${message.type}.`);
    this.#handshake = message;
    const error =
      message.version === VERSION
        ? (this.#context.refusal(this) ?? "")
        : `Version ${message.version} of the service protocol is not supported, only ${VERSION}.`;
    this.send({ type: "handshakeResponse", error, connectionId: this.connectionId });
    if (error !== "") return this.close(error);
    this.#state = "open";
    this.#wasOpened = true;
    this.#context.opened(this);
  }

  #scheduleFlush(): void {
    if (this.#writer.length > MAX_WAITING_BYTES) return this.#flush();
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#context.schedule(this.#flushAtEndOfTurn);
  }

  readonly #flushAtEndOfTurn = (): void => {
    this.#isScheduled = false;
    this.#flush();
  };

  #flush(): void {
    if (this.#writer.length === 0 || this.#state === "closed") return;
    this.#socket.write(frameInPlace(this.#writer.take(), MAX_HEADER_BYTES));
    const { maxServerBufferedBytes } = this.#context.limits;
    const { bufferedBytes } = this.#socket;
    if (bufferedBytes > maxServerBufferedBytes)
      return this.destroy(
        `The app server is too slow: more than ${maxServerBufferedBytes} bytes wait for it.`,
      );
    if (bufferedBytes > maxServerBufferedBytes / CONGESTED_SHARE) this.#isCongested = true;
  }

  #end(reason: string): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#closingSinceMs ??= this.#context.clock.monotonicMs();
    this.#received = undefined;
    this.#context.closed(this, reason);
  }
}

/** What a ConnectionData says that it holds, for the type of its hub message. */
export function dataTypeOf(hubMessageType: number | undefined): number {
  if (hubMessageType === undefined) return DataType.unknown;
  if (hubMessageType <= 5) return DataType.invocation;
  return hubMessageType === 7 ? DataType.close : DataType.other;
}
