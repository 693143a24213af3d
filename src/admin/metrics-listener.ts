import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, isIPv6 } from "node:net";
import type { EmitEvent } from "../core/events.ts";
import { MetricsListenError } from "./metrics-listen-error.ts";

const PATH = "/metrics";

/** More than all who scrape: further connections are dropped. */
export const MAX_METRICS_CONNECTIONS = 100;

/** Where metrics come from. */
export interface MetricsSource {
  readonly contentType: string;
  scrape(): Promise<string>;
}

export interface MetricsListenerOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly source: MetricsSource;
  readonly emit: EmitEvent;
}

/** Serves `GET /metrics`, and nothing else, on a port of its own. Whoever reaches it may ask. */
export class MetricsListener implements AsyncDisposable {
  /** Where metrics are. */
  readonly url: string;
  readonly #server: Server;

  private constructor(server: Server, url: string) {
    this.#server = server;
    this.url = url;
  }

  /**
   * Listens.
   * @throws {MetricsListenError} when it cannot
   */
  static async open({ host, port, source, emit }: MetricsListenerOptions): Promise<MetricsListener> {
    const server = createServer((request, response) => void answer(request, response, { source, emit }));
    server.maxConnections = MAX_METRICS_CONNECTIONS;
    try {
      server.listen(port, host);
      await once(server, "listening");
    } catch (cause) {
      throw new MetricsListenError({ host, port }, { cause });
    }
    const { port: taken } = server.address() as AddressInfo;
    return new MetricsListener(server, `http://${isIPv6(host) ? `[${host}]` : host}:${taken}${PATH}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}

async function answer(
  { method, url = "" }: IncomingMessage,
  response: ServerResponse,
  { source, emit }: Pick<MetricsListenerOptions, "source" | "emit">,
): Promise<void> {
  if (method !== "GET" || url.split("?", 1)[0] !== PATH) {
    response.writeHead(404).end();
    return;
  }
  try {
    const text = await source.scrape();
    response.writeHead(200, { "Content-Type": source.contentType }).end(text);
  } catch (error) {
    emit({ name: "metrics.failed", error });
    response.writeHead(500).end();
  }
}
