import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";

/** A server that speaks whatever a test wants, byte for byte. */
export class RawServer implements AsyncDisposable {
  readonly sockets: Socket[] = [];
  readonly #server = createServer();

  /** @param onRequest called with each connection when the first bytes of a request have come */
  static async start(onRequest: (socket: Socket, request: string) => void): Promise<RawServer> {
    const raw = new RawServer();
    raw.#server.on("connection", (socket: Socket) => {
      raw.sockets.push(socket);
      socket.on("error", () => {}).on("data", (bytes: Buffer) => onRequest(socket, bytes.toString("latin1")));
    });
    raw.#server.listen(0, "127.0.0.1");
    await once(raw.#server, "listening");
    return raw;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }
}

/** Resolves once the connection is over, however it ended. */
export function socketClosed(socket: Socket | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (socket === undefined || socket.closed) resolve();
    else socket.once("close", () => resolve());
  });
}

/** Writes the same chunk for as long as the peer takes it. */
export function writeForEver(socket: Socket, chunk: Buffer): void {
  const write = (): void => {
    while (!socket.destroyed && socket.write(chunk));
    if (!socket.destroyed) socket.once("drain", write);
  };
  write();
}
