import {
  DefaultHttpClient,
  type HttpRequest,
  HttpResponse,
  HttpTransportType,
  type HubConnection,
  HubConnectionBuilder,
  LogLevel,
  NullLogger,
} from "@microsoft/signalr";
import { MessagePackHubProtocol } from "@microsoft/signalr-protocol-msgpack";

/** Where and as whom a client connects; the app server takes any name. */
export interface ConnectionOptions {
  readonly url: string;
  readonly transport: string;
  readonly protocol: string;
  readonly user?: object;
  /** Asks for stateful reconnect. */
  readonly isStateful?: boolean;
  /** What the service's address becomes, for a proxy before it. */
  readonly reroute?: (serviceUrl: URL) => Promise<URL>;
}

/** A connection of Microsoft's JavaScript client by way of an app server, not yet started. */
export function connectionTo(path: string, options: ConnectionOptions): HubConnection {
  const { url, transport, protocol, user, isStateful = false, reroute } = options;
  const token = user && Buffer.from(JSON.stringify(user)).toString("base64url");
  const builder = new HubConnectionBuilder()
    .withUrl(url + path, {
      transport: transports[transport] ?? HttpTransportType.None,
      ...(token === undefined ? {} : { accessTokenFactory: () => token }),
      ...(reroute === undefined ? {} : { httpClient: new Rerouting(reroute) }),
    })
    .configureLogging(LogLevel.None);
  if (protocol === "messagepack") builder.withHubProtocol(new MessagePackHubProtocol());
  if (isStateful) builder.withStatefulReconnect();
  return builder.build();
}

/** Ends the process with 1 when its work takes too long; `at` says how far it is. */
export function endAfter(timeoutMs: number, at: () => string): void {
  setTimeout(() => {
    console.error(`no end of ${at()} after ${timeoutMs} ms`);
    process.exit(1);
  }, timeoutMs).unref();
}

const transports: Readonly<Record<string, HttpTransportType>> = {
  WebSockets: HttpTransportType.WebSockets,
  ServerSentEvents: HttpTransportType.ServerSentEvents,
  LongPolling: HttpTransportType.LongPolling,
};

/** Sends a client that is sent on to the service elsewhere. */
class Rerouting extends DefaultHttpClient {
  readonly #reroute: (serviceUrl: URL) => Promise<URL>;

  constructor(reroute: (serviceUrl: URL) => Promise<URL>) {
    super(NullLogger.instance);
    this.#reroute = reroute;
  }

  override async send(request: HttpRequest): Promise<HttpResponse> {
    const response = await super.send(request);
    if (!request.url?.includes("/negotiate") || typeof response.content !== "string") return response;
    const answer = JSON.parse(response.content) as { url?: string };
    if (answer.url === undefined) return response;
    const url = (await this.#reroute(new URL(answer.url))).href;
    return new HttpResponse(
      response.statusCode,
      response.statusText ?? "",
      JSON.stringify({ ...answer, url }),
    );
  }
}
