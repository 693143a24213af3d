import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { WebSocket, type WebSocketClosed, type WebSocketHandler } from "../../src/websocket/web-socket.ts";

/** A message put together, or the end of the connection. */
export type Received =
  | { readonly data: Buffer; readonly isBinary: boolean }
  | { readonly closed: WebSocketClosed };

/** The server's end of one connection under test: writes down what happens, in order, and lets a test wait for it. */
export class ServerEnd implements WebSocketHandler {
  readonly received: Received[] = [];
  readEnds = 0;
  /** What a test does with each message, in the same turn. */
  onMessage: ((data: Buffer, isBinary: boolean) => void) | undefined;
  onReadEnd: () => void = () => {
    this.readEnds++;
  };
  #webSocket: WebSocket | undefined;
  #pieces: Buffer[] = [];
  #wake: (() => void) | undefined;

  get webSocket(): WebSocket {
    if (this.#webSocket === undefined) throw new Error("called before accept returned");
    return this.#webSocket;
  }

  set webSocket(webSocket: WebSocket) {
    this.#webSocket = webSocket;
  }

  onData(piece: Buffer, isBinary: boolean, endOfMessage: boolean): void {
    void this.webSocket;
    this.#pieces.push(Buffer.from(piece));
    if (!endOfMessage) return;
    const data = Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#add({ data, isBinary });
    this.onMessage?.(data, isBinary);
  }

  onClosed(closed: WebSocketClosed): void {
    this.#add({ closed });
  }

  get texts(): string[] {
    return this.received.flatMap((event) => ("data" in event ? [event.data.toString()] : []));
  }

  /** How the connection ended, each time it was told: once, or something is wrong. */
  get closed(): WebSocketClosed[] {
    return this.received.flatMap((event) => ("closed" in event ? [event.closed] : []));
  }

  /** Resolves once there are `count` messages and ends. */
  async receives(count: number): Promise<void> {
    while (this.received.length < count) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
  }

  #add(received: Received): void {
    this.received.push(received);
    this.#wake?.();
  }
}

/** A server on a free port whose every connection is a `WebSocket`. */
export class WebSocketServer implements AsyncDisposable {
  readonly #server = createServer();
  readonly #sockets = new Set<Socket>();
  /** What happens to a connection between its request and `accept`. */
  beforeAccept: ((socket: Socket) => Promise<void>) | undefined;
  /** Connections in the order they came, and those that a test waits for. */
  readonly #ends: ServerEnd[] = [];
  #wake: (() => void) | undefined;

  private constructor() {
    this.#server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => {
        this.#sockets.delete(socket);
        this.#server.emit("gone");
      });
    });
    this.#server.on("upgrade", (request, socket, head) => {
      const accept = (): void => {
        const end = new ServerEnd();
        end.webSocket = WebSocket.accept(request, socket as Socket, head, end);
        this.#ends.push(end);
        this.#wake?.();
      };
      if (this.beforeAccept === undefined) accept();
      else void this.beforeAccept(socket as Socket).then(accept);
    });
  }

  static async start(): Promise<WebSocketServer> {
    const server = new WebSocketServer();
    server.#server.listen(0, "127.0.0.1");
    await once(server.#server, "listening");
    return server;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}`;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The next connection that was not asked for yet. */
  async accepted(): Promise<ServerEnd> {
    for (;;) {
      const end = this.#ends.shift();
      if (end !== undefined) return end;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
  }

  /** Resolves once no socket is left. */
  async empty(): Promise<void> {
    while (this.#sockets.size > 0) await once(this.#server, "gone");
  }

  /** A plain socket that has shaken hands, or that sends the handshake together with `following`. */
  async connectRaw(following: Buffer = Buffer.alloc(0)): Promise<{ socket: Socket; end: ServerEnd }> {
    const socket = connect({ port: this.port, host: "127.0.0.1", allowHalfOpen: true });
    socket.on("error", () => {});
    socket.write(Buffer.concat([Buffer.from(HANDSHAKE), following]));
    const end = await this.accepted();
    return { socket, end };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }
}

const HANDSHAKE =
  "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/** Everything a plain socket receives behind the response to the handshake, until the server ends it. */
export async function readToEnd(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(socket, "end");
  const all = Buffer.concat(chunks);
  return all.subarray(all.indexOf("\r\n\r\n") + 4);
}
