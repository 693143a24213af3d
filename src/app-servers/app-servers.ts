import { claimValue } from "../auth/inbound-claims.ts";
import type { Clock } from "../core/clock.ts";
import { closedByCaller } from "../core/close-reasons.ts";
import { NOBODY } from "../core/delivery.ts";
import type { EmitEvent } from "../core/events.ts";
import type { HubRequest } from "../core/hub-request.ts";
import type { ClientIdentity } from "../core/identity.ts";
import type { RelayBackend, RelayLine, RelayOpening } from "../core/ports.ts";
import { ConnectionType, type ServiceMessage } from "../protocol/service-message.ts";
import type { UnknownServiceMessage } from "../protocol/service-protocol.ts";
import { refuseUpgrade, type Upgrade } from "../websocket/upgrade.ts";
import { ClientLine } from "./client-line.ts";
import { ClientResults } from "./client-results.ts";
import { Departures } from "./departures.ts";
import { answerPing, type PingFacts, Stamps } from "./ping-dialogue.ts";
import type { ServerAdmission } from "./server-admission.ts";
import { ServerConnection, type ServerContext } from "./server-connection.ts";
import { HubServers, isForClients, mayMigrate, type StickyServer } from "./server-registry.ts";
import { ServerRequests, type ServerRequestsOptions } from "./server-requests.ts";

/** How app servers are limited, in bytes, counts and milliseconds. */
export interface AppServerLimits {
  readonly maxServiceMessageBytes: number;
  readonly maxServerBufferedBytes: number;
  readonly maxServerConnections: number;
  readonly maxPendingInvocations: number;
}

/** What app servers need of the rest of the node. */
export interface AppServersOptions extends Omit<ServerRequestsOptions, "failed" | "dropped"> {
  readonly clock: Clock;
  readonly emit: EmitEvent;
  readonly limits: AppServerLimits;
  readonly timeouts: ServerContext["timeouts"] & { readonly serverResultMs: number };
  readonly schedule: (flush: () => void) => void;
  /** Unguessable, another one for each start. */
  readonly instanceId: string;
  /** Whether hubs may have app servers for their clients; else they may only send. */
  readonly takesClients: boolean;
  /** Clients of the whole node, and of one hub. */
  readonly countClients: (hub?: string) => number;
}

const NO_SERVER = "No app server is currently connected to the service.";

/**
 * All app servers of this node: their connections by hub, the clients that are on them, and what they ask for.
 * docs/spec/service-protocol.md
 */
export class AppServers {
  readonly #options: AppServersOptions;
  readonly #hubs = new Map<string, HubServers>();
  /** Those whose sockets are not gone yet, too. */
  readonly #connections = new Set<ServerConnection>();
  readonly #context: ServerContext;
  readonly #results: ClientResults;
  readonly #departures: Departures;
  readonly #told = new WeakMap<ServerConnection, Set<string>>();
  readonly #requests: ServerRequests;
  readonly #stamps = new Stamps();
  #open = 0;

