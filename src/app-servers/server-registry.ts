import { ConnectionType, MigrationLevel } from "../protocol/service-message.ts";
import type { ServerConnection } from "./server-connection.ts";

/** Which app server a client wants, as its token says; docs/spec/service-protocol.md §2.4. */
export interface StickyServer {
  readonly serverId: string;
  readonly isRequired: boolean;
}

/** What matters of a client that looks for an app server. */
export interface Placeable {
  /** It has stateful reconnect, which not every app server allows. */
  readonly isStateful: boolean;
}

const ANY_CLIENT: Placeable = { isStateful: false };

/** The server connections of one hub, by their app servers. */
export class HubServers {
  readonly #servers = new Map<string, Set<ServerConnection>>();

  get isEmpty(): boolean {
    return this.#servers.size === 0;
  }

  /** Ids of app servers that have a connection. */
  get serverIds(): Iterable<string> {
    return this.#servers.keys();
  }

  *[Symbol.iterator](): Iterator<ServerConnection> {
    for (const connections of this.#servers.values()) yield* connections;
  }

  add(connection: ServerConnection): void {
    const connections = this.#servers.get(connection.serverId);
    if (connections === undefined) this.#servers.set(connection.serverId, new Set([connection]));
    else connections.add(connection);
  }

  /** @returns whether its app server has no other */
  remove(connection: ServerConnection): boolean {
    const connections = this.#servers.get(connection.serverId);
    if (!connections?.delete(connection) || connections.size > 0) return false;
    this.#servers.delete(connection.serverId);
    return true;
  }

  /** Whether clients can come. */
  get takesClients(): boolean {
    for (const connection of this) if (connection.takesClients) return true;
    return false;
  }

  /** Whether all that take clients allow them to keep their connection over lost sockets. */
  get allowsStatefulReconnect(): boolean {
    for (const connection of this)
      if (connection.takesClients && !connection.allowsStatefulReconnect) return false;
    return true;
  }

  /** Any connection of an app server, of whatever type. */
  connectionOf(serverId: string): ServerConnection | undefined {
    for (const connection of this.#servers.get(serverId) ?? []) return connection;
    return undefined;
  }

  /**
   * The server connection for a client: of the app server that it must or should have, else of the one with the fewest
   * clients; there, the connection with the fewest. docs/spec/service-protocol.md §4.6
   */
  choose(client: Placeable, sticky: StickyServer | undefined): ServerConnection | undefined {
    if (sticky !== undefined) {
      const { connection } = leastLoaded(this.#servers.get(sticky.serverId) ?? [], ANY_CLIENT);
      if (connection !== undefined || sticky.isRequired) return connection;
    }
    return this.#chooseAny(client);
  }

  /** The server connection that a client may move to from this one. */
  chooseOther(than: ServerConnection, client: Placeable): ServerConnection | undefined {
    return this.#chooseAny(client, than.serverId);
  }

  #chooseAny(client: Placeable, excludedServerId?: string): ServerConnection | undefined {
    let best: ServerConnection | undefined;
    let fewest = Infinity;
    for (const [serverId, connections] of this.#servers) {
      if (serverId === excludedServerId) continue;
      const { connection, clients } = leastLoaded(connections, client);
      if (connection === undefined || clients >= fewest) continue;
      best = connection;
      fewest = clients;
    }
    // An app server that does not allow it may still take such a client's handshake.
    return best === undefined && client.isStateful ? this.#chooseAny(ANY_CLIENT, excludedServerId) : best;
  }
}

/** The connection with the fewest clients of those that take such a client, and how many clients they all have. */
function leastLoaded(
  connections: Iterable<ServerConnection>,
  { isStateful }: Placeable,
): { connection: ServerConnection | undefined; clients: number } {
  let best: ServerConnection | undefined;
  let clients = 0;
  for (const connection of connections) {
    clients += connection.clients;
    if (!connection.takesClients || (isStateful && !connection.allowsStatefulReconnect)) continue;
    if (best === undefined || connection.clients < best.clients) best = connection;
  }
  return { connection: best, clients };
}

/** What an app server said of a connection when it was made. */
export interface ServerHandshake {
  readonly connectionType: number;
  readonly migrationLevel: number;
  readonly allowStatefulReconnects: boolean;
}

/** Whether a connection of this type may be given clients. */
export function isForClients(connectionType: number): boolean {
  return connectionType === ConnectionType.default || connectionType === ConnectionType.onDemand;
}

/** Whether clients may move when the app server goes. */
export function mayMigrate(migrationLevel: number, isLost: boolean): boolean {
  return migrationLevel >= (isLost ? MigrationLevel.any : MigrationLevel.shutdownOnly);
}
