import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

/** One call that a webhook got. */
export interface UpstreamRequest {
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly event: string;
  readonly connectionId: string;
}

export type Answer = (response: ServerResponse, request: UpstreamRequest) => void;

/** A webhook of a test: it writes down what it is told, and answers as the test says; else 204. */
export class UpstreamServer implements AsyncDisposable {
  readonly requests: UpstreamRequest[] = [];
  answer: Answer = (response) => void response.writeHead(204).end();
  readonly #server = createServer((request, response) => void this.#take(request, response));
  readonly #sockets = new Set<Socket>();
  readonly #waiting = new Set<() => void>();

  /** @param port default: any free one */
  static async start(answer?: Answer, port = 0): Promise<UpstreamServer> {
    const upstream = new UpstreamServer();
    if (answer !== undefined) upstream.answer = answer;
    upstream.#server.on("connection", (socket: Socket) => {
      upstream.#sockets.add(socket);
      socket.on("close", () => upstream.#sockets.delete(socket));
    });
    upstream.#server.listen(port, "127.0.0.1");
    await once(upstream.#server, "listening");
    return upstream;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#sockets.size;
  }

  get events(): string[] {
    return this.requests.map(({ event }) => event);
  }

  /** Resolves once it was called so often. */
  async called(count: number): Promise<void> {
    while (this.requests.length < count) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.add(resolve);
      await promise;
    }
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on("error", () => {});
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const { url = "", headers } = request;
    const taken = {
      url,
      headers,
      body: Buffer.concat(chunks),
      event: String(headers["x-asrs-event"]),
      connectionId: String(headers["x-asrs-connection-id"]),
    };
    this.requests.push(taken);
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
    this.answer(response, taken);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }
}

/** Answers an invocation of a JSON client with a result. */
export function jsonResult(response: ServerResponse, { body }: UpstreamRequest, result: unknown): void {
  const { invocationId } = JSON.parse(body.toString()) as { invocationId?: string };
  if (invocationId === undefined) response.writeHead(204).end();
  else response.end(`${JSON.stringify({ type: 3, invocationId, result })}\x1e`);
}
