import { randomUUID } from "node:crypto";
import { mintToken } from "../auth/token.ts";
import { ConnectionType, MigrationLevel } from "../protocol/service-message.ts";
import { backOffMs } from "./back-off.ts";
import type { EmitAppServerEvent } from "./events.ts";
import { type FromService, ServerConnection, type ServerConnectionHandler } from "./server-connection.ts";
import type { SocketEnd } from "./service-socket.ts";
import type { Settings } from "./settings.ts";

const TOKEN_LIFETIME_SECONDS = 3_600;
const USER_AGENT = "hubwire-app-server";

/** Whom the connections tell; also that their set has changed. */
export interface ServerConnectionsHandler {
  onMessage(connection: ServerConnection, message: FromService): void;
  /** A connection that was ready is lost. */
  onLost(connection: ServerConnection): void;
  /** Clients of one connection, or of all. */
  countClients(connection?: ServerConnection): number;
  readonly emit: EmitAppServerEvent;
}

/** A place for a server connection that is filled again whenever it is empty. */
interface Slot {
  connection: ServerConnection | undefined;
  /** In a row. */
  failures: number;
  retryAtMs: number;
}

/**
 * The server connections of an app server: a fixed number that is opened again and again, and those that the service asks for,
 * docs/spec/service-protocol.md §4.1 and §4.3.
 */
export class ServerConnections {
  readonly #settings: Settings;
  readonly #handler: ServerConnectionsHandler;
  readonly #slots: Slot[] = [];
  readonly #onDemand = new Set<ServerConnection>();
  readonly #ready = new Set<ServerConnection>();
  #isStopping = false;
  #starting: PromiseWithResolvers<void> | undefined;
  #stopped: PromiseWithResolvers<void> | undefined;

  constructor(settings: Settings, handler: ServerConnectionsHandler) {
    this.#settings = settings;
    this.#handler = handler;
  }

  /** Those that the service has accepted, the oldest first. */
  get ready(): ReadonlySet<ServerConnection> {
    return this.#ready;
  }

  /** The one for what belongs to no client: always the same, while it lives, so that all of that stays in order. */
  get primary(): ServerConnection | undefined {
    for (const connection of this.#ready) if (connection.isUsable) return connection;
    return undefined;
  }

  /**
   * Opens the fixed connections; resolves when all of them have been accepted.
   * @throws {Error} when the service refuses the access key, or they are closed meanwhile
   */
  open(): Promise<void> {
    this.#starting = Promise.withResolvers<void>();
    for (let index = 0; index < this.#settings.connections; index++) {
      const slot: Slot = { connection: undefined, failures: 0, retryAtMs: 0 };
      this.#slots.push(slot);
      this.#fill(slot);
    }
    return this.#starting.promise;
  }

  /** Opens one more, to a certain instance of the service. */
  openTo(target: string): void {
    const count = this.#slots.length + this.#onDemand.size;
    if (this.#isStopping || count >= this.#settings.maxConnections) return;
    const connection = this.#connect(target, {
      onReady: (ready) => this.#accepted(ready),
      onMessage: (from, message) => this.#handler.onMessage(from, message),
      onClosed: (closed, end) => {
        this.#onDemand.delete(closed);
        this.#closed(closed, end, undefined);
      },
    });
    this.#onDemand.add(connection);
  }

  /** Opens no more connections. */
  stopOpening(): void {
    this.#isStopping = true;
    this.#starting?.reject(new Error("The app server was stopped."));
    this.#starting = undefined;
  }

  /** Closes all after what was sent; resolves when nothing of them is left. */
  async close(): Promise<void> {
    this.stopOpening();
    this.#stopped = Promise.withResolvers<void>();
    for (const connection of this.#all()) connection.close("The app server stops.");
    this.#checkStopped();
    await this.#stopped.promise;
  }

  /** To be called about once a second. */
  tick(nowMs: number): void {
    for (const connection of this.#all()) connection.tick(nowMs);
    if (this.#isStopping) return;
    for (const slot of this.#slots)
      if (slot.connection === undefined && nowMs >= slot.retryAtMs) this.#fill(slot);
  }

  #all(): ServerConnection[] {
    const fixed = this.#slots.flatMap(({ connection }) => connection ?? []);
    return [...fixed, ...this.#onDemand];
  }

  #fill(slot: Slot): void {
    slot.connection = this.#connect("", {
      onReady: (ready) => {
        slot.failures = 0;
        this.#accepted(ready);
      },
      onMessage: (from, message) => this.#handler.onMessage(from, message),
      onClosed: (closed, end) => this.#emptied(slot, closed, end),
    });
  }

  #emptied(slot: Slot, closed: ServerConnection, end: SocketEnd): void {
    slot.connection = undefined;
    const delayMs = backOffMs(++slot.failures, Math.random());
    slot.retryAtMs = this.#settings.clock.monotonicMs() + delayMs;
    if (end.status === 401 || end.status === 403)
      this.#starting?.reject(new Error(`The service refuses the access key: ${end.reason}`));
    this.#closed(closed, end, this.#isStopping ? undefined : delayMs);
  }

  #accepted(connection: ServerConnection): void {
    this.#ready.add(connection);
    this.#handler.emit({ name: "server_connection.opened", id: connection.id });
    if (this.#ready.size < this.#settings.connections) return;
    this.#starting?.resolve();
    this.#starting = undefined;
  }

  #closed(connection: ServerConnection, { reason, status }: SocketEnd, retryMs: number | undefined): void {
    this.#handler.emit({
      name: "server_connection.closed",
      id: connection.id,
      reason,
      ...(status !== undefined && { status }),
      ...(retryMs !== undefined && { retryMs }),
    });
    if (this.#ready.delete(connection)) this.#handler.onLost(connection);
    this.#checkStopped();
  }

  #checkStopped(): void {
    if (this.#all().length === 0) this.#stopped?.resolve();
  }

  #connect(target: string, handler: ServerConnectionHandler): ServerConnection {
    const { connection, hub, serverName, shutdown, statefulReconnect, clock } = this.#settings;
    const id = randomUUID();
    const path = `server/?hub=${encodeURIComponent(hub)}`;
    const towards = target === "" ? "" : `&target=${encodeURIComponent(target)}`;
    const token = mintToken({
      accessKey: connection.accessKey,
      audience: `${connection.audienceBase}${path}`,
      lifetimeSeconds: TOKEN_LIFETIME_SECONDS,
      nowMs: clock.epochMs(),
      claims: { nameid: serverName },
    });
    return new ServerConnection({
      id,
      url: new URL(`${connection.serverBase.replace(/^http/, "ws")}${path}&cid=${id}${towards}`),
      headers: {
        Authorization: `Bearer ${token}`,
        "X-ASRS-Server-Id": serverName,
        "Asrs-User-Agent": USER_AGENT,
        "X-Requested-With": "XMLHttpRequest",
      },
      handshake: {
        connectionType: target === "" ? ConnectionType.default : ConnectionType.onDemand,
        target,
        migrationLevel: shutdown === "migrate" ? MigrationLevel.shutdownOnly : MigrationLevel.off,
        allowStatefulReconnects: statefulReconnect,
      },
      nowMs: clock.monotonicMs(),
      pingPairs: (from) => [
        ["#clientInHub", String(this.#handler.countClients())],
        ["#client", String(this.#handler.countClients(from))],
      ],
      handler,
    });
  }
}
