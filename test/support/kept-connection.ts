import { Agent, type IncomingMessage, request } from "node:http";
import { type Answer, type CallOptions, readAnswer } from "./http-call.ts";
import type { TestHubwire } from "./start-hubwire.ts";

/** One connection for several requests, one after the other. The client never lets it go by itself. */
export class KeptConnection implements Disposable {
  readonly #hubwire: TestHubwire;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });

  constructor(hubwire: TestHubwire) {
    this.#hubwire = hubwire;
  }

  async call(method: string, path: string, { headers = {}, body }: CallOptions = {}): Promise<Answer> {
    const { port } = this.#hubwire;
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    request({ port, agent: this.#agent, method, path, headers }, resolve).on("error", reject).end(body);
    return readAnswer(await promise);
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}
