import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { type ConnectionString, parseConnectionString } from "../auth/connection-string.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { hubName, isHubName } from "../core/hub-name.ts";
import type { AppServerEvent } from "./events.ts";
import type { HubContext } from "./hub-context.ts";

/**
 * A method that clients may invoke. It gets the context, the client's arguments and behind them the streams that the client
 * sends, each an `AsyncIterable`; an async generator, or any other returned `AsyncIterable`, streams to the client.
 * Clients may write its name in any letter case. Parameters up to the first one with a default must be given.
 */
export type HubMethod = (context: HubContext, ...args: never[]) => unknown;

/** What becomes of clients when the app server stops: they are closed and may reconnect, stay until they go, or move to another one. */
export type ShutdownMode = "close" | "wait" | "migrate";

export interface AppServerOptions {
  /** `Endpoint=…;AccessKey=…;Version=1.0;` of Hubwire or of Azure SignalR Service. */
  readonly connectionString: string;
  /** What clients connect to; the same in all app servers of it, in any letter case. */
  readonly hub: string;
  /** Tells hubs of several applications on one service apart. */
  readonly applicationName?: string;
  readonly methods?: Readonly<Record<string, HubMethod>>;
  /** A client has come; it is heard once this is done. When it throws, the client is closed. */
  readonly connected?: (context: HubContext) => unknown;
  /** A client has gone, for a reason or as it wished; called after `connected` and its methods are done. */
  readonly disconnected?: (context: HubContext, error: Error | undefined) => unknown;
  /** The only one of its name; default: the machine's name and a random part. */
  readonly serverName?: string;
  /** Server connections that are kept open; default 5. */
  readonly connections?: number;
  /** Server connections with those that the service asks for; default 20. */
  readonly maxConnections?: number;
  /** How often clients are pinged; default 15 seconds. */
  readonly keepAliveMs?: number;
  /** How long a client that pings may be silent; default 30 seconds. */
  readonly clientTimeoutMs?: number;
  /** How long a client may take to begin; default 15 seconds. */
  readonly handshakeTimeoutMs?: number;
  /** How long a client may take to answer `invoke`; default 10 minutes, which is also what the service waits. */
  readonly resultTimeoutMs?: number;
  /** How long `stop` may take in all; default 30 seconds. */
  readonly shutdownTimeoutMs?: number;
  /** Tells clients the text of every error; default false. */
  readonly detailedErrors?: boolean;
  /** What one message of a client may have; default 32 KiB. Larger ones close the client. */
  readonly maxMessageBytes?: number;
  /** What may wait of one client, in messages and stream items; default 16 MiB. A client that sends more meanwhile is closed. */
  readonly maxQueuedBytes?: number;
  /** Streams, either way, that one client may have at once; default 1000. */
  readonly maxStreamsPerClient?: number;
  /** Invocations of one client that may run at once; default 1, which keeps them in order. Streams do not count. */
  readonly parallelInvocations?: number;
  /** Lets clients keep their connection over a lost socket; default false. */
  readonly statefulReconnect?: boolean;
  /** What becomes of clients when it stops; default `"close"`. */
  readonly shutdown?: ShutdownMode;
  /** The hub protocols that messages to many are encoded in; default both. Clients of another one are refused. */
  readonly protocols?: readonly ("json" | "messagepack")[];
  /** Told what happens, for a log. */
  readonly log?: (event: AppServerEvent) => void;
  /** For tests. */
  readonly clock?: Clock;
}

/** The options, with what is left out. */
export interface Settings
  extends Required<
    Omit<AppServerOptions, "connectionString" | "hub" | "applicationName" | "methods" | "log">
  > {
  readonly connection: ConnectionString;
  /** The full name. */
  readonly hub: string;
  /** By name in lower case. */
  readonly methods: ReadonlyMap<string, HubMethod>;
}

const WHOLE_NUMBERS = [
  "connections",
  "maxConnections",
  "keepAliveMs",
  "clientTimeoutMs",
  "handshakeTimeoutMs",
  "resultTimeoutMs",
  "shutdownTimeoutMs",
  "maxMessageBytes",
  "maxQueuedBytes",
  "maxStreamsPerClient",
  "parallelInvocations",
] as const satisfies (keyof AppServerOptions)[];

/**
 * @throws {ConnectionStringError}
 * @throws {TypeError} for any other option that makes no sense
 */
export function readSettings(options: AppServerOptions): Settings {
  const { connectionString, hub, applicationName, methods = {}, log: _log, ...others } = options;
  for (const name of [hub, ...(applicationName ? [applicationName] : [])])
    if (!isHubName(name)) throw new TypeError(`"${name}" is no name of a hub or an application.`);
  const settings: Settings = {
    serverName: `${hostname()}_${randomUUID().replaceAll("-", "")}`,
    connected: () => {},
    disconnected: () => {},
    connections: 5,
    maxConnections: Math.max(20, others.connections ?? 0),
    keepAliveMs: 15_000,
    clientTimeoutMs: 30_000,
    handshakeTimeoutMs: 15_000,
    resultTimeoutMs: 600_000,
    shutdownTimeoutMs: 30_000,
    detailedErrors: false,
    maxMessageBytes: 32 * 1024,
    maxQueuedBytes: Math.max(16 * 1024 * 1024, 2 * (others.maxMessageBytes ?? 0)),
    maxStreamsPerClient: 1_000,
    parallelInvocations: 1,
    statefulReconnect: false,
    shutdown: "close",
    protocols: ["json", "messagepack"],
    clock: systemClock,
    ...others,
    connection: parseConnectionString(connectionString),
    hub: hubName(hub, applicationName),
    methods: new Map(Object.entries(methods).map(([name, method]) => [name.toLowerCase(), method])),
  };
  for (const name of WHOLE_NUMBERS)
    if (!Number.isSafeInteger(settings[name]) || settings[name] < 1)
      throw new TypeError(`${name} must be a whole number above 0.`);
  if (settings.protocols.length === 0) throw new TypeError("protocols must not be empty.");
  return settings;
}
