import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { WebSocketError } from "../protocol/websocket-error.ts";
import { closeFrame, pongFrame } from "../protocol/websocket-frame.ts";
import { type WebSocketFrameHandler, WebSocketReader } from "../protocol/websocket-reader.ts";
import { handshakeResponse } from "./handshake.ts";

/** A peer that pings and does not read gets no pongs while more than this waits for it. RFC 6455 §5.5.3 allows to leave some out. */
const MAX_BUFFERED_BYTES_FOR_PONG = 64 * 1024;
const NORMAL_CLOSURE = 1000;

/** How a connection ended. */
export interface WebSocketClosed {
  /** The code of the peer's close frame, 1005 when it had none; `undefined` when the connection ended without one. */
  readonly code: number | undefined;
  /** The reason in the peer's close frame. */
  readonly reason: string;
  /** What the peer did wrong, or the network. */
  readonly error?: string;
}

/** Whoever a `WebSocket` belongs to. Never called from inside of the `WebSocket`'s own methods. Must not throw. */
export interface WebSocketHandler {
  /** See `WebSocketFrameHandler.onData`. */
  onData(piece: Buffer, isBinary: boolean, endOfMessage: boolean): void;
  /** All that one read of the socket brought has been handed over: the time to flush replies to it, ahead of a close frame. */
  onReadEnd(): void;
  /** Nothing that was written waits any more, after some did. */
  onDrain?(): void;
  /** The connection is over; called exactly once, and nothing else afterwards. */
  onClosed(event: WebSocketClosed): void;
}

const DROPPED: WebSocketClosed = { code: undefined, reason: "" };

const webSocketOf = Symbol("webSocketOf");

interface AcceptedSocket extends Socket {
  [webSocketOf]: WebSocket;
}

/** A listener for the sockets of all connections, which finds the connection by its socket: no closures per connection. */
function sharedListener<Argument = void>(
  listen: (webSocket: WebSocket, argument: Argument) => void,
): (this: AcceptedSocket, argument: Argument) => void {
  return function (argument) {
    listen(this[webSocketOf], argument);
  };
}

/**
 * The server's end of one WebSocket connection.
 *
 * It has no timers: its owner must call `destroy` when, some seconds after `close` was called or `onClosed` was told (SignalR: 5),
 * the socket is not gone yet (`isGone`), and when a peer takes nothing of what is buffered for it (`takenBytes` stands still).
 * Otherwise a peer that never answers, reads or ends would hold it for ever.
 */
export class WebSocket implements WebSocketFrameHandler {
  readonly #socket: Socket;
  readonly #handler: WebSocketHandler;
  readonly #reader = new WebSocketReader();
  /** `closing`: nothing is sent or handed over any more. `closed`: `onClosed` was told. */
  #state: "open" | "closing" | "closed" = "open";

  private constructor(socket: Socket, handler: WebSocketHandler) {
    this.#socket = socket;
    this.#handler = handler;
  }