  constructor(options: AppServersOptions) {
    this.#options = options;
    const { clock, limits, timeouts, schedule } = options;
    this.#context = {
      clock,
      limits,
      timeouts,
      schedule,
      refusal: (connection) => this.#refusal(connection),
      opened: (connection) => this.#opened(connection),
      received: (connection, message) => this.#received(connection, message),
      closed: (connection, reason) => this.#closed(connection, reason),
      failed: (connection, error) => this.#failed(connection, error),
    };
    this.#requests = new ServerRequests({
      ...options,
      failed: (connection, error) => this.#failed(connection, error),
      dropped: (connection, reason) => this.#dropped(connection, reason),
    });
    this.#results = new ClientResults({
      router: options.router,
      clock,
      emit: options.emit,
      instanceId: options.instanceId,
      timeoutMs: timeouts.serverResultMs,
      maxPending: limits.maxPendingInvocations,
      lineOf: (hub, connectionId) => this.#lineOf(hub, connectionId),
      connectionOf: (hub, serverId) => this.#hubs.get(hub)?.connectionOf(serverId),
    });
    this.#departures = new Departures(
      (line) => this.#hubs.get(line.server.hub)?.chooseOther(line.server, line),
      options.emit,
    );
  }

  /** Open server connections, and what app servers wait for from clients. */
  get size(): { serverConnections: number; serverInvocations: number } {
    return { serverConnections: this.#open, serverInvocations: this.#results.size };
  }

  get isFull(): boolean {
    return this.#connections.size >= this.#options.limits.maxServerConnections;
  }

  /** The backend for clients of a hub that has an app server for them now. */
  backendOf(hub: string): RelayBackend | undefined {
    const servers = this.#hubs.get(hub);
    if (servers === undefined || !servers.takesClients) return undefined;
    return {
      takes: "bytes",
      allowsStatefulReconnect: servers.allowsStatefulReconnect,
      open: (opening) => this.#openLine(hub, opening),
    };
  }

  /** Answers an upgrade request of an app server. */
  accept(admission: ServerAdmission, request: HubRequest, upgrade: Upgrade): void {
    const admitted = admission.admit(request, upgrade);
    const connect = (result: Awaited<typeof admitted>): void => {
      if ("status" in result) return refuseUpgrade(upgrade.socket, result);
      this.#connections.add(new ServerConnection(this.#context, result, upgrade));
    };
    if (!("then" in admitted)) return connect(admitted);
    // Its socket has no other listener until then.
    const lost = (): void => {};
    upgrade.socket.on("error", lost);
    void admitted.then((result) => {
      upgrade.socket.off("error", lost);
      connect(result);
    });
  }

  /** Everything that happens by time; called about once a second. */
  tick(nowMs: number): void {
    for (const connection of this.#connections) {
      if (connection.isGone) this.#connections.delete(connection);
      else connection.tick(nowMs);
    }
    this.#departures.tick(nowMs);
    this.#results.tick(nowMs);
  }

  /** Ends all server connections after what was sent. */
  close(): void {
    for (const connection of this.#connections) connection.close("The service stops.");
    this.#results.clear();
  }

  /** Drops what is left. */
  destroy(): void {
    for (const connection of this.#connections) connection.destroy();
    this.#connections.clear();
    this.#results.clear();
  }

  /** A fault of the service. */
  #failed({ hub, serverId }: ServerConnection, error: unknown): void {
    this.#options.emit({ name: "server.failed", hub, serverId, error });
  }

  /** A message was dropped; told once for each reason and connection. */
  #dropped(connection: ServerConnection, reason: string): void {
    const told = this.#told.get(connection) ?? new Set();
    this.#told.set(connection, told);
    if (told.has(reason) || told.size >= 16) return;
    told.add(reason);
    const { hub, serverId } = connection;
    this.#options.emit({ name: "server.message_dropped", hub, serverId, reason });
  }

  #openLine(hub: string, opening: RelayOpening): RelayLine | { readonly refused: string } {
    const sticky = stickyOf(opening.client.origin.identity);
    const server = this.#hubs.get(hub)?.choose(opening, sticky);
    if (server === undefined) return { refused: NO_SERVER };
    return new ClientLine(server, opening, {
      results: this.#results,
      nowMs: () => this.#options.clock.monotonicMs(),
      maxMessageBytes: this.#options.limits.maxServiceMessageBytes,
    });
  }

  #lineOf(hub: string, connectionId: string): ClientLine | undefined {
    for (const connection of this.#hubs.get(hub) ?? []) {
      const line = connection.lines.get(connectionId);
      if (line !== undefined) return line;
    }
    return undefined;
  }

  #refusal(connection: ServerConnection): string | undefined {
    const { type } = connection;
    if (!isForClients(type) && type !== ConnectionType.weak) return `Connection type ${type} is not known.`;
    if (isForClients(type) && !this.#options.takesClients)
      return "The service is in serverless mode and takes no app servers; its mode must be 'auto' or 'default'.";
    return undefined;
  }

  #opened(connection: ServerConnection): void {
    const { hub, serverId, connectionId: serverConnectionId, userAgent, type } = connection;
    let servers = this.#hubs.get(hub);
    if (servers === undefined) {
      servers = new HubServers();
      this.#hubs.set(hub, servers);
    }
    servers.add(connection);
    this.#open++;
    const typeName = (["default", "onDemand", "weak"] as const)[type] ?? "default";
    this.#options.emit({
      name: "server.connected",
      hub,
      serverId,
      serverConnectionId,
      type: typeName,
      userAgent,
    });
  }

  #closed(connection: ServerConnection, reason: string): void {
    const { hub, serverId, connectionId: serverConnectionId, clients } = connection;
    if (!connection.wasOpened)
      return this.#options.emit({ name: "server.refused", hub, status: 101, reason });
    this.#open--;
    const servers = this.#hubs.get(hub);
    const wasLast = servers?.remove(connection) ?? false;
    if (servers?.isEmpty) this.#hubs.delete(hub);
    this.#options.emit({ name: "server.disconnected", hub, serverId, serverConnectionId, clients, reason });
    this.#departures.forget(connection);
    const mayMove = mayMigrate(connection.migrationLevel, true);
    for (const line of connection.lines.values()) {
      const to = mayMove && line.canMigrate ? servers?.chooseOther(connection, line) : undefined;
      if (to === undefined) line.serverLost();
      else line.migrate(to, true);
    }
    if (wasLast) this.#results.serverGone(hub, serverId);
  }

  #received(
    connection: ServerConnection,
    message: ServiceMessage | UnknownServiceMessage,
  ): Promise<void> | undefined {
    switch (message.type) {
      case "connectionData":
        connection.lines.get(message.connectionId)?.received(message);
        return undefined;
      case "closeConnection":
        return this.#close(connection, message);
      case "ping": {
        const shutdown = answerPing(connection, message.pairs, () => this.#pingFacts(connection.hub));
        if (shutdown !== undefined) this.#departures.begin(connection, shutdown);
        return undefined;
      }
      case "clientInvocation":
        this.#results.invoke(connection, message);
        return undefined;
      case "clientCompletion":
        this.#results.completed(connection, message);
        return undefined;
      case "errorCompletion":
        this.#results.failed(connection, message);
        return undefined;
      case "connectionFlowControl":
        return undefined; // We never ask for it, so nothing is to be answered.
      case "unknown":
        this.#dropped(connection, `Messages of type ${message.id} are not known.`);
        return undefined;
      default: {
        const work = this.#requests.take(connection, message);
        if (work === undefined)
          this.#dropped(connection, `A message '${message.type}' is not for the service.`);
        return work;
      }
    }
  }

  /** Its own client has been told by the app server itself; any other is closed as by REST. */
  #close(
    connection: ServerConnection,
    { connectionId, error }: Extract<ServiceMessage, { type: "closeConnection" }>,
  ): Promise<void> | undefined {
    const own = connection.lines.get(connectionId);
    if (own !== undefined) {
      own.closedByServer(error);
      return undefined;
    }
    const reason = closedByCaller(error === "" ? undefined : error);
    return this.#options.router
      .close(connection.hub, { to: "connection", connectionId }, NOBODY, reason)
      .then(
        () => {},
        (cause: unknown) => this.#failed(connection, cause),
      );
  }

  #pingFacts(hub: string): PingFacts {
    const { countClients, clock } = this.#options;
    return {
      servers: this.#hubs.get(hub) ?? new HubServers(),
      hubClients: countClients(hub),
      clients: countClients(),
      serverConnections: this.#open,
      stamps: this.#stamps,
      nowMs: clock.epochMs(),
    };
  }
}

/** Which app server the client's token asks for, docs/spec/service-protocol.md §2.4. */
function stickyOf({ claims }: ClientIdentity): StickyServer | undefined {
  const mode = claimValue(claims, "asrs.s.ssticky");
  const serverId = claimValue(claims, "asrs.s.sn");
  if (serverId === undefined || (mode !== "Preferred" && mode !== "Required")) return undefined;
  return { serverId, isRequired: mode === "Required" };
}
