import type { ServiceMessage } from "../protocol/service-message.ts";
import { Acks } from "./acks.ts";
import { type Clients, clientsBy } from "./audience.ts";
import { ClientResults } from "./client-results.ts";
import { type EmitAppServerEvent, emitTo } from "./events.ts";
import { HubConnection, type HubConnectionOptions } from "./hub-connection.ts";
import { HubConnections } from "./hub-connections.ts";
import { HubPost } from "./hub-post.ts";
import {
  type Closing,
  closingBy,
  type Existence,
  existenceBy,
  type Groups,
  groupsBy,
  type Member,
  membersBy,
  type UserGroups,
  userGroupsBy,
} from "./memberships.ts";
import {
  type Authenticate,
  type NegotiateAnswer,
  type NegotiateHandler,
  type NegotiateRequest,
  negotiateAnswer,
  negotiateHandler,
} from "./negotiate.ts";
import { headerValues, type OpenConnection } from "./open-request.ts";
import { Sender } from "./sender.ts";
import type { FromService, ServerConnection } from "./server-connection.ts";
import { ServerConnections } from "./server-connections.ts";
import { type AppServerOptions, readSettings, type Settings } from "./settings.ts";
import { Shutdown } from "./shutdown.ts";

const TICK_MS = 1_000;
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** An app server of a hub. Has one life: it is started once and stopped once. */
export class AppServer implements AsyncDisposable {
  readonly clients: Clients;
  readonly groups: Groups;
  readonly userGroups: UserGroups;
  readonly exists: Existence;
  readonly close: Closing;
  readonly #settings: Settings;
  readonly #emit: EmitAppServerEvent;
  readonly #acks = new Acks();
  readonly #results: ClientResults;
  readonly #sender: Sender;
  readonly #connections: ServerConnections;
  readonly #hubConnections = new HubConnections();
  readonly #shared: HubConnectionOptions;
  #starting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;
  #shutdown: Shutdown | undefined;
  #sweep: Disposable | undefined;
  #keepAlive: NodeJS.Timeout | undefined;