  /**
   * Answers the handshake and takes the socket over.
   * @param request one that `isWebSocketUpgrade` holds for; not kept
   * @param head what came behind the request; belongs to the `WebSocket` from now on
   */
  static accept(
    request: IncomingMessage,
    socket: Socket,
    head: Buffer,
    handler: WebSocketHandler,
  ): WebSocket {
    const webSocket = new WebSocket(socket, handler);
    const accepted = Object.assign(socket, { [webSocketOf]: webSocket });
    accepted.setTimeout(0);
    accepted.setNoDelay(true);
    accepted.on("error", WebSocket.#socketFailed);
    accepted.on("close", WebSocket.#socketClosed);
    accepted.on("end", WebSocket.#socketEnded);
    if (handler.onDrain !== undefined) accepted.on("drain", WebSocket.#socketDrained);
    // Its "close" has been and will not come again.
    if (accepted.closed) process.nextTick(() => webSocket.#over(DROPPED));
    accepted.write(handshakeResponse(request), "latin1");
    if (head.length > 0) accepted.unshift(head);
    accepted.on("data", WebSocket.#socketRead);
    return webSocket;
  }

  /** Bytes that were written and that the network has not taken yet. */
  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  /** Bytes that the network has taken so far; grows with each write that it has taken to its end. */
  get takenBytes(): number {
    return this.#socket.bytesWritten - this.#socket.writableLength;
  }

  /** Whether the socket has been let go. */
  get isGone(): boolean {
    return this.#socket.destroyed;
  }

  /** Writes one frame or several joined ones; nothing once a close frame was sent. `bytes` must not change afterwards. */
  write(bytes: Buffer): void {
    if (this.#state === "open") this.#socket.write(bytes);
  }

  /** Sends a close frame and waits for the peer's; what the peer still sends is dropped. Does nothing the second time. */
  close(code: number, reason?: string): void {
    if (this.#state !== "open") return;
    this.#state = "closing";
    this.#socket.write(closeFrame(code, reason));
    this.#socket.resume();
  }

  /** Drops the connection with all that is buffered; of the handler only `onClosed` is still called. */
  destroy(): void {
    if (this.#state === "open") this.#state = "closing";
    this.#socket.destroy();
  }

  /** Stops reading; what was read already is still handed over. */
  pause(): void {
    if (this.#state === "open") this.#socket.pause();
  }

  /** Goes on reading. */
  resume(): void {
    this.#socket.resume();
  }

  /** For the reader only. */
  onData(piece: Buffer, isBinary: boolean, endOfMessage: boolean): void {
    if (this.#state === "open") this.#handler.onData(piece, isBinary, endOfMessage);
  }

  /** For the reader only. */
  onPing(payload: Buffer): void {
    if (this.#state !== "open" || this.bufferedBytes > MAX_BUFFERED_BYTES_FOR_PONG) return;
    // Uncorked after the read: a read full of pings costs one write.
    if (this.#socket.writableCorked === 0) this.#socket.cork();
    this.#socket.write(pongFrame(payload));
  }

  /** For the reader only. */
  onPong(): void {
    // Nothing waits for pongs: we send no pings, SignalR has its own.
  }

  /** For the reader only. */
  onClose(code: number, reason: string): void {
    if (this.#state === "open") {
      this.#handler.onReadEnd();
      this.close(NORMAL_CLOSURE);
    }
    this.#socket.destroySoon();
    this.#over({ code, reason });
  }

  #read(chunk: Buffer): void {
    if (this.#state === "closed") return;
    try {
      this.#reader.read(chunk, this);
      if (this.#state === "open") this.#handler.onReadEnd();
    } catch (error) {
      if (!(error instanceof WebSocketError)) throw error;
      this.#fail(error);
    } finally {
      this.#socket.uncork();
    }
  }

  /** The socket stays readable until the peer ends it: closed with unread data it would be reset, and the close frame lost. */
  #fail(error: WebSocketError): void {
    if (this.#state === "open") this.#handler.onReadEnd();
    this.close(error.closeCode, error.message);
    this.#socket.end();
    this.#over({ ...DROPPED, error: error.message });
  }

  /** The peer ended its side. After its close frame, or an error, that is as it should be, and our last frame may be on its way. */
  #readEnded(): void {
    if (this.#state !== "closed") this.#socket.destroy();
    this.#over(DROPPED);
  }

  #over(event: WebSocketClosed): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#handler.onClosed(event);
  }

  static readonly #socketRead = sharedListener((webSocket, chunk: Buffer) => webSocket.#read(chunk));
  static readonly #socketEnded = sharedListener((webSocket) => webSocket.#readEnded());
  static readonly #socketDrained = sharedListener((webSocket) => {
    if (webSocket.#state !== "closed") webSocket.#handler.onDrain?.();
  });
  static readonly #socketFailed = sharedListener((webSocket, error: Error) =>
    webSocket.#over({ ...DROPPED, error: error.message }),
  );
  static readonly #socketClosed = sharedListener((webSocket) => webSocket.#over(DROPPED));
}
