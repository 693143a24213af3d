import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A network between clients and the service that a test can cut. */
export class TcpProxy implements AsyncDisposable {
  readonly #server = createServer();
  readonly #sockets = new Set<Socket>();

  static async start(target: string): Promise<TcpProxy> {
    const { hostname, port } = new URL(target);
    const proxy = new TcpProxy();
    proxy.#server.on("connection", (near: Socket) => {
      const far = connect({ host: hostname, port: Number(port) });
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        proxy.#sockets.add(from);
        from.setNoDelay(true);
        from.on("data", (chunk: Buffer) => to.write(chunk));
        from.on("error", () => {});
        from.on("close", () => {
          proxy.#sockets.delete(from);
          to.destroy();
        });
      }
    });
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Resets every connection, with all that is under way on it. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, "close");
  }
}
