import {
  HttpTransportType,
  type HubConnection,
  HubConnectionBuilder,
  type IHubProtocol,
  JsonHubProtocol,
  LogLevel,
} from "@microsoft/signalr";
import { MessagePackHubProtocol } from "@microsoft/signalr-protocol-msgpack";
import type { ClientTokenOptions, TestHubwire } from "./start-hubwire.ts";

/** Every way in which Microsoft's JavaScript client connects. Event streams cannot carry MessagePack. */
export const waysToConnect = [
  { transport: "WebSockets", protocol: "json" },
  { transport: "WebSockets", protocol: "messagepack" },
  { transport: "ServerSentEvents", protocol: "json" },
  { transport: "LongPolling", protocol: "json" },
  { transport: "LongPolling", protocol: "messagepack" },
] as const;

export interface SignalRClientOptions extends ClientTokenOptions {
  /** Where the service is reached, if not directly. */
  readonly url?: string;
  /** In place of one that the access key signs. */
  readonly token?: string;
  readonly transport?: keyof typeof HttpTransportType;
  readonly protocol?: "json" | "messagepack";
  readonly skipNegotiation?: boolean;
  readonly automaticReconnect?: boolean;
  readonly statefulReconnect?: boolean;
}

/** A connection of Microsoft's JavaScript client, not yet started. */
export function signalrClient(hubwire: TestHubwire, options: SignalRClientOptions = {}): HubConnection {
  const { transport = "WebSockets", protocol = "json", skipNegotiation = false, hub, url } = options;
  const protocols: Record<string, IHubProtocol> = {
    json: new JsonHubProtocol(),
    messagepack: new MessagePackHubProtocol(),
  };
  const builder = new HubConnectionBuilder()
    .withUrl(url ? `${url}/client/?hub=${hub ?? "chat"}` : hubwire.clientUrl(hub), {
      transport: HttpTransportType[transport],
      skipNegotiation,
      accessTokenFactory: () => options.token ?? hubwire.clientToken(options),
    })
    .withHubProtocol(protocols[protocol] as IHubProtocol)
    .configureLogging(LogLevel.None);
  if (options.automaticReconnect) builder.withAutomaticReconnect([0, 0, 0]);
  if (options.statefulReconnect) builder.withStatefulReconnect({ bufferSize: 100_000 });
  return builder.build();
}

/** The arguments of the next `count` invocations of a method on this client, from now on. */
export function received(client: HubConnection, method: string, count: number): Promise<unknown[][]> {
  return new Promise((resolve) => {
    const calls: unknown[][] = [];
    const listen = (...args: unknown[]): void => {
      calls.push(args);
      if (calls.length < count) return;
      client.off(method, listen);
      resolve(calls);
    };
    client.on(method, listen);
  });
}

/** When the client closes, and why. */
export function closed(client: HubConnection): Promise<Error | undefined> {
  return new Promise((resolve) => client.onclose(resolve));
}
