import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { TestHubwire } from "./start-hubwire.ts";

/** A TCP connection to the service that sends any bytes, and never ends by itself. */
export class RawConnection implements Disposable {
  readonly socket: Socket;
  /** Resolves when the service has ended its side, to all that it sent. */
  readonly answer: Promise<string>;
  /** Resolves when the connection is gone for the service too: what is sent after its end is answered with a reset. */
  readonly gone: Promise<void>;
  #received = "";

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding("latin1").on("data", (text: string) => {
      this.#received += text;
    });
    socket.on("error", () => {});
    this.gone = new Promise((resolve) => socket.once("close", () => resolve()));
    const ended = new Promise<void>((resolve) => socket.once("end", resolve));
    this.answer = Promise.race([ended, this.gone]).then(() => this.#received);
  }

  static async open({ port, url }: TestHubwire): Promise<RawConnection> {
    const socket = connect({ port, host: new URL(url).hostname, allowHalfOpen: true, noDelay: true });
    await once(socket, "connect");
    return new RawConnection(socket);
  }

  /** What has come so far. */
  get received(): string {
    return this.#received;
  }

  /** Sends all of it, as far as the service takes it; resolves early when the service lets go. */
  async send(...pieces: readonly (string | Uint8Array)[]): Promise<void> {
    for (const piece of pieces) {
      if (this.socket.destroyed) return;
      if (this.socket.write(piece)) continue;
      await Promise.race([new Promise((resolve) => this.socket.once("drain", resolve)), this.answer]);
    }
  }

  /** Ends this side, and resolves as `answer`. */
  end(): Promise<string> {
    this.socket.end();
    return this.answer;
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}
