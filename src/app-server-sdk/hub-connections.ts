import type { HubConnection } from "./hub-connection.ts";
import type { ServerConnection } from "./server-connection.ts";

/** The clients of this app server. */
export class HubConnections {
  readonly #byId = new Map<string, HubConnection>();
  readonly #counts = new Map<ServerConnection, number>();
  #ending = 0;

  /** Clients that are gone and for which something still runs. */
  get ending(): number {
    return this.#ending;
  }

  /** All, to be gone through while some leave. */
  all(): Iterable<HubConnection> {
    return this.#byId.values();
  }

  /** How many there are, of one server connection or in all. */
  count(server?: ServerConnection): number {
    return server === undefined ? this.#byId.size : (this.#counts.get(server) ?? 0);
  }

  /** The client, if it is one of this server connection, or of any. */
  get(connectionId: string, server?: ServerConnection): HubConnection | undefined {
    const connection = this.#byId.get(connectionId);
    return server === undefined || connection?.server === server ? connection : undefined;
  }

  add(connection: HubConnection): void {
    this.#byId.set(connection.connectionId, connection);
    this.#count(connection.server, 1);
  }

  /** @param done when nothing runs for it any more */
  remove(connection: HubConnection, done: Promise<void>): void {
    if (this.#byId.get(connection.connectionId) !== connection) return;
    this.#byId.delete(connection.connectionId);
    this.#count(connection.server, -1);
    this.#ending++;
    void done.then(() => {
      this.#ending--;
    });
  }

  #count(server: ServerConnection, change: number): void {
    const count = this.count(server) + change;
    if (count === 0) this.#counts.delete(server);
    else this.#counts.set(server, count);
  }
}
