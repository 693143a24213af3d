import type { Socket } from "node:net";
import { buildConnector, Client, type Dispatcher, WebSocket } from "undici";

/** How a socket has ended. */
export interface SocketEnd {
  readonly reason: string;
  /** Of an HTTP response that refused the WebSocket. */
  readonly status?: number;
}

/** Whom a socket tells; each is called from the event loop. */
export interface ServiceSocketHandler {
  onOpen(): void;
  /** Some of the stream of bytes that the service sends; they belong to the handler. */
  onBytes(bytes: Buffer): void;
  /** Everything that was sent has left. Not called where the socket took it at once. */
  onDrain(): void;
  /** Once, and the last. */
  onClosed(end: SocketEnd): void;
}

const MAX_WEBSOCKET_MESSAGE_BYTES = 256 * 1024 * 1024;
const CONNECT_TIMEOUT_MS = 15_000;
/** How long the service may take to answer the closing of a WebSocket. */
const CLOSE_TIMEOUT_MS = 2_000;

/** A WebSocket to the service, as a pipe of bytes: what a frame holds says nothing. */
export class ServiceSocket {
  readonly #handler: ServiceSocketHandler;
  readonly #client: Client;
  readonly #webSocket: WebSocket;
  #socket: Socket | undefined;
  #status: number | undefined;
  #error: Error | undefined;
  #closeTimer: NodeJS.Timeout | undefined;

  /** @param url ws: or wss: */
  constructor(url: URL, headers: Readonly<Record<string, string>>, handler: ServiceSocketHandler) {
    this.#handler = handler;
    const { origin } = new URL(url.href.replace(/^ws/, "http"));
    this.#client = new Client(origin, {
      connect: this.#connector(),
      headersTimeout: CONNECT_TIMEOUT_MS,
      webSocket: { maxPayloadSize: MAX_WEBSOCKET_MESSAGE_BYTES },
    });
    const dispatcher = this.#client.compose(
      (dispatch) => (options, next) => dispatch(options, this.#observed(next)),
    );
    this.#webSocket = new WebSocket(url, { headers: { ...headers }, dispatcher });
    this.#webSocket.binaryType = "arraybuffer";
    this.#webSocket.addEventListener("open", () => this.#onOpen());
    this.#webSocket.addEventListener("message", ({ data }) => {
      if (data instanceof ArrayBuffer) handler.onBytes(Buffer.from(data));
    });
    this.#webSocket.addEventListener("close", ({ code, reason }) => this.#onClose(code, reason));
  }

  /** Bytes that were sent and are still in this process. */
  get bufferedBytes(): number {
    return this.#socket?.writableLength ?? 0; // `bufferedAmount` is late: it counts down behind `onDrain`
  }

  send(bytes: Buffer): void {
    this.#webSocket.send(bytes);
  }

  /** Ends it after what was sent. */
  close(): void {
    this.#webSocket.close();
    this.#closeTimer ??= setTimeout(() => this.destroy(), CLOSE_TIMEOUT_MS).unref();
  }

  /** Ends it at once. */
  destroy(): void {
    this.#webSocket.close();
    this.#socket?.destroy();
  }

  /** Opens connections as undici does, and keeps the socket: only it tells when what was written has left. */
  #connector(): buildConnector.connector {
    const connect = buildConnector({ timeout: CONNECT_TIMEOUT_MS });
    return (options, callback) =>
      connect(options, (...result) => {
        if (result[1] !== null) this.#socket = result[1];
        callback(...result);
      });
  }

  /** A WebSocket does not tell why it could not be opened; the HTTP request does. */
  #observed(next: Dispatcher.DispatchHandler): Dispatcher.DispatchHandler {
    return {
      onRequestStart: (controller, context) => next.onRequestStart?.(controller, context),
      onRequestUpgrade: (controller, status, headers, socket) =>
        next.onRequestUpgrade?.(controller, status, headers, socket),
      onResponseStart: (controller, status, headers, text) => {
        this.#status = status;
        next.onResponseStart?.(controller, status, headers, text);
      },
      onResponseData: (controller, chunk) => next.onResponseData?.(controller, chunk),
      onResponseEnd: (controller, trailers) => next.onResponseEnd?.(controller, trailers),
      onResponseError: (controller, error) => {
        this.#error ??= error;
        next.onResponseError?.(controller, error);
      },
    };
  }

  #onOpen(): void {
    this.#socket?.setNoDelay(true);
    this.#socket?.on("drain", () => this.#handler.onDrain());
    this.#handler.onOpen();
  }

  #onClose(code: number, reason: string): void {
    clearTimeout(this.#closeTimer);
    this.#socket?.destroy();
    this.#client.destroy().catch(() => {}); // nothing waits for it
    const status = this.#status;
    if (status !== undefined)
      return this.#handler.onClosed({ reason: `The service answered with status ${status}.`, status });
    if (this.#error !== undefined)
      return this.#handler.onClosed({ reason: `No connection to the service: ${this.#error.message}` });
    const words = reason === "" ? "" : `: ${reason}`;
    this.#handler.onClosed({ reason: `The WebSocket was closed with code ${code}${words}.` });
  }
}
