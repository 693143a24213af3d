import { connect, type Socket } from "node:net";
import { settled } from "./http-call.ts";
import type { TestHubwire } from "./start-hubwire.ts";

/** A request that is not sent to its end yet, on a connection of its own. */
export class UnfinishedRequest {
  readonly #socket: Socket;
  readonly #answer: Promise<string>;

  private constructor(socket: Socket) {
    this.#socket = socket;
    let answer = "";
    socket.setEncoding("utf8").on("data", (text: string) => {
      answer += text;
    });
    socket.on("error", () => {});
    this.#answer = new Promise((resolve) => socket.once("close", () => resolve(answer)));
  }

  /** Sends its first bytes; resolves when the service has them. */
  static async begin(hubwire: TestHubwire, start: string): Promise<UnfinishedRequest> {
    const socket = connect(hubwire.port, "localhost");
    const request = new UnfinishedRequest(socket);
    await new Promise<void>((resolve) => socket.write(start, () => resolve()));
    await settled(hubwire);
    return request;
  }

  /** A post of `length` bytes of which only `start` is sent. */
  static beginPost(
    hubwire: TestHubwire,
    path: string,
    { length, start = "" }: { length: number; start?: string },
  ): Promise<UnfinishedRequest> {
    return UnfinishedRequest.begin(
      hubwire,
      `POST ${path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: ${length}\r\n\r\n${start}`,
    );
  }

  /** Sends the rest; resolves to the whole answer when the service has closed the connection. */
  finish(rest: string): Promise<string> {
    this.#socket.write(rest);
    return this.#answer;
  }

  /** Hangs up. */
  abort(): void {
    this.#socket.destroy();
  }
}