  /** @throws {ConnectionStringError} and {TypeError} for options that make no sense */
  constructor(options: AppServerOptions) {
    const settings = readSettings(options);
    this.#settings = settings;
    this.#emit = emitTo(options.log);
    this.#results = new ClientResults(settings.resultTimeoutMs);
    this.#connections = new ServerConnections(settings, {
      onMessage: (connection, message) => this.#receive(connection, message),
      onLost: (connection) => this.#lost(connection),
      countClients: (connection) => this.#hubConnections.count(connection),
      emit: this.#emit,
    });
    this.#sender = new Sender(this.#connections, this.#acks, settings.clock);
    this.clients = clientsBy(
      new HubPost({
        settings,
        sender: this.#sender,
        results: this.#results,
        hubConnections: this.#hubConnections,
      }),
    );
    this.groups = groupsBy(this.#sender);
    this.userGroups = userGroupsBy(this.#sender);
    this.exists = existenceBy(this.#sender);
    this.close = closingBy(this.#sender);
    this.#shared = {
      settings,
      sender: this.#sender,
      results: this.#results,
      clients: this.clients,
      groups: this.groups,
      emit: this.#emit,
      onClosed: (connection, done) => this.#closed(connection, done),
    };
  }

  /** The name that the service knows it by. */
  get serverName(): string {
    return this.#settings.serverName;
  }

  /** What is held at the moment; all zero after `stop`. */
  get size(): { readonly connections: number; readonly clients: number; readonly pending: number } {
    return {
      connections: this.#connections.ready.size,
      clients: this.#hubConnections.count(),
      pending: this.#acks.size + this.#results.size + this.#hubConnections.ending,
    };
  }

  /**
   * Connects to the service, and stays connected: a lost connection is opened again after 1, 2, 4 … 60 seconds. Resolves when all
   * server connections are up.
   * @throws {Error} when the service refuses the access key, or `stop` is called meanwhile
   */
  start(): Promise<void> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  /** Takes leave of the service as the option `shutdown` says, and ends; takes `shutdownTimeoutMs` at most. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /**
   * The answer that sends a client to the service, for an application's own negotiate endpoint.
   * @throws {TokenTooLongError} when the claims make more than 4096 characters of token
   */
  negotiate(request: NegotiateRequest = {}): NegotiateAnswer {
    return negotiateAnswer(this.#settings, request);
  }

  /**
   * A negotiate endpoint for node:http: clients use the URL that it is at, without `/negotiate`.
   * @param authenticate who asks; without it everybody is let in and nobody has a name
   * @example createServer(chat.negotiateHandler((request) => ({ userId: nameIn(request) })))
   */
  negotiateHandler(authenticate: Authenticate = () => ({})): NegotiateHandler {
    return negotiateHandler(this.#settings, authenticate, () => this.#connections.primary !== undefined);
  }

  /** The clients in a group, asked for page by page. */
  membersOf(group: string): AsyncGenerator<Member, void> {
    return membersBy(this.#sender, group);
  }

  async #start(): Promise<void> {
    if (this.#stopping !== undefined) throw new Error("The app server was stopped.");
    // Clocks keep no process alive, and neither does waiting for the service to come back.
    this.#keepAlive = setInterval(() => {}, LONGEST_TIMER_MS);
    this.#sweep = this.#settings.clock.every(TICK_MS, () => this.#tick());
    try {
      await this.#connections.open();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async #stop(): Promise<void> {
    this.#connections.stopOpening();
    const { shutdown: mode, shutdownTimeoutMs: timeoutMs, clock } = this.#settings;
    const shutdown = new Shutdown({ mode, clock, timeoutMs, connections: this.#connections.ready });
    this.#shutdown = shutdown;
    await shutdown.until(() => shutdown.isAcknowledged);
    await shutdown.until(() => this.#hubConnections.count() === 0);
    for (const connection of this.#hubConnections.all()) connection.closedByService("The app server stops.");
    await shutdown.until(() => this.#hubConnections.ending === 0);
    await this.#connections.close();
    this.#results.disconnected();
    this.#sweep?.[Symbol.dispose]();
    clearInterval(this.#keepAlive);
  }

  #tick(): void {
    const nowMs = this.#settings.clock.monotonicMs();
    this.#connections.tick(nowMs);
    this.#acks.tick(nowMs);
    this.#results.tick(nowMs);
    for (const connection of this.#hubConnections.all()) connection.tick(nowMs);
    this.#shutdown?.check();
  }

  #receive(from: ServerConnection, message: FromService): void {
    try {
      this.#take(from, message);
    } catch (error) {
      this.#emit({ name: "fault", error });
    }
  }

  #take(from: ServerConnection, message: FromService): void {
    switch (message.type) {
      case "connectionData":
        return this.#hubConnections
          .get(message.connectionId, from)
          ?.receive(message.payload, message.isPartial === true);
      case "openConnection":
        return this.#open(from, message);
      case "closeConnection":
        return this.#hubConnections
          .get(message.connectionId, from)
          ?.closedByService(isMigrating(message) ? "" : message.error);
      case "connectionReconnect":
        return this.#hubConnections.get(message.connectionId, from)?.reconnected();
      case "updateConnectionClaims":
        return this.#hubConnections.get(message.connectionId, from)?.renew(message.claims);
      case "ack":
        return this.#acks.take(message);
      case "clientInvocation":
        if (this.#hubConnections.get(message.connectionId, from) !== undefined)
          this.#results.route(message, this.#settings.clock.monotonicMs());
        return;
      case "clientCompletion":
        return this.#results.completed(message);
      case "errorCompletion":
        return this.#results.failed(message);
      case "serviceMapping":
        return this.#results.mapped(message.invocationId, message.instanceId);
      case "ping":
        return this.#takePing(from, message.pairs);
      case "serviceError":
        from.isSpoilt = message.message !== "";
        return this.#emit({ name: "service.error", id: from.id, message: message.message });
      case "handshakeResponse": // Asked for by nobody, or of a newer version
      case "accessKeyResponse":
      case "serviceEvent":
      case "connectionFlowControl":
      case "unknown":
    }
  }

  #takePing(from: ServerConnection, pairs: readonly (readonly [key: string, value: string])[]): void {
    for (const [key, value] of pairs) {
      if (key === "echo") from.send({ type: "ping", pairs });
      else if (key === "target") this.#connections.openTo(value);
      else if (key === "offline") this.#instanceLost(value);
      else if (key === "shutdown" && value === "finack") this.#shutdown?.settled(from);
    }
  }

  #open(from: ServerConnection, request: OpenConnection): void {
    // One that is still here was lost sight of: the service knows better.
    this.#hubConnections.get(request.connectionId)?.closedByService("The client has come again.");
    this.#hubConnections.add(new HubConnection(request, from, this.#shared));
  }

  /** An instance of the service has failed, with its clients; all of them where it has no name. */
  #instanceLost(instanceId: string): void {
    this.#results.instanceLost(instanceId);
    for (const connection of this.#hubConnections.all())
      if (instanceId === "" || connection.instanceId === instanceId)
        connection.closedByService("An instance of the service has failed.");
  }

  #lost(server: ServerConnection): void {
    this.#acks.lost(server);
    for (const connection of this.#hubConnections.all())
      if (connection.server === server) connection.closedByService("The server connection was lost.");
    if (this.#connections.ready.size === 0) this.#results.disconnected();
    this.#shutdown?.settled(server);
  }

  #closed(connection: HubConnection, done: Promise<void>): void {
    this.#hubConnections.remove(connection, done);
    void done.then(() => this.#shutdown?.check());
    this.#shutdown?.check();
  }
}

function isMigrating({ headers }: Extract<ServiceMessage, { type: "closeConnection" }>): boolean {
  return headerValues(headers, "Asrs-Migrate-To") !== undefined;
}
